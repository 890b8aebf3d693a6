/*
 * cmd_matrix.c - derpspec matrix: implementations side by side.
 *
 *   A.json B.json ... --> a row for each case, a column for each report
 *                     --> Markdown, HTML
 *
 * A cell is the worst verdict of the instances of the case (of one instance,
 * with --instances) and, where they differ, how many have it.  Rows are in
 * the order of the reports.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli_output.h"
#include "cli_text.h"
#include "html.h"
#include "report.h"
#include "report_read.h"

#define REPORTS_MAX 32

struct row {
	const struct read_case *first;
	const char *key;
	size_t place; /* of its first appearance */
};

struct matrix {
	struct read_report *reports;
	size_t num_reports;
	struct row *rows;
	size_t num_rows;
};

struct cell {
	const struct read_case *worst; /* NULL: not in this report */
	size_t num, total;
};

/* ---- cells ----------------------------------------------------------- */

static int badness(const struct read_case *c)
{
	/* a failure that does not count is below all that do */
	return c->tolerated ? 5 : 2 * verdict_badness(c->verdict);
}

static struct cell cell_of(const struct read_report *r, const char *key)
{
	struct cell cell = { NULL, 0, 0 };
	size_t i = report_read_find(r, key);

	for (; i < r->num_cases && strcmp(report_read_key(r, i), key) == 0;
	     i++) {
		const struct read_case *c = &r->cases[i];
		int more = cell.worst == NULL
				   ? 1
				   : badness(c) - badness(cell.worst);

		cell.total++;
		if (more > 0) {
			cell.worst = c;
			cell.num = 1;
		} else if (more == 0) {
			cell.num++;
		}
	}
	return cell;
}

static void cell_text(FILE *to, const struct cell *c)
{
	if (c->worst == NULL) {
		fputc('-', to);
		return;
	}
	fputs(verdict_name(c->worst->verdict), to);
	if (c->worst->tolerated)
		fprintf(to, " (%s)", report_level_name(c->worst->level));
	if (c->num != c->total)
		fprintf(to, " %zu/%zu", c->num, c->total);
}

static const char *cell_class(const struct cell *c)
{
	if (c->worst == NULL)
		return "dim";
	if (report_read_is_bad(c->worst, false))
		return "bad";
	return c->worst->verdict == VERDICT_PASS ? "good" : "warn";
}

/* ---- rows ------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	return (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

static bool make_rows(struct matrix *m)
{
	size_t num = 0, kept = 0;

	for (size_t i = 0; i < m->num_reports; i++)
		num += m->reports[i].num_cases;
	m->rows = calloc(num + 1, sizeof(*m->rows));
	if (m->rows == NULL)
		return false;
	num = 0;
	for (size_t i = 0; i < m->num_reports; i++) {
		const struct read_report *r = &m->reports[i];

		for (size_t k = 0; k < r->num_cases; k++) {
			struct row *row = &m->rows[num++];

			row->first = &r->cases[k];
			row->key = report_read_key(r, k);
			row->place = i * READ_CASES_MAX + r->cases[k].place;
		}
	}
	qsort(m->rows, num, sizeof(*m->rows), by_key);
	for (size_t i = 0; i < num; i++) {
		if (i == 0 || strcmp(m->rows[i].key, m->rows[kept - 1].key))
			m->rows[kept++] = m->rows[i];
	}
	m->num_rows = kept;
	qsort(m->rows, kept, sizeof(*m->rows), by_place);
	return true;
}

static size_t count(const struct read_report *r, const char *class)
{
	size_t n = 0;

	for (size_t i = 0; i < r->num_cases; i++) {
		struct cell c = { &r->cases[i], 1, 1 };

		n += strcmp(cell_class(&c), class) == 0;
	}
	return n;
}

/* ---- Markdown -------------------------------------------------------- */

static void markdown_sum(FILE *to, const struct matrix *m, const char *name,
			 const char *class)
{
	fprintf(to, "| %s | |", name);
	for (size_t i = 0; i < m->num_reports; i++)
		fprintf(to, " %zu |", count(&m->reports[i], class));
	fputc('\n', to);
}

static void markdown(FILE *to, const struct matrix *m)
{
	fputs("| Case | Level |", to);
	for (size_t i = 0; i < m->num_reports; i++) {
		fputs(" <code>", to);
		report_markdown_text(to, m->reports[i].name);
		fprintf(to, "</code>%s |",
			m->reports[i].complete ? "" : " (not complete)");
	}
	fputs("\n| --- | --- |", to);
	for (size_t i = 0; i < m->num_reports; i++)
		fputs(" --- |", to);
	fputc('\n', to);
	markdown_sum(to, m, "not as expected", "bad");
	markdown_sum(to, m, "skipped, known or tolerated", "warn");
	markdown_sum(to, m, "passed", "good");
	for (size_t k = 0; k < m->num_rows; k++) {
		fputs("| <code>", to);
		report_markdown_text(to, m->rows[k].key);
		fprintf(to, "</code> | %s |",
			report_level_name(m->rows[k].first->level));
		for (size_t i = 0; i < m->num_reports; i++) {
			struct cell c = cell_of(&m->reports[i], m->rows[k].key);

			fputc(' ', to);
			cell_text(to, &c);
			fputs(" |", to);
		}
		fputc('\n', to);
	}
}

