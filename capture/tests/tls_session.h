/*
 * tls_session.h - TLS sessions of OpenSSL, made in memory, as captures.
 *
 *   make()   client <-- memory --> server; what went over, and the key log
 *   wire()   that as TCP segments, with a hole where it is wanted
 *   decode() the events that come of it
 */
#ifndef CAPTURE_TESTS_TLS_SESSION_H
#define CAPTURE_TESTS_TLS_SESSION_H

#include "builder.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

enum {
	RETRY = 1,    /* the server wants another group */
	UPDATE = 2,   /* both sides change their keys */
	RESUME = 4,   /* the session goes on from one before */
	FORGET = 8,   /* of the one before, no secrets are kept for this one */
	SPLIT = 16,   /* handshake messages over many records */
	NO_HAND = 32, /* handshake secrets are not logged */
	PAD = 64
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
	{ "1.3/padded", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
	  "TLS 1.3 AES-128-GCM", PAD },
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

static inline void on_keylog(const SSL *ssl, const char *line)
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

static inline X509 *certificate(const char *name)
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

static inline int make_certificates(void **state)
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

static inline int free_certificates(void **state)
{
	(void)state;
	X509_free(leaf);
	X509_free(meta);
	EVP_PKEY_free(pkey);
	return 0;
}

/* ---- sessions ---------------------------------------------------------- */

static inline SSL_CTX *context(const struct kind *k, bool server)
{
	char one[] = "P-256", both[] = "X25519:P-256";
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
	if ((k->flags & PAD) != 0)
		SSL_CTX_set_block_padding(ctx, 128);
	if ((k->flags & SPLIT) != 0)
		SSL_CTX_set_max_send_fragment(ctx, 512);
	SSL_CTX_set1_groups_list(ctx, server && (k->flags & RETRY) != 0 ? one
									: both);
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
static inline void carry(struct ends *e, int from)
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

static inline void drink(struct ends *e, int side)
{
	uint8_t buf[4096];

	while (SSL_read(e->ssl[side], buf, sizeof(buf)) > 0)
		;
}

static inline void say(struct ends *e, int from, struct build *b)
{
	assert_int_equal(SSL_write(e->ssl[from], b->bytes, (int)b->len),
			 (int)b->len);
	carry(e, from);
	drink(e, !from);
	carry(e, !from);
	build_free(b);
}

/* Three pings, each a record of its own, whatever else happens. */
static inline void talk(struct ends *e, const struct kind *k)
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

static inline SSL_SESSION *run(struct session *s, const struct kind *k,
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

static inline void session_free(struct session *s)
{
	build_free(&s->side[0]);
	build_free(&s->side[1]);
	build_free(&s->keys);
}

/* The session, and with RESUME, in *first, the one that it goes on from. */
static inline void make(struct session *s, struct session *first,
			const struct kind *k)
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
static inline void wire(struct build *b, const struct session *s, size_t max,
			int side, size_t from, size_t to)
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
static inline void play_tls(const struct build *b, const struct build *keys,
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

static inline char *decode(const struct session *s, const struct build *keys,
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

#endif
