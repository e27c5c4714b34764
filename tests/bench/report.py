# SPDX-License-Identifier: Apache-2.0
"""The tables of `make bench`. Ratios compare the same round of the same run; above 1 is more of the figure."""
import statistics


def summary(rounds):
    """{load: {proxy: medians and the ratio to nginx}} of {load: {proxy: [a round's figures]}}."""
    out = {}
    for load, proxies in rounds.items():
        base = proxies.get("nginx")
        for name, got in proxies.items():
            line = {key: round(statistics.median(r[key] for r in got), 2) for key in ("figure", "cpu_us", "per_s")}
            for key in ("p50_us", "p99_us"):
                if key in got[0]:
                    line[key] = round(statistics.median(r[key] for r in got), 1)
            line["lost"] = sum(r["lost"] for r in got)
            if base:
                line["ratio"] = round(statistics.median(a["figure"] / b["figure"] for a, b in zip(got, base)), 2)
            out.setdefault(load, {})[name] = line
    return out


def loads(table, units):
    print(f"\n{'':34} {'':9} {'CPU us':>8} {'figure':>9} {'':13} {'to nginx':>8} {'req/s':>8} {'lost':>5}")
    for load, proxies in table.items():
        label, unit = load, units[load]
        for name, r in proxies.items():
            ratio = f"{r['ratio']:.2f}" if "ratio" in r else "-"
            print(f"{label:34} {name:9} {r['cpu_us']:>8.1f} {r['figure']:>9.2f} {unit:13} {ratio:>8} {r['per_s']:>8.0f} {r['lost']:>5}")
            label = ""


def latency(found, rate):
    print(f"\n{f'latency at {rate} requests/s, us':34} {'p50':>8} {'p99':>8} {'p99.9':>8} {'added':>8} {'added':>8} {'added':>8} {'lost':>5}")
    for name, r in found.items():
        print(f"{name:34} {r['p50_us']:>8.0f} {r['p99_us']:>8.0f} {r['p999_us']:>8.0f} {r['added_p50_us']:>8.0f} {r['added_p99_us']:>8.0f} "
              f"{r['added_p999_us']:>8.0f} {r['lost']:>5}")


def decision(found):
    print(f"\n{'until the decision, in the log, us':34} {found['p50_us']:>8} {found['p99_us']:>8}   of {found['requests']} requests")


def idle(found):
    print(f"\n{'memory of idle TLS connections':34} {'open':>8} {'KiB each':>9} {'before MiB':>11} {'after MiB':>10}")
    for name, r in found.items():
        print(f"{name:34} {r['connections']:>8} {r['kib_each']:>9.2f} {r['before_mib']:>11} {r['after_mib']:>10}")


def threads(found):
    print(f"\n{'CPU a request with 1 and 2 threads':34} {'1':>8} {'2':>8} {'ratio':>8}")
    print(f"{'warifu, on all processors':34} {found['1']:>8.1f} {found['2']:>8.1f} {found['ratio']:>8.2f}")


def parts(found):
    print(f"\n{'parts':60} {'':>12}")
    for name, value, unit in found:
        print(f"{name:60} {value:>12} {unit}")
