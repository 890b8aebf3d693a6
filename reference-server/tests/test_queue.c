/*
 * test_queue.c - packets and outboxes: what is kept, what is lost, and that
 * the stream of frames never tears.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue.h"

#define MAX 1024 /* control bytes */

static struct pool pool = { 0, 1 << 20 };
static const uint8_t key_a[DERP_KEY_LEN] = { 0xaa };
static const uint8_t key_b[DERP_KEY_LEN] = { 0xbb };

/* A packet to B from A whose data is n bytes of value. */
static struct packet *packet(uint8_t value, uint32_t n)
{
	struct packet *p = packet_new(&pool, DERP_KEY_LEN + n);

	assert_non_null(p);
	memcpy(packet_payload(p), key_b, DERP_KEY_LEN);
	memset(packet_payload(p) + DERP_KEY_LEN, value, n);
	packet_from_send(p, key_a);
	return p;
}

static void control(struct outbox *o, uint8_t value, uint32_t n)
{
	uint8_t frame[DERP_HEAD_LEN + 100];

	derp_head_build(frame, DERP_HEALTH, n);
	memset(frame + DERP_HEAD_LEN, value, n);
	assert_int_equal(outbox_control(o, MAX, frame, DERP_HEAD_LEN + n), 0);
}

/* Take at most max bytes of what the outbox would write. */
static size_t take(struct outbox *o, uint8_t *out, size_t max)
{
	struct iovec iov[OUTBOX_IOV];
	int num = outbox_iov(o, iov);
	size_t n = 0;

	assert_true(num <= OUTBOX_IOV);
	for (int i = 0; i < num && n < max; i++) {
		size_t k = iov[i].iov_len < max - n ? iov[i].iov_len : max - n;
		assert_true(iov[i].iov_len > 0);
		memcpy(out + n, iov[i].iov_base, k);
		n += k;
	}
	outbox_sent(o, n);
	return n;
}

/* All frames of the outbox, as "type value len" for each. */
static void drain(struct outbox *o, char *text, size_t step)
{
	static uint8_t bytes[1 << 18], lent[1 << 17];
	size_t n = 0, k;
	const uint8_t *in = bytes;
	struct derp_reader r;
	struct derp_frame f;
	int e;

	while ((k = take(o, bytes + n, step)) > 0)
		n += k;
	assert_true(outbox_is_empty(o));
	*text = '\0';
	derp_reader_init(&r, UINT32_MAX);
	while ((e = derp_reader_next(&r, &in, &n, &f)) > 0) {
		if (e == DERP_HEAD)
			derp_reader_lend(&r, lent, sizeof lent);
		else
			text += snprintf(text, 20, "%x.%u.%u ", f.type,
					 f.len > 0 ? f.body[f.len - 1] : 0,
					 f.len);
	}
	assert_int_equal(e, DERP_NEED);
	assert_int_equal(derp_reader_end(&r), 0);
}

static char text[4096];

/* ---- packets --------------------------------------------------------- */

static void send_becomes_recv(void **state)
{
	struct packet *p = packet(7, 3);
	static const uint8_t head[] = { 5, 0, 0, 0, 35 };

	(void)state;
	assert_int_equal(p->len, 5 + 32 + 3);
	assert_memory_equal(p->bytes + p->at, head, 5);
	assert_memory_equal(p->bytes + p->at + 5, key_a, 32);
	assert_int_equal(p->bytes[p->at + 37], 7);
	assert_int_equal(p->bytes[p->at + 39], 7);
	packet_free(p);
}

