/*
 * engine.c - sets a run up, keeps its time, and takes it down.
 *
 * What happens in between is schedule.c; one case is run.c.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "schedule.h"

#define BEAT_MS 10 /* how often we look whether we get to run */
/* Less is the common lot of processes; more means that we were stopped. */
#define BEAT_LATE_MS 50
#define FDS_SPARE 64

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

/* ---- time ------------------------------------------------------------ */

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct engine *e = w->data;

	(void)loop;
	(void)revents;
	while (e->dirty && e->phase != OVER) {
		e->dirty = false;
		schedule_step(e);
	}
}

static void on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	schedule_again(t->data);
}

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
		e->options.case_ms = SCENARIO_CASE_MS;
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
	else if (lim.rlim_cur < 4 * 128)
		e->max_watched_conns = (uint32_t)lim.rlim_cur / 4;
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

static int rank(const struct engine_item *i)
{
	const struct scenario_case *c = i->what->of;

	if (c->exclusive)
		return 2;
	/* The slow ones first: the others fit beside them. */
	return scenario_has(c->tags, "@slow") || c->limit_ms || i->xfail ? 0
									 : 1;
}

static void plan(struct engine *e)
{
	size_t k = 0;

	for (int want = 0; want <= 2; want++)
		for (size_t i = 0; i < e->n; i++)
			if (rank(&e->items[i]) == want)
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
	/* Ctrl-C reaches a server of the same terminal, too: its last words
	 * must not be judged. */
	ev_set_priority(&e->stop, EV_MAXPRI);
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
	stop_wanted = 0;
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
			   probe_text_len()) != 0) {
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
