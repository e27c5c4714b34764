# SPDX-License-Identifier: Apache-2.0
"""Prints the story: two languages, the terminal's width, colour only on a terminal.

    tell = Teller("ja"); tell.chapter("login-title"); tell.say("login", user="alice")
    tell.fact("thief-has", "…"); tell.check(status == 403, "…")

Texts stand in texts.py by key. Every check is counted: `tell.faults` are those that came out
otherwise than told.
"""
import os
import shutil
import sys
import unicodedata

from texts import TEXTS

COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}
LABEL = 18


def width_of(text):
    """Terminal columns: East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def pieces(text):
    """Where a line may be broken: after blanks, and after any wide character."""
    piece = ""
    for c in text:
        if unicodedata.east_asian_width(c) in "WF" and c not in "、。」』),・":
            if piece:
                yield piece
            piece = c
        else:
            piece += c
            if c == " ":
                yield piece
                piece = ""
    if piece:
        yield piece


def wrap(text, width):
    lines, line = [], ""
    for piece in pieces(text):
        if line and width_of(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return lines + [line.rstrip()]


class Teller:
    def __init__(self, lang, out=None):
        self.lang, self.out = lang, out or sys.stdout
        self.colour = self.out.isatty() and "NO_COLOR" not in os.environ
        self.width = max(60, min(100, shutil.get_terminal_size((90, 24)).columns))
        self.checks, self.faults = 0, []

    def text(self, key, **values):
        return TEXTS[key][1 if self.lang == "ja" else 0].format(**values)

    def paint(self, text, colour):
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.colour and colour else text

    def line(self, text="", colour=None):
        print(self.paint(text, colour), file=self.out, flush=True)

    def chapter(self, key, **values):
        self.line()
        self.line("── " + self.text(key, **values), "bold")

    def say(self, key, colour=None, indent=3, **values):
        self.words(self.text(key, **values), colour, indent)

    def words(self, text, colour=None, indent=3):
        for part in text.split("\n"):
            for line in wrap(part, self.width - indent):
                self.line(" " * indent + line if line else "", colour)

    def fact(self, key, value, colour=None):
        """A label and what belongs to it, under each other if it needs more lines."""
        label = self.text(key) if key else ""
        lines = [l for part in str(value).split("\n") for l in wrap(part, self.width - LABEL - 4)]
        for i, line in enumerate(lines):
            head = (label if i == 0 else "")
            self.line("   " + self.paint(head, "dim") + " " * max(1, LABEL - width_of(head)) + self.paint(line, colour))

    def table(self, rows, colours=None, indent=3):
        """Columns as wide as their widest cell."""
        widths = [max(width_of(r[i]) for r in rows) for i in range(len(rows[0]))]
        for number, row in enumerate(rows):
            cells = [c + " " * (w - width_of(c)) for c, w in zip(row, widths)]
            line = (" " * indent + "  ".join(cells)).rstrip()
            self.line(line, "dim" if number == 0 else (colours or {}).get(number))

    def command(self, text):
        self.line("     " + text, "cyan")

    def check(self, holds, what):
        """Counts; prints only what came out otherwise than told."""
        self.checks += 1
        if not holds:
            self.faults.append(what)
            self.line("   ✗ " + self.text("not-so") + " " + what, "red")
        return holds
