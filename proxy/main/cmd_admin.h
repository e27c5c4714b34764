/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_admin.h - the administrator's commands to a running warifu.
 *
 * Errors  exit status 0 done, 1 refused or not possible (a sentence on stderr), 2 usage.
 */
#ifndef WARIFU_MAIN_CMD_ADMIN_H
#define WARIFU_MAIN_CMD_ADMIN_H

int
cmd_reload(int argc, char **argv);
int
cmd_lock(int argc, char **argv);
int
cmd_unlock(int argc, char **argv);
int
cmd_bypass(int argc, char **argv);
int
cmd_enforce(int argc, char **argv);

#endif
