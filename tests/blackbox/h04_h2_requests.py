# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""What an HTTP/2 request may be: RFC 9113 8, RFC 8441, security model 16. What is malformed ends its stream and no part
of it reaches the backend; the connection goes on."""
import json

from backends import raw
from lib import tap
from lib.conformance import HOST, all_live, data, get, post, resets, run, serves, serves_still, settled, stage
from lib.frames import (CONNECT_PROTOCOL, END_HEADERS, END_STREAM, HEADERS, PADDED, PROTOCOL_ERROR, block, frame, padded, request)
from lib.http2 import Front2, GoneAway, Reset
from lib.settings import OPEN_ALL, site
from lib.world import World

world = World("h2msgs")
PATH = "/malformed"
TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"


def pseudo(change=(), drop=(), fields=()):
    """A request's fields with some pseudo-fields changed or left out, and more fields behind."""
    base = request("GET", PATH, HOST)
    change = dict(change)
    return [(n, change.get(n, v)) for n, v in base if n not in drop] + list(fields)


def bad(name, fields, section):
    return section, name, get(fields=fields), resets(1, PROTOCOL_ERROR)


def field(name, value):
    return pseudo(fields=[(name, value)])


PSEUDO = [
    bad("an unknown pseudo-field", field(":test", "ok"), "8.3"),
    bad("a response's pseudo-field", field(":status", "200"), "8.3"),
    bad("a pseudo-field behind a regular one", [("x-a", "1")] + pseudo(), "8.3"),
    bad("the last pseudo-field behind a regular one", pseudo(drop=[":path"], fields=[("x-a", "1"), (":path", PATH)]), "8.3"),
    bad("an empty path", pseudo({":path": ""}), "8.3.1"),
    bad("no method", pseudo(drop=[":method"]), "8.3.1"),
    bad("no scheme", pseudo(drop=[":scheme"]), "8.3.1"),
    bad("no path", pseudo(drop=[":path"]), "8.3.1"),
    bad("no authority and no host", pseudo(drop=[":authority"]), "8.3.1"),
    bad("two methods", pseudo()[:1] + pseudo(), "8.3.1"),
    bad("two schemes", pseudo()[1:2] + pseudo(), "8.3.1"),
    bad("two paths", pseudo()[3:] + pseudo(), "8.3.1"),
    bad("two authorities", pseudo()[2:3] + pseudo(), "8.3.1"),
    bad("two paths that differ", [(":path", "/other")] + pseudo(), "8.3.1"),
    bad("no field at all", [], "8.3.1"),
    bad("an empty method", pseudo({":method": ""}), "8.3.1"),
    bad("a method with a space", pseudo({":method": "GET /x"}), "8.3.1"),
    bad("a method with CR LF", pseudo({":method": "GET / HTTP/1.1\r\nx-a:"}), "8.3.1"),
    bad("an empty authority", pseudo({":authority": ""}), "8.3.1"),
    bad("a user name in the authority", pseudo({":authority": "root@" + HOST}), "8.3.1"),
    bad("a path in the authority", pseudo({":authority": HOST + "/x"}), "8.3.1"),
    bad("a space in the authority", pseudo({":authority": HOST + " x"}), "8.3.1"),
    bad("host beside an authority that differs", field("host", "other.test"), "8.3.1"),
    bad("host beside an authority that differs in its port", field("host", HOST + ":1"), "8.3.1"),
    bad("an empty host beside the authority", field("host", ""), "8.3.1"),
    bad("two hosts", field("host", HOST) + [("host", HOST)], "8.3.1"),
    bad("two hosts and no authority", pseudo(drop=[":authority"], fields=[("host", HOST), ("host", "other.test")]), "8.3.1"),
    bad("scheme http over TLS", pseudo({":scheme": "http"}), "8.3.1"),
    bad("scheme with CR LF", pseudo({":scheme": "https\r\n"}), "8.3.1"),
]

