/*
 * report_html_case.c - one case of the HTML report.
 *
 *   case: title, rules, script with the failing lines marked
 *     instance: expected, actual, annotated frames, command to repeat it
 *
 * A case that went wrong is open, so that the page can be read, printed and
 * searched without a script.
 */
#include "report_html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

const char *html_state(const struct report_case *c)
{
	switch (report_outcome(c)) {
	case REPORT_GOOD:
		return "good";
	case REPORT_SKIPPED:
		return "warn";
	case REPORT_FAILURE:
	case REPORT_BROKEN:
		return "bad";
	}
	return "bad";
}

static void term(FILE *to, const char *name, const char *text, const char *tag)
{
	if (text == NULL || text[0] == '\0')
		return;
	fprintf(to, "<dt>%s</dt><dd><%s>", name, tag);
	html_text(to, text);
	fprintf(to, "</%s></dd>\n", tag);
}

/* ---- an instance ----------------------------------------------------- */

static void hex(FILE *to, const struct trace_entry *e)
{
	uint32_t n = e->num_head < TRACE_BYTES ? e->num_head : TRACE_BYTES;

	for (uint32_t i = 0; i < n; i++)
		fprintf(to, "%s%02x",
			i == 0        ? ""
			: i % 16 == 0 ? "\n"
				      : " ",
			e->head[i]);
	if (n > 0 && n < e->len)
		fputs(" ...", to);
}

static void frame(FILE *to, const struct trace_entry *e)
{
	static const char *const way[] = { "sent", "received", "event" };
	int w = e->dir == '>' ? 0 : e->dir == '<' ? 1 : 2;

	fprintf(to, "<tr><td class=\"n m\">%" PRIu64 ".%03" PRIu64 "</td><td>",
		e->us / 1000, e->us % 1000);
	html_text(to, e->conn);
	fprintf(to, "</td><td>%s</td><td class=\"m\">", way[w]);
	if (e->type != UINT32_MAX)
		fprintf(to, "0x%02" PRIx32, e->type);
	fputs("</td><td class=\"n\">", to);
	if (w != 2)
		fprintf(to, "%" PRIu32, e->len);
	fputs("</td><td class=\"m\">", to);
	html_text(to, e->text);
	fputs("</td><td class=\"m\" style=\"white-space:pre\">", to);
	hex(to, e);
	fputs("</td></tr>\n", to);
}

static void trace(FILE *to, const struct result *res)
{
	if (res->num_trace == 0)
		return;
	fputs("<details open><summary>frames</summary>", to);
	if (res->lost_trace > 0)
		fprintf(to, "<p class=\"dim\">The first %zu are not kept.</p>",
			res->lost_trace);
	fputs("<div class=\"wide\"><table><thead><tr><th class=\"n\">ms</th>"
	      "<th>peer</th><th>way</th><th>type</th><th class=\"n\">bytes</th>"
	      "<th>what</th><th>payload</th></tr></thead><tbody>\n",
	      to);
	for (size_t i = 0; i < res->num_trace; i++)
		frame(to, &res->trace[i]);
	fputs("</tbody></table></div></details>\n", to);
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
		fputs("<p class=\"dim\">Run it again:</p><pre>", to);
		html_text(to, text);
		fputs("</pre>\n", to);
	}
	free(text);
}

static void instance(FILE *to, const struct report *r,
		     const struct report_case *c)
{
	const struct result *res = c->result;
	const char *state = html_state(c);
	char message[512];

	report_message(message, sizeof(message), c);
	fputs("<details id=\"", to);
	html_id(to, "is-", res->what->name);
	fprintf(to, "\"%s><summary><span class=\"v %s\">%s</span> <code>",
		strcmp(state, "bad") == 0 || c->tolerated ? " open" : "", state,
		verdict_name(res->verdict));
	html_text(to, res->what->name);
	fprintf(to,
		"</code> <span class=\"dim\">%" PRIu32 " ms</span>"
		"</summary>\n<dl>",
		res->ms);
	term(to, res->late ? "late" : "what", message, "span");
	term(to, "expected", res->expected, "code");
	term(to, "actual", res->actual, "code");
	term(to, "known from", c->xfail_from, "span");
	if (c->bad_rounds > 0 && r->rounds > 1)
		fprintf(to,
			"<dt>rounds</dt><dd>%" PRIu32 " of %" PRIu32 "</dd>",
			c->bad_rounds, r->rounds);
	fputs("</dl>\n", to);
	trace(to, res);
	again(to, r, c);
	fputs("</details>\n", to);
}

