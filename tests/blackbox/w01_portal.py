# SPDX-License-Identifier: Apache-2.0
"""The staff pages: what they say, what they carry, and that no value can leave its place."""
import concurrent.futures
import hashlib
import html.parser
import json
import os
import re
import socket
import time

from lib import tap
from lib.webtool import Tool, answer, security_fields, send
from lib.world import SRC

KINDS = ["challenge", "refused", "tossing", "locked", "read-only", "unavailable", "login", "revoked",
         "bad-gateway", "timeout", "too-many", "not-found"]
GATE = [("Warifu-Support", "7K3M-Q2XD-41WT"), ("Warifu-Site", "wallet.example"), ("Warifu-Login", "/login"),
        ("Warifu-Time", "2026-11-23T14:52:07Z"), ("Accept", "text/html,*/*;q=0.8")]


class Outline(html.parser.HTMLParser):
    """Tags with their attributes, and the text; checks that tags nest."""

    VOID = {"meta", "link", "img", "input", "br"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        tap.equal(self.open, [], "tags left open")

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        tap.equal(self.open.pop(), tag, "nesting")

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [a for t, a in self.tags if t == tag]


def page(tool, kind="challenge", fields=GATE, target="/page"):
    status, got, body = tool.get(target, [("Warifu-Page", kind)] + list(fields))
    return status, got, Outline(body.decode())


@tap.case
def every_page_is_whole_and_carries_the_security_fields():
    with Tool("portal", unix=True) as t:
        for kind in KINDS:
            for lang in ("en", "ja"):
                status, fields, out = page(t, kind, GATE + [("Accept-Language", lang)])
                tap.within(status, 400, 599, kind)
                security_fields(fields)
                tap.equal(fields["cache-control"], "no-store")
                tap.equal(fields["content-type"], "text/html; charset=utf-8")
                tap.equal(fields["content-language"], lang)
                tap.equal(fields["vary"], "Accept, Accept-Language")
                tap.equal(out.all("html")[0]["lang"], lang)
                tap.equal(len(out.all("h1")), 1)
                tap.equal(out.all("details")[0]["lang"], "ja" if lang == "en" else "en")
                tap.contains(out.text, "2026-11-23 23:52:07 JST")
                tap.equal(out.all("input")[0]["value"], "7K3M-Q2XD-41WT")


@tap.case
def nothing_inline_and_nothing_from_elsewhere():
    with Tool("portal", unix=True) as t:
        for kind in KINDS:
            _, _, out = page(t, kind)
            for tag, attrs in out.tags:
                tap.check(tag not in ("script", "style", "iframe", "object", "form"), tag)
                for name, value in attrs.items():
                    tap.check(not name.startswith("on") and name != "style", f"{tag} {name}")
                    if name in ("src", "href"):
                        tap.check(value.startswith("/") and not value.startswith("//"), value)


@tap.case
def the_language_follows_query_then_accept_language():
    with Tool("portal", unix=True) as t:
        for target, accept, wanted in [
                ("/page", None, "en"), ("/page", "ja-JP,ja;q=0.9,en;q=0.8", "ja"),
                ("/page", "en-GB,en;q=0.9,ja;q=0.8", "en"), ("/page", "fr,ja;q=0.2", "ja"),
                ("/page?lang=ja", "en", "ja"), ("/page?lang=en", "ja", "en"),
                ("/page?lang=xx", "ja", "ja"), ("/page?lang=ja&lang=en", "en", "en"),
                ("/page", "x" * 2000, "en")]:
            extra = [("Accept-Language", accept)] if accept else []
            _, fields, _ = page(t, "challenge", GATE + extra, target)
            tap.equal(fields["content-language"], wanted, f"{target} {accept}")


@tap.case
def the_button_leads_to_the_login_path_only():
    with Tool("portal", unix=True) as t:
        _, _, out = page(t)
        tap.equal([a["href"] for a in out.all("a")], ["/login", "/login"])
        for login in ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)",
                      "/a\"onclick=x", "login", "/" + "a" * 1100, "/日本"]:
            _, _, out = page(t, "challenge", [("Warifu-Login", login)])
            tap.equal(out.all("a"), [], login)
        for kind in ("refused", "locked", "unavailable"):
            _, _, out = page(t, kind)
            tap.equal(out.all("a"), [], kind)


