/*
 * json_read.c - one JSON text, token by token.
 *
 *   VALUE --- scalar ----------+--------------> AFTER     inside a level
 *     |                        |  +-----------> DONE      outside all
 *     |                        |  |
 *     +--- [ --> FIRST_VALUE --+  |  AFTER: , and a value or a key, or the
 *     |                        |  |         bracket that closes the level
 *     +--- { --> FIRST_KEY ----+--+  FIRST_x: the same, or nothing at all
 *
 * A key is read with its colon and leads to VALUE.
 *
 * What is accepted is what Go's encoding/json accepts, so that a text means
 * the same to both: see DERP-INFO-2 and -8.
 */
#include "derp_json.h"

enum state {
	STATE_VALUE,
	STATE_FIRST_VALUE,
	STATE_FIRST_KEY,
	STATE_AFTER,
	STATE_DONE,
	STATE_BAD,
};

static const uint8_t level_bit[8] = { 1, 2, 4, 8, 16, 32, 64, 128 };

static bool in_object(const struct derp_json_reader *r)
{
	uint32_t level = r->depth - 1;

	return (r->is_object[level / 8] & level_bit[level % 8]) != 0;
}

static void enter(struct derp_json_reader *r, bool object)
{
	uint32_t level = r->depth;
	uint32_t bit = level_bit[level % 8];
	uint32_t bits = r->is_object[level / 8];

	if (((bits & bit) != 0) != object)
		bits ^= bit;
	r->is_object[level / 8] = (uint8_t)bits;
	r->depth++;
}

void derp_json_read(struct derp_json_reader *r, const uint8_t *js, size_t len)
{
	r->at = js;
	r->end = len != 0 ? js + len : js;
	r->depth = 0;
	r->state = STATE_VALUE;
	for (size_t i = 0; i < sizeof r->is_object; i++)
		r->is_object[i] = 0;
}

/* The next byte, or -1: no byte of a text is negative. */
static int peek(const struct derp_json_reader *r)
{
	return r->at < r->end ? *r->at : -1;
}

