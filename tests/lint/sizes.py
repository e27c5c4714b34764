# SPDX-License-Identifier: Apache-2.0
# warifu-test: full
"""No function over 80 lines, no file over 500; the median and the 90th percentile as promised."""
import json
import statistics
import subprocess

from lib import tap
from lint import _files as files

FUNCTION_MAX, FILE_MAX, MEDIAN_MAX, P90_MAX = 80, 500, 15, 45


def functions(names):
    """[(lines, file, first line, name)] of every C function, by ctags' end fields."""
    if not names:
        return []
    done = subprocess.run(["ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+ne",
                           "--output-format=json", "-f", "-", "-L", "-"], input="\n".join(names), text=True,
                          capture_output=True, cwd=files.SRC)
    tap.check(done.returncode == 0, f"ctags: {done.stderr}")
    tags = [json.loads(line) for line in done.stdout.splitlines()]
    # The name stands in column 0 below the return type: one line more than ctags counts.
    return [(t["end"] - t["line"] + 2, t["path"], t["line"], t["name"]) for t in tags if "end" in t]


def percentile(sizes, share):
    return sorted(sizes)[min(len(sizes) - 1, int(len(sizes) * share))]


@tap.case
def functions_are_short():
    found = functions(files.product(".c", ".h"))
    sizes = [f[0] for f in found]
    if sizes:
        tap.note(f"{len(sizes)} functions, median {statistics.median(sizes):.0f}, p90 {percentile(sizes, 0.9)}, "
                 f"longest {max(sizes)}")
    for lines, path, at, name in sorted(found, reverse=True)[:5]:
        tap.note(f"  {lines:3} {path}:{at} {name}")
    bad = [f for f in found if f[0] > FUNCTION_MAX]
    tap.check(not bad, f"over {FUNCTION_MAX} lines: " + ", ".join(f"{f[1]}:{f[2]} {f[3]} ({f[0]})" for f in bad))
    if len(sizes) > 100:
        tap.check(statistics.median(sizes) <= MEDIAN_MAX, "median of the product's functions")
        tap.check(percentile(sizes, 0.9) <= P90_MAX, "90th percentile of the product's functions")


@tap.case
def test_functions_are_short():
    bad = [f for f in functions([n for n in files.all_files() if n.startswith("tests/") and n.endswith(".c")])
           if f[0] > FUNCTION_MAX]
    tap.check(not bad, f"over {FUNCTION_MAX} lines: " + ", ".join(f"{f[1]}:{f[2]} {f[3]} ({f[0]})" for f in bad))


@tap.case
def files_are_short():
    bad, sizes = [], []
    for name in files.all_files():
        if not name.endswith((".c", ".h", ".def", ".py", ".js", ".sh", ".pl")):
            continue
        lines = files.read(name).count("\n")
        if name.startswith(files.PRODUCT):
            sizes.append(lines)
        if lines > FILE_MAX:
            bad.append(f"{name} ({lines})")
    if sizes:
        tap.note(f"{len(sizes)} product files, {sum(sizes)} lines, median {statistics.median(sizes):.0f}, longest {max(sizes)}")
    tap.check(not bad, f"over {FILE_MAX} lines: {', '.join(bad)}")


tap.main()
