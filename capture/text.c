/*
 * text.c - one line for each event.
 *
 *   16:53:57.943844 1>  SendPacket     [zjd16]    180 wireguard-init
 * sender=0x5577e7ad $1 time         $2  $3 type        $4 keys $5 len $6...
 * detail
 *
 * The first five columns are always there, a dash where there is nothing to
 * say, so that awk finds them.  $2 is the connection and the direction: > from
 * the client, < from the server, - neither; ~ marks a connection whose
 * beginning is not in the capture.  $3 is the name of a frame type, 0x..  for
 * one without name, or an event in capitals.  $5 is the frame's length.
 */
#include <string.h>

#include "dump.h"

#define WIDTH_FLOW 5u
#define WIDTH_TYPE 13u
#define WIDTH_KEY 7u
#define WIDTH_LEN 6u

static void put_named(struct out *o, const char *name, uint64_t v)
{
	out_char(o, ' ');
	out_str(o, name);
	out_char(o, '=');
	out_number(o, v);
}

static void put_word(struct out *o, const char *word)
{
	out_char(o, ' ');
	out_str(o, word);
}

/* ---- the five columns -------------------------------------------------- */

static void put_flow(struct out *o, const struct capture_event *e)
{
	static const char arrows[] = "-><";
	uint64_t v;
	unsigned n;

	if (e->flow == NULL) {
		out_padded(o, "-", WIDTH_FLOW);
		return;
	}
	out_number(o, e->flow->id);
	for (n = 2, v = e->flow->id; v >= 10; v /= 10)
		n++;
	if (e->flow->mode == CAPTURE_MIDDLE) {
		out_char(o, '~');
		n++;
	}
	out_char(o, arrows[e->dir + 1]);
	for (; n < WIDTH_FLOW; n++)
		out_char(o, ' ');
}

static void put_type(struct out *o, const struct capture_event *e)
{
	static const char *const names[] = {
		[CAPTURE_FRAME] = "",
		[CAPTURE_OPEN] = "OPEN",
		[CAPTURE_HTTP] = "HTTP",
		[CAPTURE_START] = "START",
		[CAPTURE_GAP] = "GAP",
		[CAPTURE_INVALID] = "INVALID",
		[CAPTURE_TRUNCATED] = "TRUNCATED",
		[CAPTURE_CLOSED] = "CLOSED",
		[CAPTURE_TLS] = "TLS",
		[CAPTURE_NOTE] = "NOTE",
	};
	const char *name;
	uint8_t type;

	if (e->what != CAPTURE_FRAME) {
		out_padded(o, names[e->what], WIDTH_TYPE);
		return;
	}
	name = derp_type_name(e->frame->type);
	if (name != NULL) {
		out_padded(o, name, WIDTH_TYPE);
		return;
	}
	type = (uint8_t)e->frame->type;
	out_str(o, "0x");
	out_hex(o, &type, 1);
	out_padded(o, "", WIDTH_TYPE - 4);
}

/* The key a frame is about, where enough of it is there. */
static const uint8_t *frame_key(const struct derp_frame *f)
{
	switch (f->type) {
	case DERP_SERVER_KEY:
		if (f->have < DERP_MAGIC_LEN + DERP_KEY_LEN)
			return NULL;
		return f->body + DERP_MAGIC_LEN;
	case DERP_CLIENT_INFO:
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_PEER_GONE:
	case DERP_PEER_PRESENT:
	case DERP_FORWARD_PACKET:
	case DERP_CLOSE_PEER:
		return f->have < DERP_KEY_LEN ? NULL : f->body;
	default:
		return NULL;
	}
}

static void put_key(struct out *o, const struct capture_event *e)
{
	const uint8_t *key = NULL;

	if (e->what == CAPTURE_FRAME)
		key = frame_key(e->frame);
	if (key == NULL) {
		out_padded(o, "-", WIDTH_KEY);
		return;
	}
	out_key(o, key);
	if (e->frame->type == DERP_FORWARD_PACKET &&
	    e->frame->have >= 2 * DERP_KEY_LEN) {
		out_char(o, '>');
		out_key(o, key + DERP_KEY_LEN);
	}
}

static void put_len(struct out *o, const struct capture_event *e)
{
	out_char(o, ' ');
	if (e->what == CAPTURE_FRAME)
		out_number_in(o, e->frame->len, WIDTH_LEN, 1);
	else if (e->what == CAPTURE_GAP)
		out_number_in(o, e->lost, WIDTH_LEN, 1);
	else
		out_str(o, "     -");
}

/* ---- details of frames ------------------------------------------------- */

