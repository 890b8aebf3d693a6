/*
 * report_json.c - the report as one JSON object.
 *
 * Others rely on suite, target, seed, summary and cases with id, reqs, level,
 * verdict and ms; more fields may come.  All are listed in docs/json.md.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "derp_json.h"

static void put(void *to, const void *bytes, size_t len)
{
	fwrite(bytes, 1, len, to); /* the caller looks at ferror() */
}

static void str(struct derp_json_writer *w, const char *key, const char *text)
{
	derp_json_str(w, key, text, strlen(text));
}

static void str_if(struct derp_json_writer *w, const char *key,
		   const char *text)
{
	if (text != NULL && text[0] != '\0')
		str(w, key, text);
}

static void list(struct derp_json_writer *w, const char *key,
		 const struct scenario_item *items)
{
	derp_json_open(w, key, '[');
	for (; items != NULL; items = items->next)
		str(w, NULL, items->text);
	derp_json_close(w, ']');
}

static void summary(struct derp_json_writer *w, const struct report *r)
{
	static const char *const names[VERDICT_COUNT] = {
		[VERDICT_PASS] = "pass",   [VERDICT_FAIL] = "fail",
		[VERDICT_SKIP] = "skip",   [VERDICT_XFAIL] = "xfail",
		[VERDICT_XPASS] = "xpass", [VERDICT_INCONC] = "inconc",
		[VERDICT_CRASH] = "crash", [VERDICT_ERROR] = "error",
	};
	struct report_sum sum;

	report_count(&sum, r);
	derp_json_open(w, "summary", '{');
	for (int v = 0; v < VERDICT_COUNT; v++)
		derp_json_int64(w, names[v], (int64_t)sum.by[v]);
	derp_json_int64(w, "tolerated", (int64_t)sum.tolerated);
	derp_json_int64(w, "unexpected", (int64_t)sum.unexpected);
	derp_json_int64(w, "total", (int64_t)r->num_cases);
	derp_json_int64(w, "left_out", (int64_t)(r->num_safe + r->num_slow));
	derp_json_close(w, '}');
}

static void trace(struct derp_json_writer *w, const struct result *res)
{
	if (res->num_trace == 0)
		return;
	derp_json_open(w, "trace", '[');
	for (size_t i = 0; i < res->num_trace; i++) {
		const struct trace_entry *e = &res->trace[i];

		derp_json_open(w, NULL, '{');
		derp_json_int64(w, "us", (int64_t)e->us);
		str(w, "conn", e->conn);
		derp_json_str(w, "dir", &e->dir, 1);
		if (e->type != UINT32_MAX)
			derp_json_int64(w, "type", e->type);
		derp_json_int64(w, "len", e->len);
		str(w, "text", e->text);
		derp_json_close(w, '}');
	}
	derp_json_close(w, ']');
}

static void one(struct derp_json_writer *w, const struct report_case *c)
{
	const struct result *res = c->result;
	const struct scenario_case *of = res->what->of;

	derp_json_open(w, NULL, '{');
	str(w, "id", res->what->name);
	str(w, "case", of->id);
	str(w, "title", of->title);
	list(w, "reqs", of->reqs);
	list(w, "tags", of->tags);
	str(w, "level", report_level_name(c->level));
	str(w, "verdict", verdict_name(res->verdict));
	derp_json_int64(w, "ms", res->ms);
	str(w, "file", of->file->name);
	derp_json_int64(w, "line", report_line(c));
	if (c->tolerated)
		derp_json_bool(w, "tolerated", true);
	if (res->late)
		derp_json_bool(w, "late", true);
	str_if(w, "reason", res->reason);
	str_if(w, "expected", res->expected);
	str_if(w, "actual", res->actual);
	str_if(w, "xfail", c->xfail);
	str_if(w, "xfail_source", c->xfail_from);
	if (res->verdict != VERDICT_PASS && res->verdict != VERDICT_SKIP)
		trace(w, res);
	derp_json_close(w, '}');
}

void report_json(FILE *to, const struct report *r)
{
	struct derp_json_writer w;
	char seed[17];

	derp_json_write(&w, put, to);
	derp_json_open(&w, NULL, '{');
	str(&w, "suite", "derpspec");
	str(&w, "version", r->version);
	str(&w, "target", r->target);
	/* text: readers of JSON lose digits of large numbers */
	snprintf(seed, sizeof(seed), "%" PRIx64, r->seed);
	str(&w, "seed", seed);
	derp_json_bool(&w, "complete", r->complete);
	str_if(&w, "end", r->end);
	derp_json_int64(&w, "ms", r->ms);
	summary(&w, r);
	derp_json_open(&w, "cases", '[');
	for (size_t i = 0; i < r->num_cases; i++) {
		fputc('\n', to);
		one(&w, &r->cases[i]);
	}
	derp_json_close(&w, ']');
	derp_json_close(&w, '}');
	fputc('\n', to);
}
