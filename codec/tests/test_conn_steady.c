/*
 * test_conn_steady.c - frames after the login, to either end: DERP-FRAME-3 to
 * -8, -12, -13, DERP-SEND-3 to -5, -9, -10, DERP-PING-1 to -9, DERP-HOME-1,
 * -2, DERP-MESH-1, -2, -8, -9, -12 to -14, DERP-ALIVE-2, -5 to -7,
 * DERP-GONE-10, DERP-PRESENT-6, DERP-LOGIN-15, -16.
 */
#include "conn_end.h"

/* ---- what is judged -------------------------------------------------- */

enum who { TO_SERVER, TO_MESH_SERVER, TO_CLIENT };

struct row {
	const char *name;
	enum who who;
	const char *hex;
	size_t zeros; /* behind hex */
	const char *log;
	int err;
};

#define S TO_SERVER
#define M TO_MESH_SERVER
#define C TO_CLIENT
#define K "aa00000000000000000000000000000000000000000000000000000000000000"
#define ALIVE "06 00000000"

static const struct row rows[] = {
	/* To a server: what only servers send, and the unknown. */
	{ "s/01", S, "01 00000000 12 00000008", 8,
	  "head(01,0) head(12,8) "
	  "frame(12,0) ",
	  0 },
	{ "s/02", S, "02 00000048", 72, "head(02,72) ", 0 },
	{ "s/03", S, "03 00000001", 1, "head(03,1) ", 0 },
	{ "s/05", S, "05 00000021", 33, "head(05,33) ", 0 },
	{ "s/06", S, ALIVE, 0, "head(06,0) ", 0 },
	{ "s/08", S, "08 00000021", 33, "head(08,33) ", 0 },
	{ "s/09", S, "09 00000000", 0, "head(09,0) ", 0 },
	{ "s/14", S, "14 00000002", 2, "head(14,2) ", 0 },
	{ "s/15", S, "15 00000008", 8, "head(15,8) ", 0 },
	{ "s/00", S, "00 00000003", 3, "head(00,3) ", 0 },
	{ "s/ff", S, "ff 00000003", 3, "head(ff,3) ", 0 },
	{ "s/unknown-most", S, "77 00010021", 0, "", DERP_E_LIMIT },
	{ "s/unknown-4g", S, "77 ffffffff", 0, "", DERP_E_LIMIT },
	{ "s/pong-0", S, "13 00000000", 0, "head(13,0) ", 0 },
	{ "s/pong-7", S, "13 00000007", 7, "head(13,7) ", 0 },
	{ "s/pong-8", S, "13 00000008", 8, "head(13,8) ", 0 },
	{ "s/pong-65569", M, "13 00010021", 0, "", DERP_E_LIMIT },
	/* To a server: lengths. */
	{ "s/send-31", S, "04 0000001f", 0, "", DERP_E_SHORT },
	{ "s/send-0", S, "04 00000000", 0, "", DERP_E_SHORT },
	{ "s/send-32", S, "04 00000020" K, 0,
	  "head(04,32,bulk) frame(04,0,aa,0,00000000) ", 0 },
	{ "s/send-33", S, "04 00000021" K, 1,
	  "head(04,33,bulk) frame(04,0,aa,1,0000001f) ", 0 },
	{ "s/home-0", S, "07 00000000", 0, "", DERP_E_SHORT },
	{ "s/home-2", S, "07 00000002", 0, "", DERP_E_LONG },
	{ "s/home-80", S, "07 00000001 80", 0, "head(07,1) frame(07,0,128) ",
	  0 },
	{ "s/ping-7", S, "12 00000007", 0, "", DERP_E_SHORT },
	{ "s/ping-8", S, "12 00000008", 8, "head(12,8) frame(12,0) ", 0 },
	{ "s/ping-1000", S, "12 000003e8", 1000, "head(12,1000) frame(12,992) ",
	  0 },
	{ "s/ping-1001", S, "12 000003e9", 0, "", DERP_E_LONG },
	/* To a server: privileges come first (fact 80). */
	{ "s/watch", S, "10 00000000", 0, "", DERP_E_TYPE },
	{ "s/close", S, "11 00000020", 0, "", DERP_E_TYPE },
	{ "s/forward", S, "0a 00000040", 0, "", DERP_E_TYPE },
	{ "s/forward-0", S, "0a 00000000", 0, "", DERP_E_TYPE },
	{ "m/watch", M, "10 00000000" ALIVE, 0,
	  "head(10,0) frame(10,0) head(06,0) ", 0 },
	{ "m/watch-1", M, "10 00000001", 0, "", DERP_E_LONG },
	{ "m/close", M, "11 00000020" K, 0, "head(11,32) frame(11,0) ", 0 },
	{ "m/close-31", M, "11 0000001f", 0, "", DERP_E_SHORT },
	{ "m/close-33", M, "11 00000021", 0, "", DERP_E_LONG },
	{ "m/forward-63", M, "0a 0000003f", 0, "", DERP_E_SHORT },
	{ "m/forward-64", M, "0a 00000040" K K, 0,
	  "head(0a,64,bulk) frame(0a,0,aa,aa,0) ", 0 },
	{ "m/forward-67", M, "0a 00000043" K K, 3,
	  "head(0a,67,bulk) frame(0a,0,aa,aa,3) ", 0 },
	/* T17: too long, told with the last byte of the keys. */
	{ "s/send-65569", S, "04 00010021", 32, "head(04,65569) ",
	  DERP_E_LONG },
	{ "s/send-4g", S, "04 ffffffff", 32, "head(04,4294967295) ",
	  DERP_E_LONG },
	{ "m/forward-65601", M, "0a 00010041", 64, "head(0a,65601) ",
	  DERP_E_LONG },
	/* To a client: what only clients send, and the unknown. */
	{ "c/01", C, "01 00000028", 40, "head(01,40) ", 0 },
	{ "c/01-right", C, "01 00000028 44455250f09f9491" K, 0, "head(01,40) ",
	  0 },
	{ "c/01-short", C, "01 00000001", 1, "head(01,1) ", 0 },
	{ "c/02", C, "02 00000038", 56, "head(02,56) ", 0 },
	{ "c/04", C, "04 00000000" ALIVE, 0,
	  "head(04,0) head(06,0) frame(06,0) ", 0 },
	{ "c/07", C, "07 00000005", 5, "head(07,5) ", 0 },
	{ "c/0a", C, "0a 00000001", 1, "head(0a,1) ", 0 },
	{ "c/10", C, "10 00000001", 1, "head(10,1) ", 0 },
	{ "c/11", C, "11 00000020", 32, "head(11,32) ", 0 },
	{ "c/77", C, "77 00000009", 9, "head(77,9) ", 0 },
	{ "c/1m1", C, "77 00100001", 0, "", DERP_E_LIMIT },
	{ "c/recv-1m1", C, "05 00100001", 0, "", DERP_E_LIMIT },
	/* To a client: lengths. */
	{ "c/recv-31", C, "05 0000001f", 31, "head(05,31) ", 0 },
	{ "c/recv-32", C, "05 00000020" K, 0,
	  "head(05,32,bulk) frame(05,0,aa,0,00000000) ", 0 },
	{ "c/recv-34", C, "05 00000022" K "0102", 0,
	  "head(05,34,bulk) frame(05,0,aa,2,000007a3) ", 0 },
	{ "c/alive-3", C, "06 00000003", 3, "head(06,3) frame(06,3) ", 0 },
	{ "c/gone-31", C, "08 0000001f", 31, "head(08,31) ", 0 },
	{ "c/gone-32", C, "08 00000020" K, 0, "head(08,32) frame(08,0,-1) ",
	  0 },
	{ "c/gone-33", C, "08 00000021" K "01", 0, "head(08,33) frame(08,0,1) ",
	  0 },
	{ "c/gone-40", C, "08 00000028" K "f0", 7,
	  "head(08,40) frame(08,7,240) ", 0 },
	{ "c/present-31", C, "09 0000001f", 31, "head(09,31) ", 0 },
	{ "c/present-32", C, "09 00000020" K, 0,
	  "head(09,32) frame(09,0,-1,-1) ", 0 },
	{ "c/present-49", C, "09 00000031" K, 17,
	  "head(09,49) frame(09,17,-1,-1) ", 0 },
	{ "c/present-51", C, "09 00000033" K, 19,
	  "head(09,51) frame(09,0,0,-1) ", 0 },
	{ "c/present-54", C,
	  "09 00000036" K "000000000000000000000000000000000000 02 02 4142", 0,
	  "head(09,54) frame(09,0,2,2) ", 0 },
	/* More than is kept: the rest is counted. */
	{ "c/present-200", C, "09 000000c8" K, 168,
	  "head(09,200) frame(09,148,0,0) ", 0 },
	{ "c/present-long-name", C,
	  "09 000000c8" K "000000000000000000000000000000000000 02 94", 148,
	  "head(09,200) frame(09,149,2,-1) ", 0 },
	{ "c/ping-7", C, "12 00000007", 7, "head(12,7) ", 0 },
	{ "c/ping-8", C, "12 00000008", 8, "head(12,8) frame(12,0) ", 0 },
	{ "c/ping-1001", C, "12 000003e9", 1001, "head(12,1001) frame(12,993) ",
	  0 },
	{ "c/pong-7", C, "13 00000007", 7, "head(13,7) ", 0 },
	{ "c/pong-9", C, "13 00000009", 9, "head(13,9) frame(13,1,0) ", 0 },
	{ "c/health-0", C, "14 00000000", 0, "head(14,0,bulk) frame(14,0,) ",
	  0 },
	{ "c/health-2", C, "14 00000002 4142", 0,
	  "head(14,2,bulk) frame(14,0,AB) ", 0 },
	{ "c/restarting-7", C, "15 00000007", 7, "head(15,7) ", 0 },
	{ "c/restarting-9", C, "15 00000009", 9, "head(15,9) frame(15,1) ", 0 },
	{ "c/info-23", C, "03 00000017", 0, "", DERP_E_SHORT },
	{ "c/info-24", C, "03 00000018", 24, "head(03,24) ", DERP_E_SHORT },
	{ "c/info-box", C, "03 00000028", 40, "head(03,40) ", DERP_E_BOX },
};