static void put_packet(struct out *o, const struct derp_m_packet *m)
{
	struct capture_payload p;

	capture_payload(&p, m->data, m->len);
	put_word(o, capture_kind_name(p.kind));
	switch (p.kind) {
	case CAPTURE_OPAQUE:
		break;
	case CAPTURE_DISCO:
		out_str(o, " key=");
		out_key(o, p.disco_key);
		break;
	case CAPTURE_WG_INIT:
	case CAPTURE_WG_RESPONSE:
		out_str(o, " sender=");
		out_hex32(o, p.sender);
		if (p.kind == CAPTURE_WG_INIT)
			break;
		out_str(o, " receiver=");
		out_hex32(o, p.receiver);
		break;
	case CAPTURE_WG_COOKIE:
	case CAPTURE_WG_DATA:
		out_str(o, " receiver=");
		out_hex32(o, p.receiver);
		if (p.kind == CAPTURE_WG_DATA)
			put_named(o, "counter", p.counter);
		break;
	}
}

static void put_box(struct out *o, uint32_t box_len, const char *guess)
{
	put_named(o, "box", box_len);
	if (guess != NULL) {
		out_str(o, " consistent with ");
		out_str(o, guess);
	}
}

static void put_present(struct out *o, const struct derp_m_present *m)
{
	struct capture_addr a;
	int i;

	if (m->ip != NULL) {
		memcpy(a.ip, m->ip, DERP_IP_LEN);
		a.port = (uint16_t)m->port;
		a.v4 = memcmp(m->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
		out_str(o, " addr=");
		out_addr(o, &a);
	}
	if (m->flags >= 0) {
		put_named(o, "flags", (uint64_t)m->flags);
		for (i = 0; i < 4; i++)
			if ((m->flags & 1 << i) != 0) {
				out_char(o, '/');
				out_str(o, present_flags[i]);
			}
	}
	if (m->app != NULL) {
		out_str(o, " app=");
		out_quoted(o, m->app, (size_t)m->app_len);
	}
}

static void put_gone(struct out *o, const struct derp_m_gone *m)
{
	const char *name = name_reason(m->reason);

	if (m->reason < 0)
		return;
	if (name != NULL)
		put_word(o, name);
	else
		put_named(o, "reason", (uint64_t)m->reason);
}

static void put_fields(struct out *o, const struct derp_msg *m)
{
	switch ((enum derp_type)m->type) {
	case DERP_SERVER_KEY:
	case DERP_KEEP_ALIVE:
	case DERP_WATCH_CONNS:
	case DERP_CLOSE_PEER:
		break;
	case DERP_CLIENT_INFO:
		put_box(o, m->client_info.len,
			guess_client_info(box_text_len(m->client_info.len)));
		break;
	case DERP_SERVER_INFO:
		put_box(o, m->server_info.len,
			guess_server_info(box_text_len(m->server_info.len)));
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_FORWARD_PACKET:
		put_packet(o, &m->packet);
		break;
	case DERP_NOTE_PREFERRED:
		put_named(o, "home", m->preferred.home);
		break;
	case DERP_PEER_GONE:
		put_gone(o, &m->gone);
		break;
	case DERP_PEER_PRESENT:
		put_present(o, &m->present);
		break;
	case DERP_PING:
	case DERP_PONG:
		out_str(o, " data=");
		out_hex(o, m->ping.data, DERP_PING_LEN);
		break;
	case DERP_HEALTH:
		out_str(o, " text=");
		out_quoted(o, m->health.text, m->health.len);
		break;
	case DERP_RESTARTING:
		put_named(o, "in", m->restarting.reconnect_ms);
		put_named(o, "try", m->restarting.try_ms);
		break;
	}
	if (m->tail > 0)
		put_named(o, "tail", m->tail);
}

static void put_frame(struct out *o, const struct capture_event *e)
{
	if (e->frame->have < e->frame->len)
		put_named(o, "have", e->frame->have);
	else if (e->msg != NULL)
		put_fields(o, e->msg);
	else if (derp_type_name(e->frame->type) == NULL)
		out_str(o, " unknown type");
}

/* ---- details of the rest ----------------------------------------------- */

static void put_field(struct out *o, const struct derp_http_head *h,
		      const char *field, const char *name)
{
	struct derp_text v;

	if (!derp_http_field(h, field, &v, NULL))
		return;
	out_char(o, ' ');
	out_str(o, name);
	out_char(o, '=');
	out_escaped(o, v.at, v.len);
}

static void put_http(struct out *o, const struct capture_event *e)
{
	const struct derp_http_head *h = e->http;

	out_char(o, ' ');
	if (e->dir == CAPTURE_S2C) {
		out_number(o, h->status);
		out_char(o, ' ');
		out_quoted(o, h->reason.at, h->reason.len);
		put_field(o, h, "Derp-Version", "version");
		return;
	}
	out_escaped(o, h->method.at, h->method.len);
	out_char(o, ' ');
	out_escaped(o, h->target.at, h->target.len);
	put_field(o, h, "Host", "host");
	put_field(o, h, "Upgrade", "upgrade");
	put_field(o, h, "Derp-Fast-Start", "fast-start");
	put_field(o, h, "Ideal-Node", "ideal-node");
	put_field(o, h, "User-Agent", "agent");
}

static void put_partial(struct out *o, const struct derp_frame *f)
{
	const char *name;
	uint8_t type;

	if (f == NULL)
		return;
	name = derp_type_name(f->type);
	type = (uint8_t)f->type;
	out_str(o, " frame=");
	if (name != NULL) {
		out_str(o, name);
	} else {
		out_str(o, "0x");
		out_hex(o, &type, 1);
	}
	put_named(o, "have", f->have);
	put_named(o, "len", f->len);
}

static void put_addrs(struct out *o, const struct capture_flow *f)
{
	out_char(o, ' ');
	out_addr(o, &f->client);
	out_str(o, " > ");
	out_addr(o, &f->server);
}

static void put_tls(struct out *o, const struct capture_flow *f)
{
	if (f->tls == NULL)
		return;
	put_word(o, f->tls);
	put_word(o, f->cipher);
	if (f->has_server_key) {
		out_str(o, " meta=");
		out_key(o, f->server_key);
	}
}

static void put_text(struct out *o, const char *text)
{
	if (text[0] != '\0')
		put_word(o, text);
}

static void put_detail(struct out *o, const struct capture_event *e)
{
	switch (e->what) {
	case CAPTURE_FRAME:
		put_frame(o, e);
		break;
	case CAPTURE_OPEN:
		put_addrs(o, e->flow);
		put_tls(o, e->flow);
		break;
	case CAPTURE_TLS:
		put_addrs(o, e->flow);
		put_text(o, e->text);
		break;
	case CAPTURE_HTTP:
		put_http(o, e);
		break;
	case CAPTURE_START:
		put_word(o, name_mode(e->flow->mode));
		put_text(o, e->text);
		break;
	case CAPTURE_GAP:
		put_word(o, name_loss(e->loss));
		put_partial(o, e->frame);
		break;
	case CAPTURE_CLOSED:
		put_word(o, name_end(e->end));
		break;
	case CAPTURE_TRUNCATED:
		put_word(o, "the capture");
		put_text(o, e->flow == NULL ? "ends inside a packet" : e->text);
		put_partial(o, e->frame);
		break;
	case CAPTURE_INVALID:
	case CAPTURE_NOTE:
		put_text(o, e->text);
		put_partial(o, e->frame);
		break;
	}
}

/* Each frame of a capture with cut packets has a hole, and its own line says
 * so. */
static bool is_noise(const struct capture_event *e)
{
	return e->what == CAPTURE_GAP && e->loss == CAPTURE_SNAPLEN &&
	       e->frame != NULL;
}

/* -q: what changes the state of a connection, and what went wrong. */
static bool is_quiet(const struct capture_event *e)
{
	if (e->what != CAPTURE_FRAME)
		return e->what == CAPTURE_TLS;
	switch (e->frame->type) {
	case DERP_SERVER_KEY:
	case DERP_CLIENT_INFO:
	case DERP_SERVER_INFO:
	case DERP_PEER_GONE:
	case DERP_HEALTH:
	case DERP_RESTARTING:
		return false;
	default:
		return true;
	}
}

void text_event(struct dump *d, const struct capture_event *e)
{
	struct out *o = &d->out;

	if ((d->quiet && is_quiet(e)) || (!d->verbose && is_noise(e)))
		return;
	out_time(o, d->time, e->ts_ns, e->ts_digits, d->first_ns);
	out_char(o, ' ');
	put_flow(o, e);
	out_char(o, ' ');
	put_type(o, e);
	out_char(o, ' ');
	put_key(o, e);
	put_len(o, e);
	put_detail(o, e);
	out_char(o, '\n');
	if (d->verbose && e->what == CAPTURE_FRAME)
		tree_frame(d, e);
	if (d->hex && e->what == CAPTURE_FRAME)
		tree_hex(d, e->frame->body, e->frame->have);
}
