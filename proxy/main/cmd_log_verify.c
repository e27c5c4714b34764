/* SPDX-License-Identifier: Apache-2.0 */
/* `warifu log verify`: the findings in words. */
#include "proxy/main/cmd_log.h"

#include "proxy/audit/show.h"
#include "proxy/audit/verify.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/main/cmd_log_args.h"

struct cmd_log_words {
	const char *en;
	const char *ja;
};

/* %1 and %2 are the first and the last record concerned. */
static const struct cmd_log_words cmd_log_kinds[] = {
    [VERIFY_CHANGED] = {"was changed", "が改変されています"},
    [VERIFY_REMOVED] = {"was removed", "が削除されています"},
    [VERIFY_INSERTED] = {"was inserted", "が挿入されています"},
    [VERIFY_REORDERED] = {"stands in another place than it was written",
	"の順序が入れ替えられています"},
    [VERIFY_MALFORMED] = {"is no well-formed record", "は正しい形式の記録ではありません"},
    [VERIFY_BLOCK] = {"do not give the head that was stored with them: at least one was "
		      "changed, together with its check sum",
	"から求めた値が保存された値と一致しません(記録と照合値の両方が改変されています)"},
    [VERIFY_BLOCKS] = {"are missing, or stand twice", "が欠けているか重複しています"},
    [VERIFY_SEGMENT] = {"the day does not continue where the day before ended",
	"この日の記録が前日の終わりに続いていません"},
    [VERIFY_LOST_DAY] = {"the file of the day before is missing",
	"前日のファイルがありません"},
    [VERIFY_HOLE] = {"a thread's own numbering jumps here: records are missing",
	"スレッドの通番が飛んでおり、記録が欠けています"},
    [VERIFY_TAIL] = {"the log ends before the head given: its end was cut off",
	"指定された先頭値より前でログが終わっています(末尾が切り取られています)"},
    [VERIFY_REWRITTEN] = {"the chain does not lead to the head given: the log was rewritten",
	"指定された先頭値に一致しません(ログが書き換えられています)"},
    [VERIFY_KNOWN_GAP] = {"the log itself says that records are missing here",
	"ここで記録が欠けていることをログ自身が示しています"},
    [VERIFY_STARTS_AT] = {"earlier days are not here: what came before is not checked",
	"これより前の日のファイルはないため、それ以前は検証していません"},
    [VERIFY_OPEN_END] = {"without --head, a cut end or a log rewritten as a whole cannot be "
			 "seen; compare with a head kept elsewhere",
	"--head がないため、末尾の切り取りと全体の書き換えは検出できません。"
	"別に保管した先頭値と比べてください"},
};

struct cmd_log_check {
	const struct cmd_log_env *env;
	bool ja;
	bool progress;
};

static void
cmd_log_leaf(const struct cmd_log_check *c, const char *label, const struct verify_leaf *l)
{
	static const char *const kinds[] = {"", "decision", "outcome", "event", "aggregate"};
	char time[64];
	struct show_text t = show_text_init(time, sizeof(time));

	if (l->number == 0)
		return;
	fprintf(c->env->out, "    %s %llu", label, (unsigned long long)l->number);
	if (l->parsed) {
		show_put_time(&t, l->head.time, true);
		fprintf(c->env->out, "  %s  %s  %s %u %s %llu", time, kinds[l->head.kind],
		    c->ja ? "スレッド" : "thread", l->head.thread, c->ja ? "通番" : "no.",
		    (unsigned long long)l->head.seq);
	}
	fputc('\n', c->env->out);
}

static void
cmd_log_found(void *arg, const struct verify_finding *f)
{
	const struct cmd_log_check *c = arg;
	const struct cmd_log_words *w = &cmd_log_kinds[f->kind];
	bool fault = (int)f->kind < (int)VERIFY_FAULTS;
	bool records = f->kind <= VERIFY_BLOCKS;
	const char *red = c->env->tty && fault ? "\x1b[31m" : "";

	if (c->progress)
		fputs("\r\x1b[K", c->env->err);
	fprintf(c->env->out, "%s%s%s", red,
	    fault ? (c->ja ? "不正: " : "FAULT: ") : (c->ja ? "注意: " : "note: "),
	    *red != '\0' ? "\x1b[0m" : "");
	if (f->day != 0)
		fprintf(c->env->out, "log-%08u.db: ", (unsigned)f->day);
	if (records && f->from >= f->to)
		fprintf(c->env->out, c->ja ? "記録 %llu " : "record %llu ",
		    (unsigned long long)f->from);
	else if (records)
		fprintf(c->env->out, c->ja ? "記録 %llu〜%llu " : "records %llu to %llu: ",
		    (unsigned long long)f->from, (unsigned long long)f->to);
	fprintf(c->env->out, "%s", c->ja ? w->ja : w->en);
	if (f->kind == VERIFY_HOLE || f->kind == VERIFY_KNOWN_GAP)
		fprintf(c->env->out, c->ja ? "(スレッド %u、%lld件)" : " (thread %u, %lld records)",
		    f->thread, (long long)f->count);
	fputc('\n', c->env->out);
	cmd_log_leaf(c, c->ja ? "直前の記録" : "before:", &f->before);
	cmd_log_leaf(c, c->ja ? "直後の記録" : "after: ", &f->after);
}

