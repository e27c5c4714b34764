# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=240
"""More requests of sessions than the scribe can write, by counting: they wait for room and none is lost or
refused, in bounded memory; past the `commit` timeout they are refused and told when to come back."""
import os
import signal
import threading
import time

from lib import evidence, tap
from lib.backend import login_express, start_express
from lib.http1 import build
from lib.settings import Front, site
from lib.world import SLOW, World, rss_of, wait_until

HOSTS = {"strict": "wallet.test", "watched": "watched.test"}
CONNS, EACH, PIPE = 24, 200, 20
GROWTH = (48 << 20) * SLOW
world = World("overload")


def setup():
    global backend, front
    backend = start_express(world)
    front = Front(world, [site("wallet", HOSTS["strict"], backend.port, recipe="express"),
                          site("watched", HOSTS["watched"], backend.port, recipe="express", mode="observe")],
                  limits=evidence.LIMITS, timeouts={"commit": "25 s"}, start=False)
    front.head = [line.replace("threads 2", "threads 1") for line in front.head]  # one ring
    front.start()


def person(host=HOSTS["strict"]):
    c = front.client(host, agent=evidence.AGENT)
    tap.equal(login_express(c, "alice").status, 303)
    return c


class Load:
    """CONNS connections of one session, on each EACH requests, PIPE of them sent at once. Each path is its own,
    and long, so that the records are."""

    def __init__(self, c, mark):
        self.c, self.mark, self.answers, self.broken = c, mark, [], []
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(CONNS)]
        for t in self.threads:
            t.start()

    def run(self, n):
        try:
            conn = self.c.connect()
            conn.sock.settimeout(100)
            for start in range(0, EACH, PIPE):
                conn.send(b"".join(build("GET", f"/api/{self.mark}/{n}/{i}/" + "p" * 1900, self.c.host, self.c.fields())
                                   for i in range(start, start + PIPE)))
                for _ in range(PIPE):
                    self.answers.append(conn.read_response("GET").status)
            conn.close()
        except evidence.BROKEN as e:
            self.broken.append(repr(e))

    def stands_still(self):
        n = len(self.answers)
        time.sleep(1)
        return n and len(self.answers) == n and n < CONNS * EACH

    def join(self):
        for t in self.threads:
            t.join(120)
            tap.check(not t.is_alive(), "a client hangs")


class Stopped:
    """The scribe does nothing for as long as the `with` lasts."""

    def __enter__(self):
        self.pid = front.gate.children()["scribe"]
        os.kill(self.pid, signal.SIGSTOP)
        return self

    def go_on(self):
        if self.pid:
            os.kill(self.pid, signal.SIGCONT)
        self.pid = None

    def __exit__(self, *error):
        self.go_on()


def all_is_written():
    wait_until(lambda: front.counters().get("warifu_log_lag_records", 0) == 0, 20, "all to be written")


def written(mark, kind="decision"):
    rows = front.gate.records()
    mine = {r["support"] for r in rows if r["kind"] == "decision" and str(r.get("path", "")).startswith(f"/api/{mark}/")}
    return [r for r in rows if r["kind"] == kind and r["support"] in mine]


@tap.case
def what_comes_faster_than_the_scribe_waits_and_nothing_is_lost():
    c = person()
    for n in range(3):
        c.get("/api/me")
    gate, before = front.gate.children()["gate"], rss_of(front.gate.children()["gate"])
    began = time.monotonic()
    with Stopped() as scribe:
        load = Load(c, "load")
        wait_until(load.stands_still, 15, "the ring to be full", every=0)
        held, most, arrived = len(load.answers), rss_of(gate), len(backend.requests())
        stranger = front.client(HOSTS["strict"]).get("/login").status
        stood = time.monotonic() - began
        time.sleep(1)
        tap.check(len(load.answers) == held, "the ring was not full")
        scribe.go_on()
        load.join()
    tap.note(f"{held} of {CONNS * EACH} were answered until the ring was full, after {stood:.1f} s; the gate grew by {(most - before) >> 20} MiB; "
             f"all in {time.monotonic() - began:.1f} s")
    tap.equal((load.broken, sorted(set(load.answers)), len(load.answers)), ([], [404], CONNS * EACH), "answers")
    tap.equal(stranger, 200, "a stranger is not held up")
    tap.check(arrived <= held + CONNS + 16, f"{arrived} requests at the backend, {held} answered")
    tap.check(most - before < GROWTH, f"the gate grew by {(most - before) >> 20} MiB")
    all_is_written()
    tap.equal(len(written("load")), CONNS * EACH, "decisions")
    tap.equal(len(written("load", "outcome")), CONNS * EACH, "outcomes")
    tap.equal(front.counters().get("warifu_log_gap_records_total", 0), 0, "records given up")


@tap.case
def a_session_that_ends_while_it_waits_reaches_nothing():
    filler, c = person(), person()
    session = [r["session"] for r in front.gate.records(event="bind")][-1]
    with Stopped() as scribe:
        load = Load(filler, "fill")
        wait_until(load.stands_still, 15, "the ring to be full", every=0)
        late = c.connect()
        late.send(build("GET", "/api/late", HOSTS["strict"], c.fields()))
        time.sleep(0.5)
        revoke = threading.Thread(target=front.gate.cli, args=("session", "revoke", "session", session), daemon=True)
        revoke.start()  # it returns when that is durable
        time.sleep(1)
        scribe.go_on()
        answer = late.read_response("GET").status
        revoke.join(20)
        load.join()
    tap.equal(answer, 403)
    tap.equal(backend.requests("/api/late"), [], "a revoked session's request was sent on")


@tap.case
def past_the_commit_timeout_it_is_503_with_a_time_to_come_back():
    front.more[0] = front.more[0].replace("commit 25 s", "commit 3 s")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text())
    front.gate.cli("reload")
    c, watched = person(), person(HOSTS["watched"])
    with Stopped():
        load = Load(c, "late")
        wait_until(lambda: 503 in load.answers, 25, "the first 503")
        answer = c.get("/api/me")
        tap.equal(answer.status, 503)
        tap.check(1 <= int(answer.get("Retry-After") or 0) <= 60, answer.fields)
        tap.equal(watched.get("/api/me").status, 200, "an observed site waits for no log")
    load.join()
    tap.equal(sorted(set(load.answers)), [404, 503])
    tap.check(load.answers.count(404) > 100, load.answers.count(404))
    wait_until(lambda: c.get("/api/me").status == 200, 20, "the log to work again")
    all_is_written()
    allowed = [r for r in written("late") if r["enforced"] == "allow"]
    seen = [r for r in backend.requests() if r.path.startswith("/api/late/")]
    tap.equal(len(allowed), len(seen), "allowed and at the backend")
    evidence.verified(front.gate)


tap.main(setup, world.stop)
