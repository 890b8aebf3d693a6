/*
 * bytes.h - moving bytes inside the codec.  Not installed.
 *
 * Loops and arithmetic where memcpy and shifts would do: provers follow
 * these, and compilers make the same code of both.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void copy(uint8_t *restrict to, const uint8_t *restrict from,
			size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i];
}

static inline uint32_t get16(const uint8_t *p)
{
	return 0x100u * p[0] + p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return 0x10000u * get16(p) + get16(p + 2);
}

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v / 0x100u % 0x100u);
	p[1] = (uint8_t)(v % 0x100u);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v / 0x10000u);
	put16(p + 2, v % 0x10000u);
}

#endif
