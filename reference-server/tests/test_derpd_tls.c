/*
 * test_derpd_tls.c - what is particular about TLS, against a running derpd.
 */
#include <openssl/pem.h>

#include "live.h"
#include "tls_parts.h"

#define DAY ((time_t)24 * 3600)

static char dir[] = "/tmp/derpd-tls-XXXXXX";
static char cert_file[64], key_file[64];

/* A new certificate where derpd looks for it. */
static void make_files(void)
{
	time_t now = time(NULL);
	EVP_PKEY *key;
	X509 *cert;
	FILE *f;

	assert_int_equal(tls_cert_self_signed(&cert, &key, "relay.example",
					      now - DAY, now + DAY),
			 0);
	assert_non_null(f = fopen(cert_file, "w"));
	assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
	assert_non_null(f = fopen(key_file, "w"));
	assert_int_equal(
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int group_start(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL || setenv("OVER", "tls", 1) != 0)
		return -1;
	snprintf(cert_file, sizeof cert_file, "%s/cert", dir);
	snprintf(key_file, sizeof key_file, "%s/key", dir);
	make_files();
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	unlink(cert_file);
	unlink(key_file);
	return rmdir(dir);
}

static struct conn *plain_open(const struct live_server *s)
{
	struct conn *c;

	unsetenv("OVER");
	c = conn_open(s);
	setenv("OVER", "tls", 1);
	return c;
}

static void meta_certificate_names_the_key(void **state)
{
	struct live_server s;
	uint8_t key[DERP_KEY_LEN];
	struct conn *c;
	int version;

	(void)state;
	live_start(&s, NULL, 0);
	c = conn_open(&s);
	assert_true(tls_meta_key(c->tls, key, &version));
	assert_int_equal(version, 2);
	/* All of a client's login in one flight. */
	memcpy(c->server, key, sizeof key);
	conn_write(c, FAST, strlen(FAST));
	conn_send_info(c, "{\"version\":2}");
	conn_server_key(c);
	assert_memory_equal(c->server, key, sizeof key);
	conn_server_info(c);
	conn_ping(c);
	conn_close(c);
	live_stop(&s);
}

static void handshake_deadline(void **state)
{
	static const char *const args[] = { "--tls-timeout", "0.5", NULL };
	struct conn *silent, *begun, *in;
	struct live_server s;
	int64_t before;

	(void)state;
	live_start(&s, args, 0);
	in = conn_login(&s);
	before = clock_ms();
	silent = plain_open(&s);
	begun = plain_open(&s);
	/* The begin of a ClientHello. */
	conn_write(begun, "\x16\x03\x01\x02\x00\x01\x00", 7);
	conn_expect_closed(silent);
	conn_expect_closed(begun);
	assert_true(clock_ms() - before >= 450);
	assert_true(clock_ms() - before < 3000);
	/* It is over for who is in. */
	conn_ping(in);
	conn_close(silent);
	conn_close(begun);
	conn_close(in);
	live_stop(&s);
}

static void no_tls_is_no_connection(void **state)
{
	struct live_server s;
	struct conn *c;

	(void)state;
	live_start(&s, NULL, 0);
	for (int i = 0; i < 3; i++) {
		c = plain_open(&s);
		conn_write(c, UPGRADE "\r\n", strlen(UPGRADE "\r\n"));
		conn_expect_closed(c);
		conn_close(c);
	}
	c = conn_login(&s);
	conn_ping(c);
	conn_close(c);
	live_stop(&s);
}

static void close_notify_comes_first(void **state)
{
	struct live_server s;
	struct conn *c;

	(void)state;
	live_start(&s, NULL, 0);
	c = conn_login(&s);
	conn_head(c, DERP_PING, 1001); /* may not be so long */
	conn_expect_closed(c);
	assert_false(tls_cut_off(c->tls));
	conn_close(c);
	live_stop(&s);
}

static void pin_now(const struct live_server *s, char pin[TLS_PIN_MAX])
{
	struct conn *c = conn_open(s);
	X509 *cert = SSL_get0_peer_certificate(c->tls->ssl);

	assert_non_null(cert);
	tls_cert_pin(pin, cert);
	conn_close(c);
}

static void hangup_reads_the_files_again(void **state)
{
	const char *const args[] = {
		"--tls-listen", "127.0.0.1:0", "--tls-cert", cert_file,
		"--tls-key",    key_file,      NULL
	};
	char first[TLS_PIN_MAX], pin[TLS_PIN_MAX], text[128];
	struct live_server s;
	struct conn *in;
	unsigned port;

	(void)state;
	live_exec(&s, args, 0);
	live_read_out(&s, text, sizeof text, "\n");
	assert_int_equal(sscanf(text, "listen 127.0.0.1:%u tls\n", &port), 1);
	s.port = (uint16_t)port;
	in = conn_login(&s);
	pin_now(&s, first);
	/* Nothing changes before the signal. */
	make_files();
	pin_now(&s, pin);
	assert_string_equal(first, pin);
	kill(s.pid, SIGHUP);
	for (int i = 0; i < 200 && strcmp(first, pin) == 0; i++) {
		sleep_ms(10);
		pin_now(&s, pin);
	}
	assert_string_not_equal(first, pin);
	/* A key that is gone changes nothing. */
	unlink(key_file);
	kill(s.pid, SIGHUP);
	sleep_ms(QUIET_MS);
	pin_now(&s, first);
	assert_string_equal(first, pin);
	make_files();
	conn_ping(in);
	conn_close(in);
	live_stop(&s);
}

static void both_listeners_relay_to_each_other(void **state)
{
	static const char *const args[] = {
		"--listen",          "127.0.0.1:0", "--tls-listen",
		"127.0.0.1:0",       "--log",       "debug",
		"--tls-self-signed", "::1",         NULL
	};
	unsigned plain, tls;
	struct live_server s, p;
	struct conn *a, *b;
	char text[128];

	(void)state;
	live_exec(&s, args, 0);
	live_read_out(&s, text, sizeof text, " tls\n");
	assert_int_equal(sscanf(text,
				"listen 127.0.0.1:%u\n"
				"listen 127.0.0.1:%u tls\n",
				&plain, &tls),
			 2);
	s.port = (uint16_t)tls;
	p = s;
	p.port = (uint16_t)plain;
	a = conn_login(&s);
	unsetenv("OVER");
	b = conn_login(&p);
	setenv("OVER", "tls", 1);
	conn_packet(a, b->pub, "to plain", 8);
	conn_expect_packet(b, a->pub, "to plain", 8);
	conn_packet(b, a->pub, "to tls", 6);
	conn_expect_packet(a, b->pub, "to tls", 6);
	conn_close(a);
	conn_close(b);
	live_stop(&s);
}

/* KeyUpdate wants an answer, which only TLS knows of. */
static void key_updates_are_answered(void **state)
{
	struct live_server s;
	struct conn *c, *other;

	(void)state;
	live_start(&s, NULL, 0);
	c = conn_login(&s);
	other = conn_login(&s);
	for (int i = 0; i < 2000; i++) {
		SSL_key_update(c->tls->ssl, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(c->tls->ssl);
		assert_int_equal(conn_try_write(c, "", 0), 0);
	}
	conn_ping(c);
	conn_ping(other);
	conn_close(c);
	conn_close(other);
	live_stop(&s);
}

static void wrong_options(void **state)
{
	static const struct {
		const char *args[6];
		int code;
	} rows[] = {
		{ { "--tls-listen", "127.0.0.1:0" }, 2 },
		{ { "--tls-listen", "127.0.0.1:0", "--tls-cert", "x" }, 2 },
		{ { "--tls-listen", "127.0.0.1:0", "--tls-key", "x" }, 2 },
		{ { "--tls-self-signed", "x" }, 2 },
		{ { "--keylog", "/dev/null" }, 2 },
		{ { "--tls-listen", "127.0.0.1:0", "--tls-self-signed", "x",
		    "--keylog" },
		  2 },
		{ { "--tls-listen", "127.0.0.1:0", "--tls-self-signed", "x",
		    "--keylog=/nowhere/log" },
		  3 },
		{ { "--tls-listen", "127.0.0.1:0", "--tls-cert=/nowhere",
		    "--tls-key=/nowhere" },
		  3 },
	};
	struct live_server s;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		live_exec(&s, rows[i].args, 0);
		assert_int_equal(live_wait(&s), rows[i].code);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "DERP-CERT-1: the meta certificate names the server's key",
		  meta_certificate_names_the_key, 0, 0, 0 },
		{ "a handshake has its time", handshake_deadline, 0, 0, 0 },
		{ "who does not speak TLS is closed", no_tls_is_no_connection,
		  0, 0, 0 },
		{ "close_notify comes before FIN", close_notify_comes_first, 0,
		  0, 0 },
		{ "SIGHUP reads the files again", hangup_reads_the_files_again,
		  0, 0, 0 },
		{ "plain and TLS are one relay",
		  both_listeners_relay_to_each_other, 0, 0, 0 },
		{ "KeyUpdates are answered", key_updates_are_answered, 0, 0,
		  0 },
		{ "options that do not fit are refused", wrong_options, 0, 0,
		  0 },
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, group_start, group_end);
}
