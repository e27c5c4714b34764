#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the section SIGNALS of docs/man/warifu-policy.5 from policy/signal.def.

With --check it writes nothing and fails if the section is not what it would write, or if
the table breaks its own rules: numbers and names once each, numbers in the range of their
group, ranks of words from 0 without gaps.
"""
import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TABLE = os.path.join(ROOT, "policy", "signal.def")
PAGE = os.path.join(ROOT, "docs", "man", "warifu-policy.5")
BEGIN, END = '.\\" signals begin\n', '.\\" signals end\n'
TEXT = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
ROW = re.compile(r'^SIGNAL\((\d+), (\w+), "([\w.-]+)", (\w+), ([01]), ([01]),\s*' + TEXT + r",\s*" + TEXT + r",\s*"
                 + TEXT + r"\)", re.M)
WORD = re.compile(r'^SIGNAL_VALUE\((\w+), (\d+), "([\w-]+)"\)', re.M)
UNITS = {"DURATION": "in ms, s, min, h or d", "PERCENT": "in %", "SPEED": "in km/h", "DISTANCE": "in km",
         "COUNTRY": "two letters of ISO 3166-1", "PATH": "in double quotes", "TEXT": "in double quotes"}
RANGES = {"request": (1, 19), "session": (20, 29), "user": (30, 39), "client": (40, 59), "place": (60, 89),
          "context": (90, 94), "lock": (95, 99), "device": (100, 119), "risk": (120, 149), "time": (150, 159), "network": (300, 319)}


def joined(text):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))


def table():
    """([(number, ident, name, type, unknown, personal, source, english)], {ident: words}, faults)."""
    with open(TABLE, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    rows = [(int(m[1]), m[2], m[3], m[4], m[5] == "1", m[6] == "1", joined(m[7]), joined(m[8]))
            for m in ROW.finditer(text)]
    words, faults = {}, []
    for m in WORD.finditer(text):
        words.setdefault(m[1], []).append(m[3])
        if int(m[2]) != len(words[m[1]]) - 1:
            faults.append(f"{m[1]}: rank {m[2]} of {m[3]} is out of order")
    if len(rows) != len(re.findall(r"^SIGNAL\(", text, re.M)):
        faults.append("a row of signal.def has a shape that this reader does not know")
    for what, values in (("number", [r[0] for r in rows]), ("name", [r[2] for r in rows])):
        faults += [f"{what} {v} is given twice" for v in sorted(set(v for v in values if values.count(v) > 1))]
    for number, ident, name, kind, *_ in rows:
        low, high = RANGES.get(name.split(".")[0], (160, 4095))
        if not low <= number <= high:
            faults.append(f"{name}: number {number} is not in {low}..{high}")
        if (kind == "ENUM") != (ident in words):
            faults.append(f"{name}: an enum has words, and nothing else has")
    return rows, words, faults


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def section(rows, words):
    out = []
    for number, ident, name, kind, unknown, personal, source, english in rows:
        facts = [kind.lower() + (" " + UNITS[kind] if kind in UNITS else "")]
        if ident in words:
            facts[0] += ": " + " < ".join(words[ident])
        facts.append("may be unknown" if unknown else "always known")
        facts.append(f"from {source}")
        if personal:
            facts.append("kept encrypted in the log")
        out.append(f".TP\n.B {roff(name)}\n{roff(english)}\n.br\n{roff('; '.join(facts))}. [{number}]\n")
    return "".join(out)


def main():
    rows, words, faults = table()
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    wanted = section(rows, words)
    if page[begin:end] != wanted:
        if "--check" in sys.argv:
            faults.append("docs/man/warifu-policy.5 is not what signal.def says")
        else:
            with open(PAGE, "w", encoding="utf-8") as f:
                f.write(page[:begin] + wanted + page[end:])
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


main()
