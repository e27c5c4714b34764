/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/place/mmdata.h"
#include "proxy/base/cursor.h"

/* The sizes of numbers that the format allows; 0 where any size or none applies. */
static uint32_t
max_size(unsigned type)
{
	switch (type) {
	case MMDATA_UINT16:
		return 2;
	case MMDATA_UINT32:
	case MMDATA_INT32:
	case MMDATA_FLOAT:
		return 4;
	case MMDATA_UINT64:
	case MMDATA_DOUBLE:
		return 8;
	case MMDATA_UINT128:
		return 16;
	default:
		return 0;
	}
}

static bool
type_known(unsigned type)
{
	return (type >= MMDATA_POINTER && type <= MMDATA_ARRAY) || type == MMDATA_BOOL ||
	       type == MMDATA_FLOAT;
}

static bool
is_container(enum mmdata_type type)
{
	return type == MMDATA_MAP || type == MMDATA_ARRAY;
}

static uint32_t
read_size(struct cursor *c, unsigned low)
{
	if (low < 29)
		return low;
	if (low == 29)
		return 29 + cur_u8(c);
	if (low == 30)
		return 285U + cur_u16(c);
	return 65821U + cur_u24(c);
}

/* Where a pointer leads; its size bits stand in the control byte. */
static size_t
read_pointer(struct cursor *c, unsigned ctrl)
{
	uint32_t top = ctrl & 7;

	switch (ctrl >> 3 & 3) {
	case 0:
		return top << 8 | cur_u8(c);
	case 1:
		return (top << 16 | cur_u16(c)) + 2048U;
	case 2:
		return (size_t)(top << 24 | cur_u24(c)) + 526336U;
	default:
		return cur_u32(c);
	}
}

static bool
size_fits(unsigned type, uint32_t size)
{
	if (type == MMDATA_FLOAT || type == MMDATA_DOUBLE)
		return size == max_size(type);
	if (type == MMDATA_BOOL)
		return size <= 1;
	return max_size(type) == 0 || size <= max_size(type);
}

/* One value as it stands; for a pointer, `inner` is the target. */
static int
read_raw(struct mmdata *m, size_t off, struct mmdata_value *v)
{
	struct cursor c = cur_init(span_tail(m->section, off));
	unsigned ctrl, type;

	memset(v, 0, sizeof(*v));
	if (m->budget == 0)
		return WF_EFULL;
	m->budget--;
	ctrl = cur_u8(&c);
	type = ctrl >> 5;
	if (type == 0) {
		type = 7U + cur_u8(&c);
		if (type == MMDATA_MAP)
			return WF_ESYNTAX;
	}
	if (!cur_ok(&c) || !type_known(type))
		return WF_ESYNTAX;
	v->type = (enum mmdata_type)type;
	v->in_place = true;
	if (v->type == MMDATA_POINTER) {
		v->inner = read_pointer(&c, ctrl);
	} else {
		v->size = read_size(&c, ctrl & 31);
		if (!size_fits(type, v->size))
			return WF_ESYNTAX;
		if (!is_container(v->type) && v->type != MMDATA_BOOL)
			v->bytes = cur_take(&c, v->size);
	}
	if (!cur_ok(&c))
		return WF_ESYNTAX;
	v->next = m->section.n - cur_left(&c);
	if (v->type != MMDATA_POINTER)
		v->inner = v->next;
	return 0;
}

int
mmdata_read(struct mmdata *m, size_t off, struct mmdata_value *v)
{
	struct mmdata_value p;
	int err = read_raw(m, off, v);

	if (err || v->type != MMDATA_POINTER)
		return err;
	if (!m->pointers)
		return WF_ESYNTAX;
	p = *v;
	err = read_raw(m, p.inner, v);
	if (err)
		return err;
	if (v->type == MMDATA_POINTER)
		return WF_ESYNTAX;
	v->next = p.next;
	v->in_place = false;
	return 0;
}

/* Values in a container follow one another, so passing one needs only a count. */
int
mmdata_after(struct mmdata *m, const struct mmdata_value *v, size_t *off)
{
	uint64_t todo = v->type == MMDATA_MAP ? 2ULL * v->size : v->size;
	struct mmdata_value each;
	size_t at = v->inner;

	*off = v->next;
	if (!v->in_place || !is_container(v->type))
		return 0;
	while (todo > 0) {
		int err = read_raw(m, at, &each);

		if (err)
			return err;
		todo--;
		if (each.type == MMDATA_MAP)
			todo += 2ULL * each.size;
		else if (each.type == MMDATA_ARRAY)
			todo += each.size;
		at = each.next;
	}
	*off = at;
	return 0;
}

int
mmdata_check(struct mmdata *m, size_t off)
{
	struct mmdata_value v, target;
	uint64_t todo = 1;

	while (todo > 0) {
		int err = read_raw(m, off, &v);

		if (err == 0 && v.type == MMDATA_POINTER)
			err = m->pointers ? read_raw(m, v.inner, &target) : WF_ESYNTAX;
		if (err)
			return err;
		if (v.type == MMDATA_POINTER && target.type == MMDATA_POINTER)
			return WF_ESYNTAX;
		todo--;
		if (v.type == MMDATA_MAP)
			todo += 2ULL * v.size;
		else if (v.type == MMDATA_ARRAY)
			todo += v.size;
		off = v.next;
	}
	return 0;
}

bool
mmdata_iter(const struct mmdata_value *v, struct mmdata_iter *it)
{
	memset(it, 0, sizeof(*it));
	if (!is_container(v->type))
		return false;
	it->off = v->inner;
	it->left = v->size;
	it->map = v->type == MMDATA_MAP;
	return true;
}

bool
mmdata_next(struct mmdata *m, struct mmdata_iter *it, struct span *key,
	    struct mmdata_value *v)
{
	struct mmdata_value k;

	*key = (struct span){NULL, 0};
	if (it->pending)
		it->err = mmdata_after(m, &it->last, &it->off);
	it->pending = false;
	if (it->err || it->left == 0)
		return false;
	it->left--;
	if (it->map) {
		it->err = mmdata_read(m, it->off, &k);
		if (it->err == 0 && k.type != MMDATA_STRING)
			it->err = WF_ESYNTAX;
		if (it->err)
			return false;
		*key = k.bytes;
		it->off = k.next;
	}
	it->err = mmdata_read(m, it->off, v);
	it->last = *v;
	it->pending = it->err == 0;
	return it->err == 0;
}

bool
mmdata_find(struct mmdata *m, const struct mmdata_value *v, const char *key,
	    struct mmdata_value *out)
{
	struct mmdata_iter it;
	struct span k;

	if (v->type != MMDATA_MAP || !mmdata_iter(v, &it))
		return false;
	while (mmdata_next(m, &it, &k, out))
		if (span_eq(k, span_str(key)))
			return true;
	return false;
}

bool
mmdata_uint(const struct mmdata_value *v, uint64_t *out)
{
	struct cursor c = cur_init(v->bytes);

	*out = 0;
	if (v->type != MMDATA_UINT16 && v->type != MMDATA_UINT32 &&
	    v->type != MMDATA_UINT64)
		return false;
	*out = cur_uint(&c, (unsigned)v->bytes.n);
	return cur_done(&c);
}
