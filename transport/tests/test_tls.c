/*
 * test_tls.c - TLS between two ends of a socket pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tls_parts.h"

#define DAY ((time_t)24 * 3600)
#define KEY_HEX                                                                \
	"0102030405060708090a0b0c0d0e0f10"                                     \
	"1112131415161718191a1b1c1d1e1f20"

static char dir[] = "/tmp/test_tls.XXXXXX";
static uint8_t server_key[DERP_KEY_LEN];

static const char *path(const char *name)
{
	static char text[4][64];
	static int next;

	next = (next + 1) % 4;
	snprintf(text[next], sizeof text[next], "%s/%s", dir, name);
	return text[next];
}

/* NAME.crt and NAME.key in the folder of this test. */
static void make_files(const char *file, const char *name, time_t from,
		       time_t until)
{
	char text[32];
	EVP_PKEY *key;
	X509 *cert;
	FILE *f;

	assert_int_equal(tls_cert_self_signed(&cert, &key, name,
					      time(NULL) + from,
					      time(NULL) + until),
			 0);
	snprintf(text, sizeof text, "%s.crt", file);
	assert_non_null(f = fopen(path(text), "w"));
	assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
	snprintf(text, sizeof text, "%s.key", file);
	assert_non_null(f = fopen(path(text), "w"));
	assert_int_equal(
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof server_key; i++)
		server_key[i] = (uint8_t)(i + 1);
	if (mkdtemp(dir) == NULL)
		return -1;
	make_files("good", "relay.example", -DAY, DAY);
	make_files("other", "other.example", -DAY, DAY);
	make_files("ip", "127.0.0.1", -DAY, DAY);
	make_files("old", "relay.example", -2 * DAY, -DAY);
	make_files("early", "relay.example", DAY, 2 * DAY);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* ---- two ends -------------------------------------------------------- */

struct pair {
	struct tls_setup *cs, *ss;
	struct tls *c, *s;
	int fd[4]; /* client, its far end, the server's far end, server */
	size_t cut;
	char c_err[TRANSPORT_ERR_MAX], s_err[TRANSPORT_ERR_MAX];
	int c_done, s_done;
};

static struct tls_setup *server_of(const char *file)
{
	char cert[64], key[64], err[TRANSPORT_ERR_MAX];
	struct tls_server_options o = { .cert_file = cert,
					.key_file = key,
					.meta_key = server_key };
	struct tls_setup *s;

	snprintf(cert, sizeof cert, "%s/%s.crt", dir, file);
	snprintf(key, sizeof key, "%s/%s.key", dir, file);
	s = tls_server_new(&o, err);
	if (s == NULL)
		fail_msg("%s", err);
	return s;
}

static struct tls_setup *client_of(const struct tls_client_options *o)
{
	char err[TRANSPORT_ERR_MAX];
	struct tls_setup *s = tls_client_new(o, err);

	if (s == NULL)
		fail_msg("%s", err);
	return s;
}

static void nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* cut 0: one socket pair; else bytes are carried over by hand. */
static void open_pair(struct pair *p, struct tls_setup *cs,
		      struct tls_setup *ss, size_t cut)
{
	memset(p, 0, sizeof *p);
	p->cs = cs;
	p->ss = ss;
	p->cut = cut;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fd), 0);
	p->fd[2] = -1;
	p->fd[3] = p->fd[1];
	if (cut > 0)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fd + 2),
				 0);
	for (int i = 0; i < 4; i++)
		if (p->fd[i] >= 0)
			nonblocking(p->fd[i]);
	assert_non_null(p->c = tls_new(cs, p->fd[0]));
	assert_non_null(p->s = tls_new(ss, p->fd[3]));
}

static void close_pair(struct pair *p)
{
	tls_free(p->c);
	tls_free(p->s);
	tls_setup_free(p->cs);
	tls_setup_free(p->ss);
	for (int i = 0; i < 4; i++)
		if (p->fd[i] >= 0 && (i != 1 || p->fd[1] != p->fd[3]))
			close(p->fd[i]);
}

