/*
 * report.h - what a run found, for people and for machines.
 *
 *   results + rules + how it was run --> text | JSON | JUnit | TAP |
 *                                        Markdown | GitHub | HTML | baseline
 *
 * The writers only read; nothing is judged here.  Whatever came from the
 * server is escaped on its way out: made printable first (cli_text.h), then
 * as the format wants it.  JSON and JUnit have their own ways to say a byte.
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

/* What a format that knows good, skipped and bad makes of a case. */
enum report_outcome {
	REPORT_GOOD,
	REPORT_SKIPPED, /* also a failure that does not count */
	REPORT_FAILURE,
	REPORT_BROKEN, /* not judged, or the server is gone, or our fault */
};
enum report_outcome report_outcome(const struct report_case *c);

/* One line that says what became of the case, not escaped. */
void report_message(char *out, size_t cap, const struct report_case *c);

/* Line of its file that it failed in, or where it begins. */
uint32_t report_line(const struct report_case *c);

/* The command line that repeats one case, for a shell, printable. */
void report_again(FILE *to, const struct report *r,
		  const struct report_case *c);

/* Each byte of a text made printable, then given to put() as characters. */
void report_escape(FILE *to, const char *text, size_t len,
		   void (*put)(FILE *to, char c));

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
void report_tap(FILE *to, const struct report *r);
/* For a job's summary page, e.g. $GITHUB_STEP_SUMMARY. */
void report_markdown(FILE *to, const struct report *r);
void report_markdown_text(FILE *to, const char *text);
/* Workflow commands: an annotation for each case that is not as expected. */
void report_github(FILE *to, const struct report *r);
/* One page that loads nothing. */
void report_html(FILE *to, const struct report *r);
/* Statements for --baseline: what failed in this run. */
void report_baseline(FILE *to, const struct report *r);

#endif
