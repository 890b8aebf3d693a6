/*
 * scenario.h - scenario files as a tree: parse them, walk them, free them.
 *
 *   scenario (the suite)
 *     file ---- text, lines
 *     case ---- id, reqs, title, tags, needs, for-variables, connections
 *       step -- action | send | expect | absent | fence | settle | ...
 *         arg - name, and a value: number, bytes, text, word, connection
 *     instance  a case with one value picked for each of its for-variables
 *
 * The language is in docs/scenario.md.  Parsing does no I/O and never fails
 * in the middle: it collects up to SCENARIO_ERRORS_MAX errors, and a suite
 * with errors must not be run.  Everything hangs on the scenario and dies
 * with it; pointers handed out are good until then.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCENARIO_FILE_MAX (1u << 20)
#define SCENARIO_LINE_MAX 4096
#define SCENARIO_ERRORS_MAX 20
#define SCENARIO_STEPS_MAX 1000
#define SCENARIO_CONNS_MAX 16
#define SCENARIO_VARS_MAX 64
#define SCENARIO_FORS_MAX 4
#define SCENARIO_NEST_MAX 4
#define SCENARIO_ROUNDS_MAX 100000
#define SCENARIO_INSTANCES_MAX 5000
#define SCENARIO_BYTES_MAX (16u << 20)
#define SCENARIO_NAME_MAX 32
#define SCENARIO_CASE_MS 10000 /* time of a case that names none */

struct scenario_pos {
	uint32_t line, col; /* from 1; line 0 is nowhere */
};

/* ---- words: what the language knows (words.c) ------------------------ */

enum scenario_arg_id {
	ARG_RCVBUF,
	ARG_PATH,
	ARG_HOST,
	ARG_FAST_START,
	ARG_IDEAL_NODE,
	ARG_HEADER,
	ARG_AS,
	ARG_MESH,
	ARG_JSON,
	ARG_PROBER,
	ARG_APP,
	ARG_COUNT, /* bare number of cut and dribble */
	ARG_PAUSE, /* bare duration of dribble */
	ARG_FRAME, /* bare frame word of ignore */
	ARG_MAGIC,
	ARG_KEY,
	ARG_SRC,
	ARG_DST,
	ARG_HOME,
	ARG_REASON,
	ARG_IP,
	ARG_PORT,
	ARG_FLAGS,
	ARG_IN,
	ARG_TRY,
	ARG_TYPE,
	ARG_NONCE,
	ARG_TO,
	ARG_BOX,
	ARG_FLIP,
	ARG_VERSION,      /* server-info: a number */
	ARG_HTTP_VERSION, /* http: a text; both are written version= */
	ARG_RATE,
	ARG_BURST,
	ARG_METHOD,
	ARG_UPGRADE,
	ARG_CONNECTION,
	ARG_NO_HEADER,
	ARG_STATUS,
	ARG_BODY,
	ARG_DATA, /* bare bytes */
	ARG_LEN,
	ARG_CUT,
	ARG_TAIL,
	ARG_IDS
};

enum scenario_value_kind {
	VALUE_NUM,
	VALUE_BYTES,
	VALUE_TEXT, /* a bare word, or bytes */
	VALUE_WORD, /* one of a list */
	VALUE_CONN,
	VALUE_DURATION,
	VALUE_FRAME, /* a frame word */
	VALUE_TAKE,  /* ?NAME: capture; only in steps, not in tables */
};

struct scenario_arg_def {
	const char *name; /* NULL: bare */
	enum scenario_value_kind kind;
	const char *words; /* of VALUE_WORD: "yes no" */
	uint64_t max;      /* of VALUE_NUM */
	bool many;         /* may be repeated */
};

extern const struct scenario_arg_def scenario_args[ARG_IDS];

enum scenario_word_kind { WORD_ACTION, WORD_FRAME, WORD_STATEMENT };

