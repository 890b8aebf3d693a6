/*
 * test_conn_login.c - how a connection begins, and what a server lets in:
 * DERP-HTTP-7, -11, -13, -24, DERP-LOGIN-1, -4 to -10, -12, -14, -16,
 * DERP-INFO-9, -12 to -15, DERP-FRAME-9.
 */
#include "conn_end.h"

/* ---- joined ---------------------------------------------------------- */

struct way {
	const char *name;
	enum derp_conn_open open;
	bool knows;
	const char *client, *server;
};

static const struct way ways[] = {
	{ "joined/http", DERP_OPEN_HTTP, false, LOGGED_IN_CLIENT,
	  LOGGED_IN_SERVER },
	{ "joined/fast", DERP_OPEN_FAST, false, "head(03,53) info(2,0,0) ",
	  LOGGED_IN_SERVER },
	{ "joined/fast-known", DERP_OPEN_FAST, true,
	  "head(01,40) head(03,53) info(2,0,0) ", LOGGED_IN_SERVER },
	{ "joined/stream", DERP_OPEN_STREAM, false, "head(03,53) info(2,0,0) ",
	  LOGGED_IN_SERVER },
};

static void begin_both(struct end *c, struct end *s, const struct way *w,
		       uint32_t grow)
{
	with_open(w->open, w->knows ? server_public : NULL);
	client_begin(c, grow);
	server_begin(s, grow);
	s->open = w->open;
	/* Of an upgrade that was made elsewhere the server has the request. */
	if (w->open == DERP_OPEN_STREAM)
		feed_hex(s, "474554202f6465727020485454502f312e310d0a0d0a");
}

static void two_ends_log_in(void **state)
{
	const struct way *w = *state;
	static const uint32_t grows[] = { 1, 2, 7, 53, 100, 20000 };
	struct end c, s;

	for (size_t i = 0; i < NUM(grows); i++) {
		begin_both(&c, &s, w, grows[i]);
		join(&c, &s);
		assert_string_equal(c.log, w->client);
		assert_string_equal(s.log, w->server);
		assert_int_equal(c.c.state, DERP_STATE_STEADY);
		assert_int_equal(s.c.state, DERP_STATE_STEADY);
		end_free(&c);
		end_free(&s);
	}
}

/* What each wrote in one go, to the other in every two pieces; with a frame
 * behind, which the client may send at once (DERP-LOGIN-14). */
static void login_is_the_same_at_every_cut(void **state)
{
	const struct way *w = *state;
	static const uint32_t grows[] = { 1, 30, 20000 };
	struct end c, s, again;

	for (size_t i = 0; i < NUM(grows); i++) {
		begin_both(&c, &s, w, 20000);
		join(&c, &s);
		memcpy(c.out + c.num_out, "\x07\0\0\0\1\1", 6);
		memcpy(s.out + s.num_out, "\x06\0\0\0\0", 5);
		begin_both(&again, &again, w, grows[i]);
		end_free(&again);
		again.lent = NULL;
		feed_every_cut(&again, c.out, c.num_out + 6);
		assert_non_null(strstr(again.log, "frame(07,0,1)"));
		assert_int_equal(again.num_out, s.num_out);
		assert_bytes(again.out, s.out, s.num_out);
		end_free(&again);
		client_begin(&again, grows[i]);
		feed_every_cut(&again, s.out, s.num_out + 5);
		assert_non_null(strstr(again.log, "frame(06,0)"));
		end_free(&again);
		end_free(&c);
		end_free(&s);
	}
}

static void what_is_written_first_is_what_the_reference_writes(void **state)
{
	struct end c, s;
	uint8_t want[256];
	size_t n;

	(void)state;
	with_open(DERP_OPEN_FAST, server_public);
	client_begin(&c, 100);
	pull(&c);
	assert_memory_equal(c.out,
			    "GET /derp HTTP/1.1\r\nHost: x\r\n"
			    "Connection: Upgrade\r\nDerp-Fast-Start: 1\r\n"
			    "Upgrade: DERP\r\n\r\n\x02\0\0\0",
			    91);
	with_open(DERP_OPEN_HTTP, NULL);
	client_begin(&c, 100);
	pull(&c);
	assert_int_equal(c.num_out, 67);
	server_begin(&s, 100);
	feed(&s, c.out, c.num_out);
	assert_int_equal(
		derp_http_write_101(want, sizeof want, &n, server_public), 0);
	assert_memory_equal(s.out, want, n);
	assert_memory_equal(s.out + n,
			    "\x01\0\0\0\x28"
			    "DERP\xf0\x9f\x94\x91",
			    13);
	assert_memory_equal(s.out + n + 13, server_public, 32);
	assert_int_equal(s.num_out, n + 45);
	end_free(&s);
	end_free(&c);
}

