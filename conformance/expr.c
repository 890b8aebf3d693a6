/*
 * expr.c - the values of the scenario language: numbers, bytes, texts.
 *
 * They are parsed into trees here and computed by value.c when the step
 * runs, since loops and captures give them other values each time.  What is
 * known now (a literal out of range, a wrong kind) is refused now.
 */
#include <string.h>

#include "parse.h"

/* ---- bytes ----------------------------------------------------------- */

static bool escape(struct parser *p, char *out)
{
	static const char from[] = "nrt0\\\"", to[] = "\n\r\t\0\\\"";
	const char *at = p->at++, *f;
	int hi, lo;

	if (p->at == p->end)
		return parse_error(p, at, "the quote is not closed");
	if (*p->at == 'x' && p->end - p->at > 2) {
		hi = parse_hex(p->at[1]);
		lo = parse_hex(p->at[2]);
		if (hi >= 0 && lo >= 0) {
			*out = (char)(16 * hi + lo);
			p->at += 3;
			return true;
		}
	}
	f = memchr(from, *p->at, sizeof(from) - 1);
	if (f == NULL)
		return parse_error(p, at,
				   "known escapes: \\n \\r \\t \\0 "
				   "\\\\ \\\" \\xHH");
	*out = to[f - from];
	p->at++;
	return true;
}

static bool quoted(struct parser *p, struct scenario_expr **out)
{
	struct scenario_expr *e = parse_node(p, EXPR_TEXT);
	const char *open = p->at;
	char quote = *p->at++, *text;
	size_t n = 0;

	if (e == NULL)
		return false;
	text = parse_alloc(p, (size_t)(p->end - p->at) + 1);
	if (text == NULL)
		return false;
	for (;;) {
		if (p->at == p->end)
			return parse_error(p, open, "the quote is not closed");
		if (*p->at == quote)
			break;
		if (quote == '"' && *p->at == '\\') {
			if (!escape(p, &text[n++]))
				return false;
		} else {
			text[n++] = *p->at++;
		}
	}
	p->at++;
	e->text = (uint8_t *)text;
	e->len = n;
	*out = e;
	return true;
}

static bool hex_text(struct parser *p, struct scenario_expr **out)
{
	struct scenario_expr *e = parse_node(p, EXPR_TEXT);
	const char *open = p->at;
	uint8_t *bytes;
	size_t digits = 0;
	int d;

	p->at += 2;
	if (e == NULL)
		return false;
	bytes = parse_alloc(p, (size_t)(p->end - p->at) / 2 + 1);
	if (bytes == NULL)
		return false;
	for (; p->at < p->end && *p->at != '"'; p->at++) {
		if (*p->at == ' ' || *p->at == '\t')
			continue;
		d = parse_hex(*p->at);
		if (d < 0)
			return parse_error(p, p->at, "not a hex digit");
		bytes[digits / 2] = (uint8_t)(bytes[digits / 2] * 16 + d);
		digits++;
	}
	if (p->at == p->end)
		return parse_error(p, open, "the quote is not closed");
	if (digits % 2)
		return parse_error(p, p->at, "a hex digit is missing");
	p->at++;
	e->text = bytes;
	e->len = digits / 2;
	*out = e;
	return true;
}

static bool is_big(const struct scenario_expr *e)
{
	return e->kind == EXPR_NUM && e->num > SCENARIO_BYTES_MAX;
}

/* "*N" behind something: its number. */
static bool times(struct parser *p, struct scenario_expr **out)
{
	const char *at = ++p->at; /* the '*' */

	if (!parse_term(p, out))
		return false;
	if (is_big(*out))
		return parse_error(p, at, "a value has at most %u bytes",
				   SCENARIO_BYTES_MAX);
	return true;
}

/* zero* count* random* disco* */
static const char *const fills[] = { "zero*", "count*", "random*", "disco*" };

static int fill_here(const struct parser *p)
{
	size_t left = (size_t)(p->end - p->at);

	for (int i = 0; i < 4; i++)
		if (left >= strlen(fills[i]) &&
		    memcmp(p->at, fills[i], strlen(fills[i])) == 0)
			return i;
	return -1;
}

