/*
 * test_relay.c - who gets a packet, and who is told of what.  No sockets: what
 * a connection would write is read out of its outbox, as words:
 *
 *	A:hi	RecvPacket "hi" from key A
 *	-A	PeerGone A, Disconnected	?A	PeerGone A, NotHere
 *	+A1	PeerPresent A with flags 1	o	Pong	k
 *KeepAlive
 */
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

static void on_wake(struct member *w)
{
	assert_false(outbox_is_empty(&w->out));
}

static void on_flush(struct member *w)
{
	flushes++;
	if (flush_writes)
		outbox_sent(&w->out, 40);
}

static void on_end(struct member *w, const char *why)
{
	ended[w - m] = why;
}

static const uint8_t *key(char name)
{
	static uint8_t k[128][DERP_KEY_LEN];

	/* Keys that differ in one byte only. */
	memset(k[(int)name], 0x55, DERP_KEY_LEN);
	k[(int)name][31] = (uint8_t)name;
	return k[(int)name];
}

static int setup(void **state)
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

static void join(int i, char name)
{
	assert_int_equal(relay_join(&relay, &m[i], key(name)), 0);
}

static void leave(int i)
{
	relay_leave(&relay, &m[i]);
	outbox_free(&m[i].out);
	memset(&m[i], 0, sizeof m[i]);
}

/* Everybody goes; nothing is left in any table, and no packet leaks. */
static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < NUM; i++)
		leave(i);
	if (relay.peers != NULL || relay.links != NULL ||
	    relay.watchers != NULL || pool.used != 0)
		return -1;
	return 0;
}

static struct packet *packet(const uint8_t *keys, size_t num, const void *data,
			     size_t len)
{
	size_t head = num * DERP_KEY_LEN;
	struct packet *p = packet_new(&pool, (uint32_t)(head + len));

	assert_non_null(p);
	memcpy(packet_payload(p), keys, head);
	memcpy(packet_payload(p) + head, data, len);
	return p;
}

static void send_bytes(int i, char dst, const void *data, size_t len)
{
	relay_active(&relay, &m[i]);
	relay_send(&relay, &m[i], packet(key(dst), 1, data, len));
}

static void send_text(int i, char dst, const char *data)
{
	send_bytes(i, dst, data, strlen(data));
}

static uint8_t disco[100] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };

static void send_disco(int i, char dst)
{
	send_bytes(i, dst, disco, 62);
}

static void forward(int i, char src, char dst, const char *data)
{
	uint8_t keys[2 * DERP_KEY_LEN];

	memcpy(keys, key(src), DERP_KEY_LEN);
	memcpy(keys + DERP_KEY_LEN, key(dst), DERP_KEY_LEN);
	relay_forward(&relay, &m[i], packet(keys, 2, data, strlen(data)));
}

/* ---- what a connection was sent -------------------------------------- */

static void word(char *out, const struct derp_frame *f)
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

static const char *sent_to(int i)
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

/* ---- packets --------------------------------------------------------- */

static void delivers(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	join(2, 'C');
	send_text(0, 'B', "1");
	send_text(1, 'A', "2");
	send_text(0, 'B', "");
	send_text(0, 'C', "3");
	send_text(0, 'B', "4");
	sent(1, "A:1 A: A:4 ");
	sent(0, "B:2 ");
	sent(2, "A:3 ");
	assert_int_equal(relay.relayed, 5);
}

static void to_self(void **state)
{
	(void)state;
	join(0, 'A');
	send_text(0, 'A', "me");
	sent(0, "A:me ");
}

static void unknown_is_dropped(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	send_text(0, 'X', "hello");
	send_bytes(0, 'X', disco, 61);
	disco[5] ^= 1;
	send_bytes(0, 'X', disco, 62);
	disco[5] ^= 1;
	sent(0, "");
	sent(1, "");
	assert_int_equal(relay.unknown, 3);
	send_disco(0, 'X');
	sent(0, "?X ");
	sent(1, "");
}

/* The cache of the last destination must not outlive it. */
static void destination_changes(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	send_text(0, 'B', "1");
	sent(1, "A:1 ");
	leave(1);
	send_text(0, 'B', "2");
	send_disco(0, 'B');
	sent(0, "?B ");
	join(2, 'B');
	send_text(0, 'B', "3");
	sent(2, "A:3 ");
	join(3, 'B');
	send_text(0, 'B', "4");
	sent(2, "");
	sent(3, "A:4 ");
}

