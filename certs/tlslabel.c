/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/tlslabel.h"

#include <openssl/ssl.h>
#include <string.h>

static size_t
label_of(SSL_SESSION *sess, const uint8_t **p)
{
	void *data = NULL;
	size_t n = 0;

	if (sess == NULL || SSL_SESSION_get0_ticket_appdata(sess, &data, &n) != 1)
		return 0;
	*p = data;
	return n <= TLSLABEL_MAX ? n : 0;
}

bool
tlslabel_put(SSL *ssl, const void *label, size_t n)
{
	SSL_SESSION *sess = SSL_get_session(ssl);

	return sess != NULL && n <= TLSLABEL_MAX && SSL_is_init_finished(ssl) &&
	       SSL_version(ssl) == TLS1_3_VERSION &&
	       SSL_SESSION_set1_ticket_appdata(sess, label, n) == 1;
}

size_t
tlslabel_get(const SSL *ssl, uint8_t out[TLSLABEL_MAX])
{
	const uint8_t *p = NULL;
	size_t n;

	if (!SSL_session_reused(ssl) || SSL_version(ssl) != TLS1_3_VERSION)
		return 0;
	n = label_of(SSL_get_session(ssl), &p);
	if (n > 0)
		memcpy(out, p, n);
	return n;
}

bool
tlslabel_has(SSL_SESSION *sess)
{
	const uint8_t *p = NULL;

	return label_of(sess, &p) > 0;
}
