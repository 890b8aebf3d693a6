/*
 * conn_state.h - what the files of a connection share.  Not installed.
 */
#ifndef CONN_STATE_H
#define CONN_STATE_H

#include "derp_conn.h"

/* What waits to be written, in the order of writing. */
enum conn_todo {
	TODO_REQUEST = 1,
	TODO_101 = 2,
	TODO_SERVER_KEY = 4,
	TODO_CLIENT_INFO = 8,
	TODO_SERVER_INFO = 16,
	TODO_PONG = 32,
	TODO_PING = 64,
	TODO_ALIVE = 128,
};
#define TODO_LOGIN 31u /* in front of every other frame */

/* Where the payload of the current frame goes. */
enum conn_taking { TAKING_NOTHING, TAKING_SMALL, TAKING_BULK };

int conn_die(struct derp_conn *c, int err);
bool conn_is_zero(const uint8_t key[DERP_KEY_LEN]);

/* ---- conn_rule.c ----------------------------------------------------- */

enum conn_verdict {
	VERDICT_TAKE = 0,
	VERDICT_SKIP = 1,
	VERDICT_KEYS = 2, /* a packet too long: ends when its keys are there */
};
/* A verdict or an error, for a frame that came after the login. */
int conn_judge(const struct derp_conn *c, uint32_t type, uint32_t len);
/* Bytes of keys in front of a packet. */
uint32_t conn_keys(uint32_t type);

/* ---- conn_login.c ---------------------------------------------------- */

int conn_request(struct derp_conn *c, struct derp_conn_event *e,
		 const uint8_t **in, size_t *len);
int conn_answer(struct derp_conn *c, struct derp_conn_event *e,
		const uint8_t **in, size_t *len);
int conn_server_key(struct derp_conn *c, const uint8_t **in, size_t *len);
int conn_client_info(struct derp_conn *c, struct derp_conn_event *e,
		     const uint8_t **in, size_t *len);
/* Begin to collect len bytes, at least one, in the lent buffer. */
void conn_collect(struct derp_conn *c, uint32_t len);
/* The rest of a ServerInfo whose header was taken. */
int conn_server_info(struct derp_conn *c, struct derp_conn_event *e,
		     const uint8_t **in, size_t *len, uint64_t now_ms);

/* ---- conn_steady.c --------------------------------------------------- */

int conn_steady(struct derp_conn *c, struct derp_conn_event *e,
		const uint8_t **in, size_t *len, uint64_t now_ms);

#endif
