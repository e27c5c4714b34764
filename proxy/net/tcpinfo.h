/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/net/tcpinfo.h - what the kernel knows of a client's TCP connection.
 *
 *   tcpinfo_keep_syn  on a listening socket: keep each client's first packet until it is
 *                     read or the connection ends
 *   tcpinfo_syn       takes it, once: IP and TCP headers with their options
 *   tcpinfo_rtt       the shortest round trip so far, of TCP itself
 *
 * A system call each; not for every request.
 *
 * Units   bytes; microseconds.
 * Errors  0: the kernel does not know, or this is no TCP socket.
 * Threads any.
 */
#ifndef WARIFU_NET_TCPINFO_H
#define WARIFU_NET_TCPINFO_H

#include <stddef.h>
#include <stdint.h>

enum { TCPINFO_SYN = 512 };

void
tcpinfo_keep_syn(int listening);

size_t
tcpinfo_syn(int fd, uint8_t out[TCPINFO_SYN]);

uint32_t
tcpinfo_rtt(int fd);

#endif
