#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measure: warifu beside nginx and HAProxy, in interleaved rounds of one run. `make bench` builds and calls this.

    tests/bench/bench.py --rounds 5 --seconds 2 --sessions 100000 --json build/bench.json

Each proxy has one worker on processor 0; backend and clients are on the last one. CPU is that of all of a proxy's
processes, kernel time included, measured until its log is committed. warifu checks and records everything; the
peers check nothing and write no access log. Figures are medians of the rounds; ratios to nginx are medians of the
ratios within a round. Compare figures of one run only. --only bodies,latency measures those parts alone.
"""
import argparse
import json
import os
import resource
import secrets
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench import loads, parts, report  # noqa: E402
from bench.meter import LOAD_CPU, benchload, h2login, machine, pinned  # noqa: E402
from bench.proxies import HOST, Haproxy, Nginx, Warifu  # noqa: E402
from lib.world import SRC, TOOLS, World, free_port  # noqa: E402

RATE = 500
PARTS = list(dict.fromkeys(load.part for load in loads.LOADS)) + ["latency", "idle", "threads", "parts"]


class Bench:
    """The backend, the proxies in front of it, and the sessions' cookies."""

    def __init__(self, world, args):
        self.world, self.rounds, self.seconds, self.idle = world, args.rounds, args.seconds, args.idle
        self.back = free_port()
        with pinned(LOAD_CPU):
            world.process("backend", [os.path.join(TOOLS, "benchback"), self.back]).wait_log("ready")
        self.warifu = Warifu(world, self.back)
        peers = [kind(world, self.back, self.warifu.front.cert, self.warifu.front.key) for kind in (Nginx, Haproxy)] if args.peers else []
        self.proxies = [self.warifu] + peers
        self.log_in(self.warifu, args.sessions, "cookies.txt")
        self.logged, self.answered = loads.leaves(self.warifu), 0
        self.h2_sid = None
        with open(world.path("cookies.txt"), encoding="ascii") as f:
            self.all = f.readlines()

    def log_in(self, warifu, n, file):
        done = benchload("login", warifu.proxy_port, "-A", "-c", loads.LANES, "-n", n, "-t", 600, "-s", self.world.path(file))
        if done["requests"] != n or done["lost"]:
            raise SystemExit(f"logins: {done}")

    def h2_session(self):
        """The session of h2load, which logs in once."""
        if self.h2_sid is None:
            self.h2_sid = secrets.token_hex(16)
            h2login(self.warifu.port, HOST, self.h2_sid, self.world.write("form.txt", "username=h2load&password=x"))
        return self.h2_sid

    def count(self, proxy, result):
        if proxy is self.warifu:
            self.answered += result["requests"]

    def cookies(self, n=None):
        """The file with the cookies of all sessions, or of the first n."""
        return self.world.write(f"cookies{n}.txt", "".join(self.all[:n])) if n else self.world.path("cookies.txt")

    def interleaved(self, only):
        found = {}
        for load in [each for each in loads.LOADS if each.part in only]:
            able = [p for p in self.proxies if load.serves(p)]
            for _ in range(self.rounds):
                for p in able:
                    found.setdefault(load.name, {}).setdefault(p.name, []).append(load.measure(p, self))
            print(f"  {load.name}: {', '.join(p.name for p in able)}", flush=True)
        return found


def descriptors():
    """As many as may be had: a proxy needs two for each connection of a client."""
    for most in (65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        except (ValueError, PermissionError):
            continue
        return most
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def used_memory(world, most=4 << 30):
    """Memory that has been used before, as on any machine that has run for a day: a virtual one pays ten times as much
    for the first touch of a page, and would charge that to the one proxy that writes files."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))
    room, path = os.statvfs(world.dir), world.path("used")
    with open(path, "wb") as f:
        for _ in range(min(most, free // 4, room.f_bavail * room.f_frsize // 4) >> 20):
            f.write(bytes(1 << 20))
    os.unlink(path)


def threads(world, bench, sessions):
    """CPU per request of one thread and of two, both on all processors, in interleaved rounds."""
    load = loads.LOADS[0]
    both = {n: Warifu(world, bench.back, threads=n, cpu=None) for n in (1, 2)}
    cost = {n: [] for n in both}
    for n, warifu in both.items():
        bench.log_in(warifu, sessions, f"threads{n}.txt")
    for _ in range(bench.rounds):
        for n, warifu in both.items():
            bench.cookies = lambda n=n: world.path(f"threads{n}.txt")
            cost[n].append(load.measure(warifu, bench)["cpu_us"])
    del bench.cookies
    middle = {n: sorted(c)[len(c) // 2] for n, c in cost.items()}
    ratio = sorted(b / a for a, b in zip(cost[1], cost[2]))[len(cost[1]) // 2]
    return {"1": round(middle[1], 1), "2": round(middle[2], 1), "ratio": round(ratio, 2), "sessions": sessions}


def only(text):
    """The parts that a list of words with commas names; all, where it names none."""
    chosen = [w for w in text.split(",") if w] or PARTS
    if not set(chosen) <= set(PARTS):
        raise argparse.ArgumentTypeError(f"parts are {', '.join(PARTS)}")
    return chosen


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    env = os.environ.get
    p.add_argument("--rounds", type=int, default=int(env("BENCH_ROUNDS", "5")))
    p.add_argument("--seconds", type=float, default=float(env("BENCH_SECONDS", "2")), help="of each load in each round")
    p.add_argument("--sessions", type=int, default=int(env("BENCH_SESSIONS", "100000")))
    p.add_argument("--idle", type=int, default=int(env("BENCH_IDLE", "10000")), help="connections held open, 0: none")
    p.add_argument("--no-peers", dest="peers", action="store_false", help="warifu alone")
    p.add_argument("--only", type=only, default=env("BENCH_ONLY", ""), help=f"of {', '.join(PARTS)}")
    p.add_argument("--json", default=os.path.join(SRC, "build", "bench.json"))
    args = p.parse_args()
    result = {"machine": machine(), "rounds": args.rounds, "seconds": args.seconds, "sessions": args.sessions}
    print(", ".join(f"{k} {v}" for k, v in result["machine"].items()), flush=True)
    args.idle = min(args.idle, descriptors() // 2 - 100)
    with World("bench") as world, pinned(LOAD_CPU):
        used_memory(world)
        bench = Bench(world, args)
        result["loads"] = report.summary(bench.interleaved(args.only))
        report.loads(result["loads"], {load.name: load.unit for load in loads.LOADS})
        if "latency" in args.only:
            result["latency"] = loads.latency(bench, bench.proxies, RATE)
            report.latency(result["latency"], RATE)
            result["decision"] = loads.decision(bench, RATE)
            report.decision(result["decision"])
        if args.idle and "idle" in args.only:
            result["idle"] = loads.idle(bench, bench.proxies)
            report.idle(result["idle"])
        result["log"] = loads.log_complete(bench.warifu, bench.logged, bench.answered)
        print(f"\nlog: {result['log']}")
        if "threads" in args.only:
            result["threads"] = threads(world, bench, min(args.sessions, 2000))
            report.threads(result["threads"])
        if "parts" in args.only:
            result["parts"] = parts.parts()
            report.parts(result["parts"])
    with open(args.json, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    print(f"\nalso in {os.path.relpath(args.json, SRC)}")
    lost = sum(r["lost"] for table in result["loads"].values() for r in table.values())
    return 1 if lost or not (result["log"]["verified"] and result["log"]["complete"]) else 0


if __name__ == "__main__":
    sys.exit(main())
