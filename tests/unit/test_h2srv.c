/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/http/h2srv.h"
#include "tests/unit/tap.h"

enum { STREAMS = 400, SAID = 1 << 16, SECOND = 1000000000 };

struct stream {
	int32_t id;
	size_t got, left;
	bool ended, closed, said;
	uint32_t code;
};

static struct stream streams[STREAMS];
static size_t n_streams, n_said;
static uint8_t said[SAID], scratch[H2SRV_BLOCK], filler[H2SRV_FRAME];
static bool refuses;
static unsigned last_flags;
static size_t last_block;
static struct h2srv *srv;
static uint64_t now = SECOND;

/* ---- our side ---- */

static void *
on_head(void *arg, int32_t id, struct span block, unsigned flags)
{
	(void)arg;
	last_flags = flags;
	last_block = block.n;
	if (refuses || n_streams == STREAMS)
		return NULL;
	streams[n_streams] = (struct stream){.id = id, .ended = (flags & H2SRV_ENDED) != 0};
	return &streams[n_streams++];
}

static void
on_trailers(void *arg, void *stream, struct span block, unsigned flags)
{
	(void)arg, (void)block, (void)flags;
	((struct stream *)stream)->ended = true;
}

static void
on_data(void *arg, void *stream, struct span data)
{
	(void)arg;
	((struct stream *)stream)->got += data.n;
}

static void
on_ended(void *arg, void *stream)
{
	(void)arg;
	((struct stream *)stream)->ended = true;
}

static void
on_closed(void *arg, void *stream, uint32_t code)
{
	(void)arg;
	((struct stream *)stream)->closed = true;
	((struct stream *)stream)->code = code;
}

static struct h2srv_pending
pending(void *arg, void *stream)
{
	(void)arg;
	return (struct h2srv_pending){.n = ((struct stream *)stream)->left, .end = true};
}

static struct span
take(void *arg, void *stream, size_t n)
{
	(void)arg, (void)stream;
	return span_of(filler, n);
}

static void
taken(void *arg, void *stream, size_t n)
{
	(void)arg;
	((struct stream *)stream)->left -= n;
}

static void
on_said(void *arg, void *stream)
{
	(void)arg;
	((struct stream *)stream)->said = true;
}

static size_t room_left = SAID;

static size_t
room(void *arg)
{
	(void)arg;
	return room_left - n_said;
}

static size_t
put(void *arg, struct span bytes)
{
	size_t n = bytes.n < room(arg) ? bytes.n : room(arg);

	if (n > 0)
		memcpy(said + n_said, bytes.p, n);
	n_said += n;
	return n;
}

static const struct h2srv_ops ops = {on_head, on_trailers, on_data, on_ended, on_closed,
    pending, take, taken, on_said, room, put};

/* ---- the client's ---- */

static int
feed(const void *p, size_t n)
{
	return h2srv_recv(srv, span_of(p, n), scratch, now);
}

static int
frame(uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t n)
{
	uint8_t head[9] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, type, flags,
	    (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
	int err = feed(head, sizeof(head));

	return err != 0 || n == 0 ? err : feed(payload, n);
}

/* GET / of https, by HPACK's static table; and a host. */
static const char fields[] = "\x82\x87\x84\x01\x09"
			     "a.example";

static int
get(uint32_t id)
{
	return frame(1, 5, id, fields, sizeof(fields) - 1);
}

static int
post(uint32_t id)
{
	return frame(1, 4, id, fields, sizeof(fields) - 1);
}

static void
begin(void)
{
	const struct h2srv_opt opt = {.streams = 100, .head = 1024, .tunnels = true,
	    .resets = {SECOND / 10, 20}, .idle_frames = {SECOND / 10, 50}};

	h2srv_free(srv);
	n_streams = n_said = 0;
	refuses = false;
	room_left = SAID;
	srv = h2srv_new(&ops, NULL, &opt);
	MUST(srv != NULL);
	CHECK(feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24) == 0);
	CHECK(frame(4, 0, 0, NULL, 0) == 0 && frame(4, 1, 0, NULL, 0) == 0);
	CHECK(h2srv_send(srv) == 0);
	n_said = 0;
}

/* The code of the last frame of that type that was said on the stream; -1: none. `last`
 * of a GOAWAY. */
