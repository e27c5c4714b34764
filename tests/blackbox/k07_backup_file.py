# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
"""The one file of a backup: any tar reads it, nothing is overwritten or left half, and a restore takes no other file.

Every bad file must be refused with its name, the byte and what to do, and leave the state folder as it was: empty.
"""
import os
import pwd
import re
import shutil
import subprocess
import tarfile

from lib import backupfile as bf
from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import BIN, World

WHAT_TO_DO = "take another backup"


def setup():
    global world, front, folder, good, raw, members, mtime
    world = World("bfile")
    backend = start_express(world)
    front = Front(world, [site("wallet", "wallet.test", backend.port, recipe="express")])
    folder = world.folder("backups")
    tap.equal(login_express(front.client("wallet.test"), "alice").status, 303)
    good = os.path.join(folder, "good")
    front.gate.cli("backup", good)
    front.gate.stop()
    with open(good, "rb") as f:
        raw = f.read()
    members, mtime = bf.take_apart(raw)


def empty_state():
    state = world.path(f"state{front.port}")
    if os.path.exists(state):
        shutil.rmtree(state)
    return world.folder(os.path.basename(state))


def left_in(state):
    return sorted(os.path.join(at, f) for at, _, files in os.walk(state) for f in files if f != "lock")


def refused(what, data, byte=None, words=()):
    """A restore of these bytes says where it is wrong and leaves nothing."""
    state = empty_state()
    path = os.path.join(folder, "bad")
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o644)
    done = front.gate.cli("restore", path, check=False)
    tap.equal(done.returncode, 1, f"{what}: {done.stdout}{done.stderr}")
    tap.contains(done.stderr, path, what)
    tap.contains(done.stderr, WHAT_TO_DO, what)
    if byte is not None:
        tap.contains(done.stderr, f"byte {byte}:", what)
    for word in words:
        tap.contains(done.stderr, word, what)
    tap.equal(left_in(state), [], what)
    tap.equal(done.stderr.count("\n"), 1, f"{what}: {done.stderr!r}")


@tap.case
def any_tar_reads_it_and_it_holds_what_its_page_says():
    with tarfile.open(good, "r:") as t:
        names = t.getnames()
        for m in t.getmembers():
            tap.equal((m.type, m.mode, m.uid, m.gid), (tarfile.REGTYPE, 0o600, 0, 0), m.name)
            tap.equal(t.extractfile(m).read(), dict(members)[m.name], m.name)
    tap.check(re.fullmatch(r"secret master\.key state\.db( log-\d{8}\.db)+ keys\.db MANIFEST", " ".join(names)), names)
    done = subprocess.run(["tar", "-tf", good], capture_output=True, text=True, check=False)
    tap.equal((done.returncode, done.stdout.split(), done.stderr), (0, names, ""), "tar -tf")
    tap.equal(bf.put_together(members, mtime), raw, "written by its page, it is the same")
    tap.equal(os.stat(good).st_mode & 0o777, 0o600)
    lines = dict(members)["MANIFEST"].decode("ascii").splitlines()
    tap.equal(bf.sealed(lines[:-1]), dict(members)["MANIFEST"])


@tap.case
def what_was_put_together_anew_is_restored():
    """So that the refusals below are not those of a broken tool."""
    again = os.path.join(folder, "again")
    with open(again, "wb") as f:
        f.write(bf.put_together(members, mtime))
    os.chmod(again, 0o644)
    empty_state()
    tap.contains(front.gate.cli("restore", again).stdout, "restored")


@tap.case
def nothing_is_overwritten_and_nothing_is_left_half():
    empty_state()
    front.gate.cli("restore", good)
    mark = os.path.join(folder, "mark")
    with open(mark, "w", encoding="ascii") as f:
        f.write("not yours")
    os.mkdir(os.path.join(folder, "a-folder"))
    os.symlink(os.path.join(folder, "nowhere"), os.path.join(folder, "a-link"))
    for name in ("mark", "a-folder", "a-link"):
        done = front.gate.cli("backup", os.path.join(folder, name), check=False)
        tap.equal(done.returncode, 1, name)
        tap.contains(done.stderr, "is there already", name)
    tap.check(not os.path.lexists(os.path.join(folder, "nowhere")), "it followed the link")
    with open(mark, encoding="ascii") as f:
        tap.equal(f.read(), "not yours")
    cut = world.folder("backups/cut.partial")
    done = front.gate.cli("backup", os.path.join(folder, "cut"), check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, f"{cut}: is there")
    tap.contains(done.stderr, "remove that folder")
    done = front.gate.cli("backup", os.path.join(folder, "no/such/place"), check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "No such file or directory")
    done = front.gate.cli("backup", os.path.join(folder, "alone"))
    tap.contains(done.stderr, "does warifu run? No record is made of this backup.")
    os.unlink(os.path.join(folder, "alone"))


