/*
 * cli_list.c - look at the suite without running it: list and show.
 */
#include "cli_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_text.h"

/* A name and what goes with it; names of any length keep a column apart. */
static void column(const char *text, int width)
{
	cli_puts(stdout, text);
	for (int n = (int)strlen(text); n < width; n++)
		putchar(' ');
	putchar(' ');
}

/* ---- list ------------------------------------------------------------ */

#define COLUMN_MAX 48 /* what is longer pushes the rest of its line */

static void join(char *out, size_t cap, const struct scenario_item *items)
{
	size_t n = 0;
	int k;

	out[0] = '\0';
	for (; items != NULL; items = items->next) {
		k = snprintf(out + n, cap - n, "%s%s", n > 0 ? " " : "",
			     items->text);
		if (k < 0 || (size_t)k >= cap - n)
			break;
		n += (size_t)k;
	}
}

struct widths {
	int name, rules;
};

static void widen(int *width, const char *text)
{
	size_t n = strlen(text);

	if (n <= COLUMN_MAX && (int)n > *width)
		*width = (int)n;
}

static const char *name_of(const struct scenario_instance *in, bool instances)
{
	return instances ? in->name : in->of->id;
}

static void list_one(const struct scenario_instance *in, bool instances,
		     const struct widths *w)
{
	char rules[256];

	join(rules, sizeof(rules), in->of->reqs);
	column(name_of(in, instances), w->name);
	column(rules, w->rules);
	cli_puts(stdout, in->of->title);
	for (const struct scenario_item *i = in->of->tags; i != NULL;
	     i = i->next) {
		putchar(' ');
		cli_puts(stdout, i->text);
	}
	putchar('\n');
}

static void list_all(const struct suite *s, const struct choice *c,
		     bool instances)
{
	const struct scenario_instance *all = s->scenario->instances, *in;
	const struct scenario_case *last = NULL;
	struct widths w = { 0, 0 };
	char rules[256];

	for (size_t i = 0; i < c->num; i++) {
		in = &all[c->index[i]];
		join(rules, sizeof(rules), in->of->reqs);
		widen(&w.name, name_of(in, instances));
		widen(&w.rules, rules);
	}
	for (size_t i = 0; i < c->num; i++) {
		in = &all[c->index[i]];
		if (instances || in->of != last)
			list_one(in, instances, &w);
		last = in->of;
	}
}

int cli_list(const struct cli_command *me, int argc, char **argv)
{
	struct cli_options o;
	struct suite s;
	struct choice c;
	int code = cli_options_read(&o, me, CLI_FOR_LIST, argc, argv);

	if (code >= 0)
		return code;
	code = suite_open(&s, o.suite);
	if (code == 0) {
		code = suite_choose(&c, &s, &o, true);
		if (code == 0) {
			if (o.as_json)
				cli_list_json(stdout, &s, &c, o.instances);
			else
				list_all(&s, &c, o.instances);
			free(c.index);
		}
		suite_close(&s);
	}
	cli_options_free(&o);
	return code;
}

/* ---- show ------------------------------------------------------------ */

static void show_rule(const struct spec_rule *r, bool whole)
{
	printf("%s (%s, %s%s%s)\n", r->id, r->level_text, r->side,
	       r->versions[0] != '\0' ? ", " : "", r->versions);
	printf("  %s\n", r->text);
	if (!whole)
		return;
	printf("  source: %s\n", r->source);
	if (r->untested[0] != '\0')
		printf("  untested: %s\n", r->untested);
	printf("  at: docs/protocol.md:%u\n", r->line);
}

static bool is_comment(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	return n == len || line[n] == '#';
}

/* Comments at the end belong to the case that follows. */
static void show_script(const struct scenario_case *c)
{
	uint32_t last = c->last_line;
	const char *line;
	size_t len;

	while (last > c->pos.line) {
		line = scenario_line(c->file, last, &len);
		if (!is_comment(line, len))
			break;
		last--;
	}
	for (uint32_t n = c->pos.line; n <= last; n++) {
		line = scenario_line(c->file, n, &len);
		printf("%6" PRIu32 "  ", n);
		cli_put(stdout, line, len);
		putchar('\n');
	}
}

static void show_case(const struct suite *s, const struct scenario_case *c)
{
	const struct scenario *sc = s->scenario;
	const struct spec_rule *rule;
	size_t num = 0;

	for (size_t i = 0; i < sc->num_instances; i++)
		num += sc->instances[i].of == c;
	cli_puts(stdout, c->id);
	fputs("  ", stdout);
	cli_puts(stdout, c->title);
	putchar('\n');
	if (num > 1)
		printf("  %zu instances; derpspec list --instances %s\n", num,
		       c->id);
	for (const struct scenario_item *i = c->reqs; i != NULL; i = i->next) {
		rule = spec_find(&s->spec, i->text);
		if (rule != NULL)
			show_rule(rule, false);
		else
			printf("%s (not in docs/protocol.md)\n", i->text);
	}
	printf("  at: ");
	cli_puts(stdout, c->file->name);
	printf(":%" PRIu32 "\n", c->pos.line);
	show_script(c);
}

static bool names_rule(const char *word, const struct spec_rule *r)
{
	const char *const reqs[] = { r->id };
	const struct select_item item = {
		.id = "", .name = "", .reqs = reqs, .num_reqs = 1
	};

	return *word != '@' && select_match(word, &item) != SELECT_NO;
}

static size_t show_rules(const struct suite *s, const char *word)
{
	size_t shown = 0;

	for (size_t i = 0; i < s->spec.num_rules; i++) {
		const struct spec_rule *r = &s->spec.rules[i];
		const struct scenario_case *c = s->scenario->cases;

		if (!names_rule(word, r))
			continue;
		if (shown++ > 0)
			putchar('\n');
		show_rule(r, true);
		for (; c != NULL; c = c->next) {
			if (!scenario_has(c->reqs, r->id))
				continue;
			printf("  case: ");
			cli_puts(stdout, c->id);
			putchar('\n');
		}
	}
	return shown;
}

static size_t show_cases(const struct suite *s, const char *word)
{
	const struct scenario_case *last = NULL;
	size_t shown = 0;

	for (size_t i = 0; i < s->num_items; i++) {
		const struct scenario_case *c = s->scenario->instances[i].of;

		if (c == last || select_match(word, &s->items[i]) == SELECT_NO)
			continue;
		if (shown++ > 0)
			putchar('\n');
		show_case(s, c);
		last = c;
	}
	return shown;
}

/* Rules first: "DERP-PING-4" is a selector of cases, too. */
static int show_word(const struct suite *s, const char *word)
{
	const struct cli_words one = { .at = &word, .num = 1 };

	if (show_rules(s, word) > 0 || show_cases(s, word) > 0)
		return 0;
	return suite_check_words(s, &one, "");
}

int cli_show(const struct cli_command *me, int argc, char **argv)
{
	struct cli_options o;
	struct suite s;
	int code = cli_options_read(&o, me, CLI_FOR_SHOW, argc, argv);

	if (code >= 0)
		return code;
	code = 0;
	if (o.selectors.num == 0) {
		fputs("derpspec: show what? Give the id of a case or a rule; "
		      "see 'derpspec list'\n",
		      stderr);
		code = EXIT_USAGE;
	}
	if (code == 0)
		code = suite_open(&s, o.suite);
	if (code == 0) {
		for (size_t i = 0; i < o.selectors.num && code == 0; i++) {
			if (i > 0)
				putchar('\n');
			code = show_word(&s, o.selectors.at[i]);
		}
		suite_close(&s);
	}
	cli_options_free(&o);
	return code;
}
