/*
 * notice.c - PeerGone and PeerPresent, and how often they may be sent.
 */
#include <string.h>

#include "notice.h"

#define DISCO_MIN 62 /* magic 6, key 32, nonce 24 */

static const uint8_t disco_magic[6] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };

bool notice_is_disco(const uint8_t *data, size_t len)
{
	return len >= DISCO_MIN &&
	       memcmp(data, disco_magic, sizeof disco_magic) == 0;
}

void notice_frame(struct relay *r, struct member *m, const uint8_t *frame,
		  size_t len)
{
	if (outbox_control(&m->out, r->control_max, frame, len) != 0)
		r->end(m, "too many notices wait");
	else
		r->wake(m);
}

void notice_gone(struct relay *r, struct member *m,
		 const uint8_t key[DERP_KEY_LEN], int reason)
{
	struct derp_msg msg = { .type = DERP_PEER_GONE };
	uint8_t frame[DERP_HEAD_LEN + DERP_KEY_LEN + 1];
	size_t n;

	msg.gone.key = key;
	msg.gone.reason = reason;
	if (derp_build(&msg, frame, sizeof frame, &n) == 0)
		notice_frame(r, m, frame, n);
}

void notice_not_here(struct relay *r, struct member *m,
		     const uint8_t key[DERP_KEY_LEN])
{
	const int64_t one = 1000, full = NOT_HERE_BURST * one;

	/* A token is a second: the bucket fills with time itself. */
	if (m->tokens_at == 0) {
		m->tokens_ms = full;
	} else {
		m->tokens_ms += r->now_ms - m->tokens_at;
		if (m->tokens_ms > full)
			m->tokens_ms = full;
	}
	m->tokens_at = r->now_ms;
	if (m->tokens_ms < one)
		return;
	m->tokens_ms -= one;
	notice_gone(r, m, key, GONE_NOT_HERE);
}

/* DERP-PRESENT-4 */
static int present_flags(const struct member *m)
{
	int flags = (m->mesh ? 2 : 0) | (m->prober ? 4 : 0) |
		    (m->not_ideal ? 8 : 0);

	return flags != 0 ? flags : 1;
}

void notice_present(struct relay *r, struct member *m,
		    const struct member *about)
{
	struct derp_msg msg = { .type = DERP_PEER_PRESENT };
	uint8_t frame[DERP_HEAD_LEN + 52 + DERP_APP_MAX];
	size_t n;

	msg.present.key = about->peer->key;
	msg.present.ip = about->ip;
	msg.present.port = about->port;
	msg.present.flags = present_flags(about);
	msg.present.app = about->app;
	msg.present.app_len = about->app_len;
	if (derp_build(&msg, frame, sizeof frame, &n) == 0)
		notice_frame(r, m, frame, n);
}
