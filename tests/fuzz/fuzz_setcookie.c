/* SPDX-License-Identifier: Apache-2.0 */
/* What we write, browsers read as they would have read the original. */
#include "proxy/wire/setcookie.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_equal(const struct setcookie *a, const struct setcookie *b)
{
	MUST(span_eq(a->name, b->name) && span_eq(a->value, b->value));
	MUST(span_eq(a->domain, b->domain) && span_eq(a->path, b->path));
	MUST(a->has_expires == b->has_expires && a->expires == b->expires);
	MUST(a->has_max_age == b->has_max_age && a->max_age == b->max_age);
	MUST(a->secure == b->secure && a->http_only == b->http_only);
	MUST(a->partitioned == b->partitioned && a->site == b->site);
	MUST(a->prefix_broken == b->prefix_broken && a->others == b->others);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[16384];
	struct setcookie a, b;
	struct span out;
	int64_t sec;

	if (size > 8192)
		return 0;
	(void)setcookie_date(span_of(data, size), &sec);
	if (setcookie_parse(span_of(data, size), &a) != 0)
		return 0;
	MUST(!setcookie_deletes(&a, 1000) || a.value.n == 0 ||
	     !setcookie_lasts(&a, 1000));
	if (setcookie_write(&a, 0, buf, sizeof(buf), &out) != 0)
		return 0;
	MUST(setcookie_parse(out, &b) == 0);
	check_equal(&a, &b);
	MUST(setcookie_write(&a, 7, buf, sizeof(buf), &out) == 0);
	MUST(setcookie_parse(out, &b) == 0);
	MUST(b.prefix_broken == a.prefix_broken);
	MUST(a.prefix_broken ||
	     (b.secure && b.http_only && b.site != SETCOOKIE_SITE_UNSET));
	return 0;
}
