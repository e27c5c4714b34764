#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""proxy/device beside WebCrypto, node's verifier and what Python makes of the documents.

node makes keys as a browser does and signs with them: proofs that must be accepted, with the
thumbprint of RFC 7638 that is computed here, and proofs that differ from such a one in one
thing, which must be refused although they are signed. Any flipped bit is refused. The
vectors of docs/formats/device.md are read out of it, made anew here and by us.
"""
import base64
import hashlib
import hmac
import json
import os
import random
import re
import subprocess

from lib import tap

SRC = os.environ.get("WARIFU_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WARIFU_BUILD") or os.path.join(SRC, "build", "release")
SEED = int(os.environ.get("WARIFU_ORACLE_SEED", "20261127"))
ES256_KEYS, RS256_KEYS = 40, 6
ALGS = {"ES256": 1, "RS256": 2}
made = []


def error_numbers():
    with open(os.path.join(SRC, "proxy/base/err.def"), encoding="utf-8") as f:
        return {name: -i for i, name in enumerate(re.findall(r"^ERR\((\w+),", f.read(), re.M))}


ERR = error_numbers()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hexed(data):
    data = data.encode() if isinstance(data, str) else data
    return data.hex() or "-"


def dump(lines):
    """What warifu sees in each line; see tests/tools/devicedump.c."""
    done = subprocess.run([os.path.join(BUILD, "tools/devicedump")], input="".join(line + "\n" for line in lines),
                          capture_output=True, text=True)
    tap.equal(done.returncode, 0, done.stderr[-2000:])
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    tap.equal(len(answers), len(lines), "lines of devicedump")
    return answers


def of(kind):
    found = [m for m in made if m["kind"] == kind]
    tap.check(len(found) > 50, f"node made {len(found)} of {kind}")
    return found


def thumbprint(jwk):
    """RFC 7638, from the JWK as the browser gives it."""
    names = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("e", "kty", "n")
    text = json.dumps({name: jwk[name] for name in sorted(names)}, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def with_key(proof, text=None):
    """The line that verifies the proof, or another text, as its key's."""
    return f"V {ALGS[proof['alg']]} {hexed(json.dumps(proof['jwk']))} {hexed(proof['text'] if text is None else text)}"


def check_proof(proof, answer):
    where = proof["text"]
    tap.equal((answer["read"], answer["verified"]), (0, 0), where)
    tap.equal(answer["alg"], ALGS[proof["alg"]], where)
    tap.equal((answer["thumb"], answer["valid"]), (thumbprint(proof["jwk"]), True), where)
    for name in ("jti", "authorization", "aud"):
        tap.equal(answer[name], proof[name].encode().hex(), f"{name} of {where}")


@tap.case
def registrations_verify_with_the_key_that_they_bring():
    proofs = [p for p in of("good") if p["register"]]
    for proof, answer in zip(proofs, dump(["P " + hexed(p["text"]) for p in proofs])):
        check_proof(proof, answer)
        tap.equal(answer["key"], True, proof["text"])


@tap.case
def refreshes_verify_with_the_key_of_the_registration():
    proofs = [p for p in of("good") if not p["register"]]
    for proof, answer in zip(proofs, dump([with_key(p) for p in proofs])):
        check_proof(proof, answer)
        tap.equal(answer["key"], False, proof["text"])


@tap.case
def refreshes_bring_no_key_to_verify_with():
    proofs = [p for p in of("good") if not p["register"]]
    for proof, answer in zip(proofs, dump(["P " + hexed(p["text"]) for p in proofs])):
        tap.equal((answer["read"], answer["verified"]), (0, ERR["VERIFY"]), proof["text"])


@tap.case
def no_other_key_verifies():
    proofs = of("good")
    pairs = [(p, q) for p, q in zip(proofs, proofs[7:] + proofs[:7]) if p["jwk"] != q["jwk"]]
    answers = dump([with_key(dict(q, text=p["text"])) for p, q in pairs])
    for (p, _), answer in zip(pairs, answers):
        tap.equal((answer["read"], answer["verified"]), (0, ERR["VERIFY"]), p["text"])


def refused(answer):
    return answer["read"] != 0 or answer["verified"] != 0


def flips(text, bits):
    data = text.encode()
    for bit in bits:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def refused_with_any_bit_flipped(proof):
    """Every bit of this one; of a registration also as if its key were known already."""
    texts = list(flips(proof["text"], range(8 * len(proof["text"]))))
    lines = [with_key(proof, t) for t in texts]
    if proof["register"]:
        lines += ["P " + hexed(t) for t in texts]
    for line, answer in zip(lines, dump(lines)):
        tap.check(refused(answer), line)
    tap.note(f"{proof['alg']}: {len(lines)} flips")


