# SPDX-License-Identifier: Apache-2.0
"""What single parts of warifu cost, by the tools that exist for them."""
import json
import os
import subprocess
import tempfile
import time

from bench.meter import PROXY_CPU, last_json, pinned
from lib.world import BUILD, SRC, TOOLS


def best_ns(command, text):
    """The shortest of three runs with that input."""
    def once():
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        subprocess.run(command, input=text, stdout=subprocess.DEVNULL, check=True)
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - before
    return min(once() for _ in range(3))


def each_ns(command, head, line, n):
    """What one more line of input costs."""
    return (best_ns(command, head + line * n) - best_ns(command, head + line)) / (n - 1)


def policy():
    with open(os.path.join(SRC, "policy", "rules", "wallet-console.policy"), "rb") as f:
        text = f.read()
    return each_ns([os.path.join(TOOLS, "policyeval")], b"policy %d\n" % len(text) + text, b"decide\n", 200000)


def fingerprint():
    with open(os.path.join(SRC, "tests", "vectors", "client_hellos_captured.jsonl"), encoding="utf-8") as f:
        hello = json.loads(f.readline())["client_hello_hex"].encode()
    return each_ns([os.path.join(BUILD, "warifu"), "fingerprint"], b"", hello + b"\n", 5000) / 1000


def log():
    """One ring, filled as fast as the scribe empties it; producer and scribe on one processor, and on two."""
    found = {}
    for name, cpu in (("one processor for producer and scribe", PROXY_CPU), ("a processor for the scribe", None)):
        with tempfile.TemporaryDirectory(prefix="warifu-bench.") as folder, pinned(cpu):
            found[name] = last_json([os.path.join(TOOLS, "logbench"), folder, 300000])
    return found


def parts():
    """[(what, value, unit)]"""
    out = []
    heads = subprocess.run([os.path.join(TOOLS, "h1bench")], capture_output=True, text=True, check=True).stdout
    for line in heads.splitlines():
        name, value = line.split()[:2]
        out.append((f"HTTP/1 head: {name}", float(value), "ns"))
    for name, run in log().items():
        out.append((f"log, {name}: leaves", run["leaves_per_s"], "per s"))
        out.append((f"log, {name}: CPU of the scribe a leaf", run["scribe_cpu_us_per_leaf"], "us"))
    out.append(("policy: one decision, starter policy", round(policy(), 1), "ns"))
    out.append(("fingerprint of a hello: JA4, JA4_r, two cores, JSON", round(fingerprint(), 2), "us"))
    return out
