/*
 * ws_sha1.h - the digest of the WebSocket upgrade.  Not installed.
 */
#ifndef WS_SHA1_H
#define WS_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_LEN 20

void derp_sha1(uint8_t out[SHA1_LEN], const uint8_t *in, size_t len);

#endif
