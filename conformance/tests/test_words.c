/*
 * test_words.c - docs/scenario.md says what words.c knows: every word, every
 * argument, and its examples are scenarios without errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "derp.h"
#include "scenario.h"

#define DOC "docs/scenario.md"
#define BIT(id) (UINT64_C(1) << (id))
#define EVERYWHERE (BIT(ARG_LEN) | BIT(ARG_CUT) | BIT(ARG_TAIL))

static char *doc;

static int read_doc(void **state)
{
	FILE *f = fopen(DOC, "r");
	size_t n;

	(void)state;
	doc = calloc(1, SCENARIO_FILE_MAX);
	if (f == NULL || doc == NULL) {
		print_error("cannot read %s; run me from the top\n", DOC);
		return -1;
	}
	n = fread(doc, 1, SCENARIO_FILE_MAX - 1, f);
	doc[n] = '\0';
	fclose(f);
	return 0;
}

static int free_doc(void **state)
{
	(void)state;
	free(doc);
	return 0;
}

/* The table row that begins with `word` (and maybe more), as cells. */
struct row {
	char text[600];
	char *cell[6];
	int num;
};

static bool find_row(struct row *r, const char *word, const char *second)
{
	char start[80];
	const char *at = doc;
	char *p;

	snprintf(start, sizeof(start), "\n| `%s` |", word);
	while ((at = strstr(at, start)) != NULL) {
		at++;
		snprintf(r->text, sizeof(r->text), "%.*s",
			 (int)strcspn(at, "\n"), at);
		memset(r->cell, 0, sizeof(r->cell));
		r->num = 0;
		for (p = r->text; (p = strstr(p, "| ")) != NULL; p++) {
			*p = '\0';
			if (r->num < 6)
				r->cell[r->num++] = p + 2;
		}
		if (second == NULL ||
		    (r->num > 1 &&
		     strncmp(r->cell[1], second, strlen(second)) == 0))
			return true;
	}
	return false;
}

/* "`dst=` DATA" says these arguments, no more and no less. */
static void assert_args(const char *word, const char *cell, uint64_t args)
{
	char name[40];
	int named = 0, found = 0;

	assert_non_null(cell);
	for (int id = 0; id < ARG_IDS; id++) {
		if (!(args & BIT(id)))
			continue;
		if (scenario_args[id].name)
			snprintf(name, sizeof(name), "`%s=`",
				 scenario_args[id].name);
		else
			snprintf(name, sizeof(name), "%s",
				 id == ARG_DATA    ? "DATA"
				 : id == ARG_COUNT ? "NUMBER"
				 : id == ARG_PAUSE ? "DURATION"
						   : "FRAME");
		if (strstr(cell, name) == NULL)
			fail_msg("%s: %s is not in '%s'", word, name, cell);
		named++;
	}
	for (const char *p = cell; *p; p++)
		if (strncmp(p, "=`", 2) == 0)
			found++;
	for (const char *p = cell; *p && args; p++)
		if ((strncmp(p, "DATA", 4) == 0 &&
		     (p == cell || p[-1] == ' ')) ||
		    strncmp(p, "NUMBER", 6) == 0 ||
		    strncmp(p, "DURATION", 8) == 0 ||
		    strncmp(p, "FRAME", 5) == 0)
			found++;
	if (named != found)
		fail_msg("%s: '%s' has %d arguments, the program %d", word,
			 cell, found, named);
}

static void every_frame_has_its_row(void **state)
{
	char type[8];
	struct row r;

	(void)state;
	for (const struct scenario_word *w = scenario_words; w->name; w++) {
		if (w->kind != WORD_FRAME)
			continue;
		snprintf(type, sizeof(type), "%02x", w->type);
		if (!find_row(&r, w->name, w->id == WORD_TYPED ? type : NULL))
			fail_msg("no row for the frame %s %s", w->name, type);
		if (w->sends)
			assert_args(w->name, r.cell[2], w->give & ~EVERYWHERE);
		if (w->comes && w->id != WORD_CLOSED && w->id != WORD_OPEN)
			assert_args(w->name, r.cell[3], w->want & ~EVERYWHERE);
	}
}

