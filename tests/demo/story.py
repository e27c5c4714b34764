# SPDX-License-Identifier: Apache-2.0
"""The theft, act by act: what is done, what is expected of it, and how it is told."""
import json
import os
import re
import subprocess
import urllib.parse

from lib import places
from lib.backend import PASSWORDS
from lib.http1 import Client
from lib.world import wait_until

from stage import COOKIE, POLICY, Rules, have_chromium, have_firefox

PAGE, SEND, FORM = "/", "/withdraw", "application/x-www-form-urlencoded"
LOOT = {"asset": "BTC", "amount": "40", "address": "bc1qth1efth1efth1efth1ef"}
REFUSED = (302, 303, 401, 403)


class Try:
    """One request of the thief, and what became of it."""

    def __init__(self, method, path, status):
        self.method, self.path, self.status = method, path, status
        self.record, self.verdict, self.rules, self.bytes = None, None, [], 0


class BrowserAlice:
    """Alice in real Chromium."""

    def __init__(self, stage, lang):
        self.stage, self.b = stage, stage.chromium("office", agent=chrome_agent(), lang=lang)
        self.agent = self.b.run("return navigator.userAgent")
        self.name = f"Chromium {self.b.version.split('.')[0]}"

    def login(self):
        self.b.go(f"https://{self.stage.address}/login")
        self.b.type("#username", "alice")
        self.b.type("#password", PASSWORDS["alice"])
        self.b.click("#login")
        self.b.find("#who")

    def jar(self):
        return {n: v for n, v in self.b.jar().items() if n == COOKIE}

    def works(self):
        """(status, redirected) of a request that her page makes."""
        answer = self.b.fetch("/api/balances")
        return answer.get("status"), bool(answer.get("redirected"))

    def sends(self, amount):
        self.b.type("#amount", amount)
        self.b.type("#address", "bc1qcustomer4wallet")
        self.b.click("#send")
        self.b.find("#said")
        return "said=done" in self.b.url()

    def sees(self):
        self.b.go(f"https://{self.stage.address}/")
        return self.b.text()

    def picture(self, path):
        self.b.screenshot(path)


class ProgramAlice:
    """Without Chromium: a program stands in for her browser."""

    agent, name = "KuraDesk/3.2 (X11; Linux x86_64)", "Python"

    def __init__(self, stage, lang):
        self.c = stage.client("office", self.agent)

    def login(self):
        return self.c.post("/login", {"username": "alice", "password": PASSWORDS["alice"]})

    def jar(self):
        return dict(self.c.jar)

    def works(self):
        return self.c.get("/api/balances").status, False

    def sends(self, amount):
        answer = self.c.post(SEND, {"asset": "BTC", "amount": amount, "address": "bc1qcustomer4wallet"})
        return "said=done" in (answer.get("Location") or "")

    def sees(self):
        return self.c.get(PAGE).text()

    def picture(self, path):
        pass


