/*
 * tls.h - TLS 1.2 and 1.3 on a socket that somebody else waits for.
 *
 *	setup = tls_client_new(&options, err);      one for many connections
 *	t = tls_new(setup, fd);
 *	until 1: wait for fd to be readable, and writable if tls_waits(t);
 *		 then tls_handshake(t, err)
 *	tls_read(), tls_write() as read() and write() on fd
 *	tls_finish(t); tls_free(t); close(fd);
 *
 * A setup outlives its connections.  fd is non-blocking and stays the
 * caller's.  Nothing here raises SIGPIPE.  err is one line that names the
 * peer or the file, and what to do.
 *
 * What tls_write() took is gone for the caller: a record that the socket did
 * not take whole is kept here and goes out first, with tls_flush() or the next
 * tls_write().  So a queue may drop what it still holds.  At most one record
 * (and the answers of the handshake, 64 KiB) waits.
 *
 * Each tls_write() is one record.  tls_read() into TLS_RECORD_MAX bytes or
 * more leaves nothing behind that the socket would not announce.
 */
#ifndef DERPKIT_TLS_H
#define DERPKIT_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "derp.h"
#include "listen.h"

#define TLS_RECORD_MAX 16384
#define TLS_PIN_PREFIX "sha256-raw:"
#define TLS_PIN_MAX (sizeof(TLS_PIN_PREFIX) + 64)

struct tls_setup;
struct tls;

struct tls_client_options {
	const char *host; /* where we connect to: for messages and the name */
	const char *sni;  /* name to ask for and to check; NULL: host */
	const char *ca_file; /* NULL: those of the system */
	const char *pin;     /* "sha256-raw:" and 64 hex digits; NULL: none */
	const char *keylog;  /* append the secrets to this file; NULL: no */
	bool insecure;       /* take any certificate */
};

struct tls_server_options {
	const char *cert_file, *key_file; /* PEM; or, both NULL: */
	const char *self_signed;          /* make one for this name */
	const uint8_t *meta_key; /* append its meta certificate; NULL: none */
	const char *keylog;
};

/* NULL and err. */
struct tls_setup *tls_client_new(const struct tls_client_options *o,
				 char err[TRANSPORT_ERR_MAX]);
struct tls_setup *tls_server_new(const struct tls_server_options *o,
				 char err[TRANSPORT_ERR_MAX]);
void tls_setup_free(struct tls_setup *s);

/* Read certificate and key again; connections that are open keep theirs.
 * -1 and err: everything stays as it was. */
int tls_server_reload(struct tls_setup *s, char err[TRANSPORT_ERR_MAX]);
/* Make a new meta certificate when the old one gets old.  Costs nothing
 * before.  1: made, 0: not due, -1: no memory. */
int tls_server_renew(struct tls_setup *s, time_t now);
/* The server's certificate as a pin that clients can be given. */
void tls_server_pin(const struct tls_setup *s, char pin[TLS_PIN_MAX]);
/* Is the text a pin? */
bool tls_is_pin(const char *text);

/* NULL: out of memory. */
struct tls *tls_new(struct tls_setup *s, int fd);
void tls_free(struct tls *t); /* says nothing to the peer */

/* 1: done, 0: wait, -1: failed, and err says why. */
int tls_handshake(struct tls *t, char err[TRANSPORT_ERR_MAX]);
/* All of it, waiting at most timeout_ms: 0, or -1 and err. */
int tls_handshake_wait(struct tls *t, int timeout_ms,
		       char err[TRANSPORT_ERR_MAX]);
/* As read() and write(): EAGAIN; 0 is the end.  EPROTO: the peer broke TLS or
 * sent an alert.  A FIN without close_notify is an end too: tls_cut_off(). */
ssize_t tls_read(struct tls *t, void *to, size_t cap);
ssize_t tls_write(struct tls *t, const void *from, size_t len);
/* 1: all is out, 0: wait for fd to be writable, -1 and errno. */
int tls_flush(struct tls *t);
/* Bytes that wait for the socket. */
size_t tls_waits(const struct tls *t);
/* Send close_notify.  As tls_flush(); may be called again. */
int tls_finish(struct tls *t);
/* The end came without close_notify. */
bool tls_cut_off(const struct tls *t);

/* "TLSv1.3" */
const char *tls_version(const struct tls *t);
/* The server key that the peer's meta certificate names, which holds over TLS
 * 1.3 only.  false: none. */
bool tls_meta_key(const struct tls *t, uint8_t key[DERP_KEY_LEN], int *version);

#endif
