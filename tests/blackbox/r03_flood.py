# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=240
"""Security model 18: a flood of strangers while an owner works. Each of the owner's requests succeeds, in bounded time;
memory is bounded; strangers' events are summed up and evict nothing of the owner's."""
import multiprocessing
import os
import random
import socket
import ssl
import time

from lib import tap
from lib.backend import login_express, start_express
from lib.hop import proxy_v2
from lib.http1 import WebSocket, build, tls_context
from lib.settings import Front, site
from lib.world import SLOW, World, wait_until

HOST, SECONDS, FLOODERS = "wallet.test", 12, 3
GROWTH = 96 << 20
world = World("flood")


def setup():
    global backend, front
    backend = start_express(world)
    front = Front(world, [site("wallet", HOST, backend.port, recipe="express")], log={"stranger-interval": "2 s"},
                  limits={"prelogin": 1000, "prelogin-per-address": 50, "connections": 400})


# --- what strangers do --------------------------------------------------------------------

def somewhere(rng):
    return f"{rng.choice((11, 45, 92, 185))}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def volley(rng):
    """Requests of one stranger's connection, pipelined."""
    cookie = lambda: {"Cookie": f"connect.sid=s%3A{rng.getrandbits(128):032x}.{rng.getrandbits(256):064x}"}
    kinds = (lambda: build("GET", "/api/me", HOST, cookie()), lambda: build("POST", "/api/withdraw", HOST, cookie(), b"{}"),
             lambda: build("GET", f"/{rng.getrandbits(64):x}", HOST), lambda: build("GET", "/login", HOST),
             lambda: build("POST", "/login", HOST, {"Content-Type": "application/x-www-form-urlencoded"}, b"username=alice&password=x"),
             lambda: build("GET", "/.warifu/s/none", HOST), lambda: build("GET", "/api/../login%2f", HOST))
    kind = rng.choice(kinds)
    return b"".join(kind() for _ in range(30))


def flood(port, ca, seed, end, sent):
    """One flooder's process: connections from ever new addresses; some are no TLS at all, some never end."""
    os.nice(5)
    rng, context, idle = random.Random(seed), tls_context(ca), []
    while time.time() < end:
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=3)
            s.sendall(proxy_v2(somewhere(rng)))
            if rng.random() < 0.2:
                s.sendall(rng.choice((bytes(300), b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n\r\n")))
                idle.append(s)
                if len(idle) > 100:
                    idle.pop(0).close()
                continue
            with context.wrap_socket(s, server_hostname=HOST) as t:
                t.sendall(volley(rng))
                with sent.get_lock():
                    sent.value += 30
                t.settimeout(0.5)
                while t.recv(65536):
                    pass
        except (OSError, ssl.SSLError):
            pass
    for s in idle:
        s.close()


class Flood:
    """Strangers, for as long as the `with` lasts."""

    def __enter__(self):
        self.sent = multiprocessing.Value("q", 0)
        end = time.time() + 120 * SLOW
        self.crowd = [multiprocessing.Process(target=flood, args=(front.proxy_port, front.ca, i, end, self.sent), daemon=True) for i in range(FLOODERS)]
        for p in self.crowd:
            p.start()
        return self

    def __exit__(self, *error):
        for p in self.crowd:
            p.terminate()
            p.join()


# --- the owner ----------------------------------------------------------------------------

def work(owner, seconds):
    """Requests for that long; the seconds each took. Any that fails ends the case."""
    took, end = [], time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        begin = time.monotonic()
        path = ("/api/me", "/api/me?x=1")[len(took) % 2]
        tap.equal(owner.get(path).status, 200, f"request {len(took)}")
        took.append(time.monotonic() - begin)
        if len(took) % 10 == 0:
            answer = owner.post("/api/withdraw", data={"asset": "BTC", "amount": 1, "address": "bc1qowner00"})
            tap.equal(answer.status, 201, answer)
        time.sleep(0.05)
    return sorted(took)


@tap.case
def the_owner_works_through_a_flood():
    owner = front.client(HOST, "126.10.20.30", keep=True)
    tap.equal(login_express(owner, "alice").status, 303)
    ws = owner.websocket("/ws")
    fresh = front.client(HOST, "126.10.20.30")
    fresh.jar = owner.jar
    calm = work(owner, 2)
    start = sum(front.gate.rss().values())
    with Flood() as f:
        wait_until(lambda: f.sent.value > 500, 20, "the flood to begin")
        took = work(owner, SECONDS)
        anew = work(fresh, 3)  # new connections are served too
        most = sum(front.gate.rss().values())
        ws.send("still mine")
        wait_until(lambda: ws.recv() == "still mine", 10, "the WebSocket's echo", every=0)
        another = front.client(HOST, "126.10.20.31")
        tap.equal(login_express(another, "bob").status, 303, "a login during the flood")
        tap.equal(another.get("/api/me").status, 200)
        sent = f.sent.value
    p99 = took[len(took) * 99 // 100]
    tap.note(f"{sent} strangers' requests; the owner's {len(took)}: median {took[len(took) // 2] * 1000:.1f} ms, p99 {p99 * 1000:.0f} ms, "
             f"most {took[-1] * 1000:.0f} ms (calm: median {calm[len(calm) // 2] * 1000:.1f} ms); on new connections most {anew[-1] * 1000:.0f} ms; grew {(most - start) >> 20} MiB")
    tap.check(sent > 1500, f"only {sent} requests: no flood")
    tap.check(p99 < 2 * SLOW and took[-1] < 6 * SLOW, f"p99 {p99}, most {took[-1]}")
    tap.check(most - start < GROWTH, f"grew by {(most - start) >> 20} MiB")


@tap.case
def strangers_are_summed_up_and_the_owner_is_not():
    counted = front.counters()
    tap.check(counted.get("warifu_stranger_events_total", 0) > 500, counted)
    time.sleep(3)
    rows = front.gate.records()
    own = [r for r in rows if r.get("kind") == "decision" and r.get("client") == "126.10.20.30"]
    sums = [r for r in rows if r.get("kind") == "aggregate"]
    others = [r for r in rows if r.get("kind") == "decision" and not (r.get("client") or "").startswith("126.")]
    arrived = [r for r in backend.requests("/api/me") if "126.10.20.30" in (r.get("X-Forwarded-For") or "")]
    tap.note(f"{len(own)} records of the owner, {len(others)} of strangers, {len(sums)} sums of {sum(int(r.get('count') or 0) for r in sums)} events")
    tap.check(len([r for r in own if (r.get("path") or "") == "/api/me"]) >= len(arrived), "a request of the owner has no record")
    tap.check(sums and sum(int(r.get("count") or 0) for r in sums) > len(sums), "nothing was summed up")
    tap.equal(counted.get("warifu_log_gap_records_total", 0), 0, "records are missing")


@tap.case
def nothing_of_the_flood_reached_a_protected_route():
    foreign = [r for r in backend.requests() if "126.10.20." not in (r.get("X-Forwarded-For") or "")]
    tap.equal([r for r in foreign if r.path.split("?")[0] in ("/api/me", "/api/withdraw")], [])
    tap.equal([r for r in foreign if r.get("Cookie")], [], "a stranger's cookie was sent on")


@tap.case
def afterwards_all_is_given_back():
    wait_until(lambda: front.counters().get("warifu_connections_open", 0) < 20, 40, "strangers' connections to end")
    owner = front.client(HOST, "126.10.20.30")
    tap.equal(login_express(owner, "alice").status, 303)
    tap.equal(owner.get("/api/me").status, 200)


tap.main(setup, world.stop)
