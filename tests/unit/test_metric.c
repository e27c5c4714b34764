/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/metric.h"

#include <stdlib.h>

#include "proxy/base/err.h"
#include "tests/unit/tap.h"

static void *
area_new(unsigned lanes, size_t *size)
{
	void *mem;

	*size = metric_area_size(lanes);
	mem = aligned_alloc(64, *size);
	if (mem == NULL)
		abort();
	metric_area_init(mem, lanes);
	return mem;
}

static void
lanes_add_up_and_levels_show_the_greatest(void)
{
	size_t size;
	void *mem = area_new(3, &size);
	struct metric_lane *lane[3];
	struct metric_view view;

	for (unsigned i = 0; i < 3; i++)
		CHECK_INT(metric_lane_take(mem, size, i, &lane[i]), 0);
	CHECK_INT(metric_view_open(mem, size, &view), 0);
	metric_add(lane[0], METRIC_REQ_ALLOW, 2);
	metric_add(lane[2], METRIC_REQ_ALLOW, 5);
	metric_add(lane[0], METRIC_CONN_OPEN, 7);
	metric_add(lane[1], METRIC_CONN_OPEN, -3);
	metric_set(lane[0], METRIC_LOG_HEAD, 9);
	metric_set(lane[1], METRIC_LOG_HEAD, 4);
	CHECK_INT(metric_read(&view, METRIC_REQ_ALLOW), 7);
	CHECK_INT(metric_read(&view, METRIC_CONN_OPEN), 4);
	CHECK_INT(metric_read(&view, METRIC_LOG_HEAD), 9);
	CHECK_INT(metric_read(&view, METRIC_REQ_FLAG), 0);
	free(mem);
}

static void
a_restarted_owner_keeps_counters_and_drops_gauges(void)
{
	size_t size;
	void *mem = area_new(1, &size);
	struct metric_lane *lane;
	struct metric_view view;

	CHECK_INT(metric_lane_take(mem, size, 0, &lane), 0);
	CHECK_INT(metric_view_open(mem, size, &view), 0);
	metric_add(lane, METRIC_REQ_ALLOW, 3);
	metric_add(lane, METRIC_CONN_OPEN, 3);
	metric_set(lane, METRIC_GATE_LOADED, 1);
	metric_time(lane, METRIC_REQUEST_TIME, 10);
	CHECK_INT(metric_lane_take(mem, size, 0, &lane), 0);
	CHECK_INT(metric_read(&view, METRIC_REQ_ALLOW), 3);
	CHECK_INT(metric_read(&view, METRIC_CONN_OPEN), 0);
	CHECK_INT(metric_read(&view, METRIC_GATE_LOADED), 0);
	CHECK_INT(metric_read(&view, METRIC_REQUEST_TIME), 1);
	free(mem);
}

static void
durations_fall_into_the_right_bucket(void)
{
	size_t size;
	void *mem = area_new(1, &size);
	struct metric_lane *lane;
	struct metric_view view;
	enum metric_id id = METRIC_COMMIT_TIME;

	CHECK_INT(metric_lane_take(mem, size, 0, &lane), 0);
	CHECK_INT(metric_view_open(mem, size, &view), 0);
	metric_time(lane, id, 0);
	metric_time(lane, id, metric_bounds[0]);
	metric_time(lane, id, metric_bounds[0] + 1);
	metric_time(lane, id, UINT64_MAX / 2);
	CHECK_INT(metric_read(&view, id), 2);
	CHECK_INT(metric_read(&view, (enum metric_id)(id + 1)), 1);
	CHECK_INT(metric_read(&view, (enum metric_id)(id + METRIC_BOUNDS)), 1);
	CHECK(metric_read(&view, METRIC_LAST_COMMIT_TIME) ==
	      UINT64_MAX / 2 + 2 * metric_bounds[0] + 1);
	for (unsigned i = 1; i < METRIC_BOUNDS; i++)
		CHECK(metric_bounds[i] > metric_bounds[i - 1]);
	free(mem);
}

static void
foreign_memory_is_refused(void)
{
	size_t size;
	uint64_t *mem = area_new(2, &size);
	struct metric_lane *lane;
	struct metric_view view;

	CHECK_INT(metric_lane_take(mem, size, 2, &lane), WF_ESYNTAX);
	CHECK(lane == NULL);
	CHECK_INT(metric_view_open(mem, size - 1, &view), WF_ESYNTAX);
	CHECK_INT(metric_view_open(mem, 8, &view), WF_ESYNTAX);
	mem[2] = 200; /* lanes */
	CHECK_INT(metric_view_open(mem, size, &view), WF_ESYNTAX);
	mem[2] = 2;
	mem[1] ^= 1; /* another table */
	CHECK_INT(metric_view_open(mem, size, &view), WF_ESYNTAX);
	mem[1] ^= 1;
	CHECK_INT(metric_view_open(mem, size, &view), 0);
	free(mem);
}

static void
every_reason_has_its_own_cell(void)
{
	size_t size;
	void *mem = area_new(1, &size);
	struct metric_lane *lane;
	struct metric_view view;
	const struct reason_info *info;

	CHECK_INT(metric_lane_take(mem, size, 0, &lane), 0);
	CHECK_INT(metric_view_open(mem, size, &view), 0);
	for (size_t i = 0; (info = reason_at(i)) != NULL; i++)
		metric_refused(lane, info->reason);
	for (int id = METRIC_REF_BARE_LF; id <= METRIC_REF_INTERNAL; id++)
		CHECK_INT(metric_read(&view, (enum metric_id)id), 1);
	metric_refused(lane, (enum reason)60000);
	CHECK_INT(metric_read(&view, METRIC_REF_INTERNAL), 2);
	free(mem);
}

static void
no_lane_counts_nothing(void)
{
	metric_add(NULL, METRIC_REQ_ALLOW, 1);
	metric_set(NULL, METRIC_LOG_HEAD, 1);
	metric_time(NULL, METRIC_REQUEST_TIME, 1);
	metric_refused(NULL, REASON_REVOKED);
	CHECK(true);
}

/* Names are read by other people's dashboards: their form must be right. */
static void
the_table_is_well_formed(void)
{
	const struct metric_row *row, *before = NULL;

	for (size_t i = 0; (row = metric_row_at(i)) != NULL; before = row, i++) {
		const struct metric_family_row *f = &metric_families[row->family];
		size_t n = strlen(f->name);
		bool total = n > 6 && strcmp(f->name + n - 6, "_total") == 0;

		CHECK(strncmp(f->name, "warifu_", 7) == 0);
		CHECK_INT(total, f->type == METRIC_T_COUNTER);
		CHECK((*row->label == '\0') == (*row->value == '\0'));
		CHECK(strspn(f->name, "abcdefghijklmnopqrstuvwxyz_") == n);
		CHECK(strpbrk(f->help, "\\\n") == NULL);
		CHECK(f->help[strlen(f->help) - 1] == '.');
		CHECK(before == NULL || row->family == before->family ||
		      row->family == before->family + 1);
		CHECK(before == NULL || row->id > before->id);
	}
}

int
main(void)
{
	TAP_RUN(lanes_add_up_and_levels_show_the_greatest);
	TAP_RUN(a_restarted_owner_keeps_counters_and_drops_gauges);
	TAP_RUN(durations_fall_into_the_right_bucket);
	TAP_RUN(foreign_memory_is_refused);
	TAP_RUN(every_reason_has_its_own_cell);
	TAP_RUN(no_lane_counts_nothing);
	TAP_RUN(the_table_is_well_formed);
	return tap_done();
}
