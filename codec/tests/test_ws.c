/*
 * test_ws.c - WebSocket frames off a stream, RFC 6455 chapter 5: DERP-FRAME-2.
 */
#include "derp_ws.h"
#include "exact.h"

/* What comes out of a stream, with the pieces of DERP put together. */
struct outcome {
	uint8_t derp[8192];
	size_t num_derp;
	uint8_t control[1024]; /* op, length, payload */
	size_t num_control;
	size_t at[64]; /* bytes of DERP in front of each control frame */
	size_t num_at;
	int err, end;
	uint32_t code;
};

static void note(struct outcome *o, int step, const struct derp_ws_event *e)
{
	assert_non_null(e->at);
	if (step == DERP_WS_PIECE) {
		assert_int_equal(e->op, DERP_WS_BINARY);
		assert_int_not_equal(e->len, 0);
		assert_true(o->num_derp + e->len <= sizeof o->derp);
		memcpy(o->derp + o->num_derp, e->at, e->len);
		o->num_derp += e->len;
		return;
	}
	assert_int_equal(step, DERP_WS_CONTROL);
	assert_true(o->num_control + 2 + e->len <= sizeof o->control);
	assert_true(o->num_at < NUM(o->at));
	o->at[o->num_at++] = o->num_derp;
	o->control[o->num_control++] = (uint8_t)e->op;
	o->control[o->num_control++] = (uint8_t)e->len;
	memcpy(o->control + o->num_control, e->at, e->len);
	o->num_control += e->len;
}

/* One piece of the stream, in a block of its own. */
static void feed(struct derp_ws_reader *r, struct outcome *o, const uint8_t *at,
		 size_t len)
{
	uint8_t *piece = exact(at, len), *in = piece;
	struct derp_ws_event e;
	int step;

	memset(&e, 0xaa, sizeof e);
	while ((step = derp_ws_reader_next(r, &in, &len, &e)) > 0) {
		note(o, step, &e);
		memset(&e, 0xaa, sizeof e);
	}
	if (step < 0)
		assert_blank(&e, sizeof e);
	else
		assert_int_equal(len, 0);
	o->err = step;
	free(piece);
}

static void finish(struct derp_ws_reader *r, struct outcome *o)
{
	uint8_t more[1] = { 0 }, *in = more;
	struct derp_ws_event e;
	size_t len = sizeof more;

	if (o->err != 0)
		assert_int_equal(derp_ws_reader_next(r, &in, &len, &e), o->err);
	o->end = derp_ws_reader_end(r);
	o->code = derp_ws_reader_code(r);
}

static void run_cut(struct outcome *o, enum derp_ws_end end, uint64_t max,
		    const struct bytes *all, size_t a, size_t b)
{
	struct derp_ws_reader r;

	memset(o, 0, sizeof *o);
	memset(&r, 0xaa, sizeof r);
	derp_ws_reader_init(&r, end, max);
	feed(&r, o, all->at, a);
	feed(&r, o, all->at + a, b - a);
	feed(&r, o, all->at + b, all->len - b);
	finish(&r, o);
}

static void run_bytes(struct outcome *o, enum derp_ws_end end, uint64_t max,
		      const struct bytes *all)
{
	struct derp_ws_reader r;

	memset(o, 0, sizeof *o);
	derp_ws_reader_init(&r, end, max);
	for (size_t i = 0; i < all->len; i++)
		feed(&r, o, all->at + i, 1);
	if (all->len == 0)
		feed(&r, o, all->at, 0);
	finish(&r, o);
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_memory_equal(a, b, sizeof *a);
}

/* ---- streams that are read ------------------------------------------- */

struct stream {
	const char *name;
	enum derp_ws_end end;
	const char *hex, *derp, *control;
	int err;
	uint32_t code;
};

#define S DERP_WS_SERVER
#define C DERP_WS_CLIENT
#define M0 "00000000"
#define BAD DERP_E_VALUE

