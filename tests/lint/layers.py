# SPDX-License-Identifier: Apache-2.0
"""A file includes only lower levels, and each outside library has its few places."""
import os
import re

from lib import tap
from lint import _files as files
from lint._files import LEVEL, module_of

# Where an outside library's headers may be included, directly or through a header of ours.
LIBRARIES = {
    r"openssl/": r"certs/|proxy/(base/(digest|fallback|rand)|audit/|device/|net/|session/|gate/(conn|deliver|rewrite)|web/tlsdoor|main/)",
    r"sqlite3\.h": r"proxy/audit/(store|query)\w*\.[ch]$",
    r"maxminddb\.h": r"proxy/place/",
    r"microhttpd\.h": r"proxy/web/httpd\.c$",
    r"nghttp2/": r"proxy/http/h2",
    r"seccomp\.h": r"proxy/main/",
}
SYSTEM = re.compile(r"(sys|netinet|arpa|linux|net)/\w+\.h$|(assert|ctype|dirent|errno|fcntl|ifaddrs|float|grp|inttypes|"
                    r"limits|locale|malloc|math|netdb|poll|pthread|pwd|sched|setjmp|signal|spawn|stdalign|stdarg|stdatomic|"
                    r"stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|time|unistd|wchar)\.h$")


def report(bad):
    for line in bad:
        tap.note(line)
    tap.check(not bad, f"{len(bad)} places")


@tap.case
def every_module_has_a_level():
    report(sorted({m for m in map(module_of, files.product(".c", ".h", ".def")) if m not in LEVEL}))


@tap.case
def includes_go_down_only():
    bad = []
    for name in files.product(".c", ".h", ".def"):
        mine = module_of(name)
        for number, kind, what in files.includes(name):
            other = module_of(what)
            if kind != "quote" or other == mine:
                continue
            if other not in LEVEL:
                bad.append(f"{name}:{number}: {what} is in no module")
            elif not mine.startswith("proxy/"):
                bad.append(f"{name}:{number}: {mine} includes nothing of ours but itself, not {what}")
            elif LEVEL[other] >= LEVEL[mine]:
                bad.append(f"{name}:{number}: level {LEVEL[mine]} includes {what} of level {LEVEL[other]}")
    report(bad)


@tap.case
def includes_are_root_relative_and_exist():
    bad = []
    for name in files.product(".c", ".h", ".def"):
        for number, kind, what in files.includes(name):
            if kind == "quote" and not os.path.isfile(os.path.join(files.SRC, what)):
                bad.append(f"{name}:{number}: {what} is not a path from the root")
    report(bad)


@tap.case
def own_header_comes_first():
    bad = []
    for name in files.product(".c"):
        own, found = name[:-2] + ".h", files.includes(name)
        if any(what == own for _, _, what in found) and found[0][2] != own:
            bad.append(f"{name}:{found[0][0]}: {found[0][2]} stands before {own}")
    report(bad)


@tap.case
def outside_libraries_stay_in_their_places():
    bad = []
    for name in files.product(".c", ".h"):
        for via in sorted(files.closure(name)):
            for number, kind, what in files.includes(via):
                if kind != "angle" or SYSTEM.match(what):
                    continue
                allowed = next((where for lib, where in LIBRARIES.items() if re.match(lib, what)), None)
                where = f"{name}:{number}" if via == name else f"{name} (through {via})"
                if allowed is None:
                    bad.append(f"{where}: <{what}> is no library that we chose")
                elif not re.match(allowed, name):
                    bad.append(f"{where}: <{what}> does not belong here")
    report(sorted(set(bad)))


tap.main()
