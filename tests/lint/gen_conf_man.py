#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/man/warifu.conf.5 from proxy/conf/conf.def.

With --check it writes nothing and fails if the page in the tree is not what it would
write. Prints TAP then.
"""

import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TABLE = os.path.join(ROOT, "proxy", "conf", "conf.def")
PAGE = os.path.join(ROOT, "docs", "man", "warifu.conf.5")
UNITS = {"MS": 1, "SEC": 1000, "MINUTES": 60000, "HOURS": 3600000, "DAYS": 86400000,
         "BYTES": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
DURATIONS = ((86400000, "d"), (3600000, "h"), (60000, "min"), (1000, "s"), (1, "ms"))
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z_0-9]+(?:\([0-9]+\))?)|([(),])')

HEAD = r""".\" Written by tests/lint/gen_conf_man.py from proxy/conf/conf.def. Do not edit.
.TH WARIFU.CONF 5 "" warifu "File formats"
.SH NAME
warifu.conf \- settings of the warifu reverse proxy
.SH DESCRIPTION
One file holds all settings. It is read at the start and at a reload, checked as a whole, and
used only if nothing in it is wrong;
.B warifu check
shows every fault with its line and column, and the settings that would be in effect.
.PP
A setting is one line: a key and its values. A block is a key (for some, a name) and
.BR { ,
settings, and
.BR } .
.B #
begins a comment that runs to the end of the line. Names that are plain words may stand without
quotes; paths, addresses with a port and URLs stand in double quotes, in which \e" and \e\e stand
for a quote and a backslash. Numbers carry their unit: 500 ms, 30 s, 15 min, 8 h, 400 d; 512 B,
64 KiB, 10 MiB, 2 GiB. Networks are written 192.0.2.0/24 or 2001:db8::/32, dates 2026-12-31.
A rate is written
.IR "100 per 1 s burst 500" .
.B off
stands for "no limit" or "none" where that is allowed.
.PP
An unknown key, a key given twice, a missing file, a wrong unit or a value out of range is an
error. Nothing is taken from the environment and no other file is included, recipes excepted.
Paths that do not begin with a slash start in the folder of the settings file. Secrets are only
ever named by path.
.PP
[restart] marks what only a restart can change; a reload that would change it is refused and
changes nothing.
"""

TAIL = r""".SH RECIPES
A recipe says how one kind of application logs in and out. It is a file of its own, named by
.BR recipe ,
with the statements below; they may also stand in a site. A site has the union of all. Where
a route of the site and one of a recipe name the same path, the site's holds for the methods
that it names.
.TP
.BI "credential cookie " NAME " | bearer | subprotocol " \fR[ \(dqPREFIX\(dq \fR]
What carries a session.
.TP
.BI "harmless " "NAME ..."
Cookies that are no credentials.
.TP
.BI "logout " "METHOD ... \(dqPATH\(dq ..."
Requests that end the session. Unless listed as a route they are of the class write.
.TP
.B login { ... }
What a successful login is. All conditions given must hold; an answer that meets only some of
them changes nothing. The requests are open routes unless they are listed as something else.
.RS
.TP
.BI "request " "METHOD ... \(dqPATH\(dq ..."
The login's requests.
.TP
.BI "page \(dq" PATH \(dq
Where people log in; an open route. Who has no session and asks for a page is sent there. Not
needed where a login's own path is open to GET. Without either, people see a page that says so.
.TP
.BI "success status " "NUMBER ..."
The answer has one of these statuses.
.TP
.BR "success location " [ not "] [" prefix ] " \(dq" \fITEXT "\(dq"
The answer's Location is this, or begins with it. With \fBnot\fR: it leads to another path of this
site. Where a failed login is sent back to its page, say so: some backends set a first cookie
on that answer, too.
.TP
.BI "success cookie " NAME " changed"
The answer sets this credential to another value than the request had.
.TP
.BI "success json \(dq" PATH "\(dq present | equals \(dq" VALUE \(dq
The answer is JSON and has something there, or this. A path is names and numbers joined by
dots: user.roles.0.
.TP
.BI "user form " FIELD " | request-json \(dq" PATH "\(dq | json \(dq" PATH "\(dq | jwt \(dq" CLAIM "\(dq | header " FIELD " | none"
Where the user's name is: in the request's form or JSON, in the JSON answer, in the token that
was answered with, or in a field of the answer. What the application asserts is better than
what the user typed.
.TP
.BR "fold lower" " | " none
Whether letter case matters in the user's name.
.TP
.BI "credential bearer json \(dq" PATH \(dq
The answer is JSON and has the session's bearer token there.
.RE
.TP
.B routes { ... }
Lines of a class, methods and paths:
.BR open | read | write | sensitive
.RI [ METHOD " ...] \(dq" PATH "\(dq ..."
.SH ROUTES
.B open
needs no session, and credentials are taken out of the request;
.B read
and
.B write
are for the policy to tell apart;
.B sensitive
moves value or rights.
.PP
The methods are GET (HEAD goes with it), POST, PUT, PATCH, DELETE, OPTIONS, WEBSOCKET (a handshake
that opens one) and OTHER (any method not named here). No method means all of them.
.PP
Paths are compared after decoding, without regard to the case of ASCII letters and to one slash
at the end. A last segment * stands for that place and everything below it, another segment *
for exactly one segment. The longest path that matches wins; of equally long ones the one
without *, then the one that names its methods, then the stricter class.
.PP
What nobody listed: GET, HEAD and OPTIONS are read, everything else is sensitive. A WebSocket
handshake that is not listed is read: what is said inside is not seen, so give the endpoint the
class of the worst that it can do.
.PP
A handshake is never less than a GET of the same path: a backend may ignore the Upgrade and answer
the GET. Only a route that names WEBSOCKET and is the more specific one says otherwise.
.SH EXAMPLE
.EX
listen "0.0.0.0:443" tls
listen "0.0.0.0:80" redirect

site wallet {
    host wallet.example
    portal verify.example
    certificate "/etc/warifu/wallet.crt" key "/etc/warifu/wallet.key"
    recipe "/usr/share/warifu/recipes/django-admin.recipe"
    mode observe
    backend {
        server "http://127.0.0.1:8000"
    }
    routes {
        sensitive POST "/admin/wallet/transfer/*"
    }
}
.EE
.SH SEE ALSO
.BR warifu (8)
"""


def rows():
    with open(TABLE, encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("clang-format off") :]
    for match in re.finditer(r"^(BLOCK|UINT|FLAG|TEXT|CHOICE|RATE|ITEM)\(", text, re.M):
        args, depth, at = [], 1, match.end()
        while depth:
            token = TOKEN.search(text, at)
            at = token.end()
            if token.group(3):
                depth += {"(": 1, ")": -1, ",": 0}[token.group(3)]
            elif token.group(1) is not None:
                args.append(token.group(1).replace('\\"', '"'))
            else:
                args.append(token.group(2))
        yield match.group(1), args


def number(text):
    match = re.fullmatch(r"([A-Z]+)\((\d+)\)", text)
    return UNITS[match.group(1)] * int(match.group(2)) if match else int(text)


def amount(kind, text):
    v = number(text)
    if v == 0:
        return "off"
    if kind == "COUNT":
        return str(v)
    for unit, name in DURATIONS if kind == "DURATION" else SIZES:
        if v % unit == 0:
            return "%d %s" % (v // unit, name)
    raise ValueError(text)


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("...", ".\\|.\\|.")


def entry(key, syntax, sentence, notes, reload):
    marks = "" if reload == "YES" else " [restart]"
    tail = " ".join(n for n in notes if n)
    out = ".TP\n\\fB%s\\fR \\fI%s\\fR%s\n%s" % (escape(key), escape(syntax), marks, escape(sentence))
    return out + (" " + escape(tail) if tail else "") + "\n"


def uint_row(a):
    _, _, key, kind, low, high, default, reload, sentence = a
    syntax = {"COUNT": "NUMBER", "DURATION": "DURATION", "SIZE": "SIZE"}[kind]
    span = "%s to %s." % (amount(kind, low), amount(kind, high))
    return entry(key, syntax, sentence, ("Default %s;" % amount(kind, default), span), reload)


def row(kind, a):
    if kind == "UINT":
        return uint_row(a)
    if kind == "FLAG":
        return entry(a[2], "on|off", a[5], ("Default %s." % ("on" if a[3] == "1" else "off"),), a[4])
    if kind == "CHOICE":
        return entry(a[2], a[3] + "|" + a[4], a[7], ("Default %s." % a[3 + int(a[5])],), a[6])
    if kind == "RATE":
        default = "%s per %s burst %s" % (a[3], amount("DURATION", a[4]), a[5])
        return entry(a[2], "RATE", a[7], ("Default %s." % default,), a[6])
    if kind == "TEXT":
        quoted = a[3] in ("FILE", "PROGRAM", "PLACE")
        syntax = {"URLPATH": '"/PATH"', "URL": '"URL"', "PLACE": '"PATH"'}.get(a[3], a[3])
        syntax = '"%s"' % a[3] if quoted and a[3] != "PLACE" else syntax
        notes = ("Default %s." % a[4] if a[4] != "NULL" else "",
                 "Required." if a[5] == "NEEDED" else "")
        return entry(a[2], syntax, a[7], notes, a[6])
    return entry(a[1], a[4], a[5], ("May be repeated." if a[2] == "MANY" else "",), a[3])


def page():
    out = HEAD
    for kind, args in rows():
        if kind != "BLOCK":
            out += row(kind, args)
            continue
        title = "SETTINGS OF THE FILE" if not args[1] else "THE BLOCK %s" % args[1].upper()
        out += ".SH %s\n" % title
        if args[1]:
            out += "Stands in %s. " % ("a site" if args[2] == "site" else "the file")
        out += "%s\n" % escape(args[3])
    return "".join(line.rstrip() + "\n" for line in (out + TAIL).splitlines())


def main():
    text = page()
    if "--check" not in sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(text)
        return 0
    try:
        with open(PAGE, encoding="utf-8") as f:
            same = f.read() == text
    except FileNotFoundError:
        same = False
    print("%sok 1 - docs/man/warifu.conf.5 is what conf.def says\n1..1" % ("" if same else "not "))
    if not same:
        print("# run tests/lint/gen_conf_man.py")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