/* Up to 100 bytes a message. */
static const struct stream streams[] = {
	{ "empty", C, "", "", "", 0, 0 },
	{ "rfc/unmasked", C, "82 05 48656c6c6f", "48656c6c6f", "", 0, 0 },
	{ "rfc/masked", S, "82 85 37fa213d 7f9f4d5158", "48656c6c6f", "", 0,
	  0 },
	{ "rfc/fragments", C, "02 03 48656c 80 02 6c6f", "48656c6c6f", "", 0,
	  0 },
	{ "rfc/ping", C, "89 05 48656c6c6f", "", "09 05 48656c6c6f", 0, 0 },
	{ "rfc/pong", S, "8a 85 37fa213d 7f9f4d5158", "", "0a 05 48656c6c6f", 0,
	  0 },
	{ "two-messages", C, "82 01 41 82 02 4243", "414243", "", 0, 0 },
	{ "empty-message", C, "82 00 82 01 41 82 00", "41", "", 0, 0 },
	{ "empty-fragments", C, "02 00 00 00 00 01 41 80 00 82 01 42", "4142",
	  "", 0, 0 },
	{ "ping-inside", S,
	  "02 82 01020304 4040 89 81 ffffffff be 00 80 " M0
	  " 80 81 10000000 53 8a 80 " M0,
	  "414243", "09 01 41 0a 00", 0, 0 },
	{ "masks-differ", S,
	  "82 83 01020304 404040 82 86 00ff00ff 41bd43bb45b9",
	  "414243414243444546", "", 0, 0 },
	{ "control-125", C,
	  "8a 7d 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f4041"
	  "42434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263"
	  "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d",
	  "",
	  "0a 7d 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f4041"
	  "42434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263"
	  "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d",
	  0, 0 },
	/* After a Close nothing counts. */
	{ "close", C, "82 01 41 88 00 82 01 42 ff ff", "41", "08 00", 0, 1000 },
	{ "close/code", C, "88 02 03e9", "", "08 02 03e9", 0, 1001 },
	{ "close/reason", S, "88 86 " M0 " 03f0 e282ac21 ff", "",
	  "08 06 03f0 e282ac21", 0, 1008 },
	{ "close/bad-sign", C, "88 05 03e8 efbfbd", "", "08 05 03e8 efbfbd", 0,
	  1000 },
	{ "close/inside", C, "02 01 41 88 02 0fa0 80 01 42", "41", "08 02 0fa0",
	  0, 4000 },
	{ "close/3000", C, "88 02 0bb8", "", "08 02 0bb8", 0, 3000 },
	{ "close/4999", C, "88 02 1387", "", "08 02 1387", 0, 4999 },
	{ "close/1014", C, "88 02 03f6", "", "08 02 03f6", 0, 1014 },
	{ "close/1007", C, "88 02 03ef", "", "08 02 03ef", 0, 1007 },
	/* What breaks a rule. */
	{ "close/one-byte", C, "88 01 03", "", "", BAD, 1002 },
	{ "close/one-byte-later", C, "89 02 03e8 88 01 03", "", "09 02 03e8",
	  BAD, 1002 },
	{ "close/0", C, "88 02 0000", "", "", BAD, 1002 },
	{ "close/999", C, "88 02 03e7", "", "", BAD, 1002 },
	{ "close/1004", C, "88 02 03ec", "", "", BAD, 1002 },
	{ "close/1005", C, "88 02 03ed", "", "", BAD, 1002 },
	{ "close/1006", C, "88 02 03ee", "", "", BAD, 1002 },
	{ "close/1015", C, "88 02 03f7", "", "", BAD, 1002 },
	{ "close/2999", C, "88 02 0bb7", "", "", BAD, 1002 },
	{ "close/5000", C, "88 02 1388", "", "", BAD, 1002 },
	{ "close/not-utf8", C, "88 04 03e8 41ff", "", "", BAD, 1007 },
	{ "close/cut-utf8", C, "88 04 03e8 e282", "", "", BAD, 1007 },
	{ "rsv1", C, "82 00 c2 00", "", "", BAD, 1002 },
	{ "rsv2", C, "a2 00", "", "", BAD, 1002 },
	{ "rsv3", C, "92 00", "", "", BAD, 1002 },
	{ "rsv/control", C, "c9 00", "", "", BAD, 1002 },
	{ "op/3", C, "83 00", "", "", BAD, 1002 },
	{ "op/7", C, "87 00", "", "", BAD, 1002 },
	{ "op/11", C, "8b 00", "", "", BAD, 1002 },
	{ "op/15", C, "8f 00", "", "", BAD, 1002 },
	{ "client-unmasked", S, "82 00", "", "", BAD, 1002 },
	{ "client-unmasked/ping", S, "89 00", "", "", BAD, 1002 },
	{ "server-masked", C, "82 80", "", "", BAD, 1002 },
	{ "server-masked/ping", C, "89 80", "", "", BAD, 1002 },
	{ "control/126", C, "89 7e", "", "", BAD, 1002 },
	{ "control/127", C, "8a 7f", "", "", BAD, 1002 },
	{ "control/fragment", C, "09 00", "", "", BAD, 1002 },
	{ "control/close-fragment", C, "08 00", "", "", BAD, 1002 },
	{ "continue/first", C, "80 00", "", "", BAD, 1002 },
	{ "continue/after-end", C, "02 00 80 01 41 80 00", "41", "", BAD,
	  1002 },
	{ "continue/none", C, "02 01 41 89 00 82 01", "41", "09 00", BAD,
	  1002 },
	{ "continue/none-empty", C, "02 00 82 01", "", "", BAD, 1002 },
	{ "len/125-in-2", C, "82 7e 007d", "", "", BAD, 1002 },
	{ "len/0-in-2", S, "82 fe 0000", "", "", BAD, 1002 },
	{ "len/65535-in-8", C, "82 7f 000000000000ffff", "", "", BAD, 1002 },
	{ "len/sign", C, "82 7f 8000000000000000", "", "", BAD, 1002 },
	{ "text", C, "81 05", "", "", DERP_E_TYPE, 1003 },
	{ "text/second", S, "82 81 " M0 " 41 01 80", "41", "", DERP_E_TYPE,
	  1003 },
	{ "text/in-message", C, "02 01 41 81 01", "41", "", BAD, 1002 },
	{ "too-big/101", C, "82 65", "", "", DERP_E_LIMIT, 1009 },
	{ "too-big/126", C, "82 7e 007e", "", "", DERP_E_LIMIT, 1009 },
	{ "too-big/65536", S, "82 ff 0000000000010000", "", "", DERP_E_LIMIT,
	  1009 },
	{ "too-big/most", C, "82 7f 7fffffffffffffff", "", "", DERP_E_LIMIT,
	  1009 },
};

