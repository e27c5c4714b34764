# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""TLS as it comes: hellos in any pieces, malformed ones, names, versions, tickets, and what port 80 says."""
import itertools
import json
import os
import random
import socket
import ssl
import subprocess
import time

from backends import raw
from lib import tap
from lib.http1 import Conn, Ended, build, tls_context
from lib.settings import OPEN_ALL, Front, block, site
from lib.world import BIN, SLOW, World, run_quiet, wait_until

ONE, TWO = "one.test", "two.test"
# Everybody may log in, and each login gets a TLS ticket; every route is open.
LOGIN = ["credential cookie sid", block("login", ['request POST "/login"', "success cookie sid changed", "user none"]),
         block("routes", ['open "/*"'])]
world, cookies = World("tls"), itertools.count()


def answers(peer):
    """What was understood, as JSON; a login gets a cookie."""
    while True:
        head = peer.head()
        body = peer.body(head)
        method, target, _, fields = raw.parse_head(head)
        text = json.dumps({"method": method, "target": target, "fields": fields, "body": body.decode("latin-1")}).encode()
        more = b"Set-Cookie: sid=%d\r\n" % next(cookies) if target == "/login" else b""
        peer.send(b"HTTP/1.1 200 OK\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (more, len(text)))
        if method != "HEAD":
            peer.send(text)


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(answers))
    folder = world.path("pki")
    rsa = f'certificate "{folder}/{ONE}.rsa.pem" key "{folder}/{ONE}.rsa.key"'
    front = Front(world, [site("one", ONE, backend.port, lines=LOGIN + [rsa, "headers {\n\thsts 365 d\n}"]),
                          site("two", TWO, backend.port, lines=LOGIN + ["headers {\n\tredirect off\n}"])],
                  timeouts={"handshake": "5 s"})


def counted(name):
    return front.counters().get(name, 0)


class Wire:
    """A TLS client over a socket that we write ourselves: `cut` gets the hello's bytes and gives the pieces to send."""

    def __init__(self, cut=None, context=None, name=ONE, port=None, pause=0.0):
        context = context or tls_context(front.ca)
        self.sock = socket.create_connection(("127.0.0.1", port or front.port), timeout=20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.out, server_hostname=name)
        self.cut, self.pause = cut, pause

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.sock.close()

    def flush(self):
        data = self.out.read()
        pieces = [data]
        if self.cut and data:
            pieces, self.cut = self.cut(data), None
        for piece in pieces:
            if piece:
                self.sock.sendall(piece)
                time.sleep(self.pause)

    def run(self, step):
        while True:
            try:
                result = step()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(65536)
                if not data:
                    raise Ended("closed") from None
                self.incoming.write(data)

    def get(self, target):
        """Handshake and one request; the answer's bytes up to its head's end."""
        self.run(self.tls.do_handshake)
        self.run(lambda: self.tls.write(build("GET", target, ONE)))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.run(lambda: self.tls.read(65536))
        return data


