/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/metrics.h - the numbers in Prometheus' text format 0.0.4.
 *
 * First every family of metric.def, then what only the console's source knows: build,
 * parts, certificates, backends, sites, and the head of the log as a label.
 *
 * Ownership  writes into the caller's quote.
 * Errors     quote_done says WF_EFULL.
 * Threads    pure, apart from reading the shared area and the source.
 */
#ifndef WARIFU_WEB_METRICS_H
#define WARIFU_WEB_METRICS_H

#include "proxy/base/quote.h"
#include "proxy/web/console.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct console_source *src, struct quote *q);

/* "gate", "scribe", "log", "portal". */
const char *metrics_part_name(enum console_part part);
const char *metrics_health_name(enum console_health health);

#endif
