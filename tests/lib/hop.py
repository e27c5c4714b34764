# SPDX-License-Identifier: Apache-2.0
"""A hop in front of the gate that decides where a client seems to come from.

Browsers cannot send a PROXY protocol header, and on loopback everybody is 127.0.0.1. A Hop
accepts connections (raw, or as an HTTP CONNECT proxy), opens one to the gate, writes a PROXY
header with the address it was told, then copies bytes both ways. `source` may be changed at
any time; connections made afterwards come from there. `cut()` breaks all, as a change of
network does.
"""
import ipaddress
import select
import socket
import struct
import threading

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_v1(source, target, source_port=40000, target_port=443):
    family = "TCP6" if ipaddress.ip_address(source).version == 6 else "TCP4"
    return f"PROXY {family} {source} {target} {source_port} {target_port}\r\n".encode("ascii")


def proxy_v2(source, target=None, source_port=40000, target_port=443, tlvs=b""):
    """PROXY v2 for a TCP connection; target defaults to a documentation address."""
    src = ipaddress.ip_address(source)
    dst = ipaddress.ip_address(target or ("2001:db8::1" if src.version == 6 else "192.0.2.1"))
    body = src.packed + dst.packed + struct.pack("!HH", source_port, target_port) + tlvs
    return SIGNATURE + bytes([0x21, 0x21 if src.version == 6 else 0x11]) + struct.pack("!H", len(body)) + body


def proxy_v2_local():
    return SIGNATURE + b"\x20\x00\x00\x00"


class Hop:
    """Listens on 127.0.0.1, on any free port unless told. source None = no PROXY header at all."""

    name = "hop"

    def __init__(self, target_port, source=None, connect=False, version=2, port=0):
        self.target_port, self.source, self.connect, self.version = target_port, source, connect, version
        self.lock, self.pairs, self.accepted = threading.Lock(), set(), 0
        self.server = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.server.getsockname()[1]
        self.next_port = 20000
        self.ports = set()  # ours towards the gate: `peer_port` in its log tells who came by this hop
        threading.Thread(target=self._accept, daemon=True).start()

    def alive(self):
        return self.server.fileno() >= 0

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stop(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _header(self):
        self.next_port = 20000 + (self.next_port - 19999) % 40000
        if self.source is None:
            return b""
        if self.version == 1:
            v6 = ":" in self.source
            return proxy_v1(self.source, "2001:db8::1" if v6 else "192.0.2.1", self.next_port)
        return proxy_v2(self.source, source_port=self.next_port)

    def _serve(self, client):
        up = None
        try:
            if self.connect and not self._answer_connect(client):
                return
            up = socket.create_connection(("127.0.0.1", self.target_port), timeout=10)
            up.settimeout(None)
            with self.lock:
                self.pairs.add((client, up))
                self.ports.add(up.getsockname()[1])
                self.accepted += 1
            up.sendall(self._header())
            pump(client, up)
        except OSError:
            pass
        finally:
            with self.lock:
                self.pairs.discard((client, up))
            client.close()
            if up:
                up.close()

    @staticmethod
    def _answer_connect(client):
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 8192:
            more = client.recv(1)
            if not more:
                return False
            head += more
        if not head.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True


def pump(a, b):
    """Copy both ways until both directions ended; half-closes are passed on."""
    other, open_ends = {a: b, b: a}, {a, b}
    while open_ends:
        readable, _, _ = select.select(list(open_ends), [], [])
        for s in readable:
            try:
                data = s.recv(65536)
                if data:
                    other[s].sendall(data)
                    continue
                other[s].shutdown(socket.SHUT_WR)
            except OSError:
                return
            open_ends.discard(s)
