# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""What the console says of a running warifu is so: figures, readiness part by part, locks, backends, certificates."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from lib import tap
from lib.backend import login_express, start_express
from lib.prometheus import parse
from lib.settings import Front, block, site
from lib.world import World, descendants, free_ports, make_certs, wait_until

world = World("state")
app = start_express(world)
PAGES, FIGURES, DEAD = free_ports(12)[9:]  # beyond those that the gate will take
PKI = world.folder("consolepki")
make_certs(PKI, ["127.0.0.1", "client:auditor"], world.user)


def at(name):
    return os.path.join(PKI, name)


front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express"),
                      site("reports", "reports.test", [DEAD], recipe="express", mode="observe",
                           backend={"health-path": '"/healthz"', "health-interval": "2 s", "health-timeout": "1 s"})],
              extra=[block("console", [
                  f'listen "127.0.0.1:{PAGES}"', f'certificate "{at("127.0.0.1.ec.pem")}"',
                  f'key "{at("127.0.0.1.ec.key")}"', f'client-ca "{at("ca.pem")}"', f'monitor "127.0.0.1:{FIGURES}"'])])


def ask(path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{FIGURES}{path}", timeout=10) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except OSError:
        return 0, ""


def page(lang="en"):
    done = subprocess.run(["curl", "-s", "--cacert", at("ca.pem"), "--cert", at("client-auditor.pem"), "--key",
                           at("client-auditor.key"), f"https://127.0.0.1:{PAGES}/?lang={lang}"],
                          capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def parts():
    status, body = ask("/readyz")
    answer = json.loads(body)
    tap.equal(answer["ready"], status == 200, "status and body")
    tap.equal(answer["ready"], set(answer["parts"].values()) == {"ok"}, body)
    tap.equal(set(answer["parts"]), {"gate", "scribe", "log", "portal", "certificates"})
    return answer["parts"]


def ready():
    return ask("/readyz")[0] == 200 and set(parts().values()) == {"ok"}


def pid_of(role):
    for pid in descendants(front.gate.pid):
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            if f.read().strip() == role:
                return pid
    raise tap.Failure(f"no {role}")


def value(name):
    return parse(ask("/metrics")[1])[1].get(name)


@tap.case
def the_figures_of_a_warifu_at_work_are_well_formed():
    wait_until(ready, 30, "ready")
    c = front.client()
    tap.equal(login_express(c, "alice").status, 303, "login")
    for _ in range(20):
        tap.equal(c.get("/api/me").status, 200)
    tap.check(front.client().get("/api/me").status in (302, 401, 403), "a stranger")
    types, values = parse(ask("/metrics")[1])
    tap.check(len(types) > 50, f"{len(types)} families")
    for key in ('warifu_requests_total{verdict="allow"}', "warifu_decision_seconds_count", "warifu_log_commit_timestamp_seconds",
                'warifu_part_up{part="certificates"}', 'warifu_site_mode{site="reports",mode="observe"}',
                'warifu_process_alive_timestamp_seconds{role="portal"}'):
        tap.check(values.get(key, 0) > 0, f"{key} is {values.get(key)}")
    certs = [k for k in values if k.startswith("warifu_certificate_expiry_timestamp_seconds")]
    tap.check(len(certs) == 3, certs)
    own = values.get('warifu_certificate_expiry_timestamp_seconds{name="(console) 127.0.0.1.ec.pem"}', 0)
    tap.check(own > min(values[k] for k in certs) - 1, certs)
    tap.contains(page(), "(console) 127.0.0.1.ec.pem")


@tap.case
def each_part_that_stands_still_is_named():
    for role, unwell in (("gate", {"gate"}), ("scribe", {"scribe", "log"}), ("portal", {"portal"})):
        wait_until(ready, 40, f"ready before {role}")
        victim = pid_of(role)
        os.kill(victim, signal.SIGSTOP)
        try:
            wait_until(lambda: parts()[role] == "down", 40, f"{role} is down")
            tap.check({p for p, s in parts().items() if s != "ok"} <= unwell, parts())
            tap.equal(ask("/readyz")[0], 503)
            tap.equal(ask("/healthz")[0], 200, "the console itself is well")
            tap.contains(page(), "Not ready")
        finally:
            os.kill(victim, signal.SIGCONT)
    wait_until(ready, 40, "ready again")


@tap.case
def ready_means_that_a_login_works():
    c = front.client()
    tap.equal(login_express(c, "bob").status, 303, "login")


@tap.case
def locks_and_bypasses_are_shown_until_they_end():
    tap.check(re.search(r"Locks and bypasses</h2>\s*<p class=\"hint\">None", page()), "no lock yet")
    front.gate.cli("lock", "wallet", "sensitive", "--reason", "a test")
    front.gate.cli("bypass", "wallet", "--for", "30m", "--reason", "a test")
    wait_until(lambda: value('warifu_lock_until_timestamp_seconds{site="wallet",what="sensitive"}') == 0, 10, "the lock")
    wait_until(lambda: (value('warifu_lock_until_timestamp_seconds{site="wallet",what="bypass"}') or 0) > 1, 10, "the bypass")
    tap.equal(value('warifu_site_mode{site="wallet",mode="bypass"}'), 1)
    for lang, words in (("en", ("Locks and bypasses", "until unlocked", "bypass")), ("ja", ("ロックとバイパス", "解除するまで", "バイパス"))):
        text = page(lang)
        for word in words:
            tap.contains(text, word)
    front.gate.cli("unlock", "wallet", "sensitive")
    front.gate.cli("enforce", "wallet")
    wait_until(lambda: not any(k.startswith("warifu_lock_until") for k in parse(ask("/metrics")[1])[1]), 10, "none again")
    tap.equal(value('warifu_site_mode{site="wallet",mode="enforce"}'), 1)


@tap.case
def a_backend_that_does_not_answer_is_down():
    name = lambda site_name, port: f'warifu_upstream_up{{name="{site_name} http://127.0.0.1:{port}"}}'
    wait_until(lambda: value(name("reports", DEAD)) == 0, 20, "the dead backend")
    tap.equal(value(name("wallet", app.port)), 1)
    tap.contains(page(), f"reports http://127.0.0.1:{DEAD}")


@tap.case
def the_page_has_no_code_of_its_own_and_is_no_ones_to_read():
    head = subprocess.run(["curl", "-s", "-o", "/dev/null", "-D", "-", "--cacert", at("ca.pem"), "--cert",
                           at("client-auditor.pem"), "--key", at("client-auditor.key"), "-H", "Origin: https://evil.example",
                           f"https://127.0.0.1:{PAGES}/"], capture_output=True, text=True, timeout=30, check=True).stdout.lower()
    tap.contains(head, "content-security-policy: default-src 'none'")
    tap.contains(head, "cache-control: no-store")
    tap.check("access-control-" not in head, "a CORS field")
    tap.check("<script" not in page() and "style=" not in page(), "inline code")


@tap.case
def a_certificate_that_has_expired_makes_it_unready():
    folder = os.path.dirname(front.cert)
    expired = os.path.join(folder, "expired.pem")
    expire(folder, expired)
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text().replace(f'"{front.cert}"', f'"{expired}"'))
    front.gate.cli("reload")
    wait_until(lambda: ask("/readyz")[0] == 503 and parts()["certificates"] == "expired", 30, "expired")
    tap.contains(page(), "expired")
    tap.contains(page("ja"), "期限切れ")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text())
    front.gate.cli("reload")
    wait_until(ready, 30, "ready again")


