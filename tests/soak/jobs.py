# SPDX-License-Identifier: Apache-2.0
"""What somebody does during a soak, each a function of a Scene and of the protocol ("h1" or "h2"); called again and again.

A job counts what went well and reports what was lost; an exception that it lets out is a loss, too.
"""
import random
import time

from lib import frames as f
from lib import places
from lib.http1 import Ended, WebSocket, build, sse_events, tls_context

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
REFUSED = (302, 303, 401, 403)
WALLET, DESK, OPEN, BAD = "wallet.test", "desk.test", "open.test", "bad.test"
DOWNLOAD = 3 << 20


def client(scene, how, host, keep=False):
    make = scene.front.client2 if how == "h2" else scene.front.client
    return make(host, places.address("office"), agent=AGENT, keep=keep)


def close(c):
    if c.conn:
        c.conn.close()


def refused(scene, answer, what):
    if answer.status in REFUSED:
        scene.tally.count(what)
    else:
        scene.tally.lose(f"{what}: got {answer.status}")


def person(scene, how):
    """Logs in, works, is robbed now and then, logs out; then the cookie is worth nothing."""
    c, tally = client(scene, how, WALLET, keep=True), scene.tally
    if not tally.want(c.post("/login", {"username": f"user{random.randrange(20)}"}), 303, f"login {how}"):
        return
    for i in range(40):
        tally.want(c.get(f"/page/{i}"), 200, f"page {how}")
        if i % 10 == 0:
            tally.want(c.post("/work", {"amount": "1"}), 200, f"work {how}")
        time.sleep(0.05)
    if random.random() < 0.2:
        thief = scene.front.client(WALLET, places.address("abroad"), agent="python-requests/2.31",
                                   tls=tls_context(scene.front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))
        thief.jar = dict(c.jar)
        refused(scene, thief.get("/page/stolen"), "theft refused")
    jar = dict(c.jar)
    tally.want(c.post("/logout"), 303, f"logout {how}")
    c.jar = jar
    refused(scene, c.get("/page/late"), "dead cookie refused")
    close(c)


def stranger(scene, how):
    c = scene.front.client(WALLET, places.address("hosting"), agent="curl/8.0")
    c.jar = {"sid": f"{random.getrandbits(64):016x}"}
    refused(scene, c.get("/page/1"), "stranger refused")
    time.sleep(0.1)


def bodies(scene, how):
    """Megabytes down, up to one up, and a short event stream."""
    c, tally = client(scene, how, OPEN, keep=True), scene.tally
    answer = c.get("/download")
    if tally.want(answer, 200, f"download {how}") and len(answer.body) != DOWNLOAD:
        tally.lose(f"a download of {len(answer.body)} bytes")
    size = random.randrange(1 << 20)
    answer = c.ask("POST", "/upload", body=b"u" * size)
    if tally.want(answer, 200, f"upload {how}") and answer.body != b"%d" % size:
        tally.lose(f"an upload of {size} arrived as {answer.body[:20]!r}")
    answer = c.get("/few")
    if tally.want(answer, 200, f"event stream {how}") and answer.body.count(b"data: ") != 5:
        tally.lose(f"an event stream of {answer.body!r}")
    close(c)


def sipping(scene, how):
    """Twenty downloads at once on one HTTP/2 connection, taken a frame at a time."""
    with scene.front.http2(OPEN, places.address("office"), timeout=120) as link:
        streams = [link.open("GET", "/quarter", OPEN) for _ in range(20)]
        while not all(s.ended for s in streams):
            link.step()
            reset = [s.id for s in streams if s.reset is not None]
            if reset:
                scene.tally.lose(f"slow streams {reset} were reset")
                return
            time.sleep(0.02)
        for s in streams:
            whole = s.answer.status == 200 and s.got == 256 << 10
            scene.tally.count("slow stream h2") if whole else scene.tally.lose(f"a slow stream of {s.got} bytes, {s.answer.status}")


