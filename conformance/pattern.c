/*
 * pattern.c - does what came match what a case expects?
 *
 * DERP orders little, so frames are compared in streams (docs/scenario.md,
 * section 5): packets of one source and class in order, notices as a set,
 * every other kind in order of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derp_box.h"
#include "derp_info.h"
#include "run.h"

#define DISCO_MIN 62 /* bytes that make servers look for the magic */

bool packet_is_disco(const uint8_t *data, size_t len)
{
	static const uint8_t magic[6] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };

	return len >= DISCO_MIN && memcmp(data, magic, sizeof(magic)) == 0;
}

/* ---- patterns -------------------------------------------------------- */

void pattern_free(struct pattern *p)
{
	struct pattern *next;

	for (; p; p = next) {
		next = p->next;
		for (size_t i = 0; i < p->num_wants; i++)
			buf_free(&p->wants[i].bytes);
		free(p->wants);
		free(p);
	}
}

static bool want(struct run *r, struct want *w, const struct scenario_arg *a)
{
	w->arg = a;
	switch (a->kind) {
	case VALUE_NUM:
		return value_num(&r->env, a->expr, &w->num);
	case VALUE_BYTES:
	case VALUE_TEXT:
		return value_bytes(&r->env, a->expr, &w->bytes);
	default:
		return true;
	}
}

/* Values are computed once, when the step begins. */
struct pattern *pattern_new(struct run *r, const struct scenario_match *m)
{
	struct pattern *p = calloc(1, sizeof(*p));
	const struct scenario_arg *a;
	size_t n = 1;

	if (p == NULL)
		goto nomem;
	for (a = m->args; a; a = a->next)
		n++;
	p->match = m;
	p->wants = calloc(n, sizeof(*p->wants));
	if (p->wants == NULL)
		goto nomem;
	for (a = m->args; a; a = a->next)
		if (!want(r, &p->wants[p->num_wants++], a)) {
			pattern_free(p);
			return NULL;
		}
	return p;
nomem:
	free(p);
	snprintf(r->env.error, sizeof(r->env.error), "out of memory");
	return NULL;
}

static const struct want *find_want(const struct pattern *p,
				    enum scenario_arg_id id)
{
	for (size_t i = 0; i < p->num_wants; i++)
		if (p->wants[i].arg->id == id)
			return &p->wants[i];
	return NULL;
}

bool pattern_is_about(const struct pattern *p, const struct link_event *e)
{
	const struct scenario_word *w = p->match->word;
	const struct want *type;

	switch (w->id) {
	case WORD_TYPED:
		return e->kind == LINK_FRAME && e->type == w->type;
	case WORD_RAW:
		type = find_want(p, ARG_TYPE);
		return e->kind == LINK_FRAME && type && e->type == type->num;
	case WORD_HTTP:
		return e->kind == LINK_HTTP;
	case WORD_CLOSED:
		return e->kind == LINK_ENDED;
	default:
		return false;
	}
}

/* ---- fields ---------------------------------------------------------- */

struct field {
	bool there, is_num;
	uint64_t num;
	const uint8_t *bytes;
	size_t len;
};

static void bytes_field(struct field *f, const uint8_t *bytes, size_t len)
{
	f->there = bytes != NULL;
	f->bytes = bytes;
	f->len = len;
}

static void num_field(struct field *f, int64_t num)
{
	f->there = num >= 0;
	f->is_num = true;
	f->num = (uint64_t)num;
}

static const char *server_info(struct run *r, struct conn *c,
			       const struct link_event *e,
			       enum scenario_arg_id id, struct field *f)
{
	struct derp_server_info info;
	size_t n = 0;

	r->scratch.len = 0;
	if (e->len < DERP_BOX_LEN(0))
		return "it is too short for a box";
	if (!buf_room(&r->scratch, e->len))
		return "out of memory";
	if (derp_open(r->scratch.at, r->scratch.cap, &n, e->body, e->len,
		      r->server_key, r->priv[c->key_of]) != 0)
		return "its box does not open";
	r->scratch.len = n;
	if (id == ARG_JSON) {
		bytes_field(f, r->scratch.at, n);
		return NULL;
	}
	if (derp_server_info_read(&info, r->scratch.at, n) != 0)
		return "its text is not the JSON it should be";
	num_field(f, id == ARG_VERSION ? info.version
		     : id == ARG_RATE  ? info.bytes_per_second
				       : info.bytes_burst);
	return NULL;
}

static void message_field(const struct derp_msg *m, enum scenario_arg_id id,
			  struct field *f)
{
	const struct derp_m_present *pp = &m->present;

