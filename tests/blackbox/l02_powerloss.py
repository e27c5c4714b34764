# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""Power loss at any moment keeps what was acknowledged; a full disk is said and loses nothing (design 2.2)."""
import os
import re
import subprocess

from lib import tap
from lib.world import BUILD

TOOL = os.path.join(BUILD, "tools", "powerloss")


def relay(*words, least):
    """Hand on the cases of the tool, which speaks TAP itself."""
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, check=False)
    seen = 0
    for line in done.stdout.splitlines():
        m = re.match(r"(not ok|ok) \d+ - (.*)", line)
        if m:
            seen += 1
            tap.run(m[2], tap.check, m[1] == "ok", "see above")
        elif line.startswith("#"):
            tap.note(line[1:].strip())
    tap.run(f"powerloss {words[0]} ran to its end", tap.equal, (done.returncode, done.stderr, seen >= least), (0, "", True))


relay(40, 3, least=3)
relay("--full", 5, least=1)
tap.finish()
