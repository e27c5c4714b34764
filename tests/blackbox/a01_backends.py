# SPDX-License-Identifier: Apache-2.0
"""The backends by themselves, nothing of ours before them: what the other tests rely on."""
import re

from backends import raw
from lib import tap
from lib.backend import (django_post, login_django, login_express, login_rtl, rtl_fields, start_django,
                         start_express, start_rtl, wait_request)
from lib.hop import Hop
from lib.http1 import Client, Conn, Ended, Malformed, WebSocket, build, sse_events
from lib.world import World, wait_until

world = World("backends")


@tap.case
def django_logs_in_and_takes_a_withdrawal():
    b = start_django(world)
    c = Client(b.port, f"127.0.0.1:{b.port}")
    tap.equal(login_django(c, "alice", "wrong").status, 200, "a wrong password shows the form again")
    before = c.jar["csrftoken"]
    answer = login_django(c, "alice")
    tap.equal((answer.status, answer.get("Location")), (302, "/admin/"))
    tap.check("sessionid" in c.jar and c.jar["csrftoken"] != before, "session set, CSRF cookie renewed")
    page = c.get("/admin/treasury/withdrawal/add/")
    done = django_post(c, "/admin/treasury/withdrawal/add/", page, asset="BTC", amount="1", address="bc1q0", note="")
    tap.equal(done.status, 302, done.text()[:500])
    tap.contains(c.get("/admin/treasury/withdrawal/").text(), "bc1q0")
    seen = wait_request(b, "/admin/treasury/withdrawal/add/", method="POST")
    tap.check(seen.bytes > 50 and seen.complete, seen)
    page = c.get("/admin/")
    tap.equal(c.get("/admin/logout/").status, 200)
    tap.check("sessionid" not in c.jar, "the logout expires the cookie")


@tap.case
def express_logs_in_withdraws_and_rotates():
    b = start_express(world)
    c = Client(b.port, "wallet.test")
    tap.equal(login_express(c, "alice", "wrong").status, 401)
    before = c.jar["connect.sid"]
    tap.equal(login_express(c, "alice").status, 303)
    tap.check(c.jar["connect.sid"] != before, "the login renews the cookie")
    csrf = re.search(r'name="csrf" value="(\w+)"', c.get("/").text()).group(1)
    mark = b.mark()
    tap.equal(c.post("/withdraw", {"asset": "BTC", "amount": "2", "address": "bc1qabcdef", "csrf": csrf}).status, 303)
    tap.equal(c.post("/api/withdraw", data={"asset": "BTC", "amount": 0.9, "address": "bc1qabcdef"}).status, 201)
    tap.equal(c.get("/api/balance").json()["BTC"], 4500)
    tap.check(b.bytes_since(mark) > 300, "bytes are counted")
    old = dict(c.jar)
    tap.equal(c.post("/api/rotate").status, 200)
    tap.check(c.jar != old, "rotated")
    stale = Client(b.port, "wallet.test")
    stale.jar = old
    tap.equal(stale.get("/api/me").status, 401)
    tap.contains(c.get("/?lang=ja").text(), "出金")
    tap.equal(c.post("/logout").status, 303)
    tap.equal(c.get("/api/me").status, 401)


@tap.case
def express_streams_both_ways():
    b = start_express(world, "--keep-id", "--rolling")
    conn = Conn(b.port)
    conn.send(build("POST", "/open/echo", "wallet.test", body=[b"ab", b"cde" * 1000]))
    answer = conn.read_response("POST")
    tap.equal((len(answer.body), answer.trailers), (3002, [("X-Count", "3002")]))
    conn.send(build("GET", "/open/events?every=400&count=3", "wallet.test"))
    times = [at for at, _ in sse_events(conn, conn.read_head())]
    tap.equal(len(times), 3)
    tap.check(times[2] - times[0] > 0.1, f"events come one by one: {times}")
    ws = WebSocket.open(conn, "/open/ws", "wallet.test")
    for text in ("one", "x" * 200, "y" * 70000):
        ws.send(text)
        tap.equal(ws.recv(), text)
    ws.close()
    c = Client(b.port, "wallet.test")
    tap.equal(c.websocket("/ws").status, 401)
    c.get("/login")
    before = c.jar["connect.sid"]
    login_express(c, "bob")
    tap.equal(c.jar["connect.sid"], before, "--keep-id")
    tap.check(c.get("/api/me").all("Set-Cookie"), "--rolling")
    ws = c.websocket("/ws")
    ws.send("hello")
    tap.equal(ws.recv(), "hello")


