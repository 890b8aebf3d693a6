/*
 * test_ws_http.c - the upgrade to WebSocket: RFC 6455 4.1, 4.2, and what the
 * reference asks for and refuses.
 */
#include "derp_ws.h"
#include "exact.h"
#include "ws_sha1.h"

static const uint8_t rfc_key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char rfc_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/* ---- SHA-1: FIPS 180 and Python's hashlib ---------------------------- */

static void assert_sum(const uint8_t *in, size_t len, const char *hex)
{
	struct bytes want = unhex(hex);
	uint8_t *got = blank(SHA1_LEN);

	derp_sha1(got, in, len);
	assert_memory_equal(got, want.at, SHA1_LEN);
	free(got);
	free(want.at);
}

static void sha1_has_the_published_sums(void **state)
{
	uint8_t *in = block(1000000);

	(void)state;
	assert_sum(in, 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	assert_sum((const uint8_t *)"abc", 3,
		   "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_sum((const uint8_t *)"abcdbcdecdefdefgefghfghighijhijk"
				    "ijkljklmklmnlmnomnopnopq",
		   56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	memset(in, 'a', 1000000);
	assert_sum(in, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(in);
}

struct sum {
	size_t len;
	const char *name, *hex;
};

/* Byte i is 7i + len, modulo 256. */
static const struct sum sums[] = {
	{ 1, "sha1/1", "bf8b4530d8d246dd74ac53a13471bba17941dff7" },
	{ 55, "sha1/55", "63ac9708fb581dd150d3647549f9e0cb51dcf1df" },
	{ 56, "sha1/56", "5a0c4d0eb2f15e05bbbff6b8dada9ae767fc03f0" },
	{ 63, "sha1/63", "d94ff3ad53f9b9327704b812ee9c1f3abbba3d48" },
	{ 64, "sha1/64", "5f55a35e13f1865e7ffc22dca1275b1a49b0ff56" },
	{ 65, "sha1/65", "d7f8931010f8342a97383e1410a58c47d057708b" },
	{ 119, "sha1/119", "774001b5ad1f46b40c48e1b94cb092c593ead25b" },
	{ 120, "sha1/120", "6ebf3111dc761f11b13f29df0484848785385973" },
	{ 128, "sha1/128", "0a44ac02432f6ead67d86fcb70a4d8ce589e50ec" },
};

static void sha1_is_right_around_a_block(void **state)
{
	const struct sum *s = *state;
	uint8_t *in = block(s->len);

	for (size_t i = 0; i < s->len; i++)
		in[i] = (uint8_t)(7 * i + s->len);
	assert_sum(in, s->len, s->hex);
	free(in);
}

/* ---- keys ------------------------------------------------------------ */

static void keys_are_those_of_the_rfc(void **state)
{
	uint8_t *random = exact("the sample nonce", 16);
	uint8_t *key = blank(DERP_WS_KEY_LEN);
	uint8_t *accept = blank(DERP_WS_ACCEPT_LEN);

	(void)state;
	derp_ws_key(key, random);
	assert_memory_equal(key, rfc_key, DERP_WS_KEY_LEN);
	derp_ws_accept(accept, key);
	assert_memory_equal(accept, rfc_accept, DERP_WS_ACCEPT_LEN);
	memset(random, 0xfb, 16);
	random[15] = 0xff;
	derp_ws_key(key, random);
	assert_memory_equal(key, "+/v7+/v7+/v7+/v7+/v7/w==", DERP_WS_KEY_LEN);
	free(random);
	free(key);
	free(accept);
}

/* ---- requests -------------------------------------------------------- */

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define GET "GET /derp HTTP/1.1\r\nHost: x\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define PROTO "Sec-WebSocket-Protocol: derp\r\n"

struct request {
	const char *name, *text;
	int status;
	bool derp;
};

static const struct request requests[] = {
	{ "plain", GET UP V13 PROTO KEY, 101, true },
	{ "browser",
	  GET "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
	      "Origin: http://y\r\n"
	      "Sec-WebSocket-Extensions: permessage-deflate\r\n" V13 PROTO KEY,
	  101, true },
	{ "several-protocols",
	  GET UP V13 "Sec-WebSocket-Protocol: a, derp ,b\r\n" KEY, 101, true },
	{ "two-connections", GET "Connection: a\r\n" UP V13 PROTO KEY, 101,
	  true },
	{ "part-of-a-word", GET UP V13 "Sec-WebSocket-Protocol: xderpx\r\n" KEY,
	  101, false },
	{ "derp-second-line",
	  GET UP V13 "Sec-WebSocket-Protocol: derpx\r\n" PROTO KEY, 101, true },
	{ "no-protocol", GET UP V13 KEY, 0, false },
	{ "upper-case", GET UP V13 "Sec-WebSocket-Protocol: DERP\r\n" KEY, 0,
	  false },
	{ "other-first", GET UP V13 "Sec-WebSocket-Protocol: foo\r\n" PROTO KEY,
	  0, false },
	{ "cut-word", GET UP V13 "Sec-WebSocket-Protocol: der\r\n" KEY, 0,
	  false },
	{ "raw", GET "Upgrade: DERP\r\nConnection: Upgrade\r\n" V13 PROTO KEY,
	  0, false },
	{ "no-upgrade", GET V13 PROTO KEY, 0, false },
	{ "http-1.0", "GET /derp HTTP/1.0\r\n" UP V13 PROTO KEY, 426, false },
	{ "no-connection", GET "Upgrade: websocket\r\n" V13 PROTO KEY, 426,
	  false },
	{ "connection-close",
	  GET "Connection: close\r\nUpgrade: websocket\r\n" V13 PROTO KEY, 426,
	  false },
	{ "connection-upgrades",
	  GET "Connection: Upgrades\r\nUpgrade: websocket\r\n" V13 PROTO KEY,
	  426, false },
	{ "post", "POST /derp HTTP/1.1\r\nHost: x\r\n" UP V13 PROTO KEY, 405,
	  false },
	{ "get-lower", "get /derp HTTP/1.1\r\nHost: x\r\n" UP V13 PROTO KEY,
	  405, false },
	{ "version-8", GET UP "Sec-WebSocket-Version: 8\r\n" PROTO KEY, 400,
	  false },
	{ "no-version", GET UP PROTO KEY, 400, false },
	{ "no-key", GET UP V13 PROTO, 400, false },
	{ "two-keys", GET UP V13 PROTO KEY KEY, 400, false },
	{ "key-short",
	  GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n",
	  400, false },
	{ "key-long",
	  GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n",
	  400, false },
	{ "key-17-bytes",
	  GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE=\r\n",
	  400, false },
	{ "key-digit",
	  GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ-==\r\n",
	  400, false },
	{ "key-end",
	  GET UP V13 PROTO "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=x\r\n",
	  400, false },
};

static uint8_t *head_of(const char *text, size_t *len)
{
	uint8_t *at;

	*len = strlen(text) + 2;
	at = block(*len);
	memcpy(at, text, *len - 2);
	memcpy(at + *len - 2, "\r\n", 2);
	return at;
}

static void request_is_judged_as_by_the_reference(void **state)
{
	const struct request *q = *state;
	struct derp_http_reader r = { 0 };
	struct derp_ws_offer *o = (void *)blank(sizeof *o);
	struct derp_http_head h;
	size_t len;
	uint8_t *at = head_of(q->text, &len);

	assert_int_equal(derp_http_read_request(&r, &h, at, len), 1);
	assert_int_equal(derp_ws_judge_request(&h, o), q->status);
	if (q->status == 101) {
		assert_int_equal(o->derp, q->derp);
		assert_memory_equal(o->accept, rfc_accept, sizeof o->accept);
	} else {
		assert_blank(o, sizeof *o);
	}
	free(o);
	free(at);
}

/* ---- responses ------------------------------------------------------- */

#define OK "HTTP/1.1 101 Switching Protocols\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

struct response {
	const char *name, *text;
	int err;
};

static const struct response responses[] = {
	{ "plain", OK UP ACCEPT PROTO, 0 },
	{ "list",
	  OK "Connection: a,upgrade\r\nUpgrade: WEBSOCKET\r\n" ACCEPT PROTO,
	  0 },
	{ "200", "HTTP/1.1 200 OK\r\n" UP ACCEPT PROTO, DERP_E_HTTP },
	{ "426", "HTTP/1.1 426 Upgrade Required\r\n", DERP_E_HTTP },
	{ "raw-derp", OK "Upgrade: DERP\r\nConnection: Upgrade\r\n",
	  DERP_E_VALUE },
	{ "no-connection", OK "Upgrade: websocket\r\n" ACCEPT PROTO,
	  DERP_E_VALUE },
	{ "no-accept", OK UP PROTO, DERP_E_VALUE },
	{ "wrong-accept",
	  OK UP PROTO "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n",
	  DERP_E_VALUE },
	{ "accept-case",
	  OK UP PROTO "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
	  DERP_E_VALUE },
	{ "accept-short",
	  OK UP PROTO "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n",
	  DERP_E_VALUE },
	{ "no-protocol", OK UP ACCEPT, DERP_E_VALUE },
	{ "other-protocol", OK UP ACCEPT "Sec-WebSocket-Protocol: foo\r\n",
	  DERP_E_VALUE },
	{ "extension",
	  OK UP ACCEPT PROTO "Sec-WebSocket-Extensions: permessage-deflate\r\n",
	  DERP_E_VALUE },
};

static void response_is_held_to_the_request(void **state)
{
	const struct response *p = *state;
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;
	size_t len;
	uint8_t *at = head_of(p->text, &len);
	uint8_t *key = exact(rfc_key, DERP_WS_KEY_LEN);

	assert_int_equal(derp_http_read_response(&r, &h, at, len), 1);
	assert_int_equal(derp_ws_judge_response(&h, key), p->err);
	free(key);
	free(at);
}

/* ---- writing --------------------------------------------------------- */

typedef int (*write_fn)(const void *, uint8_t *, size_t, size_t *);

static int request_fn(const void *r, uint8_t *out, size_t cap, size_t *n)
{
	return derp_ws_write_request(r, out, cap, n);
}

static int answer_fn(const void *o, uint8_t *out, size_t cap, size_t *n)
{
	return derp_ws_write_101(o, out, cap, n);
}

/* Every size of buffer from none to enough, and these bytes. */
static void assert_written(write_fn write, const void *what, const char *want)
{
	size_t len = strlen(want), n;
	uint8_t *out;

	for (size_t cap = 0; cap < len; cap++) {
		out = blank(cap);
		n = 77;
		assert_int_equal(write(what, out, cap, &n), DERP_E_NOBUF);
		assert_blank(out, cap);
		assert_int_equal(n, 77);
		free(out);
	}
	out = blank(len);
	assert_int_equal(write(what, out, len, &n), 0);
	assert_int_equal(n, len);
	assert_memory_equal(out, want, len);
	free(out);
}

static void heads_are_written_whole(void **state)
{
	struct derp_ws_request r = { .host = "example.net:443",
				     .path = "/derp",
				     .key = rfc_key };
	struct derp_ws_offer o = { .derp = true };

	(void)state;
	assert_written(request_fn, &r,
		       "GET /derp HTTP/1.1\r\nHost: example.net:443\r\n"
		       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		       "Sec-WebSocket-Version: 13\r\n"
		       "Sec-WebSocket-Protocol: derp\r\n" KEY "\r\n");
	r.origin = "http://y";
	r.user_agent = "a b";
	assert_written(request_fn, &r,
		       "GET /derp HTTP/1.1\r\nHost: example.net:443\r\n"
		       "User-Agent: a b\r\nOrigin: http://y\r\n"
		       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		       "Sec-WebSocket-Version: 13\r\n"
		       "Sec-WebSocket-Protocol: derp\r\n" KEY "\r\n");
	memcpy(o.accept, rfc_accept, sizeof o.accept);
	assert_written(answer_fn, &o,
		       OK "Connection: Upgrade\r\nUpgrade: websocket\r\n" ACCEPT
			  "Sec-WebSocket-Protocol: derp\r\n\r\n");
	o.derp = false;
	assert_written(answer_fn, &o,
		       OK "Connection: Upgrade\r\nUpgrade: websocket\r\n" ACCEPT
			  "\r\n");
}

static void values_cannot_break_out(void **state)
{
	static const struct derp_ws_request bad[] = {
		{ "", "/derp", NULL, NULL, rfc_key },
		{ "a b", "/derp", NULL, NULL, rfc_key },
		{ "a\r\nb", "/derp", NULL, NULL, rfc_key },
		{ "a", "derp", NULL, NULL, rfc_key },
		{ "a", "/de rp", NULL, NULL, rfc_key },
		{ "a", "/d\n", NULL, NULL, rfc_key },
		{ "a", "/derp", "x\r\ny: z", NULL, rfc_key },
		{ "a", "/derp", NULL, "x\n", rfc_key },
	};
	uint8_t out[512];
	size_t n = 77;

	(void)state;
	memset(out, 0xaa, sizeof out);
	for (size_t i = 0; i < NUM(bad); i++)
		assert_int_equal(
			derp_ws_write_request(&bad[i], out, sizeof out, &n),
			DERP_E_VALUE);
	assert_blank(out, sizeof out);
	assert_int_equal(n, 77);
}

int main(void)
{
	static struct suite s;

	ADD(&s, sha1_has_the_published_sums);
	for (size_t i = 0; i < NUM(sums); i++)
		add(&s, sums[i].name, sha1_is_right_around_a_block, &sums[i]);
	ADD(&s, keys_are_those_of_the_rfc);
	for (size_t i = 0; i < NUM(requests); i++)
		add(&s, requests[i].name, request_is_judged_as_by_the_reference,
		    &requests[i]);
	for (size_t i = 0; i < NUM(responses); i++)
		add(&s, responses[i].name, response_is_held_to_the_request,
		    &responses[i]);
	ADD(&s, heads_are_written_whole);
	ADD(&s, values_cannot_break_out);
	return run("ws_http", &s);
}
