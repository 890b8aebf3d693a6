/*
 * tls.c - TLS 1.2 and 1.3 on a socket that somebody else waits for.
 *
 *	tls_write() --> OpenSSL --> [out: what the socket did not take] --> fd
 *	tls_read()  <-- OpenSSL <----------------------------------------- fd
 *
 * OpenSSL on a full socket wants the same write again, with the same bytes.
 * A relay cannot promise that: its queue drops what is old.  So a record that
 * was made is kept here, and OpenSSL believes that it is written.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tls_parts.h"

#define OUT_MAX 65536 /* then OpenSSL has to wait */

/* ---- between OpenSSL and the socket ---------------------------------- */

/* Send as much as goes.  Bytes sent, or -1 and errno. */
static ssize_t push(int fd, const uint8_t *from, size_t len)
{
	ssize_t n;

	do
		n = send(fd, from, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

static bool would_block(int e)
{
	return e == EAGAIN || e == EWOULDBLOCK;
}

static void drop_out(struct tls *t)
{
	free(t->out);
	t->out = NULL;
	t->out_at = t->out_len = t->out_cap = 0;
}

int tls_flush(struct tls *t)
{
	ssize_t n;

	while (t->out_len > 0 && t->write_error == 0) {
		n = push(t->fd, t->out + t->out_at, t->out_len);
		if (n < 0 && would_block(errno)) {
			errno = EAGAIN;
			return 0;
		}
		if (n < 0) {
			t->write_error = errno;
			break;
		}
		t->out_at += (size_t)n;
		t->out_len -= (size_t)n;
	}
	if (t->out != NULL)
		drop_out(t);
	if (t->write_error == 0)
		return 1;
	errno = t->write_error;
	return -1;
}

static bool keep(struct tls *t, const uint8_t *from, size_t len)
{
	uint8_t *grown;
	size_t cap;

	if (t->out_at > 0) {
		memmove(t->out, t->out + t->out_at, t->out_len);
		t->out_at = 0;
	}
	if (t->out_cap - t->out_len < len) {
		cap = t->out_len + len;
		grown = realloc(t->out, cap);
		if (grown == NULL)
			return false;
		t->out = grown;
		t->out_cap = cap;
	}
	memcpy(t->out + t->out_len, from, len);
	t->out_len += len;
	return true;
}

static int bio_write(BIO *b, const char *from, int len)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n = 0;

	BIO_clear_retry_flags(b);
	if (len <= 0)
		return 0;
	if (t->out_len > 0)
		tls_flush(t);
	if (t->out_len >= OUT_MAX) {
		BIO_set_retry_write(b);
		return -1;
	}
	if (t->out_len == 0 && t->write_error == 0) {
		n = push(t->fd, (const uint8_t *)from, (size_t)len);
		if (n < 0 && !would_block(errno))
			t->write_error = errno;
		if (n < 0)
			n = 0;
	}
	/* A broken way out must not keep us from reading what came before:
	 * whoever writes next is told. */
	if (t->write_error == 0 && n < len &&
	    !keep(t, (const uint8_t *)from + n, (size_t)(len - n)))
		t->write_error = ENOMEM;
	return len;
}

static int bio_read(BIO *b, char *to, int cap)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n;

	BIO_clear_retry_flags(b);
	if (to == NULL || cap <= 0)
		return 0;
	do
		n = recv(t->fd, to, (size_t)cap, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && would_block(errno))
		BIO_set_retry_read(b);
	else if (n < 0)
		t->read_error = errno;
	else if (n == 0)
		t->fin = true;
	return (int)n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	struct tls *t = BIO_get_data(b);

	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return t->fin;
	return cmd == BIO_CTRL_FLUSH;
}

/* Made once, and kept until the process ends. */
static const BIO_METHOD *method(void)
{
	static BIO_METHOD *m;

	if (m != NULL)
		return m;
	m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "tls.c");
	if (m == NULL)
		return NULL;
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* ---- life ------------------------------------------------------------ */

static int as_client(struct tls *t)
{
	struct tls_setup *s = t->setup;

	SSL_set_connect_state(t->ssl);
	/* An address is no server name (RFC 6066). */
	return s->name_is_ip || SSL_set_tlsext_host_name(t->ssl, s->name) == 1;
}

struct tls *tls_new(struct tls_setup *s, int fd)
{
	struct tls *t = calloc(1, sizeof *t);
	const BIO_METHOD *m = method();
	BIO *b;

	if (t == NULL || m == NULL)
		goto fail;
	t->setup = s;
	t->fd = fd;
	t->ssl = SSL_new(s->ctx);
	b = BIO_new(m);
	if (t->ssl == NULL || b == NULL) {
		BIO_free(b);
		goto fail;
	}
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	SSL_set_app_data(t->ssl, t);
	if (!s->server) {
		if (!as_client(t))
			goto fail;
	} else {
		SSL_set_accept_state(t->ssl);
	}
	return t;
fail:
	ERR_clear_error();
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	drop_out(t);
	free(t);
}

