/*
 * out.c - see out.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "derp_key.h"
#include "out.h"

#define SECOND_NS 1000000000

void out_init(struct out *o, int fd)
{
	o->fd = fd;
	o->err = 0;
	o->len = 0;
}

void out_flush(struct out *o)
{
	size_t at = 0;
	ssize_t n;

	while (at < o->len && o->err == 0) {
		n = write(o->fd, o->buf + at, o->len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			o->err = errno;
	}
	o->len = 0;
}

void out_bytes(struct out *o, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t n;

	while (len > 0) {
		if (o->len == OUT_LEN)
			out_flush(o);
		n = OUT_LEN - o->len < len ? OUT_LEN - o->len : len;
		memcpy(o->buf + o->len, p, n);
		o->len += n;
		p += n;
		len -= n;
	}
}

void out_str(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

void out_char(struct out *o, char c)
{
	if (o->len == OUT_LEN)
		out_flush(o);
	o->buf[o->len++] = c;
}

void out_number_in(struct out *o, uint64_t v, unsigned width, unsigned digits)
{
	char text[20];
	unsigned n = 0;

	do {
		text[sizeof(text) - ++n] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n < digits && n < sizeof(text))
		text[sizeof(text) - ++n] = '0';
	for (; width > n; width--)
		out_char(o, ' ');
	out_bytes(o, text + sizeof(text) - n, n);
}

void out_number(struct out *o, uint64_t v)
{
	out_number_in(o, v, 0, 1);
}

static const char hex_digits[] = "0123456789abcdef";

void out_hex(struct out *o, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (OUT_LEN - o->len < 2)
			out_flush(o);
		o->buf[o->len++] = hex_digits[p[i] / 16];
		o->buf[o->len++] = hex_digits[p[i] % 16];
	}
}

void out_hex32(struct out *o, uint32_t v)
{
	uint8_t p[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
			 (uint8_t)(v >> 8), (uint8_t)v };

	out_str(o, "0x");
	out_hex(o, p, sizeof(p));
}

void out_padded(struct out *o, const char *s, size_t width)
{
	size_t n = strlen(s);

	out_bytes(o, s, n);
	for (; n < width; n++)
		out_char(o, ' ');
}

static void escaped(struct out *o, const uint8_t *p, size_t len, uint8_t blank)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '"' || p[i] == '\\') {
			out_char(o, '\\');
			out_char(o, (char)p[i]);
		} else if (p[i] >= blank && p[i] < 0x7f) {
			out_char(o, (char)p[i]);
		} else {
			out_str(o, "\\x");
			out_hex(o, p + i, 1);
		}
	}
}

void out_quoted(struct out *o, const void *text, size_t len)
{
	out_char(o, '"');
	escaped(o, text, len, ' ');
	out_char(o, '"');
}

void out_escaped(struct out *o, const void *text, size_t len)
{
	escaped(o, text, len, '!');
}

void out_addr(struct out *o, const struct capture_addr *a)
{
	char text[INET6_ADDRSTRLEN];

	if (a->v4) {
		inet_ntop(AF_INET, a->ip + 12, text, sizeof(text));
		out_str(o, text);
	} else {
		inet_ntop(AF_INET6, a->ip, text, sizeof(text));
		out_char(o, '[');
		out_str(o, text);
		out_char(o, ']');
	}
	out_char(o, ':');
	out_number(o, a->port);
}

void out_key(struct out *o, const uint8_t *key)
{
	char text[DERP_SHORT_LEN + 1];

	derp_key_short(text, key);
	out_bytes(o, text, DERP_SHORT_LEN);
}

void out_node(struct out *o, const uint8_t *key)
{
	out_str(o, "nodekey:");
	out_hex(o, key, DERP_KEY_LEN);
}

/* ---- time -------------------------------------------------------------- */

static void date(struct out *o, int64_t sec)
{
	time_t t = (time_t)sec;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	out_number_in(o, (uint64_t)tm.tm_year + 1900, 0, 4);
	out_char(o, '-');
	out_number_in(o, (uint64_t)tm.tm_mon + 1, 0, 2);
	out_char(o, '-');
	out_number_in(o, (uint64_t)tm.tm_mday, 0, 2);
	out_char(o, 'T');
}

static void clock_time(struct out *o, int64_t sec)
{
	uint64_t s = (uint64_t)(sec % 86400 + (sec % 86400 < 0 ? 86400 : 0));

	out_number_in(o, s / 3600, 0, 2);
	out_char(o, ':');
	out_number_in(o, s / 60 % 60, 0, 2);
	out_char(o, ':');
	out_number_in(o, s % 60, 0, 2);
}

void out_time(struct out *o, enum out_time form, int64_t ns, int digits,
	      int64_t first_ns)
{
	uint64_t frac;
	int64_t sec;
	int i;

	if (form == OUT_RELATIVE)
		ns -= first_ns;
	if (ns < 0 && (form == OUT_RELATIVE || form == OUT_EPOCH)) {
		out_char(o, '-');
		ns = -ns;
	}
	sec = ns / SECOND_NS;
	if (ns % SECOND_NS < 0)
		sec--;
	frac = (uint64_t)(ns - sec * SECOND_NS);
	if (form == OUT_DATE)
		date(o, sec);
	if (form == OUT_DATE || form == OUT_WALL)
		clock_time(o, sec);
	else
		out_number(o, (uint64_t)sec);
	if (digits > 0) {
		for (i = 9; i > digits; i--)
			frac /= 10;
		out_char(o, '.');
		out_number_in(o, frac, 0, (unsigned)digits);
	}
	if (form == OUT_DATE)
		out_char(o, 'Z');
}
