# SPDX-License-Identifier: Apache-2.0
"""Who reads or exports the log stands in the log (security model 28)."""
import pwd
import subprocess

from lib import evidence, tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import BIN, World, wait_until

world = World("reads")


def setup():
    global front
    backend = start_express(world)
    front = Front(world, [site("wallet", evidence.HOST, backend.port, recipe="express")])
    tap.equal(login_express(front.client(evidence.HOST), "alice").status, 303)


def log(*words):
    """As an administrator types it, with the settings and not the log's folder."""
    more = {}
    if front.gate.user:
        p = pwd.getpwnam(front.gate.user)
        more = {"user": p.pw_uid, "group": p.pw_gid, "extra_groups": []}
    return subprocess.run([BIN, "log", "-c", front.gate.conf, *words], capture_output=True, text=True, cwd=world.dir, **more)


def events(name):
    return wait_until(lambda: front.gate.records(event=name), 10, f"a record {name}")


@tap.case
def a_read_is_a_record_with_its_filter():
    done = log("show", "--user", "alice", "--since", "2h")
    tap.equal((done.returncode, done.stderr), (0, ""))
    tap.contains(done.stdout, "alice")
    r = events("log_read")[-1]
    tap.equal(r["filter"], ["show", "--user", "*", "--since", "2h"])
    tap.check(r["actor"].startswith("uid:"), r)
    # whom it was about is personal: sealed, and erased with him
    tap.equal(r["user"], "alice")


@tap.case
def an_export_is_one_too():
    done = log("export", "--format", "jsonl", "--site", "wal\tlet")
    tap.equal((done.returncode, done.stderr), (0, ""))
    tap.equal(events("log_export")[-1]["filter"][:3], ["export", "--format", "jsonl"])


@tap.case
def verify_and_head_read_nothing_of_anybody():
    before = len(front.gate.records(event="log_read"))
    for words in (("verify",), ("head",)):
        tap.equal(log(*words).returncode, 0)
    tap.equal(len(front.gate.records(event="log_read")), before)


@tap.case
def with_nobody_to_tell_it_is_said():
    front.gate.stop()
    done = log("show")
    tap.equal(done.returncode, 0, done.stderr)
    tap.contains(done.stderr, "no record is made of this")
    tap.contains(done.stdout, "alice")
    evidence.verified(front.gate)


tap.main(setup, world.stop)
