# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=600
"""The honest: what owners really do must never be refused, and challenged at most once where the
policy says so. Each case is a real Chromium with its own profile, logged in from the office.

| what she does                                    | expected of the starter policy                     |
| new connections, resumed TLS, idle, tabs         | allow                                              |
| her tunnel over its leases                       | the same tunnel, allow                             |
| restarts the browser                             | allow                                              |
| IPv4 to IPv6 and back, one operator              | allow                                              |
| Wi-Fi to a mobile carrier, same country          | reading: flag. The first sensitive one: ONE challenge |
| a network that one of two databases puts abroad  | as above: a new network, not another country       |
| an address without any record                    | flag or allow: unknown is no mismatch              |
| the browser, one version newer                   | flag                                               |
| the browser, three versions newer                | ONE challenge                                      |

After a challenge she logs in by the page's own button, and goes on; what else holds her old session
(the desktop she left at the office) goes on as well.
"""
from lib import places, tap
from lib.backend import start_express
from lib.people import ExpressPages as console
from lib.settings import Front, site
from lib.webdriver import Chromium
from lib.world import World, wait_until

world = World("honest")
counts = {}  # (signal, whether it was as at the login; None: not known): decisions


def setup():
    global backend, front
    backend = start_express(world)
    front = Front(world, [site("wallet", console.host, backend.port, recipe="express")], geo=places.geo(world),
                  timeouts={"idle": "3 s", "tunnel-lease": "2 s"})


class Owner:
    def __init__(self, place="office"):
        self.hop = front.hop(places.address(place))
        self.browser = self.open()
        console.login(self.browser)
        console.logged_in(self.browser)
        self.start = max(r["record"] for r in front.gate.records())

    def open(self, profile=None, agent=None):
        return Chromium(world, {f"{console.host}:443": self.hop.port}, front.spki, profile=profile, agent=agent)

    def desktop(self):
        """Another browser with the same session, as left behind at the office: the other holder."""
        hop = front.hop(places.address("office"))
        b = Chromium(world, {f"{console.host}:443": hop.port}, front.spki)
        b.go(f"https://{console.host}/login")
        b.put_cookies(self.browser.jar(), f"https://{console.host}/")
        tap.equal(b.fetch("/api/me")["status"], 200)
        return b

    def decisions(self):
        return [r for r in front.gate.records(kind="decision")
                if r["record"] > self.start and r.get("peer_port") in self.hop.ports and r.get("session")]

    def verdicts(self):
        return {v for r in self.decisions() for v in (r["verdict"], r["enforced"])}

    def move(self, place):
        """Another network: every connection breaks, new ones come from there."""
        self.hop.source = places.address(place)
        self.hop.cut()

    def looks(self):
        self.browser.go(f"https://{console.host}/")
        console.logged_in(self.browser)

    def goes_on(self, verdicts):
        """Looks and withdraws, undisturbed."""
        self.looks()
        console.work(self.browser)
        tap.check(self.verdicts() <= verdicts, f"{self.verdicts()} where {verdicts} was expected")
        self.begins_alike()
        self.browser.stop()

    def begins_alike(self):
        rows = self.decisions()
        for name in ("client.h2-same", "client.headers-same"):
            seen = [r["facts"].get(name) for r in rows]
            for value in seen:
                counts[name, value] = counts.get((name, value), 0) + 1
            tap.check(True in seen and False not in seen, f"{name}: {[r.get('evidence', {}).get(name) for r in rows]}")

    def is_challenged_once(self):
        """The withdrawal asks for a login; by the page's button she logs in, and withdraws."""
        b = self.browser
        b.type("#amount", "1")
        b.type("#address", "bc1qfriend00")
        mark = backend.mark()
        b.click("#send")
        b.wait(lambda: b.has("a.button"), 20, "the page that asks for a login")
        tap.contains(b.text("h1"), "log in")
        tap.equal(backend.requests("/withdraw", since=mark), [], "the challenged withdrawal at the backend")
        b.click("a.button")
        b.find("#password")
        b.type("#user", "alice")
        b.type("#password", "alice-7-lanterns")
        b.click("#login")
        console.logged_in(b)
        console.work(b)
        asked = [r for r in self.decisions() if r["verdict"] == "challenge"]
        tap.equal([r["path"] for r in asked if r["class"] != "open" and r["method"] == "POST"], ["/withdraw"], "challenges")
        tap.check("refuse" not in self.verdicts() and "revoke" not in self.verdicts(), self.verdicts())
        before = len(asked)
        console.work(b)
        tap.equal(len([r for r in self.decisions() if r["verdict"] == "challenge"]), before, "asked again after the login")
        self.begins_alike()
        b.stop()


def stays_logged_in_over_new_and_resumed_connections():
    o = Owner()
    for _ in range(5):
        o.hop.cut()
        tap.equal(o.browser.fetch("/api/me")["status"], 200)
    o.browser.go("about:blank")
    wait_until(lambda: not o.hop.pairs, 30, "every connection idled out")
    before = o.hop.accepted
    o.looks()
    tap.check(o.hop.accepted > before, "no new connection: the case proves nothing")
    tap.check(any(r.get("resumed") for r in o.decisions()), "no connection was resumed: the case proves nothing")
    o.goes_on({"allow"})


