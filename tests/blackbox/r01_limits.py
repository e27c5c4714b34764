# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Every limit holds, says so, and counts: sizes, connections, rates per address, session, user and route."""
import time

from backends import raw
from lib import tap
from lib.backend import login_express, start_express
from lib.http1 import Conn, Ended, build
from lib.settings import OPEN_ALL, Front, site
from lib.world import World, wait_until

HOST = "wallet.test"
world = World("limits")


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(raw.summary))
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], timeouts={"refused-body": "1 s"}, limits={
        "head-size": "4 KiB", "line-size": "2 KiB", "uri-size": "512 B", "fields": 20, "body-size": "10 KiB", "hello-size": "2 KiB",
        "response-head-size": "2 KiB", "body-drain": "32 KiB", "requests-per-connection": 5, "connections-per-address": 30})


def limit(name, at=None):
    return (at or front).counters().get(f'warifu_limits_hit_total{{limit="{name}"}}', 0)


class Hit:
    """What is done inside hits that limit."""

    def __init__(self, name, at=None, least=1):
        self.name, self.at, self.least = name, at, least

    def __enter__(self):
        self.before = limit(self.name, self.at)

    def __exit__(self, kind, *rest):
        if kind is None:
            wait_until(lambda: limit(self.name, self.at) >= self.before + self.least, 5, f"{self.name} counted")


def status(target="/", fields=(), body=None, method="GET"):
    with front.conn(HOST) as c:
        return c.ask(method, target, HOST, fields, body).status


@tap.case
def sizes_of_a_head_are_limited():
    backend.forget()
    with Hit("uri_bytes"):
        tap.equal(status("/" + "a" * 600), 414)
    with Hit("head_bytes", least=2):
        tap.equal(status(fields={"X-Long": "a" * 2100}), 431)
        tap.equal(status(fields=[(f"X-{i}", "a" * 1000) for i in range(5)]), 431)
    with Hit("fields"):
        tap.equal(status(fields=[(f"X-{i}", "a") for i in range(25)]), 431)
    tap.equal(backend.total(), 0)
    tap.equal(status("/" + "a" * 400, [(f"X-{i}", "a") for i in range(15)]), 200)


@tap.case
def a_body_is_limited_however_it_is_framed():
    with Hit("body_bytes", least=2):
        tap.equal(status(body=b"x" * 10241, method="POST"), 413)
        tap.equal(status(body=[b"x" * 5000, b"x" * 5000, b"x" * 500], method="POST"), 413)
    tap.equal(status(body=b"x" * 10240, method="POST"), 200)
    tap.equal(status(body=[b"x" * 5000, b"x" * 5240], method="POST"), 200)


@tap.case
def trailers_are_limited():
    with front.conn(HOST) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: wallet.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
               + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 400) for i in range(40)) + b"\r\n")
        answer = c.read_response("POST")
        tap.check(answer.status in (400, 431), answer)


@tap.case
def a_refused_requests_small_body_is_drained_and_the_connection_goes_on():
    with front.conn(HOST) as c:
        for _ in range(2):
            c.send(build("POST", "/", HOST, body=b"x" * 20000))  # over body-size, below body-drain
            tap.equal(c.read_response("POST").status, 413)
        tap.equal(c.ask("GET", "/after", HOST).json()["target"], "/after")


@tap.case
def what_hides_in_a_drained_body_is_no_request():
    backend.forget()
    hidden = b"GET /smuggled HTTP/1.1\r\nHost: wallet.test\r\n\r\n"
    with front.conn(HOST) as c:
        c.send(build("POST", "/", HOST, body=hidden + b"x" * 11000) + build("GET", "/next", HOST))
        tap.equal(c.read_response("POST").status, 413)
        tap.equal(c.read_response("GET").json()["target"], "/next")
    tap.check(b"smuggled" not in b"".join(backend.received), "the body was read as a request")


