/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/snapshot.h - settings, policies, certificates, geo files and targets, built
 * and checked as one thing and swapped as one pointer.
 *
 * The supervisor reads files; the gate opens none. So a snapshot is built from a *reader*,
 * which gives the bytes of a named file: on the supervisor's side (and in `warifu check`)
 * from the disk, in the gate from the bundle that the supervisor made while it read.
 *
 * Ownership  reference counted; snapshot_unref of the last one frees everything.
 * Errors     NULL and messages in the list; a snapshot is whole or is not.
 * Threads    read-only after building, but for targets' health and the TLS clock.
 */
#ifndef WARIFU_GATE_SNAPSHOT_H
#define WARIFU_GATE_SNAPSHOT_H

#include <stdatomic.h>

#include "certs/store.h"
#include "certs/tlsadmin.h"
#include "policy/diag.h"
#include "policy/policy.h"
#include "proxy/base/ip.h"
#include "proxy/conf/conf.h"
#include "proxy/net/upstream.h"
#include "proxy/place/place.h"
#include "proxy/wire/fields.h"

struct tlsctx;

/*
 * Where files come from. On the supervisor's side and in `warifu check` that is the disk;
 * in the gate it is the bundle that the supervisor made while it read.
 */
struct snapshot_reader {
	void *arg;
	/* The file's bytes, good until the build is over. 0, or an error and a sentence. */
	int (*read)(void *arg, const char *path, bool secret, struct span *bytes, char *why,
	    size_t cap);
	/* A name and port to a struct sockaddr in out[128]; its length, or an error. */
	int (*resolve)(void *arg, const char *host, uint16_t port, uint8_t *out, char *why,
	    size_t cap);
	/* Where a geo file can be opened from, and its hash; `path` may become another. */
	int (*geo)(void *arg, const char *path, struct place_file *out, char *why,
	    size_t cap);
};

struct snapshot_site {
	const struct conf_site *conf;
	bool claims[FIELD_COUNT]; /* known fields that say who the user is (rewrite_claims) */
	struct policy *policy;
	uint8_t policy_hash[32];
	struct tlsout **tlsout; /* one per server; NULL entries are plain */
	struct upstream_target *targets; /* array */
	struct upstream_target **list;	 /* the same, as pointers */
	size_t n_targets;
};

struct snapshot {
	atomic_uint refs;
	uint64_t number; /* given by the supervisor, grows with each reload */
	struct conf *conf;
	uint8_t settings_hash[32];
	struct certs *certs;
	struct tlsctx *tls;
	/* The console's own certificate, whose file the supervisor alone reads; in the gate zeros. */
	struct tlsadmin_dates console;
	struct place_db *place;
	struct place_version versions[PLACE_ROLES]; /* by role */
	bool has_version[PLACE_ROLES];
	struct snapshot_site *sites; /* in the order of conf->sites */
	struct upstream_target portal;
	struct upstream_target **targets; /* all of all sites, then the portal */
	size_t n_targets;
};

struct snapshot_opt {
	uint64_t number;
	const uint8_t *ticket_secret;  /* TICKET_SECRET_LEN bytes, or NULL */
	int64_t now;
	bool deep; /* walk geo files wholly (supervisor and check) */
};

/* Takes conf, also when it fails. */
struct snapshot *
snapshot_build(struct conf *conf, const struct snapshot_reader *r,
    const struct snapshot_opt *opt, struct diags *diags);

void
snapshot_ref(struct snapshot *s);
void
snapshot_unref(struct snapshot *s);

/*
 * After settings that are at fault: policies and certificates of what could be read of
 * them (CONF_KEEP), so that one look shows their faults too. Takes conf.
 */
void
snapshot_faults(struct conf *conf, const struct snapshot_reader *r,
    const struct snapshot_opt *opt, struct diags *diags);

#endif
