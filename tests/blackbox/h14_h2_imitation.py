# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""A copy of the owner's TLS handshake and User-Agent, at her address, whose HTTP/2 begins otherwise: a mark on it (rule R44), none on
her, and what is asked of it is not asked of her. Who speaks HTTP/1.1 is never marked."""
from lib import places, tap
from lib.backend import login_express, start_express
from lib.http2 import Front2
from lib.settings import site
from lib.world import World, wait_until

HOST, STRICT = "wallet.test", "strict.test"
AGENT = "curl/{}.0.0"
POLICY = """policy "strict" {
	default allow
	rule S1 "HTTP/2 begins otherwise." {
		when request.class != open and not client.h2-same and not context.accepted and known
		then challenge
	}
	rule S2 "Unanswered." {
		when request.class != open and context.challenged
		then challenge
	}
}
"""
world = World("h2imitation")


def setup():
    global front
    backend = start_express(world)
    front = Front2(world, [site("wallet", HOST, backend.port, recipe="express"),
                           site("strict", STRICT, backend.port, recipe="express", policy=world.write("strict.policy", POLICY))],
                   geo=places.geo(world), timeouts={"tunnel-lease": "2 s"})


def owner(host=HOST, by=2):
    """Logged in by HTTP/2 or HTTP/1.1, from the office."""
    c = (front.client2 if by == 2 else front.client)(host, places.address("office"), agent=AGENT.format(8))
    tap.equal(login_express(c, "alice").status, 303)
    return c


def fields(victim, major=8):
    agent = {"User-Agent": AGENT.format(major)} if major else {}
    return agent | {"Cookie": "; ".join(f"{n}={v}" for n, v in victim.jar.items()), "Accept": "*/*"}


def imitation(host=HOST):
    """A connection by the owner's TLS library and address, with SETTINGS of its own."""
    return front.http2(host, places.address("office"), settings={3: 7, 4: 70000})


def record_of(path, ask):
    """What the log says of the request that `ask` makes."""
    start = max((r["record"] for r in front.gate.records()), default=0)
    ask()
    rows = wait_until(lambda: [r for r in front.gate.records(kind="decision", path=path) if r["record"] > start and r.get("session")],
                      10, f"the record of {path}")
    return rows[-1]


def judged(path, ask):
    r = record_of(path, ask)
    return r["verdict"], r.get("rules", []), r["facts"].get("client.h2-same"), r["facts"]["context.accepted"]


@tap.case
def the_imitation_is_marked_and_the_owner_is_not():
    c = owner()
    mine = record_of("/api/me", lambda: c.get("/api/me"))
    tap.equal((mine["verdict"], mine.get("rules", []), mine["facts"]["client.h2-same"]), ("allow", [], True))
    with imitation() as link:
        r = record_of("/api/me", lambda: tap.equal(link.ask("GET", "/api/me", HOST, fields(c)).status, 200))
    tap.equal((r["verdict"], r["rules"], r["facts"]["client.core-same"], r["facts"]["context.accepted"]), ("flag", ["R44"], True, False))
    tap.check(len(r["seen"]) == 1 and r["seen"][0].startswith("R44 client.h2-same: "), r["seen"])
    tap.equal(judged("/api/me", lambda: c.get("/api/me")), ("allow", [], True, True))


@tap.case
def no_user_agent_does_not_lift_it_and_a_newer_version_does():
    c = owner()
    with imitation() as link:
        tap.contains(judged("/api/me", lambda: link.ask("GET", "/api/me", HOST, fields(c, None)))[1], "R44")
    with imitation() as link:
        tap.equal(judged("/api/me", lambda: link.ask("GET", "/api/me", HOST, fields(c, 9))), ("flag", ["R40"], False, False))


@tap.case
def http1_then_or_now_is_never_marked():
    c = owner()
    now = front.client(HOST, places.address("office"), agent=AGENT.format(8))
    now.jar = dict(c.jar)
    tap.equal(judged("/api/me", lambda: now.get("/api/me")), ("allow", [], None, True))
    then = owner(by=1)
    for link in (front.http2(HOST, places.address("office")), imitation()):
        with link:
            tap.equal(judged("/api/me", lambda: link.ask("GET", "/api/me", HOST, fields(then))), ("allow", [], None, True))


@tap.case
def a_connection_that_begins_with_a_websocket_tells_it_later():
    c = owner()
    with front.http2(HOST, places.address("office")) as link:
        r = record_of("/ws", lambda: link.websocket("/ws", HOST, fields(c) | {"Origin": f"https://{HOST}"}))
        tap.equal((r["verdict"], r["facts"].get("client.h2-same"), r.get("h2")), ("allow", None, None))
        tap.equal(judged("/api/me", lambda: link.ask("GET", "/api/me", HOST, fields(c))), ("allow", [], True, True))


@tap.case
def where_a_policy_asks_for_it_the_owner_is_not_asked():
    c = owner(STRICT)
    for _ in range(2):
        with imitation(STRICT) as link:
            tap.equal(link.ask("GET", "/api/me", STRICT, fields(c)).status, 403)
        tap.equal(c.get("/api/me").status, 200)


tap.main(setup, world.stop)
