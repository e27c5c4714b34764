#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make demo`: one stolen cookie, told act by act; then it stays up until Ctrl-C.

    DEMO=once       end after the story: exit code 0 only if everything came out as told
    DEMO_LANG=ja    Japanese (default: by LC_ALL, LC_MESSAGES, LANG)
    DEMO_BROWSER=none  a Python program stands in for Chromium
    DEMO_FOLDER=DIR where the state is (default build/demo)
    DEMO_GEODATA=DIR geo files (default build/geodata)

The process that is started only keeps: its child plays, and whatever way that ends, the
keeper ends every process that is left (it adopts them all).
"""
import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
import traceback

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(SRC, "tests"), os.path.dirname(os.path.abspath(__file__))]

from lib.world import descendants  # noqa: E402
from stage import COOKIE, Stage, have_chromium, have_firefox  # noqa: E402
from story import Story  # noqa: E402
from telling import Teller  # noqa: E402

FOLDER = os.environ.get("DEMO_FOLDER") or os.path.join(SRC, "build", "demo")
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody wants the demo to end."""


def language():
    for name in ("DEMO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "ja" if os.environ[name].startswith("ja") else "en"
    return "en"


def prctl(option, value):
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def end_all():
    """Ask every descendant to end, then make them."""
    for how, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        end = time.monotonic() + seconds
        while (left := descendants(os.getpid())) and time.monotonic() < end:
            for pid in left:
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)
            reap()


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def keep(play):
    """Run play() in a child; returns its exit code when nothing of it is left."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        os._exit(play())
    # Ctrl-C reaches the child too; kill reaches only us, so it is passed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, frame: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    end_all()
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1


def stop(number, frame):
    for s in STOPS:
        signal.signal(s, signal.SIG_IGN)
    raise Stopped()


def opening(tell, stage):
    tell.fact("console", f"https://{stage.address}/")
    tell.fact("geo", tell.text(stage.geo), None if stage.geo == "geo-real" else "yellow")
    if not have_chromium():
        tell.say("no-browser", "yellow")


def look(tell, stage, story):
    """What the reader can do now."""
    tell.chapter("look-title")
    tell.say("look-open")
    tell.command(f"https://{stage.address}/")
    tell.say("look-abroad")
    tell.command(f"https://{stage.address.split(':')[0]}:{stage.abroad.port}/")
    tell.say("look-curl", cookie=COOKIE)
    tell.command(f"curl -k -b {COOKIE}=... https://{stage.address}/api/balances")
    tell.say("look-log")
    tell.command(stage.command("log", "show"))
    tell.command(stage.command("log", "show", "--verdict", "challenge"))
    tell.command(stage.command("log", "verify"))
    tell.command(stage.command("log", "show", "-v", "--record", str(story.rows[0][1][1].record["record"])))
    alice, thief = (os.path.relpath(story.picture(who)) for who in ("alice", "thief"))
    if os.path.exists(thief):
        tell.say("pictures", alice=alice, thief=thief, n=story.pictured)
    tell.say("look-session")
    tell.command(stage.command("session", "list"))
    tell.say("look-ca", ca=os.path.relpath(stage.front.ca), port=stage.office.port, abroad=stage.abroad.port)


def verdict(tell):
    tell.line()
    if tell.faults:
        tell.line("   " + tell.text("some-false", faults=len(tell.faults), n=tell.checks), "red")
        for fault in tell.faults:
            tell.line("   ✗ " + fault, "red")
    else:
        tell.line("   " + tell.text("all-true", n=tell.checks), "green")
    return 1 if tell.faults else 0


def play():
    tell = Teller(language())
    for s in STOPS:
        signal.signal(s, stop)
    stage, once, code = None, os.environ.get("DEMO") == "once", 1
    try:
        tell.line()
        tell.line("   " + tell.text("title"), "bold")
        tell.line()
        tell.say("intro")
        tell.line()
        stage = Stage(FOLDER)
        stage.up()
        opening(tell, stage)
        story = Story(stage, tell)
        story.tell_all()
        code = verdict(tell)
        if not once:
            stage.close_browsers()
            look(tell, stage, story)
            tell.line()
            tell.line("   " + tell.text("stop"), "bold")
            threading.Event().wait()
    except Stopped:
        tell.line()
    except Exception as e:
        code = 1
        tell.line()
        tell.words(tell.text("broken", why=e), "red")
        with open(os.path.join(FOLDER, "broken.log"), "w", encoding="utf-8") as f:
            traceback.print_exc(file=f)
        if stage:
            stage.world.dump(20)
    finally:
        if stage:
            stage.down()
            tell.line("   " + tell.text("stopped", folder=os.path.relpath(FOLDER)), "dim")
    return code


def main():
    os.umask(0o022)
    os.makedirs(FOLDER, exist_ok=True)
    lock = os.open(os.path.join(FOLDER, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("   " + Teller(language()).text("busy"), file=sys.stderr)
        return 1
    return keep(play)


if __name__ == "__main__":
    sys.exit(main())
