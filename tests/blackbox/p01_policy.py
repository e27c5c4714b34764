# SPDX-License-Identifier: Apache-2.0
"""`warifu policy`: test, explain, replay and sql, as an administrator and an auditor run them."""
import json
import os
import sqlite3
import subprocess
import tempfile

from lib import tap

SRC = os.environ.get("WARIFU_SRC", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("WARIFU_BUILD", os.path.join(SRC, "build", "release"))
STARTER = os.path.join(SRC, "policy", "rules", "wallet-console.policy")
OWNER = {"request.class": "read", "request.method": "GET", "request.path": "/wallets", "request.websocket": False,
         "session.bound": True, "session.adopted": False, "session.doubtful": False, "session.age": 7200000,
         "session.new-context": False, "user.name": "unknown", "client.core-compatible": True,
         "client.family-same": True, "client.software-same": True, "client.system-same": True,
         "client.version-step": 0, "client.ua-tls-agree": True, "client.h2-same": True, "client.headers-same": True, "client.ticket-same": None, "network.rtt-gap": None,
         "network.syn-same": None, "place.country": "JP",
         "place.country-changed": False, "place.asn-same": True, "place.network-known": True,
         "place.declared": False, "context.challenged": False, "context.accepted": True, "lock.active": False,
         "device.proof": "none", "risk.score": None, "time.hour": 3}


def warifu(*args, feed=None):
    return subprocess.run([os.path.join(BUILD, "warifu"), "policy", *args], input=feed, capture_output=True, text=True)


def written(text, suffix=".policy"):
    f = tempfile.NamedTemporaryFile("w", suffix=suffix, delete=False, encoding="utf-8")
    f.write(text)
    f.close()
    return f.name


def line(facts, verdict, rules):
    return json.dumps({"facts": dict(OWNER, **facts), "verdict": verdict, "rules": rules}) + "\n"


def replay(*lines):
    return warifu("replay", STARTER, "--facts", "-", feed="".join(lines))


@tap.case
def the_starter_policy_passes_its_cases():
    done = warifu("test", STARTER)
    tap.equal(done.returncode, 0, done.stderr)
    tap.equal(done.stderr, "")
    lines = done.stdout.splitlines()
    tap.check(lines[-1].endswith(" passed, 0 failed"), lines[-1])
    tap.check(len([x for x in lines if x.startswith("PASS ")]) >= 30, "enough cases")


@tap.case
def the_hash_does_not_depend_on_order_and_spelling():
    a = written('policy "p" { default allow let x = 60 s rule B "b" { when session.age > x and known then flag }\n'
                'rule A "a" { when lock.active then refuse } }')
    b = written('policy "p" { # the same\n rule A "a" { then refuse enforce when (lock.active) }\n'
                'rule B "b" { when session.age > 1 min and known then flag } default allow }')
    c = written('policy "p" { rule A "a" { when lock.active then refuse } default allow }')
    hashes = [[x for x in warifu("test", f).stdout.splitlines() if x.startswith("SHA-256 ")] for f in (a, b, c)]
    tap.equal(hashes[0], hashes[1])
    tap.check(hashes[0] != hashes[2], "another policy has another hash")
    tap.equal(len(hashes[0][0]), 8 + 64)


@tap.case
def a_failing_case_is_named_and_the_status_is_1():
    policy = written('policy "p" { default allow rule A "a" { when lock.active then refuse } }')
    cases = written('case "locked" {\n  lock.active = true\n  expect allow\n}\ncase "free" {\n  lock.active = false\n'
                    '  expect allow\n}\n', ".case")
    done = warifu("test", policy, "--cases", cases)
    tap.equal(done.returncode, 1)
    tap.contains(done.stdout, "FAIL locked\nPASS free\n1 passed, 1 failed\n")
    tap.contains(done.stderr, f'{cases}:3:10: error: case "locked": got refuse, rules: A')


@tap.case
def every_fault_is_shown_with_its_place():
    policy = written('policy "p" {\n  default allow\n  rule A "a" { when place.contry = JP and known then flag }\n'
                     '  rule B "b" { when place.asn-same then flag }\n}\n')
    done = warifu("test", policy)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, f"{policy}:3:21: error: there is no signal 'place.contry'")
    tap.contains(done.stderr, "did you mean place.country?")
    tap.contains(done.stderr, f"{policy}:4:21: error: rule B does not say what happens when place.asn-same is unknown")
    tap.contains(done.stderr, "2 errors")


