# SPDX-License-Identifier: Apache-2.0
"""What must hold of a WebSocket by either protocol. `client` makes a new one (lib.http1.Client or its twin of HTTP/2)."""
import time

from lib import tap
from lib.backend import login_express


def only_a_login_opens(client, backend):
    stranger = client()
    mark = backend.mark()
    tap.check(stranger.websocket("/ws").status in (401, 403))
    tap.equal(backend.bytes_since(mark), 0)
    c = client()
    tap.equal(login_express(c, "alice").status, 303)
    ws = c.websocket("/ws")
    ws.send("mine")
    tap.equal(ws.recv(), "mine")
    ws.close()


def a_lease_asks_again(client, gate):
    """Lock a class: an open tunnel of that class does not outlive its lease (2 s here)."""
    c = client()
    login_express(c, "alice")
    ws = c.websocket("/ws")
    time.sleep(3)
    ws.send("after a lease")
    tap.equal(ws.recv(), "after a lease")
    gate.cli("lock", "wallet", "read", "--reason", "a test")
    try:
        tap.check(ws.cut_within(6), "the tunnel outlives its lease")
    finally:
        gate.cli("unlock", "wallet", "read")