static void carry(const struct pair *p, int from, int to)
{
	uint8_t bytes[64];
	ssize_t n = read(from, bytes, p->cut);

	if (n > 0)
		assert_int_equal(write(to, bytes, (size_t)n), n);
}

static void turn(const struct pair *p)
{
	if (p->cut == 0)
		return;
	carry(p, p->fd[1], p->fd[2]);
	carry(p, p->fd[2], p->fd[1]);
}

static void shake(struct pair *p)
{
	for (int i = 0; i < 20000; i++) {
		if (p->c_done == 0)
			p->c_done = tls_handshake(p->c, p->c_err);
		turn(p);
		if (p->s_done == 0)
			p->s_done = tls_handshake(p->s, p->s_err);
		if (p->c_done != 0 && p->s_done != 0)
			return;
	}
	fail_msg("the handshake does not end");
}

static void assert_shaken(struct pair *p)
{
	shake(p);
	if (p->c_done != 1 || p->s_done != 1)
		fail_msg("client: %s; server: %s", p->c_err, p->s_err);
}

/* len bytes from one to the other, as one buffer of exactly that size. */
static void assert_carried(struct pair *p, struct tls *from, struct tls *to,
			   size_t len)
{
	uint8_t *sent = malloc(len), *got = malloc(len);
	size_t out = 0, in = 0;
	ssize_t n;

	assert_true(sent != NULL && got != NULL);
	for (size_t i = 0; i < len; i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	for (int i = 0; in < len && i < 200000; i++) {
		if (out < len) {
			n = tls_write(from, sent + out, len - out);
			assert_true(n > 0 || errno == EAGAIN);
			out += n > 0 ? (size_t)n : 0;
		} else {
			assert_true(tls_flush(from) >= 0);
		}
		turn(p);
		n = tls_read(to, got + in, len - in);
		assert_true(n > 0 || (n < 0 && errno == EAGAIN));
		in += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(in, len);
	assert_memory_equal(sent, got, len);
	free(sent);
	free(got);
}

static const struct tls_client_options trusting = { .host = "relay.example",
						    .insecure = true };

static void good_pair(struct pair *p, size_t cut)
{
	open_pair(p, client_of(&trusting), server_of("good"), cut);
	assert_shaken(p);
}

/* ---- handshakes and bytes -------------------------------------------- */

static void both_versions(void **state)
{
	static const struct {
		int version;
		const char *name;
		bool meta;
	} rows[] = { { TLS1_2_VERSION, "TLSv1.2", false },
		     { TLS1_3_VERSION, "TLSv1.3", true } };
	uint8_t key[DERP_KEY_LEN];
	struct pair p;
	int version = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_pair(&p, client_of(&trusting), server_of("good"), 0);
		SSL_set_max_proto_version(p.c->ssl, rows[i].version);
		assert_shaken(&p);
		assert_string_equal(tls_version(p.c), rows[i].name);
		assert_carried(&p, p.c, p.s, 100);
		assert_carried(&p, p.s, p.c, 65536);
		assert_int_equal(tls_meta_key(p.c, key, &version),
				 rows[i].meta);
		if (rows[i].meta) {
			assert_memory_equal(key, server_key, sizeof key);
			assert_int_equal(version, 2);
		}
		close_pair(&p);
	}
}

static void tls_1_1_is_refused(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, client_of(&trusting), server_of("good"), 0);
	SSL_set_security_level(p.c->ssl, 0);
	SSL_set_min_proto_version(p.c->ssl, TLS1_1_VERSION);
	SSL_set_max_proto_version(p.c->ssl, TLS1_1_VERSION);
	shake(&p);
	assert_int_equal(p.c_done, -1);
	assert_int_equal(p.s_done, -1);
	close_pair(&p);
}

