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
#define BURST 24          /* packets to one peer that queues surely hold */
#define BURST_NS 50000000 /* sent within this time */
#define PENDING_NS INT64_C(1000000000) /* a ping without a pong */
#define RACE_MIN_NS INT64_C(1000000)
#define RACE_MAX_NS INT64_C(200000000)
#define RACE_NS INT64_C(5000000) /* when nothing was measured */

struct burst {
	int64_t since;
	uint32_t num;
};

struct joining {
	struct replay_plan *p;
	struct burst *bursts; /* per client */
	uint32_t *ends;       /* per connection: its last step; or NONE */
	int64_t race_ns;      /* what is this close may have gone either way */
};

static bool same(struct replay_ref a, struct replay_ref b)
{
	return a.who == b.who && a.num == b.num;
}

static struct replay_ref client_of(const struct replay_plan *p, uint32_t conn)
{
	struct replay_ref r = { REPLAY_CLIENT, p->conns[conn].client };

	return r;
}

static struct replay_ref source_of(const struct replay_plan *p,
				   const struct replay_step *s)
{
	return s->norm.type == DERP_FORWARD_PACKET ? s->norm.from
						   : client_of(p, s->conn);
}

static bool is_packet(const struct replay_step *s)
{
	return s->what == REPLAY_SEND && (s->norm.type == DERP_SEND_PACKET ||
					  s->norm.type == DERP_FORWARD_PACKET);
}

static bool is_delivery(const struct replay_plan *p,
			const struct replay_step *s,
			const struct replay_step *r)
{
	return r->norm.type == DERP_RECV_PACKET &&
	       same(client_of(p, r->conn), s->norm.key) &&
	       same(r->norm.key, source_of(p, s)) &&
	       r->norm.len == s->norm.len &&
	       memcmp(r->norm.data, s->norm.data, r->norm.have) == 0;
}