	if (m->type == DERP_SERVER_KEY && id == ARG_KEY)
		bytes_field(f, m->server_key.key, DERP_KEY_LEN);
	else if (m->type == DERP_RECV_PACKET && id == ARG_SRC)
		bytes_field(f, m->packet.src, DERP_KEY_LEN);
	else if (m->type == DERP_RECV_PACKET)
		bytes_field(f, m->packet.data, m->packet.len);
	else if (m->type == DERP_PEER_GONE && id == ARG_KEY)
		bytes_field(f, m->gone.key, DERP_KEY_LEN);
	else if (m->type == DERP_PEER_GONE)
		num_field(f, m->gone.reason);
	else if (m->type == DERP_PEER_PRESENT && id == ARG_KEY)
		bytes_field(f, pp->key, DERP_KEY_LEN);
	else if (m->type == DERP_PEER_PRESENT && id == ARG_IP)
		bytes_field(f, pp->ip, DERP_IP_LEN);
	else if (m->type == DERP_PEER_PRESENT && id == ARG_PORT)
		num_field(f, pp->port);
	else if (m->type == DERP_PEER_PRESENT && id == ARG_FLAGS)
		num_field(f, pp->flags);
	else if (m->type == DERP_PEER_PRESENT && id == ARG_APP)
		bytes_field(f, pp->app,
			    pp->app_len > 0 ? (size_t)pp->app_len : 0);
	else if (m->type == DERP_RESTARTING)
		num_field(f, id == ARG_IN ? m->restarting.reconnect_ms
					  : m->restarting.try_ms);
}

/* NULL, or why the frame is not one. */
static const char *frame_field(struct run *r, struct conn *c,
			       const struct link_event *e,
			       enum scenario_arg_id id, struct field *f)
{
	struct derp_frame frame = { e->type, e->len, e->len, e->body };
	struct derp_msg m;

	if (id == ARG_LEN || id == ARG_TYPE) {
		num_field(f, id == ARG_LEN ? e->len : e->type);
		return NULL;
	}
	if (id == ARG_MAGIC) {
		if (e->len >= DERP_MAGIC_LEN)
			bytes_field(f, e->body, DERP_MAGIC_LEN);
		return NULL;
	}
	if (e->type == DERP_SERVER_INFO)
		return server_info(r, c, e, id, f);
	if (id == ARG_DATA && e->type != DERP_RECV_PACKET) {
		bytes_field(f, e->body ? e->body : (const uint8_t *)"", e->len);
		return NULL;
	}
	if (frame.body == NULL)
		frame.body = (const uint8_t *)"";
	if (derp_parse(&m, &frame, DERP_WIRE_V2) != 0)
		return "it is malformed";
	message_field(&m, id, f);
	return NULL;
}

/* ---- HTTP ------------------------------------------------------------ */

/* Is there a field "Name: value", or "Name" with any value? */
static bool has_header(const struct link_event *e, const struct buf *want_line)
{
	struct derp_http_reader reader = { 0 };
	struct derp_http_head head;
	struct derp_text t;
	char name[128];
	size_t n = 0, from = 0, skip;

	while (n < want_line->len && want_line->at[n] != ':')
		n++;
	if (n >= sizeof(name) ||
	    derp_http_read_response(&reader, &head, e->head, e->head_len) != 1)
		return false;
	if (n)
		memcpy(name, want_line->at, n);
	name[n] = '\0';
	for (skip = n < want_line->len ? n + 1 : n;
	     skip < want_line->len && want_line->at[skip] == ' ';)
		skip++;
	while (derp_http_field(&head, name, &t, &from))
		if (n == want_line->len ||
		    (t.len == want_line->len - skip &&
		     memcmp(t.at, want_line->at + skip, t.len) == 0))
			return true;
	return false;
}

static bool http_header(struct run *r, const struct want *w,
			const struct link_event *e)
{
	bool has = has_header(e, &w->bytes);

	if (has == (w->arg->id == ARG_HEADER))
		return true;
	snprintf(r->note, sizeof(r->note), "it has %s line '%.*s'",
		 has ? "the" : "no", (int)(w->bytes.len & 0xff),
		 (const char *)w->bytes.at);
	return false;
}

static const char *http_field(const struct link_event *e,
			      enum scenario_arg_id id, struct field *f)
{
	if (id == ARG_STATUS)
		num_field(f, e->status);
	else
		bytes_field(f, e->body, e->body_len);
	return NULL;
}

/* ---- comparing ------------------------------------------------------- */

static const char *get_field(struct run *r, struct conn *c,
			     const struct link_event *e,
			     enum scenario_arg_id id, struct field *f)
{
	memset(f, 0, sizeof(*f));
	if (e->kind == LINK_HTTP)
		return http_field(e, id, f);
	return frame_field(r, c, e, id, f);
}

static bool differs(struct run *r, const struct want *w, const struct field *f)
{
	const char *name = scenario_args[w->arg->id].name;
	char is[80], wanted[80];

	name = name ? name : "its data";
	if (!f->there) {
		snprintf(r->note, sizeof(r->note), "it has no %s", name);
	} else if (f->is_num) {
		snprintf(r->note, sizeof(r->note), "%s is %llu, not %llu", name,
			 (unsigned long long)f->num,
			 (unsigned long long)w->num);
	} else {
		show_bytes(r, is, sizeof(is), f->bytes, f->len);
		show_bytes(r, wanted, sizeof(wanted), w->bytes.at,
			   w->bytes.len);
		snprintf(r->note, sizeof(r->note), "%s is %s, not %s", name, is,
			 wanted);
	}
	return false;
}

