# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
# warifu-test: pokes
"""Started as root: each process is somebody of its own, and none can reach what is another's.

The users are made for this test and removed behind it. What a process could do if it were taken
over is asked in unit/test_sandbox; here the real children are looked at from outside, and what
their users may open is tried by a program that runs as them.
"""
import fcntl
import grp
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile

from lib import tap
from lib.backend import start_express, login_express
from lib.settings import Front, block, site
from lib.world import BIN, BUILD, SLOW, World, command_line, descendants, free_ports, wait_until

ROLES = ("scribe", "gate", "portal", "console")
TAG = f"wft{os.getpid() % 100000}"
USERS = {role: f"{TAG}-{role[:2]}" for role in ROLES}
SANITIZED = SLOW > 1
GETPRIORITY, EXECVE = 140, 59  # x86-64

if os.geteuid() != 0:
    tap.run("privileges", lambda: tap.skip("only root can give each process a user of its own"))
    tap.finish()


def alone(fn):
    """useradd and userdel give up when another one is at work: one of these tests at a time."""
    with open(os.path.join(tempfile.gettempdir() if not os.path.isdir("/run/lock") else "/run/lock", "warifu-test-users"),
              "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        return fn()


def remove_users():
    for name in USERS.values():
        alone(lambda who=name: subprocess.run(["userdel", "-f", who], stderr=subprocess.DEVNULL, check=False))


class RootWorld(World):
    """Everything is root's here, as on a machine where an init system starts warifu."""

    def __init__(self, name):
        super().__init__(name)
        self.user = None
        os.chmod(os.path.dirname(self.dir), 0o711)


world = RootWorld("rootly")
backend = console_port = front = None


def settings():
    return dict(users={r: f'"{USERS[r]}"' for r in ROLES},
                extra=[block("console", [f'listen "127.0.0.1:{console_port}"'] + CONSOLE)])


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def children():
    """{role: pid}, by the name that each process gave itself."""
    found = {}
    for pid in descendants(front.gate.pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                found[f.read().strip()] = pid
        except OSError:
            pass
    return found


def all_children():
    wait_until(lambda: set(children()) == set(ROLES), 20, "four children")
    return children()


def as_user(role, program, *args):
    """Runs a few lines of Python as a role's user; its exit status."""
    who = pwd.getpwnam(USERS[role])
    return subprocess.run([sys.executable, "-c", program, *map(str, args)], user=who.pw_uid, group=who.pw_gid,
                          extra_groups=[], cwd="/", stderr=subprocess.PIPE, text=True)


OPEN = "import sys, os; os.close(os.open(sys.argv[1], int(sys.argv[2])))"
CONNECT = "import sys, socket; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
PTRACE = ("import sys, ctypes; c = ctypes.CDLL(None, use_errno=True); "
          "sys.exit(0 if c.ptrace(16, int(sys.argv[1]), 0, 0) == 0 else 1)")


def state(*parts):
    return os.path.join(world.dir, f"state{front.port}", *parts)


def check_child(role, pid):
    who, s = pwd.getpwnam(USERS[role]), status(pid)
    tap.equal(s["Uid"].split(), [str(who.pw_uid)] * 4, f"{role}: uid")
    tap.equal(s["Gid"].split(), [str(who.pw_gid)] * 4, f"{role}: gid")
    tap.equal(s["Groups"].strip(), "", f"{role}: groups")
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        tap.equal(int(s[kind], 16), 0, f"{role}: {kind}")
    tap.equal(s["NoNewPrivs"], "1", role)
    if not SANITIZED:
        tap.equal(s["Seccomp"], "2", role)
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        core = [line for line in f if line.startswith("Max core")][0].split()
    tap.equal(core[4:6], ["0", "0"], f"{role}: core dumps")
    # Memory that may not be dumped is root's in /proc, whoever the process is.
    if not SANITIZED:
        tap.equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, f"{role}: can be traced by its own user")


@tap.case
def missing_users_are_told_with_the_command_that_makes_them():
    lost = Front(world, [site("w", "wallet.test", 1, recipe="express")], start=False, **settings())
    path = world.write("missing.conf", lost.text())
    ask = lambda word: subprocess.run([BIN, word, "-c", path], capture_output=True, text=True, timeout=60)
    done = ask("check")
    tap.equal(done.returncode, 1, done.stderr)
    for user in USERS.values():
        tap.contains(done.stderr, "useradd --system --user-group --no-create-home --home-dir /nonexistent "
                     f"--shell /usr/sbin/nologin {user}")
    done = ask("run")
    tap.equal(done.returncode, 1, done.stderr)
    tap.contains(done.stderr, f"for u in {USERS['scribe']} {USERS['gate']} {USERS['portal']} {USERS['console']}; do "
                 "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell "
                 "/usr/sbin/nologin \"$u\"; done")
    command = [line.strip() for line in done.stderr.splitlines() if "useradd" in line][0]
    done = alone(lambda: subprocess.run(["sh", "-ec", command], capture_output=True, text=True))
    tap.equal((done.returncode, done.stderr), (0, ""), command)
    for role in ROLES:
        tap.equal(pwd.getpwnam(USERS[role]).pw_shell, "/usr/sbin/nologin")
        tap.equal(grp.getgrnam(USERS[role]).gr_mem, [])


@tap.case
def it_serves_as_root_with_a_user_for_each():
    global front
    front = Front(world, [site("w", "wallet.test", backend.port, recipe="express")], **settings())
    owner = front.client("wallet.test")
    tap.check(login_express(owner, "alice").status in (200, 302, 303), "login")
    tap.check(front.gate.records(kind="decision"), "no decision in the log")


@tap.case
def each_process_is_its_own_user_and_has_no_privilege():
    for role, pid in all_children().items():
        check_child(role, pid)


@tap.case
def no_child_keeps_a_descriptor_that_is_anothers():
    kids = all_children()
    links = {role: [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
             for role, pid in kids.items()}
    for role in ROLES:
        bundle = [l for l in links[role] if "warifu-bundle" in l]
        tap.equal(len(bundle) > 0, role == "gate", f"{role} and the private keys: {bundle}")
        lock = [l for l in links[role] if l.endswith("/lock")]
        tap.equal(len(lock) > 0, role == "scribe", f"{role} and the lock of the state folder: {lock}")
    tap.check(len(links["portal"]) < 16, links["portal"])
    tap.check(len(links["console"]) < 16, links["console"])


@tap.case
def only_the_scribe_has_the_master_key_in_memory():
    if SANITIZED:
        tap.skip("a sanitizer's memory is too large to search")
    with open(state("master.key"), "rb") as f:
        stored = f.read()
    with open(state("secret"), "rb") as f:
        secret = f.read()
    key = master_bytes(stored)
    for role, pid in all_children().items():
        tap.equal(in_memory(pid, key), role == "scribe", f"{role}: the master key")
        tap.equal(in_memory(pid, secret[:32]), role == "gate", f"{role}: the key of credentials")
        tap.equal(in_memory(pid, secret[32:]), role == "gate", f"{role}: the secret of tickets")
        tap.equal(in_memory(pid, private_lines()), role == "gate", f"{role}: the private key of the site")


def master_bytes(stored):
    """The key's bytes: the file holds them as they are or as hexadecimal digits."""
    text = stored.strip()
    if len(text) >= 64 and all(c in b"0123456789abcdefABCDEF" for c in text[-64:]):
        return bytes.fromhex(text[-64:].decode())
    return stored[-32:]


def private_lines():
    with open(front.key, "rb") as f:
        return f.read().split(b"\n")[1]


def in_memory(pid, needle):
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            words = line.split()
            start, end = (int(x, 16) for x in words[0].split("-"))
            if not words[1].startswith("r") or words[-1] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            at, tail = start, b""
            while at < end:
                try:
                    mem.seek(at)
                    chunk = mem.read(min(1 << 20, end - at))
                except OSError:
                    break
                if not chunk:
                    break
                if needle in tail + chunk:
                    return True
                tail, at = chunk[-len(needle):], at + len(chunk)
    return False


@tap.case
def files_and_sockets_belong_to_those_who_need_them():
    owner = lambda path: (pwd.getpwuid(os.stat(path).st_uid).pw_name, os.stat(path).st_mode & 0o777)
    tap.equal(owner(state("log")), (USERS["scribe"], 0o700))
    tap.equal(owner(state("master.key")), ("root", 0o600))
    tap.equal(owner(state("secret")), ("root", 0o600))
    tap.equal(owner(state("control.sock")), ("root", 0o600))
    tap.equal(owner(state("portal.sock")), (USERS["gate"], 0o600))
    for name in os.listdir(state("log")):
        who, mode = owner(state("log", name))
        tap.equal((who, mode & 0o077), (USERS["scribe"], 0), name)


@tap.case
def no_user_of_ours_opens_what_is_anothers():
    log = [state("log", n) for n in os.listdir(state("log"))]
    for role in ROLES:
        for path in [state("master.key"), state("secret"), front.key] + (log if role != "scribe" else []):
            done = as_user(role, OPEN, path, os.O_RDONLY)
            tap.contains(done.stderr, "PermissionError", f"{role} read {path}")
        for name in ("x", "lock"):
            done = as_user(role, OPEN, state(name), os.O_RDWR | os.O_CREAT)
            tap.contains(done.stderr, "PermissionError", f"{role} wrote into the state folder")
        tap.equal(as_user(role, CONNECT, state("portal.sock")).returncode == 0, role == "gate", f"{role} → portal")
        tap.contains(as_user(role, CONNECT, state("control.sock")).stderr, "PermissionError", f"{role} → control")


@tap.case
def no_user_of_ours_traces_any_of_us():
    if SANITIZED:
        tap.skip("a sanitizer traces its own process, so that this lock is open in its build")
    kids = all_children()
    for role in ROLES:
        for other, pid in [*kids.items(), ("supervisor", front.gate.pid)]:
            tap.equal(as_user(role, PTRACE, pid).returncode, 1, f"{role} traced {other}")


@tap.case
def the_portal_takes_the_gate_only():
    s = socket.socket(socket.AF_UNIX)
    s.connect(state("portal.sock"))  # root may connect; the portal looks who it is
    s.settimeout(10)
    try:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        got = s.recv(100)
    except ConnectionError:
        got = b""
    tap.equal(got, b"")
    s.close()


def poke(pid, number):
    """Has a process make a system call, as somebody who took it over would."""
    if SANITIZED:
        tap.skip("a build with sanitizers has no list of system calls")
    done = subprocess.run([os.path.join(BUILD, "tools", "poke"), str(pid), str(number)], capture_output=True, text=True,
                          timeout=30)
    if done.returncode == 4:
        tap.skip(done.stderr)
    return done


def alarms():
    return [r["detail"] for r in front.gate.records(event="alarm")]


@tap.case
def a_call_outside_its_list_is_not_made_and_raises_an_alarm():
    for role in ROLES:
        pid = all_children()[role]
        done = poke(pid, GETPRIORITY)
        tap.equal((done.returncode, done.stdout, done.stderr), (0, "-38\n", ""), f"{role}: ENOSYS")
        wait_until(lambda: any(a.startswith(f"{role} tried 1 system call") for a in alarms()), 10, f"alarm for {role}")
        tap.equal(all_children()[role], pid, "it goes on")
    tap.check(front.client("wallet.test").get("/login").status == 200, "and serves")


@tap.case
def a_call_that_no_honest_run_makes_kills_and_raises_an_alarm():
    for role in ROLES:
        pid = all_children()[role]
        tap.equal(poke(pid, EXECVE).returncode, 3, f"{role} lives on after execve")
        wait_until(lambda: f"{role} was killed for a system call that no honest run makes" in alarms(), 20, f"alarm for {role}")
        wait_until(lambda: children().get(role) not in (None, pid), 20, f"{role} again")


@tap.case
def who_is_started_again_is_as_small_as_before():
    before = all_children()
    for role in ROLES:
        os.kill(before[role], signal.SIGKILL)
        wait_until(lambda: children().get(role) not in (None, before[role]), 15, f"{role} again")
    wait_until(lambda: status(children()["gate"]).get("Seccomp") == "2" or SANITIZED, 10, "the gate's sandbox")
    answer = lambda: front.client("wallet.test").get("/login").status
    wait_until(lambda: answer() != 503, 20, "a loaded gate")
    for role, pid in all_children().items():
        wait_until(lambda: int(status(pid)["CapBnd"], 16) == 0, 10, role)
        check_child(role, pid)


@tap.case
def all_end_together():
    kids = all_children()
    tap.equal(front.gate.stop(20), 0)
    wait_until(lambda: not any("warifu" in command_line(p) for p in kids.values()), 5, "children gone")


def setup():
    global backend, console_port, CONSOLE
    backend = start_express(world)
    console_port = free_ports(9)[8]  # beyond those that the gate will take
    CONSOLE = console_lines()


def console_lines():
    ca, cert, key = world.certs("localhost")
    return [f'certificate "{cert}"', f'key "{key}"', f'client-ca "{ca}"']


def teardown():
    world.stop()
    remove_users()


CONSOLE = []
tap.main(setup, teardown)
