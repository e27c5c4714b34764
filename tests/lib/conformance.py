# SPDX-License-Identifier: Apache-2.0
"""Cases of protocol conformance: bytes in, one of four outcomes.

    ROWS = [("4.2", "a PING of six bytes", frame(PING, 0, 0, b"123456"), dies(FRAME_SIZE_ERROR))]
    run(front, ROWS)

A row's third part is bytes, or a function of the settled connection that may return more bytes. Outcomes: `dies`,
the connection ends with that code; `resets`, the stream ends with that code (or, as RFC 9113 5.4 allows, the
whole connection does) and the connection goes on; `serves`, the stream is answered with 200; `lives`, nothing
happens. Whatever happened on one connection, the next one is served.
"""
import time

from backends import raw
from lib import tap
from lib.frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
                        block, frame, name_of, request, settings)
from lib.http2 import Front2, GoneAway
from lib.settings import OPEN_ALL, site

HOST = "wallet.test"
LAST = 2001  # a stream far above those of the cases


def get(stream=1, more=(), flags=END_STREAM | END_HEADERS, fields=None, data=None):
    return frame(HEADERS, flags, stream, block(request(authority=HOST, fields=more) if fields is None else fields) if data is None else data)


def post(stream=1, more=(), flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block(request("POST", authority=HOST, fields=more)))


def data(stream=1, content=b"test", flags=END_STREAM):
    return frame(DATA, flags, stream, content)


def more(stream=1, fields=(("x-more", "1"),), flags=END_HEADERS):
    return frame(CONTINUATION, flags, stream, block(fields))


def ping(content=b"are you?"):
    return frame(PING, 0, 0, content)


class Watch:
    """Reads frames and remembers what they say; knows nothing of what may come."""

    def __init__(self, link):
        self.link, self.goaway, self.ended = link, None, False
        self.resets, self.heads, self.done, self.got, self.pongs, self.acks = {}, {}, set(), {}, [], 0

    def until(self, question, seconds=5):
        """Whether it came true in time and before the connection's end."""
        end = time.monotonic() + seconds
        while not question():
            left = end - time.monotonic()
            if self.ended or left <= 0:
                return False
            self.link.sock.settimeout(left)
            try:
                self.take(self.link.read_frame())
            except (GoneAway, OSError) as e:
                self.ended = not isinstance(e, TimeoutError)
        return True

    def take(self, one):
        if one.kind == SETTINGS and not one.flags & ACK:
            self.link.send(settings((), ACK))
        elif one.kind == SETTINGS:
            self.acks += 1
        elif one.kind == PING and one.flags & ACK:
            self.pongs.append(one.payload)
        elif one.kind == GOAWAY:
            self.goaway = int.from_bytes(one.payload[4:8], "big")
        elif one.kind == RST_STREAM:
            self.resets[one.stream] = int.from_bytes(one.payload, "big")
        elif one.kind == HEADERS:
            self.heads.setdefault(one.stream, []).append(self.link.decoder.decode(one.payload))
        elif one.kind == DATA:
            self.got[one.stream] = self.got.get(one.stream, 0) + len(one.payload)
        if one.kind in (HEADERS, DATA) and one.flags & END_STREAM:
            self.done.add(one.stream)

    def status(self, stream):
        return int(dict(self.heads[stream][-1])[":status"]) if stream in self.heads else None

    def __repr__(self):
        return (f"ended {self.ended}, GOAWAY {'none' if self.goaway is None else name_of(self.goaway)}, resets "
                f"{ {s: name_of(c) for s, c in self.resets.items()} }, answers { {s: self.status(s) for s in self.heads} }")


def names(codes):
    return " or ".join(name_of(c) for c in codes)


def dies(*codes):
    def outcome(link):
        w = Watch(link)
        w.until(lambda: w.ended)
        tap.check(w.ended, f"the connection stands: {w}")
        tap.check(w.goaway in codes, f"wanted GOAWAY {names(codes)}: {w}")
    return outcome


def resets(stream, *codes):
    def outcome(link):
        w = Watch(link)
        w.until(lambda: w.ended or stream in w.resets)
        if w.ended:
            tap.check(w.goaway in codes, f"wanted {names(codes)}: {w}")
            return
        tap.check(w.resets.get(stream) in codes, f"wanted RST_STREAM {names(codes)} on {stream}: {w}")
        tap.check(w.status(stream) in (None, 400), f"answered before it was refused: {w}")
        serves_still(link)
    return outcome


def serves(stream=1, answer=200):
    def outcome(link):
        w = Watch(link)
        w.until(lambda: stream in w.done)
        tap.check(stream in w.done and w.status(stream) == answer, w)
    return outcome


def lives(link):
    w = Watch(link)
    link.send(ping())
    tap.check(w.until(lambda: b"are you?" in w.pongs), w)
    tap.equal(w.goaway, None, "GOAWAY")
    serves_still(link)


def serves_still(link):
    link.send(get(LAST))
    serves(LAST)(link)


def ends_quietly(link):
    """The other side may answer or go, but must say no error."""
    w = Watch(link)
    link.send(ping())
    w.until(lambda: w.ended or b"are you?" in w.pongs)
    tap.check(w.ended or w.pongs, w)
    tap.check(w.goaway in (None, 0), w)


def check(front, what, outcome):
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        sent = what(link) if callable(what) else what
        if sent:
            link.send(sent)
        outcome(link)


def run(front, rows):
    for section, name, what, outcome in rows:
        tap.run(f"{section} {name}", check, front, what, outcome)


def telling(peer):
    """raw.summary; but for /stall it reads the head and then nothing more."""
    head = peer.head()
    if b" /stall HTTP" in head:
        time.sleep(20)
    else:
        peer.buffer = head + peer.buffer
        raw.summary(peer)


def stage(world, **more_settings):
    """A gate with one open site before a backend that tells what it was sent; (front, backend)."""
    backend = world.add(raw.RawBackend(telling))
    return Front2(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], **more_settings), backend


def settled(backend):
    """[request] that arrived whole; what was cut is none, since a backend cannot act on it, and anything unclean fails."""
    found = []
    for stream in backend.received:
        try:
            found += raw.split_requests(stream)
        except raw.Bad as e:
            tap.check(str(e).startswith(("body cut", "left over", "chunk line b''", "chunk without", "trailers without")), f"unclean: {e}")
    return found


def unfallen(gate):
    """No process of it has ended: one that did is started again, so that this is seen in its log only."""
    tap.check(gate.alive(), "the gate ended")
    odd = [line for line in gate.log().splitlines() if "bug:" in line or "is started again" in line or "Sanitizer" in line]
    tap.equal(odd, [], "the gate's log")


def all_live(front, backend):
    """After everything: the same processes serve, and the backend was sent whole, clean requests."""
    unfallen(front.gate)
    tap.equal(front.client2(HOST).get("/after").status, 200)
    tap.equal(front.client(HOST).get("/after").status, 200)
    tap.equal(backend.errors, [], "the backend's troubles")
