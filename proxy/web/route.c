/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/route.h"

bool
route_target_ok(struct span target)
{
	if (target.n == 0 || target.p[0] != '/')
		return false;
	for (size_t i = 0; i < target.n; i++)
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7f)
			return false;
	return true;
}

struct span
route_path(struct span target)
{
	ptrdiff_t q = span_chr(target, '?');

	return q < 0 ? target : span_of(target.p, (size_t)q);
}

/* The piece before the first c; *rest becomes what is behind it. */
static struct span
route_split(struct span *rest, uint8_t c)
{
	ptrdiff_t at = span_chr(*rest, c);
	struct span piece = span_of(rest->p, at < 0 ? rest->n : (size_t)at);

	*rest = at < 0 ? span_of(NULL, 0) : span_tail(*rest, (size_t)at + 1);
	return piece;
}

int
route_query(struct span target, const char *name, size_t max, struct span *value)
{
	struct span rest = span_tail(target, route_path(target).n + 1);
	struct span found = {NULL, 0};
	unsigned count = 0;

	*value = found;
	while (rest.n) {
		struct span item = route_split(&rest, '&');

		if (!span_eq(route_split(&item, '='), span_str(name)))
			continue;
		found = item;
		count++;
	}
	if (count != 1)
		return count ? WF_EAMBIGUOUS : WF_ENOTFOUND;
	if (found.n > max)
		return WF_ERANGE;
	*value = found;
	return 0;
}

bool
route_host_in(struct span host, const char *const *hosts, size_t max)
{
	size_t end = host.n;

	while (end > 0 && host.p[end - 1] >= '0' && host.p[end - 1] <= '9')
		end--;
	if (end > 0 && end < host.n && host.p[end - 1] == ':')
		host.n = end - 1;
	for (size_t i = 0; i < max && hosts[i]; i++)
		if (span_ieq(host, span_str(hosts[i])))
			return true;
	return false;
}

static bool
route_method_fits(const char *method, const struct httpd_route *route)
{
	return strcmp(method, route->method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

const struct httpd_route *
route_find(const struct httpd_route *routes, size_t n, struct span path,
	   const char *method, const char **allow)
{
	*allow = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct httpd_route *route = &routes[i];

		if (!span_eq(path, span_str(route->path)))
			continue;
		if (route_method_fits(method, route))
			return route;
		*allow = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
	}
	return NULL;
}
