# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""What is bound at a login, and what a thief can do with it: the three backends, the same questions.

The owner is Python's TLS with its defaults; the thief has the owner's cookies and token, another
TLS stack's fingerprint (fewer ciphers, no ALPN) and another User-Agent. `away` is the same thief
in another country.
"""
import os
import time

from lib import places, tap
from lib.backend import (django_post, login_django, login_express, login_rtl, rtl_fields, start_django,
                         start_express, start_rtl)
from lib.http1 import tls_context
from lib.settings import Front, site
from lib.world import World, wait_until

world = World("binding")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
REFUSED = (302, 303, 400, 401, 403)


class App:
    """One backend as its users see it."""

    def __init__(self, name, host, backend, read, cookie):
        self.name, self.host, self.backend, self.read, self.cookie = name, host, backend, read, cookie

    def owner(self, place="office"):
        return front.client(self.host, places.address(place), agent=AGENT)

    def thief(self, victim, place="office", agent="python-requests/2.31"):
        """Another program with a copy of all that the victim's holds."""
        odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
        c = front.client(self.host, places.address(place), tls=odd, agent=agent)
        c.jar, c.bearer = dict(victim.jar), victim.bearer
        return c

    def reached(self, mark, path=None):
        return [r for r in self.backend.requests(path, since=mark)]


class Django(App):
    def login(self, client, user="alice", password=None):
        return login_django(client, user, password).status == 302

    def withdraw(self, client, address="bc1qfine"):
        """The answer to a withdrawal; a thief cannot even read the form, so it posts blind."""
        target = "/admin/treasury/withdrawal/add/"
        page = client.get(target)
        if page.status == 200 and b"csrfmiddlewaretoken" in page.body:
            return django_post(client, target, page, asset="BTC", amount="1", address=address, note="")
        return client.post(target, {"csrfmiddlewaretoken": client.jar.get("csrftoken", ""), "asset": "BTC", "amount": "1",
                                    "address": address}, fields={"Referer": f"https://{self.host}{target}"})

    def logout(self, client):
        return client.get("/admin/logout/")


class Express(App):
    def login(self, client, user="alice", password=None):
        return login_express(client, user, password).status == 303

    def withdraw(self, client, address="bc1qfine00"):
        return client.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": address})

    def logout(self, client):
        return client.post("/logout")


class Rtl(App):
    def login(self, client, user=None, password=None):
        return login_rtl(client, *([password] if password else [])).status == 200

    def withdraw(self, client, address="bcrt1qfine"):
        return client.post("/rtl/api/lnd/transactions", data={"amount": 1, "address": address}, fields=rtl_fields(client))

    def logout(self, client):
        return client.get("/rtl/api/authenticate/logout")


def setup():
    global front, apps, fixed
    apps = [Django("django", "django.test", start_django(world), "/admin/", "sessionid"),
            Express("express", "wallet.test", start_express(world), "/api/me", "connect.sid"),
            Rtl("ride-the-lightning", "rtl.test", start_rtl(world), "/rtl/api/lnd/balance", None)]
    fixed = Express("express", "fixed.test", start_express(world, "--keep-id"), "/api/me", "connect.sid")
    front = Front(world, [site(a.host.split(".")[0], a.host, a.backend.port, recipe=a.name) for a in apps + [fixed]],
                  geo=places.geo(world))


# --- each of these runs for each backend

def nobody_reaches_a_closed_route(app):
    mark, c = app.backend.mark(), app.owner()
    tap.check(c.get(app.read).status in REFUSED)
    tap.check(app.withdraw(c).status in REFUSED)
    tap.equal([r for r in app.reached(mark) if r.path.split("?")[0] == app.read], [])
    tap.equal(app.reached(mark, "/api/withdraw") + app.reached(mark, "/rtl/api/lnd/transactions"), [])


def a_login_is_bound_and_works(app):
    c = app.owner()
    tap.check(app.login(c))
    tap.equal(c.get(app.read).status, 200)
    tap.check(app.withdraw(c).status in (201, 302))
    events = [r.get("event") for r in front.gate.records()]
    tap.check("login" in events or "bind" in events, sorted({str(e) for e in events}))


