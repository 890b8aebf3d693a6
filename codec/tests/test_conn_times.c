/*
 * test_conn_times.c - a connection and the clock, and a server's limits:
 * DERP-HTTP-25, -27, DERP-LOGIN-17, DERP-ALIVE-1 to -4, DERP-INFO-20.
 */
#include "conn_end.h"

/* Nothing happens a millisecond before, all of it then; twice is no more. */
static void assert_timeout(struct end *e, uint64_t at)
{
	uint8_t out[DERP_CONN_OUT_MAX];
	const uint8_t *in = out;
	struct derp_conn_event ev;
	size_t n = 1;

	assert_true(derp_conn_deadline(&e->c) == at);
	assert_int_equal(derp_conn_tick(&e->c, at - 1, 0), 0);
	assert_int_equal(derp_conn_tick(&e->c, at, 0), DERP_E_TIMEOUT);
	assert_true(derp_conn_deadline(&e->c) == DERP_NEVER);
	/* It sticks, to everything. */
	assert_int_equal(e->c.state, DERP_STATE_DEAD);
	assert_int_equal(derp_conn_tick(&e->c, 0, 0), DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_next(&e->c, &ev, &in, &n, 0),
			 DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_pull(&e->c, out, sizeof out, &n),
			 DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_end(&e->c), DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_may_send(&e->c, DERP_PING, 8),
			 DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_ping(&e->c, out), DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_lend(&e->c, out, 1), DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_accept(&e->c, DERP_OPEN_HTTP, 0),
			 DERP_E_TIMEOUT);
	assert_int_equal(derp_conn_admit(&e->c, &e->offer, server_nonce, 0, 0),
			 DERP_E_TIMEOUT);
	assert_false(derp_conn_waits(&e->c));
}

static void a_request_has_30_seconds(void **state)
{
	struct end s;

	(void)state;
	server_begin(&s, 100);
	s.now = 20000;
	feed(&s, (const uint8_t *)"GET /derp", 9);
	assert_timeout(&s, 31000);
	end_free(&s);
	server_begin(&s, 100);
	s.keep_off = true;
	feed(&s, (const uint8_t *)"GET /derp HTTP/1.1\n\n", 20);
	assert_timeout(&s, 31000);
	end_free(&s);
}

/* 10 s from ServerKey; bytes that dribble in do not prolong it (T24). */
static void a_client_info_has_10_seconds(void **state)
{
	struct end s;

	(void)state;
	server_begin(&s, 100);
	s.now = 5000;
	feed(&s, (const uint8_t *)"GET /derp HTTP/1.1\n\n", 20);
	for (int i = 0; i < 9; i++) {
		s.now += 1000;
		feed_hex(&s, i == 0 ? "02 00000048" : "00");
	}
	assert_timeout(&s, 15000);
	end_free(&s);
}

/* The request, ServerKey and ServerInfo together. */
static void a_client_logs_in_within_10_seconds(void **state)
{
	static const enum derp_conn_open opens[] = { DERP_OPEN_HTTP,
						     DERP_OPEN_FAST,
						     DERP_OPEN_STREAM };
	struct end c, s;

	(void)state;
	for (size_t i = 0; i < NUM(opens); i++) {
		with_open(opens[i], NULL);
		client_begin(&c, 100);
		assert_timeout(&c, 11000);
	}
	with_open(DERP_OPEN_FAST, server_public);
	client_begin(&c, 100);
	c.now = 9000;
	feed_hex(&c, "06 00000000");
	assert_int_equal(c.c.state, DERP_STATE_INFO);
	assert_timeout(&c, 11000);
	with_open(DERP_OPEN_HTTP, NULL);
	client_begin(&c, 100);
	server_begin(&s, 100);
	pull(&c);
	feed(&s, c.out, c.num_out);
	c.now = 5000;
	feed(&c, s.out, s.num_out);
	assert_int_equal(c.c.state, DERP_STATE_INFO);
	assert_timeout(&c, 11000);
	end_free(&c);
	end_free(&s);
}

/* Any whole frame proves life, of a type that is unknown too; bytes and
 * headers do not (DERP-ALIVE-4). */
