# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Events without a session are summed up, and no request is lost from the sums (security model 18, 25)."""
import os
import threading

from lib import evidence, tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World

world = World("many")
FLOOD = 40  # requests of each source


def setup():
    global backend, front
    backend = start_express(world)
    # Few places, short sums: both the flush and the pushing out are reached.
    front = Front(world, [site("wallet", evidence.HOST, backend.port, recipe="express")], limits=evidence.LIMITS,
                  log={"stranger-entries": 64, "stranger-interval": "2 s"})


def flood(sources, sent, mark=None):
    """Each source asks FLOOD times: open, closed, of another host, malformed."""
    def one(n):
        address = f"2001:db8:{n:x}::5" if n % 2 else f"198.51.{n // 250}.{n % 250 + 1}"
        for k in range(FLOOD):
            try:
                conn = front.conn(evidence.HOST, place=address)
                if k % 4 == 0:
                    answer = conn.ask("GET", "/login", evidence.HOST)
                elif k % 4 == 1:
                    answer = conn.ask("GET", "/api/me", evidence.HOST, {"Accept": "application/json"})
                elif k % 4 == 2:
                    answer = conn.ask("GET", "/", "elsewhere.test")
                else:
                    answer = conn.ask("GET", "/a/%zz", evidence.HOST)
                conn.close()
                sent.append((n, k % 4, answer.status))
            except evidence.BROKEN as e:
                sent.append((n, k % 4, repr(e)))
    threads = []
    for n in sources:
        threads.append(threading.Thread(target=one, args=(n,), daemon=True))
        threads[-1].start()
        while len([t for t in threads if t.is_alive()]) >= 8:
            threads[-8].join(0.05)
    for t in threads:
        t.join(60)


@tap.case
def every_request_of_a_flood_is_in_a_record_or_in_a_sum():
    sent = []
    owner = front.client(evidence.HOST, agent=evidence.AGENT)
    tap.equal(login_express(owner, "alice").status, 303)
    flood(range(100), sent)
    tap.equal([s for s in sent if not isinstance(s[2], int)], [], "requests without an answer")
    tap.equal(owner.get("/api/me").status, 200, "the owner meanwhile")
    front.gate.stop()
    records = front.gate.records()
    evidence.verified(front.gate)
    evidence.records_are_whole(records)
    sums = [r for r in records if r["kind"] == "aggregate"]
    single = [r for r in records if r["kind"] == "decision" and "session" not in r and r.get("path") != "/.warifu/none"
              and not (r.get("path") == "/login" and r["method"] == "POST")]
    tap.note(f"{len(sent)} requests: {len(single)} records, {len(sums)} sums of {sum(r['count'] for r in sums)}")
    tap.equal(len(single) + sum(r["count"] for r in sums), len(sent))
    tap.check(len(sums) > 10, f"{len(sums)} sums")
    tap.check(any("source" not in r for r in sums), "none was pushed out: the table was never full")
    # Also what is refused before its path was read has a source and a reason.
    for event in {r["event"] for r in sums}:
        tap.check(any("source" in r and "reason" in r for r in sums if r["event"] == event) or event == "open_route", event)
    for r in sums:
        tap.check(r["first"] <= r["last"], r)


@tap.case
def the_log_of_strangers_is_bounded_for_a_day():
    """Past the budget they have no record of their own, and are still counted."""
    front.more = [m.replace("stranger-entries 64", "stranger-entries 64\n\tstranger-size 1 MiB") for m in front.more]
    before = len([r for r in front.gate.records() if r["kind"] in ("decision", "aggregate")])
    counted = sum(r.get("count", 1) for r in front.gate.records() if "session" not in r and r["kind"] in ("decision", "aggregate"))
    front.start()
    sent = []
    start = size()
    for turn in range(3):
        flood(range(200 + 50 * turn, 250 + 50 * turn), sent)
    front.gate.stop()
    records = [r for r in front.gate.records() if "session" not in r and r["kind"] in ("decision", "aggregate")]
    # wait_ready's own questions are strangers' too
    total = sum(r.get("count", 1) for r in records) - counted
    tap.note(f"{len(sent)} requests, {total} counted, {len(records) - before} records, {size() - start} bytes")
    tap.check(0 <= total - len(sent) <= 20, f"{len(sent)} sent, {total} counted")
    tap.check(size() - start < 1700 << 10, f"{size() - start} bytes for them")


def size():
    folder = os.path.join(world.dir, f"state{front.port}", "log")
    return sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder) if n.startswith("log-"))


tap.main(setup, world.stop)
