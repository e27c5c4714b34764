/* SPDX-License-Identifier: Apache-2.0 */
/* What form_one calls the only field is what a walk over all pairs finds, once; and what
 * overrides the method does so in pieces too. */
#include "proxy/wire/form.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces of `step` bytes. */
static bool
scan(struct span raw, size_t step)
{
	struct form_scan s = {.n = 0};
	bool found = false;

	for (size_t at = 0; at < raw.n && !found; at += step) {
		struct span rest = span_tail(raw, at);

		if (rest.n > step)
			rest.n = step;
		found = form_scan_feed(&s, rest);
	}
	return found || form_scan_end(&s);
}

static void
check_scan(struct span raw)
{
	bool whole = form_overrides_method(raw);

	for (size_t step = 1; step < raw.n + 2; step += 1 + step / 3) {
		bool pieces = scan(raw, step);

		MUST(pieces || !whole);
		MUST(raw.n > FORM_SCAN_NAME || pieces == whole);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t one[4096], each[4096];
	struct span raw = span_of(data, size), name = SPAN_LIT("user_name"), value;
	struct form f;
	struct form_pair pair;
	unsigned found = 0;

	if (size > sizeof(one))
		return 0;
	check_scan(raw);
	if (form_one(raw, name, one, sizeof(one), &value) != 0) {
		MUST(value.n == 0);
		value = SPAN_LIT("");
		found = 1;
	}
	form_init(&f, raw);
	while (form_next(&f, each, sizeof(each), &pair)) {
		MUST(pair.name.n <= pair.raw_name.n && pair.value.n <= pair.raw_value.n);
		if (found == 0 && span_ieq(pair.name, name)) {
			MUST(span_eq(pair.value, value));
			found = 2;
		} else if (found == 2) {
			MUST(!span_ieq(pair.name, name));
		}
	}
	MUST(found != 0);
	return 0;
}
