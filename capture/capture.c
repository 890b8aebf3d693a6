/*
 * capture.c - packets to connections; the table of connections; events.
 *
 * The table is bounded: a new connection takes the place of the one that was
 * silent longest.  Connections that ended stay until then, so that late
 * retransmissions find them and are not taken for new connections.
 */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_flow.h"

static unsigned flow_hash(const struct capture *c, const void *at, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES] = { 0 };
	unsigned v;

	_Static_assert(sizeof(c->hash_key) == crypto_shorthash_KEYBYTES,
		       "key of libsodium");
	crypto_shorthash(out, at, len, c->hash_key);
	memcpy(&v, out, sizeof(v));
	return v;
}

/* ---- roles ------------------------------------------------------------- */

enum capture_dir flow_dir(const struct flow *f, int side)
{
	return (side == 1) != f->swapped ? CAPTURE_S2C : CAPTURE_C2S;
}

static void set_roles(struct flow *f, bool swapped)
{
	f->swapped = swapped;
	f->pub.client = f->addr[swapped];
	f->pub.server = f->addr[!swapped];
}

void flow_set_client(struct flow *f, int side)
{
	if (f->pub.roles_known)
		return;
	set_roles(f, side == 1);
	f->pub.roles_known = true;
}

/* ---- events ------------------------------------------------------------ */

void event_init(struct capture_event *e, const struct capture *c,
		struct flow *f, int side, enum capture_what what)
{
	memset(e, 0, sizeof(*e));
	e->what = what;
	e->dir = side < 0 ? CAPTURE_NODIR : flow_dir(f, side);
	e->flow = f == NULL ? NULL : &f->pub;
	e->ts_ns = c->now.ts_ns;
	e->packet = c->now.packet;
	if (side >= 0) {
		e->ts_ns = f->side[side].stamp.ts_ns;
		e->packet = f->side[side].stamp.packet;
		e->off = f->side[side].off;
	}
	e->ts_digits = c->ts_digits;
	e->text = "";
}

static void count(struct capture_counts *n, const struct capture_event *e)
{
	switch (e->what) {
	case CAPTURE_FRAME:
		n->frames++;
		break;
	case CAPTURE_OPEN:
		n->derp_flows++;
		break;
	case CAPTURE_GAP:
		n->gaps++;
		n->lost_bytes += e->lost;
		break;
	case CAPTURE_INVALID:
		n->invalid++;
		break;
	case CAPTURE_TRUNCATED:
		n->truncated++;
		break;
	case CAPTURE_TLS:
		n->tls_flows++;
		break;
	case CAPTURE_HTTP:
	case CAPTURE_START:
	case CAPTURE_CLOSED:
	case CAPTURE_NOTE:
		break;
	}
}

static void give(struct capture *c, const struct capture_event *e)
{
	if (c->stopped)
		return;
	count(&c->counts, e);
	if (c->event(c->ctx, e) != 0)
		c->stopped = true;
}

void event_tell(struct capture *c, struct capture_event *e)
{
	struct flow *f = (struct flow *)e->flow; /* pub is its first member */
	struct capture_event open;

	if (f != NULL && !f->open && e->what != CAPTURE_TLS) {
		f->open = true;
		event_init(&open, c, f, -1, CAPTURE_OPEN);
		open.ts_ns = f->pub.opened_ns;
		give(c, &open);
	}
	give(c, e);
}

static void tell_note(struct capture *c, const char *text)
{
	struct capture_event e;

	event_init(&e, c, NULL, -1, CAPTURE_NOTE);
	e.text = text;
	event_tell(c, &e);
}

const char *capture_what_name(enum capture_what what)
{
	static const char *const names[] = {
#define X(name, text) [CAPTURE_##name] = text,
		CAPTURE_EVENTS(X)
#undef X
	};

	return names[what];
}

/* ---- memory ------------------------------------------------------------ */

bool mem_take(struct capture *c, uint64_t n)
{
	if (n > c->limits.total_mem - c->mem)
		return false;
	c->mem += n;
	return true;
}

void mem_give(struct capture *c, uint64_t n)
{
	c->mem -= n;
}

/* ---- the table --------------------------------------------------------- */

