# SPDX-License-Identifier: Apache-2.0
"""Calls we do not use, state we do not keep, and marks that must or must not stand in files.

An exception is written on the line itself: `/* lint: WHAT: reason */`, WHAT being the rule's
name; without a reason it is none.
"""
import os
import re
import socket
import subprocess
import tempfile

from lib import tap
from lint import _files as files
from lint._files import LEVEL, module_of

CALLS = {
    "strings": r"strcpy|strcat|sprintf|vsprintf|gets|strtok|strncpy|strncat",
    "numbers": r"atoi|atol|atoll|atof",
    "memory": r"alloca|strdupa",
    "shell": r"system|popen",
    "temp": r"tmpnam|tempnam|mktemp",
    "jumps": r"setjmp|longjmp|sigsetjmp|siglongjmp",
    "random": r"rand|srand|random|srandom|rand_r|drand48",
}
# Below proxy/net, time and randomness come in as parameters; proxy/base has the one wrapper of each.
CLOCK = r"time|clock_gettime|gettimeofday|clock|sleep|usleep|nanosleep"
DICE = r"getrandom|getentropy|RAND_bytes|RAND_priv_bytes"
TEXT = (".c", ".h", ".def", ".py", ".js", ".sh", ".md", ".css", ".html", ".pl", ".policy", ".recipe", ".conf", ".sql",
        ".1", ".5", ".7", ".8", "Makefile")


def excused(line, rule):
    return re.search(r"lint: " + rule + r": \S.{7,}", line) is not None


def find_calls(names, pattern, rule):
    bad, call = [], re.compile(r"(?<![\w.>])(" + pattern + r")\s*\(")
    for name in names:
        text = files.read(name)
        lines = text.split("\n")
        for number, code in enumerate(files.without_comments(text).split("\n"), 1):
            m = call.search(code)
            if m and not excused(lines[number - 1], rule):
                bad.append(f"{name}:{number}: {m.group(1)}() ({rule})")
    return bad


def report(bad):
    for line in bad[:60]:
        tap.note(line)
    tap.check(not bad, f"{len(bad)} places")


@tap.case
def no_forbidden_calls():
    names = files.product(".c", ".h") + [n for n in files.all_files() if n.startswith("tests/") and n.endswith(".c")]
    report([line for rule, pattern in CALLS.items() for line in find_calls(names, pattern, rule)])


@tap.case
def nothing_below_net_asks_the_clock_or_the_dice():
    low = [n for n in files.product(".c", ".h") if LEVEL.get(module_of(n), 9) < LEVEL["proxy/net"]]
    timeless = [n for n in low if not n.startswith("proxy/base/clock.")]
    # certs/ makes keys and nonces; digest holds the wrapper that main hands down.
    diceless = [n for n in low if not n.startswith(("certs/", "proxy/base/digest."))]
    report(find_calls(timeless, CLOCK, "clock") + find_calls(diceless, DICE, "dice"))


def object_of(name, folder):
    """The built object if it is newer than its source, else one made now."""
    built = os.path.join(files.SRC, "build", "release", name[:-2] + ".o")
    source = os.path.join(files.SRC, name)
    if os.path.exists(built) and os.path.getmtime(built) >= os.path.getmtime(source):
        return built
    made = os.path.join(folder, name.replace("/", "_") + ".o")
    done = subprocess.run(["gcc", "-I.", "-D_GNU_SOURCE", "-std=c11", "-fPIE", "-fdata-sections", "-w", "-c", "-o", made,
                           name], cwd=files.SRC, capture_output=True, text=True)
    if done.returncode != 0:
        tap.note(f"{name} does not compile: {done.stderr.splitlines()[0]}")
        return None
    return made


def variables(path):
    """[(symbol, section)] of what the object can write to at run time."""
    out = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True).stdout
    found = []
    for m in re.finditer(r"^[0-9a-f]+ .{6}O? *(\.data\S*|\.bss\S*|\.tdata\S*|\.tbss\S*|\*COM\*)\t[0-9a-f]+ +(?:\.hidden )?(\S+)$", out, re.M):
        section, symbol = m.groups()
        if not section.startswith(".data.rel.ro") and not symbol.startswith((".", "__")):
            found.append((symbol, section))
    return found


def mutable(name, symbols):
    bad, lines = [], files.read(name).split("\n")
    for symbol, section in symbols:
        plain = re.escape(symbol.split(".")[0])
        place = next((line for line in lines if re.search(rf"\b{plain}\b", line)), "")
        if not excused(place, "state"):
            bad.append(f"{name}: {symbol} in {section}")
    return bad


@tap.case
def no_mutable_state_at_file_scope():
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for name in files.product(".c"):
            if name.startswith("proxy/main/"):
                continue
            path = object_of(name, folder)
            bad += mutable(name, variables(path)) if path else [f"{name}: not looked at"]
    report(bad)


@tap.case
def sources_name_their_licence():
    bad = []
    for name in files.all_files():
        if not name.endswith((".c", ".h", ".py", ".sh", ".js", ".pl")):
            continue
        lines = files.read(name).split("\n")
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if "SPDX-License-Identifier: " not in first:
            bad.append(f"{name}: no SPDX line at its head")
    report(bad)


def text_lines():
    for name in files.all_files():
        if name.endswith(TEXT) and not name.startswith(("tests/vectors/", "tests/fuzz/corpus/")):
            for number, line in enumerate(files.read(name).split("\n"), 1):
                yield name, number, line


@tap.case
def nothing_is_left_to_do():
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
    report([f"{n}:{i}: {line.strip()[:80]}" for n, i, line in text_lines() if mark.search(line)])


@tap.case
def no_blanks_at_line_ends_no_carriage_returns():
    report([f"{n}:{i}" for n, i, line in text_lines() if line != line.rstrip() or "\r" in line])


@tap.case
def text_files_end_with_a_line_end():
    bad = []
    for name in files.all_files():
        if name.endswith(TEXT) and (text := files.read(name)) and (not text.endswith("\n") or text.endswith("\n\n")):
            bad.append(name)
    report(bad)


def private_words():
    """This machine's name, folders and, if its owner listed any, words that must stay out."""
    # A folder that every machine has is nobody's private one.
    parent = os.path.dirname(files.SRC)
    common = parent in ("/", "/tmp", "/var/tmp", "/root", "/home", "/srv", "/opt", "/usr/src")
    words = [] if common else [re.escape(parent) + "/"]
    host = socket.gethostname().split(".")[0]
    if len(host) > 4 and host not in ("localhost", "debian"):
        words.append(r"\b" + re.escape(host) + r"\b")
    own = os.path.join(files.SRC, ".git", "info", "lint-words")
    if os.path.exists(own):
        with open(own, encoding="utf-8") as f:
            words += [re.escape(line.strip()) for line in f if line.strip()]
    return re.compile("|".join(words) or r"(?!)", re.I)


@tap.case
def no_names_of_private_machines_or_folders():
    private = private_words()
    report([f"{n}:{i}: {line.strip()[:80]}" for n, i, line in text_lines() if private.search(line)])


tap.main()
