#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts the node packages of the test backends (tests/backends/package.json) into build/node.
# Does nothing if they stand there already. Quiet unless it fails.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:-$here/../build/node}
lock=$here/backends/package-lock.json

if [ -f "$into/installed.lock" ] && cmp -s "$lock" "$into/installed.lock"; then
	exit 0
fi
command -v npm >/dev/null || {
	echo "setup-node: npm is missing; run tests/setup.sh test first" >&2
	exit 1
}
mkdir -p "$into"
cp "$here/backends/package.json" "$lock" "$into/"
log=$into/npm.log
if ! (cd "$into" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$log" 2>&1; then
	cat "$log" >&2
	echo "setup-node: the node packages of the test backends could not be fetched." >&2
	echo "setup-node: is the npm registry within reach ($(npm config get registry 2>/dev/null))?" >&2
	exit 1
fi
cp "$lock" "$into/installed.lock"
