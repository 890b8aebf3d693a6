/*
 * keylog.c - key logs into a table.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "derp_key.h"
#include "keylog.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(at, len, v) ((v) = hash_random(k, (at), (len)))
#include <uthash.h>

struct keylog_entry {
	uint8_t random[KEYLOG_RANDOM_LEN];
	struct keylog_secrets secrets;
	UT_hash_handle hh;
};

static const struct {
	const char *name;
	uint32_t min, max; /* bytes of the secret */
} labels[KEYLOG_LABELS] = {
	[KEYLOG_MASTER] = { "CLIENT_RANDOM", 48, 48 },
	[KEYLOG_CLIENT_HANDSHAKE] = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET", 32,
				      48 },
	[KEYLOG_SERVER_HANDSHAKE] = { "SERVER_HANDSHAKE_TRAFFIC_SECRET", 32,
				      48 },
	[KEYLOG_CLIENT_TRAFFIC] = { "CLIENT_TRAFFIC_SECRET_0", 32, 48 },
	[KEYLOG_SERVER_TRAFFIC] = { "SERVER_TRAFFIC_SECRET_0", 32, 48 },
};

static unsigned hash_random(const struct keylog *k, const void *at, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES] = { 0 };
	unsigned v;

	_Static_assert(sizeof(k->hash_key) == crypto_shorthash_KEYBYTES,
		       "key of libsodium");
	crypto_shorthash(out, at, len, k->hash_key);
	memcpy(&v, out, sizeof(v));
	return v;
}

static struct keylog_entry *find(const struct keylog *k, const uint8_t *random)
{
	struct keylog_entry *e;

	HASH_FIND(hh, k->table, random, KEYLOG_RANDOM_LEN, e);
	return e;
}

/* *e is NULL when the table is full. */
static int entry_of(struct keylog *k, struct keylog_entry **e,
		    const uint8_t *random)
{
	if (!k->keyed)
		randombytes_buf(k->hash_key, sizeof(k->hash_key));
	k->keyed = true;
	*e = find(k, random);
	if (*e != NULL || k->num >= KEYLOG_ENTRIES_MAX)
		return 0;
	*e = calloc(1, sizeof(**e));
	if (*e == NULL)
		return -1;
	memcpy((*e)->random, random, KEYLOG_RANDOM_LEN);
	HASH_ADD(hh, k->table, random, KEYLOG_RANDOM_LEN, *e);
	if ((*e)->hh.tbl == NULL) {
		free(*e);
		return -1;
	}
	k->num++;
	return 0;
}

/* Up to the next blank, or to the end. */
static size_t word(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] != ' ')
		n++;
	return n;
}

struct parsed {
	enum keylog_label label;
	uint8_t random[KEYLOG_RANDOM_LEN];
	uint8_t secret[KEYLOG_SECRET_MAX];
	uint32_t len;
};

static bool parse_label(struct parsed *s, const char *p, size_t n)
{
	int i;

	for (i = 0; i < KEYLOG_LABELS; i++) {
		if (n != strlen(labels[i].name) ||
		    memcmp(p, labels[i].name, n) != 0)
			continue;
		s->label = (enum keylog_label)i;
		return true;
	}
	return false;
}

static bool parse(struct parsed *s, const char *p, size_t len)
{
	size_t n = word(p, len);

	if (n == len || !parse_label(s, p, n))
		return false;
	p += n + 1;
	len -= n + 1;
	n = word(p, len);
	if (n == len || derp_hex_decode(s->random, KEYLOG_RANDOM_LEN, p, n) < 0)
		return false;
	p += n + 1;
	len -= n + 1;
	n = word(p, len);
	if (n != len || n % 2 != 0 || n / 2 < labels[s->label].min ||
	    n / 2 > labels[s->label].max)
		return false;
	s->len = (uint32_t)(n / 2);
	return derp_hex_decode(s->secret, s->len, p, n) == 0;
}

static int end_line(struct keylog *k)
{
	struct keylog_entry *e;
	struct parsed s;
	size_t len = k->len;
	bool too_long = k->too_long;
	int ret = 0;

	k->len = 0;
	k->too_long = false;
	while (len > 0 && (k->line[len - 1] == '\r' || k->line[len - 1] == ' '))
		len--;
	if (!too_long && (len == 0 || k->line[0] == '#'))
		return 0;
	e = NULL;
	if (!too_long && parse(&s, k->line, len))
		ret = entry_of(k, &e, s.random);
	if (ret == 0 && e != NULL) {
		k->lines++;
		if (e->secrets.len[s.label] == 0) {
			memcpy(e->secrets.secret[s.label], s.secret, s.len);
			e->secrets.len[s.label] = (uint8_t)s.len;
		}
	} else {
		k->passed_over++;
	}
	sodium_memzero(&s, sizeof(s));
	sodium_memzero(k->line, sizeof(k->line));
	return ret;
}

int keylog_add(struct keylog *k, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\n') {
			if (end_line(k) < 0)
				return -1;
		} else if (k->len < sizeof(k->line)) {
			k->line[k->len++] = p[i];
		} else {
			k->too_long = true;
		}
	}
	return 0;
}

int keylog_end(struct keylog *k)
{
	return k->len > 0 ? end_line(k) : 0;
}

void keylog_free(struct keylog *k)
{
	struct keylog_entry *e, *next;

	HASH_ITER (hh, k->table, e, next) {
		HASH_DEL(k->table, e);
		sodium_memzero(e, sizeof(*e));
		free(e);
	}
	sodium_memzero(k, sizeof(*k));
}

const struct keylog_secrets *keylog_find(const struct keylog *k,
					 const uint8_t *random)
{
	const struct keylog_entry *e = find(k, random);

	return e == NULL ? NULL : &e->secrets;
}
