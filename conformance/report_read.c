/*
 * report_read.c - JSON reports read back.
 *
 *   object --> suite, version, target, complete
 *          --> cases --> id, case, title, reqs, level, verdict, tolerated,
 *                        reason; other keys are passed over
 */
#include "report_read.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cli_text.h"
#include "derp_json.h"

struct reader {
	struct derp_json_reader json;
	struct read_report *r;
	size_t cap;
	bool is_ours, has_cases;
	const char *wrong;
};

static bool fail(struct reader *d, const char *wrong)
{
	if (d->wrong == NULL)
		d->wrong = wrong;
	return false;
}

static bool next(struct reader *d, struct derp_json_token *t)
{
	if (derp_json_next(&d->json, t) == 0)
		return true;
	return fail(d, "this is no JSON");
}

/* Decoded, cut to READ_TEXT_MAX - 1 bytes, without NUL inside. */
static bool text(struct reader *d, const struct derp_json_token *t, char **out)
{
	uint8_t buf[READ_TEXT_MAX];
	size_t n;

	if (t->kind != DERP_JSON_STRING)
		return fail(d, "a text was expected");
	if (*out != NULL)
		return fail(d, "a key comes twice");
	derp_json_decode(t, buf, sizeof(buf) - 1, &n);
	if (n > sizeof(buf) - 1)
		n = sizeof(buf) - 1;
	*out = malloc(n + 1);
	if (*out == NULL)
		return fail(d, "out of memory");
	for (size_t i = 0; i < n; i++)
		(*out)[i] = buf[i] != 0 ? (char)buf[i] : '?';
	(*out)[n] = '\0';
	return true;
}

static bool truth(struct reader *d, const struct derp_json_token *t, bool *out)
{
	if (t->kind != DERP_JSON_TRUE && t->kind != DERP_JSON_FALSE)
		return fail(d, "true or false was expected");
	*out = t->kind == DERP_JSON_TRUE;
	return true;
}

static bool is_word(const struct derp_json_token *t, const char *word)
{
	return t->kind == DERP_JSON_STRING && t->len == strlen(word) &&
	       memcmp(t->text, word, t->len) == 0;
}

static bool verdict(struct reader *d, const struct derp_json_token *t,
		    enum verdict *out)
{
	for (int v = 0; v < VERDICT_COUNT; v++) {
		if (is_word(t, verdict_name((enum verdict)v))) {
			*out = (enum verdict)v;
			return true;
		}
	}
	return fail(d, "a verdict that this version does not know");
}

static bool level(struct reader *d, const struct derp_json_token *t,
		  enum spec_level *out)
{
	if (is_word(t, "MUST"))
		*out = SPEC_MUST;
	else if (is_word(t, "SHOULD"))
		*out = SPEC_SHOULD;
	else if (is_word(t, "MAY"))
		*out = SPEC_MAY;
	else
		return fail(d, "a level is MUST, SHOULD or MAY");
	return true;
}

/* Those that fit, parted by blanks. */
static bool words(struct reader *d, const struct derp_json_token *first,
		  char **out)
{
	struct derp_json_token t;
	char *joined, *one;
	size_t n = 0, len;

	if (first->kind != DERP_JSON_ARRAY)
		return fail(d, "a list was expected");
	if (*out != NULL)
		return fail(d, "a key comes twice");
	*out = joined = calloc(1, READ_TEXT_MAX);
	if (joined == NULL)
		return fail(d, "out of memory");
	for (;;) {
		if (!next(d, &t))
			return false;
		if (t.kind == DERP_JSON_ARRAY_END)
			return true;
		one = NULL;
		if (!text(d, &t, &one))
			return false;
		len = strlen(one);
		if (len + 1 < READ_TEXT_MAX - n) {
			if (n > 0)
				joined[n++] = ' ';
			memcpy(joined + n, one, len + 1);
			n += len;
		}
		free(one);
	}
}

/* ---- a case ---------------------------------------------------------- */

