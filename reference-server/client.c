/*
 * client.c - one connection.
 *
 *	[TLS] ---> HTTP ----> LOGIN ----> STEADY
 *	  |          |          |            |
 *	  v          v          v            v
 *	doomed    CLOSING     doomed       doomed
 *
 *	TLS      the handshake, if the listener wants it; 10 s
 *	HTTP     requests are answered until one upgrades; 30 s each
 *	LOGIN    ServerKey is out, ClientInfo comes in; 10 s
 *	STEADY   frames; no time limit but on writing
 *	CLOSING  the last HTTP answer is on its way; input is dropped
 *
 * A doomed connection is freed before the loop waits again, never within a
 * callback of its own or of another connection.  Whoever closes its writing
 * half has closed.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "client.h"
#include "listen.h"
#include "log.h"
#include "login.h"
#include "upgrade.h"

#define BUF_FIRST 512
#define BUF_FREE 4096          /* bytes that every login may have */
#define HANDSHAKE_OUT_MAX 8192 /* bytes of HTTP answers that may wait */
#define CLOSING_SECONDS 2.0

struct client *client_of(struct member *m)
{
	return (struct client *)(void *)((char *)m -
					 offsetof(struct client, member));
}

void client_doom(struct client *c, const char *why)
{
	if (c->is_doomed)
		return;
	c->is_doomed = true;
	c->why = why;
	c->next_doomed = c->server->doomed;
	c->server->doomed = c;
	ev_io_stop(c->server->loop, &c->in);
	ev_io_stop(c->server->loop, &c->out);
}

static void set_deadline(struct client *c, double seconds)
{
	ev_timer_stop(c->server->loop, &c->deadline);
	ev_timer_set(&c->deadline, seconds, 0.);
	ev_timer_start(c->server->loop, &c->deadline);
}

/* ---- the buffer of the handshake ------------------------------------- */

static void buf_free(struct client *c)
{
	if (c->buf != NULL)
		sodium_memzero(c->buf, c->cap);
	if (c->cap > BUF_FREE)
		c->server->handshake_used -= c->cap;
	free(c->buf);
	c->buf = NULL;
	c->len = c->cap = 0;
}

/* Append in[n]; max bytes in all.  It grows as bytes arrive, never by
 * what a length field says. */
static int buf_add(struct client *c, const uint8_t *in, size_t n, size_t max)
{
	struct server *s = c->server;
	size_t cap = c->cap != 0 ? c->cap : BUF_FIRST, charge, refund;
	uint8_t *grown;

	if (n > max - c->len)
		return -1;
	if (c->buf == NULL || c->cap - c->len < n) {
		while (cap - c->len < n)
			cap *= 2;
		charge = cap > BUF_FREE ? cap : 0;
		refund = c->cap > BUF_FREE ? c->cap : 0;
		if (charge > s->handshake_max - (s->handshake_used - refund))
			return -1;
		if ((grown = malloc(cap)) == NULL)
			return -1;
		if (c->len > 0)
			memcpy(grown, c->buf, c->len);
		size_t len = c->len;
		buf_free(c);
		c->buf = grown;
		c->len = len;
		c->cap = cap;
		s->handshake_used += charge;
	}
	memcpy(c->buf + c->len, in, n);
	c->len += n;
	return 0;
}

/* ---- output ---------------------------------------------------------- */

void client_wake(struct client *c)
{
	/* One that waits for its socket hears from the loop. */
	if (c->is_dirty || c->is_doomed || ev_is_active(&c->out))
		return;
	c->is_dirty = true;
	c->next_dirty = c->server->dirty;
	c->server->dirty = c;
}

static double write_timeout(const struct client *c)
{
	return c->member.mesh ? c->server->config.mesh_write_timeout
			      : c->server->config.write_timeout;
}

