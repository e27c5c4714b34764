# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""Every command in docs/operators.md and docs/auditors.md works as it stands there.

Lines that begin with `$ ` in a ```console box are run, in order, against a warifu that has seen some work and a thief. Words in
capitals stand for what a reader fills in. `# status N` says which exit status is right.
"""
import json
import os
import re
import shlex
import subprocess

from lib import places, tap
from lib.backend import login_express, start_express
from lib.http1 import tls_context
from lib.settings import Front, site
from lib.world import BIN, SRC, World, wait_until

world = World("guides")
app = start_express(world)
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")], geo=places.geo(world))
STARTER = os.path.join(SRC, "policy", "rules", "wallet-console.policy")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
KNOWN = {"SESSION", "SUPPORT", "BACKUP", "HEAD", "POLICY"}


def work():
    """Alice at work, and a thief with her cookie."""
    owner = front.client("wallet.test", places.address("office"), agent=AGENT)
    tap.equal(login_express(owner, "alice").status, 303, "login")
    tap.equal(owner.get("/api/me").status, 200, "read")
    odd = tls_context(front.ca, alpn=None, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    thief = front.client("wallet.test", places.address("abroad"), agent="curl/8.5", tls=odd)
    thief.jar = dict(owner.jar)
    tap.check(thief.get("/api/me").status in (401, 403), "the thief")
    wait_until(lambda: front.gate.records(verdict="challenge"), 10, "the record of it")


def fill_in():
    """What a reader would put for the words in capitals, now."""
    listed = [json.loads(x) for x in front.gate.cli("session", "list", "--json").stdout.splitlines()]
    support = [r["support"] for r in front.gate.records(kind="decision") if r.get("support")]
    return {"SESSION": listed[0]["id"] if listed else None, "SUPPORT": support[-1] if support else None,
            "BACKUP": world.path("a-backup"), "HEAD": front.gate.cli("log", "head").stdout.strip().split()[0], "POLICY": STARTER}


def commands(page):
    """[(line number, command, status)] of a page's console boxes."""
    inside, found = False, []
    with open(os.path.join(SRC, "docs", page), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("```"):
                inside = line.strip() == "```console"
            elif inside and line.startswith("$ "):
                status = re.search(r"# status (\d)", line)
                found.append((number, line[2:].split("  #")[0].strip(), int(status.group(1)) if status else 0))
    return found


def run(page):
    found = commands(page)
    tap.check(len(found) >= 7, f"{len(found)} commands in {page}")
    for number, command, status in found:
        if "SESSION" in command and not front.gate.cli("session", "list", "--json").stdout.strip():
            work()
        words, into = shlex.split(command), None
        if ">" in words:
            into = world.path(words[words.index(">") + 1])
            words = words[:words.index(">")]
        values = fill_in() if KNOWN & set(words) else {}
        words = [values.get(w, w) for w in words]
        words = [front.gate.conf if w == "/etc/warifu/warifu.conf" else w for w in words]
        words = [world.path(w) if w == "log.jsonl" else w for w in words]
        tap.check(None not in words and not [w for w in words if re.fullmatch("[A-Z]{4,}", w)], f"{page}:{number}: {words}")
        done = subprocess.run([BIN, *words[1:]], capture_output=True, text=True, timeout=60, check=False, cwd=world.dir)
        if into:
            with open(into, "w", encoding="utf-8") as f:
                f.write(done.stdout)
        # a query that may find nothing says so with 1
        allowed = {0, status}
        tap.check(done.returncode in allowed, f"{page}:{number}: {command}: {done.returncode}\n{done.stdout[-500:]}{done.stderr[-500:]}")


@tap.case
def the_operators_commands_work():
    work()
    run("operators.md")


@tap.case
def the_auditors_commands_work():
    work()
    run("auditors.md")


tap.main()
