#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Find the tests, run them, count them. The last line is `N passed, N failed`.

What is a test: every built unit program (build/V/tests/test_*), every fuzz target on its
corpus (build/V/fuzz/fuzz_*), and every Python file in lint, oracle, blackbox, attack and
browser whose name does not begin with `_` or `gen_`. All print TAP; a program that crashes, runs
out of time, says nothing or breaks its own plan counts as failed.

A Python test may say how it wants to run, in comment lines near its top:
    # warifu-test: serial          nothing else runs beside it
    # warifu-test: heavy           at most one heavy test at a time (browsers, big bodies)
    # warifu-test: timeout=300     seconds, 120 unless told
    # warifu-test: full            only when its group is asked for (--group lint)
    # warifu-test: pokes           makes processes try system calls outside their sandbox

Each test gets its own TMPDIR and a keeper process that adopts and then ends whatever the
test leaves behind, also daemons that left its process group; leaving something is a failure.

Several trees can be tested in one go, each with its own choice:
    --variant release --variant 'san-thread=unit/test_ring,blackbox/*,!blackbox/w*'
In a tree built with a sanitizer (san-*) a report of any process that the test started, however
deep, is a failure of the test; time-outs are four times longer there.

In every tree a process of warifu that tries a system call outside its sandbox fails the test too.

A test with real processes that failed beside others is run once more, alone (docs/decisions/016):
what passes then is named as unsteady, with all that it said the first time.
"""
import argparse
import copy
import ctypes
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from lib import stalls

SRC = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON_GROUPS = ["lint", "oracle", "blackbox", "attack", "browser"]
GROUPS = ["unit", "fuzz"] + PYTHON_GROUPS
DEFAULT_TIMEOUT = 120
MOST_UNSTEADY = 5  # more at once is no matter of the machine
LINGER = 15  # seconds for what a test stopped to be really gone: a killed one waits for a slow disk too
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Test:
    """One program to run, and afterwards what it said."""

    def __init__(self, group, stem, command, build):
        self.group, self.stem, self.command, self.build = group, stem, command, build
        self.name = self.label = f"{group}/{stem}"
        self.sanitized = os.path.basename(build).startswith("san-")
        self.timeout, self.serial, self.heavy, self.full = DEFAULT_TIMEOUT, False, False, False
        self.pokes = False
        self.passed, self.failed, self.skipped = 0, [], []
        self.broken = False  # crashed, reported by a sanitizer, left its sandbox or a process
        self.begin, self.seconds, self.output, self.stood_still = 0.0, 0.0, "", ""

    def again(self):
        """The same test, to be run anew."""
        other = copy.copy(self)
        other.passed, other.failed, other.skipped, other.serial = 0, [], [], True
        return other

    def read_marks(self, path):
        with open(path, encoding="utf-8") as f:
            head = f.read(3000)
        for mark in re.findall(r"^# warifu-test: *(\S+)", head, re.M):
            if mark.startswith("timeout="):
                self.timeout = int(mark[8:])
            elif mark in ("serial", "heavy", "full", "pokes"):
                setattr(self, mark, True)
            else:
                raise SystemExit(f"{path}: unknown mark {mark!r}")


def find_tests(build, groups):
    """Every test there is, in the order in which it is worth seeing the first red."""
    tests = []
    if "unit" in groups:
        tests += find_programs(build, "tests", "unit", "test_")
    if "fuzz" in groups:
        tests += find_programs(build, "fuzz", "fuzz", "fuzz_")
    for group in PYTHON_GROUPS:
        folder = os.path.join(SRC, "tests", group)
        if group not in groups or not os.path.isdir(folder):
            continue
        for file in sorted(os.listdir(folder)):
            if not file.endswith(".py") or file.startswith(("_", "gen_")):
                continue
            path = os.path.join(folder, file)
            test = Test(group, file[:-3], [sys.executable, path], build)
            test.read_marks(path)
            tests.append(test)
    return tests


def find_programs(build, folder, group, prefix):
    """Built programs whose source still stands (an old build may hold more)."""
    where, tests = os.path.join(build, folder), []
    for file in sorted(os.listdir(where)) if os.path.isdir(where) else []:
        path = os.path.join(where, file)
        source = os.path.join(SRC, "tests", group, file + ".c")
        if not (file.startswith(prefix) and os.path.isfile(path) and os.path.exists(source)):
            continue
        corpus = os.path.join(SRC, "tests", "fuzz", "corpus", file[len(prefix):])
        tests.append(Test(group, file, [path] + ([corpus] if group == "fuzz" else []), build))
    return tests


# --- keeper -------------------------------------------------------------------------------

def prctl(option, value):
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def children_of(root):
    """All living descendants of a process, deepest last."""
    parent = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as f:
                    fields = f.read().rpartition(b")")[2].split()
                if fields[0] != b"Z":
                    parent[int(entry)] = int(fields[1])
            except OSError:
                pass
    found, layer = [], {root}
    while layer:
        layer = {pid for pid, up in parent.items() if up in layer and pid not in found}
        found += sorted(layer)
    return found


def lingering():
    """The names of descendants that do not end by themselves within a moment."""
    end = time.monotonic() + LINGER
    while children_of(os.getpid()) and time.monotonic() < end:
        reap()
        time.sleep(0.05)
    reap()
    names = []
    for pid in children_of(os.getpid()):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
                names.append(f.read().strip().replace(" ", "_"))
        except OSError:
            pass  # ended just now
    return names


def sweep():
    """End every descendant."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid in children_of(os.getpid()):
            try:
                os.kill(pid, how)
            except OSError:
                pass
        for _ in range(20):
            reap()
            if not children_of(os.getpid()):
                break
            time.sleep(0.05)


