/*
 * run.c - one case from its first step to its verdict, and after it.
 *
 * A run is driven by news: run_go() does as many steps as it can and returns
 * when one has to wait.  It never waits itself, and never calls the engine
 * back before it is done with its own state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derp_box.h"
#include "run.h"

/* --cut: megabytes in single bytes would take longer than any limit. */
#define CUT_MOST 256
#define STEPS_A_TURN 500 /* then others get their turn */

static uint64_t us(uint64_t ms)
{
	return ms * 1000;
}

/* ---- verdicts -------------------------------------------------------- */

static void finish(struct run *r, enum verdict v)
{
	r->result->verdict = v;
	r->result->ms = (uint32_t)((link_now_us() - r->began_us) / 1000);
	r->state = RUN_ENDED;
	ev_timer_stop(r->stage->loop, &r->timer);
	if (v != VERDICT_PASS || r->stage->o->keep_trace)
		trace_keep(r);
}

enum poll run_fail(struct run *r, enum verdict v, struct scenario_pos at,
		   const char *reason)
{
	struct result *res = r->result;

	if (r->state == RUN_ENDED || r->failed_late)
		return POLL_FAILED;
	res->at = at;
	if (reason[0])
		snprintf(res->reason, sizeof(res->reason), "%s", reason);
	else
		snprintf(res->reason, sizeof(res->reason),
			 "expected %.110s; got %.110s", res->expected,
			 res->actual);
	if (r->state == RUN_WATCHED) {
		r->failed_late = true;
		res->late = true;
		res->verdict = v;
		trace_keep(r);
		return POLL_FAILED;
	}
	finish(r, v);
	return POLL_FAILED;
}

enum poll run_broken(struct run *r)
{
	struct scenario_pos nowhere = { 0, 0 };
	/* A server that never showed a good key is to blame, not the suite. */
	enum verdict v = r->env.keyless ? VERDICT_FAIL : VERDICT_ERROR;

	return run_fail(r, v, r->step ? r->step->pos : nowhere, r->env.error);
}

/* All steps are done. */
static void judge(struct run *r)
{
	struct scenario_pos nowhere = { 0, 0 };
	struct conn *c;
	struct link_event *e = event_left_packet(r, &c);
	char text[100];

	r->result->expected[0] = '\0';
	if (e == NULL) {
		finish(r, VERDICT_PASS);
		return;
	}
	show_event(r, r->result->actual, sizeof(r->result->actual), e);
	snprintf(r->result->expected, sizeof(r->result->expected),
		 "no packet that the case does not name");
	snprintf(text, sizeof(text), "%s got a packet that nothing expects",
		 r->c->conns[c->index]);
	run_fail(r, VERDICT_FAIL, nowhere, text);
}

static enum poll bad_end(struct run *r, const struct conn *c)
{
	struct scenario_pos nowhere = { 0, 0 };
	char text[100];

	snprintf(r->result->expected, sizeof(r->result->expected),
		 "%s stays open: no step says that it is closed",
		 r->c->conns[c->index]);
	show_end(r->result->actual, sizeof(r->result->actual), c->end);
	snprintf(text, sizeof(text),
		 "the server ended %s: ", r->c->conns[c->index]);
	strncat(text, r->result->actual, sizeof(text) - strlen(text) - 1);
	return run_fail(r, VERDICT_FAIL, r->step ? r->step->pos : nowhere,
			text);
}

/* ---- steps ----------------------------------------------------------- */

/* Enter a loop; its body follows as the next step. */
static enum poll enter(struct run *r)
{
	struct loop_level *l;
	uint64_t rounds;

	if (!value_num(&r->env, r->step->expr, &rounds))
		return run_broken(r);
	if (rounds > SCENARIO_ROUNDS_MAX) {
		snprintf(r->env.error, sizeof(r->env.error),
			 "line %u: a loop has at most %d rounds",
			 r->step->pos.line, SCENARIO_ROUNDS_MAX);
		return run_broken(r);
	}
	if (rounds == 0 || r->step->body == NULL)
		return POLL_DONE;
	l = &r->level[++r->depth];
	l->loop = r->step;
	l->next = r->step->body;
	l->round = 0;
	l->rounds = rounds;
	value_set_num(&r->env, r->step->var, 0);
	return POLL_DONE;
}

static enum poll let(struct run *r)
{
	struct buf b = { 0 };
	bool good = value_bytes(&r->env, r->step->expr, &b);

	if (good && !value_set_bytes(&r->env, r->step->var, b.at, b.len)) {
		snprintf(r->env.error, sizeof(r->env.error), "out of memory");
		good = false;
	}
	buf_free(&b);
	return good ? POLL_DONE : run_broken(r);
}

static enum poll poll_step(struct run *r)
{
	struct conn *c = r->step->conn == SCENARIO_NO_CONN
				 ? NULL
				 : &r->conns[r->step->conn];

