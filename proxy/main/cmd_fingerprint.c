/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/cursor.h"
#include "proxy/base/err.h"
#include "proxy/base/json.h"
#include "proxy/base/text.h"
#include "proxy/wire/tlsfp.h"

enum {
	/* The largest message that the format can hold: every vector full. */
	FINGERPRINT_MESSAGE = 4 + 2 + 32 + 1 + 255 + 2 + 65535 + 1 + 255 + 2 + 65535,
	/* … in records of one byte each. */
	FINGERPRINT_BYTES = 6 * FINGERPRINT_MESSAGE,
	FINGERPRINT_LINE = 2 * FINGERPRINT_BYTES,
	FINGERPRINT_OUT = TLSFP_JA4_R_SIZE(FINGERPRINT_MESSAGE) + 1024,
};

struct fingerprint {
	struct tlsfp *fp;
	char *line;
	uint8_t *bytes;
	uint8_t *message;
	char *ja4_r;
	char *out;
	size_t n; /* bytes of the line that were kept */
	bool longer;
	uint64_t number;
};

static void
fingerprint_fini(struct fingerprint *f)
{
	tlsfp_free(f->fp);
	free(f->line);
	free(f->bytes);
	free(f->message);
	free(f->ja4_r);
	free(f->out);
}

static int
fingerprint_init(struct fingerprint *f)
{
	*f = (struct fingerprint){0};
	f->fp = tlsfp_new(FINGERPRINT_MESSAGE);
	f->line = malloc(FINGERPRINT_LINE);
	f->bytes = malloc(FINGERPRINT_BYTES);
	f->message = malloc(FINGERPRINT_BYTES);
	f->ja4_r = malloc(TLSFP_JA4_R_SIZE(FINGERPRINT_MESSAGE));
	f->out = malloc(FINGERPRINT_OUT);
	if (f->fp && f->line && f->bytes && f->message && f->ja4_r && f->out)
		return 0;
	fingerprint_fini(f);
	return WF_ENOMEM;
}

/* The next line without its end; what is longer than any hello is read and dropped. */
static bool
fingerprint_read(struct fingerprint *f)
{
	bool any = false;
	int c;

	f->n = 0;
	f->longer = false;
	while ((c = getc(stdin)) != EOF) {
		any = true;
		if (c == '\n')
			break;
		if (f->n < FINGERPRINT_LINE)
			f->line[f->n++] = (char)c;
		else
			f->longer = true;
	}
	f->number++;
	return any;
}

static struct span
fingerprint_trim(const struct fingerprint *f, size_t *from)
{
	size_t a = 0, b = f->n;

	while (a < b && (f->line[a] == ' ' || f->line[a] == '\t'))
		a++;
	while (b > a && (f->line[b - 1] == ' ' || f->line[b - 1] == '\t' ||
			 f->line[b - 1] == '\r'))
		b--;
	*from = a;
	return span_of(f->line + a, b - a);
}

/* position: "column" in the line or "byte" of the hello. */
static void
fingerprint_error(struct fingerprint *f, const char *what, const char *position,
		  size_t at)
{
	struct json j;
	struct span out;

	json_init(&j, f->out, FINGERPRINT_OUT);
	json_object(&j);
	json_ktext(&j, "error", what);
	json_kuint(&j, "line", f->number);
	json_kuint(&j, position, at);
	json_object_end(&j);
	if (json_done(&j, &out) == 0)
		printf("%.*s\n", (int)out.n, (const char *)out.p);
}

/* Hex into f->bytes; on error *at is the column of what is wrong. */
static const char *
fingerprint_unhex(struct fingerprint *f, size_t *n, size_t *at)
{
	struct span hex = fingerprint_trim(f, at);

	if (f->longer) {
		*at = FINGERPRINT_LINE + 1;
		return "the line is longer than any ClientHello";
	}
	*at += 1;
	if (hex.n == 0)
		return "the line is empty: one ClientHello in hex is wanted";
	for (*n = 0; *n < hex.n / 2; ++*n)
		if (text_unhex(span_of(hex.p + 2 * *n, 2), f->bytes + *n, 1) != 0) {
			uint8_t both[1];
			uint8_t pair[2] = {hex.p[2 * *n], '0'};

			*at += 2 * *n + (text_unhex(span_of(pair, 2), both, 1) == 0);
			return "this is not a hex digit";
		}
	if (hex.n % 2) {
		*at += hex.n;
		return "the number of hex digits is odd";
	}
	return NULL;
}

