/*
 * report_markdown.c - a summary for the page of a CI job.
 *
 *   verdict and target; counts; what is not as expected, folded, each with
 *   expected, actual, trace and the command that repeats it
 *
 * Everything that is not our own text stands in <code> or <pre>, with each
 * character that Markdown or HTML could read as markup (or as an address: the
 * dot) as an entity.  Such a
 * page holds a mebibyte at most: after DETAILS_MAX cases there are names only.
 */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DETAILS_MAX 40
#define NAMES_MAX 400

static void put_entity(FILE *to, char c)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789 ,;/()=?%+-'";

	if (strchr(plain, c) != NULL && c != '\0')
		fputc(c, to);
	else
		fprintf(to, "&#%d;", c);
}

void report_markdown_text(FILE *to, const char *text)
{
	report_escape(to, text, strlen(text), put_entity);
}

static void code(FILE *to, const char *text)
{
	fputs("<code>", to);
	report_markdown_text(to, text);
	fputs("</code>", to);
}

static void row(FILE *to, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	fprintf(to, "- %s: ", name);
	code(to, text);
	fputc('\n', to);
}

static void rules(FILE *to, const struct report *r,
		  const struct scenario_item *i)
{
	for (; i != NULL; i = i->next) {
		const struct spec_rule *rule = spec_find(r->spec, i->text);

		fputs("- rule ", to);
		code(to, i->text);
		if (rule != NULL) {
			fputs(": ", to);
			report_markdown_text(to, rule->text);
		}
		fputc('\n', to);
	}
}

static void trace(FILE *to, const struct result *res)
{
	char *text = NULL;
	size_t len;
	FILE *f;

	if (res->num_trace == 0)
		return;
	fputs("\n<pre>\n", to);
	for (size_t i = 0; i < res->num_trace; i++) {
		f = open_memstream(&text, &len);
		if (f == NULL)
			break;
		report_trace_line(f, &res->trace[i], false);
		if (fclose(f) == 0)
			report_escape(to, text, len - 1, put_entity);
		fputc('\n', to);
		free(text);
		text = NULL;
	}
	fputs("</pre>\n", to);
}

static void again(FILE *to, const struct report *r, const struct report_case *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	report_again(f, r, c);
	if (fclose(f) == 0) {
		fputs("\n<pre>\n", to);
		report_markdown_text(to, text);
		fputs("\n</pre>\n", to);
	}
	free(text);
}

static void headline(FILE *to, const struct report_case *c)
{
	fprintf(to, "%s ", verdict_name(c->result->verdict));
	code(to, c->result->what->name);
	fprintf(to, " (%s%s): ", report_level_name(c->level),
		c->tolerated ? ", does not count" : "");
	report_markdown_text(to, c->result->what->of->title);
}

static void details(FILE *to, const struct report *r,
		    const struct report_case *c)
{
	const struct result *res = c->result;
	char message[512];

	report_message(message, sizeof(message), c);
	fputs("<details><summary>", to);
	headline(to, c);
	fputs("</summary>\n\n", to);
	row(to, "what", message);
	rules(to, r, res->what->of->reqs);
	row(to, "expected", res->expected);
	row(to, "actual", res->actual);
	fputs("- at ", to);
	code(to, res->what->of->file->name);
	fprintf(to, " line %" PRIu32 "\n", report_line(c));
	trace(to, res);
	again(to, r, c);
	fputs("\n</details>\n\n", to);
}

static bool is_listed(const struct report_case *c)
{
	enum report_outcome how = report_outcome(c);

	return c->tolerated || how == REPORT_FAILURE || how == REPORT_BROKEN;
}

static void listed(FILE *to, const struct report *r)
{
	size_t num = 0;

	for (size_t i = 0; i < r->num_cases; i++) {
		const struct report_case *c = &r->cases[i];

		if (!is_listed(c))
			continue;
		if (num == 0)
			fputs("\n### Not as expected\n\n", to);
		num++;
		if (num <= DETAILS_MAX) {
			details(to, r, c);
		} else if (num <= NAMES_MAX) {
			fputs("- ", to);
			headline(to, c);
			fputc('\n', to);
		}
	}
	if (num > NAMES_MAX)
		fprintf(to, "\nand %zu more\n", num - NAMES_MAX);
}

static void count(FILE *to, const char *name, size_t n)
{
	if (n > 0)
		fprintf(to, "| %s | %zu |\n", name, n);
}

static void counts(FILE *to, const struct report *r,
		   const struct report_sum *sum)
{
	fputs("| Verdict | Cases |\n| --- | ---: |\n", to);
	for (int v = 0; v < VERDICT_COUNT; v++)
		count(to, verdict_name((enum verdict)v), sum->by[v]);
	count(to, "SHOULD or MAY not kept", sum->tolerated);
	count(to, "left out: @slow", r->num_slow);
	count(to, "left out: may do harm", r->num_safe);
}

void report_markdown(FILE *to, const struct report *r)
{
	struct report_sum sum;
	bool good;

	report_count(&sum, r);
	good = sum.unexpected == 0 && r->complete;
	fprintf(to, "## derpspec: %s\n\n",
		good ? "as expected" : "NOT as expected");
	code(to, r->target);
	fputs(", derpspec ", to);
	report_markdown_text(to, r->version);
	fprintf(to,
		", seed <code>%" PRIx64 "</code>, %" PRIu32 ".%" PRIu32
		" s\n\n",
		r->seed, r->ms / 1000, r->ms % 1000 / 100);
	if (!r->complete) {
		fputs("**The run is not complete:** ", to);
		code(to, r->end != NULL ? r->end : "it was cut short");
		fputs("\n\n", to);
	}
	counts(to, r, &sum);
	listed(to, r);
}
