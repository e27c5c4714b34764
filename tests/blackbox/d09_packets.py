# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""First packets and round trips: known where warifu ends TCP itself, unknown behind whatever speaks for clients."""
import re
import socket
import threading
import time

from lib import tap
from lib.backend import login_express, start_express
from lib.hop import Hop
from lib.http1 import Client, Conn
from lib.settings import Front, site
from lib.world import SLOW, World, wait_until

HOST, DELAY = "wallet.test", 0.15
AGENT = "curl/{1} ({0})"  # no browser's name: its TLS would have to be that browser's
LINUX, WINDOWS = "X11; Linux x86_64", "Windows NT 10.0; Win64; x64"
FACTS = ("network.rtt", "network.rtt-gap", "network.syn-same", "network.system-agree")
world = World("packets")


def setup():
    global app, front
    app = start_express(world)
    front = Front(world, [site("wallet", HOST, app.port, recipe="express")], extra=["trusted-hops 127.0.0.2/32"])


class Odd(Client):
    """A client whose packets begin with another hop limit, as another system's do."""

    ttl = 64

    def connect(self):
        made = socket.socket
        ttl = self.ttl

        class Socket(made):
            def connect(self, where):
                self.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
                super().connect(where)
        socket.socket = Socket
        try:
            return Conn(self.port, tls=self.tls, sni=self.host)
        finally:
            socket.socket = made


def client(ttl=64, port=None, agent="warifu-test/1"):
    c = Odd(port or front.port, HOST, front.tls, agent=agent)
    c.ttl = ttl
    return c


def log_in(c, user="alice"):
    tap.equal(login_express(c, user).status, 303, "login")
    return c


def facts(c, fields=()):
    """(verdict's rules, facts, record) of one more request."""
    start = max((r["record"] for r in front.gate.records()), default=0)
    tap.equal(c.get("/api/me", fields).status, 200)
    r = wait_until(lambda: [r for r in front.gate.records(kind="decision", path="/api/me") if r["record"] > start], 10, "its record")[-1]
    return r.get("rules", []), {name: r["facts"][name] for name in FACTS}, r


def stolen(c, **more):
    thief = client(**more)
    thief.jar = dict(c.jar)
    return thief


@tap.case
def a_client_on_our_own_tcp_is_measured():
    c = log_in(client())
    rules, seen, r = facts(c)
    tap.equal(rules, [])
    tap.equal(seen["network.syn-same"], True)
    tap.check(0 <= seen["network.rtt"] < 1000 * SLOW and 0 <= seen["network.rtt-gap"] < 1000 * SLOW, seen)
    tap.check(re.fullmatch(r"ip4 t64-0 w\S+ m\d+ s\d+ [ENMWSTFP?]+", r["syn"]), r["syn"])
    tap.check(r["rtt"] > 0 and r["tls_rtt"] > 0, (r["rtt"], r["tls_rtt"]))
    shown = front.gate.cli("log", "show", "-v", "--session", r["session"]).stdout
    tap.contains(shown, r["syn"])


@tap.case
def another_systems_packets_differ_and_say_so():
    c = log_in(client(agent=AGENT.format(LINUX, 8)))
    rules, seen, _ = facts(c)
    tap.equal((rules, seen["network.syn-same"], seen["network.system-agree"]), ([], True, True))
    # The same holder by all else: seen, and nothing is asked.
    rules, seen, r = facts(stolen(c, ttl=128, agent=AGENT.format(LINUX, 8)))
    tap.equal((rules, seen["network.syn-same"], seen["network.system-agree"]), ([], False, False))
    bound, now = (r["evidence"]["network.syn-same"][k] for k in ("bound", "seen"))
    tap.check(bound.startswith("t64 ") and now.startswith("t128 ") and bound[4:] == now[5:], (bound, now))
    # One that never logged in: a mark, no more.
    rules, seen, r = facts(stolen(c, ttl=128, agent=AGENT.format(LINUX, 9)))
    tap.equal((sorted(rules), r["verdict"]), (["R40", "R43"], "flag"))
    tap.contains(r["seen"], f"R43 network.syn-same: {bound} -> {now}")


