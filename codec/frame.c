/*
 * frame.c - frames off a byte stream.
 *
 *     type 1   len 4              payload len
 *   +--------+------------------+----------------- - - -+
 *
 *   nhead 0..4                   nhead 5, got 0..len
 *             \__ DERP_HEAD ____/                        \__ DERP_FRAME
 *
 * A payload that lies whole in the input is shown where it is; one that comes
 * in pieces is put together in the lent buffer.  Both obey the size of that
 * buffer, so the cuts of the stream cannot be told from what comes out.
 */
#include "derp.h"
#include "bytes.h"

const uint8_t derp_magic[DERP_MAGIC_LEN] = { 0x44, 0x45, 0x52, 0x50,
					     0xf0, 0x9f, 0x94, 0x91 };

/* What a frame without payload points at: body is never NULL. */
static const uint8_t nothing[1];

static void between_frames(struct derp_reader *r)
{
	r->buf = NULL;
	r->cap = 0;
	r->len = 0;
	r->got = 0;
	r->nhead = 0;
}

void derp_reader_init(struct derp_reader *r, uint32_t max)
{
	between_frames(r);
	r->max = max;
	r->err = 0;
	for (uint32_t i = 0; i < DERP_HEAD_LEN; i++)
		r->head[i] = 0;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void show(struct derp_frame *f, const struct derp_reader *r,
		 const uint8_t *body, uint32_t have)
{
	f->type = r->head[0];
	f->len = r->len;
	f->have = have;
	f->body = have != 0 ? body : nothing;
}

static int read_head(struct derp_reader *r, const uint8_t **in, size_t *len,
		     struct derp_frame *f)
{
	uint32_t payload;

	while (r->nhead<DERP_HEAD_LEN && * len> 0) {
		r->head[r->nhead] = **in;
		r->nhead++;
		(*in)++;
		(*len)--;
	}
	if (r->nhead < DERP_HEAD_LEN)
		return DERP_NEED;
	payload = get32(r->head + 1);
	if (payload > r->max) {
		r->err = DERP_E_LIMIT;
		return r->err;
	}
	r->len = payload;
	show(f, r, nothing, 0);
	return DERP_HEAD;
}

/* Keep what fits the lent buffer of the next n payload bytes. */
static void keep(struct derp_reader *r, const uint8_t *in, uint32_t n)
{
	if (r->got < r->cap)
		copy(r->buf + r->got, in, min32(n, r->cap - r->got));
	r->got += n;
}

static int read_body(struct derp_reader *r, const uint8_t **in, size_t *len,
		     struct derp_frame *f)
{
	uint32_t left = r->len - r->got;
	uint32_t have = min32(r->len, r->cap);
	uint32_t n = *len < left ? (uint32_t)*len : left;

	if (n == r->len) {
		show(f, r, *in, have);
	} else {
		if (n != 0)
			keep(r, *in, n);
		if (n == left)
			show(f, r, r->buf, have);
	}
	if (n != 0) {
		*in += n;
		*len -= n;
	}
	if (n < left)
		return DERP_NEED;
	between_frames(r);
	return DERP_FRAME;
}

int derp_reader_next(struct derp_reader *r, const uint8_t **in, size_t *len,
		     struct derp_frame *f)
{
	if (r->err != 0)
		return r->err;
	if (r->nhead < DERP_HEAD_LEN)
		return read_head(r, in, len, f);
	return read_body(r, in, len, f);
}

void derp_reader_lend(struct derp_reader *r, uint8_t *buf, uint32_t cap)
{
	/* Later than at DERP_HEAD, bytes are gone: the frame stays skipped. */
	if (r->nhead < DERP_HEAD_LEN || r->got != 0)
		return;
	r->buf = buf;
	r->cap = buf != NULL ? cap : 0;
}

uint32_t derp_reader_got(const struct derp_reader *r)
{
	return r->got;
}

int derp_reader_end(const struct derp_reader *r)
{
	if (r->err != 0)
		return r->err;
	return r->nhead == 0 ? 0 : DERP_E_EOF;
}

int derp_frame_expect(const struct derp_frame *f, enum derp_type want,
		      uint32_t max)
{
	if (f->type != (uint32_t)want)
		return DERP_E_TYPE;
	return f->len > max ? DERP_E_LIMIT : 0;
}
