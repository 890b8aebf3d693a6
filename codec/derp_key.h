/*
 * derp_key.h - keys as text.
 *
 *   64 hex digits      5ac9...        mesh keys, Derp-Public-Key
 *   nodekey:64 hex     a public key
 *   privkey:64 hex     a private key
 *   [SbsJn]            first five base64 digits, as in the reference's logs
 *
 * Contract: derp.h.
 */
#ifndef DERP_KEY_H
#define DERP_KEY_H

#include "derp.h"

#define DERP_HEX_LEN 64  /* of a key, without a terminator */
#define DERP_SHORT_LEN 7 /* [SbsJn], without a terminator */

enum derp_key_form {
	DERP_KEY_HEX,     /* 64 hex */
	DERP_KEY_NODE,    /* nodekey:64 hex */
	DERP_KEY_PRIVATE, /* privkey:64 hex */
};

/* Exactly one key in that form, hex in any case.  DERP_E_VALUE otherwise. */
int derp_key_parse(uint8_t key[DERP_KEY_LEN], enum derp_key_form form,
		   const char *text, size_t len);

/* Text of a key, NUL-terminated, lower case.  out holds the prefix (8 bytes,
 * forms NODE and PRIVATE), DERP_HEX_LEN, and the NUL. */
#define DERP_KEY_TEXT_MAX (8 + DERP_HEX_LEN + 1)
void derp_key_text(char out[DERP_KEY_TEXT_MAX], enum derp_key_form form,
		   const uint8_t key[DERP_KEY_LEN]);
void derp_key_short(char out[DERP_SHORT_LEN + 1],
		    const uint8_t key[DERP_KEY_LEN]);

/* Hex in general: n bytes to 2n digits and a NUL; and back, exactly 2n
 * digits. */
void derp_hex_encode(char *out, const uint8_t *in, size_t n);
int derp_hex_decode(uint8_t *out, size_t n, const char *text, size_t len);

#endif