static int64_t
code_of(uint8_t type, uint32_t id, uint32_t *last)
{
	int64_t code = -1;

	CHECK(h2srv_send(srv) == 0);
	for (size_t at = 0; at + 9 <= n_said;) {
		const uint8_t *p = said + at;
		size_t n = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];

		if (p[3] == type && p[8] == id && type == 3)
			code = p[12];
		if (p[3] == type && type == 7) {
			code = p[16];
			*last = (uint32_t)p[11] << 8 | p[12];
		}
		at += 9 + n;
	}
	return code;
}

static int64_t
reset_of(uint32_t id)
{
	return code_of(3, id, NULL);
}

static int64_t
goaway(void)
{
	uint32_t last;

	return code_of(7, 0, &last);
}

static void
reply(struct stream *s, size_t body)
{
	struct fields none = fields_over(NULL, 0);

	s->left = body;
	CHECK(h2srv_reply(srv, s->id, 200, &none, body > 0) == 0);
	CHECK(h2srv_send(srv) == 0);
}

/* ---- cases ---- */

static void
gives_heads_bodies_and_ends(void)
{
	begin();
	CHECK(post(1) == 0 && n_streams == 1 && !streams[0].ended);
	CHECK(frame(0, 0, 1, "abc", 3) == 0 && frame(0, 1, 1, "de", 2) == 0);
	CHECK(streams[0].got == 5 && streams[0].ended && !streams[0].closed);
	reply(&streams[0], 1000);
	CHECK(streams[0].said && streams[0].closed && streams[0].left == 0);
}

static void
a_head_in_pieces_is_kept_between_calls(void)
{
	uint8_t other[H2SRV_BLOCK];

	begin();
	CHECK(frame(1, 1, 1, fields, 6) == 0 && h2srv_in_head(srv));
	memset(scratch, 'x', sizeof(scratch)); /* another connection was read */
	memcpy(other, scratch, sizeof(other));
	CHECK(frame(9, 4, 1, fields + 6, sizeof(fields) - 7) == 0 && !h2srv_in_head(srv));
	CHECK_INT(n_streams, 1);
	/* :method :scheme :path :authority with their lengths */
	CHECK_INT(last_block, 4 * 4 + 7 + 3 + 7 + 5 + 5 + 1 + 10 + 9);
	CHECK(last_flags == H2SRV_ENDED);
}

static void
a_head_beyond_the_limit_says_so(void)
{
	uint8_t big[1200] = "\x82\x87\x84\x00\x01x\x7f\xa8\x08"; /* 1,191 bytes of value */

	begin();
	memset(big + 9, 'a', sizeof(big) - 9);
	CHECK(frame(1, 5, 1, big, sizeof(big)) == 0);
	CHECK(n_streams == 1 && last_flags == (H2SRV_ENDED | H2SRV_LARGE));
}

static void
what_is_refused_may_be_tried_again(void)
{
	begin();
	refuses = true;
	CHECK(get(1) == 0);
	CHECK_INT(reset_of(1), H2SRV_REFUSED_STREAM);
}

static void
the_end_names_the_last_stream_that_was_taken(void)
{
	uint32_t last = 99;

	begin();
	for (uint32_t id = 1; id < 9; id += 2) {
		CHECK(get(id) == 0);
		reply(&streams[n_streams - 1], 10);
	}
	h2srv_retire(srv);
	CHECK_INT(code_of(7, 0, &last), 0);
	CHECK_INT(last, 7);
	CHECK(h2srv_is_over(srv));
}

/* Where in what was said the first frame of that type ends; 0: there is none. */
static size_t
end_of(uint8_t type)
{
	for (size_t at = 0; at + 9 <= n_said;) {
		const uint8_t *p = said + at;

		at += 9 + ((size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]);
		if (p[3] == type)
			return at;
	}
	return 0;
}

