/*
 * test_spec.c - every rule of docs/protocol.md is read, and an odd one is
 * refused with its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "embedded.h"
#include "spec.h"

/* Reads from an exact-size block without a NUL. */
static int read_text(struct spec *s, const char *text, char **said)
{
	size_t len = strlen(text), n;
	char *block = malloc(len + (len == 0));
	FILE *err;
	int e;

	assert_non_null(block);
	memcpy(block, text, len);
	err = open_memstream(said, &n);
	e = spec_read(s, "p.md", block, len, err);
	fclose(err);
	free(block);
	return e;
}

static void a_rule_has_all_its_parts(void **state)
{
	struct spec s;
	char *said;

	(void)state;
	assert_int_equal(
		read_text(
			&s,
			"# Title\n"
			"\n"
			"    **DERP-X-9** (MUST, server) An example, indented.\n"
			"        Source: none.\n"
			"\n"
			"**DERP-PING-4** (MUST NOT, both, since 1.104) One\n"
			"line   and\tanother.\n"
			"    Source: a.go f,\n"
			"    both.\n"
			"    Untested: a reason.\n"
			"\n"
			"Prose.\n"
			"**DERP-PING-5** (SHOULD, client) Two (with) [marks].\n"
			"    Source: [ours] b.go.",
			&said),
		0);
	assert_string_equal(said, "");
	assert_int_equal(s.num_rules, 2);
	assert_string_equal(s.rules[0].id, "DERP-PING-4");
	assert_int_equal(s.rules[0].level, SPEC_MUST);
	assert_string_equal(s.rules[0].level_text, "MUST NOT");
	assert_string_equal(s.rules[0].side, "both");
	assert_string_equal(s.rules[0].versions, "since 1.104");
	assert_string_equal(s.rules[0].text, "One line and another.");
	assert_string_equal(s.rules[0].source, "a.go f, both.");
	assert_string_equal(s.rules[0].untested, "a reason.");
	assert_int_equal(s.rules[0].line, 6);
	assert_true(spec_binds_server(&s.rules[0]));
	assert_int_equal(s.rules[1].level, SPEC_SHOULD);
	assert_string_equal(s.rules[1].versions, "");
	assert_string_equal(s.rules[1].text, "Two (with) [marks].");
	assert_string_equal(s.rules[1].source, "[ours] b.go.");
	assert_string_equal(s.rules[1].untested, "");
	assert_int_equal(s.rules[1].line, 13);
	assert_false(spec_binds_server(&s.rules[1]));
	assert_ptr_equal(spec_find(&s, "DERP-PING-5"), &s.rules[1]);
	assert_null(spec_find(&s, "DERP-PING-"));
	assert_null(spec_find(&s, "DERP-X-9"));
	spec_free(&s);
	assert_int_equal(s.num_rules, 0);
	free(said);
}

struct row {
	const char *name, *text, *says;
};

#define SOURCE "\n    Source: f.\n"

