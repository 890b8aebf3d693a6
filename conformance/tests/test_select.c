/*
 * test_select.c - selectors match what their words say, and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "select.h"

static const char *const reqs[] = { "DERP-FRAME-3", "DERP-PING-10" };
static const char *const tags[] = { "@hostile", "quick" };
static const struct select_item item = {
	.id = "frame.unknown-skipped",
	.name = "frame.unknown-skipped[T=0x0b]",
	.reqs = reqs,
	.num_reqs = 2,
	.tags = tags,
	.num_tags = 2,
};

/* An exact-size copy, so that reading past it is seen. */
static char *copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *out = malloc(n);

	assert_non_null(out);
	return memcpy(out, text, n);
}

/* ---- matching -------------------------------------------------------- */

struct row {
	const char *name, *selector;
	enum select_how how;
};

static struct row rows[] = {
	{ "id", "frame.unknown-skipped", SELECT_NAMED },
	{ "id/shorter", "frame.unknown-skippe", SELECT_NO },
	{ "id/longer", "frame.unknown-skipped2", SELECT_NO },
	{ "id/case-counts", "Frame.unknown-skipped", SELECT_NO },
	{ "instance", "frame.unknown-skipped[T=0x0b]", SELECT_NAMED },
	{ "instance/other", "frame.unknown-skipped[T=0x0f]", SELECT_NO },
	{ "instance/open", "frame.unknown-skipped[T=0x0b", SELECT_NO },
	{ "section", "frame", SELECT_BROAD },
	{ "section/part", "fram", SELECT_NO },
	{ "section/with-dot", "frame.", SELECT_NO },
	{ "section/other", "ping", SELECT_NO },
	{ "rule", "DERP-FRAME-3", SELECT_BROAD },
	{ "rule/second", "DERP-PING-10", SELECT_BROAD },
	{ "rule/start-of-one", "DERP-PING-1", SELECT_NO },
	{ "rule/longer", "DERP-FRAME-33", SELECT_NO },
	{ "rules", "DERP-FRAME", SELECT_BROAD },
	{ "rules/part", "DERP-FRA", SELECT_NO },
	{ "rules/all", "DERP", SELECT_NO },
	{ "rules/dash", "DERP-FRAME-", SELECT_NO },
	{ "tag", "@hostile", SELECT_NAMED },
	{ "tag/stored-without-at", "@quick", SELECT_NAMED },
	{ "tag/other", "@slow", SELECT_NO },
	{ "tag/part", "@host", SELECT_NO },
	{ "tag/without-at", "hostile", SELECT_NO },
	{ "tag/alone", "@", SELECT_NO },
	{ "glob/all", "*", SELECT_BROAD },
	{ "glob/section", "frame.*", SELECT_BROAD },
	{ "glob/instance", "*[T=0x0?]", SELECT_BROAD },
	{ "glob/rule", "DERP-FR*", SELECT_BROAD },
	{ "glob/rule-digit", "DERP-PING-1?", SELECT_BROAD },
	{ "glob/none", "ping.*", SELECT_NO },
	{ "glob/brackets-are-text", "frame.unknown-skipped[*]", SELECT_BROAD },
	{ "glob/brackets-are-no-class", "*[Tt]*", SELECT_NO },
	{ "empty", "", SELECT_NO },
};

static void selects(void **state)
{
	const struct row *r = *state;
	char *selector = copy(r->selector);

	assert_int_equal(select_match(selector, &item), r->how);
	free(selector);
}

/* ---- globs ----------------------------------------------------------- */

static void globs(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} table[] = {
		{ "", "", true },           { "", "a", false },
		{ "*", "", true },          { "?", "", false },
		{ "?", "a", true },         { "?", "ab", false },
		{ "a*", "a", true },        { "a*b", "ab", true },
		{ "a*b", "axxb", true },    { "a*b", "axxbc", false },
		{ "*a", "ba", true },       { "*a", "bab", false },
		{ "*ab*", "aab", true },    { "*aab", "aaab", true },
		{ "a*b*c", "abbc", true },  { "a*b*c", "acbb", false },
		{ "**", "anything", true }, { "a?c", "abc", true },
		{ "a.c", "abc", false },    { "abc", "ab", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char *pattern = copy(table[i].pattern);
		char *text = copy(table[i].text);

		if (glob_matches(pattern, text) != table[i].matches)
			fail_msg("glob '%s' on '%s'", pattern, text);
		free(pattern);
		free(text);
	}
}

