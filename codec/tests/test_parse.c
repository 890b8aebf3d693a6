/*
 * test_parse.c - fields of every frame type, both ways.
 *
 * Frames are told as text, in the words of the vectors' generator, and built
 * again from what was read.
 */
#include "derp.h"
#include "exact.h"
#include "vectors/vectors.h"

#define WANT_FRAMES
#include "vectors/reference.1.102.5.h"
#include "vectors/reference.1.104.5.h"

struct say {
	char text[4096];
	size_t len;
};

static void say(struct say *s, const char *text)
{
	size_t len = strlen(text);

	assert_true(len < sizeof s->text - s->len);
	memcpy(s->text + s->len, text, len + 1);
	s->len += len;
}

static void say_bytes(struct say *s, const char *name, const uint8_t *p,
		      size_t len)
{
	char hex[3];

	say(s, name);
	for (size_t i = 0; i < len; i++) {
		snprintf(hex, sizeof hex, "%02x", p[i]);
		say(s, hex);
	}
}

static void say_int(struct say *s, const char *name, int64_t v)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)v);
	say(s, name);
	say(s, text);
}

static void say_key(struct say *s, const char *name, const uint8_t *key)
{
	assert_non_null(key);
	say_bytes(s, name, key, DERP_KEY_LEN);
}

/* The reference says 0 for what is absent. */
static int or_zero(int v)
{
	return v == -1 ? 0 : v;
}

/* The reference does not report a name that is no name. */
static int shown_len(const struct derp_m_present *m)
{
	if (m->app == NULL || m->app_len > 32)
		return 0;
	for (int i = 0; i < m->app_len; i++) {
		if (m->app[i] < 0x20 || m->app[i] > 0x7e)
			return 0;
	}
	return m->app_len;
}

static void say_present(struct say *s, const struct derp_m_present *m,
			bool names)
{
	int len = names ? shown_len(m) : 0;

	say_key(s, "present key=", m->key);
	say_bytes(s, " ip=", m->ip, m->ip != NULL ? DERP_IP_LEN : 0);
	assert_int_equal(m->ip == NULL, m->port == -1);
	say_int(s, " port=", or_zero(m->port));
	say_int(s, " flags=", or_zero(m->flags));
	say_bytes(s, " app=", m->app, (size_t)len);
}

static void say_packet(struct say *s, const struct derp_msg *m)
{
	const struct derp_m_packet *p = &m->packet;

	say(s, m->type == DERP_SEND_PACKET      ? "send"
	       : m->type == DERP_FORWARD_PACKET ? "forward"
						: "packet");
	if (m->type != DERP_SEND_PACKET)
		say_key(s, " src=", p->src);
	if (m->type != DERP_RECV_PACKET)
		say_key(s, " dst=", p->dst);
	assert_non_null(p->data);
	say_bytes(s, " data=", p->data, p->len);
}

static void say_msg(struct say *s, const struct derp_msg *m, bool names)
{
	switch (m->type) {
	case DERP_SERVER_KEY:
		say_key(s, "server-key key=", m->server_key.key);
		break;
	case DERP_CLIENT_INFO:
		say_key(s, "client-info key=", m->client_info.key);
		say_bytes(s, " nonce=", m->client_info.nonce, DERP_NONCE_LEN);
		assert_non_null(m->client_info.box);
		say_bytes(s, " box=", m->client_info.box, m->client_info.len);
		break;
	case DERP_SERVER_INFO:
		say_bytes(s, "server-info nonce=", m->server_info.nonce,
			  DERP_NONCE_LEN);
		assert_non_null(m->server_info.box);
		say_bytes(s, " box=", m->server_info.box, m->server_info.len);
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_FORWARD_PACKET:
		say_packet(s, m);
		break;
	case DERP_KEEP_ALIVE:
		say(s, "alive");
		break;
	case DERP_NOTE_PREFERRED:
		say_int(s, "preferred home=", m->preferred.home);
		break;
	case DERP_PEER_GONE:
		say_key(s, "gone key=", m->gone.key);
		say_int(s, " reason=", or_zero(m->gone.reason));
		break;
	case DERP_PEER_PRESENT:
		say_present(s, &m->present, names);
		break;
	case DERP_WATCH_CONNS:
		say(s, "watch");
		break;
	case DERP_CLOSE_PEER:
		say_key(s, "close key=", m->close.key);
		break;
	case DERP_PING:
	case DERP_PONG:
		say(s, m->type == DERP_PING ? "ping" : "pong");
		say_bytes(s, " data=", m->ping.data, DERP_PING_LEN);
		break;
	case DERP_HEALTH:
		assert_non_null(m->health.text);
		say_bytes(s, "health text=", m->health.text, m->health.len);
		break;
	case DERP_RESTARTING:
		say_int(s, "restarting in=", m->restarting.reconnect_ms);
		say_int(s, " try=", m->restarting.try_ms);
		break;
	default:
		fail_msg("type %u", m->type);
	}
}

