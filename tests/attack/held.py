# SPDX-License-Identifier: Apache-2.0
"""A request is decided on, what makes it act is held back, the admin acts, and then it is sent.

The thief sits at the owner's own place with the owner's own program: nothing but the admin stops him.
"""
import json
import threading
import time

from backends.raw import RawBackend
from lib import places, tap
from lib.backend import login_express, start_express
from lib.http1 import build
from lib.settings import Front, block, site
from lib.world import World, wait_until

HOST, RAW = "wallet.test", "raw.test"
PAYMENT = json.dumps({"asset": "BTC", "amount": 1, "address": "bc1qthief00"}).encode()
world = World("held")
app = start_express(world)
go = threading.Event()
heads = []


def script(peer):
    """Logs everybody in; /early answers before the body is there; /slow waits for the test."""
    while True:
        head = peer.head()
        heads.append(head)
        path = head.split(b" ")[1]
        if path == b"/early":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        peer.body(head)
        heads.append(b"whole " + path)
        if path == b"/slow":
            go.wait(30)
        cookie = b"Set-Cookie: sid=%d; Path=/\r\n" % len(heads) if path == b"/login" else b""
        peer.send(b"cd" if path == b"/early" else b"HTTP/1.1 200 OK\r\n" + cookie + b"Content-Length: 2\r\n\r\nok")


raw = world.add(RawBackend(script))
front = Front(world, [
    site("wallet", HOST, app.port, recipe="express"),
    site("watched", "watched.test", app.port, recipe="express", mode="observe"),
    site("raw", RAW, raw.port, lines=["credential cookie sid", block("login", [
        'request POST "/login"', "success status 200", "success cookie sid changed", "user none"]),
        block("routes", ['write POST "/early"', 'write POST "/slow"'])])], geo=places.geo(world))


def owner(host=HOST):
    c = front.client(host, places.address("office"), agent="walletapp/1")
    answer = c.post("/login", {}) if host == RAW else login_express(c, "alice")
    tap.check(answer.status in (200, 303), answer)
    return c


def held(c, framing):
    """A withdrawal of which only the end is missing: (connection, that end)."""
    k = c.connect()
    fields = c.fields({"Content-Type": "application/json"})
    if framing == "length":
        data = build("POST", "/api/withdraw", c.host, fields, PAYMENT)
        cut = len(data) - 1
    else:
        data = build("POST", "/api/withdraw", c.host, fields, [PAYMENT])
        cut = len(data) - 5
    since = app.mark()
    k.send(data[:cut])
    wait_until(lambda: app.requests("/api/withdraw", since=since), 10, "its head at the backend")
    return k, data[cut:], since


def acted(since):
    return [r for r in app.requests("/api/withdraw", since=since) if r.complete]


def cli(*words):
    return front.gate.cli(*words)


@tap.case
def what_nobody_stops_passes_however_slow():
    for framing in ("length", "chunked"):
        k, rest, since = held(owner(), framing)
        time.sleep(2)
        k.send(rest)
        answer = k.read_response("POST")
        tap.check(answer.status < 300, answer)
        wait_until(lambda: acted(since), 5, "the withdrawal")


@tap.case
def a_lock_stops_what_is_still_under_way():
    for framing in ("length", "chunked"):
        k, rest, since = held(owner(), framing)
        cli("lock", "wallet", "sensitive", "--reason", "test")
        try:
            k.send(rest)
            tap.equal(k.read_response("POST").status, 403, framing)
            tap.equal(acted(since), [], framing)
        finally:
            cli("unlock", "wallet", "sensitive")
    found = wait_until(lambda: [r for r in front.gate.records(kind="outcome") if r.get("end") == "locked"], 10, "its outcome")
    tap.equal(len(found), 2)


@tap.case
def a_revocation_ends_it_without_waiting_for_its_last_byte():
    for framing in ("length", "chunked"):
        c = owner()
        k, rest, since = held(c, framing)
        cli("session", "revoke", "all")
        answer = k.read_response("POST")
        tap.equal((answer.status, answer.get("Connection")), (403, "close"), framing)
        try:
            k.send(rest)
        except OSError:
            pass
        time.sleep(0.5)
        tap.equal(acted(since), [], framing)
    wait_until(lambda: len(front.gate.records(event="lease_cut")) >= 2, 10, "the events")


@tap.case
def a_lock_and_its_last_byte_at_once():
    """However they race: what the backend acted on was decided on before the lock."""
    c = owner()
    for _ in range(5):
        k, rest, since = held(c, "length")
        cli("lock", "wallet", "sensitive", "--reason", "test")
        k.send(rest)
        status = k.read_response("POST").status
        cli("unlock", "wallet", "sensitive")
        tap.equal((status, acted(since)), (403, []))


@tap.case
def the_policy_of_a_reload_counts_too():
    policy = world.write("closed.policy", 'policy "closed" {\n\tdefault allow\n\n\trule closed "Closed." {\n\t\twhen request.class = sensitive or request.path = "/api/me"\n\t\tthen refuse reason closed\n\t}\n}\n')
    c = owner()
    k, rest, since = held(c, "length")
    text = front.text([site("wallet", HOST, app.port, recipe="express", policy=policy), *front.sites[1:]])
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text)
    front.gate.reload()
    wait_until(lambda: c.get("/api/me").status == 403, 10, "the new policy")
    k.send(rest)
    tap.equal((k.read_response("POST").status, acted(since)), (403, []))
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text())
    front.gate.reload()
    wait_until(lambda: c.get("/api/me").status == 200, 10, "the old policy")


@tap.case
def a_session_that_ends_while_its_answer_is_awaited_gets_none():
    c = owner(RAW)
    go.clear()
    k = c.connect()
    k.send(build("POST", "/slow", RAW, c.fields(), b"x=1"))
    wait_until(lambda: b"whole /slow" in heads, 10, "the request at the backend")
    cli("session", "revoke", "all")
    tap.equal(k.read_response("POST").status, 403)
    go.set()


@tap.case
def an_answer_that_came_early_is_cut_and_the_backend_gets_no_end():
    c = owner(RAW)
    k = c.connect()
    data = build("POST", "/early", RAW, c.fields(), b"x=12345")
    k.send(data[:-1])
    tap.equal(k.read_head().status, 200)
    cli("lock", "raw", "write", "--reason", "test")
    try:
        k.send(data[-1:])
        rest = k.read_to_end()
        tap.check(not rest.endswith(b"cd"), rest)
        tap.check(b"whole /early" not in heads, "the backend had all of it")
    finally:
        cli("unlock", "raw", "write")


@tap.case
def neither_lock_nor_policy_stops_anything_at_an_observed_site():
    k, rest, since = held(owner("watched.test"), "length")
    cli("lock", "watched", "sensitive", "--reason", "test")
    time.sleep(1)
    k.send(rest)
    tap.check(k.read_response("POST").status < 300, "its answer")
    wait_until(lambda: acted(since), 5, "the withdrawal")
    cli("unlock", "watched", "sensitive")


@tap.case
def a_revocation_does_there_too():
    c = owner("watched.test")
    ws = c.websocket("/ws")
    k, rest, since = held(c, "length")
    cli("session", "revoke", "all")
    k.send(rest)
    tap.equal((k.read_response("POST").status, acted(since)), (403, []))
    tap.check(ws.cut_within(3), "its WebSocket goes on")


tap.main(teardown=world.stop)
