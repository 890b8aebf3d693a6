/*
 * test_scenario.c - what the scenario parser makes of a text, and its limits.
 */
#include "embedded.h"
#include "parse_text.h"

/* ---- limits: exact and one above ------------------------------------- */

static size_t errors_of(const char *text, size_t len)
{
	struct scenario *s = parse(text, len);
	size_t n = s->num_errors;

	scenario_free(s);
	return n;
}

static void a_file_may_have_a_mebibyte(void **state)
{
	static const char text[] = HEAD CAN_FAIL;
	char *big = malloc(SCENARIO_FILE_MAX + 1);

	(void)state;
	assert_non_null(big);
	memset(big, '\n', SCENARIO_FILE_MAX + 1);
	memcpy(big, text, sizeof(text) - 1);
	assert_int_equal(errors_of(big, SCENARIO_FILE_MAX), 0);
	assert_int_equal(errors_of(big, SCENARIO_FILE_MAX + 1), 1);
	free(big);
}

static void a_line_may_have_4096_bytes(void **state)
{
	static const char text[] = HEAD CAN_FAIL "#";
	size_t n = sizeof(text) - 1 + SCENARIO_LINE_MAX - 1;
	char *big = malloc(n + 1);

	(void)state;
	assert_non_null(big);
	memset(big, '#', n + 1);
	memcpy(big, text, sizeof(text) - 1);
	assert_int_equal(errors_of(big, n), 0);
	assert_int_equal(errors_of(big, n + 1), 1);
	free(big);
}

/* n times the same line behind a head. */
static char *repeat_line(const char *head, const char *line, size_t n)
{
	size_t at = strlen(head), len = strlen(line);
	char *text = malloc(at + n * len + 1);

	assert_non_null(text);
	memcpy(text, head, at);
	for (size_t i = 0; i < n; i++)
		memcpy(text + at + i * len, line, len);
	text[at + n * len] = '\0';
	return text;
}

static void a_case_may_have_1000_steps(void **state)
{
	char *text = repeat_line(OPEN, "fence A\n", SCENARIO_STEPS_MAX - 1);
	char *more = repeat_line(OPEN, "fence A\n", SCENARIO_STEPS_MAX);

	(void)state;
	assert_int_equal(errors_of(text, strlen(text)), 0);
	assert_int_equal(errors_of(more, strlen(more)), 1);
	free(text);
	free(more);
}

static void a_case_may_have_16_connections(void **state)
{
	char text[2000] = HEAD, line[64];

	(void)state;
	for (int i = 0; i < SCENARIO_CONNS_MAX; i++) {
		snprintf(line, sizeof(line), "C%d: login; C%d< open\n", i, i);
		strcat(text, line);
	}
	assert_int_equal(errors_of(text, strlen(text)), 0);
	strcat(text, "D: login\n");
	assert_int_equal(errors_of(text, strlen(text)), 1);
}

static void a_case_may_have_64_names(void **state)
{
	char text[4000] = OPEN, line[40];

	(void)state;
	for (int i = 0; i < SCENARIO_VARS_MAX; i++) {
		snprintf(line, sizeof(line), "A< pong ?p%d\n", i);
		strcat(text, line);
	}
	assert_int_equal(errors_of(text, strlen(text)), 0);
	strcat(text, "A< pong ?more\n");
	assert_int_equal(errors_of(text, strlen(text)), 1);
}

static void a_suite_may_have_5000_instances(void **state)
{
	char text[4000] = HEAD;

	(void)state;
	strcat(text, "for A1 in 0 1 2 3 4 5 6 7 8 9\n"
		     "for B1 in 0 1 2 3 4 5 6 7 8 9\n"
		     "for C1 in 0 1 2 3 4 5 6 7 8 9\n"
		     "for D1 in 0 1 2 3 4\n");
	strcat(text, CAN_FAIL);
	assert_int_equal(errors_of(text, strlen(text)), 0);
	strcat(text, "case c.d\nreq X\ntitle t\n" CAN_FAIL);
	assert_int_equal(errors_of(text, strlen(text)), 1);
}

/* ---- what comes out -------------------------------------------------- */

