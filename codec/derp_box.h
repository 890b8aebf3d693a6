/*
 * derp_box.h - the sealed half of the DERP handshake.
 *
 * ClientInfo and ServerInfo carry a NaCl box (X25519, XSalsa20, Poly1305),
 * nonce first, around a small JSON object.  This is the only header of the
 * codec that needs libsodium; call sodium_init() before anything here.
 * Contract (errors, lifetimes, NULL): derp.h.
 */
#ifndef DERP_BOX_H
#define DERP_BOX_H

#include "derp.h"

/* Bytes of a sealed text of n bytes, nonce included. */
#define DERP_BOX_LEN(n) (DERP_NONCE_LEN + DERP_TAG_LEN + (n))

/* The public key of priv.  Here and below DERP_E_VALUE: priv is all zero. */
int derp_public_key(uint8_t pub[DERP_KEY_LEN],
		    const uint8_t priv[DERP_KEY_LEN]);

/* Seal in[len] for peer into out[cap]; *n is DERP_BOX_LEN(len): nonce, tag,
 * text.  The nonce is the caller's and must never repeat for this pair of
 * keys.  out must not overlap in or nonce.  DERP_E_VALUE: peer is zero or of
 * low order. */
int derp_seal(uint8_t *out, size_t cap, size_t *n, const uint8_t *in,
	      size_t len, const uint8_t nonce[DERP_NONCE_LEN],
	      const uint8_t peer[DERP_KEY_LEN],
	      const uint8_t priv[DERP_KEY_LEN]);

/* Open nonce, tag, text at in[len] into out[cap].  out may be in itself.
 * DERP_E_SHORT: no room for nonce and tag.  DERP_E_BOX says only that the box
 * did not open, never why.  DERP_E_VALUE as above.  On an error the text is
 * not in out. */
int derp_open(uint8_t *out, size_t cap, size_t *n, const uint8_t *in,
	      size_t len, const uint8_t peer[DERP_KEY_LEN],
	      const uint8_t priv[DERP_KEY_LEN]);

/* Overwrite a secret in a way that no optimiser removes. */
void derp_wipe(void *p, size_t len);

#endif
