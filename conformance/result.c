/*
 * result.c - verdicts by name.
 */
#include <stdlib.h>
#include <string.h>

#include "result.h"

const char *verdict_name(enum verdict v)
{
	switch (v) {
#define X(name, text)                                                          \
	case VERDICT_##name:                                                   \
		return text;
		VERDICTS(X)
#undef X
	case VERDICT_NONE:
		break;
	}
	return "NONE";
}

bool verdict_is_bad(enum verdict v)
{
	return v != VERDICT_PASS && v != VERDICT_SKIP && v != VERDICT_XFAIL;
}

void result_clear(struct result *r)
{
	free(r->trace);
	memset(r, 0, sizeof(*r));
	r->verdict = VERDICT_NONE;
}

int verdict_badness(enum verdict v)
{
	switch (v) {
	case VERDICT_NONE:
		return -1;
	case VERDICT_SKIP:
		return 0;
	case VERDICT_PASS:
		return 1;
	case VERDICT_XFAIL:
		return 2;
	case VERDICT_INCONC:
		return 3;
	case VERDICT_XPASS:
		return 4;
	case VERDICT_FAIL:
		return 5;
	case VERDICT_ERROR:
		return 6;
	case VERDICT_CRASH:
		return 7;
	}
	return 6;
}
