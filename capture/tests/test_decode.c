/*
 * test_decode.c - what the streams say: HTTP, frames, and what is wrong with
 * them.
 */
#include "builder.h"
#include "derp_key.h"

#define C0 1000u
#define S0 5000u

#define OPENED "1- open\n1> http GET\n"
#define UPGRADED OPENED "1< http 101\n1- start upgrade\n"
#define FAST OPENED "1- start fast-start\n"
#define KEY "1< ServerKey 44455250f09f9491.. 40\n"
#define INFO "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"

/* ---- conversations ----------------------------------------------------- */

/* A conversation is its bytes, "C:" or "S:" in front of each turn; @K, @I and
 * @P stand for the frames ServerKey, ClientInfo and Ping. */
struct talk {
	const char *turns[8];
	const char *want;
};

static void say(struct build *s, const char *turn)
{
	for (; *turn != '\0'; turn++) {
		if (*turn != '@') {
			put_u8(s, (uint8_t)*turn);
			continue;
		}
		turn++;
		if (*turn == 'K')
			server_key(s);
		else if (*turn == 'I')
			client_info(s);
		else if (*turn == 'P')
			ping(s, 'p');
		else if (*turn == 'R')
			filled(s, DERP_RECV_PACKET, 40, 'r');
	}
}

/* Every turn in segments of at most step bytes. */
static void talk(struct build *b, const struct talk *t, size_t step)
{
	uint32_t seq[2] = { C0, S0 };
	struct build s;
	size_t i, at, n;
	int from;

	build_init(b);
	hello(b, C0, S0);
	for (i = 0; i < 8 && t->turns[i] != NULL; i++) {
		memset(&s, 0, sizeof(s));
		from = t->turns[i][0] == 'C' ? CLIENT : SERVER;
		say(&s, t->turns[i] + 2);
		for (at = 0; at < s.len; at += n) {
			n = s.len - at < step ? s.len - at : step;
			segment(b, from, seq[from], 0, s.bytes + at, n);
			seq[from] += (uint32_t)n;
		}
		build_free(&s);
	}
}

static void test_talk(void **state)
{
	static const size_t steps[] = { 65000, 1, 2, 7, 100 };
	const struct talk *t = *state;
	struct build b;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		talk(&b, t, steps[i]);
		expect(&b, t->want);
	}
}

#define SOCKET                                                                 \
	"GET /derp HTTP/1.1\r\nUpgrade: websocket\r\n"                         \
	"Sec-WebSocket-Protocol: chat, derp\r\n\r\n"

static const char *const talk_names[] = {
	"http/upgrade",
	"http/fast-start",
	"http/fast-start-refused",
	"http/refused",
	"http/refused-then-upgraded",
	"http/keep-alive-then-upgraded",
	"http/chunked-then-upgraded",
	"http/chunked-with-trailer-then-upgraded",
	"http/head-has-no-body",
	"http/status-100-then-101",
	"http/no-upgrade-is-shown-on-the-derp-path",
	"http/other-requests-are-silent",
	"http/connect-then-fast-start",
	"http/answer-without-request",
	"http/request-without-answer",
	"http/lines-end-in-lf",
	"http/websocket",
	"http/other-websocket-is-silent",
	"http/malformed-answer",
	"http/any-case",
	"http/frames-after-refusal-never-come",
	"http/capture-ends-in-a-head",
	"http/fast-start-must-be-one",
	"tls/one-line",
	"tls/answer-only",
};

