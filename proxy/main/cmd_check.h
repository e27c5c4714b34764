/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_check.h - `warifu check`: every fault that it can find, in one run.
 *
 * Errors  exit status 0 only if `warifu run` would start; 1 with at least one error said;
 *         2 usage. Warnings never change the status.
 */
#ifndef WARIFU_MAIN_CMD_CHECK_H
#define WARIFU_MAIN_CMD_CHECK_H

int
cmd_check(int argc, char **argv);

#endif
