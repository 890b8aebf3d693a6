/*
 * exact.h - what the codec's tests share: exact-size heap blocks, hex, and a
 * test for every row of a table.
 */
#ifndef EXACT_H
#define EXACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NUM(table) (sizeof(table) / sizeof(table)[0])

struct bytes {
	uint8_t *at;
	size_t len;
};

/* A heap block of len bytes and not one more; free() it. */
static inline uint8_t *block(size_t len)
{
	uint8_t *p;

	if (len > (size_t)1 << 26)
		abort();
	p = malloc(len);
	if (len != 0)
		assert_non_null(p);
	return p;
}

static inline uint8_t *exact(const void *from, size_t len)
{
	uint8_t *p = block(len);

	if (len != 0)
		memcpy(p, from, len);
	return p;
}

/* Outputs begin as 0xaa, and are still that after an error. */
static inline uint8_t *blank(size_t len)
{
	uint8_t *p = block(len);

	if (len != 0)
		memset(p, 0xaa, len);
	return p;
}

static inline void assert_blank(const void *p, size_t len)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], 0xaa);
}

/* Also when both are empty and one is NULL. */
static inline void assert_bytes(const void *a, const void *b, size_t len)
{
	if (len != 0)
		assert_memory_equal(a, b, len);
}

static inline unsigned hex_of(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Hex, blanks skipped, as an exact block. */
static inline struct bytes unhex(const char *hex)
{
	uint8_t *all = block(strlen(hex) / 2 + 1);
	struct bytes out = { NULL, 0 };

	while (*hex != '\0') {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		all[out.len++] =
			(uint8_t)(16 * hex_of(hex[0]) + hex_of(hex[1]));
		hex += 2;
	}
	out.at = exact(all, out.len);
	free(all);
	return out;
}

/* ---- one test for each row ------------------------------------------- */

struct suite {
	struct CMUnitTest tests[1024];
	char names[1024][72];
	size_t num;
};

static inline void *row(const void *r)
{
	union {
		const void *in;
		void *out;
	} drop = { r };

	return drop.out;
}

/* A name may be any text; what cannot be printed shows as a dot. */
static inline void add(struct suite *s, const char *name,
		       CMUnitTestFunction claim, const void *r)
{
	struct CMUnitTest *t = &s->tests[s->num];
	char *to = s->names[s->num];

	if (s->num == NUM(s->tests))
		abort();
	for (size_t i = 0; name[i] != '\0' && i < 60; i++)
		*to++ = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i]
								: '.');
	*to = '\0';
	memset(t, 0, sizeof *t);
	t->name = s->names[s->num];
	t->test_func = claim;
	t->initial_state = row(r);
	s->num++;
}

/* The same, saying which version of the reference the row is from. */
static inline void add_of(struct suite *s, const char *version,
			  const char *name, CMUnitTestFunction claim,
			  const void *r)
{
	char both[72];

	snprintf(both, sizeof both, "%s/%s", version, name);
	add(s, both, claim, r);
}

#define ADD(suite, claim) add(suite, #claim, claim, NULL)

static inline int run(const char *name, const struct suite *s)
{
	return _cmocka_run_group_tests(name, s->tests, s->num, NULL, NULL);
}

#endif