/* Parse the payload of a frame from an exact block; the frame's bytes are
 * taken off a stream first, with another frame behind. */
static int parse(struct derp_msg *m, struct bytes *payload,
		 const struct bytes *frame, enum derp_wire wire)
{
	uint8_t *in = block(frame->len + DERP_HEAD_LEN);
	const uint8_t *at = in;
	size_t len = frame->len + DERP_HEAD_LEN;
	uint8_t *lent = block(frame->len);
	struct derp_reader r;
	struct derp_frame f;
	int err;

	memcpy(in, frame->at, frame->len);
	derp_head_build(in + frame->len, DERP_KEEP_ALIVE, 0);
	derp_reader_init(&r, UINT32_MAX);
	assert_int_equal(derp_reader_next(&r, &at, &len, &f), DERP_HEAD);
	derp_reader_lend(&r, lent, (uint32_t)frame->len);
	assert_int_equal(derp_reader_next(&r, &at, &len, &f), DERP_FRAME);
	payload->at = exact(f.body, f.have);
	payload->len = f.have;
	f.body = f.have != 0 ? payload->at : f.body;
	err = derp_parse(m, &f, wire);
	assert_int_equal(derp_reader_next(&r, &at, &len, &f), DERP_HEAD);
	assert_int_equal(f.type, DERP_KEEP_ALIVE);
	free(lent);
	free(in);
	return err;
}

/* Built with every buffer size, and in two pieces: the frame without tail. */
static void check_build(const struct derp_msg *m, const struct bytes *frame)
{
	size_t want = frame->len - m->tail, n;
	uint8_t *head = blank(DERP_HEAD_MAX);
	uint8_t header[DERP_HEAD_LEN];
	struct iovec iov[2];

	derp_head_build(header, m->type, (uint32_t)want - DERP_HEAD_LEN);
	for (size_t cap = 0; cap <= want + 1; cap++) {
		uint8_t *out = blank(cap);

		n = 12345;
		if (cap < want) {
			assert_int_equal(derp_build(m, out, cap, &n),
					 DERP_E_NOBUF);
			assert_int_equal(n, 12345);
			assert_blank(out, cap);
		} else {
			assert_int_equal(derp_build(m, out, cap, &n), 0);
			assert_int_equal(n, want);
			assert_memory_equal(out, header, sizeof header);
			assert_bytes(out + 5, frame->at + 5, want - 5);
			assert_blank(out + n, cap - n);
		}
		free(out);
	}
	assert_int_equal(derp_build_iov(m, head, iov), 0);
	assert_ptr_equal(iov[0].iov_base, head);
	assert_int_equal(iov[0].iov_len + iov[1].iov_len, want);
	assert_memory_equal(head, header, sizeof header);
	assert_bytes(head + 5, frame->at + 5, iov[0].iov_len - 5);
	assert_bytes(iov[1].iov_base, frame->at + iov[0].iov_len,
		     iov[1].iov_len);
	assert_blank(head + iov[0].iov_len, DERP_HEAD_MAX - iov[0].iov_len);
	free(head);
}

static void check_vector(const struct frame_vector *v, bool names)
{
	struct bytes frame = unhex(v->frame), payload;
	struct derp_msg m;
	struct say got = { .len = 0 };
	int err;

	memset(&m, 0xaa, sizeof m);
	err = parse(&m, &payload, &frame, DERP_WIRE_V2);
	if (strcmp(v->says, "skipped") == 0) {
		assert_true(err == DERP_E_SHORT || err == DERP_E_TYPE);
		assert_int_equal(err == DERP_E_TYPE,
				 derp_type_name(frame.at[0]) == NULL);
		assert_blank(&m, sizeof m);
	} else {
		assert_int_equal(err, 0);
		say_msg(&got, &m, names);
		assert_string_equal(got.text, v->says);
		check_build(&m, &frame);
	}
	free(payload.at);
	free(frame.at);
}

