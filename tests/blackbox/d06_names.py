# SPDX-License-Identifier: Apache-2.0
"""Nobody logs in under another person's name, or under none; and a login that shares its path opens nothing else."""
import gzip
import json

from backends import raw
from lib import places, tap
from lib.backend import PASSWORDS, start_express
from lib.settings import Front, block, site
from lib.world import World

JSON_ANSWER = json.dumps({"ok": True, "user": "carol"}).encode()


def console(peer):
    """/graphql logs in and withdraws; /zip-login answers compressed when it may."""
    while True:
        head = peer.head()
        body = peer.body(head)
        line = head.split(b"\r\n")[0]
        if b"/zip-login" in line:
            zipped = b"accept-encoding: gzip" in head.lower()
            answer = gzip.compress(JSON_ANSWER) if zipped else JSON_ANSWER
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: sid=z1; Path=/\r\n"
                      + (b"Content-Encoding: gzip\r\n" if zipped else b"") + b"Content-Length: %d\r\n\r\n" % len(answer) + answer)
            continue
        cookie = b"Set-Cookie: sid=g1; Path=/\r\n" if b"login" in body else b""
        peer.send(b"HTTP/1.1 200 OK\r\n" + cookie + b"Content-Length: 2\r\n\r\nok")


world = World("names")
app = start_express(world)
other = world.add(raw.RawBackend(console))
front = Front(world, [
    site("wallet", "wallet.test", app.port, recipe="express"),
    site("shared", "shared.test", other.port, lines=[
        "credential cookie sid",
        block("login", ['request POST "/graphql"', "success status 200", "success cookie sid changed", "user none"]),
        block("login", ['request POST "/zip-login"', 'success json "ok" equals "true"', 'user json "user"']),
        block("routes", ['sensitive POST "/graphql"'])])], geo=places.geo(world))
GOOD = json.dumps({"username": "bob", "password": PASSWORDS["bob"]}).encode()


def login(body, kind="application/json", **fields):
    c = front.client()
    answer = c.ask("POST", "/api/login", {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in fields.items()}}, body)
    return answer.status


@tap.case
def a_login_in_another_character_set_or_coding_is_refused_before_the_backend_hears_of_it():
    evil = b'{"username":"alice","+AHU-sername":"bob","password":"%s"}' % PASSWORDS["bob"].encode()
    mark = app.mark()
    for kind in ("application/json; charset=utf-7", "application/json; charset=utf-16", "text/plain", "application/jsonx",
                 "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        tap.equal(login(evil, kind), 415, kind)
    tap.equal(login(gzip.compress(GOOD), "application/json", Content_Encoding="gzip"), 415, "gzip")
    tap.equal(login(GOOD + b" " * 70000), 415, "longer than is looked at")
    tap.equal(app.requests(since=mark), [], "what reached the backend")
    for kind in ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"):
        tap.equal(login(GOOD, kind), 200, kind)
    users = [r.get("user") for r in front.gate.records() if r.get("event") == "bind"]
    tap.check(users and set(users) == {"bob"}, f"bound as {users}")


@tap.case
def a_login_whose_user_cannot_be_read_is_no_login():
    for body in (b'{"username":"bob","username":"bob","password":"%s"}' % PASSWORDS["bob"].encode(),
                 b'{"username":["bob"],"password":"%s"}' % PASSWORDS["bob"].encode()):
        c = front.client()
        answer = c.ask("POST", "/api/login", {"Content-Type": "application/json"}, body)
        tap.check(answer.status >= 400, f"{answer.status}")
        tap.check(c.get("/api/me").status in (401, 403), "no session came of it")


@tap.case
def an_answer_that_is_read_is_not_compressed():
    c = front.client("shared.test")
    answer = c.ask("POST", "/zip-login", {"Accept-Encoding": "gzip", "Content-Type": "application/json"}, b"{}")
    tap.equal((answer.status, answer.body), (200, JSON_ANSWER), "answer")
    tap.check("carol" in front.gate.cli("session", "list").stdout, "bound as carol")


@tap.case
def a_login_that_shares_its_path_keeps_the_class_of_the_list():
    owner = front.client("shared.test", places.address("office"), agent="walletapp/1")
    tap.equal(owner.ask("POST", "/graphql", {"Content-Type": "application/json"}, b'{"login":1}').status, 200, "login")
    tap.equal(owner.ask("POST", "/graphql", {"Content-Type": "application/json"}, b'{"withdraw":1}').status, 200, "hers")
    thief = front.client("shared.test", places.address("home"), agent="walletapp/1")
    thief.jar = dict(owner.jar)
    thief.ask("POST", "/graphql", {"Content-Type": "application/json"}, b'{"withdraw":1}')
    heads = [h for c in other.received for h in c.split(b"POST ")[1:] if b"withdraw" in h]
    tap.equal([b"sid=g1" in h for h in heads], [True, False], "which withdrawals carried the session")


tap.main()
