#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/vectors/records.json from docs/formats/record.md alone (needs python3-cryptography).

Nothing of warifu's own code takes part. tests/unit/test_record_vectors.c reads the file with
the C code, tests/oracle/log_verify.py with its own parser.
"""
import hashlib
import hmac
import json
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER = bytes(range(32))
KINDS = {"decision": 1, "outcome": 2, "event": 3, "aggregate": 4}
TIME = 1795428000123456789  # 2026-11-23


def be(n, length):
    return n.to_bytes(length, "big")


def number(n):
    return be(n, (n.bit_length() + 7) // 8)


def signed(n):
    return number(n << 1 if n >= 0 else (-n << 1) - 1)


def items(*elements):
    return b"".join(be(len(e), 2) + e for e in elements)


def fact(of, value, evidence):
    kind, rest = 0, b""
    if isinstance(value, bool):
        kind = 2 if value else 1
    elif isinstance(value, int):
        kind, rest = 3, be(len(signed(value)), 1) + signed(value)
    elif value is not None:
        kind, rest = 4, be(len(value), 2) + value.encode()
    if evidence:
        rest += b"".join(be(len(e), 1) + e.encode() for e in evidence)
    return be(of << 4 | kind | (8 if evidence else 0), 2) + rest


def facts(*items):
    return b"".join(fact(*f) for f in items)


def fields(pairs):
    return b"".join(be(tag, 2) + be(len(v), 2) + v for tag, v in pairs)


def head(kind, **h):
    return (bytes([1, KINDS[kind]]) + be(h.get("flags", 0), 2) + be(h.get("thread", 0), 2) + bytes(2)
            + be(h.get("boot", 7), 8) + be(h["seq"], 8) + be(h.get("time", TIME), 8) + be(h.get("exchange", 0), 8))


def person(user):
    return hmac.digest(MASTER, b"person\0" + user, "sha256")[:16]


def wrapped(user, month, salt, key):
    kek = hmac.digest(MASTER, b"wrap\0" + salt, "sha256")
    return salt + AESGCM(kek).encrypt(bytes(12), key, person(user) + be(month, 4))


def leaf(name, kind, public, personal=(), user=b"", key_id=0, nonce=0, **h):
    bare, out = head(kind, **h) + fields(public), {"name": name}
    whole = bare
    if personal:
        key, salt = bytes([key_id]) * 32, bytes([0x50 + key_id]) * 16
        cipher = AESGCM(key).encrypt(be(nonce, 12), fields(personal), bare)
        whole += b"\xff\xff" + be(16 + len(cipher), 2) + be(key_id, 8) + be(nonce, 8) + cipher
        out["sealed"] = {"key_id": key_id, "nonce": nonce, "cipher": cipher.hex(), "key": key.hex(),
                         "person": person(user).hex(), "month": 202611,
                         "wrapped": wrapped(user, 202611, salt, key).hex(),
                         "fields": [[t, v.hex()] for t, v in personal], "plain": fields(personal).hex()}
    if 0x47 in dict(public):
        out["facts"] = FACTS
    out.update({"header": {"kind": kind, "flags": h.get("flags", 0), "thread": h.get("thread", 0), "boot": h.get("boot", 7),
                           "seq": h["seq"], "time": h.get("time", TIME), "exchange": h.get("exchange", 0)},
                "fields": [[t, v.hex()] for t, v in public], "leaf": whole.hex()})
    return out


FACTS = [(1, "write", None), (20, True, None), (21, False, None), (23, 5400000, None), (46, -2, None),
         (60, "KP", ("JP", "KP")), (62, None, None), (63, None, ("AS1", "")), (150, 0, None)]


def good():
    alice = [(0x80, b"alice"), (0x81, bytes([126, 10, 20, 30])), (0x82, number(50123)),
             (0x83, bytes.fromhex("24002410123400000000000000000009")), (0x84, b"Mozilla/5.0 \x1b[2J\n"),
             (0x86, items(b"R20 place.country-changed: JP -> KP", b"R20 place.prefix-same: 126.10.20.0/24 -> 175.45.176.0/24"))]
    return [
        leaf("an event without fields but its number", "event", [(0x01, number(18))], thread=0xffff, seq=1),
        leaf("a decision with lists, facts and a person", "decision",
             [(0x02, b"wallet"), (0x03, bytes(range(16))), (0x05, number(2)), (0x10, b"POST"), (0x11, b"sensitive"),
              (0x13, b"/api/withdraw"), (0x14, bytes(16)), (0x17, number(300)), (0x20, b"KP"), (0x40, number(2)),
              (0x41, number(2)), (0x42, items(b"place-country", b"")),
              (0x47, facts(*FACTS)), (0x53, number(184))],
             alice + [(0x8a, facts((30, "alice", None)))], b"alice", 3, 1, seq=1, flags=1, exchange=0x0a1b2c3d4e5f6071),
        leaf("its outcome", "outcome", [(0x02, b"wallet"), (0x50, number(401)), (0x51, b""), (0x52, number(65536)),
                                        (0x5a, b"warifu")], seq=2, exchange=0x0a1b2c3d4e5f6071),
        leaf("the same key again: the next nonce", "decision", [(0x02, b"wallet"), (0x40, b""), (0x41, b"")],
             [(0x80, b"alice")], b"alice", 3, 2, seq=3, exchange=0x0a1b2c3d4e5f6072),
        leaf("a person without a name", "aggregate",
             [(0x01, number(99)), (0x66, number(1 << 40)), (0x67, number(TIME)), (0x68, number(TIME + 1))],
             [(0x88, bytes([192, 0, 2, 1]))], b"", 9, 1, thread=1, seq=1),
        leaf("a clock that went back, and a tag of a later version", "event",
             [(0x01, number(11)), (0x6a, signed(-5000000000)), (0x7f, b"what is this")], thread=0xffff, seq=2, time=1),
    ]


def refused():
    ok, event = head("event", seq=1), [(0x01, number(18))]
    bad = lambda name, data: {"name": name, "leaf": data.hex()}
    seal = lambda n: b"\xff\xff" + be(n, 2)
    return [
        bad("nothing", b""), bad("a header cut", ok[:-1]), bad("another version", b"\2" + ok[1:]),
        bad("an unknown kind", ok[:1] + b"\5" + ok[2:]), bad("reserved bytes that are not 0", ok[:6] + b"\0\1" + ok[8:]),
        bad("a field cut", ok + fields(event)[:-1]), bad("tags that descend", ok + fields([(0x62, b"x"), (0x01, b"\1")])),
        bad("a tag twice", ok + fields(event + event)), bad("tag 0", ok + fields([(0, b"x")])),
        bad("an integer with a leading zero", ok + fields([(0x01, b"\0\1")])),
        bad("an integer of nine bytes", ok + fields([(0x66, bytes([1] * 9))])),
        bad("an address of five bytes", ok + fields([(0x27, bytes(5))])),
        bad("a list that overruns", ok + fields([(0x42, b"\0\5abc")])),
        bad("no facts", ok + fields([(0x47, b"")])), bad("a fact cut", ok + fields([(0x47, b"\1")])),
        bad("facts that descend", ok + fields([(0x47, facts((21, True, None), (20, True, None)))])),
        bad("a fact twice", ok + fields([(0x47, facts((20, True, None), (20, True, None)))])),
        bad("fact 0", ok + fields([(0x47, facts((0, True, None)))])),
        bad("a fact of an unknown kind", ok + fields([(0x47, b"\1\x45")])),
        bad("a fact's number with a leading zero", ok + fields([(0x47, b"\1\x73\2\0\1")])),
        bad("a fact's text that overruns", ok + fields([(0x47, b"\0\x14\0\5abc")])),
        bad("evidence without words", ok + fields([(0x47, facts((63, None, ("", ""))))])),
        bad("evidence of 81 bytes", ok + fields([(0x47, facts((63, None, ("x" * 81, ""))))])),
        bad("session ids cut", ok + fields([(0x58, bytes(15))])),
        bad("a person in the public part", ok + fields([(0x80, b"alice")])),
        bad("a person in the public part, by a tag of a later version", ok + fields([(0xff, b"alice")])),
        bad("a person in the clear", ok + b"\xff\xfe" + be(9, 2) + fields([(0x80, b"alice")])),
        bad("a sealed part without a tag", ok + seal(16 + 15) + be(1, 8) + be(1, 8) + bytes(15)),
        bad("a sealed part with key 0", ok + seal(16 + 24) + bytes(8) + be(1, 8) + bytes(24)),
        bad("something behind the sealed part", ok + seal(16 + 24) + be(1, 8) + be(1, 8) + bytes(25)),
    ]


def main():
    at, leaves, block = bytes(32), good(), b""
    for i, v in enumerate(leaves):
        hashed = hashlib.sha256(b"\0" + bytes.fromhex(v["leaf"])).digest()
        v["leaf_hash"], block = hashed.hex(), block + hashed
        if i in (0, 2, len(leaves) - 1):  # a block of one, of two, of the rest
            at, block = hashlib.sha256(b"\2" + at + block).digest(), b""
            v["head"] = at.hex()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "records.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"format": "docs/formats/record.md", "master": MASTER.hex(), "leaves": leaves, "refused": refused()},
                  f, indent=1)
        f.write("\n")


main()
