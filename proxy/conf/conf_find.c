/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/conf.h"

#include "proxy/wire/authority.h"
#include "proxy/wire/path.h"

const struct conf_site *
conf_site_find(const struct conf *c, struct span host, bool *portal)
{
	for (size_t i = 0; i < c->n_sites; i++) {
		const struct conf_site *s = &c->sites[i];
		bool own = s->portal_host.n && authority_host_eq(s->portal_host, host);

		if (portal)
			*portal = own;
		if (own)
			return s;
		for (size_t k = 0; k < s->n_hosts; k++)
			if (authority_host_eq(s->hosts[k], host))
				return s;
	}
	if (portal)
		*portal = false;
	return NULL;
}

const struct conf_site *
conf_site_by_name(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < c->n_sites; i++)
		if (span_eq(c->sites[i].name, name))
			return &c->sites[i];
	return NULL;
}

/* The first, and so the most specific, route for this path and method. */
static const struct recipe_route *
conf_route_first(const struct conf_site *site, unsigned bit, struct span path)
{
	for (size_t i = 0; i < site->n_routes; i++) {
		const struct recipe_route *r = &site->routes[i];

		if ((r->methods & bit) != 0 && path_match(path, r->path))
			return r;
	}
	return NULL;
}

/*
 * A backend that knows no WebSocket at this path ignores the Upgrade and answers the GET:
 * with the seed, where that is what the path gives. So a handshake is never less than the
 * GET, unless the settings speak more closely of the WebSocket than of the GET.
 */
static const struct recipe_route *
conf_route_get(const struct conf_site *site, const struct recipe_route *ws,
	       struct span path, enum recipe_class class)
{
	const struct recipe_route *get = conf_route_first(site, RECIPE_GET, path);

	if (get == NULL || get->class <= class ||
	    (ws != NULL && ws < get && !span_ieq(ws->path, get->path)))
		return ws;
	return get;
}

enum recipe_class
conf_route_find(const struct conf_site *site, struct span method, bool websocket,
		struct span path, const struct recipe_route **route)
{
	unsigned bit = websocket ? RECIPE_WEBSOCKET : recipe_method_bit(method);
	enum recipe_class class = RECIPE_SENSITIVE;

	if (bit & (RECIPE_GET | RECIPE_HEAD | RECIPE_OPTIONS | RECIPE_WEBSOCKET))
		class = RECIPE_READ;
	*route = conf_route_first(site, bit, path);
	if (*route != NULL)
		class = (*route)->class;
	if (websocket)
		*route = conf_route_get(site, *route, path, class);
	return *route != NULL ? (*route)->class : class;
}

enum recipe_class
conf_route_class(const struct conf_site *site, struct span method, bool websocket,
		 struct span path)
{
	const struct recipe_route *route;

	return conf_route_find(site, method, websocket, path, &route);
}

const struct conf_network *
conf_network_find(const struct conf_site *site, const struct ip *ip)
{
	const struct conf_network *best = NULL;
	int bits = -1;

	for (size_t i = 0; i < site->n_networks; i++)
		for (size_t k = 0; k < site->networks[i].prefixes.n; k++) {
			const struct ip_prefix *p = &site->networks[i].prefixes.list[k];

			if (p->bits > bits && ip_prefix_has(p, ip)) {
				best = &site->networks[i];
				bits = p->bits;
			}
		}
	return best;
}
