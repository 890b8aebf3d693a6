/*
 * schedule.c - which case runs when, and is the server still there?
 *
 *   FIRST probe --> RUN side by side, exclusive ones last and alone
 *                    |   ^
 *                    v   | all suspects done
 *                  SUSPECTS  one by one, after a crash and a revival
 *                    |
 *                    +--> QUIET (late frames) --> LAST probe --> OVER
 *
 * A result that is bad, or of a hostile case, waits for a probe: when the
 * probe logs in, the verdict stands; when not, the server has crashed.
 *
 * Callbacks of runs only set `dirty`; everything is decided in schedule_step(),
 * which runs before the loop sleeps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

#define PROBE_TRIES 3
#define PROBE_PAUSE_MS 50
#define DOOMED_MAX 64 /* expected failures at a time */

void say_why(struct engine *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->why, e->why_cap, fmt, ap);
	va_end(ap);
}

/* ---- results --------------------------------------------------------- */

void set_result(struct engine *e, size_t i, enum verdict v, const char *reason)
{
	struct result *r = &e->results[i];

	r->verdict = v;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

/* What the baseline says of it turns FAIL and PASS around. */
static void apply_baseline(struct engine *e, size_t i)
{
	struct result *r = &e->results[i];

	if (e->items[i].xfail == NULL)
		return;
	if (r->verdict == VERDICT_FAIL) {
		r->verdict = VERDICT_XFAIL;
	} else if (r->verdict == VERDICT_PASS) {
		r->verdict = VERDICT_XPASS;
		snprintf(r->reason, sizeof(r->reason),
			 "passed, but the baseline says: %.200s",
			 e->items[i].xfail);
	}
}

void commit(struct engine *e, size_t i)
{
	apply_baseline(e, i);
	e->jobs[i].state = DONE;
	e->jobs[i].suspect = false;
	if (e->hooks && e->hooks->done)
		e->hooks->done(e->hooks->ctx, &e->results[i]);
}

/* ---- runs ------------------------------------------------------------ */

static void unlist(struct run **list, struct run *r)
{
	while (*list && *list != r)
		list = &(*list)->next;
	if (*list)
		*list = r->next;
	r->next = NULL;
}

static void push(struct run **list, struct run *r)
{
	r->next = *list;
	*list = r;
}

/* Keep its connections open, within what the system lets us have. */
static void watch(struct engine *e, struct run *r)
{
	struct run *old;

	if (e->o->keys) {
		/* The next case may use the same keys. */
		run_close(r);
		push(&e->failed, r);
		return;
	}
	run_watch(r);
	push(&e->watched, r);
	e->num_watched_conns += r->c->num_conns;
	while (e->num_watched_conns > e->max_watched_conns) {
		for (old = e->watched; old->next;)
			old = old->next;
		unlist(&e->watched, old);
		e->num_watched_conns -= old->c->num_conns;
		run_close(old);
		push(&e->failed, old);
	}
}

static void run_ended(struct run *r, void *ctx)
{
	struct engine *e = ctx;
	struct job *j = &e->jobs[r->item];
	enum verdict v = e->results[r->item].verdict;

	unlist(&e->running, r);
	e->num_running--;
	e->num_doomed -= e->items[r->item].xfail != NULL;
	e->dirty = true;
	if (v == VERDICT_PASS) {
		watch(e, r);
	} else {
		run_close(r);
		push(&e->failed, r);
	}
	if (v == VERDICT_FAIL || v == VERDICT_INCONC || j->hostile ||
	    j->suspect)
		j->state = PENDING;
	else
		commit(e, r->item);
}

static void run_late(struct run *r, void *ctx)
{
	struct engine *e = ctx;
	size_t i = r->item;

	if (e->phase == OVER)
		return;
	apply_baseline(e, i);
	if (e->jobs[i].state == DONE && e->hooks && e->hooks->changed)
		e->hooks->changed(e->hooks->ctx, &e->results[i]);
}

static bool start(struct engine *e, size_t i)
{
	struct run *r = run_new(&e->stage, e->items[i].what, &e->results[i]);

	if (r == NULL) {
		set_result(e, i, VERDICT_ERROR, "out of memory");
		commit(e, i);
		return false;
	}
	r->ended = run_ended;
	r->late = run_late;
	r->ctx = e;
	r->item = i;
	e->jobs[i].state = RUNNING;
	push(&e->running, r);
	e->num_running++;
	e->num_doomed += e->items[i].xfail != NULL;
	if (e->hooks && e->hooks->started)
		e->hooks->started(e->hooks->ctx, e->items[i].what);
	run_start(r);
	return true;
}

/* ---- probes ---------------------------------------------------------- */

/* What is asked of a server before it is judged: the first of these that it
 * can do.  Who cannot answer a ping is judged all the same, if it does as much
 * as greet like a DERP server; what it cannot do is no sign of life later. */
const char probe_text[] = "case engine.answers\n"
			  "req ENGINE\n"
			  "title The server logs us in and answers\n"
			  "A: login; A: ignore recv\n"
			  "A< open\n"
			  "case engine.logs-in\n"
			  "req ENGINE\n"
			  "title The server logs us in\n"
			  "A: login\n"
			  "A! closed\n"
			  "case engine.greets\n"
			  "req ENGINE\n"
			  "title The server greets\n"
			  "A: connect\n"
			  "A> http\n"
			  "A< raw type=0x01\n";

size_t probe_text_len(void)
{
	return sizeof(probe_text) - 1;
}

static void probe_ended(struct run *r, void *ctx)
{
	struct engine *e = ctx;

	(void)r;
	e->probe_done = true;
	e->dirty = true;
}

static void probe_start(struct engine *e)
{
	result_clear(&e->probe_result);
	e->probe_result.what = &e->probe_case->instances[e->probe_level];
	e->probe = run_new(&e->stage, e->probe_result.what, &e->probe_result);
	if (e->probe == NULL) {
		e->end = ENGINE_BROKEN;
		say_why(e, "out of memory");
		e->phase = OVER;
		return;
	}
	e->probe->ended = probe_ended;
	e->probe->late = probe_ended;
	e->probe->ctx = e;
	run_start(e->probe);
}

static bool probing(struct engine *e)
{
	return e->probe != NULL || ev_is_active(&e->again);
}

/* Ask the server for a sign of life on behalf of all that wait for one. */
void probe_batch(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->jobs[i].state == PENDING)
			e->jobs[i].state = PROBED;
	e->tries = 0;
	probe_start(e);
}

