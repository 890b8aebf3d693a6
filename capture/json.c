/*
 * json.c - one JSON object a line.
 *
 * A frame has "type"; everything else has "event" instead.  Names of fields
 * are those of docs/protocol.md; derpdump(1) lists them all.
 *
 * The codec's writer makes UTF-8.  Some of it makes terminals do things (the
 * C1 controls, changes of writing direction), so what leaves here is ASCII.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"

static void put_unit(struct out *o, uint32_t v)
{
	uint8_t p[2] = { (uint8_t)(v / 0x100u), (uint8_t)v };

	out_str(o, "\\u");
	out_hex(o, p, sizeof(p));
}

static void put_point(struct out *o, uint32_t v)
{
	if (v < 0x10000) {
		put_unit(o, v);
		return;
	}
	v -= 0x10000;
	put_unit(o, 0xd800 + v / 0x400);
	put_unit(o, 0xdc00 + v % 0x400);
}

/* Bytes of valid UTF-8, cut anywhere. */
static void put_ascii(void *ctx, const void *bytes, size_t len)
{
	struct dump *d = ctx;
	const uint8_t *p = bytes;
	size_t i, from = 0;

	for (i = 0; i < len; i++) {
		if (p[i] < 0x80)
			continue;
		out_bytes(&d->out, p + from, i - from);
		from = i + 1;
		if (p[i] < 0xc0) {
			d->point = d->point * 0x40 + p[i] % 0x40;
			if (--d->point_left == 0)
				put_point(&d->out, d->point);
		} else {
			d->point_left = p[i] < 0xe0 ? 1 : p[i] < 0xf0 ? 2 : 3;
			d->point = p[i] % (0x40u >> d->point_left);
		}
	}
	out_bytes(&d->out, p + from, len - from);
}

void json_init(struct dump *d)
{
	derp_json_write(&d->writer, put_ascii, d);
}

static void put_str(struct derp_json_writer *w, const char *key, const char *s)
{
	derp_json_str(w, key, s, strlen(s));
}

static void put_number(struct derp_json_writer *w, const char *key, uint64_t v)
{
	derp_json_uint64(w, key, v);
}

static void put_text(struct derp_json_writer *w, const char *key,
		     const struct derp_text *t)
{
	derp_json_str(w, key, t->at, t->len);
}

static void put_node(struct derp_json_writer *w, const char *key,
		     const uint8_t *node)
{
	derp_json_hex(w, key, "nodekey:", node, DERP_KEY_LEN);
}

static void put_hex(struct derp_json_writer *w, const char *key,
		    const uint8_t *p, size_t len)
{
	derp_json_hex(w, key, "", p, len);
}

/* Seconds, a point, as many digits as the capture has. */
static void put_ts(struct derp_json_writer *w, const struct capture_event *e)
{
	uint64_t ns = (uint64_t)(e->ts_ns < 0 ? -e->ts_ns : e->ts_ns);
	uint64_t frac = ns % 1000000000, sec = ns / 1000000000;
	char text[32];
	size_t n = sizeof(text);
	int i;

	for (i = 9; i > 0; i--, frac /= 10)
		if (i <= e->ts_digits)
			text[--n] = (char)('0' + frac % 10);
	if (e->ts_digits > 0)
		text[--n] = '.';
	do {
		text[--n] = (char)('0' + sec % 10);
		sec /= 10;
	} while (sec > 0);
	if (e->ts_ns < 0)
		text[--n] = '-';
	derp_json_str(w, "ts", text + n, sizeof(text) - n);
}

static void put_addr(struct derp_json_writer *w, const char *key,
		     const struct capture_addr *a)
{
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 10];

	if (a->v4) {
		inet_ntop(AF_INET, a->ip + 12, ip, sizeof(ip));
		snprintf(text, sizeof(text), "%s:%u", ip, (unsigned)a->port);
	} else {
		inet_ntop(AF_INET6, a->ip, ip, sizeof(ip));
		snprintf(text, sizeof(text), "[%s]:%u", ip, (unsigned)a->port);
	}
	put_str(w, key, text);
}

/* ---- frames ------------------------------------------------------------ */

