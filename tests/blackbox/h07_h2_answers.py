# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Answers by HTTP/2: the same as by HTTP/1.1; what a backend does wrong ends one stream, never looks complete, and
is never part of another stream's answer."""
import threading
import time

from backends import raw
from lib import tap
from lib.answers import BROKEN_BODIES, MALFORMED, OK, POISON, TOO_MUCH
from lib.conformance import HOST, unfallen
from lib.frames import CANCEL, DATA, NO_ERROR, frame, rst
from lib.http1 import chunk
from lib.http2 import Front2, Reset
from lib.settings import OPEN_ALL, site
from lib.world import World, wait_until

world = World("h2answer")
PER_HOP = ("connection", "date", "transfer-encoding", "keep-alive")
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nWarifu-Evil: 1\r\nSet-Cookie: never-used=1\r\n\r\n"

GOOD = {
    "plain": OK,
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"abc") + chunk(b"d" * 40000) + b"0\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunk(b"abc") + b"0\r\nX-Sum: 9\r\nServer-Timing: a;dur=1\r\n\r\n",
    "nothing-but-trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 500\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
    "500": b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\nRetry-After: 3\r\n\r\nnone",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /x?y#z\r\nContent-Length: 0\r\n\r\n",
    "cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; HttpOnly\r\nContent-Length: 0\r\n\r\n",
    "hints": HINTS + HINTS + OK,
    "fields": b"HTTP/1.1 200 OK\r\nX-MiXed: a  b\r\nX-Empty:\r\nx-twice: 1\r\nX-Twice: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=3\r\n"
              b"Proxy-Connection: close\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
    "reserved": b"HTTP/1.1 200 OK\r\nWarifu-User: root\r\nSet-Cookie: __Host-warifu-x=1\r\nSecure-Session-Registration: x\r\nContent-Length: 0\r\n\r\n",
    "large-head": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-Large-%d: %s\r\n" % (i, b"v" * 700) for i in range(16)) + b"Content-Length: 2\r\n\r\nok",
    "until-close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"to the end" * 3000,
}


def play(peer):
    """Answers by the target's last part."""
    while True:
        head = peer.head()
        method, target = raw.parse_head(head)[:2]
        name = target.rsplit("/", 1)[1]
        if name == "early":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
            peer.wait_closed(20)
            return
        peer.body(head)
        if name == "head":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n" + POISON)
            continue
        if name == "slow":
            time.sleep(0.3)
        fixed = {**MALFORMED, **BROKEN_BODIES, **TOO_MUCH, **GOOD}.get(name)
        if fixed is not None:
            head, end, rest = fixed.partition(b"\r\n\r\n")
            peer.send(head + end if method == "HEAD" else fixed)
            if name in ("nothing", "http-0-9", "head-without-end", "until-close") or name.startswith("cut"):
                return
            continue
        text = target.encode()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + (b"" if method == "HEAD" else text))


def setup():
    global front
    backend = world.add(raw.RawBackend(play))
    front = Front2(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL, backend={"retries": "off"})], start=False,
                  timeouts={"upstream-head": "5 s", "upstream-body": "5 s"})
    front.head = [line.replace("threads 2", "threads 1") for line in front.head]  # so that all requests share one pool
    front.start()


def seen(answer):
    """What of an answer must be equal by either protocol."""
    fields = [(n.lower(), v) for n, v in answer.fields if n.lower() not in PER_HOP]
    trailers = [(n.lower(), v) for n, v in answer.trailers]
    return answer.status, sorted(fields), answer.body, trailers, [(i.status, [n.lower() for n, _ in i.fields]) for i in answer.interim]


@tap.case
def the_same_answers_as_by_http_1():
    with front.http2(HOST) as link:
        for name in GOOD:
            for method in ("GET", "HEAD", "POST"):
                with front.conn(HOST) as c:
                    one = c.ask(method, f"/good/{name}", HOST, body=b"x" if method == "POST" else None)
                two = link.ask(method, f"/good/{name}", HOST, body=b"x" if method == "POST" else None)
                tap.equal(seen(two), seen(one), f"{method} {name}")


@tap.case
def many_streams_at_once_get_each_their_own_answer():
    with front.http2(HOST) as link:
        link.settle()
        streams = [(link.open("GET", f"/own/{i}" if i % 3 else f"/own{i}/slow", HOST), i) for i in range(90)]
        for s, i in reversed(streams):
            tap.equal(link.finish(s).body, f"/own/{i}".encode() if i % 3 else f"/own{i}/slow".encode())


