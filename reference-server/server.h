/*
 * server.h - one event loop, its listeners, its connections.
 *
 * Memory, at most:  max_clients x about 1 KiB of state, with TLS 100 KiB
 *                   pool.max for all packets, read or queued
 *                   handshake_max for HTTP heads and ClientInfos above 4 KiB
 *                   relay.control_max for each connection (a watcher's needs)
 *                   and the relay's links (relay.h)
 */
#ifndef DERPD_SERVER_H
#define DERPD_SERVER_H

#include <ev.h>

#include "listen.h"
#include "relay.h"
#include "tls.h"

#define LISTEN_MAX 16
#define READ_MAX 65536 /* bytes of one read */

struct client;

struct config {
	struct {
		struct host_port where;
		bool tls;
	} listen[LISTEN_MAX];
	int num_listen;
	struct tls_server_options tls; /* of the listeners that want it */
	uint8_t key[DERP_KEY_LEN];     /* private */
	bool has_mesh_key;
	uint8_t mesh_key[DERP_KEY_LEN];
	uint32_t max_clients;
	/* Times in seconds.  keep_alive is the shortest pause; up to a
	 * twelfth is added at random: 60 to 65. */
	double keep_alive, write_timeout;
	double tls_timeout, http_timeout, login_timeout;
	double mesh_write_timeout;
};

struct server;

struct listener {
	ev_io io;
	struct server *server;
	bool tls;
};

struct server {
	struct ev_loop *loop;
	struct config config;
	uint8_t public_key[DERP_KEY_LEN];
	struct relay relay;
	struct pool pool;
	struct tls_setup *tls; /* NULL: no listener wants it */
	size_t handshake_used, handshake_max;
	struct listener listeners[LISTEN_MAX];
	int num_listeners;
	ev_timer accept_again; /* after a shortage of descriptors */
	bool accept_paused;
	ev_signal on_term, on_int, on_hup;
	ev_prepare settle;
	ev_check tick;
	struct client *clients; /* all of them */
	struct client *dirty;   /* have something to write */
	struct client *doomed;  /* end before the loop waits again */
	uint32_t num_clients;
	uint64_t last_id;
	int64_t full_at;      /* the log said so */
	uint8_t in[READ_MAX]; /* whoever is read uses it */
	uint8_t scratch[DERP_SKIP_MAX + DERP_KEY_LEN];
};

/* Listen on everything in config and print "listen ADDR:PORT" for each on
 * standard output, with " tls" behind it where that is spoken.  0, or -1 and a
 * line in err. */
int server_open(struct server *s, const struct config *config,
		char err[TRANSPORT_ERR_MAX]);
/* Until SIGTERM or SIGINT. */
void server_run(struct server *s);
void server_close(struct server *s);
/* A connection ended: a descriptor is free. */
void server_client_gone(struct server *s);

#endif