enum scenario_word_id {
	/* actions */
	DO_CONNECT,
	DO_UPGRADE,
	DO_LOGIN,
	DO_CLOSE,
	DO_RESET,
	DO_SHUTDOWN,
	DO_PAUSE,
	DO_RESUME,
	DO_CUT,
	DO_DRIBBLE,
	DO_WHOLE,
	DO_HOLD,
	DO_FLUSH,
	DO_IGNORE,
	/* frames of the protocol; the type is in the table */
	WORD_TYPED,
	/* and what else can be sent or expected */
	WORD_RAW,
	WORD_HTTP,
	WORD_BYTES,
	WORD_CLOSED,
	WORD_OPEN,
	/* statements */
	WORD_FENCE,
	WORD_SETTLE,
	WORD_WAIT,
	WORD_REPEAT,
	WORD_END,
	WORD_LET,
	WORD_CALL,
};

struct scenario_word {
	const char *name;
	enum scenario_word_kind kind;
	enum scenario_word_id id;
	uint32_t type;       /* of WORD_TYPED: enum derp_type */
	bool sends, comes;   /* may stand after > ; after < and ! */
	uint64_t give;       /* arguments of an action or a send: 1 << ARG_* */
	uint64_t want;       /* arguments of an expectation */
	uint64_t required;   /* of both */
	const char *meaning; /* one line for --help and for readers */
};

/* Ends with a NULL name. */
extern const struct scenario_word scenario_words[];

/* NULL if there is none. */
const struct scenario_word *scenario_word_find(enum scenario_word_kind kind,
					       const char *name, size_t len);
/* The frame word of a wire type; NULL if unnamed. */
const struct scenario_word *scenario_word_of_type(uint32_t type);

/* ---- values ---------------------------------------------------------- */

enum scenario_expr_kind {
	/* numbers */
	EXPR_NUM,     /* num */
	EXPR_NUM_VAR, /* var */
	EXPR_SUM,     /* list a: each added, or subtracted if minus */
	/* bytes */
	EXPR_TEXT,       /* text[len] */
	EXPR_FILL,       /* byte a, b times */
	EXPR_COUNT,      /* b bytes 00 01 02 ... */
	EXPR_RANDOM,     /* b bytes; num is its place in the case */
	EXPR_DISCO,      /* b bytes */
	EXPR_UINT,       /* a in num bytes, big-endian */
	EXPR_HEX,        /* hex digits of a */
	EXPR_BYTES_VAR,  /* var */
	EXPR_CONN_KEY,   /* public key of connection num */
	EXPR_SERVER_KEY, /* */
	EXPR_MESH_KEY,   /* */
	EXPR_SLICE,      /* a from b up to c (NULL: its end) */
	EXPR_REPEAT,     /* a, b times */
	EXPR_CONCAT,     /* list a */
};

struct scenario_expr {
	enum scenario_expr_kind kind;
	struct scenario_pos pos;
	struct scenario_expr *a, *b, *c;
	struct scenario_expr *next; /* in the list of a SUM or CONCAT */
	bool minus;
	uint32_t var;
	uint64_t num;
	const uint8_t *text;
	size_t len;
};

struct scenario_arg {
	struct scenario_arg *next;
	enum scenario_arg_id id;
	enum scenario_value_kind kind; /* of the value that is here */
	struct scenario_pos pos;
	struct scenario_expr *expr;   /* NUM, BYTES, TEXT */
	char word[SCENARIO_NAME_MAX]; /* WORD */
	uint32_t conn;                /* CONN */
	uint32_t ms;                  /* DURATION */
	uint32_t var;                 /* TAKE: the variable that takes it */
	const struct scenario_word *frame; /* FRAME */
};

/* ---- steps ----------------------------------------------------------- */

enum scenario_step_kind {
	STEP_ACTION, /* A: */
	STEP_SEND,   /* A> */
	STEP_EXPECT, /* A< */
	STEP_ABSENT, /* A! */
	STEP_FENCE,
	STEP_SETTLE,
	STEP_WAIT,
	STEP_REPEAT,
	STEP_LET,
	STEP_CALL,
};

/* One thing that may be expected; "or" makes a list of them. */
struct scenario_match {
	struct scenario_match *next;
	const struct scenario_word *word;
	struct scenario_arg *args;
	struct scenario_pos pos;
};

#define SCENARIO_NO_CONN UINT32_MAX

