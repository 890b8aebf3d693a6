/*
 * test_pcap.c - the files: every form of them gives the same packets, and
 * what is no capture is named for what it is.
 */
#include <unistd.h>

#include "derp_key.h"
#include "builder.h"

#define LOGIN                                                                  \
	"1- open\n1> http GET\n1- start fast-start\n"                          \
	"1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"                               \
	"1> Ping 0101010101010101 8\n"

static void u16(struct build *b, bool big, uint32_t v)
{
	if (big)
		put_be16(b, v);
	else
		put_le16(b, v);
}

static void u32(struct build *b, bool big, uint32_t v)
{
	if (big)
		put_be32(b, v);
	else
		put_le32(b, v);
}

static const uint16_t ports[2] = { 40000, 3340 };

/* The three packets of every test: SYN, request and login, a ping. */
static void stream(struct build *s, size_t *cut)
{
	memset(s, 0, sizeof(*s));
	text(s, FAST_REQUEST);
	client_info(s);
	*cut = s->len;
	ping(s, 1);
}

static struct ip_tcp packet(const struct build *s, size_t cut, int i)
{
	struct ip_tcp t = { CLIENT, 1000, 0, 0, "", 0, ports };

	if (i == 0) {
		t.seq = 999;
		t.flags = TCP_SYN;
	} else if (i == 1) {
		t.data = s->bytes;
		t.len = cut;
	} else {
		t.seq = 1000 + (uint32_t)cut;
		t.data = s->bytes + cut;
		t.len = s->len - cut;
	}
	return t;
}

/* ---- classic ----------------------------------------------------------- */

struct classic {
	bool big;
	uint32_t magic, unit;
	int digits;
};

static void begin_pcap(struct build *b, bool big, uint32_t magic, uint32_t link)
{
	memset(b, 0, sizeof(*b));
	u32(b, big, magic);
	u16(b, big, 2);
	u16(b, big, 4);
	put_zero(b, 8);
	u32(b, big, 65535);
	u32(b, big, link);
}

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

/* ---- link layers ------------------------------------------------------- */

struct layer {
	uint32_t link;
	const char *head; /* hex */
	const char *tail; /* behind the packet: padding */
	bool v6;
	const char *extension; /* of IPv6, hex */
	uint32_t next;         /* first header type of IPv6 */
};

static void put_hex(struct build *b, const char *hex)
{
	uint8_t byte;

	for (; hex != NULL && hex[0] != '\0'; hex += 2) {
		if (*hex == ' ') {
			hex--;
			continue;
		}
		assert_int_equal(derp_hex_decode(&byte, 1, hex, 2), 0);
		put_u8(b, byte);
	}
}

static void put_ipv6(struct build *b, const struct ip_tcp *t,
		     const struct layer *l)
{
	struct build ext = { 0 };
	int i;

	put_hex(&ext, l->extension);
	put_be32(b, 0x60000000);
	put_be16(b, (uint32_t)(ext.len + 20 + t->len));
	put_u8(b, ext.len > 0 ? l->next : 6);
	put_u8(b, 64);
	for (i = 0; i < 2; i++) {
		put_be32(b, 0x20010db8);
		put_zero(b, 8);
		put_be32(b, (uint32_t)(i == 0 ? t->from : !t->from));
	}
	put(b, ext.bytes, ext.len);
	put_tcp(b, t);
	build_free(&ext);
}

static void put_packet(struct build *b, const struct ip_tcp *t,
		       const struct layer *l)
{
	put_hex(b, l->head);
	if (l->v6)
		put_ipv6(b, t, l);
	else
		put_ipv4(b, t, 0);
	put_hex(b, l->tail);
}

static void test_layer(void **state)
{
	const struct layer *l = *state;
	struct build b, s, one;
	struct ip_tcp t;
	size_t cut;
	int i;

	stream(&s, &cut);
	begin_pcap(&b, false, 0xa1b2c3d4, l->link);
	for (i = 0; i < 3; i++) {
		memset(&one, 0, sizeof(one));
		t = packet(&s, cut, i);
		put_packet(&one, &t, l);
		put_le32(&b, 1);
		put_le32(&b, (uint32_t)i);
		put_le32(&b, (uint32_t)one.len);
		put_le32(&b, (uint32_t)one.len);
		put(&b, one.bytes, one.len);
		build_free(&one);
	}
	build_free(&s);
	expect(&b, LOGIN);
}

/* ---- pcapng ------------------------------------------------------------ */

static void block(struct build *b, bool big, uint32_t type,
		  const struct build *body)
{
	uint32_t len = 12 + (uint32_t)(body->len + 3) / 4 * 4;

	u32(b, big, type);
	u32(b, big, len);
	put(b, body->bytes, body->len);
	put_zero(b, (4 - body->len % 4) % 4);
	u32(b, big, len);
}

