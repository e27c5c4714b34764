/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's bundle: whatever is in it, either a whole snapshot comes of it or a sentence. */
#include <sys/mman.h>

#include "proxy/main/bundle.h"
#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
build(struct bundle *b)
{
	struct snapshot_reader reader = bundle_reader(b);
	struct snapshot_opt opt = {.number = 1, .now = 1795428000};
	struct diags *ds = malloc(sizeof(*ds));
	struct snapshot *s;
	struct conf *conf;

	MUST(ds != NULL);
	diags_init(ds);
	if (bundle_settings(b, &conf, ds) == 0) {
		s = snapshot_build(conf, &reader, &opt, ds);
		MUST(s != NULL || ds->errors > 0);
		snapshot_unref(s);
	}
	free(ds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char magic[] = "wfbndl1\n";
	char why[320] = "";
	struct bundle *b;
	int fd = memfd_create("bundle", MFD_CLOEXEC);

	MUST(fd >= 0 && write(fd, magic, 8) == 8);
	MUST(write(fd, data, size) == (ssize_t)size);
	b = bundle_map(&fd, 1, why, sizeof(why));
	MUST(b != NULL || why[0] != '\0');
	if (b != NULL)
		build(b);
	bundle_free(b);
	return 0;
}
