/*
 * baseline.h - what an implementation is known to do otherwise.
 *
 *   # derpserver of tailscale.com v1.102.5
 *   xfail gone.every-time "a key is told once" source="derpserver.go ..."
 *
 * One statement a line, in the manner of the scenario files: words, quoted
 * texts, name=value, `#` begins a comment.  The selector is one of select.h,
 * quoted if it holds blanks; every instance that it matches is expected to
 * fail.  One that passes is
 * XPASS and fails the run, so that a baseline does not rot.
 */
#ifndef BASELINE_H
#define BASELINE_H

#include <stddef.h>
#include <stdio.h>

#include "select.h"

struct baseline_entry {
	char *selector, *reason, *source;
	unsigned line, col; /* of the selector; 0: from the command line */
};

struct baseline {
	struct baseline_entry *entries;
	size_t num_entries;
};

/* Add the entries of a text.  Every error is a line on err with the place,
 * the line and a caret; the number of them is returned.  A selector that
 * matches none of the items is one. */
size_t baseline_parse(struct baseline *b, const char *file, const char *text,
		      size_t len, const struct select_item *items,
		      size_t num_items, FILE *err);

/* Add an entry without a file.  -1: out of memory. */
int baseline_add(struct baseline *b, const char *selector, const char *reason);

/* The first entry that matches, NULL if none does. */
const struct baseline_entry *baseline_find(const struct baseline *b,
					   const struct select_item *item);

void baseline_free(struct baseline *b);

#endif
