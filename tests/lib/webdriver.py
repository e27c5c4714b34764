# SPDX-License-Identifier: Apache-2.0
"""Real Chromium through chromedriver's HTTP JSON protocol, with the standard library only.

    b = Chromium(world, {"wallet.test:443": hop.port}, spki=[hash])
    b.go("https://wallet.test/"); b.type("#user", "alice"); b.click("#login")

Each browser has a profile of its own; `Chromium(..., profile=path)` re-opens one. Names are
mapped with --host-resolver-rules, so nothing outside loopback is ever asked.
"""
import base64
import json
import os
import time
import urllib.error
import urllib.request

from lib import tap
from lib.world import Process, SLOW, free_port, wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class DriverError(Exception):
    """The driver's own error; .code is its short name, for instance `no such element`."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {(str(message).splitlines() or [''])[0]}")
        self.code = code


class Chromium:
    def __init__(self, world, hosts, spki=(), profile=None, agent=None, language="en", flags=(), proxy=None):
        self.world, self.name = world, f"chromium{len(world.things)}"
        self.port = free_port()
        env = dict(os.environ, HOME=world.folder("home", mine=False), LANG="en_US.UTF-8")
        self.driver = Process(self.name, ["/usr/bin/chromedriver", f"--port={self.port}"], world.dir, env)
        self.session = None
        world.add(self)
        self.driver.wait_port(self.port)
        self.profile = profile or world.folder(f"profile-{self.port}", mine=False)
        self._open(hosts, spki, agent, language, flags, proxy)

    def _open(self, hosts, spki, agent, language, flags, proxy):
        rules = [f"MAP {name} 127.0.0.1:{port}" for name, port in hosts.items()]
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
                "--disable-component-update", "--disable-default-apps", "--metrics-recording-only",
                "--no-default-browser-check", "--window-size=1200,900", f"--lang={language}",
                f"--user-data-dir={self.profile}", f"--accept-lang={language}"]
        if rules:
            args.append("--host-resolver-rules=" + ", ".join(rules + ["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]))
        if spki:
            args.append("--ignore-certificate-errors-spki-list=" + ",".join(spki))
        if agent:
            args.append(f"--user-agent={agent}")
        if proxy:
            args.append(f"--proxy-server=http://127.0.0.1:{proxy}")
        options = {"binary": "/usr/bin/chromium", "args": args + list(flags),
                   "prefs": {"intl.accept_languages": language}}
        answer = self._http("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"pageLoad": 30000 * SLOW, "script": 30000 * SLOW}}}}, seconds=60)
        self.session = answer["sessionId"]
        self.version = answer["capabilities"]["browserVersion"]

    def _http(self, method, path, body=None, seconds=45):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=seconds * SLOW) as r:
                return json.load(r)["value"]
        except urllib.error.HTTPError as e:
            value = json.load(e)["value"]
            raise DriverError(value["error"], value["message"]) from None

    def call(self, method, path, body=None):
        return self._http(method, f"/session/{self.session}{path}", body)

    def alive(self):
        return self.driver.alive()

    def log(self):
        return self.driver.log()

    def quit(self):
        """End the browser as a user would; the profile stays for the next one."""
        if self.session:
            try:
                self.call("DELETE", "")
            except (DriverError, OSError):
                pass
            self.session = None

    def stop(self):
        self.quit()
        self.driver.stop()

    # --- what a user does

    def go(self, url):
        self.call("POST", "/url", {"url": url})

    def url(self):
        return self.call("GET", "/url")

    def title(self):
        return self.call("GET", "/title")

    def source(self):
        return self.call("GET", "/source")

    def text(self, css="body"):
        return on_element(self, css, lambda element: self.call("GET", f"/element/{element}/text"))

    def find(self, css, seconds=10):
        """The element's id; waits for it."""
        end = time.monotonic() + seconds * SLOW
        while True:
            try:
                return self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]
            except DriverError as e:
                if e.code != "no such element" or time.monotonic() > end:
                    raise tap.Failure(f"no {css} on {self.url()}: {e}") from None
                time.sleep(0.05)

    def has(self, css):
        return bool(self.call("POST", "/elements", {"using": "css selector", "value": css}))

    def type(self, css, text):
        def fill(element):
            self.call("POST", f"/element/{element}/clear")
            self.call("POST", f"/element/{element}/value", {"text": text})
        on_element(self, css, fill)

    def click(self, css):
        on_element(self, css, lambda element: self.call("POST", f"/element/{element}/click"))

    def run(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        """The script's last argument is the callback."""
        return self.call("POST", "/execute/async", {"script": script, "args": list(args)})

    def fetch(self, path, options=None):
        """window.fetch in the page: {status, url, redirected, type, text} or {error}."""
        return self.run_async(FETCH, path, options or {})

    def wait(self, question, seconds=10, what="page"):
        return wait_until(question, seconds, what)

    def wait_text(self, text, seconds=10):
        return wait_until(lambda: text in self.text(), seconds, f"{text!r} on the page {self.url()}")

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    # --- what a user cannot do

    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def cookies(self):
        """Every cookie of the profile, HttpOnly too, as CDP describes them."""
        return self.cdp("Network.getAllCookies")["cookies"]

    def jar(self):
        return {c["name"]: c["value"] for c in self.cookies()}

    def put_cookies(self, cookies, url):
        """Plant cookies as a thief does: {name: value} or a list from cookies()."""
        if isinstance(cookies, dict):
            cookies = [{"name": n, "value": v} for n, v in cookies.items()]
        for c in cookies:
            done = self.cdp("Network.setCookie", url=url, name=c["name"], value=c["value"], path=c.get("path", "/"),
                            secure=True, httpOnly=c.get("httpOnly", True))
            tap.check(done.get("success"), f"cookie {c['name']} not taken: {done}")

    def console(self):
        """Messages of the page's console since the last call."""
        return self.call("POST", "/se/log", {"type": "browser"})


def on_element(browser, css, act, tries=5):
    """act(element); the page may change between the finding and the act, so a few times."""
    for left in range(tries - 1, -1, -1):
        try:
            return act(browser.find(css))
        except DriverError as e:
            if e.code != "stale element reference" or left == 0:
                raise


FETCH = """
const done = arguments[2];
fetch(arguments[0], Object.assign({credentials: 'same-origin'}, arguments[1]))
  .then(async r => done({status: r.status, url: r.url, redirected: r.redirected, type: r.type,
                         text: await r.text()}))
  .catch(e => done({error: String(e)}));
"""
