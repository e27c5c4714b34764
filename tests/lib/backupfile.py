# SPDX-License-Identifier: Apache-2.0
"""Backups taken apart and put together again (docs/formats/backup.md), for tests that spoil one.

Written by the format's page alone, so that it also checks what warifu writes.
"""
import hashlib
import struct

BLOCK = 512


def head(name, size, mtime=0, kind=b"0", mode=0o600, size_field=None):
    """A ustar head; `size_field` stands for the twelve bytes of the size."""
    field = size_field or (b"%011o\0" % size if size < 1 << 33 else b"\x80\0\0\0" + struct.pack(">Q", size))
    block = bytearray(BLOCK)
    for at, data in ((0, name), (100, b"%07o" % mode), (108, b"0000000"), (116, b"0000000"), (124, field),
                     (136, b"%011o" % mtime), (148, b" " * 8), (156, kind), (257, b"ustar\00000"), (329, b"0000000"), (337, b"0000000")):
        block[at:at + len(data)] = data
    block[148:155] = b"%06o\0" % sum(block)
    return bytes(block)


def pad(data):
    return data + b"\0" * (-len(data) % BLOCK)


def take_apart(raw):
    """[(name, bytes)] and the time that all members have."""
    members, at = [], 0
    mtime = int(raw[136:147], 8)
    while raw[at:at + BLOCK].strip(b"\0"):
        name, size = raw[at:at + 100].rstrip(b"\0").decode("ascii"), int(raw[at + 124:at + 135], 8)
        members.append((name, raw[at + BLOCK:at + BLOCK + size]))
        at += BLOCK + size + -size % BLOCK
    return members, mtime


def where(raw, wanted):
    """Where the head of a member stands."""
    at = 0
    while True:
        if raw[at:at + 100].rstrip(b"\0").decode("ascii") == wanted:
            return at
        size = int(raw[at + 124:at + 135], 8)
        at += BLOCK + size + -size % BLOCK


def sealed(lines):
    """A manifest of these lines with the right last one."""
    text = "".join(line + "\n" for line in lines).encode("ascii")
    return text + b"end " + hashlib.sha256(text).hexdigest().encode("ascii") + b"\n"


def put_together(members, mtime=0):
    return b"".join(head(name.encode("ascii"), len(data), mtime) + pad(data) for name, data in members) + bytes(2 * BLOCK)
