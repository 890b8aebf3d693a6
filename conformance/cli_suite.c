/*
 * cli_suite.c - load the scenarios and the rules, and choose among them.
 *
 *   embedded files or --suite --> scenario --> one select_item an instance
 */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_text.h"
#include "embedded.h"

#define SUITE_FILES_MAX 1000

static int out_of_memory(void)
{
	fputs("derpspec: out of memory\n", stderr);
	return EXIT_OURS;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

const char *cli_version(void)
{
	static char text[24];
	unsigned v = derp_version();

	snprintf(text, sizeof(text), "%u.%u.%u", v >> 16 & 0xff, v >> 8 & 0xff,
		 v & 0xff);
	return text;
}

/* ---- files ----------------------------------------------------------- */

static int parse_file(struct suite *s, const char *path)
{
	size_t len;
	char *text = cli_read_file(path, SCENARIO_FILE_MAX, &len, stderr);

	if (text == NULL)
		return EXIT_INPUT;
	scenario_parse(s->scenario, path, text, len);
	free(text);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of a folder's scenarios, sorted; each to be freed. */
static int list_folder(char **paths, size_t *num, const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	size_t len;

	*num = 0;
	if (d == NULL) {
		fprintf(stderr, "derpspec: cannot read suite %s: %s\n", folder,
			strerror(errno));
		return EXIT_INPUT;
	}
	while ((e = readdir(d)) != NULL && *num < SUITE_FILES_MAX) {
		if (!ends_with(e->d_name, ".derp"))
			continue;
		len = strlen(folder) + strlen(e->d_name) + 2;
		paths[*num] = malloc(len);
		if (paths[*num] == NULL)
			break;
		snprintf(paths[*num], len, "%s/%s", folder, e->d_name);
		++*num;
	}
	closedir(d);
	if (e != NULL && *num == SUITE_FILES_MAX)
		fprintf(stderr,
			"derpspec: suite %s: only the first %d files are "
			"read\n",
			folder, SUITE_FILES_MAX);
	qsort(paths, *num, sizeof(*paths), compare);
	return e != NULL && *num < SUITE_FILES_MAX ? out_of_memory() : 0;
}

/* A pipe somebody left in the folder would be waited for, for ever. */
static int parse_member(struct suite *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fprintf(stderr, "derpspec: %s is not a file\n", path);
		return EXIT_INPUT;
	}
	return parse_file(s, path);
}

static int parse_folder(struct suite *s, const char *folder)
{
	char **paths = calloc(SUITE_FILES_MAX, sizeof(*paths));
	size_t num;
	int code;

	if (paths == NULL)
		return out_of_memory();
	code = list_folder(paths, &num, folder);
	if (code == 0 && num == 0) {
		fprintf(stderr, "derpspec: suite %s holds no file *.derp\n",
			folder);
		code = EXIT_INPUT;
	}
	for (size_t i = 0; i < num; i++) {
		if (code == 0)
			code = parse_member(s, paths[i]);
		free(paths[i]);
	}
	free(paths);
	return code;
}

static int parse_path(struct suite *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "derpspec: cannot read suite %s: %s\n", path,
			strerror(errno));
		return EXIT_INPUT;
	}
	return S_ISDIR(st.st_mode) ? parse_folder(s, path)
				   : parse_file(s, path);
}

static int parse_embedded(struct suite *s)
{
	for (const struct embedded *e = embedded; e->name != NULL; e++) {
		if (ends_with(e->name, ".derp"))
			scenario_parse(s->scenario, e->name, e->text, e->len);
	}
	return 0;
}

static int read_spec(struct suite *s)
{
	for (const struct embedded *e = embedded; e->name != NULL; e++) {
		if (ends_with(e->name, "protocol.md"))
			return spec_read(&s->spec, e->name, e->text, e->len,
					 stderr) == 0
				       ? 0
				       : EXIT_OURS;
	}
	fputs("derpspec: the specification is missing in this build\n", stderr);
	return EXIT_OURS;
}

/* ---- items ----------------------------------------------------------- */

static size_t count(const struct scenario_item *list)
{
	size_t n = 0;

	for (; list != NULL; list = list->next)
		n++;
	return n;
}

static const char **fill(const char **to, const struct scenario_item *list)
{
	for (; list != NULL; list = list->next)
		*to++ = list->text;
	return to;
}

static int make_items(struct suite *s)
{
	const struct scenario *sc = s->scenario;
	const char **word;
	size_t num_words = 0;

	s->num_items = sc->num_instances;
	for (size_t i = 0; i < s->num_items; i++) {
		num_words += count(sc->instances[i].of->reqs) +
			     count(sc->instances[i].of->tags);
	}
	s->items = calloc(s->num_items + 1, sizeof(*s->items));
	s->words = word = calloc(num_words + 1, sizeof(*word));
	if (s->items == NULL || s->words == NULL)
		return out_of_memory();
	for (size_t i = 0; i < s->num_items; i++) {
		const struct scenario_instance *in = &sc->instances[i];
		struct select_item *item = &s->items[i];

		item->id = in->of->id;
		item->name = in->name;
		item->reqs = word;
		item->num_reqs = count(in->of->reqs);
		word = fill(word, in->of->reqs);
		item->tags = word;
		item->num_tags = count(in->of->tags);
		word = fill(word, in->of->tags);
	}
	return 0;
}

