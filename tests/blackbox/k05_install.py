# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""make install DESTDIR=: what is put where, that it runs from there, and that the example fits the program."""
import os
import re
import subprocess

from lib import tap
from lib.world import SRC, World

WANTED = ["usr/sbin/warifu", "usr/share/man/man8/warifu.8", "usr/share/man/man5/warifu.conf.5", "usr/share/man/man5/warifu-policy.5",
          "usr/share/warifu/recipes/express-session.recipe", "usr/share/warifu/policy/wallet-console.policy",
          "usr/share/warifu/policy/wallet-console.case", "usr/share/doc/warifu/warifu.conf.example", "usr/share/doc/warifu/LICENSE-JA4",
          "lib/systemd/system/warifu.service", "usr/lib/sysusers.d/warifu.conf", "etc/warifu"]


def setup():
    global world, root
    world = World("install")
    root = world.path("root")
    variant = os.path.basename(os.environ.get("WARIFU_BUILD", "release"))
    san = variant[4:].replace("-", ",") if variant.startswith("san-") else ""
    done = subprocess.run(["make", "-s", "install", f"DESTDIR={root}", f"SAN={san}"], cwd=SRC, capture_output=True, text=True)
    tap.equal(done.returncode, 0, done.stderr)


def at(*parts):
    return os.path.join(root, *parts)


@tap.case
def everything_is_in_its_place_and_nothing_else_is_touched():
    for name in WANTED:
        tap.check(os.path.exists(at(name)), name)
    tap.equal(sorted(os.listdir(root)), ["etc", "lib", "usr"])
    tap.equal(os.stat(at("usr/sbin/warifu")).st_mode & 0o7777, 0o755)
    loose = [os.path.join(d, f) for d, _, names in os.walk(root) for f in names if os.stat(os.path.join(d, f)).st_mode & 0o022]
    tap.equal(loose, [])


@tap.case
def the_installed_program_runs_and_knows_its_policy():
    run = lambda *words: subprocess.run([at("usr/sbin/warifu"), *words], capture_output=True, text=True, timeout=60)
    tap.equal(run("--version").returncode, 0)
    done = run("policy", "test", at("usr/share/warifu/policy/wallet-console.policy"))
    tap.equal(done.returncode, 0, done.stderr)
    tap.check("FAIL" not in done.stdout, done.stdout)


@tap.case
def the_example_names_files_that_are_installed_and_has_no_other_fault():
    text = open(at("usr/share/doc/warifu/warifu.conf.example"), encoding="utf-8").read()
    recipes = re.findall(r'recipe "([^"]+)"', text)
    tap.check(recipes and all(os.path.exists(root + r) for r in recipes), recipes)
    folder = world.folder("etc")
    ca, cert, key = world.certs("wallet.example", "verify.example")
    pairs = [f'certificate "{os.path.join(os.path.dirname(cert), h)}.ec.pem" key "{os.path.join(os.path.dirname(cert), h)}.ec.key"'
             for h in ("wallet.example", "verify.example")]
    text = re.sub(r'certificate "[^"]+" key "[^"]+"', "\n    ".join(pairs), text).replace('recipe "/usr', f'recipe "{root}/usr')
    text = text.replace("/var/lib/warifu", world.folder("state")).replace("/run/warifu", world.folder("run"))
    text += f'\nportal {{\n    socket "{world.path("run", "portal.sock")}"\n}}\n'
    for port, free in ((":443", ":24443"), (":80\"", ":24080\"")):
        text = text.replace(port, free)
    if os.geteuid() == 0:
        text = re.sub(r'"warifu-(gate|scribe|portal|console)"', '"root"', text)
    path = os.path.join(folder, "warifu.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    done = subprocess.run([at("usr/sbin/warifu"), "check", "--no-probe", "-c", path], capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, 0, done.stderr)


@tap.case
def the_unit_and_the_users_fit_the_example():
    unit = open(at("lib/systemd/system/warifu.service"), encoding="utf-8").read()
    for line in re.findall(r"^Exec\w+=(\S+) (\w+)", unit, re.M):
        tap.check(os.path.exists(root + line[0]), line)
        tap.equal(subprocess.run([at("usr/sbin/warifu"), "help", line[1]], capture_output=True).returncode, 0, line)
    example = open(at("usr/share/doc/warifu/warifu.conf.example"), encoding="utf-8").read()
    users = set(re.findall(r'"(warifu-\w+)"', example))
    made = set(re.findall(r"^u (\S+)", open(at("usr/lib/sysusers.d/warifu.conf"), encoding="utf-8").read(), re.M))
    tap.equal(users, made)
    analyze = "/usr/bin/systemd-analyze"
    if os.path.exists(analyze):
        done = subprocess.run([analyze, "verify", "--man=no", f"--root={root}", "warifu.service"], capture_output=True, text=True)
        tap.check("Unknown" not in done.stderr, done.stderr)


if __name__ == "__main__":
    tap.main(setup, lambda: world.stop())
