/*
 * packet.c - link, IP and TCP headers.
 *
 * A cursor carries two lengths: what was captured (have) and what was on the
 * wire (len).  Headers are read from the first, the size of the TCP payload
 * comes from the second; the difference was cut by the snap length.
 */
#include <string.h>

#include "packet.h"

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_OLD1 = 12, /* DLT_RAW, as some systems number it */
	LINK_RAW_OLD2 = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_VLAN = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_QINQ = 0x88a8,
	ETHER_QINQ_OLD = 0x9100,
};

enum {
	IP_HOP = 0,
	IP_TCP = 6,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_AUTH = 51,
	IP_DESTINATION = 60,
	IP_MOBILITY = 135,
	IP_HIP = 139,
	IP_SHIM6 = 140,
};

#define TAGS_MAX 4u        /* VLAN tags in a packet */
#define EXTENSIONS_MAX 16u /* IPv6 extension headers */

struct cursor {
	const uint8_t *at;
	uint32_t have, len;
};

static uint32_t u16(const uint8_t *p)
{
	return 0x100u * p[0] + p[1];
}

static uint32_t u32(const uint8_t *p)
{
	return 0x10000u * u16(p) + u16(p + 2);
}

/* The next n captured bytes, or NULL. */
static const uint8_t *take(struct cursor *c, uint32_t n)
{
	const uint8_t *p = c->at;

	if (c->have < n)
		return NULL;
	c->at += n;
	c->have -= n;
	c->len -= n;
	return p;
}

/* The layer says that it has only n bytes left: padding follows. */
static void trim(struct cursor *c, uint32_t n)
{
	c->len = n;
	if (c->have > n)
		c->have = n;
}

static enum packet_kind read_tcp(struct segment *s, struct cursor c)
{
	const uint8_t *head = take(&c, 20);
	uint32_t options;

	if (head == NULL || head[12] < 0x50)
		return PACKET_OTHER;
	options = head[12] / 16u * 4u - 20u;
	if (options > c.len)
		return PACKET_OTHER;
	if (take(&c, options) == NULL) {
		c.have = 0;
		c.len -= options;
	}
	s->src.port = (uint16_t)u16(head);
	s->dst.port = (uint16_t)u16(head + 2);
	s->seq = u32(head + 4);
	s->ack = u32(head + 8);
	s->flags = head[13];
	s->data = c.at;
	s->have = c.have;
	s->len = c.len;
	return PACKET_TCP;
}

static void set_v4(struct capture_addr *a, const uint8_t *ip)
{
	memset(a->ip, 0, 10);
	a->ip[10] = a->ip[11] = 0xff;
	memcpy(a->ip + 12, ip, 4);
	a->v4 = true;
}

static enum packet_kind read_ipv4(struct segment *s, struct cursor c)
{
	const uint8_t *head = take(&c, 20);
	uint32_t head_len, total;

	if (head == NULL || head[0] / 16u != 4)
		return PACKET_OTHER;
	head_len = head[0] % 16u * 4u;
	total = u16(head + 2);
	if (head_len < 20 || take(&c, head_len - 20) == NULL ||
	    head[9] != IP_TCP)
		return PACKET_OTHER;
	/* A zero total is a packet that the network card will split. */
	if (total != 0) {
		if (total < head_len)
			return PACKET_OTHER;
		trim(&c, total - head_len);
	}
	if ((u16(head + 6) & 0x3fff) != 0)
		return PACKET_FRAGMENT;
	set_v4(&s->src, head + 12);
	set_v4(&s->dst, head + 16);
	return read_tcp(s, c);
}

/* The upper protocol behind the extension headers; -1 if it is not there. */
static int skip_extensions(struct cursor *c, uint32_t next, bool *fragment)
{
	const uint8_t *p;
	uint32_t i, len;

	for (i = 0; i < EXTENSIONS_MAX; i++) {
		switch (next) {
		case IP_HOP:
		case IP_ROUTING:
		case IP_DESTINATION:
		case IP_MOBILITY:
		case IP_HIP:
		case IP_SHIM6:
		case IP_AUTH:
		case IP_FRAGMENT:
			break;
		default:
			return (int)next;
		}
		p = take(c, 8);
		if (p == NULL)
			return -1;
		len = 8u * p[1];
		if (next == IP_AUTH)
			len = 4u * p[1];
		if (next == IP_FRAGMENT) {
			len = 0;
			/* Offset and more-fragments both zero: whole. */
			if ((u16(p + 2) & 0xfff9) != 0)
				*fragment = true;
		}
		next = p[0];
		if (*fragment) /* what follows may be the middle */
			return (int)next;
		if (take(c, len) == NULL)
			return -1;
	}
	return -1;
}

static enum packet_kind read_ipv6(struct segment *s, struct cursor c)
{
	const uint8_t *head = take(&c, 40);
	bool fragment = false;
	uint32_t len;

	if (head == NULL || head[0] / 16u != 6)
		return PACKET_OTHER;
	len = u16(head + 4);
	if (len != 0)
		trim(&c, len);
	if (skip_extensions(&c, head[6], &fragment) != IP_TCP)
		return PACKET_OTHER;
	if (fragment)
		return PACKET_FRAGMENT;
	memcpy(s->src.ip, head + 8, DERP_IP_LEN);
	memcpy(s->dst.ip, head + 24, DERP_IP_LEN);
	s->src.v4 = s->dst.v4 = false;
	return read_tcp(s, c);
}

static enum packet_kind read_ip(struct segment *s, struct cursor c)
{
	if (c.have > 0 && c.at[0] / 16u == 6)
		return read_ipv6(s, c);
	return read_ipv4(s, c);
}

static enum packet_kind read_ether(struct segment *s, struct cursor c,
				   uint32_t type)
{
	const uint8_t *tag;
	uint32_t i;

	for (i = 0; i < TAGS_MAX; i++) {
		if (type != ETHER_VLAN && type != ETHER_QINQ &&
		    type != ETHER_QINQ_OLD)
			break;
		tag = take(&c, 4);
		if (tag == NULL)
			return PACKET_OTHER;
		type = u16(tag + 2);
	}
	if (type == ETHER_IPV4)
		return read_ipv4(s, c);
	if (type == ETHER_IPV6)
		return read_ipv6(s, c);
	return PACKET_OTHER;
}

enum packet_kind packet_read(struct segment *s, const struct capture_packet *p)
{
	struct cursor c = { p->bytes, p->len, p->wire_len };
	const uint8_t *head;

	if (c.len < c.have)
		c.len = c.have;
	switch (p->link) {
	case LINK_ETHERNET:
		head = take(&c, 14);
		return head == NULL ? PACKET_OTHER
				    : read_ether(s, c, u16(head + 12));
	case LINK_SLL:
		head = take(&c, 16);
		return head == NULL ? PACKET_OTHER
				    : read_ether(s, c, u16(head + 14));
	case LINK_SLL2:
		head = take(&c, 20);
		return head == NULL ? PACKET_OTHER
				    : read_ether(s, c, u16(head));
	case LINK_NULL:
	case LINK_LOOP:
		/* An address family in somebody's byte order; the IP version
		 * says the same. */
		return take(&c, 4) == NULL ? PACKET_OTHER : read_ip(s, c);
	case LINK_RAW_OLD1:
	case LINK_RAW_OLD2:
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return read_ip(s, c);
	default:
		return PACKET_LINK;
	}
}
