/*
 * derp_info.h - the two JSON messages inside the boxes of the handshake.
 *
 * They are read as the reference reads them (DERP-INFO-*): keys in any case,
 * folded as Unicode folds them; unknown keys skipped; the last duplicate
 * wins but each must be of the right type; null leaves a field as it was;
 * invalid UTF-8 in strings becomes U+FFFD.  Contract: derp.h.
 */
#ifndef DERP_INFO_H
#define DERP_INFO_H

#include <stdbool.h>

#include "derp.h"

#define DERP_APP_MAX 32 /* bytes of an application name (DERP-INFO-*) */

struct derp_client_info {
	int64_t version;
	bool can_ack_pings, is_prober;
	bool has_mesh_key; /* present and not all zero */
	uint8_t mesh_key[DERP_KEY_LEN];
	/* After decoding.  app_len counts what was sent and may exceed
	 * DERP_APP_MAX; then app holds its first bytes. */
	size_t app_len;
	uint8_t app[DERP_APP_MAX];
	bool app_ok; /* at most DERP_APP_MAX bytes, each 0x20..0x7e */
};

struct derp_server_info {
	int64_t version;
	int64_t bytes_per_second, bytes_burst; /* 0: none announced */
};

/* Readers give zero for a member that is missing.  DERP_E_JSON: not JSON, a
 * wrong type, a number that does not fit, a malformed mesh key, anything
 * after the value.  js[len] is text; it need not end with NUL. */
int derp_client_info_read(struct derp_client_info *i, const uint8_t *js,
			  size_t len);
int derp_server_info_read(struct derp_server_info *i, const uint8_t *js,
			  size_t len);

/* Writers omit what the reference omits (DERP-INFO-*), so the bytes are equal
 * to its bytes. */
int derp_client_info_write(const struct derp_client_info *i, uint8_t *out,
			   size_t cap, size_t *n);
int derp_server_info_write(const struct derp_server_info *i, uint8_t *out,
			   size_t cap, size_t *n);

#endif
