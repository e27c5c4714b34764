#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run libFuzzer on each target for some seconds and print a table. `make fuzz` builds and calls this.

    tests/fuzz.py --seconds 60 h1_request ppv

Inputs that crash, leak or hang are copied to tests/fuzz/corpus/TARGET/ (crash-…, leak-…, timeout-…), where they
stay as regression tests once the bug is fixed. Other new inputs are kept under build/fuzz between runs;
--keep N takes the N smallest of those that reach new code into the corpus too.
Exit status 1 if anything was found.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

SRC = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(SRC, "build", "fuzz", "fuzz")
WORK = os.path.join(SRC, "build", "fuzz", "work")
CORPUS = os.path.join(SRC, "tests", "fuzz", "corpus")
INPUT_MAX = 4096  # bytes of an input that --keep takes


class Run:
    """One target: what libFuzzer said of it."""

    def __init__(self, target):
        self.target = target
        self.corpus, self.work = os.path.join(CORPUS, target), os.path.join(WORK, target)
        self.found, self.kept, self.execs, self.cover, self.features, self.seconds = [], 0, 0, 0, 0, 0.0

    def command(self, *options):
        return [os.path.join(BUILD, "fuzz_" + self.target), "-timeout=10", "-rss_limit_mb=3000", "-print_final_stats=1",
                *options]

    def fuzz(self, seconds):
        os.makedirs(self.work, exist_ok=True)
        os.makedirs(self.corpus, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="warifu-fuzz.") as folder:
            start = time.monotonic()
            done = subprocess.run(self.command(f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", self.work,
                                               self.corpus), cwd=folder, capture_output=True)
            self.seconds = time.monotonic() - start
            text = done.stderr.decode("utf-8", "replace")
            with open(self.work + ".log", "w", encoding="utf-8") as f:
                f.write(text)
            for name in sorted(os.listdir(folder)):
                shutil.copy(os.path.join(folder, name), self.corpus)
                self.found.append(name)
            if done.returncode != 0 and not self.found:
                self.found.append(f"ended with {done.returncode}")
        self.read(text)
        return self

    def read(self, text):
        progress = re.findall(r"cov: (\d+) ft: (\d+)", text)
        if progress:
            self.cover, self.features = map(int, progress[-1])
        executed = re.search(r"number_of_executed_units: (\d+)", text)
        self.execs = int(executed.group(1)) if executed else 0

    def keep(self, most):
        """The smallest of the new inputs that reach what the corpus does not."""
        with tempfile.TemporaryDirectory(prefix="warifu-fuzz.") as folder:
            subprocess.run(self.command("-merge=1", f"-max_len={INPUT_MAX}", folder, self.corpus, self.work), cwd=folder,
                           capture_output=True)
            have = set(os.listdir(self.corpus))
            new = sorted((os.path.getsize(os.path.join(folder, n)), n) for n in os.listdir(folder)
                         if n not in have and same_as_none(os.path.join(folder, n), self.corpus))
            for size, name in new[:most]:
                if size <= INPUT_MAX:
                    shutil.copy(os.path.join(folder, name), os.path.join(self.corpus, name[:16]))
                    self.kept += 1


def same_as_none(path, folder):
    with open(path, "rb") as f:
        data = f.read()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            if f.read() == data:
                return False
    return True


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("targets", nargs="*", help="without fuzz_; all unless told")
    p.add_argument("--seconds", type=int, default=60, help="of each target")
    p.add_argument("--keep", type=int, default=0, metavar="N")
    p.add_argument("-j", "--jobs", type=int, default=max(1, os.cpu_count() or 1))
    return p.parse_args()


def main():
    args = arguments()
    sources = {n[5:-2] for n in os.listdir(os.path.join(SRC, "tests", "fuzz")) if n.startswith("fuzz_") and n.endswith(".c")}
    unknown = set(args.targets) - sources
    if unknown:
        raise SystemExit(f"no such target: {chr(32).join(sorted(unknown))}")
    runs = [Run(t) for t in args.targets or sorted(sources)]
    print(f"{'target':<14} {'seconds':>7} {'runs':>10} {'runs/s':>8} {'edges':>6} {'features':>8} {'corpus':>6}  found")

    def one(run):
        run.fuzz(args.seconds)
        if args.keep and not run.found:
            run.keep(args.keep)
        print(f"{run.target:<14} {run.seconds:>7.0f} {run.execs:>10} {run.execs / max(run.seconds, 1):>8.0f} {run.cover:>6} "
              f"{run.features:>8} {len(os.listdir(run.corpus)):>6}  {', '.join(run.found) or '-'}"
              + (f" (+{run.kept})" if run.kept else ""), flush=True)
    with ThreadPoolExecutor(max_workers=args.jobs) as pool:
        list(pool.map(one, runs))
    found = sum(len(r.found) for r in runs)
    print(f"{len(runs)} targets, {sum(r.execs for r in runs)} runs, {found} findings"
          + (", now in tests/fuzz/corpus" if found else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
