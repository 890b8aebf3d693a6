/*
 * packet.h - a packet on its way through the server.
 *
 *	bytes:  head 5 | dst 32 | data          as SendPacket came in
 *	        head 5 | src 32 | data          as RecvPacket goes out
 *
 * Both frames have one size, so a packet is written into memory once, when it
 * is read, and goes out from there: the relay only puts another key in.  A
 * ForwardPacket has two keys; its frame going out begins at the second.
 *
 * A packet has one owner at a time: the connection that is reading it, then a
 * queue.  All of them together are bounded by the pool.
 */
#ifndef DERPD_PACKET_H
#define DERPD_PACKET_H

#include "derp.h"

struct pool {
	size_t used, max; /* bytes of all packets */
};

struct packet {
	struct packet *next;
	struct pool *pool;
	uint32_t cap;  /* of bytes */
	uint32_t at;   /* where the frame begins in bytes */
	uint32_t len;  /* of the frame, header included */
	uint32_t sent; /* bytes of the frame that are written */
	uint8_t bytes[];
};

/* Room for a payload of len bytes at packet_payload(); NULL if there is no
 * memory, or the pool is used up. */
struct packet *packet_new(struct pool *pool, uint32_t len);
void packet_free(struct packet *p);
uint8_t *packet_payload(struct packet *p);

/* Turn a payload "dst data" or "src dst data" into a RecvPacket frame.  For
 * the first, src is the sender. */
void packet_from_send(struct packet *p, const uint8_t src[DERP_KEY_LEN]);
void packet_from_forward(struct packet *p);

#endif
