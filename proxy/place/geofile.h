/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/place/geofile.h - one MaxMind DB file: opened with suspicion, searched by
 * address.
 *
 * The only file that knows libmaxminddb. Before the library sees the file, its metadata
 * is read here with bounds of our own (see mmdata.h), and tree and data must fit into
 * the file; so the library is only ever given what it can digest.
 *
 * Ownership  a geofile maps its file until geofile_close; spans point into the map.
 * Units      files are below 2 GiB; metadata holds at most 4,096 values.
 * Errors     0 or a negative enum wf_err, with a sentence in `why`.
 * Threads    read-only after opening.
 * Not here   what a record means: place.h.
 */
#ifndef WARIFU_PLACE_GEOFILE_H
#define WARIFU_PLACE_GEOFILE_H

#include "proxy/base/ip.h"

struct geofile;

struct geofile_info {
	uint64_t build_epoch;
	struct span type; /* the database's name for itself; printable UTF-8 */
	unsigned ip_version;
	uint32_t nodes;
};

int geofile_open(struct geofile **out, const char *path, const char *name, char *why,
		 size_t cap);

void geofile_close(struct geofile *g);

struct geofile_info geofile_info(const struct geofile *g);

/* All records' bytes; offsets are relative to it. */
struct span geofile_data(const struct geofile *g);

/* The offset of the record for an address; false if there is none. */
bool geofile_find(const struct geofile *g, const struct ip *ip, size_t *off);

/*
 * Calls `each` for the offset of every record that the tree leads to, in the order of
 * nodes, until it returns an error. A tree that leads outside is an error as well.
 */
int geofile_walk(const struct geofile *g, int (*each)(void *arg, size_t off), void *arg,
		 char *why, size_t cap);

#endif
