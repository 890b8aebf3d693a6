/*
 * build.h - a message in two parts, shared by build.c and build_iov.c.  Not
 * installed.
 */
#ifndef BUILD_H
#define BUILD_H

#include "derp.h"

/* Frame header and fixed fields in head[num_head], then the borrowed bulk:
 * packet, box, text or name. */
struct derp_parts {
	uint32_t num_head;
	uint32_t len;
	const uint8_t *bulk;
};

int derp_build_parts(struct derp_parts *p, uint8_t head[DERP_HEAD_MAX],
		     const struct derp_msg *m);

#endif