static void every_cut_carries_the_same(void **state)
{
	struct pair p;

	(void)state;
	for (size_t cut = 1; cut <= 64; cut += cut < 8 ? 1 : 7) {
		good_pair(&p, cut);
		assert_carried(&p, p.c, p.s, 1500);
		assert_carried(&p, p.s, p.c, 1500);
		close_pair(&p);
	}
}

/* A queue may drop what tls_write() did not take, and nothing else. */
static void a_kept_record_is_never_torn(void **state)
{
	uint8_t *sent = malloc(1 << 20), *got = malloc(1 << 20);
	uint8_t chunk[9000];
	size_t accepted = 0, in = 0;
	struct pair p;
	int small = 4096, full = 0;
	ssize_t n;

	(void)state;
	assert_true(sent != NULL && got != NULL);
	good_pair(&p, 0);
	setsockopt(p.fd[3], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	for (int i = 0; i < 200 || in < accepted; i++) {
		assert_true(i < 20000);
		/* Other bytes at each try, and other lengths. */
		memset(chunk, i, sizeof chunk);
		if (i < 200) {
			size_t len = sizeof chunk - (size_t)i * 40;
			n = tls_write(p.s, chunk, len);
			if (n > 0) {
				memcpy(sent + accepted, chunk, (size_t)n);
				accepted += (size_t)n;
			} else {
				assert_int_equal(errno, EAGAIN);
				assert_true(tls_waits(p.s));
				full++;
			}
		} else {
			tls_flush(p.s);
		}
		if (i % 3 != 0)
			continue;
		n = tls_read(p.c, got + in, (1 << 20) - in);
		in += n > 0 ? (size_t)n : 0;
	}
	assert_true(full > 0 && accepted > 100000);
	assert_int_equal(in, accepted);
	assert_memory_equal(sent, got, in);
	assert_int_equal(tls_flush(p.s), 1);
	assert_false(tls_waits(p.s));
	close_pair(&p);
	free(sent);
	free(got);
}

/* Each KeyUpdate wants an answer: who never reads them gets no more memory. */
static void unread_answers_are_bounded(void **state)
{
	struct pair p;
	char byte;
	size_t most = 0;

	(void)state;
	good_pair(&p, 0);
	for (int i = 0; i < 20000; i++) {
		SSL_key_update(p.c->ssl, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(p.c->ssl);
		tls_flush(p.c);
		assert_int_equal(tls_read(p.s, &byte, 1), -1);
		if (errno != EAGAIN)
			break;
		if (tls_waits(p.s) > most)
			most = tls_waits(p.s);
	}
	assert_true(most > 0 && most < 70000);
	close_pair(&p);
}

/* ---- ends ------------------------------------------------------------ */

static void assert_end(struct tls *t, bool cut_off)
{
	char byte;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_read(t, &byte, 1), 0);
		assert_int_equal(tls_cut_off(t), cut_off);
	}
}

static void an_end_with_and_without_notice(void **state)
{
	struct pair p;
	char byte;

	(void)state;
	for (int notice = 0; notice < 2; notice++) {
		good_pair(&p, 0);
		assert_int_equal(tls_write(p.s, "x", 1), 1);
		if (notice) {
			assert_int_equal(tls_finish(p.s), 1);
			assert_int_equal(tls_finish(p.s), 1);
		} else {
			shutdown(p.fd[3], SHUT_WR);
		}
		assert_int_equal(tls_read(p.c, &byte, 1), 1);
		assert_end(p.c, !notice);
		close_pair(&p);
	}
}

static void a_cut_record_is_an_end_too(void **state)
{
	struct pair p;
	uint8_t bytes[64];
	char byte;
	ssize_t n;

	(void)state;
	good_pair(&p, 64);
	/* What the handshake left over goes first. */
	while ((n = read(p.fd[2], bytes, sizeof bytes)) > 0)
		assert_int_equal(write(p.fd[1], bytes, (size_t)n), n);
	assert_int_equal(tls_write(p.s, "hello", 5), 5);
	n = read(p.fd[2], bytes, sizeof bytes);
	assert_true(n > 6);
	assert_int_equal(write(p.fd[1], bytes, (size_t)n - 1), n - 1);
	shutdown(p.fd[1], SHUT_WR);
	assert_end(p.c, true);
	(void)byte;
	close_pair(&p);
}

