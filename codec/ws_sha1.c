/*
 * ws_sha1.c - SHA-1 (FIPS 180-4), for Sec-WebSocket-Accept alone.
 *
 *   in, 64 bytes at a time | 0x80, zeros, length in bits | --> five words
 *
 * The digest proves that the peer has read the key; nothing secret hangs on
 * it.  libsodium has no SHA-1, on purpose, and a TLS library would be a large
 * thing to ask of those who want frames only.
 */
#include "ws_sha1.h"
#include "bytes.h"

#define BLOCK 64
#define ROUNDS 80

struct state {
	uint32_t h[5];
};

static uint32_t left(uint32_t v, uint32_t bits)
{
	return v << bits | v >> (32 - bits);
}

static uint32_t mix(uint32_t round, uint32_t b, uint32_t c, uint32_t d)
{
	if (round < 20)
		return ((b & c) | (~b & d)) + 0x5a827999u;
	if (round < 40)
		return (b ^ c ^ d) + 0x6ed9eba1u;
	if (round < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
	return (b ^ c ^ d) + 0xca62c1d6u;
}

static void add_block(struct state *s, const uint8_t *in)
{
	uint32_t w[ROUNDS], a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3],
			    e = s->h[4], t;

	for (uint32_t i = 0; i < 16; i++)
		w[i] = get32(in + 4 * i);
	for (uint32_t i = 16; i < ROUNDS; i++)
		w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		t = left(a, 5) + mix(i, b, c, d) + e + w[i];
		e = d;
		d = c;
		c = left(b, 30);
		b = a;
		a = t;
	}
	s->h[0] += a;
	s->h[1] += b;
	s->h[2] += c;
	s->h[3] += d;
	s->h[4] += e;
}

/* The last bytes, the mark and the length: one block, or two. */
static void add_end(struct state *s, const uint8_t *in, size_t left_over,
		    size_t len)
{
	uint8_t end[2 * BLOCK] = { 0 };
	size_t n = left_over < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	uint64_t bits = (uint64_t)len * 8;

	copy(end, in, left_over);
	end[left_over] = 0x80;
	put32(end + n - 8, (uint32_t)(bits >> 32));
	put32(end + n - 4, (uint32_t)(bits & 0xffffffffu));
	for (size_t i = 0; i < n; i += BLOCK)
		add_block(s, end + i);
}

void derp_sha1(uint8_t out[SHA1_LEN], const uint8_t *in, size_t len)
{
	struct state s = { { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
			     0xc3d2e1f0 } };
	size_t done = 0;

	for (; len - done >= BLOCK; done += BLOCK)
		add_block(&s, in + done);
	add_end(&s, in + done, len - done, len);
	for (uint32_t i = 0; i < 5; i++)
		put32(out + 4 * i, s.h[i]);
}
