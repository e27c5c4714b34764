# SPDX-License-Identifier: Apache-2.0
"""What strangers can make the log grow by is bounded, and still every one is counted."""
from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World, wait_until

world = World("strangers")
app = start_express(world)
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")],
              log={"stranger-size": "1 MiB", "min-free": "16 MiB"}, extra=["trusted-hops 127.0.0.1/32"],
              limits={"rate-per-address": "100000 per 1 s burst 100000"})
FLOOD = 2500


def flood():
    """Each request from another address, over one connection."""
    stranger = front.client()
    for i in range(FLOOD):
        where = f"198.{18 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}"
        answer = stranger.get("/api/me", fields={"X-Forwarded-For": where, "Accept": "application/json"})
        tap.check(answer.status in (401, 403), f"{i}: {answer.status}")


def strangers(records):
    alone = [r for r in records if r["kind"] == "decision" and not r.get("session")]
    summed = [r for r in records if r["kind"] == "aggregate"]
    return alone, summed


@tap.case
def a_flood_of_strangers_has_a_budget_in_the_log_and_is_counted_to_the_last():
    owner = front.client()
    tap.equal(login_express(owner, "alice").status, 303, "login")
    before = len(front.gate.records())
    flood()
    tap.equal(owner.get("/api/me").status, 200, "the owner works on")
    front.gate.stop()
    records = front.gate.records()
    alone, summed = strangers(records)
    told = sum(int(r["count"]) for r in summed)
    tap.note(f"{len(alone)} records of their own, {told} in {len(summed)} sums; {before} records before")
    # the owner's login page counts as a stranger's request too
    tap.check(FLOOD <= len(alone) + told <= FLOOD + 10, f"{len(alone)} + {told} of {FLOOD}")
    tap.check(100 < len(alone) < FLOOD * 2 / 3, f"{len(alone)} records of their own")
    tap.check(len(summed) < 20, f"{len(summed)} sums past the budget")
    tap.equal(front.gate.cli("log", "verify", check=False).returncode, 0, "verify")


@tap.case
def retention_is_taken_over_by_a_reload():
    front.start()
    before = front.gate.children()["scribe"]
    text = front.text().replace("min-free 16 MiB", "min-free 16 MiB\n\tretention 30 d")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(text)
    front.gate.cli("reload")
    wait_until(lambda: front.gate.children().get("scribe", before) != before, 10, "a scribe with the new settings")
    owner = front.client()
    tap.equal(login_express(owner, "alice").status, 303, "login after the reload")
    front.gate.stop()
    tap.equal([r for r in front.gate.records() if r.get("event") == "child_restart"], [], "restarts that nobody asked for")
    tap.equal(front.gate.cli("log", "verify", check=False).returncode, 0, "verify")


tap.main()
