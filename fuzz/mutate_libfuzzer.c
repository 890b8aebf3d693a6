/*
 * mutate_libfuzzer.c - the mutator as libFuzzer wants it.
 *
 * One mutation in four is libFuzzer's own, which knows nothing of frames, but
 * all of what the program compares with.
 */
#include "mutate.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t cap);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t cap,
			       unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len,
				 const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t cap, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t cap,
			       unsigned seed)
{
	uint32_t state = seed;

	if (mutate_random(&state) % 4 == 0)
		return LLVMFuzzerMutate(data, size, cap);
	return mutate_frames(data, size, cap, &state);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len,
				 const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t cap, unsigned seed)
{
	uint32_t state = seed;

	return mutate_cross(a, a_len, b, b_len, out, cap, &state);
}
