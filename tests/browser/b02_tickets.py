# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=400
"""Real browsers bring the ticket of their login back on new connections; a thief's have none. They begin HTTP/2 alike on each
(client.h2-same), after a restart, too.

Firefox resumes nothing through a CONNECT proxy, so it connects directly, and its connections idle out.
Chromium's are cut by the hop that it comes by.
"""
import subprocess
import time

from lib import places, tap
from lib.backend import PASSWORDS, start_express
from lib.marionette import Firefox
from lib.people import ExpressPages as console
from lib.settings import Front, site
from lib.webdriver import Chromium
from lib.world import World, wait_until

TURNS, IDLE = 6, 1


def chromium(profile=None):
    return Chromium(world, {f"{console.host}:443": hop.port}, front.spki, profile=profile), f"https://{console.host}"


def firefox(profile=None):
    return Firefox(world, profile=profile), f"https://{console.host}:{front.port}"


def newest():
    return max((r["record"] for r in front.gate.records()), default=0)


def asked(path, since):
    """The decisions on requests for this path with a session, once there is one."""
    def rows():
        return [r for r in front.gate.records(kind="decision", path=path) if r["record"] > since and r.get("session")]
    return wait_until(rows, 10, f"{path} in the log")


def ask_anew(b, base):
    """One request on a connection of its own: there is none from before."""
    b.go("about:blank")
    if isinstance(b, Chromium):
        hop.cut()
    else:
        time.sleep(IDLE * 2)
    since = newest()
    b.go(f"{base}/api/me")
    return asked("/api/me", since)[-1]


def comes_back_on_new_connections(make):
    b, base = make()
    b.go(f"{base}/login")
    b.type("#user", "alice")
    b.type("#password", PASSWORDS["alice"])
    b.click("#login")
    console.logged_in(b)
    rows = [ask_anew(b, base) for _ in range(TURNS)]
    tap.note(f"known on {sum(r['facts']['client.ticket-same'] is True for r in rows)} of {TURNS} new connections")
    tap.equal(len({r["connection"] for r in rows}), TURNS, "new connections")
    tap.equal({(r.get("resumed"), r["facts"]["client.ticket-same"], r["device_tier"], r["verdict"]) for r in rows},
              {(1, True, "ticket", "allow")})
    tap.equal({(r["facts"]["client.h2-same"], r["h2"]) for r in rows}, {(True, rows[0]["h2"])})
    stolen(b, base, make)
    profile = b.profile
    b.stop()
    restarted(make, profile)


def stolen(victim, base, make):
    """The cookie alone: by curl, and by a second browser of the same build at the same address."""
    jar, agent, since = dict(victim.jar()), victim.run("return navigator.userAgent"), newest()
    subprocess.run(["curl", "-s", "-o", world.path("got"), "--cacert", front.ca, "--connect-to", f"{console.host}:443:127.0.0.1:{front.port}",
                    "-A", agent, "-b", "; ".join(f"{n}={v}" for n, v in jar.items()), f"https://{console.host}/api/balance"], check=True)
    rows = asked("/api/balance", since)
    thief, base = make()
    thief.go(f"{base}/login")
    thief.put_cookies(jar, f"{base}/")
    tap.equal([r["facts"]["client.h2-same"] for r in rows], [False], "curl's HTTP/2")
    rows += [ask_anew(thief, base) for _ in range(3)]
    thief.stop()
    tap.equal({r["facts"]["client.h2-same"] for r in rows[1:]}, {True}, "HTTP/2 of the same build")
    tap.equal({(r.get("resumed"), r["facts"]["client.ticket-same"], r["device_tier"]) for r in rows}, {(None, None, "none")})


def restarted(make, profile):
    """Its TLS memory is gone with the process: unknown, and nothing is asked for that."""
    since = newest()
    b, base = make(profile)
    b.go(f"{base}/")
    console.logged_in(b)
    tap.equal({(r["facts"]["client.ticket-same"], r["facts"]["client.h2-same"], r["verdict"]) for r in asked("/", since)}, {(None, True, "allow")})
    b.stop()


with World("browser-tickets") as world:
    app = start_express(world)
    front = Front(world, [site("express", console.host, app.port, recipe="express")], timeouts={"idle": f"{IDLE} s"})
    hop = front.hop(places.address("office"))
    for browser in (chromium, firefox):
        tap.run(f"comes_back_on_new_connections: {browser.__name__}", comes_back_on_new_connections, browser)
tap.finish()
