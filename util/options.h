/*
 * options.h - one table per tool: it drives getopt_long and prints --help.
 *
 *	enum { O_LISTEN = 1, O_QUEUE };
 *	static const struct opt table[] = {
 *		{ O_LISTEN, "listen", 'l', "ADDR:PORT", "where to listen",
 *		  "Network" },
 *		{ O_QUEUE, "queue", 0, "N", "packets to keep (32)", NULL },
 *		{ 0 },
 *	};
 *	static const struct opt_tool tool = { .name = "derpd", ... };
 *
 *	opts_init(&o, &tool, argc, argv);
 *	while ((id = opts_next(&o)) > 0)
 *		switch (id) { case O_QUEUE: e = opt_number(&o, &n, 1, 4096); }
 *	if (id < 0) return opts_exit(id);
 *	... operands are argv[o.first] to argv[argc - 1]
 *
 * --help and --version are in every tool without being in its table; both are
 * long only, since -h is the host where a tool has one.  An option may come
 * any number of times: each is one call.  Operands and options may be mixed.
 *
 * Every error is one line on standard error that names the tool, the option,
 * what it wants and what it got; it is printed where it is found.
 */
#ifndef DERPKIT_OPTIONS_H
#define DERPKIT_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "host_port.h"

struct opt {
	int id; /* what opts_next() returns; 0 ends the table */
	const char *name;
	int letter;        /* 0: long only */
	const char *arg;   /* what --help calls the argument; NULL: none */
	const char *help;  /* NULL: not shown by --help (for tests) */
	const char *group; /* heading in front of this one; NULL: none */
};

struct opt_tool {
	const char *name;  /* "derpd" */
	const char *usage; /* lines behind "usage: ", parted by \n */
	const char *about; /* a sentence or two; NULL: none */
	const struct opt *table;
	const char *after; /* behind the options: exit codes; NULL: none */
};

struct opts {
	const struct opt_tool *tool;
	int argc, first;
	char **argv;
	const struct opt *opt; /* the current one */
	const char *value;     /* its argument */
};

enum opts_result {
	OPTS_END = 0,
	OPTS_ERROR = -1, /* told on stderr: exit 2 */
	OPTS_DONE = -2,  /* --help or --version was printed: exit 0 */
};

void opts_init(struct opts *o, const struct opt_tool *tool, int argc,
	       char **argv);
/* The next option's id, or an enum opts_result. */
int opts_next(struct opts *o);
/* The exit code for a negative result. */
int opts_exit(int result);
void opts_help(const struct opt_tool *tool, FILE *to);

/* Say "TOOL: TEXT" and a hint at --help on stderr, one line.  Returns
 * OPTS_ERROR, so that a caller can `return opts_fail(...)`. */
int opts_fail(const struct opts *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The argument of the current option as a value.  0, or OPTS_ERROR with *v
 * untouched and the error told. */
int opt_number(const struct opts *o, uint64_t *v, uint64_t min, uint64_t max);
int opt_port(const struct opts *o, uint16_t *port, uint16_t min);
/* "2", "0.5", "2s", "500ms", in milliseconds. */
int opt_seconds(const struct opts *o, uint64_t *ms, uint64_t min_ms,
		uint64_t max_ms);
/* "4096", "64k", "1M", "1G" (powers of 1024). */
int opt_size(const struct opts *o, uint64_t *bytes, uint64_t min, uint64_t max);
/* One of words[], which ends with NULL: its index. */
int opt_choice(const struct opts *o, int *index, const char *const words[]);

/* See host_port_parse(). */
int opt_host_port(const struct opts *o, struct host_port *hp, int default_port);

#endif
