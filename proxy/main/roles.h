/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/roles.h - the processes, and what the supervisor gives each of them.
 *
 * The supervisor makes everything that is shared (rings, metrics, sockets, eventfds) and
 * forks; a child finds it all in struct plant and returns its exit status. A child closes
 * what it does not need, drops to its own user and locks itself in (sandbox.h) before it
 * looks at a byte from outside.
 *
 * Ownership  struct plant is the supervisor's; children have a copy of it by fork.
 */
#ifndef WARIFU_MAIN_ROLES_H
#define WARIFU_MAIN_ROLES_H

#include <sys/types.h>

#include "certs/ticket.h"
#include "proxy/audit/keys.h"
#include "proxy/base/metric.h"
#include "proxy/main/bundle.h"

struct board;
struct overview_history;
struct syscalls_alarm;

enum role { ROLE_SCRIBE, ROLE_GATE, ROLE_PORTAL, ROLE_CONSOLE, ROLE_COUNT };

enum {
	PLANT_THREADS = 64,
	PLANT_RINGS = PLANT_THREADS + 2, /* workers, gate's main thread, supervisor */
	PLANT_LISTENS = 16,
};

/* Secrets of this installation, in one file that only root reads. */
struct plant_secret {
	uint8_t cred_key[32];		       /* of credential hashes */
	uint8_t ticket[TICKET_SECRET_LEN];     /* of TLS session tickets */
	uint8_t master[KEYS_MASTER_LEN];       /* wraps the keys of personal data */
};

struct plant {
	const char *conf_path;
	const char *build;
	uint64_t boot;
	int64_t started_s;
	struct plant_secret secret;
	struct snapshot *snap;	/* the supervisor's own view */
	struct bundle *bundle;	/* … and what it was built from, for a gate that starts */
	int bundle_fds[BUNDLE_FDS];
	size_t n_bundle_fds;
	uint64_t number; /* of the snapshot */

	unsigned n_threads;
	unsigned n_rings;
	uint8_t *rings;
	size_t ring_size; /* of one */
	int wake[PLANT_RINGS];
	int scribe_event;
	uint8_t *metrics;
	size_t metrics_size;
	struct syscalls_alarm *alarms;	  /* one a role */
	struct board *board;		  /* gate → console */
	struct overview_history *history; /* the console's own, outlives it */

	int listen_fds[PLANT_LISTENS][PLANT_THREADS];
	unsigned n_listens;
	int portal_fd;
	int console_fd; /* TLS; -1: none */
	int monitor_fd; /* plain, on loopback; -1: none */
	int load[2];	 /* scribe → gate: [0] the gate's end; outlives both */
	int gate_chan[2]; /* supervisor ↔ gate: [0] the supervisor's end */
	int alarm_chan[2]; /* scribe → supervisor: [0] the supervisor's end */
	int scribe_stop[2];
	int portal_stop[2];
	int console_stop[2];
	pid_t supervisor;
	long gate_uid; /* who may connect to the portal */
	int lock_fd;		/* of the state folder */
	char log_folder[4096];
	char apart_folder[4096]; /* the generation: not in the log's folder on purpose */
	pid_t pids[ROLE_COUNT];
	uint64_t died_ns[ROLE_COUNT];
	uint64_t began_ns[ROLE_COUNT];
	unsigned deaths[ROLE_COUNT];
	bool renewed[ROLE_COUNT];   /* ended by us, to start with new settings */
	unsigned hasty[ROLE_COUNT]; /* deaths in a row soon after a start */
};

const char *
role_name(enum role r);

/* Each runs until told to stop and returns an exit status. */
int
scribe_main(struct plant *p);
int
gate_main(struct plant *p);
int
portal_main(struct plant *p);
int
console_main(struct plant *p);

/* The number under which a ring's records appear. */
static inline uint16_t
plant_thread(const struct plant *p, unsigned i)
{
	return i == p->n_threads + 1 ? (uint16_t)REC_THREAD_SUPERVISOR : (uint16_t)i;
}

/* Lanes of metrics behind those of the rings. */
static inline unsigned
plant_lane_scribe(const struct plant *p)
{
	return p->n_rings;
}

static inline unsigned
plant_lane_portal(const struct plant *p)
{
	return p->n_rings + 1;
}

static inline uint8_t *
plant_ring(const struct plant *p, unsigned i)
{
	return p->rings + i * p->ring_size;
}

#endif
