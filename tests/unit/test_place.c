/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files come from tests/geo/mkmmdb.py: odd-* open and tell nothing about 198.51.100.1,
 * rot-* fail the deep check and tell nothing, bad-* do not open.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/digest.h"
#include "proxy/place/place.h"
#include "tests/unit/tap.h"

static char dir[] = "/tmp/warifu-place-XXXXXX";
static char why[PLACE_WHY];

static const char *
path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s.mmdb", dir, name);
	return path;
}

static struct ip
addr(const char *text)
{
	struct ip ip;

	CHECK_INT(ip_parse(span_str(text), &ip), 0);
	return ip;
}

static struct place
look(const struct place_db *db, const char *text)
{
	struct ip ip = addr(text);
	struct place p;

	place_lookup(db, &ip, &p);
	return p;
}

struct part {
	enum place_role role;
	const char *name;
};

static struct place_db *
open_parts(const struct part *parts, size_t n)
{
	struct place_file files[PLACE_FILES_MAX];
	static char paths[PLACE_FILES_MAX][512];
	struct place_db *db;

	memset(files, 0, sizeof(files));
	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", path_of(parts[i].name));
		files[i].role = parts[i].role;
		files[i].path = paths[i];
		files[i].sha256[0] = (uint8_t)i;
	}
	why[0] = '\0';
	CHECK_INT(place_open(&db, files, n, true, why, sizeof(why)), 0);
	CHECK_STR(why, "");
	return db;
}

static void
a_country_is_known_only_if_both_sources_agree(void)
{
	struct part parts[] = {{PLACE_COUNTRY_A, "country-a"},
			       {PLACE_COUNTRY_B, "country-b"}};
	struct place_db *db = open_parts(parts, 2);
	struct place p = look(db, "192.0.2.7");

	CHECK_STR(p.country, "JP");
	CHECK_INT(p.sources, 3);
	p = look(db, "198.51.100.7");
	CHECK_STR(p.source[PLACE_SOURCE_A], "JP");
	CHECK_STR(p.source[PLACE_SOURCE_B], "SG");
	CHECK_STR(p.country, "");
	p = look(db, "198.51.100.200");
	CHECK_STR(p.source[PLACE_SOURCE_A], "KR");
	CHECK_STR(look(db, "2001:db8:1::1").country, "JP");
	CHECK_STR(look(db, "::ffff:192.0.2.7").country, "JP");
	CHECK_STR(look(db, "2001:db8:3::1").country, "");
	CHECK_STR(look(db, "1.1.1.1").country, "");
	place_close(db);
}

static void
a_single_source_decides_alone(void)
{
	struct part a = {PLACE_COUNTRY_A, "country-a"},
		    b = {PLACE_COUNTRY_B, "country-b"};
	struct part city = {PLACE_CITY, "city-nested"};
	struct place_db *db = open_parts(&a, 1);

	CHECK_STR(look(db, "198.51.100.7").country, "JP");
	place_close(db);
	db = open_parts(&b, 1);
	CHECK_STR(look(db, "198.51.100.7").country, "SG");
	place_close(db);
	db = open_parts(&city, 1);
	CHECK_STR(look(db, "192.0.2.1").country, "JP");
	CHECK_INT(look(db, "192.0.2.1").sources, 1);
	place_close(db);
}

static void
reads_both_schemas_and_split_files(void)
{
	struct part flat[] = {{PLACE_CITY, "city-flat4"},
			      {PLACE_CITY, "city-flat6"},
			      {PLACE_COUNTRY_B, "country-b"},
			      {PLACE_ASN, "asn"}};
	struct part nested[] = {{PLACE_CITY, "city-nested"}, {PLACE_ASN, "asn"}};
	struct place_db *db = open_parts(flat, 4);
	struct place p = look(db, "192.0.2.7");

	CHECK_STR(p.country, "JP");
	CHECK_STR(p.region, "Tokyo");
	CHECK_STR(p.city, "千代田区");
	CHECK_INT(p.asn, 64496);
	CHECK_STR(p.as_name, "Example Café KK");
	p = look(db, "203.0.113.1");
	CHECK_STR(p.city, "");
	CHECK_INT(p.asn, 4200000000);
	p = look(db, "2001:db8:1::9");
	CHECK_STR(p.country, "JP");
	CHECK_STR(p.region, "Osaka");
	/* 5 + 19 * 3 = 62 bytes: a 20th character would not fit into 63. */
	CHECK_INT(strlen(p.city), 62);
	CHECK(memcmp(p.city, "Osaka", 5) == 0);
	place_close(db);
	db = open_parts(nested, 2);
	p = look(db, "192.0.2.7");
	CHECK_STR(p.country, "JP");
	CHECK_STR(p.region, "Tokyo");
	CHECK_STR(p.city, "Chiyoda City");
	CHECK_STR(look(db, "2001:db8:1::9").city, "Osaka");
	place_close(db);
}

