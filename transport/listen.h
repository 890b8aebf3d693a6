/*
 * listen.h - take TCP connections.
 *
 * Sockets come out non-blocking, close-on-exec, and without Nagle's delay.
 */
#ifndef DERPKIT_LISTEN_H
#define DERPKIT_LISTEN_H

#include <stdint.h>
#include <sys/socket.h>

#include "host_port.h"

#define TRANSPORT_ERR_MAX 400

/* A listening socket, or -1 and in err one line that names host, port and
 * what failed.  Port 0 takes a free one.  [::] takes IPv4 too. */
int listen_open(const struct host_port *where, char err[TRANSPORT_ERR_MAX]);
/* The address that fd really has.  0 or -1. */
int listen_where(int fd, struct host_port *where);
/* The next connection and who it is, or -1 and errno (EAGAIN: none). */
int listen_accept(int fd, struct sockaddr_storage *from);

/* An address as text and port, and as DERP writes it: 16 bytes, IPv4 as
 * ::ffff:a.b.c.d. */
void address_text(struct host_port *hp, const struct sockaddr_storage *a);
void address_bytes(uint8_t ip[16], uint16_t *port,
		   const struct sockaddr_storage *a);
/* Non-blocking, close-on-exec, no delay.  0, or -1 and errno. */
int socket_prepare(int fd);

#endif
