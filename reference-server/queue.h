/*
 * queue.h - what waits to be written to one connection.
 *
 *	control   bytes of whole frames: notices, pongs, keep-alives,
 *	          the login, HTTP answers; bounded in bytes
 *	disco     packets, 32 at most, the oldest is lost first
 *	other     packets, 32 at most, the oldest is lost first
 *
 * Control goes first; the two packet queues take turns.  A frame that was begun
 * is finished before anything else (DERP-FRAME-10).  An idle connection has
 * none of this in memory.
 */
#ifndef DERPD_QUEUE_H
#define DERPD_QUEUE_H

#include <stdbool.h>
#include <sys/uio.h>

#include "packet.h"

#define QUEUE_MAX 32 /* packets (DERP-LIMIT-2) */

struct queue {
	struct packet *head, *tail;
	uint32_t num;
};

enum queue_class { QUEUE_DISCO, QUEUE_OTHER, QUEUE_CLASSES };

struct outbox {
	uint8_t *control; /* bytes sent..len wait */
	size_t len, sent, cap;
	size_t pong_end; /* a pong waits in front of this byte; 0: none */
	struct packet *begun;
	struct queue queue[QUEUE_CLASSES];
	enum queue_class turn;
	uint64_t dropped; /* packets lost to a full queue */
};

#define OUTBOX_IOV 66 /* the packet begun, control, both queues */

/* A zeroed outbox is empty. */
void outbox_free(struct outbox *o);
bool outbox_is_empty(const struct outbox *o);
/* Append a whole frame.  -1, and nothing changed, if more than max bytes would
 * wait or there is no memory. */
int outbox_control(struct outbox *o, size_t max, const uint8_t *frame,
		   size_t len);
/* A pong, unless one waits already (DERP-PING-5); then it is dropped. */
int outbox_pong(struct outbox *o, size_t max,
		const uint8_t data[DERP_PING_LEN]);
bool outbox_is_full(const struct outbox *o, enum queue_class class);
/* Takes p; a full queue loses its oldest (DERP-LIMIT-3). */
void outbox_packet(struct outbox *o, enum queue_class class, struct packet *p);
/* What to write next, in order; the number of iov filled. */
int outbox_iov(const struct outbox *o, struct iovec iov[OUTBOX_IOV]);
/* n bytes of that were written. */
void outbox_sent(struct outbox *o, size_t n);

#endif
