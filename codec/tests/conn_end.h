/*
 * conn_end.h - one end of a connection under test: it lends, accepts and
 * admits, keeps what it writes, and writes down what happens.
 */
#ifndef CONN_END_H
#define CONN_END_H

#include <sodium.h>

#include "derp_box.h"
#include "derp_conn.h"
#include "exact.h"

static uint8_t client_private[32], client_public[32];
static uint8_t server_private[32], server_public[32];
static const uint8_t mesh_key[32] = { 7, 7, 7 };
static const uint8_t client_nonce[24] = "client nonce";
static const uint8_t server_nonce[24] = "server nonce";
static struct derp_client_info client_info = { .version = 2,
					       .can_ack_pings = true };
static const struct derp_http_upgrade upgrade = { .host = "x",
						  .path = "/derp" };
static struct derp_conn_client client_config = {
	.public_key = client_public,
	.private_key = client_private,
	.info = &client_info,
	.upgrade = &upgrade,
};
static struct derp_conn_server server_config = {
	.public_key = server_public,
	.private_key = server_private,
	.mesh_key = mesh_key,
};

static inline void with_open(enum derp_conn_open open, const uint8_t *key)
{
	client_config.open = open;
	client_config.server_key = key;
}

static inline void make_keys(void)
{
	assert_true(sodium_init() >= 0);
	memset(client_private, 0x11, 32);
	memset(server_private, 0x22, 32);
	assert_int_equal(derp_public_key(client_public, client_private), 0);
	assert_int_equal(derp_public_key(server_public, server_private), 0);
}

struct end {
	struct derp_conn c;
	uint64_t now;
	uint32_t grow; /* bytes more at each LEND; 0: none is lent */
	bool keep_off; /* neither accept nor admit nor lend for bulk */
	enum derp_conn_open open;
	struct derp_server_info offer;
	uint8_t *lent;
	size_t num_lends;
	char log[4096];
	size_t num_log;
	uint8_t out[4096]; /* written */
	size_t num_out;
	int err;
};

__attribute__((format(printf, 2, 3))) static inline void say(struct end *e,
							     const char *format,
							     ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(e->log + e->num_log, sizeof e->log - e->num_log, format,
		      args);
	va_end(args);
	e->num_log += (size_t)n;
	assert_true(e->num_log < sizeof e->log);
}

static inline void end_free(struct end *e)
{
	free(e->lent);
	e->lent = NULL;
}

static inline void client_begin(struct end *e, uint32_t grow)
{
	memset(e, 0, sizeof *e);
	memset(&e->c, 0xaa, sizeof e->c);
	e->grow = grow;
	e->now = 1000;
	assert_int_equal(derp_conn_client_init(&e->c, &client_config,
					       client_nonce, e->now),
			 0);
}

static inline void server_begin(struct end *e, uint32_t grow)
{
	memset(e, 0, sizeof *e);
	memset(&e->c, 0xaa, sizeof e->c);
	e->grow = grow;
	e->now = 1000;
	e->offer.version = 2;
	derp_conn_server_init(&e->c, &server_config, e->now);
}

/* Grow as realloc() does, into a block of just that size. */
static inline void lend_more(struct end *e, const struct derp_conn_event *ev)
{
	uint32_t cap = ev->have + e->grow;
	uint8_t *buf;

	e->num_lends++;
	assert_true(ev->have < ev->most);
	if (e->grow == 0)
		return;
	if (cap > ev->most)
		cap = ev->most;
	buf = blank(cap);
	if (ev->have != 0)
		memcpy(buf, e->lent, ev->have);
	free(e->lent);
	e->lent = buf;
	assert_int_equal(derp_conn_lend(&e->c, e->lent, ev->have),
			 DERP_E_NOBUF);
	assert_int_equal(derp_conn_lend(&e->c, e->lent, cap), 0);
}

