# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client for tests: exact bytes out, strict reading in.

`Conn` is one connection (plain or TLS, from a chosen loopback address, behind a PROXY header
or not). It sends what it is told, byte for byte, and reads answers as a strict client would:
anything that is not CRLF-clean, has two framings or an unknown transfer coding is a
`Malformed`. `Client` adds a cookie jar for plain logins; it is also the thief in Python.
"""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import time
import urllib.parse


class Malformed(Exception):
    """The answer breaks HTTP/1.1."""


class Ended(Exception):
    """The connection ended before the answer did; the bytes so far are the argument."""


def tls_context(ca=None, alpn=("http/1.1",), version=None, ciphers=None, client_cert=None):
    """Verifies against ca, or nothing at all if None. version: ssl.TLSVersion to pin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    if client_cert:
        context.load_cert_chain(*client_cert)
    return context


class Response:
    """version, status, reason, fields (list of (name, value) as sent), body, trailers, interim."""

    def __init__(self, head):
        self.raw = head
        lines = split_head(head)
        parts = lines[0].split(b" ", 2)
        if len(parts) < 2 or parts[0] not in (b"HTTP/1.1", b"HTTP/1.0") or len(parts[1]) != 3:
            raise Malformed(f"status line {lines[0]!r}")
        self.version, self.status = parts[0].decode(), int(parts[1])
        self.reason = parts[2].decode("latin-1") if len(parts) > 2 else ""
        self.fields = [parse_field(line) for line in lines[1:]]
        self.body, self.trailers, self.interim = b"", [], []

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        """The value of a field that may stand once only."""
        values = self.all(name)
        if len(values) > 1:
            raise Malformed(f"{name} stands {len(values)} times")
        return values[0] if values else default

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode("utf-8", "replace")

    def cookies(self):
        """{name: value} of Set-Cookie, attributes dropped."""
        pairs = (v.split(";", 1)[0].strip().partition("=") for v in self.all("Set-Cookie"))
        return {name: value for name, _, value in pairs}

    def __repr__(self):
        return f"<{self.status} {self.reason} {len(self.body)} bytes {self.body[:120]!r}>"


def split_head(head):
    if not head.endswith(b"\r\n\r\n"):
        raise Malformed("the head has no end")
    lines = head[:-4].split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Malformed(f"control byte in {line!r}")
    return lines


def parse_field(line):
    name, colon, value = line.partition(b":")
    if not colon or not name or name.strip() != name or line[:1] in b" \t":
        raise Malformed(f"field line {line!r}")
    return name.decode("latin-1"), value.strip(b" \t").decode("latin-1")


