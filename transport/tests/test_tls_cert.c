/*
 * test_tls_cert.c - whom a client trusts, and what a server shows.
 */
#include "tls_pair.h"

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
	/* The reference's clients compare text. */
	assert_false(tls_is_pin("sha256-raw:0A0123456789abcdef0123456789abcd"
				"ef0123456789abcdef0123456789abcd"));
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

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(a_pin_allows_one_certificate_only),
		cmocka_unit_test(sni_is_sent_for_names_only),
		cmocka_unit_test(bad_options_are_told),
		cmocka_unit_test(the_meta_certificate_has_its_form),
		cmocka_unit_test(what_a_meta_certificate_is),
		cmocka_unit_test(it_is_sent_last_and_made_anew),
		cmocka_unit_test(a_server_without_a_meta_certificate),
		cmocka_unit_test(certificates_are_read_again),
		cmocka_unit_test(alpn_is_http_1_or_nothing),
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
