# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=400
# warifu-test: heavy
"""What a request of a session costs, in figures that hardly need a quiet machine: instructions and system calls.

HTTP/1.1 over kept connections, every check and every record on. A cost is what more requests cost in a second run,
divided by their number; so starts, logins and ends do not count. The bounds stand a little above what was reached:
who passes one has made every request dearer, and says in docs/performance.md why it is worth it.
"""
import json
import os
import re
import subprocess

from lib import places, tap
from lib.http1 import Ended, Malformed
from lib.settings import NO_LIMITS, SIMPLE_LOGIN, Front, site
from lib.world import SRC, TOOLS, World, free_port, wait_until

# User-space instructions. valgrind knows neither the processor's SHA-256 nor its AVX-512, so hashing counts several
# times what it is: most of the scribe's figure.
GATE, SCRIBE = 74000, 55000
# A new connection that is resumed with its ticket, gets the next one, and asks once: 2.49 million, nearly all of them in OpenSSL
# (nginx: 2.37 million in all).
RESUMED = 2580000
# 64 connections that are always busy: what moves bytes and waits for them; and all calls of all processes, of which
# the scribe's depend on how many requests come while it gathers (4.4 in all, more on a machine that has other work).
NETWORK_CALLS, SYSTEM_CALLS = 4.2, 5.0
LANES = 64


def load(mode, front, cookies, *words):
    done = subprocess.run([os.path.join(TOOLS, "benchload"), mode, "-p", str(front.proxy_port), "-h", "wallet.test", "-A",
                           "-c", str(LANES), "-s", cookies, "-t", "200", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    got = json.loads(done.stdout.splitlines()[-1])
    tap.equal(got["lost"], 0, f"lost of {mode}: {got}")
    return got["requests"]


def ready(front):
    try:
        return front.client().get("/.warifu/none").status != 503
    except (OSError, Ended, Malformed):
        return False  # slow under such a program


def served(under, count, requests, mode):
    """warifu runs under that program and answers so many requests of sessions; what `count` then finds."""
    with World("costs") as world:
        try:
            return serve(world, under, count, requests, mode)
        except tap.Failure:
            world.dump()
            raise


def serve(world, under, count, requests, mode):
    back, out = free_port(), world.folder("counts")
    world.process("backend", [os.path.join(TOOLS, "benchback"), back]).wait_log("ready")
    front = Front(world, [site("wallet", "wallet.test", back, lines=SIMPLE_LOGIN)], geo=places.geo(world), threads=1, start=False,
                  limits=NO_LIMITS | {"sessions": "1000", "prelogin": "1000"}, log={"stranger-entries": "64"})
    front.gate = world.gate(front.text(), [front.proxy_port], under=under(out))
    wait_until(lambda: ready(front), 90, "an answer", every=0.5)
    cookies = world.path("cookies.txt")
    load("login", front, cookies, "-n", LANES)
    tap.equal(load(mode, front, cookies, "-n", requests), requests, "answers")
    roles = front.gate.children()
    tap.equal(front.gate.stop(60), 0, "an orderly stop")
    return count(out, roles)


def each(under, count, few, many, mode="keep"):
    """{what: cost of one more request}."""
    before, after = served(under, count, few, mode), served(under, count, many, mode)
    found = {what: round((after[what] - before[what]) / (many - few), 2) for what in after}
    for what, n in sorted(found.items(), key=lambda f: -f[1])[:12]:
        tap.note(f"{what}: {n}")
    return found


def instructions(out, roles):
    found = {}
    for role, pid in roles.items():
        with open(os.path.join(out, f"callgrind.{pid}"), encoding="ascii", errors="replace") as f:
            found[role] = int(re.search(r"^totals: (\d+)", f.read(), re.M).group(1))
    return found


def system_calls(out, _):
    def rows():
        with open(os.path.join(out, "strace"), encoding="ascii") as f:
            return {name: int(n) for n, name in re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", f.read(), re.M)}
    wait_until(lambda: "total" in rows(), 20, "strace's table")
    return rows()


def valgrind(out):
    shim = os.path.join(world_of_tools.dir, "nofilter.so")
    if not os.path.exists(shim):
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, os.path.join(SRC, "tests", "lib", "nofilter.c")], check=True)
    return ["env", f"TMPDIR={out}", f"LD_PRELOAD={shim}", "valgrind", "-q", "--vgdb=no", "--tool=callgrind", f"--callgrind-out-file={out}/callgrind.%p"]


@tap.case
def instructions_of_a_request():
    found = each(valgrind, instructions, 500, 2000)
    tap.within(found["gate"], 20000, GATE, "instructions of the gate")
    tap.within(found["scribe"], 5000, SCRIBE, "instructions of the scribe, two leaves")


@tap.case
def instructions_of_a_resumed_connection_and_its_request():
    """Ticket keys are not computed anew for each, and a browser's hello is fingerprinted without tables."""
    found = each(valgrind, instructions, 100, 400, "resume")
    tap.within(found["gate"], 1500000, RESUMED, "instructions of the gate")


@tap.case
def system_calls_of_a_request():
    found = each(lambda out: ["strace", "-D", "-f", "-c", "-o", f"{out}/strace"], system_calls, 1000, 5000)
    tap.within(found["recvfrom"] + found["sendto"] + found["epoll_wait"], 3.9, NETWORK_CALLS, "calls that move bytes or wait")
    tap.within(found["total"], 3.9, SYSTEM_CALLS, "system calls of all processes")


@tap.case
def sends_of_a_resumed_connection():
    """The handshake, the request to the backend, and one with the next ticket and the answer."""
    found = each(lambda out: ["strace", "-D", "-f", "-c", "-o", f"{out}/strace"], system_calls, 200, 1000, "resume")
    tap.within(found["sendto"], 2.9, 3.3, "sends")


world_of_tools = World("costs")
tap.main(teardown=world_of_tools.stop)
