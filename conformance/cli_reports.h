/*
 * cli_reports.h - the report files that a run was asked for.
 *
 *   options --> open, before the run --> write --> whole files, or none
 */
#ifndef CLI_REPORTS_H
#define CLI_REPORTS_H

#include <stdbool.h>

#include "cli.h"
#include "cli_output.h"
#include "report.h"

enum {
	REPORTS_JSON,
	REPORTS_JUNIT,
	REPORTS_TAP,
	REPORTS_MARKDOWN,
	REPORTS_HTML,
	REPORTS_BASELINE,
	REPORTS_KINDS
};

struct reports {
	struct output out[REPORTS_KINDS];
};

/* Exit code, after a line on stderr; two reports to one place are refused. */
int reports_open(struct reports *r, const struct cli_options *o);
/* Where the text goes: standard error if a report has standard output. */
FILE *reports_text_to(const struct reports *r);
int reports_write(struct reports *r, const struct report *rep);
/* Leave no file behind that is not written.  After write: nothing. */
void reports_drop(struct reports *r);

/* The text report of a run, and annotations with --github. */
void reports_print(FILE *to, const struct report *rep,
		   struct report_style style, bool github);

#endif
