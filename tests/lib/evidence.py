# SPDX-License-Identifier: Apache-2.0
"""A load of people who log in, read, write and log out, and the questions to the log afterwards.

    crowd = Crowd(front, backend, 6); crowd.start(); …; crowd.stop()
    count(front.gate, crowd)           # what they got beside what is recorded

Each request has a path of its own, so that what the backend saw, what a person was answered and what
the log says can be laid side by side.
"""
import itertools
import random
import threading

from lib import tap
from lib.backend import login_express
from lib.http1 import Ended, Malformed
from lib.world import wait_until

HOST = "wallet.test"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
BROKEN = (OSError, Ended, Malformed)
REFUSED = (302, 303, 400, 401, 403, 503)
LIMITS = {"sessions-per-user": 10000, "logins-per-address": "100000 per 60 s burst 100000",
          "rate-per-user": "10000 per 1 s burst 10000", "rate-per-session": "10000 per 1 s burst 10000",
          "rate-per-address": "10000 per 1 s burst 10000"}


class Crowd:
    """`people` threads. `given`: cookies that arrived after a login; `left`: those whose logout was answered;
    `doubtful`: those whose logout broke off; `answered`: {path: status}."""

    def __init__(self, front, people, seed=1, logout=0.3):
        self.front, self.logout, self.ended = front, logout, threading.Event()
        self.given, self.left, self.doubtful, self.answered = [], [], [], {}
        self.broken, self.refused = 0, 0
        self.threads = [threading.Thread(target=self.run, args=(n, random.Random(seed * 1000 + n)), daemon=True)
                        for n in range(people)]

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.ended.set()
        for t in self.threads:
            t.join(60)
            tap.check(not t.is_alive(), "a client hangs")

    def run(self, me, dice):
        for turn in itertools.count():
            if self.ended.is_set():
                return
            try:
                self.person(me, turn, dice)
            except BROKEN:
                self.broken += 1
                self.ended.wait(0.02)

    def person(self, me, turn, dice):
        c = self.front.client(HOST, agent=AGENT)
        if login_express(c, dice.choice(("alice", "bob"))).status != 303 or "connect.sid" not in c.jar:
            self.refused += 1
            self.ended.wait(0.05)
            return
        jar = dict(c.jar)
        self.given.append(jar)
        for step in range(dice.randrange(5)):
            path = f"/api/k/{me}/{turn}/{step}"
            self.answered[path] = None
            # 404 by the backend: it has no such page, and says so only to who is logged in
            self.answered[path] = c.get(path).status
        if dice.random() < self.logout:
            self.doubtful.append(jar)
            if c.post("/logout").status == 303:
                self.doubtful.remove(jar)
                self.left.append(jar)


def answers(front):
    """Does the gate serve, its sessions loaded?"""
    try:
        return front.client(HOST).get("/login").status == 200
    except BROKEN:
        return False


def back(front, seconds=40):
    wait_until(lambda: answers(front), seconds, "a gate that serves")


def holder(front, jar):
    c = front.client(HOST, agent=AGENT)
    c.jar = dict(jar)
    return c


def sessions_hold(front, crowd):
    """Who was given a cookie is in, with it; who logged out is not. Counted one by one."""
    left = {j["connect.sid"] for j in crowd.left}
    doubtful = {j["connect.sid"] for j in crowd.doubtful}
    lost, back = [], []
    for jar in crowd.given:
        answer = holder(front, jar).get("/api/me")
        sid = jar["connect.sid"]
        if sid in left and answer.status not in REFUSED:
            back.append(sid)
        elif sid not in left and sid not in doubtful and answer.status != 200:
            lost.append((sid, answer.status))
    tap.equal(back, [], f"of {len(left)} sessions that were logged out, these live")
    tap.equal(lost, [], f"of {len(crowd.given)} sessions these are lost")


def records_are_whole(records):
    """No record twice, none of the same exchange twice."""
    places = [(r["start"], r["thread"], r["no"]) for r in records]
    tap.equal(len(places), len(set(places)), "records by start, thread and number")
    for kind in ("decision", "outcome"):
        numbers = [r["support"] for r in records if r["kind"] == kind]
        tap.equal(len(numbers), len(set(numbers)), f"{kind}s by exchange")


def logins_are_recorded(records, crowd):
    binds = [r["session"] for r in records if r.get("event") == "bind"]
    tap.equal(len(binds), len(set(binds)), "sessions bound twice")
    tap.check(len(binds) >= len(crowd.given), f"{len(crowd.given)} logins arrived, {len(binds)} are recorded")


def allows_are_recorded(records, backend, crowd):
    """Each request that the backend saw was decided on, and allowed, in the log."""
    allowed = {r["path"] for r in records if r["kind"] == "decision" and r.get("enforced") == "allow"}
    seen = {q.path for q in backend.requests() if q.path.startswith("/api/k/")}
    tap.equal(sorted(seen - allowed), [], f"of {len(seen)} requests at the backend, without a decision")
    got = {p for p, status in crowd.answered.items() if status == 404}
    tap.equal(sorted(got - allowed), [], f"of {len(got)} answers, without a decision")


def verified(gate, head=None):
    """`log verify`; returns its words."""
    done = gate.cli("log", "verify", *(["--head", head] if head else []), check=False)
    tap.equal(done.returncode, 0, done.stdout + done.stderr)
    return done.stdout
