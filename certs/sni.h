/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/sni.h - the server_name extension, read strictly.
 *
 * Accepted is one list with exactly one name of type host_name (RFC 6066 section 3) and
 * nothing behind it; everybody sends it so.
 *
 * Ownership  the name points into the extension.
 * Errors     false: malformed; *name and *name_n are as before then.
 * Threads    pure.
 */
#ifndef WARIFU_CERTS_SNI_H
#define WARIFU_CERTS_SNI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool sni_parse(const uint8_t *p, size_t n, const uint8_t **name, size_t *name_n);

#endif