def build(method, target, host, fields=(), body=None, version="HTTP/1.1"):
    """A request's bytes. A bytes body gets Content-Length, a list of bytes is sent chunked."""
    lines = [f"{method} {target} {version}", f"Host: {host}"]
    lines += [f"{n}: {v}" for n, v in (fields.items() if isinstance(fields, dict) else fields)]
    if isinstance(body, bytes):
        lines.append(f"Content-Length: {len(body)}")
    elif body is not None:
        lines.append("Transfer-Encoding: chunked")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if body is None or isinstance(body, bytes):
        return head + (body or b"")
    return head + b"".join(chunk(b) for b in body) + b"0\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Conn:
    """One connection. tls: an SSLContext or None; proxy: bytes sent before all else."""

    def __init__(self, port, host="127.0.0.1", tls=None, sni=None, source=None, proxy=b"",
                 timeout=30, session=None, rcvbuf=None):
        self.sni, self.timeout, self.buffer, self.at_end = sni or "localhost", timeout, b"", False
        raw = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if rcvbuf:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        raw.settimeout(timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if source:
                raw.bind((source, 0))
            raw.connect((host, port))
            if proxy:
                raw.sendall(proxy)
            self.sock = tls.wrap_socket(raw, server_hostname=self.sni, session=session) if tls else raw
        except BaseException:
            raw.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with RST, as a crashed client does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def session(self):
        """The TLS session, for the next Conn of the same context."""
        return self.sock.session

    def send(self, data):
        self.sock.sendall(data)

    def send_slowly(self, data, every, size=1):
        for i in range(0, len(data), size):
            self.send(data[i:i + size])
            time.sleep(every)

    def _fill(self):
        if self.at_end:
            return False
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        self.at_end = not data
        self.buffer += data
        return bool(data)

    def read_exactly(self, n):
        while len(self.buffer) < n:
            if not self._fill():
                raise Ended(self.buffer)
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_until(self, mark, limit=1 << 20):
        while mark not in self.buffer:
            if len(self.buffer) > limit:
                raise Malformed(f"no {mark!r} within {limit} bytes")
            if not self._fill():
                raise Ended(self.buffer)
        end = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:end], self.buffer[end:]
        return data

    def read_to_end(self):
        while self._fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def ended(self, seconds=5):
        """True if the other side closes within the time and says nothing more before."""
        if self.buffer:
            return False
        self.sock.settimeout(seconds)
        try:
            return not self._fill()
        except (socket.timeout, TimeoutError):
            return False
        finally:
            if self.sock.fileno() >= 0:
                self.sock.settimeout(self.timeout)

    def quiet(self, seconds=0.3):
        """True if nothing arrives (and the connection stays open) for that long."""
        if self.buffer or self.at_end:
            return False
        self.sock.settimeout(seconds)
        try:
            self._fill()
            return False
        except (socket.timeout, TimeoutError):
            return True
        finally:
            self.sock.settimeout(self.timeout)

    def read_head(self):
        """The next head, also an interim one."""
        return Response(self.read_until(b"\r\n\r\n"))

    def read_response(self, method="GET"):
        """The next final answer with its whole body."""
        interim = []
        while True:
            response = self.read_head()
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response)
        response.interim = interim
        response.body = b"".join(self.body_of(response, method))
        return response

    def body_of(self, response, method="GET"):
        """The body in portions, framed exactly as RFC 9112 6.3 says."""
        codings, lengths = response.all("Transfer-Encoding"), response.all("Content-Length")
        if codings and lengths:
            raise Malformed("Content-Length beside Transfer-Encoding")
        if method == "HEAD" or response.status in (101, 204, 304):
            return
        if codings:
            if [c.lower() for c in codings] != ["chunked"]:
                raise Malformed(f"transfer codings {codings}")
            yield from self._chunks(response)
        elif lengths:
            if len(lengths) != 1 or not lengths[0].isdigit():
                raise Malformed(f"Content-Length {lengths}")
            yield from self._counted(int(lengths[0]))
        else:
            while self.buffer or self._fill():
                data, self.buffer = self.buffer, b""
                yield data

    def _counted(self, left):
        while left:
            if not self.buffer and not self._fill():
                raise Ended(f"{left} bytes missing")
            data = self.buffer[:left]
            self.buffer = self.buffer[len(data):]
            left -= len(data)
            yield data

    def _chunks(self, response):
        while True:
            line = self.read_until(b"\r\n", 4096)[:-2]
            digits = line.split(b";", 1)[0]
            if not digits or digits.strip(b"0123456789abcdefABCDEF"):
                raise Malformed(f"chunk size {line!r}")
            size = int(digits, 16)
            if size == 0:
                break
            yield from self._counted(size)
            if self.read_exactly(2) != b"\r\n":
                raise Malformed("no CRLF after a chunk")
        while (line := self.read_until(b"\r\n")[:-2]) != b"":
            response.trailers.append(parse_field(line))

    def ask(self, method, target, host, fields=(), body=None):
        """Send one request, read its answer."""
        self.send(build(method, target, host, fields, body))
        return self.read_response(method)


# --- server-sent events and WebSocket -----------------------------------------------------

def sse_events(conn, response):
    """Yield (seconds since the call, text of one event) as they arrive."""
    start, text = time.monotonic(), ""
    for data in conn.body_of(response):
        text += data.decode("utf-8")
        while "\n\n" in text:
            event, _, text = text.partition("\n\n")
            yield time.monotonic() - start, event


