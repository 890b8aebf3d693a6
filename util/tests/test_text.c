/*
 * test_text.c - host:port, escaped text, log lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "derp.h"
#include "host_port.h"
#include "log.h"
#include "text.h"

/* ---- host:port ------------------------------------------------------- */

#define BAD "(refused)"

static const struct {
	const char *text;
	int default_port;
	const char *want; /* host_port_text(), or BAD */
} hosts[] = {
	{ "127.0.0.1:3340", -1, "127.0.0.1:3340" },
	{ "[::]:0", -1, "[::]:0" },
	{ "[::1]:65535", -1, "[::1]:65535" },
	{ "example.net:443", -1, "example.net:443" },
	{ "example.net", 80, "example.net:80" },
	{ "::1", 80, "[::1]:80" },
	{ "[::1]", 80, "[::1]:80" },
	{ "example.net:1", 80, "example.net:1" },
	{ "", -1, BAD },
	{ "", 80, BAD },
	{ ":80", -1, BAD },
	{ "x", -1, BAD },
	{ "x:", -1, BAD },
	{ "x:", 80, BAD },
	{ "x:65536", -1, BAD },
	{ "x:-1", -1, BAD },
	{ "x:1x", -1, BAD },
	{ "x: 1", -1, BAD },
	{ "x y:1", -1, BAD },
	{ "x\n:1", -1, BAD },
	{ "::1", -1, BAD },
	{ "[::1", 80, BAD },
	{ "[::1]x", 80, BAD },
	{ "[::1]x:1", -1, BAD },
	{ "[]:1", -1, BAD },
	{ "http://x:1", -1, BAD },
	{ "a@b:1", -1, BAD },
};

static void host_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		char *text = strdup(hosts[i].text), out[HOST_PORT_TEXT_MAX];
		struct host_port hp, before;

		memset(&hp, 0xaa, sizeof hp);
		before = hp;
		if (host_port_parse(&hp, text, hosts[i].default_port) == 0) {
			host_port_text(out, &hp);
		} else {
			strcpy(out, BAD);
			assert_memory_equal(&hp, &before, sizeof hp);
		}
		free(text);
		assert_string_equal(out, hosts[i].want);
	}
}

static void host_length(void **state)
{
	char text[HOST_MAX + 8];
	struct host_port hp;

	(void)state;
	memset(text, 'a', sizeof text);
	strcpy(text + HOST_MAX, ":1");
	assert_int_equal(host_port_parse(&hp, text, -1), 0);
	assert_int_equal(strlen(hp.host), HOST_MAX);
	memset(text, 'a', sizeof text);
	strcpy(text + HOST_MAX + 1, ":1");
	assert_int_equal(host_port_parse(&hp, text, -1), -1);
}

static void number_limits(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(number_parse(&v, "", 10), -1);
	assert_int_equal(number_parse(&v, "11", 10), -1);
	assert_int_equal(number_parse(&v, "9", 5), -1);
	assert_int_equal(v, 7);
	assert_int_equal(number_parse(&v, "10", 10), 0);
	assert_int_equal(v, 10);
	assert_int_equal(number_parse(&v, "18446744073709551615", UINT64_MAX),
			 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(number_parse(&v, "18446744073709551616", UINT64_MAX),
			 -1);
	assert_int_equal(number_parse(&v, "99999999999999999999", UINT64_MAX),
			 -1);
}

/* ---- escaping -------------------------------------------------------- */

static void escape(void **state)
{
	static const uint8_t in[] = { 'a',  ' ',  '\\', '\n', 0x1b,
				      0x00, 0x7f, 0x80, 0xff, '~' };
	char out[64];

	(void)state;
	text_escape(out, sizeof out, in, sizeof in);
	assert_string_equal(out, "a \\\\\\x0a\\x1b\\x00\\x7f\\x80\\xff~");
	text_escape(out, sizeof out, in, 0);
	assert_string_equal(out, "");
}

/* Every size of the output: ended, within bounds, "..." exactly when cut,
 * never in the middle of an escape. */
static void escape_every_size(void **state)
{
	static const char in[] = "ab\ncd\\ef\x01gh";
	static const char whole[] = "ab\\x0acd\\\\ef\\x01gh";

	(void)state;
	for (size_t cap = 4; cap <= sizeof whole + 2; cap++) {
		char *out = malloc(cap);
		size_t n;
		assert_non_null(out);
		memset(out, 0xaa, cap);
		assert_ptr_equal(text_escape(out, cap, in, sizeof in - 1), out);
		n = strlen(out);
		assert_true(n < cap);
		if (cap >= sizeof whole) {
			assert_string_equal(out, whole);
		} else {
			assert_string_equal(out + n - 3, "...");
			assert_memory_equal(out, whole, n - 3);
			assert_true(n < 4 || out[n - 4] != '\\' ||
				    (n > 4 && out[n - 5] == '\\'));
		}
		free(out);
	}
}

/* ---- log ------------------------------------------------------------- */

static void line(char *out, size_t cap, const struct log_field *f)
{
	size_t n = log_format(out, cap, LOG_WARN, "event", f);

	assert_int_equal(n, strlen(out));
}

static void log_values(void **state)
{
	static const uint8_t key[DERP_KEY_LEN] = { 0x49, 0xbb, 0x09 };
	const struct log_field f[] = {
		L_NUM("n", -5),
		L_STR("plain", "x.y:1"),
		L_STR("blank", "a b"),
		L_STR("empty", ""),
		L_STR("forged", "x\nerror event"),
		L_STR("quote", "a\" b=\"c"),
		L_TEXT("cut", "abcdef", 3),
		L_KEY("key", key),
		{ NULL, LOG_FIELD_NUM, 0, NULL, 0 },
	};
	char out[LOG_LINE_MAX];

	(void)state;
	line(out, sizeof out, f);
	assert_string_equal(out, "warn event n=-5 plain=x.y:1 blank=\"a b\" "
				 "empty=\"\" forged=\"x\\x0aerror event\" "
				 "quote=\"a' b='c\" cut=abc key=[SbsJA]");
}

static void log_long_values(void **state)
{
	char text[5000], *out;
	struct log_field f[9];

	(void)state;
	memset(text, '\n', sizeof text);
	for (int i = 0; i < 8; i++)
		f[i] = (struct log_field)L_TEXT("v", text, sizeof text);
	f[8].name = NULL;
	for (size_t cap = 1; cap < 900; cap += 7) {
		out = malloc(cap);
		assert_non_null(out);
		line(out, cap, f);
		assert_int_equal(strlen(out), cap - 1);
		assert_null(strchr(out, '\n'));
		free(out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "host:port is read or refused whole", host_port, 0, 0, 0 },
		{ "a host name has 255 bytes at most", host_length, 0, 0, 0 },
		{ "numbers never wrap", number_limits, 0, 0, 0 },
		{ "hostile bytes are escaped", escape, 0, 0, 0 },
		{ "a cut text says so", escape_every_size, 0, 0, 0 },
		{ "log values cannot forge a line", log_values, 0, 0, 0 },
		{ "log lines are bounded", log_long_values, 0, 0, 0 },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