	switch (r->step->kind) {
	case STEP_ACTION:
		return action_poll(r, c);
	case STEP_SEND:
		return send_poll(r, c);
	case STEP_EXPECT:
		return expect_poll(r, c);
	case STEP_ABSENT:
		return absent_poll(r, c);
	case STEP_FENCE:
		return fence_poll(r, c);
	case STEP_SETTLE:
	case STEP_WAIT:
		return POLL_WAIT;
	case STEP_REPEAT:
		return enter(r);
	case STEP_LET:
		return let(r);
	case STEP_CALL:
		snprintf(r->env.error, sizeof(r->env.error),
			 "there is no function '%s'", r->step->name);
		return run_broken(r);
	}
	return POLL_FAILED;
}

/* What a step may take until it is over one way or the other. */
static uint64_t patience_ms(const struct run *r)
{
	const struct engine_options *o = r->stage->o;
	const struct scenario_step *s = r->step;

	if (s->kind == STEP_WAIT)
		return s->ms;
	if (s->kind == STEP_SETTLE)
		return s->has_ms ? s->ms : o->settle_ms;
	if (s->kind == STEP_EXPECT && s->has_within)
		return s->within_ms;
	if (s->kind == STEP_EXPECT && s->has_after)
		return s->after_ms + o->timeout_ms;
	return o->timeout_ms;
}

static void begin_step(struct run *r, const struct scenario_step *s)
{
	pattern_free(r->patterns);
	r->patterns = NULL;
	r->step = s;
	r->part = 0;
	r->wake_us = 0;
	r->token_len = 0;
	r->note[0] = '\0';
	r->step_us = link_now_us();
	r->step_lag_us = r->stage->lag_us;
	r->given_us = 0;
	r->given = 0;
	r->deadline_us = r->step_us + us(patience_ms(r));
}

/* false: that was the last one. */
static bool next_step(struct run *r)
{
	struct loop_level *l = &r->level[r->depth];

	while (l->next == NULL) {
		if (l->loop == NULL)
			return false;
		if (++l->round < l->rounds) {
			l->next = l->loop->body;
			value_set_num(&r->env, l->loop->var, l->round);
		} else {
			l = &r->level[--r->depth];
		}
	}
	begin_step(r, l->next);
	l->next = r->step->next;
	return true;
}

/* The deadline of the step is over. */
static enum poll out_of_time(struct run *r)
{
	struct conn *c = NULL;

	switch (r->step->kind) {
	case STEP_SETTLE:
		r->unproved = false;
		return POLL_DONE;
	case STEP_WAIT:
	case STEP_SEND:
		return POLL_DONE;
	case STEP_ACTION:
		snprintf(r->result->expected, sizeof(r->result->expected),
			 "%s is done", r->step->word->name);
		break;
	default:
		c = &r->conns[r->step->conn2 == SCENARIO_NO_CONN
				      ? r->step->conn
				      : r->step->conn2];
		break;
	}
	return expect_timeout(r, c);
}

/* ---- driving --------------------------------------------------------- */

/* What lies in the sockets came in time, whatever the clock says now. */
static void read_all(struct run *r)
{
	for (uint32_t i = 0; i < r->c->num_conns; i++)
		if (r->conns[i].link)
			link_read_now(r->conns[i].link);
	event_scan(r);
}

static void begin_settling(struct run *r)
{
	if (!r->unproved) {
		judge(r);
		return;
	}
	r->unproved = false;
	r->step = NULL;
	r->state = RUN_SETTLING;
	r->wake_us = 0;
	r->step_us = link_now_us();
	r->deadline_us = r->step_us + us(r->stage->o->settle_ms);
}

static void over_limit(struct run *r)
{
	struct scenario_pos nowhere = { 0, 0 };
	char text[100];

	snprintf(text, sizeof(text), "the case was not done in %llu ms",
		 (unsigned long long)(r->limit_us - r->began_us) / 1000);
	run_fail(r, VERDICT_FAIL, r->step ? r->step->pos : nowhere, text);
}

/* One step, or a look at a waiting one.  false: wait for news. */
static bool advance(struct run *r)
{
	struct conn *c;
	enum poll p;

	if (link_now_us() >= r->limit_us) {
		over_limit(r);
		return true;
	}
	p = r->state == RUN_SETTLING ? POLL_WAIT : poll_step(r);
	if (p == POLL_WAIT && (c = event_bad_end(r)) != NULL)
		p = bad_end(r, c);
	if (p == POLL_WAIT && link_now_us() >= r->deadline_us) {
		read_all(r);
		if (r->state == RUN_ENDED)
			return true;
		if (r->state == RUN_SETTLING) {
			c = event_bad_end(r);
			if (c)
				bad_end(r, c);
			else
				judge(r);
			return true;
		}
		p = poll_step(r);
		if (p == POLL_WAIT)
			p = out_of_time(r);
	}
	if (p == POLL_WAIT)
		return false;
	if (p == POLL_DONE && !next_step(r)) {
		event_scan(r);
		c = event_bad_end(r);
		if (r->state != RUN_ENDED && c)
			bad_end(r, c);
		else if (r->state != RUN_ENDED)
			begin_settling(r);
	}
	return true;
}

