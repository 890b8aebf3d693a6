/*
 * args.c - the arguments of an action, a frame to send, a frame to expect.
 *
 * Which ones a word takes, and of what kind each is, is in words.c; here they
 * are read and checked against it.
 */
#include <stdio.h>
#include <string.h>

#include "parse.h"

#define BIT(id) (UINT64_C(1) << (id))

/* "dst len cut tail DATA": what the word would take. */
static void list_args(char *out, size_t cap, uint64_t allowed)
{
	size_t n = 0;

	out[0] = '\0';
	for (int id = 0; id < ARG_IDS && n < cap; id++) {
		if (!(allowed & BIT(id)))
			continue;
		n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? " " : "",
				      scenario_args[id].name
					      ? scenario_args[id].name
				      : id == ARG_COUNT ? "NUMBER"
				      : id == ARG_PAUSE ? "DURATION"
				      : id == ARG_FRAME ? "FRAME"
							: "DATA");
	}
	if (out[0] == '\0')
		snprintf(out, cap, "none");
}

static int find_named(uint64_t allowed, const char *name, size_t len)
{
	for (int id = 0; id < ARG_IDS; id++)
		if ((allowed & BIT(id)) && scenario_args[id].name &&
		    strlen(scenario_args[id].name) == len &&
		    memcmp(scenario_args[id].name, name, len) == 0)
			return id;
	return -1;
}

/* The next bare argument that is not there yet. */
static int find_bare(uint64_t allowed, uint64_t given)
{
	for (int id = 0; id < ARG_IDS; id++)
		if ((allowed & BIT(id)) && !(given & BIT(id)) &&
		    scenario_args[id].name == NULL)
			return id;
	return -1;
}

/* ---- values ---------------------------------------------------------- */

static bool word_value(struct parser *p, struct scenario_arg *a,
		       const char *words)
{
	size_t n = parse_bare(p), len;
	const char *w = words;

	while (*w) {
		len = strcspn(w, " ");
		if (len == n && memcmp(w, p->at, n) == 0) {
			memcpy(a->word, w, n);
			p->at += n;
			return true;
		}
		w += len + (w[len] == ' ');
	}
	return parse_error(p, p->at, "'%.*s' is not one of: %s", parse_shown(n),
			   p->at, words);
}

static bool frame_value(struct parser *p, struct scenario_arg *a)
{
	size_t n = parse_bare(p);

	a->frame = scenario_word_find(WORD_FRAME, p->at, n);
	if (a->frame == NULL || a->frame->id != WORD_TYPED || !a->frame->comes)
		return parse_error(p, p->at,
				   "'%.*s' is not a frame that servers send",
				   parse_shown(n), p->at);
	p->at += n;
	return true;
}

static bool number_value(struct parser *p, struct scenario_arg *a)
{
	const char *at = p->at;

	if (!parse_number(p, &a->expr))
		return false;
	if (a->expr->kind == EXPR_NUM &&
	    a->expr->num > scenario_args[a->id].max)
		return parse_error(
			p, at, "at most %llu here",
			(unsigned long long)scenario_args[a->id].max);
	return true;
}

/* ?NAME */
static bool take_value(struct parser *p, struct scenario_arg *a, bool expecting)
{
	const char *at = p->at++;
	enum scenario_value_kind kind = a->kind;

	a->kind = VALUE_TAKE;
	if (!expecting)
		return parse_error(p, at, "only an expectation takes values");
	if (scenario_args[a->id].many)
		return parse_error(p, at, "this argument cannot be taken");
	return parse_var_new(p, USE_LET, kind != VALUE_NUM, &a->var);
}

/* Where DATA may follow, the pieces of a named value touch each other, or
 * nobody could tell where DATA begins. */
