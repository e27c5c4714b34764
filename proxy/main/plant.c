/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/plant.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/main/sandbox.h"
#include "proxy/main/syscalls.h"

enum { PLANT_FDS = 16 + BUNDLE_FDS + PLANT_RINGS + PLANT_LISTENS * PLANT_THREADS };

struct plant_fds {
	int list[PLANT_FDS];
	size_t n;
};

const char *
plant_user(const struct conf *c, enum role r)
{
	const char *const users[ROLE_COUNT] = {[ROLE_SCRIBE] = c->users.scribe,
	    [ROLE_GATE] = c->users.gate, [ROLE_PORTAL] = c->users.portal,
	    [ROLE_CONSOLE] = c->users.console};

	MUST(r < ROLE_COUNT);
	return users[r];
}

/* ---- descriptors ---- */

static void
plant_keep(struct plant_fds *k, const int *fds, size_t n)
{
	MUST(n <= PLANT_FDS - k->n);
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			k->list[k->n++] = fds[i];
}

static void
plant_keep_gate(struct plant_fds *k, const struct plant *p)
{
	plant_keep(k, p->bundle_fds, p->n_bundle_fds);
	plant_keep(k, p->wake, p->n_rings);
	plant_keep(k, &p->scribe_event, 1);
	for (unsigned i = 0; i < p->n_listens; i++)
		plant_keep(k, p->listen_fds[i], p->n_threads);
	plant_keep(k, &p->load[0], 1);
	plant_keep(k, &p->gate_chan[1], 1);
	/* The scribe stops when nobody holds this end who could hand over a record. */
	plant_keep(k, &p->scribe_stop[0], 1);
}

/* The lock too: until the scribe has written its last record nobody else may begin. */
static void
plant_keep_scribe(struct plant_fds *k, const struct plant *p)
{
	plant_keep(k, p->wake, p->n_rings);
	plant_keep(k, &p->scribe_event, 1);
	plant_keep(k, &p->load[1], 1);
	plant_keep(k, &p->alarm_chan[1], 1);
	plant_keep(k, &p->scribe_stop[1], 1);
	plant_keep(k, &p->lock_fd, 1);
}

static int
plant_order(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int
plant_close_others(struct plant_fds *k)
{
	unsigned from = 0;

	qsort(k->list, k->n, sizeof(k->list[0]), plant_order);
	for (size_t i = 0; i < k->n; i++) {
		unsigned fd = (unsigned)k->list[i];

		if (fd > from && close_range(from, fd - 1, 0) != 0)
			return WF_EIO;
		from = fd + 1;
	}
	return close_range(from, ~0u, 0) == 0 ? 0 : WF_EIO;
}

static int
plant_descriptors(const struct plant *p, enum role r)
{
	static const int std[] = {0, 1, 2};
	struct plant_fds k = {.n = 0};

	plant_keep(&k, std, ARRAY_LEN(std));
	if (r == ROLE_GATE)
		plant_keep_gate(&k, p);
	else if (r == ROLE_SCRIBE)
		plant_keep_scribe(&k, p);
	else if (r == ROLE_PORTAL)
		plant_keep(&k, (const int[]){p->portal_fd, p->portal_stop[1]}, 2);
	else
		plant_keep(&k, (const int[]){p->console_fd, p->monitor_fd, p->console_stop[1]}, 3);
	return plant_close_others(&k);
}

/* ---- secrets ---- */

/* Fork copied everything. Private keys are in the snapshot and the bundle; the gate builds
 * its own snapshot from the bundle's descriptors. */
static void
plant_forget(struct plant *p, enum role r)
{
	snapshot_unref(p->snap);
	p->snap = NULL;
	if (r != ROLE_GATE) {
		bundle_free(p->bundle);
		p->bundle = NULL;
		p->n_bundle_fds = 0;
		digest_wipe(p->secret.cred_key, sizeof(p->secret.cred_key));
		digest_wipe(p->secret.ticket, sizeof(p->secret.ticket));
	}
	if (r != ROLE_SCRIBE)
		digest_wipe(p->secret.master, sizeof(p->secret.master));
}

int
plant_enter(struct plant *p, enum role r)
{
	const char *user = plant_user(p->snap->conf, r);
	char name[256], why[320];
	struct sandbox box = {.role = r, .user = name, .parent = p->supervisor, .alarm = &p->alarms[r],
	    .parent_signal = r == ROLE_SCRIBE ? SIGUSR2 : SIGKILL,
	    .folder = r == ROLE_SCRIBE ? p->log_folder : NULL,
	    .apart = r == ROLE_SCRIBE ? p->apart_folder : NULL};
	int err;

	snprintf(name, sizeof(name), "%s", user == NULL ? "" : user);
	(void)umask(077);
	plant_forget(p, r);
	err = plant_descriptors(p, r);
	if (err != 0)
		snprintf(why, sizeof(why), "descriptors cannot be closed");
	else
		err = sandbox_enter(&box, why, sizeof(why));
	if (err != 0)
		fprintf(stderr, "warifu %s: %s\n", role_name(r), why);
	return err;
}
