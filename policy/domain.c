/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/domain.h"

#include <stdlib.h>
#include <string.h>

#include "policy/eval.h"

/* The values worth trying for one signal. */
struct domain_axis {
	unsigned sig;
	size_t n, cap;
	struct fact *values;
};

struct domain_grid {
	size_t n;
	struct domain_axis axis[SIGNAL_COUNT];
	char *texts; /* paths made up below the policy's own */
	size_t texts_used;
};

static bool
domain_push(struct domain_axis *ax, struct fact v)
{
	for (size_t i = 0; i < ax->n; i++) {
		const struct fact *w = &ax->values[i];

		if (w->known == v.known && w->num == v.num && w->n == v.n &&
		    (v.n == 0 || memcmp(w->text, v.text, v.n) == 0))
			return true;
	}
	if (ax->n == ax->cap) {
		size_t cap = ax->cap ? 2 * ax->cap : 8;
		struct fact *values = realloc(ax->values, cap * sizeof(*values));

		if (values == NULL)
			return false;
		ax->values = values;
		ax->cap = cap;
	}
	ax->values[ax->n++] = v;
	return true;
}

static bool
domain_push_num(struct domain_axis *ax, int64_t num)
{
	return domain_push(ax, (struct fact){.known = true, .num = num});
}

static bool
domain_push_text(struct domain_axis *ax, const char *text, size_t n)
{
	return domain_push(ax, (struct fact){.known = true, .text = text, .n = n});
}

/* A constant and its neighbours; what is never below zero stays so. */
static bool
domain_around(struct domain_axis *ax, int64_t c)
{
	enum signal_type type = signal_info((enum signal_id)ax->sig)->type;
	bool natural = type != SIGNAL_INT;
	bool ok = domain_push_num(ax, c);

	if (type == SIGNAL_COUNTRY || type == SIGNAL_ENUM)
		return ok;
	if (c > INT64_MIN && !(natural && c == 0))
		ok = ok && domain_push_num(ax, c - 1);
	if (c < INT64_MAX)
		ok = ok && domain_push_num(ax, c + 1);
	return ok;
}

/* A path below `it` that no policy names: \001 is in no file the lexer accepts. */
static bool
domain_child(struct domain_grid *g, struct domain_axis *ax, const struct item *it)
{
	char *text = g->texts + g->texts_used;

	memcpy(text, it->text, it->n);
	text[it->n] = '/';
	text[it->n + 1] = '\001';
	g->texts_used += it->n + 2;
	return domain_push_text(ax, text, it->n + 2);
}

static bool
domain_add_leaf(const struct policy *p, struct domain_grid *g, struct domain_axis *ax,
		const struct node *nd)
{
	bool path = signal_info((enum signal_id)nd->sig)->type == SIGNAL_PATH, ok = true;

	if (nd->op >= NODE_EQ && nd->op <= NODE_GE)
		return domain_around(ax, nd->num);
	for (size_t i = 0; i < nd->n; i++) {
		const struct item *it = &p->items[nd->first + i];

		if (nd->op == NODE_IN_NUM)
			ok = ok && domain_around(ax, it->num);
		else
			ok = ok && domain_push_text(ax, it->text, it->n);
		if (path)
			ok = ok && domain_child(g, ax, it);
	}
	return ok;
}

/* Values that exist whatever the condition says. */
static bool
domain_add_base(struct domain_axis *ax)
{
	const struct signal_info *si = signal_info((enum signal_id)ax->sig);
	bool ok = !si->may_be_unknown || domain_push(ax, (struct fact){0});

	switch (si->type) {
	case SIGNAL_BOOL:
		return ok && domain_push_num(ax, 0) && domain_push_num(ax, 1);
	case SIGNAL_ENUM:
		for (unsigned r = 0; signal_word((enum signal_id)ax->sig, r); r++)
			ok = ok && domain_push_num(ax, r);
		return ok;
	case SIGNAL_TEXT:
	case SIGNAL_PATH:
		return ok && domain_push_text(ax, "/\001", 2);
	case SIGNAL_COUNTRY:
		return ok && domain_push_num(ax, 'Z' * 256 + 'Z');
	default:
		return ok && (ax->n > 1 || domain_push_num(ax, 0));
	}
}

static struct domain_axis *
domain_axis(struct domain_grid *g, unsigned sig)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->axis[i].sig == sig)
			return &g->axis[i];
	g->axis[g->n] = (struct domain_axis){.sig = sig};
	return &g->axis[g->n++];
}

static size_t
domain_text_room(const struct policy *p, const struct domain *d)
{
	size_t room = 1;

	for (size_t i = 0; i < d->n; i++) {
		const struct node *nd = &p->nodes[d->order[i]];

		for (size_t k = 0; node_is_leaf(nd) && k < nd->n; k++)
			room += p->items[nd->first + k].n + 2;
	}
	return room;
}

static bool
domain_build(const struct policy *p, const struct domain *d, struct domain_grid *g)
{
	bool ok = true;

	for (size_t i = 0; i < d->n; i++) {
		const struct node *nd = &p->nodes[d->order[i]];

		if (node_is_leaf(nd))
			ok = ok && domain_add_leaf(p, g, domain_axis(g, nd->sig), nd);
	}
	for (size_t i = 0; i < g->n; i++)
		ok = ok && domain_add_base(&g->axis[i]);
	return ok;
}

static void
domain_drop(struct domain_grid *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->axis[i].values);
}

