/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/tell.h"

#include <stdlib.h>

#include "proxy/base/ip.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "policy/signal.h"
#include "proxy/base/word.h"
#include "proxy/conf/recipe.h"
#include "proxy/wire/tlsfp.h"
#include "proxy/wire/ua.h"

enum { TELL_LINE = 2048 };

static void
tell_time(struct word_line *w, const char *key, uint64_t s)
{
	if (s != 0)
		word_addf(w, key, "%llu", (unsigned long long)s);
}

static void
tell_context(const struct tell *t, const struct session_context *c, unsigned n)
{
	char buf[TELL_LINE], text[IP_TEXT];
	struct word_line w;
	struct ip ip;

	word_init(&w, buf, sizeof(buf));
	word_add(&w, NULL, SPAN_LIT("context"));
	word_addf(&w, "n", "%u", n);
	word_addf(&w, "state", "%s", c->flags & CONTEXT_CHALLENGED ? "challenged"
		  : c->flags & CONTEXT_ACCEPTED ? "accepted" : "seen");
	if (c->country[0][0] != '\0')
		word_addf(&w, "country", "%.2s", c->country[0]);
	if (c->asn != 0)
		word_addf(&w, "asn", "%u", c->asn);
	if (c->flags & CONTEXT_HAS_ADDR) {
		ip = ip_from_bytes(c->addr, 16);
		(void)ip_print(&ip, text);
		word_addf(&w, "address", "%s", text);
	}
	if (c->ua_family != UA_UNKNOWN && c->ua_major != 0)
		word_addf(&w, "client", "%s %u", ua_family_name((enum ua_family)c->ua_family),
		    c->ua_major);
	else if (c->ua_family != UA_UNKNOWN)
		word_addf(&w, "client", "%s", ua_family_name((enum ua_family)c->ua_family));
	if (c->ua_system != UA_OS_UNKNOWN)
		word_addf(&w, "system", "%s", ua_os_name((enum ua_os)c->ua_system));
	if (c->flags & CONTEXT_HAS_CORE)
		word_addf(&w, "tls", "%s", tlsfp_family_name((enum tlsfp_family)c->tls_family));
	tell_time(&w, "first", c->first_s);
	tell_time(&w, "last", c->last_s);
	t->line(t->arg, buf);
}

static void
tell_credential(const struct tell *t, const struct session_cred *c)
{
	char buf[TELL_LINE];
	struct word_line w;

	word_init(&w, buf, sizeof(buf));
	word_add(&w, NULL, SPAN_LIT("credential"));
	word_addf(&w, "kind", "%s",
	    recipe_carrier_name((enum recipe_carrier_kind)c->carrier));
	tell_time(&w, "until", c->until_s);
	t->line(t->arg, buf);
}

static void
tell_device(struct word_line *w, const struct session_device *d)
{
	char text[DEVKEY_TEXT];

	if (d->key.alg == DEVKEY_NONE)
		return;
	text_hex(span_of(d->thumb, sizeof(d->thumb)), text);
	word_addf(w, "key", "%s", text);
	word_addf(w, "tier", "%s", signal_word(SIG_DEVICE_PROOF, PROOF_DBSC));
	tell_time(w, "registered", d->since_s);
	tell_time(w, "proven", d->proof_s);
}

static void
tell_head(const struct tell *t, struct session *s)
{
	static const char *const how[] = {"unknown", "form", "request-json", "json", "jwt",
	    "header"};
	char buf[TELL_LINE], hex[2 * SESSION_ID_LEN + 1];
	unsigned challenged = 0, flags = atomic_load(&s->flags);
	struct word_line w;

	text_hex(span_of(s->id, sizeof(s->id)), hex);
	for (unsigned i = 0; i < s->n_contexts; i++)
		challenged += (s->contexts[i].flags & CONTEXT_CHALLENGED) != 0;
	word_init(&w, buf, sizeof(buf));
	word_add(&w, NULL, SPAN_LIT("session"));
	word_addf(&w, "id", "%s", hex);
	word_add(&w, "site", session_site(s));
	word_add(&w, "user", session_user(s));
	if (s->user_how < ARRAY_LEN(how))
		word_addf(&w, "how", "%s", how[s->user_how]);
	tell_time(&w, "created", s->created_s);
	tell_time(&w, "last", atomic_load(&s->last_s));
	tell_time(&w, "expires", s->expires_s);
	word_addf(&w, "contexts", "%u", s->n_contexts);
	word_addf(&w, "challenged", "%u", challenged);
	tell_device(&w, &s->device);
	word_addf(&w, "marks", "%s%s%s%s", flags & SESSION_ADOPTED ? "adopted" : "",
	    flags == (SESSION_ADOPTED | SESSION_DOUBTFUL) ? "," : "",
	    flags & SESSION_DOUBTFUL ? "doubtful" : "",
	    atomic_load(&s->state) == SESSION_LIVE ? "" : "ended");
	t->line(t->arg, buf);
}

void
tell_session(const struct tell *t, struct session *from, bool whole)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	/* A copy: nobody holds the lock over the sending of lines. */
	session_lock(from);
	memcpy(s->id, from->id, sizeof(s->id));
	memcpy(s->site, from->site, sizeof(s->site));
	memcpy(s->user, from->user, sizeof(s->user));
	memcpy(s->creds, from->creds, sizeof(s->creds));
	memcpy(s->contexts, from->contexts, sizeof(s->contexts));
	s->device = from->device;
	s->site_n = from->site_n;
	s->user_n = from->user_n;
	s->user_how = from->user_how;
	s->n_creds = from->n_creds;
	s->n_contexts = from->n_contexts;
	s->created_s = from->created_s;
	s->expires_s = from->expires_s;
	session_unlock(from);
	atomic_store(&s->flags, atomic_load(&from->flags));
	atomic_store(&s->state, atomic_load(&from->state));
	atomic_store(&s->last_s, atomic_load(&from->last_s));
	tell_head(t, s);
	for (unsigned i = 0; whole && i < s->n_creds; i++)
		tell_credential(t, &s->creds[i]);
	for (unsigned i = 0; whole && i < s->n_contexts; i++)
		tell_context(t, &s->contexts[i], i);
	free(s);
}

void
tell_switches(const struct tell *t, struct locks *l, uint64_t now_s)
{
	struct locks_entry *at = calloc(LOCKS_MAX, sizeof(*at));
	unsigned n = at == NULL ? 0 : locks_list(l, at, LOCKS_MAX, now_s);
	char buf[TELL_LINE];
	struct word_line w;

	for (unsigned i = 0; i < n; i++) {
		word_init(&w, buf, sizeof(buf));
		word_add(&w, NULL, SPAN_LIT("switch"));
		word_addf(&w, "key", "%s", at[i].key);
		tell_time(&w, "until", at[i].until_s);
		word_addf(&w, "note", "%s", at[i].note);
		t->line(t->arg, buf);
	}
	free(at);
}