/* ---- the case -------------------------------------------------------- */

static void rules(FILE *to, const struct report *r,
		  const struct scenario_item *i)
{
	for (; i != NULL; i = i->next) {
		const struct spec_rule *rule = spec_find(r->spec, i->text);

		fputs("<p><a href=\"", to);
		html_id(to, "#rule-", i->text);
		fputs("\">", to);
		html_text(to, i->text);
		fputs("</a> ", to);
		if (rule != NULL) {
			html_text(to, rule->level_text);
			fputs(": ", to);
			html_rule(to, rule->text);
		} else {
			fputs("(not in docs/protocol.md)", to);
		}
		fputs("</p>\n", to);
	}
}

static bool failed_at(const struct report *r, size_t from, size_t end,
		      uint32_t line)
{
	for (size_t i = from; i < end; i++) {
		const struct report_case *c = &r->cases[i];

		if (c->result->at.line == line &&
		    report_outcome(c) != REPORT_GOOD)
			return true;
	}
	return false;
}

static void script(FILE *to, const struct report *r, size_t from, size_t end)
{
	const struct scenario_case *of = r->cases[from].result->what->of;
	const char *line;
	size_t len;

	fputs("<p class=\"dim\">", to);
	html_text(to, of->file->name);
	fprintf(to, ", line %" PRIu32 "</p><pre>", of->pos.line);
	for (uint32_t n = of->pos.line; n <= of->last_line; n++) {
		bool bad = failed_at(r, from, end, n);

		line = scenario_line(of->file, n, &len);
		if (line == NULL)
			continue;
		fprintf(to, "%s%5" PRIu32 " %c ", bad ? "<mark>" : "", n,
			bad ? '>' : ' ');
		html_bytes(to, line, len);
		fprintf(to, "%s\n", bad ? "</mark>" : "");
	}
	fputs("</pre>\n", to);
}

static bool any(const struct report *r, size_t from, size_t end,
		const char *state)
{
	for (size_t i = from; i < end; i++) {
		if (strcmp(html_state(&r->cases[i]), state) == 0)
			return true;
	}
	return false;
}

void html_case(FILE *to, const struct report *r, size_t from, size_t end)
{
	static const char *const states[] = { "bad", "warn", "good" };
	const struct scenario_case *of = r->cases[from].result->what->of;
	const char *worst = NULL;
	bool open = any(r, from, end, "bad");

	fputs("<details id=\"", to);
	html_id(to, "case-", of->id);
	fputs("\" data-state=\"", to);
	for (size_t i = 0; i < 3; i++) {
		if (!any(r, from, end, states[i]))
			continue;
		fprintf(to, "%s%s", worst != NULL ? " " : "", states[i]);
		if (worst == NULL)
			worst = states[i];
	}
	fprintf(to, "\"%s><summary><span class=\"%s\">&#9679;</span> <code>",
		open ? " open" : "", worst);
	html_text(to, of->id);
	fputs("</code> ", to);
	html_text(to, of->title);
	if (end - from > 1)
		fprintf(to, " <span class=\"dim\">(%zu instances)</span>",
			end - from);
	fputs("</summary>\n", to);
	rules(to, r, of->reqs);
	script(to, r, from, end);
	for (size_t i = from; i < end; i++)
		instance(to, r, &r->cases[i]);
	fputs("</details>\n", to);
}
