/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/command.h - what an administrator asks of the running gate.
 *
 *   ACTOR revoke session HEX | user NAME | site NAME | all -    [REASON]
 *   ACTOR list      ACTOR show HEX      ACTOR switches
 *   ACTOR lock SITE|* CLASS [REASON]    ACTOR unlock SITE|* CLASS [REASON]
 *   ACTOR bypass SITE UNTIL-SECONDS [REASON]    ACTOR enforce SITE [REASON]
 *
 * A lock works through a rule of the policy. For each site where it stops nothing there is a
 * line: weak site= why=observes|no-rule.
 *
 * Each change is durable before it is acknowledged, and an event names the actor and the
 * reason. Words are those of word.h; lines of output those of tell.h.
 *
 * Errors   a negative wf_err with a sentence in `why`; on success `why` is a summary.
 * Threads  the gate's main worker.
 */
#ifndef WARIFU_GATE_COMMAND_H
#define WARIFU_GATE_COMMAND_H

#include "proxy/gate/worker.h"

int
command_run(struct worker *w, const char *text, void (*line)(void *arg, const char *line),
    void *arg, char *why, size_t cap);

#endif
