/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/control.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/digest.h"
#include "proxy/base/text.h"
#include "proxy/base/word.h"
#include "proxy/main/actor.h"
#include "proxy/main/certlist.h"
#include "proxy/main/folder.h"
#include "proxy/main/proc.h"
#include "proxy/main/supervisorpriv.h"

enum { CONTROL_PATIENCE_MS = 1000 };

static int
control_address(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return WF_ERANGE;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	return 0;
}

int
control_open(struct control *c, const char *path)
{
	struct sockaddr_un sun;
	mode_t mask;
	int err;

	for (int i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].fd = -1;
	c->fd = -1;
	err = control_address(path, &sun);
	if (err == 0) {
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)unlink(path);
		mask = umask(0177);
		if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
		    listen(c->fd, CONTROL_CLIENTS) != 0)
			err = WF_EIO;
		(void)umask(mask);
	}
	if (err != 0)
		fprintf(stderr, "warifu: the control socket %s: %s\n", path,
		    err == WF_EIO ? strerror(errno) : err_text(err));
	return err;
}

void
control_close(struct control *c)
{
	if (c->fd >= 0)
		close(c->fd);
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0)
			close(c->clients[i].fd);
}

nfds_t
control_poll(struct control *c, struct pollfd *p)
{
	p[0] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		p[i + 1] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
	return CONTROL_CLIENTS + 1;
}

/* Who asks is this program, which does nothing but read: a moment suffices. */
static bool
control_send(int fd, const char *p, size_t n)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};

	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (sent < 0 && poll(&room, 1, CONTROL_PATIENCE_MS) == 0)
			return false;
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
	}
	return true;
}

/* An answer that lacks a line must not look whole: nothing comes behind the gap, no end either. */
static void
control_say(struct control_client *c, const char *word, const char *text)
{
	char line[PROC_TEXT_MAX + 16];
	int n = snprintf(line, sizeof(line), "%s%s\n", word, text);

	if (n > 0 && !c->cut && !control_send(c->fd, line, (size_t)n)) {
		c->cut = true;
		c->asked = false;
	}
}

static void
control_end(struct control_client *c)
{
	close(c->fd);
	*c = (struct control_client){.fd = -1};
}

static void
control_accept(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred cred = {0};
	socklen_t n = sizeof(cred);

	for (int i = 0; fd >= 0 && i < CONTROL_CLIENTS; i++) {
		struct control_client *k = &c->clients[i];

		if (k->fd >= 0)
			continue;
		*k = (struct control_client){.fd = fd, .id = ++c->last_id};
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
		actor_text(cred.uid, k->actor);
		return;
	}
	if (fd >= 0)
		close(fd);
}

/* Lines of words (word.h), which the command line makes a text or JSON of. */
static void
control_say_words(struct control_client *c, const struct word_line *w)
{
	control_say(c, " ", w->p);
}

/* Every counter that is not zero, under the name that /metrics gives it. */
static void
control_counters(struct supervisor *s, struct control_client *c)
{
	const struct metric_row *row;
	struct metric_view view;
	struct word_line w;
	char buf[512];

	if (metric_view_open(s->plant.metrics, s->plant.metrics_size, &view) != 0)
		return;
	for (size_t i = 0; (row = metric_row_at(i)) != NULL; i++) {
		const struct metric_family_row *f = &metric_families[row->family];
		uint64_t v = metric_read(&view, row->id);
		bool label = row->label[0] != '\0';

		if (v == 0 || f->type == METRIC_T_HISTO)
			continue;
		word_init(&w, buf, sizeof(buf));
		word_add(&w, NULL, SPAN_LIT("counter"));
		word_addf(&w, "name", "%s%s%s%s%s%s", f->name, label ? "{" : "", row->label,
		    label ? "=\"" : "", row->value, label ? "\"}" : "");
		word_addf(&w, "value", "%lld", (long long)v);
		control_say_words(c, &w);
	}
}

static void
control_processes(struct supervisor *s, struct control_client *c)
{
	uint64_t now = clock_mono();
	struct word_line w;
	char buf[512];

	for (int r = 0; r < ROLE_COUNT; r++) {
		if (r == ROLE_CONSOLE && !s->plant.snap->conf->console.enabled)
			continue;
		word_init(&w, buf, sizeof(buf));
		word_add(&w, NULL, SPAN_LIT("process"));
		word_addf(&w, "role", "%s", role_name((enum role)r));
		word_addf(&w, "pid", "%d", (int)s->plant.pids[r]);
		word_addf(&w, "restarts", "%u", s->plant.deaths[r]);
		word_addf(&w, "up", "%llu", (unsigned long long)(s->plant.pids[r] <= 0 ? 0
		    : (now - s->plant.began_ns[r]) / CLOCK_SEC));
		control_say_words(c, &w);
	}
}

