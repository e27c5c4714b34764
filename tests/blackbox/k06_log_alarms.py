# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""What is wrong with the log, the clock or a session reaches the admin: at the hook, and a line that says what to do."""
import json
import os
import signal
import sqlite3
import struct
import subprocess
import time

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, block, site
from lib.world import BUILD, World, wait_until

HOOK = "#!/bin/sh\nline=$(cat)\nprintf '%s\\n' \"$line\" >> {out}\n"
POLICY = 'policy "trap" {\n\tdefault allow\n\trule R1 "Nobody who works here asks for this." {\n' \
         '\t\twhen request.path = "/api/trap"\n\t\tthen revoke\n\t}\n}\n'
# The wall clock of one process tree, moved by so many seconds as a file says.
SHIFT = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static volatile long long *shift;
__attribute__((constructor)) static void begin(void)
{
	int fd = open(getenv("CLOCK_SHIFT"), O_RDONLY);
	void *p = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		shift = p;
	close(fd);
}
int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);
	if (r == 0 && id == CLOCK_REALTIME && shift != NULL)
		ts->tv_sec += *shift;
	return (int)r;
}
"""
world = World("logalarm")


def setup():
    global front, backend, out
    folder = world.folder("hook")
    out, program = os.path.join(folder, "facts"), world.write("hook.sh", HOOK.format(out=os.path.join(folder, "facts")))
    os.chmod(program, 0o755)
    backend = start_express(world)
    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express", policy=world.write("trap.policy", POLICY))],
                  timeouts={"commit": "1 s"}, log={"min-free": "16 MiB"}, extra=[block("alarm", [f'command "{program}"', "rate 30 per 1 s burst 30"])], start=False)
    front.gate = world.gate(front.text(), [front.port, front.proxy_port], name=f"warifu-{front.port}", env=dict(os.environ, **clock()))
    front.wait_ready()


def clock():
    """The environment by which `moved` moves the clock."""
    library, source = world.path("shift.so"), world.write("shift.c", SHIFT)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    with open(world.path("shift"), "wb") as f:
        f.write(bytes(8))
    first = [p for word, p in (("address", "libasan.so"), ("thread", "libtsan.so")) if word in os.path.basename(BUILD)]
    runtime = [subprocess.run(["gcc", f"-print-file-name={p}"], capture_output=True, text=True, check=True).stdout.strip() for p in first]
    return {"LD_PRELOAD": " ".join(runtime + [library]), "CLOCK_SHIFT": world.path("shift")}


def moved(seconds):
    with open(world.path("shift"), "r+b", buffering=0) as f:
        f.write(struct.pack("q", seconds))


def facts(event, word=""):
    if not os.path.exists(out):
        return []
    with open(out, encoding="utf-8") as f:
        return [x for x in map(json.loads, f) if x["event"] == event and word in x.get("detail", "")]


def told(word):
    return [line for line in front.gate.log().splitlines() if word in line]


class Stopped:
    def __enter__(self):
        self.pid = front.gate.children()["scribe"]
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *error):
        os.kill(self.pid, signal.SIGCONT)


def works():
    return login_express(front.client(), "alice").status == 303


def log_file():
    folder = os.path.join(os.path.dirname(front.gate.where(["log"])[3]), "log")
    return os.path.join(folder, [n for n in sorted(os.listdir(folder)) if n.startswith("log-") and n.endswith(".db")][-1])


@tap.case
def a_log_that_is_not_written_in_time_is_told_once_and_its_end_too():
    tap.check(works(), "before")
    with Stopped():
        front.client().get("/login")
        one = wait_until(lambda: facts("log_state", "not written within 1000 ms"), 20, "the alarm")
        tap.equal(len(one), 1)
        tap.equal(front.client().post("/login", {"username": "alice", "password": "x"}).status, 503)
        tap.contains(front.gate.cli("status").stdout, "not written in time")
        line = told("ALARM: records are not written")
        tap.equal(len(line), 1)
        for word in ("503", "disk", "scribe, process"):
            tap.contains(line[0], word)
    wait_until(lambda: told("written in time again"), 20, "the line at the end")
    wait_until(works, 20, "logins")
    kept = [r for r in front.gate.records(event="log_state") if r["thread"] == 0xfffe]
    tap.equal([bool(r.get("alarmed")) for r in kept], [True, False], "records: the alarm and its end")
    # again at once: no second line, no second alarm
    with Stopped():
        front.client().get("/login")
        wait_until(lambda: "not written in time" in front.gate.cli("status").stdout, 20, "late again")
        time.sleep(1)
    wait_until(works, 20, "logins")
    tap.equal((len(told("ALARM: records are not written")), len(told("written in time again")), len(facts("log_state", "not written within"))), (1, 1, 1))


@tap.case
def a_log_that_is_full_alarms():
    before = front.counters().get("warifu_alarms_total", 0)
    text = front.text()
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text.replace("min-free 16 MiB", "min-free 1024 GiB"))
    front.gate.cli("reload")
    one = wait_until(lambda: facts("log_state", "counts as full"), 20, "the alarm")[0]
    tap.contains(one["detail"], os.path.dirname(log_file()))
    tap.check(front.counters().get("warifu_alarms_total", 0) > before, "not counted")
    tap.equal(front.client().post("/login", {"username": "alice", "password": "x"}).status, 503)
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text)
    front.gate.cli("reload")
    wait_until(works, 30, "logins")
    tap.check([r for r in front.gate.records(event="log_state") if r.get("alarmed") and "counts as full" in r["detail"]], "no record")


@tap.case
def a_log_that_cannot_be_written_alarms():
    db = sqlite3.connect(log_file(), timeout=30, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        front.client().get("/login")
        one = wait_until(lambda: facts("log_state", "cannot be written"), 30, "the alarm")[0]
        tap.contains(one["detail"], os.path.dirname(log_file()))
        tap.check(told("ALARM: the log cannot be written: "), "no line")
    finally:
        db.execute("ROLLBACK")
        db.close()
    wait_until(works, 30, "logins")


@tap.case
def a_session_that_a_rule_revokes_alarms():
    c = front.client()
    tap.equal(login_express(c, "alice").status, 303)
    session = [r["session"] for r in front.gate.records(event="bind")][-1]
    tap.equal(c.get("/api/me").status, 200)
    tap.equal(c.get("/api/trap").status, 403)
    one = wait_until(lambda: facts("revoke"), 20, "the alarm")[0]
    tap.equal((one["site"], one["session"], one["actor"]), ("wallet", session, "policy"))
    tap.check("alice" not in json.dumps(one) and "127.0.0.1" not in json.dumps(one), one)
    tap.check(c.get("/api/me").status in (302, 303, 403), "the session lives")


@tap.case
def a_clock_that_jumps_alarms():
    moved(90)
    front.client().get("/login")
    one = wait_until(lambda: facts("clock_jump"), 20, "the alarm")[0]
    tap.contains(one["detail"], "by +90.0 s")
    moved(0)
    wait_until(lambda: facts("clock_jump", "by -90.0 s"), 20, "the alarm of the way back")
    wait_until(works, 20, "logins")
    kept = [r for r in front.gate.records(event="clock_jump") if r.get("alarmed")]
    tap.equal([round(r["delta"] / 1e9) for r in kept], [90, -90])


tap.main(setup, world.stop)
