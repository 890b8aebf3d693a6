/*
 * fuzz_scenario.c - the scenario parser, on files of anybody.
 *
 *   input:  text
 *
 * Oracles: what is printed of errors has no control bytes but line ends, and
 * names a place that the text has.  Parsed twice, the same comes out.  The
 * tree of a good text is whole: every case has steps, words and instances,
 * within the limits of scenario.h.
 */
#include "fuzz.h"
#include "scenario.h"

#define DEPTH_MAX (SCENARIO_NEST_MAX + 1)

static void check_errors(const struct scenario *s)
{
	char *text = NULL;
	size_t len = 0, num = s->num_errors;
	FILE *out = open_memstream(&text, &len);

	fuzz_check(out != NULL);
	for (size_t i = 0; i < num && i < SCENARIO_ERRORS_MAX; i++) {
		const struct scenario_error *e = &s->errors[i];

		fuzz_check(e->file != NULL &&
			   e->pos.line <= e->file->num_lines + 1);
		fuzz_check(memchr(e->text, '\0', sizeof(e->text)) != NULL);
		scenario_error_print(out, e);
	}
	fuzz_check(fclose(out) == 0);
	fuzz_check_ascii(text, len);
	free(text);
}

static void check_args(const struct scenario_case *c,
		       const struct scenario_arg *a)
{
	for (; a != NULL; a = a->next) {
		fuzz_check(a->id < ARG_IDS);
		if (a->kind == VALUE_CONN)
			fuzz_check(a->conn < c->num_conns);
		if (a->kind == VALUE_TAKE)
			fuzz_check(a->var < c->num_vars);
	}
}

static void check_steps(const struct scenario_case *c,
			const struct scenario_step *s, int depth, size_t *num)
{
	fuzz_check(depth <= DEPTH_MAX);
	for (; s != NULL; s = s->next) {
		(*num)++;
		fuzz_check(s->conn == SCENARIO_NO_CONN ||
			   s->conn < c->num_conns);
		fuzz_check(s->conn2 == SCENARIO_NO_CONN ||
			   s->conn2 < c->num_conns);
		check_args(c, s->args);
		for (const struct scenario_match *m = s->match; m != NULL;
		     m = m->next) {
			fuzz_check(m->word != NULL);
			check_args(c, m->args);
		}
		check_steps(c, s->body, depth + 1, num);
	}
}

static void check_case(const struct scenario_case *c)
{
	size_t num = 0, len;

	fuzz_check(c->id != NULL && c->id[0] != '\0');
	fuzz_check_ascii(c->id, strlen(c->id));
	fuzz_check(c->num_conns <= SCENARIO_CONNS_MAX &&
		   c->num_vars <= SCENARIO_VARS_MAX &&
		   c->num_fors <= SCENARIO_FORS_MAX);
	fuzz_check(c->pos.line >= 1 && c->last_line >= c->pos.line &&
		   c->last_line <= c->file->num_lines);
	for (uint32_t line = c->pos.line; line <= c->last_line; line++) {
		const char *text = scenario_line(c->file, line, &len);

		fuzz_check(text >= c->file->text &&
			   text + len <= c->file->text + c->file->len);
	}
	check_steps(c, c->steps, 0, &num);
	fuzz_check(num <= SCENARIO_STEPS_MAX);
}

static struct scenario *parse(const char *text, size_t len)
{
	struct scenario *s = scenario_new();
	size_t errors;

	fuzz_check(s != NULL);
	errors = scenario_parse(s, "fuzz.derp", text, len);
	fuzz_check(errors == s->num_errors);
	check_errors(s);
	for (const struct scenario_case *c = s->cases; c != NULL; c = c->next)
		check_case(c);
	fuzz_check(s->num_instances <= SCENARIO_INSTANCES_MAX);
	for (size_t i = 0; i < s->num_instances; i++)
		fuzz_check_printable(s->instances[i].name,
				     strlen(s->instances[i].name));
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *text = fuzz_copy(data, size);
	struct scenario *a = parse((const char *)text, size);
	struct scenario *b = parse((const char *)text, size);

	fuzz_check(a->num_cases == b->num_cases &&
		   a->num_instances == b->num_instances &&
		   a->num_errors == b->num_errors);
	for (size_t i = 0; i < a->num_instances; i++)
		fuzz_check(strcmp(a->instances[i].name, b->instances[i].name) ==
			   0);
	scenario_free(a);
	scenario_free(b);
	free(text);
	return 0;
}
