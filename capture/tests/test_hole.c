/*
 * test_hole.c - what is lost is told, and decoding is in step again: holes,
 * cut packets, captures from the middle, bytes that look like frames.
 */
#include "client.h"

/* ---- holes ------------------------------------------------------------- */

/* The login, then pings with [from, to) of the whole stream missing. */
static void with_hole(struct build *b, struct build *s, int num, size_t from,
		      size_t to)
{
	client_stream(s, num);
	build_init(b);
	hello(b, C0, S0);
	part(b, C0, s, 0, from);
	part(b, C0, s, to, s->len);
}

static void test_hole_in_payload(void **state)
{
	struct build b, s;

	(void)state;
	with_hole(&b, &s, 3, LOGIN_LEN + 7, LOGIN_LEN + 10);
	build_free(&s);
	expect(&b, LOGIN "1> gap 3 not-captured Ping 0101 2 of 8\n"
			 "1> Ping 0101 2 of 8\n" PING("02") PING("03"));
}

static void test_hole_to_the_end_of_payload(void **state)
{
	struct build b, s;

	(void)state;
	with_hole(&b, &s, 3, LOGIN_LEN + 7, LOGIN_LEN + PING_FRAME);
	build_free(&s);
	expect(&b, LOGIN "1> gap 6 not-captured Ping 0101 2 of 8\n"
			 "1> Ping 0101 2 of 8\n" PING("02") PING("03"));
}

static void test_hole_of_whole_frames(void **state)
{
	struct build b, s;

	(void)state;
	with_hole(&b, &s, 4, LOGIN_LEN, LOGIN_LEN + 2 * PING_FRAME);
	build_free(&s);
	expect(&b, LOGIN "1> gap 26 not-captured\n" PING("03") PING("04"));
}

static void test_hole_over_header(void **state)
{
	struct build b, s;

	(void)state;
	/* Three bytes of a ping's payload are left in front of the next. */
	with_hole(&b, &s, 4, LOGIN_LEN + 2, LOGIN_LEN + PING_FRAME - 3);
	build_free(&s);
	expect(&b,
	       LOGIN "1> gap 8 not-captured\n"
		     "1> gap 3 out-of-step\n" PING("02") PING("03") PING("04"));
}

static void test_hole_over_payload_and_header(void **state)
{
	struct build b, s;

	(void)state;
	with_hole(&b, &s, 4, LOGIN_LEN + 7, LOGIN_LEN + 2 * PING_FRAME - 3);
	build_free(&s);
	expect(&b, LOGIN "1> gap 16 not-captured Ping 0101 2 of 8\n"
			 "1> Ping 0101 2 of 8\n"
			 "1> gap 3 out-of-step\n" PING("03") PING("04"));
}

/* One frame behind the hole, and the capture ends: that is proof. */
static void test_hole_before_the_last_frame(void **state)
{
	struct build b, s;

	(void)state;
	with_hole(&b, &s, 2, LOGIN_LEN, LOGIN_LEN + PING_FRAME - 2);
	build_free(&s);
	expect(&b, LOGIN "1> gap 11 not-captured\n"
			 "1> gap 2 out-of-step\n" PING("02"));
}

/* Bytes that look like a frame, in the payload that the hole leaves. */
struct decoy {
	int from;
	const char *bytes;
	size_t len;
};

static void test_decoy(void **state)
{
	const struct decoy *d = *state;
	bool client = d->from == CLIENT;
	uint32_t first = client ? C0 : S0;
	struct build b, s;
	size_t packet, end;
	char want[400];

	client_stream(&s, 0);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	if (!client) {
		build_free(&s);
		server_key(&s);
	}
	packet = s.len;
	filled(&s, client ? DERP_SEND_PACKET : DERP_RECV_PACKET, 2000, 0xee);
	memcpy(s.bytes + packet + 1000, d->bytes, d->len);
	end = s.len;
	ping(&s, 1);
	ping(&s, 2);
	if (!client)
		segment(&b, SERVER, S0, 0, s.bytes, packet);
	segment(&b, d->from, first + (uint32_t)packet + 100, 0,
		s.bytes + packet + 100, s.len - packet - 100);
	/* Decided at once, not only at the end of the capture. */
	for (int i = 0; i < 40; i++)
		acks(&b, client ? SERVER : CLIENT, 1, first + (uint32_t)s.len);
	if (client)
		segment(&b, SERVER, S0, TCP_FIN, "", 0);
	else
		segment(&b, CLIENT, C0 + (uint32_t)LOGIN_LEN, TCP_FIN, "", 0);
	snprintf(want, sizeof(want),
		 LOGIN "%s1%c gap 100 not-captured\n1%c gap %zu out-of-step\n"
		       "1%c Ping 0101010101010101 8\n"
		       "1%c Ping 0202020202020202 8\n1%c closed fin\n",
		 client ? "" : "1< ServerKey 44455250f09f9491.. 40\n",
		 client ? '>' : '<', client ? '>' : '<', end - packet - 100,
		 client ? '>' : '<', client ? '>' : '<', client ? '<' : '>');
	build_free(&s);
	expect(&b, want);
}

