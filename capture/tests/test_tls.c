/*
 * test_tls.c - TLS sessions of OpenSSL, made here in memory, as captures: every
 * suite and version, any segments, lost and damaged bytes.
 */
#include "tls_session.h"

#define P8(n) n n n n n n n n " 8\n"
static const char whole[] =
	"1- open\n1> http GET\n1- start fast-start\n"
	"1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"
	"1< ServerKey 44455250f09f9491.. 40\n"
	"1> Ping " P8("01") "1< Pong " P8("11") "1> Ping " P8("02") "1< Pong " P8("12") "1> Ping " P8("03") "1< Pong " P8(
		"13") "1> Ping " P8("04") "1< Pong " P8("14") "1> Ping " P8("05") "1< Pong " P8("15");

static void every_cut_gives_the_frames(void **state)
{
	static const size_t sizes[] = { 1,  2,  3,   4,   5,    6,    7,
					21, 22, 100, 517, 1448, 65000 };
	struct session s, first;
	char *got, *got_first;
	size_t i;

	make(&s, &first, *state);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (first.num > 0 && (((struct kind *)*state)->flags & FORGET))
			break;
		got = decode(&s, &s.keys, sizes[i], CLIENT, 0, 0);
		assert_string_equal(got, whole);
		free(got);
		if (first.num == 0)
			continue;
		got_first = decode(&first, &s.keys, sizes[i], CLIENT, 0, 0);
		assert_string_equal(got_first, whole);
		free(got_first);
	}
	session_free(&s);
	session_free(&first);
}

/* Go logs the master secret of the first connection only. */
static void a_session_goes_on_with_its_ticket(void **state)
{
	struct session s, first;
	struct record r = { 0 };
	struct build b;
	char *at;

	(void)state;
	make(&s, &first, &kinds[NUM_KINDS - 1]);
	build_init(&b);
	wire(&b, &first, 1448, CLIENT, 0, 0);
	b.ports[CLIENT]++;
	wire(&b, &s, 1448, CLIENT, 0, 0);
	play_tls(&b, &s.keys, &r);
	at = strstr(r.text, "2- open\n");
	assert_non_null(at);
	assert_non_null(strstr(at, "2< Pong " P8("15")));
	free(r.text);
	build_free(&b);
	session_free(&s);
	session_free(&first);
}

static int on_open(void *ctx, const struct capture_event *e)
{
	struct record *r = ctx;
	int i;

	if (e->what == CAPTURE_OPEN) {
		record(r, "%s %s", e->flow->tls, e->flow->cipher);
		for (i = 0; e->flow->has_server_key && i < DERP_KEY_LEN; i++)
			assert_int_equal(e->flow->server_key[i], 0xaa);
		record(r, "%s", e->flow->has_server_key ? " meta" : "");
	}
	return 0;
}

static void open_says_version_cipher_and_meta_key(void **state)
{
	const struct kind *k = *state;
	struct session s, first;
	struct record r = { 0 };
	struct capture *c = capture_new(on_open, &r, NULL);
	struct build b;
	char want[64];

	make(&s, &first, k);
	build_init(&b);
	wire(&b, &s, 1448, CLIENT, 0, 0);
	capture_keylog_memory(c, s.keys.bytes, s.keys.len, "keys");
	assert_int_equal(capture_read_memory(c, b.bytes, b.len, "test"), 0);
	snprintf(want, sizeof(want), "%s%s", k->shown,
		 k->version == TLS1_3_VERSION ? " meta" : "");
	assert_string_equal(r.text, want);
	capture_free(c);
	free(r.text);
	build_free(&b);
	session_free(&s);
	session_free(&first);
}

static int count(const char *text, const char *word)
{
	int n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return n;
}

/* Where the client's data begins: the chunk of its request. */
static int request_chunk(const struct session *s)
{
	int i, seen = 0;

	for (i = s->num - 1; i >= 0; i--)
		if (s->chunk[i].from == CLIENT && ++seen == 7)
			return i; /* close, five pings, the request */
	return -1;
}

static int client_chunk(const struct session *s, int n)
{
	int i;

	for (i = request_chunk(s); i < s->num; i++)
		if (s->chunk[i].from == CLIENT && n-- == 0)
			return i;
	return -1;
}

