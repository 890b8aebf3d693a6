/*
 * compose.c - the bytes of a frame or request that a case sends.
 *
 * Nothing is checked here: a suite that could only send what is right would
 * test nothing.  Defaults are those of docs/scenario.md, section 4.
 */
#include <stdio.h>
#include <string.h>

#include "derp_box.h"
#include "derp_info.h"
#include "run.h"

const struct scenario_arg *arg_find(const struct scenario_arg *list,
				    enum scenario_arg_id id)
{
	while (list && list->id != id)
		list = list->next;
	return list;
}

static bool no_room(struct run *r)
{
	snprintf(r->env.error, sizeof(r->env.error), "out of memory");
	return false;
}

/* ---- fields ---------------------------------------------------------- */

struct maker {
	struct run *r;
	struct conn *c;
	const struct scenario_arg *args;
	struct buf *out;
};

static bool put(struct maker *m, const void *bytes, size_t n)
{
	return buf_add(m->out, bytes, n) || no_room(m->r);
}

static bool put_str(struct maker *m, const char *text)
{
	return put(m, text, strlen(text));
}

/* A byte argument, or its default. */
static bool put_bytes(struct maker *m, enum scenario_arg_id id,
		      const void *fallback, size_t len)
{
	const struct scenario_arg *a = arg_find(m->args, id);

	return a ? value_bytes(&m->r->env, a->expr, m->out)
		 : put(m, fallback, len);
}

static bool number(struct maker *m, enum scenario_arg_id id, uint64_t fallback,
		   uint64_t *out)
{
	const struct scenario_arg *a = arg_find(m->args, id);

	*out = fallback;
	if (a && !value_num(&m->r->env, a->expr, out))
		return false;
	if (a && *out > scenario_args[id].max) {
		snprintf(m->r->env.error, sizeof(m->r->env.error),
			 "line %u: %s is at most %llu", a->pos.line,
			 scenario_args[id].name,
			 (unsigned long long)scenario_args[id].max);
		return false;
	}
	return true;
}

static bool put_uint(struct maker *m, enum scenario_arg_id id,
		     uint64_t fallback, size_t bytes)
{
	uint8_t be[8];
	uint64_t v;

	if (!number(m, id, fallback, &v))
		return false;
	for (size_t i = 0; i < bytes; i++)
		be[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	return put(m, be, bytes);
}

static bool is_word(const struct scenario_arg *args, enum scenario_arg_id id,
		    const char *word)
{
	const struct scenario_arg *a = arg_find(args, id);

	return a && strcmp(a->word, word) == 0;
}

/* ---- ClientInfo ------------------------------------------------------ */

static void mesh_key(struct maker *m, struct derp_client_info *info)
{
	if (is_word(m->args, ARG_MESH, "wrong")) {
		info->has_mesh_key = true;
		memset(info->mesh_key, 0x5a, sizeof(info->mesh_key));
	} else if (is_word(m->args, ARG_MESH, "yes") && m->r->env.mesh_key) {
		info->has_mesh_key = true;
		memcpy(info->mesh_key, m->r->env.mesh_key, DERP_KEY_LEN);
	}
}

static bool app_name(struct maker *m, struct derp_client_info *info)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_APP);
	struct buf app = { 0 };
	bool good;

	if (a == NULL)
		return true;
	good = value_bytes(&m->r->env, a->expr, &app);
	if (good && app.len > DERP_APP_MAX) {
		snprintf(m->r->env.error, sizeof(m->r->env.error),
			 "line %u: an app of more than %d bytes: give json=",
			 a->pos.line, DERP_APP_MAX);
		good = false;
	}
	if (good && app.len)
		memcpy(info->app, app.at, app.len);
	info->app_len = app.len;
	info->app_ok = true;
	buf_free(&app);
	return good;
}

static bool info_text(struct maker *m, struct buf *text)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_JSON);
	struct derp_client_info info = { .version = 2, .can_ack_pings = true };

	if (a)
		return value_bytes(&m->r->env, a->expr, text);
	info.is_prober = is_word(m->args, ARG_PROBER, "yes");
	mesh_key(m, &info);
	if (!app_name(m, &info))
		return false;
	if (!buf_room(text, LOGIN_TEXT_MAX))
		return no_room(m->r);
	return derp_client_info_write(&info, text->at, text->cap, &text->len) ==
		       0 ||
	       no_room(m->r);
}

/* Nonce and box of a text, sealed for `to`. */
static bool seal(struct maker *m, const struct buf *text,
		 const uint8_t nonce[DERP_NONCE_LEN], const uint8_t *to,
		 struct buf *sealed)
{
	static const uint8_t nothing[1];
	size_t n = 0;
	int err;

