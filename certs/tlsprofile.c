/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/tlsprofile.h"

#include <openssl/ssl.h>

#define CIPHERS_TLS12                                                \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_TLS13 \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

bool
tlsprofile_apply(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, CIPHERS_TLS13) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, GROUPS) == 1;
}
