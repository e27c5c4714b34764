# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""The same request by HTTP/1.1 and by HTTP/2: the backend is sent the same bytes, or neither of them reaches it."""
from backends import raw
from lib import tap
from lib.conformance import HOST
from lib.frames import END_HEADERS, END_STREAM, HEADERS, block, frame, request
from lib.http1 import Ended, chunk
from lib.http2 import Front2, GoneAway, Reset
from lib.settings import OPEN_ALL, site
from lib.world import World

ABOUT = [("user-agent", "warifu-test/2"), ("accept", "*/*")]
REFUSED = "refused"
world = World("h2same")


class Shape:
    """One request. `pieces`: a body without a length; `trailers` behind it."""

    def __init__(self, name, method="GET", target="/", fields=(), body=None, pieces=None, trailers=(), host=HOST, wanted=None):
        self.name, self.method, self.target, self.fields, self.body = name, method, target, list(fields), body
        self.pieces, self.trailers, self.host, self.wanted = pieces, trailers, host, wanted

    def by_1(self):
        lines = [f"{self.method} {self.target} HTTP/1.1", f"host: {self.host}"] + [f"{n}: {v}" for n, v in ABOUT + self.fields]
        tail = b""
        if self.body is None and self.pieces is None and self.method == "POST":
            lines.append("content-length: 0")  # HTTP/2's END_STREAM says so in any case
        if self.body is not None:
            lines.append(f"content-length: {len(self.body)}")
            tail = self.body
        elif self.pieces is not None:
            lines.append("transfer-encoding: chunked")
            tail = b"".join(chunk(p) for p in self.pieces) + b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode("latin-1") for n, v in self.trailers) + b"\r\n"
        with front.conn(HOST, timeout=8) as c:
            c.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + tail)
            return c.read_response(self.method)

    def by_2(self):
        fields = list(ABOUT + self.fields) + ([("content-length", str(len(self.body)))] if self.body is not None else [])
        parts = [self.body] if self.body is not None else self.pieces
        with front.http2(HOST, timeout=8) as link:
            s = link.start(request(self.method, self.target, self.host, fields), end=not parts and not self.trailers)
            for i, part in enumerate(parts or ()):
                link.body(s, part, end=i == len(parts) - 1 and not self.trailers)
            if self.trailers:
                link.send(frame(HEADERS, END_HEADERS | END_STREAM, s.id, block(self.trailers)))
            return link.finish(s)


def result(way):
    """(status or `refused`, what the backend was sent: heads exactly, bodies without their chunks)."""
    backend.forget()
    try:
        answer = way()
        status = answer.status
    except (Reset, GoneAway, Ended, ConnectionError) as e:
        tap.note(f"{way.__name__}: {e}")
        status = REFUSED
    return status, [c for c in map(canonical, backend.received) if c]


def canonical(stream):
    """One connection's bytes; chunk borders may differ between the two, and nothing else. None if it was cut
    before its end: no backend can act on that, and how far it came is a matter of time."""
    try:
        raw.split_requests(stream)
    except raw.Bad as e:
        tap.check(str(e).startswith(("body cut", "chunk line b''", "trailers without")), f"the backend was sent something unclean: {e}")
        return None
    head, end, rest = stream.partition(b"\r\n\r\n")
    if b"\r\nTransfer-Encoding: chunked" not in head:
        return stream
    return head + end + raw.split_chunks(rest)[0] + rest[rest.rindex(b"0\r\n"):]


def same(shape):
    one, two = result(shape.by_1), result(shape.by_2)
    if one[0] == 400 and two[0] == REFUSED:
        two = (400, two[1])  # malformed: a stream error says the same (RFC 9113 8.1.1)
    tap.equal(two, one, shape.name)
    if shape.wanted:
        tap.equal(one[0], shape.wanted, "status")
    if one[0] == 200:
        tap.check(one[1], "nothing reached the backend")


PLAIN = [
    Shape("GET", wanted=200), Shape("HEAD", "HEAD", wanted=200), Shape("OPTIONS", "OPTIONS", wanted=200), Shape("OPTIONS *", "OPTIONS", "*", wanted=200),
    Shape("DELETE", "DELETE", "/x", wanted=200), Shape("POST without a body", "POST", "/x", wanted=200),
    Shape("POST of nothing", "POST", "/x", body=b"", wanted=200), Shape("POST with a length", "POST", "/x", body=b"a=1&b=2", wanted=200),
    Shape("POST without a length", "POST", "/x", pieces=[b"a=1", b"&b=2"], wanted=200), Shape("PUT", "PUT", "/x", body=bytes(range(256)) * 300, wanted=200),
    Shape("PATCH without a length", "PATCH", "/x", pieces=[b"x" * 70000, b"y" * 70000], wanted=200),
    Shape("DELETE with a body", "DELETE", "/x", body=b"why", wanted=200), Shape("query", target="/a?b=c&d=%20e+f", wanted=200),
    Shape("a long query", target="/a?" + "q" * 3000, wanted=200), Shape("GET with a body", body=b"x", wanted=400),
    Shape("HEAD with a body", "HEAD", body=b"x", wanted=400), Shape("GET with content-length 0", body=b"", wanted=200),
    Shape("trailers", "POST", "/x", pieces=[b"x"], trailers=[("x-sum", "1")], wanted=200),
    Shape("trailers that say who we are", "POST", "/x", pieces=[b"x"], trailers=[("x-forwarded-user", "root")]),
    Shape("a session's cookie in a trailer", "POST", "/x", pieces=[b"x"], trailers=[("cookie", "a=b")], wanted=400),
    Shape("a length in a trailer", "POST", "/x", pieces=[b"x"], trailers=[("content-length", "1")], wanted=400),
    Shape("an unknown method", "FROB", wanted=501), Shape("a method in small letters", "get", wanted=501), Shape("TRACE", "TRACE", wanted=501),
    Shape("another host", host="other.test", wanted=421), Shape("a host in capitals", host=HOST.upper()), Shape("a host with the port 443", host=HOST + ":443"),
    Shape("a host with a dot behind", host=HOST + "."), Shape("a host that is a number", host="0x7f000001", wanted=400),
    Shape("a host with a user", host="root@" + HOST, wanted=400), Shape("a host with percent", host="wallet%2etest", wanted=400),
]

