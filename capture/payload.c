/*
 * payload.c - what is inside a relayed packet, told from its first bytes.
 *
 *   disco      "TS" f0 9f 92 ac | sender's disco key 32 | nonce 24 | box
 *   WireGuard  type 1 | zero 3 | ...   (numbers little-endian)
 */
#include <string.h>

#include "capture.h"

#define DISCO_MIN 62u

enum {
	WG_INIT_LEN = 148,
	WG_RESPONSE_LEN = 92,
	WG_COOKIE_LEN = 64,
	WG_DATA_MIN = 32,
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] + 0x100u * p[1] + 0x10000u * p[2] + 0x1000000u * p[3];
}

static void wireguard(struct capture_payload *p, const uint8_t *data,
		      uint32_t len)
{
	if (data[0] == 1 && len == WG_INIT_LEN) {
		p->kind = CAPTURE_WG_INIT;
		p->sender = le32(data + 4);
	} else if (data[0] == 2 && len == WG_RESPONSE_LEN) {
		p->kind = CAPTURE_WG_RESPONSE;
		p->sender = le32(data + 4);
		p->receiver = le32(data + 8);
	} else if (data[0] == 3 && len == WG_COOKIE_LEN) {
		p->kind = CAPTURE_WG_COOKIE;
		p->receiver = le32(data + 4);
	} else if (data[0] == 4 && len >= WG_DATA_MIN) {
		p->kind = CAPTURE_WG_DATA;
		p->receiver = le32(data + 4);
		p->counter = (uint64_t)le32(data + 12) << 32 | le32(data + 8);
	}
}

void capture_payload(struct capture_payload *p, const uint8_t *data,
		     uint32_t len)
{
	static const uint8_t disco[6] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };

	memset(p, 0, sizeof(*p));
	if (len >= DISCO_MIN && memcmp(data, disco, sizeof(disco)) == 0) {
		p->kind = CAPTURE_DISCO;
		p->disco_key = data + sizeof(disco);
	} else if (len >= WG_DATA_MIN && data[1] == 0 && data[2] == 0 &&
		   data[3] == 0) {
		wireguard(p, data, len);
	}
}

const char *capture_kind_name(enum capture_kind kind)
{
	static const char *const names[] = {
		[CAPTURE_OPAQUE] = "unknown",
		[CAPTURE_DISCO] = "disco",
		[CAPTURE_WG_INIT] = "wireguard-init",
		[CAPTURE_WG_RESPONSE] = "wireguard-response",
		[CAPTURE_WG_COOKIE] = "wireguard-cookie",
		[CAPTURE_WG_DATA] = "wireguard-data",
	};

	return names[kind];
}
