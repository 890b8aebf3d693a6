/*
 * box.c - seal and open.  The only file that knows libsodium.
 *
 *   nonce 24 | tag 16 | text
 *
 * The shared key is worked out first and by itself: that is where a peer key
 * of low order shows.
 */
#include <sodium.h>

#include "derp_box.h"
#include "bytes.h"

_Static_assert(DERP_KEY_LEN == crypto_box_PUBLICKEYBYTES, "public key");
_Static_assert(DERP_KEY_LEN == crypto_box_SECRETKEYBYTES, "private key");
_Static_assert(DERP_NONCE_LEN == crypto_box_NONCEBYTES, "nonce");
_Static_assert(DERP_TAG_LEN == crypto_box_MACBYTES, "tag");

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define WRITTEN(p, len) __msan_unpoison(p, len)
#endif
#endif
#ifndef WRITTEN
#define WRITTEN(p, len) ((void)0)
#endif

/* libsodium is not built for MemorySanitizer: say what it wrote. */
static void written(void *p, size_t len)
{
	(void)p;
	(void)len;
	WRITTEN(p, len);
}

int derp_public_key(uint8_t pub[DERP_KEY_LEN], const uint8_t priv[DERP_KEY_LEN])
{
	if (sodium_is_zero(priv, DERP_KEY_LEN))
		return DERP_E_VALUE;
	crypto_scalarmult_curve25519_base(pub, priv);
	written(pub, DERP_KEY_LEN);
	return 0;
}

static int shared_key(uint8_t shared[crypto_box_BEFORENMBYTES],
		      const uint8_t *peer, const uint8_t *priv)
{
	if (sodium_is_zero(priv, DERP_KEY_LEN) ||
	    crypto_box_beforenm(shared, peer, priv) != 0)
		return DERP_E_VALUE;
	written(shared, crypto_box_BEFORENMBYTES);
	return 0;
}

int derp_seal(uint8_t *out, size_t cap, size_t *n, const uint8_t *in,
	      size_t len, const uint8_t nonce[DERP_NONCE_LEN],
	      const uint8_t peer[DERP_KEY_LEN],
	      const uint8_t priv[DERP_KEY_LEN])
{
	uint8_t shared[crypto_box_BEFORENMBYTES];
	int err;

	if (cap < DERP_BOX_LEN(0) || cap - DERP_BOX_LEN(0) < len)
		return DERP_E_NOBUF;
	err = shared_key(shared, peer, priv);
	if (err == 0) {
		crypto_box_easy_afternm(out + DERP_NONCE_LEN, in, len, nonce,
					shared);
		copy(out, nonce, DERP_NONCE_LEN);
		*n = DERP_BOX_LEN(len);
		written(out, *n);
	}
	sodium_memzero(shared, sizeof shared);
	return err;
}

int derp_open(uint8_t *out, size_t cap, size_t *n, const uint8_t *in,
	      size_t len, const uint8_t peer[DERP_KEY_LEN],
	      const uint8_t priv[DERP_KEY_LEN])
{
	uint8_t shared[crypto_box_BEFORENMBYTES];
	/* The cipher reads the nonce again after it has begun to write. */
	uint8_t nonce[DERP_NONCE_LEN];
	int err;

	if (len < DERP_BOX_LEN(0))
		return DERP_E_SHORT;
	if (cap < len - DERP_BOX_LEN(0))
		return DERP_E_NOBUF;
	err = shared_key(shared, peer, priv);
	if (err == 0) {
		copy(nonce, in, DERP_NONCE_LEN);
		if (crypto_box_open_easy_afternm(out, in + DERP_NONCE_LEN,
						 len - DERP_NONCE_LEN, nonce,
						 shared) != 0)
			err = DERP_E_BOX;
	}
	if (err == 0) {
		*n = len - DERP_BOX_LEN(0);
		written(out, *n);
	}
	sodium_memzero(shared, sizeof shared);
	return err;
}

void derp_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}
