# SPDX-License-Identifier: Apache-2.0
"""What the lint tests share: which files are ours, and their includes."""
import os
import re
import subprocess

SRC = os.environ.get("WARIFU_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WARIFU_BUILD", os.path.join(SRC, "build", "release"))
PRODUCT = ("policy/", "certs/", "proxy/")
# The dialect and the warnings of the Makefile.
CFLAGS = ["-I.", "-D_GNU_SOURCE", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion",
          "-Wsign-conversion", "-Wcast-qual", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla",
          "-Wformat=2", "-Wundef", "-Werror"]

# Level of each module. A file may include its own module and modules of lower levels.
LEVEL = {
    "policy": 0, "certs": 0, "proxy/base": 0,
    "proxy/wire": 1,
    "proxy/conf": 2, "proxy/audit": 2, "proxy/device": 2, "proxy/place": 2,
    "proxy/session": 3, "proxy/http": 3, "proxy/net": 3,
    "proxy/gate": 4, "proxy/web": 4,
    "proxy/main": 5,
}


def all_files():
    """Every file that belongs to the project (known to git or not ignored by it)."""
    done = subprocess.run(["git", "-C", SRC, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True)
    if done.returncode == 0:
        names = {n for n in done.stdout.decode("utf-8", "surrogateescape").split("\0") if n}
        return sorted(n for n in names if os.path.isfile(os.path.join(SRC, n)))
    found = []
    for folder, folders, files in os.walk(SRC):
        folders[:] = [d for d in folders if d not in ("build", ".git", "node_modules", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, f), SRC) for f in files]
    return sorted(found)


def module_of(name):
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "proxy" else parts[0]


def product(*endings):
    return [n for n in all_files() if n.startswith(PRODUCT) and n.endswith(endings)]


def read(name):
    with open(os.path.join(SRC, name), encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def includes(name):
    """[(line number, 'quote' or 'angle', what)] of a C file."""
    found = []
    for number, line in enumerate(read(name).split("\n"), 1):
        m = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if m:
            found.append((number, "quote" if m.group(1) else "angle", m.group(1) or m.group(2)))
    return found


def without_comments(text):
    """C text with comments and the insides of literals blanked; line numbers stay."""
    def blank(m):
        token = m.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def closure(name, seen=None):
    """The file and all project headers it reaches."""
    seen = set() if seen is None else seen
    if name in seen or not os.path.isfile(os.path.join(SRC, name)):
        return seen
    seen.add(name)
    for _, kind, what in includes(name):
        if kind == "quote":
            closure(what, seen)
    return seen
