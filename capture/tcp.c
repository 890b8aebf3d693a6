/*
 * tcp.c - one direction's segments, put in order.
 *
 *              next          queue
 *   ==delivered==|    hole    |====|  hole  |=====|
 *
 * Of bytes that come twice the first ones count.  A hole is given up when the
 * receiver has acknowledged what is behind it (so it had the bytes, and the
 * capture has not) and some packets later they still did not turn up; a
 * capture may record packets out of order.  It is also given up when the
 * queue reaches a limit, and at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define HOLE_PACKETS 32u             /* of the connection, after the ACK */
#define HOLE_NS ((int64_t)SECOND_NS) /* or so long after it */
#define BLIND_PACKETS 1024u          /* when ACKs are not in the capture */
#define BLIND_NS (30 * (int64_t)SECOND_NS)
#define QUEUE_CHUNKS 4096u

/* Distance on the circle of sequence numbers: negative is before. */
static int32_t ahead(uint32_t a, uint32_t b)
{
	uint32_t d = a - b;

	return d <= INT32_MAX ? (int32_t)d : -(int32_t)(UINT32_MAX - d) - 1;
}

static void set_stamp(struct side *s, struct stamp stamp)
{
	s->stamp.packet = stamp.packet;
	if (stamp.ts_ns > s->stamp.ts_ns)
		s->stamp.ts_ns = stamp.ts_ns;
}

/* len bytes in order, of which the first have are here. */
static void deliver(struct capture *c, struct flow *f, int side,
		    const uint8_t *data, uint32_t have, uint32_t len,
		    struct stamp stamp)
{
	struct tcp_side *t = &f->tcp[side];

	set_stamp(&f->side[side], stamp);
	t->next += len;
	t->hole_packets = 0;
	if (have > 0)
		stream_data(c, f, side, data, have);
	if (have < len)
		stream_gap(c, f, side, len - have, CAPTURE_SNAPLEN);
}

static void free_chunk(struct capture *c, struct tcp_side *t, struct chunk *k)
{
	uint32_t mem = (uint32_t)sizeof(*k) + k->have;

	t->num_queued--;
	t->queued_mem -= mem;
	mem_give(c, mem);
	free(k);
}

/* Give out what has become contiguous; the FIN behind it ends the side. */
static void drain(struct capture *c, struct flow *f, int side)
{
	struct tcp_side *t = &f->tcp[side];
	struct chunk *k;

	while (t->queue != NULL && t->queue->seq == t->next) {
		k = t->queue;
		t->queue = k->next;
		if (t->queue == NULL)
			t->last = NULL;
		deliver(c, f, side, k->data, k->have, k->len, k->stamp);
		free_chunk(c, t, k);
	}
	if (t->fin && !t->over && t->next == t->fin_at) {
		t->over = true;
		set_stamp(&f->side[side], c->now);
		stream_fin(c, f, side);
	}
}

/* Is anything waiting behind a hole?  Where does the hole end? */
static bool hole_end(const struct tcp_side *t, uint32_t *end)
{
	if (t->over || (t->queue == NULL && !t->fin))
		return false;
	*end = t->queue != NULL ? t->queue->seq : t->fin_at;
	return *end != t->next;
}

static void give_up(struct capture *c, struct flow *f, int side,
		    enum capture_loss loss)
{
	struct tcp_side *t = &f->tcp[side];
	uint32_t end, n;

	if (!hole_end(t, &end))
		return;
	n = end - t->next;
	set_stamp(&f->side[side], t->queue != NULL ? t->queue->stamp : c->now);
	t->next = end;
	t->hole_packets = 0;
	stream_gap(c, f, side, n, loss);
	drain(c, f, side);
}

/* ---- the queue --------------------------------------------------------- */

/* A piece that overlaps nothing, to stand behind prev (NULL: first). */
static bool put(struct capture *c, struct tcp_side *t, struct chunk *prev,
		const uint8_t *data, uint32_t have, uint32_t len, uint32_t seq,
		struct stamp stamp)
{
	uint32_t mem = (uint32_t)sizeof(struct chunk) + have;
	struct chunk *k;

	if (t->num_queued >= QUEUE_CHUNKS ||
	    mem > c->limits.flow_mem - t->queued_mem || !mem_take(c, mem))
		return false;
	k = malloc(mem);
	if (k == NULL) {
		mem_give(c, mem);
		return false;
	}
	k->stamp = stamp;
	k->seq = seq;
	k->len = len;
	k->have = have;
	if (have > 0)
		memcpy(k->data, data, have);
	k->next = prev == NULL ? t->queue : prev->next;
	if (prev == NULL)
		t->queue = k;
	else
		prev->next = k;
	if (k->next == NULL)
		t->last = k;
	t->num_queued++;
	t->queued_mem += mem;
	return true;
}

struct piece {
	const uint8_t *data;
	uint32_t have, len, seq;
};

static void advance(struct piece *p, uint32_t n)
{
	uint32_t here = n < p->have ? n : p->have;

	if (here > 0)
		p->data += here;
	p->have -= here;
	p->len -= n;
	p->seq += n;
}

/* Put the parts of *p that nobody has into the queue.  On false *p is what
 * did not find room. */
