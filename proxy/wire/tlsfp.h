/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/tlsfp.h - fingerprints of the program behind a ClientHello.
 *
 * JA4 (FoxIO, BSD-3, docs/licenses/LICENSE-JA4) is written down for analysts, who can
 * look it up. It is never compared: one unchanged browser has five or six JA4 values
 * (resumption, early data, WebSocket). What is compared is the *core*, our own design
 * (docs/formats/tls-core.md), which leaves out what changes from connection to
 * connection. The soft core also leaves out what a browser's policy, a field trial or
 * a component update switches on and off.
 *
 * A fingerprint tells software builds apart, not devices: a difference is evidence of
 * a replay, equality is evidence of nothing.
 *
 * Ownership  struct tlsfp is heap memory with room for the texts of one hello, made once
 *            per thread. Outputs are the caller's.
 * Errors     0, or WF_EFULL when the hello is larger than the room, or out is too small.
 * Threads    a struct tlsfp belongs to one thread.
 * Not here   any other method of the JA4+ family: another licence.
 */
#ifndef WARIFU_WIRE_TLSFP_H
#define WARIFU_WIRE_TLSFP_H

#include "proxy/wire/hello.h"

enum {
	TLSFP_JA4_SIZE = 37, /* 10 + 1 + 12 + 1 + 12 and a NUL */
	TLSFP_CORE_LEN = 16, /* the first half of a SHA-256 */
	TLSFP_CORE_HEX = 13, /* what people are shown: 12 digits and a NUL */
};

/* A buffer of this size holds tlsfp_ja4_r of any message of n bytes. */
#define TLSFP_JA4_R_SIZE(n) ((n) / 2 * 5 + 32)

enum tlsfp_mode { TLSFP_STRICT, TLSFP_SOFT };

/* The TLS library behind the hello, by habits that survive its versions. */
enum tlsfp_family {
	TLSFP_OTHER,
	TLSFP_BORINGSSL, /* Chrome, Edge, Chromium and programs on BoringSSL */
	TLSFP_NSS,	 /* Firefox, Tor Browser, Thunderbird */
	TLSFP_APPLE,	 /* Safari and whatever else uses the system's TLS */
	TLSFP_OPENSSL,	 /* curl, Python, node, nginx … */
	TLSFP_GNUTLS,	 /* wget, GNOME programs */
	TLSFP_GO,
	TLSFP_JAVA,
	TLSFP_RUSTLS,
};

struct tlsfp;

/* Room for hellos of up to max_message bytes (header included); NULL without memory. */
struct tlsfp *tlsfp_new(size_t max_message);

void tlsfp_free(struct tlsfp *fp);

int tlsfp_ja4(struct tlsfp *fp, const struct hello *h, char out[TLSFP_JA4_SIZE]);

/* The readable form (JA4_r): sorted lists instead of their hashes. */
int tlsfp_ja4_r(struct tlsfp *fp, const struct hello *h, char *out, size_t cap);

int tlsfp_core(struct tlsfp *fp, const struct hello *h, enum tlsfp_mode mode,
	       uint8_t out[TLSFP_CORE_LEN]);

/* The first six bytes as hex: for people, not for comparing. */
void tlsfp_core_hex(const uint8_t core[TLSFP_CORE_LEN], char out[TLSFP_CORE_HEX]);

enum tlsfp_family tlsfp_family(const struct hello *h);

/* "boringssl", "nss", … "other"; never NULL. */
const char *tlsfp_family_name(enum tlsfp_family f);

#endif
