/*
 * keylog.h - TLS secrets by the client's random, out of NSS key logs.
 *
 *   CLIENT_RANDOM <64 hex> <96 hex>                     TLS 1.2: the master
 *   CLIENT_TRAFFIC_SECRET_0 <64 hex> <64 or 96 hex>     TLS 1.3; and so on
 *
 * Lines that are none of these are passed over: browsers write others.  A
 * secret that comes twice keeps its first value.  Key logs are hostile: lines
 * and their number are bounded, and the table's hash is keyed.
 */
#ifndef CAPTURE_KEYLOG_H
#define CAPTURE_KEYLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYLOG_RANDOM_LEN 32u
#define KEYLOG_SECRET_MAX 48u /* SHA-384; the master secret too */
#define KEYLOG_LINE_MAX 512u  /* longer ones are passed over */
#define KEYLOG_ENTRIES_MAX 262144u

enum keylog_label {
	KEYLOG_MASTER = 0,
	KEYLOG_CLIENT_HANDSHAKE,
	KEYLOG_SERVER_HANDSHAKE,
	KEYLOG_CLIENT_TRAFFIC,
	KEYLOG_SERVER_TRAFFIC,
	KEYLOG_LABELS,
};

struct keylog_secrets {
	uint8_t len[KEYLOG_LABELS]; /* 0: not there */
	uint8_t secret[KEYLOG_LABELS][KEYLOG_SECRET_MAX];
};

struct keylog_entry;

/* Zeros are an empty one. */
struct keylog {
	struct keylog_entry *table;
	uint32_t num; /* connections */
	uint64_t lines, passed_over;
	uint8_t hash_key[16];
	bool keyed;
	/* A line that has begun. */
	char line[KEYLOG_LINE_MAX];
	size_t len;
	bool too_long;
};

/* Bytes of a key log, cut anywhere; keylog_end() ends the last line.  -1: out
 * of memory. */
int keylog_add(struct keylog *k, const void *bytes, size_t len);
int keylog_end(struct keylog *k);
/* Wipes what was secret. */
void keylog_free(struct keylog *k);

/* NULL: none.  Lives until keylog_free(); may grow meanwhile. */
const struct keylog_secrets *keylog_find(const struct keylog *k,
					 const uint8_t *random);

#endif