static inline void lend_bulk(struct end *e, const struct derp_frame *f)
{
	free(e->lent);
	e->lent = block(f->len);
	if (f->len != 0)
		assert_int_equal(derp_conn_lend(&e->c, e->lent, f->len - 1),
				 DERP_E_NOBUF);
	assert_int_equal(derp_conn_lend(&e->c, e->lent, f->len), 0);
}

static inline uint32_t sum(const uint8_t *at, uint32_t len)
{
	uint32_t all = len;

	for (uint32_t i = 0; i < len; i++)
		all = all * 31 + at[i];
	return all;
}

static inline void say_msg(struct end *e, const struct derp_conn_event *ev)
{
	const struct derp_msg *m = &ev->msg;

	say(e, "frame(%02x,%u", m->type, m->tail);
	assert_int_equal(m->type, ev->frame.type);
	switch (m->type) {
	case DERP_SEND_PACKET:
		say(e, ",%02x,%u", m->packet.dst[0], m->packet.len);
		break;
	case DERP_RECV_PACKET:
		say(e, ",%02x,%u", m->packet.src[0], m->packet.len);
		break;
	case DERP_FORWARD_PACKET:
		say(e, ",%02x,%02x,%u", m->packet.src[0], m->packet.dst[0],
		    m->packet.len);
		break;
	case DERP_HEALTH:
		say(e, ",%.*s", (int)m->health.len,
		    (const char *)m->health.text);
		break;
	case DERP_PONG:
		say(e, ",%d", ev->answered);
		break;
	case DERP_PEER_GONE:
		say(e, ",%d", m->gone.reason);
		break;
	case DERP_PEER_PRESENT:
		say(e, ",%d,%d", m->present.flags, m->present.app_len);
		break;
	case DERP_NOTE_PREFERRED:
		say(e, ",%u", m->preferred.home);
		break;
	default:
		break;
	}
	if (m->type == DERP_SEND_PACKET || m->type == DERP_RECV_PACKET)
		say(e, ",%08x", sum(m->packet.data, m->packet.len));
	say(e, ") ");
}

static inline void act(struct end *e, int step,
		       const struct derp_conn_event *ev)
{
	switch ((enum derp_conn_step)step) {
	case DERP_CONN_NEED:
		break;
	case DERP_CONN_LEND:
		lend_more(e, ev);
		break;
	case DERP_CONN_REQUEST:
		say(e, "request(%.*s) ", (int)ev->head.target.len,
		    (const char *)ev->head.target.at);
		if (!e->keep_off)
			assert_int_equal(
				derp_conn_accept(&e->c, e->open, e->now), 0);
		break;
	case DERP_CONN_ANSWER:
		say(e, "answer(%u) ", ev->head.status);
		break;
	case DERP_CONN_LOGIN:
		assert_memory_equal(ev->key, client_public, 32);
		assert_true(sodium_is_zero(ev->client.mesh_key, 32));
		say(e, "login(%d,%d,%u) ", (int)ev->client.version, e->c.mesh,
		    (unsigned)ev->client.app_len);
		if (!e->keep_off)
			assert_int_equal(derp_conn_admit(&e->c, &e->offer,
							 server_nonce, e->now,
							 0),
					 0);
		break;
	case DERP_CONN_INFO:
		say(e, "info(%d,%d,%d) ", (int)ev->server.version,
		    (int)ev->server.bytes_per_second,
		    (int)ev->server.bytes_burst);
		break;
	case DERP_CONN_HEAD:
		say(e, "head(%02x,%u%s) ", ev->frame.type, ev->frame.len,
		    ev->bulk ? ",bulk" : "");
		if (ev->bulk && !e->keep_off)
			lend_bulk(e, &ev->frame);
		break;
	case DERP_CONN_FRAME:
		say_msg(e, ev);
		break;
	}
}

