/*
 * connect.c - make TCP connections without waiting in connect().
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "connect.h"

static int fail(const struct dial *d, char err[TRANSPORT_ERR_MAX],
		const char *what, const char *why)
{
	char text[HOST_PORT_TEXT_MAX];

	host_port_text(text, &d->where);
	snprintf(err, TRANSPORT_ERR_MAX, "cannot %s %s: %s", what, text, why);
	return -1;
}

static void drop_socket(struct dial *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* Begin with d->at and those after it until one is on its way.  As dial_step:
 * a connect() to this machine may be done at once. */
static int begin(struct dial *d, char err[TRANSPORT_ERR_MAX])
{
	for (; d->at != NULL; d->at = d->at->ai_next) {
		const struct addrinfo *ai = d->at;
		d->fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
		if (d->fd >= 0 && socket_prepare(d->fd) == 0) {
			if (connect(d->fd, ai->ai_addr, ai->ai_addrlen) == 0)
				return 1;
			if (errno == EINPROGRESS || errno == EINTR)
				return 0;
		}
		d->error = errno;
		drop_socket(d);
	}
	return fail(d, err, "connect to", strerror(d->error));
}

int dial_start(struct dial *d, const struct host_port *where,
	       char err[TRANSPORT_ERR_MAX])
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV };
	char port[8];
	int e;

	memset(d, 0, sizeof *d);
	d->fd = -1;
	d->where = *where;
	snprintf(port, sizeof port, "%u", where->port);
	e = getaddrinfo(where->host, port, &hints, &d->list);
	if (e != 0) {
		d->list = NULL;
		return fail(d, err, "find", gai_strerror(e));
	}
	d->at = d->list;
	/* Connected at once is found out by dial_step() as well. */
	return begin(d, err) < 0 ? -1 : 0;
}

int dial_step(struct dial *d, char err[TRANSPORT_ERR_MAX])
{
	struct pollfd p = { .fd = d->fd, .events = POLLOUT };
	socklen_t len = sizeof d->error;

	if (d->fd < 0)
		return fail(d, err, "connect to", strerror(d->error));
	if (poll(&p, 1, 0) == 0)
		return 0;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &d->error, &len) != 0)
		d->error = errno;
	if (d->error == 0)
		return 1;
	drop_socket(d);
	d->at = d->at->ai_next;
	return begin(d, err);
}

int dial_next(struct dial *d, char err[TRANSPORT_ERR_MAX])
{
	d->error = ETIMEDOUT;
	drop_socket(d);
	if (d->at != NULL)
		d->at = d->at->ai_next;
	return begin(d, err);
}

int dial_take(struct dial *d)
{
	int fd = d->fd;

	d->fd = -1;
	return fd;
}

void dial_end(struct dial *d)
{
	drop_socket(d);
	if (d->list != NULL)
		freeaddrinfo(d->list);
	d->list = d->at = NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int dial_wait(const struct host_port *where, int timeout_ms,
	      char err[TRANSPORT_ERR_MAX])
{
	struct dial d;
	int64_t end;
	int r = dial_start(&d, where, err), fd;

	end = now_ms() + timeout_ms;
	while (r == 0) {
		struct pollfd p = { .fd = d.fd, .events = POLLOUT };
		int64_t left = end - now_ms();
		if (left <= 0) {
			r = fail(&d, err, "connect to", strerror(ETIMEDOUT));
			break;
		}
		poll(&p, 1, (int)left);
		r = dial_step(&d, err);
	}
	fd = r == 1 ? dial_take(&d) : -1;
	dial_end(&d);
	return fd;
}