static void a_server_is_dead_after_120_seconds(void **state)
{
	struct end c, s;

	(void)state;
	log_in(&c, &s);
	assert_true(derp_conn_deadline(&c.c) == 121000);
	c.now = 60000;
	feed_hex(&c, "06 00000000");
	assert_true(derp_conn_deadline(&c.c) == 180000);
	c.now = 70000;
	feed_hex(&c, "77 00000002 00");
	assert_true(derp_conn_deadline(&c.c) == 180000);
	feed_hex(&c, "00 06 000000");
	assert_true(derp_conn_deadline(&c.c) == 190000);
	c.now = 80000;
	feed_hex(&c, "00");
	assert_true(derp_conn_deadline(&c.c) == 200000);
	c.now = 90000;
	feed_hex(&c, "05 00000020");
	assert_timeout(&c, 200000);
	end_free(&c);
	end_free(&s);
}

/* Every pause is drawn anew, whatever the client sends (T23). */
static void keep_alives_come_every_60_to_65_seconds(void **state)
{
	static const uint32_t random[] = { 0, 1, 4999, 5000, UINT32_MAX };
	static const uint32_t pause[] = { 60000, 60001, 64999, 60000, 62295 };
	struct end c, s;
	uint64_t at;

	(void)state;
	log_in(&c, &s);
	at = 61000;
	for (size_t i = 0; i < NUM(random); i++) {
		assert_true(derp_conn_deadline(&s.c) == at);
		s.now = at - 10;
		feed_hex(&s, "07 00000001 01 04 00000020");
		feed_hex(&s, "00000000000000000000000000000000"
			     "00000000000000000000000000000000");
		assert_int_equal(derp_conn_tick(&s.c, at - 1, random[i]), 0);
		assert_false(derp_conn_waits(&s.c));
		assert_int_equal(derp_conn_tick(&s.c, at + 5, random[i]), 0);
		assert_true(derp_conn_waits(&s.c));
		at += 5 + pause[i];
		s.num_log = s.num_out = 0;
		pull(&s);
		assert_int_equal(s.num_out, 5);
		assert_memory_equal(s.out, "\x06\0\0\0\0", 5);
	}
	/* Two pauses without a write leave one. */
	assert_int_equal(derp_conn_tick(&s.c, at, 0), 0);
	assert_int_equal(derp_conn_tick(&s.c, at + 60000, 0), 0);
	s.num_out = 0;
	pull(&s);
	assert_int_equal(s.num_out, 5);
	end_free(&c);
	end_free(&s);
}

static void a_configuration_has_its_own_times(void **state)
{
	static const struct derp_conn_times times = { 1, 2, 3, 0, 5 };
	struct end c, s;

	(void)state;
	server_config.times = client_config.times = &times;
	server_begin(&s, 100);
	assert_true(derp_conn_deadline(&s.c) == 1001);
	client_begin(&c, 100);
	assert_true(derp_conn_deadline(&c.c) == 1002);
	join(&c, &s);
	server_config.times = client_config.times = NULL;
	assert_true(derp_conn_deadline(&s.c) == 1003);
	assert_true(derp_conn_deadline(&c.c) == 1005);
	assert_int_equal(derp_conn_tick(&s.c, 1003, 77), 0);
	assert_true(derp_conn_deadline(&s.c) == 1006);
	end_free(&c);
	end_free(&s);
}

/* ---- limits ---------------------------------------------------------- */

static void a_bucket_holds_burst_and_fills_by_rate(void **state)
{
	struct derp_bucket b;

	(void)state;
	derp_bucket_init(&b, 1000, 300, 5000);
	assert_false(derp_bucket_take(&b, 5000, 301));
	assert_true(derp_bucket_take(&b, 5000, 300));
	assert_false(derp_bucket_take(&b, 5000, 1));
	assert_true(derp_bucket_take(&b, 5000, 0));
	assert_true(derp_bucket_take(&b, 5001, 1));
	assert_false(derp_bucket_take(&b, 5001, 1));
	assert_false(derp_bucket_take(&b, 5010, 10));
	assert_true(derp_bucket_take(&b, 5010, 9));
	/* A clock that goes back gives nothing. */
	assert_false(derp_bucket_take(&b, 4000, 1));
	assert_false(derp_bucket_take(&b, 5010, 1));
	assert_true(derp_bucket_take(&b, 5011, 1));
	assert_false(derp_bucket_take(&b, 1000000, 301));
	assert_true(derp_bucket_take(&b, 1000000, 300));
	assert_false(derp_bucket_take(&b, 1000299, 300));
	assert_true(derp_bucket_take(&b, 1000300, 300));
}

