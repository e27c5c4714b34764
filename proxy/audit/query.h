/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/query.h - the leaves of a log that somebody asks for, opened where the key
 * is there.
 *
 * query_next gives leaves in the chain's order. A decision, event or aggregate is given
 * when it fits the whole filter; an outcome when its decision was given (or when only a time
 * is asked for).
 *
 * Ownership  query_open allocates; an item's spans live until the next call.
 *            query_item_keep makes a copy that lives on its own.
 * Errors     as store.h; WF_ENOTFOUND at the end.
 * Threads    one owner.
 * Not here   whether the log is untouched: verify.h. What it looks like: show.h, export.h.
 */
#ifndef WARIFU_AUDIT_QUERY_H
#define WARIFU_AUDIT_QUERY_H

#include "proxy/audit/record.h"
#include "proxy/audit/keys.h"

struct query;

struct query_filter {
	uint64_t since; /* ns since 1970; what the leaves say */
	uint64_t until; /* 0 = no end */
	struct span user;     /* exact name; empty = any. Needs the master key */
	struct span session;  /* leading bytes of the id; empty = any */
	struct span site;
	struct span rule;     /* matched or observed */
	struct span country;  /* either database's */
	struct span class;    /* of the route */
	bool by_verdict;
	uint64_t verdict;     /* of the policy, or as enforced */
	uint64_t exchange;    /* 0 = any */
	uint64_t from_leaf;   /* 0 = from the start */
};

/* What became of the personal part. */
enum query_person {
	QUERY_NONE,    /* the leaf has none */
	QUERY_OPEN,    /* decrypted */
	QUERY_ERASED,  /* its key was destroyed */
	QUERY_LOCKED,  /* no master key at hand */
	QUERY_DAMAGED  /* does not decrypt */
};

struct query_item {
	uint64_t number; /* in the chain, from 1 */
	struct span leaf;
	struct rec_view view;
	enum query_person person;
	struct span personal; /* QUERY_OPEN: the fields */
};

/* master may be NULL. */
int
query_open(struct query **q, const char *dir, const uint8_t *master,
    const struct query_filter *f);

void
query_close(struct query *q);

int
query_next(struct query *q, struct query_item *it);

/* One field of either part; false when absent or not readable. */
bool
query_field(const struct query_item *it, uint16_t tag, struct span *value);

/* A heap copy of everything the item refers to; free() it. NULL without memory. */
struct query_item *
query_item_keep(const struct query_item *it);

#endif
