/*
 * test_json.c - JSON, read as Go reads it and written as Go writes it.
 *
 * Go's verdicts are in the vectors; yajl is a second opinion on many more
 * texts than Go was asked about.
 */
#include <yajl/yajl_parse.h>

#include "derp_json.h"
#include "exact.h"
#include "vectors/vectors.h"

#define WANT_TEXTS
#define WANT_STRINGS
#include "vectors/reference.1.102.5.h"
#include "vectors/reference.1.104.5.h"

/* ---- reading --------------------------------------------------------- */

static int read_all(const uint8_t *js, size_t len)
{
	struct derp_json_reader r;
	struct derp_json_token t;
	int err;

	derp_json_read(&r, js, len);
	do
		err = derp_json_next(&r, &t);
	while (err == 0 && t.kind != DERP_JSON_END);
	/* Errors and ends repeat, and an error leaves the token alone. */
	memset(&t, 0xaa, sizeof t);
	assert_int_equal(derp_json_next(&r, &t), err);
	if (err != 0)
		assert_blank(&t, sizeof t);
	else
		assert_int_equal(t.kind, DERP_JSON_END);
	return err;
}

static bool yajl_says(const uint8_t *js, size_t len)
{
	static const yajl_callbacks none;
	yajl_handle h = yajl_alloc(&none, NULL, NULL);
	bool ok;

	yajl_config(h, yajl_dont_validate_strings, 1);
	ok = yajl_parse(h, js, len) == yajl_status_ok &&
	     yajl_complete_parse(h) == yajl_status_ok;
	yajl_free(h);
	return ok;
}

static struct bytes text_of(const struct json_vector *v)
{
	size_t mid = strlen(v->mid), end = strlen(v->end);
	struct bytes out;
	uint8_t *at;

	out.len = v->pre_len + v->num * (mid + end) + v->post_len;
	out.at = at = block(out.len);
	memcpy(at, v->pre, v->pre_len);
	at += v->pre_len;
	for (size_t i = 0; i < v->num; i++, at += mid)
		memcpy(at, v->mid, mid);
	for (size_t i = 0; i < v->num; i++, at += end)
		memcpy(at, v->end, end);
	memcpy(at, v->post, v->post_len);
	return out;
}

static void text_is_json_where_go_says_so(void **state)
{
	const struct json_vector *v = *state;
	struct bytes js = text_of(v);

	assert_int_equal(read_all(js.at, js.len), v->valid ? 0 : DERP_E_JSON);
	/* yajl takes VT and FF for blanks. */
	if (v->num == 0 && memchr(js.at, '\v', js.len) == NULL &&
	    memchr(js.at, '\f', js.len) == NULL)
		assert_int_equal(yajl_says(js.at, js.len), v->valid);
	free(js.at);
}

/* A generator of our own, so that every run asks the same. */
static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

static void yajl_agrees_on_texts_with_faults(void **state)
{
	static const char good[] =
		"{\"a\":[1,-2.5e+3,0,true,false,null],\"b\\u00e9\":{\"c\":\"\\"
		"n\\ud83d\\ude00\",\"d\":{}},\"e\":[[],[{}]] }";
	static const uint8_t spice[] = "{}[]:,\"\\ \t\n01-+.eEutfn\x1f\x7f\xff";
	uint32_t seed = 1, valid = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		size_t len = sizeof good - 1;
		uint8_t text[sizeof good];
		uint8_t *js;
		bool ours;

		memcpy(text, good, sizeof text);
		for (uint32_t n = draw(&seed) % 3; n > 0; n--)
			text[draw(&seed) % len] =
				spice[draw(&seed) % (sizeof spice - 1)];
		if (draw(&seed) % 4 == 0)
			len = draw(&seed) % (len + 1);
		js = exact(text, len);
		ours = read_all(js, len) == 0;
		if (ours != yajl_says(js, len))
			fail_msg("%.*s: ours %d", (int)len, (char *)js, ours);
		valid += ours;
		free(js);
	}
	assert_in_range(valid, 10000, 50000);
}

struct step {
	enum derp_json_kind kind;
	const char *text;
};

