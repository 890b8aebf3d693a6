/*
 * test_report_ci.c - the reports for CI and the baseline of a run, byte for
 * byte, and what a server does to get out of them.
 */
#include "report_sample.h"

#include "baseline.h"

/* ---- as they were ---------------------------------------------------- */

struct writer {
	const char *name, *golden;
	void (*write)(FILE *, const struct report *);
};

static struct writer writers[] = {
	{ "tap", "report.tap", report_tap },
	{ "github", "report.github", report_github },
	{ "markdown", "report.md", report_markdown },
	{ "baseline", "report.baseline", report_baseline },
	{ "html", "report.html", report_html },
};

#define NUM_WRITERS (sizeof(writers) / sizeof(*writers))

static void report_is_as_it_was(void **state)
{
	const struct writer *w = *state;
	char *got = machine_report(w->write, &whole);

	assert_is_golden(got, w->golden);
	free(got);
}

/* ---- attacks --------------------------------------------------------- */

static const char evil_text[] =
	"\n::error::owned%0A::error::x\n##[error]y\n"
	"...\nok 1 - z # SKIP\n# TODO\nBail out!\n"
	"</code></pre></details><script>alert(1)</script><b title=\"'\">"
	"[a](http://evil.example) www.evil.example |`~*_@all "
	"\xff\xfe\x01\x1b[2J\" 'q' \\\"";

/* One failed case whose texts are all evil. */
struct attack {
	struct trace_entry entry;
	struct result res;
	struct report_case rc;
	struct report r;
};

static void attack_begin(struct attack *a)
{
	memset(a, 0, sizeof(*a));
	a->entry = (struct trace_entry){ .conn = "A", .dir = '<', .len = 3 };
	snprintf(a->entry.text, sizeof(a->entry.text), "%.159s", evil_text);
	a->res = results[VERDICT_FAIL];
	snprintf(a->res.reason, sizeof(a->res.reason), "%.255s", evil_text);
	snprintf(a->res.expected, sizeof(a->res.expected), "%.255s", evil_text);
	snprintf(a->res.actual, sizeof(a->res.actual), "%.255s", evil_text);
	a->res.trace = &a->entry;
	a->res.num_trace = 1;
	a->rc = cases[VERDICT_FAIL];
	a->rc.result = &a->res;
	a->r = whole;
	a->r.cases = &a->rc;
	a->r.num_cases = 1;
	a->r.complete = false;
	a->r.end = evil_text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		n++;
		text += strlen(what);
	}
	return n;
}

static void assert_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text != '\n' && (*text < 0x20 || *text >= 0x7f))
			fail_msg("a byte that is not printable");
	}
}

static void a_server_cannot_break_out_of_any_report(void **state)
{
	const struct writer *w = *state;
	struct attack a;
	char *good, *got;

	attack_begin(&a);
	got = machine_report(w->write, &a.r);
	assert_printable(got);
	assert_null(strstr(got, "\n::error::owned"));
	assert_null(strstr(got, "\nok 1 - z"));
	/* the same lines, whatever the texts are */
	for (char *p = a.entry.text; *p != '\0'; p++)
		*p = 'x';
	for (char *p = a.res.reason; *p != '\0'; p++)
		*p = 'x';
	memcpy(a.res.expected, a.res.reason, sizeof(a.res.reason));
	memcpy(a.res.actual, a.res.reason, sizeof(a.res.reason));
	a.r.end = "x";
	good = machine_report(w->write, &a.r);
	assert_int_equal(count(got, "\n"), count(good, "\n"));
	free(good);
	free(got);
}

static void markup_is_the_same_whatever_a_server_says(void **state)
{
	static const char *const marks[] = { "<", ">", "\"", "'", "`", "|", "[",
					     "]", "*", "_",  "~", "@", "." };
	const struct writer *w = *state;
	bool html = w->write == report_html;
	struct attack a;
	char *good, *got;

	attack_begin(&a);
	got = machine_report(w->write, &a.r);
	assert_null(strstr(got, "<script>alert"));
	memset(a.entry.text, 'x', strlen(a.entry.text));
	memset(a.res.reason, 'x', strlen(a.res.reason));
	memset(a.res.expected, 'x', strlen(a.res.expected));
	memset(a.res.actual, 'x', strlen(a.res.actual));
	a.r.end = "x";
	good = machine_report(w->write, &a.r);
	for (size_t i = 0; i < (html ? 4 : sizeof(marks) / sizeof(*marks)); i++)
		if (html || marks[i][0] != '\'')
			assert_int_equal(count(got, marks[i]),
					 count(good, marks[i]));
	free(good);
	free(got);
}

