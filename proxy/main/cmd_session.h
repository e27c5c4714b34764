/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_session.h - `warifu session`: list, show, revoke; `warifu device`: the
 * same sessions by the keys of their devices.
 *
 * Errors  as commands.h.
 */
#ifndef WARIFU_MAIN_CMD_SESSION_H
#define WARIFU_MAIN_CMD_SESSION_H

int
cmd_session(int argc, char **argv);
int
cmd_session_devices(int argc, char **argv);

#endif
