#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A mixed load for some minutes: nothing may get lost, nothing may be cut, nothing may grow. `make soak` calls this.

    tests/soak/soak.py --seconds 600 --crowd 10000

Ten thousand connections stand, half of them idle and bound to a session each, half slow. Beside them, by HTTP/1.1 and
HTTP/2: people who log in, work, are robbed and log out; WebSockets and event streams that stay open; megabytes up and
down; strangers; clients that vanish in mid-body; an upstream that stalls, resets, answers early, sends more than it said;
and about a hundred reloads a minute.

At the end a table, and exit code 0 only if no request was lost, no tunnel cut, no process started again, nothing left
open, the log is whole (`warifu log verify`, and a record for each answer of a session), no sanitizer had something to
say, and each process's resident memory is at most 1.05 times that of minute 2 (runs from 240 s on; not with sanitizers,
which keep freed memory).
"""
import argparse
import os
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib import tap  # noqa: E402
from lib.world import BUILD, SLOW, World  # noqa: E402
from run import outside_the_sandbox, reports, sanitizer_environment  # noqa: E402
from soak import jobs, tally  # noqa: E402
from soak.scene import Scene, crowd_that_fits  # noqa: E402

EVERY = 0.55  # seconds from reload to reload: a thousand in ten minutes
PROGRESS = 10
# (job, how many side by side by each protocol)
MIX = [(jobs.person, 4, 4), (jobs.stranger, 1, 0), (jobs.bodies, 1, 1), (jobs.sipping, 0, 2), (jobs.tunnel, 10, 10),
       (jobs.events, 10, 0), (jobs.vanish, 1, 1), (jobs.badly, 1, 1)]


def repeat(scene, job, *args):
    while scene.more():
        try:
            job(*args)
        except Exception as e:
            where = traceback.extract_tb(e.__traceback__)[-1]
            scene.tally.lose(f"{job.__name__} {' '.join(map(str, args[1:]))}: {e!r} ({os.path.basename(where.filename)}:{where.lineno})")
            time.sleep(0.2)


def start(scene):
    plans = [(job, scene, how) for job, h1, h2 in MIX for how, n in (("h1", h1), ("h2", h2)) for _ in range(n)]
    plans += [(scene.machine,), (scene.bulk,), (scene.reload_often(EVERY),)]
    threads = [threading.Thread(target=repeat, args=(scene, *plan), daemon=True) for plan in plans]
    for t in threads:
        t.start()
    return threads


def watch(scene):
    """A line every ten seconds, and the memory of minute 2 (or half time)."""
    begin, before = time.monotonic(), 0
    early = 120 if scene.seconds >= tally.SETTLED else scene.seconds / 2
    while scene.more():
        time.sleep(min(PROGRESS, max(0.1, scene.end - time.monotonic())))
        took, done = time.monotonic() - begin, scene.tally.total()
        now = scene.memory.now()
        if scene.memory.early is None and took >= early:
            scene.memory.early = now
        print(f"{took:5.0f} s  {done:>9} done, {(done - before) / PROGRESS:6.0f}/s, {scene.tally.done['reload']} reloads, "
              f"{len(scene.tally.lost)} lost, {len(scene.tally.cut)} cut, KiB: "
              + " ".join(f"{name} {n >> 10}" for name, n in sorted(now.items())), flush=True)
        before = done
    return now


def run(scene, crowd):
    begin = time.monotonic()
    scene.gather(crowd)
    print(f"{crowd} connections stand after {time.monotonic() - begin:.0f} s, half of them slow", flush=True)
    scene.tally.start = time.monotonic()
    scene.end = time.monotonic() + scene.seconds
    threads = start(scene)
    late = watch(scene)
    for t in threads:
        t.join(180 * SLOW)
        if t.is_alive():
            scene.tally.lose("a job that does not end")
    scene.dismiss()
    faults = scene.tally.faults() + scene.memory.faults(late, scene.seconds)
    faults += tally.left_open(scene.monitor)
    code = scene.front.gate.stop(60)
    faults += [] if code == 0 else [f"warifu ended with {code}"]
    return faults + tally.verify(scene.front.gate, scene.tally)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--seconds", type=float, default=600)
    p.add_argument("--crowd", type=int, default=10000 if SLOW == 1 else 2000, help="connections that stand beside the load")
    args = p.parse_args()
    print(f"soak of {BUILD}: {args.seconds:.0f} s", flush=True)
    crowd = crowd_that_fits(args.crowd)
    with World("soak") as world:
        sanitized = os.path.basename(BUILD).startswith("san-")
        if sanitized:
            os.environ.update(sanitizer_environment(world.dir))
            os.chmod(world.dir, 0o755)
        try:
            faults = run(Scene(world, args.seconds), crowd)
        except tap.Failure:
            world.dump()
            raise
        world.stop()
        said = reports(world.dir) if sanitized else []
        print("\n".join(said[:5]))
        faults += [f"{len(said)} reports of the sanitizer"] if said else []
        faults += outside_the_sandbox(world.dir)
    print("soak: " + ("; ".join(faults) or "all held"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