def hello_of(context=None, name=ONE):
    """A hello as handshake message, without its record header."""
    incoming, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = (context or tls_context(front.ca)).wrap_bio(incoming, out, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()[5:]


def record(kind, body, version=b"\x03\x01"):
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


def records(message, size):
    return b"".join(record(22, message[i:i + size]) for i in range(0, len(message), size))


@tap.case
def a_hello_is_read_whole_however_it_is_cut():
    ways = {"whole": lambda d: [d], "byte by byte": lambda d: [d[i:i + 1] for i in range(len(d))],
            "records of one byte": lambda d: [records(d[5:], 1)],
            "records of 100, in segments of 7": lambda d: [records(d[5:], 100)[i:i + 7] for i in range(0, len(d) + 100, 7)],
            "the header alone": lambda d: [d[:5], d[5:9], d[9:]]}
    for i, (name, cut) in enumerate(ways.items()):
        with Wire(cut) as w:
            tap.check(w.get(f"/cut-{i}").startswith(b"HTTP/1.1 200 "), name)
    found = wait_until(lambda: seen_prints(len(ways)), 10, "the records")
    tap.equal(len(set(found)), 1, f"one client has one fingerprint: {found}")


def seen_prints(n):
    rows = [r for r in front.gate.records(kind="decision") if (r.get("path") or "").startswith("/cut-")]
    return [r.get("ja4") for r in rows] if len(rows) >= n else None


def refuses(data, at=None):
    """Send bytes; True if the connection ends with an alert or nothing, and never an HTTP answer."""
    with socket.create_connection(("127.0.0.1", at or front.port), timeout=20) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while len(got) < 100000 and (more := s.recv(65536)):
                got += more
        except ConnectionResetError:
            pass
    return b"HTTP/1.1 2" not in got and not got.startswith(b"\x16\x03\x03")


@tap.case
def what_is_no_tls_hello_is_refused():
    hello = hello_of()
    v2 = b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + b"\x00\x00\x2f\x00\x00\x35\x00\x00\x0a\x00\x00\x05\x00\x00\x04\x00\x00\x00\x00\x00\x00" + bytes(16)
    ways = {"nothing": b"", "HTTP": build("GET", "/plain", ONE), "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "SSLv2 hello": v2,
            "SSH": b"SSH-2.0-x\r\n", "zeros": bytes(600), "half a hello": record(22, hello[:100]), "an alert": record(21, b"\x02\x28"),
            "application data first": record(23, bytes(50)), "change cipher spec first": record(20, b"\x01") * 50,
            "a record too long": b"\x16\x03\x01\xff\xff" + bytes(70000), "empty records": record(22, b"") * 200,
            "a server hello": record(22, b"\x02" + hello[1:]), "wrong inner length": record(22, hello[:1] + b"\x00\x00\x05" + hello[4:]),
            "length over the end": record(22, hello[:1] + b"\x00\x3f\xff" + hello[4:]),
            "two hellos": record(22, hello + hello), "session id too long": record(22, hello[:38] + b"\xff" + hello[39:]),
            "a hello of 60000": records(b"\x01\x00\xea\x60" + bytes(60000), 16000)}
    for name, data in ways.items():
        tap.check(refuses(data), name)
    tap.check(not any(b"/plain" in r for r in backend.received))
    tap.check(counted('warifu_tls_handshakes_total{result="bad_hello"}') + counted('warifu_tls_handshakes_total{result="no_hello"}') >= 5, front.counters())


@tap.case
def mutated_hellos_and_streams_break_nothing():
    rng, hello = random.Random(7), hello_of()
    for _ in range(300):
        data = bytearray(record(22, hello))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with socket.create_connection(("127.0.0.1", front.port), timeout=20) as s:
            try:
                s.sendall(bytes(data[:rng.randrange(1, len(data) + 1)]) if rng.random() < 0.3 else bytes(data))
                if rng.random() < 0.5:
                    s.sendall(bytes(rng.randrange(256) for _ in range(50)))
            except OSError:
                pass
    with front.conn(ONE) as c:
        tap.equal(c.ask("GET", "/after", ONE).status, 200)
    tap.check("gate ended" not in front.gate.log(), "the gate ended")


@tap.case
def garbage_behind_a_good_handshake_ends_that_connection_only():
    with front.conn(ONE) as other:
        tap.equal(other.ask("GET", "/", ONE).status, 200)
        for junk in (b"GET / HTTP/1.1\r\n\r\n", record(23, bytes(40), b"\x03\x03"), record(22, hello_of(), b"\x03\x03"), record(21, b"\x02\x00", b"\x03\x03"), bytes(100)):
            with Wire() as w:
                tap.check(w.get("/").startswith(b"HTTP/1.1 200 "))
                w.sock.sendall(junk)
                w.sock.settimeout(15)
                try:
                    while w.sock.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
        tap.equal(other.ask("GET", "/", ONE).status, 200)


def handshake_error(context, name=ONE):
    try:
        Conn(front.port, tls=context, sni=name).close()
    except OSError as e:
        return str(e) or repr(e)
    return None


@tap.case
def names_that_are_not_served_get_no_certificate():
    before = counted('warifu_tls_handshakes_total{result="unknown_name"}')
    context = tls_context(None)
    for name in ("unknown.test", "one.test.evil", "xone.test", "sub.one.test"):
        tap.check(handshake_error(context, name), name)
    tap.check(counted('warifu_tls_handshakes_total{result="unknown_name"}') >= before + 4)
    incoming, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    nameless = context.wrap_bio(incoming, out)
    try:
        nameless.do_handshake()
    except ssl.SSLWantReadError:
        pass
    tap.check(refuses(out.read()), "no server name at all")
    for name in ("ONE.test", "One.Test"):
        tap.equal(handshake_error(tls_context(front.ca), name), None, name)


@tap.case
def a_client_that_does_not_know_our_authority_is_counted_as_such():
    before = counted('warifu_tls_handshakes_total{result="alert"}')
    with open(front.ca, encoding="ascii") as f:
        tap.check("CERTIFICATE" in f.read())
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
    tap.check(handshake_error(stranger), "it was trusted")
    wait_until(lambda: counted('warifu_tls_handshakes_total{result="alert"}') > before, 5, "the alert counted")


@tap.case
def each_name_gets_its_certificate_by_kind():
    for cipher, kind in (("ECDHE-ECDSA-AES128-GCM-SHA256", "ecdsa"), ("ECDHE-RSA-AES128-GCM-SHA256", "rsa")):
        with front.conn(ONE, tls=tls_context(front.ca, version=ssl.TLSVersion.TLSv1_2, ciphers=cipher)) as c:
            tap.check(kind.upper() in c.sock.cipher()[0].upper(), c.sock.cipher())
            tap.equal(dict(x[0] for x in c.sock.getpeercert()["subject"])["commonName"], ONE)
    with front.conn(TWO) as c:
        tap.equal(dict(x[0] for x in c.sock.getpeercert()["subject"])["commonName"], TWO)


@tap.case
def old_versions_and_weak_ciphers_are_refused():
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        tap.check(handshake_error(tls_context(None, version=version, ciphers="ALL:@SECLEVEL=0")), version)
    for cipher in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES128-SHA256", "DHE-RSA-AES256-SHA"):
        tap.check(handshake_error(tls_context(None, version=ssl.TLSVersion.TLSv1_2, ciphers=cipher + ":@SECLEVEL=0")), cipher)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tap.equal(handshake_error(tls_context(front.ca, version=version)), None, version)


@tap.case
def protocols_are_agreed_on_or_the_handshake_ends():
    for offer, wanted in ((["http/1.1"], "http/1.1"), (["x" * 200, "http/1.1"], "http/1.1"), ([], None)):
        with front.conn(ONE, tls=tls_context(front.ca, alpn=offer)) as c:
            tap.equal(c.sock.selected_alpn_protocol(), wanted, offer)
            tap.equal(c.ask("GET", "/", ONE).status, 200)
    for offer in (["h2"], ["http/1.1", "h2"]):
        with front.conn(ONE, tls=tls_context(front.ca, alpn=offer)) as c:
            tap.equal(c.sock.selected_alpn_protocol(), "h2", offer)
    for offer in (["http/1.0"], ["HTTP/1.1"], ["smtp"], ["http/1.1x"]):
        tap.check(handshake_error(tls_context(front.ca, alpn=offer)), offer)


def s_client(*options, stdin=b"", name=ONE, seconds=20):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-servername", name, "-CAfile", front.ca, *options],
                          input=stdin, capture_output=True, timeout=seconds * SLOW)


