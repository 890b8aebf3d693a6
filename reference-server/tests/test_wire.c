/*
 * test_wire.c - what a relay writes, over a socket pair with TLS and without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "wire.h"

#define LEN 100000 /* bytes of the source */

struct ends {
	struct tls_setup *cs, *ss;
	struct wire server;
	struct tls *client;
	int fd;
	uint8_t *source, *got;
	size_t num_got;
};

static void open_ends(struct ends *e, bool tls)
{
	const struct tls_client_options co = { .host = "x", .insecure = true };
	const struct tls_server_options so = { .self_signed = "x" };
	char err[TRANSPORT_ERR_MAX];
	int fd[2];

	memset(e, 0, sizeof *e);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	e->fd = fd[1];
	e->source = malloc(LEN);
	e->got = malloc(LEN);
	assert_true(e->source != NULL && e->got != NULL);
	for (size_t i = 0; i < LEN; i++)
		e->source[i] = (uint8_t)(i * 13 + i / 256);
	if (tls) {
		assert_non_null(e->cs = tls_client_new(&co, err));
		assert_non_null(e->ss = tls_server_new(&so, err));
		assert_non_null(e->client = tls_new(e->cs, e->fd));
	}
	assert_int_equal(wire_open(&e->server, fd[0], e->ss), 0);
	for (int c = 0, s = 0; tls && !(c && s);) {
		c = c != 0 ? c : tls_handshake(e->client, err);
		s = s != 0 ? s : tls_handshake(e->server.tls, err);
		assert_true(c >= 0 && s >= 0);
	}
}

static void close_ends(struct ends *e)
{
	wire_close(&e->server);
	tls_free(e->client);
	close(e->fd);
	tls_setup_free(e->cs);
	tls_setup_free(e->ss);
	free(e->source);
	free(e->got);
}

static void take(struct ends *e)
{
	ssize_t n;

	do {
		n = e->client != NULL ? tls_read(e->client, e->got + e->num_got,
						 LEN - e->num_got)
				      : recv(e->fd, e->got + e->num_got,
					     LEN - e->num_got, 0);
		e->num_got += n > 0 ? (size_t)n : 0;
	} while (n > 0);
}

/* Offer the rest of the source in pieces of `piece` bytes, as a queue does;
 * read by the other end only every few turns. */
static void write_in_pieces(bool tls, size_t piece, int sndbuf)
{
	struct iovec iov[5];
	struct ends e;
	size_t at = 0;
	int full = 0;

	open_ends(&e, tls);
	setsockopt(e.server.fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	for (int turn = 0; e.num_got < LEN; turn++) {
		size_t from = at;
		int num = 0;
		ssize_t n;

		assert_true(turn < 100000);
		while (num < 5 && from < LEN) {
			iov[num].iov_base = e.source + from;
			iov[num].iov_len =
				piece < LEN - from ? piece : LEN - from;
			from += iov[num++].iov_len;
		}
		n = wire_write(&e.server, iov, num);
		assert_true(n >= 0 || errno == EAGAIN);
		at += n > 0 ? (size_t)n : 0;
		full += n < 0;
		if (turn % 4 == 3)
			take(&e);
	}
	assert_int_equal(wire_waits(&e.server), 0);
	assert_int_equal(at, LEN);
	assert_memory_equal(e.got, e.source, LEN);
	assert_true(full > 0 || piece < 1000);
	close_ends(&e);
}

static void pieces_arrive_whole(void **state)
{
	static const size_t pieces[] = { 1,     7,     1000,  5000, 9000,
					 16383, 16384, 16385, 60000 };

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		if (pieces[i] >= 1000) {
			write_in_pieces(false, pieces[i], 8192);
			write_in_pieces(true, pieces[i], 8192);
		} else {
			write_in_pieces(true, pieces[i], 2048);
		}
	}
}

static void the_end_is_told(void **state)
{
	struct ends e;
	struct iovec iov = { .iov_len = 5 };

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		open_ends(&e, tls);
		iov.iov_base = e.source;
		assert_int_equal(wire_write(&e.server, &iov, 1), 5);
		assert_int_equal(wire_finish(&e.server), 1);
		take(&e);
		assert_int_equal(e.num_got, 5);
		if (tls) {
			assert_int_equal(tls_read(e.client, e.got, 1), 0);
			assert_false(tls_cut_off(e.client));
		} else {
			assert_int_equal(recv(e.fd, e.got, 1, 0), 0);
		}
		close_ends(&e);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_arrive_whole),
		cmocka_unit_test(the_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
