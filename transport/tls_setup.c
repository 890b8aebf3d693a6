/*
 * tls_setup.c - what all connections of a client or a server share.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "derp_key.h"
#include "tls_parts.h"

#define DAY ((time_t)24 * 3600)
#define META_RENEW (TLS_META_DAYS * DAY / 2)

static int fail(char err[TRANSPORT_ERR_MAX], const char *what, const char *name,
		const char *why)
{
	snprintf(err, TRANSPORT_ERR_MAX, "%s%s%.255s: %s", what,
		 name[0] != '\0' ? " " : "", name, why);
	ERR_clear_error();
	return -1;
}

static const char *last_error(void)
{
	unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e);

	if (ERR_SYSTEM_ERROR(e))
		return strerror(ERR_GET_REASON(e));
	return text != NULL ? text : "unknown error";
}

/* ---- both ------------------------------------------------------------ */

/* libsslkeylog's form; one write a line, so that several may append. */
static void on_keylog(const SSL *ssl, const char *line)
{
	const struct tls *t = SSL_get_app_data(ssl);
	char text[1024];
	int n = snprintf(text, sizeof text, "%s\n", line);

	if (n > 0 && (size_t)n < sizeof text &&
	    write(t->setup->keylog, text, (size_t)n) < 0)
		return; /* the connection matters more */
}

static int open_keylog(struct tls_setup *s, const char *file,
		       char err[TRANSPORT_ERR_MAX])
{
	s->keylog = -1;
	if (file == NULL)
		return 0;
	s->keylog = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return s->keylog >= 0 ? 0
			      : fail(err, "cannot write key log", file,
				     strerror(errno));
}

static SSL_CTX *new_ctx(const struct tls_setup *s, const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* Nothing is resumed: no tickets, no state of past connections. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_NO_AUTO_CHAIN);
	if (s->keylog >= 0)
		SSL_CTX_set_keylog_callback(ctx, on_keylog);
	return ctx;
}

void tls_setup_free(struct tls_setup *s)
{
	if (s == NULL)
		return;
	SSL_CTX_free(s->ctx);
	if (s->keylog >= 0)
		close(s->keylog);
	free(s->cert_file);
	free(s->key_file);
	free(s);
}

/* ---- client ---------------------------------------------------------- */

bool tls_is_pin(const char *text)
{
	size_t n = sizeof(TLS_PIN_PREFIX) - 1;

	/* The reference compares text: lower case only. */
	return strncmp(text, TLS_PIN_PREFIX, n) == 0 &&
	       strlen(text) == n + 64 &&
	       strspn(text + n, "0123456789abcdef") == 64;
}

static int load_ca(SSL_CTX *ctx, const char *file, char err[TRANSPORT_ERR_MAX])
{
	if (file == NULL)
		return SSL_CTX_set_default_verify_paths(ctx)
			       ? 0
			       : fail(err, "cannot read the system's CAs", "",
				      last_error());
	return SSL_CTX_load_verify_file(ctx, file)
		       ? 0
		       : fail(err, "cannot read CA file", file, last_error());
}

static int client_open(struct tls_setup *s, const struct tls_client_options *o,
		       char err[TRANSPORT_ERR_MAX])
{
	const char *name = o->sni != NULL ? o->sni : o->host;

	if (strlen(name) > HOST_MAX || name[0] == '\0')
		return fail(err, "bad server name", name, "1 to 255 bytes");
	if (o->pin != NULL && !tls_is_pin(o->pin))
		return fail(err, "bad pin", o->pin,
			    TLS_PIN_PREFIX "HEX is wanted, 64 digits");
	snprintf(s->host, sizeof s->host, "%s", o->host);
	snprintf(s->name, sizeof s->name, "%s", name);
	snprintf(s->pin, sizeof s->pin, "%s", o->pin != NULL ? o->pin : "");
	s->name_is_ip = tls_name_is_ip(name);
	s->insecure = o->insecure;
	if (open_keylog(s, o->keylog, err) != 0)
		return -1;
	s->ctx = new_ctx(s, TLS_client_method());
	if (s->ctx == NULL)
		return fail(err, "cannot set TLS up", "", last_error());
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(s->ctx, tls_verify, s);
	return o->insecure || o->pin != NULL ? 0
					     : load_ca(s->ctx, o->ca_file, err);
}

struct tls_setup *tls_client_new(const struct tls_client_options *o,
				 char err[TRANSPORT_ERR_MAX])
{
	struct tls_setup *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fail(err, "cannot set TLS up", "", "out of memory");
		return NULL;
	}
	s->keylog = -1;
	if (client_open(s, o, err) == 0)
		return s;
	tls_setup_free(s);
	return NULL;
}

/* ---- server ---------------------------------------------------------- */

/* DERP is HTTP/1.1 at first; a client that insists on something else gets
 * nowhere, as with the reference. */
