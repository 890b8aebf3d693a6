/*
 * link_read.c - from the bytes of a connection to events.
 *
 *   START --'H'--> HEAD --> BODY --> START      a response other than 101
 *     |             +-- 101 ---------> FRAMES
 *     +-- anything else -------------> FRAMES   Fast-Start
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link_read.h"

/* Of an event beside its body: memory, and the time to look through a long
 * list of them again and again. */
#define EVENT_COST 1024

static size_t all_held; /* bytes of the events of all links */

static bool fits(size_t held, size_t cost, size_t max)
{
	return cost <= max && held <= max - cost;
}

struct link_event *link_add_event(struct link *l, enum link_event_kind kind,
				  size_t body)
{
	struct link_event *e;
	size_t cost = EVENT_COST + body;

	if (kind != LINK_ENDED && l->ended)
		return NULL;
	if (kind != LINK_ENDED &&
	    (!fits(l->held_bytes, cost, LINK_EVENTS_MAX) ||
	     !fits(all_held, cost, LINK_ALL_MAX))) {
		link_end(l, LINK_FLOOD, 0);
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (e && body && (e->body = malloc(body)) == NULL) {
		free(e);
		e = NULL;
	}
	if (e == NULL) {
		/* A frame that is lost would be judged as one that never
		 * came. */
		link_end(l, LINK_FLOOD, ENOMEM);
		return NULL;
	}
	e->kind = kind;
	e->at_us = link_now_us();
	e->cost = cost;
	l->held_bytes += cost;
	all_held += cost;
	*l->last = e;
	l->last = &e->next;
	l->news = true;
	return e;
}

void link_drop(struct link *l, struct link_event *e)
{
	struct link_event **at = &l->events;

	while (*at && *at != e)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = e->next;
	if (l->last == &e->next)
		l->last = at;
	l->held_bytes -= e->cost;
	all_held -= e->cost;
	free(e->head ? e->head : e->body);
	free(e);
}

bool link_in_frame(const struct link *l)
{
	switch (l->reading) {
	case LINK_START:
		return false;
	case LINK_HEAD:
	case LINK_BODY:
		return true;
	case LINK_FRAMES:
		return derp_reader_end(&l->frames) != 0;
	}
	return false;
}

void link_input_free(struct link *l)
{
	buf_free(&l->in);
	free(l->lent);
	l->lent = NULL;
}

/* ---- HTTP ------------------------------------------------------------ */

static void response_done(struct link *l, size_t body)
{
	size_t head = l->response_head;
	struct link_event *e = link_add_event(l, LINK_HTTP, head + body);

	if (e == NULL)
		return;
	/* One block: the head, then the body. */
	memcpy(e->body, l->in.at, head + body);
	e->status = l->status;
	e->head = e->body;
	e->head_len = head;
	e->body = e->head + head;
	e->body_len = body;
	l->reading = l->status == 101 ? LINK_FRAMES : LINK_START;
}

/* Bytes of the body that the head announces. */
static void body_length(struct link *l, const struct derp_http_head *h)
{
	struct derp_text t;
	uint64_t n = 0;

	l->body_to_end = false;
	l->body_left = 0;
	if (l->no_body || h->status < 200 || h->status == 204 ||
	    h->status == 304) {
		l->no_body = false;
		return;
	}
	if (!derp_http_field(h, "Content-Length", &t, NULL)) {
		l->body_to_end = true;
		return;
	}
	for (size_t i = 0; i < t.len && n <= LINK_BODY_MAX; i++)
		n = n * 10 + (uint64_t)(t.at[i] - '0');
	l->body_left = n;
}

static void body_step(struct link *l)
{
	size_t have = l->in.len - l->response_head;

	if (have > LINK_BODY_MAX || l->body_left > LINK_BODY_MAX) {
		link_end(l, LINK_FLOOD, 0);
		return;
	}
	if (!l->body_to_end && have >= l->body_left)
		response_done(l, (size_t)l->body_left);
}

static void head_step(struct link *l)
{
	struct derp_http_head h;
	int r = derp_http_read_response(&l->http, &h, l->in.at, l->in.len);

	if (r < 0)
		link_end(l, LINK_GARBAGE, 0);
	if (r != 1)
		return;
	l->status = h.status;
	l->response_head = h.len;
	body_length(l, &h);
	l->reading = LINK_BODY;
	body_step(l);
}

/* A response is collected whole; what lies behind it goes on. */
static void http_input(struct link *l, const uint8_t *bytes, size_t len)
{
	struct buf rest = { 0 };
	size_t used;

	if (!buf_add(&l->in, bytes, len)) {
		link_end(l, LINK_FLOOD, 0);
		return;
	}
	if (l->reading == LINK_HEAD)
		head_step(l);
	else
		body_step(l);
	if (l->ended || l->reading == LINK_HEAD || l->reading == LINK_BODY)
		return;
	used = l->response_head + (l->status == 101 ? 0 : l->body_left);
	rest = l->in;
	memset(&l->in, 0, sizeof(l->in));
	if (rest.len > used)
		link_input(l, rest.at + used, rest.len - used);
	buf_free(&rest);
}

/* ---- frames ---------------------------------------------------------- */

static void frame_head(struct link *l, const struct derp_frame *f)
{
	free(l->lent);
	l->lent = NULL;
	if (f->len == 0)
		return;
	l->lent = malloc(f->len);
	if (l->lent == NULL)
		link_end(l, LINK_FLOOD, 0);
	else
		derp_reader_lend(&l->frames, l->lent, f->len);
}

static void frame_done(struct link *l, const struct derp_frame *f)
{
	struct link_event *e = link_add_event(l, LINK_FRAME, f->len);

	if (e == NULL)
		return;
	e->type = f->type;
	e->len = f->len;
	e->body_len = f->have;
	if (f->have)
		memcpy(e->body, f->body, f->have);
	free(l->lent);
	l->lent = NULL;
}

static void frames_input(struct link *l, const uint8_t *bytes, size_t len)
{
	struct derp_frame f;
	int step;

	while (!l->ended) {
		step = derp_reader_next(&l->frames, &bytes, &len, &f);
		if (step == DERP_NEED)
			return;
		if (step == DERP_HEAD)
			frame_head(l, &f);
		else if (step == DERP_FRAME)
			frame_done(l, &f);
		else
			link_end(l, LINK_GARBAGE, 0);
	}
}

/* ---- both ------------------------------------------------------------ */

void link_input(struct link *l, const uint8_t *bytes, size_t len)
{
	if (len == 0 || l->ended)
		return;
	if (l->reading == LINK_START) {
		l->reading = bytes[0] == 'H' ? LINK_HEAD : LINK_FRAMES;
		memset(&l->http, 0, sizeof(l->http));
	}
	if (l->reading == LINK_FRAMES)
		frames_input(l, bytes, len);
	else
		http_input(l, bytes, len);
}

/* A body without a length ends with its connection. */
void link_input_end(struct link *l)
{
	if (l->reading == LINK_BODY && l->body_to_end)
		response_done(l, l->in.len - l->response_head);
}
