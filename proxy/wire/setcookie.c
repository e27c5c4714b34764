/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/setcookie.h"

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"

enum {
	SETCOOKIE_PAIR_MAX = 4096, /* name and value, RFC 6265bis 5.6 */
	SETCOOKIE_ATTR_MAX = 1024, /* an attribute's value */
	SETCOOKIE_AGE_BITS = 40,
};

static struct span
setcookie_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_tail(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before the next semicolon off *s. */
static struct span
setcookie_piece(struct span *s)
{
	ptrdiff_t semi = span_chr(*s, ';');
	struct span piece = *s;

	if (semi < 0) {
		*s = (struct span){NULL, 0};
		return piece;
	}
	piece.n = (size_t)semi;
	*s = span_tail(*s, piece.n + 1);
	return piece;
}

/* name=value, both trimmed; without an equals sign, all is `bare`. */
static void
setcookie_split(struct span piece, struct span *name, struct span *value, bool *has_eq)
{
	ptrdiff_t eq = span_chr(piece, '=');

	*has_eq = eq >= 0;
	*name = setcookie_trim(eq < 0 ? piece : span_of(piece.p, (size_t)eq));
	*value = eq < 0 ? (struct span){NULL, 0}
			: setcookie_trim(span_tail(piece, (size_t)eq + 1));
}

/* --- dates: RFC 6265 section 5.1.1, token by token --- */

static bool
setcookie_is_delim(uint8_t c)
{
	return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
	       (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

static struct span
setcookie_token(struct span *s)
{
	struct span t;

	while (s->n && setcookie_is_delim(s->p[0]))
		*s = span_tail(*s, 1);
	t = *s;
	for (t.n = 0; t.n < s->n && !setcookie_is_delim(s->p[t.n]);)
		t.n++;
	*s = span_tail(*s, t.n);
	return t;
}

/* least to most digits at the front of *t, then anything that is no digit. */
static bool
setcookie_number(struct span *t, size_t least, size_t most, unsigned *v)
{
	size_t n = 0;

	*v = 0;
	for (; n < t->n && n <= most && t->p[n] >= '0' && t->p[n] <= '9'; n++)
		*v = *v * 10 + (unsigned)(t->p[n] - '0');
	if (n < least || n > most)
		return false;
	*t = span_tail(*t, n);
	return true;
}

static bool
setcookie_colon(struct span *t)
{
	if (t->n == 0 || t->p[0] != ':')
		return false;
	*t = span_tail(*t, 1);
	return true;
}

struct setcookie_when {
	bool has_time, has_day, has_month, has_year;
	unsigned hour, minute, sec, day, month, year;
};

static bool
setcookie_time(struct span t, struct setcookie_when *w)
{
	return setcookie_number(&t, 1, 2, &w->hour) && setcookie_colon(&t) &&
	       setcookie_number(&t, 1, 2, &w->minute) && setcookie_colon(&t) &&
	       setcookie_number(&t, 1, 2, &w->sec);
}

static bool
setcookie_month(struct span t, unsigned *month)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (t.n < 3)
		return false;
	for (unsigned m = 0; m < 12; m++)
		if (span_ieq(span_of(t.p, 3), span_of(names + 3 * m, 3))) {
			*month = m + 1;
			return true;
		}
	return false;
}

/* A token is the first thing it can be that was not seen yet, in this order. */
static void
setcookie_take(struct span t, struct setcookie_when *w)
{
	struct setcookie_when seen = *w;
	struct span rest = t;

	if (!w->has_time && setcookie_time(t, w)) {
		w->has_time = true;
		return;
	}
	*w = seen;
	if (!w->has_day && setcookie_number(&rest, 1, 2, &w->day)) {
		w->has_day = true;
		return;
	}
	*w = seen;
	if (!w->has_month && setcookie_month(t, &w->month)) {
		w->has_month = true;
		return;
	}
	rest = t;
	if (!w->has_year && setcookie_number(&rest, 2, 4, &w->year))
		w->has_year = true;
	else
		*w = seen;
}

int
setcookie_date(struct span text, int64_t *sec)
{
	struct setcookie_when w = {.has_time = false};
	int64_t days;

	*sec = 0;
	while (text.n) {
		struct span t = setcookie_token(&text);

		if (t.n)
			setcookie_take(t, &w);
	}
	if (!w.has_time || !w.has_day || !w.has_month || !w.has_year)
		return WF_ESYNTAX;
	if (w.year < 100)
		w.year += w.year < 70 ? 2000 : 1900;
	if (w.year < 1601 || w.hour > 23 || w.minute > 59 || w.sec > 59 ||
	    clock_days(w.year, w.month, w.day, &days) != 0)
		return WF_ERANGE;
	*sec = days * 86400 + (int64_t)(w.hour * 3600 + w.minute * 60 + w.sec);
	return 0;
}

/* --- attributes --- */

static void
setcookie_max_age(struct span v, struct setcookie *c)
{
	const int64_t most = INT64_C(1) << SETCOOKIE_AGE_BITS;
	bool minus = v.n && v.p[0] == '-';
	uint64_t n;

	if (minus)
		v = span_tail(v, 1);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return;
	if (v.n == 0)
		return;
	/* All digits, so it can only be too large. */
	if (text_uint(v, (uint64_t)most, &n) != 0)
		n = (uint64_t)most;
	c->has_max_age = true;
	c->max_age = minus ? -(int64_t)n : (int64_t)n;
}

static void
setcookie_same_site(struct span v, struct setcookie *c)
{
	if (span_ieq(v, SPAN_LIT("lax")))
		c->site = SETCOOKIE_SITE_LAX;
	else if (span_ieq(v, SPAN_LIT("strict")))
		c->site = SETCOOKIE_SITE_STRICT;
	else if (span_ieq(v, SPAN_LIT("none")))
		c->site = SETCOOKIE_SITE_NONE;
	else
		c->site = SETCOOKIE_SITE_UNSET;
}

static void
setcookie_expires(struct span v, struct setcookie *c)
{
	int64_t sec;

	if (setcookie_date(v, &sec) != 0)
		return;
	c->has_expires = true;
	c->expires = sec;
}

static void
setcookie_attr(struct span piece, struct setcookie *c)
{
	struct span name, v;
	bool has_eq;

	setcookie_split(piece, &name, &v, &has_eq);
	if (name.n == 0 || v.n > SETCOOKIE_ATTR_MAX)
		return;
	if (span_ieq(name, SPAN_LIT("expires"))) {
		setcookie_expires(v, c);
	} else if (span_ieq(name, SPAN_LIT("max-age"))) {
		setcookie_max_age(v, c);
	} else if (span_ieq(name, SPAN_LIT("domain"))) {
		c->domain = v.n && v.p[0] == '.' ? span_tail(v, 1) : v;
	} else if (span_ieq(name, SPAN_LIT("path"))) {
		c->path = v.n && v.p[0] == '/' ? v : (struct span){NULL, 0};
	} else if (span_ieq(name, SPAN_LIT("secure"))) {
		c->secure = true;
	} else if (span_ieq(name, SPAN_LIT("httponly"))) {
		c->http_only = true;
	} else if (span_ieq(name, SPAN_LIT("partitioned"))) {
		c->partitioned = true;
	} else if (span_ieq(name, SPAN_LIT("samesite"))) {
		setcookie_same_site(v, c);
	} else if (c->others < SETCOOKIE_OTHERS) {
		c->other[c->others++] = setcookie_trim(piece);
	}
}

/* Browsers compare these names without case, and look at the value of a nameless cookie,
 * which would come back as a name. */
static bool
setcookie_prefix_broken(const struct setcookie *c)
{
	struct span n = c->name.n ? c->name : c->value;
	bool host_http = span_istarts(n, SPAN_LIT("__host-http-"));
	bool host = span_istarts(n, SPAN_LIT("__host-"));
	bool http = host_http || span_istarts(n, SPAN_LIT("__http-"));
	bool secure = host || http || span_istarts(n, SPAN_LIT("__secure-"));

	if (secure && (c->name.n == 0 || !c->secure))
		return true;
	if (http && !c->http_only)
		return true;
	return host && (c->domain.n || !span_eq(c->path, SPAN_LIT("/")));
}

int
setcookie_parse(struct span line, struct setcookie *c)
{
	struct span piece;
	bool has_eq;

	*c = (struct setcookie){.has_expires = false};
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return WF_ESYNTAX;
	piece = setcookie_piece(&line);
	setcookie_split(piece, &c->name, &c->value, &has_eq);
	if (!has_eq) {
		c->value = c->name;
		c->name = (struct span){NULL, 0};
	}
	if (c->name.n + c->value.n == 0)
		return WF_ESYNTAX;
	if (c->name.n + c->value.n > SETCOOKIE_PAIR_MAX)
		return WF_ERANGE;
	while (line.n)
		setcookie_attr(setcookie_piece(&line), c);
	c->prefix_broken = setcookie_prefix_broken(c);
	return 0;
}

bool
setcookie_lasts(const struct setcookie *c, int64_t now)
{
	if (c->has_max_age)
		return c->max_age > 0;
	return c->has_expires && c->expires > now;
}

bool
setcookie_deletes(const struct setcookie *c, int64_t now)
{
	if (c->value.n == 0)
		return true;
	return (c->has_max_age || c->has_expires) && !setcookie_lasts(c, now);
}

/* --- writing --- */

struct setcookie_out {
	uint8_t *p;
	size_t cap, n;
	bool full;
};

static void
setcookie_put(struct setcookie_out *o, struct span s)
{
	if (o->full || o->cap - o->n < s.n) {
		o->full = true;
		return;
	}
	if (s.n)
		memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

static void
setcookie_put_attr(struct setcookie_out *o, struct span name, struct span value)
{
	setcookie_put(o, SPAN_LIT("; "));
	setcookie_put(o, name);
	setcookie_put(o, value);
}

static void
setcookie_put_life(struct setcookie_out *o, const struct setcookie *c)
{
	char date[CLOCK_HTTP_TEXT], digits[24];
	size_t i = sizeof(digits);
	uint64_t v = (uint64_t)(c->max_age < 0 ? -c->max_age : c->max_age);

	if (c->has_expires) {
		clock_http(c->expires, date);
		setcookie_put_attr(o, SPAN_LIT("Expires="), span_str(date));
	}
	if (!c->has_max_age)
		return;
	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	if (c->max_age < 0)
		digits[--i] = '-';
	setcookie_put_attr(o, SPAN_LIT("Max-Age="),
			   span_of(digits + i, sizeof(digits) - i));
}

static void
setcookie_put_flags(struct setcookie_out *o, const struct setcookie *c, unsigned harden)
{
	static const char *const sites[] = {[SETCOOKIE_SITE_LAX] = "Lax",
					    [SETCOOKIE_SITE_STRICT] = "Strict",
					    [SETCOOKIE_SITE_NONE] = "None"};
	enum setcookie_site site = c->site;
	struct span none = {NULL, 0};

	if (c->prefix_broken)
		harden = 0;
	if (site == SETCOOKIE_SITE_UNSET && (harden & SETCOOKIE_ADD_LAX))
		site = SETCOOKIE_SITE_LAX;
	if (c->secure || (harden & SETCOOKIE_ADD_SECURE))
		setcookie_put_attr(o, SPAN_LIT("Secure"), none);
	if (c->http_only || (harden & SETCOOKIE_ADD_HTTPONLY))
		setcookie_put_attr(o, SPAN_LIT("HttpOnly"), none);
	if (site != SETCOOKIE_SITE_UNSET)
		setcookie_put_attr(o, SPAN_LIT("SameSite="), span_str(sites[site]));
	if (c->partitioned)
		setcookie_put_attr(o, SPAN_LIT("Partitioned"), none);
}

/* Browsers take blanks and then one dot off the front. What still begins with either (and
 * is no domain) gets its dot back, lest it become one on the way. */
static struct span
setcookie_domain_start(struct span domain)
{
	uint8_t c = domain.p[0];

	return c == '.' || c == ' ' || c == '\t' ? SPAN_LIT("Domain=.")
						 : SPAN_LIT("Domain=");
}

int
setcookie_write(const struct setcookie *c, unsigned harden, uint8_t *buf, size_t cap,
		struct span *out)
{
	struct setcookie_out o = {.p = buf, .cap = cap};

	*out = (struct span){NULL, 0};
	if (c->name.n == 0 && span_chr(c->value, '=') >= 0)
		return WF_EAMBIGUOUS;
	setcookie_put(&o, c->name);
	setcookie_put(&o, c->name.n ? SPAN_LIT("=") : SPAN_LIT(""));
	setcookie_put(&o, c->value);
	setcookie_put_life(&o, c);
	if (c->domain.n)
		setcookie_put_attr(&o, setcookie_domain_start(c->domain), c->domain);
	if (c->path.n)
		setcookie_put_attr(&o, SPAN_LIT("Path="), c->path);
	setcookie_put_flags(&o, c, harden);
	for (size_t i = 0; i < c->others; i++)
		setcookie_put_attr(&o, c->other[i], (struct span){NULL, 0});
	if (o.full)
		return WF_EFULL;
	*out = span_of(buf, o.n);
	return 0;
}
