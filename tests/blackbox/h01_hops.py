# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=200
"""Who a client is when something stands in front: PROXY headers, trusted hops, and what neither may assert."""
import socket
import struct
import time

from backends import raw
from lib import tap
from lib.backend import login_express, start_express
from lib.hop import SIGNATURE, proxy_v1, proxy_v2, proxy_v2_local
from lib.http1 import Conn, build
from lib.settings import OPEN_ALL, Front, site
from lib.world import World, wait_until

HOST = "wallet.test"
CLIENT = "203.0.113.7"
world = World("hops")


def setup():
    global backend, front
    backend = world.add(raw.RawBackend(raw.summary))
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], timeouts={"handshake": "2 s"},
                  extra=["trusted-hops 198.51.100.0/24 2001:db8:aa::/48"])


def through(header, fields=()):
    """What the backend saw of a request behind this header."""
    with Conn(front.proxy_port, tls=front.tls, sni=HOST, proxy=header) as c:
        answer = c.ask("GET", "/who", HOST, fields)
        tap.equal(answer.status, 200, answer)
        return answer.json()["fields"]


def values(fields, name):
    return [v for n, v in fields if n.lower() == name.lower()]


def v2(body, command=0x21, family=0x11, length=None):
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body) if length is None else length) + body


def v4(src, dst="192.0.2.1", sport=40000, dport=443):
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!HH", sport, dport)


def v6(src, dst="2001:db8::1"):
    return socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + struct.pack("!HH", 40000, 443)


def tlv(kind, value):
    return bytes([kind]) + struct.pack("!H", len(value)) + value


@tap.case
def the_client_is_whom_the_header_names():
    for header, wanted in ((proxy_v1(CLIENT, "192.0.2.1"), CLIENT), (proxy_v2(CLIENT), CLIENT),
                           (proxy_v1("2001:db8:1::7", "2001:db8::1"), "2001:db8:1::7"),
                           (proxy_v2("2001:db8:1::7"), "2001:db8:1::7"),
                           (proxy_v2("10.1.2.3"), "10.1.2.3"),  # private: an inner network's own balancer
                           (v2(v6("::ffff:203.0.113.7"), family=0x21), CLIENT),  # v4-mapped
                           (b"PROXY TCP6 ::ffff:203.0.113.7 ::ffff:192.0.2.1 40000 443\r\n", CLIENT),
                           (v2(v4(CLIENT) + tlv(0x04, b"")), CLIENT),
                           (v2(v4(CLIENT) + tlv(0x02, b"evil.test") + tlv(0xEA, b"x" * 200)), CLIENT)):
        fields = through(header)
        tap.equal(values(fields, "X-Forwarded-For"), [wanted], header[:40])
        shown = f'"[{wanted}]"' if ":" in wanted else wanted
        tap.check(values(fields, "Forwarded")[0].startswith(f"for={shown}"), values(fields, "Forwarded"))


@tap.case
def the_record_names_client_and_peer():
    with Conn(front.proxy_port, tls=front.tls, sni=HOST, proxy=proxy_v2("203.0.113.99")) as c:
        c.ask("GET", "/recorded", HOST)
    found = wait_until(lambda: front.gate.records(path="/recorded", kind="decision"), 10, "its record")
    tap.equal(found[0]["client"], "203.0.113.99")


@tap.case
def a_header_in_pieces_is_read_whole():
    header = proxy_v2(CLIENT, tlvs=tlv(0x04, b"\0" * 100))
    raw_sock = socket.create_connection(("127.0.0.1", front.proxy_port), timeout=15)
    raw_sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(0, len(header), 16):
        raw_sock.sendall(header[i:i + 16])
        time.sleep(0.01)
    with front.tls.wrap_socket(raw_sock, server_hostname=HOST) as s:
        s.sendall(build("GET", "/pieces", HOST, {"Connection": "close"}))
        data = b""
        while more := s.recv(65536):
            data += more
    tap.check(b'"X-Forwarded-For", "203.0.113.7"' in data, data[-300:])


