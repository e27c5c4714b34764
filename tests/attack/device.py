# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=600
"""The thief of a session whose device has a key (DBSC). He has the whole cookie jar; the key he cannot copy.

| thief                            | within its cookie's life              | afterwards, or without that cookie |
| curl, Python, Firefox; elsewhere | nothing                               | nothing                            |
| the same Chromium, a carrier     | reads                                 | nothing                            |
| the same Chromium, her address   | all: NOT SEEN                         | nothing                            |

"Nothing": no byte reaches the backend. After each attempt the owner works on, and sees nothing but `allow`.
`quick` has cookies of 10 s, good for 15, so that a copied jar is really over. What needs a proof of hers in his
hands, or her program at her own address without a browser, is done with an owner that is a program.
"""
import subprocess
import time

from lib import places, tap
from lib.backend import login_express, start_express
from lib.device import COOKIE, REGISTER, DeviceKey, Offer, ask, asked, post, prove, refresh, register, show
from lib.http1 import tls_context
from lib.marionette import Firefox
from lib.people import ExpressPages, loot
from lib.settings import Front, block, site
from lib.webdriver import Chromium
from lib.world import World, wait_until

FLAGS = ["--enable-features=DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting"]
REFUSED, WORKS = (302, 303, 307, 400, 401, 403), (200, 201)
NOTHING, READS, ALL = "nothing", "reading only", "all: not seen by these signals"
QUICK = 15  # seconds that a cookie of `quick` is good
world = World("thief")


class Wallet(ExpressPages):
    name = "wallet"


class Quick(ExpressPages):
    name, host = "quick", "quick.test"

    @staticmethod
    def login(b, user="alice", password=None):
        b.go("https://quick.test/login")
        b.type("#user", user)
        b.type("#password", "alice-7-lanterns")
        b.click("#login")


def setup():
    global front, express
    express = start_express(world)
    keys = lambda **more: [block("session", {"device-keys": "dbsc"} | more)]
    front = Front(world, [site("wallet", "wallet.test", express.port, recipe="express", lines=keys()),
                          site("quick", "quick.test", express.port, recipe="express", lines=keys(**{"device-cookie": "10 s"}))],
                  geo=places.geo(world), limits={"logins-per-address": "1000 per 60 s burst 1000"})


def log_mark():
    return max((r["record"] for r in front.gate.records()), default=0)


def decisions(since, mine):
    return [r for r in front.gate.records(kind="decision") if r["record"] > since and r.get("session") and mine(r)]


class Person:
    """Alice in Chromium, at the office. Between her requests she looks at a style sheet: nothing of hers is under way."""

    def __init__(self, pages):
        self.pages, self.hop = pages, front.hop(places.address("office"))
        self.browser = Chromium(world, {f"{pages.host}:443": self.hop.port}, front.spki, flags=FLAGS)
        since = log_mark()
        pages.login(self.browser)
        pages.logged_in(self.browser)
        wait_until(lambda: [r for r in front.gate.records(event="device_enrol", site=pages.name) if r["record"] > since], 15, "her key")
        self.agent = self.browser.run("return navigator.userAgent")
        self.session = decisions(since, lambda r: r.get("peer_port") in self.hop.ports)[-1]["session"]
        self.rest()

    def rest(self):
        self.browser.go(f"https://{self.pages.host}/static/style.css")

    def jar(self):
        """A copy of all that she has, fresh by a request of hers."""
        tap.equal(self.browser.fetch(self.pages.read).get("status"), 200)
        jar, _ = loot(self.browser, self.pages)
        tap.check(COOKIE in jar, sorted(jar))
        return jar

    def works_undisturbed(self):
        since = log_mark()
        answer = self.browser.fetch(self.pages.read)
        tap.equal((answer.get("status"), answer.get("redirected")), (200, False), answer)
        told = wait_until(lambda: decisions(since, lambda r: r.get("peer_port") in self.hop.ports), 10, "her request in the log")
        tap.equal({(r["verdict"], r["enforced"]) for r in told}, {("allow", "allow")}, told)


# --- thieves: each returns the statuses of a read and of a withdrawal

def curl(her, jar, place):
    hop, out = front.hop(places.address(place)), []
    kind, body = her.pages.theft
    for more in ([her.pages.read], [her.pages.send, "-H", f"Content-Type: {kind}", "-d", body]):
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", front.ca, "--connect-to",
                               f"{her.pages.host}:443:127.0.0.1:{hop.port}", "-A", her.agent, "-b", "; ".join(f"{n}={v}" for n, v in jar.items()),
                               f"https://{her.pages.host}{more[0]}", *more[1:]], capture_output=True, text=True)
        out.append(int(done.stdout or 0))
    return out


