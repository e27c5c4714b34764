/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"

#include <string.h>

/* Items are folded when the policy is loaded; the request's path is folded here. */
static bool
eval_folded_equal(const char *path, const struct item *it)
{
	for (size_t i = 0; i < it->n; i++) {
		char c = path[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (c != it->text[i])
			return false;
	}
	return true;
}

static size_t
eval_path_trim(const char *path, size_t n)
{
	while (n > 0 && path[n - 1] == '/')
		n--;
	return n;
}

bool
eval_path_under(const char *path, size_t n, const struct item *it)
{
	n = eval_path_trim(path, n);
	if (n < it->n || (n > it->n && path[it->n] != '/'))
		return false;
	return eval_folded_equal(path, it);
}

bool
eval_path_is(const char *path, size_t n, const struct item *it)
{
	n = eval_path_trim(path, n);
	return n == it->n && eval_folded_equal(path, it);
}

static bool
eval_items(const struct policy *p, const struct node *nd, const struct fact *v)
{
	const struct item *it = &p->items[nd->first];
	bool path = signal_info((enum signal_id)nd->sig)->type == SIGNAL_PATH;

	for (size_t i = 0; i < nd->n; i++, it++) {
		bool hit;

		if (nd->op == NODE_IN_NUM)
			hit = it->num == v->num;
		else if (nd->op == NODE_UNDER)
			hit = eval_path_under(v->text, v->n, it);
		else if (path)
			hit = eval_path_is(v->text, v->n, it);
		else
			hit = it->n == v->n && memcmp(it->text, v->text, v->n) == 0;
		if (hit)
			return true;
	}
	return false;
}

static bool
eval_known_leaf(const struct policy *p, const struct node *nd, const struct fact *v)
{
	switch ((enum node_op)nd->op) {
	case NODE_BOOL:
		return v->num != 0;
	case NODE_EQ:
		return v->num == nd->num;
	case NODE_LT:
		return v->num < nd->num;
	case NODE_LE:
		return v->num <= nd->num;
	case NODE_GT:
		return v->num > nd->num;
	case NODE_GE:
		return v->num >= nd->num;
	default:
		return eval_items(p, nd, v);
	}
}

static inline uint8_t
eval_node(const struct policy *p, const struct facts *f, const struct node *nd,
	  const uint8_t *v)
{
	switch ((enum node_op)nd->op) {
	case NODE_NOT:
		return (uint8_t)(KLEENE_TRUE - v[nd->a]);
	case NODE_AND:
		return v[nd->a] < v[nd->b] ? v[nd->a] : v[nd->b];
	case NODE_OR:
		return v[nd->a] > v[nd->b] ? v[nd->a] : v[nd->b];
	case NODE_OR_UNKNOWN:
		return v[nd->a] == KLEENE_FALSE ? KLEENE_FALSE : KLEENE_TRUE;
	case NODE_AND_KNOWN:
		return v[nd->a] == KLEENE_TRUE ? KLEENE_TRUE : KLEENE_FALSE;
	case NODE_KNOWN:
		return f->v[nd->sig].known ? KLEENE_TRUE : KLEENE_FALSE;
	default:
		break;
	}
	if (!f->v[nd->sig].known)
		return KLEENE_UNKNOWN;
	return eval_known_leaf(p, nd, &f->v[nd->sig]) ? KLEENE_TRUE : KLEENE_FALSE;
}

void
eval_all(const struct policy *p, const struct facts *f, uint8_t *v)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		v[i] = eval_node(p, f, &p->nodes[i], v);
}

void
eval_some(const struct policy *p, const struct facts *f, const uint16_t *order, size_t n,
	  uint8_t *v)
{
	for (size_t i = 0; i < n; i++)
		v[order[i]] = eval_node(p, f, &p->nodes[order[i]], v);
}

enum verdict
eval_read_only(const struct facts *f)
{
	const struct fact *method = &f->v[SIG_REQUEST_METHOD];
	const struct fact *class = &f->v[SIG_REQUEST_CLASS];
	const struct fact *ws = &f->v[SIG_REQUEST_WEBSOCKET];

	if (!method->known || !class->known || !ws->known || ws->num)
		return VERDICT_REFUSE;
	if (class->num != CLASS_OPEN && class->num != CLASS_READ)
		return VERDICT_REFUSE;
	if ((method->n == 3 && memcmp(method->text, "GET", 3) == 0) ||
	    (method->n == 4 && memcmp(method->text, "HEAD", 4) == 0))
		return VERDICT_ALLOW;
	return VERDICT_REFUSE;
}
