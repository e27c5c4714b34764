# SPDX-License-Identifier: Apache-2.0
"""What is measured from outside: processor time, memory, the machine. And how the loads are started.

Processor time is that of the kernel's CPU clock of a process: user and system time of all its threads, as in
/proc/PID/stat, but in nanoseconds.
"""
import json
import os
import platform
import re
import subprocess
import time

from lib.world import TOOLS

PROXY_CPU, LOAD_CPU = 0, os.cpu_count() - 1


def cpu_ns(pids):
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime_ns((~pid << 3) | 2)
        except OSError:
            pass
    return total


def settled_ns(pids, seconds=10):
    """CPU of these processes once they rest: what a log still had to commit is in it."""
    end, before = time.monotonic() + seconds, cpu_ns(pids)
    while time.monotonic() < end:
        time.sleep(0.15)
        now = cpu_ns(pids)
        if now - before < 2_000_000:
            return now
        before = now
    return before


def pss_kib(pids):
    """Proportional set size: memory that several processes share counts once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
    return total


class pinned:
    """Processes started inside run on that processor; None: on any."""

    def __init__(self, cpu):
        self.cpus = set(range(os.cpu_count())) if cpu is None else {cpu}

    def __enter__(self):
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cpus)

    def __exit__(self, *error):
        os.sched_setaffinity(0, self.before)


def last_json(command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise SystemExit(f"{command[0]}: {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def benchload(mode, port, *words, cpu=LOAD_CPU):
    with pinned(cpu):
        return last_json([os.path.join(TOOLS, "benchload"), mode, "-p", port, "-h", "wallet.test", *words])


def h2run(port, host, path, *words):
    """One run of Debian's h2load, with a browser's fields: requests that were answered, and answers of each kind."""
    with pinned(LOAD_CPU):
        done = subprocess.run(["h2load", "-t1", "--npn-list=h2", *words,
                              "-H", "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                              "-H", "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                              "-H", "accept-language: en-US,en;q=0.9", "-H", "accept-encoding: gzip, deflate, br",
                              "-H", "sec-fetch-site: same-origin", "-H", "sec-fetch-mode: navigate",
                              f"--connect-to=127.0.0.1:{port}", f"https://{host}:{port}{path}"],
                             capture_output=True, text=True)
    out = done.stdout
    got = re.search(r"(\d+) succeeded, (\d+) failed", out)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx", out)
    if not got or not codes:
        raise SystemExit(f"h2load: {out}{done.stderr}")
    return {"answered": int(got.group(1)) + int(got.group(2)), "2xx": int(codes.group(1)), "3xx": int(codes.group(2))}


def h2load(port, seconds, host, *words, connections=16, streams=32):
    got = h2run(port, host, "/wallet/overview", f"-c{connections}", f"-m{streams}", f"-D{max(1, round(seconds))}", *words)
    return {"requests": got["2xx"], "lost": got["answered"] - got["2xx"], "seconds": seconds}


def h2login(port, host, sid, form):
    """h2load logs in: the session is then bound to its own TLS and HTTP/2, so its requests are the owner's."""
    got = h2run(port, host, f"/login?sid={sid}", "-c1", "-n1", "-d", form, "-H", "content-type: application/x-www-form-urlencoded")
    if got["3xx"] != 1:
        raise SystemExit(f"h2load's login: {got}")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    def version(command, pattern):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            return "none"
        found = re.search(pattern, done.stdout + done.stderr)
        return found.group(1) if found else "?"
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "openssl": version(["openssl", "version"], r"OpenSSL (\S+)"), "nginx": version(["nginx", "-v"], r"nginx/(\S+)"),
            "haproxy": version(["haproxy", "-v"], r"version ([\d.]+)"), "load_before": round(os.getloadavg()[0], 2)}
