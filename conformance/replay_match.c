/*
 * replay_match.c - join expected and actual answers.
 *
 *   box of a connection:  [got] [got] [got] ...   in order of arrival
 *
 * An expected answer takes the first frame that is equal.  In a kind that
 * keeps its order, a frame in front of it that is expected later means that
 * the order is broken; one that is never expected is left over.
 */
#include "replay_match.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_STEPS 4096 /* how far ahead an answer may be expected */

enum state { OPEN, EQUAL, DIFFERENT, MISSED };

struct got {
	struct replay_norm norm;
	uint8_t *body;
	uint32_t step;
	uint32_t len; /* of the payload on the wire */
	bool used;
};

struct replay_box {
	struct got *list;
	uint32_t num, cap, first; /* before first all are used */
	uint32_t lost;            /* that did not fit */
	uint64_t hole;            /* bytes that the capture lost */
	bool ended, missed;
	struct replay_seen *trace;
	uint32_t num_trace;
};

struct replay_match *replay_match_new(const struct replay_plan *plan,
				      const struct replay_keys *live,
				      const uint8_t tag[REPLAY_TAG_LEN])
{
	struct replay_match *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->plan = plan;
	m->live = live;
	m->tag = tag;
	m->states = calloc(plan->num_steps + 1, 1);
	m->extras_used = calloc(plan->num_extras + 1, sizeof(bool));
	m->boxes = calloc(plan->num_conns + 1, sizeof(*m->boxes));
	m->answered = calloc(plan->num_pings + 1, sizeof(*m->answered));
	m->diffs = calloc(REPLAY_DIFFS_MAX, sizeof(*m->diffs));
	if (m->states == NULL || m->extras_used == NULL || m->boxes == NULL ||
	    m->answered == NULL || m->diffs == NULL) {
		replay_match_free(m);
		return NULL;
	}
	for (uint32_t i = 0; i < plan->num_steps; i++)
		if (plan->steps[i].what == REPLAY_HOLE)
			m->boxes[plan->steps[i].conn].hole +=
				plan->steps[i].lost;
	return m;
}

void replay_match_free(struct replay_match *m)
{
	struct replay_box *b;

	if (m == NULL)
		return;
	for (uint32_t c = 0; m->boxes != NULL && c < m->plan->num_conns; c++) {
		b = &m->boxes[c];
		for (uint32_t i = 0; i < b->num; i++)
			free(b->list[i].body);
		free(b->list);
		free(b->trace);
	}
	free(m->boxes);
	free(m->states);
	free(m->extras_used);
	free(m->answered);
	free(m->diffs);
	free(m);
}

/* ---- trace ------------------------------------------------------------ */

static void trace(struct replay_match *m, uint32_t conn, uint32_t step,
		  const struct replay_norm *n, bool sent)
{
	struct replay_box *b = &m->boxes[conn];
	struct replay_seen *s;

	if (b->trace == NULL)
		b->trace = calloc(REPLAY_TRACE, sizeof(*b->trace));
	if (b->trace == NULL)
		return;
	s = &b->trace[b->num_trace++ % REPLAY_TRACE];
	s->step = step;
	s->sent = sent;
	replay_norm_text(s->text, n);
}

void replay_match_sent(struct replay_match *m, uint32_t conn, uint32_t step)
{
	trace(m, conn, step, &m->plan->steps[step].norm, true);
}

uint32_t replay_match_trace(const struct replay_match *m, uint32_t conn,
			    uint32_t step, const struct replay_seen **list,
			    uint32_t max)
{
	const struct replay_box *b = &m->boxes[conn];
	uint32_t end = b->num_trace, num = 0, i;
	uint32_t oldest = end > REPLAY_TRACE ? end - REPLAY_TRACE : 0;

	while (end > oldest && b->trace[(end - 1) % REPLAY_TRACE].step > step)
		end--;
	i = end - oldest > max ? end - max : oldest;
	for (; i < end; i++)
		list[num++] = &b->trace[i % REPLAY_TRACE];
	return num;
}

/* ---- differences ------------------------------------------------------ */

static uint32_t first_byte(const struct replay_norm *a,
			   const struct replay_norm *b)
{
	uint32_t n = a->have < b->have ? a->have : b->have;

	for (uint32_t i = 0; i < n; i++)
		if (a->data[i] != b->data[i])
			return i;
	return a->len != b->len ? n : REPLAY_NONE;
}