/* Begins the line of what ends some day. */
static void
control_ends(struct word_line *w, char *buf, size_t cap, struct span what,
    const struct certlist_item *it)
{
	word_init(w, buf, cap);
	word_add(w, NULL, what);
	word_addf(w, "site", "%s", it->site);
	word_addf(w, "file", "%s", it->file);
	word_addf(w, "until", "%lld", (long long)it->ends);
}

static void
control_sites(struct supervisor *s, struct control_client *c)
{
	const struct snapshot *snap = s->plant.snap;
	char buf[1024], hex[2 * DIGEST_LEN + 1];
	struct certlist_item it;
	struct word_line w;

	for (size_t i = 0; i < snap->conf->n_sites; i++) {
		const struct conf_site *site = &snap->conf->sites[i];

		word_init(&w, buf, sizeof(buf));
		word_add(&w, NULL, SPAN_LIT("site"));
		word_add(&w, "name", site->name);
		word_addf(&w, "mode", "%s", site->mode == CONF_OBSERVE ? "observe" : "enforce");
		word_add(&w, "host", site->n_hosts > 0 ? site->hosts[0] : span_of(NULL, 0));
		text_hex(span_of(snap->sites[i].policy_hash, DIGEST_LEN), hex);
		word_addf(&w, "policy", "%s", hex);
		control_say_words(c, &w);
	}
	for (size_t i = 0; certlist_at(snap, i, &it); i++) {
		control_ends(&w, buf, sizeof(buf), SPAN_LIT("certificate"), &it);
		control_say_words(c, &w);
	}
	if (!certlist_crl(snap, &it))
		return;
	control_ends(&w, buf, sizeof(buf), SPAN_LIT("crl"), &it);
	word_addf(&w, "soon", "%d", certlist_level(&it, (int64_t)(clock_wall() / CLOCK_SEC)) > 0);
	control_say_words(c, &w);
}

static void
control_status(struct supervisor *s, struct control_client *c)
{
	static const char *const states[] = {[RING_LOG_STARTING] = "starting",
	    [RING_LOG_OK] = "ok", [RING_LOG_DEGRADED] = "cannot be written",
	    [RING_LOG_FULL] = "full"};
	uint8_t head[RING_HEAD_LEN];
	char buf[256 + 2 * PATH_MAX], hex[2 * RING_HEAD_LEN + 1];
	struct word_line w;
	uint64_t count = 0;
	int fault;

	control_processes(s, c);
	word_init(&w, buf, sizeof(buf));
	word_add(&w, NULL, SPAN_LIT("log"));
	word_addf(&w, "state", "%s",
	    s->late.since != 0 ? "not written in time" : states[ring_log_state(&s->ring)]);
	if (ring_log_state(&s->ring) == RING_LOG_DEGRADED &&
	    (fault = folder_fault(s->plant.log_folder)) != 0)
		word_addf(&w, "why", "%s: %s", s->plant.log_folder, strerror(fault));
	if (ring_get_head(&s->ring, &count, head) == 0) {
		text_hex(span_of(head, sizeof(head)), hex);
		word_addf(&w, "head", "%s:%llu", hex, (unsigned long long)count);
	}
	control_say_words(c, &w);
	word_init(&w, buf, sizeof(buf));
	word_add(&w, NULL, SPAN_LIT("settings"));
	word_addf(&w, "number", "%llu", (unsigned long long)s->plant.number);
	word_addf(&w, "sites", "%zu", s->plant.snap->conf->n_sites);
	word_addf(&w, "threads", "%u", s->plant.n_threads);
	word_addf(&w, "started", "%lld", (long long)s->plant.started_s);
	word_addf(&w, "build", "%s", s->plant.build);
	word_add(&w, "file", span_str(s->plant.snap->conf->file));
	control_say_words(c, &w);
	control_sites(s, c);
	control_say(c, "ok ", "");
	control_end(c);
}

/* "note read" or "note export", then words behind tabs. */
static void
control_note(struct supervisor *s, struct control_client *c)
{
	const char *words = strchr(c->line, '\t');
	int err = words == NULL
	    ? WF_ESYNTAX
	    : supervisor_note(s, strncmp(c->line, "note export", 11) == 0, c->actor,
		  span_str(words + 1));

	control_say(c, err == 0 ? "ok " : "error ", err == 0 ? "" : err_text(err));
	control_end(c);
}

