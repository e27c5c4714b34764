/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/base/word.h"
#include "proxy/conf/conf.h"
#include "proxy/main/actor.h"
#include "proxy/main/args.h"
#include "proxy/main/backup.h"
#include "proxy/main/commands.h"
#include "proxy/main/control.h"

/* Says it to the running warifu, which records it; without one the copy is made all the
 * same, and is then of a log that nobody writes. */
static bool
cmd_backup_record(const struct conf_places *at, const char *path)
{
	char line[CONTROL_LINE], last[512];
	struct word_line w;
	int err;

	word_init(&w, line, sizeof(line) - 1);
	word_add(&w, NULL, SPAN_LIT("backup"));
	word_add(&w, NULL, span_str(path));
	err = control_ask(at->control, line, stdout, last, sizeof(last));
	if (err == 0)
		return true;
	if (err < 0) {
		fprintf(stderr, "warifu backup: %s No record is made of this backup.\n", last);
		return true;
	}
	fprintf(stderr, "warifu backup: %s\n", last);
	return false;
}

int
cmd_backup(int argc, char **argv)
{
	const char *conf = args_conf_default;
	const struct args_opt opts[] = {{"-c", &conf, NULL}};
	struct backup b = {.fd = -1};
	struct conf_places at;
	char why[BACKUP_WHY], hex[65];
	int status = 1;

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 2)
		return commands_usage("backup");
	if (conf_places(conf, &at) != 0) {
		fprintf(stderr, "warifu backup: %s: %s; name the settings with -c FILE\n", conf,
		    strerror(errno));
		return 1;
	}
	/* A record of what cannot be would be a false one. */
	if (!backup_may(argv[1], why, sizeof(why))) {
		fprintf(stderr, "warifu backup: %s\n", why);
	} else if (cmd_backup_record(&at, argv[1])) {
		if (backup_make(&b, argv[1], at.state, at.log, why, sizeof(why))) {
			text_hex(span_of(b.sum, 32), hex);
			printf("%s: %zu files in it, log head %s\nmanifest %s\n"
			       "Keep that number elsewhere, for warifu restore --manifest. The file "
			       "holds every key: encrypt it.\n", b.path, b.n, b.head, hex);
			status = 0;
		} else {
			fprintf(stderr, "warifu backup: %s\n", why);
		}
	}
	backup_close(&b);
	return status;
}

static bool
cmd_restore_known(const struct backup *b, const char *manifest)
{
	uint8_t want[32];

	if (manifest == NULL)
		return true;
	if (text_unhex(span_str(manifest), want, 32) == 0 && memcmp(want, b->sum, 32) == 0)
		return true;
	fprintf(stderr, "warifu restore: the manifest is another one than that of --manifest: "
			"this is not that backup, or it was changed\n");
	return false;
}

int
cmd_restore(int argc, char **argv)
{
	const char *path = args_conf_default, *manifest = NULL;
	const struct args_opt opts[] = {{"-c", &path, NULL}, {"--manifest", &manifest, NULL}};
	struct diags *diags = calloc(1, sizeof(*diags));
	struct backup b = {.fd = -1};
	struct conf *conf = NULL;
	char why[BACKUP_WHY], actor[ACTOR_TEXT];
	int status = 1;

	MUST(diags != NULL);
	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 2) {
		free(diags);
		return commands_usage("restore");
	}
	actor_text(getuid(), actor);
	if (conf_load(path, &conf, diags) != 0) {
		diags_print(diags, stderr);
	} else if (!backup_open(&b, argv[1], why, sizeof(why))) {
		fprintf(stderr, "warifu restore: %s\n", why);
	} else if (cmd_restore_known(&b, manifest)) {
		struct backup_to to = {.state = conf->state, .log = conf->log.folder,
		    .owner = conf->users.scribe, .actor = actor};

		if (backup_restore(&b, &to, why, sizeof(why))) {
			printf("%s: restored from the backup of %s, log head %s\n"
			       "All sessions are doubtful: each is asked to log in again.\n",
			    conf->state, b.made, b.head);
			status = 0;
		} else {
			fprintf(stderr, "warifu restore: %s\n", why);
		}
	}
	backup_close(&b);
	conf_free(conf);
	free(diags);
	return status;
}
