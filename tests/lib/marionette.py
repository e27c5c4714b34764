# SPDX-License-Identifier: Apache-2.0
"""Real Firefox ESR, headless, through its own Marionette protocol over TCP.

Messages are `LENGTH:JSON`; a command is [0, id, name, parameters], an answer [1, id, error,
result]. Names resolve to 127.0.0.1 (network.dns.forceResolve); to choose port and place, give
`proxy`, the port of a Hop(connect=True): Firefox then sends CONNECT name:443 to it.
"""
import base64
import json
import os
import socket
import time

from lib import tap
from lib.webdriver import ELEMENT, FETCH, DriverError, on_element
from lib.world import Process, SLOW, free_port, wait_until

PREFS = {
    "app.update.enabled": False, "app.update.auto": False, "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0, "browser.startup.homepage": "about:blank", "browser.newtabpage.enabled": False,
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.update.enabled": False, "browser.search.update": False,
    "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
    "extensions.update.enabled": False, "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True, "network.prefetch-next": False, "network.http.speculative-parallel-limit": 0,
    "network.trr.mode": 5, "network.http.http3.enable": False, "services.settings.server": "data:,#remote-settings-dummy/v1",
    "security.OCSP.enabled": 0, "security.enterprise_roots.enabled": False, "dom.security.https_only_mode": False,
    "security.remote_settings.crlite_filters.enabled": False, "browser.region.update.enabled": False,
    "dom.push.connection.enabled": False, "signon.rememberSignons": False, "browser.aboutwelcome.enabled": False,
    "network.http.windows-sso.enabled": False, "browser.tabs.remote.autostart": True,
    "remote.prefs.recommended": True,
}


class Firefox:
    def __init__(self, world, proxy=None, profile=None, agent=None, language="en-US", insecure=True, prefs=None):
        self.world, self.name = world, f"firefox{len(world.things)}"
        self.port, self.sock, self.number, self.session = free_port(), None, 0, None
        self.profile = profile or world.folder(f"ff-{self.port}", mine=False)
        self._write_prefs(proxy, agent, language, prefs or {})
        env = dict(os.environ, HOME=world.folder("home", mine=False), MOZ_HEADLESS="1",
                   MOZ_CRASHREPORTER_DISABLE="1", MOZ_REMOTE_SETTINGS_DEVTOOLS="1")
        self.process = Process(self.name, ["/usr/bin/firefox-esr", "-headless", "--marionette", "--no-remote",
                                           "--new-instance", "--profile", self.profile], world.dir, env)
        world.add(self)
        self.process.wait_port(self.port, 60)
        self._connect()
        answer = self.command("WebDriver:NewSession", {
            "acceptInsecureCerts": insecure, "timeouts": {"pageLoad": 30000 * SLOW, "script": 30000 * SLOW}})
        self.session, self.version = answer["sessionId"], answer["capabilities"]["browserVersion"]

    def _write_prefs(self, proxy, agent, language, more):
        prefs = dict(PREFS, **{"marionette.port": self.port, "intl.accept_languages": language}, **more)
        prefs["network.dns.forceResolve"] = "127.0.0.1"
        if proxy:
            prefs.update({"network.proxy.type": 1, "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": proxy,
                          "network.proxy.allow_hijacking_localhost": True, "network.proxy.no_proxies_on": ""})
        else:
            prefs["network.proxy.type"] = 0
        if agent:
            prefs["general.useragent.override"] = agent
        with open(os.path.join(self.profile, "user.js"), "w", encoding="utf-8") as f:
            for name, value in prefs.items():
                f.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")

    def _connect(self):
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=60 * SLOW)
        hello = self._read()
        tap.equal(hello.get("marionetteProtocol"), 3, "Marionette protocol")

    def _read(self):
        digits = b""
        while not digits.endswith(b":"):
            more = self.sock.recv(1)
            if not more:
                raise DriverError("closed", "Firefox closed its control connection")
            digits += more
        left, parts = int(digits[:-1]), []
        while left:
            data = self.sock.recv(min(left, 65536))
            if not data:
                raise DriverError("closed", "Firefox closed in the middle of an answer")
            parts.append(data)
            left -= len(data)
        return json.loads(b"".join(parts))

    def command(self, name, parameters=None):
        self.number += 1
        data = json.dumps([0, self.number, name, parameters or {}]).encode()
        self.sock.sendall(b"%d:%s" % (len(data), data))
        kind, number, error, result = self._read()
        if error:
            raise DriverError(error["error"], error["message"])
        tap.equal((kind, number), (1, self.number), "Marionette answer")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def alive(self):
        return self.process.alive()

    def log(self):
        return self.process.log()

    def quit(self):
        """End the browser in an orderly way; the profile stays for the next one."""
        if self.session:
            try:
                self.command("Marionette:Quit", {"flags": ["eForceQuit"]})
                self.process.popen.wait(20 * SLOW)
            except Exception:
                pass
            self.session = None

    def stop(self):
        self.quit()
        if self.sock:
            self.sock.close()
        self.process.stop()

    # --- the same words as lib.webdriver.Chromium

    def go(self, url):
        self.command("WebDriver:Navigate", {"url": url})

    def url(self):
        return self.command("WebDriver:GetCurrentURL")

    def title(self):
        return self.command("WebDriver:GetTitle")

    def source(self):
        return self.command("WebDriver:GetPageSource")

    def text(self, css="body"):
        return on_element(self, css, lambda element: self.command("WebDriver:GetElementText", {"id": element}))

    def find(self, css, seconds=10):
        end = time.monotonic() + seconds * SLOW
        while True:
            try:
                return self.command("WebDriver:FindElement", {"using": "css selector", "value": css})[ELEMENT]
            except DriverError as e:
                if e.code != "no such element" or time.monotonic() > end:
                    raise tap.Failure(f"no {css} on {self.url()}: {e}") from None
                time.sleep(0.05)

    def has(self, css):
        return bool(self.command("WebDriver:FindElements", {"using": "css selector", "value": css}))

    def type(self, css, text):
        def fill(element):
            self.command("WebDriver:ElementClear", {"id": element})
            self.command("WebDriver:ElementSendKeys", {"id": element, "text": text})
        on_element(self, css, fill)

    def click(self, css):
        on_element(self, css, lambda element: self.command("WebDriver:ElementClick", {"id": element}))

    def run(self, script, *args):
        return self.command("WebDriver:ExecuteScript", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        return self.command("WebDriver:ExecuteAsyncScript", {"script": script, "args": list(args)})

    def fetch(self, path, options=None):
        return self.run_async(FETCH, path, options or {})

    def wait(self, question, seconds=10, what="page"):
        return wait_until(question, seconds, what)

    def wait_text(self, text, seconds=10):
        return wait_until(lambda: text in self.text(), seconds, f"{text!r} on the page {self.url()}")

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.command("WebDriver:TakeScreenshot", {"full": False})))

    def cookies(self):
        """Cookies of the page that is open, HttpOnly too."""
        return self.command("WebDriver:GetCookies")

    def jar(self):
        return {c["name"]: c["value"] for c in self.cookies()}

    def put_cookies(self, cookies, url):
        """Plant cookies; the site must be open (any page of it, also an error page)."""
        if isinstance(cookies, dict):
            cookies = [{"name": n, "value": v} for n, v in cookies.items()]
        if not self.url().startswith(url):
            self.go(url)
        for c in cookies:
            self.command("WebDriver:AddCookie", {"cookie": {
                "name": c["name"], "value": c["value"], "path": c.get("path", "/"), "secure": True,
                "httpOnly": c.get("httpOnly", True)}})
