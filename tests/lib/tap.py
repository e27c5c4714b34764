# SPDX-License-Identifier: Apache-2.0
"""TAP for Python tests: cases by decorator or by call, checks that say what they saw.

    @tap.case
    def refuses_two_hosts():
        tap.equal(answer.status, 400)

    tap.main()

A case fails at its first failed check (an exception). `tap.run(name, fn)` runs a case at
once, for lists of cases known only at run time. Hooks given to `on_failure` print what
helps to understand, for instance the logs of the processes of a world.
"""
import sys
import traceback

_cases = []
_hooks = []
_ends = []
_count = 0
_failed = 0


class Failure(Exception):
    """A check did not hold."""


class Skip(Exception):
    """A thing that this machine truly cannot do; the reason is the message."""


def case(fn):
    """Register a case; its name is the function's."""
    _cases.append((fn.__name__, fn))
    return fn


def on_failure(hook):
    _hooks.append(hook)


def on_end(hook):
    """Called once when all cases ran, after the test's own teardown; the newest first."""
    _ends.append(hook)


def note(*words):
    """A diagnostic line, any text made safe for TAP."""
    text = " ".join(str(w) for w in words)
    for line in text.splitlines() or [""]:
        print("# " + line, flush=True)


def skip(reason):
    raise Skip(reason)


def check(condition, message="check failed"):
    if not condition:
        raise Failure(message)


def equal(got, wanted, message=""):
    if got != wanted:
        raise Failure(f"{str(message) + ': ' if message else ''}got {_short(got)}, wanted {_short(wanted)}")


def within(got, low, high, message=""):
    if not low <= got <= high:
        raise Failure(f"{message + ': ' if message else ''}{got} is not in {low}..{high}")


def contains(text, part, message=""):
    if part not in text:
        raise Failure(f"{message + ': ' if message else ''}no {part!r} in {_short(text)}")


def raises(kind, fn, *args):
    try:
        fn(*args)
    except kind as e:
        return e
    raise Failure(f"no {kind.__name__} from {getattr(fn, '__name__', fn)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 400 else text[:380] + f"… ({len(text)} characters)"


def run(name, fn, *args):
    """Run one case now and print its line; returns whether it held."""
    global _count, _failed
    _count += 1
    try:
        fn(*args)
    except Skip as e:
        print(f"ok {_count} - {name} # SKIP {e}", flush=True)
        return True
    except Exception as e:
        if isinstance(e, Failure):
            where = traceback.extract_tb(e.__traceback__)
            lines = [f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in where[1:-1]]
            note(f"{e}  ({' > '.join(lines)})")
        else:
            note(traceback.format_exc())
        for hook in _hooks:
            try:
                hook()
            except Exception:
                note("while explaining: " + traceback.format_exc())
        print(f"not ok {_count} - {name}", flush=True)
        _failed += 1
        return False
    print(f"ok {_count} - {name}", flush=True)
    return True


def main(setup=None, teardown=None):
    """Run every registered case and leave with the right exit code."""
    try:
        if setup:
            setup()
        for name, fn in _cases:
            run(name, fn)
    except Exception:
        note(traceback.format_exc())
        for hook in _hooks:
            hook()
        run("setup", lambda: check(False, "the setup failed"))
    finally:
        if teardown:
            teardown()
    finish()


def _end():
    while _ends:
        _ends.pop()()


def finish():
    _end()
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)
