# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""Holders: a session in one context. Security model 1 to 10, what d01_binding does not ask.

The owner is Python's TLS with its defaults; the thief another TLS stack. Both have what they need
to log in where a case says so; what differs is who they are, when, and on which credential.
"""
import threading
import time

from backends.raw import RawBackend, one, parse_head
from lib import places, tap
from lib.backend import login_express, login_rtl, rtl_fields, start_django, start_express, start_rtl
from lib.http1 import WebSocket, tls_context
from lib.settings import Front, block, site
from lib.world import World, wait_until

world = World("logins")
AGENT = "treasury-tool/3.1"
REFUSED = (302, 303, 400, 401, 403)
BALANCE, SEND = "/rtl/api/lnd/balance", "/rtl/api/lnd/transactions"
LOGIN = ['request POST "/login"', "success status 303"]


def scripted(peer):
    """A backend that does what the request's X-Do says, so that a test can be any application."""
    while True:
        head = peer.head()
        method, target, _, fields = parse_head(head)
        body = peer.body(head)
        do = (one(fields, "x-do") or "").split("|")
        status, answer = do[0] or "200 OK", do[1].encode() if len(do) > 1 else b"ok " + body
        more = "".join(line + "\r\n" for line in do[2:])
        peer.send(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n{more}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)


def custom(name, login, *lines, **more):
    return site(name, f"{name}.test", anyone.port, lines=[*lines, block("login", login)], **more)


def setup():
    global front, express, rtl, django, keeps, anyone
    express, rtl, django, keeps = start_express(world), start_rtl(world), start_django(world), start_express(world, "--keep-id")
    anyone = world.add(RawBackend(scripted))
    sid = "credential cookie sid"
    form = LOGIN + ["user form name"]
    front = Front(world, [
        site("wallet", "wallet.test", express.port, recipe="express",
             lines=[block("routes", ['write POST "/api/rotate"'])]),
        site("rtl", "rtl.test", rtl.port, recipe="ride-the-lightning"), site("django", "django.test", django.port, recipe="django"),
        site("keeps", "keeps.test", keeps.port, lines=["credential cookie connect.sid", block("login", LOGIN + ["user form username"]),
                                                       block("routes", ['open GET "/login"'])]),
        site("two", "two.test", express.port, recipe="express", lines=["credential bearer"]),
        custom("form", form, sid), custom("lower", form + ["fold lower"], sid),
        custom("rjson", LOGIN + ['user request-json "who.name"'], sid), custom("json", LOGIN + ['user json "who.name"'], sid),
        custom("header", LOGIN + ["user header x-user"], sid), custom("nobody", LOGIN + ["user none"], sid),
        custom("jwt", ['request POST "/login"', 'success json "t" present', 'user jwt "sub"', 'credential bearer json "t"'], "credential bearer"),
        custom("idp", form, sid, 'login-origin "https://id.test"'),
        custom("adopts", form, sid, block("session", ["adopt until 2099-01-01"])),
        custom("adopted", form, sid, block("session", ["adopt until 2020-01-01"])),
    ], geo=places.geo(world), limits={"logins-per-address": "1000 per 60 s burst 1000", "rate-per-session": "40 per 60 s burst 40"})


def owner(host, place="office"):
    return front.client(host, places.address(place), agent=AGENT)


def thief(host, victim=None, place="abroad"):
    odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    c = front.client(host, places.address(place), tls=odd, agent="python-requests/2.31")
    if victim:
        c.jar, c.bearer = dict(victim.jar), victim.bearer
    return c


def copy(c, place="office"):
    """The same program with the same credentials, elsewhere."""
    other = owner(c.host, place)
    other.jar, other.bearer = dict(c.jar), c.bearer
    return other


def events(name, **wanted):
    return [r for r in front.gate.records(event=name, **wanted)]


def do(c, what, path="/login", form=None, fields=()):
    """POST to the scripted backend, which answers as told."""
    return c.post(path, form if form is not None else {"name": "alice"}, fields=[("X-Do", what), *fields])


# --- two logins, one credential

