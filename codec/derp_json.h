/*
 * derp_json.h - JSON, read and written in bounded memory.
 *
 * The reader walks a text that is whole in memory and accepts what Go's
 * encoding/json accepts, nothing more: at most DERP_JSON_DEPTH levels, no
 * byte order mark, no trailing data, invalid UTF-8 tolerated inside strings.
 * The writer puts members one after the other into a sink; it never builds a
 * tree.  Every tool of derpkit writes its JSON with it.  Contract: derp.h.
 */
#ifndef DERP_JSON_H
#define DERP_JSON_H

#include <stdbool.h>

#include "derp.h"

#define DERP_JSON_DEPTH 10000 /* as Go */

enum derp_json_kind {
	DERP_JSON_END, /* the value is over and nothing follows it */
	DERP_JSON_OBJECT,
	DERP_JSON_OBJECT_END,
	DERP_JSON_ARRAY,
	DERP_JSON_ARRAY_END,
	DERP_JSON_KEY, /* raw text without the quotes, like STRING */
	DERP_JSON_STRING,
	DERP_JSON_NUMBER, /* raw text */
	DERP_JSON_TRUE,
	DERP_JSON_FALSE,
	DERP_JSON_NULL,
};

struct derp_json_token {
	enum derp_json_kind kind;
	const uint8_t *text; /* borrowed */
	size_t len;
};

/* Private.  About 1.3 KiB: one bit a level. */
struct derp_json_reader {
	const uint8_t *at, *end;
	uint32_t depth, state;
	uint8_t is_object[DERP_JSON_DEPTH / 8 + 1];
};

void derp_json_read(struct derp_json_reader *r, const uint8_t *js, size_t len);

/* 0 and the next token, or DERP_E_JSON, which repeats. */
int derp_json_next(struct derp_json_reader *r, struct derp_json_token *t);

/* Skip the value that begins with token t (which next() just gave), or, if t
 * is a KEY, the value that follows it. */
int derp_json_skip(struct derp_json_reader *r, const struct derp_json_token *t);

/* Decode the escapes of a KEY or STRING into UTF-8: out gets at most cap
 * bytes, *n the whole length, which may be above cap.  Invalid UTF-8 and lone
 * surrogates become U+FFFD. */
void derp_json_decode(const struct derp_json_token *t, uint8_t *out, size_t cap,
		      size_t *n);

/* Is this KEY, decoded and folded as Go folds names, equal to name? */
bool derp_json_key_is(const struct derp_json_token *t, const char *name);

/* The integer of a NUMBER: DERP_E_VALUE if it has a fraction or an exponent,
 * or does not fit. */
int derp_json_int(const struct derp_json_token *t, int64_t *v);

/* ---- writing --------------------------------------------------------- */

/* put() takes the bytes of a text as they are made; what it does with an
 * error is its own affair. */
struct derp_json_writer {
	void (*put)(void *ctx, const void *bytes, size_t len);
	void *ctx;
	bool comma; /* private: a value came before in this level */
};

void derp_json_write(struct derp_json_writer *w,
		     void (*put)(void *, const void *, size_t), void *ctx);
/* key is NULL inside an array and at the top. */
void derp_json_open(struct derp_json_writer *w, const char *key, char bracket);
void derp_json_close(struct derp_json_writer *w, char bracket);
/* Text is written as valid UTF-8: what is not becomes U+FFFD.  Escaped: the
 * quote, the backslash, controls, DEL, U+2028 and U+2029; and < > & as Go
 * does. */
void derp_json_str(struct derp_json_writer *w, const char *key,
		   const void *text, size_t len);
void derp_json_int64(struct derp_json_writer *w, const char *key, int64_t v);
void derp_json_uint64(struct derp_json_writer *w, const char *key, uint64_t v);
void derp_json_bool(struct derp_json_writer *w, const char *key, bool v);
void derp_json_null(struct derp_json_writer *w, const char *key);
void derp_json_hex(struct derp_json_writer *w, const char *key,
		   const char *prefix, const uint8_t *bytes, size_t len);

#endif
