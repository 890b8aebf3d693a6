/*
 * test_report_read.c - JSON reports read back: what the writer wrote, and
 * what nobody should have written.
 */
#include "report_sample.h"

#include "report_read.h"

/* An exact copy, so that one byte over is seen. */
static int read_text(struct read_report *r, const char *text, size_t len,
		     bool by_case, const char **wrong)
{
	char *exact = malloc(len > 0 ? len : 1);
	size_t at = 0;
	int e;

	assert_non_null(exact);
	memcpy(exact, text, len);
	e = report_read(r, exact, len, by_case, wrong, &at);
	assert_true(at <= len);
	free(exact);
	return e;
}

/* ---- good ones ------------------------------------------------------- */

static void what_was_written_is_read(void **state)
{
	struct report two = whole;
	struct read_report r;
	const char *wrong;
	char *js;

	(void)state;
	two.num_cases = 2;
	two.cases = &cases[0];
	js = machine_report(report_json, &two);
	assert_int_equal(read_text(&r, js, strlen(js), false, &wrong), 0);
	assert_string_equal(r.version, "0.1.0");
	assert_string_equal(r.target, "derp://[::1]:3340/derp");
	assert_true(r.complete);
	assert_int_equal(r.num_cases, 2);
	assert_string_equal(r.cases[0].id, "ping.max");
	assert_int_equal(r.cases[0].verdict, VERDICT_PASS);
	assert_string_equal(r.cases[1].id, "ping.max[N='1\"']");
	assert_string_equal(r.cases[1].of, "ping.max");
	assert_string_equal(r.cases[1].title, "A long ping & <end>");
	assert_string_equal(r.cases[1].reqs, "DERP-PING-4");
	assert_string_equal(r.cases[1].reason,
			    "the server said \x1b[31m\r\nPASS");
	assert_int_equal(r.cases[1].verdict, VERDICT_FAIL);
	assert_int_equal(r.cases[1].level, SPEC_MUST);
	report_read_free(&r);
	free(js);
}

#define HEAD "{\"suite\":\"derpspec\",\"version\":\"1\",\"target\":\"t\","
#define ONE(id, of, rest)                                                      \
	"{\"id\":\"" id "\",\"case\":\"" of "\",\"verdict\":\"FAIL\"" rest "}"

static const char several[] = HEAD
	"\"complete\":true,\"x\":{\"y\":[1,{\"z\":null}]},\"cases\":[" ONE("b[2]", "b", ",\"level\":\"SHOULD\",\"tolerated\":true") "," ONE(
		"c", "c",
		",\"level\":\"MAY\",\"trace\":[{\"us\":1}]") "," ONE("b[1]",
								     "b",
								     ",\"reqs\":[\"R-1\",\"R-2\"]") "," ONE("a",
													    "a",
													    "") "]}";

static void cases_are_found_by_id(void **state)
{
	struct read_report r;
	const char *wrong;
	size_t i;

	(void)state;
	assert_int_equal(
		read_text(&r, several, sizeof(several) - 1, false, &wrong), 0);
	i = report_read_find(&r, "b[2]");
	assert_true(i < 4);
	assert_int_equal(r.cases[i].place, 0);
	assert_true(r.cases[i].tolerated);
	assert_false(report_read_is_bad(&r.cases[i], false));
	assert_true(report_read_is_bad(&r.cases[i], true));
	i = report_read_find(&r, "b[1]");
	assert_string_equal(r.cases[i].reqs, "R-1 R-2");
	assert_true(report_read_is_bad(&r.cases[i], false));
	assert_int_equal(r.cases[report_read_find(&r, "c")].level, SPEC_MAY);
	assert_int_equal(report_read_find(&r, "b"), 4);
	assert_int_equal(report_read_find(&r, ""), 4);
	assert_int_equal(report_read_find(&r, "zz"), 4);
	report_read_free(&r);
}

