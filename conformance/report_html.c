/*
 * report_html.c - the report as one page.
 *
 *   how it went --> counts by level --> what is not as expected
 *     --> rules with their cases --> cases, folded (report_html_case.c)
 */
#include "report_html.h"

#include <inttypes.h>

#include "html.h"

enum { COLUMNS = VERDICT_COUNT + 1 }; /* and one for tolerated failures */

static int column_of(const struct report_case *c)
{
	enum verdict v = c->result->verdict;

	if (c->tolerated)
		return VERDICT_COUNT;
	return v < VERDICT_COUNT ? (int)v : VERDICT_ERROR;
}

static void header(FILE *to, const struct report *r)
{
	struct report_sum sum;
	bool good;

	report_count(&sum, r);
	good = sum.unexpected == 0 && r->complete;
	fputs("<h1>derpspec: <code>", to);
	html_text(to, r->target);
	fprintf(to, "</code></h1>\n<p class=\"banner %s\">",
		good ? "good" : "bad");
	if (good)
		fputs("Everything was as expected.", to);
	else if (sum.unexpected == 0)
		fputs("The run is not complete.", to);
	else
		fprintf(to, "%zu of %zu cases were not as expected.",
			sum.unexpected, r->num_cases);
	fputs("</p>\n", to);
	if (!r->complete) {
		fputs("<p class=\"bad\">Cut short: ", to);
		html_text(to, r->end != NULL ? r->end : "it was cut short");
		fputs("</p>\n", to);
	}
	fputs("<p class=\"dim\">derpspec ", to);
	html_text(to, r->version);
	fprintf(to,
		", seed <code>%" PRIx64 "</code>, %" PRIu32 ".%" PRIu32 " s",
		r->seed, r->ms / 1000, r->ms % 1000 / 100);
	if (r->rounds > 1)
		fprintf(to, ", %" PRIu32 " rounds", r->rounds);
	if (r->num_slow > 0)
		fprintf(to, ", %zu @slow cases left out", r->num_slow);
	if (r->num_safe > 0)
		fprintf(to, ", %zu that may do harm left out", r->num_safe);
	fputs("</p>\n", to);
}

static void level_row(FILE *to, const char *name, const size_t n[COLUMNS])
{
	fprintf(to, "<tr><th>%s</th>", name);
	for (int v = 0; v < COLUMNS; v++) {
		fputs("<td class=\"n\">", to);
		if (n[v] > 0)
			fprintf(to, "%zu", n[v]);
		fputs("</td>", to);
	}
	fputs("</tr>\n", to);
}

static void by_level(FILE *to, const struct report *r)
{
	static const enum spec_level levels[] = { SPEC_MUST, SPEC_SHOULD,
						  SPEC_MAY };
	size_t all[COLUMNS] = { 0 };

	fputs("<h2 id=\"summary\">Summary</h2>\n<div class=\"wide\"><table>"
	      "<thead><tr><th>level</th>",
	      to);
	for (int v = 0; v < VERDICT_COUNT; v++)
		fprintf(to, "<th class=\"n\">%s</th>",
			verdict_name((enum verdict)v));
	fputs("<th class=\"n\">not kept, tolerated</th></tr></thead><tbody>\n",
	      to);
	for (size_t k = 0; k < sizeof(levels) / sizeof(*levels); k++) {
		size_t n[COLUMNS] = { 0 };

		for (size_t i = 0; i < r->num_cases; i++) {
			if (r->cases[i].level != levels[k])
				continue;
			n[column_of(&r->cases[i])]++;
			all[column_of(&r->cases[i])]++;
		}
		level_row(to, report_level_name(levels[k]), n);
	}
	level_row(to, "all", all);
	fputs("</tbody></table></div>\n", to);
}

static void unexpected(FILE *to, const struct report *r)
{
	size_t num = 0;

	for (size_t i = 0; i < r->num_cases; i++) {
		const struct report_case *c = &r->cases[i];

		if (report_outcome(c) < REPORT_FAILURE && !c->tolerated)
			continue;
		if (num++ == 0)
			fputs("<h2 id=\"unexpected\">Not as expected</h2>\n"
			      "<ul>\n",
			      to);
		fprintf(to, "<li><span class=\"v %s\">%s</span> <a href=\"",
			html_state(c), verdict_name(c->result->verdict));
		html_id(to, "#is-", c->result->what->name);
		fputs("\"><code>", to);
		html_text(to, c->result->what->name);
		fputs("</code></a> ", to);
		html_text(to, c->result->what->of->title);
		if (c->tolerated)
			fprintf(to, " <span class=\"dim\">(%s)</span>",
				report_level_name(c->level));
		fputs("</li>\n", to);
	}
	if (num > 0)
		fputs("</ul>\n", to);
}

