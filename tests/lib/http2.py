# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client for tests: any frame out, strict reading in.

`Http2` is one connection over a `Conn` whose TLS agreed on h2. It has two faces. For what a client must not do,
`send` and `read_frame` take and give frames as they are. For the rest, `open`, `body`, `finish` and `ask` drive
streams: windows are kept on both sides, settings and pings are acknowledged, and an answer that breaks RFC 9113
(a field in capitals, a length that does not fit, more data than the window) is a `Malformed`.

`Client2` is the `Client` of http1 over this, and `Front2` the `Front` that makes both, so that a test can do the
same by either protocol.
"""
import socket
import struct
import time

import hpack

from lib import frames as f
from lib.hop import proxy_v2
from lib.http1 import Client, Conn, Ended, Malformed, Response, WebSocket, tls_context
from lib.settings import Front

HOP_BY_HOP = ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade")
WINDOW = 65535


class Reset(Ended):
    """The other side reset this stream. `code` says why, `stream` what had come until then."""

    def __init__(self, stream):
        super().__init__(f"stream {stream.id} was reset: {f.name_of(stream.reset)}")
        self.code, self.stream = stream.reset, stream


class GoneAway(Ended):
    """The connection ended: `code` of its GOAWAY, or None if there was none."""

    def __init__(self, code, last):
        super().__init__(f"the connection ended, GOAWAY {'none' if code is None else f.name_of(code)}, last stream {last}")
        self.code, self.last = code, last


class Answer(Response):
    """A response by HTTP/2; same attributes as an HTTP/1.1 one, names as they came."""

    def __init__(self, fields):
        names = [n for n, _ in fields]
        if not fields or names[0] != ":status" or any(n[:1] == ":" for n in names[1:]):
            raise Malformed(f"pseudo-fields of a response: {fields}")
        self.raw, self.version, self.reason = b"", "HTTP/2", ""
        if len(fields[0][1]) != 3 or not fields[0][1].isdigit():
            raise Malformed(f"status {fields[0][1]!r}")
        self.status = int(fields[0][1])
        self.fields = checked(fields[1:])
        self.body, self.trailers, self.interim = b"", [], []


def checked(fields):
    for name, value in fields:
        if name != name.lower() or not name or name[0] == ":" or name in HOP_BY_HOP or (name == "te" and value != "trailers"):
            raise Malformed(f"field {name!r} in HTTP/2")
        if any(c in "\r\n\0" for c in value) or value != value.strip(" \t"):
            raise Malformed(f"value {value!r} of {name}")
    return fields


def lowered(fields):
    """Fields as HTTP/1.1 tests write them, in HTTP/2's form."""
    return [(n.lower(), v) for n, v in (fields.items() if isinstance(fields, dict) else fields)]


class Stream:
    """What is known of one stream. `answer` is the final head; `ended`: END_STREAM came."""

    def __init__(self, number, method, send_window):
        self.id, self.method, self.window = number, method, send_window
        self.answer, self.interim, self.parts, self.got, self.read = None, [], [], 0, 0
        self.ended, self.reset, self.credit = False, None, 0
        self.began = time.monotonic()