static void every_action_has_its_row(void **state)
{
	static const char *const inherits[] = { "", "`connect`", "`upgrade`" };
	uint64_t has, before = 0;
	struct row r;

	(void)state;
	for (const struct scenario_word *w = scenario_words; w->name; w++) {
		if (w->kind != WORD_ACTION)
			continue;
		if (!find_row(&r, w->name, NULL))
			fail_msg("no row for the action %s", w->name);
		has = w->give;
		if (w->id == DO_UPGRADE || w->id == DO_LOGIN) {
			assert_non_null(strstr(r.cell[1], inherits[w->id]));
			has &= ~before;
		}
		assert_args(w->name, r.cell[1], has);
		before = w->give;
	}
}

static void every_statement_has_its_row(void **state)
{
	char start[80];

	(void)state;
	for (const struct scenario_word *w = scenario_words; w->name; w++) {
		if (w->kind != WORD_STATEMENT || w->id == WORD_END)
			continue;
		snprintf(start, sizeof(start), "\n| `%s", w->name);
		if (strstr(doc, start) == NULL)
			fail_msg("no row for the statement %s", w->name);
	}
}

/* Each in the first cell of some row, alone or with others. */
static void every_argument_is_explained(void **state)
{
	char name[40];
	const char *at, *end;
	bool found;

	(void)state;
	for (int id = 0; id < ARG_IDS; id++) {
		if (scenario_args[id].name == NULL)
			continue;
		snprintf(name, sizeof(name), "`%s`", scenario_args[id].name);
		found = false;
		for (at = doc; !found && (at = strstr(at, "\n| `")); at++) {
			end = strstr(at, " | ");
			found = end && strstr(at, name) &&
				strstr(at, name) < end;
		}
		if (!found)
			fail_msg("%s is explained nowhere", name);
	}
}

static void every_frame_type_has_one_word(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < 0x100; type++)
		assert_int_equal(derp_type_name(type) != NULL,
				 scenario_word_of_type(type) != NULL);
}

static void words_are_found_by_kind(void **state)
{
	(void)state;
	assert_null(scenario_word_find(WORD_ACTION, "ping", 4));
	assert_null(scenario_word_find(WORD_FRAME, "pin", 3));
	assert_null(scenario_word_find(WORD_FRAME, "pingx", 5));
	assert_string_equal(scenario_word_find(WORD_FRAME, "pingx", 4)->name,
			    "ping");
}

/* ---- examples -------------------------------------------------------- */

/* Indented blocks that hold a case, without their indentation. */
static size_t examples(char *out)
{
	const char *at = doc, *nl, *block = NULL;
	size_t n = 0, from = 0;
	bool in_case = false;

	for (; *at; at = nl + 1) {
		nl = at + strcspn(at, "\n");
		if (strncmp(at, "    ", 4) == 0) {
			if (block == NULL) {
				block = at;
				from = n;
				in_case = false;
			}
			in_case |= strncmp(at, "    case   ", 11) == 0 &&
				   at[11] != ' ';
			memcpy(out + n, at + 4, (size_t)(nl - at) - 3);
			n += (size_t)(nl - at) - 3;
		} else if (nl != at) {
			if (block && !in_case)
				n = from;
			block = NULL;
		}
		if (*nl == '\0')
			break;
	}
	return n;
}

static void every_example_is_a_scenario(void **state)
{
	char *text = malloc(SCENARIO_FILE_MAX);
	struct scenario *s = scenario_new();
	size_t n;

	(void)state;
	assert_non_null(text);
	n = examples(text);
	if (scenario_parse(s, DOC, text, n) != 0)
		scenario_error_print(stderr, &s->errors[0]);
	assert_int_equal(s->num_errors, 0);
	assert_true(s->num_cases >= 8);
	scenario_free(s);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest all[] = {
		cmocka_unit_test(every_frame_has_its_row),
		cmocka_unit_test(every_action_has_its_row),
		cmocka_unit_test(every_statement_has_its_row),
		cmocka_unit_test(every_argument_is_explained),
		cmocka_unit_test(every_frame_type_has_one_word),
		cmocka_unit_test(words_are_found_by_kind),
		cmocka_unit_test(every_example_is_a_scenario),
	};

	return cmocka_run_group_tests_name("words", all, read_doc, free_doc);
}