BAD = {
    "no header at all": b"",
    "v1 without its end": b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 443" + b" " * 80,
    "v1 of one LF": b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\n",
    "v1 with a leading zero": b"PROXY TCP4 203.0.113.07 192.0.2.1 40000 443\r\n",
    "v1 of two families": b"PROXY TCP4 2001:db8::7 192.0.2.1 40000 443\r\n",
    "v1 with a port over 65535": b"PROXY TCP4 203.0.113.7 192.0.2.1 70000 443\r\n",
    "v1 with two spaces": b"PROXY TCP4  203.0.113.7 192.0.2.1 40000 443\r\n",
    "v1 in small letters": b"proxy TCP4 203.0.113.7 192.0.2.1 40000 443\r\n",
    "v1 with a fourth word": b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 443 more\r\n",
    "v1 UNKNOWN": b"PROXY UNKNOWN\r\n",
    "v1 UNKNOWN with addresses": b"PROXY UNKNOWN 203.0.113.7 192.0.2.1 40000 443\r\n",
    "v2 UNSPEC": v2(b"", family=0x00),
    "v2 UDP": v2(v4(CLIENT), family=0x12),
    "v2 UNIX": v2(bytes(216), family=0x31),
    "v2 of version 1": v2(v4(CLIENT), command=0x11),
    "v2 of command 2": v2(v4(CLIENT), command=0x22),
    "v2 shorter than its family": v2(v4(CLIENT)[:8]),
    "v2 longer than allowed": v2(v4(CLIENT) + tlv(0x04, bytes(4000))),
    "v2 with a TLV over its end": v2(v4(CLIENT) + b"\x04\xff\xff"),
    "v2 with a wrong checksum": v2(v4(CLIENT) + tlv(0x03, b"\1\2\3\4")),
    "v2 with a broken signature": b"\r\n\r\n\0\r\nQUIX\n" + v2(v4(CLIENT))[12:],
    "unspecified": v2(v4("0.0.0.0")),
    "unspecified v6": v2(v6("::"), family=0x21),
    "multicast": v2(v4("224.0.0.1")),
    "multicast v6": v2(v6("ff02::1"), family=0x21),
    "class E": v2(v4("240.0.0.1")),
    "broadcast": v2(v4("255.255.255.255")),
    "v4-mapped multicast": v2(v6("::ffff:224.0.0.1"), family=0x21),
    "port 0": v2(v4(CLIENT, sport=0)),
    "two headers": proxy_v2(CLIENT) + proxy_v2("203.0.113.8"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: wallet.test\r\n\r\n",
}


def refused(header, at=None):
    """The connection ends without a TLS handshake."""
    at = at or front
    try:
        with Conn(at.proxy_port, tls=at.tls, sni=HOST, proxy=header, timeout=20) as c:
            c.ask("GET", "/must-not-arrive", HOST)
    except OSError:  # ssl.SSLError is one
        return True
    return False


@tap.case
def what_is_no_clean_header_ends_the_connection():
    backend.forget()
    before = front.counters().get("warifu_proxy_protocol_refused_total", 0)
    for name, header in BAD.items():
        tap.check(refused(header), f"served: {name}")
    tap.check(not any(b"must-not-arrive" in r for r in backend.received), "a request arrived")
    counted = front.counters().get("warifu_proxy_protocol_refused_total", 0) - before
    tap.within(counted, len(BAD) - 6, len(BAD), "counted")  # addresses that no client has, and two headers, count elsewhere


@tap.case
def a_listed_source_that_says_nothing_does_not_stay():
    c = Conn(front.proxy_port, timeout=30)
    tap.check(c.ended(20), "it stays")
    tap.check(front.counters().get('warifu_timeouts_total{wait="proxy_header"}', 0) >= 1)


@tap.case
def who_is_not_listed_is_not_heard():
    """The port wants headers from 127.0.0.0/8; ::1 and a gate that lists another network are strangers."""
    narrow = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], start=False)
    narrow.head = [line.replace("from 127.0.0.0/8", "from 127.0.0.9") for line in narrow.head]
    narrow.start()
    before = len(backend.received)
    for header in (proxy_v2(CLIENT), proxy_v1(CLIENT, "192.0.2.1"), proxy_v2_local(), b""):
        tap.check(refused(header, narrow), f"served: {header[:40]}")
    tap.equal(len(backend.received), before)
    tap.check(narrow.counters().get("warifu_proxy_protocol_refused_total", 0) >= 4)
    with Conn(narrow.proxy_port, tls=narrow.tls, sni=HOST, source="127.0.0.9", proxy=proxy_v2(CLIENT)) as c:
        tap.equal(values(c.ask("GET", "/listed", HOST).json()["fields"], "X-Forwarded-For"), [CLIENT])
    narrow.gate.stop()


