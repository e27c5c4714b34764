# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=600
"""Device keys in real Chromium (DBSC), in front of the three consoles, which know nothing of it: registered after the login, proven
anew when the cookie is over, with requests held back meanwhile and sent once each. And browsers that cannot: as before.

Expiry is played by deleting the cookie, which to the browser is the same.
"""
import time

from lib import places, tap
from lib.backend import start_django, start_express, start_rtl
from lib.device import COOKIE
from lib.http1 import tls_context
from lib.marionette import Firefox
from lib.people import PAGES, DjangoPages, ExpressPages, loot
from lib.settings import OPEN_ALL, Front, block, site
from lib.webdriver import Chromium, DriverError
from lib.world import World, wait_until

START = {"express": start_express, "django": start_django, "ride-the-lightning": start_rtl}
# Both are needed on Linux; without a quota the test need not wait for nine minutes.
FLAGS = ["--enable-features=DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting"]
OTHER = "other.test"
# Requests at once: reads, and where the console has them a write whose body must arrive whole and a WebSocket.
VOLLEY = """
const [url, send, kind, body, tunnel, done] = arguments;
const read = i => fetch(url + '?n=' + i, {credentials: 'same-origin'}).then(r => r.status);
const write = () => fetch(send + '?n=6', {method: 'POST', credentials: 'same-origin', headers: {'Content-Type': kind}, body}).then(r => r.status);
const open = () => new Promise(good => {
  const ws = new WebSocket('wss://' + location.host + tunnel + '?n=7');
  ws.onopen = () => { ws.close(); good(101); };
  ws.onerror = () => good(0);
});
Promise.all([1, 2, 3, 4, 5].map(read).concat(tunnel ? [write(), open()] : [])).then(done).catch(e => done(String(e)));
"""


def events(pages, name, since=0):
    return [r for r in front.gate.records(kind="event", event=name, site=pages.name) if r["record"] > since]


def newest():
    return max((r["record"] for r in front.gate.records()), default=0)


def chromium(flags=FLAGS, profile=None):
    names = [p.host for p in PAGES] + [OTHER]
    return Chromium(world, {f"{name}:443": hop.port for name in names}, front.spki, flags=list(flags), profile=profile)


def enter(b, pages, keyed=True):
    since = newest()
    pages.login(b)
    pages.logged_in(b)
    if keyed:
        wait_until(lambda: events(pages, "device_enrol", since), 15, "the key's registration")
    return since


def expire(b):
    """As if its five minutes were over."""
    b.call("DELETE", f"/cookie/{COOKIE}")
    tap.check(COOKIE not in b.jar(), "the cookie is still there")


def refused(since):
    return [r for r in front.gate.records(kind="decision") if r["record"] > since and r["enforced"] != "allow"]


def the_owner_notices_nothing(pages):
    b = chromium()
    enter(b, pages)
    since = newest()
    tap.check(COOKIE in b.jar(), sorted(b.jar()))
    pages.work(b)
    held_back(b, pages)
    expire(b)
    pages.work(b)
    tap.equal([(r["path"], r["reason"]) for r in refused(since)], [], "refused to the owner")
    thief_after_expiry(b, pages)
    profile = b.profile
    b.stop()
    restarted(pages, profile)


def held_back(b, pages):
    """One proof for all requests at once, each of which arrives once."""
    if pages.token:
        return  # its requests carry a token that only its own script has
    since, mark, path = newest(), backends[pages.host].mark(), pages.read
    kind, body = pages.theft
    body, more = body.replace("thief", "friend"), pages is ExpressPages
    expire(b)
    statuses = b.run_async(VOLLEY, path, pages.send, kind, body, "/ws" if more else None)
    tap.equal(statuses, [200] * 5 + ([201, 101] if more else []))
    arrived = [r for r in backends[pages.host].requests(since=mark) if "?n=" in r.path]
    wanted = [f"{path}?n={i}" for i in range(1, 6)] + ([f"{pages.send}?n=6", "/ws?n=7"] if more else [])
    tap.equal(sorted(r.path for r in arrived), sorted(wanted))
    tap.equal([r.bytes for r in arrived if r.method == "POST"], [len(body)] if more else [])
    tap.equal(len(events(pages, "device_proof", since)), 1)


def restarted(pages, profile):
    """The key is still there, and so is the session where its cookie outlives the browser."""
    b, since = chromium(profile=profile), newest()
    if pages is DjangoPages:
        b.go(f"https://{pages.host}/admin/")
        pages.logged_in(b)
    else:
        enter(b, pages)
    expire(b)
    pages.work(b)
    pages.logout(b)
    wait_until(lambda: events(pages, "logout", since), 10, "the logout")
    tap.check(COOKIE not in b.jar(), "the cookie outlived the session")
    enter(b, pages)
    b.stop()


def thief_after_expiry(b, pages):
    """Everything out of the cookie jar; the bound cookie is over (or is of no use, being another's)."""
    jar, token = loot(b, pages)
    jar.pop(COOKIE, None)
    mark = backends[pages.host].mark()
    for tls, agent in ((tls_context(front.ca), b.run("return navigator.userAgent")), (tls_context(front.ca, alpn=None), "curl/7.88.1")):
        c = front.client(pages.host, places.address("office"), tls=tls, agent=agent)
        c.jar, c.bearer = dict(jar), token
        for method, path in (("GET", pages.read), ("POST", pages.send)):
            answer = c.ask(method, path, {"Content-Type": pages.theft[0]}, pages.theft[1].encode() if method == "POST" else None)
            tap.check(answer.status in (302, 303, 401, 403), answer)
    tap.equal(backends[pages.host].bytes_since(mark), 0)


