/*
 * mutate.h - change a DERP stream as one who knows frames would.
 *
 *   input:  whole frames ... | tail
 *
 * The tail is what is left when no whole frame follows: a frame that was cut,
 * the steering bytes of a harness.  It stays the last, and is not changed.
 *
 *   mutate.c            the changes
 *   mutate_libfuzzer.c  as LLVMFuzzerCustomMutator and -CrossOver
 *   mutate_afl.c        as a custom mutator library of AFL++
 */
#ifndef MUTATE_H
#define MUTATE_H

#include <stddef.h>
#include <stdint.h>

#define MUTATE_FRAMES_MAX 4096 /* frames behind these belong to the tail */

/* Change data[size] in place, cap bytes at most; returns the new size, which
 * is size when no change had room.  Equal input and state, equal result. */
size_t mutate_frames(uint8_t *data, size_t size, size_t cap, uint32_t *state);

/* The first frames of a, the last ones of b, the tail of a, in out[cap]. */
size_t mutate_cross(const uint8_t *a, size_t a_len, const uint8_t *b,
		    size_t b_len, uint8_t *out, size_t cap, uint32_t *state);

/* The next number of a generator; a state of 0 is not used up either. */
uint32_t mutate_random(uint32_t *state);

#endif
