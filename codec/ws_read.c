/*
 * ws_read.c - WebSocket frames off a byte stream.
 *
 *   HEAD --> PAYLOAD --> HEAD ...            in a message or between messages
 *     |         |
 *     |         +--> a whole Close: the rest is dropped
 *     v
 *   error: sticks, and has a code for the Close that tells the peer
 *
 * Data is shown where it lies, unmasked in place; the payload of a control
 * frame, at most 125 bytes, is put together in the reader, because it may
 * come between any two bytes of a message's frames.
 */
#include "derp_ws.h"
#include "bytes.h"
#include "utf8.h"

/* What an empty control frame points at. */
static const uint8_t nothing[1];

void derp_ws_reader_init(struct derp_ws_reader *r, enum derp_ws_end end,
			 uint64_t max)
{
	*r = (struct derp_ws_reader){ .end = end, .max = max };
}

static int fail(struct derp_ws_reader *r, int err, uint32_t code)
{
	r->err = err;
	r->code = code;
	return err;
}

static bool is_control(uint32_t op)
{
	return op >= DERP_WS_CLOSE;
}

/* The first two bytes say nearly everything. */
static int judge_start(struct derp_ws_reader *r)
{
	uint32_t op = r->raw[0] % 0x10u, len = r->raw[1] % 0x80u;
	bool fin = r->raw[0] >= 0x80, masked = r->raw[1] >= 0x80;

	if (r->raw[0] / 0x10u % 8 != 0 ||
	    masked != (r->end == DERP_WS_SERVER) || op > DERP_WS_PONG ||
	    (op > DERP_WS_BINARY && op < DERP_WS_CLOSE))
		return fail(r, DERP_E_VALUE, DERP_WS_PROTOCOL);
	if (is_control(op)) {
		if (!fin || len > DERP_WS_CONTROL_MAX)
			return fail(r, DERP_E_VALUE, DERP_WS_PROTOCOL);
		return 0;
	}
	if ((op == DERP_WS_CONTINUE) != r->in_message)
		return fail(r, DERP_E_VALUE, DERP_WS_PROTOCOL);
	if (op == DERP_WS_TEXT)
		return fail(r, DERP_E_TYPE, DERP_WS_DATA);
	return 0;
}

/* Bytes of the header in front of the mask, known from the second byte. */
static uint32_t len_end(const struct derp_ws_reader *r)
{
	uint32_t len = r->raw[1] % 0x80u;

	return len < 126 ? 2 : len == 126 ? 4 : 10;
}

static uint64_t len_of(const struct derp_ws_reader *r)
{
	uint32_t end = len_end(r);

	if (end == 2)
		return r->raw[1] % 0x80u;
	if (end == 4)
		return get16(r->raw + 2);
	return 0x100000000u * get32(r->raw + 2) + get32(r->raw + 6);
}

static int judge_len(struct derp_ws_reader *r)
{
	uint32_t end = len_end(r);
	uint64_t len = len_of(r);

	if ((end == 4 && len < 126) || (end == 10 && len < 0x10000) ||
	    len > UINT64_MAX / 2)
		return fail(r, DERP_E_VALUE, DERP_WS_PROTOCOL);
	if (is_control(r->raw[0] % 0x10u))
		return 0;
	/* total never exceeds max. */
	if (len > r->max - r->total)
		return fail(r, DERP_E_LIMIT, DERP_WS_TOO_BIG);
	return 0;
}

static void begin_payload(struct derp_ws_reader *r)
{
	size_t n;

	(void)derp_ws_head_parse(&r->head, r->raw, r->nhead, &n);
	r->in_payload = true;
	r->got = 0;
	if (is_control(r->head.op))
		return;
	r->total += r->head.len;
	r->in_message = true;
}

/* One byte at a time, so that an error comes with the same byte however the
 * stream is cut. */
