# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""Device keys (DBSC), asked by a program that makes a browser's proofs: what is offered, registered, refreshed, and what a
session with a key still opens without it. Counts of what reached the backend come from the backend.

`quick` has proofs of 10 s, for what must be over.
"""
import json
import os
import signal
import time

from lib import places, tap
from lib.backend import login_express, start_express
from lib.device import COOKIE, REFRESH, REGISTER, DeviceKey, Offer, ask, asked, post, prove, refresh, register, session_name, unb64
from lib.http1 import tls_context
from lib.settings import Front, block, site
from lib.world import World, wait_until

world = World("device")
AGENT = "treasury-tool/3.1"
PAGE = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}


def keys(**more):
    return [block("session", {"device-keys": "dbsc"} | {k.replace("_", "-"): v for k, v in more.items()})]


def setup():
    global front, express
    express = start_express(world)
    make = lambda name, lines, **more: site(name, f"{name}.test", express.port, recipe="express", lines=lines, **more)
    front = Front(world, [make("wallet", keys()), make("quick", keys(device_cookie="10 s")), make("plain", []),
                          make("watch", keys(), mode="observe"),
                          make("taken", [block("session", ["device-keys dbsc # taken"])])],
                  geo=places.geo(world), limits={"logins-per-address": "1000 per 60 s burst 1000"}, timeouts={"commit": "3 s", "tunnel-lease": "1 s"})


def owner(host="wallet.test", place="office"):
    return front.client(host, places.address(place), agent=AGENT)


def thief(victim, place="abroad"):
    """Another TLS stack, elsewhere, with the whole cookie jar."""
    odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    c = front.client(victim.host, places.address(place), tls=odd, agent="python-requests/2.31")
    c.jar = dict(victim.jar)
    return c


def logged_in(host="wallet.test"):
    c = owner(host)
    answer = login_express(c, "alice")
    tap.equal(answer.status, 303)
    return c, Offer(answer)


def keyed(host="wallet.test", alg="ES256"):
    """A client whose session has a key, which its browser is known to have."""
    c, offer = logged_in(host)
    key = DeviceKey(alg)
    answer = register(c, key, offer.challenge)
    tap.equal(answer.status, 200, answer)
    tap.equal(c.get("/api/balance").status, 200)
    return c, key, offer.id


def nothing_reached(do):
    """What `do` answers, after seeing that the backend saw nothing of it."""
    mark = express.mark()
    answer = do()
    tap.equal(express.bytes_since(mark), 0, answer)
    return answer


@tap.case
def a_login_that_succeeds_is_offered_a_key_and_gets_a_first_cookie():
    c, offer = logged_in()
    tap.equal(offer.path, REGISTER)
    tap.check(COOKIE in c.jar, c.jar)


@tap.case
def nobody_else_is_offered_one():
    tries = {"wallet.test": login_express(owner(), "alice", "wrong"), "plain.test": login_express(owner("plain.test"), "alice"),
             "watch.test": login_express(owner("watch.test"), "alice")}
    for host, answer in tries.items():
        tap.equal([n for n, _ in answer.fields if n.lower().startswith("secure-session")], [], host)
        tap.check(COOKIE not in answer.cookies(), host)


@tap.case
def a_key_is_registered_and_its_cookie_opens_the_session():
    c, offer = logged_in()
    before = c.jar[COOKIE]
    answer = nothing_reached(lambda: register(c, DeviceKey(), offer.challenge))
    tap.equal(answer.status, 200, answer)
    said = answer.json()
    tap.equal(said["session_identifier"], offer.id)
    tap.equal(said["refresh_url"], REFRESH)
    tap.equal(said["credentials"], [{"type": "cookie", "name": COOKIE, "attributes": "Path=/; Secure; HttpOnly; SameSite=Lax"}])
    tap.contains(answer.get("Set-Cookie"), "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=300")
    tap.check(c.jar[COOKIE] != before)
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_key_of_rsa_is_as_good():
    c, key, name = keyed(alg="RS256")
    tap.equal(refresh(c, key, name).status, 200)


@tap.case
def a_session_with_a_key_opens_nothing_without_its_cookie():
    c, _, _ = keyed()
    del c.jar[COOKIE]
    for method, target in (("GET", "/api/balance"), ("POST", "/api/transfer"), ("DELETE", "/api/keys/1")):
        answer = nothing_reached(lambda m=method, t=target: c.ask(m, t))
        tap.equal(answer.status, 403, target)
        tap.equal(answer.json()["type"], "urn:warifu:device")


@tap.case
def a_person_is_sent_round_twice_and_then_asked_to_log_in():
    c, _, _ = keyed()
    del c.jar[COOKIE]
    for n in (1, 2):
        answer = nothing_reached(lambda: c.get("/", PAGE))
        tap.equal(answer.status, 403)
        tap.contains(answer.text(), '<meta http-equiv="refresh" content="0">')
        tap.equal(c.jar["__Host-warifu-round"], str(n))
    answer = nothing_reached(lambda: c.get("/", PAGE))
    tap.equal(answer.status, 403)
    tap.check("http-equiv" not in answer.text(), "sent round a third time")
    tap.equal(login_express(c, "alice").status, 303)
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_cookie_of_nobody_is_as_good_as_none_and_is_taken_away():
    c, _, _ = keyed()
    other, _, _ = keyed()
    good = c.jar[COOKIE]
    for value in (other.jar[COOKIE], good[:-1] + ("A" if good[-1] != "A" else "B"), "x", good + "A", ""):
        c.jar[COOKIE] = value
        answer = nothing_reached(lambda: c.get("/api/balance"))
        tap.equal(answer.status, 403, value)
        tap.contains(answer.get("Set-Cookie"), f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    c.jar[COOKIE] = good
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_cookie_is_over_after_its_time_and_a_proof_brings_the_next():
    c, key, name = keyed("quick.test")
    time.sleep(2)
    tap.equal(refresh(c, key, name).status, 200)
    old = c.jar[COOKIE]
    time.sleep(1)
    tap.equal(refresh(c, key, name).status, 200)
    new = c.jar[COOKIE]
    tap.check(old != new)
    for value in (old, new):  # requests are under way with the one before
        c.jar[COOKIE] = value
        tap.equal(c.get("/api/balance").status, 200)
    time.sleep(16)
    tap.equal(nothing_reached(lambda: c.get("/api/balance")).status, 403)
    other = owner("quick.test")
    other.jar = {COOKIE: new}  # nor does it end a session any more
    tap.equal(login_express(other, "bob").status, 303)
    tap.equal(refresh(c, key, name).status, 200)
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_proof_is_good_once():
    c, key, name = keyed()
    challenge = asked(ask(c, name))
    tap.equal(prove(c, key, name, challenge).status, 200)
    again = nothing_reached(lambda: prove(c, key, name, challenge))
    tap.equal(again.status, 403)
    tap.check(COOKIE not in again.cookies())
    tap.equal(prove(c, key, name, asked(again)).status, 200)


@tap.case
def of_two_challenges_the_older_is_spent_with_the_newer():
    c, key, name = keyed()
    first, second = asked(ask(c, name)), asked(ask(c, name))
    tap.equal(prove(c, key, name, second).status, 200)
    tap.equal(prove(c, key, name, first).status, 403)


@tap.case
def a_wrong_proof_gets_a_fresh_challenge_and_ends_nothing():
    c, key, name = keyed()
    other, _, other_name = keyed()
    before = front.counters().get('warifu_device_proofs_total{outcome="wrong"}', 0)
    flaws = {"another key": lambda j: prove(thief(c), DeviceKey(), name, j),
             "a key shown": lambda j: prove(c, key, name, j, jwk=True),
             "another type": lambda j: prove(c, key, name, j, header={"typ": "JWT"}),
             "no algorithm": lambda j: prove(c, key, name, j, header={"alg": "none"}),
             "RS256 said of it": lambda j: prove(c, key, name, j, header={"alg": "RS256"}),
             "a critical member": lambda j: prove(c, key, name, j, header={"crit": ["x"]}),
             "no jti": lambda j: prove(c, key, name, None)}
    for what, do in flaws.items():
        answer = nothing_reached(lambda d=do: d(asked(ask(c, name))))
        tap.equal(answer.status, 403, what)
        asked(answer)
        tap.check(COOKIE not in answer.cookies(), what)
    tap.equal(front.counters().get('warifu_device_proofs_total{outcome="wrong"}', 0) - before, len(flaws))
    tap.equal(prove(c, key, name, asked(ask(other, other_name))).status, 403)
    tap.equal(c.get("/api/balance").status, 200)
    tap.equal(refresh(c, key, name).status, 200)


@tap.case
def a_registration_that_does_not_fit_its_login_is_refused():
    c, offer = logged_in()
    key = DeviceKey()
    other, other_offer = logged_in()
    tap.equal(register(thief(c), key, offer.challenge).status, 400, "from elsewhere")
    tap.equal(register(thief(c, "office"), key, offer.challenge).status, 400, "another program")
    tap.equal(register(c, key, offer.challenge, {"Origin": "https://evil.test"}).status, 400, "another origin")
    tap.equal(register(c, key, offer.challenge, jwk=False).status, 400, "no key")
    tap.equal(register(c, key, offer.challenge, payload={"authorization": "x"}).status, 400, "an authorization")
    tap.equal(register(c, key, offer.challenge, header={"jwk": DeviceKey().jwk()}).status, 400, "another's key")
    tap.equal(register(c, key, "AAAA").status, 400, "no challenge of ours")
    tap.equal(post(c, REGISTER, {}).status, 400, "nothing")
    tap.equal(register(c, key, asked(ask_of(c, key, offer))).status, 400, "a challenge for a refresh")
    tap.equal(c.get("/api/balance").status, 200)
    tap.equal(register(other, key, other_offer.challenge).status, 200)


def ask_of(c, key, offer):
    """A challenge for the refresh of a session that has a key: c's, from now on."""
    tap.equal(register(c, key, offer.challenge, {"Origin": f"https://{c.host}"}).status, 200)
    return ask(c, offer.id)


