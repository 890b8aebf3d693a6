/*
 * schedule.h - the engine's state, between schedule.c (which case runs when,
 * what a verdict is worth) and engine.c (setting up, time, the end).  Private
 * to the two.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "run.h"

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
	uint32_t num_running, num_doomed; /* of these, expected to fail */
	uint32_t num_watched_conns, max_watched_conns;

	enum phase phase;
	enum engine_end end;
	char *why;
	size_t why_cap;
	bool dirty;

	struct scenario *probe_case;
	struct run *probe;
	struct result probe_result;
	size_t probe_level;     /* which of the probe's cases is asked */
	char first_actual[256]; /* what the first probe of all met */
	uint32_t tries;
	bool probe_done;
	struct addrinfo *addrs;

	struct ev_loop *loop;
	ev_prepare prepare;
	ev_timer beat, total, again;
	ev_async stop;
	uint64_t beat_us;
};

/* Say in one line why the run does not end as it should. */
void say_why(struct engine *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void set_result(struct engine *e, size_t i, enum verdict v, const char *reason);
void commit(struct engine *e, size_t i); /* the result is final */
/* Everything that has no verdict gets this one. */
void close_books(struct engine *e, enum verdict v, const char *reason);
/* End the run now, keeping what is there. */
void interrupt(struct engine *e, enum engine_end end, enum verdict v,
	       const char *running, const char *todo);
/* Ask the server for a sign of life. */
void probe_batch(struct engine *e);
/* `again` is over: a pause between two probes, or the quiet before the last. */
void schedule_again(struct engine *e);
/* Decide what is next; called before the loop sleeps, while dirty. */
void schedule_step(struct engine *e);

extern const char probe_text[];
size_t probe_text_len(void);

#endif
