/*
 * report.h - what a run found, for people and for machines.
 *
 *   results + rules + how it was run --> text | JSON | JUnit
 *
 * The writers only read; nothing is judged here.  Whatever came from the
 * server is escaped on its way out (cli_text.h, derp_json.h, XML).
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "result.h"
#include "spec.h"

/* One result and what the run makes of it.  Borrowed. */
struct report_case {
	const struct result *result;
	enum spec_level level; /* the strictest of its rules */
	const char *xfail;     /* why it is expected to fail; NULL: it is not */
	const char *xfail_from; /* where that was read; NULL or "": unknown */
	bool tolerated;         /* failed, but does not fail the run */
	uint64_t seed;          /* of the round that this result is from */
	uint32_t bad_rounds;    /* with --repeat: how many went wrong */
};

struct report {
	const char *version; /* of the suite */
	const char *target;  /* derp://host:port/path */
	uint64_t seed;
	const char *again; /* command line of the run, without its selectors */
	const struct spec *spec;
	const struct report_case *cases;
	size_t num_cases;
	size_t num_safe, num_slow; /* left out by --safe, as @slow */
	bool complete;             /* every case has its verdict */
	const char *end;           /* why not, or what ended the run; or NULL */
	uint32_t ms;
	uint32_t rounds; /* --repeat */
};

struct report_sum {
	size_t by[VERDICT_COUNT]; /* FAIL without the tolerated ones */
	size_t tolerated;
	size_t unexpected; /* what makes exit 1 */
};

void report_count(struct report_sum *sum, const struct report *r);

/* Strictest level of the rules that a case names; a rule that the
 * specification lacks counts as MUST. */
enum spec_level report_level(const struct spec *spec,
			     const struct scenario_item *reqs);
const char *report_level_name(enum spec_level level);

struct report_style {
	bool color;
	bool frames; /* the trace of every case, also of those that passed */
	bool hex;    /* with bytes */
};

/* One case (nothing for a PASS, unless frames are wanted); then the end. */
void report_text_case(FILE *to, const struct report *r,
		      const struct report_case *c, struct report_style style);
void report_text_sum(FILE *to, const struct report *r,
		     struct report_style style);
void report_trace_line(FILE *to, const struct trace_entry *e, bool hex);

void report_json(FILE *to, const struct report *r);
void report_junit(FILE *to, const struct report *r);

#endif