@tap.case
def the_tossing_page_says_what_was_done():
    with Tool("portal", unix=True) as t:
        _, _, out = page(t, "tossing")
        tap.contains(out.text, "two login cookies")
        tap.contains(out.text, "has asked your browser to delete the cookies of that name")
        _, _, out = page(t, "tossing", GATE + [("Accept-Language", "ja")])
        tap.contains(out.text, "削除するようブラウザーに依頼しました")


@tap.case
def status_is_the_gates_or_the_tables():
    with Tool("portal", unix=True) as t:
        for given, wanted in [(None, 403), ("401", 401), ("503", 503), ("200", 403), ("302", 403), ("600", 403),
                              ("abc", 403), ("4031", 403), ("", 403)]:
            status, _, _ = page(t, "challenge", GATE + ([("Warifu-Status", given)] if given is not None else []))
            tap.equal(status, wanted, repr(given))
        tap.equal(page(t, "unavailable")[0], 503)
        tap.equal(page(t, "no such kind")[0], 403)


@tap.case
def programs_get_problem_json():
    with Tool("portal", unix=True) as t:
        fields = [f for f in GATE if f[0] != "Accept"]
        for accept in ("application/json", "application/problem+json, application/json;q=0.5"):
            status, got, body = t.get("/page", [("Warifu-Page", "challenge"), ("Accept", accept)] + fields)
            tap.equal(got["content-type"], "application/problem+json")
            security_fields(got)
            doc = json.loads(body)
            tap.equal((status, doc["status"]), (403, 403))
            tap.equal(doc["type"], "urn:warifu:challenge")
            tap.equal(doc["instance"], "urn:warifu:support:7K3M-Q2XD-41WT")
            tap.equal(doc["login"], "/login")
        _, got, _ = t.get("/page", [("Accept", "text/html, application/json")])
        tap.equal(got["content-type"], "text/html; charset=utf-8")


@tap.case
def hostile_values_stay_text():
    bad = ["\"><script>alert(1)</script>", "'onload=alert(1) x='", "</title><b>", "a\x01b\x7fc", "\u202egnp.exe",
           "&lt;b&gt;", "\udcff\udcfe", "割符\u200b", "<" * 253, "x" * 8192, "<" * 8192]
    with Tool("portal", unix=True) as t:
        for value in bad:
            clean = page(t, value.replace("\r", ""), [])[2]
            shape = [tag for tag, _ in clean.tags]
            for name in ("Warifu-Site", "Warifu-Support", "Warifu-Login", "Warifu-Reason", "Warifu-Time",
                         "Warifu-Status", "Accept-Language"):
                status, fields, out = page(t, "refused", [(name, value)])
                security_fields(fields)
                tap.equal(status, 403)
                tap.equal([x for x in out.tags if x[0] in ("script", "b")], [], f"{name} {value!r}")
                for tag, attrs in out.tags:
                    tap.check(not any(a.startswith("on") for a in attrs), f"{name} {value!r}")
                extra = 2 if name == "Warifu-Site" and len(value.encode("utf-8", "surrogateescape")) <= 253 else 0
                tap.equal(len(out.tags), len(shape) + extra, f"{name} {value!r}")
                tap.check(not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\u200b]", out.text), f"{name} {value!r}")


@tap.case
def a_field_that_occurs_twice_is_none():
    with Tool("portal", unix=True) as t:
        _, _, out = page(t, "challenge", [("Warifu-Login", "/a"), ("Warifu-Login", "/b")])
        tap.equal(out.all("a"), [])
        _, _, out = page(t, "challenge", [("Warifu-Support", "A1"), ("warifu-support", "A2")])
        tap.equal(out.all("input"), [])


@tap.case
def the_style_sheet_is_the_file_and_may_be_kept():
    with Tool("portal", unix=True) as t:
        _, _, out = page(t)
        links = [a["href"] for a in out.all("link")] + [a["src"] for a in out.all("img")]
        tap.equal(len(links), 3)
        for link in links:
            path, tag = link.split("?v=")
            with open(os.path.join(SRC, "proxy/web/assets", path.rsplit("/", 1)[1]), "rb") as f:
                source = f.read()
            tap.equal(tag, hashlib.sha256(source).hexdigest()[:16], path)
            status, fields, body = t.get(link)
            tap.equal((status, body == source), (200, True), path)
            tap.equal(fields["cache-control"], "public, max-age=31536000, immutable")
            tap.equal(fields["x-content-type-options"], "nosniff")
            tap.equal(t.get(path + "?v=old")[1]["cache-control"], "no-cache")
        tap.equal(t.get("/.warifu/s/warifu.css")[1]["content-type"], "text/css; charset=utf-8")
        tap.equal(t.get("/.warifu/s/warifu.svg")[1]["content-type"], "image/svg+xml")


