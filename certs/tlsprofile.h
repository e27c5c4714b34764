/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/tlsprofile.h - what every TLS server context of ours offers (docs/decisions/005):
 * Mozilla's "intermediate". For certs/ only.
 */
#ifndef WARIFU_CERTS_TLSPROFILE_H
#define WARIFU_CERTS_TLSPROFILE_H

#include <stdbool.h>

struct ssl_ctx_st;

/* TLS 1.2 and 1.3, ECDHE with AEAD, no compression, no renegotiation. */
bool tlsprofile_apply(struct ssl_ctx_st *ctx);

#endif