static void stream_reads_the_same_at_every_cut(void **state)
{
	const struct stream *s = *state;
	struct bytes all = unhex(s->hex), derp = unhex(s->derp);
	struct bytes control = unhex(s->control);
	struct outcome whole, cut;

	run_cut(&whole, s->end, 100, &all, all.len, all.len);
	assert_int_equal(whole.err, s->err);
	assert_int_equal(whole.code, s->code);
	if (s->err != 0)
		assert_int_equal(whole.end, s->err);
	else
		assert_int_equal(whole.end, s->code != 0 ? 0 : DERP_E_EOF);
	assert_int_equal(whole.num_control, control.len);
	assert_int_equal(whole.num_derp, derp.len);
	assert_bytes(whole.derp, derp.at, derp.len);
	assert_bytes(whole.control, control.at, control.len);
	for (size_t a = 0; a <= all.len; a++) {
		for (size_t b = a; b <= all.len; b++) {
			run_cut(&cut, s->end, 100, &all, a, b);
			assert_same(&whole, &cut);
		}
	}
	run_bytes(&cut, s->end, 100, &all);
	assert_same(&whole, &cut);
	free(all.at);
	free(derp.at);
	free(control.at);
}

/* An error row is told with its last byte, not before. */
static void error_comes_with_the_byte_that_shows_it(void **state)
{
	const struct stream *s = *state;
	struct bytes all = unhex(s->hex);
	struct outcome o;

	all.len--;
	run_cut(&o, s->end, 100, &all, all.len, all.len);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.code, 0);
	free(all.at);
}

/* ---- sizes ----------------------------------------------------------- */

static struct bytes message(size_t len, const uint8_t *mask, size_t *num_head)
{
	uint8_t *payload = block(len);
	struct bytes out;

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 31 + i / 251);
	*num_head = (len < 126     ? 2u
		     : len < 65536 ? 4u
				   : 10u) +
		    (mask != NULL ? 4u : 0u);
	out.len = len + *num_head;
	out.at = blank(out.len);
	size_t n = 77;
	for (size_t cap = out.len - 1;; cap /= 2) {
		uint8_t *small = blank(cap);

		assert_int_equal(derp_ws_build(small, cap, &n, DERP_WS_BINARY,
					       mask, payload, len),
				 DERP_E_NOBUF);
		assert_int_equal(n, 77);
		assert_blank(small, cap);
		free(small);
		if (cap == 0)
			break;
	}
	assert_int_equal(derp_ws_build(out.at, out.len, &n, DERP_WS_BINARY,
				       mask, payload, len),
			 0);
	assert_int_equal(n, out.len);
	free(payload);
	return out;
}

