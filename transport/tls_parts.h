/*
 * tls_parts.h - what the files of tls.h share; only tls*.c and their tests
 * include it.
 */
#ifndef DERPKIT_TLS_PARTS_H
#define DERPKIT_TLS_PARTS_H

#include <openssl/ssl.h>

#include "tls.h"

struct tls_setup {
	SSL_CTX *ctx;
	bool server, insecure;
	char host[HOST_MAX + 1]; /* the client's target */
	char name[HOST_MAX + 1]; /* what its certificate must be for */
	bool name_is_ip;
	char pin[TLS_PIN_MAX]; /* "": none */
	int keylog;            /* descriptor; -1: none */
	/* server */
	char *cert_file, *key_file;
	bool has_meta;
	uint8_t meta_key[DERP_KEY_LEN];
	time_t meta_at;
};

struct tls {
	SSL *ssl;
	struct tls_setup *setup;
	int fd;
	uint8_t *out; /* records that the socket did not take */
	size_t out_at, out_len, out_cap;
	int read_error, write_error; /* errno of the socket */
	bool fin;                    /* seen on the socket */
	bool ended, notified;        /* notified: by close_notify */
	bool broken;                 /* after an error of TLS itself */
	char why[TRANSPORT_ERR_MAX]; /* the certificate is refused */
};

/* ---- tls_cert.c: certificates ---------------------------------------- */

#define TLS_META_DAYS 30

/* The meta certificate of a server key; NULL: out of memory. */
X509 *tls_cert_meta(const uint8_t server_key[DERP_KEY_LEN], time_t now);
/* A certificate of its own for a name or an address.  0 or -1. */
int tls_cert_self_signed(X509 **cert, EVP_PKEY **key, const char *name,
			 time_t from, time_t until);
void tls_cert_pin(char pin[TLS_PIN_MAX], X509 *cert);
/* Is it a meta certificate?  Then *version is not 0. */
bool tls_cert_is_meta(X509 *cert, uint8_t key[DERP_KEY_LEN], int *version);
/* Does its name begin like that of a meta certificate? */
bool tls_cert_looks_meta(X509 *cert);
bool tls_name_is_ip(const char *name);

/* ---- tls_verify.c: does a client like the certificate? --------------- */

/* For SSL_CTX_set_cert_verify_callback(). */
int tls_verify(X509_STORE_CTX *ctx, void *setup);

#endif
