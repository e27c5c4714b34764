# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Backends: HTTP, HTTPS verified by default, unix sockets; several servers, their health, and retries only where safe."""
import os
import socket
import ssl
import threading
import time

from backends import raw
from lib import tap
from lib.http1 import build
from lib.settings import OPEN_ALL, Front, site
from lib.world import World, make_certs, wait_until

HOST, INNER = "wallet.test", "app.inner"
world = World("upstreams")


def setup():
    """Two authorities: `ours` is told to the gate, `theirs` is not."""
    global ours, theirs, client, stranger
    ours = make_certs(world.folder("ours"), (INNER, "127.0.0.1", "client:gate"), world.user)
    theirs = make_certs(world.folder("theirs"), (INNER, "client:gate"), world.user)
    client, stranger = (pair(world.path(name), "client-gate") for name in ("ours", "theirs"))


def pair(folder, stem):
    return os.path.join(folder, stem + ".pem"), os.path.join(folder, stem + ".key")


def server_context(cert, key, clients=None, least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version, context.maximum_version = least, most
    if clients:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    context.names = []
    context.sni_callback = lambda sock, name, ctx: context.names.append(name)
    return context


def front_of(server, name="wallet", **backend):
    return Front(world, [site(name, HOST, [server] if isinstance(server, str) else server, lines=OPEN_ALL, backend=backend)])


def https(context, script=None):
    b = world.add(raw.RawBackend(script or raw.summary, tls=context))
    return b, f'server "https://127.0.0.1:{b.port}"'


def counted(f, name):
    return f.counters().get(name, 0)


def refused_tls(f, b):
    """502, and the backend saw no byte of a request."""
    answer = f.client(HOST).get("/must-not-arrive")
    tap.equal(answer.status, 502)
    tap.check(not any(b"must-not-arrive" in r for r in b.received), "the request was sent")
    tap.check(counted(f, 'warifu_refused_total{reason="upstream-tls"}') >= 1, f.counters())
    f.gate.stop()


@tap.case
def an_https_backend_is_verified_by_default():
    b, line = https(server_context(*theirs[1:]))
    refused_tls(front_of(line, **{"tls-ca": f'"{ours[0]}"', "tls-name": INNER}), b)


@tap.case
def without_a_ca_of_its_own_the_systems_are_asked():
    b, line = https(server_context(*ours[1:]))
    refused_tls(front_of(line, **{"tls-name": INNER}), b)


@tap.case
def a_good_certificate_of_the_right_name_passes_and_is_asked_for_by_sni():
    context = server_context(*ours[1:])
    b, line = https(context)
    f = front_of(line, **{"tls-ca": f'"{ours[0]}"', "tls-name": INNER})
    answer = f.client(HOST).get("/secure")
    tap.equal((answer.status, answer.json()["target"]), (200, "/secure"))
    tap.equal(set(context.names), {INNER})
    tap.equal(dict(answer.json()["fields"])["Host"], HOST)  # the name for TLS is not the Host field
    c = f.client(HOST, keep=True)
    for i in range(6):
        tap.equal(c.get(f"/kept-{i}").status, 200)
    tap.within(len(b.received), 1, 3, "connections for seven requests")
    wait_until(lambda: counted(f, 'warifu_upstream_connections_open{use="idle"}') == len(b.received), 5, "kept connections counted")
    f.gate.stop()


@tap.case
def a_certificate_of_another_name_is_refused():
    b, line = https(server_context(*ours[1:]))
    refused_tls(front_of(line, **{"tls-ca": f'"{ours[0]}"', "tls-name": "other.inner"}), b)
    b, line = https(server_context(*ours[1:]))
    refused_tls(front_of(line, **{"tls-ca": f'"{ours[0]}"'}), b)  # an address must be in the certificate as an address


@tap.case
def an_address_is_verified_as_an_address_and_sends_no_name():
    context = server_context(*pair(world.path("ours"), "127.0.0.1.ec"))
    b, line = https(context)
    f = front_of(line, **{"tls-ca": f'"{ours[0]}"'})
    tap.equal(f.client(HOST).get("/").status, 200)
    tap.equal(set(context.names), {None})
    f.gate.stop()


@tap.case
def tls_verify_off_is_the_admins_written_choice():
    b, line = https(server_context(*theirs[1:]))
    f = front_of(line, **{"tls-verify": "off"})
    tap.equal(f.client(HOST).get("/").status, 200)
    f.gate.stop()


@tap.case
def our_client_certificate_is_shown_where_one_is_asked_for():
    context = server_context(*ours[1:], clients=ours[0])
    for identity, wanted in ((client, 200), (stranger, 502), (None, 502)):
        b, line = https(context)
        more = {"tls-ca": f'"{ours[0]}"', "tls-name": INNER}
        if identity:
            more |= {"tls-certificate": f'"{identity[0]}"', "tls-key": f'"{identity[1]}"'}
        f = front_of(line, **more)
        tap.equal(f.client(HOST).get("/").status, wanted, identity)
        f.gate.stop()


@tap.case
def an_old_protocol_of_a_backend_is_refused():
    context = server_context(*ours[1:], least=ssl.TLSVersion.TLSv1, most=ssl.TLSVersion.TLSv1_1)
    b, line = https(context)
    f = front_of(line, **{"tls-ca": f'"{ours[0]}"', "tls-name": INNER})
    tap.equal(f.client(HOST).get("/").status, 502)
    f.gate.stop()


@tap.case
def a_plain_backend_behind_https_is_502():
    def plain(peer):
        peer.fill()
        peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    b = world.add(raw.RawBackend(plain))
    f = front_of(f'server "https://127.0.0.1:{b.port}"', **{"tls-verify": "off"})
    tap.equal(f.client(HOST).get("/").status, 502)
    f.gate.stop()


class UnixBackend(raw.RawBackend):
    """The same over a unix socket."""

    def __init__(self, script, path):
        self.script, self.tls, self.lock, self.chunks, self.errors = script, None, threading.Lock(), [], []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        os.chmod(path, 0o777)
        self.server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()


@tap.case
def a_unix_socket_is_a_server_too():
    path = os.path.join(world.folder("run"), "app.sock")
    b = world.add(UnixBackend(raw.summary, path))
    f = front_of(f'server "unix:{path}"', host="inner.test")
    answer = f.client(HOST).get("/unix")
    tap.equal((answer.status, dict(answer.json()["fields"])["Host"]), (200, "inner.test"))
    b.stop()
    os.unlink(path)
    wait_until(lambda: f.client(HOST).get("/").status == 502, 5, "502 when the socket is gone")
    f.gate.stop()


# --- several servers ----------------------------------------------------------------------

def named(name, times=1000):
    return raw.answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name), times)