static void reads_as_1_102_5_reads(void **state)
{
	check_vector(*state, false);
}

static void reads_as_1_104_5_reads(void **state)
{
	check_vector(*state, true);
}

/* ---- forms that only a table has ------------------------------------- */

#define KEY1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY2 "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
#define NONCE "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7"
#define MAGIC "44455250f09f9491"
#define KEY31 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
#define NONCE23 "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6"

struct form {
	const char *name, *frame;
	int err;
	uint32_t tail;
	const char *says;
};

static const struct form forms[] = {
	{ "server-key/empty", "01 00000000", DERP_E_SHORT, 0, NULL },
	{ "server-key/39", "01 00000027" MAGIC KEY31, DERP_E_SHORT, 0, NULL },
	{ "server-key/40", "01 00000028" MAGIC KEY1, 0, 0,
	  "server-key key=" KEY1 },
	{ "server-key/41", "01 00000029" MAGIC KEY1 "ff", 0, 1,
	  "server-key key=" KEY1 },
	{ "server-key/magic-first", "01 00000028 54455250f09f9491" KEY1,
	  DERP_E_VALUE, 0, NULL },
	{ "server-key/magic-last", "01 00000028 44455250f09f9490" KEY1,
	  DERP_E_VALUE, 0, NULL },
	{ "client-info/55", "02 00000037" KEY1 NONCE23, DERP_E_SHORT, 0, NULL },
	{ "client-info/56", "02 00000038" KEY1 NONCE, 0, 0,
	  "client-info key=" KEY1 " nonce=" NONCE " box=" },
	{ "client-info/57", "02 00000039" KEY1 NONCE "99", 0, 0,
	  "client-info key=" KEY1 " nonce=" NONCE " box=99" },
	{ "server-info/23", "03 00000017" NONCE23, DERP_E_SHORT, 0, NULL },
	{ "server-info/24", "03 00000018" NONCE, 0, 0,
	  "server-info nonce=" NONCE " box=" },
	{ "server-info/25", "03 00000019" NONCE "77", 0, 0,
	  "server-info nonce=" NONCE " box=77" },
	{ "send/31", "04 0000001f" KEY31, DERP_E_SHORT, 0, NULL },
	{ "send/32", "04 00000020" KEY1, 0, 0, "send dst=" KEY1 " data=" },
	{ "send/33", "04 00000021" KEY1 "5a", 0, 0,
	  "send dst=" KEY1 " data=5a" },
	{ "forward/32", "0a 00000020" KEY1, DERP_E_SHORT, 0, NULL },
	{ "forward/63", "0a 0000003f" KEY2 KEY31, DERP_E_SHORT, 0, NULL },
	{ "forward/64", "0a 00000040" KEY2 KEY1, 0, 0,
	  "forward src=" KEY2 " dst=" KEY1 " data=" },
	{ "forward/65", "0a 00000041" KEY2 KEY1 "5a", 0, 0,
	  "forward src=" KEY2 " dst=" KEY1 " data=5a" },
	{ "preferred/0", "07 00000000", DERP_E_SHORT, 0, NULL },
	{ "preferred/80", "07 00000001 80", 0, 0, "preferred home=128" },
	{ "preferred/2", "07 00000002 01ff", 0, 1, "preferred home=1" },
	{ "watch/0", "10 00000000", 0, 0, "watch" },
	{ "watch/3", "10 00000003 010203", 0, 3, "watch" },
	{ "alive/2", "06 00000002 0102", 0, 2, "alive" },
	{ "close/31", "11 0000001f" KEY31, DERP_E_SHORT, 0, NULL },
	{ "close/32", "11 00000020" KEY2, 0, 0, "close key=" KEY2 },
	{ "close/34", "11 00000022" KEY2 "0102", 0, 2, "close key=" KEY2 },
	{ "gone/34", "08 00000022" KEY2 "0102", 0, 1,
	  "gone key=" KEY2 " reason=1" },
	{ "present/33", "09 00000021" KEY2 "01", 0, 1,
	  "present key=" KEY2 " ip= port=0 flags=0 app=" },
	{ "present/49", "09 00000031" KEY2 "0102030405060708090a0b0c0d0e0f1011",
	  0, 17, "present key=" KEY2 " ip= port=0 flags=0 app=" },
	{ "present/cut",
	  "09 00000036" KEY2 "0102030405060708090a0b0c0d0e0f10 1122 07 03 6161",
	  0, 3,
	  "present key=" KEY2 " ip=0102030405060708090a0b0c0d0e0f10"
	  " port=4386 flags=7 app=" },
	{ "present/longer",
	  "09 00000037" KEY2 "0102030405060708090a0b0c0d0e0f10 1122 07 02 6161"
	  "00",
	  0, 1,
	  "present key=" KEY2 " ip=0102030405060708090a0b0c0d0e0f10"
	  " port=4386 flags=7 app=6161" },
	{ "ping/9", "12 00000009 010203040506070809", 0, 1,
	  "ping data=0102030405060708" },
	{ "restarting/9", "15 00000009 8000000000000001ff", 0, 1,
	  "restarting in=2147483648 try=1" },
	{ "unknown/00", "00 00000001 01", DERP_E_TYPE, 0, NULL },
	{ "unknown/0b", "0b 00000000", DERP_E_TYPE, 0, NULL },
	{ "unknown/0f", "0f 00000000", DERP_E_TYPE, 0, NULL },
	{ "unknown/16", "16 00000000", DERP_E_TYPE, 0, NULL },
};

