# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Answers that say something else about a session than they seem to: failed logins that renew a cookie, cookies
deleted and set at once, cookies in a handshake's answer.

The backend answers as X-Do tells it, so that it can be any application; the other who has her cookie uses her
program in her country, so that he reads, and for what is sensitive he is asked to log in.
"""
import base64
import hashlib

from backends.raw import RawBackend, one, parse_head
from lib import places, tap
from lib.http1 import WebSocket
from lib.http2 import Front2
from lib.settings import block, site
from lib.world import World

world = World("misread")
HOST, AGENT = "form.test", "treasury-tool/3.1"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
GONE = "Set-Cookie: sid=deleted; Max-Age=0; Path="


def scripted(peer):
    while True:
        head = peer.head()
        fields = parse_head(head)[3]
        peer.body(head)
        status, *more = (one(fields, "x-do") or "200 OK").split("|")
        key, lines = one(fields, "sec-websocket-key"), "".join(line + "\r\n" for line in more)
        if key and status[:3] == "101":
            accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
            peer.send(f"HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n".encode())
            peer.wait_closed()
            return
        peer.send(f"HTTP/1.1 {status}\r\n{lines}Content-Length: 2\r\n\r\nok".encode())


backend = world.add(RawBackend(scripted))
LOGIN = block("login", ['request POST "/login"', "success status 303", "success cookie sid changed", "user form name"])
front = Front2(world, [site("shipped", "shipped.test", backend.port, recipe="express"),
                       site("form", HOST, backend.port, lines=["credential cookie sid", LOGIN, block("routes", ['open GET "/login"'])])], geo=places.geo(world))


def client(place="office", jar=(), make=None):
    c = (make or front.client)(HOST, places.address(place), agent=AGENT)
    c.jar = dict(jar)
    return c


def ask(c, *lines, path="/x", status="200 OK"):
    return c.get(path, fields=[("X-Do", "|".join((status, *lines)))])


def login(c, value, *lines):
    answer = c.post("/login", {"name": "alice", "password": "of no interest"},
                    fields=[("X-Do", "|".join((f"303 See Other|Set-Cookie: sid={value}; Path=/|Location: /", *lines)))])
    tap.equal(answer.status, 303, "what the backend answered")
    return answer


def owner(value, make=None):
    c = client(make=make)
    login(c, value)
    tap.equal(ask(c).status, 200, "she works")
    return c


def sends(c):
    return c.post("/send", {}).status


@tap.case
def a_failed_login_with_another_spelling_of_her_cookie_is_no_login():
    """A rolling backend sets the cookie again on every answer, as it spells it; so also on "wrong password"."""
    for n, (spelt, sent) in enumerate({"s%3Aone.sig": "s:one.sig", "s%3Atwo.sig": "s%3atwo.sig", "three": "thre%65", "four=": "four"}.items()):
        o = owner(spelt)
        t = client("home", {"sid": sent})
        tap.equal(ask(t).status, 200, f"{n}: he reads with {sent}")
        login(t, spelt)
        tap.equal((sends(t), sends(o)), (403, 200), f"{n}: he is asked, she goes on ({sent})")


@tap.case
def a_failed_login_with_a_value_that_was_replaced_is_no_login():
    o = owner("before")
    t = client("home", o.jar)
    ask(o, "Set-Cookie: sid=after; Path=/")
    tap.equal(ask(t).status, 200, "a replaced value is good for a moment")
    login(t, "after")
    tap.equal((sends(t), sends(o)), (403, 200), "he is asked, she goes on")


@tap.case
def a_cookie_deleted_and_set_in_one_answer_is_a_new_value():
    """PHP deletes before it sets; others delete where an older version of theirs had set it."""
    cases = {"first": [GONE + "/", "Set-Cookie: sid=%s; Path=/"], "elsewhere": ["Set-Cookie: sid=%s; Path=/", GONE + "/old"],
             "domain": ["Set-Cookie: sid=%s; Path=/", GONE + "/; Domain=form.test"], "between": ["Set-Cookie: sid=x; Path=/", GONE + "/", "Set-Cookie: sid=%s; Path=/"]}
    for name, lines in cases.items():
        o = owner(f"old-{name}")
        tap.equal(ask(o, *(line.replace("%s", f"new-{name}") for line in lines)).status, 200)
        o.jar = {"sid": f"new-{name}"}
        tap.equal((ask(o).status, sends(o)), (200, 200), name)


@tap.case
def a_cookie_set_and_deleted_in_one_answer_is_a_logout():
    o = owner("last")
    ask(o, "Set-Cookie: sid=other; Path=/", GONE + "/")
    for value in ("last", "other"):
        tap.equal(ask(client(jar={"sid": value})).status, 403, value)


@tap.case
def a_login_that_deletes_first_is_a_login():
    o = client()
    login(o, "fresh", GONE + "/old")
    o.jar = {"sid": "fresh"}
    tap.equal((ask(o).status, sends(o)), (200, 200))


@tap.case
def a_cookie_set_by_a_handshake_is_learned():
    for n, make in enumerate((front.client, front.client2)):
        o = owner(f"calm-{n}", make)
        ws = o.websocket("/ws", fields=[("X-Do", f"101 Switching Protocols|Set-Cookie: sid=open-{n}; Path=/")])
        tap.equal(ws.response.all("Set-Cookie"), [f"sid=open-{n}; Path=/"])
        rotated = client(jar={"sid": f"open-{n}"}, make=make)
        tap.equal((ask(rotated).status, sends(rotated)), (200, 200), "the new value is her session's")
        tap.equal(sends(client("home", {"sid": f"open-{n}"})), 403, "and no other context's")
        ws.close()


@tap.case
def a_handshake_that_ends_a_session_opens_nothing():
    for n, make in enumerate((front.client, front.client2)):
        o = owner(f"open-{n}-gone", make)
        ws = o.websocket("/ws", fields=[("X-Do", f"101 Switching Protocols|{GONE}/")])
        tap.check(not isinstance(ws, WebSocket) or ws.cut_within(5), "the tunnel ends with the session")
        tap.equal(ask(o).status, 403)


@tap.case
def a_first_cookie_on_the_way_back_to_the_login_page_is_no_login():
    """express-session with saveUninitialized and passport's failureRedirect; her sessions would give way, one by one."""
    def tries(value, location):
        c = front.client("shipped.test", agent=AGENT)
        do = f"302 Found|Set-Cookie: connect.sid={value}; Path=/; HttpOnly|Location: {location}"
        tap.equal(c.post("/login", {"username": "alice"}, fields=[("X-Do", do)]).status, 302)
        return ask(c).status

    for n, location in enumerate(("/login", "/login?failed", "https://shipped.test/login", "HTTPS://SHIPPED.test:443/login?x", "login", "//shipped.test/login")):
        tap.equal(tries(f"bad{n}", location), 403, location)
    for n, location in enumerate(("/", "/wallets?from=/login", "https://shipped.test/")):
        tap.equal(tries(f"good{n}", location), 200, location)


