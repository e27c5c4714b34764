/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's own header: glibc's struct tcp_info ends before the shortest round trip. */
#include "proxy/net/tcpinfo.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

void
tcpinfo_keep_syn(int listening)
{
	const int one = 1;

	(void)setsockopt(listening, IPPROTO_TCP, TCP_SAVE_SYN, &one, sizeof(one));
}

size_t
tcpinfo_syn(int fd, uint8_t out[TCPINFO_SYN])
{
	socklen_t n = TCPINFO_SYN;

	return getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, out, &n) == 0 ? n : 0;
}

uint32_t
tcpinfo_rtt(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0 ||
	    n < offsetof(struct tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt))
		return 0;
	/* All ones: nothing was measured since the connection began. */
	return info.tcpi_min_rtt != UINT32_MAX ? info.tcpi_min_rtt : info.tcpi_rtt;
}
