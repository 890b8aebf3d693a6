/*
 * tls_seal.c - key schedules and AEAD of TLS 1.3 and 1.2, over OpenSSL.
 *
 * Nothing here needs the TLS of OpenSSL: secrets come from a key log, so only
 * HMAC and the ciphers are asked for.
 */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "tls_seal.h"

/* Text, explicit part, key. */
#define AES128 EVP_aes_128_gcm
#define AES256 EVP_aes_256_gcm
#define CHACHA EVP_chacha20_poly1305
#define SHA256 EVP_sha256
#define SHA384 EVP_sha384

/* TLS 1.2: the key exchange does not matter, since the key log has what comes
 * of it. */
static const struct seal_suite suites[] = {
	{ 0x1301, true, "AES-128-GCM", AES128, SHA256, 16, 32, 0 },
	{ 0x1302, true, "AES-256-GCM", AES256, SHA384, 32, 48, 0 },
	{ 0x1303, true, "ChaCha20-Poly1305", CHACHA, SHA256, 32, 32, 0 },
	{ 0xc02b, false, "AES-128-GCM", AES128, SHA256, 16, 48, 8 },
	{ 0xc02c, false, "AES-256-GCM", AES256, SHA384, 32, 48, 8 },
	{ 0xc02f, false, "AES-128-GCM", AES128, SHA256, 16, 48, 8 },
	{ 0xc030, false, "AES-256-GCM", AES256, SHA384, 32, 48, 8 },
	{ 0xcca8, false, "ChaCha20-Poly1305", CHACHA, SHA256, 32, 48, 0 },
	{ 0xcca9, false, "ChaCha20-Poly1305", CHACHA, SHA256, 32, 48, 0 },
	{ 0x009c, false, "AES-128-GCM", AES128, SHA256, 16, 48, 8 },
	{ 0x009d, false, "AES-256-GCM", AES256, SHA384, 32, 48, 8 },
};

const struct seal_suite *seal_suite(uint32_t id)
{
	size_t i;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

uint32_t seal_overhead(const struct seal_suite *suite)
{
	return SEAL_TAG_LEN + suite->explicit_len + (suite->tls13 ? 1 : 0);
}

/* ---- key schedules ----------------------------------------------------- */

int seal_expand(const struct seal_suite *suite, const uint8_t *secret,
		const char *label, uint8_t *out, uint32_t len)
{
	uint8_t info[64], hash[EVP_MAX_MD_SIZE];
	size_t n = strlen(label);
	unsigned hash_len = 0;

	if (n > sizeof(info) - 11)
		return -1;
	info[0] = (uint8_t)(len / 0x100u);
	info[1] = (uint8_t)len;
	info[2] = (uint8_t)(6 + n);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, n);
	info[9 + n] = 0;  /* no context */
	info[10 + n] = 1; /* the first block, and the last one */
	if (HMAC(suite->md(), secret, (int)suite->secret_len, info, 11 + n,
		 hash, &hash_len) == NULL ||
	    hash_len < len)
		return -1;
	memcpy(out, hash, len);
	OPENSSL_cleanse(hash, sizeof(hash));
	return 0;
}

static int set_key(struct seal *s, const struct seal_suite *suite,
		   const uint8_t *key)
{
	if (s->ctx == NULL)
		s->ctx = EVP_CIPHER_CTX_new();
	s->suite = suite;
	if (s->ctx == NULL ||
	    EVP_DecryptInit_ex(s->ctx, suite->evp(), NULL, key, NULL) != 1)
		return -1;
	return 0;
}

int seal_from_secret(struct seal *s, const struct seal_suite *suite,
		     const uint8_t *secret)
{
	uint8_t key[32];
	int ret = -1;

	if (seal_expand(suite, secret, "key", key, suite->key_len) == 0 &&
	    seal_expand(suite, secret, "iv", s->iv, SEAL_IV_LEN) == 0)
		ret = set_key(s, suite, key);
	if (ret == 0)
		memmove(s->secret, secret, suite->secret_len);
	OPENSSL_cleanse(key, sizeof(key));
	return ret;
}

