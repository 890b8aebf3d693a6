/*
 * cli_text.h - text on its way to a terminal or a report.
 *
 * What a server or a file says may hold anything.  It is shown as printable
 * ASCII; every other byte as \xHH (line feeds as \n), so that it can neither
 * move the cursor nor look like a line of ours.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

void cli_put(FILE *to, const void *text, size_t len);
void cli_puts(FILE *to, const char *text);
/* Into out[cap], cut to fit, NUL-terminated. */
void cli_clean(char *out, size_t cap, const char *text);

/* "file:line:col: ", for a message about a file. */
void cli_place(FILE *to, const char *file, unsigned line, unsigned col);
/* Line number `line` of a text, and a caret below its column. */
void cli_caret(FILE *to, const char *text, size_t len, unsigned line,
	       unsigned col);

/* The whole of a file of at most max bytes and a NUL behind it, to be freed;
 * NULL after a line on err.  "-" is standard input. */
char *cli_read_file(const char *path, size_t max, size_t *len, FILE *err);

#endif
