/*
 * parse_text.h - parse a text as a suite of its own.  For tests; static.
 */
#ifndef PARSE_TEXT_H
#define PARSE_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario.h"

#define HEAD "case a.b\nreq DERP-X-1\ntitle t\n" /* steps begin in line 4 */
#define OPEN HEAD "A: login\n"                   /* ... in line 5 */
#define CAN_FAIL "A: login\nA< open\n"

/* An exact-size copy, so that a byte read past the end is seen. */
static inline struct scenario *parse(const char *text, size_t len)
{
	struct scenario *s = scenario_new();
	char *copy = malloc(len ? len : 1);

	assert_non_null(s);
	assert_non_null(copy);
	memcpy(copy, text, len);
	scenario_parse(s, "x.derp", copy, len);
	free(copy);
	return s;
}

#endif
