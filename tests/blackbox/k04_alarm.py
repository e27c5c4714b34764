# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""An alarm reaches the admin's program: facts on its input, no shell, a bounded rate, an end in time."""
import json
import os
import signal
import socket
import time

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, block, site
from lib.world import World, command_line, descendants, make_certs_plain, wait_until

SCRIPT = """#!/bin/sh
line=$(cat)
printf '%s\\n' "$line" >> {out}
env >> {out}.env
echo "$# $(ls /proc/self/fd | wc -l)" >> {out}.args
"""


def setup():
    global world, front, backend, out, program
    world = World("alarm")
    folder = world.folder("hook")
    out, program = os.path.join(folder, "facts"), world.path("hook.sh")
    world.write("hook.sh", SCRIPT.format(out=out))
    os.chmod(program, 0o755)
    backend = start_express(world)
    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express")],
                  extra=[block("alarm", [f'command "{program}"', "rate 30 per 1 s burst 30"])])


def facts(event=None):
    if not os.path.exists(out):
        return []
    with open(out, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return [x for x in lines if event is None or x["event"] == event]


@tap.case
def a_bypass_alarms_with_who_and_why():
    trap = world.path("hook", "trap")
    reason = f'broken"; touch {trap}; $(touch {trap}) `touch {trap}` \' ü'
    front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", reason)
    one = wait_until(lambda: facts("bypass_on"), what="the alarm")[0]
    tap.equal(one["detail"], reason)
    tap.equal(one["key"], "bypass/wallet")
    tap.contains(one["actor"], "uid:")
    tap.check(one["until"] > one["time"], one)
    tap.check(not os.path.exists(trap), "a shell read the reason")
    front.gate.cli("enforce", "wallet")
    wait_until(lambda: os.path.exists(out + ".args"), what="the end of the hook")
    with open(out + ".args", encoding="ascii") as f:
        tap.equal(f.readline().split()[0], "0")
    with open(out + ".env", encoding="utf-8") as f:
        names = {line.split("=")[0] for line in f if "=" in line}
    tap.check(names <= {"PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}, names)
    tap.contains(front.gate.cli("status", "--counters").stdout, "warifu_alarms_total")


@tap.case
def two_cookies_of_one_name_alarm_without_a_persons_name():
    c = front.client("wallet.test")
    tap.equal(login_express(c, "alice").status, 303)
    name, value = next(iter(c.jar.items()))
    c.jar = {}
    c.get("/api/me", fields={"Cookie": f"{name}={value}; {name}=planted"})
    one = wait_until(lambda: facts("tossing"), what="the alarm")[0]
    tap.equal(one["site"], "wallet")
    tap.check("alice" not in json.dumps(one) and "127.0.0.1" not in json.dumps(one), one)


@tap.case
def a_process_that_dies_alarms():
    pid = next(p for p in descendants(front.gate.pid) if open(f"/proc/{p}/comm", encoding="ascii").read().strip() == "portal")
    os.kill(pid, signal.SIGKILL)
    one = wait_until(lambda: facts("child_restart"), what="the alarm")[0]
    tap.contains(one["detail"], "portal")


@tap.case
def a_certificate_near_its_end_alarms():
    folder = world.folder("soon")
    make_certs_plain(folder, ["wallet.test"])
    text = open(front.gate.conf, encoding="utf-8").read()
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text.replace(front.cert, os.path.join(folder, "wallet.test.pem")).replace(front.key, os.path.join(folder, "wallet.test.key")))
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o600)
        if front.gate.user:
            import pwd
            who = pwd.getpwnam(front.gate.user)
            os.chown(os.path.join(folder, file), who.pw_uid, who.pw_gid)
    front.gate.cli("reload")
    one = wait_until(lambda: facts("alarm"), what="the alarm")[0]
    tap.contains(one["detail"], "wallet.test.pem")
    tap.contains(one["detail"], "days")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text)
    front.gate.cli("reload")


def with_alarm(*lines):
    text = open(front.gate.conf, encoding="utf-8").read()
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        head, rest = text.split("alarm {", 1)
        f.write(head + block("alarm", lines) + rest.split("}", 1)[1])
    front.gate.cli("reload")


@tap.case
def what_exceeds_the_rate_is_counted_and_told():
    with_alarm(f'command "{program}"', "rate 1 per 8 s burst 1")
    before = len(facts("bypass_on"))
    for i in range(4):
        front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", f"number {i}")
    time.sleep(8.5)
    front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", "the last")
    wait_until(lambda: [x for x in facts("bypass_on") if x["detail"] == "the last"], what="the last alarm")
    told = facts("bypass_on")[before:]
    suppressed = sum(x.get("suppressed", 0) for x in told)
    tap.check(suppressed >= 1, told)
    tap.equal(suppressed + len(told), 5)


@tap.case
def a_program_that_hangs_is_ended_and_holds_nothing_up():
    slow = world.write("slow.sh", "#!/bin/sh\nsleep 300\n")
    os.chmod(slow, 0o755)
    with_alarm(f'command "{slow}"', "rate 100 per 1 s burst 100")
    for i in range(8):
        front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", f"hang {i}")
    sleeping = lambda: [p for p in descendants(front.gate.pid) if "slow.sh" in command_line(p)]
    tap.check(1 <= len(sleeping()) <= 4, sleeping())
    begin = time.monotonic()
    tap.equal(front.gate.cli("status").returncode, 0)
    tap.check(time.monotonic() - begin < 8, "status waited for the program")
    wait_until(lambda: not sleeping(), 40, "the end of the programs")


@tap.case
def syslog_hears_it():
    if os.geteuid() != 0 or os.path.exists("/dev/log"):
        tap.skip("only root can stand in for a syslog, and only where there is none")
    hears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hears.bind("/dev/log")
    try:
        os.chmod("/dev/log", 0o666)
        hears.settimeout(20)
        with_alarm("syslog on", "rate 100 per 1 s burst 100")
        front.gate.cli("bypass", "wallet", "--for", "5m", "--reason", "100 % sure")
        text = hears.recv(8192).decode("utf-8")
    finally:
        hears.close()
        os.unlink("/dev/log")
    tap.check(text.startswith("<33>"), text)  # auth, alert
    tap.contains(text, "bypass_on")
    tap.contains(text, "100 % sure")


if __name__ == "__main__":
    tap.main(setup, lambda: world.stop())