@tap.case
def head_has_the_fields_and_no_body():
    with Tool("portal", unix=True) as t:
        full = t.get("/page", [("Warifu-Page", "locked")])
        head = t.get("/page", [("Warifu-Page", "locked")], method="HEAD")
        tap.equal(head[0], full[0])
        tap.equal(head[2], b"")
        tap.equal(head[1]["content-length"], str(len(full[2])))
        security_fields(head[1])


@tap.case
def other_paths_and_methods_are_refused():
    with Tool("portal", unix=True) as t:
        for target, status in [("/", 404), ("/page/", 404), ("/Page", 404), ("/%70age", 404), ("/page%00", 404),
                               ("/.warifu/s/", 404), ("/.warifu/s/../../etc/passwd", 404), ("*", 400),
                               ("http://x/page", 400), ("/" + "a" * 3000, 414)]:
            got, fields, _ = t.get(target)
            tap.equal(got, status, target[:40])
            security_fields(fields)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"):
            got, fields, _ = t.get("/page", method=method)
            tap.equal((got, fields["allow"]), (405, "GET, HEAD"), method)
        tap.equal(t.get("/page", body=b"x")[0], 413)
        tap.equal(t.get("/page", [("Transfer-Encoding", "chunked")])[0], 411)
        tap.equal(t.get("/page", [("Host", "other")])[0], 421)
        tap.equal(t.get("/page", [(f"X-{i}", "y") for i in range(100)])[0], 431)


@tap.case
def a_kept_connection_serves_many_pages():
    with Tool("portal", unix=True) as t:
        s = t.connect()
        for i in range(100):
            kind = KINDS[i % len(KINDS)]
            status, _, body = t.get("/page", [("Warifu-Page", kind), ("Warifu-Support", f"N{i}")], connection=s)
            tap.within(status, 400, 599)
            tap.contains(body.decode(), f'value="N{i}"')
        s.close()


@tap.case
def two_hundred_at_once_all_get_their_own_page():
    def one(i):
        return i, t.get("/page", [("Warifu-Page", "challenge"), ("Warifu-Support", f"NUMBER-{i}")])
    with Tool("portal", unix=True) as t:
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            for i, (status, _, body) in pool.map(one, range(200)):
                tap.equal(status, 403)
                tap.contains(body.decode(), f'value="NUMBER-{i}"')


@tap.case
def only_the_gates_user_is_heard():
    with Tool("portal", unix=True, extra=[str(os.getuid() + 1)]) as t:
        s = t.connect()
        try:
            send(s, "/page")
            tap.equal(s.recv(1), b"")
        except (BrokenPipeError, ConnectionResetError):
            pass
        s.close()
    with Tool("portal", unix=True, extra=[str(os.getuid())]) as t:
        tap.equal(page(t)[0], 403)


@tap.case
def stopping_ends_idle_connections_and_finishes_answers():
    with Tool("portal", unix=True) as t:
        idle, busy = t.connect(), t.connect()
        tap.equal(t.get("/page", connection=idle)[0], 403)
        started = time.monotonic()
        code, said = t.stop()
        tap.equal((code, said), (0, ""))
        tap.check(time.monotonic() - started < 3, "took too long to stop")
        tap.equal(idle.recv(1), b"")
        idle.close()
        busy.close()


@tap.case
def garbage_does_no_harm():
    with Tool("portal", unix=True) as t:
        for data in [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\0" * 100, b"GET /page HTTP/1.1\r\n\0\r\n\r\n",
                     b"GET /page HTTP/9.9\r\n\r\n", b"A" * 70000, b"GET /page HTTP/1.1\r\nHost: x\r\n" + b"B" * 70000,
                     b"GET /page\0x HTTP/1.1\r\nHost: x\r\n\r\n"]:
            # libmicrohttpd may miss the end of a half-sent line; then the deadline of 10 s ends it.
            s = t.connect(timeout=15)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
            s.close()
        s = t.connect()
        send(s, "/page", close=False)
        tap.equal(answer(s)[0], 403)
        s.close()


tap.main()
