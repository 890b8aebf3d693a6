/*
 * test_baseline.c - baseline files: what they say, and what is wrong with one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baseline.h"

static const char *const rules[] = { "DERP-PING-4" };
static const struct select_item items[] = {
	{ .id = "ping.max",
	  .name = "ping.max[N=1]",
	  .reqs = rules,
	  .num_reqs = 1 },
	{ .id = "ping.max",
	  .name = "ping.max[N=x\"7f 00\"]",
	  .reqs = rules,
	  .num_reqs = 1 },
	{ .id = "gone.once", .name = "gone.once" },
};

static size_t parse(struct baseline *b, const char *text, size_t len,
		    char **said)
{
	char *block = malloc(len + (len == 0));
	size_t n, errors;
	FILE *err = open_memstream(said, &n);

	assert_non_null(block);
	memcpy(block, text, len);
	errors = baseline_parse(b, "f", block, len, items, 3, err);
	fclose(err);
	free(block);
	return errors;
}

static void an_entry_has_selector_reason_and_source(void **state)
{
	static const char text[] =
		"# derpserver v1\n"
		"\n"
		"  xfail ping.max[N=1] \"says \\\"no\\\"\" source='a # b'  # c\n"
		"xfail 'ping.max[N=x\"7f 00\"]' 'r2' source=\"s2\"\r\n"
		"xfail gone.* \"r3\" source=\"s3\"";
	struct baseline b = { .num_entries = 0 };
	char *said;

	(void)state;
	assert_int_equal(parse(&b, text, sizeof(text) - 1, &said), 0);
	assert_string_equal(said, "");
	assert_int_equal(b.num_entries, 3);
	assert_string_equal(b.entries[0].selector, "ping.max[N=1]");
	assert_string_equal(b.entries[0].reason, "says \"no\"");
	assert_string_equal(b.entries[0].source, "a # b");
	assert_int_equal(b.entries[0].line, 3);
	assert_int_equal(b.entries[0].col, 9);
	assert_string_equal(b.entries[1].selector, "ping.max[N=x\"7f 00\"]");
	assert_string_equal(b.entries[2].selector, "gone.*");
	assert_string_equal(b.entries[2].source, "s3");
	assert_ptr_equal(baseline_find(&b, &items[0]), &b.entries[0]);
	assert_ptr_equal(baseline_find(&b, &items[1]), &b.entries[1]);
	assert_ptr_equal(baseline_find(&b, &items[2]), &b.entries[2]);
	baseline_free(&b);
	free(said);
}

static void the_first_entry_that_matches_counts(void **state)
{
	static const char text[] = "xfail ping 'one' source='s'\n"
				   "xfail ping.max 'two' source='s'\n";
	struct baseline b = { .num_entries = 0 };
	char *said;

	(void)state;
	assert_int_equal(parse(&b, text, sizeof(text) - 1, &said), 0);
	assert_string_equal(baseline_find(&b, &items[0])->reason, "one");
	assert_null(baseline_find(&b, &items[2]));
	baseline_free(&b);
	free(said);
}

static void entries_come_from_the_command_line_too(void **state)
{
	struct baseline b = { .num_entries = 0 };

	(void)state;
	assert_int_equal(baseline_add(&b, "gone", "asked for"), 0);
	assert_string_equal(baseline_find(&b, &items[2])->reason, "asked for");
	assert_string_equal(b.entries[0].source, "");
	assert_int_equal(b.entries[0].line, 0);
	baseline_free(&b);
}

/* ---- errors ---------------------------------------------------------- */

struct row {
	const char *name, *text, *says;
	size_t errors, entries;
};

#define FORM "expected: xfail SELECTOR \"reason\" source=\"where\"\n"

