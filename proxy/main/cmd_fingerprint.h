/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_fingerprint.h - `warifu fingerprint`: what warifu sees in a ClientHello.
 *
 * Reads one ClientHello per line from stdin, in hex: the handshake message with its
 * 4-byte header, or the TLS records that carried it. Answers each line with one line of
 * JSON: {"ja4", "ja4_r", "core", "core_soft", "family"} or {"error", "line", "byte"}.
 * A bad line never ends the run; an empty line is a bad line.
 *
 * Ownership  reads stdin, writes stdout.
 * Errors     exit status 0; 1 if the output cannot be written; 2 for wrong arguments.
 */
#ifndef WARIFU_MAIN_CMD_FINGERPRINT_H
#define WARIFU_MAIN_CMD_FINGERPRINT_H

int cmd_fingerprint(int argc, char **argv);

#endif