static void built_frames_are_read_back(void **state)
{
	static const size_t sizes[] = { 0,     1,     2,     7,     8,    9,
					124,   125,   126,   127,   128,  2048,
					32768, 63525, 65535, 65536, 65537 };
	static const uint8_t mask[] = { 0x01, 0x80, 0xfe, 0x37 };

	(void)state;
	for (size_t k = 0; k < 2 * NUM(sizes); k++) {
		size_t len = sizes[k / 2], num_head, got = 0, n;
		bool masked = k % 2 != 0;
		struct bytes all =
			message(len, masked ? mask : NULL, &num_head);
		struct derp_ws_reader r;
		struct derp_ws_event e;
		uint8_t *in = all.at;

		derp_ws_reader_init(&r, masked ? S : C, len);
		for (size_t left = all.len; left > 0;) {
			n = left < 1000 + k ? left : 1000 + k;
			left -= n;
			while (derp_ws_reader_next(&r, &in, &n, &e) > 0) {
				for (size_t i = 0; i < e.len; i++, got++)
					assert_int_equal(e.at[i],
							 (uint8_t)(got * 31 +
								   got / 251));
			}
			assert_int_equal(n, 0);
		}
		assert_int_equal(got, len);
		free(all.at);
		/* One byte over the limit of a message. */
		if (len == 0)
			continue;
		all = message(len, masked ? mask : NULL, &num_head);
		derp_ws_reader_init(&r, masked ? S : C, len - 1);
		in = all.at;
		n = num_head;
		assert_int_equal(derp_ws_reader_next(&r, &in, &n, &e),
				 DERP_E_LIMIT);
		assert_int_equal(derp_ws_reader_code(&r), 1009);
		free(all.at);
	}
}

static void limit_counts_all_fragments_of_a_message(void **state)
{
	struct bytes all = unhex("02 03 414243 89 04 00000000 00 02 4445 "
				 "80 00 82 05 4142434445 02 05 4142434445 "
				 "00 00 80 01");
	struct outcome o;

	(void)state;
	run_cut(&o, C, 5, &all, all.len, all.len);
	assert_int_equal(o.err, DERP_E_LIMIT);
	assert_int_equal(o.num_derp, 15);
	run_cut(&o, C, 6, &all, all.len, all.len);
	assert_int_equal(o.err, 0);
	free(all.at);
}

/* ---- DERP over it ---------------------------------------------------- */

/* Messages cut DERP frames anywhere, and the reverse (DERP-FRAME-2). */
static void payloads_are_the_derp_stream(void **state)
{
	struct bytes all = unhex("02 03 120000 00 04 00080102 89 01 00 "
				 "80 06 030405060708 82 0b 0600000000 "
				 "13 00000008 01 82 07 02030405060708");
	struct derp_ws_reader ws;
	struct derp_reader r;
	uint8_t *lent = block(8);
	static const uint32_t types[] = { DERP_PING, DERP_KEEP_ALIVE,
					  DERP_PONG };

	(void)state;
	for (size_t step = 1; step <= all.len; step++) {
		uint8_t *copied = exact(all.at, all.len), *in = copied;
		size_t num = 0, left = all.len;
		struct derp_ws_event e;
		struct derp_frame f;

		derp_ws_reader_init(&ws, C, DERP_WS_MESSAGE_MAX);
		derp_reader_init(&r, UINT32_MAX);
		while (left > 0) {
			size_t n = left < step ? left : step;

			left -= n;
			while (derp_ws_reader_next(&ws, &in, &n, &e) > 0) {
				int got;

				if (e.op != DERP_WS_BINARY)
					continue;
				while ((got = derp_reader_next(
						&r, &e.at, &e.len, &f)) > 0) {
					if (got == DERP_HEAD) {
						derp_reader_lend(&r, lent, 8);
						continue;
					}
					assert_true(num < NUM(types));
					assert_int_equal(f.type, types[num++]);
					assert_int_equal(f.have, f.len);
					assert_bytes(f.body,
						     "\1\2\3\4\5\6\7\10",
						     f.len);
				}
			}
		}
		assert_int_equal(num, NUM(types));
		free(copied);
	}
	free(lent);
	free(all.at);
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(streams); i++)
		add(&s, streams[i].name, stream_reads_the_same_at_every_cut,
		    &streams[i]);
	for (size_t i = 0; i < NUM(streams); i++) {
		if (streams[i].err != 0)
			add_of(&s, "early", streams[i].name,
			       error_comes_with_the_byte_that_shows_it,
			       &streams[i]);
	}
	ADD(&s, built_frames_are_read_back);
	ADD(&s, limit_counts_all_fragments_of_a_message);
	ADD(&s, payloads_are_the_derp_stream);
	return run("ws", &s);
}