/* A glob that makes a backtracking matcher take years. */
static void many_stars_end_soon(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
	assert_true(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a", text));
}

static void a_section_ends_at_the_first_dot(void **state)
{
	const struct select_item deep = { .id = "a.b.c", .name = "a.b.c" };

	(void)state;
	assert_int_equal(select_match("a", &deep), SELECT_BROAD);
	assert_int_equal(select_match("a.b", &deep), SELECT_NO);
	assert_int_equal(select_match("a.b.c", &deep), SELECT_NAMED);
}

static void a_case_without_rules_and_tags(void **state)
{
	const struct select_item bare = { .id = "a.b", .name = "a.b" };

	(void)state;
	assert_int_equal(select_match("a", &bare), SELECT_BROAD);
	assert_int_equal(select_match("@a", &bare), SELECT_NO);
	assert_int_equal(select_match("DERP-A", &bare), SELECT_NO);
}

/* ---- near matches ---------------------------------------------------- */

struct near_row {
	const char *name, *selector, *want;
};

static struct near_row near_rows[] = {
	{ "near/one-letter", "@hostil", " (did you mean @hostile?)" },
	{ "near/swapped-case", "derp-frame-3",
	  " (did you mean DERP-FRAME-3?)" },
	{ "near/part", "unknown", " (did you mean frame.unknown-skipped?)" },
	{ "near/section", "fraem", " (did you mean frame?)" },
	{ "near/nothing", "zzzzzzzz", "" },
	{ "near/empty", "", "" },
	{ "near/instance", "frame.unknown-skipped[T=0x0c]",
	  " (did you mean frame.unknown-skipped[T=0x0b], "
	  "frame.unknown-skipped?)" },
};

static void suggests(void **state)
{
	const struct near_row *r = *state;
	char *selector = copy(r->selector), *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	select_near(f, selector, &item, 1);
	fclose(f);
	assert_string_equal(got, r->want);
	free(got);
	free(selector);
}

static void names_of_any_length_are_compared(void **state)
{
	char *name = malloc(501), *got = NULL;
	struct select_item bare = { .id = name, .name = name };
	size_t len;
	FILE *f = open_memstream(&got, &len);

	(void)state;
	memset(name, 'x', 500);
	name[500] = '\0';
	select_near(f, name, &bare, 1);
	fclose(f);
	assert_true(len > 0 && len < 200);
	free(got);
	free(name);
}

static void at_most_three_are_suggested_nearest_first(void **state)
{
	static const struct select_item items[] = {
		{ .id = "ab.dd", .name = "ab.dd" },
		{ .id = "ab.cc", .name = "ab.cc" },
		{ .id = "ab.cd", .name = "ab.cd" },
		{ .id = "ab.ce", .name = "ab.ce" },
		{ .id = "ab.cc", .name = "ab.cc" },
	};
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	(void)state;
	select_near(f, "ab.cdd", items, 5);
	fclose(f);
	assert_string_equal(got, " (did you mean ab.dd, ab.cd, ab.cc?)");
	free(got);
}

static void a_part_is_no_worse_than_its_distance(void **state)
{
	static const struct select_item items[] = {
		{ .id = "ab.cdx", .name = "ab.cdx" },
		{ .id = "ab.cc", .name = "ab.cc" },
	};
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	(void)state;
	select_near(f, "ab.cd", items, 2);
	fclose(f);
	assert_string_equal(got, " (did you mean ab.cdx, ab.cc?)");
	free(got);
}

#define NUM(a) (sizeof(a) / sizeof(*(a)))

int main(void)
{
	struct CMUnitTest tests[NUM(rows) + NUM(near_rows) + 7] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < NUM(rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = rows[i].name,
						  .test_func = selects,
						  .initial_state = &rows[i] };
	for (size_t i = 0; i < NUM(near_rows); i++)
		tests[n++] =
			(struct CMUnitTest){ .name = near_rows[i].name,
					     .test_func = suggests,
					     .initial_state = &near_rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(globs);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(many_stars_end_soon);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(
		a_case_without_rules_and_tags);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(
		a_section_ends_at_the_first_dot);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(
		a_part_is_no_worse_than_its_distance);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(
		names_of_any_length_are_compared);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(
		at_most_three_are_suggested_nearest_first);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