static void
control_command(struct supervisor *s, struct control_client *c)
{
	char text[CONTROL_LINE + 64], why[512];

	c->asked = true;
	if (strcmp(c->line, "status") == 0) {
		control_status(s, c);
	} else if (strcmp(c->line, "counters") == 0) {
		control_counters(s, c);
		control_say(c, "ok ", "");
		control_end(c);
	} else if (strncmp(c->line, "note ", 5) == 0) {
		control_note(s, c);
	} else if (strncmp(c->line, "backup ", 7) == 0) {
		(void)word_decode(span_str(c->line + 7), why, sizeof(why));
		supervisor_event(s, REC_EVENT_BACKUP, c->actor, why);
		control_say(c, "ok ", "");
		control_end(c);
	} else if (strcmp(c->line, "reload") == 0) {
		int err = supervisor_reload(s, c->actor, why, sizeof(why));

		control_say(c, err == 0 ? "ok " : "error ", why);
		control_end(c);
	} else {
		snprintf(text, sizeof(text), "%s %s", c->actor, c->line);
		if (proc_send(s->plant.gate_chan[0], c->id, PROC_COMMAND, text, NULL, 0) != 0) {
			control_say(c, "error ", "the gate does not answer");
			control_end(c);
		}
	}
}

static void
control_read(struct supervisor *s, struct control_client *c)
{
	ssize_t n = recv(c->fd, c->line + c->n, sizeof(c->line) - 1 - c->n, MSG_DONTWAIT);
	char *end;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		control_end(c);
		return;
	}
	c->n += (size_t)n;
	c->line[c->n] = '\0';
	end = strchr(c->line, '\n');
	if (end != NULL && !c->asked) {
		*end = '\0';
		control_command(s, c);
	} else if (c->n == sizeof(c->line) - 1) {
		control_end(c);
	}
}

static void
control_from_gate(struct supervisor *s)
{
	struct proc_msg m;

	while (proc_recv(s->plant.gate_chan[0], &m) == 0)
		for (int i = 0; i < CONTROL_CLIENTS; i++) {
			struct control_client *c = &s->control.clients[i];

			if (c->fd < 0 || c->id != m.id)
				continue;
			control_say(c, m.kind == PROC_LINE ? " "
				      : m.kind == PROC_OK  ? "ok "
							   : "error ", m.text);
			if (m.kind != PROC_LINE)
				control_end(c);
		}
}

void
control_serve(struct supervisor *s, const struct pollfd *p)
{
	control_from_gate(s);
	if (p[0].revents & POLLIN)
		control_accept(&s->control);
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		if (s->control.clients[i].fd >= 0 && p[i + 1].revents != 0 &&
		    p[i + 1].fd == s->control.clients[i].fd)
			control_read(s, &s->control.clients[i]);
}

void
control_gate_gone(struct control *c)
{
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd < 0 || !c->clients[i].asked)
			continue;
		control_say(&c->clients[i], "error ",
		    "the gate ended before it answered; look whether it was done");
		control_end(&c->clients[i]);
	}
}

int
control_ask(const char *path, const char *line, FILE *out, char *last, size_t cap)
{
	struct sockaddr_un sun;
	char buf[PROC_TEXT_MAX + 64];
	int fd, result = WF_ECLOSED;
	FILE *f;

	snprintf(last, cap, "nothing answers at %s: does warifu run?", path);
	if (control_address(path, &sun) != 0)
		return WF_ERANGE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    dprintf(fd, "%s\n", line) < 0 || (f = fdopen(fd, "r")) == NULL) {
		if (errno == EACCES || errno == EPERM)
			snprintf(last, cap, "%s is for the user who started warifu: become that one.",
			    path);
		else
			snprintf(last, cap, "nothing answers at %s (%s): does warifu run?", path,
			    strerror(errno));
		if (fd >= 0)
			close(fd);
		return WF_EIO;
	}
	while (fgets(buf, sizeof(buf), f) != NULL) {
		buf[strcspn(buf, "\n")] = '\0';
		if (buf[0] == ' ') {
			snprintf(last, cap, "the answer was cut off: ask again");
			fprintf(out, "%s\n", buf + 1);
		} else {
			result = strncmp(buf, "ok ", 3) == 0 ? 0 : 1;
			snprintf(last, cap, "%s", strchr(buf, ' ') ? strchr(buf, ' ') + 1 : "");
		}
	}
	fclose(f);
	return result;
}
