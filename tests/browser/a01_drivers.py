# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=240
"""The two browser drivers against a plain TLS server, before anything of ours is involved."""
import http.server
import json
import os
import ssl
import threading

from lib import tap
from lib.hop import Hop
from lib.marionette import Firefox
from lib.webdriver import Chromium
from lib.world import World, spki_hash

HOST = "wallet.test"
PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>driver page</title>
<form method=post action=/login><input id=user name=user><button id=go>Go</button></form>
<p id=agent></p><script>document.getElementById('agent').textContent = navigator.language</script>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, text, fields=()):
        data = text.encode()
        self.send_response(status)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(data)))] + list(fields):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.server.seen.append((self.command, self.path, dict(self.headers), self.client_address))
        if self.path == "/echo":
            self.answer(200, "application/json", json.dumps(dict(self.headers)))
        elif self.path in ("/", "/welcome"):
            page = PAGE if self.path == "/" else "<title>welcome</title><p>welcome</p>"
            self.answer(200, "text/html; charset=utf-8", page)
        else:
            self.answer(404, "text/plain", "no such page")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.command, self.path, body, self.client_address))
        self.answer(303, "text/plain", "", [
            ("Location", "/welcome"), ("Set-Cookie", "sid=s3cret; Path=/; HttpOnly; Secure; SameSite=Lax")])

    def log_message(self, *args):
        pass


def start_server(world):
    ca, cert, key = world.certs(HOST)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, spki_hash(cert)


def log_in(browser, server):
    """The same walk with either browser."""
    browser.go(f"https://{HOST}/")
    tap.equal(browser.title(), "driver page")
    browser.type("#user", "alice")
    browser.click("#go")
    browser.wait_text("welcome")
    tap.equal(browser.url(), f"https://{HOST}/welcome")
    posts = [s for s in server.seen if s[0] == "POST"]
    tap.equal(posts[-1][2], b"user=alice")
    tap.equal(browser.jar().get("sid"), "s3cret", "an HttpOnly cookie is seen by the driver")
    tap.equal(browser.run("return document.cookie"), "", "and not by the page")


def plant_and_fetch(browser):
    browser.put_cookies({"sid": "stolen"}, f"https://{HOST}/")
    seen = browser.fetch("/echo")
    tap.equal(seen["status"], 200)
    tap.contains(seen["text"], "sid=stolen")
    tap.equal(browser.fetch("/none")["status"], 404)


def picture(browser, world):
    path = world.path("shot.png")
    browser.screenshot(path)
    tap.check(os.path.getsize(path) > 1000, "the screenshot is empty")


with World("drivers") as world:
    server, spki = start_server(world)
    port = server.server_address[1]
    hop = world.add(Hop(port))
    tunnel = world.add(Hop(port, connect=True))

    def chromium_works():
        b = Chromium(world, {f"{HOST}:443": hop.port}, [spki])
        tap.note("Chromium", b.version)
        log_in(b, server)
        plant_and_fetch(b)
        picture(b, world)
        b.quit()

    def chromium_keeps_a_profile_and_an_agent():
        folder = world.folder("kept", mine=False)
        first = Chromium(world, {f"{HOST}:443": hop.port}, [spki], profile=folder)
        first.go(f"https://{HOST}/")
        first.run("localStorage.setItem('k', 'v')")
        first.quit()
        again = Chromium(world, {f"{HOST}:443": hop.port}, [spki], profile=folder, agent="Other/1.0", language="ja")
        again.go(f"https://{HOST}/")
        tap.equal(again.run("return localStorage.getItem('k')"), "v")
        tap.equal(again.text("#agent"), "ja")
        fields = json.loads(again.fetch("/echo")["text"])
        tap.equal(fields["User-Agent"], "Other/1.0")
        tap.check(fields["Accept-Language"].startswith("ja"), fields["Accept-Language"])
        again.quit()

    def chromium_refuses_an_unknown_certificate():
        b = Chromium(world, {f"{HOST}:443": hop.port})
        b.go(f"https://{HOST}/")  # the driver does not complain: it shows the warning page
        tap.equal(b.title(), "Privacy error")
        b.quit()

    def firefox_works_through_a_tunnel():
        before = tunnel.accepted
        b = Firefox(world, proxy=tunnel.port)
        tap.note("Firefox", b.version)
        log_in(b, server)
        plant_and_fetch(b)
        picture(b, world)
        b.quit()
        tap.check(tunnel.accepted > before, "no connection came through the tunnel")

    for fn in (chromium_works, chromium_keeps_a_profile_and_an_agent, chromium_refuses_an_unknown_certificate,
               firefox_works_through_a_tunnel):
        tap.run(fn.__name__, fn)
tap.finish()
