/*
 * relay.c - who is connected, who gets a packet, who is told of what.
 *
 *	reader of A                                      writer of B
 *	    |                                                 ^
 *	    | packet: dst B, data                             | writev()
 *	    v                                                 |
 *	relay_send() --> peers[B] --> active --> outbox: disco[32] | other[32]
 *	    |               |        connection               ^
 *	    |               | no such key                     | head drop
 *	    |               v
 *	    |          dropped; disco: NotHere to A
 *	    v
 *	link A -> connection of B: who is told when A is gone
 *
 * The packet is one block of memory from the read to the write.  A key has one
 * or more connections and packets go to one of them, the active one: the
 * newest, until another sends a frame.  When the active one ends, the one that
 * wrote last takes over.
 *
 * A link says that a key's packets were queued for a connection.  It lasts
 * until the receiver ends, or the key's last connection does, of which the
 * receiver then is told: every time, not only the first (DERP-GONE-6), and
 * whether or not the packet was written by then (DERP-GONE-9).
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "notice.h"
#include "relay.h"

struct link_ends {
	const struct peer *from;
	const struct member *to;
};

struct link {
	struct link_ends ends;
	struct peer *from;
	struct member *to;
	struct link *sent_prev, *sent_next;   /* in from->sent */
	struct link *recvd_prev, *recvd_next; /* in to->received */
	UT_hash_handle hh;
};

static const uint8_t zero_key[DERP_KEY_LEN];

static struct peer *find(struct relay *r, const uint8_t *key)
{
	struct peer *p;

	HASH_FIND(hh, r->peers, key, DERP_KEY_LEN, p);
	return p;
}

/* ---- links ----------------------------------------------------------- */

static void unlink_one(struct relay *r, struct link *l)
{
	struct member *m;

	DL_FOREACH (l->from->members, m)
		if (m->last == l)
			m->last = NULL;
	HASH_DELETE(hh, r->links, l);
	DL_DELETE2(l->from->sent, l, sent_prev, sent_next);
	l->from->num_sent--;
	DL_DELETE2(l->to->received, l, recvd_prev, recvd_next);
	free(l);
}

static struct link *find_link(struct relay *r, struct peer *from,
			      struct member *to)
{
	struct link_ends ends;
	struct link *l;

	memset(&ends, 0, sizeof ends);
	ends.from = from;
	ends.to = to;
	HASH_FIND(hh, r->links, &ends, sizeof ends, l);
	if (l != NULL || (l = calloc(1, sizeof *l)) == NULL)
		return l;
	l->ends = ends;
	l->from = from;
	l->to = to;
	HASH_ADD(hh, r->links, ends, sizeof ends, l);
	if (!table_added(l)) {
		free(l);
		return NULL;
	}
	if (from->num_sent >= RELAY_LINKS_MAX)
		unlink_one(r, from->sent);
	DL_APPEND2(from->sent, l, sent_prev, sent_next);
	from->num_sent++;
	DL_APPEND2(to->received, l, recvd_prev, recvd_next);
	return l;
}

/* ---- coming and going ------------------------------------------------ */

static struct peer *make_peer(struct relay *r, const uint8_t *key)
{
	struct peer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	memcpy(p->key, key, DERP_KEY_LEN);
	HASH_ADD(hh, r->peers, key, DERP_KEY_LEN, p);
	if (!table_added(p)) {
		free(p);
		return NULL;
	}
	return p;
}

/* The history of a key begins with its second connection.  As in the
 * reference, that one is in it from its first frame on, later ones at once
 * (DERP-DUP-4). */
static void note_join(struct relay *r, struct peer *p, struct member *m)
{
	m->wrote = 0;
	if (p->num_members == 1)
		p->active->wrote = ++r->clock;
	else if (p->num_members > 1)
		m->wrote = ++r->clock;
}

int relay_join(struct relay *r, struct member *m,
	       const uint8_t key[DERP_KEY_LEN])
{
	struct peer *p = find(r, key);
	struct member *w;

	if (p == NULL && (p = make_peer(r, key)) == NULL)
		return -1;
	note_join(r, p, m);
	m->peer = p;
	DL_APPEND(p->members, m);
	p->num_members++;
	p->active = m;
	DL_FOREACH2 (r->watchers, w, watch_next)
		notice_present(r, w, m);
	return 0;
}

static void pick_active(struct peer *p)
{
	struct member *m;

	p->active = p->members;
	DL_FOREACH (p->members, m)
		if (m->wrote > p->active->wrote)
			p->active = m;
}

