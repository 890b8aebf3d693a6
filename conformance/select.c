/*
 * select.c - match selectors with cases, and find what was meant.
 */
#include "select.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Remembers the last star only: a later star may take all that an earlier
 * one could, so the time is bounded by pattern times text. */
bool glob_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *mark = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			mark = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool select_has_tag(const struct select_item *item, const char *tag)
{
	tag += *tag == '@';
	for (size_t i = 0; i < item->num_tags; i++) {
		const char *has = item->tags[i];

		if (strcmp(has + (*has == '@'), tag) == 0)
			return true;
	}
	return false;
}

static bool is_glob(const char *s)
{
	return strpbrk(s, "*?") != NULL;
}

/* Is id "section" and a separator and more? */
static bool in_section(const char *section, const char *id, char separator)
{
	size_t n = strlen(section);

	return strncmp(section, id, n) == 0 && id[n] == separator;
}

/* "DERP-PING" holds DERP-PING-4, and not DERP-PING-FLOOD-1. */
static bool in_rules(const char *section, const char *id)
{
	const char *dash = strrchr(id, '-');

	return dash != NULL && (size_t)(dash - id) == strlen(section) &&
	       in_section(section, id, '-');
}

static bool matches_rule(const char *selector, const struct select_item *item)
{
	for (size_t i = 0; i < item->num_reqs; i++) {
		const char *req = item->reqs[i];

		if (strcmp(selector, req) == 0 || in_rules(selector, req) ||
		    (is_glob(selector) && glob_matches(selector, req)))
			return true;
	}
	return false;
}

enum select_how select_match(const char *selector,
			     const struct select_item *item)
{
	if (*selector == '@')
		return select_has_tag(item, selector) ? SELECT_NAMED
						      : SELECT_NO;
	if (strcmp(selector, item->id) == 0 ||
	    strcmp(selector, item->name) == 0)
		return SELECT_NAMED;
	if (is_glob(selector) && (glob_matches(selector, item->id) ||
				  glob_matches(selector, item->name)))
		return SELECT_BROAD;
	if (matches_rule(selector, item))
		return SELECT_BROAD;
	/* a section ends at the first dot */
	if (strchr(selector, '.') == NULL &&
	    in_section(selector, item->id, '.'))
		return SELECT_BROAD;
	return SELECT_NO;
}

/* ---- near matches ---------------------------------------------------- */

#define NEAR_MAX 3
#define NEAR_LEN 64 /* longer names are compared by their start */

static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Number of single characters to add, drop or change. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NEAR_LEN + 1], corner, above;
	size_t na = strnlen(a, NEAR_LEN), nb = strnlen(b, NEAR_LEN);

	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		corner = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			above = row[j];
			row[j] = corner + (fold(a[i - 1]) != fold(b[j - 1]));
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			corner = above;
		}
	}
	return row[nb];
}

struct near {
	char name[NEAR_MAX][NEAR_LEN + 2];
	unsigned score[NEAR_MAX];
	size_t num;
};

static void consider(struct near *n, const char *selector, const char *name)
{
	unsigned d = distance(selector, name);
	size_t at, len = strlen(selector);

	/* A part of the name, typed rightly, is a good guess too. */
	if (len >= 3 && d > 2 && strstr(name, selector) != NULL)
		d = 2;
	if (d > 1 + len / 3 && d > 2)
		return;
	for (at = 0; at < n->num; at++) {
		if (strcmp(n->name[at], name) == 0)
			return;
	}
	for (at = 0; at < n->num && n->score[at] <= d; at++)
		;
	if (at == NEAR_MAX)
		return;
	if (n->num < NEAR_MAX)
		n->num++;
	for (size_t i = n->num - 1; i > at; i--) {
		memcpy(n->name[i], n->name[i - 1], sizeof(n->name[i]));
		n->score[i] = n->score[i - 1];
	}
	snprintf(n->name[at], sizeof(n->name[at]), "%s", name);
	n->score[at] = d;
}

static void consider_item(struct near *n, const char *selector,
			  const struct select_item *item)
{
	char word[NEAR_LEN + 1];

	consider(n, selector, item->id);
	if (strchr(selector, '[') != NULL)
		consider(n, selector, item->name);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(item->id, "."),
		 item->id);
	consider(n, selector, word);
	for (size_t i = 0; i < item->num_reqs; i++)
		consider(n, selector, item->reqs[i]);
	for (size_t i = 0; i < item->num_tags; i++) {
		const char *tag = item->tags[i];

		snprintf(word, sizeof(word), "@%s", tag + (*tag == '@'));
		consider(n, selector, word);
	}
}

void select_near(FILE *to, const char *selector,
		 const struct select_item *items, size_t num_items)
{
	struct near n = { .num = 0 };

	for (size_t i = 0; i < num_items; i++)
		consider_item(&n, selector, &items[i]);
	for (size_t i = 0; i < n.num; i++)
		fprintf(to, "%s%s", i == 0 ? " (did you mean " : ", ",
			n.name[i]);
	if (n.num > 0)
		fputs("?)", to);
}
