/*
 * packet.h - from the bytes of a captured packet to its TCP segment.
 *
 *   Ethernet (VLAN, QinQ) | Linux cooked 1, 2 | null, loop | raw IP
 *     --> IPv4 | IPv6 with extension headers --> TCP
 *
 * Checksums are not looked at: captures taken on the sending machine have
 * none yet.
 */
#ifndef CAPTURE_PACKET_H
#define CAPTURE_PACKET_H

#include "capture.h"

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

struct segment {
	struct capture_addr src, dst;
	uint32_t seq, ack, flags;
	const uint8_t *data; /* borrowed */
	uint32_t have;       /* bytes at data */
	uint32_t len;        /* what was on the wire; have <= len */
};

enum packet_kind {
	PACKET_OTHER, /* not TCP, or not enough of it */
	PACKET_TCP,
	PACKET_FRAGMENT, /* of TCP over IP; not put together */
	PACKET_LINK,     /* link type not known */
};

enum packet_kind packet_read(struct segment *s, const struct capture_packet *p);

#endif
