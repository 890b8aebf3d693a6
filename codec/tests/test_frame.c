/*
 * test_frame.c - frames off a stream: DERP-FRAME-1, -2, -6, -9.
 */
#include "derp.h"
#include "exact.h"

/* Every type once and more, empty and not, with a lend for each frame: 0 is
 * none, less is a short buffer, more is room. */
struct part {
	const char *hex;
	uint32_t lend;
};

static const struct part parts[] = {
	{ "06 00000000", 0 },
	{ "12 00000008 0102030405060708", 8 },
	{ "13 00000008 0102030405060708", 7 },
	{ "14 00000003 414243", 0 },
	{ "10 00000000", 5 },
	{ "07 00000001 01", 1 },
	{ "ff 00000002 aabb", 1 },
	{ "0b 00000004 00000000", 9 },
	{ "15 00000009 000003e8 ffffffff 07", 8 },
	{ "00 00000000", 0 },
	{ "14 00000005 0100000005", 6 },
	{ "12 00000008 1200000008120000", 8 },
};

/* What comes out of a stream. */
struct event {
	int step;
	uint32_t type, len, have;
	uint8_t body[16];
};

struct log {
	struct event events[64];
	size_t num;
};

static void note(struct log *log, int step, const struct derp_frame *f)
{
	struct event *e;

	assert_true(log->num < NUM(log->events));
	e = &log->events[log->num++];
	memset(e, 0, sizeof *e);
	e->step = step;
	e->type = f->type;
	e->len = f->len;
	e->have = f->have;
	assert_non_null(f->body);
	assert_true(f->have <= sizeof e->body);
	assert_bytes(f->body, f->body, f->have);
	memcpy(e->body, f->body, f->have);
}

static struct bytes stream(void)
{
	uint8_t all[256];
	size_t len = 0;
	struct bytes out;

	for (size_t i = 0; i < NUM(parts); i++) {
		struct bytes b = unhex(parts[i].hex);

		memcpy(all + len, b.at, b.len);
		len += b.len;
		free(b.at);
	}
	out.at = exact(all, len);
	out.len = len;
	return out;
}

/* What must come out, straight from the table. */
static void expect_parts(struct log *log)
{
	for (size_t i = 0; i < NUM(parts); i++) {
		struct bytes b = unhex(parts[i].hex);
		struct derp_frame f = { .type = b.at[0] };

		f.len = (uint32_t)b.len - 5;
		f.body = b.at;
		note(log, DERP_HEAD, &f);
		f.have = f.len < parts[i].lend ? f.len : parts[i].lend;
		f.body = b.at + 5;
		note(log, DERP_FRAME, &f);
		free(b.at);
	}
}

struct feed {
	struct derp_reader r;
	struct log log;
	size_t frames;
	uint8_t *lent;
};

/* One piece of the stream, in a block of its own. */
static void feed(struct feed *s, const uint8_t *at, size_t len)
{
	uint8_t *piece = exact(at, len);
	const uint8_t *in = piece;
	struct derp_frame f;
	int step;

	while ((step = derp_reader_next(&s->r, &in, &len, &f)) > 0) {
		note(&s->log, step, &f);
		if (step == DERP_HEAD) {
			uint32_t cap = parts[s->frames].lend;

			if (cap == 0)
				continue;
			s->lent = block(cap);
			derp_reader_lend(&s->r, s->lent, cap);
		} else {
			free(s->lent);
			s->lent = NULL;
			s->frames++;
		}
	}
	assert_int_equal(step, DERP_NEED);
	assert_int_equal(len, 0);
	free(piece);
}

static void check_cuts(const struct bytes *all, size_t a, size_t b)
{
	struct feed s = { .frames = 0 };
	struct log want = { .num = 0 };

	derp_reader_init(&s.r, UINT32_MAX);
	feed(&s, all->at, a);
	feed(&s, all->at + a, b - a);
	feed(&s, all->at + b, all->len - b);
	expect_parts(&want);
	assert_int_equal(s.log.num, want.num);
	assert_memory_equal(s.log.events, want.events,
			    want.num * sizeof want.events[0]);
	assert_int_equal(derp_reader_end(&s.r), 0);
}

