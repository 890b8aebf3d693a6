/*
 * conn_steady.c - frames after the login, for either end.
 *
 *   header --> conn_judge(): take, skip, or end
 *                take: short frames go to small, packets and Health where the
 *                      caller lends, ServerInfo to conn_login.c
 *   end    --> what it says; a Ping makes a Pong wait
 */
#include "conn_state.h"
#include "bytes.h"

static bool is_bulk(uint32_t type)
{
	return type == DERP_SEND_PACKET || type == DERP_RECV_PACKET ||
	       type == DERP_FORWARD_PACKET || type == DERP_HEALTH;
}

static uint32_t limit(const struct derp_conn *c)
{
	return c->client != NULL ? DERP_FRAME_MAX : UINT32_MAX;
}

static void take_payload(struct derp_conn *c, const struct derp_frame *f,
			 bool *bulk)
{
	if (f->type == DERP_SERVER_INFO) {
		derp_reader_init(&c->reader, limit(c));
		conn_collect(c, f->len);
	} else if (is_bulk(f->type)) {
		c->taking = TAKING_BULK;
		*bulk = true;
	} else {
		c->taking = TAKING_SMALL;
		derp_reader_lend(&c->reader, c->small, DERP_CONN_SMALL);
	}
}

static int take_head(struct derp_conn *c, struct derp_conn_event *e,
		     const struct derp_frame *f)
{
	int verdict = conn_judge(c, f->type, f->len);
	bool bulk = false;

	if (verdict < 0)
		return conn_die(c, verdict);
	c->keys = verdict == VERDICT_KEYS ? conn_keys(f->type) : 0;
	if (verdict == VERDICT_TAKE)
		take_payload(c, f, &bulk);
	e->frame = *f;
	e->bulk = bulk;
	return DERP_CONN_HEAD;
}

/* While a pong waits, the next ping goes without (DERP-PING-5). */
static void answer(struct derp_conn *c, const struct derp_m_ping *ping)
{
	if ((c->todo & TODO_PONG) != 0)
		return;
	copy(c->pong, ping->data, DERP_PING_LEN);
	c->todo |= TODO_PONG;
}

/* Is it the Pong of our Ping (DERP-PING-8)? */
static bool is_answer(struct derp_conn *c, const struct derp_m_ping *pong)
{
	/* A Ping that was not written yet has no Pong. */
	if (!c->ping_out || (c->todo & TODO_PING) != 0)
		return false;
	for (uint32_t i = 0; i < DERP_PING_LEN; i++) {
		if (c->ping[i] != pong->data[i])
			return false;
	}
	c->ping_out = false;
	return true;
}

static bool is_whole(uint32_t taking, const struct derp_frame *f)
{
	return taking == TAKING_SMALL ||
	       (taking == TAKING_BULK && f->have == f->len);
}

/* NEED: it says nothing. */
static int take_frame(struct derp_conn *c, struct derp_conn_event *e,
		      const struct derp_frame *f)
{
	uint32_t taking = c->taking;
	struct derp_frame kept = *f;
	struct derp_msg m;

	c->taking = TAKING_NOTHING;
	if (c->keys != 0)
		return conn_die(c, DERP_E_LONG);
	kept.len = f->have;
	/* Judged on the header, so it has all its fields. */
	if (!is_whole(taking, f) || derp_parse(&m, &kept, DERP_WIRE_V2) != 0)
		return DERP_CONN_NEED;
	m.tail += f->len - f->have;
	e->answered = m.type == DERP_PONG && is_answer(c, &m.ping);
	if (m.type == DERP_PING)
		answer(c, &m.ping);
	e->frame = *f;
	e->msg = m;
	return DERP_CONN_FRAME;
}

int conn_steady(struct derp_conn *c, struct derp_conn_event *e,
		const uint8_t **in, size_t *len, uint64_t now_ms)
{
	struct derp_frame f;
	int step;

	if (c->want != 0)
		return conn_server_info(c, e, in, len, now_ms);
	while ((step = derp_reader_next(&c->reader, in, len, &f)) > 0) {
		if (step == DERP_HEAD)
			return take_head(c, e, &f);
		if (c->client != NULL && c->state == DERP_STATE_STEADY)
			c->deadline_ms = now_ms + c->times->silence_ms;
		step = take_frame(c, e, &f);
		if (step != DERP_CONN_NEED)
			return step;
	}
	if (step < 0)
		return conn_die(c, step);
	if (c->keys != 0 && derp_reader_got(&c->reader) >= c->keys)
		return conn_die(c, DERP_E_LONG);
	return DERP_CONN_NEED;
}