/* Whole records lost: to the byte, and in step again with the next. */
static void lost_records_cost_themselves(void **state)
{
	struct session s, first;
	struct kind *k = *state;
	int lost, i, a;
	char *got;

	make(&s, &first, k);
	for (lost = 1; lost <= 3; lost++) {
		a = client_chunk(&s, 2); /* the second ping */
		assert_true(a >= 0);
		i = client_chunk(&s, 1 + lost);
		got = decode(&s, &s.keys, 1448, CLIENT, s.chunk[a].begin,
			     s.chunk[i].end);
		assert_int_equal(count(got, "1> Ping"), 5 - lost);
		assert_int_equal(count(got, "1< Pong"), 5);
		/* How many records of each key were lost is not known. */
		if (lost == 1 && (k->flags & UPDATE) == 0)
			assert_int_equal(count(got, "1> gap 13 not-captured\n"),
					 1);
		if (lost == 2 && (k->flags & UPDATE) == 0)
			assert_int_equal(count(got, "1> gap 26 not-captured\n"),
					 1);
		assert_int_equal(count(got, "gap"), 1);
		free(got);
	}
	session_free(&s);
	session_free(&first);
}

static int gap_bytes(const char *got)
{
	int n, sum = 0;

	for (; (got = strstr(got, " gap ")) != NULL; got++)
		if (sscanf(got, " gap %d", &n) == 1)
			sum += n;
	return sum;
}

/* Every hole of a few bytes in the client's records costs one or two pings and
 * no more; nothing is ever wrong. */
static void any_hole_is_survived(void **state)
{
	struct session s, first;
	size_t at, len, end;
	int a, b;
	char *got;

	make(&s, &first, *state);
	a = client_chunk(&s, 1);
	b = client_chunk(&s, 4);
	end = s.chunk[b].begin;
	for (at = s.chunk[a].begin; at < end; at++) {
		for (len = 1; len <= 40 && at + len <= end; len += 13) {
			got = decode(&s, &s.keys, 1448, CLIENT, at, at + len);
			assert_true(count(got, "1> Ping") >= 2);
			assert_true(count(got, "gap") >= 1);
			if ((((struct kind *)*state)->flags & UPDATE) == 0)
				assert_int_equal(
					gap_bytes(got),
					13 * (5 - count(got, "1> Ping")));
			assert_int_equal(count(got, "invalid"), 0);
			assert_int_equal(count(got, "1< Pong"), 5);
			assert_non_null(strstr(got, "1> Ping " P8("05")));
			free(got);
		}
	}
	session_free(&s);
	session_free(&first);
}

/* A hole anywhere in the handshake: read, or named as not read. */
static void a_hole_in_the_handshake_is_told(void **state)
{
	struct session s, first;
	size_t at, end;
	int side;
	char *got;

	make(&s, &first, *state);
	for (side = 0; side < 2; side++) {
		end = s.chunk[client_chunk(&s, 0)].begin;
		if (side == SERVER)
			end = s.side[SERVER].len * 2 / 3;
		for (at = 0; at < end; at += 7) {
			got = decode(&s, &s.keys, 1448, side, at, at + 9);

			assert_true(count(got, "Ping") >= 4 ||
				    count(got, "1> tls\n") +
						    count(got, "1< tls\n") ==
					    1);
			free(got);
		}
	}
	session_free(&s);
	session_free(&first);
}

/* One byte of a ping's record is wrong. */
static void a_flipped_byte_costs_its_record(void **state)
{
	struct session s, first;
	size_t at;
	char *got;
	int a;

	make(&s, &first, *state);
	a = client_chunk(&s, 2);
	for (at = s.chunk[a].begin + 5; at < s.chunk[a].end; at++) {
		s.side[CLIENT].bytes[at] ^= 0x20;
		got = decode(&s, &s.keys, 1448, CLIENT, 0, 0);
		s.side[CLIENT].bytes[at] ^= 0x20;
		assert_int_equal(count(got, "1> gap 13 sealed-record"), 1);
		assert_int_equal(count(got, "1> Ping"), 4);
		assert_null(strstr(got, "1> Ping " P8("02")));
		free(got);
	}
	session_free(&s);
	session_free(&first);
}

