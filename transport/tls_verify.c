/*
 * tls_verify.c - does a client like the server's certificate?
 *
 *	insecure  anything goes
 *	pin       one certificate, with this SHA-256 of its DER form, for the
 *		  name that was asked for (when it is a name), in its time
 *	else      a chain to a CA, for the name or address
 *
 * The meta certificate takes no part in any of them (DERP-CERT-5).
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls_parts.h"

#define NAMES_MAX 160 /* bytes of names in a message */

/* What is in a certificate may be anything. */
static void add_clean(char *to, size_t cap, const uint8_t *text, int len)
{
	size_t n = strlen(to);

	for (int i = 0; i < len && n + 1 < cap; i++)
		to[n++] = (char)(text[i] > 0x20 && text[i] < 0x7f ? text[i]
								  : '?');
	to[n] = '\0';
}

static void add_ip(char *to, size_t cap, const ASN1_STRING *ip)
{
	char text[INET6_ADDRSTRLEN] = "?";
	int len = ASN1_STRING_length(ip);

	if (len == 4 || len == 16)
		inet_ntop(len == 4 ? AF_INET : AF_INET6,
			  ASN1_STRING_get0_data(ip), text, sizeof text);
	add_clean(to, cap, (const uint8_t *)text, (int)strlen(text));
}

/* "a.example, b.example" */
static void names_of(char *to, size_t cap, X509 *cert)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	to[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type != GEN_DNS && n->type != GEN_IPADD)
			continue;
		if (to[0] != '\0')
			add_clean(to, cap, (const uint8_t *)",", 1);
		if (n->type == GEN_DNS)
			add_clean(to, cap, ASN1_STRING_get0_data(n->d.dNSName),
				  ASN1_STRING_length(n->d.dNSName));
		else
			add_ip(to, cap, n->d.iPAddress);
	}
	GENERAL_NAMES_free(names);
	if (to[0] == '\0')
		snprintf(to, cap, "no name");
}

static int refuse(struct tls *t, X509_STORE_CTX *ctx, int error,
		  const char *why)
{
	snprintf(t->why, sizeof t->why, "%s", why);
	X509_STORE_CTX_set_error(ctx, error);
	return 0;
}

static int wrong_name(struct tls *t, X509_STORE_CTX *ctx, X509 *cert)
{
	char names[NAMES_MAX], why[TRANSPORT_ERR_MAX];

	names_of(names, sizeof names, cert);
	snprintf(why, sizeof why,
		 "the certificate is for %s, not %.100s: use --sni NAME, or -k",
		 names, t->setup->name);
	return refuse(t, ctx, X509_V_ERR_HOSTNAME_MISMATCH, why);
}

static int wrong_time(struct tls *t, X509_STORE_CTX *ctx, X509 *cert)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert);
	bool early = X509_cmp_current_time(from) > 0;
	char when[40] = "?", why[TRANSPORT_ERR_MAX];
	struct tm tm;

	if (ASN1_TIME_to_tm(early ? from : X509_get0_notAfter(cert), &tm))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm);
	snprintf(why, sizeof why,
		 early ? "the certificate begins %s: is the clock right?"
		       : "the certificate ended %s: renew it, or use -k",
		 when);
	return refuse(t, ctx,
		      early ? X509_V_ERR_CERT_NOT_YET_VALID
			    : X509_V_ERR_CERT_HAS_EXPIRED,
		      why);
}

static bool has_name(const struct tls_setup *s, X509 *cert)
{
	if (s->name_is_ip)
		return X509_check_ip_asc(cert, s->name, 0) == 1;
	return X509_check_host(cert, s->name, 0,
			       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static bool in_time(X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* As the reference's clients take CertName of a DERP map (tlsdial). */
static int by_pin(struct tls *t, X509_STORE_CTX *ctx)
{
	char pin[TLS_PIN_MAX], why[TRANSPORT_ERR_MAX];
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	X509 *good = NULL;

	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *cert = sk_X509_value(sent, i);
		if (tls_cert_looks_meta(cert))
			continue;
		if (good != NULL)
			return refuse(t, ctx, X509_V_ERR_CERT_REJECTED,
				      "more certificates than the pinned one");
		tls_cert_pin(pin, cert);
		if (strcmp(pin, t->setup->pin) != 0) {
			snprintf(why, sizeof why,
				 "the certificate is %s, not the pinned one",
				 pin);
			return refuse(t, ctx, X509_V_ERR_CERT_REJECTED, why);
		}
		good = cert;
	}
	if (good == NULL)
		return refuse(t, ctx, X509_V_ERR_CERT_REJECTED,
			      "the pinned certificate was not sent");
	if (!t->setup->name_is_ip && !has_name(t->setup, good))
		return wrong_name(t, ctx, good);
	return in_time(good) ? 1 : wrong_time(t, ctx, good);
}

static int by_chain(struct tls *t, X509_STORE_CTX *ctx)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	char why[TRANSPORT_ERR_MAX];
	int error;

	if (X509_verify_cert(ctx) != 1) {
		error = X509_STORE_CTX_get_error(ctx);
		if (error == X509_V_ERR_CERT_HAS_EXPIRED ||
		    error == X509_V_ERR_CERT_NOT_YET_VALID)
			return wrong_time(t, ctx,
					  X509_STORE_CTX_get_current_cert(ctx));
		snprintf(why, sizeof why,
			 "nobody we trust vouches for the certificate (%s): "
			 "use --ca FILE, --pin, or -k",
			 X509_verify_cert_error_string(error));
		return refuse(t, ctx, error, why);
	}
	return has_name(t->setup, leaf) ? 1 : wrong_name(t, ctx, leaf);
}

int tls_verify(X509_STORE_CTX *ctx, void *setup)
{
	const struct tls_setup *s = setup;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);

	/* Time is our clock's, names are ours to check. */
	if (s->insecure)
		return 1;
	return s->pin[0] != '\0' ? by_pin(t, ctx) : by_chain(t, ctx);
}
