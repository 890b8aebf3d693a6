/*
 * replay_norm.c - frames without what differs from run to run.
 */
#include "replay_plan.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 16 /* of data, in a text */

static void set_data(struct replay_norm *n, const uint8_t *data, uint32_t have,
		     uint32_t len)
{
	n->data = data;
	n->have = have;
	n->len = len;
}

/* A frame that is not what its type says, or of which too little was
 * captured, is its bytes. */
static void norm_raw(struct replay_norm *n, const struct derp_frame *f)
{
	set_data(n, f->body, f->have, f->len);
}

static void norm_packet(struct replay_norm *n, const struct derp_frame *f,
			const struct replay_keys *keys)
{
	uint32_t head = f->type == DERP_FORWARD_PACKET ? 2 * DERP_KEY_LEN
						       : DERP_KEY_LEN;

	if (f->have < head) {
		norm_raw(n, f);
		return;
	}
	if (f->type == DERP_FORWARD_PACKET)
		n->from = replay_keys_find(keys, f->body);
	n->key = replay_keys_find(keys, f->body + head - DERP_KEY_LEN);
	set_data(n, f->body + head, f->have - head, f->len - head);
}

static void norm_parsed(struct replay_norm *n, const struct derp_msg *m,
			const struct derp_frame *f,
			const struct replay_keys *keys)
{
	n->tail = m->tail;
	switch (m->type) {
	case DERP_PEER_GONE:
		n->key = replay_keys_find(keys, m->gone.key);
		n->reason = m->gone.reason;
		return;
	case DERP_PEER_PRESENT:
		n->key = replay_keys_find(keys, m->present.key);
		n->flags = m->present.flags;
		n->app = m->present.app;
		if (m->present.app != NULL)
			n->app_len = (uint32_t)m->present.app_len;
		return;
	case DERP_CLOSE_PEER:
		n->key = replay_keys_find(keys, m->close.key);
		return;
	case DERP_PING:
	case DERP_PONG:
		set_data(n, f->body, DERP_PING_LEN, DERP_PING_LEN);
		return;
	default:
		norm_raw(n, f);
		n->tail = 0;
	}
}

void replay_norm_frame(struct replay_norm *n, const struct derp_frame *f,
		       const struct replay_keys *keys)
{
	const struct replay_ref nobody = { REPLAY_STRANGER, 0 };
	struct derp_msg m;

	memset(n, 0, sizeof(*n));
	n->type = f->type;
	n->key = n->from = nobody;
	n->reason = n->flags = -1;
	n->ping = REPLAY_NONE;
	if (f->type == DERP_SEND_PACKET || f->type == DERP_RECV_PACKET ||
	    f->type == DERP_FORWARD_PACKET)
		norm_packet(n, f, keys);
	else if (f->have == f->len && derp_parse(&m, f, DERP_WIRE_V2) == 0)
		norm_parsed(n, &m, f, keys);
	else
		norm_raw(n, f);
}

static bool same_ref(struct replay_ref a, struct replay_ref b)
{
	return a.who == b.who && a.num == b.num;
}

bool replay_norm_alike(const struct replay_norm *a, const struct replay_norm *b)
{
	return a->type == b->type && same_ref(a->key, b->key);
}

bool replay_norm_equal(const struct replay_norm *a, const struct replay_norm *b)
{
	uint32_t both = a->have < b->have ? a->have : b->have;

	if (!replay_norm_alike(a, b) || !same_ref(a->from, b->from))
		return false;
	if (a->type == DERP_PEER_PRESENT) {
		if (a->app != NULL && b->app != NULL &&
		    (a->app_len != b->app_len ||
		     memcmp(a->app, b->app, a->app_len) != 0))
			return false;
		return a->flags < 0 || b->flags < 0 || a->flags == b->flags;
	}
	if (a->ping != REPLAY_NONE || b->ping != REPLAY_NONE)
		return a->ping == b->ping && a->tail == b->tail;
	return a->reason == b->reason && a->tail == b->tail &&
	       a->len == b->len &&
	       (both == 0 || memcmp(a->data, b->data, both) == 0);
}

bool replay_norm_ordered(const struct replay_norm *n)
{
	return n->type != DERP_PEER_GONE && n->type != DERP_PEER_PRESENT &&
	       n->type != REPLAY_END;
}

bool replay_norm_unprompted(uint32_t type)
{
	return type == DERP_KEEP_ALIVE || type == DERP_HEALTH ||
	       type == DERP_RESTARTING || type == DERP_PING;
}