CONNECTS = [
    bad("CONNECT without :protocol", [(":method", "CONNECT"), (":authority", "other.test:443")], "8.5"),
    bad("CONNECT without :protocol, with scheme and path", pseudo({":method": "CONNECT"}), "8.5"),
    bad(":protocol without CONNECT", [(":protocol", "websocket")] + pseudo(), "RFC 8441 4"),
    bad("extended CONNECT without a path", pseudo({":method": "CONNECT"}, [":path"]) + [(":protocol", "websocket")], "RFC 8441 4"),
    bad("extended CONNECT without a scheme", pseudo({":method": "CONNECT"}, [":scheme"]) + [(":protocol", "websocket")], "RFC 8441 4"),
    bad("extended CONNECT without an authority", pseudo({":method": "CONNECT"}, [":authority"]) + [(":protocol", "websocket")], "RFC 8441 4"),
    bad("two :protocol", pseudo({":method": "CONNECT"}) + [(":protocol", "websocket")] * 2, "RFC 8441 4"),
]

CONNECTION_FIELDS = [bad(f"{name}: {value}", field(name, value), "8.2.2") for name, value in (
    ("connection", "keep-alive"), ("connection", "close"), ("proxy-connection", "keep-alive"), ("keep-alive", "timeout=5"),
    ("transfer-encoding", "chunked"), ("transfer-encoding", "identity"), ("upgrade", "websocket"), ("upgrade", "h2c"),
    ("te", "trailers, deflate"), ("te", "gzip"), ("te", ""))]

NAMES = [bad(f"a name {what}", field(name, "1"), "8.2.1") for what, name in (
    ("in capitals", "X-TEST"), ("with one capital", "x-tesT"), ("that is empty", ""), ("with a space", "x test"), ("with a space behind", "x-test "),
    ("with CR LF", "x-a: 1\r\nx-test"), ("with LF", "x-\ntest"), ("with NUL", "x-\0test"), ("with DEL", "x-\x7ftest"), ("with a colon", "x-test:"),
    ("that is a head", "content-length: 0\r\n\r\nget /smuggled http/1.1\r\nx"), ("above ASCII", "x-\xfctest"), ("with a tab", "x-\ttest"),
    ("with a slash", "x/test"), ("in brackets", "x[test]"))]

VALUES = [bad(f"a value {what}", field("x-test", value), "8.2.1") for what, value in (
    ("with CR LF", "1\r\nx-smuggled: 1"), ("with CR", "1\r2"), ("with LF", "1\n2"), ("with NUL", "1\0002"), ("with CR LF CR LF", "1\r\n\r\nGET /smuggled HTTP/1.1"),
    ("with a space in front", " 1"), ("with a space behind", "1 "), ("with a tab behind", "1\t"), ("with DEL", "1\x7f2"), ("with a control byte", "1\x012"))]

PATHS = [bad(f"a path {what}", pseudo({":path": value}), "8.3.1") for what, value in (
    ("with CR LF", "/malformed\r\nx-a: 1"), ("with a space", "/malformed HTTP/1.1"), ("with NUL", "/mal\0formed"), ("with LF", "/malformed\n"),
    ("without a slash", "malformed"), ("that is a URL", "https://other.test/malformed"), ("with a fragment", "/malformed#x"), ("above ASCII", "/malformed\xfc"),
    ("that is * without OPTIONS", "*"))]

LENGTHS = [
    ("8.1.1", "a content-length above the DATA", post(1, [("content-length", "10")]) + data(), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "a content-length below the DATA", post(1, [("content-length", "1")]) + data(), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "a content-length below several DATA", post(1, [("content-length", "4")]) + data(1, b"test", 0) + data(), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "a content-length above several DATA", post(1, [("content-length", "9")]) + data(1, b"test", 0) + data(), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "a content-length and no DATA", frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request("POST", PATH, HOST, [("content-length", "4")]))), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "padding counts for no content-length", post(1, [("content-length", "8")]) + data(1, padded(b"test", 4), END_STREAM | PADDED), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "two lengths that differ", post(1, [("content-length", "4"), ("content-length", "5")]) + data(), resets(1, PROTOCOL_ERROR)),
    ("8.1.1", "two lengths that are equal", post(1, [("content-length", "4"), ("content-length", "4")]) + data(), resets(1, PROTOCOL_ERROR)),
] + [("8.1.1", f"a content-length of {value!r}", post(1, [("content-length", value)]) + data(), resets(1, PROTOCOL_ERROR))
     for value in ("-4", "+4", "4,4", "0x4", "", "4a", "18446744073709551620", "4;x")]

