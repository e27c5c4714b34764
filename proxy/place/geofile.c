/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/place/geofile.h"
#include "proxy/base/text.h"
#include "proxy/place/mmdata.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER "\xab\xcd\xefMaxMind.com"

enum {
	MARKER_LEN = sizeof(MARKER) - 1,
	META_MAX = 128 * 1024, /* the format's own bound, marker included */
	META_VALUES = 4096,
	SEPARATOR = 16, /* zero bytes between tree and data */
	FILE_MAX = 0x7fffffff,
};

struct geofile {
	MMDB_s db;
	struct geofile_info info;
	struct span data;
	char *name;
};

/* What the metadata says, before anybody relies on it. */
struct meta {
	struct geofile_info info;
	unsigned record_bits;
	size_t start; /* offset of the marker */
};

static int
fail(int err, char *why, size_t cap, const char *name, const char *text)
{
	if (cap)
		snprintf(why, cap, "%s: %s", name, text);
	return err;
}

static bool
find_marker(struct span file, size_t *start)
{
	size_t stop = file.n > META_MAX ? file.n - META_MAX : 0;

	for (size_t i = file.n; i >= MARKER_LEN + stop; i--) {
		*start = i - MARKER_LEN;
		if (memcmp(file.p + *start, MARKER, MARKER_LEN) == 0)
			return true;
	}
	return false;
}

static bool
meta_uint(struct mmdata *m, const struct mmdata_value *map, const char *key,
	  enum mmdata_type type, uint64_t *out)
{
	struct mmdata_value v;

	*out = 0;
	return mmdata_find(m, map, key, &v) && v.type == type && mmdata_uint(&v, out);
}

/* Exactly what libmaxminddb insists on, so that it never fails half-way (it leaks). */
static bool
meta_shape(struct mmdata *m, const struct mmdata_value *map, struct meta *meta)
{
	struct mmdata_value v;
	struct mmdata_iter it;
	struct span key;

	if (!mmdata_find(m, map, "database_type", &v) || v.type != MMDATA_STRING)
		return false;
	if (text_printable(v.bytes))
		meta->info.type = v.bytes;
	if (!mmdata_find(m, map, "languages", &v) || v.type != MMDATA_ARRAY)
		return false;
	mmdata_iter(&v, &it);
	while (mmdata_next(m, &it, &key, &v))
		if (v.type != MMDATA_STRING)
			return false;
	if (it.err || !mmdata_find(m, map, "description", &v) || v.type != MMDATA_MAP)
		return false;
	mmdata_iter(&v, &it);
	while (mmdata_next(m, &it, &key, &v))
		if (v.type != MMDATA_STRING)
			return false;
	return it.err == 0;
}

static int
read_meta(struct span file, const char *name, struct meta *meta, char *why, size_t cap)
{
	struct mmdata m = {{NULL, 0}, false, META_VALUES};
	struct mmdata_value map;
	uint64_t nodes, bits, version, major, minor;

	memset(meta, 0, sizeof(*meta));
	if (!find_marker(file, &meta->start))
		return fail(WF_ESYNTAX, why, cap, name,
			    "not a MaxMind DB, or cut short (no metadata at its end); "
			    "fetch it again");
	m.section = span_tail(file, meta->start + MARKER_LEN);
	if (mmdata_check(&m, 0) != 0 || mmdata_read(&m, 0, &map) != 0 ||
	    map.type != MMDATA_MAP)
		return fail(WF_ESYNTAX, why, cap, name,
			    "the metadata is damaged; fetch the file again");
	/* A fresh budget: each question below searches the map from its start. */
	m.budget = 16 * META_VALUES;
	if (!meta_uint(&m, &map, "node_count", MMDATA_UINT32, &nodes) ||
	    !meta_uint(&m, &map, "record_size", MMDATA_UINT16, &bits) ||
	    !meta_uint(&m, &map, "ip_version", MMDATA_UINT16, &version) ||
	    !meta_uint(&m, &map, "binary_format_major_version", MMDATA_UINT16, &major) ||
	    !meta_uint(&m, &map, "binary_format_minor_version", MMDATA_UINT16, &minor) ||
	    !meta_uint(&m, &map, "build_epoch", MMDATA_UINT64, &meta->info.build_epoch) ||
	    !meta_shape(&m, &map, meta))
		return fail(WF_ESYNTAX, why, cap, name,
			    "the metadata lacks a field, or one is of the wrong type; "
			    "fetch the file "
			    "again");
	if (major != 2 || (version != 4 && version != 6) ||
	    (bits != 24 && bits != 28 && bits != 32) || meta->info.build_epoch == 0)
		return fail(
		    WF_EUNSUPPORTED, why, cap, name,
		    "a version of the MaxMind DB format that is not known (wanted: 2)");
	if (nodes == 0 || nodes * (bits / 4) + SEPARATOR + 3 > meta->start)
		return fail(WF_ETRUNCATED, why, cap, name,
			    "the file is too short for its search tree; fetch it again");
	meta->info.ip_version = (unsigned)version;
	meta->info.nodes = (uint32_t)nodes;
	meta->record_bits = (unsigned)bits;
	return 0;
}

