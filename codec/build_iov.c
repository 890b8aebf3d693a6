/*
 * build_iov.c - a message as two pieces for writev(), so that a relayed
 * packet is never copied.
 *
 * The only file with an iovec: its base is a void pointer that drops const,
 * which provers want to see alone.
 */
#include "derp.h"
#include "build.h"
#include "bytes.h"

int derp_build_iov(const struct derp_msg *m, uint8_t head[DERP_HEAD_MAX],
		   struct iovec iov[2])
{
	union {
		const uint8_t *in;
		void *out;
	} bulk;
	uint8_t made[DERP_HEAD_MAX];
	struct derp_parts p;
	int err = derp_build_parts(&p, made, m);

	if (err != 0)
		return err;
	copy(head, made, p.num_head);
	bulk.in = p.bulk;
	iov[0].iov_base = head;
	iov[0].iov_len = p.num_head;
	iov[1].iov_base = bulk.out;
	iov[1].iov_len = p.len;
	return 0;
}
