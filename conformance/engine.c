/*
 * engine.c - which case runs when, and is the server still there?
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
 * Callbacks of runs only set `dirty`; everything is decided in step(), which
 * runs before the loop sleeps.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "run.h"

#define BEAT_MS 10 /* how often we look whether we get to run */
#define BEAT_LATE_MS 5
#define PROBE_TRIES 3
#define PROBE_PAUSE_MS 50
#define FDS_SPARE 64

enum phase { FIRST, RUN, SUSPECTS, QUIET, LAST, OVER };
enum item_state { TODO, RUNNING, PENDING, PROBED, DONE };

struct job {
	enum item_state state;
	bool hostile, suspect;
};

struct engine {
	struct stage stage;
	const struct engine_options *o;
	struct engine_options options; /* with the defaults filled in */
	const struct engine_hooks *hooks;
	const struct engine_item *items;
	struct result *results;
	size_t n;
	struct job *jobs;
	size_t *order, next; /* the next of order[] to look at */
	struct run *running, *watched, *failed;
	uint32_t num_running, num_watched_conns, max_watched_conns;

	enum phase phase;
	enum engine_end end;
	char *why;
	size_t why_cap;
	bool dirty;

	struct scenario *probe_case;
	struct run *probe;
	struct result probe_result;
	uint32_t tries;
	bool probe_done;
	struct addrinfo *addrs;

	struct ev_loop *loop;
	ev_prepare prepare;
	ev_timer beat, total, again;
	ev_async stop;
	uint64_t beat_us;
};

/* engine_stop() comes from a signal handler and has no argument. */
static struct engine *volatile current;
static volatile sig_atomic_t stop_wanted;

void engine_stop(void)
{
	struct engine *e = current;

	stop_wanted = 1;
	if (e)
		ev_async_send(e->loop, &e->stop);
}

static void say_why(struct engine *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say_why(struct engine *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->why, e->why_cap, fmt, ap);
	va_end(ap);
}

/* ---- results --------------------------------------------------------- */

static void set_result(struct engine *e, size_t i, enum verdict v,
		       const char *reason)
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

static void commit(struct engine *e, size_t i)
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
	if (e->hooks && e->hooks->started)
		e->hooks->started(e->hooks->ctx, e->items[i].what);
	run_start(r);
	return true;
}

/* ---- probes ---------------------------------------------------------- */

static const char probe_text[] = "case engine.probe\n"
				 "req ENGINE\n"
				 "title The server logs us in and answers\n"
				 "A: login\n"
				 "A< open\n";

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
	e->probe_result.what = &e->probe_case->instances[0];
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

static void probe_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	probe_start(t->data);
}

static bool probing(const struct engine *e)
{
	return e->probe != NULL || ev_is_active(&e->again);
}

/* Ask the server for a sign of life on behalf of all that wait for one. */
static void probe_batch(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->jobs[i].state == PENDING)
			e->jobs[i].state = PROBED;
	e->tries = 0;
	probe_start(e);
}