def python(her, jar, place):
    c = front.client(her.pages.host, places.address(place), agent=her.agent)
    out = []
    for method in ("GET", "POST"):
        c.jar = dict(jar)  # an answer of ours may have taken something away
        path, body = (her.pages.read, None) if method == "GET" else (her.pages.send, her.pages.theft[1].encode())
        out.append(c.ask(method, path, {"Content-Type": her.pages.theft[0]} if body else {}, body).status)
    return out


def in_browser(b, her, jar):
    """Plants what was copied, then asks as her pages do; he follows no redirect that would lose him a cookie."""
    base, out = f"https://{her.pages.host}/login", []  # pages of ours let no script ask for anything
    b.go(base)
    for options in ({}, {"method": "POST", "headers": {"Content-Type": her.pages.theft[0]}, "body": her.pages.theft[1]}):
        b.put_cookies(jar, base)
        answer = b.fetch(her.pages.send if options else her.pages.read, options | {"redirect": "manual"})
        out.append(307 if answer.get("type") == "opaqueredirect" else answer.get("status", answer))
    return out


def firefox(her, jar, place):
    b = Firefox(world, proxy=front.hop(places.address(place), connect=True).port, agent=her.agent)
    try:
        return in_browser(b, her, jar)
    finally:
        b.stop()


def chromium(her, jar, place):
    """Her very program, which could make keys, too."""
    hop = front.hop(places.address(place))
    b = Chromium(world, {f"{her.pages.host}:443": hop.port}, front.spki, agent=her.agent, flags=FLAGS)
    try:
        return in_browser(b, her, jar)
    finally:
        b.stop()


def with_her_session(mark, jar):
    """What came to the backend since the mark with her session's cookie."""
    return [r for r in express.requests(since=mark) if any(jar["connect.sid"] in v for n, v in r.headers if n.lower() == "cookie")]


def attempt(her, thief, place, expected, jar):
    mark, since = express.mark(), log_mark()
    tried = thief(her, jar, place)
    came = with_her_session(mark, jar)
    of_hers = lambda r: r["session"] == her.session and r.get("peer_port") not in her.hop.ports
    wait_until(lambda: len(decisions(since, of_hers)) >= len(tried), 10, "decisions on her session that he brought")
    size = sum(r.head + (r.bytes or 0) for r in came)
    tap.note(f"{thief.__name__} from {place}: {tried}; {size} bytes reached the backend; he gets {expected}")
    if expected == NOTHING:
        tap.check(all(s in REFUSED for s in tried), tried)
        tap.equal(size, 0, came)
    elif expected == READS:
        tap.equal((tried[0], tried[1] in REFUSED, {r.method for r in came}), (200, True, {"GET"}), tried)
    else:
        tap.check(all(s in WORKS for s in tried), f"if this is seen now, say so in docs/THREATS.md and here: {tried}")
    her.works_undisturbed()


AT_ONCE = [(chromium, "mobile", READS), (chromium, "office", ALL), (curl, "office", NOTHING), (curl, "abroad", NOTHING), (python, "office", NOTHING),
           (python, "mobile", NOTHING), (python, "abroad", NOTHING), (firefox, "office", NOTHING), (chromium, "abroad", NOTHING)]
LATER = [(chromium, "office"), (chromium, "mobile"), (curl, "office"), (python, "office"), (firefox, "office"), (python, "abroad")]


def without_that_cookie(her, thief, place):
    jar = her.jar()
    del jar[COOKIE]
    attempt(her, thief, place, NOTHING, jar)


def when_it_is_over(her, thief, place, jar, copied):
    """Her cookies are new ones since; his are all that they were."""
    time.sleep(max(0, copied + QUICK + 2 - time.monotonic()))
    tap.check(her.jar()[COOKIE] != jar[COOKIE], "she has none but his")
    attempt(her, thief, place, NOTHING, jar)


def a_jar_taken_within_its_life_is_over_later_in_the_same_hands(her):
    """What her program at her address is served at once, it is refused when the cookie is over; nothing brings the next."""
    hop = front.hop(places.address("office"))
    b = Chromium(world, {f"{her.pages.host}:443": hop.port}, front.spki, agent=her.agent, flags=FLAGS)
    try:
        jar, copied = her.jar(), time.monotonic()
        first = in_browser(b, her, jar)
        tap.check(all(s in WORKS for s in first), first)
        time.sleep(max(0, copied + QUICK + 2 - time.monotonic()))
        mark = express.mark()
        later = in_browser(b, her, jar)
        tap.check(all(s in REFUSED for s in later), later)
        b.go(f"https://{her.pages.host}/")
        tap.check(not b.has("#who"), b.text())
        tap.equal(with_her_session(mark, jar), [])
    finally:
        b.stop()
    her.works_undisturbed()


# --- an owner that is a program

AGENT = "treasury-tool/3.1"


