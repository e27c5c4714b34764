/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_policy.h - `warifu policy`: check, explain and re-perform decisions.
 *
 *   test FILE [--cases FILE]            the checker, then every golden case. Without
 *                                       --cases, X.case beside X.policy if it is there
 *   explain FILE [RULE] [--lang L]      rules in words, L = en or ja
 *   explain FILE --fact NAME=VALUE ...  the decision on these facts; all others unknown
 *   replay FILE --facts LOG             decides again on what `warifu log export` wrote
 *                                       ("-": stdin) and prints what differs
 *   sql FILE                            the policy as one SQLite expression
 *
 * Ownership  reads the named files and stdin, writes stdout and stderr.
 * Errors     exit status 0; 1 if a case failed, a decision differs or the policy has an
 *            error; 2 for wrong arguments, unreadable files and malformed lines.
 */
#ifndef WARIFU_MAIN_CMD_POLICY_H
#define WARIFU_MAIN_CMD_POLICY_H

/* argv[0] is "policy". */
int cmd_policy(int argc, char **argv);

#endif