/* ---- rules ----------------------------------------------------------- */

struct rule_sum {
	size_t good, warn, bad;
};

static bool first_of_case(const struct report *r, size_t i)
{
	return i == 0 ||
	       r->cases[i - 1].result->what->of != r->cases[i].result->what->of;
}

static void rule_cases(FILE *to, const struct report *r, const char *id)
{
	for (size_t i = 0; i < r->num_cases; i++) {
		const struct scenario_case *of = r->cases[i].result->what->of;

		if (!first_of_case(r, i) || !scenario_has(of->reqs, id))
			continue;
		fputs("<a href=\"", to);
		html_id(to, "#case-", of->id);
		fputs("\"><code>", to);
		html_text(to, of->id);
		fputs("</code></a> ", to);
	}
}

static void number(FILE *to, size_t n, const char *state)
{
	if (n > 0)
		fprintf(to, "<td class=\"n %s\">%zu</td>", state, n);
	else
		fputs("<td></td>", to);
}

static void rule_row(FILE *to, const struct report *r,
		     const struct spec_rule *rule)
{
	struct rule_sum n = { 0, 0, 0 };

	for (size_t i = 0; i < r->num_cases; i++) {
		const struct report_case *c = &r->cases[i];

		if (!scenario_has(c->result->what->of->reqs, rule->id))
			continue;
		if (report_outcome(c) == REPORT_GOOD)
			n.good++;
		else if (report_outcome(c) == REPORT_SKIPPED)
			n.warn++;
		else
			n.bad++;
	}
	if (n.good + n.warn + n.bad == 0)
		return;
	fputs("<tr id=\"", to);
	html_id(to, "rule-", rule->id);
	fputs("\"><td><code>", to);
	html_text(to, rule->id);
	fputs("</code></td><td>", to);
	html_text(to, rule->level_text);
	fputs("</td>", to);
	number(to, n.good, "good");
	number(to, n.warn, "warn");
	number(to, n.bad, "bad");
	fputs("<td>", to);
	html_rule(to, rule->text);
	fputs("<br>", to);
	rule_cases(to, r, rule->id);
	fputs("</td></tr>\n", to);
}

static void by_rule(FILE *to, const struct report *r)
{
	fputs("<h2 id=\"rules\">Rules</h2>\n<details><summary>Every rule that "
	      "was tested, with its cases: passed; skipped or known; not as "
	      "expected</summary><div class=\"wide\"><table><thead><tr>"
	      "<th>rule</th><th>level</th><th>good</th><th>other</th>"
	      "<th>bad</th><th>text and cases</th></tr></thead><tbody>\n",
	      to);
	for (size_t i = 0; i < r->spec->num_rules; i++)
		rule_row(to, r, &r->spec->rules[i]);
	fputs("</tbody></table></div></details>\n", to);
}

static void by_case(FILE *to, const struct report *r)
{
	size_t from = 0;

	fputs("<h2 id=\"cases\">Cases</h2>\n<div id=\"filter\" hidden>"
	      "<label>Show <select><option value=\"\">all</option>"
	      "<option value=\"bad\">not as expected</option>"
	      "<option value=\"warn\">skipped or known</option>"
	      "<option value=\"good\">passed</option></select></label>"
	      "<label>with the text <input type=\"search\"></label>"
	      "<output></output></div>\n",
	      to);
	for (size_t i = 1; i <= r->num_cases; i++) {
		if (i < r->num_cases && !first_of_case(r, i))
			continue;
		html_case(to, r, from, i);
		from = i;
	}
}

void report_html(FILE *to, const struct report *r)
{
	html_begin(to, "derpspec report");
	header(to, r);
	by_level(to, r);
	unexpected(to, r);
	by_rule(to, r);
	by_case(to, r);
	html_end(to);
}
