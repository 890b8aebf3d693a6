/*
 * tls_hand.c - handshake messages, and the keys that they lead to.
 *
 *   ClientHello --> random --> key log
 *   ServerHello --> version, suite --> TLS 1.3: handshake keys
 *                                      TLS 1.2: keys, for after the CCS
 *   Finished    --> TLS 1.3: traffic keys      KeyUpdate --> the next ones
 *
 * Messages are cut into records in any way.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tls_flow.h"

enum {
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	NEW_TICKET = 4,
	CERTIFICATE = 11,
	FINISHED = 20,
	KEY_UPDATE = 24,
};

#define MSG_HEAD_LEN 4u

static const char no_memory[] = "no memory for its keys";

/* ---- TLS 1.2: sessions that go on -------------------------------------- */

static void hash_ticket(const struct capture *c, uint8_t *hash,
			const uint8_t *p, size_t len)
{
	_Static_assert(TICKET_HASH_LEN == crypto_shorthash_BYTES, "libsodium");
	crypto_shorthash(hash, p, len, c->hash_key);
}

/* Go logs nothing when a session goes on: its master secret is that of the
 * connection whose server gave the ticket. */
static void learn_ticket(struct capture *c, const struct tls_conn *t,
			 const uint8_t *p, size_t len)
{
	const uint8_t *ticket;
	struct ticket *to;
	size_t n;

	if (!t->has_master)
		return;
	ticket = hello_ticket(p, len, &n);
	if (ticket == NULL)
		return;
	if (c->tickets == NULL)
		c->tickets = calloc(TICKETS, sizeof(*c->tickets));
	if (c->tickets == NULL)
		return;
	to = &c->tickets[c->num_tickets++ % TICKETS];
	hash_ticket(c, to->hash, ticket, n);
	memcpy(to->master, t->master, sizeof(to->master));
}

static const uint8_t *find_ticket(const struct capture *c,
				  const struct tls_conn *t)
{
	uint64_t i, num = c->num_tickets < TICKETS ? c->num_tickets : TICKETS;

	if (!t->has_ticket)
		return NULL;
	for (i = 0; i < num; i++)
		if (memcmp(c->tickets[i].hash, t->ticket, TICKET_HASH_LEN) == 0)
			return c->tickets[i].master;
	return NULL;
}

/* ---- keys -------------------------------------------------------------- */

static enum keylog_label label(const struct flow *f, int side, bool handshake)
{
	if (flow_dir(f, side) == CAPTURE_C2S)
		return handshake ? KEYLOG_CLIENT_HANDSHAKE
				 : KEYLOG_CLIENT_TRAFFIC;
	return handshake ? KEYLOG_SERVER_HANDSHAKE : KEYLOG_SERVER_TRAFFIC;
}

/* NULL: not logged, or not of this suite's length. */
static const uint8_t *secret(const struct tls_conn *t, enum keylog_label l)
{
	if (t->secrets == NULL || t->secrets->len[l] != t->suite->secret_len)
		return NULL;
	return t->secrets->secret[l];
}

bool tls_next_seal(const struct flow *f, int side, struct seal *next)
{
	const struct tls_conn *t = f->secure;
	const struct tls_side *s = &t->side[side];
	const uint8_t *from = secret(t, label(f, side, false));
	int ret = -1;

	if (!s->handshake)
		ret = seal_update(next, &s->seal);
	else if (from != NULL)
		ret = seal_from_secret(next, t->suite, from);
	if (ret < 0)
		seal_free(next);
	return ret == 0;
}

static void go_next(struct capture *c, struct flow *f, int side)
{
	struct tls_side *s = &f->secure->side[side];
	struct seal next = { 0 };

	if (!tls_next_seal(f, side, &next)) {
		tls_give_up(c, f, side, no_memory);
		return;
	}
	seal_free(&s->seal);
	s->seal = next;
	s->handshake = false;
	s->seq = 0;
}

static const char *keys13(struct flow *f)
{
	struct tls_conn *t = f->secure;
	const uint8_t *from;
	int i;

	if (t->secrets == NULL)
		return "no key for it in the key log";
	for (i = 0; i < 2; i++) {
		if (secret(t, label(f, i, false)) == NULL)
			return "the key log has no traffic secret for it";
		from = secret(t, label(f, i, true));
		/* Without: passed over until the traffic keys fit. */
		t->side[i].handshake = from != NULL;
		t->side[i].blind = from == NULL;
		if (from == NULL)
			from = secret(t, label(f, i, false));
		if (seal_from_secret(&t->side[i].seal, t->suite, from) < 0)
			return no_memory;
		t->side[i].sealed = true;
	}
	return NULL;
}

static const char *keys12(const struct capture *c, struct flow *f, int client,
			  const uint8_t *server_random)
{
	struct tls_conn *t = f->secure;
	const uint8_t *master = NULL;

	if (t->secrets != NULL && t->secrets->len[KEYLOG_MASTER] != 0)
		master = t->secrets->secret[KEYLOG_MASTER];
	if (master == NULL)
		master = find_ticket(c, t);
	if (master == NULL)
		return "no key for it in the key log";
	memcpy(t->master, master, sizeof(t->master));
	t->has_master = true;
	if (seal_from_master(&t->side[client].seal, &t->side[!client].seal,
			     t->suite, master, t->random, server_random) < 0)
		return no_memory;
	return NULL;
}

/* ---- messages ---------------------------------------------------------- */