static void
cmd_log_progress(void *arg, uint64_t leaves, size_t segment, size_t segments)
{
	const struct cmd_log_check *c = arg;

	if (!c->progress)
		return;
	fprintf(c->env->err,
	    c->ja ? "\r検証中: %llu件 (%zu/%zu日)" : "\rchecking: %llu records (day %zu of %zu)",
	    (unsigned long long)leaves, segment, segments);
	fflush(c->env->err);
}

/* "HEX:COUNT" as `log head` prints it. */
static bool
cmd_log_head_parse(const char *text, struct verify_opt *o)
{
	struct span s = span_str(text);

	o->has_head = true;
	return s.n > 2 * DIGEST_LEN + 1 && text[2 * DIGEST_LEN] == ':' &&
	    text_unhex(span_of(s.p, (size_t)2 * DIGEST_LEN), o->head, DIGEST_LEN) == 0 &&
	    text_uint(span_tail(s, 2 * DIGEST_LEN + 1), INT64_MAX, &o->head_count) == 0 &&
	    o->head_count > 0;
}

static void
cmd_log_verdict(const struct cmd_log_check *c, const struct verify_opt *o,
    const struct verify_result *r)
{
	FILE *out = c->env->out;
	char hex[2 * DIGEST_LEN + 1], from[64] = "-", to[64] = "-";
	struct show_text t = show_text_init(from, sizeof(from));

	text_hex(span_of(r->head, DIGEST_LEN), hex);
	show_put_time(&t, r->t_first, true);
	t = show_text_init(to, sizeof(to));
	show_put_time(&t, r->t_last, true);
	fprintf(out,
	    c->ja ? "記録 %llu〜%llu(%llu件、%zu日分、%s 〜 %s)\n"
		  : "records %llu to %llu (%llu records, %zu days, %s to %s)\n",
	    (unsigned long long)r->first, (unsigned long long)r->count,
	    (unsigned long long)r->leaves, r->segments, from, to);
	fprintf(out, "head %s:%llu\n", hex, (unsigned long long)r->count);
	if (r->head_seen && r->faults == 0)
		fprintf(out,
		    c->ja ? "記録 %llu までは、指定された先頭値のとおりです。\n"
			  : "Up to record %llu the log is the one of the head given.\n",
		    (unsigned long long)o->head_count);
	if (r->faults == 0)
		fprintf(out, c->ja ? "検証に成功しました。\n" : "OK\n");
	else
		fprintf(out, c->ja ? "検証に失敗しました(不正 %llu件)。\n"
			: r->faults == 1 ? "FAILED: %llu fault\n"
					 : "FAILED: %llu faults\n",
		    (unsigned long long)r->faults);
}

int
cmd_log_verify(const struct cmd_log_env *env, const struct cmd_log_args *a)
{
	struct cmd_log_check c = {env, a->ja, env->err_tty};
	struct verify_opt o = {.found = cmd_log_found, .progress = cmd_log_progress,
	    .arg = &c};
	struct verify_result r;
	int err;

	if (a->head != NULL && !cmd_log_head_parse(a->head, &o)) {
		fprintf(env->err, "warifu log: --head takes HEX:COUNT as `warifu log head` "
				  "prints it\n");
		return 2;
	}
	err = verify_run(a->dir, &o, &r);
	if (c.progress)
		fputs("\r\x1b[K", env->err);
	if (err != 0) {
		fprintf(env->err, "warifu log: %s: %s\n", a->dir,
		    err == WF_ENOTFOUND ? "there is no log" : err_text(err));
		return 3;
	}
	cmd_log_verdict(&c, &o, &r);
	return r.faults != 0 || (o.has_head && !r.head_seen) ? 1 : 0;
}