static void any_one_or_two_cuts_give_the_same_frames(void **state)
{
	struct bytes all = stream();

	(void)state;
	for (size_t a = 0; a <= all.len; a++) {
		for (size_t b = a; b <= all.len; b++)
			check_cuts(&all, a, b);
	}
	free(all.at);
}

static void single_bytes_give_the_same_frames(void **state)
{
	struct bytes all = stream();
	struct feed s = { .frames = 0 };
	struct log want = { .num = 0 };

	(void)state;
	derp_reader_init(&s.r, UINT32_MAX);
	for (size_t i = 0; i < all.len; i++)
		feed(&s, all.at + i, 1);
	expect_parts(&want);
	assert_int_equal(s.log.num, want.num);
	assert_memory_equal(s.log.events, want.events,
			    want.num * sizeof want.events[0]);
	free(all.at);
}

static void every_truncation_ends_inside_a_frame_or_between(void **state)
{
	struct bytes all = stream();
	size_t start = 0, frame = 0;

	(void)state;
	for (size_t n = 0; n <= all.len; n++) {
		struct feed s = { .frames = 0 };
		size_t len = 0;

		if (frame < NUM(parts)) {
			struct bytes b = unhex(parts[frame].hex);

			len = b.len;
			free(b.at);
		}
		if (frame < NUM(parts) && n == start + len) {
			start = n;
			frame++;
		}
		derp_reader_init(&s.r, UINT32_MAX);
		feed(&s, all.at, n);
		assert_int_equal(s.frames, frame);
		assert_int_equal(derp_reader_end(&s.r),
				 n == start ? 0 : DERP_E_EOF);
		assert_int_equal(derp_reader_got(&s.r),
				 n > start + 5 ? n - start - 5 : 0);
		free(s.lent);
	}
	free(all.at);
}

/* A frame of 20 bytes, and one after it, with every size lent. */
static void check_lend(uint32_t cap, size_t piece)
{
	static const char hex[] = "05 00000014 000102030405060708090a0b0c0d0e0f"
				  "10111213 06 00000000";
	struct bytes all = unhex(hex);
	uint8_t *lent = block(cap);
	struct derp_reader r;
	struct derp_frame f;
	size_t at = 0;
	int seen = 0, step;

	derp_reader_init(&r, 20);
	while (at < all.len) {
		size_t n = all.len - at < piece ? all.len - at : piece;
		size_t len = n;
		uint8_t *copy = exact(all.at + at, n);
		const uint8_t *in = copy;

		while ((step = derp_reader_next(&r, &in, &len, &f)) > 0) {
			seen++;
			if (seen == 1)
				derp_reader_lend(&r, lent, cap);
			if (seen != 2)
				continue;
			assert_int_equal(step, DERP_FRAME);
			assert_int_equal(f.type, DERP_RECV_PACKET);
			assert_int_equal(f.len, 20);
			assert_int_equal(f.have, cap < 20 ? cap : 20);
			assert_bytes(f.body, all.at + 5, f.have);
		}
		assert_int_equal(step, DERP_NEED);
		free(copy);
		at += n;
	}
	assert_int_equal(seen, 4);
	assert_int_equal(f.type, DERP_KEEP_ALIVE);
	free(lent);
	free(all.at);
}

static void every_lend_size_keeps_the_first_bytes(void **state)
{
	(void)state;
	for (uint32_t cap = 0; cap <= 21; cap++) {
		for (size_t piece = 1; piece <= 30; piece++)
			check_lend(cap, piece);
	}
}

static void a_whole_payload_is_shown_in_place(void **state)
{
	struct bytes b = unhex("14 00000003 414243");
	const uint8_t *in = b.at;
	size_t len = b.len;
	struct derp_reader r;
	struct derp_frame f;
	uint8_t lent[3] = { 0xaa, 0xaa, 0xaa };

	(void)state;
	derp_reader_init(&r, 3);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
	assert_ptr_equal(in, b.at + 5);
	derp_reader_lend(&r, lent, sizeof lent);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_FRAME);
	assert_ptr_equal(f.body, b.at + 5);
	assert_ptr_equal(in, b.at + 8);
	assert_blank(lent, sizeof lent);
	free(b.at);
}