def a_bound_cookie_is_hardened(app):
    c, lines = app.owner(), []
    c.learn = lambda r, learn=c.learn: (lines.extend(r.all("Set-Cookie")), learn(r))
    tap.check(app.login(c))
    line = [x for x in lines if x.startswith(app.cookie + "=")][-1].lower()
    for part in ("secure", "httponly", "samesite"):
        tap.contains(line, part)


def a_thief_gets_nothing_and_the_owner_notices_nothing(app):
    c = app.owner()
    tap.check(app.login(c))
    tap.equal(c.get(app.read).status, 200)
    for place in ("office", "abroad", "hosting"):
        thief = app.thief(c, place)
        mark = app.backend.mark()
        tap.check(thief.get(app.read).status in REFUSED, f"reading from {place}")
        tap.check(app.withdraw(thief, "bc1qthief00").status in REFUSED, f"withdrawing from {place}")
        stolen = [r for r in app.reached(mark) if any("bc1qthief" in str(h) for h in r.headers) or r.path.startswith(app.read)]
        tap.equal(stolen, [], f"requests that reached the backend from {place}")
        tap.equal(c.get(app.read).status, 200, f"the owner after the thief from {place}")
    tap.check(app.withdraw(c).status in (201, 302), "the owner's withdrawal after all that")


def a_wrong_password_with_the_stolen_cookie_changes_nothing(app):
    c = app.owner()
    tap.check(app.login(c))
    thief = app.thief(c, "abroad")
    tap.check(not app.login(thief, password="guess"))
    again, mark = app.thief(c, "abroad"), app.backend.mark()
    tap.check(again.get(app.read).status in REFUSED)
    tap.equal(app.reached(mark, app.read), [], "his next request with the stolen credential")
    tap.equal(c.get(app.read).status, 200)


def the_thiefs_own_account_leaves_the_owner_alone(app):
    c = app.owner()
    tap.check(app.login(c))
    thief = app.thief(c, "abroad")
    if app.name == "ride-the-lightning":
        time.sleep(1.1)  # within one second he would get her token: he is who she is there, see d02_logins
    if app.login(thief, "bob"):
        tap.equal(thief.get(app.read).status, 200, "his own session, his own right")
    again, mark = app.thief(c, "abroad"), app.backend.mark()
    tap.check(again.get(app.read).status in REFUSED)
    tap.equal(app.reached(mark, app.read), [], "the stolen credential after his own login")
    tap.equal(c.get(app.read).status, 200)
    if app.name == "express":
        tap.equal(c.get("/api/me").json(), {"user": "alice"})


def a_logout_ends_it_for_everybody(app):
    c = app.owner()
    tap.check(app.login(c))
    kept = app.thief(c)
    copy = app.owner()
    copy.jar, copy.bearer = dict(c.jar), c.bearer
    tap.check(app.logout(c).status in (200, 302, 303))
    mark = app.backend.mark()
    for who in (kept, copy):
        tap.check(who.get(app.read).status in REFUSED)
    tap.equal(app.reached(mark, app.read), [], "the backend's own opinion was not asked")


def one_sites_credential_is_nothing_at_another(app):
    c = app.owner()
    tap.check(app.login(c))
    for other in apps:
        if other is app:
            continue
        mark = other.backend.mark()
        stranger = other.owner()
        stranger.jar, stranger.bearer = dict(c.jar), c.bearer
        tap.check(stranger.get(other.read).status in REFUSED)
        tap.equal(other.reached(mark, other.read), [])


def aliases_of_a_sensitive_route_are_the_route(app):
    c = app.owner()
    tap.check(app.login(c))
    path = {"django": "/admin/auth/user/", "express": "/api/withdraw", "ride-the-lightning": "/rtl/api/lnd/transactions"}[app.name]
    head, tail = path.rsplit("/", 2)[0], path[1:]
    first = path[1]
    aliases = [path + "/" if not path.endswith("/") else path[:-1], path.upper(), "/" + path, path.replace("/", "//", 2),
               "/." + path, "/x/.." + path, f"/%{ord(first):02x}" + tail[1:], f"/%{ord(first):02X}" + tail[1:],
               path.replace("/", "/./", 2), head + "/%2e%2e" + path, path + "?x=1", path + ";v=1", path + "%00", path.replace("/", "\\", 2),
               path + "%20", "/%25" + f"{ord(first):02x}" + tail[1:]]
    thief = app.thief(c, "abroad")
    mark = app.backend.mark()
    for alias in aliases:
        try:
            answer = thief.post(alias, data={"amount": 1, "asset": "BTC", "address": "bc1qthief00"}, fields=rtl_fields(thief))
            tap.check(answer.status in REFUSED + (404,), f"{alias}: {answer}")
        except (OSError, ValueError):
            pass
    tap.equal(app.reached(mark), [], "what the aliases brought to the backend")
    classes = {r.get("class") for r in front.gate.records() if str(r.get("path", "")).lower().rstrip("/") == path.rstrip("/")}
    tap.check(classes <= {"sensitive"}, f"{path} was decided on as {classes}")


