/* SPDX-License-Identifier: Apache-2.0 */
/* Each question is asked by a child that locked itself in as one of the roles. */
#include "proxy/main/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <netinet/in.h>
#include <unistd.h>

#include "tests/unit/tap.h"

enum { KILLED = 1000, NO_ENTRY = 200 };

static char folder[] = "/tmp/warifu-sandbox.XXXXXX";
static char said[4096]; /* by the last child, on stderr */
static pid_t tester;

static int
answer(long result)
{
	return result >= 0 ? 0 : errno;
}

/* ---- the questions: 0 or an errno ---- */

static int
read_passwd(void)
{
	return answer(open("/etc/passwd", O_RDONLY));
}

static int
read_own_memory(void)
{
	int fd = memfd_create("x", 0);

	return fd < 0 ? errno : 0;
}

static int
write_in_folder(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/a", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	return fd < 0 ? errno : answer(write(fd, "x", 1));
}

static int
write_elsewhere(void)
{
	return answer(open("/tmp/warifu-sandbox-must-not-be", O_RDWR | O_CREAT, 0600));
}

static int
run_a_program(void)
{
	char *const args[] = {(char *)(uintptr_t) "true", NULL};

	return answer(execve("/bin/true", args, NULL));
}

static int
make_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

static int
trace_the_tester(void)
{
	return answer(ptrace(PTRACE_ATTACH, tester, NULL, NULL));
}

static int
read_the_testers_memory(void)
{
	return answer(syscall(SYS_process_vm_readv, tester, NULL, 0, NULL, 0, 0));
}

static int
signal_the_tester(void)
{
	return answer(kill(tester, 0));
}

static int
signal_the_tester_by_thread(void)
{
	return answer(syscall(SYS_tgkill, tester, tester, 0));
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		       MAP_FAILED ? errno : 0;
}

