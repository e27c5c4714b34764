# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=400
"""Bodies by HTTP/2: large ones each way in bounded memory, windows instead of buffers, no stream that stops another."""
import hashlib
import time

from lib import tap
from lib.backend import start_express
from lib.conformance import HOST, unfallen
from lib.frames import CANCEL, CONTINUATION, DATA, END_HEADERS, INITIAL_WINDOW, block, frame, rst
from lib.http1 import sse_events
from lib.http2 import Front2, GoneAway, Reset
from lib.settings import OPEN_ALL, site
from lib.world import SLOW, World

SIZE = (256 << 20) // (8 if SLOW > 1 else 1)
# How much the gate may grow; AddressSanitizer keeps some of what was freed. Always less than one body.
BOUND = (32 << 20) * (2 if SLOW > 1 else 1)
BLOCK = bytes(range(256)) * 1024
world = World("h2bodies")


def setup():
    global backend, front
    backend = start_express(world)
    front = Front2(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], limits={"body-size": "4 GiB"},
                  timeouts={"body": "60 s", "write": "60 s"})


class Growth:
    """The most that the gate's processes grew beyond the start, sampled by calls."""

    def __init__(self):
        self.start, self.most, self.calls = self.total(), 0, 0

    @staticmethod
    def total():
        return sum(front.gate.rss().values())

    def sample(self, every=1):
        self.calls += 1
        if self.calls % every == 0:
            self.most = max(self.most, self.total() - self.start)

    def check(self, what):
        self.sample()
        tap.note(f"{what}: grew by {self.most >> 20} MiB")
        tap.check(self.most < BOUND, f"{what}: grew by {self.most >> 20} MiB")


@tap.case
def downloads_in_bounded_memory():
    for query, window in ((f"bytes={SIZE}", 65535), (f"bytes={SIZE}&chunked", 4 << 20)):
        growth, got, begin = Growth(), 0, time.monotonic()
        with front.http2(HOST, timeout=60, settings={INITIAL_WINDOW: window}, window=window) as link:
            for part in link.portions(link.open("GET", f"/open/download?{query}", HOST)):
                got += len(part)
                growth.sample(500)
        tap.equal(got, SIZE)
        growth.check(f"{query}, window {window}, {time.monotonic() - begin:.1f} s")


@tap.case
def uploads_in_bounded_memory():
    for known in (True, False):
        digest, left, growth = hashlib.sha256(), SIZE, Growth()
        with front.http2(HOST, timeout=60) as link:
            link.settle()
            s = link.open("POST", "/open/upload", HOST, {"content-length": str(SIZE)} if known else {}, end=False)
            while left:
                part = BLOCK[:min(left, len(BLOCK))]
                left -= len(part)
                link.body(s, part, end=not left)
                digest.update(part)
                growth.sample(100)
            answer = link.finish(s).json()
        tap.equal((answer["bytes"], answer["sha256"]), (SIZE, digest.hexdigest()))
        growth.check(f"{SIZE >> 20} MiB, {'with' if known else 'without'} a length")


@tap.case
def bodies_go_both_ways_at_once_with_trailers():
    """An echo whose answer begins before the request has ended."""
    size, sent, digest = 8 << 20, 0, hashlib.sha256()
    got = hashlib.sha256()
    with front.http2(HOST, timeout=60) as link:
        link.settle()
        s = link.open("POST", "/open/echo", HOST, end=False)
        while sent < size:
            link.body(s, BLOCK, end=False)
            digest.update(BLOCK)
            sent += len(BLOCK)
        link.trailers(s, {"x-sum": "1"})
        answer = link.finish(s)
    got.update(answer.body)
    tap.equal((len(answer.body), got.digest()), (size, digest.digest()))
    tap.equal([(n.lower(), v) for n, v in answer.trailers], [("x-count", str(size))])


@tap.case
def streams_that_nobody_reads_stop_the_backend_and_no_other_stream():
    growth = Growth()
    with front.http2(HOST, grant=False, window=1 << 30) as link:
        link.settle()
        stuck = [link.open("GET", f"/open/download?bytes={64 << 20}", HOST) for _ in range(20)]
        for s in stuck:
            link.wait_head(s)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            tap.equal(link.ask("GET", "/open/slow?ms=50", HOST).status, 200, "a stream beside those")
            growth.sample()
        tap.check(all(s.got <= 65535 for s in stuck), [s.got for s in stuck])
        growth.check("20 × 64 MiB unread on one connection")
        first = stuck[0]
        link.give(first.id, 1 << 30)
        tap.equal(sum(len(p) for p in link.portions(first)), 64 << 20)