@tap.case
def a_header_on_a_port_that_wants_none_is_no_header():
    for header in (proxy_v1(CLIENT, "192.0.2.1"), proxy_v2(CLIENT)):
        tap.raises(OSError, lambda: Conn(front.port, tls=front.tls, sni=HOST, proxy=header))


@tap.case
def a_balancers_own_connection_is_for_health_checks_only():
    backend.forget()
    with Conn(front.proxy_port, tls=front.tls, sni=HOST, proxy=proxy_v2_local()) as c:  # the handshake is answered
        tap.equal(c.ask("GET", "/local", HOST, {"Cookie": "never-used=1"}).status, 403)
    tap.check(not any(b"/local" in r for r in backend.received), "it reached the backend")


@tap.case
def a_trusted_hop_names_the_client_and_nobody_else_does():
    from_hop, stranger = proxy_v2("198.51.100.4"), proxy_v2(CLIENT)
    xff = lambda value: [("X-Forwarded-For", value)]
    for header, fields, wanted in ((from_hop, xff("192.0.2.55"), "192.0.2.55"),
                                   (stranger, xff("192.0.2.55"), CLIENT),
                                   (from_hop, xff("192.0.2.66, 198.51.100.9"), "192.0.2.66"),  # a second hop of ours
                                   (from_hop, xff("192.0.2.66, 192.0.2.55"), "192.0.2.55"),  # the first was asserted by a client
                                   (from_hop, [("X-Forwarded-For", "192.0.2.66"), ("X-Forwarded-For", "192.0.2.55")], "192.0.2.55"),
                                   (from_hop, xff("::ffff:192.0.2.55"), "192.0.2.55"),
                                   (from_hop, (), "198.51.100.4")):
        got = through(header, fields)
        tap.equal(values(got, "X-Forwarded-For"), [wanted], f"{fields}")


@tap.case
def nonsense_of_a_trusted_hop_is_refused():
    for value in ("unknown", "192.0.2.55:1x", "0.0.0.0", "224.0.0.1", "192.0.2.55;", "<script>", "1.2.3"):
        with Conn(front.proxy_port, tls=front.tls, sni=HOST, proxy=proxy_v2("198.51.100.4")) as c:
            tap.equal(c.ask("GET", "/odd", HOST, {"X-Forwarded-For": value}).status, 400, value)


FORGED = ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 1",
          "X-Forwarded-Server: evil", "X-Forwarded-Prefix: /evil", "X-Forwarded-User: root", "X-Forwarded-Email: root@evil.test",
          "X-Forwarded-Groups: admin", "X-Forwarded-Preferred-Username: root", "X-Forwarded-Access-Token: t", "Forwarded: for=1.1.1.1",
          "X-Real-IP: 1.1.1.1", "X-Client-IP: 1.1.1.1", "True-Client-IP: 1.1.1.1", "CF-Connecting-IP: 1.1.1.1", "X-Cluster-Client-IP: 1.1.1.1",
          "Remote-User: root", "Remote-Groups: admin", "X-Remote-User: root", "X-Auth-Request-User: root", "X-Auth-Request-Email: r@e.test",
          "X-WEBAUTH-USER: root", "X-SSL-Client-Verify: SUCCESS", "X-SSL-Client-Cert: forged", "X-Client-Cert: forged",
          "X-Forwarded-Client-Cert: forged", "Client-Cert: :Zm9yZ2Vk:", "X-Amzn-Oidc-Identity: root", "Cf-Access-Authenticated-User-Email: r@e.test",
          "X-Goog-Authenticated-User-Email: r@e.test", "Tailscale-User-Login: root", "X-Authentik-Username: root",
          "X-Forwarded-Something-New: root", "Warifu-User: root", "Client-IP: 1.1.1.1", "Forwarded-For: 1.1.1.1",
          "X-Forwarded: for=1.1.1.1", "Fly-Client-IP: 1.1.1.1"]


