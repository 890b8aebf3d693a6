/*
 * show.c - frames, values and ends as a reader of a report wants them: keys
 * by the connection they belong to, long fillings by their length.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derp_key.h"
#include "run.h"

/* Append to out, which stays NUL-terminated. */
static void add(char *out, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add(char *out, size_t cap, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, cap - n, fmt, ap);
	va_end(ap);
}

/* ---- values ---------------------------------------------------------- */

static bool show_key(const struct run *r, char *out, size_t cap,
		     const uint8_t *key)
{
	for (uint32_t i = 0; i < r->c->num_conns; i++)
		if (memcmp(key, r->pub[i], VALUE_KEY_LEN) == 0) {
			snprintf(out, cap, "$%s.key", r->c->conns[i]);
			return true;
		}
	if (r->env.server_key &&
	    memcmp(key, r->env.server_key, VALUE_KEY_LEN) == 0) {
		snprintf(out, cap, "$server.key");
		return true;
	}
	return false;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '"')
			return false;
	return true;
}

static bool is_filling(const uint8_t *bytes, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

void show_bytes(const struct run *r, char *out, size_t cap,
		const uint8_t *bytes, size_t len)
{
	if (len == VALUE_KEY_LEN && show_key(r, out, cap, bytes))
		return;
	if (len == 0) {
		snprintf(out, cap, "\"\"");
	} else if (len >= 4 && is_filling(bytes, len)) {
		if (bytes[0] == 0)
			snprintf(out, cap, "zero*%zu", len);
		else
			snprintf(out, cap, "0x%02x*%zu", bytes[0], len);
	} else if (len <= 40 && is_text(bytes, len)) {
		snprintf(out, cap, "\"%.*s\"", (int)len, (const char *)bytes);
	} else {
		snprintf(out, cap, "x\"");
		for (size_t i = 0; i < len && i < 16; i++)
			add(out, cap, "%02x", bytes[i]);
		add(out, cap, len > 16 ? "...\" (%zu bytes)" : "\"", len);
	}
}

static void add_bytes(const struct run *r, char *out, size_t cap,
		      const char *name, const uint8_t *bytes, size_t len)
{
	char text[100];

	if (bytes == NULL)
		return;
	show_bytes(r, text, sizeof(text), bytes, len);
	add(out, cap, " %s%s", name, text);
}

static void add_num(char *out, size_t cap, const char *name, int64_t num)
{
	if (num >= 0)
		add(out, cap, " %s%lld", name, (long long)num);
}

/* ---- frames ---------------------------------------------------------- */

static void show_present(const struct run *r, char *out, size_t cap,
			 const struct derp_m_present *p)
{
	add_bytes(r, out, cap, "key=", p->key, DERP_KEY_LEN);
	add_bytes(r, out, cap, "ip=", p->ip, DERP_IP_LEN);
	add_num(out, cap, "port=", p->port);
	add_num(out, cap, "flags=", p->flags);
	add_bytes(r, out, cap, "app=", p->app,
		  p->app_len > 0 ? (size_t)p->app_len : 0);
}

static void show_fields(const struct run *r, char *out, size_t cap,
			const struct derp_msg *m)
{
	switch (m->type) {
	case DERP_SERVER_KEY:
		add_bytes(r, out, cap, "key=", m->server_key.key, DERP_KEY_LEN);
		break;
	case DERP_CLIENT_INFO:
		add_bytes(r, out, cap, "key=", m->client_info.key,
			  DERP_KEY_LEN);
		add(out, cap, " box of %u bytes", m->client_info.len);
		break;
	case DERP_SERVER_INFO:
		add(out, cap, " box of %u bytes", m->server_info.len);
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_FORWARD_PACKET:
		add_bytes(r, out, cap, "src=", m->packet.src, DERP_KEY_LEN);
		add_bytes(r, out, cap, "dst=", m->packet.dst, DERP_KEY_LEN);
		add_bytes(r, out, cap, "", m->packet.data, m->packet.len);
		break;
	case DERP_NOTE_PREFERRED:
		add_num(out, cap, "home=", m->preferred.home);
		break;
	case DERP_PEER_GONE:
		add_bytes(r, out, cap, "key=", m->gone.key, DERP_KEY_LEN);
		add_num(out, cap, "reason=", m->gone.reason);
		break;
	case DERP_PEER_PRESENT:
		show_present(r, out, cap, &m->present);
		break;
	case DERP_CLOSE_PEER:
		add_bytes(r, out, cap, "key=", m->close.key, DERP_KEY_LEN);
		break;
	case DERP_PING:
	case DERP_PONG:
		add_bytes(r, out, cap, "", m->ping.data, DERP_PING_LEN);
		break;
	case DERP_HEALTH:
		add_bytes(r, out, cap, "", m->health.text, m->health.len);
		break;
	case DERP_RESTARTING:
		add_num(out, cap, "in=", m->restarting.reconnect_ms);
		add_num(out, cap, "try=", m->restarting.try_ms);
		break;
	}
	if (m->tail)
		add(out, cap, " and %u more bytes", m->tail);
}

/* A frame as it would be written in a scenario, more or less. */
static void show_frame(const struct run *r, char *out, size_t cap,
		       uint32_t type, const uint8_t *body, uint32_t have,
		       uint32_t len)
{
	const struct scenario_word *w = scenario_word_of_type(type);
	struct derp_frame f = { type, len, have,
				body ? body : (const uint8_t *)"" };
	struct derp_msg m;

	if (w)
		snprintf(out, cap, "%s", w->name);
	else
		snprintf(out, cap, "raw type=0x%02x", type);
	if (w && derp_parse(&m, &f, DERP_WIRE_V2) == 0) {
		show_fields(r, out, cap, &m);
		return;
	}
	add(out, cap, " len=%u", len);
	if (have != len)
		add(out, cap, ", %u of them here,", have);
	if (w && have == len)
		add(out, cap, " (malformed)");
	if (have)
		add_bytes(r, out, cap, "", f.body, have);
}

void show_end(char *out, size_t cap, const struct link_event *e)
{
	static const char *const how[] = {
		[LINK_FIN] = "closed (FIN)",
		[LINK_RST] = "closed (RST)",
		[LINK_WRITE] = "closed (a write failed)",
		[LINK_REFUSED] = "not connected",
		[LINK_GARBAGE] = "what came is neither HTTP nor DERP",
		[LINK_FLOOD] = "more came than the suite keeps",
	};

	snprintf(out, cap, "%s", how[e->how]);
	if (e->error)
		add(out, cap, ": %s", strerror(e->error));
	if (e->in_frame)
		add(out, cap, ", inside of a frame");
}

static void show_response(char *out, size_t cap, const struct link_event *e)
{
	size_t n = 0;

	snprintf(out, cap, "http status=%u", e->status);
	while (n < e->head_len && n < 80 && e->head[n] >= 0x20 &&
	       e->head[n] < 0x7f)
		n++;
	add(out, cap, " \"%.*s\"", (int)n, (const char *)e->head);
	if (e->body_len)
		add(out, cap, " and a body of %zu bytes", e->body_len);
}

void show_event(const struct run *r, char *out, size_t cap,
		const struct link_event *e)
{
	switch (e->kind) {
	case LINK_OPENED:
		snprintf(out, cap, "connected");
		break;
	case LINK_HTTP:
		show_response(out, cap, e);
		break;
	case LINK_FRAME:
		show_frame(r, out, cap, e->type, e->body, e->len, e->len);
		break;
	case LINK_ENDED:
		show_end(out, cap, e);
		break;
	}
}

/* ---- expectations ---------------------------------------------------- */

static void show_want(struct run *r, char *out, size_t cap,
		      const struct want *w)
{
	const char *name = scenario_args[w->arg->id].name;
	char text[100];

	add(out, cap, " ");
	if (name)
		add(out, cap, "%s=", name);
	if (w->arg->kind == VALUE_TAKE) {
		add(out, cap, "?%s", r->c->vars[w->arg->var].name);
	} else if (w->arg->kind == VALUE_NUM) {
		add(out, cap, w->arg->id == ARG_TYPE ? "0x%02llx" : "%llu",
		    (unsigned long long)w->num);
	} else {
		show_bytes(r, text, sizeof(text), w->bytes.at, w->bytes.len);
		add(out, cap, "%s", text);
	}
}

void show_pattern(struct run *r, char *out, size_t cap, const struct pattern *p)
{
	out[0] = '\0';
	for (; p; p = p->next) {
		add(out, cap, "%s", p->match->word->name);
		for (size_t i = 0; i < p->num_wants; i++)
			show_want(r, out, cap, &p->wants[i]);
		if (p->next)
			add(out, cap, " or ");
	}
}

/* ---- the trace ------------------------------------------------------- */

static struct trace_entry *entry(struct run *r, const struct conn *c, char dir)
{
	struct trace_entry *t = &r->trace[r->num_trace % TRACE_KEEP];

	r->num_trace++;
	memset(t, 0, sizeof(*t));
	t->us = link_now_us() - r->began_us;
	t->dir = dir;
	t->type = UINT32_MAX;
	if (c)
		snprintf(t->conn, sizeof(t->conn), "%s", r->c->conns[c->index]);
	return t;
}

static void keep_head(struct trace_entry *t, const uint8_t *bytes, size_t len)
{
	t->num_head = len < TRACE_BYTES ? (uint32_t)len : TRACE_BYTES;
	if (t->num_head)
		memcpy(t->head, bytes, t->num_head);
}

static void tell(struct run *r, const struct trace_entry *t)
{
	const struct engine_hooks *h = r->stage->hooks;

	if (h && h->frame && r->result)
		h->frame(h->ctx, r->what, t);
}

void trace_sent(struct run *r, const struct conn *c, const struct buf *bytes,
		const struct scenario_word *w)
{
	struct trace_entry *t = entry(r, c, '>');
	const uint8_t *b = bytes->at;
	size_t n = bytes->len;

	if ((w->id == WORD_TYPED || w->id == WORD_RAW) && n >= DERP_HEAD_LEN) {
		t->type = b[0];
		t->len = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 |
			 (uint32_t)b[3] << 8 | b[4];
		b += DERP_HEAD_LEN;
		n -= DERP_HEAD_LEN;
		show_frame(r, t->text, sizeof(t->text), t->type, b, (uint32_t)n,
			   t->len);
	} else {
		t->len = (uint32_t)n;
		snprintf(t->text, sizeof(t->text), "%s", w->name);
		if (w->id == WORD_HTTP)
			add(t->text, sizeof(t->text), " \"%.*s\"",
			    (int)strcspn(
				    (const char *)(n ? b : (const uint8_t *)""),
				    "\r\n"),
			    n ? (const char *)b : "");
		else
			add_bytes(r, t->text, sizeof(t->text), "", b, n);
	}
	keep_head(t, b, n);
	tell(r, t);
}

void trace_event(struct run *r, const struct conn *c,
		 const struct link_event *e)
{
	struct trace_entry *t = entry(
		r, c,
		e->kind == LINK_FRAME || e->kind == LINK_HTTP ? '<' : '*');

	show_event(r, t->text, sizeof(t->text), e);
	if (e->kind == LINK_FRAME) {
		t->type = e->type;
		t->len = e->len;
		keep_head(t, e->body, e->len);
	} else if (e->kind == LINK_HTTP) {
		t->len = (uint32_t)(e->head_len + e->body_len);
		keep_head(t, e->head, e->head_len);
	}
	tell(r, t);
}

void trace_note(struct run *r, const struct conn *c, const char *text)
{
	struct trace_entry *t = entry(r, c, '*');

	snprintf(t->text, sizeof(t->text), "%s", text);
	tell(r, t);
}

/* The ring, oldest first. */
void trace_keep(struct run *r)
{
	struct result *res = r->result;
	size_t n = r->num_trace < TRACE_KEEP ? r->num_trace : TRACE_KEEP;
	size_t first = r->num_trace - n;

	free(res->trace);
	res->num_trace = res->lost_trace = 0;
	res->trace = malloc((n ? n : 1) * sizeof(*res->trace));
	if (res->trace == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		res->trace[i] = r->trace[(first + i) % TRACE_KEEP];
	res->num_trace = n;
	res->lost_trace = first;
}