static struct talk talks[] = {
	{ { "C:" REQUEST, "S:" SWITCHING "@K", "C:@I@P" },
	  UPGRADED KEY INFO "1> Ping 7070707070707070 8\n" },
	{ { "C:" FAST_REQUEST "@I", "S:@K@P" },
	  FAST INFO KEY "1< Ping 7070707070707070 8\n" },
	{ { "C:" FAST_REQUEST "@I", "S:HTTP/1.1 426 No\r\n\r\nno frames" },
	  FAST INFO "1< http 426\n" },
	{ { "C:" REQUEST,
	    "S:HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy" },
	  OPENED "1< http 503\n" },
	{ { "C:" REQUEST,
	    "S:HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
	    "C:" REQUEST, "S:" SWITCHING "@K", "C:@I" },
	  OPENED "1< http 503\n1> http GET\n1< http 101\n"
		 "1- start upgrade\n" KEY INFO },
	{ { "C:GET /generate_204 HTTP/1.1\r\n\r\n",
	    "S:HTTP/1.1 204 No Content\r\n\r\n", "C:" REQUEST,
	    "S:" SWITCHING "@K", "C:@I" },
	  UPGRADED KEY INFO },
	{ { "C:GET / HTTP/1.1\r\n\r\n",
	    "S:HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nHTTP/\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
	    "C:" REQUEST, "S:" SWITCHING "@K", "C:@I" },
	  UPGRADED KEY INFO },
	{ { "C:GET / HTTP/1.1\r\n\r\n",
	    "S:HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\n"
	    "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
	    "C:" REQUEST, "S:" SWITCHING "@K", "C:@I" },
	  UPGRADED KEY INFO },
	{ { "C:HEAD /derp/probe HTTP/1.1\r\n\r\n",
	    "S:HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "C:" REQUEST,
	    "S:" SWITCHING "@K", "C:@I" },
	  "1- open\n1> http HEAD\n1< http 200\n1> http GET\n1< http 101\n"
	  "1- start upgrade\n" KEY INFO },
	{ { "C:" REQUEST, "S:HTTP/1.1 100 Continue\r\n\r\n" SWITCHING "@K",
	    "C:@I" },
	  OPENED "1< http 100\n1< http 101\n1- start upgrade\n" KEY INFO },
	{ { "C:GET /derp HTTP/1.1\r\n\r\n",
	    "S:HTTP/1.1 426 Upgrade Required\r\nContent-Length: 3\r\n\r\nno\n" },
	  OPENED "1< http 426\n" },
	{ { "C:GET /index HTTP/1.1\r\n\r\n",
	    "S:HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" },
	  "" },
	{ { "C:CONNECT relay:443 HTTP/1.1\r\n\r\n", "S:HTTP/1.1 200 OK\r\n\r\n",
	    "C:" FAST_REQUEST "@I", "S:@K" },
	  FAST INFO KEY },
	{ { "S:" SWITCHING "@K" },
	  "1- open\n1< http 101\n1- start upgrade\n" KEY },
	{ { "C:" REQUEST "@I@P" },
	  OPENED "1- start upgrade\n" INFO "1> Ping 7070707070707070 8\n" },
	{ { "C:GET /derp HTTP/1.1\nUpgrade: DERP\n\n",
	    "S:HTTP/1.1 101 Yes\nUpgrade: DERP\n\n@K", "C:@I" },
	  UPGRADED KEY INFO },
	{ { "C:" SOCKET,
	    "S:HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n\x82\x05hello",
	    "C:@P@P@P", "S:@P@P@P" },
	  OPENED "1< http 101\n1< note DERP over WebSocket: not read\n" },
	{ { "C:GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
	    "S:HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n\x82\x05hello" },
	  "" },
	{ { "C:" REQUEST, "S:HTTP/1.1 nothing\r\n\r\n" },
	  OPENED "1< invalid -12\n" },
	{ { "C:GET /derp HTTP/1.1\r\nuPGRADE: dErP\r\nderp-FAST-start: 1\r\n"
	    "\r\n@I" },
	  FAST INFO },
	{ { "C:" REQUEST, "S:HTTP/1.1 403 No\r\n\r\n@K@P@P@P" },
	  OPENED "1< http 403\n" },
	{ { "C:" REQUEST, "S:HTTP/1.1 101 Swi" }, OPENED "1< truncated\n" },
	{ { "C:GET /derp HTTP/1.1\r\nUpgrade: derp\r\nDerp-Fast-Start: 0\r\n"
	    "\r\n",
	    "S:" SWITCHING "@K" },
	  UPGRADED KEY },
	{ { "C:\x16\x03\x01\x02\x20hello", "S:\x16\x03\x03\x01\x01@K@P@P@P" },
	  "1> tls\n" },
	{ { "S:\x17\x03\x03\x01\x01@K@P@P@P" }, "1< tls\n" },
};

/* ---- frames ------------------------------------------------------------ */

struct bytes {
	const char *client, *server; /* hex, behind the login */
	const char *want;            /* behind the login */
};

