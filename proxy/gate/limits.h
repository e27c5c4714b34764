/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/limits.h - how often and how many, per address, session, user and route.
 *
 * One set for all threads, sharded by key under short locks. Strangers have their own
 * places in each table and never push out those who logged in (security model 18).
 *
 * Units      nanoseconds of the monotonic clock.
 * Threads    all calls from any thread.
 */
#ifndef WARIFU_GATE_LIMITS_H
#define WARIFU_GATE_LIMITS_H

#include "proxy/base/ip.h"
#include "proxy/base/map.h"
#include "proxy/conf/conf.h"

struct limits;

enum limit_kind {
	LIMIT_ADDRESS,
	LIMIT_SESSION,
	LIMIT_USER,
	LIMIT_ROUTE,
	LIMIT_LOGIN,
	LIMIT_RECORD, /* full records for strangers; beyond: aggregates */
	LIMIT_TOSSING, /* events of two cookies of one name */
	LIMIT_KINDS
};

struct limits *
limits_new(const struct conf_limits *conf);
void
limits_free(struct limits *l);
/* A reload: rates that changed begin anew, the others go on. Out of memory: the old ones
 * stay. One thread calls this. */
void
limits_adopt(struct limits *l, const struct conf_limits *conf);

/* Takes one token; false: too often, and *wait says in how many ns there will be one. */
bool
limits_take(struct limits *l, enum limit_kind kind, const uint8_t key[MAP_KEY],
    enum map_kind who, uint64_t now, uint64_t *wait);

/* Frees buckets that are full again, a part of them a call. */
void
limits_sweep(struct limits *l, uint64_t now);

/* Counts connections of an address (IPv6: of its /64); false when it has too many. */
bool
limits_connect(struct limits *l, const struct ip *ip, uint64_t max);
void
limits_disconnect(struct limits *l, const struct ip *ip);

/* The key of an address: itself, or its /64. */
void
limits_address_key(const struct ip *ip, uint8_t key[MAP_KEY]);

#endif
