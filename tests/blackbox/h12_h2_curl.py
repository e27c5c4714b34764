# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 as curl speaks it: whole requests, big bodies side by side, early answers, and a setting that ends it."""
import json
import os
import re
import subprocess

from backends import raw
from lib import tap
from lib.backend import start_express
from lib.settings import OPEN_ALL, Front, site
from lib.world import SLOW, World

HOST, FILES, CLOSED = "wallet.test", "files.test", "closed.test"
world = World("h2curl")


def setup():
    global backend, front, old
    backend = world.add(raw.RawBackend(raw.summary))
    files = start_express(world)
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL),
                          site("files", FILES, files.port, lines=OPEN_ALL),
                          site("closed", CLOSED, backend.port, lines=OPEN_ALL[:2])])
    old = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)], extra=["http2 off"])


def curl(gate, *options, host=HOST, paths=("/",)):
    """(what came, [(version, status)]); curl must say that all went well."""
    command = ["curl", "-sS", "--http2", "--cacert", gate.ca, "--connect-to", f"::127.0.0.1:{gate.port}",
               "--max-time", str(60 * SLOW), "-w", "%{stderr}%{http_version} %{http_code}\n", *options]
    done = subprocess.run(command + [f"https://{host}{p}" for p in paths], capture_output=True)
    tap.equal(done.returncode, 0, done.stderr)
    return done.stdout, re.findall(rb"^(\S+) (\d{3})$", done.stderr, re.M)


def seen(got):
    data, answers = got
    tap.equal(answers, [(b"2", b"200")])
    return json.loads(data)


@tap.case
def a_request_arrives_as_by_http1():
    got = seen(curl(front, "-H", "X-A: b", "-b", "a=1; b=2", paths=["/x/y?q=1"]))
    tap.equal((got["method"], got["target"]), ("GET", "/x/y?q=1"))
    names = {n.lower(): v for n, v in got["fields"]}
    tap.equal((names["host"], names["cookie"], names["x-a"]), (HOST, "a=1; b=2", "b"))
    tap.equal([n for n, _ in got["fields"] if n.startswith(":")], [])
    decision = [r for r in front.gate.records(kind="decision") if r.get("path") == "/x/y"][-1]
    tap.equal(decision["protocol"], "HTTP/2")


@tap.case
def bodies_go_up_by_length_and_without_one():
    big = os.path.join(world.folder("bodies"), "big")
    with open(big, "wb") as f:
        f.write(b"0123456789abcdef" * 65536)
    tap.equal(len(seen(curl(front, "--data-binary", f"@{big}"))["body"]), 1 << 20)
    with open(big, "rb") as f:
        done = subprocess.run(["curl", "-sS", "--http2", "--cacert", front.ca, "--connect-to", f"::127.0.0.1:{front.port}", "-T", "-",
                               f"https://{HOST}/up"], stdin=f, capture_output=True)
    tap.equal(len(json.loads(done.stdout)["body"]), 1 << 20, done.stderr)


@tap.case
def many_big_answers_come_side_by_side():
    """More frames in one batch than the connection's buffer holds: once a bug that ended the gate."""
    before = set(front.gate.rss())
    size = 2 << 20
    data, _ = curl(front, "--parallel", "--parallel-max", "24", host=FILES,
                   paths=[f"/open/download?bytes={size}&n={i}" for i in range(24)])
    tap.equal(len(data), 24 * size)
    tap.equal(set(front.gate.rss()), before, "processes")
    data, answers = curl(front, host=FILES, paths=[f"/open/download?bytes={8 << 20}&chunked"])
    tap.equal((len(data), answers), (8 << 20, [(b"2", b"200")]))


@tap.case
def a_client_that_still_sends_sees_why_it_was_refused():
    """curl drops an answer whose stream is reset while it sends."""
    backend.forget()
    for size in (7, 60000, 3 << 20):
        data, answers = curl(front, "--data-binary", "x" * size if size < 100000 else f"@{file_of(size)}", host=CLOSED, paths=["/a"])
        tap.equal(answers, [(b"2", b"403")], size)
        tap.check(data, "an empty answer")
    tap.equal(backend.requests(), [])


def file_of(size):
    path = os.path.join(world.folder("bodies"), str(size))
    with open(path, "wb") as f:
        f.truncate(size)
    return path


@tap.case
def the_setting_off_leaves_http1():
    _, answers = curl(old)
    tap.equal(answers, [(b"1.1", b"200")])


tap.main(setup, world.stop)