static bool value(struct parser *p, struct scenario_arg *a, bool expecting,
		  bool data)
{
	const struct scenario_arg_def *def = &scenario_args[a->id];

	a->kind = def->kind;
	if (p->at < p->end && *p->at == '?')
		return take_value(p, a, expecting);
	switch (def->kind) {
	case VALUE_NUM:
		return number_value(p, a);
	case VALUE_BYTES:
		return parse_bytes(p, def->name == NULL || !data, &a->expr);
	case VALUE_TEXT:
		return parse_text(p, !data, &a->expr);
	case VALUE_WORD:
		return word_value(p, a, def->words);
	case VALUE_CONN:
		return parse_conn(p, &a->conn);
	case VALUE_DURATION:
		return parse_duration(p, &a->ms);
	case VALUE_FRAME:
		return frame_value(p, a);
	case VALUE_TAKE:
		break;
	}
	return false;
}

/* ---- lists ----------------------------------------------------------- */

static bool unknown(struct parser *p, const struct scenario_word *w,
		    uint64_t allowed, const char *at, size_t n)
{
	char list[128];

	list_args(list, sizeof(list), allowed);
	return parse_error(p, at, "unknown argument '%.*s' of '%s'; it has: %s",
			   parse_shown(n), at, w->name, list);
}

static bool one(struct parser *p, const struct scenario_word *w, bool expecting,
		uint64_t *given, struct scenario_arg **out)
{
	uint64_t allowed = expecting ? w->want : w->give;
	size_t n = parse_ident(p);
	struct scenario_arg *a = parse_alloc(p, sizeof(*a));
	const char *at = p->at;
	int id;

	if (a == NULL)
		return false;
	if (n > 0 && p->at + n < p->end && p->at[n] == '=') {
		id = find_named(allowed, p->at, n);
		if (id < 0)
			return unknown(p, w, allowed, at, n);
		p->at += n + 1;
	} else {
		id = find_bare(allowed, *given);
		if (id < 0)
			return unknown(p, w, allowed, at, parse_bare(p));
	}
	a->id = (enum scenario_arg_id)id;
	a->pos = parse_pos(p, at);
	if ((*given & BIT(id)) && !scenario_args[id].many)
		return parse_error(p, at, "'%s' is given twice",
				   scenario_args[id].name);
	*given |= BIT(id);
	if (!value(p, a, expecting, allowed & BIT(ARG_DATA)))
		return false;
	if (id == ARG_MESH && strcmp(a->word, "yes") == 0 &&
	    !scenario_has(p->c->needs, "mesh"))
		return parse_error(p, at, "add 'needs mesh' to the case");
	*out = a;
	return true;
}

static bool list_ends(struct parser *p, bool expecting)
{
	return parse_at_end(p) ||
	       (expecting && (parse_is(p, "or") || parse_is(p, "after") ||
			      parse_is(p, "within")));
}

bool parse_args(struct parser *p, const struct scenario_word *w, bool expecting,
		struct scenario_arg **out)
{
	uint64_t given = 0, missing;
	const char *before;
	char list[128];

	while (!list_ends(p, expecting)) {
		before = p->at;
		if (!one(p, w, expecting, &given, out))
			return false;
		out = &(*out)->next;
		if (p->at < p->end && !strchr(" \t;#", *p->at))
			return parse_error(p, p->at, "'%.*s' is too much here",
					   parse_shown(parse_bare(p)), p->at);
		if (p->at == before)
			return parse_error(p, p->at, "a value is missing");
	}
	missing = w->required & ~given;
	if (missing) {
		list_args(list, sizeof(list), missing);
		return parse_error(p, p->at, "'%s' needs %s", w->name, list);
	}
	return true;
}

/* What a step names is not ignored on that connection. */
void parse_names(struct parser *p, uint32_t conn, const struct scenario_word *w,
		 const struct scenario_arg *args)
{
	uint32_t *named = &p->c->named[conn];

	if (w->id == WORD_CLOSED)
		*named |= SCENARIO_NAMES_CLOSED;
	if (w->id == WORD_TYPED)
		*named |= SCENARIO_NAMES(w->type);
	if (w->id != WORD_RAW)
		return;
	for (; args; args = args->next)
		if (args->id == ARG_TYPE && args->kind == VALUE_NUM &&
		    args->expr->kind == EXPR_NUM && args->expr->num < 0x1f)
			*named |= SCENARIO_NAMES(args->expr->num);
}
