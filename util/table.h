/*
 * table.h - uthash, made safe for keys that strangers choose.
 *
 * The hash is keyed with random bytes drawn at start (SipHash), so nobody can
 * aim many keys at one bucket.  A table that gets no memory says so instead of
 * ending the program: after HASH_ADD*, table_added() tells whether it is in.
 */
#ifndef DERPKIT_TABLE_H
#define DERPKIT_TABLE_H

#include <stddef.h>

unsigned table_hash(const void *key, size_t len);
/* Draw the key.  Once, after sodium_init(), before the first table. */
void table_init(void);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(keyptr, keylen, hashv)                                   \
	((hashv) = table_hash((keyptr), (keylen)))
#include <uthash.h>

#define table_added(item) ((item)->hh.tbl != NULL)

#endif
