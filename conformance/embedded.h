/*
 * embedded.h - the scenarios and the specification, as files in the binary.
 *
 * Made by util/embed.sh.  The array ends with a NULL name.  text[len] is NUL.
 */
#ifndef EMBEDDED_H
#define EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *name; /* path in the source tree */
	const char *text;
	size_t len;
};

extern const struct embedded embedded[];

#endif
