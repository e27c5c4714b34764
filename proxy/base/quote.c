/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/quote.h"

#include "proxy/base/must.h"
#include "proxy/base/utf8.h"

void
quote_init(struct quote *q, void *buffer, size_t cap)
{
	*q = (struct quote){buffer, cap, 0, false};
}

int
quote_done(const struct quote *q, struct span *out)
{
	*out = q->full ? span_of(NULL, 0) : span_of(q->p, q->n);
	return q->full ? WF_EFULL : 0;
}

void
quote_raw(struct quote *q, struct span s)
{
	if (q->full || s.n > q->cap - q->n) {
		q->full = true;
		return;
	}
	if (s.n)
		memcpy(q->p + q->n, s.p, s.n);
	q->n += s.n;
}

/* Characters that make a reader see something else than what is there. */
static bool
quote_deceives(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || cp == 0xfffe ||
	       cp == 0xffff || (cp >= 0xe0000 && cp <= 0xe007f);
}

static struct span
quote_html_entity(uint32_t cp)
{
	switch (cp) {
	case '&':
		return SPAN_LIT("&amp;");
	case '<':
		return SPAN_LIT("&lt;");
	case '>':
		return SPAN_LIT("&gt;");
	case '"':
		return SPAN_LIT("&quot;");
	case '\'':
		return SPAN_LIT("&#39;");
	default:
		return SPAN_LIT("");
	}
}

static struct span
quote_label_escape(uint32_t cp)
{
	if (cp == '\\')
		return SPAN_LIT("\\\\");
	return cp == '"' ? SPAN_LIT("\\\"") : SPAN_LIT("");
}

static void
quote_escaped(struct quote *q, struct span s, struct span (*escape)(uint32_t cp))
{
	for (size_t i = 0; i < s.n && !q->full;) {
		uint32_t cp;
		size_t len = utf8_get(s.p + i, s.n - i, &cp);
		struct span as = span_of(s.p + i, len);

		if (len == 0 || quote_deceives(cp))
			as = SPAN_LIT("\xef\xbf\xbd");
		else if (escape(cp).n)
			as = escape(cp);
		quote_raw(q, as);
		i += len ? len : 1;
	}
}

void
quote_html(struct quote *q, struct span s)
{
	quote_escaped(q, s, quote_html_entity);
}

void
quote_label(struct quote *q, struct span s)
{
	quote_escaped(q, s, quote_label_escape);
}

void
quote_uint(struct quote *q, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	quote_raw(q, span_of(digits + at, sizeof(digits) - at));
}

void
quote_int(struct quote *q, int64_t v)
{
	if (v < 0)
		QUOTE_LIT(q, "-");
	quote_uint(q, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
quote_fixed(struct quote *q, uint64_t v, unsigned digits)
{
	char text[9] = {0};
	uint64_t power = 1;
	size_t n = digits;

	MUST(digits <= sizeof(text));
	for (unsigned i = 0; i < digits; i++)
		power *= 10;
	quote_uint(q, v / power);
	v %= power;
	for (size_t i = n; i > 0; i--, v /= 10)
		text[i - 1] = (char)('0' + v % 10);
	while (n > 0 && text[n - 1] == '0')
		n--;
	if (n == 0)
		return;
	QUOTE_LIT(q, ".");
	quote_raw(q, span_of(text, n));
}
