#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's wallet console: the application that warifu stands in front of.

    console.py PORT FOLDER        listens on 127.0.0.1:PORT, writes FOLDER/requests.jsonl

It is as trusting as most: who shows a cookie of a live session is that user. Nothing here
knows of warifu. requests.jsonl has the heads and bodies of all requests that arrived, as
numbers of bytes: that is how the demo counts what a thief got through (lib.backend reads it).
"""
import http.cookies
import http.server
import itertools
import json
import os
import secrets
import sys
import threading
import time
import urllib.parse

import pages

USERS = {"alice": ("alice-7-lanterns", "Alice Tanaka", True), "bob": ("bob-9-anchors", "Bob Sato", False)}
COOKIE = "kura_session"
FORM_MAX = 16384


class Ledger:
    """Balances and withdrawals, in memory: every start begins anew."""

    def __init__(self):
        self.lock = threading.Lock()
        self.balances = {"BTC": 4502.9, "ETH": 18240.5, "USDC": 3120000.0}
        self.rows = []
        hour = 3600
        for age, asset, amount, address in ((50 * hour, "USDC", 250000, "0x51bE1d4e9AaB7a1fC2b0E9D7c9b1d2A4"),
                                            (26 * hour, "BTC", 12.5, "bc1q9h0yarq4exchangecoldwallet7zk"),
                                            (3 * hour, "ETH", 320, "0x8fD0c1B2a3949E5f60718293a4B5c6D7")):
            self.rows.insert(0, {"time": time.time() - age, "asset": asset, "amount": amount, "to": address, "by": "alice"})

    def withdraw(self, user, asset, amount, address):
        """None, or the key of the message that says why not."""
        with self.lock:
            if asset not in self.balances or not 0 < amount <= self.balances[asset]:
                return "bad-amount"
            if not 8 <= len(address) <= 90 or not address.isalnum():
                return "bad-address"
            self.balances[asset] = round(self.balances[asset] - amount, 8)
            self.rows.insert(0, {"time": time.time(), "asset": asset, "amount": amount, "to": address, "by": user})
            del self.rows[50:]
        return None


class Arrivals:
    """What reached this console: a line of JSON for each head and each body."""

    def __init__(self, path):
        self.out = open(path, "a", encoding="utf-8", buffering=1)
        self.ids, self.lock = itertools.count(1), threading.Lock()

    def write(self, **line):
        with self.lock:
            self.out.write(json.dumps(line) + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "kura", ""
    timeout = 60

    def log_message(self, *words):
        pass

    def arrive(self):
        """Count this request and read its form; None if it is too long to be ours."""
        size = len(self.raw_requestline) + 2 + sum(len(k) + len(v) + 4 for k, v in self.headers.items())
        self.number = next(self.server.arrivals.ids)
        self.server.arrivals.write(event="head", id=self.number, method=self.command, path=self.path, head=size, headers=[])
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length <= FORM_MAX else None
        self.server.arrivals.write(event="body", id=self.number, bytes=len(body or b""), complete=body is not None)
        if body is None:
            self.close_connection = True
            return None
        return {k: v[0] for k, v in urllib.parse.parse_qs(body.decode("utf-8", "replace")).items()}

    def token(self):
        jar = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        return jar[COOKIE].value if COOKIE in jar else ""

    def user(self):
        return self.server.sessions.get(self.token())

    def language(self):
        return "ja" if self.headers.get("Accept-Language", "").lower().startswith("ja") else "en"

    def answer(self, status, body=b"", kind="text/html; charset=utf-8", fields=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def go(self, where, fields=()):
        self.answer(303, fields=[("Location", where), *fields])

    def json(self, status, value):
        self.answer(status, json.dumps(value), "application/json")

    def do_GET(self):
        if self.arrive() is None:
            return self.answer(413, "too long")
        path = urllib.parse.urlsplit(self.path).path
        if path == "/style.css":
            return self.answer(200, pages.STYLE, "text/css; charset=utf-8")
        if path == "/favicon.svg":
            return self.answer(200, pages.ICON, "image/svg+xml")
        if path == "/login":
            return self.answer(200, pages.login(self.language(), ""))
        user = self.user()
        if path == "/api/balances":
            return self.json(200, self.server.ledger.balances) if user else self.json(401, {"error": "login"})
        if path == "/api/me":
            return self.json(200, {"user": user}) if user else self.json(401, {"error": "login"})
        if path != "/":
            return self.answer(404, pages.missing(self.language()))
        if not user:
            return self.go("/login")
        said = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("said", [""])[0]
        self.answer(200, pages.home(self.language(), user, USERS[user], self.server.ledger, said))

    do_HEAD = do_GET

    def do_POST(self):
        form = self.arrive()
        if form is None:
            return self.answer(413, "too long")
        acts = {"/login": self.login, "/logout": self.logout, "/withdraw": self.withdraw}
        acts.get(self.path, lambda form: self.answer(404, pages.missing(self.language())))(form)

    def login(self, form):
        name = form.get("username", "").strip().lower()
        known = USERS.get(name)
        if not known or not secrets.compare_digest(known[0].encode(), form.get("password", "").encode()):
            return self.answer(401, pages.login(self.language(), "wrong"))
        token = secrets.token_hex(24)
        self.server.sessions[token] = name
        self.go("/", [("Set-Cookie", f"{COOKIE}={token}; Path=/; HttpOnly")])

    def logout(self, form):
        self.server.sessions.pop(self.token(), None)
        self.go("/login", [("Set-Cookie", f"{COOKIE}=; Path=/; Max-Age=0")])

    def withdraw(self, form):
        user = self.user()
        if not user:
            return self.go("/login")
        if not USERS[user][2]:
            return self.answer(403, pages.home(self.language(), user, USERS[user], self.server.ledger, "no-right"))
        try:
            amount = float(form.get("amount", ""))
        except ValueError:
            amount = 0.0
        fault = self.server.ledger.withdraw(user, form.get("asset", ""), amount, form.get("address", "").strip())
        if fault:
            return self.answer(400, pages.home(self.language(), user, USERS[user], self.server.ledger, fault))
        self.go("/?said=done")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    server = Server(("127.0.0.1", port), Handler)
    server.ledger, server.sessions = Ledger(), {}
    server.arrivals = Arrivals(os.path.join(folder, "requests.jsonl"))
    print(f"ready on {port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
