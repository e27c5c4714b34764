/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place_look [-d] [-t SECONDS] ROLE=FILE... - look-ups by proxy/place, for tests and for
 * measuring. Roles: a, b, city, asn. Addresses come from standard input, one a line;
 * printed are address, A, B, agreed, region, city, ASN and its name, with tabs between.
 * -d checks the files deeply; -t looks all addresses up again and again and tells the
 * cost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proxy/place/place.h"

static const char *const roles[PLACE_ROLES] = {"a", "b", "city", "asn"};

static double
seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
add_file(struct place_file *f, const char *arg)
{
	for (int r = 0; r < PLACE_ROLES; r++) {
		size_t n = strlen(roles[r]);

		if (strncmp(arg, roles[r], n) == 0 && arg[n] == '=') {
			*f = (struct place_file){
			    (enum place_role)r, arg + n + 1, NULL, {0}};
			return 0;
		}
	}
	fprintf(stderr, "place_look: %s: wanted is a, b, city or asn, =, and a file\n",
		arg);
	return -1;
}

static size_t
read_addresses(struct ip **out)
{
	size_t n = 0, cap = 0;
	char line[128];

	*out = NULL;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (n == cap) {
			cap = cap ? 2 * cap : 1024;
			*out = realloc(*out, cap * sizeof(**out));
			if (*out == NULL)
				abort();
		}
		if (ip_parse(span_str(line), &(*out)[n]) == 0)
			n++;
		else
			fprintf(stderr, "place_look: not an address: %s\n", line);
	}
	return n;
}

static void
print_all(const struct place_db *db, const struct ip *ips, size_t n)
{
	char text[IP_TEXT];
	struct place p;

	for (size_t i = 0; i < n; i++) {
		place_lookup(db, &ips[i], &p);
		ip_print(&ips[i], text);
		printf("%s\t%s\t%s\t%s\t%s\t%s\t%u\t%s\n", text, p.source[PLACE_SOURCE_A],
		       p.source[PLACE_SOURCE_B], p.country, p.region, p.city, p.asn,
		       p.as_name);
	}
}

static void
measure(const struct place_db *db, const struct ip *ips, size_t n, double limit)
{
	double start = seconds(CLOCK_PROCESS_CPUTIME_ID), spent = 0;
	size_t done = 0, known = 0;
	struct place p;

	while (n > 0 && spent < limit) {
		for (size_t i = 0; i < n; i++) {
			place_lookup(db, &ips[i], &p);
			known += p.country[0] != '\0';
		}
		done += n;
		spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
	}
	printf("%zu look-ups, %.0f ns each, country known in %.1f %%\n", done,
	       done ? spent * 1e9 / (double)done : 0,
	       done ? 100.0 * (double)known / (double)done : 0);
}

int
main(int argc, char **argv)
{
	struct place_file files[PLACE_FILES_MAX];
	struct place_db *db;
	char why[PLACE_WHY];
	double limit = 0, start;
	bool deep = false;
	struct ip *ips;
	size_t n = 0, n_ips;
	int c;

	while ((c = getopt(argc, argv, "dt:")) != -1) {
		if (c == 'd')
			deep = true;
		else if (c == 't')
			limit = strtod(optarg, NULL);
		else
			return 2;
	}
	for (; optind < argc; optind++)
		if (n == PLACE_FILES_MAX || add_file(&files[n++], argv[optind]) < 0)
			return 2;
	start = seconds(CLOCK_MONOTONIC);
	if (place_open(&db, files, n, deep, why, sizeof(why)) < 0) {
		fprintf(stderr, "place_look: %s\n", why);
		return 1;
	}
	if (limit > 0)
		printf("opened in %.0f ms\n", (seconds(CLOCK_MONOTONIC) - start) * 1e3);
	n_ips = read_addresses(&ips);
	if (limit > 0)
		measure(db, ips, n_ips, limit);
	else
		print_all(db, ips, n_ips);
	free(ips);
	place_close(db);
	return 0;
}
