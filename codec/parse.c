/*
 * parse.c - a frame's payload, split into its fields.
 *
 * One small parser per layout.  Payload bytes are reached through take()
 * alone; what is left when a parser is done is the message's tail.  Each
 * parser fills *m only when it can no longer fail.
 */
#include "derp.h"
#include "bytes.h"

struct cursor {
	const uint8_t *at;
	uint32_t left;
};

static const uint8_t *take(struct cursor *c, uint32_t n)
{
	const uint8_t *p = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return p;
}

static const uint8_t *take_rest(struct cursor *c, uint32_t *n)
{
	*n = c->left;
	return take(c, c->left);
}

static int parse_server_key(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *magic = take(c, DERP_MAGIC_LEN);
	const uint8_t *key = take(c, DERP_KEY_LEN);

	if (magic == NULL || key == NULL)
		return DERP_E_SHORT;
	for (uint32_t i = 0; i < DERP_MAGIC_LEN; i++) {
		if (magic[i] != derp_magic[i])
			return DERP_E_VALUE;
	}
	m->server_key.key = key;
	return 0;
}

static int parse_client_info(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *key = take(c, DERP_KEY_LEN);
	const uint8_t *nonce = take(c, DERP_NONCE_LEN);

	if (key == NULL || nonce == NULL)
		return DERP_E_SHORT;
	m->client_info.key = key;
	m->client_info.nonce = nonce;
	m->client_info.box = take_rest(c, &m->client_info.len);
	return 0;
}

static int parse_server_info(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *nonce = take(c, DERP_NONCE_LEN);

	if (nonce == NULL)
		return DERP_E_SHORT;
	m->server_info.nonce = nonce;
	m->server_info.box = take_rest(c, &m->server_info.len);
	return 0;
}

static int parse_send(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *dst = take(c, DERP_KEY_LEN);

	if (dst == NULL)
		return DERP_E_SHORT;
	m->packet.src = NULL;
	m->packet.dst = dst;
	m->packet.data = take_rest(c, &m->packet.len);
	return 0;
}

static int parse_recv(struct derp_msg *m, struct cursor *c, enum derp_wire wire)
{
	const uint8_t *src = NULL;

	if (wire != DERP_WIRE_V1) {
		src = take(c, DERP_KEY_LEN);
		if (src == NULL)
			return DERP_E_SHORT;
	}
	m->packet.src = src;
	m->packet.dst = NULL;
	m->packet.data = take_rest(c, &m->packet.len);
	return 0;
}

static int parse_forward(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *src = take(c, DERP_KEY_LEN);
	const uint8_t *dst = take(c, DERP_KEY_LEN);

	if (src == NULL || dst == NULL)
		return DERP_E_SHORT;
	m->packet.src = src;
	m->packet.dst = dst;
	m->packet.data = take_rest(c, &m->packet.len);
	return 0;
}

static int parse_preferred(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *home = take(c, 1);

	if (home == NULL)
		return DERP_E_SHORT;
	m->preferred.home = home[0];
	return 0;
}

static int parse_gone(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *key = take(c, DERP_KEY_LEN);
	const uint8_t *reason = take(c, 1);

	if (key == NULL)
		return DERP_E_SHORT;
	m->gone.key = key;
	m->gone.reason = reason != NULL ? reason[0] : -1;
	return 0;
}

/* The name, or NULL with the cursor in front of its length byte. */
static const uint8_t *take_app(struct cursor *c, int *len)
{
	struct cursor look = *c;
	const uint8_t *n = take(&look, 1);
	const uint8_t *app;

	*len = -1;
	if (n == NULL)
		return NULL;
	app = take(&look, n[0]);
	if (app == NULL)
		return NULL;
	*len = n[0];
	*c = look;
	return app;
}

/* Each field is there only if all before it are. */
static int parse_present(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *key = take(c, DERP_KEY_LEN);
	const uint8_t *ip = take(c, DERP_IP_LEN + 2);
	const uint8_t *flags = NULL, *app = NULL;
	int app_len = -1;

	if (key == NULL)
		return DERP_E_SHORT;
	if (ip != NULL)
		flags = take(c, 1);
	if (flags != NULL)
		app = take_app(c, &app_len);
	m->present.key = key;
	m->present.ip = ip;
	m->present.port = ip != NULL ? (int)get16(ip + DERP_IP_LEN) : -1;
	m->present.flags = flags != NULL ? flags[0] : -1;
	m->present.app = app;
	m->present.app_len = app_len;
	return 0;
}

static int parse_close(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *key = take(c, DERP_KEY_LEN);

	if (key == NULL)
		return DERP_E_SHORT;
	m->close.key = key;
	return 0;
}

static int parse_ping(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *data = take(c, DERP_PING_LEN);

	if (data == NULL)
		return DERP_E_SHORT;
	copy(m->ping.data, data, DERP_PING_LEN);
	return 0;
}

static int parse_health(struct derp_msg *m, struct cursor *c)
{
	m->health.text = take_rest(c, &m->health.len);
	return 0;
}

static int parse_restarting(struct derp_msg *m, struct cursor *c)
{
	const uint8_t *in = take(c, 4);
	const uint8_t *try = take(c, 4);

	if (in == NULL || try == NULL)
		return DERP_E_SHORT;
	m->restarting.reconnect_ms = get32(in);
	m->restarting.try_ms = get32(try);
	return 0;
}

static int parse_fields(struct derp_msg *m, uint32_t type, struct cursor *c,
			enum derp_wire wire)
{
	switch (type) {
	case DERP_SERVER_KEY:
		return parse_server_key(m, c);
	case DERP_CLIENT_INFO:
		return parse_client_info(m, c);
	case DERP_SERVER_INFO:
		return parse_server_info(m, c);
	case DERP_SEND_PACKET:
		return parse_send(m, c);
	case DERP_RECV_PACKET:
		return parse_recv(m, c, wire);
	case DERP_KEEP_ALIVE:
	case DERP_WATCH_CONNS:
		return 0;
	case DERP_NOTE_PREFERRED:
		return parse_preferred(m, c);
	case DERP_PEER_GONE:
		return parse_gone(m, c);
	case DERP_PEER_PRESENT:
		return parse_present(m, c);
	case DERP_FORWARD_PACKET:
		return parse_forward(m, c);
	case DERP_CLOSE_PEER:
		return parse_close(m, c);
	case DERP_PING:
	case DERP_PONG:
		return parse_ping(m, c);
	case DERP_HEALTH:
		return parse_health(m, c);
	case DERP_RESTARTING:
		return parse_restarting(m, c);
	default:
		return DERP_E_TYPE;
	}
}

int derp_parse(struct derp_msg *m, const struct derp_frame *f,
	       enum derp_wire wire)
{
	struct cursor c = { f->body, f->len };
	int err;

	if (f->have != f->len)
		return DERP_E_SHORT;
	err = parse_fields(m, f->type, &c, wire);
	if (err != 0)
		return err;
	m->type = f->type;
	m->tail = c.left;
	return 0;
}
