/*
 * fuzz.h - what every harness needs.
 *
 * A harness is one file with LLVMFuzzerTestOneInput().  From it come three
 * programs: libFuzzer's, AFL++'s (persistent), and a runner that shows it each
 * file once, in a heap block of exactly the file's length.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The oracle: says where it disagreed, then aborts. */
#define fuzz_check(ok)                                                         \
	do {                                                                   \
		if (!(ok)) {                                                   \
			fprintf(stderr, "%s:%d: oracle: %s\n", __FILE__,       \
				__LINE__, #ok);                                \
			abort();                                               \
		}                                                              \
	} while (0)

/* A heap copy of exactly len bytes (one, if len is 0); free() it. */
static inline uint8_t *fuzz_copy(const uint8_t *in, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	fuzz_check(copy != NULL);
	if (len != 0)
		memcpy(copy, in, len);
	return copy;
}

/* The next number of a generator whose state is not 0. */
static inline uint32_t fuzz_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* How many of len bytes come next: mostly few, which is where the states
 * are.  A state of 0 asks for no cuts. */
static inline size_t fuzz_cut(uint32_t *state, size_t len)
{
	size_t n;

	if (*state == 0)
		return len;
	n = fuzz_random(state) % 8 == 0 ? *state % 4096 + 1 : *state % 7 + 1;
	return n < len ? n : len;
}

/* Bytes that grow; fuzz_put() is a sink for what writes into one. */
struct fuzz_bytes {
	uint8_t *at;
	size_t len, cap;
};

static inline void fuzz_put(void *bytes, const void *from, size_t len)
{
	struct fuzz_bytes *b = bytes;

	if (b->cap - b->len < len) {
		b->cap = 2 * (b->cap + len) + 64;
		b->at = realloc(b->at, b->cap);
		fuzz_check(b->at != NULL);
	}
	if (len != 0)
		memcpy(b->at + b->len, from, len);
	b->len += len;
}

static inline int fuzz_equal(const struct fuzz_bytes *a,
			     const struct fuzz_bytes *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

/* What is printed moves no cursor back and rings no bell.  A tab may be. */
static inline void fuzz_check_printable(const void *text, size_t len)
{
	const uint8_t *p = text;

	for (size_t i = 0; i < len; i++)
		fuzz_check(p[i] == '\n' || p[i] == '\t' ||
			   (p[i] >= 0x20 && p[i] != 0x7f));
}

/* The same of what is not even UTF-8. */
static inline void fuzz_check_ascii(const void *text, size_t len)
{
	const uint8_t *p = text;

	fuzz_check_printable(p, len);
	for (size_t i = 0; i < len; i++)
		fuzz_check(p[i] < 0x80);
}

#endif
