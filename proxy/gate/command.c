/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/base/word.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/tell.h"

enum { COMMAND_WORDS = 6, COMMAND_WORD = 512, COMMAND_WAIT_MS = 5000, COMMAND_FILL = 40 /* percent of the ring */ };

struct command {
	struct worker *w;
	char word[COMMAND_WORDS][COMMAND_WORD]; /* actor, verb, … */
	unsigned n;
	void (*line)(void *arg, const char *line);
	void *arg;
	unsigned count;
	unsigned unrecorded; /* done, but the log could not be told */
	uint64_t seq;
	const char *fault; /* a sentence for the error, or NULL */
};

static bool
command_split(struct command *c, const char *text)
{
	struct span line = span_str(text), raw;

	while (c->n < COMMAND_WORDS && word_next(&line, &raw))
		if (raw.n == 0 || word_decode(raw, c->word[c->n++], COMMAND_WORD) != 0)
			return false;
	return line.n == 0 && c->n >= 2;
}

/* The word behind those of the command, where there is one: the reason. */
static const char *
command_reason(const struct command *c, unsigned words)
{
	return c->n > words ? c->word[words] : NULL;
}

/* Nothing is acknowledged before it is on disk. */
static int
command_commit(struct command *c)
{
	struct timespec ms = {.tv_nsec = 1000000};

	ring_notify(&c->w->ring, c->w->scribe_fd);
	for (int i = 0; i < COMMAND_WAIT_MS; i++) {
		if (ring_committed(&c->w->ring) >= c->seq)
			return 0;
		nanosleep(&ms, NULL);
	}
	return WF_ETIMEOUT;
}

/* ---- sessions ---- */

static bool
command_matches_device(const struct command *c, struct session *s)
{
	char text[DEVKEY_TEXT];
	bool keyed;

	session_lock(s);
	keyed = s->device.key.alg != DEVKEY_NONE;
	text_hex(span_of(s->device.thumb, sizeof(s->device.thumb)), text);
	session_unlock(s);
	return keyed && strcmp(text, c->word[3]) == 0;
}

static bool
command_matches(const struct command *c, struct session *s)
{
	const char *what = c->word[2];
	char hex[2 * SESSION_ID_LEN + 1];

	if (strcmp(what, "all") == 0)
		return true;
	if (c->n < 4)
		return false;
	if (strcmp(what, "user") == 0)
		return span_eq(session_user(s), span_str(c->word[3]));
	if (strcmp(what, "site") == 0)
		return span_eq(session_site(s), span_str(c->word[3]));
	if (strcmp(what, "device") == 0)
		return command_matches_device(c, s);
	text_hex(span_of(s->id, sizeof(s->id)), hex);
	return strcmp(what, "session") == 0 && strcmp(hex, c->word[3]) == 0;
}

static bool
command_revoke_one(void *arg, struct session *s)
{
	struct command *c = arg;
	struct journal_event ev = {.event = REC_EVENT_REVOKE, .session = s, .end = true,
	    .actor = c->word[0], .detail = command_reason(c, 4)};
	int err;

	if (!command_matches(c, s) ||
	    !(table_end(s, SESSION_REVOKED) || atomic_load(&s->unrecorded)))
		return true;
	c->count++;
	metric_add(c->w->metrics, METRIC_REV_ADMIN, 1);
	metric_add(c->w->metrics, METRIC_EV_REVOKED, 1);
	/* More sessions than the ring takes: what is in it goes to the disk first. */
	if (ring_fill(&c->w->ring) >= COMMAND_FILL && c->seq != 0)
		(void)command_commit(c);
	/* In force at once; the acknowledgement waits for the disk. */
	err = journal_event(c->w, &ev, &c->seq);
	atomic_store(&s->unrecorded, err != 0);
	c->unrecorded += err != 0;
	return true;
}

static bool
command_list_one(void *arg, struct session *s)
{
	struct command *c = arg;
	struct tell t = {c->line, c->arg};

	if (!session_is_live(s, worker_now_s(c->w)))
		return true;
	tell_session(&t, s, false);
	c->count++;
	return true;
}

static bool
command_show_one(void *arg, struct session *s)
{
	struct command *c = arg;
	struct tell t = {c->line, c->arg};
	char hex[2 * SESSION_ID_LEN + 1];

	text_hex(span_of(s->id, sizeof(s->id)), hex);
	if (strcmp(hex, c->word[2]) != 0)
		return true;
	tell_session(&t, s, true);
	c->count++;
	return false;
}

/* Nobody has revoked a session that there is not: a slip of the hand must not look done. */
static int
command_session(struct command *c, const char *verb)
{
	if (strcmp(verb, "list") == 0) {
		table_each(c->w->gate->table, command_list_one, c);
		return 0;
	}
	if (strcmp(verb, "show") == 0) {
		table_each(c->w->gate->table, command_show_one, c);
		c->fault = "there is no session of that id (warifu session list shows them)";
		return c->count == 0 ? WF_ENOTFOUND : 0;
	}
	table_each(c->w->gate->table, command_revoke_one, c);
	return 0;
}

/* ---- locks ---- */

