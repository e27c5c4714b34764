# SPDX-License-Identifier: Apache-2.0
"""When the machine stood still.

A test waits seconds for what takes milliseconds, and fails all the same on a machine whose disk
or processor stops for longer than that. This watches both while the tests run: how long a small
file takes to be on disk, and how late a short sleep ends. What it saw is said beside a failure.
"""
import os
import threading
import time

EVERY = 0.5  # seconds between two looks
STALL = 1.0  # seconds that count as standing still


class Watch:
    """Looks until stop(); spells are [(begin, end, what)] on the monotonic clock."""

    def __init__(self, folder):
        self.path = os.path.join(folder, f"stalls.{os.getpid()}")
        self.spells = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.disk, self.processor)]
        for t in self.threads:
            t.start()

    def note(self, begin, what):
        end = time.monotonic()
        if end - begin >= STALL:
            self.spells.append((begin, end, what))

    def disk(self):
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.unlink(self.path)
        while not self.over.wait(EVERY):
            begin = time.monotonic()
            os.pwrite(fd, b"x" * 512, 0)
            os.fdatasync(fd)
            self.note(begin, "disk")
        os.close(fd)

    def processor(self):
        while not self.over.is_set():
            begin = time.monotonic()
            time.sleep(EVERY)
            self.note(begin + EVERY, "processor")

    def stop(self):
        self.over.set()

    def during(self, begin, end):
        """Words on the spells between two moments; empty if there were none."""
        met = [(e - b, what) for b, e, what in self.spells if b < end and e > begin]
        return ", ".join(f"the {what} stood still for {seconds:.1f} s" for seconds, what in met)