/* The offsets behind a hole count the bytes that were lost. */
static int find_offset(void *ctx, const struct capture_event *e)
{
	uint64_t *offs = ctx;

	if (e->what == CAPTURE_FRAME && e->frame->type == DERP_PING &&
	    e->frame->have == 8)
		offs[e->frame->body[0]] = e->off;
	return 0;
}

static void test_offsets_count_lost_bytes(void **state)
{
	size_t from = *(const size_t *)*state;
	uint64_t offs[256] = { 0 };
	struct build b, s;
	struct capture *c;

	with_hole(&b, &s, 5, from, LOGIN_LEN + 2 * PING_FRAME - 3);
	c = capture_new(find_offset, offs, NULL);
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "test"), 0);
	assert_int_equal(offs[3], 109 + 2 * PING_FRAME);
	assert_int_equal(offs[5], 109 + 4 * PING_FRAME);
	capture_free(c);
	build_free(&s);
	build_free(&b);
}

/* ---- when a hole is given up ------------------------------------------- */

struct patience {
	bool acked;
	int packets;    /* of the server, behind the hole */
	int64_t gap_us; /* between them */
	bool lost;      /* expected */
};

static void test_patience(void **state)
{
	const struct patience *p = *state;
	struct build b, s;
	size_t end = LOGIN_LEN + PING_FRAME;
	int i;

	with_hole(&b, &s, 3, LOGIN_LEN, end);
	for (i = 0; i < p->packets; i++) {
		b.now_us += p->gap_us;
		acks(&b, SERVER, S0,
		     C0 + (p->acked ? (uint32_t)s.len : (uint32_t)LOGIN_LEN));
	}
	part(&b, C0, &s, LOGIN_LEN, end); /* late, but does it count? */
	build_free(&s);
	if (p->lost)
		expect(&b,
		       LOGIN "1> gap 13 not-captured\n" PING("02") PING("03"));
	else
		expect(&b, LOGIN PING("01") PING("02") PING("03"));
}

static void test_tail_lost(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 2);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN);
	acks(&b, SERVER, S0, C0 + (uint32_t)s.len);
	build_free(&s);
	expect(&b, LOGIN "1> gap 26 not-captured\n");
}

static void test_hole_before_fin(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 2);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN);
	segment(&b, CLIENT, C0 + (uint32_t)s.len, TCP_FIN, "", 0);
	build_free(&s);
	expect(&b, LOGIN "1> gap 26 not-captured\n1> closed fin\n");
}

/* The server's first bytes are lost, and its rest was read before the request
 * was: it does not begin where a stream of frames begins. */
static void test_hole_before_the_start(void **state)
{
	struct build b, s, t;
	int i;

	(void)state;
	client_stream(&s, 0);
	memset(&t, 0, sizeof(t));
	server_key(&t);
	ping(&t, 1);
	ping(&t, 2);
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, SERVER, S0 + 30, 0, t.bytes + 30, t.len - 30);
	for (i = 0; i < 40; i++)
		acks(&b, CLIENT, C0, S0 + (uint32_t)t.len);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	build_free(&t);
	expect(&b, OPENED "1< gap 15 out-of-step\n"
			  "1< Ping 0101010101010101 8\n"
			  "1< Ping 0202020202020202 8\n"
			  "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n");
}

