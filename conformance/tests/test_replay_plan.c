/*
 * test_replay_plan.c - hand-made captures and the plans that they give.
 *
 * A row is a capture as replay_script.h has it, and the steps, extras and
 * counts of the plan as text.
 */
#include "replay_script.h"

#include <sodium.h>

#define A "1 open | 1> info A | 1< sinfo"
#define B "2 open | 2> info B | 2< sinfo"
#define C "3 open | 3> info C | 3< sinfo"
#define LOGIN_A "1> login client0\n"
#define LOGIN_B "2> login client1\n"

struct row {
	const char *name, *capture, *plan;
};

static const struct row rows[] = {
	{ "a login is a step", A, LOGIN_A },
	{ "keys become numbers", A " | " B " | 1> send B x | 2< recv A x",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 1 byte \"x\"\n"
			  "2< RecvPacket src=client0 1 byte \"x\"\n" },
	{ "strangers are numbered as they appear",
	  A " | 1> send X x | 1> send Y x | 1> send X x",
	  LOGIN_A "1> SendPacket dst=unknown0 1 byte \"x\"\n"
		  "1> SendPacket dst=unknown1 1 byte \"x\"\n"
		  "1> SendPacket dst=unknown0 1 byte \"x\"\n" },
	{ "connections of one key are one client",
	  A " | 2 open | 2> info A | 2< sinfo | 1> send A x | 1< recv A x",
	  LOGIN_A "2> login client0\n"
		  "1> SendPacket dst=client0 1 byte \"x\"\n"
		  "1< RecvPacket src=client0 1 byte \"x\"\n" },
	{ "pings are numbered, pongs follow",
	  A " | 1> ping 5 | 1< pong 5 | 1> ping 5 | 1< pong 5",
	  LOGIN_A "1> Ping ping0\n1< Pong ping0\n"
		  "1> Ping ping1\n1< Pong ping1\n" },
	{ "of two pings under way both pongs are optional",
	  A " | 1> ping 5 | +1 | 1> ping 6 | 1< pong 5",
	  LOGIN_A "1> Ping ping0\n1> Ping ping1\n"
		  "1< Pong ping0 (may come)\n"
		  "extra 1< Pong ping1\n" },
	{ "a ping after a pong is under way alone",
	  A " | 1> ping 5 | 1< pong 5 | +1 | 1> ping 6 | 1< pong 6",
	  LOGIN_A "1> Ping ping0\n1< Pong ping0\n"
		  "1> Ping ping1\n1< Pong ping1\n" },
	{ "a ping that was lost long ago is not under way",
	  A " | 1> ping 5 | +2000 | 1> ping 6 | 1< pong 6",
	  LOGIN_A "1> Ping ping0\n1> Ping ping1\n1< Pong ping1\n" },
	{ "an unanswered ping stays unanswered", A " | 1> ping 5",
	  LOGIN_A "1> Ping ping0\n" },
	{ "a ping at the end may be answered", A " | 1> ping 5 | +1 | 1> fin",
	  LOGIN_A "1> Ping ping0\n1> close\nextra 1< Pong ping0\n" },
	{ "a pong without a ping is as it was", A " | 1< pong 5",
	  LOGIN_A "1< Pong 8 bytes \"00000005\"\n" },
	{ "what servers send unasked is left out",
	  A " | 1< raw 06  | 1< raw 14 sick | 1< raw 15 12345678 | 1< ping 1",
	  LOGIN_A },
	{ "notices keep their reason",
	  A " | 1> send X disco:a | 1< gone X 1 | 1< gone X 7",
	  LOGIN_A
	  "1> SendPacket dst=unknown0 80 bytes 5453f09f92ac61646464646464646464...\n"
	  "1< PeerGone peer=unknown0 not-here\n"
	  "1< PeerGone peer=unknown0 reason=7 (may come)\n"
	  "token 1\nno cause 1\n" },
	{ "disco to who is elsewhere may be refused", A " | 1> send X disco:a",
	  LOGIN_A
	  "1> SendPacket dst=unknown0 80 bytes 5453f09f92ac61646464646464646464...\n"
	  "extra 1< PeerGone peer=unknown0 not-here\n" },
	{ "a notice that was rationed may come",
	  A
	  " | " B
	  " | 2> fin | +1000 | 1> ping 1 | 1< pong 1 | +9 | 1> send B disco:a | +1 | 1< gone B 1 | +9 | 1> send B disco:b | +1 | 1< gone B 1 | +9 | 1> send B disco:c | +1 | 1< gone B 1 | +9 | 1> send B disco:d",
	  LOGIN_A LOGIN_B
	  "2> close\n1> Ping ping0\n1< Pong ping0\n"
	  "1> SendPacket dst=client1 80 bytes 5453f09f92ac61646464646464646464...\n"
	  "1< PeerGone peer=client1 not-here\n"
	  "1> SendPacket dst=client1 80 bytes 5453f09f92ac62646464646464646464...\n"
	  "1< PeerGone peer=client1 not-here\n"
	  "1> SendPacket dst=client1 80 bytes 5453f09f92ac63646464646464646464...\n"
	  "1< PeerGone peer=client1 not-here\n"
	  "1> SendPacket dst=client1 80 bytes 5453f09f92ac64646464646464646464...\n"
	  "extra 1< PeerGone peer=client1 not-here\ntoken 3\n" },
	{ "a packet whose sender was not captured is optional",
	  A " | 1< recv X hello",
	  LOGIN_A "1< RecvPacket src=unknown0 5 bytes \"hello\" (may come)\n"
		  "no cause 1\n" },
	{ "a packet that was garbled is expected garbled",
	  A " | " B " | 1> send B good | 2< recv A evil",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 4 bytes \"good\"\n"
			  "2< RecvPacket src=client0 4 bytes \"evil\"\n" },
	{ "a packet that was lost stays lost",
	  A " | " B " | 1> send B x | 1> ping 1 | 1< pong 1",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 1 byte \"x\"\n"
			  "1> Ping ping0\n1< Pong ping0\n" },
	{ "a packet lost at the end may arrive",
	  A " | " B " | 1> send B x | +1 | 2> fin",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 1 byte \"x\"\n"
			  "2> close\n"
			  "extra 2< RecvPacket src=client0 1 byte \"x\"\n" },
	{ "a mesh peer is known by what it does", A " | 1> watch",
	  "1> login client0 mesh\n1> WatchConns 0 bytes\nmesh 1\n" },
	{ "a forwarded packet has its cause",
	  A " | " B " | 1> fwd X B x | 2< recv X x",
	  "1> login client0 mesh\n" LOGIN_B
	  "1> ForwardPacket src=unknown0 dst=client1 1 byte \"x\"\n"
	  "2< RecvPacket src=unknown0 1 byte \"x\"\nmesh 1\n" },
	{ "who is closed by a mesh peer is expected to be",
	  A " | " B " | 1> closepeer B | 2< fin | 1< gone B 0",
	  "1> login client0 mesh\n" LOGIN_B "1> ClosePeer peer=client1\n"
	  "2< closed\n1< PeerGone peer=client1 disconnected\nmesh 1\n" },
	{ "who breaks a rule is closed", A " | 1> raw 12 short | 1< fin",
	  LOGIN_A "1> Ping 5 bytes \"short\"\n1< closed\n" },
	{ "who is closed for nothing leaves by himself", A " | 1< fin",
	  LOGIN_A "1> close\nserver left 1\n" },
	{ "news of people who were not captured are left out",
	  A " | 1> watch | 1< present A 2 | 1< present X 1",
	  "1> login client0 mesh\n1> WatchConns 0 bytes\n"
	  "1< PeerPresent peer=client0 flags=2\nmesh 1\n" },
	{ "what follows a client's end is optional",
	  A " | " B " | 1> send B x | 2> fin | 2< recv A x",
	  LOGIN_A LOGIN_B
	  "1> SendPacket dst=client1 1 byte \"x\"\n2> close\n"
	  "2< RecvPacket src=client0 1 byte \"x\" (may come)\n" },
	{ "a packet to who comes later is not delivered",
	  A " | 1> send B x | " B,
	  LOGIN_A "1> SendPacket dst=client1 1 byte \"x\"\n" LOGIN_B },
	{ "a packet to who just comes may be delivered",
	  A " | 1> send B x | +1 | 2 open | +1 | 2> info B | 2< sinfo"
	    " | +1 | 2< recv A x",
	  LOGIN_A "1> SendPacket dst=client1 1 byte \"x\"\n" LOGIN_B
		  "2< RecvPacket src=client0 1 byte \"x\" (may come)\n" },
	{ "who writes last receives",
	  A " | 2 open | 2> info A | 2< sinfo | 3 open | 3> info B | 3< sinfo"
	    " | 1> raw 07 1 | 3> send A x | 1< recv B x",
	  LOGIN_A "2> login client0\n3> login client1\n"
		  "1> NotePreferred 1 byte \"1\"\n"
		  "3> SendPacket dst=client0 1 byte \"x\"\n"
		  "1< RecvPacket src=client1 1 byte \"x\"\n" },
	{ "of two who write at once either receives",
	  A " | 2 open | 2> info A | 2< sinfo | 3 open | 3> info B | 3< sinfo"
	    " | 1> raw 07 1 | +1 | 2> raw 07 1 | 3> send A x | 1< recv B x",
	  LOGIN_A "2> login client0\n3> login client1\n"
		  "1> NotePreferred 1 byte \"1\"\n"
		  "2> NotePreferred 1 byte \"1\"\n"
		  "3> SendPacket dst=client0 1 byte \"x\"\n"
		  "1< RecvPacket src=client1 1 byte \"x\" (may come)\n"
		  "extra 2< RecvPacket src=client1 1 byte \"x\"\n" },
	{ "where playing leads to what was captured nothing is chance",
	  A " | 2 open | 2> info A | 2< sinfo | 3 open | 3> info B | 3< sinfo"
	    " | 1> raw 07 1 | +1 | 2> raw 07 1 | 3> send A x | 2< recv B x",
	  LOGIN_A "2> login client0\n3> login client1\n"
		  "1> NotePreferred 1 byte \"1\"\n"
		  "2> NotePreferred 1 byte \"1\"\n"
		  "3> SendPacket dst=client0 1 byte \"x\"\n"
		  "2< RecvPacket src=client1 1 byte \"x\"\n" },
	{ "a reset is one", A " | 1> rst", LOGIN_A "1> reset\n" },
	{ "who leaves behind his packet may be told of, or not",
	  A " | " B " | 1> send B x | +1 | 1> fin | +1 | 2< recv A x",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 1 byte \"x\"\n1> close\n"
			  "2< RecvPacket src=client0 1 byte \"x\"\n"
			  "extra 2< PeerGone peer=client0 disconnected\n" },
	{ "a hole is told", A " | 1< gap 100 | 1> ping 1",
	  LOGIN_A "1< 100 bytes of the server are lost\n1> Ping ping0\n"
		  "extra 1< Pong ping0\nlost answers 100\n" },
	{ "a client's hole is told", A " | 1> gap 5 | 1< pong 7",
	  LOGIN_A "1< Pong 8 bytes \"00000007\" (may come)\n"
		  "lost sends 1\nno cause 1\n" },
	{ "a client's cut frame is a hole", A " | 1> cut 04 abc",
	  LOGIN_A "lost sends 1\n" },
	{ "a login that was refused is left out",
	  "1 open | 1> info A | 1< fin | " B, "2> login client0\nskipped 1\n" },
	{ "a connection without a login is left out", "1 open | 1> ping 1",
	  "skipped 1\n" },
	{ "who was there before logs in first",
	  "1 middle | 1> ping 1 | 1< pong 1 | " B,
	  "1> login client0\n1> Ping ping0\n1< Pong ping0\n2> login client1\n" },
	{ "keys of before are found by packets",
	  "1 middle | 2 middle | 1> send B hello | 2< recv A hello"
	  " | 2> send A world | 1< recv B world",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 5 bytes \"hello\"\n"
			  "2< RecvPacket src=client0 5 bytes \"hello\"\n"
			  "2> SendPacket dst=client0 5 bytes \"world\"\n"
			  "1< RecvPacket src=client1 5 bytes \"world\"\n" },
	{ "one packet tells two keys",
	  "1 middle | 2 middle | 1> send B hello | 2< recv A hello"
	  " | 3 open | 3> info C | 3< sinfo | 3> send B x | 2< recv C x"
	  " | 3> send A y | 1< recv C y",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 5 bytes \"hello\"\n"
			  "2< RecvPacket src=client0 5 bytes \"hello\"\n"
			  "3> login client2\n"
			  "3> SendPacket dst=client1 1 byte \"x\"\n"
			  "2< RecvPacket src=client2 1 byte \"x\"\n"
			  "3> SendPacket dst=client0 1 byte \"y\"\n"
			  "1< RecvPacket src=client2 1 byte \"y\"\n" },
	{ "who watched before watches", "1 middle | " B " | 1< present B 1",
	  "1> login client0 mesh\n1> WatchConns 0 bytes\n"
	  "2> login client1\n1< PeerPresent peer=client1 flags=1\nmesh 1\n" },
	{ "an answer goes behind its cause",
	  A " | " B " | 2< recv A x | +1 | 1> send B x | +1 | 2< recv A y"
	    " | +1 | 1> send B y",
	  LOGIN_A LOGIN_B "1> SendPacket dst=client1 1 byte \"x\"\n"
			  "2< RecvPacket src=client0 1 byte \"x\"\n"
			  "1> SendPacket dst=client1 1 byte \"y\"\n"
			  "2< RecvPacket src=client0 1 byte \"y\"\n" },
	{ "unknown frames are sent as they are", A " | 1> raw 7f abc",
	  LOGIN_A "1> type 0x7f 3 bytes \"abc\"\n" },
	{ "bytes that could move a cursor are shown in hex",
	  A " | 1> raw 7f \x1b[2J", LOGIN_A "1> type 0x7f 4 bytes 1b5b324a\n" },
};

