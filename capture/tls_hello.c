/*
 * tls_hello.c - the few handshake messages that we read.
 */
#include <string.h>

#include "derp_key.h"
#include "tls_hello.h"

enum { EXT_TICKET = 35, EXT_EARLY_DATA = 42, EXT_VERSIONS = 43 };

/* SHA-256 of "HelloRetryRequest": RFC 8446, 4.1.3. */
static const uint8_t retry_random[HELLO_RANDOM_LEN] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

struct cursor {
	const uint8_t *p;
	size_t len;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->len < n)
		return NULL;
	c->p += n;
	c->len -= n;
	return p;
}

/* A number of n bytes. */
static bool number(struct cursor *c, uint32_t *v, size_t n)
{
	const uint8_t *p = take(c, n);
	size_t i;

	*v = 0;
	for (i = 0; p != NULL && i < n; i++)
		*v = 0x100u * *v + p[i];
	return p != NULL;
}

/* A field behind its length of n bytes. */
static bool field(struct cursor *c, struct cursor *to, size_t n)
{
	uint32_t len;

	if (!number(c, &len, n))
		return false;
	to->len = len;
	to->p = take(c, len);
	return to->p != NULL;
}

static bool extension(struct hello *h, uint32_t type, struct cursor *ext,
		      bool server)
{
	switch (type) {
	case EXT_TICKET:
		h->ticket = ext->len > 0 ? ext->p : NULL;
		h->ticket_len = ext->len;
		break;
	case EXT_EARLY_DATA:
		h->early = true;
		break;
	case EXT_VERSIONS:
		if (server)
			return number(ext, &h->version, 2);
		break;
	default:
		break;
	}
	return true;
}

static bool extensions(struct hello *h, struct cursor *c, bool server)
{
	struct cursor all, ext;
	uint32_t type;

	if (c->len == 0)
		return true; /* TLS 1.2 may have none */
	if (!field(c, &all, 2))
		return false;
	while (all.len > 0)
		if (!number(&all, &type, 2) || !field(&all, &ext, 2) ||
		    !extension(h, type, &ext, server))
			return false;
	return true;
}

static bool read_client(struct hello *h, struct cursor *c)
{
	struct cursor skipped;

	if (!number(c, &h->version, 2))
		return false;
	h->random = take(c, HELLO_RANDOM_LEN);
	return h->random != NULL && field(c, &skipped, 1) &&
	       field(c, &skipped, 2) && field(c, &skipped, 1) &&
	       extensions(h, c, false);
}

static bool read_server(struct hello *h, struct cursor *c)
{
	struct cursor session;

	if (!number(c, &h->version, 2))
		return false;
	h->random = take(c, HELLO_RANDOM_LEN);
	if (h->random == NULL || !field(c, &session, 1) ||
	    !number(c, &h->suite, 2) || take(c, 1) == NULL ||
	    !extensions(h, c, true))
		return false;
	h->retry = memcmp(h->random, retry_random, HELLO_RANDOM_LEN) == 0;
	return true;
}

int hello_client(struct hello *h, const uint8_t *p, size_t len)
{
	struct cursor c = { p, len };
	struct hello got = { 0 };

	if (!read_client(&got, &c))
		return -1;
	*h = got;
	return 0;
}

int hello_server(struct hello *h, const uint8_t *p, size_t len)
{
	struct cursor c = { p, len };
	struct hello got = { 0 };

	if (!read_server(&got, &c))
		return -1;
	*h = got;
	return 0;
}

const uint8_t *hello_ticket(const uint8_t *p, size_t len, size_t *ticket_len)
{
	struct cursor c = { p, len }, ticket;

	if (take(&c, 4) == NULL || !field(&c, &ticket, 2) || ticket.len == 0)
		return NULL;
	*ticket_len = ticket.len;
	return ticket.p;
}

/* The common name in a certificate: its type, then a string of a length that
 * no other name in practice has. */
static bool find_meta(uint8_t key[DERP_KEY_LEN], const struct cursor *cert)
{
	static const uint8_t type[] = { 0x55, 0x04, 0x03 };
	static const char prefix[] = "derpkey";
	const size_t len = sizeof(type) + 2 + 7 + 64;
	const uint8_t *p = cert->p, *text;
	size_t i;

	for (i = 0; cert->len >= len && i <= cert->len - len; i++) {
		if (memcmp(p + i, type, sizeof(type)) != 0)
			continue;
		text = p + i + sizeof(type) + 2;
		if (text[-1] == 7 + 64 && memcmp(text, prefix, 7) == 0 &&
		    derp_hex_decode(key, DERP_KEY_LEN, (const char *)text + 7,
				    64) == 0)
			return true;
	}
	return false;
}

bool hello_meta_key(uint8_t key[DERP_KEY_LEN], const uint8_t *p, size_t len)
{
	struct cursor c = { p, len }, context, all, cert, ext;

	if (!field(&c, &context, 1) || !field(&c, &all, 3))
		return false;
	while (all.len > 0) {
		if (!field(&all, &cert, 3) || !field(&all, &ext, 2))
			return false;
		if (find_meta(key, &cert))
			return true;
	}
	return false;
}
