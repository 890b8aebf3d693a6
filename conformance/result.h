/*
 * result.h - what became of one case.
 */
#ifndef RESULT_H
#define RESULT_H

#include "scenario.h"

#define VERDICTS(X)                                                            \
	X(PASS, "PASS")     /* every expectation held */                       \
	X(FAIL, "FAIL")     /* one did not */                                  \
	X(SKIP, "SKIP")     /* not run, for the reason given */                \
	X(XFAIL, "XFAIL")   /* failed, as the baseline says */                 \
	X(XPASS, "XPASS")   /* passed, although the baseline says it fails */  \
	X(INCONC, "INCONC") /* could not be judged */                          \
	X(CRASH, "CRASH")   /* the server stopped answering */                 \
	X(ERROR, "ERROR")   /* the suite's own fault */

enum verdict {
#define X(name, text) VERDICT_##name,
	VERDICTS(X)
#undef X
		VERDICT_NONE, /* not judged yet; never in a finished report */
};
#define VERDICT_COUNT VERDICT_NONE

const char *verdict_name(enum verdict v); /* "PASS" */
/* Does it make the run fail (exit 1)?  FAIL, XPASS, INCONC, ERROR, CRASH. */
bool verdict_is_bad(enum verdict v);
/* Of several verdicts on one case the highest counts; -1: none yet. */
int verdict_badness(enum verdict v);

#define TRACE_BYTES 48 /* of a payload, for hex dumps */

/* One thing on the wire, as a report shows it. */
struct trace_entry {
	uint64_t us;                  /* since the case began */
	char conn[SCENARIO_NAME_MAX]; /* "A" */
	char dir;       /* '>' sent, '<' received, '*' connection event */
	uint32_t type;  /* of a frame; UINT32_MAX: not a frame */
	uint32_t len;   /* of its payload, or of the bytes */
	char text[160]; /* "recv src=$A.key 5 bytes "hello"" */
	uint8_t head[TRACE_BYTES];
	uint32_t num_head;
};

struct result {
	const struct scenario_instance *what;
	enum verdict verdict;
	uint32_t ms;
	bool late;        /* failed after it had ended */
	char reason[256]; /* one line; empty for PASS */
	/* Of the step that failed; line 0 when there is none. */
	struct scenario_pos at;
	char expected[256];
	char actual[256];
	/* Newest last; NULL for a PASS unless asked for. */
	struct trace_entry *trace;
	size_t num_trace;
	size_t lost_trace; /* older entries that did not fit */
};

void result_clear(struct result *r);

#endif