def twins(places_and_kinds):
    """Logins of RTL within one second, until all of them were given the same token."""
    for _ in range(30):
        people = [(thief if kind == "thief" else owner)("rtl.test", place=place) for place, kind in places_and_kinds]
        for p in people:
            p.get("/rtl/")
        time.sleep(1 - time.time() % 1)  # the second begins
        for p in people:
            answer = p.post("/rtl/api/authenticate", data={"authenticateWith": "PASSWORD", "authenticationValue": PASSWORD}, fields=rtl_fields(p))
            tap.equal(answer.status, 200)
            p.bearer = answer.json()["token"]
        if len({p.bearer for p in people}) == 1:
            return people
    raise tap.Failure("this machine is too slow for two logins within one second")


def two_logins_with_one_token_are_two_holders():
    a, b = twins([("office", "owner"), ("abroad", "thief")])
    for _ in range(2):
        for who in (a, b):
            tap.equal(who.get(BALANCE).status, 200, "each proved itself by a login")
            tap.equal(who.post(SEND, data={"amount": 1, "address": "bcrt1qfine"}, fields=rtl_fields(who)).status, 201)
    mark = rtl.mark()
    for other in (thief("rtl.test", a, "hosting"), thief("rtl.test", a, "office"), copy(a, "abroad")):
        tap.check(other.get(BALANCE).status in REFUSED, "a copy of the token in a third context")
    tap.equal(rtl.requests(BALANCE, since=mark), [])
    for who in (a, b):
        tap.equal(who.get(BALANCE).status, 200, "and they work on")
    bound = events("bind", site="rtl")[-2:]
    tap.equal(bound[0]["session"], bound[1]["session"])
    tap.contains(bound[1].get("detail", ""), "one more holder")


def both_are_there_after_a_restart():
    a, b = twins([("office", "owner"), ("abroad", "thief")])
    front.gate.stop()
    front.start()
    for who in (a, b):
        tap.equal(wait_until(lambda w=who: (r := w.get(BALANCE)).status != 503 and r.status, 20, "sessions loaded"), 200)
    tap.check(thief("rtl.test", a, "hosting").get(BALANCE).status in REFUSED)


def a_logout_of_one_ends_the_credential_and_so_both():
    a, b = twins([("office", "owner"), ("home", "owner")])
    tap.equal(a.get("/rtl/api/authenticate/logout").status, 200)
    for who in (a, b):
        tap.check(who.get(BALANCE).status in REFUSED, "the backend cannot tell them apart, and the token is over")


def a_challenged_holder_who_logs_in_within_the_second_is_accepted():
    a, b = twins([("office", "owner"), ("office", "owner")])
    out = copy(a, "abroad")
    tap.check(out.get(BALANCE).status in REFUSED)
    for _ in range(30):
        time.sleep(1 - time.time() % 1)
        for who in (a, out):
            tap.equal(login_rtl(who).status, 200)
        if a.bearer == out.bearer:
            break
    for who in (a, out):
        tap.equal(who.get(BALANCE).status, 200)


def many_logins_at_once_all_live():
    people = [owner("rtl.test", place) for place in ("office", "home", "mobile", "abroad")] + [owner("wallet.test", p) for p in ("office", "home", "mobile", "abroad")]
    go = threading.Barrier(len(people))

    def begin(p):
        go.wait()
        tap.check((login_rtl(p) if p.host == "rtl.test" else login_express(p, "alice")).status in (200, 303))
    crew = [threading.Thread(target=begin, args=(p,)) for p in people]
    for t in crew:
        t.start()
    for t in crew:
        t.join()
    for p in people:
        tap.equal(p.get(BALANCE if p.host == "rtl.test" else "/api/me").status, 200, f"{p.host} from {p.proxy[16:20]}")


