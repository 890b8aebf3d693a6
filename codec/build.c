/*
 * build.c - messages to bytes.
 *
 *   +--------+----------------- - - -+
 *   | header | keys, nonce, numbers  | packet, box, text or name
 *   +--------+----------------- - - -+
 *    head[DERP_HEAD_MAX]               bulk, borrowed from the message
 *
 * One small writer per layout puts the fixed fields behind the place of the
 * header and names the bulk; the header comes last, when the length is known.
 */
#include "derp.h"
#include "build.h"
#include "bytes.h"

/* Fields fit by construction: the longest are the two keys of ForwardPacket,
 * which is what DERP_HEAD_MAX is made of. */
static void put_bytes(struct derp_parts *p, uint8_t *head, const uint8_t *from,
		      uint32_t n)
{
	copy(head + p->num_head, from, n);
	p->num_head += n;
}

static void put_byte(struct derp_parts *p, uint8_t *head, uint32_t v)
{
	head[p->num_head] = (uint8_t)(v % 0x100u);
	p->num_head++;
}

static int put_bulk(struct derp_parts *p, const uint8_t *bulk, uint32_t len)
{
	if (len != 0 && bulk == NULL)
		return DERP_E_VALUE;
	p->bulk = bulk;
	p->len = len;
	return 0;
}

static int is_byte(int v)
{
	return v >= 0 && v <= 0xff;
}

static int put_key(struct derp_parts *p, uint8_t *head, const uint8_t *key)
{
	if (key == NULL)
		return DERP_E_VALUE;
	put_bytes(p, head, key, DERP_KEY_LEN);
	return 0;
}

static int put_server_key(struct derp_parts *p, uint8_t *head,
			  const struct derp_m_server_key *m)
{
	put_bytes(p, head, derp_magic, DERP_MAGIC_LEN);
	return put_key(p, head, m->key);
}

static int put_client_info(struct derp_parts *p, uint8_t *head,
			   const struct derp_m_client_info *m)
{
	if (m->key == NULL || m->nonce == NULL)
		return DERP_E_VALUE;
	put_bytes(p, head, m->key, DERP_KEY_LEN);
	put_bytes(p, head, m->nonce, DERP_NONCE_LEN);
	return put_bulk(p, m->box, m->len);
}

static int put_server_info(struct derp_parts *p, uint8_t *head,
			   const struct derp_m_server_info *m)
{
	if (m->nonce == NULL)
		return DERP_E_VALUE;
	put_bytes(p, head, m->nonce, DERP_NONCE_LEN);
	return put_bulk(p, m->box, m->len);
}

static int put_send(struct derp_parts *p, uint8_t *head,
		    const struct derp_m_packet *m)
{
	if (m->dst == NULL)
		return DERP_E_VALUE;
	put_bytes(p, head, m->dst, DERP_KEY_LEN);
	return put_bulk(p, m->data, m->len);
}

static int put_recv(struct derp_parts *p, uint8_t *head,
		    const struct derp_m_packet *m)
{
	if (m->src != NULL)
		put_bytes(p, head, m->src, DERP_KEY_LEN);
	return put_bulk(p, m->data, m->len);
}

static int put_forward(struct derp_parts *p, uint8_t *head,
		       const struct derp_m_packet *m)
{
	if (m->src == NULL || m->dst == NULL)
		return DERP_E_VALUE;
	put_bytes(p, head, m->src, DERP_KEY_LEN);
	put_bytes(p, head, m->dst, DERP_KEY_LEN);
	return put_bulk(p, m->data, m->len);
}

static int put_preferred(struct derp_parts *p, uint8_t *head,
			 const struct derp_m_preferred *m)
{
	if (m->home > 0xff)
		return DERP_E_VALUE;
	put_byte(p, head, m->home);
	return 0;
}

static int put_gone(struct derp_parts *p, uint8_t *head,
		    const struct derp_m_gone *m)
{
	if (m->key == NULL || (m->reason != -1 && !is_byte(m->reason)))
		return DERP_E_VALUE;
	put_bytes(p, head, m->key, DERP_KEY_LEN);
	if (m->reason != -1)
		put_byte(p, head, (uint32_t)m->reason);
	return 0;
}

