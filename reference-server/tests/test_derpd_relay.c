/*
 * test_derpd_relay.c - packets, notices, duplicates and mesh clients, against
 * a running derpd.
 */
#include "live.h"

static struct live_server server;
static char mesh_file[] = "/tmp/derpd-mesh-XXXXXX";

static int group_start(void **state)
{
	int fd = mkstemp(mesh_file);
	const char *const args[] = { "--mesh-key-file", mesh_file, NULL };

	(void)state;
	if (fd < 0 || write(fd, MESH_HEX "\n", 65) != 65)
		return -1;
	close(fd);
	live_start(&server, args, 0);
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	unlink(mesh_file);
	live_stop(&server);
	return 0;
}

static uint8_t data[DERP_PACKET_MAX + 1];

static void fill(uint8_t seed)
{
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(seed + i * 7 + i / 251);
}

static const uint8_t disco[62] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };
static const uint8_t nobody[DERP_KEY_LEN] = { 9, 9, 9 };

/* ---- packets --------------------------------------------------------- */

static void sizes(void **state)
{
	static const size_t lens[] = { 0,    1,    31,    32,    61,    62,
				       1400, 4096, 65500, 65504, 65535, 65536 };
	struct conn *a = conn_login(&server), *b = conn_login(&server);

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		fill((uint8_t)i);
		conn_packet(a, b->pub, data, lens[i]);
		conn_expect_packet(b, a->pub, data, lens[i]);
		conn_packet(b, a->pub, data, lens[i]);
		conn_expect_packet(a, b->pub, data, lens[i]);
		conn_packet(a, a->pub, data, lens[i]);
		conn_expect_packet(a, a->pub, data, lens[i]);
	}
	conn_quiet(b, QUIET_MS);
	conn_close(a);
	conn_close(b);
}

/* Any cut of the stream gives the same packets. */
static void pieces(void **state)
{
	static const size_t steps[] = { 1, 3, 37, 1000, 4099 };
	struct conn *a = conn_login(&server), *b = conn_login(&server);
	static uint8_t stream[3 * (DERP_HEAD_LEN + DERP_KEY_LEN + 4100)];

	(void)state;
	fill(3);
	for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
		size_t len = steps[s] < 37 ? 100 : 4100, n = 0;
		for (int i = 0; i < 3; i++) {
			derp_head_build(stream + n, DERP_SEND_PACKET,
					(uint32_t)(DERP_KEY_LEN + len));
			memcpy(stream + n + 5, b->pub, DERP_KEY_LEN);
			memcpy(stream + n + 37, data, len);
			stream[n + 37] = (uint8_t)i;
			n += 37 + len;
		}
		for (size_t at = 0; at < n; at += steps[s])
			conn_write(a, stream + at,
				   n - at < steps[s] ? n - at : steps[s]);
		for (int i = 0; i < 3; i++) {
			data[0] = (uint8_t)i;
			conn_expect_packet(b, a->pub, data, len);
		}
	}
	conn_close(a);
	conn_close(b);
}

static void order(void **state)
{
	struct conn *a = conn_login(&server), *b = conn_login(&server);

	(void)state;
	for (uint8_t round = 0; round < 10; round++) {
		for (uint8_t i = 0; i < 30; i++)
			conn_packet(a, b->pub, &i, 1);
		for (uint8_t i = 0; i < 30; i++)
			conn_expect_packet(b, a->pub, &i, 1);
	}
	conn_close(a);
	conn_close(b);
}

/* A burst in one segment is written on the way, not lost in the queue. */
static void burst_to_a_reader(void **state)
{
	static uint8_t stream[1000 * 39];
	struct conn *a = conn_login(&server), *b = conn_login(&server);
	struct derp_frame f;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t *p = stream + i * 39;
		derp_head_build(p, DERP_SEND_PACKET, DERP_KEY_LEN + 2);
		memcpy(p + 5, b->pub, DERP_KEY_LEN);
		p[37] = (uint8_t)(i >> 8);
		p[38] = (uint8_t)i;
	}
	conn_write(a, stream, sizeof stream);
	for (unsigned i = 0; i < 1000; i++) {
		conn_expect(b, DERP_RECV_PACKET, &f);
		assert_int_equal(f.body[32] * 256 + f.body[33], i);
	}
	conn_close(a);
	conn_close(b);
}