def told_of(settings):
    """What `check` says of these settings, and what status, alarms and readiness say once they are taken."""
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(settings)
    checked = front.gate.cli("check", "--no-probe").stderr
    front.gate.cli("reload")
    status = [line for line in front.gate.cli("status").stdout.splitlines() if "(console)" in line]
    tap.equal(len(status), 1, "lines of status")
    return checked, status[0]


@tap.case
def the_consoles_own_certificate_is_watched_like_a_sites():
    mine, key = at("127.0.0.1.ec.pem"), at("127.0.0.1.ec.key")
    line = next(n for n, text in enumerate(front.text().splitlines(), 1) if text.startswith("console {"))
    checked, status = told_of(front.text())
    tap.check("console: " not in checked and "ends in" in status and "soon" not in status, checked + status)
    now = time.time()
    for name, start, end, words, level, state in (
            ("over", "20200101000000Z", "20210101000000Z", "expired on 2021-01-01", "ENDED", "expired"),
            ("soon", "20200101000000Z", asn1(now + 5 * 86400 + 60), "in 5 days", "<- soon", "ok"),
            ("later", asn1(now + 86400), asn1(now + 90 * 86400), "is not valid before", "ends in", "ok")):
        other = at(f"{name}.pem")
        leaf(PKI, at("ca.pem"), key, "127.0.0.1", "IP:127.0.0.1", (start, end), other)
        checked, status = told_of(front.text().replace(f'"{mine}"', f'"{other}"'))
        tap.check(re.search(rf":{line}:\d+: warning: console: {re.escape(other)} .*{words}", checked), checked)
        tap.contains(status, level)
        tap.contains(status, f"{name}.pem")
        wait_until(lambda want=state: ask("/readyz")[0] and parts()["certificates"] == want, 30, f"{name}: {state}")
        wait_until(lambda want=state: value("warifu_certificate_problems") == (want == "expired"), 10, "the figure")
        told = lambda file=other: [r for r in front.gate.records(event="alarm") if f"{file} of site (console)" in r["detail"]]
        if name == "later":
            tap.equal(told(), [])
        else:
            wait_until(lambda: len(told()) == 1, 10, "the alarm")
    told_of(front.text())
    wait_until(ready, 30, "ready again")