def two_cookies_of_one_name_are_refused_with_a_cure(app):
    c = app.owner()
    tap.check(app.login(c))
    mark, good = app.backend.mark(), c.jar[app.cookie]
    for line in (f"{app.cookie}={good}; {app.cookie}=other", f"{app.cookie}=other; {app.cookie}={good}",
                 f"{app.cookie}={good}; {app.cookie}={good}"):
        answer = c.connect().ask("GET", app.read, app.host, {"Cookie": line, "User-Agent": AGENT, "Accept": "text/html"})
        tap.equal(answer.status, 400, line.replace(good, "…"))
        cure = [x for x in answer.all("Set-Cookie") if x.startswith(app.cookie + "=")]
        tap.check(cure and all("max-age=0" in x.lower() or "1970" in x for x in cure), answer.all("Set-Cookie"))
    two_lines = c.connect().ask("GET", app.read, app.host, [("Cookie", f"{app.cookie}={good}"), ("Cookie", f"{app.cookie}=x")])
    tap.equal(two_lines.status, 400)
    tap.equal(app.reached(mark), [])
    wait_until(lambda: front.gate.records(event="tossing"), 10, "a record of it")
    tap.equal(c.get(app.read).status, 200, "with one cookie again")


def names_that_others_would_confuse_are_refused(app):
    c = app.owner()
    tap.check(app.login(c))
    mark = app.backend.mark()
    if app.cookie:
        n, v = app.cookie, c.jar[app.cookie]
        cookies = [f"{n.upper()}={v}", f'{n}="{v}"', f"{n.replace('.', '_')}={v}", f"{n} ={v}",
                   f"%{ord(n[0]):02x}{n[1:]}={v}", n.replace(".", "[", 1) + f"={v}", n.replace("i", "I") + f"={v}"]
        sent = [{"Cookie": x} for x in cookies if not x.startswith(n + "=" + v)]
    else:
        token = c.bearer
        sent = [{"Authorization": f"bearer  {token}"}, {"Authorization": f"Token {token}"}, {"Authorization": f"Bearer {token} x"},
                {"Authorization": f"Basic x Bearer {token}"}, {"Authorization": token}]
    for fields in sent:
        answer = c.connect().ask("GET", app.read, app.host, dict(fields, **{"User-Agent": AGENT}))
        tap.check(answer.status in REFUSED, f"{fields}: {answer}")
    tap.equal(app.reached(mark, app.read), [], "an alias of the credential reached the backend")


def a_path_parameter_is_no_way_in(app):
    c = app.owner()
    tap.check(app.login(c))
    value = c.jar.get(app.cookie or "", c.bearer or "x")
    mark = app.backend.mark()
    stranger = app.owner()
    answer = stranger.get(f"{app.read};jsessionid={value}")
    tap.check(answer.status in REFUSED + (404,), answer)
    tap.equal(app.reached(mark), [])


def a_cross_site_login_is_refused(app):
    mark, c = app.backend.mark(), app.owner()
    path, body = {"django": ("/admin/login/", {"username": "alice"}), "express": ("/login", {"username": "alice"}),
                  "ride-the-lightning": ("/rtl/api/authenticate", {"authenticationValue": "x"})}[app.name]
    for fields in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        tap.equal(c.post(path, body, fields=fields).status, 403, fields)
    tap.equal(app.reached(mark, path), [])