static void differ(struct replay_match *m, enum replay_diff_kind kind,
		   uint32_t conn, uint32_t step, const struct replay_norm *want,
		   const struct replay_norm *is)
{
	struct replay_diff *d;

	m->different++;
	if (m->num_diffs == REPLAY_DIFFS_MAX)
		return;
	d = &m->diffs[m->num_diffs++];
	memset(d, 0, sizeof(*d));
	d->kind = kind;
	d->conn = conn;
	d->step = step;
	d->differs = REPLAY_NONE;
	if (want != NULL)
		replay_norm_text(d->expected, want);
	if (is != NULL)
		replay_norm_text(d->actual, is);
	if (want != NULL && is != NULL && want->ping == REPLAY_NONE &&
	    replay_norm_alike(want, is))
		d->differs = first_byte(want, is);
}

void replay_match_login(struct replay_match *m, uint32_t step, const char *why)
{
	const struct replay_step *s = &m->plan->steps[step];
	struct replay_diff *d;

	if (why == NULL) {
		m->equal++;
		return;
	}
	differ(m, REPLAY_NO_LOGIN, s->conn, step, NULL, NULL);
	d = &m->diffs[m->num_diffs - 1];
	if (d->kind != REPLAY_NO_LOGIN || d->step != step)
		return;
	snprintf(d->expected, sizeof(d->expected), "ServerInfo");
	snprintf(d->actual, sizeof(d->actual), "%s", why);
}

/* ---- what comes ------------------------------------------------------- */

static struct got *add(struct replay_match *m, uint32_t conn, uint32_t step)
{
	struct replay_box *b = &m->boxes[conn];
	struct got *g;
	void *room;

	while (b->first < b->num && b->list[b->first].used)
		b->first++;
	if (b->num - b->first >= REPLAY_WAITING_MAX) {
		b->lost++;
		return NULL;
	}
	/* Used ones in front make room. */
	if (b->first > 0 && b->num == b->cap) {
		memmove(b->list, b->list + b->first,
			(b->num - b->first) * sizeof(*g));
		b->num -= b->first;
		b->first = 0;
	}
	room = replay_more(b->list, b->num, &b->cap, sizeof(*g));
	if (room == NULL) {
		m->out_of_memory = true;
		return NULL;
	}
	b->list = room;
	g = &b->list[b->num++];
	memset(g, 0, sizeof(*g));
	g->step = step;
	return g;
}

/* The body is kept: what the norm points to moves with it. */
static bool keep_body(struct replay_match *m, struct got *g,
		      struct derp_frame f)
{
	if (f.have == 0) {
		replay_norm_frame(&g->norm, &f, m->live);
		return true;
	}
	g->body = malloc(f.have);
	if (g->body == NULL) {
		m->out_of_memory = true;
		return false;
	}
	memcpy(g->body, f.body, f.have);
	f.body = g->body;
	replay_norm_frame(&g->norm, &f, m->live);
	return true;
}

static void number_pong(const struct replay_match *m, struct replay_norm *n)
{
	uint32_t num;

	if (n->type != DERP_PONG || n->have != DERP_PING_LEN ||
	    memcmp(n->data, m->tag, REPLAY_TAG_LEN) != 0)
		return;
	num = ((uint32_t)n->data[4] << 24) + ((uint32_t)n->data[5] << 16) +
	      ((uint32_t)n->data[6] << 8) + n->data[7];
	if (num < m->plan->num_pings)
		n->ping = num;
}

static void use(struct got *g)
{
	g->used = true;
	free(g->body);
	g->body = NULL;
}

/* Does it come after it was given up? */
static bool was_missed(struct replay_match *m, uint32_t conn,
		       const struct got *g)
{
	struct replay_step *s;
	struct replay_diff *d;

	for (uint32_t i = 0; m->boxes[conn].missed && i < m->num_diffs; i++) {
		d = &m->diffs[i];
		s = &m->plan->steps[d->step];
		if (d->kind != REPLAY_MISSING || d->conn != conn ||
		    !replay_norm_equal(&s->norm, &g->norm))
			continue;
		d->kind = REPLAY_LATE;
		replay_norm_text(d->actual, &g->norm);
		return true;
	}
	return false;
}

uint32_t replay_match_got(struct replay_match *m, uint32_t conn,
			  const struct derp_frame *f, uint32_t step)
{
	struct got *g;
	uint32_t ping;

	if (replay_norm_unprompted(f->type) || f->type == DERP_SERVER_KEY ||
	    f->type == DERP_SERVER_INFO)
		return REPLAY_NONE;
	g = add(m, conn, step);
	if (g == NULL)
		return REPLAY_NONE;
	if (!keep_body(m, g, *f)) {
		g->used = true;
		return REPLAY_NONE;
	}
	g->len = f->len;
	number_pong(m, &g->norm);
	ping = g->norm.ping;
	trace(m, conn, step, &g->norm, false);
	if (was_missed(m, conn, g))
		use(g);
	return ping;
}

