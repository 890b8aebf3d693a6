/*
 * replay_people.c - who is who in a capture.
 *
 * A client's key is in its ClientInfo.  When the capture began later, the key
 * is found by joining packets: what F sends to K, and G receives from S with
 * the same bytes, says that F is S and G is K.  The most votes win.
 *
 * Everybody else that frames name is an unknown, numbered as they appear.
 */
#include "replay_plan.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_STEPS 1000    /* how far a packet is followed */
#define LOOK_NS 1000000000 /* and how long */
#define VOTES_MAX 64       /* candidates of a connection */

struct vote {
	const uint8_t *key;
	uint32_t num;
};

static void vote(struct vote votes[VOTES_MAX], const uint8_t *key)
{
	for (size_t i = 0; i < VOTES_MAX; i++) {
		if (votes[i].key == NULL)
			votes[i].key = key;
		else if (memcmp(votes[i].key, key, DERP_KEY_LEN) != 0)
			continue;
		votes[i].num++;
		return;
	}
}

static bool is_packet(const struct replay_step *s, enum replay_what what,
		      uint32_t type)
{
	return s->what == what && s->norm.type == type &&
	       s->len > DERP_KEY_LEN && s->len == s->norm.len;
}

/* The step at which this packet comes out of the server, or NULL. */
static const struct replay_step *follow(const struct replay_plan *p, uint32_t i)
{
	const struct replay_step *s = &p->steps[i], *r;

	for (uint32_t j = i + 1; j < p->num_steps && j - i < LOOK_STEPS; j++) {
		r = &p->steps[j];
		if (r->ts_ns - s->ts_ns > LOOK_NS)
			break;
		if (is_packet(r, REPLAY_ANSWER, DERP_RECV_PACKET) &&
		    r->len == s->len &&
		    memcmp(r->body + DERP_KEY_LEN, s->body + DERP_KEY_LEN,
			   s->len - DERP_KEY_LEN) == 0)
			return r;
	}
	return NULL;
}

static int guess_keys(struct replay_plan *p)
{
	struct vote(*votes)[VOTES_MAX];
	const struct replay_step *s, *r;
	uint32_t missing = 0, best;

	for (uint32_t i = 0; i < p->num_conns; i++)
		missing += !p->conns[i].skip && !p->conns[i].has_key;
	if (missing == 0)
		return 0;
	votes = calloc(p->num_conns, sizeof(*votes));
	if (votes == NULL)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (!is_packet(s, REPLAY_SEND, DERP_SEND_PACKET))
			continue;
		r = follow(p, i);
		if (r == NULL)
			continue;
		vote(votes[s->conn], r->body);
		vote(votes[r->conn], s->body);
	}
	for (uint32_t i = 0; i < p->num_conns; i++) {
		if (p->conns[i].has_key || votes[i][0].key == NULL)
			continue;
		best = 0;
		for (uint32_t v = 1; v < VOTES_MAX; v++)
			if (votes[i][v].num > votes[i][best].num)
				best = v;
		p->conns[i].has_key = true;
		memcpy(p->conns[i].key, votes[i][best].key, DERP_KEY_LEN);
	}
	free(votes);
	return 0;
}

/* A client per captured key, numbered by their first login. */
static int number_clients(struct replay_plan *p)
{
	struct replay_client *cl;
	struct replay_conn *c;
	struct replay_ref ref = { REPLAY_CLIENT, 0 }, had;

	p->clients = calloc(p->num_conns + 1, sizeof(*p->clients));
	if (p->clients == NULL)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		c = &p->conns[p->steps[i].conn];
		if (p->steps[i].what != REPLAY_LOGIN)
			continue;
		if (c->has_key) {
			had = replay_keys_find(&p->keys, c->key);
			if (had.who == REPLAY_CLIENT) {
				c->client = had.num;
				continue;
			}
		}
		ref.num = c->client = p->num_clients++;
		cl = &p->clients[c->client];
		if (!c->has_key)
			continue;
		cl->known = true;
		memcpy(cl->key, c->key, DERP_KEY_LEN);
		if (replay_keys_add(&p->keys, c->key, ref) < 0)
			return -1;
	}
	return 0;
}

static int name_server(struct replay_plan *p)
{
	const struct replay_ref server = { REPLAY_SERVER, 0 };

	for (uint32_t i = 0; i < p->num_conns; i++)
		if (!p->conns[i].skip && p->conns[i].has_server_key &&
		    replay_keys_add(&p->keys, p->conns[i].server_key, server) <
			    0)
			return -1;
	return 0;
}

static int add_unknown(struct replay_plan *p, const uint8_t *key)
{
	struct replay_ref ref = { REPLAY_UNKNOWN, p->num_unknown };

	if (replay_keys_find(&p->keys, key).who != REPLAY_STRANGER)
		return 0;
	p->num_unknown++;
	return replay_keys_add(&p->keys, key, ref);
}

/* Keys in a frame stand at its beginning, whatever its type. */
static int name_unknown(struct replay_plan *p, const struct replay_step *s)
{
	uint32_t num = 0;

	switch (s->norm.type) {
	case DERP_FORWARD_PACKET:
		num = 2;
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_PEER_GONE:
	case DERP_CLOSE_PEER:
		num = 1;
		break;
	}
	for (uint32_t i = 0; i < num; i++)
		if (s->len >= (i + 1) * DERP_KEY_LEN &&
		    add_unknown(p, s->body + i * DERP_KEY_LEN) < 0)
			return -1;
	return 0;
}

/* A watcher is told about its clients what their ClientInfo hides. */
static void learn_client(struct replay_plan *p, const struct replay_norm *n)
{
	struct replay_client *c;

	if (n->type != DERP_PEER_PRESENT || n->key.who != REPLAY_CLIENT)
		return;
	c = &p->clients[n->key.num];
	c->prober |= n->flags > 0 && (n->flags & 4) != 0;
	c->not_ideal |= n->flags > 0 && (n->flags & 8) != 0;
	if (n->app != NULL && n->app_len <= sizeof(c->app) && c->app_len == 0) {
		c->app_len = n->app_len;
		memcpy(c->app, n->app, n->app_len);
	}
}

/* Frames get their normal form; a watcher's news of people who were not
 * captured is nobody's answer. */
static void normalise(struct replay_plan *p)
{
	struct replay_step *s;
	struct derp_frame f;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if ((s->what == REPLAY_SEND || s->what == REPLAY_ANSWER) &&
		    s->norm.type != REPLAY_END) {
			f.type = s->norm.type;
			f.len = s->norm.len;
			f.have = s->len;
			f.body = s->body;
			replay_norm_frame(&s->norm, &f, &p->keys);
			learn_client(p, &s->norm);
			if (f.type == DERP_PEER_PRESENT &&
			    s->norm.key.who == REPLAY_STRANGER) {
				free(s->body);
				continue;
			}
		}
		p->steps[kept++] = *s;
	}
	p->num_steps = kept;
}

int replay_plan_people(struct replay_plan *p)
{
	if (guess_keys(p) < 0 || number_clients(p) < 0 || name_server(p) < 0)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++)
		if (p->steps[i].what == REPLAY_SEND ||
		    p->steps[i].what == REPLAY_ANSWER)
			if (name_unknown(p, &p->steps[i]) < 0)
				return -1;
	normalise(p);
	return 0;
}