/* ---- handshake ------------------------------------------------------- */

static void explain(const struct tls *t, char why[TRANSPORT_ERR_MAX])
{
	unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e);
	int reason = ERR_GET_REASON(e);

	if (t->why[0] != '\0')
		text = t->why;
	else if (t->read_error != 0 || t->write_error != 0)
		text = strerror(t->read_error != 0 ? t->read_error
						   : t->write_error);
	else if (t->fin)
		text = t->setup->server
			       ? "the client closed"
			       : "the server closed: is this a port for TLS?";
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL &&
		 (reason == SSL_R_WRONG_VERSION_NUMBER ||
		  reason == SSL_R_HTTP_REQUEST ||
		  reason == SSL_R_PACKET_LENGTH_TOO_LONG))
		text = t->setup->server ? "the client does not speak TLS"
					: "the server does not speak TLS here: "
					  "leave TLS out, or take another port";
	else if (text == NULL)
		text = "unknown error";
	snprintf(why, TRANSPORT_ERR_MAX, "%s", text);
}

static int fail(const struct tls *t, const char *why,
		char err[TRANSPORT_ERR_MAX])
{
	if (t->setup->server)
		snprintf(err, TRANSPORT_ERR_MAX, "%s", why);
	else
		snprintf(err, TRANSPORT_ERR_MAX, "no TLS with %.100s: %.280s",
			 t->setup->host, why);
	return -1;
}

int tls_handshake(struct tls *t, char err[TRANSPORT_ERR_MAX])
{
	char why[TRANSPORT_ERR_MAX];
	int r, e;

	if (t->out_len > 0)
		tls_flush(t);
	ERR_clear_error();
	r = t->broken ? 0 : SSL_do_handshake(t->ssl);
	if (r == 1)
		return 1;
	e = t->broken ? SSL_ERROR_SSL : SSL_get_error(t->ssl, r);
	if ((e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) &&
	    t->write_error == 0)
		return 0;
	t->broken = true;
	explain(t, why);
	ERR_clear_error();
	return fail(t, why, err);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int tls_handshake_wait(struct tls *t, int timeout_ms,
		       char err[TRANSPORT_ERR_MAX])
{
	int64_t end = now_ms() + timeout_ms, left;
	int r;

	while ((r = tls_handshake(t, err)) == 0) {
		struct pollfd p = { .fd = t->fd, .events = POLLIN };
		if (tls_waits(t))
			p.events |= POLLOUT;
		left = end - now_ms();
		if (left <= 0)
			return fail(t, "it does not answer in time", err);
		poll(&p, 1, (int)left);
	}
	return r < 0 ? -1 : 0;
}

/* ---- bytes ----------------------------------------------------------- */

ssize_t tls_read(struct tls *t, void *to, size_t cap)
{
	int n;

	if (t->ended)
		return 0;
	if (t->broken) {
		errno = t->read_error != 0 ? t->read_error : EPROTO;
		return -1;
	}
	ERR_clear_error();
	n = SSL_read(t->ssl, to, (int)(cap > INT32_MAX ? INT32_MAX : cap));
	if (n > 0)
		return n;
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		t->ended = t->notified = true;
		return 0;
	}
	ERR_clear_error();
	if (t->fin) {
		t->ended = true;
		return 0;
	}
	t->broken = true;
	errno = t->read_error != 0 ? t->read_error : EPROTO;
	return -1;
}

ssize_t tls_write(struct tls *t, const void *from, size_t len)
{
	int r, n;

	if (len == 0)
		return 0;
	r = tls_flush(t);
	if (r <= 0) /* 0: errno is EAGAIN */
		return -1;
	if (t->broken) {
		errno = EPROTO;
		return -1;
	}
	ERR_clear_error();
	n = SSL_write(t->ssl, from,
		      (int)(len > TLS_RECORD_MAX ? TLS_RECORD_MAX : len));
	if (t->write_error != 0) {
		errno = t->write_error;
		return -1;
	}
	if (n > 0)
		return n;
	r = SSL_get_error(t->ssl, n);
	ERR_clear_error();
	if (r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	t->broken = true;
	errno = EPROTO;
	return -1;
}

size_t tls_waits(const struct tls *t)
{
	return t->out_len;
}

int tls_finish(struct tls *t)
{
	if (!t->broken && SSL_is_init_finished(t->ssl) &&
	    !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN)) {
		ERR_clear_error();
		SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
	return tls_flush(t);
}

bool tls_cut_off(const struct tls *t)
{
	return t->ended && !t->notified;
}

/* ---- what was agreed on ---------------------------------------------- */

const char *tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

bool tls_meta_key(const struct tls *t, uint8_t key[DERP_KEY_LEN], int *version)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(t->ssl);

	/* Certificates before 1.3 cross the network unencrypted. */
	if (SSL_version(t->ssl) < TLS1_3_VERSION)
		return false;
	for (int i = 0; i < sk_X509_num(sent); i++)
		if (tls_cert_is_meta(sk_X509_value(sent, i), key, version))
			return true;
	return false;
}
