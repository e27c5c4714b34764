# SPDX-License-Identifier: Apache-2.0
"""The stage: console, warifu, places and browsers, all on loopback, state in build/demo."""
import contextlib
import glob
import os
import re
import shutil
import sqlite3
import subprocess

from lib import places
from lib.backend import Backend
from lib.hop import Hop
from lib.marionette import Firefox
from lib.settings import Front, site
from lib.webdriver import Chromium
from lib.world import BIN, SRC, World, free_port, port_open, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "wallet.localhost"  # browsers and curl take *.localhost for this machine, by themselves
COOKIE = "kura_session"
GEODATA = os.environ.get("DEMO_GEODATA") or os.path.join(SRC, "build", "geodata")
GEO_FILES = {"country": "country.mmdb", "country-second": "city4.mmdb", "asn": "asn.mmdb"}
KEEP = {"pki", "lock"}  # the CA stays, in case somebody trusts it
POLICY = os.path.join(SRC, "policy", "rules", "wallet-console.policy")


class Rules:
    """Sentences and signals of the policy's rules, as its file has them."""

    def __init__(self, path=POLICY):
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"#.*", "", f.read())
        lets = dict(re.findall(r"let ([\w-]+) =((?:(?!\blet\b|\brule\b).)*)", text, re.S))
        self.rules = {}
        for name, en, body in re.findall(r'rule (\w+) "([^"]*)" \{(.*?)\n\t\}', text, re.S):
            when = re.search(r"\bwhen\b(.*)\bthen\b", body, re.S).group(1)
            for _ in lets:
                when = re.sub(r"(?<![\w.-])[\w-]+(?![\w.-])", lambda m: lets.get(m.group(), m.group()), when)
            ja = re.search(r'\bja "([^"]*)"', body)
            self.rules[name] = (en, ja.group(1) if ja else en, re.findall(r"[a-z]+\.[a-z-]+", when))

    def sentence(self, name, lang):
        return self.rules[name][1 if lang == "ja" else 0] if name in self.rules else ""

    def signals(self, names):
        return {s for n in names if n in self.rules for s in self.rules[n][2]}


def pick_port(wanted):
    """The wanted port if it is free, else any."""
    return wanted if not port_open(wanted) else free_port()


def real_geo():
    """The settings of the real files, None if they are not all there."""
    files = {role: os.path.join(GEODATA, name) for role, name in GEO_FILES.items()}
    if all(os.path.getsize(p) if os.path.exists(p) else 0 for p in files.values()):
        return {role: f'"{path}"' for role, path in files.items()}
    return None