	if (!buf_room(sealed, DERP_BOX_LEN(text->len)))
		return no_room(m->r);
	err = derp_seal(sealed->at, sealed->cap, &n,
			text->at ? text->at : nothing, text->len, nonce, to,
			m->r->priv[m->c->key_of]);
	if (err != 0) {
		/* No box exists for this key: something of its length. */
		n = DERP_BOX_LEN(text->len);
		seed_bytes(sealed->at, n, m->r->env.seed, m->r->env.name, "box",
			   m->r->env.serial++);
		memcpy(sealed->at, nonce, DERP_NONCE_LEN);
	}
	sealed->len = n;
	return true;
}

static bool box_for(struct maker *m, struct buf *to)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_TO);

	if (a == NULL && m->r->env.server_key == NULL) {
		snprintf(m->r->env.error, sizeof(m->r->env.error),
			 "the server's key is not known yet");
		return false;
	}
	if (a == NULL)
		return buf_add(to, m->r->env.server_key, DERP_KEY_LEN) ||
		       no_room(m->r);
	if (!value_bytes(&m->r->env, a->expr, to))
		return false;
	if (to->len != DERP_KEY_LEN) {
		snprintf(m->r->env.error, sizeof(m->r->env.error),
			 "line %u: to= has 32 bytes", a->pos.line);
		return false;
	}
	return true;
}

static bool client_info_parts(struct maker *m, struct buf *text,
			      struct buf *sealed, struct buf *to,
			      struct buf *nonce)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_NONCE);
	uint8_t seal_nonce[DERP_NONCE_LEN] = { 0 };

	if (!info_text(m, text) || !box_for(m, to))
		return false;
	if (a) {
		if (!value_bytes(&m->r->env, a->expr, nonce))
			return false;
	} else {
		seed_bytes(seal_nonce, sizeof(seal_nonce), m->r->env.seed,
			   m->r->env.name, "nonce", m->r->env.serial++);
		if (!buf_add(nonce, seal_nonce, sizeof(seal_nonce)))
			return no_room(m->r);
	}
	if (nonce->len)
		memcpy(seal_nonce, nonce->at,
		       nonce->len < DERP_NONCE_LEN ? nonce->len
						   : DERP_NONCE_LEN);
	return seal(m, text, seal_nonce, to->at, sealed) &&
	       put_bytes(m, ARG_KEY, m->r->pub[m->c->key_of], DERP_KEY_LEN) &&
	       put(m, nonce->at, nonce->len) &&
	       put_bytes(m, ARG_BOX, sealed->at + DERP_NONCE_LEN,
			 sealed->len - DERP_NONCE_LEN);
}

static bool client_info(struct maker *m)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_AS);
	struct buf text = { 0 }, sealed = { 0 }, to = { 0 }, nonce = { 0 };
	bool good;

	m->c->key_of = a ? a->conn : m->c->key_of;
	good = client_info_parts(m, &text, &sealed, &to, &nonce);
	buf_free(&text);
	buf_free(&sealed);
	buf_free(&to);
	buf_free(&nonce);
	return good;
}

/* ---- payloads -------------------------------------------------------- */

static const uint8_t zeros[DERP_KEY_LEN];

static bool data(struct maker *m)
{
	return put_bytes(m, ARG_DATA, zeros, 0);
}

static bool present(struct maker *m)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_APP);
	struct buf app = { 0 };
	uint8_t len;
	bool good;

	if (!put_bytes(m, ARG_KEY, zeros, DERP_KEY_LEN) ||
	    !put_bytes(m, ARG_IP, zeros, DERP_IP_LEN) ||
	    !put_uint(m, ARG_PORT, 0, 2) || !put_uint(m, ARG_FLAGS, 1, 1))
		return false;
	if (a == NULL)
		return true;
	good = value_bytes(&m->r->env, a->expr, &app);
	len = (uint8_t)app.len;
	good = good && put(m, &len, 1) && put(m, app.at, app.len);
	buf_free(&app);
	return good;
}

static bool payload(struct maker *m, uint32_t type)
{
	switch (type) {
	case DERP_SERVER_KEY:
		return put_bytes(m, ARG_MAGIC, derp_magic, DERP_MAGIC_LEN) &&
		       put_bytes(m, ARG_KEY, zeros, DERP_KEY_LEN);
	case DERP_CLIENT_INFO:
		return client_info(m);
	case DERP_SEND_PACKET:
		return put_bytes(m, ARG_DST, zeros, DERP_KEY_LEN) && data(m);
	case DERP_RECV_PACKET:
		return put_bytes(m, ARG_SRC, zeros, DERP_KEY_LEN) && data(m);
	case DERP_FORWARD_PACKET:
		return put_bytes(m, ARG_SRC, zeros, DERP_KEY_LEN) &&
		       put_bytes(m, ARG_DST, zeros, DERP_KEY_LEN) && data(m);
	case DERP_NOTE_PREFERRED:
		return put_uint(m, ARG_HOME, 1, 1);
	case DERP_PEER_GONE:
		return put_bytes(m, ARG_KEY, zeros, DERP_KEY_LEN) &&
		       put_uint(m, ARG_REASON, 0, 1);
	case DERP_PEER_PRESENT:
		return present(m);
	case DERP_CLOSE_PEER:
		return put_bytes(m, ARG_KEY, zeros, DERP_KEY_LEN);
	case DERP_RESTARTING:
		return put_uint(m, ARG_IN, 0, 4) && put_uint(m, ARG_TRY, 0, 4);
	default:
		return data(m);
	}
}

