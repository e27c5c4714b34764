# SPDX-License-Identifier: Apache-2.0
"""The admins' console: health, readiness, metrics, overview, and its TLS door."""
import concurrent.futures
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
import time

from lib import tap
from lib.prometheus import parse
from lib.webtool import Tool, answer, security_fields, send

@tap.case
def metrics_are_well_formed_and_right():
    with Tool("console") as t:
        status, fields, body = t.get("/metrics")
        tap.equal((status, fields["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        security_fields(fields)
        types, values = parse(body.decode())
        tap.check(len(types) > 40, f"{len(types)} families")
        for key, wanted in {
                'warifu_requests_total{verdict="allow"}': 1212345, 'warifu_requests_total{verdict="revoke"}': 0,
                'warifu_sessions{state="active"}': 84, 'warifu_refused_total{reason="revoked"}': 1,
                'warifu_log_head_records': 1048577, 'warifu_part_up{part="scribe"}': 1,
                'warifu_upstream_up{name="reports"}': 0, 'warifu_log_lag_records': 3,
                'warifu_lock_until_timestamp_seconds{site="wallet.example",what="bypass"}': 1780301800,
                'warifu_lock_until_timestamp_seconds{site="",what="sensitive"}': 0,
                'warifu_site_mode{site="admin.wallet.example",mode="observe"}': 1,
                'warifu_decision_seconds_bucket{le="0.00005"}': 1, 'warifu_decision_seconds_bucket{le="0.0001"}': 2,
                'warifu_decision_seconds_bucket{le="30"}': 2, 'warifu_decision_seconds_bucket{le="+Inf"}': 3,
                'warifu_decision_seconds_count': 3, 'warifu_decision_seconds_sum': 90.000119,
                'warifu_certificate_expiry_timestamp_seconds{name="wallet.example"}': 1786438000}.items():
            tap.equal(values.get(key), wanted, key)
        tap.check(any(k.startswith('warifu_log_head{head="030a1118') for k in values), "no log head")


@tap.case
def histograms_never_sink():
    with Tool("console") as t:
        _, values = parse(t.get("/metrics")[2].decode())
        series = {}
        for key, value in values.items():
            m = re.match(r'(.*_bucket)\{le="[^"]*"(.*)\}', key)
            if m:
                series.setdefault(m.groups(), []).append(value)
        tap.check(len(series) >= 6, f"{len(series)} histograms")
        for name, counts in series.items():
            tap.equal(counts, sorted(counts), name)


@tap.case
def health_and_readiness_differ():
    with Tool("console") as t:
        tap.equal((t.get("/healthz")[0], t.get("/healthz")[2]), (200, b"ok\n"))
        status, fields, body = t.get("/readyz")
        tap.equal((status, fields["content-type"]), (200, "application/json"))
        tap.equal(json.loads(body), {"ready": True, "parts": {
            "gate": "ok", "scribe": "ok", "log": "ok", "portal": "ok", "certificates": "ok"}})
    with Tool("console", env={"WEBTOOL_STATE": "down"}) as t:
        tap.equal(t.get("/healthz")[0], 200)
        status, fields, body = t.get("/readyz")
        tap.equal((status, json.loads(body)["parts"]["scribe"]), (503, "down"))
        security_fields(fields)
        tap.contains(t.get("/")[2].decode(), "Not ready")


@tap.case
def the_overview_speaks_both_languages_and_escapes():
    with Tool("console") as t:
        status, fields, body = t.get("/")
        text = body.decode()
        tap.equal((status, fields["content-language"]), (200, "en"))
        security_fields(fields)
        tap.contains(text, "1,212,345")
        tap.contains(text, "old.example &quot;&gt;&lt;script&gt;\ufffd\\")
        tap.check("<script" not in text and "style=" not in text, "inline code")
        tap.contains(text, "030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dc")
        text = t.get("/?lang=ja")[2].decode()
        tap.contains(text, '<html lang="ja">')
        tap.contains(text, "正常稼働")
        tap.equal(t.get("/", [("Accept-Language", "ja")])[1]["content-language"], "ja")
        link = re.search('href="(/[^"]*css[^"]*)"', text).group(1)
        tap.equal(t.get(link)[0], 200)


@tap.case
def a_rebound_name_is_refused():
    with Tool("console") as t:
        for host, status in [("localhost", 200), ("127.0.0.1:9100", 200), ("[::1]:9", 200), ("console.example", 200),
                             ("evil.example", 421), ("localhost.evil.example", 421), ("", 421)]:
            tap.equal(t.get("/metrics", host=host)[0], status, host)
        s = t.connect()
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        tap.equal(answer(s)[0], 421)
        s.close()


@tap.case
def writing_methods_and_unknown_paths_are_refused():
    with Tool("console") as t:
        for method in ("POST", "PUT", "DELETE"):
            tap.equal(t.get("/metrics", method=method)[0], 405)
        for target in ("/metrics/", "/..", "/x", "/healthz%00", "//"):
            tap.equal(t.get(target)[0], 404, target)
        status, fields, body = t.get("/metrics", method="HEAD")
        tap.equal((status, body), (200, b""))
        tap.check(int(fields["content-length"]) > 5000, "length of the real answer")


@tap.case
def two_hundred_scrapes_at_once():
    with Tool("console") as t:
        def one(_):
            for _ in range(50):
                s = t.connect(30)
                try:
                    return t.get("/metrics", connection=s)[0]
                except (ConnectionError, http.client.HTTPException):
                    # One address may have 64 connections; who is over the limit comes again.
                    time.sleep(0.1)
                finally:
                    s.close()
            return 0
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            tap.equal(set(pool.map(one, range(200))), {200})


# --- the TLS door ---

def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Pki:
    """A CA, a server certificate for localhost and one for a client."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ca, self.ca_key = self.path("ca.pem"), self.path("ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=test ca", "-keyout", self.ca_key, "-out", self.ca)
        self.server = self.leaf("server", "/CN=localhost", "subjectAltName=DNS:localhost")
        self.client = self.leaf("client", "/O=Auditors/CN=Aya \\\"<b>", "extendedKeyUsage=clientAuth")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def leaf(self, name, subject, extension):
        key, csr, cert, ext = (self.path(name + end) for end in (".key", ".csr", ".pem", ".ext"))
        with open(ext, "w", encoding="ascii") as f:
            f.write(extension + "\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                "-keyout", key, "-out", csr)
        openssl("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days", "2",
                "-extfile", ext, "-out", cert)
        return cert, key

    def context(self, client=True):
        c = ssl.create_default_context(cafile=self.ca)
        if client:
            c.load_cert_chain(*self.client)
        return c


def https(tool, context):
    s = socket.create_connection(("127.0.0.1", tool.tls_port), timeout=15)
    return context.wrap_socket(s, server_hostname="localhost")


@tap.case
def the_door_serves_over_tls():
    pki = Pki()
    with Tool("console", tls=(*pki.server, "")) as t:
        s = https(t, pki.context(client=False))
        for _ in range(20):
            send(s, "/metrics", close=False)
            status, fields, body = answer(s)
            tap.equal(status, 200)
            security_fields(fields)
            parse(body.decode())
        send(s, "/healthz", close=True)
        tap.equal(answer(s)[2], b"ok\n")
        tap.equal(s.recv(1), b"", "orderly end")
        s.close()
        tap.equal(t.get("/healthz")[0], 200, "the plain side")


@tap.case
def the_door_demands_the_certificate_before_http():
    pki, other = Pki(), Pki()
    with Tool("console", tls=(*pki.server, pki.ca)) as t:
        s = https(t, pki.context())
        send(s, "/healthz")
        tap.equal(answer(s)[0], 200)
        s.close()
        stranger = pki.context(client=False)
        stranger.load_cert_chain(*other.client)
        for context in (pki.context(client=False), stranger):
            try:
                s = https(t, context)
                send(s, "/healthz")
                got = s.recv(1)
            except (ssl.SSLError, ConnectionError):
                got = b""
            tap.equal(got, b"", "answered without a certificate")


@tap.case
def slow_and_silent_handshakes_harm_nobody():
    pki = Pki()
    with Tool("console", tls=(*pki.server, "")) as t:
        silent = [socket.create_connection(("127.0.0.1", t.tls_port)) for _ in range(60)]
        for s in silent[:20]:
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        for s in silent[20:30]:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        s = https(t, pki.context(client=False))
        send(s, "/healthz")
        tap.equal(answer(s)[0], 200)
        s.close()
        silent[0].settimeout(40)
        started = time.monotonic()
        try:
            silent[0].recv(100)
            silent[0].recv(100)
        except ConnectionResetError:
            pass
        tap.within(time.monotonic() - started, 5, 30, "handshake time-out")
        for s in silent:
            s.close()


@tap.case
def many_tls_clients_at_once():
    pki = Pki()
    context = pki.context(client=False)
    with Tool("console", tls=(*pki.server, "")) as t:
        def one(_):
            for _ in range(100):
                try:
                    with https(t, context) as s:
                        send(s, "/metrics")
                        return answer(s)[0]
                except (ConnectionError, ssl.SSLError, http.client.HTTPException):
                    time.sleep(0.1)
            return 0
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            tap.equal(set(pool.map(one, range(200))), {200})


@tap.case
def stopping_with_open_tls_connections_is_quick():
    pki = Pki()
    with Tool("console", tls=(*pki.server, "")) as t:
        s = https(t, pki.context(client=False))
        send(s, "/healthz", close=False)
        tap.equal(answer(s)[0], 200)
        started = time.monotonic()
        tap.equal(t.stop(), (0, ""))
        tap.check(time.monotonic() - started < 5, "took too long to stop")
        s.close()


tap.main()
