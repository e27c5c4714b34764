# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""backup and restore: what was revoked after the backup stays out, and a changed backup is refused."""
import os
import shutil
import threading

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World, wait_until

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


def setup():
    global world, front, backend, folder
    world = World("backup")
    backend = start_express(world)
    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express"),
                          site("watched", "watched.test", backend.port, recipe="express", mode="observe")])
    folder = world.folder("backups")


def person(user, host="wallet.test"):
    c = front.client(host, agent=AGENT)
    tap.equal(login_express(c, user).status, 303)
    tap.equal(c.get("/api/me").status, 200)
    return c


def state():
    return world.path(f"state{front.port}")


def empty_state():
    """The state folder moved away, a new one in its place, empty."""
    shutil.rmtree(state())
    world.folder(os.path.basename(state()))


def reaches(c):
    mark = backend.mark()
    status = c.get("/api/me").status
    return status, len(backend.requests("/api/me", since=mark))


@tap.case
def a_session_revoked_after_the_backup_does_not_come_back_with_it():
    alice, bob = person("alice"), person("bob")
    place = os.path.join(folder, "first")
    done = front.gate.cli("backup", place)
    tap.contains(done.stdout, "log head")
    tap.equal(os.stat(place).st_mode & 0o777, 0o600)
    tap.equal(os.listdir(folder), ["first"], "what it was made with is gone")
    front.gate.cli("session", "revoke", "user", "alice")
    tap.equal(reaches(alice)[1], 0)
    head = front.gate.cli("log", "head").stdout.strip()
    wait_until(lambda: front.gate.records(event="backup"), what="record of the backup")
    tap.contains(front.gate.records(event="backup")[0]["actor"], "uid:")
    front.gate.stop()
    empty_state()
    done = front.gate.cli("restore", place)
    tap.contains(done.stdout, "doubtful")
    front.start()
    for c in (alice, bob):
        status, seen = reaches(c)
        tap.equal(seen, 0, "an old cookie reached the backend")
        tap.check(status in (302, 303, 401, 403), status)
    again = front.client("wallet.test", agent=AGENT)
    again.jar = dict(bob.jar)
    tap.equal(login_express(again, "bob").status, 303, "who is asked can log in anew")
    tap.equal(reaches(again), (200, 1))
    tap.equal(reaches(alice)[1], 0)
    for event in ("restore", "restored"):
        wait_until(lambda e=event: front.gate.records(event=e), what=f"record {event}")
        tap.equal(front.gate.records(event=event)[0].get("alarmed"), True, event)
    tap.contains(front.gate.records(event="restore")[0]["actor"], "uid:")
    tap.equal(front.gate.cli("log", "verify").returncode, 0)
    tap.equal(front.gate.cli("log", "verify", "--head", head, check=False).returncode, 1, "a head from before the restore")


@tap.case
def the_doubt_outlives_another_start():
    carol, dave = person("alice"), person("bob", "watched.test")
    wait_until(lambda: front.gate.records(event="bind", site="watched"), what="his session on disk: an observed login waits for none")
    place = os.path.join(folder, "twice")
    front.gate.cli("backup", place)
    front.gate.stop()
    empty_state()
    front.gate.cli("restore", place)
    front.start()
    tap.equal(reaches(carol)[1], 0)
    tap.equal(reaches(dave), (403, 0), "nor at an observed site, where nobody can tell either")
    front.gate.stop()
    front.start()
    tap.equal(reaches(carol)[1], 0, "after a second start")
    tap.equal(reaches(dave), (403, 0), "after a second start, at an observed site")
    tap.equal(login_express(dave, "bob").status, 303)
    tap.equal(reaches(dave), (200, 1), "who logged in anew")


@tap.case
def a_restore_mixes_with_nothing_and_needs_a_stopped_warifu():
    place = os.path.join(folder, "mix")
    front.gate.cli("backup", place)
    done = front.gate.cli("restore", place, check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "stop it first")
    made = len(front.gate.records(event="backup"))
    tap.contains(front.gate.cli("backup", place, check=False).stderr, "is there already")
    tap.equal(len(front.gate.records(event="backup")), made, "a record of a backup that was not made")
    front.gate.stop()
    done = front.gate.cli("restore", place, check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "is not empty")
    front.start()


@tap.case
def a_cut_off_restore_is_no_state_to_start_with():
    front.gate.stop()
    with open(os.path.join(state(), "restoring"), "w", encoding="ascii"):
        pass
    done = front.gate.cli("run", check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "restore")
    os.unlink(os.path.join(state(), "restoring"))
    front.start()


@tap.case
def a_backup_under_load_is_whole():
    stop = threading.Event()

    def work():
        while not stop.is_set():
            c = person("bob")
            for _ in range(10):
                c.get("/api/me")
    worker = threading.Thread(target=work)
    worker.start()
    try:
        places = [os.path.join(folder, f"load{i}") for i in range(3)]
        for place in places:
            front.gate.cli("backup", place)
    finally:
        stop.set()
        worker.join()
    front.gate.stop()
    for place in places:
        empty_state()
        front.gate.cli("restore", place)
    front.start()
    tap.equal(front.gate.cli("log", "verify").returncode, 0)


if __name__ == "__main__":
    tap.main(setup, lambda: world.stop())
