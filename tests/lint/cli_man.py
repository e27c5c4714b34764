# SPDX-License-Identifier: Apache-2.0
"""warifu(8) has a section for every command, its words and options, and for none that is not there."""
import os
import re
import subprocess

from lib import tap
from lint import _files as files

TABLE = open(os.path.join(files.SRC, "proxy/main/commands.def"), encoding="utf-8").read()
PAGE = open(os.path.join(files.SRC, "docs/man/warifu.8"), encoding="utf-8").read()
ROWS = [(name, usage.replace('"\n    "', "")) for name, usage in
        re.findall(r'^COMMAND\("(\w+)", \w+, ".*?",\n    (".*?")\)$', TABLE, re.M | re.S)]


def section(name):
    found = re.search(rf"^\.SS {name}\n(.*?)(?=^\.S[SH] )", PAGE, re.M | re.S)
    return found.group(1).replace("\\-", "-") if found else None


@tap.case
def every_command_has_a_section_and_every_section_a_command():
    tap.check(len(ROWS) >= 12, ROWS)
    tap.equal([n for n, _ in ROWS if section(n) is None], [])
    tap.equal(set(re.findall(r"^\.SS (\w+)$", PAGE, re.M)), {n for n, _ in ROWS})


@tap.case
def every_subcommand_and_option_is_in_its_section():
    missing = []
    for name, usage in ROWS:
        text = section(name)
        words = set(re.findall(rf"warifu {name} (?:\[-c FILE\] )?([a-z]+)\b", usage)) | set(re.findall(r"--[a-z-]+", usage))
        words -= {"--facts", "--fact", "--lang", "--cases", "--format", "--head"}  # warifu-policy(5), warifu help log
        missing += [f"{name}: {w}" for w in sorted(words) if w not in text]
    tap.equal(missing, [])


@tap.case
def the_page_is_well_formed():
    if not any(os.access(os.path.join(p, "man"), os.X_OK) for p in ("/usr/bin", "/bin")):
        tap.skip("there is no man here")
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", os.path.join(files.SRC, "docs/man/warifu.8")],
                          capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
    tap.equal((done.returncode, done.stderr), (0, ""))
    tap.contains(re.sub(".\b", "", done.stdout), "EXIT STATUS")


tap.main()