static void forward_becomes_recv(void **state)
{
	struct packet *p = packet_new(&pool, 2 * DERP_KEY_LEN + 1);
	static const uint8_t head[] = { 5, 0, 0, 0, 33 };
	uint8_t src[DERP_KEY_LEN];

	(void)state;
	assert_non_null(p);
	for (uint8_t i = 0; i < DERP_KEY_LEN; i++)
		src[i] = (uint8_t)(i + 1);
	memcpy(packet_payload(p), src, DERP_KEY_LEN);
	memcpy(packet_payload(p) + DERP_KEY_LEN, key_b, DERP_KEY_LEN);
	packet_payload(p)[64] = 9;
	packet_from_forward(p);
	assert_int_equal(p->len, 5 + 33);
	assert_int_equal(p->at + p->len, p->cap);
	assert_memory_equal(p->bytes + p->at, head, 5);
	assert_memory_equal(p->bytes + p->at + 5, src, 32);
	assert_int_equal(p->bytes[p->at + 37], 9);
	packet_free(p);
}

static void pool_is_bounded(void **state)
{
	struct pool small = { 0, 4096 };
	struct packet *p[64];
	int n = 0;

	(void)state;
	while (n < 64 && (p[n] = packet_new(&small, 500)) != NULL)
		n++;
	assert_in_range(n, 6, 8);
	assert_true(small.used <= small.max);
	packet_free(p[--n]);
	p[n] = packet_new(&small, 500);
	assert_non_null(p[n++]);
	while (n > 0)
		packet_free(p[--n]);
	packet_free(NULL);
	assert_int_equal(small.used, 0);
	assert_null(packet_new(&small, 4096));
	assert_null(packet_new(&small, UINT32_MAX));
}

/* ---- queues ---------------------------------------------------------- */

static void head_drop(void **state)
{
	struct outbox o = { 0 };
	char want[4096] = "", *w = want;
	size_t before = pool.used;

	(void)state;
	for (uint8_t i = 0; i < 100; i++)
		outbox_packet(&o, QUEUE_OTHER, packet(i, 1));
	assert_true(outbox_is_full(&o, QUEUE_OTHER));
	assert_false(outbox_is_full(&o, QUEUE_DISCO));
	assert_int_equal(o.dropped, 68);
	for (int i = 68; i < 100; i++)
		w += sprintf(w, "5.%d.33 ", i);
	drain(&o, text, SIZE_MAX);
	assert_string_equal(text, want);
	assert_int_equal(pool.used, before);
}

static void limit_is_exact(void **state)
{
	struct outbox o = { 0 };

	(void)state;
	for (uint8_t i = 0; i < 31; i++)
		outbox_packet(&o, QUEUE_DISCO, packet(i, 1));
	assert_false(outbox_is_full(&o, QUEUE_DISCO));
	outbox_packet(&o, QUEUE_DISCO, packet(31, 1));
	assert_true(outbox_is_full(&o, QUEUE_DISCO));
	assert_int_equal(o.dropped, 0);
	outbox_packet(&o, QUEUE_DISCO, packet(32, 1));
	assert_int_equal(o.dropped, 1);
	outbox_free(&o);
}

static void classes_are_apart(void **state)
{
	static const char want[] = "5.100.33 5.68.33 5.101.33 5.69.33 "
				   "5.102.33 5.70.33 5.71.33 5.72.33 ";
	struct outbox o = { 0 };

	(void)state;
	for (uint8_t i = 0; i < 3; i++)
		outbox_packet(&o, QUEUE_DISCO, packet((uint8_t)(100 + i), 1));
	for (uint8_t i = 0; i < 100; i++)
		outbox_packet(&o, QUEUE_OTHER, packet(i, 1));
	drain(&o, text, SIZE_MAX);
	/* They take turns, and each keeps its order. */
	assert_memory_equal(text, want, strlen(want));
}

static void control_goes_first(void **state)
{
	struct outbox o = { 0 };

	(void)state;
	outbox_packet(&o, QUEUE_OTHER, packet(1, 1));
	control(&o, 2, 4);
	control(&o, 3, 0);
	drain(&o, text, SIZE_MAX);
	assert_string_equal(text, "14.2.4 14.0.0 5.1.33 ");
	assert_null(o.control);
}

