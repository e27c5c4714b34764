# SPDX-License-Identifier: Apache-2.0
"""Addresses that a client can seem to come from, and geo files that know them.

The addresses are only ever written into PROXY headers on loopback. Geo files are made by
tests/geo/mkmmdb.py; both country files agree except on `disputed`, which the second one puts
elsewhere (as free databases do with a Japanese carrier).
"""
import json
import os
import subprocess

from lib import tap
from lib.world import SRC

# name: (address, network, country, country in the second file, AS number, its owner)
PLACES = {
    "office": ("126.10.20.30", "126.0.0.0/8", "JP", "JP", 17676, "Office line"),
    "office6": ("2400:2410:1234::9", "2400:2410::/32", "JP", "JP", 17676, "Office line"),
    "mobile": ("1.75.4.9", "1.72.0.0/13", "JP", "JP", 9605, "Mobile carrier"),
    "home": ("153.128.7.7", "153.128.0.0/9", "JP", "JP", 4713, "Home line"),
    "disputed": ("49.96.1.1", "49.96.0.0/14", "JP", "SG", 9605, "Mobile carrier"),
    "abroad": ("175.45.176.9", "175.45.176.0/22", "KP", "KP", 131279, "Far away"),
    "hosting": ("5.188.10.9", "5.188.0.0/16", "RU", "RU", 49505, "Hosting"),
    "nowhere": ("45.99.1.2", None, None, None, None, None),
}


def address(place):
    """The address of a named place; anything else is taken as an address."""
    return PLACES[place][0] if place in PLACES else place


def geo(world):
    """Make the files; returns the geo block for lib.settings.Front."""
    rows = [p for p in PLACES.values() if p[1]]
    country = lambda code: {"country": {"iso_code": code}}
    made = {
        "country": ("Country", {p[1]: country(p[2]) for p in rows}),
        "country-second": ("Country", {p[1]: country(p[3]) for p in rows}),
        "asn": ("ASN", {p[1]: {"autonomous_system_number": p[4], "autonomous_system_organization": p[5]} for p in rows}),
    }
    folder, settings = world.folder("geo"), {}
    for name, (kind, records) in made.items():
        path = os.path.join(folder, name + ".mmdb")
        done = subprocess.run(["/usr/bin/python3", os.path.join(SRC, "tests", "geo", "mkmmdb.py"), path, "warifu-" + kind]
                              + [f"{prefix}={json.dumps(value)}" for prefix, value in records.items()],
                              capture_output=True, text=True)
        tap.check(done.returncode == 0, done.stderr)
        settings[name] = f'"{path}"'
    return settings
