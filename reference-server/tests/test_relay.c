/*
 * test_relay.c - who gets a packet, and who is told that a key is gone.
 */
#include "world.h"

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

/* ---- control --------------------------------------------------------- */

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
		T("pongs and keep-alives", control),
	};

	if (sodium_init() < 0)
		return 1;
	table_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
