/*
 * test_conn_join.c - a client and a server joined, plain and over WebSocket,
 * through pieces of every size; and noise, at every state of either.
 */
#include "conn_end.h"
#include "derp_ws.h"

/* ---- a conversation -------------------------------------------------- */

/* One direction: what was written and not yet delivered. */
struct pipe {
	uint8_t bytes[16384];
	size_t len, at;
};

struct side {
	struct end e;
	struct derp_ws_reader ws;
	size_t taken; /* of e.out */
};

struct talk {
	struct side client, server;
	struct pipe up, down;
	bool is_ws;
	size_t piece; /* bytes of a delivery, and of a WebSocket fragment */
	uint8_t mask;
};

static void put_in(struct pipe *p, const uint8_t *at, size_t len)
{
	assert_true(len <= sizeof p->bytes - p->len);
	memcpy(p->bytes + p->len, at, len);
	p->len += len;
}

/* As fragments of one message, with a Ping between them. */
static void put_message(struct talk *t, struct pipe *p, bool masked,
			const uint8_t *at, size_t len)
{
	uint8_t frame[256], mask[4];
	struct derp_ws_head h = { .op = DERP_WS_BINARY, .masked = masked };
	size_t n;

	while (len > 0) {
		uint8_t *part;

		for (size_t i = 0; i < sizeof mask; i++)
			mask[i] = (uint8_t)(t->mask + 50 * i);
		t->mask++;
		memcpy(h.mask, mask, sizeof mask);
		h.len = len < t->piece ? len : t->piece;
		h.fin = h.len == len;
		assert_int_equal(derp_ws_head_build(&h, frame, &n), 0);
		put_in(p, frame, n);
		part = exact(at, h.len);
		if (masked)
			derp_ws_mask(part, h.len, mask, 0);
		put_in(p, part, h.len);
		free(part);
		assert_int_equal(derp_ws_build(frame, sizeof frame, &n,
					       DERP_WS_PING,
					       masked ? mask : NULL,
					       (const uint8_t *)"hi", 2),
				 0);
		put_in(p, frame, n);
		at += h.len;
		len -= h.len;
		h.op = DERP_WS_CONTINUE;
	}
}

static void send_out(struct talk *t, struct side *s, struct pipe *p,
		     bool masked)
{
	size_t n;

	pull(&s->e);
	n = s->e.num_out - s->taken;
	if (t->is_ws)
		put_message(t, p, masked, s->e.out + s->taken, n);
	else
		put_in(p, s->e.out + s->taken, n);
	s->taken += n;
}

/* false: nothing was there. */
static bool deliver(struct talk *t, struct pipe *p, struct side *to)
{
	size_t n = p->len - p->at < t->piece ? p->len - p->at : t->piece;
	struct derp_ws_event ev;
	uint8_t *piece, *in;
	int step;

	if (n == 0)
		return false;
	piece = in = exact(p->bytes + p->at, n);
	p->at += n;
	if (!t->is_ws) {
		feed(&to->e, piece, n);
		free(piece);
		return true;
	}
	while ((step = derp_ws_reader_next(&to->ws, &in, &n, &ev)) > 0) {
		if (step == DERP_WS_PIECE)
			feed(&to->e, ev.at, ev.len);
	}
	assert_int_equal(step, DERP_WS_NEED);
	free(piece);
	return true;
}

static void run_talk(struct talk *t)
{
	bool moved;

	do {
		send_out(t, &t->client, &t->up, true);
		send_out(t, &t->server, &t->down, false);
		moved = deliver(t, &t->up, &t->server);
		moved = deliver(t, &t->down, &t->client) || moved;
	} while (moved || derp_conn_waits(&t->client.e.c) ||
		 derp_conn_waits(&t->server.e.c));
}

/* A frame of the caller's own, between two pulls. */
static void say_frame(struct end *e, const struct derp_msg *m, uint32_t len)
{
	uint8_t frame[256];
	size_t n;

	assert_int_equal(derp_conn_may_send(&e->c, m->type, len), 0);
	assert_int_equal(derp_build(m, frame, sizeof frame, &n), 0);
	assert_int_equal(n, 5 + len);
	memcpy(e->out + e->num_out, frame, n);
	e->num_out += n;
}

static void talk_begin(struct talk *t, bool is_ws, size_t piece)
{
	static const char head[] = "GET /derp HTTP/1.1\n\n";

	memset(t, 0, sizeof *t);
	t->is_ws = is_ws;
	t->piece = piece;
	with_open(is_ws ? DERP_OPEN_STREAM : DERP_OPEN_HTTP, NULL);
	client_begin(&t->client.e, 33);
	server_begin(&t->server.e, 33);
	derp_ws_reader_init(&t->client.ws, DERP_WS_CLIENT, 32768);
	derp_ws_reader_init(&t->server.ws, DERP_WS_SERVER, 32768);
	if (!is_ws)
		return;
	t->server.e.open = DERP_OPEN_STREAM;
	feed(&t->server.e, (const uint8_t *)head, sizeof head - 1);
}

