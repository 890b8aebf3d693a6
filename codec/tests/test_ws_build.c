/*
 * test_ws_build.c - WebSocket headers and masks, legal and not.
 */
#include "derp_ws.h"
#include "exact.h"

/* ---- headers --------------------------------------------------------- */

struct head_row {
	const char *name, *hex;
	struct derp_ws_head h;
	bool shortest;
};

static const struct head_row heads[] = {
	{ "head/least", "02 00", { .op = 2, .len_bytes = 1 }, true },
	{ "head/125",
	  "82 7d",
	  { .fin = true, .op = 2, .len_bytes = 1, .len = 125 },
	  true },
	{ "head/126",
	  "82 7e 007e",
	  { .fin = true, .op = 2, .len_bytes = 2, .len = 126 },
	  true },
	{ "head/65535",
	  "82 7e ffff",
	  { .fin = true, .op = 2, .len_bytes = 2, .len = 65535 },
	  true },
	{ "head/65536",
	  "82 7f 0000000000010000",
	  { .fin = true, .op = 2, .len_bytes = 8, .len = 65536 },
	  true },
	{ "head/masked",
	  "88 82 01020304",
	  { .fin = true,
	    .op = 8,
	    .masked = true,
	    .mask = { 1, 2, 3, 4 },
	    .len_bytes = 1,
	    .len = 2 },
	  true },
	{ "head/masked-8",
	  "82 ff 0123456789abcdef fffefdfc",
	  { .fin = true,
	    .op = 2,
	    .masked = true,
	    .mask = { 0xff, 0xfe, 0xfd, 0xfc },
	    .len_bytes = 8,
	    .len = 0x0123456789abcdef },
	  true },
	{ "illegal/bits",
	  "ff 00",
	  { .fin = true, .rsv = 7, .op = 15, .len_bytes = 1 },
	  true },
	{ "illegal/rsv1",
	  "43 00",
	  { .rsv = 4, .op = 3, .len_bytes = 1 },
	  true },
	{ "illegal/long-5",
	  "82 7e 0005",
	  { .fin = true, .op = 2, .len_bytes = 2, .len = 5 },
	  false },
	{ "illegal/longest-5",
	  "82 ff 0000000000000005 00000000",
	  { .fin = true, .op = 2, .masked = true, .len_bytes = 8, .len = 5 },
	  false },
	{ "illegal/longer-65535",
	  "82 7f 000000000000ffff",
	  { .fin = true, .op = 2, .len_bytes = 8, .len = 65535 },
	  false },
	{ "illegal/sign",
	  "89 7f ffffffffffffffff",
	  { .fin = true, .op = 9, .len_bytes = 8, .len = UINT64_MAX },
	  true },
};

static void assert_head(const struct derp_ws_head *a,
			const struct derp_ws_head *b)
{
	assert_int_equal(a->fin, b->fin);
	assert_int_equal(a->rsv, b->rsv);
	assert_int_equal(a->op, b->op);
	assert_int_equal(a->masked, b->masked);
	assert_memory_equal(a->mask, b->mask, sizeof a->mask);
	assert_int_equal(a->len_bytes, b->len_bytes);
	assert_true(a->len == b->len);
}

static void any_header_is_built_and_parsed(void **state)
{
	const struct head_row *row = *state;
	struct bytes want = unhex(row->hex);
	struct derp_ws_head h = row->h;
	uint8_t *out = blank(DERP_WS_HEAD_MAX);
	size_t n = 77;

	assert_int_equal(derp_ws_head_build(&h, out, &n), 0);
	assert_int_equal(n, want.len);
	assert_memory_equal(out, want.at, n);
	assert_blank(out + n, DERP_WS_HEAD_MAX - n);
	h.len_bytes = 0;
	memset(out, 0xaa, DERP_WS_HEAD_MAX);
	assert_int_equal(derp_ws_head_build(&h, out, &n), 0);
	assert_int_equal(n == want.len && memcmp(out, want.at, n) == 0,
			 row->shortest);
	for (size_t len = 0; len <= want.len; len++) {
		uint8_t *in = exact(want.at, len);

		memset(&h, 0xaa, sizeof h);
		n = 77;
		assert_int_equal(derp_ws_head_parse(&h, in, len, &n),
				 len == want.len);
		if (len < want.len) {
			assert_blank(&h, sizeof h);
			assert_int_equal(n, 77);
		} else {
			assert_head(&h, &row->h);
			assert_int_equal(n, len);
		}
		free(in);
	}
	free(out);
	free(want.at);
}

static void what_fits_no_header_is_refused(void **state)
{
	static const struct derp_ws_head bad[] = {
		{ .rsv = 8 },
		{ .op = 16 },
		{ .len_bytes = 1, .len = 126 },
		{ .len_bytes = 2, .len = 65536 },
		{ .len_bytes = 3 },
		{ .len_bytes = 9 },
	};
	uint8_t *out = blank(DERP_WS_HEAD_MAX);
	uint8_t payload[126] = { 0 };
	size_t n = 77;

	(void)state;
	for (size_t i = 0; i < NUM(bad); i++)
		assert_int_equal(derp_ws_head_build(&bad[i], out, &n),
				 DERP_E_VALUE);
	assert_int_equal(
		derp_ws_build(out, DERP_WS_HEAD_MAX, &n, 16, NULL, NULL, 0),
		DERP_E_VALUE);
	assert_int_equal(derp_ws_build(out, DERP_WS_HEAD_MAX, &n, DERP_WS_PING,
				       NULL, payload, 126),
			 DERP_E_VALUE);
	assert_int_equal(
		derp_ws_close_build(out, DERP_WS_HEAD_MAX, &n, 65536, NULL),
		DERP_E_VALUE);
	assert_blank(out, DERP_WS_HEAD_MAX);
	assert_int_equal(n, 77);
	free(out);
}

static void closes_are_built(void **state)
{
	static const uint8_t mask[] = { 1, 2, 3, 4 };
	uint8_t *out = blank(8), *ping = block(127);
	uint8_t payload[125] = { 9 };
	size_t n;

	(void)state;
	assert_int_equal(derp_ws_close_build(out, 4, &n, 1002, NULL), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(out, "\x88\x02\x03\xea", 4);
	assert_int_equal(derp_ws_close_build(out, 8, &n, 1009, mask), 0);
	assert_int_equal(n, 8);
	assert_memory_equal(out, "\x88\x82\x01\x02\x03\x04\x02\xf3", 8);
	assert_int_equal(
		derp_ws_build(ping, 127, &n, DERP_WS_PING, NULL, payload, 125),
		0);
	assert_int_equal(n, 127);
	free(ping);
	free(out);
}

static void a_mask_goes_on_where_it_was(void **state)
{
	static const uint8_t mask[] = { 0x11, 0x22, 0x44, 0x88 };

	(void)state;
	for (size_t at = 0; at < 9; at++) {
		for (size_t len = 0; len < 40; len++) {
			uint8_t *buf = block(len);

			for (size_t i = 0; i < len; i++)
				buf[i] = (uint8_t)i;
			derp_ws_mask(buf, len, mask, at);
			for (size_t i = 0; i < len; i++)
				assert_int_equal(buf[i],
						 i ^ mask[(at + i) % 4]);
			free(buf);
		}
	}
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(heads); i++)
		add(&s, heads[i].name, any_header_is_built_and_parsed,
		    &heads[i]);
	ADD(&s, what_fits_no_header_is_refused);
	ADD(&s, closes_are_built);
	ADD(&s, a_mask_goes_on_where_it_was);
	return run("ws_build", &s);
}
