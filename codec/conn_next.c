/*
 * conn_next.c - a connection's life.
 *
 *   server   REQUEST --> DECIDE --> LOGIN --> ADMIT --> STEADY
 *               ^__________|
 *
 *   client   ANSWER --> KEY --> INFO --> STEADY
 *
 *   either   any --> DEAD: an error, or the clock
 *
 *   REQUEST  a head comes in; 30 s               (DERP-HTTP-25)
 *   DECIDE   the caller says what it is
 *   LOGIN    ServerKey goes out, ClientInfo comes in; 10 s (DERP-LOGIN-17)
 *   ADMIT    the caller says whether it may
 *   ANSWER   the request goes out, a head comes in; 10 s for all until
 *            ServerInfo                          (DERP-HTTP-27)
 *   KEY      ServerKey comes in.  DERP_OPEN_STREAM begins here, and FAST
 *            while the server's key is not known
 *   INFO     ClientInfo goes out; frames may come, ServerInfo among them.
 *            FAST with a known key begins here   (DERP-HTTP-17)
 *   STEADY   server: a KeepAlive every 60 to 65 s, and no limit on silence
 *            (DERP-ALIVE-1, -3); client: 120 s without a frame (-4)
 *
 * In DECIDE and ADMIT input is left where it is: what a client sends early is
 * served when it is admitted (DERP-LOGIN-14).
 */
#include "conn_state.h"
#include "bytes.h"

const struct derp_conn_times derp_conn_times = { 30000, 10000, 60000, 5000,
						 120000 };

int conn_die(struct derp_conn *c, int err)
{
	c->state = DERP_STATE_DEAD;
	c->err = err;
	c->todo = 0;
	c->buf = NULL;
	c->deadline_ms = DERP_NEVER;
	return err;
}

static const struct derp_conn_times *times_or_ours(
	const struct derp_conn_times *times)
{
	return times != NULL ? times : &derp_conn_times;
}

bool conn_is_zero(const uint8_t key[DERP_KEY_LEN])
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < DERP_KEY_LEN; i++)
		all |= key[i];
	return all == 0;
}

/* Where the client begins, and what it writes before it hears anything. */
static void open_client(struct derp_conn *c,
			const struct derp_conn_client *config)
{
	switch (config->open) {
	case DERP_OPEN_HTTP:
		c->state = DERP_STATE_ANSWER;
		c->todo = TODO_REQUEST;
		break;
	case DERP_OPEN_FAST:
		c->state = DERP_STATE_KEY;
		c->todo = TODO_REQUEST;
		if (config->server_key != NULL) {
			copy(c->peer, config->server_key, DERP_KEY_LEN);
			c->state = DERP_STATE_INFO;
			c->todo = TODO_REQUEST | TODO_CLIENT_INFO;
		}
		break;
	case DERP_OPEN_STREAM:
		c->state = DERP_STATE_KEY;
		break;
	}
}

int derp_conn_client_init(struct derp_conn *c,
			  const struct derp_conn_client *config,
			  const uint8_t nonce[DERP_NONCE_LEN], uint64_t now_ms)
{
	const struct derp_client_info *info = config->info;

	if (config->server_key != NULL && conn_is_zero(config->server_key))
		return DERP_E_VALUE;
	if (info->app_len > DERP_APP_MAX)
		return DERP_E_VALUE;
	for (size_t i = 0; i < info->app_len; i++) {
		if (info->app[i] < 0x20 || info->app[i] > 0x7e)
			return DERP_E_VALUE;
	}
	*c = (struct derp_conn){ .client = config,
				 .times = times_or_ours(config->times),
				 .mesh = info->has_mesh_key };
	c->deadline_ms = now_ms + c->times->login_ms;
	copy(c->nonce, nonce, DERP_NONCE_LEN);
	derp_reader_init(&c->reader, DERP_FRAME_MAX);
	open_client(c, config);
	return 0;
}