@tap.case
def a_larger_one_closes_the_connection():
    with front.conn(HOST) as c:
        c.send(build("POST", "/", HOST)[:-2] + b"Content-Length: 1000000\r\n\r\n")
        answer = c.read_response("POST")
        tap.equal((answer.status, (answer.get("Connection") or "").lower()), (413, "close"))
        tap.check(c.ended(10), "it stays open")
    with Hit("body_drain"), front.conn(HOST) as c:
        c.send(b"POST /.warifu/none HTTP/1.1\r\nHost: wallet.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                c.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            pass
        tap.equal(c.read_response("POST").status, 404)


@tap.case
def a_refused_body_that_does_not_come_is_not_waited_for():
    with front.conn(HOST) as c:
        begin = time.monotonic()
        c.send(b"POST /.warifu/none HTTP/1.1\r\nHost: wallet.test\r\nContent-Length: 50\r\n\r\nx")
        tap.equal(c.read_response("POST").status, 404)
        tap.check(c.ended(10), "it is waited for")
        tap.within(time.monotonic() - begin, 0.5, 9)
    tap.check(front.counters().get('warifu_timeouts_total{wait="refused_body"}', 0) >= 1)


@tap.case
def a_connection_has_a_last_request():
    with Hit("requests_per_connection"), front.conn(HOST) as c:
        answers = [c.ask("GET", "/", HOST) for _ in range(5)]
        tap.equal([(a.get("Connection") or "").lower() for a in answers], ["", "", "", "", "close"])
        tap.check(c.ended(10))


@tap.case
def a_hello_is_limited():
    record = lambda body: b"\x16\x03\x01" + len(body).to_bytes(2, "big") + body
    with Hit("hello_bytes"), Conn(front.port) as c:
        c.send(record(b"\x01\x00\x20\x00" + bytes(4000)))
        c.read_to_end()


@tap.case
def a_backends_head_is_limited():
    other = world.add(raw.RawBackend(raw.once(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 3000 + b"\r\nContent-Length: 0\r\n\r\n")))
    f = Front(world, [site("wallet", HOST, other.port, lines=OPEN_ALL)], limits={"response-head-size": "2 KiB"})
    with Hit("response_head_bytes", f):
        tap.equal(f.client(HOST).get("/").status, 502)
    f.gate.stop()


@tap.case
def connections_of_one_address_are_limited_and_given_back():
    time.sleep(0.5)
    with Hit("connections_per_address"):
        held = []
        for _ in range(60):
            try:
                held.append(Conn(front.port, tls=front.tls, sni=HOST))
            except OSError:
                pass
        served = sum(alive(c) for c in held)
        tap.within(served, 20, 30, "connections of one address")
        with front.conn(HOST, place="203.0.113.9") as c:  # another address is not touched
            tap.equal(c.ask("GET", "/", HOST).status, 200)
        for c in held:
            c.close()
    wait_until(lambda: status_or_none() == 200, 10, "a connection after they were closed")


def alive(conn):
    try:
        return conn.ask("GET", "/", HOST).status == 200
    except (OSError, Ended):
        return False


def status_or_none():
    try:
        return status()
    except OSError:
        return None


@tap.case
def connections_in_all_are_limited():
    f = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], limits={"connections": 16})
    with Hit("connections", f):
        held = []
        for i in range(40):
            try:
                held.append(Conn(f.proxy_port, tls=f.tls, sni=HOST, proxy=header(i)))
            except OSError:
                pass
        tap.within(sum(alive(c) for c in held), 1, 16, "connections")
        for c in held:
            c.close()
    wait_until(lambda: served(f), 10, "service after they were closed")
    f.gate.stop()


def header(i):
    from lib.hop import proxy_v2
    return proxy_v2(f"203.0.113.{i + 1}")


def served(f):
    try:
        return f.client(HOST).get("/").status == 200
    except OSError:
        return False


@tap.case
def connections_to_a_backend_are_limited():
    slow = world.add(raw.RawBackend(raw.stall(20)))
    f = Front(world, [site("wallet", HOST, slow.port, lines=OPEN_ALL, backend={"connections": 2, "retries": "off"})])
    waiting = []
    with Hit("upstream_connections", f):
        for _ in range(2):
            waiting.append(f.conn(HOST))
            waiting[-1].send(build("GET", "/", HOST))
        wait_until(lambda: len(slow.received) == 2, 5, "two connections")
        answer = f.client(HOST).get("/")
        tap.equal((answer.status, answer.get("Retry-After")), (503, "5"))
    f.gate.stop()


# --- rates --------------------------------------------------------------------------------

RATES = {"rate-per-address": "5 per 60 s burst 20", "rate-per-session": "5 per 60 s burst 10",
         "rate-per-user": "5 per 60 s burst 15", "rate-per-route": "5 per 60 s burst 12", "logins-per-address": "5 per 60 s burst 8"}


def rated(**only):
    """A gate with one rate narrow and the others off."""
    rates = {k: "off" for k in RATES} | {k.replace("_", "-"): RATES[k.replace("_", "-")] for k in only}
    return Front(world, [site("wallet", HOST, app().port, recipe="express")], limits=rates)


def app():
    global express
    if "express" not in globals():
        express = start_express(world)
    return express


def passed(client, n, path="/api/me"):
    """How many of n requests were answered with something else than 429."""
    got = [client.get(path).status for _ in range(n)]
    tap.check(set(got) <= {200, 303, 401, 403, 404, 429}, got)
    return sum(s != 429 for s in got)


@tap.case
def an_address_has_a_rate_and_who_logged_in_does_not_pay_for_it():
    f = rated(**{"rate-per-address": 1})
    owner = f.client(HOST, "203.0.113.1")
    tap.equal(login_express(owner, "alice").status, 303)
    with Hit("rate_per_address", f):
        tap.within(passed(f.client(HOST, "203.0.113.1"), 40, "/login"), 15, 25, "strangers' requests")
    tap.equal(passed(owner, 30), 30, "the owner, from the same address")
    tap.within(passed(f.client(HOST, "203.0.113.2"), 10, "/login"), 10, 10, "another address")
    f.gate.stop()


