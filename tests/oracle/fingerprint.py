#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`warifu fingerprint` against the vectors and against a second implementation.

The second implementation below was written from JA4's text and from the description of
the core, in another language and without looking at the C code. Both see the recorded and
the hand-made hellos and thousands of mutations of them: they must agree on what is a
ClientHello at all, on JA4, on its raw form and on both cores.

WARIFU_BIN names the binary (default build/release/warifu). Prints TAP.
"""

import hashlib
import json
import os
import random
import subprocess
import sys

BIN = os.environ.get("WARIFU_BIN", "build/release/warifu")
HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors")
VOLATILE = {0, 16, 21, 27, 35, 41, 42, 44, 17513, 17613}
SOFT = {65037, 51764, 4832}
VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}


class Malformed(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise Malformed("short")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def block(self, n):
        return self.take(self.number(n))

    def end(self):
        if self.at != len(self.data):
            raise Malformed("left over")

    def left(self):
        return len(self.data) - self.at


def grease(v):
    return v >> 8 == v & 0xFF and v & 0x0F == 0x0A


def u16s(data):
    if len(data) % 2:
        raise Malformed("odd length")
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def whole_list(body, width):
    """The content of a list that fills the extension; an empty extension is an empty list."""
    if not body:
        return b""
    r = Reader(body)
    content = r.block(width)
    r.end()
    return content


def parse(message):
    """Returns version, ciphers, extensions [(type, body)], and the lists we look into."""
    r = Reader(message)
    if r.number(1) != 1:
        raise Malformed("not a ClientHello")
    body = r.block(3)
    r.end()
    r = Reader(body)
    hello = {"version": r.number(2)}
    r.take(32)
    if len(r.block(1)) > 32:
        raise Malformed("session id")
    hello["ciphers"] = u16s(r.block(2))
    r.block(1)
    extensions = []
    if r.left():
        block = Reader(r.block(2))
        r.end()
        while block.left():
            extensions.append((block.number(2), block.block(2)))
    hello["extensions"] = [t for t, _ in extensions]
    first = {}
    for t, b in extensions:
        first.setdefault(t, b)
    hello["groups"] = u16s(whole_list(first.get(10, b""), 2))
    hello["algorithms"] = u16s(whole_list(first.get(13, b""), 2))
    hello["versions"] = u16s(whole_list(first[43], 1)) if 43 in first else None
    hello["points"] = list(whole_list(first.get(11, b""), 1))
    hello["modes"] = list(whole_list(first.get(45, b""), 1))
    names = Reader(whole_list(first.get(16, b""), 2))
    hello["alpn"] = []
    while names.left():
        hello["alpn"].append(names.block(1))
    names = Reader(whole_list(first.get(0, b""), 2))
    while names.left():
        names.number(1)
        names.block(2)
    return hello


def version_text(hello):
    if hello["versions"] is None:
        return VERSIONS.get(hello["version"], "00")
    known = [v for v in hello["versions"] if not grease(v)]
    return VERSIONS.get(max(known), "00") if known else "00"


def alpn_text(hello):
    name = hello["alpn"][0] if hello["alpn"] else b""
    if not name:
        return "00"
    ends = bytes([name[0], name[-1]])
    if ends.isalnum() and ends.isascii():
        return ends.decode()
    return name.hex()[0] + name.hex()[-1]


def joined(values):
    return ",".join("%04x" % v for v in values)


def short(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def ja4(hello):
    ciphers = [c for c in hello["ciphers"] if not grease(c)]
    extensions = [e for e in hello["extensions"] if not grease(e)]
    algorithms = [a for a in hello["algorithms"] if not grease(a)]
    a = "t%s%s%02d%02d%s" % (
        version_text(hello),
        "d" if 0 in extensions else "i",
        min(len(ciphers), 99),
        min(len(extensions), 99),
        alpn_text(hello),
    )
    b = joined(sorted(ciphers))
    c = joined(sorted(e for e in extensions if e not in (0, 16)))
    full = c + ("_" + joined(algorithms) if algorithms else "")
    return a + "_" + short(b) + "_" + (short(full) if c else "0" * 12), a + "_" + b + "_" + full


def core(hello, soft):
    drop = VOLATILE | (SOFT if soft else set())
    lists = [
        joined(c for c in hello["ciphers"] if not grease(c)),
        joined(sorted({e for e in hello["extensions"] if not grease(e)} - drop)),
        joined(g for g in hello["groups"] if not grease(g)),
        joined(a for a in hello["algorithms"] if not grease(a)),
        joined(v for v in hello["versions"] or [] if not grease(v)),
        ",".join(str(p) for p in hello["points"]),
        ",".join(str(m) for m in hello["modes"] if m not in (11, 42, 73, 104, 135, 166, 197, 228)),
        "G1" if any(grease(c) for c in hello["ciphers"]) else "G0",
    ]
    text = "|".join([version_text(hello)] + lists)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def expect(message):
    try:
        hello = parse(message)
    except Malformed:
        return None
    j, r = ja4(hello)
    return {"ja4": j, "ja4_r": r, "core": core(hello, False), "core_soft": core(hello, True)}


def run(lines):
    out = subprocess.run([BIN, "fingerprint"], input="\n".join(lines) + "\n", text=True,
                         stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def load(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def agree(got, want):
    if want is None:
        return "error" in got and "ja4" not in got
    return all(got.get(k) == v for k, v in want.items())


def mutate(rng, message):
    m = bytearray(message)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        what = rng.randrange(6)
        at = rng.randrange(len(m))
        if what == 0:
            m[at] = rng.randrange(256)
        elif what == 1:
            m[at] ^= 1 << rng.randrange(8)
        elif what == 2 and len(m) > 8:
            del m[at : at + rng.randrange(1, 9)]
        elif what == 3:
            m[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        elif what == 4:
            value = rng.randrange(16) * 0x10 + 0x0A
            m[at : at + 2] = bytes((value, value))
        else:
            m[at] = (m[at] + rng.choice((-1, 1))) & 0xFF
    if rng.random() < 0.7 and len(m) >= 4:
        m[1:4] = (len(m) - 4).to_bytes(3, "big")
    return bytes(m)


def rebuild(rng, message):
    """A new message with shuffled, dropped, doubled and invented extensions and lists."""
    try:
        hello = parse(message)
    except Malformed:
        return message
    ciphers = list(hello["ciphers"])
    rng.shuffle(ciphers)
    ciphers = ciphers[: rng.randrange(len(ciphers) + 1)] + [
        rng.randrange(65536) for _ in range(rng.randrange(4))]
    chosen = [t for t in hello["extensions"] if t not in (0, 10, 11, 13, 16, 43, 45)]
    chosen += [rng.randrange(65536) for _ in range(rng.randrange(4))]
    known = (0, 10, 11, 13, 16, 43, 45)
    extensions = [(t, bytes(rng.randrange(256) for _ in range(rng.randrange(6))))
                  for t in chosen if t not in known]
    grease_or = lambda: rng.choice((0x0A0A, 0xFAFA, 0x0403, 0x0804, 0x0304, 0x0303, 0x7F1C, 0x0002,
                                    rng.randrange(65536)))
    some = lambda: b"".join(grease_or().to_bytes(2, "big") for _ in range(rng.randrange(5)))
    small = lambda: bytes(rng.randrange(256) for _ in range(rng.randrange(4)))
    name = lambda: bytes(rng.choice(b"abhz019AZ /.\x00\xe3\xff-_") for _ in range(rng.randrange(4)))
    for t, width, content in (
        (0, 2, b"\x00" + (3).to_bytes(2, "big") + b"a.b" if rng.random() < 0.9 else b""),
        (10, 2, some()),
        (11, 1, small()),
        (13, 2, some()),
        (16, 2, b"".join(bytes((len(n),)) + n for n in (name() for _ in range(rng.randrange(3))))),
        (43, 1, some()),
        (45, 1, small()),
    ):
        if rng.random() < 0.8:
            extensions.append((t, len(content).to_bytes(width, "big") + content))
    rng.shuffle(extensions)
    block = b"".join(t.to_bytes(2, "big") + len(b).to_bytes(2, "big") + b for t, b in extensions)
    body = rng.choice((0x0303, 0x0301, 0x0300, 0x0305)).to_bytes(2, "big") + bytes(32) + b"\0"
    listed = b"".join(c.to_bytes(2, "big") for c in ciphers)
    body += len(listed).to_bytes(2, "big") + listed + b"\x01\x00"
    if block or rng.random() < 0.5:
        body += len(block).to_bytes(2, "big") + block
    return b"\x01" + len(body).to_bytes(3, "big") + body


def records(rng, message):
    out = b""
    while message:
        n = rng.choice((1, 5, 100, 500, 1400, 16384))
        out += b"\x16\x03\x01" + len(message[:n]).to_bytes(2, "big") + message[:n]
        message = message[n:]
    return out


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        self.failed += not good
        print(("ok" if good else "not ok"), self.n, "-", name)
        if not good and detail:
            print("#", detail)


def differing(lines, messages):
    answers = run(lines)
    if len(answers) != len(messages):
        return ["%d answers for %d lines" % (len(answers), len(messages))]
    return [m.hex()[:200] + " " + json.dumps(a)[:300]
            for a, m in zip(answers, messages) if not agree(a, expect(m))]


def main():
    tap = Tap()
    rng = random.Random(20260101)
    captured = load("client_hellos_captured.jsonl")
    synthetic = load("client_hellos_synthetic.jsonl")
    valid = [v for v in synthetic if v["valid"]]

    answers = run([v["client_hello_hex"] for v in captured])
    bad = [v["client"] for v, a in zip(captured, answers)
           if any(a.get(k) != v[k] for k in ("ja4", "ja4_r", "core", "core_soft"))]
    tap.ok(len(answers) == 481 and not bad, "481 captured hellos", str(bad[:3]))
    answers = run([v["client_hello_hex"] for v in valid])
    bad = [v["name"] for v, a in zip(valid, answers)
           if any(a.get(k) != v[k] for k in ("ja4", "ja4_r"))]
    tap.ok(len(answers) == 63 and not bad, "63 corners of the text", str(bad))
    malformed = [v for v in synthetic if not v["valid"]]
    answers = run([v["client_hello_hex"] for v in malformed if "truncated" not in v["name"]])
    tap.ok(len(answers) == 5 and all("error" in a for a in answers), "malformed hellos refused")

    cut = [bytes.fromhex(v["client_hello_hex"]) for v in malformed if "truncated" in v["name"]]
    cut += [bytes.fromhex(v["client_hello_hex"]) for v in captured[:2]]
    lines = [m[:n].hex() for m in cut for n in range(len(m))]
    tap.ok(all("error" in a for a in run(lines)), "every prefix refused (%d)" % len(lines))

    messages = [bytes.fromhex(v["client_hello_hex"]) for v in captured + valid]
    wrapped = [records(rng, m).hex() for m in messages]
    tap.ok(run(wrapped) == run([m.hex() for m in messages]), "the same in any split into records")

    mutated = [mutate(rng, rng.choice(messages)) for _ in range(12000)]
    bad = differing([m.hex() for m in mutated], mutated)
    kept = sum(expect(m) is not None for m in mutated)
    tap.ok(not bad, "12000 mutations, %d of them still hellos" % kept, "\n# ".join(bad[:3]))
    rebuilt = [rebuild(rng, rng.choice(messages)) for _ in range(6000)]
    bad = differing([m.hex() for m in rebuilt], rebuilt)
    kept = sum(expect(m) is not None for m in rebuilt)
    tap.ok(not bad and kept > 5000, "6000 rebuilt hellos, %d valid" % kept, "\n# ".join(bad[:3]))

    good = messages[0].hex()
    odd = ["", "zz", "0", good[:-1], good + "00", " " + good + " ", good.upper(), "0x" + good,
           good[:50] + "\u3042" + good[50:], "ab" * 3000000, good]
    answers = run(odd)
    tap.ok(len(answers) == len(odd) and [("error" in a) for a in answers] ==
           [True, True, True, True, True, False, False, True, True, True, False],
           "one answer for each line, whatever it holds", str([str(a)[:80] for a in answers]))
    tap.ok(all({"line"} < set(a) for a in answers if "error" in a), "errors say where")
    print("1..%d" % tap.n)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
