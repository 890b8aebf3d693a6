/*
 * test_derpd_login.c - from the first byte to ServerInfo, against a running
 * derpd: what is let in, what is not, and how long it may take.
 */
#include "live.h"

/* One that has all the time, so that a test that waits for a close does not
 * see a time-out instead, and one that has a second. */
static struct live_server server, hasty;
static char mesh_file[] = "/tmp/derpd-mesh-XXXXXX";

static int group_start(void **state)
{
	int fd = mkstemp(mesh_file);
	const char *const patient[] = { "--mesh-key-file", mesh_file,
					"--login-timeout", "60", NULL };
	const char *const quick[] = { "--login-timeout", "1", "--http-timeout",
				      "1", NULL };

	(void)state;
	if (fd < 0 || write(fd, MESH_HEX "\n", 65) != 65)
		return -1;
	close(fd);
	live_start(&server, patient, 0);
	live_start(&hasty, quick, 0);
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	unlink(mesh_file);
	live_stop(&server);
	live_stop(&hasty);
	return 0;
}

/* After each test the server still serves others. */
static int still_serves(void **state)
{
	struct conn *c = conn_login(&server);

	(void)state;
	conn_ping(c);
	conn_close(c);
	return 0;
}

/* ---- HTTP ------------------------------------------------------------ */

static size_t read_answer(struct conn *c, char *text, size_t cap,
			  const char *until)
{
	size_t n = 0;

	text[0] = '\0';
	while (strstr(text, until) == NULL) {
		if (c->len == 0)
			assert_int_equal(conn_fill(c, WAIT_MS), 1);
		assert_true(n < cap - 1);
		text[n++] = (char)*c->at++;
		text[n] = '\0';
		c->len--;
	}
	return n;
}

static void upgrade_101(void **state)
{
	struct conn *c = conn_open(&server);
	char text[1024], want[1024], hex[2 * DERP_KEY_LEN + 1];

	(void)state;
	conn_write(c, UPGRADE "\r\n", strlen(UPGRADE "\r\n"));
	read_answer(c, text, sizeof text, "\r\n\r\n");
	conn_server_key(c);
	sodium_bin2hex(hex, sizeof hex, c->server, DERP_KEY_LEN);
	snprintf(want, sizeof want,
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"
		 "Connection: Upgrade\r\nDerp-Version: 2\r\n"
		 "Derp-Public-Key: %s\r\n\r\n",
		 hex);
	assert_string_equal(text, want);
	conn_send_info(c, "{}");
	conn_server_info(c);
	conn_close(c);
}

static void byte_by_byte(void **state)
{
	struct conn *c = conn_open(&server);
	size_t n;
	uint8_t *frame;
	struct derp_frame f;

	(void)state;
	for (const char *p = FAST; *p != '\0'; p++)
		conn_write(c, p, 1);
	conn_server_key(c);
	frame = conn_info(c, "{}", 2, &n);
	for (size_t i = 0; i < n; i++)
		conn_write(c, frame + i, 1);
	free(frame);
	conn_server_info(c);
	for (const char *p = "\x12\0\0\0\x09pingpong!"; *p != '!' || p[1]; p++)
		conn_write(c, p, 1);
	conn_write(c, "!", 1);
	conn_expect(c, DERP_PONG, &f);
	assert_memory_equal(f.body, "pingpong", 8);
	conn_close(c);
}

/* Request, ClientInfo, a packet to oneself and a ping in one segment.  The
 * server's key is known from another connection. */
static void one_segment(void **state)
{
	struct conn *c = conn_greet(&server), *d = conn_open(&server);
	uint8_t all[2048], *info, *p = all;
	size_t n;
	struct derp_frame f;

	(void)state;
	memcpy(d->server, c->server, DERP_KEY_LEN);
	info = conn_info(d, "{}", 2, &n);
	p = (uint8_t *)memcpy(p, FAST, strlen(FAST)) + strlen(FAST);
	p = (uint8_t *)memcpy(p, info, n) + n;
	derp_head_build(p, DERP_SEND_PACKET, DERP_KEY_LEN + 2);
	memcpy(p + 5, d->pub, DERP_KEY_LEN);
	memcpy(p + 37, "hi", 2);
	derp_head_build(p + 39, DERP_PING, 8);
	memcpy(p + 44, "12345678", 8);
	conn_write(d, all, (size_t)(p + 52 - all));
	conn_server_key(d);
	conn_server_info(d);
	conn_expect(d, DERP_PONG, &f);
	conn_expect_packet(d, d->pub, "hi", 2);
	free(info);
	conn_close(c);
	conn_close(d);
}

