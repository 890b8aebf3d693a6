/*
 * replay_chance.h - between replay_chance.c (packets, pings) and
 * replay_news.c (who is told that somebody left).
 */
#ifndef REPLAY_CHANCE_H
#define REPLAY_CHANCE_H

#include "replay_plan.h"

/* Which of a client's connections receives: the one that wrote last. */
struct active {
	uint32_t conn, other; /* that wrote last, and another before it */
	int64_t conn_ns, other_ns;
};

struct tokens {
	double left;
	int64_t ns;
};

/* What is known of a client and a connection that he may have written to. */
enum {
	WRITTEN = 1, /* it got a packet of his, or watches */
	TOLD = 2,    /* that he left */
	MAYBE = 4,   /* it may be told */
	DOUBT = 8,   /* it may be told or not */
	OWED = 16,   /* it may be told once more */
};

struct chance {
	struct replay_plan *p;
	uint32_t *logins;      /* per connection: its step */
	uint32_t *writes;      /* per connection: its last step so far */
	bool *doomed;          /* per connection: a mesh peer closes it */
	struct active *active; /* per client */
	struct tokens *tokens; /* per connection */
	uint8_t *news;         /* per connection and client */
};

/* -1: memory. */
int chance_allow(struct replay_plan *p, uint32_t conn,
		 const struct replay_norm *n);
void chance_optional(struct replay_plan *p, struct replay_step *s);
/* A PeerGone. */
struct replay_norm chance_gone(struct replay_ref who, int reason);
bool chance_is_client(const struct replay_plan *p, uint32_t conn,
		      struct replay_ref who);
bool chance_ends_near(const struct chance *g, uint32_t conn, int64_t ts);
bool chance_near_end(const struct chance *g, uint32_t conn, int64_t ts);
bool chance_near_begin(const struct chance *g, uint32_t conn, int64_t ts);
bool chance_is_there(const struct chance *g, uint32_t conn, uint32_t step);
void chance_note(struct chance *g, uint32_t conn, struct replay_ref who,
		 uint8_t flag);
int chance_news(struct chance *g);

#endif
