/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/strangers.h - counting what comes without a known session.
 *
 * Past a source's budget of full records its requests are counted here, by source and
 * kind, and written as one aggregate record an interval: first, last, count. Memory is
 * bounded; nobody waits for it.
 *
 * All that strangers cause in the log together has a budget of bytes a day (setting
 * stranger-size). When it is spent they get no record of their own, and sources are no
 * longer told apart: one sum a kind, an hour.
 *
 * Threads    one per worker.
 */
#ifndef WARIFU_GATE_STRANGERS_H
#define WARIFU_GATE_STRANGERS_H

#include "proxy/base/ip.h"
#include "proxy/base/reason.h"
#include "proxy/conf/recipe.h"

struct worker;
struct strangers;

struct strangers *
strangers_new(uint32_t entries);
void
strangers_free(struct strangers *s);

void
strangers_count(struct worker *w, const struct ip *source, enum reason why,
    enum recipe_class class);
/* Is there still room in today's budget? */
bool
strangers_may_write(struct worker *w);
/* n bytes went into the log because of strangers. */
void
strangers_wrote(struct worker *w, size_t n);
/* Writes aggregates older than interval_ms; all of them with 0. */
void
strangers_flush(struct worker *w, uint64_t interval_ms);

#endif