def tunnel(scene, how):
    """A WebSocket of a session, open until the end, in which each message must come back."""
    c = client(scene, how, DESK)
    c.post("/login", {"username": f"desk{random.randrange(20)}"})
    ws = c.websocket("/ws")
    if not isinstance(ws, WebSocket):
        scene.tally.lose(f"tunnel {how}: {ws.status}")
        return
    scene.tally.count(f"tunnel {how}")
    try:
        number = 0
        while scene.more():
            ws.send(f"message {number}")
            got = ws.recv()
            if got != f"message {number}":
                scene.tally.cuts(f"tunnel {how}: {got!r} came back as number {number}")
            number += 1
            scene.tally.count(f"message {how}")
            time.sleep(0.5)
    except (Ended, OSError) as e:
        scene.tally.cuts(f"tunnel {how}: {e!r}")
    ws.close()


def events(scene, how):
    """An event stream of a session, open until the end, without a gap."""
    c = client(scene, "h1", DESK)
    c.post("/login", {"username": f"desk{random.randrange(20)}"})
    with c.connect() as conn:
        conn.send(build("GET", "/events", DESK, c.fields()))
        answer = conn.read_head()
        if not scene.tally.want(answer, 200, "long event stream"):
            return
        try:
            for number, (_, event) in enumerate(sse_events(conn, answer)):
                if event != f"data: {number}":
                    scene.tally.cuts(f"event stream: {event!r} came as number {number}")
                scene.tally.count("event")
                if not scene.more():
                    return
        except (Ended, OSError) as e:
            scene.tally.cuts(f"event stream: {e!r}")


def vanish(scene, how):
    """In the middle of an upload, of a download, of a tunnel: gone, with a reset."""
    c = client(scene, how, OPEN)
    for part in (vanish_in_upload, vanish_in_download, vanish_in_tunnel):
        part(c.connect(), how)
        scene.tally.count(f"vanished {how}")
    time.sleep(0.1)


def vanish_in_upload(conn, how):
    fields = [("Content-Length", "100000")]
    if how == "h2":
        stream = conn.open("POST", "/upload", OPEN, fields, end=False)
        conn.body(stream, b"v" * 5000, end=False)
        if random.random() < 0.5:  # only the stream, and the connection a moment later
            conn.send(f.rst(stream.id))
            conn.ask("GET", "/page/after", OPEN)
    else:
        conn.send(build("POST", "/upload", OPEN, fields) + b"v" * 5000)
    time.sleep(random.random() * 0.2)
    conn.reset()


def vanish_in_download(conn, how):
    if how == "h2":
        conn.wait_head(conn.open("GET", "/download", OPEN))
    else:
        conn.send(build("GET", "/download", OPEN))
        conn.read_exactly(10000)
    conn.reset()


def vanish_in_tunnel(conn, how):
    ws = conn.websocket("/ws", OPEN) if how == "h2" else WebSocket.open(conn, "/ws", OPEN)
    ws.send("and gone")
    conn.reset()


# What a client sees of each misbehaviour of an upstream: a status, or no whole answer ("cut").
SEEN = {"stall": 504, "reset": 502, "middle": "cut", "short": "cut", "more": b"hello", "garbage": 502, "early": b"early"}


def badly(scene, how):
    """The upstream does what it should not; the client sees just that, and the next request is served."""
    for what, wanted in SEEN.items():
        c = client(scene, how, BAD, keep=True)
        try:
            answer = c.ask("POST", "/bad/early", body=b"e" * 200000) if what == "early" else c.get(f"/bad/{what}")
            seen = answer.status if answer.status != 200 else answer.body
        except (Ended, ConnectionError):
            seen = "cut"
        if seen == wanted:
            scene.tally.count(f"upstream {what} {how}")
        else:
            scene.tally.lose(f"upstream {what} {how}: {seen!r}, not {wanted!r}")
        answer = c.get("/page/after")
        if scene.tally.want(answer, 200, f"after it {how}") and answer.body != b"x" * 1024:
            scene.tally.lose(f"after upstream {what} {how} came {answer.body[:40]!r}")
        close(c)
