/*
 * test_mutate.c - the mutator keeps to its buffer and knows frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "derp.h"
#include "mutate.h"

#define ROUNDS 20000

/* KeepAlive, Ping, an unknown frame, and a tail that is no frame. */
static const uint8_t stream[] = { 0x06, 0, 0, 0, 0, 0x12, 0,    0,   0,   8,
				  1,    2, 3, 4, 5, 6,    7,    8,   'U', 0,
				  0,    0, 2, 9, 9, 0xaa, 0xbb, 0xcc };
#define TAIL_LEN 3
#define NUM_FRAMES 3

/* Frames that are whole; *tail is what is left. */
static size_t count(const uint8_t *p, size_t len, size_t *tail)
{
	struct derp_reader r;
	struct derp_frame f;
	size_t num = 0, used = 0;
	int step;

	derp_reader_init(&r, UINT32_MAX);
	while ((step = derp_reader_next(&r, &p, &len, &f)) > 0) {
		if (step != DERP_FRAME)
			continue;
		num++;
		used += DERP_HEAD_LEN + f.len;
	}
	*tail = used;
	return num;
}

static uint8_t *block(size_t cap)
{
	uint8_t *p = malloc(cap);

	assert_non_null(p);
	memset(p, 0, cap);
	memcpy(p, stream, sizeof(stream) < cap ? sizeof(stream) : cap);
	return p;
}

static void results_fit_every_capacity(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t cap = 1; cap < 200; cap++) {
		size_t size = sizeof(stream) < cap ? sizeof(stream) : cap;

		for (int i = 0; i < 50; i++) {
			uint8_t *p = block(cap);

			assert_in_range(mutate_frames(p, size, cap, &seed), 0,
					cap);
			free(p);
		}
	}
}

static void equal_seeds_give_equal_results(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t one = i, two = i;
		uint8_t *a = block(300), *b = block(300);
		size_t n = mutate_frames(a, sizeof(stream), 300, &one);

		assert_int_equal(mutate_frames(b, sizeof(stream), 300, &two),
				 n);
		assert_memory_equal(a, b, n);
		free(a);
		free(b);
	}
}

static void the_tail_stays_at_the_end(void **state)
{
	uint32_t seed = 3;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t *p = block(300);
		size_t n = mutate_frames(p, sizeof(stream), 300, &seed);

		assert_in_range(n, TAIL_LEN, 300);
		assert_memory_equal(p + n - TAIL_LEN,
				    stream + sizeof(stream) - TAIL_LEN,
				    TAIL_LEN);
		free(p);
	}
}

/* What the mutator can make, seen at least once each. */
enum {
	FEWER,
	MORE,
	TWICE,
	SWAPPED,
	RETYPED,
	HUGE_LENGTH,
	WRITE_LIMIT,
	ZERO_LENGTH,
	LONGER,
	SHORTER,
	NUM_SEEN
};

static void look(bool seen[NUM_SEEN], const uint8_t *p, size_t n)
{
	static const uint8_t ping[] = { 0x12, 0, 0, 0, 8 };
	size_t used, num = count(p, n, &used);
	uint32_t len = n < 5 ? 0
			     : (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 |
				       (uint32_t)p[3] << 8 | p[4];

	seen[FEWER] |= num == NUM_FRAMES - 1 && used + TAIL_LEN == n;
	seen[MORE] |= num > NUM_FRAMES && used + TAIL_LEN == n;
	seen[TWICE] |= n > 41 && memcmp(p + 5, ping, 5) == 0 &&
		       memcmp(p + 5, p + 18, 13) == 0;
	/* Nothing else moves the unknown frame in front of the ping. */
	seen[SWAPPED] |= n == sizeof(stream) &&
			 memcmp(p + 5, stream + 18, 7) == 0 &&
			 memcmp(p + 12, stream + 5, 13) == 0;
	seen[RETYPED] |= n == sizeof(stream) && p[0] == 0x15 && num == 3;
	seen[HUGE_LENGTH] |= len >= UINT32_MAX - 1;
	seen[WRITE_LIMIT] |= len == DERP_WRITE_MAX + 1;
	seen[ZERO_LENGTH] |= n == sizeof(stream) && p[9] == 0 && p[5] == 0x12;
	seen[LONGER] |=
		n == sizeof(stream) + 1 && num == NUM_FRAMES && p[9] == 9;
	seen[SHORTER] |=
		n == sizeof(stream) - 1 && num == NUM_FRAMES && p[9] == 7;
}

static void every_change_is_made(void **state)
{
	bool seen[NUM_SEEN] = { false };
	uint32_t seed = 2;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t *p = block(300);
		size_t n = mutate_frames(p, sizeof(stream), 300, &seed);

		look(seen, p, n);
		free(p);
	}
	for (int i = 0; i < NUM_SEEN; i++) {
		if (!seen[i])
			fail_msg("change %d was never made", i);
	}
}

static void an_empty_input_gets_a_frame(void **state)
{
	uint32_t seed = 9;
	size_t used, got = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint8_t *p = block(20000);
		size_t n = mutate_frames(p, 0, 20000, &seed);

		got += count(p, n, &used) > 0;
		free(p);
	}
	assert_in_range(got, 30, 100);
}

static void crossing_takes_frames_of_both(void **state)
{
	static const uint8_t other[] = { 0x5a, 0, 0, 0, 1, 7, 0xee };
	bool both = false, none = false;
	uint32_t seed = 5;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		size_t cap = sizeof(stream) + sizeof(other), n, used, num;
		uint8_t *out = block(cap);

		n = mutate_cross(stream, sizeof(stream), other, sizeof(other),
				 out, cap, &seed);
		assert_in_range(n, TAIL_LEN, cap);
		num = count(out, n, &used);
		assert_int_equal(used + TAIL_LEN, n);
		assert_memory_equal(out + used,
				    stream + sizeof(stream) - TAIL_LEN,
				    TAIL_LEN);
		both |= num == 4 && out[n - TAIL_LEN - 6] == 0x5a;
		none |= num == 0;
		free(out);
	}
	assert_true(both && none);
}

static void crossing_that_does_not_fit_gives_nothing(void **state)
{
	uint32_t seed = 5;

	(void)state;
	for (size_t cap = 1; cap < 2 * sizeof(stream); cap++) {
		for (int i = 0; i < 30; i++) {
			uint8_t *out = block(cap);

			assert_in_range(mutate_cross(stream, sizeof(stream),
						     stream, sizeof(stream),
						     out, cap, &seed),
					0, cap);
			free(out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_fit_every_capacity),
		cmocka_unit_test(equal_seeds_give_equal_results),
		cmocka_unit_test(the_tail_stays_at_the_end),
		cmocka_unit_test(every_change_is_made),
		cmocka_unit_test(an_empty_input_gets_a_frame),
		cmocka_unit_test(crossing_takes_frames_of_both),
		cmocka_unit_test(crossing_that_does_not_fit_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
