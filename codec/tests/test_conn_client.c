/*
 * test_conn_client.c - what a client makes of the first answers, and what it
 * will not send: DERP-HTTP-9, -10, -12, DERP-LOGIN-2, -3, -15, DERP-INFO-16.
 */
#include "conn_end.h"

struct answer {
	const char *name, *text, *hex, *log;
	int err;
};

#define OK "HTTP/1.1 101 Switching Protocols\r\n\r\n"
#define MAGIC "44455250 f09f9491 "
#define ZERO32 "0000000000000000 0000000000000000 0000000000000000 00000000"

static const struct answer answers[] = {
	{ "answer/200", "HTTP/1.1 200 OK\r\n\r\n", "", "answer(200) ",
	  DERP_E_HTTP },
	{ "answer/100", "HTTP/1.1 100 Continue\r\n\r\n" OK, "", "answer(100) ",
	  DERP_E_HTTP },
	{ "answer/426", "HTTP/1.1 426 Upgrade Required\r\n\r\n", "",
	  "answer(426) ", DERP_E_HTTP },
	{ "answer/none", "", "01 00000028" MAGIC ZERO32 "0000000a", "",
	  DERP_E_HTTP },
	{ "answer/little", "HTTP/1.0 101 \n\n", "", "answer(101) ", 0 },
	{ "key/part", OK, "01 00000028 44", "answer(101) ", 0 },
	{ "key/ping-first", OK, "12 00000008", "answer(101) ", DERP_E_TYPE },
	{ "key/info-first", OK, "03 00000035", "answer(101) ", DERP_E_TYPE },
	{ "key/39", OK, "01 00000027", "answer(101) ", DERP_E_SHORT },
	{ "key/1025", OK, "01 00000401", "answer(101) ", DERP_E_LIMIT },
	{ "key/most", OK, "01 ffffffff", "answer(101) ", DERP_E_LIMIT },
	{ "key/magic", OK, "01 00000028 44455250 f09f9490" ZERO32 "00000001",
	  "answer(101) ", DERP_E_VALUE },
	{ "key/zero", OK, "01 00000028" MAGIC ZERO32 "00000000", "answer(101) ",
	  DERP_E_VALUE },
	{ "info/short", OK, "01 00000028" MAGIC ZERO32 "00000009 03 00000017",
	  "answer(101) ", DERP_E_SHORT },
	{ "info/box", OK,
	  "01 00000028" MAGIC ZERO32 "00000009 03 00000028" ZERO32
	  "000000000000000000000000",
	  "answer(101) head(03,40) ", DERP_E_BOX },
	{ "info/no-tag", OK,
	  "01 00000028" MAGIC ZERO32 "00000009 03 00000018 000000000000000000"
	  "000000000000000000000000000000",
	  "answer(101) head(03,24) ", DERP_E_SHORT },
	{ "info/most", OK, "01 00000028" MAGIC ZERO32 "00000009 03 00100001",
	  "answer(101) ", DERP_E_LIMIT },
};

static void answer_is_judged(void **state)
{
	const struct answer *a = *state;
	struct bytes b = unhex(a->hex);
	uint8_t *all = block(strlen(a->text) + b.len);
	struct end c;
	char want[128];

	memcpy(all, a->text, strlen(a->text));
	memcpy(all + strlen(a->text), b.at, b.len);
	with_open(DERP_OPEN_HTTP, NULL);
	client_begin(&c, 64);
	feed_every_cut(&c, all, strlen(a->text) + b.len);
	snprintf(want, sizeof want, "%s", a->log);
	if (a->err != 0)
		snprintf(want, sizeof want, "%serror(%d) ", a->log, a->err);
	assert_string_equal(c.log, want);
	assert_int_equal(derp_conn_end(&c.c),
			 a->err != 0 ? a->err : DERP_E_EOF);
	end_free(&c);
	free(all);
	free(b.at);
}

/* 40 to 1,024 bytes are a ServerKey; what follows the key is ignored. */
static void a_longer_server_key_is_fine(void **state)
{
	static const uint32_t sizes[] = { 40, 41, 96, 97, 1024 };
	uint8_t frame[5 + 1024] = { 0 };

	(void)state;
	with_open(DERP_OPEN_STREAM, NULL);
	for (size_t i = 0; i < NUM(sizes); i++) {
		struct end c;

		derp_head_build(frame, DERP_SERVER_KEY, sizes[i]);
		memcpy(frame + 5, derp_magic, 8);
		memcpy(frame + 13, server_public, 32);
		client_begin(&c, 64);
		feed(&c, frame, 5 + sizes[i] - 1);
		assert_int_equal(c.c.state, DERP_STATE_KEY);
		assert_int_equal(c.num_out, 0);
		feed(&c, frame + 5 + sizes[i] - 1, 1);
		assert_int_equal(c.c.state, DERP_STATE_INFO);
		assert_int_equal(c.num_out, 5 + 32 + 24 + 16 + 32);
	}
}