/* The last connection of p has ended. */
static void depart(struct relay *r, struct peer *p)
{
	uint64_t departure = ++r->departures;
	struct member *w;

	while (p->sent != NULL) {
		w = p->sent->to;
		w->told = departure;
		notice_gone(r, w, p->key, GONE_DISCONNECTED);
		unlink_one(r, p->sent);
	}
	/* A watcher that was sent packets too is told once. */
	DL_FOREACH2 (r->watchers, w, watch_next)
		if (w->told != departure)
			notice_gone(r, w, p->key, GONE_DISCONNECTED);
	HASH_DELETE(hh, r->peers, p);
	free(p);
}

void relay_leave(struct relay *r, struct member *m)
{
	struct peer *p = m->peer;

	if (p == NULL)
		return;
	if (m->watching)
		DL_DELETE2(r->watchers, m, watch_prev, watch_next);
	m->watching = false;
	while (m->received != NULL)
		unlink_one(r, m->received);
	DL_DELETE(p->members, m);
	p->num_members--;
	m->peer = NULL;
	m->last = NULL;
	if (p->num_members == 0)
		depart(r, p);
	else if (p->active == m)
		pick_active(p);
}

void relay_active(struct relay *r, struct member *m)
{
	struct peer *p = m->peer;

	if (p->num_members == 1)
		return;
	p->active = m;
	m->wrote = ++r->clock;
}

/* ---- packets --------------------------------------------------------- */

static void deliver(struct relay *r, struct member *to, bool disco,
		    struct packet *p)
{
	enum queue_class class = disco ? QUEUE_DISCO : QUEUE_OTHER;

	if (outbox_is_full(&to->out, class))
		r->flush(to);
	outbox_packet(&to->out, class, p);
	r->relayed++;
	r->wake(to);
}

static void refuse(struct relay *r, struct member *m, const uint8_t *dst,
		   bool disco, struct packet *p)
{
	r->unknown++;
	if (disco)
		notice_not_here(r, m, dst);
	packet_free(p);
}

void relay_send(struct relay *r, struct member *m, struct packet *p)
{
	const uint8_t *dst = packet_payload(p);
	uint32_t len = p->cap - DERP_HEAD_LEN - DERP_KEY_LEN;
	bool disco = notice_is_disco(dst + DERP_KEY_LEN, len);
	struct member *to = NULL;
	struct peer *peer;

	/* Most packets go where the one before went. */
	if (m->last != NULL && m->last->to == m->last->to->peer->active &&
	    memcmp(m->last->to->peer->key, dst, DERP_KEY_LEN) == 0) {
		to = m->last->to;
	} else if ((peer = find(r, dst)) != NULL) {
		to = peer->active;
		m->last = find_link(r, m->peer, to);
	}
	if (to == NULL) {
		refuse(r, m, dst, disco, p);
		return;
	}
	packet_from_send(p, m->peer->key);
	deliver(r, to, disco, p);
}

void relay_forward(struct relay *r, struct member *m, struct packet *p)
{
	const uint8_t *src = packet_payload(p), *dst = src + DERP_KEY_LEN;
	uint32_t len = p->cap - DERP_HEAD_LEN - 2 * DERP_KEY_LEN;
	bool disco = notice_is_disco(dst + DERP_KEY_LEN, len);
	struct peer *to = find(r, dst), *from;

	if (memcmp(src, zero_key, DERP_KEY_LEN) == 0) { /* DERP-MESH-18 */
		packet_free(p);
		return;
	}
	if (to == NULL) {
		refuse(r, m, dst, disco, p);
		return;
	}
	/* A source that is connected here counts as the sender; one that is
	 * not leaves elsewhere. */
	if ((from = find(r, src)) != NULL)
		find_link(r, from, to->active);
	packet_from_forward(p);
	deliver(r, to->active, disco, p);
}

/* ---- control --------------------------------------------------------- */

void relay_ping(struct relay *r, struct member *m,
		const uint8_t data[DERP_PING_LEN])
{
	if (outbox_pong(&m->out, r->control_max, data) != 0)
		r->end(m, "too many notices wait");
	else
		r->wake(m);
}

void relay_keep_alive(struct relay *r, struct member *m)
{
	uint8_t frame[DERP_HEAD_LEN];

	derp_head_build(frame, DERP_KEEP_ALIVE, 0);
	notice_frame(r, m, frame, sizeof frame);
}

void relay_watch(struct relay *r, struct member *m)
{
	struct peer *p, *tmp;

	/* The server has met itself (DERP-MESH-7). */
	if (memcmp(m->peer->key, r->own_key, DERP_KEY_LEN) == 0)
		return;
	HASH_ITER (hh, r->peers, p, tmp)
		notice_present(r, m, p->active);
	if (m->watching)
		return;
	m->watching = true;
	DL_APPEND2(r->watchers, m, watch_prev, watch_next);
}

void relay_close_peer(struct relay *r, const uint8_t key[DERP_KEY_LEN])
{
	struct peer *p = find(r, key);
	struct member *m;

	if (p == NULL)
		return;
	DL_FOREACH (p->members, m)
		r->end(m, "ClosePeer");
}