bool replay_is_disco(const struct replay_norm *n)
{
	struct capture_payload p;

	if (n->type != DERP_SEND_PACKET && n->type != DERP_RECV_PACKET &&
	    n->type != DERP_FORWARD_PACKET)
		return false;
	capture_payload(&p, n->data, n->have);
	return p.kind == CAPTURE_DISCO;
}

/* ---- text ------------------------------------------------------------- */

struct line {
	char *out;
	size_t at;
};

static void put(struct line *l, const char *text)
{
	size_t n = strlen(text);

	if (n >= REPLAY_TEXT_MAX - l->at)
		n = REPLAY_TEXT_MAX - l->at - 1;
	memcpy(l->out + l->at, text, n);
	l->at += n;
	l->out[l->at] = '\0';
}

static void put_num(struct line *l, const char *name, uint32_t v)
{
	char num[16];

	put(l, name);
	snprintf(num, sizeof(num), "%lu", (unsigned long)v);
	put(l, num);
}

static void put_ref(struct line *l, const char *name, struct replay_ref ref)
{
	put(l, name);
	if (ref.who == REPLAY_CLIENT)
		put_num(l, "client", ref.num);
	else if (ref.who == REPLAY_UNKNOWN)
		put_num(l, "unknown", ref.num);
	else
		put(l, ref.who == REPLAY_SERVER ? "server" : "stranger");
}

static void put_quoted(struct line *l, const uint8_t *text, size_t len)
{
	char c[2] = { 0, 0 };

	put(l, "\"");
	for (size_t i = 0; i < len; i++) {
		c[0] = (char)text[i];
		put(l, c);
	}
	put(l, "\"");
}

static bool is_text(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '"' || p[i] == '\\')
			return false;
	return len > 0;
}

static void put_bytes(struct line *l, const uint8_t *p, size_t len)
{
	char hex[3];
	size_t n = len < SHOWN_BYTES ? len : SHOWN_BYTES;

	if (n == 0)
		return;
	put(l, " ");
	if (is_text(p, n))
		put_quoted(l, p, n);
	else
		for (size_t i = 0; i < n; i++) {
			snprintf(hex, sizeof(hex), "%02x", p[i]);
			put(l, hex);
		}
	if (len > n)
		put(l, "...");
}

static void put_reason(struct line *l, int reason)
{
	if (reason == 0)
		put(l, " disconnected");
	else if (reason == 1)
		put(l, " not-here");
	else if (reason < 0)
		put(l, " without a reason");
	else
		put_num(l, " reason=", (uint32_t)reason);
}

static void put_present(struct line *l, const struct replay_norm *n)
{
	if (n->flags >= 0)
		put_num(l, " flags=", (uint32_t)n->flags);
	if (n->app != NULL && n->app_len > 0) {
		put(l, " app");
		put_bytes(l, n->app, n->app_len);
	}
}

static void put_name(struct line *l, uint32_t type)
{
	const char *name = derp_type_name(type);
	char hex[24];

	if (name == NULL) {
		snprintf(hex, sizeof(hex), "type 0x%02lx", (unsigned long)type);
		name = hex;
	}
	put(l, type == REPLAY_END ? "closed" : name);
}

void replay_norm_text(char out[REPLAY_TEXT_MAX], const struct replay_norm *n)
{
	struct line l = { out, 0 };

	out[0] = '\0';
	put_name(&l, n->type);
	if (n->type == REPLAY_END)
		return;
	if (n->type == DERP_FORWARD_PACKET)
		put_ref(&l, " src=", n->from);
	if (n->type == DERP_RECV_PACKET)
		put_ref(&l, " src=", n->key);
	else if (n->type == DERP_SEND_PACKET || n->type == DERP_FORWARD_PACKET)
		put_ref(&l, " dst=", n->key);
	else if (n->type == DERP_PEER_GONE || n->type == DERP_PEER_PRESENT ||
		 n->type == DERP_CLOSE_PEER)
		put_ref(&l, " peer=", n->key);
	if (n->type == DERP_PEER_GONE)
		put_reason(&l, n->reason);
	else if (n->type == DERP_PEER_PRESENT)
		put_present(&l, n);
	else if (n->ping != REPLAY_NONE)
		put_num(&l, " ping", n->ping);
	else if (n->type != DERP_CLOSE_PEER) {
		put_num(&l, " ", n->len);
		put(&l, n->len == 1 ? " byte" : " bytes");
		put_bytes(&l, n->data, n->have);
		if (n->have < n->len && n->have <= SHOWN_BYTES)
			put(&l, "...");
	}
	if (n->tail > 0)
		put_num(&l, " and more bytes: ", n->tail);
}