static void put_payload(struct derp_json_writer *w,
			const struct derp_m_packet *m)
{
	struct capture_payload p;

	capture_payload(&p, m->data, m->len);
	derp_json_open(w, "payload", '{');
	put_str(w, "kind", capture_kind_name(p.kind));
	put_number(w, "len", m->len);
	switch (p.kind) {
	case CAPTURE_OPAQUE:
		break;
	case CAPTURE_DISCO:
		derp_json_hex(w, "key", "discokey:", p.disco_key, DERP_KEY_LEN);
		break;
	case CAPTURE_WG_INIT:
		put_number(w, "sender", p.sender);
		break;
	case CAPTURE_WG_RESPONSE:
		put_number(w, "sender", p.sender);
		put_number(w, "receiver", p.receiver);
		break;
	case CAPTURE_WG_COOKIE:
		put_number(w, "receiver", p.receiver);
		break;
	case CAPTURE_WG_DATA:
		put_number(w, "receiver", p.receiver);
		put_number(w, "counter", p.counter);
		break;
	}
	derp_json_close(w, '}');
}

static void put_packet(struct derp_json_writer *w,
		       const struct derp_m_packet *m)
{
	if (m->src != NULL)
		put_node(w, "src", m->src);
	if (m->dst != NULL)
		put_node(w, "dst", m->dst);
	put_payload(w, m);
	put_hex(w, "packet", m->data, m->len);
}

static void put_box(struct derp_json_writer *w, const uint8_t *nonce,
		    const uint8_t *box, uint32_t len, const char *guess)
{
	put_hex(w, "nonce", nonce, DERP_NONCE_LEN);
	put_hex(w, "box", box, len);
	if (guess != NULL)
		put_str(w, "consistent_with", guess);
}

static void put_present(struct derp_json_writer *w,
			const struct derp_m_present *m)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char ip[INET6_ADDRSTRLEN];

	put_node(w, "key", m->key);
	if (m->ip != NULL) {
		if (memcmp(m->ip, mapped, sizeof(mapped)) == 0)
			inet_ntop(AF_INET, m->ip + 12, ip, sizeof(ip));
		else
			inet_ntop(AF_INET6, m->ip, ip, sizeof(ip));
		put_str(w, "ip", ip);
		put_number(w, "port", (uint64_t)m->port);
	}
	if (m->flags >= 0)
		put_number(w, "flags", (uint64_t)m->flags);
	if (m->app != NULL)
		derp_json_str(w, "app", m->app, (size_t)m->app_len);
}

static void put_fields(struct derp_json_writer *w, const struct derp_msg *m)
{
	uint32_t len;

	switch ((enum derp_type)m->type) {
	case DERP_KEEP_ALIVE:
	case DERP_WATCH_CONNS:
		break;
	case DERP_SERVER_KEY:
		put_node(w, "key", m->server_key.key);
		break;
	case DERP_CLIENT_INFO:
		len = box_text_len(m->client_info.len);
		put_node(w, "key", m->client_info.key);
		put_box(w, m->client_info.nonce, m->client_info.box,
			m->client_info.len, guess_client_info(len));
		break;
	case DERP_SERVER_INFO:
		len = box_text_len(m->server_info.len);
		put_box(w, m->server_info.nonce, m->server_info.box,
			m->server_info.len, guess_server_info(len));
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_FORWARD_PACKET:
		put_packet(w, &m->packet);
		break;
	case DERP_NOTE_PREFERRED:
		put_number(w, "home", m->preferred.home);
		break;
	case DERP_PEER_GONE:
		put_node(w, "key", m->gone.key);
		if (m->gone.reason >= 0)
			put_number(w, "reason", (uint64_t)m->gone.reason);
		break;
	case DERP_PEER_PRESENT:
		put_present(w, &m->present);
		break;
	case DERP_CLOSE_PEER:
		put_node(w, "key", m->close.key);
		break;
	case DERP_PING:
	case DERP_PONG:
		put_hex(w, "data", m->ping.data, DERP_PING_LEN);
		break;
	case DERP_HEALTH:
		derp_json_str(w, "text", m->health.text, m->health.len);
		break;
	case DERP_RESTARTING:
		put_number(w, "in", m->restarting.reconnect_ms);
		put_number(w, "try", m->restarting.try_ms);
		break;
	}
	if (m->tail > 0)
		put_number(w, "tail", m->tail);
}

static void put_head(struct derp_json_writer *w, const struct derp_frame *f)
{
	const char *name = derp_type_name(f->type);

	put_number(w, "type", f->type);
	if (name != NULL)
		put_str(w, "name", name);
	else
		derp_json_null(w, "name");
	put_number(w, "len", f->len);
}

static void put_frame(struct dump *d, const struct capture_event *e)
{
	struct derp_json_writer *w = &d->writer;

	put_head(w, e->frame);
	if (e->frame->have < e->frame->len)
		put_number(w, "have", e->frame->have);
	if (e->msg != NULL)
		put_fields(w, e->msg);
	if (d->hex || (e->msg == NULL && e->frame->have > 0))
		put_hex(w, "payload_hex", e->frame->body, e->frame->have);
}

/* ---- everything else --------------------------------------------------- */