static struct bytes bytes_of(const struct row *r)
{
	struct bytes b = unhex(r->hex), out;

	out.len = b.len + r->zeros;
	out.at = block(out.len);
	memcpy(out.at, b.at, b.len);
	memset(out.at + b.len, 0, r->zeros);
	free(b.at);
	return out;
}

/* The end that the row speaks to, logged in. */
static void begin(struct end *e, enum who who)
{
	struct derp_client_info info = client_info;
	struct end other, *client = who == TO_CLIENT ? e : &other;
	struct end *server = who == TO_CLIENT ? &other : e;

	if (who == TO_MESH_SERVER) {
		info.has_mesh_key = true;
		memcpy(info.mesh_key, mesh_key, 32);
	}
	client_config.info = &info;
	client_begin(client, 4096);
	server_begin(server, 4096);
	join(client, server);
	client_config.info = &client_info;
	assert_int_equal(server->c.mesh, who == TO_MESH_SERVER);
	end_free(client);
	end_free(server);
	forget_past(e);
	assert_int_equal(e->c.state, DERP_STATE_STEADY);
	assert_int_equal(derp_conn_end(&e->c), 0);
}

static void frame_is_judged(void **state)
{
	const struct row *r = *state;
	struct bytes b = bytes_of(r);
	struct end e;
	char want[256];

	begin(&e, r->who);
	feed_every_cut(&e, b.at, b.len);
	snprintf(want, sizeof want, "%s", r->log);
	if (r->err != 0)
		snprintf(want, sizeof want, "%serror(%d) ", r->log, r->err);
	assert_string_equal(e.log, want);
	assert_int_equal(derp_conn_end(&e.c), r->err);
	end_free(&e);
	/* An error comes with the last byte, and a frame ends with it. */
	begin(&e, r->who);
	feed(&e, b.at, b.len - 1);
	assert_int_equal(e.err, 0);
	assert_int_equal(derp_conn_end(&e.c), DERP_E_EOF);
	end_free(&e);
	free(b.at);
}

