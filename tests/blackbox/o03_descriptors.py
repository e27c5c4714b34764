# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=120
"""More clients than the process has descriptors for: who works goes on, nothing spins, all is counted."""
import os
import re
import socket
import time
import urllib.request

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, block, site
from lib.world import BIN, SLOW, Gate, World, descendants, free_ports, port_open, wait_until

world = World("few")
app = start_express(world)
FIGURES = free_ports(8)[7]
FEW = 300
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")], start=False,
              extra=[block("console", [f'monitor "127.0.0.1:{FIGURES}"'])])


def start():
    path = world.write("limited.conf", front.text())
    # Root could raise the limit again.
    meek = "setpriv --bounding-set -sys_resource" if not world.user else ""
    few = world.write("few.sh", f'#!/bin/sh\nulimit -n {FEW}\nexec {meek} {BIN} "$@"\n')
    os.chmod(few, 0o755)
    front.gate = world.add(Gate("limited", path, world.dir, world.user, program=few))
    wait_until(lambda: port_open(front.port), 30, "the gate")
    front.wait_ready()


def gate_pid():
    for pid in descendants(front.gate.pid):
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            if f.read().strip() == "gate":
                return pid
    raise tap.Failure("no gate")


def cpu(pid):
    """Seconds of CPU time so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figure(name):
    with urllib.request.urlopen(f"http://127.0.0.1:{FIGURES}/metrics", timeout=10) as r:
        found = re.search(rf"^{re.escape(name)} (\S+)$", r.read().decode(), re.M)
    return float(found.group(1)) if found else 0.0


@tap.case
def it_says_how_many_clients_there_is_room_for():
    tap.contains(front.gate.log(), "limits { connections } is 20000, which needs")
    tap.contains(front.gate.log(), f"this process may have {FEW}, so there is room for ")


@tap.case
def a_flood_of_connections_leaves_those_at_work_alone():
    c = front.client()
    c.keep = True
    tap.equal(login_express(c, "alice").status, 303, "login")
    pid, flood = gate_pid(), []
    for _ in range(FEW + 100):
        s = socket.socket()
        s.settimeout(5)
        try:
            s.connect(("127.0.0.1", front.port))
            flood.append(s)
        except OSError:
            s.close()
    wait_until(lambda: figure('warifu_limits_hit_total{limit="connections"}') > 100, 20, "turned away and counted")
    before, started = cpu(pid), time.monotonic()
    for _ in range(20):
        tap.equal(c.get("/api/me").status, 200, "on a connection of before, with a new one to the backend")
        time.sleep(0.1)
    share = (cpu(pid) - before) / (time.monotonic() - started)
    tap.check(share < 0.5, f"the gate used {share:.0%} of a core while nothing moved")
    for s in flood:
        s.close()
    wait_until(serves_newcomers, 20, "a new client is served")
    tap.equal(gate_pid(), pid, "the same gate")


def serves_newcomers():
    try:
        return front.client().get("/login").status == 200
    except OSError:
        return False


tap.main(setup=start, teardown=world.stop)