static int
map_fd(int fd, const char *name, void **p, size_t *n, char *why, size_t cap)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < MARKER_LEN ||
	    st.st_size > FILE_MAX)
		return fail(
		    WF_ESYNTAX, why, cap, name,
		    "not a MaxMind DB: not a regular file, empty, or above 2 GiB");
	*n = (size_t)st.st_size;
	*p = mmap(NULL, *n, PROT_READ, MAP_SHARED, fd, 0);
	if (*p == MAP_FAILED)
		return fail(WF_EIO, why, cap, name, strerrordesc_np(errno));
	return 0;
}

/* Reads the metadata of a file that may be anything. */
static int
preview(const char *path, const char *name, struct meta *meta, char *why, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	void *p = NULL;
	size_t n = 0;
	int err;

	if (fd < 0)
		return fail(WF_EIO, why, cap, name, strerrordesc_np(errno));
	err = map_fd(fd, name, &p, &n, why, cap);
	close(fd);
	if (err)
		return err;
	err = read_meta(span_of(p, n), name, meta, why, cap);
	munmap(p, n);
	meta->info.type = (struct span){NULL, 0};
	return err;
}

int
geofile_open(struct geofile **out, const char *path, const char *name, char *why,
	     size_t cap)
{
	struct geofile *g;
	struct meta meta;
	int err, rc;

	*out = NULL;
	err = preview(path, name, &meta, why, cap);
	if (err)
		return err;
	g = calloc(1, sizeof(*g));
	if (g == NULL || (g->name = strdup(name)) == NULL) {
		free(g);
		return fail(WF_ENOMEM, why, cap, name, "out of memory");
	}
	rc = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
	if (rc != MMDB_SUCCESS) {
		free(g->name);
		free(g);
		return fail(WF_ESYNTAX, why, cap, name, MMDB_strerror(rc));
	}
	g->info = meta.info;
	g->info.type = span_str(g->db.metadata.database_type);
	if (!text_printable(g->info.type))
		g->info.type = (struct span){NULL, 0};
	/* The library counts the metadata as data; we do not. The file may have been
	 * replaced since the preview if it is no sealed copy: then the library's own
	 * view decides, and must agree. */
	g->data = span_of(g->db.data_section, (size_t)(g->db.metadata_section -
						       MARKER_LEN - g->db.data_section));
	if (g->db.metadata.node_count != meta.info.nodes ||
	    g->db.metadata_section != g->db.file_content + meta.start + MARKER_LEN) {
		geofile_close(g);
		return fail(WF_ESTATE, why, cap, name, "changed while it was opened");
	}
	*out = g;
	return 0;
}

void
geofile_close(struct geofile *g)
{
	if (g == NULL)
		return;
	MMDB_close(&g->db);
	free(g->name);
	free(g);
}

struct geofile_info
geofile_info(const struct geofile *g)
{
	return g->info;
}

struct span
geofile_data(const struct geofile *g)
{
	return g->data;
}

bool
geofile_find(const struct geofile *g, const struct ip *ip, size_t *off)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
	MMDB_lookup_result_s found;
	int rc = MMDB_SUCCESS;

	*off = 0;
	memset(&sa, 0, sizeof(sa));
	if (ip->family == 4) {
		sa.v4.sin_family = AF_INET;
		memcpy(&sa.v4.sin_addr, ip->b + 12, 4);
	} else if (ip->family == 6 && g->info.ip_version == 6) {
		sa.v6.sin6_family = AF_INET6;
		memcpy(&sa.v6.sin6_addr, ip->b, 16);
	} else {
		return false;
	}
	found = MMDB_lookup_sockaddr(&g->db, &sa.any, &rc);
	if (rc != MMDB_SUCCESS || !found.found_entry)
		return false;
	*off = found.entry.offset;
	return *off < g->data.n;
}

/* A record of the tree: another node, nothing, or the offset of a value. */
static int
visit(const struct geofile *g, uint64_t record, int (*each)(void *arg, size_t off),
      void *arg)
{
	uint64_t nodes = g->info.nodes;

	if (record <= nodes)
		return 0;
	if (record < nodes + SEPARATOR || record - nodes - SEPARATOR >= g->data.n)
		return WF_ERANGE;
	return each(arg, (size_t)(record - nodes - SEPARATOR));
}

int
geofile_walk(const struct geofile *g, int (*each)(void *arg, size_t off), void *arg,
	     char *why, size_t cap)
{
	MMDB_search_node_s node;
	int err = 0;

	for (uint32_t i = 0; i < g->info.nodes && err == 0; i++) {
		if (MMDB_read_node(&g->db, i, &node) != MMDB_SUCCESS)
			return fail(WF_ESYNTAX, why, cap, g->name,
				    "the search tree is damaged; fetch the file again");
		err = visit(g, node.left_record, each, arg);
		if (err == 0)
			err = visit(g, node.right_record, each, arg);
	}
	if (err)
		fail(err, why, cap, g->name,
		     err == WF_ERANGE
			 ? "the search tree leads outside the file; fetch it again"
			 : "a record is damaged; fetch the file again");
	return err;
}
