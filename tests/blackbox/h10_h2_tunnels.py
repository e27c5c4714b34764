# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""WebSocket over HTTP/2 (RFC 8441): the tunnels of b02_tunnels, each a stream beside others."""
import threading
import time

from backends import raw
from lib import tap, tunnels
from lib.backend import login_express, start_express
from lib.conformance import HOST, unfallen
from lib.frames import CANCEL, CONNECT_PROTOCOL, DATA, END_STREAM, frame, rst
from lib.http1 import Ended, WebSocket
from lib.http2 import Front2, Reset, Tunnel
from lib.settings import OPEN_ALL, site
from lib.world import World, wait_until

OPEN = "open.test"
world = World("h2tunnel")


def setup():
    global backend, front
    backend = start_express(world)
    front = Front2(world, [site("wallet", HOST, backend.port, recipe="express"),
                          site("open", OPEN, backend.port, lines=OPEN_ALL)], timeouts={"tunnel-lease": "2 s"})


@tap.case
def echoes_messages_of_every_size():
    with front.http2(OPEN) as link:
        ws = link.websocket("/open/ws", OPEN)
        tap.check(isinstance(ws, WebSocket), ws)
        for data in ("", "a", "b" * 125, "c" * 126, "d" * 65535, "e" * 65536, b"\0\1\2" * 500000):
            ws.send(data)
            tap.equal(ws.recv() == data, True, f"{len(data)} of {type(data).__name__}")
        ws.send("ping me", opcode=9)
        tap.equal(ws.recv_frame(), (10, b"ping me"))


@tap.case
def the_answer_to_a_handshake_is_that_of_http_2():
    """200, and none of the fields with which HTTP/1.1 switches."""
    with front.http2(OPEN) as link:
        ws = link.websocket("/open/ws", OPEN)
        for name in ("upgrade", "connection", "sec-websocket-accept", "transfer-encoding", "content-length"):
            tap.equal(ws.response.all(name), [], name)


@tap.case
def many_tunnels_and_requests_share_a_connection():
    with front.http2(OPEN) as link:
        sockets = [link.websocket("/open/ws", OPEN) for _ in range(10)]
        for turn in range(20):
            for i, ws in enumerate(sockets):
                ws.send(f"{i}.{turn}")
            tap.equal(link.ask("GET", "/open/slow?ms=1", OPEN).status, 200)
            for i, ws in enumerate(sockets):
                tap.equal(ws.recv(), f"{i}.{turn}")


