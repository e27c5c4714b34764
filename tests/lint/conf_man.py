# SPDX-License-Identifier: Apache-2.0
"""warifu.conf(5) in the tree is what proxy/conf/conf.def says."""
import subprocess
import sys

from lib import tap
from lint import _files as files


@tap.case
def the_manual_page_is_what_the_table_says():
    done = subprocess.run([sys.executable, "tests/lint/gen_conf_man.py", "--check"], cwd=files.SRC,
                          capture_output=True, text=True)
    tap.check(done.returncode == 0, "run tests/lint/gen_conf_man.py: " + done.stdout + done.stderr)


tap.main()
