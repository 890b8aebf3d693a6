/*
 * report_text.c - the report for people.
 *
 *   FAIL ping.max-1000  A ping body over 1000 bytes ends the connection
 *     rule      DERP-PING-4 (MUST): A longer body ends the connection.
 *     expected  the server closes A
 *     actual    A is still open after 2 s
 *     script    conformance/cases/ping.derp
 *          7    A: login
 *          8    A> ping zero*1001
 *          9  > A< closed
 *     trace
 *          0.412 A >  ping 1001 bytes
 *     again     derpspec run -h 127.0.0.1 -p 3340 --seed 1f ping.max-1000
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "cli_text.h"

#define AROUND 12 /* lines of a script before and behind the failing one */

static const char *color_of(const struct report_case *c)
{
	if (c->tolerated)
		return "\33[33m";
	switch (c->result->verdict) {
	case VERDICT_PASS:
		return "\33[32m";
	case VERDICT_SKIP:
	case VERDICT_XFAIL:
	case VERDICT_INCONC:
		return "\33[33m";
	default:
		return "\33[31m";
	}
}

static void label(FILE *to, const char *name)
{
	fprintf(to, "  %-9s ", name);
}

static void field(FILE *to, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	label(to, name);
	cli_puts(to, text);
	fputc('\n', to);
}

static void headline(FILE *to, const struct report_case *c,
		     struct report_style style)
{
	const char *word = verdict_name(c->result->verdict);

	if (style.color)
		fputs(color_of(c), to);
	fprintf(to, "%-6s", word);
	if (style.color)
		fputs("\33[0m", to);
	fputc(' ', to);
	cli_puts(to, c->result->what->name);
	fputs("  ", to);
	cli_puts(to, c->result->what->of->title);
	if (c->tolerated)
		fprintf(to, " (%s; counts with -S)",
			report_level_name(c->level));
	fputc('\n', to);
}

static void rules(FILE *to, const struct report *r,
		  const struct scenario_case *of)
{
	const struct spec_rule *rule;

	for (const struct scenario_item *i = of->reqs; i != NULL; i = i->next) {
		rule = spec_find(r->spec, i->text);
		label(to, "rule");
		cli_puts(to, i->text);
		if (rule != NULL) {
			fprintf(to, " (%s): ", rule->level_text);
			cli_puts(to, rule->text);
		}
		fputc('\n', to);
	}
}

/* The steps of the case, those near the failing one if they are many. */
static void script(FILE *to, const struct result *res)
{
	const struct scenario_case *of = res->what->of;
	uint32_t first = of->pos.line, last = of->last_line, at = res->at.line;
	const char *line;
	size_t len;

	label(to, "script");
	cli_puts(to, of->file->name);
	fprintf(to, ":%" PRIu32, at != 0 ? at : first);
	if (at != 0 && res->at.col != 0)
		fprintf(to, ":%" PRIu32, res->at.col);
	fputc('\n', to);
	if (at > first + AROUND)
		first = at - AROUND;
	if (at != 0 && last > AROUND && at < last - AROUND)
		last = at + AROUND;
	for (uint32_t n = first; n <= last; n++) {
		line = scenario_line(of->file, n, &len);
		if (line == NULL || len == 0)
			continue;
		fprintf(to, "%8" PRIu32 "  %c ", n, n == at ? '>' : ' ');
		cli_put(to, line, len);
		fputc('\n', to);
	}
}

static void hex_dump(FILE *to, const struct trace_entry *e)
{
	uint32_t n = e->num_head < TRACE_BYTES ? e->num_head : TRACE_BYTES;

	for (uint32_t i = 0; i < n; i++) {
		if (i % 16 == 0)
			fprintf(to, "%s%16" PRIx32 " ", i > 0 ? "\n" : "", i);
		fprintf(to, " %02x", e->head[i]);
	}
	if (n > 0)
		fputs(n < e->len ? " ...\n" : "\n", to);
}

void report_trace_line(FILE *to, const struct trace_entry *e, bool hex)
{
	fprintf(to, "%7" PRIu64 ".%03" PRIu64 " ", e->us / 1000, e->us % 1000);
	cli_puts(to, e->conn);
	fprintf(to, " %c ", e->dir);
	cli_puts(to, e->text);
	fputc('\n', to);
	if (hex)
		hex_dump(to, e);
}

static void trace(FILE *to, const struct result *res, bool hex)
{
	if (res->num_trace == 0)
		return;
	label(to, "trace");
	fputs("milliseconds, connection, > sent < received", to);
	if (res->lost_trace > 0)
		fprintf(to, "; the first %zu are not kept", res->lost_trace);
	fputc('\n', to);
	for (size_t i = 0; i < res->num_trace; i++)
		report_trace_line(to, &res->trace[i], hex);
}

/* A line that can be pasted. */
static void again(FILE *to, const struct report *r, const struct report_case *c)
{
	label(to, "again");
	report_again(to, r, c);
	fputc('\n', to);
}

