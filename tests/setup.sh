#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian 12 packages that a group of work needs, and nothing that stands already:
#
#	tests/setup.sh build|test|lint|demo|bench|soak ...        --list GROUP prints its packages
#
# Says nothing if all is there. Uses sudo unless run as root. A node and npm of your own
# (18 or newer) are used as they are; otherwise Debian's are installed.
set -eu

build='gcc libc6-dev make libssl-dev libsqlite3-dev libmaxminddb-dev libmicrohttpd-dev libnghttp2-dev libseccomp-dev'
geo='perl libmaxmind-db-writer-perl'
run='python3 openssl curl ca-certificates'
browsers='chromium chromium-driver firefox-esr'
oracles='python3-h11 python3-hpack python3-maxminddb python3-cryptography node-llhttp libhttp-parser-dev'
test="$build $geo $run $browsers $oracles git binutils clang universal-ctags python3-django strace valgrind"
lint="$test clang-tidy cppcheck man-db"
demo="$build $geo $run chromium chromium-driver firefox-esr"
bench="$build $geo $run nginx haproxy nghttp2-client"
soak="$build $geo $run nghttp2-client python3-hpack"

say() {
	echo "setup: $*" >&2
}

node_is_new() {
	command -v node >/dev/null && command -v npm >/dev/null &&
		[ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 18 ]
}

# The packages of a group, node's where there is no good one.
packages() {
	case $1 in
	build) echo "$build" ;;
	test) echo "$test" ;;
	lint) echo "$lint" ;;
	demo) echo "$demo" ;;
	bench) echo "$bench" ;;
	soak) echo "$soak" ;;
	*)
		say "no group $1 (build, test, lint, demo, bench, soak)"
		return 2
		;;
	esac
	case $1 in
	test | lint | demo) node_is_new || echo nodejs npm ;;
	esac
}

missing() {
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || echo "$p"
	done
}

# The last message before the end: what was wanted and how to get it by hand.
give_up() {
	tail -n 15 "$log" >&2
	say "could not install: $want"
	say "offline, or no right to? These commands, run by hand, do the same:"
	say "  apt-get update && apt-get install --no-install-recommends $want"
	exit 1
}

if [ "${1:-}" = --list ]; then
	packages "${2:-}" | tr ' ' '\n' | sort -u
	exit
fi
[ $# -gt 0 ] || set -- build
all=
for group in "$@"; do
	all="$all $(packages "$group")"
done
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "this is no Debian; please see to these yourself: $all"
	exit 0
fi
want=$(missing $all | sort -u | tr '\n' ' ')
[ -n "$want" ] || exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		say "not root, and sudo is missing. As root: apt-get install --no-install-recommends $want"
		exit 1
	}
	root=sudo
fi
say "installing $want"
log=$(mktemp)
# What is installed for a test must not begin to serve on this machine.
quiet=
if [ ! -e /usr/sbin/policy-rc.d ]; then
	quiet=/usr/sbin/policy-rc.d
	printf '#!/bin/sh\nexit 101\n' | $root tee "$quiet" >/dev/null
	$root chmod 755 "$quiet"
fi
trap '$root rm -f "$log" $quiet' EXIT
export DEBIAN_FRONTEND=noninteractive
apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0"
$apt update >"$log" 2>&1 || say "the package lists could not be refreshed; trying with the old ones"
$apt install --no-install-recommends $want >>"$log" 2>&1 || give_up
for p in nginx haproxy; do
	case " $want " in *" $p "*) $root systemctl disable "$p" >>"$log" 2>&1 || true ;; esac
done
still=$(missing $want)
[ -z "$still" ] || give_up