static void section(struct build *b, bool big)
{
	struct build body = { 0 };

	u32(&body, big, 0x1a2b3c4d);
	u16(&body, big, 1);
	u16(&body, big, 0);
	u32(&body, big, UINT32_MAX);
	u32(&body, big, UINT32_MAX);
	block(b, big, 0x0a0d0d0a, &body);
	build_free(&body);
}

/* tsresol < 0: no option. */
static void interface(struct build *b, bool big, uint32_t link, int tsresol)
{
	struct build body = { 0 };

	u16(&body, big, link);
	u16(&body, big, 0);
	u32(&body, big, 0);
	if (tsresol >= 0) {
		u16(&body, big, 2); /* a name first: options are walked */
		u16(&body, big, 3);
		put(&body, "eth\0", 4);
		u16(&body, big, 9);
		u16(&body, big, 1);
		put_u8(&body, (uint32_t)tsresol);
		put_zero(&body, 3);
		u32(&body, big, 0);
	}
	block(b, big, 1, &body);
	build_free(&body);
}

static void enhanced(struct build *b, bool big, uint32_t iface, uint64_t ts,
		     const struct build *one)
{
	struct build body = { 0 };

	u32(&body, big, iface);
	u32(&body, big, (uint32_t)(ts >> 32));
	u32(&body, big, (uint32_t)ts);
	u32(&body, big, (uint32_t)one->len);
	u32(&body, big, (uint32_t)one->len);
	put(&body, one->bytes, one->len);
	block(b, big, 6, &body);
	build_free(&body);
}

static void simple(struct build *b, bool big, const struct build *one)
{
	struct build body = { 0 };

	u32(&body, big, (uint32_t)one->len);
	put(&body, one->bytes, one->len);
	block(b, big, 3, &body);
	build_free(&body);
}

/* What other tools put between packets. */
static void strangers(struct build *b, bool big)
{
	struct build body = { 0 };

	block(b, big, 5, &body);           /* statistics */
	text(&body, "KLST\4\0\0\0secret"); /* decryption secrets */
	block(b, big, 10, &body);
	block(b, big, 0x0bad, &body);
	build_free(&body);
}

