/*
 * html.h - a page that loads nothing: head, styles, escaping.
 *
 * The page says by its own policy that nothing is fetched and that no script
 * runs but ours, known by its hash.  Styles follow light or dark.
 */
#ifndef HTML_H
#define HTML_H

#include <stdio.h>

void html_begin(FILE *to, const char *title);
void html_end(FILE *to); /* with the script */

/* Printable and escaped, for an element or a quoted attribute. */
void html_text(FILE *to, const char *text);
void html_bytes(FILE *to, const char *text, size_t len);
/* A rule of docs/protocol.md: what is between backticks is code. */
void html_rule(FILE *to, const char *text);
/* What stands in an attribute id or in a link to it: "case-ping.max". */
void html_id(FILE *to, const char *prefix, const char *text);

#endif
