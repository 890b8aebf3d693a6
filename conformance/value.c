/*
 * value.c - computes numbers and bytes of a running case.
 *
 * Sizes come from scenario files, which may be written by strangers: every
 * growth goes through buf_room(), which refuses more than one value may have.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

/* ---- buffers --------------------------------------------------------- */

#define BUF_MAX (2u * SCENARIO_BYTES_MAX)

void buf_free(struct buf *b)
{
	free(b->at);
	memset(b, 0, sizeof(*b));
}

bool buf_room(struct buf *b, size_t n)
{
	size_t cap;
	uint8_t *at;

	if (n > BUF_MAX || b->len > BUF_MAX - n)
		return false;
	if (b->at && b->cap - b->len >= n)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap - b->len < n)
		cap *= 2;
	at = realloc(b->at, cap);
	if (at == NULL)
		return false;
	b->at = at;
	b->cap = cap;
	return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!buf_room(b, n))
		return false;
	if (n)
		memcpy(b->at + b->len, bytes, n);
	b->len += n;
	return true;
}

bool buf_str(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

/* ---- random ---------------------------------------------------------- */

_Static_assert(crypto_generichash_BYTES_MIN <= randombytes_SEEDBYTES &&
		       randombytes_SEEDBYTES <= crypto_generichash_BYTES_MAX,
	       "a hash makes a seed");

void seed_bytes(uint8_t *out, size_t n, uint64_t seed, const char *name,
		const char *what, uint64_t number)
{
	uint8_t key[randombytes_SEEDBYTES];
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof(key));
	crypto_generichash_update(&h, (const uint8_t *)&seed, sizeof(seed));
	crypto_generichash_update(&h, (const uint8_t *)name, strlen(name) + 1);
	crypto_generichash_update(&h, (const uint8_t *)what, strlen(what) + 1);
	crypto_generichash_update(&h, (const uint8_t *)&number, sizeof(number));
	crypto_generichash_final(&h, key, sizeof(key));
	randombytes_buf_deterministic(out, n, key);
}

/* ---- variables ------------------------------------------------------- */

static bool fail(struct value_env *env, const struct scenario_expr *e,
		 const char *why)
{
	snprintf(env->error, sizeof(env->error), "%s (line %u, column %u)", why,
		 e->pos.line, e->pos.col);
	return false;
}

void value_set_num(struct value_env *env, uint32_t var, uint64_t num)
{
	env->vars[var].is_bytes = false;
	env->vars[var].num = num;
}

bool value_set_bytes(struct value_env *env, uint32_t var, const void *bytes,
		     size_t len)
{
	struct value *v = &env->vars[var];

	v->is_bytes = true;
	v->bytes.len = 0;
	return buf_add(&v->bytes, bytes, len);
}

bool value_begin(struct value_env *env, const struct scenario_instance *i)
{
	const struct scenario_for *f;
	const struct scenario_expr *e;
	struct value *v;

	env->c = i->of;
	env->name = i->name;
	for (uint32_t k = 0; k < i->of->num_fors; k++) {
		f = &i->of->fors[k];
		e = f->value[i->pick[k]];
		v = &env->vars[f->var];
		v->is_bytes = i->of->vars[f->var].is_bytes;
		if (v->is_bytes ? !value_bytes(env, e, &v->bytes)
				: !value_num(env, e, &v->num))
			return false;
	}
	return true;
}

void value_end(struct value_env *env)
{
	for (int i = 0; i < SCENARIO_VARS_MAX; i++)
		buf_free(&env->vars[i].bytes);
}

/* ---- numbers --------------------------------------------------------- */

static bool add(struct value_env *env, const struct scenario_expr *e,
		uint64_t *total, uint64_t v)
{
	if (e->minus) {
		if (v > *total)
			return fail(env, e, "the number is below 0");
		*total -= v;
	} else {
		if (v > UINT64_MAX - *total)
			return fail(env, e, "the number is too large");
		*total += v;
	}
	return true;
}

bool value_num(struct value_env *env, const struct scenario_expr *e,
	       uint64_t *out)
{
	uint64_t total = 0, v;

	switch (e->kind) {
	case EXPR_NUM:
		*out = e->num;
		return true;
	case EXPR_NUM_VAR:
		*out = env->vars[e->var].num;
		return true;
	case EXPR_SUM:
		for (const struct scenario_expr *t = e->a; t; t = t->next)
			if (!value_num(env, t, &v) || !add(env, t, &total, v))
				return false;
		*out = total;
		return true;
	default:
		return fail(env, e, "a number is wanted");
	}
}

/* ---- bytes ----------------------------------------------------------- */

static bool full(struct value_env *env, const struct scenario_expr *e)
{
	return fail(env, e, "the value has too many bytes");
}

/* A length, and room for it. */
static bool size(struct value_env *env, const struct scenario_expr *e,
		 struct buf *out, size_t *n)
{
	uint64_t v;

	if (!value_num(env, e, &v))
		return false;
	if (v > SCENARIO_BYTES_MAX || !buf_room(out, (size_t)v))
		return full(env, e);
	*n = (size_t)v;
	return true;
}

static bool fill(struct value_env *env, const struct scenario_expr *e,
		 struct buf *out)
{
	uint64_t byte;
	size_t n;

	if (!value_num(env, e->a, &byte) || !size(env, e->b, out, &n))
		return false;
	if (byte > 0xff)
		return fail(env, e->a, "a byte is at most 0xff");
	memset(out->at + out->len, (int)byte, n);
	out->len += n;
	return true;
}

