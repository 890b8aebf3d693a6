/*
 * cli_reports.c - open, write and close the reports of a run.
 */
#include "cli_reports.h"

#include <string.h>

#include <sodium.h>

#include "cli_text.h"

typedef void writer(FILE *to, const struct report *r);

static writer *const writers[REPORTS_KINDS] = {
	[REPORTS_JSON] = report_json,
	[REPORTS_JUNIT] = report_junit,
	[REPORTS_TAP] = report_tap,
	[REPORTS_HTML] = report_html,
	[REPORTS_MARKDOWN] = report_markdown,
	[REPORTS_BASELINE] = report_baseline,
};

static int refuse(const char *path)
{
	fputs("derpspec: two reports cannot go to the same place: ", stderr);
	cli_puts(stderr, strcmp(path, "-") == 0 ? "standard output" : path);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

int reports_open(struct reports *r, const struct cli_options *o)
{
	const char *const paths[REPORTS_KINDS] = {
		[REPORTS_JSON] = o->json,
		[REPORTS_JUNIT] = o->junit,
		[REPORTS_TAP] = o->tap,
		[REPORTS_MARKDOWN] = o->markdown,
		[REPORTS_HTML] = o->html,
		[REPORTS_BASELINE] = o->write_baseline,
	};
	int code = 0;

	for (int i = 0; i < REPORTS_KINDS; i++) {
		for (int k = 0; k < i && paths[i] != NULL; k++) {
			if (paths[k] != NULL && !strcmp(paths[k], paths[i]))
				return refuse(paths[i]);
		}
	}
	for (int i = 0; i < REPORTS_KINDS && code == 0; i++)
		code = output_open(&r->out[i], paths[i]);
	return code;
}

FILE *reports_text_to(const struct reports *r)
{
	for (int i = 0; i < REPORTS_KINDS; i++) {
		if (r->out[i].f == stdout)
			return stderr;
	}
	return stdout;
}

int reports_write(struct reports *r, const struct report *rep)
{
	int code = 0, other;

	for (int i = 0; i < REPORTS_KINDS; i++) {
		if (r->out[i].f == NULL)
			continue;
		writers[i](r->out[i].f, rep);
		other = output_close(&r->out[i], true);
		if (code == 0)
			code = other;
	}
	return code;
}

void reports_drop(struct reports *r)
{
	for (int i = 0; i < REPORTS_KINDS; i++)
		output_close(&r->out[i], false);
}

/* What a server says must not be taken for a command of ours, so there are
 * none while it is quoted.  The word that ends this cannot be guessed. */
void reports_print(FILE *to, const struct report *rep,
		   struct report_style style, bool github)
{
	uint8_t word[16];
	char hex[2 * sizeof(word) + 1];

	if (github) {
		randombytes_buf(word, sizeof(word));
		sodium_bin2hex(hex, sizeof(hex), word, sizeof(word));
		fprintf(to, "::stop-commands::%s\n", hex);
	}
	for (size_t i = 0; i < rep->num_cases; i++)
		report_text_case(to, rep, &rep->cases[i], style);
	report_text_sum(to, rep, style);
	if (github) {
		fprintf(to, "::%s::\n", hex);
		report_github(to, rep);
	}
	fflush(to);
}