static bool is_refusal(const struct replay_step *s, const struct replay_step *r)
{
	return r->norm.type == DERP_PEER_GONE && r->norm.reason == 1 &&
	       r->conn == s->conn && same(r->norm.key, s->norm.key) &&
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
	if (is_packet(s))
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

static bool is_ping(const struct replay_step *s)
{
	return s->what == REPLAY_SEND && s->norm.type == DERP_PING &&
	       s->norm.have == DERP_PING_LEN && s->len >= DERP_PING_LEN;
}

static void join(struct joining *g)
{
	struct replay_plan *p = g->p;
	struct replay_step *s;
	int64_t took, least = INT64_MAX;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (is_ping(s))
			s->norm.ping = p->num_pings++;
		else if (!is_packet(s))
			continue;
		s->link = find_answer(p, i);
		if (s->link == REPLAY_NONE)
			continue;
		p->steps[s->link].link = i;
		p->steps[s->link].norm.ping = s->norm.ping;
		took = p->steps[s->link].ts_ns - s->ts_ns;
		if (is_ping(s) && took >= 0 && took < least)
			least = took;
		s->needs_token = p->steps[s->link].norm.type == DERP_PEER_GONE;
	}
	if (least > RACE_MAX_NS / 4)
		return;
	g->race_ns = least * 4 < RACE_MIN_NS ? RACE_MIN_NS : least * 4;
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

/* ---- what was chance -------------------------------------------------- */

static int allow(struct replay_plan *p, uint32_t conn,
		 const struct replay_norm *n)
{
	struct replay_extra *e = replay_more(
		p->extras, p->num_extras, &p->cap_extras, sizeof(*p->extras));

	if (e == NULL)
		return -1;
	p->extras = e;
	e[p->num_extras].conn = conn;
	e[p->num_extras++].norm = *n;
	return 0;
}

static bool near_end(const struct joining *g, uint32_t conn, int64_t ts)
{
	uint32_t end = g->ends[conn];

	if (end != REPLAY_NONE && g->p->steps[end].ts_ns - ts <= g->race_ns)
		return true;
	return g->p->end_ns - ts <= g->race_ns;
}

static bool is_over(const struct joining *g, uint32_t conn, uint32_t i)
{
	return g->ends[conn] != REPLAY_NONE && g->ends[conn] < i;
}

static bool in_burst(struct joining *g, const struct replay_step *s)
{
	struct burst *b = &g->bursts[s->norm.key.num];

	if (s->ts_ns - b->since > BURST_NS) {
		b->since = s->ts_ns;
		b->num = 0;
	}
	return ++b->num > BURST;
}

/* A packet that came out nowhere. */
static int judge_packet(struct joining *g, uint32_t i, bool burst)
{
	struct replay_plan *p = g->p;
	const struct replay_step *s = &p->steps[i];
	struct replay_norm n = s->norm;
	struct replay_conn *c;

	n.type = DERP_RECV_PACKET;
	n.key = source_of(p, s);
	for (uint32_t k = 0; k < p->num_conns; k++) {
		c = &p->conns[k];
		if (c->skip || !same(client_of(p, k), s->norm.key))
			continue;
		if (is_over(g, k, i) && !near_end(g, k, s->ts_ns))
			continue;
		if ((burst || near_end(g, k, s->ts_ns) || c->lost_answers) &&
		    allow(p, k, &n) < 0)
			return -1;
	}
	return 0;
}

/* Is it about somebody who was just leaving, or who may be elsewhere? */
static int judge_disco(struct joining *g, uint32_t i)
{
	struct replay_plan *p = g->p;
	const struct replay_step *s = &p->steps[i];
	struct replay_norm n;
	bool chance = s->norm.key.who != REPLAY_CLIENT;

	for (uint32_t k = 0; k < p->num_conns && !chance; k++)
		chance = !p->conns[k].skip &&
			 same(client_of(p, k), s->norm.key) &&
			 near_end(g, k, s->ts_ns);
	if (!chance)
		return 0;
	n = s->norm;
	n.type = DERP_PEER_GONE;
	n.reason = 1;
	n.data = NULL;
	n.have = n.len = 0;
	n.from.who = REPLAY_STRANGER;
	n.from.num = 0;
	return allow(p, s->conn, &n);
}

static int judge_ping(struct joining *g, uint32_t i)
{
	const struct replay_step *s = &g->p->steps[i];
	struct replay_norm n = s->norm;

	if (!near_end(g, s->conn, s->ts_ns) &&
	    !g->p->conns[s->conn].lost_answers)
		return 0;
	n.type = DERP_PONG;
	n.tail = 0;
	return allow(g->p, s->conn, &n);
}

static int judge_sends(struct joining *g)
{
	struct replay_plan *p = g->p;
	const struct replay_step *s;
	bool burst;
	int err = 0;

	for (uint32_t i = 0; i < p->num_steps && err == 0; i++) {
		s = &p->steps[i];
		burst = is_packet(s) && s->norm.key.who == REPLAY_CLIENT &&
			in_burst(g, s);
		if (s->link != REPLAY_NONE)
			continue;
		if (is_packet(s)) {
			if (s->norm.key.who == REPLAY_CLIENT)
				err = judge_packet(g, i, burst);
			if (err == 0 && replay_is_disco(&s->norm))
				err = judge_disco(g, i);
		} else if (is_ping(s)) {
			err = judge_ping(g, i);
		}
	}
	return err;
}

/* With two pings under way a server need not answer both. */
static int judge_pings(struct joining *g)
{
	struct replay_plan *p = g->p;
	uint32_t *last = malloc(sizeof(*last) * (p->num_conns + 1));
	struct replay_step *s, *before;
	struct replay_norm n;
	int err = 0;

	if (last == NULL)
		return -1;
	memset(last, 0xff, sizeof(*last) * (p->num_conns + 1));
	for (uint32_t i = 0; i < p->num_steps && err == 0; i++) {
		s = &p->steps[i];
		if (!is_ping(s))
			continue;
		before = last[s->conn] == REPLAY_NONE
				 ? NULL
				 : &p->steps[last[s->conn]];
		last[s->conn] = i;
		if (before == NULL || before->link < i ||
		    s->ts_ns - before->ts_ns > PENDING_NS)
			continue;
		for (int k = 0; k < 2 && err == 0; k++) {
			if ((k ? s : before)->link != REPLAY_NONE) {
				p->steps[(k ? s : before)->link].optional =
					true;
				continue;
			}
			n = (k ? s : before)->norm;
			n.type = DERP_PONG;
			n.tail = 0;
			err = allow(p, s->conn, &n);
		}
	}
	free(last);
	return err;
}

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
			has_cause = all_seen(p, client_of(p, s->conn));
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
	       same(s->norm.key, who);
}