static void second_request(void **state)
{
	struct conn *c = conn_open(&server);
	static const char two[] = "GET /derp HTTP/1.1\r\nHost: x\r\n\r\n"
				  "GET /generate_204?a=1&b=2 HTTP/1.1\r\n"
				  "Host: x\r\n"
				  "\r\n";
	char text[2048];

	(void)state;
	conn_write(c, two, strlen(two));
	read_answer(c, text, sizeof text, "upgrade\n");
	assert_memory_equal(text, "HTTP/1.1 426 ", 13);
	read_answer(c, text, sizeof text, "\r\n\r\n");
	assert_memory_equal(text, "HTTP/1.1 204 ", 13);
	conn_write(c, FAST, strlen(FAST));
	conn_server_key(c);
	conn_close(c);
}

/* More answers than may wait are not lost while the client reads. */
static void many_requests(void **state)
{
	static const char one[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct conn *c = conn_open(&server);
	char all[400 * sizeof one] = "", text[1024];

	(void)state;
	for (int i = 0; i < 400; i++)
		memcpy(all + (size_t)i * (sizeof one - 1), one, sizeof one - 1);
	conn_write(c, all, 400 * (sizeof one - 1));
	for (int i = 0; i < 400; i++)
		read_answer(c, text, sizeof text, "/derp\n");
	conn_close(c);
}

static void refused_heads(void **state)
{
	static char big[20000];
	int64_t begin = clock_ms();
	struct conn *c;
	char text[1024];

	(void)state;
	c = conn_open(&server);
	conn_write(c, "\0\1garbage\r\n\r\n", 13);
	read_answer(c, text, sizeof text, "\r\n\r\n");
	assert_memory_equal(text, "HTTP/1.1 400 ", 13);
	conn_expect_closed(c);
	conn_close(c);

	memset(big, 'x', sizeof big);
	memcpy(big, "GET /", 5);
	c = conn_open(&server);
	conn_write(c, big, sizeof big);
	read_answer(c, text, sizeof text, "\r\n\r\n");
	assert_memory_equal(text, "HTTP/1.1 431 ", 13);
	conn_expect_closed(c);
	conn_close(c);
	/* At once, not when the time for it is over. */
	assert_true(clock_ms() - begin < 1500);
}

/* DERP-HTTP-24: 16 KiB of head are fine. */
static void large_head(void **state)
{
	static char head[DERP_HTTP_MAX + 1];
	struct conn *c = conn_open(&server);
	size_t n = (size_t)snprintf(head, sizeof head, "%sX-Fill: ", UPGRADE);

	(void)state;
	memset(head + n, 'x', DERP_HTTP_MAX - n - 4);
	memcpy(head + DERP_HTTP_MAX - 4, "\r\n\r\n", 4);
	conn_write(c, head, DERP_HTTP_MAX);
	read_answer(c, head, sizeof head, "\r\n\r\n");
	conn_server_key(c);
	conn_close(c);
}

/* ---- ClientInfo ------------------------------------------------------ */

static const struct info_row {
	const char *name, *json;
	bool ok;
} infos[] = {
	{ "empty object", "{}", true },
	{ "null", "null", true },
	{ "blanks around", " {} \n", true },
	{ "strange version", "{\"version\":-1}", true },
	{ "unknown member", "{\"x\":[1,{\"y\":null}]}", true },
	{ "wrong mesh key",
	  "{\"meshKey\":\"0807070707070707070707070707070707070707070707070707"
	  "070707070707\"}",
	  true },
	{ "AppName of 32", "{\"AppName\":\"abcdefghijklmnopqrstuvwxyz012345\"}",
	  true },
	{ "AppName of 33",
	  "{\"AppName\":\"abcdefghijklmnopqrstuvwxyz0123456\"}", false },
	{ "AppName with a control", "{\"AppName\":\"\\u001f\"}", false },
	{ "no JSON", "x", false },
	{ "nothing", "", false },
	{ "array", "[]", false },
	{ "cut", "{", false },
	{ "trailing", "{}x", false },
	{ "version is a string", "{\"version\":\"2\"}", false },
	{ "empty mesh key", "{\"meshKey\":\"\"}", false },
	{ "short mesh key", "{\"meshKey\":\"07\"}", false },
};

static void client_info(void **state)
{
	const struct info_row *row = *state;
	struct conn *c = conn_greet(&server);

	conn_send_info(c, row->json);
	if (row->ok) {
		conn_server_info(c);
		conn_ping(c);
	} else {
		conn_expect_closed(c);
	}
	conn_close(c);
}

static void client_info_limits(void **state)
{
	static char json[DERP_INFO_MAX];
	struct conn *c;
	size_t n;
	uint8_t *frame;

	(void)state;
	memset(json, ' ', sizeof json);
	memcpy(json, "{}", 2);
	c = conn_greet(&server);
	frame = conn_info(c, json, DERP_INFO_MAX - 72, &n);
	assert_int_equal(n, DERP_HEAD_LEN + DERP_INFO_MAX);
	conn_write(c, frame, n);
	free(frame);
	conn_server_info(c);
	conn_ping(c);
	conn_close(c);

	c = conn_greet(&server);
	conn_head(c, DERP_CLIENT_INFO, DERP_INFO_MAX + 1);
	conn_expect_closed(c);
	conn_close(c);
	c = conn_greet(&server);
	conn_head(c, DERP_CLIENT_INFO, 55);
	conn_expect_closed(c);
	conn_close(c);
	c = conn_greet(&server);
	conn_head(c, DERP_CLIENT_INFO, UINT32_MAX);
	conn_expect_closed(c);
	conn_close(c);
	/* Key and nonce alone hold no box: closed when they are there. */
	c = conn_greet(&server);
	conn_send(c, DERP_CLIENT_INFO, json, 56);
	conn_expect_closed(c);
	conn_close(c);
}

/* Many large ones at once stay within the server's bound for them, and small
 * ones still get in. */
static void client_info_flood(void **state)
{
	static uint8_t fill[DERP_INFO_MAX - 1];
	struct conn *c[80];
	int closed = 0;

	(void)state;
	for (int i = 0; i < 80; i++) {
		c[i] = conn_greet(&server);
		conn_head(c[i], DERP_CLIENT_INFO, DERP_INFO_MAX);
		conn_try_write(c[i], fill, sizeof fill);
	}
	still_serves(NULL);
	/* 16 MiB are 64 of them. */
	for (int i = 0; i < 80; i++)
		closed += conn_fill(c[i], 0) < 0;
	assert_in_range(closed, 15, 17);
	for (int i = 0; i < 80; i++)
		conn_close(c[i]);
}

static void first_frames(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < 0x18; type++) {
		struct conn *c;
		if (type == DERP_CLIENT_INFO)
			continue;
		c = conn_greet(&server);
		conn_head(c, type, 100);
		conn_expect_closed(c);
		conn_close(c);
	}
}

