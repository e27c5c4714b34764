# SPDX-License-Identifier: Apache-2.0
"""Strangers who keep all connections to a backend busy that they can have do not keep the owner out (security model 18)."""
import threading

from backends.raw import RawBackend
from lib import tap
from lib.settings import Front, block, site
from lib.world import World, wait_until

world = World("reserve")
HOST, LIMIT, OTHERS = "wallet.test", 8, 6  # three quarters for those without a session
waiting, release = [], threading.Event()


def script(peer):
    while True:
        head = peer.head()
        peer.body(head)
        if b"GET /slow" in head:
            waiting.append(head)
            release.wait(60)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        elif b"POST /login" in head:
            peer.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=own; Path=/\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


backend = world.add(RawBackend(script))
front = Front(world, [site("wallet", HOST, backend.port, backend={"connections": LIMIT}, lines=[
    "credential cookie sid", block("login", ['request POST "/login"', "success cookie sid changed", "user form u"]),
    block("routes", ['open GET "/slow"', 'read GET "/api/*"'])])])


@tap.case
def who_has_a_session_finds_a_connection_when_strangers_have_taken_theirs():
    owner = front.client(HOST, agent="walletapp/1")
    tap.equal(owner.ask("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, b"u=alice").status, 200, "login")
    strangers, threads = [], []
    for _ in range(OTHERS):
        c = front.conn(HOST)
        threads.append(threading.Thread(target=lambda c=c: strangers.append(c.ask("GET", "/slow", HOST).status), daemon=True))
        threads[-1].start()
    # The connection that the login left kept may serve one of them; what counts is that they cannot have more.
    wait_until(lambda: len(waiting) >= OTHERS - 1, 10, "strangers at the backend")
    with front.conn(HOST) as one_more:
        for _ in range(3):
            tap.equal(one_more.ask("GET", "/slow", HOST).status, 503, "a stranger past the share")
    for n in range(10):
        tap.equal(owner.get("/api/me").status, 200, f"the owner's request {n}")
    release.set()
    for t in threads:
        t.join(30)
    tap.equal(set(strangers) <= {200, 503}, True, strangers)
    tap.check(strangers.count(200) >= OTHERS - 1, strangers)


tap.main(teardown=world.stop)
