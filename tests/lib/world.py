# SPDX-License-Identifier: Apache-2.0
"""A small world for a test: a folder, free ports, processes, certificates, a gate.

    with World() as w:
        backend = w.add(RawBackend(...))            # anything with .stop()
        gate = w.gate(settings(...))                # `warifu run -c CONF`
        ...

All ends with the `with`: processes are stopped newest first. When a case fails, the tail
of each process's log is printed (world registers itself with tap).
"""
import json
import os
import re
import pwd
import signal
import socket
import subprocess
import tempfile
import time

from lib import tap

SRC = os.environ.get("WARIFU_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("WARIFU_BUILD", os.path.join(SRC, "build", "release"))
BIN = os.environ.get("WARIFU_BIN", os.path.join(BUILD, "warifu"))
TOOLS = os.path.join(BUILD, "tools")
NODE = os.path.join(SRC, "build", "node")
SLOW = 4 if "san-" in BUILD else 1  # sanitizers: allow waits this many times longer


GATHERED = 0.06  # seconds after which what nobody waits for is in the log (the scribe gathers for 20 ms)
GIVEN = set()  # ports that this process was given: whoever got one may not listen yet


def free_ports(n):
    """n different free TCP ports of 127.0.0.1; none comes twice in one process.
    Below the kernel's ephemeral range, so that no outgoing connection takes one meanwhile."""
    held, ports = [], []
    start = 10000 + (os.getpid() * 37) % 20000
    for offset in range(20000):
        port = 10000 + (start - 10000 + offset) % 20000
        if port in GIVEN:
            continue
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
            continue
        held.append(s)
        ports.append(port)
        if len(ports) == n:
            break
    for s in held:
        s.close()
    GIVEN.update(ports)
    return ports


def free_port():
    return free_ports(1)[0]


def wait_until(question, seconds=10, what="condition", every=0.05):
    """Ask until the answer is true; returns it. Waits longer under sanitizers."""
    end = time.monotonic() + seconds * SLOW
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise tap.Failure(f"waited {seconds * SLOW} s for: {what}")
        time.sleep(every)


def port_open(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


class Process:
    """A program with its log in a file. Stopped with SIGTERM, then SIGKILL."""

    def __init__(self, name, command, folder, env=None, user=None):
        self.name, self.command = name, [str(c) for c in command]
        self.log_path = os.path.join(folder, f"{name}.log")
        extra = {}
        if user:
            who = pwd.getpwnam(user)
            extra = dict(user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=subprocess.STDOUT, cwd=folder, env=env, **extra)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def log(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def wait_log(self, text, seconds=15):
        wait_until(lambda: text in self.log() or not self.alive(), seconds, f"{text!r} from {self.name}")
        tap.contains(self.log(), text, self.name)

    def wait_port(self, port, seconds=15):
        wait_until(lambda: port_open(port) or not self.alive(), seconds, f"port {port} of {self.name}")
        tap.check(self.alive(), f"{self.name} ended with {self.popen.poll()}")

    def kill(self, how=signal.SIGKILL):
        if self.alive():
            self.popen.send_signal(how)

    def stop(self, seconds=5):
        self.kill(signal.SIGTERM)
        try:
            return self.popen.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.wait()

    def rss(self):
        """Resident bytes of this process and its descendants: {pid: bytes}."""
        return {pid: rss_of(pid) for pid in [self.pid] + descendants(self.pid)}


def descendants(pid):
    found, layer = [], [pid]
    while layer:
        up = layer.pop()
        try:
            with open(f"/proc/{up}/task/{up}/children", encoding="ascii") as f:
                kids = [int(k) for k in f.read().split()]
        except OSError:
            kids = []
        found += kids
        layer += kids
    return found


def rss_of(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def passable(folder):
    """Others may go through the folder; what else they may is left as it is (it can be /tmp itself)."""
    os.chmod(folder, os.stat(folder).st_mode & 0o7777 | 0o011)


class World:
    """See the head of this file."""

    def __init__(self, name="world", folder=None):
        self.dir = folder or tempfile.mkdtemp(prefix=f"{name[:8]}.")
        self.things = []
        self.user = unprivileged_user()
        os.chmod(self.dir, 0o755)
        if self.user:  # the gate's user must reach it: TMPDIR is 0700 and root's
            passable(os.path.dirname(self.dir))
        tap.on_failure(self.dump)
        tap.on_end(self.stop)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def folder(self, name, mine=True):
        """A sub-folder; owned by the unprivileged user unless it is only ours."""
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        if mine and self.user:
            who = pwd.getpwnam(self.user)
            os.chown(path, who.pw_uid, who.pw_gid)
        return path

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def add(self, thing):
        """Have this thing's stop() called at the end."""
        self.things.append(thing)
        return thing

    def process(self, name, command, env=None, user=None):
        return self.add(Process(name, command, self.dir, env, user))

    def stop(self):
        while self.things:
            self.things.pop().stop()

    def dump(self, lines=60):
        for thing in self.things:
            log = getattr(thing, "log", None)
            if callable(log):
                tail = log().splitlines()[-lines:]
                tap.note(f"--- log of {thing.name} ({'alive' if thing.alive() else 'ended'})")
                for line in tail:
                    tap.note("  " + line)

    def certs(self, *hosts):
        """A throw-away CA and one leaf for the hosts; returns (ca, cert, key) paths."""
        return make_certs(self.folder("pki"), hosts, self.user)

    def gate(self, conf, ready_ports=(), name="warifu", env=None, under=()):
        """Write the settings, start `warifu run` (under another program), wait until it listens."""
        path = self.write(f"{name}.conf", conf)
        gate = Gate(name, path, self.dir, self.user, env, under=under)
        self.add(gate)
        for port in ready_ports:
            gate.wait_port(port, 30)
        return gate


def lives(pid):
    """A zombie that nobody has waited for is dead."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Gate(Process):
    """`warifu run` with its settings, as a normal user, and its command line tools."""

    def __init__(self, name, conf, folder, user, env=None, program=BIN, under=()):
        self.conf, self.user, self.folder = conf, user, folder
        super().__init__(name, [*under, program, "run", "-c", conf], folder, env, user)

    def cli(self, *words, check=True, stdin=None, seconds=30):
        """Run `warifu WORDS… -c CONF` as the same user; returns the finished process."""
        extra = {}
        if words[0] == "log" and self.alive():
            time.sleep(GATHERED * SLOW)
        if self.user:
            who = pwd.getpwnam(self.user)
            extra = dict(user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        done = subprocess.run([BIN, str(words[0]), *(self.where(words) if words[0] != "log" else []), *map(str, words[1:]), *(self.where(words) if words[0] == "log" else [])], capture_output=True,
                              text=True, input=stdin, timeout=seconds * SLOW, cwd=self.folder, **extra)
        if check and done.returncode != 0:
            raise tap.Failure(f"warifu {' '.join(map(str, words))}: {done.returncode}\n"
                              f"{done.stdout}{done.stderr}")
        return done

    def where(self, words):
        """How a command finds this warifu: the log is read from its files, all else by settings."""
        if words[0] != "log":
            return ["-c", self.conf]
        text = open(self.conf, encoding="utf-8").read()
        state = re.search(r'^state "(.*)"', text, re.M).group(1)
        folder = re.search(r'^\tfolder "(.*)"', text, re.M)
        return ["--state", folder.group(1) if folder else os.path.join(state, "log"), "--key", os.path.join(state, "master.key")]

    def records(self, **wanted):
        """The log as dictionaries; keyword arguments filter by equal values."""
        out = self.cli("log", "export", "--format", "jsonl").stdout
        all_of_them = [json.loads(line) for line in out.splitlines() if line.strip()]
        return [r for r in all_of_them if all(r.get(k) == v for k, v in wanted.items())]

    def reload(self):
        self.popen.send_signal(signal.SIGHUP)

    def children(self):
        """{role: pid} of the supervisor's children: gate, scribe, portal, console."""
        roles = {}
        for pid in descendants(self.pid):
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                    roles[f.read().strip()] = pid
            except OSError:
                pass  # it has just ended
        return roles


def unprivileged_user():
    """`nobody` when we are root and nobody can reach the program; else None (stay as we are)."""
    if os.geteuid() != 0:
        return None
    who = pwd.getpwnam("nobody")
    reach = subprocess.run(["test", "-r", os.path.join(SRC, "Makefile")], user=who.pw_uid,
                           group=who.pw_gid, extra_groups=[], cwd="/")
    return "nobody" if reach.returncode == 0 else None


# --- certificates -------------------------------------------------------------------------

def run_quiet(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise tap.Failure(f"{command[0]}: {done.stderr[-2000:]}")
    return done.stdout


def make_certs(folder, hosts, user=None):
    """CA and leaf by certs/mkdev.sh where it stands, by openssl where not."""
    script = os.path.join(SRC, "certs", "mkdev.sh")
    if os.path.exists(script):
        run_quiet("sh", script, folder, *hosts)
    else:
        make_certs_plain(folder, hosts)
    found = find_certs(folder, hosts[0])
    if user:
        who = pwd.getpwnam(user)
        for file in os.listdir(folder):
            os.chown(os.path.join(folder, file), who.pw_uid, who.pw_gid)
    return found


def find_certs(folder, host):
    """(ca, cert, key) of the first host, as mkdev.sh or make_certs_plain names them."""
    def first(*names):
        for n in names:
            if os.path.exists(os.path.join(folder, n)):
                return os.path.join(folder, n)
        raise tap.Failure(f"none of {names} in {os.listdir(folder)}")
    return (first("ca.pem"), first(f"{host}.ec.pem", f"{host}.pem"),
            first(f"{host}.ec.key", f"{host}.key"))


def make_certs_plain(folder, hosts):
    at = lambda name: os.path.join(folder, name)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run_quiet("openssl", "req", "-x509", *ec, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days",
              "30", "-subj", "/CN=warifu test CA", "-addext", "basicConstraints=critical,CA:TRUE")
    names = ",".join(f"DNS:{h}" for h in hosts)
    with open(at("leaf.ext"), "w", encoding="ascii") as f:
        f.write(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    run_quiet("openssl", "req", "-new", *ec, "-keyout", at(f"{hosts[0]}.key"), "-out", at("leaf.csr"),
              "-subj", f"/CN={hosts[0]}")
    run_quiet("openssl", "x509", "-req", "-in", at("leaf.csr"), "-CA", at("ca.pem"), "-CAkey",
              at("ca.key"), "-CAcreateserial", "-days", "20", "-extfile", at("leaf.ext"), "-out",
              at(f"{hosts[0]}.pem"))


def spki_hash(cert):
    """Base64 of SHA-256 over the certificate's public key, as Chromium's allow list wants it."""
    der = subprocess.run(f"openssl x509 -in '{cert}' -noout -pubkey | openssl pkey -pubin -outform DER"
                         " | openssl dgst -sha256 -binary | openssl base64 -A", shell=True,
                         capture_output=True, check=True)
    return der.stdout.decode("ascii").strip()