static void garbage_is_a_protocol_error(void **state)
{
	struct pair p;
	char byte;

	(void)state;
	good_pair(&p, 0);
	assert_int_equal(write(p.fd[3],
			       "\x17\x03\x03\x00\x20"
			       "01234567890123456789012345678901",
			       37),
			 37);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_read(p.c, &byte, 1), -1);
		assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(tls_write(p.c, "x", 1), -1);
	close_pair(&p);
}

/* SIGPIPE would end this program. */
static void what_came_before_a_failed_write_is_read(void **state)
{
	struct pair p;
	char text[8];

	(void)state;
	good_pair(&p, 0);
	assert_int_equal(tls_write(p.s, "bye", 3), 3);
	assert_int_equal(tls_finish(p.s), 1);
	close(p.fd[3]);
	assert_int_equal(tls_write(p.c, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(tls_write(p.c, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(tls_read(p.c, text, sizeof text), 3);
	assert_memory_equal(text, "bye", 3);
	assert_end(p.c, false);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p.fd + 2), 0);
	close_pair(&p);
}

/* ---- whom a client trusts -------------------------------------------- */

struct trust {
	const char *test, *server, *host, *sni, *ca, *pin_of, *why;
	bool insecure;
};

/* ca and pin_of: a file of set_up(). */
static const struct trust trusts[] = {
	{ "trust: -k takes anything", "old", "no.example", NULL, NULL, NULL,
	  NULL, true },
	{ "trust: a known CA and the name", "good", "relay.example", NULL,
	  "good", NULL, NULL, false },
	{ "trust: --sni is the name that counts", "good", "10.0.0.1",
	  "relay.example", "good", NULL, NULL, false },
	{ "trust: an address in the certificate", "ip", "127.0.0.1", NULL, "ip",
	  NULL, NULL, false },
	{ "trust: unknown CA", "good", "relay.example", NULL, "other", NULL,
	  "nobody we trust vouches", false },
	{ "trust: the system's CAs do not know it", "good", "relay.example",
	  NULL, NULL, NULL, "use --ca FILE, --pin, or -k", false },
	{ "trust: wrong name", "good", "other.example", NULL, "good", NULL,
	  "the certificate is for relay.example, not other.example: "
	  "use --sni NAME, or -k",
	  false },
	{ "trust: part of a name", "good", "example", NULL, "good", NULL,
	  "not example", false },
	{ "trust: an address is no name", "good", "127.0.0.1", NULL, "good",
	  NULL, "not 127.0.0.1", false },
	{ "trust: another address", "ip", "127.0.0.2", NULL, "ip", NULL,
	  "is for 127.0.0.1, not 127.0.0.2", false },
	{ "trust: ended", "old", "relay.example", NULL, "old", NULL,
	  "the certificate ended 2", false },
	{ "trust: not begun", "early", "relay.example", NULL, "early", NULL,
	  "the certificate begins 2", false },
	{ "pin: the right one", "good", "relay.example", NULL, NULL, "good",
	  NULL, false },
	{ "pin: by address the name does not count", "good", "127.0.0.1", NULL,
	  NULL, "good", NULL, false },
	{ "pin: another certificate", "good", "relay.example", NULL, NULL,
	  "other", "not the pinned one", false },
	{ "pin: the name counts too", "good", "x.example", NULL, NULL, "good",
	  "not x.example", false },
	{ "pin: the time counts too", "old", "relay.example", NULL, NULL, "old",
	  "ended", false },
	{ "pin: not begun", "early", "relay.example", NULL, NULL, "early",
	  "begins", false },
};
#define NUM_TRUSTS (sizeof trusts / sizeof *trusts)

static void pin_of(char pin[TLS_PIN_MAX], const char *file)
{
	struct tls_setup *s = server_of(file);

	tls_server_pin(s, pin);
	assert_true(tls_is_pin(pin));
	tls_setup_free(s);
}

static void trust(void **state)
{
	const struct trust *r = *state;
	struct tls_client_options o = { .host = r->host,
					.sni = r->sni,
					.insecure = r->insecure };
	char pin[TLS_PIN_MAX], ca[32];
	struct pair p;

	if (r->ca != NULL) {
		snprintf(ca, sizeof ca, "%s.crt", r->ca);
		o.ca_file = path(ca);
	}
	if (r->pin_of != NULL) {
		pin_of(pin, r->pin_of);
		o.pin = pin;
	}
	open_pair(&p, client_of(&o), server_of(r->server), 0);
	shake(&p);
	if (r->why == NULL) {
		if (p.c_done != 1)
			fail_msg("%s", p.c_err);
		assert_carried(&p, p.c, p.s, 10);
	} else {
		assert_int_equal(p.c_done, -1);
		if (strstr(p.c_err, r->why) == NULL)
			fail_msg("'%s' does not say '%s'", p.c_err, r->why);
		assert_non_null(strstr(p.c_err, r->host));
		assert_null(strchr(p.c_err, '\n'));
		/* The server hears of it: an alert. */
		assert_int_equal(p.s_done, -1);
	}
	close_pair(&p);
}

static void a_pin_allows_one_certificate_only(void **state)
{
	struct tls_client_options o = { .host = "relay.example" };
	char pin[TLS_PIN_MAX];
	struct tls_setup *ss = server_of("good"), *other = server_of("other");
	X509 *extra = SSL_CTX_get0_certificate(other->ctx);
	struct pair p;

	(void)state;
	tls_server_pin(ss, pin);
	o.pin = pin;
	assert_true(SSL_CTX_add1_chain_cert(ss->ctx, extra));
	open_pair(&p, client_of(&o), ss, 0);
	shake(&p);
	assert_int_equal(p.c_done, -1);
	assert_non_null(strstr(p.c_err, "more certificates"));
	close_pair(&p);
	tls_setup_free(other);
}

static void sni_is_sent_for_names_only(void **state)
{
	static const struct {
		const char *host, *sni, *seen;
	} rows[] = { { "relay.example", NULL, "relay.example" },
		     { "127.0.0.1", "a.example", "a.example" },
		     { "127.0.0.1", NULL, NULL },
		     { "::1", NULL, NULL } };
	struct pair p;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct tls_client_options o = { .host = rows[i].host,
						.sni = rows[i].sni,
						.insecure = true };
		const char *seen;
		open_pair(&p, client_of(&o), server_of("good"), 0);
		assert_shaken(&p);
		seen = SSL_get_servername(p.s->ssl, TLSEXT_NAMETYPE_host_name);
		if (rows[i].seen == NULL)
			assert_null(seen);
		else
			assert_string_equal(seen, rows[i].seen);
		close_pair(&p);
	}
}

static void bad_options_are_told(void **state)
{
	static const struct tls_client_options rows[] = {
		{ .host = "h", .pin = "sha256-raw:12" },
		{ .host = "h", .pin = "sha256-raw:" KEY_HEX "00" },
		{ .host = "h", .pin = "sha256:" KEY_HEX },
		{ .host = "h", .ca_file = "/nowhere/ca" },
		{ .host = "h", .insecure = true, .keylog = "/nowhere/log" },
		{ .host = "" },
	};
	static const char *const why[] = { "bad pin",      "bad pin",
					   "bad pin",      "/nowhere/ca",
					   "/nowhere/log", "bad server name" };
	char err[TRANSPORT_ERR_MAX];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_null(tls_client_new(&rows[i], err));
		assert_non_null(strstr(err, why[i]));
	}
	assert_true(tls_is_pin("sha256-raw:" KEY_HEX));
}

