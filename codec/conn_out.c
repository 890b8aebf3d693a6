/*
 * conn_out.c - what a connection writes of itself, one whole thing at a time.
 *
 *   request, 101, ServerKey, ClientInfo, ServerInfo | Pong, Ping, KeepAlive
 *
 * Each is made when there is room for it, from what the connection holds
 * anyway: nothing is queued.
 */
#include "conn_state.h"
#include "bytes.h"
#include "derp_box.h"

#define TEXT_MAX 512 /* of either info: keys, numbers and 32 escaped bytes */

static int put_request(const struct derp_conn *c, uint8_t *out, size_t cap,
		       size_t *n)
{
	struct derp_http_upgrade u = *c->client->upgrade;

	u.fast_start = c->client->open == DERP_OPEN_FAST;
	return derp_http_write_upgrade(&u, out, cap, n);
}

static int put_101(const struct derp_conn *c, uint8_t *out, size_t cap,
		   size_t *n)
{
	return derp_http_write_101(out, cap, n, c->server->public_key);
}

static int put_server_key(const struct derp_conn *c, uint8_t *out, size_t cap,
			  size_t *n)
{
	struct derp_msg m = { .type = DERP_SERVER_KEY };

	m.server_key.key = c->server->public_key;
	return derp_build(&m, out, cap, n);
}

static int put_client_info(const struct derp_conn *c, uint8_t *out, size_t cap,
			   size_t *n)
{
	const struct derp_conn_client *k = c->client;
	struct derp_msg m = { .type = DERP_CLIENT_INFO };
	uint8_t text[TEXT_MAX], box[DERP_BOX_LEN(TEXT_MAX)];
	size_t len = 0, sealed = 0;
	int err = derp_client_info_write(k->info, text, sizeof text, &len);

	if (err == 0)
		err = derp_seal(box, sizeof box, &sealed, text, len, c->nonce,
				c->peer, k->private_key);
	derp_wipe(text, sizeof text); /* it may hold the mesh key */
	if (err != 0)
		return err;
	m.client_info.key = k->public_key;
	m.client_info.nonce = box;
	m.client_info.box = box + DERP_NONCE_LEN;
	m.client_info.len = (uint32_t)(sealed - DERP_NONCE_LEN);
	return derp_build(&m, out, cap, n);
}

static int put_server_info(const struct derp_conn *c, uint8_t *out, size_t cap,
			   size_t *n)
{
	struct derp_msg m = { .type = DERP_SERVER_INFO };
	uint8_t text[TEXT_MAX], box[DERP_BOX_LEN(TEXT_MAX)];
	size_t len = 0, sealed = 0;
	int err = derp_server_info_write(&c->info, text, sizeof text, &len);

	if (err == 0)
		err = derp_seal(box, sizeof box, &sealed, text, len, c->nonce,
				c->peer, c->server->private_key);
	if (err != 0)
		return err;
	m.server_info.nonce = box;
	m.server_info.box = box + DERP_NONCE_LEN;
	m.server_info.len = (uint32_t)(sealed - DERP_NONCE_LEN);
	return derp_build(&m, out, cap, n);
}

static int put_echo(enum derp_type type, const uint8_t data[DERP_PING_LEN],
		    uint8_t *out, size_t cap, size_t *n)
{
	struct derp_msg m = { .type = (uint32_t)type };

	copy(m.ping.data, data, DERP_PING_LEN);
	return derp_build(&m, out, cap, n);
}

static int put_alive(uint8_t *out, size_t cap, size_t *n)
{
	struct derp_msg m = { .type = DERP_KEEP_ALIVE };

	return derp_build(&m, out, cap, n);
}

static int put(const struct derp_conn *c, enum conn_todo what, uint8_t *out,
	       size_t cap, size_t *n)
{
	switch (what) {
	case TODO_REQUEST:
		return put_request(c, out, cap, n);
	case TODO_101:
		return put_101(c, out, cap, n);
	case TODO_SERVER_KEY:
		return put_server_key(c, out, cap, n);
	case TODO_CLIENT_INFO:
		return put_client_info(c, out, cap, n);
	case TODO_SERVER_INFO:
		return put_server_info(c, out, cap, n);
	case TODO_PONG:
		return put_echo(DERP_PONG, c->pong, out, cap, n);
	case TODO_PING:
		return put_echo(DERP_PING, c->ping, out, cap, n);
	case TODO_ALIVE:
		break;
	}
	return put_alive(out, cap, n);
}

int derp_conn_pull(struct derp_conn *c, uint8_t *out, size_t cap, size_t *n)
{
	uint32_t first = TODO_REQUEST;
	int err;

	if (c->err != 0)
		return c->err;
	if (c->todo == 0) {
		*n = 0;
		return 0;
	}
	while ((c->todo & first) == 0)
		first *= 2;
	err = put(c, (enum conn_todo)first, out, cap, n);
	if (err == 0)
		c->todo -= first;
	else if (err != DERP_E_NOBUF)
		return conn_die(c, err);
	return err;
}

bool derp_conn_waits(const struct derp_conn *c)
{
	return c->todo != 0;
}

int derp_conn_ping(struct derp_conn *c, const uint8_t data[DERP_PING_LEN])
{
	if (c->err != 0)
		return c->err;
	if (c->state != DERP_STATE_STEADY && c->state != DERP_STATE_INFO)
		return DERP_E_STATE;
	if (c->client == NULL && !c->can_ack) /* DERP-PING-9 */
		return DERP_E_TYPE;
	if (c->ping_out)
		return DERP_E_STATE;
	copy(c->ping, data, DERP_PING_LEN);
	c->ping_out = true;
	c->todo |= TODO_PING;
	return 0;
}

void derp_conn_ping_forget(struct derp_conn *c)
{
	c->ping_out = false;
	c->todo &= ~(uint32_t)TODO_PING;
}
