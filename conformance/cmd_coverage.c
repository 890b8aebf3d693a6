/*
 * cmd_coverage.c - derpspec coverage: rules x cases x results.
 *
 *   rules that bind servers --> their cases --> [results in JSON reports]
 *
 * A gap is a rule without a case, a case that names no rule, a rule that says
 * Untested and is tested, and, where reports are given, a rule whose cases
 * were all skipped in all of them.  With --ci each is an annotation.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli_text.h"
#include "report_read.h"

#define REPORTS_MAX 32
#define SPEC_FILE "docs/protocol.md"

struct coverage {
	const struct suite *suite;
	struct read_report *reports;
	size_t num_reports;
	bool ci;
	size_t covered, untested, missing, unknown, stale, not_run;
};

/* Ids and file names are our own, or of --suite: shown as printable text. */
static void gap(const struct coverage *n, const char *file, unsigned line,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void gap(const struct coverage *n, const char *file, unsigned line,
		const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n->ci)
		fputs("::error file=", stdout);
	cli_puts(stdout, file);
	printf(n->ci ? ",line=%u::" : ":%u: ", line);
	cli_puts(stdout, text);
	putchar('\n');
}

/* ---- results --------------------------------------------------------- */

struct results {
	size_t by[VERDICT_COUNT], tolerated, judged;
};

static void add_results(struct results *sum, const struct read_report *r,
			const char *id)
{
	size_t i = report_read_find(r, id);

	for (; i < r->num_cases && strcmp(r->cases[i].of, id) == 0; i++) {
		const struct read_case *c = &r->cases[i];

		if (c->tolerated)
			sum->tolerated++;
		else
			sum->by[c->verdict]++;
		sum->judged += c->verdict != VERDICT_SKIP &&
			       c->verdict != VERDICT_INCONC;
	}
}

static void results_of(struct coverage *n, const struct spec_rule *rule,
		       size_t num_cases)
{
	const struct scenario_case *c = n->suite->scenario->cases;
	struct results sum;

	memset(&sum, 0, sizeof(sum));
	for (; c != NULL; c = c->next) {
		if (!scenario_has(c->reqs, rule->id))
			continue;
		for (size_t i = 0; i < n->num_reports; i++)
			add_results(&sum, &n->reports[i], c->id);
	}
	if (!n->ci) {
		printf("%-20s %-10s %zu case%s", rule->id, rule->level_text,
		       num_cases, num_cases == 1 ? "" : "s");
		for (int v = 0; v < VERDICT_COUNT; v++) {
			if (sum.by[v] > 0)
				printf(", %zu %s", sum.by[v],
				       verdict_name((enum verdict)v));
		}
		if (sum.tolerated > 0)
			printf(", %zu tolerated", sum.tolerated);
		putchar('\n');
	}
	if (sum.judged == 0) {
		n->not_run++;
		gap(n, SPEC_FILE, rule->line,
		    "%s (%s) was not judged in any report", rule->id,
		    rule->level_text);
	}
}

/* ---- rules and cases ------------------------------------------------- */

static void cover_rule(struct coverage *n, const struct spec_rule *r)
{
	const struct scenario_case *c = n->suite->scenario->cases, *one = NULL;
	size_t num = 0;

	for (; c != NULL; c = c->next) {
		if (scenario_has(c->reqs, r->id) && num++ == 0)
			one = c;
	}
	if (one != NULL && r->untested[0] == '\0') {
		n->covered++;
		if (n->num_reports > 0)
			results_of(n, r, num);
	} else if (one != NULL) {
		n->stale++;
		gap(n, SPEC_FILE, r->line, "%s says Untested, but %s tests it",
		    r->id, one->id);
	} else if (r->untested[0] != '\0') {
		n->untested++;
	} else {
		n->missing++;
		gap(n, SPEC_FILE, r->line, "%s (%s) has no case", r->id,
		    r->level_text);
	}
}

static void cover_cases(struct coverage *n)
{
	const struct scenario_case *c = n->suite->scenario->cases;

	for (; c != NULL; c = c->next) {
		for (const struct scenario_item *i = c->reqs; i != NULL;
		     i = i->next) {
			if (spec_find(&n->suite->spec, i->text) != NULL)
				continue;
			n->unknown++;
			gap(n, c->file->name, i->pos.line,
			    "%s names %s, which " SPEC_FILE " lacks", c->id,
			    i->text);
		}
	}
}

static int cover(struct coverage *n)
{
	const struct spec *spec = &n->suite->spec;

	for (size_t i = 0; i < spec->num_rules; i++) {
		if (spec_binds_server(&spec->rules[i]))
			cover_rule(n, &spec->rules[i]);
	}
	cover_cases(n);
	printf("rules that bind servers: %zu with a case, %zu without "
	       "for a reason, %zu without",
	       n->covered + n->stale, n->untested, n->missing);
	if (n->num_reports > 0)
		printf(", %zu not judged", n->not_run);
	putchar('\n');
	return n->missing + n->unknown + n->stale + n->not_run > 0
		       ? EXIT_UNEXPECTED
		       : EXIT_GOOD;
}

static int read_reports(struct coverage *n, const struct cli_words *files)
{
	int code = 0;

	if (files->num > REPORTS_MAX) {
		fprintf(stderr, "derpspec: coverage takes at most %d reports\n",
			REPORTS_MAX);
		return EXIT_USAGE;
	}
	while (code == 0 && n->num_reports < files->num) {
		code = report_read_file(&n->reports[n->num_reports],
					files->at[n->num_reports], true);
		n->num_reports += code == 0;
	}
	return code;
}

int cli_coverage(const struct cli_command *me, int argc, char **argv)
{
	struct read_report reports[REPORTS_MAX];
	struct coverage n = { .reports = reports };
	struct cli_options o;
	struct suite s;
	int code = cli_options_read(&o, me, CLI_FOR_COVERAGE, argc, argv);

	if (code >= 0)
		return code;
	n.ci = o.ci;
	code = read_reports(&n, &o.selectors);
	if (code == 0)
		code = suite_open(&s, o.suite);
	if (code == 0) {
		n.suite = &s;
		code = cover(&n);
		suite_close(&s);
	}
	for (size_t i = 0; i < n.num_reports; i++)
		report_read_free(&reports[i]);
	cli_options_free(&o);
	return code;
}
