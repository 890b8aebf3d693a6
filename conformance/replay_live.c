/*
 * replay_live.c - log in with fresh keys, and send what was captured.
 */
#include "replay_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derp_box.h"
#include "derp_info.h"

#define HEAD_MAX 2048 /* of our request */

/* ---- people ----------------------------------------------------------- */

static void make_pair(struct live_keys *k, uint64_t seed, const char *what,
		      uint32_t num)
{
	/* Any 32 bytes are a private key. */
	seed_bytes(k->priv, sizeof(k->priv), seed, "replay", what, num);
	(void)derp_public_key(k->pub, k->priv);
}

int live_people_make(struct live_people *w, const struct replay_plan *plan,
		     uint64_t seed)
{
	struct live_keys pair;
	struct replay_ref ref = { REPLAY_CLIENT, 0 };
	int err = 0;

	memset(w, 0, sizeof(*w));
	w->plan = plan;
	w->seed = seed;
	w->clients = calloc(plan->num_clients + 1, sizeof(*w->clients));
	w->unknown = calloc(plan->num_unknown + 1, sizeof(*w->unknown));
	if (w->clients == NULL || w->unknown == NULL)
		err = -1;
	for (ref.num = 0; err == 0 && ref.num < plan->num_clients; ref.num++) {
		make_pair(&w->clients[ref.num], seed, "client", ref.num);
		err = replay_keys_add(&w->keys, w->clients[ref.num].pub, ref);
	}
	ref.who = REPLAY_UNKNOWN;
	for (ref.num = 0; err == 0 && ref.num < plan->num_unknown; ref.num++) {
		make_pair(&pair, seed, "unknown", ref.num);
		memcpy(w->unknown[ref.num], pair.pub, DERP_KEY_LEN);
		err = replay_keys_add(&w->keys, pair.pub, ref);
	}
	derp_wipe(&pair, sizeof(pair));
	if (err < 0)
		live_people_clear(w);
	return err;
}

void live_people_clear(struct live_people *w)
{
	if (w->clients != NULL)
		derp_wipe(w->clients,
			  w->plan->num_clients * sizeof(*w->clients));
	free(w->clients);
	free(w->unknown);
	replay_keys_clear(&w->keys);
	w->clients = NULL;
	w->unknown = NULL;
}

const uint8_t *live_people_key(const struct live_people *w,
			       struct replay_ref who)
{
	switch (who.who) {
	case REPLAY_CLIENT:
		return w->clients[who.num].pub;
	case REPLAY_UNKNOWN:
		return w->unknown[who.num];
	case REPLAY_SERVER:
		return w->has_server ? w->server : NULL;
	case REPLAY_STRANGER:
		break;
	}
	return NULL;
}

/* ---- login ------------------------------------------------------------ */

static void over(struct live_conn *c, const char *why)
{
	if (c->state < LIVE_UP)
		snprintf(c->why, sizeof(c->why), "%s", why);
	c->state = LIVE_OVER;
	link_close(c->link, false);
}

static void send_request(struct live_conn *c)
{
	const struct replay_client *who =
		&c->side->people->plan->clients[c->conn->client];
	struct derp_http_upgrade up = {
		.host = c->side->host_line,
		.path = c->side->path,
		.fast_start = c->conn->mode == CAPTURE_FASTSTART,
		.ideal_node = who->not_ideal || c->conn->ideal_other
				      ? "elsewhere"
				      : NULL,
		.user_agent = "derpspec",
	};
	uint8_t head[HEAD_MAX];
	size_t n;

	if (derp_http_write_upgrade(&up, head, sizeof(head), &n) < 0)
		over(c, "the host or path does not fit a request");
	else
		link_send(c->link, head, n);
}

