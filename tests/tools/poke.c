/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/poke.c - makes another process make one system call, as code that took it
 * over would; needs the right to trace it (root).
 *
 *   poke PID NUMBER        prints the call's result; exit status 1: it cannot be done,
 *                          3: the process is gone
 *
 * x86-64 only: elsewhere it says so with status 4.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#if defined(__x86_64__)

enum { POKE_STEPS = 4000, POKE_TRIES = 1000 };

/* The signal handler that answers a refused call runs in between. */
static int
poke_run(pid_t pid, const struct user_regs_struct *old)
{
	struct user_regs_struct now;
	int status, sig = 0;

	for (int i = 0; i < POKE_STEPS; i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, (void *)(long)sig) != 0 ||
		    waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
			return 3;
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (ptrace(PTRACE_GETREGS, pid, NULL, &now) != 0)
			return 3;
		if (sig == 0 && now.rip == old->rip) {
			printf("%lld\n", (long long)now.rax);
			return 0;
		}
	}
	return 1;
}

/* Stops it where it waits inside a call: what stands before is a "syscall" instruction that
 * can be used again. Text is not changed, since other threads run it. */
static int
poke_stop(pid_t pid, struct user_regs_struct *old)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int status;

	for (int i = 0; i < POKE_TRIES; i++) {
		if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, __WALL) != pid ||
		    ptrace(PTRACE_GETREGS, pid, NULL, old) != 0)
			return -1;
		errno = 0;
		if ((ptrace(PTRACE_PEEKTEXT, pid, (void *)(old->rip - 2), NULL) & 0xffff) ==
			0x050f && errno == 0)
			return 0;
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
		(void)nanosleep(&pause, NULL);
	}
	errno = ETIMEDOUT;
	return -1;
}

static int
poke(pid_t pid, long number)
{
	struct user_regs_struct old, set;
	int rc;

	if (poke_stop(pid, &old) != 0) {
		fprintf(stderr, "poke: %s\n", strerror(errno));
		return 1;
	}
	set = old;
	set.rip -= 2;
	set.rax = (unsigned long long)number;
	set.orig_rax = ~0ULL; /* an interrupted call is not to be begun again by itself */
	set.rdi = set.rsi = set.rdx = 0;
	rc = ptrace(PTRACE_SETREGS, pid, NULL, &set) == 0 ? poke_run(pid, &old) : 1;
	if (rc == 3)
		return rc;
	/* What it waited in was interrupted, as by a signal. */
	set = old;
	set.rax = (unsigned long long)-EINTR;
	set.orig_rax = ~0ULL;
	(void)ptrace(PTRACE_SETREGS, pid, NULL, &set);
	(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return rc;
}

#else

static int
poke(pid_t pid, long number)
{
	(void)pid, (void)number;
	fprintf(stderr, "poke: only for x86-64\n");
	return 4;
}

#endif

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: poke PID NUMBER\n");
		return 2;
	}
	return poke((pid_t)strtol(argv[1], NULL, 10), strtol(argv[2], NULL, 10));
}
