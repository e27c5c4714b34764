# SPDX-License-Identifier: Apache-2.0
"""The stage of a soak: a gate with all kinds of sites, the good and the bad application, the crowd of slow and idle
clients, and the loads that other programs make."""
import json
import os
import re
import resource
import subprocess
import sys
import time

from lib import places
from lib.http2 import Front2
from lib.settings import NO_LIMITS, OPEN_ALL, SIMPLE_LOGIN, block, site
from lib.world import SLOW, SRC, TOOLS, Process, free_port, free_ports, wait_until
from soak.jobs import BAD, DESK, OPEN, WALLET
from soak.tally import Memory, Tally

MACHINE, BULK = "machine.test", "bulk.test"
UNBOUNDED = {"connections": "off"}
# Slow is what the crowd is meant to be.
TIMES = {"head": "2 min", "idle": "1 h"}
LIMITS = NO_LIMITS | {"connections-per-address": "off", "body-size": "64 MiB"}
OTHER_SETTING = ("body-size 64 MiB", "body-size 65 MiB")  # every other reload changes it


class Scene:
    def __init__(self, world, seconds, stall="20 s"):
        """`stall`: how long the gate waits for an answer to begin."""
        self.world, self.seconds, self.end = world, seconds, 0.0
        self.tally, self.idle, self.slow = Tally(), None, None
        fast, good, bad, self.monitor = free_ports(4)
        world.process("backend", [os.path.join(TOOLS, "benchback"), fast]).wait_log("ready")
        origin = os.path.join(SRC, "tests", "soak", "origin.py")
        world.process("origin", [sys.executable, origin, good, bad]).wait_log("ready")
        login = SIMPLE_LOGIN + ['logout POST "/logout"']
        short = [block("session", {"lifetime": "1 min", "idle": "1 min"})]
        works = [block("routes", ['write POST "/work"'])]
        made = [("wallet", WALLET, good, login + short + works), ("desk", DESK, good, login), ("open", OPEN, good, OPEN_ALL),
                ("bad", BAD, bad, OPEN_ALL), ("machine", MACHINE, fast, SIMPLE_LOGIN), ("bulk", BULK, fast, OPEN_ALL)]
        self.front = Front2(world, [site(name, host, port, lines=lines, backend=UNBOUNDED) for name, host, port, lines in made],
                            geo=places.geo(world), limits=LIMITS, timeouts=TIMES | {"upstream-head": stall},
                            extra=[block("console", [f'monitor "127.0.0.1:{self.monitor}"'])])
        self.texts = [self.front.text(), self.front.text().replace(*OTHER_SETTING)]
        self.memory = Memory(self.front.gate)

    def more(self):
        return time.monotonic() < self.end

    # --- the crowd: half of it idles, bound to a session each; half of it is slow

    def gather(self, count):
        """Returns when all of them stand. They cost no time of the soak: the clock has not started."""
        if not count:
            return
        self.idle = self._held("idle", [os.path.join(TOOLS, "benchload"), "idle", "-p", self.front.port, "-h", MACHINE, "-c", count // 2])
        crowd = os.path.join(SRC, "tests", "soak", "crowd.py")
        self.slow = self._held("slow", [sys.executable, crowd, "--port", self.front.port, "--host", OPEN, "--ca", self.front.ca,
                                        "--count", count - count // 2])
        for one in (self.idle, self.slow):
            wait_until(lambda p=one: p.said() or p.popen.poll() is not None, 600, f"the {one.name} crowd", every=0.5)
            if not one.said():
                self.tally.lose(f"the {one.name} crowd did not come together: {one.said(2)[-300:]}")

    def _held(self, name, command):
        return self.world.add(Held(name, command, self.world.dir))

    def dismiss(self):
        """All go home; what became of the slow ones."""
        if self.idle:
            self.idle.release()
        if not self.slow:
            return
        lines = self.slow.release().splitlines()
        found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {"lost": 1, "faults": {"the slow crowd died": 1}}
        for kind, n in found.get("rounds", {}).items():
            self.tally.count(f"slow {kind}", n)
        self.tally.count("slow clients standing", found.get("standing", 0))
        for text, n in found["faults"].items():
            for _ in range(n):
                self.tally.lose(text)

    # --- jobs that are not a person's

    def reload(self):
        with open(self.front.gate.conf, "w", encoding="utf-8") as f:
            f.write(self.texts[(self.tally.done["reload"] + 1) % 2])
        done = self.front.gate.cli("reload", check=False, seconds=60)
        if done.returncode == 0:
            self.tally.count("reload")
        else:
            self.tally.lose(f"reload: {done.stderr.strip()}")

    def reload_often(self, every):
        def job():
            begin = time.monotonic()
            self.reload()
            time.sleep(max(0, every - (time.monotonic() - begin)))
        job.__name__ = "reload"
        return job

    def machine(self):
        """Some hundreds of requests a second of one session on few connections."""
        where = ["-p", self.front.port, "-h", MACHINE, "-s", self.world.path("machine.txt")]
        self._load("login", *where, "-c", 1, "-n", 1, "-U", "machine")
        found = self._load("rate", *where, "-c", 2, "-r", 500, "-t", self._portion(), "-u", "/machine")
        self.tally.count("machine", found["requests"])
        if found["lost"]:
            self.tally.lose(f"{found['lost']} of the machine's, {found['lost_status']}")

    @staticmethod
    def _load(*words):
        out = subprocess.run([os.path.join(TOOLS, "benchload")] + [str(w) for w in words], capture_output=True, text=True, check=False)
        return json.loads(out.stdout or json.dumps({"requests": 0, "lost": 1, "lost_status": f"{out.returncode} {out.stderr[-300:]}"}))

    def bulk(self):
        """h2load: ten connections with ten requests at once each, as fast as they come; then a pause."""
        words = ["h2load", "-n", 1000, "-c", 10, "-m", 10, f"--connect-to=127.0.0.1:{self.front.port}", f"https://{BULK}/bulk"]
        try:
            out = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, timeout=120 * SLOW).stdout
        except subprocess.TimeoutExpired:
            out = f"does not end: {self.front.counters()}"
        found = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", out)
        good = int(found.group(1)) if found else 0
        self.tally.count("h2load", good)
        if good != 1000:
            self.tally.lose(f"{1000 - good} of h2load's: {out[-600:]}")
        time.sleep(5)

    def _portion(self):
        """Seconds of one load: short enough for the end not to be far away."""
        return int(min(15, max(2, self.seconds / 6)))


class Held(Process):
    """A program that holds what it has until its standard input ends."""

    def __init__(self, name, command, folder):
        self.name, self.out, self.err = name, os.path.join(folder, f"{name}.out"), os.path.join(folder, f"{name}.err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.popen = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=out, stderr=err)
        self.pid = self.popen.pid

    def said(self, which=1):
        with open(self.out if which == 1 else self.err, encoding="utf-8") as f:
            return f.read()

    def log(self):
        return self.said() + self.said(2)

    def release(self):
        if self.popen.stdin:
            self.popen.stdin.close()
            self.popen.stdin = None
        try:
            self.popen.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.said()


def crowd_that_fits(wish, beside=400):
    """How many of the wished connections the descriptor limit allows: the gate keeps a second descriptor for each, to an
    application, and there must be room for all who come `beside` them. The limit is raised first, where we may."""
    need = 2 * (wish + beside) + 200
    for most in (max(need, resource.getrlimit(resource.RLIMIT_NOFILE)[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            break
        except (OSError, ValueError):
            pass  # not root, or in a container that keeps its limit
    fits = max(0, (most - 200) // 2 - beside)
    if fits < wish:
        print(f"{fits} of {wish} connections: this machine's descriptor limit is {most}", flush=True)
    return min(wish, fits)
