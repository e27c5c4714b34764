# SPDX-License-Identifier: Apache-2.0
"""warifu-policy(5) in the tree is what policy/signal.def says, and is a manual page."""
import shutil
import subprocess
import sys

from lib import tap
from lint import _files as files


@tap.case
def the_signals_in_the_manual_are_those_of_the_table():
    done = subprocess.run([sys.executable, "tests/lint/gen_policy_man.py", "--check"], cwd=files.SRC,
                          capture_output=True, text=True)
    tap.check(done.returncode == 0, "run tests/lint/gen_policy_man.py: " + done.stdout + done.stderr)


@tap.case
def the_page_formats_without_a_warning():
    if shutil.which("man") is None:
        tap.skip("man is not installed")
    done = subprocess.run(["man", "--warnings", "-l", "docs/man/warifu-policy.5"], cwd=files.SRC, capture_output=True,
                          text=True, env={"MANROFFSEQ": "", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANWIDTH": "100"})
    tap.equal(done.stderr, "")
    tap.contains(done.stdout, "place.country")


tap.main()
