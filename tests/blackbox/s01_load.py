# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
# warifu-test: heavy
"""How long a gate takes to load its sessions, and what it answers meanwhile.

    WARIFU_SESSIONS=100000 tests/run.py --only blackbox/s01_load        prints the figures of docs/performance.md
"""
import os
import re
import signal
import subprocess
import time
import urllib.request

from lib import tap
from lib.backend import login_express, start_express
from lib.http1 import Ended, Malformed
from lib.settings import Front, block, site
from lib.world import BUILD, SLOW, World, descendants, free_ports, rss_of, wait_until

SESSIONS = int(os.environ.get("WARIFU_SESSIONS", "100000" if SLOW == 1 else "10000"))
world = World("load")
app = start_express(world)
FIGURES = free_ports(12)[11]
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")],
              extra=[block("console", [f'monitor "127.0.0.1:{FIGURES}"'])])


def state(*parts):
    return os.path.join(world.dir, f"state{front.port}", *parts)


def figure(name):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{FIGURES}/metrics", timeout=10) as r:
            found = re.search(rf"^{re.escape(name)} (\S+)$", r.read().decode(), re.M)
    except OSError:
        return -1.0
    return float(found.group(1)) if found else -1.0


def gate_pid():
    for pid in descendants(front.gate.pid):
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            if f.read().strip() == "gate":
                return pid
    return None


def cpu(pid):
    """Seconds of processor time of a process so far, all threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answer(client):
    try:
        return client.get("/api/me").status
    except (OSError, Ended, Malformed):
        return None


@tap.case
def a_session_of_before_is_known_again_among_all_others():
    owner = front.client()
    tap.equal(login_express(owner, "alice").status, 303, "login")
    tap.equal(front.gate.stop(20), 0, "an orderly stop")
    started = time.monotonic()
    done = subprocess.run([os.path.join(BUILD, "tools", "sessionfill"), state(), "wallet", str(SESSIONS)], capture_output=True, text=True, timeout=200, check=False, **as_owner())
    tap.equal((done.returncode, done.stderr), (0, ""), "sessionfill")
    tap.note(f"{SESSIONS} sessions written in {time.monotonic() - started:.1f} s")
    front.start()
    wait_until(lambda: figure('warifu_sessions{state="active"}') == SESSIONS + 1, 60, "all sessions")
    got = answer(owner)
    tap.equal(got, 200, f"the owner's session: {front.gate.records(kind='decision')[-1]}")
    took = figure("warifu_gate_load_seconds")
    tap.note(f"gate: {SESSIONS} sessions loaded in {took:.2f} s, of which {cpu(gate_pid()):.2f} s on a processor; "
             f"{rss_of(gate_pid()) >> 20} MiB resident; {os.path.getsize(state('log', 'state.db')) >> 20} MiB on disk")
    tap.within(took, 0.0001, 30 * SLOW, "seconds")


@tap.case
def until_they_are_loaded_nothing_is_let_through():
    """The gate dies; whoever asks gets 503 or waits, and then is known: never taken for a stranger."""
    owner, seen = front.client(), []
    tap.equal(login_express(owner, "bob").status, 303, "login")
    for _ in range(3):
        before = gate_pid()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: gate_pid() not in (None, before), 20, "the next gate")
        end = time.monotonic() + 30 * SLOW
        while time.monotonic() < end:
            seen.append(answer(owner))
            if seen[-1] == 200:
                break
        tap.equal(seen[-1], 200, "known again")
    tap.note(f"answers meanwhile: { {s: seen.count(s) for s in set(seen)} }")
    tap.equal(set(seen) - {200, 503, None}, set(), "answers")


def as_owner():
    """The folder's owner: the tool must leave no file that the scribe may not write."""
    who = os.stat(state("log"))
    return dict(user=who.st_uid, group=who.st_gid, extra_groups=[]) if os.geteuid() == 0 and who.st_uid else {}


tap.main(teardown=world.stop)
