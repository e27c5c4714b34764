# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""An observed site stops nothing because of policy or log (design 2.7), and no revoked session lives there either (2.2)."""
import json

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World, wait_until

HOST, STRICT, NAME = "watched.test", "wallet.test", "connect.sid"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
world = World("observed")


def setup():
    global backend, front
    backend = start_express(world)
    front = Front(world, [site("watched", HOST, backend.port, recipe="express", mode="observe"),
                          site("wallet", STRICT, backend.port, recipe="express"),
                          site("plain", "plain.test", backend.port, recipe="express", policy=world.write("plain.policy", 'policy "plain" { default allow }'))])


def person(host=HOST):
    c = front.client(host, agent=AGENT)
    tap.equal(login_express(c, "alice").status, 303)
    tap.equal(c.get("/api/me").status, 200)
    return c


def sessions():
    return {json.loads(line)["id"] for line in front.gate.cli("session", "list", "--json").stdout.splitlines()}


def revoked(host=HOST):
    before = sessions()
    c = person(host)
    front.gate.cli("session", "revoke", "session", *(sessions() - before))
    return c


def reached(ask):
    """(status, what of it the backend saw)"""
    mark = backend.mark()
    status = ask().status
    return status, backend.requests(since=mark)


@tap.case
def a_revoked_session_is_refused_and_others_are_not():
    mine, gone = person(), revoked()
    status, seen = reached(lambda: gone.get("/api/me"))
    tap.equal((status, seen), (403, []))
    status, seen = reached(lambda: gone.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qfine00"}))
    tap.equal((status, seen), (403, []))
    tap.equal(mine.get("/api/me").status, 200, "another session of the same user")
    one = wait_until(lambda: front.gate.records(reason="revoked", site="watched"), 10, "the record")[0]
    tap.equal((one["mode"], one["enforced"]), ("observe", "refuse"))


@tap.case
def its_cookie_goes_nowhere_and_who_logs_in_anew_works():
    gone = revoked()
    status, seen = reached(lambda: gone.get("/login"))
    tap.equal((status, [r.get("Cookie") for r in seen]), (200, [None]), "an open route, without the cookie")
    tap.equal(login_express(gone, "alice").status, 303)
    tap.equal(gone.get("/api/me").status, 200)


@tap.case
def no_spelling_brings_it_back():
    gone = revoked()
    value = gone.jar[NAME]
    plain = value.replace("%3A", ":")
    spellings = [f"{NAME}=planted; {NAME}={value}", f"{NAME}={value}; {NAME}=planted", f"a=1; connect_sid={value}; {NAME}=x",
                 f"{NAME} ={value}", f"{NAME}= {value}", f'{NAME}="{value}"', f"a=1,{NAME}={value}", f"{NAME}={plain}; {NAME}=y",
                 f"CONNECT.SID={value}", "; ".join(f"{NAME}={i}" for i in range(80)) + f"; {NAME}={value}"]
    for cookie in spellings:
        mark = backend.mark()
        answer = front.conn(HOST).ask("GET", "/api/me", HOST, {"Cookie": cookie, "User-Agent": AGENT})
        tap.check(answer.status in (400, 403), f"{cookie[:60]}: {answer.status}")
        tap.equal(backend.requests(since=mark), [], cookie[:60])


@tap.case
def a_live_session_in_the_same_spellings_is_the_backends_affair():
    value = person().jar[NAME]
    for cookie in (f"{NAME}={value}; {NAME}=planted", f"a=1; connect_sid=x; {NAME}={value}"):
        answer = front.conn(HOST).ask("GET", "/api/me", HOST, {"Cookie": cookie, "User-Agent": AGENT})
        tap.equal(answer.status, 200, cookie[:40])


@tap.case
def a_logout_is_the_backends_affair():
    c = person()
    jar = dict(c.jar)
    tap.equal(c.post("/logout").status, 303)
    c.jar = jar
    status, seen = reached(lambda: c.get("/api/me"))
    tap.equal(([r.path for r in seen], status in (302, 303, 401, 403)), (["/api/me"], True), "it says so itself")


@tap.case
def a_bypass_brings_no_revoked_session_back():
    gone = revoked(STRICT)
    front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", "test")
    stranger = front.client(STRICT, agent=AGENT)
    wait_until(lambda: reached(lambda: stranger.get("/api/me"))[1], 10, "the bypass")
    status, seen = reached(lambda: gone.get("/api/me"))
    tap.equal((status, seen), (403, []))
    front.gate.cli("enforce", "wallet")


@tap.case
def a_lock_that_stops_nothing_says_where_and_why():
    done = front.gate.cli("lock", "all", "sensitive", "--reason", "test")
    tap.contains(done.stdout, "locked")
    lines = done.stderr.splitlines()
    tap.equal(len(lines), 2, lines)
    for line, words in zip(lines, (("site watched", "observes", "mode enforce"), ("site plain", "lock.active", "R01"))):
        for word in words:
            tap.contains(line, word)
    front.gate.cli("unlock", "all", "sensitive")
    tap.equal(front.gate.cli("lock", "wallet", "sensitive", "--reason", "test").stderr, "", "where it stops something")
    front.gate.cli("unlock", "wallet", "sensitive")
    front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", "test")
    tap.contains(front.gate.cli("lock", "wallet", "sensitive", "--reason", "test").stderr, "end the bypass")
    front.gate.cli("unlock", "wallet", "sensitive")
    front.gate.cli("enforce", "wallet")


tap.main(setup, world.stop)
