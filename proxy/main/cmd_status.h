/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_status.h - `warifu status`: one screen of what runs and how.
 *
 * Errors  as commands.h: 1 when no warifu answers, or its gate does not.
 */
#ifndef WARIFU_MAIN_CMD_STATUS_H
#define WARIFU_MAIN_CMD_STATUS_H

int
cmd_status(int argc, char **argv);

#endif