/* ---- large ones ------------------------------------------------------ */

struct large {
	const char *name;
	enum who who;
	uint32_t type, len, lends;
	int err;
};

static const struct large larges[] = {
	{ "large/send", S, DERP_SEND_PACKET, 65568, 1, 0 },
	{ "large/send+1", S, DERP_SEND_PACKET, 65569, 0, DERP_E_LONG },
	{ "large/forward", M, DERP_FORWARD_PACKET, 65600, 1, 0 },
	{ "large/forward+1", M, DERP_FORWARD_PACKET, 65601, 0, DERP_E_LONG },
	{ "large/unknown", S, 0x77, 65568, 0, 0 },
	{ "large/second-info", S, DERP_CLIENT_INFO, 65568, 0, 0 },
	{ "large/recv", C, DERP_RECV_PACKET, 1048576, 1, 0 },
	{ "large/health", C, DERP_HEALTH, 1048576, 1, 0 },
	{ "large/unknown-to-client", C, 0x77, 1048576, 0, 0 },
	{ "large/gone", C, DERP_PEER_GONE, 1048576, 1, 0 },
};

/* Whole, and in pieces of 10,000; a KeepAlive or a home byte behind. */
static void large_frame_is_taken_or_not(void **state)
{
	const struct large *g = *state;
	size_t len = g->len + 5, cut[] = { len, 10000 };
	uint8_t *all = block(len);
	struct end e;

	memset(all, 0, len);
	derp_head_build(all, g->type, g->len);
	for (size_t i = 0; i < NUM(cut); i++) {
		begin(&e, g->who);
		if (g->type == DERP_HEALTH)
			e.keep_off = true;
		for (size_t at = 0; at < len; at += cut[i])
			feed(&e, all + at,
			     cut[i] < len - at ? cut[i] : len - at);
		assert_int_equal(e.err, g->err);
		if (g->type != DERP_HEALTH)
			assert_int_equal(strstr(e.log, "frame(") != NULL,
					 g->lends);
		if (g->err == 0) {
			feed_hex(&e, g->who == C ? ALIVE : "07 00000001 00");
			assert_non_null(
				strstr(e.log, g->who == C ? "frame(06,0)"
							  : "frame(07,0,0)"));
		}
		end_free(&e);
	}
	free(all);
}

