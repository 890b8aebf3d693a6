/*
 * action.c - what a case does with its connections, besides sending frames.
 *
 *   connect   open TCP
 *   upgrade           ... request, 101, ServerKey
 *   login                                  ... ClientInfo, ServerInfo
 *
 * Each goes on from where the connection stands, so that a case can do the
 * first part by hand and the rest politely.
 */
#include <stdio.h>
#include <string.h>

#include "run.h"

enum { OPEN, CONNECTING, ASK, GREETING, TELL, WELCOME };

static void woken(struct link *l, void *ctx)
{
	struct conn *c = ctx;

	(void)l;
	run_go(c->run);
}

/* A connection that came to an end makes room for a new one. */
static bool conn_open(struct conn *c, const struct scenario_arg *args)
{
	struct stage *s = c->run->stage;
	const struct scenario_arg *a = arg_find(args, ARG_RCVBUF);
	struct conn fresh = { .run = c->run,
			      .index = c->index,
			      .key_of = c->index,
			      .ignored = c->ignored,
			      .cut = c->cut,
			      .cut_ms = c->cut_ms,
			      .cut_most = c->cut_most };
	uint64_t rcvbuf = 0;

	if (a && !value_num(&c->run->env, a->expr, &rcvbuf))
		return false;
	link_free(c->link);
	buf_free(&c->pong);
	*c = fresh;
	c->link = link_new(s->loop, woken, c);
	if (c->link == NULL) {
		snprintf(c->run->env.error, sizeof(c->run->env.error),
			 "out of memory");
		return false;
	}
	link_cut(c->link, c->cut, c->cut_ms);
	c->link->cut_most = c->cut_most;
	link_connect(c->link, s->addr->ai_addr, s->addr->ai_addrlen,
		     (int)rcvbuf);
	return true;
}

void conn_send(struct conn *c, const struct buf *bytes,
	       const struct scenario_word *w)
{
	trace_sent(c->run, c, bytes, w);
	if (c->link)
		link_send(c->link, bytes->at, bytes->len);
}

static enum poll fail(struct run *r, const char *expected, const char *actual)
{
	snprintf(r->result->expected, sizeof(r->result->expected), "%s",
		 expected);
	snprintf(r->result->actual, sizeof(r->result->actual), "%s", actual);
	return run_fail(r, VERDICT_FAIL, r->step->pos, "");
}

static const struct scenario_word *frame_word(const char *name)
{
	return scenario_word_find(WORD_FRAME, name, strlen(name));
}

/* ---- connect, upgrade, login ----------------------------------------- */

static bool wants_fast(const struct run *r)
{
	const struct scenario_arg *a = arg_find(r->step->args, ARG_FAST_START);

	return a ? strcmp(a->word, "yes") == 0 : r->stage->o->fast_start;
}

static enum poll ask(struct run *r, struct conn *c)
{
	struct buf out = { 0 };
	bool fast = wants_fast(r);

	if (!compose_upgrade(r, c, r->step->args, fast, &out)) {
		buf_free(&out);
		return run_broken(r);
	}
	c->asked = true;
	c->plain = !fast;
	conn_send(c, &out, frame_word("http"));
	buf_free(&out);
	return POLL_DONE;
}

static enum poll tell(struct run *r, struct conn *c)
{
	const struct scenario_word *w = frame_word("client-info");
	struct buf out = { 0 };

	if (!compose(r, c, w, r->step->args, &out)) {
		buf_free(&out);
		return run_broken(r);
	}
	c->told = true;
	conn_send(c, &out, w);
	buf_free(&out);
	return POLL_DONE;
}

static struct link_event *first_unused(struct conn *c, enum link_event_kind k,
				       uint32_t type)
{
	struct link_event *e = c->link->events;

	while (e && ((e->mark & MARK_USED) || e->kind != k ||
		     (k == LINK_FRAME && e->type != type)))
		e = e->next;
	return e;
}

static enum poll greeting(struct run *r, struct conn *c)
{
	struct link_event *e = first_unused(c, LINK_HTTP, 0);
	char text[200];

	if (e) {
		e->mark |= MARK_USED;
		show_event(r, text, sizeof(text), e);
		if (e->status != 101)
			return fail(r, "http status=101", text);
		if (!c->plain)
			return fail(r, "server-key without an http answer",
				    text);
	}
	e = first_unused(c, LINK_FRAME, DERP_SERVER_KEY);
	if (e == NULL)
		return c->greeted ? POLL_DONE : POLL_WAIT;
	e->mark |= MARK_USED;
	show_event(r, text, sizeof(text), e);
	if (!c->greeted)
		return fail(r, "server-key of 40 bytes or more", text);
	if (c->plain && !c->switched)
		return fail(r, "http status=101 before server-key", text);
	return POLL_DONE;
}

static enum poll welcome(struct run *r, struct conn *c)
{
	struct scenario_match m = { .word = frame_word("server-info") };
	struct pattern p = { .match = &m };
	struct link_event *e = first_unused(c, LINK_FRAME, DERP_SERVER_INFO);
	char text[120], why[250];