static void full_queue_is_flushed(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	for (int i = 0; i < 32; i++)
		send_text(0, 'B', "x");
	assert_int_equal(flushes, 0);
	flush_writes = true; /* a packet has 38 bytes, so two go */
	send_text(0, 'B', "y");
	assert_int_equal(flushes, 1);
	assert_int_equal(m[1].out.dropped, 0);
	flush_writes = false;
	for (int i = 0; i < 40; i++)
		send_text(0, 'B', "z");
	assert_true(m[1].out.dropped > 0);
}

static void not_here_rate(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	for (int i = 0; i < 10; i++)
		send_disco(0, (char)('R' + i));
	sent(0, "?R ?S ?T ");
	relay.now_ms += 999;
	send_disco(0, 'X');
	sent(0, "");
	relay.now_ms += 1;
	send_disco(0, 'X');
	send_disco(0, 'X');
	sent(0, "?X ");
	/* Each connection has a rate of its own. */
	send_disco(1, 'X');
	sent(1, "?X ");
	/* It saves up three, never more. */
	relay.now_ms += 3600000;
	for (int i = 0; i < 10; i++)
		send_disco(0, 'X');
	sent(0, "?X ?X ?X ");
}

/* ---- leaving --------------------------------------------------------- */

static void gone_each_time(void **state)
{
	(void)state;
	join(1, 'B');
	join(2, 'C');
	for (int round = 0; round < 4; round++) {
		join(0, 'A');
		send_text(0, 'B', "hi");
		sent(1, "A:hi ");
		leave(0);
		sent(1, "-A ");
		sent(2, "");
	}
	/* Not when it did not send this time. */
	join(0, 'A');
	leave(0);
	sent(1, "");
}

static void gone_before_written(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	send_text(0, 'B', "hi");
	leave(0);
	sent(1, "-A A:hi ");
}

static void gone_once_for_many(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	join(2, 'C');
	for (int i = 0; i < 5; i++) {
		send_text(0, 'B', "x");
		send_text(0, 'C', "x");
	}
	sent(1, "A:x A:x A:x A:x A:x ");
	sent(2, "A:x A:x A:x A:x A:x ");
	leave(0);
	sent(1, "-A ");
	sent(2, "-A ");
}

static void gone_not_with_duplicate(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	join(2, 'A');
	send_text(0, 'B', "x");
	leave(0);
	sent(1, "A:x ");
	leave(2);
	sent(1, "-A ");
}

/* A receiver is a connection: both of B that got packets are told, the third
 * is not. */
static void gone_to_each_receiver(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	send_text(0, 'B', "1");
	join(2, 'B');
	send_text(0, 'B', "2");
	join(3, 'B');
	leave(0);
	sent(1, "-A A:1 ");
	sent(2, "-A A:2 ");
	sent(3, "");
}

static void receiver_leaves_first(void **state)
{
	(void)state;
	join(0, 'A');
	join(1, 'B');
	send_text(0, 'B', "1");
	leave(1);
	join(1, 'B');
	leave(0);
	sent(1, "");
}

static void links_are_bounded(void **state)
{
	static struct member many[RELAY_LINKS_MAX + 1];
	uint8_t k[DERP_KEY_LEN] = { 1 };

	(void)state;
	join(0, 'A');
	for (uint32_t i = 0; i < RELAY_LINKS_MAX + 1; i++) {
		memcpy(k + 1, &i, sizeof i);
		assert_int_equal(relay_join(&relay, &many[i], k), 0);
		relay_send(&relay, &m[0], packet(k, 1, "x", 1));
		outbox_free(&many[i].out);
	}
	assert_int_equal(m[0].peer->num_sent, RELAY_LINKS_MAX);
	leave(0);
	assert_true(outbox_is_empty(&many[0].out));
	assert_false(outbox_is_empty(&many[1].out));
	assert_false(outbox_is_empty(&many[RELAY_LINKS_MAX].out));
	for (uint32_t i = 0; i < RELAY_LINKS_MAX + 1; i++) {
		relay_leave(&relay, &many[i]);
		outbox_free(&many[i].out);
	}
}

/* ---- duplicates ------------------------------------------------------ */

