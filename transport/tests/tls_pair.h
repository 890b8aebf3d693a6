/*
 * tls_pair.h - two ends of TLS on a socket pair, for tests.
 *
 * Everything asserts.  Certificates are in a folder of the test's own: NAME.crt
 * and NAME.key, see set_up().
 */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

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
static inline void make_files(const char *file, const char *name, time_t from,
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline struct tls_setup *server_of(const char *file)
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

static inline struct tls_setup *client_of(const struct tls_client_options *o)
{
	char err[TRANSPORT_ERR_MAX];
	struct tls_setup *s = tls_client_new(o, err);

	if (s == NULL)
		fail_msg("%s", err);
	return s;
}

static inline void nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* cut 0: one socket pair; else bytes are carried over by hand. */
static inline void open_pair(struct pair *p, struct tls_setup *cs,
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

static inline void close_pair(struct pair *p)
{
	tls_free(p->c);
	tls_free(p->s);
	tls_setup_free(p->cs);
	tls_setup_free(p->ss);
	for (int i = 0; i < 4; i++)
		if (p->fd[i] >= 0 && (i != 1 || p->fd[1] != p->fd[3]))
			close(p->fd[i]);
}

static inline void carry(const struct pair *p, int from, int to)
{
	uint8_t bytes[64];
	ssize_t n = read(from, bytes, p->cut);

	if (n > 0)
		assert_int_equal(write(to, bytes, (size_t)n), n);
}

static inline void turn(const struct pair *p)
{
	if (p->cut == 0)
		return;
	carry(p, p->fd[1], p->fd[2]);
	carry(p, p->fd[2], p->fd[1]);
}

static inline void shake(struct pair *p)
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

static inline void assert_shaken(struct pair *p)
{
	shake(p);
	if (p->c_done != 1 || p->s_done != 1)
		fail_msg("client: %s; server: %s", p->c_err, p->s_err);
}

/* len bytes from one to the other, as one buffer of exactly that size. */
static inline void assert_carried(struct pair *p, struct tls *from,
				  struct tls *to, size_t len)
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

static inline void good_pair(struct pair *p, size_t cut)
{
	open_pair(p, client_of(&trusting), server_of("good"), cut);
	assert_shaken(p);
}

#endif