static void put_hex(struct build *b, const char *hex)
{
	uint8_t byte;
	size_t i = 0;

	while (hex != NULL && hex[i] != '\0') {
		if (hex[i] == ' ') {
			i++;
			continue;
		}
		assert_int_equal(derp_hex_decode(&byte, 1, hex + i, 2), 0);
		put_u8(b, byte);
		i += 2;
	}
}

#define LOGIN FAST INFO KEY

static void test_frames(void **state)
{
	const struct bytes *f = *state;
	struct build b, s = { 0 };
	uint32_t seq = C0, ack = S0;
	char want[2000];

	build_init(&b);
	hello(&b, C0, S0);
	text(&s, FAST_REQUEST);
	client_info(&s);
	data(&b, CLIENT, seq, &s);
	seq += (uint32_t)s.len;
	build_free(&s);
	server_key(&s);
	data(&b, SERVER, ack, &s);
	ack += (uint32_t)s.len;
	build_free(&s);
	put_hex(&s, f->client);
	if (s.len > 0)
		data(&b, CLIENT, seq, &s);
	build_free(&s);
	put_hex(&s, f->server);
	if (s.len > 0)
		data(&b, SERVER, ack, &s);
	build_free(&s);
	snprintf(want, sizeof(want), "%s%s", LOGIN, f->want);
	expect(&b, want);
}

#define KEY32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const frame_names[] = {
	"frame/unknown-type-is-no-fault",
	"frame/short-send",
	"frame/shortest-send",
	"frame/note-preferred-of-two-bytes",
	"frame/short-ping",
	"frame/long-ping-is-wrong-for-a-client",
	"frame/recv-from-a-client",
	"frame/send-from-a-server",
	"frame/client-info-from-a-server",
	"frame/ping-from-a-server-is-fine",
	"frame/watch-conns-with-payload",
	"frame/peer-gone-without-reason",
	"frame/bad-magic",
	"frame/capture-ends-in-a-header",
	"frame/capture-ends-in-a-payload",
	"frame/capture-ends-behind-a-header",
	"frame/four-gigabytes",
	"frame/one-above-a-megabyte",
	"frame/going-on-after-a-bad-one",
};

static struct bytes frames[] = {
	{ NULL, "7f 00000002 0102", "1< 0x7f 0102 2\n" },
	{ "04 0000001f 00000000000000000000000000000000000000000000000000"
	  "000000000000",
	  NULL,
	  "1> SendPacket 0000000000000000.. 31\n"
	  "1> invalid -1 SendPacket 0000000000000000.. 31\n" },
	{ "04 00000020" KEY32, NULL, "1> SendPacket aaaaaaaaaaaaaaaa.. 32\n" },
	{ "07 00000002 0100", NULL,
	  "1> NotePreferred 0100 2\n1> invalid -2 NotePreferred 0100 2\n" },
	{ "12 00000007 01020304050607", NULL,
	  "1> Ping 01020304050607 7\n1> invalid -1 Ping 01020304050607 7\n" },
	{ "12 00000009 010203040506070809", NULL,
	  "1> Ping 0102030405060708.. 9\n" },
	{ "05 00000020" KEY32, NULL,
	  "1> RecvPacket aaaaaaaaaaaaaaaa.. 32\n"
	  "1> invalid -5 RecvPacket aaaaaaaaaaaaaaaa.. 32\n" },
	{ NULL, "04 00000020" KEY32,
	  "1< SendPacket aaaaaaaaaaaaaaaa.. 32\n"
	  "1< invalid -5 SendPacket aaaaaaaaaaaaaaaa.. 32\n" },
	{ NULL, "02 00000001 00",
	  "1< ClientInfo 00 1\n1< invalid -1 ClientInfo 00 1\n"
	  "1< invalid -5 ClientInfo 00 1\n" },
	{ NULL, "12 00000008 0102030405060708",
	  "1< Ping 0102030405060708 8\n" },
	{ "10 00000001 00", NULL,
	  "1> WatchConns 00 1\n1> invalid -2 WatchConns 00 1\n" },
	{ NULL, "08 00000020" KEY32, "1< PeerGone aaaaaaaaaaaaaaaa.. 32\n" },
	{ NULL, "01 00000028 44455250f09f9492" KEY32,
	  "1< ServerKey 44455250f09f9492.. 40\n"
	  "1< invalid -6 ServerKey 44455250f09f9492.. 40\n" },
	{ "12 0000", NULL, "1> truncated\n" },
	{ "12 00000008 0102", NULL, "1> truncated Ping 0102 2 of 8\n" },
	{ "12 00000008", NULL, "1> truncated Ping  0 of 8\n" },
	{ "7f ffffffff 0102", NULL,
	  "1> invalid -3 0x7f  0 of 4294967295\n"
	  "1> truncated 0x7f  0 of 4294967295\n" },
	{ NULL, "14 00100001 6161",
	  "1< invalid -3 Health  0 of 1048577\n"
	  "1< truncated Health  0 of 1048577\n" },
	{ "07 00000002 0100 12 00000008 0102030405060708", NULL,
	  "1> NotePreferred 0100 2\n1> invalid -2 NotePreferred 0100 2\n"
	  "1> Ping 0102030405060708 8\n" },
};