	if (e == NULL)
		return POLL_WAIT;
	e->mark |= MARK_USED;
	if (pattern_fits(r, c, &p, e))
		return POLL_DONE;
	show_event(r, text, sizeof(text), e);
	snprintf(why, sizeof(why), "%s: %.120s", text, r->note);
	return fail(r, "server-info that opens", why);
}

static enum poll waits_for(struct run *r, struct conn *c)
{
	static const char *const what[] = {
		[OPEN] = "a connection", [CONNECTING] = "a connection",
		[ASK] = "a connection",  [GREETING] = "server-key",
		[TELL] = "server-info",  [WELCOME] = "server-info",
	};
	char text[200];

	if (c->end == NULL)
		return POLL_WAIT;
	show_end(text, sizeof(text), c->end);
	return fail(r, what[r->part], text);
}

/* One part after the other, as far as they go. */
static enum poll open_part(struct run *r, struct conn *c)
{
	switch (r->part) {
	case OPEN:
		if ((c->link == NULL || c->end || c->left) &&
		    !conn_open(c, r->step->args))
			return run_broken(r);
		return POLL_DONE;
	case CONNECTING:
		return c->link->opened ? POLL_DONE : POLL_WAIT;
	case ASK:
		return c->asked || c->greeted ? POLL_DONE : ask(r, c);
	case GREETING:
		return greeting(r, c);
	case TELL:
		return c->told ? POLL_DONE : tell(r, c);
	default:
		return welcome(r, c);
	}
}

static enum poll open_poll(struct run *r, struct conn *c)
{
	enum scenario_word_id id = r->step->word->id;
	uint32_t last = id == DO_CONNECT   ? CONNECTING
			: id == DO_UPGRADE ? GREETING
					   : WELCOME;
	enum poll p;

	while (r->part <= last) {
		p = open_part(r, c);
		if (p == POLL_WAIT)
			return waits_for(r, c);
		if (p == POLL_FAILED)
			return p;
		r->part++;
	}
	return POLL_DONE;
}

/* ---- the others ------------------------------------------------------ */

static enum poll leave(struct conn *c, bool reset)
{
	if (!reset && !link_sent(c->link) && !c->end)
		return POLL_WAIT;
	link_close(c->link, reset);
	c->left = true;
	trace_note(c->run, c, reset ? "we close (RST)" : "we close (FIN)");
	return POLL_DONE;
}

static enum poll set_cut(struct run *r, struct conn *c)
{
	const struct scenario_arg *n = arg_find(r->step->args, ARG_COUNT);
	const struct scenario_arg *ms = arg_find(r->step->args, ARG_PAUSE);
	uint64_t v = 0;

	if (n && !value_num(&r->env, n->expr, &v))
		return run_broken(r);
	if (n && v == 0) {
		snprintf(r->env.error, sizeof(r->env.error),
			 "line %u: a cut of 0 bytes", n->pos.line);
		return run_broken(r);
	}
	c->cut = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
	c->cut_ms = ms ? ms->ms : 0;
	c->cut_most = 0;
	if (c->link) {
		link_cut(c->link, c->cut, c->cut_ms);
		c->link->cut_most = 0;
	}
	return POLL_DONE;
}

static enum poll ignore(struct run *r, struct conn *c)
{
	const struct scenario_arg *a = arg_find(r->step->args, ARG_FRAME);
	struct link_event *e, *next;

	c->ignored |= SCENARIO_NAMES(a->frame->type);
	for (e = c->link ? c->link->events : NULL; e; e = next) {
		next = e->next;
		if (e->kind == LINK_FRAME && e->type == a->frame->type)
			link_drop(c->link, e);
	}
	return POLL_DONE;
}

/* The parser saw it opened above, but a loop may have had no round. */
static enum poll not_open(struct run *r)
{
	snprintf(r->env.error, sizeof(r->env.error),
		 "line %u: the connection is not open", r->step->pos.line);
	return run_broken(r);
}

enum poll action_poll(struct run *r, struct conn *c)
{
	enum scenario_word_id id = r->step->word->id;

	if (id == DO_CONNECT || id == DO_UPGRADE || id == DO_LOGIN)
		return open_poll(r, c);
	if (id == DO_CUT || id == DO_DRIBBLE || id == DO_WHOLE)
		return set_cut(r, c);
	if (id == DO_IGNORE)
		return ignore(r, c);
	if (c->link == NULL)
		return not_open(r);
	switch (id) {
	case DO_CLOSE:
		return leave(c, false);
	case DO_RESET:
		return leave(c, true);
	case DO_SHUTDOWN:
		if (r->part++ == 0)
			link_shutdown(c->link);
		return link_sent(c->link) ? POLL_DONE : POLL_WAIT;
	case DO_PAUSE:
		link_pause(c->link);
		return POLL_DONE;
	case DO_RESUME:
		link_resume(c->link);
		return POLL_DONE;
	case DO_HOLD:
		c->holding = true;
		link_hold(c->link);
		return POLL_DONE;
	case DO_FLUSH:
		if (r->part++ == 0)
			link_flush(c->link);
		c->holding = false;
		return link_sent(c->link) ? POLL_DONE : POLL_WAIT;
	default:
		return not_open(r);
	}
}