static size_t
domain_size(const struct domain_grid *g)
{
	size_t size = 1;

	for (size_t i = 0; i < g->n && size <= DOMAIN_TRIES; i++)
		size *= g->axis[i].n;
	return size;
}

/* Remembers the combination with the fewest unknowns that leaves the root unknown. */
static void
domain_blame(struct domain *d, const struct domain_grid *g, const struct facts *f,
	     size_t *fewest)
{
	size_t unknowns = 0;
	int first = -1;

	for (size_t i = 0; i < g->n; i++) {
		if (f->v[g->axis[i].sig].known)
			continue;
		first = first < 0 ? (int)g->axis[i].sig : first;
		unknowns++;
	}
	if (unknowns < *fewest) {
		*fewest = unknowns;
		d->culprit = first;
	}
}

static void
domain_try_all(const struct policy *p, struct domain *d, const struct domain_grid *g,
	       size_t size)
{
	struct facts f;
	size_t fewest = SIZE_MAX;

	facts_clear(&f);
	for (size_t i = 0; i < size; i++) {
		size_t rest = i;

		for (size_t k = 0; k < g->n; k++) {
			f.v[g->axis[k].sig] = g->axis[k].values[rest % g->axis[k].n];
			rest /= g->axis[k].n;
		}
		eval_some(p, &f, d->order, d->n, d->v);
		for (size_t k = 0; k < d->n; k++)
			d->seen[d->order[k]] |= (uint8_t)(1u << d->v[d->order[k]]);
		if (d->v[d->order[d->n - 1]] == KLEENE_UNKNOWN)
			domain_blame(d, g, &f, &fewest);
	}
}

/* The values that an operation can have when its operands have those of sets a and b. */
static uint8_t
domain_combine(enum node_op op, uint8_t a, uint8_t b)
{
	unsigned set = 0;

	for (unsigned x = 0; x < 3; x++) {
		for (unsigned y = 0; y < 3; y++) {
			unsigned r = op == NODE_AND ? (x < y ? x : y) : x > y ? x : y;

			if ((a >> x & 1) && (b >> y & 1))
				set |= 1u << r;
		}
	}
	return (uint8_t)set;
}

enum {
	DOMAIN_F = 1 << KLEENE_FALSE,
	DOMAIN_U = 1 << KLEENE_UNKNOWN,
	DOMAIN_T = 1 << KLEENE_TRUE,
};

static uint8_t
domain_set_of(const struct node *nd, const uint8_t *v, const struct facts *f)
{
	uint8_t a = nd->op >= NODE_NOT ? v[nd->a] : 0;
	bool known = f->v[nd->sig].known;

	switch ((enum node_op)nd->op) {
	case NODE_NOT:
		return (uint8_t)((a & DOMAIN_U) | (a & DOMAIN_F ? DOMAIN_T : 0) |
				 (a & DOMAIN_T ? DOMAIN_F : 0));
	case NODE_AND:
	case NODE_OR:
		return domain_combine((enum node_op)nd->op, a, v[nd->b]);
	case NODE_OR_UNKNOWN:
		return (uint8_t)((a & ~DOMAIN_U) | (a & DOMAIN_U ? DOMAIN_T : 0));
	case NODE_AND_KNOWN:
		return (uint8_t)((a & ~DOMAIN_U) | (a & DOMAIN_U ? DOMAIN_F : 0));
	case NODE_KNOWN:
		return known ? DOMAIN_T : DOMAIN_F;
	default:
		return known ? DOMAIN_T | DOMAIN_F : DOMAIN_U;
	}
}

static bool
domain_by_sets(const struct policy *p, struct domain *d, const struct domain_grid *g)
{
	unsigned sigs[DOMAIN_UNKNOWNS];
	size_t n = 0, fewest = SIZE_MAX;
	struct facts f;

	facts_clear(&f);
	for (size_t i = 0; i < g->n; i++) {
		f.v[g->axis[i].sig].known = true;
		if (!signal_info((enum signal_id)g->axis[i].sig)->may_be_unknown)
			continue;
		if (n == DOMAIN_UNKNOWNS)
			return false;
		sigs[n++] = g->axis[i].sig;
	}
	for (size_t mask = 0; mask < (size_t)1 << n; mask++) {
		for (size_t i = 0; i < n; i++)
			f.v[sigs[i]].known = (mask >> i & 1) == 0;
		for (size_t i = 0; i < d->n; i++) {
			uint16_t id = d->order[i];

			d->v[id] = domain_set_of(&p->nodes[id], d->v, &f);
			d->seen[id] |= d->v[id];
		}
		if (d->v[d->order[d->n - 1]] & DOMAIN_U)
			domain_blame(d, g, &f, &fewest);
	}
	return true;
}

bool
domain_run(const struct policy *p, struct domain *d)
{
	char *texts = malloc(domain_text_room(p, d));
	struct domain_grid g = {.texts = texts};
	size_t size;
	bool ok = texts != NULL && domain_build(p, d, &g);

	d->culprit = -1;
	for (size_t i = 0; i < d->n; i++)
		d->seen[d->order[i]] = 0;
	if (ok) {
		size = domain_size(&g);
		if (size <= DOMAIN_TRIES)
			domain_try_all(p, d, &g, size);
		else
			ok = domain_by_sets(p, d, &g);
	}
	domain_drop(&g);
	free(texts);
	return ok;
}
