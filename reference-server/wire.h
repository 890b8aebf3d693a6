/*
 * wire.h - the socket of a connection, plain or with TLS.
 *
 * Reading and writing are as with the system calls.  Bytes that were taken to
 * be written are never given again, so the queue behind may lose packets at
 * any time; with TLS a record may wait here, until wire_write() is called
 * again.
 */
#ifndef DERPD_WIRE_H
#define DERPD_WIRE_H

#include <sys/uio.h>

#include "tls.h"

struct wire {
	int fd;
	struct tls *tls; /* NULL: plain */
};

/* -1: no memory; fd stays the caller's. */
int wire_open(struct wire *w, int fd, struct tls_setup *setup);
void wire_close(struct wire *w);
ssize_t wire_read(struct wire *w, void *to, size_t cap);
/* With num 0 it writes what waits: 0 when that is out. */
ssize_t wire_write(struct wire *w, const struct iovec *iov, int num);
/* Bytes of a record that the socket did not take. */
size_t wire_waits(const struct wire *w);
/* Nothing more will be written: say so.  0: wait, and call it again. */
int wire_finish(struct wire *w);

#endif
