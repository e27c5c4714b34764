/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proxy/audit/export.h"
#include "proxy/audit/querydb.h"
#include "proxy/audit/show.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/conf/conf.h"
#include "proxy/main/cmd_log_args.h"
#include "proxy/main/control.h"

/*
 * A decision waits for its outcome before it is printed, so that a request is one line and
 * the lines stay in the order of the decisions. The line at the front is printed when it
 * has its outcome, at the end, or when WINDOW others wait behind it: an open stream
 * must not hold the whole log back. An outcome that comes later then has a line of its own.
 */

enum { CMD_LOG_WINDOW = 4096, CMD_LOG_FAILED = 3 };

struct cmd_log_line {
	struct query_item *item;
	struct query_item *outcome;
};

/* Lines in order: a circle of `cap`, of which with a limit the oldest fall out. Half as many
 * again as the limit, so that those that are left out cost no passes over the whole. */
struct cmd_log_lines {
	struct cmd_log_line *p;
	size_t cap;
	size_t from;
	size_t n;
};

struct cmd_log_show {
	const struct cmd_log_env *env;
	const struct cmd_log_args *args;
	struct show_opt opt;
	struct cmd_log_lines lines;
	uint64_t printed_day;
	uint64_t shown;
	uint64_t left_out;
};

static int
cmd_log_unreadable(const struct cmd_log_env *env, const char *dir, int err)
{
	fprintf(env->err, "warifu log: %s: %s\n", dir,
	    err == WF_ENOTFOUND ? "there is no log" : err_text(err));
	return CMD_LOG_FAILED;
}

/* ---- show ---- */

static struct cmd_log_line *
cmd_log_at(struct cmd_log_lines *l, size_t i)
{
	MUST(l->cap > 0);
	return &l->p[(l->from + i) % l->cap];
}

static void
cmd_log_day(struct cmd_log_show *s, uint64_t time)
{
	char text[CLOCK_DAY_TEXT];
	int64_t day = clock_day(time);

	if (s->opt.width == 0 || s->printed_day == (uint64_t)day + 1)
		return;
	s->printed_day = (uint64_t)day + 1;
	clock_day_text(day, text);
	fprintf(s->env->out, "%s── %s (UTC)%s\n", s->opt.colour ? "\x1b[1m" : "", text,
	    s->opt.colour ? "\x1b[0m" : "");
}

/* --record may name either leaf of a request. */
static bool
cmd_log_wanted(const struct cmd_log_args *a, const struct cmd_log_line *l)
{
	return a->record == 0 || l->item->number == a->record ||
	    (l->outcome != NULL && l->outcome->number == a->record);
}

/* Whoever asks for something that they may be gets them. */
static bool
cmd_log_leaves_out(const struct cmd_log_args *a)
{
	return !a->all_classes && a->filter.class.n == 0 && !a->filter.by_verdict &&
	    a->filter.rule.n == 0 && a->filter.exchange == 0 && a->record == 0;
}

static bool
cmd_log_is(struct span fields, uint16_t tag, const char *a, const char *b)
{
	struct span v;

	return rec_find(fields, tag, &v) && (span_eq(v, span_str(a)) || span_eq(v, span_str(b)));
}

static bool
cmd_log_allows(struct span fields, uint16_t tag)
{
	struct span v;

	return rec_find(fields, tag, &v) && rec_u64(v) == 0;
}

/* A page or a file that anybody gets: most lines of a log, and nothing was decided about
 * anybody by them. Logins, what a rule said a word about, and faults are none of these. */
static bool
cmd_log_is_open(const struct cmd_log_line *l)
{
	struct span f = l->item->view.fields, v;

	if (l->item->view.head.kind != REC_DECISION || rec_find(f, REC_TAG_RULES, &v) ||
	    rec_find(f, REC_TAG_OBSERVED, &v) || rec_find(f, REC_TAG_REASON, &v))
		return false;
	if (l->outcome != NULL && (rec_find(l->outcome->view.fields, REC_TAG_LEARNED, &v) ||
		(rec_find(l->outcome->view.fields, REC_TAG_STATUS, &v) && rec_u64(v) >= 500)))
		return false;
	return cmd_log_is(f, REC_TAG_CLASS, "open", "open") &&
	    cmd_log_is(f, REC_TAG_METHOD, "GET", "HEAD") &&
	    cmd_log_allows(f, REC_TAG_VERDICT) && cmd_log_allows(f, REC_TAG_ENFORCED);
}