static void
what_crosses_a_warning_is_taken_and_what_comes_behind_the_last_word_is_not(void)
{
	static const uint8_t other[8] = "warifu!";
	uint8_t ping[8];
	uint32_t last = 0;
	size_t at;

	begin();
	CHECK(get(1) == 0);
	reply(&streams[0], 10);
	CHECK(frame(6, 1, 0, "goodbye", 8) == 0 && !h2srv_is_warned(srv)); /* too early */
	n_said = 0;
	h2srv_warn(srv);
	CHECK_INT(code_of(7, 0, &last), H2SRV_NO_ERROR);
	CHECK_INT(last, 0xffff); /* its low half: all ones */
	at = end_of(6);
	CHECK(end_of(7) > 0 && at > end_of(7)); /* the PING stands behind the GOAWAY */
	memcpy(ping, said + at - 8, 8);
	CHECK(get(3) == 0 && n_streams == 2);
	CHECK(frame(6, 1, 0, other, 8) == 0 && !h2srv_is_warned(srv));
	CHECK(frame(6, 1, 0, ping, 8) == 0 && h2srv_is_warned(srv));
	CHECK(get(5) == 0 && n_streams == 3);
	n_said = 0;
	h2srv_retire(srv);
	CHECK_INT(code_of(7, 0, &last), H2SRV_NO_ERROR);
	CHECK_INT(last, 5);
	CHECK(get(7) == 0 && n_streams == 3 && !h2srv_is_over(srv));
	reply(&streams[1], 10);
	reply(&streams[2], 10);
	CHECK(streams[1].said && streams[2].said && h2srv_is_over(srv));
}

static void
a_window_opens_by_what_was_eaten(void)
{
	static const char part[16384];
	size_t before;

	begin();
	CHECK(post(1) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(frame(0, 0, 1, part, sizeof(part)) == 0);
	CHECK(h2srv_send(srv) == 0);
	before = n_said;
	CHECK_INT(before, 0); /* nothing was eaten: not a byte of window */
	h2srv_ate(srv, 1, 3 * sizeof(part));
	CHECK(h2srv_send(srv) == 0 && n_said > before);
	CHECK(frame(0, 0, 1, part, sizeof(part)) == 0 && frame(0, 0, 1, part, sizeof(part)) == 0);
	CHECK_INT(streams[0].got, 5 * sizeof(part));
}

static void
frames_on_a_stream_that_is_over_end_the_connection(void)
{
	begin();
	CHECK(get(1) == 0);
	reply(&streams[0], 0);
	CHECK(frame(0, 0, 1, "x", 1) == 0);
	CHECK_INT(goaway(), H2SRV_STREAM_CLOSED);
	begin();
	CHECK(get(5) == 0 && get(3) == 0);
	CHECK_INT(goaway(), H2SRV_PROTOCOL_ERROR);
}

static void
what_was_on_its_way_when_we_reset_is_passed_over(void)
{
	begin();
	CHECK(post(1) == 0);
	h2srv_reset(srv, 1, H2SRV_CANCEL);
	CHECK_INT(reset_of(1), H2SRV_CANCEL);
	CHECK(streams[0].closed);
	CHECK(frame(0, 0, 1, "x", 1) == 0 && post(1) == 0);
	CHECK_INT(goaway(), -1);
}

static void
resets_have_a_budget_whoever_sends_them(void)
{
	static const uint8_t cancel[4] = {0, 0, 0, 8}, nought[4] = {0};
	uint32_t id = 1;

	begin();
	for (; id < 41; id += 2)
		CHECK(get(id) == 0 && frame(3, 0, id, cancel, 4) == 0);
	CHECK_INT(h2srv_abuse(srv), H2SRV_FAIR);
	CHECK(get(id) == 0 && frame(3, 0, id, cancel, 4) == 0);
	CHECK_INT(h2srv_abuse(srv), H2SRV_RESETS);
	CHECK_INT(goaway(), H2SRV_CALM);
	begin();
	for (id = 1; id < 41; id += 2)
		CHECK(post(id) == 0 && frame(8, 0, id, nought, 4) == 0 && h2srv_send(srv) == 0);
	CHECK(h2srv_abuse(srv) != H2SRV_FAIR || goaway() == H2SRV_PROTOCOL_ERROR);
}

static void
a_budget_fills_again_with_time(void)
{
	static const uint8_t cancel[4] = {0, 0, 0, 8};

	begin();
	for (uint32_t id = 1; id < 201; id += 2) {
		CHECK(get(id) == 0 && frame(3, 0, id, cancel, 4) == 0);
		now += SECOND / 10;
	}
	CHECK_INT(h2srv_abuse(srv), H2SRV_FAIR);
}

static void
frames_that_carry_nothing_have_a_budget(void)
{
	static const uint8_t zero[8] = {0}, one[4] = {0, 0, 0, 1}, prio[5] = {0, 0, 0, 0, 1};
	static const struct {
		uint8_t type;
		uint32_t id;
		const uint8_t *p;
		size_t n;
	} kinds[] = {{6, 0, zero, 8}, {8, 0, one, 4}, {2, 1, prio, 5}, {0, 1, NULL, 0},
	    {0xbe, 0, zero, 8}, {4, 0, NULL, 0}};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		begin();
		CHECK(post(1) == 0);
		for (int i = 0; i < 40; i++)
			CHECK(frame(kinds[k].type, 0, kinds[k].id, kinds[k].p, kinds[k].n) == 0);
		CHECK_INT(h2srv_abuse(srv), H2SRV_FAIR);
		for (int i = 0; i < 20; i++)
			(void)frame(kinds[k].type, 0, kinds[k].id, kinds[k].p, kinds[k].n);
		CHECK_INT(h2srv_abuse(srv), H2SRV_IDLE_FRAMES);
		CHECK_INT(goaway(), H2SRV_CALM);
	}
}

