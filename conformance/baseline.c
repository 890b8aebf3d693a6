/*
 * baseline.c - read baseline files.
 *
 *   line --> words: bare | "text" | name="text"   (at most WORDS_MAX)
 *        --> entry: xfail SELECTOR REASON source=TEXT
 */
#include "baseline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli_text.h"

#define WORDS_MAX 8

struct word {
	char *text; /* without quotes and name */
	char name[16];
	bool quoted;
	unsigned col;
};

struct reader {
	struct baseline *b;
	const char *file, *text;
	size_t len;
	const struct select_item *items;
	size_t num_items;
	FILE *err;
	size_t num_errors;
	unsigned line;
	struct word words[WORDS_MAX];
	size_t num_words;
};

/* End of a message that wrong_at() began. */
static void caret(struct reader *r, unsigned col)
{
	fputc('\n', r->err);
	cli_caret(r->err, r->text, r->len, r->line, col);
}

static void wrong_at(struct reader *r, unsigned col, const char *what)
{
	r->num_errors++;
	cli_place(r->err, r->file, r->line, col);
	fputs(what, r->err);
}

static void wrong(struct reader *r, unsigned col, const char *what)
{
	wrong_at(r, col, what);
	caret(r, col);
}

/* ---- words ----------------------------------------------------------- */

struct cursor {
	const char *at, *end, *begin;
};

static unsigned column(const struct cursor *c)
{
	return (unsigned)(c->at - c->begin) + 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The text up to the same quote again; a backslash in "..." takes the next
 * character as it is. */
static const char *quoted(struct cursor *c, char *out)
{
	char quote = *c->at++;

	while (c->at < c->end && *c->at != quote) {
		if (quote == '"' && *c->at == '\\' && c->end - c->at > 1)
			c->at++;
		*out++ = *c->at++;
	}
	*out = '\0';
	if (c->at == c->end)
		return "the quote is not closed";
	c->at++;
	return NULL;
}

static void bare(struct cursor *c, char *out)
{
	while (c->at < c->end && !is_blank(*c->at))
		*out++ = *c->at++;
	*out = '\0';
}

/* Is the next word name="..."?  Selectors hold an equals
 * sign too, but within brackets. */
static size_t name_len(const struct cursor *c)
{
	const char *p = c->at;

	while (p < c->end && *p >= 'a' && *p <= 'z')
		p++;
	if (p < c->end && *p == '=' && p > c->at &&
	    (size_t)(p - c->at) < sizeof(((struct word *)0)->name))
		return (size_t)(p - c->at);
	return 0;
}

static const char *next_word(struct word *w, struct cursor *c)
{
	size_t n = name_len(c);

	w->quoted = false;
	w->name[0] = '\0';
	w->text = malloc((size_t)(c->end - c->at) + 1);
	if (w->text == NULL)
		return "out of memory";
	if (n > 0) {
		memcpy(w->name, c->at, n);
		w->name[n] = '\0';
		c->at += n + 1;
	}
	if (c->at < c->end && (*c->at == '"' || *c->at == '\'')) {
		w->quoted = true;
		return quoted(c, w->text);
	}
	bare(c, w->text);
	return NULL;
}

static void split(struct reader *r, struct cursor c)
{
	const char *what = NULL;

	r->num_words = 0;
	while (what == NULL) {
		struct word *w = &r->words[r->num_words];

		while (c.at < c.end && is_blank(*c.at))
			c.at++;
		if (c.at == c.end || *c.at == '#')
			return;
		if (r->num_words == WORDS_MAX) {
			what = "too many words";
			break;
		}
		w->col = column(&c);
		r->num_words++;
		what = next_word(w, &c);
	}
	wrong(r, column(&c), what);
	for (size_t i = 0; i < r->num_words; i++)
		free(r->words[i].text);
	r->num_words = 0;
}

/* ---- entries --------------------------------------------------------- */

static bool known(const struct reader *r, const char *selector)
{
	for (size_t i = 0; i < r->num_items; i++) {
		if (select_match(selector, &r->items[i]) != SELECT_NO)
			return true;
	}
	return false;
}

static int append(struct baseline *b, const struct baseline_entry *e)
{
	struct baseline_entry *more =
		realloc(b->entries, (b->num_entries + 1) * sizeof(*b->entries));

	if (more == NULL)
		return -1;
	b->entries = more;
	b->entries[b->num_entries++] = *e;
	return 0;
}

static char *copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *out = malloc(n);

	return out != NULL ? memcpy(out, text, n) : NULL;
}