/* Nothing more to write. */
static void drained(struct client *c)
{
	ev_io_stop(c->server->loop, &c->out);
	switch (c->state) {
	case CLIENT_STEADY:
		ev_timer_stop(c->server->loop, &c->deadline);
		break;
	case CLIENT_CLOSING:
		if (wire_finish(&c->wire) == 0)
			ev_io_start(c->server->loop, &c->out);
		break;
	case CLIENT_HTTP:
		ev_io_start(c->server->loop, &c->in);
		break;
	case CLIENT_TLS:
	case CLIENT_LOGIN:
		break;
	}
}

/* The socket is full: wait, but not for ever (DERP-LIMIT-4). */
static void blocked(struct client *c, bool moved)
{
	bool waiting = ev_is_active(&c->out);

	ev_io_start(c->server->loop, &c->out);
	if (c->state == CLIENT_HTTP)
		ev_io_stop(c->server->loop, &c->in);
	if (c->state == CLIENT_STEADY && (moved || !waiting))
		set_deadline(c, write_timeout(c));
}

void client_flush(struct client *c)
{
	struct outbox *o = &c->member.out;
	struct iovec iov[OUTBOX_IOV];
	size_t before = wire_waits(&c->wire);
	bool moved = false;

	while (!c->is_doomed &&
	       !(outbox_is_empty(o) && wire_waits(&c->wire) == 0)) {
		ssize_t n = wire_write(&c->wire, iov, outbox_iov(o, iov));
		if (n > 0)
			outbox_sent(o, (size_t)n);
		if (n >= 0) {
			moved = true;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			moved = moved || wire_waits(&c->wire) < before;
			blocked(c, moved);
			return;
		} else if (errno != EINTR) {
			client_doom(c, "connection is broken");
			return;
		}
	}
	if (!c->is_doomed)
		drained(c);
}

static void say(struct client *c, const uint8_t *bytes, size_t len)
{
	struct outbox *o = &c->member.out;
	size_t max = c->state == CLIENT_STEADY ? c->server->relay.control_max
					       : HANDSHAKE_OUT_MAX;

	if (outbox_control(o, max, bytes, len) != 0) {
		client_flush(c);
		if (outbox_control(o, max, bytes, len) != 0) {
			client_doom(c, "answers are not read");
			return;
		}
	}
	client_wake(c);
}

/* ---- HTTP ------------------------------------------------------------ */

static void begin_login(struct client *c)
{
	uint8_t frame[LOGIN_FRAME_MAX];

	c->state = CLIENT_LOGIN;
	derp_reader_init(&c->reader, UINT32_MAX);
	say(c, frame, login_server_key(frame, c->server->public_key));
	set_deadline(c, c->server->config.login_timeout);
}

static void obey(struct client *c, const struct upgrade *u)
{
	if (u->len > 0)
		say(c, u->answer, u->len);
	switch (u->verdict) {
	case UPGRADE_DERP:
		LOG(LOG_DEBUG, "upgrade", L_NUM("conn", c->id),
		    L_NUM("fast_start", u->len == 0));
		c->not_ideal = u->not_ideal;
		begin_login(c);
		break;
	case UPGRADE_NEXT:
		set_deadline(c, c->server->config.http_timeout);
		break;
	case UPGRADE_CLOSE:
		c->state = CLIENT_CLOSING;
		set_deadline(c, CLOSING_SECONDS);
		break;
	}
}

/* Take the bytes of a request's head; returns how many. */
static size_t http_input(struct client *c, const uint8_t *in, size_t len)
{
	struct derp_http_head h;
	struct upgrade u;
	size_t before = c->len, room = DERP_HTTP_MAX + 1 - c->len;
	int r;

	/* One byte above the limit lets the reader see that it is too long. */
	if (len > room)
		len = room;
	if (buf_add(c, in, len, DERP_HTTP_MAX + 1) != 0) {
		client_doom(c, "no memory for its request");
		return len;
	}
	r = derp_http_read_request(&c->http, &h, c->buf, c->len);
	if (r == 0 && c->len > DERP_HTTP_MAX)
		r = DERP_E_LIMIT;
	if (r == 0)
		return len;
	if (r < 0) {
		upgrade_refuse(&u, r);
	} else {
		upgrade_judge(&u, &h, c->server->public_key);
		len = h.len - before;
	}
	memset(&c->http, 0, sizeof c->http);
	buf_free(c);
	obey(c, &u);
	return len;
}