static int on_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len,
		   const uint8_t *in, unsigned len, void *arg)
{
	static const uint8_t ours[] = "\x08http/1.1";
	uint8_t *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in,
				  len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase must not ask the terminal. */
static int no_passphrase(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static int load_files(SSL_CTX *ctx, const struct tls_setup *s,
		      char err[TRANSPORT_ERR_MAX])
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, s->cert_file) != 1)
		return fail(err, "cannot read certificate", s->cert_file,
			    last_error());
	if (SSL_CTX_use_PrivateKey_file(ctx, s->key_file, SSL_FILETYPE_PEM) !=
	    1)
		return fail(err, "cannot use the key in", s->key_file,
			    last_error());
	return 0;
}

static int make_own(SSL_CTX *ctx, const char *name, char err[TRANSPORT_ERR_MAX])
{
	time_t now = time(NULL);
	EVP_PKEY *key;
	X509 *cert;
	int ok;

	if (tls_cert_self_signed(&cert, &key, name, now - DAY,
				 now + 365 * DAY) != 0)
		return fail(err, "cannot make a certificate for", name,
			    last_error());
	ok = SSL_CTX_use_certificate(ctx, cert) &&
	     SSL_CTX_use_PrivateKey(ctx, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok ? 0 : fail(err, "cannot use a certificate for", name, "");
}

/* Append the meta certificate.  -1: no memory. */
static int add_meta(struct tls_setup *s, SSL_CTX *ctx, time_t now)
{
	X509 *meta;

	if (!s->has_meta)
		return 0;
	meta = tls_cert_meta(s->meta_key, now);
	if (meta == NULL || !SSL_CTX_add0_chain_cert(ctx, meta)) {
		X509_free(meta);
		return -1;
	}
	s->meta_at = now;
	return 0;
}

static int server_load(struct tls_setup *s, const char *self_signed,
		       char err[TRANSPORT_ERR_MAX])
{
	SSL_CTX *ctx = new_ctx(s, TLS_server_method());
	int e;

	ERR_clear_error();
	if (ctx == NULL)
		return fail(err, "cannot set TLS up", "", last_error());
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	e = self_signed != NULL ? make_own(ctx, self_signed, err)
				: load_files(ctx, s, err);
	if (e == 0 && add_meta(s, ctx, time(NULL)) != 0)
		e = fail(err, "cannot make the meta certificate", "",
			 last_error());
	if (e != 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	SSL_CTX_free(s->ctx); /* what is open holds it */
	s->ctx = ctx;
	return 0;
}

int tls_server_reload(struct tls_setup *s, char err[TRANSPORT_ERR_MAX])
{
	return s->cert_file != NULL ? server_load(s, NULL, err) : 0;
}

int tls_server_renew(struct tls_setup *s, time_t now)
{
	STACK_OF(X509) *old = NULL, *chain;
	X509 *meta;
	int ok;

	/* A clock that went back counts as well. */
	if (!s->has_meta ||
	    (now - s->meta_at < META_RENEW && s->meta_at - now < META_RENEW))
		return 0;
	meta = tls_cert_meta(s->meta_key, now);
	SSL_CTX_get0_chain_certs(s->ctx, &old);
	chain = X509_chain_up_ref(old);
	ok = meta != NULL && chain != NULL;
	if (ok) {
		X509_free(sk_X509_pop(chain));
		ok = sk_X509_push(chain, meta) > 0;
	}
	/* It takes the references of both, or none. */
	if (!ok || !SSL_CTX_set0_chain(s->ctx, chain)) {
		if (!ok)
			X509_free(meta);
		sk_X509_pop_free(chain, X509_free);
		return -1;
	}
	s->meta_at = now;
	return 1;
}

void tls_server_pin(const struct tls_setup *s, char pin[TLS_PIN_MAX])
{
	X509 *cert = SSL_CTX_get0_certificate(s->ctx);

	pin[0] = '\0';
	if (cert != NULL)
		tls_cert_pin(pin, cert);
}

static int server_open(struct tls_setup *s, const struct tls_server_options *o,
		       char err[TRANSPORT_ERR_MAX])
{
	s->server = true;
	s->has_meta = o->meta_key != NULL;
	if (s->has_meta)
		memcpy(s->meta_key, o->meta_key, sizeof s->meta_key);
	if (o->self_signed == NULL) {
		s->cert_file = strdup(o->cert_file);
		s->key_file = strdup(o->key_file);
		if (s->cert_file == NULL || s->key_file == NULL)
			return fail(err, "cannot set TLS up", "",
				    "out of memory");
	}
	if (open_keylog(s, o->keylog, err) != 0)
		return -1;
	return server_load(s, o->self_signed, err);
}

struct tls_setup *tls_server_new(const struct tls_server_options *o,
				 char err[TRANSPORT_ERR_MAX])
{
	struct tls_setup *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fail(err, "cannot set TLS up", "", "out of memory");
		return NULL;
	}
	s->keylog = -1;
	if (server_open(s, o, err) == 0)
		return s;
	tls_setup_free(s);
	return NULL;
}
