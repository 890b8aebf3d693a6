/*
 * tree.c - the fields of a frame with their offsets (-v), and its bytes (-x).
 *
 *        0000  type    0x05 RecvPacket
 *        0001  len     180
 *        0005  src     nodekey:5ac9...
 *        0025  packet  148 bytes, wireguard-init
 *
 * Offsets are hexadecimal, from the frame's header on; those of -x, too.
 */
#include <string.h>

#include "dump.h"

#define INDENT "        "
#define WIDTH_NAME 10u

static void put_at(struct out *o, uint32_t at)
{
	uint8_t p[4] = { (uint8_t)(at >> 24), (uint8_t)(at >> 16),
			 (uint8_t)(at >> 8), (uint8_t)at };

	out_str(o, INDENT);
	out_hex(o, at > 0xffff ? p : p + 2, at > 0xffff ? 4 : 2);
	out_str(o, "  ");
}

/* p is a field inside the frame's payload. */
static void begin(struct out *o, const struct derp_frame *f, const uint8_t *p,
		  const char *name)
{
	put_at(o, DERP_HEAD_LEN + (uint32_t)(p - f->body));
	out_padded(o, name, WIDTH_NAME);
	out_char(o, ' ');
}

static void put_bytes(struct out *o, uint32_t n)
{
	out_number(o, n);
	out_str(o, n == 1 ? " byte" : " bytes");
}

static void node(struct out *o, const struct derp_frame *f, const uint8_t *key,
		 const char *name)
{
	begin(o, f, key, name);
	out_node(o, key);
	out_char(o, '\n');
}

static void hex(struct out *o, const struct derp_frame *f, const uint8_t *p,
		uint32_t n, const char *name)
{
	begin(o, f, p, name);
	out_hex(o, p, n);
	out_char(o, '\n');
}

static void count(struct out *o, const struct derp_frame *f, const uint8_t *p,
		  uint32_t n, const char *name, const char *more)
{
	begin(o, f, p, name);
	put_bytes(o, n);
	if (more != NULL) {
		out_str(o, ", ");
		out_str(o, more);
	}
	out_char(o, '\n');
}

static void number(struct out *o, const struct derp_frame *f, const uint8_t *p,
		   uint64_t v, const char *name, const char *more)
{
	begin(o, f, p, name);
	out_number(o, v);
	if (more != NULL) {
		out_char(o, ' ');
		out_str(o, more);
	}
	out_char(o, '\n');
}

static void box(struct out *o, const struct derp_frame *f, const uint8_t *p,
		uint32_t n, const char *guess)
{
	begin(o, f, p, "box");
	put_bytes(o, n);
	if (guess != NULL) {
		out_str(o, ", consistent with ");
		out_str(o, guess);
	}
	out_char(o, '\n');
}

static void packet(struct out *o, const struct derp_frame *f,
		   const struct derp_m_packet *m)
{
	struct capture_payload p;

	if (m->src != NULL)
		node(o, f, m->src, "src");
	if (m->dst != NULL)
		node(o, f, m->dst, "dst");
	capture_payload(&p, m->data, m->len);
	if (m->len > 0)
		count(o, f, m->data, m->len, "packet",
		      capture_kind_name(p.kind));
	if (p.kind == CAPTURE_DISCO)
		hex(o, f, p.disco_key, DERP_KEY_LEN, "disco-key");
}