/* ---- login ----------------------------------------------------------- */

static double keep_alive_pause(const struct server *s)
{
	double random = randombytes_uniform(1u << 20) / (double)(1u << 20);

	return s->config.keep_alive * (1 + random / 12);
}

static void on_alive(struct ev_loop *loop, ev_timer *t, int events)
{
	struct client *c = t->data;

	(void)events;
	relay_keep_alive(&c->server->relay, &c->member);
	/* A pause of its own each time (DERP-ALIVE-1). */
	ev_timer_set(t, keep_alive_pause(c->server), 0.);
	ev_timer_start(loop, t);
}

static const char *admit(struct client *c, const struct login *login)
{
	struct server *s = c->server;
	struct member *m = &c->member;
	uint8_t frame[LOGIN_FRAME_MAX];
	size_t n = login_server_info(frame, login->key, s->config.key);

	if (n == 0)
		return "ServerInfo cannot be sealed";
	m->mesh = login->mesh;
	m->prober = login->info.is_prober;
	m->not_ideal = c->not_ideal;
	m->app_len = (uint8_t)login->info.app_len;
	memcpy(m->app, login->info.app, m->app_len);
	/* Routable first, then ServerInfo (DERP-LOGIN-13). */
	if (relay_join(&s->relay, m, login->key) != 0)
		return "no memory";
	c->state = CLIENT_STEADY;
	if (ev_is_active(&c->out))
		set_deadline(c, write_timeout(c));
	else
		ev_timer_stop(s->loop, &c->deadline);
	say(c, frame, n);
	derp_reader_init(&c->reader, UINT32_MAX);
	ev_timer_set(&c->alive, keep_alive_pause(s), 0.);
	ev_timer_start(s->loop, &c->alive);
	LOG(LOG_INFO, "login", L_NUM("conn", c->id), L_KEY("key", login->key),
	    L_NUM("mesh", m->mesh), L_TEXT("app", m->app, m->app_len));
	return NULL;
}

static void login_input(struct client *c, const uint8_t **in, size_t *len)
{
	struct server *s = c->server;
	struct derp_frame f;
	struct login login;
	const char *why;
	size_t n;

	if (c->info_len == 0) {
		if (derp_reader_next(&c->reader, in, len, &f) != DERP_HEAD)
			return;
		if ((why = login_head(&f)) != NULL) {
			client_doom(c, why);
			return;
		}
		c->info_len = f.len;
	}
	n = c->info_len - c->len;
	if (n > *len)
		n = *len;
	if (n > 0 && buf_add(c, *in, n, c->info_len) != 0) {
		client_doom(c, "no memory for its ClientInfo");
		return;
	}
	*in += n;
	*len -= n;
	if (c->len < c->info_len)
		return;
	why = login_judge(&login, c->buf, c->info_len, s->config.key,
			  s->config.has_mesh_key ? s->config.mesh_key : NULL);
	buf_free(c);
	if (why == NULL)
		why = admit(c, &login);
	if (why != NULL)
		client_doom(c, why);
}

/* ---- input ----------------------------------------------------------- */

static void input(struct client *c, const uint8_t *in, size_t len)
{
	const char *why;
	size_t n;

	while (len > 0 && !c->is_doomed) {
		switch (c->state) {
		case CLIENT_HTTP:
			n = http_input(c, in, len);
			in += n;
			len -= n;
			break;
		case CLIENT_LOGIN:
			login_input(c, &in, &len);
			break;
		case CLIENT_STEADY:
			if ((why = steady_input(c, in, len)) != NULL)
				client_doom(c, why);
			return;
		case CLIENT_TLS:
		case CLIENT_CLOSING:
			return;
		}
	}
}

