# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""Device keys (DBSC): what is good once, what comes at once, what is late, what comes from where it does not belong,
and what each side says of device keys that the other must not hear.

`late` is made when the test begins and looked at by its last cases, when its minute is over.
"""
import signal
import threading
import time

from backends.raw import RawBackend
from lib import places, tap
from lib.backend import PASSWORDS, login_express, start_express
from lib.device import COOKIE, REFRESH, REGISTER, DeviceKey, Offer, ask, asked, b64, post, prove, refresh, register, show, unb64
from lib.http1 import Conn, build
from lib.settings import SIMPLE_LOGIN, Front, block, site
from lib.world import World, descendants, lives, wait_until

world = World("proofs")
AGENT = "treasury-tool/3.1"
KEYS = block("session", {"device-keys": "dbsc"})
MINUTE = 60
WORDS = (b'Secure-Session-Registration: (ES256);path="/theirs";challenge="x"\r\nSecure-Session-Challenge: "x";id="y"\r\n'
         b"Sec-Session-Registration: x\r\nSet-Cookie: __Host-warifu=theirs; Path=/; Secure\r\n"
         b"Set-Cookie: __HOST-Warifu-round=9; Path=/; Secure\r\nSet-Cookie: theirs=1; Path=/\r\n")


def talker(peer):
    """A backend that speaks of device keys itself, in every answer that there is."""
    while True:
        head = peer.head()
        peer.body(head)
        path = head.split(b" ")[1]
        if path == b"/login":
            peer.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=%d; Path=/\r\n" % time.monotonic_ns() + WORDS + b"Content-Length: 2\r\n\r\nok")
            continue
        early = b"HTTP/1.1 103 Early Hints\r\n" + WORDS + b"\r\n" if path == b"/early" else b""
        peer.send(early + b"HTTP/1.1 200 OK\r\n" + WORDS + b"Content-Length: 2\r\n\r\nok")


def setup():
    global front, express, raw, late
    express, raw = start_express(world), world.add(RawBackend(talker))
    recipe = [line.replace("status 303", "status 200") for line in SIMPLE_LOGIN]
    front = Front(world, [site("wallet", "wallet.test", express.port, recipe="express", lines=[KEYS]),
                          site("second", "second.test", express.port, recipe="express", lines=[KEYS]),
                          site("talks", "talks.test", raw.port, lines=[*recipe, KEYS]),
                          site("same", "same.test", world.add(RawBackend(same_again)).port,
                               lines=[line.replace("303", "200") for line in SIMPLE_LOGIN] + [KEYS]),
                          site("plain", "plain.test", raw.port, lines=recipe)],
                  geo=places.geo(world), limits={"logins-per-address": "1000 per 60 s burst 1000"})
    late = Late()


class Late:
    """A login whose offer nobody took, a challenge that nobody answered, and a first cookie."""

    def __init__(self):
        self.unkeyed, self.offer = logged_in()
        self.owner, offer = logged_in()
        self.first = dict(self.owner.jar)
        self.key, self.name = DeviceKey(), offer.id
        tap.equal(register(self.owner, self.key, offer.challenge).status, 200)
        tap.equal(self.owner.get("/api/balance").status, 200)
        self.challenge = asked(ask(self.owner, self.name))
        self.began = time.monotonic()

    def wait(self):
        time.sleep(max(0, self.began + MINUTE + 2 - time.monotonic()))


def owner(host="wallet.test", place="office"):
    return front.client(host, places.address(place), agent=AGENT)


def logged_in(host="wallet.test"):
    c = owner(host)
    answer = login_express(c, "alice")
    tap.equal(answer.status, 303)
    return c, Offer(answer)


def keyed(host="wallet.test"):
    c, offer = logged_in(host)
    key = DeviceKey()
    tap.equal(register(c, key, offer.challenge).status, 200)
    tap.equal(c.get("/api/balance").status, 200)
    return c, key, offer.id


def nothing_reached(do):
    mark = express.mark()
    answer = do()
    tap.equal(express.bytes_since(mark), 0, answer)
    return answer


def copy(c, place="office"):
    """The same program and cookies, on other connections."""
    other = owner(c.host, place)
    other.jar = dict(c.jar)
    return other


def at_once(tasks):
    """Their answers; all begin together."""
    start, answers = threading.Barrier(len(tasks)), [None] * len(tasks)

    def one(i):
        start.wait()
        answers[i] = tasks[i]()
    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(tasks))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.check(None not in answers, answers)
    return answers


def words(answer):
    """What an answer says of device keys."""
    return [(n, v) for n, v in answer.fields if n.lower().startswith(("secure-session", "sec-session", "sec-secure"))
            or n.lower() == "set-cookie" and v.lower().startswith("__host-warifu")]


@tap.case
def an_offer_is_taken_once():
    """Before the browser is known to have the key, and afterwards."""
    c, offer = logged_in()
    key = DeviceKey()
    tap.equal(register(c, key, offer.challenge).status, 200)
    jar = dict(c.jar)
    for used in (False, True):
        for again in (key, DeviceKey()):
            answer = nothing_reached(lambda k=again: register(copy(c), k, offer.challenge))
            tap.equal(answer.status, 400, f"{used=} the same key: {again is key}")
            tap.equal(words(answer), [])
        tap.equal(c.get("/api/balance").status, 200)
    tap.equal(c.jar, jar)
    tap.equal(refresh(c, key, offer.id).status, 200)


@tap.case
def of_registrations_at_once_one_has_it():
    for _ in range(5):
        c, offer = logged_in()
        found = [DeviceKey() for _ in range(8)]
        answers = at_once([lambda k=k: register(copy(c), k, offer.challenge) for k in found])
        tap.equal(sorted(a.status for a in answers), [200] + [400] * 7)
        tap.equal([a.status for a in answers if a.cookies()], [200])
        mine = found[[a.status for a in answers].index(200)]
        for key in found:
            tap.equal(refresh(copy(c), key, offer.id).status, 200 if key is mine else 403)


@tap.case
def of_one_proof_sent_at_once_one_is_taken():
    c, key, name = keyed()
    for _ in range(5):
        proof = key.proof(asked(ask(c, name)))
        answers = at_once([lambda: show(copy(c), name, proof) for _ in range(8)])
        tap.equal(sorted(a.status for a in answers), [200] + [403] * 7)
        tap.equal([a.status for a in answers if a.cookies()], [200])


@tap.case
def in_quotes_as_the_draft_has_it_or_bare_as_browsers_do():
    c, offer = logged_in()
    key = DeviceKey()
    quote = lambda text: f'"{text}"'
    for wrong in ('"', '""', "", '"' + key.proof(offer.challenge, jwk=True), key.proof(offer.challenge, jwk=True) + '"',
                  quote(quote(key.proof(offer.challenge, jwk=True)))):
        tap.equal(post(c, REGISTER, {"Secure-Session-Response": wrong}).status, 400, wrong[:9])
    twice = [("Secure-Session-Response", key.proof(offer.challenge, jwk=True))] * 2
    tap.equal(post(c, REGISTER, twice).status, 400, "twice")
    tap.equal(post(c, REGISTER, {"Secure-Session-Response": quote(key.proof(offer.challenge, jwk=True))}).status, 200)
    first = ask(c, quote(offer.id))
    tap.equal(first.status, 403)
    tap.equal(show(c, quote(offer.id), quote(key.proof(asked(first)))).status, 200)
    for wrong in ('"' + offer.id, offer.id + '"', quote(quote(offer.id)), offer.id + "A", offer.id[:-1], offer.id[2:], ""):
        tap.equal(ask(c, wrong).status, 400, wrong)
    tap.equal(post(c, REFRESH, [("Sec-Secure-Session-Id", offer.id)] * 2).status, 400, "twice")
    tap.equal(post(c, REFRESH, {}).status, 400, "no name")


@tap.case
def another_origin_neither_registers_nor_refreshes():
    c, offer = logged_in()
    key = DeviceKey()
    foreign = ("https://evil.test", "null", "http://wallet.test", "https://wallet.test.evil.test", "https://evil.test/wallet.test",
               "https://second.test", "", "https://wallet.test@evil.test")
    for origin in foreign:
        tap.equal(register(c, key, offer.challenge, {"Origin": origin}).status, 400, origin)
    tap.equal(register(c, key, offer.challenge, {"Origin": "https://wallet.test"}).status, 200)
    for origin in foreign:
        answer = ask(c, offer.id, {"Origin": origin})
        tap.equal((answer.status, words(answer)), (400, []), origin)
        tap.equal(prove(c, key, offer.id, asked(ask(c, offer.id)), {"Origin": origin}).status, 400, origin)
    mine = {"Origin": "https://wallet.test"}
    tap.equal(prove(c, key, offer.id, asked(ask(c, offer.id, mine)), mine).status, 200)


@tap.case
def a_flawed_registration_spends_no_offer():
    c, offer = logged_in()
    key, before = DeviceKey(), front.counters().get('warifu_device_proofs_total{outcome="registered"}', 0)
    flaws = {"another type": {"header": {"typ": "JWT"}}, "no type": {"header": {"typ": None}}, "no algorithm": {"header": {"alg": "none"}},
             "RS256 said of it": {"header": {"alg": "RS256"}}, "HS256": {"header": {"alg": "HS256"}}, "a critical member": {"header": {"crit": ["x"]}},
             "a private part": {"header": {"jwk": key.jwk() | {"d": b64(b"d" * 32)}}}, "no jti": {"payload": {"jti": None}},
             "an empty jti": {"payload": {"jti": ""}}, "a jti that is a number": {"payload": {"jti": 7}},
             "another's key": {"header": {"jwk": DeviceKey().jwk()}}, "no point": {"header": {"jwk": key.jwk() | {"y": key.jwk()["x"]}}}}
    for what, flaw in flaws.items():
        answer = nothing_reached(lambda f=flaw: register(c, key, offer.challenge, **f))
        tap.equal((answer.status, words(answer)), (400, []), what)
    spoiled = unb64(offer.challenge)
    for at in (0, 16, 24, 40):
        wrong = b64(bytes([*spoiled[:at], spoiled[at] ^ 1, *spoiled[at + 1:]]))
        tap.equal(register(c, key, wrong).status, 400, f"a bit of byte {at}")
    tap.equal(front.counters().get('warifu_device_proofs_total{outcome="registered"}', 0), before)
    tap.equal(register(c, key, offer.challenge).status, 200)
    tap.equal(refresh(c, key, offer.id).status, 200)


@tap.case
def an_offer_is_for_where_the_login_came_from():
    """Network by network; another address of the same one is a telephone that moves on."""
    c, offer = logged_in()
    for place in ("mobile", "home", "abroad", "hosting", "nowhere"):
        tap.equal(nothing_reached(lambda p=place: register(copy(c, p), DeviceKey(), offer.challenge)).status, 400, place)
    key, near = DeviceKey(), copy(c, "126.10.99.7")
    tap.equal(register(near, key, offer.challenge).status, 200)
    tap.equal(near.get("/api/balance").status, 200)
    tap.equal(refresh(near, key, offer.id).status, 200)


@tap.case
def what_is_one_sites_is_no_other_sites():
    c, key, name = keyed()
    fresh, offer = logged_in()
    there = owner("second.test")
    tap.equal(register(there, DeviceKey(), offer.challenge).status, 400)
    tap.equal(ask(there, name).json()["continue"], False)
    tap.equal(show(there, name, key.proof(asked(ask(c, name)))).json()["continue"], False)
    two, _, _ = keyed("second.test")
    two.jar[COOKIE] = c.jar[COOKIE]
    tap.equal(nothing_reached(lambda: two.get("/api/balance")).status, 403)
    two.jar[COOKIE] = c.jar[COOKIE]  # it was taken away
    tap.equal(login_express(two, "bob").status, 303)  # nor does its login end what is another site's
    tap.equal(refresh(c, key, name).status, 200)
    tap.equal(register(fresh, DeviceKey(), offer.challenge).status, 200)


@tap.case
def the_paths_are_ours_in_every_spelling():
    c, key, name = keyed()
    for path in (REGISTER, REFRESH):
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answer = nothing_reached(lambda m=method, p=path: c.ask(m, p, {"Sec-Secure-Session-Id": name}))
            tap.equal((answer.status, words(answer)), (404, []), method)
    for path in (REFRESH + "/", "/.WARIFU/dbsc/refresh", "/%2ewarifu/dbsc/refresh", "/x/../.warifu/dbsc/refresh", "/.warifu//dbsc/refresh",
                 "/.warifu/dbsc/refresh;x", "/.warifu/dbsc", "/.warifu/dbsc/%72efresh"):
        answer = nothing_reached(lambda p=path: post(c, p, {"Sec-Secure-Session-Id": name}))
        tap.check(answer.status in (400, 403, 404), f"{path}: {answer}")
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_session_without_a_key_has_nothing_to_refresh():
    c, offer = logged_in()
    answer = ask(c, offer.id)
    tap.equal((answer.status, answer.json()["continue"]), (200, False))
    tap.check(COOKIE not in answer.cookies())
    tap.equal(prove(c, DeviceKey(), offer.id, offer.challenge).json()["continue"], False)
    tap.equal(c.get("/api/balance").status, 200)


@tap.case
def a_form_that_is_sent_is_not_sent_round():
    """A page that loads itself again would ask by GET, and what was typed would be lost."""
    c, _, _ = keyed()
    del c.jar[COOKIE]
    page = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    answer = nothing_reached(lambda: c.ask("POST", "/withdraw", page | {"Content-Type": "application/x-www-form-urlencoded"}, b"amount=1"))
    tap.equal(answer.status, 403)
    tap.check("http-equiv" not in answer.text(), answer.text())
    answer = nothing_reached(lambda: c.ask("HEAD", "/", page))
    tap.equal((answer.status, answer.body), (403, b""))
    tap.equal(nothing_reached(lambda: c.websocket("/ws")).status, 403)


@tap.case
def of_several_cookies_of_that_name_a_good_one_counts_and_many_do_not():
    c, _, _ = keyed()
    good, sid = c.jar[COOKIE], c.jar["connect.sid"]
    bare = owner()
    line = lambda values: {"Cookie": "; ".join([f"connect.sid={sid}"] + [f"{COOKIE}={v}" for v in values])}
    for values, status in (([good], 200), (["x", good], 200), ([good, "x"], 200), (["x"] * 3 + [good], 200), (["x"] * 4 + [good], 403)):
        tap.equal(bare.get("/api/balance", line(values)).status, status, f"{len(values)} of them")


@tap.case
def a_rotated_session_cookie_is_as_bound_as_the_one_before():
    c, key, name = keyed()
    old = c.jar["connect.sid"]
    answer = c.post("/api/rotate")
    tap.equal((answer.status, words(answer)), (200, []))
    tap.check(c.jar["connect.sid"] != old)
    good = c.jar.pop(COOKIE)
    tap.equal(nothing_reached(lambda: c.get("/api/balance")).status, 403)
    c.jar[COOKIE] = good
    tap.equal(c.get("/api/balance").status, 200)
    tap.equal(refresh(c, key, name).status, 200)


@tap.case
def a_login_by_the_applications_own_requests_is_offered_one_too():
    c = owner()
    answer = c.post("/api/login", data={"username": "alice", "password": PASSWORDS["alice"]})
    tap.equal(answer.status, 200)
    offer, key = Offer(answer), DeviceKey()
    tap.equal(register(c, key, offer.challenge).status, 200)
    tap.equal(refresh(c, key, offer.id).status, 200)


@tap.case
def the_record_says_which_proof_a_request_had():
    c, key, name = keyed()
    tap.equal(c.get("/api/balance?proven").status, 200)
    unkeyed, _ = logged_in()
    tap.equal(unkeyed.get("/api/balance?unproven").status, 200)

    def found():
        rows = [r for r in front.gate.records(kind="decision", path="/api/balance") if r.get("session")]
        mine = [r for r in rows if r["session"] == unb64(name[2:]).hex()]
        return (mine[-1], rows[-1]) if mine and rows[-1] is not mine[-1] else None
    mine, other = wait_until(found, 10, "both records")
    tap.equal(mine["facts"].get("device.proof"), "dbsc")
    tap.check("device.proof-age" in mine["facts"], mine["facts"])
    tap.equal((mine.get("device_tier"), mine.get("device_key")), ("dbsc", key.thumbprint()))
    tap.check(other["facts"].get("device.proof") != "dbsc", other["facts"])


def talked(host):
    """(the login's answer, one more, the interim and final one of /early, a client)."""
    c = owner(host)
    login = c.post("/login", {"username": "alice"})
    tap.equal(login.status, 200)
    with Conn(front.proxy_port, tls=front.tls, sni=host, proxy=c.proxy) as conn:
        conn.send(build("GET", "/early", host, c.fields()))
        early = conn.read_response()
    return c, login, c.get("/x"), early


@tap.case
def a_backends_own_words_of_device_keys_reach_no_browser():
    c, login, answer, early = talked("talks.test")
    tap.equal([n for n, _ in words(login)], ["Secure-Session-Registration", "Set-Cookie"], "ours alone")
    tap.check("theirs" not in str(words(login)), words(login))
    key, offer = DeviceKey(), Offer(login)
    tap.equal(register(c, key, offer.challenge).status, 200)
    for one in (answer, early, *early.interim, c.get("/keyed")):
        tap.equal(words(one), [], one)
    tap.contains(str(answer.all("Set-Cookie")), "theirs=1")
    tap.equal(len(early.interim), 1, "the interim answer itself")


@tap.case
def where_no_keys_are_asked_for_a_backend_may_and_our_cookie_is_ours_all_the_same():
    _, login, answer, _ = talked("plain.test")
    for one in (login, answer):
        tap.equal([n for n, _ in words(one)], ["Secure-Session-Registration", "Secure-Session-Challenge", "Sec-Session-Registration"], one)


@tap.case
def a_browsers_words_reach_no_backend():
    c, _, _, _ = talked("talks.test")
    before = [len(r) for r in raw.received]
    c.jar["__HOST-warifu-x"] = c.jar["__Host-warifu-round"] = "ours"
    fields = {"SECURE-session-Skipped": "x", "sec-Secure-Session-Id": "x", "Sec-Session-Response": "x"}
    c.get("/told", fields)
    heard = b"".join(r[n:] for r, n in zip(raw.received, before + [0] * len(raw.received))).lower()
    tap.contains(heard, b"get /told ")
    tap.contains(heard, b"sid=")
    for word in (b"secure-session", b"sec-session", b"warifu"):
        tap.check(word not in heard, heard)


@tap.case
def killed_altogether_it_knows_keys_cookies_and_offers_again():
    c, key, name = keyed()
    fresh, offer = logged_in()
    kids = descendants(front.gate.pid)
    front.gate.kill(signal.SIGKILL)
    wait_until(lambda: not any(lives(k) for k in kids), 30, "the end of its children")
    front.start()
    good = c.jar.pop(COOKIE)
    tap.equal(nothing_reached(lambda: c.get("/api/balance")).status, 403, "without its cookie")
    c.jar[COOKIE] = good
    tap.equal(c.get("/api/balance").status, 200)
    tap.equal(refresh(c, key, name).status, 200)
    tap.equal(register(fresh, DeviceKey(), offer.challenge).status, 200)


@tap.case
def after_a_minute_an_offer_is_over_and_the_session_goes_on_without_a_key():
    late.wait()
    answer = nothing_reached(lambda: register(late.unkeyed, DeviceKey(), late.offer.challenge))
    tap.equal((answer.status, words(answer)), (400, []))
    tap.equal(late.unkeyed.get("/api/balance").status, 200)


@tap.case
def after_a_minute_a_challenge_is_over_and_the_next_one_is_good():
    late.wait()
    answer = nothing_reached(lambda: prove(late.owner, late.key, late.name, late.challenge))
    tap.equal(answer.status, 403)
    tap.check(COOKIE not in answer.cookies())
    tap.equal(prove(late.owner, late.key, late.name, asked(answer)).status, 200)


@tap.case
def after_a_minute_the_first_cookie_opens_nothing():
    late.wait()
    under_way = copy(late.owner)
    under_way.jar = dict(late.first)
    tap.equal(nothing_reached(lambda: under_way.get("/api/balance")).status, 403)
    tap.equal(late.owner.get("/api/balance").status, 200)


@tap.case
def a_credential_that_the_backend_gives_twice_locks_nobody_out():
    """Some make a token of nothing but the user: two logins are one session, and that has no key any more."""
    first = front.client("same.test", places.address("office"), agent="t/1")
    key, offer = DeviceKey(), Offer(first.post("/login", {"username": "alice"}))
    tap.equal(register(first, key, offer.challenge).status, 200)
    tap.equal(first.get("/x").status, 200)
    second = front.client("same.test", places.address("home"), agent="t/1")
    for _ in range(2):
        tap.equal(second.post("/login", {"username": "alice"}).status, 200)
        tap.equal([who.get("/x").status for who in (first, second)], [200, 200])
    tap.equal(ask(first, offer.id).json()["continue"], False)


@tap.case
def noise_about_one_session_silences_no_alarm_about_another():
    alice, bob = logged(), logged()
    for _ in range(40):
        tap.equal(prove(bob[0], DeviceKey(), bob[2], asked(ask(bob[0], bob[2]))).status, 403)
    tap.equal(prove(alice[0], DeviceKey(), alice[2], asked(ask(alice[0], alice[2]))).status, 403)
    wait_until(lambda: [r for r in front.gate.records(kind="event", event="device_wrong") if r["session"] == unb64(alice[2][2:]).hex()],
               10, "the alarm about her session")


def logged():
    """(client, key, name) of a session with a key."""
    c = front.client("wallet.test", places.address("office"), agent="t/1")
    key, offer = DeviceKey(), Offer(login_express(c, "alice"))
    tap.equal(register(c, key, offer.challenge).status, 200)
    return c, key, offer.id


def same_again(peer):
    """A backend whose cookie is the user's name."""
    while True:
        head = peer.head()
        body = peer.body(head)
        cookie = b"Set-Cookie: sid=of-" + body.split(b"=")[1] + b"; Path=/\r\n" if b" /login " in head else b""
        peer.send(b"HTTP/1.1 200 OK\r\n" + cookie + b"Content-Length: 2\r\n\r\nok")


tap.main(setup, world.stop)