/* The next lower level of the first probe; false: there is none. */
static bool ask_for_less(struct engine *e)
{
	if (e->probe_level == 0)
		snprintf(e->first_actual, sizeof(e->first_actual), "%s",
			 e->probe_result.actual);
	if (e->probe_level + 1 == e->probe_case->num_instances)
		return false;
	e->probe_level++;
	e->stage.addr = e->addrs;
	probe_start(e);
	return true;
}

/* 1: it lives.  0: still asking.  -1: it does not answer. */
static int probe_result(struct engine *e)
{
	bool good = e->probe_result.verdict == VERDICT_PASS;

	e->probe_done = false;
	if (good && e->probe->env.server_key != NULL) {
		memcpy(e->stage.server_key, e->probe->server_key,
		       VALUE_KEY_LEN);
		e->stage.has_server_key = true;
	}
	run_close(e->probe);
	run_free(e->probe);
	e->probe = NULL;
	if (good)
		return 1;
	if (e->phase == FIRST && e->stage.addr->ai_next) {
		e->stage.addr = e->stage.addr->ai_next;
		probe_start(e);
		return 0;
	}
	if (e->phase == FIRST && ask_for_less(e))
		return 0;
	if (e->phase == FIRST || ++e->tries >= PROBE_TRIES)
		return -1;
	ev_now_update(e->loop);
	ev_timer_set(&e->again, PROBE_PAUSE_MS / 1000., 0.);
	ev_timer_start(e->loop, &e->again);
	return 0;
}

/* ---- the end --------------------------------------------------------- */

static void cancel_running(struct engine *e, const char *reason)
{
	while (e->running)
		run_cancel(e->running, VERDICT_INCONC, reason);
}

/* Everything that has no verdict gets this one. */
void close_books(struct engine *e, enum verdict v, const char *reason)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->jobs[i].state == DONE)
			continue;
		if (e->jobs[i].state == TODO)
			set_result(e, i, v, reason);
		commit(e, i);
	}
}

static void finish(struct engine *e, enum engine_end end)
{
	e->phase = OVER;
	e->end = end;
	ev_break(e->loop, EVBREAK_ALL);
}

void interrupt(struct engine *e, enum engine_end end, enum verdict v,
	       const char *running, const char *todo)
{
	if (e->phase == OVER)
		return;
	if (e->phase == FIRST)
		todo = "not run: the first login was not done yet";
	e->phase = OVER;
	cancel_running(e, running);
	close_books(e, v, todo);
	say_why(e, "%s", running);
	finish(e, end);
}

/* ---- crashes --------------------------------------------------------- */

static bool is_suspect(const struct engine *e, size_t i)
{
	return e->jobs[i].state == RUNNING || e->jobs[i].state == PROBED ||
	       e->jobs[i].state == PENDING;
}

static void crashed(struct engine *e, size_t i)
{
	char reason[200];

	snprintf(reason, sizeof(reason),
		 "the server stopped answering in or after this case: %.120s",
		 e->probe_result.actual);
	set_result(e, i, VERDICT_CRASH, reason);
	commit(e, i);
}