static struct row rows[] = {
	{ "statement/unknown", "ignore ping 'r' source='s'",
	  "f:1:1: a line begins with 'xfail'\n"
	  "  ignore ping 'r' source='s'\n  ^\n",
	  1, 0 },
	{ "statement/quoted", "'xfail' ping 'r' source='s'",
	  "f:1:1: a line begins with 'xfail'\n"
	  "  'xfail' ping 'r' source='s'\n  ^\n",
	  1, 0 },
	{ "selector/unknown", "\n  xfail pong 'r' source='s'\n",
	  "f:2:9: no case matches 'pong' (did you mean ping, gone?)\n"
	  "    xfail pong 'r' source='s'\n          ^\n",
	  1, 0 },
	{ "selector/missing", "xfail", "f:1:1: " FORM "  xfail\n  ^\n", 1, 0 },
	{ "reason/missing", "xfail ping source='s'",
	  "f:1:1: " FORM "  xfail ping source='s'\n  ^\n", 1, 0 },
	{ "reason/bare", "xfail ping r source='s'",
	  "f:1:1: " FORM "  xfail ping r source='s'\n  ^\n", 1, 0 },
	{ "reason/empty", "xfail ping '' source='s'",
	  "f:1:12: an expected failure needs a reason and a source\n"
	  "  xfail ping '' source='s'\n             ^\n",
	  1, 0 },
	{ "source/missing", "xfail ping 'r'",
	  "f:1:1: " FORM "  xfail ping 'r'\n  ^\n", 1, 0 },
	{ "source/other-name", "xfail ping 'r' sauce='s'",
	  "f:1:1: " FORM "  xfail ping 'r' sauce='s'\n  ^\n", 1, 0 },
	{ "source/bare", "xfail ping 'r' source=s",
	  "f:1:1: " FORM "  xfail ping 'r' source=s\n  ^\n", 1, 0 },
	{ "source/empty", "xfail ping 'r' source=''",
	  "f:1:16: an expected failure needs a reason and a source\n"
	  "  xfail ping 'r' source=''\n                 ^\n",
	  1, 0 },
	{ "more", "xfail ping 'r' source='s' x",
	  "f:1:1: " FORM "  xfail ping 'r' source='s' x\n  ^\n", 1, 0 },
	{ "words/too-many", "xfail a b c d e f g h",
	  "f:1:21: too many words\n  xfail a b c d e f g h\n"
	  "                      ^\n",
	  1, 0 },
	{ "quote/open", "xfail ping 'r",
	  "f:1:14: the quote is not closed\n  xfail ping 'r\n"
	  "               ^\n",
	  1, 0 },
	{ "quote/open-after-backslash", "xfail ping \"r\\\"",
	  "f:1:16: the quote is not closed\n  xfail ping \"r\\\"\n"
	  "                 ^\n",
	  1, 0 },
	{ "quote/backslash-at-end", "xfail ping \"r\\",
	  "f:1:15: the quote is not closed\n  xfail ping \"r\\\n"
	  "                ^\n",
	  1, 0 },
	{ "controls-are-escaped", "\x1b[2J ping",
	  "f:1:1: a line begins with 'xfail'\n  \\x1b[2J ping\n  ^\n", 1, 0 },
	{ "the-caret-minds-escapes", "xfail \xc3\xa4 'r' source='s'",
	  "f:1:7: no case matches '\\xc3\\xa4'\n"
	  "  xfail \\xc3\\xa4 'r' source='s'\n        ^\n",
	  1, 0 },
	{ "the-caret-stands-behind-escapes", "xfail ping '\x01' source=''",
	  "f:1:16: an expected failure needs a reason and a source\n"
	  "  xfail ping '\\x01' source=''\n                    ^\n",
	  1, 0 },
	{ "all-errors-are-told", "a\nxfail ping 'r' source='s'\nb\n",
	  "f:1:1: a line begins with 'xfail'\n  a\n  ^\n"
	  "f:3:1: a line begins with 'xfail'\n  b\n  ^\n",
	  2, 1 },
	{ "empty", "", "", 0, 0 },
	{ "comment", "# xfail nothing", "", 0, 0 },
};

static void reads(void **state)
{
	const struct row *r = *state;
	struct baseline b = { .num_entries = 0 };
	char *said;

	assert_int_equal(parse(&b, r->text, strlen(r->text), &said), r->errors);
	assert_string_equal(said, r->says);
	assert_int_equal(b.num_entries, r->entries);
	baseline_free(&b);
	free(said);
}

static void a_nul_is_an_error(void **state)
{
	static const char text[] = "xfail\0ping 'r' source='s'\n";
	struct baseline b = { .num_entries = 0 };
	char *said;

	(void)state;
	assert_int_equal(parse(&b, text, sizeof(text) - 1, &said), 1);
	assert_non_null(strstr(said, "f:1:1: the line holds a NUL\n"));
	assert_int_equal(b.num_entries, 0);
	baseline_free(&b);
	free(said);
}

static void every_cut_of_a_line_is_read_safely(void **state)
{
	static const char whole[] = "xfail ping \"a\\\"b\" source='s' # c\n";
	struct baseline b = { .num_entries = 0 };
	char *said;

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		parse(&b, whole, n, &said);
		free(said);
	}
	baseline_free(&b);
}

#define NUM(a) (sizeof(a) / sizeof(*(a)))

int main(void)
{
	struct CMUnitTest tests[NUM(rows) + 5] = {
		cmocka_unit_test(an_entry_has_selector_reason_and_source),
		cmocka_unit_test(the_first_entry_that_matches_counts),
		cmocka_unit_test(entries_come_from_the_command_line_too),
		cmocka_unit_test(a_nul_is_an_error),
		cmocka_unit_test(every_cut_of_a_line_is_read_safely),
	};

	for (size_t i = 0; i < NUM(rows); i++)
		tests[5 + i] = (struct CMUnitTest){ .name = rows[i].name,
						    .test_func = reads,
						    .initial_state = &rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
