/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/tlslabel.h - a few bytes of ours inside a TLS 1.3 session ticket.
 *
 * A label is sealed into a ticket that the client cannot read and only its own TLS memory
 * can use: a later connection that resumes with the ticket brings the label back before
 * its first request. The ticket's keys decide where and how long (certs/ticket.h): one of
 * another site, of another client CA set, or sealed with a key that is gone, brings a full
 * handshake and no label. What a resumed connection sends at its handshake carries the same
 * label on (certs/tlsctx.c).
 *
 *	tlslabel_put(ssl, label, n);    then SSL_new_session_ticket and SSL_do_handshake
 *	n = tlslabel_get(ssl, label);   once the handshake is over
 *
 * TLS 1.2 sends its ticket inside the handshake, before anything can be known, and proves
 * less: no label is put there, and none read.
 *
 * Ownership  bytes are copied.
 * Errors     false, 0.
 * Threads    one for each SSL.
 * Not here   what a label means.
 */
#ifndef WARIFU_CERTS_TLSLABEL_H
#define WARIFU_CERTS_TLSLABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct ssl_session_st;

enum { TLSLABEL_MAX = 64 };

/* For the tickets that this connection is given from now on. False: TLS 1.2, a handshake that
 * is not over, or no memory. */
bool tlslabel_put(struct ssl_st *ssl, const void *label, size_t n);

/* The label of the ticket that this connection was resumed with; 0: there is none. */
size_t tlslabel_get(const struct ssl_st *ssl, uint8_t out[TLSLABEL_MAX]);

/* Has this session, out of a ticket, a label? */
bool tlslabel_has(struct ssl_session_st *sess);

#endif