static void clear_case(struct read_case *c)
{
	free(c->id);
	free(c->of);
	free(c->title);
	free(c->reason);
	free(c->reqs);
}

static bool case_value(struct reader *d, const struct derp_json_token *key,
		       struct read_case *c)
{
	struct derp_json_token t;

	if (!next(d, &t))
		return false;
	if (derp_json_key_is(key, "id"))
		return text(d, &t, &c->id);
	if (derp_json_key_is(key, "case"))
		return text(d, &t, &c->of);
	if (derp_json_key_is(key, "title"))
		return text(d, &t, &c->title);
	if (derp_json_key_is(key, "reason"))
		return text(d, &t, &c->reason);
	if (derp_json_key_is(key, "reqs"))
		return words(d, &t, &c->reqs);
	if (derp_json_key_is(key, "verdict"))
		return verdict(d, &t, &c->verdict);
	if (derp_json_key_is(key, "level"))
		return level(d, &t, &c->level);
	if (derp_json_key_is(key, "tolerated"))
		return truth(d, &t, &c->tolerated);
	if (derp_json_skip(&d->json, &t) != 0)
		return fail(d, "this is no JSON");
	return true;
}

static bool case_members(struct reader *d, struct read_case *c)
{
	struct derp_json_token t;

	for (;;) {
		if (!next(d, &t))
			return false;
		if (t.kind == DERP_JSON_OBJECT_END)
			break;
		if (!case_value(d, &t, c))
			return false;
	}
	if (c->id == NULL || c->of == NULL || c->verdict == VERDICT_NONE)
		return fail(d, "a case has an id, a case and a verdict");
	return true;
}

static bool add_case(struct reader *d, const struct read_case *c)
{
	struct read_report *r = d->r;
	struct read_case *more;
	size_t cap = d->cap < 64 ? 64 : 2 * d->cap;

	if (r->num_cases == READ_CASES_MAX)
		return fail(d, "too many cases");
	if (r->num_cases == d->cap) {
		more = realloc(r->cases, cap * sizeof(*more));
		if (more == NULL)
			return fail(d, "out of memory");
		r->cases = more;
		d->cap = cap;
	}
	r->cases[r->num_cases] = *c;
	r->cases[r->num_cases].place = r->num_cases;
	r->num_cases++;
	return true;
}

static bool cases(struct reader *d, const struct derp_json_token *first)
{
	struct derp_json_token t;

	if (d->has_cases || first->kind != DERP_JSON_ARRAY)
		return fail(d, "cases is one list");
	d->has_cases = true;
	for (;;) {
		struct read_case c = { .verdict = VERDICT_NONE };

		if (!next(d, &t))
			return false;
		if (t.kind == DERP_JSON_ARRAY_END)
			return true;
		if (t.kind != DERP_JSON_OBJECT)
			return fail(d, "a case is an object");
		if (!case_members(d, &c) || !add_case(d, &c)) {
			clear_case(&c);
			return false;
		}
	}
}

/* ---- the report ------------------------------------------------------ */

static bool value(struct reader *d, const struct derp_json_token *key)
{
	struct derp_json_token t;

	if (!next(d, &t))
		return false;
	if (derp_json_key_is(key, "suite")) {
		d->is_ours = is_word(&t, "derpspec");
		if (!d->is_ours)
			return fail(d, "this is no report of derpspec");
		return true;
	}
	if (derp_json_key_is(key, "version"))
		return text(d, &t, &d->r->version);
	if (derp_json_key_is(key, "target"))
		return text(d, &t, &d->r->target);
	if (derp_json_key_is(key, "complete"))
		return truth(d, &t, &d->r->complete);
	if (derp_json_key_is(key, "cases"))
		return cases(d, &t);
	if (derp_json_skip(&d->json, &t) != 0)
		return fail(d, "this is no JSON");
	return true;
}