/* ---- HTML ------------------------------------------------------------ */

static void html_sum(FILE *to, const struct matrix *m, const char *name,
		     const char *class)
{
	fprintf(to, "<tr><th colspan=\"2\">%s</th>", name);
	for (size_t i = 0; i < m->num_reports; i++)
		fprintf(to, "<td class=\"%s\">%zu</td>", class,
			count(&m->reports[i], class));
	fputs("</tr>\n", to);
}

static void html_cell(FILE *to, const struct cell *c)
{
	fprintf(to, "<td class=\"%s\"", cell_class(c));
	if (c->worst != NULL && c->worst->reason != NULL) {
		fputs(" title=\"", to);
		html_text(to, c->worst->reason);
		fputc('"', to);
	}
	fputc('>', to);
	cell_text(to, c);
	fputs("</td>", to);
}

static void html_row(FILE *to, const struct matrix *m, const struct row *row)
{
	fputs("<tr><td><code>", to);
	html_text(to, row->key);
	fputs("</code><br>", to);
	if (row->first->title != NULL)
		html_text(to, row->first->title);
	if (row->first->reqs != NULL) {
		fputs("<br><span class=\"dim\">", to);
		html_text(to, row->first->reqs);
		fputs("</span>", to);
	}
	fprintf(to, "</td><td>%s</td>", report_level_name(row->first->level));
	for (size_t i = 0; i < m->num_reports; i++) {
		struct cell c = cell_of(&m->reports[i], row->key);

		html_cell(to, &c);
	}
	fputs("</tr>\n", to);
}

static void html(FILE *to, const struct matrix *m)
{
	html_begin(to, "derpspec matrix");
	fputs("<h1>derpspec: implementations side by side</h1>\n"
	      "<div class=\"wide\"><table><thead><tr><th>case</th>"
	      "<th>level</th>",
	      to);
	for (size_t i = 0; i < m->num_reports; i++) {
		const struct read_report *r = &m->reports[i];

		fputs("<th title=\"", to);
		html_text(to, r->target);
		fputs("\">", to);
		html_text(to, r->name);
		fputs("<br><span class=\"dim\">", to);
		html_text(to, r->version);
		fprintf(to, "%s</span></th>",
			r->complete ? "" : ", not complete");
	}
	fputs("</tr></thead><tbody>\n", to);
	html_sum(to, m, "not as expected", "bad");
	html_sum(to, m, "skipped, known or tolerated", "warn");
	html_sum(to, m, "passed", "good");
	for (size_t k = 0; k < m->num_rows; k++)
		html_row(to, m, &m->rows[k]);
	fputs("</tbody></table></div>\n", to);
	html_end(to);
}

/* ---- the command ----------------------------------------------------- */

static int write_one(const struct matrix *m, const char *path,
		     void (*write)(FILE *, const struct matrix *))
{
	struct output out;
	int code;

	if (path == NULL)
		return 0;
	code = output_open(&out, path);
	if (code != 0)
		return code;
	write(out.f, m);
	return output_close(&out, true);
}

static int write_all(struct matrix *m, const struct cli_options *o)
{
	const char *page = o->html, *table = o->markdown;
	int code;

	if (page == NULL && table == NULL)
		table = "-";
	if (!make_rows(m)) {
		fputs("derpspec: out of memory\n", stderr);
		return EXIT_OURS;
	}
	code = write_one(m, table, markdown);
	return code != 0 ? code : write_one(m, page, html);
}

int cmd_matrix(const struct cli_command *me, int argc, char **argv)
{
	struct read_report reports[REPORTS_MAX];
	struct matrix m = { reports, 0, NULL, 0 };
	struct cli_options o;
	int code = cli_options_read(&o, me, CLI_FOR_MATRIX, argc, argv);

	if (code >= 0)
		return code;
	code = 0;
	if (o.selectors.num == 0 || o.selectors.num > REPORTS_MAX) {
		fprintf(stderr,
			"derpspec: matrix wants 1 to %d reports: A.json "
			"B.json ...\n",
			REPORTS_MAX);
		code = EXIT_USAGE;
	}
	while (code == 0 && m.num_reports < o.selectors.num) {
		code = report_read_file(&reports[m.num_reports],
					o.selectors.at[m.num_reports],
					!o.instances);
		m.num_reports += code == 0;
	}
	if (code == 0)
		code = write_all(&m, &o);
	for (size_t i = 0; i < m.num_reports; i++)
		report_read_free(&reports[i]);
	free(m.rows);
	cli_options_free(&o);
	return code;
}
