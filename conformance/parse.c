/*
 * parse.c - a scenario text, line by line: headers and cases.
 *
 * A line is looked at where it lies in the file's copy; nothing is tokenised
 * ahead, since what a word means depends on where it stands.  An error costs
 * its line, and its case is not added, but parsing goes on: an author wants
 * all errors at once.
 */
#include <string.h>

#include "parse.h"

/* ---- words of a line ------------------------------------------------- */

struct scenario_pos parse_pos(const struct parser *p, const char *at)
{
	struct scenario_pos pos = { p->line, (uint32_t)(at - p->start) + 1 };

	return pos;
}

void parse_blanks(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t'))
		p->at++;
}

bool parse_at_end(struct parser *p)
{
	parse_blanks(p);
	return p->at == p->end || *p->at == ';' || *p->at == '#';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

size_t parse_ident(const struct parser *p)
{
	const char *at = p->at;

	while (at < p->end && is_word(*at))
		at++;
	return (size_t)(at - p->at);
}

size_t parse_bare(const struct parser *p)
{
	const char *at = p->at;

	while (at < p->end && *at != ' ' && *at != '\t' && *at != ';' &&
	       *at != '#')
		at++;
	return (size_t)(at - p->at);
}

bool parse_is(const struct parser *p, const char *word)
{
	size_t n = strlen(word);

	return parse_bare(p) == n && memcmp(p->at, word, n) == 0;
}

int parse_shown(size_t len)
{
	return len > 40 ? 40 : (int)len;
}

/* ---- header lines ---------------------------------------------------- */

static bool item(struct parser *p, struct scenario_item ***tail)
{
	struct scenario_item *i = parse_alloc(p, sizeof(*i));
	size_t n = parse_bare(p);

	if (i == NULL)
		return false;
	i->pos = parse_pos(p, p->at);
	i->text = scenario_strdup(p->s, p->at, n);
	if (i->text == NULL)
		return parse_error(p, p->at, "out of memory");
	p->at += n;
	**tail = i;
	*tail = &i->next;
	return true;
}

/* One word or more, each checked by ok(). */
static bool items(struct parser *p, struct scenario_item **list,
		  const char *what, bool (*ok)(const char *, size_t))
{
	while (*list)
		list = &(*list)->next;
	if (parse_at_end(p))
		return parse_error(p, p->at, "%s is missing", what);
	while (!parse_at_end(p)) {
		if (!ok(p->at, parse_bare(p)))
			return parse_error(p, p->at, "'%.*s' is not %s",
					   parse_shown(parse_bare(p)), p->at,
					   what);
		if (!item(p, &list))
			return false;
	}
	return true;
}

static bool is_id(const char *t, size_t n)
{
	if (n == 0 || n > 80 || t[0] == '.' || t[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((t[i] >= 'a' && t[i] <= 'z') ||
		      (t[i] >= '0' && t[i] <= '9') || t[i] == '-' ||
		      t[i] == '.'))
			return false;
	return memchr(t, '.', n) != NULL;
}

static bool is_req(const char *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_word(t[i]) || (t[i] >= 'a' && t[i] <= 'z'))
			return false;
	return n > 0 && n <= 40;
}

static bool is_tag(const char *t, size_t n)
{
	return n > 1 && n <= 40 && t[0] == '@';
}

static bool is_need(const char *t, size_t n)
{
	return n == 4 && memcmp(t, "mesh", 4) == 0;
}

static bool header_title(struct parser *p)
{
	struct scenario_case *c = p->c;
	const char *end = p->end;

	parse_blanks(p);
	while (end > p->at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end == p->at)
		return parse_error(p, p->at, "the title is missing");
	if (c->title)
		return parse_error(p, p->at, "the case has a title already");
	c->title = scenario_strdup(p->s, p->at, (size_t)(end - p->at));
	p->at = p->end;
	return c->title || parse_error(p, p->at, "out of memory");
}

static bool header_for_values(struct parser *p, struct scenario_for *f)
{
	bool is_bytes, first_bytes = false;
	const char *at;
	uint32_t n = 0;

	while (!parse_at_end(p)) {
		at = p->at;
		if (n == f->num)
			return parse_error(p, at, "too many values");
		if (!parse_for_value(p, &f->value[n], &is_bytes))
			return false;
		if (n > 0 && is_bytes != first_bytes)
			return parse_error(p, at,
					   "values of one 'for' are all "
					   "numbers or all bytes and words");
		first_bytes = is_bytes;
		f->text[n] = scenario_strdup(p->s, at, (size_t)(p->at - at));
		if (f->text[n] == NULL)
			return parse_error(p, at, "out of memory");
		n++;
	}
	if (n == 0)
		return parse_error(p, p->at, "a value is missing");
	f->num = n;
	p->c->vars[f->var].is_bytes = first_bytes;
	return true;
}

static bool header_for(struct parser *p)
{
	struct scenario_case *c = p->c;
	struct scenario_for *f = &c->fors[c->num_fors];
	size_t room = (size_t)(p->end - p->at) / 2 + 1;

	if (c->num_fors == SCENARIO_FORS_MAX)
		return parse_error(p, p->at, "a case has at most %d 'for'",
				   SCENARIO_FORS_MAX);
	parse_blanks(p);
	if (!parse_var_new(p, USE_FOR, false, &f->var))
		return false;
	parse_blanks(p);
	if (!parse_is(p, "in"))
		return parse_error(p, p->at, "'in' is missing");
	p->at += 2;
	f->num = (uint32_t)room;
	f->value = parse_alloc(p, room * sizeof(*f->value));
	f->text = parse_alloc(p, room * sizeof(*f->text));
	if (f->value == NULL || f->text == NULL || !header_for_values(p, f))
		return false;
	c->num_fors++;
	return true;
}

static bool header_time(struct parser *p)
{
	parse_blanks(p);
	return parse_duration(p, &p->c->limit_ms);
}

enum header { H_REQ, H_TITLE, H_TAGS, H_NEEDS, H_EXCLUSIVE, H_TIME, H_FOR };

static int header_find(const struct parser *p)
{
	static const char *const names[] = { "req",   "title",     "tags",
					     "needs", "exclusive", "time",
					     "for" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (parse_is(p, names[i]))
			return (int)i;
	return -1;
}

static bool header(struct parser *p, enum header which)
{
	struct scenario_case *c = p->c;

	if (p->steps)
		return parse_error(p, p->at,
				   "header lines stand before the first step");
	p->at += parse_ident(p);
	switch (which) {
	case H_REQ:
		return items(p, &c->reqs, "a rule id as DERP-PING-4", is_req);
	case H_TITLE:
		return header_title(p);
	case H_TAGS:
		return items(p, &c->tags, "a tag as @slow", is_tag);
	case H_NEEDS:
		return items(p, &c->needs, "one of: mesh", is_need);
	case H_EXCLUSIVE:
		c->exclusive = true;
		return true;
	case H_TIME:
		return header_time(p);
	case H_FOR:
		return header_for(p);
	}
	return false;
}

/* ---- cases ----------------------------------------------------------- */

static void check_case(struct parser *p)
{
	struct scenario_case *c = p->c;

	/* What is missing because its line was bad is not worth a word. */
	if (!p->bad && c->reqs == NULL)
		parse_error_at(p, c->pos, "case %s has no 'req'", c->id);
	if (!p->bad && c->title == NULL)
		parse_error_at(p, c->pos, "case %s has no 'title'", c->id);
	parse_steps_end(p);
	if (!p->bad && !p->expects)
		parse_error_at(p, c->pos,
			       "case %s cannot fail: it expects nothing",
			       c->id);
}

static void end_case(struct parser *p)
{
	struct scenario_case *c = p->c;

	if (c == NULL)
		return;
	c->last_line = p->line > c->pos.line ? p->line - 1 : p->line;
	check_case(p);
	if (!p->bad && !scenario_expand(p))
		p->bad = true;
	if (!p->bad) {
		*p->s->last_case = c;
		p->s->last_case = &c->next;
		p->s->num_cases++;
	}
	p->c = NULL;
}

static bool begin_case(struct parser *p)
{
	const struct scenario_case *other;
	struct scenario_case *c;
	const char *at = p->at;
	size_t n;

	end_case(p);
	c = parse_alloc(p, sizeof(*c));
	if (c == NULL)
		return false;
	p->at += strlen("case");
	parse_blanks(p);
	n = parse_bare(p);
	c->file = p->file;
	c->pos = parse_pos(p, at);
	c->id = scenario_strdup(p->s, p->at, n);
	if (c->id == NULL)
		return parse_error(p, p->at, "out of memory");
	p->c = c;
	p->bad = p->expects = p->steps = false;
	p->num_randoms = p->depth = 0;
	p->tail[0] = &c->steps;
	memset(p->is_open, 0, sizeof(p->is_open));
	memset(p->has_key, 0, sizeof(p->has_key));
	if (!is_id(c->id, n))
		return parse_error(p, p->at,
				   "a case id is section.name in a-z 0-9 . -");
	for (other = p->s->cases; other; other = other->next)
		if (strcmp(other->id, c->id) == 0)
			return parse_error(p, p->at,
					   "case %s is in %s:%u already", c->id,
					   other->file->name, other->pos.line);
	p->at += n;
	return true;
}

/* ---- lines ----------------------------------------------------------- */

static bool parse_statement(struct parser *p)
{
	int h;

	if (parse_is(p, "case"))
		return begin_case(p);
	if (p->c == NULL)
		return parse_error(p, p->at, "a file begins with 'case ID'");
	h = header_find(p);
	if (h >= 0)
		return header(p, (enum header)h);
	return parse_step(p);
}

static void parse_line(struct parser *p)
{
	for (;;) {
		while (parse_at_end(p) && p->at < p->end && *p->at == ';')
			p->at++;
		if (parse_at_end(p))
			return;
		if (!parse_statement(p))
			return;
		if (!parse_at_end(p)) {
			parse_error(p, p->at, "'%.*s' is too much here",
				    parse_shown(parse_bare(p)), p->at);
			return;
		}
	}
}

static bool line_is_text(struct parser *p)
{
	const char *at;

	if (p->end - p->start > SCENARIO_LINE_MAX) {
		p->at = p->start;
		return parse_error(p, p->start,
				   "the line has more than %d bytes",
				   SCENARIO_LINE_MAX);
	}
	for (at = p->start; at < p->end; at++)
		if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
			return parse_error(p, at,
					   "byte 0x%02x does not belong in a "
					   "text; write \\x%02x in quotes",
					   *at, *at);
	return true;
}

static void parse_lines(struct parser *p)
{
	const char *at = p->file->text, *end = at + p->file->len, *nl;

	for (p->line = 1; at < end; p->line++) {
		nl = memchr(at, '\n', (size_t)(end - at));
		p->start = p->at = at;
		p->end = nl ? nl : end;
		at = nl ? nl + 1 : end;
		if (p->end > p->start && p->end[-1] == '\r')
			p->end--;
		if (line_is_text(p))
			parse_line(p);
	}
	p->file->num_lines = p->line - 1;
	end_case(p);
}

size_t scenario_parse(struct scenario *s, const char *name, const char *buf,
		      size_t len)
{
	struct parser p = { .s = s, .line = 1 };
	size_t before = s->num_errors;
	size_t cases = s->num_cases;

	p.file = scenario_alloc(s, sizeof(*p.file));
	if (p.file == NULL) {
		s->num_errors++;
		return 1;
	}
	p.file->name = scenario_strdup(s, name, strlen(name));
	p.file->text = "";
	*s->last_file = p.file;
	s->last_file = &p.file->next;
	p.start = p.at = p.end = p.file->text;
	if (p.file->name == NULL)
		p.file->name = "?";
	if (len > SCENARIO_FILE_MAX) {
		parse_error(&p, p.at, "the file has more than %u bytes",
			    SCENARIO_FILE_MAX);
		return 1;
	}
	p.file->text = scenario_strdup(s, buf, len);
	if (p.file->text == NULL) {
		p.file->text = "";
		parse_error(&p, p.at, "out of memory");
		return 1;
	}
	p.file->len = len;
	parse_lines(&p);
	if (s->num_cases == cases && s->num_errors == before) {
		p.start = p.at = p.file->text;
		p.line = 1;
		parse_error(&p, p.at, "the file has no case");
	}
	return s->num_errors - before;
}