@tap.case
def reserved_cookies_never_pass_and_be_it_without_a_name():
    c = client()
    answer = ask(c, *(f"Set-Cookie: {line}; Path=/; Secure" for line in ("__Host-warifu=1", "__host-WARIFU-x=1", "=__Host-warifu=1", "__Host-warifu")),
                 "Set-Cookie: kept=1", path="/login")
    tap.equal(answer.all("Set-Cookie"), ["kept=1"])
    for cookie in ("__Host-warifu=1", "__host-WARIFU-x=1", "=__Host-warifu=1", "__Host-warifu", "= __Host-warifu=1"):
        backend.forget()
        with front.conn(HOST) as conn:
            tap.equal(conn.ask("GET", "/login", HOST, {"Cookie": f"{cookie}; kept=1"}).status, 200, cookie)
        tap.check("warifu" not in str(backend.received).lower() and "kept=1" in str(backend.received), f"{cookie}: {backend.received}")


@tap.case
def a_name_that_hides_or_reorders_is_told_as_such_on_a_terminal():
    for n, (name, shown) in enumerate({"al\u202eice": "al\\u{202e}ice", "alice\u200b": "alice\\u{200b}", "ali\\ce": "ali\\\\ce"}.items()):
        c = client()
        do = f"303 See Other|Set-Cookie: sid=named-{n}; Path=/"
        tap.equal(c.post("/login", {"name": name}, fields=[("X-Do", do)]).status, 303)
        out = front.gate.cli("session", "list").stdout
        tap.check(shown in out and name not in out, out)


tap.main()
