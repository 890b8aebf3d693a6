/*
 * test_tcp.c - reassembly: whatever happens to the segments, the same frames
 * come out, and what is lost is told.
 */
#include "builder.h"

#define C0 1000u /* the client's first byte */
#define S0 5000u

#define OPENED "1- open\n1> http GET\n1- start fast-start\n"
#define LOGIN OPENED "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"
#define PING(n) "1> Ping " n n n n n n n n " 8\n"

/* A client's stream: request, ClientInfo, num pings filled with 1, 2, ... */
static void client_stream(struct build *s, int num)
{
	int i;

	memset(s, 0, sizeof(*s));
	text(s, FAST_REQUEST);
	client_info(s);
	for (i = 1; i <= num; i++)
		ping(s, (uint8_t)i);
}

#define REQUEST_LEN (sizeof(FAST_REQUEST) - 1)
#define LOGIN_LEN (REQUEST_LEN + DERP_HEAD_LEN + 104)
#define PING_FRAME (DERP_HEAD_LEN + DERP_PING_LEN)

/* Bytes [from, to) of the client's stream as one segment. */
static void part(struct build *b, uint32_t first, const struct build *s,
		 size_t from, size_t to)
{
	segment(b, CLIENT, first + (uint32_t)from, 0, s->bytes + from,
		to - from);
}

/* ---- order ------------------------------------------------------------- */

struct order {
	int at[4];
	uint32_t first; /* sequence number */
};

static void test_order(void **state)
{
	const struct order *o = *state;
	struct build b, s;
	size_t cut[5];
	int i;

	client_stream(&s, 3);
	cut[0] = 0;
	cut[1] = 40;              /* in the request */
	cut[2] = REQUEST_LEN + 3; /* in a header */
	cut[3] = LOGIN_LEN + 7;   /* in a payload */
	cut[4] = s.len;
	build_init(&b);
	hello(&b, o->first, S0);
	for (i = 0; i < 4; i++)
		part(&b, o->first, &s, cut[o->at[i]], cut[o->at[i] + 1]);
	build_free(&s);
	expect(&b, LOGIN PING("01") PING("02") PING("03"));
}

/* ---- bytes that come twice --------------------------------------------- */

static void test_retransmitted(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 2);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, 60);
	part(&b, C0, &s, 0, 60);
	part(&b, C0, &s, 20, s.len);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01") PING("02"));
}

/* The second copy differs: the first must win, in order and in the queue. */
static void test_first_wins_in_order(void **state)
{
	struct build b, s, liar;

	(void)state;
	client_stream(&s, 2);
	client_stream(&liar, 2);
	memset(liar.bytes + LOGIN_LEN + DERP_HEAD_LEN, 0xee, DERP_PING_LEN);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN + PING_FRAME);
	part(&b, C0, &liar, LOGIN_LEN, s.len);
	build_free(&s);
	build_free(&liar);
	expect(&b, LOGIN PING("01") PING("02"));
}

static void test_first_wins_in_queue(void **state)
{
	struct build b, s, liar;
	size_t body = LOGIN_LEN + DERP_HEAD_LEN;

	(void)state;
	client_stream(&s, 3);
	client_stream(&liar, 3);
	memset(liar.bytes + body, 0xee, DERP_PING_LEN);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, body + 2, body + 4); /* islands */
	part(&b, C0, &s, body, body + 1);
	part(&b, C0, &s, body + 6, s.len);
	part(&b, C0, &liar, 0, s.len); /* fills the holes only */
	build_free(&s);
	build_free(&liar);
	expect(&b, LOGIN "1> Ping 01ee0101eeee0101 8\n" PING("02") PING("03"));
}

/* A segment in order that reaches over one that waits. */
static void test_first_wins_over_the_edge(void **state)
{
	struct build b, s, liar;
	size_t body = LOGIN_LEN + DERP_HEAD_LEN;

	(void)state;
	client_stream(&s, 2);
	client_stream(&liar, 2);
	memset(liar.bytes + body + 4, 0xee, 4);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, body + 4, body + 6);
	part(&b, C0, &liar, 0, body + 8);
	part(&b, C0, &s, body + 8, s.len);
	build_free(&s);
	build_free(&liar);
	expect(&b, LOGIN "1> Ping 010101010101eeee 8\n" PING("02"));
}

