/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/clock.h"
#include "proxy/main/plant.h"
#include "proxy/web/portal.h"

static void
portal_main_beat(void *arg, uint64_t mono_ms)
{
	(void)mono_ms;
	metric_set(arg, METRIC_BEAT_PORTAL, clock_wall() / CLOCK_SEC);
}

int
portal_main(struct plant *p)
{
	struct portal_config cfg = {.listen_fd = p->portal_fd, .stop_fd = p->portal_stop[1],
	    .peer_uid = p->gate_uid};
	struct metric_lane *lane;

	if (metric_lane_take(p->metrics, p->metrics_size, plant_lane_portal(p), &lane) == 0) {
		cfg.tick = portal_main_beat;
		cfg.arg = lane;
	}
	if (plant_enter(p, ROLE_PORTAL) != 0)
		return 2;
	return portal_run(&cfg) == 0 ? 0 : 1;
}
