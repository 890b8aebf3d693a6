/*
 * queue.c - what waits to be written to one connection.
 */
#include <stdlib.h>
#include <string.h>

#include "queue.h"

#define CONTROL_FIRST 256 /* bytes of the first allocation */

static void push(struct queue *q, struct packet *p)
{
	p->next = NULL;
	if (q->tail != NULL)
		q->tail->next = p;
	else
		q->head = p;
	q->tail = p;
	q->num++;
}

static struct packet *pop(struct queue *q)
{
	struct packet *p = q->head;

	if (p == NULL)
		return NULL;
	q->head = p->next;
	if (q->head == NULL)
		q->tail = NULL;
	q->num--;
	p->next = NULL;
	return p;
}

static void control_free(struct outbox *o)
{
	free(o->control);
	o->control = NULL;
	o->len = o->sent = o->cap = o->pong_end = 0;
}

void outbox_free(struct outbox *o)
{
	control_free(o);
	packet_free(o->begun);
	o->begun = NULL;
	for (int i = 0; i < QUEUE_CLASSES; i++)
		while (o->queue[i].head != NULL)
			packet_free(pop(&o->queue[i]));
}

bool outbox_is_empty(const struct outbox *o)
{
	return o->sent == o->len && o->begun == NULL &&
	       o->queue[QUEUE_DISCO].num == 0 && o->queue[QUEUE_OTHER].num == 0;
}

int outbox_control(struct outbox *o, size_t max, const uint8_t *frame,
		   size_t len)
{
	size_t waits = o->len - o->sent, cap = o->cap;
	uint8_t *grown;

	if (len > max || waits > max - len)
		return -1;
	if (o->sent > 0 && o->cap - o->len < len) {
		memmove(o->control, o->control + o->sent, waits);
		o->pong_end = o->pong_end > o->sent ? o->pong_end - o->sent : 0;
		o->sent = 0;
		o->len = waits;
	}
	if (o->cap - o->len < len) {
		if (cap < CONTROL_FIRST)
			cap = CONTROL_FIRST;
		while (cap - o->len < len)
			cap *= 2; /* ends: waits + len <= max */
		if ((grown = realloc(o->control, cap)) == NULL)
			return -1;
		o->control = grown;
		o->cap = cap;
	}
	memcpy(o->control + o->len, frame, len);
	o->len += len;
	return 0;
}

int outbox_pong(struct outbox *o, size_t max, const uint8_t data[DERP_PING_LEN])
{
	uint8_t frame[DERP_HEAD_LEN + DERP_PING_LEN];

	if (o->pong_end > o->sent)
		return 0;
	derp_head_build(frame, DERP_PONG, DERP_PING_LEN);
	memcpy(frame + DERP_HEAD_LEN, data, DERP_PING_LEN);
	if (outbox_control(o, max, frame, sizeof frame) != 0)
		return -1;
	o->pong_end = o->len;
	return 0;
}

bool outbox_is_full(const struct outbox *o, enum queue_class class)
{
	return o->queue[class].num >= QUEUE_MAX;
}

void outbox_packet(struct outbox *o, enum queue_class class, struct packet *p)
{
	if (outbox_is_full(o, class)) {
		packet_free(pop(&o->queue[class]));
		o->dropped++;
	}
	push(&o->queue[class], p);
}

/* ---- writing --------------------------------------------------------- */

/* The class whose packet comes next after turn, given what is left of both. */
static enum queue_class next_class(enum queue_class turn, bool has_disco,
				   bool has_other)
{
	if (turn == QUEUE_DISCO)
		return has_disco ? QUEUE_DISCO : QUEUE_OTHER;
	return has_other ? QUEUE_OTHER : QUEUE_DISCO;
}

static enum queue_class other_class(enum queue_class class)
{
	return class == QUEUE_DISCO ? QUEUE_OTHER : QUEUE_DISCO;
}

static struct iovec rest_of(struct packet *p)
{
	return (struct iovec){ .iov_base = p->bytes + p->at + p->sent,
			       .iov_len = p->len - p->sent };
}

int outbox_iov(const struct outbox *o, struct iovec iov[OUTBOX_IOV])
{
	struct packet *head[QUEUE_CLASSES] = { o->queue[QUEUE_DISCO].head,
					       o->queue[QUEUE_OTHER].head };
	enum queue_class turn = o->turn, class;
	int n = 0;

	if (o->begun != NULL)
		iov[n++] = rest_of(o->begun);
	if (o->sent < o->len)
		iov[n++] = (struct iovec){ .iov_base = o->control + o->sent,
					   .iov_len = o->len - o->sent };
	while (head[QUEUE_DISCO] != NULL || head[QUEUE_OTHER] != NULL) {
		class = next_class(turn, head[QUEUE_DISCO] != NULL,
				   head[QUEUE_OTHER] != NULL);
		iov[n++] = rest_of(head[class]);
		head[class] = head[class]->next;
		turn = other_class(class);
	}
	return n;
}

/* Take up to n bytes off the packet begun; what is left of n. */
static size_t sent_begun(struct outbox *o, size_t n)
{
	size_t left;

	if (o->begun == NULL)
		return n;
	left = o->begun->len - o->begun->sent;
	if (n < left) {
		o->begun->sent += (uint32_t)n;
		return 0;
	}
	packet_free(o->begun);
	o->begun = NULL;
	return n - left;
}

void outbox_sent(struct outbox *o, size_t n)
{
	size_t control = o->len - o->sent;
	enum queue_class class;

	n = sent_begun(o, n);
	if (control > n)
		control = n;
	o->sent += control;
	n -= control;
	if (o->sent == o->len)
		control_free(o);
	/* In the order of outbox_iov(). */
	while (n > 0) {
		class = next_class(o->turn, o->queue[QUEUE_DISCO].num > 0,
				   o->queue[QUEUE_OTHER].num > 0);
		o->begun = pop(&o->queue[class]);
		o->turn = other_class(class);
		n = sent_begun(o, n);
	}
}