def keeps_its_tunnel_over_leases():
    o = Owner()
    o.browser.run_async("setTimeout(arguments[0], 7000)")  # three leases of two seconds
    tap.equal(o.browser.run("return window.tunnels"), {"opened": 1, "closed": 0})
    o.goes_on({"allow"})


def comes_back_after_a_restart_of_the_browser():
    o = Owner()
    profile = o.browser.profile
    o.browser.stop()
    o.browser = o.open(profile)
    o.goes_on({"allow"})


def switches_between_ipv4_and_ipv6():
    o = Owner()
    for place in ("office6", "office", "office6"):
        o.move(place)
        o.looks()
    o.goes_on({"allow"})


def moves_from_wifi_to_a_mobile_carrier():
    o = Owner()
    desk = o.desktop()
    o.move("mobile")
    o.looks()
    tap.check(o.verdicts() <= {"allow", "flag"}, f"reading on the way: {o.verdicts()}")
    o.is_challenged_once()
    tap.equal(desk.fetch("/api/me"), {"status": 200, "url": f"https://{console.host}/api/me", "redirected": False, "type": "basic",
                                      "text": '{"user":"alice"}'}, "the desktop at the office")
    tap.equal(desk.fetch("/api/withdraw", {"method": "POST", "headers": {"Content-Type": "application/json"},
                                           "body": '{"asset":"BTC","amount":1,"address":"bc1qfriend00"}'})["status"], 201)
    desk.stop()


def moves_on_a_challenge_and_back_without_answering_it():
    """Who is challenged on the way home and ignores it works on at the office."""
    o = Owner()
    o.move("mobile")
    o.looks()
    o.browser.type("#amount", "1")
    o.browser.type("#address", "bc1qfriend00")
    o.browser.click("#send")
    o.browser.wait(lambda: o.browser.has("a.button"), 20, "the page that asks for a login")
    o.move("office")
    o.looks()
    console.work(o.browser)
    tap.check("refuse" not in o.verdicts(), o.verdicts())
    o.browser.stop()


def is_in_a_network_that_one_database_puts_abroad():
    o = Owner()
    o.move("disputed")
    o.looks()
    tap.check(o.verdicts() <= {"allow", "flag"}, f"reading: {o.verdicts()}")
    o.is_challenged_once()
    tap.check(not any("R20" in r.get("rules", []) for r in o.decisions()), "another country, by one of two databases")


def comes_from_an_address_without_any_record():
    o = Owner()
    o.move("nowhere")
    o.goes_on({"allow", "flag"})


def updated(step):
    """Her browser after an update: another number in User-Agent and client hints, all else as it was."""
    o = Owner()
    profile, agent = o.browser.profile, o.browser.run("return navigator.userAgent")
    major = int(agent.split("Chrome/")[1].split(".")[0])
    o.browser.stop()
    o.browser = o.open(profile)
    version = str(major + step)
    brands = [{"brand": "Chromium", "version": version}, {"brand": "Not)A;Brand", "version": "24"}]
    o.browser.cdp("Network.setUserAgentOverride", userAgent=agent.replace(f"Chrome/{major}.", f"Chrome/{version}."), userAgentMetadata={
        "brands": brands, "platform": "Linux", "platformVersion": "", "architecture": "x86", "model": "", "mobile": False})
    return o


def updates_the_browser_by_one_version():
    o = updated(1)
    o.goes_on({"allow", "flag"})
    steps = {r["facts"]["client.version-step"] for r in o.decisions()}
    tap.check(1 in steps, f"the update was not seen ({steps}): the case proves nothing")


def updates_the_browser_by_three_versions():
    """More than daily life: asked once, at the first page; then all goes on."""
    o = updated(3)
    o.browser.go(f"https://{console.host}/")
    o.browser.wait(lambda: o.browser.has("a.button"), 20, "the page that asks for a login")
    o.browser.click("a.button")
    o.browser.find("#password")
    console.login(o.browser)
    console.logged_in(o.browser)
    o.goes_on({"allow", "flag", "challenge"})


def works_in_many_tabs_at_once():
    o = Owner()
    codes = o.browser.run_async("const done = arguments[0];"
                                "Promise.all([...Array(60).keys()].map(i => fetch('/api/me?' + i).then(r => r.status))).then(done)")
    tap.equal(set(codes), {200})
    o.goes_on({"allow"})


def uses_two_devices_at_once():
    """The same user, two logins: two sessions, both live; the logout of one leaves the other."""
    one, two = Owner(), Owner("home")
    for _ in range(2):
        for o in (one, two):
            o.looks()
            console.work(o.browser)
    sessions = [o.decisions()[-1]["session"] for o in (one, two)]
    tap.check(sessions[0] != sessions[1], sessions)
    console.logout(one.browser)
    one.browser.stop()
    two.goes_on({"allow"})


setup()
try:
    for fn in (stays_logged_in_over_new_and_resumed_connections, keeps_its_tunnel_over_leases,
               comes_back_after_a_restart_of_the_browser, switches_between_ipv4_and_ipv6, moves_from_wifi_to_a_mobile_carrier,
               moves_on_a_challenge_and_back_without_answering_it, is_in_a_network_that_one_database_puts_abroad,
               comes_from_an_address_without_any_record, updates_the_browser_by_one_version, updates_the_browser_by_three_versions,
               works_in_many_tabs_at_once, uses_two_devices_at_once):
        tap.run(fn.__name__, fn)
    tap.note(f"decisions on the honest: {counts}")
finally:
    world.stop()
tap.finish()