/* Any prefix of the session is read up to its end. */
static void a_cut_capture_is_truncated(void **state)
{
	struct session s, first;
	size_t full, to;
	char *got;

	make(&s, &first, *state);
	full = s.side[CLIENT].len;
	for (to = 0; to < full; to += 5) {
		got = decode(&s, &s.keys, 1448, CLIENT, to, full);
		assert_int_equal(count(got, "gap"), 0);
		assert_int_equal(count(got, "invalid"), 0);
		free(got);
	}
	session_free(&s);
	session_free(&first);
}

static void without_its_key_it_is_named(void **state)
{
	struct session s, first, other;
	char *got;

	make(&other, &first, &kinds[0]);
	session_free(&first);
	make(&s, &first, *state);
	got = decode(&s, NULL, 1448, CLIENT, 0, 0);
	assert_string_equal(got, "1> tls\n");
	free(got);
	got = decode(&s, &other.keys, 1448, CLIENT, 0, 0);
	assert_string_equal(got, "1< tls\n");
	free(got);
	session_free(&s);
	session_free(&first);
	session_free(&other);
}

/* The client's packets were captured before the server's hello. */
static void a_client_that_comes_first_waits(void **state)
{
	struct session s, first;
	struct record r = { 0 };
	struct build b;
	int i, from;

	(void)state;
	make(&s, &first, &kinds[0]);
	build_init(&b);
	hello(&b, 1000, 5000);
	for (from = 0; from < 2; from++)
		for (i = 0; i < s.num; i++)
			if (s.chunk[i].from == from)
				segment(&b, from,
					(from == CLIENT ? 1000u : 5000u) +
						(uint32_t)s.chunk[i].begin,
					0,
					s.side[from].bytes + s.chunk[i].begin,
					s.chunk[i].end - s.chunk[i].begin);
	play_tls(&b, &s.keys, &r);
	assert_int_equal(count(r.text, "1> Ping"), 5);
	assert_int_equal(count(r.text, "1< Pong"), 5);
	assert_int_equal(count(r.text, "gap"), 0);
	free(r.text);
	build_free(&b);
	session_free(&s);
	session_free(&first);
}

/* The last digit of every secret is another. */
static void a_wrong_key_opens_nothing(void **state)
{
	struct session s, first;
	char *got;
	size_t i;

	make(&s, &first, *state);
	for (i = 1; i < s.keys.len; i++)
		if (s.keys.bytes[i] == '\n')
			s.keys.bytes[i - 1] =
				s.keys.bytes[i - 1] == '0' ? '1' : '0';
	got = decode(&s, &s.keys, 1448, CLIENT, 0, 0);
	assert_int_equal(count(got, "Ping"), 0);
	assert_int_equal(count(got, " tls\n"), 1);
	free(got);
	session_free(&s);
	session_free(&first);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} each[] = {
		{ "cuts", every_cut_gives_the_frames },
		{ "open", open_says_version_cipher_and_meta_key },
		{ "lost", lost_records_cost_themselves },
		{ "hole", any_hole_is_survived },
		{ "handshake", a_hole_in_the_handshake_is_told },
		{ "flip", a_flipped_byte_costs_its_record },
		{ "prefix", a_cut_capture_is_truncated },
		{ "no-key", without_its_key_it_is_named },
		{ "wrong-key", a_wrong_key_opens_nothing },
	};
	static const struct CMUnitTest rest[] = {
		cmocka_unit_test(a_session_goes_on_with_its_ticket),
		cmocka_unit_test(a_client_that_comes_first_waits),
	};
	enum { EACH = sizeof(each) / sizeof(each[0]) };
	static struct CMUnitTest tests[EACH * NUM_KINDS];
	static char names[EACH * NUM_KINDS][64];
	size_t i, j, n = 0;
	int failed;

	for (i = 0; i < EACH; i++) {
		for (j = 0; j < NUM_KINDS; j++) {
			/* Secrets of these are in another connection, or
			 * resumption shows no certificate. */
			if (i > 0 &&
			    (kinds[j].flags & (RESUME | NO_HAND | PAD)))
				continue;
			if (i == 0 && (kinds[j].flags & FORGET))
				continue;
			snprintf(names[n], sizeof(names[n]), "%s/%s",
				 each[i].name, kinds[j].name);
			tests[n] = (struct CMUnitTest){ names[n], each[i].run,
							NULL, NULL, &kinds[j] };
			n++;
		}
	}
	failed = _cmocka_run_group_tests("tls", tests, n, make_certificates,
					 free_certificates);
	return failed + cmocka_run_group_tests(rest, make_certificates,
					       free_certificates);
}