/* A body with a hole ends where its length says. */
static void test_hole_in_http_body(void **state)
{
	static const char busy[] =
		"HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\n0123456789";
	struct build b, s = { 0 };
	uint32_t n = sizeof(busy) - 1, request = sizeof(REQUEST) - 1;

	(void)state;
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, CLIENT, C0, 0, REQUEST, request);
	segment(&b, SERVER, S0, 0, busy, n - 8);
	segment(&b, SERVER, S0 + n - 3, 0, busy + n - 3, 3);
	segment(&b, CLIENT, C0 + request, 0, REQUEST, request);
	text(&s, SWITCHING);
	server_key(&s);
	data(&b, SERVER, S0 + n, &s);
	build_free(&s);
	expect(&b, "1- open\n1> http GET\n1< http 503\n1> http GET\n"
		   "1< gap 5 not-captured\n1< http 101\n1- start upgrade\n"
		   "1< ServerKey 44455250f09f9491.. 40\n");
}

/* ---- cut packets ------------------------------------------------------- */

static void test_snaplen(void **state)
{
	struct build b, s;

	(void)state;
	memset(&s, 0, sizeof(s));
	text(&s, FAST_REQUEST);
	client_info(&s);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	b.snaplen = 60;
	build_free(&s);
	filled(&s, DERP_SEND_PACKET, 400, 'a');
	segment(&b, CLIENT, C0 + (uint32_t)LOGIN_LEN, 0, s.bytes, s.len);
	ping(&s, 7);
	segment(&b, CLIENT, C0 + (uint32_t)(LOGIN_LEN + 405), 0, s.bytes + 405,
		13);
	build_free(&s);
	expect(&b, LOGIN
	       "1> gap 385 cut-packet SendPacket 6161616161616161.. 15 of 400\n"
	       "1> SendPacket 6161616161616161.. 15 of 400\n" PING("07"));
}

/* ---- from the middle --------------------------------------------------- */

static void test_middle(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 3);
	build_init(&b);
	/* It begins inside a payload; NotePreferred tells who is who. */
	frame(&s, DERP_NOTE_PREFERRED, 1, "\1", 1);
	part(&b, C0, &s, LOGIN_LEN - 20, s.len);
	build_free(&s);
	expect(&b,
	       "1- open\n1- start middle\n1> gap 20 out-of-step\n" PING("01")
		       PING("02") PING("03") "1> NotePreferred 01 1\n");
}

static void test_middle_of_the_server(void **state)
{
	struct build b, s;

	(void)state;
	memset(&s, 0, sizeof(s));
	filled(&s, DERP_RECV_PACKET, 40, 'r');
	ping(&s, 1);
	filled(&s, DERP_KEEP_ALIVE, 0, 0);
	build_init(&b);
	/* The lower port is not the server here. */
	b.ports[SERVER] = 50000;
	data(&b, SERVER, S0, &s);
	build_free(&s);
	expect(&b, "1- open\n1- start middle\n"
		   "1< RecvPacket 7272727272727272.. 40\n"
		   "1< Ping 0101010101010101 8\n1< KeepAlive  0\n");
}

struct when {
	int64_t ns[8];
	int num;
};

static int note_time(void *ctx, const struct capture_event *e)
{
	struct when *w = ctx;

	if (e->what == CAPTURE_FRAME)
		w->ns[w->num++] = e->ts_ns;
	return 0;
}

/* Frames found in the middle have the times of their own packets. */
static void test_middle_keeps_times(void **state)
{
	struct when w = { .num = 0 };
	struct build b, s;
	struct capture *c;
	size_t i;

	(void)state;
	client_stream(&s, 4);
	build_init(&b);
	part(&b, C0, &s, LOGIN_LEN - 40, LOGIN_LEN - 20);
	part(&b, C0, &s, LOGIN_LEN - 20, LOGIN_LEN + 4);
	for (i = 0; i < 3; i++)
		part(&b, C0, &s, LOGIN_LEN + PING_FRAME * i + 4,
		     LOGIN_LEN + PING_FRAME * (i + 1) + 4);
	part(&b, C0, &s, LOGIN_LEN + PING_FRAME * 3 + 4, s.len);
	c = capture_new(note_time, &w, NULL);
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "t"), 0);
	capture_free(c);
	assert_int_equal(w.num, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(w.ns[i], 1003000000 + (int64_t)i * 1000000);
	build_free(&s);
	build_free(&b);
}

/* Two headers are chance when nothing else speaks for DERP. */
static void test_middle_needs_proof(void **state)
{
	struct build b, s;

	(void)state;
	memset(&s, 0, sizeof(s));
	ping(&s, 1);
	put_u8(&s, 0xff);
	ping(&s, 2);
	ping(&s, 3);
	put_u8(&s, 0xff);
	build_init(&b);
	data(&b, CLIENT, C0, &s);
	build_free(&s);
	expect(&b, "");
}

