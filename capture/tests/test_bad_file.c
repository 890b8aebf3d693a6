/*
 * test_bad_file.c - files that are no capture are named for what they are;
 * cut and damaged ones give what is in them and nothing else.
 */
#include <unistd.h>

#include "files.h"

/* ---- bad files --------------------------------------------------------- */

struct bad {
	const char *hex;
	int ret;
	const char *error;
};

#define PCAP "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 65000000"
#define NG "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"
#define IDB "01000000 14000000 6500 0000 00000000 14000000"

static void test_bad(void **state)
{
	const struct bad *bad = *state;
	struct build b = { 0 };
	struct record r = { 0 };
	char error[256];

	put_hex(&b, bad->hex);
	assert_int_equal(play_limited(&b, &r, NULL, error), bad->ret);
	assert_string_equal(error, bad->error);
	free(r.text);
	build_free(&b);
}

/* ---- every truncation -------------------------------------------------- */

/* A small capture with everything in it, in both formats. */
static void everything(struct build *b, bool ng)
{
	struct build s, one;
	size_t cut;
	int i;

	stream(&s, &cut);
	memset(b, 0, sizeof(*b));
	if (ng) {
		section(b, false);
		interface(b, false, 101, 6);
		strangers(b, false);
	} else {
		begin_pcap(b, false, 0xa1b2c3d4, 101);
	}
	for (i = 0; i < 3; i++) {
		one_packet(&one, &s, cut, i, false);
		if (ng) {
			enhanced(b, false, 0, (uint64_t)i, &one);
		} else {
			put_le32(b, 0);
			put_le32(b, (uint32_t)i);
			put_le32(b, (uint32_t)one.len);
			put_le32(b, (uint32_t)one.len);
			put(b, one.bytes, one.len);
		}
		build_free(&one);
	}
	build_free(&s);
}

/* What comes out of a part is what came out of the whole, up to a line that
 * says that the file ends there. */
static bool check_cut(const struct build *whole, size_t len, const char *all)
{
	struct build part = { .bytes = whole->bytes, .len = len };
	static const char cut[] = "-- truncated\n";
	struct record r = { 0 };
	bool told = false;
	int ret;

	ret = play_limited(&part, &r, NULL, NULL);
	if (ret < 0) {
		assert_int_equal(ret, CAPTURE_E_FORMAT);
		assert_string_equal(r.text, "");
		assert_true(len < 28);
	} else {
		if (r.len >= sizeof(cut) - 1 &&
		    strcmp(r.text + r.len - (sizeof(cut) - 1), cut) == 0)
			told = true;
		if (told)
			r.len -= sizeof(cut) - 1;
		assert_memory_equal(r.text, all, r.len);
	}
	free(r.text);
	return ret == 0 && !told;
}

static void test_truncated(void **state)
{
	bool ng = *(const bool *)*state;
	struct build whole;
	size_t len, whole_packets = 0;

	everything(&whole, ng);
	for (len = 0; len <= whole.len; len++)
		whole_packets += check_cut(&whole, len, LOGIN);
	/* Only between packets or blocks there is nothing to tell. */
	assert_int_equal(whole_packets, ng ? 8 : 4);
	build_free(&whole);
}

/* One bit wrong anywhere: no crash, and a time, an address or a length may be
 * another; the sanitizers watch. */
static void test_flipped(void **state)
{
	bool ng = *(const bool *)*state;
	struct build whole;
	struct record r;
	size_t i;

	everything(&whole, ng);
	for (i = 0; i < 8 * whole.len; i++) {
		memset(&r, 0, sizeof(r));
		whole.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		play_limited(&whole, &r, NULL, NULL);
		whole.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		free(r.text);
	}
	build_free(&whole);
}

static void test_descriptor(void **state)
{
	struct record r = { 0 };
	struct capture *c = capture_new(record_event, &r, NULL);
	struct build whole;
	int fds[2];

	(void)state;
	everything(&whole, true);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], whole.bytes, whole.len), whole.len);
	close(fds[1]);
	assert_int_equal(capture_read_fd(c, fds[0], "pipe"), 0);
	assert_string_equal(r.text, LOGIN);
	close(fds[0]);
	capture_free(c);
	free(r.text);
	build_free(&whole);
}

static void test_missing_file(void **state)
{
	struct capture *c = capture_new(record_event, NULL, NULL);

	(void)state;
	assert_int_equal(capture_read_file(c, "/nowhere/x.pcap"),
			 CAPTURE_E_OPEN);
	assert_string_equal(
		capture_error(c),
		"/nowhere/x.pcap: cannot open: No such file or directory");
	capture_free(c);
}

/* ---- all --------------------------------------------------------------- */