static void tokens_come_in_order_with_their_text(void **state)
{
	static const char text[] = " { \"a\\n\" : [ 1 , -0.5e1 , \"x\" ] , "
				   "\"\":null,\"t\":true,\"f\":{\"g\":false} "
				   ",\"h\":[]}\r\n";
	static const struct step want[] = {
		{ DERP_JSON_OBJECT, "{" },      { DERP_JSON_KEY, "a\\n" },
		{ DERP_JSON_ARRAY, "[" },       { DERP_JSON_NUMBER, "1" },
		{ DERP_JSON_NUMBER, "-0.5e1" }, { DERP_JSON_STRING, "x" },
		{ DERP_JSON_ARRAY_END, "]" },   { DERP_JSON_KEY, "" },
		{ DERP_JSON_NULL, "null" },     { DERP_JSON_KEY, "t" },
		{ DERP_JSON_TRUE, "true" },     { DERP_JSON_KEY, "f" },
		{ DERP_JSON_OBJECT, "{" },      { DERP_JSON_KEY, "g" },
		{ DERP_JSON_FALSE, "false" },   { DERP_JSON_OBJECT_END, "}" },
		{ DERP_JSON_KEY, "h" },         { DERP_JSON_ARRAY, "[" },
		{ DERP_JSON_ARRAY_END, "]" },   { DERP_JSON_OBJECT_END, "}" },
		{ DERP_JSON_END, "" },
	};
	uint8_t *js = exact(text, sizeof text - 1);
	struct derp_json_reader r;
	struct derp_json_token t;

	(void)state;
	derp_json_read(&r, js, sizeof text - 1);
	for (size_t i = 0; i < NUM(want); i++) {
		assert_int_equal(derp_json_next(&r, &t), 0);
		assert_int_equal(t.kind, want[i].kind);
		assert_int_equal(t.len, strlen(want[i].text));
		assert_bytes(t.text, want[i].text, t.len);
	}
	free(js);
}

static void skip_passes_one_value(void **state)
{
	static const char text[] = "[1,[2,{\"a\":[3]},[]],{},\"x\",{\"b\":[4,"
				   "5],\"c\":6}]";
	struct derp_json_reader r;
	struct derp_json_token t;

	(void)state;
	derp_json_read(&r, (const uint8_t *)text, sizeof text - 1);
	assert_int_equal(derp_json_next(&r, &t), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(derp_json_next(&r, &t), 0);
		assert_int_equal(derp_json_skip(&r, &t), 0);
	}
	assert_int_equal(t.kind, DERP_JSON_STRING);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(t.kind, DERP_JSON_OBJECT);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(t.kind, DERP_JSON_KEY);
	assert_int_equal(derp_json_skip(&r, &t), 0);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(t.kind, DERP_JSON_KEY);
	assert_int_equal(t.text[0], 'c');
	/* The whole text is a value as well. */
	derp_json_read(&r, (const uint8_t *)text, sizeof text - 1);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(derp_json_skip(&r, &t), 0);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(t.kind, DERP_JSON_END);
	/* A fault inside is a fault of skip. */
	derp_json_read(&r, (const uint8_t *)"[[1,}]]", 7);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(derp_json_skip(&r, &t), DERP_E_JSON);
	derp_json_read(&r, (const uint8_t *)"{\"a\":}", 6);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(derp_json_next(&r, &t), 0);
	assert_int_equal(derp_json_skip(&r, &t), DERP_E_JSON);
}

static void an_empty_text_is_none(void **state)
{
	(void)state;
	assert_int_equal(read_all(NULL, 0), DERP_E_JSON);
}

/* The longest nesting, mixed, closes in the right order and no other. */
static void brackets_match_at_every_level(void **state)
{
	char text[8 * 300];
	size_t len = 0, at;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		const char *open = i % 3 == 1 ? "{\"a\":" : "[";

		memcpy(text + len, open, strlen(open));
		len += strlen(open);
	}
	text[len++] = '0';
	at = len;
	for (uint32_t i = 300; i > 0; i--)
		text[len++] = (i - 1) % 3 == 1 ? '}' : ']';
	assert_int_equal(read_all((uint8_t *)text, len), 0);
	for (; at < len; at++) {
		text[at] = text[at] == '}' ? ']' : '}';
		assert_int_equal(read_all((uint8_t *)text, len), DERP_E_JSON);
		text[at] = text[at] == '}' ? ']' : '}';
	}
}

