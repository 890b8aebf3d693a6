/*
 * step.c - the steps of a case, and the names in them.
 *
 * Checked here, while parsing, since the text runs in the order it stands: a
 * connection is opened before it is used, a variable is defined before it is
 * used, loops are closed.
 */
#include <string.h>

#include "parse.h"

/* ---- names ----------------------------------------------------------- */

size_t parse_name(const struct parser *p)
{
	size_t n = 0, left = (size_t)(p->end - p->at);
	const char *t = p->at;

	while (n < left &&
	       ((t[n] >= 'a' && t[n] <= 'z') || (t[n] >= 'A' && t[n] <= 'Z') ||
		(n > 0 && ((t[n] >= '0' && t[n] <= '9') || t[n] == '_'))))
		n++;
	return n;
}

int parse_var_find(const struct parser *p, const char *name, size_t len)
{
	for (uint32_t i = 0; i < p->c->num_vars; i++)
		if (strlen(p->c->vars[i].name) == len &&
		    memcmp(p->c->vars[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

int parse_conn_find(const struct parser *p, const char *name, size_t len)
{
	for (uint32_t i = 0; i < p->c->num_conns; i++)
		if (strlen(p->c->conns[i]) == len &&
		    memcmp(p->c->conns[i], name, len) == 0)
			return (int)i;
	return -1;
}

static bool in_use(const struct parser *p, uint32_t var)
{
	for (uint32_t i = 1; i <= p->depth; i++)
		if (p->counter[i] == var)
			return true;
	return false;
}

/* A variable that is there already may be given anew by let and captures,
 * and by a loop when no open loop counts in it. */
static bool var_again(struct parser *p, enum parse_use use, bool is_bytes,
		      uint32_t var)
{
	const struct scenario_var *v = &p->c->vars[var];

	if (p->use[var] != use || use == USE_FOR)
		return parse_error(p, p->at, "'%s' is used already", v->name);
	if (use == USE_LOOP && in_use(p, var))
		return parse_error(p, p->at,
				   "'%s' counts the loop around this one; "
				   "write: repeat N as NAME",
				   v->name);
	if (v->is_bytes != is_bytes)
		return parse_error(p, p->at, "'%s' was %s before", v->name,
				   v->is_bytes ? "bytes" : "a number");
	return true;
}

static bool var_new(struct parser *p, const char *name, size_t n,
		    enum parse_use use, bool is_bytes, uint32_t *var)
{
	struct scenario_case *c = p->c;
	int old = parse_var_find(p, name, n);

	if (old >= 0) {
		*var = (uint32_t)old;
		return var_again(p, use, is_bytes, *var);
	}
	if (parse_conn_find(p, name, n) >= 0)
		return parse_error(p, p->at, "'%.*s' is a connection",
				   parse_shown(n), name);
	if (c->num_vars == SCENARIO_VARS_MAX)
		return parse_error(p, p->at, "a case has at most %d names",
				   SCENARIO_VARS_MAX);
	*var = c->num_vars++;
	memcpy(c->vars[*var].name, name, n);
	c->vars[*var].is_bytes = is_bytes;
	p->use[*var] = use;
	return true;
}

bool parse_var_new(struct parser *p, enum parse_use use, bool is_bytes,
		   uint32_t *var)
{
	size_t n = parse_name(p);

	if (n == 0)
		return parse_error(p, p->at, "a name is missing");
	if (n >= SCENARIO_NAME_MAX)
		return parse_error(p, p->at, "a name has less than %d letters",
				   SCENARIO_NAME_MAX);
	if (!var_new(p, p->at, n, use, is_bytes, var))
		return false;
	p->at += n;
	return true;
}

bool parse_conn(struct parser *p, uint32_t *conn)
{
	struct scenario_case *c = p->c;
	size_t n = parse_name(p);
	int old = parse_conn_find(p, p->at, n);

	if (n == 0 || *p->at < 'A' || *p->at > 'Z')
		return parse_error(p, p->at,
				   "a connection name begins with A-Z");
	if (n >= SCENARIO_NAME_MAX || memchr(p->at, '_', n))
		return parse_error(p, p->at,
				   "a connection name has less than %d letters "
				   "and digits",
				   SCENARIO_NAME_MAX);
	if (old >= 0) {
		*conn = (uint32_t)old;
	} else if (parse_var_find(p, p->at, n) >= 0) {
		return parse_error(p, p->at, "'%.*s' is a variable",
				   parse_shown(n), p->at);
	} else if (c->num_conns == SCENARIO_CONNS_MAX) {
		return parse_error(p, p->at,
				   "a case has at most %d connections",
				   SCENARIO_CONNS_MAX);
	} else {
		*conn = c->num_conns++;
		memcpy(c->conns[*conn], p->at, n);
		p->first[*conn] = parse_pos(p, p->at);
	}
	p->at += n;
	return true;
}

/* ---- steps on a connection ------------------------------------------- */

static const struct scenario_word *find_frame(struct parser *p, bool expecting)
{
	size_t n = parse_bare(p);
	const struct scenario_word *w =
		scenario_word_find(WORD_FRAME, p->at, n);

	if (n == 0)
		parse_error(p, p->at, "a frame word is missing");
	else if (w == NULL)
		parse_error(p, p->at, "unknown frame '%.*s'", parse_shown(n),
			    p->at);
	else if (expecting && !w->comes)
		parse_error(p, p->at,
			    "a server does not send '%s'; 'raw' expects any",
			    w->name);
	else if (!expecting && !w->sends)
		parse_error(p, p->at, "'%s' cannot be sent; 'raw' sends any",
			    w->name);
	else
		return w;
	return NULL;
}

static bool is_open(struct parser *p, const struct scenario_step *s)
{
	return p->is_open[s->conn] ||
	       parse_error_at(p, s->pos,
			      "%s is not open here; begin with '%s: login', "
			      "'upgrade' or 'connect'",
			      p->c->conns[s->conn], p->c->conns[s->conn]);
}

/* Whose key pair does this login, or ClientInfo, use? */
static void note_key(struct parser *p, const struct scenario_step *s)
{
	const struct scenario_arg *a = s->args;

	while (a && a->id != ARG_AS)
		a = a->next;
	p->has_key[a ? a->conn : s->conn] = true;
}

static bool action(struct parser *p, struct scenario_step *s)
{
	size_t n = parse_bare(p);
	enum scenario_word_id id;

	s->word = scenario_word_find(WORD_ACTION, p->at, n);
	if (s->word == NULL && n == 0)
		return parse_error(p, p->at, "an action is missing");
	if (s->word == NULL)
		return parse_error(p, p->at, "unknown action '%.*s'",
				   parse_shown(n), p->at);
	p->at += n;
	id = s->word->id;
	if (!parse_args(p, s->word, false, &s->args))
		return false;
	if (id == DO_CONNECT || id == DO_UPGRADE || id == DO_LOGIN)
		p->is_open[s->conn] = true;
	if (id == DO_LOGIN)
		note_key(p, s);
	if (id == DO_IGNORE)
		return true;
	return id == DO_CUT || id == DO_DRIBBLE || id == DO_WHOLE ||
	       is_open(p, s);
}

static bool send_step(struct parser *p, struct scenario_step *s)
{
	s->word = find_frame(p, false);
	if (s->word == NULL)
		return false;
	p->at += strlen(s->word->name);
	if (!parse_args(p, s->word, false, &s->args))
		return false;
	if (s->word->id == WORD_TYPED && (s->word->give & (1u << ARG_AS)))
		note_key(p, s);
	return is_open(p, s);
}

static bool match(struct parser *p, struct scenario_step *s,
		  struct scenario_match **out)
{
	struct scenario_match *m = parse_alloc(p, sizeof(*m));

	if (m == NULL)
		return false;
	m->pos = parse_pos(p, p->at);
	m->word = find_frame(p, true);
	if (m->word == NULL)
		return false;
	p->at += strlen(m->word->name);
	if (!parse_args(p, m->word, true, &m->args))
		return false;
	parse_names(p, s->conn, m->word, m->args);
	*out = m;
	return true;
}

/* A duration that the case has time for. */
static bool duration(struct parser *p, uint32_t *ms)
{
	const char *at = p->at;
	uint32_t limit = p->c->limit_ms ? p->c->limit_ms : SCENARIO_CASE_MS;

	if (!parse_duration(p, ms))
		return false;
	if (*ms >= limit)
		return parse_error(p, at,
				   "the case ends after %u ms; give it more "
				   "with 'time'",
				   limit);
	return true;
}

static bool limits(struct parser *p, struct scenario_step *s)
{
	if (parse_is(p, "after")) {
		p->at += strlen("after");
		parse_blanks(p);
		s->has_after = true;
		if (!duration(p, &s->after_ms))
			return false;
		parse_blanks(p);
	}
	if (parse_is(p, "within")) {
		p->at += strlen("within");
		parse_blanks(p);
		s->has_within = true;
		if (!duration(p, &s->within_ms))
			return false;
	}
	return true;
}

static bool expect(struct parser *p, struct scenario_step *s)
{
	struct scenario_match **tail = &s->match;

	p->expects = true;
	for (;;) {
		if (!match(p, s, tail))
			return false;
		tail = &(*tail)->next;
		if (!parse_is(p, "or"))
			break;
		p->at += strlen("or");
		parse_blanks(p);
	}
	return limits(p, s) && is_open(p, s);
}

static bool absent(struct parser *p, struct scenario_step *s)
{
	const char *at = p->at;

	p->expects = true;
	if (!match(p, s, &s->match))
		return false;
	if (s->match->word->id == WORD_OPEN)
		return parse_error(p, at, "write '%s< closed'",
				   p->c->conns[s->conn]);
	for (const struct scenario_arg *a = s->match->args; a; a = a->next)
		if (a->kind == VALUE_TAKE)
			return parse_error_at(p, a->pos,
					      "an absence takes no value");
	if (!parse_at_end(p))
		return parse_error(p, p->at, "'%.*s' does not go with '!'",
				   parse_shown(parse_bare(p)), p->at);
	return is_open(p, s);
}

/* ---- statements ------------------------------------------------------ */

static bool fence(struct parser *p, struct scenario_step *s)
{
	p->expects = true;
	if (!parse_conn(p, &s->conn) || !is_open(p, s))
		return false;
	if (parse_at_end(p))
		return true;
	if (!parse_conn(p, &s->conn2))
		return false;
	if (!p->is_open[s->conn2])
		return parse_error_at(p, s->pos, "%s is not open here",
				      p->c->conns[s->conn2]);
	if (parse_at_end(p))
		return true;
	if (!parse_is(p, "disco"))
		return parse_error(p, p->at, "'disco' or nothing stands here");
	p->at += strlen("disco");
	s->disco = true;
	return true;
}

static bool settle(struct parser *p, struct scenario_step *s)
{
	s->has_ms = !parse_at_end(p);
	return !s->has_ms || duration(p, &s->ms);
}

static bool rounds(struct parser *p, struct scenario_step *s)
{
	const char *at = p->at;

	if (!parse_number(p, &s->expr))
		return false;
	if (s->expr->kind == EXPR_NUM && s->expr->num > SCENARIO_ROUNDS_MAX)
		return parse_error(p, at, "a loop has at most %d rounds",
				   SCENARIO_ROUNDS_MAX);
	return true;
}

static bool counter(struct parser *p, struct scenario_step *s)
{
	parse_blanks(p);
	if (!parse_is(p, "as"))
		return var_new(p, "i", 1, USE_LOOP, false, &s->var);
	p->at += strlen("as");
	parse_blanks(p);
	return parse_var_new(p, USE_LOOP, false, &s->var);
}

static bool repeat(struct parser *p, struct scenario_step *s)
{
	bool good;

	if (p->depth == SCENARIO_NEST_MAX)
		return parse_error(p, p->at, "loops nest at most %d deep",
				   SCENARIO_NEST_MAX);
	good = rounds(p, s) && counter(p, s);
	/* Open it even if its line was bad, or its end would be another
	 * error. */
	p->depth++;
	p->tail[p->depth] = &s->body;
	p->opened[p->depth] = s->pos;
	p->counter[p->depth] = good ? s->var : UINT32_MAX;
	return good;
}

static bool end(struct parser *p)
{
	if (p->depth == 0)
		return parse_error(p, p->at, "'end' without 'repeat'");
	p->at += strlen("end");
	p->depth--;
	return true;
}

static bool let(struct parser *p, struct scenario_step *s)
{
	const char *name = p->at;
	size_t n = parse_name(p);

	p->at += n;
	parse_blanks(p);
	if (n == 0 || p->at == p->end || *p->at != '=')
		return parse_error(p, p->at, "write: let NAME = VALUE");
	p->at++;
	parse_blanks(p);
	/* The value first: it may use what the name was before. */
	if (!parse_bytes(p, true, &s->expr))
		return false;
	if (n >= SCENARIO_NAME_MAX)
		return parse_error(p, name, "the name is too long");
	return var_new(p, name, n, USE_LET, true, &s->var);
}

static bool call(struct parser *p, struct scenario_step *s)
{
	size_t n = parse_bare(p);

	p->expects = true;
	if (n == 0 || n >= SCENARIO_NAME_MAX)
		return parse_error(p, p->at, "a function name is missing");
	memcpy(s->name, p->at, n);
	p->at += n;
	return true;
}

static bool statement(struct parser *p, struct scenario_step *s)
{
	size_t n = parse_bare(p);
	const struct scenario_word *w =
		scenario_word_find(WORD_STATEMENT, p->at, n);
	const char *at = p->at;

	if (w == NULL)
		return parse_error(p, at,
				   "'%.*s' begins no statement; a step on a "
				   "connection begins as A: A> A< or A!",
				   parse_shown(n), at);
	p->at += n;
	parse_blanks(p);
	switch (w->id) {
	case WORD_FENCE:
		s->kind = STEP_FENCE;
		return fence(p, s);
	case WORD_SETTLE:
		s->kind = STEP_SETTLE;
		return settle(p, s);
	case WORD_WAIT:
		s->kind = STEP_WAIT;
		return duration(p, &s->ms);
	case WORD_REPEAT:
		s->kind = STEP_REPEAT;
		return repeat(p, s);
	case WORD_LET:
		s->kind = STEP_LET;
		return let(p, s);
	case WORD_CALL:
		s->kind = STEP_CALL;
		return call(p, s);
	default:
		return false;
	}
}

/* A: A> A< A! with the sign right behind the name. */
static bool on_connection(struct parser *p, struct scenario_step *s)
{
	size_t n = parse_name(p);
	const char *sign = p->at + n;

	if (sign == p->end || !strchr(":><!", *sign))
		return parse_error(p, p->at,
				   "one of : > < ! stands right behind a "
				   "connection's name");
	if (!parse_conn(p, &s->conn))
		return false;
	p->at++;
	parse_blanks(p);
	switch (*sign) {
	case ':':
		s->kind = STEP_ACTION;
		return action(p, s);
	case '>':
		s->kind = STEP_SEND;
		return send_step(p, s);
	case '<':
		s->kind = STEP_EXPECT;
		return expect(p, s);
	default:
		s->kind = STEP_ABSENT;
		return absent(p, s);
	}
}

bool parse_step(struct parser *p)
{
	struct scenario_step *s;
	struct scenario_step ***tail;

	p->steps = true;
	if (parse_is(p, "end"))
		return end(p);
	if (p->c->num_steps == SCENARIO_STEPS_MAX)
		return parse_error(p, p->at, "a case has at most %d steps",
				   SCENARIO_STEPS_MAX);
	s = parse_alloc(p, sizeof(*s));
	if (s == NULL)
		return false;
	s->pos = parse_pos(p, p->at);
	s->conn = s->conn2 = SCENARIO_NO_CONN;
	tail = &p->tail[p->depth];
	**tail = s;
	*tail = &s->next;
	p->c->num_steps++;
	if (*p->at >= 'A' && *p->at <= 'Z')
		return on_connection(p, s);
	return statement(p, s);
}

bool parse_steps_end(struct parser *p)
{
	struct scenario_case *c = p->c;

	for (uint32_t i = 1; i <= p->depth; i++)
		parse_error_at(p, p->opened[i],
			       "'end' of this loop is missing");
	for (uint32_t i = 0; i < c->num_conns; i++) {
		if (!p->is_open[i] && !p->bad)
			parse_error_at(p, p->first[i],
				       "connection %s is never opened",
				       c->conns[i]);
		c->num_keys += p->has_key[i];
		c->key_mask |= (uint32_t)p->has_key[i] << i;
	}
	return !p->bad;
}
