/*
 * cmd_diff.c - derpspec diff: what changed between two runs.
 *
 *   OLD.json, NEW.json --> a line for each case that differs --> counts
 *
 * Regressed is what fails a run now and did not then, or a server that now
 * crashes.  A case that only one run has is told, and is no regression: the
 * suite or the selection changed, not the server.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli_text.h"
#include "report_read.h"

enum change { SAME, REGRESSED, FIXED, CHANGED, NEW, MISSING, CHANGES };

static const char *const change_names[CHANGES] = {
	[SAME] = "the same", [REGRESSED] = "regressed",
	[FIXED] = "fixed",   [CHANGED] = "changed",
	[NEW] = "new",       [MISSING] = "missing",
};

struct diff {
	struct read_report was, is;
	bool strict;
	size_t num[CHANGES];
};

static enum change judge(const struct diff *d, const struct read_case *was,
			 const struct read_case *is)
{
	bool bad = report_read_is_bad(is, d->strict);
	bool was_bad = report_read_is_bad(was, d->strict);

	if (bad && (!was_bad || (is->verdict == VERDICT_CRASH &&
				 was->verdict != VERDICT_CRASH)))
		return REGRESSED;
	if (was_bad && is->verdict == VERDICT_PASS)
		return FIXED;
	if (was->verdict != is->verdict || was->tolerated != is->tolerated)
		return CHANGED;
	return SAME;
}

static const char *verdict_of(const struct read_case *c)
{
	return c != NULL ? verdict_name(c->verdict) : "-";
}

static void line(enum change what, const struct read_case *was,
		 const struct read_case *is)
{
	const struct read_case *c = is != NULL ? is : was;

	printf("%-9s  %6s -> %-6s  ", change_names[what], verdict_of(was),
	       verdict_of(is));
	cli_puts(stdout, c->id);
	if (c->tolerated)
		printf(" (%s)", c->level == SPEC_MAY ? "MAY" : "SHOULD");
	if (c->reason != NULL && c->reason[0] != '\0') {
		fputs(": ", stdout);
		cli_puts(stdout, c->reason);
	}
	putchar('\n');
}

/* Every case of one kind of change; SAME: only count all kinds. */
static void pass(struct diff *d, enum change wanted)
{
	for (size_t i = 0; i < d->is.num_cases; i++) {
		const struct read_case *is = &d->is.cases[i], *was = NULL;
		size_t at = report_read_find(&d->was, is->id);
		enum change what = NEW;

		if (at < d->was.num_cases) {
			was = &d->was.cases[at];
			what = judge(d, was, is);
		}
		if (wanted == SAME)
			d->num[what]++;
		else if (what == wanted)
			line(what, was, is);
	}
	for (size_t i = 0; i < d->was.num_cases; i++) {
		const struct read_case *was = &d->was.cases[i];

		if (report_read_find(&d->is, was->id) < d->is.num_cases)
			continue;
		if (wanted == SAME)
			d->num[MISSING]++;
		else if (wanted == MISSING)
			line(MISSING, was, NULL);
	}
}

static void headline(const char *name, const struct read_report *r)
{
	printf("%s  ", name);
	cli_puts(stdout, r->name);
	fputs(": ", stdout);
	cli_puts(stdout, r->target);
	fputs(", derpspec ", stdout);
	cli_puts(stdout, r->version);
	printf(", %zu cases%s\n", r->num_cases,
	       r->complete ? "" : ", INCOMPLETE");
}

static int compare(struct diff *d)
{
	headline("old", &d->was);
	headline("new", &d->is);
	for (int c = REGRESSED; c < CHANGES; c++)
		pass(d, (enum change)c);
	pass(d, SAME);
	for (int c = REGRESSED; c < CHANGES; c++)
		printf("%zu %s, ", d->num[c], change_names[c]);
	printf("%zu %s\n", d->num[SAME], change_names[SAME]);
	return d->num[REGRESSED] > 0 ? EXIT_UNEXPECTED : EXIT_GOOD;
}

int cmd_diff(const struct cli_command *me, int argc, char **argv)
{
	struct cli_options o;
	struct diff d;
	int code = cli_options_read(&o, me, CLI_FOR_DIFF, argc, argv);

	if (code >= 0)
		return code;
	memset(&d, 0, sizeof(d));
	d.strict = o.strict;
	if (o.selectors.num != 2) {
		fputs("derpspec: diff wants two reports: OLD.json NEW.json\n",
		      stderr);
		code = EXIT_USAGE;
	} else {
		code = report_read_file(&d.was, o.selectors.at[0], false);
		if (code == 0)
			code = report_read_file(&d.is, o.selectors.at[1],
						false);
		if (code == 0)
			code = compare(&d);
	}
	report_read_free(&d.was);
	report_read_free(&d.is);
	cli_options_free(&o);
	return code;
}
