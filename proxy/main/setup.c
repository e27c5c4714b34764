/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/tlsadmin.h"
#include "proxy/audit/ring.h"
#include "proxy/base/clock.h"
#include "proxy/base/digest.h"
#include "proxy/gate/board.h"
#include "proxy/main/certlist.h"
#include "proxy/main/plant.h"
#include "proxy/main/sandbox.h"
#include "proxy/main/syscalls.h"
#include "proxy/net/listen.h"
#include "proxy/web/overview.h"

/* The console reads its files itself when it starts; that it will be able to is seen here. */
static int
setup_console(struct snapshot *snap, int64_t now, struct diags *diags)
{
	const struct conf *c = snap->conf;
	const struct tlsadmin_files files = {.chain = c->console.certificate,
	    .key = c->console.key, .client_ca = c->console.client_ca,
	    .crl = c->console.client_crl};
	struct ssl_ctx_st *ctx = NULL;
	char why[320];

	if (c->console.listen.text == NULL)
		return 0;
	if (tlsadmin_open(&ctx, &files, &snap->console, why, sizeof(why)) == 0) {
		tlsadmin_close(ctx);
		certlist_warn_console(snap, now, diags);
		return 0;
	}
	diag_error(diags, &(struct diag_source){.file = c->file}, c->console.at,
	    "look at certificate, key, client-ca and client-crl of the console block", "console: %s", why);
	return WF_ECONFIG;
}

int
setup_snapshot(const char *path, uint64_t number, struct snapshot **snap,
    struct bundle **bundle, struct diags *diags)
{
	struct snapshot_opt opt = {.number = number, .deep = true,
	    .now = (int64_t)(clock_wall() / CLOCK_SEC)};
	struct bundle *b = bundle_new();
	struct snapshot_reader reader = bundle_disk_reader(b);
	struct conf *conf = NULL;
	char why[320];
	int err;

	*snap = NULL;
	*bundle = NULL;
	if (b == NULL)
		return WF_ENOMEM;
	err = conf_load(path, &conf, diags);
	if (err == 0) {
		*snap = snapshot_build(conf, &reader, &opt, diags);
		err = *snap == NULL ? WF_ECONFIG : 0;
	}
	if (err == 0 && (err = setup_console(*snap, opt.now, diags)) != 0) {
		snapshot_unref(*snap);
		*snap = NULL;
	}
	if (err == 0 && (err = bundle_add_settings(b, (*snap)->conf, why, sizeof(why))) != 0) {
		diag_error(diags, &(struct diag_source){.file = path},
		    (struct diag_pos){0, 0}, NULL, "%s", why);
		snapshot_unref(*snap);
		*snap = NULL;
	}
	if (err != 0) {
		bundle_free(b);
		return err;
	}
	*bundle = b;
	return 0;
}

void
setup_faults(const char *path, struct diags *diags)
{
	struct snapshot_opt opt = {.deep = true, .now = (int64_t)(clock_wall() / CLOCK_SEC)};
	struct bundle *b = bundle_new();
	struct snapshot_reader reader = bundle_disk_reader(b);
	struct diags *again = calloc(1, sizeof(*again));
	struct conf *conf = NULL;

	/* The settings' own faults are in the list already: what follows from them is new. */
	if (b != NULL && again != NULL &&
	    conf_load_flags(path, CONF_KEEP, &conf, again) == WF_ECONFIG && conf != NULL)
		snapshot_faults(conf, &reader, &opt, diags);
	else
		conf_free(conf);
	free(again);
	bundle_free(b);
}

/* ---- users ---- */

