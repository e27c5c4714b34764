/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks and statements:
 *
 *   file   := "policy" text "{" { default | let | retired | rule } "}"
 *   default:= "default" verdict
 *   let    := "let" name "=" ( set | value | condition )
 *   retired:= "retired" "{" id { "," id } "}"
 *   rule   := "rule" id text "{" { when | then | ja | note | since } "}"
 *   when   := "when" condition
 *   then   := "then" verdict [ "reason" word ] [ "observe" | "enforce" ]
 *   ja     := "ja" text (the sentence in Japanese)
 *   note   := "note" text        since := "since" date
 *
 * Statements may end with ';'. After a fault the reader skips to the next statement.
 */
#include "policy/parse.h"

#include <string.h>

char *
parse_room(struct parse *ps, size_t n, struct diag_pos pos)
{
	char *room = ps->p->texts + ps->texts_used;

	if (n > ps->texts_cap - ps->texts_used) {
		diag_error(ps->lx.diags, &ps->lx.src, pos, NULL,
			   "the texts of this policy are too large");
		ps->lx.failed = true;
		return NULL;
	}
	ps->texts_used += n;
	return room;
}

const char *
parse_keep(struct parse *ps, const struct lex_token *tok)
{
	char *room = parse_room(ps, tok->n + 1, tok->pos);

	if (room == NULL)
		return "";
	memcpy(room, tok->text, tok->n + 1);
	return room;
}

bool
parse_add_literal(struct parse *ps, const struct lex_token *tok)
{
	if (ps->n_literals == POLICY_ITEMS_MAX) {
		lex_fail(&ps->lx, tok, NULL, "more than %d values in one policy",
			 POLICY_ITEMS_MAX);
		ps->lost = true;
		return false;
	}
	ps->literals[ps->n_literals++] = (struct parse_literal){
	    .kind = tok->kind,
	    .pos = tok->pos,
	    .num = tok->num,
	    .text = tok->n ? parse_keep(ps, tok) : "",
	    .n = tok->n,
	};
	return true;
}

struct parse_let *
parse_find_let(struct parse *ps, const char *name)
{
	for (size_t i = 0; i < ps->n_lets; i++)
		if (strcmp(ps->lets[i].name, name) == 0)
			return &ps->lets[i];
	return NULL;
}

