/* SPDX-License-Identifier: Apache-2.0 */
/* Each two bytes are one step on a small table; counts stay within bounds and no step by
 * a stranger loses a kept entry. */
#include "proxy/base/map.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
step(struct map *m, uint8_t op, uint8_t who, uint64_t now)
{
	uint8_t key[MAP_KEY] = {who};
	uint32_t kept = map_count(m, MAP_KEPT);
	void *v = map_find(m, key);

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		(void)map_put(m, key, MAP_STRANGER, now, NULL);
		MUST(map_count(m, MAP_KEPT) == kept);
		break;
	case 3:
	case 4:
		if (map_put(m, key, MAP_KEPT, now, NULL) != NULL)
			MUST(map_find(m, key) != NULL && map_count(m, MAP_KEPT) >= kept);
		break;
	case 5:
		MUST(map_del(m, key) == (v != NULL) && map_find(m, key) == NULL);
		break;
	case 6:
		(void)map_sweep(m, op & 8 ? MAP_KEPT : MAP_STRANGER, who, op >> 4);
		break;
	default:
		if (v != NULL)
			map_touch(m, v, now);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct map_opt opt = {.capacity = 9, .strangers = 6, .value_size = 12};
	struct map *m = map_new(&opt);
	uint32_t used = 0;

	MUST(m != NULL);
	for (size_t i = 0; i + 1 < size; i += 2) {
		step(m, data[i], data[i + 1] & 31, i);
		MUST(map_count(m, MAP_STRANGER) <= 6);
		MUST(map_count(m, MAP_STRANGER) + map_count(m, MAP_KEPT) <= 9);
	}
	for (uint32_t i = 0; i < map_capacity(m); i++)
		used += map_at(m, i, NULL) != NULL;
	MUST(used == map_count(m, MAP_STRANGER) + map_count(m, MAP_KEPT));
	map_free(m);
	return 0;
}
