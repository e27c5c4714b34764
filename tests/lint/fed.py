# SPDX-License-Identifier: Apache-2.0
"""What the tables promise is kept: every setting is read, every metric fed, every event and reason told.

A setting that nobody reads is a promise broken in silence; so is a metric that stays 0 while the thing
it counts happens. LATER names what stands in a table for an issue that is to come.
"""
import re

from lib import tap
from lint import _files as files

LATER = {
    # device keys and step-up
    "REC_EVENT_CHALLENGE", "REC_EVENT_CHALLENGE_OK", "REC_EVENT_CHALLENGE_BAD",
    "REC_EVENT_FORK", "METRIC_EV_FORK", "METRIC_CHAL_FAILED", "METRIC_CHAL_EXPIRED",
    "METRIC_TLS_CLIENT_CERT",
    # told by the records of decisions and outcomes, by bind, and by a metric
    "REC_EVENT_LOGIN", "REC_EVENT_CONTEXT_NEW", "REC_EVENT_REFUSED_TLS",
    # a person's data are erased by command
    "REC_EVENT_ERASE",
    # read-only resolves to allow or refuse inside the policy
    "REASON_READ_ONLY",
}


def code(but):
    """All product code but the files that hold the tables and their loaders."""
    return "\n".join(files.read(n) for n in files.product(".c", ".h") if not n.startswith(but))


def missing(table, pattern, prefix, but=("proxy/base/metric", "proxy/base/reason")):
    text, found = code(but), []
    for name in re.findall(pattern, files.read(table), re.M):
        whole = prefix + name
        if whole not in LATER and not re.search(rf"\b{whole}\b", text):
            found.append(whole)
    return found


@tap.case
def every_setting_is_read():
    text, found = code(("proxy/conf/",)), []
    for field, key in re.findall(r'^(?:UINT|FLAG|TEXT|CHOICE|RATE)\(\w+, (\w+), "([\w-]+)"',
                                 files.read("proxy/conf/conf.def"), re.M):
        if not re.search(rf"[.>]{field}\b", text):
            found.append(key)
    tap.check(not found, f"settings that nothing reads: {', '.join(found)}")


@tap.case
def every_metric_is_fed():
    dynamic = re.compile(r"METRIC_(CLASS|STATUS)_")  # base + index
    found = [n for n in missing("proxy/base/metric.def", r"^METRIC_(?:CELL|HIST)\(\w+, (\w+),", "METRIC_")
             if not dynamic.match(n)]
    tap.check(not found, f"metrics that nothing feeds: {', '.join(found)}")


@tap.case
def every_event_is_told():
    found = missing("proxy/audit/event.def", r"^EVENT\(\d+, (\w+),", "REC_EVENT_")
    tap.check(not found, f"events that nothing tells: {', '.join(found)}")


@tap.case
def every_reason_is_given():
    found = missing("proxy/base/reason.def", r"^REASON\(\d+, (\w+),", "REASON_")
    tap.check(not found, f"reasons that nothing gives: {', '.join(found)}")


@tap.case
def nothing_waits_for_later_that_is_here():
    text = code(("proxy/base/metric", "proxy/base/reason"))
    found = [n for n in sorted(LATER) if re.search(rf"\b{n}\b", text)]
    tap.check(not found, f"no longer later: {', '.join(found)}")


tap.main()
