# SPDX-License-Identifier: Apache-2.0
"""`warifu log verify` on copies of a real log, each tampered with in one way (security model 26).

Expected is not only that it fails, but that it names the record and its neighbours; and where nothing
can be proven without a head from elsewhere, that it says so.
"""
import os
import re
import shutil
import sqlite3
import subprocess

from lib import tap
from lib.world import BIN, BUILD, World
from oracle import log_verify

world = World("tamper")
LOG = world.path("log")


class Copy:
    """The log once more, in rows that can be changed."""

    def __init__(self, name):
        self.dir = world.path(name)
        shutil.copytree(LOG, self.dir)
        self.days = sorted(n for n in os.listdir(self.dir) if re.fullmatch(r"log-\d{8}\.db", n))

    def db(self, day=1):
        return sqlite3.connect(os.path.join(self.dir, self.days[day]))

    def block(self, day=1, nth=2):
        """(row id, leaves, sums, head) of one block; its first record is number id."""
        with self.db(day) as db:
            row = db.execute("SELECT id, bytes, sums, head FROM block ORDER BY id LIMIT 1 OFFSET ?", (nth,)).fetchone()
        return row[0], list(log_verify.split(row[1])), row[2], row[3]

    def write(self, ident, leaves, sums=None, day=1, n=None):
        data = b"".join(len(x).to_bytes(4, "big") + x for x in leaves)
        db = self.db(day)
        db.execute("UPDATE block SET bytes = ? WHERE id = ?", (data, ident))
        if sums is not None:
            db.execute("UPDATE block SET sums = ?, n = ? WHERE id = ?", (sums, len(leaves) if n is None else n, ident))
        db.commit()
        db.close()

    def verify(self, *more, lang="en"):
        done = subprocess.run([BIN, "log", "verify", "--state", self.dir, "--lang", lang, *more], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def sums_of(leaves):
    return b"".join(log_verify.leaf_hash(x)[:8] for x in leaves)


def faulty(copy, *wanted, before=None, after=None, more=()):
    code, words = copy.verify(*more)
    tap.equal(code, 1, words)
    for w in wanted:
        tap.check(re.search(w, words), f"no /{w}/ in\n{words}")
    if before:
        tap.check(re.search(rf"before: +{before} ", words), f"no neighbour {before} in\n{words}")
    if after:
        tap.check(re.search(rf"after: +{after} ", words), f"no neighbour {after} in\n{words}")
    tap.raises(log_verify.Bad, log_verify.verify, copy.dir, *([head_pair()] if more else []))
    return words


def head_pair():
    digits, count = HEAD.split(":")
    return bytes.fromhex(digits), int(count)


def setup():
    global HEAD
    os.makedirs(LOG)
    done = subprocess.run([os.path.join(BUILD, "tools", "logdays"), LOG, "3"], capture_output=True, text=True)
    tap.equal((done.returncode, done.stderr), (0, ""), done.stdout)
    HEAD = subprocess.run([BIN, "log", "head", "--state", LOG], capture_output=True, text=True, check=True).stdout.strip()
    count, head, _ = log_verify.verify(LOG)
    tap.equal(HEAD, f"{head.hex()}:{count}", "both verifiers")


@tap.case
def untouched_it_is_good_and_says_what_it_does_not_prove():
    c = Copy("good")
    code, words = c.verify()
    tap.equal(code, 0, words)
    tap.contains(words, "without --head, a cut end or a log rewritten as a whole cannot be seen")
    code, words = c.verify("--head", HEAD)
    tap.equal(code, 0, words)
    tap.check("without --head" not in words, words)
    code, words = c.verify("--head", HEAD, lang="ja")
    tap.contains(words, "検証に成功しました")


@tap.case
def a_changed_record_is_named():
    c = Copy("changed")
    ident, leaves, _, _ = c.block()
    at = leaves[3].index(b"/day/1/2/3")
    leaves[3] = leaves[3][:at] + b"/day/1/2/9" + leaves[3][at + 10:]
    c.write(ident, leaves)
    words = faulty(c, rf"record {ident + 3} was changed", before=ident + 2, after=ident + 4)
    tap.equal(words.count("FAULT:"), 1, words)


@tap.case
def a_changed_personal_part_is_named():
    c = Copy("person")
    ident, leaves, _, _ = c.block()
    leaves[2] = leaves[2][:-20] + bytes([leaves[2][-20] ^ 1]) + leaves[2][-19:]
    c.write(ident, leaves)
    faulty(c, rf"record {ident + 2} was changed", before=ident + 1, after=ident + 3)


@tap.case
def a_removed_record_is_named():
    c = Copy("removed")
    ident, leaves, _, _ = c.block()
    del leaves[4]
    c.write(ident, leaves)
    faulty(c, rf"record {ident + 4} was removed", before=ident + 3, after=ident + 5)


@tap.case
def an_inserted_record_is_named():
    c = Copy("inserted")
    ident, leaves, _, _ = c.block()
    leaves.insert(5, c.block(0, 1)[1][2])
    c.write(ident, leaves)
    faulty(c, rf"record {ident + 5} was inserted", before=ident + 4)


@tap.case
def reordered_records_are_named():
    c = Copy("reordered")
    ident, leaves, _, _ = c.block()
    leaves[1], leaves[2] = leaves[2], leaves[1]
    c.write(ident, leaves)
    faulty(c, rf"records? {ident + 1}( to {ident + 2})?:? stands? in another place", before=ident, after=ident + 3)


@tap.case
def with_its_check_sums_mended_the_block_is_named():
    for name, change in (("changed", lambda x: x.__setitem__(3, x[3].replace(b"/day/", b"/dax/"))),
                         ("removed", lambda x: x.pop(3)), ("inserted", lambda x: x.insert(3, x[0])), ("swapped", lambda x: x.reverse())):
        c = Copy("mended-" + name)
        ident, leaves, _, _ = c.block()
        change(leaves)
        c.write(ident, leaves, sums_of(leaves))
        faulty(c, rf"records? {ident}")


@tap.case
def a_missing_block_and_a_doubled_one_are_named():
    c = Copy("block")
    ident, leaves, _, _ = c.block()
    db = c.db()
    db.execute("DELETE FROM block WHERE id = ?", (ident,))
    db.commit()
    faulty(c, rf"records {ident} to {ident + len(leaves) - 1}: are missing")


@tap.case
def a_missing_day_is_named():
    c = Copy("day")
    os.unlink(os.path.join(c.dir, c.days[1]))
    faulty(c, re.escape(c.days[2]) + r": .*the file of the day before is missing")


@tap.case
def days_that_changed_places_are_named():
    c = Copy("swapped")
    one, two = (os.path.join(c.dir, c.days[d]) for d in (0, 1))
    os.rename(one, one + ".x")
    os.rename(two, one)
    os.rename(one + ".x", two)
    faulty(c, r"FAULT: log-\d{8}\.db")


@tap.case
def a_cut_tail_needs_a_head_and_is_proven_by_one():
    c = Copy("tail")
    db = c.db(2)
    ident = db.execute("SELECT max(id) FROM block").fetchone()[0]
    db.execute("DELETE FROM block WHERE id = ?", (ident,))
    db.commit()
    code, words = c.verify()
    tap.equal(code, 0, "nothing inside the log shows it")
    tap.contains(words, "cannot be seen")
    faulty(c, "its end was cut off", more=("--head", HEAD))


@tap.case
def a_whole_last_day_cut_off_is_proven_by_a_head():
    c = Copy("lastday")
    os.unlink(os.path.join(c.dir, c.days[2]))
    for n in os.listdir(c.dir):
        if n.startswith(c.days[2]):
            os.unlink(os.path.join(c.dir, n))
    tap.contains(c.verify()[1], "cannot be seen")
    faulty(c, "its end was cut off", more=("--head", HEAD))


@tap.case
def a_log_rewritten_as_a_whole_is_proven_by_a_head():
    """Who can write the files changes one record and mends everything behind it."""
    c = Copy("rewritten")
    head, count, prev = bytes(32), 0, None
    for d, day in enumerate(c.days):
        db = c.db(d)
        if d:
            db.execute("UPDATE meta SET v = ? WHERE k = 'prev_head'", (head,))
        for ident, data in db.execute("SELECT id, bytes FROM block ORDER BY id").fetchall():
            leaves = [x.replace(b"/day/1/2/3", b"/day/1/2/9") for x in log_verify.split(data)]
            head, count = log_verify.chain_next(head, leaves), count + len(leaves)
            db.execute("UPDATE block SET bytes = ?, sums = ?, head = ? WHERE id = ?",
                       (b"".join(len(x).to_bytes(4, "big") + x for x in leaves), sums_of(leaves), head, ident))
        db.execute("UPDATE meta SET v = ? WHERE k = 'last_head'", (head,))
        db.commit()
        db.close()
    code, words = c.verify()
    tap.equal(code, 0, words)
    tap.contains(words, "cannot be seen")
    faulty(c, "the log was rewritten", more=("--head", HEAD))
    # an earlier head proves the part before the change
    first = Copy("first")
    with first.db(0) as db:
        ident, n, early = db.execute("SELECT id, n, head FROM block ORDER BY id DESC LIMIT 1").fetchone()
    code, words = c.verify("--head", f"{early.hex()}:{ident + n - 1}")
    tap.equal(code, 0, words)
    tap.contains(words, f"Up to record {ident + n - 1} the log is the one of the head given")


@tap.case
def a_file_that_is_no_database_is_an_error_and_no_verdict():
    c = Copy("garbage")
    with open(os.path.join(c.dir, c.days[1]), "wb") as f:
        f.write(os.urandom(8192))
    code, words = c.verify()
    tap.check(code in (1, 3), f"{code}: {words}")
    tap.check("OK\n" not in words, words)


tap.main(setup, world.stop)