@tap.case
def renegotiation_is_refused():
    done = s_client("-tls1_2", stdin=b"R\nGET / HTTP/1.1\r\nHost: one.test\r\n\r\n")
    text = done.stdout + done.stderr
    tap.check(b"RENEGOTIATING" in text, text[-500:])
    tap.check(b"no renegotiation" in text.lower() or b"alert" in text.lower() or done.returncode != 0, text[-500:])
    tap.check(b'"target"' not in text, "a request after a renegotiation was served")


@tap.case
def early_data_is_not_accepted():
    saved, early = world.path("session.pem"), world.path("early")
    with open(early, "wb") as f:
        f.write(build("GET", "/early", ONE))
    last = build("POST", "/login", ONE, {"Connection": "close", "Content-Length": "0"})
    first = s_client("-tls1_3", "-ign_eof", "-sess_out", saved, stdin=last)
    tap.check(os.path.exists(saved), first.stderr[-300:])
    shown = run_quiet("openssl", "sess_id", "-in", saved, "-noout", "-text")
    tap.check("Max Early Data: 0" in shown or "Max Early Data" not in shown, shown)
    done = s_client("-tls1_3", "-ign_eof", "-sess_in", saved, "-early_data", early, stdin=last)
    tap.check(b"Early data was accepted" not in done.stdout and b'"/login"' in done.stdout, done.stdout[-300:])
    tap.check(not any(b"/early" in r for r in backend.received))


def resumed(session, context, name, port=None):
    with Conn(port or front.port, tls=context, sni=name, session=session) as c:
        tap.equal(c.ask("POST", "/login", name, {"Content-Length": "0"}).status, 200)
        return c.sock.session_reused, c.sock.session


