/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/exchange.h - one request and its answer, on its way through the steps.
 *
 * steps.def is the table of steps; exchange_run walks it. An exchange talks to its client
 * through struct down_ops, so that HTTP/1.1 and HTTP/2 share everything here; towards the
 * backend it speaks HTTP/1.1.
 *
 * What was received is immutable (req, res); what is sent is built beside it.
 *
 * Ownership  exchanges come from the worker's free list; one arena each, reset at the end.
 * Threads    the worker's.
 * Not here   the client's protocol (conn.h), the steps' work (one file each).
 */
#ifndef WARIFU_GATE_EXCHANGE_H
#define WARIFU_GATE_EXCHANGE_H

#include "proxy/audit/record.h"
#include "proxy/base/must.h"
#include "proxy/base/problem.h"
#include "proxy/gate/device.h"
#include "proxy/gate/worker.h"
#include "proxy/http/body.h"
#include "proxy/session/session.h"
#include "proxy/wire/form.h"

enum {
	EXCHANGE_FIELDS = 128,
	EXCHANGE_ARENA = 112 * 1024,
	EXCHANGE_CREDS = RECIPE_CARRIERS, /* at most one of each */
	EXCHANGE_CAPTURE = 64 * 1024, /* of a login's body, either way */
};

enum step {
#define STEP(name, fn, text) STEP_##name,
#include "proxy/gate/steps.def"
#undef STEP
	STEP_COUNT
};

enum step_result { STEP_NEXT, STEP_WAIT };

/* Who answers. */
enum answer {
	ANSWER_BACKEND,
	ANSWER_PAGE,	 /* the portal renders ex->page; our fixed page if it is down */
	ANSWER_ASSET,	 /* the portal serves a file of its own */
	ANSWER_DEVICE,	 /* ours, to a browser that registers or proves its key */
	ANSWER_LOGIN,	 /* redirect to the login page */
	ANSWER_CUT,	 /* nothing can be said: close */
};

/* What the credentials of a request lead to. */
enum known {
	KNOWN_NONE,	/* no credential */
	KNOWN_STRANGER, /* a credential that nobody issued here */
	KNOWN_PRELOGIN, /* a cookie that the backend set before any login */
	KNOWN_ENDED,	/* a session that was logged out or is over */
	KNOWN_REVOKED,	/* … that was ended for good: it lives nowhere again */
	KNOWN_LIVE,
};

struct credential {
	uint8_t carrier; /* enum recipe_carrier_kind */
	struct span name;
	struct span value; /* never stored, never logged */
	uint8_t key[SESSION_KEY_LEN];
	enum known known;
};

/* A head towards the client, in no protocol's form yet. */
struct reply {
	unsigned status;
	struct fields fields;
	enum h1_framing framing; /* H1_NONE, H1_LENGTH, or H1_CHUNKED for "unknown" */
	uint64_t length;
	bool states;		 /* Content-Length without a body: HEAD, 304 */
	uint64_t stated;
	bool websocket; /* 101 */
};

struct down_ops {
	void (*interim)(struct exchange *ex, const struct reply *r);
	void (*head)(struct exchange *ex, const struct reply *r);
	size_t (*room)(struct exchange *ex);
	void (*body)(struct exchange *ex, struct span data); /* at most room */
	void (*end)(struct exchange *ex, const struct fields *trailers);
	/* Next run of request body: 0 and data (n == 0: complete), WF_MORE, or an error. */
	int (*pull)(struct exchange *ex, struct span *data);
	void (*eat)(struct exchange *ex, size_t n);
	/* The exchange is over. `clean`: the answer was complete. */
	void (*done)(struct exchange *ex, bool clean);
};

struct capture {
	uint8_t *p;
	size_t n;
	bool full;
};

struct exchange {
	struct exchange *next, **prev; /* waiting, leased, or free */
	struct worker *w;
	struct wsnap *ws;
	struct conn *conn;
	struct connh2_stream *stream; /* of HTTP/2, while there is one */
	const struct down_ops *down;
	const struct snapshot_site *site;
	enum step step;
	bool running;	/* inside exchange_run */
	bool again;	/* an event came while running */
	bool over;	/* CLOSE was reached */
	bool listed;	/* in w->waiting, w->roomless or w->leased */
	bool leased;	/* … in w->leased and counted as a tunnel or long answer */
	struct loop_timer timer;
	enum metric_id timer_metric;
	struct arena arena;

	/* as received */
	struct h1_request req;
	struct body req_body;
	struct ip client; /* the connection's, or asserted by a trusted hop */
	bool asserted;

	/* ADMIT */
	struct span normal; /* path for matching */
	struct span plain; /* … without path parameters; nearly always the same */
	enum recipe_class class;
	bool websocket;
	bool portal_host;
	const struct recipe_route *route; /* as listed; NULL: not listed */
	bool scans_form; /* its body may ask for another method */
	const struct recipe_login *login;     /* this request is a login attempt */
	const struct recipe_endpoint *logout;
	enum rec_mode mode;

	/* KNOW */
	struct credential creds[EXCHANGE_CREDS];
	unsigned n_creds;
	enum known known;
	struct session *session; /* referenced */
	bool tossing;
	bool strip; /* credentials are not forwarded */
	struct device device;
	bool adopting; /* session was made of an unknown cookie; the backend has the last word */

	/* GATHER, DECIDE */
	struct session_context seen;
	struct session_context bound; /* what it is compared with, if has_bound */
	bool has_bound;
	bool ctx_fresh;
	bool ctx_challenged;
	bool ctx_accepted;
	struct facts facts;
	struct decision decision;
	bool decided; /* the policy was asked */
	enum verdict verdict; /* what is enforced */
	enum reason reason;
	enum answer answer;
	enum problem_kind page;
	uint64_t retry_ns; /* of a limit that was reached: until it has room again */