void replay_match_ended(struct replay_match *m, uint32_t conn, uint32_t step)
{
	struct got *g = add(m, conn, step);

	m->boxes[conn].ended = true;
	if (g == NULL)
		return;
	g->norm.type = REPLAY_END;
	g->norm.ping = REPLAY_NONE;
	trace(m, conn, step, &g->norm, false);
}

void replay_match_absent(struct replay_match *m, uint32_t conn)
{
	m->boxes[conn].ended = true;
}

void replay_match_forget(struct replay_match *m)
{
	for (uint32_t c = 0; c < m->plan->num_conns; c++)
		for (uint32_t i = 0; i < m->boxes[c].num; i++)
			use(&m->boxes[c].list[i]);
}

/* ---- joining ---------------------------------------------------------- */

/* Frames of one class come in order. */
static bool same_class(const struct replay_norm *a, const struct replay_norm *b)
{
	if (!replay_norm_ordered(a))
		return replay_norm_alike(a, b);
	if (a->type != b->type)
		return false;
	if (a->type != DERP_RECV_PACKET)
		return true;
	return replay_norm_alike(a, b) &&
	       replay_is_disco(a) == replay_is_disco(b);
}

/* Two connections of one key have no order between them. */
static bool same_sender(const struct replay_plan *p,
			const struct replay_step *a,
			const struct replay_step *b)
{
	return a->link == REPLAY_NONE || b->link == REPLAY_NONE ||
	       p->steps[a->link].conn == p->steps[b->link].conn;
}

static bool is_expected_later(const struct replay_match *m, uint32_t step,
			      const struct replay_norm *n, bool *overtakes)
{
	const struct replay_plan *p = m->plan;
	uint32_t conn = p->steps[step].conn;
	const struct replay_step *s;

	for (uint32_t i = step + 1; i < p->num_steps && i - step < LOOK_STEPS;
	     i++) {
		s = &p->steps[i];
		if (s->what == REPLAY_ANSWER && s->conn == conn &&
		    replay_norm_equal(&s->norm, n)) {
			*overtakes = replay_norm_ordered(n) &&
				     same_sender(p, &p->steps[step], s);
			return true;
		}
	}
	return false;
}

/* An extra, or an optional answer of an earlier step, that it can be. */
static bool is_allowed(struct replay_match *m, uint32_t conn,
		       const struct replay_norm *n, uint32_t before, bool take)
{
	const struct replay_plan *p = m->plan;
	const struct replay_step *s;

	for (uint32_t i = 0; i < p->num_extras; i++)
		if (!m->extras_used[i] && p->extras[i].conn == conn &&
		    replay_norm_equal(&p->extras[i].norm, n)) {
			m->extras_used[i] = take;
			return true;
		}
	for (uint32_t i = 0; i < before; i++) {
		s = &p->steps[i];
		if (s->optional && s->conn == conn && m->states[i] == OPEN &&
		    s->what == REPLAY_ANSWER &&
		    replay_norm_equal(&s->norm, n)) {
			if (take)
				m->states[i] = EQUAL;
			return true;
		}
	}
	return false;
}

struct found {
	struct got *equal; /* the first */
	struct got *front; /* first of the class that stands in its place */
	bool overtaken;    /* front is expected later */
};

static struct found look(struct replay_match *m, uint32_t step)
{
	const struct replay_step *s = &m->plan->steps[step];
	struct replay_box *b = &m->boxes[s->conn];
	struct found f = { NULL, NULL, false };
	bool overtakes;
	struct got *g;

	for (uint32_t i = b->first; i < b->num; i++) {
		g = &b->list[i];
		if (g->used || g->step < s->after ||
		    !same_class(&s->norm, &g->norm))
			continue;
		if (replay_norm_equal(&s->norm, &g->norm)) {
			f.equal = g;
			return f;
		}
		if (is_allowed(m, s->conn, &g->norm, step, false))
			continue;
		if (is_expected_later(m, step, &g->norm, &overtakes)) {
			f.overtaken |= overtakes;
		} else if (f.front == NULL) {
			f.front = g;
		}
	}
	return f;
}

