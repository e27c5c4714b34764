# SPDX-License-Identifier: Apache-2.0
"""A thief with a copied cookie spends nothing that its owner needs, and cannot wash a challenge off."""
import threading
import time

from lib import places, tap
from lib.backend import login_express, start_express
from lib.http1 import tls_context
from lib.settings import Front, site
from lib.world import World, wait_until

world = World("holders")
app = start_express(world)
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")], geo=places.geo(world),
              limits={"rate-per-session": "20 per 1 s burst 40", "rate-per-user": "40 per 1 s burst 80"})
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"


def client(place="office", version=156, tls=None):
    more = {"tls": tls} if tls else {}
    return front.client("wallet.test", places.address(place), agent=AGENT.format(version), **more)


def thief_of(owner, **more):
    odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    thief = client(tls=odd, **more)
    thief.jar = dict(owner.jar)
    return thief


def log_in():
    owner = client()
    tap.equal(login_express(owner, "alice").status, 303, "login")
    tap.equal(owner.get("/api/me").status, 200, "the owner reads")
    return owner


@tap.case
def a_challenged_thief_cannot_empty_the_owners_buckets():
    owner, stop, seen = log_in(), threading.Event(), []
    thief = thief_of(owner)

    def flood():
        conn = thief.connect()
        while not stop.is_set():
            seen.append(conn.ask("GET", "/api/me", thief.host, thief.fields()).status)
            time.sleep(0.001)

    # Each of his answers waits for the disk: many threads make a flood on a slow one too.
    threads = [threading.Thread(target=flood) for _ in range(8)]
    for t in threads:
        t.start()
    wait_until(lambda: 429 in seen, 20, "a thief over his limit")
    got = []
    for _ in range(20):
        got.append(owner.get("/api/me").status)
        time.sleep(0.06)
    stop.set()
    for t in threads:
        t.join()
    tap.note(f"the thief asked {len(seen)} times and saw {sorted(set(seen))}")
    tap.equal(set(got), {200}, "the owner during the flood")
    tap.check(429 in seen and 200 not in seen, f"the thief: {sorted(set(seen))}")


@tap.case
def a_challenge_stays_however_many_contexts_are_made():
    owner = log_in()
    first = thief_of(owner)
    tap.check(first.get("/api/me").status in (401, 403), "challenged")
    for version in range(100, 120):
        tap.check(thief_of(owner, version=version).get("/api/me").status in (401, 403), f"version {version}")
    mark = app.mark()
    tap.check(first.get("/api/me").status in (401, 403), "still challenged")
    # from another network of the same country one is let read only until one was challenged
    roaming = client("mobile")
    roaming.jar = dict(owner.jar)
    tap.check(roaming.get("/api/me").status in (401, 403), "no context is left for a newcomer: he is asked")
    tap.equal(app.requests(since=mark), [], "what reached the backend")
    tap.equal(owner.get("/api/me").status, 200, "the owner works on")


tap.main()
