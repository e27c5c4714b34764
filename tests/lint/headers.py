# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, twice in a row, with both compilers."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lib import tap
from lint import _files as files


def complaint(compiler, header):
    """What the compiler says about a file that includes only this header; empty if nothing."""
    text = f'#include "{header}"\n#include "{header}"\ntypedef int lint_not_empty;\n'
    done = subprocess.run([compiler, *files.CFLAGS, "-fsyntax-only", "-x", "c", "-"], input=text, text=True,
                          capture_output=True, cwd=files.SRC)
    return "" if done.returncode == 0 else done.stderr


def check_all(compiler):
    if not shutil.which(compiler):
        tap.skip(f"{compiler} is not installed here")
    headers = files.product(".h")
    with ThreadPoolExecutor(max_workers=2) as pool:
        said = list(pool.map(lambda h: complaint(compiler, h), headers))
    bad = [(h, s) for h, s in zip(headers, said) if s]
    for header, text in bad:
        tap.note(f"{header}:\n{text[:1500]}")
    tap.check(not bad, f"{len(bad)} of {len(headers)} headers")


@tap.case
def headers_compile_alone_with_gcc():
    check_all("gcc")


@tap.case
def headers_compile_alone_with_clang():
    check_all("clang")


@tap.case
def headers_guard_themselves():
    bad = [h for h in files.product(".h") if "#ifndef WARIFU_" not in files.read(h) and not os.path.basename(h) == "tap.h"]
    for header in bad:
        tap.note(f"{header}: no include guard that begins with WARIFU_")
    tap.check(not bad, f"{len(bad)} headers")


tap.main()