/* Whoever has to make them finds the command ready. */
static void
setup_users_tell(const struct conf *c, unsigned missing)
{
	fprintf(stderr, "warifu: started as root, and these users of its processes do not "
			"exist:");
	for (int r = 0; r < ROLE_COUNT; r++)
		if (missing & 1u << r)
			fprintf(stderr, " %s", plant_user(c, (enum role)r));
	fprintf(stderr, ". Make them with this command, or name others in the settings "
			"(users { ... }):\n  for u in");
	for (int r = 0; r < ROLE_COUNT; r++)
		if (missing & 1u << r)
			fprintf(stderr, " %s", plant_user(c, (enum role)r));
	fprintf(stderr, "; do useradd --system --user-group --no-create-home --home-dir "
			"/nonexistent --shell /usr/sbin/nologin \"$u\"; done\n");
}

static void
setup_users_weigh(const struct conf *c)
{
	for (int r = 0; r < ROLE_COUNT; r++) {
		const char *user = plant_user(c, (enum role)r);

		if (strcmp(user, "root") == 0)
			fprintf(stderr, "warifu: warning: the %s stays root, as users says\n",
			    role_name((enum role)r));
		for (int k = 0; k < r && strcmp(user, "root") != 0; k++)
			if (strcmp(user, plant_user(c, (enum role)k)) == 0)
				fprintf(stderr, "warifu: warning: %s and %s are both %s\n",
				    role_name((enum role)k), role_name((enum role)r), user);
	}
}

int
setup_users(const struct conf *c)
{
	unsigned missing = 0;

	if (geteuid() != 0)
		return 0;
	for (int r = 0; r < ROLE_COUNT; r++)
		if (getpwnam(plant_user(c, (enum role)r)) == NULL)
			missing |= 1u << r;
	if (missing != 0)
		setup_users_tell(c, missing);
	else
		setup_users_weigh(c);
	return missing != 0 ? WF_ENOTFOUND : 0;
}

/* ---- descriptors ---- */

/* Beside the clients': rings, listeners, the portal, geo files, health checks. */
static rlim_t
setup_descriptors_own(const struct plant *p)
{
	return 128 + 2 * p->n_rings + p->n_listens * p->n_threads;
}

static int
setup_descriptors(const struct plant *p)
{
	const uint64_t clients = p->snap->conf->limits.connections;
	rlim_t want = setup_descriptors_own(p) + 2 * clients;
	struct rlimit l, more;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return WF_EIO;
	if (l.rlim_cur >= want)
		return 0;
	more = (struct rlimit){want, l.rlim_max > want ? l.rlim_max : want};
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return 0;
	more = (struct rlimit){l.rlim_max, l.rlim_max};
	(void)setrlimit(RLIMIT_NOFILE, &more);
	fprintf(stderr, "warifu: warning: limits { connections } is %llu, which needs %llu "
			"descriptors; this process may have %llu, so there is room for %u "
			"(ulimit -n, or LimitNOFILE= of systemd)\n",
	    (unsigned long long)clients, (unsigned long long)want,
	    (unsigned long long)l.rlim_max, setup_connections(p->snap->conf, p));
	return 0;
}

unsigned
setup_connections(const struct conf *c, const struct plant *p)
{
	rlim_t own = setup_descriptors_own(p), room = 0;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur > own)
		room = (l.rlim_cur - own) / 2;
	return (unsigned)(room < c->limits.connections ? room : c->limits.connections);
}

/* ---- folders and secrets ---- */

static int
setup_folder(const char *path, mode_t mode, const char *owner)
{
	const struct passwd *pw;

	if (mkdir(path, mode) != 0 && errno != EEXIST) {
		fprintf(stderr, "warifu: cannot make the folder %s: %s\n", path,
		    strerror(errno));
		return WF_EIO;
	}
	if (geteuid() != 0 || owner == NULL)
		return 0;
	pw = getpwnam(owner);
	if (pw != NULL && chown(path, pw->pw_uid, pw->pw_gid) != 0) {
		fprintf(stderr, "warifu: cannot give %s to %s: %s\n", path, owner,
		    strerror(errno));
		return WF_EIO;
	}
	return 0;
}

