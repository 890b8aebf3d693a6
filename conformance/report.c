/*
 * report.c - what all reports share: counts, levels, one-line texts.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "cli_text.h"

void report_count(struct report_sum *sum, const struct report *r)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < r->num_cases; i++) {
		const struct report_case *c = &r->cases[i];
		enum verdict v = c->result->verdict;

		if (v >= VERDICT_COUNT)
			v = VERDICT_ERROR; /* never judged: ours */
		if (c->tolerated) {
			sum->tolerated++;
			continue;
		}
		sum->by[v]++;
		sum->unexpected += verdict_is_bad(v);
	}
}

enum spec_level report_level(const struct spec *spec,
			     const struct scenario_item *reqs)
{
	enum spec_level level = SPEC_MAY;
	const struct spec_rule *rule;

	for (; reqs != NULL; reqs = reqs->next) {
		rule = spec_find(spec, reqs->text);
		if (rule == NULL)
			return SPEC_MUST;
		if (rule->level < level)
			level = rule->level;
	}
	return level;
}

const char *report_level_name(enum spec_level level)
{
	switch (level) {
	case SPEC_MUST:
		return "MUST";
	case SPEC_SHOULD:
		return "SHOULD";
	case SPEC_MAY:
		return "MAY";
	}
	return "MUST";
}

enum report_outcome report_outcome(const struct report_case *c)
{
	if (c->tolerated)
		return REPORT_SKIPPED;
	switch (c->result->verdict) {
	case VERDICT_PASS:
		return REPORT_GOOD;
	case VERDICT_SKIP:
	case VERDICT_XFAIL:
		return REPORT_SKIPPED;
	case VERDICT_FAIL:
	case VERDICT_XPASS:
		return REPORT_FAILURE;
	case VERDICT_INCONC:
	case VERDICT_CRASH:
	case VERDICT_ERROR:
	case VERDICT_NONE:
		return REPORT_BROKEN;
	}
	return REPORT_BROKEN;
}

void report_message(char *out, size_t cap, const struct report_case *c)
{
	const char *reason = c->result->reason;

	if (c->tolerated)
		snprintf(out, cap, "%s rule not kept: %s",
			 report_level_name(c->level), reason);
	else if (c->result->verdict == VERDICT_XFAIL)
		snprintf(out, cap, "expected failure: %s",
			 c->xfail != NULL ? c->xfail : reason);
	else if (c->result->verdict == VERDICT_XPASS)
		snprintf(out, cap, "passed, though expected to fail: %s",
			 c->xfail != NULL ? c->xfail : reason);
	else
		snprintf(out, cap, "%s", reason);
}

uint32_t report_line(const struct report_case *c)
{
	const struct result *res = c->result;

	return res->at.line != 0 ? res->at.line : res->what->of->pos.line;
}

/* A word for the shell: instance names hold brackets and quotes. */
static void shell_word(FILE *to, const char *word)
{
	if (strpbrk(word, "[]*?$\"'\\ ;&|<>()") == NULL) {
		cli_puts(to, word);
		return;
	}
	fputc('\'', to);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", to);
		else
			cli_put(to, word, 1);
	}
	fputc('\'', to);
}

void report_again(FILE *to, const struct report *r, const struct report_case *c)
{
	cli_puts(to, r->again);
	fprintf(to, " --seed %" PRIx64 " ", c->seed);
	shell_word(to, c->result->what->name);
}

void report_escape(FILE *to, const char *text, size_t len,
		   void (*put)(FILE *to, char c))
{
	char one[2] = "", shown[8];

	for (size_t i = 0; i < len; i++) {
		one[0] = text[i];
		if (one[0] == '\0') /* cli_clean() would stop here */
			snprintf(shown, sizeof(shown), "\\x00");
		else
			cli_clean(shown, sizeof(shown), one);
		for (const char *p = shown; *p != '\0'; p++)
			put(to, *p);
	}
}
