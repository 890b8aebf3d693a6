/*
 * json_text.c - what the strings of a JSON text say.
 *
 * next() turns the raw text of a token into characters, escapes undone; the
 * token came from derp_json_next(), so its escapes are whole.
 */
#include "derp_json.h"
#include "utf8.h"

struct chars {
	const uint8_t *at;
	size_t left;
};

static uint32_t hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - (uint32_t)'0';
	if (c >= 'a' && c <= 'f')
		return c - (uint32_t)'a' + 10;
	return c - (uint32_t)'A' + 10;
}

static void pass(struct chars *s, uint32_t n)
{
	s->at += n;
	s->left -= n;
}

/* The \uXXXX at s, or 0, which pairs with nothing. */
static uint32_t peek_unit(const struct chars *s)
{
	uint32_t unit = 0;

	if (s->left < 6 || s->at[0] != '\\' || s->at[1] != 'u')
		return 0;
	for (uint32_t i = 2; i < 6; i++)
		unit = unit * 0x10 + hex_digit(s->at[i]);
	return unit;
}

static uint32_t next_unicode(struct chars *s)
{
	uint32_t high = peek_unit(s), low;

	pass(s, 6);
	if (high < 0xd800 || high >= 0xe000)
		return high;
	low = peek_unit(s);
	if (high >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
		return UTF8_BAD;
	pass(s, 6);
	return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
}

static uint32_t next_escape(struct chars *s)
{
	static const struct {
		uint8_t letter, c;
	} ones[] = { { 'b', '\b' },
		     { 'f', '\f' },
		     { 'n', '\n' },
		     { 'r', '\r' },
		     { 't', '\t' } };
	uint8_t letter = s->at[1];

	if (letter == 'u')
		return next_unicode(s);
	pass(s, 2);
	for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
		if (ones[i].letter == letter)
			return ones[i].c;
	}
	return letter;
}

static uint32_t next(struct chars *s)
{
	uint32_t used, c;

	if (s->at[0] == '\\')
		return next_escape(s);
	c = derp_utf8_get(s->at, s->left, &used);
	pass(s, used);
	return c;
}

void derp_json_decode(const struct derp_json_token *t, uint8_t *out, size_t cap,
		      size_t *n)
{
	struct chars s = { t->text, t->len };
	uint8_t bytes[UTF8_MAX];
	size_t len = 0;

	while (s.left > 0) {
		uint32_t num = derp_utf8_put(bytes, next(&s));

		for (uint32_t i = 0; i < num; i++) {
			if (len < cap)
				out[len] = bytes[i];
			len++;
		}
	}
	*n = len;
}

/* Case is dropped.  Two characters above ASCII fold to ASCII letters: the long
 * s and the Kelvin sign. */
static uint32_t fold(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 'a';
	if (c == 0x17f)
		return 's';
	if (c == 0x212a)
		return 'k';
	return c;
}

bool derp_json_key_is(const struct derp_json_token *t, const char *name)
{
	struct chars s = { t->text, t->len };

	for (; *name != '\0'; name++) {
		if (s.left == 0 || fold(next(&s)) != fold((uint8_t)*name))
			return false;
	}
	return s.left == 0;
}
