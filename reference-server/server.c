/*
 * server.c - one event loop, its listeners, its connections.
 *
 *	wait -> read, judge, queue (client.c, steady.c, relay.c)
 *	  ^          |
 *	  |          v
 *	  +--- settle: write to everybody who has something waiting, then
 *	       free everybody who is doomed, until there are neither
 *
 * Writing once per turn puts everything that one turn has for a connection
 * into one writev(), also when many leave at once.  A departure may give others
 * something to write, and a write may doom: hence "until".
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "client.h"
#include "derp_box.h"
#include "listen.h"
#include "log.h"
#include "server.h"

#define POOL_MAX ((size_t)256 << 20)
#define HANDSHAKE_MAX ((size_t)16 << 20)
#define ACCEPT_PAUSE 0.2 /* seconds without descriptors */
#define ACCEPT_TURN 64   /* connections taken in one turn */
#define CONTROL_EACH 96  /* bytes of the largest notice, and some */

/* ---- what the relay calls back --------------------------------------- */

static void wake(struct member *m)
{
	client_wake(client_of(m));
}

static void flush(struct member *m)
{
	struct client *c = client_of(m);

	/* One that waits for the socket would only be told so again. */
	if (!ev_is_active(&c->out))
		client_flush(c);
}

static void end(struct member *m, const char *why)
{
	client_doom(client_of(m), why);
}

/* ---- turns ----------------------------------------------------------- */

static void settle(struct server *s)
{
	struct client *c, *leaving;

	while (s->dirty != NULL || s->doomed != NULL) {
		while ((c = s->dirty) != NULL) {
			s->dirty = c->next_dirty;
			c->is_dirty = false;
			client_flush(c);
		}
		/* They are in no other list any more.  Whom their departure
		 * dooms may be dirty, and waits for the next round. */
		leaving = s->doomed;
		s->doomed = NULL;
		while ((c = leaving) != NULL) {
			leaving = c->next_doomed;
			client_free(c);
		}
	}
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	(void)loop;
	(void)events;
	settle(w->data);
}

/* Right after the wait, before anything else. */
static void on_check(struct ev_loop *loop, ev_check *w, int events)
{
	struct server *s = w->data;
	struct timespec t;

	(void)loop;
	(void)events;
	clock_gettime(CLOCK_MONOTONIC, &t);
	s->relay.now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)events;
	LOG(LOG_INFO, "signal", L_NUM("signal", w->signum));
	ev_break(loop, EVBREAK_ALL);
}

/* SIGHUP: certificate and key may be new. */
static void on_hangup(struct ev_loop *loop, ev_signal *w, int events)
{
	struct server *s = w->data;
	char err[TRANSPORT_ERR_MAX];

	(void)loop;
	(void)events;
	if (s->tls == NULL)
		LOG(LOG_INFO, "reload", L_STR("tls", "none"));
	else if (tls_server_reload(s->tls, err) != 0)
		LOG(LOG_ERROR, "reload", L_STR("error", err));
	else
		LOG(LOG_INFO, "reload", L_STR("tls", "done"));
}

/* ---- accepting ------------------------------------------------------- */

static void accept_pause(struct server *s, int error)
{
	LOG(LOG_WARN, "accept", L_STR("error", strerror(error)),
	    L_NUM("clients", s->num_clients));
	s->accept_paused = true;
	for (int i = 0; i < s->num_listeners; i++)
		ev_io_stop(s->loop, &s->listeners[i].io);
	ev_timer_set(&s->accept_again, ACCEPT_PAUSE, 0.);
	ev_timer_start(s->loop, &s->accept_again);
}

static void accept_resume(struct server *s)
{
	s->accept_paused = false;
	ev_timer_stop(s->loop, &s->accept_again);
	for (int i = 0; i < s->num_listeners; i++)
		ev_io_start(s->loop, &s->listeners[i].io);
}

static void on_accept_again(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	accept_resume(t->data);
}

void server_client_gone(struct server *s)
{
	if (s->accept_paused)
		accept_resume(s);
}

static void refuse(struct server *s, int fd, bool tls)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
				     "Connection: close\r\n"
				     "Content-Length: 0\r\n\r\n";

	/* A crowd at the door fills no log. */
	if (s->relay.now_ms - s->full_at >= 1000) {
		s->full_at = s->relay.now_ms;
		LOG(LOG_WARN, "full", L_NUM("clients", s->num_clients));
	}
	/* Over TLS it would cost what there is too little of. */
	if (!tls && write(fd, answer, sizeof answer - 1) < 0)
		LOG(LOG_DEBUG, "full", L_STR("error", strerror(errno)));
	close(fd);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *l = io->data;
	struct server *s = l->server;
	struct sockaddr_storage from;

	(void)loop;
	(void)events;
	if (l->tls && tls_server_renew(s->tls, time(NULL)) > 0)
		LOG(LOG_INFO, "tls", L_STR("meta", "made anew"));
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = listen_accept(io->fd, &from);
		if (fd < 0) {
			/* Out of descriptors the listener stays readable:
			 * without a pause this would spin. */
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				accept_pause(s, errno);
			return;
		}
		if (s->num_clients >= s->config.max_clients)
			refuse(s, fd, l->tls);
		else
			client_new(s, fd, &from, l->tls ? s->tls : NULL);
	}
}