static void one_packet(struct build *one, const struct build *s, size_t cut,
		       int i, bool ether)
{
	struct ip_tcp t = packet(s, cut, i);

	memset(one, 0, sizeof(*one));
	if (ether)
		put_hex(one, "0200000000010200000000020800");
	put_ipv4(one, &t, 0);
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

/* A TCP header that says it is longer than its packet. */
static void test_header_longer_than_packet(void **state)
{
	struct ip_tcp t = { CLIENT, 1000, 0, 0, "1234567", 7, ports };
	struct build b, s = { 0 }, one = { 0 };

	(void)state;
	build_init(&b);
	hello(&b, 1000, 5000);
	text(&s, FAST_REQUEST);
	client_info(&s);
	data(&b, CLIENT, 1000, &s);
	t.seq += (uint32_t)s.len;
	put_ipv4(&one, &t, 0);
	one.bytes[20 + 12] = 0x70;
	put_le32(&b, 2);
	put_le32(&b, 0);
	put_le32(&b, (uint32_t)one.len);
	put_le32(&b, (uint32_t)one.len);
	put(&b, one.bytes, one.len);
	build_free(&one);
	build_free(&s);
	expect(&b, "1- open\n1> http GET\n1- start fast-start\n"
		   "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n");
}

/* ---- fragments --------------------------------------------------------- */

static void test_fragments_are_told(void **state)
{
	struct ip_tcp t = { CLIENT, 1000, 0, 0, "12345678", 8, ports };
	struct build b, one = { 0 };

	(void)state;
	build_init(&b);
	put_ipv4(&one, &t, 0x2000); /* more fragments */
	put_ipv4(&one, &t, 0x0010); /* a later one */
	put_ipv4(&one, &t, 0x4000); /* do not fragment: none */
	put_le32(&b, 1);
	put_le32(&b, 0);
	put_le32(&b, 48);
	put_le32(&b, 48);
	put(&b, one.bytes, 48);
	put_le32(&b, 1);
	put_le32(&b, 0);
	put_le32(&b, 48);
	put_le32(&b, 48);
	put(&b, one.bytes + 48, 48);
	put_le32(&b, 1);
	put_le32(&b, 0);
	put_le32(&b, 48);
	put_le32(&b, 48);
	put(&b, one.bytes + 96, 48);
	build_free(&one);
	expect(&b, "-- note a fragment of an IP packet: not put together\n"
		   "-- note a fragment of an IP packet: not put together\n");
}

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

static struct classic classics[] = {
	{ false, 0xa1b2c3d4, 1000, 6 },
	{ true, 0xa1b2c3d4, 1000, 6 },
	{ false, 0xa1b23c4d, 1, 9 },
	{ true, 0xa1b23c4d, 1, 9 },
};

#define ETHER "020000000001020000000002"
#define SLL "000003040006000000000000"

static struct layer layers[] = {
	{ 1, ETHER "0800", NULL, false, NULL, 0 },
	{ 1, ETHER "0800", "00000000000000000000", false, NULL, 0 },
	{ 1, ETHER "81000005 0800", NULL, false, NULL, 0 },
	{ 1, ETHER "88a80005 81000006 0800", NULL, false, NULL, 0 },
	{ 1, ETHER "91000005 81000006 86dd", NULL, true, NULL, 0 },
	{ 1, ETHER "86dd", "ffff", true, NULL, 0 },
	{ 113, SLL "0000 0800", NULL, false, NULL, 0 },
	{ 113, SLL "0000 86dd", NULL, true, NULL, 0 },
	{ 276, "0800 0000 00000001 0304 00 06 0000000000000000", NULL, false,
	  NULL, 0 },
	{ 276, "86dd 0000 00000001 0304 00 06 0000000000000000", NULL, true,
	  NULL, 0 },
	{ 0, "02000000", NULL, false, NULL, 0 },
	{ 0, "1e000000", NULL, true, NULL, 0 },
	{ 108, "00000002", NULL, false, NULL, 0 },
	{ 101, "", NULL, false, NULL, 0 },
	{ 101, "", NULL, true, NULL, 0 },
	{ 12, "", NULL, false, NULL, 0 },
	{ 228, "", NULL, false, NULL, 0 },
	{ 229, "", NULL, true, NULL, 0 },
	{ 229, "", NULL, true, "0600 000000000000", 0 },
	{ 229, "", NULL, true, "0601 000000000000 0000000000000000", 60 },
	{ 229, "", NULL, true, "2b00 000000000000 0600 000000000000", 0 },
	{ 229, "", NULL, true, "0600 0000 00000000", 44 },
	{ 229, "", NULL, true,
	  "0604 0000 00000000 0000000000000000"
	  "0000000000000000",
	  51 },
};

static const char *const layer_names[] = {
	"link/ethernet",
	"link/ethernet-padding",
	"link/vlan",
	"link/qinq",
	"link/qinq-old-ipv6",
	"link/ethernet-ipv6-padding",
	"link/cooked",
	"link/cooked-ipv6",
	"link/cooked2",
	"link/cooked2-ipv6",
	"link/null",
	"link/null-ipv6",
	"link/loop",
	"link/raw",
	"link/raw-ipv6",
	"link/raw-old",
	"link/ipv4",
	"link/ipv6",
	"ipv6/hop-by-hop",
	"ipv6/destination-options",
	"ipv6/hop-by-hop-and-routing",
	"ipv6/fragment-header-of-a-whole-packet",
	"ipv6/authentication",
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

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROWS                                                                   \
	(COUNT(classics) + COUNT(layers) + COUNT(resolutions) + COUNT(bads))

static struct CMUnitTest tests[ROWS + 16];
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

	_Static_assert(COUNT(layers) == COUNT(layer_names), "a name each");
	for (i = 0; i < COUNT(classics); i++)
		add_row("classic", i, test_classic, &classics[i]);
	for (i = 0; i < COUNT(layers); i++)
		add(layer_names[i], test_layer, &layers[i]);
	for (i = 0; i < COUNT(resolutions); i++)
		add_row("resolution", i, test_resolution, &resolutions[i]);
	for (i = 0; i < COUNT(bads); i++)
		add_row("bad", i, test_bad, &bads[i]);
	add("pcapng/sections-little-then-big", test_sections, &no);
	add("pcapng/sections-big-then-little", test_sections, &yes);
	add("pcapng/offset-and-snaplen", test_interface_options, NULL);
	add("tcp-header-longer-than-packet", test_header_longer_than_packet,
	    NULL);
	add("fragments-are-told", test_fragments_are_told, NULL);
	add("truncated/pcap", test_truncated, &no);
	add("truncated/pcapng", test_truncated, &yes);
	add("flipped-bits/pcap", test_flipped, &no);
	add("flipped-bits/pcapng", test_flipped, &yes);
	add("descriptor", test_descriptor, NULL);
	add("missing-file", test_missing_file, NULL);
	return _cmocka_run_group_tests("pcap", tests, num_tests, NULL, NULL);
}
