/*
 * tls_cert.c - the certificates that a DERP server shows.
 *
 * The meta certificate is not one to trust: it carries the server's key in its
 * common name, so that a client knows the key before the first DERP byte
 * (DERP-CERT-1).  71 characters are more than X.509 allows a common name, and
 * OpenSSL refuses them in every way but one: as a PrintableString.
 */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "derp_key.h"
#include "tls_parts.h"

#define META_PREFIX "derpkey"
#define META_PREFIX_LEN (sizeof(META_PREFIX) - 1)
#define META_NAME_LEN (META_PREFIX_LEN + DERP_HEX_LEN)
#define META_SERIAL 2 /* the version of DERP */
#define DAY ((time_t)24 * 3600)

bool tls_name_is_ip(const char *name)
{
	uint8_t ip[16];

	return inet_pton(AF_INET, name, ip) == 1 ||
	       inet_pton(AF_INET6, name, ip) == 1;
}

static int add_extension(X509 *cert, int nid, const char *text)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	ok = e != NULL && X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	return ok;
}

/* Everything but the extensions and the signature. */
static X509 *begin(EVP_PKEY *key, const char *name, time_t from, time_t until)
{
	X509 *cert = X509_new();
	X509_NAME *n = X509_NAME_new();

	if (cert != NULL && n != NULL && X509_set_version(cert, 2) &&
	    X509_NAME_add_entry_by_NID(n, NID_commonName,
				       V_ASN1_PRINTABLESTRING,
				       (const uint8_t *)name, -1, -1, 0) &&
	    X509_set_subject_name(cert, n) && X509_set_issuer_name(cert, n) &&
	    ASN1_TIME_set(X509_getm_notBefore(cert), from) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(cert), until) != NULL &&
	    X509_set_pubkey(cert, key)) {
		X509_NAME_free(n);
		return cert;
	}
	X509_NAME_free(n);
	X509_free(cert);
	return NULL;
}

X509 *tls_cert_meta(const uint8_t server_key[DERP_KEY_LEN], time_t now)
{
	char name[META_NAME_LEN + 1] = META_PREFIX;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *cert;

	derp_hex_encode(name + META_PREFIX_LEN, server_key, DERP_KEY_LEN);
	cert = key == NULL ? NULL
			   : begin(key, name, now - TLS_META_DAYS * DAY,
				   now + TLS_META_DAYS * DAY);
	if (cert != NULL &&
	    (!ASN1_INTEGER_set(X509_get_serialNumber(cert), META_SERIAL) ||
	     !add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") ||
	     !X509_sign(cert, key, NULL))) {
		X509_free(cert);
		cert = NULL;
	}
	EVP_PKEY_free(key);
	return cert;
}

int tls_cert_self_signed(X509 **cert, EVP_PKEY **key, const char *name,
			 time_t from, time_t until)
{
	char alt[HOST_MAX + 8];
	uint64_t serial = 0;

	snprintf(alt, sizeof alt, "%s:%s", tls_name_is_ip(name) ? "IP" : "DNS",
		 name);
	*cert = NULL;
	*key = EVP_EC_gen("P-256");
	/* The name counts in subjectAltName only, and may be longer there. */
	if (*key != NULL)
		*cert = begin(*key, "self-signed", from, until);
	if (*cert != NULL && RAND_bytes((uint8_t *)&serial, 7) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(*cert), serial + 1) &&
	    strpbrk(name, ",\\\"") == NULL &&
	    add_extension(*cert, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_extension(*cert, NID_subject_alt_name, alt) &&
	    X509_sign(*cert, *key, EVP_sha256()))
		return 0;
	X509_free(*cert);
	EVP_PKEY_free(*key);
	*cert = NULL;
	*key = NULL;
	return -1;
}

void tls_cert_pin(char pin[TLS_PIN_MAX], X509 *cert)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	memcpy(pin, TLS_PIN_PREFIX, sizeof(TLS_PIN_PREFIX));
	if (X509_digest(cert, EVP_sha256(), hash, &len) == 1)
		derp_hex_encode(pin + sizeof(TLS_PIN_PREFIX) - 1, hash, len);
}

/* The last common name, as Go takes it; NULL: none. */
static const ASN1_STRING *common_name(X509 *cert)
{
	X509_NAME *n = X509_get_subject_name(cert);
	int last = -1, i;

	while ((i = X509_NAME_get_index_by_NID(n, NID_commonName, last)) >= 0)
		last = i;
	return last < 0
		       ? NULL
		       : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(n, last));
}

static bool begins_meta(const ASN1_STRING *cn)
{
	return cn != NULL && ASN1_STRING_length(cn) >= (int)META_PREFIX_LEN &&
	       memcmp(ASN1_STRING_get0_data(cn), META_PREFIX,
		      META_PREFIX_LEN) == 0;
}

bool tls_cert_looks_meta(X509 *cert)
{
	return begins_meta(common_name(cert));
}

bool tls_cert_is_meta(X509 *cert, uint8_t key[DERP_KEY_LEN], int *version)
{
	static const uint8_t zero[DERP_KEY_LEN];
	const ASN1_STRING *cn = common_name(cert);
	uint8_t found[DERP_KEY_LEN];
	uint64_t serial;

	if (!begins_meta(cn) ||
	    derp_key_parse(
		    found, DERP_KEY_HEX,
		    (const char *)ASN1_STRING_get0_data(cn) + META_PREFIX_LEN,
		    (size_t)ASN1_STRING_length(cn) - META_PREFIX_LEN) != 0 ||
	    memcmp(found, zero, sizeof zero) == 0 ||
	    !ASN1_INTEGER_get_uint64(&serial, X509_get_serialNumber(cert)) ||
	    serial == 0 || serial > UINT8_MAX)
		return false;
	memcpy(key, found, sizeof found);
	*version = (int)serial;
	return true;
}