/* Every error is shown before anything runs. */
static int show_errors(const struct suite *s, bool ours)
{
	const struct scenario *sc = s->scenario;
	size_t n = sc->num_errors;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n && i < SCENARIO_ERRORS_MAX; i++)
		scenario_error_print(stderr, &sc->errors[i]);
	fprintf(stderr, "derpspec: %zu error%s in the suite; nothing was run\n",
		n, n == 1 ? "" : "s");
	return ours ? EXIT_OURS : EXIT_USAGE;
}

int suite_open(struct suite *s, const char *path)
{
	int code;

	memset(s, 0, sizeof(*s));
	s->scenario = scenario_new();
	if (s->scenario == NULL)
		return out_of_memory();
	code = path == NULL ? parse_embedded(s) : parse_path(s, path);
	if (code == 0)
		code = show_errors(s, path == NULL);
	if (code == 0)
		code = read_spec(s);
	if (code == 0)
		code = make_items(s);
	if (code != 0)
		suite_close(s);
	return code;
}

void suite_close(struct suite *s)
{
	free(s->items);
	free(s->words);
	spec_free(&s->spec);
	scenario_free(s->scenario);
	memset(s, 0, sizeof(*s));
}

/* ---- choosing -------------------------------------------------------- */

int suite_check_words(const struct suite *s, const struct cli_words *words,
		      const char *option)
{
	for (size_t w = 0; w < words->num; w++) {
		bool found = false;

		for (size_t i = 0; i < s->num_items && !found; i++)
			found = select_match(words->at[w], &s->items[i]) !=
				SELECT_NO;
		if (found)
			continue;
		fprintf(stderr, "derpspec: %sno case matches '", option);
		cli_puts(stderr, words->at[w]);
		fputc('\'', stderr);
		select_near(stderr, words->at[w], s->items, s->num_items);
		fputs("; see 'derpspec list'\n", stderr);
		return EXIT_USAGE;
	}
	return 0;
}

static enum select_how any(const struct cli_words *words,
			   const struct select_item *item)
{
	enum select_how best = SELECT_NO, how;

	for (size_t i = 0; i < words->num; i++) {
		how = select_match(words->at[i], item);
		if (how > best)
			best = how;
	}
	return best;
}

enum fate { TAKEN, NOT_CHOSEN, NOT_SAFE, TOO_SLOW };

static enum fate fate(const struct cli_options *o,
		      const struct select_item *item, bool safe)
{
	enum select_how how = SELECT_BROAD;

	if (o->selectors.num > 0)
		how = any(&o->selectors, item);
	if (how == SELECT_NO || any(&o->except, item) != SELECT_NO)
		return NOT_CHOSEN;
	if (safe &&
	    (select_has_tag(item, "@hostile") ||
	     select_has_tag(item, "@load") || select_has_tag(item, "@slow")))
		return NOT_SAFE;
	if (!o->slow && how != SELECT_NAMED && select_has_tag(item, "@slow"))
		return TOO_SLOW;
	return TAKEN;
}

static int nothing_left(const struct choice *c)
{
	if (c->num_safe > 0)
		fprintf(stderr,
			"derpspec: nothing to run: --safe leaves out all %zu "
			"selected cases; --intrusive runs them\n",
			c->num_safe + c->num_slow);
	else if (c->num_slow > 0)
		fprintf(stderr,
			"derpspec: nothing to run: all %zu selected cases are "
			"@slow; --slow runs them\n",
			c->num_slow);
	else
		fputs("derpspec: nothing matched: -e leaves no case\n", stderr);
	return EXIT_USAGE;
}

int suite_choose(struct choice *c, const struct suite *s,
		 const struct cli_options *o, bool all)
{
	bool safe = !all && (o->safe || (!o->intrusive &&
					 !cli_is_loopback(o->target.host)));
	int code = suite_check_words(s, &o->selectors, "");

	if (code == 0)
		code = suite_check_words(s, &o->except, "-e: ");
	if (code != 0)
		return code;
	memset(c, 0, sizeof(*c));
	c->index = calloc(s->num_items + 1, sizeof(*c->index));
	if (c->index == NULL)
		return out_of_memory();
	for (size_t i = 0; i < s->num_items; i++) {
		enum fate f = fate(o, &s->items[i], safe);

		if (f == TAKEN || (all && f != NOT_CHOSEN))
			c->index[c->num++] = i;
		else if (f == NOT_SAFE)
			c->num_safe++;
		else if (f == TOO_SLOW)
			c->num_slow++;
	}
	if (c->num > 0)
		return 0;
	free(c->index);
	c->index = NULL;
	return nothing_left(c);
}
