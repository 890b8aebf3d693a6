/*
 * test_replay_faults.c - a sample of the Go reference, replayed against
 * servers with one fault each: every fault shows, at the frame where it is.
 *
 * The good server is derpd; B in the environment is the build folder.
 */
#include "program.h"
#include "replay_proxy.h"

#include <sodium.h>

#include "replay_report.h"
#include "replay_script.h"

#define SAMPLE "corpus/captures/go-1.104.5-plain.pcap"
#define EQUAL 30u /* answers in it, logins included */

/* Counts of the server process, so of all connections. */
static unsigned seen;

static int none(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		uint32_t *len)
{
	(void)p;
	(void)type;
	(void)body;
	(void)len;
	return 1;
}

static int wrong_reason(struct proxy_pair *p, uint32_t *type, uint8_t *body,
			uint32_t *len)
{
	(void)p;
	if (*type == DERP_PEER_GONE && *len == 33)
		body[32] ^= 1;
	return 1;
}

static int no_reason(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		     uint32_t *len)
{
	(void)p;
	(void)body;
	if (*type == DERP_PEER_GONE)
		*len = 32;
	return 1;
}

static int no_pong(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		   uint32_t *len)
{
	(void)p;
	(void)body;
	(void)len;
	return *type == DERP_PONG ? 0 : 1;
}

static int wrong_pong(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		      uint32_t *len)
{
	(void)p;
	(void)len;
	/* Not that of a fence. */
	if (*type == DERP_PONG && (body[4] & 0x80) == 0)
		body[7] ^= 0x55;
	return 1;
}

static int cut_byte(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		    uint32_t *len)
{
	(void)p;
	(void)body;
	if (*type == DERP_RECV_PACKET && *len == 32 + 148)
		*len -= 1;
	return 1;
}

static int add_byte(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		    uint32_t *len)
{
	(void)p;
	if (*type == DERP_RECV_PACKET && *len == 32 + 148) {
		body[*len] = 0;
		*len += 1;
	}
	return 1;
}

static int flip_bit(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		    uint32_t *len)
{
	(void)p;
	if (*type == DERP_RECV_PACKET && *len == 32 + 6000)
		body[32 + 700] ^= 4;
	return 1;
}

/* The second source is given the key of the first. */
static int wrong_source(struct proxy_pair *p, uint32_t *type, uint8_t *body,
			uint32_t *len)
{
	static uint8_t first[32];

	(void)p;
	(void)len;
	if (*type != DERP_RECV_PACKET)
		return 1;
	if (seen++ == 0)
		memcpy(first, body, 32);
	else if (memcmp(first, body, 32) != 0 && *len == 32 + 5)
		memcpy(body, first, 32);
	return 1;
}

static int drop_packet(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		       uint32_t *len)
{
	(void)p;
	(void)body;
	return *type == DERP_RECV_PACKET && *len == 32 + 201 ? 0 : 1;
}

static int double_packet(struct proxy_pair *p, uint32_t *type, uint8_t *body,
			 uint32_t *len)
{
	(void)p;
	(void)body;
	return *type == DERP_RECV_PACKET && *len == 32 + 148 ? 2 : 1;
}

static int swap_packets(struct proxy_pair *p, uint32_t *type, uint8_t *body,
			uint32_t *len)
{
	(void)p;
	(void)body;
	return *type == DERP_RECV_PACKET && *len == 32 + 201 ? -1 : 1;
}

static int no_gone(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		   uint32_t *len)
{
	(void)p;
	(void)len;
	return *type == DERP_PEER_GONE && body[32] == 0 ? 0 : 1;
}

static int gone_unasked(struct proxy_pair *p, uint32_t *type, uint8_t *body,
			uint32_t *len)
{
	uint8_t frame[DERP_HEAD_LEN + 33] = { 0 };

	if (*type == DERP_RECV_PACKET && *len == 32 + 148) {
		derp_head_build(frame, DERP_PEER_GONE, 33);
		memcpy(frame + DERP_HEAD_LEN, body, 32);
		proxy_send(p->client, frame, sizeof(frame));
	}
	return 1;
}

