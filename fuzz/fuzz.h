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

#endif