struct number {
	const char *name;
	int64_t v;
	int err;
};

static const struct number numbers[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "7", 7, 0 },
	{ "-1", -1, 0 },
	{ "1234567890123", 1234567890123, 0 },
	{ "9223372036854775806", INT64_MAX - 1, 0 },
	{ "9223372036854775807", INT64_MAX, 0 },
	{ "9223372036854775808", 0, DERP_E_VALUE },
	{ "9223372036854775809", 0, DERP_E_VALUE },
	{ "9223372036854775810", 0, DERP_E_VALUE },
	{ "-9223372036854775807", -INT64_MAX, 0 },
	{ "-9223372036854775808", INT64_MIN, 0 },
	{ "-9223372036854775809", 0, DERP_E_VALUE },
	{ "-9223372036854775810", 0, DERP_E_VALUE },
	{ "18446744073709551616", 0, DERP_E_VALUE },
	{ "18446744073709551617", 0, DERP_E_VALUE },
	{ "92233720368547758070", 0, DERP_E_VALUE },
	{ "100000000000000000000000000000", 0, DERP_E_VALUE },
	{ "1.0", 0, DERP_E_VALUE },
	{ "1e0", 0, DERP_E_VALUE },
	{ "1E0", 0, DERP_E_VALUE },
	{ "-0.0", 0, DERP_E_VALUE },
};

static void number_fits_or_is_refused(void **state)
{
	const struct number *v = *state;
	struct derp_json_token t = { .kind = DERP_JSON_NUMBER };
	int64_t got = 12345;

	t.len = strlen(v->name);
	t.text = exact(v->name, t.len);
	assert_int_equal(derp_json_int(&t, &got), v->err);
	assert_true(got == (v->err != 0 ? 12345 : v->v));
	free(row(t.text));
}

struct name {
	const char *key, *name;
	bool same;
};

static const struct name names[] = {
	{ "version", "version", true },
	{ "VeRsIoN", "version", true },
	{ "version", "VERSION", true },
	{ "ver\\u0073ion", "version", true },
	{ "ver\\u0053ion", "version", true },
	{ "ver\xc5\xbfion", "version", true },
	{ "ver\\u017fion", "version", true },
	{ "ver\xc5\xbeion", "version", false },
	{ "CanAc\xe2\x84\xaaPings", "CanAckPings", true },
	{ "canac\\u212apings", "CanAckPings", true },
	{ "canac\\u212bpings", "CanAckPings", false },
	{ "versio", "version", false },
	{ "versions", "version", false },
	{ "", "version", false },
	{ "", "", true },
	{ "v", "", false },
	{ "\xff", "\xff", false },
	{ "ver\\ud83dion", "version", false },
	{ "[\\\\]", "{|}", false },
	{ "@[`{", "`{@[", false },
	{ "a@b", "a`b", false },
	{ "a\\/b\\\\c\\\"d", "A/B\\C\"D", true },
};

static void key_is_or_is_not_the_name(void **state)
{
	const struct name *v = *state;
	struct derp_json_token t = { .kind = DERP_JSON_KEY };

	t.len = strlen(v->key);
	t.text = exact(v->key, t.len);
	assert_int_equal(derp_json_key_is(&t, v->name), v->same);
	free(row(t.text));
}

static void decode_gives_what_fits_and_the_whole_length(void **state)
{
	static const char text[] =
		"a\\u00e9\\n\xff\\ud83d\\ud83d\\ude00\\ud83dz";
	static const char want[] = "a\xc3\xa9\n\xef\xbf\xbd\xef\xbf\xbd"
				   "\xf0\x9f\x98\x80\xef\xbf\xbdz";
	struct derp_json_token t = { .kind = DERP_JSON_STRING };

	(void)state;
	t.len = sizeof text - 1;
	t.text = exact(text, t.len);
	for (size_t cap = 0; cap <= sizeof want; cap++) {
		uint8_t *out = blank(cap);
		size_t full = sizeof want - 1, n = 12345;
		size_t have = cap < full ? cap : full;

		derp_json_decode(&t, out, cap, &n);
		assert_int_equal(n, full);
		assert_bytes(out, want, have);
		if (cap > full)
			assert_int_equal(out[full], 0xaa);
		free(out);
	}
	free(row(t.text));
}

