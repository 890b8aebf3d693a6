/*
 * scenario.c - the suite in memory: its arena, its errors, its instances.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define CHUNK 16384

/* Everything of a suite is freed at once, so it is allocated in chunks. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t mem[];
};

struct scenario *scenario_new(void)
{
	struct scenario *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->last_file = &s->files;
	s->last_case = &s->cases;
	return s;
}

void scenario_free(struct scenario *s)
{
	struct chunk *c, *next;

	if (s == NULL)
		return;
	for (c = s->arena; c; c = next) {
		next = c->next;
		free(c);
	}
	free(s->instances);
	free(s);
}

void *scenario_alloc(struct scenario *s, size_t size)
{
	struct chunk *c = s->arena;
	size_t room, need;
	void *p;

	if (size > SCENARIO_BYTES_MAX)
		return NULL;
	need = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
	       sizeof(max_align_t);
	if (c == NULL || c->size - c->used < need) {
		room = need > CHUNK ? need : CHUNK;
		c = calloc(1, sizeof(*c) + room);
		if (c == NULL)
			return NULL;
		c->size = room;
		c->next = s->arena;
		s->arena = c;
	}
	p = (uint8_t *)c->mem + c->used;
	c->used += need;
	return p;
}

char *scenario_strdup(struct scenario *s, const char *text, size_t len)
{
	char *p = scenario_alloc(s, len + 1);

	if (p)
		memcpy(p, text, len);
	return p;
}

/* ---- errors ---------------------------------------------------------- */

/* A file may hold anything; one character stands for each byte of it, so
 * that the caret finds its place. */
static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

static void add_error(struct parser *p, struct scenario_pos pos,
		      const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void add_error(struct parser *p, struct scenario_pos pos,
		      const char *fmt, va_list ap)
{
	struct scenario *s = p->s;
	struct scenario_error *e;

	p->bad = true;
	if (s->num_errors < SCENARIO_ERRORS_MAX) {
		e = &s->errors[s->num_errors];
		e->file = p->file;
		e->pos = pos;
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		for (char *c = e->text; *c != '\0'; c++)
			*c = printable(*c);
	}
	s->num_errors++;
}

bool parse_error(struct parser *p, const char *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_error(p, parse_pos(p, at), fmt, ap);
	va_end(ap);
	return false;
}

bool parse_error_at(struct parser *p, struct scenario_pos pos, const char *fmt,
		    ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_error(p, pos, fmt, ap);
	va_end(ap);
	return false;
}

void *parse_alloc(struct parser *p, size_t size)
{
	void *mem = scenario_alloc(p->s, size);

	if (mem == NULL)
		parse_error(p, p->at, "out of memory");
	return mem;
}

const char *scenario_line(const struct scenario_file *f, uint32_t n,
			  size_t *len)
{
	const char *at = f->text, *end = f->text + f->len, *nl;

	*len = 0;
	if (n == 0 || n > f->num_lines)
		return end;
	for (;;) {
		nl = memchr(at, '\n', (size_t)(end - at));
		if (--n == 0)
			break;
		if (nl == NULL)
			return end;
		at = nl + 1;
	}
	*len = (size_t)((nl ? nl : end) - at);
	if (*len && at[*len - 1] == '\r')
		--*len;
	return at;
}

void scenario_error_print(FILE *out, const struct scenario_error *e)
{
	const char *line;
	size_t len;

	fprintf(out, "%s:%u:%u: %s\n", e->file->name, e->pos.line, e->pos.col,
		e->text);
	line = scenario_line(e->file, e->pos.line, &len);
	if (len == 0 || len > 200)
		return;
	fputs("  ", out);
	for (size_t i = 0; i < len; i++)
		fputc(line[i] == '\t' ? '\t' : printable(line[i]), out);
	fputs("\n  ", out);
	for (size_t i = 0; i + 1 < e->pos.col; i++)
		fputc(i < len && line[i] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

bool scenario_has(const struct scenario_item *list, const char *word)
{
	for (; list; list = list->next)
		if (strcmp(list->text, word) == 0)
			return true;
	return false;
}

/* ---- instances ------------------------------------------------------- */

static bool add_instance(struct parser *p, const uint32_t *pick)
{
	const struct scenario_case *c = p->c;
	struct scenario *s = p->s;
	struct scenario_instance *i;
	char name[1024];
	size_t n, cap;

	if (s->num_instances >= SCENARIO_INSTANCES_MAX)
		return parse_error_at(p, c->pos,
				      "the suite has more than %d instances; "
				      "make the 'for' lines shorter",
				      SCENARIO_INSTANCES_MAX);
	if (s->num_instances == s->cap_instances) {
		cap = s->cap_instances ? 2 * s->cap_instances : 64;
		i = realloc(s->instances, cap * sizeof(*i));
		if (i == NULL)
			return parse_error_at(p, c->pos, "out of memory");
		s->instances = i;
		s->cap_instances = cap;
	}
	n = (size_t)snprintf(name, sizeof(name), "%s", c->id);
	for (uint32_t k = 0; k < c->num_fors; k++)
		if (n < sizeof(name))
			n += (size_t)snprintf(name + n, sizeof(name) - n,
					      "%s%s=%s", k ? "," : "[",
					      c->vars[c->fors[k].var].name,
					      c->fors[k].text[pick[k]]);
	if (c->num_fors && n < sizeof(name))
		n += (size_t)snprintf(name + n, sizeof(name) - n, "]");
	if (n >= sizeof(name))
		n = sizeof(name) - 1;
	i = &s->instances[s->num_instances];
	i->of = c;
	memcpy(i->pick, pick, sizeof(i->pick));
	i->name = scenario_strdup(s, name, n);
	if (i->name == NULL)
		return parse_error_at(p, c->pos, "out of memory");
	s->num_instances++;
	return true;
}

/* The product of the case's for-lines; the last line turns fastest. */
bool scenario_expand(struct parser *p)
{
	const struct scenario_case *c = p->c;
	uint32_t pick[SCENARIO_FORS_MAX] = { 0 };
	uint32_t k;

	for (;;) {
		if (!add_instance(p, pick))
			return false;
		for (k = c->num_fors; k > 0; k--) {
			if (++pick[k - 1] < c->fors[k - 1].num)
				break;
			pick[k - 1] = 0;
		}
		if (k == 0)
			return true;
	}
}