/* In the queue: a segment that begins inside one, and one that ends there. */
static void test_first_wins_between_queued(void **state)
{
	struct build b, s, liar;
	size_t body = LOGIN_LEN + DERP_HEAD_LEN;

	(void)state;
	client_stream(&s, 2);
	client_stream(&liar, 2);
	memset(liar.bytes + body, 0xee, DERP_PING_LEN);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, body + 2, body + 4);
	part(&b, C0, &liar, body + 3, body + 5);
	part(&b, C0, &liar, body + 1, body + 3);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	build_free(&liar);
	expect(&b, LOGIN "1> Ping 01ee0101ee010101 8\n" PING("02"));
}

static void test_keep_alive_probe(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 2);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN + PING_FRAME);
	/* One old byte, as some systems probe. */
	segment(&b, CLIENT, C0 + (uint32_t)(LOGIN_LEN + PING_FRAME) - 1,
		TCP_ACK, "\xee", 1);
	part(&b, C0, &s, LOGIN_LEN + PING_FRAME, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01") PING("02"));
}

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

/* ---- limits ------------------------------------------------------------ */

static void test_queue_is_bounded(void **state)
{
	struct capture_limits limits = { .flow_mem = 4050 };
	struct record r = { 0 };
	struct build b, s;

	(void)state;
	memset(&s, 0, sizeof(s));
	text(&s, FAST_REQUEST);
	client_info(&s);
	filled(&s, DERP_SEND_PACKET, 2000, 'a');
	filled(&s, DERP_SEND_PACKET, 2000, 'b');
	filled(&s, DERP_SEND_PACKET, 2000, 'c');
	ping(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN);
	/* The first packet is lost; the two behind it do not both fit. */
	part(&b, C0, &s, LOGIN_LEN + 2005, LOGIN_LEN + 4010);
	part(&b, C0, &s, LOGIN_LEN + 4010, s.len);
	assert_int_equal(play_limited(&b, &r, &limits, NULL), 0);
	assert_string_equal(
		r.text,
		LOGIN "1> gap 2005 limit\n"
		      "1> SendPacket 6262626262626262.. 2000\n"
		      "1> SendPacket 6363636363636363.. 2000\n" PING("01"));
	free(r.text);
	build_free(&s);
	build_free(&b);
}

/* Two halves of a frame, and no room to keep the first. */
static void test_queue_is_bounded_in_pieces(void **state)
{
	struct record r = { 0 };
	struct build b, s;
	size_t i;

	(void)state;
	client_stream(&s, 0);
	filled(&s, DERP_SEND_PACKET, 20000, 'x');
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN + DERP_HEAD_LEN);
	for (i = 0; i < 5000; i++)
		part(&b, C0, &s, LOGIN_LEN + 10 + 2 * i,
		     LOGIN_LEN + 11 + 2 * i);
	assert_int_equal(play_limited(&b, &r, NULL, NULL), 0);
	assert_non_null(strstr(r.text, "limit"));
	free(r.text);
	build_free(&s);
	build_free(&b);
}

static void test_frame_is_bounded(void **state)
{
	struct capture_limits limits = { .flow_mem = 1500 };
	struct record r = { 0 };
	struct build b, s;

	(void)state;
	memset(&s, 0, sizeof(s));
	text(&s, FAST_REQUEST);
	client_info(&s);
	filled(&s, DERP_SEND_PACKET, 4000, 'a');
	ping(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN);
	part(&b, C0, &s, LOGIN_LEN, LOGIN_LEN + 2000);
	part(&b, C0, &s, LOGIN_LEN + 2000, s.len);
	assert_int_equal(play_limited(&b, &r, &limits, NULL), 0);
	assert_string_equal(r.text,
			    LOGIN "1> gap 4000 limit SendPacket  0 of "
				  "4000\n"
				  "1> SendPacket  0 of 4000\n" PING("01"));
	free(r.text);
	build_free(&s);
	build_free(&b);
}