def chrome_agent():
    """The User-Agent of the installed Chromium without a window's trace ("Headless")."""
    done = subprocess.run(["/usr/bin/chromium", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.\d+\.\d+", done.stdout)
    return (f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{found.group(1)}.0.0.0 Safari/537.36"
            if found else None)


# --- the thief's tools: each reads the page, then sends the loot; [Try, Try]

def with_curl(stage, alice, jar, place, picture):
    return [Try("GET", PAGE, stage.curl(place, alice.agent, jar, "GET", PAGE)),
            Try("POST", SEND, stage.curl(place, alice.agent, jar, "POST", SEND, urllib.parse.urlencode(LOOT)))]


def with_python(stage, alice, jar, place, picture):
    c = stage.client(place, alice.agent)
    c.jar = dict(jar)
    return [Try("GET", PAGE, c.get(PAGE).status), Try("POST", SEND, c.post(SEND, LOOT).status)]


def with_browser(stage, b, jar, picture):
    base = f"https://{stage.address}"
    try:
        b.go(base + "/login")
        b.put_cookies(jar, base + "/")
        b.go(base + PAGE)
        status = b.run("return performance.getEntriesByType('navigation')[0].responseStatus")
        if picture:
            b.screenshot(picture)
        if b.url() != base + PAGE:
            status = 303
        b.go(base + "/style.css")
        sent = b.fetch(SEND, {"method": "POST", "redirect": "manual", "headers": {"Content-Type": FORM}, "body": urllib.parse.urlencode(LOOT)})
        return [Try("GET", PAGE, int(status or 0)), Try("POST", SEND, 303 if sent.get("type") == "opaqueredirect" else sent.get("status", 0))]
    finally:
        b.quit()


def with_firefox(stage, alice, jar, place, picture):
    return with_browser(stage, stage.firefox(place, alice.agent), jar, picture)


def with_same_program(stage, alice, jar, place, picture):
    if isinstance(alice, ProgramAlice):
        return with_python(stage, alice, jar, place, picture)
    return with_browser(stage, stage.chromium(place, alice.agent), jar, picture)


# (key, tool, place, expected verdict and one rule of the page, the same of the withdrawal)
CHALLENGED, PASSED = "challenge", "allow"


def attempts(alice):
    real = isinstance(alice, BrowserAlice)
    other = "R10" if real else "R11"
    out = [("curl", with_curl, "office", (CHALLENGED, other), (CHALLENGED, other))]
    if real:
        out.append(("python", with_python, "hosting", (CHALLENGED, "R10"), (CHALLENGED, "R20")))
    if real and have_firefox():
        out.append(("firefox", with_firefox, "office", (CHALLENGED, "R10"), (CHALLENGED, "R10")))
    out += [("abroad", with_same_program, "abroad", (CHALLENGED, "R20"), (CHALLENGED, "R20")),
            ("mobile", with_same_program, "mobile", ("flag", "R41"), (CHALLENGED, "R21"))]
    return out


SAME = ("same", with_same_program, "office", (PASSED, None), (PASSED, None))


class Story:
    def __init__(self, stage, tell):
        self.stage, self.tell, self.rules = stage, tell, Rules()
        self.rows, self.alice_requests, self.pictured = [], [], None

    def tell_all(self):
        self.the_login()
        self.the_theft()
        self.the_attempts()
        self.own_login()
        self.alice_meanwhile()
        self.the_revocation()
        self.the_sum()
        self.the_log()

    # --- helpers

    def since(self, number, count, seconds=10):
        """Decisions after that record, once there are so many (the log is written a moment later)."""
        def found():
            # A browser's own requests (style sheets, icons) are not what is told of.
            new = [r for r in self.stage.records(number) if r["kind"] == "decision" and r.get("path") in (PAGE, SEND, "/api/balances", "/login", "/api/me")]
            return new if len(new) >= count else None
        return wait_until(found, seconds, f"{count} decisions after record {number}")

    def alice_works(self, send=None):
        start = self.stage.last_record()
        if send:
            self.tell.check(self.alice.sends(send), f"Alice's withdrawal of {send} BTC")
        status, redirected = self.alice.works()
        self.tell.check(status == 200 and not redirected, f"Alice's request: {status}, redirected: {redirected}")
        mine = [r for r in self.since(start, 2 if send else 1) if r.get("user") == "alice"]
        self.alice_requests += mine
        self.tell.check(mine and all(r["verdict"] == r["enforced"] == "allow" for r in mine), "every verdict about Alice is allow")

    def n(self, records):
        records = [str(r) for r in records]
        return self.tell.text("record" if len(records) == 1 else "records", n=", ".join(records))

    # --- acts

    def the_login(self):
        t = self.tell
        t.chapter("login-title")
        t.say("login")
        start = self.stage.last_record()
        self.alice = (BrowserAlice if have_chromium() else ProgramAlice)(self.stage, t.lang)
        self.alice.login()
        bind = wait_until(lambda: [r for r in self.stage.records(start) if r.get("event") == "bind"], 10, "the binding's record")[0]
        login = [r for r in self.stage.records(start) if r["kind"] == "decision" and r["path"] == "/login" and r["method"] == "POST"][0]
        self.session = bind["session"]
        t.check(bind.get("user") == "alice", f"bound to alice, not to {bind.get('user')}")
        t.fact("bound-device", f"{self.alice.name} · TLS {login.get('core')} · JA4 {login.get('ja4')}")
        t.fact("bound-place", f"{login.get('country', '?')} · AS{login.get('asn', '?')} {login.get('asn_org', '')} · {login.get('client')}")
        t.fact("in-log", f"{self.n([login['record'], bind['record']])} · {t.text('session', id=self.session)}")
        self.alice_works("0.5")
        self.alice.sees()
        self.alice.picture(self.picture("alice"))
        t.say("alice-works")

    def picture(self, name):
        return os.path.join(self.stage.folder, name + ".png")

    def the_theft(self):
        t = self.tell
        t.chapter("theft-title")
        self.jar = self.alice.jar()
        t.say("theft", cookie=f"{COOKIE}={self.jar[COOKIE][:8]}")
        self.straight = straight = Client(self.stage.console.port, self.stage.address, agent="thief/1")
        straight.jar = dict(self.jar)
        who = straight.get("/api/me")
        t.check(who.status == 200 and who.json() == {"user": "alice"}, f"the console itself believes the cookie: {who}")
        t.fact("without", t.text("without-result", status=who.status, user=who.json().get("user") if who.status == 200 else "?"), "red")

    def the_attempts(self):
        t = self.tell
        t.chapter("try-title")
        t.say("try")
        for number, what in enumerate(attempts(self.alice), 1):
            self.attempt(number, *what)
            if what[0] == "mobile":
                t.say("mobile-note")
            self.alice_works("0.25" if number == 2 else None)
        self.attempt(len(self.rows) + 1, *SAME)
        t.say("same-note", "yellow")
        left = self.straight.get("/api/balances").json().get("BTC")
        t.check(left == 4502.9 - 0.5 - 0.25 - 40, f"the console's balance is {left} BTC: not what is told here")

    def play(self, tool, place, picture=None):
        """Run one of the thief's tools; each Try gets its record and its bytes."""
        start, mark = self.stage.last_record(), self.stage.console.mark()
        tries = tool(self.stage, self.alice, self.jar, place, picture)
        records = self.since(start, 2)
        arrived = self.stage.console.requests(since=mark)
        outcomes = {}
        for one in tries:
            mine = [r for r in records if (r["method"], r["path"], r.get("client")) == (one.method, one.path, places.address(place))]
            one.record = mine[-1] if mine else {}
            one.verdict, one.rules = one.record.get("enforced"), one.record.get("rules", [])
            one.bytes = sum(r.head + (r.bytes or 0) for r in arrived if (r.method, r.path) == (one.method, one.path))
        return tries

    def attempt(self, number, key, tool, place, *expected):
        t = self.tell
        t.line()
        t.line("   " + t.text("attempt", n=number, what=t.text("a-" + key)), "bold")
        t.fact("thief-has", t.text(f"a-{key}-has"))
        tries = self.play(tool, place, self.picture("thief") if key == "abroad" else None)
        self.show(tries)
        for one, (verdict, rule) in zip(tries, expected):
            self.expect(key, one, verdict, rule)
        if key == "abroad":
            self.pictured = number
        self.rows.append((f"{number}  {t.text('s-' + key)}", tries))

    def expect(self, key, one, verdict, rule):
        t, where = self.tell, f"{key}: {one.method} {one.path}"
        t.check(one.verdict == verdict, f"{where}: {one.verdict}, expected {verdict}")
        t.check(rule is None or rule in one.rules, f"{where}: rules {one.rules}, expected {rule}")
        if verdict in (PASSED, "flag"):
            t.check(one.bytes > 0, f"{where}: nothing reached the console")
        else:
            t.check(one.bytes == 0, f"{where}: {one.bytes} bytes reached the console")
            t.check(one.status in REFUSED, f"{where}: status {one.status}")

    def show(self, tries):
        t = self.tell
        rows = [[t.text(k) for k in ("h-asks", "h-verdict", "h-rules", "h-status", "h-bytes", "h-record")]]
        for one in tries:
            rows.append([f"{one.method} {one.path}", str(one.verdict), " ".join(one.rules) or "-", str(one.status),
                         t.text("bytes", n=one.bytes), str(one.record.get("record", "?"))])
        t.table(rows, {i: verdict_colour(one.verdict) for i, one in enumerate(tries, 1)})
        self.show_reasons(tries)

    def show_reasons(self, tries):
        """The rules' sentences once, and for each signal that they read: bound value, seen value."""
        t, told = self.tell, set()
        names = list(dict.fromkeys(n for one in tries for n in one.rules))
        if not names:
            t.fact("decided", t.text("nothing"))
        for i, name in enumerate(names):
            t.fact("decided" if i == 0 else "", f"{name} {self.rules.sentence(name, t.lang)}")
            for one in tries:
                evidence = one.record.get("evidence", {}) if name in one.rules else {}
                for signal in self.rules.signals([name]) & set(evidence) - told:
                    told.add(signal)
                    t.fact("", f"    {signal}  {evidence[signal]['bound']} → {evidence[signal]['seen']}", "cyan")

    def own_login(self):
        t = self.tell
        t.chapter("own-title")
        t.say("own")
        thief = self.stage.client("hosting", self.alice.agent)
        thief.jar = dict(self.jar)
        guess = thief.post("/login", {"username": "alice", "password": "Passw0rd!"})
        t.check(guess.status == 401, f"a guessed password: {guess.status}")
        t.fact("own-guess", t.text("own-guess-got", status=guess.status))
        thief.jar = dict(self.jar)
        thief.post("/login", {"username": "bob", "password": PASSWORDS["bob"]})
        me = thief.get("/api/me")
        user = me.json().get("user") if me.status == 200 else f"? ({me.status})"
        t.check(user == "bob", f"his own account is {user}")
        t.fact("own-account", t.text("own-account-got", user=user))
        tries = self.play(with_python, "hosting")
        for one in tries:
            self.expect("after his own login", one, CHALLENGED, None)
        t.fact("own-stolen", t.text("own-stolen-got", verdict=tries[1].verdict, rules=" ".join(tries[1].rules)))
        self.alice_works()

    def alice_meanwhile(self):
        t = self.tell
        t.line()
        t.check(len(self.alice_requests) >= 5, "Alice worked between the attempts")
        t.fact("alice", t.text("alice-count", n=len(self.alice_requests)), "green")

    def the_revocation(self):
        t = self.tell
        t.chapter("revoke-title")
        t.say("revoke")
        t.command(self.stage.command("session", "revoke", "user", "alice"))
        start = self.stage.last_record()
        self.stage.gate.cli("session", "revoke", "user", "alice")
        wait_until(lambda: [r for r in self.stage.records(start) if r.get("event") == "revoke"], 10, "the revocation's record")
        tries = self.play(with_same_program, "office", self.picture("revoked"))
        for one in tries:
            self.expect("after the revocation", one, "refuse", None)
        t.fact("revoke-thief", t.text("revoke-thief-got", verdict=tries[1].verdict, reason=tries[1].record.get("reason", "?"),
                                      status=tries[1].status, bytes=sum(one.bytes for one in tries)), "green")
        self.rows.append(("   " + t.text("s-revoked"), tries))
        self.alice.sees()
        self.alice.login()
        self.alice_works()
        t.fact("revoke-alice", t.text("revoke-alice-got"), "green")

    def the_sum(self):
        t = self.tell
        t.chapter("sum-title")
        rows = [["   " + t.text("h-who")] + [t.text(k) for k in ("h-read", "h-send", "h-bytes", "h-record")]]
        for name, tries in self.rows:
            rows.append([name, *(str(one.verdict) for one in tries), t.text("bytes", n=sum(one.bytes for one in tries)),
                         ", ".join(str(one.record.get("record", "?")) for one in tries)])
        t.table(rows, {i: verdict_colour(tries[1].verdict) for i, (_, tries) in enumerate(self.rows, 1)})

    def the_log(self):
        """The log holds; a copy in which one word was changed does not."""
        t, stage = self.tell, self.stage
        t.chapter("verify-title")
        t.say("verify")
        head = stage.gate.cli("log", "head").stdout.strip()
        self.verified(["log", "-c", stage.gate.conf, "verify"], head, True)
        stolen = [one for _, tries in self.rows for one in tries if one.verdict == PASSED][-1].record["record"]
        t.say("tampered", n=stolen)
        said = self.verified(["log", "verify", "--state", stage.tampered(stolen)], head, False)
        t.check(re.search(rf"\b{stolen}\b", said), f"log verify does not name record {stolen}")

    def verified(self, words, head, good):
        t = self.tell
        t.command(self.stage.typed([*words, "--head", head[:8] + "..." + head[60:]]))
        done = self.stage.read_log([*words, "--head", head], t.lang)
        for line in done.stdout.strip().splitlines():
            t.words(line, "dim" if good else "red", 5)
        t.check(done.returncode == (0 if good else 1), f"log verify: {done.returncode}")
        return done.stdout


def verdict_colour(verdict):
    return {"allow": "red", "flag": "yellow", "challenge": "green", "refuse": "green"}.get(verdict, "red")