@tap.case
def any_flipped_bit_of_a_proof_is_refused():
    for alg in ALGS:
        for register in (True, False):
            refused_with_any_bit_flipped(next(p for p in of("good") if p["alg"] == alg and p["register"] == register))


@tap.case
def flipped_bits_of_every_other_proof_are_refused():
    rng = random.Random(SEED)
    lines = []
    for proof in of("good"):
        bits = rng.sample(range(8 * len(proof["text"])), 16)
        lines += [with_key(proof, t) for t in flips(proof["text"], bits)]
    for line, answer in zip(lines, dump(lines)):
        tap.check(refused(answer), line)


@tap.case
def a_flipped_bit_of_the_signature_itself_is_never_verified():
    for alg in ALGS:
        s = next(s for s in of("signature") if s["alg"] == alg and s["good"])
        data = bytes.fromhex(s["signature"])
        lines = []
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            lines.append(f"S {ALGS[alg]} {hexed(json.dumps(s['jwk']))} {hexed(bytes.fromhex(s['part']))} {changed.hex()}")
        for line, answer in zip(lines, dump(lines)):
            tap.equal((answer["read"], answer["verified"]), (0, ERR["VERIFY"]), line)


@tap.case
def what_is_signed_and_still_no_proof_is_refused_when_read():
    bad = of("bad")
    answers = dump(["P " + hexed(b["text"]) for b in bad])
    said = {b["name"]: a["read"] for b, a in zip(bad, answers)}
    # These are read, and their signature is none of the key's (the product of small primes is a key, and not the sender's).
    late = {"PSS instead of PKCS#1", "SHA-1 with RSA", "SHA-512 with RSA", "SHA-384 on P-256",
            "ES256 form: another payload", "RS256 form: another payload", "RS256 header: jwk: all bits set"}
    tap.equal({name for name, err in said.items() if err == 0}, late)
    tap.equal({a["verified"] for b, a in zip(bad, answers) if b["name"] in late}, {ERR["VERIFY"]})
    wanted = {"ES256 header: crit": "UNSUPPORTED", "ES256 header: alg twice": "AMBIGUOUS", "RS256 header: jwk twice": "AMBIGUOUS",
              "ES256 header: jwk: a private key": "DENIED", "RS256 header: jwk: exponent 3": "UNSUPPORTED",
              "ES256 header: jwk: all bits set": "VERIFY", "secp256k1 that says P-256": "VERIFY",
              "ES256 header: jwk: unused bits set": "SYNTAX", "RS256 header: jwk: unused bits set": "SYNTAX",
              "RS256 form: too long": "FULL", "an HMAC with the public key": "UNSUPPORTED"}
    tap.equal({name: said[name] for name in wanted}, {name: ERR[err] for name, err in wanted.items()})


