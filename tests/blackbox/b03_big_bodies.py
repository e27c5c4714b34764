# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=600
"""A body of a gigabyte each way in bounded memory, and back-pressure instead of buffers."""
import hashlib
import time

from lib import tap
from lib.backend import start_express
from lib.http1 import Response, build
from lib.settings import OPEN_ALL, Front, site
from lib.world import SLOW, World

HOST = "wallet.test"
SIZE = (1 << 30) // (8 if SLOW > 1 else 1)
# How much the gate may grow; AddressSanitizer keeps some of what was freed. Always less than one body.
BOUND = (48 << 20) * (2 if SLOW > 1 else 1)
BLOCK = bytes(range(256)) * 1024
world = World("big")


def setup():
    global backend, front
    backend = start_express(world)
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], limits={"body-size": "4 GiB"},
                  timeouts={"body": "60 s", "write": "60 s"})


def total_rss():
    return sum(front.gate.rss().values())


class Growth:
    """The most that the gate's processes grew beyond the start, sampled by calls."""

    def __init__(self):
        self.start, self.most = total_rss(), 0

    def sample(self):
        self.most = max(self.most, total_rss() - self.start)


@tap.case
def downloads_a_gigabyte_in_bounded_memory():
    for query in (f"bytes={SIZE}", f"bytes={SIZE}&chunked"):
        with front.conn(HOST, timeout=60) as c:
            c.send(build("GET", f"/open/download?{query}", HOST))
            head, growth, got, n = c.read_head(), Growth(), 0, 0
            for part in c.body_of(head):
                got += len(part)
                n += 1
                if n % 500 == 0:
                    growth.sample()
            tap.equal(got, SIZE)
            tap.note(f"{query}: grew by {growth.most >> 20} MiB")
            tap.check(growth.most < BOUND, f"grew by {growth.most >> 20} MiB")


@tap.case
def uploads_a_gigabyte_in_bounded_memory():
    for chunked in (False, True):
        digest, left, growth = hashlib.sha256(), SIZE, Growth()
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % SIZE
        with front.conn(HOST, timeout=60) as c:
            c.send(b"POST /open/upload HTTP/1.1\r\nHost: wallet.test\r\n%s\r\n\r\n" % framing)
            n = 0
            while left:
                part = BLOCK[:min(left, len(BLOCK))]
                c.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                digest.update(part)
                left -= len(part)
                n += 1
                if n % 200 == 0:
                    growth.sample()
            if chunked:
                c.send(b"0\r\n\r\n")
            answer = c.read_response("POST").json()
        tap.equal((answer["bytes"], answer["sha256"]), (SIZE, digest.hexdigest()))
        tap.note(f"chunked={chunked}: grew by {growth.most >> 20} MiB")
        tap.check(growth.most < BOUND, f"grew by {growth.most >> 20} MiB")


@tap.case
def a_client_that_does_not_read_stops_the_backend():
    growth = Growth()
    conns = [front.conn(HOST, rcvbuf=8192) for _ in range(20)]
    for c in conns:
        c.send(build("GET", f"/open/download?bytes={64 << 20}", HOST))
        tap.equal(c.read_head().status, 200)
    for _ in range(10):
        time.sleep(0.3)
        growth.sample()
    tap.note(f"20 × 64 MiB unread: grew by {growth.most >> 20} MiB")
    tap.check(growth.most < BOUND, f"grew by {growth.most >> 20} MiB")
    for c in conns[1:]:
        c.close()
    tap.equal(sum(len(p) for p in conns[0].body_of(first_head(conns[0]))), 64 << 20)


def first_head(conn):
    """The head was read; what is left is exactly the body."""
    return Response(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))


@tap.case
def a_backend_that_does_not_read_stops_the_client():
    growth, sent = Growth(), 0
    with front.conn(HOST, timeout=2) as c:
        c.send(b"POST /open/upload?pause=8000 HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: %d\r\n\r\n" % (256 << 20))
        try:
            while sent < 256 << 20:
                c.send(BLOCK)
                sent += len(BLOCK)
                growth.sample()
        except TimeoutError:
            pass
    tap.note(f"took {sent >> 20} MiB before it stopped, grew by {growth.most >> 20} MiB")
    tap.check(sent < 64 << 20, f"{sent >> 20} MiB went into buffers")
    tap.check(growth.most < BOUND, f"grew by {growth.most >> 20} MiB")


@tap.case
def a_body_over_the_limit_is_refused_before_the_backend_reads_it():
    small = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], limits={"body-size": "1 MiB"})
    mark = backend.mark()
    with small.conn(HOST) as c:
        c.send(b"POST /open/upload HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 2000000\r\n\r\n")
        tap.equal(c.read_response("POST").status, 413)
    tap.equal(backend.bytes_since(mark), 0)
    with small.conn(HOST) as c:
        c.send(b"POST /open/upload HTTP/1.1\r\nHost: wallet.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(300):
                c.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            pass
        tap.equal(c.read_response("POST").status, 413)
    small.gate.stop()


tap.main(setup, world.stop)