static void
addresses_that_are_nowhere_are_unknown(void)
{
	static const char *const nowhere[] = {"10.1.2.3",
					      "127.0.0.1",
					      "::1",
					      "169.254.1.1",
					      "100.64.0.1",
					      "0.0.0.0",
					      "::",
					      "fe80::1",
					      "fc00::1",
					      "224.0.0.1",
					      "255.255.255.255",
					      "ff02::1",
					      "::ffff:10.0.0.1"};
	struct part a = {PLACE_COUNTRY_A, "country-a"};
	struct place_db *db = open_parts(&a, 1);
	struct ip none = {{0}, 0};
	struct place p;

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		CHECK_STR(look(db, nowhere[i]).country, "");
	place_lookup(db, &none, &p);
	CHECK_STR(p.country, "");
	place_close(db);
	CHECK_STR(look(NULL, "192.0.2.1").country, "");
	CHECK_INT(look(NULL, "192.0.2.1").sources, 0);
}

static void
nothing_configured_is_allowed(void)
{
	struct place_db *db;
	struct place_version v;

	CHECK_INT(place_open(&db, NULL, 0, true, why, sizeof(why)), 0);
	CHECK_STR(look(db, "192.0.2.1").country, "");
	CHECK(!place_version(db, 0, &v));
	place_close(db);
	place_close(NULL);
}

static void
tells_versions(void)
{
	struct part parts[] = {{PLACE_ASN, "asn"}, {PLACE_COUNTRY_A, "country-a"}};
	struct place_db *db = open_parts(parts, 2);
	struct place_version v;

	CHECK(place_version(db, 1, &v));
	CHECK_INT(v.build_epoch, 1767225600);
	CHECK_STR(v.type, "A-Country");
	CHECK_INT(v.role, PLACE_COUNTRY_A);
	CHECK_INT(v.sha256[0], 1);
	CHECK(!place_version(db, 2, &v));
	place_close(db);
}

static void
refuses_the_wrong_kind_and_too_many(void)
{
	struct place_file f[3] = {{PLACE_COUNTRY_A, NULL, NULL, {0}},
				  {PLACE_ASN, NULL, NULL, {0}}};
	struct place_db *db;

	f[0].path = path_of("asn");
	f[0].name = "country.mmdb";
	CHECK(place_open(&db, f, 1, true, why, sizeof(why)) < 0);
	CHECK(db == NULL);
	CHECK_STR(
	    why,
	    "country.mmdb: no record has a country: is this a country or city file?");
	f[1].path = path_of("country-a");
	CHECK(place_open(&db, f + 1, 1, true, why, sizeof(why)) < 0);
	CHECK(strstr(why, "is this an ASN file?") != NULL);
	f[0] = f[2] = f[1];
	CHECK(place_open(&db, f, 3, false, why, sizeof(why)) < 0);
	CHECK(strstr(why, "a third file") != NULL);
	f[0].path = "/nonexistent/x.mmdb";
	CHECK(place_open(&db, f, 1, true, why, sizeof(why)) < 0);
	CHECK(strstr(why, "No such file") != NULL);
	f[0].path = dir;
	CHECK(place_open(&db, f, 1, true, why, sizeof(why)) < 0);
}