static void arm(struct run *r, uint64_t at)
{
	uint64_t now = link_now_us();

	ev_now_update(r->stage->loop);
	ev_timer_stop(r->stage->loop, &r->timer);
	ev_timer_set(&r->timer, at > now ? (double)(at - now) / 1e6 : 0., 0.);
	ev_timer_start(r->stage->loop, &r->timer);
}

static uint64_t next_look(const struct run *r)
{
	uint64_t at =
		r->deadline_us < r->limit_us ? r->deadline_us : r->limit_us;

	return r->wake_us && r->wake_us < at && r->wake_us > link_now_us()
		       ? r->wake_us
		       : at;
}

static void tell_engine(struct run *r)
{
	if (r->state == RUN_ENDED && !r->told) {
		r->told = true;
		r->ended(r, r->ctx);
	} else if (r->failed_late && !r->told_late) {
		r->told_late = true;
		r->late(r, r->ctx);
	}
}

void run_go(struct run *r)
{
	int budget = STEPS_A_TURN;
	bool more = true;

	if (r->busy)
		return;
	r->busy = true;
	event_scan(r);
	while (more && budget-- > 0 && r->state < RUN_ENDED)
		more = advance(r);
	if (r->state < RUN_ENDED)
		arm(r, more ? link_now_us() : next_look(r));
	r->busy = false;
	tell_engine(r);
}

static void timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	run_go(t->data);
}

/* ---- life ------------------------------------------------------------ */

static void make_keys(struct run *r)
{
	const struct engine_options *o = r->stage->o;
	size_t given = 0;

	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		if ((r->c->key_mask >> i & 1) && given < o->num_keys) {
			memcpy(r->priv[i], o->keys[given].priv, VALUE_KEY_LEN);
			memcpy(r->pub[i], o->keys[given].pub, VALUE_KEY_LEN);
			given++;
			continue;
		}
		seed_bytes(r->priv[i], VALUE_KEY_LEN, o->seed, r->what->name,
			   "key", i);
		derp_public_key(r->pub[i], r->priv[i]);
	}
}

struct run *run_new(struct stage *stage, const struct scenario_instance *what,
		    struct result *result)
{
	struct run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->stage = stage;
	r->what = what;
	r->c = what->of;
	r->result = result;
	r->last_forbid = &r->forbids;
	r->env.seed = stage->o->seed;
	r->env.conn_keys = r->pub;
	r->env.mesh_key = stage->o->mesh_key;
	r->env.c = r->c;
	r->env.name = what->name;
	if (stage->has_server_key) {
		memcpy(r->server_key, stage->server_key, VALUE_KEY_LEN);
		r->env.server_key = r->server_key;
	}
	make_keys(r);
	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		r->conns[i].run = r;
		r->conns[i].index = r->conns[i].key_of = i;
		r->conns[i].cut = stage->o->cut;
		r->conns[i].cut_ms = stage->o->cut ? stage->o->dribble_ms : 0;
		r->conns[i].cut_most = CUT_MOST;
	}
	ev_init(&r->timer, timer);
	r->timer.data = r;
	return r;
}

void run_start(struct run *r)
{
	const struct engine_options *o = r->stage->o;

	r->began_us = r->step_us = link_now_us();
	r->limit_us =
		r->began_us + us(r->c->limit_ms ? r->c->limit_ms : o->case_ms);
	r->level[0].next = r->c->steps;
	r->busy = true;
	if (!value_begin(&r->env, r->what))
		run_broken(r);
	else if (!next_step(r))
		judge(r);
	r->busy = false;
	run_go(r);
}

void run_watch(struct run *r)
{
	struct link_event *e, *next;
	struct link *l;

	r->state = RUN_WATCHED;
	r->token_len = 0;
	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		l = r->conns[i].link;
		if (l == NULL)
			continue;
		for (e = l->events; e; e = next) {
			next = e->next;
			if (e->kind != LINK_ENDED)
				link_drop(l, e);
		}
		link_resume(l);
	}
}

void run_close(struct run *r)
{
	ev_timer_stop(r->stage->loop, &r->timer);
	for (uint32_t i = 0; i < r->c->num_conns; i++)
		if (r->conns[i].link)
			link_close(r->conns[i].link, false);
}

void run_cancel(struct run *r, enum verdict v, const char *reason)
{
	struct scenario_pos nowhere = { 0, 0 };

	if (r->state < RUN_ENDED)
		run_fail(r, v, r->step ? r->step->pos : nowhere, reason);
	tell_engine(r);
}

void run_free(struct run *r)
{
	struct forbid *f, *next;

	if (r == NULL)
		return;
	ev_timer_stop(r->stage->loop, &r->timer);
	for (uint32_t i = 0; i < r->c->num_conns; i++) {
		link_free(r->conns[i].link);
		buf_free(&r->conns[i].pong);
	}
	for (f = r->forbids; f; f = next) {
		next = f->next;
		pattern_free(f->pattern);
		free(f);
	}
	pattern_free(r->patterns);
	buf_free(&r->scratch);
	value_end(&r->env);
	derp_wipe(r->priv, sizeof(r->priv));
	free(r);
}
