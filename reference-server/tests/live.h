/*
 * live.h - a derpd of one's own, and connections to it, for tests.
 *
 * Everything asserts: a function that returns has done what it says.  Waiting
 * is bounded by WAIT_MS; what must not come is waited for QUIET_MS.
 *
 * With OVER=tls in the environment, servers and connections speak TLS.
 */
#ifndef DERPD_TESTS_LIVE_H
#define DERPD_TESTS_LIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "connect.h"
#include "derp_box.h"
#include "derp_http.h"
#include "derp_info.h"
#include "tls.h"

#define WAIT_MS 10000
#define QUIET_MS 120
#define MESH_HEX                                                               \
	"0707070707070707070707070707070707070707070707070707070707070707"

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* NULL: plain. */
static inline struct tls_setup *live_tls(void)
{
	static const struct tls_client_options o = { .host = "127.0.0.1",
						     .insecure = true };
	static struct tls_setup *setup;
	const char *over = getenv("OVER");
	char err[TRANSPORT_ERR_MAX];

	if (over == NULL || strcmp(over, "tls") != 0)
		return NULL;
	if (setup == NULL)
		setup = tls_client_new(&o, err);
	if (setup == NULL)
		fail_msg("%s", err);
	return setup;
}

/* ---- the server ------------------------------------------------------ */

struct live_server {
	pid_t pid;
	uint16_t port;
	int out; /* its standard output */
};