@tap.case
def the_backend_is_sent_an_exact_handshake_of_http_1():
    """Security model 16: a key of our own, whose answer is checked."""
    b = world.add(raw.RawBackend(raw.once(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")))
    fresh = Front2(world, [site("wallet", HOST, b.port, lines=OPEN_ALL)])
    with fresh.http2(HOST) as link:
        tap.equal(link.websocket("/ws?x=1", HOST, {"sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", "origin": f"https://{HOST}"}).status, 403)
    method, target, _, fields = raw.parse_head(b.received[0])
    tap.equal((method, target), ("GET", "/ws?x=1"))
    names = {n.lower(): v for n, v in fields}
    tap.equal((names.get("upgrade"), names.get("connection", "").lower(), names.get("sec-websocket-version")), ("websocket", "upgrade", "13"))
    tap.check(len(names.get("sec-websocket-key", "")) == 24 and names["sec-websocket-key"] != "AAAAAAAAAAAAAAAAAAAAAA==", names)
    tap.check(":protocol" not in b.received[0].decode() and "content-length" not in names and "transfer-encoding" not in names, names)
    tap.equal(names.get("origin"), f"https://{HOST}")
    wrong = world.add(raw.RawBackend(raw.once(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n", then=lambda p: p.wait_closed(5))))
    again = Front2(world, [site("wallet", HOST, wrong.port, lines=OPEN_ALL)])
    with again.http2(HOST) as link:
        tap.equal(getattr(link.websocket("/ws", HOST), "status", 200), 502, "a wrong Accept of the backend")
    fresh.gate.stop()
    again.gate.stop()


@tap.case
def bad_handshakes_reach_nobody():
    mark = backend.mark()
    base = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/open/ws"), (":authority", OPEN)]
    with front.http2(OPEN) as link:
        link.settle()
        tap.equal(link.theirs.get(CONNECT_PROTOCOL), 1)
        for name, fields, end in (("no version", [], False), ("another version", [("sec-websocket-version", "8")], False),
                                  ("two versions", [("sec-websocket-version", "13")] * 2, False), ("a stream that has ended", [("sec-websocket-version", "13")], True),
                                  ("with a length", [("sec-websocket-version", "13"), ("content-length", "5")], False)):
            s = link.start(base + fields, end=end)
            try:
                tap.check(link.wait_head(s).status in (400, 426), f"{name}: {s.answer}")
            except Reset:
                pass
        tap.equal(link.ask("GET", "/open/slow?ms=1", OPEN).status, 200)
    tap.equal([r for r in backend.requests(since=mark) if r.get("Upgrade")], [], "upgrades at the backend")


@tap.case
def bytes_before_the_answer_wait_for_it():
    """A client may not send before 200, and one that does gets no byte into a backend's connection that did not switch."""
    b = world.add(raw.RawBackend(raw.once(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", then=lambda p: p.wait_closed(3))))
    fresh = Front2(world, [site("wallet", HOST, b.port, lines=OPEN_ALL)])
    with fresh.http2(HOST) as link:
        link.settle()
        s = link.start([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/ws"), (":authority", HOST),
                        ("sec-websocket-version", "13")], end=False)
        link.send(frame(DATA, 0, s.id, b"GET /smuggled HTTP/1.1\r\nHost: wallet.test\r\n\r\n"))
        tap.equal(link.wait_head(s).status, 403)
        time.sleep(0.3)
    tap.check(not any(b"smuggled" in r for r in b.received), b.received)
    fresh.gate.stop()


@tap.case
def a_login_opens_the_tunnel_and_nothing_else_does():
    tunnels.only_a_login_opens(lambda: front.client2(HOST), backend)


@tap.case
def a_revoked_sessions_streams_are_cut_within_a_second_and_others_are_not():
    """All on one connection: alice's tunnel and events, bob's tunnel, a request without a session."""
    alice, bob = front.client2(HOST), front.client2(HOST)
    tap.equal((login_express(alice, "alice").status, login_express(bob, "bob").status), (303, 303))
    with alice.connect() as link:
        link.settle()
        base = lambda c: [x for x in c.fields() if x[0] != "Accept"]
        mine, theirs = link.websocket("/ws", HOST, base(alice)), link.websocket("/ws", HOST, base(bob))
        tap.check(isinstance(mine, WebSocket) and isinstance(theirs, WebSocket), (mine, theirs))
        events = link.open("GET", "/api/events?every=100", HOST, alice.fields())
        tap.equal(link.wait_head(events).status, 200)
        front.gate.cli("session", "revoke", "user", "alice")
        start = time.monotonic()
        tap.check(mine.cut_within(1.5), "the WebSocket lives")
        tap.within(time.monotonic() - start, 0, 1.2, "seconds until the cut")
        link.sock.settimeout(2)
        while events.reset is None and not events.ended:
            link.step()
        tap.check(events.reset is not None, "a cut answer looks complete")
        link.sock.settimeout(10)
        theirs.send("still here")
        tap.equal(theirs.recv(), "still here")
        tap.check(link.ask("GET", "/api/me", HOST, alice.fields()).status in (401, 403))
        tap.equal(link.ask("GET", "/api/me", HOST, bob.fields()).status, 200)


@tap.case
def a_lease_asks_the_policy_again():
    tunnels.a_lease_asks_again(lambda: front.client2(HOST), front.gate)


@tap.case
def ends_are_passed_on_each_way():
    """By a close frame, by END_STREAM, by RST_STREAM, by the connection's end, by the backend's."""
    gone = [threading.Event() for _ in range(4)]

    def switch(peer):
        head = peer.head()
        method, target, _, fields = raw.parse_head(head)
        key = raw.one(fields, "sec-websocket-key")
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept(key) + b"\r\n\r\n")
        if target == "/ends":
            peer.send(b"\x81\x02hi")
            return
        if peer.wait_closed(15):
            gone[int(target[1:])].set()
    b = world.add(raw.RawBackend(switch))
    f = Front2(world, [site("wallet", HOST, b.port, lines=OPEN_ALL)])
    link = f.http2(HOST)
    sockets = [link.websocket(f"/{i}", HOST) for i in range(3)]
    tap.check(all(isinstance(ws, WebSocket) for ws in sockets), sockets)
    link.send(frame(DATA, END_STREAM, sockets[0].conn.stream.id))
    tap.check(gone[0].wait(5), "END_STREAM does not reach the backend")
    link.send(rst(sockets[1].conn.stream.id, CANCEL))
    tap.check(gone[1].wait(5), "RST_STREAM does not reach the backend")
    ends = link.websocket("/ends", HOST)
    tap.equal(ends.recv(), "hi")
    tap.raises((Ended, Reset), ends.recv_frame)
    tap.check(not gone[2].is_set(), "a tunnel beside them ended")
    link.reset()
    tap.check(gone[2].wait(5), "the connection's end does not reach the backend")
    f.gate.stop()


def accept(key):
    import base64
    import hashlib
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())


@tap.case
def a_tunnel_nobody_reads_stops_its_backend_and_no_other_tunnel():
    """An echo that is fed and not read: it stops taking; another tunnel of the connection goes on."""
    with front.http2(OPEN, grant=False, window=1 << 30, timeout=20) as link:
        stuck, other = link.websocket("/open/ws", OPEN), link.websocket("/open/ws", OPEN)
        tunnel, sent = stuck.conn, 0
        end = time.monotonic() + 3
        piece = b"\x82\xfe\x10\x00" + b"\0\0\0\0" + bytes(4096)
        while time.monotonic() < end:
            if min(tunnel.stream.window, link.window) > len(piece):
                link.body(tunnel.stream, piece, end=False)
                sent += len(piece)
            else:
                other.send("x")
                tap.equal(other.recv(), "x")
                time.sleep(0.01)
        tap.note(f"{sent >> 10} KiB went in, {tunnel.stream.got >> 10} came back unread")
        tap.check(tunnel.stream.got <= 65535, "more than the window")
        tap.check(sent < 32 << 20, f"{sent >> 20} MiB went into buffers")
        tap.check(isinstance(tunnel, Tunnel))


def all_given_back():
    return front.counters().get("warifu_tunnels_open", 0) == 0


@tap.case
def afterwards_no_tunnel_is_open():
    wait_until(all_given_back, 20, "the count of open tunnels to reach nought")



@tap.case
def the_gate_has_not_fallen():
    unfallen(front.gate)


tap.main(setup, world.stop)
