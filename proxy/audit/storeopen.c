/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store: what is there, what it lacks, and saying so in the log. */
#include "proxy/audit/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "proxy/audit/querydb.h"
#include "proxy/audit/storelist.h"
#include "proxy/audit/storepriv.h"
#include "proxy/base/err.h"

#define STORE_TOMBSTONE_NS (UINT64_C(30) * 86400 * 1000000000)

static int
store_lock(struct store *s)
{
	char *path = storelist_join(s->conf.dir, "scribe.lock");

	if (path == NULL)
		return WF_ENOMEM;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	if (s->lock_fd < 0)
		return WF_EIO;
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? WF_EEXISTS : WF_EIO;
	return 0;
}

/* Sessions that a leaf says are over. */
static struct span
store_ended(const struct rec_view *v)
{
	struct span ids, event;

	if (rec_find(v->fields, REC_TAG_ENDED, &ids))
		return ids;
	if (v->head.kind == REC_EVENT && rec_find(v->fields, REC_TAG_EVENT, &event) &&
	    (rec_u64(event) == REC_EVENT_LOGOUT || rec_u64(event) == REC_EVENT_REVOKE) &&
	    rec_find(v->fields, REC_TAG_SESSION, &ids) && ids.n == REC_SESSION_LEN)
		return ids;
	return span_of(NULL, 0);
}

static int
store_recover_leaf(struct store *s, struct span leaf, uint64_t now, uint64_t *ended)
{
	struct entry_op op = {.kind = ENTRY_SESSION_END};
	struct rec_view v;
	struct span ids;
	int err = rec_parse(leaf, false, &v);

	ids = err == 0 ? store_ended(&v) : span_of(NULL, 0);
	for (size_t i = 0; err == 0 && i < ids.n; i += REC_SESSION_LEN) {
		memcpy(op.session.id, ids.p + i, REC_SESSION_LEN);
		op.session.expires = now + STORE_TOMBSTONE_NS;
		err = storestate_apply(&s->state, &op);
		++*ended;
	}
	return err;
}

/* Ends of sessions in leaves that the state does not know of. Inside a transaction. */
static int
store_recover(struct store *s, uint64_t now, uint64_t *ended)
{
	uint64_t from = s->state.position + 1, at;
	struct querydb *q = NULL;
	struct querydb_block b;
	int err = querydb_open(&q, s->conf.dir, s->conf.vfs);

	if (err == 0)
		querydb_range(q, from, 0, UINT64_MAX);
	while (err == 0 && (err = querydb_next(q, &b)) == 0) {
		struct cursor c = cur_init(b.bytes);
		struct span leaf;

		for (at = b.id; err == 0 && querydb_leaf(&c, &leaf); at++)
			if (at >= from)
				err = store_recover_leaf(s, leaf, now, ended);
	}
	querydb_close(q);
	return err == WF_ENOTFOUND ? 0 : err;
}

/* What opening found, as events in front of everything else. */
static int
store_tell(struct store *s, uint64_t from, uint64_t ended, bool shorter, uint64_t now)
{
	struct rec r;
	int err = 0;

	if (s->log.created) {
		store_event_begin(s, &r, REC_EVENT_LOG_CREATED, now);
		rec_put_bytes(&r, REC_TAG_LOG_ID, span_of(s->log.log_id, STORELOG_ID));
		err = store_event_end(s, &r);
	}
	if (err == 0 && s->log.unclean_boot != 0) {
		store_event_begin(s, &r, REC_EVENT_UNCLEAN_STOP, now);
		rec_put_text(&r, REC_TAG_DETAIL,
		    "records not yet durable at that time may be missing");
		rec_put_u64(&r, REC_TAG_BOOT, s->log.unclean_boot);
		err = store_event_end(s, &r);
	}
	if (err == 0 && (ended > 0 || shorter)) {
		store_event_begin(s, &r, ended > 0 ? REC_EVENT_RECOVERED : REC_EVENT_LOG_GAP,
		    now);
		rec_put_text(&r, REC_TAG_DETAIL,
		    shorter ? "the log ends before what the state has seen of it"
			    : "sessions ended in the log and not yet in the state");
		rec_put_u64(&r, REC_TAG_COUNT, ended);
		rec_put_u64(&r, REC_TAG_FROM_LEAF, from);
		rec_put_u64(&r, REC_TAG_TO_LEAF, s->log.chain.count);
		err = store_event_end(s, &r);
	}
	if (err == 0 && s->state.restored) {
		store_event_begin(s, &r, REC_EVENT_RESTORED, now);
		rec_put_text(&r, REC_TAG_DETAIL,
		    s->state.apart_lost ? "the generation kept apart was lost"
					: "the state is older than its generation");
		rec_put_u64(&r, REC_TAG_GENERATION, s->state.generation);
		err = store_event_end(s, &r);
	}
	return err;
}

/* The log says what was found before the state forgets it: a failure in between makes the
 * next start find and say it again. */
static int
store_settle(struct store *s, uint64_t now)
{
	uint64_t ended = 0, from = s->state.position + 1;
	bool shorter = s->state.position > s->log.chain.count, marked;
	int err = storestate_begin(&s->state);

	if (err == 0 && s->state.position < s->log.chain.count)
		err = store_recover(s, now, &ended);
	if (err == 0 && s->state.restored)
		err = storestate_doubt(&s->state);
	store_reset(s);
	if (err == 0)
		err = store_tell(s, from, ended, shorter, now);
	if (err == 0)
		err = store_commit_log(s, now, false);
	marked = ended > 0 || s->state.restored || s->state.generation == 0;
	if (err == 0)
		err = storestate_commit(&s->state, &s->state.marks, s->log.chain.count,
		    marked);
	s->position_time = now;
	store_abort(s);
	return err;
}

static int
store_open_all(struct store *s, uint64_t now)
{
	const struct store_conf *c = &s->conf;
	int err = store_lock(s);

	if (err == 0)
		err = storekeys_open(&s->table, c->dir, c->vfs, s->keys);
	if (err == 0)
		err = storelog_open(&s->log, c->dir, c->vfs, c->boot, now);
	if (err == 0)
		err = storestate_open(&s->state, c->dir, c->vfs, c->generation, c->boot,
		    s->log.log_id);
	return err != 0 ? err : store_settle(s, now);
}

int
store_open(struct store **out, const struct store_conf *conf, uint64_t now)
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (s == NULL)
		return WF_ENOMEM;
	s->conf = *conf;
	s->lock_fd = -1;
	s->state.apart.fd = -1;
	s->keys = keys_new(conf->master);
	s->hasher = hasher_new();
	err = s->keys == NULL || s->hasher == NULL ? WF_ENOMEM : store_open_all(s, now);
	if (err != 0)
		store_close(s);
	else
		*out = s;
	return err;
}

bool
store_restored(const struct store *s)
{
	return s->state.restored;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	storekeys_close(&s->table);
	storestate_close(&s->state);
	storelog_close(&s->log);
	keys_free(s->keys);
	hasher_free(s->hasher);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->leaves.p);
	free(s->hashes.p);
	free(s->sums.p);
	free(s->ops.p);
	free(s);
}
