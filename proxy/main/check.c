/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/main/folder.h"
#include "proxy/main/plant.h"

struct check {
	const struct conf *c;
	struct diags *diags;
	struct diag_source src;
	bool running;
};

static const struct diag_pos check_whole = {0, 0};

bool
check_running(const struct conf *c)
{
	char path[4096];
	bool held;
	int fd;

	snprintf(path, sizeof(path), "%s/lock", c->state);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

/* ---- users ---- */

static void
check_users(struct check *k)
{
	for (int r = 0; geteuid() == 0 && r < ROLE_COUNT; r++) {
		const char *user = plant_user(k->c, (enum role)r);
		char hint[DIAG_HINT_LEN];

		snprintf(hint, sizeof(hint),
		    "useradd --system --user-group --no-create-home --home-dir /nonexistent "
		    "--shell /usr/sbin/nologin %.32s, or name another in users { … }", user);
		if (getpwnam(user) == NULL)
			diag_error(k->diags, &k->src, check_whole, hint,
			    "the %s is to run as \"%s\", and there is no such user",
			    role_name((enum role)r), user);
		else if (strcmp(user, "root") == 0)
			diag_warn(k->diags, &k->src, check_whole,
			    "give it a user of its own in users { … }", "the %s stays root",
			    role_name((enum role)r));
	}
}

/* ---- folders and secrets ---- */

/* The folder, or where it is not there yet, the one that it would be made in. */
static void
check_folder(struct check *k, const char *what, const char *path)
{
	char up[4096], *slash;
	struct stat st;
	int fault;

	snprintf(up, sizeof(up), "%s", path);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		diag_error(k->diags, &k->src, check_whole, "name a folder",
		    "%s %s is no folder", what, path);
		return;
	}
	slash = strrchr(up, '/');
	if (stat(path, &st) != 0 && slash != NULL)
		slash[slash == up ? 1 : 0] = '\0';
	fault = folder_fault(up);
	if (fault != 0)
		diag_error(k->diags, &k->src, check_whole,
		    fault == EROFS ? "look at the disk (dmesg), repair it and mount it for writing; in a unit "
				  "name it under ReadWritePaths="
				   : "make it and give it to the user who starts warifu",
		    "%s %s: %s cannot be written: %s", what, path, up, strerror(fault));
}

/* The folder of a socket; a start makes it. */
static void
check_socket(struct check *k, const char *what, const char *path)
{
	char up[4096], *slash;

	snprintf(up, sizeof(up), "%s", path);
	slash = strrchr(up, '/');
	if (slash == NULL)
		return;
	slash[slash == up ? 1 : 0] = '\0';
	check_folder(k, what, up);
}

/* Both are made at the first start. */
static void
check_master(struct check *k)
{
	uint8_t key[KEYS_MASTER_LEN];
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/master.key", k->c->state);
	err = keys_master_load(path, key);
	explicit_bzero(key, sizeof(key));
	if (err != 0 && err != WF_ENOTFOUND)
		diag_error(k->diags, &k->src, check_whole,
		    "chmod 600, owned by who starts warifu; a lost one comes back only from a "
		    "backup", "%s: %s", path, err_text(err));
}

static void
check_secret(struct check *k)
{
	static const off_t want = 64;
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/secret", k->c->state);
	if (stat(path, &st) != 0) {
		if (errno != ENOENT)
			diag_error(k->diags, &k->src, check_whole, NULL, "%s: %s", path,
			    strerror(errno));
		return;
	}
	if (access(path, R_OK) != 0 || (st.st_mode & 077) != 0 || st.st_size != want)
		diag_error(k->diags, &k->src, check_whole,
		    "chmod 600 and chown it to who starts warifu; a lost one comes back only "
		    "from a backup",
		    "%s must be %lld bytes that only its owner reads", path, (long long)want);
}

/* ---- ports ---- */

