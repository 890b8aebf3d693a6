/*
 * builder.h - captures made by hand, and what came out of them.
 *
 * A struct build grows a classic pcap file packet by packet; play() gives it
 * to the decoder in a heap block of exactly its size and writes one line for
 * each event, so that a test compares two texts:
 *
 *   1- open            1> http GET        1- start fast-start
 *   1> Ping 0001...    1> gap 20 not-captured in Ping
 */
#ifndef CAPTURE_TESTS_BUILDER_H
#define CAPTURE_TESTS_BUILDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dump.h"
#include "packet.h"

struct build {
	uint8_t *bytes;
	size_t len, cap;
	int64_t now_us;
	uint32_t snaplen; /* 0: whole packets */
	uint16_t ports[2];
};

enum { CLIENT = 0, SERVER = 1 };

static inline void put(struct build *b, const void *bytes, size_t n)
{
	if (b->cap - b->len < n) {
		b->cap = 2 * (b->cap + n);
		b->bytes = realloc(b->bytes, b->cap);
		assert_non_null(b->bytes);
	}
	if (n > 0)
		memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
}

static inline void put_zero(struct build *b, size_t n)
{
	static const uint8_t zero[64];

	assert_true(n <= sizeof(zero));
	put(b, zero, n);
}

static inline void put_u8(struct build *b, uint32_t v)
{
	uint8_t p = (uint8_t)v;

	put(b, &p, 1);
}

static inline void put_be16(struct build *b, uint32_t v)
{
	put_u8(b, v >> 8);
	put_u8(b, v);
}

static inline void put_be32(struct build *b, uint32_t v)
{
	put_be16(b, v >> 16);
	put_be16(b, v);
}

static inline void put_le16(struct build *b, uint32_t v)
{
	put_u8(b, v);
	put_u8(b, v >> 8);
}

static inline void put_le32(struct build *b, uint32_t v)
{
	put_le16(b, v);
	put_le16(b, v >> 16);
}

/* A little-endian pcap of raw IP packets, microseconds. */
static inline void build_init(struct build *b)
{
	memset(b, 0, sizeof(*b));
	b->now_us = 1000000;
	b->ports[CLIENT] = 40000;
	b->ports[SERVER] = 3340;
	put_le32(b, 0xa1b2c3d4);
	put_le16(b, 2);
	put_le16(b, 4);
	put_zero(b, 8);
	put_le32(b, 65535);
	put_le32(b, 101);
}

static inline void build_free(struct build *b)
{
	free(b->bytes);
	memset(b, 0, sizeof(*b));
}

struct ip_tcp {
	int from;
	uint32_t seq, ack, flags;
	const void *data;
	size_t len;
	const uint16_t *ports;
};

static inline void put_tcp(struct build *b, const struct ip_tcp *t)
{
	put_be16(b, t->ports[t->from]);
	put_be16(b, t->ports[!t->from]);
	put_be32(b, t->seq);
	put_be32(b, t->ack);
	put_u8(b, 0x50);
	put_u8(b, t->flags);
	put_zero(b, 6);
	put(b, t->data, t->len);
}

static inline void put_ipv4(struct build *b, const struct ip_tcp *t,
			    uint32_t fragment)
{
	put_u8(b, 0x45);
	put_u8(b, 0);
	put_be16(b, 40 + (uint32_t)t->len);
	put_be16(b, 0);
	put_be16(b, fragment);
	put_u8(b, 64);
	put_u8(b, 6);
	put_be16(b, 0);
	put_be32(b, 0x7f000001u + (uint32_t)t->from);
	put_be32(b, 0x7f000002u - (uint32_t)t->from);
	put_tcp(b, t);
}

/* One packet, a millisecond after the one before. */
static inline void segment_ack(struct build *b, int from, uint32_t seq,
			       uint32_t flags, const void *data, size_t len,
			       uint32_t ack)
{
	struct ip_tcp t = { from, seq, ack, flags, data, len, b->ports };
	uint32_t wire = 40 + (uint32_t)len, have = wire;
	size_t end;

	if (b->snaplen != 0 && have > b->snaplen)
		have = b->snaplen;
	b->now_us += 1000;
	put_le32(b, (uint32_t)(b->now_us / 1000000));
	put_le32(b, (uint32_t)(b->now_us % 1000000));
	put_le32(b, have);
	put_le32(b, wire);
	end = b->len + have;
	put_ipv4(b, &t, 0);
	b->len = end;
}

static inline void segment(struct build *b, int from, uint32_t seq,
			   uint32_t flags, const void *data, size_t len)
{
	segment_ack(b, from, seq, flags, data, len, 0);
}

static inline void data(struct build *b, int from, uint32_t seq,
			const struct build *bytes)
{
	segment(b, from, seq, 0, bytes->bytes, bytes->len);
}

/* A pure acknowledgement by from. */
static inline void acks(struct build *b, int from, uint32_t seq, uint32_t ack)
{
	segment_ack(b, from, seq, TCP_ACK, "", 0, ack);
}

static inline void hello(struct build *b, uint32_t client, uint32_t server)
{
	segment(b, CLIENT, client - 1, TCP_SYN, "", 0);
	segment_ack(b, SERVER, server - 1, TCP_SYN | TCP_ACK, "", 0, client);
}

/* ---- streams ----------------------------------------------------------- */

static inline void text(struct build *b, const char *s)
{
	put(b, s, strlen(s));
}