@tap.case
def signatures_at_the_edges_are_judged_as_by_node():
    sigs = of("signature")
    answers = dump([f"S {ALGS[s['alg']]} {hexed(json.dumps(s['jwk']))} {hexed(bytes.fromhex(s['part']))} {s['signature']}"
                    for s in sigs])
    tap.within(sum(s["good"] for s in sigs), 80, len(sigs) // 2, "signatures that node verifies")
    for s, answer in zip(sigs, answers):
        tap.equal((answer["read"], answer["verified"] == 0), (0, s["good"]), json.dumps(s))


# --- challenges and tokens ---

def mac_text(key, domain, body):
    return b64(body + hmac.new(key, domain + body, "sha256").digest()[:16])


def challenge(key, purpose, session, stamp):
    return mac_text(key, b"warifu-challenge", session + bytes([purpose]) + stamp.to_bytes(8, "big"))


def token(key, kind, session, issued, expires, context, version=1):
    times = issued.to_bytes(8, "big") + expires.to_bytes(8, "big")
    return mac_text(key, b"warifu-token", bytes([version, kind]) + session + times + context)


def some(rng, n):
    return bytes(rng.randrange(256) for _ in range(n))


def big(rng):
    return rng.choice((0, 1, 2**64 - 1, rng.randrange(2**64), 1790000000))


@tap.case
def challenges_are_those_of_the_document():
    rng, asked, wanted = random.Random(SEED), [], []
    for _ in range(300):
        key, purpose, session, stamp = some(rng, 32), rng.choice((1, 2)), some(rng, 16), big(rng)
        text = challenge(key, purpose, session, stamp)
        asked += [f"C {key.hex()} {purpose} {session.hex()} {stamp}", f"c {key.hex()} {purpose} {hexed(text)}",
                  f"c {key.hex()} {3 - purpose} {hexed(text)}"]
        wanted += [{"text": text}, {"read": 0, "stamp": stamp, "session": session.hex()},
                   {"read": ERR["VERIFY"], "stamp": 0, "session": bytes(16).hex()}]
    tap.equal([(a, w) for a, w in zip(dump(asked), wanted) if a != w], [])


@tap.case
def tokens_are_those_of_the_document():
    rng, asked, wanted = random.Random(SEED), [], []
    for _ in range(300):
        key, kind, session, context = some(rng, 32), rng.choice((1, 2)), some(rng, 16), some(rng, 8)
        issued, expires = big(rng), big(rng)
        text = token(key, kind, session, issued, expires, context)
        other = token(key, rng.choice((0, 3, 255)), session, issued, expires, context)
        later = token(key, kind, session, issued, expires, context, version=2)
        asked += [f"T {key.hex()} {kind} {session.hex()} {issued} {expires} {context.hex()}", f"t {key.hex()} {hexed(text)}",
                  f"t {key.hex()} {hexed(other)}", f"t {key.hex()} {hexed(later)}"]
        none = {"read": ERR["UNSUPPORTED"], "kind": 0, "issued": 0, "expires": 0, "session": bytes(16).hex(), "context": bytes(8).hex()}
        wanted += [{"text": text}, {"read": 0, "kind": kind, "issued": issued, "expires": expires, "session": session.hex(),
                                    "context": context.hex()}, none, none]
    tap.equal([(a, w) for a, w in zip(dump(asked), wanted) if a != w], [])


@tap.case
def flipped_bits_of_challenges_and_tokens_are_refused():
    rng = random.Random(SEED)
    key = some(rng, 32)
    lines = [f"c {key.hex()} 2 {hexed(t)}" for text in [challenge(key, 2, some(rng, 16), big(rng))]
             for t in flips(text, range(8 * len(text)))]
    lines += [f"t {key.hex()} {hexed(t)}" for text in [token(key, 2, some(rng, 16), 5, 305, some(rng, 8))]
              for t in flips(text, range(8 * len(text)))]
    for line, answer in zip(lines, dump(lines)):
        tap.check(answer["read"] in (ERR["VERIFY"], ERR["SYNTAX"]), line)


@tap.case
def the_vectors_of_the_document_hold():
    with open(os.path.join(SRC, "docs/formats/device.md"), encoding="utf-8") as f:
        page = f.read()
    key, session, context = bytes(range(32)), bytes(range(0xa0, 0xb0)), bytes(range(0xc0, 0xc8))
    texts = [challenge(key, 1, session, 1790000000000000000), challenge(key, 2, session, 1790000000000000001),
             token(key, 1, session, 1790000000, 1790000060, context), token(key, 2, session, 1790000000, 1790000330, context)]
    for text in texts:
        tap.contains(page, "\n" + text + "\n")
    proofs = re.findall(r"^(eyJ[\w.-]+)$", page, re.M)
    keys = re.findall(r'^(\{"[^ ]*"kty".*\})$', page, re.M)
    prints = re.findall(r"^thumbprint ([\w-]{43})$", page, re.M)
    tap.equal((len(proofs), len(keys), len(prints)), (2, 1, 1), "vectors on the page")
    tap.equal(thumbprint(json.loads(keys[0])), base64.urlsafe_b64decode(prints[0] + "=").hex())
    first, second = dump(["P " + hexed(proofs[0]), f"V 1 {hexed(keys[0])} {hexed(proofs[1])}"])
    for answer, text in ((first, texts[0]), (second, texts[1])):
        tap.equal((answer["read"], answer["verified"], answer["jti"]), (0, 0, text.encode().hex()))
        tap.equal(answer["thumb"], thumbprint(json.loads(keys[0])))


def make_proofs():
    done = subprocess.run(["node", os.path.join(SRC, "tests/oracle/device_proofs.js"), str(ES256_KEYS), str(RS256_KEYS)],
                          capture_output=True, text=True)
    tap.equal(done.returncode, 0, done.stderr[-2000:])
    made.extend(json.loads(line) for line in done.stdout.splitlines())


tap.main(setup=make_proofs)