static void
a_head_in_too_many_frames_ends_the_connection(void)
{
	begin();
	CHECK(frame(1, 1, 1, fields, 3) == 0);
	for (int i = 0; i < 20 && h2srv_abuse(srv) == H2SRV_FAIR; i++)
		(void)frame(9, 0, 1, NULL, 0);
	CHECK_INT(h2srv_abuse(srv), H2SRV_CONTINUATIONS);
}

static void
a_head_that_unpacks_to_far_more_than_the_limit_ends_the_connection(void)
{
	uint8_t bomb[2000] = "\x82\x87\x84\x40\x01x\x7f\x91\x07"; /* x: 1,040 bytes, indexed */

	begin();
	memset(bomb + 9, 'a', 1040);
	memset(bomb + 9 + 1040, 0xbe, sizeof(bomb) - 9 - 1040); /* … and again, and again */
	CHECK(frame(1, 5, 1, bomb, sizeof(bomb)) == 0);
	CHECK_INT(h2srv_abuse(srv), H2SRV_HEADS);
	CHECK_INT(n_streams, 0);
}

static void
nothing_is_said_beyond_the_room_there_is(void)
{
	begin();
	CHECK(get(1) == 0 && get(3) == 0);
	room_left = 30000;
	streams[0].left = streams[1].left = 20000;
	for (int i = 0; i < 2; i++) {
		struct fields none = fields_over(NULL, 0);

		CHECK(h2srv_reply(srv, streams[i].id, 200, &none, true) == 0);
	}
	CHECK_INT(h2srv_send(srv), WF_MORE);
	CHECK(n_said <= 30000 && streams[0].left + streams[1].left > 10000);
	n_said = 0;
	room_left = SAID;
	CHECK_INT(h2srv_send(srv), 0);
	CHECK(streams[0].said && streams[1].said && streams[0].left + streams[1].left == 0);
}

int
main(void)
{
	TAP_RUN(gives_heads_bodies_and_ends);
	TAP_RUN(a_head_in_pieces_is_kept_between_calls);
	TAP_RUN(a_head_beyond_the_limit_says_so);
	TAP_RUN(what_is_refused_may_be_tried_again);
	TAP_RUN(the_end_names_the_last_stream_that_was_taken);
	TAP_RUN(what_crosses_a_warning_is_taken_and_what_comes_behind_the_last_word_is_not);
	TAP_RUN(a_window_opens_by_what_was_eaten);
	TAP_RUN(frames_on_a_stream_that_is_over_end_the_connection);
	TAP_RUN(what_was_on_its_way_when_we_reset_is_passed_over);
	TAP_RUN(resets_have_a_budget_whoever_sends_them);
	TAP_RUN(a_budget_fills_again_with_time);
	TAP_RUN(frames_that_carry_nothing_have_a_budget);
	TAP_RUN(a_head_in_too_many_frames_ends_the_connection);
	TAP_RUN(a_head_that_unpacks_to_far_more_than_the_limit_ends_the_connection);
	TAP_RUN(nothing_is_said_beyond_the_room_there_is);
	h2srv_free(srv);
	return tap_done();
}
