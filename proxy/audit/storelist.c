/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storelist.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/text.h"

enum { STORELIST_NAME = sizeof("log-20261123.db") - 1 };

static uint32_t
storelist_parse(const char *name)
{
	struct span s = span_str(name);
	uint64_t v = 0;

	if (s.n != STORELIST_NAME || !span_starts(s, SPAN_LIT("log-")) ||
	    !span_eq(span_tail(s, 12), SPAN_LIT(".db")) ||
	    text_uint(span_of(s.p + 4, 8), 99991231, &v) != 0)
		return 0;
	return (uint32_t)v;
}

static int
storelist_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int
storelist_add(struct storelist *l, uint32_t day)
{
	uint32_t *p;

	if ((l->n & (l->n - 1)) == 0) {
		p = realloc(l->days, (l->n ? l->n * 2 : 1) * sizeof(*p));
		if (p == NULL)
			return WF_ENOMEM;
		l->days = p;
	}
	l->days[l->n++] = day;
	return 0;
}

int
storelist_read(const char *dir, struct storelist *l)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	uint32_t day;
	int err = 0;

	*l = (struct storelist){NULL, 0};
	if (d == NULL)
		return errno == ENOENT ? WF_ENOTFOUND : WF_EIO;
	while (err == 0 && (e = readdir(d)) != NULL)
		if ((day = storelist_parse(e->d_name)) != 0)
			err = storelist_add(l, day);
	closedir(d);
	if (err != 0)
		storelist_free(l);
	else if (l->n > 1)
		qsort(l->days, l->n, sizeof(*l->days), storelist_order);
	return err;
}

void
storelist_free(struct storelist *l)
{
	free(l->days);
	*l = (struct storelist){NULL, 0};
}

char *
storelist_join(const char *dir, const char *name)
{
	char *s = NULL;

	return asprintf(&s, "%s/%s", dir, name) < 0 ? NULL : s;
}

char *
storelist_path(const char *dir, uint32_t day)
{
	char *s = NULL;

	return asprintf(&s, "%s/log-%08u.db", dir, (unsigned)day) < 0 ? NULL : s;
}

uint32_t
storelist_day(uint64_t wall_ns)
{
	struct clock_date d = clock_date((int64_t)(wall_ns / CLOCK_SEC));

	return (uint32_t)(d.year * 10000 + d.month * 100 + d.day);
}