	/* RECORD */
	uint64_t id;
	uint64_t wait_seq; /* 0 once the time for it is over */
	bool waiting; /* for a commit */
	bool roomless; /* … or for room to be recorded at all */
	bool durable; /* the decision must be on disk first */
	bool recorded;
	char support[REC_SUPPORT_LEN];

	/* RELAY */
	struct upstream_conn *up;
	struct buf up_in;
	unsigned tries;
	enum reason up_failed; /* why no connection could be made */
	bool up_fresh;
	bool up_ready;
	bool up_eof;
	bool req_head_sent;
	bool req_sent; /* all of it */
	bool req_broken; /* the client's body failed */
	bool withdrawn; /* … since the backend must not have the rest of it */
	bool body_touched; /* body bytes left towards the backend */
	struct form_scan form;
	struct h1_response res;
	bool res_ready;
	struct body res_body;
	uint8_t ws_key[28]; /* our Sec-WebSocket-Key, base64 */
	struct span asset; /* path on the portal */

	/* LEARN */
	struct capture req_cap, res_cap;
	bool res_captured;
	bool learn_late; /* the answer is judged after it was delivered */
	bool learn_failed; /* what was learned could not be handed over */
	bool ended_session; /* by its own login or logout: its answer is not cut for that */
	unsigned learn_phase;
	struct span user; /* of a login, in the arena */
	uint8_t user_how;
	uint8_t new_session[SESSION_ID_LEN];
	bool has_new_session;
	const char *learned_what[4];
	unsigned n_learned;

	/* DELIVER */
	bool head_sent;
	bool tunnel;
	bool cut;
	uint64_t lease_ns;

	/* figures */
	uint64_t t_start, t_decided, t_waits, t_sent, t_answered;
	uint64_t bytes_in, bytes_out;
	unsigned status;
	const char *end; /* how it ended; NULL: normally */

	struct field req_at[EXCHANGE_FIELDS];
	struct field res_at[EXCHANGE_FIELDS];
	uint8_t block[EXCHANGE_ARENA] __attribute__((aligned(16)));
};

/* For a request whose head is complete; NULL: out of memory. */
struct exchange *
exchange_new(struct worker *w, struct conn *c, const struct down_ops *down);
/* Gives ex back as if it had never been: its head is not complete yet. */
void
exchange_discard(struct exchange *ex);
/* Runs steps until one waits or the exchange is over (then ex is gone). */
void
exchange_run(struct exchange *ex);
/* From a step: go on at `to` after this step returns STEP_NEXT. */
void
exchange_jump(struct exchange *ex, enum step to);
/* Stops the request: this answer, for this reason, recorded first. */
enum step_result
exchange_refuse(struct exchange *ex, enum reason reason, enum problem_kind page);
/* In place of a request whose head cannot be read: a refusal that is recorded first. */
void
exchange_unread(struct exchange *ex, enum reason why);
/* From a step: nothing more can be said; on to CLOSE. */
enum step_result
exchange_fail(struct exchange *ex, const char *why);
/* From outside the steps: the client is gone, or its body is broken beyond an answer. */
void
exchange_abort(struct exchange *ex, const char *why);

/* (Re)sets the exchange's timer; when it fires, `metric` is counted. ms 0: off. */
void
exchange_timer(struct exchange *ex, uint64_t ms, enum metric_id metric);

/* Waits for the commit of wait_seq, at most as long as the settings say … */
void
exchange_wait_commit(struct exchange *ex);
/* … or, no longer than that, behind all others for room in the ring … */
void
exchange_wait_room(struct exchange *ex);
/* … and waits no longer. */
void
exchange_waited(struct exchange *ex);

void
exchange_unlist(struct exchange *ex);
void
exchange_list(struct exchange *ex, struct exchange **list);

/* NULL until ADMIT found it. */
static inline const struct conf_site *
exchange_site_if(const struct exchange *ex)
{
	return ex->site == NULL ? NULL : ex->site->conf;
}

static inline const struct conf_site *
exchange_site(const struct exchange *ex)
{
	MUST(ex->site != NULL);
	return ex->site->conf;
}

static inline struct conf *
exchange_conf(const struct exchange *ex)
{
	return ex->ws->snap->conf;
}

/* Observed sites pass everything; only strict parsing, limits and reserved names stay. */
static inline bool
exchange_enforces(const struct exchange *ex)
{
	return ex->mode == REC_MODE_ENFORCE;
}

/* Does its answer go on for as long as both like: a tunnel, an event stream? */
static inline bool
exchange_is_stream(const struct exchange *ex)
{
	struct span type;

	return ex->tunnel || (fields_one(&ex->res.fields, FIELD_CONTENT_TYPE, &type) == 0 &&
				 span_istarts(type, SPAN_LIT("text/event-stream")));
}

/* Are there bytes behind the head that the backend must read? */
static inline bool
exchange_has_body(const struct exchange *ex)
{
	return ex->req.framing == H1_CHUNKED ||
	       (ex->req.framing == H1_LENGTH && ex->req.length > 0);
}

/* A word for the outcome's record. */
static inline void
exchange_learned(struct exchange *ex, const char *what)
{
	if (ex->n_learned < ARRAY_LEN(ex->learned_what))
		ex->learned_what[ex->n_learned++] = what;
}

/* Is a page of ours what the client can use (somebody navigates), or JSON? In act.c. */
bool
act_is_page(const struct exchange *ex);

/* The steps, each in its own file. */
#define STEP(name, fn, text) enum step_result fn(struct exchange *ex);
#include "proxy/gate/steps.def"
#undef STEP

#endif