struct scenario_step {
	struct scenario_step *next;
	enum scenario_step_kind kind;
	struct scenario_pos pos;
	uint32_t conn, conn2;             /* SCENARIO_NO_CONN: none */
	const struct scenario_word *word; /* of an action, a send */
	struct scenario_arg *args;        /* of an action, a send */
	struct scenario_match *match;     /* of an expectation, an absence */
	bool has_after, has_within;
	uint32_t after_ms, within_ms;
	bool disco;                   /* fence: which class */
	bool has_ms;                  /* settle: a time was given */
	uint32_t ms;                  /* settle, wait */
	struct scenario_expr *expr;   /* repeat: rounds; let: value */
	uint32_t var;                 /* repeat: counter; let */
	struct scenario_step *body;   /* repeat */
	char name[SCENARIO_NAME_MAX]; /* call */
};

/* ---- cases ----------------------------------------------------------- */

struct scenario_var {
	char name[SCENARIO_NAME_MAX];
	bool is_bytes; /* else a number */
};

struct scenario_for {
	uint32_t var;
	uint32_t num;                 /* of values */
	struct scenario_expr **value; /* numbers or bytes, as the var */
	const char **text;            /* each as it was written */
};

/* A word of a header line. */
struct scenario_item {
	struct scenario_item *next;
	const char *text;
	struct scenario_pos pos;
};

struct scenario_file {
	struct scenario_file *next;
	const char *name; /* as given to scenario_parse() */
	const char *text; /* a copy; text[len] is NUL */
	size_t len;
	size_t num_lines;
};

struct scenario_case {
	struct scenario_case *next;
	const struct scenario_file *file;
	struct scenario_pos pos;
	uint32_t last_line; /* of its text, for `show` */
	const char *id;
	const char *title;
	struct scenario_item *reqs, *tags, *needs;
	bool exclusive;
	uint32_t limit_ms; /* 0: the default */
	uint32_t num_fors, num_vars, num_conns, num_steps;
	struct scenario_for fors[SCENARIO_FORS_MAX];
	struct scenario_var vars[SCENARIO_VARS_MAX];
	char conns[SCENARIO_CONNS_MAX][SCENARIO_NAME_MAX];
	/* by connection: words that a step names, and so are not ignored */
	uint32_t named[SCENARIO_CONNS_MAX]; /* SCENARIO_NAMES_* */
	uint32_t key_mask; /* connections that log in with a key of their own */
	uint32_t num_keys; /* bits of it */
	struct scenario_step *steps;
};

/* Bits of named[]: frame words by type below 0x20, and the close. */
#define SCENARIO_NAMES(type) (1u << ((type)&31u))
#define SCENARIO_NAMES_CLOSED (1u << 31)

struct scenario_instance {
	const struct scenario_case *of;
	const char *name; /* "id" or "id[T=0x0b,N=3]" */
	uint32_t pick[SCENARIO_FORS_MAX];
};

struct scenario_error {
	struct scenario_pos pos;
	const struct scenario_file *file;
	char text[200];
};

struct scenario {
	struct scenario_file *files, **last_file;
	struct scenario_case *cases, **last_case;
	struct scenario_instance *instances; /* in the order of the files */
	size_t num_cases, num_instances, cap_instances;
	struct scenario_error errors[SCENARIO_ERRORS_MAX];
	size_t num_errors; /* may be above SCENARIO_ERRORS_MAX */
	void *arena;       /* private */
};

/* NULL: out of memory. */
struct scenario *scenario_new(void);
void scenario_free(struct scenario *s);

/* Add the cases of a text to the suite; buf may be anything.  Returns the
 * number of errors it had (0 is good); they are added to s->errors.  Cases
 * with errors are not added. */
size_t scenario_parse(struct scenario *s, const char *name, const char *buf,
		      size_t len);

/* "file:line:col: text", the line and a caret. */
void scenario_error_print(FILE *out, const struct scenario_error *e);

/* Line number n of a file, without its end; *len is 0 when there is none. */
const char *scenario_line(const struct scenario_file *f, uint32_t n,
			  size_t *len);

bool scenario_has(const struct scenario_item *list, const char *word);

#endif