/* ---- what closes ----------------------------------------------------- */

static const struct closer {
	const char *name;
	uint32_t type, len; /* of the header */
	size_t sent;        /* payload bytes that come with it */
	bool mesh;
	size_t open; /* with one byte less the connection stays open; 0: no */
} closers[] = {
	{ "SendPacket of 31", 0x04, 31, 0, false, 0 },
	{ "SendPacket of 0", 0x04, 0, 0, false, 0 },
	{ "a packet of 65537, at its key", 0x04, 65569, 32, false, 32 },
	{ "a packet of 65537, whole", 0x04, 65569, 65569, false, 0 },
	{ "a packet of 4 GiB", 0x04, UINT32_MAX, 32, false, 32 },
	{ "NotePreferred of 0", 0x07, 0, 0, false, 0 },
	{ "NotePreferred of 2", 0x07, 2, 0, false, 0 },
	{ "ping of 7", 0x12, 7, 0, false, 0 },
	{ "ping of 1001", 0x12, 1001, 0, false, 0 },
	{ "WatchConns unprivileged", 0x10, 0, 0, false, 0 },
	{ "ClosePeer unprivileged", 0x11, 32, 0, false, 0 },
	{ "ForwardPacket unprivileged", 0x0a, 64, 0, false, 0 },
	{ "ForwardPacket unprivileged, short", 0x0a, 0, 0, false, 0 },
	{ "unknown of 65569", 0x77, 65569, 0, false, 0 },
	{ "pong of 65569", 0x13, 65569, 0, false, 0 },
	{ "ClientInfo of 65569", 0x02, 65569, 0, false, 0 },
	{ "WatchConns of 1", 0x10, 1, 0, true, 0 },
	{ "ClosePeer of 31", 0x11, 31, 0, true, 0 },
	{ "ClosePeer of 33", 0x11, 33, 0, true, 0 },
	{ "ForwardPacket of 63", 0x0a, 63, 0, true, 0 },
	{ "forwarded packet of 65537", 0x0a, 65601, 64, true, 64 },
	{ "unknown of 65569 by a mesh client", 0x77, 65569, 0, true, 0 },
};

static void closes(void **state)
{
	const struct closer *row = *state;
	struct conn *c =
		row->mesh ? conn_login_mesh(&server) : conn_login(&server);
	struct conn *other = conn_login(&server);

	memset(data, 1, sizeof data);
	conn_head(c, row->type, row->len);
	if (row->open != 0) {
		conn_write(c, data, row->open - 1);
		conn_quiet(c, QUIET_MS);
		conn_write(c, data, 1);
	} else {
		for (size_t n = 0; n < row->sent; n += 31)
			if (conn_try_write(c, data, 31) != 0)
				break;
	}
	conn_expect_closed(c);
	conn_ping(other);
	conn_close(c);
	conn_close(other);
}

/* What comes before the violation is not lost. */
static void packet_before_violation(void **state)
{
	struct conn *a = conn_login(&server), *b = conn_login(&server);
	uint8_t bytes[37 + 2 + 5];

	(void)state;
	derp_head_build(bytes, DERP_SEND_PACKET, 34);
	memcpy(bytes + 5, b->pub, 32);
	memcpy(bytes + 37, "hi", 2);
	derp_head_build(bytes + 39, DERP_PING, 7);
	conn_write(a, bytes, sizeof bytes);
	conn_expect_closed(a);
	/* The notice may come before the packet. */
	for (int i = 0; i < 2; i++) {
		struct derp_frame f;
		assert_int_equal(conn_frame(b, &f, WAIT_MS), 1);
		assert_true(f.type == DERP_RECV_PACKET ||
			    f.type == DERP_PEER_GONE);
	}
	conn_close(a);
	conn_close(b);
}

static void garbage(void **state)
{
	uint8_t bytes[4096];

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct conn *c = conn_login(&server);
		randombytes_buf(bytes, sizeof bytes);
		bytes[0] = (uint8_t)i;
		bytes[1] = bytes[2] = 0;
		conn_try_write(c, bytes, sizeof bytes);
		conn_close(c);
	}
	struct conn *c = conn_login(&server);
	conn_ping(c);
	conn_close(c);
}