/* ---- writing --------------------------------------------------------- */

struct out {
	char text[4096];
	size_t len;
};

static void put(void *ctx, const void *bytes, size_t len)
{
	struct out *o = ctx;

	assert_true(len <= sizeof o->text - o->len);
	memcpy(o->text + o->len, bytes, len);
	o->len += len;
}

static void assert_out(const struct out *o, const char *want)
{
	assert_int_equal(o->len, strlen(want));
	assert_bytes(o->text, want, o->len);
}

/* Both versions of Go mean the same; the newer one's form is ours. */
static void string_is_written_as_go_does(void **state)
{
	const struct string_vector *v = *state;
	struct bytes in = unhex(v->bytes), want = unhex(v->json);
	struct derp_json_writer w;
	struct out o = { .len = 0 };

	derp_json_write(&w, put, &o);
	derp_json_str(&w, NULL, in.at, in.len);
	assert_int_equal(o.len, want.len);
	assert_memory_equal(o.text, want.at, want.len);
	free(in.at);
	free(want.at);
}

static void string_means_what_go_s_means(void **state)
{
	const struct string_vector *v = *state;
	struct bytes in = unhex(v->bytes), js = unhex(v->json);
	struct derp_json_token t = { DERP_JSON_STRING, js.at + 1, js.len - 2 };
	struct derp_json_writer w;
	struct out o = { .len = 0 };
	uint8_t a[1024], b[1024];
	size_t na, nb;

	derp_json_write(&w, put, &o);
	derp_json_str(&w, NULL, in.at, in.len);
	derp_json_decode(&t, a, sizeof a, &na);
	t.text = (uint8_t *)o.text + 1;
	t.len = o.len - 2;
	derp_json_decode(&t, b, sizeof b, &nb);
	assert_int_equal(na, nb);
	assert_bytes(a, b, na);
	free(in.at);
	free(js.at);
}

static void any_bytes_are_written_as_one_valid_string(void **state)
{
	uint32_t seed = 2;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint8_t bytes[24], twice[128];
		size_t len = draw(&seed) % sizeof bytes, n;
		struct derp_json_writer w;
		struct derp_json_token t;
		struct derp_json_reader r;
		struct out o = { .len = 0 }, again = { .len = 0 };
		uint8_t *in, *js;

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(draw(&seed) % 3 == 0
						     ? 0xc0 + draw(&seed) % 64
						     : draw(&seed));
		in = exact(bytes, len);
		derp_json_write(&w, put, &o);
		derp_json_str(&w, NULL, in, len);
		for (size_t k = 0; k < o.len; k++)
			assert_true((uint8_t)o.text[k] >= 0x20 &&
				    o.text[k] != 0x7f);
		js = exact(o.text, o.len);
		derp_json_read(&r, js, o.len);
		assert_int_equal(derp_json_next(&r, &t), 0);
		derp_json_decode(&t, twice, sizeof twice, &n);
		assert_true(n <= sizeof twice);
		derp_json_write(&w, put, &again);
		derp_json_str(&w, NULL, twice, n);
		assert_int_equal(again.len, o.len);
		assert_memory_equal(again.text, o.text, o.len);
		free(js);
		free(in);
	}
}

static void commas_stand_between_values_only(void **state)
{
	struct derp_json_writer w;
	struct out o = { .len = 0 };

	(void)state;
	derp_json_write(&w, put, &o);
	derp_json_open(&w, NULL, '{');
	derp_json_int64(&w, "a", 1);
	derp_json_open(&w, "b", '[');
	derp_json_close(&w, ']');
	derp_json_open(&w, "c", '[');
	derp_json_bool(&w, NULL, true);
	derp_json_bool(&w, NULL, false);
	derp_json_null(&w, NULL);
	derp_json_open(&w, NULL, '{');
	derp_json_close(&w, '}');
	derp_json_str(&w, NULL, "x", 1);
	derp_json_close(&w, ']');
	derp_json_null(&w, "d");
	derp_json_hex(&w, "e", "nodekey:", (const uint8_t *)"\x00\xff\x5a", 3);
	derp_json_hex(&w, "f", NULL, NULL, 0);
	derp_json_bool(&w, "q\"", true);
	derp_json_close(&w, '}');
	assert_out(&o, "{\"a\":1,\"b\":[],\"c\":[true,false,null,{},\"x\"],"
		       "\"d\":null,\"e\":\"nodekey:00ff5a\",\"f\":\"\","
		       "\"q\\\"\":true}");
	assert_true(yajl_says((uint8_t *)o.text, o.len));
	/* A new text begins without a comma. */
	o.len = 0;
	derp_json_write(&w, put, &o);
	derp_json_null(&w, NULL);
	assert_out(&o, "null");
}

