/*
 * replay_plan.c - collect a capture's events as steps in order of time.
 *
 * A frame is copied once, when it comes.  Only what a client did, and what it
 * was told, becomes a step; the rest is counted.
 */
#include "replay_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay_plan *replay_plan_new(void)
{
	return calloc(1, sizeof(struct replay_plan));
}

void replay_plan_free(struct replay_plan *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; i < p->num_steps; i++)
		free(p->steps[i].body);
	free(p->steps);
	free(p->conns);
	free(p->clients);
	free(p->extras);
	replay_keys_clear(&p->keys);
	free(p);
}

static int broken(struct replay_plan *p, const char *why)
{
	p->broken = why;
	return -1;
}

/* Room for one more; what is there may move. */
void *replay_more(void *array, uint32_t num, uint32_t *cap, size_t size)
{
	uint32_t bigger = *cap == 0 ? 64 : *cap * 2;

	if (num < *cap)
		return array;
	array = realloc(array, bigger * size);
	if (array != NULL)
		*cap = bigger;
	return array;
}

int replay_plan_add_step(struct replay_plan *p, const struct replay_step *s)
{
	void *room;

	if (p->mem > REPLAY_MEM_MAX - s->len - sizeof(*s))
		return broken(p, "it holds more frames than fit in memory "
				 "(512 MiB): cut it into smaller files");
	room = replay_more(p->steps, p->num_steps, &p->cap_steps, sizeof(*s));
	if (room == NULL)
		return broken(p, "out of memory");
	p->steps = room;
	p->mem += s->len + sizeof(*s);
	p->steps[p->num_steps] = *s;
	p->steps[p->num_steps].order = p->num_steps;
	p->num_steps++;
	return 0;
}

/* The connection of a flow: a number that the flow carries, from 1. */
static struct replay_conn *conn_of(struct replay_plan *p,
				   const struct capture_event *e)
{
	struct replay_conn *c;
	void *room;
	uintptr_t num;

	if (e->flow->user != NULL)
		return &p->conns[(uintptr_t)e->flow->user - 1];
	if (p->num_conns == REPLAY_CONNS_MAX) {
		broken(p, "it holds more than 4096 DERP connections");
		return NULL;
	}
	room = replay_more(p->conns, p->num_conns, &p->cap_conns, sizeof(*c));
	if (room == NULL) {
		broken(p, "out of memory");
		return NULL;
	}
	p->conns = room;
	c = &p->conns[p->num_conns++];
	memset(c, 0, sizeof(*c));
	c->flow = e->flow->id;
	num = p->num_conns;
	e->flow->user = (void *)num;
	return c;
}

static struct replay_step step_of(const struct replay_plan *p,
				  const struct replay_conn *c,
				  const struct capture_event *e,
				  enum replay_what what)
{
	struct replay_step s;

	memset(&s, 0, sizeof(s));
	s.what = what;
	s.conn = (uint32_t)(c - p->conns);
	s.link = REPLAY_NONE;
	s.ts_ns = e->ts_ns;
	s.packet = e->packet;
	return s;
}

static int keep_frame(struct replay_plan *p, struct replay_step *s,
		      const struct derp_frame *f)
{
	s->norm.type = f->type;
	s->norm.have = s->len = f->have;
	s->norm.len = f->len;
	if (f->have > 0) {
		s->body = malloc(f->have);
		if (s->body == NULL)
			return broken(p, "out of memory");
		memcpy(s->body, f->body, f->have);
	}
	if (replay_plan_add_step(p, s) < 0) {
		free(s->body);
		return -1;
	}
	return 0;
}

static int on_client_frame(struct replay_plan *p, struct replay_conn *c,
			   const struct capture_event *e)
{
	struct replay_step s = step_of(p, c, e, REPLAY_SEND);

	if (e->frame->type == DERP_CLIENT_INFO && !c->framed[CAPTURE_C2S]) {
		s.what = REPLAY_LOGIN;
		c->logged_in = true;
		c->box_len = e->frame->len;
		if (e->frame->have >= DERP_KEY_LEN) {
			c->has_key = true;
			memcpy(c->key, e->frame->body, DERP_KEY_LEN);
		}
	}
	c->framed[CAPTURE_C2S] = true;
	if (s.what == REPLAY_LOGIN)
		return replay_plan_add_step(p, &s);
	if (e->frame->have < e->frame->len) {
		c->lost_sends = true;
		return 0;
	}
	/* After the server's end nobody reads it. */
	if (c->server_ended || c->client_ended)
		return 0;
	if (e->frame->type == DERP_WATCH_CONNS)
		c->watches = true;
	return keep_frame(p, &s, e->frame);
}

