#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=300
"""warifu's HTTP/1 parser beside llhttp, http-parser and h11.

The property: if we accept a head, every parser that accepts it too must see the same first
line, fields and body; a parser that sees more messages than we do means that we refused or
stopped. Inputs are the strictness vectors, what real clients sent, the fuzzing corpora, and
mutations of them all, the same in each run: WARIFU_ORACLE_COUNT and WARIFU_ORACLE_SEED
change how many and which.
"""
import json
import os
import re
import subprocess

import h11

from lib import tap

SRC = os.environ.get("WARIFU_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("WARIFU_BUILD") or os.path.join(SRC, "build", "release")
COUNT = int(os.environ.get("WARIFU_ORACLE_COUNT", "1500000"))
SEED = int(os.environ.get("WARIFU_ORACLE_SEED", "20240531"))
EMIT = max(1, COUNT // 12000)  # h11 is slow: it gets every EMIT-th mutation
FNV = 0xcbf29ce484222325, 0x100000001b3


def vectors():
    with open(os.path.join(SRC, "tests/vectors/h1_strictness_cases.json")) as f:
        return json.load(f)


def captured(every=False):
    """One HTTP/1.1 request of each program (or of each set of fields), as bytes."""
    seen = {}
    with open(os.path.join(SRC, "tests/vectors/http_requests_captured.jsonl")) as f:
        for line in f:
            r = json.loads(line)
            # A few lines begin with the body of the request before: the recorder's mistake.
            if r.get("proto") == "http/1.1" and re.match(r"[A-Z]+ ", r["request_line"]):
                text = "\r\n".join([r["request_line"], *r["headers"], "", ""])
                names = tuple(h.partition(":")[0] for h in r["headers"])
                kind = (r["client"], names) if every else r["client"]
                seen.setdefault(kind, text.encode("latin-1"))
    return list(seen.values())


def corpus(name):
    folder = os.path.join(SRC, "tests/fuzz/corpus", name)
    for file in sorted(os.listdir(folder)):
        with open(os.path.join(folder, file), "rb") as f:
            yield f.read()


def inputs():
    """Lines as h1dump and h1_oracle read them."""
    requests = [bytes.fromhex(v["bytes_hex"]) for v in vectors()] + captured()
    requests += corpus("h1_request")
    head = b"POST /p HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    requests += [head + body for body in corpus("chunk")]
    lines = ["Q " + r.hex() for r in requests]
    for r in corpus("h1_response"):
        method = ("+" if r[0] & 2 else "") + ("HEAD" if r[0] & 1 else "GET")
        lines.append(f"R {method} {r[1:].hex()}")
    return lines


def dump(lines):
    """What warifu sees in each line."""
    out = subprocess.run([os.path.join(BUILD, "tools/h1dump")], input="\n".join(lines) + "\n",
                         capture_output=True, text=True, check=True).stdout.splitlines()
    tap.equal(len(out), len(lines), "lines of h1dump")
    return [json.loads(line) for line in out]


# --- h11 ----------------------------------------------------------------------------------

class Seen:
    """What h11 saw: messages as [head, body, complete]; failed or over as in h1_seen.h."""

    def __init__(self):
        self.messages, self.failed, self.over = [], "", False

    def head(self, first, headers):
        fields = [(bytes(n).lower(), bytes(v)) for n, v in headers]
        self.messages.append([(first, fields), bytearray(), False])


def ask(conn, method, upgrade):
    headers = [("Host", "a.example")]
    if upgrade:
        headers += [("Connection", "upgrade"), ("Upgrade", "websocket")]
    conn.send(h11.Request(method=method, target="/", headers=headers))
    conn.send(h11.EndOfMessage())


def answer(conn):
    conn.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    conn.send(h11.EndOfMessage())


def next_message(conn, seen, method, upgrade):
    """Behind a complete message: go on with the next, or say that there is none."""
    if not method and conn.our_state is h11.SEND_RESPONSE:
        answer(conn)
    if conn.our_state is not h11.DONE or conn.their_state is not h11.DONE:
        seen.over = True
        return False
    conn.start_next_cycle()
    if method:
        ask(conn, method, upgrade)
    return True


def read_h11(data, method=None, upgrade=False):
    """Requests without a method, else responses to it."""
    seen = Seen()
    conn = h11.Connection(h11.CLIENT if method else h11.SERVER, 1 << 20)
    if method:
        ask(conn, method, upgrade)
    conn.receive_data(data)
    try:
        while step_h11(conn, seen, method, upgrade):
            pass
    except h11.RemoteProtocolError as e:
        seen.failed = str(e)
    return seen


def step_h11(conn, seen, method, upgrade):
    event = conn.next_event()
    if event is h11.NEED_DATA:
        return False
    if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
        seen.over = True
        return False
    if isinstance(event, h11.Request):
        seen.head(event.method + b" " + event.target, event.headers)
    elif isinstance(event, (h11.Response, h11.InformationalResponse)):
        seen.head(b"%d" % event.status_code, event.headers)
        if isinstance(event, h11.InformationalResponse):
            seen.messages[-1][2] = True
    elif isinstance(event, h11.Data):
        seen.messages[-1][1] += event.data
    elif isinstance(event, h11.EndOfMessage):
        seen.messages[-1][2] = True
        return next_message(conn, seen, method, upgrade)
    return True


# --- the property, for h11 ----------------------------------------------------------------

def fnv(data):
    h = FNV[0]
    for b in data:
        h = ((h ^ b) * FNV[1]) & 0xffffffffffffffff
    return "%016x" % h


def our_head(m):
    first = bytes.fromhex(m["method"]) + b" " + bytes.fromhex(m["target"]) if "method" in m \
        else b"%d" % m["status"]
    fields = [(bytes.fromhex(f["name"]).lower(), bytes.fromhex(f["value"])) for f in m["fields"]]
    return first, fields


def alike(ours, theirs):
    """h11 writes the body coding's name in small letters."""
    def small(head):
        return head[0], [(n, v.lower() if n == b"transfer-encoding" else v) for n, v in head[1]]
    return small(ours) == small(theirs)


def message_differs(o, t, ours, theirs, i):
    if not alike(our_head(o), t[0]):
        return "the heads differ"
    refused = ours["state"] == "refused" and i + 1 == len(ours["messages"])
    if (refused and not o["complete"]) or (
            theirs.failed and i + 1 == len(theirs.messages) and not t[2]):
        return None
    if bool(o["complete"]) != t[2]:
        return "one sees the body's end and the other does not"
    if (o["body"], o["hash"]) != (len(t[1]), fnv(t[1])):
        return "the bodies differ"
    return None


def differs(ours, theirs):
    """None, or what does not hold."""
    for i, o in enumerate(ours["messages"]):
        if i == len(theirs.messages):
            return None if theirs.failed else "h11 sees fewer messages and refuses none"
        t = theirs.messages[i]
        what = message_differs(o, t, ours, theirs, i)
        if what:
            return what
        if not o["complete"] or not t[2]:
            return None
    more = len(theirs.messages) > len(ours["messages"])
    return "h11 sees more messages" if more and ours["state"] in ("head", "length", "chunked",
                                                                  "close") else None


def pending(ours, n):
    """We wait for the end of a head or of trailers: see h1_seen_check."""
    return ours["state"] in ("head", "chunked") and ours["used"] < n


def with_ends(lines):
    """The lines, those that we did not make up our mind on with an end behind them."""
    seen = dump(lines)
    return [line + b"\r\n\r\n".hex() if pending(s, len(line.split(" ")[-1]) // 2) else line
            for line, s in zip(lines, seen)]


def compare_h11(lines):
    """The number of inputs on which both accepted; fails at a difference."""
    both = 0
    lines = with_ends(lines)
    for line, ours in zip(lines, dump(lines)):
        words = line.split(" ")
        method = words[1].lstrip("+") if words[0] == "R" else None
        theirs = read_h11(bytes.fromhex(words[-1]), method, words[1].startswith("+"))
        what = differs(ours, theirs)
        if what:
            tap.note(line)
            tap.note(bytes.fromhex(words[-1]))
        tap.check(not what, f"{what}; ours: {ours['why']}, h11: {theirs.failed}")
        both += bool(ours["messages"] and theirs.messages)
    return both


# --- cases --------------------------------------------------------------------------------

def build():
    variant = re.search(r"san-([a-z-]+)$", BUILD)
    flags = "-fsanitize=" + variant.group(1).replace("-", ",") if variant else ""
    subprocess.run([os.path.join(SRC, "tests/oracle/build.sh")], check=True,
                   env=dict(os.environ, B=BUILD, CFLAGS_EXTRA=flags))


def run_oracle():
    """h1_oracle over all inputs and mutations: its counts, its complaints, some inputs."""
    out = subprocess.run([os.path.join(BUILD, "oracle/h1_oracle"), str(COUNT), str(SEED),
                          str(EMIT)], input="\n".join(inputs()) + "\n", capture_output=True,
                         text=True, check=True).stdout.splitlines()
    counts = {line.split()[1]: int(line.split()[2]) for line in out if line.startswith("count ")}
    return (counts, [line for line in out if line.startswith("differ")],
            [line[6:] for line in out if line.startswith("input ")])


build()
COUNTS, COMPLAINTS, MUTATIONS = run_oracle()
tap.note(COUNTS)


@tap.case
def real_clients_requests_are_all_accepted():
    requests = captured(every=True)
    tap.check(len(requests) >= 20, "too few captured requests")
    for request, seen in zip(requests, dump(["Q " + r.hex() for r in requests])):
        tap.equal((seen["why"], len(seen["messages"])), ("", 1), repr(request))


def no_difference(oracle):
    for complaint, line in zip(COMPLAINTS[::2], COMPLAINTS[1::2]):
        if complaint.startswith(f"differ {oracle} "):
            tap.note(complaint, "\n" + line)
    tap.equal(COUNTS[oracle + "-differ"], 0)


@tap.case
def llhttp_sees_what_we_accept_in_the_same_way():
    no_difference("llhttp")


@tap.case
def http_parser_sees_what_we_accept_in_the_same_way():
    no_difference("http-parser")


@tap.case
def the_mutations_are_neither_all_refused_nor_all_accepted():
    for name in ("accepted", "refused", "bodies", "llhttp-accepted", "http-parser-accepted"):
        tap.check(COUNTS[name] * 50 > COUNTS["inputs"], f"{name}: {COUNTS[name]}")


@tap.case
def h11_sees_the_vectors_and_corpora_in_the_same_way():
    tap.check(compare_h11(inputs()) > 20, "too few inputs that both accept")


@tap.case
def h11_sees_mutated_streams_in_the_same_way():
    both = compare_h11(MUTATIONS)
    tap.note(f"{both} of {len(MUTATIONS)} accepted by both")
    tap.check(both * 20 > len(MUTATIONS), "too few inputs that both accept")


tap.main()
