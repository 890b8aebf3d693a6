/*
 * report_tap.c - the report as TAP version 14.
 *
 *   ok 1 - ping.max-1000: A ping body over 1000 bytes ends the connection
 *   ok 2 - mesh.forward: ... # SKIP needs the target's mesh key
 *   not ok 3 - gone.once: ... # TODO expected failure: told once only
 *     ---
 *     message: "..."
 *     ...
 *
 * XFAIL and a SHOULD that was not kept are TODO: tests that may fail.  XPASS
 * is "not ok", since a TODO that passes fails no run.  A run that was cut
 * short ends with "Bail out!".
 */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* '#' begins a directive. */
static void put_plain(FILE *to, char c)
{
	if (c == '#' || c == '\\')
		fputc('\\', to);
	fputc(c, to);
}

static void put_yaml(FILE *to, char c)
{
	if (c == '"' || c == '\\')
		fputc('\\', to);
	fputc(c, to);
}

static void plain(FILE *to, const char *text)
{
	report_escape(to, text, strlen(text), put_plain);
}

static void quoted(FILE *to, const char *text)
{
	fputc('"', to);
	report_escape(to, text, strlen(text), put_yaml);
	fputc('"', to);
}

static void field(FILE *to, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	fprintf(to, "  %s: ", name);
	quoted(to, text);
	fputc('\n', to);
}

static void rules(FILE *to, const struct scenario_item *i)
{
	const char *before = "";

	fputs("  rules: [", to);
	for (; i != NULL; i = i->next, before = ", ") {
		fputs(before, to);
		quoted(to, i->text);
	}
	fputs("]\n", to);
}

static void trace(FILE *to, const struct result *res)
{
	if (res->num_trace == 0)
		return;
	fputs("  trace:\n", to);
	for (size_t i = 0; i < res->num_trace; i++) {
		const struct trace_entry *e = &res->trace[i];
		char line[sizeof(e->text) + SCENARIO_NAME_MAX + 40];

		snprintf(line, sizeof(line),
			 "%" PRIu64 ".%03" PRIu64 " %s %c %s", e->us / 1000,
			 e->us % 1000, e->conn, e->dir, e->text);
		fputs("    - ", to);
		quoted(to, line);
		fputc('\n', to);
	}
}

static void again(FILE *to, const struct report *r, const struct report_case *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	report_again(f, r, c);
	if (fclose(f) == 0)
		field(to, "again", text);
	free(text);
}

/* Diagnostics, two blanks in, between --- and ... */
static void details(FILE *to, const struct report *r,
		    const struct report_case *c, const char *message)
{
	const struct result *res = c->result;
	const struct scenario_case *of = res->what->of;

	fputs("  ---\n", to);
	field(to, "message", message);
	field(to, "verdict", verdict_name(res->verdict));
	field(to, "level", report_level_name(c->level));
	rules(to, of->reqs);
	field(to, "expected", res->expected);
	field(to, "actual", res->actual);
	field(to, "source", c->xfail_from);
	field(to, "file", of->file->name);
	fprintf(to, "  line: %" PRIu32 "\n", report_line(c));
	fprintf(to, "  duration_ms: %" PRIu32 "\n", res->ms);
	trace(to, res);
	again(to, r, c);
	fputs("  ...\n", to);
}

static void one(FILE *to, const struct report *r, size_t i)
{
	const struct report_case *c = &r->cases[i];
	enum report_outcome how = report_outcome(c);
	bool skipped = c->result->verdict == VERDICT_SKIP;
	char message[512];

	report_message(message, sizeof(message), c);
	fprintf(to, "%s %zu - ",
		how == REPORT_GOOD || skipped ? "ok" : "not ok", i + 1);
	plain(to, c->result->what->name);
	fputs(": ", to);
	plain(to, c->result->what->of->title);
	if (how == REPORT_SKIPPED) {
		fputs(skipped ? " # SKIP " : " # TODO ", to);
		plain(to, message);
	}
	fputc('\n', to);
	if (how != REPORT_GOOD && !skipped)
		details(to, r, c, message);
}

void report_tap(FILE *to, const struct report *r)
{
	fputs("TAP version 14\n", to);
	fprintf(to, "1..%zu\n", r->num_cases);
	fputs("# derpspec ", to);
	plain(to, r->version);
	fputs(", ", to);
	plain(to, r->target);
	fprintf(to, ", seed %" PRIx64 "\n", r->seed);
	for (size_t i = 0; i < r->num_cases; i++)
		one(to, r, i);
	if (r->complete)
		return;
	fputs("Bail out! ", to);
	plain(to, r->end != NULL ? r->end : "the run was cut short");
	fputc('\n', to);
}