static void instances_of_a_case_stand_together(void **state)
{
	struct read_report r;
	const char *wrong;
	size_t i;

	(void)state;
	assert_int_equal(
		read_text(&r, several, sizeof(several) - 1, true, &wrong), 0);
	i = report_read_find(&r, "b");
	assert_int_equal(i, 1);
	assert_string_equal(r.cases[1].id, "b[2]"); /* as in the file */
	assert_string_equal(r.cases[2].id, "b[1]");
	assert_string_equal(report_read_key(&r, 3), "c");
	assert_int_equal(report_read_find(&r, "b[1]"), 4);
	report_read_free(&r);
}

static void a_tolerated_may_is_never_bad(void **state)
{
	struct read_case c = { .verdict = VERDICT_FAIL,
			       .level = SPEC_MAY,
			       .tolerated = true };

	(void)state;
	assert_false(report_read_is_bad(&c, true));
	c.tolerated = false;
	assert_true(report_read_is_bad(&c, false));
	c.verdict = VERDICT_XFAIL;
	assert_false(report_read_is_bad(&c, true));
}

/* ---- long, many, odd ------------------------------------------------- */

static void long_texts_are_cut(void **state)
{
	static char js[5000];
	struct read_report r;
	const char *wrong;
	int n;

	(void)state;
	n = snprintf(js, sizeof(js),
		     HEAD "\"cases\":[{\"id\":\"i\\u0000j\",\"case\":\"c\","
			  "\"verdict\":\"PASS\",\"reason\":\"%0515d\","
			  "\"reqs\":[\"%0300d\",\"%0300d\",\"R\"]}]}",
		     0, 0, 0);
	assert_int_equal(read_text(&r, js, (size_t)n, false, &wrong), 0);
	assert_string_equal(r.cases[0].id, "i?j");
	assert_int_equal(strlen(r.cases[0].reason), READ_TEXT_MAX - 1);
	assert_int_equal(strlen(r.cases[0].reqs), 302); /* one, and R */
	report_read_free(&r);
}

static void so_many_cases_and_no_more(void **state)
{
	static const size_t each = 60;
	char *js = malloc(READ_CASES_MAX * each + 4096);
	struct read_report r;
	const char *wrong = NULL;
	size_t n;

	(void)state;
	assert_non_null(js);
	n = (size_t)sprintf(js, HEAD "\"cases\":[");
	for (int i = 0; i < READ_CASES_MAX; i++)
		n += (size_t)sprintf(js + n,
				     "%s{\"id\":\"%d\",\"case\":\"c\","
				     "\"verdict\":\"PASS\"}",
				     i > 0 ? "," : "", i);
	memcpy(js + n, "]}", 2);
	assert_int_equal(read_text(&r, js, n + 2, false, &wrong), 0);
	assert_int_equal(r.num_cases, READ_CASES_MAX);
	report_read_free(&r);
	n += (size_t)sprintf(js + n, "," ONE("x", "c", "") "]}");
	assert_int_equal(read_text(&r, js, n, false, &wrong), -1);
	assert_string_equal(wrong, "too many cases");
	free(js);
}

/* ---- refused --------------------------------------------------------- */

struct refused {
	const char *name, *js, *wrong;
};

#define NOT_JSON "this is no JSON"
#define NOT_OURS "this is no report of derpspec"
#define CASES(list) HEAD "\"cases\":[" list "]}"