@tap.case
def a_session_and_a_user_have_rates():
    f = rated(**{"rate-per-session": 1, "rate-per-user": 1})
    first, second, bob = f.client(HOST), f.client(HOST), f.client(HOST)
    for client, name in ((first, "alice"), (second, "alice"), (bob, "bob")):
        tap.equal(login_express(client, name).status, 303)
    with Hit("rate_per_session", f):
        tap.within(passed(first, 20), 8, 12, "one session")
    with Hit("rate_per_user", f):
        tap.within(passed(second, 12), 2, 8, "another session of the same user")
    tap.within(passed(bob, 8), 8, 8, "another user")
    f.gate.stop()


@tap.case
def a_thiefs_flood_does_not_spend_the_owners_rate():
    """The copied cookie from elsewhere: what it spends is the thief's own share."""
    f = rated(**{"rate-per-session": 1, "rate-per-user": 1, "rate-per-address": 1})
    owner = f.client(HOST, "203.0.113.1")
    tap.equal(login_express(owner, "alice").status, 303)
    thief = f.client(HOST, "198.51.100.66", agent="curl/8")
    thief.jar = dict(owner.jar)
    tap.within(passed(thief, 60), 5, 25, "the thief's")
    tap.within(passed(owner, 9), 9, 9, "the owner's")
    f.gate.stop()


@tap.case
def a_route_has_a_rate_of_its_own_and_strangers_cannot_use_up_the_owners_share():
    f = rated(**{"rate-per-route": 1})
    owner = f.client(HOST)
    tap.equal(login_express(owner, "alice").status, 303)
    route = "/static/none.js"  # the recipe lists /static/*
    with Hit("rate_per_route", f):
        tap.within(passed(f.client(HOST), 30, route), 5, 14, "strangers")
    tap.within(passed(owner, 9, route), 8, 9, "the owner")
    tap.equal(passed(owner, 20), 20, "another route")
    f.gate.stop()


@tap.case
def logins_have_a_rate():
    f = rated(**{"logins-per-address": 1})
    with Hit("logins", f):
        got = [login_express(f.client(HOST, "203.0.113.5"), "alice", "wrong").status for _ in range(14)]
    tap.within(sum(s != 429 for s in got), 6, 10, "logins")
    tap.equal(login_express(f.client(HOST, "203.0.113.6"), "alice").status, 303)
    f.gate.stop()


@tap.case
def what_comes_too_often_is_told_when_to_come_back_and_that_is_true():
    f = Front(world, [site("wallet", HOST, app().port, recipe="express")], limits={"rate-per-address": "20 per 60 s burst 2"})
    kinds = {"a page of the portal": ("/login", {"Accept": "text/html", "Sec-Fetch-Dest": "document"}), "JSON": ("/login", {}),
             "under the reserved prefix": ("/.warifu/s/warifu.css", {})}
    for n, (what, (path, fields)) in enumerate(kinds.items()):
        c = f.client(HOST, f"203.0.113.{n + 40}")
        answer = [c.get(path, fields=fields) for _ in range(3)][-1]
        tap.equal(answer.status, 429, what)
        tap.equal("html" in answer.get("Content-Type"), "page" in what, what)
        wait = int(answer.get("Retry-After"))
        tap.within(wait, 2, 4, what)  # one each three seconds
        time.sleep(wait)
        tap.check(c.get(path, fields=fields).status != 429, f"{what}: not after {wait} s either")
    f.gate.stop()


@tap.case
def cookies_before_a_login_are_limited_and_logins_go_on():
    f = Front(world, [site("wallet", HOST, app().port, recipe="express")], limits={"prelogin-per-address": 3})
    with Hit("prelogin_entries", f):
        for _ in range(8):
            tap.equal(f.client(HOST).get("/login").status, 200)
    c = f.client(HOST)
    tap.equal(c.get("/login").status, 200)
    tap.equal(login_express(c, "alice").status, 303)
    tap.equal(c.get("/api/me").status, 200)
    f.gate.stop()


@tap.case
def a_reload_changes_a_rate():
    f = rated(**{"rate-per-address": 1})
    tap.check(passed(f.client(HOST), 30, "/login") < 30)
    conf = open(f.gate.conf, encoding="utf-8").read()
    with open(f.gate.conf, "w", encoding="utf-8") as out:
        out.write(conf.replace(RATES["rate-per-address"], "1000 per 1 s burst 1000"))
    f.gate.cli("reload")
    wait_until(lambda: passed(f.client(HOST), 30, "/login") == 30, 10, "the new rate")
    f.gate.stop()


tap.main(setup, world.stop)
