/*
 * value.h - values of a running case: computes the trees of scenario.h.
 *
 * An environment belongs to one running instance.  Byte values are computed
 * into a struct buf, which owns its memory; buf_free() it.  Functions return
 * false after they wrote a one-line reason into env->error.
 */
#ifndef VALUE_H
#define VALUE_H

#include "scenario.h"

struct buf {
	uint8_t *at;
	size_t len, cap;
};

void buf_free(struct buf *b); /* and make it empty */
/* Room for n more bytes; false: out of memory, or above the limit. */
bool buf_room(struct buf *b, size_t n);
bool buf_add(struct buf *b, const void *bytes, size_t n);
bool buf_str(struct buf *b, const char *text);

struct value {
	bool is_bytes;
	uint64_t num;
	struct buf bytes;
};

#define VALUE_KEY_LEN 32

struct value_env {
	const struct scenario_case *c;
	const char *name; /* of the instance; a part of the seed */
	uint64_t seed;
	uint32_t serial;                     /* random values drawn so far */
	uint8_t (*conn_keys)[VALUE_KEY_LEN]; /* public, by connection */
	const uint8_t *server_key;           /* NULL: not known yet */
	const uint8_t *mesh_key;             /* NULL: none */
	struct value vars[SCENARIO_VARS_MAX];
	char error[160];
	bool keyless; /* the error is that server_key was wanted */
};

/* Compute the values of the for-lines that this instance picked. */
bool value_begin(struct value_env *env, const struct scenario_instance *i);
void value_end(struct value_env *env);

bool value_num(struct value_env *env, const struct scenario_expr *e,
	       uint64_t *out);
bool value_bytes(struct value_env *env, const struct scenario_expr *e,
		 struct buf *out); /* appends */

void value_set_num(struct value_env *env, uint32_t var, uint64_t num);
bool value_set_bytes(struct value_env *env, uint32_t var, const void *bytes,
		     size_t len);

/* n bytes that depend on the seed, the two names and the number only. */
void seed_bytes(uint8_t *out, size_t n, uint64_t seed, const char *name,
		const char *what, uint64_t number);

#endif
