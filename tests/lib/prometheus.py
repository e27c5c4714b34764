# SPDX-License-Identifier: Apache-2.0
"""Prometheus' text format 0.0.4, read strictly: what promtool would warn of is a failure here.

    types, values = parse(text)      # {family: type}, {name{labels}: value}
"""
import math
import re

from lib import tap

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
LINE = re.compile(rf"^({NAME})(\{{{LABEL}(?:,{LABEL})*\}})? (-?[0-9]+(?:\.[0-9]+)?|\+Inf|NaN)$")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


def parse(text):
    types, values, helps, seen, current = {}, {}, set(), set(), None
    tap.check(text.endswith("\n"), "no line end at the end")
    tap.check("\r" not in text and "\n\n" not in text, "an empty line or a carriage return")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, current, words = line.split(" ", 3)
            tap.check(current not in helps, f"two HELP for {current}")
            tap.check(re.fullmatch(NAME, current) and words.strip() == words and words, f"malformed: {line!r}")
            tap.check(re.fullmatch(r"(?:[^\\]|\\[\\n])*", words), f"malformed escape: {line!r}")
            helps.add(current)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            tap.equal(name, current, "TYPE after its HELP")
            tap.check(kind in TYPES, line)
            types[name] = kind
        else:
            sample(line, current, types, values, seen)
    tap.equal(set(types), helps, "families with TYPE and with HELP")
    tap.equal(seen, helps, "families without a sample")
    for name, kind in types.items():
        tap.equal(kind == "counter", name.endswith("_total"), f"{name} is a {kind}")
        tap.check(not re.search("_(bucket|sum|count)$", name), f"{name}: a name kept for histograms")
    histograms(types, values)
    return types, values


def sample(line, current, types, values, seen):
    m = LINE.match(line)
    tap.check(m, f"malformed: {line!r}")
    name, labels = m.group(1), m.group(2) or ""
    tap.check(current in types, f"a sample before its TYPE: {line!r}")
    base = re.sub("_(bucket|sum|count)$", "", name) if types[current] == "histogram" else name
    tap.equal(base, current, "a sample outside its family")
    names = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="', labels)
    tap.equal(len(set(names)), len(names), f"a label twice: {line!r}")
    key = name + labels
    tap.check(key not in values, f"twice: {key}")
    values[key] = float(m.group(3))
    tap.check(types[current] == "gauge" or values[key] >= 0, f"below nought: {line!r}")
    seen.add(current)


def histograms(types, values):
    """Bounds and counts rise, the last bucket is +Inf and holds as many as _count says."""
    series = {}
    for key, value in values.items():
        m = re.match(r'(.*)_bucket\{le="([^"]*)",?(.*)\}$', key)
        if m and types.get(m.group(1)) == "histogram":
            series.setdefault((m.group(1), m.group(3)), []).append((m.group(2), value))
    tap.equal({name for name, _ in series}, {n for n, k in types.items() if k == "histogram"}, "histograms with buckets")
    for (name, rest), buckets in series.items():
        bounds = [math.inf if b == "+Inf" else float(b) for b, _ in buckets]
        counts = [c for _, c in buckets]
        labels = "{" + rest + "}" if rest else ""
        tap.equal(bounds, sorted(set(bounds)), f"bounds of {name}")
        tap.equal(bounds[-1], math.inf, f"last bound of {name}")
        tap.equal(counts, sorted(counts), f"counts of {name}")
        tap.equal(values.get(f"{name}_count{labels}"), counts[-1], f"count of {name}")
        tap.check(f"{name}_sum{labels}" in values, f"no sum of {name}")