class Http2:
    """One connection. `settings`: ours; `window`: receive window of the connection if more than 65535;
    `grant`: give back what was read, as an ordinary client does. Else windows run dry unless a test gives."""

    def __init__(self, conn, settings=(), window=0, grant=True, greet=True):
        if conn.sock.selected_alpn_protocol() != "h2":
            raise Malformed(f"TLS agreed on {conn.sock.selected_alpn_protocol()}, not on h2")
        self.conn, self.grant, self.ours = conn, grant, dict(settings)
        self.theirs, self.acked, self.next, self.streams = {}, False, 1, {}
        self.window, self.credit, self.initial = WINDOW, WINDOW, self.ours.get(f.INITIAL_WINDOW, WINDOW)
        self.pongs, self.goaway = [], None
        self.decoder = hpack.Decoder(1 << 24)
        if f.TABLE_SIZE in self.ours:
            self.decoder.max_allowed_table_size = self.ours[f.TABLE_SIZE]
        if greet:
            self.send(f.PREFACE, f.settings(self.ours))
        if window > WINDOW:
            self.give(0, window - WINDOW)

    # --- one socket, as Conn has it
    @property
    def sock(self):
        return self.conn.sock

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.conn.close()

    def reset(self):
        self.conn.reset()

    def send(self, *frames):
        self.conn.send(b"".join(frames))

    def give(self, stream, n):
        """A window update, and our own account of it."""
        self.send(f.window_update(stream, n))
        if stream:
            self.streams[stream].credit += n
        else:
            self.credit += n

    # --- frames in
    def read_frame(self):
        """The next frame as it is; GoneAway at the connection's end."""
        try:
            head = self.conn.read_exactly(9)
            length = int.from_bytes(head[:3], "big")
            if length > self.ours.get(f.MAX_FRAME, 16384):
                raise Malformed(f"a frame of {length} bytes")
            kind, flags, stream = struct.unpack("!BBI", head[3:])
            try:
                return f.Frame(kind, flags, stream, self.conn.read_exactly(length))
            except TimeoutError:
                self.conn.buffer = head + self.conn.buffer  # who waits again finds the whole frame
                raise
        except Ended:
            code, last = self.goaway or (None, None)
            raise GoneAway(code, last) from None

    def step(self):
        """Read one frame and act on it; returns it."""
        frame = self.read_frame()
        handler = self.HANDLERS.get(frame.kind)
        if handler:
            handler(self, frame)
        return frame

    def _on_settings(self, frame):
        if frame.stream or len(frame.payload) % 6 or (frame.flags & f.ACK and frame.payload):
            raise Malformed(f"SETTINGS {frame}")
        if frame.flags & f.ACK:
            self.acked = True
            return
        for key, value in struct.iter_unpack("!HI", frame.payload):
            if key == f.INITIAL_WINDOW:
                for s in self.streams.values():
                    s.window += value - self.theirs.get(key, WINDOW)
            self.theirs[key] = value
        self.send(f.settings((), f.ACK))

    def _on_ping(self, frame):
        if frame.stream or len(frame.payload) != 8:
            raise Malformed(f"PING {frame}")
        if frame.flags & f.ACK:
            self.pongs.append(frame.payload)
        else:
            self.send(f.frame(f.PING, f.ACK, 0, frame.payload))

    def _on_goaway(self, frame):
        last, code = struct.unpack("!II", frame.payload[:8])
        if self.goaway and last > self.goaway[1]:
            raise Malformed(f"GOAWAY's last stream rose from {self.goaway[1]} to {last}")
        self.goaway = (code, last)

    def _on_window(self, frame):
        n = struct.unpack("!I", frame.payload)[0]
        if not 0 < n < 1 << 31:
            raise Malformed(f"a window update of {n}")
        if not frame.stream:
            self.window += n
        elif frame.stream in self.streams:
            self.streams[frame.stream].window += n

    def _stream(self, frame):
        if frame.stream not in self.streams:
            raise Malformed(f"{f.KINDS[frame.kind]} on stream {frame.stream}, which is not ours")
        s = self.streams[frame.stream]
        if s.ended or s.reset is not None:
            raise Malformed(f"{f.KINDS[frame.kind]} on stream {frame.stream} after its end")
        return s

    def _on_reset(self, frame):
        if frame.stream not in self.streams or len(frame.payload) != 4:
            raise Malformed(f"RST_STREAM {frame}")
        self.streams[frame.stream].reset = struct.unpack("!I", frame.payload)[0]

    def _on_data(self, frame):
        s, data = self._stream(frame), frame.payload
        if frame.flags & f.PADDED:
            data = data[1:len(data) - data[0]]
        if s.answer is None:
            raise Malformed("DATA before the head")
        s.credit -= len(frame.payload)
        self.credit -= len(frame.payload)
        if s.credit < 0 or self.credit < 0:
            raise Malformed(f"more data than the window of stream {s.id} ({s.credit}) or the connection ({self.credit})")
        if data:
            s.parts.append(data)
            s.got += len(data)
        if self.grant and frame.payload:
            self._grant(s)
        if frame.flags & f.END_STREAM:
            self._end(s)

    def _grant(self, s):
        """Give back in portions of half a window, as ordinary clients do."""
        for number, left, full in ((s.id, s.credit, self.initial), (0, self.credit, WINDOW)):
            if left < full // 2 or not left:
                self.give(number, full - left)

    def _on_headers(self, frame):
        data = frame.payload
        if frame.flags & f.PADDED:
            data = data[1:len(data) - data[0]]
        if frame.flags & f.HAS_PRIORITY:
            data = data[5:]
        flags = frame.flags
        while not flags & f.END_HEADERS:
            more = self.read_frame()
            if more.kind != f.CONTINUATION or more.stream != frame.stream:
                raise Malformed(f"{more.kind} inside a field block")
            data, flags = data + more.payload, more.flags
        fields = [(bytes(n).decode("latin-1"), bytes(v).decode("latin-1")) for n, v in self.decoder.decode(data, raw=True)]
        self._head(self._stream(frame), fields, bool(frame.flags & f.END_STREAM))

    def _head(self, s, fields, end):
        if s.answer is None:
            answer = Answer(fields)
            if answer.status >= 200:
                s.answer = answer
                answer.interim = s.interim
            elif end or answer.status == 101:
                raise Malformed(f"an interim answer {answer.status} that ends the stream")
            else:
                s.interim.append(answer)
        elif not end:
            raise Malformed("a second head that does not end the stream")
        else:
            s.answer.trailers = checked(fields)
        if end:
            self._end(s)

    def _end(self, s):
        s.ended = True
        length = s.answer.get("content-length")
        if length is not None and s.method != "HEAD" and s.answer.status != 304 and int(length) != s.got:
            raise Malformed(f"content-length {length}, but {s.got} bytes")

    def _on_push(self, frame):
        raise Malformed("PUSH_PROMISE, which nobody here asks for")

    HANDLERS = {f.PUSH_PROMISE: _on_push, f.SETTINGS: _on_settings, f.PING: _on_ping, f.GOAWAY: _on_goaway, f.WINDOW_UPDATE: _on_window,
                f.RST_STREAM: _on_reset, f.DATA: _on_data, f.HEADERS: _on_headers}

    # --- streams
    def start(self, fields, end=True, block=None, number=None, whole=True):
        """HEADERS of a new stream with exactly these fields (or this block); returns the Stream. With whole=False
        its CONTINUATION is the test's."""
        number = number or self.next
        self.next = max(self.next, number + 2)
        method = dict(fields).get(":method", "GET") if fields else "GET"
        s = self.streams[number] = Stream(number, method, self.theirs.get(f.INITIAL_WINDOW, WINDOW))
        s.credit = self.initial
        data = f.block(fields) if block is None else block
        first, rest = data[:16384], data[16384:]
        out = [f.frame(f.HEADERS, (f.END_STREAM if end else 0) | (0 if rest or not whole else f.END_HEADERS), number, first)]
        while rest:
            part, rest = rest[:16384], rest[16384:]
            out.append(f.frame(f.CONTINUATION, 0 if rest else f.END_HEADERS, number, part))
        self.send(*out)
        return s

    def open(self, method, target, host, fields=(), end=True, scheme="https"):
        """Start a request; `fields` as in HTTP/1.1, names are folded."""
        return self.start(f.request(method, target, host, lowered(fields), scheme), end)

    def body(self, stream, data, end=True):
        """Send body bytes as the windows allow; what comes meanwhile is handled. An answer that is complete, or
        a reset, ends the sending."""
        data = memoryview(data)
        while stream.reset is None and not stream.ended:
            n = min(len(data), 16384, stream.window, self.window)
            if n > 0 or not data:
                part, data = bytes(data[:n]), data[n:]
                last = end and not data
                self.send(f.frame(f.DATA, f.END_STREAM if last else 0, stream.id, part))
                stream.window -= n
                self.window -= n
                if not data:
                    return
            else:
                self.step()

    def trailers(self, stream, fields):
        self.send(f.frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, stream.id, f.block(lowered(fields))))

    def wait_head(self, stream):
        while stream.answer is None:
            self._alive(stream)
            self.step()
        return stream.answer

    def _alive(self, stream):
        if stream.reset is not None:
            raise Reset(stream)

    def finish(self, stream):
        """The whole answer of a stream; Reset or GoneAway if there is none."""
        while not stream.ended:
            self._alive(stream)
            self.step()
        stream.answer.body = b"".join(stream.parts)
        return stream.answer

    def portions(self, stream):
        """The body as it comes, without keeping it."""
        self.wait_head(stream)
        while True:
            parts, stream.parts = stream.parts, []
            yield from parts
            if stream.ended and not stream.parts:
                return
            self._alive(stream)
            if not stream.parts:
                self.step()

    def ask(self, method, target, host, fields=(), body=None):
        """One whole exchange, as Conn.ask: a bytes body gets a content-length, a list of bytes gets none."""
        fields = lowered(fields)
        if isinstance(body, bytes):
            fields.append(("content-length", str(len(body))))
        parts = [body] if isinstance(body, bytes) else body
        stream = self.open(method, target, host, fields, end=parts is None)
        for i, part in enumerate(parts or ()):
            self.body(stream, part, end=i == len(parts) - 1)
        if parts == []:
            self.body(stream, b"")
        return self.finish(stream)

    def settle(self):
        """Until both sides' settings are known and acknowledged."""
        while not (self.acked and self.theirs):
            self.step()
        return self

    def ping(self, data=b"warifu!?"):
        """Wait for the echo: everything that was sent before has been read."""
        self.send(f.frame(f.PING, 0, 0, data))
        while data not in self.pongs:
            self.step()
        self.pongs.remove(data)

    def end_of(self, seconds=5):
        """Read to the connection's end; its GoneAway, or None if it stands after that time."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                self.step()
        except GoneAway as e:
            return e
        except (socket.timeout, TimeoutError):
            pass
        except OSError:
            return GoneAway(*(self.goaway or (None, None)))
        finally:
            if self.sock.fileno() >= 0:
                self.sock.settimeout(self.conn.timeout)
        return None

    def websocket(self, target, host, fields=(), protocols=(), settle=True):
        """RFC 8441; a WebSocket, or the Answer where the other side did not open one."""
        if settle:
            self.settle()
        fields = [("sec-websocket-version", "13")] + lowered(fields)
        if protocols:
            fields.append(("sec-websocket-protocol", ", ".join(protocols)))
        head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", target), (":authority", host)]
        stream = self.start(head + fields, end=False)
        if self.wait_head(stream).status != 200:
            return self.finish(stream)
        return WebSocket(Tunnel(self, stream), stream.answer)


class Tunnel:
    """A stream's bytes in the form of a Conn, for WebSocket."""

    def __init__(self, link, stream):
        self.link, self.stream, self.buffer = link, stream, b""

    @property
    def sock(self):
        return self.link.sock

    def send(self, data):
        self.link.body(self.stream, data, end=False)

    def read_exactly(self, n):
        while len(self.buffer) < n:
            if self.stream.parts:
                self.buffer += b"".join(self.stream.parts)
                self.stream.parts = []
            elif self.stream.ended:
                raise Ended(self.buffer)
            else:
                self.link._alive(self.stream)
                self.link.step()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def close(self):
        self.link.close()