static int hang_up(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		   uint32_t *len)
{
	(void)p;
	(void)body;
	return *type == DERP_RECV_PACKET && *len == 32 + 6000 ? -2 : 1;
}

static int die(struct proxy_pair *p, uint32_t *type, uint8_t *body,
	       uint32_t *len)
{
	(void)p;
	(void)body;
	return *type == DERP_RECV_PACKET && *len == 32 + 6000 ? -3 : 1;
}

static int refuse_second(struct proxy_pair *p, uint32_t *type, uint8_t *body,
			 uint32_t *len)
{
	(void)p;
	(void)body;
	(void)len;
	return *type == DERP_SERVER_INFO && ++seen == 2 ? -2 : 1;
}

/* Late: it comes behind the next frame of that connection. */
static int late_packet(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		       uint32_t *len)
{
	(void)p;
	(void)body;
	return *type == DERP_RECV_PACKET && *len == 32 + 6000 ? -1 : 1;
}

/* What servers may do. */
static int chatty(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		  uint32_t *len)
{
	static const uint8_t more[] = {
		0x06, 0, 0, 0, 0,                         /* KeepAlive */
		0x14, 0, 0, 0, 0,                         /* Health */
		0x15, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1, /* Restarting */
		0x12, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, /* Ping */
	};

	(void)body;
	(void)len;
	if (*type != DERP_SERVER_KEY && *type != DERP_SERVER_INFO)
		proxy_send(p->client, more, sizeof(more));
	return *type == DERP_PONG ? 2 : 1;
}

/* ---- the table -------------------------------------------------------- */

#define GONE_ABSENT "PeerGone peer=unknown0 not-here"
#define FROM0 "RecvPacket src=client0 "
#define FROM1 "RecvPacket src=client1 "

static const struct row {
	const char *name;
	proxy_edit *edit;
	uint32_t different;
	enum replay_diff_kind kind;    /* of the first difference */
	const char *expected, *actual; /* beginnings; "" is nothing */
	uint32_t differs;
} rows[] = {
	{ "no fault is equal", none, 0, 0, "", "", 0 },
	{ "what servers may do is equal", chatty, 0, 0, "", "", 0 },
	{ "wrong reason", wrong_reason, 2, REPLAY_OTHER, GONE_ABSENT,
	  "PeerGone peer=unknown0 disconnected", REPLAY_NONE },
	{ "no reason", no_reason, 2, REPLAY_OTHER, GONE_ABSENT,
	  "PeerGone peer=unknown0 without a reason", REPLAY_NONE },
	{ "no pong", no_pong, 4, REPLAY_MISSING, "Pong ping0", "",
	  REPLAY_NONE },
	{ "wrong pong", wrong_pong, 4, REPLAY_OTHER, "Pong ping0",
	  "Pong 8 bytes", REPLAY_NONE },
	{ "a byte cut off", cut_byte, 1, REPLAY_OTHER, FROM0 "148 bytes",
	  FROM0 "147 bytes", 147 },
	{ "a byte too many", add_byte, 1, REPLAY_OTHER, FROM0 "148 bytes",
	  FROM0 "149 bytes", 148 },
	{ "a bit flipped", flip_bit, 1, REPLAY_OTHER, FROM0 "6000 bytes",
	  FROM0 "6000 bytes", 700 },
	{ "wrong source", wrong_source, 2, REPLAY_MISSING,
	  FROM1 "5 bytes \"world\"", "", REPLAY_NONE },
	{ "a packet dropped", drop_packet, 1, REPLAY_MISSING, FROM0 "201 bytes",
	  "", REPLAY_NONE },
	{ "a packet doubled", double_packet, 1, REPLAY_UNEXPECTED, "",
	  FROM0 "148 bytes", REPLAY_NONE },
	{ "two packets swapped", swap_packets, 1, REPLAY_LATE,
	  FROM0 "201 bytes", FROM0 "201 bytes", REPLAY_NONE },
	{ "a packet too late", late_packet, 1, REPLAY_LATE, FROM0 "6000 bytes",
	  FROM0 "6000 bytes", REPLAY_NONE },
	{ "nobody told of a leaving peer", no_gone, 1, REPLAY_MISSING,
	  "PeerGone peer=client0 disconnected", "", REPLAY_NONE },
	{ "news of who is still there", gone_unasked, 1, REPLAY_UNEXPECTED, "",
	  "PeerGone peer=client0 disconnected", REPLAY_NONE },
};