/* ---- the server's side ----------------------------------------------- */

static const char get[] = "GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\n";

static void at_login(struct end *s, uint32_t grow)
{
	server_begin(s, 200);
	feed(s, (const uint8_t *)get, sizeof get - 1);
	feed(s, (const uint8_t *)"\r\n", 2);
	assert_int_equal(s->c.state, DERP_STATE_LOGIN);
	end_free(s);
	forget_past(s);
	s->grow = grow;
}

struct first {
	const char *name, *head;
	size_t zeros;
	int err;
};

static const struct first firsts[] = {
	{ "first/ping", "12 00000008", 0, DERP_E_TYPE },
	{ "first/pong", "13 00000048", 0, DERP_E_TYPE },
	{ "first/server-key", "01 00000028", 0, DERP_E_TYPE },
	{ "first/unknown", "77 00000048", 0, DERP_E_TYPE },
	{ "first/zero", "00 00000000", 0, DERP_E_TYPE },
	{ "first/http", "47455420 2f", 0, DERP_E_TYPE },
	{ "info/0", "02 00000000", 0, DERP_E_SHORT },
	{ "info/55", "02 00000037", 0, DERP_E_SHORT },
	{ "info/56", "02 00000038", 56, DERP_E_SHORT },
	{ "info/71", "02 00000047", 71, DERP_E_SHORT },
	{ "info/zero-key", "02 00000048", 72, DERP_E_VALUE },
	{ "info/262144", "02 00040000", 262144, DERP_E_VALUE },
	{ "info/262145", "02 00040001", 0, DERP_E_LIMIT },
	{ "info/most", "02 ffffffff", 0, DERP_E_LIMIT },
};

static void first_frame_is_judged(void **state)
{
	const struct first *f = *state;
	struct bytes head = unhex(f->head);
	uint8_t *all = block(head.len + f->zeros);
	struct end s;

	memcpy(all, head.at, head.len);
	memset(all + head.len, 0, f->zeros);
	at_login(&s, 70000);
	if (f->zeros < 1000) {
		feed_every_cut(&s, all, head.len + f->zeros);
	} else {
		feed(&s, all, head.len + f->zeros - 1);
		assert_int_equal(s.err, 0);
		assert_int_equal(s.num_lends, 4);
		feed(&s, all + head.len + f->zeros - 1, 1);
	}
	assert_int_equal(s.err, f->err);
	assert_int_equal(s.num_out, 0);
	assert_int_equal(s.c.state, DERP_STATE_DEAD);
	end_free(&s);
	/* Not before the last byte of the header, or of the payload. */
	at_login(&s, 70000);
	feed(&s, all, head.len + f->zeros - 1);
	assert_int_equal(s.err, 0);
	end_free(&s);
	free(all);
	free(head.at);
}

/* A ClientInfo with this text, under these keys. */
static struct bytes client_info_of(const char *text, const uint8_t *pub,
				   const uint8_t *priv)
{
	struct bytes out;
	size_t len = strlen(text), n;

	out.len = 5 + 32 + DERP_BOX_LEN(len);
	out.at = block(out.len);
	derp_head_build(out.at, DERP_CLIENT_INFO, (uint32_t)out.len - 5);
	memcpy(out.at + 5, pub, 32);
	assert_int_equal(derp_seal(out.at + 37, out.len - 37, &n,
				   (const uint8_t *)text, len, client_nonce,
				   server_public, priv),
			 0);
	return out;
}

struct text {
	const char *name, *text;
	int err;
	const char *log;
};

#define KEY62 "07070700000000000000000000000000000000000000000000000000000000"
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct text texts[] = {
	{ "text/empty-object", "{}", 0, "login(0,0,0) " },
	{ "text/null", "null", 0, "login(0,0,0) " },
	{ "text/version", "{\"version\":-1}", 0, "login(-1,0,0) " },
	{ "text/mesh", "{\"meshKey\":\"" KEY62 "00\"}", 0, "login(0,1,0) " },
	{ "text/wrong-mesh-key", "{\"meshKey\":\"" KEY62 "01\"}", 0,
	  "login(0,0,0) " },
	{ "text/wrong-mesh-begin", "{\"meshKey\":\"17" KEY62 "\"}", 0,
	  "login(0,0,0) " },
	{ "text/bad-mesh-key", "{\"meshKey\":\"" KEY62 "\"}", DERP_E_JSON, "" },
	{ "text/name-32", "{\"AppName\":\"" A32 "\"}", 0, "login(0,0,32) " },
	{ "text/name-33", "{\"AppName\":\"" A32 "a\"}", DERP_E_VALUE, "" },
	{ "text/name-del", "{\"AppName\":\"\\u007f\"}", DERP_E_VALUE, "" },
	{ "text/none", "", DERP_E_JSON, "" },
	{ "text/array", "[]", DERP_E_JSON, "" },
	{ "text/trailing", "{}x", DERP_E_JSON, "" },
};

