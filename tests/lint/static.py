# SPDX-License-Identifier: Apache-2.0
# warifu-test: full
# warifu-test: heavy
# warifu-test: timeout=3000
"""cppcheck, clang-tidy and gcc's analyser over the product, each file once per content.

What a tool says of a file is kept under build/lint, named by the hash of the file, of all our headers
that it reaches and of the tool's settings; an unchanged file costs nothing. Findings that are wrong stand in
static.allow, a line each: TOOL FILE CHECK: reason. An entry that excuses nothing any more is an error.
"""
import fnmatch
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from lib import tap
from lint import _files as files

CACHE = os.path.join(files.SRC, "build", "lint")
ALLOW = "tests/lint/static.allow"
PER_FILE = 240  # seconds, then the tool counts as failed on it
COMPILE = [f for f in files.CFLAGS if f != "-Werror"]
TOOLS = {
    "cppcheck": ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--std=c11",
                 "--language=c", "-I.", "-D_GNU_SOURCE", "--inline-suppr", "--suppress=missingIncludeSystem",
                 "--suppress=normalCheckLevelMaxBranches", "--suppress=unmatchedSuppression",
                 "--template={file}:{line}: {id}: {message}"],
    "clang-tidy": ["clang-tidy", "--quiet"],
    "analyzer": ["gcc", *COMPILE, "-O1", "-fanalyzer", "-fdiagnostics-plain-output", "-c", "-o", "/dev/null"],
}


def command_for(tool, name):
    tail = [name, "--", *COMPILE] if tool == "clang-tidy" else [name]
    return TOOLS[tool] + tail


def key_of(tool, name):
    digest = hashlib.sha256(json.dumps(command_for(tool, name)).encode())
    for part in [".clang-tidy"] + sorted(files.closure(name)):
        digest.update(part.encode() + b"\0" + files.read(part).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def findings(tool, text):
    """[(file, line, check, message)] in each tool's own way of saying it."""
    found = []
    for line in text.splitlines():
        if tool == "cppcheck":
            m = re.match(r"([^:\s]+):(\d+): (\w+): (.*)", line)
            m = m and (m.group(1), m.group(2), m.group(3), m.group(4))
        else:
            m = re.match(r"([^:\s]+):(\d+):\d+: (?:warning|error): (.*) \[([\w.,=-]+)\]$", line)
            m = m and (m.group(1), m.group(2), m.group(4), m.group(3))
        if m:
            path = os.path.relpath(os.path.join(files.SRC, m[0]), files.SRC)
            if tool == "analyzer" and not m[2].startswith("-Wanalyzer"):
                continue  # plain warnings are the build's matter
            if path.startswith(files.PRODUCT):
                found.append((path, int(m[1]), m[2].split(",")[0].removeprefix("-W"), m[3]))
    return found


def look(tool, name):
    """Findings of one tool in one file, from the cache if nothing changed."""
    path = os.path.join(CACHE, f"{tool}-{key_of(tool, name)}.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            return [tuple(x) for x in json.load(f)], True
    try:
        done = subprocess.run(command_for(tool, name), cwd=files.SRC, capture_output=True, text=True,
                              timeout=PER_FILE)
    except subprocess.TimeoutExpired:
        return [(name, 0, "timeout", f"no answer within {PER_FILE} s")], False
    found = findings(tool, done.stdout + done.stderr)
    if done.returncode != 0 and not found:
        return [(name, 0, "failed", (done.stderr or done.stdout).strip()[:600])], False
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(found, f)
    os.replace(path + ".new", path)
    return found, False


def allowed():
    """[(tool, file, check, reason)]; lines without a reason are refused."""
    entries = []
    for number, line in enumerate(files.read(ALLOW).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            m = re.match(r"(\S+) (\S+) (\S+): (\S.{9,})$", line)
            tap.check(m, f"{ALLOW}:{number}: wants TOOL FILE CHECK: reason")
            entries.append(m.groups())
    return entries


used = set()


def excused(tool, finding, entries):
    for i, (t, path, check, _) in enumerate(entries):
        if t == tool and fnmatch.fnmatch(finding[0], path) and fnmatch.fnmatch(finding[2], check):
            used.add(i)
            return True
    return False


def run_tool(tool):
    if not shutil.which(TOOLS[tool][0]):
        tap.skip(f"{TOOLS[tool][0]} is not installed here")
    os.makedirs(CACHE, exist_ok=True)
    names, start = files.product(".c"), time.monotonic()
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda n: look(tool, n), names))
    entries = allowed()
    bad = sorted({f for found, _ in results for f in found if not excused(tool, f, entries)})
    fresh = sum(1 for _, cached in results if not cached)
    tap.note(f"{len(names)} files, {fresh} looked at anew in {time.monotonic() - start:.0f} s")
    for path, line, check, message in bad[:80]:
        tap.note(f"{path}:{line}: {check}: {message}")
    tap.check(not bad, f"{len(bad)} findings")


for tool_name in TOOLS:
    tap.run(f"{tool_name}_finds_nothing", run_tool, tool_name)


def every_exception_is_still_needed():
    stale = [" ".join(e[:3]) for i, e in enumerate(allowed()) if i not in used]
    tap.check(not stale, f"excuses nothing: {stale}")


tap.run("every_exception_is_still_needed", every_exception_is_still_needed)
tap.finish()
