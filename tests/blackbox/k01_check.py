# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""`warifu check`: every fault in one run, with its place; and golden cases at start and reload."""
import json
import os
import re
import socket
import subprocess

from lib import tap
from lib.settings import OPEN_ALL, Front, site
from lib.world import BIN, World, free_port, wait_until

POLICY = '''policy "small" {
\tdefault allow
\trule A "Withdrawals are refused." {
\t\twhen request.class = sensitive
\t\tthen refuse
\t}
}
'''
CASES = '''case "a withdrawal" {
\trequest.class = sensitive
\texpect refuse by A
}
'''


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def setup():
    global world, front
    world = World("check")
    front = Front(world, [site("wallet", "wallet.test", free_port(), lines=OPEN_ALL)], start=False)


def check(conf, *more):
    done = subprocess.run([BIN, "check", "-c", conf, *more], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def conf(name, change=lambda t: t):
    return world.write(name, change(front.text()))


def policed(name, cases=CASES, policy=POLICY, word=""):
    path = world.write(f"{name}.policy", policy)
    world.write(f"{name}.case", cases)
    return conf(f"{name}.conf", lambda t: t.replace("policy starter", f'policy "{path}"{word}'))


@tap.case
def good_settings_would_start():
    code, out, err = check(conf("good.conf"), "--no-probe")
    tap.equal(code, 0, err)
    tap.contains(out, "1 site, no errors")
    tap.contains(out, "would start")


@tap.case
def every_fault_of_settings_policy_and_certificates_is_named_in_one_run():
    policy = world.write("bad.policy", 'policy "x" {\n\tdefault allow\n\trule A "s" {\n\t\twhen reqest.class = sensitive\n'
                         '\t\tthen refuse\n\t}\n\trule B "t" {\n\t\twhen request.class = 5\n\t\tthen refuse\n\t}\n}\n')
    cert = world.write("broken.pem", "no certificate\n")
    recipe = world.write("bad.recipe", "credential cooky sid\n")

    def spoil(t):
        t = t.replace("policy starter", f'policy "{policy}"\n\trecipe "{recipe}"\n\tcolour red')
        t = re.sub(r'certificate "[^"]*"', f'certificate "{cert}"', t)
        return t.replace("threads 2", "threads two")
    path = conf("faults.conf", spoil)
    code, _, err = check(path, "--no-probe")
    tap.equal(code, 1)
    line = 1 + text(path).split("threads two")[0].count("\n")
    tap.contains(err, f"{path}:{line}:9: error")
    tap.contains(err, f"{recipe}:1:12: error")
    tap.contains(err, f"{policy}:4:8: error")
    tap.check(re.search(re.escape(policy) + r":8:\d+: error", err), err)
    tap.contains(err, "broken.pem")
    line = 1 + text(path).split("colour")[0].count("\n")
    tap.contains(err, f"{path}:{line}:")
    tap.contains(err, "would not start")
    code, out, _ = check(path, "--no-probe", "--json")
    tap.equal(code, 1)
    found = json.loads(out)
    tap.equal(found["ok"], False)
    tap.equal(sorted(e["line"] for e in found["errors"] if e["file"] == policy), [4, 8])


@tap.case
def each_bad_certificate_is_named_at_its_statement():
    first, second = world.write("one.pem", "x\n"), world.write("two.pem", "y\n")
    other = site("other", "other.test", free_port(), lines=OPEN_ALL)
    pair = f'certificate "{front.cert}" key "{front.key}"'
    whole = front.text() + "\n" + other(front.cert, front.key) + "\n"
    parts = whole.split(pair)
    tap.equal(len(parts), 3)
    path = world.write("certs.conf", parts[0] + pair.replace(front.cert, first, 1) + parts[1]
                       + pair.replace(front.cert, second, 1) + parts[2])
    code, _, err = check(path, "--no-probe")
    tap.equal(code, 1)
    for name in ("one.pem", "two.pem"):
        tap.check(re.search(r"certs.conf:\d+:\d+: error: .*" + name, err), err)


@tap.case
def what_run_would_stumble_over_is_an_error():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    path = conf("taken.conf", lambda t: t.replace(f"127.0.0.1:{front.port}", "127.0.0.1:%d" % taken.getsockname()[1]))
    code, _, err = check(path, "--no-probe")
    taken.close()
    tap.equal(code, 1, err)
    tap.contains(err, "Address already in use")
    tap.contains(err, "ss -ltnp")
    state = world.path("plain-file")
    world.write("plain-file", "")
    path = conf("folder.conf", lambda t: re.sub(r'^state ".*"', f'state "{state}"', t, flags=re.M))
    code, _, err = check(path, "--no-probe")
    tap.equal(code, 1, err)
    tap.contains(err, "is no folder")
    if os.geteuid() == 0:
        path = conf("users.conf", lambda t: t.replace("gate root", "gate nobody-of-that-name"))
        code, _, err = check(path, "--no-probe")
        tap.equal(code, 1, err)
        tap.contains(err, "nobody-of-that-name")


@tap.case
def warnings_do_not_stop_a_start():
    path = conf("warn.conf", lambda t: t.replace("mode enforce", "mode observe")
                .replace("site wallet {", "site wallet {\n\tsession {\n\t\tadopt until 2036-01-01\n\t}"))
    code, _, err = check(path, "--no-probe")
    tap.equal(code, 0, err)
    for words in ("no portal host", "observe mode", "2036-01-01"):
        tap.contains(err, words)
    tap.check("what to do:" in err, err)


def own_address():
    """An address of this machine that is not loopback, or None."""
    listed = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    return next((a for a in listed if ":" not in a), None)


@tap.case
def a_backend_that_answers_around_warifu_is_told():
    address = own_address()
    if address is None:
        tap.skip("this machine has no address but loopback")
    open_to_all, local = socket.socket(), socket.socket()
    open_to_all.bind(("0.0.0.0", 0))
    local.bind(("127.0.0.1", 0))
    for s in (open_to_all, local):
        s.listen()
    port = open_to_all.getsockname()[1]
    with_port = lambda n: lambda t: re.sub(r'server "http://127.0.0.1:\d+"', f'server "http://127.0.0.1:{n}"', t)
    code, _, err = check(conf("around.conf", with_port(port)))
    tap.equal(code, 0, err)
    tap.contains(err, f"answers at {address}:{port}, around warifu")
    tap.check("around warifu" not in check(conf("around.conf", with_port(port)), "--no-probe")[2], "probed all the same")
    code, _, err = check(conf("local.conf", with_port(local.getsockname()[1])))
    tap.check("around warifu" not in err, err)
    path = conf("url.conf", lambda t: with_port(local.getsockname()[1])(t).replace(
        "backend {", f'backend {{\n\t\tprobe-around "http://{address}:{port}/"'))
    tap.contains(check(path)[2], f"answers at {address}:{port}, around warifu")
    for s in (open_to_all, local):
        s.close()


@tap.case
def a_policy_that_fails_a_golden_case_is_an_error_with_its_line():
    code, _, err = check(policed("passes"), "--no-probe")
    tap.equal(code, 0, err)
    code, _, err = check(policed("fails", CASES.replace("refuse by A", "allow")), "--no-probe")
    tap.equal(code, 1)
    tap.check(re.search(r"fails\.case:\d+:\d+: error", err), err)
    named = world.write("elsewhere.case", CASES.replace("refuse by A", "allow"))
    code, _, err = check(policed("named", word=f' cases "{named}"'), "--no-probe")
    tap.equal(code, 1)
    tap.contains(err, "elsewhere.case")


@tap.case
def a_failed_golden_case_refuses_the_start():
    path = policed("nostart", CASES.replace("refuse by A", "allow"))
    done = subprocess.run([BIN, "run", "-c", path], capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "nostart.case")


@tap.case
def a_failed_golden_case_refuses_the_reload_and_changes_nothing():
    path = policed("live")
    gate = world.gate(text(path), [front.port], name="live2")
    case = world.path("live.case")
    case = world.path("live.case")
    before = [r["policy"] for r in [json.loads(line) for line in gate.cli("log", "export", "--format", "jsonl").stdout.splitlines()]
              if r.get("policy")]
    with open(case, "w", encoding="utf-8") as f:
        f.write(CASES.replace("refuse by A", "allow"))
    done = gate.cli("reload", check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "live.case")
    wait_until(lambda: gate.records(event="reload_refused"), what="record of the refusal")
    with open(case, "w", encoding="utf-8") as f:
        f.write(CASES)
    tap.equal(gate.cli("reload").returncode, 0)
    done = gate.cli("check", "--no-probe", check=False)
    tap.equal(done.returncode, 0, "its own ports stand in the way: " + done.stderr)
    gate.stop()


@tap.case
def wrong_words_end_with_two_and_a_hint():
    def run(*words):
        done = subprocess.run([BIN, *words], capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout, done.stderr
    tap.equal(run()[0], 2)
    code, _, err = run("sesion", "list")
    tap.equal(code, 2)
    tap.contains(err, '"session"')
    code, _, err = run("check", "--no-prob")
    tap.equal(code, 2)
    tap.contains(err, "--no-probe")
    code, out, _ = run("help", "bypass")
    tap.equal(code, 0)
    tap.contains(out, "--for")
    tap.equal(run("bypass", "--help")[0], 0)
    code, out, _ = run("--version")
    tap.equal(code, 0)
    tap.check(re.match(r"warifu \d+\.\d+", out), out)


if __name__ == "__main__":
    tap.main(setup, lambda: world.stop())