def reap():
    """Collect what ended, so that nothing stays as a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def keep(command, seconds):
    """Run one command, end it after its time, then end all that it left behind."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def stop(signum, frame):
        sweep()
        os._exit(125)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        code = child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        print(f"# keeper: out of time after {seconds} s", flush=True)
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
        code = 124
    names = lingering()
    sweep()
    if names:
        print(f"# keeper: ended {len(names)} processes left behind: {' '.join(names)}", flush=True)
    os._exit(code if code >= 0 else 128 - code)


# --- running ------------------------------------------------------------------------------

def sanitizer_environment(scratch):
    """Where the reports of all processes go, also of those that changed their user."""
    folder = os.path.join(scratch, "reports")
    os.mkdir(folder)
    os.chmod(folder, 0o1777)
    os.chmod(scratch, 0o711)
    common = f"log_path={folder}/report:exitcode=99:print_suppressions=0:"
    return {"ASAN_OPTIONS": common + "detect_leaks=1:quarantine_size_mb=16:detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": common + "print_stacktrace=1:halt_on_error=1",
            "TSAN_OPTIONS": common + "second_deadlock_stack=1"}


def reports(scratch):
    """[text] of every sanitizer report that the test's processes left."""
    folder, found = os.path.join(scratch, "reports"), []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as f:
            text = f.read().decode("utf-8", "replace").strip()
        if text:
            found.append(text)
    return found


def outside_the_sandbox(scratch):
    """Lines in which a process says that it tried a system call that its role does not have."""
    found = set()
    for folder, _, files in os.walk(scratch):
        for name in files:
            if name.endswith(".log"):
                with open(os.path.join(folder, name), "rb") as f:
                    found |= {line.decode("utf-8", "replace").strip() for line in f
                              if b" is not on its list and was not made" in line}
    return sorted(found)


