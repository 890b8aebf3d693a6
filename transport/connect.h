/*
 * connect.h - make TCP connections without waiting in connect().
 *
 *	struct dial d;
 *
 *	if (dial_start(&d, &where, err) != 0)
 *		give up: err says why
 *	until 1: wait for d.fd to become writable, then dial_step(&d, err)
 *	the socket is dial_take(&d); dial_end(&d) in any case
 *
 * All addresses of a name are tried one after the other; d.fd may be another
 * socket after each step.  The name is looked up in dial_start(), which may
 * take its time.
 */
#ifndef DERPKIT_CONNECT_H
#define DERPKIT_CONNECT_H

#include "host_port.h"
#include "listen.h"

struct addrinfo;

struct dial {
	struct host_port where;
	struct addrinfo *list, *at;
	int fd;    /* -1: none */
	int error; /* errno of the last address that failed */
};

/* 0, or -1 and in err one line that names host, port and what failed. */
int dial_start(struct dial *d, const struct host_port *where,
	       char err[TRANSPORT_ERR_MAX]);
/* 1: connected.  0: wait for d->fd to become writable.  -1 and err. */
int dial_step(struct dial *d, char err[TRANSPORT_ERR_MAX]);
/* The time for the address d->fd is up: go on with the next.  As dial_step. */
int dial_next(struct dial *d, char err[TRANSPORT_ERR_MAX]);
/* The connected socket is the caller's from now on. */
int dial_take(struct dial *d);
void dial_end(struct dial *d);

/* All of it, waiting at most timeout_ms after the lookup: a socket, or -1 and
 * err. */
int dial_wait(const struct host_port *where, int timeout_ms,
	      char err[TRANSPORT_ERR_MAX]);

#endif