@tap.case
def a_connection_whose_window_is_shut_stops_all_its_streams():
    growth = Growth()
    links = [front.http2(HOST, grant=False) for _ in range(10)]
    for link in links:
        link.settle()
        streams = [link.open("GET", f"/open/download?bytes={16 << 20}", HOST) for _ in range(10)]
        while link.credit:
            link.step()
        tap.check(sum(s.got for s in streams) == 65535, [s.got for s in streams])
    for _ in range(8):
        time.sleep(0.2)
        growth.sample()
    growth.check("10 connections × 10 × 16 MiB behind shut windows")
    for link in links:
        link.close()


@tap.case
def a_backend_that_does_not_read_stops_its_stream_and_no_other():
    growth = Growth()
    with front.http2(HOST, timeout=20) as link:
        link.settle()
        s = link.open("POST", "/open/upload?pause=4000", HOST, {"content-length": str(64 << 20)}, end=False)
        sent, end = 0, time.monotonic() + 2.5
        while time.monotonic() < end:
            n = min(s.window, link.window, 16384)
            if n <= 0:
                tap.equal(link.ask("GET", "/open/slow?ms=20", HOST).status, 200, "a stream beside it")
                growth.sample()
                continue
            link.body(s, BLOCK[:n], end=False)
            sent += n
        tap.note(f"took {sent >> 10} KiB before it stopped")
        tap.check(sent < 16 << 20, f"{sent >> 20} MiB went into buffers")
        growth.check("a backend that pauses")
        left = (64 << 20) - sent
        while left:
            part = BLOCK[:min(left, len(BLOCK))]
            left -= len(part)
            link.body(s, part, end=not left)
        tap.equal(link.finish(s).json()["bytes"], 64 << 20)


@tap.case
def an_upload_that_is_refused_gives_the_connections_window_back():
    """Bytes of streams that are over count against the connection's window, which must not run dry."""
    with front.http2(HOST, timeout=20) as link:
        link.settle()
        sent = 0
        while sent < 8 << 20:
            s = link.open("POST", "/open/none-such", HOST, end=False)
            for _ in range(3):
                link.body(s, BLOCK[:20000], end=False)
                sent += 20000
            if s.reset is None and not s.ended:
                link.send(rst(s.id, CANCEL))
                s.reset = CANCEL
        link.ping()
        tap.equal(link.ask("POST", "/open/upload", HOST, body=BLOCK).json()["bytes"], len(BLOCK))


@tap.case
def a_body_over_the_limit_is_refused():
    small = Front2(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], limits={"body-size": "1 MiB"})
    mark = backend.mark()
    with small.http2(HOST) as link:
        link.settle()
        s = link.open("POST", "/open/upload", HOST, {"content-length": "2000000"}, end=False)
        tap.equal(link.wait_head(s).status, 413)
        tap.equal(backend.bytes_since(mark), 0)
        s = link.open("POST", "/open/upload", HOST, end=False)
        try:
            for _ in range(8):
                link.body(s, BLOCK, end=False)
            tap.equal(link.wait_head(s).status, 413)
        except (Reset, GoneAway):
            tap.equal(s.answer and s.answer.status, 413, "an answer before the reset")
        tap.equal(link.ask("POST", "/open/upload", HOST, body=b"x").status, 200, "the connection goes on")
    tap.check(all(not r.complete for r in backend.requests("/open/upload", since=mark) if (r.bytes or 0) > 1), "a body over the limit came whole")
    small.gate.stop()


@tap.case
def events_come_at_once():
    with front.http2(HOST) as link:
        s = link.open("GET", "/open/events?every=300&count=5", HOST, {"accept": "text/event-stream"})
        answer = link.wait_head(s)
        tap.check(answer.get("content-type").startswith("text/event-stream"), answer.fields)
        at = [when for when, _ in sse_events(Portions(link, s), answer)]
    gaps = [b - a for a, b in zip(at, at[1:])]
    tap.equal(len(at), 5)
    tap.check(min(gaps) > 0.15, f"events came in heaps: {at}")


class Portions:
    """A stream in the place of a Conn, for sse_events."""

    def __init__(self, link, stream):
        self.link, self.stream = link, stream

    def body_of(self, _):
        return self.link.portions(self.stream)


@tap.case
def a_head_may_come_byte_by_byte_and_a_body_too():
    with front.http2(HOST, timeout=30) as link:
        link.settle()
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", "/open/upload"), ("content-length", "300")]
        s = link.start(fields, end=False, whole=False, block=block(fields)[:5])
        link.conn.send_slowly(frame(CONTINUATION, END_HEADERS, s.id, block(fields)[5:]), 0.001, 3)
        link.conn.send_slowly(b"".join(frame(DATA, 0, s.id, b"x") for _ in range(299)), 0.001, 40)
        link.body(s, b"x")
        tap.equal(link.finish(s).json()["bytes"], 300)



@tap.case
def the_gate_has_not_fallen():
    unfallen(front.gate)


tap.main(setup, world.stop)
