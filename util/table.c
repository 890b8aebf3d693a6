/*
 * table.c - uthash, made safe for keys that strangers choose.
 */
#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "table.h"

static unsigned char secret[crypto_shorthash_KEYBYTES];

void table_init(void)
{
	crypto_shorthash_keygen(secret);
}

unsigned table_hash(const void *key, size_t len)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint32_t hash;

	crypto_shorthash(out, key, len, secret);
	memcpy(&hash, out, sizeof hash);
	return hash;
}