def program(place="office", jar=None, odd=False):
    """Her program, or (odd) another one."""
    tls = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256") if odd else front.tls
    c = front.client("wallet.test", places.address(place), tls=tls, agent="python-requests/2.31" if odd else AGENT)
    c.jar = dict(jar or {})
    return c


class Owner:
    def __init__(self, register_it=True):
        self.client = program()
        answer = login_express(self.client, "alice")
        tap.equal(answer.status, 303)
        self.offer, self.key = Offer(answer), DeviceKey()
        self.name, self.first = self.offer.id, dict(self.client.jar)
        if register_it:
            self.register()

    def register(self):
        self.proof = self.key.proof(self.offer.challenge, jwk=True)
        tap.equal(post(self.client, REGISTER, {"Secure-Session-Response": self.proof}).status, 200)
        tap.equal(self.client.get("/api/balance").status, 200)

    def goes_on(self):
        tap.equal(self.client.get("/api/balance").status, 200, "her cookie")
        tap.equal(refresh(self.client, self.key, self.name).status, 200, "her proof")
        tap.equal(self.client.get("/api/me").json(), {"user": "alice"})


def thieves(jar):
    """Her program at her address; another one there; both abroad."""
    return [program(place, jar, odd) for place in ("office", "abroad") for odd in (False, True)]


def gets_nothing(do, c, why):
    """No byte at the backend, no cookie of ours."""
    mark, had = express.mark(), dict(c.jar)
    answer = do(c)
    tap.equal(express.bytes_since(mark), 0, f"{why}: {answer}")
    brought = {n: v for n, v in c.jar.items() if n.startswith("__Host-warifu") and had.get(n) != v and n != "__Host-warifu-round"}
    tap.equal(brought, {}, why)
    return answer


def alarms(since):
    return [r for r in front.gate.records(event="device_wrong") if r["record"] > since]


def bare(owner):
    """Her jar without the cookie that is over by now."""
    return {n: v for n, v in owner.client.jar.items() if n != COOKIE}


def a_captured_proof_is_worth_nothing():
    owner = Owner()
    challenge = asked(ask(owner.client, owner.name))
    proof = owner.key.proof(challenge)
    tap.equal(show(owner.client, owner.name, proof).status, 200)
    for turn in range(2):
        for c in thieves(bare(owner)):
            tap.equal(gets_nothing(lambda c: show(c, owner.name, proof), c, "a refresh").status, 403)
            tap.equal(gets_nothing(lambda c: show(c, owner.name, owner.proof), c, "of her registration").status, 403)
            for used in (proof, owner.proof):
                tap.equal(gets_nothing(lambda c, u=used: post(c, REGISTER, {"Secure-Session-Response": u}), c, "registered").status, 400)
        owner.goes_on()


def his_own_key_proves_nothing_and_is_registered_nowhere():
    owner, his = Owner(), DeviceKey()
    for c in thieves(bare(owner)):
        for flaws in ({}, {"jwk": True}, {"header": {"jwk": owner.key.jwk()}}, {"header": {"alg": "none"}}):
            answer = gets_nothing(lambda c, f=flaws: prove(c, his, owner.name, asked(ask(c, owner.name)), **f), c, flaws)
            tap.equal(answer.status, 403)
        for challenge in (owner.offer.challenge, asked(ask(c, owner.name))):
            tap.equal(gets_nothing(lambda c, j=challenge: register(c, his, j), c, "a new registration").status, 400)
        tap.equal(gets_nothing(lambda c: c.get("/api/balance"), c, "with all that").status in REFUSED, True)
    owner.goes_on()


def he_registers_before_her_from_elsewhere():
    """He has what the answer to her login said, sooner than her browser acts on it."""
    owner = Owner(register_it=False)
    for c in thieves(owner.first)[1:]:
        tap.equal(gets_nothing(lambda c: register(c, DeviceKey(), owner.offer.challenge), c, "before her").status, 400)
    owner.register()
    owner.goes_on()
    for c in thieves({n: v for n, v in owner.first.items() if n != COOKIE}):
        tap.check(gets_nothing(lambda c: c.get("/api/balance"), c, "afterwards").status in REFUSED)
    owner.goes_on()


def he_registers_before_her_from_her_own_place():
    """A relay at the login, which device keys do not stop (docs/THREATS.md): that her key is refused is told, and she is not locked out."""
    owner, since = Owner(register_it=False), log_mark()
    tap.equal(register(program(jar=owner.first), DeviceKey(), owner.offer.challenge).status, 200)
    tap.equal(register(owner.client, owner.key, owner.offer.challenge).status, 400)
    wait_until(lambda: alarms(since), 10, "the alarm")
    again = login_express(owner.client, "alice")
    tap.equal(again.status, 303)
    owner.offer, owner.name = Offer(again), Offer(again).id
    owner.register()
    owner.goes_on()


