/*
 * report_baseline.c - the failures of a run as a baseline, to be completed.
 *
 *   # gone.once at cases/gone.derp:12: expected ..., came ...
 *   xfail "gone.once" "TODO: why" source="TODO: where"
 *
 * What was known and still fails keeps its reason and source; what passes now
 * is left out.  INCONC, CRASH and ERROR are no deviations to get used to: a
 * comment names them.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "cli_text.h"

/* A backslash takes the next character as it is (baseline.c). */
static void put_quoted(FILE *to, char c)
{
	if (c == '"' || c == '\\')
		fputc('\\', to);
	fputc(c, to);
}

static void quoted(FILE *to, const char *text)
{
	fputc('"', to);
	report_escape(to, text, strlen(text), put_quoted);
	fputc('"', to);
}

static void statement(FILE *to, const struct report_case *c, const char *reason,
		      const char *source)
{
	fputs("xfail ", to);
	quoted(to, c->result->what->name);
	fputc(' ', to);
	quoted(to, reason);
	fputs(" source=", to);
	quoted(to,
	       source != NULL && source[0] != '\0' ? source : "TODO: where");
	fputc('\n', to);
}

static void comment(FILE *to, const struct report_case *c)
{
	const struct scenario_case *of = c->result->what->of;

	fputs("# ", to);
	cli_puts(to, of->file->name);
	fprintf(to, ":%" PRIu32 ": ", report_line(c));
	cli_puts(to, c->result->reason);
	fputc('\n', to);
}

static void one(FILE *to, const struct report_case *c)
{
	switch (c->result->verdict) {
	case VERDICT_XFAIL:
		statement(to, c, c->xfail != NULL ? c->xfail : "TODO: why",
			  c->xfail_from);
		return;
	case VERDICT_FAIL:
		if (c->tolerated)
			return; /* fails no run */
		comment(to, c);
		statement(to, c, "TODO: why", NULL);
		return;
	case VERDICT_INCONC:
	case VERDICT_CRASH:
	case VERDICT_ERROR:
	case VERDICT_NONE:
		fprintf(to,
			"# not here, %s: ", verdict_name(c->result->verdict));
		cli_puts(to, c->result->what->name);
		fputc('\n', to);
		return;
	case VERDICT_PASS:
	case VERDICT_SKIP:
	case VERDICT_XPASS:
		return;
	}
}

void report_baseline(FILE *to, const struct report *r)
{
	fputs("# Deviations of ", to);
	cli_puts(to, r->target);
	fputs(", found by derpspec ", to);
	cli_puts(to, r->version);
	fputs(".\n# Replace each TODO: a reason, and where it was read.\n", to);
	if (!r->complete)
		fputs("# The run was cut short: more may be missing.\n", to);
	for (size_t i = 0; i < r->num_cases; i++)
		one(to, &r->cases[i]);
}