bool replay_match_has(const struct replay_match *m, uint32_t step)
{
	const struct replay_step *s = &m->plan->steps[step];
	const struct replay_box *b = &m->boxes[s->conn];

	if (m->states[step] != OPEN || b->ended)
		return true;
	for (uint32_t i = b->first; i < b->num; i++)
		if (!b->list[i].used && b->list[i].step >= s->after &&
		    replay_norm_equal(&s->norm, &b->list[i].norm))
			return true;
	return false;
}

static void answered(struct replay_match *m, const struct replay_norm *n)
{
	if (n->ping != REPLAY_NONE && n->ping < m->plan->num_pings)
		m->answered[n->ping]++;
}

enum replay_try replay_match_try(struct replay_match *m, uint32_t step)
{
	const struct replay_step *s = &m->plan->steps[step];
	struct found f;

	if (m->states[step] != OPEN)
		return REPLAY_DECIDED;
	if (s->optional)
		return REPLAY_WAIT;
	f = look(m, step);
	if (f.equal == NULL && m->boxes[s->conn].ended) {
		replay_match_give_up(m, step);
		return REPLAY_DECIDED;
	}
	if (f.equal == NULL)
		return f.front != NULL || f.overtaken ? REPLAY_SOON
						      : REPLAY_WAIT;
	answered(m, &f.equal->norm);
	if (f.overtaken) {
		m->states[step] = DIFFERENT;
		differ(m, REPLAY_ORDER, s->conn, step, &s->norm,
		       &f.equal->norm);
	} else {
		m->states[step] = EQUAL;
		m->equal++;
	}
	use(f.equal);
	return REPLAY_DECIDED;
}

void replay_match_give_up(struct replay_match *m, uint32_t step)
{
	const struct replay_step *s = &m->plan->steps[step];
	struct replay_box *b = &m->boxes[s->conn];
	struct found f;

	if (s->optional || m->states[step] != OPEN)
		return;
	f = look(m, step);
	if (f.equal != NULL) {
		replay_match_try(m, step);
		return;
	}
	/* Behind one that is due later, what is in front is its replacement
	 * only if nothing was lost before. */
	if (f.front != NULL && !f.overtaken) {
		m->states[step] = DIFFERENT;
		differ(m, REPLAY_OTHER, s->conn, step, &s->norm,
		       &f.front->norm);
		answered(m, &f.front->norm);
		use(f.front);
		return;
	}
	m->states[step] = MISSED;
	b->missed = true;
	differ(m, REPLAY_MISSING, s->conn, step, &s->norm, NULL);
}

/* ---- the end ---------------------------------------------------------- */

/* The server sends notices about people who are not ours to those who watch;
 * a pong that comes twice is known of the reference. */
static bool is_passed_over(struct replay_match *m, uint32_t conn,
			   const struct got *g)
{
	const struct replay_norm *n = &g->norm;

	if ((n->type == DERP_PEER_GONE || n->type == DERP_PEER_PRESENT) &&
	    n->key.who == REPLAY_STRANGER && m->plan->conns[conn].watches) {
		m->strangers++;
		return true;
	}
	return n->ping != REPLAY_NONE && m->answered[n->ping] > 0;
}

static void judge_left(struct replay_match *m, uint32_t conn, struct got *g)
{
	struct replay_box *b = &m->boxes[conn];

	if (is_passed_over(m, conn, g) ||
	    is_allowed(m, conn, &g->norm, m->plan->num_steps, true))
		return;
	if (b->hole >= DERP_HEAD_LEN + (uint64_t)g->len) {
		b->hole -= DERP_HEAD_LEN + (uint64_t)g->len;
		return;
	}
	differ(m, REPLAY_UNEXPECTED, conn, g->step, NULL, &g->norm);
}

/* By step, equals as they were found. */
static void sort_diffs(struct replay_match *m)
{
	struct replay_diff d;
	uint32_t k;

	for (uint32_t i = 1; i < m->num_diffs; i++) {
		d = m->diffs[i];
		for (k = i; k > 0 && m->diffs[k - 1].step > d.step; k--)
			m->diffs[k] = m->diffs[k - 1];
		m->diffs[k] = d;
	}
}

void replay_match_finish(struct replay_match *m)
{
	struct replay_box *b;

	for (uint32_t c = 0; c < m->plan->num_conns; c++) {
		b = &m->boxes[c];
		for (uint32_t i = b->first; i < b->num; i++)
			if (!b->list[i].used)
				judge_left(m, c, &b->list[i]);
		m->different += b->lost;
	}
	sort_diffs(m);
}