static bool fill(struct parser *p, int which, struct scenario_expr **out)
{
	static const enum scenario_expr_kind kinds[] = { EXPR_FILL, EXPR_COUNT,
							 EXPR_RANDOM,
							 EXPR_DISCO };
	struct scenario_expr *e = parse_node(p, kinds[which]);

	if (e == NULL)
		return false;
	if (which == 0) {
		e->a = parse_node(p, EXPR_NUM);
		if (e->a == NULL)
			return false;
	}
	if (e->kind == EXPR_RANDOM)
		e->num = p->num_randoms++;
	p->at += strlen(fills[which]) - 1;
	if (!times(p, &e->b))
		return false;
	if (e->kind == EXPR_DISCO && e->b->kind == EXPR_NUM && e->b->num < 6)
		return parse_error_at(p, e->b->pos,
				      "disco has at least 6 bytes");
	*out = e;
	return true;
}

static const char *const prefixes[] = { "u8:", "u16:", "u32:", "hex:" };

static int prefix_here(const struct parser *p)
{
	size_t left = (size_t)(p->end - p->at);

	for (int i = 0; i < 4; i++)
		if (left >= strlen(prefixes[i]) &&
		    memcmp(p->at, prefixes[i], strlen(prefixes[i])) == 0)
			return i;
	return -1;
}

static bool atom(struct parser *p, struct scenario_expr **out);

static bool prefixed(struct parser *p, int which, struct scenario_expr **out)
{
	struct scenario_expr *e =
		parse_node(p, which == 3 ? EXPR_HEX : EXPR_UINT);

	if (e == NULL)
		return false;
	*out = e;
	if (p->nesting == NESTING_MAX)
		return parse_error(p, p->at, "too many prefixes");
	p->nesting++;
	p->at += strlen(prefixes[which]);
	e->num = 1u << which;
	if (which == 3 ? !atom(p, &e->a) : !parse_term(p, &e->a))
		return false;
	p->nesting--;
	if (which < 3 && e->a->kind == EXPR_NUM &&
	    e->a->num >> (8u << which) != 0)
		return parse_error_at(p, e->a->pos,
				      "the number does not fit %u bits",
				      8u << which);
	return true;
}

/* $server.key, $mesh.key, $A.key, $NAME */
static bool named(struct parser *p, struct scenario_expr **out)
{
	struct scenario_expr *e = parse_node(p, EXPR_SERVER_KEY);
	const char *dollar = p->at;
	uint32_t conn;
	size_t n;

	if (e == NULL)
		return false;
	*out = e;
	p->at++;
	n = parse_name(p);
	if ((size_t)(p->end - p->at) < n + 4 ||
	    memcmp(p->at + n, ".key", 4) != 0) {
		p->at = dollar;
		e->kind = EXPR_BYTES_VAR;
		if (!parse_variable(p, &e->var))
			return false;
		if (!p->c->vars[e->var].is_bytes)
			e->kind = EXPR_NUM_VAR;
		return true;
	}
	if (n == 6 && memcmp(p->at, "server", 6) == 0) {
		p->at += n;
	} else if (n == 4 && memcmp(p->at, "mesh", 4) == 0) {
		if (!scenario_has(p->c->needs, "mesh"))
			return parse_error(p, dollar,
					   "add 'needs mesh' to the case");
		e->kind = EXPR_MESH_KEY;
		p->at += n;
	} else {
		e->kind = EXPR_CONN_KEY;
		if (!parse_conn(p, &conn))
			return false;
		e->num = conn;
	}
	p->at += 4;
	return true;
}

static bool base(struct parser *p, struct scenario_expr **out)
{
	int i;

	if (parse_here(p, '"') || parse_here(p, '\''))
		return quoted(p, out);
	if (p->end - p->at >= 2 && p->at[0] == 'x' && p->at[1] == '"')
		return hex_text(p, out);
	i = fill_here(p);
	if (i >= 0)
		return fill(p, i, out);
	i = prefix_here(p);
	if (i >= 0)
		return prefixed(p, i, out);
	if (parse_here(p, '$'))
		return named(p, out);
	if (parse_digit(p) || parse_here(p, '('))
		return parse_term(p, out);
	if (parse_at_end(p))
		return parse_error(p, p->at, "a byte value is missing");
	return parse_error(p, p->at,
			   "'%.*s' is not a byte value; text stands "
			   "in quotes",
			   parse_shown(parse_bare(p)), p->at);
}

static bool is_number(const struct scenario_expr *e)
{
	return e->kind == EXPR_NUM || e->kind == EXPR_NUM_VAR ||
	       e->kind == EXPR_SUM;
}