@tap.case
def a_windows_that_sends_like_linux_is_told():
    c = log_in(client(ttl=128, agent=AGENT.format(WINDOWS, 8)))
    tap.equal(facts(c)[1]["network.system-agree"], True)
    tap.equal(facts(stolen(c, agent=AGENT.format(WINDOWS, 8)))[1]["network.system-agree"], False)


class Relay(Hop):
    """Ends TCP at once and TLS nowhere: what it passes on arrives later, as from a proxy at somebody's home."""

    def _serve(self, near):
        far = socket.create_connection(("127.0.0.1", self.target_port), timeout=10)
        far.settimeout(None)
        with self.lock:
            self.pairs.add((near, far))
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=self._pass, args=(a, b), daemon=True).start()

    @staticmethod
    def _pass(a, b):
        try:
            while data := a.recv(65536):
                time.sleep(DELAY / 2)
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@tap.case
def a_relay_shows_in_the_gap():
    owner = log_in(client(agent=AGENT.format(LINUX, 8)))
    near = facts(owner)[1]
    tap.check(near["network.rtt-gap"] < 100 * SLOW, near)
    relay = world.add(Relay(front.port))
    rules, seen, r = facts(stolen(owner, port=relay.port, agent=AGENT.format(LINUX, 9)))
    tap.note(f"the gap: {near['network.rtt-gap']} ms without, {seen['network.rtt-gap']} ms behind the relay")
    tap.check(seen["network.rtt-gap"] >= DELAY * 1000 * 0.9 and seen["network.rtt"] < DELAY * 1000, seen)
    tap.check("R42" in rules and r["verdict"] == "flag", (rules, r["verdict"]))
    tap.check(r["evidence"]["network.rtt-gap"]["seen"].endswith(" ms"), r["evidence"])
    tap.check(any(s.startswith("R42 network.rtt-gap: ") for s in r["seen"]), r["seen"])


@tap.case
def the_shortest_of_a_holders_connections_counts():
    """One slow handshake is no relay."""
    owner = log_in(client())
    facts(owner)
    relay = world.add(Relay(front.port))
    rules, seen, r = facts(stolen(owner, port=relay.port))
    tap.check(r["tls_rtt"] >= DELAY * 900000, r["tls_rtt"])
    tap.check(seen["network.rtt-gap"] < DELAY * 1000 * 0.9, seen)
    tap.equal(rules, [])


@tap.case
def behind_what_speaks_for_clients_nothing_is_known():
    c = front.client(HOST, "192.0.2.7")
    log_in(c)
    _, seen, r = facts(c)
    tap.equal(seen, dict.fromkeys(FACTS), "by the PROXY protocol")
    tap.check(not {"syn", "rtt", "tls_rtt"} & set(r), sorted(r))
    hop = front.client(HOST, source="127.0.0.2")
    said = {"X-Forwarded-For": "192.0.2.8"}
    log_in(hop)
    _, seen, r = facts(hop, said)
    tap.equal(seen, dict.fromkeys(FACTS), "by a trusted hop")
    tap.check(not {"syn", "rtt", "tls_rtt"} & set(r), sorted(r))


@tap.case
def a_login_where_nothing_was_known_is_never_compared():
    owner = log_in(front.client(HOST, "192.0.2.7", agent=AGENT.format(LINUX, 8)))
    rules, seen, _ = facts(stolen(owner, agent=AGENT.format(LINUX, 8)))
    tap.equal((seen["network.syn-same"], "R43" in rules), (None, False))
    tap.check(seen["network.rtt"] is not None, seen)


@tap.case
def what_was_bound_is_there_after_a_restart():
    c = log_in(client())
    facts(c)
    front.gate.stop()
    front.start()
    tap.equal(facts(c)[1]["network.syn-same"], True)
    tap.equal(facts(stolen(c, ttl=200))[1]["network.syn-same"], False)


tap.main(setup, world.stop)
