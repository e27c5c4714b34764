# SPDX-License-Identifier: Apache-2.0
"""Answers to logins of every size and framing come through unchanged; parallel rotations all stay bound."""
import json
import signal
import threading
import time

from backends import raw
from lib import tap
from lib.settings import Front, block, site
from lib.world import World, descendants, lives, wait_until


def body_of(size):
    text = json.dumps({"ok": True, "pad": ""}).encode()
    return text[:-2] + b"x" * (size - len(text)) + text[-2:]


class Console:
    """POST /login/SIZE/{length,chunked}; GET /rotate sets a new cookie each time, all at once."""

    def __init__(self):
        self.gate, self.waiting, self.lock = threading.Event(), 0, threading.Lock()

    def __call__(self, peer):
        while True:
            head = peer.head()
            peer.body(head)
            path = head.split(b" ")[1].decode()
            cookie = b"Set-Cookie: sid=%d; Path=/; HttpOnly\r\n" % time.monotonic_ns()
            if path.startswith("/login/"):
                size, how = path.split("/")[2:4]
                self.answer(peer, cookie, body_of(int(size)), how == "chunked")
            elif path == "/rotate":
                with self.lock:
                    self.waiting += 1
                self.gate.wait(30)
                self.answer(peer, cookie, b"{}", False)
            else:
                self.answer(peer, b"", b"{}", False)

    @staticmethod
    def answer(peer, cookie, body, chunked):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + cookie
        if not chunked:
            peer.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            return
        peer.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 7000):
            peer.send(b"%x\r\n" % len(body[at:at + 7000]) + body[at:at + 7000] + b"\r\n")
        peer.send(b"0\r\n\r\n")


RECIPE = ["credential cookie sid",
          block("login", ['request POST "/login/*"', "success status 200", 'success json "ok" equals "true"', "user none"])]
console = Console()
world = World("answers")
backend = world.add(raw.RawBackend(console))
front = Front(world, [site("wallet", "wallet.test", backend.port, lines=RECIPE),
                      site("watched", "watched.test", backend.port, mode="observe", lines=RECIPE)], threads=4)
SIZES = (30, 20000, 32600, 40000, 65536, 66000, 300000)


@tap.case
def a_login_answer_of_any_size_comes_through_unchanged():
    for host in ("wallet.test", "watched.test"):
        for size in SIZES:
            for how in ("length", "chunked"):
                c = front.client(host)
                answer = c.post(f"/login/{size}/{how}", {"u": "a"})
                tap.equal((answer.status, answer.body == body_of(size)), (200, True), f"{host} {size} {how}")
                framed = "Content-Length" if how == "length" else "Transfer-Encoding"
                tap.check(answer.get(framed), f"{host} {size}: framed by {framed}")
                if size <= 65536:  # more is not looked at, so nobody is logged in by it
                    tap.equal(c.get("/again").status, 200, f"{host} {size} {how}: the next request")


@tap.case
def what_was_read_whole_was_bound_at_an_observed_site_too():
    c = front.client("watched.test")
    c.post("/login/40000/chunked", {"u": "a"})
    sessions = front.gate.cli("session", "list").stdout
    tap.check("watched" in sessions, sessions)


def rotations():
    """A login and nine answers that set its cookie anew at once: their statuses and cookies."""
    owner = front.client()
    tap.equal(owner.post("/login/30/length", {"u": "a"}).status, 200, "login")
    answers, before = [], console.waiting

    def rotate():
        answers.append(owner.connect().ask("GET", "/rotate", owner.host, owner.fields()))

    threads = [threading.Thread(target=rotate) for _ in range(9)]
    for t in threads:
        t.start()
    wait_until(lambda: console.waiting % 9 == 0 and console.waiting > before, 30, "nine requests at the backend")
    console.gate.set()
    for t in threads:
        t.join()
    return [a.status for a in answers], [a.cookies() for a in answers]


@tap.case
def parallel_rotations_are_all_bound_and_stay_so_when_all_is_killed():
    """Threads hand over their forms of the session side by side; what was acknowledged is in the one that is stored."""
    jars = []
    for _ in range(5):
        console.gate.clear()
        statuses, more = rotations()
        tap.equal(statuses, [200] * 9, "every answer reaches its client")
        jars += more
    for killed in (False, True):
        if killed:
            kids = descendants(front.gate.pid)
            front.gate.kill(signal.SIGKILL)
            wait_until(lambda: not any(lives(k) for k in kids), 30, "the end of its children")
            front.start()
        for jar in jars:  # which of them a browser keeps depends on the order of their coming
            later = front.client()
            later.jar = jar
            tap.equal(later.get("/x").status, 200, f"the value {jar['sid']}, {killed=}")


tap.main()