static bool
cmd_log_is_out(struct cmd_log_show *s, const struct cmd_log_line *l)
{
	bool out = cmd_log_leaves_out(s->args) && cmd_log_is_open(l);

	s->left_out += out;
	return out;
}

/* Prints (or drops) the oldest line. */
static void
cmd_log_pop(struct cmd_log_show *s, bool print)
{
	struct cmd_log_line *l = cmd_log_at(&s->lines, 0);

	if (print && cmd_log_wanted(s->args, l) && !cmd_log_is_out(s, l)) {
		cmd_log_day(s, l->item->view.head.time);
		show_line(s->env->out, &s->opt, l->item, l->outcome);
		if (s->args->verbose)
			show_details(s->env->out, &s->opt, l->item);
		if (s->args->verbose && l->outcome != NULL)
			show_details(s->env->out, &s->opt, l->outcome);
		s->shown++;
	}
	free(l->item);
	free(l->outcome);
	*l = (struct cmd_log_line){NULL, NULL};
	s->lines.from = (s->lines.from + 1) % s->lines.cap;
	s->lines.n--;
}

static bool
cmd_log_finished(const struct cmd_log_line *l)
{
	return l->outcome != NULL || l->item->view.head.kind != REC_DECISION;
}

/* With a limit: takes out what is not shown, then the oldest ones above the limit. `last`:
 * also those that may still get an outcome. */
static void
cmd_log_squeeze(struct cmd_log_show *s, bool last)
{
	size_t n = s->lines.n;

	s->lines.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cmd_log_line l = *cmd_log_at(&s->lines, i);

		*cmd_log_at(&s->lines, i) = (struct cmd_log_line){NULL, NULL};
		if ((last || cmd_log_finished(&l)) && cmd_log_is_out(s, &l)) {
			free(l.item);
			free(l.outcome);
			continue;
		}
		*cmd_log_at(&s->lines, s->lines.n++) = l;
	}
	while (s->lines.n > s->args->limit)
		cmd_log_pop(s, false);
}

/* True when the outcome found its decision. Most come soon, so look from the end. */
static bool
cmd_log_join(struct cmd_log_show *s, const struct query_item *it)
{
	for (size_t i = s->lines.n; i-- > 0;) {
		struct cmd_log_line *l = cmd_log_at(&s->lines, i);

		if (l->item->view.head.exchange != it->view.head.exchange ||
		    l->item->view.head.kind != REC_DECISION || l->outcome != NULL)
			continue;
		l->outcome = query_item_keep(it);
		return true;
	}
	return false;
}

static int
cmd_log_take(struct cmd_log_show *s, const struct query_item *it)
{
	struct cmd_log_line *l;

	if (it->view.head.kind == REC_OUTCOME && cmd_log_join(s, it))
		return 0;
	/* With a limit the circle holds those; without, it is the window. */
	if (s->lines.n == s->lines.cap && s->args->limit != 0)
		cmd_log_squeeze(s, false);
	else if (s->lines.n == s->lines.cap)
		cmd_log_pop(s, true);
	while (s->args->limit == 0 && s->lines.n > 0 &&
	    cmd_log_finished(cmd_log_at(&s->lines, 0)))
		cmd_log_pop(s, true);
	l = cmd_log_at(&s->lines, s->lines.n);
	l->item = query_item_keep(it);
	if (l->item == NULL)
		return WF_ENOMEM;
	s->lines.n++;
	return 0;
}

/* With --record or --support both leaves are known once they were seen. */
static bool
cmd_log_enough(struct cmd_log_show *s)
{
	if (s->args->record != 0)
		return s->shown > 0;
	return s->args->filter.exchange != 0 && s->lines.n > 0 &&
	    cmd_log_finished(cmd_log_at(&s->lines, 0));
}

