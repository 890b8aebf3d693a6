/*
 * options.c - one table per tool: it drives getopt_long and prints --help.
 */
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "derp.h"
#include "options.h"
#include "text.h"

#define OPTS_MAX 96 /* rows of a table; more is our bug */
#define HELP_COLUMN 30
#define SHOWN_MAX 80 /* of an argument in an error */

/* What getopt_long() returns for long options: above any letter. */
enum { VAL_HELP = 0x100, VAL_VERSION = 0x101, VAL_FIRST = 0x200 };

/* ---- reading --------------------------------------------------------- */

struct forms {
	struct option longs[OPTS_MAX + 3];
	char letters[2 + 2 * OPTS_MAX + 1];
};

static void make_forms(struct forms *f, const struct opt *table)
{
	struct option *l = f->longs;
	size_t n = 0, k = 0;

	memset(f, 0, sizeof *f);
	f->letters[k++] = ':'; /* tell a missing argument from the rest */
	for (; table[n].id != 0; n++) {
		assert(n < OPTS_MAX);
		if (table[n].name != NULL) {
			l->name = table[n].name;
			l->has_arg = table[n].arg != NULL;
			l->val = VAL_FIRST + (int)n;
			l++;
		}
		if (table[n].letter != 0) {
			f->letters[k++] = (char)table[n].letter;
			if (table[n].arg != NULL)
				f->letters[k++] = ':';
		}
	}
	l[0].name = "help";
	l[0].val = VAL_HELP;
	l[1].name = "version";
	l[1].val = VAL_VERSION;
}

void opts_init(struct opts *o, const struct opt_tool *tool, int argc,
	       char **argv)
{
	memset(o, 0, sizeof *o);
	o->tool = tool;
	o->argc = argc;
	o->argv = argv;
	o->first = 1;
	opterr = 0;
	optind = 0; /* glibc: begin anew, forget an earlier command line */
}

int opts_fail(const struct opts *o, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", o->tool->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (see %s --help)\n", o->tool->name);
	return OPTS_ERROR;
}

static const char *shown(char out[SHOWN_MAX], const char *text)
{
	return text_escape(out, SHOWN_MAX, text, strlen(text));
}

/* "--queue", or "-q" for an option without a long name. */
static const char *opt_name(char out[SHOWN_MAX], const struct opt *opt)
{
	if (opt->name != NULL)
		snprintf(out, SHOWN_MAX, "--%s", opt->name);
	else
		snprintf(out, SHOWN_MAX, "-%c", opt->letter);
	return out;
}

static const struct opt *find(const struct opts *o, int val)
{
	const struct opt *t = o->tool->table;

	if (val >= VAL_FIRST)
		return &t[val - VAL_FIRST];
	for (; t->id != 0; t++)
		if (val != 0 && t->letter == val)
			return t;
	return NULL;
}

/* getopt_long() says '?' and leaves the value of the option in optopt: a
 * letter, or of a long option what make_forms() gave it, or 0. */
static int unknown(const struct opts *o)
{
	char name[SHOWN_MAX];
	char letter[2] = { (char)optopt, '\0' };

	if (optopt >= VAL_FIRST)
		return opts_fail(o, "%s takes no argument",
				 opt_name(name, find(o, optopt)));
	if (optopt >= VAL_HELP)
		return opts_fail(o, "%s takes no argument",
				 optopt == VAL_HELP ? "--help" : "--version");
	if (optopt == 0)
		return opts_fail(o, "unknown option '%s'",
				 shown(name, o->argv[optind - 1]));
	return opts_fail(o, "unknown option '-%s'", shown(name, letter));
}

/* All tools of derpkit have the version of the codec. */
static void print_version(const struct opt_tool *tool)
{
	unsigned v = DERP_VERSION_NUM;

	printf("%s %u.%u.%u\n", tool->name, v >> 16, v >> 8 & 255, v & 255);
}

int opts_next(struct opts *o)
{
	struct forms forms;
	char name[SHOWN_MAX];
	int val;

	make_forms(&forms, o->tool->table);
	val = getopt_long(o->argc, o->argv, forms.letters, forms.longs, NULL);
	o->first = optind;
	if (val == -1)
		return OPTS_END;
	if (val == VAL_HELP) {
		opts_help(o->tool, stdout);
		return OPTS_DONE;
	}
	if (val == VAL_VERSION) {
		print_version(o->tool);
		return OPTS_DONE;
	}
	if (val == ':')
		return opts_fail(o, "%s wants an argument: %s",
				 opt_name(name, find(o, optopt)),
				 find(o, optopt)->arg);
	if (val == '?')
		return unknown(o);
	o->opt = find(o, val);
	o->value = optarg;
	return o->opt->id;
}

int opts_exit(int result)
{
	return result == OPTS_ERROR ? 2 : 0;
}

/* ---- help ------------------------------------------------------------ */

static void help_row(FILE *to, const struct opt *opt)
{
	char left[128];
	const char *line = opt->help, *end;
	int n = 0;

	n = opt->letter != 0 ? snprintf(left, sizeof left, "  -%c%s",
					opt->letter, opt->name ? ", " : "")
			     : snprintf(left, sizeof left, "      ");
	if (opt->name != NULL)
		n += snprintf(left + n, sizeof left - (size_t)n, "--%s",
			      opt->name);
	if (opt->arg != NULL)
		n += snprintf(left + n, sizeof left - (size_t)n, " %s",
			      opt->arg);
	if (n >= HELP_COLUMN - 1) {
		fprintf(to, "%s\n", left);
		left[0] = '\0';
	}
	fprintf(to, "%-*s", HELP_COLUMN, left);
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		fprintf(to, "%.*s\n%*s", (int)(end - line), line, HELP_COLUMN,
			"");
	fprintf(to, "%s\n", line);
}

