/*
 * fuzz_tcp.c - one stream, in segments in order and in disorder.
 *
 *   input:  stream of frames ... | flags 1 | window 1 | cuts 2
 *
 * The stream goes in one direction of a connection that begins with the
 * upgrade, cut into segments.  Oracle: delivered in order, out of order
 * within a window, twice, or overlapping, the same frames come out, and
 * nothing is lost.
 */
#include "story.h"
#include "wire.h"

#define STEER_LEN 4
#define SEGMENTS_MAX 4096

struct piece {
	size_t at, len;
};

static size_t cut(struct piece *p, size_t len, uint32_t cuts)
{
	size_t num = 0, at = 0;

	while (at < len && num < SEGMENTS_MAX) {
		size_t left = len - at, n = fuzz_cut(&cuts, left);

		if (num == SEGMENTS_MAX - 1 || n > 16384)
			n = left < 16384 ? left : 16384;
		p[num++] = (struct piece){ at, n };
		at += n;
	}
	return num;
}

static void disorder(struct piece *p, size_t num, size_t window,
		     uint32_t *state)
{
	for (size_t i = 0; i + 1 < num; i++) {
		size_t reach = num - i < window ? num - i : window;
		size_t k = i + fuzz_random(state) % reach;
		struct piece kept = p[i];

		p[i] = p[k];
		p[k] = kept;
	}
}

/* The piece, or a little more on either side of it, which came before or
 * comes again. */
static void deliver(struct wire *w, bool server, const uint8_t *data,
		    size_t size, struct piece p, uint32_t *state)
{
	if (state != NULL && fuzz_random(state) % 4 == 0) {
		size_t more = fuzz_random(state) % 8;

		if (more > p.at)
			more = p.at;
		p.at -= more;
		p.len += more;
	}
	if (state != NULL && fuzz_random(state) % 4 == 0) {
		size_t more = fuzz_random(state) % 8;

		p.len +=
			more < size - p.at - p.len ? more : size - p.at - p.len;
	}
	wire_data(w, server, (uint32_t)p.at, data + p.at, p.len);
	if (state != NULL && fuzz_random(state) % 8 == 0)
		wire_data(w, server, (uint32_t)p.at, data + p.at, p.len);
}

struct steer {
	bool server, wraps;
	size_t window;
	uint32_t cuts;
};

static void run(struct story *s, const uint8_t *data, size_t size,
		const struct steer *steer, bool in_order)
{
	static struct piece p[SEGMENTS_MAX];
	struct wire w;
	size_t num = cut(p, size, steer->cuts);
	uint32_t state = steer->cuts + 1;

	memset(s, 0, sizeof(*s));
	s->max = size + 64;
	wire_open(&w, story_event, s, steer->wraps ? 0xffffff00u : 7000);
	if (!in_order)
		disorder(p, num, steer->window, &state);
	for (size_t i = 0; i < num; i++)
		deliver(&w, steer->server, data, size, p[i],
			in_order ? NULL : &state);
	wire_close(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct story plain, mixed;
	struct steer steer;
	const uint8_t *c;

	if (size < STEER_LEN)
		return 0;
	size -= STEER_LEN;
	c = data + size;
	if (size > 60000)
		size = 60000;
	steer = (struct steer){ .server = c[0] & 1,
				.wraps = c[0] & 2,
				.window = c[1] % 32u + 1,
				.cuts = (uint32_t)c[2] << 8 | c[3] | 1 };
	run(&plain, data, size, &steer, true);
	run(&mixed, data, size, &steer, false);
	fuzz_check(plain.num_gaps == mixed.num_gaps);
	fuzz_check(plain.num_invalid == mixed.num_invalid);
	fuzz_check(fuzz_equal(&plain.frames, &mixed.frames));
	story_free(&plain);
	story_free(&mixed);
	return 0;
}
