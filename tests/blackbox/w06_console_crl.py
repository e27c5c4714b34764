# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Revocation lists for clients of the console: who stands on one is out, and a list that is over or missing lets nobody in.

What is wrong is told by check, status, figures, an alarm and on standard error.
"""
import json
import os
import shutil
import subprocess
import time
import urllib.request

from lib import tap
from lib.backend import start_express
from lib.prometheus import parse
from lib.settings import Front, block, site
from lib.world import World, free_ports, make_certs, wait_until

world = World("crl")
app = start_express(world)
PAGES, FIGURES = free_ports(12)[10:]
PKI, OTHER = world.folder("consolepki"), world.folder("otherpki")
make_certs(PKI, ["127.0.0.1", "client:auditor", "client:leaver"], world.user)
LIST = os.path.join(PKI, "list.pem")


def at(name):
    return os.path.join(PKI, name)


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True).stdout


def asn1(t):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t))


def revocation_list(revoked=(), begin=-3600, end=86400, folder=PKI):
    """PEM of a list by the CA of this folder; times from now."""
    work = world.folder("ca")
    index = os.path.join(work, "index.txt")
    conf = world.write("ca/ca.conf", f"[ca]\ndefault_ca=d\n[d]\ndatabase={index}\nserial={work}/serial\nnew_certs_dir={work}\n"
                       "default_md=sha256\npolicy=p\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n[p]\ncommonName=supplied\n")
    for name, text in (("ca/index.txt", ""), ("ca/serial", "77\n")):
        world.write(name, text)
    ca = ["-config", conf, "-cert", os.path.join(folder, "ca.pem"), "-keyfile", os.path.join(folder, "ca.key")]
    for name in revoked:
        openssl("ca", *ca, "-revoke", at(f"client-{name}.pem"))
    out = os.path.join(work, "list")
    now = time.time()
    openssl("ca", *ca, "-gencrl", "-crl_lastupdate", asn1(now + begin), "-crl_nextupdate", asn1(now + end), "-out", out)
    with open(out, encoding="ascii") as f:
        return f.read()


def put(text):
    with open(LIST, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(LIST, 0o644)


def console(ca=None):
    return block("console", [f'listen "127.0.0.1:{PAGES}"', f'certificate "{at("127.0.0.1.ec.pem")}"', f'key "{at("127.0.0.1.ec.key")}"',
                             f'client-ca "{ca or at("ca.pem")}"', f'client-crl "{LIST}"', f'monitor "127.0.0.1:{FIGURES}"'])


put(revocation_list())
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")], extra=[console()])


def gets_in(name):
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", at("ca.pem"), "--cert",
                           at(f"client-{name}.pem"), "--key", at(f"client-{name}.key"), f"https://127.0.0.1:{PAGES}/"],
                          capture_output=True, text=True, timeout=30, check=False)
    return done.returncode == 0 and done.stdout == "200"


def takes(text):
    """A new list; waits for the console that has it."""
    put(text)
    mark = len(front.gate.log())
    before = front.gate.children().get("console")
    done = front.gate.cli("reload")
    wait_until(lambda: front.gate.children().get("console") not in (None, before), 20, "another console")
    wait_until(lambda: figures() is not None, 20, "its figures")
    return done.stdout, lambda: front.gate.log()[mark:]


def figures():
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{FIGURES}/metrics", timeout=10) as r:
            return parse(r.read().decode())[1]
    except OSError:
        return None


def status_line():
    return next(line for line in front.gate.cli("status").stdout.splitlines() if line.startswith("crl "))


def alarms():
    return [r["detail"] for r in front.gate.records(event="alarm") if LIST in r.get("detail", "")]


@tap.case
def who_is_on_the_list_is_out_after_a_reload_and_the_others_are_not():
    wait_until(lambda: gets_in("auditor"), 20, "the console")
    tap.check(gets_in("leaver"), "before the revocation")
    told, log = takes(revocation_list(["leaver"], end=90000))
    tap.contains(told, "revocation list")
    tap.check(gets_in("auditor"), "the other one")
    tap.check(not gets_in("leaver"), "the revoked one got in")
    wait_until(lambda: "a client certificate was refused: certificate revoked" in log(), 10, "the reason")
    tap.equal(figures()["warifu_console_crl_expiry_timestamp_seconds"] > time.time() + 86400, True)
    tap.check("ends in" in status_line() and "soon" not in status_line(), status_line())
    shown = json.loads(front.gate.cli("status", "--json").stdout)["revocation_lists"]
    tap.equal([(e["site"], e["file"]) for e in shown], [("(console)", LIST)])
    tap.equal(alarms(), [])


@tap.case
def a_list_that_is_over_refuses_everybody_and_says_so():
    _, log = takes(revocation_list(["leaver"], begin=-7200, end=-60))
    for name in ("auditor", "leaver"):
        tap.check(not gets_in(name), name)
    wait_until(lambda: "CRL has expired" in log(), 10, "the reason")
    checked = front.gate.cli("check", "--no-probe")
    line = next(n for n, text in enumerate(front.text().splitlines(), 1) if text.startswith("console {"))
    tap.contains(checked.stderr, f":{line}:")
    tap.contains(checked.stderr, f"the revocation list in {LIST} is over since")
    tap.contains(checked.stderr, "fetch a new one, then warifu reload")
    tap.contains(status_line(), "ENDED")
    wait_until(lambda: [d for d in alarms() if "is over since" in d], 10, "the alarm")
    takes(revocation_list(["leaver"]))
    tap.check(gets_in("auditor") and not gets_in("leaver"), "a new list")


@tap.case
def a_list_that_ends_while_warifu_runs_is_told_before_and_then_refuses():
    told = len(alarms())
    end = time.time() + 12
    takes(revocation_list(begin=-3600, end=12))
    tap.check(gets_in("leaver"), "taken off the list again")
    wait_until(lambda: [d for d in alarms()[told:] if "is over on" in d], 10, "the alarm before")
    tap.contains(front.gate.cli("check", "--no-probe").stderr, "is over on")
    wait_until(lambda: time.time() > end + 1 and not gets_in("auditor"), 30, "refused after its end")
    wait_until(lambda: [d for d in alarms()[told:] if "is over since" in d], 30, "the alarm after")
    takes(revocation_list())
    tap.check(gets_in("auditor"))


@tap.case
def a_list_of_tomorrow_refuses_and_check_names_the_clock():
    takes(revocation_list(begin=86400, end=2 * 86400))
    tap.check(not gets_in("auditor"))
    err = front.gate.cli("check", "--no-probe").stderr
    tap.check("is not valid before" in err and "look at the clock" in err, err)
    takes(revocation_list())
    tap.check(gets_in("auditor"))


def refused_settings(what, words, settings=None):
    """check and reload say it, and the console of before goes on."""
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(settings or front.text())
    for command in ("check", "reload"):
        done = front.gate.cli(command, check=False)
        tap.equal(done.returncode, 1, f"{what}: {command}")
        for word in words:
            tap.contains(done.stderr, word, f"{what}: {command}")
    tap.check(gets_in("auditor"), f"{what}: the console of before")
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(front.text())


@tap.case
def a_file_that_is_no_sound_list_is_an_error_that_changes_nothing():
    good = revocation_list(["leaver"])
    takes(good)
    damaged = good.splitlines()
    damaged[3] = damaged[3][::-1]
    for what, text in (("empty", ""), ("no list", open(at("ca.pem"), encoding="ascii").read()), ("cut", good[:len(good) // 2]), ("damaged", "\n".join(damaged) + "\n")):
        put(text)
        refused_settings(what, [LIST])
    os.unlink(LIST)
    refused_settings("missing", [LIST, "No such file"])
    tap.check(not gets_in("leaver"), "the revoked one meanwhile")
    put(good)


@tap.case
def every_authority_needs_a_list_that_it_signed_itself():
    # of the same name: an authority that changed its key
    make_certs(OTHER, ["visitor.test", "client:visitor"], world.user)
    for name in ("client-visitor.pem", "client-visitor.key"):
        shutil.copy(os.path.join(OTHER, name), at(name))
    both = at("both.pem")
    with open(both, "w", encoding="ascii") as f:
        for folder in (PKI, OTHER):
            with open(os.path.join(folder, "ca.pem"), encoding="ascii") as g:
                f.write(g.read())
    os.chmod(both, 0o644)
    two = front.text().replace(f'client-ca "{at("ca.pem")}"', f'client-ca "{both}"')
    tap.check(two != front.text())
    ours = revocation_list()
    put(revocation_list(folder=OTHER))  # the right name, and not the key
    refused_settings("of another authority", ["no revocation list that", "signed"])
    put(ours)
    refused_settings("one of two", ["no revocation list that", "signed"], two)
    with open(front.gate.conf, "w", encoding="utf-8") as f:
        f.write(two)
    takes(ours + revocation_list(folder=OTHER))
    tap.check(gets_in("auditor") and gets_in("visitor"), "both have a list")
    takes(ours + revocation_list(begin=-7200, end=-60, folder=OTHER))
    tap.check(not gets_in("visitor"), "the list of the second is over")
    tap.contains(front.gate.cli("check", "--no-probe").stderr, "is over since")


tap.main(teardown=world.stop)
