# SPDX-License-Identifier: Apache-2.0
"""The wrapper around libmicrohttpd: bodies, limits, deadlines (webtool's echo role)."""
import socket
import time

from lib import tap
from lib.webtool import Tool, answer, security_fields, send
from lib.world import SLOW


def until_closed(s, limit=8 * SLOW):
    """Seconds until the other side closes."""
    started = time.monotonic()
    s.settimeout(limit)
    try:
        while s.recv(4096):
            pass
    except (ConnectionResetError, BrokenPipeError):
        pass
    except socket.timeout:
        return limit
    return time.monotonic() - started


@tap.case
def a_post_route_gets_a_bounded_body():
    with Tool("echo") as t:
        tap.equal(t.get("/echo", method="POST", body=b"<hello>")[2], b"&lt;hello&gt;")
        tap.equal(t.get("/echo", method="POST", body=b"x" * 64)[2], b"x" * 64)
        tap.equal(t.get("/echo", method="POST")[0], 200)
        tap.equal(t.get("/echo", method="POST", body=b"x" * 65)[0], 413)
        tap.equal(t.get("/echo", method="HEAD")[0], 405)
        status, fields, _ = t.get("/echo")
        tap.equal((status, fields["allow"]), (405, "POST"))


@tap.case
def ambiguous_framing_is_refused():
    with Tool("echo") as t:
        for fields in ([("Content-Length", "3"), ("Content-Length", "4")], [("Content-Length", "+3")],
                       [("Content-Length", "3, 3")], [("Content-Length", "3"), ("Transfer-Encoding", "chunked")],
                       [("Transfer-Encoding", "chunked")], [("Transfer-Encoding", "gzip")]):
            s = t.connect()
            send(s, "/echo", fields, method="POST", close=False)
            s.sendall(b"abc")
            try:
                status = answer(s, "POST")[0]
            except Exception:
                status = 400
            tap.check(status in (400, 411, 413), f"{fields}: {status}")
            tap.check(until_closed(s) < 3, "still open")
            s.close()


@tap.case
def a_body_in_pieces_arrives_whole():
    with Tool("echo") as t:
        s = t.connect()
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab")
        time.sleep(0.2)
        s.sendall(b"cd")
        time.sleep(0.2)
        s.sendall(b"ef")
        tap.equal(answer(s, "POST")[2], b"abcdef")
        s.close()


@tap.case
def a_reply_that_does_not_fit_is_an_error_not_a_torso():
    with Tool("echo") as t:
        tap.equal(len(t.get("/big")[2]), 10000)
        status, fields, body = t.get("/over")
        tap.equal((status, body), (500, b"500 Internal Server Error\n"))
        security_fields(fields)


@tap.case
def long_targets_and_many_fields_are_refused():
    with Tool("echo") as t:
        tap.equal(t.get("/" + "a" * 98)[0], 404)
        tap.equal(t.get("/" + "a" * 100)[0], 414)
        tap.equal(t.get("/big", [(f"X-{i}", "1") for i in range(30)])[0], 431)


@tap.case
def a_byte_now_and_then_does_not_hold_a_connection():
    with Tool("echo") as t:
        s = t.connect()
        started = time.monotonic()
        alive = True
        for byte in b"GET /big HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyy":
            try:
                s.sendall(bytes([byte]))
                s.settimeout(0.2)
                alive = s.recv(1) != b""
            except socket.timeout:
                pass
            except (BrokenPipeError, ConnectionResetError):
                alive = False
            if not alive:
                break
        tap.check(not alive, "still open")
        tap.within(time.monotonic() - started, 1.5, 5 * SLOW, "seconds until closed")
        s.close()


@tap.case
def idle_and_half_sent_connections_end():
    with Tool("echo") as t:
        silent, kept, body = t.connect(), t.connect(), t.connect()
        send(kept, "/big", close=False)
        tap.equal(answer(kept)[0], 200)
        body.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab")
        for s in (silent, kept, body):
            tap.within(until_closed(s), 0, 5 * SLOW)
            s.close()


@tap.case
def who_takes_no_answer_is_cut_off():
    with Tool("echo") as t:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", t.port))
        s.settimeout(10)
        for _ in range(1000):
            try:
                s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                break
        started = time.monotonic()
        while time.monotonic() - started < 8:
            try:
                s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
                time.sleep(0.1)
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                break
        tap.check(time.monotonic() - started < 7, "still open")
        s.close()


@tap.case
def slow_clients_do_not_keep_others_waiting():
    with Tool("echo") as t:
        slow = [t.connect() for _ in range(15)]
        for s in slow:
            s.sendall(b"GET /big HT")
        started = time.monotonic()
        tap.equal(t.get("/big")[0], 200)
        tap.check(time.monotonic() - started < 1.5 * SLOW, "had to wait")
        for s in slow:
            s.close()


@tap.case
def pipelined_requests_are_answered_in_order():
    with Tool("echo") as t:
        s = t.connect()
        for word in (b"one", b"two", b"three"):
            s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(word), word))
        got = b""
        while got.count(b"HTTP/1.1 200 OK\r\n") < 3 or not got.endswith(b"\r\n\r\nthree"):
            piece = s.recv(4096)
            tap.check(piece, f"closed after {got!r}")
            got += piece
        tap.check(got.index(b"\r\n\r\none") < got.index(b"\r\n\r\ntwo"), "out of order")
        s.close()


tap.main()