static struct replay_plan *plan;

static int read_sample(void **state)
{
	struct capture *c;
	char why[REPLAY_WHY_MAX];

	if (set_up(state) != 0 || sodium_init() < 0)
		return -1;
	plan = replay_plan_new();
	c = capture_new(replay_plan_event, plan, NULL);
	if (c == NULL || capture_read_file(c, SAMPLE) != 0)
		return -1;
	capture_free(c);
	if (replay_plan_finish(plan, why) < 0)
		return -1;
	start_derpd();
	return 0;
}

static int forget_sample(void **state)
{
	without_derpd(state);
	replay_plan_free(plan);
	return tear_down(state);
}

static struct replay_outcome play(proxy_edit *edit)
{
	struct replay_options o = { .timeout_ms = 250, .settle_ms = 30 };
	struct replay_outcome out;
	unsigned port = 0;
	pid_t pid;

	seen = 0;
	pid = proxy_start(&port, derpd_port, edit);
	assert_true(pid > 0);
	strcpy(o.target.host, "127.0.0.1");
	o.target.port = (uint16_t)port;
	randombytes_buf(&o.seed, sizeof(o.seed));
	replay_play(&out, plan, &o);
	proxy_stop(pid);
	assert_non_null(out.match);
	return out;
}

static void begins_with(const char *text, const char *want)
{
	if (want[0] == '\0' ? text[0] != '\0'
			    : strncmp(text, want, strlen(want)) != 0)
		fail_msg("'%s' does not begin with '%s'", text, want);
}

static void a_fault_shows_where_it_is(void **state)
{
	const struct row *row = *state;
	struct replay_outcome out = play(row->edit);
	const struct replay_diff *d = out.match->diffs;

	assert_int_equal(out.end, REPLAY_PLAYED);
	if (out.match->different != row->different)
		replay_report_text(stderr, &(struct replay_source){ 0 }, plan,
				   &out);
	assert_int_equal(out.match->different, row->different);
	if (row->different == 0) {
		assert_int_equal(out.match->equal, EQUAL);
	} else {
		assert_int_equal(d->kind, row->kind);
		begins_with(d->expected, row->expected);
		begins_with(d->actual, row->actual);
		assert_int_equal(d->differs, row->differs);
	}
	replay_match_free(out.match);
}

static void who_is_cut_off_misses_the_rest(void **state)
{
	struct replay_outcome out = play(hang_up);

	(void)state;
	assert_int_equal(out.end, REPLAY_PLAYED);
	assert_true(out.match->different > 1);
	begins_with(out.match->diffs[0].expected, FROM0 "6000 bytes");
	assert_int_equal(out.match->diffs[0].kind, REPLAY_MISSING);
	begins_with(out.match->diffs[1].actual, "closed");
	replay_match_free(out.match);
}

static void a_login_refused_is_a_difference(void **state)
{
	struct replay_outcome out = play(refuse_second);

	(void)state;
	assert_int_equal(out.end, REPLAY_PLAYED);
	assert_int_equal(out.match->diffs[0].kind, REPLAY_NO_LOGIN);
	begins_with(out.match->diffs[0].actual, "the server closed");
	replay_match_free(out.match);
}