static void a_late_lend_has_no_effect(void **state)
{
	struct bytes b = unhex("14 00000003 414243");
	const uint8_t *in = b.at;
	size_t len = 6;
	struct derp_reader r;
	struct derp_frame f;
	uint8_t lent[3] = { 0xaa, 0xaa, 0xaa };

	(void)state;
	derp_reader_init(&r, 3);
	derp_reader_lend(&r, lent, sizeof lent);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_NEED);
	assert_int_equal(derp_reader_got(&r), 1);
	derp_reader_lend(&r, lent, sizeof lent);
	len = 2;
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_FRAME);
	assert_int_equal(f.have, 0);
	assert_int_equal(derp_reader_got(&r), 0);
	assert_blank(lent, sizeof lent);
	free(b.at);
}

static void a_lend_of_nothing_skips(void **state)
{
	struct bytes b = unhex("14 00000003 414243");
	const uint8_t *in = b.at;
	size_t len = b.len;
	struct derp_reader r;
	struct derp_frame f;

	(void)state;
	derp_reader_init(&r, 3);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
	derp_reader_lend(&r, NULL, 3);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_FRAME);
	assert_int_equal(f.have, 0);
	assert_int_equal(f.len, 3);
	free(b.at);
}

static void a_lend_ends_with_its_frame(void **state)
{
	struct bytes b = unhex("14 00000001 41 14 00000001 42");
	const uint8_t *in = b.at;
	size_t len = b.len;
	struct derp_reader r;
	struct derp_frame f;
	uint8_t lent[1];

	(void)state;
	derp_reader_init(&r, 1);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
	derp_reader_lend(&r, lent, sizeof lent);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_FRAME);
	assert_int_equal(f.have, 1);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
	assert_int_equal(f.have, 0);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_FRAME);
	assert_int_equal(f.have, 0);
	free(b.at);
}

struct limit {
	const char *name;
	uint32_t max, len;
	int step;
};

static const struct limit limits[] = {
	{ "limit/0-exact", 0, 0, DERP_HEAD },
	{ "limit/0-more", 0, 1, DERP_E_LIMIT },
	{ "limit/frame-exact", DERP_FRAME_MAX, DERP_FRAME_MAX, DERP_HEAD },
	{ "limit/frame-more", DERP_FRAME_MAX, DERP_FRAME_MAX + 1,
	  DERP_E_LIMIT },
	{ "limit/skip-exact", DERP_SKIP_MAX, 65568, DERP_HEAD },
	{ "limit/skip-more", DERP_SKIP_MAX, 65569, DERP_E_LIMIT },
	{ "limit/top", 0x7fffffff, 0x80000000, DERP_E_LIMIT },
	{ "limit/none", UINT32_MAX, UINT32_MAX, DERP_HEAD },
	{ "limit/top-exact", UINT32_MAX - 1, UINT32_MAX - 1, DERP_HEAD },
	{ "limit/top-more", UINT32_MAX - 1, UINT32_MAX, DERP_E_LIMIT },
};

/* Told on the fifth byte, not before and not later; then for ever. */
static void limit_is_told_with_the_header(void **state)
{
	const struct limit *l = *state;
	uint8_t head[DERP_HEAD_LEN];
	const uint8_t *in = head;
	struct derp_reader r;
	struct derp_frame f;
	size_t len = 4;

	derp_head_build(head, DERP_HEALTH, l->len);
	derp_reader_init(&r, l->max);
	memset(&f, 0xaa, sizeof f);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_NEED);
	assert_blank(&f, sizeof f);
	len = 1;
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), l->step);
	assert_ptr_equal(in, head + 5);
	if (l->step > 0) {
		assert_int_equal(f.type, DERP_HEALTH);
		assert_int_equal(f.len, l->len);
		assert_int_equal(f.have, 0);
		return;
	}
	assert_blank(&f, sizeof f);
	assert_int_equal(derp_reader_end(&r), DERP_E_LIMIT);
	in = head;
	len = 5;
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_E_LIMIT);
	assert_ptr_equal(in, head);
	assert_int_equal(len, 5);
	derp_reader_init(&r, UINT32_MAX);
	assert_int_equal(derp_reader_end(&r), 0);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
}

