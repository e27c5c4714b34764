# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
# warifu-test: heavy
"""A log that cannot be written: full disk, locked database, lost or closed folder, a scribe that hangs.

Sensitive routes and logins fail closed, the rest does what the settings say, observed sites pass, and
afterwards the log says what was. A request counts as let through when the backend saw it.
"""
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from lib import tap
from lib.backend import start_express
from lib.outage import HOSTS, Outage, fails_closed
from lib.world import World, wait_until

world = World("disk")


def outage(name, folder=None, **log):
    return Outage(world, backend, name, folder, **log)


def small_disk(name, size):
    if os.geteuid() != 0:
        tap.skip("a disk of its own needs root; l02_powerloss fills one inside SQLite")
    folder = world.folder(name)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", folder], capture_output=True, text=True)
    if done.returncode != 0:
        tap.skip(f"mount: {done.stderr.strip()}")
    if world.user:
        shutil.chown(folder, world.user)
    mounts.append(folder)
    return folder


mounts = []


def setup():
    global backend
    backend = start_express(world)


def teardown():
    world.stop()
    for m in mounts:
        subprocess.run(["umount", "-l", m], check=False)


def fill(folder, leave):
    """A file that leaves so many bytes."""
    path = os.path.join(folder, "filler")
    try:
        with open(path, "ab", buffering=0) as f:
            while (free := os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize) > leave:
                f.write(bytes(min(free - leave, 1 << 20)))
    except OSError:
        tap.check(leave == 0, "the disk is full too early")
    return path


@tap.case
def below_min_free_the_log_counts_as_full_and_says_so():
    place = outage("low", small_disk("low-log", "48m"))
    tap.equal(place.withdraw(), (True, 201))
    path = fill(place.folder, 8 << 20)
    place.down("the log counts as full")
    fails_closed(place)
    tap.equal(place.read(), (False, 503), "on-full refuse")
    # there is still room, so what is refused is written down
    wait_until(lambda: place.gate.records(reason="record-unavailable"), 10, "records of the refusals")
    os.unlink(path)
    place.up_again()
    records = place.whole()
    tap.equal([r["detail"] for r in records if r.get("event") == "log_state"],
              ["less room is left than the settings ask for: the log counts as full", "there is room again"])


@tap.case
def a_disk_without_any_room_loses_no_record():
    mark, place = backend.mark(), outage("full", small_disk("full-log", "40m"), on_full="pass")
    path = fill(place.folder, 0)
    place.down("a full disk")
    fails_closed(place)
    tap.equal(place.read(), (True, 200), "on-full pass")
    os.unlink(path)
    place.up_again()
    records = place.whole()
    tap.check([r for r in records if r.get("event") == "log_state"], "no record of the time without a log")
    tap.equal([r for r in records if r.get("event") == "log_gap"], [], "all of it had room in memory")
    for route in ("/api/balance", "/api/withdraw"):
        allowed = [r for r in records if r["kind"] == "decision" and r.get("path") == route and r["enforced"] == "allow"]
        tap.equal(len(allowed), len(backend.requests(route, since=mark)), f"decisions and requests at the backend, {route}")


@tap.case
def a_locked_log_fails_closed_and_comes_back():
    place = outage("lock", on_down="pass")
    for name in ("state.db", [n for n in sorted(os.listdir(place.folder)) if n.startswith("log-") and n.endswith(".db")][-1]):
        db = sqlite3.connect(os.path.join(place.folder, name), timeout=30, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        place.down(f"{name} is locked")
        fails_closed(place)
        tap.equal(place.read(), (True, 200), "on-down pass")
        db.execute("ROLLBACK")
        db.close()
        place.up_again()
    records = place.whole()
    tap.check(len([r for r in records if r.get("event") == "log_state"]) >= 2, "no record of the time without a log")
    tap.equal([r for r in records if r.get("event") == "log_gap"], [])


@tap.case
def a_scribe_that_hangs_is_a_log_that_is_down():
    place = outage("hang")
    pid = place.pid("scribe")
    os.kill(pid, signal.SIGSTOP)
    try:
        place.down("the scribe is silent")
        fails_closed(place)
        tap.equal(place.read(), (False, 503), "on-down refuse")
    finally:
        os.kill(pid, signal.SIGCONT)
    place.up_again()
    tap.equal([r for r in place.whole() if r.get("event") == "log_gap"], [])


@tap.case
def what_finds_no_room_in_memory_is_a_gap_that_the_log_names():
    """An observed site passes all of it: the ring fills up, and what was given up is counted."""
    place = outage("gap")
    pid = place.pid("scribe")
    c = place.people[HOSTS["watched"]]
    c.keep = True
    os.kill(pid, signal.SIGSTOP)
    try:
        c.agent = "x" * 400
        end = time.monotonic() + 120
        n, gap = 0, 0
        while gap == 0 and time.monotonic() < end:
            for _ in range(500):
                tap.equal(c.get("/api/me/" + "p" * 1900 + f"/{n}").status, 404)
                n += 1
            gap = n if n >= 9000 else 0
    finally:
        os.kill(pid, signal.SIGCONT)
    place.up_again()
    records = place.whole()
    gaps = [r for r in records if r.get("event") == "log_gap"]
    tap.check(gaps, "no gap is named")
    lost = sum(r["count"] for r in gaps)
    kept = len([r for r in records if r["kind"] == "decision" and str(r.get("path", "")).startswith("/api/me/p")])
    outcomes = len([r for r in records if r["kind"] == "outcome"])
    tap.note(f"{n} requests: {kept} decisions are there, {lost} records were given up, {outcomes} outcomes")
    tap.check(kept < n and lost >= n - kept, f"{n} requests, {kept} recorded, {lost} named as lost")


@tap.case
def a_lost_or_closed_log_folder_fails_closed():
    place = outage("gone")
    away = place.folder + ".away"
    os.rename(place.folder, away)
    os.kill(place.pid("scribe"), signal.SIGKILL)
    place.down("the folder is gone")
    fails_closed(place)
    os.rename(away, place.folder)
    place.up_again()
    place.whole()


tap.main(setup, teardown)