static void send_client_info(struct live_conn *c)
{
	struct live_people *w = c->side->people;
	const struct replay_client *who = &w->plan->clients[c->conn->client];
	const struct live_keys *k = &w->clients[c->conn->client];
	struct derp_client_info info = { .version = 2,
					 .can_ack_pings = true,
					 .is_prober = who->prober,
					 .app_len = who->app_len };
	uint8_t json[512], frame[DERP_HEAD_LEN + DERP_KEY_LEN +
				 DERP_BOX_LEN(sizeof(json))];
	uint8_t nonce[DERP_NONCE_LEN];
	uint8_t *box = frame + DERP_HEAD_LEN + DERP_KEY_LEN;
	size_t len, n = 0;

	memcpy(info.app, who->app, who->app_len);
	if (c->conn->mesh && c->side->mesh_key != NULL) {
		info.has_mesh_key = true;
		memcpy(info.mesh_key, c->side->mesh_key, DERP_KEY_LEN);
	}
	seed_bytes(nonce, sizeof(nonce), w->seed, "replay", "nonce", c->num);
	if (derp_client_info_write(&info, json, sizeof(json), &len) < 0 ||
	    derp_seal(box, DERP_BOX_LEN(sizeof(json)), &n, json, len, nonce,
		      w->server, k->priv) < 0) {
		over(c, "the server's key is not a key");
		return;
	}
	derp_head_build(frame, DERP_CLIENT_INFO, (uint32_t)(DERP_KEY_LEN + n));
	memcpy(frame + DERP_HEAD_LEN, k->pub, DERP_KEY_LEN);
	link_send(c->link, frame, DERP_HEAD_LEN + DERP_KEY_LEN + n);
	derp_wipe(&info, sizeof(info));
	derp_wipe(json, sizeof(json));
}

static void on_server_key(struct live_conn *c, const struct derp_frame *f)
{
	const struct replay_ref server = { REPLAY_SERVER, 0 };
	struct live_people *w = c->side->people;
	struct derp_msg m;

	if (derp_frame_expect(f, DERP_SERVER_KEY, DERP_SERVER_KEY_MAX) < 0 ||
	    derp_parse(&m, f, DERP_WIRE_V2) < 0) {
		over(c, "no ServerKey came");
		return;
	}
	memcpy(w->server, m.server_key.key, DERP_KEY_LEN);
	w->has_server = true;
	(void)replay_keys_add(&w->keys, w->server, server);
	c->state = LIVE_INFO;
	send_client_info(c);
}

static void answer_ping(struct live_conn *c, const struct derp_frame *f)
{
	uint8_t pong[DERP_HEAD_LEN + DERP_PING_LEN];

	if (f->len < DERP_PING_LEN)
		return;
	derp_head_build(pong, DERP_PONG, DERP_PING_LEN);
	memcpy(pong + DERP_HEAD_LEN, f->body, DERP_PING_LEN);
	link_send(c->link, pong, sizeof(pong));
}

static void on_frame(struct live_conn *c, const struct derp_frame *f)
{
	if (c->state == LIVE_UPGRADE || c->state == LIVE_KEY) {
		if (c->state == LIVE_UPGRADE &&
		    c->conn->mode != CAPTURE_FASTSTART)
			over(c, "DERP came instead of an HTTP answer");
		else
			on_server_key(c, f);
		return;
	}
	if (c->state == LIVE_INFO && f->type == DERP_SERVER_INFO) {
		c->state = LIVE_UP;
		return;
	}
	if (f->type == DERP_PING)
		answer_ping(c, f);
	c->side->frame(c, f);
}

static void on_ended(struct live_conn *c, const struct link_event *e)
{
	char why[100];
	bool was_up = c->state == LIVE_UP;

	if (e->how == LINK_REFUSED) {
		c->refused = true;
		snprintf(why, sizeof(why), "%s", strerror(e->error));
	} else if (e->how == LINK_GARBAGE) {
		snprintf(why, sizeof(why),
			 "what the server sent is neither HTTP nor DERP");
	} else {
		snprintf(why, sizeof(why), "the server closed the connection");
	}
	over(c, why);
	if (was_up)
		c->side->ended(c);
}

static void on_http(struct live_conn *c, const struct link_event *e)
{
	char why[40];

	if (e->status == 101) {
		c->state = LIVE_KEY;
		return;
	}
	snprintf(why, sizeof(why), "HTTP status %u instead of 101",
		 (unsigned)e->status);
	over(c, why);
}

