/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/mediatype.h"

static struct span
mediatype_trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_tail(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool
mediatype_is(struct span field, struct span want)
{
	struct span charset = SPAN_LIT("charset="), rest;

	if (!span_istarts(field, want))
		return false;
	rest = mediatype_trim(span_tail(field, want.n));
	if (rest.n == 0)
		return true;
	if (rest.p[0] != ';')
		return false;
	rest = mediatype_trim(span_tail(rest, 1));
	if (!span_istarts(rest, charset))
		return false;
	rest = span_tail(rest, charset.n);
	return span_ieq(rest, SPAN_LIT("utf-8")) || span_ieq(rest, SPAN_LIT("\"utf-8\""));
}
