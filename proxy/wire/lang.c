/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/lang.h"

static struct span
lang_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_tail(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* What stands before c, taken off *s together with it. */
static struct span
lang_until(struct span *s, uint8_t c)
{
	ptrdiff_t at = span_chr(*s, c);
	struct span head = *s;

	if (at < 0) {
		*s = (struct span){NULL, 0};
		return lang_trim(head);
	}
	head.n = (size_t)at;
	*s = span_tail(*s, head.n + 1);
	return lang_trim(head);
}

/* "q=0.8" in thousandths; 1000 without, 0 when it is malformed. */
static unsigned
lang_weight(struct span param)
{
	unsigned v, unit = 1000;

	if (param.n == 0)
		return 1000;
	if (!span_istarts(param, SPAN_LIT("q=")) || param.n < 3 || param.n > 7)
		return 0;
	if (param.p[2] != '0' && param.p[2] != '1')
		return 0;
	v = (unsigned)(param.p[2] - '0') * 1000;
	if (param.n > 3 && param.p[3] != '.')
		return 0;
	for (size_t i = 4; i < param.n; i++) {
		if (param.p[i] < '0' || param.p[i] > '9')
			return 0;
		unit /= 10;
		v += (unsigned)(param.p[i] - '0') * unit;
	}
	return v > 1000 ? 0 : v;
}

bool
lang_prefers_ja(struct span accept_language)
{
	unsigned ja = 0, en = 0;
	bool ja_first = false;

	while (accept_language.n) {
		struct span item = lang_until(&accept_language, ',');
		struct span tag = lang_until(&item, ';');
		struct span primary = lang_until(&tag, '-');
		unsigned weight = lang_weight(lang_trim(item));

		if (span_ieq(primary, SPAN_LIT("ja"))) {
			ja_first = ja_first || en == 0;
			ja = weight > ja ? weight : ja;
		} else if (span_ieq(primary, SPAN_LIT("en"))) {
			en = weight > en ? weight : en;
		}
	}
	return ja > en || (ja == en && ja > 0 && ja_first);
}