def run_test(test, keep_files):
    scratch = tempfile.mkdtemp(prefix="warifu-t.")
    env = dict(os.environ, WARIFU_SRC=SRC, WARIFU_BUILD=test.build, TMPDIR=scratch, LC_ALL="C.UTF-8",
               WARIFU_BIN=os.path.join(test.build, "warifu"), WARIFU_TEST=test.name,
               PYTHONPATH=os.path.join(SRC, "tests"), PYTHONUNBUFFERED="1",
               PYTHONDONTWRITEBYTECODE="1")
    if test.sanitized:
        env.update(sanitizer_environment(scratch))
    seconds = test.timeout * (4 if test.sanitized else 1)
    command = [sys.executable, os.path.abspath(__file__), "--keeper", str(seconds)]
    test.begin = time.monotonic()
    log = os.path.join(test.build, "log", test.name.replace("/", "-") + ".log")
    with open(log, "wb") as out:
        code = subprocess.call(command + test.command, env=env, cwd=SRC, stdout=out,
                               stderr=subprocess.STDOUT, start_new_session=True)
        found = reports(scratch)
        for text in found:
            out.write(("\n" + text + "\n").encode())
    test.seconds = time.monotonic() - test.begin
    with open(log, "rb") as f:
        test.output = f.read().decode("utf-8", "replace")
    judge(test, code)
    said = len(test.failed)
    test.failed += ["(sanitizer: " + next((line for line in text.splitlines() if "Sanitizer" in line or
                                           "runtime error" in line), text[:200]) + ")" for text in found]
    test.failed += [f"(sandbox: {line})" for line in outside_the_sandbox(scratch) if not test.pokes]
    test.broken |= len(test.failed) > said or code > 128
    if not keep_files:
        shutil.rmtree(scratch, ignore_errors=True)


def judge(test, code):
    """Counts from the TAP lines; anything that does not add up is a failure."""
    plan, results = None, 0
    for line in test.output.splitlines():
        m = re.match(r"(not )?ok\b *\d* *-? *(.*)$", line)
        if m:
            results += 1
            name, _, skip = m.group(2).partition("# SKIP")
            if m.group(1):
                test.failed.append(m.group(2))
            elif skip.strip():
                test.skipped.append(f"{name.strip()}: {skip.strip()}")
            elif "# SKIP" in line:
                test.failed.append(name.strip() + " (a skip needs a reason)")
            else:
                test.passed += 1
        m = re.match(r"1\.\.(\d+)", line)
        if m:
            plan = int(m.group(1))
        if re.match(r"# keeper: ended \d+", line):
            test.failed.append("(" + line[len("# keeper: ended "):] + ")")
            test.broken = True
    if code != 0 and not test.failed:
        test.failed.append(f"(ended with {describe(code)})")
    elif plan is None:
        test.failed.append("(no plan: it ended early)")
    elif plan != results:
        test.failed.append(f"(plan says {plan}, saw {results})")


def describe(code):
    if code == 124:
        return "time-out"
    if code > 128:
        try:
            return signal.Signals(code - 128).name
        except ValueError:
            pass
    return f"exit code {code}"


class Pool:
    """Starts tests in order, never two heavy ones at a time, serial ones last and alone."""

    def __init__(self, tests, jobs, keep_files, width):
        self.queue = [t for t in tests if not t.serial] + [t for t in tests if t.serial]
        self.jobs, self.keep_files, self.width = jobs, keep_files, width
        self.running, self.done, self.total = [], 0, len(tests)
        self.change = threading.Condition()

    def may_start(self, test):
        if test.serial or any(t.serial for t in self.running):
            return not self.running
        if test.heavy and any(t.heavy for t in self.running):
            return False
        return len(self.running) < self.jobs

    def pick(self):
        """The first that may start; a serial test at the head waits for silence."""
        for test in self.queue:
            if self.may_start(test):
                return test
            if test.serial:
                return None
        return None

    def work(self):
        while True:
            with self.change:
                while self.queue and not (test := self.pick()):
                    self.change.wait()
                if not self.queue:
                    return
                self.queue.remove(test)
                self.running.append(test)
            try:
                run_test(test, self.keep_files)
            except Exception as e:  # a broken runner must not look like a passed test
                test.failed.append(f"(runner: {e!r})")
            with self.change:
                self.running.remove(test)
                self.done += 1
                self.report(test)
                self.change.notify_all()

    def report(self, test):
        state = f"{test.passed} ok" if not test.failed else f"{len(test.failed)} FAILED"
        if test.skipped:
            state += f", {len(test.skipped)} skipped"
        print(f"[{self.done:3}/{self.total}] {test.label:<{self.width}} {state:<14} "
              f"{test.seconds:6.1f} s", flush=True)

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(max(1, self.jobs))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def may_be_unsteady(test):
    """Whether a failure may be the machine's: never where nothing waits for a clock, and of an
    attack only when the machine is known to have stood still."""
    if not test.failed or test.broken or test.group not in ("blackbox", "browser", "attack"):
        return False
    return test.group != "attack" or test.stood_still != ""