/* A base with *N behind it: a number is the byte to repeat. */
static bool repeated(struct parser *p, struct scenario_expr **e)
{
	struct scenario_expr *r = parse_node(p, EXPR_REPEAT);

	if (r == NULL)
		return false;
	r->a = *e;
	if (is_number(*e)) {
		r->kind = EXPR_FILL;
		if ((*e)->kind == EXPR_NUM && (*e)->num > 0xff)
			return parse_error_at(p, (*e)->pos,
					      "a byte is at most 0xff");
	}
	*e = r;
	return times(p, &r->b);
}

static bool slice(struct parser *p, struct scenario_expr **e)
{
	struct scenario_expr *s = parse_node(p, EXPR_SLICE);
	const char *open = p->at++;

	if (s == NULL)
		return false;
	s->a = *e;
	*e = s;
	if (!parse_sum(p, true, &s->b))
		return false;
	parse_blanks(p);
	if (!parse_here(p, ':'))
		return parse_error(p, p->at, "':' is missing in [from:to]");
	p->at++;
	parse_blanks(p);
	if (!parse_here(p, ']') && !parse_sum(p, true, &s->c))
		return false;
	parse_blanks(p);
	if (!parse_here(p, ']'))
		return parse_error(p, open, "']' is missing");
	p->at++;
	return true;
}

static bool atom(struct parser *p, struct scenario_expr **out)
{
	struct scenario_expr *e = NULL;
	const char *at = p->at;
	uint32_t layers = 0;

	if (!base(p, &e))
		return false;
	while (parse_here(p, '*') || (parse_here(p, '[') && !is_number(e))) {
		if (++layers > NESTING_MAX)
			return parse_error(p, p->at, "too many * and [ ]");
		if (parse_here(p, '*') ? !repeated(p, &e) : !slice(p, &e))
			return false;
	}
	if (is_number(e))
		return parse_error(p, at,
				   "a number is not a byte value; write "
				   "0xAB*N, u8:N, u16:N or u32:N");
	*out = e;
	return true;
}

static bool atom_follows(const struct parser *p)
{
	if (p->at == p->end)
		return false;
	if (strchr("\"'$(", *p->at) || parse_digit(p))
		return true;
	if (p->end - p->at >= 2 && p->at[0] == 'x' && p->at[1] == '"')
		return true;
	return fill_here(p) >= 0 || prefix_here(p) >= 0;
}

bool parse_bytes(struct parser *p, bool blanks, struct scenario_expr **out)
{
	struct scenario_expr *list = NULL, **tail = &list, *e;
	const char *before;

	p->nesting = 0;
	for (;;) {
		if (!atom(p, tail))
			return false;
		tail = &(*tail)->next;
		before = p->at;
		if (blanks)
			parse_blanks(p);
		if (!atom_follows(p)) {
			p->at = before;
			break;
		}
	}
	if (list->next == NULL) {
		*out = list;
		return true;
	}
	e = parse_node(p, EXPR_CONCAT);
	if (e == NULL)
		return false;
	e->pos = list->pos;
	e->a = list;
	*out = e;
	return true;
}

/* ---- text ------------------------------------------------------------ */

static bool bare_text(struct parser *p, struct scenario_expr **out)
{
	struct scenario_expr *e = parse_node(p, EXPR_TEXT);
	size_t n = parse_bare(p);

	if (e == NULL)
		return false;
	if (n == 0)
		return parse_error(p, p->at, "a text is missing");
	e->text = (const uint8_t *)p->at;
	e->len = n;
	p->at += n;
	*out = e;
	return true;
}

bool parse_text(struct parser *p, bool blanks, struct scenario_expr **out)
{
	if (parse_here(p, '"') || parse_here(p, '\'') || parse_here(p, '$') ||
	    (p->end - p->at >= 2 && p->at[0] == 'x' && p->at[1] == '"'))
		return parse_bytes(p, blanks, out);
	return bare_text(p, out);
}

bool parse_for_value(struct parser *p, struct scenario_expr **out,
		     bool *is_bytes)
{
	size_t n = parse_bare(p), i = 0;

	*is_bytes = true;
	if (parse_here(p, '$'))
		return parse_error(p, p->at, "a 'for' value is a constant");
	if (parse_digit(p) && memchr(p->at, '*', n) == NULL) {
		if (n > 2 && p->at[0] == '0' && p->at[1] == 'x')
			i = 2;
		while (i < n && parse_hex(p->at[i]) >= 0)
			i++;
		*is_bytes = i < n;
		return i < n ? bare_text(p, out) : parse_number(p, out);
	}
	if (atom_follows(p))
		return parse_bytes(p, false, out);
	return bare_text(p, out);
}
