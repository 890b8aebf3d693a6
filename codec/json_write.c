/*
 * json_write.c - JSON, member by member, into a sink.
 *
 * One bit of memory is enough: whether a comma is due before the next value.
 */
#include "derp_json.h"
#include "utf8.h"

static const char digits[] = "0123456789abcdef";

void derp_json_write(struct derp_json_writer *w,
		     void (*put)(void *, const void *, size_t), void *ctx)
{
	w->put = put;
	w->ctx = ctx;
	w->comma = false;
}

static void put_char(struct derp_json_writer *w, char c)
{
	w->put(w->ctx, &c, 1);
}

static void put_text(struct derp_json_writer *w, const char *text)
{
	size_t len = 0;

	while (text[len] != '\0')
		len++;
	w->put(w->ctx, text, len);
}

/* \u and four digits: enough for all that we escape. */
static void put_unit(struct derp_json_writer *w, uint32_t c)
{
	char unit[6] = { '\\', 'u' };

	for (int i = 5; i > 1; i--) {
		unit[i] = digits[c % 16];
		c /= 16;
	}
	w->put(w->ctx, unit, sizeof unit);
}

static bool is_plain(uint32_t c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' &&
	       c != '&' && c != 0x7f && c != 0x2028 && c != 0x2029;
}

static void put_escaped(struct derp_json_writer *w, uint32_t c)
{
	static const struct {
		char c, letter;
	} ones[] = { { '"', '"' },  { '\\', '\\' }, { '\b', 'b' },
		     { '\f', 'f' }, { '\n', 'n' },  { '\r', 'r' },
		     { '\t', 't' } };

	for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
		if (c == (uint32_t)ones[i].c) {
			put_char(w, '\\');
			put_char(w, ones[i].letter);
			return;
		}
	}
	put_unit(w, c);
}

static void put_string(struct derp_json_writer *w, const uint8_t *text,
		       size_t len)
{
	size_t plain = 0, i = 0;

	put_char(w, '"');
	while (i < len) {
		uint32_t used;
		uint32_t c = derp_utf8_get(text + i, len - i, &used);

		bool bad = c == UTF8_BAD && used == 1;

		if (bad || !is_plain(c)) {
			if (i > plain)
				w->put(w->ctx, text + plain, i - plain);
			if (bad)
				put_text(w, "\xef\xbf\xbd");
			else
				put_escaped(w, c);
			plain = i + used;
		}
		i += used;
	}
	if (i > plain)
		w->put(w->ctx, text + plain, i - plain);
	put_char(w, '"');
}

static void begin(struct derp_json_writer *w, const char *key)
{
	size_t len = 0;

	if (w->comma)
		put_char(w, ',');
	w->comma = true;
	if (key == NULL)
		return;
	while (key[len] != '\0')
		len++;
	put_string(w, (const uint8_t *)key, len);
	put_char(w, ':');
}

void derp_json_open(struct derp_json_writer *w, const char *key, char bracket)
{
	begin(w, key);
	put_char(w, bracket);
	w->comma = false;
}

void derp_json_close(struct derp_json_writer *w, char bracket)
{
	put_char(w, bracket);
	w->comma = true;
}

void derp_json_str(struct derp_json_writer *w, const char *key,
		   const void *text, size_t len)
{
	begin(w, key);
	put_string(w, text, len);
}

void derp_json_int64(struct derp_json_writer *w, const char *key, int64_t v)
{
	char text[24];
	size_t i = sizeof text;
	/* Below zero, where there is one more. */
	int64_t left = v < 0 ? v : -v;

	text[--i] = '\0';
	do {
		text[--i] = digits[-(left % 10)];
		left /= 10;
	} while (left != 0);
	if (v < 0)
		text[--i] = '-';
	begin(w, key);
	put_text(w, text + i);
}

void derp_json_uint64(struct derp_json_writer *w, const char *key, uint64_t v)
{
	char text[24];
	size_t i = sizeof text;

	text[--i] = '\0';
	do {
		text[--i] = digits[v % 10];
		v /= 10;
	} while (v != 0);
	begin(w, key);
	put_text(w, text + i);
}

void derp_json_bool(struct derp_json_writer *w, const char *key, bool v)
{
	begin(w, key);
	put_text(w, v ? "true" : "false");
}

void derp_json_null(struct derp_json_writer *w, const char *key)
{
	begin(w, key);
	put_text(w, "null");
}

void derp_json_hex(struct derp_json_writer *w, const char *key,
		   const char *prefix, const uint8_t *bytes, size_t len)
{
	begin(w, key);
	put_char(w, '"');
	if (prefix != NULL)
		put_text(w, prefix);
	while (len > 0) {
		uint8_t text[128];
		size_t n = len < sizeof text / 2 ? len : sizeof text / 2;

		for (size_t i = 0; i < n; i++) {
			text[2 * i] = (uint8_t)digits[bytes[i] / 16];
			text[2 * i + 1] = (uint8_t)digits[bytes[i] % 16];
		}
		w->put(w->ctx, text, 2 * n);
		bytes += n;
		len -= n;
	}
	put_char(w, '"');
}
