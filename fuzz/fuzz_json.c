/*
 * fuzz_json.c - JSON: the reader against yajl, the writer against the reader.
 *
 *   input:  text
 *
 * Oracles: yajl accepts what we accept, and sees the same kinds and numbers.
 * A decoded string is what a slow model makes of it, for every capacity.  What
 * we write of what we read, we read again as the same, and it holds no
 * control bytes.  Skipping a value ends where reading it ends.
 */
#include <yajl/yajl_parse.h>

#include "derp_json.h"
#include "fuzz.h"

/* ---- yajl's view ------------------------------------------------------- */

/* One letter for each value, and the numbers as they are. */
static int tell(void *ctx, char kind)
{
	fuzz_put(ctx, &kind, 1);
	return 1;
}
static int on_null(void *ctx)
{
	return tell(ctx, 'n');
}
static int on_bool(void *ctx, int v)
{
	return tell(ctx, v ? 't' : 'f');
}
static int on_number(void *ctx, const char *text, size_t len)
{
	fuzz_put(ctx, text, len);
	return tell(ctx, '#');
}
static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	(void)text;
	(void)len;
	return tell(ctx, 's');
}
static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	(void)text;
	(void)len;
	return tell(ctx, 'k');
}
static int on_object(void *ctx)
{
	return tell(ctx, '{');
}
static int on_object_end(void *ctx)
{
	return tell(ctx, '}');
}
static int on_array(void *ctx)
{
	return tell(ctx, '[');
}
static int on_array_end(void *ctx)
{
	return tell(ctx, ']');
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_array_end,
};

static bool yajl_view(struct fuzz_bytes *story, const uint8_t *js, size_t len)
{
	yajl_handle h = yajl_alloc(&callbacks, NULL, story);
	bool good;

	fuzz_check(h != NULL);
	yajl_config(h, yajl_dont_validate_strings, 1);
	/* Without a line end it does not see a token that is cut behind the
	 * value. */
	good = yajl_parse(h, js, len) == yajl_status_ok &&
	       yajl_parse(h, (const uint8_t *)"\n", 1) == yajl_status_ok &&
	       yajl_complete_parse(h) == yajl_status_ok;
	yajl_free(h);
	return good;
}

/* ---- ours -------------------------------------------------------------- */

