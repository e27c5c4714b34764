#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small writer of MaxMind DB files, good and broken ones, for tests and the demo.

    mkmmdb.py FILE TYPE PREFIX=JSON...   one database with these records
    mkmmdb.py --set DIR                  the files that tests/unit/test_place.c reads

It shares no code with what it tests and needs only Python's standard library. Numbers in
JSON become uint32, or double if they have a point.
"""
import ipaddress
import json
import os
import struct
import sys

MARKER = b"\xab\xcd\xefMaxMind.com"
EPOCH = 1767225600


class Raw(bytes):
    """Bytes that stand in the file as they are."""


class U16(int):
    pass


class U64(int):
    pass


def control(kind, size):
    ext = b""
    if kind > 7:
        ext = bytes([kind - 7])
        kind = 0
    if size < 29:
        return bytes([kind << 5 | size]) + ext
    if size < 285:
        return bytes([kind << 5 | 29]) + ext + bytes([size - 29])
    if size < 65821:
        return bytes([kind << 5 | 30]) + ext + struct.pack(">H", size - 285)
    return bytes([kind << 5 | 31]) + ext + struct.pack(">I", size - 65821)[1:]


def number(kind, value):
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return control(kind, len(raw)) + raw


def encode(v):
    if isinstance(v, Raw):
        return bytes(v)
    if isinstance(v, str):
        raw = v.encode()
        return control(2, len(raw)) + raw
    if isinstance(v, bool):
        return control(14, int(v))
    if isinstance(v, float):
        return control(3, 8) + struct.pack(">d", v)
    if isinstance(v, U16):
        return number(5, v)
    if isinstance(v, U64):
        return number(9, v)
    if isinstance(v, int):
        return number(6, v) if v < 1 << 32 else number(9, v)
    if isinstance(v, list):
        return control(11, len(v)) + b"".join(map(encode, v))
    if isinstance(v, dict):
        pairs = b"".join(encode(k) + encode(x) for k, x in v.items())
        return control(7, len(v)) + pairs
    raise TypeError(type(v))


def pointer(offset):
    return Raw(b"\x38" + struct.pack(">I", offset))


class Writer:
    def __init__(self, kind="Test", version=6, bits=28):
        self.kind, self.version, self.bits = kind, version, bits
        self.nodes = [[None, None]]
        self.data = b""
        self.offsets = {}

    def _path(self, prefix):
        net = ipaddress.ip_network(prefix)
        if net.version > self.version:
            raise ValueError("IPv6 in an IPv4 database")
        value, length = int(net.network_address), net.prefixlen
        width = 32 if net.version == 4 else 128
        if net.version == 4 and self.version == 6:
            length += 96
            width = 128
        return [value >> (width - 1 - i) & 1 for i in range(length)]

    def put(self, value):
        raw = encode(value)
        if raw not in self.offsets:
            self.offsets[raw] = len(self.data)
            self.data += raw
        return self.offsets[raw]

    def add(self, prefix, value):
        bits = self._path(prefix)
        at = 0
        for bit in bits[:-1]:
            child = self.nodes[at][bit]
            if child is None or child[0] == "data":
                self.nodes.append([child, child])
                child = self.nodes[at][bit] = ("node", len(self.nodes) - 1)
            at = child[1]
        self.nodes[at][bits[-1]] = ("data", self.put(value))
        return self

    def record(self, child):
        if child is None:
            return len(self.nodes)
        if child[0] == "node":
            return child[1]
        if child[0] == "raw":
            return child[1]
        return len(self.nodes) + 16 + child[1]

    def tree(self):
        out = bytearray()
        for left, right in self.nodes:
            a, b = self.record(left), self.record(right)
            if self.bits == 24:
                out += a.to_bytes(3, "big") + b.to_bytes(3, "big")
            elif self.bits == 28:
                out += (a & 0xffffff).to_bytes(3, "big")
                out.append((a >> 24) << 4 | b >> 24)
                out += (b & 0xffffff).to_bytes(3, "big")
            else:
                out += a.to_bytes(4, "big") + b.to_bytes(4, "big")
        return bytes(out)

    def meta(self):
        return {
            "binary_format_major_version": U16(2),
            "binary_format_minor_version": U16(0),
            "build_epoch": U64(EPOCH),
            "database_type": self.kind,
            "description": {"en": "made by tests/geo/mkmmdb.py"},
            "ip_version": U16(self.version),
            "languages": ["en", "ja"],
            "node_count": len(self.nodes),
            "record_size": U16(self.bits),
        }

    def body(self):
        return self.tree() + bytes(16) + self.data

    def bytes(self, **changes):
        meta = self.meta()
        meta.update(changes)
        for name in [k for k, v in meta.items() if v is None]:
            del meta[name]
        return self.body() + MARKER + encode(meta)


def flat_city(country, region, city):
    return {"city": city, "country_code": country, "latitude": 1.5, "longitude": 2.5,
            "postcode": "", "state1": region, "state2": "", "timezone": ""}


def nested_city(country, region, city):
    return {
        "city": {"geoname_id": 7, "names": {"de": "x", "en": city, "ja": "都市"}},
        "continent": {"code": "AS", "names": {"en": "Asia"}},
        "country": {"iso_code": country, "names": {"en": "Somewhere"}},
        "registered_country": {"iso_code": "XK"},
        "subdivisions": [{"iso_code": "13", "names": {"en": region}},
                         {"iso_code": "14", "names": {"en": "Other"}}],
    }


def asn(nr, name):
    return {"autonomous_system_number": nr, "autonomous_system_organization": name}


def good_set():
    """Documentation and benchmark prefixes only (RFC 5737, RFC 3849, RFC 2544)."""
    yield "country-a", (Writer("A-Country")
        .add("192.0.2.0/24", {"country_code": "JP"})
        .add("198.51.100.0/24", {"country_code": "JP"})
        .add("198.51.100.128/25", {"country_code": "KR"})
        .add("203.0.113.0/24", {"country_code": "KR"})
        .add("10.0.0.0/8", {"country_code": "JP"})
        .add("2001:db8:1::/48", {"country_code": "JP"})
        .add("2001:db8:2::/48", {"country_code": "US"}))
    yield "country-b", (Writer("B-Country", bits=24)
        .add("192.0.2.0/24", {"country": {"iso_code": "JP"}})
        .add("198.51.100.0/24", {"country": {"iso_code": "SG"}})
        .add("203.0.113.0/24", {"country": {"iso_code": "KR"}})
        .add("2001:db8:1::/48", {"country": {"iso_code": "JP"}})
        .add("2001:db8:2::/48", {"country": {"iso_code": "US"}}))
    yield "city-flat4", (Writer("Flat-City", version=4, bits=32)
        .add("192.0.2.0/24", flat_city("JP", "Tokyo", "千代田区"))
        .add("203.0.113.0/24", flat_city("KR", "Seoul", "")))
    yield "city-flat6", (Writer("Flat-City", bits=24)
        .add("2001:db8:1::/48", flat_city("JP", "Osaka", "Osaka" + "区" * 40)))
    yield "city-nested", (Writer("Nested-City")
        .add("192.0.2.0/24", nested_city("JP", "Tokyo", "Chiyoda City"))
        .add("203.0.113.0/24", nested_city("KR", "Seoul", "Jung-gu"))
        .add("2001:db8:1::/48", nested_city("JP", "Osaka", "Osaka")))
    yield "asn", (Writer("Test-ASN", bits=32)
        .add("192.0.2.0/24", asn(64496, "Example Café KK"))
        .add("203.0.113.0/24", asn(4200000000, "Big number"))
        .add("2001:db8:1::/48", asn(64497, "Six")))


def with_data(value):
    """198.51.100.1 has the record in question; another record is as it should be."""
    return (Writer("Odd").add("192.0.2.0/24", {"country_code": "JP"})
            .add("198.51.100.0/24", value))


def odd_set():
    """Files that are well-formed, but the record of 198.51.100.1 tells nothing."""
    for name, value in {
        "number": {"country_code": 81},
        "list": {"country_code": ["JP"]},
        "long": {"country_code": "JPN"},
        "small": {"country_code": "jp"},
        "zz": {"country_code": "ZZ"},
        "utf8": {"country_code": Raw(b"\x42\xff\xfe"), "city": Raw(b"\x43a\x80b")},
        "nul": {"country_code": Raw(b"\x42J\0"), "city": Raw(b"\x43a\0b")},
        "no-code": {"country": {"names": {"en": "Japan"}}},
        "names": {"country": {"iso_code": 7}, "city": {"names": "Tokyo"},
                  "subdivisions": {"names": {"en": "x"}}},
        "none": {"subdivisions": [], "city": {}, "country": {}},
        "asn": asn("64496", 7),
        "asn-big": asn(1 << 40, True),
        "bool": {"country_code": True, "city": False},
        "empty": {},
        "pointer-to-map": Raw(b"\xe1" + encode("country_code") + b"\x20\x00"),
        "key-number": Raw(b"\xe1" + encode(5) + encode("JP")),
    }.items():
        yield "odd-" + name, with_data(value)


def nest(depth, kind=b"\x01\x04"):
    return Raw(kind * depth + b"\xe0")


def rot_set():
    """Files whose record of 198.51.100.1 is malformed: only a deep check can see it."""
    for name, value in {
        "pointer-out": Raw(b"\xe1" + encode("country_code") + pointer(1 << 30)),
        "map-size": Raw(b"\xff\xff\xff\xff" + encode("country_code") + encode("JP")),
        "array-size": Raw(b"\xe1" + encode("subdivisions") + b"\x1f\x04\xff\xff\xff"),
        "string-size": Raw(b"\xe1" + encode("city") + b"\x5f\xff\xff\xff"),
        "deep-key": Raw(b"\xe1" + encode("x") + nest(200000)),
        "deep-then-code": Raw(b"\xe2" + encode("x") + nest(3000000) +
                              encode("country_code") + encode("JP")),
        "type-0": Raw(b"\xe1" + encode("country_code") + b"\x00\x00"),
        "type-12": Raw(b"\xe1" + encode("country_code") + b"\x01\x05"),
        "uint32-5": Raw(b"\xe1" + encode("country_code") + b"\xc5\1\2\3\4\5"),
        "double-7": Raw(b"\xe1" + encode("country_code") + b"\x67\1\2\3\4\5\6\7"),
    }.items():
        yield "rot-" + name, with_data(value).bytes()
    w = with_data({"country_code": "JP"})
    w.data += b"\x28\x00" + b"\x28\x00"  # two pointers, the first leads to the second
    w.add("198.51.100.0/24", {"country_code": Raw(b"\x38" + struct.pack(
        ">I", len(w.data) - 4))})
    yield "rot-pointer-chain", w.bytes()
    w = with_data("x")
    at = len(w.data)
    w.add("198.51.100.0/24", Raw(b"\xe2" + encode("a") + pointer(at) +
                                 encode("b") + pointer(at)))
    # Not malformed in itself: a map that holds itself twice, endless for the credulous.
    yield "odd-self", w.bytes()
    for name, record in {"outside": 0xfffffff, "separator": None}.items():
        w = with_data({})
        w.nodes[0][1] = ("raw", record if record else len(w.nodes) + 3)
        w.nodes.append([("raw", 0xfffffff), ("raw", 0)])
        yield "rot-tree-" + name, w.bytes()


def bad_set():
    """Files that must not open at all."""
    good = with_data({"country_code": "JP"})
    whole = good.bytes()
    yield "bad-empty", b""
    yield "bad-text", b"<html>404 not found</html>\n" * 100
    yield "bad-half", whole[:len(whole) // 2]
    yield "bad-no-end", whole[:-40]
    yield "bad-marker-only", good.body() + MARKER
    yield "bad-marker-far", whole + bytes(200 * 1024)
    yield "bad-only-meta", whole[len(good.body()):]
    yield "bad-short-tree", whole[300:]
    for name, changes in {
        "nodes-0": {"node_count": 0},
        "nodes-many": {"node_count": 0xffffffff},
        "nodes-text": {"node_count": "12"},
        "nodes-wide": {"node_count": Raw(b"\xc5\1\2\3\4\5")},
        "bits-20": {"record_size": U16(20)},
        "bits-0": {"record_size": U16(0)},
        "bits-type": {"record_size": 28},
        "ip-5": {"ip_version": U16(5)},
        "major-3": {"binary_format_major_version": U16(3)},
        "no-epoch": {"build_epoch": None},
        "epoch-0": {"build_epoch": U64(0)},
        "no-languages": {"languages": None},
        "no-description": {"description": None},
        "no-type": {"database_type": None},
        "type-number": {"database_type": 5},
        "languages-map": {"languages": {"en": "en"}},
        "languages-numbers": {"languages": [1, 2]},
        "languages-size": {"languages": Raw(b"\x1f\x04\xff\xff\xff")},
        "description-numbers": {"description": {"en": 5}},
        "deep": {"a": nest(60000)},
        "deep-languages": {"languages": nest(60000)},
        "many": {"a": [0] * 5000},
        "pointer": {"languages": pointer(0)},
        "pointer-out": {"description": pointer(1 << 28)},
    }.items():
        yield "bad-" + name, good.bytes(**changes)
    yield "bad-meta-text", good.body() + MARKER + encode("hello")
    yield "bad-meta-cut", good.body() + MARKER + encode(good.meta())[:-3]


def write_set(folder):
    os.makedirs(folder, exist_ok=True)
    for source in good_set, odd_set, rot_set, bad_set:
        for name, what in source():
            raw = what.bytes() if isinstance(what, Writer) else what
            with open(os.path.join(folder, name + ".mmdb"), "wb") as f:
                f.write(raw)


def main(argv):
    if len(argv) == 3 and argv[1] == "--set":
        write_set(argv[2])
        return 0
    if len(argv) < 4:
        sys.stderr.write(__doc__)
        return 2
    w = Writer(argv[2])
    for arg in argv[3:]:
        prefix, _, value = arg.partition("=")
        w.add(prefix, json.loads(value))
    with open(argv[1], "wb") as f:
        f.write(w.bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
