/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/metric.h - numbers that several processes count and one shows.
 *
 * The supervisor makes a shared memory area of metric_area_size(lanes) bytes and inits it
 * once. Each thread that counts owns one lane in it (a row of 64-bit cells, one per entry
 * of metric.def) and is its only writer, so counting is a plain load and store with
 * relaxed order: no lock, no shared cache line, nothing to fail. The console maps the
 * area read-only and adds up the lanes. A restarted child goes on in its lane.
 *
 *   metric_add(lane, METRIC_REQ_ALLOW, 1);
 *   metric_time(lane, METRIC_REQUEST_TIME, microseconds);
 *
 * Ownership  the memory is the caller's and outlives every lane.
 * Units      as metric.def says; times in microseconds.
 * Errors     WF_ESYNTAX for memory that is not such an area, of another table, smaller
 *            than its header says or without that lane. Nothing else fails.
 * Threads    one writer a lane; readers anywhere; sums are not one moment's snapshot.
 * Not here   the text format (proxy/web/metrics).
 */
#ifndef WARIFU_BASE_METRIC_H
#define WARIFU_BASE_METRIC_H

#include "proxy/base/reason.h"
#include "proxy/base/span.h"

/* Upper bounds of histograms in microseconds; one more bucket takes the rest. */
enum {
	METRIC_BOUNDS = 16,
	METRIC_HIST_CELLS = METRIC_BOUNDS + 2,
	METRIC_LANES_MAX = 256
};

enum metric_type { METRIC_T_COUNTER, METRIC_T_GAUGE, METRIC_T_LEVEL, METRIC_T_HISTO };
enum metric_unit { METRIC_U_ONE, METRIC_U_USEC };

enum metric_family {
#define METRIC_FAMILY(family, type, unit, name, help) METRIC_F_##family,
#include "proxy/base/metric.def"
	METRIC_FAMILIES
};

/* A histogram's id is its first bucket; its last cell is the sum. */
enum metric_id {
#define METRIC_CELL(family, id, label, value) METRIC_##id,
#define METRIC_HIST(family, id, label, value) \
	METRIC_##id, METRIC_LAST_##id = METRIC_##id + METRIC_HIST_CELLS - 1,
#include "proxy/base/metric.def"
	METRIC_CELLS
};

struct metric_family_row {
	const char *name;
	const char *help;
	enum metric_type type;
	enum metric_unit unit;
};

struct metric_row {
	enum metric_family family;
	enum metric_id id;
	const char *label; /* "" for none */
	const char *value;
};

extern const struct metric_family_row metric_families[METRIC_FAMILIES];
extern const uint64_t metric_bounds[METRIC_BOUNDS];

/* Row number i of the table, NULL past its end; rows of a family are neighbours. */
const struct metric_row *metric_row_at(size_t i);

struct metric_area;
struct metric_lane; /* opaque: points into the area */

/* What a reader holds: other processes write to the area, so its size is taken once. */
struct metric_view {
	const struct metric_area *area;
	unsigned lanes;
};

size_t metric_area_size(unsigned lanes);
/* Writes the header and clears the cells. mem: metric_area_size bytes, page aligned. */
void metric_area_init(void *mem, unsigned lanes);

/* For the console, on memory that the supervisor has initialised. */
int metric_view_open(const void *mem, size_t size, struct metric_view *view);

/* Lane number i for a writer; its gauges and levels are cleared (their owner is gone). */
int metric_lane_take(void *mem, size_t size, unsigned i, struct metric_lane **lane);

/* lane may be NULL in all four: then nothing is counted (tests, tools). */
void metric_add(struct metric_lane *lane, enum metric_id id, int64_t n);
void metric_set(struct metric_lane *lane, enum metric_id id, uint64_t v);
void metric_time(struct metric_lane *lane, enum metric_id id, uint64_t usec);

/* Counts one refusal for that reason; unknown reasons count as INTERNAL. */
void metric_refused(struct metric_lane *lane, enum reason reason);

/* Sum, or greatest for LEVEL, over all lanes; id may be any cell of a histogram. */
uint64_t metric_read(const struct metric_view *view, enum metric_id id);

#endif