TRAILERS = [
    ("8.1", "a second head that does not end the stream", post() + data(1, b"test", 0) + frame(HEADERS, END_HEADERS, 1, block([("x-test", "ok")])), resets(1, PROTOCOL_ERROR)),
    ("8.1", "a second head and no body that does not end the stream", post() + frame(HEADERS, END_HEADERS, 1, block([("x-test", "ok")])), resets(1, PROTOCOL_ERROR)),
] + [("8.1", f"trailers: {name}: {value!r}", post() + data(1, b"test", 0) + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(name, value)])), resets(1, PROTOCOL_ERROR))
     for name, value in ((":method", "POST"), (":path", "/"), ("X-Upper", "1"), ("connection", "close"), ("transfer-encoding", "chunked"),
                         ("content-length", "4"), ("x-test", "1\r\nx-a: 2"), ("x\r\n", "1"), ("cookie", "a=b"), ("host", HOST), ("authorization", "Basic eA=="))]

GOOD = [
    ("8.1", "GET", get(), serves()),
    ("8.1", "HEAD", get(fields=request("HEAD", "/", HOST)), serves()),
    ("8.1", "POST", post() + data(), serves()),
    ("8.1", "POST without a body", frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request("POST", "/", HOST))), serves()),
    ("8.1", "POST with trailers", post() + data(1, b"test", 0) + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([("x-test", "ok")])), serves()),
    ("8.1", "trailers and no body", post() + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([("x-test", "ok")])), serves()),
    ("8.1.1", "a content-length that fits", post(1, [("content-length", "8")]) + data(1, b"test", 0) + data(), serves()),
    ("8.1.1", "a content-length of nought and no DATA", get(more=[("content-length", "0")]), serves()),
    ("8.2.1", "a value that is empty", get(more=[("x-test", "")]), serves()),
    ("8.2.1", "a value with a tab inside and bytes above ASCII", get(more=[("x-test", "a\tb \xfc")]), serves()),
    ("8.2.1", "a name of every byte that names may hold", get(more=[(TOKEN, "1")]), serves()),
    ("8.2.2", "te: trailers", get(more=[("te", "trailers")]), serves()),
    ("8.3", "pseudo-fields in any order", get(fields=request("GET", "/", HOST)[::-1]), serves()),
    ("8.3.1", "host that is equal", get(more=[("host", HOST)]), serves()),
    ("8.3.1", "host in the place of the authority", get(fields=pseudo({":path": "/"}, [":authority"], [("host", HOST)])), serves()),
    ("8.3.1", "OPTIONS *", get(fields=request("OPTIONS", "*", HOST)), serves()),
]


@tap.case
def nothing_malformed_reached_the_backend():
    """Each of the rows that came before had this path, a mark in its fields, or a body that did not fit its length."""
    seen = settled(backend)
    tap.check(len(seen) > 50, f"only {len(seen)} requests in all: no test")
    tap.equal([r for r in seen if PATH in r[1] or "smuggled" in r[1]], [])
    odd = [r for r in seen if any(n.lower() == "content-length" and v != str(len(r[3])) for n, v in r[2])]
    tap.equal(odd, [])
    bodies = [r for r in seen if r[3] and r[0] == "POST"]
    tap.equal(len(bodies), good_bodies, "requests with a body that the backend could act on")


