/*
 * client.h - one connection.
 */
#ifndef DERPD_CLIENT_H
#define DERPD_CLIENT_H

#include <sys/socket.h>

#include "derp_http.h"
#include "server.h"
#include "wire.h"

/* See the picture in client.c. */
enum client_state {
	CLIENT_TLS,
	CLIENT_HTTP,
	CLIENT_LOGIN,
	CLIENT_STEADY,
	CLIENT_CLOSING
};

struct client {
	ev_io in, out;
	struct wire wire;
	ev_timer deadline; /* of the state; in STEADY of a write */
	ev_timer alive;
	struct server *server;
	struct client *prev, *next;
	struct client *next_dirty, *next_doomed;
	bool is_dirty, is_doomed;
	bool not_ideal;
	enum client_state state;
	uint64_t id;
	struct host_port from;
	const char *why; /* it ends */

	/* An HTTP head, or the payload of ClientInfo, as it grows. */
	uint8_t *buf;
	size_t len, cap;
	struct derp_http_reader http;
	uint32_t info_len; /* of ClientInfo; 0: before its header */

	struct derp_reader reader;
	uint32_t type;         /* of the current frame */
	struct packet *packet; /* where its payload goes, if it goes */
	uint8_t small[2 * DERP_KEY_LEN]; /* where short ones go */
	bool oversize;                   /* close when the keys are there */
	struct member member;
};

/* Takes fd, whatever happens.  tls NULL: plain. */
void client_new(struct server *s, int fd, const struct sockaddr_storage *from,
		struct tls_setup *tls);
/* It ends before the loop waits again; why is kept, not copied. */
void client_doom(struct client *c, const char *why);
void client_free(struct client *c);
/* Write what waits, as far as the socket takes it. */
void client_flush(struct client *c);
void client_wake(struct client *c);
struct client *client_of(struct member *m);

/* ---- steady.c: frames after the login -------------------------------- */

/* Act on in[len].  NULL, or why the connection ends. */
const char *steady_input(struct client *c, const uint8_t *in, size_t len);

#endif