static void make_key(struct flow_key *k, const struct segment *s)
{
	int n = memcmp(s->src.ip, s->dst.ip, DERP_IP_LEN);
	bool low = n < 0 || (n == 0 && s->src.port < s->dst.port);
	const struct capture_addr *a = low ? &s->src : &s->dst;
	const struct capture_addr *b = low ? &s->dst : &s->src;

	memcpy(k->ip[0], a->ip, DERP_IP_LEN);
	memcpy(k->ip[1], b->ip, DERP_IP_LEN);
	k->port[0] = a->port;
	k->port[1] = b->port;
	k->v4 = a->v4;
}

static bool same_addr(const struct capture_addr *a,
		      const struct capture_addr *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, DERP_IP_LEN) == 0;
}

static struct flow *find(struct capture *c, const struct flow_key *k)
{
	struct flow *f = c->recent;

	_Static_assert(sizeof(*k) == 2 * DERP_IP_LEN + 6, "no padding");
	if (f != NULL && memcmp(&f->key, k, sizeof(*k)) == 0)
		return f;
	HASH_FIND(hh, c->table, k, sizeof(*k), f);
	c->recent = f;
	return f;
}

static void drop(struct capture *c, struct flow *f)
{
	int i;

	HASH_DEL(c->table, f);
	DL_DELETE(c->order, f);
	c->num_flows--;
	if (c->recent == f)
		c->recent = NULL;
	for (i = 0; i < 2; i++) {
		tcp_free(c, f, i);
		side_free(c, &f->side[i]);
	}
	tls_free_conn(c, f);
	free(f);
}

/* Both directions are over, by something that is no FIN. */
static void end_flow(struct capture *c, struct flow *f, int side,
		     enum capture_end how)
{
	struct capture_event e;
	int i;

	if (f->over)
		return;
	for (i = 0; i < 2; i++) {
		tcp_flush(c, f, i);
		stream_end(c, f, i);
		tcp_free(c, f, i);
		f->tcp[i].over = true;
	}
	f->over = true;
	if (!f->open)
		return;
	event_init(&e, c, f, -1, CAPTURE_CLOSED);
	if (side >= 0) {
		e.dir = flow_dir(f, side);
		if (e.ts_ns < f->side[side].stamp.ts_ns)
			e.ts_ns = f->side[side].stamp.ts_ns;
	}
	e.end = how;
	event_tell(c, &e);
}

/* Whoever sends a SYN alone is the client, and a SYN with ACK the server.
 * Without either the lower port is a first guess. */
static void guess_roles(struct flow *f, const struct segment *s)
{
	f->addr[0] = s->src;
	f->addr[1] = s->dst;
	if ((s->flags & TCP_SYN) != 0) {
		set_roles(f, (s->flags & TCP_ACK) != 0);
		f->pub.roles_known = true;
	} else {
		set_roles(f, s->src.port < s->dst.port);
	}
}

static struct flow *add(struct capture *c, const struct flow_key *k,
			const struct segment *s)
{
	struct flow *f;

	if (c->num_flows >= c->limits.num_flows) {
		f = c->order;
		end_flow(c, f, -1, CAPTURE_EVICTED);
		drop(c, f);
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		c->no_memory = true;
		return NULL;
	}
	f->key = *k;
	HASH_ADD(hh, c->table, key, sizeof(f->key), f);
	if (f->hh.tbl == NULL) {
		free(f);
		c->no_memory = true;
		return NULL;
	}
	DL_APPEND(c->order, f);
	c->num_flows++;
	c->counts.flows++;
	c->recent = f;
	f->pub.id = (uint32_t)c->counts.flows;
	f->pub.opened_ns = c->now.ts_ns;
	f->side[0].stamp = f->side[1].stamp = c->now;
	guess_roles(f, s);
	return f;
}

/* ---- one segment ------------------------------------------------------- */

/* A SYN that does not belong to what we know of the connection begins a new
 * one on the same ports. */
static bool is_new(const struct flow *f, int side, const struct segment *s)
{
	const struct tcp_side *t = &f->tcp[side], *other = &f->tcp[!side];

	if ((s->flags & TCP_SYN) == 0)
		return false;
	if (t->seen)
		return s->seq + 1 != t->first;
	if ((s->flags & TCP_ACK) != 0 || !other->seen)
		return false;
	return !t->acks || t->acked != s->seq + 1;
}

static void end_of_turn(struct capture *c, struct flow *f, int side,
			const struct segment *s)
{
	if (!f->over && (s->flags & TCP_RST) != 0)
		end_flow(c, f, side, CAPTURE_RST);
	if (f->tcp[0].over && f->tcp[1].over)
		f->over = true;
}

