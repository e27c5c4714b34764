/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/bundle.h - everything a snapshot is built from, in one sealed memfd.
 *
 * The supervisor reads settings, recipes, policies, certificates, keys and geo files, and
 * resolves names; whatever it read goes into the bundle. The gate, which may open no
 * file, builds the same snapshot from the bundle with the same code.
 *
 *   supervisor  bundle_new → snapshot_build(reader of the disk, recording) → bundle_seal
 *   gate        bundle_map → bundle_settings → snapshot_build(reader of the bundle)
 *
 * Layout (native byte order; it never leaves the machine): "wfbndl1\n", then entries of
 * u32 kind, u32 name length, u64 value length, name and NUL, value and NUL, each padded
 * to 8 bytes. Geo files travel as descriptors of their own; their entry holds the number
 * in the list of descriptors and the hash.
 *
 * Ownership  struct bundle is heap; bundle_free wipes what it holds.
 * Errors     0 or a negative enum wf_err with a sentence in `why`.
 * Threads    one.
 */
#ifndef WARIFU_MAIN_BUNDLE_H
#define WARIFU_MAIN_BUNDLE_H

#include "proxy/gate/snapshot.h"

enum { BUNDLE_FDS = 1 + PLACE_ROLES, BUNDLE_MAX = 64 << 20 };

struct bundle;

/* ---- the reading side: supervisor and check ---- */

struct bundle *
bundle_new(void);
void
bundle_free(struct bundle *b);

/* A reader of the disk that records into b. */
struct snapshot_reader
bundle_disk_reader(struct bundle *b);

/* Adds the settings (the effective ones, recipes merged in). */
int
bundle_add_settings(struct bundle *b, const struct conf *conf, char *why, size_t cap);

/* fds[0] is the sealed bundle, the rest the geo files; *n of them, owned by b. */
int
bundle_seal(struct bundle *b, int fds[BUNDLE_FDS], size_t *n, char *why, size_t cap);

/* ---- the gate's side ---- */

/* Maps fds[0]; takes all descriptors. */
struct bundle *
bundle_map(const int *fds, size_t n, char *why, size_t cap);

int
bundle_settings(struct bundle *b, struct conf **out, struct diags *diags);

struct snapshot_reader
bundle_reader(struct bundle *b);

#endif
