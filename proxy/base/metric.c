/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/metric.h"

#include <stdatomic.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"

/*
 * The area: one page-aligned header of 64 bytes, then the lanes, each a multiple of a
 * cache line long so that two threads never write to the same one. `shape` is a checksum
 * of the table: a console of another build refuses the area instead of showing wrong
 * numbers.
 */
#define METRIC_MAGIC UINT64_C(0x57415249464d4531)

enum { METRIC_LINE = 64, METRIC_STRIDE = (METRIC_CELLS + 7) / 8 * 8 };

struct metric_lane {
	_Atomic uint64_t cells[METRIC_STRIDE];
};

struct metric_area {
	_Alignas(METRIC_LINE) uint64_t magic;
	uint64_t shape;
	uint64_t lanes;
	uint64_t spare[5];
	struct metric_lane lane[];
};

static const struct metric_row metric_rows[] = {
#define METRIC_CELL(family, id, label, value) \
	{METRIC_F_##family, METRIC_##id, label, value},
#define METRIC_HIST(family, id, label, value) \
	{METRIC_F_##family, METRIC_##id, label, value},
#include "proxy/base/metric.def"
};

const struct metric_family_row metric_families[METRIC_FAMILIES] = {
#define METRIC_FAMILY(family, type, unit, name, help) \
	{name, help, METRIC_T_##type, METRIC_U_##unit},
#include "proxy/base/metric.def"
};

const uint64_t metric_bounds[METRIC_BOUNDS] = {
    50,	   100,	  250,	  500,	  1000,	  2500,	   5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 5000000, 30000000,
};

const struct metric_row *
metric_row_at(size_t i)
{
	return i < ARRAY_LEN(metric_rows) ? &metric_rows[i] : NULL;
}

/* FNV-1a over what gives the cells their meaning. */
static uint64_t
metric_shape(void)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < ARRAY_LEN(metric_rows); i++) {
		const struct metric_row *r = &metric_rows[i];
		const char *parts[] = {metric_families[r->family].name, r->label,
				       r->value};

		for (size_t k = 0; k < ARRAY_LEN(parts); k++)
			for (const char *c = parts[k];; c++) {
				h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
				if (*c == '\0')
					break;
			}
		h = (h ^ r->id) * UINT64_C(0x100000001b3);
	}
	return h;
}

size_t
metric_area_size(unsigned lanes)
{
	MUST(lanes >= 1 && lanes <= METRIC_LANES_MAX);
	return sizeof(struct metric_area) + lanes * sizeof(struct metric_lane);
}

void
metric_area_init(void *mem, unsigned lanes)
{
	struct metric_area *a = mem;

	MUST(((uintptr_t)mem & (METRIC_LINE - 1)) == 0);
	memset(mem, 0, metric_area_size(lanes));
	a->shape = metric_shape();
	a->lanes = lanes;
	a->magic = METRIC_MAGIC;
}

/* The number of lanes, or 0 for memory that is no such area. */
static unsigned
metric_area_lanes(const void *mem, size_t size)
{
	const struct metric_area *a = mem;
	uint64_t lanes;

	if (((uintptr_t)mem & (METRIC_LINE - 1)) != 0 || size < sizeof(*a))
		return 0;
	lanes = *(const volatile uint64_t *)&a->lanes;
	if (a->magic != METRIC_MAGIC || a->shape != metric_shape() || lanes == 0 ||
	    lanes > METRIC_LANES_MAX || size < metric_area_size((unsigned)lanes))
		return 0;
	return (unsigned)lanes;
}

int
metric_view_open(const void *mem, size_t size, struct metric_view *view)
{
	*view = (struct metric_view){mem, metric_area_lanes(mem, size)};
	return view->lanes ? 0 : WF_ESYNTAX;
}

int
metric_lane_take(void *mem, size_t size, unsigned i, struct metric_lane **lane)
{
	struct metric_area *area = mem;

	*lane = NULL;
	if (i >= metric_area_lanes(mem, size))
		return WF_ESYNTAX;
	*lane = &area->lane[i];
	for (size_t r = 0; r < ARRAY_LEN(metric_rows); r++) {
		enum metric_type type = metric_families[metric_rows[r].family].type;

		if (type == METRIC_T_GAUGE || type == METRIC_T_LEVEL)
			metric_set(*lane, metric_rows[r].id, 0);
	}
	return 0;
}

/* A lane has one writer, so reading and writing back needs no locked instruction. */
void
metric_add(struct metric_lane *lane, enum metric_id id, int64_t n)
{
	_Atomic uint64_t *cell;
	uint64_t v;

	if (lane == NULL)
		return;
	MUST((unsigned)id < METRIC_CELLS);
	cell = &lane->cells[id];
	v = atomic_load_explicit(cell, memory_order_relaxed);
	atomic_store_explicit(cell, v + (uint64_t)n, memory_order_relaxed);
}

void
metric_set(struct metric_lane *lane, enum metric_id id, uint64_t v)
{
	if (lane == NULL)
		return;
	MUST((unsigned)id < METRIC_CELLS);
	atomic_store_explicit(&lane->cells[id], v, memory_order_relaxed);
}

void
metric_time(struct metric_lane *lane, enum metric_id id, uint64_t usec)
{
	unsigned bucket = 0;

	while (bucket < METRIC_BOUNDS && usec > metric_bounds[bucket])
		bucket++;
	metric_add(lane, (enum metric_id)(id + bucket), 1);
	metric_add(lane, (enum metric_id)(id + METRIC_HIST_CELLS - 1), (int64_t)usec);
}

void
metric_refused(struct metric_lane *lane, enum reason reason)
{
	enum metric_id id = METRIC_REF_INTERNAL;

	switch (reason) {
#define REASON(number, name, text, status, operators, auditors) \
	case REASON_##name:                                     \
		id = METRIC_REF_##name;                         \
		break;
#include "proxy/base/reason.def"
#undef REASON
	case REASON_NONE:
		break;
	}
	metric_add(lane, id, 1);
}

/* The type of the family whose row covers a cell. */
static enum metric_type
metric_type_of(enum metric_id id)
{
	size_t i = ARRAY_LEN(metric_rows) - 1;

	while (i > 0 && metric_rows[i].id > id)
		i--;
	return metric_families[metric_rows[i].family].type;
}

uint64_t
metric_read(const struct metric_view *view, enum metric_id id)
{
	bool greatest = metric_type_of(id) == METRIC_T_LEVEL;
	uint64_t sum = 0;

	MUST((unsigned)id < METRIC_CELLS);
	for (unsigned i = 0; i < view->lanes; i++) {
		uint64_t v = atomic_load_explicit(&view->area->lane[i].cells[id],
						  memory_order_relaxed);

		if (!greatest)
			sum += v;
		else if (v > sum)
			sum = v;
	}
	return sum;
}