static void take_segment(struct capture *c, const struct segment *s)
{
	struct flow_key key;
	struct flow *f;
	int side;

	make_key(&key, s);
	f = find(c, &key);
	if (f != NULL) {
		side = same_addr(&s->src, &f->addr[0]) ? 0 : 1;
		if (is_new(f, side, s)) {
			end_flow(c, f, -1, CAPTURE_REUSED);
			drop(c, f);
			f = NULL;
		}
	}
	if (f == NULL) {
		if ((s->flags & TCP_SYN) == 0 && s->len == 0)
			return; /* the end of something that we never saw */
		side = 0;
		f = add(c, &key, s);
		if (f == NULL)
			return;
	}
	if (f != c->order->prev) { /* not the newest yet */
		DL_DELETE(c->order, f);
		DL_APPEND(c->order, f);
	}
	if (f->over)
		return;
	if ((s->flags & TCP_ACK) != 0)
		tcp_acked(f, !side, s->ack);
	if ((s->flags & TCP_SYN) != 0)
		flow_set_client(f, (s->flags & TCP_ACK) != 0 ? !side : side);
	tcp_segment(c, f, side, s);
	tcp_check(c, f, 0);
	tcp_check(c, f, 1);
	end_of_turn(c, f, side, s);
}

static int fail(struct capture *c, int err, const char *text)
{
	snprintf(c->error, sizeof(c->error), "%s", text);
	return err;
}

static int status(struct capture *c)
{
	if (c->stopped)
		return fail(c, CAPTURE_E_STOPPED, "stopped");
	if (c->no_memory)
		return fail(c, CAPTURE_E_MEMORY, "out of memory");
	return 0;
}

int capture_packet(struct capture *c, const struct capture_packet *p)
{
	struct segment s;

	if (status(c) < 0)
		return status(c);
	c->counts.packets++;
	c->counts.bytes += p->len;
	c->now.ts_ns = p->ts_ns;
	c->now.packet = c->counts.packets;
	c->ts_digits = p->ts_digits;
	switch (packet_read(&s, p)) {
	case PACKET_TCP:
		take_segment(c, &s);
		break;
	case PACKET_FRAGMENT:
		c->counts.fragments++;
		tell_note(c, "a fragment of an IP packet: not put together");
		break;
	case PACKET_OTHER:
		c->counts.other_packets++;
		break;
	case PACKET_LINK:
		c->counts.other_packets++;
		return fail(c, CAPTURE_E_LINK, "link type is not known");
	}
	return status(c);
}

int capture_end(struct capture *c)
{
	struct flow *f;
	int i;

	DL_FOREACH (c->order, f) {
		for (i = 0; i < 2 && !f->over; i++) {
			tcp_flush(c, f, i);
			stream_cut(c, f, i);
			tcp_free(c, f, i);
			f->tcp[i].over = true;
		}
		f->over = true;
	}
	return status(c);
}

/* ---- life -------------------------------------------------------------- */

struct capture *capture_new(capture_event_fn *event, void *ctx,
			    const struct capture_limits *limits)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c == NULL || sodium_init() < 0) {
		free(c);
		return NULL;
	}
	c->scratch = malloc(DERP_FRAME_MAX);
	if (c->scratch == NULL) {
		free(c);
		return NULL;
	}
	c->event = event;
	c->ctx = ctx;
	if (limits != NULL)
		c->limits = *limits;
	if (c->limits.num_flows == 0)
		c->limits.num_flows = 65536;
	if (c->limits.flow_mem == 0)
		c->limits.flow_mem = 4u << 20;
	if (c->limits.total_mem == 0)
		c->limits.total_mem = 256u << 20;
	if (c->limits.flow_mem > 1u << 30)
		c->limits.flow_mem = 1u << 30;
	randombytes_buf(c->hash_key, sizeof(c->hash_key));
	return c;
}

void capture_set_idle(struct capture *c, void (*idle)(void *ctx))
{
	c->idle = idle;
}

void capture_free(struct capture *c)
{
	if (c == NULL)
		return;
	while (c->order != NULL)
		drop(c, c->order);
	assert(c->mem == 0);
	keylog_free(&c->keylog);
	if (c->tickets != NULL)
		sodium_memzero(c->tickets, TICKETS * sizeof(*c->tickets));
	free(c->tickets);
	free(c->plain);
	free(c->scratch);
	free(c);
}

const char *capture_error(const struct capture *c)
{
	return c->error;
}

const struct capture_counts *capture_counts(const struct capture *c)
{
	return &c->counts;
}
