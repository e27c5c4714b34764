/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/main/syscalls.h"

/* ---- user and capabilities ---- */

static int
sandbox_user(const char *name, char *why, size_t cap)
{
	const struct passwd *pw;

	if (geteuid() != 0 || name == NULL || *name == '\0')
		return 0;
	pw = getpwnam(name);
	if (pw == NULL) {
		snprintf(why, cap, "there is no user %s: create it, or name another in users",
		    name);
		return WF_ENOTFOUND;
	}
	if (setgroups(0, NULL) != 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0) {
		snprintf(why, cap, "cannot become %s: %s", name, strerror(errno));
		return WF_EDENIED;
	}
	return 0;
}

/* No program started later could have any either. Before the change of user, which takes
 * away the right to do it. */
static void
sandbox_bounding(void)
{
	for (unsigned long c = 0; c < 64; c++)
		(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int
sandbox_capabilities(char *why, size_t cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capset, &head, none) == 0)
		return 0;
	snprintf(why, cap, "capabilities cannot be given up: %s", strerror(errno));
	return WF_EDENIED;
}

/* ---- files and network ---- */

/* As the kernel's header has it since 6.12; Debian 12's is older. An older kernel is told
 * the length that it knows. */
struct sandbox_rules {
	uint64_t fs;
	uint64_t net;	 /* since version 4 */
	uint64_t scoped; /* since version 6 */
};

enum {
	SANDBOX_NET_BIND = 1,
	SANDBOX_NET_CONNECT = 2,
	SANDBOX_SCOPE_ABSTRACT = 1,
	SANDBOX_SCOPE_SIGNAL = 2,
};

static uint64_t
sandbox_fs(long version)
{
	/* 13 rights in version 1; REFER, TRUNCATE and IOCTL_DEV came with 2, 3 and 5. */
	unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;

	return (UINT64_C(1) << bits) - 1;
}

static size_t
sandbox_rules_make(struct sandbox_rules *r, long version, enum role role)
{
	*r = (struct sandbox_rules){.fs = sandbox_fs(version)};
	if (version < 4)
		return offsetof(struct sandbox_rules, net);
	r->net = role == ROLE_GATE ? SANDBOX_NET_BIND : SANDBOX_NET_BIND | SANDBOX_NET_CONNECT;
	if (version < 6)
		return offsetof(struct sandbox_rules, scoped);
	r->scoped = role == ROLE_GATE ? SANDBOX_SCOPE_SIGNAL
				      : SANDBOX_SCOPE_SIGNAL | SANDBOX_SCOPE_ABSTRACT;
	return sizeof(*r);
}

static int
sandbox_folder(int rules, const char *folder, uint64_t fs, char *why, size_t cap)
{
	struct landlock_path_beneath_attr under = {
	    .allowed_access = fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE};
	int err = 0;

	if (folder == NULL)
		return 0;
	under.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (under.parent_fd < 0 || syscall(SYS_landlock_add_rule, rules,
				       LANDLOCK_RULE_PATH_BENEATH, &under, 0) != 0) {
		snprintf(why, cap, "cannot keep %s open for the sandbox: %s", folder,
		    strerror(errno));
		err = WF_EDENIED;
	}
	if (under.parent_fd >= 0)
		close(under.parent_fd);
	return err;
}

static int
sandbox_files(const struct sandbox *s, char *why, size_t cap)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct sandbox_rules rules;
	size_t n = sandbox_rules_make(&rules, version, s->role);
	int fd, err;

	if (version < 1) {
		fprintf(stderr, "warifu %s: warning: this kernel has no Landlock, so files "
				"that every user may read can be read\n", role_name(s->role));
		return 0;
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, n, 0);
	if (fd < 0) {
		snprintf(why, cap, "landlock: %s", strerror(errno));
		return WF_EDENIED;
	}
	err = sandbox_folder(fd, s->folder, rules.fs, why, cap);
	if (err == 0)
		err = sandbox_folder(fd, s->apart, rules.fs, why, cap);
	if (err == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
		snprintf(why, cap, "landlock: %s", strerror(errno));
		err = WF_EDENIED;
	}
	close(fd);
	return err;
}

/* ---- all of it ---- */

/* Sanitizers read /proc, trace their own process and write reports. */
bool
sandbox_whole(void)
{
#ifdef WARIFU_SANITIZED
	return false;
#else
	return true;
#endif
}

void
sandbox_hide(void)
{
	struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	if (sandbox_whole())
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* After the change of user, which clears it; the parent may have ended before. */
static int
sandbox_bind(const struct sandbox *s, char *why, size_t cap)
{
	if (prctl(PR_SET_PDEATHSIG, s->parent_signal) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(why, cap, "prctl: %s", strerror(errno));
		return WF_EDENIED;
	}
	if (getppid() == s->parent)
		return 0;
	snprintf(why, cap, "the supervisor is gone");
	return WF_ECLOSED;
}

int
sandbox_enter(const struct sandbox *s, char *why, size_t cap)
{
	int err;

	sandbox_bounding();
	err = sandbox_user(s->user, why, cap);
	if (err == 0)
		err = sandbox_capabilities(why, cap);
	sandbox_hide();
	if (err == 0)
		err = sandbox_bind(s, why, cap);
	if (err != 0 || !sandbox_whole())
		return err;
	err = sandbox_files(s, why, cap);
	return err != 0 ? err : syscalls_limit(s->role, s->alarm, why, cap);
}