def a_link_from_another_site_arrives():
    b = chromium()
    enter(b, ExpressPages)
    expire(b)
    b.go(f"https://{OTHER}/static/none")
    since = newest()
    b.run(f"location.href = 'https://{ExpressPages.host}/'")
    ExpressPages.logged_in(b)
    told = [r["reason"] for r in refused(since)]
    tap.check(len(told) <= 2 and set(told) <= {"proof-missing"}, told)
    b.stop()


def a_websocket_waits_for_the_proof():
    b = chromium()
    enter(b, ExpressPages)
    since = newest()
    expire(b)
    b.go(f"https://{ExpressPages.host}/")
    expire(b)
    state = b.run_async("""
        const done = arguments[0], ws = new WebSocket('wss://wallet.test/ws');
        ws.onopen = () => done('open'); ws.onclose = e => done('closed ' + e.code);""")
    tap.equal(state, "open")
    tap.equal([(r["path"], r["reason"]) for r in refused(since)], [])
    tap.equal(len(events(ExpressPages, "device_proof", since)), 2)
    b.stop()


def a_browser_that_moves_abroad_is_not_asked():
    """From Japan to another country in the middle of the work: the policy would ask for a login."""
    b = chromium()
    enter(b, ExpressPages)
    since, hop.source = newest(), places.address("abroad")
    try:
        hop.cut()
        mark, answer = backends[ExpressPages.host].mark(), b.fetch("/api/withdraw", {
            "method": "POST", "headers": {"Content-Type": "application/json"}, "body": ExpressPages.theft[1].replace("thief", "friend")})
        tap.equal(answer["status"], 201, answer)
        arrived = backends[ExpressPages.host].requests("/api/withdraw", since=mark)
        tap.equal([(r.method, r.bytes) for r in arrived], [("POST", len(ExpressPages.theft[1]) + 1)])
        ExpressPages.work(b)
        tap.equal({r["reason"] for r in refused(since)}, {"proof-wanted"})
        tap.contains(" ".join(r.get("detail", "") for r in events(ExpressPages, "device_proof", since)), "-> KP")
    finally:
        hop.source = places.address("office")
        hop.cut()
        b.stop()


def at_its_quota_a_browser_is_told_to_wait_and_nobody_is_logged_out():
    """Six signatures in nine minutes, the registration among them."""
    b = chromium(flags=[FLAGS[0].replace(":RefreshQuota/false", "")])
    since = enter(b, ExpressPages)
    for n in range(1, 9):
        expire(b)
        mark, answer = backends[ExpressPages.host].mark(), b.fetch(ExpressPages.read)
        if answer["status"] != 200:
            break
    tap.equal((n, answer["status"]), (6, 503), answer)
    tap.equal(backends[ExpressPages.host].bytes_since(mark), 0)
    b.go(f"https://{ExpressPages.host}/")
    tap.check("Not available at the moment" in b.text(), b.text())
    tap.equal({r["reason"] for r in refused(since)}, {"proof-late"})
    tap.equal([r for e in ("logout", "revoke") for r in events(ExpressPages, e, since)], [])
    b.stop()


def browsers_that_cannot_are_served_as_before(make):
    b = make()
    since = enter(b, ExpressPages, keyed=False)
    ExpressPages.work(b)
    time.sleep(1)
    try:
        expire(b)
    except (DriverError, AttributeError):
        pass  # it has none, or is not told by this driver
    ExpressPages.work(b)
    tap.equal(events(ExpressPages, "device_enrol", since), [])
    tap.equal([(r["path"], r["reason"]) for r in refused(since)], [])
    ExpressPages.logout(b)
    b.stop()


with World("device_keys") as world:
    backends = {p.host: START[p.name](world) for p in PAGES}
    keys = [block("session", {"device-keys": "dbsc"})]
    front = Front(world, [site(p.name, p.host, backends[p.host].port, recipe=p.name, lines=keys) for p in PAGES]
                  + [site("other", OTHER, backends["wallet.test"].port, lines=OPEN_ALL)], geo=places.geo(world))
    hop, tunnel = front.hop(places.address("office")), front.hop(places.address("home"), connect=True)
    for each in PAGES:
        tap.run(f"{each.name}: the owner notices nothing, and the cookie jar is worth nothing", the_owner_notices_nothing, each)
    tap.run("a link from another site arrives", a_link_from_another_site_arrives)
    tap.run("a WebSocket waits for the proof", a_websocket_waits_for_the_proof)
    tap.run("a browser that moves abroad is not asked", a_browser_that_moves_abroad_is_not_asked)
    tap.run("at its quota a browser is told to wait, and nobody is logged out", at_its_quota_a_browser_is_told_to_wait_and_nobody_is_logged_out)
    tap.run("chromium without it is served as before", browsers_that_cannot_are_served_as_before, lambda: chromium(flags=[]))
    tap.run("firefox is served as before", browsers_that_cannot_are_served_as_before, lambda: Firefox(world, proxy=tunnel.port))
tap.finish()