@tap.case
def a_living_session_gets_no_second_key():
    c, key, name = keyed()
    stolen = thief(c, "office")
    tap.equal(ask(stolen, name).status, 403)
    fresh = login_express(owner(), "bob")
    for challenge in (Offer(fresh).challenge, asked(ask(c, name))):
        tap.equal(nothing_reached(lambda ch=challenge: register(stolen, DeviceKey(), ch)).status, 400)
    tap.equal(refresh(c, key, name).status, 200)


@tap.case
def the_first_cookie_is_good_where_the_login_came_from_only():
    c, offer = logged_in()
    first = dict(c.jar)
    tap.equal(register(c, DeviceKey(), offer.challenge).status, 200)
    tap.equal(c.get("/api/balance").status, 200)
    under_way = owner()
    under_way.jar = dict(first)
    tap.equal(under_way.get("/api/balance").status, 200, "a request that was under way")
    copy = thief(c, "office")
    copy.jar = dict(first)
    tap.equal(nothing_reached(lambda: copy.get("/api/balance")).status, 403)


@tap.case
def a_lost_answer_to_a_registration_locks_nobody_out():
    c, offer = logged_in()
    jar = dict(c.jar)
    tap.equal(register(c, DeviceKey(), offer.challenge).status, 200)
    c.jar = {n: v for n, v in jar.items() if n != COOKIE}  # it never came
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_session_that_is_over_ends_at_the_browser_in_order():
    c, key, name = keyed()
    answer = c.post("/logout")
    tap.contains(answer.all("Set-Cookie"), f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    for who in (name, session_name("A" * 54)):
        answer = ask(c, who)
        tap.equal((answer.status, answer.json()), (200, {"session_identifier": who, "continue": False}))
        tap.check(COOKIE not in answer.cookies())
    tap.equal(ask(c, "nonsense").status, 400)


@tap.case
def a_new_login_has_a_key_of_its_own():
    c, key, name = keyed()
    answer = login_express(c, "alice")
    offer = Offer(answer)
    tap.check(offer.id != name)
    tap.equal(ask(c, name).json()["continue"], False)
    new = DeviceKey()
    tap.equal(register(c, new, offer.challenge).status, 200)
    tap.equal(refresh(c, new, offer.id).status, 200)
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_login_in_the_same_browser_ends_the_session_that_it_had():
    c, key, name = keyed()
    again = owner()
    again.jar = {COOKIE: c.jar[COOKIE]}  # the application's cookie ended with the browser, ours did not
    tap.equal(login_express(again, "bob").status, 303)
    tap.equal(ask(c, name).json()["continue"], False)
    tap.check(nothing_reached(lambda: c.get("/api/balance")).status in (302, 303, 403))
    tap.equal(again.get("/api/balance").status, 200)


@tap.case
def a_login_with_a_copied_cookie_of_ours_ends_nothing():
    c, key, name = keyed()
    for place in ("abroad", "office"):
        copy = thief(c, place)
        copy.jar = {COOKIE: c.jar[COOKIE]}
        tap.equal(login_express(copy, "bob").status, 303)
    tap.equal(refresh(c, key, name).status, 200)
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_gate_that_was_killed_knows_keys_and_cookies_again():
    c, key, name = keyed()
    pid = front.gate.children()["gate"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: front.gate.children().get("gate") not in (None, pid), 20, "a new gate")
    front.wait_ready()
    good = c.jar.pop(COOKIE)
    tap.equal(nothing_reached(lambda: c.get("/api/balance")).status, 403, "without its cookie")
    c.jar[COOKIE] = good
    tap.equal(c.get("/api/balance").status, 200)
    tap.equal(refresh(c, key, name).status, 200)


@tap.case
def who_says_that_no_proof_could_be_fetched_is_told_to_wait_and_nothing_more():
    c, _, _ = keyed()
    del c.jar[COOKIE]
    for fields in ({}, PAGE):
        answer = nothing_reached(lambda f=fields: c.get("/", f | {"Secure-Session-Skipped": "quota_exceeded"}))
        tap.equal(answer.status, 503)
        tap.check(int(answer.get("Retry-After")) > 0)
        tap.check("__Host-warifu" not in str(answer.all("Set-Cookie")), answer.fields)


@tap.case
def a_log_that_stands_still_gives_no_cookies_and_takes_no_key():
    c, key, name = keyed()
    fresh, offer = logged_in()
    jar, challenge = dict(c.jar), asked(ask(c, name))
    scribe = front.gate.children()["scribe"]
    os.kill(scribe, signal.SIGSTOP)
    try:
        tap.equal(nothing_reached(lambda: prove(c, key, name, challenge)).status, 503)
        tap.equal(nothing_reached(lambda: register(fresh, DeviceKey(), offer.challenge)).status, 503)
    finally:
        os.kill(scribe, signal.SIGCONT)
    tap.equal(c.jar, jar)
    wait_until(lambda: c.get("/api/balance").status == 200, 20, "the log again")
    tap.equal(fresh.get("/api/balance").status, 200, "a session whose key was not taken goes on")
    tap.equal(refresh(c, key, name).status, 200)


@tap.case
def a_tunnel_ends_with_the_cookie_that_opened_it():
    c, key, name = keyed("quick.test")
    ws = c.websocket("/ws")
    tap.equal(refresh(c, key, name).status, 200)  # the owner goes on; this tunnel is as old as its own cookie
    tap.check(not ws.cut_within(8), "cut before its time")
    tap.check(ws.cut_within(30), "outlives its cookie")
    tap.equal(refresh(c, key, name).status, 200)
    c.websocket("/ws").close()


@tap.case
def a_device_that_moves_proves_itself_and_its_person_notices_nothing():
    c, key, name = keyed()
    moved = owner(place="abroad")
    moved.jar = dict(c.jar)
    send = ("POST", "/api/withdraw", {"Content-Type": "application/json"}, b'{"asset":"BTC","amount":1,"address":"bc1qfriend00"}')
    answer = nothing_reached(lambda: moved.ask(*send))
    tap.equal((answer.status, answer.get("Location")), (307, "https://wallet.test/api/withdraw"))
    moved.jar = dict(c.jar)
    answer = nothing_reached(lambda: moved.get("/api/balance?x=1"))
    tap.equal((answer.status, answer.get("Location")), (307, "https://wallet.test/api/balance?x=1"))
    tap.check(COOKIE not in moved.jar, moved.jar)
    tap.equal(refresh(moved, key, name).status, 200)
    tap.equal(moved.ask(*send).status, 201)
    told = [r["detail"] for r in events("device_proof") if r["session"] == events_of(name) and r.get("detail")]
    tap.equal(len(told), 1, told)
    tap.contains(told[0], "JP AS17676")
    tap.contains(told[0], "-> KP AS131279")
    tap.equal(c.get("/api/balance").status, 200, "at home")


@tap.case
def a_thief_elsewhere_is_sent_round_twice_and_then_challenged():
    c, key, name = keyed()
    copy = thief(c)
    jar = dict(copy.jar)
    statuses = []
    for _ in range(4):
        copy.jar = dict(jar)
        statuses.append(nothing_reached(lambda: copy.get("/api/balance")).status)
    tap.equal(statuses, [307, 307, 403, 403])
    tap.equal(nothing_reached(lambda: copy.get("/api/balance", {"X": "y"})).json()["type"], "urn:warifu:challenge")
    tap.equal(refresh(c, key, name).status, 200)
    copy.jar = dict(c.jar)
    tap.equal(nothing_reached(lambda: copy.get("/api/balance")).status, 403, "the owner's proof is the owner's")
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_bypass_lets_nobody_lose_a_key():
    c, key, name = keyed()
    front.gate.cli("bypass", "wallet", "--for", "1m", "--reason", "test")
    try:
        del c.jar[COOKIE]
        tap.equal(c.get("/api/balance").status, 200, "a bypass asks for no proof")
        tap.equal(refresh(c, key, name).status, 200)
    finally:
        front.gate.cli("enforce", "wallet")
    tap.equal(c.get("/api/balance").status, 200)
    del c.jar[COOKIE]
    tap.equal(nothing_reached(lambda: c.get("/api/balance")).status, 403)


@tap.case
def taken_back_by_the_settings_sessions_go_on_without_their_keys():
    c, key, name = keyed("taken.test")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text().replace("device-keys dbsc # taken", "device-keys off # taken"))
    front.gate.cli("reload")
    wait_until(lambda: ask(c, name).status == 404, 10, "an answer for which Chromium throws the key away")
    del c.jar[COOKIE]
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def an_administrator_lists_devices_and_revokes_one():
    c, key, name = keyed()
    other, _, _ = keyed()
    rows = [json.loads(line) for line in front.gate.cli("device", "list", "--json").stdout.splitlines()]
    mine = [r for r in rows if r["key"] == key.thumbprint()]
    tap.equal([(r["user"], r["site"], r["tier"]) for r in mine], [("alice", "wallet", "dbsc")])
    tap.contains(front.gate.cli("device", "list", "--user", "alice").stdout, key.thumbprint())
    tap.contains(front.gate.cli("session", "show", mine[0]["id"]).stdout, key.thumbprint())
    tap.equal(front.gate.cli("device", "revoke", DeviceKey().thumbprint(), check=False).returncode, 1)
    tap.equal(front.gate.cli("device", "revoke", key.thumbprint(), "--reason", "lost").returncode, 0)
    tap.check(nothing_reached(lambda: c.get("/api/balance")).status in (302, 303, 403))
    tap.equal(ask(c, name).json()["continue"], False)
    tap.equal(other.get("/api/balance").status, 200)