/* Whatever the socket takes at a time, frames come out whole and in an order
 * that does not depend on it. */
static void every_cut(void **state)
{
	(void)state;
	for (size_t step = 1; step < 300; step++) {
		struct outbox o = { 0 };
		for (uint8_t i = 0; i < 5; i++) {
			outbox_packet(&o, QUEUE_OTHER, packet(i, i * 20u + 1));
			outbox_packet(&o, QUEUE_DISCO,
				      packet((uint8_t)(50 + i), 7));
		}
		control(&o, 9, 30);
		drain(&o, text, step);
		assert_string_equal(text, "14.9.30 5.50.39 5.0.33 5.51.39 "
					  "5.1.53 5.52.39 5.2.73 5.53.39 "
					  "5.3.93 5.54.39 5.4.113 ");
	}
}

/* What comes after a packet was begun waits until it is finished, and a begun
 * packet is never dropped. */
static void begun_is_finished(void **state)
{
	uint8_t bytes[64];

	(void)state;
	for (size_t cut = 1; cut < 38; cut++) {
		struct outbox o = { 0 };
		struct derp_reader r;
		struct derp_frame f;
		const uint8_t *in = bytes;
		size_t n = cut;
		outbox_packet(&o, QUEUE_OTHER, packet(1, 1));
		assert_int_equal(take(&o, bytes, cut), cut);
		for (uint8_t i = 0; i < 40; i++)
			outbox_packet(&o, QUEUE_OTHER, packet(i, 1));
		control(&o, 9, 3);
		take(&o, bytes + cut, 38 - cut);
		n = 38;
		derp_reader_init(&r, UINT32_MAX);
		assert_int_equal(derp_reader_next(&r, &in, &n, &f), DERP_HEAD);
		derp_reader_lend(&r, bytes, 64);
		assert_int_equal(derp_reader_next(&r, &in, &n, &f), DERP_FRAME);
		assert_int_equal(f.body[32], 1);
		drain(&o, text, SIZE_MAX);
		assert_memory_equal(text, "14.9.3 5.8.33 5.9.33 ", 21);
	}
}

/* The same for control bytes: a packet does not get in between. */
static void begun_control_is_finished(void **state)
{
	uint8_t bytes[512];

	(void)state;
	for (size_t cut = 1; cut < 35; cut++) {
		struct outbox o = { 0 };
		size_t n;
		control(&o, 9, 30);
		assert_int_equal(take(&o, bytes, cut), cut);
		outbox_packet(&o, QUEUE_OTHER, packet(1, 1));
		control(&o, 8, 3);
		n = take(&o, bytes + cut, SIZE_MAX);
		assert_int_equal(n, 35 - cut + 8 + 38);
		assert_int_equal(bytes[0], DERP_HEALTH);
		assert_int_equal(bytes[34], 9);
		assert_int_equal(bytes[35], DERP_HEALTH);
		assert_int_equal(bytes[43], DERP_RECV_PACKET);
	}
}

/* ---- control --------------------------------------------------------- */

static void control_is_bounded(void **state)
{
	struct outbox o = { 0 };
	uint8_t frame[10] = { DERP_KEEP_ALIVE }, out[64];

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(outbox_control(&o, 100, frame, 10), 0);
	assert_int_equal(outbox_control(&o, 100, frame, 1), -1);
	assert_int_equal(o.len - o.sent, 100);
	take(&o, out, 10);
	assert_int_equal(outbox_control(&o, 100, frame, 11), -1);
	assert_int_equal(outbox_control(&o, 100, frame, 10), 0);
	assert_int_equal(outbox_control(&o, 0, frame, 1), -1);
	outbox_free(&o);
}

/* Written bytes make room again: a connection that never quite drains does
 * not grow. */