static void client_hello(struct capture *c, struct flow *f, int side,
			 const uint8_t *p, size_t len)
{
	struct tls_conn *t = f->secure;
	struct hello h;

	if (hello_client(&h, p, len) < 0) {
		tls_give_up(c, f, side, "its ClientHello is damaged");
		return;
	}
	flow_set_client(f, side);
	t->hello = true;
	t->early = h.early;
	t->has_ticket = h.ticket != NULL;
	memcpy(t->random, h.random, sizeof(t->random));
	if (t->has_ticket)
		hash_ticket(c, t->ticket, h.ticket, h.ticket_len);
}

/* What the client sent while its keys were not known. */
static void wake(struct capture *c, struct flow *f, int side)
{
	struct tls_side *s = &f->secure->side[side];
	uint8_t *buf = s->buf;
	uint32_t len = s->len, cap = s->cap;

	if (!s->waiting)
		return;
	s->waiting = false;
	s->buf = NULL;
	s->len = s->cap = 0;
	tls_data(c, f, side, buf, len);
	free(buf);
	mem_give(c, cap);
}

static void server_hello(struct capture *c, struct flow *f, int side,
			 const uint8_t *p, size_t len)
{
	struct tls_conn *t = f->secure;
	const char *why = NULL;
	struct hello h;

	if (hello_server(&h, p, len) < 0)
		why = "its ServerHello is damaged";
	else if (!t->hello)
		why = "encrypted: its ClientHello is not in the capture";
	if (why == NULL && h.retry) {
		t->early = false;
		return;
	}
	if (why == NULL && h.version != HELLO_TLS13 && h.version != HELLO_TLS12)
		why = "older than TLS 1.2: not read";
	if (why == NULL) {
		t->tls13 = h.version == HELLO_TLS13;
		t->suite = seal_suite(h.suite);
		t->secrets = keylog_find(&c->keylog, t->random);
		if (t->suite == NULL || t->suite->tls13 != t->tls13)
			why = "its cipher suite is not read";
		else
			why = t->tls13 ? keys13(f)
				       : keys12(c, f, !side, h.random);
	}
	if (why != NULL) {
		tls_give_up(c, f, side, why);
		return;
	}
	t->chosen = true;
	f->pub.tls = t->tls13 ? "TLS 1.3" : "TLS 1.2";
	f->pub.cipher = t->suite->cipher;
	wake(c, f, !side);
}

static void sealed_message(struct capture *c, struct flow *f, int side,
			   uint32_t type, const uint8_t *p, size_t len)
{
	struct tls_conn *t = f->secure;
	uint8_t key[DERP_KEY_LEN];

	if (!t->tls13)
		return;
	if (type == CERTIFICATE && flow_dir(f, side) == CAPTURE_S2C &&
	    hello_meta_key(key, p, len)) {
		memcpy(f->pub.server_key, key, sizeof(key));
		f->pub.has_server_key = true;
	} else if ((type == FINISHED && t->side[side].handshake) ||
		   (type == KEY_UPDATE && !t->side[side].handshake)) {
		go_next(c, f, side);
	}
}

static void message(struct capture *c, struct flow *f, int side, uint32_t type,
		    const uint8_t *p, size_t len)
{
	struct tls_conn *t = f->secure;

	if (t->side[side].sealed)
		sealed_message(c, f, side, type, p, len);
	else if (type == CLIENT_HELLO && !t->chosen)
		client_hello(c, f, side, p, len);
	else if (type == SERVER_HELLO && !t->chosen)
		server_hello(c, f, side, p, len);
	else if (type == NEW_TICKET && t->chosen && !t->tls13)
		learn_ticket(c, t, p, len);
}

/* ---- messages out of records ------------------------------------------- */

static uint32_t body_len(const uint8_t *p)
{
	return 0x10000u * p[1] + 0x100u * p[2] + p[3];
}

static bool keep(struct capture *c, struct tls_side *s, const uint8_t *in,
		 size_t len)
{
	uint32_t cap = s->msg_cap;
	uint8_t *more;

	while (cap - s->msg_len < len)
		cap = cap == 0 ? 1024 : 2 * cap;
	if (cap != s->msg_cap) {
		if (!mem_take(c, cap - s->msg_cap))
			return false;
		more = realloc(s->msg, cap);
		if (more == NULL) {
			mem_give(c, cap - s->msg_cap);
			return false;
		}
		s->msg = more;
		s->msg_cap = cap;
	}
	memcpy(s->msg + s->msg_len, in, len);
	s->msg_len += (uint32_t)len;
	return true;
}

/* As much as the message under way lacks; it is told when it is whole. */
static size_t take(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len)
{
	struct tls_side *s = &f->secure->side[side];
	size_t want = MSG_HEAD_LEN, n;

	if (s->msg_skip > 0) {
		n = s->msg_skip < len ? s->msg_skip : len;
		s->msg_skip -= (uint32_t)n;
		return n;
	}
	if (s->msg_len >= MSG_HEAD_LEN)
		want += body_len(s->msg);
	n = want - s->msg_len < len ? want - s->msg_len : len;
	if (!keep(c, s, in, n)) {
		tls_give_up(c, f, side, "no memory for its handshake");
		return len;
	}
	if (s->msg_len < MSG_HEAD_LEN)
		return n;
	want = body_len(s->msg);
	if (want > TLS_MSG_MAX) {
		s->msg_skip = (uint32_t)want;
		s->msg_len = 0;
	} else if (s->msg_len == MSG_HEAD_LEN + want) {
		s->msg_len = 0; /* nobody writes to msg meanwhile */
		message(c, f, side, s->msg[0], s->msg + MSG_HEAD_LEN, want);
	}
	return n;
}

void tls_messages(struct capture *c, struct flow *f, int side,
		  const uint8_t *in, size_t len)
{
	struct tls_side *s = &f->secure->side[side];
	size_t n;

	while (len > 0 && !s->over && !c->stopped) {
		n = take(c, f, side, in, len);
		in += n;
		len -= n;
	}
}