/* ---- the server's certificates --------------------------------------- */

static void the_meta_certificate_has_its_form(void **state)
{
	time_t now = time(NULL);
	X509 *cert = tls_cert_meta(server_key, now);
	X509_NAME *n;
	ASN1_STRING *cn;
	ASN1_OBJECT *what;

	(void)state;
	assert_non_null(cert);
	n = X509_get_subject_name(cert);
	assert_int_equal(X509_NAME_entry_count(n), 1);
	cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(n, 0));
	assert_int_equal(ASN1_STRING_type(cn), V_ASN1_PRINTABLESTRING);
	assert_int_equal(ASN1_STRING_length(cn), 71);
	assert_memory_equal(ASN1_STRING_get0_data(cn), "derpkey" KEY_HEX, 71);
	assert_int_equal(X509_NAME_cmp(n, X509_get_issuer_name(cert)), 0);
	assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(cert)), 2);
	assert_int_equal(X509_get_version(cert), 2); /* v3 */
	assert_int_equal(EVP_PKEY_id(X509_get0_pubkey(cert)), EVP_PKEY_ED25519);
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
	assert_int_equal(X509_get_ext_count(cert), 1);
	what = X509_EXTENSION_get_object(X509_get_ext(cert, 0));
	assert_int_equal(OBJ_obj2nid(what), NID_basic_constraints);
	assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(cert, 0)), 1);
	assert_int_equal(
		ASN1_TIME_cmp_time_t(X509_get0_notBefore(cert), now - 30 * DAY),
		0);
	assert_int_equal(
		ASN1_TIME_cmp_time_t(X509_get0_notAfter(cert), now + 30 * DAY),
		0);
	X509_free(cert);
}

