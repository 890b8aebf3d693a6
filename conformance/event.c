/*
 * event.c - what comes on the connections of a case, before any step looks.
 *
 * Here the engine's own rules are kept (docs/scenario.md, section 9): what is
 * ignored, what is answered, what must not come.  What stays in a link's list
 * waits for an expectation.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

/* Frames that a case need not expect.  RecvPacket is never among them. */
static bool is_background(uint32_t type)
{
	switch (type) {
	case DERP_KEEP_ALIVE:
	case DERP_HEALTH:
	case DERP_RESTARTING:
	case DERP_PEER_GONE:
	case DERP_PEER_PRESENT:
	case DERP_PING:
		return true;
	default:
		return false;
	}
}

static bool is_named(const struct run *r, const struct conn *c, uint32_t type)
{
	return type < 0x1f &&
	       (r->c->named[c->index] & SCENARIO_NAMES(type)) != 0;
}

static bool is_ignored(const struct conn *c, uint32_t type)
{
	return type < 0x1f && (c->ignored & SCENARIO_NAMES(type)) != 0;
}

/* A watcher hears of everybody; only the case's own keys are its business. */
static bool is_stranger(const struct run *r, const struct conn *c,
			const struct link_event *e)
{
	if (!c->watching || e->len < DERP_KEY_LEN ||
	    (e->type != DERP_PEER_GONE && e->type != DERP_PEER_PRESENT))
		return false;
	for (uint32_t i = 0; i < r->c->num_conns; i++)
		if (memcmp(e->body, r->pub[i], DERP_KEY_LEN) == 0)
			return false;
	return true;
}

static void answer_ping(struct run *r, struct conn *c,
			const struct link_event *e)
{
	uint8_t pong[DERP_HEAD_LEN + DERP_PING_LEN];

	(void)r;
	if (e->len < DERP_PING_LEN)
		return;
	derp_head_build(pong, DERP_PONG, DERP_PING_LEN);
	memcpy(pong + DERP_HEAD_LEN, e->body, DERP_PING_LEN);
	link_send(c->link, pong, sizeof(pong));
}

static void note_login(struct run *r, struct conn *c,
		       const struct link_event *e)
{
	if (e->type == DERP_SERVER_KEY && !c->told &&
	    e->len >= DERP_MAGIC_LEN + DERP_KEY_LEN &&
	    memcmp(e->body, derp_magic, DERP_MAGIC_LEN) == 0) {
		memcpy(r->server_key, e->body + DERP_MAGIC_LEN, DERP_KEY_LEN);
		r->env.server_key = r->server_key;
		c->greeted = true;
	}
	if (e->type == DERP_SERVER_INFO && c->told)
		c->logged_in = true;
}

/* ---- what must not come ---------------------------------------------- */

static void forbidden(struct run *r, struct conn *c, struct forbid *f,
		      const struct link_event *e)
{
	char text[200];

	show_event(r, text, sizeof(text), e);
	snprintf(r->result->actual, sizeof(r->result->actual), "%s", text);
	show_pattern(r, text, sizeof(text), f->pattern);
	snprintf(r->result->expected, sizeof(r->result->expected), "no %s",
		 text);
	snprintf(text, sizeof(text), "%s got what must not come",
		 r->c->conns[c->index]);
	run_fail(r, VERDICT_FAIL, f->step->pos, text);
}

/* true: it was forbidden, and the case has failed. */
static bool check_forbids(struct run *r, struct conn *c,
			  const struct link_event *e)
{
	for (struct forbid *f = r->forbids; f; f = f->next)
		if (!f->off && f->step->conn == c->index &&
		    pattern_is_about(f->pattern, e) &&
		    pattern_fits(r, c, f->pattern, e)) {
			forbidden(r, c, f, e);
			return true;
		}
	return false;
}

/* The engine's own pong or packet, which no absence is about. */
static bool is_token(const struct run *r, const struct link_event *e)
{
	uint32_t skip = e->type == DERP_RECV_PACKET ? DERP_KEY_LEN : 0;

	if (r->token_len == 0 || e->len != skip + r->token_len)
		return false;
	if (e->type != DERP_RECV_PACKET && e->type != DERP_PONG)
		return false;
	return memcmp(e->body + skip, r->token, r->token_len) == 0;
}

