# SPDX-License-Identifier: Apache-2.0
"""A backend that does exactly what a test tells it, and remembers every byte it was sent.

    b = RawBackend(answering(OK))
    ... b.received          # one bytes object per connection, in order of accept
    ... b.requests()        # the same, cut into requests by strict rules; Bad if it is not clean

A script is a function of one `Peer`; it may read heads and bodies, write anything, wait, stop or
reset. When it returns, the connection is closed.
"""
import json
import socket
import struct
import threading
import time

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Bad(Exception):
    """What arrived is not a clean sequence of HTTP/1.1 requests."""


class Gone(Exception):
    """The other side closed."""


class Peer:
    """The script's side of one connection. Everything read is recorded."""

    def __init__(self, sock, backend, index):
        self.sock, self.backend, self.index, self.buffer = sock, backend, index, b""

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone()
        self.backend.record(self.index, data)
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        return self.take(self.buffer.index(mark) + len(mark))

    def head(self):
        """The next request's head."""
        return self.until(b"\r\n\r\n")

    def body(self, head):
        """The body that belongs to the head."""
        fields = parse_head(head)[3]
        if one(fields, "transfer-encoding"):
            parts = []
            while (size := int(self.until(b"\r\n"), 16)) > 0:
                parts.append(self.take(size))
                self.take(2)
            while self.until(b"\r\n") != b"\r\n":
                pass
            return b"".join(parts)
        return self.take(int(one(fields, "content-length") or 0))

    def send(self, data):
        self.sock.sendall(data)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_closed(self, seconds=30):
        """Read and record until the other side closes; True if it did in time."""
        self.sock.settimeout(seconds)
        try:
            while True:
                self.fill()
        except Gone:
            return True
        except OSError:
            return False


class RawBackend:
    name = "raw backend"

    def __init__(self, script, port=0, tls=None):
        self.script, self.tls, self.lock, self.chunks, self.errors = script, tls, threading.Lock(), [], []
        self.server = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def alive(self):
        return self.server.fileno() >= 0

    def stop(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent is on its way
            with self.lock:
                index = len(self.chunks)
                self.chunks.append([])
            threading.Thread(target=self._serve, args=(sock, index), daemon=True).start()

    def _serve(self, sock, index):
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            self.script(Peer(sock, self, index))
        except (Gone, OSError):
            pass
        except Exception as e:
            self.errors.append(repr(e))
        finally:
            sock.close()

    def record(self, index, data):
        with self.lock:
            self.chunks[index].append(data)

    @property
    def received(self):
        with self.lock:
            return [b"".join(c) for c in self.chunks]

    def total(self):
        return sum(len(r) for r in self.received)

    def requests(self):
        return [r for stream in self.received for r in split_requests(stream)]

    def forget(self):
        """Forget what came so far; connections that stand go on recording into nothing old."""
        with self.lock:
            for c in self.chunks:
                c.clear()


# --- scripts ------------------------------------------------------------------------------

def answering(answer, times=1000):
    """Read whole requests, answer each with the same bytes; keep-alive."""
    def script(peer):
        for _ in range(times):
            peer.body(peer.head())
            peer.send(answer)
    return script


def summary(peer):
    """Answer each request with a JSON summary of what was understood."""
    while True:
        head = peer.head()
        body = peer.body(head)
        method, target, _, fields = parse_head(head)
        text = json.dumps({"method": method, "target": target, "fields": fields, "body": body.decode("latin-1")}).encode()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text))
        if method != "HEAD":
            peer.send(text)


def once(answer, before_body=False, then=None):
    """One answer, then close (or `then(peer)`). before_body: do not wait for the request's body."""
    def script(peer):
        head = peer.head()
        if not before_body:
            peer.body(head)
        peer.send(answer)
        if then:
            then(peer)
    return script


def stall(seconds=60, head_first=True):
    """Take the request and say nothing."""
    def script(peer):
        if head_first:
            peer.head()
        time.sleep(seconds)
    return script


def drip(answer, every, size=1):
    """Answer slowly, a few bytes at a time."""
    def script(peer):
        peer.body(peer.head())
        for i in range(0, len(answer), size):
            peer.send(answer[i:i + size])
            time.sleep(every)
    return script


def resetting(answer=b""):
    """Send these bytes, then reset the connection."""
    def script(peer):
        peer.head()
        if answer:
            peer.send(answer)
            time.sleep(0.05)
        peer.reset()
    return script


# --- reading strictly what the gate sent --------------------------------------------------

def parse_head(head):
    """(method, target, version, [(name, value)]) of a head that must be exact."""
    lines = head[:-4].split(b"\r\n")
    parts = lines[0].decode("latin-1").split(" ")
    if len(parts) != 3 or not parts[0] or parts[0].strip(TOKEN) or not parts[1] or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise Bad(f"request line {lines[0]!r}")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.decode("latin-1").partition(":")
        bad_value = any(b < 0x20 and b != 9 or b == 0x7F for b in line)
        if not colon or not name or name.strip(TOKEN) or bad_value:
            raise Bad(f"field line {line!r}")
        fields.append((name, value.strip(" \t")))
    return parts[0], parts[1], parts[2], fields


def one(fields, name):
    values = [v for n, v in fields if n.lower() == name]
    if len(values) > 1:
        raise Bad(f"{name} stands {len(values)} times")
    return values[0] if values else None


def split_requests(stream):
    """[(method, target, fields, body)]; Bad where anything is unclean or left over."""
    found = []
    while stream:
        end = stream.find(b"\r\n\r\n")
        if end < 0:
            raise Bad(f"left over: {stream[:200]!r}")
        method, target, _, fields = parse_head(stream[:end + 4])
        stream = stream[end + 4:]
        coding, length = one(fields, "transfer-encoding"), one(fields, "content-length")
        if coding is not None and length is not None:
            raise Bad("two framings")
        if one(fields, "host") is None:
            raise Bad("no Host")
        if coding is not None:
            if coding != "chunked":
                raise Bad(f"coding {coding!r}")
            body, stream = split_chunks(stream)
        else:
            if length is not None and not length.isdigit():
                raise Bad(f"Content-Length {length!r}")
            size = int(length or 0)
            if len(stream) < size:
                raise Bad(f"body cut: {len(stream)} of {size}")
            body, stream = stream[:size], stream[size:]
        found.append((method, target, fields, body))
    return found


def split_chunks(stream):
    body = b""
    while True:
        line, sep, stream = stream.partition(b"\r\n")
        if not sep or not line or line.strip(b"0123456789abcdefABCDEF"):
            raise Bad(f"chunk line {line!r}")
        size = int(line, 16)
        if size == 0:
            break
        body += stream[:size]
        if stream[size:size + 2] != b"\r\n":
            raise Bad("chunk without its end")
        stream = stream[size + 2:]
    while True:
        line, sep, stream = stream.partition(b"\r\n")
        if not sep:
            raise Bad("trailers without an end")
        if not line:
            return body, stream
