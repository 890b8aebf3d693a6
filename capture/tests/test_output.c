/*
 * test_output.c - what derpdump prints: every frame type as text, tree and
 * JSON; and no byte of a capture that a terminal would obey.
 */
#include <fcntl.h>
#include <unistd.h>

#include "derp_key.h"
#include "builder.h"

#define C0 1000u
#define S0 5000u

static int print_text(void *ctx, const struct capture_event *e)
{
	text_event(ctx, e);
	return 0;
}

static int print_json(void *ctx, const struct capture_event *e)
{
	json_event(ctx, e);
	return 0;
}

static int print_stats(void *ctx, const struct capture_event *e)
{
	stats_event(ctx, e);
	return 0;
}

static int temporary(void)
{
	char path[] = "/tmp/derpdump-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* What d prints of b; free it. */
static char *print(struct dump *d, struct build *b, capture_event_fn *f)
{
	struct capture *c;
	char *text;
	ssize_t n;
	off_t len;
	int fd;

	fd = temporary();
	out_init(&d->out, fd);
	json_init(d);
	c = capture_new(f, d, NULL);
	assert_int_equal(capture_read_memory(c, b->bytes, b->len, "t"), 0);
	if (f == print_stats)
		stats_print(d, capture_counts(c));
	capture_free(c);
	out_flush(&d->out);
	assert_int_equal(d->out.err, 0);
	len = lseek(fd, 0, SEEK_END);
	text = malloc((size_t)len + 1);
	assert_non_null(text);
	n = pread(fd, text, (size_t)len, 0);
	assert_int_equal(n, len);
	text[len] = '\0';
	close(fd);
	build_free(b);
	return text;
}

static void login(struct build *b, uint32_t *seq)
{
	struct build s = { 0 };

	build_init(b);
	hello(b, C0, S0);
	text(&s, FAST_REQUEST);
	client_info(&s);
	data(b, CLIENT, C0, &s);
	seq[CLIENT] = C0 + (uint32_t)s.len;
	build_free(&s);
	server_key(&s);
	data(b, SERVER, S0, &s);
	seq[SERVER] = S0 + (uint32_t)s.len;
	build_free(&s);
}

static void put_hex(struct build *b, const char *hex)
{
	uint8_t byte;
	size_t i = 0;

	while (hex[i] != '\0') {
		if (hex[i] == ' ') {
			i++;
			continue;
		}
		assert_int_equal(derp_hex_decode(&byte, 1, hex + i, 2), 0);
		put_u8(b, byte);
		i += 2;
	}
}

/* ---- one frame --------------------------------------------------------- */

#define KA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NONCE "cccccccccccccccccccccccccccccccccccccccccccccccc"
#define NA "nodekey:" KA
#define NB "nodekey:" KB
#define V4 "00000000000000000000ffff7f000001"
#define V6 "20010db8000000000000000000000001"

struct row {
	const char *name;
	int from;
	const char *hex;  /* of the frame */
	const char *text; /* from the third column on */
	const char *json; /* from "type" on, without the closing brace */
	const char *tree; /* of the fields, -v */
};

static struct row rows[] = {
	{ "ServerKey", SERVER, "01 0000002a 44455250f09f9491" KA "0102",
	  "ServerKey     [qqqqq]     42 tail=2",
	  "\"type\":1,\"name\":\"ServerKey\",\"len\":42,\"key\":\"" NA
	  "\",\"tail\":2",
	  "0005  magic      44455250f09f9491\n"
	  "000d  key        " NA "\n"
	  "002d  tail       2 bytes\n" },
	{ "ClientInfo", CLIENT,
	  "02 0000004c" KA NONCE "00112233445566778899"
	  "00112233445566778899",
	  "ClientInfo    [qqqqq]     76 box=20", NULL, NULL },
	{ "ServerInfo", SERVER,
	  "03 00000035" NONCE
	  "0011223344556677889900112233445566778899001122334455667788",
	  "ServerInfo    -           53 box=29 consistent with version 2",
	  "\"type\":3,\"name\":\"ServerInfo\",\"len\":53,\"nonce\":\"" NONCE
	  "\",\"box\":\"0011223344556677889900112233445566778899001122334455667"
	  "788\",\"consistent_with\":\"version 2\"",
	  "0005  nonce      " NONCE "\n"
	  "001d  box        29 bytes, consistent with version 2\n" },
	{ "SendPacket", CLIENT, "04 00000023" KA "010203",
	  "SendPacket    [qqqqq]     35 unknown",
	  "\"type\":4,\"name\":\"SendPacket\",\"len\":35,\"dst\":\"" NA
	  "\",\"payload\":{\"kind\":\"unknown\",\"len\":3},"
	  "\"packet\":\"010203\"",
	  "0005  dst        " NA "\n"
	  "0025  packet     3 bytes, unknown\n" },
	{ "RecvPacket", SERVER,
	  "05 00000040" KA
	  "04000000 04030201 0807060500000000 000000000000000000000000 00000000",
	  "RecvPacket    [qqqqq]     64 wireguard-data receiver=0x01020304 "
	  "counter=84281096",
	  "\"type\":5,\"name\":\"RecvPacket\",\"len\":64,\"src\":\"" NA
	  "\",\"payload\":{\"kind\":\"wireguard-data\",\"len\":32,"
	  "\"receiver\":16909060,\"counter\":84281096},\"packet\":"
	  "\"0400000004030201080706050000000000000000000000000000000000000000"
	  "\"",
	  "0005  src        " NA "\n"
	  "0025  packet     32 bytes, wireguard-data\n" },
	{ "RecvPacket/counter", SERVER,
	  "05 00000040" KA
	  "04000000 04030201 ffffffffffffffff 000000000000000000000000 00000000",
	  "RecvPacket    [qqqqq]     64 wireguard-data receiver=0x01020304 "
	  "counter=18446744073709551615",
	  "\"type\":5,\"name\":\"RecvPacket\",\"len\":64,\"src\":\"" NA
	  "\",\"payload\":{\"kind\":\"wireguard-data\",\"len\":32,"
	  "\"receiver\":16909060,\"counter\":18446744073709551615},\"packet\":"
	  "\"0400000004030201ffffffffffffffff00000000000000000000000000000000"
	  "\"",
	  "0005  src        " NA "\n"
	  "0025  packet     32 bytes, wireguard-data\n" },
	{ "KeepAlive", SERVER, "06 00000000", "KeepAlive     -            0",
	  "\"type\":6,\"name\":\"KeepAlive\",\"len\":0", "" },
	{ "NotePreferred", CLIENT, "07 00000001 01",
	  "NotePreferred -            1 home=1",
	  "\"type\":7,\"name\":\"NotePreferred\",\"len\":1,\"home\":1",
	  "0005  home       1\n" },
	{ "PeerGone", SERVER, "08 00000021" KA "01",
	  "PeerGone      [qqqqq]     33 not-here",
	  "\"type\":8,\"name\":\"PeerGone\",\"len\":33,\"key\":\"" NA
	  "\",\"reason\":1",
	  "0005  key        " NA "\n"
	  "0025  reason     1 not-here\n" },
	{ "PeerGone-absent", SERVER, "08 00000020" KA,
	  "PeerGone      [qqqqq]     32",
	  "\"type\":8,\"name\":\"PeerGone\",\"len\":32,\"key\":\"" NA "\"",
	  "0005  key        " NA "\n" },
	{ "PeerGone-unknown", SERVER, "08 00000021" KA "f0",
	  "PeerGone      [qqqqq]     33 reason=240",
	  "\"type\":8,\"name\":\"PeerGone\",\"len\":33,\"key\":\"" NA
	  "\",\"reason\":240",
	  "0005  key        " NA "\n"
	  "0025  reason     240\n" },
	{ "PeerPresent", SERVER, "09 00000037" KA V4 "0d0c 0a 03 617022",
	  "PeerPresent   [qqqqq]     55 addr=127.0.0.1:3340 "
	  "flags=10/mesh/not-ideal app=\"ap\\\"\"",
	  "\"type\":9,\"name\":\"PeerPresent\",\"len\":55,\"key\":\"" NA
	  "\",\"ip\":\"127.0.0.1\",\"port\":3340,\"flags\":10,"
	  "\"app\":\"ap\\\"\"",
	  "0005  key        " NA "\n"
	  "0025  addr       127.0.0.1:3340\n"
	  "0037  flags      10\n"
	  "0039  app        \"ap\\\"\"\n" },
	{ "PeerPresent-v6", SERVER, "09 00000032" KA V6 "0d0c",
	  "PeerPresent   [qqqqq]     50 addr=[2001:db8::1]:3340",
	  "\"type\":9,\"name\":\"PeerPresent\",\"len\":50,\"key\":\"" NA
	  "\",\"ip\":\"2001:db8::1\",\"port\":3340",
	  "0005  key        " NA "\n"
	  "0025  addr       [2001:db8::1]:3340\n" },
	{ "ForwardPacket", CLIENT, "0a 00000041" KA KB "78",
	  "ForwardPacket [qqqqq]>[u7u7u]     65 unknown",
	  "\"type\":10,\"name\":\"ForwardPacket\",\"len\":65,\"src\":\"" NA
	  "\",\"dst\":\"" NB "\",\"payload\":{\"kind\":\"unknown\",\"len\":1},"
	  "\"packet\":\"78\"",
	  "0005  src        " NA "\n0025  dst        " NB "\n"
	  "0045  packet     1 byte, unknown\n" },
	{ "WatchConns", CLIENT, "10 00000000", "WatchConns    -            0",
	  "\"type\":16,\"name\":\"WatchConns\",\"len\":0", "" },
	{ "ClosePeer", CLIENT, "11 00000020" KA, "ClosePeer     [qqqqq]     32",
	  "\"type\":17,\"name\":\"ClosePeer\",\"len\":32,\"key\":\"" NA "\"",
	  "0005  key        " NA "\n" },
	{ "Ping", CLIENT, "12 0000000a 0102030405060708ffff",
	  "Ping          -           10 data=0102030405060708 tail=2",
	  "\"type\":18,\"name\":\"Ping\",\"len\":10,"
	  "\"data\":\"0102030405060708\",\"tail\":2",
	  "0005  data       0102030405060708\n000d  tail       2 bytes\n" },
	{ "Pong", SERVER, "13 00000008 0102030405060708",
	  "Pong          -            8 data=0102030405060708",
	  "\"type\":19,\"name\":\"Pong\",\"len\":8,"
	  "\"data\":\"0102030405060708\"",
	  "0005  data       0102030405060708\n" },
	{ "Health", SERVER, "14 00000007 1b5b326a 0a 2262",
	  "Health        -            7 text=\"\\x1b[2j\\x0a\\\"b\"",
	  "\"type\":20,\"name\":\"Health\",\"len\":7,"
	  "\"text\":\"\\u001b[2j\\n\\\"b\"",
	  "0005  text       \"\\x1b[2j\\x0a\\\"b\"\n" },
	{ "Health-unicode", SERVER, "14 0000000a c29b e280ae f09f92ac 7a",
	  "Health        -           10 "
	  "text=\"\\xc2\\x9b\\xe2\\x80\\xae\\xf0\\x9f\\x92\\xacz\"",
	  "\"type\":20,\"name\":\"Health\",\"len\":10,"
	  "\"text\":\"\\u009b\\u202e\\ud83d\\udcacz\"",
	  NULL },
	{ "Health-empty", SERVER, "14 00000000",
	  "Health        -            0 text=\"\"",
	  "\"type\":20,\"name\":\"Health\",\"len\":0,\"text\":\"\"",
	  "0005  text       \"\"\n" },
	{ "Restarting", SERVER, "15 00000008 000003e8 00002710",
	  "Restarting    -            8 in=1000 try=10000",
	  "\"type\":21,\"name\":\"Restarting\",\"len\":8,\"in\":1000,"
	  "\"try\":10000",
	  "0005  in         1000 ms\n0009  try        10000 ms\n" },
	{ "unknown", SERVER, "7f 00000002 c29b",
	  "0x7f          -            2 unknown type",
	  "\"type\":127,\"name\":null,\"len\":2,\"payload_hex\":\"c29b\"",
	  "0005  payload    2 bytes\n" },
};

static void one_frame(struct build *b, const struct row *row)
{
	struct build s = { 0 };
	uint32_t seq[2];

	login(b, seq);
	put_hex(&s, row->hex);
	data(b, row->from, seq[row->from], &s);
	build_free(&s);
}

/* The last line. */
static char *last_line(char *all)
{
	size_t n = strlen(all);

	assert_true(n > 0 && all[n - 1] == '\n');
	all[n - 1] = '\0';
	return strrchr(all, '\n') + 1;
}

static void test_text(void **state)
{
	const struct row *row = *state;
	static struct dump d;
	struct build b;
	char *all, want[400];

	memset(&d, 0, sizeof(d));
	one_frame(&b, row);
	all = print(&d, &b, print_text);
	snprintf(want, sizeof(want), "00:00:01.005000 1%c    %s",
		 row->from == CLIENT ? '>' : '<', row->text);
	assert_string_equal(last_line(all), want);
	free(all);
}

static void test_json(void **state)
{
	const struct row *row = *state;
	static struct dump d;
	struct build b;
	char *all, want[1000];

	memset(&d, 0, sizeof(d));
	one_frame(&b, row);
	all = print(&d, &b, print_json);
	snprintf(
		want, sizeof(want),
		"{\"ts\":\"1.005000\",\"flow\":1,\"dir\":\"%s\",\"off\":%d,%s}",
		row->from == CLIENT ? "c2s" : "s2c",
		row->from == CLIENT ? 109 : 45, row->json);
	assert_string_equal(last_line(all), want);
	free(all);
}

static void test_tree(void **state)
{
	const struct row *row = *state;
	static struct dump d;
	struct build b;
	char *all, *at, want[1000] = "", line[200];
	const char *p, *end;
	size_t n = 0;

	memset(&d, 0, sizeof(d));
	d.verbose = true;
	one_frame(&b, row);
	all = print(&d, &b, print_text);
	for (p = row->tree; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		snprintf(line, sizeof(line), "        %.*s\n", (int)(end - p),
			 p);
		assert_true(n + strlen(line) < sizeof(want));
		n += (size_t)sprintf(want + n, "%s", line);
	}
	/* Behind the frame's len line. */
	at = strstr(strstr(all, row->text), "len        ");
	at = strchr(at, '\n') + 1;
	assert_string_equal(at, want);
	free(all);
}

/* ---- hostile text ------------------------------------------------------ */

/* A control, a change of direction, a character beyond 16 bits. */
#define BAD "\xc2\x9b\xe2\x80\xae\xf0\x9f\x92\xac"

/* Every byte value, in every text that reaches the output. */
static void hostile(struct build *b)
{
	struct build s = { 0 }, all = { 0 };
	uint32_t seq = C0, i;

	for (i = 1; i < 256; i++)
		if (i != '\r' && i != '\n')
			put_u8(&all, i);
	build_init(b);
	hello(b, C0, S0);
	text(&s, "GET /derp HTTP/1.1\r\nHost: ");
	put(&s, all.bytes + 0x7f, all.len - 0x7f);
	text(&s, "\r\nUser-Agent: " BAD);
	text(&s, "\r\nUpgrade: DERP\r\nDerp-Fast-Start: 1\r\n\r\n");
	client_info(&s);
	data(b, CLIENT, seq, &s);
	build_free(&s);
	server_key(&s);
	text(&all, BAD);
	frame(&s, DERP_HEALTH, (uint32_t)all.len, all.bytes, all.len);
	put_hex(&s, "09 00000039" KA V4 "0d0c 01 05 1b5b32c29b");
	data(b, SERVER, S0, &s);
	build_free(&s);
	build_free(&all);
}

static void test_no_byte_escapes(void **state)
{
	static const struct {
		bool verbose, hex;
		capture_event_fn *f;
	} forms[] = { { false, false, print_text },
		      { true, true, print_text },
		      { false, true, print_json } };
	static struct dump d;
	struct build b;
	char *all;
	size_t i, k;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(&d, 0, sizeof(d));
		d.verbose = forms[i].verbose;
		d.hex = forms[i].hex;
		hostile(&b);
		all = print(&d, &b, forms[i].f);
		assert_non_null(strstr(all, "Health"));
		assert_non_null(strstr(all, "GET"));
		for (k = 0; all[k] != '\0'; k++)
			if (all[k] != '\n' &&
			    ((uint8_t)all[k] < 0x20 || (uint8_t)all[k] > 0x7e))
				fail_msg("form %zu: byte %02x at %zu", i,
					 (uint8_t)all[k], k);
		if (forms[i].f == print_json) {
			assert_non_null(strstr(all, "\\u009b"));
			assert_non_null(strstr(all, "\\u202e"));
			assert_non_null(strstr(all, "\\ud83d\\udcac"));
			assert_non_null(strstr(all, "\\u001b"));
		}
		free(all);
	}
}

