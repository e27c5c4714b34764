# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""The admin's commands to a running warifu: sessions, locks, bypass, status, reload; reasons in the record."""
import json
import os
import re

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World, wait_until

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


def setup():
    global world, front, backend
    world = World("admin")
    backend = start_express(world)
    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express"),
                          site("second", "second.test", backend.port, recipe="express")])


def person(user, host="wallet.test"):
    c = front.client(host, agent=AGENT)
    tap.equal(login_express(c, user).status, 303)
    tap.equal(c.get("/api/me").status, 200)
    return c


def sessions(*more):
    return [json.loads(line) for line in front.gate.cli("session", "list", "--json", *more).stdout.splitlines()]


def revoke_all():
    front.gate.cli("session", "revoke", "all", "--reason", "next case")


@tap.case
def a_list_fits_eighty_columns_and_filters():
    for who, where in (("alice", "wallet.test"), ("bob", "wallet.test"), ("alice", "second.test")):
        person(who, where)
    out = front.gate.cli("session", "list").stdout
    rows = out.splitlines()
    tap.equal(len(rows), 5, out)
    tap.check(max(map(len, rows)) <= 80, out)
    ids = [r.split()[0] for r in rows[1:4]]
    tap.check(all(re.fullmatch("[0-9a-f]{32}", i) for i in ids), out)
    column = {r.index(w) for r in rows[1:4] for w in ("wallet", "second") if w in r}
    tap.equal(column, {33}, "the second column is aligned")
    tap.equal({s["site"] for s in sessions("--user", "alice")}, {"wallet", "second"})
    tap.equal([s["user"] for s in sessions("--site", "second")], ["alice"])
    tap.equal(len(sessions("--site", "wallet", "--user", "bob")), 1)
    revoke_all()
    tap.equal(sessions(), [])


@tap.case
def show_tells_a_session_and_what_was_decided_on_it():
    person("alice")
    one = sessions()[0]["id"]
    wait_until(lambda: front.gate.records(session=one), what="records of the session")
    out = front.gate.cli("session", "show", one).stdout
    for word in (one, "wallet", "alice", "credential", "cookie", "context 0", "accepted", "chromium 156", "last records", "allow"):
        tap.contains(out, word)
    whole = json.loads(front.gate.cli("session", "show", one, "--json").stdout)
    tap.equal(whole["user"], "alice")
    tap.equal([c["kind"] for c in whole["credentials"]], ["cookie"])
    tap.equal(whole["in"][0]["state"], "accepted")
    text = json.dumps(whole) + out
    cookie = [v for v in person("alice").jar.values()]
    tap.check(not any(v in text for v in cookie), "a credential is shown")
    tap.equal(front.gate.cli("session", "show", "00" * 16, check=False).returncode, 1)
    revoke_all()


@tap.case
def a_revocation_names_who_and_why():
    alice = person("alice")
    one = sessions()[0]["id"]
    out = front.gate.cli("session", "revoke", "session", one, "--reason", "laptop stolen, ticket 7 % done").stdout
    tap.contains(out, "1 session revoked")
    mark = backend.mark()
    tap.check(alice.get("/api/me").status != 200)
    tap.equal(backend.requests("/api/me", since=mark), [])
    found = wait_until(lambda: front.gate.records(event="revoke", session=one), what="the record")[0]
    tap.equal(found["detail"], "laptop stolen, ticket 7 % done")
    tap.check(re.match(r"uid:\d+\(\w+\)$", found["actor"]), found["actor"])
    tap.equal(front.gate.cli("session", "revoke", "session", "12" * 16, check=False).returncode, 1)