static void assert_is_meta(const char *cn, long serial, bool is)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *n = X509_NAME_new();
	uint8_t found[DERP_KEY_LEN];
	int version = 0;

	assert_true(key != NULL && cert != NULL && n != NULL);
	X509_NAME_add_entry_by_NID(n, NID_commonName, V_ASN1_PRINTABLESTRING,
				   (const uint8_t *)cn, -1, -1, 0);
	X509_set_subject_name(cert, n);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	assert_int_equal(tls_cert_is_meta(cert, found, &version), is);
	if (is) {
		assert_int_equal(version, serial);
		assert_memory_equal(found, server_key, sizeof found);
	}
	X509_NAME_free(n);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void what_a_meta_certificate_is(void **state)
{
	static const char zero[] = "derpkey00000000000000000000000000000000"
				   "00000000000000000000000000000000";

	(void)state;
	assert_is_meta("derpkey" KEY_HEX, 2, true);
	assert_is_meta("derpkey" KEY_HEX, 1, true);
	assert_is_meta("derpkey" KEY_HEX, 255, true);
	assert_is_meta("derpkey" KEY_HEX, 256, false);
	assert_is_meta("derpkey" KEY_HEX, 0, false);
	assert_is_meta("derpkey" KEY_HEX, -2, false);
	assert_is_meta("derpkey" KEY_HEX "0", 2, false);
	assert_is_meta("derpkey", 2, false);
	assert_is_meta("xerpkey" KEY_HEX, 2, false);
	assert_is_meta(zero, 2, false);
}

static X509 *last_sent(const struct pair *p, int *num)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(p->c->ssl);

	*num = sk_X509_num(sent);
	return sk_X509_value(sent, *num - 1);
}

static void it_is_sent_last_and_made_anew(void **state)
{
	struct tls_setup *ss = server_of("good");
	uint8_t key[DERP_KEY_LEN];
	time_t now = time(NULL);
	struct pair p;
	X509 *last;
	int num, version;

	(void)state;
	assert_int_equal(tls_server_renew(ss, now), 0);
	assert_int_equal(tls_server_renew(ss, now + 14 * DAY), 0);
	assert_int_equal(tls_server_renew(ss, now + 16 * DAY), 1);
	assert_int_equal(tls_server_renew(ss, now + 17 * DAY), 0);
	open_pair(&p, client_of(&trusting), ss, 0);
	assert_shaken(&p);
	last = last_sent(&p, &num);
	assert_int_equal(num, 2);
	assert_true(tls_cert_is_meta(last, key, &version));
	assert_true(ASN1_TIME_cmp_time_t(X509_get0_notAfter(last),
					 now + 45 * DAY) > 0);
	close_pair(&p);
}