static void converse(bool is_ws, size_t piece)
{
	static const uint8_t data[] = "a packet", one[8] = { 1 };
	struct derp_msg m = { .type = DERP_SEND_PACKET };
	struct talk *t = (void *)block(sizeof *t);
	struct end *c = &t->client.e, *s = &t->server.e;

	talk_begin(t, is_ws, piece);
	run_talk(t);
	m.packet.dst = client_public;
	m.packet.data = data;
	m.packet.len = sizeof data;
	say_frame(c, &m, 32 + sizeof data);
	assert_int_equal(derp_conn_ping(&c->c, one), 0);
	assert_int_equal(derp_conn_ping(&s->c, one), 0);
	assert_int_equal(derp_conn_tick(&s->c, s->now + 66000, 0), 0);
	run_talk(t);
	m = (struct derp_msg){ .type = DERP_RECV_PACKET };
	m.packet.src = client_public;
	m.packet.data = data;
	m.packet.len = sizeof data;
	say_frame(s, &m, 32 + sizeof data);
	run_talk(t);
	assert_non_null(
		strstr(s->log, "login(2,0,0) head(04,41,bulk) frame(04,0,"));
	assert_non_null(strstr(s->log, "head(12,8) frame(12,0) "
				       "head(13,8) "));
	assert_non_null(strstr(c->log,
			       "info(2,0,0) head(12,8) frame(12,0) head(06,0) "
			       "frame(06,0) head(13,8) frame(13,0,1) "
			       "head(05,41,bulk) frame(05,0,"));
	assert_int_equal(derp_conn_end(&c->c), 0);
	assert_int_equal(derp_conn_end(&s->c), 0);
	end_free(c);
	end_free(s);
	free(t);
}

static void two_ends_talk_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 70; piece++)
		converse(false, piece);
	converse(false, 10000);
}

static void two_ends_talk_over_websocket(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 70; piece++)
		converse(true, piece);
	converse(true, 125);
	converse(true, 126);
	converse(true, 10000);
}

/* ---- noise ----------------------------------------------------------- */

static uint32_t dice;

static uint32_t roll(uint32_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 17;
	dice ^= dice << 5;
	return dice % sides;
}

/* Frames of likely types and lengths, some damaged, some cut. */
static size_t make_noise(uint8_t *out, size_t cap)
{
	size_t len = 0, end;

	for (uint32_t num = roll(6) + 1; num > 0; num--) {
		uint32_t type = roll(8) != 0 ? roll(0x18) : roll(256);
		uint32_t n = roll(4) != 0 ? 32 * roll(4) + roll(12) : roll(80);
		const struct derp_rule *rule = derp_rule(type);

		if (rule != NULL && roll(2) != 0 && rule->min < 128)
			n = rule->min + roll(2);
		if (len + 5 + n > cap)
			break;
		derp_head_build(out + len, type,
				roll(40) != 0 ? n : roll(UINT32_MAX));
		end = len + 5 + n;
		for (len += 5; len < end; len++)
			out[len] = (uint8_t)roll(roll(2) != 0 ? 256 : 3);
	}
	if (len > 0 && roll(3) == 0)
		out[roll((uint32_t)len)] = (uint8_t)roll(256);
	return roll(2) != 0 ? len : roll((uint32_t)len + 1);
}

/* The end at any of its states, by as much of a login as that takes. */
static void at_any_state(struct end *e, bool server, size_t stop)
{
	struct end c, s, *other = server ? &c : &s;

	with_open(DERP_OPEN_HTTP, NULL);
	client_begin(&c, 100);
	server_begin(&s, 100);
	join(&c, &s);
	end_free(&c);
	end_free(&s);
	if (server)
		server_begin(e, 100);
	else
		client_begin(e, 100);
	pull(e);
	feed(e, other->out, stop < other->num_out ? stop : other->num_out);
	end_free(e);
}

static void noise_is_the_same_at_every_cut(void **state)
{
	uint8_t noise[1024];
	struct end *whole = (void *)block(sizeof *whole);
	struct end *cut = (void *)block(sizeof *cut), start;

	(void)state;
	dice = 20261124;
	for (uint32_t i = 0; i < 20000; i++) {
		bool server = roll(2) != 0;
		/* Between the messages of a login, where no buffer is lent. */
		static const size_t stops[2][4] = { { 0, 172, 217, 10000 },
						    { 0, 67, 67, 10000 } };
		size_t len = make_noise(noise, sizeof noise), at;

		if (i % 100 == 0)
			at_any_state(&start, server,
				     stops[server][i / 100 % 4]);
		at = roll((uint32_t)len + 1);
		*whole = start;
		*cut = start;
		feed(whole, noise, len);
		feed(cut, noise, at);
		feed(cut, noise + at, len - at);
		assert_string_equal(cut->log, whole->log);
		assert_int_equal(cut->err, whole->err);
		assert_int_equal(cut->c.state, whole->c.state);
		assert_int_equal(derp_conn_end(&cut->c),
				 derp_conn_end(&whole->c));
		end_free(whole);
		end_free(cut);
	}
	free(whole);
	free(cut);
}

int main(void)
{
	static struct suite s;

	make_keys();
	ADD(&s, two_ends_talk_in_pieces_of_any_size);
	ADD(&s, two_ends_talk_over_websocket);
	ADD(&s, noise_is_the_same_at_every_cut);
	return run("conn_join", &s);
}
