/*
 * utf8.c - characters to bytes and back.
 *
 *   0xxxxxxx                                  up to 7f
 *   110xxxxx 10xxxxxx                         80 to 7ff
 *   1110xxxx 10xxxxxx 10xxxxxx                800 to ffff, no surrogates
 *   11110xxx 10xxxxxx 10xxxxxx 10xxxxxx       10000 to 10ffff
 */
#include "utf8.h"

/* Bytes that a first byte announces, its own bits, and the least character
 * of that length; 0 bytes if nothing begins with it. */
struct lead {
	uint32_t bytes, bits, least;
};

static struct lead lead_of(uint8_t c)
{
	if (c < 0x80)
		return (struct lead){ 1, c, 0 };
	if (c >= 0xc0 && c < 0xe0)
		return (struct lead){ 2, c - 0xc0u, 0x80 };
	if (c >= 0xe0 && c < 0xf0)
		return (struct lead){ 3, c - 0xe0u, 0x800 };
	if (c >= 0xf0 && c < 0xf8)
		return (struct lead){ 4, c - 0xf0u, 0x10000 };
	return (struct lead){ 0, 0, 0 };
}

uint32_t derp_utf8_get(const uint8_t *s, size_t len, uint32_t *used)
{
	struct lead lead = lead_of(s[0]);
	uint32_t c = lead.bits;

	*used = 1;
	if (lead.bytes == 0 || lead.bytes > len)
		return UTF8_BAD;
	for (uint32_t i = 1; i < lead.bytes; i++) {
		if (s[i] < 0x80 || s[i] >= 0xc0)
			return UTF8_BAD;
		c = c * 0x40 + (s[i] - 0x80u);
	}
	if (c < lead.least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UTF8_BAD;
	*used = lead.bytes;
	return c;
}

uint32_t derp_utf8_put(uint8_t out[UTF8_MAX], uint32_t c)
{
	uint32_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	uint32_t mark = bytes == 1   ? 0
			: bytes == 2 ? 0xc0
			: bytes == 3 ? 0xe0
				     : 0xf0;

	for (uint32_t i = bytes - 1; i > 0; i--) {
		out[i] = (uint8_t)(0x80 + c % 0x40);
		c /= 0x40;
	}
	out[0] = (uint8_t)(mark + c);
	return bytes;
}