static bool count(struct value_env *env, const struct scenario_expr *e,
		  struct buf *out)
{
	size_t n;

	if (!size(env, e->b, out, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		out->at[out->len++] = (uint8_t)i;
	return true;
}

static bool random_bytes(struct value_env *env, const struct scenario_expr *e,
			 struct buf *out)
{
	size_t n;

	if (!size(env, e->b, out, &n))
		return false;
	seed_bytes(out->at + out->len, n, env->seed, env->name, "random",
		   env->serial++);
	out->len += n;
	return true;
}

/* What servers take for a disco packet: magic, then anything. */
static bool disco(struct value_env *env, const struct scenario_expr *e,
		  struct buf *out)
{
	static const uint8_t magic[6] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };
	size_t n;

	if (!size(env, e->b, out, &n))
		return false;
	if (n < sizeof(magic))
		return fail(env, e->b, "disco has at least 6 bytes");
	memset(out->at + out->len, 0xdd, n);
	memcpy(out->at + out->len, magic, sizeof(magic));
	out->len += n;
	return true;
}

static bool uint_bytes(struct value_env *env, const struct scenario_expr *e,
		       struct buf *out)
{
	uint64_t v;

	if (!value_num(env, e->a, &v))
		return false;
	if (v >> (8 * e->num) != 0)
		return fail(env, e->a, "the number does not fit");
	if (!buf_room(out, e->num))
		return full(env, e);
	for (size_t i = e->num; i-- > 0;)
		out->at[out->len++] = (uint8_t)(v >> (8 * i));
	return true;
}

static bool hex(struct value_env *env, const struct scenario_expr *e,
		struct buf *out)
{
	static const char digits[] = "0123456789abcdef";
	struct buf in = { 0 };
	bool good = value_bytes(env, e->a, &in);

	if (good && !buf_room(out, 2 * in.len))
		good = full(env, e);
	for (size_t i = 0; good && i < in.len; i++) {
		out->at[out->len++] = (uint8_t)digits[in.at[i] >> 4];
		out->at[out->len++] = (uint8_t)digits[in.at[i] & 15];
	}
	buf_free(&in);
	return good;
}

static bool slice(struct value_env *env, const struct scenario_expr *e,
		  struct buf *out)
{
	struct buf in = { 0 };
	uint64_t from = 0, to;
	bool good = value_bytes(env, e->a, &in) && value_num(env, e->b, &from);

	to = in.len;
	good = good && (e->c == NULL || value_num(env, e->c, &to));
	if (good && (to > in.len || from > to))
		good = fail(env, e, "[from:to] is outside of the value");
	if (good &&
	    !buf_add(out, in.at ? in.at + from : NULL, (size_t)(to - from)))
		good = full(env, e);
	buf_free(&in);
	return good;
}

static bool repeat(struct value_env *env, const struct scenario_expr *e,
		   struct buf *out)
{
	struct buf in = { 0 };
	uint64_t n = 0;
	bool good = value_bytes(env, e->a, &in) && value_num(env, e->b, &n);

	if (good && in.len && n > SCENARIO_BYTES_MAX / in.len)
		good = full(env, e);
	for (uint64_t i = 0; good && in.len && i < n; i++)
		good = buf_add(out, in.at, in.len) || full(env, e);
	buf_free(&in);
	return good;
}

static bool key(struct value_env *env, const struct scenario_expr *e,
		struct buf *out, const uint8_t *k, const char *missing)
{
	if (k == NULL)
		return fail(env, e, missing);
	return buf_add(out, k, VALUE_KEY_LEN) || full(env, e);
}

static bool concat(struct value_env *env, const struct scenario_expr *e,
		   struct buf *out)
{
	for (e = e->a; e; e = e->next)
		if (!value_bytes(env, e, out))
			return false;
	return true;
}

static bool compute(struct value_env *env, const struct scenario_expr *e,
		    struct buf *out)
{
	switch (e->kind) {
	case EXPR_TEXT:
		return buf_add(out, e->text, e->len) || full(env, e);
	case EXPR_FILL:
		return fill(env, e, out);
	case EXPR_COUNT:
		return count(env, e, out);
	case EXPR_RANDOM:
		return random_bytes(env, e, out);
	case EXPR_DISCO:
		return disco(env, e, out);
	case EXPR_UINT:
		return uint_bytes(env, e, out);
	case EXPR_HEX:
		return hex(env, e, out);
	case EXPR_BYTES_VAR:
		return buf_add(out, env->vars[e->var].bytes.at,
			       env->vars[e->var].bytes.len) ||
		       full(env, e);
	case EXPR_CONN_KEY:
		return key(env, e, out, env->conn_keys[e->num], "");
	case EXPR_SERVER_KEY:
		env->keyless |= env->server_key == NULL;
		return key(env, e, out, env->server_key,
			   "the server's key is not known yet");
	case EXPR_MESH_KEY:
		return key(env, e, out, env->mesh_key, "there is no mesh key");
	case EXPR_SLICE:
		return slice(env, e, out);
	case EXPR_REPEAT:
		return repeat(env, e, out);
	case EXPR_CONCAT:
		return concat(env, e, out);
	case EXPR_NUM:
	case EXPR_NUM_VAR:
	case EXPR_SUM:
		break;
	}
	return fail(env, e, "bytes are wanted");
}

bool value_bytes(struct value_env *env, const struct scenario_expr *e,
		 struct buf *out)
{
	return compute(env, e, out) &&
	       (out->len <= SCENARIO_BYTES_MAX || full(env, e));
}