def run_again(tests, keep_files, width):
    """[(as it failed, as it went alone)] of the tests that get a second chance, all or none."""
    chosen = [t for t in tests if may_be_unsteady(t)]
    if not chosen or len(chosen) > MOST_UNSTEADY or any(t.failed for t in tests if t not in chosen):
        return []
    print("once more, alone:", flush=True)
    second = [t.again() for t in chosen]
    Pool(second, 1, keep_files, width).run()
    return list(zip(chosen, second))


def print_failures(tests, lines):
    for test in tests:
        if not test.failed:
            continue
        print(f"\n===== {test.label} failed " + "=" * max(4, 60 - len(test.label)))
        if test.stood_still:
            print(f"meanwhile {test.stood_still}")
        tail = test.output.splitlines()
        if len(tail) > lines:
            print(f"... ({len(tail) - lines} lines before)")
        print("\n".join(tail[-lines:]))
        for what in test.failed:
            print(f"----- {test.label}: {what}")


def print_skips(tests):
    for test in tests:
        for what in test.skipped:
            print(f"skipped {test.label}: {what}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--only", action="append", default=[], metavar="GLOB",
                   help="tests whose name (group/stem or stem) matches")
    p.add_argument("--group", action="append", default=[], choices=GROUPS,
                   help="only these groups, their `full` tests too")
    p.add_argument("--without", action="append", default=[], choices=GROUPS)
    p.add_argument("--variant", action="append", default=[], metavar="NAME[=GLOB,!GLOB,...]",
                   help="a tree under build/ to test, and what in it (release, and all)")
    p.add_argument("--list", action="store_true")
    p.add_argument("-j", "--jobs", type=int, default=2)
    p.add_argument("--keep", action="store_true", help="leave the temporary folders")
    p.add_argument("--lines", type=int, default=120, help="of output per failed test")
    return p.parse_args()


def matches(test, globs):
    return any(fnmatch.fnmatch(n, g) for g in globs for n in (test.name, test.stem))


def choose(args, variant, several):
    """The tests of one tree: by its own globs, then by what was asked for as a whole."""
    name, _, wish = variant.partition("=")
    wanted = [g for g in wish.split(",") if g and not g.startswith("!")]
    unwanted = [g[1:] for g in wish.split(",") if g.startswith("!")]
    groups = [g for g in (args.group or GROUPS) if g not in args.without]
    tests = find_tests(os.path.join(SRC, "build", name), groups)
    if not args.group and not args.only:
        tests = [t for t in tests if not t.full]
    for t in tests:
        if several and t.sanitized:
            t.label = f"{t.name} @{name}"
    return [t for t in tests if (not args.only or matches(t, args.only)) and not matches(t, unwanted)
            and (not wanted or matches(t, wanted))]


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "--keeper":
        keep(sys.argv[3:], float(sys.argv[2]))
    args = arguments()
    variants = args.variant or ["release"]
    tests = [t for v in variants for t in choose(args, v, len(variants) > 1)]
    if args.list:
        for t in tests:
            marks = [m for m in ("serial", "heavy", "full") if getattr(t, m)]
            print(f"{t.label}  {' '.join(marks)}".rstrip())
        return 0
    for build in {t.build for t in tests}:
        os.makedirs(os.path.join(build, "log"), exist_ok=True)
    width = max([len(t.label) for t in tests] + [20])
    watch = stalls.Watch(tempfile.gettempdir())
    Pool(tests, args.jobs, args.keep, width).run()
    watch.stop()
    for t in tests:
        t.stood_still = watch.during(t.begin, t.begin + t.seconds)
    unsteady = run_again(tests, args.keep, width)
    print_failures(tests, args.lines)
    steady = {first: second for first, second in unsteady if not second.failed}
    for test in steady:
        print(f"unsteady {test.label}: failed beside others, passed alone" +
              (f" ({test.stood_still})" if test.stood_still else ""))
    tests = [steady.get(t, t) for t in tests]
    print_skips(tests)
    passed, failed, skipped = (sum(t.passed for t in tests), sum(len(t.failed) for t in tests),
                               sum(len(t.skipped) for t in tests))
    if skipped or steady:
        print(f"{skipped} skipped, {len(steady)} unsteady")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