static void handshake(struct client *c)
{
	struct server *s = c->server;
	char err[TRANSPORT_ERR_MAX];
	int r = tls_handshake(c->wire.tls, err);

	if (r < 0) {
		LOG(LOG_DEBUG, "tls", L_NUM("conn", c->id),
		    L_STR("error", err));
		client_doom(c, "no TLS");
		return;
	}
	if (wire_waits(&c->wire) > 0)
		ev_io_start(s->loop, &c->out);
	else
		ev_io_stop(s->loop, &c->out);
	if (r == 0)
		return;
	c->state = CLIENT_HTTP;
	set_deadline(c, s->config.http_timeout);
}

static void on_in(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *c = io->data;
	struct server *s = c->server;
	ssize_t n;

	(void)loop;
	(void)events;
	if (c->state == CLIENT_TLS) {
		handshake(c);
		return;
	}
	n = wire_read(&c->wire, s->in, sizeof s->in);
	/* TLS may have to answer by itself. */
	if (wire_waits(&c->wire) > 0)
		client_wake(c);
	if (n > 0)
		input(c, s->in, (size_t)n);
	else if (n == 0)
		client_doom(c, "closed by the client");
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		client_doom(c, "connection is broken");
}

static void on_out(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *c = io->data;

	(void)loop;
	(void)events;
	if (c->state == CLIENT_TLS)
		handshake(c);
	else
		client_flush(c);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int events)
{
	static const char *const why[] = {
		[CLIENT_TLS] = "no TLS handshake in time",
		[CLIENT_HTTP] = "no request in time",
		[CLIENT_LOGIN] = "no ClientInfo in time",
		[CLIENT_STEADY] = "does not read",
		[CLIENT_CLOSING] = "refused",
	};
	struct client *c = t->data;

	(void)loop;
	(void)events;
	client_doom(c, why[c->state]);
}

/* ---- life ------------------------------------------------------------ */

void client_new(struct server *s, int fd, const struct sockaddr_storage *from,
		struct tls_setup *tls)
{
	struct client *c = calloc(1, sizeof *c);

	if (c == NULL || wire_open(&c->wire, fd, tls) != 0) {
		free(c);
		close(fd);
		return;
	}
	c->state = tls != NULL ? CLIENT_TLS : CLIENT_HTTP;
	c->server = s;
	c->id = ++s->last_id;
	address_text(&c->from, from);
	address_bytes(c->member.ip, &c->member.port, from);
	ev_io_init(&c->in, on_in, fd, EV_READ);
	ev_io_init(&c->out, on_out, fd, EV_WRITE);
	ev_timer_init(&c->deadline, on_deadline,
		      tls != NULL ? s->config.tls_timeout
				  : s->config.http_timeout,
		      0.);
	ev_timer_init(&c->alive, on_alive, 0., 0.);
	c->in.data = c->out.data = c->deadline.data = c->alive.data = c;
	ev_io_start(s->loop, &c->in);
	ev_timer_start(s->loop, &c->deadline);
	DL_APPEND(s->clients, c);
	s->num_clients++;
	LOG(LOG_DEBUG, "accept", L_NUM("conn", c->id),
	    L_STR("from", c->from.host), L_NUM("port", c->from.port));
}

void client_free(struct client *c)
{
	struct server *s = c->server;

	LOG(c->state == CLIENT_STEADY ? LOG_INFO : LOG_DEBUG, "close",
	    L_NUM("conn", c->id), L_STR("from", c->from.host),
	    L_NUM("port", c->from.port), L_STR("why", c->why));
	relay_leave(&s->relay, &c->member);
	outbox_free(&c->member.out);
	packet_free(c->packet);
	buf_free(c);
	ev_io_stop(s->loop, &c->in);
	ev_io_stop(s->loop, &c->out);
	ev_timer_stop(s->loop, &c->deadline);
	ev_timer_stop(s->loop, &c->alive);
	wire_close(&c->wire);
	DL_DELETE(s->clients, c);
	s->num_clients--;
	free(c);
	server_client_gone(s);
}