static bool whole(struct reader *d)
{
	struct derp_json_token t;

	if (!next(d, &t))
		return false;
	if (t.kind != DERP_JSON_OBJECT)
		return fail(d, "this is no report of derpspec");
	for (;;) {
		if (!next(d, &t))
			return false;
		if (t.kind == DERP_JSON_OBJECT_END)
			break;
		if (!value(d, &t))
			return false;
	}
	if (!next(d, &t)) /* the end, and nothing behind it */
		return false;
	if (!d->is_ours || !d->has_cases || d->r->version == NULL ||
	    d->r->target == NULL)
		return fail(d, "this is no report of derpspec run");
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct read_case *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static int by_of(const void *a, const void *b)
{
	const struct read_case *x = a, *y = b;
	int order = strcmp(x->of, y->of);

	if (order != 0)
		return order;
	return (x->place > y->place) - (x->place < y->place);
}

/* Two results for one id would make every answer about it arbitrary. */
static bool ids_differ(struct reader *d)
{
	struct read_report *r = d->r;

	if (r->num_cases > 1)
		qsort(r->cases, r->num_cases, sizeof(*r->cases), by_id);
	for (size_t i = 1; i < r->num_cases; i++) {
		if (strcmp(r->cases[i - 1].id, r->cases[i].id) == 0)
			return fail(d, "two cases have the same id");
	}
	return true;
}

int report_read(struct read_report *r, const char *js, size_t len, bool by_case,
		const char **wrong, size_t *at)
{
	const uint8_t *bytes = (const uint8_t *)js;
	struct reader d = { .r = r };

	memset(r, 0, sizeof(*r));
	r->by_case = by_case;
	derp_json_read(&d.json, bytes, len);
	if (!whole(&d) || !ids_differ(&d)) {
		*wrong = d.wrong;
		*at = (size_t)(d.json.at - bytes);
		report_read_free(r);
		return -1;
	}
	if (by_case && r->num_cases > 1)
		qsort(r->cases, r->num_cases, sizeof(*r->cases), by_of);
	return 0;
}

void report_read_free(struct read_report *r)
{
	for (size_t i = 0; i < r->num_cases; i++)
		clear_case(&r->cases[i]);
	free(r->cases);
	free(r->name);
	free(r->version);
	free(r->target);
	memset(r, 0, sizeof(*r));
}

static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *from = slash != NULL ? slash + 1 : path;
	size_t len = strlen(from);
	char *out = malloc(len + 1);

	if (len > 5 && strcmp(from + len - 5, ".json") == 0)
		len -= 5;
	if (out != NULL) {
		memcpy(out, from, len);
		out[len] = '\0';
	}
	return out;
}

int report_read_file(struct read_report *r, const char *path, bool by_case)
{
	const char *wrong;
	size_t len, at;
	char *js;
	int e;

	memset(r, 0, sizeof(*r));
	js = cli_read_file(path, READ_FILE_MAX, &len, stderr);
	if (js == NULL)
		return EXIT_INPUT;
	e = report_read(r, js, len, by_case, &wrong, &at);
	free(js);
	if (e != 0) {
		fputs("derpspec: ", stderr);
		cli_puts(stderr, path);
		fprintf(stderr,
			": %s (near byte %zu); give what --json "
			"wrote\n",
			wrong, at);
		return EXIT_INPUT;
	}
	r->name = name_of(path);
	if (r->name != NULL)
		return 0;
	fputs("derpspec: out of memory\n", stderr);
	report_read_free(r);
	return EXIT_OURS;
}

const char *report_read_key(const struct read_report *r, size_t i)
{
	return r->by_case ? r->cases[i].of : r->cases[i].id;
}

size_t report_read_find(const struct read_report *r, const char *key)
{
	size_t from = 0, to = r->num_cases, mid;

	while (from < to) {
		mid = from + (to - from) / 2;
		if (strcmp(report_read_key(r, mid), key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	if (from < r->num_cases && strcmp(report_read_key(r, from), key) == 0)
		return from;
	return r->num_cases;
}

bool report_read_is_bad(const struct read_case *c, bool strict)
{
	if (c->tolerated && !(strict && c->level == SPEC_SHOULD))
		return false;
	return verdict_is_bad(c->verdict);
}
