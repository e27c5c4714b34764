/* SPDX-License-Identifier: Apache-2.0 */
/* Records of who read the log, as `warifu log` asks for them. */
#include "proxy/audit/entry.h"
#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/main/supervisorpriv.h"

enum { NOTE_ENTRY = 4096 };

/* The words in turn; the one behind --user is about a person and so not among them. */
static struct span
note_words(struct rec *r, struct span words)
{
	struct cursor c = cur_init(words);
	struct span user = {NULL, 0};
	bool person = false;

	rec_list_begin(r, REC_TAG_FILTER);
	while (cur_left(&c) > 0) {
		struct span rest = span_of(c.p, cur_left(&c)), word;
		ptrdiff_t tab = span_chr(rest, '\t');

		word = span_of(rest.p, tab < 0 ? rest.n : (size_t)tab);
		(void)cur_take(&c, word.n + (tab < 0 ? 0 : 1));
		if (person)
			user = word;
		rec_list_add(r, person ? SPAN_LIT("*") : word);
		person = span_eq(word, SPAN_LIT("--user"));
	}
	rec_list_end(r);
	return user;
}

int
supervisor_note(struct supervisor *s, bool export, const char *actor, struct span words)
{
	struct rec_head h = {.kind = REC_EVENT, .flags = REC_F_DURABLE,
	    .thread = (uint16_t)REC_THREAD_SUPERVISOR, .boot = s->plant.boot,
	    .time = clock_wall()};
	struct span user;
	struct entry e;
	uint8_t *room;
	size_t len;
	int err = ring_reserve(&s->ring, NOTE_ENTRY, RING_CRITICAL, &room);

	if (err != 0) {
		ring_gap(&s->ring);
		return err;
	}
	h.seq = ring_next_seq(&s->ring);
	entry_begin(&e, room, NOTE_ENTRY, &h);
	rec_put_u64(&e.rec, REC_TAG_EVENT, export ? REC_EVENT_LOG_EXPORT : REC_EVENT_LOG_READ);
	rec_put_text(&e.rec, REC_TAG_ACTOR, actor);
	user = note_words(&e.rec, words);
	if (user.n > 0) {
		rec_personal(&e.rec);
		rec_put_bytes(&e.rec, REC_TAG_USER, user);
	}
	entry_leaf_end(&e);
	err = entry_end(&e, &len);
	if (err == 0)
		(void)ring_publish(&s->ring, len, RING_DURABLE);
	ring_notify(&s->ring, s->plant.scribe_event);
	return err;
}
