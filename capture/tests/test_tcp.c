/*
 * test_tcp.c - reassembly: whatever happens to the segments, the same frames
 * come out; connections begin and end; memory is bounded.
 */
#include "client.h"

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

/* play() fails when the time of a direction goes back. */
static void test_reset_with_an_older_time(void **state)
{
	struct build b, s;

	(void)state;
	client_stream(&s, 1);
	build_init(&b);
	b.now_us += 5000000;
	hello(&b, C0, S0);
	part(&b, C0, &s, 0, s.len);
	b.now_us -= 3000000;
	segment(&b, CLIENT, C0 + (uint32_t)s.len, TCP_RST, "", 0);
	build_free(&s);
	expect(&b, LOGIN PING("01") "1> closed rst\n");
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

/* ---- all --------------------------------------------------------------- */

#define NUM_ORDERS 24

static struct order orders[2 * NUM_ORDERS];
static char order_names[2 * NUM_ORDERS][40];

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

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		TEST(test_retransmitted),
		TEST(test_first_wins_in_order),
		TEST(test_first_wins_in_queue),
		TEST(test_first_wins_over_the_edge),
		TEST(test_first_wins_between_queued),
		TEST(test_keep_alive_probe),
		TEST(test_queue_is_bounded),
		TEST(test_queue_is_bounded_in_pieces),
		TEST(test_frame_is_bounded),
		TEST(test_table_is_bounded),
		TEST(test_stop),
		TEST(test_port_reuse),
		TEST(test_reuse_after_close),
		TEST(test_syn_retransmitted),
		TEST(test_syn_out_of_order),
		TEST(test_reset),
		TEST(test_reset_with_an_older_time),
		TEST(test_fin_inside_frame),
		TEST(test_fin_inside_header),
		TEST(test_fin_between_frames),
		TEST(test_fin_out_of_order),
		TEST(test_nothing_behind_the_fin),
		TEST(test_stray_packets_are_no_connection),
	};
	static struct CMUnitTest
		tests[2 * NUM_ORDERS + sizeof(fixed) / sizeof(fixed[0])];
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
	memcpy(tests + n, fixed, sizeof(fixed));
	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
