/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/lang.h - Japanese or English?
 *
 * Reads Accept-Language with its weights. Only the two languages of our pages count; of
 * two with equal weight the first wins; neither (or nothing readable) is English.
 *
 * Threads  pure.
 */
#ifndef WARIFU_WIRE_LANG_H
#define WARIFU_WIRE_LANG_H

#include "proxy/base/span.h"

bool lang_prefers_ja(struct span accept_language);

#endif
