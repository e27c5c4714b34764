/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/h1bench.c - CPU time to read (and to write anew) one browser request.
 *
 * Prints nanoseconds of CPU per request, the least of some rounds: `parse N`, `write N`.
 */
#include <stdio.h>
#include <time.h>

#include "proxy/base/must.h"
#include "proxy/wire/h1_write.h"

enum { ROUNDS = 9, TIMES = 200000, FIELDS = 64 };

/* What Chromium sends for a page, with a session cookie: 671 bytes. */
static const char request[] =
    "GET /wallet/overview HTTP/1.1\r\n"
    "Host: wallet.test:18447\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: none\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef0123456789abcdef\r\n\r\n";

static void
parse(struct h1_request *rq, struct field *at)
{
	enum reason why;
	size_t used;

	*rq = (struct h1_request){0};
	MUST(h1_request_parse(span_of(request, sizeof(request) - 1), rq,
			      fields_over(at, FIELDS), &h1_limits_default, &used,
			      &why) == 0);
}

static void
write_again(const struct h1_request *rq)
{
	static uint8_t bytes[2048];
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));

	h1_write_request_line(&o, rq->method_text, rq->path, rq->has_query, rq->query);
	h1_write_field(&o, SPAN_LIT("Host"), rq->authority.host);
	h1_write_copy(&o, &rq->fields, &rq->hop, NULL, NULL);
	h1_write_framing(&o, rq->framing, rq->length);
	h1_write_end(&o);
	MUST(h1_out_ok(&o));
}

static double
cpu_ns(void)
{
	struct timespec t;

	MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int
main(void)
{
	static struct field at[FIELDS];
	struct h1_request rq;
	double best_parse = 1e9, best_write = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_ns(), middle, end;

		for (int i = 0; i < TIMES; i++)
			parse(&rq, at);
		middle = cpu_ns();
		for (int i = 0; i < TIMES; i++)
			write_again(&rq);
		end = cpu_ns();
		if (middle - start < best_parse * TIMES)
			best_parse = (middle - start) / TIMES;
		if (end - middle < best_write * TIMES)
			best_write = (end - middle) / TIMES;
	}
	printf("bytes %zu\nparse %.0f\nwrite %.0f\n", sizeof(request) - 1, best_parse,
	       best_write);
	return 0;
}
