# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Other spellings of a sensitive route, sent by its own owner: refused, or decided on as sensitive.

A thief's aliases (d01_binding) are stopped because he is a thief. Here the session is good, so that only
the reading of the path stands between a route's class and what the backend makes of the same bytes.
"""
from lib import places, tap
from lib.backend import login_django, login_express, login_rtl, rtl_fields, start_django, start_express, start_rtl
from lib.settings import Front, block, site
from lib.world import World, wait_until

world = World("aliases")
BODY = '{"asset":"BTC","amount":1,"address":"bc1qfine00"}'


def spelled(path):
    """{what: other spellings of it}: ten kinds, and more of some."""
    cut = path.rstrip("/")
    head, last = cut.rsplit("/", 1)
    first = cut.split("/")[1]
    enc = lambda text: "".join(f"%{ord(c):02x}" for c in text)
    return {
        "case": [cut.upper(), head + "/" + last.capitalize(), "/" + first.upper() + cut[1 + len(first):]],
        "trailing slash": [cut, cut + "/"],
        "empty segments": ["/" + cut, head + "//" + last, cut + "//"],
        "dot segments": ["/." + cut, "/x/.." + cut, head + "/./" + last, head + "/x/../" + last, cut + "/.", cut + "/x/..", "/.." + cut],
        "encoded dots": ["/%2e" + cut, head + "/x/%2e%2e/" + last, head + "/%2E/" + last, head + "/x/.%2e/" + last],
        "encoded slash": [head + "%2f" + last, head + "%2F" + last, head + "/x%2f..%2f" + last],
        "backslash": [head + "\\" + last, head + "%5c" + last, "\\" + cut],
        "parameters": [cut + ";x=1", head + ";a/" + last, cut + ";", cut + "%3bx=1"],
        "encoded letters": [head + "/" + enc(last), "/" + enc(first) + cut[1 + len(first):], head + "/%" + f"{ord(last[0]):02X}" + last[1:]],
        "encoded twice": [head + "/%25" + enc(last[0])[1:] + last[1:], head + "%252f" + last, head + "/%u0061" + last[1:]],
        "overlong and odd UTF-8": [head + "%c0%af" + last, head + "/%c1%" + f"{ord(last[0]) + 64:02x}" + last[1:], head + "%e0%80%af" + last,
                                   head + "%ef%bc%8f" + last, head + "/" + last + "%c2%ad", head + "/" + last + "%e2%80%8b"],
        "ends": [cut + "%00", cut + "%20", cut + ".", cut + "%2e", cut + "::$DATA", cut + "%0d%0a", cut + "%23x", cut + "%3fx"],
        "query": [cut + "?", cut + "?x=/static/a.css", cut + "?/../static/", cut + "??", cut + "?jsessionid=1"],
        "whole address": [f"https://{{host}}{cut}", f"http://{{host}}{cut}", f"https://{{host}}/x/..{cut}"],
    }


class App:
    def __init__(self, name, host, backend, login, method, path, done):
        self.name, self.host, self.backend, self.login = name, host, backend, login
        self.method, self.path, self.done = method, path, done


def setup():
    global front, apps
    apps = [App("django", "django.test", start_django(world), lambda c: login_django(c, "alice"), "GET", "/admin/auth/user/", 200),
            App("express", "wallet.test", start_express(world), lambda c: login_express(c, "alice"), "POST", "/api/withdraw", 201),
            App("ride-the-lightning", "rtl.test", start_rtl(world), login_rtl, "POST", "/rtl/api/lnd/transactions", 201)]
    front = Front(world, [site(a.name, a.host, a.backend.port, recipe=a.name,
                               lines=[block("routes", ['sensitive GET "/api/audit"', 'write POST "/api/rotate"'])]) for a in apps],
                  geo=places.geo(world), limits={"rate-per-session": "1000 per 1 s burst 5000"})


def owner(app):
    c = front.client(app.host, places.address("office"), agent="treasury-tool/3.1")
    tap.check(app.login(c).status in (200, 302, 303))
    return c


def send(app, c, method, target, fields=(), body=BODY):
    """(answer or None, what came to the backend, the log's decisions on it)."""
    mark = app.backend.mark()
    more = {"Content-Type": "application/json", **rtl_fields(c), **dict(fields)}
    conn = c.connect()
    port, answer = conn.sock.getsockname()[1], None
    try:
        answer = conn.ask(method, target.replace("{host}", app.host), c.host, c.fields(more), body.encode() if method != "GET" else None)
    except (OSError, ValueError):
        pass  # cut
    finally:
        conn.close()
    came = app.backend.requests(since=mark)
    told = []
    if came:
        told = wait_until(lambda: front.gate.records(site=app.name, kind="decision", peer_port=port)[-1:], 20, f"{target} in the log")
    return answer, came, told


def each_spelling(app):
    """Nothing that reached the backend was decided on as less than sensitive."""
    c, passed, count = owner(app), [], 0
    answer, came, told = send(app, c, app.method, app.path)
    tap.equal((answer.status, len(came), [r["class"] for r in told]), (app.done, 1, ["sensitive"]), "the route itself")
    for what, targets in spelled(app.path).items():
        for target in targets:
            count += 1
            answer, came, told = send(app, c, app.method, target)
            tap.check(not came or {r["class"] for r in told} == {"sensitive"}, f"{what}: {target} was {[r['class'] for r in told]}, and came to the backend")
            tap.check(came or answer is None or 400 <= answer.status < 500, f"{what}: {target}: {answer}")
            if came:
                passed.append(target)
    tap.note(f"{app.name}: {count} spellings, {count - len(passed)} refused, decided on as sensitive: {passed}")
    tap.check(len(passed) < count / 2, "most of them are no plain request")
    tap.equal(c.get("/admin/" if app.name == "django" else app.path).status < 500, True)


def a_method_in_disguise(app):
    """A framework behind us would take another method than the one that was decided on."""
    c = owner(app)
    read = {"django": "/admin/", "express": "/api/me", "ride-the-lightning": "/rtl/api/lnd/balance"}[app.name]
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override", "X_HTTP_Method_Override"):
        answer, came, _ = send(app, c, "GET", read, {name: "POST"})
        tap.equal((answer.status, came), (400, []), name)
    for query in ("_method=POST", "_METHOD=delete", "x=1&_method=put", "%5fmethod=POST"):
        answer, came, _ = send(app, c, "GET", f"{read}?{query}")
        tap.equal((answer.status, came), (400, []), query)
    for method in ("PUT", "PATCH", "DELETE", "PURGE", "post", "TRACE", "CONNECT"):
        answer, came, told = send(app, c, method, app.path)
        tap.check(not came or {r["class"] for r in told} == {"sensitive"}, f"{method}: {told}")


def a_tunnel_in_disguise():
    """An Upgrade does not make a sensitive route one to read."""
    app = apps[1]
    c = owner(app)
    for method, target in (("POST", "/api/withdraw"), ("GET", "/api/audit")):
        fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        _, came, told = send(app, c, method, target, fields)
        tap.check(not came or {r["class"] for r in told} == {"sensitive"}, f"{method} {target}: {[(r['class'], r['facts']['request.websocket']) for r in told]}")


setup()
try:
    for one in apps:
        tap.run(f"each_spelling ({one.name})", each_spelling, one)
        tap.run(f"a_method_in_disguise ({one.name})", a_method_in_disguise, one)
    tap.run("a_tunnel_in_disguise", a_tunnel_in_disguise)
finally:
    world.stop()
tap.finish()