def answers(f, n, method="GET"):
    """How often each server answered; nothing but 200 may come."""
    got = {}
    for _ in range(n):
        answer = f.client(HOST).ask(method, "/", body=b"x" if method == "POST" else None)
        key = answer.body if answer.status == 200 else answer.status
        got[key] = got.get(key, 0) + 1
    return got


@tap.case
def several_servers_take_turns():
    names = (b"one", b"two", b"three")
    f = front_of([world.add(raw.RawBackend(named(n))).port for n in names])
    got = answers(f, 30)
    tap.equal(set(got), set(names))
    tap.check(min(got.values()) >= 5, got)
    f.gate.stop()


@tap.case
def a_dead_server_is_left_out_whatever_the_method_and_comes_back():
    alive, dead = world.add(raw.RawBackend(named(b"alive"))), world.add(raw.RawBackend(named(b"back", times=1)))
    f = front_of([alive.port, dead.port])
    tap.equal(set(answers(f, 12)), {b"alive", b"back"})
    dead.stop()
    for method in ("GET", "POST", "DELETE"):
        tap.equal(answers(f, 12, method), {b"alive": 12}, f"{method}: where no connection was made, nothing can have happened")
    world.add(raw.RawBackend(named(b"back"), port=dead.port))
    wait_until(lambda: b"back" in answers(f, 4), 40, "the server to be used again")
    f.gate.stop()


@tap.case
def all_dead_is_502_and_ends_when_one_returns():
    first, second = world.add(raw.RawBackend(named(b"a", times=1))), world.add(raw.RawBackend(named(b"b", times=1)))
    f = front_of([first.port, second.port])
    first.stop()
    second.stop()
    wait_until(lambda: answers(f, 2) == {502: 2}, 10, "502 of all")
    world.add(raw.RawBackend(named(b"b"), port=second.port))
    wait_until(lambda: answers(f, 2) == {b"b": 2}, 40, "service")
    f.gate.stop()


@tap.case
def an_active_check_takes_a_sick_server_out_and_brings_it_back():
    sick = threading.Event()

    def doctored(peer):
        while True:
            head = peer.head()
            path = raw.parse_head(head)[1]
            peer.body(head)
            if path == "/health" and sick.is_set():
                peer.send(b"HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n")
            else:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndoctor")
    well, other = world.add(raw.RawBackend(doctored)), world.add(raw.RawBackend(named(b"other")))
    f = front_of([well.port, other.port], **{"health-path": '"/health"', "health-interval": "1 s", "health-timeout": "900 ms", "health-rise": 2, "health-fall": 2})
    wait_until(lambda: any(b"GET /health" in r for r in well.received), 10, "a check")
    tap.equal(set(answers(f, 8)), {b"doctor", b"other"})
    sick.set()
    wait_until(lambda: answers(f, 8) == {b"other": 8}, 20, "the sick one to be left out")
    tap.check(counted(f, 'warifu_upstream_health_changes_total{to="down"}') >= 1)
    sick.clear()
    wait_until(lambda: b"doctor" in answers(f, 8), 20, "the healed one")
    tap.check(counted(f, 'warifu_upstream_health_changes_total{to="up"}') >= 1)
    checks = [r for r in well.received if b"GET /health" in r]
    tap.check(all(b"Cookie" not in r and b"X-Forwarded" not in r for r in checks), checks[:1])
    f.gate.stop()


