# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Many threads at once on what the gate shares: one session from all sides, logins and logouts, while the admin lists,
locks, revokes and reloads. Under ThreadSanitizer every unsynchronised touch is a failure; without it, lost requests are.
"""
import threading
import time

from lib import places, tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import SLOW, World

HOST, SECONDS = "wallet.test", 4 * min(SLOW, 2)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
world = World("threads")


def setup():
    global front
    front = Front(world, [site("wallet", HOST, start_express(world).port, recipe="express")], geo=places.geo(world),
                  limits={f"rate-per-{who}": "100000 per 1 s burst 100000" for who in ("address", "session", "user")} |
                         {"logins-per-address": "100000 per 1 s burst 100000"})


class Crew:
    """Runs jobs side by side until the time is over; counts what each saw."""

    def __init__(self):
        self.end, self.seen, self.wrong, self.lock = time.monotonic() + SECONDS, {}, [], threading.Lock()

    def note(self, what):
        with self.lock:
            self.seen[what] = self.seen.get(what, 0) + 1

    def run(self, *jobs):
        def loop(job):
            try:
                while time.monotonic() < self.end:
                    job(self)
            except BaseException as e:
                self.wrong.append(f"{job.__name__}: {e!r}")
        threads = [threading.Thread(target=loop, args=(job,)) for job in jobs]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        tap.note(dict(sorted(self.seen.items())))
        tap.check(not self.wrong, "; ".join(self.wrong[:5]))


def browser(place="office", keep=True):
    return front.client(HOST, places.address(place), agent=AGENT, keep=keep)


def copy_of(owner, keep=True, place="office"):
    c = browser(place, keep)
    c.jar = dict(owner.jar)
    return c


def elsewhere(owner):
    """The same cookie in other networks: new contexts, challenged or not, while the owner works."""
    copies = [copy_of(owner, False, place) for place in ("mobile", "home", "abroad", "office6")]

    def appears(crew):
        copies.append(copies.pop(0))
        crew.note(f"elsewhere {copies[0].get('/api/me').status}")
    return appears


def reader(owner, keep):
    c = copy_of(owner, keep)

    def reads(crew):
        answer = c.get("/api/me")
        tap.equal(answer.status, 200)
        crew.note("read" if keep else "read on a new connection")
    return reads


def comes_and_goes(crew):
    c = browser()
    tap.equal(login_express(c, "bob").status, 303)
    tap.equal(c.get("/api/me").status, 200)
    c.post("/logout")
    tap.check(c.get("/api/me").status != 200, "works after the logout")
    c.conn and c.conn.close()
    crew.note("login and logout")


def stranger(crew):
    c = browser("abroad", keep=False)
    c.jar = {"connect.sid": "s%3Anobody.knows"}
    tap.check(c.get("/api/me").status != 200)
    crew.note("stranger")


def admin(crew):
    front.gate.cli("session", "list")
    front.gate.cli("status")
    time.sleep(0.05)
    crew.note("listed")


def reloads(crew):
    front.gate.reload()
    time.sleep(0.3)
    crew.note("reload")


@tap.case
def one_session_from_many_connections_loses_nothing():
    owner = browser()
    tap.equal(login_express(owner, "alice").status, 303)
    Crew().run(*[reader(owner, i % 2 == 0) for i in range(6)], elsewhere(owner), comes_and_goes, comes_and_goes, stranger, admin)


@tap.case
def a_reload_under_load_loses_nothing():
    owner = browser()
    tap.equal(login_express(owner, "alice").status, 303)
    Crew().run(*[reader(owner, False) for _ in range(4)], comes_and_goes, reloads, admin)


@tap.case
def a_revoke_is_seen_by_all_threads():
    owner = browser()
    tap.equal(login_express(owner, "alice").status, 303)
    clients = [copy_of(owner) for _ in range(8)]
    tap.equal([c.get("/api/me").status for c in clients], [200] * 8)
    front.gate.cli("session", "revoke", "user", "alice")
    tap.equal([c for c in clients if c.get("/api/me").status == 200], [])


tap.main(setup, world.stop)