static struct bad bads[] = {
	{ "", CAPTURE_E_FORMAT, "test: empty: not a capture file" },
	{ "d4c3b2a1 0200 0400", CAPTURE_E_FORMAT,
	  "test: not a capture file: pcap or pcapng is needed" },
	{ "1f8b0808 00000000 0000000000000000000000000000000000",
	  CAPTURE_E_FORMAT, "test: gzip data: unpack it with gunzip first" },
	{ "28b52ffd 00", CAPTURE_E_FORMAT,
	  "test: zstd data: unpack it with unzstd first" },
	{ "4745 5420 2f20 4854 5450 2f31 2e31 0d0a 0000 0000 0000 0000",
	  CAPTURE_E_FORMAT,
	  "test: not a capture file: pcap or pcapng is needed" },
	{ "d4c3b2a1 0300 0400 00000000 00000000 ffff0000 65000000",
	  CAPTURE_E_FORMAT, "test: pcap version 3 is not known: 2 is needed" },
	{ PCAP "00000000 00000000 01000400 01000400", CAPTURE_E_FORMAT,
	  "test: byte 24: a packet of 262145 bytes: the file is damaged from "
	  "here on" },
	{ "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 93000000"
	  "00000000 00000000 01000000 01000000 00",
	  CAPTURE_E_LINK,
	  "test: link type 147 is not read: capture on Ethernet, loopback, "
	  "\"any\" or raw IP" },
	{ "0a0d0d0a 1c000000 00000000 0100 0000 ffffffffffffffff 1c000000",
	  CAPTURE_E_FORMAT,
	  "test: byte 0: a section without byte order: the file is damaged "
	  "from here on" },
	{ "0a0d0d0a 1c000000 4d3c2b1a 0200 0000 ffffffffffffffff 1c000000",
	  CAPTURE_E_FORMAT,
	  "test: byte 0: pcapng version is not 1: the file is damaged from "
	  "here on" },
	{ NG "06000000 08000000", CAPTURE_E_FORMAT,
	  "test: byte 28: a block of impossible length: the file is damaged "
	  "from here on" },
	{ NG "06000000 ffffff7f", CAPTURE_E_FORMAT,
	  "test: byte 28: a block of impossible length: the file is damaged "
	  "from here on" },
	{ NG "06000000 fcffff7f", CAPTURE_E_FORMAT,
	  "test: byte 28: a packet block of impossible length: the file is "
	  "damaged from here on" },
	{ NG "01000000 14000000 6500 0000 00000000 18000000", CAPTURE_E_FORMAT,
	  "test: byte 28: a block whose two lengths differ: the file is "
	  "damaged from here on" },
	{ NG "06000000 20000000 00000000 0000000000000000 00000000 00000000"
	     "20000000",
	  CAPTURE_E_FORMAT,
	  "test: byte 28: a packet of an interface that is not there: the "
	  "file is damaged from here on" },
	{ NG IDB "06000000 20000000 00000000 0000000000000000 01000000"
		 "01000000 20000000",
	  CAPTURE_E_FORMAT,
	  "test: byte 48: a packet is longer than its block: the file is "
	  "damaged from here on" },
	{ NG IDB "06000000 10000000 00000000 10000000", CAPTURE_E_FORMAT,
	  "test: byte 48: a packet block is too short: the file is damaged "
	  "from here on" },
	{ NG "03000000 10000000 00000000 10000000", CAPTURE_E_FORMAT,
	  "test: byte 28: a packet before any interface: the file is damaged "
	  "from here on" },
	{ NG "01000000 1c000000 6500 0000 00000000 0900 ffff 00000000 1c000000",
	  CAPTURE_E_FORMAT,
	  "test: byte 28: an interface option is too long: the file is "
	  "damaged from here on" },
	{ NG "01000000 20000000 6500 0000 00000000 0900 0100 14000000 00000000"
	     "20000000",
	  CAPTURE_E_FORMAT,
	  "test: byte 28: no such unit of time: the file is damaged from here "
	  "on" },
};

static struct CMUnitTest tests[COUNT(bads) + 6];
static char names[COUNT(bads)][48];
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

	for (i = 0; i < COUNT(bads); i++)
		add_row("bad", i, test_bad, &bads[i]);
	add("truncated/pcap", test_truncated, &no);
	add("truncated/pcapng", test_truncated, &yes);
	add("flipped-bits/pcap", test_flipped, &no);
	add("flipped-bits/pcapng", test_flipped, &yes);
	add("descriptor", test_descriptor, NULL);
	add("missing-file", test_missing_file, NULL);
	return _cmocka_run_group_tests("bad_file", tests, num_tests, NULL,
				       NULL);
}