/* One bit of key, nonce, tag and text at a time.  Bit 255 of the key is no
 * part of the curve point: another address, but the box opens. */
static void flipped_bits(void **state)
{
	static const size_t at[] = { 0, 30, 32, 55, 56, 71, 72, 73 };

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		struct conn *c = conn_greet(&server);
		size_t n;
		uint8_t *frame = conn_info(c, "{}", 2, &n);
		frame[DERP_HEAD_LEN + at[i]] ^= 1;
		conn_write(c, frame, n);
		free(frame);
		conn_expect_closed(c);
		conn_close(c);
	}
}

static void weak_keys(void **state)
{
	uint8_t body[DERP_KEY_LEN + DERP_BOX_LEN(2)] = { 0 };

	(void)state;
	for (uint8_t low = 0; low < 2; low++) { /* 0, and 1: order 1 */
		struct conn *c = conn_greet(&server);
		body[0] = low;
		conn_send(c, DERP_CLIENT_INFO, body, sizeof body);
		conn_expect_closed(c);
		conn_close(c);
	}
}

static void failed_login_leaves_no_trace(void **state)
{
	struct conn *w = conn_login_mesh(&server), *c;
	struct derp_frame f;
	uint8_t key[DERP_KEY_LEN];

	(void)state;
	conn_send(w, DERP_WATCH_CONNS, NULL, 0);
	conn_expect(w, DERP_PEER_PRESENT, &f);
	c = conn_greet(&server);
	memcpy(key, c->pub, sizeof key);
	conn_send_info(c, "[]");
	conn_expect_closed(c);
	conn_close(c);
	/* Whatever is left of earlier tests may leave now; this key not. */
	while (conn_frame(w, &f, QUIET_MS) == 1)
		assert_memory_not_equal(f.body, key, sizeof key);
	conn_close(w);
}