static void control_does_not_grow(void **state)
{
	struct outbox o = { 0 };
	uint8_t out[64];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		control(&o, (uint8_t)i, 20);
		if (i > 2)
			assert_int_equal(take(&o, out, 25), 25);
		if (i > 2)
			assert_int_equal(out[5], (uint8_t)(i - 3));
	}
	assert_true(o.cap <= 512);
	outbox_free(&o);
}

static void one_pong(void **state)
{
	struct outbox o = { 0 };
	uint8_t out[32];

	(void)state;
	control(&o, 1, 1);
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"AAAAAAAA"), 0);
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"BBBBBBBB"), 0);
	control(&o, 2, 1);
	take(&o, out, 6 + 12); /* all of the pong but a byte */
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"CCCCCCCC"), 0);
	take(&o, out, 1);
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"DDDDDDDD"), 0);
	drain(&o, text, SIZE_MAX);
	assert_string_equal(text, "14.2.1 13.68.8 ");
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"EEEEEEEE"), 0);
	assert_int_equal(outbox_pong(&o, 5, (const uint8_t *)"FFFFFFFF"), 0);
	drain(&o, text, SIZE_MAX);
	assert_string_equal(text, "13.69.8 ");
	assert_int_equal(outbox_pong(&o, 12, (const uint8_t *)"GGGGGGGG"), -1);
	assert_true(outbox_is_empty(&o));
}

/* The pong stays pending when the bytes in front of it are moved away. */
static void pong_survives_compaction(void **state)
{
	struct outbox o = { 0 };
	uint8_t out[512];

	(void)state;
	for (int i = 0; i < 9; i++)
		control(&o, 1, 20); /* 225 of 256 bytes */
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"AAAAAAAA"), 0);
	take(&o, out, 225);
	control(&o, 2, 30); /* does not fit behind: moves */
	assert_int_equal(o.sent, 0);
	assert_int_equal(outbox_pong(&o, MAX, (const uint8_t *)"BBBBBBBB"), 0);
	drain(&o, text, SIZE_MAX);
	assert_string_equal(text, "13.65.8 14.2.30 ");
}

static void free_gives_all_back(void **state)
{
	struct outbox o = { 0 };
	uint8_t out[8];

	(void)state;
	for (uint8_t i = 0; i < 10; i++) {
		outbox_packet(&o, QUEUE_OTHER, packet(i, 100));
		outbox_packet(&o, QUEUE_DISCO, packet(i, 100));
	}
	take(&o, out, 8);
	assert_non_null(o.begun);
	control(&o, 1, 1);
	outbox_free(&o);
	assert_true(outbox_is_empty(&o));
	assert_int_equal(pool.used, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "SendPacket becomes RecvPacket in place", send_becomes_recv,
		  0, 0, 0 },
		{ "ForwardPacket becomes RecvPacket in place",
		  forward_becomes_recv, 0, 0, 0 },
		{ "all packets together are bounded", pool_is_bounded, 0, 0,
		  0 },
		{ "a full queue keeps the newest 32", head_drop, 0, 0, 0 },
		{ "32 are kept, the 33rd drops one", limit_is_exact, 0, 0, 0 },
		{ "the classes do not drop each other", classes_are_apart, 0, 0,
		  0 },
		{ "control goes before packets", control_goes_first, 0, 0, 0 },
		{ "frames are whole for every cut", every_cut, 0, 0, 0 },
		{ "a begun packet is finished first", begun_is_finished, 0, 0,
		  0 },
		{ "a begun control frame is finished first",
		  begun_control_is_finished, 0, 0, 0 },
		{ "control bytes are bounded", control_is_bounded, 0, 0, 0 },
		{ "written control bytes make room", control_does_not_grow, 0,
		  0, 0 },
		{ "one pong waits at a time", one_pong, 0, 0, 0 },
		{ "a moved pong still waits", pong_survives_compaction, 0, 0,
		  0 },
		{ "freeing gives everything back", free_gives_all_back, 0, 0,
		  0 },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
