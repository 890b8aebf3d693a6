/*
 * test_tls.c - TLS sessions of OpenSSL, made here in memory, as captures: every
 * suite and version, any segments, lost and damaged bytes.
 */
#include "builder.h"
#include "tls_seal.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

enum {
	RETRY = 1,   /* the server wants another group */
	UPDATE = 2,  /* both sides change their keys */
	RESUME = 4,  /* the session goes on from one before */
	FORGET = 8,  /* of the one before, no secrets are kept for this one */
	SPLIT = 16,  /* handshake messages over many records */
	NO_HAND = 32 /* handshake secrets are not logged */
};

struct kind {
	const char *name;
	int version;
	const char *suite; /* of OpenSSL */
	const char *shown;
	int flags;
};

static struct kind kinds[] = {
	{ "1.3/aes-128", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  "TLS 1.3 AES-128-GCM", 0 },
	{ "1.3/aes-256", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384",
	  "TLS 1.3 AES-256-GCM", 0 },
	{ "1.3/chacha", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256",
	  "TLS 1.3 ChaCha20-Poly1305", 0 },
	{ "1.3/retry", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  "TLS 1.3 AES-128-GCM", RETRY },
	{ "1.3/update", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384",
	  "TLS 1.3 AES-256-GCM", UPDATE },
	{ "1.3/resume", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  "TLS 1.3 AES-128-GCM", RESUME },
	{ "1.3/split", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  "TLS 1.3 AES-128-GCM", SPLIT },
	{ "1.3/no-handshake-secrets", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  "TLS 1.3 AES-128-GCM", NO_HAND },
	{ "1.2/aes-128", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256",
	  "TLS 1.2 AES-128-GCM", 0 },
	{ "1.2/aes-256", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384",
	  "TLS 1.2 AES-256-GCM", 0 },
	{ "1.2/chacha", TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305",
	  "TLS 1.2 ChaCha20-Poly1305", 0 },
	{ "1.2/split", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256",
	  "TLS 1.2 AES-128-GCM", SPLIT },
	{ "1.2/resume", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256",
	  "TLS 1.2 AES-128-GCM", RESUME },
	{ "1.2/resume-not-logged", TLS1_2_VERSION,
	  "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS 1.2 AES-128-GCM",
	  RESUME | FORGET },
};

#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define CHUNKS_MAX 256

/* What went over the wire, in order. */
struct chunk_of {
	int from;
	size_t end; /* of its side's stream */
	size_t begin;
};

struct session {
	struct build side[2];
	struct chunk_of chunk[CHUNKS_MAX];
	int num;
	struct build keys;
};

static struct build *logged; /* where on_keylog() writes */
static bool no_hand;

static void on_keylog(const SSL *ssl, const char *line)
{
	(void)ssl;
	if (logged == NULL || (no_hand && strstr(line, "HANDSHAKE") != NULL))
		return;
	text(logged, line);
	text(logged, "\n");
}

/* ---- certificates ------------------------------------------------------ */

static EVP_PKEY *pkey;
static X509 *leaf, *meta;

static X509 *certificate(const char *name)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);

	assert_int_equal(X509_set_version(x, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	/* By this way alone a name may be as long as that of DERP. */
	assert_int_equal(X509_NAME_add_entry_by_NID(
				 n, NID_commonName, V_ASN1_PRINTABLESTRING,
				 (const unsigned char *)name, -1, -1, 0),
			 1);
	X509_set_issuer_name(x, n);
	X509_set_pubkey(x, pkey);
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	return x;
}

static int make_certificates(void **state)
{
	char name[7 + 64 + 1] = "derpkey";
	int i;

	(void)state;
	for (i = 0; i < 64; i++)
		name[7 + i] = 'a';
	pkey = EVP_EC_gen("P-256");
	leaf = certificate("localhost");
	meta = certificate(name);
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	X509_free(leaf);
	X509_free(meta);
	EVP_PKEY_free(pkey);
	return 0;
}

/* ---- sessions ---------------------------------------------------------- */

static SSL_CTX *context(const struct kind *k, bool server)
{
	SSL_CTX *ctx =
		SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	assert_non_null(ctx);
	SSL_CTX_set_min_proto_version(ctx, k->version);
	SSL_CTX_set_max_proto_version(ctx, k->version);
	if (k->version == TLS1_3_VERSION)
		assert_int_equal(SSL_CTX_set_ciphersuites(ctx, k->suite), 1);
	else
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, k->suite), 1);
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	if ((k->flags & SPLIT) != 0)
		SSL_CTX_set_max_send_fragment(ctx, 512);
	SSL_CTX_set1_groups_list(ctx, server && (k->flags & RETRY) != 0
					      ? "P-256"
					      : "X25519:P-256");
	if (!server)
		return ctx;
	assert_int_equal(SSL_CTX_use_certificate(ctx, leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pkey), 1);
	X509_up_ref(meta);
	SSL_CTX_add_extra_chain_cert(ctx, meta);
	return ctx;
}

