/*
 * report_github.c - annotations for GitHub Actions.
 *
 *   ::error file=cases/ping.derp,line=7,title=ping.max-1000 (MUST)::expected..
 *
 * A runner reads commands from what a step prints, and the text report quotes
 * the server; so whoever prints both stops commands around the text first
 * (cli_reports.c).  Here a text stays within its part of a command: per cent
 * signs are escaped everywhere, commas and colons in properties.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

static void put_data(FILE *to, char c)
{
	if (c == '%')
		fputs("%25", to);
	else
		fputc(c, to);
}

static void put_property(FILE *to, char c)
{
	if (c == ',')
		fputs("%2C", to);
	else if (c == ':')
		fputs("%3A", to);
	else
		put_data(to, c);
}

static void data(FILE *to, const char *text)
{
	report_escape(to, text, strlen(text), put_data);
}

static void property(FILE *to, const char *text)
{
	report_escape(to, text, strlen(text), put_property);
}

static void field(FILE *to, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	fprintf(to, "%%0A%s: ", name); /* a line feed */
	data(to, text);
}

static void one(FILE *to, const struct report_case *c, const char *command)
{
	const struct result *res = c->result;
	const struct scenario_case *of = res->what->of;
	char message[512];

	report_message(message, sizeof(message), c);
	fprintf(to, "::%s file=", command);
	property(to, of->file->name);
	fprintf(to, ",line=%" PRIu32 ",title=", report_line(c));
	property(to, verdict_name(res->verdict));
	fputc(' ', to);
	property(to, res->what->name);
	fputs("::", to);
	data(to, of->title);
	fputs("%0A", to);
	data(to, message);
	for (const struct scenario_item *i = of->reqs; i != NULL; i = i->next)
		field(to, report_level_name(c->level), i->text);
	field(to, "expected", res->expected);
	field(to, "actual", res->actual);
	fputc('\n', to);
}

void report_github(FILE *to, const struct report *r)
{
	for (size_t i = 0; i < r->num_cases; i++) {
		const struct report_case *c = &r->cases[i];
		enum report_outcome how = report_outcome(c);

		if (how == REPORT_FAILURE || how == REPORT_BROKEN)
			one(to, c, "error");
		else if (c->tolerated)
			one(to, c, "warning");
	}
	if (r->complete)
		return;
	fputs("::error title=derpspec::the run is not complete: ", to);
	data(to, r->end != NULL ? r->end : "it was cut short");
	fputc('\n', to);
}
