# SPDX-License-Identifier: Apache-2.0
"""A gate whose log is about to fail, and people who were logged in while all was well.

A request counts as let through when the backend saw it.
"""
from lib import evidence, tap
from lib.backend import login_express
from lib.evidence import LIMITS
from lib.settings import Front, site
from lib.world import descendants, wait_until

HOSTS = {"strict": "wallet.test", "watched": "watched.test"}


class Outage:
    """A gate whose log has a folder of its own; `log` are its settings."""

    def __init__(self, world, backend, name, folder=None, **log):
        self.backend = backend
        self.folder = folder or world.folder(f"{name}-log")
        settings = {"folder": f'"{self.folder}"', "min-free": "16 MiB", **{k.replace("_", "-"): v for k, v in log.items()}}
        self.front = Front(world, [site("wallet", HOSTS["strict"], backend.port, recipe="express"),
                                   site("watched", HOSTS["watched"], backend.port, recipe="express", mode="observe")],
                           limits=LIMITS, log=settings, timeouts={"commit": "1 s"})
        self.gate = self.front.gate
        self.people = {h: self.client(h) for h in HOSTS.values()}
        for c in self.people.values():
            tap.equal(login_express(c, "alice").status, 303)

    def client(self, host):
        return self.front.client(host, agent=evidence.AGENT)

    def pid(self, name):
        for pid in descendants(self.gate.pid):
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                    if f.read().strip() == name:
                        return pid
            except OSError:
                pass
        raise tap.Failure(f"no {name}")

    def read(self, host=HOSTS["strict"]):
        return self.passed(lambda: self.people[host].get("/api/balance"), "/api/balance")

    def withdraw(self, host=HOSTS["strict"]):
        return self.passed(lambda: self.people[host].post("/api/withdraw", data={"asset": "BTC", "amount": 0.0001, "address": "bc1qfine00"}),
                      "/api/withdraw")

    def login(self, host=HOSTS["strict"]):
        """Does somebody new get in, to the backend or to a cookie?"""
        c = self.client(host)
        return self.passed(lambda: login_express(c, "bob"), "/login"), "connect.sid" in c.jar

    def passed(self, ask, path):
        """(did the backend see it, the answer's status or None)."""
        mark = self.backend.mark()
        try:
            status = ask().status
        except evidence.BROKEN:
            status = None
        return bool(self.backend.requests(path, since=mark)), status

    def down(self, what):
        wait_until(lambda: not self.withdraw()[0], 30, what)

    def up_again(self):
        wait_until(lambda: self.withdraw()[0], 40, "the log works again")
        tap.equal(self.withdraw(), (True, 201))
        tap.equal(self.read(), (True, 200))
        wait_until(lambda: self.login()[1], 20, "logins")

    def whole(self):
        """Afterwards: stopped in order, the chain holds, nothing stands twice."""
        self.gate.stop()
        evidence.verified(self.gate)
        records = self.gate.records()
        evidence.records_are_whole(records)
        return records


def fails_closed(place):
    """What must hold while the log is down, whatever the settings say of the rest."""
    for _ in range(3):
        tap.equal(place.withdraw(), (False, 503))
    (seen, _), cookie = place.login()
    tap.equal((seen, cookie), (False, False), "a login that cannot become durable")
    tap.equal(place.read(HOSTS["watched"]), (True, 200), "observed sites pass")
    tap.equal(place.withdraw(HOSTS["watched"]), (True, 201), "observed sites pass")