static void slow_rates_lose_nothing_to_rounding(void **state)
{
	struct derp_bucket b;
	uint32_t taken = 0;

	(void)state;
	derp_bucket_init(&b, 3, 10, 0);
	assert_true(derp_bucket_take(&b, 0, 10));
	for (uint64_t now = 1; now <= 100000; now++)
		taken += derp_bucket_take(&b, now, 1);
	assert_int_equal(taken, 300);
}

static void extreme_limits_do_not_wrap(void **state)
{
	struct derp_bucket b;

	(void)state;
	derp_bucket_init(&b, INT64_MAX, INT64_MAX, 0);
	assert_true(derp_bucket_take(&b, 0, (uint64_t)1 << 50));
	assert_false(derp_bucket_take(&b, 0, 1));
	assert_false(derp_bucket_take(&b, UINT64_MAX, UINT64_MAX));
	assert_true(derp_bucket_take(&b, UINT64_MAX, (uint64_t)1 << 50));
	derp_bucket_init(&b, 1, INT64_MAX, 0);
	assert_true(derp_bucket_take(&b, 0, (uint64_t)1 << 50));
	assert_false(derp_bucket_take(&b, 999, 1));
	assert_true(derp_bucket_take(&b, 1000, 1));
	assert_true(derp_bucket_take(&b, UINT64_MAX, (uint64_t)1 << 50));
}

struct unlimited {
	const char *name;
	int64_t rate, burst;
};

static const struct unlimited unlimiteds[] = {
	{ "unlimited/none", 0, 0 },        { "unlimited/burst-0", 1, 0 },
	{ "unlimited/rate-0", 0, 1 },      { "unlimited/burst-minus", 1, -1 },
	{ "unlimited/rate-minus", -1, 1 },
};

static void no_rate_or_no_burst_is_no_limit(void **state)
{
	const struct unlimited *u = *state;
	struct derp_bucket b;

	derp_bucket_init(&b, u->rate, u->burst, 0);
	for (int i = 0; i < 3; i++)
		assert_true(derp_bucket_take(&b, 0, UINT64_MAX));
}

static void a_client_obeys_what_its_server_announces(void **state)
{
	struct end c, s;

	(void)state;
	client_begin(&c, 100);
	server_begin(&s, 100);
	assert_true(derp_conn_spend(&c.c, 1u << 20, c.now));
	s.offer.bytes_per_second = 1000;
	s.offer.bytes_burst = 200;
	join(&c, &s);
	assert_string_equal(c.log,
			    "answer(101) head(03,114) info(2,1000,200) ");
	/* The header counts: 5 + 32 + 63 twice. */
	assert_true(derp_conn_spend(&c.c, 95, c.now));
	assert_true(derp_conn_spend(&c.c, 95, c.now));
	assert_false(derp_conn_spend(&c.c, 0, c.now + 4));
	assert_true(derp_conn_spend(&c.c, 0, c.now + 5));
	assert_true(derp_conn_spend(&s.c, 1u << 20, s.now));
	end_free(&c);
	end_free(&s);
}

/* A second ServerInfo replaces the limits (DERP-LOGIN-15). */
static void a_later_server_info_counts(void **state)
{
	static const char text[] = "{\"TokenBucketBytesPerSecond\":8,"
				   "\"TokenBucketBytesBurst\":9}";
	uint8_t frame[5 + DERP_BOX_LEN(sizeof text - 1)];
	struct end c, s;
	size_t n;

	(void)state;
	log_in(&c, &s);
	end_free(&c);
	end_free(&s);
	derp_head_build(frame, DERP_SERVER_INFO, sizeof frame - 5);
	assert_int_equal(derp_seal(frame + 5, sizeof frame - 5, &n,
				   (const uint8_t *)text, sizeof text - 1,
				   client_nonce, client_public, server_private),
			 0);
	feed_every_cut(&c, frame, sizeof frame);
	assert_non_null(strstr(c.log, "info(0,8,9) "));
	assert_true(derp_conn_spend(&c.c, 4, c.now));
	assert_false(derp_conn_spend(&c.c, 0, c.now));
	end_free(&c);
	/* One that is no JSON is the end. */
	assert_int_equal(derp_seal(frame + 5, sizeof frame - 5, &n,
				   (const uint8_t *)"[", 1, client_nonce,
				   client_public, server_private),
			 0);
	derp_head_build(frame, DERP_SERVER_INFO, (uint32_t)n);
	feed(&c, frame, 5 + n);
	assert_int_equal(c.err, DERP_E_JSON);
	end_free(&c);
}

