/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/actor.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

void
actor_text(uid_t uid, char out[ACTOR_TEXT])
{
	const struct passwd *pw = getpwuid(uid);
	size_t n;

	if (pw == NULL || pw->pw_name == NULL) {
		snprintf(out, ACTOR_TEXT, "uid:%u", uid);
		return;
	}
	/* Words of the protocol are parted by spaces: a name ends at what is unusual. */
	n = strcspn(pw->pw_name, " \t\r\n()%");
	snprintf(out, ACTOR_TEXT, "uid:%u(%.*s)", uid, (int)(n > 40 ? 40 : n), pw->pw_name);
}
