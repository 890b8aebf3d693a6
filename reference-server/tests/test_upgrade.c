/*
 * test_upgrade.c - what each HTTP request is answered.  One row is one
 * request; the answer is compared from its first byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "upgrade.h"

#define HOST "Host: x\r\n"
#define UP "Upgrade: DERP\r\n"
#define DERP(more) "GET /derp HTTP/1.1\r\n" HOST more "\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define S101 "HTTP/1.1 101 Switching Protocols\r\n"
#define HEAD426                                                                \
	"HTTP/1.1 426 Upgrade Required\r\n"                                    \
	"Content-Type: text/plain; charset=utf-8\r\n"                          \
	"Content-Length: 33\r\n"                                               \
	"X-Content-Type-Options: nosniff\r\n"
#define TEXT426 "\r\nDERP requires connection upgrade\n"
#define S426 HEAD426 TEXT426
#define LAST426 HEAD426 "Connection: close\r\n" TEXT426
#define S200                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"                             \
	"Access-Control-Allow-Origin: *\r\n\r\n"
#define S204                                                                   \
	"HTTP/1.1 204 No Content\r\nCache-Control: no-cache, no-store, "       \
	"must-revalidate, no-transform, max-age=0\r\n"
#define S405 "HTTP/1.1 405 Method Not Allowed\r\n"
#define S404 "HTTP/1.1 404 Not Found\r\n"
#define S400 "HTTP/1.1 400 Bad Request\r\n"
#define CHALLENGE(c)                                                           \
	"GET /generate_204 HTTP/1.1\r\n" HOST "X-Tailscale-Challenge: " c      \
	"\r\n\r\n"
#define C16 "aZ09.-_:aZ09.-_:"

enum { NEXT = UPGRADE_NEXT, CLOSE = UPGRADE_CLOSE, OPEN = UPGRADE_DERP };

struct row {
	const char *name, *request, *answer;
	int verdict;
};

static const struct row rows[] = {
	{ "DERP", DERP(UP), S101, OPEN },
	{ "derp in small letters", DERP("upgrade: derp\r\n"), S101, OPEN },
	{ "blanks around", DERP("Upgrade: \t DERP \t\r\n"), S101, OPEN },
	{ "websocket without subprotocol", DERP("Upgrade: WebSocket\r\n"), S101,
	  OPEN },
	{ "websocket with another subprotocol",
	  DERP("Upgrade: websocket\r\nSec-WebSocket-Protocol: DERP\r\n"), S101,
	  OPEN },
	{ "websocket with derp",
	  DERP("Upgrade: websocket\r\nSec-WebSocket-Protocol: a, derp\r\n"),
	  S426, NEXT },
	{ "no Upgrade", DERP(""), S426, NEXT },
	{ "empty Upgrade", DERP("Upgrade:\r\n"), S426, NEXT },
	{ "a list", DERP("Upgrade: derp, foo\r\n"), S426, NEXT },
	{ "derp/2", DERP("Upgrade: derp/2\r\n"), S426, NEXT },
	{ "the first counts", DERP(UP "Upgrade: foo\r\n"), S101, OPEN },
	{ "the second does not", DERP("Upgrade: foo\r\n" UP), S426, NEXT },
	{ "Connection does not matter", DERP(UP "Connection: close\r\n"), S101,
	  OPEN },
	{ "method does not matter",
	  "FOO /derp HTTP/1.1\r\n" HOST UP "Content-Length: 9\r\n\r\n", S101,
	  OPEN },
	{ "query", "GET /derp?x=1 HTTP/1.1\r\n" HOST UP "\r\n", S101, OPEN },
	{ "empty query", "GET /derp? HTTP/1.1\r\n" HOST UP "\r\n", S101, OPEN },
	{ "percent", "GET /%64erp HTTP/1.1\r\n" HOST UP "\r\n", S101, OPEN },
	{ "percent cut", "GET /derp%6 HTTP/1.1\r\n" HOST UP "\r\n", S404,
	  NEXT },
	{ "percent without digits", "GET %3zderp HTTP/1.1\r\n" HOST UP "\r\n",
	  S404, NEXT },
	{ "percent NUL", "GET /derp%00 HTTP/1.1\r\n" HOST UP "\r\n", S404,
	  NEXT },
	{ "absolute form", "GET http://o:9/derp?a HTTP/1.1\r\n" HOST UP "\r\n",
	  S101, OPEN },
	{ "absolute form without path",
	  "GET http://derp HTTP/1.1\r\n" HOST UP "\r\n", S404, NEXT },
	{ "Fast-Start", DERP(UP "derp-fast-start: 1\r\n"), "", OPEN },
	{ "Fast-Start 0", DERP(UP "Derp-Fast-Start: 0\r\n"), S101, OPEN },
	{ "Fast-Start 10", DERP(UP "Derp-Fast-Start: 10\r\n"), S101, OPEN },
	{ "Fast-Start empty", DERP(UP "Derp-Fast-Start:\r\n"), S101, OPEN },
	{ "Fast-Start twice",
	  DERP(UP "Derp-Fast-Start: 0\r\nDerp-Fast-Start: 1\r\n"), S101, OPEN },
	{ "Fast-Start alone", DERP("Derp-Fast-Start: 1\r\n"), S426, NEXT },
	{ "slash behind", GET("/derp/"), S404, NEXT },
	{ "capitals", GET("/DERP"), S404, NEXT },
	{ "root", GET("/"), S404, NEXT },
	{ "long path",
	  GET("/derp/probe/0123456789012345678901234567890123456789012345678"
	      "9012345678901234567890123456789"),
	  S404, NEXT },
	{ "probe", GET("/derp/probe"), S200, NEXT },
	{ "latency check", GET("/derp/latency-check"), S200, NEXT },
	{ "probe by HEAD", "HEAD /derp/probe HTTP/1.1\r\n" HOST "\r\n", S200,
	  NEXT },
	{ "probe with Upgrade", "GET /derp/probe HTTP/1.1\r\n" HOST UP "\r\n",
	  S200, NEXT },
	{ "probe by POST", "POST /derp/probe HTTP/1.1\r\n" HOST "\r\n", S405,
	  NEXT },
	{ "probe by get", "get /derp/probe HTTP/1.1\r\n" HOST "\r\n", S405,
	  NEXT },
	{ "204", GET("/generate_204"), S204 "\r\n", NEXT },
	{ "204 by POST", "POST /generate_204 HTTP/1.1\r\n" HOST "\r\n",
	  S204 "\r\n", NEXT },
	{ "challenge", CHALLENGE("x"),
	  S204 "X-Tailscale-Response: response x\r\n\r\n", NEXT },
	{ "challenge of 64", CHALLENGE(C16 C16 C16 C16),
	  S204 "X-Tailscale-Response: response " C16 C16 C16 C16 "\r\n\r\n",
	  NEXT },
	{ "challenge of 65", CHALLENGE(C16 C16 C16 C16 "x"), S204 "\r\n",
	  NEXT },
	{ "challenge with a slash", CHALLENGE("a/b"), S204 "\r\n", NEXT },
	{ "challenge with a blank", CHALLENGE("a b"), S204 "\r\n", NEXT },
	{ "challenge empty", CHALLENGE(""), S204 "\r\n", NEXT },
	{ "no Host", "GET /derp HTTP/1.1\r\n" UP "\r\n", S400, CLOSE },
	{ "two Hosts", DERP(HOST UP), S400, CLOSE },
	{ "empty Host", "GET /derp HTTP/1.1\r\nHost:\r\n" UP "\r\n", S101,
	  OPEN },
	{ "blank in Host", "GET /derp HTTP/1.1\r\nHost: a b\r\n" UP "\r\n",
	  S400, CLOSE },
	{ "HTTP/1.0", "GET /derp HTTP/1.0\r\n" UP "\r\n", S101, OPEN },
	{ "HTTP/1.0 ends", "GET /derp HTTP/1.0\r\n\r\n", LAST426, CLOSE },
	{ "Connection: close", DERP("Connection: close\r\n"), LAST426, CLOSE },
	{ "a body", DERP("Content-Length: 5\r\n"), LAST426, CLOSE },
	{ "an empty body", DERP("Content-Length: 0\r\n"), S426, NEXT },
	{ "a chunked body", DERP("Transfer-Encoding: chunked\r\n"), LAST426,
	  CLOSE },
	{ "malformed", "GET /derp\r\n\r\n", S400, CLOSE },
	{ "malformed field", DERP("Bad Field: x\r\n"), S400, CLOSE },
};

static const uint8_t server_key[DERP_KEY_LEN] = { 0xab, 0xcd };

static void judge(struct upgrade *u, const char *request)
{
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;
	size_t len = strlen(request);
	uint8_t *text = malloc(len);
	int e;

	assert_non_null(text);
	memcpy(text, request, len);
	memset(u, 0xaa, sizeof *u);
	e = derp_http_read_request(&r, &h, text, len);
	assert_int_not_equal(e, 0);
	if (e == 1)
		upgrade_judge(u, &h, server_key);
	else
		upgrade_refuse(u, e);
	free(text);
}

static void request(void **state)
{
	const struct row *row = *state;
	size_t n = strlen(row->answer);
	struct upgrade u;

	judge(&u, row->request);
	assert_int_equal(u.verdict, row->verdict);
	assert_true(u.len >= n);
	assert_memory_equal(u.answer, row->answer, n);
	if (n == 0)
		assert_int_equal(u.len, 0);
}

static void exact_101(void **state)
{
	static const char want[] =
		S101 "Upgrade: DERP\r\nConnection: Upgrade\r\n"
		     "Derp-Version: 2\r\nDerp-Public-Key: "
		     "abcd000000000000000000000000000000000000000000000000"
		     "000000000000\r\n\r\n";
	struct upgrade u;

	(void)state;
	judge(&u, DERP(UP));
	assert_int_equal(u.len, sizeof want - 1);
	assert_memory_equal(u.answer, want, u.len);
}

static void ideal_node(void **state)
{
	struct upgrade u;

	(void)state;
	judge(&u, DERP(UP));
	assert_false(u.not_ideal);
	judge(&u, DERP(UP "Ideal-Node:\r\n"));
	assert_false(u.not_ideal);
	judge(&u, DERP(UP "Ideal-Node: 1a\r\n"));
	assert_true(u.not_ideal);
	judge(&u, DERP(UP "Derp-Fast-Start: 1\r\nIdeal-Node: 1a\r\n"));
	assert_true(u.not_ideal);
}

static void refusals(void **state)
{
	struct upgrade u;

	(void)state;
	upgrade_refuse(&u, DERP_E_LIMIT);
	assert_int_equal(u.verdict, UPGRADE_CLOSE);
	assert_memory_equal(u.answer, "HTTP/1.1 431 ", 13);
	upgrade_refuse(&u, DERP_E_HTTP);
	assert_memory_equal(u.answer, "HTTP/1.1 400 ", 13);
}

#define NUM_ROWS (sizeof rows / sizeof rows[0])

int main(void)
{
	static struct CMUnitTest tests[NUM_ROWS + 3] = {
		{ "the 101 is exact", exact_101, 0, 0, 0 },
		{ "Ideal-Node is noted when not empty", ideal_node, 0, 0, 0 },
		{ "refused heads", refusals, 0, 0, 0 },
	};

	for (size_t i = 0; i < NUM_ROWS; i++) {
		tests[i + 3].name = rows[i].name;
		tests[i + 3].test_func = request;
		memcpy(&tests[i + 3].initial_state, &(const void *){ &rows[i] },
		       sizeof(void *));
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
