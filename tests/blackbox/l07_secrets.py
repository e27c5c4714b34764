# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""No secret stands in any file or output, and nothing from outside reaches a terminal or a spreadsheet as more than text
(design 2.9, security model 5 and 25)."""
import base64
import csv
import io
import json
import os
import pty
import re
import subprocess
import urllib.parse

from lib import evidence, tap
from lib.backend import PASSWORDS, RTL_PASSWORD, login_express, login_rtl, rtl_fields, start_express, start_rtl
from lib.http1 import build
from lib.settings import Front, site
from lib.world import BIN, World, wait_until

world = World("secret")
BODY, QUERY, TYPED = "bc1qbodymarker7731", "querymarker5519", "typed-password-8842"
HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "plain", "\x1b[2J\x1b]0;owned\x07", "\u202eevil", "a,b\"c;d",
           "\x9b31m", "\uff1d1+1"]
needles = {}


def setup():
    global express, rtl, front
    express, rtl = start_express(world), start_rtl(world)
    front = Front(world, [site("wallet", evidence.HOST, express.port, recipe="express"),
                          site("rtl", "rtl.test", rtl.port, recipe="ride-the-lightning")], limits=evidence.LIMITS)


def remember(name, text):
    """As it is, and as it might be written down."""
    raw = text.encode()
    needles[name] = {raw, urllib.parse.quote(text, safe="").encode(), base64.b64encode(raw).rstrip(b"="), raw.hex().encode()}


def use():
    c = front.client(evidence.HOST, agent=evidence.AGENT)
    tap.equal(login_express(c, "alice").status, 303)
    c.get("/api/me")
    c.get(f"/api/balance?token={QUERY}")
    c.post("/api/withdraw", data={"asset": "BTC", "amount": 0.001, "address": BODY})
    thief = front.client(evidence.HOST, agent="curl/8.5")
    thief.jar = dict(c.jar)
    thief.get(f"/api/me?token={QUERY}")
    sid = urllib.parse.unquote(c.jar["connect.sid"])
    remember("cookie", sid)
    remember("cookie's id", sid[2:].split(".")[0])
    remember("password", PASSWORDS["alice"])
    # people type their password where the name belongs
    login_express(front.client(evidence.HOST, agent=evidence.AGENT), TYPED, "x")
    remember("a name of a failed login", TYPED)
    remember("body", BODY)
    remember("query", QUERY)
    r = front.client("rtl.test", agent=evidence.AGENT)
    tap.equal(login_rtl(r).status, 200)
    r.get("/rtl/api/lnd/balance")
    r.post("/rtl/api/lnd/transactions", data={"amount": 1, "address": BODY}, fields=rtl_fields(r))
    remember("bearer token", r.bearer)
    remember("bearer token's signature", r.bearer.rsplit(".", 1)[1])
    remember("rtl password", RTL_PASSWORD)
    c.post("/logout")


def search(data, where, found):
    for name, forms in needles.items():
        if any(form in data for form in forms):
            found.append((name, where))


def state_files():
    for folder, _, names in os.walk(world.path(f"state{front.port}")):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    yield path, f.read()


@tap.case
def no_secret_stands_in_a_file_or_an_output():
    use()
    wait_until(lambda: front.gate.records(event="logout"), 10, "the records")
    found = []
    files = list(state_files())
    tap.check(any(p.endswith("-wal") for p, _ in files) and any(p.endswith("-shm") for p, _ in files), [p for p, _ in files])
    for words in (("log", "show", "-v"), ("log", "export", "--format", "jsonl"), ("log", "export", "--format", "csv"), ("status",),
                  ("session", "list")):
        done = front.gate.cli(*words)
        search((done.stdout + done.stderr).encode(), " ".join(words), found)
    front.gate.stop()
    for path, data in files + list(state_files()):
        search(data, path, found)
    search(front.gate.log().encode(), "the program's output", found)
    tap.equal(found, [])
    # the search finds what is there
    there = []
    needles["control"] = {b"wallet"}
    for path, data in state_files():
        search(data, path, there)
    del needles["control"]
    tap.check(there, "even the site's name was not found")
    front.start()


@tap.case
def no_core_is_written():
    for pid in [front.gate.pid] + list(front.gate.children().values()):
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            line = re.search(r"Max core file size +(\S+)", f.read())
        if pid != front.gate.pid:
            tap.equal(line[1], "0", pid)


@tap.case
def the_query_is_a_keyed_hash():
    c = front.client(evidence.HOST, agent=evidence.AGENT)
    login_express(c, "bob")
    for q in ("a=1", "a=1", "a=2", ""):
        c.get("/api/addresses" + ("?" + q if q else ""))
    rows = wait_until(lambda: [r for r in front.gate.records(kind="decision", path="/api/addresses")][3:] and
                      front.gate.records(kind="decision", path="/api/addresses"), 10, "the records")
    hashes = [r.get("query_hash") for r in rows]
    tap.equal(sorted(hashes.count(h) for h in set(hashes)), [1, 1, 2], hashes)
    tap.equal(hashes.count(None), 1, hashes)


def hostile():
    """Paths, User-Agents, hosts and names that are more than text to a terminal or a spreadsheet."""
    c = front.client(evidence.HOST, agent=evidence.AGENT)
    login_express(c, "bob")
    cookie = "; ".join(f"{n}={v}" for n, v in c.jar.items())
    for text in HOSTILE:
        for target, agent in ((f"/api/{urllib.parse.quote(text)}", "plain"), ("/api/me", text)):
            try:
                conn = c.connect()
                head = build("GET", target, evidence.HOST, {"Cookie": cookie})
                raw = b"User-Agent: " + agent.encode("utf-8") + b"\r\n\r\n"
                conn.send(head[:-2] + raw)
                conn.read_response("GET")
            except evidence.BROKEN:
                pass
    login_express(front.client(evidence.HOST, agent="=1+1"), "alice")
    wait_until(lambda: front.gate.records(user_agent="=1+1"), 10, "the last record")


@tap.case
def a_terminal_is_given_text_only():
    hostile()
    for words in (["log", "show", "--limit", "0"], ["log", "show", "-v", "--limit", "0"], ["log", "show", "--lang", "ja", "--limit", "0"]):
        main, sub = pty.openpty()
        where = front.gate.where(words)
        p = subprocess.Popen([BIN, *words, *where], stdin=subprocess.DEVNULL, stdout=sub, stderr=sub)
        os.close(sub)
        seen = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        tap.equal(p.wait(), 0, words)
        os.close(main)
        text = seen.decode("utf-8")
        # colours are ours; nothing else may be left
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "\n")
        bad = sorted({f"U+{ord(ch):04X}" for ch in plain if (ord(ch) < 32 and ch != "\n") or 0x7F <= ord(ch) < 0xA0
                      or ch in "\u202a\u202b\u202c\u202d\u202e\u2028\u2029\u2066\u2067\u2068\u2069\u200e\u200f"})
        tap.equal(bad, [], " ".join(words))
        tap.check("\\u{202e}evil" in plain or "-v" not in words, sorted({r.get("user_agent") for r in front.gate.records() if r.get("user_agent")}))


@tap.case
def a_spreadsheet_is_given_cells_only():
    text = front.gate.cli("log", "export", "--format", "csv").stdout
    tap.check(not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e\u2028\u2029]", text), "control characters")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    columns = rows[0]
    tap.equal({len(r) for r in rows}, {len(columns)}, "cells in a row")
    free = {"path", "user_agent", "user", "site", "detail", "forwarded", "content_type", "note", "end", "seen"}
    bad = [(columns[i], cell) for r in rows[1:] for i, cell in enumerate(r)
           if columns[i] in free and cell[:1] in "=+-@\t\r\uff1d\uff0b\uff0d\uff20" and cell]
    tap.equal(bad, [])
    agents = [r[columns.index("user_agent")] for r in rows[1:]]
    tap.check("'=1+1" in agents and "'+1+1" in agents and "'@SUM(1)" in agents and "'\uff1d1+1" in agents, sorted(set(agents)))
    records = len(front.gate.cli("log", "export", "--format", "jsonl").stdout.splitlines())
    tap.equal(len(rows) - 1, records, "lines")


@tap.case
def a_line_of_json_is_one_record():
    out = front.gate.cli("log", "export", "--format", "jsonl").stdout
    tap.check(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\u2029]", out), "control characters")
    numbers = [json.loads(line)["record"] for line in out.split("\n") if line]
    tap.equal(numbers, list(range(1, len(numbers) + 1)))


@tap.case
def filters_find_the_same_as_the_whole():
    everything = [json.loads(line) for line in front.gate.cli("log", "export", "--format", "jsonl").stdout.splitlines()]
    some = [r for r in everything if r.get("session")]
    session, moment = some[0]["session"], everything[len(everything) // 2]["time"]
    for words, want in ((["--user", "alice"], lambda r: r.get("user") == "alice"),
                        (["--session", session], lambda r: session in (r.get("session"), r.get("session_new")) or session in r.get("sessions_ended", [])),
                        (["--site", "rtl"], lambda r: r.get("site") == "rtl"), (["--since", moment], lambda r: r["time"] >= moment),
                        (["--verdict", "challenge"], lambda r: "challenge" in (r.get("verdict"), r.get("enforced"))),
                        (["--rule", "R12"], lambda r: "R12" in r.get("rules", []) + r.get("observed", []))):
        got = [json.loads(x)["record"] for x in front.gate.cli("log", "export", "--format", "jsonl", *words).stdout.splitlines()]
        wanted = [r["record"] for r in everything if want(r)]
        tap.check(wanted, f"{words}: nothing to be found")
        outcomes = {r["record"] for r in everything if r["kind"] == "outcome"}
        tap.equal([n for n in got if n not in outcomes], [n for n in wanted if n not in outcomes], " ".join(words))


tap.main(setup, world.stop)
