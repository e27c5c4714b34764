#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""Policies against SQLite: random policies, random facts, equal verdicts.

Each random policy is written three times: as a policy file, which our program reads and
evaluates; as SQL by our program (policy/sql); and as SQL from the generator's own tree, which
shares no code with either. SQLite evaluates both texts over the same facts, NULL for unknown.
The columns are made from policy/signal.def, read here by a reader of its own.
"""
import os
import random
import re
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import tap  # noqa: E402

SRC = os.environ.get("WARIFU_SRC", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("WARIFU_BUILD", os.path.join(SRC, "build", "release"))
TOOL = os.path.join(BUILD, "tools", "policyeval")
SEED = int(os.environ.get("WARIFU_SEED", "20241205"))
POLICIES = int(os.environ.get("WARIFU_POLICIES", "400"))
FACTS = 80
VERDICTS = ["allow", "flag", "challenge", "refuse", "revoke"]
COUNTRIES = ["JP", "SG", "US", "KR", "DE"]
PATHS = ["/", "/api", "/api/tx", "/API/Tx/", "/api/txs", "/static", "/Über/x"]
TEXTS = ["GET", "HEAD", "POST", "hanako", "O'Brien", "日本", "a b"]
NUMBERS = {"INT": "", "DURATION": " ms", "PERCENT": "%", "SPEED": " km/h", "DISTANCE": " km"}


class Signal:
    def __init__(self, name, kind, unknown):
        self.name, self.kind, self.unknown = name, kind, unknown
        self.words, self.column = [], f'"{name}"'


def vocabulary():
    """The table, read anew: [Signal]."""
    with open(os.path.join(SRC, "policy", "signal.def"), encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    by_ident = {}
    for m in re.finditer(r'SIGNAL\(\d+, (\w+), "([\w.-]+)", (\w+), ([01]), [01],', text):
        by_ident[m[1]] = Signal(m[2], m[3], m[4] == "1")
    for m in re.finditer(r'SIGNAL_VALUE\((\w+), \d+, "([\w-]+)"\)', text):
        by_ident[m[1]].words.append(m[2])
    return list(by_ident.values())


def sql_text(s):
    return "'" + s.replace("'", "''") + "'"


def quoted(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Writer:
    """Random conditions as (policy text, SQL, level, open).

    level is how tightly it binds (0 or, 1 and, 2 leaf); open says that it may be unknown.
    """

    def __init__(self, rng, signals):
        self.rng, self.signals = rng, signals
        self.numbers = [rng.randrange(-3, 12) for _ in range(3)]

    def literal(self, s):
        if s.kind == "COUNTRY":
            c = self.rng.choice(COUNTRIES)
            return c, sql_text(c)
        if s.kind == "ENUM":
            w = self.rng.choice(s.words)
            return w, sql_text(w)
        if s.kind == "TEXT":
            t = self.rng.choice(TEXTS)
            return quoted(t), sql_text(t)
        if s.kind == "PATH":
            p = self.rng.choice(PATHS)
            return quoted(p), sql_text(self.fold(p))
        n = self.rng.choice(self.numbers)
        n = n if s.kind == "INT" else abs(n)
        return f"{n}{NUMBERS[s.kind]}", str(n)

    @staticmethod
    def fold(path):
        return "".join(c.lower() if c.isascii() else c for c in path).rstrip("/")

    def column(self, s):
        return f"rtrim(lower({s.column}), '/')" if s.kind == "PATH" else s.column

    def leaf(self):
        s = self.rng.choice(self.signals)
        if s.unknown and self.rng.random() < 0.12:
            return f"known({s.name})", f"({s.column} is not null)", 2, False
        if s.kind == "BOOL":
            pick = self.rng.randrange(3)
            if pick == 0:
                return s.name, f"({s.column} = 1)", 2, s.unknown
            if pick == 1:
                return f"{s.name} = false", f"({s.column} = 0)", 2, s.unknown
            return f"{s.name} != true", f"({s.column} <> 1)", 2, s.unknown
        pick = self.rng.random()
        if s.kind == "PATH" and pick < 0.6:
            return self.under(s)
        if pick < 0.3:
            return self.member(s)
        text, sql = self.literal(s)
        ops = ["=", "!="]
        if s.kind in NUMBERS or s.kind == "ENUM":
            ops += ["<", "<=", ">", ">="]
        op = self.rng.choice(ops)
        column = self.column(s)
        if s.kind == "ENUM" and op in ("<", "<=", ">", ">="):
            # A rank from the place in a list, not from the CASE that our writer uses.
            ranks = "," + ",".join(s.words) + ","
            column, sql = f"instr('{ranks}', ','||{column}||',')", f"instr('{ranks}', ','||{sql}||',')"
        return f"{s.name} {op} {text}", f"({column} {op} {sql})", 2, s.unknown

    def member(self, s):
        members = [self.literal(s) for _ in range(self.rng.randrange(1, 4))]
        word, sql_word = self.rng.choice([("in", "in"), ("not in", "not in")])
        return (f"{s.name} {word} {{ " + ", ".join(m[0] for m in members) + " }",
                f"({self.column(s)} {sql_word} (" + ", ".join(m[1] for m in members) + "))", 2, s.unknown)

    def under(self, s):
        members = [self.literal(s) for _ in range(self.rng.randrange(1, 3))]
        tests = [f"instr({self.column(s)}||'/', {m[1]}||'/') = 1" for m in members]
        if len(members) == 1 and self.rng.random() < 0.5:
            return f"{s.name} under {members[0][0]}", f"({tests[0]})", 2, s.unknown
        sets = ", ".join(m[0] for m in members)
        return f"{s.name} under {{ {sets} }}", "(" + " or ".join(tests) + ")", 2, s.unknown

    def wrapped(self, node, least):
        text, sql, level, _ = node
        return (text if level >= least and self.rng.random() < 0.8 else f"({text})"), sql

    def condition(self, depth):
        pick = self.rng.random() if depth else 0
        if pick < 0.3:
            return self.leaf()
        if pick < 0.58:
            node = self.condition(depth - 1)
            if pick < 0.42 or not node[3]:
                text, sql = self.wrapped(node, 2)
                return f"not {text}", f"(not {sql})", 2, node[3]
            if pick < 0.5:
                text, sql = self.wrapped(node, 1)
                return f"({text} and known)", f"(ifnull({sql}, 0))", 2, False
            text, sql = self.wrapped(node, 0)
            return f"({text} or unknown)", f"(ifnull({sql}, 1))", 2, False
        level, word = (1, "and") if pick < 0.79 else (0, "or")
        nodes = [self.condition(depth - 1) for _ in range(self.rng.randrange(2, 4))]
        parts = [self.wrapped(n, level + 1) for n in nodes]
        return (f" {word} ".join(p[0] for p in parts), "(" + f" {word} ".join(p[1] for p in parts) + ")", level,
                any(n[3] for n in nodes))

    def handled(self):
        """A condition that says what happens when it is unknown."""
        text, sql, level, unknown = self.condition(3)
        if not unknown:
            return text, sql
        if self.rng.random() < 0.7:
            return (text if level >= 1 else f"({text})") + " and known", f"ifnull({sql}, 0)"
        return text + " or unknown", f"ifnull({sql}, 1)"


READ_ONLY = ('(case when "request.method" in (\'GET\', \'HEAD\') and "request.class" in (\'open\', \'read\') '
             'and "request.websocket" = 0 then 0 else 3 end)')


def rank(verdict):
    return READ_ONLY if verdict == "read-only" else str(VERDICTS.index(verdict))


def policy(rng, signals):
    """(text, SQL of the verdict, SQL with all rules enforced)."""
    signals = rng.sample(signals, 7)
    w = Writer(rng, signals)
    score = any(s.name == "risk.score" for s in signals)
    fallback = rng.choice(["allow", "flag", "challenge"] + ([] if score else ["read-only", "refuse"]))
    lines, strict, every = [f'policy "random" {{ default {fallback}'], ["-1", "-1"], ["-1", "-1"]
    lets = []
    for i in range(rng.randrange(3)):
        text, sql, _, unknown = w.condition(2)
        lines.append(f"let l{i} = {text}")
        lets.append((f"l{i}", sql, 2, unknown))
    own_leaf = w.leaf
    w.leaf = lambda: rng.choice(lets) if lets and rng.random() < 0.2 else own_leaf()
    for i in rng.sample(range(100), rng.randrange(1, 6)):
        text, sql = w.handled()
        verdict = rng.choice(VERDICTS[:3] if score else VERDICTS + ["read-only"])
        mode = rng.choice(["", "", " observe", " enforce", " reason r"])
        lines.append(f'rule R{i} "A rule." {{ when {text} then {verdict}{mode} }}')
        every.append(f"(case when {sql} then {rank(verdict)} else -1 end)")
        if mode != " observe":
            strict.append(every[-1])
    lines.append("}")

    def final(parts):
        top = f"max({', '.join(parts)})"
        return f"case {top} when -1 then {rank(fallback)} else {top} end"

    return "\n".join(lines), final(strict), final(every), w


def value(rng, s, numbers):
    """(what SQLite stores, how the fact is spelt)."""
    if s.unknown and rng.random() < 0.25 or rng.random() < 0.02:
        return None, "unknown"
    if s.kind == "BOOL":
        b = rng.randrange(2)
        return b, ["false", "true"][b]
    if s.kind in NUMBERS:
        n = rng.choice(numbers) + rng.randrange(-1, 2)
        return n, str(n)
    if s.kind == "PATH":
        p = rng.choice(PATHS).rstrip("/") + rng.choice(["", "/", "/x", "x", "/TX", "s/"]) or "/"
        return p, p
    word = rng.choice({"COUNTRY": COUNTRIES + ["FR"], "ENUM": s.words, "TEXT": TEXTS}[s.kind])
    return word, word


def batch(rng, signals, count):
    """Candidate policies with facts, and the input for our tool."""
    todo, feed = [], []
    for _ in range(count):
        text, strict, every, w = policy(rng, signals)
        rows = []
        raw = text.encode()
        feed.append(b"policy %d\n" % len(raw) + raw)
        for _ in range(FACTS):
            row = [value(rng, s, w.numbers) for s in w.signals]
            feed.append(b"facts\n" + "".join(f"fact {s.name} {v[1]}\n" for s, v in zip(w.signals, row)).encode())
            feed.append(b"decide\n")
            rows.append([v[0] for v in row])
        todo.append((text, strict, every, w.signals, rows))
    return todo, b"".join(feed)


def compare(db, item, lines, seen):
    text, strict, every, signals, rows = item
    ours = [tuple(map(int, next(lines).split())) for _ in rows]
    names = [s.name for s in signals]
    always = [n for n in ("request.method", "request.class", "request.websocket") if n not in names]
    db.execute("drop table if exists facts")
    db.execute("create table facts (n integer primary key, "
               + ", ".join(f'"{n}"' for n in names + always) + ")")
    db.executemany(f"insert into facts ({', '.join(chr(34) + n + chr(34) for n in names)}) "
                   f"values ({', '.join('?' * len(names))})", rows)
    sql = seen.pop("strict"), seen.pop("every")
    for what, expressions in (("our SQL", sql), ("the generator's SQL", (strict, every))):
        got = db.execute(f"select {expressions[0]}, {expressions[1]} from facts order by n").fetchall()
        for row, mine, theirs in zip(rows, ours, got):
            if mine != theirs:
                tap.note(text)
                tap.note(dict(zip(names, row)))
            tap.equal(mine, theirs, what)
    return ours


@tap.case
def verdicts_equal_sqlite():
    rng = random.Random(SEED)
    signals = vocabulary()
    tap.check(len(signals) > 30, "signal.def was read")
    db = sqlite3.connect(":memory:")
    pairs = accepted = refused = 0
    tally = [0] * 5
    while accepted < POLICIES:
        todo, feed = batch(rng, signals, 100)
        done = subprocess.run([TOOL], input=feed, capture_output=True)
        tap.equal(done.returncode, 0, done.stderr.decode(errors="replace")[-400:])
        lines = iter(done.stdout.decode().split("\n"))
        for item in todo:
            if next(lines).startswith("bad"):
                refused += 1
                for _ in item[4]:
                    tap.equal(next(lines), "-")
                continue
            accepted += 1
            for mine in compare(db, item, lines, {"strict": next(lines), "every": next(lines)}):
                tally[mine[0]] += 1
                pairs += 1
    tap.note(f"{pairs} pairs of {accepted} policies equal ({refused} refused by the checker); verdicts {tally}")
    tap.check(pairs >= 20000, "enough pairs")
    tap.check(all(tally), "every verdict occurred")
    tap.check(refused < accepted * 3, "the generator writes sensible policies")


tap.main()
