# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""A real log, decided again: `policy replay` gives every verdict of mixed traffic, and says what a changed policy changes."""
import os
import re
import subprocess

from lib import evidence, places, tap
from lib.backend import login_express, start_express
from lib.http1 import tls_context
from lib.settings import Front, site
from lib.world import BIN, SRC, World

world = World("replay")
STARTER = os.path.join(SRC, "policy", "rules", "wallet-console.policy")
OTHER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def visits(c):
    for ask in (lambda: c.get("/api/me"), lambda: c.get("/api/balance?asset=BTC"), lambda: c.get("/login"),
                lambda: c.post("/api/withdraw", data={"asset": "BTC", "amount": 0.001, "address": "bc1qfine00"}),
                lambda: c.get("/api/%2e%2e/api/me"), lambda: c.ask("DELETE", "/api/x"), lambda: c.websocket("/ws")):
        try:
            ask()
        except evidence.BROKEN:
            pass


def traffic(host, place):
    """The owner, the owner elsewhere, thieves with his cookie, strangers, and nonsense."""
    c = front.client(host, places.address(place), agent=evidence.AGENT)
    tap.equal(login_express(c, "alice").status, 303)
    visits(c)
    odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    for where in ("office", "office6", "mobile", "home", "disputed", "abroad", "hosting", "nowhere"):
        for tls, agent in ((None, evidence.AGENT), (odd, "curl/8.5"), (None, OTHER_AGENT), (None, evidence.AGENT.replace("156", "157"))):
            thief = front.client(host, places.address(where), agent=agent, **({"tls": tls} if tls else {}))
            thief.jar = dict(c.jar)
            visits(thief)
    visits(front.client(host, places.address("abroad")))
    login_express(front.client(host, places.address("home"), agent=evidence.AGENT), "alice", "wrong")


def setup():
    global front
    backend = start_express(world)
    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express"),
                          site("watched", "watched.test", backend.port, recipe="express", mode="observe")],
                  geo=places.geo(world), limits=evidence.LIMITS)
    traffic("wallet.test", "office")
    traffic("watched.test", "mobile")
    front.gate.cli("lock", "wallet", "sensitive", "--reason", "a test")
    visits(front.client("wallet.test", places.address("office"), agent=evidence.AGENT))
    traffic("wallet.test", "home")
    front.gate.cli("unlock", "wallet", "sensitive")
    for host, target in (("wallet.test", "/%zz"), ("nobody.test", "/")):
        try:
            front.conn("wallet.test").ask("GET", target, host)
        except evidence.BROKEN:
            pass
    front.gate.stop()


def replay(policy):
    path = world.write("log.jsonl", front.gate.cli("log", "export", "--format", "jsonl").stdout)
    return subprocess.run([BIN, "policy", "replay", policy, "--facts", path], capture_output=True, text=True)


@tap.case
def every_verdict_is_recomputed_from_the_log():
    decisions = front.gate.records(kind="decision")
    verdicts = {r["verdict"] for r in decisions}
    tap.note(f"{len(decisions)} decisions, {sorted(verdicts)}, rules {sorted({x for r in decisions for x in r.get('rules', [])})}")
    tap.check({"allow", "challenge", "refuse"} <= verdicts, verdicts)
    done = replay(STARTER)
    tap.equal(done.returncode, 0, done.stdout[-1500:] + done.stderr)
    m = re.search(r"(\d+) decisions: (\d+) equal, 0 differ", done.stdout)
    tap.check(m and m[1] == m[2], done.stdout)
    with_facts = [r for r in decisions if r.get("facts")]
    tap.equal(int(m[1]), len(with_facts))
    tap.check(len(with_facts) > 300, len(with_facts))
    tap.check("incomplete" not in done.stdout and "without facts" not in done.stdout, done.stdout)


@tap.case
def a_changed_policy_is_told_by_line_and_rule():
    with open(STARTER, encoding="utf-8") as f:
        text = f.read()
    path = world.write("changed.policy", re.sub(r"rule R11 (.*?)then challenge", r"rule R11x \1then refuse", text, count=1, flags=re.S))
    done = replay(path)
    tap.equal(done.returncode, 1, done.stdout[-800:] + done.stderr)
    m = re.search(r"(\d+) decisions: (\d+) equal, (\d+) differ", done.stdout)
    tap.check(m and int(m[3]) > 5, done.stdout[-400:])
    tap.check(re.search(r"^line \d+: was challenge, is refuse; now also R11x", done.stdout, re.M), done.stdout[:600])
    was = [r for r in front.gate.records(kind="decision") if "R11" in r.get("rules", [])]
    tap.equal(int(m[3]), len(was), "decisions by the rule that was changed")


@tap.case
def each_record_names_the_policy_that_decided():
    hashes = subprocess.run([BIN, "policy", "test", STARTER], capture_output=True, text=True).stdout
    wanted = re.search(r"SHA-256 ([0-9a-f]{64})", hashes)[1]
    tap.equal({r["policy"] for r in front.gate.records(kind="decision") if r.get("facts")}, {wanted})


tap.main(setup, world.stop)