static void text_decides(void **state)
{
	const struct text *t = *state;
	struct bytes b = client_info_of(t->text, client_public, client_private);
	struct end s;
	char want[64];

	snprintf(want, sizeof want, "%s", t->log);
	if (t->err != 0)
		snprintf(want, sizeof want, "error(%d) ", t->err);
	at_login(&s, 200);
	feed_every_cut(&s, b.at, b.len);
	assert_string_equal(s.log, want);
	assert_int_equal(s.num_out == 0, t->err != 0);
	/* Nothing of the text is left in what was lent. */
	for (size_t i = 32; i < b.len - 5; i++)
		assert_int_equal(s.lent[i], 0);
	end_free(&s);
	free(b.at);
}

/* Every byte flipped: none gets in.  (Bit 255 of a key is another address:
 * DERP-LOGIN-11.) */
static void a_damaged_client_info_closes(void **state)
{
	struct bytes b = client_info_of("{}", client_public, client_private);
	struct end s;

	(void)state;
	for (size_t i = 5; i < b.len; i++) {
		b.at[i] ^= 1;
		at_login(&s, 200);
		feed(&s, b.at, b.len);
		assert_true(s.err == DERP_E_BOX || s.err == DERP_E_VALUE);
		assert_int_equal(s.num_out, 0);
		end_free(&s);
		b.at[i] ^= 1;
	}
	free(b.at);
}

static void no_mesh_key_no_mesh_clients(void **state)
{
	struct bytes b = client_info_of("{\"meshKey\":\"" KEY62 "00\"}",
					client_public, client_private);
	struct end s;

	(void)state;
	server_config.mesh_key = NULL;
	at_login(&s, 200);
	feed(&s, b.at, b.len);
	server_config.mesh_key = mesh_key;
	assert_string_equal(s.log, "login(0,0,0) ");
	end_free(&s);
	free(b.at);
}

/* Memory follows the bytes that are there, not the length (DERP-FRAME-9). */
static void a_buffer_grows_with_what_arrives(void **state)
{
	struct end s;
	uint8_t body[40] = { 0 };

	(void)state;
	at_login(&s, 32);
	feed_hex(&s, "02 00040000");
	assert_int_equal(s.num_lends, 0);
	feed(&s, body, 1);
	assert_int_equal(s.num_lends, 1);
	feed(&s, body, 31);
	assert_int_equal(s.num_lends, 1);
	feed(&s, body, 1);
	assert_int_equal(s.num_lends, 2);
	end_free(&s);
	/* Nobody lends: that is the end. */
	at_login(&s, 0);
	feed_hex(&s, "02 00040000 00");
	assert_int_equal(s.err, DERP_E_NOBUF);
}

static void early_frames_wait_for_admission(void **state)
{
	struct bytes b = client_info_of("{}", client_public, client_private);
	struct end s;
	uint8_t frame[] = { 0x07, 0, 0, 0, 1, 1 }, ping[8] = { 0 };

	(void)state;
	at_login(&s, 200);
	s.keep_off = true;
	feed(&s, b.at, b.len);
	assert_int_equal(s.c.state, DERP_STATE_ADMIT);
	assert_int_equal(feed(&s, frame, sizeof frame), sizeof frame);
	assert_true(derp_conn_deadline(&s.c) == DERP_NEVER);
	assert_int_equal(derp_conn_tick(&s.c, 1u << 30, 0), 0);
	assert_int_equal(derp_conn_may_send(&s.c, DERP_KEEP_ALIVE, 0),
			 DERP_E_STATE);
	assert_int_equal(derp_conn_ping(&s.c, ping), DERP_E_STATE);
	assert_false(derp_conn_waits(&s.c));
	assert_int_equal(
		derp_conn_admit(&s.c, &s.offer, server_nonce, s.now, 0), 0);
	assert_int_equal(derp_conn_may_send(&s.c, DERP_KEEP_ALIVE, 0),
			 DERP_E_STATE);
	feed(&s, frame, sizeof frame);
	assert_string_equal(s.log, "login(0,0,0) head(07,1) frame(07,0,1) ");
	assert_int_equal(derp_conn_may_send(&s.c, DERP_KEEP_ALIVE, 0), 0);
	assert_int_equal(
		derp_conn_admit(&s.c, &s.offer, server_nonce, s.now, 0),
		DERP_E_STATE);
	end_free(&s);
	free(b.at);
}

