# SPDX-License-Identifier: Apache-2.0
"""A stolen credential beside the thief's own: in a carrier, an entry or a spelling where he hopes that only the backend looks.

The thief has an account of his own, so that his requests pass; what must never reach the backend is hers.
"""
import base64
import hashlib
import re

from backends.raw import RawBackend
from lib import places, tap
from lib.http1 import WebSocket
from lib.settings import Front, block, site
from lib.world import World, wait_until

HOST, STOLEN = "wallet.test", "hers-3f9c"
CARRIERS = [f"c{i}" for i in range(16)]
ROUTES = block("routes", ['open GET "/static/*"', 'read GET "/api/*"', 'sensitive GET "/api/keys"', 'write POST "/items/*"'])
world = World("carriers")
seen, whole = [], []


def login_answer(body):
    """Sets the cookie and hands out the token of whoever logs in."""
    user = body.decode().partition("=")[2].encode()
    token = b'{"token":"tok-%s"}' % user
    return (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: c0=own-%s; Path=/\r\nContent-Length: %d\r\n\r\n" % (user, len(token))) + token


def accept(head):
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", head).group(1)
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def script(peer):
    while True:
        head = peer.head()
        seen.append(head)
        body = peer.body(head)
        whole.append(head)
        if b"POST /login" in head:
            peer.send(login_answer(body))
        elif b"pgrade: websocket" in head:
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept(head))
            peer.wait_closed(10)
            return
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def login_block(*lines):
    return block("login", ['request POST "/login"', "success status 200", 'user form "u"', *lines])


backend = world.add(RawBackend(script))
front = Front(world, [
    site("wallet", HOST, backend.port, lines=[f"credential cookie {c}" for c in CARRIERS] +
         ["semicolons-in-paths on", login_block("success cookie c0 changed"), ROUTES]),
    site("tokens", "tokens.test", backend.port, lines=[
        "credential cookie c0", 'credential subprotocol "base64url.bearer."', "credential bearer",
        login_block('success json "token" present', 'credential bearer json "token"'), ROUTES]),
    site("bare", "bare.test", backend.port, lines=[
        "credential cookie c0", "credential subprotocol", "credential bearer",
        login_block('success json "token" present', 'credential bearer json "token"'), ROUTES])], geo=places.geo(world))