static void a_packet_without_a_buffer_is_skipped(void **state)
{
	struct end e;
	struct bytes b = unhex("05 00000022" K "0102 14 00000002 4142" ALIVE);

	(void)state;
	begin(&e, C);
	e.keep_off = true;
	feed_every_cut(&e, b.at, b.len);
	assert_string_equal(
		e.log,
		"head(05,34,bulk) head(14,2,bulk) head(06,0) frame(06,0) ");
	free(b.at);
}

static void lends_out_of_turn_change_nothing(void **state)
{
	uint8_t buf[40] = { 0 };
	struct end e;

	(void)state;
	begin(&e, C);
	assert_int_equal(derp_conn_lend(&e.c, buf, sizeof buf), DERP_E_STATE);
	e.keep_off = true;
	feed_hex(&e, "05 00000022 aa");
	assert_int_equal(derp_conn_lend(&e.c, buf, sizeof buf), DERP_E_STATE);
	feed_hex(&e, "77 ffffffff"); /* still payload */
	assert_int_equal(e.err, 0);
	feed(&e, buf, 28);
	assert_int_equal(derp_conn_end(&e.c), 0);
	feed_hex(&e, "77 ffffffff");
	assert_int_equal(e.err, DERP_E_LIMIT);
	assert_int_equal(derp_conn_lend(&e.c, buf, sizeof buf), DERP_E_LIMIT);
}

