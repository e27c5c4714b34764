# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=400
"""The three consoles' own logins through the gate, in real Chromium and Firefox: as without it."""
from lib import places, tap
from lib.backend import start_django, start_express, start_rtl
from lib.marionette import Firefox
from lib.people import PAGES
from lib.settings import Front, site
from lib.webdriver import Chromium
from lib.world import World, wait_until

START = {"express": start_express, "django": start_django, "ride-the-lightning": start_rtl}
USER = {"express": "alice", "django": "alice", "ride-the-lightning": "NODE_USER"}
# Where a person comes from a bookmark, and where the login's page is.
BOOKMARK = {"express": ("/", "/login"), "django": ("/admin/treasury/withdrawal/", "/admin/login/"), "ride-the-lightning": ("/", "/rtl/")}


def log(front, pages, since, **wanted):
    return [r for r in front.gate.records(site=pages.name, **wanted) if r["record"] > since]


def walk(front, browser, pages):
    """A bookmark, a wrong password, login, withdrawal, logout; and nothing left after it."""
    since = max((r["record"] for r in front.gate.records()), default=0)
    bookmark, page = BOOKMARK[pages.name]
    browser.go(f"https://{pages.host}{bookmark}")
    tap.equal(browser.url().split("?")[0], f"https://{pages.host}{page}", "where the bookmark led without a session")
    pages.login(browser, password="wrong")
    browser.wait(lambda: browser.has("#password, #id_password"), 20, "the form again")
    tap.equal(log(front, pages, since, event="bind"), [], "bound by a wrong password")
    pages.login(browser)
    pages.logged_in(browser)
    bound = log(front, pages, since, event="bind")
    tap.equal([(r.get("user"), bool(r.get("session"))) for r in bound], [(USER[pages.name], True)], "what was bound")
    pages.work(browser)
    pages.logout(browser)
    ended = wait_until(lambda: log(front, pages, since, event="logout"), 10, "the logout in the log")
    tap.equal([r["session"] for r in ended], [bound[0]["session"]])
    told = log(front, pages, since, kind="decision", session=bound[0]["session"])
    tap.check(len(told) > 2 and {r["verdict"] for r in told} == {"allow"}, {r["verdict"] for r in told})
    mark = backends[pages.host].mark()
    answer = browser.fetch(pages.read, {"redirect": "manual"})
    tap.check(answer.get("type") == "opaqueredirect" or answer.get("status") in (401, 403), answer)
    tap.equal(backends[pages.host].requests(pages.read, since=mark), [], "a request after the logout at the backend")


with World("logins") as world:
    backends = {p.host: START[p.name](world) for p in PAGES}
    front = Front(world, [site(p.name, p.host, backends[p.host].port, recipe=p.name) for p in PAGES], geo=places.geo(world))
    hop = front.hop(places.address("office"))
    tunnel = front.hop(places.address("home"), connect=True)
    chromium = Chromium(world, {f"{p.host}:443": hop.port for p in PAGES}, front.spki)
    firefox = Firefox(world, proxy=tunnel.port)
    for pages in PAGES:
        for name, browser in (("chromium", chromium), ("firefox", firefox)):
            tap.run(f"{pages.name} in {name}", walk, front, browser, pages)
tap.finish()