static void test_table_is_bounded(void **state)
{
	struct capture_limits limits = { .num_flows = 2 };
	struct record r = { 0 };
	struct build b, s;
	int i;

	(void)state;
	client_stream(&s, 0);
	build_init(&b);
	for (i = 0; i < 3; i++) {
		b.ports[CLIENT] = (uint16_t)(40000 + i);
		hello(&b, C0, S0);
		part(&b, C0, &s, 0, REQUEST_LEN);
		if (i == 1) { /* the first is heard of again */
			b.ports[CLIENT] = 40000;
			part(&b, C0, &s, REQUEST_LEN, s.len);
		}
	}
	assert_int_equal(play_limited(&b, &r, &limits, NULL), 0);
	assert_string_equal(r.text, OPENED
			    "2- open\n2> http GET\n2- start fast-start\n"
			    "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"
			    "2- closed evicted\n"
			    "3- open\n3> http GET\n3- start fast-start\n");
	free(r.text);
	build_free(&s);
	build_free(&b);
}

static void test_stop(void **state)
{
	struct record r = { .stop_after = 4 };
	struct build b, s;

	(void)state;
	client_stream(&s, 3);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	assert_int_equal(play_limited(&b, &r, NULL, NULL), CAPTURE_E_STOPPED);
	assert_string_equal(r.text, LOGIN);
	free(r.text);
	build_free(&s);
	build_free(&b);
}

/* ---- beginnings and ends ----------------------------------------------- */

static void test_port_reuse(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	hello(&b, 77000, 88000);
	part(&b, 77000, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01") "1- closed reused\n"
				    "2- open\n2> http GET\n"
				    "2- start fast-start\n"
				    "2> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"
				    "2> Ping 0101010101010101 8\n");
}

static void test_reuse_after_close(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 0);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	segment(&b, CLIENT, C0 + (uint32_t)s.len, TCP_FIN, "", 0);
	segment(&b, SERVER, S0, TCP_FIN, "", 0);
	part(&b, C0, &s, 0, s.len); /* late retransmission */
	hello(&b, 77000, 88000);
	part(&b, 77000, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN "1> closed fin\n1< closed fin\n"
			 "2- open\n2> http GET\n2- start fast-start\n"
			 "2> ClientInfo c1c1c1c1c1c1c1c1.. 104\n");
}

static void test_syn_retransmitted(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN);
	hello(&b, C0, S0);
	part(&b, C0, &s, LOGIN_LEN, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01"));
}

static void test_syn_out_of_order(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	segment_ack(&b, SERVER, S0 - 1, TCP_SYN | TCP_ACK, "", 0, C0);
	segment(&b, CLIENT, C0 - 1, TCP_SYN, "", 0);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01"));
}

static void test_reset(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 2);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN + 7);
	segment(&b, SERVER, S0, TCP_RST, "", 0);
	part(&b, C0, &s, LOGIN_LEN + 7, s.len); /* nobody read that */
	build_free(&s);
	expect(&b, LOGIN "1> note ends inside a frame Ping 0101 2 of 8\n"
			 "1< closed rst\n");
}

static void test_fin_inside_frame(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN + 7);
	segment(&b, CLIENT, C0 + (uint32_t)LOGIN_LEN + 7, TCP_FIN, "", 0);
	part(&b, C0, &s, LOGIN_LEN + 7, s.len); /* behind the FIN */
	build_free(&s);
	expect(&b, LOGIN "1> invalid -4 Ping 0101 2 of 8\n1> closed fin\n");
}

static void test_fin_inside_header(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, LOGIN_LEN + 3);
	segment(&b, CLIENT, C0 + (uint32_t)LOGIN_LEN + 3, TCP_FIN, "", 0);
	build_free(&s);
	expect(&b, LOGIN "1> invalid -4\n1> closed fin\n");
}

static void test_fin_between_frames(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, CLIENT, C0, TCP_FIN, s.bytes, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01") "1> closed fin\n");
}

static void test_fin_out_of_order(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, CLIENT, C0 + (uint32_t)s.len, TCP_FIN, "", 0);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01") "1> closed fin\n");
}

