#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# certs/mkdev.sh OUTDIR NAME... - a throw-away CA and certificates for demo and tests.
#
# Writes OUTDIR/ca.pem and ca.key, and for each host NAME.ec.pem, NAME.ec.key, NAME.rsa.pem
# and NAME.rsa.key (a "*." becomes "any."). A NAME may be an address in digits. A NAME
# written client:NAME makes a client certificate, client-NAME.pem and .key (EC).
# What is there already, and good for another week, stays; delete OUTDIR to start anew.
# Never use this CA for anything real: its key lies beside it.
set -eu
umask 077

[ $# -ge 2 ] || { echo "usage: certs/mkdev.sh OUTDIR NAME..." >&2; exit 2; }
out=$1
shift
mkdir -p "$out"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() {
	"$@" >"$log" 2>&1 || { cat "$log" >&2; echo "mkdev.sh: $* failed" >&2; exit 1; }
}

good() {
	[ -s "$1" ] && openssl x509 -in "$1" -noout -checkend 604800 >/dev/null 2>&1
}

new_key() { # file ec|rsa
	if [ "$2" = ec ]; then
		run openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
	else
		run openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"
	fi
}

leaf() { # stem ec|rsa subject san usage
	good "$out/$1.pem" && return 0
	new_key "$out/$1.key" "$2"
	run openssl req -x509 -new -key "$out/$1.key" -subj "/CN=$3" -days 90 -sha256 \
	    -CA "$out/ca.pem" -CAkey "$out/ca.key" -config /dev/null \
	    -addext "subjectAltName=$4" -addext "extendedKeyUsage=$5" \
	    -addext basicConstraints=critical,CA:FALSE \
	    -addext keyUsage=critical,digitalSignature \
	    -addext authorityKeyIdentifier=keyid -addext subjectKeyIdentifier=hash \
	    -out "$out/$1.pem"
}

if ! good "$out/ca.pem"; then
	rm -f "$out"/*.pem
	new_key "$out/ca.key" ec
	run openssl req -x509 -new -key "$out/ca.key" -days 365 -sha256 -config /dev/null \
	    -subj "/CN=warifu throw-away CA $(date +%Y-%m-%d)" \
	    -addext basicConstraints=critical,CA:TRUE,pathlen:0 \
	    -addext keyUsage=critical,keyCertSign,cRLSign \
	    -addext subjectKeyIdentifier=hash -out "$out/ca.pem"
fi

for name in "$@"; do
	case $name in
	client:*)
		name=${name#client:}
		leaf "client-$name" ec "$name" "DNS:$name.client.invalid" clientAuth
		continue
		;;
	*[!0-9.]*) san=DNS:$name ;;
	*) san=IP:$name ;;
	esac
	case $name in *:*) san=IP:$name ;; esac
	stem=$(printf '%s' "$name" | sed 's/^\*\./any./; s/:/_/g')
	leaf "$stem.ec" ec "$name" "$san" serverAuth
	leaf "$stem.rsa" rsa "$name" "$san" serverAuth
done
chmod 644 "$out"/*.pem
