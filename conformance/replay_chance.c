/*
 * replay_chance.c - which answers were a matter of chance.
 *
 *   time:   ----[login..up]--------- ... ---------[end]----
 *   chance:   xxxxxxxxxxxxxx                     xxxxxxx
 *
 * A capture shows one outcome of races: a packet to a client who is just
 * coming or leaving is delivered, refused or lost; with two connections of a
 * key it goes to the one that wrote last, and two may write at once.  What
 * lies within race_ns of such a moment is optional, and the other outcomes
 * are allowed as extras.  So are packets that a full queue lost, and notices
 * that the server rations.  Everything else must be as it was.
 */
#include "replay_chance.h"

#include <stdlib.h>
#include <string.h>

#define BURST 24          /* packets to one peer that queues surely hold */
#define BURST_NS 50000000 /* sent within this time */
#define PENDING_NS INT64_C(1000000000) /* a ping without a pong */
#define TOKENS 3.0                     /* NotHere at once; then one a second */

int chance_allow(struct replay_plan *p, uint32_t conn,
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

void chance_optional(struct replay_plan *p, struct replay_step *s)
{
	p->by_chance += !s->optional;
	s->optional = true;
}

struct replay_norm chance_gone(struct replay_ref who, int reason)
{
	struct replay_norm n;

	memset(&n, 0, sizeof(n));
	n.type = DERP_PEER_GONE;
	n.key = who;
	n.from.who = REPLAY_STRANGER;
	n.reason = reason;
	n.flags = -1;
	n.ping = REPLAY_NONE;
	return n;
}

/* ---- coming and leaving ----------------------------------------------- */

bool chance_is_client(const struct replay_plan *p, uint32_t conn,
		      struct replay_ref who)
{
	return !p->conns[conn].skip &&
	       replay_same(replay_client_of(p, conn), who);
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

bool chance_ends_near(const struct chance *g, uint32_t conn, int64_t ts)
{
	const struct replay_plan *p = g->p;
	uint32_t end = p->conns[conn].end;

	return end != REPLAY_NONE &&
	       distance(p->steps[end].ts_ns, ts) <= p->race_ns;
}

bool chance_near_end(const struct chance *g, uint32_t conn, int64_t ts)
{
	return chance_ends_near(g, conn, ts) ||
	       g->p->end_ns - ts <= g->p->race_ns;
}

bool chance_near_begin(const struct chance *g, uint32_t conn, int64_t ts)
{
	const struct replay_plan *p = g->p;
	const struct replay_conn *c = &p->conns[conn];
	uint32_t login = g->logins[conn];

	if (!c->logged_in || login == REPLAY_NONE ||
	    ts < p->steps[login].ts_ns - p->race_ns)
		return false;
	/* Servers route to a client before they tell him that he is in. */
	return ts <=
	       (c->up_ns != 0 ? c->up_ns : p->steps[login].ts_ns + p->race_ns);
}

bool chance_is_there(const struct chance *g, uint32_t conn, uint32_t step)
{
	uint32_t end = g->p->conns[conn].end;

	return g->logins[conn] < step && (end == REPLAY_NONE || end > step);
}

static bool maybe_there(const struct chance *g, uint32_t conn, uint32_t step)
{
	int64_t ts = g->p->steps[step].ts_ns;

	return chance_is_there(g, conn, step) || chance_near_end(g, conn, ts) ||
	       chance_near_begin(g, conn, ts);
}

/* Did two connections of the receiver write at once, the last time?  What
 * the sender himself writes on that connection is in order. */
static bool is_split(const struct chance *g, const struct replay_step *s)
{
	const struct active *a = &g->active[s->norm.key.num];

	if (a->other == REPLAY_NONE)
		return false;
	return s->unsure || a->conn_ns - a->other_ns <= g->p->race_ns ||
	       (a->conn != s->conn &&
		distance(a->conn_ns, s->ts_ns) <= g->p->race_ns);
}

static void note_write(struct chance *g, uint32_t step)
{
	const struct replay_step *s = &g->p->steps[step];
	struct active *a = &g->active[g->p->conns[s->conn].client];

	if (a->conn != s->conn) {
		a->other = a->conn;
		a->other_ns = a->conn_ns;
	}
	a->conn = s->conn;
	a->conn_ns = s->ts_ns;
	g->writes[s->conn] = step;
}

/* Where a packet to this client goes is open at this moment. */
static bool is_open(const struct chance *g, uint32_t step)
{
	const struct replay_plan *p = g->p;
	const struct replay_step *s = &p->steps[step];

	if (s->norm.key.who != REPLAY_CLIENT)
		return false;
	if (is_split(g, s))
		return true;
	for (uint32_t k = 0; k < p->num_conns; k++)
		if (chance_is_client(p, k, s->norm.key) &&
		    (g->doomed[k] || chance_near_end(g, k, s->ts_ns) ||
		     chance_near_begin(g, k, s->ts_ns)))
			return true;
	return false;
}

/* ---- packets ---------------------------------------------------------- */

/* Packets to one client within a moment: a queue that is full loses its head,
 * so any of them. */
struct run {
	int64_t since;
	uint32_t first, num; /* step */
};

static void note_run(struct replay_plan *p, const struct run *r, uint32_t last,
		     uint32_t client)
{
	struct replay_step *s;

	for (uint32_t i = r->first; r->num > BURST && i <= last; i++) {
		s = &p->steps[i];
		if (replay_is_packet(s) && s->norm.key.who == REPLAY_CLIENT &&
		    s->norm.key.num == client)
			s->in_burst = true;
	}
}

static int note_bursts(struct replay_plan *p)
{
	struct run *runs = calloc(p->num_clients + 1, sizeof(*runs)), *r;
	const struct replay_step *s;

	if (runs == NULL)
		return -1;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (!replay_is_packet(s) || s->norm.key.who != REPLAY_CLIENT)
			continue;
		r = &runs[s->norm.key.num];
		if (r->num > 0 && s->ts_ns - r->since <= BURST_NS) {
			r->num++;
			continue;
		}
		if (r->num > 0)
			note_run(p, r, i, s->norm.key.num);
		r->since = s->ts_ns;
		r->first = i;
		r->num = 1;
	}
	for (uint32_t k = 0; k < p->num_clients; k++)
		if (runs[k].num > 0)
			note_run(p, &runs[k], p->num_steps - 1, k);
	free(runs);
	return 0;
}

void chance_note(struct chance *g, uint32_t conn, struct replay_ref who,
		 uint8_t flag)
{
	if (who.who == REPLAY_CLIENT)
		g->news[(size_t)conn * g->p->num_clients + who.num] |= flag;
}

/* It may come out of each connection of its receiver, but for the one that
 * the capture shows. */
static int allow_deliveries(struct chance *g, uint32_t step, uint32_t but,
			    bool open, bool lost)
{
	struct replay_plan *p = g->p;
	const struct replay_step *s = &p->steps[step];
	struct replay_norm n = s->norm;
	int err = 0;

	n.type = DERP_RECV_PACKET;
	n.key = replay_source_of(p, s);
	n.from.who = REPLAY_STRANGER;
	n.from.num = 0;
	for (uint32_t k = 0; k < p->num_conns && err == 0; k++) {
		if (k == but || !chance_is_client(p, k, s->norm.key) ||
		    !maybe_there(g, k, step))
			continue;
		if (open || lost || p->conns[k].lost_answers)
			err = chance_allow(p, k, &n);
		if (open)
			chance_note(g, k, n.key, DOUBT);
	}
	return err;
}

/* NotHere come three at once, then one a second. */
static bool spend_token(struct chance *g, const struct replay_step *s)
{
	struct tokens *t = &g->tokens[s->conn];

	t->left += (double)(s->ts_ns - t->ns) / 1e9;
	t->ns = s->ts_ns;
	if (t->left > TOKENS)
		t->left = TOKENS;
	if (t->left < 1.0)
		return false;
	t->left -= 1.0;
	return true;
}

/* The connection of the receiver that gets this packet when it is played: the
 * steps before it are over then.  NONE: nobody is there. */
static uint32_t receiver(const struct chance *g, uint32_t step)
{
	const struct replay_plan *p = g->p;
	uint32_t best = REPLAY_NONE;

	for (uint32_t k = 0; k < p->num_conns; k++)
		if (chance_is_client(p, k, p->steps[step].norm.key) &&
		    chance_is_there(g, k, step) &&
		    (best == REPLAY_NONE || g->writes[k] >= g->writes[best]))
			best = k;
	return best;
}

/* Does the capture show what will be when it is played? */
static bool is_as_played(const struct replay_step *s,
			 const struct replay_step *r, uint32_t to, bool drawn)
{
	if (r == NULL)
		return to == REPLAY_NONE && !drawn;
	if (r->norm.type == DERP_RECV_PACKET)
		return to == r->conn;
	return to == REPLAY_NONE || s->norm.key.who != REPLAY_CLIENT;
}

/* The other outcomes of a packet to a client. */
static int allow_others(struct chance *g, uint32_t step,
			const struct replay_step *r, bool open, bool draws)
{
	struct replay_plan *p = g->p;
	struct replay_step *s = &p->steps[step];
	struct replay_norm n = chance_gone(s->norm.key, 1);
	bool delivered = r != NULL && r->norm.type == DERP_RECV_PACKET;
	bool leaving = chance_near_end(g, s->conn, s->ts_ns);
	bool lost = s->in_burst || leaving;
	int err = 0;

	if (delivered && open)
		chance_note(g, r->conn, r->norm.key, DOUBT);
	if (r == NULL || open)
		err = allow_deliveries(
			g, step, delivered ? r->conn : REPLAY_NONE, open, lost);
	if (err == 0 && draws && (open || leaving) && !s->needs_token) {
		s->may_draw = true;
		err = chance_allow(p, s->conn, &n);
	}
	return err;
}

static int judge_packet(struct chance *g, uint32_t step)
{
	struct replay_plan *p = g->p;
	struct replay_step *s = &p->steps[step], *r = NULL;
	bool known = s->norm.key.who == REPLAY_CLIENT;
	bool draws = replay_is_disco(&s->norm), drawn = false, open;
	uint32_t to = known ? receiver(g, step) : REPLAY_NONE;
	struct replay_norm n = chance_gone(s->norm.key, 1);

	if (s->link != REPLAY_NONE)
		r = &p->steps[s->link];
	if (draws && (to == REPLAY_NONE || s->needs_token))
		drawn = spend_token(g, s);
	/* Its allowance was spent then; now it may not be. */
	if (r == NULL && draws && to == REPLAY_NONE && !drawn) {
		s->may_draw = true;
		return chance_allow(p, s->conn, &n);
	}
	if (!g->doomed[s->conn] && (to == REPLAY_NONE || !g->doomed[to]) &&
	    is_as_played(s, r, to, drawn))
		return 0;
	if (known) {
		open = is_open(g, step) || g->doomed[s->conn];
		if (r != NULL && open)
			chance_optional(p, r);
		return allow_others(g, step, r, open, draws);
	}
	/* Of an unknown nobody knows whether he is connected elsewhere. */
	if (r != NULL || !draws)
		return 0;
	s->may_draw = true;
	return chance_allow(p, s->conn, &n);
}

static int judge_ping(struct chance *g, const struct replay_step *s)
{
	struct replay_norm n = s->norm;

	if (s->link != REPLAY_NONE && g->doomed[s->conn])
		chance_optional(g->p, &g->p->steps[s->link]);
	if (s->link != REPLAY_NONE || (!chance_near_end(g, s->conn, s->ts_ns) &&
				       !g->p->conns[s->conn].lost_answers))
		return 0;
	n.type = DERP_PONG;
	n.tail = 0;
	return chance_allow(g->p, s->conn, &n);
}

/* The receiver writes right after: the server may have read that first. */
static int look_ahead(struct replay_plan *p)
{
	uint32_t *next = calloc(p->num_clients + 1, sizeof(*next));
	struct replay_step *s, *w;

	if (next == NULL)
		return -1;
	for (uint32_t i = p->num_steps; i-- > 0;) {
		s = &p->steps[i];
		if (replay_is_packet(s) && s->norm.key.who == REPLAY_CLIENT) {
			w = &p->steps[next[s->norm.key.num]];
			s->unsure = w > s && w->conn != s->conn &&
				    w->ts_ns - s->ts_ns <= p->race_ns;
		}
		if (s->what == REPLAY_SEND || s->what == REPLAY_LOGIN)
			next[p->conns[s->conn].client] = i;
	}
	free(next);
	return 0;
}

/* Who is closed by a mesh peer may be heard until that is done. */
static void note_doomed(struct chance *g, const struct replay_step *s)
{
	if (s->what == REPLAY_SEND && s->norm.type == DERP_CLOSE_PEER)
		for (uint32_t k = 0; k < g->p->num_conns; k++)
			if (chance_is_client(g->p, k, s->norm.key))
				g->doomed[k] = true;
	if (s->what == REPLAY_LOGIN)
		g->doomed[s->conn] = false;
}

static int judge_sends(struct chance *g)
{
	struct replay_plan *p = g->p;
	struct replay_step *s;
	int err = 0;

	for (uint32_t i = 0; i < p->num_steps && err == 0; i++) {
		s = &p->steps[i];
		note_doomed(g, s);
		if (s->what == REPLAY_SEND || s->what == REPLAY_LOGIN)
			note_write(g, i);
		if (replay_is_packet(s))
			err = judge_packet(g, i);
		else if (replay_is_ping(s))
			err = judge_ping(g, s);
	}
	return err;
}

/* ---- pings ------------------------------------------------------------ */

/* With two pings under way a server need not answer both. */
static int judge_pings(struct replay_plan *p)
{
	uint32_t *last = malloc(sizeof(*last) * (p->num_conns + 1));
	struct replay_step *s, *before;
	struct replay_norm n;
	int err = 0;

	if (last == NULL)
		return -1;
	memset(last, 0xff, sizeof(*last) * (p->num_conns + 1));
	for (uint32_t i = 0; i < p->num_steps && err == 0; i++) {
		s = &p->steps[i];
		if (!replay_is_ping(s))
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
			err = chance_allow(p, s->conn, &n);
		}
	}
	free(last);
	return err;
}