bool
parse_is_statement(const struct lex_token *tok)
{
	static const char *const words[] = {"when", "then", "note",    "since",
					    "rule", "let",  "default", "retired"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (lex_is_word(tok, words[i]))
			return true;
	return false;
}

/* After a fault: on to what may be the next statement, or to the end of this block. */
static void
parse_resync(struct parse *ps)
{
	struct lex_token tok;
	unsigned depth = 0;

	for (;;) {
		const struct lex_token *next = lex_peek(&ps->lx);

		if (next->kind == LEX_END)
			break;
		if (depth == 0 && (next->kind == LEX_RBRACE || parse_is_statement(next)))
			break;
		lex_next(&ps->lx, &tok);
		depth += tok.kind == LEX_LBRACE;
		depth -= tok.kind == LEX_RBRACE;
	}
	ps->lost = false;
}

/* A rule's id, a let's name, a reason. `what` is NULL if the fault is reported already.
 */
static bool
parse_check_name(struct parse *ps, const struct lex_token *tok, const char *what,
		 bool reserve)
{
	if (tok->n > POLICY_ID_MAX) {
		lex_fail(&ps->lx, tok, NULL, "%s has at most %d characters", what,
			 POLICY_ID_MAX);
		return false;
	}
	if (strchr(tok->text, '.')) {
		lex_fail(&ps->lx, tok, NULL, "%s has no dot: dots are for signals", what);
		return false;
	}
	if (reserve && expr_is_reserved(tok->text)) {
		lex_fail(&ps->lx, tok, "choose another name",
			 "'%s' is a word of the language", tok->text);
		return false;
	}
	return true;
}

struct parse_verdict {
	enum verdict verdict;
	bool read_only;
	struct diag_pos pos;
};

static bool
parse_verdict(struct parse *ps, struct parse_verdict *out)
{
	static const char *const names[] = {"allow",	 "flag",   "challenge",
					    "read-only", "refuse", "revoke"};
	struct lex_token tok;
	const char *near;
	char hint[DIAG_HINT_LEN];
	int v;

	*out = (struct parse_verdict){VERDICT_REFUSE, false, {0, 0}};
	if (!lex_expect(&ps->lx, LEX_WORD, "a verdict", &tok)) {
		ps->lost = true;
		return false;
	}
	out->pos = tok.pos;
	if (strcmp(tok.text, "read-only") == 0) {
		out->read_only = true;
		return true;
	}
	v = verdict_by_name(tok.text, tok.n);
	if (v < 0) {
		near = diag_nearest(tok.text, names, 6, sizeof(names[0]));
		if (near)
			snprintf(hint, sizeof(hint), "did you mean %s?", near);
		lex_fail(&ps->lx, &tok,
			 near ? hint
			      : "verdicts are allow, flag, challenge, "
				"read-only, refuse and revoke",
			 "there is no verdict '%.64s'", tok.text);
		return false;
	}
	out->verdict = (enum verdict)v;
	return true;
}

static void
parse_default(struct parse *ps, const struct lex_token *word)
{
	struct policy *p = ps->p;
	struct parse_verdict v;

	if (p->has_fallback)
		lex_fail(&ps->lx, word, NULL, "the default is given twice");
	p->has_fallback = true;
	if (!parse_verdict(ps, &v))
		return;
	if (v.verdict == VERDICT_REVOKE)
		lex_fail(&ps->lx, word, "revoke needs a rule of its own",
			 "the default cannot be revoke");
	p->fallback = v.verdict;
	p->fallback_read_only = v.read_only;
	p->fallback_pos = v.pos;
}

static void
parse_let_body(struct parse *ps, struct parse_let *let)
{
	const struct lex_token *next = lex_peek(&ps->lx);
	struct lex_token tok;

	let->first = ps->n_literals;
	let->count = 1;
	if (next->kind == LEX_LBRACE) {
		struct diag_pos pos = next->pos;

		if (!expr_parse_set(ps, &let->first, &let->count))
			return;
		if (let->count == 0) {
			diag_error(ps->lx.diags, &ps->lx.src, pos, NULL,
				   "this set is empty");
			ps->lx.failed = true;
			return;
		}
		let->kind = PARSE_LET_SET;
	} else if (expr_is_literal(next) && next->kind != LEX_WORD) {
		lex_next(&ps->lx, &tok);
		if (parse_add_literal(ps, &tok))
			let->kind = PARSE_LET_VALUE;
	} else {
		let->node = expr_parse(ps);
		if (let->node != PARSE_NONE)
			let->kind = PARSE_LET_CONDITION;
	}
}

static void
parse_let(struct parse *ps)
{
	struct parse_let let = {.kind = PARSE_LET_BROKEN, .node = PARSE_NONE};
	struct lex_token tok;

	if (!lex_expect(&ps->lx, LEX_WORD, "a name", &tok) ||
	    !parse_check_name(ps, &tok, "a let's name", true) ||
	    !lex_expect(&ps->lx, LEX_EQ, NULL, NULL)) {
		ps->lost = true;
		return;
	}
	if (parse_find_let(ps, tok.text))
		lex_fail(&ps->lx, &tok, NULL, "let '%s' is given twice", tok.text);
	let.name = parse_keep(ps, &tok);
	let.pos = tok.pos;
	parse_let_body(ps, &let);
	if (ps->n_lets == POLICY_LETS_MAX)
		lex_fail(&ps->lx, &tok, NULL, "more than %d lets", POLICY_LETS_MAX);
	else
		ps->lets[ps->n_lets++] = let;
}

static void
parse_retired(struct parse *ps)
{
	struct lex_token tok;
	struct policy *p = ps->p;

	if (!lex_expect(&ps->lx, LEX_LBRACE, NULL, NULL)) {
		ps->lost = true;
		return;
	}
	do {
		if (!lex_expect(&ps->lx, LEX_WORD, "a rule's id", &tok)) {
			ps->lost = true;
			return;
		}
		if (!parse_check_name(ps, &tok, "a rule's id", false))
			continue;
		if (p->n_retired == POLICY_RETIRED_MAX) {
			lex_fail(&ps->lx, &tok, NULL, "more than %d retired ids",
				 POLICY_RETIRED_MAX);
			ps->lost = true;
			return;
		}
		p->retired[p->n_retired++] =
		    (struct retired){parse_keep(ps, &tok), tok.pos};
	} while (lex_accept(&ps->lx, LEX_COMMA, NULL));
	if (!lex_expect(&ps->lx, LEX_RBRACE, "',' or '}'", NULL))
		ps->lost = true;
}

/* What a rule under construction has so far; each statement comes once. */
struct parse_rule {
	struct rule r;
	int root;
	bool when, then, ja, note, since;
};

static bool
parse_once(struct parse *ps, const struct lex_token *word, bool *seen)
{
	if (*seen)
		lex_fail(&ps->lx, word, NULL, "'%s' is given twice in this rule",
			 word->text);
	*seen = true;
	return true;
}

static void
parse_then(struct parse *ps, struct parse_rule *pr)
{
	struct policy_rule *info = &pr->r.info;
	struct parse_verdict v;
	struct lex_token tok;

	if (!parse_verdict(ps, &v) && ps->lost)
		return;
	info->read_only = v.read_only;
	info->verdict = v.verdict;
	info->then = v.read_only ? "read-only" : verdict_name(v.verdict);
	pr->r.then_pos = v.pos;
	if (lex_accept_word(&ps->lx, "reason")) {
		if (!lex_expect(&ps->lx, LEX_WORD, "a reason in one word", &tok)) {
			ps->lost = true;
			return;
		}
		if (parse_check_name(ps, &tok, "a reason", true))
			info->reason = parse_keep(ps, &tok);
	}
	if (lex_accept_word(&ps->lx, "observe"))
		info->observe = true;
	else
		lex_accept_word(&ps->lx, "enforce");
}

static const char *
parse_text(struct parse *ps)
{
	struct lex_token tok;

	if (lex_expect(&ps->lx, LEX_STRING, NULL, &tok))
		return parse_keep(ps, &tok);
	ps->lost = true;
	return "";
}

/* Sentences stand in records and lists, a line each. */
static void
parse_one_line(struct parse *ps, const struct lex_token *tok, const char *sentence)
{
	if (strpbrk(sentence, "\n\t"))
		lex_fail(&ps->lx, tok, "put details into 'note'",
			 "a sentence has no line ends and no tabs");
}

/* One statement of a rule; false at what is none. */
static bool
parse_rule_statement(struct parse *ps, struct parse_rule *pr)
{
	struct lex_token word = *lex_peek(&ps->lx), tok;

	if (lex_accept_word(&ps->lx, "when") && parse_once(ps, &word, &pr->when)) {
		pr->root = expr_parse(ps);
	} else if (lex_accept_word(&ps->lx, "then") && parse_once(ps, &word, &pr->then)) {
		parse_then(ps, pr);
	} else if (lex_accept_word(&ps->lx, "note") && parse_once(ps, &word, &pr->note)) {
		pr->r.info.note = parse_text(ps);
	} else if (lex_accept_word(&ps->lx, "ja") && parse_once(ps, &word, &pr->ja)) {
		pr->r.info.sentence_ja = parse_text(ps);
		parse_one_line(ps, &word, pr->r.info.sentence_ja);
	} else if (lex_accept_word(&ps->lx, "since") &&
		   parse_once(ps, &word, &pr->since)) {
		if (lex_expect(&ps->lx, LEX_DATE, NULL, &tok))
			pr->r.info.since = tok.num;
		else
			ps->lost = true;
		pr->r.info.has_since = true;
	} else {
		return false;
	}
	return true;
}

static void
parse_rule_body(struct parse *ps, struct parse_rule *pr)
{
	char found[64];

	while (!lex_accept(&ps->lx, LEX_RBRACE, NULL)) {
		const struct lex_token *next = lex_peek(&ps->lx);

		if (next->kind == LEX_END || lex_is_word(next, "rule")) {
			lex_fail(&ps->lx, next, NULL,
				 "expected '}' at the end of rule %s", pr->r.info.id);
			return;
		}
		if (!parse_rule_statement(ps, pr)) {
			lex_fail(&ps->lx, next, NULL,
				 "expected when, then, ja, note, since or '}', found %s",
				 lex_describe(&ps->lx, next, found, sizeof(found)));
			lex_next(&ps->lx, &(struct lex_token){0});
			ps->lost = true;
		}
		if (ps->lost)
			parse_resync(ps);
		lex_accept(&ps->lx, LEX_SEMICOLON, NULL);
	}
}

static void
parse_rule(struct parse *ps)
{
	struct parse_rule pr = {.root = PARSE_NONE};
	struct policy_rule *info = &pr.r.info;
	struct lex_token id, tok = {0};

	if (!lex_expect(&ps->lx, LEX_WORD, "the rule's id", &id)) {
		ps->lost = true;
		return;
	}
	(void)parse_check_name(ps, &id, "a rule's id", false);
	info->id = parse_keep(ps, &id);
	info->sentence = info->sentence_ja = info->note = info->reason = "";
	info->line = id.pos.line;
	pr.r.id_pos = id.pos;
	if (lex_peek(&ps->lx)->kind == LEX_STRING) {
		lex_next(&ps->lx, &tok);
		info->sentence = parse_keep(ps, &tok);
	}
	if (info->sentence[strspn(info->sentence, " ")] == '\0')
		lex_fail(&ps->lx, &id,
			 "say in one sentence what the rule is for: it goes "
			 "into the record",
			 "rule %s has no sentence", info->id);
	parse_one_line(ps, &tok, info->sentence);
	if (!lex_expect(&ps->lx, LEX_LBRACE, NULL, NULL)) {
		ps->lost = true;
		return;
	}
	parse_rule_body(ps, &pr);
	if (!pr.when)
		lex_fail(&ps->lx, &id, NULL, "rule %s has no 'when'", info->id);
	if (!pr.then)
		lex_fail(&ps->lx, &id, NULL, "rule %s has no 'then'", info->id);
	if (ps->p->n_rules == POLICY_RULES_MAX) {
		lex_fail(&ps->lx, &id, NULL, "more than %d rules", POLICY_RULES_MAX);
		return;
	}
	/* A broken rule keeps its id, so that its double is found. */
	pr.r.root = pr.root == PARSE_NONE ? UINT16_MAX : (uint16_t)pr.root;
	ps->p->rules[ps->p->n_rules++] = pr.r;
}

static void
parse_block(struct parse *ps)
{
	char found[64];

	while (lex_peek(&ps->lx)->kind != LEX_RBRACE) {
		struct lex_token word = *lex_peek(&ps->lx);

		if (word.kind == LEX_END)
			return;
		lex_next(&ps->lx, &word);
		if (lex_is_word(&word, "default")) {
			parse_default(ps, &word);
		} else if (lex_is_word(&word, "let")) {
			parse_let(ps);
		} else if (lex_is_word(&word, "retired")) {
			parse_retired(ps);
		} else if (lex_is_word(&word, "rule")) {
			parse_rule(ps);
		} else {
			lex_fail(&ps->lx, &word, NULL,
				 "expected default, let, retired, rule or '}', found %s",
				 lex_describe(&ps->lx, &word, found, sizeof(found)));
			ps->lost = true;
		}
		if (ps->lost)
			parse_resync(ps);
		lex_accept(&ps->lx, LEX_SEMICOLON, NULL);
	}
}

void
parse_policy(struct parse *ps)
{
	struct lex_token tok;

	ps->p->name = "";
	if (!lex_expect_word(&ps->lx, "policy") ||
	    !lex_expect(&ps->lx, LEX_STRING, "the policy's name in double quotes",
			&tok) ||
	    !lex_expect(&ps->lx, LEX_LBRACE, NULL, NULL))
		return;
	ps->p->name = parse_keep(ps, &tok);
	if (tok.n == 0)
		lex_fail(&ps->lx, &tok, NULL, "the policy's name is empty");
	parse_block(ps);
	if (!lex_expect(&ps->lx, LEX_RBRACE, "'}' at the end of the policy", NULL))
		return;
	(void)lex_expect(&ps->lx, LEX_END, "the end of the file", NULL);
}
