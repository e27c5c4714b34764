/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/store.h"
#include "proxy/base/digest.h"

static const char bundle_magic[8] = "wfbndl1\n";

enum bundle_kind { BUNDLE_SETTINGS = 1, BUNDLE_FILE, BUNDLE_NAME, BUNDLE_GEO };

struct bundle_head {
	uint32_t kind;
	uint32_t name_n;
	uint64_t value_n;
};

/* Value of a BUNDLE_GEO entry. */
struct bundle_geo {
	uint32_t fd;
	uint8_t sha256[PLACE_HASH_LEN];
};

struct bundle {
	uint8_t *p; /* a reserved area (supervisor) or the sealed memfd (gate) */
	size_t n;
	bool mapped;
	int fds[BUNDLE_FDS];
	size_t n_fds;
	char path[PLACE_ROLES][32]; /* "/proc/self/fd/N" */
};

struct bundle *
bundle_new(void)
{
	struct bundle *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	for (size_t i = 0; i < BUNDLE_FDS; i++)
		b->fds[i] = -1;
	b->n_fds = 1; /* the first is the bundle's own */
	return b;
}

void
bundle_free(struct bundle *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n_fds; i++)
		if (b->fds[i] >= 0)
			close(b->fds[i]);
	if (b->mapped) {
		munmap(b->p, b->n);
	} else if (b->p != NULL) {
		digest_wipe(b->p, b->n);
		munmap(b->p, BUNDLE_MAX);
	}
	free(b);
}

/* ---- writing ---- */

/* The area is reserved whole and never moves: readers hold pointers into it. */
static bool
bundle_room(struct bundle *b, size_t more)
{
	if (b->p == NULL) {
		void *p = mmap(NULL, BUNDLE_MAX, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		b->p = p == MAP_FAILED ? NULL : p;
	}
	return b->p != NULL && more <= BUNDLE_MAX - b->n;
}

static size_t
bundle_padded(size_t n)
{
	return (n + 1 + 7) & ~(size_t)7;
}

/* Returns where the value lies, NULL when it does not fit. */
static const uint8_t *
bundle_add(struct bundle *b, enum bundle_kind kind, const char *name, struct span value)
{
	struct bundle_head h = {.kind = kind, .name_n = (uint32_t)strlen(name),
	    .value_n = value.n};
	size_t need = sizeof(h) + bundle_padded(h.name_n) + bundle_padded(value.n);
	uint8_t *p;

	if (b->n == 0) {
		if (!bundle_room(b, sizeof(bundle_magic)))
			return NULL;
		memcpy(b->p, bundle_magic, sizeof(bundle_magic));
		b->n = sizeof(bundle_magic);
	}
	if (!bundle_room(b, need))
		return NULL;
	p = b->p + b->n;
	memcpy(p, &h, sizeof(h));
	p += sizeof(h);
	memcpy(p, name, h.name_n);
	p += bundle_padded(h.name_n);
	if (value.n)
		memcpy(p, value.p, value.n);
	b->n += need;
	return p;
}

/* ---- looking up ---- */

static bool
bundle_find(const struct bundle *b, enum bundle_kind kind, const char *name,
    struct span *value)
{
	size_t at = sizeof(bundle_magic), want = name == NULL ? 0 : strlen(name);
	struct bundle_head h;

	while (b->n - at >= sizeof(h) && at < b->n) {
		const uint8_t *p = b->p + at;
		size_t left = b->n - at - sizeof(h);

		memcpy(&h, p, sizeof(h));
		p += sizeof(h);
		if (h.name_n > left || h.value_n > left ||
		    bundle_padded(h.name_n) + bundle_padded(h.value_n) > left)
			return false;
		if (h.kind == (uint32_t)kind &&
		    (name == NULL || (h.name_n == want && memcmp(p, name, want) == 0))) {
			*value = span_of(p + bundle_padded(h.name_n), h.value_n);
			return true;
		}
		at += sizeof(h) + bundle_padded(h.name_n) + bundle_padded(h.value_n);
	}
	return false;
}

/* ---- from the disk ---- */

static int
bundle_disk_read(void *arg, const char *path, bool secret, struct span *bytes, char *why,
    size_t cap)
{
	struct bundle *b = arg;
	struct certs_blob blob;

	if (certs_file_read(&blob, path, secret, why, cap) != 0)
		return WF_EIO;
	if (!bundle_find(b, BUNDLE_FILE, path, bytes) &&
	    bundle_add(b, BUNDLE_FILE, path, span_of(blob.p, blob.n)) == NULL) {
		certs_file_free(&blob);
		snprintf(why, cap, "%s: the settings' files are larger than %d MiB together",
		    path, BUNDLE_MAX >> 20);
		return WF_EFULL;
	}
	certs_file_free(&blob);
	return bundle_find(b, BUNDLE_FILE, path, bytes) ? 0 : WF_EINTERNAL;
}

static int
bundle_disk_resolve(void *arg, const char *host, uint16_t port, uint8_t *out, char *why,
    size_t cap)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai = NULL;
	char name[300], service[8];
	int err, n;

	snprintf(service, sizeof(service), "%u", port);
	err = getaddrinfo(host, service, &hints, &ai);
	if (err != 0) {
		snprintf(why, cap, "the name %s cannot be resolved: %s", host,
		    gai_strerror(err));
		return WF_ENOTFOUND;
	}
	n = (int)ai->ai_addrlen;
	memcpy(out, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	snprintf(name, sizeof(name), "%s:%u", host, port);
	if (bundle_add(arg, BUNDLE_NAME, name, span_of(out, (size_t)n)) == NULL) {
		snprintf(why, cap, "out of memory");
		return WF_ENOMEM;
	}
	return n;
}

static int
bundle_geo_path(struct bundle *b, size_t fd, struct place_file *out)
{
	char *path = b->path[fd - 1];

	snprintf(path, sizeof(b->path[0]), "/proc/self/fd/%d", b->fds[fd]);
	out->path = path;
	return 0;
}

static int
bundle_disk_geo(void *arg, const char *path, struct place_file *out, char *why, size_t cap)
{
	struct bundle *b = arg;
	struct bundle_geo g;
	int fd;

	if (b->n_fds == BUNDLE_FDS)
		return WF_EFULL;
	fd = place_seal_file(path, out->sha256, why, cap);
	if (fd < 0)
		return fd;
	g.fd = (uint32_t)b->n_fds;
	b->fds[b->n_fds++] = fd;
	memcpy(g.sha256, out->sha256, sizeof(g.sha256));
	if (bundle_add(b, BUNDLE_GEO, path, span_of(&g, sizeof(g))) == NULL)
		return WF_ENOMEM;
	return bundle_geo_path(b, g.fd, out);
}

struct snapshot_reader
bundle_disk_reader(struct bundle *b)
{
	return (struct snapshot_reader){.arg = b, .read = bundle_disk_read,
	    .resolve = bundle_disk_resolve, .geo = bundle_disk_geo};
}

int
bundle_add_settings(struct bundle *b, const struct conf *conf, char *why, size_t cap)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int err = WF_ENOMEM;

	if (f != NULL) {
		err = conf_dump(conf, f);
		if (fclose(f) == 0 && err == 0)
			err = bundle_add(b, BUNDLE_SETTINGS, conf->file, span_of(text, n))
				  == NULL ? WF_EFULL : 0;
	}
	free(text);
	if (err != 0)
		snprintf(why, cap, "the settings do not fit: %s", err_text(err));
	return err;
}