@tap.case
def what_is_malformed_becomes_502_and_reaches_no_other_stream():
    with front.http2(HOST) as link:
        for name, answer in MALFORMED.items():
            streams = [link.open("GET", t, HOST) for t in (f"/before-{name}", f"/bad/{name}", f"/after-{name}")]
            before, bad, after = [link.finish(s) for s in streams]
            tap.equal(bad.status, 502, f"{name}: {answer[:60]}")
            own_words = bad.body.replace(bad.json().get("support", "-").encode(), b"")
            tap.check(b"poison" not in own_words and b"abc" not in own_words, f"{name}: {bad.body}")
            tap.equal((before.body, after.body), (f"/before-{name}".encode(), f"/after-{name}".encode()))


@tap.case
def a_body_that_breaks_resets_its_stream_alone():
    with front.http2(HOST) as link:
        for name in BROKEN_BODIES:
            bad, good = link.open("GET", f"/bad/{name}", HOST), link.open("GET", f"/good-{name}", HOST)
            try:
                got = link.finish(bad)
                tap.equal(got.status, 502, f"{name} looks complete: {got}")
            except Reset as e:
                tap.check(e.code != NO_ERROR, f"{name}: the stream was reset with NO_ERROR")
            tap.equal(link.finish(good).body, f"/good-{name}".encode())


@tap.case
def what_comes_behind_an_answer_reaches_no_other_stream():
    with front.http2(HOST) as link:
        for name in TOO_MUCH:
            for turn in range(3):
                streams = [link.open("GET", f"/bad/{name}", HOST)] + [link.open("GET", f"/then-{turn}-{i}", HOST) for i in range(3)]
                got = link.finish(streams[0])
                tap.check(got.status in (200, 204, 304, 502) and b"poison" not in got.body, f"{name}: {got}")
                for i, s in enumerate(streams[1:]):
                    tap.equal(link.finish(s).body, f"/then-{turn}-{i}".encode(), name)


@tap.case
def a_body_in_the_answer_to_head_reaches_nobody():
    with front.http2(HOST) as link:
        answer = link.ask("HEAD", "/bad/head", HOST)
        tap.equal((answer.status, answer.get("content-length"), answer.body), (200, "45", b""))
        tap.equal(link.ask("GET", "/after-head", HOST).body, b"/after-head")


@tap.case
def an_early_answer_comes_whole_and_the_rest_of_the_body_hurts_nobody():
    """RFC 9113 8.1: after a complete answer the server may reset with NO_ERROR what is left of the request."""
    with front.http2(HOST) as link:
        s = link.open("POST", "/bad/early", HOST, {"content-length": "100000"}, end=False)
        link.body(s, b"x" * 1000, end=False)
        link.wait_head(s)
        while not s.ended:
            link.step()
        tap.equal(b"".join(s.parts), b"early")
        link.send(*[frame(DATA, 0, s.id, b"x" * 10000)] * 5)  # was on its way when the answer came
        link.ping()
        tap.check(s.reset in (None, NO_ERROR, CANCEL), f"reset: {s.reset}")
        tap.equal(link.ask("GET", "/after-early", HOST).body, b"/after-early")


@tap.case
def expect_is_answered_by_100_and_then_by_the_answer():
    with front.http2(HOST) as link:
        s = link.open("POST", "/continued", HOST, {"expect": "100-continue", "content-length": "3"}, end=False)
        while not s.interim and s.answer is None:
            link.step()
        tap.equal([i.status for i in s.interim], [100])
        link.body(s, b"abc")
        tap.equal(link.finish(s).status, 200)
        s = link.open("POST", "/at-once", HOST, {"expect": "100-continue", "content-length": "3"}, end=False)
        link.body(s, b"abc")
        tap.equal(link.finish(s).status, 200)


@tap.case
def a_stream_that_is_reset_takes_its_backend_connection_with_it():
    """… and leaves the others alone."""
    gone = threading.Event()

    def watch(peer):
        head = peer.head()
        if b"/stays" in head:
            time.sleep(0.5)
            peer.send(OK)
        elif peer.wait_closed(20):
            gone.set()
    other = world.add(raw.RawBackend(watch))
    f = Front2(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    with f.http2(HOST) as link:
        s, stays = link.open("GET", "/", HOST), link.open("GET", "/stays", HOST)
        wait_until(lambda: len([r for r in other.received if r]) == 2, 5, "the requests")
        link.send(rst(s.id, CANCEL))
        tap.check(gone.wait(10), "the backend goes on working for nobody")
        tap.equal(link.finish(stays).body, b"ok")
    f.gate.stop()



@tap.case
def the_gate_has_not_fallen():
    unfallen(front.gate)


tap.main(setup, world.stop)