static bool is_told(const struct replay_plan *p, uint32_t conn,
		    const struct replay_norm *gone)
{
	for (uint32_t i = 0; i < p->num_steps; i++)
		if (is_news_of(&p->steps[i], conn, gone->key))
			return true;
	for (uint32_t i = 0; i < p->num_extras; i++)
		if (p->extras[i].conn == conn &&
		    replay_norm_equal(&p->extras[i].norm, gone))
			return true;
	return false;
}

/* Who leaves while a packet of his is on its way to B may or may not be told
 * to B as gone: the reference forgets it when he is too quick. */
static int judge_leaving(struct joining *g)
{
	struct replay_plan *p = g->p;
	const struct replay_step *r;
	struct replay_norm n;
	uint32_t end;

	memset(&n, 0, sizeof(n));
	n.type = DERP_PEER_GONE;
	n.flags = -1;
	n.ping = REPLAY_NONE;
	n.from.who = REPLAY_STRANGER;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		r = &p->steps[i];
		if (r->what != REPLAY_ANSWER || r->link == REPLAY_NONE ||
		    r->norm.type != DERP_RECV_PACKET)
			continue;
		end = g->ends[p->steps[r->link].conn];
		if (end == REPLAY_NONE ||
		    p->steps[end].ts_ns - r->ts_ns > g->race_ns)
			continue;
		n.key = r->norm.key;
		if (!is_told(p, r->conn, &n) && allow(p, r->conn, &n) < 0)
			return -1;
	}
	return 0;
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
static int judge_ends(struct joining *g)
{
	struct replay_plan *p = g->p;
	bool *provoked = calloc(p->num_conns + 1, sizeof(*provoked));
	struct replay_step *s;

	if (provoked == NULL)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (s->what == REPLAY_CLOSE)
			g->ends[s->conn] = i;
		if (s->what == REPLAY_SEND &&
		    breaks_rule(s, p->conns[s->conn].mesh))
			provoked[s->conn] = true;
		if (s->what == REPLAY_SEND && s->norm.type == DERP_CLOSE_PEER)
			for (uint32_t k = 0; k < p->num_conns; k++)
				provoked[k] |=
					same(client_of(p, k), s->norm.key);
		if (s->what != REPLAY_ANSWER || s->norm.type != REPLAY_END)
			continue;
		g->ends[s->conn] = i;
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
	struct joining g = { p, NULL, NULL, RACE_NS };
	int err = -1;

	g.bursts = calloc(p->num_clients + 1, sizeof(*g.bursts));
	g.ends = malloc(sizeof(*g.ends) * (p->num_conns + 1));
	if (g.bursts != NULL && g.ends != NULL) {
		memset(g.ends, 0xff, sizeof(*g.ends) * (p->num_conns + 1));
		join(&g);
		err = mend_order(p);
		if (err == 0)
			err = judge_ends(&g);
		judge_answers(p);
		if (err == 0)
			err = judge_pings(&g);
		if (err == 0)
			err = judge_sends(&g);
		if (err == 0)
			err = judge_leaving(&g);
		if (err == 0)
			err = find_causes(p);
	}
	free(g.bursts);
	free(g.ends);
	return err;
}
