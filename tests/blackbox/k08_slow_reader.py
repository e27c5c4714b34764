# SPDX-License-Identifier: Apache-2.0
"""`session list` of many sessions, read slowly: whole, or said to be cut off; never a part that looks whole."""
import socket
import subprocess
import threading
import time

from backends import raw
from lib import tap
from lib.settings import NO_LIMITS, Front, block, site
from lib.world import BIN, SLOW, World

MANY = 700
world, values = World("slow"), iter(range(1 << 30))


def console(peer):
    while True:
        peer.body(peer.head())
        peer.send(b"HTTP/1.1 303 See Other\r\nSet-Cookie: sid=v%d; Path=/\r\nContent-Length: 0\r\n\r\n" % next(values))


backend = world.add(raw.RawBackend(console))
LOGIN = block("login", ['request POST "/login"', "success status 303", "success cookie sid changed", "user none"])
front = Front(world, [site("wallet", "wallet.test", backend.port, lines=["credential cookie sid", LOGIN])], limits=NO_LIMITS)
c = front.client(keep=True)
for _ in range(MANY):
    c.jar = {}
    tap.equal(c.post("/login", {"u": "a"}).status, 303)


def where():
    return next(line.split('"')[1] for line in front.text().splitlines() if line.startswith("control "))


def asked():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20 * SLOW)
    s.connect(where())
    s.sendall(b"list\n")
    return s


def rest(s):
    data = b""
    while part := s.recv(65536):
        data += part
    return data.decode().splitlines()


@tap.case
def who_pauses_for_a_moment_gets_all_of_it():
    s = asked()
    time.sleep(0.4)
    lines = rest(s)
    tap.equal((len(lines), lines[-1]), (MANY + 1, f"ok {MANY}"))


@tap.case
def what_is_cut_off_has_no_end():
    s = asked()
    time.sleep(2.5)
    lines = rest(s)
    tap.check(len(lines) <= MANY and not any(line.startswith("ok") for line in lines), lines[-1])


@tap.case
def the_command_says_that_it_was_cut_off():
    real, fake = where(), world.path("cut.sock")
    server = socket.create_server(fake, family=socket.AF_UNIX)

    def answer():
        peer = server.accept()[0]
        peer.recv(100)
        peer.sendall(b" session id=00 site=wallet user=\n")
        peer.close()

    threading.Thread(target=answer, daemon=True).start()
    conf = world.write("cut.conf", front.text().replace(real, fake))
    p = subprocess.run([BIN, "session", "list", "-c", conf], capture_output=True, text=True, timeout=20 * SLOW, check=False)
    tap.equal((p.returncode, p.stdout), (1, ""))
    tap.contains(p.stderr, "cut off")


tap.main()