/* ---- one by one ------------------------------------------------------ */

/* false: nobody will look at it. */
static bool frame(struct run *r, struct conn *c, struct link_event *e)
{
	note_login(r, c, e);
	if (is_stranger(r, c, e))
		return false;
	if (e->type == DERP_PING && !is_named(r, c, DERP_PING)) {
		answer_ping(r, c, e);
		return false;
	}
	/* First of all: a fence's packet counts on a connection that ignores
	 * packets, too. */
	if (is_token(r, e))
		return true;
	if ((is_background(e->type) || is_ignored(c, e->type)) &&
	    !is_named(r, c, e->type))
		return false;
	return !check_forbids(r, c, e);
}

static void late_packet(struct run *r, struct conn *c,
			const struct link_event *e)
{
	struct scenario_pos nowhere = { 0, 0 };
	char text[100];

	show_event(r, r->result->actual, sizeof(r->result->actual), e);
	snprintf(r->result->expected, sizeof(r->result->expected),
		 "no packet that the case does not name");
	snprintf(text, sizeof(text), "%s got a packet after the case had ended",
		 r->c->conns[c->index]);
	run_fail(r, VERDICT_FAIL, nowhere, text);
}

/* What this machine lacks is no fault of the server. */
static void check_ours(struct run *r, const struct link_event *e)
{
	struct scenario_pos nowhere = { 0, 0 };
	char text[120];

	if (e->how != LINK_REFUSED ||
	    (e->error != EMFILE && e->error != ENFILE && e->error != ENOMEM))
		return;
	snprintf(text, sizeof(text),
		 "no socket here (%s): raise ulimit -n, or lower --jobs",
		 strerror(e->error));
	run_fail(r, VERDICT_ERROR, r->step ? r->step->pos : nowhere, text);
}

static void scan_event(struct run *r, struct conn *c, struct link_event *e)
{
	bool keep = true;

	e->mark |= MARK_SEEN;
	trace_event(r, c, e);
	switch (e->kind) {
	case LINK_OPENED:
		keep = false;
		break;
	case LINK_HTTP:
		c->switched |= e->status == 101;
		check_forbids(r, c, e);
		break;
	case LINK_FRAME:
		keep = frame(r, c, e);
		break;
	case LINK_ENDED:
		c->end = e;
		check_ours(r, e);
		check_forbids(r, c, e);
		break;
	}
	if (r->state == RUN_WATCHED && keep && e->kind == LINK_FRAME &&
	    e->type == DERP_RECV_PACKET && !is_ignored(c, e->type))
		late_packet(r, c, e);
	if (r->state == RUN_WATCHED && e->kind != LINK_ENDED)
		keep = false;
	if (!keep && c->link)
		link_drop(c->link, e);
}

void event_scan(struct run *r)
{
	struct link_event *e, *next;
	struct conn *c;

	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		c = &r->conns[i];
		for (e = c->link ? c->link->events : NULL; e; e = next) {
			next = e->next;
			if (!(e->mark & MARK_SEEN))
				scan_event(r, c, e);
		}
	}
}

struct link_event *event_left_packet(struct run *r, struct conn **out)
{
	struct link_event *e;

	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		*out = &r->conns[i];
		for (e = (*out)->link ? (*out)->link->events : NULL; e;
		     e = e->next)
			if (e->kind == LINK_FRAME &&
			    e->type == DERP_RECV_PACKET &&
			    !(e->mark & MARK_USED) &&
			    !is_ignored(*out, DERP_RECV_PACKET))
				return e;
	}
	return NULL;
}

struct conn *event_bad_end(struct run *r)
{
	struct conn *c;

	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		c = &r->conns[i];
		if (c->end == NULL || c->left)
			continue;
		if (c->end->how == LINK_GARBAGE || c->end->how == LINK_FLOOD)
			return c;
		if (c->logged_in && !(r->c->named[i] & SCENARIO_NAMES_CLOSED))
			return c;
	}
	return NULL;
}