/* Binds without listening: who is connecting to a running warifu notices nothing. */
static bool
check_bind(const struct conf_listen *l, int *why)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = (socklen_t)ip_to_sockaddr(&l->ip, l->port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool ok;

	*why = errno;
	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (ss.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	ok = bind(fd, (struct sockaddr *)&ss, n) == 0;
	*why = errno;
	close(fd);
	return ok;
}

static void
check_listen(struct check *k, const struct conf_listen *l)
{
	int why;

	if (check_bind(l, &why))
		return;
	if (k->running && (why == EADDRINUSE || why == EACCES))
		return; /* the running one has it */
	diag_error(k->diags, &k->src, check_whole,
	    why == EACCES ? "start as root, or with CAP_NET_BIND_SERVICE"
	    : why == EADDRINUSE
		? "find who has it with: ss -ltnp"
		: "an address of this machine, or 0.0.0.0 and [::]",
	    "listen \"%s\": %s", l->text, strerror(why));
}

void
check_ready(const struct conf *c, struct diags *diags)
{
	struct check k = {.c = c, .diags = diags, .src = {.file = c->file},
	    .running = check_running(c)};

	check_users(&k);
	check_folder(&k, "state", c->state);
	/* In the state folder it is made at the start, and can be a disk of its own all the same. */
	if (strncmp(c->log.folder, c->state, strlen(c->state)) != 0 ||
	    access(c->log.folder, F_OK) == 0)
		check_folder(&k, "log folder", c->log.folder);
	check_secret(&k);
	check_master(&k);
	check_socket(&k, "the control socket's folder", c->control);
	check_socket(&k, "the portal socket's folder", c->portal.socket);
	for (size_t i = 0; i < c->n_listens; i++)
		check_listen(&k, &c->listens[i]);
	if (c->console.enabled && c->console.listen.text != NULL)
		check_listen(&k, &c->console.listen);
}

/* ---- advice ---- */

static void
check_adopt(struct check *k, const struct conf_site *s, int64_t now_s)
{
	char day[CLOCK_DAY_TEXT];

	if (s->adopt_until == 0)
		return;
	clock_day_text(clock_day((uint64_t)s->adopt_until * CLOCK_SEC), day);
	if (s->adopt_until <= now_s)
		diag_warn(k->diags, &k->src, s->at, "take the line out",
		    "site %s: adopt until %s is over and has no effect",
		    (const char *)s->name.p, day);
	else
		diag_warn(k->diags, &k->src, s->at,
		    "end it as soon as everybody has logged in once",
		    "site %s: until %s, cookies that warifu never saw issued are believed",
		    (const char *)s->name.p, day);
}

static void
check_server(struct check *k, const struct conf_site *s, const struct conf_server *sv)
{
	bool far = sv->scheme == CONF_HTTP && !(sv->ip.family != 0 && ip_is_loopback(&sv->ip)) &&
	    !span_ieq(sv->host, SPAN_LIT("localhost"));

	if (far)
		diag_warn(k->diags, &k->src, sv->at, "use https:// to a server elsewhere",
		    "site %s: session cookies travel to %s in the clear",
		    (const char *)s->name.p, sv->text);
	if (sv->scheme == CONF_HTTPS && !s->backend.tls_verify)
		diag_warn(k->diags, &k->src, sv->at, "give tls-ca instead",
		    "site %s: the certificate of %s is not verified",
		    (const char *)s->name.p, sv->text);
}

void
check_advice(const struct conf *c, int64_t now_s, struct diags *diags)
{
	struct check k = {.c = c, .diags = diags, .src = {.file = c->file}};

	for (size_t i = 0; i < c->n_sites; i++) {
		const struct conf_site *s = &c->sites[i];

		if (s->mode == CONF_OBSERVE)
			diag_warn(diags, &k.src, s->at,
			    "when the log shows what you expect: mode enforce",
			    "site %s is in observe mode: nothing is challenged or refused",
			    (const char *)s->name.p);
		check_adopt(&k, s, now_s);
		for (size_t b = 0; b < s->backend.n_servers; b++)
			check_server(&k, s, &s->backend.servers[b]);
	}
	if (c->alarm.command == NULL && !c->alarm.syslog)
		diag_warn(diags, &k.src, check_whole, "alarm { syslog on } or a command",
		    "an alarm reaches nobody: it is only a record and a metric");
}
