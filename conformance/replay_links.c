/*
 * replay_links.c - which answer belongs to which frame, and which answers
 * were a matter of chance.
 *
 *   SendPacket conn0 dst=client1 "x"  -->  RecvPacket conn1 src=client0 "x"
 *   SendPacket conn0 dst=unknown0     -->  PeerGone conn0 unknown0 not-here
 *   Ping conn0                        -->  Pong conn0
 *
 * What is left over decides how strict the comparison is.  An answer whose
 * cause is not in the capture cannot come again: it becomes optional.  A frame
 * whose answer is missing for a reason that need not repeat (a full queue, a
 * connection that was ending, a spent allowance of notices) gets an extra:
 * the answer is allowed.  Everything else must be as it was.
 */
#include "replay_plan.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_STEPS 4096             /* how far an answer is looked for */
#define LOOK_NS INT64_C(5000000000) /* and how long */
#define BACK_STEPS 256
#define BACK_NS INT64_C(100000000)
#define RACE_MIN_NS INT64_C(5000000)
#define RACE_MAX_NS INT64_C(50000000)

bool replay_same(struct replay_ref a, struct replay_ref b)
{
	return a.who == b.who && a.num == b.num;
}

struct replay_ref replay_client_of(const struct replay_plan *p, uint32_t conn)
{
	struct replay_ref r = { REPLAY_CLIENT, p->conns[conn].client };

	return r;
}

struct replay_ref replay_source_of(const struct replay_plan *p,
				   const struct replay_step *s)
{
	return s->norm.type == DERP_FORWARD_PACKET
		       ? s->norm.from
		       : replay_client_of(p, s->conn);
}

bool replay_is_packet(const struct replay_step *s)
{
	return s->what == REPLAY_SEND && (s->norm.type == DERP_SEND_PACKET ||
					  s->norm.type == DERP_FORWARD_PACKET);
}

static bool is_delivery(const struct replay_plan *p,
			const struct replay_step *s,
			const struct replay_step *r)
{
	return r->norm.type == DERP_RECV_PACKET &&
	       replay_same(replay_client_of(p, r->conn), s->norm.key) &&
	       replay_same(r->norm.key, replay_source_of(p, s)) &&
	       r->norm.len == s->norm.len &&
	       memcmp(r->norm.data, s->norm.data, r->norm.have) == 0;
}

static bool is_refusal(const struct replay_step *s, const struct replay_step *r)
{
	return r->norm.type == DERP_PEER_GONE && r->norm.reason == 1 &&
	       r->conn == s->conn && replay_same(r->norm.key, s->norm.key) &&
	       replay_is_disco(&s->norm);
}

static bool is_pong(const struct replay_step *s, const struct replay_step *r)
{
	return r->norm.type == DERP_PONG && r->conn == s->conn &&
	       r->norm.have == DERP_PING_LEN &&
	       memcmp(r->norm.data, s->norm.data, DERP_PING_LEN) == 0;
}

static bool answers(const struct replay_plan *p, const struct replay_step *s,
		    const struct replay_step *r)
{
	if (replay_is_packet(s))
		return is_delivery(p, s, r) || is_refusal(s, r);
	return is_pong(s, r);
}

/* The first that fits.  Where packets were captured out of order it may
 * stand before its cause. */
static uint32_t find_answer(const struct replay_plan *p, uint32_t i)
{
	const struct replay_step *s = &p->steps[i], *r;
	uint32_t from = i;

	while (from > 0 && i - from < BACK_STEPS &&
	       p->steps[from - 1].ts_ns >= s->ts_ns - BACK_NS)
		from--;
	for (uint32_t j = from; j < p->num_steps && j < i + LOOK_STEPS; j++) {
		r = &p->steps[j];
		if (r->ts_ns - s->ts_ns > LOOK_NS)
			break;
		if (r->what == REPLAY_ANSWER && r->link == REPLAY_NONE &&
		    answers(p, s, r))
			return j;
	}
	return REPLAY_NONE;
}

bool replay_is_ping(const struct replay_step *s)
{
	return s->what == REPLAY_SEND && s->norm.type == DERP_PING &&
	       s->norm.have == DERP_PING_LEN && s->len >= DERP_PING_LEN;
}

static void join(struct replay_plan *p)
{
	struct replay_step *s;
	int64_t took, most = 0;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (replay_is_ping(s))
			s->norm.ping = p->num_pings++;
		else if (!replay_is_packet(s))
			continue;
		s->link = find_answer(p, i);
		if (s->link == REPLAY_NONE)
			continue;
		p->steps[s->link].link = i;
		p->steps[s->link].norm.ping = s->norm.ping;
		took = p->steps[s->link].ts_ns - s->ts_ns;
		if (took > most)
			most = took;
		s->needs_token = p->steps[s->link].norm.type == DERP_PEER_GONE;
	}
	/* As slow as the server was, somewhere, it may have been elsewhere. */
	p->race_ns = most < RACE_MAX_NS / 2 ? 2 * most : RACE_MAX_NS;
	if (p->race_ns < RACE_MIN_NS)
		p->race_ns = RACE_MIN_NS;
}

/* ---- causes before effects -------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct replay_step *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* An answer goes behind its cause, and what the server said to the same
 * client after it goes with it. */
