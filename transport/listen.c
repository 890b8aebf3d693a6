/*
 * listen.c - take TCP connections.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"

static int fail(char err[TRANSPORT_ERR_MAX], const struct host_port *hp,
		const char *what, const char *why)
{
	char text[HOST_PORT_TEXT_MAX];

	host_port_text(text, hp);
	snprintf(err, TRANSPORT_ERR_MAX, "cannot %s %s: %s", what, text, why);
	return -1;
}

/* A listening socket on one address, or -1 and errno. */
static int open_one(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
	int on = 1, off = 0, saved;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (socket_prepare(fd) == 0 &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int listen_open(const struct host_port *where, char err[TRANSPORT_ERR_MAX])
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list, *ai;
	char port[8];
	int fd = -1, e;

	snprintf(port, sizeof port, "%u", where->port);
	e = getaddrinfo(where->host, port, &hints, &list);
	if (e != 0)
		return fail(err, where, "find", gai_strerror(e));
	for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next)
		fd = open_one(ai);
	e = errno;
	freeaddrinfo(list);
	return fd >= 0 ? fd : fail(err, where, "listen on", strerror(e));
}

int listen_where(int fd, struct host_port *where)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;

	memset(&a, 0, sizeof a);
	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return -1;
	address_text(where, &a);
	return 0;
}

int listen_accept(int fd, struct sockaddr_storage *from)
{
	socklen_t len = sizeof *from;
	int got;

	memset(from, 0, sizeof *from);
	do
		got = accept(fd, (struct sockaddr *)from, &len);
	while (got < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (got >= 0 && socket_prepare(got) != 0) {
		close(got);
		errno = EAGAIN;
		return -1;
	}
	return got;
}