/* /run is empty after each start of the machine. */
static int
setup_parent(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return setup_folder(folder, 0755, NULL);
}

/* One supervisor for a state folder: a second scribe would tear the log. */
static int
setup_lock(struct plant *p)
{
	const char *state = p->snap->conf->state;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", state);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	p->lock_fd = fd;
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0; /* held until we and the scribe end */
	fprintf(stderr, "warifu: %s: %s\n", path,
	    errno == EWOULDBLOCK ? "another warifu runs with this state folder"
				 : strerror(errno));
	return WF_ESTATE;
}

/* The 64 bytes of credential and ticket keys: made once, read by us alone. */
static int
setup_secret(const char *state, struct plant_secret *s)
{
	uint8_t both[64];
	char path[4096];
	struct stat st;
	int fd, err = WF_EIO;

	snprintf(path, sizeof(path), "%s/secret", state);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		digest_random(both, sizeof(both));
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 && (write(fd, both, sizeof(both)) != (ssize_t)sizeof(both) ||
				   fsync(fd) != 0 || lseek(fd, 0, SEEK_SET) != 0)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 077) == 0 &&
	    read(fd, both, sizeof(both)) == (ssize_t)sizeof(both))
		err = 0;
	if (err != 0)
		fprintf(stderr,
		    "warifu: %s must be 64 bytes that only its owner reads (mode 0600)\n",
		    path);
	memcpy(s->cred_key, both, 32);
	memcpy(s->ticket, both + 32, 32);
	digest_wipe(both, sizeof(both));
	if (fd >= 0)
		close(fd);
	return err;
}

static int
setup_master(const char *state, struct plant_secret *s)
{
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/master.key", state);
	err = keys_master_load(path, s->master);
	if (err == WF_ENOTFOUND) {
		err = keys_master_create(path);
		if (err == 0)
			err = keys_master_load(path, s->master);
	}
	if (err != 0)
		fprintf(stderr, "warifu: %s: %s\n", path, err_text(err));
	return err;
}

/* ---- memory and sockets ---- */

static void *
setup_shared(size_t n)
{
	void *m = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

static int
setup_memory(struct plant *p)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t want = p->snap->conf->threads;
	int err = 0;

	if (want == 0)
		want = cores > 0 ? (uint64_t)cores : 1;
	p->n_threads = want > PLANT_THREADS ? PLANT_THREADS : (unsigned)want;
	p->n_rings = p->n_threads + 2;
	p->ring_size = ring_bytes(RING_CAP_DEFAULT);
	p->metrics_size = metric_area_size(p->n_rings + 2);
	p->rings = setup_shared(p->ring_size * p->n_rings);
	p->metrics = setup_shared(p->metrics_size);
	p->alarms = setup_shared(ROLE_COUNT * sizeof(*p->alarms));
	p->board = setup_shared(sizeof(*p->board));
	p->history = setup_shared(sizeof(*p->history));
	p->scribe_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->rings == NULL || p->metrics == NULL || p->alarms == NULL || p->board == NULL || p->history == NULL ||
	    p->scribe_event < 0)
		return WF_ENOMEM;
	(void)metric_area_init(p->metrics, p->n_rings + 2);
	for (unsigned i = 0; i < p->n_rings && err == 0; i++) {
		p->wake[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err = p->wake[i] < 0 ? WF_EIO
				     : ring_init(plant_ring(p, i), RING_CAP_DEFAULT,
					   plant_thread(p, i), p->boot);
	}
	return err;
}

/* Only the gate asks the portal. */
static int
setup_portal_owner(struct plant *p, char *why, size_t cap)
{
	const char *path = p->snap->conf->portal.socket;
	const struct passwd *pw = NULL;

	p->gate_uid = (long)geteuid();
	if (geteuid() == 0)
		pw = getpwnam(plant_user(p->snap->conf, ROLE_GATE));
	if (pw != NULL)
		p->gate_uid = (long)pw->pw_uid;
	if (chmod(path, 0600) == 0 && (pw == NULL || chown(path, pw->pw_uid, pw->pw_gid) == 0))
		return 0;
	snprintf(why, cap, "%s: %s", path, strerror(errno));
	return WF_EIO;
}

