# SPDX-License-Identifier: Apache-2.0
"""Plain forwarding of HTTP/1.1: everything that is legal arrives, anew, on both sides."""
import time

from backends import raw
from lib import tap
from lib.http1 import Conn, Ended, build, chunk
from lib.settings import OPEN_ALL, Front, site
from lib.world import World, wait_until

HOST = "wallet.test"
world = World("http")


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(raw.summary))
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)])


def seen(answer):
    tap.equal(answer.status, 200, answer)
    return answer.json()


def fields_of(summary, name):
    return [v for n, v in summary["fields"] if n.lower() == name]


@tap.case
def keeps_the_connection_on_both_sides():
    backend.forget()
    before = len(backend.received)
    with front.conn(HOST) as c:
        for i in range(20):
            tap.equal(seen(c.ask("GET", f"/n{i}", HOST))["target"], f"/n{i}")
    used = len(backend.received) - before
    tap.within(used, 0, 2, "connections to the backend for 20 requests of one client")


@tap.case
def answers_pipelined_requests_in_order():
    with front.conn(HOST) as c:
        c.send(b"".join(build("POST", f"/p{i}", HOST, body=b"x" * i) for i in range(8)))
        got = [seen(c.read_response("POST")) for _ in range(8)]
    tap.equal([(g["target"], len(g["body"])) for g in got], [(f"/p{i}", i) for i in range(8)])


@tap.case
def reads_a_request_in_any_pieces():
    data = build("POST", "/slow?q=1", HOST, {"X-A": "b"}, body=[b"abc", b"defg"])
    for size in (1, 7):
        with front.conn(HOST) as c:
            c.send_slowly(data, 0.001, size)
            tap.equal(seen(c.read_response("POST"))["body"], "abcdefg")


@tap.case
def forwards_chunked_bodies_without_extensions():
    with front.conn(HOST) as c:
        backend.forget()
        c.send(b"POST /c HTTP/1.1\r\nHost: wallet.test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n")
        tap.equal(seen(c.read_response("POST"))["body"], "hello")
    method, target, fields, body = backend.requests()[-1]
    tap.equal((method, target, body), ("POST", "/c", b"hello"))
    tap.check(b";a=b" not in b"".join(backend.received), "the extension was forwarded")


@tap.case
def a_body_is_framed_once_and_the_same_length():
    with front.conn(HOST) as c:
        got = seen(c.ask("POST", "/l", HOST, body=b"12345"))
        tap.equal((fields_of(got, "content-length"), fields_of(got, "transfer-encoding")), (["5"], []))
        got = seen(c.ask("GET", "/none", HOST))
        tap.equal((fields_of(got, "content-length"), fields_of(got, "transfer-encoding")), ([], []))


