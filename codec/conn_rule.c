/*
 * conn_rule.c - who may send which frame, and how long.
 *
 * All of it comes from derp_rule(); here is only what happens when a frame
 * does not keep to it, and where the two ends differ:
 *
 *                        to a server                 to a client
 *   not his to send      skip, <= 65,568 bytes       skip
 *   a mesh client's      close                       skip
 *   shorter than min     close                       skip; ServerInfo: fatal
 *   longer than max      close; packets: with the    the reader's limit alone
 *                        last byte of the keys
 */
#include "conn_state.h"

uint32_t conn_keys(uint32_t type)
{
	return type == DERP_FORWARD_PACKET ? 2 * DERP_KEY_LEN : DERP_KEY_LEN;
}

static bool is_packet(uint32_t type)
{
	return type == DERP_SEND_PACKET || type == DERP_FORWARD_PACKET;
}

/* DERP-FRAME-5, DERP-PING-6. */
static bool is_unknown_to_server(uint32_t type, const struct derp_rule *rule)
{
	return rule == NULL || type == DERP_CLIENT_INFO || type == DERP_PONG ||
	       (rule->from & (DERP_FROM_CLIENT | DERP_FROM_MESH)) == 0;
}

static int judge_for_server(bool mesh, uint32_t type, uint32_t len)
{
	const struct derp_rule *rule = derp_rule(type);

	if (is_unknown_to_server(type, rule))
		return len > DERP_SKIP_MAX ? DERP_E_LIMIT : VERDICT_SKIP;
	if (rule->from == DERP_FROM_MESH && !mesh)
		return DERP_E_TYPE;
	if (len < rule->min)
		return DERP_E_SHORT;
	if (len > rule->max)
		return is_packet(type) ? VERDICT_KEYS : DERP_E_LONG;
	return VERDICT_TAKE;
}

static int judge_for_client(uint32_t type, uint32_t len)
{
	const struct derp_rule *rule = derp_rule(type);

	if (rule == NULL || (rule->from & DERP_FROM_SERVER) == 0 ||
	    type == DERP_SERVER_KEY)
		return VERDICT_SKIP;
	if (len < rule->min)
		return type == DERP_SERVER_INFO ? DERP_E_SHORT : VERDICT_SKIP;
	return VERDICT_TAKE;
}

int conn_judge(const struct derp_conn *c, uint32_t type, uint32_t len)
{
	return c->client != NULL ? judge_for_client(type, len)
				 : judge_for_server(c->mesh, type, len);
}

static bool is_of_login(uint32_t type)
{
	return type == DERP_SERVER_KEY || type == DERP_CLIENT_INFO ||
	       type == DERP_SERVER_INFO;
}

/* A few types are read more widely than they are sent. */
static uint32_t most_sent(const struct derp_rule *rule)
{
	if (rule->type == DERP_RECV_PACKET)
		return DERP_KEY_LEN + DERP_PACKET_MAX;
	if (rule->type == DERP_KEEP_ALIVE)
		return 0;
	if (rule->type == DERP_PONG)
		return DERP_PING_LEN;
	return rule->max;
}

static uint32_t rights(const struct derp_conn *c)
{
	if (c->client == NULL)
		return DERP_FROM_SERVER;
	return c->mesh ? DERP_FROM_CLIENT | DERP_FROM_MESH : DERP_FROM_CLIENT;
}

int derp_conn_may_send(const struct derp_conn *c, uint32_t type, uint32_t len)
{
	const struct derp_rule *rule = derp_rule(type);

	if (c->err != 0)
		return c->err;
	if ((c->state != DERP_STATE_STEADY && c->state != DERP_STATE_INFO) ||
	    (c->todo & TODO_LOGIN) != 0)
		return DERP_E_STATE;
	if (rule == NULL || is_of_login(type) || (rule->from & rights(c)) == 0)
		return DERP_E_TYPE;
	if (type == DERP_PING && c->client == NULL && !c->can_ack)
		return DERP_E_TYPE;
	if (len < rule->min)
		return DERP_E_SHORT;
	return len > most_sent(rule) ? DERP_E_LONG : 0;
}

bool derp_conn_spend(struct derp_conn *c, uint32_t len, uint64_t now_ms)
{
	return derp_bucket_take(&c->bucket, now_ms,
				(uint64_t)DERP_HEAD_LEN + len);
}