/* ---- pings ----------------------------------------------------------- */

static void a_ping_is_answered_with_its_first_8_bytes(void **state)
{
	struct end e;

	(void)state;
	for (int who = 0; who < 3; who++) {
		begin(&e, (enum who)who);
		feed_hex(&e, "12 0000000a 0102030405060708 090a");
		assert_int_equal(e.num_out, 13);
		assert_memory_equal(e.out, "\x13\0\0\0\x08\1\2\3\4\5\6\7\x08",
				    13);
		/* While one waits the next goes without (DERP-PING-5). */
		feed_hex(&e, "12 00000008 1111111111111111"
			     "12 00000008 2222222222222222");
		assert_int_equal(e.num_out, 26);
		assert_int_equal(e.out[18], 0x11);
		feed_hex(&e, "12 00000008 3333333333333333");
		assert_int_equal(e.num_out, 39);
	}
}

static void one_ping_is_outstanding(void **state)
{
	static const uint8_t one[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct end c;

	(void)state;
	begin(&c, C);
	feed_hex(&c, "13 00000008 0102030405060708");
	assert_int_equal(derp_conn_ping(&c.c, one), 0);
	assert_int_equal(derp_conn_ping(&c.c, one), DERP_E_STATE);
	/* A guess, before it was written. */
	struct derp_conn_event ev;
	struct bytes b = unhex("13 00000008 0102030405060708");
	const uint8_t *in = b.at;
	size_t len = b.len;
	while (derp_conn_next(&c.c, &ev, &in, &len, 0) != DERP_CONN_FRAME)
		;
	assert_false(ev.answered);
	free(b.at);
	pull(&c);
	assert_int_equal(c.num_out, 13);
	assert_memory_equal(c.out, "\x12\0\0\0\x08\1\2\3\4\5\6\7\x08", 13);
	forget_past(&c);
	feed_hex(&c, "13 00000008 0102030405060709");
	feed_hex(&c, "13 00000009 0102030405060708 00");
	feed_hex(&c, "13 00000008 0102030405060708");
	assert_string_equal(c.log, "head(13,8) frame(13,0,0) "
				   "head(13,9) frame(13,1,1) "
				   "head(13,8) frame(13,0,0) ");
	assert_int_equal(derp_conn_ping(&c.c, one), 0);
	derp_conn_ping_forget(&c.c);
	assert_false(derp_conn_waits(&c.c));
	assert_int_equal(derp_conn_ping(&c.c, one), 0);
}

static void a_server_pings_only_who_can_answer(void **state)
{
	static const uint8_t one[8] = { 1 };
	struct end s;

	(void)state;
	begin(&s, S);
	assert_int_equal(derp_conn_ping(&s.c, one), 0);
	assert_int_equal(derp_conn_may_send(&s.c, DERP_PING, 8), 0);
	client_info.can_ack_pings = false;
	begin(&s, S);
	client_info.can_ack_pings = true;
	assert_int_equal(derp_conn_ping(&s.c, one), DERP_E_TYPE);
	assert_int_equal(derp_conn_may_send(&s.c, DERP_PING, 8), DERP_E_TYPE);
}

/* ---- what may be sent ------------------------------------------------ */

struct send {
	const char *name;
	enum who who; /* of the sender's end: C is a client */
	uint32_t type, len;
	int err;
};

static const struct send sends[] = {
	{ "send/31", C, DERP_SEND_PACKET, 31, DERP_E_SHORT },
	{ "send/32", C, DERP_SEND_PACKET, 32, 0 },
	{ "send/65568", C, DERP_SEND_PACKET, 65568, 0 },
	{ "send/65569", C, DERP_SEND_PACKET, 65569, DERP_E_LONG },
	{ "send/home", C, DERP_NOTE_PREFERRED, 1, 0 },
	{ "send/home-2", C, DERP_NOTE_PREFERRED, 2, DERP_E_LONG },
	{ "send/ping-1000", C, DERP_PING, 1000, 0 },
	{ "send/ping-1001", C, DERP_PING, 1001, DERP_E_LONG },
	{ "send/pong", C, DERP_PONG, 8, 0 },
	{ "send/pong-9", C, DERP_PONG, 9, DERP_E_LONG },
	{ "send/watch", C, DERP_WATCH_CONNS, 0, DERP_E_TYPE },
	{ "send/forward", C, DERP_FORWARD_PACKET, 64, DERP_E_TYPE },
	{ "send/recv", C, DERP_RECV_PACKET, 32, DERP_E_TYPE },
	{ "send/alive", C, DERP_KEEP_ALIVE, 0, DERP_E_TYPE },
	{ "send/client-info", C, DERP_CLIENT_INFO, 100, DERP_E_TYPE },
	{ "send/unknown", C, 0x77, 0, DERP_E_TYPE },
	{ "serve/recv", S, DERP_RECV_PACKET, 65568, 0 },
	{ "serve/recv-65569", S, DERP_RECV_PACKET, 65569, DERP_E_LONG },
	{ "serve/recv-31", S, DERP_RECV_PACKET, 31, DERP_E_SHORT },
	{ "serve/alive", S, DERP_KEEP_ALIVE, 0, 0 },
	{ "serve/alive-1", S, DERP_KEEP_ALIVE, 1, DERP_E_LONG },
	{ "serve/gone", S, DERP_PEER_GONE, 33, 0 },
	{ "serve/send", S, DERP_SEND_PACKET, 32, DERP_E_TYPE },
	{ "serve/server-key", S, DERP_SERVER_KEY, 40, DERP_E_TYPE },
	{ "serve/server-info", S, DERP_SERVER_INFO, 53, DERP_E_TYPE },
	/* A server has no rights of a mesh client, whoever it talks to. */
	{ "serve/watch", M, DERP_WATCH_CONNS, 0, DERP_E_TYPE },
};

static void sending_keeps_the_rules(void **state)
{
	const struct send *s = *state;
	struct end e;

	begin(&e, s->who);
	assert_int_equal(derp_conn_may_send(&e.c, s->type, s->len), s->err);
}

static void a_mesh_client_may_send_more(void **state)
{
	struct end c;

	(void)state;
	begin(&c, C);
	c.c.mesh = true;
	assert_int_equal(derp_conn_may_send(&c.c, DERP_WATCH_CONNS, 0), 0);
	assert_int_equal(derp_conn_may_send(&c.c, DERP_WATCH_CONNS, 1),
			 DERP_E_LONG);
	assert_int_equal(derp_conn_may_send(&c.c, DERP_CLOSE_PEER, 32), 0);
	assert_int_equal(derp_conn_may_send(&c.c, DERP_FORWARD_PACKET, 65600),
			 0);
	assert_int_equal(derp_conn_may_send(&c.c, DERP_SEND_PACKET, 32), 0);
	assert_int_equal(derp_conn_may_send(&c.c, DERP_RECV_PACKET, 32),
			 DERP_E_TYPE);
}

int main(void)
{
	static struct suite s;

	make_keys();
	for (size_t i = 0; i < NUM(rows); i++)
		add(&s, rows[i].name, frame_is_judged, &rows[i]);
	for (size_t i = 0; i < NUM(larges); i++)
		add(&s, larges[i].name, large_frame_is_taken_or_not,
		    &larges[i]);
	ADD(&s, a_packet_without_a_buffer_is_skipped);
	ADD(&s, lends_out_of_turn_change_nothing);
	ADD(&s, a_ping_is_answered_with_its_first_8_bytes);
	ADD(&s, one_ping_is_outstanding);
	ADD(&s, a_server_pings_only_who_can_answer);
	for (size_t i = 0; i < NUM(sends); i++)
		add(&s, sends[i].name, sending_keeps_the_rules, &sends[i]);
	ADD(&s, a_mesh_client_may_send_more);
	return run("conn_steady", &s);
}