static void a_server_without_a_meta_certificate(void **state)
{
	struct tls_server_options o = { .self_signed = "127.0.0.1" };
	char err[TRANSPORT_ERR_MAX], pin[TLS_PIN_MAX];
	struct tls_client_options co = { .host = "127.0.0.1", .pin = pin };
	struct tls_setup *ss = tls_server_new(&o, err);
	uint8_t key[DERP_KEY_LEN];
	struct pair p;
	int num, version;

	(void)state;
	assert_non_null(ss);
	assert_int_equal(tls_server_renew(ss, time(NULL) + 99 * DAY), 0);
	tls_server_pin(ss, pin);
	open_pair(&p, client_of(&co), ss, 0);
	assert_shaken(&p);
	last_sent(&p, &num);
	assert_int_equal(num, 1);
	assert_false(tls_meta_key(p.c, key, &version));
	close_pair(&p);
}

static void copy(const char *from, const char *to)
{
	char command[160];

	snprintf(command, sizeof command, "cp %s %s", path(from), path(to));
	assert_int_equal(system(command), 0);
}

static void certificates_are_read_again(void **state)
{
	char before[TLS_PIN_MAX], after[TLS_PIN_MAX], wanted[TLS_PIN_MAX];
	char err[TRANSPORT_ERR_MAX];
	struct tls_setup *ss;
	struct pair p;
	int num;

	(void)state;
	copy("good.crt", "now.crt");
	copy("good.key", "now.key");
	ss = server_of("now");
	tls_server_pin(ss, before);
	open_pair(&p, client_of(&trusting), ss, 0);
	assert_shaken(&p);
	/* One file without the other: everything stays. */
	copy("other.crt", "now.crt");
	assert_int_equal(tls_server_reload(ss, err), -1);
	assert_non_null(strstr(err, "now.key"));
	tls_server_pin(ss, after);
	assert_string_equal(before, after);
	copy("other.key", "now.key");
	assert_int_equal(tls_server_reload(ss, err), 0);
	tls_server_pin(ss, after);
	pin_of(wanted, "other");
	assert_string_equal(after, wanted);
	/* Who was there before stays. */
	assert_carried(&p, p.s, p.c, 1000);
	last_sent(&p, &num);
	assert_int_equal(num, 2);
	unlink(path("now.crt"));
	assert_int_equal(tls_server_reload(ss, err), -1);
	assert_non_null(strstr(err, "now.crt: No such file"));
	close_pair(&p);
}

static void alpn_is_http_1_or_nothing(void **state)
{
	static const struct {
		const char *offer;
		bool works;
	} rows[] = { { "\x02h2\x08http/1.1", true },
		     { "\x08http/1.1", true },
		     { "\x02h2", false },
		     { "\x04"
		       "derp",
		       false } };
	const uint8_t *chosen;
	unsigned len;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		open_pair(&p, client_of(&trusting), server_of("good"), 0);
		SSL_set_alpn_protos(p.c->ssl, (const uint8_t *)rows[i].offer,
				    (unsigned)strlen(rows[i].offer));
		shake(&p);
		assert_int_equal(p.s_done, rows[i].works ? 1 : -1);
		if (rows[i].works) {
			SSL_get0_alpn_selected(p.c->ssl, &chosen, &len);
			assert_int_equal(len, 8);
		}
		close_pair(&p);
	}
}

/* ---- others ---------------------------------------------------------- */