/* Every type at every length that is too short for it, as the last bytes of a
 * capture: nothing is read that is not there. */
static void test_short_frames(void **state)
{
	capture_event_fn *const forms[] = { print_text, print_json };
	static struct dump d;
	struct build b, s = { 0 };
	uint32_t seq[2], type, len;
	size_t i;

	(void)state;
	for (type = 0; type < 0x20; type++)
		for (len = 0; len < 70; len++)
			for (i = 0; i < 2; i++) {
				memset(&d, 0, sizeof(d));
				d.verbose = d.hex = true;
				login(&b, seq);
				filled(&s, type, len, 0xff);
				data(&b, SERVER, seq[SERVER], &s);
				build_free(&s);
				b.bytes = realloc(b.bytes, b.len);
				free(print(&d, &b, forms[i]));
			}
}

/* ---- columns and times ------------------------------------------------- */

static void test_five_columns(void **state)
{
	static struct dump d;
	struct build b, s = { 0 };
	char *all, *line, *save;
	uint32_t seq[2];
	int words;

	(void)state;
	memset(&d, 0, sizeof(d));
	login(&b, seq);
	filled(&s, DERP_SEND_PACKET, 100, 'x');
	segment(&b, CLIENT, seq[CLIENT], 0, s.bytes, 60);
	segment(&b, CLIENT, seq[CLIENT] + 65, 0, s.bytes + 65, s.len - 65);
	segment(&b, CLIENT, seq[CLIENT] + (uint32_t)s.len, TCP_FIN, "\x12", 1);
	segment(&b, SERVER, seq[SERVER], TCP_RST, "", 0);
	build_free(&s);
	all = print(&d, &b, print_text);
	line = strtok_r(all, "\n", &save);
	for (; line != NULL; line = strtok_r(NULL, "\n", &save)) {
		for (words = 0; *line != '\0'; words++) {
			line += strcspn(line, " ");
			line += strspn(line, " ");
		}
		assert_true(words >= 5);
	}
	free(all);
}