static void free_entry(struct baseline_entry *e)
{
	free(e->selector);
	free(e->reason);
	free(e->source);
}

static int add(struct baseline *b, const char *selector, const char *reason,
	       const char *source, unsigned line, unsigned col)
{
	struct baseline_entry e = { copy(selector), copy(reason), copy(source),
				    line, col };

	if (e.selector != NULL && e.reason != NULL && e.source != NULL &&
	    append(b, &e) == 0)
		return 0;
	free_entry(&e);
	return -1;
}

static void read_entry(struct reader *r)
{
	const struct word *w = r->words;

	if (w[0].quoted || strcmp(w[0].text, "xfail") != 0) {
		wrong(r, w[0].col, "a line begins with 'xfail'");
	} else if (r->num_words != 4 || w[1].name[0] != '\0' || !w[2].quoted ||
		   w[2].name[0] != '\0' || !w[3].quoted ||
		   strcmp(w[3].name, "source") != 0) {
		wrong(r, w[0].col,
		      "expected: xfail SELECTOR \"reason\" source=\"where\"");
	} else if (w[2].text[0] == '\0' || w[3].text[0] == '\0') {
		wrong(r, w[w[2].text[0] == '\0' ? 2 : 3].col,
		      "an expected failure needs a reason and a source");
	} else if (!known(r, w[1].text)) {
		wrong_at(r, w[1].col, "no case matches '");
		cli_puts(r->err, w[1].text);
		fputc('\'', r->err);
		select_near(r->err, w[1].text, r->items, r->num_items);
		caret(r, w[1].col);
	} else if (add(r->b, w[1].text, w[2].text, w[3].text, r->line,
		       w[1].col) != 0) {
		wrong(r, w[0].col, "out of memory");
	}
}

size_t baseline_parse(struct baseline *b, const char *file, const char *text,
		      size_t len, const struct select_item *items,
		      size_t num_items, FILE *err)
{
	struct reader r = { .b = b,
			    .file = file,
			    .text = text,
			    .len = len,
			    .items = items,
			    .num_items = num_items,
			    .err = err };
	const char *at = text, *end = text + len;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		struct cursor c = { at, nl != NULL ? nl : end, at };

		r.line++;
		at = nl != NULL ? nl + 1 : end;
		if (memchr(c.at, '\0', (size_t)(c.end - c.at)) != NULL) {
			wrong(&r, 1, "the line holds a NUL");
			continue;
		}
		split(&r, c);
		if (r.num_words > 0)
			read_entry(&r);
		for (size_t i = 0; i < r.num_words; i++)
			free(r.words[i].text);
	}
	return r.num_errors;
}

int baseline_add(struct baseline *b, const char *selector, const char *reason)
{
	return add(b, selector, reason, "", 0, 0);
}

const struct baseline_entry *baseline_find(const struct baseline *b,
					   const struct select_item *item)
{
	for (size_t i = 0; i < b->num_entries; i++) {
		if (select_match(b->entries[i].selector, item) != SELECT_NO)
			return &b->entries[i];
	}
	return NULL;
}

void baseline_free(struct baseline *b)
{
	for (size_t i = 0; i < b->num_entries; i++)
		free_entry(&b->entries[i]);
	free(b->entries);
	b->entries = NULL;
	b->num_entries = 0;
}