static void test_other_traffic_is_silent(void **state)
{
	static const char smtp[] = "220 mail ready\r\n250 OK\r\n";
	struct build b;

	(void)state;
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, SERVER, S0, 0, smtp, sizeof(smtp) - 1);
	segment(&b, CLIENT, C0, 0, "EHLO me\r\n", 9);
	segment(&b, CLIENT, C0 + 9, TCP_FIN, "", 0);
	segment(&b, SERVER, S0 + sizeof(smtp) - 1, TCP_RST, "", 0);
	expect(&b, "");
}

/* ---- all --------------------------------------------------------------- */

static struct patience patience[] = {
	{ true, 31, 0, false },       { true, 33, 0, true },
	{ true, 2, 2000000, true },   { false, 40, 0, false },
	{ false, 3, 2000000, false },
};

static const char *const patience_names[] = {
	"hole/acked-31-packets-ago-waits", "hole/acked-33-packets-ago-is-lost",
	"hole/acked-2s-ago-is-lost",       "hole/not-acked-waits-for-packets",
	"hole/not-acked-waits-for-time",
};

/* Two pings in a row are followed; these are followed by nothing. */
static struct decoy decoys[] = {
	{ CLIENT, "\x12\0\0\0\x08zzzzzzzz", 13 },
	{ CLIENT, "\x06\0\0\0\0\x06\0\0\0\0", 10 },
	{ CLIENT, "\x12\0\0\0\7zzzzzzz\x12\0\0\0\7zzzzzzz", 24 },
	{ CLIENT, "\x07\0\0\0\2zz\x07\0\0\0\2zz", 14 },
	{ SERVER, "\x14\0\x0f\xff\xff", 5 },
	{ SERVER,
	  "\x01\0\0\0\x28zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
	  "\x06\0\0\0\0",
	  50 },
	{ SERVER, "\x07\0\0\0\1z\x07\0\0\0\1z", 12 },
};

static const char *const decoy_names[] = {
	"decoy/one-header",          "decoy/type-of-the-other-side",
	"decoy/too-short",           "decoy/impossible-length",
	"decoy/length-never-in-use", "decoy/wrong-magic",
	"decoy/type-of-clients",
};

int main(void)
{
	static size_t hole_from[] = { LOGIN_LEN + 7, LOGIN_LEN + 2 };
	static const char *const offset_names[] = { "offsets/hole-in-payload",
						    "offsets/hole-in-header" };
	static const struct CMUnitTest fixed[] = {
		TEST(test_hole_in_payload),
		TEST(test_hole_to_the_end_of_payload),
		TEST(test_hole_of_whole_frames),
		TEST(test_hole_over_header),
		TEST(test_hole_over_payload_and_header),
		TEST(test_hole_before_the_last_frame),
		TEST(test_tail_lost),
		TEST(test_hole_before_fin),
		TEST(test_hole_before_the_start),
		TEST(test_hole_in_http_body),
		TEST(test_snaplen),
		TEST(test_middle),
		TEST(test_middle_of_the_server),
		TEST(test_middle_keeps_times),
		TEST(test_middle_needs_proof),
		TEST(test_other_traffic_is_silent),
	};
	enum {
		FIXED = sizeof(fixed) / sizeof(fixed[0]),
		WAITS = 5,
		DECOYS = 7
	};
	static struct CMUnitTest tests[WAITS + DECOYS + 2 + FIXED];
	size_t n = 0;
	int i;

	for (i = 0; i < WAITS; i++)
		tests[n++] =
			(struct CMUnitTest){ patience_names[i], test_patience,
					     NULL, NULL, &patience[i] };
	for (i = 0; i < DECOYS; i++)
		tests[n++] = (struct CMUnitTest){ decoy_names[i], test_decoy,
						  NULL, NULL, &decoys[i] };
	for (i = 0; i < 2; i++)
		tests[n++] = (struct CMUnitTest){ offset_names[i],
						  test_offsets_count_lost_bytes,
						  NULL, NULL, &hole_from[i] };
	memcpy(tests + n, fixed, sizeof(fixed));
	return cmocka_run_group_tests_name("hole", tests, NULL, NULL);
}