static int active(void)
{
	send_text(9, 'A', "?");
	for (int i = 0; i < 9; i++)
		if (!outbox_is_empty(&m[i].out)) {
			sent(i, "Z:? ");
			return i;
		}
	return -1;
}

static void newest_receives(void **state)
{
	(void)state;
	join(9, 'Z');
	for (int i = 0; i < 4; i++) {
		join(i, 'A');
		assert_int_equal(active(), i);
	}
	relay_active(&relay, &m[1]);
	assert_int_equal(active(), 1);
	relay_active(&relay, &m[1]);
	assert_int_equal(active(), 1);
	relay_active(&relay, &m[3]);
	assert_int_equal(active(), 3);
	/* Leaving of another changes nothing. */
	leave(0);
	assert_int_equal(active(), 3);
}

/* join, write and leave in this order; after each leave, who receives */
static const struct {
	const char *name, *script;
} histories[] = {
	{ "3 silent: the first", "j0 j1 j2 l2 =0 l0 =1" },
	{ "4 silent: the third, the first", "j0 j1 j2 j3 l3 =2 l2 =0 l0 =1" },
	{ "writers 2 1 3: the first", "j0 j1 j2 w1 w0 w2 l2 =0 l0 =1" },
	{ "in turn, then 2 1 3", "j0 j1 j2 w0 w1 w0 w1 w0 w1 =1 l1 =0 l0 =2" },
	{ "1 2 3 1 4 2", "j0 j1 j2 j3 w0 w1 w2 w0 w3 w1 l1 =3 l3 =0 l0 =2" },
	{ "2, the newest leaves", "j0 j1 l1 =0" },
	{ "2, the oldest leaves", "j0 j1 l0 =1" },
	{ "history begins anew", "j0 j1 w0 w1 w0 l0 =1 j2 =2 l2 =1" },
	{ "the second after a write", "j0 j1 w1 j2 w0 w2 l2 =0 l0 =1" },
};

static void history(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
		setup(NULL);
		join(9, 'Z');
		for (const char *p = histories[i].script; *p != '\0'; p++) {
			char verb = *p++;
			int who = *p++ - '0';
			if (verb == 'j')
				join(who, 'A');
			else if (verb == 'w')
				relay_active(&relay, &m[who]);
			else if (verb == 'l')
				leave(who);
			else if (active() != who)
				fail_msg("%s", histories[i].name);
			if (*p == '\0')
				break;
		}
		assert_int_equal(teardown(NULL), 0);
	}
}

/* ---- mesh ------------------------------------------------------------ */

static void watcher(void **state)
{
	(void)state;
	m[0].mesh = true;
	join(0, 'M');
	m[1].prober = true;
	join(1, 'B');
	relay_watch(&relay, &m[0]);
	got[0] = '\0';
	sent_to(0);
	assert_int_equal(strlen(got), 8);
	assert_non_null(strstr(got, "+M2 "));
	assert_non_null(strstr(got, "+B4 "));
	m[2].mesh = m[2].prober = m[2].not_ideal = true;
	join(2, 'C');
	sent(0, "+C14 ");
	join(3, 'B'); /* a duplicate is announced too */
	sent(0, "+B1 ");
	leave(3);
	sent(0, "");
	leave(1);
	sent(0, "-B ");
	sent(2, "");
	/* Again, and still told once of each. */
	relay_watch(&relay, &m[0]);
	assert_int_equal(strlen(sent_to(0)), 9);
	leave(2);
	sent(0, "-C ");
}

static void watcher_that_receives(void **state)
{
	(void)state;
	join(0, 'M');
	join(1, 'B');
	relay_watch(&relay, &m[0]);
	sent_to(0);
	send_text(1, 'M', "x");
	sent(0, "B:x ");
	leave(1);
	sent(0, "-B ");
	join(1, 'B');
	leave(1);
	sent(0, "+B1 -B ");
}

static void watcher_leaves(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		join(i, 'M');
		relay_watch(&relay, &m[i]);
	}
	leave(1);
	leave(0);
	sent_to(2);
	join(3, 'B');
	sent(2, "+B1 ");
}

static void watches_itself(void **state)
{
	(void)state;
	join(0, '!');
	relay_watch(&relay, &m[0]);
	join(1, 'B');
	sent(0, "");
}

