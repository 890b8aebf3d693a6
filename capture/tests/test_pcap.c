/*
 * test_pcap.c - capture files: every form of them gives the same packets, at
 * the same times.
 */
#include "files.h"

/* ---- classic ----------------------------------------------------------- */

struct classic {
	bool big;
	uint32_t magic, unit;
	int digits;
};

static int check_time(void *ctx, const struct capture_event *e)
{
	const struct classic *f = ctx;

	assert_int_equal(e->ts_digits, f->digits);
	if (e->what == CAPTURE_FRAME && e->frame->type == DERP_PING)
		assert_int_equal(e->ts_ns, 1700000002 * (int64_t)1000000000 +
						   123 * (int64_t)f->unit);
	return 0;
}

static void test_classic(void **state)
{
	struct classic *f = *state;
	struct build b, s, one;
	struct capture *c;
	struct ip_tcp t;
	size_t cut;
	int i;

	stream(&s, &cut);
	begin_pcap(&b, f->big, f->magic, 101);
	for (i = 0; i < 3; i++) {
		memset(&one, 0, sizeof(one));
		t = packet(&s, cut, i);
		put_ipv4(&one, &t, 0);
		u32(&b, f->big, 1700000000u + (uint32_t)i);
		u32(&b, f->big, 123);
		u32(&b, f->big, (uint32_t)one.len);
		u32(&b, f->big, (uint32_t)one.len);
		put(&b, one.bytes, one.len);
		build_free(&one);
	}
	c = capture_new(check_time, f, NULL);
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "t"), 0);
	assert_int_equal(capture_counts(c)->frames, 2);
	assert_int_equal(capture_counts(c)->packets, 3);
	capture_free(c);
	build_free(&s);
	expect(&b, LOGIN);
}

/* ---- pcapng ------------------------------------------------------------ */

static void simple(struct build *b, bool big, const struct build *one)
{
	struct build body = { 0 };

	u32(&body, big, (uint32_t)one->len);
	put(&body, one->bytes, one->len);
	block(b, big, 3, &body);
	build_free(&body);
}

/* Two sections in two byte orders; interfaces of two link types. */
static void test_sections(void **state)
{
	struct build b = { 0 }, s, one;
	size_t cut;
	bool big = *(const bool *)*state;

	stream(&s, &cut);
	section(&b, big);
	interface(&b, big, 147, -1); /* not known */
	interface(&b, big, 1, -1);
	strangers(&b, big);
	one_packet(&one, &s, cut, 0, true);
	enhanced(&b, big, 0, 1, &one); /* noise on the unknown one */
	enhanced(&b, big, 1, 1000000, &one);
	build_free(&one);
	one_packet(&one, &s, cut, 1, true);
	enhanced(&b, big, 1, 1000001, &one);
	build_free(&one);
	section(&b, !big);
	interface(&b, !big, 101, 9);
	strangers(&b, !big);
	one_packet(&one, &s, cut, 2, false);
	simple(&b, !big, &one);
	build_free(&one);
	build_free(&s);
	expect(&b, "-- note link type 147 is not read: its packets are passed "
		   "over\n" LOGIN);
}

struct resolution {
	int tsresol;
	uint64_t ts;
	int64_t ns;
	int digits;
};

static int check_resolution(void *ctx, const struct capture_event *e)
{
	const struct resolution *r = ctx;

	assert_int_equal(e->ts_ns, r->ns);
	assert_int_equal(e->ts_digits, r->digits);
	return 0;
}

static void test_resolution(void **state)
{
	struct resolution *r = *state;
	struct build b = { 0 }, s, one;
	struct capture *c;
	size_t cut;
	int i;

	stream(&s, &cut);
	section(&b, false);
	interface(&b, false, 101, r->tsresol);
	for (i = 0; i < 3; i++) {
		one_packet(&one, &s, cut, i, false);
		enhanced(&b, false, 0, r->ts, &one);
		build_free(&one);
	}
	c = capture_new(check_resolution, r, NULL);
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "t"), 0);
	assert_int_equal(capture_counts(c)->frames, 2);
	capture_free(c);
	build_free(&s);
	build_free(&b);
}

/* A clock that began in 1980, and packets cut at 100 bytes. */
static void test_interface_options(void **state)
{
	struct resolution r = { 0, 5, 315964805000000000, 6 };
	struct build b = { 0 }, s, one, body = { 0 };
	struct capture *c;
	size_t cut;
	int i;

	(void)state;
	stream(&s, &cut);
	section(&b, false);
	put_le16(&body, 101);
	put_le16(&body, 0);
	put_le32(&body, 100);
	put_le16(&body, 14);
	put_le16(&body, 8);
	put_le32(&body, 315964800);
	put_le32(&body, 0);
	block(&b, false, 1, &body);
	build_free(&body);
	for (i = 0; i < 3; i++) {
		one_packet(&one, &s, cut, i, false);
		enhanced(&b, false, 0, 5000000, &one);
		build_free(&one);
	}
	/* Once more, without a time and cut. */
	one_packet(&one, &s, cut, 1, false);
	put_le32(&body, (uint32_t)one.len);
	put(&body, one.bytes, 100);
	block(&b, false, 3, &body);
	build_free(&one);
	build_free(&body);
	c = capture_new(check_resolution, &r, NULL);
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "t"), 0);
	assert_int_equal(capture_counts(c)->packets, 4);
	capture_free(c);
	build_free(&s);
	expect(&b, LOGIN);
}

/* ---- all --------------------------------------------------------------- */

static struct classic classics[] = {
	{ false, 0xa1b2c3d4, 1000, 6 },
	{ true, 0xa1b2c3d4, 1000, 6 },
	{ false, 0xa1b23c4d, 1, 9 },
	{ true, 0xa1b23c4d, 1, 9 },
};

static struct resolution resolutions[] = {
	{ -1, 1700000000123456, 1700000000123456000, 6 },
	{ 6, 1700000000123456, 1700000000123456000, 6 },
	{ 3, 1700000000123, 1700000000123000000, 3 },
	{ 0, 1700000000, 1700000000000000000, 0 },
	{ 9, 1700000000123456789, 1700000000123456789, 9 },
	{ 12, 1700000123456789012, 1700000123456789, 9 },
	{ 0x80 + 1, 3400000001, 1700000000500000000, 9 },
	{ 0x80 + 32, 7301444403200000000, 1700000000000000000, 9 },
	{ 0x80 + 40, 549755813888, 500000000, 9 },
};

#define ROWS (COUNT(classics) + COUNT(resolutions))

static struct CMUnitTest tests[ROWS + 3];
static char names[ROWS][48];
static size_t num_tests;

static void add(const char *name, CMUnitTestFunction f, void *state)
{
	tests[num_tests++] = (struct CMUnitTest){ name, f, NULL, NULL, state };
}

static void add_row(const char *group, size_t i, CMUnitTestFunction f,
		    void *state)
{
	snprintf(names[num_tests], sizeof(names[0]), "%s/%zu", group, i);
	add(names[num_tests], f, state);
}

int main(void)
{
	static bool yes = true, no = false;
	size_t i;

	for (i = 0; i < COUNT(classics); i++)
		add_row("classic", i, test_classic, &classics[i]);
	for (i = 0; i < COUNT(resolutions); i++)
		add_row("resolution", i, test_resolution, &resolutions[i]);
	add("pcapng/sections-little-then-big", test_sections, &no);
	add("pcapng/sections-big-then-little", test_sections, &yes);
	add("pcapng/offset-and-snaplen", test_interface_options, NULL);
	return _cmocka_run_group_tests("pcap", tests, num_tests, NULL, NULL);
}