@tap.case
def explains_a_decision_in_both_languages():
    facts = [x for name, value in OWNER.items() if value is not None
             for x in ("--fact", f"{name}={str(value).lower() if isinstance(value, bool) else value}")]
    theft = facts + ["--fact", "context.accepted=false", "--fact", "client.family-same=false"]
    tap.contains(warifu("explain", STARTER, *facts).stdout, "Verdict: allow")
    done = warifu("explain", STARTER, *theft)
    tap.contains(done.stdout, "Verdict: challenge")
    tap.contains(done.stdout, "Rule R10 decided: The session came from a program with another TLS library.")
    tap.contains(done.stdout, "client.family-same = false")
    tap.contains(warifu("explain", STARTER, *theft, "--lang", "ja").stdout, "規則 R10 による判定")


@tap.case
def explains_rules():
    tap.contains(warifu("explain", STARTER, "R11").stdout, "when      session.bound and")
    tap.contains(warifu("explain", STARTER, "R11", "--lang", "ja").stdout, "条件")
    tap.equal(warifu("explain", STARTER, "R99").returncode, 2)
    tap.contains(warifu("explain", STARTER, "--fact", "place.contry=JP").stderr, "did you mean place.country")


@tap.case
def replay_of_equal_decisions_says_so():
    done = replay(line({}, "allow", []), '{"kind": "event"}\n',
                  line({"request.class": "sensitive", "lock.active": True}, "refuse", ["R01"]))
    tap.equal(done.returncode, 0, done.stdout)
    tap.contains(done.stdout, "2 decisions: 2 equal, 0 differ; 1 other lines")


@tap.case
def replay_shows_each_difference():
    done = replay(line({}, "allow", []), line({"lock.active": True}, "allow", []),
                  line({"lock.active": True}, "refuse", ["R01", "R02"]), line({}, "allow", ["R77"]))
    tap.equal(done.returncode, 1)
    tap.contains(done.stdout, "line 2: was allow, is refuse; now also R01\n")
    tap.contains(done.stdout, "line 3: was refuse, is refuse; no longer R02\n")
    tap.contains(done.stdout, "line 4: was allow, is allow; named a rule that this policy does not have\n")
    tap.contains(done.stdout, "4 decisions: 1 equal, 3 differ")


@tap.case
def replay_counts_what_it_cannot_read():
    facts = dict(OWNER)
    del facts["place.asn-same"]
    done = replay("{\n", '{"facts": {"request.class": "secret"}, "verdict": "allow", "rules": []}\n',
                  '{"facts": [], "verdict": "allow"}\n', line({}, "perhaps", []),
                  json.dumps({"facts": facts, "verdict": "allow", "rules": []}) + "\n")
    tap.equal(done.returncode, 2)
    tap.contains(done.stdout, "1 decisions: 1 equal, 0 differ; 4 malformed")
    tap.contains(done.stdout, "1 decisions were recorded without facts that this policy asks for "
                              "(unknown here): place.asn-same")


@tap.case
def durations_may_be_spelt_with_units():
    sensitive = {"request.class": "sensitive", "session.age": "9 h"}
    tap.equal(replay(line(sensitive, "allow", [])).returncode, 0)


@tap.case
def an_auditor_recomputes_with_sqlite_alone():
    sql = warifu("sql", STARTER).stdout
    facts = dict(OWNER, **{"context.accepted": False, "client.family-same": False})
    columns = ", ".join(f'? as "{name}"' for name in facts)
    row = sqlite3.connect(":memory:").execute(f"select {sql} from (select {columns})", list(facts.values())).fetchone()
    tap.equal(row[0], 2)


@tap.case
def wrong_arguments_are_status_2():
    for args in ([], ["test"], ["tset", STARTER], ["test", STARTER, "x"], ["replay", STARTER], ["test", "/nowhere"],
                 ["explain", STARTER, "--lang", "fr"], ["test", STARTER, "--cases"], ["test", STARTER, "--wrong", "x"]):
        tap.equal(warifu(*args).returncode, 2, " ".join(args))


tap.main()