def limited(kib, *words):
    """A command that may write no file longer than this: the disk is full, for all that it can see."""
    who = pwd.getpwnam(front.gate.user) if front.gate.user else None
    script = f'trap "" XFSZ; ulimit -f {kib * 2}; exec "$@"'
    return subprocess.run(["sh", "-c", script, "sh", BIN, *words, "-c", front.gate.conf], capture_output=True, text=True,
                          check=False, **({"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if who else {}))


@tap.case
def without_room_neither_a_backup_nor_a_restore_leaves_anything():
    largest = max(len(data) for _, data in members) // 1024
    empty_state()
    front.gate.cli("restore", good)
    before = sorted(os.listdir(folder))
    for kib in (1, 16, largest + 4, len(raw) // 1024 - 1):
        done = limited(kib, "backup", os.path.join(folder, "small"))
        tap.equal(done.returncode, 1, f"{kib} KiB: {done.stdout}{done.stderr}")
        tap.equal(sorted(os.listdir(folder)), before, f"{kib} KiB")
    state = empty_state()
    for kib in (1, largest - 1):
        done = limited(kib, "restore", good)
        tap.equal(done.returncode, 1, f"{kib} KiB: {done.stdout}{done.stderr}")
        tap.equal(left_in(state), [], f"{kib} KiB")
    front.gate.cli("restore", good)


@tap.case
def a_file_that_is_cut_is_refused_wherever_it_is_cut():
    ends = [bf.where(raw, name) for name, _ in members] + [len(raw) - 1024]
    for size in sorted({0, 1, 511, 512, 513, len(raw) - 1, len(raw) - 512, *ends, *(e + 512 for e in ends), *(e - 1 for e in ends[1:])}):
        if size < len(raw):
            refused(f"cut at {size}", raw[:size], words=["byte"])


@tap.case
def what_stands_behind_the_end_is_refused():
    end = len(raw)
    refused("a byte more", raw + b"x", end)
    refused("a block more", raw + bytes(512), end)
    refused("another archive", raw + raw, end)
    refused("no second block", raw[:-512] + b"\1" + bytes(511), end - 512)
    refused("a member behind the manifest", bf.put_together(members + [("keys.db", b"")], mtime), end - 1024)


@tap.case
def names_that_lead_elsewhere_have_no_place():
    at = bf.where(raw, "keys.db")
    for name in ("../keys.db", "/keys.db", "./keys.db", "keys.db/", "apart/generation", "generation", "restored", "Keys.db", "keys.db2",
                 "log-20261126.db/x", "log-2026112x.db", "\x1b[31mkeys.db", ""):
        refused(repr(name), bf.put_together([(name if n == "keys.db" else n, data) for n, data in members], mtime), at)
        tap.check(not os.path.exists(os.path.join(folder, "keys.db")), name)
    split = bytearray(raw)
    split[at + 345:at + 348] = b"../"  # ustar's prefix
    refused("a prefix", bytes(split), at)
    split[at + 345:at + 348] = bytes(3)
    split[at + 8:at + 11] = b"abc"
    refused("bytes behind the name's end", bytes(split), at)


@tap.case
def order_doubles_and_gaps_are_refused():
    names = [n for n, _ in members]
    day = next(i for i, n in enumerate(names) if n.startswith("log-"))
    for what, changed in {
            "twice": members[:1] + members, "a day twice": members[:day + 1] + members[day:],
            "an older day behind": members[:day + 1] + [("log-20200101.db", b"")] + members[day + 1:],
            "other order": members[1:2] + members[:1] + members[2:], "keys before the log": members[:3] + members[-2:-1] + members[3:-2] + members[-1:],
            "no secret": members[1:], "no day": members[:day] + [m for m in members[day:] if not m[0].startswith("log-")],
            "no keys": [m for m in members if m[0] != "keys.db"], "no manifest": members[:-1], "only the manifest": members[-1:],
            "none": []}.items():
        refused(what, bf.put_together(changed, mtime), words=["byte"])


@tap.case
def members_of_another_kind_or_size_are_refused():
    at = bf.where(raw, "state.db")
    size = len(dict(members)["state.db"])
    for kind in b"\0", b"1", b"2", b"3", b"5", b"7", b"x", b"g", b"L", b"S":
        refused(f"kind {kind}", raw[:at] + bf.head(b"state.db", size, mtime, kind=kind) + raw[at + 512:], at)
    refused("setuid", raw[:at] + bf.head(b"state.db", size, mtime, mode=0o4755) + raw[at + 512:], at)
    huge = b"\x80\0\0\0" + b"\x7f" + b"\xff" * 7
    for what, field, where in (("longer than the file", b"%011o\0" % len(raw), at + 512), ("the longest", b"7" * 11 + b"\0", at + 512),
                               ("2^63-1", huge, at + 512), ("2^64-1", b"\x80\0\0\0" + b"\xff" * 8, at + 512), ("2^64-512", b"\x80\0\0\0" + b"\xff" * 6 + b"\xfe\0", at + 512),
                               ("negative", b"\xff" * 12, at), ("no digits", b" " * 12, at), ("a space", b"%010o \0" % size, at), ("in 256 without need", b"\x80\0\0\0" + size.to_bytes(8, "big"), at),
                               ("one less", b"%011o\0" % (size - 512), at + size), ("zero", b"%011o\0" % 0, at + 512)):
        refused(what, raw[:at] + bf.head(b"state.db", size, mtime, size_field=field) + raw[at + 512:], where)
    spoilt = bytearray(raw)
    spoilt[at + 148] ^= 1
    refused("check sum", bytes(spoilt), at)
    first = bytearray(raw)
    first[512 + len(members[0][1])] = 1
    refused("something between members", bytes(first), 512 + len(members[0][1]))


@tap.case
def a_manifest_of_something_else_is_refused():
    lines = dict(members)["MANIFEST"].decode("ascii").splitlines()[:-1]
    at = bf.where(raw, "MANIFEST") + 512

    def with_manifest(text):
        return bf.put_together([(n, text if n == "MANIFEST" else d) for n, d in members], mtime)
    tap.equal(with_manifest(bf.sealed(lines)), raw)
    one = lines[4].split(" ")
    for what, changed in {
            "another version": ["warifu-backup 2"] + lines[1:], "a line less": lines[:-1], "a line more": lines + [lines[-1]], "an unknown line": lines + ["note x"],
            "another size": lines[:4] + [" ".join([*one[:2], "65", one[3]])] + lines[5:], "another name": lines[:4] + [" ".join([*one[:3], "secre"])] + lines[5:],
            "a path": lines[:4] + [" ".join([*one[:3], "../secret"])] + lines[5:], "another order": lines[:4] + [lines[5], lines[4]] + lines[6:],
            "a shorter sum": lines[:4] + [" ".join([one[0], one[1][:-2], *one[2:]])] + lines[5:], "no head": lines[:3] + lines[4:], "twice made": lines[:2] + lines[1:],
            "a sequence for terminals": [lines[0], "made \x1b]0;x\x07"] + lines[2:], "a long time": [lines[0], "made " + "2" * 40] + lines[2:], "nothing": []}.items():
        refused(what, with_manifest(bf.sealed(changed)), at)
    text = dict(members)["MANIFEST"]
    for what, changed in {"no end": text[:-70], "another end": text[:-2] + (b"0" if text[-2:-1] != b"0" else b"1") + b"\n", "CR": text.replace(b"\n", b"\r\n"), "a line behind": text + b"x\n",
                          "NUL": bf.sealed(lines).replace(b"made", b"ma\0e"), "empty": b"", "too long": text + b"\n" * (3 << 20)}.items():
        refused(what, with_manifest(changed), at)
    refused("an empty head", with_manifest(bf.sealed(lines[:3] + ["head "] + lines[4:])), at)


@tap.case
def a_changed_byte_of_any_member_is_found():
    for name, data in members[:-1]:
        at = bf.where(raw, name) + 512
        for byte in {0, len(data) // 2, len(data) - 1}:
            spoilt = bytearray(raw)
            spoilt[at + byte] ^= 1
            refused(f"{name} at {byte}", bytes(spoilt), at, [name, "manifest"])


@tap.case
def a_head_of_another_log_is_found():
    lines = dict(members)["MANIFEST"].decode("ascii").splitlines()[:-1]
    for head in ("0" * 64 + ":1", lines[3].split(" ")[1].split(":")[0] + ":999999", "x", ":", "00:1"):
        text = bf.sealed(lines[:3] + ["head " + head] + lines[4:])
        state = empty_state()
        path = os.path.join(folder, "bad")
        with open(path, "wb") as f:
            f.write(bf.put_together(members[:-1] + [("MANIFEST", text)], mtime))
        done = front.gate.cli("restore", path, check=False)
        tap.equal(done.returncode, 1, head)
        tap.contains(done.stderr, "head" if len(head) < 60 else "does not verify", head)
        tap.equal(left_in(state), [], head)
    done = front.gate.cli("restore", good, "--manifest", "00" * 32, check=False)
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr, "--manifest")


@tap.case
def what_is_no_file_is_told_so():
    empty_state()
    os.mkfifo(os.path.join(folder, "pipe"))
    for name, words in (("a-folder", "is no file"), ("pipe", "is no file"), ("missing", "No such file")):
        done = front.gate.cli("restore", os.path.join(folder, name), check=False)
        tap.equal(done.returncode, 1, name)
        tap.contains(done.stderr, words, name)


if __name__ == "__main__":
    tap.main(setup, lambda: world.stop())
