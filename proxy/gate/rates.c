/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/rates.h"

#include "proxy/gate/strangers.h"

static bool
rates_take(struct exchange *ex, enum limit_kind kind, const uint8_t key[MAP_KEY],
    enum map_kind who)
{
	static const enum metric_id counts[LIMIT_KINDS] = {
	    [LIMIT_ADDRESS] = METRIC_LIM_RATE_ADDR, [LIMIT_SESSION] = METRIC_LIM_RATE_SESSION,
	    [LIMIT_USER] = METRIC_LIM_RATE_USER, [LIMIT_ROUTE] = METRIC_LIM_RATE_ROUTE,
	    [LIMIT_LOGIN] = METRIC_LIM_LOGIN, [LIMIT_RECORD] = METRIC_CELLS,
	    [LIMIT_TOSSING] = METRIC_CELLS};
	struct worker *w = ex->w;
	uint64_t wait;
	bool ok = limits_take(w->gate->limits, kind, key, who, w->net.loop.now, &wait);

	if (ok || counts[kind] == METRIC_CELLS)
		return ok;
	metric_add(w->metrics, counts[kind], 1);
	ex->retry_ns = wait;
	return false;
}

static bool
rates_address(struct exchange *ex, enum limit_kind kind)
{
	uint8_t key[MAP_KEY];

	limits_address_key(&ex->client, key);
	return rates_take(ex, kind, key, MAP_STRANGER);
}

/* A session as held from one address. */
static void
rates_holder_key(const struct exchange *ex, uint8_t key[MAP_KEY])
{
	uint8_t address[MAP_KEY];

	limits_address_key(&ex->client, address);
	for (int i = 0; i < MAP_KEY; i++)
		key[i] = ex->session->id[i] ^ address[i];
}

/* In an accepted context: the session and its user. */
static bool
rates_owner(struct exchange *ex)
{
	const struct session *s = ex->session;

	return rates_take(ex, LIMIT_SESSION, s->id, MAP_KEPT) &&
	       (s->user_n == 0 || rates_take(ex, LIMIT_USER, s->person_key, MAP_KEPT));
}

/* Each listed route has two shares, so that strangers cannot use up the owners'. */
static bool
rates_route(struct exchange *ex)
{
	const struct conf_site *site = exchange_site(ex);
	bool owner = ex->known == KNOWN_LIVE && ex->ctx_accepted;
	uint8_t key[MAP_KEY] = {owner};
	uint32_t at[2];

	if (ex->route == NULL)
		return true;
	at[0] = (uint32_t)site->index;
	at[1] = (uint32_t)(ex->route - site->routes);
	memcpy(key + 4, at, sizeof(at));
	return rates_take(ex, LIMIT_ROUTE, key, owner ? MAP_KEPT : MAP_STRANGER);
}

bool
rates_login(struct exchange *ex)
{
	return ex->login == NULL || rates_address(ex, LIMIT_LOGIN);
}

bool
rates_adopt(struct exchange *ex)
{
	return rates_address(ex, LIMIT_LOGIN);
}

bool
rates_asset(struct exchange *ex)
{
	return rates_address(ex, LIMIT_ADDRESS);
}

static bool
rates_holder(struct exchange *ex)
{
	uint8_t key[MAP_KEY];

	if (ex->known != KNOWN_LIVE || ex->class == RECIPE_OPEN)
		return rates_address(ex, LIMIT_ADDRESS);
	if (ex->ctx_accepted)
		return rates_owner(ex);
	rates_holder_key(ex, key);
	return rates_take(ex, LIMIT_SESSION, key, MAP_STRANGER) &&
	       rates_address(ex, LIMIT_ADDRESS);
}

bool
rates_request(struct exchange *ex)
{
	return rates_holder(ex) && rates_route(ex);
}

bool
rates_record(struct exchange *ex)
{
	uint8_t key[MAP_KEY];

	if (ex->known == KNOWN_LIVE && !ex->adopting && ex->reason != REASON_RATE_LIMIT)
		return true;
	if (!strangers_may_write(ex->w))
		return false;
	if (ex->session == NULL)
		return rates_address(ex, LIMIT_RECORD);
	/* A cookie that is replayed again and again fills no log either. */
	rates_holder_key(ex, key);
	return rates_take(ex, LIMIT_RECORD, key, MAP_STRANGER);
}

bool
rates_alarm(struct exchange *ex, const struct session *s)
{
	_Static_assert((int)SESSION_ID_LEN == (int)MAP_KEY, "a session's id is a key");

	return rates_take(ex, LIMIT_TOSSING, s->id, MAP_STRANGER);
}

bool
rates_event(struct exchange *ex)
{
	return rates_address(ex, LIMIT_TOSSING);
}