static void form_reads_as_told(void **state)
{
	const struct form *v = *state;
	struct bytes frame = unhex(v->frame), payload;
	struct say got = { .len = 0 };
	struct derp_msg m;

	memset(&m, 0xaa, sizeof m);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), v->err);
	if (v->err != 0) {
		assert_blank(&m, sizeof m);
	} else {
		assert_int_equal(m.tail, v->tail);
		say_msg(&got, &m, true);
		assert_string_equal(got.text, v->says);
		check_build(&m, &frame);
	}
	free(payload.at);
	free(frame.at);
}

/* A whole frame, cut everywhere: short, or another form of its own. */
static void every_truncation_is_short_or_a_form(void **state)
{
	static const struct {
		const char *frame;
		uint32_t least;
	} all[] = {
		{ "01 00000029" MAGIC KEY1 "ff", 40 },
		{ "02 0000003a" KEY1 NONCE "9988", 56 },
		{ "03 0000001a" NONCE "7788", 24 },
		{ "04 00000022" KEY1 "5a5b", 32 },
		{ "05 00000022" KEY1 "5a5b", 32 },
		{ "06 00000001 01", 0 },
		{ "07 00000002 0102", 1 },
		{ "08 00000022" KEY1 "0102", 32 },
		{ "09 00000036" KEY1
		  "0102030405060708090a0b0c0d0e0f10 1122 07 02 6162",
		  32 },
		{ "0a 00000042" KEY1 KEY2 "5a5b", 64 },
		{ "10 00000001 01", 0 },
		{ "11 00000021" KEY1 "01", 32 },
		{ "12 00000009 010203040506070809", 8 },
		{ "13 00000009 010203040506070809", 8 },
		{ "14 00000003 414243", 0 },
		{ "15 00000009 010203040506070809", 8 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(all); i++) {
		struct bytes whole = unhex(all[i].frame);

		for (size_t n = 0; n <= whole.len - 5; n++) {
			struct bytes frame = { exact(whole.at, n + 5), n + 5 };
			struct bytes payload;
			struct derp_msg m;
			int err;

			derp_head_build(frame.at, whole.at[0], (uint32_t)n);
			err = parse(&m, &payload, &frame, DERP_WIRE_V2);
			assert_int_equal(err,
					 n < all[i].least ? DERP_E_SHORT : 0);
			if (err == 0)
				check_build(&m, &frame);
			free(payload.at);
			free(frame.at);
		}
		free(whole.at);
	}
}

static void absent_is_not_zero(void **state)
{
	static const char ip[] = "0102030405060708090a0b0c0d0e0f10 0000";
	char hex[400];
	struct bytes frame, payload;
	struct derp_msg m;

	(void)state;
	frame = unhex("08 00000020" KEY1);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_int_equal(m.gone.reason, -1);
	free(payload.at);
	free(frame.at);

	frame = unhex("08 00000021" KEY1 "00");
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_int_equal(m.gone.reason, 0);
	free(payload.at);
	free(frame.at);

	frame = unhex("09 00000020" KEY1);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_null(m.present.ip);
	assert_int_equal(m.present.port, -1);
	assert_int_equal(m.present.flags, -1);
	assert_null(m.present.app);
	free(payload.at);
	free(frame.at);

	snprintf(hex, sizeof hex, "09 00000032 %s %s", KEY1, ip);
	frame = unhex(hex);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_int_equal(m.present.port, 0);
	assert_int_equal(m.present.flags, -1);
	assert_null(m.present.app);
	free(payload.at);
	free(frame.at);

	snprintf(hex, sizeof hex, "09 00000033 %s %s 00", KEY1, ip);
	frame = unhex(hex);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_int_equal(m.present.flags, 0);
	assert_null(m.present.app);
	assert_int_equal(m.present.app_len, -1);
	free(payload.at);
	free(frame.at);

	snprintf(hex, sizeof hex, "09 00000034 %s %s 00 00", KEY1, ip);
	frame = unhex(hex);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_non_null(m.present.app);
	assert_int_equal(m.present.app_len, 0);
	assert_int_equal(m.tail, 0);
	free(payload.at);
	free(frame.at);
}

/* Reported as it is, for others to judge. */
static void a_name_that_is_no_name_is_reported(void **state)
{
	struct bytes frame = unhex("09 00000036" KEY1
				   "0102030405060708090a0b0c0d0e0f10 1122 07"
				   "02 0aff");
	struct bytes payload;
	struct derp_msg m;

	(void)state;
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2), 0);
	assert_int_equal(m.present.app_len, 2);
	assert_memory_equal(m.present.app, "\x0a\xff", 2);
	free(payload.at);
	free(frame.at);
}

