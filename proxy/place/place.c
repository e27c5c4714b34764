/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/place/place.h"
#include "proxy/base/digest.h"
#include "proxy/base/text.h"
#include "proxy/place/geofile.h"
#include "proxy/place/mmdata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	RECORD_VALUES = 2048, /* a MaxMind city record has about 150 values */
	DEEP_VALUES = 65536,
	COPY_STEP = 1 << 20,
	COPY_MAX = 0x7fffffff,
};

struct entry {
	struct place_version version;
	struct geofile *geo;
};

struct place_db {
	struct entry files[PLACE_FILES_MAX];
	size_t n;
	uint8_t sources;
};

static int
fail(int err, char *why, size_t cap, const char *name, const char *text)
{
	if (cap)
		snprintf(why, cap, "%s: %s", name, text);
	return err;
}

/* Bad text is unknown; long text is cut between two characters. */
static void
put_text(char *out, size_t cap, struct span s)
{
	if (out[0] != '\0' || s.n == 0 || !text_printable(s))
		return;
	if (s.n >= cap) {
		s.n = cap - 1;
		while (s.n > 0 && (s.p[s.n] & 0xc0) == 0x80)
			s.n--;
	}
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

/* Two capital letters; ZZ and XX are ISO 3166's and ICAO's "unknown". */
static void
put_country(char out[4], struct span s)
{
	if (s.n != 2 || s.p[0] < 'A' || s.p[0] > 'Z' || s.p[1] < 'A' || s.p[1] > 'Z' ||
	    span_eq(s, SPAN_LIT("ZZ")) || span_eq(s, SPAN_LIT("XX")))
		return;
	memcpy(out, s.p, 2);
	out[2] = '\0';
}

/* The English name of MaxMind's nested form, or the string itself. */
static struct span
name_of(struct mmdata *m, const struct mmdata_value *v)
{
	struct mmdata_value names, en;

	if (v->type == MMDATA_STRING)
		return v->bytes;
	if (mmdata_find(m, v, "names", &names) && mmdata_find(m, &names, "en", &en) &&
	    en.type == MMDATA_STRING)
		return en.bytes;
	return (struct span){NULL, 0};
}

static struct span
code_of(struct mmdata *m, const struct mmdata_value *v)
{
	struct mmdata_value code;

	if (v->type == MMDATA_STRING)
		return v->bytes;
	if (mmdata_find(m, v, "iso_code", &code) && code.type == MMDATA_STRING)
		return code.bytes;
	return (struct span){NULL, 0};
}

static struct span
first_name(struct mmdata *m, const struct mmdata_value *list)
{
	struct mmdata_iter it;
	struct mmdata_value v;
	struct span key;

	if (list->type == MMDATA_ARRAY && mmdata_iter(list, &it) &&
	    mmdata_next(m, &it, &key, &v))
		return name_of(m, &v);
	return (struct span){NULL, 0};
}

/* What one record says, whatever the role of its file. */
struct reading {
	char country[4];
	char region[PLACE_TEXT];
	char city[PLACE_TEXT];
	char as_name[PLACE_TEXT];
	uint32_t asn;
};

static void
read_field(struct mmdata *m, struct span key, const struct mmdata_value *v,
	   struct reading *r)
{
	uint64_t asn;

	if (span_eq(key, SPAN_LIT("country_code")) || span_eq(key, SPAN_LIT("country")))
		put_country(r->country, code_of(m, v));
	else if (span_eq(key, SPAN_LIT("city")))
		put_text(r->city, sizeof(r->city), name_of(m, v));
	else if (span_eq(key, SPAN_LIT("state1")) || span_eq(key, SPAN_LIT("region")))
		put_text(r->region, sizeof(r->region), name_of(m, v));
	else if (span_eq(key, SPAN_LIT("subdivisions")))
		put_text(r->region, sizeof(r->region), first_name(m, v));
	else if (span_eq(key, SPAN_LIT("autonomous_system_organization")))
		put_text(r->as_name, sizeof(r->as_name), name_of(m, v));
	else if (span_eq(key, SPAN_LIT("autonomous_system_number")) &&
		 mmdata_uint(v, &asn) && asn <= UINT32_MAX)
		r->asn = (uint32_t)asn;
}

/* A record that turns out damaged half-way counts for nothing. */
static int
read_record(struct span data, size_t off, unsigned budget, struct reading *r)
{
	struct mmdata m = {data, true, budget};
	struct mmdata_value v;
	struct mmdata_iter it;
	struct span key;
	int err;

	memset(r, 0, sizeof(*r));
	err = mmdata_read(&m, off, &v);
	if (err == 0 && v.type != MMDATA_MAP)
		err = WF_ESYNTAX;
	if (err)
		return err;
	mmdata_iter(&v, &it);
	while (mmdata_next(&m, &it, &key, &v))
		read_field(&m, key, &v, r);
	if (it.err)
		memset(r, 0, sizeof(*r));
	return it.err;
}

static bool
role_filled(enum place_role role, const struct reading *r)
{
	if (role == PLACE_ASN)
		return r->asn != 0;
	return r->country[0] != '\0' || (role == PLACE_CITY && r->city[0] != '\0');
}

struct deep {
	const struct geofile *geo;
	enum place_role role;
	uint8_t *seen; /* a bit for each offset: millions of leaves share few records */
	bool filled;
};

static int
check_record(void *arg, size_t off)
{
	struct deep *d = arg;
	struct span data = geofile_data(d->geo);
	struct mmdata m = {data, true, DEEP_VALUES};
	struct reading r;
	int err;

	if (d->seen[off / 8] & 1U << off % 8)
		return 0;
	d->seen[off / 8] = (uint8_t)(d->seen[off / 8] | 1U << off % 8);
	err = mmdata_check(&m, off);
	if (err || d->filled)
		return err;
	err = read_record(data, off, RECORD_VALUES, &r);
	d->filled = err == 0 && role_filled(d->role, &r);
	return err;
}

static int
check_deep(const struct geofile *geo, enum place_role role, const char *name, char *why,
	   size_t cap)
{
	struct deep d = {geo, role, calloc(geofile_data(geo).n / 8 + 1, 1), false};
	int err;

	if (d.seen == NULL)
		return fail(WF_ENOMEM, why, cap, name, "out of memory");
	err = geofile_walk(geo, check_record, &d, why, cap);
	free(d.seen);
	if (err == 0 && !d.filled)
		err = fail(
		    WF_EUNSUPPORTED, why, cap, name,
		    role == PLACE_ASN
			? "no record has an autonomous_system_number: is this an ASN "
			  "file?"
			: "no record has a country: is this a country or city file?");
	return err;
}

static int
open_file(struct place_db *db, const struct place_file *f, bool deep, char *why,
	  size_t cap)
{
	const char *name = f->name ? f->name : f->path;
	struct entry *e = &db->files[db->n];
	size_t same = 0;
	int err;

	for (size_t i = 0; i < db->n; i++)
		same += db->files[i].version.role == f->role;
	if (same >= 2)
		return fail(
		    WF_ECONFIG, why, cap, name,
		    "a third file for the same purpose; two (IPv4 and IPv6) are enough");
	err = geofile_open(&e->geo, f->path, name, why, cap);
	if (err)
		return err;
	db->n++;
	e->version.role = f->role;
	e->version.build_epoch = geofile_info(e->geo).build_epoch;
	memcpy(e->version.sha256, f->sha256, sizeof(e->version.sha256));
	put_text(e->version.type, sizeof(e->version.type), geofile_info(e->geo).type);
	return deep ? check_deep(e->geo, f->role, name, why, cap) : 0;
}

static bool
has_role(const struct place_db *db, enum place_role role)
{
	for (size_t i = 0; i < db->n; i++)
		if (db->files[i].version.role == role)
			return true;
	return false;
}

int
place_open(struct place_db **out, const struct place_file *files, size_t n, bool deep,
	   char *why, size_t cap)
{
	struct place_db *db = calloc(1, sizeof(*db));
	int err = 0;

	*out = NULL;
	if (db == NULL)
		return fail(WF_ENOMEM, why, cap, "geo files", "out of memory");
	if (n > PLACE_FILES_MAX)
		err = fail(WF_ECONFIG, why, cap, "geo files", "more than eight");
	for (size_t i = 0; i < n && err == 0; i++)
		err = open_file(db, &files[i], deep, why, cap);
	if (err) {
		place_close(db);
		return err;
	}
	if (has_role(db, PLACE_COUNTRY_A) || has_role(db, PLACE_CITY))
		db->sources |= 1U << PLACE_SOURCE_A;
	if (has_role(db, PLACE_COUNTRY_B))
		db->sources |= 1U << PLACE_SOURCE_B;
	*out = db;
	return 0;
}

void
place_close(struct place_db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->n; i++)
		geofile_close(db->files[i].geo);
	free(db);
}