static void on_event(struct live_conn *c, const struct link_event *e)
{
	struct derp_frame f = { e->type, e->len, (uint32_t)e->body_len,
				e->body };

	switch (e->kind) {
	case LINK_OPENED:
		c->state = LIVE_UPGRADE;
		send_request(c);
		return;
	case LINK_HTTP:
		on_http(c, e);
		return;
	case LINK_FRAME:
		if (c->state != LIVE_OVER && !c->leaving)
			on_frame(c, &f);
		return;
	case LINK_ENDED:
		on_ended(c, e);
		return;
	}
}

static void woken(struct link *l, void *ctx)
{
	struct live_conn *c = ctx;
	struct link_event *e;

	/* Closing a link reads what is left and may wake us again. */
	if (c->busy)
		return;
	c->busy = true;
	while ((e = l->events) != NULL) {
		on_event(c, e);
		link_drop(l, e);
	}
	c->busy = false;
}

bool live_login(struct live_conn *c, struct live_side *side,
		const struct replay_plan *plan, uint32_t num)
{
	c->side = side;
	c->conn = &plan->conns[num];
	c->num = num;
	c->link = link_new(side->loop, woken, c);
	if (c->link == NULL)
		return false;
	c->state = LIVE_CONNECTING;
	link_connect(c->link, side->addr->ai_addr, side->addr->ai_addrlen, 0);
	return true;
}

/* ---- frames ----------------------------------------------------------- */

static void put_key(const struct live_people *w, uint8_t *at,
		    struct replay_ref who)
{
	const uint8_t *key = live_people_key(w, who);

	if (key != NULL)
		memcpy(at, key, DERP_KEY_LEN);
}

static void put_number(uint8_t at[DERP_PING_LEN], const uint8_t tag[4],
		       uint32_t num)
{
	memcpy(at, tag, 4);
	for (int i = 0; i < 4; i++)
		at[4 + i] = (uint8_t)(num >> (24 - 8 * i));
}

static void rewrite(const struct live_people *w, uint8_t *body, uint32_t len,
		    const struct replay_norm *n, const uint8_t tag[4])
{
	switch (n->type) {
	case DERP_SEND_PACKET:
	case DERP_CLOSE_PEER:
		if (len >= DERP_KEY_LEN)
			put_key(w, body, n->key);
		return;
	case DERP_FORWARD_PACKET:
		if (len < 2 * DERP_KEY_LEN)
			return;
		put_key(w, body, n->from);
		put_key(w, body + DERP_KEY_LEN, n->key);
		return;
	case DERP_PING:
		if (n->ping != REPLAY_NONE && len >= DERP_PING_LEN)
			put_number(body, tag, n->ping);
		return;
	default:
		return;
	}
}

bool live_send(struct live_conn *c, const struct replay_step *s,
	       const uint8_t tag[4])
{
	uint8_t *frame;
	bool sent;

	if (c->state != LIVE_UP || c->leaving)
		return false;
	frame = malloc(DERP_HEAD_LEN + (size_t)s->len);
	if (frame == NULL)
		return false;
	derp_head_build(frame, s->norm.type, s->len);
	if (s->len > 0)
		memcpy(frame + DERP_HEAD_LEN, s->body, s->len);
	rewrite(c->side->people, frame + DERP_HEAD_LEN, s->len, &s->norm, tag);
	sent = link_send(c->link, frame, DERP_HEAD_LEN + (size_t)s->len);
	free(frame);
	return sent;
}

bool live_ping(struct live_conn *c, const uint8_t tag[4], uint32_t num)
{
	uint8_t frame[DERP_HEAD_LEN + DERP_PING_LEN];

	if (c->state != LIVE_UP || c->leaving)
		return false;
	derp_head_build(frame, DERP_PING, DERP_PING_LEN);
	put_number(frame + DERP_HEAD_LEN, tag, num);
	return link_send(c->link, frame, sizeof(frame));
}

void live_leave(struct live_conn *c, bool reset)
{
	if (c->link == NULL || c->state == LIVE_OVER)
		return;
	c->leaving = true;
	if (!reset) {
		link_shutdown(c->link);
		return;
	}
	c->state = LIVE_OVER;
	link_close(c->link, true);
}

void live_free(struct live_conn *c)
{
	link_free(c->link);
	c->link = NULL;
}