static void put_count(FILE *f, const char *name, uint64_t n)
{
	if (n > 0)
		fprintf(f, "%s %lu\n", name, (unsigned long)n);
}

static void dump(FILE *f, const struct replay_plan *p)
{
	char text[REPLAY_TEXT_MAX];
	uint32_t tokens = 0;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		replay_report_step(f, p, i);
		tokens += p->steps[i].needs_token;
	}
	for (uint32_t i = 0; i < p->num_extras; i++) {
		replay_norm_text(text, &p->extras[i].norm);
		fprintf(f, "extra %u< %s\n", p->conns[p->extras[i].conn].flow,
			text);
	}
	put_count(f, "mesh", p->num_mesh);
	put_count(f, "token", tokens);
	put_count(f, "server left", p->server_left);
	put_count(f, "lost answers", p->lost_answer_bytes);
	put_count(f, "lost sends", p->lost_sends);
	put_count(f, "no cause", p->no_cause);
	put_count(f, "skipped", p->skipped);
}

static void a_capture_gives_its_plan(void **state)
{
	const struct row *row = *state;
	struct replay_plan *p = plan_of(row->capture);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	dump(f, p);
	fclose(f);
	assert_string_equal(text, row->plan);
	free(text);
	replay_plan_free(p);
}

static void links_go_both_ways(void **state)
{
	struct replay_plan *p = plan_of(A " | " B " | 1> send B x | 2< recv A x"
					  " | 1> send B y | 2< recv A y");

	(void)state;
	for (uint32_t i = 2; i < 6; i++) {
		assert_int_equal(p->steps[i].link, i % 2 == 0 ? i + 1 : i - 1);
		assert_int_equal(p->steps[i].order < p->num_steps, 1);
	}
	replay_plan_free(p);
}

