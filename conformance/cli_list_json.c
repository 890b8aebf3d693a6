/*
 * cli_list_json.c - derpspec list --json: the suite as one object.
 *
 * Its keys are in docs/json.md.
 */
#include "cli_list.h"

#include <string.h>

#include "derp_json.h"
#include "report.h"

static void put(void *to, const void *bytes, size_t len)
{
	fwrite(bytes, 1, len, to); /* main() looks at ferror() */
}

static void str(struct derp_json_writer *w, const char *key, const char *text)
{
	derp_json_str(w, key, text, strlen(text));
}

static void words(struct derp_json_writer *w, const char *key,
		  const struct scenario_item *items)
{
	derp_json_open(w, key, '[');
	for (; items != NULL; items = items->next)
		str(w, NULL, items->text);
	derp_json_close(w, ']');
}

static int64_t instances_of(const struct suite *s,
			    const struct scenario_case *of)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->scenario->num_instances; i++)
		n += s->scenario->instances[i].of == of;
	return n;
}

static void one(struct derp_json_writer *w, const struct suite *s,
		const struct scenario_instance *in, bool instances)
{
	const struct scenario_case *of = in->of;

	derp_json_open(w, NULL, '{');
	str(w, "id", instances ? in->name : of->id);
	str(w, "case", of->id);
	str(w, "title", of->title);
	words(w, "reqs", of->reqs);
	words(w, "tags", of->tags);
	words(w, "needs", of->needs);
	str(w, "level", report_level_name(report_level(&s->spec, of->reqs)));
	str(w, "file", of->file->name);
	derp_json_int64(w, "line", of->pos.line);
	if (!instances)
		derp_json_int64(w, "instances", instances_of(s, of));
	derp_json_close(w, '}');
}

void cli_list_json(FILE *to, const struct suite *s, const struct choice *c,
		   bool instances)
{
	const struct scenario_case *last = NULL;
	struct derp_json_writer w;

	derp_json_write(&w, put, to);
	derp_json_open(&w, NULL, '{');
	str(&w, "suite", "derpspec");
	str(&w, "version", cli_version());
	derp_json_open(&w, "cases", '[');
	for (size_t i = 0; i < c->num; i++) {
		const struct scenario_instance *in =
			&s->scenario->instances[c->index[i]];

		if (instances || in->of != last) {
			fputc('\n', to);
			one(&w, s, in, instances);
		}
		last = in->of;
	}
	derp_json_close(&w, ']');
	derp_json_close(&w, '}');
	fputc('\n', to);
}
