/*
 * parse.h - what the parts of the scenario parser share.  Private to them.
 *
 *   parse.c   lines, headers, cases      args.c   arguments of frames, verbs
 *   step.c    steps, names               expr.c   bytes, text
 *   scenario.c  memory, errors           number.c numbers, durations
 *
 * A parser looks at one line: at moves from its start to end.  Functions
 * return false after they have reported an error; the caller gives up the
 * line.
 */
#ifndef PARSE_H
#define PARSE_H

#include "scenario.h"

/* What a variable is for; only USE_LET may be given a second time. */
enum parse_use { USE_LET, USE_FOR, USE_LOOP };

struct parser {
	struct scenario *s;
	struct scenario_file *file;
	struct scenario_case *c; /* NULL before the first case */
	uint32_t line;
	const char *start, *at, *end; /* of the current line */
	bool bad;                     /* the current case has an error */
	bool expects;                 /* the current case can fail */
	bool steps; /* the current case has a step: no header may follow */
	uint32_t num_randoms;
	uint32_t nesting; /* of brackets in a value */
	enum parse_use use[SCENARIO_VARS_MAX];

	/* open loops: where the next step goes, and their counters */
	struct scenario_step **tail[SCENARIO_NEST_MAX + 1];
	struct scenario_pos opened[SCENARIO_NEST_MAX + 1];
	uint32_t counter[SCENARIO_NEST_MAX + 1];
	uint32_t depth;

	/* by connection: opened by a step; else where it was first named */
	bool is_open[SCENARIO_CONNS_MAX];
	bool has_key[SCENARIO_CONNS_MAX]; /* logs in with its own key */
	struct scenario_pos first[SCENARIO_CONNS_MAX];
};

/* ---- memory and errors (scenario.c) */
void *scenario_alloc(struct scenario *s, size_t size); /* zeroed, or NULL */
char *scenario_strdup(struct scenario *s, const char *text, size_t len);
bool parse_error(struct parser *p, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* always false */
bool parse_error_at(struct parser *p, struct scenario_pos pos, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));
void *parse_alloc(struct parser *p, size_t size); /* NULL: error reported */
bool scenario_expand(struct parser *p);

/* ---- words of a line (parse.c) */
struct scenario_pos parse_pos(const struct parser *p, const char *at);
void parse_blanks(struct parser *p);
bool parse_at_end(struct parser *p); /* end of line, ';' or '#' */
/* Length of the run of letters, digits, '_' and '-' at `at`. */
size_t parse_ident(const struct parser *p);
/* Is the next word this one, with a blank, ';' or the end behind it? */
bool parse_is(const struct parser *p, const char *word);
/* Length of what stands up to the next blank, ';', '#' or end. */
size_t parse_bare(const struct parser *p);
int parse_shown(size_t len); /* for "%.*s" in messages */

/* ---- names (step.c) */
bool parse_conn(struct parser *p, uint32_t *conn); /* declares it */
size_t parse_name(const struct parser *p); /* its length; 0: none here */
bool parse_var_new(struct parser *p, enum parse_use use, bool is_bytes,
		   uint32_t *var);
/* -1: none of that name */
int parse_var_find(const struct parser *p, const char *name, size_t len);
int parse_conn_find(const struct parser *p, const char *name, size_t len);

/* ---- values: numbers (number.c) */
#define NESTING_MAX 16 /* brackets in brackets */
struct scenario_expr *parse_node(struct parser *p,
				 enum scenario_expr_kind kind);
bool parse_here(const struct parser *p, char c); /* is it next? */
bool parse_digit(const struct parser *p);        /* is one next? */
int parse_hex(char c);                           /* its value, or -1 */
/* $NAME of a variable; says so if there is none. */
bool parse_variable(struct parser *p, uint32_t *var);
bool parse_term(struct parser *p, struct scenario_expr **out);
bool parse_sum(struct parser *p, bool blanks, struct scenario_expr **out);
bool parse_number(struct parser *p, struct scenario_expr **out);
bool parse_duration(struct parser *p, uint32_t *ms);

/* ---- values: bytes and text (expr.c) */
/* Pieces follow each other directly, or with blanks between. */
bool parse_bytes(struct parser *p, bool blanks, struct scenario_expr **out);
bool parse_text(struct parser *p, bool blanks, struct scenario_expr **out);
bool parse_for_value(struct parser *p, struct scenario_expr **out,
		     bool *is_bytes);

/* ---- arguments (args.c): up to the end of the statement, or to one of
 * "or", "after", "within" if expecting */
bool parse_args(struct parser *p, const struct scenario_word *w, bool expecting,
		struct scenario_arg **out);

/* The frame names this connection's word: do not ignore such frames. */
void parse_names(struct parser *p, uint32_t conn, const struct scenario_word *w,
		 const struct scenario_arg *args);

/* ---- steps (step.c) */
bool parse_step(struct parser *p);
bool parse_steps_end(struct parser *p); /* at the end of a case */

#endif
