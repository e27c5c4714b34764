/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/logdays.c - writes a log of several days, for those who then tamper with it.
 *
 *   logdays DIR DAYS
 *
 * Each day has six commits of eight records: decisions of alice and bob, and sessions.
 */
#include "tests/unit/logkit.h"

enum { COMMITS = 6, RECORDS = 7 };

static void
day(struct logkit *k, unsigned n)
{
	char path[64];

	for (unsigned c = 0; c < COMMITS; c++) {
		for (unsigned i = 0; i < RECORDS; i++) {
			(void)snprintf(path, sizeof(path), "/day/%u/%u/%u", n, c, i);
			MUST(logkit_decision(k, i % 2 ? "alice" : "bob", path) == 0);
			k->now += LOGKIT_SEC;
		}
		MUST(logkit_session(k, (uint8_t)(n * COMMITS + c), REC_EVENT_LOGIN, false) == 0);
		MUST(logkit_commit(k) == 0);
	}
	k->now += 86400 * LOGKIT_SEC;
}

int
main(int argc, char **argv)
{
	struct logkit k;
	unsigned days;

	if (argc != 3 || strlen(argv[1]) >= sizeof(k.dir))
		return 2;
	days = (unsigned)strtoul(argv[2], NULL, 10);
	logkit_init(&k);
	MUST(rmdir(k.dir) == 0);
	(void)snprintf(k.dir, sizeof(k.dir), "%s", argv[1]);
	(void)snprintf(k.generation, sizeof(k.generation), "%s/generation", k.dir);
	MUST(logkit_open(&k) == 0);
	for (unsigned n = 0; n < days; n++)
		day(&k, n);
	logkit_shut(&k);
	return 0;
}
