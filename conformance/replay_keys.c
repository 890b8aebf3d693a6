/*
 * replay_keys.c - a table from keys to their owners.
 *
 * Open addressing; the keys come from captures and servers, so the hash is
 * one that they cannot aim at.
 */
#include "replay_plan.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct replay_slot {
	uint8_t key[DERP_KEY_LEN];
	struct replay_ref ref;
	bool used;
};

_Static_assert(sizeof(((struct replay_keys *)0)->secret) ==
		       crypto_shorthash_KEYBYTES,
	       "the secret is a SipHash key");

static uint32_t hash_key(const struct replay_keys *k, const uint8_t *key)
{
	uint8_t h[crypto_shorthash_BYTES];
	uint32_t v;

	crypto_shorthash(h, key, DERP_KEY_LEN, k->secret);
	memcpy(&v, h, sizeof(v));
	return v;
}

/* Where the key is, or where it would go; cap is above num. */
static struct replay_slot *slot_of(const struct replay_keys *k,
				   const uint8_t *key)
{
	uint32_t at = hash_key(k, key) & (k->cap - 1);

	while (k->slots[at].used &&
	       memcmp(k->slots[at].key, key, DERP_KEY_LEN) != 0)
		at = (at + 1) & (k->cap - 1);
	return &k->slots[at];
}

static int grow(struct replay_keys *k)
{
	struct replay_keys bigger = *k;

	bigger.cap = k->cap == 0 ? 64 : k->cap * 2;
	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return -1;
	if (k->cap == 0)
		randombytes_buf(bigger.secret, sizeof(bigger.secret));
	for (uint32_t i = 0; i < k->cap; i++)
		if (k->slots[i].used)
			*slot_of(&bigger, k->slots[i].key) = k->slots[i];
	free(k->slots);
	*k = bigger;
	return 0;
}

int replay_keys_add(struct replay_keys *k, const uint8_t key[DERP_KEY_LEN],
		    struct replay_ref ref)
{
	struct replay_slot *s;

	if (k->num >= k->cap / 2 && grow(k) < 0)
		return -1;
	s = slot_of(k, key);
	if (s->used)
		return 0;
	memcpy(s->key, key, DERP_KEY_LEN);
	s->ref = ref;
	s->used = true;
	k->num++;
	return 0;
}

struct replay_ref replay_keys_find(const struct replay_keys *k,
				   const uint8_t key[DERP_KEY_LEN])
{
	const struct replay_ref stranger = { REPLAY_STRANGER, 0 };
	const struct replay_slot *s = k->cap > 0 ? slot_of(k, key) : NULL;

	return s != NULL && s->used ? s->ref : stranger;
}

void replay_keys_clear(struct replay_keys *k)
{
	free(k->slots);
	memset(k, 0, sizeof(*k));
}