static void details(FILE *to, const struct report *r,
		    const struct report_case *c, struct report_style style)
{
	const struct result *res = c->result;

	rules(to, r, res->what->of);
	/* most reasons are the next two lines in one */
	if (res->expected[0] == '\0' || strncmp(res->reason, "expected ", 9))
		field(to, res->late ? "late" : "reason", res->reason);
	field(to, "expected", res->expected);
	field(to, "actual", res->actual);
	if (c->bad_rounds > 0 && r->rounds > 1) {
		label(to, "rounds");
		fprintf(to, "%" PRIu32 " of %" PRIu32 "\n", c->bad_rounds,
			r->rounds);
	}
	script(to, res);
	trace(to, res, style.hex);
	again(to, r, c);
}

void report_text_case(FILE *to, const struct report *r,
		      const struct report_case *c, struct report_style style)
{
	enum verdict v = c->result->verdict;

	if ((v == VERDICT_PASS || v == VERDICT_SKIP) && !style.frames)
		return;
	headline(to, c, style);
	switch (v) {
	case VERDICT_PASS:
		trace(to, c->result, style.hex);
		return;
	case VERDICT_SKIP:
		field(to, "reason", c->result->reason);
		return;
	case VERDICT_INCONC:
		/* Of hundreds that were not begun there is no more to say. */
		if (c->result->at.line == 0 && c->result->num_trace == 0) {
			field(to, "reason", c->result->reason);
			return;
		}
		details(to, r, c, style);
		return;
	case VERDICT_XFAIL:
		field(to, "known", c->xfail);
		field(to, "source", c->xfail_from);
		if (style.frames)
			details(to, r, c, style);
		return;
	case VERDICT_XPASS:
		field(to, "known", c->xfail);
		label(to, "do");
		fputs("take it out of the baseline: it holds now\n", to);
		if (style.frames)
			trace(to, c->result, style.hex);
		again(to, r, c);
		return;
	default:
		details(to, r, c, style);
	}
}

static bool is_skipped(const struct report *r, size_t i, const char *reason)
{
	const struct result *res = r->cases[i].result;

	return res->verdict == VERDICT_SKIP &&
	       (reason == NULL || strcmp(res->reason, reason) == 0);
}

/* A line for each reason: many cases share one. */
static void skipped(FILE *to, const struct report *r)
{
	for (size_t i = 0; i < r->num_cases; i++) {
		const char *reason = r->cases[i].result->reason;
		size_t num = 0, before = 0;

		if (!is_skipped(r, i, NULL))
			continue;
		for (size_t k = 0; k < r->num_cases; k++) {
			num += is_skipped(r, k, reason);
			before += k < i && is_skipped(r, k, reason);
		}
		if (before > 0)
			continue;
		fprintf(to, "skipped: %zu, ", num);
		cli_puts(to, reason);
		fputc('\n', to);
	}
}

static void counts(FILE *to, const struct report_sum *sum)
{
	static const struct {
		enum verdict v;
		const char *text;
	} parts[] = {
		{ VERDICT_PASS, "passed" },
		{ VERDICT_FAIL, "failed" },
		{ VERDICT_CRASH, "crashed" },
		{ VERDICT_ERROR, "in error" },
		{ VERDICT_INCONC, "not judged" },
		{ VERDICT_XPASS, "passed unexpectedly" },
		{ VERDICT_XFAIL, "failed as expected" },
		{ VERDICT_SKIP, "skipped" },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		size_t n = sum->by[parts[i].v];

		if (n > 0 || parts[i].v <= VERDICT_FAIL)
			fprintf(to, "%s%zu %s", i > 0 ? ", " : "", n,
				parts[i].text);
	}
	if (sum->tolerated > 0)
		fprintf(to, ", %zu SHOULD not kept", sum->tolerated);
	fputc('\n', to);
}

void report_text_sum(FILE *to, const struct report *r,
		     struct report_style style)
{
	struct report_sum sum;
	bool good;

	report_count(&sum, r);
	good = sum.unexpected == 0 && r->complete;
	skipped(to, r);
	if (r->num_slow + r->num_safe > 0)
		fprintf(to, "left out:");
	if (r->num_slow > 0)
		fprintf(to, " %zu @slow (--slow)", r->num_slow);
	if (r->num_safe > 0)
		fprintf(to, " %zu that may do harm (--intrusive)", r->num_safe);
	if (r->num_slow + r->num_safe > 0)
		fputc('\n', to);
	fprintf(to, "derpspec %s, %s, seed %" PRIx64 ", ", r->version,
		r->target, r->seed);
	if (r->rounds > 1)
		fprintf(to, "%" PRIu32 " rounds, ", r->rounds);
	fprintf(to, "%" PRIu32 ".%" PRIu32 " s\n", r->ms / 1000,
		r->ms % 1000 / 100);
	if (!r->complete) {
		fputs("INCOMPLETE: ", to);
		cli_puts(to, r->end != NULL ? r->end : "the run was cut short");
		fputc('\n', to);
	}
	if (style.color)
		fputs(good ? "\33[32m" : "\33[31m", to);
	counts(to, &sum);
	if (style.color)
		fputs("\33[0m", to);
}
