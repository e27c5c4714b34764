/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/actor.h - who did it, as records name him: "uid:0(root)".
 *
 * The number is what the kernel says and counts; the name is for the reader.
 */
#ifndef WARIFU_MAIN_ACTOR_H
#define WARIFU_MAIN_ACTOR_H

#include <sys/types.h>

enum { ACTOR_TEXT = 64 };

void
actor_text(uid_t uid, char out[ACTOR_TEXT]);

#endif