def thief(user="bob", host=HOST):
    """Logged in with his own account."""
    c = front.client(host, places.address("office"), agent="walletapp/1")
    answer = c.ask("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, b"u=" + user.encode())
    tap.equal(answer.status, 200, "login")
    return c


def done():
    """Requests that the backend has whole."""
    return len(whole)


def reached(since):
    return [h for h in seen[since:] if STOLEN.encode() in h]


@tap.case
def his_own_session_works():
    t, n = thief(), len(seen)
    tap.equal(t.get("/api/me").status, 200)
    tap.check(b"c0=own-bob" in seen[n], seen[n:])


@tap.case
def a_stolen_cookie_of_any_listed_name_stays_behind():
    t = thief()
    for name in CARRIERS[1:]:
        n = len(seen)
        t.jar = {"c0": t.jar["c0"], name: STOLEN}
        t.get("/api/me")
        tap.equal(reached(n), [], name)


@tap.case
def sixteen_stolen_cookies_stay_behind_too():
    n, s = len(seen), front.client(HOST, agent="x")
    s.jar = dict.fromkeys(CARRIERS, STOLEN)
    tap.equal(s.get("/static/x").status, 200)
    tap.equal((len(seen), reached(n)), (n + 1, []))


@tap.case
def a_stranger_takes_no_stolen_cookie_to_an_open_route():
    s = front.client(HOST, agent="x")
    for jar in ({"c9": STOLEN}, {"c15": STOLEN}, {"c15": STOLEN, "c0": "z"}, {"c8": STOLEN, "c1": "z"}):
        n, s.jar = len(seen), dict(jar)
        tap.equal(s.get("/static/x").status, 200, jar)
        tap.equal((len(seen), reached(n)), (n + 1, []), jar)


@tap.case
def no_number_of_cookie_lines_hides_one():
    s = front.client(HOST, agent="x")
    for n_lines in (1, 15, 16, 17, 40):
        n = len(seen)
        lines = [("Cookie", f"a{i}={i}") for i in range(n_lines)] + [("Cookie", f"c3={STOLEN}"), ("Cookie", "z=last")]
        with front.conn(HOST) as c:
            tap.equal(c.ask("GET", "/static/x", HOST, lines).status, 200, n_lines)
        tap.equal(reached(n), [], n_lines)
        tap.check(b"a0=0" in seen[n] and b"z=last" in seen[n], seen[n])
    s.jar = {}


@tap.case
def reserved_cookies_never_pass_however_many():
    for count in (1, 16, 33, 100):
        n = len(seen)
        line = "; ".join(f"__Host-warifu-{i}=x" for i in range(count)) + "; a=1"
        with front.conn(HOST) as c:
            c.ask("GET", "/static/x", HOST, {"Cookie": line})
        tap.check(not any(b"warifu" in h.lower() for h in seen[n:]), f"{count}: {seen[n:]}")


def handshake(t, lines):
    """The answer to a WebSocket handshake of that holder with these Sec-WebSocket-Protocol lines: its status."""
    fields = t.fields() + [("Sec-WebSocket-Protocol", line) for line in lines]
    with t.connect() as c:
        return getattr(WebSocket.open(c, "/api/ws", t.host, fields), "status", 101)


@tap.case
def her_token_in_any_entry_of_a_handshake_stays_behind():
    alice = thief(STOLEN, "tokens.test")  # the token that she is given is tok-STOLEN
    token, t = f"base64url.bearer.tok-{STOLEN}", thief("bob", "tokens.test")
    own = "base64url.bearer.tok-bob"
    tap.equal(handshake(alice, [token]), 101, "her own way in")
    tap.equal(handshake(t, [own + ", chat"]), 101, "his own way in")
    for lines in (["chat", token], ["chat, " + token], [own, token], [own + ", " + token], ["", token], [", " + token],
                  ["chat,," + token], ["chat", "", token], [token.upper()], ["chat, " + token.replace("base64url", "Base64URL")],
                  [own, own], [own + ", " + own], [","], [token + ",", own], ["chat," * 40 + token]):
        n = len(seen)
        tap.equal(handshake(t, lines), 400, lines)
        tap.equal(reached(n), [], lines)


@tap.case
def without_a_prefix_others_may_stand_behind_but_no_token():
    alice, t = thief("her-1", "bare.test"), thief("bob", "bare.test")
    stolen = "tok-her-1"
    tap.equal(handshake(alice, [stolen]), 101, "her own way in")
    for lines in (["tok-bob"], ["tok-bob, 1"], ["tok-bob", "1", "graphql-transport-ws"]):
        tap.equal(handshake(t, lines), 101, lines)
    for lines in (["tok-bob, " + stolen], ["tok-bob", stolen], ["tok-bob, 1", "1," + stolen], ["tok-bob," + "x" * 32], [", tok-bob"], ["tok-bob" + ",1" * 16]):
        n = len(seen)
        tap.equal(handshake(t, lines), 400, lines)
        tap.equal(len(seen), n, lines)


@tap.case
def without_a_handshake_no_subprotocol_passes():
    t, n = thief("bob", "tokens.test"), len(seen)
    for path in ("/api/me", "/static/x"):
        with t.connect() as c:
            answer = c.ask("GET", path, t.host, t.fields() + [("Sec-WebSocket-Protocol", f"base64url.bearer.tok-{STOLEN}")])
        tap.equal(answer.status, 200, path)
    tap.equal((len(seen), reached(n)), (n + 2, []))


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@tap.case
def a_form_does_not_change_the_method():
    t = thief()
    bad = [b"_method=DELETE", b"a=1&_method=DELETE", b"a=1;_METHOD=delete&b", b"%5fmethod=DELETE", b"_method[]=DELETE", b"_method", b"+_method=PUT",
           b"x=" + b"y" * 300000 + b"&_method=DELETE", b"x-http-method-override=PUT&a=1"]
    for body in bad:
        for sent in (body, [body[i:i + 60000] for i in range(0, len(body), 60000)], [bytes([b]) for b in body[:40]] + [body[40:]] if len(body) > 40 else [bytes([b]) for b in body]):
            for fields in (FORM, {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=utf-8"}, {}):
                n = done()
                with t.connect() as c:
                    answer = c.ask("POST", "/items/5", t.host, t.fields(fields), sent)
                tap.equal(answer.status, 400, f"{fields} {body[:40]}")
                tap.equal(done(), n, f"whole requests at the backend: {fields} {body[:40]}")
    tap.equal(t.ask("POST", "/items/5", {**FORM, "Content-Encoding": "gzip"}, b"a=1").status, 400, "packed")


@tap.case
def an_honest_form_passes():
    t = thief()
    for body in (b"method=DELETE", b"a=_method&b=1", b"x=" + b"y" * 300000, b"a=1&&b;c", b"text=see+_method%3DDELETE"):
        for path in ("/items/5", "/unlisted"):
            n = done()
            tap.equal(t.ask("POST", path, FORM, body).status, 200, body[:40])
            tap.equal(done(), n + 1)
    n = done()
    tap.equal(t.ask("POST", "/items/5", {"Content-Type": "application/json"}, b'{"_method": "DELETE"}').status, 200, "JSON: not seen, as THREATS.md says")
    tap.equal(t.ask("POST", "/unlisted", FORM, b"_method=DELETE").status, 200, "sensitive: judged as the worst")
    tap.equal(done(), n + 2)


@tap.case
def a_path_parameter_lowers_no_class():
    t = thief()
    for method, path, wanted in (("GET", "/api/keys", "sensitive"), ("GET", "/api/keys;x=1", "sensitive"), ("GET", "/api;v=2/keys", "sensitive"),
                                 ("GET", "/api/keys%3Bx=1", "sensitive"), ("GET", "/api/KEYS;a;b/", "sensitive"), ("GET", "/api/me;x=1", "read"),
                                 ("GET", "/static/a;v=2", "open"), ("GET", "/static;x/a", "read"), ("POST", "/items/1;x", "write"),
                                 ("POST", "/items;x/1", "sensitive")):
        t.ask(method, path, {}, b"" if method == "POST" else None)
        shown = path.replace("%3B", ";")
        found = wait_until(lambda: front.gate.records(method=method, path=shown, kind="decision"), 10, f"the record of {path}")
        tap.equal({r["class"] for r in found}, {wanted}, path)


@tap.case
def a_login_with_a_path_parameter_is_a_login_and_no_open_route():
    body, form = b"u=carol", {"Content-Type": "application/x-www-form-urlencoded"}
    n = len(seen)
    s = front.client(HOST, places.address("office"), agent="walletapp/1")
    tap.equal((s.ask("POST", "/login;x=1", form, body).status, len(seen)), (403, n), "a stranger's")
    t = thief("dave")
    tap.equal(t.ask("POST", "/login;x=1", form, body).status, 200, "somebody's who is logged in")
    wait_until(lambda: [r["user"] for r in front.gate.records(event="bind")][-2:] == ["dave", "carol"], 10, "a session of hers")


@tap.case
def the_reserved_prefix_has_no_parameters():
    n = len(seen)
    for path in ("/.warifu;x", "/.warifu;x/s/a.css", "/.WARIFU;x=1/none"):
        tap.equal(front.client(HOST).get(path).status, 404, path)
    tap.equal(len(seen), n)


tap.main(teardown=world.stop)
