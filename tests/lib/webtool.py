# SPDX-License-Identifier: Apache-2.0
"""tests/tools/webtool on sockets of ours, and raw HTTP with it.

    with Tool("portal", unix=True) as t:
        status, fields, body = t.get("/page", [("Warifu-Page", "challenge")])
"""
import http.client
import os
import socket
import subprocess
import tempfile

from lib import tap
from lib.world import BUILD

TOOL = os.path.join(BUILD, "tools", "webtool")


class Tool:
    """A running webtool. Its listening socket is made here and inherited, as in real life."""

    def __init__(self, role, unix=False, tls=None, extra=(), env=None):
        self.folder = tempfile.TemporaryDirectory()
        self.address = os.path.join(self.folder.name, "s") if unix else None
        self.socket = self._listen(unix)
        self.port = None if unix else self.socket.getsockname()[1]
        self.tls_socket = self._listen(False) if tls else None
        self.tls_port = self.tls_socket.getsockname()[1] if tls else None
        stop, self.stop_end = os.pipe()
        fds = [self.socket.fileno(), stop]
        args = [TOOL, role, str(self.socket.fileno())]
        if role == "console":
            args.append(str(self.tls_socket.fileno()) if tls else "-1")
            fds += [self.tls_socket.fileno()] if tls else []
        args += [str(stop), *(tls or ()), *extra]
        self.process = subprocess.Popen(args, pass_fds=fds, stderr=subprocess.PIPE,
                                        env=dict(os.environ, **(env or {})))
        os.close(stop)

    def _listen(self, unix):
        s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        s.bind(self.address if unix else ("127.0.0.1", 0))
        s.listen(512)
        return s

    def connect(self, timeout=10):
        s = socket.socket(socket.AF_UNIX if self.address else socket.AF_INET)
        s.settimeout(timeout)
        s.connect(self.address or ("127.0.0.1", self.port))
        return s

    def get(self, target, fields=(), method="GET", body=b"", host="localhost", connection=None):
        s = connection or self.connect()
        try:
            send(s, target, fields, method, body, host, close=connection is None)
            return answer(s, method)
        finally:
            if connection is None:
                s.close()

    def stop(self):
        """Close the stop pipe, wait; everything that the program said, sanitizers included."""
        if self.stop_end is not None:
            os.close(self.stop_end)
            self.stop_end = None
        try:
            _, said = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, said = self.process.communicate()
            said += b"(had to be killed)"
        return self.process.returncode, said.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        code, said = self.stop()
        self.socket.close()
        if self.tls_socket:
            self.tls_socket.close()
        self.folder.cleanup()
        if kind is None:
            tap.equal((code, said), (0, ""), "how webtool ended")
        elif said:
            tap.note(said)


def send(s, target, fields=(), method="GET", body=b"", host="localhost", close=True):
    def raw(text):
        return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    lines = [b"%s %s HTTP/1.1" % (raw(method), raw(target)), b"Host: " + raw(host)]
    lines += [b"Connection: close"] if close else []
    lines += [b"Content-Length: %d" % len(body)] if body else []
    lines += [raw(n) + b": " + raw(v) for n, v in fields]
    s.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)


def answer(s, method="GET"):
    r = http.client.HTTPResponse(s, method=method)
    r.begin()
    fields = {}
    for name, value in r.getheaders():
        tap.check(name.lower() not in fields, f"two {name}")
        fields[name.lower()] = value
    return r.status, fields, r.read()


def security_fields(fields, csp="default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
                                "form-action 'none'; frame-ancestors 'none'"):
    """What every answer of ours must carry."""
    wanted = {"content-security-policy": csp, "x-content-type-options": "nosniff", "x-frame-options": "DENY",
              "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
              "cross-origin-resource-policy": "same-origin"}
    for name, value in wanted.items():
        tap.equal(fields.get(name), value, name)
    tap.contains(fields.get("permissions-policy", ""), "geolocation=()")