@tap.case
def a_lock_needs_a_reason_and_a_name_that_exists():
    for words in (("lock", "wallet", "sensitive"), ("bypass", "wallet", "--for", "5m"), ("bypass", "wallet", "--reason", "x"),
                  ("bypass", "wallet", "--for", "2d", "--reason", "x")):
        tap.equal(front.gate.cli(*words, check=False).returncode, 2, words)
    for words in (("lock", "walet", "sensitive"), ("lock", "all", "sensitiv")):
        done = front.gate.cli(*words, "--reason", "x", check=False)
        tap.equal(done.returncode, 1, words)
        tap.contains(done.stderr, "nothing was changed")
    alice = person("alice")
    front.gate.cli("lock", "wallet", "sensitive", "--reason", "odd withdrawals")
    tap.contains(front.gate.cli("status").stdout, "odd withdrawals")
    tap.check(alice.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qfine00"}).status in (403, 423))
    front.gate.stop()
    front.start()
    tap.contains(front.gate.cli("status").stdout, "odd withdrawals", "after a start")
    tap.check(alice.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qfine00"}).status in (403, 423))
    front.gate.cli("unlock", "wallet", "sensitive", "--reason", "was a test")
    tap.equal(alice.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qfine00"}).status, 201)
    tap.equal(front.gate.records(event="lock")[0]["detail"], "odd withdrawals")
    tap.equal(front.gate.records(event="unlock")[0]["detail"], "was a test")


@tap.case
def a_bypass_survives_a_start_and_ends_by_itself():
    front.gate.cli("bypass", "wallet", "--for", "20s", "--reason", "login is broken")
    stranger = front.client("wallet.test", agent=AGENT)
    # An observed site passes whoever comes; what the backend says to him is its own affair.
    passed = lambda: (lambda m: (stranger.get("/api/me"), backend.requests("/api/me", since=m))[1])(backend.mark())
    tap.equal(len(passed()), 1, "bypassed")
    front.gate.stop()
    front.start()
    tap.contains(front.gate.cli("status").stdout, "login is broken")
    tap.equal(len(passed()), 1, "after a start")
    wait_until(lambda: not passed(), 60, "the end of the bypass")
    found = front.gate.records(event="bypass_on")[0]
    tap.equal(found["detail"], "login is broken")
    tap.equal(found.get("alarmed"), True)
    tap.check(front.gate.records(event="bypass_on")[0]["until"])


@tap.case
def status_is_one_screen_and_json():
    person("alice")
    out = front.gate.cli("status").stdout
    tap.check(max(map(len, out.splitlines())) <= 100, out)
    for word in ("gate", "scribe", "portal", "pid", "log head", "settings 1,", "wallet", "enforce", "ends in"):
        tap.contains(out, word)
    whole = json.loads(front.gate.cli("status", "--json").stdout)
    tap.equal({p["role"] for p in whole["processes"]}, {"gate", "scribe", "portal"})
    tap.equal([s["name"] for s in whole["sites"]], ["wallet", "second"])
    tap.check(re.fullmatch(r"[0-9a-f]{64}:\d+", whole["log"][0]["head"]), whole["log"])
    tap.check(whole["certificates"][0]["until"] > 1700000000)
    tap.check({c["name"] for c in whole["counters"]} & {'warifu_requests_total{verdict="allow"}'}, whole["counters"])


@tap.case
def a_reload_says_what_changed_or_what_is_wrong():
    tap.contains(front.gate.cli("reload").stdout, "nothing changed")
    text = open(front.gate.conf, encoding="utf-8").read()
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text.replace("mode enforce", "mode observe", 1))
    tap.contains(front.gate.cli("reload").stdout, "site wallet: mode observe")
    wait_until(lambda: any("mode observe" in r.get("detail", "") for r in front.gate.records(event="reload")), what="the record of it")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text.replace("mode enforce", "mode enfroce", 1))
    done = front.gate.cli("reload", check=False)
    tap.equal(done.returncode, 1)
    tap.check(re.search(r"\.conf:\d+:\d+: ", done.stderr), done.stderr)
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text)
    front.gate.cli("reload")


@tap.case
def who_may_not_use_the_control_socket_is_told_so():
    if os.geteuid() == 0 and not front.gate.user:
        tap.skip("root may use every socket")
    sock = os.path.join(world.path(f"state{front.port}"), "control.sock")
    os.chmod(sock, 0)
    done = front.gate.cli("status", check=False)
    os.chmod(sock, 0o600)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, f"{sock} is for the user who started warifu")
    front.gate.cli("status")


@tap.case
def nobody_answers_where_nobody_runs():
    front.gate.stop()
    for words in (("status",), ("session", "list"), ("reload",)):
        done = front.gate.cli(*words, check=False)
        tap.equal(done.returncode, 1)
        tap.contains(done.stderr, "does warifu run?")


if __name__ == "__main__":
    tap.main(setup, lambda: world.stop())
