# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Answers that are malformed, too long, too early or unasked: 502 or cut, and never part of another's answer."""
import threading
import time

from backends import raw
from lib import tap
from lib.answers import BROKEN_BODIES, MALFORMED, OK, POISON, TOO_MUCH
from lib.http1 import Ended, Malformed, build, chunk
from lib.settings import OPEN_ALL, Front, site
from lib.world import World, wait_until

HOST = "wallet.test"
world = World("answers")
late = threading.Event()


def play(peer):
    """Answers by the target's last part; connections stay open unless the answer is to be cut."""
    while True:
        head = peer.head()
        method, target = raw.parse_head(head)[:2]
        name = target.rsplit("/", 1)[1]
        if name == "late":  # the answer, and after a moment one that nobody asked for
            peer.send(OK)
            time.sleep(0.02)
            peer.send(POISON)
            late.set()
            continue
        if name == "head":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n" + POISON)
            continue
        if name == "early":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
            peer.wait_closed(20)
            return
        bad = MALFORMED.get(name, BROKEN_BODIES.get(name, TOO_MUCH.get(name)))
        if bad is not None:
            peer.send(bad)
            if name in ("nothing", "http-0-9", "head-without-end") or name.startswith("cut"):
                return
            continue
        peer.body(head)
        text = target.encode()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + (b"" if method == "HEAD" else text))


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(play))
    # One thread, so that all requests share one pool.
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL, backend={"retries": "off"})], start=False,
                  timeouts={"upstream-head": "5 s", "upstream-body": "5 s"})
    front.head = [line.replace("threads 2", "threads 1") for line in front.head]
    front.start()


def own(path):
    """Another client's request gets its own answer."""
    with front.conn(HOST) as c:
        for i in range(2):
            answer = c.ask("GET", f"{path}-{i}", HOST)
            tap.equal((answer.status, answer.body), (200, f"{path}-{i}".encode()))


@tap.case
def what_is_malformed_becomes_502_and_reaches_nobody_else():
    for name, answer in MALFORMED.items():
        own(f"/before-{name}")
        with front.conn(HOST) as c:
            try:
                got = c.ask("GET", f"/bad/{name}", HOST)
            except (Ended, Malformed) as e:
                raise tap.Failure(f"{name}: {e!r}") from None
            tap.equal(got.status, 502, f"{name}: {answer[:60]}")
            # Letters of a support number may be anything.
            own_words = got.body.replace(got.json().get("support", "-").encode(), b"")
            tap.check(b"poison" not in got.raw + got.body and b"abc" not in own_words, f"{name}: {got.body}")
            tap.equal(c.ask("GET", "/same-client", HOST).body, b"/same-client", name)
        own(f"/after-{name}")
    counted = front.counters()
    tap.check(counted.get('warifu_upstream_requests_total{outcome="bad_response"}', 0) >= len(MALFORMED) - 4, counted)


@tap.case
def a_body_that_breaks_is_seen_as_cut():
    for name in BROKEN_BODIES:
        with front.conn(HOST) as c:
            c.send(build("GET", f"/bad/{name}", HOST))
            try:
                got = c.read_response()
            except (Ended, ConnectionError):
                got = None
            tap.check(got is None or got.status == 502, f"{name} looks complete: {got}")
            tap.check(got is not None or c.at_end, name)
        own(f"/after-{name}")


@tap.case
def what_comes_behind_an_answer_reaches_nobody():
    for name in TOO_MUCH:
        for _ in range(3):
            with front.conn(HOST) as c:
                got = c.ask("GET", f"/bad/{name}", HOST)
                tap.check(got.status in (200, 204, 304, 502) and b"poison" not in got.body, f"{name}: {got}")
                for i in range(3):
                    answer = c.ask("GET", f"/then-{i}", HOST)
                    tap.equal(answer.body, f"/then-{i}".encode(), name)
        own(f"/after-{name}")


@tap.case
def what_comes_late_on_a_kept_connection_reaches_nobody():
    for i in range(20):
        with front.conn(HOST) as c:
            late.clear()
            tap.equal(c.ask("GET", "/bad/late", HOST).body, b"ok")
            tap.check(late.wait(20))  # it is on the gate's socket now, whether the gate has seen it or not
            answer = c.ask("GET", f"/next-{i}", HOST)
            tap.equal(answer.body, f"/next-{i}".encode())


@tap.case
def a_body_in_the_answer_to_head_reaches_nobody():
    with front.conn(HOST) as c:
        answer = c.ask("HEAD", "/bad/head", HOST)
        tap.equal((answer.status, answer.get("Content-Length"), answer.body), (200, "45", b""))
        tap.equal(c.ask("GET", "/after-head", HOST).body, b"/after-head")
    own("/others")


@tap.case
def an_early_answer_ends_the_backends_connection_and_not_the_order():
    """The answer comes while the body is still being sent: what is left of it must not be read as a request."""
    backend.forget()
    inner = build("GET", "/smuggled", HOST)
    with front.conn(HOST) as c:
        c.send(build("POST", "/bad/early", HOST)[:-2] + b"Content-Length: %d\r\n\r\n" % (200 + len(inner)) + b"x" * 100)
        tap.equal(c.read_response("POST").body, b"early")
        c.send(inner + b"x" * 100 + build("GET", "/next", HOST))
        try:
            tap.equal(c.read_response().body, b"/next")
        except (Ended, ConnectionError):
            pass  # closing is the other right answer
    own("/after-early")
    targets = [line for stream in backend.received for line in stream.split(b"\r\n") if line.endswith(b" HTTP/1.1")]
    tap.check(not any(b"smuggled" in t for t in targets if t.startswith(b"GET")) or arrived_as_body(), targets)