void derp_conn_server_init(struct derp_conn *c,
			   const struct derp_conn_server *config,
			   uint64_t now_ms)
{
	*c = (struct derp_conn){ .state = DERP_STATE_REQUEST,
				 .server = config,
				 .times = times_or_ours(config->times) };
	c->deadline_ms = now_ms + c->times->request_ms;
	derp_reader_init(&c->reader, UINT32_MAX);
}

int derp_conn_next(struct derp_conn *c, struct derp_conn_event *e,
		   const uint8_t **in, size_t *len, uint64_t now_ms)
{
	int step;

	switch (c->state) {
	case DERP_STATE_REQUEST:
		return conn_request(c, e, in, len);
	case DERP_STATE_LOGIN:
		return conn_client_info(c, e, in, len);
	case DERP_STATE_ANSWER:
		return conn_answer(c, e, in, len);
	case DERP_STATE_KEY:
		step = conn_server_key(c, in, len);
		if (step <= 0)
			return step;
		return conn_steady(c, e, in, len, now_ms);
	case DERP_STATE_INFO:
	case DERP_STATE_STEADY:
		return conn_steady(c, e, in, len, now_ms);
	case DERP_STATE_DECIDE:
	case DERP_STATE_ADMIT:
		return DERP_CONN_NEED;
	case DERP_STATE_DEAD:
		break;
	}
	return c->err;
}

/* ---- the caller's turn ----------------------------------------------- */

int derp_conn_accept(struct derp_conn *c, enum derp_conn_open open,
		     uint64_t now_ms)
{
	if (c->err != 0)
		return c->err;
	if (c->state != DERP_STATE_DECIDE)
		return DERP_E_STATE;
	c->state = DERP_STATE_LOGIN;
	c->todo = TODO_SERVER_KEY;
	if (open == DERP_OPEN_HTTP)
		c->todo |= TODO_101;
	c->deadline_ms = now_ms + c->times->login_ms;
	return 0;
}

int derp_conn_again(struct derp_conn *c, uint64_t now_ms)
{
	if (c->err != 0)
		return c->err;
	if (c->state != DERP_STATE_DECIDE)
		return DERP_E_STATE;
	c->state = DERP_STATE_REQUEST;
	c->deadline_ms = now_ms + c->times->request_ms;
	return 0;
}

static uint64_t alive_at(const struct derp_conn *c, uint64_t now_ms,
			 uint32_t random)
{
	uint32_t jitter = c->times->jitter_ms;

	return now_ms + c->times->alive_ms + (jitter ? random % jitter : 0);
}

int derp_conn_admit(struct derp_conn *c, const struct derp_server_info *info,
		    const uint8_t nonce[DERP_NONCE_LEN], uint64_t now_ms,
		    uint32_t random)
{
	if (c->err != 0)
		return c->err;
	if (c->state != DERP_STATE_ADMIT)
		return DERP_E_STATE;
	c->state = DERP_STATE_STEADY;
	c->todo |= TODO_SERVER_INFO;
	c->info = *info;
	copy(c->nonce, nonce, DERP_NONCE_LEN);
	c->deadline_ms = alive_at(c, now_ms, random);
	return 0;
}

/* ---- the clock ------------------------------------------------------- */

uint64_t derp_conn_deadline(const struct derp_conn *c)
{
	return c->deadline_ms;
}

int derp_conn_tick(struct derp_conn *c, uint64_t now_ms, uint32_t random)
{
	if (c->err != 0)
		return c->err;
	if (now_ms < c->deadline_ms)
		return 0;
	if (c->client != NULL || c->state != DERP_STATE_STEADY)
		return conn_die(c, DERP_E_TIMEOUT);
	c->todo |= TODO_ALIVE;
	c->deadline_ms = alive_at(c, now_ms, random);
	return 0;
}

const uint8_t *derp_conn_peer(const struct derp_conn *c)
{
	return c->peer;
}

int derp_conn_end(const struct derp_conn *c)
{
	if (c->err != 0)
		return c->err;
	if (c->want != 0 || c->have != 0 || derp_reader_end(&c->reader) != 0)
		return DERP_E_EOF;
	return c->state == DERP_STATE_STEADY || c->state == DERP_STATE_REQUEST
		       ? 0
		       : DERP_E_EOF;
}
