# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Ends of HTTP/2 connections: what crossed the first GOAWAY is served; the last says which requests were taken, those are all answered,
and no other reached the backend."""
import itertools
import socket
import threading
import time

from lib import tap
from lib.backend import start_express
from lib.conformance import HOST
from lib.frames import ACK, GOAWAY, NO_ERROR, PING, REFUSED_STREAM, frame, goaway
from lib.http1 import Conn
from lib.http2 import Front2, GoneAway, Http2, Reset
from lib.settings import NO_LIMITS, OPEN_ALL, site
from lib.world import SLOW, World, wait_until

ANY = 2 ** 31 - 1  # a GOAWAY that refuses no stream

world = World("h2drain")


def setup():
    global backend
    backend = start_express(world)


def gate(limits=None, **more):
    return Front2(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], limits=NO_LIMITS | (limits or {}), **more)


class Browser(threading.Thread):
    """Asks without a pause, several requests at once, as browsers do: what GOAWAY or REFUSED_STREAM says was not taken is asked
    again on another connection; anything else that is no whole answer is a failure."""

    def __init__(self, front, number, at_once=4):
        super().__init__(daemon=True)
        self.front, self.number, self.at_once, self.over = front, number, at_once, threading.Event()
        self.answered, self.again, self.failed, self.links = 0, 0, [], 0

    def run(self):
        link, turn = None, itertools.count()
        while not self.over.is_set():
            try:
                if link is None or link.goaway:
                    link, self.links = self.front.http2(HOST), self.links + 1
                self.turn(link, next(turn))
            except GoneAway:
                link = None
            except OSError as e:
                self.failed.append(f"connection: {e!r}")
                return

    def turn(self, link, turn):
        paths = [f"/open/slow?ms={1 + (turn + i) % 7}&who={self.number}.{turn}.{i}" for i in range(self.at_once)]
        for s in [link.open("GET", p, HOST) for p in paths]:
            try:
                if link.finish(s).status == 200:
                    self.answered += 1
                else:
                    self.failed.append(f"{s.id}: {s.answer}")
            except Reset as e:
                self.untaken(s, e.code == REFUSED_STREAM or (link.goaway and s.id > link.goaway[1]), e)
            except GoneAway as e:
                self.untaken(s, e.last is not None and s.id > e.last, e)
                raise

    def untaken(self, s, safe, why):
        if safe:
            self.again += 1
        else:
            self.failed.append(f"stream {s.id}: {why}")

    def stop(self):
        self.over.set()
        self.join(20)


@tap.case
def reloads_under_load_fail_no_request_and_cut_no_tunnel():
    front = gate()
    link = front.http2(HOST)
    ws = link.websocket("/open/ws", HOST)
    crowd = [Browser(front, i) for i in range(3)]
    for b in crowd:
        b.start()
    for turn in range(15):
        front.gate.reload()
        time.sleep(0.15)
        ws.send(f"turn {turn}")
        tap.equal(ws.recv(), f"turn {turn}")
    for b in crowd:
        b.stop()
    tap.note(f"{sum(b.answered for b in crowd)} answers, {sum(b.again for b in crowd)} asked again, {sum(b.links for b in crowd)} connections")
    tap.equal([f for b in crowd for f in b.failed], [])
    tap.check(sum(b.answered for b in crowd) > 100, "no load")
    front.gate.stop()


@tap.case
def a_stop_answers_what_it_took_and_says_what_it_did_not_take():
    front = gate()
    links = [front.http2(HOST) for _ in range(5)]
    streams = [(link, link.settle().open("GET", f"/open/slow?ms=800&n={i}", HOST)) for i, link in enumerate(links) for _ in range(4)]
    idle = front.http2(HOST).settle()
    for link in links:
        link.ping()
    stopper = threading.Thread(target=front.gate.stop, args=(20,))
    begin = time.monotonic()
    stopper.start()
    for link, s in streams:
        tap.equal(link.finish(s).status, 200)
    took = time.monotonic() - begin
    for link in links + [idle]:
        end = link.end_of(10)
        tap.check(end is not None and end.code == NO_ERROR, f"{end}")
    stopper.join(30)
    tap.check(not front.gate.alive(), "it goes on")
    tap.within(took, 0.3, 6 * SLOW, "seconds")
    tap.equal(front.gate.popen.returncode, 0)


@tap.case
def requests_that_cross_the_stop_are_answered_or_never_reached_the_backend():
    front = gate()
    crowd = [Browser(front, f"stop{i}", 8) for i in range(3)]
    for b in crowd:
        b.start()
    wait_until(lambda: all(b.answered > 20 for b in crowd), 20, "load")
    mark = backend.mark()
    stopper = threading.Thread(target=front.gate.stop, args=(20,))
    stopper.start()
    stopper.join(30)
    for b in crowd:
        b.stop()
    tap.note(f"{sum(b.answered for b in crowd)} answers, {sum(b.again for b in crowd)} not taken, {len(backend.requests(since=mark))} at the backend since")
    refused = lambda f: f.startswith("connection:") and ("Refused" in f or "refused" in f or "Reset" in f or "reset" in f or "EOF" in f or "pipe" in f.lower())
    tap.equal([f for b in crowd for f in b.failed if not refused(f)], [], "requests that were taken and not answered")
    tap.equal(sum(b.again for b in crowd), 0, "requests that crossed the first GOAWAY and were not taken")


class Leaving(Http2):
    """Reads on until a GOAWAY came, and answers no PING unless told to."""

    def goodbye(self):
        while True:
            one = self.read_frame()
            if one.kind == GOAWAY:
                self._on_goaway(one)
                return self.goaway
            if one.kind == PING:
                self.pinged = one.payload
            elif one.kind in self.HANDLERS:
                self.HANDLERS[one.kind](self, one)

    def pong(self):
        """Answers the PING behind the first GOAWAY, and no other."""
        while (one := self.read_frame()).kind != PING:
            self.HANDLERS.get(one.kind, lambda *_: None)(self, one)
        self.send(frame(PING, ACK, 0, one.payload))


def leaving(front):
    return Leaving(front.conn(HOST, tls=front._tls2()))


@tap.case
def what_crosses_the_first_goaway_is_served_and_the_last_names_it():
    front = gate()
    link, quiet = leaving(front), leaving(front)
    slow = link.settle().open("GET", "/open/slow?ms=1500", HOST)
    quiet.settle()
    link.ping()
    stopper = threading.Thread(target=front.gate.stop, args=(30,))
    stopper.start()
    tap.equal(link.goodbye(), (NO_ERROR, ANY))
    crossed = [link.open("GET", f"/open/slow?ms=1&n={i}", HOST) for i in range(3)]
    link.pong()
    tap.equal(link.goodbye(), (NO_ERROR, crossed[-1].id))
    mark = backend.mark()
    late = link.open("GET", "/open/slow?ms=1&late", HOST)
    for s in crossed + [slow]:
        tap.equal(link.finish(s).status, 200)
    end = link.end_of(10)
    tap.check(end is not None and (end.code, end.last) == (NO_ERROR, crossed[-1].id), f"{end}")
    tap.check(late.answer is None and not [r for r in backend.requests(since=mark) if "late" in r.path], "served behind the last")
    # who answers no PING has a moment
    tap.equal(quiet.goodbye(), (NO_ERROR, ANY))
    tap.equal(quiet.goodbye(), (NO_ERROR, 0))
    tap.check(quiet.end_of(10) is not None, "the connection stands")
    stopper.join(30)
    tap.equal(front.gate.popen.returncode, 0)


@tap.case
def who_answers_no_ping_is_served_for_a_moment_and_not_for_ever():
    front = gate(limits={"requests-per-connection": 1})
    with leaving(front) as link:
        link.settle().open("GET", "/open/slow?ms=1", HOST)
        tap.equal(link.goodbye(), (NO_ERROR, ANY))
        begin = time.monotonic()
        s = link.open("GET", "/open/slow?ms=1", HOST)
        tap.equal(link.goodbye(), (NO_ERROR, s.id))
        tap.within(time.monotonic() - begin, 0.5, 2 * SLOW, "seconds")
        tap.check(link.end_of(10) is not None, "the connection stands")
    front.gate.stop()


@tap.case
def a_stop_with_no_time_to_wait_names_the_last_at_once():
    front = gate(timeouts={"drain": "off"})
    link = leaving(front)
    link.settle().ask("GET", "/open/slow?ms=1", HOST)
    front.gate.stop(20)
    end = link.end_of(10)
    tap.check(end is not None and end.last in (None, 1), f"{end}")


@tap.case
def a_connection_that_shook_hands_during_the_stop_has_its_first_request_served():
    front = gate(timeouts={"drain": "20 s"})
    busy = front.http2(HOST).settle()
    slow = busy.open("GET", "/open/slow?ms=3000", HOST)
    late = Conn(front.port)
    busy.ping()
    stopper = threading.Thread(target=front.gate.stop, args=(30,))
    begin = time.monotonic()
    stopper.start()
    while not busy.goaway:
        busy.step()
    late.sock = front._tls2().wrap_socket(late.sock, server_hostname=HOST)
    with Http2(late) as link:
        tap.equal(link.ask("GET", "/open/slow?ms=1", HOST).status, 200)
        tap.check(link.end_of(10) is not None, "the connection stands")
    tap.equal(busy.finish(slow).status, 200)
    stopper.join(30)
    tap.within(time.monotonic() - begin, 0, 10 * SLOW, "seconds")


@tap.case
def a_stop_ends_tunnels_within_the_time_it_has():
    front = gate(timeouts={"drain": "2 s"})
    link = front.http2(HOST)
    ws = link.websocket("/open/ws", HOST)
    ws.send("x")
    tap.equal(ws.recv(), "x")
    begin = time.monotonic()
    tap.equal(front.gate.stop(20), 0)
    tap.within(time.monotonic() - begin, 0, 8 * SLOW, "seconds")
    tap.check(ws.cut_within(1), "the tunnel stands")


@tap.case
def after_its_number_of_requests_a_connection_is_given_up_and_no_request_lost():
    front = gate(limits={"requests-per-connection": 20})
    b = Browser(front, "many", 6)
    b.start()
    wait_until(lambda: b.answered > 150 or b.failed, 20, "requests")
    b.stop()
    tap.equal(b.failed, [])
    tap.within(b.links, 5, 200, "connections")
    with front.http2(HOST) as link:
        link.settle()
        n = 0
        try:
            while not link.goaway:
                tap.equal(link.ask("GET", "/open/slow?ms=1", HOST).status, 200)
                n += 1
                tap.check(n < 60, "it never ends")
                link.ping()
        except GoneAway:
            pass
        tap.equal(link.goaway[0], NO_ERROR)
        tap.within(n, 15, 25, "requests before GOAWAY")
        tap.check(link.end_of(10) is not None, "the connection stands after its last answer")
    front.gate.stop()


@tap.case
def an_idle_connection_is_told_and_closed():
    front = gate(timeouts={"idle": "2 s"})
    with front.http2(HOST) as link:
        tap.equal(link.ask("GET", "/open/slow?ms=1", HOST).status, 200)
        begin = time.monotonic()
        end = link.end_of(10 * SLOW)
        tap.check(end is not None and end.code == NO_ERROR, f"{end}")
        tap.within(time.monotonic() - begin, 1, 5 * SLOW, "seconds")
    with front.http2(HOST) as link:  # at work it is not idle
        tap.equal(link.ask("GET", "/open/slow?ms=3500", HOST).status, 200)
    with front.http2(HOST) as link:  # pings are no work
        link.settle()
        end = time.monotonic() + 8 * SLOW
        try:
            while time.monotonic() < end:
                link.ping()
                time.sleep(0.5)
            raise tap.Failure("pings keep it open")
        except (GoneAway, OSError):
            pass
    front.gate.stop()


@tap.case
def a_client_that_says_goaway_is_answered_and_left():
    front = gate()
    with front.http2(HOST) as link:
        link.settle()
        s = link.open("GET", "/open/slow?ms=300", HOST)
        link.send(goaway(0))
        tap.equal(link.finish(s).status, 200)
        tap.check(link.end_of(10) is not None, "the connection stands though the client is leaving")
    front.gate.stop()


@tap.case
def half_closed_and_vanished_clients_leave_nothing():
    front = gate()
    link = front.http2(HOST)
    link.settle()
    for _ in range(20):
        link.open("GET", "/open/slow?ms=20000", HOST)
    link.ping()
    link.sock.shutdown(socket.SHUT_WR)
    others = [front.http2(HOST) for _ in range(5)]
    for other in others:
        other.settle().open("POST", "/open/upload", HOST, {"content-length": "1000"}, end=False)
        other.reset()
    wait_until(lambda: front.counters().get("warifu_requests_open", 0) == 0, 15, "requests to end")
    wait_until(lambda: front.counters().get("warifu_connections_open", 0) == 0, 15, "connections to end")
    front.gate.stop()


tap.main(setup, world.stop)
