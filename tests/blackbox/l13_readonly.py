# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=300
# warifu-test: heavy
"""A log folder that is or becomes read-only, is taken away, and comes back.

Sensitive routes and logins fail closed, observed sites pass, the reason is told with the folder, no second log begins
under an empty mount point, and when the folder can be written again everything goes on by itself: nothing is lost.
"""
import os
import shutil
import signal
import subprocess

from lib import tap
from lib.backend import start_express
from lib.outage import HOSTS, Outage, fails_closed
from lib.world import World, wait_until

READ_ONLY = "Read-only file system"
world = World("readonly")
mounts, loops = [], []


def setup():
    global backend
    backend = start_express(world)


def teardown():
    world.stop()
    for folder in reversed(mounts):
        subprocess.run(["umount", "-l", folder], check=False, capture_output=True)
    for device in loops:
        subprocess.run(["losetup", "-d", device], check=False, capture_output=True)


def root(*command, check=True):
    if os.geteuid() != 0:
        tap.skip("mounting needs root; a_folder_that_may_not_be_written needs none")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        tap.skip(f"{' '.join(command)}: {done.stderr.strip()}")
    return done


def own_disk(name):
    """A disk that goes read-only after an error, as servers' disks do; (folder, device)."""
    folder, image = world.folder(name), world.path(f"{name}.img")
    root("truncate", "-s", "64M", image)
    root("mkfs.ext4", "-q", "-F", image)
    device = root("losetup", "-f", "--show", image).stdout.strip()
    loops.append(device)
    root("mount", "-t", "ext4", "-o", "errors=remount-ro", device, folder)
    mounts.append(folder)
    if world.user:
        shutil.chown(folder, world.user)
    return folder, device


def shut(folder):
    """Mounts the folder over itself, read-only. Who has files open there keeps them."""
    root("mount", "--bind", folder, folder)
    mounts.append(folder)
    root("mount", "-o", "remount,bind,ro", folder)


def reopen(folder):
    root("umount", folder)
    mounts.remove(folder)


def told(place, why):
    """On standard error, by status and by check, with the folder."""
    place.gate.wait_log(f"the log cannot be written: {why} ({place.folder})")
    wait_until(lambda: f"cannot be written: {place.folder}: {why}" in place.gate.cli("status", check=False).stdout, 10, "status")
    done = place.gate.cli("check", "--no-probe", check=False)
    tap.equal(done.returncode, 1, "check")
    tap.contains(done.stderr, f"log folder {place.folder}: {place.folder} cannot be written: {why}")
    return done.stderr


def nothing_was_lost(place):
    place.up_again()
    place.gate.wait_log("the log can be written again")
    records = place.whole()
    said = [r["detail"] for r in records if r.get("event") == "log_state"]
    tap.check([d for d in said if "the log could not be written" in d], said)
    tap.equal([r for r in records if r.get("event") == "log_gap"], [])
    tap.equal(len([r for r in records if r.get("event") == "log_created"]), 1, "one log")


@tap.case
def a_disk_that_goes_read_only_is_told_and_after_its_repair_all_goes_on():
    folder, device = own_disk("disk-log")
    place = Outage(world, backend, "disk", folder)
    tap.equal(place.withdraw(), (True, 201))
    with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="ascii") as f:
        f.write("a test")
    place.down("the disk is read-only")
    fails_closed(place)
    tap.equal(place.read(), (False, 503), "on-down refuse")
    tap.contains(told(place, READ_ONLY), "mount it for writing")
    # the scribe holds nothing open, so the disk can be repaired under it
    wait_until(lambda: root("umount", folder, check=False).returncode == 0, 20, "the scribe lets the disk go")
    mounts.remove(folder)
    fails_closed(place)
    os.kill(place.pid("scribe"), signal.SIGKILL)
    fails_closed(place)
    tap.equal(os.listdir(folder), [], "a second log under the mount point")
    tap.check(root("e2fsck", "-p", device, check=False).returncode in (0, 1), "e2fsck")
    root("mount", device, folder)
    mounts.append(folder)
    nothing_was_lost(place)


@tap.case
def a_disk_that_is_mounted_anew_under_a_running_scribe_is_taken():
    folder, device = own_disk("anew-log")
    place = Outage(world, backend, "anew", folder)
    with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="ascii") as f:
        f.write("a test")
    place.down("the disk is read-only")
    wait_until(lambda: root("umount", folder, check=False).returncode == 0, 20, "the scribe lets the disk go")
    tap.check(root("e2fsck", "-p", device, check=False).returncode in (0, 1), "e2fsck")
    root("mount", device, folder)
    nothing_was_lost(place)


@tap.case
def a_scribe_that_starts_on_a_read_only_folder_waits_until_it_can_write():
    place = Outage(world, backend, "bind")
    shut(place.folder)
    os.kill(place.pid("scribe"), signal.SIGKILL)
    place.down("the folder is read-only")
    fails_closed(place)
    told(place, READ_ONLY)
    reopen(place.folder)
    nothing_was_lost(place)


@tap.case
def a_start_with_a_read_only_folder_serves_nothing_and_says_why():
    place = Outage(world, backend, "start")
    place.gate.stop()
    shut(place.folder)
    place.gate = place.front.gate = world.gate(place.front.text(), name=f"again-{place.front.port}")
    wait_until(lambda: READ_ONLY in place.gate.log(), 20, "the reason")
    tap.contains(place.gate.log(), place.folder)
    if place.gate.alive():  # as root it does not even start
        tap.equal(place.withdraw()[0], False)
        tap.equal(place.read()[0], False)
        tap.equal(place.login()[0][0], False)
    reopen(place.folder)
    if not place.gate.alive():
        place.gate = place.front.start()
    place.front.wait_ready()
    tap.equal(place.withdraw(), (True, 201), "the session of before")
    place.whole()


@tap.case
def a_folder_that_may_not_be_written_is_told_with_its_name():
    if os.geteuid() == 0 and not world.user:
        tap.skip("root may write everywhere")
    place = Outage(world, backend, "chmod")
    modes = {name: os.stat(os.path.join(place.folder, name)).st_mode for name in ["."] + os.listdir(place.folder)}
    for name in modes:
        os.chmod(os.path.join(place.folder, name), 0o500 if name == "." else 0o400)
    os.kill(place.pid("scribe"), signal.SIGKILL)
    place.down("the folder is closed")
    fails_closed(place)
    tap.equal(place.read(HOSTS["strict"]), (False, 503))
    told(place, "Permission denied")
    for name, mode in modes.items():
        path = os.path.join(place.folder, name)
        if os.path.exists(path):
            os.chmod(path, mode & 0o7777)
    nothing_was_lost(place)


tap.main(setup, teardown)