static struct row rows[] = {
	{ "id/no-number", "**DERP-PING-N** (MUST, server) T." SOURCE,
	  "p.md:1: a rule's id is DERP-SECTION-NUMBER\n" },
	{ "id/lower-case", "\n\n**DERP-ping-1** (MUST, server) T." SOURCE,
	  "p.md:3: a rule's id is DERP-SECTION-NUMBER\n" },
	{ "head/missing", "**DERP-A-1** T." SOURCE,
	  "p.md:1: '** (LEVEL, SIDE)' must follow the id\n" },
	{ "head/not-bold", "**DERP-A-1 (MUST, server) T." SOURCE,
	  "p.md:1: a rule's id is DERP-SECTION-NUMBER\n" },
	{ "level/unknown", "**DERP-A-1** (SHALL, server) T." SOURCE,
	  "p.md:1: the level must be MUST, SHOULD or MAY\n" },
	{ "level/longer", "**DERP-A-1** (MUSTY, server) T." SOURCE,
	  "p.md:1: the level must be MUST, SHOULD or MAY\n" },
	{ "side/missing", "**DERP-A-1** (MUST) T." SOURCE,
	  "p.md:1: the side must be server, client or both\n" },
	{ "side/unknown", "**DERP-A-1** (MUST, servers) T." SOURCE,
	  "p.md:1: the side must be server, client or both\n" },
	{ "text/missing", "**DERP-A-1** (MUST, server)" SOURCE,
	  "p.md:1: the rule has no sentence\n" },
	{ "source/missing", "**DERP-A-1** (MUST, server) T.\n\nSource: f.\n",
	  "p.md:1: the line 'Source:' is missing\n" },
	{ "id/twice",
	  "**DERP-A-1** (MUST, server) T." SOURCE
	  "\n**DERP-A-1** (MUST, server) T." SOURCE,
	  "p.md:4: this id is used twice\n" },
	{ "cut/mark", "**DERP-",
	  "p.md:1: a rule's id is DERP-SECTION-NUMBER\n" },
	{ "cut/id", "**DERP-A-1",
	  "p.md:1: '** (LEVEL, SIDE)' must follow the id\n" },
	{ "cut/star", "**DERP-A-1*",
	  "p.md:1: '** (LEVEL, SIDE)' must follow the id\n" },
	{ "cut/head", "**DERP-A-1** (",
	  "p.md:1: the side must be server, client or both\n" },
	{ "cut/side", "**DERP-A-1** (MUST, server",
	  "p.md:1: the rule has no sentence\n" },
};

static void refuses(void **state)
{
	const struct row *r = *state;
	struct spec s;
	char *said;

	assert_int_equal(read_text(&s, r->text, &said), -1);
	assert_string_equal(said, r->says);
	assert_int_equal(s.num_rules, 0);
	assert_null(s.rules);
	free(said);
}

static void prose_has_no_rules(void **state)
{
	static const char *const texts[] = {
		"", "\n", "**", "**DERP", "text", " **DERP-A-1** (MUST, server)"
	};
	struct spec s;
	char *said;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(read_text(&s, texts[i], &said), 0);
		assert_int_equal(s.num_rules, 0);
		spec_free(&s);
		free(said);
	}
}

/* However much of the file is there, the reader stays inside of it. */
static void every_cut_of_a_rule_is_read_safely(void **state)
{
	static const char whole[] = "**DERP-A-1** (MUST, server, until 1) T.\n"
				    "    Source: f.\n    Untested: r.\n\n";
	struct spec s;

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		char *block = malloc(n + (n == 0));

		memcpy(block, whole, n);
		if (spec_read(&s, "p", block, n, NULL) == 0)
			spec_free(&s);
		free(block);
	}
}

/* The document that is in the program: no rule is lost. */
static void the_specification_is_read_whole(void **state)
{
	const struct embedded *e = embedded;
	struct spec s;
	size_t marks = 0;

	(void)state;
	while (e->name != NULL && strstr(e->name, "protocol.md") == NULL)
		e++;
	assert_non_null(e->name);
	assert_int_equal(spec_read(&s, e->name, e->text, e->len, stderr), 0);
	for (const char *p = e->text; (p = strstr(p, "\n**")) != NULL; p++)
		marks++;
	assert_true(marks > 100);
	assert_int_equal(s.num_rules, marks);
	spec_free(&s);
}

#define NUM(a) (sizeof(a) / sizeof(*(a)))

int main(void)
{
	struct CMUnitTest tests[NUM(rows) + 4] = {
		cmocka_unit_test(a_rule_has_all_its_parts),
		cmocka_unit_test(prose_has_no_rules),
		cmocka_unit_test(every_cut_of_a_rule_is_read_safely),
		cmocka_unit_test(the_specification_is_read_whole),
	};

	for (size_t i = 0; i < NUM(rows); i++)
		tests[4 + i] = (struct CMUnitTest){ .name = rows[i].name,
						    .test_func = refuses,
						    .initial_state = &rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