static void put_field(struct derp_json_writer *w,
		      const struct derp_http_head *h, const char *field,
		      const char *key)
{
	struct derp_text v;

	if (derp_http_field(h, field, &v, NULL))
		put_text(w, key, &v);
}

static void put_http(struct derp_json_writer *w, const struct capture_event *e)
{
	const struct derp_http_head *h = e->http;

	if (e->dir == CAPTURE_S2C) {
		put_number(w, "status", h->status);
		put_text(w, "reason", &h->reason);
	} else {
		put_text(w, "method", &h->method);
		put_text(w, "target", &h->target);
	}
	put_field(w, h, "Host", "host");
	put_field(w, h, "Upgrade", "upgrade");
	put_field(w, h, "User-Agent", "agent");
	put_field(w, h, "Derp-Fast-Start", "fast_start");
	put_field(w, h, "Ideal-Node", "ideal_node");
	put_field(w, h, "Derp-Version", "derp_version");
	put_field(w, h, "Derp-Public-Key", "derp_public_key");
}

static void put_partial(struct derp_json_writer *w, const struct derp_frame *f)
{
	if (f == NULL)
		return;
	derp_json_open(w, "frame", '{');
	put_head(w, f);
	put_number(w, "have", f->have);
	derp_json_close(w, '}');
}

static void put_tls(struct derp_json_writer *w, const struct capture_flow *f)
{
	if (f->tls == NULL)
		return;
	put_str(w, "tls", f->tls);
	put_str(w, "cipher", f->cipher);
	if (f->has_server_key)
		put_node(w, "meta_key", f->server_key);
}

static void put_event(struct derp_json_writer *w, const struct capture_event *e)
{
	put_str(w, "event", capture_what_name(e->what));
	switch (e->what) {
	case CAPTURE_OPEN:
	case CAPTURE_TLS:
		put_addr(w, "client", &e->flow->client);
		put_addr(w, "server", &e->flow->server);
		put_tls(w, e->flow);
		break;
	case CAPTURE_HTTP:
		put_http(w, e);
		break;
	case CAPTURE_START:
		put_str(w, "mode", name_mode(e->flow->mode));
		break;
	case CAPTURE_GAP:
		put_number(w, "bytes", e->lost);
		put_str(w, "cause", name_loss(e->loss));
		break;
	case CAPTURE_CLOSED:
		put_str(w, "how", name_end(e->end));
		break;
	case CAPTURE_INVALID:
		derp_json_int64(w, "error", e->err);
		break;
	case CAPTURE_TRUNCATED:
	case CAPTURE_NOTE:
	case CAPTURE_FRAME:
		break;
	}
	if (e->text[0] != '\0')
		put_str(w, "text", e->text);
	put_partial(w, e->frame);
}

static void begin(struct dump *d)
{
	/* Each line is a text of its own. */
	d->writer.comma = false;
	derp_json_open(&d->writer, NULL, '{');
}

static void end(struct dump *d)
{
	derp_json_close(&d->writer, '}');
	out_char(&d->out, '\n');
}

void json_event(struct dump *d, const struct capture_event *e)
{
	struct derp_json_writer *w = &d->writer;

	begin(d);
	put_ts(w, e);
	if (e->flow != NULL)
		put_number(w, "flow", e->flow->id);
	if (e->dir != CAPTURE_NODIR)
		put_str(w, "dir", e->dir == CAPTURE_C2S ? "c2s" : "s2c");
	if (e->what == CAPTURE_FRAME || e->what == CAPTURE_GAP ||
	    e->what == CAPTURE_INVALID || e->what == CAPTURE_TRUNCATED)
		put_number(w, "off", e->off);
	if (e->what == CAPTURE_FRAME)
		put_frame(d, e);
	else
		put_event(w, e);
	end(d);
}

void json_summary(struct dump *d, const struct capture_counts *n,
		  const char *error)
{
	struct derp_json_writer *w = &d->writer;

	begin(d);
	put_str(w, "event", "summary");
	put_number(w, "packets", n->packets);
	put_number(w, "bytes", n->bytes);
	put_number(w, "flows", n->flows);
	put_number(w, "derp_flows", n->derp_flows);
	put_number(w, "tls_flows", n->tls_flows);
	put_number(w, "frames", n->frames);
	put_number(w, "gaps", n->gaps);
	put_number(w, "lost_bytes", n->lost_bytes);
	put_number(w, "invalid", n->invalid);
	put_number(w, "truncated", n->truncated);
	put_number(w, "fragments", n->fragments);
	put_number(w, "other_packets", n->other_packets);
	if (error != NULL)
		put_str(w, "error", error);
	end(d);
}
