/*
 * expect.c - the steps that send, and those that judge what comes.
 *
 * A step is polled until it is done: after every piece of news and at its
 * deadline.  part is 0 at its first poll.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define FENCE_PACKET 16
#define GIVE_BACK_MAX 3 /* times */

/* ---- send ------------------------------------------------------------ */

/* What the frame makes of the connection, however it was written. */
static void note_sent(struct conn *c, const struct scenario_word *w,
		      const struct buf *out)
{
	if (w->id == WORD_HTTP) {
		c->asked = true;
		if (c->link && out->len > 5 && memcmp(out->at, "HEAD ", 5) == 0)
			c->link->no_body = true;
	}
	if ((w->id != WORD_TYPED && w->id != WORD_RAW) || out->len == 0)
		return;
	if (out->at[0] == DERP_CLIENT_INFO)
		c->told = true;
	if (out->at[0] == DERP_WATCH_CONNS)
		c->watching = true;
}

enum poll send_poll(struct run *r, struct conn *c)
{
	struct buf out = { 0 };

	if (r->part++ == 0) {
		if (!compose(r, c, r->step->word, r->step->args, &out)) {
			buf_free(&out);
			return run_broken(r);
		}
		note_sent(c, r->step->word, &out);
		conn_send(c, &out, r->step->word);
		buf_free(&out);
	}
	/* A server that does not read must not hold up the case for ever:
	 * at the deadline it goes on. */
	return c->link == NULL || link_sent(c->link) ? POLL_DONE : POLL_WAIT;
}

/* ---- the token of a fence -------------------------------------------- */

static const struct scenario_word *frame_word(const char *name)
{
	return scenario_word_find(WORD_FRAME, name, strlen(name));
}

static void send_token(struct run *r, struct conn *c)
{
	uint8_t head[DERP_HEAD_LEN];
	struct buf out = { 0 };

	r->token_len = DERP_PING_LEN;
	seed_bytes(r->token, r->token_len, r->env.seed, r->env.name, "fence",
		   r->env.serial++);
	derp_head_build(head, DERP_PING, r->token_len);
	if (buf_add(&out, head, sizeof(head)) &&
	    buf_add(&out, r->token, r->token_len))
		conn_send(c, &out, frame_word("ping"));
	buf_free(&out);
}

static bool token_came(struct run *r, struct conn *c)
{
	struct link_event *e = c->link ? c->link->events : NULL;

	for (; e; e = e->next)
		if (e->kind == LINK_FRAME && e->type == DERP_PONG &&
		    e->len == r->token_len &&
		    memcmp(e->body, r->token, r->token_len) == 0) {
			link_drop(c->link, e);
			return true;
		}
	return false;
}

/* ---- expect ---------------------------------------------------------- */

/* A later A< of a word ends what A! said of it. */
static void lift_forbids(struct run *r, const struct pattern *p)
{
	for (struct forbid *f = r->forbids; f; f = f->next)
		if (f->step->conn == r->step->conn &&
		    f->pattern->match->word == p->match->word)
			f->off = true;
}

static enum poll begin(struct run *r, struct conn *c)
{
	const struct scenario_match *m = r->step->match;
	struct pattern **tail = &r->patterns;

	for (; m; m = m->next) {
		*tail = pattern_new(r, m);
		if (*tail == NULL)
			return run_broken(r);
		lift_forbids(r, *tail);
		tail = &(*tail)->next;
		if (m->word->id == WORD_OPEN && c->logged_in)
			send_token(r, c);
		else if (m->word->id == WORD_OPEN)
			r->wake_us = r->step_us +
				     r->stage->o->settle_ms * UINT64_C(1000);
	}
	return POLL_DONE;
}

static enum found find_open(struct run *r, struct conn *c)
{
	if (c->logged_in && token_came(r, c))
		return FOUND;
	if (c->end || c->link == NULL)
		return FOUND_WRONG;
	if (!c->logged_in && link_now_us() >= r->wake_us)
		return FOUND;
	return FOUND_NOT_YET;
}

static enum found find_closed(struct conn *c, struct link_event **e)
{
	if (c->end == NULL)
		return FOUND_NOT_YET;
	if (c->end->how == LINK_GARBAGE || c->end->how == LINK_FLOOD)
		return FOUND_WRONG;
	*e = c->end;
	return FOUND;
}

static enum found find(struct run *r, struct conn *c, const struct pattern *p,
		       struct link_event **e)
{
	enum found f;

