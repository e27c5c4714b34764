# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""Noise in HTTP/2's form: frames of good conversations, changed, cut, repeated and in any order. The gate does not fall, the
backend is sent only whole, clean requests, and whoever speaks properly beside it is served.

    WARIFU_SEED=N repeats one run; WARIFU_NOISE=SECONDS makes it longer.
"""
import os
import random
import threading
import time

from lib import frames as f
from lib import tap
from lib.conformance import HOST, all_live, settled, stage
from lib.http1 import Ended, Malformed
from lib.http2 import GoneAway
from lib.world import World, wait_until

SEED = int(os.environ.get("WARIFU_SEED", random.SystemRandom().randrange(1 << 32)))
SECONDS = float(os.environ.get("WARIFU_NOISE", "8"))
world = World("h2noise")


def a_block(dice):
    fields = f.request(dice.choice(("GET", "POST", "HEAD", "OPTIONS", "CONNECT")), dice.choice(("/", "/x?y", "/stall", "*", "", "/" + "p" * 9000)), HOST)
    for _ in range(dice.randrange(4)):
        fields.append(dice.choice((("content-length", str(dice.randrange(6))), ("cookie", "a=b"), ("te", "trailers"), ("x-a", "v" * dice.randrange(3000)),
                                   ("expect", "100-continue"), (":protocol", "websocket"), ("sec-websocket-version", "13"), ("X-Bad", "1"), ("x", "\r\n"))))
    if dice.random() < 0.2:
        dice.shuffle(fields)
    block = f.block(fields, dice.choice(("indexed", "plain", "never")), dice.random() < 0.5)
    return dice.choice((b"", b"", b"", f.table_size(0), f.table_size(4096))) + block + dice.choice((b"", b"", b"", f.indexed(62), f.indexed(dice.randrange(1, 80))))


def a_frame(dice):
    stream = dice.choice((0, 1, 1, 3, 3, 5, 7, 2, 9, (1 << 31) - 1))
    kind = dice.randrange(12)
    if kind < 3:
        flags = dice.choice((f.END_HEADERS, f.END_HEADERS, f.END_HEADERS | f.END_STREAM, f.END_STREAM, 0))
        return f.frame(f.HEADERS, flags, stream or 1, a_block(dice))
    if kind == 3:
        return f.frame(f.DATA, dice.choice((0, f.END_STREAM, f.PADDED)), stream, dice.randbytes(dice.choice((0, 1, 5, 16384))))
    if kind == 4:
        return f.frame(f.CONTINUATION, dice.choice((0, f.END_HEADERS)), stream, dice.choice((b"", f.block([("x-c", "1")]), dice.randbytes(20))))
    if kind == 5:
        return f.rst(stream, dice.randrange(20))
    if kind == 6:
        return f.settings([(dice.randrange(10), dice.choice((0, 1, 100, 65535, 1 << 20, (1 << 31) - 1, (1 << 32) - 1))) for _ in range(dice.randrange(4))], dice.choice((0, 0, f.ACK)))
    if kind == 7:
        return f.window_update(stream, dice.choice((0, 1, 1000, 1 << 20, (1 << 31) - 1)))
    if kind == 8:
        return f.priority(stream, dice.choice((0, stream, 3)), dice.randrange(1, 257), dice.random() < 0.5)
    if kind == 9:
        return f.frame(f.PING, dice.choice((0, f.ACK)), 0, dice.randbytes(8))
    if kind == 10:
        return f.goaway(dice.randrange(10), dice.randrange(20))
    return f.frame(dice.randrange(256), dice.randrange(256), dice.randrange(1 << 32), dice.randbytes(dice.randrange(60)))


def changed(dice, data):
    """Sometimes with a byte changed, a piece cut out or sent twice."""
    if dice.random() > 0.3 or not data:
        return data
    at, n = dice.randrange(len(data)), dice.randrange(1, 12)
    return dice.choice((data[:at] + bytes([dice.randrange(256)]) + data[at + 1:], data[:at] + data[at + n:], data[:at] + data[at:at + n] * 2 + data[at + n:]))


def converse(dice):
    """One connection of noise; whatever the gate does with it is right but to fall."""
    try:
        with front.http2(HOST, timeout=1, greet=dice.random() < 0.95) as link:
            for _ in range(dice.randrange(1, 25)):
                link.send(changed(dice, b"".join(a_frame(dice) for _ in range(dice.randrange(1, 4)))))
                if dice.random() < 0.1:
                    time.sleep(0.002)
            if dice.random() < 0.3:
                link.reset()
            elif dice.random() < 0.5:
                link.sock.settimeout(0.05)
                while link.read_frame():
                    pass
    except (OSError, GoneAway, Ended, Malformed):
        pass


def make_noise(number, over, done):
    dice = random.Random(SEED * 10 + number)
    while not over.is_set():
        converse(dice)
        done[number] += 1


@tap.case
def who_speaks_properly_is_served_beside_noise():
    tap.note(f"seed {SEED}")
    over, done = threading.Event(), [0] * 4
    crowd = [threading.Thread(target=make_noise, args=(i, over, done), daemon=True) for i in range(len(done))]
    for t in crowd:
        t.start()
    end, served = time.monotonic() + SECONDS, 0
    proper = front.client2(HOST, keep=True)
    while time.monotonic() < end:
        for answer in (proper.get("/proper"), proper.post("/proper", {"a": "b"}), front.client2(HOST).get("/fresh")):
            tap.check(answer.status in (200, 429), answer)
            served += 1
        if proper.conn is not None and proper.conn.goaway:
            proper.conn = None
    over.set()
    for t in crowd:
        t.join(20)
    tap.note(f"{sum(done)} conversations of noise, {served} proper requests")
    tap.check(sum(done) > 40, "no noise")


@tap.case
def the_backend_was_sent_clean_requests_only():
    settled(backend)


@tap.case
def nothing_fell_and_nothing_is_left():
    all_live(front, backend)
    wait_until(lambda: front.counters().get("warifu_requests_open", 0) == 0, 70, "requests to end")


def setup():
    global front, backend
    front, backend = stage(world, timeouts={"head": "1 s", "body": "1 s", "write": "1 s", "idle": "5 s", "upstream-head": "5 s"},
                           limits={"rate-per-address": "100000 per 1 s burst 100000"})


tap.main(setup, world.stop)