/* Opens one hostile file in every role and looks around in it. */
static void
try_hostile(const char *file, const char *name, bool deep, int *opened)
{
	static const char *const around[] = {"198.51.100.1", "192.0.2.1",   "255.0.0.1",
					     "8.8.8.8",	     "2001:db8::1", "::2",
					     "8000::1"};

	for (int role = 0; role < PLACE_ROLES; role++) {
		struct place_file f = {(enum place_role)role, file, name, {0}};
		struct place_db *db;
		struct place p;

		why[0] = '\0';
		if (place_open(&db, &f, 1, deep, why, sizeof(why)) < 0) {
			CHECK(strncmp(why, name, strlen(name)) == 0);
			continue;
		}
		++*opened;
		p = look(db, "198.51.100.1");
		if (p.country[0] || p.source[0][0] || p.source[1][0] || p.city[0] ||
		    p.region[0] || p.as_name[0] || p.asn) {
			printf("# %s tells something\n", name);
			CHECK(0);
		}
		for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
			(void)look(db, around[i]);
		place_close(db);
	}
}

static void
hostile_files_never_crash_and_never_tell(void)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	char file[512];
	int files = 0;

	CHECK(d != NULL);
	while (d && (e = readdir(d)) != NULL) {
		int deep = 0, shallow = 0;
		bool odd = strncmp(e->d_name, "odd-", 4) == 0;
		bool rot = strncmp(e->d_name, "rot-", 4) == 0;
		bool bad = strncmp(e->d_name, "bad-", 4) == 0;

		if (!odd && !rot && !bad)
			continue;
		files++;
		snprintf(file, sizeof(file), "%s/%s", dir, e->d_name);
		try_hostile(file, e->d_name, true, &deep);
		try_hostile(file, e->d_name, false, &shallow);
		if ((deep > 0) != odd || (shallow > 0) == bad) {
			printf("# %s: deep %d shallow %d, %s\n", e->d_name, deep, shallow,
			       why);
			CHECK(0);
		}
	}
	if (d)
		closedir(d);
	printf("# %d hostile files\n", files);
	CHECK(files > 50);
}

static struct place
at(const char *a, const char *b, int sources)
{
	struct place p;

	memset(&p, 0, sizeof(p));
	snprintf(p.source[0], 4, "%s", a);
	snprintf(p.source[1], 4, "%s", b);
	p.sources = (uint8_t)sources;
	if (sources == 1)
		snprintf(p.country, 4, "%s", a);
	else if (sources == 2)
		snprintf(p.country, 4, "%s", b);
	else if (strcmp(a, b) == 0)
		snprintf(p.country, 4, "%s", a);
	return p;
}

