/*
 * login.h - ServerKey, ClientInfo, ServerInfo.
 */
#ifndef DERPD_LOGIN_H
#define DERPD_LOGIN_H

#include "derp_info.h"

struct login {
	uint8_t key[DERP_KEY_LEN];
	bool mesh;
	struct derp_client_info info;
};

#define LOGIN_FRAME_MAX 128 /* of ServerKey and ServerInfo */

size_t login_server_key(uint8_t out[LOGIN_FRAME_MAX],
			const uint8_t public_key[DERP_KEY_LEN]);
/* NULL: a frame with this header may be a ClientInfo.  Else why not. */
const char *login_head(const struct derp_frame *f);
/* Open and judge a ClientInfo.  payload[len] is decrypted in place and wiped.
 * mesh_key may be NULL.  NULL and *login, or why the client is refused. */
const char *login_judge(struct login *login, uint8_t *payload, uint32_t len,
			const uint8_t private_key[DERP_KEY_LEN],
			const uint8_t *mesh_key);
/* 0: the client's key allows no box. */
size_t login_server_info(uint8_t out[LOGIN_FRAME_MAX],
			 const uint8_t client_key[DERP_KEY_LEN],
			 const uint8_t private_key[DERP_KEY_LEN]);

#endif
