# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=240
"""What HTTP/2 lets a stranger do without asking for anything: resets (CVE-2023-44487, CVE-2025-8671), floods of frames, heads
without an end, tables that unpack, windows that stay shut.

Of each attack: its connections end (or are bounded by design), it is counted, the owner's requests meanwhile all succeed,
all processes together grow by at most 64 MiB, and afterwards nothing goes on working.
"""
import multiprocessing
import os
import random
import ssl
import threading
import time

from lib import frames as f
from lib import tap
from lib.backend import login_express, start_express
from lib.conformance import HOST, unfallen
from lib.http2 import Front2, GoneAway
from lib.settings import site
from lib.world import SLOW, World, descendants, wait_until

# AddressSanitizer keeps what was freed: 256 MiB of it.
GROWTH = (64 << 20) + ((256 << 20) if SLOW > 1 else 0)
SECONDS = 20 * SLOW  # that an attack may go on unless it is ended; most end at once
world = World("h2abuse")
REQUEST = f.block(f.request(authority=HOST, path="/login"))
POST = f.block(f.request("POST", "/login", HOST, [("content-type", "application/x-www-form-urlencoded")]))


def setup():
    global backend, front
    backend = start_express(world)
    # Waits are short so that those who only wait are seen to be ended; counts are as shipped.
    front = Front2(world, [site("wallet", HOST, backend.port, recipe="express")],
                  timeouts={"head": "2 s", "body": "2 s", "idle": "3 s", "write": "2 s", "close": "1 s", "refused-body": "1 s"})


# --- attackers: each in a process of its own ----------------------------------------------

def somewhere():
    dice = random.Random()
    return f"{dice.choice((11, 45, 92, 185))}.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"


def get(stream):
    return f.frame(f.HEADERS, f.END_STREAM | f.END_HEADERS, stream, REQUEST)


class Words:
    """What the server said on a connection: whether it ended it, and the code of its GOAWAY."""

    def __init__(self, link):
        self.link, self.ended, self.code = link, False, None

    def hear(self, seconds):
        """Read what comes within the time (0: what is there)."""
        end = time.monotonic() + seconds
        while not self.ended:
            self.link.sock.settimeout(max(0, end - time.monotonic()))
            try:
                one = self.link.read_frame()
                if one.kind == f.GOAWAY:
                    self.code = int.from_bytes(one.payload[4:8], "big")
            except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
                return
            except (GoneAway, OSError):
                self.ended = True
        if self.link.sock.fileno() >= 0:
            self.link.sock.settimeout(SECONDS)

    def result(self, sent):
        return self.ended, self.code, sent


def pour(link, portions, read=True):
    """Sends until the connection ends or time is up."""
    end, sent, words = time.monotonic() + SECONDS, 0, Words(link)
    try:
        for data in portions:
            link.sock.settimeout(max(0.1, end - time.monotonic()))
            link.send(data)
            sent += 1
            if read:
                words.hear(0)
            if words.ended or time.monotonic() > end:
                return words.result(sent)
    except (OSError, ssl.SSLError) as e:
        if isinstance(e, TimeoutError):
            return words.result(sent)
        words.hear(end - time.monotonic())
        words.ended = True
    return words.result(sent)


def wait_for(link, seconds=SECONDS):
    words = Words(link)
    words.hear(seconds)
    return words.result(1)


def numbers(start=1):
    return range(start, 1 << 30, 2)


def repeat(data, times=1 << 30):
    return (data for _ in range(times))


def rapid_reset(link):
    return pour(link, (b"".join(get(n + i) + f.rst(n + i) for i in range(0, 200, 2)) for n in range(1, 1 << 30, 200)))


def made_you_reset(provoke):
    """Each stream is one that the server must reset: the request goes on behind it unless resets are budgeted."""
    def attack(link):
        return pour(link, (b"".join(get(n + i) + provoke(n + i) for i in range(0, 40, 2)) for n in range(1, 1 << 30, 40)))
    return attack


def open_then(provoke):
    def attack(link):
        start = lambda n: f.frame(f.HEADERS, f.END_HEADERS, n, POST + f.block([("content-length", "1")])) + provoke(n)
        return pour(link, (b"".join(start(n + i) for i in range(0, 40, 2)) for n in range(1, 1 << 30, 40)))
    return attack