static int
setup_listen(struct plant *p)
{
	const struct conf *c = p->snap->conf;
	char why[320], where[4200];
	int err;

	if (c->n_listens > PLANT_LISTENS) {
		fprintf(stderr, "warifu: more than %d listeners\n", PLANT_LISTENS);
		return WF_ERANGE;
	}
	p->n_listens = (unsigned)c->n_listens;
	for (unsigned i = 0; i < p->n_listens; i++)
		for (unsigned k = 0; k < p->n_threads; k++) {
			err = listen_bind(c->listens[i].text, true, &p->listen_fds[i][k], why,
			    sizeof(why));
			if (err != 0) {
				fprintf(stderr, "warifu: %s\n", why);
				return err;
			}
		}
	snprintf(where, sizeof(where), "unix:%s", c->portal.socket);
	err = listen_bind(where, false, &p->portal_fd, why, sizeof(why));
	if (err == 0)
		err = setup_portal_owner(p, why, sizeof(why));
	p->console_fd = p->monitor_fd = -1;
	if (err == 0 && c->console.listen.text != NULL)
		err = listen_bind(c->console.listen.text, false, &p->console_fd, why,
		    sizeof(why));
	if (err == 0 && c->console.monitor.text != NULL)
		err = listen_bind(c->console.monitor.text, false, &p->monitor_fd, why,
		    sizeof(why));
	if (err != 0)
		fprintf(stderr, "warifu: %s\n", why);
	return err;
}

/* A restore that was cut off leaves half a state. */
static int
setup_whole(const char *state)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/restoring", state);
	if (access(path, F_OK) != 0)
		return 0;
	fprintf(stderr, "warifu: %s: a restore did not come to its end: empty %s and restore "
			"again\n", path, state);
	return WF_ESTATE;
}

int
setup_plant(struct plant *p)
{
	const struct conf *c = p->snap->conf;
	char why[320];
	int err;

	sandbox_hide();
	p->supervisor = getpid();
	snprintf(p->log_folder, sizeof(p->log_folder), "%s", c->log.folder);
	if (snprintf(p->apart_folder, sizeof(p->apart_folder), "%s/apart", c->state) >=
	    (int)sizeof(p->apart_folder))
		return WF_ERANGE;
	digest_random(&p->boot, sizeof(p->boot));
	p->boot |= 1;
	p->started_s = (int64_t)(clock_wall() / CLOCK_SEC);
	err = setup_users(c);
	if (err == 0)
		err = setup_folder(c->state, 0755, NULL);
	if (err == 0)
		err = setup_parent(c->portal.socket);
	if (err == 0)
		err = setup_parent(c->control);
	if (err == 0)
		err = setup_folder(c->log.folder, 0700, c->users.scribe);
	if (err == 0)
		err = setup_folder(p->apart_folder, 0700, c->users.scribe);
	if (err == 0)
		err = setup_lock(p);
	if (err == 0)
		err = setup_whole(c->state);
	if (err == 0)
		err = setup_secret(c->state, &p->secret);
	if (err == 0)
		err = setup_master(c->state, &p->secret);
	if (err != 0)
		return err;
	err = bundle_seal(p->bundle, p->bundle_fds, &p->n_bundle_fds, why, sizeof(why));
	if (err != 0) {
		fprintf(stderr, "warifu: %s\n", why);
		return err;
	}
	err = setup_memory(p);
	if (err != 0)
		fprintf(stderr, "warifu: shared memory: %s\n", err_text(err));
	if (err == 0)
		err = setup_listen(p);
	return err != 0 ? err : setup_descriptors(p);
}