static void watcher_that_does_not_read(void **state)
{
	(void)state;
	join(0, 'M');
	relay_watch(&relay, &m[0]);
	for (int i = 0; i < 200 && ended[0] == NULL; i++) {
		join(1, 'B');
		leave(1);
	}
	assert_string_equal(ended[0], "too many notices wait");
	assert_true(m[0].out.len - m[0].out.sent <= 4096);
}

static void forwards(void **state)
{
	(void)state;
	join(0, 'M');
	join(1, 'B');
	forward(0, 'X', 'B', "hi");
	sent(1, "X:hi ");
	forward(0, 'X', 'Y', "hi");
	sent(0, "");
	/* The source is who is named, also to itself. */
	forward(0, 'B', 'B', "");
	sent(1, "B: ");
	/* A source that is here counts as the sender. */
	join(2, 'C');
	forward(0, 'C', 'B', "hi");
	leave(2);
	sent(1, "-C C:hi ");
}

static void forward_unknown_disco(void **state)
{
	uint8_t keys[2 * DERP_KEY_LEN];

	(void)state;
	join(0, 'M');
	memcpy(keys, key('X'), DERP_KEY_LEN);
	memcpy(keys + DERP_KEY_LEN, key('Y'), DERP_KEY_LEN);
	for (int i = 0; i < 2; i++)
		relay_forward(&relay, &m[0], packet(keys, 2, disco, 62));
	send_disco(0, 'R');
	send_disco(0, 'R'); /* one rate for both */
	sent(0, "?Y ?Y ?R ");
}

static void forward_zero_source(void **state)
{
	uint8_t keys[2 * DERP_KEY_LEN] = { 0 };

	(void)state;
	join(0, 'M');
	join(1, 'B');
	memcpy(keys + DERP_KEY_LEN, key('B'), DERP_KEY_LEN);
	relay_forward(&relay, &m[0], packet(keys, 2, "x", 1));
	sent(1, "");
}

static void close_peer(void **state)
{
	(void)state;
	join(0, 'M');
	join(1, 'B');
	join(2, 'B');
	join(3, 'C');
	relay_close_peer(&relay, key('X'));
	relay_close_peer(&relay, key('B'));
	assert_null(ended[0]);
	assert_null(ended[3]);
	assert_string_equal(ended[1], "ClosePeer");
	assert_string_equal(ended[2], "ClosePeer");
}

static void control(void **state)
{
	static const uint8_t data[DERP_PING_LEN] = "abcdefg";

	(void)state;
	join(0, 'A');
	relay_ping(&relay, &m[0], data);
	relay_ping(&relay, &m[0], data);
	relay_keep_alive(&relay, &m[0]);
	sent(0, "o k ");
	relay.control_max = 12;
	relay_ping(&relay, &m[0], data);
	assert_non_null(ended[0]);
}

#define T(name, f)                                                             \
	{                                                                      \
		name, f, setup, teardown, NULL                                 \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T("a packet goes to its destination only", delivers),
		T("a packet to oneself comes back", to_self),
		T("a packet to nobody is dropped", unknown_is_dropped),
		T("the last destination is not kept", destination_changes),
		T("a full queue is written before it drops",
		  full_queue_is_flushed),
		T("NotHere: three, then one per second", not_here_rate),
		T("Disconnected comes each time", gone_each_time),
		T("Disconnected comes for unwritten packets",
		  gone_before_written),
		T("Disconnected comes once", gone_once_for_many),
		T("Disconnected waits for duplicates", gone_not_with_duplicate),
		T("Disconnected goes to each receiving connection",
		  gone_to_each_receiver),
		T("who left is forgotten", receiver_leaves_first),
		T("links are bounded, the oldest goes", links_are_bounded),
		T("the newest or last writer receives", newest_receives),
		T("the successor is who wrote last", history),
		T("a watcher hears of all", watcher),
		T("a watcher that receives is told once",
		  watcher_that_receives),
		T("a watcher may leave", watcher_leaves),
		T("the server does not watch itself", watches_itself),
		T("a watcher that does not read ends",
		  watcher_that_does_not_read),
		T("forwarded packets have their source", forwards),
		T("forwarded disco to nobody is answered",
		  forward_unknown_disco),
		T("a zero source is not forwarded", forward_zero_source),
		T("ClosePeer ends all of a key", close_peer),
		T("pongs and keep-alives", control),
	};

	if (sodium_init() < 0)
		return 1;
	table_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