@tap.case
def cookie_crumbs_are_joined_in_order():
    """8.2.3. Three crumbs, one of them of two cookies: one line at the backend."""
    with front.http2(HOST) as link:
        s = link.start(request("GET", "/crumbs", HOST, [("cookie", "a=1"), ("x-between", "1"), ("cookie", "b=2; c=3"), ("cookie", "d=4")]))
        told = json.loads(link.finish(s).body)
    tap.equal([v for n, v in told["fields"] if n.lower() == "cookie"], ["a=1; b=2; c=3; d=4"])


@tap.case
def too_many_fields_or_crumbs_are_refused():
    for many in ([(f"x-{i}", "1") for i in range(2000)], [("cookie", f"c{i}=1") for i in range(2000)], [("x-large", "a" * 1000)] * 300):
        with front.http2(HOST) as link:
            link.settle()
            s = link.start(request("GET", PATH, HOST, many))
            try:
                tap.equal(link.finish(s).status, 431)
                serves_still(link)
            except (Reset, GoneAway, OSError) as e:
                tap.note(f"{len(many)} of {many[0][0]}: {e}")
    tap.check(not any(PATH in r for stream in backend.received for r in [stream.decode("latin-1")]), "it reached the backend")


@tap.case
def a_host_of_another_site_is_misdirected():
    """8.3.1, 7.4 of RFC 9110: 421, so that the client asks on a connection of its own."""
    with front.http2(HOST) as link:
        for other in ("other.test", "unknown.test", "127.0.0.1", "[::1]"):
            tap.equal(link.ask("GET", PATH, other).status, 421, other)
        tap.equal(link.ask("GET", "/", HOST).status, 200)


@tap.case
def other_protocols_than_websocket_are_refused():
    with front.http2(HOST) as link:
        link.settle()
        tap.equal(link.theirs.get(CONNECT_PROTOCOL), 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL")
        for protocol in ("webtransport", "connect-udp", "WebSocket/", ""):
            s = link.start([(":method", "CONNECT"), (":protocol", protocol), (":scheme", "https"), (":path", PATH), (":authority", HOST)], end=False)
            try:
                tap.check(link.wait_head(s).status in (400, 501), f"{protocol}: {s.answer}")
            except Reset:
                pass
        tap.equal(link.ask("GET", "/", HOST).status, 200)


@tap.case
def methods_are_judged_as_in_http_1():
    with front.http2(HOST) as link:
        for method, status in (("get", 501), ("FROB", 501), ("TRACE", 501), ("GE T", 400), ("DELETE", 200), ("PATCH", 200), ("PUT", 200)):
            try:
                tap.equal(link.ask(method, "/m", HOST).status, status, method)
            except Reset:
                tap.equal(status, 400, method)


@tap.case
def an_answer_has_no_field_of_a_connection():
    """8.2.2: what the backend's HTTP/1.1 says of its own connection does not pass; the client checks every answer for that."""
    answer = (b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=3\r\nProxy-Connection: close\r\n"
              b"Upgrade: h2c\r\nTransfer-Encoding: chunked\r\nX-MiXed: Case\r\n\r\n3\r\nok\n\r\n0\r\n\r\n")
    b = world.add(raw.RawBackend(raw.once(answer)))
    plain = Front2(world, [site("wallet", HOST, b.port, lines=OPEN_ALL)])
    got = plain.client2(HOST).get("/")
    tap.equal((got.status, got.body, got.get("x-mixed"), got.get("x-hop")), (200, b"ok\n", "Case", None))
    plain.gate.stop()


def setup():
    global front, backend, good_bodies
    front, backend = stage(world)
    run(front, PSEUDO + CONNECTS + CONNECTION_FIELDS + NAMES + VALUES + PATHS + LENGTHS + TRAILERS + GOOD)
    good_bodies = 3  # of GOOD: POST, POST with trailers, a content-length that fits


@tap.case
def all_of_it_lives():
    all_live(front, backend)


tap.main(setup, world.stop)
