# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""TLS tickets: what a resumed connection says about who logged in, and what it never does.

A ticket goes to the connection of a login and to what resumes with it, to nobody else. It is good news
(`client.ticket-same` true) or, where two people's sessions are in use at one TLS client, an alarm; a
missing one is nothing at all.
"""
import os
import ssl
import subprocess
import time
import urllib.parse

from lib import places, tap
from lib.backend import PASSWORDS, login_express, start_express
from lib.http1 import build, tls_context
from lib.settings import Front, site
from lib.world import SLOW, World, wait_until

HOST, BROWSER = "wallet.test", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
INSPECTED, HOP = "203.0.113.9", "198.51.100.7"
world = World("tickets")


def setup():
    global app, front
    app = start_express(world)
    front = Front(world, [site("wallet", HOST, app.port, recipe="express", lines=["network branch 203.0.113.0/24 inspects"])],
                  geo=places.geo(world), extra=["trusted-hops 198.51.100.0/24"])


def client(place="office", user=None, version=ssl.TLSVersion.TLSv1_3, **more):
    """A program that keeps the newest ticket, as browsers do; each of its requests is a connection of its own."""
    c = front.client(HOST, places.address(place), tls=tls_context(front.ca, version=version), **more)
    c.resume = True
    if user:
        tap.equal(login_express(c, user).status, 303, f"{user}'s login")
    return c


def same(c, fields=()):
    """(status, what the log says of the ticket) of one more request."""
    start = max((r["record"] for r in front.gate.records()), default=0)
    status = c.get("/api/me", fields).status
    r = wait_until(lambda: [r for r in front.gate.records(kind="decision", path="/api/me") if r["record"] > start], 10, "its record")[-1]
    return status, r["facts"]["client.ticket-same"], r


def steal(owner, thief):
    thief.jar = dict(owner.jar)
    return thief


def alarms():
    return front.gate.records(kind="event", event="ticket_foreign")


@tap.case
def who_logged_in_is_known_on_every_later_connection():
    c = client(user="alice")
    for _ in range(4):
        status, ticket, r = same(c)
        tap.equal((status, ticket, r["verdict"]), (200, True, "allow"))
        tap.equal((r.get("resumed"), r["device_tier"], r["facts"]["device.proof"]), (1, "ticket", "ticket"))
        tap.check(0 <= r["facts"]["device.proof-age"] < 60000 * SLOW, r["facts"]["device.proof-age"])
    tap.check(front.counters().get('warifu_tls_tickets_total{outcome="own_session"}', 0) >= 4, front.counters())


@tap.case
def the_connection_of_the_login_needs_no_ticket():
    c = client(keep=True, user="alice")
    status, ticket, r = same(c)
    tap.equal((status, ticket, r.get("resumed")), (200, True, None))


@tap.case
def a_thief_has_no_ticket_and_gets_none():
    """The same program at the same place: nothing else tells him from the owner."""
    thief = steal(client(user="alice"), client())
    for _ in range(3):
        status, ticket, r = same(thief)
        tap.equal((status, ticket, r.get("resumed")), (200, None, None))
        tap.equal((r["device_tier"], r["facts"]["device.proof"]), ("none", "none"))


@tap.case
def a_missing_ticket_is_never_held_against_anybody():
    """A restarted browser: the cookie is there, its TLS memory is gone."""
    owner = client(user="alice")
    again = steal(owner, client())
    tap.equal(same(again)[:2], (200, None))
    tap.equal(again.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qfriend00"}).status, 201)


@tap.case
def two_peoples_sessions_at_one_client_are_an_alarm():
    bob, alice, before = client(user="bob"), client(user="alice"), len(alarms())
    mine = dict(bob.jar)
    time.sleep(1.2)
    tap.equal(same(bob)[:2], (200, True), "he works")
    mark = app.mark()
    for _ in range(2):
        status, ticket, r = same(steal(alice, bob))
        tap.equal((status, ticket, r["verdict"], r["rules"]), (403, False, "challenge", r["rules"]))
        tap.contains(r["rules"], "R17")
        tap.contains(r["seen"], "R17 client.ticket-same: the login's TLS client -> another user's TLS client")
        tap.contains(r["evidence"]["client.ticket-same"]["seen"], "that of session ")
    tap.equal(app.requests(since=mark), [], "at the backend")
    tap.equal(same(alice)[:2], (200, True), "the owner, in the same place, works on")
    bob.jar = mine
    tap.equal(same(bob)[:2], (200, True), "and he with his own")
    told = alarms()[before:]
    tap.equal(len(told), 1, "one alarm for one holder")
    tap.contains(told[0]["detail"], "the TLS client is that of session ")
    tap.check(front.counters().get('warifu_tls_tickets_total{outcome="foreign_session"}', 0) >= 2, front.counters())


@tap.case
def what_a_logout_explains_is_no_alarm():
    bob, alice, before = client(user="bob"), client(user="alice"), len(alarms())
    time.sleep(1.2)
    tap.equal(same(bob)[:2], (200, True))
    tap.equal(bob.post("/logout").status, 303)
    tap.equal(same(steal(alice, bob))[:2], (200, None), "his own session is over")
    tap.equal(len(alarms()), before)
    tap.check(front.counters().get('warifu_tls_tickets_total{outcome="stale"}', 0) >= 1, front.counters())


@tap.case
def what_a_login_explains_is_no_alarm():
    """One browser, first bob then alice, and tickets of both left in it."""
    both, before = client(user="bob"), len(alarms())
    bob, old = dict(both.jar), both.session
    time.sleep(1.2)
    tap.equal(same(both)[:2], (200, True))
    both.jar = {}
    tap.equal(login_express(both, "alice").status, 303)
    tap.equal(same(both)[:2], (200, True), "her ticket")
    alice, both.session = dict(both.jar), old
    tap.equal(same(both)[:2], (200, True), "his ticket, her cookie")
    both.jar = bob
    tap.equal(same(both)[:2], (200, True), "her ticket, his cookie")
    both.jar = alice
    tap.equal(same(both)[:2], (200, True))
    tap.equal(len(alarms()), before)


@tap.case
def another_session_of_the_same_user_is_no_alarm():
    one, two, before = client(user="alice"), client(user="alice"), len(alarms())
    time.sleep(1.2)
    tap.equal(same(one)[:2], (200, True))
    tap.equal(same(steal(two, one))[:2], (200, None))
    tap.equal(len(alarms()), before)


@tap.case
def a_user_who_was_away_since_her_login_is_no_alarm():
    """A shared computer: bob left his session behind, alice's login went over a connection without his ticket."""
    bob, before = client(user="bob"), len(alarms())
    time.sleep(1.2)
    alice = client(user="alice")
    tap.equal(same(steal(alice, bob))[:2], (200, None))
    tap.equal(len(alarms()), before)