/* 1: it lives.  0: still asking.  -1: it does not answer. */
static int probe_result(struct engine *e)
{
	bool good = e->probe_result.verdict == VERDICT_PASS;

	e->probe_done = false;
	if (good) {
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
static void close_books(struct engine *e, enum verdict v, const char *reason)
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

static void interrupt(struct engine *e, enum engine_end end, enum verdict v,
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
	if (e->phase == FIRST) {
		close_books(e, VERDICT_SKIP,
			    "not run: the server cannot be reached");
		say_why(e, "cannot log in to %s: %s", e->stage.host_line,
			e->probe_result.actual);
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
	if (e->phase == FIRST)
		e->phase = RUN;
	else if (e->phase == LAST)
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

static bool may_start(const struct engine *e, size_t i)
{
	bool alone = e->items[i].what->of->exclusive;

	if (alone)
		return e->num_running == 0 && !probing(e) && !any(e, PENDING);
	return e->num_running < e->o->jobs;
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

static void step(struct engine *e)
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

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct engine *e = w->data;

	(void)loop;
	(void)revents;
	while (e->dirty && e->phase != OVER) {
		e->dirty = false;
		step(e);
	}
}

static void on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct engine *e = t->data;

	if (e->phase == QUIET) {
		e->phase = LAST;
		e->tries = 0;
	}
	probe_again(loop, t, revents);
}

/* ---- time ------------------------------------------------------------ */

static void on_beat(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct engine *e = t->data;
	uint64_t now = link_now_us(), late;

	(void)loop;
	(void)revents;
	late = now - e->beat_us;
	if (late > (BEAT_MS + BEAT_LATE_MS) * 1000)
		e->stage.lag_us += late - BEAT_MS * 1000;
	e->beat_us = now;
}

static void on_total(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	interrupt(t->data, ENGINE_TIME, VERDICT_INCONC,
		  "the time of the whole run was over",
		  "not run: the time of the whole run was over");
}

static void on_stop(struct ev_loop *loop, ev_async *a, int revents)
{
	(void)loop;
	(void)revents;
	interrupt(a->data, ENGINE_STOPPED, VERDICT_SKIP, "interrupted",
		  "not run: interrupted");
}

/* ---- begin and end --------------------------------------------------- */

static void defaults(struct engine *e, const struct engine_options *o)
{
	e->options = *o;
	if (e->options.timeout_ms == 0)
		e->options.timeout_ms = 2000;
	if (e->options.settle_ms == 0)
		e->options.settle_ms = 50;
	if (e->options.case_ms == 0)
		e->options.case_ms = 10000;
	if (e->options.jobs == 0)
		e->options.jobs = 16;
	if (e->options.keys)
		e->options.jobs = 1;
	e->o = e->stage.o = &e->options;
}

static bool resolve(struct engine *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	bool v6 = strchr(e->o->host, ':') != NULL;
	int err;

	snprintf(e->stage.host_line, sizeof(e->stage.host_line),
		 v6 ? "[%s]:%s" : "%s:%s", e->o->host, e->o->port);
	err = getaddrinfo(e->o->host, e->o->port, &hints, &e->addrs);
	if (err) {
		say_why(e, "cannot find %s: %s", e->stage.host_line,
			gai_strerror(err));
		return false;
	}
	e->stage.addr = e->addrs;
	if (e->o->host_line)
		snprintf(e->stage.host_line, sizeof(e->stage.host_line), "%s",
			 e->o->host_line);
	return true;
}

/* Watching costs a descriptor a connection. */
static void raise_limit(struct engine *e)
{
	struct rlimit lim;

	e->max_watched_conns = 128;
	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	if (lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max < 16384 ? lim.rlim_max : 16384;
		setrlimit(RLIMIT_NOFILE, &lim);
		getrlimit(RLIMIT_NOFILE, &lim);
	}
	if (lim.rlim_cur > 2 * FDS_SPARE)
		e->max_watched_conns = (uint32_t)(lim.rlim_cur - FDS_SPARE) / 2;
}

/* NULL, or why this item cannot run here. */
static const char *cannot_run(const struct engine *e, size_t i, char *text,
			      size_t cap)
{
	const struct scenario_case *c = e->items[i].what->of;

	if (e->items[i].skip)
		return e->items[i].skip;
	if (scenario_has(c->needs, "mesh") && e->o->mesh_key == NULL)
		return "needs a mesh key; give --mesh-key FILE";
	if (e->o->keys && c->num_keys > e->o->num_keys) {
		snprintf(text, cap, "needs %u client keys, there are %zu",
			 c->num_keys, e->o->num_keys);
		return text;
	}
	return NULL;
}

static int rank(const struct scenario_case *c)
{
	if (c->exclusive)
		return 2;
	/* The slow ones first: the others fit beside them. */
	return scenario_has(c->tags, "@slow") || c->limit_ms ? 0 : 1;
}

static void plan(struct engine *e)
{
	size_t k = 0;

	for (int want = 0; want <= 2; want++)
		for (size_t i = 0; i < e->n; i++)
			if (rank(e->items[i].what->of) == want)
				e->order[k++] = i;
}

static void begin_results(struct engine *e)
{
	const char *why;
	char text[100];

	for (size_t i = 0; i < e->n; i++) {
		memset(&e->results[i], 0, sizeof(e->results[i]));
		e->results[i].what = e->items[i].what;
		e->results[i].verdict = VERDICT_NONE;
		e->jobs[i].hostile =
			scenario_has(e->items[i].what->of->tags, "@hostile");
	}
	for (size_t i = 0; i < e->n; i++) {
		why = cannot_run(e, i, text, sizeof(text));
		if (why) {
			set_result(e, i, VERDICT_SKIP, why);
			commit(e, i);
		}
	}
}

static void watchers(struct engine *e)
{
	double total = e->o->total_ms / 1000.;

	ev_prepare_init(&e->prepare, on_prepare);
	ev_timer_init(&e->beat, on_beat, BEAT_MS / 1000., BEAT_MS / 1000.);
	ev_timer_init(&e->total, on_total, total, 0.);
	ev_init(&e->again, on_again);
	ev_async_init(&e->stop, on_stop);
	e->prepare.data = e->beat.data = e->total.data = e;
	e->again.data = e->stop.data = e;
	ev_prepare_start(e->loop, &e->prepare);
	ev_timer_start(e->loop, &e->beat);
	if (e->o->total_ms)
		ev_timer_start(e->loop, &e->total);
	ev_async_start(e->loop, &e->stop);
	e->beat_us = link_now_us();
}

static void free_runs(struct run *list)
{
	struct run *next;

	for (; list; list = next) {
		next = list->next;
		run_free(list);
	}
}

static void go(struct engine *e)
{
	watchers(e);
	current = e;
	if (stop_wanted)
		ev_async_send(e->loop, &e->stop);
	probe_batch(e);
	ev_run(e->loop, 0);
	current = NULL;
	ev_prepare_stop(e->loop, &e->prepare);
	ev_timer_stop(e->loop, &e->beat);
	ev_timer_stop(e->loop, &e->total);
	ev_timer_stop(e->loop, &e->again);
	ev_async_stop(e->loop, &e->stop);
	free_runs(e->running);
	free_runs(e->watched);
	free_runs(e->failed);
	run_free(e->probe);
}

static bool prepare_engine(struct engine *e)
{
	e->jobs = calloc(e->n + 1, sizeof(*e->jobs));
	e->order = calloc(e->n + 1, sizeof(*e->order));
	e->probe_case = scenario_new();
	e->loop = e->stage.loop = ev_loop_new(EVFLAG_AUTO);
	if (e->jobs == NULL || e->order == NULL || e->probe_case == NULL ||
	    e->loop == NULL ||
	    scenario_parse(e->probe_case, "probe", probe_text,
			   sizeof(probe_text) - 1) != 0) {
		say_why(e, "out of memory");
		return false;
	}
	return true;
}

static void free_engine(struct engine *e)
{
	free(e->jobs);
	free(e->order);
	result_clear(&e->probe_result);
	scenario_free(e->probe_case);
	if (e->addrs)
		freeaddrinfo(e->addrs);
	if (e->loop)
		ev_loop_destroy(e->loop);
}

enum engine_end engine_run(struct result *results, char *why, size_t cap,
			   const struct engine_options *o,
			   const struct engine_item *items, size_t n,
			   const struct engine_hooks *hooks)
{
	struct engine e = { .items = items,
			    .results = results,
			    .n = n,
			    .hooks = hooks,
			    .why = why,
			    .why_cap = cap,
			    .end = ENGINE_DONE };

	why[0] = '\0';
	defaults(&e, o);
	e.stage.hooks = hooks;
	if (!prepare_engine(&e)) {
		free_engine(&e);
		return ENGINE_BROKEN;
	}
	begin_results(&e);
	plan(&e);
	raise_limit(&e);
	if (resolve(&e)) {
		go(&e);
	} else {
		close_books(&e, VERDICT_SKIP,
			    "not run: the server cannot be reached");
		e.end = ENGINE_UNREACHABLE;
	}
	free_engine(&e);
	return e.end;
}
