# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Logins, bindings, thefts and their records by HTTP/2: what HTTP/1.1 gives, and what is bound by one holds by the other."""
import re

from lib import places, tap
from lib.backend import login_express, login_rtl, rtl_fields, start_express, start_rtl
from lib.conformance import unfallen
from lib.http1 import tls_context
from lib.http2 import Front2
from lib.settings import site
from lib.world import World, wait_until

HOST, RTL = "wallet.test", "rtl.test"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
REFUSED = (302, 303, 400, 401, 403)
# What a record may say differently of the same request by another protocol, and nothing else.
OF_PROTOCOL = {"protocol", "alpn", "ja4", "h2"}
world = World("h2same")


def setup():
    global backend, rtl, front
    backend, rtl = start_express(world), start_rtl(world)
    front = Front2(world, [site("wallet", HOST, backend.port, recipe="express"), site("rtl", RTL, rtl.port, recipe="ride-the-lightning")],
                  geo=places.geo(world), timeouts={"tunnel-lease": "2 s"})


def one(place="office", **more):
    return front.client(HOST, places.address(place), agent=AGENT, **more)


def two(place="office", **more):
    return front.client2(HOST, places.address(place), agent=AGENT, **more)


def thief(victim, place="office", agent="python-requests/2.31", make=None):
    """Another program with a copy of all that the victim's holds, by HTTP/2."""
    odd = tls_context(front.ca, alpn=("h2",), ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    c = (make or front.client2)(HOST, places.address(place), agent=agent)
    c.tls, c.jar = odd, dict(victim.jar)
    return c


def withdraw(client, address="bc1qfine00"):
    return client.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": address})


def a_day(client, thief_of):
    """What happens in a session's life; the statuses."""
    stranger = thief_of(client)
    yield client.get("/api/me").status
    yield withdraw(client).status
    yield client.post("/login", {"username": "alice", "password": "wrong"}).status
    yield login_express(client, "alice").status
    yield client.get("/api/me?x=1").status
    yield client.get("/login").status
    yield withdraw(client).status
    yield client.get("/nowhere").status
    yield client.get("/api/../login").status
    yield client.get("/.warifu/s/none").status
    yield client.get("/api/me", {"X-HTTP-Method-Override": "DELETE"}).status
    stranger.jar = dict(client.jar)
    yield stranger.get("/api/me").status
    yield withdraw(stranger).status
    yield client.get("/api/me").status
    yield client.post("/logout").status
    yield client.get("/api/me").status


def thief_by_1(victim):
    c = front.client(HOST, places.address("abroad"), agent="curl/8")
    c.tls, c.jar = tls_context(front.ca, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"), dict(victim.jar)
    return c


def thief_by_2(victim):
    return thief(victim, "abroad", "curl/8")


def record_key(r):
    return r["start"], r["thread"], r["no"]


def lived(client, thief_of):
    """(statuses, decisions and outcomes of the session, in order); strangers' events are summed up over time."""
    before = {(r["start"], r["thread"], r["no"]) for r in front.gate.records()}
    statuses = list(a_day(client, thief_of))

    def mine():
        rows = [r for r in front.gate.records() if (r["start"], r["thread"], r["no"]) not in before and r.get("support")]
        known = {r["support"] for r in rows if r.get("session")}
        order = {r["support"]: (r["time"], r["record"]) for r in rows if r["kind"] == "decision"}
        rows = sorted((r for r in rows if r["support"] in known), key=lambda r: order.get(r["support"], ("",)))
        return [[r for r in rows if r["kind"] == kind] for kind in ("decision", "outcome")]
    wait_until(lambda: any(r.get("path") == "/logout" for r in mine()[0]) and len({len(rows) for rows in mine()}) == 1, 10, "the last outcome")
    return statuses, *mine()


@tap.case
def a_day_by_http_2_is_decided_and_recorded_as_one_by_http_1():
    """Fields that differ between two days by HTTP/1.1 (times, numbers, ids) may differ here too; no other."""
    first, again, other = lived(one(), thief_by_1), lived(one(), thief_by_1), lived(two(), thief_by_2)
    tap.equal(other[0], first[0], "statuses")
    for kind, a, b, c in (("decisions", first[1], again[1], other[1]), ("outcomes", first[2], again[2], other[2])):
        tap.equal([len(b), len(c)], [len(a), len(a)], kind)
        tap.check(len(a) > 5, f"only {len(a)} {kind}")
        loose = {k for x, y in zip(a, b) for k in x.keys() | y.keys() if x.get(k) != y.get(k)}
        tap.note(f"{kind}: {len(a)}; differ between two days: {sorted(loose)}")
        tap.check(not loose & {"verdict", "enforced", "reason", "rules", "path", "method", "class", "status", "user"}, loose)
        for x, y in zip(a, c):
            for r in (x, y):
                r.get("facts", {}).pop("client.h2-same", None)  # unknown by HTTP/1.1
            odd = {k: (x.get(k), y.get(k)) for k in x.keys() | y.keys() if x.get(k) != y.get(k) and k not in loose | OF_PROTOCOL}
            tap.equal(odd, {}, f"{x.get('method')} {x.get('path')}")
    tap.equal({r.get("protocol") for r in first[1]} & {r.get("protocol") for r in other[1]}, set(), "the record does not tell the protocols apart")


@tap.case
def what_is_bound_by_one_protocol_holds_by_the_other():
    """A browser opens WebSockets by HTTP/1.1 beside its HTTP/2: the same program is the same holder."""
    for login, use in ((two, one), (one, two)):
        owner = login()
        tap.equal(login_express(owner, "alice").status, 303)
        other = use()
        other.jar = dict(owner.jar)
        for _ in range(2):
            tap.equal((other.get("/api/me").status, owner.get("/api/me").status), (200, 200), f"logged in by {login.__name__}")
        tap.equal(withdraw(other).status, 201)


@tap.case
def a_stolen_cookie_is_worth_nothing_by_http_2():
    owner = two()
    tap.equal(login_express(owner, "alice").status, 303)
    for place in ("office", "abroad", "hosting"):
        t = thief(owner, place)
        mark = backend.mark()
        tap.check(t.get("/api/me").status in REFUSED, f"reading from {place}")
        tap.check(withdraw(t, "bc1qthief00").status in REFUSED, f"withdrawing from {place}")
        ws = t.websocket("/ws")
        tap.check(getattr(ws, "status", 200) in REFUSED, f"a WebSocket from {place}: {ws}")
        tap.equal([r for r in backend.requests(since=mark) if r.path.split("?")[0] in ("/api/me", "/api/withdraw", "/ws")], [])
        tap.equal(owner.get("/api/me").status, 200, f"the owner after the thief from {place}")


@tap.case
def a_challenge_is_the_same_page_or_the_same_words_for_programs():
    owner, other = one(), two()
    for c in (owner, other):
        tap.equal(login_express(c, "alice").status, 303)
    navigation = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
    for fields in (navigation, {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}):
        first, second = (t.get("/api/me", fields) for t in (thief_by_1(owner), thief_by_2(other)))
        tap.equal((second.status, second.get("content-type")), (first.status, first.get("content-type")), fields)
        tap.check(first.status in REFUSED and len(first.body) > 20, first)
        tap.equal(same_words(second), same_words(first))


def same_words(answer):
    """The text without support numbers and times, which differ."""
    return re.sub(r"[0-9]{2}", "00", re.sub(r"[0-9a-z]{4}-[0-9a-z]{5}-[0-9a-z]{4}", "NUMBER", answer.text()))


@tap.case
def streams_of_one_connection_are_judged_each_by_its_own_cookie():
    """Two sessions, a stolen one and none on one connection, all at once."""
    alice, bob = two(), two()
    tap.equal((login_express(alice, "alice").status, login_express(bob, "bob").status), (303, 303))
    stranger = two()
    link = stranger.connect()
    streams = []
    for turn in range(10):
        for who in (alice, bob, None):
            line = [("cookie", "; ".join(f"{n}={v}" for n, v in who.jar.items()))] if who else []
            streams.append((who, link.open("GET", f"/api/me?t={turn}", HOST, [("user-agent", AGENT), ("accept", "*/*")] + line)))
    for who, s in streams:
        answer = link.finish(s)
        if who:
            tap.equal((answer.status, answer.json().get("user")), (200, "alice" if who is alice else "bob"), answer)
        else:
            tap.check(answer.status in REFUSED, answer)
    link.close()


@tap.case
def cookie_crumbs_hide_no_second_session():
    """Security model 7 in HTTP/2's form: the session's cookie in two crumbs is tossing; a crumb that is no cookie hides nothing."""
    owner = two()
    tap.equal(login_express(owner, "alice").status, 303)
    sid = owner.jar["connect.sid"]
    base = [("user-agent", AGENT), ("accept", "*/*")]

    def ask(crumbs):
        with owner.connect() as link:
            return link.ask("GET", "/api/me", HOST, base + [("cookie", c) for c in crumbs]).status
    tap.equal(ask([f"connect.sid={sid}"]), 200)
    tap.equal(ask(["a=1", f"connect.sid={sid}", "b=2"]), 200)
    for crumbs in ([f"connect.sid={sid}"] * 2, [f"connect.sid={sid}", "connect.sid=planted"], ["connect.sid=planted", "a=1", f"connect.sid={sid}"],
                   [f"connect.sid={sid}", "CONNECT.SID=x"], ["connect%2esid=x", f"connect.sid={sid}"]):
        mark = backend.mark()
        tap.check(ask(crumbs) in REFUSED, crumbs)
        tap.equal(backend.requests("/api/me", since=mark), [], crumbs)


@tap.case
def a_bearer_token_is_bound_by_http_2():
    c = front.client2(RTL, places.address("office"), agent=AGENT)
    tap.equal(login_rtl(c).status, 200)
    tap.equal(c.get("/rtl/api/lnd/balance").status, 200)
    t = thief(c, "abroad")
    t.host, t.bearer = RTL, c.bearer
    mark = rtl.mark()
    tap.check(t.get("/rtl/api/lnd/balance").status in REFUSED)
    tap.check(t.post("/rtl/api/lnd/transactions", data={"amount": 1}, fields=rtl_fields(t)).status in REFUSED)
    tap.equal([r for r in rtl.requests(since=mark) if "lnd" in r.path], [])
    tap.equal(c.get("/rtl/api/lnd/balance").status, 200)


@tap.case
def another_sites_host_on_this_connection_is_misdirected():
    """Security model 14: browsers coalesce connections where a certificate names both; 421 makes them part again."""
    owner = two()
    tap.equal(login_express(owner, "alice").status, 303)
    mark, far = backend.mark(), rtl.mark()
    with owner.connect() as link:
        for other in (RTL, RTL.upper(), RTL + ":443"):
            answer = link.ask("GET", "/api/me", other, owner.fields())
            tap.equal(answer.status, 421, other)
        tap.equal(link.ask("GET", "/api/me", HOST, owner.fields()).status, 200)
    tap.equal(rtl.requests(since=far), [])
    tap.equal(len(backend.requests("/api/me", since=mark)), 1)


@tap.case
def a_revoked_session_is_out_on_every_stream_of_its_connection():
    owner = two(keep=True)
    tap.equal(login_express(owner, "bob").status, 303)
    tap.equal(owner.get("/api/me").status, 200)
    front.gate.cli("session", "revoke", "user", "bob")
    tap.check(owner.get("/api/me").status in REFUSED)
    tap.equal(login_express(owner, "bob").status, 303)
    tap.equal(owner.get("/api/me").status, 200)



@tap.case
def the_gate_has_not_fallen():
    unfallen(front.gate)


tap.main(setup, world.stop)
