# SPDX-License-Identifier: Apache-2.0
"""What came of a soak: counts, what was lost, memory, the log as its readers see it. Faults are words; none is good."""
import collections
import json
import pwd
import subprocess
import threading
import time
import urllib.request

from lib.world import BIN, SLOW, rss_of, wait_until

RATIO_MAX = 1.05
SETTLED = 240  # seconds of a run from which on the memory is judged: before, caches still fill
LEVELS = ("warifu_connections_open", "warifu_requests_open", "warifu_tunnels_open", 'warifu_upstream_connections_open{use="busy"}',
          "warifu_log_lag_records")


class Tally:
    """Counted by many threads. `lost`: requests that should have been served and were not; `cut`: tunnels and streams."""

    def __init__(self):
        self.done, self.lock, self.start = collections.Counter(), threading.Lock(), time.monotonic()
        self.lost, self.cut = [], []

    def count(self, what, n=1):
        with self.lock:
            self.done[what] += n

    def lose(self, text):
        self._note(self.lost, text)

    def cuts(self, text):
        self._note(self.cut, text)

    def _note(self, where, text):
        with self.lock:
            where.append(f"{time.monotonic() - self.start:.0f} s: {text}")

    def want(self, answer, status, what):
        """One answer, counted or lost; whether it was as it should be."""
        good = answer.status == status
        if good:
            self.count(what)
        else:
            self.lose(f"{what}: {answer.status} {answer.body[:80]!r} and not {status}")
        return good

    def total(self):
        with self.lock:
            return sum(self.done.values())

    def faults(self):
        print(f"{'what':<32} {'count':>10}")
        for what, n in sorted(self.done.items()):
            print(f"{what:<32} {n:>10}")
        for what, all_of_them in (("lost requests", self.lost), ("cut tunnels", self.cut)):
            print(f"{what:<32} {len(all_of_them):>10}")
            for text in all_of_them[:20]:
                print(f"    {text}")
        return [f"{len(x)} {what}" for x, what in ((self.lost, "requests lost"), (self.cut, "tunnels cut")) if x]


class Memory:
    """Resident memory of each process, by name and pid: one that was started again is another."""

    def __init__(self, gate):
        self.gate, self.early = gate, None
        self.first = self._pids()

    def _pids(self):
        return {"supervisor": self.gate.pid, **self.gate.children()}

    def now(self):
        return {name: rss_of(pid) for name, pid in self._pids().items()}

    def faults(self, late, seconds):
        judged = SLOW == 1 and seconds >= SETTLED
        why = "" if judged else " (not judged: " + ("a sanitizer keeps freed memory)" if SLOW > 1 else f"less than {SETTLED} s)")
        print(f"{'resident memory' + why:<32} {'early KiB':>10} {'late KiB':>10} {'ratio':>7}")
        faults = []
        for name, before in self.early.items():
            ratio = late.get(name, 0) / max(1, before)
            print(f"{name:<32} {before // 1024:>10} {late.get(name, 0) // 1024:>10} {ratio:>7.3f}")
            if judged and ratio > RATIO_MAX:
                faults.append(f"{name} grew by {ratio:.3f}")
        return faults + [f"{name} was started again" for name in self.started_again()]

    def started_again(self):
        """Names of processes that died; the console begins anew with each reload and does not count."""
        return [name for name, pid in self._pids().items() if self.first.get(name) != pid and name != "console"]


def left_open(monitor):
    """Once all clients are gone, nothing of theirs is left."""
    def levels():
        with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/metrics", timeout=30) as r:
            lines = r.read().decode().splitlines()
        found = {name: float(n) for name, _, n in (line.rpartition(" ") for line in lines) if name in LEVELS}
        missing = set(LEVELS) - set(found)
        return {name: n for name, n in found.items() if n} | dict.fromkeys(missing, "missing")
    try:
        wait_until(lambda: not levels(), 60, "nothing open", every=1)
    except Exception:
        return [f"left open: {levels()}"]
    return []


def verify(gate, tally):
    """The log as its readers see it: whole, and with a record for each answered request of a session."""
    done = gate.cli("log", "verify", check=False, seconds=600)
    print(done.stdout.strip())
    faults = [] if done.returncode == 0 else [f"log verify failed: {done.stderr.strip()[-300:]}"]
    kinds, decided = collections.Counter(), collections.Counter()
    for record in export(gate):
        kinds[record["kind"]] += 1
        if record["kind"] == "decision" and record.get("user"):
            decided["/" + (record.get("path") or "/").split("/")[1]] += 1
    print("records: " + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())))
    for path, what in (("/machine", ("machine",)), ("/page", ("page h1", "page h2")), ("/ws", ("tunnel h1", "tunnel h2"))):
        answers = sum(tally.done[w] for w in what)
        print(f"{path}: {answers} answers, {decided[path]} decisions")
        if decided[path] < answers:
            faults.append(f"gaps in the log: {answers - decided[path]} answers of {path} without a record")
    return faults


def export(gate):
    """Record by record: a long run's log is larger than one wants in memory."""
    extra = {}
    if gate.user:
        who = pwd.getpwnam(gate.user)
        extra = dict(user=who.pw_uid, group=who.pw_gid, extra_groups=[])
    words = [BIN, "log", "export", "--format", "jsonl", *gate.where(("log",))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=gate.folder, **extra) as p:
        for line in p.stdout:
            yield json.loads(line)
