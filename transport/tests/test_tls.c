/*
 * test_tls.c - bytes and ends between two ends of TLS.
 */
#include "tls_pair.h"

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
	/* Or the system's policy would refuse it. */
	SSL_set_security_level(p.c->ssl, 0);
	SSL_set_security_level(p.s->ssl, 0);
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

static void waiting_for_a_handshake_ends(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, client_of(&trusting), server_of("good"), 0);
	assert_int_equal(tls_handshake_wait(p.c, 30, p.c_err), -1);
	assert_non_null(strstr(p.c_err, "relay.example"));
	assert_non_null(strstr(p.c_err, "in time"));
	/* What the server said by now is enough for the client. */
	assert_int_equal(tls_handshake(p.s, p.s_err), 0);
	assert_int_equal(tls_handshake_wait(p.c, 1000, p.c_err), 0);
	assert_int_equal(tls_handshake_wait(p.s, 1000, p.s_err), 0);
	close_pair(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions),
		cmocka_unit_test(tls_1_1_is_refused),
		cmocka_unit_test(every_cut_carries_the_same),
		cmocka_unit_test(a_kept_record_is_never_torn),
		cmocka_unit_test(unread_answers_are_bounded),
		cmocka_unit_test(an_end_with_and_without_notice),
		cmocka_unit_test(a_cut_record_is_an_end_too),
		cmocka_unit_test(garbage_is_a_protocol_error),
		cmocka_unit_test(what_came_before_a_failed_write_is_read),
		cmocka_unit_test(a_key_log_has_the_secrets),
		cmocka_unit_test(who_does_not_speak_tls_is_told_so),
		cmocka_unit_test(waiting_for_a_handshake_ends),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
