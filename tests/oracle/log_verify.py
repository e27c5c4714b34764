#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second verifier of the session log, from docs/formats alone: files in, chain out.

    log_verify.py DIR [--head HEX:COUNT]     verifies a folder, prints what it found
    log_verify.py                            TAP: the vectors, and a log made by the tools

It shares nothing with the C code: its own parser of leaves, its own rules for canonical
encoding, its own walk over the SQLite files.
"""
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("WARIFU_BUILD", os.path.join(SRC, "build", "release"))
HEAD_LEN, SEALED = 40, 0xFFFF
KINDS = {1: "decision", 2: "outcome", 3: "event", 4: "aggregate"}


class Bad(Exception):
    """The log is not what the formats say."""


def load_table():
    """Type and privacy of each tag, out of record.def (the table is the format)."""
    table = {}
    with open(os.path.join(SRC, "proxy", "audit", "record.def"), encoding="utf-8") as f:
        for m in re.finditer(r'^TAG\((0x[0-9a-f]+), (\w+), "(\w+)", REC_(\w+), ([01]),', f.read(), re.M):
            table[int(m[1], 16)] = (m[3], m[4], m[5] == "1")
    return table


TABLE = load_table()


def fields(data, personal):
    """[(tag, value)] of one run of fields, refusing every encoding but the canonical one."""
    out, at, last = [], 0, 0
    while at < len(data):
        if len(data) - at < 4:
            raise Bad("field head cut")
        tag, n = int.from_bytes(data[at:at + 2], "big"), int.from_bytes(data[at + 2:at + 4], "big")
        value = data[at + 4:at + 4 + n]
        if len(value) != n:
            raise Bad("field cut")
        if tag <= last or tag >= 0xFFFE:
            raise Bad(f"tag {tag:#x} after {last:#x}")
        if tag < 0x100 and (tag >= 0x80) != personal:
            raise Bad(f"tag {tag:#x} in the wrong part")
        if tag in TABLE:
            check_value(TABLE[tag][1], value)
        out.append((tag, value))
        at, last = at + 4 + n, tag
    return out


def check_value(kind, v):
    if kind in ("U64", "I64", "TIME", "USEC", "ENUM") and (len(v) > 8 or v[:1] == b"\0"):
        raise Bad("integer not minimal")
    if kind == "ADDR" and len(v) not in (4, 16):
        raise Bad("address length")
    if kind == "IDS" and len(v) % 16:
        raise Bad("session ids")
    if kind == "LIST":
        at = 0
        while at < len(v):
            at += 2 + int.from_bytes(v[at:at + 2], "big")
        if at != len(v):
            raise Bad("list")
    if kind == "FACTS":
        facts(v)


def facts(data):
    """[(signal's number, value or None, (bound, seen) or None)] of one field of facts."""
    out, at = [], 0

    def take(n):
        nonlocal at
        if at + n > len(data):
            raise Bad("fact cut")
        at += n
        return data[at - n:at]

    while at < len(data):
        first = int.from_bytes(take(2), "big")
        number, kind, why = first >> 4, first & 7, None
        if number <= (out[-1][0] if out else 0):
            raise Bad(f"fact {number} out of order")
        if kind < 3:
            value = (None, False, True)[kind]
        elif kind == 3:
            raw = take(take(1)[0])
            check_value("I64", raw)
            value = int.from_bytes(raw, "big")
            value = -(value >> 1) - 1 if value & 1 else value >> 1
        elif kind == 4:
            value = take(int.from_bytes(take(2), "big"))
        else:
            raise Bad("kind of a fact")
        if first & 8:
            why = take(take(1)[0]), take(take(1)[0])
            if not any(why) or max(map(len, why)) > 80:
                raise Bad("evidence")
        out.append((number, value, why))
    if not out:
        raise Bad("no facts")
    return out


def leaf_parse(leaf):
    """Header and public fields of a stored leaf, and (key id, nonce, ciphertext) or None."""
    if len(leaf) < HEAD_LEN:
        raise Bad("leaf cut")
    if leaf[0] != 1 or leaf[1] not in KINDS or leaf[6:8] != b"\0\0":
        raise Bad("leaf header")
    number = lambda a, b: int.from_bytes(leaf[a:b], "big")
    head = {"kind": KINDS[leaf[1]], "flags": number(2, 4), "thread": number(4, 6), "boot": number(8, 16),
            "seq": number(16, 24), "time": number(24, 32), "exchange": number(32, 40)}
    at = HEAD_LEN
    while at < len(leaf):
        if int.from_bytes(leaf[at:at + 2], "big") >= 0xFFFE:
            break
        at += 4 + int.from_bytes(leaf[at + 2:at + 4], "big")
    public, block = fields(leaf[HEAD_LEN:at], False), leaf[at:]
    if not block:
        return head, public, None
    if int.from_bytes(block[:2], "big") != SEALED:
        raise Bad("personal data in the clear")
    if int.from_bytes(block[2:4], "big") != len(block) - 4 or len(block) < 4 + 16 + 16 + 4:
        raise Bad("sealed block")
    key = int.from_bytes(block[4:12], "big")
    if key == 0:
        raise Bad("key 0")
    return head, public, (key, int.from_bytes(block[12:20], "big"), block[20:])


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def chain_next(head, leaves):
    """The head behind a block."""
    return hashlib.sha256(b"\2" + head + b"".join(map(leaf_hash, leaves))).digest()


def split(data):
    at = 0
    while at < len(data):
        n = int.from_bytes(data[at:at + 4], "big")
        leaf = data[at + 4:at + 4 + n]
        if len(leaf) != n:
            raise Bad("block cut")
        yield leaf
        at += 4 + n


def segments(folder):
    names = sorted(n for n in os.listdir(folder) if re.fullmatch(r"log-\d{8}\.db", n))
    for name in names:
        db = sqlite3.connect(f"file:{os.path.join(folder, name)}?mode=ro", uri=True)
        try:
            meta = dict(db.execute("SELECT k, v FROM meta"))
            yield name, meta, db.execute("SELECT id, n, t_first, t_last, head, sums, bytes FROM block ORDER BY id")
        finally:
            db.close()


def walk(folder):
    """Every leaf as (number, head, header, public fields, sealed); Bad on any fault. The head is None inside a block."""
    count, head, log_id, prev = None, None, None, 0
    for name, meta, blocks in segments(folder):
        if count is None:
            count, head, log_id = meta["first"] - 1, meta["prev_head"], meta["log_id"]
            if meta["prev_day"] == 0 and (count != 0 or head != bytes(32)):
                raise Bad(f"{name}: begins in the middle")
        elif (meta["first"], meta["prev_head"], meta["log_id"], meta["prev_day"]) != (count + 1, head, log_id, prev):
            raise Bad(f"{name}: does not continue the day before")
        prev = int(name[4:12])
        for number, n, t_first, t_last, after, sums, data in blocks:
            if number != count + 1:
                raise Bad(f"{name}: block {number} after record {count}")
            leaves, times = list(split(data)), []
            head = chain_next(head, leaves)
            if len(leaves) != n or len(sums) != 8 * n:
                raise Bad(f"{name}: block {number} has {len(leaves)} leaves")
            for i, leaf in enumerate(leaves):
                if leaf_hash(leaf)[:8] != sums[8 * i:8 * i + 8]:
                    raise Bad(f"{name}: record {count + 1} was changed")
                count += 1
                header, public, sealed = leaf_parse(leaf)
                times.append(header["time"])
                yield count, head if i == n - 1 else None, header, public, sealed
            if head != after or (min(times), max(times)) != (t_first, t_last):
                raise Bad(f"{name}: block {number} does not give its head")
        if "last" in meta and (meta["last"], meta["last_head"]) != (count, head):
            raise Bad(f"{name}: does not end where it says")


def verify(folder, wanted=None):
    """(count, head, {(boot, thread): [sequences]}); `wanted` = (head, count) from elsewhere."""
    threads, count, head, met = {}, 0, bytes(32), wanted is None
    for count, head, header, _, _ in walk(folder):
        threads.setdefault((header["boot"], header["thread"]), []).append(header["seq"])
        met = met or (count, head) == (wanted[1], wanted[0])
    if not met:
        raise Bad("the chain does not lead to the head given")
    return count, head, threads


# ---- as a test ----

def vectors(tap):
    path = os.path.join(SRC, "tests", "vectors", "records.json")
    with open(path, encoding="utf-8") as f:
        data = json.load(f)

    @tap.case
    def vectors_give_their_hashes_and_heads():
        head, block = bytes(32), []
        for v in data["leaves"]:
            block.append(bytes.fromhex(v["leaf"]))
            tap.equal(leaf_hash(block[-1]).hex(), v["leaf_hash"], v["name"])
            if "head" in v:
                head, block = chain_next(head, block), []
                tap.equal(head.hex(), v["head"], v["name"])
        tap.equal(block, [])

    @tap.case
    def vectors_parse_to_their_fields():
        for v in data["leaves"]:
            header, public, sealed = leaf_parse(bytes.fromhex(v["leaf"]))
            tap.equal(header, v["header"], v["name"])
            tap.equal([[t, x.hex()] for t, x in public], v["fields"], v["name"])
            text = lambda x: x.decode() if isinstance(x, bytes) else x
            tap.equal([[n, text(value), why and [*map(text, why)]] for t, x in public if TABLE.get(t, "??")[1] == "FACTS"
                       for n, value, why in facts(x)], v.get("facts", []), v["name"])
            tap.equal(sealed is not None, "sealed" in v, v["name"])
            if sealed:
                tap.equal([sealed[0], sealed[1], sealed[2].hex()],
                          [v["sealed"]["key_id"], v["sealed"]["nonce"], v["sealed"]["cipher"]], v["name"])

    @tap.case
    def sealed_parts_open_with_their_keys():
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            tap.skip("python3-cryptography is not installed")
        opened = 0
        for v in data["leaves"]:
            if "sealed" not in v:
                continue
            s, leaf = v["sealed"], bytes.fromhex(v["leaf"])
            bare = leaf[:len(leaf) - 20 - len(s["cipher"]) // 2]
            plain = AESGCM(bytes.fromhex(s["key"])).decrypt(s["nonce"].to_bytes(12, "big"),
                                                            bytes.fromhex(s["cipher"]), bare)
            tap.equal([[t, x.hex()] for t, x in fields(plain, True)], s["fields"], v["name"])
            opened += 1
        tap.check(opened > 0, "no sealed vector")

    @tap.case
    def refused_vectors_are_refused():
        for v in data["refused"]:
            tap.raises(Bad, leaf_parse, bytes.fromhex(v["leaf"]))


def made_log(tap):
    @tap.case
    def a_log_made_by_the_scribe_verifies_here_too():
        folder = tempfile.mkdtemp()
        try:
            done = subprocess.run([os.path.join(BUILD, "tools", "logbench"), folder, "20000", "50", "100"],
                                  capture_output=True, text=True, check=False)
            tap.equal(done.returncode, 0, done.stderr)
            count, head, threads = verify(folder)
            tap.check(count >= 20000, f"{count} records")
            for seqs in threads.values():
                tap.equal(seqs, list(range(1, len(seqs) + 1)))
            verify(folder, (head, count))
            tap.raises(Bad, verify, folder, (bytes(32), count))
            db = sqlite3.connect(os.path.join(folder, sorted(n for n in os.listdir(folder)
                                                             if n.startswith("log-") and n.endswith(".db"))[0]))
            row, data = db.execute("SELECT id, bytes FROM block WHERE n > 10 LIMIT 1").fetchone()
            changed = bytearray(data)
            changed[len(changed) // 2] ^= 1
            db.execute("UPDATE block SET bytes = ? WHERE id = ?", (bytes(changed), row))
            db.commit()
            db.close()
            tap.raises(Bad, verify, folder)
        finally:
            shutil.rmtree(folder)
            if os.path.exists(folder + ".generation"):
                os.unlink(folder + ".generation")


def main():
    if len(sys.argv) == 1:
        from lib import tap
        vectors(tap)
        made_log(tap)
        tap.main()
        return
    wanted = None
    if len(sys.argv) == 4 and sys.argv[2] == "--head":
        text, count = sys.argv[3].split(":")
        wanted = (bytes.fromhex(text), int(count))
    elif len(sys.argv) != 2:
        raise SystemExit("usage: log_verify.py DIR [--head HEX:COUNT]")
    try:
        count, head, threads = verify(sys.argv[1], wanted)
    except Bad as e:
        raise SystemExit(f"BAD: {e}")
    print(f"OK {head.hex()}:{count}, {len(threads)} threads")


if __name__ == "__main__":
    main()
