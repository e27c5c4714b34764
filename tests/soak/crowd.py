#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of slow clients in one process: heads and bodies in drops, readers that take a sip at a time.

    tests/soak/crowd.py --port P --host H --ca FILE --count N

Says `ready` when all stand, goes on until its standard input ends, then prints one line of JSON: how many stood,
how many slow requests were answered whole, and what was lost. Each client is a generator that does one drop of work
and yields how long it waits: no socket is asked whether it is ready, since slow is what they are.
"""
import argparse
import collections
import heapq
import json
import os
import random
import resource
import select
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.http1 import tls_context  # noqa: E402

PAUSE, DROPS, SIP, QUARTER = 5.0, 8, 32 << 10, 256 << 10
PATIENCE = 120  # seconds until an answer that was asked for must have begun


class Lost(Exception):
    """A slow client that kept to the rules was not served."""


class Slow:
    """One client: `kind` is what it is slow at."""

    def __init__(self, sock, host, kind):
        self.sock, self.host, self.kind, self.rounds = sock, host, kind, 0

    def life(self):
        work = {"head": self.slow_head, "body": self.slow_body, "reader": self.slow_reader}[self.kind]
        yield random.random() * PAUSE
        while True:
            yield from work()
            self.rounds += 1

    def line(self, method, target, *fields):
        return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {self.host}", *fields, "", ""]).encode()

    def drops(self, data):
        size = -(-len(data) // DROPS)
        for at in range(0, len(data), size):
            yield from self.put(data[at:at + size])
            yield PAUSE * random.uniform(0.5, 1.5)

    def put(self, data):
        while True:
            try:
                self.sock.send(data)
                return
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                yield 0.5

    def take(self, most):
        """Bytes, as a generator's result."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                data = self.sock.recv(most)
            except ssl.SSLWantReadError:
                if time.monotonic() > end:
                    raise Lost(f"no answer in {PATIENCE} s") from None
                yield 0.5
                continue
            if not data:
                raise Lost("the connection ended")
            return data

    def answer(self, sip, pause):
        got = b""
        while b"\r\n\r\n" not in got:
            got += yield from self.take(sip)
        head, _, body = got.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Lost(head.split(b"\r\n")[0].decode("latin-1"))
        length = next(int(f[15:]) for f in head.lower().split(b"\r\n") if f.startswith(b"content-length:"))
        have = len(body)
        while have < length:
            yield pause
            have += len((yield from self.take(sip)))
        return body

    def slow_head(self):
        yield from self.drops(self.line("GET", "/page/slow", "X-Filler: " + "f" * 200))
        yield from self.answer(4096, 0.1)

    def slow_body(self):
        yield from self.put(self.line("POST", "/upload", "Content-Length: 400"))
        yield from self.drops(b"b" * 400)
        body = yield from self.answer(4096, 0.1)
        if body != b"400":
            raise Lost(f"a body of 400 bytes arrived as {body[:20]!r}")

    def slow_reader(self):
        yield from self.put(self.line("GET", "/quarter"))
        yield from self.answer(SIP, PAUSE)


class Crowd:
    def __init__(self, args):
        self.args, self.tls = args, tls_context(args.ca)
        self.queue, self.lock, self.faults = [], threading.Lock(), collections.Counter()
        self.left, self.done, self.order = args.count, collections.Counter(), 0

    def open(self, kind):
        sock = socket.socket()
        if kind == "reader":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", self.args.port))
        sock = self.tls.wrap_socket(sock, server_hostname=self.args.host)
        sock.setblocking(False)
        return Slow(sock, self.args.host, kind)

    def push(self, when, client, life):
        with self.lock:
            self.order += 1
            heapq.heappush(self.queue, (when, self.order, client, life))

    def opener(self):
        kinds = ["head", "head", "body", "reader"]
        while True:
            with self.lock:
                if not self.left:
                    return
                self.left -= 1
                kind = kinds[self.left % len(kinds)]
            try:
                client = self.open(kind)
                self.push(time.monotonic(), client, client.life())
            except OSError as e:
                self.fault(kind, f"not opened: {e!r}")

    def fault(self, kind, text):
        with self.lock:
            self.faults[f"slow {kind}: {text}"] += 1

    def turn(self):
        """Some of those who are due do a drop each; how long to wait before the next turn."""
        for _ in range(500):
            if not self.queue or self.queue[0][0] > time.monotonic():
                return 0.05
            with self.lock:
                _, _, client, life = heapq.heappop(self.queue)
            try:
                self.push(time.monotonic() + next(life), client, life)
            except (OSError, Lost) as e:
                self.fault(client.kind, str(e) or repr(e))
                self.done[client.kind] += client.rounds
                client.sock.close()
        return 0

    def run(self):
        openers = [threading.Thread(target=self.opener, daemon=True) for _ in range(4)]
        for t in openers:
            t.start()
        said = False
        while not select.select([sys.stdin], [], [], self.turn())[0]:
            if not said and not any(t.is_alive() for t in openers):
                said = True
                print("ready", flush=True)
        for _, _, client, _ in self.queue:
            self.done[client.kind] += client.rounds
        return {"standing": len(self.queue), "rounds": dict(self.done), "lost": sum(self.faults.values()), "faults": dict(self.faults)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--host", required=True)
    p.add_argument("--ca", required=True)
    p.add_argument("--count", type=int, required=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    print(json.dumps(Crowd(p.parse_args()).run()), flush=True)


if __name__ == "__main__":
    main()
