/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/oracle/h1_oracle.c - warifu's HTTP/1 parser beside llhttp and http-parser.
 *
 * usage: h1_oracle COUNT SEED EMIT < inputs
 *
 * Inputs are lines as h1dump reads them. Runs them and COUNT mutations of them through
 * all parsers, prints each input on which the property of h1_seen.h does not hold (at
 * most 20) as `differ ORACLE WHAT HEX`, every EMIT-th mutation as `input HEX-LINE` (0:
 * none) for oracles in other languages, and counts at the end as `count NAME N`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "tests/oracle/h1_mutate.h"
#include "tests/oracle/h1_seen.h"

enum { INPUTS = 1024, INPUT_MAX = 4096 };

struct input {
	struct h1_stream in;
	uint8_t *bytes;
};

struct oracle {
	const char *name;
	h1_seen_parser *parse;
	uint64_t accepted, refused, differ;
};

struct run {
	struct input at[INPUTS];
	size_t n;
	size_t good[INPUTS],
	    n_good; /* the inputs that we accept: most mutations start there */
	struct h1_seen *ours, *theirs;
	uint64_t total, accepted, refused, messages, bodies;
};

static void
print_line(const char *word, const struct h1_stream *in)
{
	printf("%s %s ", word, in->responses ? "R" : "Q");
	if (in->responses)
		printf("%s%s ", in->to_upgrade ? "+" : "", in->to_head ? "HEAD" : "GET");
	for (size_t i = 0; i < in->n; i++)
		printf("%02x", in->p[i]);
	printf("\n");
}

static void
read_line(struct run *run, struct span line)
{
	struct input *x = &run->at[run->n];
	bool responses = line.n > 0 && line.p[0] == 'R';

	MUST(run->n < INPUTS);
	*x = (struct input){.in = {.responses = responses}};
	line = span_tail(line, 2);
	if (responses) {
		x->in.to_upgrade = span_starts(line, SPAN_LIT("+"));
		line = span_tail(line, x->in.to_upgrade);
		x->in.to_head = span_starts(line, SPAN_LIT("HEAD "));
		line = span_tail(line, x->in.to_head ? 5 : 4);
	}
	x->in.n = line.n / 2;
	MUST(x->in.n <= INPUT_MAX);
	x->bytes = malloc(INPUT_MAX);
	MUST(x->bytes != NULL && text_unhex(line, x->bytes, x->in.n) == 0);
	x->in.p = x->bytes;
	run->n++;
}

static void
read_inputs(struct run *run)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0)
		read_line(run, span_of(line, (size_t)n - (line[n - 1] == '\n')));
	free(line);
	MUST(run->n > 0);
}

static void
compare(struct run *run, struct oracle *oracles, size_t n, const struct h1_stream *in)
{
	for (size_t i = 0; i < n; i++) {
		const char *what =
		    h1_seen_check(in, oracles[i].parse, run->ours, run->theirs);

		oracles[i].accepted += run->theirs->n > 0;
		oracles[i].refused += run->theirs->failed;
		if (what == NULL)
			continue;
		if (oracles[i].differ++ < 20) {
			printf("differ %s %s; ours: %s, its: %s\n", oracles[i].name, what,
			       run->ours->why, run->theirs->why);
			print_line("differ-input", in);
		}
	}
	run->total++;
	run->accepted += run->ours->n > 0;
	run->refused += run->ours->failed;
	run->messages += run->ours->n;
	for (size_t i = 0; i < run->ours->n; i++)
		run->bodies += run->ours->m[i].complete && run->ours->m[i].body > 0;
}

static const struct input *
pick(const struct run *run, struct h1_mutate *m)
{
	uint64_t r = h1_mutate_random(m);

	if (r % 4 != 0 && run->n_good > 0)
		return &run->at[run->good[r / 4 % run->n_good]];
	return &run->at[r / 4 % run->n];
}

static void
unchanged(struct run *run, struct oracle *oracles, size_t n)
{
	for (size_t i = 0; i < run->n; i++) {
		compare(run, oracles, n, &run->at[i].in);
		if (run->ours->n > 0 && !run->ours->failed)
			run->good[run->n_good++] = i;
	}
}

static void
mutate(struct run *run, struct oracle *oracles, size_t n, uint64_t count, uint64_t seed,
       uint64_t emit)
{
	struct h1_mutate m = {seed * 2 + 1}; /* never 0 */
	static uint8_t bytes[INPUT_MAX * 2];

	for (uint64_t i = 0; i < count; i++) {
		const struct input *x = pick(run, &m), *y = pick(run, &m);
		struct h1_stream in = x->in;

		memcpy(bytes, x->bytes, x->in.n);
		in.p = bytes;
		in.n = h1_mutate(&m, bytes, x->in.n, sizeof(bytes), y->bytes, y->in.n);
		compare(run, oracles, n, &in);
		if (emit > 0 && i % emit == 0)
			print_line("input", &in);
	}
}

static void
print_counts(const struct run *run, const struct oracle *oracles, size_t n)
{
	printf("count inputs %" PRIu64 "\ncount accepted %" PRIu64
	       "\ncount refused %" PRIu64 "\ncount messages %" PRIu64
	       "\ncount bodies %" PRIu64 "\n",
	       run->total, run->accepted, run->refused, run->messages, run->bodies);
	for (size_t i = 0; i < n; i++)
		printf("count %s-accepted %" PRIu64 "\ncount %s-refused %" PRIu64
		       "\ncount %s-differ %" PRIu64 "\n",
		       oracles[i].name, oracles[i].accepted, oracles[i].name,
		       oracles[i].refused, oracles[i].name, oracles[i].differ);
}

int
main(int argc, char **argv)
{
	struct oracle oracles[] = {{.name = "llhttp", .parse = h1_seen_llhttp},
				   {.name = "http-parser", .parse = h1_seen_http_parser}};
	struct run *run = calloc(1, sizeof(*run));
	uint64_t count, seed, emit;

	if (argc != 4 || text_uint(span_str(argv[1]), UINT64_MAX, &count) ||
	    text_uint(span_str(argv[2]), UINT64_MAX, &seed) ||
	    text_uint(span_str(argv[3]), UINT64_MAX, &emit)) {
		fprintf(stderr, "usage: h1_oracle COUNT SEED EMIT < inputs\n");
		return 2;
	}
	MUST(run != NULL);
	run->ours = malloc(sizeof(*run->ours));
	run->theirs = malloc(sizeof(*run->theirs));
	MUST(run->ours != NULL && run->theirs != NULL);
	read_inputs(run);
	unchanged(run, oracles, ARRAY_LEN(oracles));
	mutate(run, oracles, ARRAY_LEN(oracles), count, seed, emit);
	print_counts(run, oracles, ARRAY_LEN(oracles));
	for (size_t i = 0; i < run->n; i++)
		free(run->at[i].bytes);
	free(run->ours);
	free(run->theirs);
	free(run);
	return 0;
}
