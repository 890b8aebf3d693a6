/*
 * report.c - what all reports share: counting and levels.
 */
#include "report.h"

#include <string.h>

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