/* ---- what is skipped ------------------------------------------------- */

static void skips(void **state)
{
	static const uint8_t types[] = { 0x00, 0x01, 0x02, 0x03, 0x05, 0x06,
					 0x08, 0x09, 0x0b, 0x0f, 0x13, 0x14,
					 0x15, 0x16, 0x77, 0xff };
	static const size_t lens[] = { 0, 1, 32, 33, 51, 1000, 65568 };
	struct conn *c = conn_login(&server);

	(void)state;
	memset(data, 0x12, sizeof data);
	for (size_t t = 0; t < sizeof types; t++)
		for (size_t l = 0; l < sizeof lens / sizeof lens[0]; l++) {
			conn_head(c, types[t], (uint32_t)lens[l]);
			for (size_t n = 0; n < lens[l];) {
				size_t k = lens[l] - n;
				k = k < sizeof data ? k : sizeof data;
				conn_write(c, data, k);
				n += k;
			}
			conn_ping(c);
		}
	/* Home is taken with any value. */
	for (uint8_t home = 0; home < 3; home++)
		conn_send(c, DERP_NOTE_PREFERRED, &home, 1);
	conn_ping(c);
	conn_close(c);
}

static void pings(void **state)
{
	struct conn *c = conn_login(&server);
	static const size_t lens[] = { 8, 9, 16, 1000 };
	struct derp_frame f;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fill((uint8_t)i);
		conn_send(c, DERP_PING, data, lens[i]);
		conn_expect(c, DERP_PONG, &f);
		assert_int_equal(f.len, 8);
		assert_memory_equal(f.body, data, 8);
	}
	/* Not before all of it is there. */
	conn_head(c, DERP_PING, 100);
	conn_write(c, data, 99);
	conn_quiet(c, QUIET_MS);
	conn_write(c, data, 1);
	conn_expect(c, DERP_PONG, &f);
	assert_memory_equal(f.body, data, 8);
	conn_close(c);
}

/* ---- notices --------------------------------------------------------- */

/* Nothing more comes; on a machine that was asleep meanwhile, the next token
 * is there and this cannot be told. */
static void quiet_until(struct conn *c, int64_t token)
{
	if (clock_ms() + QUIET_MS < token - 50)
		conn_quiet(c, QUIET_MS);
}

static void not_here(void **state)
{
	struct conn *a = conn_login(&server);
	int64_t begin;

	(void)state;
	conn_packet(a, nobody, "hello", 5);
	conn_packet(a, nobody, disco, 61);
	conn_ping(a);
	conn_quiet(a, QUIET_MS);
	begin = clock_ms();
	for (int i = 0; i < 10; i++)
		conn_packet(a, nobody, disco, 62);
	for (int i = 0; i < 3; i++)
		conn_expect_gone(a, nobody, 1);
	quiet_until(a, begin + 1000);
	sleep_ms(1000);
	conn_packet(a, nobody, disco, 62);
	conn_packet(a, nobody, disco, 62);
	conn_expect_gone(a, nobody, 1);
	quiet_until(a, begin + 2000);
	conn_close(a);
}

/* After a long silence the allowance is whole again: the clock of the limiter
 * must be that of the moment. */
static void not_here_after_silence(void **state)
{
	struct conn *a = conn_login(&server);
	int64_t begin = clock_ms();

	(void)state;
	for (int i = 0; i < 3; i++)
		conn_packet(a, nobody, disco, 62);
	for (int i = 0; i < 3; i++)
		conn_expect_gone(a, nobody, 1);
	sleep_ms(2100);
	for (int i = 0; i < 4; i++)
		conn_packet(a, nobody, disco, 62);
	conn_expect_gone(a, nobody, 1);
	conn_expect_gone(a, nobody, 1);
	quiet_until(a, begin + 3000);
	conn_close(a);
}