struct time_row {
	enum out_time form;
	int64_t ns;
	int digits;
	const char *want;
};

static void test_time(void **state)
{
	static const struct time_row times[] = {
		{ OUT_WALL, 1700000000123456789, 9, "22:13:20.123456789" },
		{ OUT_WALL, 1700000000123456789, 3, "22:13:20.123" },
		{ OUT_WALL, 1700000000999999999, 0, "22:13:20" },
		{ OUT_WALL, -1, 9, "23:59:59.999999999" },
		{ OUT_DATE, 1700000000123456789, 6,
		  "2023-11-14T22:13:20.123456Z" },
		{ OUT_DATE, -1, 6, "1969-12-31T23:59:59.999999Z" },
		{ OUT_EPOCH, 1700000000123456789, 6, "1700000000.123456" },
		{ OUT_EPOCH, -1500000000, 6, "-1.500000" },
		{ OUT_RELATIVE, 5250000000, 6, "0.250000" },
		{ OUT_RELATIVE, 4750000000, 6, "-0.250000" },
	};
	static struct out o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		out_init(&o, -1);
		out_time(&o, times[i].form, times[i].ns, times[i].digits,
			 5000000000);
		out_char(&o, '\0');
		assert_string_equal(o.buf, times[i].want);
	}
}