struct ends {
	SSL *ssl[2];
	struct session *s;
};

/* What from has written goes to the other side, and into the record. */
static void carry(struct ends *e, int from)
{
	struct session *s = e->s;
	uint8_t buf[4096];
	int n;

	while ((n = BIO_read(SSL_get_wbio(e->ssl[from]), buf, sizeof(buf))) >
	       0) {
		assert_true(s->num < CHUNKS_MAX);
		s->chunk[s->num].from = from;
		s->chunk[s->num].begin = s->side[from].len;
		put(&s->side[from], buf, (size_t)n);
		s->chunk[s->num++].end = s->side[from].len;
		BIO_write(SSL_get_rbio(e->ssl[!from]), buf, n);
	}
}

static void drink(struct ends *e, int side)
{
	uint8_t buf[4096];

	while (SSL_read(e->ssl[side], buf, sizeof(buf)) > 0)
		;
}

static void say(struct ends *e, int from, struct build *b)
{
	assert_int_equal(SSL_write(e->ssl[from], b->bytes, (int)b->len),
			 (int)b->len);
	carry(e, from);
	drink(e, !from);
	carry(e, !from);
	build_free(b);
}

/* Three pings, each a record of its own, whatever else happens. */
static void talk(struct ends *e, const struct kind *k)
{
	struct build b = { 0 };
	int i;

	text(&b, FAST_REQUEST);
	client_info(&b);
	say(e, CLIENT, &b);
	server_key(&b);
	say(e, SERVER, &b);
	for (i = 1; i <= 5; i++) {
		if ((k->flags & UPDATE) != 0 && i == 3)
			assert_int_equal(
				SSL_key_update(e->ssl[CLIENT],
					       SSL_KEY_UPDATE_REQUESTED),
				1);
		ping(&b, (uint8_t)i);
		say(e, CLIENT, &b);
		filled(&b, DERP_PONG, 8, (uint8_t)(0x10 + i));
		say(e, SERVER, &b);
	}
}

static SSL_SESSION *run(struct session *s, const struct kind *k,
			SSL_CTX *ctx[2], SSL_SESSION *old)
{
	struct ends e = { .s = s };
	SSL_SESSION *now;
	int i, ret;

	for (i = 0; i < 2; i++) {
		e.ssl[i] = SSL_new(ctx[i]);
		SSL_set_bio(e.ssl[i], BIO_new(BIO_s_mem()),
			    BIO_new(BIO_s_mem()));
	}
	SSL_set_connect_state(e.ssl[CLIENT]);
	SSL_set_accept_state(e.ssl[SERVER]);
	if (old != NULL)
		SSL_set_session(e.ssl[CLIENT], old);
	for (i = 0; i < 10; i++) {
		ret = SSL_do_handshake(e.ssl[i % 2]);
		carry(&e, i % 2);
	}
	assert_int_equal(ret, 1);
	if (old != NULL)
		assert_true(SSL_session_reused(e.ssl[CLIENT]));
	talk(&e, k);
	now = SSL_get1_session(e.ssl[CLIENT]);
	for (i = 0; i < 2; i++) {
		SSL_shutdown(e.ssl[i]);
		carry(&e, i);
		SSL_free(e.ssl[i]);
	}
	return now;
}

static void session_free(struct session *s)
{
	build_free(&s->side[0]);
	build_free(&s->side[1]);
	build_free(&s->keys);
}

/* The session, and with RESUME, in *first, the one that it goes on from. */
static void make(struct session *s, struct session *first, const struct kind *k)
{
	SSL_CTX *ctx[2] = { context(k, false), context(k, true) };
	SSL_SESSION *old = NULL, *now;

	memset(s, 0, sizeof(*s));
	memset(first, 0, sizeof(*first));
	no_hand = (k->flags & NO_HAND) != 0;
	logged = &s->keys;
	if ((k->flags & RESUME) != 0)
		old = run(first, k, ctx, NULL);
	if ((k->flags & FORGET) != 0)
		logged = NULL;
	now = run(s, k, ctx, old);
	SSL_SESSION_free(old);
	SSL_SESSION_free(now);
	SSL_CTX_free(ctx[0]);
	SSL_CTX_free(ctx[1]);
}

