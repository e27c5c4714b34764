/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/proc.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/must.h"

struct proc_head {
	uint32_t id;
	uint32_t kind;
};

int
proc_send(int fd, uint32_t id, enum proc_kind kind, const char *text, const int *fds,
    size_t n_fds)
{
	struct proc_head h = {.id = id, .kind = kind};
	size_t n = strlen(text);
	struct iovec iov[2] = {{&h, sizeof(h)},
	    {(void *)(uintptr_t)text, n > PROC_TEXT_MAX ? PROC_TEXT_MAX : n}};
	union {
		char buf[CMSG_SPACE(PROC_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} u;
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	struct cmsghdr *c;

	MUST(n_fds <= PROC_FDS_MAX);
	if (n_fds > 0) {
		memset(&u, 0, sizeof(u));
		m.msg_control = u.buf;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		MUST(c != NULL);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	while (sendmsg(fd, &m, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || poll(&p, 1, 5000) <= 0)
			return WF_EIO;
	}
	return 0;
}

static void
proc_take_fds(struct proc_msg *out, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && out->n_fds < PROC_FDS_MAX; i++)
			memcpy(&out->fds[out->n_fds++],
			    CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

int
proc_recv(int fd, struct proc_msg *out)
{
	struct proc_head h;
	struct iovec iov[2] = {{&h, sizeof(h)}, {out->text, PROC_TEXT_MAX}};
	union {
		char buf[CMSG_SPACE(PROC_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} u;
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = u.buf,
	    .msg_controllen = sizeof(u.buf)};
	ssize_t n;

	out->n = out->n_fds = 0;
	out->text[0] = '\0';
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? WF_MORE : WF_EIO;
	proc_take_fds(out, &m);
	if ((size_t)n < sizeof(h) || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		while (out->n_fds > 0)
			close(out->fds[--out->n_fds]);
		out->text[0] = '\0';
		return n == 0 ? WF_ECLOSED : WF_ESYNTAX;
	}
	out->id = h.id;
	out->kind = h.kind;
	out->n = (size_t)n - sizeof(h);
	out->text[out->n] = '\0';
	return 0;
}
