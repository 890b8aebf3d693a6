/*
 * tls_seal.h - keys of one direction of a TLS connection, and opening records
 * with them.
 */
#ifndef CAPTURE_TLS_SEAL_H
#define CAPTURE_TLS_SEAL_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_SECRET_MAX 48u
#define SEAL_MASTER_LEN 48u
#define SEAL_RANDOM_LEN 32u
#define SEAL_IV_LEN 12u
#define SEAL_TAG_LEN 16u
#define SEAL_HEAD_LEN 5u       /* of a record */
#define SEAL_RECORD_MAX 16640u /* behind it: RFC 8446, 5.2; RFC 5246 + tag */

struct seal_suite {
	uint32_t id;
	bool tls13;
	const char *cipher; /* as derpdump shows it */
	const EVP_CIPHER *(*evp)(void);
	const EVP_MD *(*md)(void);
	uint32_t key_len, secret_len;
	uint32_t explicit_len; /* of the nonce, in each record */
};

/* Zeros are one without keys. */
struct seal {
	const struct seal_suite *suite;
	EVP_CIPHER_CTX *ctx;
	uint8_t iv[SEAL_IV_LEN];
	uint8_t secret[SEAL_SECRET_MAX]; /* TLS 1.3 */
};

/* NULL: not one that we open. */
const struct seal_suite *seal_suite(uint32_t id);
/* Bytes of a record that are not text. */
uint32_t seal_overhead(const struct seal_suite *suite);

/* All: 0, or -1 without memory.  What s held before is wiped. */
int seal_from_secret(struct seal *s, const struct seal_suite *suite,
		     const uint8_t *secret);
/* The next generation of keys after a KeyUpdate. */
int seal_update(struct seal *s, const struct seal *from);
int seal_from_master(struct seal *client, struct seal *server,
		     const struct seal_suite *suite,
		     const uint8_t master[SEAL_MASTER_LEN],
		     const uint8_t client_random[SEAL_RANDOM_LEN],
		     const uint8_t server_random[SEAL_RANDOM_LEN]);
void seal_free(struct seal *s);

/* rec[len] is a whole record with its head, out has room for SEAL_RECORD_MAX.
 * The length of the text, or -1: the tag does not fit. */
int seal_open(struct seal *s, uint64_t seq, const uint8_t *rec, size_t len,
	      uint8_t *out);

/* HKDF-Expand-Label with an empty context; len is at most the hash's. */
int seal_expand(const struct seal_suite *suite, const uint8_t *secret,
		const char *label, uint8_t *out, uint32_t len);

#endif
