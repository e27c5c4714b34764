# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=200
"""Every phase has an end: slow heads, slow bodies, idling, clients that take nothing, slow backends."""
import socket
import ssl
import time

from backends import raw
from lib import tap
from lib.http1 import Conn, Ended, build, chunk
from lib.settings import OPEN_ALL, Front, site
from lib.world import SLOW, World

HOST = "wallet.test"
TIMES = {"handshake": "2 s", "head": "2 s", "body": "2 s", "idle": "3 s", "write": "3 s", "upstream-head": "2 s",
         "upstream-body": "2 s", "connect": "1 s"}
world = World("timeouts")


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(raw.answering(raw.OK)))
    front = start(backend)


def start(b, **more):
    return Front(world, [site("wallet", HOST, b.port, lines=OPEN_ALL)], timeouts=TIMES | more)


def ends_after(conn, low, high):
    """Seconds until the other side closes, whatever it says before."""
    begin = time.monotonic()
    conn.sock.settimeout(20 * SLOW)
    conn.read_to_end()
    tap.within(time.monotonic() - begin, low, high * SLOW, "seconds until it closed")


@tap.case
def a_silent_connection_does_not_stay():
    ends_after(Conn(front.port), 1, 5)


@tap.case
def a_hello_in_drops_does_not_stay():
    with socket.create_connection(("127.0.0.1", front.port)) as s:
        begin = time.monotonic()
        try:
            for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200):
                s.sendall(bytes([byte]))
                time.sleep(0.2)
        except OSError:
            pass
        tap.within(time.monotonic() - begin, 1, 6 * SLOW)


@tap.case
def a_slow_head_gets_408():
    with front.conn(HOST) as c:
        begin = time.monotonic()
        try:
            c.send_slowly(b"GET / HTTP/1.1\r\nHost: wallet.test\r\n" + b"X-A: b\r\n" * 100, 0.25, 8)
        except OSError:
            pass
        tap.within(time.monotonic() - begin, 1.5, 6 * SLOW)
        answer = c.read_to_end()
        tap.check(answer.startswith(b"HTTP/1.1 408 ") or answer == b"", answer[:80])


@tap.case
def a_slow_body_gets_408_and_the_backend_is_told():
    with front.conn(HOST) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 100\r\n\r\nstart")
        begin = time.monotonic()
        answer = c.read_to_end()
        tap.within(time.monotonic() - begin, 1.5, 8 * SLOW)
        tap.check(answer.startswith(b"HTTP/1.1 408 "), answer[:80])
    tap.raises(raw.Bad, backend.requests)  # the backend never saw that body's end
    backend.forget()


@tap.case
def a_body_that_comes_steadily_may_take_long():
    with front.conn(HOST) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 20\r\n\r\n")
        c.send_slowly(b"x" * 20, 0.3)
        tap.equal(c.read_response("POST").status, 200)


@tap.case
def an_idle_connection_is_closed_without_a_word():
    with front.conn(HOST) as c:
        tap.equal(c.ask("GET", "/", HOST).status, 200)
        begin = time.monotonic()
        tap.equal(c.read_to_end(), b"")
        tap.within(time.monotonic() - begin, 2, 8 * SLOW)