@tap.case
def the_ticket_of_a_revoked_session_opens_nothing():
    c = client(user="alice")
    session = same(c)[2]["session"]
    tap.equal(front.gate.cli("session", "revoke", "session", session, "--reason", "test").returncode, 0)
    mark = app.mark()
    tap.check(c.get("/api/me").status in (302, 303, 401, 403), "revoked")
    tap.equal(app.requests(since=mark), [], "at the backend")
    c.jar = {}
    tap.equal(login_express(c, "alice").status, 303)
    tap.equal(same(c)[:2], (200, True), "a new login is of this client again")


@tap.case
def a_stranger_with_a_ticket_is_a_stranger():
    c = client(user="alice")
    c.jar, mark = {}, app.mark()
    tap.check(c.get("/api/me").status in (302, 303, 401, 403), "no cookie")
    tap.equal(app.requests(since=mark), [], "at the backend")


@tap.case
def a_restart_forgets_no_client():
    c = client(user="alice")
    tap.equal(same(c)[1], True)
    front.gate.stop()
    front.start()
    tap.equal(same(c)[:2], (200, True))


@tap.case
def tls12_says_nothing():
    c = client(user="alice", version=ssl.TLSVersion.TLSv1_2)
    for _ in range(2):
        status, ticket, r = same(c)
        tap.equal((status, ticket, r.get("resumed")), (200, None, None))


@tap.case
def where_tls_is_opened_on_the_way_nothing_is_said():
    inspected = client(INSPECTED, user="alice")
    tap.equal(same(inspected)[1:2] + (inspected.session,), (None, None), "a network that inspects, by the settings")
    # Not declared, but a browser's name with the TLS of another program says it as well.
    learned = client(user="alice", agent=BROWSER)
    tap.equal(same(learned)[1:2] + (learned.session,), (None, None), "a browser with another's TLS")
    home = client("home", user="alice")
    home.proxy = client(INSPECTED).proxy
    tap.equal(same(home)[:2], (200, None), "her ticket, by way of the inspecting branch")


@tap.case
def a_hop_that_speaks_for_others_has_no_ticket_of_theirs():
    c = client(HOP)
    said = {"X-Forwarded-For": places.address("office")}
    tap.equal(c.ask("POST", "/login", {**said, "Content-Type": "application/x-www-form-urlencoded"},
                    urllib.parse.urlencode({"username": "alice", "password": PASSWORDS["alice"]}).encode()).status, 303)
    tap.equal(same(c, said)[1], None)
    tap.equal(c.session, None, "a ticket for the hop")


@tap.case
def openssl_resumes_as_browsers_do():
    saved = world.path("client.pem")
    form = urllib.parse.urlencode({"username": "alice", "password": PASSWORDS["alice"]}).encode()
    login = build("POST", "/login", HOST, {"Content-Type": "application/x-www-form-urlencoded",
                                           "Content-Length": str(len(form)), "Connection": "close"}) + form

    def run(text, *options):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-servername", HOST, "-CAfile", front.ca,
                               "-tls1_3", "-ign_eof", *options], input=text, capture_output=True, timeout=20 * SLOW).stdout
    first = run(login, "-sess_out", saved)
    cookie = first.split(b"set-cookie: ")[-1] if b"set-cookie: " in first else first.split(b"Set-Cookie: ")[-1]
    tap.check(os.path.exists(saved) and cookie.startswith(b"connect.sid="), first[-600:])
    ask = build("GET", "/api/me?openssl", HOST, {"Cookie": cookie.split(b";")[0].decode(), "Connection": "close"})
    tap.contains(run(ask, "-sess_in", saved).decode(errors="replace"), "Reused, TLSv1.3")
    rows = wait_until(lambda: [r for r in front.gate.records(kind="decision", path="/api/me") if r.get("query_hash")], 10, "its record")
    tap.equal([r["facts"]["client.ticket-same"] for r in rows], [True])


tap.main(setup, world.stop)