static void a_key_log_has_the_secrets(void **state)
{
	struct tls_client_options o = trusting;
	struct pair p;
	struct stat st;
	char line[400];
	int lines = 0;
	FILE *f;

	(void)state;
	o.keylog = path("keys.log");
	for (int i = 0; i < 2; i++) {
		open_pair(&p, client_of(&o), server_of("good"), 0);
		assert_shaken(&p);
		close_pair(&p);
	}
	assert_non_null(f = fopen(path("keys.log"), "r"));
	while (fgets(line, sizeof line, f) != NULL) {
		char name[64], random[80], secret[200];
		assert_int_equal(
			sscanf(line, "%63s %79s %199s", name, random, secret),
			3);
		assert_int_equal(strlen(random), 64);
		assert_true(strstr(name, "TRAFFIC_SECRET") != NULL ||
			    strcmp(name, "EXPORTER_SECRET") == 0);
		lines++;
	}
	fclose(f);
	assert_int_equal(lines, 10);
	assert_int_equal(stat(path("keys.log"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void who_does_not_speak_tls_is_told_so(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, client_of(&trusting), server_of("good"), 0);
	assert_int_equal(write(p.fd[3], "HTTP/1.1 400 Bad\r\n\r\n", 20), 20);
	assert_int_equal(tls_handshake(p.c, p.c_err), -1);
	assert_non_null(strstr(p.c_err, "does not speak TLS"));
	assert_non_null(strstr(p.c_err, "relay.example"));
	close_pair(&p);

	open_pair(&p, client_of(&trusting), server_of("good"), 0);
	assert_int_equal(write(p.fd[0], "GET /derp HTTP/1.1\r\n", 20), 20);
	assert_int_equal(tls_handshake(p.s, p.s_err), -1);
	assert_non_null(strstr(p.s_err, "does not speak TLS"));
	close_pair(&p);

	open_pair(&p, client_of(&trusting), server_of("good"), 0);
	shutdown(p.fd[3], SHUT_WR);
	assert_int_equal(tls_handshake(p.c, p.c_err), -1);
	assert_non_null(strstr(p.c_err, "the server closed"));
	/* Once failed, it stays so. */
	assert_int_equal(tls_handshake(p.c, p.c_err), -1);
	close_pair(&p);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(both_versions),
		cmocka_unit_test(tls_1_1_is_refused),
		cmocka_unit_test(every_cut_carries_the_same),
		cmocka_unit_test(a_kept_record_is_never_torn),
		cmocka_unit_test(unread_answers_are_bounded),
		cmocka_unit_test(an_end_with_and_without_notice),
		cmocka_unit_test(a_cut_record_is_an_end_too),
		cmocka_unit_test(garbage_is_a_protocol_error),
		cmocka_unit_test(what_came_before_a_failed_write_is_read),
		cmocka_unit_test(a_pin_allows_one_certificate_only),
		cmocka_unit_test(sni_is_sent_for_names_only),
		cmocka_unit_test(bad_options_are_told),
		cmocka_unit_test(the_meta_certificate_has_its_form),
		cmocka_unit_test(what_a_meta_certificate_is),
		cmocka_unit_test(it_is_sent_last_and_made_anew),
		cmocka_unit_test(a_server_without_a_meta_certificate),
		cmocka_unit_test(certificates_are_read_again),
		cmocka_unit_test(alpn_is_http_1_or_nothing),
		cmocka_unit_test(a_key_log_has_the_secrets),
		cmocka_unit_test(who_does_not_speak_tls_is_told_so),
	};
	enum { NUM_FIXED = sizeof fixed / sizeof *fixed };
	struct CMUnitTest tests[NUM_FIXED + NUM_TRUSTS];

	memcpy(tests, fixed, sizeof fixed);
	for (size_t i = 0; i < NUM_TRUSTS; i++) {
		union {
			const void *from;
			void *to;
		} row = { &trusts[i] };
		tests[NUM_FIXED + i] =
			(struct CMUnitTest){ trusts[i].test, trust, NULL, NULL,
					     row.to };
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