class Stage:
    def __init__(self, folder):
        for name in os.listdir(folder):
            if name not in KEEP:
                path = os.path.join(folder, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.world = World(folder=folder)
        self.folder = folder

    def up(self):
        """Console, geo files, warifu and the two doors that a reader can use."""
        port = free_port()
        self.world.folder("console", mine=False)
        self.console = Backend(self.world, "console", ["/usr/bin/python3", os.path.join(HERE, "console.py"), port,
                                                       self.world.path("console")], port)
        sites = [site("wallet", HOST, port, lines=[f'recipe "{os.path.join(HERE, "console.recipe")}"'])]
        self.geo, real = "geo-real", real_geo()
        if not real or not self.places_hold(sites, real):
            self.geo = "geo-odd" if real else "geo-made"
            self.front = Front(self.world, sites, geo=places.geo(self.world), name="warifu")
        self.gate = self.front.gate
        self.office = self.door("office", 8443)
        self.abroad = self.door("abroad", 8444)
        return self

    def places_hold(self, sites, geo):
        """Start with these files; False, and stopped again, if the story's places are elsewhere in them."""
        self.front = Front(self.world, sites, geo=geo, name="warifu")
        self.gate = self.front.gate
        seen = {}
        for place in ("office", "mobile", "abroad", "hosting"):
            self.client(place, "warifu-demo/1", HOST).get("/login")
            address = places.address(place)
            seen[place] = wait_until(lambda: [(r.get("country"), r.get("country2"), r.get("asn")) for r in self.records()
                                              if r.get("client") == address], 10, f"a record from {address}")[-1]
        right = all(seen[p][:2] == (places.PLACES[p][2],) * 2 and seen[p][2] for p in seen)
        if right and seen["office"][2] != seen["mobile"][2]:
            return True
        self.world.things.remove(self.gate)
        self.gate.stop()
        shutil.rmtree(self.world.path("state"))
        return False

    def door(self, place, wanted):
        return self.world.add(Hop(self.front.proxy_port, source=places.address(place), port=pick_port(wanted)))

    def command(self, *words):
        """How a reader types it, from the top of the tree."""
        return self.typed([words[0], "-c", self.gate.conf, *words[1:]])

    def typed(self, words):
        return " ".join([os.path.relpath(BIN, SRC)] + [os.path.relpath(w, SRC) if w.startswith("/") else w for w in words])

    def read_log(self, words, lang):
        """`warifu log ...` as the reader would run it; the finished process."""
        return subprocess.run([BIN, *words, "--lang", lang], capture_output=True, text=True, cwd=SRC, timeout=60, check=False)

    def tampered(self, number):
        """A copy of the log in which record `number` no longer says /withdraw; returns the folder."""
        folder = self.world.path("tampered")
        shutil.copytree(self.world.path("state", "log"), folder, ignore=shutil.ignore_patterns("*.lock"))
        same = [r["record"] for r in self.records() if r["kind"] == "decision" and r.get("path") == "/withdraw"]
        for path in glob.glob(os.path.join(folder, "log-*.db")):
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                for first, n, text in db.execute("SELECT id, n, bytes FROM block WHERE ? BETWEEN id AND id + n - 1", (number,)).fetchall():
                    parts = text.split(b"/withdraw")
                    at = [r for r in same if first <= r < first + n].index(number) + 1
                    text = b"/withdraw".join(parts[:at]) + b"/balances" + b"/withdraw".join(parts[at:])
                    db.execute("UPDATE block SET bytes = ? WHERE id = ?", (text, first))
        return folder

    def close_browsers(self):
        for thing in [t for t in self.world.things if isinstance(t, (Chromium, Firefox))]:
            self.world.things.remove(thing)
            thing.stop()

    def down(self):
        self.world.stop()

    # --- what the log and the console say

    def records(self, since=0):
        return [r for r in self.gate.records() if r["record"] > since]

    def last_record(self):
        return max((r["record"] for r in self.gate.records()), default=0)

    # --- people and their tools

    @property
    def address(self):
        return f"{HOST}:{self.office.port}"

    def chromium(self, place, agent=None, lang="en"):
        hop = self.office if place == "office" else self.front.hop(places.address(place))
        return Chromium(self.world, {self.address: hop.port}, self.front.spki, agent=agent, language=lang)

    def firefox(self, place, agent):
        return Firefox(self.world, proxy=self.front.hop(places.address(place), connect=True).port, agent=agent)

    def client(self, place, agent, host=None):
        c = self.front.client(HOST, places.address(place), agent=agent)
        c.host = host or self.address
        return c

    def curl(self, place, agent, jar, method, path, form=None):
        """The status of one request."""
        hop = self.front.hop(places.address(place))
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "30", "--noproxy", "*", "--cacert", self.front.ca,
                   "--connect-to", f"{self.address}:127.0.0.1:{hop.port}", "-A", agent, "-X", method,
                   "-b", "; ".join(f"{n}={v}" for n, v in jar.items())]
        if form:
            command += ["-d", form]
        done = subprocess.run(command + [f"https://{self.address}{path}"], capture_output=True, text=True, check=False)
        return int(done.stdout or 0)


def have_chromium():
    return os.environ.get("DEMO_BROWSER") != "none" and all(os.path.exists(f"/usr/bin/{n}") for n in ("chromium", "chromedriver"))


def have_firefox():
    return os.path.exists("/usr/bin/firefox-esr")