static bool fits(struct run *r, struct conn *c, const struct want *w,
		 const struct link_event *e)
{
	struct field f;
	const char *why;

	if (w->arg->id == ARG_HEADER || w->arg->id == ARG_NO_HEADER)
		return http_header(r, w, e);
	why = get_field(r, c, e, w->arg->id, &f);
	if (why) {
		snprintf(r->note, sizeof(r->note), "%s", why);
		return false;
	}
	if (w->arg->kind == VALUE_TAKE)
		return f.there || differs(r, w, &f);
	if (!f.there)
		return differs(r, w, &f);
	if (f.is_num)
		return f.num == w->num || differs(r, w, &f);
	return (f.len == w->bytes.len &&
		(f.len == 0 || memcmp(f.bytes, w->bytes.at, f.len) == 0)) ||
	       differs(r, w, &f);
}

/* A frame that an expectation names by word must also be one. */
static bool well_formed(struct run *r, struct conn *c, const struct pattern *p,
			const struct link_event *e)
{
	struct derp_frame frame = { e->type, e->len, e->len, e->body };
	struct derp_msg m;
	struct field f = { 0 };
	const char *why = NULL;

	if (p->match->word->id != WORD_TYPED)
		return true;
	if (frame.body == NULL)
		frame.body = (const uint8_t *)"";
	if (e->type == DERP_SERVER_INFO)
		why = server_info(r, c, e, ARG_VERSION, &f);
	else if (derp_parse(&m, &frame, DERP_WIRE_V2) != 0)
		why = "it is malformed";
	if (why)
		snprintf(r->note, sizeof(r->note), "%s", why);
	return why == NULL;
}

bool pattern_fits(struct run *r, struct conn *c, const struct pattern *p,
		  const struct link_event *e)
{
	if (p->match->word->id == WORD_CLOSED)
		return true;
	for (size_t i = 0; i < p->num_wants; i++)
		if (!fits(r, c, &p->wants[i], e))
			return false;
	return well_formed(r, c, p, e);
}

bool pattern_take(struct run *r, struct conn *c, const struct pattern *p,
		  const struct link_event *e)
{
	const struct scenario_arg *a;
	struct field f;

	for (size_t i = 0; i < p->num_wants; i++) {
		a = p->wants[i].arg;
		if (a->kind != VALUE_TAKE)
			continue;
		if (get_field(r, c, e, a->id, &f) != NULL || !f.there)
			continue;
		if (f.is_num)
			value_set_num(&r->env, a->var, f.num);
		else if (!value_set_bytes(&r->env, a->var, f.bytes, f.len))
			return false;
	}
	return true;
}

/* ---- streams --------------------------------------------------------- */

/* Is e in the stream of packets that p is about? */
static bool in_stream(const struct pattern *p, const struct link_event *e)
{
	const struct want *src = find_want(p, ARG_SRC);
	const struct want *data = find_want(p, ARG_DATA);

	if (src == NULL || src->arg->kind == VALUE_TAKE)
		return true;
	if (e->len < DERP_KEY_LEN || src->bytes.len != DERP_KEY_LEN ||
	    memcmp(e->body, src->bytes.at, DERP_KEY_LEN) != 0)
		return false;
	if (data == NULL || data->arg->kind == VALUE_TAKE)
		return true;
	return packet_is_disco(e->body + DERP_KEY_LEN, e->len - DERP_KEY_LEN) ==
	       packet_is_disco(data->bytes.at, data->bytes.len);
}

static bool is_notice(const struct scenario_word *w)
{
	return w->id == WORD_TYPED &&
	       (w->type == DERP_PEER_GONE || w->type == DERP_PEER_PRESENT);
}

/* The case does not care for frames of that word that do not match. */
static bool is_ignored(const struct conn *c, const struct scenario_word *w)
{
	return w->id == WORD_TYPED &&
	       (c->ignored & SCENARIO_NAMES(w->type)) != 0;
}

/* v1.104 can write one pong twice. */
static bool pong_again(const struct conn *c, const struct link_event *e)
{
	return e->kind == LINK_FRAME && e->type == DERP_PONG && c->pong.at &&
	       c->pong.len == e->len &&
	       memcmp(c->pong.at, e->body, e->len) == 0;
}

enum found pattern_find(struct run *r, struct conn *c, const struct pattern *p,
			struct link_event **out)
{
	bool set = is_notice(p->match->word) || is_ignored(c, p->match->word);
	struct link_event *e = c->link ? c->link->events : NULL;

	for (; e; e = e->next) {
		if ((e->mark & MARK_USED) || !pattern_is_about(p, e))
			continue;
		if (e->kind == LINK_FRAME && e->type == DERP_RECV_PACKET &&
		    p->match->word->id == WORD_TYPED && !in_stream(p, e))
			continue;
		*out = e;
		if (pattern_fits(r, c, p, e))
			return FOUND;
		if (pong_again(c, e)) {
			e->mark |= MARK_USED;
			continue;
		}
		if (!set)
			return FOUND_WRONG;
	}
	return FOUND_NOT_YET;
}