static void
a_change_of_country_needs_both_sources(void)
{
	static const struct {
		const char *ba, *bb;
		int bs;
		const char *sa, *sb;
		int ss;
		enum place_answer wanted;
	} cases[] = {
	    {"JP", "JP", 3, "JP", "JP", 3, PLACE_FALSE},
	    {"JP", "JP", 3, "KR", "KR", 3, PLACE_TRUE},
	    {"JP", "JP", 3, "KR", "SG", 3, PLACE_TRUE},
	    {"JP", "JP", 3, "KR", "JP", 3, PLACE_UNKNOWN},
	    {"JP", "JP", 3, "KR", "", 3, PLACE_UNKNOWN},
	    {"JP", "", 3, "JP", "", 3, PLACE_UNKNOWN},
	    {"", "", 3, "", "", 3, PLACE_UNKNOWN},
	    {"JP", "KR", 3, "JP", "KR", 3, PLACE_UNKNOWN},
	    {"JP", "KR", 3, "KR", "JP", 3, PLACE_TRUE},
	    {"JP", "", 1, "JP", "", 1, PLACE_FALSE},
	    {"JP", "", 1, "KR", "", 1, PLACE_TRUE},
	    {"JP", "", 1, "", "", 1, PLACE_UNKNOWN},
	    {"", "JP", 2, "", "KR", 2, PLACE_TRUE},
	    {"JP", "", 1, "KR", "KR", 3, PLACE_TRUE},
	    {"JP", "", 1, "", "KR", 2, PLACE_UNKNOWN},
	    {"", "", 0, "", "", 0, PLACE_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place b = at(cases[i].ba, cases[i].bb, cases[i].bs);
		struct place s = at(cases[i].sa, cases[i].sb, cases[i].ss);

		CHECK_INT(place_country_changed(&b, &s), cases[i].wanted);
	}
}

static void
a_sealed_copy_cannot_be_changed(void)
{
	uint8_t hash[PLACE_HASH_LEN], wanted[DIGEST_LEN], buf[8192];
	int fd = place_seal_file(path_of("asn"), hash, why, sizeof(why));
	ssize_t n;

	CHECK(fd >= 0);
	n = pread(fd, buf, sizeof(buf), 0);
	CHECK(n > 100);
	digest_sha256(span_of(buf, (size_t)n), wanted);
	CHECK(memcmp(hash, wanted, sizeof(hash)) == 0);
	CHECK(pwrite(fd, "x", 1, 0) < 0);
	CHECK(ftruncate(fd, 0) < 0);
	CHECK(ftruncate(fd, 100000) < 0);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	CHECK(place_seal_file("/nonexistent", hash, why, sizeof(why)) < 0);
	CHECK(place_seal_file("/tmp", hash, why, sizeof(why)) < 0);
	CHECK(place_seal_file(path_of("bad-empty"), hash, why, sizeof(why)) < 0);
	CHECK(strstr(why, "empty") != NULL);
}

struct load {
	const struct place_db *db;
	_Atomic bool stop;
	_Atomic long looked, wrong;
};

static void *
reader(void *arg)
{
	struct load *l = arg;
	struct ip ip = addr("192.0.2.7");
	struct place p;

	while (!atomic_load(&l->stop)) {
		place_lookup(l->db, &ip, &p);
		atomic_fetch_add(&l->looked, 1);
		atomic_fetch_add(&l->wrong, strcmp(p.country, "JP") != 0);
	}
	return NULL;
}

/* On the file itself, the first truncation would end the process (SIGBUS). */
static void
a_file_cut_or_overwritten_under_load_harms_nobody(void)
{
	char path[512], proc[64];
	struct place_file f = {PLACE_COUNTRY_A, proc, "country-a.mmdb", {0}};
	struct load l = {0};
	struct place_db *db;
	pthread_t t[2];
	char junk[4096];
	int fd, file;

	memset(junk, 0xff, sizeof(junk));
	snprintf(path, sizeof(path), "%s", path_of("country-a"));
	fd = place_seal_file(path, f.sha256, why, sizeof(why));
	CHECK(fd >= 0);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	CHECK_INT(place_open(&db, &f, 1, true, why, sizeof(why)), 0);
	close(fd);
	l.db = db;
	for (int i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&t[i], NULL, reader, &l), 0);
	for (int i = 0; i < 50; i++) {
		file = open(path, O_WRONLY | O_TRUNC);
		CHECK_INT(write(file, junk, sizeof(junk)), sizeof(junk));
		close(file);
		usleep(1000);
		CHECK_INT(truncate(path, 0), 0);
		usleep(1000);
	}
	unlink(path);
	atomic_store(&l.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK(atomic_load(&l.looked) > 100);
	CHECK_INT(atomic_load(&l.wrong), 0);
	printf("# %ld look-ups meanwhile\n", atomic_load(&l.looked));
	place_close(db);
}

static bool
make_files(void)
{
	char *const args[] = {"python3", "tests/geo/mkmmdb.py", "--set", dir, NULL};
	pid_t pid;
	int status;

	return mkdtemp(dir) != NULL &&
	       posix_spawn(&pid, "/usr/bin/python3", NULL, NULL, args, environ) == 0 &&
	       waitpid(pid, &status, 0) == pid && status == 0;
}

static void
remove_files(void)
{
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

int
main(void)
{
	if (!make_files()) {
		printf("Bail out! run from the top of the source tree\n");
		return 1;
	}
	TAP_RUN(a_country_is_known_only_if_both_sources_agree);
	TAP_RUN(a_single_source_decides_alone);
	TAP_RUN(reads_both_schemas_and_split_files);
	TAP_RUN(addresses_that_are_nowhere_are_unknown);
	TAP_RUN(nothing_configured_is_allowed);
	TAP_RUN(tells_versions);
	TAP_RUN(refuses_the_wrong_kind_and_too_many);
	TAP_RUN(hostile_files_never_crash_and_never_tell);
	TAP_RUN(a_change_of_country_needs_both_sources);
	TAP_RUN(a_sealed_copy_cannot_be_changed);
	TAP_RUN(a_file_cut_or_overwritten_under_load_harms_nobody);
	remove_files();
	return tap_done();
}