/* Bytes of the character at p and what it is; 0: there is none. */
static size_t character(const uint8_t *p, size_t len, uint32_t *c)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t min;
	} forms[] = { { 0x80, 0, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	size_t n = 0;

	while (n < 4 && (p[0] & forms[n].mask) != forms[n].lead)
		n++;
	if (n == 4 || n >= len)
		return 0;
	*c = p[0] & (uint8_t)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < forms[n].min || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return n + 1;
}

/* \uXXXX at the beginning of a text; UINT32_MAX: something else. */
static uint32_t unit(const char *p)
{
	char hex[5] = "";

	if (p[0] != '\\' || p[1] != 'u')
		return UINT32_MAX;
	memcpy(hex, p + 2, 4);
	return (uint32_t)strtoul(hex, NULL, 16);
}

/* The model of decoding: one character of p, which a NUL ends.  Returns the
 * bytes that it took. */
static size_t escaped(const char *p, size_t len, uint32_t *c)
{
	static const char letters[] = "bfnrt\"\\/", stand[] = "\b\f\n\r\t\"\\/";
	uint32_t low;
	size_t n;

	if (p[0] != '\\') {
		n = character((const uint8_t *)p, len, c);
		if (n == 0)
			*c = 0xfffd;
		return n == 0 ? 1 : n;
	}
	*c = unit(p);
	if (*c == UINT32_MAX) {
		*c = (uint32_t)stand[strchr(letters, p[1]) - letters];
		return 2;
	}
	if (*c < 0xd800 || *c > 0xdfff)
		return 6;
	low = unit(p + 6);
	if (*c > 0xdbff || low < 0xdc00 || low > 0xdfff) {
		*c = 0xfffd;
		return 6;
	}
	*c = 0x10000 + ((*c & 0x3ff) << 10 | (low & 0x3ff));
	return 12;
}

static void check_decoded(const struct derp_json_token *t, const uint8_t *got,
			  size_t got_len)
{
	char *raw = malloc(t->len + 1);

	fuzz_check(raw != NULL);
	memcpy(raw, t->text, t->len);
	raw[t->len] = '\0';
	for (size_t at = 0; at < t->len;) {
		uint32_t want, have = UINT32_MAX;
		size_t n;

		at += escaped(raw + at, t->len - at, &want);
		fuzz_check(got_len > 0);
		n = character(got, got_len, &have);
		fuzz_check(n > 0 && have == want);
		got += n;
		got_len -= n;
	}
	fuzz_check(got_len == 0);
	free(raw);
}

/* An exact heap block; free() it. */
static uint8_t *decode(const struct derp_json_token *t, size_t *len)
{
	size_t n, half;
	uint8_t *whole, *part;

	derp_json_decode(t, NULL, 0, &n);
	fuzz_check(n <= 3 * t->len);
	whole = malloc(n ? n : 1);
	part = malloc(n / 2 + 1);
	fuzz_check(whole != NULL && part != NULL);
	derp_json_decode(t, whole, n, len);
	fuzz_check(*len == n);
	check_decoded(t, whole, n);
	derp_json_decode(t, part, n / 2, &half);
	fuzz_check(half == n && memcmp(whole, part, n / 2) == 0);
	free(part);
	return whole;
}

static void check_token(const struct derp_json_token *t, const uint8_t *js,
			size_t len)
{
	fuzz_check(t->text >= js && t->text <= js + len);
	fuzz_check(t->len <= (size_t)(js + len - t->text));
}

static char letter(const struct derp_json_token *t)
{
	static const char letters[] = {
		[DERP_JSON_END] = '.',        [DERP_JSON_OBJECT] = '{',
		[DERP_JSON_OBJECT_END] = '}', [DERP_JSON_ARRAY] = '[',
		[DERP_JSON_ARRAY_END] = ']',  [DERP_JSON_KEY] = 'k',
		[DERP_JSON_STRING] = 's',     [DERP_JSON_NUMBER] = '#',
		[DERP_JSON_TRUE] = 't',       [DERP_JSON_FALSE] = 'f',
		[DERP_JSON_NULL] = 'n'
	};

	return letters[t->kind];
}

static int our_view(struct fuzz_bytes *story, const uint8_t *js, size_t len)
{
	struct derp_json_reader r;
	struct derp_json_token t;
	size_t num = 0;
	int err;

	derp_json_read(&r, js, len);
	while ((err = derp_json_next(&r, &t)) == 0 && t.kind != DERP_JSON_END) {
		fuzz_check(num++ < len);
		check_token(&t, js, len);
		if (t.kind == DERP_JSON_NUMBER)
			fuzz_put(story, t.text, t.len);
		tell(story, letter(&t));
		if (t.kind == DERP_JSON_KEY || t.kind == DERP_JSON_STRING) {
			size_t n;

			free(decode(&t, &n));
		}
	}
	fuzz_check(derp_json_next(&r, &t) == err);
	return err;
}

/* yajl takes VT and FF for blanks and knows no depth that is too deep. */
static bool comparable(const struct fuzz_bytes *story, const uint8_t *js,
		       size_t len)
{
	size_t levels = 0;

	for (size_t i = 0; i < story->len; i++)
		levels += story->at[i] == '{' || story->at[i] == '[';
	return levels < DERP_JSON_DEPTH &&
	       (len == 0 || (memchr(js, '\v', len) == NULL &&
			     memchr(js, '\f', len) == NULL));
}

/* ---- written again ----------------------------------------------------- */

/* The writer has numbers up to 64 bits, and keys that we choose: so a number
 * may become null, and a key is written as a value. */
static void write_value(struct derp_json_writer *w, const char *key,
			const struct derp_json_token *t)
{
	uint8_t *text;
	int64_t v;
	size_t n;

	switch (t->kind) {
	case DERP_JSON_OBJECT:
	case DERP_JSON_ARRAY:
		derp_json_open(w, key, '[');
		break;
	case DERP_JSON_OBJECT_END:
	case DERP_JSON_ARRAY_END:
		derp_json_close(w, ']');
		break;
	case DERP_JSON_KEY:
	case DERP_JSON_STRING:
		text = decode(t, &n);
		derp_json_str(w, key, text, n);
		free(text);
		break;
	case DERP_JSON_NUMBER:
		if (derp_json_int(t, &v) == 0)
			derp_json_int64(w, key, v);
		else
			derp_json_null(w, key);
		break;
	case DERP_JSON_TRUE:
	case DERP_JSON_FALSE:
		derp_json_bool(w, key, t->kind == DERP_JSON_TRUE);
		break;
	case DERP_JSON_NULL:
	case DERP_JSON_END:
		derp_json_null(w, key);
		break;
	}
}

static void same_value(const struct derp_json_token *a,
		       const struct derp_json_token *b)
{
	uint8_t *one, *two;
	size_t n, m;
	int64_t v, w;

	switch (a->kind) {
	case DERP_JSON_KEY:
	case DERP_JSON_STRING:
		fuzz_check(b->kind == DERP_JSON_STRING);
		one = decode(a, &n);
		two = decode(b, &m);
		fuzz_check(n == m && memcmp(one, two, n) == 0);
		free(one);
		free(two);
		break;
	case DERP_JSON_NUMBER:
		if (derp_json_int(a, &v) != 0)
			fuzz_check(b->kind == DERP_JSON_NULL);
		else
			fuzz_check(b->kind == DERP_JSON_NUMBER &&
				   derp_json_int(b, &w) == 0 && v == w);
		break;
	case DERP_JSON_OBJECT:
		fuzz_check(b->kind == DERP_JSON_ARRAY);
		break;
	case DERP_JSON_OBJECT_END:
		fuzz_check(b->kind == DERP_JSON_ARRAY_END);
		break;
	default:
		fuzz_check(a->kind == b->kind);
		break;
	}
}

static void write_again(const uint8_t *js, size_t len)
{
	struct fuzz_bytes out = { 0 };
	struct derp_json_reader r, again;
	struct derp_json_writer w;
	struct derp_json_token t, u;
	uint8_t *exact;

	derp_json_write(&w, fuzz_put, &out);
	derp_json_open(&w, NULL, '[');
	derp_json_read(&r, js, len);
	while (derp_json_next(&r, &t) == 0 && t.kind != DERP_JSON_END)
		write_value(&w, NULL, &t);
	derp_json_close(&w, ']');
	fuzz_check_printable(out.at, out.len);
	fuzz_check(memchr(out.at, '\n', out.len) == NULL);

	exact = fuzz_copy(out.at, out.len);
	derp_json_read(&r, js, len);
	derp_json_read(&again, exact, out.len);
	fuzz_check(derp_json_next(&again, &u) == 0);
	while (derp_json_next(&r, &t) == 0 && t.kind != DERP_JSON_END) {
		fuzz_check(derp_json_next(&again, &u) == 0);
		same_value(&t, &u);
	}
	fuzz_check(derp_json_next(&again, &u) == 0 &&
		   u.kind == DERP_JSON_ARRAY_END);
	fuzz_check(derp_json_next(&again, &u) == 0 && u.kind == DERP_JSON_END);
	free(exact);
	free(out.at);
}

/* ---- skipping ---------------------------------------------------------- */

/* The value that t began, or that follows the key t, read token by token. */
static void pass(struct derp_json_reader *r, struct derp_json_token t)
{
	size_t open = 0;

	if (t.kind == DERP_JSON_KEY)
		fuzz_check(derp_json_next(r, &t) == 0);
	for (;;) {
		open += t.kind == DERP_JSON_OBJECT || t.kind == DERP_JSON_ARRAY;
		open -= t.kind == DERP_JSON_OBJECT_END ||
			t.kind == DERP_JSON_ARRAY_END;
		if (open == 0)
			return;
		fuzz_check(derp_json_next(r, &t) == 0);
	}
}

static void check_skip(const uint8_t *js, size_t len)
{
	struct derp_json_reader r, skips;
	struct derp_json_token t;

	derp_json_read(&r, js, len);
	/* A few: each costs the length of its value. */
	for (int i = 0; i < 16; i++) {
		fuzz_check(derp_json_next(&r, &t) == 0);
		if (t.kind == DERP_JSON_END)
			return;
		if (t.kind == DERP_JSON_OBJECT_END ||
		    t.kind == DERP_JSON_ARRAY_END)
			continue;
		skips = r;
		fuzz_check(derp_json_skip(&skips, &t) == 0);
		if (i % 2 == 0) {
			struct derp_json_reader walks = r;

			pass(&walks, t);
			fuzz_check(walks.at == skips.at &&
				   walks.depth == skips.depth &&
				   walks.state == skips.state);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes ours = { 0 }, theirs = { 0 };
	uint8_t *js = fuzz_copy(data, size);
	bool good = our_view(&ours, js, size) == 0;
	bool yajl = yajl_view(&theirs, js, size);

	if (comparable(&theirs, js, size)) {
		fuzz_check(good == yajl);
		fuzz_check(!good || fuzz_equal(&ours, &theirs));
	}
	if (good) {
		/* One level more than ours may have. */
		if (comparable(&ours, js, size))
			write_again(js, size);
		check_skip(js, size);
	}
	free(ours.at);
	free(theirs.at);
	free(js);
	return 0;
}