@tap.case
def neither_side_sees_the_others_words():
    c, key, name = keyed()
    mark = express.mark()
    tap.equal(c.get("/api/balance", {"Secure-Session-Skipped": "unreachable", "Sec-Secure-Session-Id": name,
                                     "Secure-Session-Response": "x"}).status, 200)
    seen = express.requests(since=mark)[-1]
    tap.check(not any("secure-session" in n.lower() for n, _ in seen.headers), seen.headers)
    tap.check(COOKIE not in (seen.get("Cookie") or ""), seen.headers)


@tap.case
def the_log_tells_of_the_key():
    c, key, name = keyed()
    tap.equal(refresh(c, key, name).status, 200)
    tap.equal(prove(c, DeviceKey(), name, asked(ask(c, name))).status, 403)
    wait_until(lambda: events("device_wrong"), 10, "the event")
    for event in ("device_enrol", "device_proof", "device_wrong"):
        tap.check(events(event), event)
    decided = [r for r in front.gate.records(kind="decision") if r.get("path") == REFRESH and r.get("session")]
    tap.check(decided, "no decision on a refresh")


def events(name):
    return front.gate.records(kind="event", event=name)


def events_of(name):
    """A session's id, as the log has it."""
    return unb64(name[2:]).hex()


tap.main(setup, world.stop)
