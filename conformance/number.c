/*
 * number.c - numbers and durations of the scenario language, and the small
 * looks ahead that all values share.
 */
#include <string.h>

#include "parse.h"

struct scenario_expr *parse_node(struct parser *p, enum scenario_expr_kind kind)
{
	struct scenario_expr *e = parse_alloc(p, sizeof(*e));

	if (e) {
		e->kind = kind;
		e->pos = parse_pos(p, p->at);
	}
	return e;
}

bool parse_here(const struct parser *p, char c)
{
	return p->at < p->end && *p->at == c;
}

bool parse_digit(const struct parser *p)
{
	return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

int parse_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* ---- numbers --------------------------------------------------------- */

static bool parse_literal(struct parser *p, uint64_t *out)
{
	const char *begin = p->at;
	uint64_t v = 0, base = 10;
	int d;

	if (p->end - p->at > 2 && p->at[0] == '0' &&
	    (p->at[1] == 'x' || p->at[1] == 'X') && parse_hex(p->at[2]) >= 0) {
		base = 16;
		p->at += 2;
	}
	for (; p->at < p->end; p->at++) {
		d = parse_hex(*p->at);
		if (d < 0 || (uint64_t)d >= base)
			break;
		if (v > (UINT64_MAX - (uint64_t)d) / base)
			return parse_error(p, begin, "the number is too large");
		v = v * base + (uint64_t)d;
	}
	*out = v;
	return true;
}

/* $NAME of a variable; says so if there is none. */
bool parse_variable(struct parser *p, uint32_t *var)
{
	const char *dollar = p->at++;
	size_t n = parse_name(p);
	int v = parse_var_find(p, p->at, n);

	if (n == 0)
		return parse_error(p, dollar, "a name is missing behind '$'");
	if (v < 0 && parse_conn_find(p, p->at, n) >= 0)
		return parse_error(
			p, dollar, "%.*s is a connection; its key is $%.*s.key",
			parse_shown(n), p->at, parse_shown(n), p->at);
	if (v < 0)
		return parse_error(p, dollar, "$%.*s is not defined",
				   parse_shown(n), p->at);
	p->at += n;
	*var = (uint32_t)v;
	return true;
}

static bool brackets(struct parser *p, struct scenario_expr **out)
{
	const char *open = p->at++;

	if (p->nesting == NESTING_MAX)
		return parse_error(p, open, "too many brackets");
	p->nesting++;
	parse_blanks(p);
	if (!parse_sum(p, true, out))
		return false;
	p->nesting--;
	parse_blanks(p);
	if (!parse_here(p, ')'))
		return parse_error(p, open, "')' is missing");
	p->at++;
	return true;
}

bool parse_term(struct parser *p, struct scenario_expr **out)
{
	const char *at = p->at;
	struct scenario_expr *e;

	if (parse_here(p, '('))
		return brackets(p, out);
	e = parse_node(p, EXPR_NUM);
	if (e == NULL)
		return false;
	*out = e;
	if (parse_here(p, '$')) {
		e->kind = EXPR_NUM_VAR;
		if (!parse_variable(p, &e->var))
			return false;
		if (p->c->vars[e->var].is_bytes)
			return parse_error(p, at, "$%s is not a number",
					   p->c->vars[e->var].name);
		return true;
	}
	if (!parse_digit(p))
		return parse_error(p, at, "a number is missing");
	return parse_literal(p, &e->num);
}

bool parse_sum(struct parser *p, bool blanks, struct scenario_expr **out)
{
	struct scenario_expr *list = NULL, **tail = &list, *e;
	bool minus = false;

	for (;;) {
		if (!parse_term(p, tail))
			return false;
		(*tail)->minus = minus;
		tail = &(*tail)->next;
		if (blanks)
			parse_blanks(p);
		if (!parse_here(p, '+') && !parse_here(p, '-'))
			break;
		minus = *p->at++ == '-';
		if (blanks)
			parse_blanks(p);
	}
	if (list->next == NULL) {
		*out = list;
		return true;
	}
	e = parse_node(p, EXPR_SUM);
	if (e == NULL)
		return false;
	e->a = list;
	*out = e;
	return true;
}

bool parse_number(struct parser *p, struct scenario_expr **out)
{
	p->nesting = 0;
	return parse_sum(p, false, out);
}

bool parse_duration(struct parser *p, uint32_t *ms)
{
	const char *at = p->at;
	uint64_t v, unit;

	if (!parse_digit(p))
		return parse_error(p, at,
				   "a duration as 200ms or 2s is "
				   "missing");
	if (!parse_literal(p, &v))
		return false;
	if (p->end - p->at >= 2 && memcmp(p->at, "ms", 2) == 0) {
		unit = 1;
		p->at += 2;
	} else if (parse_here(p, 's')) {
		unit = 1000;
		p->at++;
	} else {
		return parse_error(p, at, "a duration ends in ms or s");
	}
	if (v > 3600000 / unit)
		return parse_error(p, at, "more than an hour");
	*ms = (uint32_t)(v * unit);
	return true;
}