@tap.case
def a_console_that_could_not_start_is_an_error_of_check_and_reload():
    for old, new in ((at("127.0.0.1.ec.key"), at("client-auditor.key")), (at("ca.pem"), front.gate.conf)):
        with open(front.gate.conf, "w", encoding="utf-8") as f:
            f.write(front.text().replace(f'"{old}"', f'"{new}"'))
        for command in ("check", "reload"):
            done = front.gate.cli(command, check=False)
            tap.equal(done.returncode, 1, f"{command} with {new} for {old}")
            tap.contains(done.stderr, "console: ")
    tap.check(ready() and page(), "the console of before goes on")


def asn1(t):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t))


def expire(folder, out):
    """The first site's leaf again, with the same key, over since years."""
    leaf(folder, front.ca, front.key, "wallet.test", "DNS:wallet.test", ("20200101000000Z", "20210101000000Z"), out)


def leaf(folder, ca, key, subject, san, dates, out):
    ext = os.path.join(folder, "expired.ext")
    with open(ext, "w", encoding="ascii") as f:
        f.write(f"[x]\nsubjectAltName={san}\nextendedKeyUsage=serverAuth\n[ca]\ndefault_ca=d\n[d]\n"
                f"database={folder}/index.txt\nserial={folder}/serial.txt\nnew_certs_dir={folder}\ndefault_md=sha256\n"
                "policy=p\ncopy_extensions=none\n[p]\ncommonName=supplied\n")
    for name, text in (("index.txt", ""), ("serial.txt", "77\n")):
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
    run("req", "-new", "-key", key, "-subj", f"/CN={subject}", "-out", f"{folder}/expired.csr")
    run("ca", "-batch", "-config", ext, "-in", f"{folder}/expired.csr", "-cert", ca, "-keyfile",
        os.path.join(folder, "ca.key"), "-extensions", "x", "-startdate", dates[0], "-enddate",
        dates[1], "-notext", "-out", out)
    os.chmod(out, 0o644)


tap.main(teardown=world.stop)
