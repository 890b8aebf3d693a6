/*
 * mutate_afl.c - the mutator as a library that AFL++ loads.
 *
 *   AFL_CUSTOM_MUTATOR_LIBRARY=mutate.so afl-fuzz ...
 *
 * AFL++ goes on with its own mutations beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "mutate.h"

struct mutator {
	uint32_t state;
	uint8_t *out;
	size_t cap;
};

void *afl_custom_init(void *afl, unsigned seed);
void afl_custom_deinit(void *data);
size_t afl_custom_fuzz(void *data, uint8_t *in, size_t len, uint8_t **out,
		       uint8_t *other, size_t other_len, size_t max);

void *afl_custom_init(void *afl, unsigned seed)
{
	struct mutator *m = calloc(1, sizeof(*m));

	(void)afl;
	if (m != NULL)
		m->state = seed;
	return m;
}

void afl_custom_deinit(void *data)
{
	struct mutator *m = data;

	free(m->out);
	free(m);
}

size_t afl_custom_fuzz(void *data, uint8_t *in, size_t len, uint8_t **out,
		       uint8_t *other, size_t other_len, size_t max)
{
	struct mutator *m = data;
	size_t n = 0;

	*out = in;
	if (m->cap < max) {
		uint8_t *more = realloc(m->out, max);

		if (more == NULL)
			return len;
		m->out = more;
		m->cap = max;
	}
	if (len > max)
		len = max;
	*out = m->out;
	if (other != NULL && mutate_random(&m->state) % 8 == 0)
		n = mutate_cross(in, len, other, other_len, m->out, max,
				 &m->state);
	if (n != 0)
		return n;
	memcpy(m->out, in, len);
	return mutate_frames(m->out, len, max, &m->state);
}