static void version_1_has_no_source(void **state)
{
	struct bytes frame = unhex("05 00000003 010203"), payload;
	struct bytes empty = unhex("05 00000000");
	struct derp_msg m;

	(void)state;
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V1), 0);
	assert_null(m.packet.src);
	assert_null(m.packet.dst);
	assert_int_equal(m.packet.len, 3);
	assert_memory_equal(m.packet.data, "\1\2\3", 3);
	check_build(&m, &frame);
	free(payload.at);
	assert_int_equal(parse(&m, &payload, &frame, DERP_WIRE_V2),
			 DERP_E_SHORT);
	free(payload.at);
	assert_int_equal(parse(&m, &payload, &empty, DERP_WIRE_V1), 0);
	assert_int_equal(m.packet.len, 0);
	free(payload.at);
	free(frame.at);
	free(empty.at);
}

static void a_frame_with_a_hole_is_short(void **state)
{
	uint8_t body[8] = { 0 };
	struct derp_frame f = { DERP_PING, 9, 8, body };
	struct derp_msg m;

	(void)state;
	memset(&m, 0xaa, sizeof m);
	assert_int_equal(derp_parse(&m, &f, DERP_WIRE_V2), DERP_E_SHORT);
	f.len = 8;
	f.have = 0;
	assert_int_equal(derp_parse(&m, &f, DERP_WIRE_V2), DERP_E_SHORT);
	f.type = DERP_HEALTH;
	assert_int_equal(derp_parse(&m, &f, DERP_WIRE_V2), DERP_E_SHORT);
	assert_blank(&m, sizeof m);
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(frames_1_102_5); i++)
		add_of(&s, "1.102.5", frames_1_102_5[i].name,
		       reads_as_1_102_5_reads, &frames_1_102_5[i]);
	for (size_t i = 0; i < NUM(frames_1_104_5); i++)
		add_of(&s, "1.104.5", frames_1_104_5[i].name,
		       reads_as_1_104_5_reads, &frames_1_104_5[i]);
	for (size_t i = 0; i < NUM(forms); i++)
		add(&s, forms[i].name, form_reads_as_told, &forms[i]);
	ADD(&s, every_truncation_is_short_or_a_form);
	ADD(&s, absent_is_not_zero);
	ADD(&s, a_name_that_is_no_name_is_reported);
	ADD(&s, version_1_has_no_source);
	ADD(&s, a_frame_with_a_hole_is_short);
	return run("parse", &s);
}
