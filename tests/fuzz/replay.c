/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/replay.c - feeds stored inputs to a fuzz target without a fuzzer, so that
 * each corpus is a regression test: one file per argument, or every file of a folder.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	size_t n;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	data = malloc(1 << 20);
	if (data == NULL)
		abort();
	n = fread(data, 1, 1 << 20, f);
	fclose(f);
	/* An exact-size copy, so that AddressSanitizer sees a read past the end. */
	uint8_t *exact = malloc(n ? n : 1);
	if (exact == NULL)
		abort();
	memcpy(exact, data, n);
	free(data);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

static int
replay_dir(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	char name[4096];
	int bad = 0, n = 0;

	if (d == NULL) {
		perror(path);
		return 1;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		bad |= replay_file(name);
		n++;
	}
	closedir(d);
	printf("# %d inputs from %s\n", n, path);
	return bad || n == 0;
}

int
main(int argc, char **argv)
{
	struct stat st;
	int bad = argc < 2;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			bad |= replay_dir(argv[i]);
		else
			bad |= replay_file(argv[i]);
	}
	printf("%sok 1 - replay without a crash\n1..1\n", bad ? "not " : "");
	return bad;
}