static int
turn_data_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return answer(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
become_root(void)
{
	return answer(syscall(SYS_setuid, 0));
}

static int
allow_tracing(void)
{
	return answer(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int
raise_a_limit(void)
{
	const struct rlimit core = {0, 0};

	return answer(setrlimit(RLIMIT_CORE, &core));
}

static int
tcp_socket(void)
{
	return answer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

static int
udp_socket(void)
{
	return answer(socket(AF_INET, SOCK_DGRAM, 0));
}

static int
netlink_socket(void)
{
	return answer(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
listen_on_a_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : answer(bind(fd, (struct sockaddr *)&in, sizeof(in)));
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
start_a_thread(void)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, nothing, NULL);

	return err != 0 ? err : pthread_join(t, NULL);
}

static int
ordinary_work(void)
{
	const struct timespec pause = {.tv_nsec = 1000};
	struct timespec ts;
	char *p = malloc(64 << 20);

	if (p == NULL)
		return ENOMEM;
	memset(p, 1, 64 << 20);
	p = realloc(p, 128 << 20);
	free(p);
	return answer(clock_gettime(CLOCK_REALTIME, &ts)) + answer(nanosleep(&pause, NULL)) +
	       answer(sysconf(_SC_PHYS_PAGES) > 0 ? 0 : -1);
}

static int
abort_itself(void)
{
	abort();
}

static int
two_unlisted_calls(void)
{
	(void)syscall(SYS_getpriority, 0, 0);
	return answer(syscall(SYS_getpriority, 0, 0));
}

static int
core_limit(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_CORE, &l) != 0 || l.rlim_max != 0 ? 1 : 0;
}

/* ---- asking ---- */

static void
ask_in_child(enum role role, int (*question)(void), int err_fd)
{
	struct sandbox s = {.role = role, .parent = tester, .parent_signal = SIGKILL,
	    .folder = role == ROLE_SCRIBE ? folder : NULL};
	char why[320];

	(void)dup2(err_fd, STDERR_FILENO);
	if (sandbox_enter(&s, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		_exit(NO_ENTRY);
	}
	_exit(question());
}

/* An errno, 0, or KILLED + signal. */
static int
ask(enum role role, int (*question)(void))
{
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) != 0)
		return NO_ENTRY;
	pid = fork();
	if (pid == 0)
		ask_in_child(role, question, fds[1]);
	close(fds[1]);
	(void)waitpid(pid, &status, 0);
	n = read(fds[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The same answer for all roles. */
static void
ask_all(int (*question)(void), int wanted)
{
	for (int r = 0; r < ROLE_COUNT; r++)
		CHECK_INT(ask((enum role)r, question), wanted);
}

static void
each_role(int (*question)(void), int scribe, int gate, int portal, int console)
{
	CHECK_INT(ask(ROLE_SCRIBE, question), scribe);
	CHECK_INT(ask(ROLE_GATE, question), gate);
	CHECK_INT(ask(ROLE_PORTAL, question), portal);
	CHECK_INT(ask(ROLE_CONSOLE, question), console);
}

/* ---- cases ---- */

static void
only_the_scribe_touches_files_and_only_in_its_folder(void)
{
	each_role(read_passwd, EACCES, EACCES, ENOSYS, ENOSYS);
	each_role(write_in_folder, 0, ENOSYS, ENOSYS, ENOSYS);
	each_role(write_elsewhere, EACCES, ENOSYS, ENOSYS, ENOSYS);
	ask_all(read_own_memory, ENOSYS);
}

static void
nobody_starts_programs_or_processes(void)
{
	ask_all(run_a_program, KILLED + SIGSYS);
	ask_all(make_a_process, KILLED + SIGSYS);
}

static void
nobody_reaches_other_processes(void)
{
	ask_all(trace_the_tester, KILLED + SIGSYS);
	ask_all(read_the_testers_memory, KILLED + SIGSYS);
	ask_all(signal_the_tester, ENOSYS);
	ask_all(signal_the_tester_by_thread, ENOSYS);
}

static void
nobody_makes_code(void)
{
	ask_all(map_code, ENOSYS);
	ask_all(turn_data_into_code, ENOSYS);
}

static void
nobody_takes_a_lock_off_again(void)
{
	ask_all(become_root, KILLED + SIGSYS);
	ask_all(allow_tracing, ENOSYS);
	ask_all(raise_a_limit, ENOSYS);
	ask_all(core_limit, 0);
}

static void
only_the_gate_makes_connections_and_nobody_listens(void)
{
	each_role(tcp_socket, ENOSYS, 0, ENOSYS, ENOSYS);
	ask_all(udp_socket, ENOSYS);
	ask_all(netlink_socket, ENOSYS);
	ask_all(listen_on_a_port, ENOSYS);
}

static void
what_each_role_needs_works(void)
{
	ask_all(ordinary_work, 0);
	ask_all(abort_itself, KILLED + SIGABRT);
	each_role(start_a_thread, KILLED + SIGSYS, 0, KILLED + SIGSYS, 0);
}

static void
an_unlisted_call_is_told_once_by_its_number(void)
{
	char *first;

	CHECK_INT(ask(ROLE_GATE, two_unlisted_calls), ENOSYS);
	first = strstr(said, "warifu gate: ALARM: the system call number 140 is not on its list");
#ifdef __x86_64__
	CHECK(first != NULL);
#endif
	CHECK(first == NULL || strstr(first + 20, "ALARM") == NULL);
}

static void
a_child_without_its_supervisor_does_not_begin(void)
{
	struct sandbox s = {.role = ROLE_PORTAL, .parent = 1, .parent_signal = SIGKILL};
	char why[320] = "";
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(&s, why, sizeof(why)) != 0 ? 7 : 0);
	(void)waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int
main(void)
{
	char path[64];

	if (!sandbox_whole()) {
		printf("ok 1 - the sandbox # SKIP a build with sanitizers has no sandbox\n1..1\n");
		return 0;
	}
	tester = getpid();
	if (mkdtemp(folder) == NULL)
		return 1;
	TAP_RUN(only_the_scribe_touches_files_and_only_in_its_folder);
	TAP_RUN(nobody_starts_programs_or_processes);
	TAP_RUN(nobody_reaches_other_processes);
	TAP_RUN(nobody_makes_code);
	TAP_RUN(nobody_takes_a_lock_off_again);
	TAP_RUN(only_the_gate_makes_connections_and_nobody_listens);
	TAP_RUN(what_each_role_needs_works);
	TAP_RUN(an_unlisted_call_is_told_once_by_its_number);
	TAP_RUN(a_child_without_its_supervisor_does_not_begin);
	snprintf(path, sizeof(path), "%s/a", folder);
	(void)unlink(path);
	(void)rmdir(folder);
	return tap_done();
}