/* Takes the message out of handshake records; *at is the byte that is wrong. */
static const char *
fingerprint_unwrap(struct fingerprint *f, struct span in, struct span *message,
		   size_t *at)
{
	struct cursor c = cur_init(in);
	size_t n = 0;

	while (cur_left(&c)) {
		struct cursor body;
		struct span part;
		uint8_t type;
		uint16_t version;

		*at = in.n - cur_left(&c);
		type = cur_u8(&c);
		version = cur_u16(&c);
		body = cur_sub(&c, 2);
		part = cur_rest(&body);
		if (!cur_ok(&c))
			return "a TLS record ends too early";
		if (type != 22 || version >> 8 != 3 || (version & 0xff) > 4)
			return "this is not a TLS handshake record";
		if (part.n == 0 || part.n > 16384)
			return "a TLS record of this length is not allowed";
		memcpy(f->message + n, part.p, part.n);
		n += part.n;
	}
	*message = span_of(f->message, n);
	return NULL;
}

static const char *
fingerprint_why(int err)
{
	switch (err) {
	case WF_ETRUNCATED:
		return "the ClientHello ends too early";
	case WF_ETRAILING:
		return "bytes are left over behind the ClientHello";
	case WF_EFULL:
		return "the ClientHello is too large";
	default:
		return "this is not a well-formed ClientHello";
	}
}

static void
fingerprint_odd(struct json *j, uint32_t odd)
{
	if (odd == 0)
		return;
	json_key(j, "odd");
	json_array(j);
	if (odd & HELLO_ODD_DUPLICATE)
		json_text(j, "an extension twice");
	if (odd & HELLO_ODD_EMPTY)
		json_text(j, "an empty list");
	if (odd & HELLO_ODD_SNI)
		json_text(j, "an unclear server name");
	json_array_end(j);
}

static int
fingerprint_print(struct fingerprint *f, const struct hello *h)
{
	uint8_t core[TLSFP_CORE_LEN], soft[TLSFP_CORE_LEN];
	char ja4[TLSFP_JA4_SIZE], hex[TLSFP_CORE_HEX], soft_hex[TLSFP_CORE_HEX];
	struct json j;
	struct span out;

	if (tlsfp_ja4(f->fp, h, ja4) != 0 ||
	    tlsfp_ja4_r(f->fp, h, f->ja4_r, TLSFP_JA4_R_SIZE(FINGERPRINT_MESSAGE)) != 0 ||
	    tlsfp_core(f->fp, h, TLSFP_STRICT, core) != 0 ||
	    tlsfp_core(f->fp, h, TLSFP_SOFT, soft) != 0)
		return WF_EFULL;
	tlsfp_core_hex(core, hex);
	tlsfp_core_hex(soft, soft_hex);
	json_init(&j, f->out, FINGERPRINT_OUT);
	json_object(&j);
	json_ktext(&j, "ja4", ja4);
	json_ktext(&j, "ja4_r", f->ja4_r);
	json_ktext(&j, "core", hex);
	json_ktext(&j, "core_soft", soft_hex);
	json_ktext(&j, "family", tlsfp_family_name(tlsfp_family(h)));
	fingerprint_odd(&j, h->odd);
	json_object_end(&j);
	if (json_done(&j, &out) != 0)
		return WF_EFULL;
	printf("%.*s\n", (int)out.n, (const char *)out.p);
	return 0;
}

static void
fingerprint_line(struct fingerprint *f)
{
	struct hello h;
	struct span message;
	const char *why;
	size_t n = 0, at = 0;
	int r;

	why = fingerprint_unhex(f, &n, &at);
	if (why != NULL) {
		fingerprint_error(f, why, "column", at);
		return;
	}
	message = span_of(f->bytes, n);
	if (f->bytes[0] == 22)
		why = fingerprint_unwrap(f, message, &message, &at);
	if (why != NULL) {
		fingerprint_error(f, why, "byte", at);
		return;
	}
	r = hello_parse(message, &h);
	if (r == 0)
		r = fingerprint_print(f, &h);
	if (r != 0)
		fingerprint_error(f, fingerprint_why(r), "byte", h.at);
}

int
cmd_fingerprint(int argc, char **argv)
{
	struct fingerprint f;

	(void)argv;
	if (argc > 1) {
		fprintf(stderr, "usage: warifu fingerprint <hellos.hex\n"
				"one ClientHello in hex per line; answers in JSON\n");
		return 2;
	}
	if (fingerprint_init(&f) != 0) {
		fprintf(stderr, "warifu fingerprint: %s\n", err_text(WF_ENOMEM));
		return 1;
	}
	while (fingerprint_read(&f)) {
		fingerprint_line(&f);
		fflush(stdout);
	}
	fingerprint_fini(&f);
	return ferror(stdout) ? 1 : 0;
}
