/*
 * http_field.c - the fields of a head that http_read.c has accepted.
 */
#include "derp_http.h"
#include "http_field.h"

static bool is_edge(uint8_t c)
{
	return http_is_blank(c) || c == '\r' || c == '\n';
}

static void trim(struct derp_text *t)
{
	while (t->len > 0 && is_edge(t->at[0])) {
		t->at++;
		t->len--;
	}
	while (t->len > 0 && is_edge(t->at[t->len - 1]))
		t->len--;
}

/* The field at *from, with the lines that go on with it; advances *from. */
static struct derp_text next_field(const struct derp_text *fields, size_t *from)
{
	struct derp_text field = { fields->at + *from, 0 };
	size_t i = *from;

	while (i < fields->len) {
		if (fields->at[i] == '\n' &&
		    (i + 1 == fields->len || !http_is_blank(fields->at[i + 1])))
			break;
		i++;
	}
	if (i < fields->len)
		i++;
	field.len = i - *from;
	*from = i;
	return field;
}

static bool is_named(const struct derp_text *field, const char *name,
		     struct derp_text *value)
{
	size_t i = 0;

	while (name[i] != '\0') {
		if (i == field->len ||
		    http_lower(field->at[i]) != http_lower((uint8_t)name[i]))
			return false;
		i++;
	}
	if (i == field->len || field->at[i] != ':')
		return false;
	value->at = field->at + i + 1;
	value->len = field->len - i - 1;
	return true;
}

bool derp_http_field(const struct derp_http_head *h, const char *name,
		     struct derp_text *value, size_t *from)
{
	size_t at = from != NULL ? *from : 0;
	struct derp_text field, found;

	while (at < h->fields.len) {
		field = next_field(&h->fields, &at);
		if (is_named(&field, name, &found)) {
			trim(&found);
			*value = found;
			if (from != NULL)
				*from = at;
			return true;
		}
	}
	return false;
}

bool derp_text_is(const struct derp_text *t, const char *word)
{
	struct derp_text text = *t;
	size_t i = 0;

	trim(&text);
	while (i < text.len && word[i] != '\0' &&
	       http_lower(text.at[i]) == http_lower((uint8_t)word[i]))
		i++;
	return i == text.len && word[i] == '\0';
}
