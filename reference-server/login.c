/*
 * login.c - ServerKey, ClientInfo, ServerInfo.
 *
 * The version that a client names is not looked at (DERP-INFO-9), a wrong mesh
 * key makes a regular client (DERP-INFO-13), and an AppName is held to the
 * rule of v1.104 (DERP-INFO-15).
 */
#include <sodium.h>
#include <string.h>

#include "derp_box.h"
#include "login.h"

size_t login_server_key(uint8_t out[LOGIN_FRAME_MAX],
			const uint8_t public_key[DERP_KEY_LEN])
{
	struct derp_msg m = { .type = DERP_SERVER_KEY };
	size_t n = 0;

	m.server_key.key = public_key;
	return derp_build(&m, out, LOGIN_FRAME_MAX, &n) == 0 ? n : 0;
}

const char *login_head(const struct derp_frame *f)
{
	if (f->type != DERP_CLIENT_INFO)
		return "first frame is no ClientInfo";
	if (f->len < DERP_KEY_LEN + DERP_NONCE_LEN)
		return "ClientInfo is too short";
	if (f->len > DERP_INFO_MAX)
		return "ClientInfo is too long";
	return NULL;
}

const char *login_judge(struct login *login, uint8_t *payload, uint32_t len,
			const uint8_t private_key[DERP_KEY_LEN],
			const uint8_t *mesh_key)
{
	struct login got;
	uint8_t *box = payload + DERP_KEY_LEN;
	size_t box_len = len - DERP_KEY_LEN, n = 0;
	const char *why = NULL;

	memset(&got, 0, sizeof got);
	memcpy(got.key, payload, DERP_KEY_LEN);
	if (derp_open(box, box_len, &n, box, box_len, got.key, private_key) !=
	    0)
		why = "box of ClientInfo does not open";
	else if (derp_client_info_read(&got.info, box, n) != 0)
		why = "ClientInfo is not the JSON it should be";
	else if (!got.info.app_ok)
		why = "AppName is not allowed";
	sodium_memzero(box, box_len); /* it may hold the mesh key */
	if (why != NULL)
		return why;
	got.mesh =
		mesh_key != NULL && got.info.has_mesh_key &&
		sodium_memcmp(mesh_key, got.info.mesh_key, DERP_KEY_LEN) == 0;
	sodium_memzero(got.info.mesh_key, sizeof got.info.mesh_key);
	*login = got;
	return NULL;
}

size_t login_server_info(uint8_t out[LOGIN_FRAME_MAX],
			 const uint8_t client_key[DERP_KEY_LEN],
			 const uint8_t private_key[DERP_KEY_LEN])
{
	static const struct derp_server_info info = { .version = 2 };
	uint8_t json[64], nonce[DERP_NONCE_LEN];
	size_t len = 0, n = 0;

	randombytes_buf(nonce, sizeof nonce);
	if (derp_server_info_write(&info, json, sizeof json, &len) != 0 ||
	    derp_seal(out + DERP_HEAD_LEN, LOGIN_FRAME_MAX - DERP_HEAD_LEN, &n,
		      json, len, nonce, client_key, private_key) != 0)
		return 0;
	derp_head_build(out, DERP_SERVER_INFO, (uint32_t)n);
	return DERP_HEAD_LEN + n;
}