/* ---- what a request asks for ----------------------------------------- */

struct asks {
	const char *name, *fields;
	enum derp_conn_asks asks;
};

#define WS                                                                     \
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"                        \
	"Sec-WebSocket-Version: 13\r\n"                                        \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define FAST "Derp-Fast-Start: 1\r\n"

static const struct asks askss[] = {
	{ "asks/derp", "Upgrade: DERP\r\n", DERP_ASKS_DERP },
	{ "asks/any-case", "upgrade: dErP \r\n", DERP_ASKS_DERP },
	{ "asks/nothing", "Host: x\r\n", DERP_ASKS_NOTHING },
	{ "asks/other", "Upgrade: h2c\r\n", DERP_ASKS_NOTHING },
	{ "asks/list", "Upgrade: derp, foo\r\n", DERP_ASKS_NOTHING },
	{ "asks/first-counts", "Upgrade: foo\r\nUpgrade: derp\r\n",
	  DERP_ASKS_NOTHING },
	{ "asks/fast", "Upgrade: DERP\r\n" FAST, DERP_ASKS_FAST },
	{ "asks/fast-0", "Upgrade: DERP\r\nDerp-Fast-Start: 0\r\n",
	  DERP_ASKS_DERP },
	{ "asks/fast-01", "Upgrade: DERP\r\nDerp-Fast-Start: 01\r\n",
	  DERP_ASKS_DERP },
	{ "asks/fast-second", "Upgrade: DERP\r\nDerp-Fast-Start: 0\r\n" FAST,
	  DERP_ASKS_DERP },
	{ "asks/fast-alone", FAST, DERP_ASKS_NOTHING },
	{ "asks/websocket", WS "Sec-WebSocket-Protocol: derp\r\n",
	  DERP_ASKS_WEBSOCKET },
	{ "asks/websocket-fast", WS FAST "Sec-WebSocket-Protocol: derp\r\n",
	  DERP_ASKS_WEBSOCKET },
	{ "asks/websocket-bad",
	  "Upgrade: websocket\r\nSec-WebSocket-Protocol: derp\r\n",
	  DERP_ASKS_WEBSOCKET },
	{ "asks/raw-by-websocket", WS, DERP_ASKS_DERP },
	{ "asks/raw-by-websocket-fast", WS FAST, DERP_ASKS_FAST },
};

static void request_asks_for_what_its_fields_say(void **state)
{
	const struct asks *a = *state;
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;
	char text[512];
	int n = snprintf(text, sizeof text, "GET /derp HTTP/1.1\r\n%s\r\n",
			 a->fields);

	assert_int_equal(
		derp_http_read_request(&r, &h, (uint8_t *)text, (size_t)n), 1);
	assert_int_equal(derp_conn_asks(&h), a->asks);
}

int main(void)
{
	static struct suite s;

	make_keys();
	ADD(&s, a_request_has_30_seconds);
	ADD(&s, a_client_info_has_10_seconds);
	ADD(&s, a_client_logs_in_within_10_seconds);
	ADD(&s, a_server_is_dead_after_120_seconds);
	ADD(&s, keep_alives_come_every_60_to_65_seconds);
	ADD(&s, a_configuration_has_its_own_times);
	ADD(&s, a_bucket_holds_burst_and_fills_by_rate);
	ADD(&s, slow_rates_lose_nothing_to_rounding);
	ADD(&s, extreme_limits_do_not_wrap);
	for (size_t i = 0; i < NUM(unlimiteds); i++)
		add(&s, unlimiteds[i].name, no_rate_or_no_burst_is_no_limit,
		    &unlimiteds[i]);
	ADD(&s, a_client_obeys_what_its_server_announces);
	ADD(&s, a_later_server_info_counts);
	for (size_t i = 0; i < NUM(askss); i++)
		add(&s, askss[i].name, request_asks_for_what_its_fields_say,
		    &askss[i]);
	return run("conn_times", &s);
}