def arrived_as_body():
    """`smuggled` may have been sent on as part of the body that it was."""
    return all(stream.count(b"GET /smuggled") == 0 or stream.startswith(b"POST /bad/early") for stream in backend.received)


@tap.case
def interim_answers_pass_in_order_and_only_to_who_knows_them():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nWarifu-Evil: 1\r\nSet-Cookie: never-used=1\r\n\r\n"
    other = world.add(raw.RawBackend(raw.answering(hints + hints + b"HTTP/1.1 100 Continue\r\n\r\n" + OK)))
    f = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    with f.conn(HOST) as c:
        answer = c.ask("GET", "/", HOST)
        tap.equal((answer.status, answer.body), (200, b"ok"))
        tap.equal([i.status for i in answer.interim if i.status == 103], [103, 103])
        tap.check(100 not in [i.status for i in answer.interim], "a 100 that was not asked for")
        tap.check(not any(i.all("Warifu-Evil") for i in answer.interim))
        tap.check(not any(i.all("Set-Cookie") for i in answer.interim), "a cookie that nobody has learned")
        tap.equal(c.ask("GET", "/", HOST).body, b"ok")
    with f.conn(HOST) as c:
        c.send(b"GET / HTTP/1.0\r\nHost: wallet.test\r\n\r\n")
        tap.equal(c.read_head().status, 200, "HTTP/1.0 knows no interim answers")
    f.gate.stop()


@tap.case
def a_flood_of_interim_answers_ends():
    def forever(peer):
        peer.head()
        while True:
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500)
    other = world.add(raw.RawBackend(forever))
    f = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)], timeouts={"upstream-head": "3 s", "write": "3 s"})
    before = sum(f.gate.rss().values())
    with f.conn(HOST, timeout=40) as c:
        c.send(build("GET", "/", HOST))
        begin = time.monotonic()
        statuses = set()
        try:
            while time.monotonic() - begin < 30:
                statuses.add(c.read_head().status)
                if max(statuses) >= 200:
                    break
        except (Ended, OSError):
            pass
        tap.check(time.monotonic() - begin < 30, f"it goes on: {statuses}")
    tap.check(sum(f.gate.rss().values()) - before < 32 << 20, "memory grew")
    f.gate.stop()


@tap.case
def an_http_1_0_client_gets_an_end_by_closing():
    other = world.add(raw.RawBackend(raw.answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" + chunk(b"abc") + chunk(b"def") + b"0\r\nX-T: 1\r\n\r\n")))
    f = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    with f.conn(HOST) as c:
        c.send(b"GET / HTTP/1.0\r\nHost: wallet.test\r\nConnection: keep-alive\r\n\r\n")
        answer = c.read_response()
        tap.equal((answer.all("Transfer-Encoding"), answer.body, c.at_end), ([], b"abcdef", True))
    f.gate.stop()


@tap.case
def trailers_go_both_ways_and_forbidden_ones_do_not():
    def with_trailers(peer):
        while True:
            head = peer.head()
            while peer.until(b"\r\n") not in (b"0\r\n",):
                pass
            lines = []
            while (line := peer.until(b"\r\n")) != b"\r\n":
                lines.append(line.strip())
            del head
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Seen\r\n\r\n" + chunk(b"x") + b"0\r\nX-Seen: " + b"|".join(lines) + b"\r\n\r\n")
    other = world.add(raw.RawBackend(with_trailers))
    f = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    post = b"POST / HTTP/1.1\r\nHost: wallet.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n%s\r\n"
    with f.conn(HOST) as c:
        c.send(post % b"X-Sum: 9\r\n")
        tap.equal(c.read_response("POST").trailers, [("X-Seen", "X-Sum: 9")])
    for bad in (b"Content-Length: 3\r\n", b"Host: evil\r\n", b"Cookie: a=b\r\n", b"Authorization: x\r\n", b"Transfer-Encoding: chunked\r\n",
                b"X-Forwarded-For: 1.1.1.1\r\n", b"Warifu-User: root\r\n", b"X-Remote-User: root\r\n", b"X-Forwarded-New: 1\r\n", b"bad name: x\r\n"):
        with f.conn(HOST) as c:
            c.send(post % bad)
            answer = c.read_response("POST")
            tap.check(answer.status in (400, 502) or bad[:5].lower() not in str(answer.trailers).lower().encode(), f"{bad}: {answer.trailers}")
    f.gate.stop()


@tap.case
def a_client_that_leaves_takes_its_backend_connection_with_it():
    gone = threading.Event()

    def watch(peer):
        peer.head()
        if peer.wait_closed(20):
            gone.set()
    other = world.add(raw.RawBackend(watch))
    f = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    c = f.conn(HOST)
    c.send(build("GET", "/", HOST))
    wait_until(lambda: any(other.received), 5, "the request")
    c.reset()
    tap.check(gone.wait(10), "the backend goes on working for nobody")
    f.gate.stop()


tap.main(setup, world.stop)