static void an_annotation_stays_in_its_properties(void **state)
{
	struct attack a;
	char *got;

	(void)state;
	attack_begin(&a);
	a.r.complete = true;
	got = machine_report(report_github, &a.r);
	assert_int_equal(count(got, "\n"), 1);
	assert_memory_equal(got,
			    "::error file=cases/ping.derp,line=5,title="
			    "FAIL ping.max[N='1\"']::",
			    65);
	assert_null(strstr(got, "owned%0A"));
	assert_non_null(strstr(got, "owned%250A"));
	free(got);
}

static void commas_and_colons_in_a_file_name_are_escaped(void **state)
{
	struct scenario_file odd = file;
	struct scenario_case c = must_case;
	struct scenario_instance in = { &c, "a,b::c", { 0 } };
	struct attack a;
	char *got;

	(void)state;
	attack_begin(&a);
	odd.name = "x,line=9::y%.derp";
	c.file = &odd;
	a.res.what = &in;
	got = machine_report(report_github, &a.r);
	assert_non_null(strstr(got, "file=x%2Cline=9%3A%3Ay%25.derp,line=5,"
				    "title=FAIL a%2Cb%3A%3Ac::"));
	free(got);
}

/* Chromium reads it in test_report_html.sh. */
static void the_page_of_an_attack_is_as_it_was(void **state)
{
	struct attack a;
	char *got;

	(void)state;
	attack_begin(&a);
	got = machine_report(report_html, &a.r);
	assert_is_golden(got, "attack.html");
	free(got);
}

/* ---- TAP ------------------------------------------------------------- */

static void tap_bails_out_of_a_run_that_was_cut_short(void **state)
{
	struct report cut = whole;
	char *got;

	(void)state;
	cut.complete = false;
	cut.end = "interrupted";
	cut.num_cases = 1;
	got = machine_report(report_tap, &cut);
	assert_non_null(strstr(got, "\n1..1\n"));
	assert_non_null(strstr(got, "\nBail out! interrupted\n"));
	free(got);
	cut.end = NULL;
	got = machine_report(report_tap, &cut);
	assert_non_null(strstr(got, "\nBail out! the run was cut short\n"));
	free(got);
}

static void a_reason_cannot_add_a_directive(void **state)
{
	struct attack a;
	char *got;

	(void)state;
	attack_begin(&a);
	a.res.verdict = VERDICT_SKIP;
	strcpy(a.res.reason, "a # TODO b \\# c");
	got = machine_report(report_tap, &a.r);
	assert_non_null(strstr(got, " # SKIP a \\# TODO b \\\\\\# c\n"));
	free(got);
}

/* ---- Markdown -------------------------------------------------------- */

static void many_failures_become_names_and_then_a_number(void **state)
{
	enum { MANY = 500 };
	struct report_case *rc = calloc(MANY, sizeof(*rc));
	struct report r = whole;
	char *got;

	(void)state;
	assert_non_null(rc);
	for (size_t i = 0; i < MANY; i++)
		rc[i] = cases[VERDICT_FAIL];
	r.cases = rc;
	r.num_cases = MANY;
	got = machine_report(report_markdown, &r);
	assert_int_equal(count(got, "<details>"), 40);
	assert_int_equal(count(got, "\n- FAIL <code>"), 360);
	assert_non_null(strstr(got, "\nand 100 more\n"));
	assert_true(strlen(got) < 1 << 20);
	free(got);
	free(rc);
}

/* ---- baseline -------------------------------------------------------- */

static void the_baseline_can_be_read_back(void **state)
{
	const struct select_item items[] = {
		{ .id = "ping.max", .name = "ping.max" },
		{ .id = "ping.max", .name = "ping.max[N='1\"']" },
	};
	struct baseline b = { NULL, 0 };
	char *got = machine_report(report_baseline, &whole);

	(void)state;
	assert_int_equal(
		baseline_parse(&b, "x", got, strlen(got), items, 2, stderr), 0);
	assert_int_equal(b.num_entries, 2);
	assert_string_equal(b.entries[0].selector, "ping.max[N='1\"']");
	assert_string_equal(b.entries[0].source, "TODO: where");
	assert_string_equal(b.entries[1].reason, "a <known> one");
	assert_string_equal(b.entries[1].source, "server.go f");
	baseline_free(&b);
	free(got);
}

