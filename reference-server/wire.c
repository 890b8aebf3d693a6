/*
 * wire.c - the socket of a connection, plain or with TLS.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

int wire_open(struct wire *w, int fd, struct tls_setup *setup)
{
	w->fd = fd;
	w->tls = setup != NULL ? tls_new(setup, fd) : NULL;
	return setup != NULL && w->tls == NULL ? -1 : 0;
}

void wire_close(struct wire *w)
{
	if (w->tls != NULL)
		tls_finish(w->tls);
	tls_free(w->tls);
	w->tls = NULL;
	close(w->fd);
}

ssize_t wire_read(struct wire *w, void *to, size_t cap)
{
	return w->tls != NULL ? tls_read(w->tls, to, cap)
			      : recv(w->fd, to, cap, 0);
}

/* One record of as many packets as fit: small packets cost a record together,
 * not each. */
static ssize_t write_record(struct wire *w, const struct iovec *iov, int num)
{
	uint8_t record[TLS_RECORD_MAX];
	size_t len = 0;

	for (int i = 0; i < num && len < sizeof record; i++) {
		size_t n = iov[i].iov_len;
		if (n > sizeof record - len)
			n = sizeof record - len;
		memcpy(record + len, iov[i].iov_base, n);
		len += n;
	}
	return tls_write(w->tls, record, len);
}

ssize_t wire_write(struct wire *w, const struct iovec *iov, int num)
{
	int r;

	if (w->tls == NULL)
		return num > 0 ? writev(w->fd, iov, num) : 0;
	/* Before the copy, which a full socket would make in vain. */
	r = tls_flush(w->tls);
	if (r <= 0)
		return -1;
	return num > 0 ? write_record(w, iov, num) : 0;
}

size_t wire_waits(const struct wire *w)
{
	return w->tls != NULL ? tls_waits(w->tls) : 0;
}

int wire_finish(struct wire *w)
{
	if (w->tls != NULL && tls_finish(w->tls) == 0)
		return 0;
	shutdown(w->fd, SHUT_WR);
	return 1;
}
