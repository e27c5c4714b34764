# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=200
"""The soak in short (tests/soak, `make soak`): reloads under load by both protocols, upstreams and clients that misbehave."""
import threading
import time

from lib import tap
from lib.world import SLOW, World, wait_until
from soak import jobs
from soak.scene import Scene
from soak.soak import repeat
from soak.tally import left_open

LOAD = "page h1", "page h2", "message h1", "message h2", "event"
RELOADS = 100 if SLOW == 1 else 30
world = World("short")


def setup():
    global scene
    scene = Scene(world, 0, stall="8 s")


class load:
    """These jobs (function, protocol) go on beside the body of the `with`; then all that was lost or cut is a failure."""

    def __init__(self, *plans):
        self.threads = [threading.Thread(target=repeat, args=(scene, job, scene, how), daemon=True) for job, how in plans]

    def __enter__(self):
        scene.end = time.monotonic() + 150 * SLOW
        for t in self.threads:
            t.start()

    def __exit__(self, *error):
        scene.end = 0
        for t in self.threads:
            t.join(40 * SLOW)
        tap.equal((scene.tally.lost, scene.tally.cut), ([], []), "lost and cut")
        tap.check(not any(t.is_alive() for t in self.threads), "a job does not end")


def counted(*what):
    return [scene.tally.done[w] for w in what]


def once_each(job):
    """This job once by each protocol, both at a time."""
    before = len(scene.tally.lost)
    threads = [threading.Thread(target=job, args=(scene, how)) for how in ("h1", "h2")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.equal(scene.tally.lost[before:], [])


@tap.case
def a_hundred_reloads_under_load_lose_no_request_and_cut_no_tunnel():
    tunnels = [(jobs.tunnel, how) for how in ("h1", "h2") * 2]
    people = [(jobs.person, how) for how in ("h1", "h2") * 2]
    with load(*tunnels, *people, (jobs.events, "h1"), (jobs.bodies, "h1"), (jobs.bodies, "h2")):
        for _ in range(RELOADS):
            scene.reload()
        # On a fast machine the reloads are over before everybody had a turn.
        wait_until(lambda: min(counted(*LOAD)) >= 8, 60, "a load of every kind", every=0.2)
    tap.equal(counted("reload", "tunnel h1", "tunnel h2", "long event stream"), [RELOADS, 2, 2, 1])
    seen = counted(*LOAD)
    tap.note(f"during {RELOADS} reloads: pages {seen[:2]}, messages {seen[2:4]}, events {seen[4]}")
    tap.equal(scene.memory.started_again(), [])


@tap.case
def of_an_upstream_that_misbehaves_both_protocols_see_the_same():
    once_each(jobs.badly)
    tap.equal(counted(*[f"upstream {what} {how}" for what in jobs.SEEN for how in ("h1", "h2")]), [1] * 2 * len(jobs.SEEN))


@tap.case
def of_clients_that_vanish_in_the_middle_nothing_stays():
    for _ in range(5):
        once_each(jobs.vanish)
    tap.equal(counted("vanished h1", "vanished h2"), [15, 15])
    tap.equal(left_open(scene.monitor), [])
    tap.equal(scene.memory.started_again(), [])


tap.main(setup, world.stop)
