/*
 * test_report.c - the three reports, byte for byte, of one run that has every
 * verdict and a server that tries to break out of them.
 */
#include "report_sample.h"

static char *text_report(const struct report *r, struct report_style style)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	for (size_t i = 0; i < r->num_cases; i++)
		report_text_case(f, r, &r->cases[i], style);
	report_text_sum(f, r, style);
	fclose(f);
	return out;
}

/* Nothing but printable ASCII and line feeds. */
static void assert_harmless(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c != '\n' && (c < 0x20 || c >= 0x7f))
			fail_msg("byte 0x%02x at '%.20s'", c, text);
	}
}

/* ---- text ------------------------------------------------------------ */

#define TITLE "  A long ping & <end>\n"

static void text_is_as_it_was(void **state)
{
	const struct report_style plain_style = { false, false, false };
	char *got = text_report(&whole, plain_style);

	(void)state;
	assert_is_golden(got, "report.txt");
	assert_harmless(got);
	free(got);
}

static void frames_and_bytes_are_shown_when_asked_for(void **state)
{
	const struct report_style hex = { false, true, true };
	char *got = text_report(&whole, hex);

	(void)state;
	assert_non_null(strstr(got, "PASS   ping.max" TITLE "FAIL"));
	assert_non_null(strstr(got, "SKIP   ping.max" TITLE
				    "  reason    no mesh key\n"));
	assert_non_null(strstr(got, "ping 20 bytes\n"
				    "               0  01 02 03 04 05 06 07 08 "
				    "09 0a 0b 0c 0d 0e 0f 10\n"
				    "              10  11 12 13 14\n"));
	assert_non_null(strstr(got, "\n               0  1b 5d ...\n"));
	assert_harmless(got);
	free(got);
}

static void colour_is_only_added(void **state)
{
	const struct report_style style = { true, false, false };
	char *got = text_report(&whole, style), *to = got;

	(void)state;
	assert_non_null(strstr(got, "\33[31mFAIL  \33[0m ping.max"));
	assert_non_null(strstr(got, "\33[33mFAIL  \33[0m ping.shy"));
	for (char *p = got; *p != '\0';) {
		if (*p == '\33')
			p = strchr(p, 'm') + 1;
		else
			*to++ = *p++;
	}
	*to = '\0';
	assert_is_golden(got, "report.txt");
	free(got);
}

static void a_run_that_was_cut_short_says_so_everywhere(void **state)
{
	const struct report_style style = { false, false, false };
	struct report cut = whole;
	char *text, *json, *xml;

	(void)state;
	cut.complete = false;
	cut.end = "interrupted \x1b";
	cut.num_cases = 1; /* a PASS */
	text = text_report(&cut, style);
	json = machine_report(report_json, &cut);
	xml = machine_report(report_junit, &cut);
	assert_non_null(strstr(text, "INCOMPLETE: interrupted \\x1b\n"));
	assert_non_null(strstr(json, "\"complete\":false"));
	assert_non_null(strstr(json, "\"end\":\"interrupted \\u001b\""));
	assert_non_null(strstr(xml, "tests=\"2\" failures=\"0\" errors=\"1\""));
	assert_non_null(strstr(xml, "<error type=\"INCOMPLETE\" "
				    "message=\"interrupted \xef\xbf\xbd\"/>"));
	free(text);
	free(json);
	free(xml);
}

static void skipped_cases_are_counted_by_reason(void **state)
{
	const struct report_style style = { false, false, false };
	static const char *const reasons[] = { "a", "b\x1b", "a", "a" };
	struct result res[4];
	struct report_case rc[4];
	struct report r = whole;
	char *got;

	(void)state;
	memset(rc, 0, sizeof(rc));
	for (size_t i = 0; i < 4; i++) {
		res[i] = results[VERDICT_SKIP];
		strcpy(res[i].reason, reasons[i]);
		rc[i].result = &res[i];
	}
	res[3].verdict = VERDICT_PASS;
	r.cases = rc;
	r.num_cases = 4;
	got = text_report(&r, style);
	assert_memory_equal(got, "skipped: 2, a\nskipped: 1, b\\x1b\nleft", 36);
	free(got);
}