/* 32 packets in a moment, of which the last did not arrive. */
static void what_a_burst_lost_may_arrive(void **state)
{
	char text[4096] = A " | " B;
	struct replay_plan *p;

	(void)state;
	for (int i = 0; i < 32; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s | 1> send B p%02d", i > 0 ? " | +1" : "", i);
	p = plan_of(text);
	assert_int_equal(p->num_extras, 32);
	assert_memory_equal(p->extras[0].norm.data, "p00", 3);
	replay_plan_free(p);
}

static void a_watcher_tells_what_logins_hide(void **state)
{
	struct replay_plan *p =
		plan_of(A " | 1> watch | " B " | 1< present B 12 probe");

	(void)state;
	assert_true(p->clients[1].prober);
	assert_true(p->clients[1].not_ideal);
	assert_int_equal(p->clients[1].app_len, 5);
	assert_memory_equal(p->clients[1].app, "probe", 5);
	assert_false(p->clients[0].prober);
	replay_plan_free(p);
}

/* A name of any length comes from a hostile capture. */
static void a_long_name_is_not_taken(void **state)
{
	struct replay_plan *p = plan_of(
		A " | 1> watch | " B
		  " | 1< present B 1 abcdefghijklmnopqrstuvwxyz0123456");

	(void)state;
	assert_int_equal(p->clients[1].app_len, 0);
	replay_plan_free(p);
}

static void many_keys_are_found_again(void **state)
{
	struct replay_keys k;
	struct replay_ref ref = { REPLAY_UNKNOWN, 0 }, other;
	uint8_t key[DERP_KEY_LEN] = { 0 };

	(void)state;
	memset(&k, 0, sizeof(k));
	assert_int_equal(replay_keys_find(&k, key).who, REPLAY_STRANGER);
	for (ref.num = 0; ref.num < 1000; ref.num++) {
		memcpy(key, &ref.num, sizeof(ref.num));
		assert_int_equal(replay_keys_add(&k, key, ref), 0);
		other.who = REPLAY_CLIENT;
		other.num = 7;
		assert_int_equal(replay_keys_add(&k, key, other), 0);
	}
	for (ref.num = 0; ref.num < 1000; ref.num++) {
		memcpy(key, &ref.num, sizeof(ref.num));
		other = replay_keys_find(&k, key);
		assert_int_equal(other.who, REPLAY_UNKNOWN);
		assert_int_equal(other.num, ref.num);
	}
	key[31] = 1;
	assert_int_equal(replay_keys_find(&k, key).who, REPLAY_STRANGER);
	replay_keys_clear(&k);
}

#define NUM_ROWS (sizeof(rows) / sizeof(*rows))

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(links_go_both_ways),
		cmocka_unit_test(what_a_burst_lost_may_arrive),
		cmocka_unit_test(a_watcher_tells_what_logins_hide),
		cmocka_unit_test(a_long_name_is_not_taken),
		cmocka_unit_test(many_keys_are_found_again),
	};
	struct CMUnitTest tests[NUM_ROWS];

	if (sodium_init() < 0)
		return 1;
	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < NUM_ROWS; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = a_capture_gives_its_plan;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	return cmocka_run_group_tests_name("plans", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("replay", others, NULL, NULL);
}
