/*
 * rule.c - who may send a frame type, and how long it may be.
 */
#include "derp.h"

#define C DERP_FROM_CLIENT
#define S DERP_FROM_SERVER
#define M DERP_FROM_MESH
#define ANY DERP_FRAME_MAX

static const struct derp_rule rules[] = {
	{ DERP_SERVER_KEY, S, DERP_MAGIC_LEN + DERP_KEY_LEN,
	  DERP_SERVER_KEY_MAX },
	{ DERP_CLIENT_INFO, C, DERP_KEY_LEN + DERP_NONCE_LEN, DERP_INFO_MAX },
	{ DERP_SERVER_INFO, S, DERP_NONCE_LEN, ANY },
	{ DERP_SEND_PACKET, C, DERP_KEY_LEN, DERP_KEY_LEN + DERP_PACKET_MAX },
	{ DERP_RECV_PACKET, S, DERP_KEY_LEN, ANY },
	{ DERP_KEEP_ALIVE, S, 0, ANY },
	{ DERP_NOTE_PREFERRED, C, 1, 1 },
	{ DERP_PEER_GONE, S, DERP_KEY_LEN, ANY },
	{ DERP_PEER_PRESENT, S, DERP_KEY_LEN, ANY },
	{ DERP_FORWARD_PACKET, M, 2 * DERP_KEY_LEN,
	  2 * DERP_KEY_LEN + DERP_PACKET_MAX },
	{ DERP_WATCH_CONNS, M, 0, 0 },
	{ DERP_CLOSE_PEER, M, DERP_KEY_LEN, DERP_KEY_LEN },
	{ DERP_PING, C | S, DERP_PING_LEN, DERP_PING_MAX },
	{ DERP_PONG, C | S, DERP_PING_LEN, ANY },
	{ DERP_HEALTH, S, 0, ANY },
	{ DERP_RESTARTING, S, 8, ANY },
};

const struct derp_rule *derp_rule(uint32_t type)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].type == type)
			return &rules[i];
	}
	return NULL;
}