static void long_scripts_are_shown_around_the_failing_line(void **state)
{
	const struct report_style style = { false, false, false };
	char lines[400] = "";
	struct scenario_file f = file;
	struct scenario_case c = must_case;
	struct scenario_instance in = { &c, "ping.max", { 0 } };
	struct result res = results[VERDICT_ERROR];
	struct report_case rc = cases[VERDICT_ERROR];
	struct report r = whole;
	char *got;

	(void)state;
	for (int i = 1; i <= 90; i++)
		sprintf(lines + strlen(lines), "L%d\n", i);
	f.text = lines;
	f.len = strlen(lines);
	f.num_lines = 90;
	c.file = &f;
	c.last_line = 90;
	res.what = &in;
	res.at.line = 50;
	rc.result = &res;
	r.cases = &rc;
	r.num_cases = 1;
	got = text_report(&r, style);
	assert_null(strstr(got, "L37\n"));
	assert_non_null(strstr(got, "\n      38    L38\n"));
	assert_non_null(strstr(got, "\n      50  > L50\n"));
	assert_non_null(strstr(got, "\n      62    L62\n"));
	assert_null(strstr(got, "L63\n"));
	free(got);
	c.last_line = 88; /* another case follows */
	res.at.line = 85;
	got = text_report(&r, style);
	assert_non_null(strstr(got, "\n      88    L88\n"));
	assert_null(strstr(got, "L89\n"));
	free(got);
}

/* ---- for machines ---------------------------------------------------- */

static void json_is_as_it_was(void **state)
{
	char *got = machine_report(report_json, &whole);

	(void)state;
	assert_is_golden(got, "report.json");
	free(got);
}

static void junit_is_as_it_was(void **state)
{
	char *got = machine_report(report_junit, &whole);

	(void)state;
	assert_is_golden(got, "report.xml");
	free(got);
}

/* ---- what all share -------------------------------------------------- */

static void the_strictest_rule_gives_the_level(void **state)
{
	(void)state;
	assert_int_equal(report_level(&spec, &must), SPEC_MUST);
	assert_int_equal(report_level(&spec, &should), SPEC_SHOULD);
	assert_int_equal(report_level(&spec, &both), SPEC_MUST);
	assert_int_equal(report_level(&spec, &lost), SPEC_MUST);
}

static void only_what_is_not_as_expected_counts(void **state)
{
	struct report_sum sum;

	(void)state;
	report_count(&sum, &whole);
	assert_int_equal(sum.unexpected, 5); /* not XFAIL, SKIP, PASS */
	assert_int_equal(sum.tolerated, 1);
	assert_int_equal(sum.by[VERDICT_FAIL], 1);
	cases[VERDICT_COUNT].tolerated = false;
	report_count(&sum, &whole);
	cases[VERDICT_COUNT].tolerated = true;
	assert_int_equal(sum.unexpected, 6);
	assert_int_equal(sum.by[VERDICT_FAIL], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_it_was),
		cmocka_unit_test(frames_and_bytes_are_shown_when_asked_for),
		cmocka_unit_test(colour_is_only_added),
		cmocka_unit_test(a_run_that_was_cut_short_says_so_everywhere),
		cmocka_unit_test(skipped_cases_are_counted_by_reason),
		cmocka_unit_test(
			long_scripts_are_shown_around_the_failing_line),
		cmocka_unit_test(json_is_as_it_was),
		cmocka_unit_test(junit_is_as_it_was),
		cmocka_unit_test(the_strictest_rule_gives_the_level),
		cmocka_unit_test(only_what_is_not_as_expected_counts),
	};

	fill_cases();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
