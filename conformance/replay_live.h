/*
 * replay_live.h - the live side of a replay: fresh people who log in.
 *
 *   live_people: client0 --> key pair,  unknown0 --> public key
 *   live_conn:   idle --> connecting --> upgrade --> key --> info --> up
 *                                 any --> over (refused, ended, closed)
 *
 * A live_conn answers the server's pings by itself and hands every frame
 * that comes after ServerKey to frame().
 */
#ifndef REPLAY_LIVE_H
#define REPLAY_LIVE_H

#include <netdb.h>

#include "link.h"
#include "replay_plan.h"

struct live_keys {
	uint8_t priv[DERP_KEY_LEN], pub[DERP_KEY_LEN];
};

struct live_people {
	const struct replay_plan *plan;
	uint64_t seed;
	struct live_keys *clients;
	uint8_t (*unknown)[DERP_KEY_LEN];
	uint8_t server[DERP_KEY_LEN];
	bool has_server;
	struct replay_keys keys; /* whose is what */
};

/* -1: memory. */
int live_people_make(struct live_people *w, const struct replay_plan *plan,
		     uint64_t seed);
void live_people_clear(struct live_people *w);
/* NULL for a stranger, or a server that is not known yet. */
const uint8_t *live_people_key(const struct live_people *w,
			       struct replay_ref who);

enum live_state {
	LIVE_IDLE,
	LIVE_CONNECTING,
	LIVE_UPGRADE,
	LIVE_KEY,
	LIVE_INFO,
	LIVE_UP,
	LIVE_OVER,
};

struct live_conn;

struct live_side {
	struct ev_loop *loop;
	const char *host_line, *path;
	const struct addrinfo *addr;
	const uint8_t *mesh_key; /* NULL: none */
	struct live_people *people;
	void (*frame)(struct live_conn *c, const struct derp_frame *f);
	void (*ended)(struct live_conn *c); /* after it was up */
	void *ctx;
};

struct live_conn {
	struct live_side *side;
	const struct replay_conn *conn;
	uint32_t num;
	struct link *link;
	enum live_state state;
	bool refused;  /* it could not connect at all */
	bool leaving;  /* we ended it: what still comes is dropped */
	bool busy;     /* private */
	char why[120]; /* it did not come up */
	/* The player's. */
	uint32_t pings;    /* under way */
	double tokens;     /* NotHere that the server still gives us */
	uint64_t token_us; /* as of then */
};

/* Begin to log in: the state ends as UP or OVER.  false: memory. */
bool live_login(struct live_conn *c, struct live_side *side,
		const struct replay_plan *plan, uint32_t num);
/* The bytes of a step, with keys of today.  false: it is over. */
bool live_send(struct live_conn *c, const struct replay_step *s,
	       const uint8_t tag[4]);
bool live_ping(struct live_conn *c, const uint8_t tag[4], uint32_t num);
void live_leave(struct live_conn *c, bool reset);
void live_free(struct live_conn *c);

#endif
