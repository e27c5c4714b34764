# SPDX-License-Identifier: Apache-2.0
"""Cookies planted from a sibling domain: the owner is not locked out, and an observed site is not touched.

The jar here keeps cookies as a browser does, by name, domain and path (RFC 6265 5.3): an expiry removes only
what it names exactly.
"""
from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World

HOST = "wallet.bank.test"
world = World("tossing")
app = start_express(world)
front = Front(world, [site("wallet", HOST, app.port, recipe="express"),
                      site("watched", "watched.bank.test", app.port, recipe="express", mode="observe")],
              limits={"logins-per-address": "20 per 60 s burst 20"})
NAME = "connect.sid"


class Jar(dict):
    """{(domain or "" for host-only, path): value} of one cookie name."""

    def line(self, path):
        return "; ".join(f"{NAME}={v}" for (_, at), v in self.items()
                         if path == at or path.startswith(at.rstrip("/") + "/"))

    def take(self, answer):
        for text in answer.all("Set-Cookie"):
            name, _, rest = text.partition("=")
            value, *attributes = rest.split("; ")
            given = dict(a.partition("=")[::2] for a in attributes)
            if name != NAME:
                continue
            key = given.get("Domain", ""), given.get("Path", "/")
            if given.get("Max-Age") == "0":
                self.pop(key, None)
            else:
                self[key] = value


def browse(jar, path, method="GET", body=b""):
    fields = {"Cookie": jar.line(path)} if jar.line(path) else {}
    if body:
        fields["Content-Type"] = "application/x-www-form-urlencoded"
    answer = front.conn(HOST).ask(method, path, HOST, {**fields, "Accept": "text/html", "User-Agent": "x"}, body)
    jar.take(answer)
    return answer


def log_in(jar):
    return browse(jar, "/login", "POST", b"username=alice&password=alice-7-lanterns").status


@tap.case
def planted_cookies_of_any_domain_and_path_go_after_one_page():
    for domain, path in (("bank.test", "/"), (HOST, "/"), ("bank.test", "/api"), ("", "/api/"), ("bank.test", "/api/me")):
        jar = Jar()
        tap.equal(log_in(jar), 303, "login")
        jar[(domain, path)] = "evil"
        tap.equal(browse(jar, "/api/me").status, 400, f"two cookies: {domain} {path}")
        tap.equal(dict(jar), {}, f"left over after the cure for {domain} {path}")
        tap.equal(log_in(jar), 303, "the owner logs in again")
        tap.equal(browse(jar, "/api/me").status, 200, "and works")


@tap.case
def an_observed_site_answers_as_its_backend_does():
    c = front.client("watched.bank.test")
    tap.equal(login_express(c, "alice").status, 303, "login")
    good = c.jar[NAME]
    answer = front.conn("watched.bank.test").ask("GET", "/api/me", "watched.bank.test", {
        "Cookie": f"{NAME}={good}; {NAME}=evil", "User-Agent": "x"})
    tap.equal(answer.status, 200, "passed on")
    tap.equal([x for x in answer.all("Set-Cookie") if "Max-Age=0" in x], [], "cookies expired by warifu")


@tap.case
def another_sites_page_does_not_use_up_the_logins_of_an_address():
    k = front.conn(HOST)
    for _ in range(60):
        answer = k.ask("POST", "/login", HOST, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site",
                                                "User-Agent": "x"}, b"")
        tap.equal(answer.status, 403, "a cross-site login")
        if answer.get("Connection") == "close":
            k = front.conn(HOST)
    tap.equal(log_in(Jar()), 303, "an honest login from the same address")


tap.main()
