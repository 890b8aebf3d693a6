/*
 * test_relay_mesh.c - several connections of a key, and mesh clients.
 */
#include "world.h"

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

/* Watching twice is watching once, and disturbs no other watcher. */
static void watches_twice(void **state)
{
	(void)state;
	join(0, 'M');
	join(1, 'W');
	relay_watch(&relay, &m[0]);
	relay_watch(&relay, &m[1]);
	relay_watch(&relay, &m[0]);
	sent_to(0);
	sent_to(1);
	join(2, 'B');
	sent(0, "+B1 ");
	sent(1, "+B1 ");
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
	assert_true(outbox_is_empty(&m[1].out));
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T("the newest or last writer receives", newest_receives),
		T("the successor is who wrote last", history),
		T("a watcher hears of all", watcher),
		T("a watcher that receives is told once",
		  watcher_that_receives),
		T("a watcher may leave", watcher_leaves),
		T("watching twice is watching once", watches_twice),
		T("the server does not watch itself", watches_itself),
		T("a watcher that does not read ends",
		  watcher_that_does_not_read),
		T("forwarded packets have their source", forwards),
		T("forwarded disco to nobody is answered",
		  forward_unknown_disco),
		T("a zero source is not forwarded", forward_zero_source),
		T("ClosePeer ends all of a key", close_peer),
	};

	if (sodium_init() < 0)
		return 1;
	table_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