/* A login that begins with something else. */
static void test_first_frame(void **state)
{
	struct build b, s = { 0 };

	(void)state;
	build_init(&b);
	hello(&b, C0, S0);
	text(&s, FAST_REQUEST);
	ping(&s, 1);
	client_info(&s);
	data(&b, CLIENT, C0, &s);
	build_free(&s);
	filled(&s, DERP_KEEP_ALIVE, 0, 0);
	server_key(&s);
	data(&b, SERVER, S0, &s);
	build_free(&s);
	expect(&b, FAST "1> Ping 0101010101010101 8\n"
			"1> invalid -5 Ping 0101010101010101 8\n" INFO
			"1< KeepAlive  0\n1< invalid -5 KeepAlive  0\n" KEY);
}

/* The longest packet, in one segment and in many. */
static void test_longest_packet(void **state)
{
	static const size_t steps[] = { 60000, 1448, 16384 };
	struct build b, s;
	size_t i, at, n;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(&s, 0, sizeof(s));
		text(&s, FAST_REQUEST);
		client_info(&s);
		filled(&s, DERP_SEND_PACKET, DERP_KEY_LEN + DERP_PACKET_MAX,
		       'x');
		filled(&s, DERP_SEND_PACKET, DERP_KEY_LEN + DERP_PACKET_MAX + 1,
		       'y');
		ping(&s, 1);
		build_init(&b);
		hello(&b, C0, S0);
		for (at = 0; at < s.len; at += n) {
			n = s.len - at < steps[i] ? s.len - at : steps[i];
			segment(&b, CLIENT, C0 + (uint32_t)at, 0, s.bytes + at,
				n);
		}
		build_free(&s);
		expect(&b, FAST INFO
		       "1> SendPacket 7878787878787878.. 65568\n"
		       "1> SendPacket 7979797979797979.. 65569\n"
		       "1> invalid -2 SendPacket 7979797979797979.. 65569\n"
		       "1> Ping 0101010101010101 8\n");
	}
}

/* ---- what a connection is known by ------------------------------------- */

static int note_keys(void *ctx, const struct capture_event *e)
{
	struct capture_flow *last = ctx;

	*last = *e->flow;
	return 0;
}

static void test_keys_and_addresses(void **state)
{
	static const char key[] = "Derp-Public-Key: "
				  "0101010101010101010101010101010101010101010"
				  "101010101010101010101\r\n\r\n";
	struct capture_flow flow = { 0 };
	struct build b, s = { 0 };
	struct capture *c;

	(void)state;
	build_init(&b);
	hello(&b, C0, S0);
	segment(&b, CLIENT, C0, 0, REQUEST, sizeof(REQUEST) - 1);
	put(&s, SWITCHING, sizeof(SWITCHING) - 3);
	text(&s, key);
	data(&b, SERVER, S0, &s);
	build_free(&s);
	client_info(&s);
	data(&b, CLIENT, C0 + (uint32_t)sizeof(REQUEST) - 1, &s);
	build_free(&s);
	c = capture_new(note_keys, &flow, NULL);
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "t"), 0);
	assert_int_equal(flow.mode, CAPTURE_UPGRADE);
	assert_true(flow.roles_known && flow.client.v4);
	assert_int_equal(flow.client.port, 40000);
	assert_int_equal(flow.server.port, 3340);
	assert_int_equal(flow.client.ip[15], 1);
	assert_int_equal(flow.opened_ns, 1001000000);
	assert_true(flow.has_server_key && flow.has_client_key);
	assert_int_equal(flow.server_key[0], 1);
	assert_int_equal(flow.server_key[31], 1);
	assert_int_equal(flow.client_key[0], 0xc1);
	capture_free(c);
	build_free(&s);
	build_free(&b);
}