def asking_for_the_password_again_keeps_the_token_that_works():
    """Ride The Lightning does so before it sends coins, and ignores the new token."""
    a = owner("rtl.test")
    tap.equal(login_rtl(a).status, 200)
    old = a.bearer
    time.sleep(1.1)  # another second, another token
    for _ in range(4):
        answer = a.post("/rtl/api/authenticate", data={"authenticateWith": "PASSWORD", "authenticationValue": PASSWORD}, fields=rtl_fields(a))
        tap.equal(answer.status, 200)
    tap.check(answer.json()["token"] != old)
    tap.equal(a.get(BALANCE).status, 200, "with the old token")
    tunnel = a.websocket("/rtl/api/ws", protocols=[old, "1"])
    tap.check(isinstance(tunnel, WebSocket), f"the tunnel with the old token: {tunnel}")
    tunnel.close()
    a.bearer = answer.json()["token"]
    tap.equal(a.get(BALANCE).status, 200, "with the new token")


PASSWORD = __import__("hashlib").sha256(b"rtl-5-anvils").hexdigest()


# --- logins on a cookie that stays

def another_users_login_on_an_unchanged_cookie_is_refused():
    a = owner("keeps.test")
    a.get("/login")
    tap.equal(login_express(a, "alice").status, 303)
    tap.equal(a.get("/api/me").json(), {"user": "alice"})
    session = events("bind", site="keeps")[-1]["session"]
    b = copy(a)
    answer = login_express(b, "bob")
    tap.equal(answer.status, 403)
    tap.equal(answer.all("Set-Cookie"), [], "what the backend answered")
    told = wait_until(lambda: events("login_failed", site="keeps"), 10, "its record")
    tap.equal([(r["session"], r["detail"], r.get("alarmed")) for r in told], [(session, "login-unchanged", True)])
    tap.equal(events("bind", site="keeps")[-1]["session"], session, "nothing new was bound")


def the_same_users_login_on_an_unchanged_cookie_drops_all_holders_before():
    a = owner("keeps.test")
    a.get("/login")
    tap.equal(login_express(a, "alice").status, 303)
    far = copy(a, "mobile")
    tap.equal(far.get("/api/me").status, 200, "reads in the same country")
    first = events("bind", site="keeps")[-1]["session"]
    tap.equal(login_express(a, "alice").status, 303)
    second = events("bind", site="keeps")[-1]["session"]
    tap.check(first != second)
    wait_until(lambda: any(r["session"] == first for r in events("logout", site="keeps")), 10, "the end of the session before")
    tap.equal(a.get("/api/me").status, 200)


def a_failed_login_with_the_same_program_and_place_changes_nothing():
    a = owner("wallet.test")
    tap.equal(login_express(a, "alice").status, 303)
    session, jar = events("bind", site="wallet")[-1]["session"], dict(a.jar)
    tap.equal(login_express(a, "bob", "guess").status, 401)
    a.jar = jar
    tap.equal(a.get("/api/me").json(), {"user": "alice"})
    tap.equal(events("bind", site="wallet")[-1]["session"], session)


def a_login_ends_what_its_cookie_had():
    a = owner("wallet.test")
    tap.equal(login_express(a, "alice").status, 303)
    old, first = copy(a), events("bind", site="wallet")[-1]["session"]
    tap.equal(login_express(a, "alice").status, 303)
    mark = express.mark()
    tap.check(old.get("/api/me").status in REFUSED)
    tap.equal(express.requests("/api/me", since=mark), [], "warifu's own knowledge, not the backend's")
    ended = wait_until(lambda: events("logout", session=first), 10, "the end of the old session in the log")
    tap.equal([r["detail"] for r in ended], ["replaced by a new login"])
    tap.equal(a.get("/api/me").status, 200)


def a_cookie_from_before_the_login_opens_nothing_and_is_not_stored():
    a, mark = owner("wallet.test"), express.mark()
    a.get("/login")
    tap.check(a.jar)
    before = len(front.gate.records(site="wallet", event="bind"))
    for path in ("/api/me", "/", "/api/rotate"):
        tap.check(a.get(path).status in REFUSED)
    tap.equal([r.path for r in express.requests(since=mark)], ["/login"])
    tap.equal(len(front.gate.records(site="wallet", event="bind")), before)
    other = copy(a, "abroad")
    other.get("/login")
    came = express.requests("/login", since=mark)[-1]
    tap.equal(came.get("Cookie"), None, "a pre-login cookie from another address does not pass")


# --- rotation