int seal_update(struct seal *s, const struct seal *from)
{
	uint8_t secret[SEAL_SECRET_MAX];
	int ret;

	ret = seal_expand(from->suite, from->secret, "traffic upd", secret,
			  from->suite->secret_len);
	if (ret == 0)
		ret = seal_from_secret(s, from->suite, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ret;
}

/* RFC 5246, 5: P_hash of the secret and the seed. */
static int p_hash(const EVP_MD *md, const uint8_t *secret, const uint8_t *seed,
		  size_t seed_len, uint8_t *out, size_t len)
{
	uint8_t a[EVP_MAX_MD_SIZE + 128], block[EVP_MAX_MD_SIZE];
	unsigned hash = 0, n;

	if (seed_len > 128 ||
	    HMAC(md, secret, SEAL_MASTER_LEN, seed, seed_len, a, &hash) == NULL)
		return -1;
	while (len > 0) {
		memcpy(a + hash, seed, seed_len);
		if (HMAC(md, secret, SEAL_MASTER_LEN, a, hash + seed_len, block,
			 &hash) == NULL)
			return -1;
		n = len < hash ? (unsigned)len : hash;
		memcpy(out, block, n);
		out += n;
		len -= n;
		if (HMAC(md, secret, SEAL_MASTER_LEN, a, hash, block, &hash) ==
		    NULL)
			return -1;
		memcpy(a, block, hash);
	}
	OPENSSL_cleanse(a, sizeof(a));
	OPENSSL_cleanse(block, sizeof(block));
	return 0;
}

int seal_from_master(struct seal *client, struct seal *server,
		     const struct seal_suite *suite,
		     const uint8_t master[SEAL_MASTER_LEN],
		     const uint8_t client_random[SEAL_RANDOM_LEN],
		     const uint8_t server_random[SEAL_RANDOM_LEN])
{
	static const char label[] = "key expansion";
	const size_t n = sizeof(label) - 1;
	uint8_t seed[sizeof(label) - 1 + 2 * SEAL_RANDOM_LEN];
	uint8_t block[2 * (32 + SEAL_IV_LEN)];
	uint32_t key = suite->key_len, iv = SEAL_IV_LEN - suite->explicit_len;
	int ret;

	memcpy(seed, label, n);
	memcpy(seed + n, server_random, SEAL_RANDOM_LEN);
	memcpy(seed + n + SEAL_RANDOM_LEN, client_random, SEAL_RANDOM_LEN);
	ret = p_hash(suite->md(), master, seed, sizeof(seed), block,
		     2 * (key + iv));
	if (ret == 0) {
		memcpy(client->iv, block + 2 * (size_t)key, iv);
		memcpy(server->iv, block + 2 * (size_t)key + iv, iv);
		ret = set_key(client, suite, block);
	}
	if (ret == 0)
		ret = set_key(server, suite, block + key);
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

void seal_free(struct seal *s)
{
	EVP_CIPHER_CTX_free(s->ctx);
	OPENSSL_cleanse(s, sizeof(*s));
	memset(s, 0, sizeof(*s));
}

/* ---- records ----------------------------------------------------------- */

static void put_seq(uint8_t *p, uint64_t seq)
{
	int i;

	for (i = 7; i >= 0; i--) {
		p[i] = (uint8_t)seq;
		seq /= 0x100u;
	}
}

static void make_nonce(const struct seal *s, uint64_t seq, const uint8_t *body,
		       uint8_t nonce[SEAL_IV_LEN])
{
	const uint32_t fixed = SEAL_IV_LEN - s->suite->explicit_len;
	uint8_t num[8];
	size_t i;

	memcpy(nonce, s->iv, SEAL_IV_LEN);
	if (s->suite->explicit_len > 0) {
		memcpy(nonce + fixed, body, s->suite->explicit_len);
		return;
	}
	put_seq(num, seq);
	for (i = 0; i < sizeof(num); i++)
		nonce[4 + i] ^= num[i];
}

int seal_open(struct seal *s, uint64_t seq, const uint8_t *rec, size_t len,
	      uint8_t *out)
{
	uint8_t nonce[SEAL_IV_LEN], aad[13], tag[SEAL_TAG_LEN];
	uint32_t fixed = s->suite->explicit_len + SEAL_TAG_LEN;
	const uint8_t *body = rec + SEAL_HEAD_LEN, *text;
	int n, done = 0, aad_len = SEAL_HEAD_LEN;

	if (len < SEAL_HEAD_LEN + fixed ||
	    len > SEAL_HEAD_LEN + SEAL_RECORD_MAX)
		return -1;
	n = (int)(len - SEAL_HEAD_LEN - fixed);
	text = body + s->suite->explicit_len;
	make_nonce(s, seq, body, nonce);
	memcpy(aad, rec, SEAL_HEAD_LEN);
	if (!s->suite->tls13) {
		put_seq(aad, seq);
		memcpy(aad + 8, rec, 3);
		aad[11] = (uint8_t)(n / 0x100);
		aad[12] = (uint8_t)n;
		aad_len = 13;
	}
	memcpy(tag, text + n, SEAL_TAG_LEN);
	if (EVP_DecryptInit_ex(s->ctx, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_LEN,
				tag) != 1 ||
	    EVP_DecryptUpdate(s->ctx, NULL, &done, aad, aad_len) != 1 ||
	    EVP_DecryptUpdate(s->ctx, out, &done, text, n) != 1 ||
	    EVP_DecryptFinal_ex(s->ctx, out + done, &done) != 1)
		return -1;
	return n;
}