static const char sample[] =
	"# a comment\n"
	"case   ping.sample\r\n"
	"req    DERP-PING-1 DERP-PING-2\n"
	"title  A title; with # signs  \n"
	"tags   @slow @x\n"
	"needs  mesh\n"
	"exclusive\n"
	"time   2500ms\n"
	"for T in 0x0b 255\n"
	"for W in abc \"d e\" zero*2\n"
	"A: login mesh=yes; B2: connect ; \n"
	"\n"
	"A> raw type=$T len=(1+0x10)-2 \"a\\x00\\\"\" x\"61 62\" # data\n"
	"A< pong ?P or recv src=$B2.key \"x\" or closed after 5ms within 1s\n"
	"B2! peer-gone reason=1\n"
	"repeat 3 as k\n"
	"  A> ping u16:$k $W $P[1:]\n"
	"end\n"
	"settle 70ms\n"
	"fence A B2 disco\n";

static void the_header_comes_out_as_it_went_in(void **state)
{
	struct scenario *s = parse(sample, sizeof(sample) - 1);
	const struct scenario_case *c = s->cases;

	(void)state;
	assert_int_equal(s->num_errors, 0);
	assert_int_equal(s->num_cases, 1);
	assert_string_equal(c->id, "ping.sample");
	assert_string_equal(c->title, "A title; with # signs");
	assert_true(scenario_has(c->reqs, "DERP-PING-2"));
	assert_false(scenario_has(c->reqs, "DERP-PING"));
	assert_true(scenario_has(c->tags, "@slow"));
	assert_true(scenario_has(c->needs, "mesh"));
	assert_true(c->exclusive);
	assert_int_equal(c->limit_ms, 2500);
	assert_int_equal(c->pos.line, 2);
	assert_int_equal(c->last_line, 20);
	assert_int_equal(c->num_conns, 2);
	assert_int_equal(c->num_keys, 1);
	assert_int_equal(c->key_mask, 1);
	assert_int_equal(c->num_steps, 9);
	scenario_free(s);
}

static void a_product_of_for_makes_instances(void **state)
{
	static const char *const want[] = {
		"ping.sample[T=0x0b,W=abc]",    "ping.sample[T=0x0b,W=\"d e\"]",
		"ping.sample[T=0x0b,W=zero*2]", "ping.sample[T=255,W=abc]",
		"ping.sample[T=255,W=\"d e\"]", "ping.sample[T=255,W=zero*2]",
	};
	struct scenario *s = parse(sample, sizeof(sample) - 1);

	(void)state;
	assert_int_equal(s->num_instances, 6);
	for (int i = 0; i < 6; i++)
		assert_string_equal(s->instances[i].name, want[i]);
	assert_int_equal(s->instances[4].pick[0], 1);
	assert_int_equal(s->instances[4].pick[1], 1);
	scenario_free(s);
}

static void steps_come_out_in_order(void **state)
{
	static const enum scenario_step_kind want[] = {
		STEP_ACTION, STEP_ACTION, STEP_SEND,   STEP_EXPECT,
		STEP_ABSENT, STEP_REPEAT, STEP_SETTLE, STEP_FENCE,
	};
	struct scenario *s = parse(sample, sizeof(sample) - 1);
	const struct scenario_step *st = s->cases->steps;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_non_null(st);
		assert_int_equal(st->kind, want[i]);
		st = st->next;
	}
	assert_null(st);
	scenario_free(s);
}

static const struct scenario_step *step_at(const struct scenario *s, int n)
{
	const struct scenario_step *st = s->cases->steps;

	while (n--)
		st = st->next;
	return st;
}

static void an_expectation_keeps_all_its_parts(void **state)
{
	struct scenario *s = parse(sample, sizeof(sample) - 1);
	const struct scenario_step *e = step_at(s, 3);
	const struct scenario_match *m = e->match;

	(void)state;
	assert_string_equal(m->word->name, "pong");
	assert_int_equal(m->args->kind, VALUE_TAKE);
	assert_string_equal(m->next->word->name, "recv");
	assert_int_equal(m->next->args->id, ARG_SRC);
	assert_int_equal(m->next->args->next->id, ARG_DATA);
	assert_int_equal(m->next->next->word->id, WORD_CLOSED);
	assert_null(m->next->next->next);
	assert_true(e->has_after);
	assert_int_equal(e->after_ms, 5);
	assert_true(e->has_within);
	assert_int_equal(e->within_ms, 1000);
	scenario_free(s);
}