def a_rotation_keeps_the_contexts_whoever_asked_for_it():
    a = owner("wallet.test")
    tap.equal(login_express(a, "alice").status, 303)
    far = copy(a, "mobile")
    tap.equal(far.post("/api/rotate").status, 200, "a write from the same country: flagged")
    tap.check(far.jar != a.jar)
    send = {"asset": "BTC", "amount": 1, "address": "bc1qfine00"}
    tap.equal(far.post("/api/withdraw", data=send).status, 403, "he did not become the owner by it")
    a.jar = dict(far.jar)
    tap.equal(a.get("/api/me").status, 200)
    tap.equal(a.post("/api/withdraw", data=send).status, 201, "she did not stop being it")
    rotated = wait_until(lambda: events("rotate", site="wallet"), 10, "the rotation in the log")
    tap.equal(rotated[-1]["session"], events("bind", site="wallet")[-1]["session"])


# --- challenges

def a_challenge_is_answered_by_its_own_context_only():
    a = owner("wallet.test")
    tap.equal(login_express(a, "alice").status, 303)
    stolen, far = thief("wallet.test", a), copy(a, "mobile")
    send = {"asset": "BTC", "amount": 1, "address": "bc1qfine00"}
    tap.equal(stolen.get("/api/me").status, 403)
    tap.equal(far.post("/api/withdraw", data=send).status, 403)
    tap.equal(far.get("/api/me").status, 403, "and waits")
    jar = dict(far.jar)
    tap.equal(login_express(far, "alice").status, 303)
    tap.check(far.jar != jar, "a session of its own")
    tap.equal(far.post("/api/withdraw", data=send).status, 201)
    mark = express.mark()
    for who in (stolen, thief("wallet.test", a, "hosting"), copy(a, "abroad")):
        tap.check(who.get("/api/me").status in REFUSED, "her answer released somebody else")
    back = owner("wallet.test", "mobile")
    back.jar = jar
    tap.check(back.get("/api/me").status in REFUSED, "the old session is still challenged there")
    tap.equal(express.requests("/api/me", since=mark), [])
    tap.equal(a.post("/api/withdraw", data=send).status, 201, "the office was never asked")