@tap.case
def a_check_that_is_not_answered_counts_as_bad():
    silent, other = world.add(raw.RawBackend(raw.stall(60))), world.add(raw.RawBackend(named(b"other")))
    f = front_of([silent.port, other.port], **{"health-path": '"/health"', "health-interval": "1 s", "health-timeout": "500 ms", "health-fall": 1})
    wait_until(lambda: counted(f, 'warifu_upstream_health_changes_total{to="down"}') >= 1, 20, "down")
    tap.equal(answers(f, 8), {b"other": 8})
    f.gate.stop()


# --- retries ------------------------------------------------------------------------------

def dying(before):
    """Every connection dies at its first request, after these bytes; later connections too."""
    return raw.resetting(before)


def arrivals(b):
    return sum(stream.count(b" /once HTTP/1.1") for stream in b.received)


@tap.case
def only_what_changes_nothing_is_sent_again():
    for method, body, times in (("GET", None, 2), ("HEAD", None, 2), ("OPTIONS", None, 2), ("POST", b"x", 1), ("PUT", b"x", 1),
                                ("DELETE", None, 1), ("PATCH", b"x", 1)):
        b = world.add(raw.RawBackend(dying(b"")))
        f = front_of([b.port], retries=1)
        with f.conn(HOST) as c:
            tap.equal(c.ask(method, "/once", HOST, body=body).status, 502, method)
        tap.equal(arrivals(b), times, f"{method} with body {body}")
        f.gate.stop()


@tap.case
def what_was_answered_in_part_is_not_sent_again():
    for part in (b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le"):
        b = world.add(raw.RawBackend(dying(part)))
        f = front_of([b.port], retries=3)
        tap.equal(f.client(HOST).get("/once").status, 502)
        tap.equal(arrivals(b), 1, part)
        f.gate.stop()


@tap.case
def retries_off_means_one_attempt_and_three_means_four():
    for retries, times in (("off", 1), (3, 4)):
        b = world.add(raw.RawBackend(dying(b"")))
        f = front_of([b.port], retries=retries)
        tap.equal(f.client(HOST).get("/once").status, 502)
        tap.equal(arrivals(b), times, retries)
        tap.equal(counted(f, 'warifu_upstream_requests_total{outcome="retried"}'), times - 1)
        f.gate.stop()


@tap.case
def a_kept_connection_ends_after_its_idle_time():
    ended = []

    def watch(peer):
        raw.answering(raw.OK, times=1)(peer)
        begin = time.monotonic()
        peer.wait_closed(30)
        ended.append(time.monotonic() - begin)
    b = world.add(raw.RawBackend(watch))
    f = Front(world, [site("wallet", HOST, b.port, lines=OPEN_ALL)], timeouts={"upstream-idle": "2 s"})
    tap.equal(f.client(HOST).get("/").status, 200)
    wait_until(lambda: ended, 20, "the end of the kept connection")
    tap.within(ended[0], 1, 15)
    f.gate.stop()


@tap.case
def two_sites_never_share_a_connection():
    b = world.add(raw.RawBackend(raw.summary))
    f = Front(world, [site("one", "one.test", b.port, lines=OPEN_ALL), site("two", "two.test", b.port, lines=OPEN_ALL)])
    for _ in range(4):
        for host in ("one.test", "two.test"):
            tap.equal(f.client(host).get("/").status, 200)
    for stream in b.received:
        tap.check(not (b"Host: one.test" in stream and b"Host: two.test" in stream), "two sites on one connection")
    f.gate.stop()


@tap.case
def a_request_that_is_waiting_keeps_its_place_when_another_dies():
    """A slow answer and a dying server at once: each client gets its own outcome."""
    slow = world.add(raw.RawBackend(raw.drip(raw.OK, 0.02, 2)))
    f = front_of([slow.port])
    waiting = [f.conn(HOST) for _ in range(4)]
    for c in waiting:
        c.send(build("GET", "/", HOST))
    waiting[1].reset()
    for i in (0, 2, 3):
        tap.equal(waiting[i].read_response().body, b"ok\n")
    f.gate.stop()


tap.main(setup, world.stop)