/* ---- all of it -------------------------------------------------------- */

static int set_up(struct chance *g)
{
	const struct replay_plan *p = g->p;

	g->logins = malloc(sizeof(*g->logins) * (p->num_conns + 1));
	g->writes = calloc(p->num_conns + 1, sizeof(*g->writes));
	g->doomed = calloc(p->num_conns + 1, sizeof(*g->doomed));
	g->active = calloc(p->num_clients + 1, sizeof(*g->active));
	g->tokens = calloc(p->num_conns + 1, sizeof(*g->tokens));
	g->news = calloc((size_t)p->num_conns * p->num_clients + 1, 1);
	if (g->logins == NULL || g->active == NULL || g->tokens == NULL ||
	    g->news == NULL || g->writes == NULL || g->doomed == NULL)
		return -1;
	memset(g->logins, 0xff, sizeof(*g->logins) * (p->num_conns + 1));
	for (uint32_t i = 0; i < p->num_conns; i++)
		g->tokens[i].left = TOKENS;
	for (uint32_t i = 0; i < p->num_clients; i++)
		g->active[i].conn = g->active[i].other = REPLAY_NONE;
	for (uint32_t i = 0; i < p->num_steps; i++)
		if (p->steps[i].what == REPLAY_LOGIN)
			g->logins[p->steps[i].conn] = i;
	return 0;
}

int replay_plan_chance(struct replay_plan *p)
{
	struct chance g;
	int err;

	memset(&g, 0, sizeof(g));
	g.p = p;
	err = set_up(&g);
	if (err == 0)
		err = judge_pings(p);
	if (err == 0)
		err = look_ahead(p);
	if (err == 0)
		err = note_bursts(p);
	if (err == 0)
		err = judge_sends(&g);
	if (err == 0)
		err = chance_news(&g);
	free(g.logins);
	free(g.writes);
	free(g.doomed);
	free(g.active);
	free(g.tokens);
	free(g.news);
	return err;
}