static void a_case_knows_what_it_names(void **state)
{
	struct scenario *s = parse(sample, sizeof(sample) - 1);
	const uint32_t *named = s->cases->named;

	(void)state;
	assert_int_equal(named[0], SCENARIO_NAMES(0x13) | SCENARIO_NAMES(5) |
					   SCENARIO_NAMES_CLOSED);
	assert_int_equal(named[1], SCENARIO_NAMES(8));
	scenario_free(s);
}

static void lines_are_found_by_number(void **state)
{
	struct scenario *s = parse("a\r\nbb\n\nd", 8);
	size_t len;

	(void)state;
	assert_memory_equal(scenario_line(s->files, 1, &len), "a", 1);
	assert_int_equal(len, 1);
	assert_memory_equal(scenario_line(s->files, 2, &len), "bb", 2);
	assert_int_equal(len, 2);
	scenario_line(s->files, 3, &len);
	assert_int_equal(len, 0);
	assert_memory_equal(scenario_line(s->files, 4, &len), "d", 1);
	assert_int_equal(len, 1);
	scenario_line(s->files, 5, &len);
	assert_int_equal(len, 0);
	scenario_line(s->files, 0, &len);
	assert_int_equal(len, 0);
	scenario_free(s);
}

/* ---- the suite itself ------------------------------------------------ */

static bool is_suite(const struct embedded *e)
{
	size_t n = strlen(e->name);

	return n > 5 && strcmp(e->name + n - 5, ".derp") == 0;
}

static void our_own_cases_have_no_errors(void **state)
{
	struct scenario *s = scenario_new();

	(void)state;
	for (const struct embedded *e = embedded; e->name; e++)
		if (is_suite(e) &&
		    scenario_parse(s, e->name, e->text, e->len) != 0) {
			scenario_error_print(stderr, &s->errors[0]);
			fail();
		}
	scenario_free(s);
}

/* Cut after each byte, and each byte turned into something else. */
static void no_cut_and_no_damage_crashes(void **state)
{
	static const char other[] = "\0\xff$\"[*(;:";
	const char *text = sample;
	size_t len = sizeof(sample) - 1;
	char *copy = malloc(len);

	(void)state;
	assert_non_null(copy);
	for (size_t cut = 0; cut < len; cut++)
		scenario_free(parse(text, cut));
	for (size_t at = 0; at < len; at++)
		for (size_t k = 0; k < sizeof(other) - 1; k++) {
			memcpy(copy, text, len);
			copy[at] = other[k];
			scenario_free(parse(copy, len));
		}
	free(copy);
}

/* At each byte of its first and last parts: everywhere would be n * n. */
static void no_cut_of_our_own_cases_crashes(void **state)
{
	(void)state;
	for (const struct embedded *e = embedded; e->name; e++) {
		if (!is_suite(e))
			continue;
		for (size_t n = 0; n <= e->len;
		     n += n < 1500 || n + 500 > e->len ? 1 : 37)
			scenario_free(parse(e->text, n));
	}
}

int main(void)
{
	static const struct CMUnitTest all[] = {
		cmocka_unit_test(a_file_may_have_a_mebibyte),
		cmocka_unit_test(a_line_may_have_4096_bytes),
		cmocka_unit_test(a_case_may_have_1000_steps),
		cmocka_unit_test(a_case_may_have_16_connections),
		cmocka_unit_test(a_case_may_have_64_names),
		cmocka_unit_test(a_suite_may_have_5000_instances),
		cmocka_unit_test(the_header_comes_out_as_it_went_in),
		cmocka_unit_test(a_product_of_for_makes_instances),
		cmocka_unit_test(steps_come_out_in_order),
		cmocka_unit_test(an_expectation_keeps_all_its_parts),
		cmocka_unit_test(a_case_knows_what_it_names),
		cmocka_unit_test(lines_are_found_by_number),
		cmocka_unit_test(our_own_cases_have_no_errors),
		cmocka_unit_test(no_cut_and_no_damage_crashes),
		cmocka_unit_test(no_cut_of_our_own_cases_crashes),
	};

	return cmocka_run_group_tests_name("scenario", all, NULL, NULL);
}
