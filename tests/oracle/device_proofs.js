// SPDX-License-Identifier: Apache-2.0
// Proofs as a browser makes them, by WebCrypto, and others that differ from them in one thing, for
// device_proofs.py. Prints a line of JSON for each; keys are new in every run.
"use strict";

const crypto = require("crypto");
const { subtle } = crypto.webcrypto;

const KINDS = {
  ES256: { make: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" } },
  RS256: {
    make: { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    sign: { name: "RSASSA-PKCS1-v1_5" },
  },
};
const ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

const b64 = (data) => Buffer.from(data).toString("base64url");
const say = (o) => process.stdout.write(JSON.stringify(o) + "\n");
const pick = (list) => list[crypto.randomInt(list.length)];
const word = () => b64(crypto.randomBytes(1 + crypto.randomInt(60)));

function shuffled(o) {
  return Object.fromEntries(Object.entries(o).map((e) => [crypto.randomInt(1 << 30), e]).sort((a, b) => a[0] - b[0]).map((e) => e[1]));
}

// Compact or with blanks, as JSON libraries print.
const json = (o) => JSON.stringify(o, null, pick([undefined, undefined, 1, "\t"]));

async function makeKey(alg, extra = {}) {
  const pair = await subtle.generateKey({ ...KINDS[alg].make, ...extra }, true, ["sign", "verify"]);
  const jwk = await subtle.exportKey("jwk", pair.publicKey);
  return { alg, pair, jwk, bare: alg === "ES256" ? pickOf(jwk, "crv", "kty", "x", "y") : pickOf(jwk, "e", "kty", "n") };
}

function pickOf(o, ...names) {
  return Object.fromEntries(names.map((n) => [n, o[n]]));
}

async function sign(key, header, payload) {
  const part = b64(header) + "." + b64(payload);
  return part + "." + b64(await subtle.sign(KINDS[key.alg].sign, key.pair.privateKey, Buffer.from(part)));
}

async function goodProofs(key, n) {
  for (let i = 0; i < n; i++) {
    const register = i % 2 === 0;
    const header = { alg: key.alg, typ: "dbsc+jwt" };
    const payload = { jti: word() };
    if (register) header.jwk = pick([key.bare, key.jwk]);
    if (crypto.randomInt(2)) payload.authorization = pick([word(), 'with "quotes" and \u3042']);
    if (crypto.randomInt(2)) payload.aud = "https://" + word() + ".example/";
    if (crypto.randomInt(4) === 0) Object.assign(payload, { iat: 1, other: { jti: "x" } });
    const text = await sign(key, json(shuffled(header)), json(shuffled(payload)));
    say({ kind: "good", alg: key.alg, jwk: key.jwk, text, register, ...pickOf({ authorization: "", aud: "", ...payload }, "jti", "authorization", "aud") });
  }
}

// --- proofs that are signed, and still none ---

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The same bytes: of 32 and of 256 the last digit has bits to spare.
const bump = (text) => text.slice(0, -1) + DIGITS[DIGITS.indexOf(text.slice(-1)) + 1];

function badKeys(key, other) {
  const k = key.bare;
  const last = key.alg === "ES256" ? "y" : "n";
  const bytes = Buffer.from(k[last], "base64url");
  const list = {
    "a private key": { ...k, d: b64(crypto.randomBytes(32)) },
    "a symmetric key beside": { ...k, k: "AAAA" },
    "the other kind": other.bare,
    "another kty": { ...k, kty: key.alg === "ES256" ? "ec" : "rsa" },
    "no kty": { ...k, kty: undefined },
    "a number that is none": { ...k, [last]: 7 },
    "an empty number": { ...k, [last]: "" },
    "padding": { ...k, [last]: k[last] + "=" },
    "the other base64": { ...k, [last]: "+/" + k[last].slice(2) },
    "unused bits set": { ...k, [last]: bump(k[last]) },
    "a zero in front": { ...k, [last]: b64(Buffer.concat([Buffer.from([0]), bytes])) },
    "a byte less": { ...k, [last]: b64(bytes.subarray(1)) },
    "all bits set": { ...k, [last]: b64(Buffer.alloc(bytes.length, 0xff)) },
    "all bits zero": { ...k, [last]: b64(Buffer.alloc(bytes.length)) },
    "a list": [k],
    "a text": JSON.stringify(k),
    "nothing": null,
  };
  if (key.alg === "ES256") {
    list["x and y swapped"] = { ...k, x: k.y, y: k.x };
    list["another curve's name"] = { ...k, crv: "P-384" };
    list["the point at infinity"] = { ...k, x: b64(Buffer.alloc(32)), y: b64(Buffer.alloc(32)) };
  } else {
    list["an even modulus"] = { ...k, n: b64(Buffer.concat([bytes.subarray(0, 255), Buffer.from([bytes[255] ^ 1])])) };
    list["exponent 3"] = { ...k, e: "Aw" };
    list["exponent with a zero in front"] = { ...k, e: "AAEAAQ" };
  }
  return list;
}

async function badHeaders(key, other) {
  const h = { alg: key.alg, typ: "dbsc+jwt", jwk: key.bare };
  const j = JSON.stringify;
  const twice = (name, value) => j(h).slice(0, -1) + `,${j(name)}:${j(value)}}`;
  const list = {
    "crit": j({ ...h, crit: ["exp"] }),
    "empty crit": j({ ...h, crit: [] }),
    "crit null": j({ ...h, crit: null }),
    "typ JWT": j({ ...h, typ: "JWT" }),
    "typ in capitals": j({ ...h, typ: "DBSC+JWT" }),
    "typ with application/": j({ ...h, typ: "application/dbsc+jwt" }),
    "no typ": j({ ...h, typ: undefined }),
    "no alg": j({ ...h, alg: undefined }),
    "alg none": j({ ...h, alg: "none" }),
    "alg of the other kind": j({ ...h, alg: other.alg }),
    "alg of a longer hash": j({ ...h, alg: key.alg.slice(0, 2) + "384" }),
    "alg PS256": j({ ...h, alg: "PS256" }),
    "alg twice": twice("alg", key.alg),
    "Alg beside": twice("Alg", "none"),
    "typ twice": twice("typ", "dbsc+jwt"),
    "jwk twice": twice("jwk", key.bare),
    "x twice": j(h).replace('"kty"', '"kty":"EC","kty"'),
    "bytes behind": j(h) + "{}",
    "a list": j([h]),
    "a comment": "/**/" + j(h),
  };
  for (const [name, jwk] of Object.entries(badKeys(key, other))) list["jwk: " + name] = j({ ...h, jwk });
  for (const [name, header] of Object.entries(list))
    say({ kind: "bad", name: `${key.alg} header: ${name}`, text: await sign(key, header, '{"jti":"c"}') });
}

async function badPayloads(key) {
  const header = JSON.stringify({ alg: key.alg, typ: "dbsc+jwt", jwk: key.bare });
  for (const payload of ["{}", '{"jti":""}', '{"jti":7}', '{"jti":null}', '{"jti":["c"]}', '{"JTI":"c"}', '{"jti":"c","jti":"c"}',
    '{"jti":"c","j\\u0074i":"d"}', '{"jti":"c","aud":["a"]}', '{"jti":"c","aud":null}', '{"jti":"c","authorization":7}',
    '{"jti":"c","authorization":"a","authorization":"a"}', '{"jti":"c"} x', '{"jti":"c",}', '["jti","c"]', '"jti"', "",
    '{"jti":"\\ud800"}', '\ufeff{"jti":"c"}', '{"other":{"jti":"c"}}'])
    say({ kind: "bad", name: `${key.alg} payload: ${payload}`, text: await sign(key, header, payload) });
}

async function badForms(key) {
  const text = await sign(key, JSON.stringify({ alg: key.alg, typ: "dbsc+jwt", jwk: key.bare }), '{"jti":"c"}');
  const [h, p, s] = text.split(".");
  const raw = Buffer.from(s, "base64url");
  const forms = {
    "no signature": `${h}.${p}.`, "two parts": `${h}.${p}`, "four parts": `${text}.`, "five parts": `${text}.a.b`, "empty header": `.${p}.${s}`,
    "a space in front": " " + text, "a space behind": text + " ", "quoted": `"${text}"`, "padding": text + "=", "a byte of signature less": `${h}.${p}.${b64(raw.subarray(1))}`,
    "a byte of signature more": `${h}.${p}.${b64(Buffer.concat([raw, Buffer.from([0])]))}`, "a zero in front of it": `${h}.${p}.${b64(Buffer.concat([Buffer.from([0]), raw]))}`,
    "another payload": `${h}.${b64('{"jti":"d"}')}.${s}`, "JSON serialisation": JSON.stringify({ protected: h, payload: p, signature: s }),
    "too long": await sign(key, JSON.stringify({ alg: key.alg, typ: "dbsc+jwt", jwk: key.bare }), JSON.stringify({ jti: "c", pad: "a".repeat(4096) })),
  };
  for (const [name, form] of Object.entries(forms)) say({ kind: "bad", name: `${key.alg} form: ${name}`, text: form });
}

async function otherKeys() {
  const signed = (alg, jwk, f) => {
    const part = b64(JSON.stringify({ alg, typ: "dbsc+jwt", jwk })) + "." + b64('{"jti":"c"}');
    return part + "." + b64(f(Buffer.from(part)));
  };
  const rsa = (bits, e = 65537) => crypto.generateKeyPairSync("rsa", { modulusLength: bits, publicExponent: e });
  const two = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
  const k1 = crypto.generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const jwk = (pair) => pair.publicKey.export({ format: "jwk" });
  const p = crypto.constants;
  const list = {
    "RSA 1024": signed("RS256", jwk(rsa(1024)), () => crypto.randomBytes(128)),
    "PSS instead of PKCS#1": signed("RS256", jwk(two), (d) => crypto.sign("sha256", d, { key: two.privateKey, padding: p.RSA_PKCS1_PSS_PADDING })),
    "SHA-1 with RSA": signed("RS256", jwk(two), (d) => crypto.sign("sha1", d, two.privateKey)),
    "SHA-512 with RSA": signed("RS256", jwk(two), (d) => crypto.sign("sha512", d, two.privateKey)),
    "an HMAC with the public key": signed("HS256", jwk(two), (d) => crypto.createHmac("sha256", two.publicKey.export({ type: "spki", format: "pem" })).update(d).digest()),
    "DER instead of r and s": signed("ES256", jwk(ec), (d) => crypto.sign("sha256", d, ec.privateKey)),
    "SHA-384 on P-256": signed("ES256", jwk(ec), (d) => crypto.sign("sha384", d, { key: ec.privateKey, dsaEncoding: "ieee-p1363" })),
    "secp256k1": signed("ES256", jwk(k1), (d) => crypto.sign("sha256", d, { key: k1.privateKey, dsaEncoding: "ieee-p1363" })),
    "secp256k1 that says P-256": signed("ES256", { ...jwk(k1), crv: "P-256" }, (d) => crypto.sign("sha256", d, { key: k1.privateKey, dsaEncoding: "ieee-p1363" })),
  };
  for (const [bits, e] of [[2040, 65537], [2056, 65537], [3072, 65537], [2048, 3]]) {
    const pair = rsa(bits, e);
    list[`RSA ${bits} with exponent ${e}`] = signed("RS256", jwk(pair), (d) => crypto.sign("sha256", d, pair.privateKey));
  }
  for (const [name, text] of Object.entries(list)) say({ kind: "bad", name, text });
}

// --- signatures at the edges, judged by node's own verifier ---

const num = (n) => Buffer.from(n.toString(16).padStart(64, "0"), "hex");

function edges(r, s) {
  const list = [[r, s], [r, ORDER - s], [ORDER - r, s], [s, r], [0n, s], [r, 0n], [0n, 0n], [1n, 1n], [ORDER, s], [r, ORDER], [r, ORDER - 1n],
    [ORDER - 1n, ORDER - 1n], [(1n << 256n) - 1n, s], [r ^ 1n, s], [r, s ^ 1n]];
  for (const [a, b] of [[r + ORDER, s], [r, s + ORDER]]) if (a < 1n << 256n && b < 1n << 256n) list.push([a, b]);
  return list.map(([a, b]) => Buffer.concat([num(a), num(b)]));
}

async function signatures(key, n) {
  const publicKey = crypto.createPublicKey({ key: key.jwk, format: "jwk" });
  for (let i = 0; i < n; i++) {
    const part = crypto.randomBytes(crypto.randomInt(200));
    const sig = Buffer.from(await subtle.sign(KINDS[key.alg].sign, key.pair.privateKey, part));
    const big = (b) => BigInt("0x" + b.toString("hex"));
    const list = key.alg === "ES256" ? edges(big(sig.subarray(0, 32)), big(sig.subarray(32)))
      : [sig, Buffer.alloc(256), Buffer.alloc(256, 0xff), Buffer.from(key.jwk.n, "base64url"), sig.subarray(1)];
    for (const s of list) {
      const good = crypto.verify("sha256", part, { key: publicKey, dsaEncoding: "ieee-p1363" }, s);
      say({ kind: "signature", alg: key.alg, jwk: key.jwk, part: part.toString("hex"), signature: s.toString("hex"), good });
    }
  }
}

async function main() {
  const [ecs, rsas] = process.argv.slice(2).map(Number);
  const keys = [];
  for (let i = 0; i < ecs + rsas; i++) keys.push(await makeKey(i < ecs ? "ES256" : "RS256"));
  for (const key of keys) {
    await goodProofs(key, key.alg === "ES256" ? 4 : 6);
    await signatures(key, key.alg === "ES256" ? 1 : 2);
  }
  const [ec, rsa] = [keys[0], keys[ecs]];
  for (const [key, other] of [[ec, rsa], [rsa, ec]]) {
    await badHeaders(key, other);
    await badPayloads(key);
    await badForms(key);
  }
  await otherKeys();
}

main();