int
bundle_seal(struct bundle *b, int fds[BUNDLE_FDS], size_t *n, char *why, size_t cap)
{
	int fd = memfd_create("warifu-bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	while (fd >= 0 && done < b->n) {
		ssize_t k = write(fd, b->p + done, b->n - done);

		if (k <= 0)
			break;
		done += (size_t)k;
	}
	if (fd < 0 || done < b->n ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		snprintf(why, cap, "the bundle cannot be sealed: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return WF_EIO;
	}
	b->fds[0] = fd;
	memcpy(fds, b->fds, b->n_fds * sizeof(fds[0]));
	*n = b->n_fds;
	return 0;
}

/* ---- in the gate ---- */

struct bundle *
bundle_map(const int *fds, size_t n, char *why, size_t cap)
{
	struct bundle *b = bundle_new();
	struct stat st;

	if (b == NULL || n == 0 || n > BUNDLE_FDS) {
		snprintf(why, cap, "no bundle");
		free(b);
		return NULL;
	}
	memcpy(b->fds, fds, n * sizeof(fds[0]));
	b->n_fds = n;
	b->mapped = true;
	if (fstat(fds[0], &st) == 0 && st.st_size > (off_t)sizeof(bundle_magic) &&
	    st.st_size <= BUNDLE_MAX) {
		b->n = (size_t)st.st_size;
		b->p = mmap(NULL, b->n, PROT_READ, MAP_PRIVATE, fds[0], 0);
		if (b->p != MAP_FAILED &&
		    memcmp(b->p, bundle_magic, sizeof(bundle_magic)) == 0)
			return b;
	}
	snprintf(why, cap, "the bundle cannot be read");
	b->mapped = b->p != NULL && b->p != MAP_FAILED;
	b->p = b->mapped ? b->p : NULL;
	bundle_free(b);
	return NULL;
}

int
bundle_settings(struct bundle *b, struct conf **out, struct diags *diags)
{
	struct span text;

	*out = NULL;
	if (!bundle_find(b, BUNDLE_SETTINGS, NULL, &text))
		return WF_ENOTFOUND;
	return conf_parse("/settings", text, CONF_NO_FILES, out, diags);
}

static int
bundle_read(void *arg, const char *path, bool secret, struct span *bytes, char *why,
    size_t cap)
{
	(void)secret;
	if (bundle_find(arg, BUNDLE_FILE, path, bytes))
		return 0;
	snprintf(why, cap, "%s is not in the bundle", path);
	return WF_ENOTFOUND;
}

static int
bundle_resolve(void *arg, const char *host, uint16_t port, uint8_t *out, char *why,
    size_t cap)
{
	struct span v;
	char name[300];

	snprintf(name, sizeof(name), "%s:%u", host, port);
	if (!bundle_find(arg, BUNDLE_NAME, name, &v) || v.n > 128) {
		snprintf(why, cap, "%s is not in the bundle", name);
		return WF_ENOTFOUND;
	}
	memcpy(out, v.p, v.n);
	return (int)v.n;
}

static int
bundle_geo(void *arg, const char *path, struct place_file *out, char *why, size_t cap)
{
	struct bundle *b = arg;
	struct bundle_geo g;
	struct span v;

	if (!bundle_find(b, BUNDLE_GEO, path, &v) || v.n != sizeof(g)) {
		snprintf(why, cap, "%s is not in the bundle", path);
		return WF_ENOTFOUND;
	}
	memcpy(&g, v.p, sizeof(g));
	if (g.fd == 0 || g.fd >= b->n_fds)
		return WF_ERANGE;
	memcpy(out->sha256, g.sha256, sizeof(out->sha256));
	return bundle_geo_path(b, g.fd, out);
}

struct snapshot_reader
bundle_reader(struct bundle *b)
{
	return (struct snapshot_reader){.arg = b, .read = bundle_read,
	    .resolve = bundle_resolve, .geo = bundle_geo};
}