static void integers_are_written_in_full(void **state)
{
	static const struct {
		int64_t v;
		const char *text;
	} all[] = { { 0, "0" },
		    { 9, "9" },
		    { 10, "10" },
		    { -1, "-1" },
		    { -10, "-10" },
		    { INT64_MAX, "9223372036854775807" },
		    { INT64_MIN, "-9223372036854775808" } };

	(void)state;
	for (size_t i = 0; i < NUM(all); i++) {
		struct derp_json_writer w;
		struct out o = { .len = 0 };

		derp_json_write(&w, put, &o);
		derp_json_int64(&w, NULL, all[i].v);
		assert_out(&o, all[i].text);
	}
}

static void unsigned_integers_are_written_in_full(void **state)
{
	static const struct {
		uint64_t v;
		const char *text;
	} all[] = { { 0, "0" },
		    { 9, "9" },
		    { 10, "10" },
		    { (uint64_t)INT64_MAX + 1, "9223372036854775808" },
		    { UINT64_MAX, "18446744073709551615" } };

	(void)state;
	for (size_t i = 0; i < NUM(all); i++) {
		struct derp_json_writer w;
		struct out o = { .len = 0 };

		derp_json_write(&w, put, &o);
		derp_json_uint64(&w, NULL, all[i].v);
		assert_out(&o, all[i].text);
	}
}

static void del_is_escaped_though_go_does_not(void **state)
{
	struct derp_json_writer w;
	struct out o = { .len = 0 };

	(void)state;
	derp_json_write(&w, put, &o);
	derp_json_str(&w, NULL, "\x7f", 1);
	assert_out(&o, "\"\\u007f\"");
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(texts_1_102_5); i++)
		add_of(&s, "1.102.5", texts_1_102_5[i].pre,
		       text_is_json_where_go_says_so, &texts_1_102_5[i]);
	for (size_t i = 0; i < NUM(texts_1_104_5); i++)
		add_of(&s, "1.104.5", texts_1_104_5[i].pre,
		       text_is_json_where_go_says_so, &texts_1_104_5[i]);
	ADD(&s, yajl_agrees_on_texts_with_faults);
	ADD(&s, tokens_come_in_order_with_their_text);
	ADD(&s, skip_passes_one_value);
	ADD(&s, an_empty_text_is_none);
	ADD(&s, brackets_match_at_every_level);
	for (size_t i = 0; i < NUM(numbers); i++)
		add(&s, numbers[i].name, number_fits_or_is_refused,
		    &numbers[i]);
	for (size_t i = 0; i < NUM(names); i++)
		add(&s, names[i].key, key_is_or_is_not_the_name, &names[i]);
	ADD(&s, decode_gives_what_fits_and_the_whole_length);
	for (size_t i = 0; i < NUM(strings_1_104_5); i++)
		add_of(&s, "1.104.5", strings_1_104_5[i].bytes,
		       string_is_written_as_go_does, &strings_1_104_5[i]);
	for (size_t i = 0; i < NUM(strings_1_102_5); i++)
		add_of(&s, "1.102.5", strings_1_102_5[i].bytes,
		       string_means_what_go_s_means, &strings_1_102_5[i]);
	ADD(&s, any_bytes_are_written_as_one_valid_string);
	ADD(&s, commas_stand_between_values_only);
	ADD(&s, integers_are_written_in_full);
	ADD(&s, unsigned_integers_are_written_in_full);
	ADD(&s, del_is_escaped_though_go_does_not);
	return run("json", &s);
}