/* Nobody can start the server again: blame those that ended in the crash. */
static void gone(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		if ((e->jobs[i].state == PROBED ||
		     e->jobs[i].state == PENDING) &&
		    e->results[i].verdict != VERDICT_INCONC)
			crashed(e, i);
	cancel_running(e, "the server was gone before this case ended");
	close_books(e, VERDICT_INCONC, "not run: the server was gone");
	say_why(e, "%s stopped answering: %s", e->stage.host_line,
		e->probe_result.actual);
	finish(e, ENGINE_GONE);
}

static bool revive(struct engine *e)
{
	return e->hooks && e->hooks->revive &&
	       e->hooks->revive(e->hooks->ctx) == 0;
}

/* All that was in flight is run again, one by one, to name the culprit. */
static void suspect_all(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		e->jobs[i].suspect = is_suspect(e, i);
	cancel_running(e, "");
	for (size_t i = 0; i < e->n; i++)
		if (e->jobs[i].suspect) {
			result_clear(&e->results[i]);
			e->results[i].what = e->items[i].what;
			e->jobs[i].state = TODO;
		}
	e->phase = SUSPECTS;
}

static void no_answer(struct engine *e)
{
	if (e->probe_result.verdict == VERDICT_ERROR) {
		interrupt(e, ENGINE_BROKEN, VERDICT_INCONC,
			  e->probe_result.reason, "not run: see the error");
		return;
	}
	if (e->phase == FIRST) {
		close_books(e, VERDICT_SKIP,
			    "not run: the server cannot be reached");
		say_why(e, "cannot log in to %s: %s", e->stage.host_line,
			e->first_actual);
		finish(e, ENGINE_UNREACHABLE);
		return;
	}
	if (e->phase == SUSPECTS)
		for (size_t i = 0; i < e->n; i++)
			if (e->jobs[i].state == PROBED)
				crashed(e, i);
	if (e->phase == LAST || !revive(e)) {
		gone(e);
		return;
	}
	if (e->phase != SUSPECTS)
		suspect_all(e);
	e->end = ENGINE_GONE;
	say_why(e, "the server crashed, and was started again");
}

/* ---- schedule -------------------------------------------------------- */

static void answered(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->jobs[i].state == PROBED)
			commit(e, i);
	if (e->phase == FIRST) {
		e->phase = RUN;
		if (e->probe_level > 0 && e->hooks && e->hooks->weak)
			e->hooks->weak(e->hooks->ctx, e->first_actual);
	} else if (e->phase == LAST)
		finish(e, e->end);
}

static bool any(const struct engine *e, enum item_state state)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->jobs[i].state == state)
			return true;
	return false;
}

static void run_suspects(struct engine *e)
{
	if (e->num_running || probing(e) || any(e, PENDING))
		return;
	for (size_t i = 0; i < e->n; i++)
		if (e->jobs[i].suspect && e->jobs[i].state == TODO) {
			start(e, i);
			return;
		}
	e->phase = RUN;
	e->next = 0;
	e->dirty = true;
}

static bool may_start(struct engine *e, size_t i)
{
	bool alone = e->items[i].what->of->exclusive;

	if (alone)
		return e->num_running == 0 && !probing(e) && !any(e, PENDING);
	/* Those that wait for what does not come hold up nobody. */
	if (e->items[i].xfail && e->o->jobs > 1)
		return e->num_doomed < DOOMED_MAX;
	return e->num_running - e->num_doomed < e->o->jobs;
}

static void run_more(struct engine *e)
{
	size_t i;

	while (e->next < e->n) {
		i = e->order[e->next];
		if (e->jobs[i].state == TODO) {
			if (!may_start(e, i))
				return;
			start(e, i);
		}
		e->next++;
		if (e->items[i].what->of->exclusive && e->num_running)
			return;
	}
	if (e->num_running || probing(e) || any(e, PENDING))
		return;
	/* What the last cases provoked gets its chance to come. */
	e->phase = QUIET;
	ev_now_update(e->loop);
	ev_timer_set(&e->again, e->o->settle_ms / 1000., 0.);
	ev_timer_start(e->loop, &e->again);
}

void schedule_step(struct engine *e)
{
	int life;

	if (e->probe_done) {
		life = probe_result(e);
		if (life > 0)
			answered(e);
		else if (life < 0)
			no_answer(e);
	}
	if (e->phase != OVER && !probing(e) && any(e, PENDING))
		probe_batch(e);
	if (e->phase == SUSPECTS)
		run_suspects(e);
	if (e->phase == RUN)
		run_more(e);
}

void schedule_again(struct engine *e)
{
	if (e->phase == QUIET) {
		e->phase = LAST;
		e->tries = 0;
	}
	probe_start(e);
}
