# SPDX-License-Identifier: Apache-2.0
"""`adopt` takes over what began before warifu, and nothing that warifu has seen: bound, ended or revoked."""
import urllib.parse

from lib import places, tap
from lib.backend import login_express, start_express
from lib.http1 import Client, tls_context
from lib.settings import Front, block, site
from lib.world import World, wait_until

world = World("adoption")
app = start_express(world)
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express",
                           lines=[block("session", ["adopt until 2099-01-01"])])],
              geo=places.geo(world), limits={"sessions": 100, "logins-per-address": "100000 per 60 s burst 100000"})
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
NAME = "connect.sid"


def client(place="office", agent=AGENT, tls=None):
    return front.client("wallet.test", places.address(place), agent=agent, **({"tls": tls} if tls else {}))


def thief(value):
    odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    t = client("abroad", "python-requests/2.31", odd)
    t.jar = {NAME: value}
    return t


def owner():
    c = client()
    tap.equal(login_express(c, "alice").status, 303, "login")
    return c


@tap.case
def a_session_from_before_warifu_is_taken_over():
    direct = Client(app.port, "wallet.test", None)
    tap.equal(login_express(direct, "bob").status, 303, "a login past warifu")
    c = client(agent="walletapp/1")
    c.jar = dict(direct.jar)
    tap.equal(c.get("/api/me").status, 200, "adopted")
    wait_until(lambda: front.gate.records(event="adopt"), 10, "a record of it")


@tap.case
def another_spelling_of_a_bound_cookie_is_that_cookie():
    value = owner().jar[NAME]
    plain = urllib.parse.unquote(value)
    for spelt in (value, plain, value.replace("%3A", "%3a"), value.replace("s%3A", "%73%3A"), f'"{value}"', plain + "="):
        mark = app.mark()
        tap.check(thief(spelt).get("/api/balance").status in (400, 401, 403), spelt[:12])
        tap.equal(app.requests("/api/balance", since=mark), [], f"what reached the backend as {spelt[:12]}")


@tap.case
def what_was_revoked_or_ended_stays_so_over_a_restart():
    revoked, ended = owner(), owner()
    tap.check(ended.post("/logout").status < 400, "logout")
    front.gate.cli("session", "revoke", "user", "alice")
    for _ in range(2):
        for c in (revoked, ended):
            tap.check(thief(c.jar.get(NAME) or "x").get("/api/me").status in (401, 403), "a copy")
            tap.check(c.get("/api/me").status in (302, 303, 401, 403), "its own browser")
        front.gate.stop()
        front.start()


@tap.case
def invented_cookies_leave_nothing_behind():
    before = len(front.gate.records(event="adopt"))
    c = client("home")
    for i in range(300):
        c.jar = {NAME: f"s%3Ainvented{i}.x"}
        tap.check(c.get("/api/me").status in (302, 303, 401, 403), f"{i}")
    tap.equal(len(front.gate.records(event="adopt")), before, "adoptions recorded")
    tap.equal(owner().get("/api/me").status, 200, "there is room for a login")


tap.main()