def no_number_of_bad_tries_locks_the_owner_out():
    a = owner("wallet.test")
    tap.equal(login_express(a, "alice").status, 303)
    codes = {}
    for stolen in (thief("wallet.test", a, "abroad"), thief("wallet.test", a, "office"), copy(a, "abroad")):
        for _ in range(60):  # more than the session's whole rate
            status = stolen.get("/api/me").status
            codes[status] = codes.get(status, 0) + 1
        for _ in range(5):
            login_express(stolen, "alice", "guess")
            stolen.jar = dict(a.jar)
    tap.check(set(codes) <= {403, 429} and codes.get(403), codes)
    for _ in range(10):
        tap.equal(a.get("/api/me").status, 200, "the owner")
    tap.equal(a.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qfine00"}).status, 201)


# --- carriers

def a_cookies_value_is_no_bearer_token():
    a = owner("two.test")
    tap.equal(login_express(a, "alice").status, 303)
    tap.equal(a.get("/api/me").status, 200)
    mark = express.mark()
    other = owner("two.test")
    other.bearer = a.jar["connect.sid"]
    tap.check(other.get("/api/me").status in REFUSED)
    tap.equal(express.requests("/api/me", since=mark), [])


def two_credentials_of_two_sessions_are_refused():
    a = owner("rtl.test")
    tap.equal(login_rtl(a).status, 200)
    first = a.bearer
    time.sleep(1.1)
    b = owner("rtl.test")
    tap.equal(login_rtl(b).status, 200)
    mark = rtl.mark()
    answer = b.websocket("/rtl/api/ws", protocols=[first, "1"])  # with b's bearer beside it
    tap.equal(getattr(answer, "status", 101), 400)
    tap.equal(rtl.requests("/rtl/api/ws", since=mark), [])
    for who in (a, b):
        tap.equal(who.get(BALANCE).status, 200)


def a_token_in_a_later_subprotocol_is_none():
    a = owner("rtl.test")
    tap.equal(login_rtl(a).status, 200)
    token, a.bearer, mark = a.bearer, None, rtl.mark()
    for protocols in (["json", token], ["x", token, "1"]):
        answer = a.websocket("/rtl/api/ws", protocols=protocols)
        tap.check(getattr(answer, "status", 101) in REFUSED, answer)
    tap.equal(rtl.requests("/rtl/api/ws", since=mark), [])


# --- who

REFUSED_LOGIN = "refused"  # a success without a readable user binds nobody


def bound_user(host, what, form=None, fields=(), body=None):
    c = owner(host)
    before = len(events("bind", site=host.split(".")[0]))
    if body is not None:
        answer = c.ask("POST", "/login", [("X-Do", what), *fields], body)
    else:
        answer = do(c, what, form=form, fields=fields)
    bound = events("bind", site=host.split(".")[0])
    if answer.status == 403:
        tap.equal((len(bound), answer.all("Set-Cookie")), (before, []), "nothing was bound or handed out")
        return REFUSED_LOGIN
    tap.check(answer.status in (200, 303), answer)
    return bound[-1].get("user")


def the_user_is_who_the_backend_says():
    new = "303 See Other|{}|Location: /|Set-Cookie: sid=s%d; Path=/"
    n = iter(range(1000))
    said = lambda body: new.replace("{}", body) % next(n)
    tap.equal(bound_user("json.test", said('{"who": {"name": "carol"}}')), "carol")
    tap.equal(bound_user("json.test", said('{"who": {"name": "carol", "name": "mallory"}}')), REFUSED_LOGIN, "a name that stands twice")
    tap.equal(bound_user("header.test", said("x") + "|X-User: dave"), "dave")
    tap.equal(bound_user("header.test", said("x") + "|X-User: dave|X-User: mallory"), REFUSED_LOGIN)
    tap.equal(bound_user("rjson.test", said("x"), body=b'{"who":{"name":"erin"}}', fields=[("Content-Type", "application/json")]), "erin")
    tap.equal(bound_user("nobody.test", said("x")), None)
    # {"sub":"frank"}; the signature is the backend's business, it has just issued this
    tap.equal(bound_user("jwt.test", '200 OK|{"t":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmcmFuayJ9.c2ln"}'), "frank")


def a_form_field_must_be_there_once_and_is_folded_as_told():
    new = "303 See Other|x|Location: /|Set-Cookie: sid=f%d; Path=/"
    kind = [("Content-Type", "application/x-www-form-urlencoded")]
    tap.equal(bound_user("form.test", new % 1, {"name": "Alice"}), "Alice")
    tap.equal(bound_user("lower.test", new % 2, {"name": "Alice"}), "alice")
    tap.equal(bound_user("form.test", new % 3, body=b"name=alice&name=bob", fields=kind), REFUSED_LOGIN, "twice")
    tap.equal(bound_user("form.test", new % 4, body=b"name=alice&n%61me=bob", fields=kind), REFUSED_LOGIN, "twice, once encoded")
    tap.equal(bound_user("form.test", new % 5, body=b"x=1", fields=kind), REFUSED_LOGIN)


def a_name_is_logged_only_after_success():
    """People type their password into the wrong field."""
    c = owner("form.test")
    tap.equal(do(c, "401 Unauthorized|no", form={"name": "my-secret-passphrase"}).status, 401)
    text = front.gate.cli("log", "export", "--format", "jsonl").stdout
    tap.check("my-secret-passphrase" not in text and "401" in text)


# --- adoption

def an_adopted_session_reads_and_does_nothing_sensitive():
    c = owner("adopts.test")
    c.jar = {"sid": "from-before-warifu"}
    tap.equal(c.get("/accounts").status, 200)
    tap.equal(do(c, "200 OK", path="/send").status, 403, "sensitive")
    tap.check(any(r["facts"]["session.adopted"] for r in front.gate.records(site="adopts", kind="decision")))
    other = thief("adopts.test")
    other.jar = dict(c.jar)
    tap.check(other.get("/accounts").status in REFUSED, "the first context is the one to compare with")
    again = owner("adopts.test")
    again.jar = {"sid": "another-from-before"}
    tap.equal(again.get("/accounts").status, 200)
    tap.equal(do(again, "303 See Other|x|Location: /|Set-Cookie: sid=fresh1; Path=/").status, 303)
    tap.equal(do(again, "200 OK", path="/send").status, 200, "after a login")


def nothing_is_adopted_after_the_date():
    c = owner("adopted.test")
    c.jar = {"sid": "from-before-warifu"}
    mark = len(anyone.requests())
    tap.check(c.get("/accounts").status in REFUSED)
    tap.equal(len(anyone.requests()), mark)


# --- login from elsewhere

def a_listed_identity_provider_may_post_the_login():
    new = "303 See Other|x|Location: /|Set-Cookie: sid=i1; Path=/"
    for origin, status in (("https://id.test", 303), ("https://evil.test", 403), ("http://id.test", 403), ("https://id.test.evil.test", 403),
                           ("https://id.test:8443", 403)):
        got = do(owner("idp.test"), new, fields=[("Origin", origin), ("Sec-Fetch-Site", "cross-site")])
        tap.equal(got.status, status, origin)


# --- tossing

def the_cure_reaches_every_path_and_parent_domain():
    a = front.client("wallet.test", places.address("office"), agent=AGENT)
    lines = a.connect().ask("GET", "/api/deep/me", "wallet.test", {"Cookie": "connect.sid=a; connect.sid=b", "Accept": "text/html"}).all("Set-Cookie")
    where = set()
    for line in lines:
        name, *rest = [p.strip() for p in line.split(";")]
        parts = dict(p.partition("=")[::2] for p in rest)
        tap.equal((name, parts.get("Max-Age")), ("connect.sid=", "0"))
        where.add((parts.get("Domain"), parts["Path"]))
    paths = ("/", "/api", "/api/", "/api/deep", "/api/deep/", "/api/deep/me")
    tap.equal(where, {(domain, path) for domain in (None, "wallet.test") for path in paths})


def the_consoles_login_page_may_select_the_node_that_it_shows_and_no_stranger_another():
    c, mark = owner("rtl.test"), rtl.mark()
    tap.equal(c.get("/rtl/api/conf/updateSelNode/1/-1").status, 200)
    for other in ("/rtl/api/conf/updateSelNode/2/1", "/rtl/api/conf/updateSelNode/1/-1/2"):
        tap.check(c.get(other).status in REFUSED, other)
    tap.equal([r.path for r in rtl.requests(since=mark)], ["/rtl/api/conf/updateSelNode/1/-1"])


CASES = [the_consoles_login_page_may_select_the_node_that_it_shows_and_no_stranger_another, two_logins_with_one_token_are_two_holders, both_are_there_after_a_restart, a_logout_of_one_ends_the_credential_and_so_both,
         a_challenged_holder_who_logs_in_within_the_second_is_accepted, many_logins_at_once_all_live,
         asking_for_the_password_again_keeps_the_token_that_works, another_users_login_on_an_unchanged_cookie_is_refused,
         the_same_users_login_on_an_unchanged_cookie_drops_all_holders_before, a_failed_login_with_the_same_program_and_place_changes_nothing,
         a_login_ends_what_its_cookie_had, a_cookie_from_before_the_login_opens_nothing_and_is_not_stored,
         a_rotation_keeps_the_contexts_whoever_asked_for_it, a_challenge_is_answered_by_its_own_context_only,
         no_number_of_bad_tries_locks_the_owner_out, a_cookies_value_is_no_bearer_token, two_credentials_of_two_sessions_are_refused,
         a_token_in_a_later_subprotocol_is_none, the_user_is_who_the_backend_says, a_form_field_must_be_there_once_and_is_folded_as_told,
         a_name_is_logged_only_after_success, an_adopted_session_reads_and_does_nothing_sensitive, nothing_is_adopted_after_the_date,
         a_listed_identity_provider_may_post_the_login, the_cure_reaches_every_path_and_parent_domain]

setup()
try:
    for case in CASES:
        tap.run(case.__name__, case)
finally:
    world.stop()
tap.finish()