PATHS = [Shape(f"path {p!r}", target=p) for p in (
    "/a/../b", "/a/./b", "/..", "/a/..", "/%2e%2e/x", "/%2E./x", "/a%2fb", "/a%5cb", "/a\\b", "/a%00b", "/a//b", "//evil.test/", "///", "/a;x=1/b",
    "/a;/../b", "/%", "/%zz", "/%4", "/%2541", "/a%20b", "/A/B", "/~user", "/a{b}|c^", "/a?x=../y", "/a?%00", "/a?x=%zz", "/a?x\\y", "/.warifu/", "/.warifu/s/x",
    "/.WARIFU/x", "/%2ewarifu/x", "/./.warifu/x", "/a/%2e./.warifu/", "/.warifu;x", "/a?_method=DELETE", "/a#b", "/\xfc", "/%fc", "/%e3%81%82", "/a%0d%0ab", "/a%09", "?x", "*",
    "/" + "p" * 7000, "/" + "p" * 9000)]

FIELDS = [Shape(f"fields {name}", fields=fields) for name, fields in (
    ("two user agents", [("user-agent", "other")]), ("two authorizations", [("authorization", "Basic eDp5"), ("authorization", "Basic eDp5")]),
    ("content_length", [("content_length", "3")]), ("transfer_encoding", [("transfer_encoding", "chunked")]), ("x_forwarded_for", [("x_forwarded_for", "1.2.3.4")]),
    ("forwarding", [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4"), ("x-real-ip", "1.2.3.4"), ("via", "1.1 x")]),
    ("identity", [("x-forwarded-user", "root"), ("remote-user", "root"), ("x-forwarded-email", "r@x")]), ("override", [("x-http-method-override", "DELETE")]),
    ("rewriting", [("x-original-url", "/admin")]), ("our names", [("warifu-session", "x")]), ("our names in cookies", [("cookie", "__Host-warifu-x=1; a=b")]),
    ("device keys", [("sec-session-id", "x"), ("secure-session-response", "x")]), ("cookies", [("cookie", "a=b; c=d")]), ("a cookie twice", [("cookie", "a=b; a=c")]),
    ("odd cookies", [("cookie", "=x; ; a; b=\"q q\"; c=d=e")]), ("an empty cookie", [("cookie", "")]), ("expect", [("expect", "200-ok")]),
    ("range", [("range", "bytes=0-1"), ("if-range", "\"x\"")]), ("conditions", [("if-none-match", "\"x\""), ("if-modified-since", "x")]),
    ("te", [("te", "trailers")]), ("trailer", [("trailer", "x-sum")]), ("priority", [("priority", "u=1, i")]), ("repeated names", [("x-a", "1"), ("x-a", "2"), ("x-b", "3"), ("x-a", "4")]),
    ("an empty value", [("x-a", "")]), ("bytes above ASCII", [("x-a", "\xfc\xff")]), ("a tab", [("x-a", "a\tb")]), ("origin twice", [("origin", "null"), ("origin", "https://x")]),
    ("fetch metadata", [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]),
    ("proxy-authorization", [("proxy-authorization", "Basic eDp5")]),
    ("all brackets", [("x-a", "<>()[]{}\"'`|\\^~")]), ("many fields", [(f"x-{i}", "v" * 50) for i in range(60)]), ("too many fields", [(f"x-{i}", "v") for i in range(300)]),
    ("a large field", [("x-a", "v" * 7000)]), ("too large a field", [("x-a", "v" * 40000)]))]

BAD = [Shape(f"{name}", "POST", "/x", fields=fields, body=b"abc", wanted=400) for name, fields in (
    ("a space in a name", [("x a", "1")]), ("NUL in a value", [("x-a", "1\0")]),
    ("LF in a value", [("x-a", "1\nx-b: 2")]), ("CR in a value", [("x-a", "1\rx-b: 2")]), ("an empty name", [("", "1")]), ("a second length", [("content-length", "30")]),
    ("a second length that is equal", [("content-length", "3")]), ("a second host", [("host", "other.test")]), ("chunked beside a length", [("transfer-encoding", "chunked")]))]


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(raw.summary))
    front = Front2(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)])


try:
    setup()
    for one in PLAIN + PATHS + FIELDS + BAD:
        tap.run(one.name[:80], same, one)
finally:
    world.stop()
tap.finish()