/* ---- captures ---------------------------------------------------------- */

/* In segments of at most max bytes; bytes [from, to) of side are lost. */
static void wire(struct build *b, const struct session *s, size_t max, int side,
		 size_t from, size_t to)
{
	size_t at, n;
	int i;

	hello(b, 1000, 5000);
	for (i = 0; i < s->num; i++) {
		const struct chunk_of *k = &s->chunk[i];

		for (at = k->begin; at < k->end; at += n) {
			n = k->end - at < max ? k->end - at : max;
			if (k->from == side && at < to && from < to) {
				if (at >= from) {
					n = to - at < n ? to - at : n;
					continue;
				}
				if (from - at < n)
					n = from - at;
			}
			segment(b, k->from,
				(k->from == CLIENT ? 1000u : 5000u) +
					(uint32_t)at,
				0, s->side[k->from].bytes + at, n);
		}
	}
}

/* As play_limited(), with secrets. */
static void play_tls(const struct build *b, const struct build *keys,
		     struct record *r)
{
	struct capture *c = capture_new(record_event, r, NULL);
	uint8_t *exact = malloc(b->len);

	assert_non_null(c);
	assert_non_null(exact);
	memcpy(exact, b->bytes, b->len);
	record(r, "%s", "");
	if (keys != NULL)
		assert_int_equal(capture_keylog_memory(c, keys->bytes,
						       keys->len, "keys"),
				 0);
	assert_int_equal(capture_read_memory(c, exact, b->len, "test"), 0);
	capture_free(c);
	free(exact);
}

static char *decode(const struct session *s, const struct build *keys,
		    size_t max, int side, size_t from, size_t to)
{
	struct record r = { 0 };
	struct build b;

	build_init(&b);
	wire(&b, s, max, side, from, to);
	play_tls(&b, keys, &r);
	build_free(&b);
	return r.text;
}

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
	free(got);
	session_free(&s);
	session_free(&first);
}

/* ---- vectors ----------------------------------------------------------- */

static void unhex(uint8_t *to, size_t n, const char *hex)
{
	unsigned v;
	size_t i;

	assert_int_equal(strlen(hex), 2 * n);
	for (i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		to[i] = (uint8_t)v;
	}
}

/* RFC 8448, 3: the server's handshake traffic secret, its key and IV. */
static void keys_are_those_of_rfc8448(void **state)
{
	const struct seal_suite *suite = seal_suite(0x1301);
	uint8_t secret[32], key[16], iv[12], want[16];

	(void)state;
	unhex(secret, 32,
	      "b67b7d690cc16c4e75e54213cb2d37b4"
	      "e9c912bcded9105d42befd59d391ad38");
	assert_int_equal(seal_expand(suite, secret, "key", key, 16), 0);
	unhex(want, 16, "3fce516009c21727d0f2e4e86ee403bc");
	assert_memory_equal(key, want, 16);
	assert_int_equal(seal_expand(suite, secret, "iv", iv, 12), 0);
	unhex(want, 12, "5d313eb2671276ee13000b30");
	assert_memory_equal(iv, want, 12);
}

/* RFC 8448, 3: application data of the client, 50 bytes 00..31. */
static void a_record_of_rfc8448_opens(void **state)
{
	struct seal s = { 0 };
	uint8_t secret[32], out[SEAL_RECORD_MAX], *rec = malloc(72);
	int i;

	(void)state;
	assert_non_null(rec);
	unhex(secret, 32,
	      "9e40646ce79a7f9dc05af8889bce6552"
	      "875afa0b06df0087f792ebb7c17504a5");
	unhex(rec, 72,
	      "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f"
	      "2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae6"
	      "3aeebb21694915e4");
	assert_int_equal(seal_from_secret(&s, seal_suite(0x1301), secret), 0);
	assert_int_equal(seal_open(&s, 0, rec, 72, out), 51);
	for (i = 0; i < 50; i++)
		assert_int_equal(out[i], i);
	assert_int_equal(out[50], 0x17);
	assert_int_equal(seal_open(&s, 1, rec, 72, out), -1);
	rec[71] ^= 1;
	assert_int_equal(seal_open(&s, 0, rec, 72, out), -1);
	seal_free(&s);
	free(rec);
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
		cmocka_unit_test(keys_are_those_of_rfc8448),
		cmocka_unit_test(a_record_of_rfc8448_opens),
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
			if (i > 0 && (kinds[j].flags & (RESUME | NO_HAND)))
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
