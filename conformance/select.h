/*
 * select.h - which cases a word on the command line means.
 *
 *   ping.max-1000                    a case, all its instances
 *   frame.unknown-skipped[T=0x0b]    one instance
 *   ping                             a section: the cases ping.*
 *   DERP-PING-4                      the cases that test this rule
 *   DERP-PING                        the rules of that section
 *   @hostile                         a tag
 *   ping.*  *[T=0x0?]  DERP-P*       a glob over any of these but tags;
 *                                    * is any text, ? one character
 *
 * Nothing here allocates, nothing keeps a pointer.
 */
#ifndef SELECT_H
#define SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One instance of a case, as a selector sees it.  All borrowed. */
struct select_item {
	const char *id;   /* of the case: "ping.max-1000" */
	const char *name; /* of the instance; id again if there is only one */
	const char *const *reqs;
	size_t num_reqs;
	const char *const *tags; /* with or without '@' */
	size_t num_tags;
};

bool glob_matches(const char *pattern, const char *text);

/* How a selector came to match: the names that ask for just this case lift
 * what keeps @slow cases out. */
enum select_how { SELECT_NO, SELECT_BROAD, SELECT_NAMED };

enum select_how select_match(const char *selector,
			     const struct select_item *item);

bool select_has_tag(const struct select_item *item, const char *tag);

/* Write " (did you mean a, b?)" for what in the items resembles the selector,
 * or nothing. */
void select_near(FILE *to, const char *selector,
		 const struct select_item *items, size_t num_items);

#endif
