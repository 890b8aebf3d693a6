/*
 * packet.c - a packet on its way through the server.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

struct packet *packet_new(struct pool *pool, uint32_t len)
{
	size_t size = sizeof(struct packet) + DERP_HEAD_LEN + len;
	struct packet *p;

	if (size > pool->max || pool->used > pool->max - size)
		return NULL;
	if ((p = malloc(size)) == NULL)
		return NULL;
	p->next = NULL;
	p->pool = pool;
	p->cap = DERP_HEAD_LEN + len;
	p->at = p->sent = 0;
	p->len = p->cap;
	pool->used += size;
	return p;
}

void packet_free(struct packet *p)
{
	if (p == NULL)
		return;
	p->pool->used -= sizeof *p + p->cap;
	free(p);
}

uint8_t *packet_payload(struct packet *p)
{
	return p->bytes + DERP_HEAD_LEN;
}

void packet_from_send(struct packet *p, const uint8_t src[DERP_KEY_LEN])
{
	assert(p->cap >= DERP_HEAD_LEN + DERP_KEY_LEN);
	derp_head_build(p->bytes, DERP_RECV_PACKET, p->cap - DERP_HEAD_LEN);
	memcpy(p->bytes + DERP_HEAD_LEN, src, DERP_KEY_LEN);
}

void packet_from_forward(struct packet *p)
{
	assert(p->cap >= DERP_HEAD_LEN + 2 * DERP_KEY_LEN);
	p->at = DERP_KEY_LEN;
	p->len = p->cap - DERP_KEY_LEN;
	/* The source takes the destination's place; the header overlaps where
	 * the source was, so it comes second. */
	memcpy(p->bytes + p->at + DERP_HEAD_LEN, p->bytes + DERP_HEAD_LEN,
	       DERP_KEY_LEN);
	derp_head_build(p->bytes + p->at, DERP_RECV_PACKET,
			p->len - DERP_HEAD_LEN);
}
