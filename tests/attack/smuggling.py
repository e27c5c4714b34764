# SPDX-License-Identifier: Apache-2.0
"""A request hidden in another's body (CL.0): the backend leaves bodies unread, and what is in them is its next request.

Two backends: Python's own http.server, which reads no body of a GET but closes where it is asked to, and one that
reads no body at all and closes for nobody.
"""
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from backends.raw import RawBackend
from lib import tap
from lib.settings import Front, block, site
from lib.world import World

STOLEN = "hers-3f9c"
world = World("smuggle")


class Plain(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def answer(self):
        Plain.seen.append((self.command, self.path))
        text = f"ok {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_DELETE = answer

    def log_message(self, *args):
        pass


def stubborn(peer):
    """Reads heads only; the one it was tricked into is slow, so that its answer comes when somebody else waits."""
    while True:
        head = peer.head()
        path = head.split(b" ")[1]
        if path == b"/slow":
            time.sleep(0.4)
        text = b"ok %s\n" % path
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


def routes(more=()):
    return ["credential cookie connect.sid", *more,
            block("login", ['request POST "/login"', "success status 200", "success cookie connect.sid changed", "user none"]),
            block("routes", ['open "/static/*"'])]


plain = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
threading.Thread(target=plain.serve_forever, daemon=True).start()
mean = world.add(RawBackend(stubborn))
front = Front(world, [site("plain", "plain.test", plain.server_address[1], lines=routes()),
                      site("reads", "reads.test", plain.server_address[1], lines=routes(["bodies-on-get on"])),
                      site("mean", "mean.test", mean.port, lines=routes(["bodies-on-get on"]))])


def inner(path, host):
    return (f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: connect.sid={STOLEN}\r\n"
            "Content-Length: 0\r\n\r\n").encode()


def innocents(host, n=4):
    """What others get who ask meanwhile."""
    return {front.client(host, agent="x").get("/static/innocent").body for _ in range(n)}


@tap.case
def a_body_where_backends_expect_none_is_refused():
    Plain.seen.clear()
    hidden = inner("/api/withdraw", "plain.test")
    for method in ("GET", "HEAD", "OPTIONS"):
        for body in (hidden, [hidden], b"x"):
            with front.conn("plain.test") as c:
                tap.equal(c.ask(method, "/static/x", "plain.test", {}, body).status, 400, f"{method} {body!r}")
        with front.conn("plain.test") as c:  # chunked, and empty
            c.send(f"{method} /static/x HTTP/1.1\r\nHost: plain.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
            tap.equal(c.read_response(method).status, 400, f"{method}, chunked and empty")
    tap.equal(Plain.seen, [], "requests at the backend")


@tap.case
def an_empty_body_is_none():
    for method in ("GET", "HEAD", "OPTIONS"):
        with front.conn("plain.test") as c:
            tap.equal(c.ask(method, "/static/x", "plain.test", {}, b"").status, 200, method)


@tap.case
def what_a_site_lets_in_is_not_the_backends_next_request():
    for host, method in (("reads.test", "GET"), ("plain.test", "POST"), ("plain.test", "DELETE"), ("reads.test", "OPTIONS")):
        Plain.seen.clear()
        for _ in range(4):
            with front.conn(host) as c:
                tap.equal(c.ask(method, "/static/x", host, {}, inner("/api/withdraw", host)).status, 200, method)
            tap.equal(innocents(host, 2), {b"ok /static/innocent\n"}, method)
        tap.equal({path for _, path in Plain.seen}, {"/static/x", "/static/innocent"}, method)


@tap.case
def its_answer_reaches_nobody_else():
    for method in ("GET", "POST", "DELETE"):
        for _ in range(3):
            with front.conn("mean.test") as c:
                tap.equal(c.ask(method, "/static/x", "mean.test", {}, inner("/slow", "mean.test")).body, b"ok /static/x\n", method)
            tap.equal(innocents("mean.test"), {b"ok /static/innocent\n"}, method)


@tap.case
def each_body_has_a_connection_of_its_own_that_is_said_to_close():
    n = len(mean.received)
    for _ in range(3):
        front.client("mean.test").post("/static/x", {"a": "1"})
        front.client("mean.test").get("/static/y")
    found = [r for r in mean.received[n:] if b"POST" in r]
    tap.equal(len(found), 3)
    for r in found:
        tap.check(b"\r\nConnection: close\r\n" in r and b"GET" not in r, r)


def stop():
    world.stop()
    plain.shutdown()
    plain.server_close()


tap.main(teardown=stop)