static void the_baseline_says_that_a_run_was_cut_short(void **state)
{
	struct report cut = whole;
	char *got;

	(void)state;
	cut.complete = false;
	got = machine_report(report_baseline, &cut);
	assert_non_null(strstr(got, "# The run was cut short"));
	free(got);
}

/* ---- HTML ------------------------------------------------------------ */

static void the_page_loads_nothing(void **state)
{
	char *got = machine_report(report_html, &whole);

	(void)state;
	assert_non_null(strstr(got, "default-src 'none'"));
	assert_null(strstr(got, " src="));
	assert_null(strstr(got, "url("));
	assert_null(strstr(got, "<link"));
	assert_int_equal(count(got, "<script>"), 1);
	for (const char *p = got; (p = strstr(p, "href=\"")) != NULL; p++)
		assert_int_equal(p[6], '#');
	free(got);
}

static void code_in_a_rule_is_code(void **state)
{
	static char text[] = "A `<b>` or `c`; one ` more & all.";
	struct spec_rule rule = rules[0];
	const struct spec one_rule = { &rule, 1 };
	struct report r = whole;
	char *got;

	(void)state;
	rule.text = text;
	r.spec = &one_rule;
	got = machine_report(report_html, &r);
	assert_int_equal(count(got, "A <code>&lt;b&gt;</code> or "
				    "<code>c</code>; one ` more &amp; all."),
			 2); /* the table of rules, the case */
	free(got);
}

static void every_link_of_the_page_leads_somewhere(void **state)
{
	char *got = machine_report(report_html, &whole), want[200];
	size_t n, links = 0;

	(void)state;
	for (const char *p = got; (p = strstr(p, "href=\"#")) != NULL; p++) {
		n = strcspn(p + 7, "\"");
		assert_true(n > 0 && n < 150);
		snprintf(want, sizeof(want), "id=\"%.*s\"", (int)n, p + 7);
		assert_non_null(strstr(got, want));
		links++;
	}
	assert_true(links >= 8);
	free(got);
}

static void the_failing_line_is_marked(void **state)
{
	char *got = machine_report(report_html, &whole);

	(void)state;
	assert_non_null(strstr(got, "<mark>    5 > A&lt; closed</mark>\n"));
	assert_int_equal(count(got, "<mark>"), 2); /* a line of each case */
	free(got);
}

int main(void)
{
	struct CMUnitTest tests[3 * NUM_WRITERS + 12] = {
		cmocka_unit_test(an_annotation_stays_in_its_properties),
		cmocka_unit_test(commas_and_colons_in_a_file_name_are_escaped),
		cmocka_unit_test(the_page_of_an_attack_is_as_it_was),
		cmocka_unit_test(tap_bails_out_of_a_run_that_was_cut_short),
		cmocka_unit_test(a_reason_cannot_add_a_directive),
		cmocka_unit_test(many_failures_become_names_and_then_a_number),
		cmocka_unit_test(the_baseline_can_be_read_back),
		cmocka_unit_test(the_baseline_says_that_a_run_was_cut_short),
		cmocka_unit_test(the_page_loads_nothing),
		cmocka_unit_test(code_in_a_rule_is_code),
		cmocka_unit_test(every_link_of_the_page_leads_somewhere),
		cmocka_unit_test(the_failing_line_is_marked),
	};
	size_t n = 12;

	for (size_t i = 0; i < NUM_WRITERS; i++) {
		struct writer *w = &writers[i];

		tests[n++] = (struct CMUnitTest){ w->name, report_is_as_it_was,
						  NULL, NULL, w };
		tests[n++] = (struct CMUnitTest){
			w->name, a_server_cannot_break_out_of_any_report, NULL,
			NULL, w
		};
		if (w->write == report_html || w->write == report_markdown)
			tests[n++] = (struct CMUnitTest){
				w->name,
				markup_is_the_same_whatever_a_server_says, NULL,
				NULL, w
			};
	}
	fill_cases();
	return _cmocka_run_group_tests("report_ci", tests, n, NULL, NULL);
}
