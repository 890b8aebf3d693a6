/*
 * spec.c - read the rules out of docs/protocol.md.
 *
 *   **ID** (LEVEL, SIDE[, VERSIONS]) text      head, then the body
 *   text                                       ... joined to one line
 *       Source: text                           notes, by their first word;
 *       Untested: text                         each goes on to the next one
 *   (empty line)
 *
 * The document is ours, so an odd rule is an error to be mended in it, never
 * something to guess about.
 */
#include "spec.h"

#include <stdlib.h>
#include <string.h>

#define RULE_MARK "**DERP-"

struct text {
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct text trim(struct text t)
{
	while (t.len > 0 && is_blank(t.at[0])) {
		t.at++;
		t.len--;
	}
	while (t.len > 0 && is_blank(t.at[t.len - 1]))
		t.len--;
	return t;
}

static bool begins(struct text t, const char *with)
{
	size_t n = strlen(with);

	return t.len >= n && memcmp(t.at, with, n) == 0;
}

static bool is(struct text t, const char *word)
{
	return t.len == strlen(word) && begins(t, word);
}

static struct text skip(struct text t, size_t n)
{
	t.at += n;
	t.len -= n;
	return t;
}

/* Take what stands before the first c off *rest; all of it if there is no c
 * in it. */
static struct text take_until(struct text *rest, char c)
{
	struct text t = *rest;
	const char *found = memchr(rest->at, c, rest->len);

	if (found != NULL)
		t.len = (size_t)(found - rest->at);
	*rest = skip(*rest, t.len + (found != NULL));
	return t;
}

/* A copy with every run of white space made one blank. */
static char *one_line(struct text t)
{
	char *out;
	size_t n = 0;

	t = trim(t);
	out = malloc(t.len + 1);
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < t.len; i++) {
		if (!is_blank(t.at[i]))
			out[n++] = t.at[i];
		else if (out[n - 1] != ' ')
			out[n++] = ' ';
	}
	out[n] = '\0';
	return out;
}

static bool is_id(struct text id)
{
	bool digit = false;

	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i];

		digit = c >= '0' && c <= '9';
		if (!digit && c != '-' && (c < 'A' || c > 'Z'))
			return false;
	}
	return digit; /* the last one */
}

static bool read_level(enum spec_level *level, struct text t)
{
	static const struct {
		const char *word;
		enum spec_level level;
	} levels[] = { { "MUST", SPEC_MUST },     { "MUST NOT", SPEC_MUST },
		       { "SHOULD", SPEC_SHOULD }, { "SHOULD NOT", SPEC_SHOULD },
		       { "MAY", SPEC_MAY },       { NULL, SPEC_MAY } };

	for (size_t i = 0; levels[i].word != NULL; i++) {
		if (is(t, levels[i].word)) {
			*level = levels[i].level;
			return true;
		}
	}
	return false;
}

/* The parts of a rule as they stand in the file. */
struct parts {
	struct text id, level, side, versions, text, source, untested;
};

static const char *split_head(struct parts *p, struct text *rest)
{
	struct text head;

	*rest = skip(*rest, 2);
	p->id = take_until(rest, '*');
	if (!is_id(p->id))
		return "a rule's id is DERP-SECTION-NUMBER";
	if (!begins(*rest, "* ("))
		return "'** (LEVEL, SIDE)' must follow the id";
	*rest = skip(*rest, 3);
	head = take_until(rest, ')');
	p->level = trim(take_until(&head, ','));
	p->side = trim(take_until(&head, ','));
	p->versions = trim(head);
	if (!is(p->side, "server") && !is(p->side, "client") &&
	    !is(p->side, "both"))
		return "the side must be server, client or both";
	return NULL;
}

/* Each line goes to the part that is being written. */
static const char *split_body(struct parts *p, struct text rest)
{
	struct text *now = &p->text, line;

	p->text.at = rest.at;
	while (rest.len > 0) {
		line = take_until(&rest, '\n');
		if (begins(trim(line), "Source:"))
			now = &p->source;
		else if (begins(trim(line), "Untested:"))
			now = &p->untested;
		if (now->len == 0)
			now->at = line.at;
		now->len = (size_t)(line.at + line.len - now->at);
	}
	if (trim(p->text).len == 0)
		return "the rule has no sentence";
	if (p->source.len == 0)
		return "the line 'Source:' is missing";
	p->source = skip(trim(p->source), strlen("Source:"));
	if (p->untested.len > 0)
		p->untested = skip(trim(p->untested), strlen("Untested:"));
	return NULL;
}

static void free_rule(struct spec_rule *r)
{
	free(r->id);
	free(r->level_text);
	free(r->side);
	free(r->versions);
	free(r->text);
	free(r->source);
	free(r->untested);
}

static const char *add_rule(struct spec *s, const struct spec_rule *r)
{
	struct spec_rule *more;

	if (!r->id || !r->level_text || !r->side || !r->versions || !r->text ||
	    !r->source || !r->untested)
		return "out of memory";
	if (spec_find(s, r->id) != NULL)
		return "this id is used twice";
	more = realloc(s->rules, (s->num_rules + 1) * sizeof(*more));
	if (more == NULL)
		return "out of memory";
	s->rules = more;
	s->rules[s->num_rules++] = *r;
	return NULL;
}

static const char *read_rule(struct spec *s, struct text t, unsigned line)
{
	struct parts p = { .text = { "", 0 },
			   .source = { "", 0 },
			   .untested = { "", 0 } };
	struct spec_rule r = { .line = line };
	const char *wrong = split_head(&p, &t);

	if (wrong == NULL)
		wrong = split_body(&p, t);
	if (wrong != NULL)
		return wrong;
	if (!read_level(&r.level, p.level))
		return "the level must be MUST, SHOULD or MAY";
	r.id = one_line(p.id);
	r.level_text = one_line(p.level);
	r.side = one_line(p.side);
	r.versions = one_line(p.versions);
	r.text = one_line(p.text);
	r.source = one_line(p.source);
	r.untested = one_line(p.untested);
	wrong = add_rule(s, &r);
	if (wrong != NULL)
		free_rule(&r);
	return wrong;
}

int spec_read(struct spec *s, const char *file, const char *text, size_t len,
	      FILE *err)
{
	struct text rest = { text, len };
	unsigned num = 0;

	s->rules = NULL;
	s->num_rules = 0;
	while (rest.len > 0) {
		struct text line = take_until(&rest, '\n'), rule = line;
		unsigned begin = ++num;
		const char *wrong;

		if (!begins(line, RULE_MARK))
			continue;
		for (; trim(line).len > 0 && rest.len > 0; num++) {
			line = take_until(&rest, '\n');
			rule.len = (size_t)(line.at + line.len - rule.at);
		}
		wrong = read_rule(s, rule, begin);
		if (wrong == NULL)
			continue;
		if (err != NULL)
			fprintf(err, "%s:%u: %s\n", file, begin, wrong);
		spec_free(s);
		return -1;
	}
	return 0;
}

void spec_free(struct spec *s)
{
	for (size_t i = 0; i < s->num_rules; i++)
		free_rule(&s->rules[i]);
	free(s->rules);
	s->rules = NULL;
	s->num_rules = 0;
}

const struct spec_rule *spec_find(const struct spec *s, const char *id)
{
	for (size_t i = 0; i < s->num_rules; i++) {
		if (strcmp(s->rules[i].id, id) == 0)
			return &s->rules[i];
	}
	return NULL;
}

bool spec_binds_server(const struct spec_rule *r)
{
	return strcmp(r->side, "client") != 0;
}