def continuations(payload):
    def attack(link):
        link.send(f.frame(f.HEADERS, f.END_STREAM, 1, REQUEST))
        return pour(link, repeat(f.frame(f.CONTINUATION, 0, 1, payload) * 20))
    return attack


def flood(data, read=True):
    return lambda link: pour(link, repeat(data), read)


def on_open_stream(data):
    def attack(link):
        link.send(f.frame(f.HEADERS, f.END_HEADERS, 1, POST))
        return pour(link, repeat(data))
    return attack


def hpack_bomb(link):
    """A field of 4000 bytes in the table, then named by one byte each, 16,000 times in a head."""
    bomb = f.block([("x-bomb", "b" * 3900)], "indexed")
    link.send(f.frame(f.HEADERS, f.END_STREAM | f.END_HEADERS, 1, REQUEST + bomb))
    return pour(link, (f.frame(f.HEADERS, f.END_STREAM | f.END_HEADERS, n, REQUEST + f.indexed(62) * 16000) for n in numbers(3)))


def crumbs(link):
    """Heads of as many cookie crumbs as fit, each one byte."""
    one = f.block([("cookie", "a")], "indexed")
    link.send(f.frame(f.HEADERS, f.END_STREAM | f.END_HEADERS, 1, REQUEST + one))
    return pour(link, (f.frame(f.HEADERS, f.END_STREAM | f.END_HEADERS, n, REQUEST + f.indexed(62) * 16000) for n in numbers(3)))


def window_juggler(link):
    """The initial window up and down with a hundred streams open."""
    link.send(f.settings({f.INITIAL_WINDOW: 0}) + b"".join(get(n) for n in range(1, 200, 2)))
    up_down = b"".join(f.settings({f.INITIAL_WINDOW: n}) for n in (1, 0)) * 50
    return pour(link, repeat(up_down))


def byte_windows(link):
    """Answers taken by one byte at a time, for ever new streams."""
    link.send(f.settings({f.INITIAL_WINDOW: 1}))
    return pour(link, (get(n) + b"".join(f.window_update(s, 1) for s in range(max(1, n - 60), n + 1, 2)) for n in numbers()))


def never_reads(link):
    """Requests without an end, and no answer is read."""
    return pour(link, (b"".join(get(n + i) for i in range(0, 100, 2)) for n in range(1, 1 << 30, 100)), read=False)


# These only begin; then they wait for what the server does.

def shut_windows(link):
    link.send(f.settings({f.INITIAL_WINDOW: 0}) + b"".join(get(n) for n in range(1, 200, 2)))


def bodies_that_never_come(link):
    link.send(b"".join(f.frame(f.HEADERS, f.END_HEADERS, n, POST) for n in range(1, 200, 2)))


def heads_that_never_end(link):
    link.send(f.frame(f.HEADERS, f.END_STREAM, 1, REQUEST))


def frames_that_never_end(link):
    link.send(f.frame(f.HEADERS, f.END_HEADERS, 1, POST) + f.frame(f.DATA, 0, 1, b"", 16384))


def silence(link):
    link.send(b"")


def run_attack(attack, turns, results):
    os.nice(5)
    found = []
    for _ in range(turns):
        try:
            with front.http2(HOST, somewhere()) as link:
                found.append(attack(link))
        except (OSError, GoneAway):
            found.append((True, None, 0))
    results.put(found)


def run_crowd(attack, connections, results):
    """Many connections at once from one address, none of which does anything more after its beginning."""
    links, place = [], somewhere()
    refused = 0
    for _ in range(connections):
        try:
            link = front.http2(HOST, place)
            attack(link)
            links.append(link)
        except OSError:
            refused += 1  # what is at work counts against connections-per-address
    end = time.monotonic() + SECONDS
    results.put([wait_for(link, max(0.1, end - time.monotonic())) for link in links] + [(True, None, 0)] * refused)


# --- the owner, and what is measured ------------------------------------------------------

