/*
 * engine.h - runs case instances against a server and judges them.
 *
 *   items --> [probe] --> up to `jobs` at a time --> results, same order
 *                |              |
 *                |              +-- exclusive ones alone
 *                +-- before the first, after hostile and failed ones, and
 *                    after the last: is the server still there?
 *
 * One libev loop, one thread.  Connections of a finished case stay open and
 * watched until the run ends, so a result can still turn from PASS to FAIL
 * (`changed`).  The results are final when engine_run() returns.
 *
 * Keys and random bytes come from the seed and the instance name only: the
 * same seed gives the same bytes, whatever else is run.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "result.h"

struct engine_key {
	uint8_t priv[32], pub[32];
};

struct engine_options {
	const char *host; /* name or address; "unix:PATH" is not supported */
	const char *port;
	const char *path;      /* NULL: "/derp" */
	const char *host_line; /* NULL: host:port */
	bool fast_start;       /* login with Derp-Fast-Start */
	uint32_t timeout_ms;   /* of an expectation; 0: 2000 */
	uint32_t settle_ms;    /* 0: 50 */
	uint32_t case_ms;      /* limit of a case without `time`; 0: 10000 */
	uint32_t total_ms;     /* limit of the run; 0: none */
	uint32_t jobs;         /* 0: 16 */
	uint64_t seed;
	const uint8_t *mesh_key; /* 32 bytes; NULL: none */
	/* Key pairs for servers that admit only known ones; NULL: the suite
	 * makes its own.  A case that needs more than num_keys is SKIP; with
	 * keys set, cases run one at a time. */
	const struct engine_key *keys;
	size_t num_keys;
	uint32_t cut;        /* at most so many bytes a write; 0: whole */
	uint32_t dribble_ms; /* pause after each cut write */
	bool keep_trace;     /* also of cases that passed */
};

struct engine_item {
	const struct scenario_instance *what;
	const char *skip;  /* not NULL: SKIP with this reason */
	const char *xfail; /* not NULL: a FAIL is XFAIL, a PASS is XPASS */
};

/* All may be NULL.  Strings and entries are good during the call only. */
struct engine_hooks {
	void *ctx;
	void (*started)(void *ctx, const struct scenario_instance *what);
	void (*done)(void *ctx, const struct result *r);
	void (*changed)(void *ctx, const struct result *r); /* late failure */
	/* The server greets, but the login or the ping before the first case
	 * failed, as the text says.  The cases are run all the same. */
	void (*weak)(void *ctx, const char *text);
	void (*frame)(void *ctx, const struct scenario_instance *what,
		      const struct trace_entry *e); /* as they happen */
	/* The server is gone: start it again.  0: it is back; cases that were
	 * in flight are run again one by one to name the culprit. */
	int (*revive)(void *ctx);
};

enum engine_end {
	ENGINE_DONE,        /* every item has its result */
	ENGINE_UNREACHABLE, /* no login before the first case: exit 3 */
	ENGINE_GONE,        /* the server crashed or stopped: exit 4 */
	ENGINE_STOPPED,     /* engine_stop(): exit 130 */
	ENGINE_TIME,        /* total_ms is over; the rest is INCONC */
	ENGINE_BROKEN,      /* our fault: exit 5 */
};

/* results[n] is filled in any case, also when stopped: items that did not
 * run are SKIP, or INCONC, with the reason.  Clear each with result_clear().
 * why[cap] says in one line why the end is not ENGINE_DONE. */
enum engine_end engine_run(struct result *results, char *why, size_t cap,
			   const struct engine_options *o,
			   const struct engine_item *items, size_t n,
			   const struct engine_hooks *hooks);

/* End the run soon, keeping what is there.  Safe in a signal handler. */
void engine_stop(void);

#endif
