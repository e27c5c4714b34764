#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles what compares warifu's HTTP/1 parser with others. The others come from Debian's
# packages (node-llhttp carries llhttp's C, libhttp-parser-dev) and stay where they are.
#
#   B=build/release CFLAGS_EXTRA= tests/oracle/build.sh          -> $B/oracle/h1_oracle
#   tests/oracle/build.sh fuzz                                   -> $B/oracle/fuzz_h1_oracle
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build/release}
OUT=$B/oracle
LLHTTP=/usr/share/llhttp
LLHTTP_H=/usr/share/include/llhttp
WARN="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror"
SEEN="tests/oracle/h1_seen.c tests/oracle/h1_seen_warifu.c tests/oracle/h1_seen_llhttp.c
 tests/oracle/h1_seen_http_parser.c"

for f in $LLHTTP/llhttp.c $LLHTTP_H/llhttp.h /usr/include/http_parser.h; do
	[ -r "$f" ] || { echo "missing $f: apt install node-llhttp libhttp-parser-dev" >&2; exit 1; }
done
mkdir -p "$OUT"

# $1 compiler, $2 flags, $3 suffix: llhttp is generated code, compiled once and without our
# warnings.
compile_llhttp() {
	for f in llhttp api http; do
		o=$OUT/$f$3.o
		[ "$o" -nt "$LLHTTP/$f.c" ] && continue
		$1 -O1 $2 -w -I$LLHTTP_H -c -o "$o.$$" "$LLHTTP/$f.c" && mv "$o.$$" "$o"
	done
	LLHTTP_O="$OUT/llhttp$3.o $OUT/api$3.o $OUT/http$3.o"
}

if [ "${1:-}" = fuzz ]; then
	FLAGS="-fsanitize=address,undefined,fuzzer -fno-sanitize-recover=all -g"
	compile_llhttp clang "-fsanitize=fuzzer-no-link -g" -fuzz
	# shellcheck disable=SC2086
	clang -std=c11 -O1 $FLAGS $WARN -I. -isystem $LLHTTP_H -D_GNU_SOURCE \
		-o "$OUT/fuzz_h1_oracle" tests/oracle/fuzz_h1_oracle.c $SEEN \
		proxy/base/reason.c proxy/base/must.c proxy/base/text.c proxy/wire/chars.c \
		proxy/wire/method.c proxy/wire/authority.c proxy/wire/fields.c proxy/wire/lines.c \
		proxy/wire/h1_frame.c proxy/wire/h1_request.c proxy/wire/h1_response.c \
		proxy/wire/h1_out.c proxy/wire/chunk.c $LLHTTP_O -lhttp_parser
	exit 0
fi

compile_llhttp "${CC:-gcc}" "${CFLAGS_EXTRA:-}" ""
# shellcheck disable=SC2086
${CC:-gcc} -std=c11 -O2 -g ${CFLAGS_EXTRA:-} $WARN -I. -isystem $LLHTTP_H -D_GNU_SOURCE \
	-o "$OUT/h1_oracle" tests/oracle/h1_oracle.c tests/oracle/h1_mutate.c $SEEN \
	$LLHTTP_O "$B/libwarifu.a" -lhttp_parser