class Owner:
    """Works by both protocols until told to stop; `took` are the seconds of each request, `failed` what was no 200."""

    def __init__(self):
        self.took, self.failed, self.over = [], [], threading.Event()
        clients = [front.client2(HOST, "126.10.20.30", keep=True), front.client(HOST, "126.10.20.31", keep=True)]
        for c, who in zip(clients, ("alice", "bob")):
            tap.equal(login_express(c, who).status, 303, "the owner's login")
        self.threads = [threading.Thread(target=self.work, args=(c,), daemon=True) for c in clients]

    def start(self):
        for t in self.threads:
            t.start()

    def work(self, client):
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                status = client.get("/api/me").status
            except Exception as e:  # whatever it is, the request failed
                status = repr(e)
            self.took.append(time.monotonic() - begin)
            if status != 200:
                self.failed.append(status)
            self.over.wait(0.03)

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(20)


def processor(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def abuses():
    return {n: v for n, v in front.counters().items() if "_calmed_" in n or "_timeouts_" in n or "_limits_hit_" in n or "_refused_" in n}


def rss():
    return sum(front.gate.rss().values())


def suffer(name, runner, attack, n, attackers, counted):
    """Run the attack beside a working owner, and check all that is promised."""
    results, most, owner = multiprocessing.Queue(), 0, Owner()
    before, counts = rss(), abuses()
    reached = len(backend.requests("/login", method="GET"))
    crowd = [multiprocessing.Process(target=runner, args=(attack, n, results), daemon=True) for _ in range(attackers)]
    begin = time.monotonic()
    for p in crowd:
        p.start()
    owner.start()  # after the fork: a child has no use for its threads
    while any(p.is_alive() for p in crowd) and results.qsize() < len(crowd) and time.monotonic() - begin < 40 * SLOW:
        most = max(most, rss() - before)
        time.sleep(0.05)
    outcomes = [r for _ in crowd for r in results.get(timeout=10)]
    took = time.monotonic() - begin
    wait_until(lambda: len(owner.took) >= 10, 10, "enough of the owner's requests to judge by")
    owner.stop()
    for p in crowd:
        p.join(5)
    new = {k: v - counts.get(k, 0) for k, v in abuses().items() if v > counts.get(k, 0)}
    codes = sorted({"none" if c is None else f.name_of(c) for _, c, _ in outcomes})
    reached = len(backend.requests("/login", method="GET")) - reached
    tap.note(f"{name}: {len(outcomes)} connections, {sum(s for _, _, s in outcomes)} portions in {took:.1f} s, GOAWAY {codes}; {reached} at the backend; "
             f"grew by {most >> 20} MiB; the owner's {len(owner.took)}: most {max(owner.took) * 1000:.0f} ms; {new}")
    tap.equal(owner.failed, [], "the owner's requests")
    tap.check(max(owner.took) < 10 * SLOW, f"the owner waited {max(owner.took):.1f} s")
    tap.equal(sum(not ended for ended, _, _ in outcomes), 0, "connections that went on")
    tap.check(most < GROWTH, f"grew by {most >> 20} MiB")
    breach = all(ended and code in BREACH for ended, code, _ in outcomes)
    tap.check(breach or any(c in k for k in new for c in counted), f"not counted as one of {counted}: {new}")
    tap.check(reached < 3000, f"{reached} requests of the attack reached the backend")
    calm()
    unfallen(front.gate)


def calm():
    """Nothing goes on working for those who are gone."""
    wait_until(lambda: front.counters().get("warifu_requests_open", 0) == 0, 15, "requests to end")
    pids = [front.gate.pid] + descendants(front.gate.pid)
    wait_until(lambda: busy(pids) < 0.25, 10, "the processors to be idle")


def busy(pids):
    begin, at = processor(pids), time.monotonic()
    time.sleep(0.4)
    return (processor(pids) - begin) / (time.monotonic() - at)


# A breach of the protocol ends the connection at once, which is no less: nothing can be repeated on it.
BREACH = (f.PROTOCOL_ERROR, f.STREAM_CLOSED, f.FRAME_SIZE_ERROR, f.FLOW_CONTROL_ERROR)
RESETS, IDLE, HEADS, CONTINUATIONS = ("resets",), ("idle_frames", "acknowledgements"), ("head_bytes", "crumbs"), ("continuations",)
MADE = "made you reset: "

# name, how it is run, the attack, connections (one behind the other; for a crowd at once) of each attacker, attackers, counted as one of these
ATTACKS = [
    ("rapid reset", run_attack, rapid_reset, 3, 2, RESETS),
    (MADE + "an increment of nought", run_attack, made_you_reset(lambda n: f.window_update(n, 0)), 2, 1, RESETS),
    (MADE + "a window above the most", run_attack, made_you_reset(lambda n: f.window_update(n, (1 << 31) - 1)), 2, 1, RESETS + IDLE),
    (MADE + "DATA after the end", run_attack, made_you_reset(lambda n: f.frame(f.DATA, 0, n, b"x")), 2, 1, RESETS),
    (MADE + "HEADERS after the end", run_attack, made_you_reset(get), 2, 1, RESETS),
    (MADE + "PRIORITY of four bytes", run_attack, made_you_reset(lambda n: f.frame(f.PRIORITY, 0, n, bytes(4))), 2, 1, RESETS),
    (MADE + "PRIORITY on itself", run_attack, made_you_reset(lambda n: f.priority(n, n)), 2, 1, RESETS + IDLE),
    (MADE + "a body that does not fit its length", run_attack, open_then(lambda n: f.frame(f.DATA, f.END_STREAM, n, b"long")), 2, 1, RESETS),
    (MADE + "a second head that ends nothing", run_attack, open_then(lambda n: f.frame(f.HEADERS, f.END_HEADERS, n, POST)), 2, 1, RESETS),
    ("CONTINUATION flood", run_attack, continuations(f.block([("x-a", "a" * 1000)])), 2, 1, CONTINUATIONS + HEADS),
    ("empty CONTINUATION flood", run_attack, continuations(b""), 2, 1, CONTINUATIONS),
    ("SETTINGS flood", run_attack, flood(f.settings({f.MAX_FRAME: 16384}) * 300), 2, 1, IDLE),
    ("SETTINGS flood whose answers are not read", run_attack, flood(f.settings() * 300, False), 2, 1, IDLE),
    ("PING flood", run_attack, flood(f.frame(f.PING, 0, 0, bytes(8)) * 300), 2, 1, IDLE),
    ("PING flood whose answers are not read", run_attack, flood(f.frame(f.PING, 0, 0, bytes(8)) * 300, False), 2, 1, IDLE),
    ("empty DATA flood", run_attack, on_open_stream(f.frame(f.DATA, 0, 1) * 300), 2, 1, IDLE),
    ("padding flood", run_attack, on_open_stream(f.frame(f.DATA, f.PADDED, 1, f.padded(b"", 0)) * 300), 2, 1, IDLE),
    ("WINDOW_UPDATE flood", run_attack, flood(f.window_update(0, 1) * 300), 2, 1, IDLE),
    ("PRIORITY flood", run_attack, flood(b"".join(f.priority(n) for n in range(1, 600, 2))), 2, 1, IDLE),
    ("flood of unknown frames", run_attack, flood(f.frame(0xF0, 0, 0, b"x") * 300), 2, 1, IDLE),
    ("window juggling", run_attack, window_juggler, 2, 1, IDLE),
    ("answers taken byte by byte", run_attack, byte_windows, 1, 2, IDLE + ("_timeouts_",)),
    ("answers that are not read", run_attack, never_reads, 1, 2, ("client_write",)),
    ("HPACK bomb", run_attack, hpack_bomb, 2, 1, HEADS),
    ("crumbs", run_attack, crumbs, 2, 1, HEADS),
    ("windows that stay shut", run_crowd, shut_windows, 40, 1, ("client_write",)),
    ("bodies that never come", run_crowd, bodies_that_never_come, 40, 1, ("request_body",)),
    ("heads that never end", run_crowd, heads_that_never_end, 60, 2, ("request_head",)),
    ("frames that never end", run_crowd, frames_that_never_end, 60, 2, ("request_head", "request_body")),
    ("silence", run_crowd, silence, 60, 2, ("idle", "request_head")),
]

try:
    setup()
    for one in ATTACKS:
        tap.run(one[0], suffer, *one)
finally:
    world.stop()
tap.finish()
