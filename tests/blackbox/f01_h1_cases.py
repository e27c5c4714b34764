# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""The 92 HTTP/1 byte streams through the real gate: what is ambiguous never reaches the backend.

For each case the bytes go in behind TLS, with the site's name in the place of the vectors'
`a.example`. What the raw backend got must be a clean sequence of requests, each framed once;
for a refused case, none at all (of a pipelined pair at most the good first one).
"""
import json
import os

from backends import raw
from lib import tap
from lib.http1 import Ended, Malformed
from lib.settings import OPEN_ALL, Front, site
from lib.world import SRC, World

HOST = "a.example"
# Cases of policy, decided: see docs/decisions. True: served.
POLICY = {"method-lower": False, "method-unknown": False, "target-abs-mismatch": False, "chunk-many-zeros": None,
          "dup-underscore": False}
world = World("h1cases")


def load():
    with open(os.path.join(SRC, "tests", "vectors", "h1_strictness_cases.json"), encoding="utf-8") as f:
        return json.load(f)


def exchange(data):
    """Send one case on a connection of its own; the statuses that come back."""
    statuses = []
    with front.conn(HOST, timeout=8) as c:
        c.send(data)
        try:
            while True:
                statuses.append(c.read_response("GET").status)
                if statuses[-1] >= 400 or len(statuses) >= expected_answers(data):
                    break
        except (Ended, ConnectionError):
            pass
        except Malformed as e:
            raise tap.Failure(f"the gate's own answer is malformed: {e}") from None
        except TimeoutError:
            statuses.append("no answer")
    return statuses


def expected_answers(data):
    return max(1, data.count(b" HTTP/1.1\r\n"))


def arrived():
    """Requests at the backend; an unclean stream is a failure of its own."""
    try:
        return backend.requests()
    except raw.Bad as e:
        if str(e) == "chunk line b''":
            return []  # the stream was cut inside a body: the backend never saw that body's end
        raise tap.Failure(f"the backend was sent something unclean: {e}") from None


def check_case(case):
    data = bytes.fromhex(case["bytes_hex"])
    backend.forget()
    statuses = exchange(data)
    found = arrived()
    wanted = case["want"] if case["want"] != "policy" else {True: "accept", False: "reject", None: "either"}[POLICY[case["id"]]]
    tap.note(f"{case['id']}: {statuses}, {len(found)} at the backend")
    if wanted == "accept":
        tap.check(statuses and all(s == 200 for s in statuses), statuses)
        tap.equal(len(found), len(statuses))
    elif wanted == "reject":
        tap.check(statuses and statuses[-1] != 200, f"answered {statuses}")
        tap.check(len(found) <= max(0, len(statuses) - 1), f"{len(found)} requests reached the backend: {found}")
    tap.check(not any("smuggled" in target for _, target, _, _ in found), "a smuggled request reached the backend")


def every_worker_lives():
    tap.check(front.gate.alive(), "the gate ended")
    tap.equal(front.client(HOST).get("/after").status, 200)
    log = front.gate.log()
    tap.check("ERROR: AddressSanitizer" not in log and "runtime error" not in log, log[-3000:])


backend = world.add(raw.RawBackend(raw.answering(raw.OK)))
try:
    front = Front(world, [site("wallet", HOST, backend.port, lines=OPEN_ALL)])
    cases = load()
    tap.run("there_are_92_cases", tap.equal, len(cases), 92)
    for one in cases:
        tap.run(one["id"].replace("-", "_"), check_case, one)
    tap.run("every_worker_lives", every_worker_lives)
finally:
    world.stop()
tap.finish()