/* The FIN came first; a segment reaches over it. */
static void test_nothing_behind_the_fin(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 2);
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, CLIENT, C0 + (uint32_t)(LOGIN_LEN + PING_FRAME), TCP_FIN,
		"", 0);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01") "1> closed fin\n");
}

/* Acknowledgements of a connection that was over are none. */
static void test_stray_packets_are_no_connection(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	b.ports[CLIENT] = 39999;
	acks(&b, SERVER, 1, 1);
	segment(&b, CLIENT, 1, TCP_RST, "", 0);
	b.ports[CLIENT] = 40000;
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	build_free(&s);
	expect(&b, LOGIN PING("01"));
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

#define NUM_ORDERS 24

static struct order orders[2 * NUM_ORDERS];
static char order_names[2 * NUM_ORDERS][40];

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

/* The n-th permutation of four. */
static void permute(int at[4], int n)
{
	int left[4] = { 0, 1, 2, 3 }, i, j, k;

	for (i = 4; i > 0; i--) {
		k = n % i;
		n /= i;
		at[4 - i] = left[k];
		for (j = k; j < 3; j++)
			left[j] = left[j + 1];
	}
}

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

#define TEST(f)                                                                \
	{                                                                      \
#f, f, NULL, NULL, NULL                                        \
	}

int main(void)
{
	static size_t hole_from[] = { LOGIN_LEN + 7, LOGIN_LEN + 2 };
	static const char *const offset_names[] = { "offsets/hole-in-payload",
						    "offsets/hole-in-header" };
	static const struct CMUnitTest fixed[] = {
		TEST(test_retransmitted),
		TEST(test_first_wins_in_order),
		TEST(test_first_wins_in_queue),
		TEST(test_first_wins_over_the_edge),
		TEST(test_first_wins_between_queued),
		TEST(test_keep_alive_probe),
		TEST(test_hole_before_the_last_frame),
		TEST(test_queue_is_bounded_in_pieces),
		TEST(test_nothing_behind_the_fin),
		TEST(test_stray_packets_are_no_connection),
		TEST(test_hole_before_the_start),
		TEST(test_hole_in_http_body),
		TEST(test_hole_in_payload),
		TEST(test_hole_to_the_end_of_payload),
		TEST(test_hole_of_whole_frames),
		TEST(test_hole_over_header),
		TEST(test_hole_over_payload_and_header),
		TEST(test_tail_lost),
		TEST(test_hole_before_fin),
		TEST(test_queue_is_bounded),
		TEST(test_frame_is_bounded),
		TEST(test_table_is_bounded),
		TEST(test_stop),
		TEST(test_port_reuse),
		TEST(test_reuse_after_close),
		TEST(test_syn_retransmitted),
		TEST(test_syn_out_of_order),
		TEST(test_reset),
		TEST(test_fin_inside_frame),
		TEST(test_fin_inside_header),
		TEST(test_fin_between_frames),
		TEST(test_fin_out_of_order),
		TEST(test_snaplen),
		TEST(test_middle),
		TEST(test_middle_of_the_server),
		TEST(test_middle_needs_proof),
		TEST(test_middle_keeps_times),
		TEST(test_other_traffic_is_silent),
	};
	enum {
		FIXED = sizeof(fixed) / sizeof(fixed[0]),
		WAITS = 5,
		DECOYS = 7
	};
	static struct CMUnitTest
		tests[2 * NUM_ORDERS + WAITS + DECOYS + 2 + FIXED];
	size_t n = 0;
	int i;

	for (i = 0; i < 2 * NUM_ORDERS; i++) {
		permute(orders[i].at, i % NUM_ORDERS);
		/* The second half wraps inside the stream. */
		orders[i].first = i < NUM_ORDERS ? C0 : UINT32_MAX - 150;
		snprintf(order_names[i], sizeof(order_names[i]),
			 "order/%s%d%d%d%d", i < NUM_ORDERS ? "" : "wrap-",
			 orders[i].at[0], orders[i].at[1], orders[i].at[2],
			 orders[i].at[3]);
		tests[n++] = (struct CMUnitTest){ order_names[i], test_order,
						  NULL, NULL, &orders[i] };
	}
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
	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