@tap.case
def writes_its_own_forwarding_fields():
    fields = [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.test"),
              ("Forwarded", "for=198.51.100.9"), ("X-Real-IP", "198.51.100.9"), ("Connection", "keep-alive, X-Gone"),
              ("X-Gone", "1"), ("X-Stays", "2"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Warifu-User", "root"),
              ("Remote-User", "root"), ("X-Forwarded-User", "root")]
    with front.conn(HOST) as c:
        got = seen(c.ask("GET", "/f", HOST, fields))
    tap.equal(fields_of(got, "x-forwarded-for"), ["127.0.0.1"])
    tap.equal(fields_of(got, "x-forwarded-proto"), ["https"])
    tap.equal(fields_of(got, "x-stays"), ["2"])
    for name in ("x-gone", "keep-alive", "warifu-user", "remote-user", "x-forwarded-user"):
        tap.equal(fields_of(got, name), [], name)
    tap.check("198.51.100.9" not in str(got) and "evil.test" not in str(got), got)


@tap.case
def underscore_aliases_of_reserved_names_do_not_pass():
    backend.forget()
    with front.conn(HOST) as c:
        answer = c.ask("GET", "/u", HOST, [("Warifu_User", "root"), ("X_Forwarded_For", "198.51.100.9")])
    arrived = b"".join(backend.received).lower()
    tap.check(answer.status == 400 or (b"warifu_user" not in arrived and b"x_forwarded_for" not in arrived), answer)


@tap.case
def sends_100_continue_only_when_asked():
    with front.conn(HOST) as c:
        c.send(b"POST /e HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        tap.equal(c.read_head().status, 100)
        c.send(b"hello")
        tap.equal(seen(c.read_response("POST"))["body"], "hello")
        answer = c.ask("POST", "/plain", HOST, body=b"abc")
        tap.equal((answer.status, answer.interim), (200, []))
        c.send(b"POST /e HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 5\r\nExpect: something\r\n\r\n")
        tap.equal(c.read_response("POST").status, 417)


@tap.case
def head_has_no_body_and_the_next_request_works():
    with front.conn(HOST) as c:
        answer = c.ask("HEAD", "/h", HOST)
        tap.equal((answer.status, answer.body), (200, b""))
        tap.check(int(answer.get("Content-Length")) > 0)
        tap.equal(seen(c.ask("GET", "/after", HOST))["target"], "/after")


def with_answer(answer, method="GET"):
    """What a client sees when the backend answers with these bytes and closes."""
    other = world.add(raw.RawBackend(raw.once(answer)))
    fresh = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    try:
        with fresh.conn(HOST) as c:
            c.send(build(method, "/", HOST))
            return c.read_response(method)
    finally:
        fresh.gate.stop()


@tap.case
def forwards_chunked_answers_with_trailers():
    answer = with_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunk(b"abc") + b"0\r\nX-Sum: 9\r\n\r\n")
    tap.equal((answer.body, answer.trailers), (b"abc", [("X-Sum", "9")]))


@tap.case
def forwards_an_answer_that_ends_with_the_connection():
    answer = with_answer(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
    tap.equal(answer.body, b"until the end")


@tap.case
def passes_interim_answers_and_204_304():
    answer = with_answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    tap.equal((answer.status, answer.body), (204, b""))
    tap.check(all(i.status == 103 for i in answer.interim), answer.interim)
    answer = with_answer(b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 500\r\n\r\n")
    tap.equal((answer.status, answer.body), (304, b""))


@tap.case
def a_bad_answer_becomes_502_and_leaks_nothing():
    bad = [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
           b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
           b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n",
           b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"garbage\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b""]
    for answer in bad:
        got = with_answer(answer)
        tap.equal(got.status, 502, repr(answer[:60]))
        tap.check(b"garbage" not in got.body and b"folded" not in got.body)


@tap.case
def a_cut_answer_is_seen_as_cut():
    for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
                   b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"):
        tap.raises(Ended, with_answer, answer)


@tap.case
def bytes_behind_an_answer_reach_nobody():
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    other = world.add(raw.RawBackend(raw.answering(poison)))
    fresh = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    for _ in range(3):
        with fresh.conn(HOST) as c:
            tap.equal(c.ask("GET", "/", HOST).body, b"ok")
            tap.equal(c.ask("GET", "/", HOST).body, b"ok")
    fresh.gate.stop()


@tap.case
def an_early_answer_arrives_and_the_rest_of_the_body_is_not_awaited():
    other = world.add(raw.RawBackend(raw.once(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", before_body=True)))
    fresh = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    with fresh.conn(HOST) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
        tap.equal(c.read_response("POST").status, 413)
        tap.check(c.ended(10), "half a request stands: the connection must close")
    fresh.gate.stop()


@tap.case
def retries_only_what_is_safe():
    """A kept connection that dies under a request: GET is repeated; POST arrives once."""
    for method, wanted in (("GET", 200), ("POST", 200)):  # a POST never goes over a kept connection
        flaky = world.add(raw.RawBackend(one_then_reset))
        fresh = Front(world, [site("wallet", HOST, flaky.port, lines=OPEN_ALL)])
        with fresh.conn(HOST) as c:
            tap.equal(c.ask("GET", "/first", HOST).status, 200)
            time.sleep(0.1)
            tap.equal(c.ask(method, "/second", HOST, body=b"x" if method == "POST" else None).status, wanted, method)
        arrivals = sum(stream.count(b" /second ") for stream in flaky.received)
        tap.within(arrivals, 1, 2 if method == "GET" else 1, f"{method} arrived")
        fresh.gate.stop()


def one_then_reset(peer):
    """The first connection answers once and resets at the second request; later ones work."""
    if peer.index == 0:
        peer.body(peer.head())
        peer.send(raw.OK)
        peer.head()
        peer.reset()
    else:
        raw.answering(raw.OK)(peer)


@tap.case
def nothing_reaches_the_backend_at_another_sites_name():
    backend.forget()
    with front.conn(HOST) as c:
        tap.equal(c.ask("GET", "/", "other.test").status, 421)
        tap.equal(c.ask("GET", "http://other.test/", "other.test").status, 421)
    with front.conn(HOST) as c:
        tap.equal(seen(c.ask("GET", f"http://{HOST}/abs", HOST))["target"], "/abs")
    tap.equal([t for _, t, _, _ in backend.requests()], ["/abs"])


@tap.case
def the_redirect_port_sends_to_https_and_serves_nothing():
    backend.forget()
    with Conn(front.redirect_port) as c:
        answer = c.ask("GET", "/a?b=c", HOST)
        tap.check(answer.status in (301, 308), answer)
        tap.check(answer.get("Location").startswith(f"https://{HOST}") and answer.get("Location").endswith("/a?b=c"), answer.fields)
    with Conn(front.redirect_port) as c:
        tap.check(c.ask("GET", "/", "unknown.test").status in (400, 404, 421))
    tap.equal(backend.total(), 0)


@tap.case
def goes_on_when_the_backend_dies_and_returns():
    other = world.add(raw.RawBackend(raw.answering(raw.OK)))
    fresh = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)])
    c = fresh.client(HOST)
    tap.equal(c.get("/").status, 200)
    other.stop()
    wait_until(lambda: c.get("/").status == 502, 5, "502 while the backend is down")
    world.add(raw.RawBackend(raw.answering(raw.OK), port=other.port))
    wait_until(lambda: c.get("/").status == 200, 30, "200 after it came back")
    fresh.gate.stop()


tap.main(setup, world.stop)
