# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=300
"""`make demo` tells the truth: its story, its exit code, its end."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

from lib import tap
from lib.http1 import Client, tls_context
from lib.world import BIN, SLOW, SRC, passable, wait_until

DEMO = ["/usr/bin/python3", os.path.join(SRC, "tests", "demo", "demo.py")]
CHROMIUM = os.path.exists("/usr/bin/chromium") and os.path.exists("/usr/bin/chromedriver")

FIREFOX = os.path.exists("/usr/bin/firefox-esr")


class Demo:
    """A demo that runs; with `terminal` it believes that it writes to one."""

    def __init__(self, terminal=False, **env):
        self.folder = tempfile.mkdtemp(prefix="demo.")
        os.chmod(self.folder, 0o755)
        passable(os.path.dirname(self.folder))
        env = dict(os.environ, DEMO_FOLDER=self.folder, LC_ALL="C.UTF-8", **env)
        self.end, child = pty.openpty() if terminal else os.pipe()
        self.popen = subprocess.Popen(DEMO, stdin=subprocess.DEVNULL, stdout=child, stderr=subprocess.STDOUT, env=env,
                                      start_new_session=True)
        os.close(child)
        self.said = b""

    def read(self, seconds, until=None):
        """What it says, until its end or these words."""
        stop = time.monotonic() + seconds * SLOW
        while not (until and until.encode() in self.said):
            tap.check(time.monotonic() < stop, f"no {until or 'end'} within {seconds} s: {self.text()[-1500:]}")
            if not select.select([self.end], [], [], 0.2)[0]:
                continue
            try:
                more = os.read(self.end, 65536)
            except OSError:  # a terminal whose other end is gone
                more = b""
            if not more:
                tap.check(until is None, f"it ended without saying {until}: {self.text()[-1500:]}")
                return self.text()
            self.said += more
        return self.text()

    def text(self):
        return self.said.decode("utf-8", "replace").replace("\r\n", "\n")

    def finish(self, seconds=60):
        text = self.read(seconds)
        return text, self.popen.wait(10 * SLOW)

    def leftovers(self):
        """Processes that have the demo's folder in their command line."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read()
            except OSError:
                continue
            if self.folder.encode() in line:
                found.append(line.replace(b"\0", b" ").decode("utf-8", "replace")[:200])
        return found

    def records(self):
        out = subprocess.run([BIN, "log", "export", "--format", "jsonl", "--state", os.path.join(self.folder, "state", "log"),
                              "--key", os.path.join(self.folder, "state", "master.key")], capture_output=True, text=True)
        tap.equal(out.returncode, 0, out.stderr)
        return {r["record"]: r for r in map(json.loads, out.stdout.splitlines())}


def summary(text):
    """[(attempt, verdict on reading, verdict on sending, bytes, [records])] of the closing table."""
    part = text.split("What came of it")[1]
    rows = re.findall(r"^ {3}(?:\d  )? *(\S.*?)\s{2,}(\S+)\s+(\S+)\s+(\d+) bytes\s+(\d+), (\d+)$", part, re.M)
    return [(what, read, send, int(n), [int(a), int(b)]) for what, read, send, n, a, b in rows]


def shape(line):
    """A line without its numbers and its spacing."""
    return " ".join(re.sub(r"\d+", "N", line).split())


def quoted_in(readme, text):
    """Every line that the README quotes is one of the demo's."""
    with open(os.path.join(SRC, readme), encoding="utf-8") as f:
        quote = re.search(r"```text\n(.*?)```", f.read(), re.S).group(1)
    told = {shape(line) for line in re.sub(r"\x1b\[\d*m", "", text).split("\n")}
    return [line for line in quote.split("\n") if shape(line) not in told | {"...", ""}]