static int
cmd_log_show_all(struct cmd_log_show *s, struct query *q)
{
	struct query_item it;
	int err;

	while ((err = query_next(q, &it)) == 0)
		if ((err = cmd_log_take(s, &it)) != 0 || cmd_log_enough(s))
			break;
	if (s->args->limit != 0)
		cmd_log_squeeze(s, true);
	while (s->lines.n > 0)
		cmd_log_pop(s, true);
	return err == WF_ENOTFOUND ? 0 : err;
}

static int
cmd_log_show(const struct cmd_log_env *env, const struct cmd_log_args *a, struct query *q)
{
	struct cmd_log_show s = {.env = env, .args = a};
	int err;

	s.opt = (struct show_opt){a->ja, env->tty,
	    env->tty ? (env->columns != 0 ? env->columns : 80) : 0, !a->verbose};
	s.lines.cap = a->limit == 0 ? CMD_LOG_WINDOW : (size_t)(a->limit + a->limit / 2 + 64);
	s.lines.p = calloc(s.lines.cap, sizeof(*s.lines.p));
	if (s.lines.p == NULL)
		return WF_ENOMEM;
	err = cmd_log_show_all(&s, q);
	free(s.lines.p);
	if (err == 0 && s.left_out > 0)
		fprintf(env->err,
		    a->ja ? "誰でも開ける経路の閲覧%llu件を省きました(--class all で表示します)。\n"
			  : "%llu requests that read open routes are left out; --class all "
			    "shows them.\n",
		    (unsigned long long)s.left_out);
	if (err == 0 && s.shown == 0 && s.left_out == 0) {
		fprintf(env->err, a->ja ? "該当する記録はありません。\n"
					: "No record matches.\n");
		return a->filter.exchange != 0 || a->record != 0 ? 1 : 0;
	}
	if (err == 0 && !a->has_limit && s.shown == a->limit && env->tty)
		fprintf(env->err,
		    a->ja ? "最新の%llu行のみ表示しました(全件は --limit 0)。\n"
			  : "Only the last %llu lines are shown; --limit 0 shows all.\n",
		    (unsigned long long)a->limit);
	return err;
}

/* ---- export and head ---- */

static int
cmd_log_export(const struct cmd_log_env *env, const struct cmd_log_args *a,
    struct query *q)
{
	bool csv = strcmp(a->format, "csv") == 0;
	struct export *x = export_new(env->out, csv ? EXPORT_CSV : EXPORT_JSONL);
	struct query_item it;
	int err = x == NULL ? WF_ENOMEM : export_begin(x);

	while (err == 0 && (err = query_next(q, &it)) == 0)
		err = export_leaf(x, &it);
	export_free(x);
	if (err == WF_ENOTFOUND)
		err = fflush(env->out) == 0 ? 0 : WF_EIO;
	return err;
}

static int
cmd_log_head(const struct cmd_log_env *env, const struct cmd_log_args *a)
{
	char hex[2 * DIGEST_LEN + 1];
	struct querydb_block b;
	struct querydb *q;
	int err = querydb_open(&q, a->dir, NULL);

	if (err == 0)
		err = querydb_last(q, &b);
	querydb_close(q);
	if (err != 0)
		return cmd_log_unreadable(env, a->dir, err);
	text_hex(span_of(b.head, DIGEST_LEN), hex);
	fprintf(env->out, "%s:%llu\n", hex, (unsigned long long)(b.id + b.n - 1));
	return 0;
}

/* ---- all ---- */

static int
cmd_log_read(const struct cmd_log_env *env, struct cmd_log_args *a)
{
	struct query *q;
	int err;

	if (!cmd_log_master(env, a))
		return CMD_LOG_FAILED;
	err = query_open(&q, a->dir, a->has_master ? a->master : NULL, &a->filter);
	if (err == 0)
		err = a->verb == CMD_LOG_SHOW ? cmd_log_show(env, a, q)
					      : cmd_log_export(env, a, q);
	query_close(q);
	cmd_log_args_free(a);
	return err < 0 ? cmd_log_unreadable(env, a->dir, err) : err;
}

