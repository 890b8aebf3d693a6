/*
 * text.c - show text that a stranger wrote.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

static size_t escape_one(char out[4], uint8_t c)
{
	static const char hex[] = "0123456789abcdef";

	if (c == '\\') {
		out[0] = out[1] = '\\';
		return 2;
	}
	if (c >= 0x20 && c < 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

char *text_escape(char *out, size_t cap, const void *text, size_t len)
{
	const uint8_t *in = text;
	size_t n = 0, fits = 0; /* fits: where "..." still has room */
	char one[4];

	assert(cap >= 4);
	for (size_t i = 0; i < len; i++) {
		size_t k = escape_one(one, in[i]);
		if (k > cap - 1 - n) {
			memcpy(out + fits, "...", 4);
			return out;
		}
		memcpy(out + n, one, k);
		n += k;
		if (n <= cap - 4)
			fits = n;
	}
	out[n] = '\0';
	return out;
}
