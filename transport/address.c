/*
 * address.c - socket addresses as text and as DERP writes them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "listen.h"

void address_text(struct host_port *hp, const struct sockaddr_storage *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(hp, 0, sizeof *hp);
	if (a->ss_family == AF_INET) {
		memcpy(&in, a, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, hp->host, sizeof hp->host);
		hp->port = ntohs(in.sin_port);
	} else if (a->ss_family == AF_INET6) {
		memcpy(&in6, a, sizeof in6);
		inet_ntop(AF_INET6, &in6.sin6_addr, hp->host, sizeof hp->host);
		hp->port = ntohs(in6.sin6_port);
	}
}

void address_bytes(uint8_t ip[16], uint16_t *port,
		   const struct sockaddr_storage *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(ip, 0, 16);
	*port = 0;
	if (a->ss_family == AF_INET) {
		memcpy(&in, a, sizeof in);
		ip[10] = ip[11] = 0xff;
		memcpy(ip + 12, &in.sin_addr, 4);
		*port = ntohs(in.sin_port);
	} else if (a->ss_family == AF_INET6) {
		memcpy(&in6, a, sizeof in6);
		memcpy(ip, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
	}
}

int socket_prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL), on = 1;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return -1;
	/* Frames are written whole; waiting for more only delays them. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return 0;
}