void opts_help(const struct opt_tool *tool, FILE *to)
{
	static const struct opt last[] = {
		{ 1, "help", 0, NULL, "print this and exit", NULL },
		{ 2, "version", 0, NULL, "print the version and exit", NULL },
	};
	const char *line = tool->usage, *end;

	fprintf(to, "usage: ");
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		fprintf(to, "%.*s\n       ", (int)(end - line), line);
	fprintf(to, "%s\n", line);
	if (tool->about != NULL)
		fprintf(to, "\n%s\n", tool->about);
	for (const struct opt *t = tool->table; t->id != 0; t++) {
		if (t->help == NULL)
			continue;
		if (t->group != NULL)
			fprintf(to, "\n%s\n", t->group);
		else if (t == tool->table)
			fprintf(to, "\n");
		help_row(to, t);
	}
	fprintf(to, "\n");
	help_row(to, &last[0]);
	help_row(to, &last[1]);
	if (tool->after != NULL)
		fprintf(to, "\n%s\n", tool->after);
}

/* ---- values ---------------------------------------------------------- */

static int bad(const struct opts *o, const char *what)
{
	char name[SHOWN_MAX], value[SHOWN_MAX];

	return opts_fail(o, "%s wants %s, not '%s'", opt_name(name, o->opt),
			 what, shown(value, o->value));
}

int opt_number(const struct opts *o, uint64_t *v, uint64_t min, uint64_t max)
{
	char what[80];
	uint64_t n;

	if (number_parse(&n, o->value, max) != 0 || n < min) {
		snprintf(what, sizeof what,
			 "a number from %" PRIu64 " to %" PRIu64, min, max);
		return bad(o, what);
	}
	*v = n;
	return 0;
}

int opt_port(const struct opts *o, uint16_t *port, uint16_t min)
{
	uint64_t n;

	if (number_parse(&n, o->value, UINT16_MAX) != 0 || n < min)
		return bad(o, min == 0 ? "a port from 0 to 65535"
				       : "a port from 1 to 65535");
	*port = (uint16_t)n;
	return 0;
}

/* Milliseconds of "2", "0.25", "2s", "500ms".  Digits of less than a
 * millisecond are refused rather than lost. */
static int ms_parse(uint64_t *ms, const char *text)
{
	uint64_t whole = 0, part = 0, unit = 100;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (whole > UINT64_MAX / 100000)
			return -1;
		whole = whole * 10 + (uint64_t)(*p - '0');
	}
	if (p == text)
		return -1;
	if (strcmp(p, "ms") == 0) {
		*ms = whole;
		return 0;
	}
	if (*p == '.') {
		const char *first = ++p;
		for (; *p >= '0' && *p <= '9'; p++, unit /= 10) {
			if (unit == 0)
				return -1;
			part += (uint64_t)(*p - '0') * unit;
		}
		if (p == first)
			return -1;
	}
	if (*p != '\0' && strcmp(p, "s") != 0)
		return -1;
	*ms = whole * 1000 + part;
	return 0;
}

int opt_seconds(const struct opts *o, uint64_t *ms, uint64_t min_ms,
		uint64_t max_ms)
{
	char what[80];
	uint64_t n;

	if (ms_parse(&n, o->value) != 0 || n < min_ms || n > max_ms) {
		snprintf(what, sizeof what, "seconds from %g to %g",
			 (double)min_ms / 1000, (double)max_ms / 1000);
		return bad(o, what);
	}
	*ms = n;
	return 0;
}

int opt_size(const struct opts *o, uint64_t *bytes, uint64_t min, uint64_t max)
{
	static const char units[] = "kMG";
	char digits[24] = "", what[80];
	size_t len = strspn(o->value, "0123456789");
	const char *unit = o->value + len;
	uint64_t n = 0, scale = 1;
	bool ok = len > 0 && len < sizeof digits;

	if (ok && *unit != '\0') {
		const char *at = strchr(units, *unit == 'K' ? 'k' : *unit);
		ok = at != NULL && unit[1] == '\0';
		if (ok)
			scale = UINT64_C(1) << (10 * (at - units + 1));
	}
	if (ok) {
		memcpy(digits, o->value, len);
		ok = number_parse(&n, digits, max / scale) == 0;
	}
	if (!ok || n * scale < min) {
		snprintf(what, sizeof what,
			 "a size from %" PRIu64 " to %" PRIu64
			 " bytes (or 64k, 1M)",
			 min, max);
		return bad(o, what);
	}
	*bytes = n * scale;
	return 0;
}

int opt_choice(const struct opts *o, int *index, const char *const words[])
{
	char what[200] = "";
	size_t n = 0;

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], o->value) == 0) {
			*index = i;
			return 0;
		}
		int k = snprintf(what + n, sizeof what - n, "%s%s",
				 i == 0                 ? ""
				 : words[i + 1] == NULL ? " or "
							: ", ",
				 words[i]);
		n = k > 0 && (size_t)k < sizeof what - n ? n + (size_t)k : n;
	}
	return bad(o, what);
}

int opt_host_port(const struct opts *o, struct host_port *hp, int default_port)
{
	if (host_port_parse(hp, o->value, default_port) != 0)
		return bad(o, default_port < 0
				      ? "HOST:PORT or [ADDR]:PORT"
				      : "HOST, HOST:PORT or [ADDR]:PORT");
	return 0;
}