static bool enqueue(struct capture *c, struct tcp_side *t, struct piece *p)
{
	struct chunk *prev = NULL, *k = t->queue;
	uint32_t n, have;

	if (t->last != NULL && ahead(p->seq, t->last->seq) >= 0) {
		prev = t->last; /* the usual case: behind all others */
		k = NULL;
	}
	while (p->len > 0) {
		while (k != NULL && ahead(k->seq, p->seq) <= 0) {
			prev = k;
			k = k->next;
		}
		if (prev != NULL && ahead(prev->seq + prev->len, p->seq) > 0) {
			n = prev->seq + prev->len - p->seq;
			advance(p, n < p->len ? n : p->len);
			continue;
		}
		n = p->len;
		if (k != NULL && k->seq - p->seq < n)
			n = k->seq - p->seq;
		have = n < p->have ? n : p->have;
		if (!put(c, t, prev, p->data, have, n, p->seq, c->now))
			return false;
		prev = prev == NULL ? t->queue : prev->next;
		advance(p, n);
	}
	return true;
}

/* ---- segments ---------------------------------------------------------- */

static void place(struct capture *c, struct flow *f, int side, struct piece p)
{
	struct tcp_side *t = &f->tcp[side];
	uint32_t n, have;
	int32_t old;

	while (p.len > 0 && !t->over && !c->stopped) {
		old = ahead(t->next, p.seq);
		if (old > 0) {
			n = (uint32_t)old;
			advance(&p, n < p.len ? n : p.len);
			continue;
		}
		if (old < 0) {
			if (enqueue(c, t, &p))
				return;
			/* No room: what is in front will not come any more.
			 * If nothing waits, the hole is in front of this. */
			if (t->queue != NULL) {
				give_up(c, f, side, CAPTURE_LIMIT);
				continue;
			}
			stream_gap(c, f, side, p.seq - t->next, CAPTURE_LIMIT);
			t->next = p.seq;
		}
		n = p.len;
		if (t->queue != NULL && t->queue->seq - t->next < n)
			n = t->queue->seq - t->next;
		have = n < p.have ? n : p.have;
		deliver(c, f, side, p.data, have, n, c->now);
		advance(&p, n);
		drain(c, f, side);
	}
}

void tcp_segment(struct capture *c, struct flow *f, int side,
		 const struct segment *s)
{
	struct tcp_side *t = &f->tcp[side];
	struct piece p = { s->data, s->have, s->len, s->seq };
	bool fin = (s->flags & TCP_FIN) != 0;

	if ((s->flags & TCP_SYN) != 0) {
		p.seq++;
		t->syn = true;
	} else if (p.len == 0 && !fin) {
		return;
	}
	if (t->over)
		return;
	if (!t->seen) {
		t->seen = true;
		t->next = t->first = p.seq;
	}
	if (fin && !t->fin && ahead(p.seq + p.len, t->next) >= 0) {
		t->fin = true;
		t->fin_at = p.seq + p.len;
	}
	/* Nothing counts behind the FIN. */
	if (t->fin && ahead(p.seq + p.len, t->fin_at) > 0) {
		if (ahead(p.seq, t->fin_at) >= 0)
			return;
		p.len = t->fin_at - p.seq;
		if (p.have > p.len)
			p.have = p.len;
	}
	place(c, f, side, p);
	drain(c, f, side);
}

void tcp_acked(struct flow *f, int side, uint32_t ack)
{
	struct tcp_side *t = &f->tcp[side];

	if (!t->acks || ahead(ack, t->acked) > 0)
		t->acked = ack;
	t->acks = true;
}

void tcp_check(struct capture *c, struct flow *f, int side)
{
	struct tcp_side *t = &f->tcp[side];
	uint32_t end, packets = HOLE_PACKETS;
	int64_t wait = HOLE_NS;

	if (!hole_end(t, &end))
		return;
	if (!t->acks) {
		packets = BLIND_PACKETS;
		wait = BLIND_NS;
	} else if (ahead(t->acked, end) < 0) {
		return;
	}
	if (t->hole_packets++ == 0)
		t->hole_ns = c->now.ts_ns;
	if (t->hole_packets > packets || c->now.ts_ns - t->hole_ns > wait)
		give_up(c, f, side, CAPTURE_NOT_CAPTURED);
}

void tcp_flush(struct capture *c, struct flow *f, int side)
{
	struct tcp_side *t = &f->tcp[side];
	uint32_t end;
	int32_t tail;

	while (hole_end(t, &end))
		give_up(c, f, side, CAPTURE_NOT_CAPTURED);
	/* Acknowledged, but never seen.  One byte may be a FIN. */
	if (t->over || !t->seen || !t->acks)
		return;
	tail = ahead(t->acked, t->next);
	if (tail > 1) {
		t->next += (uint32_t)tail;
		stream_gap(c, f, side, (uint32_t)tail, CAPTURE_NOT_CAPTURED);
	}
}

void tcp_free(struct capture *c, struct flow *f, int side)
{
	struct tcp_side *t = &f->tcp[side];
	struct chunk *k;

	while (t->queue != NULL) {
		k = t->queue;
		t->queue = k->next;
		free_chunk(c, t, k);
	}
	t->last = NULL;
}
