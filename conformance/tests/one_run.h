/*
 * one_run.h - one run of the engine against a liar.  For tests; everything is
 * static.
 */
#ifndef ONE_RUN_H
#define ONE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "engine.h"
#include "liar.h"

#define HEAD(id) "case t." id "\nreq X\ntitle t\n"
#define LIE HEAD("lie") "A: login\nA> ping \"LIELIELI\"\n"
/* Keeps the run going for a while. */
#define LONG HEAD("long") "B: login\nwait 800ms\nfence B\n"
#define ITEMS_MAX 40

/* ---- one run --------------------------------------------------------- */

struct one_run {
	struct scenario *s;
	struct engine_item items[ITEMS_MAX];
	struct result results[ITEMS_MAX];
	size_t n;
	struct engine_options o;
	struct engine_hooks hooks;
	char port[10], why[300];
	enum engine_end end;
};

static inline void prepare(struct one_run *r, const char *text, int port)
{
	memset(r, 0, sizeof(*r));
	r->s = scenario_new();
	assert_non_null(r->s);
	if (scenario_parse(r->s, "x.derp", text, strlen(text)) != 0)
		scenario_error_print(stderr, &r->s->errors[0]);
	assert_int_equal(r->s->num_errors, 0);
	r->n = r->s->num_instances;
	assert_true(r->n <= ITEMS_MAX);
	for (size_t i = 0; i < r->n; i++)
		r->items[i].what = &r->s->instances[i];
	snprintf(r->port, sizeof(r->port), "%d", port);
	r->o.host = "127.0.0.1";
	r->o.port = r->port;
	r->o.timeout_ms = 600;
	r->o.seed = 1;
}

static inline void run(struct one_run *r)
{
	r->end = engine_run(r->results, r->why, sizeof(r->why), &r->o, r->items,
			    r->n, &r->hooks);
}

static inline void clear(struct one_run *r)
{
	for (size_t i = 0; i < r->n; i++)
		result_clear(&r->results[i]);
	scenario_free(r->s);
}

#endif