bool
place_version(const struct place_db *db, size_t i, struct place_version *out)
{
	if (db == NULL || i >= db->n)
		return false;
	*out = db->files[i].version;
	return true;
}

/* Addresses that are nowhere: some databases have records for them all the same. */
static bool
is_placeless(const struct ip *ip)
{
	switch (ip_class(ip)) {
	case IP_NONE:
	case IP_UNSPECIFIED:
	case IP_LOOPBACK:
	case IP_PRIVATE:
	case IP_SHARED:
	case IP_LINKLOCAL:
	case IP_MULTICAST:
	case IP_CLASS_E:
		return true;
	default:
		return false;
	}
}

static void
use_reading(enum place_role role, const struct reading *r, bool city_is_a,
	    struct place *out)
{
	switch (role) {
	case PLACE_COUNTRY_A:
		memcpy(out->source[PLACE_SOURCE_A], r->country, 4);
		break;
	case PLACE_COUNTRY_B:
		memcpy(out->source[PLACE_SOURCE_B], r->country, 4);
		break;
	case PLACE_CITY:
		if (city_is_a)
			memcpy(out->source[PLACE_SOURCE_A], r->country, 4);
		memcpy(out->region, r->region, sizeof(out->region));
		memcpy(out->city, r->city, sizeof(out->city));
		break;
	default:
		out->asn = r->asn;
		memcpy(out->as_name, r->as_name, sizeof(out->as_name));
		break;
	}
}

