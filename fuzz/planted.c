/*
 * planted.c - a fault on purpose: proves that the engines can find one.
 *
 * Linked into fuzz_reader with --wrap=derp_reader_next, it spoils one frame
 * of one type and length that no seed holds.  `make fuzz` fails unless both
 * engines find it.  The two conditions stand apart, so that an engine sees
 * when it has met one of them; a compiler would make one comparison of both.
 */
#include "derp.h"

int __real_derp_reader_next(struct derp_reader *r, const uint8_t **in,
			    size_t *len, struct derp_frame *f);
int __wrap_derp_reader_next(struct derp_reader *r, const uint8_t **in,
			    size_t *len, struct derp_frame *f);

int __wrap_derp_reader_next(struct derp_reader *r, const uint8_t **in,
			    size_t *len, struct derp_frame *f)
{
	static volatile int met;
	int step = __real_derp_reader_next(r, in, len, f);

	if (step != DERP_FRAME || f->type != 0x5a)
		return step;
	met++;
	if (f->len == 3)
		f->len = 4;
	return step;
}
