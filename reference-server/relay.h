/*
 * relay.h - who is connected, who gets a packet, who is told of what.
 *
 * Knows nothing of sockets: it fills outboxes and calls back.  Its memory is
 * bounded by the number of members: RELAY_LINKS_MAX links of about 150 bytes
 * for each key, a control queue of relay.control_max bytes for each member.
 */
#ifndef DERPD_RELAY_H
#define DERPD_RELAY_H

#include "derp_info.h"
#include "queue.h"
#include "table.h"

/* Receivers remembered for one sender; a key that sends to more forgets the
 * oldest, who then is not told when it leaves. */
#define RELAY_LINKS_MAX 1024
#define NOT_HERE_BURST 3 /* then one per second (DERP-GONE-4) */

struct peer;
struct link;

/* One connection that is logged in.  Zeroed at first; the fields down to
 * app_len are filled before relay_join(). */
struct member {
	bool mesh, prober, not_ideal;
	uint8_t ip[DERP_IP_LEN];
	uint16_t port;
	uint8_t app[DERP_APP_MAX];
	uint8_t app_len;

	struct outbox out;
	struct peer *peer; /* NULL: not joined */
	struct member *prev, *next;
	struct member *watch_prev, *watch_next;
	bool watching;
	uint64_t wrote; /* place in the history of the key; 0: in none */
	uint64_t told;  /* the last departure that it was told of */
	struct link *received;
	int64_t tokens_ms, tokens_at; /* of NotHere; 1000 each */
	struct link *last;            /* where the last packet went: a cache */
};

/* One key, with all its connections. */
struct peer {
	uint8_t key[DERP_KEY_LEN];
	struct member *members, *active;
	uint32_t num_members, num_sent;
	struct link *sent; /* oldest first */
	UT_hash_handle hh;
};

struct relay {
	/* There is something to write. */
	void (*wake)(struct member *m);
	/* A queue is full: write now what the socket takes. */
	void (*flush)(struct member *m);
	/* This connection has to end.  m stays joined until the caller
	 * leaves, which must not happen within the callback. */
	void (*end)(struct member *m, const char *why);

	size_t control_max;
	const uint8_t *own_key; /* the server's, 32 bytes */
	int64_t now_ms;
	struct peer *peers;
	struct link *links;
	struct member *watchers;
	uint64_t clock, departures;
	uint64_t relayed, unknown; /* packets */
};

/* 0, or -1 when there is no memory. */
int relay_join(struct relay *r, struct member *m,
	       const uint8_t key[DERP_KEY_LEN]);
void relay_leave(struct relay *r, struct member *m);
/* A whole header came in from m (DERP-DUP-3). */
void relay_active(struct relay *r, struct member *m);
/* Payload of p: "dst data", "src dst data".  Both take p. */
void relay_send(struct relay *r, struct member *m, struct packet *p);
void relay_forward(struct relay *r, struct member *m, struct packet *p);
void relay_ping(struct relay *r, struct member *m,
		const uint8_t data[DERP_PING_LEN]);
void relay_keep_alive(struct relay *r, struct member *m);
void relay_watch(struct relay *r, struct member *m);
void relay_close_peer(struct relay *r, const uint8_t key[DERP_KEY_LEN]);

#endif