static void another_request_may_come(void **state)
{
	static const char two[] = "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\n\n!";
	struct end s;
	size_t left;

	(void)state;
	server_begin(&s, 100);
	s.keep_off = true;
	left = feed(&s, (const uint8_t *)two, sizeof two - 1);
	assert_int_equal(left, 18);
	assert_int_equal(s.c.state, DERP_STATE_DECIDE);
	assert_int_equal(derp_conn_end(&s.c), DERP_E_EOF);
	assert_int_equal(derp_conn_again(&s.c, 5000), 0);
	assert_int_equal(derp_conn_again(&s.c, 5000), DERP_E_STATE);
	assert_int_equal(derp_conn_accept(&s.c, DERP_OPEN_HTTP, 5000),
			 DERP_E_STATE);
	assert_true(derp_conn_deadline(&s.c) == 35000);
	assert_int_equal(derp_conn_end(&s.c), 0);
	left = feed(&s, (const uint8_t *)two + sizeof two - 1 - left, left);
	assert_int_equal(left, 1);
	assert_string_equal(s.log, "request(/a) request(/b) ");
	assert_int_equal(derp_conn_accept(&s.c, DERP_OPEN_FAST, 6000), 0);
	assert_true(derp_conn_deadline(&s.c) == 16000);
	pull(&s);
	assert_int_equal(s.num_out, 45);
	end_free(&s);
}

static void heads_have_a_limit(void **state)
{
	uint8_t *all = block(DERP_HTTP_MAX + 1);
	struct end s;

	(void)state;
	memset(all, 'a', DERP_HTTP_MAX + 1);
	memcpy(all, get, sizeof get - 1);
	all[sizeof get] = ':';
	memcpy(all + DERP_HTTP_MAX - 4, "\r\n\r\n", 4);
	server_begin(&s, 1000);
	feed(&s, all, DERP_HTTP_MAX);
	assert_string_equal(s.log, "request(/derp) ");
	end_free(&s);
	memset(all + DERP_HTTP_MAX - 4, 'a', 4);
	memcpy(all + DERP_HTTP_MAX - 3, "\r\n\r\n", 4);
	server_begin(&s, 1000);
	feed(&s, all, DERP_HTTP_MAX - 1);
	assert_int_equal(s.err, 0);
	feed(&s, all + DERP_HTTP_MAX - 1, 2);
	assert_int_equal(s.err, DERP_E_LIMIT);
	end_free(&s);
	server_begin(&s, 1000);
	feed_every_cut(&s, (const uint8_t *)"\r\nGET", 5);
	assert_int_equal(s.err, DERP_E_HTTP);
	assert_int_equal(derp_conn_accept(&s.c, DERP_OPEN_HTTP, 0),
			 DERP_E_HTTP);
	assert_int_equal(derp_conn_again(&s.c, 0), DERP_E_HTTP);
	end_free(&s);
	free(all);
}

int main(void)
{
	static struct suite s;

	make_keys();
	for (size_t i = 0; i < NUM(ways); i++) {
		add(&s, ways[i].name, two_ends_log_in, &ways[i]);
		add_of(&s, "cut", ways[i].name, login_is_the_same_at_every_cut,
		       &ways[i]);
	}
	ADD(&s, what_is_written_first_is_what_the_reference_writes);
	for (size_t i = 0; i < NUM(firsts); i++)
		add(&s, firsts[i].name, first_frame_is_judged, &firsts[i]);
	for (size_t i = 0; i < NUM(texts); i++)
		add(&s, texts[i].name, text_decides, &texts[i]);
	ADD(&s, a_damaged_client_info_closes);
	ADD(&s, no_mesh_key_no_mesh_clients);
	ADD(&s, a_buffer_grows_with_what_arrives);
	ADD(&s, early_frames_wait_for_admission);
	ADD(&s, another_request_may_come);
	ADD(&s, heads_have_a_limit);
	return run("conn_login", &s);
}