static void no_input_is_no_progress(void **state)
{
	const uint8_t *in = NULL;
	size_t len = 0;
	struct derp_reader r;
	struct derp_frame f;

	(void)state;
	derp_reader_init(&r, 10);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_NEED);
	assert_int_equal(derp_reader_end(&r), 0);
	assert_int_equal(derp_reader_got(&r), 0);
}

static void an_empty_frame_needs_no_more_input(void **state)
{
	struct bytes b = unhex("06 00000000");
	const uint8_t *in = b.at;
	size_t len = b.len;
	struct derp_reader r;
	struct derp_frame f;

	(void)state;
	derp_reader_init(&r, 0);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_HEAD);
	assert_int_equal(len, 0);
	in = NULL;
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_FRAME);
	assert_int_equal(f.len, 0);
	assert_non_null(f.body);
	assert_int_equal(derp_reader_next(&r, &in, &len, &f), DERP_NEED);
	free(b.at);
}

/* A copy of a reader in the middle of a frame goes on by itself. */
static void a_reader_is_plain_data(void **state)
{
	struct bytes b = unhex("12 00000008 0102030405060708");
	uint8_t lent[8];

	(void)state;
	for (size_t cut = 0; cut < b.len; cut++) {
		const uint8_t *in = b.at;
		struct derp_reader r, other;
		struct derp_frame f;
		size_t len = cut;

		derp_reader_init(&r, 8);
		if (derp_reader_next(&r, &in, &len, &f) == DERP_HEAD) {
			derp_reader_lend(&r, lent, sizeof lent);
			(void)derp_reader_next(&r, &in, &len, &f);
		}
		other = r;
		memset(&r, 0xaa, sizeof r);
		len = b.len - cut;
		if (cut < 5) {
			assert_int_equal(
				derp_reader_next(&other, &in, &len, &f),
				DERP_HEAD);
			derp_reader_lend(&other, lent, sizeof lent);
		}
		assert_int_equal(derp_reader_next(&other, &in, &len, &f),
				 DERP_FRAME);
		assert_int_equal(f.have, 8);
		assert_memory_equal(f.body, b.at + 5, 8);
	}
	free(b.at);
}

static void expect_judges_type_then_length(void **state)
{
	struct derp_frame f = { .type = DERP_CLIENT_INFO, .len = 100 };

	(void)state;
	assert_int_equal(derp_frame_expect(&f, DERP_CLIENT_INFO, 100), 0);
	assert_int_equal(derp_frame_expect(&f, DERP_CLIENT_INFO, 99),
			 DERP_E_LIMIT);
	assert_int_equal(derp_frame_expect(&f, DERP_CLIENT_INFO, UINT32_MAX),
			 0);
	assert_int_equal(derp_frame_expect(&f, DERP_SERVER_INFO, 100),
			 DERP_E_TYPE);
	assert_int_equal(derp_frame_expect(&f, DERP_SERVER_INFO, 99),
			 DERP_E_TYPE);
}

/* ---- names and rules ------------------------------------------------- */

struct rule {
	const char *name;
	uint32_t type, from, min, max;
};

static const struct rule rules[] = {
	{ "ServerKey", 0x01, 2, 40, 1024 },
	{ "ClientInfo", 0x02, 1, 56, 262144 },
	{ "ServerInfo", 0x03, 2, 24, 1048576 },
	{ "SendPacket", 0x04, 1, 32, 65568 },
	{ "RecvPacket", 0x05, 2, 32, 1048576 },
	{ "KeepAlive", 0x06, 2, 0, 1048576 },
	{ "NotePreferred", 0x07, 1, 1, 1 },
	{ "PeerGone", 0x08, 2, 32, 1048576 },
	{ "PeerPresent", 0x09, 2, 32, 1048576 },
	{ "ForwardPacket", 0x0a, 4, 64, 65600 },
	{ "WatchConns", 0x10, 4, 0, 0 },
	{ "ClosePeer", 0x11, 4, 32, 32 },
	{ "Ping", 0x12, 3, 8, 1000 },
	{ "Pong", 0x13, 3, 8, 1048576 },
	{ "Health", 0x14, 2, 0, 1048576 },
	{ "Restarting", 0x15, 2, 8, 1048576 },
};

