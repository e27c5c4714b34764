/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/supervisor.h - `warifu run`: makes everything, starts the others, and stays.
 *
 * The supervisor never reads a byte from the network. It reads files, binds ports, holds
 * the shared memory that outlives its children, starts a child again that ended, and
 * answers the control socket.
 *
 *   SIGHUP   reload        SIGTERM, SIGINT   stop (drain, commit, end)
 *
 * Errors   exit status 0 after an orderly stop, 1 when it could not start (the reason is
 *          on stderr), 2 for wrong arguments.
 */
#ifndef WARIFU_MAIN_SUPERVISOR_H
#define WARIFU_MAIN_SUPERVISOR_H

int
cmd_run(int argc, char **argv);

#endif