@tap.case
def only_a_login_brings_a_ticket():
    context = tls_context(front.ca, version=ssl.TLSVersion.TLSv1_3)
    with Conn(front.port, tls=context, sni=ONE) as c:
        tap.equal(c.ask("GET", "/", ONE).status, 200)
        tap.check(not c.sock.session or not c.sock.session.has_ticket, "a ticket without a login")
        tap.equal(c.ask("POST", "/login", ONE, {"Content-Length": "0"}).status, 200)
        tap.check(c.sock.session.has_ticket, "a ticket with the login")


@tap.case
def a_ticket_is_good_at_its_own_site_only():
    context = tls_context(front.ca, version=ssl.TLSVersion.TLSv1_3)
    _, session = resumed(None, context, ONE)
    tap.equal(resumed(session, context, ONE)[0], True, "at its own site")
    tap.equal(resumed(session, context, TWO)[0], False, "at the other site")
    old = tls_context(front.ca, version=ssl.TLSVersion.TLSv1_2)
    _, session = resumed(None, old, ONE)
    if session:
        tap.equal(resumed(session, old, TWO)[0], False, "TLS 1.2, at the other site")


@tap.case
def tickets_outlive_a_restart_and_not_their_keys():
    f = Front(world, [site("one", ONE, backend.port, lines=LOGIN)], extra=["ticket-rotation 5 s"])
    context = tls_context(f.ca, version=ssl.TLSVersion.TLSv1_3)
    _, session = resumed(None, context, ONE, f.port)
    tap.equal(resumed(session, context, ONE, f.port)[0], True)
    time.sleep(11)
    tap.equal(resumed(session, context, ONE, f.port)[0], False, "after two rotations")
    f.gate.stop()


@tap.case
def hsts_is_sent_by_setting_and_only_over_tls():
    with front.conn(ONE) as c:
        tap.equal(c.ask("GET", "/", ONE).get("Strict-Transport-Security"), "max-age=31536000")
    with front.conn(TWO) as c:
        tap.equal(c.ask("GET", "/", TWO).get("Strict-Transport-Security"), None)
    with Conn(front.redirect_port) as c:
        tap.equal(c.ask("GET", "/", ONE).get("Strict-Transport-Security"), None)


@tap.case
def port_80_redirects_by_setting_and_forwards_nothing():
    backend.forget()
    with Conn(front.redirect_port) as c:
        answer = c.ask("GET", "/a?b=c%20d", ONE)
        tap.equal((answer.status, answer.get("Location")), (308, f"https://{ONE}:{front.port}/a?b=c%20d"))
    with Conn(front.redirect_port) as c:
        tap.equal(c.ask("POST", "/a", ONE, {"Cookie": "a=b"}, b"secret").status, 308)
    for host in (TWO, "unknown.test", "one.test@evil.test", "one.test\t.evil"):
        with Conn(front.redirect_port) as c:
            answer = c.ask("GET", "//evil.test/", host)
            tap.check(answer.status in (400, 421) and answer.get("Location") is None, f"{host}: {answer}")
    with Conn(front.redirect_port) as c:  # a path that looks like a host stays a path
        tap.equal(c.ask("GET", "//evil.test/%2e", ONE).get("Location"), f"https://{ONE}:{front.port}//evil.test/%2e")
    tap.check(refuses(record(22, hello_of()), front.redirect_port), "TLS on the plain port")
    tap.equal(backend.total(), 0)


@tap.case
def a_certificate_that_ends_soon_is_warned_of():
    folder = world.folder("short")
    leaf = os.path.join(folder, "leaf")
    run_quiet("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", leaf + ".key",
              "-out", leaf + ".pem", "-subj", f"/CN={ONE}", "-addext", f"subjectAltName=DNS:{ONE}", "-days", "3")
    os.chmod(leaf + ".key", 0o600)
    f = Front(world, [site("one", ONE, backend.port, lines=OPEN_ALL)], start=False)
    conf = f.text().replace(f'"{f.cert}" key "{f.key}"', f'"{leaf}.pem" key "{leaf}.key"')
    done = subprocess.run([BIN, "check", "-c", world.write("short.conf", conf)], capture_output=True, text=True)
    tap.check("leaf.pem" in done.stderr and "expires on" in done.stderr, done.stderr[-600:])


tap.main(setup, world.stop)