	*e = NULL;
	if (p->match->word->id == WORD_OPEN)
		return find_open(r, c);
	if (p->match->word->id == WORD_CLOSED)
		return find_closed(c, e);
	f = pattern_find(r, c, p, e);
	if (f == FOUND_NOT_YET && (c->end || c->link == NULL))
		return FOUND_WRONG; /* nothing more can come */
	return f;
}

/* "after": it must not have come sooner. */
static bool too_early(struct run *r, const struct link_event *e)
{
	uint64_t at = e ? e->at_us : link_now_us();
	uint64_t from = r->step_us + r->step->after_ms * UINT64_C(1000);

	if (!r->step->has_after || at >= from)
		return false;
	snprintf(r->note, sizeof(r->note), "it came after %.1f ms",
		 at < r->step_us ? 0. : (double)(at - r->step_us) / 1000.);
	return true;
}

static enum poll wrong(struct run *r, struct conn *c,
		       const struct link_event *e)
{
	struct result *res = r->result;
	char text[200];

	show_pattern(r, res->expected, sizeof(res->expected), r->patterns);
	if (e) {
		show_event(r, text, sizeof(text), e);
		snprintf(res->actual, sizeof(res->actual), "%.110s%s%.130s",
			 text, r->note[0] ? ": " : "", r->note);
	} else if (c->end) {
		show_end(res->actual, sizeof(res->actual), c->end);
	} else {
		snprintf(res->actual, sizeof(res->actual),
			 "the connection is not open");
	}
	return run_fail(r, VERDICT_FAIL, r->step->pos, "");
}

static enum poll found(struct run *r, struct conn *c, const struct pattern *p,
		       struct link_event *e)
{
	r->note[0] = '\0';
	if (too_early(r, e))
		return wrong(r, c, e);
	if (e == NULL || e->kind == LINK_ENDED)
		return POLL_DONE;
	if (!pattern_take(r, c, p, e)) {
		snprintf(r->env.error, sizeof(r->env.error), "out of memory");
		return run_broken(r);
	}
	if (e->kind == LINK_FRAME && e->type == DERP_PONG) {
		c->pong.len = 0;
		buf_add(&c->pong, e->body, e->len);
	}
	link_drop(c->link, e);
	return POLL_DONE;
}

enum poll expect_poll(struct run *r, struct conn *c)
{
	struct link_event *e, *bad = NULL;
	bool hope = false;
	enum found f;

	if (r->part++ == 0 && begin(r, c) == POLL_FAILED)
		return POLL_FAILED;
	r->note[0] = '\0';
	for (const struct pattern *p = r->patterns; p; p = p->next) {
		f = find(r, c, p, &e);
		if (f == FOUND)
			return found(r, c, p, e);
		hope |= f == FOUND_NOT_YET;
		if (f == FOUND_WRONG && e)
			bad = e;
	}
	return hope ? POLL_WAIT : wrong(r, c, bad);
}

/* Name what is there instead, or its absence is a riddle. */
static const struct link_event *left(const struct conn *c)
{
	const struct link_event *e = c->link ? c->link->events : NULL;

	while (e && (e->mark & MARK_USED))
		e = e->next;
	return e;
}

static uint64_t lost_us(const struct run *r)
{
	return r->stage->lag_us - r->step_lag_us;
}

static bool kept_from_running(const struct run *r)
{
	return lost_us(r) > (r->deadline_us - r->step_us) / 2;
}

/* Time that this machine lost is given back, a few times; then nobody can
 * tell. */
static bool give_back(struct run *r)
{
	uint64_t lost = lost_us(r) - r->given_us;

	if (!kept_from_running(r) || r->given == GIVE_BACK_MAX)
		return false;
	r->given++;
	r->given_us += lost;
	r->deadline_us += lost;
	r->limit_us += lost;
	return true;
}

enum poll expect_timeout(struct run *r, struct conn *c)
{
	struct result *res = r->result;
	const struct link_event *e = c ? left(c) : NULL;
	unsigned ms = (unsigned)((r->deadline_us - r->step_us) / 1000);
	char text[150], reason[100];