COOKIE_ONLY = (a_bound_cookie_is_hardened, two_cookies_of_one_name_are_refused_with_a_cure)
PER_APP = [nobody_reaches_a_closed_route, a_login_is_bound_and_works, a_bound_cookie_is_hardened,
           a_thief_gets_nothing_and_the_owner_notices_nothing, a_wrong_password_with_the_stolen_cookie_changes_nothing,
           the_thiefs_own_account_leaves_the_owner_alone, a_logout_ends_it_for_everybody,
           one_sites_credential_is_nothing_at_another, aliases_of_a_sensitive_route_are_the_route,
           two_cookies_of_one_name_are_refused_with_a_cure, names_that_others_would_confuse_are_refused,
           a_path_parameter_is_no_way_in, a_cross_site_login_is_refused]


# --- express only

def a_rotated_cookie_keeps_the_owners_binding():
    app = apps[1]
    c = app.owner()
    tap.check(app.login(c))
    old = dict(c.jar)
    tap.equal(c.post("/api/rotate").status, 200)
    tap.check(c.jar != old)
    tap.equal(c.get("/api/me").json(), {"user": "alice"})
    tap.check(app.withdraw(c).status == 201)
    thief = app.thief(c, "abroad")
    mark = app.backend.mark()
    tap.check(thief.get("/api/me").status in REFUSED)
    stale = app.owner()
    stale.jar = old
    time.sleep(0.5)
    tap.check(stale.get("/api/me").status in REFUSED + (200,))
    tap.equal([r for r in app.reached(mark, "/api/me") if "bc1qthief" in str(r.headers)], [])
    tap.check(any(r.get("event") == "rotate" for r in front.gate.records()))


def a_rotation_at_the_thiefs_request_is_not_his():
    """Challenged before it reaches the backend, so nothing can rotate for him."""
    app = apps[1]
    c = app.owner()
    tap.check(app.login(c))
    thief = app.thief(c, "hosting")
    mark = app.backend.mark()
    tap.check(thief.post("/api/rotate").status in REFUSED)
    tap.equal(app.reached(mark, "/api/rotate"), [])


def a_cookie_from_before_the_login_is_worth_nothing():
    app = apps[1]
    c = app.owner()
    c.get("/login")
    before = dict(c.jar)
    tap.check(before, "express-session sets its cookie at the first visit")
    tap.check(app.login(c))
    planted = app.owner()
    planted.jar = before
    tap.check(planted.get("/api/me").status in REFUSED)


def fixation_at_a_backend_that_keeps_its_cookie():
    """The attacker plants his own pre-login cookie; the victim logs in on it. The recipe wants a changed
    cookie, so nothing is bound, and neither of them gets in: better closed than shared."""
    attacker = fixed.owner("abroad")
    attacker.get("/login")
    victim = fixed.owner()
    victim.jar = dict(attacker.jar)
    fixed.login(victim)
    mark = fixed.backend.mark()
    tap.check(attacker.get("/api/me").status in REFUSED)
    tap.equal(fixed.reached(mark, "/api/me"), [])


def nothing_secret_stands_in_state_or_log():
    """Security model: credentials, passwords and bodies are never stored."""
    app = apps[1]
    c = app.owner()
    tap.check(app.login(c))
    c.get("/api/me")
    front.gate.stop()
    needles = [c.jar["connect.sid"].encode(), c.jar["connect.sid"].split(".")[0][4:].encode(), b"alice-7-lanterns"]
    found = []
    for folder, _, names in os.walk(world.path(f"state{front.port}")):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    data = f.read()
                found += [path for n in needles if n in data]
    tap.equal(found, [])
    tap.check(not any(n.decode() in front.gate.log() for n in needles), "in the program's log")
    front.start()


setup()
try:
    for fn in PER_APP:
        for one in (a for a in apps if a.cookie or fn not in COOKIE_ONLY):
            tap.run(f"{fn.__name__} ({one.name})", fn, one)
    for fn in (a_rotated_cookie_keeps_the_owners_binding, a_rotation_at_the_thiefs_request_is_not_his,
               a_cookie_from_before_the_login_is_worth_nothing, fixation_at_a_backend_that_keeps_its_cookie,
               nothing_secret_stands_in_state_or_log):
        tap.run(fn.__name__, fn)
finally:
    world.stop()
tap.finish()