/* A field is there only if all before it are. */
static int present_is_whole(const struct derp_m_present *m)
{
	if (m->key == NULL)
		return 0;
	if (m->ip == NULL)
		return m->flags == -1 && m->app == NULL;
	if (m->port < 0 || m->port > 0xffff)
		return 0;
	if (m->flags == -1)
		return m->app == NULL;
	return is_byte(m->flags) && (m->app == NULL || is_byte(m->app_len));
}

static int put_present(struct derp_parts *p, uint8_t *head,
		       const struct derp_m_present *m)
{
	uint8_t port[2];

	if (!present_is_whole(m))
		return DERP_E_VALUE;
	put_bytes(p, head, m->key, DERP_KEY_LEN);
	if (m->ip == NULL)
		return 0;
	put16(port, (uint32_t)m->port);
	put_bytes(p, head, m->ip, DERP_IP_LEN);
	put_bytes(p, head, port, sizeof port);
	if (m->flags == -1)
		return 0;
	put_byte(p, head, (uint32_t)m->flags);
	if (m->app == NULL)
		return 0;
	put_byte(p, head, (uint32_t)m->app_len);
	return put_bulk(p, m->app, (uint32_t)m->app_len);
}

static int put_restarting(struct derp_parts *p, uint8_t *head,
			  const struct derp_m_restarting *m)
{
	uint8_t ms[8];

	put32(ms, m->reconnect_ms);
	put32(ms + 4, m->try_ms);
	put_bytes(p, head, ms, sizeof ms);
	return 0;
}

static int put_fields(struct derp_parts *p, uint8_t *head,
		      const struct derp_msg *m)
{
	switch (m->type) {
	case DERP_SERVER_KEY:
		return put_server_key(p, head, &m->server_key);
	case DERP_CLIENT_INFO:
		return put_client_info(p, head, &m->client_info);
	case DERP_SERVER_INFO:
		return put_server_info(p, head, &m->server_info);
	case DERP_SEND_PACKET:
		return put_send(p, head, &m->packet);
	case DERP_RECV_PACKET:
		return put_recv(p, head, &m->packet);
	case DERP_KEEP_ALIVE:
	case DERP_WATCH_CONNS:
		return 0;
	case DERP_NOTE_PREFERRED:
		return put_preferred(p, head, &m->preferred);
	case DERP_PEER_GONE:
		return put_gone(p, head, &m->gone);
	case DERP_PEER_PRESENT:
		return put_present(p, head, &m->present);
	case DERP_FORWARD_PACKET:
		return put_forward(p, head, &m->packet);
	case DERP_CLOSE_PEER:
		return put_key(p, head, m->close.key);
	case DERP_PING:
	case DERP_PONG:
		put_bytes(p, head, m->ping.data, DERP_PING_LEN);
		return 0;
	case DERP_HEALTH:
		return put_bulk(p, m->health.text, m->health.len);
	case DERP_RESTARTING:
		return put_restarting(p, head, &m->restarting);
	default:
		return DERP_E_TYPE;
	}
}

void derp_head_build(uint8_t out[DERP_HEAD_LEN], uint32_t type, uint32_t len)
{
	out[0] = (uint8_t)(type % 0x100u);
	put32(out + 1, len);
}

int derp_build_parts(struct derp_parts *p, uint8_t head[DERP_HEAD_MAX],
		     const struct derp_msg *m)
{
	struct derp_parts made = { DERP_HEAD_LEN, 0, NULL };
	int err = put_fields(&made, head, m);
	uint32_t fields;

	if (err != 0)
		return err;
	fields = made.num_head - DERP_HEAD_LEN;
	if (made.len > DERP_WRITE_MAX - fields)
		return DERP_E_LIMIT;
	derp_head_build(head, m->type, fields + made.len);
	*p = made;
	return 0;
}

int derp_build(const struct derp_msg *m, uint8_t *out, size_t cap, size_t *n)
{
	uint8_t head[DERP_HEAD_MAX];
	struct derp_parts p;
	int err = derp_build_parts(&p, head, m);

	if (err != 0)
		return err;
	if (cap < p.num_head || cap - p.num_head < p.len)
		return DERP_E_NOBUF;
	copy(out, head, p.num_head);
	if (p.len != 0)
		copy(out + p.num_head, p.bulk, p.len);
	*n = (size_t)p.num_head + p.len;
	return 0;
}