int
cmd_log_run(int argc, char **argv, const struct cmd_log_env *env)
{
	struct cmd_log_args a;

	if (!cmd_log_parse(argc, argv, env, &a))
		return 2;
	if (a.verb == CMD_LOG_HEAD)
		return cmd_log_head(env, &a);
	if (a.verb == CMD_LOG_VERIFY)
		return cmd_log_verify(env, &a);
	if (env->note != NULL)
		env->note(env->arg, a.verb == CMD_LOG_EXPORT, argc - 1, argv + 1);
	return cmd_log_read(env, &a);
}

/* ---- as a command ---- */

static const char cmd_log_default[] = "/etc/warifu/warifu.conf";

/* Words of one line to the supervisor, parted by tabs; what cannot stand there is '?'. */
static void
cmd_log_note(void *arg, bool export, int argc, char **argv)
{
	const struct conf_places *at = arg;
	char line[CONTROL_LINE - 1], last[512];
	size_t n = (size_t)snprintf(line, sizeof(line), "note %s", export ? "export" : "read");

	for (int i = 0; i < argc; i++)
		n += (size_t)snprintf(line + (n < sizeof(line) ? n : sizeof(line) - 1),
		    n < sizeof(line) ? sizeof(line) - n : 1, "\t%s", argv[i]);
	for (char *p = line + strcspn(line, "\t"); *p != '\0'; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			*p = '?';
	if (control_ask(at->control, line, stdout, last, sizeof(last)) != 0)
		fprintf(stderr, "warifu log: no record is made of this: %s\n", last);
}

static void
cmd_log_copy_note(void *arg, bool export, int argc, char **argv)
{
	(void)arg;
	(void)argc;
	(void)argv;
	if (isatty(STDERR_FILENO) == 1)
		fprintf(stderr, "warifu log: no record is made of this %s: it is of a folder, "
				"not of a running warifu\n", export ? "export" : "read");
}

/* Takes -c FILE away; false after saying that there is no such file. */
static bool
cmd_log_places(int *argc, char ***argv, struct cmd_log_env *env, struct conf_places *at,
    char key[CONF_PLACE])
{
	const char *path = access(cmd_log_default, R_OK) == 0 ? cmd_log_default : NULL;
	bool given = *argc >= 3 && strcmp((*argv)[1], "-c") == 0;

	if (given) {
		path = (*argv)[2];
		(*argv)[2] = (*argv)[0];
		*argv += 2;
		*argc -= 2;
	}
	for (int i = 1; !given && i < *argc; i++)
		if (strcmp((*argv)[i], "--state") == 0)
			path = NULL;
	env->note = cmd_log_copy_note;
	env->state = "/var/lib/warifu/log";
	if (path == NULL)
		return true;
	if (conf_places(path, at) != 0) {
		fprintf(stderr, "warifu log: %s: %s\n", path, strerror(errno));
		return false;
	}
	env->state = at->log;
	env->note = cmd_log_note;
	env->arg = at;
	if (snprintf(key, CONF_PLACE, "%s/master.key", at->state) < CONF_PLACE)
		env->key = key;
	return true;
}

int
cmd_log(int argc, char **argv)
{
	struct cmd_log_env env = {.out = stdout, .err = stderr, .now = clock_wall(),
	    .tty = isatty(STDOUT_FILENO) == 1, .err_tty = isatty(STDERR_FILENO) == 1};
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	struct conf_places at;
	char key[CONF_PLACE];
	struct winsize w;

	for (size_t i = 0; env.locale == NULL && i < ARRAY_LEN(names); i++) {
		env.locale = getenv(names[i]);
		if (env.locale != NULL && env.locale[0] == '\0')
			env.locale = NULL;
	}
	if (env.tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		env.columns = w.ws_col;
	return cmd_log_places(&argc, &argv, &env, &at, key) ? cmd_log_run(argc, argv, &env) : 2;
}