static bool eat(struct derp_json_reader *r, int c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static void eat_blanks(struct derp_json_reader *r)
{
	while (eat(r, ' ') || eat(r, '\t') || eat(r, '\r') || eat(r, '\n'))
		;
}

static bool is_hex(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

/* Behind a backslash. */
static bool eat_escape(struct derp_json_reader *r)
{
	static const uint8_t one[] = {
		'"', '\\', '/', 'b', 'f', 'n', 'r', 't'
	};

	for (size_t i = 0; i < sizeof one; i++) {
		if (eat(r, one[i]))
			return true;
	}
	if (!eat(r, 'u'))
		return false;
	for (int i = 0; i < 4; i++) {
		if (!is_hex(peek(r)))
			return false;
		r->at++;
	}
	return true;
}

static bool eat_string(struct derp_json_reader *r, struct derp_json_token *t)
{
	if (!eat(r, '"'))
		return false;
	t->text = r->at;
	while (peek(r) >= 0x20 && peek(r) != '"') {
		if (!eat(r, '\\'))
			r->at++;
		else if (!eat_escape(r))
			return false;
	}
	t->len = (size_t)(r->at - t->text);
	return eat(r, '"');
}

static bool eat_digits(struct derp_json_reader *r)
{
	const uint8_t *from = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at > from;
}

static bool eat_number(struct derp_json_reader *r, struct derp_json_token *t)
{
	t->text = r->at;
	(void)eat(r, '-');
	if (!eat(r, '0') && !eat_digits(r))
		return false;
	if (eat(r, '.') && !eat_digits(r))
		return false;
	if (eat(r, 'e') || eat(r, 'E')) {
		if (!eat(r, '+'))
			(void)eat(r, '-');
		if (!eat_digits(r))
			return false;
	}
	t->len = (size_t)(r->at - t->text);
	return true;
}

static bool eat_word(struct derp_json_reader *r, struct derp_json_token *t,
		     enum derp_json_kind kind, const char *word)
{
	t->kind = kind;
	t->text = r->at;
	for (; *word != '\0'; word++) {
		if (!eat(r, *word))
			return false;
	}
	t->len = (size_t)(r->at - t->text);
	return true;
}

static bool eat_scalar(struct derp_json_reader *r, struct derp_json_token *t)
{
	r->state = r->depth == 0 ? STATE_DONE : STATE_AFTER;
	switch (peek(r)) {
	case '"':
		t->kind = DERP_JSON_STRING;
		return eat_string(r, t);
	case 't':
		return eat_word(r, t, DERP_JSON_TRUE, "true");
	case 'f':
		return eat_word(r, t, DERP_JSON_FALSE, "false");
	case 'n':
		return eat_word(r, t, DERP_JSON_NULL, "null");
	default:
		t->kind = DERP_JSON_NUMBER;
		return eat_number(r, t);
	}
}

static bool open_level(struct derp_json_reader *r, struct derp_json_token *t,
		       bool object)
{
	if (r->depth == DERP_JSON_DEPTH)
		return false;
	enter(r, object);
	r->state = object ? STATE_FIRST_KEY : STATE_FIRST_VALUE;
	t->kind = object ? DERP_JSON_OBJECT : DERP_JSON_ARRAY;
	t->text = r->at - 1;
	t->len = 1;
	return true;
}

static bool close_level(struct derp_json_reader *r, struct derp_json_token *t,
			bool object)
{
	r->depth--;
	r->state = r->depth == 0 ? STATE_DONE : STATE_AFTER;
	t->kind = object ? DERP_JSON_OBJECT_END : DERP_JSON_ARRAY_END;
	t->text = r->at - 1;
	t->len = 1;
	return true;
}

static bool read_value(struct derp_json_reader *r, struct derp_json_token *t)
{
	if (eat(r, '{'))
		return open_level(r, t, true);
	if (eat(r, '['))
		return open_level(r, t, false);
	return eat_scalar(r, t);
}

static bool read_key(struct derp_json_reader *r, struct derp_json_token *t)
{
	t->kind = DERP_JSON_KEY;
	if (!eat_string(r, t))
		return false;
	eat_blanks(r);
	r->state = STATE_VALUE;
	return eat(r, ':');
}

static bool read_after(struct derp_json_reader *r, struct derp_json_token *t)
{
	bool object = in_object(r);

	if (eat(r, object ? '}' : ']'))
		return close_level(r, t, object);
	if (!eat(r, ','))
		return false;
	eat_blanks(r);
	return object ? read_key(r, t) : read_value(r, t);
}

static bool read_end(struct derp_json_reader *r, struct derp_json_token *t)
{
	t->kind = DERP_JSON_END;
	t->text = r->end;
	t->len = 0;
	return peek(r) == -1;
}

static bool read_token(struct derp_json_reader *r, struct derp_json_token *t)
{
	switch ((enum state)r->state) {
	case STATE_VALUE:
		return read_value(r, t);
	case STATE_FIRST_VALUE:
		return eat(r, ']') ? close_level(r, t, false)
				   : read_value(r, t);
	case STATE_FIRST_KEY:
		return eat(r, '}') ? close_level(r, t, true) : read_key(r, t);
	case STATE_AFTER:
		return read_after(r, t);
	case STATE_DONE:
		return read_end(r, t);
	case STATE_BAD:
		break;
	}
	return false;
}

int derp_json_next(struct derp_json_reader *r, struct derp_json_token *t)
{
	struct derp_json_token made = { DERP_JSON_END, NULL, 0 };

	eat_blanks(r);
	if (!read_token(r, &made)) {
		r->state = STATE_BAD;
		return DERP_E_JSON;
	}
	*t = made;
	return 0;
}

int derp_json_skip(struct derp_json_reader *r, const struct derp_json_token *t)
{
	struct derp_json_token in = *t;
	uint32_t outside;
	int err = 0;

	if (in.kind == DERP_JSON_KEY)
		err = derp_json_next(r, &in);
	if (err != 0 ||
	    (in.kind != DERP_JSON_OBJECT && in.kind != DERP_JSON_ARRAY))
		return err;
	outside = r->depth - 1;
	while (err == 0 && r->depth > outside)
		err = derp_json_next(r, &in);
	return err;
}

int derp_json_int(const struct derp_json_token *t, int64_t *v)
{
	/* Built below zero, where there is one more. */
	const int64_t lowest = INT64_MIN;
	bool minus = t->len > 0 && t->text[0] == '-';
	int64_t made = 0;

	for (size_t i = minus ? 1 : 0; i < t->len; i++) {
		int64_t digit = t->text[i] - '0';

		if (digit < 0 || digit > 9 || made < (lowest + digit) / 10)
			return DERP_E_VALUE;
		made = made * 10 - digit;
	}
	if (!minus && made == lowest)
		return DERP_E_VALUE;
	*v = minus ? made : -made;
	return 0;
}