/* flip=, tail=, cut= and len= change what is there. */
static bool distort(struct maker *m, size_t head)
{
	struct buf *out = m->out;
	size_t body = head + DERP_HEAD_LEN;
	uint64_t at, cut, len;

	if (!number(m, ARG_FLIP, UINT64_MAX, &at) ||
	    !put_bytes(m, ARG_TAIL, zeros, 0) ||
	    !number(m, ARG_LEN, out->len - body, &len) ||
	    !number(m, ARG_CUT, 0, &cut))
		return false;
	if (at != UINT64_MAX && at >= out->len - body) {
		snprintf(m->r->env.error, sizeof(m->r->env.error),
			 "flip=%llu, but the payload has %zu bytes",
			 (unsigned long long)at, out->len - body);
		return false;
	}
	if (at != UINT64_MAX)
		out->at[body + at] ^= 1;
	for (int i = 0; i < 4; i++)
		out->at[head + 4 - (size_t)i] = (uint8_t)(len >> (8 * i));
	out->len -= cut < out->len - body ? (size_t)cut : out->len - body;
	return true;
}

static bool frame(struct maker *m, const struct scenario_word *w)
{
	uint8_t head[DERP_HEAD_LEN] = { 0 };
	size_t at = m->out->len;
	uint64_t type;

	if (!number(m, ARG_TYPE, w->type, &type))
		return false;
	derp_head_build(head, (uint32_t)type, 0);
	if (!put(m, head, sizeof(head)))
		return false;
	if (w->id == WORD_RAW ? !data(m) : !payload(m, w->type))
		return false;
	return distort(m, at);
}

/* ---- HTTP ------------------------------------------------------------ */

static bool is_none(const struct scenario_arg *a)
{
	return a && a->expr->kind == EXPR_TEXT && a->expr->len == 4 &&
	       memcmp(a->expr->text, "none", 4) == 0;
}

/* "Name: value", unless the value is none. */
static bool line(struct maker *m, const char *name, enum scenario_arg_id id,
		 const char *fallback)
{
	const struct scenario_arg *a = arg_find(m->args, id);

	if (is_none(a) || (a == NULL && fallback == NULL))
		return true;
	return put_str(m, name) && put_str(m, ": ") &&
	       put_bytes(m, id, fallback, fallback ? strlen(fallback) : 0) &&
	       put_str(m, "\r\n");
}

static bool fast_line(struct maker *m, bool fast)
{
	const struct scenario_arg *a = arg_find(m->args, ARG_FAST_START);

	if (a)
		fast = strcmp(a->word, "yes") == 0;
	return !fast || put_str(m, "Derp-Fast-Start: 1\r\n");
}

static bool request(struct maker *m, bool fast)
{
	const struct engine_options *o = m->r->stage->o;
	const char *path = o->path ? o->path : "/derp";
	bool good =
		put_bytes(m, ARG_METHOD, "GET", 3) && put_str(m, " ") &&
		put_bytes(m, ARG_PATH, path, strlen(path)) && put_str(m, " ") &&
		put_bytes(m, ARG_HTTP_VERSION, "HTTP/1.1", 8) &&
		put_str(m, "\r\n") &&
		line(m, "Host", ARG_HOST, m->r->stage->host_line) &&
		line(m, "Connection", ARG_CONNECTION, "Upgrade") &&
		line(m, "Upgrade", ARG_UPGRADE, "DERP") && fast_line(m, fast) &&
		line(m, "Ideal-Node", ARG_IDEAL_NODE, NULL);

	for (const struct scenario_arg *a = m->args; good && a; a = a->next)
		if (a->id == ARG_HEADER)
			good = value_bytes(&m->r->env, a->expr, m->out) &&
			       put_str(m, "\r\n");
	return good && put_str(m, "\r\n") && put_bytes(m, ARG_BODY, zeros, 0);
}

bool compose_upgrade(struct run *r, struct conn *c,
		     const struct scenario_arg *args, bool fast,
		     struct buf *out)
{
	struct maker m = { r, c, args, out };

	return request(&m, fast);
}

bool compose(struct run *r, struct conn *c, const struct scenario_word *w,
	     const struct scenario_arg *args, struct buf *out)
{
	struct maker m = { r, c, args, out };

	if (w->id == WORD_HTTP)
		return request(&m, false);
	if (w->id == WORD_BYTES)
		return data(&m);
	return frame(&m, w);
}