class WebSocket:
    """A client over a Conn, after its handshake (use WebSocket.open)."""

    def __init__(self, conn, response):
        self.conn, self.response = conn, response

    @classmethod
    def open(cls, conn, target, host, fields=(), protocols=()):
        """Returns a WebSocket, or the Response if the other side did not switch."""
        key = base64.b64encode(os.urandom(16)).decode()
        head = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
                ("Sec-WebSocket-Version", "13")] + list(fields.items() if isinstance(fields, dict) else fields)
        if protocols:
            head.append(("Sec-WebSocket-Protocol", ", ".join(protocols)))
        response = conn.ask("GET", target, host, head)
        if response.status != 101:
            return response
        wanted = base64.b64encode(hashlib.sha1(
            (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        if response.get("Sec-WebSocket-Accept") != wanted:
            raise Malformed("wrong Sec-WebSocket-Accept")
        return cls(conn, response)

    def send(self, data, opcode=None, fin=True):
        text = isinstance(data, str)
        data = data.encode() if text else data
        opcode = opcode if opcode is not None else (1 if text else 2)
        mask = os.urandom(4)
        size = len(data)
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += bytes([0x80 | 126]) + struct.pack("!H", size)
        else:
            head += bytes([0x80 | 127]) + struct.pack("!Q", size)
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        self.conn.send(head + mask + masked)

    def recv_frame(self):
        """(opcode, bytes) of the next frame."""
        first, second = self.conn.read_exactly(2)
        if second & 0x80 or first & 0x70:
            raise Malformed("masked or reserved bits from a server")
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self.conn.read_exactly(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.conn.read_exactly(8))[0]
        return first & 0x0F, self.conn.read_exactly(size)

    def recv(self):
        """The next message; str or bytes. Pings are answered, a close raises Ended."""
        while True:
            opcode, data = self.recv_frame()
            if opcode == 9:
                self.send(data, opcode=10)
            elif opcode == 8:
                raise Ended(data)
            elif opcode in (1, 2):
                return data.decode() if opcode == 1 else data

    def cut_within(self, seconds):
        """True if the tunnel ends (close frame or plain end) within the time."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.conn.sock.settimeout(max(0.01, end - time.monotonic()))
                if self.recv_frame()[0] == 8:
                    return True
        except (Ended, ConnectionError):
            return True
        except (socket.timeout, TimeoutError):
            pass
        return False

    def close(self, code=1000):
        try:
            self.send(struct.pack("!H", code), opcode=8)
        except OSError:
            pass
        self.conn.close()


# --- a client with a cookie jar -----------------------------------------------------------

class Client:
    """Logs in and clicks about like a small program. One fresh connection per request unless
    keep=True. `jar` is a plain dict: copy it, and the cookie is stolen."""

    def __init__(self, port, host, tls=None, source=None, proxy=None, agent="warifu-test/1", keep=False):
        self.port, self.host, self.tls, self.source = port, host, tls, source
        self.proxy, self.agent, self.keep = proxy, agent, keep
        self.jar, self.bearer, self.conn, self.session = {}, None, None, None
        self.resume = False  # with True, later connections resume the TLS session of the newest ticket

    def connect(self):
        proxy = self.proxy() if callable(self.proxy) else (self.proxy or b"")
        return Conn(self.port, tls=self.tls, sni=self.host.split(":")[0], source=self.source,
                    proxy=proxy, session=self.session if self.resume else None)

    def fields(self, extra=()):
        fields = [("User-Agent", self.agent), ("Accept", "*/*")]
        if self.jar:
            fields.append(("Cookie", "; ".join(f"{n}={v}" for n, v in self.jar.items())))
        if self.bearer:
            fields.append(("Authorization", "Bearer " + self.bearer))
        return fields + list(extra.items() if isinstance(extra, dict) else extra)

    def ask(self, method, target, fields=(), body=None):
        conn = self.conn or self.connect()
        try:
            response = conn.ask(method, target, self.host, self.fields(fields), body)
        except BaseException:
            conn.close()
            self.conn = None
            raise
        if self.tls and conn.sock.session and conn.sock.session.has_ticket:
            self.session = conn.sock.session
        self.learn(response)
        closing = (response.get("Connection") or "").lower() == "close"
        self.conn = conn if self.keep and not closing else None
        if not self.conn:
            conn.close()
        return response

    def learn(self, response):
        for line in response.all("Set-Cookie"):
            pair, *attributes = line.split(";")
            name, _, value = pair.strip().partition("=")
            dead = any(a.strip().lower() in ("max-age=0", "max-age=-1") or "1970" in a for a in attributes)
            if dead:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def get(self, target, fields=()):
        return self.ask("GET", target, fields)

    def post(self, target, form=None, *, data=None, fields=()):
        """form: dict sent as a web form; data: object sent as JSON."""
        fields = list(fields.items() if isinstance(fields, dict) else fields)
        if data is not None:
            body, kind = json.dumps(data).encode(), "application/json"
        else:
            body, kind = urllib.parse.urlencode(form or {}).encode(), "application/x-www-form-urlencoded"
        return self.ask("POST", target, fields + [("Content-Type", kind)], body)

    def websocket(self, target, fields=(), protocols=()):
        base = [f for f in self.fields(fields) if f[0] != "Accept"]
        return WebSocket.open(self.connect(), target, self.host, base, protocols)
