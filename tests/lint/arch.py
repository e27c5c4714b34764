# SPDX-License-Identifier: Apache-2.0
"""docs/ARCHITECTURE.md does not rot: what it names in backticks stands in the tree."""
import os
import re
import subprocess

from lib import tap
from lint import _files as files

DOC = "docs/ARCHITECTURE.md"


def names_in_sources():
    """Functions, structs, enums, macros and table rows of the product, and its steps."""
    done = subprocess.run(["ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=fpsegdtu", "-f", "-", "-x",
                           "--_xformat=%N", "-L", "-"], input="\n".join(files.product(".c", ".h")), text=True,
                          capture_output=True, cwd=files.SRC)
    tap.check(done.returncode == 0, f"ctags: {done.stderr}")
    names = set(done.stdout.split())
    for table in files.product(".def"):
        names |= set(re.findall(r"\b\w+\b", files.without_comments(files.read(table))))
    return names


def quoted():
    """Every word in backticks outside of code blocks."""
    text = re.sub(r"^```.*?^```", "", files.read(DOC), flags=re.S | re.M)
    return sorted(set(re.findall(r"`([^`\n]+)`", text)))


def missing_paths(words):
    """Words with a slash are paths; a glob must match something; `.c`, `.h` may be left off."""
    everything = files.all_files()
    folders = {os.path.dirname(n) + "/" for n in everything}
    folders |= {f"{p}/" for f in list(folders) for p in [f.rstrip("/").rsplit("/", 1)[0]]}
    bad = []
    for word in words:
        if not re.fullmatch(r"[\w.*-]+(/[\w.*-]+)*/?", word) or "/" not in word:
            continue
        top = word.split("/")[0]
        if not os.path.isdir(os.path.join(files.SRC, top)):
            continue
        pattern = re.compile(re.escape(word.rstrip("/")).replace(r"\*", r"[^/]*") + r"(/|$|\.[ch]$)")
        if not any(pattern.match(n) for n in everything) and word not in folders:
            bad.append(word)
    return bad


@tap.case
def the_page_exists():
    tap.check(os.path.isfile(os.path.join(files.SRC, DOC)), f"{DOC} is missing")


@tap.case
def every_function_it_names_exists():
    names = names_in_sources()
    words = [w for w in quoted() if re.fullmatch(r"(struct |enum )?[a-z]\w*_\w+(\(\))?", w)]
    bad = [w for w in words if w.removesuffix("()").split(" ")[-1] not in names]
    tap.note(f"{len(words)} names")
    tap.check(not bad, f"not in the sources: {bad}")
    tap.check(len(words) >= 10, "a page that leads a newcomer names functions")


@tap.case
def every_file_it_names_exists():
    bad = missing_paths(quoted())
    tap.check(not bad, f"not in the tree: {bad}")


tap.main()
