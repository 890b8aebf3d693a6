/*
 * wire.h - a DERP connection in packets, for harnesses that begin with its
 * stream.
 *
 *   SYN, SYN ACK, request, 101  |  what the harness sends, in any order
 */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include "capture.h"

#define WIRE_DATA_MAX 65000u /* bytes of one segment */

struct wire {
	struct capture *c;
	int64_t ns;
	uint32_t isn; /* of both sides */
};

/* isn: the first sequence number, so that they can wrap. */
void wire_open(struct wire *w, capture_event_fn *event, void *ctx,
	       uint32_t isn);
/* One segment; at is its place in the stream of frames of that side. */
void wire_data(struct wire *w, bool server, uint32_t at, const void *data,
	       size_t len);
/* The capture ends; all of it is told. */
void wire_close(struct wire *w);

#endif
