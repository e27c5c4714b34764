# SPDX-License-Identifier: Apache-2.0
"""The loads: each a function of (proxy, Bench) that gives {"requests", "lost", ...} of one round.

Sessions: 100,000 logins over 64 connections, each from an address of its own; a session's requests come over the
connection of its login, as those of a browser do.
"""
import json
import os
import statistics
import subprocess
import time

from bench.meter import LOAD_CPU, benchload, h2load, pinned, pss_kib, settled_ns
from bench.proxies import HOST, OPEN, speaks_h2
from lib.world import TOOLS

LANES = 64


class Load:
    """One line of the table: what is asked for, and how its main figure is called. `part`: of bench.py's --only."""

    def __init__(self, part, name, run, unit="us", h2=False, sessions=True):
        self.part, self.name, self.run, self.unit, self.h2, self.sessions = part, name, run, unit, h2, sessions

    def serves(self, proxy):
        return not self.h2 or speaks_h2(proxy)

    def measure(self, proxy, bench):
        """One round; adds cpu_us, of all the proxy's processes, log committed, per whole answer."""
        pids = proxy.pids()
        before = settled_ns(pids)
        result = self.run(proxy, bench)
        if self.sessions:  # others may be summed up in the log
            bench.count(proxy, result)
        spent = max(0, settled_ns(pids) - result.pop("before", before))
        n = max(1, result["requests"])
        if set(proxy.pids()) != set(pids):
            result["lost"] += 1  # a process ended under this load: its time is not known, and the run fails
            print(f"  {proxy.name}: a process ended under {self.name}")
        result["cpu_us"] = spent / 1000 / n
        result["per_s"] = n / result["seconds"]
        if self.unit == "per CPU-s":
            result["figure"] = n / max(1, spent) * 1e9
        elif self.unit == "GB per CPU-s":
            result["figure"] = result["bytes"] / max(1, spent)  # with what was under way at the end
        else:
            result["figure"] = result["cpu_us"]
        return result


def kept(proxy, bench):
    return benchload("keep", proxy.proxy_port, "-A", "-c", LANES, "-t", bench.seconds, "-s", bench.cookies())


def body(path):
    return lambda proxy, bench: benchload("keep", proxy.proxy_port, "-A", "-c", 8, "-t", bench.seconds, "-u", path,
                                          "-s", bench.cookies(8))


def full(proxy, bench):
    return benchload("new", proxy.proxy_port, "-A", "-c", LANES, "-t", bench.seconds, "-s", bench.cookies(LANES))


def resumed(proxy, bench):
    """Each lane begins with a login, for its ticket: what that costs is over before the round is."""
    with pinned(LOAD_CPU):
        load = subprocess.Popen([os.path.join(TOOLS, "benchload"), "resume", "-p", str(proxy.proxy_port), "-h", HOST, "-A", "-c", str(LANES),
                                 "-t", str(bench.seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    load.stdout.readline()
    before = settled_ns(proxy.pids())
    out, _ = load.communicate("\n", timeout=300)
    return json.loads(out) | {"before": before}


def http2(proxy, bench):
    """On routes that need no session."""
    return h2load(proxy.port, bench.seconds, OPEN)


def http2_session(proxy, bench):
    """All streams with one session's cookie: h2load gives the same fields to each."""
    return h2load(proxy.port, bench.seconds, HOST, "-H", f"cookie: sid={bench.h2_session()}")


LOADS = [
    Load("kept", "HTTP/1.1 kept, sessions", kept),
    Load("http2", "HTTP/2, 16 × 32 streams, a session", http2_session, h2=True),
    Load("http2", "HTTP/2, 16 × 32 streams, open route", http2, h2=True, sessions=False),
    Load("full", "new connection, full handshake", full, "per CPU-s"),
    Load("resumed", "new connection, resumed", resumed, "per CPU-s"),
    Load("bodies", "1 MiB bodies", body("/1m"), "GB per CPU-s"),
    Load("bodies", "10 MiB bodies", body("/10m"), "GB per CPU-s"),
]


def latency(bench, proxies, rate=500):
    """At a low fixed rate over 16 connections: what each adds to the backend's own time."""
    words = ["-c", 16, "-r", rate, "-t", bench.seconds]
    rounds = {"backend alone": []} | {p.name: [] for p in proxies}
    for _ in range(bench.rounds):
        rounds["backend alone"].append(benchload("rate", bench.back, "-P", *words))
        for p in proxies:
            rounds[p.name].append(benchload("rate", p.proxy_port, "-A", "-s", bench.cookies(16), *words))
            bench.count(p, rounds[p.name][-1])
    found = {name: {key: statistics.median(r[key] for r in got) for key in ("p50_us", "p99_us", "p999_us")} |
             {"lost": sum(r["lost"] for r in got), "late": sum(r["late"] for r in got)} for name, got in rounds.items()}
    alone = found["backend alone"]
    for name in rounds:
        found[name] |= {f"added_{k}": round(found[name][k] - alone[k], 1) for k in ("p50_us", "p99_us", "p999_us")}
    return found


def decision(bench, rate=500):
    """What the log says of single requests: from the wake for a request until it is decided, so with receiving,
    decrypting and parsing it."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    done = benchload("rate", bench.warifu.proxy_port, "-A", "-s", bench.cookies(16), "-c", 16, "-r", rate, "-t", bench.seconds)
    bench.count(bench.warifu, done)
    time.sleep(1.5)
    lines = bench.warifu.gate.cli("log", "export", "--format", "jsonl", "--since", since, seconds=300).stdout.splitlines()
    took = sorted(r["t_decide"] for r in map(json.loads, lines) if r["kind"] == "decision")
    return {"requests": len(took), "p50_us": took[len(took) // 2], "p99_us": took[len(took) * 99 // 100]}


def idle(bench, proxies):
    """Memory of each kept TLS connection, one login each: PSS of all processes, before and after."""
    found = {}
    for p in proxies:
        before = pss_kib(p.pids())
        with pinned(LOAD_CPU):
            held = subprocess.Popen([os.path.join(TOOLS, "benchload"), "idle", "-p", str(p.proxy_port), "-h", HOST, "-A", "-c",
                                     str(bench.idle)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = json.loads(held.stdout.readline())
        settled_ns(p.pids())
        after = pss_kib(p.pids())
        held.stdin.close()
        held.wait(60)
        found[p.name] = {"connections": line["ready"], "lost": line["lost"], "kib_each": round((after - before) / max(1, line["ready"]), 2),
                         "before_mib": round(before / 1024, 1), "after_mib": round(after / 1024, 1)}
    return found


def leaves(warifu):
    return int(warifu.gate.cli("log", "head").stdout.strip().rpartition(":")[2])


def log_complete(warifu, before, answered):
    """Each request of a session that was answered is in the log, as a decision and an outcome, and the chain holds.
    Many logins from one address are not: as events of strangers they are summed up."""
    end = time.monotonic() + 30
    while leaves(warifu) < before + 2 * answered and time.monotonic() < end:
        time.sleep(0.5)
    done = warifu.gate.cli("log", "verify", check=False, seconds=300)
    n = leaves(warifu)
    return {"requests": answered, "leaves": n - before, "complete": n >= before + 2 * answered,
            "verified": done.returncode == 0 and "OK" in done.stdout.split()}
