# SPDX-License-Identifier: Apache-2.0
"""The runner itself: what counts as passed, failed, skipped and unsteady, that nothing is left running, and that no
sanitizer's report is lost."""
import os
import re
import shutil
import subprocess
import time

from lib import tap
from lib.world import SRC, World, run_quiet

PROGRAMS = {
    "b01_good": "print('ok 1 - a'); print('ok 2 - b'); print('1..2')",
    "b02_bad": "print('ok 1 - a'); print('not ok 2 - the second'); print('1..2'); raise SystemExit(1)",
    "b03_crash": "print('ok 1 - a', flush=True); import os; os.abort()",
    "b04_short": "print('ok 1 - a'); print('1..3')",
    "b05_silent": "pass",
    "b06_slow": "# warifu-test: timeout=1\nimport time; print('ok 1 - a', flush=True); time.sleep(60)",
    "b07_skip": "print('ok 1 - a'); print('ok 2 - b # SKIP no such hardware'); print('1..2')",
    "b08_lazy": "print('ok 1 - b # SKIP'); print('1..1')",
    "b09_daemon": "import subprocess; p = subprocess.Popen(['sleep', '4321'], start_new_session=True)\n"
                  "import os; open(os.environ['PIDFILE'], 'w').write(str(p.pid)); print('ok 1 - a'); print('1..1')",
    "b10_late": "print('ok 1 - a'); print('1..1'); raise SystemExit(3)",
    "_draft_x": "raise SystemExit('a draft was run')",
    "gen_x": "raise SystemExit('a generator was run')",
}


# One mistake per sanitizer, made by a program that a test starts and whose end it does not look at.
PLANTED = {
    "p01_use_after_free": ("address", "heap-use-after-free", "char *volatile p = malloc(9); free(p); return p[2];"),
    "p02_leak": ("address", "detected memory leaks", "void *volatile p = malloc(9); p = 0; return p != 0;"),
    "p03_overflow": ("undefined", "signed integer overflow", "volatile int n = 2147483647; n = n + 1; return n == 0;"),
    "p04_race": ("thread", "data race", "pthread_t t; pthread_create(&t, 0, add, 0); add(0); pthread_join(t, 0);"),
}
C_HEAD = """#include <pthread.h>
#include <stdlib.h>
static int sum;
static void *add(void *a) { for (int i = 0; i < 10000; i++) sum++; return a; }
int main(int argc, char **argv) { (void)argv; if (argc > 9) add(0); """
TEST = """import subprocess, os
subprocess.run(["sh", "-c", {program!r} + " >/dev/null 2>&1; true"])
print("ok 1 - nobody looked"); print("1..1")
"""


# Fails the first time and passes the second.
FIRST_TIME = """import os
mark = os.path.join(os.environ["MARKS"], os.environ["WARIFU_TEST"].replace("/", "-"))
if os.path.exists(mark):
    print("ok 1 - on time"); print("1..1"); raise SystemExit(0)
open(mark, "w").close()
"""
LATE = FIRST_TIME + "print('not ok 1 - on time'); print('1..1'); raise SystemExit(1)\n"
LEFT = FIRST_TIME + "import subprocess; subprocess.Popen(['sleep', '4321'], start_new_session=True); print('ok 1 - a'); print('1..1')\n"
CRASHED = FIRST_TIME + "os.abort()\n"
# Stops the runner for three seconds, as a machine that stands still would, and fails.
STALLED = FIRST_TIME + """import signal, subprocess
with open(f"/proc/{os.getppid()}/stat", encoding="utf-8") as f:
    runner = int(f.read().rpartition(")")[2].split()[1])
os.kill(runner, signal.SIGSTOP)
subprocess.run(["sh", "-c", f"sleep 3; kill -CONT {runner}"])
print("not ok 1 - on time"); print("1..1"); raise SystemExit(1)
"""


def runner_in(folder):
    """A copy of the runner above a folder of tests."""
    os.makedirs(folder)
    top = os.path.dirname(folder)
    os.makedirs(os.path.join(top, "lib"), exist_ok=True)
    for file in ("run.py", "lib/stalls.py"):
        shutil.copy(os.path.join(SRC, "tests", file), os.path.join(top, file))


def second_chance(world, name, programs):
    """What a tree with these programs ends with: {group/stem: text}."""
    for test, text in programs.items():
        group, stem = test.split("/")
        folder = world.path(name, "tests", group)
        if not os.path.isdir(folder):
            runner_in(folder)
        world.write(os.path.join(folder, stem + ".py"), text)
    os.makedirs(world.path(name, "marks"))
    env = dict(os.environ, MARKS=world.path(name, "marks"))
    done = subprocess.run([world.path(name, "tests", "run.py")], env=env, capture_output=True, text=True)
    return done.stdout, done.stdout.splitlines()[-1], done.returncode


def plant(world):
    """A tree of its own with programs that were built with sanitizers, and tests that start them."""
    folder = world.path("planted", "tests", "attack")
    runner_in(folder)
    for name, (sanitizer, _, body) in PLANTED.items():
        program = world.path(name)
        world.write(name + ".c", C_HEAD + body + " return 0; }\n")
        run_quiet("gcc", "-g", "-w", "-pthread", f"-fsanitize={sanitizer}", "-o", program, program + ".c")
        with open(os.path.join(folder, name + ".py"), "w", encoding="utf-8") as f:
            f.write(TEST.format(program=program))
    with open(os.path.join(folder, "p05_clean.py"), "w", encoding="utf-8") as f:
        f.write(TEST.format(program="true"))


