/*
 * fuzz_reader.c - the stream reader against a model, for every cut.
 *
 *   input:  stream of frames ... | limit 1 | buffer 1 | cuts 2
 *
 * The last four bytes steer: how large a frame may be, how large the buffer
 * is that each payload gets, and where the stream is cut.  They stand at the
 * end so that a recorded stream is a seed as it is.
 *
 * Oracle: a slow model reads the whole stream by the words of DERP-FRAME-*;
 * the reader must tell the same story, in one piece and cut anywhere.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "derp.h"
#include "fuzz.h"

#define STEER_LEN 4

struct steer {
	uint32_t max, cap;
	uint32_t cuts; /* state of the generator of cut lengths; 0: no cuts */
};

/* What came out, as bytes, so that two stories compare with memcmp. */
struct story {
	uint8_t *at;
	size_t len, cap;
};

static void tell(struct story *s, const void *bytes, size_t len)
{
	fuzz_check(s->cap - s->len >= len);
	if (len != 0)
		memcpy(s->at + s->len, bytes, len);
	s->len += len;
}

static void tell_number(struct story *s, char kind, uint32_t a, uint32_t b)
{
	tell(s, &kind, 1);
	tell(s, &a, sizeof(a));
	tell(s, &b, sizeof(b));
}

/* Each frame takes 5 bytes of input and tells 9 + 13 bytes and its body. */
static struct story story_new(size_t input)
{
	struct story s = { .cap = input * 6 + 64 };

	s.at = malloc(s.cap);
	fuzz_check(s.at != NULL);
	return s;
}

static void tell_frame(struct story *s, uint32_t type, uint32_t len,
		       const uint8_t *body, uint32_t have)
{
	tell_number(s, 'F', type, len);
	tell(s, &have, sizeof(have));
	tell(s, body, have);
}

static uint32_t smaller(size_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

/* The model: the whole stream is there, nothing is incremental. */
static void model(struct story *s, const uint8_t *in, size_t len,
		  const struct steer *steer)
{
	while (len >= DERP_HEAD_LEN) {
		uint32_t type = in[0];
		uint32_t body = (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 |
				(uint32_t)in[3] << 8 | in[4];

		if (body > steer->max) {
			tell_number(s, 'E', (uint32_t)-DERP_E_LIMIT, 0);
			return;
		}
		tell_number(s, 'H', type, body);
		if (len - DERP_HEAD_LEN < body)
			break;
		in += DERP_HEAD_LEN;
		len -= DERP_HEAD_LEN;
		tell_frame(s, type, body, in, smaller(body, steer->cap));
		in += body;
		len -= body;
		if (len == 0) {
			tell_number(s, 'Z', 0, 0);
			return;
		}
	}
	tell_number(s, 'Z', len == 0 ? 0 : (uint32_t)-DERP_E_EOF, 0);
}

/* Feed one piece; false when the reader is dead. */
static bool feed(struct derp_reader *r, struct story *s, uint8_t *buf,
		 uint32_t cap, const uint8_t *in, size_t len)
{
	struct derp_frame f;
	int step;

	while ((step = derp_reader_next(r, &in, &len, &f)) > 0) {
		if (step == DERP_HEAD) {
			tell_number(s, 'H', f.type, f.len);
			derp_reader_lend(r, buf, cap);
		} else {
			fuzz_check(f.have == smaller(f.len, cap));
			tell_frame(s, f.type, f.len, f.body, f.have);
			derp_reader_lend(r, NULL, 0);
		}
	}
	/* Not at a header: without effect. */
	if (derp_reader_got(r) > 0)
		derp_reader_lend(r, NULL, 0);
	fuzz_check(step < 0 || len == 0);
	if (step < 0) {
		tell_number(s, 'E', (uint32_t)-step, 0);
		/* Errors stick. */
		fuzz_check(derp_reader_next(r, &in, &len, &f) == step);
		fuzz_check(derp_reader_end(r) == step);
	}
	return step >= 0;
}

static void run(struct story *s, const uint8_t *in, size_t len,
		const struct steer *steer)
{
	struct derp_reader r;
	uint32_t cuts = steer->cuts;
	uint8_t *buf = malloc(steer->cap ? steer->cap : 1);

	fuzz_check(buf != NULL);
	derp_reader_init(&r, steer->max);
	for (;;) {
		size_t n = fuzz_cut(&cuts, len);
		/* An exact copy: a read past the piece is seen. */
		uint8_t *piece = fuzz_copy(in, n);
		bool alive = feed(&r, s, buf, steer->cap, piece, n);

		free(piece);
		in += n;
		len -= n;
		if (!alive)
			break;
		if (len == 0) {
			tell_number(s, 'Z', (uint32_t)-derp_reader_end(&r), 0);
			break;
		}
	}
	free(buf);
}

static struct steer steer_from(const uint8_t *c)
{
	static const uint32_t limits[] = { 0,        1,         8,
					   1024,     65568,     DERP_FRAME_MAX,
					   1u << 31, UINT32_MAX };

	return (struct steer){
		.max = limits[c[0] % 8],
		.cap = c[1] < 200 ? c[1] : (c[1] - 199u) * 1200u,
		.cuts = (uint32_t)c[2] << 8 | c[3],
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story want, got;
	struct steer steer;

	if (size < STEER_LEN)
		return 0;
	size -= STEER_LEN;
	steer = steer_from(data + size);

	want = story_new(size);
	model(&want, data, size, &steer);
	for (int cut = 0; cut < 2; cut++) {
		got = story_new(size);
		if (!cut)
			run(&got, data, size,
			    &(struct steer){ steer.max, steer.cap, 0 });
		else
			run(&got, data, size, &steer);
		fuzz_check(got.len == want.len &&
			   memcmp(got.at, want.at, got.len) == 0);
		free(got.at);
	}
	free(want.at);
	return 0;
}