/* args ends with NULL; files: RLIMIT_NOFILE, 0 to leave it. */
static inline void live_exec(struct live_server *s, const char *const *args,
			     unsigned files)
{
	const char *b = getenv("B");
	char path[512], *argv[24];
	int fds[2], n = 0;

	snprintf(path, sizeof path, "%s/derpd", b ? b : "build/release");
	argv[n++] = path;
	for (; *args != NULL; args++)
		memcpy(&argv[n++], args, sizeof *args);
	argv[n] = NULL;
	assert_int_equal(pipe(fds), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		struct rlimit lim = { files, files };
		int null = open("/dev/null", O_WRONLY);
#ifdef __linux__
		/* A test that fails leaves no server behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
		if (files != 0)
			setrlimit(RLIMIT_NOFILE, &lim);
		dup2(fds[1], 1);
		if (getenv("DERPD_TEST_LOG") == NULL)
			dup2(null, 2);
		close(fds[0]);
		close(fds[1]);
		close(null);
		execv(path, argv);
		_exit(127);
	}
	close(fds[1]);
	s->out = fds[0];
}

static inline size_t live_read_out(struct live_server *s, char *text,
				   size_t cap, const char *until)
{
	size_t n = 0;

	text[0] = '\0';
	while (n < cap - 1 && strstr(text, until) == NULL) {
		struct pollfd p = { .fd = s->out, .events = POLLIN };
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		ssize_t k = read(s->out, text + n, cap - 1 - n);
		if (k <= 0)
			break;
		n += (size_t)k;
		text[n] = '\0';
	}
	return n;
}

static inline void live_start(struct live_server *s, const char *const *args,
			      unsigned files)
{
	const char *all[20] = { "--listen", "127.0.0.1:0", "--log", "debug" };
	char text[256];
	unsigned port;
	int n = 4;

	if (live_tls() != NULL) {
		all[0] = "--tls-listen";
		all[n++] = "--tls-self-signed";
		all[n++] = "127.0.0.1";
	}
	while (args != NULL && *args != NULL)
		all[n++] = *args++;
	all[n] = NULL;
	live_exec(s, all, files);
	live_read_out(s, text, sizeof text, "\n");
	assert_int_equal(sscanf(text, "listen 127.0.0.1:%u\n", &port), 1);
	s->port = (uint16_t)port;
}

/* Its exit code, or minus the signal that ended it. */
static inline int live_wait(struct live_server *s)
{
	int64_t end = clock_ms() + WAIT_MS;
	int status;
	pid_t got;

	while ((got = waitpid(s->pid, &status, WNOHANG)) == 0 &&
	       clock_ms() < end)
		sleep_ms(5);
	if (got == 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, &status, 0);
		fail_msg("derpd did not end");
	}
	close(s->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Every server must end well: a crash or a leak is found here. */
static inline void live_stop(struct live_server *s)
{
	kill(s->pid, SIGTERM);
	assert_int_equal(live_wait(s), 0);
}

/* ---- connections ----------------------------------------------------- */

struct conn {
	int fd;
	struct tls *tls; /* NULL: plain */
	uint8_t priv[DERP_KEY_LEN], pub[DERP_KEY_LEN], server[DERP_KEY_LEN];
	struct derp_reader reader;
	uint8_t in[65536], body[70000];
	const uint8_t *at;
	size_t len; /* bytes at at */
};

static inline void conn_key(struct conn *c)
{
	randombytes_buf(c->priv, sizeof c->priv);
	assert_int_equal(derp_public_key(c->pub, c->priv), 0);
}

static inline struct conn *conn_open(const struct live_server *s)
{
	struct host_port where = { .host = "127.0.0.1", .port = s->port };
	struct conn *c = calloc(1, sizeof *c);
	char err[TRANSPORT_ERR_MAX];

	assert_non_null(c);
	c->fd = dial_wait(&where, WAIT_MS, err);
	if (c->fd < 0)
		fail_msg("%s", err);
	if (live_tls() != NULL) {
		c->tls = tls_new(live_tls(), c->fd);
		assert_non_null(c->tls);
		if (tls_handshake_wait(c->tls, WAIT_MS, err) != 0)
			fail_msg("%s", err);
	}
	conn_key(c);
	derp_reader_init(&c->reader, UINT32_MAX);
	return c;
}

/* Close, but keep c for its keys. */
static inline void conn_hang_up(struct conn *c)
{
	tls_free(c->tls);
	c->tls = NULL;
	close(c->fd);
}

static inline void conn_close(struct conn *c)
{
	conn_hang_up(c);
	free(c);
}

static inline ssize_t conn_put(struct conn *c, const void *from, size_t len)
{
	if (c->tls == NULL)
		return send(c->fd, from, len, MSG_NOSIGNAL);
	/* len 0: what waits. */
	return len > 0 ? tls_write(c->tls, from, len) : tls_flush(c->tls) - 1;
}

static inline ssize_t conn_get(struct conn *c, void *to, size_t cap)
{
	return c->tls != NULL ? tls_read(c->tls, to, cap)
			      : recv(c->fd, to, cap, 0);
}

/* 0, or -1 when the server has closed. */
static inline int conn_try_write(struct conn *c, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0 || (c->tls != NULL && tls_waits(c->tls) > 0)) {
		ssize_t n = conn_put(c, p, len);
		if (n >= 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		struct pollfd w = { .fd = c->fd, .events = POLLOUT };
		assert_int_equal(poll(&w, 1, WAIT_MS), 1);
	}
	return 0;
}

static inline void conn_write(struct conn *c, const void *bytes, size_t len)
{
	assert_int_equal(conn_try_write(c, bytes, len), 0);
}

/* More input: 1; nothing within ms: 0; closed: -1. */
static inline int conn_fill(struct conn *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int64_t end = clock_ms() + ms, left = ms;
	ssize_t n;

	/* Part of a record is nothing yet. */
	do {
		if (poll(&p, 1, left > 0 ? (int)left : 0) == 0)
			return 0;
		n = conn_get(c, c->in, sizeof c->in);
		left = end - clock_ms();
	} while (n < 0 && errno == EAGAIN && left > 0);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	c->at = c->in;
	c->len = (size_t)n;
	return 1;
}

/* The next frame: 1; none within ms: 0; closed: -1. */
static inline int conn_frame(struct conn *c, struct derp_frame *f, int ms)
{
	int64_t end = clock_ms() + ms;
	int e;

	for (;;) {
		while ((e = derp_reader_next(&c->reader, &c->at, &c->len, f)) >
		       0) {
			if (e == DERP_FRAME)
				return 1;
			derp_reader_lend(&c->reader, c->body, sizeof c->body);
		}
		assert_int_equal(e, DERP_NEED);
		e = conn_fill(c, (int)(end - clock_ms()));
		if (e <= 0)
			return e;
	}
}

static inline void conn_expect(struct conn *c, uint32_t type,
			       struct derp_frame *f)
{
	int e = conn_frame(c, f, WAIT_MS);

	if (e != 1)
		fail_msg("no %s: %s", derp_type_name(type),
			 e == 0 ? "nothing came" : "closed");
	assert_int_equal(f->type, type);
	assert_int_equal(f->have, f->len);
}

static inline void conn_quiet(struct conn *c, int ms)
{
	struct derp_frame f;
	int e = conn_frame(c, &f, ms);

	if (e != 0)
		fail_msg("%s", e < 0 ? "closed" : derp_type_name(f.type));
}

/* FIN or RST; what comes before is dropped. */
static inline void conn_expect_closed(struct conn *c)
{
	int64_t end = clock_ms() + WAIT_MS;
	int e = 1;

	while (e >= 0 && clock_ms() < end)
		e = conn_fill(c, 100);
	assert_int_equal(e, -1);
}

static inline void conn_send(struct conn *c, uint32_t type, const void *body,
			     size_t len)
{
	uint8_t head[DERP_HEAD_LEN];

	derp_head_build(head, type, (uint32_t)len);
	conn_write(c, head, sizeof head);
	conn_write(c, body, len);
}

static inline void conn_head(struct conn *c, uint32_t type, uint32_t len)
{
	uint8_t head[DERP_HEAD_LEN];

	derp_head_build(head, type, len);
	conn_write(c, head, sizeof head);
}

/* ---- login ----------------------------------------------------------- */

#define UPGRADE                                                                \
	"GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\n"                   \
	"Connection: Upgrade\r\n"
#define FAST UPGRADE "Derp-Fast-Start: 1\r\n\r\n"

static inline void conn_server_key(struct conn *c)
{
	struct derp_frame f;

	conn_expect(c, DERP_SERVER_KEY, &f);
	assert_int_equal(f.len, 40);
	assert_memory_equal(f.body, derp_magic, 8);
	memcpy(c->server, f.body + 8, DERP_KEY_LEN);
}

/* A ClientInfo frame; free() it. */
static inline uint8_t *conn_info(struct conn *c, const char *json, size_t len,
				 size_t *n)
{
	size_t cap = DERP_HEAD_LEN + DERP_KEY_LEN + DERP_BOX_LEN(len), k;
	uint8_t *frame = malloc(cap), nonce[DERP_NONCE_LEN];

	assert_non_null(frame);
	randombytes_buf(nonce, sizeof nonce);
	derp_head_build(frame, DERP_CLIENT_INFO,
			(uint32_t)(cap - DERP_HEAD_LEN));
	memcpy(frame + DERP_HEAD_LEN, c->pub, DERP_KEY_LEN);
	assert_int_equal(derp_seal(frame + DERP_HEAD_LEN + DERP_KEY_LEN,
				   DERP_BOX_LEN(len), &k, (const uint8_t *)json,
				   len, nonce, c->server, c->priv),
			 0);
	*n = cap;
	return frame;
}

static inline void conn_send_info(struct conn *c, const char *json)
{
	size_t n;
	uint8_t *frame = conn_info(c, json, strlen(json), &n);

	conn_write(c, frame, n);
	free(frame);
}

static inline void conn_server_info(struct conn *c)
{
	struct derp_frame f;
	uint8_t text[64];
	size_t n;

	conn_expect(c, DERP_SERVER_INFO, &f);
	assert_int_equal(f.len, 53);
	assert_int_equal(derp_open(text, sizeof text, &n, f.body, f.len,
				   c->server, c->priv),
			 0);
	assert_int_equal(n, 13);
	assert_memory_equal(text, "{\"version\":2}", 13);
}

/* Upgraded, ServerKey read, ClientInfo not yet sent. */
static inline struct conn *conn_greet(const struct live_server *s)
{
	struct conn *c = conn_open(s);

	conn_write(c, FAST, strlen(FAST));
	conn_server_key(c);
	return c;
}

/* Logged in; with the key of other unless that is NULL. */
static inline struct conn *conn_login_as(const struct live_server *s,
					 const struct conn *other,
					 const char *json)
{
	struct conn *c = conn_greet(s);

	if (other != NULL) {
		memcpy(c->priv, other->priv, DERP_KEY_LEN);
		memcpy(c->pub, other->pub, DERP_KEY_LEN);
	}
	conn_send_info(c, json);
	conn_server_info(c);
	return c;
}

static inline struct conn *conn_login(const struct live_server *s)
{
	return conn_login_as(s, NULL, "{\"version\":2,\"CanAckPings\":true}");
}

static inline struct conn *conn_login_mesh(const struct live_server *s)
{
	return conn_login_as(s, NULL,
			     "{\"version\":2,\"meshKey\":\"" MESH_HEX "\"}");
}

/* ---- frames ---------------------------------------------------------- */

static inline void conn_packet(struct conn *c, const uint8_t *dst,
			       const void *data, size_t len)
{
	conn_head(c, DERP_SEND_PACKET, (uint32_t)(DERP_KEY_LEN + len));
	conn_write(c, dst, DERP_KEY_LEN);
	conn_write(c, data, len);
}

static inline void conn_expect_packet(struct conn *c, const uint8_t *src,
				      const void *data, size_t len)
{
	struct derp_frame f;

	conn_expect(c, DERP_RECV_PACKET, &f);
	assert_int_equal(f.len, DERP_KEY_LEN + len);
	assert_memory_equal(f.body, src, DERP_KEY_LEN);
	assert_memory_equal(f.body + DERP_KEY_LEN, data, len);
}

static inline void conn_expect_gone(struct conn *c, const uint8_t *key,
				    int reason)
{
	struct derp_frame f;

	conn_expect(c, DERP_PEER_GONE, &f);
	assert_int_equal(f.len, 33);
	assert_memory_equal(f.body, key, DERP_KEY_LEN);
	assert_int_equal(f.body[32], reason);
}

/* The server has acted upon all that c sent, and c is still open. */
static inline void conn_ping(struct conn *c)
{
	struct derp_frame f;
	uint8_t data[8];

	randombytes_buf(data, sizeof data);
	conn_send(c, DERP_PING, data, sizeof data);
	conn_expect(c, DERP_PONG, &f);
	assert_int_equal(f.len, 8);
	assert_memory_equal(f.body, data, 8);
}

#endif
