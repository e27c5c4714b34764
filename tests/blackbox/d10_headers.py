# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""client.headers-same: a copied session whose requests carry other header fields, or in another order, than the session's did.
It is evidence in the record (rule R91, on trial) and changes no verdict."""
from lib import places, tap
from lib.backend import login_express, start_express
from lib.http2 import Front2
from lib.settings import site
from lib.world import World, wait_until

HOST = "wallet.test"
PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"
BROWSER = [("Accept", PAGE), ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"),
           ("Accept-Encoding", "gzip"), ("Accept-Language", "ja")]
SWAPPED = BROWSER[:4] + [BROWSER[5], BROWSER[4]]
ORDER = "accept-encoding before accept-language", "accept-language before accept-encoding"
world = World("headers")


def setup():
    global front
    backend = start_express(world)
    front = Front2(world, [site("wallet", HOST, backend.port, recipe="express", lines=["network branch 203.0.113.0/24 inspects"])],
                   geo=places.geo(world), extra=["trusted-hops 198.51.100.0/24"])


def steady(c, fields):
    """The client c with these fields in every request."""
    base = c.fields
    c.fields = lambda extra=(): [f for f in base() if f[0] != "Accept"] + list(fields) + list(extra.items() if isinstance(extra, dict) else extra)
    return c


def owner(by=1, place="office", **more):
    make = front.client2 if by == 2 else front.client
    address = places.address(place) if place.isalpha() else place
    c = make(HOST, address, agent="curl/8", **more)
    tap.equal(login_express(c, "alice").status, 303)
    return c


def last(c, path="/api/me", place="office", **more):
    """(verdict, observed rules, the fact, its evidence) of one request."""
    start = max((r["record"] for r in front.gate.records()), default=0)
    tap.equal(c.get(path, more.get("fields", ())).status, 200)
    r = wait_until(lambda: [r for r in front.gate.records(kind="decision", path=path) if r["record"] > start and r.get("session")],
                   10, f"the record of {path}")[-1]
    why = r.get("evidence", {}).get("client.headers-same", {})
    return r["verdict"], "R91" in r.get("observed", []), r["facts"].get("client.headers-same"), (why.get("bound", ""), why.get("seen", "")), r


def thief(victim, fields, by=1):
    c = steady((front.client2 if by == 2 else front.client)(HOST, places.address("office"), agent="curl/8"), fields)
    c.jar = dict(victim.jar)
    return c


@tap.case
def another_order_is_evidence_and_no_verdict():
    for by in (1, 2):
        c = steady(owner(by), BROWSER)
        tap.equal(last(c)[:3], ("allow", False, None), "the first of its kind")
        tap.equal(last(c)[:4], ("allow", False, True, ("", "")))
        for _ in range(2):  # what he does is not learned
            got = last(thief(c, SWAPPED, by))
            tap.equal(got[:4], ("allow", True, False, ORDER))
            tap.equal(got[4]["seen"], [f"R91 client.headers-same: {ORDER[0]} -> {ORDER[1]}"])
        tap.equal(last(c)[:3], ("allow", False, True))


@tap.case
def a_field_that_was_always_there_or_never_is_evidence():
    c = steady(owner(), BROWSER)
    last(c)
    tap.equal(last(thief(c, BROWSER[:5]))[2:4], (False, ("with accept-language", "without accept-language")))
    c = steady(owner(), BROWSER[:1])
    last(c)
    tap.equal(last(thief(c, BROWSER))[2:4], (False, ("without accept-language", "with accept-language")))


@tap.case
def what_is_asked_for_and_what_scripts_add_is_not_looked_at():
    c = steady(owner(), BROWSER)
    last(c)
    for fields in ({"X-CSRF-Token": "1"}, {"Range": "bytes=0-"}, {"Cache-Control": "no-cache", "If-None-Match": '"x"'}, {"Referer": f"https://{HOST}/"}):
        tap.equal(last(c, fields=fields)[2], True, fields)


@tap.case
def kinds_and_protocols_are_kept_apart():
    c = steady(owner(), BROWSER)
    last(c)
    script = [("Accept", "*/*"), *SWAPPED[1:]]
    tap.equal(last(thief(c, [("Accept", "image/png"), *SWAPPED[1:]]))[2], None, "an image")
    tap.equal(last(thief(c, SWAPPED, by=2))[2], None, "HTTP/2")
    # the login itself was a request of the other kind: without all of these
    tap.equal(last(thief(c, script))[2], False)


@tap.case
def the_login_teaches_and_it_is_there_after_a_restart():
    c = front.client(HOST, places.address("office"), agent="curl/8")
    steady(c, BROWSER)
    tap.equal(login_express(c, "alice").status, 303)
    front.gate.stop()
    front.start()
    tap.equal(last(thief(c, SWAPPED))[2:4], (False, ORDER))
    tap.equal(last(c)[2], True)


@tap.case
def who_holds_the_logins_ticket_may_teach_another_order():
    c = front.client(HOST, places.address("office"), agent="curl/8", tls=front.tls)
    c.resume = True
    steady(c, BROWSER)
    tap.equal(login_express(c, "alice").status, 303)
    tap.equal(last(c)[2], True)
    c.fields = lambda extra=(): [("User-Agent", "curl/8"), *SWAPPED, ("Cookie", "; ".join(f"{n}={v}" for n, v in c.jar.items()))]
    got = last(c)
    tap.equal((got[4]["device_tier"], got[2]), ("ticket", False))
    tap.equal(last(c)[2], True, "learned")
    tap.equal(last(thief(c, BROWSER))[2], True, "both ways: it tells nothing any more")


@tap.case
def where_heads_may_be_written_anew_nothing_is_known():
    inspected = steady(owner(place="203.0.113.9"), BROWSER)
    hop = steady(front.client(HOST, "198.51.100.7", agent="curl/8"), BROWSER + [("X-Forwarded-For", places.address("office"))])
    tap.equal(login_express(hop, "alice").status, 303)
    for c in (inspected, hop, inspected, hop):
        tap.equal(last(c)[2], None)
    tap.equal(last(hop)[4]["hop_how"], "x-forwarded-for")


tap.main(setup, world.stop)
