/*
 * report_html.h - private to the files of the HTML report.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "report.h"

/* "good", "warn" or "bad": the colour of a case, and what the filter knows. */
const char *html_state(const struct report_case *c);

/* The instances [from, to) of one case, folded. */
void html_case(FILE *to, const struct report *r, size_t from, size_t end);

#endif
