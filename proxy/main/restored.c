/* SPDX-License-Identifier: Apache-2.0 */
/* What `warifu restore` left for the first start behind it (backup.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/main/supervisorpriv.h"

void
supervisor_restored(struct supervisor *s)
{
	char path[4200], text[512] = "", *detail;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/restored", s->plant.snap->conf->state);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	detail = strchr(text, '\n');
	if (detail != NULL) {
		*detail++ = '\0';
		detail[strcspn(detail, "\n")] = '\0';
	}
	supervisor_alarm(s, REC_EVENT_RESTORE, text, detail);
	if (unlink(path) != 0)
		fprintf(stderr, "warifu: %s: %s\n", path, strerror(errno));
}