static void find_places(struct replay_plan *p, uint32_t *latest)
{
	struct replay_step *s;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		s->order = s->place = i;
		if (s->what != REPLAY_ANSWER)
			continue;
		if (s->link != REPLAY_NONE && s->link > s->place)
			s->place = s->link;
		if (latest[s->conn] > s->place)
			s->place = latest[s->conn];
		latest[s->conn] = s->place;
		/* Of two in one place, the one moved there comes second. */
		if (s->place != i)
			s->order += p->num_steps;
	}
}

static int mend_order(struct replay_plan *p)
{
	uint32_t *latest = calloc(p->num_conns + 1, sizeof(*latest));
	uint32_t *now = calloc(p->num_steps + 1, sizeof(*now));
	bool good = latest != NULL && now != NULL;

	if (good && p->num_steps > 0) {
		find_places(p, latest);
		qsort(p->steps, p->num_steps, sizeof(*p->steps), by_place);
		for (uint32_t i = 0; i < p->num_steps; i++)
			now[p->steps[i].order % p->num_steps] = i;
		for (uint32_t i = 0; i < p->num_steps; i++)
			if (p->steps[i].link != REPLAY_NONE)
				p->steps[i].link = now[p->steps[i].link];
	}
	free(latest);
	free(now);
	return good ? 0 : -1;
}

/* ---- answers without a cause ---------------------------------------- */

/* Can what the capture shows of this client have caused everything? */
static bool all_seen(const struct replay_plan *p, struct replay_ref who)
{
	if (who.who != REPLAY_CLIENT)
		return false;
	for (uint32_t k = 0; k < p->num_conns; k++)
		if (p->conns[k].client == who.num && !p->conns[k].skip &&
		    (p->conns[k].lost_sends ||
		     p->conns[k].mode == CAPTURE_MIDDLE))
			return false;
	return true;
}

static void judge_answers(struct replay_plan *p)
{
	struct replay_step *s;
	bool has_cause;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (s->what != REPLAY_ANSWER || s->link != REPLAY_NONE ||
		    s->optional)
			continue;
		if (s->norm.type == DERP_RECV_PACKET)
			has_cause = all_seen(p, s->norm.key);
		else if (s->norm.type == DERP_PEER_GONE && s->norm.reason != 1)
			has_cause = s->norm.key.who == REPLAY_CLIENT;
		else
			has_cause = all_seen(p, replay_client_of(p, s->conn));
		if (s->norm.type != DERP_PEER_PRESENT &&
		    s->norm.type != REPLAY_END && !has_cause) {
			s->optional = true;
			p->no_cause++;
		}
	}
}

static bool is_news_of(const struct replay_step *s, uint32_t conn,
		       struct replay_ref who)
{
	return s->what == REPLAY_ANSWER && s->conn == conn &&
	       s->norm.type == DERP_PEER_GONE && s->norm.reason == 0 &&
	       replay_same(s->norm.key, who);
}

/* An answer that comes before its cause is another one. */
static int find_causes(struct replay_plan *p)
{
	uint32_t *left = calloc(p->num_clients + 1, sizeof(*left));
	struct replay_step *s;

	if (left == NULL)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (s->what == REPLAY_CLOSE)
			left[p->conns[s->conn].client] = i;
		if (s->what != REPLAY_ANSWER)
			continue;
		if (s->link != REPLAY_NONE)
			s->after = s->link;
		else if (s->norm.key.who == REPLAY_CLIENT &&
			 is_news_of(s, s->conn, s->norm.key))
			s->after = left[s->norm.key.num];
	}
	free(left);
	return 0;
}

/* ---- who closed, and why ---------------------------------------------- */

static bool breaks_rule(const struct replay_step *s, bool mesh)
{
	const struct derp_rule *r = derp_rule(s->norm.type);

	if (r == NULL || (r->from & (DERP_FROM_CLIENT | DERP_FROM_MESH)) == 0)
		return s->len > DERP_SKIP_MAX;
	return s->len < r->min || s->len > r->max ||
	       ((r->from & DERP_FROM_CLIENT) == 0 && !mesh);
}

/* Servers close for a reason: a broken rule, or a mesh peer's wish.  Without
 * one (it was stopped, say) the client does it when the capture is played. */
static int judge_ends(struct replay_plan *p)
{
	bool *provoked = calloc(p->num_conns + 1, sizeof(*provoked));
	struct replay_step *s;

	if (provoked == NULL)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (s->what == REPLAY_CLOSE)
			p->conns[s->conn].end = i;
		if (s->what == REPLAY_SEND &&
		    breaks_rule(s, p->conns[s->conn].mesh))
			provoked[s->conn] = true;
		if (s->what == REPLAY_SEND && s->norm.type == DERP_CLOSE_PEER)
			for (uint32_t k = 0; k < p->num_conns; k++)
				provoked[k] |= replay_same(
					replay_client_of(p, k), s->norm.key);
		if (s->what != REPLAY_ANSWER || s->norm.type != REPLAY_END)
			continue;
		p->conns[s->conn].end = i;
		if (!provoked[s->conn]) {
			s->what = REPLAY_CLOSE;
			p->server_left++;
		}
	}
	free(provoked);
	return 0;
}

int replay_plan_links(struct replay_plan *p)
{
	int err;

	for (uint32_t i = 0; i < p->num_conns; i++)
		p->conns[i].end = REPLAY_NONE;
	join(p);
	err = mend_order(p);
	if (err == 0)
		err = judge_ends(p);
	judge_answers(p);
	if (err == 0)
		err = find_causes(p);
	return err;
}
