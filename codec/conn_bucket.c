/*
 * conn_bucket.c - a token bucket, as data.
 *
 * The level counts thousandths of a byte, so that a millisecond of any rate
 * is a whole number and nothing is lost to rounding.
 */
#include "derp_conn.h"

/* Far above every network, and a thousand times it still fits. */
#define MOST ((int64_t)1 << 50)

static uint64_t bounded(int64_t v)
{
	return (uint64_t)(v < MOST ? v : MOST);
}

void derp_bucket_init(struct derp_bucket *b, int64_t rate, int64_t burst,
		      uint64_t now_ms)
{
	struct derp_bucket out = { .at_ms = now_ms };

	if (rate > 0 && burst > 0) {
		out.rate = bounded(rate);
		out.burst = bounded(burst);
		out.level = 1000 * out.burst;
	}
	*b = out;
}

static void fill(struct derp_bucket *b, uint64_t now_ms)
{
	uint64_t room = 1000 * b->burst - b->level, passed;

	if (now_ms <= b->at_ms)
		return;
	passed = now_ms - b->at_ms;
	b->at_ms = now_ms;
	if (passed > room / b->rate)
		b->level += room;
	else
		b->level += passed * b->rate;
}

bool derp_bucket_take(struct derp_bucket *b, uint64_t now_ms, uint64_t n)
{
	if (b->rate == 0)
		return true;
	fill(b, now_ms);
	if (n > b->level / 1000)
		return false;
	b->level -= 1000 * n;
	return true;
}