@tap.case
def rtl_like_gives_a_token_and_keeps_its_cookie():
    b = start_rtl(world)
    c = Client(b.port, "wallet.test")
    tap.equal(login_rtl(c, "wrong").status, 401)
    cookie = c.jar["connect.sid"]
    tap.equal(login_rtl(c).status, 200)
    tap.equal(c.jar["connect.sid"], cookie, "set before the login, never renewed")
    tap.equal(c.get("/rtl/api/lnd/balance").json()["total_balance"], 73500000)
    send = {"amount": 500000, "address": "bcrt1qthere"}
    tap.equal(c.post("/rtl/api/lnd/transactions", data=send).status, 403, "without the CSRF token")
    tap.equal(c.post("/rtl/api/lnd/transactions", data=send, fields=rtl_fields(c)).status, 201)
    tap.equal(c.websocket("/rtl/api/ws").status, 401)
    ws = c.websocket("/rtl/api/ws", protocols=[c.bearer, "1"])
    tap.check(isinstance(ws, WebSocket), ws)
    tap.equal(ws.response.get("Sec-WebSocket-Protocol"), c.bearer, "the token comes back in the answer")
    ws.close()
    tap.equal(c.get("/rtl/api/authenticate/logout").json(), {"loggedout": True})
    tap.equal(c.get("/rtl/api/lnd/balance").status, 200, "the token outlives the logout")
    c.bearer = "x" + c.bearer
    tap.equal(c.get("/rtl/api/lnd/balance").status, 401)


@tap.case
def raw_backend_records_every_byte():
    b = world.add(raw.RawBackend(raw.summary))
    conn = Conn(b.port)
    sent = build("POST", "/a", "h", body=b"12345") + build("POST", "/b", "h", body=[b"xy", b"z"]) + build("GET", "/c", "h")
    conn.send(sent)
    seen = [conn.read_response().json() for _ in range(3)]
    tap.equal([s["body"] for s in seen], ["12345", "xyz", ""])
    tap.equal(b.received, [sent])
    tap.equal([(m, t, body) for m, t, _, body in b.requests()], [("POST", "/a", b"12345"), ("POST", "/b", b"xyz"), ("GET", "/c", b"")])
    for bad in (b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab"):
        tap.raises(raw.Bad, raw.split_requests, bad)


@tap.case
def client_reads_strictly():
    for answer, error in ((b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", Ended),
                          (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Malformed),
                          (b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", Malformed),
                          (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", Malformed)):
        b = world.add(raw.RawBackend(raw.once(answer)))
        conn = Conn(b.port)
        conn.send(build("GET", "/", "h"))
        tap.raises(error, conn.read_response)


@tap.case
def hop_writes_proxy_headers_and_answers_connect():
    b = world.add(raw.RawBackend(lambda peer: peer.wait_closed(2)))
    hop = world.add(Hop(b.port, source="203.0.113.7", version=1))
    conn = Conn(hop.port)
    conn.send(b"hello")
    wait_until(lambda: b.received and b.received[0].endswith(b"hello"))
    tap.check(b.received[0].startswith(b"PROXY TCP4 203.0.113.7 192.0.2.1 "), b.received)
    tunnel = world.add(Hop(b.port, source="2001:db8::5", connect=True))
    conn = Conn(tunnel.port)
    conn.send(b"CONNECT wallet.test:443 HTTP/1.1\r\nHost: wallet.test:443\r\n\r\n")
    tap.equal(conn.read_head().status, 200)
    conn.send(b"there")
    wait_until(lambda: len(b.received) > 1 and b.received[1].endswith(b"there"))
    tap.equal(b.received[1][:14].hex(), "0d0a0d0a000d0a515549540a2121")
    tunnel.cut()
    tap.check(conn.ended(), "cut")


tap.main(teardown=world.stop)