def the_first_cookie_serves_nobody_elsewhere():
    owner = Owner()
    for c in thieves(owner.first)[1:]:
        for path in ("/api/balance", "/"):
            c.jar = dict(owner.first)
            tap.check(gets_nothing(lambda c, p=path: c.get(p), c, "the cookie of the login").status in REFUSED)
    owner.goes_on()


def planted_before_her_login():
    """His cookies in her browser: a session's from before a login, and ours, of a session of his own with its key."""
    his = program("abroad", odd=True)
    his_login = login_express(his, "bob")
    his_key, his_offer = DeviceKey(), Offer(his_login)
    grace = his.jar[COOKIE]
    tap.equal(register(his, his_key, his_offer.challenge).status, 200)
    visitor = program("abroad", odd=True)
    visitor.get("/login")
    for ours in (grace, his.jar[COOKIE]):
        her = program(jar={"connect.sid": visitor.jar["connect.sid"], COOKIE: ours})
        answer = login_express(her, "alice")
        tap.equal(answer.status, 303)
        tap.check(her.jar["connect.sid"] != visitor.jar["connect.sid"] and her.jar[COOKIE] != ours, "as he planted them")
        key, offer = DeviceKey(), Offer(answer)
        tap.check(offer.id != his_offer.id)
        tap.equal(register(her, key, offer.challenge).status, 200)
        tap.equal(her.get("/api/me").json(), {"user": "alice"})
        for c in thieves({"connect.sid": visitor.jar["connect.sid"]}) + thieves({"connect.sid": her.jar["connect.sid"]}):
            for cookie in (ours, his.jar[COOKIE]):
                c.jar[COOKIE] = cookie
                tap.check(gets_nothing(lambda c: c.get("/api/balance"), c, "planted").status in REFUSED)
        tap.equal(prove(program(), his_key, offer.id, asked(ask(program(), offer.id))).status, 403)
        tap.equal(refresh(her, key, offer.id).status, 200)


def he_ends_nothing_of_hers():
    """Without a proof: no logout, and no login of his or of a wrong password that takes her cookie along."""
    owner = Owner()
    for c in thieves(bare(owner)):
        for method, path in (("POST", "/logout"), ("GET", "/logout"), ("POST", "/api/rotate")):
            tap.check(gets_nothing(lambda c, m=method, p=path: c.ask(m, p), c, path).status in REFUSED)
        for user, password in (("alice", "guess"), ("bob", None), ("alice", "guess")):
            mark, jar = express.mark(), bare(owner)
            c.jar = dict(jar)
            login_express(c, user, password)
            tap.equal(with_her_session(mark, jar), [], f"a login as {user}")
            owner.goes_on()


def he_hammers_while_she_works():
    """Wrong proofs by the hundred from elsewhere: hers are taken each time, and the log holds few of his."""
    owner, his, since = Owner(), DeviceKey(), log_mark()
    c, wrong = program("hosting", odd=True), []
    for n in range(300):
        answer = prove(c, his, owner.name, owner.offer.challenge)
        wrong.append(answer.status)
        tap.check(COOKIE not in answer.cookies())
        if n % 50 == 0:
            owner.goes_on()
    tap.check(set(wrong) <= {403, 503}, set(wrong))
    told = alarms(since)
    tap.note(f"{len(wrong)} wrong proofs, {len(told)} events")
    tap.check(0 < len(told) < len(wrong), len(told))
    owner.goes_on()


setup()
try:
    alice, quick = Person(Wallet), Person(Quick)
    for who, where, gets in AT_ONCE:
        tap.run(f"at once: {who.__name__} from {where} gets {gets}", lambda: attempt(alice, who, where, gets, alice.jar()))
    for who, where in LATER:
        tap.run(f"without that cookie: {who.__name__} from {where} gets {NOTHING}", without_that_cookie, alice, who, where)
    stolen, at = quick.jar(), time.monotonic()
    for who, where in LATER:
        tap.run(f"when it is over: {who.__name__} from {where} gets {NOTHING}", when_it_is_over, quick, who, where, stolen, at)
    tap.run("a_jar_taken_within_its_life_is_over_later_in_the_same_hands", a_jar_taken_within_its_life_is_over_later_in_the_same_hands, quick)
    for fn in (a_captured_proof_is_worth_nothing, his_own_key_proves_nothing_and_is_registered_nowhere, he_registers_before_her_from_elsewhere,
               he_registers_before_her_from_her_own_place, the_first_cookie_serves_nobody_elsewhere, planted_before_her_login,
               he_ends_nothing_of_hers, he_hammers_while_she_works):
        tap.run(fn.__name__, fn)
finally:
    world.stop()
tap.finish()