def run(world, *options):
    """A tree with these programs and a copy of the runner; its output and code."""
    folder = world.path("tree", "tests", "blackbox")
    if not os.path.isdir(folder):
        runner_in(folder)
        for name, text in PROGRAMS.items():
            with open(os.path.join(folder, name + ".py"), "w", encoding="utf-8") as f:
                f.write(text + "\n")
    env = dict(os.environ, PIDFILE=world.path("pid"))
    done = subprocess.run([world.path("tree", "tests", "run.py"), *options], env=env, capture_output=True, text=True)
    return done.stdout, done.returncode


with World("runner") as world:
    output, code = run(world)

    def line(name):
        return re.search(rf"^\[.*blackbox/{name} +(.*?) +[\d.]+ s$", output, re.M).group(1)

    def counts_what_programs_say():
        tap.equal(line("b01_good"), "2 ok")
        tap.equal(line("b02_bad"), "1 FAILED")
        tap.equal(line("b07_skip"), "1 ok, 1 skipped")

    def a_crash_a_timeout_and_a_lie_are_failures():
        for name in ("b03_crash", "b04_short", "b05_silent", "b06_slow", "b08_lazy", "b10_late"):
            tap.equal(line(name), "1 FAILED", name)
        for part in ("SIGABRT", "time-out", "plan says 3, saw 1", "no plan", "a skip needs a reason", "exit code 3"):
            tap.contains(output, part)

    def the_last_line_counts_all():
        tap.equal(output.splitlines()[-2:], ["1 skipped, 0 unsteady", "9 passed, 8 failed"])
        tap.equal(code, 1)

    def leaving_a_process_is_a_failure_and_nothing_stays_behind():
        tap.equal(line("b09_daemon"), "1 FAILED")
        tap.contains(output, "----- blackbox/b09_daemon: (1 processes left behind: sleep)")
        with open(world.path("pid"), encoding="ascii") as f:
            pid = int(f.read())
        time.sleep(0.1)
        tap.check(not os.path.exists(f"/proc/{pid}"), "the daemon lives")

    def one_can_choose():
        some, result = run(world, "--only", "b01*", "--only", "blackbox/b0[18]*")
        tap.equal((some.splitlines()[-1], result), ("2 passed, 1 failed", 1))
        listed, _ = run(world, "--list")
        tap.equal(len(listed.splitlines()), 10, "drafts and generators are not tests")
        none, result = run(world, "--only", "nothing")
        tap.equal((none.splitlines()[-1], result), ("0 passed, 0 failed", 1), "running nothing is no success")

    def a_sanitizers_report_of_any_process_fails_the_test():
        plant(world)
        done = subprocess.run([world.path("planted", "tests", "run.py"), "--variant", "san-planted"],
                              capture_output=True, text=True)
        for name, (_, words, _) in PLANTED.items():
            tap.check(re.search(rf"^----- attack/{name}: \(sanitizer: .*{words}", done.stdout, re.M), f"{name}\n{done.stdout}")
        tap.equal((done.stdout.splitlines()[-1], done.returncode), ("5 passed, 4 failed", 1))

    def what_passes_alone_is_named_as_unsteady():
        out, last, result = second_chance(world, "late", {"blackbox/b01_late": LATE,
                                                          "blackbox/b02_good": PROGRAMS["b01_good"]})
        tap.equal((last, result), ("3 passed, 0 failed", 0), out)
        for part in ("===== blackbox/b01_late failed", "unsteady blackbox/b01_late: failed beside others, passed alone",
                     "0 skipped, 1 unsteady"):
            tap.contains(out, part)

    def an_attack_a_crash_and_a_parser_get_no_second_chance():
        for name, test, program in (("thief", "attack/b01_late", LATE), ("crash", "blackbox/b01_crash", CRASHED),
                                    ("pure", "oracle/b01_late", LATE), ("left", "blackbox/b01_left", LEFT)):
            out, last, result = second_chance(world, name, {test: program})
            tap.equal((last.endswith("1 failed"), result), (True, 1), out)
            tap.check("once more" not in out, out)

    def an_attack_gets_one_if_the_machine_stood_still():
        out, last, result = second_chance(world, "stalled", {"attack/b01_stalled": STALLED})
        tap.equal((last, result), ("1 passed, 0 failed", 0), out)
        tap.contains(out, "meanwhile the processor stood still for ")

    def many_at_once_are_no_matter_of_the_machine():
        out, last, result = second_chance(world, "many", {f"blackbox/b{n:02}_late": LATE for n in range(6)})
        tap.equal((last, result), ("0 passed, 6 failed", 1), out)

    def several_trees_are_counted_together():
        some, result = run(world, "--variant", "release=b01*,b07*,!*_skip", "--variant", "san-planted=b01*")
        tap.check("blackbox/b01_good @san-planted" in some, some)
        tap.equal((some.splitlines()[-1], result), ("4 passed, 0 failed", 0))

    for fn in (counts_what_programs_say, a_crash_a_timeout_and_a_lie_are_failures, the_last_line_counts_all,
               leaving_a_process_is_a_failure_and_nothing_stays_behind, one_can_choose,
               a_sanitizers_report_of_any_process_fails_the_test,
               what_passes_alone_is_named_as_unsteady, an_attack_a_crash_and_a_parser_get_no_second_chance,
               an_attack_gets_one_if_the_machine_stood_still, many_at_once_are_no_matter_of_the_machine, several_trees_are_counted_together):
        tap.run(fn.__name__, fn)
tap.finish()