static void gone_each_time(void **state)
{
	struct conn *b = conn_login(&server), *c = conn_login(&server);
	struct conn *a = conn_login(&server), *again;

	(void)state;
	for (int round = 0; round < 4; round++) {
		conn_packet(a, b->pub, "x", 1);
		conn_expect_packet(b, a->pub, "x", 1);
		conn_hang_up(a);
		conn_expect_gone(b, a->pub, 0);
		again = conn_login_as(&server, a, "{}");
		free(a);
		a = again;
	}
	conn_quiet(c, QUIET_MS);
	conn_close(a);
	conn_close(b);
	conn_close(c);
}

/* ---- duplicates ------------------------------------------------------ */

static void duplicates(void **state)
{
	struct conn *b = conn_login(&server), *a1 = conn_login(&server);
	struct conn *a2 = conn_login_as(&server, a1, "{}");

	(void)state;
	conn_packet(b, a1->pub, "1", 1);
	conn_expect_packet(a2, b->pub, "1", 1);
	conn_ping(a1);
	conn_packet(b, a1->pub, "2", 1);
	conn_expect_packet(a1, b->pub, "2", 1);
	/* Four bytes of a header do not switch, the fifth does. */
	conn_write(a2, "\x77\0\0\0", 4);
	sleep_ms(QUIET_MS);
	conn_packet(b, a1->pub, "3", 1);
	conn_expect_packet(a1, b->pub, "3", 1);
	conn_write(a2, "\x01", 1);
	sleep_ms(QUIET_MS);
	conn_packet(b, a1->pub, "4", 1);
	conn_expect_packet(a2, b->pub, "4", 1);
	/* A packet of the older one is of the same key. */
	conn_write(a2, "x", 1);
	conn_packet(a1, b->pub, "5", 1);
	conn_expect_packet(b, a1->pub, "5", 1);
	/* The receiving one ends: the other takes over, nobody is told. */
	conn_hang_up(a1);
	conn_ping(a2);
	sleep_ms(QUIET_MS);
	conn_packet(b, a2->pub, "6", 1);
	conn_expect_packet(a2, b->pub, "6", 1);
	conn_quiet(b, QUIET_MS);
	conn_hang_up(a2);
	conn_expect_gone(b, a2->pub, 0);
	free(a1);
	free(a2);
	conn_close(b);
}

/* ---- mesh ------------------------------------------------------------ */

static void expect_present(struct conn *w, const uint8_t *key, int flags,
			   const char *app)
{
	struct derp_frame f;
	struct derp_msg msg;
	uint8_t ip[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };

	do
		conn_expect(w, DERP_PEER_PRESENT, &f);
	while (memcmp(f.body, key, DERP_KEY_LEN) != 0);
	assert_int_equal(derp_parse(&msg, &f, DERP_WIRE_V2), 0);
	assert_int_equal(f.len, 52 + strlen(app));
	assert_memory_equal(msg.present.ip, ip, 16);
	assert_int_not_equal(msg.present.port, 0);
	assert_int_equal(msg.present.flags, flags);
	assert_int_equal(msg.present.app_len, strlen(app));
	assert_memory_equal(msg.present.app, app, strlen(app));
}

static void watching(void **state)
{
	struct conn *w = conn_login_mesh(&server), *c, *d;

	(void)state;
	conn_send(w, DERP_WATCH_CONNS, NULL, 0);
	expect_present(w, w->pub, 2, "");
	c = conn_login_as(&server, NULL,
			  "{\"IsProber\":true,\"AppName\":\"app 1\"}");
	expect_present(w, c->pub, 4, "app 1");
	d = conn_login_as(&server, c, "{\"AppName\":\"\"}");
	expect_present(w, c->pub, 1, "");
	conn_hang_up(c);
	conn_ping(d);
	conn_quiet(w, QUIET_MS);
	conn_hang_up(d);
	conn_expect_gone(w, d->pub, 0);
	free(c);
	free(d);
	conn_close(w);
}

/* A packet sent on the watcher's notice arrives: present means routable, also
 * before ServerInfo (DERP-LOGIN-13). */
static void present_is_routable(void **state)
{
	struct conn *w = conn_login_mesh(&server), *c;

	(void)state;
	conn_send(w, DERP_WATCH_CONNS, NULL, 0);
	expect_present(w, w->pub, 2, "");
	for (int i = 0; i < 20; i++) {
		c = conn_greet(&server);
		conn_send_info(c, "{}");
		expect_present(w, c->pub, 1, "");
		conn_packet(w, c->pub, "early", 5);
		conn_server_info(c);
		conn_expect_packet(c, w->pub, "early", 5);
		conn_close(c);
		conn_expect_gone(w, c->pub, 0);
	}
	conn_close(w);
}

