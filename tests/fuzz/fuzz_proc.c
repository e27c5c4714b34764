/* SPDX-License-Identifier: Apache-2.0 */
/* A packet between supervisor and gate: read whole or refused, ended by a NUL, and no
 * descriptor is lost. Input: number of descriptors; then the packet. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/main/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
send_packet(int to, struct span body, size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(2 * PROC_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} u;
	struct iovec iov = {(void *)(uintptr_t)body.p, body.n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	memset(&u, 0, sizeof(u));
	if (n_fds > 0) {
		m.msg_control = u.buf;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (size_t i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &to, sizeof(int));
	}
	MUST(sendmsg(to, &m, 0) == (ssize_t)body.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct proc_msg m;
	size_t n_fds;
	int pair[2], lowest, err;

	if (size < 2 || size > 65536)
		return 0;
	n_fds = data[0] % (2 * PROC_FDS_MAX + 1);
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	lowest = dup(pair[0]);
	close(lowest);
	send_packet(pair[0], span_of(data + 1, size - 1), n_fds);
	err = proc_recv(pair[1], &m);
	MUST(m.n <= PROC_TEXT_MAX && m.text[m.n] == '\0' && m.n_fds <= PROC_FDS_MAX);
	MUST((err == 0) == (size - 1 >= 8 && size - 1 <= 8 + PROC_TEXT_MAX &&
			       n_fds <= PROC_FDS_MAX));
	if (err != 0)
		MUST(m.n_fds == 0);
	for (size_t i = 0; i < m.n_fds; i++)
		close(m.fds[i]);
	/* Nothing stayed open: the next descriptor is the one it was before. */
	err = dup(pair[0]);
	MUST(err == lowest);
	close(err);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
