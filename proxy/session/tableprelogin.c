/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies that a backend set before any login. */
#include "proxy/session/tablepriv.h"

static void
table_forget_source(void *arg, const uint8_t key[MAP_KEY], void *value)
{
	struct table *t = arg;
	const struct table_prelogin *e = value;
	uint32_t *n = map_find(t->sources, e->source);

	(void)key;
	if (n != NULL && --*n == 0)
		map_del(t->sources, e->source);
}

bool
table_prelogin_init(struct table *t, const struct table_opt *opt)
{
	struct map_opt m = {.capacity = opt->prelogin,
	    .value_size = sizeof(struct table_prelogin), .gone = table_forget_source,
	    .gone_arg = t};

	memcpy(m.secret, opt->secret, sizeof(m.secret));
	pthread_mutex_init(&t->pre_lock, NULL);
	t->pre_source = opt->prelogin_source;
	t->pre = map_new(&m);
	m.value_size = sizeof(uint32_t);
	m.gone = NULL;
	t->sources = map_new(&m);
	return t->pre != NULL && t->sources != NULL;
}

bool
table_prelogin_add(struct table *t, const uint8_t key[SESSION_KEY_LEN],
    const struct table_prelogin *entry)
{
	struct table_prelogin *e;
	bool fresh = false, ok = true;
	uint32_t *n;

	pthread_mutex_lock(&t->pre_lock);
	n = map_put(t->sources, entry->source, MAP_STRANGER, entry->created_s, NULL);
	e = n != NULL && *n < t->pre_source
		? map_put(t->pre, key, MAP_STRANGER, entry->created_s, &fresh)
		: map_find(t->pre, key);
	ok = e != NULL;
	if (e != NULL && fresh) {
		*e = *entry;
		n = map_find(t->sources, entry->source);
		if (n != NULL)
			++*n;
	}
	pthread_mutex_unlock(&t->pre_lock);
	return ok;
}

bool
table_prelogin_find(struct table *t, const uint8_t key[SESSION_KEY_LEN],
    struct table_prelogin *entry)
{
	const struct table_prelogin *e;

	pthread_mutex_lock(&t->pre_lock);
	e = map_find(t->pre, key);
	if (e != NULL)
		*entry = *e;
	pthread_mutex_unlock(&t->pre_lock);
	return e != NULL;
}

void
table_prelogin_del(struct table *t, const uint8_t key[SESSION_KEY_LEN])
{
	struct table_prelogin *e;

	pthread_mutex_lock(&t->pre_lock);
	e = map_find(t->pre, key);
	if (e != NULL) {
		table_forget_source(t, key, e);
		map_del(t->pre, key);
	}
	pthread_mutex_unlock(&t->pre_lock);
}
