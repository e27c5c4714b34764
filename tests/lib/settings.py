# SPDX-License-Identifier: Apache-2.0
"""Write a warifu.conf (proxy/conf/conf.def has the grammar) and start a gate with it.

    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express")])
    front.client("wallet.test")                      # a lib.http1.Client, directly on loopback
    front.client("wallet.test", place="203.0.113.7") # the same, from elsewhere (PROXY v2)
    front.hop(place), front.spki                     # a Hop and allowed keys, for a browser
"""
import glob
import os

from lib import tap
from lib.hop import Hop, proxy_v2
from lib.http1 import Client, Conn, tls_context
from lib.world import SRC, free_ports, spki_hash, wait_until


def recipe_file(word):
    """The shipped recipe whose file name holds this word."""
    found = [p for p in sorted(glob.glob(os.path.join(SRC, "recipes", "*"))) if word in os.path.basename(p)]
    tap.check(found, f"no recipe for {word} in recipes/")
    return found[0]


def block(name, lines):
    """`name { … }`, from {key: value} or a list of lines."""
    lines = [f"{k} {v}" for k, v in lines.items()] if isinstance(lines, dict) else list(lines)
    return "\n".join([f"{name} {{"] + ["\t" + part for line in lines for part in line.split("\n")] + ["}"])


def site(name, host, port, recipe=None, mode="enforce", policy="starter", lines=(), backend=None, portal=None):
    """A function of (cert, key) that gives the site's block; `lines` are added as they are."""
    def make(cert, key):
        body = [f"host {host}", f'certificate "{cert}" key "{key}"', f"mode {mode}",
                f"policy {policy}" if policy == "starter" else f'policy "{policy}"']
        if portal:
            body.append(f"portal {portal}")
        if recipe:
            body.append(f'recipe "{recipe_file(recipe)}"')
            body.append(block("headers", {"harden-cookies": "on"}))
        ports = port if isinstance(port, (list, tuple)) else [port]
        servers = [p if isinstance(p, str) else f'server "http://127.0.0.1:{p}"' for p in ports]
        extra = [f"{k} {v}" for k, v in (backend or {}).items()]
        return block(f"site {name}", body + [block("backend", servers + extra)] + list(lines))
    make.hosts = [host] + ([portal] if portal else [])
    return make


# A site whose every route is open: for tests of forwarding, where nobody logs in.
OPEN_ALL = ["credential cookie never-used",
            block("login", ['request POST "/never-used"', "success cookie never-used changed", "user none"]),
            block("routes", ['open "/*"'])]


# A site with the plainest of logins: any user, a cookie `sid` (tests/tools/benchback.c gives one).
SIMPLE_LOGIN = ["credential cookie sid",
                block("login", ['request POST "/login"', "success status 303", "success cookie sid changed", 'user form "username"'])]


# For loads that no single client would make.
NO_LIMITS = {f"rate-per-{what}": "1000000 per 1 s burst 1000000" for what in ("address", "session", "user", "route")}
NO_LIMITS |= {"logins-per-address": "1000000 per 1 s burst 1000000", "requests-per-connection": "100000000"}


# A shared disk may stand still for seconds; only tests of just that want 503 instead of patience.
PATIENT = {"commit": "20 s"}


class Front:
    """A running gate: a plain TLS port, one that wants PROXY headers, a redirect port."""

    def __init__(self, world, sites, timeouts=None, limits=None, geo=None, log=None, extra=(), start=True, name=None,
                 users=None, threads=2, under=()):
        self.world, self.sites, self.name = world, sites, name  # with a name: the only one in its folder
        self.port, self.proxy_port, self.redirect_port = free_ports(3)
        self.ca, self.cert, self.key = world.certs(*[h for s in sites for h in s.hosts])
        state = world.folder("state" if name else f"state{self.port}")
        self.more = [block(name, values) for name, values in (
            ("timeouts", PATIENT | (timeouts or {})), ("limits", limits), ("geo", geo), ("log", log)) if values] + list(extra)
        self.head = [f'state "{state}"', f'control "{os.path.join(state, "control.sock")}"', f"threads {threads}",
                     f'listen "127.0.0.1:{self.port}" tls',
                     f'listen "127.0.0.1:{self.proxy_port}" tls proxy-protocol from 127.0.0.0/8',
                     f'listen "127.0.0.1:{self.redirect_port}" redirect',
                     # As root (CI), children stay who we are: there may be no users of ours.
                     *([block("users", users or dict.fromkeys(("gate", "scribe", "portal", "console"), "root"))]
                       if os.geteuid() == 0 else []),
                     block("portal", [f'socket "{os.path.join(state, "portal.sock")}"'])]
        self.under = under
        self.tls = tls_context(self.ca)
        folder = os.path.dirname(self.cert)
        self.spki = [spki_hash(self._pair(folder, h)[0]) for s in sites for h in s.hosts]
        self.gate = None
        tap.on_failure(self.dump)
        if start:
            self.start()

    def text(self, sites=None):
        """The settings; a reload may be given other sites."""
        folder = os.path.dirname(self.cert)
        made = [s(*self._pair(folder, s.hosts[0])) for s in (sites or self.sites)]
        return "\n\n".join(self.head + self.more + made) + "\n"

    def _pair(self, folder, host):
        for stem in (f"{host}.ec", host):
            if os.path.exists(os.path.join(folder, stem + ".pem")):
                return os.path.join(folder, stem + ".pem"), os.path.join(folder, stem + ".key")
        return self.cert, self.key

    def start(self):
        self.gate = self.world.gate(self.text(), [self.port, self.proxy_port], name=self.name or f"warifu-{self.port}", under=self.under)
        self.wait_ready()
        return self.gate

    def wait_ready(self):
        """Until the stored sessions are loaded: before that every answer is 503."""
        host = self.sites[0].hosts[0]
        wait_until(lambda: self.client(host).get("/.warifu/none").status != 503, 30, "a gate that has loaded")

    def conn(self, host="wallet.test", place=None, **more):
        """One TLS connection; `place` is the address it seems to come from."""
        return Conn(self.proxy_port if place else self.port, tls=more.pop("tls", self.tls), sni=host,
                    proxy=proxy_v2(place) if place else b"", **more)

    def client(self, host="wallet.test", place=None, **more):
        return Client(self.proxy_port if place else self.port, host, more.pop("tls", self.tls),
                      proxy=proxy_v2(place) if place else None, **more)

    def dump(self):
        """What it counted, beside a case that failed: timeouts and a late log show here."""
        if self.gate and self.gate.alive():
            for name, n in sorted(self.counters().items()):
                if "_timeouts_" in name or "_log_" in name or "refused" in name:
                    tap.note(f"{name} {n}")

    def counters(self):
        """What was counted since the start, {name as in /metrics: number}; zeros are left out."""
        lines = self.gate.cli("status", "--counters").stdout.splitlines()
        return {name: int(n) for name, _, n in (line.strip().rpartition(" ") for line in lines)
                if name.startswith("warifu_")}

    def hop(self, place, connect=False):
        return self.world.add(Hop(self.proxy_port, source=place, connect=connect))