static int
command_switch(struct command *c, const char *key, bool on, enum rec_event event,
    uint64_t until_s, const char *reason)
{
	char note[LOCKS_NOTE];
	int n = snprintf(note, sizeof(note), "%s: %s", c->word[0],
	    reason == NULL ? "" : reason);
	struct span kept = span_of(note, n < LOCKS_NOTE ? (size_t)n : LOCKS_NOTE - 1);
	struct journal_event ev = {.event = event, .actor = c->word[0], .until_s = until_s,
	    .alarm = event == REC_EVENT_BYPASS_ON, .key = span_str(key), .key_set = on,
	    .key_del = !on, .note = kept, .detail = reason};
	int err = 0;

	if (on)
		err = locks_set(c->w->gate->locks, span_str(key), until_s, kept);
	else if (!locks_clear(c->w->gate->locks, span_str(key))) {
		c->fault = "there is no such lock or bypass (warifu status lists them)";
		err = WF_ENOTFOUND;
	}
	c->count = 1;
	return err != 0 ? err : journal_event(c->w, &ev, &c->seq);
}

/* A lock with a misspelt name would stop nothing and look as if it did. */
static bool
command_names_class(const char *name)
{
	for (int i = RECIPE_OPEN; i <= RECIPE_SENSITIVE; i++)
		if (strcmp(name, recipe_class_name((enum recipe_class)i)) == 0)
			return true;
	return false;
}

static bool
command_has_site(const struct command *c, const char *name)
{
	return conf_site_by_name(worker_conf(c->w), span_str(name)) != NULL;
}

static int
command_no_site(struct command *c)
{
	c->fault = "there is no site of that name (warifu status lists them); nothing was changed";
	return WF_ENOTFOUND;
}

/* Whoever locks believes that something is stopped. */
static void
command_lock_weak(struct command *c)
{
	const struct snapshot *s = c->w->cur->snap;
	char buf[COMMAND_WORD * 2];
	struct word_line l;

	for (size_t i = 0; i < s->conf->n_sites; i++) {
		const struct conf_site *site = &s->conf->sites[i];
		bool observes = site->mode == CONF_OBSERVE ||
				locks_bypass(c->w->gate->locks, site->name, worker_now_s(c->w));

		if (strcmp(c->word[2], "*") != 0 && !span_eq(site->name, span_str(c->word[2])))
			continue;
		if (!observes && policy_reads(s->sites[i].policy, SIG_LOCK_ACTIVE))
			continue;
		word_init(&l, buf, sizeof(buf));
		word_add(&l, NULL, SPAN_LIT("weak"));
		word_add(&l, "site", site->name);
		word_add(&l, "why", observes ? SPAN_LIT("observes") : SPAN_LIT("no-rule"));
		c->line(c->arg, buf);
	}
}

static int
command_lock(struct command *c, bool on)
{
	char key[COMMAND_WORD * 2 + 8];

	if (c->n < 4 || !command_names_class(c->word[3])) {
		c->fault = "a class is open, read, write or sensitive; nothing was changed";
		return WF_ESYNTAX;
	}
	if (strcmp(c->word[2], "*") != 0 && !command_has_site(c, c->word[2]))
		return command_no_site(c);
	if (on)
		command_lock_weak(c);
	snprintf(key, sizeof(key), "lock/%s/%s",
	    strcmp(c->word[2], "*") == 0 ? "" : c->word[2], c->word[3]);
	return command_switch(c, key, on, on ? REC_EVENT_LOCK : REC_EVENT_UNLOCK, 0,
	    command_reason(c, 4));
}

static int
command_bypass(struct command *c, bool on)
{
	char key[COMMAND_WORD + 8];
	uint64_t until = 0;

	if (c->n < (on ? 4u : 3u) ||
	    (on && text_uint(span_str(c->word[3]), UINT64_MAX / CLOCK_SEC, &until) != 0))
		return WF_ESYNTAX;
	if (on && !command_has_site(c, c->word[2]))
		return command_no_site(c);
	snprintf(key, sizeof(key), "bypass/%s", c->word[2]);
	return command_switch(c, key, on, on ? REC_EVENT_BYPASS_ON : REC_EVENT_BYPASS_OFF,
	    until, command_reason(c, on ? 4 : 3));
}

static int
command_do(struct command *c)
{
	const char *verb = c->word[1];

	if (strcmp(verb, "list") == 0 ||
	    ((strcmp(verb, "show") == 0 || strcmp(verb, "revoke") == 0) && c->n >= 3))
		return command_session(c, verb);
	if (strcmp(verb, "switches") == 0) {
		tell_switches(&(struct tell){c->line, c->arg}, c->w->gate->locks,
		    worker_now_s(c->w));
		return 0;
	}
	if (strcmp(verb, "lock") == 0 || strcmp(verb, "unlock") == 0)
		return command_lock(c, verb[0] == 'l');
	if (strcmp(verb, "bypass") == 0 || strcmp(verb, "enforce") == 0)
		return command_bypass(c, verb[0] == 'b');
	return WF_ESYNTAX;
}

int
command_run(struct worker *w, const char *text, void (*line)(void *arg, const char *line),
    void *arg, char *why, size_t cap)
{
	struct command *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL) {
		snprintf(why, cap, "out of memory");
		return WF_ENOMEM;
	}
	c->w = w;
	c->line = line;
	c->arg = arg;
	err = command_split(c, text) ? command_do(c) : WF_ESYNTAX;
	if (err == 0 && c->seq != 0)
		err = command_commit(c);
	if (err == 0 && c->unrecorded > 0) {
		err = WF_EFULL;
		snprintf(why, cap,
		    "%u done; %u of them are in force but not on disk and would live again after a "
		    "restart: see to the log, then repeat the command", c->count, c->unrecorded);
	} else if (err == 0)
		snprintf(why, cap, "%u", c->count);
	else
		snprintf(why, cap, "%s", c->fault != NULL ? c->fault : err_text(err));
	free(c);
	return err;
}