@tap.case
def every_word_of_the_story_holds():
    """With Chromium where it is installed: what a reader of the README sees."""
    started = time.monotonic()
    demo = Demo(DEMO="once")
    text, code = demo.finish(100)
    tap.note(f"{time.monotonic() - started:.0f} s, Chromium: {CHROMIUM}")
    tap.equal(code, 0, text[-2500:])
    tap.contains(text, "everything came out as told")
    tap.check("\x1b" not in text, "colour without a terminal")
    rows = summary(text)
    tap.check(len(rows) >= 5, text)
    records = demo.records()
    for what, read, send, size, numbers in rows:
        tap.equal([records[n]["enforced"] for n in numbers], [read, send], what)
        tap.equal([records[n]["path"] for n in numbers], ["/", "/withdraw"], what)
        stopped = {read, send} <= {"challenge", "refuse"}
        tap.equal(size == 0, stopped, f"bytes at the console: {what}")
    tap.equal([r[1:3] for r in rows if r[0].startswith("curl")], [("challenge", "challenge")])
    tap.equal(rows[-2][1:3], ("allow", "allow"), "the same program at the same place is not seen, and the demo says so")
    tap.equal(rows[-1][1:3], ("refuse", "refuse"), "after session revoke")
    tap.contains(text, "does NOT see")
    tap.contains(text, f"record {rows[-2][4][1]} was changed")
    cookie = re.search(r"kura_session=([0-9a-f]+)\.\.\.", text).group(1)
    if CHROMIUM and FIREFOX:
        tap.equal(quoted_in("README.md", text), [])
    tap.equal(len(cookie), 8, "no more of the cookie is shown than a mark")
    tap.equal(demo.leftovers(), [])


def wrong_geodata():
    """Files in which the whole world is Japan."""
    folder = tempfile.mkdtemp(prefix="geo.")
    os.chmod(folder, 0o755)
    for name, record in (("country", {"country_code": "JP"}), ("city4", {"country_code": "JP"}),
                         ("asn", {"autonomous_system_number": 64500})):
        subprocess.run(["/usr/bin/python3", os.path.join(SRC, "tests", "geo", "mkmmdb.py"), os.path.join(folder, name + ".mmdb"),
                        "World", *(f"{net}={json.dumps(record)}" for net in ("0.0.0.0/1", "128.0.0.0/1"))], check=True)
    return folder


@tap.case
def in_japanese_in_colour_and_with_geo_files_that_know_better():
    demo = Demo(terminal=True, DEMO="once", DEMO_LANG="ja", DEMO_BROWSER="none", DEMO_GEODATA=wrong_geodata())
    text, code = demo.finish()
    tap.equal(code, 0, text[-2500:])
    tap.contains(text, "すべて説明のとおりでした")
    tap.contains(text, "\x1b[1m")
    tap.contains(text, "実データではデモのアドレスの所在が変わっています")
    browser_only = ("Firefox、", "Python、")
    tap.equal([line for line in quoted_in("README.ja.md", text) if not any(w in line for w in browser_only)], [])


@tap.case
def it_stays_up_until_ctrl_c():
    demo = Demo(DEMO_BROWSER="none")
    text = demo.read(60, "Ctrl-C")
    office, abroad = [int(n) for n in re.findall(r"^ +https://wallet\.localhost:(\d+)/$", text, re.M)]
    tls = tls_context(os.path.join(demo.folder, "pki", "ca.pem"))
    me, him = (Client(port, f"wallet.localhost:{office}", tls, agent="reader/1") for port in (office, abroad))
    tap.equal(me.post("/login", {"username": "alice", "password": "alice-7-lanterns"}).status, 303)
    him.jar = dict(me.jar)
    tap.equal([c.get("/api/balances").status for c in (me, him, me)], [200, 403, 200], "the two doors of the last chapter")
    os.killpg(demo.popen.pid, signal.SIGINT)
    text, code = demo.finish()
    tap.equal(code, 0, text[-800:])
    tap.equal(demo.leftovers(), [])


def killed(pattern, demo):
    """kill -9 the demo's processes whose command line has this in it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            if pattern in line and demo.folder.encode() in line:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass


@tap.case
def when_a_part_fails_it_says_so_and_leaves_nothing():
    demo = Demo(DEMO="once", DEMO_BROWSER="none")
    demo.read(60, "Attempt 1")
    killed(b"console.py", demo)
    text, code = demo.finish()
    tap.check(code != 0, f"exit code {code}: {text[-800:]}")
    tap.check("everything came out as told" not in text, text[-800:])
    tap.equal(demo.leftovers(), [])


@tap.case
def killed_itself_it_leaves_nothing():
    demo = Demo(DEMO_BROWSER="none")
    demo.read(60, "Attempt 1")
    demo.popen.kill()
    demo.popen.wait()
    wait_until(lambda: not demo.leftovers(), 15, "the end of all its processes")


tap.main()