#define FAST_REQUEST                                                           \
	"GET /derp HTTP/1.1\r\nHost: h\r\nUpgrade: DERP\r\n"                   \
	"Connection: Upgrade\r\nDerp-Fast-Start: 1\r\n\r\n"
#define REQUEST                                                                \
	"GET /derp HTTP/1.1\r\nHost: h\r\nUpgrade: DERP\r\n"                   \
	"Connection: Upgrade\r\n\r\n"
#define SWITCHING                                                              \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"                \
	"Connection: Upgrade\r\nDerp-Version: 2\r\n\r\n"

static inline void frame(struct build *b, uint32_t type, uint32_t len,
			 const void *body, size_t n)
{
	put_u8(b, type);
	put_be32(b, len);
	put(b, body, n);
}

static inline void ping(struct build *b, uint8_t fill)
{
	uint8_t body[DERP_PING_LEN];

	memset(body, fill, sizeof(body));
	frame(b, DERP_PING, sizeof(body), body, sizeof(body));
}

/* A frame that is nothing but one byte over and over. */
static inline void filled(struct build *b, uint32_t type, uint32_t len,
			  uint8_t fill)
{
	uint32_t i;

	frame(b, type, len, "", 0);
	for (i = 0; i < len; i++)
		put_u8(b, fill);
}

static inline void client_info(struct build *b)
{
	filled(b, DERP_CLIENT_INFO, 104, 0xc1);
}

static inline void server_key(struct build *b)
{
	frame(b, DERP_SERVER_KEY, 40, derp_magic, DERP_MAGIC_LEN);
	put(b, "ssssssssssssssssssssssssssssssss", DERP_KEY_LEN);
}

/* ---- what comes out ---------------------------------------------------- */

struct record {
	char *text;
	size_t len, cap;
	int stop_after; /* 0: never */
	int events;
	int64_t last_ns[64][2];
};

static inline void record(struct record *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline void record(struct record *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (r->cap - r->len < 256) {
		r->cap = 2 * r->cap + 1024;
		r->text = realloc(r->text, r->cap);
		assert_non_null(r->text);
	}
	va_start(ap, fmt);
	n = vsnprintf(r->text + r->len, r->cap - r->len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < r->cap - r->len);
	r->len += (size_t)n;
}

static inline void record_frame(struct record *r, const struct derp_frame *f)
{
	const char *name = derp_type_name(f->type);
	uint32_t i;

	if (name != NULL)
		record(r, " %s ", name);
	else
		record(r, " 0x%02x ", f->type);
	for (i = 0; i < f->have && i < 8; i++)
		record(r, "%02x", f->body[i]);
	if (f->have > 8)
		record(r, "..");
	if (f->have != f->len)
		record(r, " %u of", f->have);
	record(r, " %u", f->len);
}

static inline int record_event(void *ctx, const struct capture_event *e)
{
	struct record *r = ctx;

	if (e->flow == NULL)
		record(r, "--");
	else
		record(r, "%u%c", e->flow->id, "-><"[e->dir + 1]);
	if (e->flow != NULL && e->dir != CAPTURE_NODIR && e->flow->id < 64) {
		assert_true(e->ts_ns >= r->last_ns[e->flow->id][e->dir]);
		r->last_ns[e->flow->id][e->dir] = e->ts_ns;
	}
	if (e->what != CAPTURE_FRAME)
		record(r, " %s", capture_what_name(e->what));
	if (e->what == CAPTURE_HTTP && e->dir == CAPTURE_C2S)
		record(r, " %.*s", (int)e->http->method.len,
		       (const char *)e->http->method.at);
	else if (e->what == CAPTURE_HTTP)
		record(r, " %u", e->http->status);
	else if (e->what == CAPTURE_START)
		record(r, " %s", name_mode(e->flow->mode));
	else if (e->what == CAPTURE_CLOSED)
		record(r, " %s", name_end(e->end));
	else if (e->what == CAPTURE_GAP)
		record(r, " %llu %s", (unsigned long long)e->lost,
		       name_loss(e->loss));
	else if (e->what == CAPTURE_INVALID)
		record(r, " %d", e->err);
	else if (e->what == CAPTURE_NOTE)
		record(r, " %s", e->text);
	if (e->frame != NULL)
		record_frame(r, e->frame);
	record(r, "\n");
	r->events++;
	return r->stop_after != 0 && r->events >= r->stop_after;
}

static inline int play_limited(const struct build *b, struct record *r,
			       const struct capture_limits *limits,
			       char error[256])
{
	struct capture *c = capture_new(record_event, r, limits);
	uint8_t *exact = malloc(b->len > 0 ? b->len : 1);
	int ret;

	assert_non_null(c);
	assert_non_null(exact);
	if (b->len > 0)
		memcpy(exact, b->bytes, b->len);
	record(r, "%s", "");
	ret = capture_read_memory(c, exact, b->len, "test");
	if (error != NULL)
		snprintf(error, 256, "%s", capture_error(c));
	capture_free(c);
	free(exact);
	return ret;
}

/* Play and compare. */
static inline void expect(struct build *b, const char *want)
{
	struct record r = { 0 };
	char error[256];

	assert_int_equal(play_limited(b, &r, NULL, error), 0);
	assert_string_equal(error, "");
	assert_string_equal(r.text, want);
	free(r.text);
	build_free(b);
}

#endif