/* ---- time ------------------------------------------------------------ */

static int64_t closed_after(struct conn *c, const char *dribble)
{
	int64_t begin = clock_ms();
	int e = 0;

	while (e == 0 && clock_ms() - begin < WAIT_MS) {
		if (dribble != NULL && *dribble != '\0')
			conn_try_write(c, dribble++, 1);
		e = conn_fill(c, 100);
	}
	assert_int_equal(e, -1);
	return clock_ms() - begin;
}

static void http_time(void **state)
{
	struct conn *c = conn_open(&hasty);

	(void)state;
	assert_in_range(closed_after(c, NULL), 900, 3000);
	conn_close(c);
	c = conn_open(&hasty);
	assert_in_range(closed_after(c, FAST), 900, 3000);
	conn_close(c);
}

static void login_time(void **state)
{
	struct conn *c = conn_greet(&hasty);
	char dribble[70];

	(void)state;
	assert_in_range(closed_after(c, NULL), 900, 3000);
	conn_close(c);
	c = conn_greet(&hasty);
	memset(dribble, 'x', sizeof dribble);
	dribble[sizeof dribble - 1] = '\0';
	conn_head(c, DERP_CLIENT_INFO, 100);
	assert_in_range(closed_after(c, dribble), 900, 3000);
	conn_close(c);
}

static void no_time_limit_later(void **state)
{
	struct conn *c = conn_login(&hasty), *d = conn_login(&hasty);

	(void)state;
	conn_write(d, "\x04\0\0", 3); /* in the middle of a header */
	conn_quiet(c, 2500);
	conn_ping(c);
	conn_write(d, "\0\x23", 2);
	conn_write(d, c->pub, 30);
	conn_quiet(c, QUIET_MS);
	conn_write(d, c->pub + 30, 2);
	conn_write(d, "end", 3);
	conn_expect_packet(c, d->pub, "end", 3);
	conn_close(c);
	conn_close(d);
}

/* ---- all ------------------------------------------------------------- */

#define T(name, f)                                                             \
	{                                                                      \
		name, f, NULL, still_serves, NULL                              \
	}
#define NUM_INFOS (sizeof infos / sizeof infos[0])

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		T("DERP-HTTP-6, -7, DERP-LOGIN-1: the 101, then ServerKey",
		  upgrade_101),
		T("DERP-FRAME-2: a login byte by byte", byte_by_byte),
		T("DERP-HTTP-11, DERP-LOGIN-14: everything in one segment",
		  one_segment),
		T("DERP-HTTP-5: a second request may upgrade", second_request),
		T("400 requests in one go", many_requests),
		T("malformed and endless heads", refused_heads),
		T("DERP-HTTP-24: a head of 16 KiB", large_head),
		T("DERP-LOGIN-6, -7: ClientInfo has 56 to 262144 bytes",
		  client_info_limits),
		T("large ClientInfos are bounded", client_info_flood),
		T("DERP-LOGIN-5: the first frame is ClientInfo", first_frames),
		T("DERP-LOGIN-8: a changed ClientInfo does not open",
		  flipped_bits),
		T("DERP-LOGIN-9, -10: weak keys are refused", weak_keys),
		T("DERP-LOGIN-18: a failed login leaves no trace",
		  failed_login_leaves_no_trace),
		T("DERP-HTTP-25: a request has its time", http_time),
		T("DERP-LOGIN-17: a login has its time", login_time),
		T("DERP-ALIVE-3: after the login there is no limit",
		  no_time_limit_later),
	};
	static struct CMUnitTest all[NUM_INFOS + sizeof fixed / sizeof *fixed];

	if (sodium_init() < 0)
		return 1;
	for (size_t i = 0; i < NUM_INFOS; i++) {
		all[i] = (struct CMUnitTest)T(infos[i].name, client_info);
		memcpy(&all[i].initial_state, &(const void *){ &infos[i] },
		       sizeof(void *));
	}
	memcpy(all + NUM_INFOS, fixed, sizeof fixed);
	return cmocka_run_group_tests(all, group_start, group_end);
}