static struct refused refused[] = {
	{ "empty", "", NOT_JSON },
	{ "a list", "[]", NOT_OURS },
	{ "a number", "7", NOT_OURS },
	{ "half", HEAD "\"cases\":[", NOT_JSON },
	{ "more behind it", CASES("") "{}", NOT_JSON },
	{ "nothing in it", "{}", NOT_OURS " run" },
	{ "of another suite", "{\"suite\":\"x\",\"cases\":[]}", NOT_OURS },
	{ "suite is no text", "{\"suite\":[\"derpspec\"]}", NOT_OURS },
	{ "no cases", HEAD "\"x\":1}", NOT_OURS " run" },
	{ "a list of cases", "{\"suite\":\"derpspec\",\"cases\":[]}",
	  NOT_OURS " run" },
	{ "no version", "{\"suite\":\"derpspec\",\"target\":\"\",\"cases\":[]}",
	  NOT_OURS " run" },
	{ "cases is no list", HEAD "\"cases\":{}}", "cases is one list" },
	{ "cases twice", HEAD "\"cases\":[],\"cases\":[]}",
	  "cases is one list" },
	{ "target twice", HEAD "\"target\":\"u\",\"cases\":[]}",
	  "a key comes twice" },
	{ "target is no text", "{\"target\":1}", "a text was expected" },
	{ "complete is no truth", "{\"complete\":1}",
	  "true or false was expected" },
	{ "a case is no object", CASES("7"), "a case is an object" },
	{ "a case without id", CASES("{\"case\":\"c\",\"verdict\":\"PASS\"}"),
	  "a case has an id, a case and a verdict" },
	{ "without a case", CASES("{\"id\":\"c\",\"verdict\":\"PASS\"}"),
	  "a case has an id, a case and a verdict" },
	{ "without a verdict", CASES("{\"id\":\"c\",\"case\":\"c\"}"),
	  "a case has an id, a case and a verdict" },
	{ "verdict unknown", CASES("{\"verdict\":\"GOOD\"}"),
	  "a verdict that this version does not know" },
	{ "verdict none", CASES("{\"verdict\":\"NONE\"}"),
	  "a verdict that this version does not know" },
	{ "level unknown", CASES("{\"level\":\"SHALL\"}"),
	  "a level is MUST, SHOULD or MAY" },
	{ "reqs is no list", CASES("{\"reqs\":\"a\"}"), "a list was expected" },
	{ "reqs of no texts", CASES("{\"reqs\":[[]]}"), "a text was expected" },
	{ "reqs twice", CASES("{\"reqs\":[],\"reqs\":[]}"),
	  "a key comes twice" },
	{ "id twice", CASES("{\"id\":\"a\",\"id\":\"b\"}"),
	  "a key comes twice" },
	{ "one id for two", CASES(ONE("a", "a", "") "," ONE("a", "b", "")),
	  "two cases have the same id" },
	{ "a skipped value", CASES("{\"x\":[}]}"), NOT_JSON },
};

static void is_refused(void **state)
{
	const struct refused *row = *state;
	struct read_report r;
	const char *wrong = NULL;

	assert_int_equal(read_text(&r, row->js, strlen(row->js), false, &wrong),
			 -1);
	assert_string_equal(wrong, row->wrong);
	assert_null(r.cases); /* nothing to free */
}

/* Cut anywhere, or with any byte changed: an answer, and no more than that. */
static void no_text_does_harm(void **state)
{
	struct read_report r;
	const char *wrong;
	char *js = machine_report(report_json, &whole);
	size_t len = strlen(js);

	(void)state;
	for (size_t n = 0; n < len - 1; n++)
		assert_int_equal(read_text(&r, js, n, false, &wrong), -1);
	for (size_t n = 0; n < len; n++) {
		static const char bytes[] = "\"{}[],:\\0\xff";
		char was = js[n];

		for (size_t k = 0; k < sizeof(bytes); k++) {
			js[n] = bytes[k];
			if (read_text(&r, js, len, k & 1, &wrong) == 0)
				report_read_free(&r);
		}
		js[n] = was;
	}
	free(js);
}

#define NUM_REFUSED (sizeof(refused) / sizeof(*refused))

int main(void)
{
	struct CMUnitTest tests[NUM_REFUSED + 7] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(cases_are_found_by_id),
		cmocka_unit_test(instances_of_a_case_stand_together),
		cmocka_unit_test(a_tolerated_may_is_never_bad),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(so_many_cases_and_no_more),
		cmocka_unit_test(no_text_does_harm),
	};

	for (size_t i = 0; i < NUM_REFUSED; i++)
		tests[7 + i] = (struct CMUnitTest){ refused[i].name, is_refused,
						    NULL, NULL, &refused[i] };
	fill_cases();
	return _cmocka_run_group_tests("report_read", tests, NUM_REFUSED + 7,
				       NULL, NULL);
}
