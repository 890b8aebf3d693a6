/*
 * world.h - a relay with members and no sockets, for tests.  What a connection
 * would write is read out of its outbox, as words:
 *
 *	A:hi	RecvPacket "hi" from key A
 *	-A	PeerGone A, Disconnected	?A	PeerGone A, NotHere
 *	+A1	PeerPresent A with flags 1	o	Pong	k
 *KeepAlive
 */
#ifndef DERPD_TESTS_WORLD_H
#define DERPD_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <cmocka.h>

#include "notice.h"
#include "relay.h"

#define NUM 64

static struct relay relay;
static struct pool pool = { 0, 1 << 20 };
static struct member m[NUM];
static const char *ended[NUM];
static int flushes;
static bool flush_writes;

static inline void on_wake(struct member *w)
{
	assert_false(outbox_is_empty(&w->out));
}

static inline void on_flush(struct member *w)
{
	flushes++;
	if (flush_writes)
		outbox_sent(&w->out, 40);
}

static inline void on_end(struct member *w, const char *why)
{
	ended[w - m] = why;
}

static inline const uint8_t *key(char name)
{
	static uint8_t k[128][DERP_KEY_LEN];

	/* Keys that differ in one byte only. */
	memset(k[(int)name], 0x55, DERP_KEY_LEN);
	k[(int)name][31] = (uint8_t)name;
	return k[(int)name];
}

static inline int setup(void **state)
{
	(void)state;
	memset(&relay, 0, sizeof relay);
	memset(m, 0, sizeof m);
	memset(ended, 0, sizeof ended);
	flushes = 0;
	flush_writes = false;
	relay.wake = on_wake;
	relay.flush = on_flush;
	relay.end = on_end;
	relay.control_max = 4096;
	relay.own_key = key('!');
	relay.now_ms = 1000000;
	return 0;
}

static inline void join(int i, char name)
{
	assert_int_equal(relay_join(&relay, &m[i], key(name)), 0);
}

static inline void leave(int i)
{
	relay_leave(&relay, &m[i]);
	outbox_free(&m[i].out);
	memset(&m[i], 0, sizeof m[i]);
}

/* Everybody goes; nothing is left in any table, and no packet leaks. */
static inline int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < NUM; i++)
		leave(i);
	if (relay.peers != NULL || relay.links != NULL ||
	    relay.watchers != NULL || pool.used != 0)
		return -1;
	return 0;
}

static inline struct packet *packet(const uint8_t *keys, size_t num,
				    const void *data, size_t len)
{
	size_t head = num * DERP_KEY_LEN;
	struct packet *p = packet_new(&pool, (uint32_t)(head + len));

	assert_non_null(p);
	memcpy(packet_payload(p), keys, head);
	memcpy(packet_payload(p) + head, data, len);
	return p;
}

static inline void send_bytes(int i, char dst, const void *data, size_t len)
{
	relay_active(&relay, &m[i]);
	relay_send(&relay, &m[i], packet(key(dst), 1, data, len));
}

static inline void send_text(int i, char dst, const char *data)
{
	send_bytes(i, dst, data, strlen(data));
}

static uint8_t disco[100] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };

static inline void send_disco(int i, char dst)
{
	send_bytes(i, dst, disco, 62);
}

static inline void forward(int i, char src, char dst, const char *data)
{
	uint8_t keys[2 * DERP_KEY_LEN];

	memcpy(keys, key(src), DERP_KEY_LEN);
	memcpy(keys + DERP_KEY_LEN, key(dst), DERP_KEY_LEN);
	relay_forward(&relay, &m[i], packet(keys, 2, data, strlen(data)));
}

/* ---- what a connection was sent -------------------------------------- */

static inline void word(char *out, const struct derp_frame *f)
{
	struct derp_msg msg;

	assert_int_equal(derp_parse(&msg, f, DERP_WIRE_V2), 0);
	switch (f->type) {
	case DERP_RECV_PACKET:
		if (msg.packet.len >= 62)
			sprintf(out, "%c:disco ", msg.packet.src[31]);
		else
			sprintf(out, "%c:%.*s ", msg.packet.src[31],
				(int)msg.packet.len,
				(const char *)msg.packet.data);
		break;
	case DERP_PEER_GONE:
		sprintf(out, "%c%c ", msg.gone.reason == 0 ? '-' : '?',
			msg.gone.key[31]);
		assert_in_range(msg.gone.reason, 0, 1);
		break;
	case DERP_PEER_PRESENT:
		sprintf(out, "+%c%d ", msg.present.key[31], msg.present.flags);
		break;
	case DERP_PONG:
		sprintf(out, "o ");
		break;
	case DERP_KEEP_ALIVE:
		sprintf(out, "k ");
		break;
	default:
		fail();
	}
}

static char got[8192];

static inline const char *sent_to(int i)
{
	static uint8_t bytes[65536];
	struct iovec iov[OUTBOX_IOV];
	struct derp_reader r;
	struct derp_frame f;
	int num, e;

	got[0] = '\0';
	derp_reader_init(&r, UINT32_MAX);
	while ((num = outbox_iov(&m[i].out, iov)) > 0) {
		const uint8_t *in = iov[0].iov_base;
		size_t n = iov[0].iov_len;
		while ((e = derp_reader_next(&r, &in, &n, &f)) > 0) {
			if (e == DERP_HEAD)
				derp_reader_lend(&r, bytes, sizeof bytes);
			else
				word(got + strlen(got), &f);
		}
		assert_int_equal(derp_reader_end(&r), 0);
		outbox_sent(&m[i].out, iov[0].iov_len);
	}
	return got;
}

#define sent(i, words) assert_string_equal(sent_to(i), words)

#define T(name, f)                                                             \
	{                                                                      \
		name, f, setup, teardown, NULL                                 \
	}

#endif
