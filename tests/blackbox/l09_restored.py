# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""A log folder put back from a backup revives no session (security model 29), and a head kept elsewhere shows it (26)."""
import os
import shutil

from lib import evidence, tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World

world = World("restored")


def setup():
    global backend, front, folder
    backend = start_express(world)
    policy = world.write("allow.policy", 'policy "everything" { default allow }\n')
    front = Front(world, [site("wallet", evidence.HOST, backend.port, recipe="express"),
                          site("plain", "plain.test", backend.port, recipe="express", policy=policy)])
    folder = os.path.join(world.dir, f"state{front.port}", "log")


def person(user, host=evidence.HOST):
    c = front.client(host, agent=evidence.AGENT)
    tap.equal(login_express(c, user).status, 303)
    tap.equal(c.get("/api/me").status, 200)
    return c


def reached(c):
    mark = backend.mark()
    status = c.get("/api/me").status
    return bool(backend.requests("/api/me", since=mark)), status


def put_back(copy):
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    if world.user:
        for name in [""] + os.listdir(folder):
            shutil.chown(os.path.join(folder, name), world.user)


@tap.case
def a_stop_and_a_start_alone_doubt_nobody():
    c = person("bob")
    front.gate.stop()
    front.start()
    tap.equal(reached(c), (True, 200))


@tap.case
def what_was_revoked_and_what_was_logged_out_stays_so():
    stolen, left, kept = person("alice"), person("bob"), person("bob")
    plain = person("alice", "plain.test")  # no policy can switch this off
    front.gate.stop()
    copy = world.path("copy")
    shutil.copytree(folder, copy)
    front.start()
    tap.equal(reached(stolen), (True, 200), "as in the backup")
    front.gate.cli("session", "revoke", "user", "alice")
    jar = dict(left.jar)
    tap.equal(left.post("/logout").status, 303)
    left.jar = jar
    front.gate.stop()
    head = front.gate.cli("log", "head").stdout.strip()
    put_back(copy)
    front.start()
    for name, c in (("revoked", stolen), ("logged out", left), ("revoked, at a site that allows all", plain)):
        seen, status = reached(c)
        tap.check(not seen and status in evidence.REFUSED, f"{name}: {seen}, {status}")
    # nobody can tell the others apart from them: they log in again
    tap.equal(reached(kept)[0], False, "a doubtful session is challenged")
    tap.check(front.gate.records(event="restored"), "no record of it")
    person("alice")
    front.gate.stop()
    tap.equal(front.gate.cli("log", "verify", check=False).returncode, 0, "the older log is whole in itself")
    done = front.gate.cli("log", "verify", "--head", head, check=False)
    tap.equal(done.returncode, 1, done.stdout)


tap.main(setup, world.stop)