static void a_server_key_of_low_order_is_refused(void **state)
{
	struct end c;
	uint8_t out[DERP_CONN_OUT_MAX];
	size_t n = 77;

	(void)state;
	with_open(DERP_OPEN_STREAM, NULL);
	client_begin(&c, 64);
	feed_hex(&c, "01 00000028" MAGIC "01000000000000000000000000000000"
		     "00000000000000000000000000000000");
	assert_int_equal(c.num_out, 0);
	assert_int_equal(derp_conn_pull(&c.c, out, sizeof out, &n),
			 DERP_E_VALUE);
	assert_int_equal(n, 77);
}

static void a_bad_config_is_refused(void **state)
{
	struct derp_client_info info = { .app_len = 33 };
	struct derp_conn_client config = client_config;
	struct derp_conn *c = (void *)blank(sizeof *c);
	static const uint8_t zero[32];

	(void)state;
	config.open = DERP_OPEN_FAST;
	config.server_key = zero;
	assert_int_equal(derp_conn_client_init(c, &config, client_nonce, 0),
			 DERP_E_VALUE);
	config.server_key = NULL;
	config.info = &info;
	memset(info.app, 'a', sizeof info.app);
	assert_int_equal(derp_conn_client_init(c, &config, client_nonce, 0),
			 DERP_E_VALUE);
	info.app_len = 2;
	info.app[0] = ' ';
	info.app[1] = 0x7f;
	assert_int_equal(derp_conn_client_init(c, &config, client_nonce, 0),
			 DERP_E_VALUE);
	info.app[1] = 0x1f;
	assert_int_equal(derp_conn_client_init(c, &config, client_nonce, 0),
			 DERP_E_VALUE);
	assert_blank(c, sizeof *c);
	info.app[1] = '~';
	assert_int_equal(derp_conn_client_init(c, &config, client_nonce, 0), 0);
	free(c);
}

/* The longest text that a client may send fits. */
static void the_longest_client_info_fits(void **state)
{
	struct derp_client_info info = { .version = INT64_MIN,
					 .is_prober = true,
					 .has_mesh_key = true,
					 .app_len = 32 };
	struct end c, s;

	(void)state;
	memcpy(info.mesh_key, mesh_key, 32);
	memset(info.app, '<', 32);
	client_config.info = &info;
	with_open(DERP_OPEN_HTTP, NULL);
	client_begin(&c, 64);
	server_begin(&s, 64);
	join(&c, &s);
	client_config.info = &client_info;
	assert_non_null(strstr(s.log, ",1,32) "));
	assert_true(c.c.mesh);
	end_free(&c);
	end_free(&s);
}

static void a_pull_is_whole_or_nothing(void **state)
{
	struct derp_conn c;
	uint8_t *out;
	size_t n = 77;

	(void)state;
	with_open(DERP_OPEN_FAST, server_public);
	for (size_t cap = 0; cap < 87; cap++) {
		out = blank(cap);
		assert_int_equal(derp_conn_client_init(&c, &client_config,
						       client_nonce, 0),
				 0);
		assert_int_equal(derp_conn_pull(&c, out, cap, &n),
				 DERP_E_NOBUF);
		assert_true(derp_conn_waits(&c));
		assert_blank(out, cap);
		assert_int_equal(n, 77);
		free(out);
	}
	out = blank(109);
	assert_int_equal(derp_conn_pull(&c, out, 87, &n), 0);
	assert_int_equal(n, 87);
	assert_int_equal(derp_conn_pull(&c, out, 108, &n), DERP_E_NOBUF);
	assert_int_equal(derp_conn_pull(&c, out, 109, &n), 0);
	assert_int_equal(n, 109);
	assert_false(derp_conn_waits(&c));
	assert_int_equal(derp_conn_pull(&c, out, 109, &n), 0);
	assert_int_equal(n, 0);
	free(out);
}

int main(void)
{
	static struct suite s;

	make_keys();
	for (size_t i = 0; i < NUM(answers); i++)
		add(&s, answers[i].name, answer_is_judged, &answers[i]);
	ADD(&s, a_longer_server_key_is_fine);
	ADD(&s, a_server_key_of_low_order_is_refused);
	ADD(&s, a_bad_config_is_refused);
	ADD(&s, the_longest_client_info_fits);
	ADD(&s, a_pull_is_whole_or_nothing);
	return run("conn_client", &s);
}