/* ---- life ------------------------------------------------------------ */

static int add_listener(struct server *s, const struct host_port *where,
			bool tls, char err[TRANSPORT_ERR_MAX])
{
	struct listener *l = &s->listeners[s->num_listeners];
	int fd = listen_open(where, err);

	if (fd < 0)
		return -1;
	l->server = s;
	l->tls = tls;
	ev_io_init(&l->io, on_accept, fd, EV_READ);
	l->io.data = l;
	ev_io_start(s->loop, &l->io);
	s->num_listeners++;
	return 0;
}

/* Only when all of them are there: a script that reads this may connect. */
static void print_listeners(const struct server *s)
{
	char text[HOST_PORT_TEXT_MAX];
	struct host_port real;

	for (int i = 0; i < s->num_listeners; i++) {
		if (listen_where(s->listeners[i].io.fd, &real) != 0)
			continue;
		host_port_text(text, &real);
		printf("listen %s%s\n", text,
		       s->listeners[i].tls ? " tls" : "");
	}
	fflush(stdout);
}

static void add_watchers(struct server *s)
{
	ev_prepare_init(&s->settle, on_prepare);
	s->settle.data = s;
	ev_prepare_start(s->loop, &s->settle);
	ev_check_init(&s->tick, on_check);
	s->tick.data = s;
	ev_set_priority(&s->tick, EV_MAXPRI);
	ev_check_start(s->loop, &s->tick);
	ev_signal_init(&s->on_term, on_signal, SIGTERM);
	ev_signal_start(s->loop, &s->on_term);
	ev_signal_init(&s->on_int, on_signal, SIGINT);
	ev_signal_start(s->loop, &s->on_int);
	ev_signal_init(&s->on_hup, on_hangup, SIGHUP);
	s->on_hup.data = s;
	ev_signal_start(s->loop, &s->on_hup);
	ev_timer_init(&s->accept_again, on_accept_again, ACCEPT_PAUSE, 0.);
	s->accept_again.data = s;
}

static int open_tls(struct server *s, char err[TRANSPORT_ERR_MAX])
{
	struct tls_server_options o = s->config.tls;
	char pin[TLS_PIN_MAX];

	o.meta_key = s->public_key;
	s->tls = tls_server_new(&o, err);
	if (s->tls == NULL)
		return -1;
	tls_server_pin(s->tls, pin);
	LOG(LOG_INFO, "tls", L_STR("pin", pin));
	if (o.keylog != NULL)
		LOG(LOG_WARN, "keylog", L_STR("file", o.keylog),
		    L_STR("means", "whoever has it can decrypt everything"));
	return 0;
}

/* All of them; TLS is set up before the first. */
static int add_listeners(struct server *s, char err[TRANSPORT_ERR_MAX])
{
	const struct config *c = &s->config;

	for (int i = 0; i < c->num_listen; i++)
		if (c->listen[i].tls && s->tls == NULL && open_tls(s, err) != 0)
			return -1;
	for (int i = 0; i < c->num_listen; i++)
		if (add_listener(s, &c->listen[i].where, c->listen[i].tls,
				 err) != 0)
			return -1;
	return 0;
}

int server_open(struct server *s, const struct config *config,
		char err[TRANSPORT_ERR_MAX])
{
	s->config = *config;
	s->pool.max = POOL_MAX;
	s->handshake_max = HANDSHAKE_MAX;
	s->relay.wake = wake;
	s->relay.flush = flush;
	s->relay.end = end;
	s->relay.own_key = s->public_key;
	/* A watcher is told of everybody, and of everybody's leaving. */
	s->relay.control_max =
		4096 + (size_t)2 * CONTROL_EACH * config->max_clients;
	if (derp_public_key(s->public_key, s->config.key) != 0 ||
	    (s->loop = ev_default_loop(0)) == NULL) {
		snprintf(err, TRANSPORT_ERR_MAX, "cannot make an event loop");
		return -1;
	}
	add_watchers(s);
	if (add_listeners(s, err) != 0)
		return -1;
	print_listeners(s);
	return 0;
}

void server_run(struct server *s)
{
	ev_run(s->loop, 0);
}

void server_close(struct server *s)
{
	struct client *c, *next;

	for (int i = 0; i < s->num_listeners; i++) {
		ev_io_stop(s->loop, &s->listeners[i].io);
		close(s->listeners[i].io.fd);
	}
	s->num_listeners = 0;
	DL_FOREACH_SAFE (s->clients, c, next)
		client_doom(c, "server ends");
	/* Nobody is told of anything any more. */
	while ((c = s->doomed) != NULL) {
		s->doomed = c->next_doomed;
		client_free(c);
	}
	tls_setup_free(s->tls);
	sodium_memzero(&s->config, sizeof s->config);
}
