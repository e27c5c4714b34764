# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""kill -9 of gate and scribe loses nothing and doubles nothing (design 2.2)."""
import json
import os
import sqlite3
import subprocess

from lib import tap
from lib.world import BUILD, World
from oracle import log_verify

KILLS = 200


def run(world, name, kills, seed):
    folder = world.path(name)
    os.makedirs(folder)
    done = subprocess.run([os.path.join(BUILD, "tools", "ringkill"), folder, str(kills), str(seed)],
                          capture_output=True, text=True, check=False)
    tap.note(done.stdout.strip())
    tap.equal((done.returncode, done.stderr), (0, ""), "ringkill")
    return folder, json.loads(done.stdout)


@tap.case
def every_published_entry_is_in_the_log_exactly_once_and_in_order():
    world = World()
    folder, said = run(world, "log", KILLS, 7)
    counts = {}
    for number, _, header, public, _ in log_verify.walk(folder):
        if header["thread"] < 0xfff0:
            value = int.from_bytes(dict(public)[0x66], "big")
            tap.equal(value, header["seq"], f"record {number}")
            counts.setdefault(header["thread"], []).append(header["seq"])
        else:
            # nothing was given up, refused or found missing
            event = int.from_bytes(dict(public)[0x01], "big")
            tap.check(event not in (12, 13), f"record {number} is event {event}")
    for thread, t in enumerate(said["threads"]):
        tap.check(t["published"] <= t["last"] <= t["begun"], f"thread {thread}: {t}")
        tap.equal(t["committed"], t["last"], f"thread {thread}")
        # The kills come by the clock: how much lies between two is the machine's speed, and 1,000 was too much of it.
        tap.check(t["last"] > KILLS, f"thread {thread} hardly ran: {t}")
        tap.equal(counts[thread], list(range(1, t["last"] + 1)), f"thread {thread}")


@tap.case
def changes_of_state_are_applied_exactly_once():
    world = World()
    folder, said = run(world, "log", 40, 11)
    db = sqlite3.connect(os.path.join(folder, "state.db"))
    rows = {(int.from_bytes(i[:8], "little"), i[15]) for (i,) in db.execute("SELECT id FROM session")}
    wanted = {(seq, thread) for thread, t in enumerate(said["threads"]) for seq in range(50, t["last"] + 1, 50)}
    tap.check(wanted and rows == wanted, f"{len(rows)} rows, wanted {len(wanted)}")


tap.main()
