# SPDX-License-Identifier: Apache-2.0
"""A browser's part of device keys (DBSC): a key in software, proofs with every flaw that a test asks for.

    key = DeviceKey(); offer = Offer(answer_of_the_login)
    register(client, key, offer.challenge); refresh(client, key, session_id)
"""
import base64
import hashlib
import json
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from lib import tap

REGISTER, REFRESH, COOKIE = "/.warifu/dbsc/register", "/.warifu/dbsc/refresh", "__Host-warifu"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class DeviceKey:
    """ES256 as Chromium makes it, or RS256 as a TPM does."""

    def __init__(self, alg="ES256"):
        self.alg = alg
        self.key = ec.generate_private_key(ec.SECP256R1()) if alg == "ES256" else rsa.generate_private_key(65537, 2048)

    def jwk(self):
        n = self.key.public_key().public_numbers()
        if self.alg == "ES256":
            return {"crv": "P-256", "kty": "EC", "x": b64(n.x.to_bytes(32, "big")), "y": b64(n.y.to_bytes(32, "big"))}
        return {"e": "AQAB", "kty": "RSA", "n": b64(n.n.to_bytes(256, "big"))}

    def thumbprint(self):
        """RFC 7638, in hex as warifu shows it."""
        return hashlib.sha256(json.dumps(self.jwk(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def sign(self, data):
        if self.alg == "RS256":
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def proof(self, jti, jwk=False, header=None, payload=None):
        """A signed JWS; `header` and `payload` change or (None) take away members."""
        head = {"alg": self.alg, "typ": "dbsc+jwt"} | ({"jwk": self.jwk()} if jwk else {}) | (header or {})
        body = {"jti": jti} | (payload or {})
        parts = [b64(json.dumps({k: v for k, v in x.items() if v is not None}).encode()) for x in (head, body)]
        signed = ".".join(parts).encode()
        return ".".join(parts + [b64(self.sign(signed))])


class Offer:
    """What the answer to a login says of device keys."""

    def __init__(self, answer):
        text = answer.get("Secure-Session-Registration")
        tap.check(text, f"no offer in {answer!r}: {answer.fields}")
        found = re.fullmatch(r'\(ES256 RS256\);path="([^"]+)";challenge="([^"]+)"', text)
        tap.check(found, f"an offer that is none: {text}")
        self.path, self.challenge = found.groups()
        self.id = session_name(self.challenge)


def session_name(challenge):
    """docs/formats/device.md: a challenge begins with the session's id."""
    return "s-" + b64(unb64(challenge)[:16])


def asked(answer):
    """The challenge of a 403."""
    found = re.fullmatch(r'"([^"]+)";id="([^"]+)"', answer.get("Secure-Session-Challenge") or "")
    tap.check(found, f"no challenge in {answer!r}: {answer.fields}")
    return found.group(1)


def post(client, path, fields):
    return client.ask("POST", path, fields, b"")


def register(client, key, challenge, fields=None, **flaws):
    """The browser's first proof, of a key that it shows."""
    flaws.setdefault("jwk", True)
    return post(client, REGISTER, {"Secure-Session-Response": key.proof(challenge, **flaws)} | (fields or {}))


def ask(client, name, fields=None):
    """A refresh without a proof."""
    return post(client, REFRESH, {"Sec-Secure-Session-Id": name} | (fields or {}))


def prove(client, key, name, challenge, fields=None, **flaws):
    return show(client, name, key.proof(challenge, **flaws), fields)


def show(client, name, proof, fields=None):
    """A refresh with a proof that somebody made."""
    return ask(client, name, {"Secure-Session-Response": proof} | (fields or {}))


def refresh(client, key, name):
    """Both turns of a refresh, as a browser makes them."""
    first = ask(client, name)
    tap.equal(first.status, 403)
    return prove(client, key, name, asked(first))