static void
agree(struct place *p)
{
	const char *a = p->source[PLACE_SOURCE_A], *b = p->source[PLACE_SOURCE_B];

	if (p->sources == 1U << PLACE_SOURCE_B)
		memcpy(p->country, b, 4);
	else if (p->sources == 1U << PLACE_SOURCE_A || strcmp(a, b) == 0)
		memcpy(p->country, a, 4);
}

void
place_lookup(const struct place_db *db, const struct ip *ip, struct place *out)
{
	bool city_is_a, done[PLACE_ROLES] = {false};
	struct reading r;
	size_t off;

	memset(out, 0, sizeof(*out));
	if (db == NULL)
		return;
	out->sources = db->sources;
	if (is_placeless(ip))
		return;
	city_is_a = !has_role(db, PLACE_COUNTRY_A);
	for (size_t i = 0; i < db->n; i++) {
		const struct entry *e = &db->files[i];
		enum place_role role = e->version.role;

		if (done[role] || !geofile_find(e->geo, ip, &off))
			continue;
		if (read_record(geofile_data(e->geo), off, RECORD_VALUES, &r) != 0)
			continue;
		done[role] = true;
		use_reading(role, &r, city_is_a, out);
	}
	agree(out);
}

enum place_answer
place_country_changed(const struct place *bound, const struct place *seen)
{
	unsigned sources = bound->sources & seen->sources;
	unsigned same = 0, other = 0, all = 0;

	for (unsigned i = 0; i < PLACE_SOURCES; i++) {
		const char *a = bound->source[i], *b = seen->source[i];

		if ((sources & 1U << i) == 0)
			continue;
		all++;
		if (a[0] == '\0' || b[0] == '\0')
			return PLACE_UNKNOWN;
		if (strcmp(a, b) == 0)
			same++;
		else
			other++;
	}
	if (all > 0 && other == all)
		return PLACE_TRUE;
	return all > 0 && same == all && bound->country[0] != '\0' &&
		       strcmp(bound->country, seen->country) == 0
		   ? PLACE_FALSE
		   : PLACE_UNKNOWN;
}

static int
copy_all(int from, int to, uint64_t size)
{
	uint64_t done = 0;
	uint8_t *buf = malloc(COPY_STEP);
	ssize_t n = 1;

	while (buf && done < size && (n = read(from, buf, COPY_STEP)) > 0) {
		if (done + (uint64_t)n > size || write(to, buf, (size_t)n) != n)
			break;
		done += (uint64_t)n;
	}
	free(buf);
	return done == size ? 0 : WF_EIO;
}

/* Hashes the sealed copy, not the file: what is recorded is what is used. */
static int
seal_and_hash(int fd, size_t size, uint8_t sha256[PLACE_HASH_LEN])
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	void *p;

	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return WF_EIO;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return WF_EIO;
	digest_sha256(span_of(p, size), sha256);
	munmap(p, size);
	return 0;
}

static bool
unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int
seal_fd(int in, const char *path, uint8_t sha256[PLACE_HASH_LEN], char *why, size_t cap)
{
	struct stat before, after;
	int fd, err = 0;

	if (fstat(in, &before) < 0 || !S_ISREG(before.st_mode) || before.st_size <= 0 ||
	    before.st_size > COPY_MAX)
		return fail(WF_ECONFIG, why, cap, path,
			    "not a regular file, empty, or above 2 GiB");
	fd = memfd_create("warifu-geo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fail(WF_EIO, why, cap, path, strerrordesc_np(errno));
	if (copy_all(in, fd, (uint64_t)before.st_size) < 0 || fstat(in, &after) < 0 ||
	    !unchanged(&before, &after))
		err = fail(WF_ESTATE, why, cap, path,
			   "changed while it was copied, or memory is short; write a new "
			   "file and "
			   "rename it over the old one, then reload again");
	else if (seal_and_hash(fd, (size_t)before.st_size, sha256) < 0)
		err = fail(WF_EIO, why, cap, path,
			   "the copy in memory could not be sealed");
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int
place_seal_file(const char *path, uint8_t sha256[PLACE_HASH_LEN], char *why, size_t cap)
{
	int in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int fd;

	memset(sha256, 0, PLACE_HASH_LEN);
	if (in < 0)
		return fail(WF_EIO, why, cap, path, strerrordesc_np(errno));
	fd = seal_fd(in, path, sha256, why, cap);
	close(in);
	return fd;
}