static void present(struct out *o, const struct derp_frame *f,
		    const struct derp_m_present *m)
{
	struct capture_addr a;

	node(o, f, m->key, "key");
	if (m->ip != NULL) {
		memcpy(a.ip, m->ip, DERP_IP_LEN);
		a.port = (uint16_t)m->port;
		a.v4 = memcmp(m->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
		begin(o, f, m->ip, "addr");
		out_addr(o, &a);
		out_char(o, '\n');
	}
	if (m->flags >= 0)
		number(o, f, m->ip + DERP_IP_LEN + 2, (uint64_t)m->flags,
		       "flags", NULL);
	if (m->app != NULL) {
		begin(o, f, m->app, "app");
		out_quoted(o, m->app, (size_t)m->app_len);
		out_char(o, '\n');
	}
}

static void fields(struct out *o, const struct derp_frame *f,
		   const struct derp_msg *m)
{
	const uint8_t *p = f->body;

	switch ((enum derp_type)m->type) {
	case DERP_KEEP_ALIVE:
	case DERP_WATCH_CONNS:
		break;
	case DERP_SERVER_KEY:
		hex(o, f, p, DERP_MAGIC_LEN, "magic");
		node(o, f, m->server_key.key, "key");
		break;
	case DERP_CLIENT_INFO:
		node(o, f, m->client_info.key, "key");
		hex(o, f, m->client_info.nonce, DERP_NONCE_LEN, "nonce");
		box(o, f, m->client_info.box, m->client_info.len,
		    guess_client_info(box_text_len(m->client_info.len)));
		break;
	case DERP_SERVER_INFO:
		hex(o, f, m->server_info.nonce, DERP_NONCE_LEN, "nonce");
		box(o, f, m->server_info.box, m->server_info.len,
		    guess_server_info(box_text_len(m->server_info.len)));
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_FORWARD_PACKET:
		packet(o, f, &m->packet);
		break;
	case DERP_NOTE_PREFERRED:
		number(o, f, p, m->preferred.home, "home", NULL);
		break;
	case DERP_PEER_GONE:
		node(o, f, m->gone.key, "key");
		if (m->gone.reason >= 0)
			number(o, f, p + DERP_KEY_LEN, (uint64_t)m->gone.reason,
			       "reason", name_reason(m->gone.reason));
		break;
	case DERP_PEER_PRESENT:
		present(o, f, &m->present);
		break;
	case DERP_CLOSE_PEER:
		node(o, f, m->close.key, "key");
		break;
	case DERP_PING:
	case DERP_PONG:
		hex(o, f, p, DERP_PING_LEN, "data");
		break;
	case DERP_HEALTH:
		begin(o, f, p, "text");
		out_quoted(o, m->health.text, m->health.len);
		out_char(o, '\n');
		break;
	case DERP_RESTARTING:
		number(o, f, p, m->restarting.reconnect_ms, "in", "ms");
		number(o, f, p + 4, m->restarting.try_ms, "try", "ms");
		break;
	}
	if (m->tail > 0)
		count(o, f, p + f->len - m->tail, m->tail, "tail", NULL);
}

void tree_frame(struct dump *d, const struct capture_event *e)
{
	const struct derp_frame *f = e->frame;
	const char *name = derp_type_name(f->type);
	struct out *o = &d->out;
	uint8_t type = (uint8_t)f->type;

	put_at(o, 0);
	out_padded(o, "type", WIDTH_NAME);
	out_str(o, " 0x");
	out_hex(o, &type, 1);
	out_char(o, ' ');
	out_str(o, name == NULL ? "unknown" : name);
	out_str(o, ", offset ");
	out_number(o, e->off);
	out_str(o, " of the stream, packet ");
	out_number(o, e->packet);
	out_char(o, '\n');
	put_at(o, 1);
	out_padded(o, "len", WIDTH_NAME);
	out_char(o, ' ');
	out_number(o, f->len);
	out_char(o, '\n');
	if (e->msg != NULL)
		fields(o, f, e->msg);
	else if (f->have > 0)
		count(o, f, f->body, f->have, "payload", NULL);
}

static void ascii(struct out *o, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		out_char(o, p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.');
}

void tree_hex(struct dump *d, const uint8_t *p, size_t len)
{
	struct out *o = &d->out;
	size_t at, n, i;

	for (at = 0; at < len; at += 16) {
		n = len - at < 16 ? len - at : 16;
		put_at(o, DERP_HEAD_LEN + (uint32_t)at);
		for (i = 0; i < 16; i++) {
			if (i < n)
				out_hex(o, p + at + i, 1);
			else
				out_str(o, "  ");
			if (i % 2 == 1)
				out_char(o, ' ');
		}
		out_char(o, ' ');
		ascii(o, p + at, n);
		out_char(o, '\n');
	}
}
