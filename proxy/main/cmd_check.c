/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_check.h"

#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/base/json.h"
#include "proxy/base/must.h"
#include "proxy/main/args.h"
#include "proxy/main/check.h"
#include "proxy/main/commands.h"
#include "proxy/main/setup.h"

enum { CMD_CHECK_JSON = 256 << 10 };

static void
cmd_check_list(struct json *j, const char *key, const struct diags *ds, enum diag_level level)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < ds->n; i++) {
		const struct diag *d = &ds->list[i];

		if (d->level != level)
			continue;
		json_object(j);
		json_ktext(j, "file", d->file);
		json_kuint(j, "line", d->pos.line);
		json_kuint(j, "column", d->pos.col);
		json_ktext(j, "text", d->text);
		if (d->hint[0] != '\0')
			json_ktext(j, "hint", d->hint);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
cmd_check_json(const char *path, const struct diags *ds)
{
	char *buf = malloc(CMD_CHECK_JSON);
	struct json j;
	struct span out;

	MUST(buf != NULL);
	json_init(&j, buf, CMD_CHECK_JSON);
	json_object(&j);
	json_ktext(&j, "settings", path);
	json_kbool(&j, "ok", ds->errors == 0);
	cmd_check_list(&j, "errors", ds, DIAG_ERROR);
	cmd_check_list(&j, "warnings", ds, DIAG_WARNING);
	json_object_end(&j);
	if (json_done(&j, &out) == 0)
		printf("%.*s\n", (int)out.n, (const char *)out.p);
	free(buf);
}

static void
cmd_check_text(const char *path, const struct diags *ds, size_t sites)
{
	diags_print(ds, stderr);
	if (ds->errors > 0)
		fprintf(stderr, "%s: %zu error%s, %zu warning%s: warifu would not start\n", path,
		    ds->errors, ds->errors == 1 ? "" : "s", ds->warnings,
		    ds->warnings == 1 ? "" : "s");
	else
		printf("%s: %zu site%s, no errors, %zu warning%s: warifu would start\n", path,
		    sites, sites == 1 ? "" : "s", ds->warnings, ds->warnings == 1 ? "" : "s");
}

static void
cmd_check_look(const char *path, bool probe, struct diags *diags, size_t *sites)
{
	struct bundle *bundle = NULL;
	struct snapshot *snap = NULL;

	*sites = 0;
	if (setup_snapshot(path, 1, &snap, &bundle, diags) != 0) {
		setup_faults(path, diags);
		return;
	}
	*sites = snap->conf->n_sites;
	check_ready(snap->conf, diags);
	check_advice(snap->conf, (int64_t)(clock_wall() / CLOCK_SEC), diags);
	if (probe)
		check_probe(snap->conf, diags);
	snapshot_unref(snap);
	bundle_free(bundle);
}

int
cmd_check(int argc, char **argv)
{
	bool no_probe = false, json = false;
	const char *path = args_conf_default;
	const struct args_opt opts[] = {{"-c", &path, NULL}, {"--no-probe", NULL, &no_probe},
	    {"--json", NULL, &json}};
	struct diags *diags;
	size_t sites;
	int status;

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 1)
		return commands_usage("check");
	diags = calloc(1, sizeof(*diags));
	MUST(diags != NULL);
	cmd_check_look(path, !no_probe, diags, &sites);
	if (json)
		cmd_check_json(path, diags);
	else
		cmd_check_text(path, diags, sites);
	status = diags->errors == 0 ? 0 : 1;
	free(diags);
	return status;
}