static void a_server_that_dies_is_told(void **state)
{
	struct replay_outcome out = play(die);

	(void)state;
	assert_int_equal(out.end, REPLAY_DIED);
	says(out.why, "the server is gone");
	replay_match_free(out.match);
}

static void nobody_there_is_unreachable(void **state)
{
	struct replay_options o = { .timeout_ms = 100 };
	struct replay_outcome out;

	(void)state;
	strcpy(o.target.host, "127.0.0.1");
	o.target.port = 1;
	replay_play(&out, plan, &o);
	assert_int_equal(out.end, REPLAY_UNREACHABLE);
	says(out.why, "127.0.0.1:1: Connection refused");
	replay_match_free(out.match);
}

/* ---- captures written by hand, against derpd -------------------------- */

static struct replay_outcome play_script(const char *capture, uint32_t equal)
{
	struct replay_options o = { .timeout_ms = 500, .settle_ms = 30 };
	struct replay_plan *p = plan_of(capture);
	struct replay_outcome out;

	strcpy(o.target.host, "127.0.0.1");
	o.target.port = (uint16_t)derpd_port;
	randombytes_buf(&o.seed, sizeof(o.seed));
	replay_play(&out, p, &o);
	assert_non_null(out.match);
	if (out.match->different > 0)
		replay_report_text(stderr, &(struct replay_source){ 0 }, p,
				   &out);
	assert_int_equal(out.end, REPLAY_PLAYED);
	assert_int_equal(out.match->different, 0);
	assert_int_equal(out.match->equal, equal);
	replay_match_free(out.match);
	replay_plan_free(p);
	return out;
}

/* The server gives three at once, then one a second; the capture has time. */
static void notices_are_drawn_as_fast_as_they_are_given(void **state)
{
	char text[2048] = "1 open | 1> info A | 1< sinfo";

	(void)state;
	for (int i = 0; i < 5; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 " | 1> send X disco:%d | 1< gone X 1", i);
	play_script(text, 6);
}

/* Nothing but the order of what two connections do shows who receives. */
static void what_nobody_answers_is_done_before_others_go_on(void **state)
{
	char text[8192] = "1 open | 1> info A | 1< sinfo | 2 open | 2> info A |"
			  "2< sinfo | 3 open | 3> info B | 3< sinfo";

	(void)state;
	for (int i = 0; i < 60; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 " | %d> raw 07 1 | 3> send A p%d | %d< recv B p%d",
			 1 + i % 2, i, 1 + i % 2, i);
	play_script(text, 63);
}

/* A hundred packets under way at once are more than a server keeps. */
static void a_burst_is_sent_as_fast_as_it_arrives(void **state)
{
	char *text = malloc(65536);
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "1 open | 1> info A | 1< sinfo | 2 open |"
				  "2> info B | 2< sinfo");
	for (int i = 0; i < 200; i++)
		n += (size_t)sprintf(text + n, " | +0 | 1> send B p%d", i);
	for (int i = 0; i < 200; i++)
		n += (size_t)sprintf(text + n, " | +0 | 2< recv A p%d", i);
	play_script(text, 202);
	free(text);
}

#define NUM_ROWS (sizeof(rows) / sizeof(*rows))

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(who_is_cut_off_misses_the_rest),
		cmocka_unit_test(a_login_refused_is_a_difference),
		cmocka_unit_test(a_server_that_dies_is_told),
		cmocka_unit_test(nobody_there_is_unreachable),
		cmocka_unit_test(notices_are_drawn_as_fast_as_they_are_given),
		cmocka_unit_test(
			what_nobody_answers_is_done_before_others_go_on),
		cmocka_unit_test(a_burst_is_sent_as_fast_as_it_arrives),
	};
	struct CMUnitTest tests[NUM_ROWS + 7];

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < NUM_ROWS; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = a_fault_shows_where_it_is;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	memcpy(&tests[NUM_ROWS], others, sizeof(others));
	return cmocka_run_group_tests_name("faults", tests, read_sample,
					   forget_sample);
}