static int on_server_frame(struct replay_plan *p, struct replay_conn *c,
			   const struct capture_event *e)
{
	struct replay_step s = step_of(p, c, e, REPLAY_ANSWER);

	c->framed[CAPTURE_S2C] = true;
	if (e->frame->type == DERP_SERVER_KEY)
		return 0;
	/* A server that relays has accepted the login. */
	c->accepted = true;
	if (c->up_ns == 0)
		c->up_ns = e->ts_ns;
	if (e->frame->type == DERP_SERVER_INFO ||
	    replay_norm_unprompted(e->frame->type))
		return 0;
	s.optional = c->client_ended;
	return keep_frame(p, &s, e->frame);
}

static int on_frame(struct replay_plan *p, struct replay_conn *c,
		    const struct capture_event *e)
{
	return e->dir == CAPTURE_C2S ? on_client_frame(p, c, e)
				     : on_server_frame(p, c, e);
}

static int on_gap(struct replay_plan *p, struct replay_conn *c,
		  const struct capture_event *e)
{
	struct replay_step s = step_of(p, c, e, REPLAY_HOLE);

	/* Looking for the first header of a capture from the middle. */
	if (e->loss == CAPTURE_STEP && c->mode == CAPTURE_MIDDLE &&
	    e->dir >= 0 && !c->framed[e->dir])
		return 0;
	if (e->dir == CAPTURE_C2S) {
		c->lost_sends = true;
		return 0;
	}
	c->lost_answers = true;
	s.lost = e->lost;
	p->lost_answer_bytes += e->lost;
	return replay_plan_add_step(p, &s);
}

static int on_closed(struct replay_plan *p, struct replay_conn *c,
		     const struct capture_event *e)
{
	struct replay_step s = step_of(p, c, e, REPLAY_CLOSE);

	if (e->end == CAPTURE_EVICTED || c->client_ended || c->server_ended)
		return 0;
	s.reset = e->end == CAPTURE_RST;
	if (e->dir == CAPTURE_S2C) {
		c->server_ended = true;
		s.what = REPLAY_ANSWER;
		s.norm.type = REPLAY_END;
		s.norm.ping = REPLAY_NONE;
	} else {
		c->client_ended = true;
	}
	return replay_plan_add_step(p, &s);
}

static void on_http(struct replay_conn *c, const struct capture_event *e)
{
	struct derp_text t;

	if (e->dir == CAPTURE_C2S && e->http != NULL &&
	    derp_http_field(e->http, "Ideal-Node", &t, NULL) && t.len > 0)
		c->ideal_other = true;
}

