/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/alarm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/json.h"
#include "proxy/base/must.h"

/* ---- facts ---- */

static void
alarm_begin(struct json *j, char out[ALARM_TEXT], const char *event, uint64_t wall_ns)
{
	char iso[CLOCK_ISO_TEXT];

	clock_iso(wall_ns, iso);
	json_init(j, out, ALARM_TEXT - 1);
	json_object(j);
	json_ktext(j, "time", iso);
	json_ktext(j, "event", event);
}

static size_t
alarm_end(struct json *j, char out[ALARM_TEXT])
{
	struct span all;

	json_object_end(j);
	if (json_done(j, &all) != 0)
		all = SPAN_LIT("{\"event\":\"alarm\"}");
	memmove(out, all.p, all.n);
	out[all.n] = '\0';
	return all.n;
}

size_t
alarm_facts(const struct rec_view *v, char out[ALARM_TEXT])
{
	static const struct {
		uint16_t tag;
		const char *key;
	} texts[] = {{REC_TAG_SITE, "site"}, {REC_TAG_ACTOR, "actor"},
	    {REC_TAG_DETAIL, "detail"}, {REC_TAG_REASON, "reason"}, {REC_TAG_KEY, "key"}};
	char iso[CLOCK_ISO_TEXT];
	struct span s;
	struct json j;

	alarm_begin(&j, out, rec_find(v->fields, REC_TAG_EVENT, &s)
		? rec_enum_name(REC_TAG_EVENT, rec_u64(s)) : "decision", v->head.time);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (rec_find(v->fields, texts[i].tag, &s))
			json_kstr(&j, texts[i].key, s);
	if (rec_find(v->fields, REC_TAG_SESSION, &s)) {
		json_key(&j, "session");
		json_hex(&j, s);
	}
	if (rec_find(v->fields, REC_TAG_UNTIL, &s)) {
		clock_iso(rec_u64(s), iso);
		json_ktext(&j, "until", iso);
	}
	return alarm_end(&j, out);
}

size_t
alarm_facts_of(const char *event, const char *detail, uint64_t wall_ns, char out[ALARM_TEXT])
{
	struct json j;

	alarm_begin(&j, out, event, wall_ns);
	if (detail != NULL)
		json_ktext(&j, "detail", detail);
	return alarm_end(&j, out);
}

/* ---- the program ---- */

/* Nothing of ours goes along: no descriptor, no environment, no group to be killed with. */
static void
alarm_child(const char *program, int facts)
{
	char *argv[] = {(char *)(uintptr_t)program, NULL};
	char *envp[] = {(char *)(uintptr_t)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	    (char *)(uintptr_t)"LANG=C.UTF-8", NULL};
	static const int signals[] = {SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGCHLD};
	int null = open("/dev/null", O_WRONLY);
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		(void)signal(signals[i], SIG_DFL);
	(void)setsid();
	if (dup2(facts, 0) == 0 && dup2(null, 1) == 1 && close_range(3, ~0u, 0) == 0)
		(void)execve(program, argv, envp);
	_exit(127);
}

static void
alarm_run(struct alarm *a, const char *program, const char *facts, size_t n, uint64_t now)
{
	int slot = 0, fd;
	pid_t pid;

	while (slot < ALARM_RUNNING && a->running[slot].pid != 0)
		slot++;
	if (slot == ALARM_RUNNING) {
		a->suppressed++;
		return;
	}
	/* In memory and whole: a program that does not read cannot hold us up. */
	fd = memfd_create("warifu-alarm", MFD_CLOEXEC);
	if (fd < 0 || write(fd, facts, n) != (ssize_t)n || write(fd, "\n", 1) != 1 ||
	    lseek(fd, 0, SEEK_SET) != 0) {
		fprintf(stderr, "warifu: the alarm's program: %s\n", strerror(errno));
	} else {
		fflush(NULL);
		pid = fork();
		if (pid == 0)
			alarm_child(program, fd);
		if (pid > 0) {
			a->running[slot].pid = pid;
			a->running[slot].since = now;
		}
	}
	if (fd >= 0)
		close(fd);
}

bool
alarm_reaped(struct alarm *a, pid_t pid)
{
	for (int i = 0; i < ALARM_RUNNING; i++)
		if (a->running[i].pid == pid) {
			a->running[i].pid = 0;
			return true;
		}
	return false;
}

static void
alarm_overdue(struct alarm *a, uint64_t now)
{
	for (int i = 0; i < ALARM_RUNNING; i++)
		if (a->running[i].pid > 0 && now - a->running[i].since > ALARM_RUN_S * CLOCK_SEC)
			(void)kill(-a->running[i].pid, SIGKILL);
}

/* ---- rate ---- */

static bool
alarm_token(struct alarm *a, const struct conf_rate *r, uint64_t now)
{
	uint64_t each = r->count == 0 ? 0 : r->per_ms * CLOCK_MS / r->count;

	if (each == 0)
		return true;
	if (a->tokens_at == 0) {
		a->tokens = r->burst;
		a->tokens_at = now;
	}
	if (now - a->tokens_at >= each) {
		uint64_t more = (now - a->tokens_at) / each;

		a->tokens = a->tokens + more > r->burst ? r->burst : a->tokens + more;
		a->tokens_at += more * each;
	}
	if (a->tokens > r->burst) /* a reload lowered it */
		a->tokens = r->burst;
	if (a->tokens == 0)
		return false;
	a->tokens--;
	return true;
}

void
alarm_hand(struct alarm *a, const struct conf_alarm *c, const char *facts, size_t n,
    uint64_t now)
{
	char text[ALARM_TEXT + 64];
	int len;

	if (c->command == NULL && !c->syslog)
		return;
	if (!alarm_token(a, &c->rate, now) || n == 0 || n > ALARM_TEXT) {
		a->suppressed++;
		return;
	}
	len = a->suppressed == 0
	    ? snprintf(text, sizeof(text), "%.*s", (int)n, facts)
	    : snprintf(text, sizeof(text), "%.*s,\"suppressed\":%llu}", (int)n - 1, facts,
		  (unsigned long long)a->suppressed);
	a->suppressed = 0;
	if (c->syslog) {
		openlog("warifu", LOG_PID, LOG_AUTH);
		syslog(LOG_ALERT, "%s", text);
	}
	if (c->command != NULL)
		alarm_run(a, c->command, text, (size_t)len, now);
}

void
alarm_serve(struct alarm *a, const struct conf_alarm *c, int chan, uint64_t now)
{
	char text[ALARM_TEXT];
	ssize_t n;

	alarm_overdue(a, now);
	while ((n = recv(chan, text, sizeof(text), MSG_DONTWAIT)) > 0)
		alarm_hand(a, c, text, (size_t)n, now);
}