static void type_has_its_name_and_rule(void **state)
{
	const struct rule *want = *state;
	const struct derp_rule *got = derp_rule(want->type);
	char name[20];

	assert_non_null(got);
	assert_int_equal(got->type, want->type);
	assert_int_equal(got->from, want->from);
	assert_int_equal(got->min, want->min);
	assert_int_equal(got->max, want->max);
	assert_string_equal(derp_type_name(want->type), want->name);
	assert_int_equal(derp_type_find(want->name), want->type);
	strcpy(name, want->name);
	for (char *c = name; *c != '\0'; c++)
		*c = (char)(*c ^ 0x20);
	assert_int_equal(derp_type_find(name), want->type);
	name[strlen(name) - 1] = '\0';
	assert_int_equal(derp_type_find(name), -1);
	strcpy(name, want->name);
	strcat(name, "s");
	assert_int_equal(derp_type_find(name), -1);
}

static void other_types_have_neither(void **state)
{
	size_t named = 0;

	(void)state;
	for (uint32_t type = 0; type < 0x200; type++) {
		assert_int_equal(derp_rule(type) == NULL,
				 derp_type_name(type) == NULL);
		named += derp_rule(type) != NULL;
	}
	assert_int_equal(named, NUM(rules));
	assert_null(derp_type_name(UINT32_MAX));
	assert_null(derp_rule(0x101));
	assert_int_equal(derp_type_find(""), -1);
	assert_int_equal(derp_type_find("Pin"), -1);
}

static void every_error_has_its_own_text(void **state)
{
	(void)state;
	for (int a = -12; a <= 1; a++) {
		assert_non_null(derp_strerror(a));
		for (int b = -12; b < a; b++)
			assert_string_not_equal(derp_strerror(a),
						derp_strerror(b));
	}
	assert_string_equal(derp_strerror(-13), derp_strerror(1));
	assert_string_equal(derp_strerror(DERP_E_EOF),
			    "stream ends inside a frame");
	assert_int_equal(derp_version(), DERP_VERSION_NUM);
	assert_memory_equal(derp_magic, "DERP\xf0\x9f\x94\x91", 8);
}

static void a_header_is_type_and_big_endian_length(void **state)
{
	static const uint8_t want[] = { 0xff, 0x12, 0x34, 0x56, 0x78 };
	uint8_t head[DERP_HEAD_LEN];

	(void)state;
	derp_head_build(head, 0xff, 0x12345678);
	assert_memory_equal(head, want, sizeof want);
}

int main(void)
{
	static struct suite s;

	ADD(&s, any_one_or_two_cuts_give_the_same_frames);
	ADD(&s, single_bytes_give_the_same_frames);
	ADD(&s, every_truncation_ends_inside_a_frame_or_between);
	ADD(&s, every_lend_size_keeps_the_first_bytes);
	ADD(&s, a_whole_payload_is_shown_in_place);
	ADD(&s, a_late_lend_has_no_effect);
	ADD(&s, a_lend_of_nothing_skips);
	ADD(&s, a_lend_ends_with_its_frame);
	for (size_t i = 0; i < NUM(limits); i++)
		add(&s, limits[i].name, limit_is_told_with_the_header,
		    &limits[i]);
	ADD(&s, no_input_is_no_progress);
	ADD(&s, an_empty_frame_needs_no_more_input);
	ADD(&s, a_reader_is_plain_data);
	ADD(&s, expect_judges_type_then_length);
	for (size_t i = 0; i < NUM(rules); i++)
		add(&s, rules[i].name, type_has_its_name_and_rule, &rules[i]);
	ADD(&s, other_types_have_neither);
	ADD(&s, every_error_has_its_own_text);
	ADD(&s, a_header_is_type_and_big_endian_length);
	return run("frame", &s);
}