static int read_head(struct derp_ws_reader *r, uint8_t **in, size_t *len)
{
	uint32_t end;

	while (*len > 0) {
		r->raw[r->nhead] = **in;
		r->nhead++;
		(*in)++;
		(*len)--;
		if (r->nhead < 2)
			continue;
		if (r->nhead == 2 && judge_start(r) != 0)
			return r->err;
		end = len_end(r);
		if (r->nhead == end && judge_len(r) != 0)
			return r->err;
		if (r->end == DERP_WS_SERVER)
			end += DERP_WS_MASK_LEN;
		if (r->nhead == end) {
			begin_payload(r);
			return 1;
		}
	}
	return 0;
}

/* Codes that may be on the wire: RFC 6455, 7.4, and its registry. */
static bool is_code(uint32_t code)
{
	return (code >= 1000 && code <= 1003) ||
	       (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static bool is_utf8(const uint8_t *at, size_t len)
{
	uint32_t used;

	for (size_t i = 0; i < len; i += used) {
		if (derp_utf8_get(at + i, len - i, &used) == UTF8_BAD &&
		    used == 1)
			return false;
	}
	return true;
}

static int take_close(struct derp_ws_reader *r)
{
	size_t len = (size_t)r->head.len;

	if (len == 0) {
		r->code = DERP_WS_NORMAL;
	} else {
		if (len == 1 || !is_code(get16(r->control)))
			return fail(r, DERP_E_VALUE, DERP_WS_PROTOCOL);
		if (!is_utf8(r->control + 2, len - 2))
			return fail(r, DERP_E_VALUE, DERP_WS_UTF8);
		r->code = get16(r->control);
	}
	r->closed = true;
	return 0;
}

static void end_frame(struct derp_ws_reader *r)
{
	r->in_payload = false;
	r->nhead = 0;
	if (is_control(r->head.op) || !r->head.fin)
		return;
	r->in_message = false;
	r->total = 0;
}

static int end_control(struct derp_ws_reader *r, struct derp_ws_event *e)
{
	end_frame(r);
	if (r->head.op == DERP_WS_CLOSE && take_close(r) != 0)
		return r->err;
	e->op = r->head.op;
	e->len = (size_t)r->head.len;
	e->at = e->len != 0 ? r->control : nothing;
	return DERP_WS_CONTROL;
}

static int read_payload(struct derp_ws_reader *r, uint8_t **in, size_t *len,
			struct derp_ws_event *e)
{
	uint64_t left = r->head.len - r->got;
	size_t n = *len < left ? *len : (size_t)left;
	uint8_t *at = *in;
	bool control = is_control(r->head.op);

	if (n != 0) {
		if (r->head.masked)
			derp_ws_mask(at, n, r->head.mask, r->got);
		if (control)
			copy(r->control + r->got, at, n);
		r->got += n;
		*in += n;
		*len -= n;
	}
	if (control)
		return n == left ? end_control(r, e) : DERP_WS_NEED;
	if (n == left)
		end_frame(r);
	if (n == 0)
		return DERP_WS_NEED;
	e->op = DERP_WS_BINARY;
	e->at = at;
	e->len = n;
	return DERP_WS_PIECE;
}

int derp_ws_reader_next(struct derp_ws_reader *r, uint8_t **in, size_t *len,
			struct derp_ws_event *e)
{
	int got;

	if (r->err != 0)
		return r->err;
	while (!r->closed) {
		if (!r->in_payload && (got = read_head(r, in, len)) <= 0)
			return got;
		got = read_payload(r, in, len, e);
		/* An empty data frame says nothing: look at the next. */
		if (got != DERP_WS_NEED || r->in_payload)
			return got;
	}
	if (*len > 0) {
		*in += *len;
		*len = 0;
	}
	return DERP_WS_NEED;
}

uint32_t derp_ws_reader_code(const struct derp_ws_reader *r)
{
	return r->code;
}

int derp_ws_reader_end(const struct derp_ws_reader *r)
{
	if (r->err != 0)
		return r->err;
	return r->closed ? 0 : DERP_E_EOF;
}
