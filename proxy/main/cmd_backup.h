/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_backup.h - `warifu backup` and `warifu restore`.
 *
 * Errors  as commands.h.
 */
#ifndef WARIFU_MAIN_CMD_BACKUP_H
#define WARIFU_MAIN_CMD_BACKUP_H

int
cmd_backup(int argc, char **argv);
int
cmd_restore(int argc, char **argv);

#endif