	if (give_back(r))
		return POLL_WAIT;
	if (r->patterns)
		show_pattern(r, res->expected, sizeof(res->expected),
			     r->patterns);
	if (e) {
		show_event(r, text, sizeof(text), e);
		snprintf(res->actual, sizeof(res->actual),
			 "not in %u ms; there is: %.90s%s%.90s", ms, text,
			 r->note[0] ? ": " : "", r->note);
	} else {
		snprintf(res->actual, sizeof(res->actual), "nothing in %u ms",
			 ms);
	}
	if (!kept_from_running(r))
		return run_fail(r, VERDICT_FAIL, r->step->pos, "");
	snprintf(reason, sizeof(reason),
		 "this machine was too busy to judge: %u of %u ms lost",
		 (unsigned)(lost_us(r) / 1000), ms);
	return run_fail(r, VERDICT_INCONC, r->step->pos, reason);
}

/* ---- absent ---------------------------------------------------------- */

enum poll absent_poll(struct run *r, struct conn *c)
{
	struct forbid *f = calloc(1, sizeof(*f));
	struct link_event *e = c->link ? c->link->events : NULL;

	if (f == NULL) {
		snprintf(r->env.error, sizeof(r->env.error), "out of memory");
		return run_broken(r);
	}
	f->step = r->step;
	f->pattern = pattern_new(r, r->step->match);
	*r->last_forbid = f;
	r->last_forbid = &f->next;
	if (f->pattern == NULL)
		return run_broken(r);
	r->unproved = true;
	for (; e; e = e->next)
		if (!(e->mark & MARK_USED) && pattern_is_about(f->pattern, e) &&
		    pattern_fits(r, c, f->pattern, e)) {
			show_pattern(r, r->note, sizeof(r->note), f->pattern);
			snprintf(r->result->expected,
				 sizeof(r->result->expected), "no %s", r->note);
			show_event(r, r->result->actual,
				   sizeof(r->result->actual), e);
			return run_fail(r, VERDICT_FAIL, r->step->pos, "");
		}
	return POLL_DONE;
}

/* ---- fence ----------------------------------------------------------- */

static void send_packet(struct run *r, struct conn *c, const struct conn *to)
{
	static const uint8_t magic[6] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };
	uint8_t head[DERP_HEAD_LEN];
	struct buf out = { 0 };

	r->token_len = r->step->disco ? sizeof(r->token) : FENCE_PACKET;
	seed_bytes(r->token, r->token_len, r->env.seed, r->env.name, "fence",
		   r->env.serial++);
	if (r->step->disco)
		memcpy(r->token, magic, sizeof(magic));
	derp_head_build(head, DERP_SEND_PACKET, DERP_KEY_LEN + r->token_len);
	if (buf_add(&out, head, sizeof(head)) &&
	    buf_add(&out, r->pub[to->key_of], DERP_KEY_LEN) &&
	    buf_add(&out, r->token, r->token_len))
		conn_send(c, &out, frame_word("send"));
	buf_free(&out);
}

static bool packet_came(struct run *r, struct conn *to)
{
	struct link_event *e = to->link ? to->link->events : NULL;

	for (; e; e = e->next)
		if (e->kind == LINK_FRAME && e->type == DERP_RECV_PACKET &&
		    e->len == DERP_KEY_LEN + r->token_len &&
		    memcmp(e->body + DERP_KEY_LEN, r->token, r->token_len) ==
			    0) {
			link_drop(to->link, e);
			return true;
		}
	return false;
}

static enum poll fence_broken(struct run *r, const struct conn *c)
{
	if (c->end)
		show_end(r->result->actual, sizeof(r->result->actual), c->end);
	else
		snprintf(r->result->actual, sizeof(r->result->actual),
			 "%s is not open", r->c->conns[c->index]);
	return run_fail(r, VERDICT_FAIL, r->step->pos, "");
}

enum poll fence_poll(struct run *r, struct conn *c)
{
	struct conn *to = r->step->conn2 == SCENARIO_NO_CONN
				  ? NULL
				  : &r->conns[r->step->conn2];
	struct conn *at = to ? to : c;

	if (r->part++ == 0) {
		snprintf(r->result->expected, sizeof(r->result->expected),
			 to ? "the packet of a fence from %s"
			    : "the pong of a fence on %s",
			 r->c->conns[c->index]);
		if (to)
			send_packet(r, c, to);
		else
			send_token(r, c);
	}
	if (to ? packet_came(r, to) : token_came(r, c)) {
		r->token_len = 0;
		r->result->expected[0] = '\0';
		return POLL_DONE;
	}
	if (at->end || at->link == NULL || at->left)
		return fence_broken(r, at);
	if (c->end || c->link == NULL || c->left)
		return fence_broken(r, c);
	return POLL_WAIT;
}
