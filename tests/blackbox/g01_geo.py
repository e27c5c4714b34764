# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Geo files that are missing, cut, broken or overwritten: a clear error, the old ones stay, nothing dies."""
import hashlib
import json
import os
import random
import subprocess
import threading

from lib import evidence, places, tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import BIN, SRC, World, wait_until

world = World("geo")


def setup():
    global backend, front, files, good, owner
    backend = start_express(world)
    front = Front(world, [site("wallet", evidence.HOST, backend.port, recipe="express")], geo=places.geo(world), limits=evidence.LIMITS)
    folder = world.path("geo")
    files = {n: os.path.join(folder, n) for n in sorted(os.listdir(folder))}
    good = {n: read(p) for n, p in files.items()}
    owner = front.client(evidence.HOST, places.address("office"), agent=evidence.AGENT)
    tap.equal(login_express(owner, "alice").status, 303)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def put(name, data):
    """In place, as a careless admin does it: the file that was given out is overwritten."""
    with open(files[name], "r+b" if os.path.exists(files[name]) else "wb") as f:
        f.write(data)
        f.truncate(len(data))


def mend():
    for name, data in good.items():
        put(name, data)


counter = iter(range(1, 100000))


def decided():
    """The decision on one more request of the owner's."""
    path = f"/api/k/geo/{next(counter)}"
    answer = owner.get(path)
    tap.equal(answer.status, 404, answer.status == 404 or [r for r in front.gate.records(kind="decision")][-1])
    return wait_until(lambda: front.gate.records(kind="decision", path=path), 10, "the decision")[0]


def version(name):
    return hashlib.sha256(read(files[name])).hexdigest()[:16]


def run(verb, conf):
    done = subprocess.run([BIN, verb, "-c", world.write("other.conf", conf)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def refused(name):
    """A reload fails, says which file, and changes nothing."""
    before = decided()
    # an administrator can still look and act, whatever the settings' files are like
    tap.contains(front.gate.cli("session", "list").stdout, "alice")
    done = front.gate.cli("reload", check=False)
    tap.check(done.returncode != 0, f"a reload with a bad {name} is taken")
    tap.contains(done.stdout + done.stderr, name)
    after = decided()
    for key in ("country", "country2", "asn", "geo_db", "geo_db2", "asn_db", "settings"):
        tap.equal(after.get(key), before.get(key), key)


@tap.case
def decisions_name_the_files_that_they_used():
    r = decided()
    tap.equal((r["country"], r["country2"], r["asn"]), ("JP", "JP", 17676))
    tap.equal((r["geo_db"], r["geo_db2"], r["asn_db"]),
              (version("country.mmdb"), version("country-second.mmdb"), version("asn.mmdb")))


@tap.case
def without_a_file_nothing_starts_and_the_error_names_it():
    for verb in ("check", "run"):
        code, words = run(verb, front.text().replace("asn.mmdb", "nowhere.mmdb"))
        tap.check(code not in (0, None) and code > 0, f"{verb}: {code}")
        tap.contains(words, "nowhere.mmdb")
        tap.contains(words, "other.conf:")
    tap.equal(read(files["asn.mmdb"]), good["asn.mmdb"])


@tap.case
def a_broken_file_starts_nothing_either():
    path = world.path("broken.mmdb")
    for what, data in (("empty", b""), ("text", b"hello\n" * 1000), ("half", good["asn.mmdb"][:len(good["asn.mmdb"]) // 2]),
                       ("no end", good["asn.mmdb"][:-10])):
        with open(path, "wb") as f:
            f.write(data)
        code, words = run("check", front.text().replace(files["asn.mmdb"], path))
        tap.check(code > 0, f"{what}: {code}")
        tap.contains(words, "broken.mmdb", what)


@tap.case
def a_file_that_is_gone_or_cut_at_a_reload_changes_nothing():
    for name in files:
        os.rename(files[name], files[name] + ".away")
        refused(name)
        os.rename(files[name] + ".away", files[name])
        put(name, good[name][:len(good[name]) // 2])
        refused(name)
        mend()
    tap.equal(front.gate.cli("reload").returncode, 0)
    wait_until(lambda: len(front.gate.records(event="reload_refused")) == 2 * len(files), 10, "records of the refused reloads")


@tap.case
def files_overwritten_under_load_kill_nobody():
    """No reload: what the gate reads is its own copy. With reloads: taken whole or refused."""
    stop, bad, count = threading.Event(), [], [0, 0]

    def client(n):
        c = front.client(evidence.HOST, places.address("office"), agent=evidence.AGENT)
        c.jar = dict(owner.jar)
        while not stop.is_set():
            try:
                answer = c.get(f"/api/k/load/{n}").status
            except evidence.BROKEN as e:
                answer = repr(e)
            count[0] += 1
            if answer != 404:
                bad.append(answer)

    threads = [threading.Thread(target=client, args=(n,), daemon=True) for n in range(3)]
    for t in threads:
        t.start()
    dice = random.Random(3)
    try:
        for turn in range(60):
            name = dice.choice(list(files))
            data = bytearray(good[name])
            if turn % 3 == 0:
                data = data[:dice.randrange(len(data))]
            else:
                for _ in range(dice.choice((1, 8, 200))):
                    data[dice.randrange(len(data))] = dice.randrange(256)
            put(name, bytes(data))
            if turn % 2:
                count[1] += front.gate.cli("reload", check=False).returncode == 0
            put(name, good[name])
    finally:
        stop.set()
        for t in threads:
            t.join(30)
        mend()
    tap.note(f"{count[0]} requests, 30 reloads of which {count[1]} were taken")
    tap.equal(bad, [], "answers")
    tap.check(count[0] > 100, count)
    tap.equal(front.gate.records(event="child_restart"), [], "processes that died")
    front.gate.cli("reload")
    tap.equal(decided()["country"], "JP")


@tap.case
def a_new_file_is_taken_over_without_a_restart():
    old = version("country.mmdb")
    made = subprocess.run(["/usr/bin/python3", os.path.join(SRC, "tests", "geo", "mkmmdb.py"), world.path("new.mmdb"), "warifu-Country",
                           "126.0.0.0/8=" + json.dumps({"country": {"iso_code": "KR"}})], capture_output=True, text=True)
    tap.equal(made.returncode, 0, made.stderr)
    os.replace(world.path("new.mmdb"), files["country.mmdb"])
    tap.equal(decided()["geo_db"], old, "before the reload")
    front.gate.cli("reload")
    wait_until(lambda: decided()["geo_db"] != old, 10, "the threads take it over")
    r = decided()
    tap.equal((r["geo_db"], r["country"], r["country2"]), (version("country.mmdb"), "KR", "JP"))
    front.gate.stop()
    evidence.verified(front.gate)


tap.main(setup, world.stop)