/* ---- payloads ---------------------------------------------------------- */

struct packet_kind_row {
	const char *name;
	const char *hex; /* of the beginning; zeros follow */
	uint32_t len;
	enum capture_kind kind;
	uint32_t sender, receiver;
	uint64_t counter;
};

static void test_payload(void **state)
{
	const struct packet_kind_row *row = *state;
	uint8_t *bytes = calloc(1, row->len > 0 ? row->len : 1);
	struct capture_payload p;
	struct build b = { 0 };

	assert_non_null(bytes);
	put_hex(&b, row->hex);
	if (b.len > 0)
		memcpy(bytes, b.bytes, b.len < row->len ? b.len : row->len);
	memset(&p, 0xaa, sizeof(p));
	capture_payload(&p, bytes, row->len);
	assert_int_equal(p.kind, row->kind);
	assert_int_equal(p.sender, row->sender);
	assert_int_equal(p.receiver, row->receiver);
	assert_int_equal(p.counter, row->counter);
	if (row->kind == CAPTURE_DISCO)
		assert_ptr_equal(p.disco_key, bytes + 6);
	else
		assert_null(p.disco_key);
	free(bytes);
	build_free(&b);
}

#define WG "000000 04030201 08070605 0c0b0a09 100f0e0d"

static struct packet_kind_row payloads[] = {
	{ "payload/empty", "", 0, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/one-byte", "01", 1, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/disco", "5453f09f92ac", 62, CAPTURE_DISCO, 0, 0, 0 },
	{ "payload/disco-short", "5453f09f92ac", 61, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/disco-magic", "5453f09f92ad", 62, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/init", "01" WG, 148, CAPTURE_WG_INIT, 0x01020304, 0, 0 },
	{ "payload/init-short", "01" WG, 147, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/init-long", "01" WG, 149, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/init-reserved", "01 000100", 148, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/response", "02" WG, 92, CAPTURE_WG_RESPONSE, 0x01020304,
	  0x05060708, 0 },
	{ "payload/cookie", "03" WG, 64, CAPTURE_WG_COOKIE, 0, 0x01020304, 0 },
	{ "payload/data", "04" WG, 32, CAPTURE_WG_DATA, 0, 0x01020304,
	  0x090a0b0c05060708 },
	{ "payload/data-short", "04" WG, 31, CAPTURE_OPAQUE, 0, 0, 0 },
	{ "payload/type-5", "05" WG, 148, CAPTURE_OPAQUE, 0, 0, 0 },
};

/* ---- all --------------------------------------------------------------- */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct CMUnitTest
	tests[COUNT(talks) + COUNT(frames) + COUNT(payloads) + 3];
static size_t num_tests;

static void add(const char *name, CMUnitTestFunction f, void *state)
{
	tests[num_tests++] = (struct CMUnitTest){ name, f, NULL, NULL, state };
}

int main(void)
{
	size_t i;

	_Static_assert(COUNT(talks) == COUNT(talk_names), "a name each");
	_Static_assert(COUNT(frames) == COUNT(frame_names), "a name each");
	for (i = 0; i < COUNT(talks); i++)
		add(talk_names[i], test_talk, &talks[i]);
	for (i = 0; i < COUNT(frames); i++)
		add(frame_names[i], test_frames, &frames[i]);
	for (i = 0; i < COUNT(payloads); i++)
		add(payloads[i].name, test_payload, &payloads[i]);
	add("frame/first-must-be-the-login", test_first_frame, NULL);
	add("frame/longest-packet", test_longest_packet, NULL);
	add("flow/keys-and-addresses", test_keys_and_addresses, NULL);
	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
