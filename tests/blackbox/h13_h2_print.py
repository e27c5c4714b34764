# SPDX-License-Identifier: Apache-2.0
"""How a client begins HTTP/2 stands in each record, and beside what was bound at the login."""
import hashlib
import os
import re
import socket
import ssl
import subprocess

from lib import tap
from lib.backend import PASSWORDS, start_express
from lib.settings import Front, site
from lib.world import BIN, World, wait_until

HOST = "wallet.test"
POLICY = """policy "http2" {
	default allow
	rule H1 "HTTP/2 begins otherwise." {
		when not client.h2-same and known
		then flag
	}
}
"""
world = World("h2print")


def setup():
    global front, jar
    backend = start_express(world)
    front = Front(world, [site("wallet", HOST, backend.port, recipe="express", policy=world.write("h2.policy", POLICY))])
    jar = os.path.join(world.folder("curl"), "jar")


def curl(*options):
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "--cacert", front.ca, "--connect-to", f"{HOST}:443:127.0.0.1:{front.port}",
                           "-w", "%{http_version} %{http_code}", "-b", jar, "-c", jar, *options], capture_output=True, text=True)
    return done.stdout


def last(path):
    found = wait_until(lambda: [r for r in front.gate.records(kind="decision") if r.get("path") == path], 10, f"the record of {path}")
    return found[-1]


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    """A field without a table, as HPACK writes the plainest."""
    return b"\0" + b"".join(bytes([len(t)]) + t for t in (name.encode(), value.encode()))


def by_hand(path, settings, fields):
    """One request with these SETTINGS, read until its stream ends."""
    tls = ssl.create_default_context(cafile=front.ca)
    tls.set_alpn_protocols(["h2"])
    with tls.wrap_socket(socket.create_connection(("127.0.0.1", front.port), 10), server_hostname=HOST) as s:
        head = b"".join(literal(*f) for f in [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", HOST), *fields])
        body = b"".join(i.to_bytes(2, "big") + v.to_bytes(4, "big") for i, v in settings)
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, body) + frame(2, 0, 3, bytes(4) + b"\x10") + frame(1, 5, 1, head))
        got = b""
        while not re.search(rb"[\x00\x01][\x01\x05]\x00\x00\x00\x01|\x03\x00\x00\x00\x00\x01", got):  # the end of stream 1, or its reset
            part = s.recv(65536)
            tap.check(part, "the connection ended")
            got += part


@tap.case
def each_record_tells_it():
    by_hand("/by-hand", [(3, 7), (0x1A2A, 99), (4, 70000)], [])
    r = last("/by-hand")
    tap.equal((r["h2"], r["protocol"]), ("3:7;4:70000|0|1|m,p,s,a", "HTTP/2"))
    tap.equal(curl("--http1.1", f"https://{HOST}/by-http1").split()[0], "1.1")
    tap.check("h2" not in last("/by-http1"), last("/by-http1"))


@tap.case
def the_login_binds_it_and_later_requests_are_laid_beside():
    tap.equal(curl("--http2", "-d", f"username=alice&password={PASSWORDS['alice']}", f"https://{HOST}/login"), "2 303")
    tap.equal(curl("--http2", f"https://{HOST}/api/balance"), "2 200")
    mine = last("/api/balance")
    tap.equal((mine["verdict"], mine["facts"].get("client.h2-same")), ("allow", True))
    curl("--http1.1", f"https://{HOST}/api/history")
    tap.equal(last("/api/history")["facts"].get("client.h2-same"), None)
    with open(jar, encoding="ascii") as f:
        cookie = re.search(r"connect\.sid\s+(\S+)", f.read()).group(1)
    by_hand("/api/me", [(3, 7)], [("cookie", f"connect.sid={cookie}")])
    other = last("/api/me")
    tap.equal((other["session"], other["facts"].get("client.h2-same")), (mine["session"], False))
    tap.check(other["h2"] != mine["h2"], mine["h2"])
    hashes = [hashlib.sha256(r["h2"].encode()).hexdigest()[:8] for r in (mine, other)]
    tap.equal((other["verdict"], other["seen"]), ("flag", [f"H1 client.h2-same: {hashes[0]} -> {hashes[1]}"]))
    told = front.gate.cli("log", "show", "--record", str(other["record"])).stdout
    tap.contains(told, f"client.h2-same: {hashes[0]} -> {hashes[1]}")


@tap.case
def a_policy_is_explained_with_it():
    def explain(*more):
        return subprocess.run([BIN, "policy", "explain", world.path("h2.policy"), *more], capture_output=True, text=True, check=True).stdout
    done = explain("--fact", "session.bound=true", "--fact", "client.h2-same=false")
    tap.contains(done, "Rule H1 decided: HTTP/2 begins otherwise.")
    tap.contains(done, "client.h2-same = false")
    tap.contains(explain("--fact", "session.bound=true"), "Verdict: allow")
    tap.contains(explain("H1"), "The client begins HTTP/2 as at the login")
    tap.contains(explain("H1", "--lang", "ja"), "HTTP/2 の始め方")


tap.main(setup, world.stop)
