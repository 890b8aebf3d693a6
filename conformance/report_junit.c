/*
 * report_junit.c - the report as JUnit XML, in the shape that Jenkins reads.
 *
 *   testsuites > testsuite > properties
 *                          > testcase > [skipped | failure | error]
 *
 * XFAIL and a SHOULD that was not kept are "skipped": JUnit has no word for
 * a failure that is expected.  XML 1.0 cannot hold most control characters
 * in any form; they become U+FFFD, as does what is not ASCII, since the
 * texts quote bytes of any kind.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static void xml(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", to);
		else if (c == '<')
			fputs("&lt;", to);
		else if (c == '>')
			fputs("&gt;", to);
		else if (c == '"')
			fputs("&quot;", to);
		else if (c == '\n' || c == '\t')
			fprintf(to, "&#%u;", c);
		else if (c < 0x20 || c >= 0x7f)
			fputs(REPLACEMENT, to);
		else
			fputc(c, to);
	}
}

static void attribute(FILE *to, const char *name, const char *value)
{
	fprintf(to, " %s=\"", name);
	xml(to, value);
	fputc('"', to);
}

static void seconds(FILE *to, uint32_t ms)
{
	fprintf(to, " time=\"%" PRIu32 ".%03" PRIu32 "\"", ms / 1000,
		ms % 1000);
}

static void details(FILE *to, const struct report_case *c)
{
	const struct result *res = c->result;
	const struct scenario_case *of = res->what->of;

	xml(to, of->title);
	fputs("\nrules:", to);
	for (const struct scenario_item *i = of->reqs; i != NULL; i = i->next) {
		fputc(' ', to);
		xml(to, i->text);
	}
	if (res->expected[0] != '\0') {
		fputs("\nexpected: ", to);
		xml(to, res->expected);
	}
	if (res->actual[0] != '\0') {
		fputs("\nactual: ", to);
		xml(to, res->actual);
	}
	fputs("\nat: ", to);
	xml(to, of->file->name);
	fprintf(to, ":%" PRIu32 "\n", report_line(c));
}

static void one(FILE *to, const struct report_case *c)
{
	static const char *const element[] = { [REPORT_SKIPPED] = "skipped",
					       [REPORT_FAILURE] = "failure",
					       [REPORT_BROKEN] = "error" };
	const struct scenario_case *of = c->result->what->of;
	enum report_outcome how = report_outcome(c);
	char text[512];

	snprintf(text, sizeof(text), "derpspec.%.*s", (int)strcspn(of->id, "."),
		 of->id);
	fputs("    <testcase", to);
	attribute(to, "name", c->result->what->name);
	attribute(to, "classname", text);
	seconds(to, c->result->ms);
	if (how == REPORT_GOOD) {
		fputs("/>\n", to);
		return;
	}
	fprintf(to, ">\n      <%s", element[how]);
	attribute(to, "type", verdict_name(c->result->verdict));
	report_message(text, sizeof(text), c);
	attribute(to, "message", text);
	if (how == REPORT_SKIPPED) {
		fputs("/>\n", to);
	} else {
		fputc('>', to);
		details(to, c);
		fprintf(to, "</%s>\n", element[how]);
	}
	fputs("    </testcase>\n", to);
}

static void property(FILE *to, const char *name, const char *value)
{
	fputs("      <property", to);
	attribute(to, "name", name);
	attribute(to, "value", value);
	fputs("/>\n", to);
}

static void properties(FILE *to, const struct report *r)
{
	char seed[17];

	snprintf(seed, sizeof(seed), "%" PRIx64, r->seed);
	fputs("    <properties>\n", to);
	property(to, "version", r->version);
	property(to, "target", r->target);
	property(to, "seed", seed);
	property(to, "complete", r->complete ? "true" : "false");
	if (r->end != NULL)
		property(to, "end", r->end);
	fputs("    </properties>\n", to);
}

/* A run that was cut short must not look like a good one to a reader that
 * knows nothing of our properties. */
static void cut_short(FILE *to, const struct report *r)
{
	fputs("    <testcase name=\"the run is complete\""
	      " classname=\"derpspec\" time=\"0.000\">\n      <error",
	      to);
	attribute(to, "type", "INCOMPLETE");
	attribute(to, "message",
		  r->end != NULL ? r->end : "the run was cut short");
	fputs("/>\n    </testcase>\n", to);
}

void report_junit(FILE *to, const struct report *r)
{
	size_t num[REPORT_BROKEN + 1] = { 0 };

	for (size_t i = 0; i < r->num_cases; i++)
		num[report_outcome(&r->cases[i])]++;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<testsuites>\n  <testsuite name=\"derpspec\"",
	      to);
	fprintf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"",
		r->num_cases + !r->complete, num[REPORT_FAILURE],
		num[REPORT_BROKEN] + !r->complete);
	fprintf(to, " skipped=\"%zu\"", num[REPORT_SKIPPED]);
	seconds(to, r->ms);
	fputs(">\n", to);
	properties(to, r);
	for (size_t i = 0; i < r->num_cases; i++)
		one(to, &r->cases[i]);
	if (!r->complete)
		cut_short(to, r);
	fputs("  </testsuite>\n</testsuites>\n", to);
}
