/*
 * cli_output.h - report files that are whole or not there.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* One file to write.  Zero it to begin; path NULL is no file at all. */
struct output {
	const char *path; /* borrowed; "-": standard output */
	char *tmp;        /* where it is written; NULL: in place */
	FILE *f;          /* NULL: nothing to write */
};

/* Open FILE.tmp, or FILE itself where it is a device or a pipe.  Returns an
 * exit code after a line on stderr. */
int output_open(struct output *out, const char *path);

/* Give the file its name, or take it away.  EXIT_OURS, after a line on
 * stderr, when it could not be written to its end. */
int output_close(struct output *out, bool keep);

#endif
