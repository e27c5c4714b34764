# SPDX-License-Identifier: Apache-2.0
"""An answer that ends a session comes whole, however slowly: nobody cuts his own login.

express-session sends the last byte of a body only after its store has saved the session.
"""
import time

from backends import raw
from lib import tap
from lib.settings import Front, block, site
from lib.world import World

SLOWLY = 1.2  # seconds; leases are looked at every fifth of one


def console(peer):
    """Logs everybody in with a new cookie each time; answers in two pieces."""
    while True:
        head = peer.head()
        peer.body(head)
        line = head.split(b"\r\n")[0]
        cookie = b""
        if line.startswith(b"POST /login"):
            cookie = b"Set-Cookie: sid=%d; Path=/; HttpOnly\r\n" % time.monotonic_ns()
        if line.startswith(b"POST /logout"):
            cookie = b"Set-Cookie: sid=; Path=/; Max-Age=0\r\n"
        peer.send(b"HTTP/1.1 200 OK\r\n" + cookie + b"Content-Length: 8\r\n\r\nin piec")
        time.sleep(SLOWLY)
        peer.send(b"e")


RECIPE = ["credential cookie sid",
          block("login", ['request POST "/login"', "success cookie sid changed", "user none"]),
          'logout POST "/logout"']
world = World("slowlogin")
backend = world.add(raw.RawBackend(console))
front = Front(world, [site("wallet", "wallet.test", backend.port, lines=RECIPE)])


@tap.case
def a_login_over_a_living_session_is_answered_whole():
    c = front.client()
    for _ in range(2):
        tap.equal(c.post("/login", {"u": "a"}).body, b"in piece")


@tap.case
def a_logout_is_answered_whole():
    c = front.client()
    tap.equal(c.post("/login", {"u": "a"}).body, b"in piece")
    tap.equal(c.post("/logout").body, b"in piece")


tap.main()