/* Keep what it writes, from blocks that are just large enough. */
static inline void pull(struct end *e)
{
	uint8_t *out = blank(DERP_CONN_OUT_MAX);
	size_t n;

	while (e->err == 0) {
		n = 0;
		if (derp_conn_pull(&e->c, out, DERP_CONN_OUT_MAX, &n) != 0 ||
		    n == 0)
			break;
		assert_true(e->num_out + n <= sizeof e->out);
		memcpy(e->out + e->num_out, out, n);
		e->num_out += n;
	}
	free(out);
}

/* One piece of the stream, in a block of its own; returns what was left. */
static inline size_t feed(struct end *e, const uint8_t *at, size_t len)
{
	uint8_t *piece = exact(at, len);
	const uint8_t *in = piece;
	struct derp_conn_event *ev = (void *)blank(sizeof *ev);
	int step;

	while ((step = derp_conn_next(&e->c, ev, &in, &len, e->now)) > 0)
		act(e, step, ev);
	if (step < 0 && e->err == 0)
		say(e, "error(%d) ", step);
	if (step < 0 && e->err != 0)
		assert_int_equal(step, e->err);
	e->err = step;
	pull(e);
	free(ev);
	free(piece);
	return len;
}

static inline void feed_hex(struct end *e, const char *hex)
{
	struct bytes b = unhex(hex);

	feed(e, b.at, b.len);
	free(b.at);
}

/* Give each what the other wrote until neither has anything to say. */
static inline void join(struct end *a, struct end *b)
{
	size_t from_a = 0, from_b = 0, n;

	do {
		pull(a);
		pull(b);
		n = a->num_out - from_a;
		from_a += n;
		feed(b, a->out + from_a - n, n);
		n = b->num_out - from_b;
		from_b += n;
		feed(a, b->out + from_b - n, n);
	} while (from_a < a->num_out || from_b < b->num_out);
}

#define LOGGED_IN_SERVER "request(/derp) login(2,0,0) "
#define LOGGED_IN_CLIENT "answer(101) head(03,53) info(2,0,0) "

static inline void forget_past(struct end *e)
{
	e->num_log = e->num_out = e->num_lends = 0;
	e->log[0] = '\0';
}

/* Both in STEADY, with empty logs. */
static inline void log_in(struct end *client, struct end *server)
{
	client_begin(client, 4096);
	server_begin(server, 4096);
	join(client, server);
	assert_string_equal(server->log, LOGGED_IN_SERVER);
	assert_string_equal(client->log, LOGGED_IN_CLIENT);
	assert_int_equal(server->c.state, DERP_STATE_STEADY);
	assert_int_equal(client->c.state, DERP_STATE_STEADY);
	assert_memory_equal(derp_conn_peer(&client->c), server_public, 32);
	assert_memory_equal(derp_conn_peer(&server->c), client_public, 32);
	forget_past(client);
	forget_past(server);
}

/* The same stream, in one cut, in each two pieces and byte by byte, to a copy
 * of the end: the same happens, or the test fails.  The end itself takes it
 * whole. */
static inline void feed_every_cut(struct end *e, const uint8_t *at, size_t len)
{
	struct end *cut = (void *)block(sizeof *cut), start;

	assert_null(e->lent);
	pull(e);
	start = *e;
	feed(e, at, len);
	for (size_t a = 0; a <= len + 1; a++) {
		*cut = start;
		if (a <= len) {
			feed(cut, at, a);
			feed(cut, at + a, len - a);
		} else {
			for (size_t i = 0; i < len; i++)
				feed(cut, at + i, 1);
		}
		assert_string_equal(cut->log, e->log);
		assert_int_equal(cut->err, e->err);
		assert_int_equal(cut->c.state, e->c.state);
		/* What waits when a connection dies is not written. */
		if (e->err == 0) {
			assert_int_equal(cut->num_out, e->num_out);
			assert_bytes(cut->out, e->out, e->num_out);
		}
		end_free(cut);
	}
	free(cut);
}

#endif
