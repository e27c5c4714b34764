# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""A decision's record says what each rule went by: bound at the login, seen now (an auditor's "why"). Addresses and
networks stand in the encrypted part only; no credential stands anywhere."""
import json
import os
import shutil
import sqlite3

from lib import places, tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World, wait_until

HOST = "wallet.test"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
POLICY = """policy "seen" {
	default allow
	rule A1 "Another place." {
		when request.class != open and not context.accepted and (place.country-changed or not place.asn-same) and known
		then challenge
	}
	rule A2 "Another program." {
		when request.class != open and not context.accepted and (not client.software-same or not client.system-same) and known
		then challenge observe
	}
	rule A3 "Another range." {
		when not place.prefix-same and known
		then flag
	}
	rule A4 "Unanswered." {
		when context.challenged
		then challenge
	}
}
"""
world = World("seen")


def setup():
    global front, backend, records
    backend = start_express(world)
    front = Front(world, [site("wallet", HOST, backend.port, recipe="express", policy=world.write("seen.policy", POLICY))], geo=places.geo(world))
    owner = front.client(HOST, places.address("mobile"), agent=CHROME)
    tap.equal(login_express(owner, "alice").status, 303)
    tap.equal(owner.get("/api/me").status, 200)
    thief = front.client(HOST, places.address("abroad"), agent="curl/8.5.0")
    thief.jar = dict(owner.jar)
    for _ in range(2):
        tap.equal(thief.get("/api/me").status, 403)
    records = wait_until(lambda: (lambda r: len(r) == 3 and r)(front.gate.records(kind="decision", path="/api/me")), 10, "three records")
    records.sort(key=lambda r: r["time"])  # each thread has its own way to the log
    records.append(owner.jar)


@tap.case
def each_rule_has_what_was_bound_and_what_was_seen():
    seen = records[1]["seen"]
    for line in ("A1 place.country-changed: JP -> KP", "A1 place.asn-same: AS9605 -> AS131279",
                 "A2 client.software-same: chromium 131 windows -> curl 8", "A3 place.prefix-same: 1.75.4.0/24 -> 175.45.176.0/24"):
        tap.check(line in seen, f"{line!r} is not in {seen}")
    tap.equal(len(seen), 4, seen)
    tap.equal((records[1]["rules"], records[1]["observed"]), (["A1", "A3"], ["A2"]))


@tap.case
def a_rule_that_compares_nothing_closer_has_the_whole_context():
    tap.check("A4 context.challenged: JP AS9605 chromium 131 windows -> KP AS131279 curl 8" in records[2]["seen"], records[2]["seen"])


@tap.case
def where_nothing_differs_there_is_none():
    tap.equal(records[0].get("seen"), None)


@tap.case
def show_says_it():
    number = str(records[1]["record"])
    line = front.gate.cli("log", "show", "--record", number).stdout
    for part in ("A1 place.country-changed: JP -> KP", "A2 client.software-same: chromium 131 windows -> curl 8"):
        tap.contains(line, part)
    tap.equal(line.count("JP -> KP"), 1, "told once")
    tap.contains(front.gate.cli("log", "show", "-v", "--record", number).stdout, "A3 place.prefix-same: 1.75.4.0/24 -> 175.45.176.0/24")


@tap.case
def it_is_in_both_exports():
    head, *rows = front.gate.cli("log", "export", "--format", "csv").stdout.splitlines()
    tap.check("seen" in head.split(","), head)
    tap.check(any("A1 place.country-changed: JP -> KP" in r for r in rows), "not in the CSV")


@tap.case
def without_the_key_no_address_and_no_network_is_read():
    """What stands in the clear in the files: the country, not the addresses, in no spelling."""
    where = front.gate.where(["log"])
    copy = world.path("copy")
    shutil.copytree(where[1], copy)
    out = front.gate.cli("log", "export", "--format", "jsonl").stdout
    tap.contains(out, "175.45.176.0/24")
    blocks = b""
    for name in os.listdir(copy):
        if name.startswith("log-") and name.endswith(".db"):
            db = sqlite3.connect(os.path.join(copy, name))
            blocks += b"".join(row[0] for row in db.execute("SELECT bytes FROM block"))
            db.close()
    tap.check(b"place" in blocks or b"KP" in blocks, "these are no records")
    for word in (b"175.45.176", b"1.75.4", b"AS9605 chromium", b" -> "):
        tap.check(word not in blocks, f"{word} stands in the clear")


@tap.case
def no_credential_is_in_it():
    value = next(iter(records[-1].values()))
    whole = json.dumps([r.get("seen") for r in records[:-1]])
    tap.check(value[:20] not in whole and "connect.sid" not in whole, whole)


tap.main(setup, world.stop)
