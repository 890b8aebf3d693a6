/*
 * ws_frame.c - WebSocket frames: headers, masks, whole frames.
 *
 *     0        1        2 ...
 *   +--------+--------+----------------+----------+--------- - - -
 *   |FRRR op |M len 7 | len 16, len 64 | mask 4   | payload
 *   +--------+--------+----------------+----------+--------- - - -
 *                       len 7 is 126, 127  if M
 *
 * Header and payload are apart, so that the suite can write any header.
 */
#include "derp_ws.h"
#include "bytes.h"

static uint32_t shortest(uint64_t len)
{
	if (len < 126)
		return 1;
	return len < 0x10000 ? 2 : 8;
}

static bool fits(const struct derp_ws_head *h, uint32_t len_bytes)
{
	if (h->rsv > 7 || h->op > 15)
		return false;
	return (len_bytes == 1 || len_bytes == 2 || len_bytes == 8) &&
	       shortest(h->len) <= len_bytes;
}

static uint32_t put_len(uint8_t *out, uint64_t len, uint32_t len_bytes)
{
	if (len_bytes == 1) {
		out[0] = (uint8_t)len;
		return 1;
	}
	if (len_bytes == 2) {
		out[0] = 126;
		put16(out + 1, (uint32_t)len);
		return 3;
	}
	out[0] = 127;
	put32(out + 1, (uint32_t)(len / 0x100000000u));
	put32(out + 5, (uint32_t)(len % 0x100000000u));
	return 9;
}

int derp_ws_head_build(const struct derp_ws_head *h,
		       uint8_t out[DERP_WS_HEAD_MAX], size_t *n)
{
	uint32_t len_bytes =
		h->len_bytes != 0 ? h->len_bytes : shortest(h->len);
	size_t end;

	if (!fits(h, len_bytes))
		return DERP_E_VALUE;
	out[0] = (uint8_t)((h->fin ? 0x80u : 0u) + 0x10u * h->rsv + h->op);
	end = 1 + put_len(out + 1, h->len, len_bytes);
	if (h->masked) {
		out[1] = (uint8_t)(out[1] + 0x80u);
		copy(out + end, h->mask, DERP_WS_MASK_LEN);
		end += DERP_WS_MASK_LEN;
	}
	*n = end;
	return 0;
}

int derp_ws_head_parse(struct derp_ws_head *h, const uint8_t *in, size_t len,
		       size_t *n)
{
	struct derp_ws_head out = { .fin = false };
	size_t end;

	if (len < 2)
		return 0;
	out.fin = in[0] >= 0x80;
	out.rsv = in[0] / 0x10u % 8;
	out.op = in[0] % 0x10u;
	out.masked = in[1] >= 0x80;
	out.len = in[1] % 0x80u;
	out.len_bytes = out.len < 126 ? 1 : out.len == 126 ? 2 : 8;
	end = out.len_bytes == 1 ? 2 : 2 + out.len_bytes;
	if (len < end || (out.masked && len - end < DERP_WS_MASK_LEN))
		return 0;
	if (out.len_bytes == 2)
		out.len = get16(in + 2);
	if (out.len_bytes == 8)
		out.len = 0x100000000u * get32(in + 2) + get32(in + 6);
	if (out.masked) {
		copy(out.mask, in + end, DERP_WS_MASK_LEN);
		end += DERP_WS_MASK_LEN;
	}
	*h = out;
	*n = end;
	return 1;
}

/* The mask turned to begin at offset at, and eight bytes of it at a time:
 * compilers make wide instructions of the inner loop. */
void derp_ws_mask(uint8_t *buf, size_t len,
		  const uint8_t mask[DERP_WS_MASK_LEN], uint64_t at)
{
	uint8_t wide[8];
	size_t done = 0;

	for (uint32_t i = 0; i < sizeof wide; i++)
		wide[i] = mask[(at % DERP_WS_MASK_LEN + i) % DERP_WS_MASK_LEN];
	for (; len - done >= sizeof wide; done += sizeof wide) {
		for (uint32_t i = 0; i < sizeof wide; i++)
			buf[done + i] = buf[done + i] ^ wide[i];
	}
	for (size_t i = 0; i < len - done; i++)
		buf[done + i] = buf[done + i] ^ wide[i];
}

int derp_ws_build(uint8_t *out, size_t cap, size_t *n, enum derp_ws_op op,
		  const uint8_t *mask, const uint8_t *payload, size_t len)
{
	struct derp_ws_head h = { .fin = true,
				  .op = (uint32_t)op,
				  .masked = mask != NULL,
				  .len = len };
	uint8_t head[DERP_WS_HEAD_MAX];
	size_t num_head;
	int err;

	if (op >= DERP_WS_CLOSE && len > DERP_WS_CONTROL_MAX)
		return DERP_E_VALUE;
	if (mask != NULL)
		copy(h.mask, mask, DERP_WS_MASK_LEN);
	err = derp_ws_head_build(&h, head, &num_head);
	if (err != 0)
		return err;
	if (cap < num_head || cap - num_head < len)
		return DERP_E_NOBUF;
	copy(out, head, num_head);
	copy(out + num_head, payload, len);
	if (mask != NULL)
		derp_ws_mask(out + num_head, len, mask, 0);
	*n = num_head + len;
	return 0;
}

int derp_ws_close_build(uint8_t *out, size_t cap, size_t *n, uint32_t code,
			const uint8_t *mask)
{
	uint8_t payload[2];

	if (code > 0xffff)
		return DERP_E_VALUE;
	put16(payload, code);
	return derp_ws_build(out, cap, n, DERP_WS_CLOSE, mask, payload,
			     sizeof payload);
}
