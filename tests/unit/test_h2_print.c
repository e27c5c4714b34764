/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/h2_block.h"
#include "proxy/wire/h2_print.h"
#include "tests/unit/tap.h"

static struct h2_walk walk;
static struct h2_print print;
static char text[H2_PRINT_TEXT];

static void
feed(const void *p, size_t n)
{
	struct span in = span_of(p, n);

	while (in.n > 0) {
		in = span_tail(in, h2_walk_next(&walk, in));
		if (h2_walk_whole(&walk))
			h2_print_frame(&print, &walk);
	}
}

static void
frame(uint8_t type, uint8_t flags, uint8_t stream, const char *payload, size_t n)
{
	uint8_t head[9] = {0, 0, (uint8_t)n, type, flags, 0, 0, 0, stream};

	feed(head, 4);
	feed(head + 4, 5);
	feed(payload, n);
}

static void
begin(void)
{
	h2_walk_init(&walk);
	memset(&print, 0, sizeof(print));
	feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
}

/* The text, after a request whose pseudo-header fields come in this order. */
static const char *
asked(const char *const *names)
{
	uint8_t block[256];
	struct h1_out o = h1_out_over(block, sizeof(block));

	for (; *names != NULL; names++)
		CHECK(h2_block_put(&o, span_str(*names), SPAN_LIT("x")));
	h2_print_request(&print, h1_out_span(&o));
	CHECK_INT(h2_print_text(&print, text), strlen(text));
	return text;
}

#define ASKED(...) asked((const char *const[]){__VA_ARGS__, NULL})

/* As captured (research: fingerprints.md 6). */
static void
reads_chromium(void)
{
	static const char set[] = "\0\1\0\1\0\0"
				  "\0\2\0\0\0\0"
				  "\0\4\0\x60\0\0"
				  "\0\6\0\4\0\0"
				  "\x7a\x2a\x12\x34\x56\x78"; /* GREASE */

	begin();
	frame(4, 0, 0, set, sizeof(set) - 1);
	frame(8, 0, 0, "\0\xef\0\1", 4);
	CHECK_INT(h2_print_text(&print, text), 0);
	CHECK_STR(ASKED(":method", ":authority", ":scheme", ":path", "accept"),
	    "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p");
}

static void
reads_firefox_and_nghttp(void)
{
	static const char set[] = "\0\1\0\1\0\0"
				  "\0\2\0\0\0\0"
				  "\0\4\0\2\0\0"
				  "\0\5\0\0\x40\0";

	begin();
	frame(4, 0, 0, set, sizeof(set) - 1);
	frame(8, 0, 0, "\0\xbf\0\1", 4);
	CHECK_STR(ASKED(":method", ":path", ":authority", ":scheme"),
	    "1:65536;2:0;4:131072;5:16384|12517377|0|m,p,a,s");
	begin();
	frame(4, 0, 0, "\0\3\0\0\0\x64\0\4\0\0\xff\xff", 12);
	for (int i = 0; i < 5; i++)
		frame(2, 0, 3, "\0\0\0\0\xc8", 5);
	CHECK_STR(ASKED(":method", ":path", ":scheme", ":authority"),
	    "3:100;4:65535|0|5|m,p,s,a");
}

static void
stands_from_the_first_request_on(void)
{
	begin();
	frame(4, 0, 0, "", 0);
	frame(4, 1, 0, "", 0);
	CHECK_STR(ASKED(":path", ":method", "a", ":scheme"), "|0|0|p,m");
	frame(4, 0, 0, "\0\3\0\0\0\x64", 6);
	frame(8, 0, 0, "\0\xbf\0\1", 4);
	frame(2, 0, 3, "\0\0\0\0\xc8", 5);
	CHECK_STR(ASKED(":method"), "|0|0|p,m");
}

static void
only_the_first_settings_and_the_connections_window_count(void)
{
	begin();
	frame(4, 0, 0, "\0\3\0\0\0\1", 6);
	frame(4, 0, 0, "\0\4\0\0\0\1", 6);
	frame(8, 0, 1, "\0\0\0\7", 4);
	frame(8, 0, 0, "\0\0\0\5", 4);
	frame(8, 0, 0, "\0\0\0\6", 4);
	CHECK_STR(ASKED(":method"), "3:1|5|0|m");
}

static void
the_longest_fits(void)
{
	char set[H2_WALK_PEEK + 6];

	begin();
	memset(set, 0xff, sizeof(set));
	frame(4, 0, 0, set, sizeof(set));
	frame(8, 0, 0, "\xff\xff\xff\xff", 4);
	for (int i = 0; i < 200; i++)
		frame(2, 0, 3, "\0\0\0\0\xc8", 5);
	(void)ASKED(":method", ":path", ":scheme", ":authority", ":protocol", ":more");
	CHECK(strlen(text) < H2_PRINT_TEXT - 1);
	CHECK_STR(strchr(text, '|'), "|2147483647|99|m,p,s,a,p");
}

static void
a_connect_is_passed_over(void)
{
	uint8_t block[256];
	struct h1_out o = h1_out_over(block, sizeof(block));

	begin();
	frame(4, 0, 0, "\0\3\0\0\0\7", 6);
	CHECK(h2_block_put(&o, SPAN_LIT(":scheme"), SPAN_LIT("https")) &&
	      h2_block_put(&o, SPAN_LIT(":method"), SPAN_LIT("CONNECT")) &&
	      h2_block_put(&o, SPAN_LIT(":protocol"), SPAN_LIT("websocket")));
	h2_print_request(&print, h1_out_span(&o));
	CHECK_INT(h2_print_text(&print, text), 0);
	CHECK_STR(ASKED(":method", ":path", ":scheme", ":authority"), "3:7|0|0|m,p,s,a");
}

int
main(void)
{
	TAP_RUN(reads_chromium);
	TAP_RUN(reads_firefox_and_nghttp);
	TAP_RUN(stands_from_the_first_request_on);
	TAP_RUN(only_the_first_settings_and_the_connections_window_count);
	TAP_RUN(a_connect_is_passed_over);
	TAP_RUN(the_longest_fits);
	return tap_done();
}
