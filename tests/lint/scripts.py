# SPDX-License-Identifier: Apache-2.0
"""Scripts at least parse: Python, shell, JavaScript, Perl; the lock file names no host."""
import os
import shutil
import subprocess

from lib import tap
from lint import _files as files


def parses(command, names):
    bad = []
    for name in names:
        done = subprocess.run(command + [name], cwd=files.SRC, capture_output=True, text=True)
        if done.returncode != 0:
            bad.append(name)
            tap.note(f"{name}: {done.stderr[-600:]}")
    tap.check(not bad, f"{len(bad)} of {len(names)}")


def named(ending):
    return [n for n in files.all_files() if n.endswith(ending)]


@tap.case
def python_parses_without_warnings():
    bad = []
    for name in named(".py"):
        try:
            compile(files.read(name), name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as e:
            bad.append(f"{name}: {e}")
    for line in bad:
        tap.note(line)
    tap.check(not bad, f"{len(bad)} files")


@tap.case
def shell_parses():
    for name in named(".sh"):
        shell = "bash" if "bash" in files.read(name).split("\n")[0] else "sh"
        parses([shell, "-n"], [name])


@tap.case
def shell_scripts_stop_at_errors():
    bad = [n for n in named(".sh") if "set -eu" not in files.read(n)]
    tap.check(not bad, f"no `set -eu`: {bad}")


@tap.case
def javascript_parses():
    if not shutil.which("node"):
        tap.skip("node is not installed here")
    parses(["node", "--check"], named(".js"))


@tap.case
def perl_parses():
    scripts = named(".pl")
    for name in scripts:
        if "MaxMind" in files.read(name) and not os.path.isdir("/usr/share/perl5/MaxMind"):
            tap.skip("libmaxmind-db-writer-perl is not installed here")
    parses(["perl", "-c"], scripts)


@tap.case
def lock_files_name_no_host():
    bad = [n for n in named("package-lock.json") if "://" in files.read(n)]
    tap.check(not bad, f"hosts in {bad}")


tap.main()