@tap.case
def a_client_that_takes_nothing_is_dropped():
    big = world.add(raw.RawBackend(raw.once(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n" + bytes(1 << 26))))
    f = start(big)
    c = f.conn(HOST, rcvbuf=4096)
    c.send(build("GET", "/", HOST))
    time.sleep(8 * SLOW)
    tap.check(len(c.read_to_end()) < 1 << 26, "everything came: nothing was dropped")
    tap.equal(f.counters().get('warifu_timeouts_total{wait="client_write"}'), 1)
    f.gate.stop()


@tap.case
def a_backend_that_says_nothing_gives_504():
    f = start(world.add(raw.RawBackend(raw.stall(30))))
    begin = time.monotonic()
    tap.equal(f.client(HOST).get("/").status, 504)
    tap.within(time.monotonic() - begin, 1.5, 6 * SLOW)
    tap.equal(f.counters().get('warifu_timeouts_total{wait="upstream_head"}'), 1)
    f.gate.stop()


@tap.case
def a_backend_that_stops_in_the_middle_is_cut():
    def halves(peer):
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        time.sleep(30)
    f = start(world.add(raw.RawBackend(halves)))
    with f.conn(HOST) as c:
        c.send(build("GET", "/", HOST))
        tap.equal(c.read_head().status, 200)
        ends_after(c, 1, 6)
    f.gate.stop()


@tap.case
def a_slow_but_living_backend_is_waited_for():
    def slowly(peer):
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):
            time.sleep(0.4)
            peer.send(b"x")
    f = start(world.add(raw.RawBackend(slowly)))
    tap.equal(f.client(HOST).get("/").body, b"x" * 12)
    f.gate.stop()


def silent_stream(first, seconds):
    """A script: an event stream whose second event comes after that long."""
    def script(peer):
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(first))
        time.sleep(seconds)
        peer.send(chunk(b"data: late\n\n"))
        peer.wait_closed(60)
    return script


@tap.case
def an_event_stream_may_be_silent_longer_than_another_answer():
    """upstream-body is 2 s here; a stream's own time is tunnel-idle, at least 10 s."""
    f = start(world.add(raw.RawBackend(silent_stream(b"data: soon\n\n", 5))), **{"tunnel-idle": "10 s"})
    with f.conn(HOST, timeout=60) as c:
        c.send(build("GET", "/events", HOST))
        body = c.body_of(c.read_head())
        tap.equal(next(body), b"data: soon\n\n")
        tap.equal(next(body), b"data: late\n\n")
        begin = time.monotonic()
        tap.raises(Ended, next, body)  # a cut, for its end was not reached
        tap.within(time.monotonic() - begin, 8, 30 * SLOW, "seconds of silence until it was cut")
    f.gate.stop()


@tap.case
def a_backend_that_takes_nothing_gives_504_and_the_client_is_not_blamed():
    f = start(world.add(raw.RawBackend(raw.stall(30))))
    with f.conn(HOST) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 67108864\r\n\r\n")
        try:
            for _ in range(1024):
                c.send(bytes(65536))
        except OSError:
            pass  # it stopped reading, answered and closed
        answer = c.read_to_end()
        tap.check(answer.startswith(b"HTTP/1.1 504 ") or answer == b"", answer[:80])
    counted = f.counters()
    tap.equal(counted.get('warifu_timeouts_total{wait="upstream_body"}'), 1)
    tap.equal(counted.get('warifu_timeouts_total{wait="request_body"}', 0), 0)
    f.gate.stop()


@tap.case
def a_handshake_that_stops_after_its_hello_does_not_stay():
    incoming, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = front.tls.wrap_bio(incoming, out, server_hostname=HOST)
    try:
        half.do_handshake()
    except ssl.SSLWantReadError:
        pass
    with socket.create_connection(("127.0.0.1", front.port), timeout=30) as s:
        s.sendall(out.read())
        begin = time.monotonic()
        while s.recv(65536):
            pass
        tap.within(time.monotonic() - begin, 1, 8 * SLOW)


@tap.case
def a_backend_that_does_not_accept_gives_504():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port, fillers = full.getsockname()[1], []
        for _ in range(4):  # more than its queue holds: the next SYN is not answered
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
            fillers.append(s)
        time.sleep(0.3)
        f = Front(world, [site("wallet", HOST, port, lines=OPEN_ALL, backend={"retries": "off"})], timeouts=TIMES)
        begin = time.monotonic()
        tap.equal(f.client(HOST).get("/").status, 504)
        tap.within(time.monotonic() - begin, 0.5, 6 * SLOW)
        tap.check(f.counters().get('warifu_timeouts_total{wait="upstream_connect"}', 0) >= 1, f.counters())
        f.gate.stop()
        for s in fillers:
            s.close()


@tap.case
def timeouts_are_counted():
    counted = front.counters()
    for wait in ("client_hello", "handshake", "request_head", "request_body", "idle"):
        tap.check(counted.get(f'warifu_timeouts_total{{wait="{wait}"}}', 0) >= 1, f"{wait}: {counted}")


tap.main(setup, world.stop)
