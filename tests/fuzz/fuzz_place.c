/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a geo file: opened in all roles, deeply and not, and looked around in. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/place/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	MUST(n < cap);
	MUST(n == 0 || text_printable(span_of(text, n)));
}

static void
look(const struct place_db *db, const char *text)
{
	struct place p;
	struct ip ip;

	MUST(ip_parse(span_str(text), &ip) == 0);
	place_lookup(db, &ip, &p);
	for (int i = 0; i < PLACE_SOURCES; i++)
		MUST(strlen(p.source[i]) == 2 || p.source[i][0] == '\0');
	check(p.country, sizeof(p.country));
	check(p.region, sizeof(p.region));
	check(p.city, sizeof(p.city));
	check(p.as_name, sizeof(p.as_name));
	MUST(place_country_changed(&p, &p) != PLACE_TRUE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const around[] = {
	    "198.51.100.1",  "192.0.2.1",     "1.2.3.4",    "203.0.113.255",
	    "2001:db8:1::1", "2001:db8:2::1", "64:ff9b::1", "fe00::"};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct place_file files[PLACE_ROLES];
	char path[64], why[PLACE_WHY];
	struct place_db *db;

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(files, 0, sizeof(files));
	for (int role = 0; role < PLACE_ROLES; role++) {
		files[role].role = (enum place_role)role;
		files[role].path = path;
		files[role].name = "fuzz";
	}
	for (int role = -1; role < PLACE_ROLES; role++) {
		const struct place_file *f = role < 0 ? files : &files[role];
		size_t n = role < 0 ? PLACE_ROLES : 1;

		if (place_open(&db, f, n, role >= 0, why, sizeof(why)) < 0) {
			MUST(db == NULL && why[0] != '\0');
			continue;
		}
		for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
			look(db, around[i]);
		place_close(db);
	}
	close(fd);
	return 0;
}