int replay_plan_event(void *ctx, const struct capture_event *e)
{
	struct replay_plan *p = ctx;
	struct replay_conn *c;

	if (e->ts_ns > p->end_ns)
		p->end_ns = e->ts_ns;
	if (e->what == CAPTURE_TLS)
		p->tls++;
	if (e->what == CAPTURE_TRUNCATED && e->flow == NULL)
		p->cut_file = true;
	if (e->flow == NULL || e->what == CAPTURE_TLS ||
	    e->what == CAPTURE_NOTE)
		return 0;
	c = conn_of(p, e);
	if (c == NULL)
		return -1;
	if (e->flow->mode != CAPTURE_UNKNOWN)
		c->mode = e->flow->mode;
	if (e->flow->has_server_key) {
		c->has_server_key = true;
		memcpy(c->server_key, e->flow->server_key, DERP_KEY_LEN);
	}
	switch (e->what) {
	case CAPTURE_FRAME:
		return on_frame(p, c, e);
	case CAPTURE_GAP:
		return on_gap(p, c, e);
	case CAPTURE_CLOSED:
		return on_closed(p, c, e);
	case CAPTURE_HTTP:
		on_http(c, e);
		return 0;
	case CAPTURE_INVALID:
		/* A length that nobody follows: what comes then is lost. */
		p->invalid++;
		if (e->dir == CAPTURE_C2S && e->err == DERP_E_LIMIT)
			c->lost_sends = true;
		return 0;
	case CAPTURE_TRUNCATED:
		p->cut_frames++;
		return 0;
	case CAPTURE_OPEN:
	case CAPTURE_START:
	case CAPTURE_TLS:
	case CAPTURE_NOTE:
		return 0;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct replay_step *x = a, *y = b;

	if (x->ts_ns != y->ts_ns)
		return x->ts_ns < y->ts_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Equal times keep the order in which they came. */
void replay_plan_sort(struct replay_plan *p)
{
	if (p->num_steps > 0)
		qsort(p->steps, p->num_steps, sizeof(*p->steps), by_time);
	for (uint32_t i = 0; i < p->num_steps; i++)
		p->steps[i].order = i;
}

static bool is_mesh(const struct replay_step *s)
{
	return s->what == REPLAY_SEND && (s->norm.type == DERP_WATCH_CONNS ||
					  s->norm.type == DERP_CLOSE_PEER ||
					  s->norm.type == DERP_FORWARD_PACKET);
}

/* A connection is played when its login can be: it was seen and accepted, or
 * it happened before the capture. */
static void choose_conns(struct replay_plan *p)
{
	struct replay_conn *c;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		c = &p->conns[p->steps[i].conn];
		if (is_mesh(&p->steps[i]))
			c->mesh = true;
		/* Only those who watch are told; it began before. */
		if (p->steps[i].what == REPLAY_ANSWER && !c->watches &&
		    p->steps[i].norm.type == DERP_PEER_PRESENT &&
		    c->mode == CAPTURE_MIDDLE)
			c->mesh = c->watches = c->watched_before = true;
	}
	for (uint32_t i = 0; i < p->num_conns; i++) {
		c = &p->conns[i];
		c->skip = c->logged_in
				  ? !c->accepted && c->server_ended
				  : c->mode != CAPTURE_MIDDLE ||
					    !(c->framed[0] || c->framed[1]);
		p->skipped += c->skip;
		p->num_mesh += c->mesh && !c->skip;
		p->lost_sends += c->lost_sends && !c->skip;
	}
}

static int add_before(struct replay_plan *p, uint32_t conn,
		      enum replay_what what)
{
	struct replay_step s;

	memset(&s, 0, sizeof(s));
	s.what = what;
	s.conn = conn;
	s.link = REPLAY_NONE;
	s.ts_ns = INT64_MIN;
	s.added = true;
	if (what == REPLAY_SEND)
		s.norm.type = DERP_WATCH_CONNS;
	return replay_plan_add_step(p, &s);
}

/* What was done before the capture began is done before it is played. */
static int add_past(struct replay_plan *p)
{
	for (uint32_t i = 0; i < p->num_conns; i++)
		if (!p->conns[i].skip && !p->conns[i].logged_in &&
		    add_before(p, i, REPLAY_LOGIN) < 0)
			return -1;
	for (uint32_t i = 0; i < p->num_conns; i++)
		if (!p->conns[i].skip && p->conns[i].watched_before &&
		    add_before(p, i, REPLAY_SEND) < 0)
			return -1;
	return 0;
}

static void drop_skipped(struct replay_plan *p)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->num_steps; i++)
		if (p->conns[p->steps[i].conn].skip)
			free(p->steps[i].body);
		else
			p->steps[kept++] = p->steps[i];
	p->num_steps = kept;
}

int replay_plan_finish(struct replay_plan *p, char why[REPLAY_WHY_MAX])
{
	if (p->broken == NULL) {
		choose_conns(p);
		drop_skipped(p);
		if (add_past(p) == 0) {
			replay_plan_sort(p);
			if (replay_plan_people(p) < 0 ||
			    replay_plan_links(p) < 0 ||
			    replay_plan_chance(p) < 0)
				p->broken = "out of memory";
		}
	}
	if (p->broken == NULL)
		return 0;
	snprintf(why, REPLAY_WHY_MAX, "%s", p->broken);
	return -1;
}