@tap.case
def a_hops_own_line_is_heard_behind_any_number_of_others():
    for n in (0, 1, 14, 15, 16, 17, 31, 32, 63, 64):
        lines = [("X-Forwarded-For", "203.0.113.66")] * n + [("X-Forwarded-For", CLIENT)]
        with front.conn(HOST, "198.51.100.9") as c:
            answer = c.ask("GET", "/who", HOST, lines)
        if n < 16:
            tap.equal(values(answer.json()["fields"], "X-Forwarded-For"), [CLIENT], f"{n} lines before it")
        else:
            tap.check(answer.status in (400, 431), f"{n} lines before it: {answer}")


@tap.case
def identity_and_forwarding_fields_of_clients_never_pass():
    fields = [tuple(line.split(": ")) for line in FORGED]
    for header in (proxy_v2(CLIENT), proxy_v2("198.51.100.4")):
        for field in fields:
            if header != proxy_v2(CLIENT) and field[0] == "X-Forwarded-For":
                continue
            got = through(header, [field, ("X-Kept", "1")])
            tap.equal(values(got, "X-Kept"), ["1"])
            tap.check(field[1] not in values(got, field[0]), f"{field} passed: {got}")
            tap.check(len(values(got, field[0])) <= 1, got)


@tap.case
def twins_of_those_for_backends_that_fold_names_never_pass():
    """Most make "_" of "-" only; lighttpd's CGI makes it of whatever is no letter or digit."""
    for line, mark in ((line, mark) for line in FORGED for mark in "_.~" if "-" in line.split(":")[0]):
        name, value = line.split(": ")
        name = name.replace("-", mark)
        with front.conn(HOST) as c:
            answer = c.ask("GET", "/twin", HOST, [(name, value), ("X-Kept", "1")])
            tap.check(answer.status == 400 or not values(answer.json()["fields"], name), f"{name}: {answer}")


@tap.case
def a_fields_own_connection_option_cannot_take_ours_away():
    for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "Cookie", "Authorization", "Host"):
        with front.conn(HOST) as c:
            answer = c.ask("GET", "/drop", HOST, {"Connection": f"keep-alive, {name}"})
            if answer.status == 200:
                tap.equal(values(answer.json()["fields"], "X-Forwarded-For"), ["127.0.0.1"], name)
                tap.equal(len(values(answer.json()["fields"], "Host")), 1)
            else:
                tap.equal(answer.status, 400, name)


@tap.case
def what_the_site_lists_is_stripped_and_passed():
    lines = OPEN_ALL + ["headers {\n\tstrip X-Staff-Id\n\tpass X-Remote-User\n}"]
    listed = Front(world, [site("wallet", HOST, backend.port, lines=lines)])
    with listed.conn(HOST) as c:
        got = c.ask("GET", "/l", HOST, {"X-Staff-Id": "root", "x-staff_id": "root", "X-Remote-User": "data"}).json()["fields"]
    tap.equal(values(got, "X-Staff-Id") + values(got, "X-Staff_Id"), [])
    tap.equal(values(got, "X-Remote-User"), ["data"])
    listed.gate.stop()


@tap.case
def behind_an_inspecting_network_the_fingerprint_is_unknown():
    """The same session by two TLS libraries: from an inspecting network no evidence, from elsewhere a challenge."""
    app = start_express(world)
    f = Front(world, [site("wallet", HOST, app.port, recipe="express", lines=["network office 203.0.113.0/24 inspects"])])
    for place, wanted in ((CLIENT, 200), ("192.0.2.77", 403)):
        owner = f.client(HOST, place)
        tap.equal(login_express(owner, "alice").status, 303)
        tap.equal(owner.get("/api/me").status, 200)
        other = f.client(HOST, place, tls=other_library(f.ca))
        other.jar = dict(owner.jar)
        tap.equal(other.get("/api/me").status, wanted, place)
    f.gate.stop()


def other_library(ca):
    """A hello that differs from Python's usual one in versions and ciphers."""
    from lib.http1 import tls_context
    import ssl
    return tls_context(ca, alpn=(), version=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE+AESGCM")


tap.main(setup, world.stop)
