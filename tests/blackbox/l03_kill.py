# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=400
# warifu-test: heavy
"""kill -9 of every process of warifu while people log in, read and log out (design 2.2), by counting."""
import os
import random
import signal
import time

from lib import evidence, tap
from lib.backend import start_express
from lib.evidence import Crowd, LIMITS
from lib.settings import Front, block, site
from lib.world import World, descendants, free_ports, lives, wait_until

world = World("kill")


def kill(name):
    pid = front.gate.children().get(name)
    if pid:
        os.kill(pid, signal.SIGKILL)
    return pid


def setup():
    global backend, front, crowd
    backend = start_express(world)
    front = Front(world, [site("wallet", evidence.HOST, backend.port, recipe="express")], limits=LIMITS, start=False)
    front.more.append(block("console", [f'listen "127.0.0.1:{free_ports(8)[-1]}"', f'certificate "{front.cert}"',
                                        f'key "{front.key}"', f'client-ca "{front.ca}"']))
    front.start()
    crowd = Crowd(front, 6)


def questions():
    """What must be true of the log as it stands, all processes being stopped."""
    evidence.verified(front.gate)
    records = front.gate.records()
    evidence.records_are_whole(records)
    evidence.logins_are_recorded(records, crowd)
    evidence.allows_are_recorded(records, backend, crowd)
    return records


@tap.case
def people_work_while_every_child_dies_again_and_again():
    dice, killed = random.Random(5), {}
    crowd.start()
    end = time.monotonic() + 25
    # On a slow machine few get through between two kills: it goes on until enough did.
    while (now := time.monotonic()) < end or now < end + 100 and not (len(crowd.given) > 40 and len(crowd.left) > 10):
        time.sleep(dice.uniform(0.05, 0.6))
        name = dice.choice(("gate", "scribe", "scribe", "portal", "gate", "console"))
        if kill(name):
            killed[name] = killed.get(name, 0) + 1
    tap.note(f"killed {killed}; {len(crowd.given)} logins, {len(crowd.left)} logouts, {crowd.broken} broken off")
    tap.check(killed["gate"] >= 5 and killed["scribe"] >= 5 and killed["portal"] >= 2 and killed["console"] >= 2, killed)
    before = len(crowd.given)
    wait_until(lambda: len(crowd.given) > before + 20, 40, "logins after the last kill")
    crowd.stop()


@tap.case
def every_session_given_is_bound_and_none_that_ended_lives():
    tap.check(len(crowd.given) > 60 and len(crowd.left) > 10, f"{len(crowd.given)} logins, {len(crowd.left)} logouts")
    kill("gate")
    evidence.back(front)
    evidence.sessions_hold(front, crowd)


@tap.case
def a_session_revoked_just_before_the_gate_dies_stays_revoked():
    gone = []
    for turn in range(6):
        jar = [j for j in crowd.given if j not in crowd.left and j not in crowd.doubtful and j not in gone][turn]
        c = evidence.holder(front, jar)
        path = f"/api/k/revoked/{turn}"
        tap.equal(c.get(path).status, 404)
        found = wait_until(lambda: front.gate.records(kind="decision", path=path), 10, "the record")
        front.gate.cli("session", "revoke", "session", found[0]["session"])
        kill("gate" if turn % 2 else "scribe")
        gone.append(jar)
        evidence.back(front)
        tap.check(c.get("/api/me").status in evidence.REFUSED, f"turn {turn}: a revoked session lives")
    crowd.left.extend(gone)


@tap.case
def the_log_of_all_that_is_whole():
    front.gate.stop()
    records = questions()
    restarts = [r for r in records if r.get("event") == "child_restart"]
    tap.check(len(restarts) >= 12, f"{len(restarts)} restarts are recorded")
    tap.equal([r for r in records if r.get("event") in ("log_gap", "log_bad_entry")], [])


@tap.case
def a_dead_supervisor_takes_all_with_it_and_loses_nothing():
    for turn in range(3):
        front.start()
        evidence.back(front)
        more = Crowd(front, 6, seed=20 + turn)
        crowd.given, crowd.left, crowd.doubtful, crowd.answered = more.given, more.left, more.doubtful, more.answered
        more.start()
        wait_until(lambda: len(more.given) > 15, 40, "logins")
        kids = descendants(front.gate.pid)
        front.gate.kill()
        front.gate.popen.wait()
        wait_until(lambda: not any(lives(k) for k in kids), 20, "the children's end")
        more.stop()
        questions()
        front.start()
        evidence.back(front)
        evidence.sessions_hold(front, more)
        front.gate.stop()
    questions()


tap.main(setup, world.stop)
