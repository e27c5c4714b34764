/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_session.h - `warifu session`: list, show, revoke.
 *
 * Errors  as commands.h.
 */
#ifndef WARIFU_MAIN_CMD_SESSION_H
#define WARIFU_MAIN_CMD_SESSION_H

int
cmd_session(int argc, char **argv);

#endif