class Client2(Client):
    """The Client with its jar, by HTTP/2."""

    def connect(self):
        proxy = self.proxy() if callable(self.proxy) else (self.proxy or b"")
        return Http2(Conn(self.port, tls=self.tls, sni=self.host.split(":")[0], source=self.source, proxy=proxy,
                          session=self.session if self.resume else None))

    def websocket(self, target, fields=(), protocols=()):
        base = [x for x in self.fields(fields) if x[0] != "Accept"]
        return self.connect().websocket(target, self.host, base, protocols)


class Front2(Front):
    """A running gate, as Front, and its clients by HTTP/2."""

    def __init__(self, *args, **more):
        self.tls2 = None
        super().__init__(*args, **more)

    def http2(self, host="wallet.test", place=None, timeout=15, **more):
        """As conn, by HTTP/2; `more` goes to Http2."""
        return Http2(self.conn(host, place, tls=self._tls2(), timeout=timeout), **more)

    def client2(self, host="wallet.test", place=None, **more):
        """As client, by HTTP/2."""
        return Client2(self.proxy_port if place else self.port, host, more.pop("tls", self._tls2()),
                       proxy=proxy_v2(place) if place else None, **more)

    def _tls2(self):
        self.tls2 = self.tls2 or tls_context(self.ca, ("h2",))
        return self.tls2
