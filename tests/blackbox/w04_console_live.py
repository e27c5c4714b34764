# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=180
"""The console of a running warifu: TLS with a client certificate for people, plain figures on loopback for monitors."""
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, block, site
from lib.world import World, free_ports, make_certs, wait_until

world = World("console")
app = start_express(world)
PAGES, FIGURES = free_ports(2)
PKI = world.folder("consolepki")
make_certs(PKI, ["127.0.0.1", "client:auditor"], world.user)


def at(name):
    return os.path.join(PKI, name)


front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")], extra=[block("console", [
    f'listen "127.0.0.1:{PAGES}"', f'certificate "{at("127.0.0.1.ec.pem")}"', f'key "{at("127.0.0.1.ec.key")}"',
    f'client-ca "{at("ca.pem")}"', f'monitor "127.0.0.1:{FIGURES}"', "host console.test"])])


def curl(path, *options, client=True):
    who = ["--cert", at("client-auditor.pem"), "--key", at("client-auditor.key")] if client else []
    done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", "--cacert", at("ca.pem"), *who, *options,
                           f"https://127.0.0.1:{PAGES}{path}"],
                          capture_output=True, text=True, timeout=30, check=False)
    body, _, code = done.stdout.rpartition("\n")
    return done.returncode, int(code or 0), body


def figures(path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{FIGURES}{path}", timeout=10) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def value(name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", figures("/metrics")[1], re.M)
    tap.check(found, f"no {name}")
    return float(found.group(1))


@tap.case
def without_a_client_certificate_nobody_sees_a_page():
    wait_until(lambda: curl("/")[1] == 200, 20, "the console")
    code, status, body = curl("/", client=False)
    tap.check(code != 0 and status == 0, f"curl {code}, status {status}: {body[:80]}")
    tap.check("wallet" in curl("/")[2], "the page names the site")


@tap.case
def the_name_of_the_settings_is_answered_and_another_is_not():
    tap.equal(curl("/", "-H", "Host: console.test")[1], 200, "console.test")
    tap.check(curl("/", "-H", "Host: evil.example")[1] in (400, 403, 421), "a rebound name")


@tap.case
def monitors_get_figures_and_no_pages():
    wait_until(lambda: figures("/readyz")[0] == 200, 20, "ready")
    tap.equal(figures("/healthz")[0], 200, "healthz")
    tap.equal(figures("/")[0], 404, "the page")
    owner = front.client()
    tap.equal(login_express(owner, "alice").status, 303, "login")
    tap.equal(owner.get("/api/me").status, 200, "read")
    wait_until(lambda: value('warifu_sessions{state="active"}') == 1, 10, "one session")
    wait_until(lambda: value("warifu_log_head_records") > 2, 10, "records")
    tap.check(value('warifu_requests_total{verdict="allow"}') >= 1, "allowed")
    tap.check(value('warifu_responses_total{status="2xx"}') >= 1, "responses")
    tap.equal(value('warifu_process_up{role="scribe"}'), 1, "scribe")


@tap.case
def a_scribe_that_stands_still_makes_it_unready():
    pid = front.gate.children()["scribe"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: figures("/readyz")[0] == 503, 30, "unready")
        tap.check('"scribe":"down"' in figures("/readyz")[1].replace(" ", ""), figures("/readyz")[1])
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: figures("/readyz")[0] == 200, 30, "ready again")


@tap.case
def a_console_that_is_killed_comes_back_and_nothing_else_notices():
    owner = front.client()
    tap.equal(login_express(owner, "alice").status, 303, "login")
    os.kill(front.gate.children()["console"], signal.SIGKILL)
    tap.equal(owner.get("/api/me").status, 200, "the owner works on")
    wait_until(lambda: value('warifu_child_restarts_total{role="console"}') >= 1, 20, "restart")
    tap.equal(curl("/")[1], 200, "the page")


def monitored(path):
    try:
        return figures(path)
    except OSError:
        return 0, ""


@tap.case
def a_reload_shows_in_the_console():
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text().replace("mode enforce", "mode observe"))
    front.gate.cli("reload")
    wait_until(lambda: "observe" in curl("/")[2].lower(), 20, "the site's new mode")
    wait_until(lambda: monitored("/readyz")[0] == 200, 20, "ready")


tap.main(teardown=world.stop)