static void closing_peers(void **state)
{
	struct conn *m = conn_login_mesh(&server), *a = conn_login(&server);
	struct conn *b = conn_login_as(&server, a, "{}");

	(void)state;
	conn_send(m, DERP_CLOSE_PEER, nobody, DERP_KEY_LEN);
	conn_ping(m);
	conn_ping(a);
	conn_send(m, DERP_CLOSE_PEER, a->pub, DERP_KEY_LEN);
	conn_expect_closed(a);
	conn_expect_closed(b);
	conn_ping(m);
	conn_send(m, DERP_CLOSE_PEER, m->pub, DERP_KEY_LEN);
	conn_expect_closed(m);
	conn_close(a);
	conn_close(b);
	conn_close(m);
}

static void forwarding(void **state)
{
	struct conn *m = conn_login_mesh(&server), *a = conn_login(&server);
	static const size_t lens[] = { 0, 1, 1400, 65536 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fill((uint8_t)i);
		conn_head(m, DERP_FORWARD_PACKET, (uint32_t)(64 + lens[i]));
		conn_write(m, nobody, DERP_KEY_LEN);
		conn_write(m, a->pub, DERP_KEY_LEN);
		conn_write(m, data, lens[i]);
		conn_expect_packet(a, nobody, data, lens[i]);
	}
	conn_head(m, DERP_FORWARD_PACKET, 64 + 62);
	conn_write(m, a->pub, DERP_KEY_LEN);
	conn_write(m, nobody, DERP_KEY_LEN);
	conn_write(m, disco, 62);
	conn_expect_gone(m, nobody, 1);
	conn_close(m);
	conn_close(a);
}

/* ---- all ------------------------------------------------------------- */

#define T(name, f)                                                             \
	{                                                                      \
		name, f, NULL, NULL, NULL                                      \
	}
#define NUM_CLOSERS (sizeof closers / sizeof closers[0])

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		T("DERP-SEND-1, -2, -3, -7: packets of 0 to 65536 arrive as they are",
		  sizes),
		T("DERP-FRAME-2: packets in pieces", pieces),
		T("DERP-ORDER-1: order is kept", order),
		T("a burst to a reader is not lost", burst_to_a_reader),
		T("DERP-FRAME-7: what comes before a violation counts",
		  packet_before_violation),
		T("DERP-FRAME-7: garbage ends its sender only", garbage),
		T("DERP-FRAME-3, -5: what is unknown is skipped", skips),
		T("DERP-PING-1, -2: a pong returns 8 bytes", pings),
		T("DERP-GONE-2, -3, -4: NotHere: for disco, three, then one per second",
		  not_here),
		T("DERP-GONE-4: NotHere: a silence restores the three",
		  not_here_after_silence),
		T("DERP-GONE-5, -6, -7: Disconnected comes each time",
		  gone_each_time),
		T("DERP-DUP-1 to -4: duplicates: who wrote last receives",
		  duplicates),
		T("DERP-MESH-3, -4, -5: a watcher hears of all", watching),
		T("DERP-LOGIN-13: who is present is routable",
		  present_is_routable),
		T("DERP-MESH-10, -11: ClosePeer ends all of a key",
		  closing_peers),
		T("DERP-MESH-15, -17: ForwardPacket has the source it names",
		  forwarding),
	};
	static struct CMUnitTest
		all[NUM_CLOSERS + sizeof fixed / sizeof fixed[0]];

	if (sodium_init() < 0)
		return 1;
	memcpy(all, fixed, sizeof fixed);
	for (size_t i = 0; i < NUM_CLOSERS; i++) {
		struct CMUnitTest *t = &all[sizeof fixed / sizeof *fixed + i];
		*t = (struct CMUnitTest)T(closers[i].name, closes);
		memcpy(&t->initial_state, &(const void *){ &closers[i] },
		       sizeof(void *));
	}
	return cmocka_run_group_tests(all, group_start, group_end);
}