/* More than the buffer holds, in pieces of all kinds. */
static void test_buffer(void **state)
{
	static struct out o;
	uint8_t block[300], got[301];
	int fd = temporary(), i;

	(void)state;
	memset(block, 'b', sizeof(block));
	out_init(&o, fd);
	for (i = 0; i < 1000; i++) {
		out_bytes(&o, block, sizeof(block));
		out_char(&o, '\n');
	}
	out_flush(&o);
	assert_int_equal(o.err, 0);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(pread(fd, got, 301, 301 * (off_t)i), 301);
		assert_memory_equal(got, block, 300);
		assert_int_equal(got[300], '\n');
	}
	assert_int_equal(pread(fd, got, 1, 301000), 0);
	close(fd);
}

static void test_write_error_is_kept(void **state)
{
	static struct out o;

	(void)state;
	out_init(&o, -1);
	out_str(&o, "lost");
	out_flush(&o);
	assert_int_not_equal(o.err, 0);
	assert_int_equal(o.len, 0);
}

static void test_stats(void **state)
{
	static struct dump d;
	struct build b, s = { 0 };
	uint32_t seq[2];
	char *all;

	(void)state;
	memset(&d, 0, sizeof(d));
	login(&b, seq);
	filled(&s, DERP_SEND_PACKET, 100, 'x');
	filled(&s, DERP_SEND_PACKET, 50, 'x');
	data(&b, CLIENT, seq[CLIENT], &s);
	build_free(&s);
	all = print(&d, &b, print_stats);
	assert_non_null(strstr(all, "SendPacket                     2         "
				    "150           0           0\n"));
	assert_non_null(strstr(all, "all                            3         "
				    "254           1          40\n"));
	assert_non_null(strstr(all, "fast-start                     1\n"));
	free(all);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct CMUnitTest tests[3 * COUNT(rows) + 7];
static char names[3 * COUNT(rows)][40];
static size_t num_tests;

static void add(const char *name, CMUnitTestFunction f, void *state)
{
	tests[num_tests++] = (struct CMUnitTest){ name, f, NULL, NULL, state };
}

static void add_row(const char *form, struct row *row, CMUnitTestFunction f)
{
	snprintf(names[num_tests], sizeof(names[0]), "%s/%s", form, row->name);
	add(names[num_tests], f, row);
}

int main(void)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		add_row("text", &rows[i], test_text);
		if (rows[i].json != NULL)
			add_row("json", &rows[i], test_json);
		if (rows[i].tree != NULL)
			add_row("tree", &rows[i], test_tree);
	}
	add("no-byte-of-a-capture-reaches-the-terminal", test_no_byte_escapes,
	    NULL);
	add("short-frames-of-every-type", test_short_frames, NULL);
	add("five-columns-in-every-line", test_five_columns, NULL);
	add("time-forms", test_time, NULL);
	add("more-than-a-buffer", test_buffer, NULL);
	add("write-error-is-kept", test_write_error_is_kept, NULL);
	add("stats-count-by-type-and-direction", test_stats, NULL);
	return _cmocka_run_group_tests("output", tests, num_tests, NULL, NULL);
}
