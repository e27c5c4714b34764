/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/must.h"

enum { S = 1 << ROLE_SCRIBE, G = 1 << ROLE_GATE, P = 1 << ROLE_PORTAL, C = 1 << ROLE_CONSOLE };
/* si_code of a filter's signal: SYS_SECCOMP in the kernel's header, not in glibc's. */
enum { SYSCALLS_FILTERED = 1 };
enum { ALL = S | G | P | C, SYSCALLS_TOLD = 1024 };

struct syscalls_row {
	int number;
	unsigned roles;
};

static const struct syscalls_row syscalls_listed[] = {
#define CALL(name, roles, why) {SCMP_SYS(name), roles},
#include "proxy/main/syscall.def"
};

static const int syscalls_deadly[] = {
#define DEADLY(name) SCMP_SYS(name),
#include "proxy/main/syscall.def"
};

/* ---- what is not listed ---- */

/* The handler runs in any thread, at any time: no locks, no memory, no stdio. */
static atomic_bool syscalls_told[SYSCALLS_TOLD];
static const char *syscalls_role = "";
static struct syscalls_alarm *syscalls_shared;

static size_t
syscalls_put(char *line, size_t n, size_t cap, const char *text)
{
	while (*text != '\0' && n < cap)
		line[n++] = *text++;
	return n;
}

static void
syscalls_tell(int number)
{
	char line[160], digits[12], *d = digits + sizeof(digits) - 1;
	size_t n;
	ssize_t done;

	if (number < 0 || number >= SYSCALLS_TOLD ||
	    atomic_exchange(&syscalls_told[number], true))
		return;
	*d = '\0';
	do
		*--d = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	n = syscalls_put(line, 0, sizeof(line), "warifu ");
	n = syscalls_put(line, n, sizeof(line), syscalls_role);
	n = syscalls_put(line, n, sizeof(line), ": ALARM: the system call number ");
	n = syscalls_put(line, n, sizeof(line), d);
	n = syscalls_put(line, n, sizeof(line), " is not on its list and was not made\n");
	done = write(STDERR_FILENO, line, n);
	(void)done;
}

static void
syscalls_refused(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	int saved = errno;

	(void)sig;
	if (si->si_code != SYSCALLS_FILTERED)
		return; /* somebody sent the signal: there is no call to answer */
	syscalls_tell(si->si_syscall);
	if (syscalls_shared != NULL) {
		atomic_store(&syscalls_shared->last, si->si_syscall);
		atomic_fetch_add(&syscalls_shared->count, 1);
	}
#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
	uc->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#else
	(void)uc;
	_exit(3);
#endif
	errno = saved;
}

static int
syscalls_catch(void)
{
	struct sigaction sa = {.sa_sigaction = syscalls_refused,
	    .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};

	return sigaction(SIGSYS, &sa, NULL) == 0 ? 0 : -errno;
}

/* ---- with some arguments only ---- */

static struct scmp_arg_cmp
syscalls_equal(unsigned arg, uint64_t value)
{
	return (struct scmp_arg_cmp){arg, SCMP_CMP_EQ, value, 0};
}

static struct scmp_arg_cmp
syscalls_masked(unsigned arg, uint64_t mask, uint64_t value)
{
	return (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, mask, value};
}

static int
syscalls_memory(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp no_exec = syscalls_masked(2, PROT_EXEC, 0);
	int err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);

	if (err == 0)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), 1, no_exec);
	return err != 0 ? err : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	    no_exec);
}

/* clone3 hides its flags in memory, where no filter sees them: glibc then takes clone. */
static int
syscalls_threads(scmp_filter_ctx f, enum role role)
{
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (err == 0)
		err = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
		    syscalls_masked(0, CLONE_THREAD, 0));
	if (err != 0 || (role != ROLE_GATE && role != ROLE_CONSOLE))
		return err;
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	    syscalls_masked(0, CLONE_THREAD | CLONE_VM | CLONE_NEWUSER,
		CLONE_THREAD | CLONE_VM));
}

static int
syscalls_process(scmp_filter_ctx f)
{
	const uint64_t self = (uint64_t)getpid();
	int err;

	err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    syscalls_equal(0, self));
	if (err == 0)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
		    syscalls_equal(0, PR_SET_NAME));
	/* Reading our own limits; setting none. */
	return err != 0 ? err : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
	    syscalls_equal(0, 0), syscalls_equal(2, 0));
}

static int
syscalls_sockets(scmp_filter_ctx f)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	const uint64_t type = SOCK_STREAM;
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(families) && err == 0; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
		    syscalls_equal(0, (uint64_t)families[i]),
		    syscalls_masked(1, 0xff, type));
	return err;
}

/* Geo files come as sealed memory and are opened as /proc/self/fd/N; landlock refuses all
 * else. Where a kernel has no landlock, at least nothing can be written. */
static int
syscalls_open(scmp_filter_ctx f)
{
	const uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;

	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
	    syscalls_masked(2, writing, 0));
}

static int
syscalls_pairs(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
	    syscalls_equal(0, AF_UNIX));
}

static int
syscalls_some(scmp_filter_ctx f, enum role role)
{
	int err = syscalls_memory(f);

	if (err == 0)
		err = syscalls_threads(f, role);
	if (err == 0)
		err = syscalls_process(f);
	if (err == 0 && role == ROLE_GATE)
		err = syscalls_sockets(f);
	if (err == 0 && role == ROLE_GATE)
		err = syscalls_open(f);
	if (err == 0 && role == ROLE_CONSOLE)
		err = syscalls_pairs(f);
	return err;
}

/* ---- the filter ---- */

static int
syscalls_build(scmp_filter_ctx f, enum role role)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(syscalls_deadly) && err == 0; i++)
		err = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, syscalls_deadly[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(syscalls_listed) && err == 0; i++)
		if (syscalls_listed[i].roles & (1u << role))
			err = seccomp_rule_add(f, SCMP_ACT_ALLOW, syscalls_listed[i].number, 0);
	return err != 0 ? err : syscalls_some(f, role);
}

int
syscalls_limit(enum role role, struct syscalls_alarm *alarm, char *why, size_t cap)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
	int err = f == NULL ? -ENOMEM : syscalls_catch();

	syscalls_role = role_name(role);
	syscalls_shared = alarm;
	if (err == 0)
		err = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (err == 0)
		err = syscalls_build(f, role);
	if (err == 0)
		err = seccomp_load(f);
	seccomp_release(f);
	if (err == 0)
		return 0;
	snprintf(why, cap, "the system calls cannot be limited: %s", strerror(-err));
	return WF_EDENIED;
}
