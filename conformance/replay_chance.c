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
#include "replay_plan.h"

#include <stdlib.h>
#include <string.h>

#define BURST 24          /* packets to one peer that queues surely hold */
#define BURST_NS 50000000 /* sent within this time */
#define PENDING_NS INT64_C(1000000000) /* a ping without a pong */
#define TOKENS 3.0                     /* NotHere at once; then one a second */

/* Which of a client's connections receives: the one that wrote last. */
struct active {
	uint32_t conn, other; /* that wrote last, and another before it */
	int64_t conn_ns, other_ns;
	int64_t burst_since;
	uint32_t burst;
};

struct tokens {
	double left;
	int64_t ns;
};

/* What is known of a client and a connection that he may have written to. */
enum {
	WRITTEN = 1, /* it got a packet of his, or watches */
	TOLD = 2,    /* that he left */
	MAYBE = 4,   /* it may be told */
	DOUBT = 8,   /* it may be told or not */
};

struct chance {
	struct replay_plan *p;
	uint32_t *logins;      /* per connection: its step */
	uint32_t *writes;      /* per connection: its last step so far */
	struct active *active; /* per client */
	struct tokens *tokens; /* per connection */
	uint8_t *news;         /* per connection and client */
};

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

static void make_optional(struct replay_plan *p, struct replay_step *s)
{
	p->by_chance += !s->optional;
	s->optional = true;
}

static struct replay_norm gone(struct replay_ref who, int reason)
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

static bool is_client(const struct replay_plan *p, uint32_t conn,
		      struct replay_ref who)
{
	return !p->conns[conn].skip &&
	       replay_same(replay_client_of(p, conn), who);
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static bool ends_near(const struct chance *g, uint32_t conn, int64_t ts)
{
	const struct replay_plan *p = g->p;
	uint32_t end = p->conns[conn].end;

	return end != REPLAY_NONE &&
	       distance(p->steps[end].ts_ns, ts) <= p->race_ns;
}

static bool near_end(const struct chance *g, uint32_t conn, int64_t ts)
{
	return ends_near(g, conn, ts) || g->p->end_ns - ts <= g->p->race_ns;
}

static bool near_begin(const struct chance *g, uint32_t conn, int64_t ts)
{
	const struct replay_plan *p = g->p;
	const struct replay_conn *c = &p->conns[conn];
	uint32_t login = g->logins[conn];

	if (!c->logged_in || login == REPLAY_NONE ||
	    ts < p->steps[login].ts_ns - p->race_ns)
		return false;
	return ts <=
	       (c->up_ns != 0 ? c->up_ns : p->steps[login].ts_ns) + p->race_ns;
}

static bool is_there(const struct chance *g, uint32_t conn, uint32_t step)
{
	uint32_t end = g->p->conns[conn].end;

	return g->logins[conn] < step && (end == REPLAY_NONE || end > step);
}

static bool maybe_there(const struct chance *g, uint32_t conn, uint32_t step)
{
	int64_t ts = g->p->steps[step].ts_ns;

	return is_there(g, conn, step) || near_end(g, conn, ts) ||
	       near_begin(g, conn, ts);
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
		if (is_client(p, k, s->norm.key) &&
		    (near_end(g, k, s->ts_ns) || near_begin(g, k, s->ts_ns)))
			return true;
	return false;
}

/* ---- packets ---------------------------------------------------------- */

static bool in_burst(struct chance *g, const struct replay_step *s)
{
	struct active *b = &g->active[s->norm.key.num];

	if (s->ts_ns - b->burst_since > BURST_NS) {
		b->burst_since = s->ts_ns;
		b->burst = 0;
	}
	return ++b->burst > BURST;
}

static void note(struct chance *g, uint32_t conn, struct replay_ref who,
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
		if (k == but || !is_client(p, k, s->norm.key) ||
		    !maybe_there(g, k, step))
			continue;
		if (open || lost || p->conns[k].lost_answers)
			err = allow(p, k, &n);
		if (open)
			note(g, k, n.key, DOUBT);
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
		if (is_client(p, k, p->steps[step].norm.key) &&
		    is_there(g, k, step) &&
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
	struct replay_norm n = gone(s->norm.key, 1);
	bool delivered = r != NULL && r->norm.type == DERP_RECV_PACKET;
	bool lost = in_burst(g, s) || near_end(g, s->conn, s->ts_ns);
	int err = 0;

	if (delivered && open)
		note(g, r->conn, r->norm.key, DOUBT);
	if (r == NULL || open)
		err = allow_deliveries(
			g, step, delivered ? r->conn : REPLAY_NONE, open, lost);
	if (err == 0 && draws && open && !s->needs_token) {
		s->may_draw = true;
		err = allow(p, s->conn, &n);
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
	struct replay_norm n = gone(s->norm.key, 1);

	if (s->link != REPLAY_NONE)
		r = &p->steps[s->link];
	if (draws && to == REPLAY_NONE)
		drawn = spend_token(g, s);
	if (is_as_played(s, r, to, drawn)) {
		if (known)
			(void)in_burst(g, s);
		return 0;
	}
	if (known) {
		open = is_open(g, step);
		if (r != NULL && open)
			make_optional(p, r);
		return allow_others(g, step, r, open, draws);
	}
	/* Of an unknown nobody knows whether he is connected elsewhere. */
	if (r != NULL || !draws)
		return 0;
	s->may_draw = true;
	return allow(p, s->conn, &n);
}

static int judge_ping(struct chance *g, const struct replay_step *s)
{
	struct replay_norm n = s->norm;

	if (s->link != REPLAY_NONE || (!near_end(g, s->conn, s->ts_ns) &&
				       !g->p->conns[s->conn].lost_answers))
		return 0;
	n.type = DERP_PONG;
	n.tail = 0;
	return allow(g->p, s->conn, &n);
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

static int judge_sends(struct chance *g)
{
	struct replay_plan *p = g->p;
	struct replay_step *s;
	int err = 0;

	for (uint32_t i = 0; i < p->num_steps && err == 0; i++) {
		s = &p->steps[i];
		if (s->what == REPLAY_SEND || s->what == REPLAY_LOGIN)
			note_write(g, i);
		if (replay_is_packet(s))
			err = judge_packet(g, i);
		else if (replay_is_ping(s))
			err = judge_ping(g, s);
	}
	return err;
}

/* ---- news of who left ------------------------------------------------- */

static bool is_news(const struct replay_step *s)
{
	return s->what == REPLAY_ANSWER && s->norm.type == DERP_PEER_GONE &&
	       s->norm.reason == 0 && s->norm.key.who == REPLAY_CLIENT;
}

static uint8_t *about(struct chance *g, const struct replay_step *s)
{
	return &g->news[(size_t)s->conn * g->p->num_clients + s->norm.key.num];
}

/* Does another connection of the leaving client begin or end just then? */
static bool is_handover(const struct chance *g, uint32_t end)
{
	const struct replay_plan *p = g->p;
	const struct replay_step *s = &p->steps[end];

	for (uint32_t k = 0; k < p->num_conns; k++)
		if (k != s->conn &&
		    is_client(p, k, replay_client_of(p, s->conn)) &&
		    (near_begin(g, k, s->ts_ns) || ends_near(g, k, s->ts_ns)))
			return true;
	return false;
}

/* Who leaves while a packet of his is on its way to B may or may not be told
 * to B as gone: the reference forgets it when he is too quick. */
static void note_steps(struct chance *g)
{
	struct replay_plan *p = g->p;
	const struct replay_step *r;

	for (uint32_t i = 0; i < p->num_steps; i++) {
		r = &p->steps[i];
		if (is_news(r))
			*about(g, r) |= TOLD;
		if (r->what != REPLAY_ANSWER || r->link == REPLAY_NONE ||
		    r->norm.type != DERP_RECV_PACKET)
			continue;
		note(g, r->conn, r->norm.key, WRITTEN);
		for (uint32_t k = 0; k < p->num_conns; k++)
			if (is_client(p, k, r->norm.key) &&
			    ends_near(g, k, r->ts_ns))
				note(g, r->conn, r->norm.key, MAYBE);
	}
}

static bool is_noted(const struct chance *g, uint32_t conn,
		     struct replay_ref who, uint8_t flag)
{
	return (g->news[(size_t)conn * g->p->num_clients + who.num] & flag) !=
	       0;
}

/* Was it his last connection at that step? */
static bool is_last(const struct chance *g, uint32_t end)
{
	const struct replay_plan *p = g->p;
	uint32_t conn = p->steps[end].conn;

	for (uint32_t k = 0; k < p->num_conns; k++)
		if (k != conn && is_client(p, k, replay_client_of(p, conn)) &&
		    is_there(g, k, end))
			return false;
	return true;
}

/* Nor need B be told when B leaves as well, or when he comes back at once. */
static void note_ends(struct chance *g)
{
	struct replay_plan *p = g->p;
	struct replay_ref who;
	uint32_t end;
	bool handover, alone;

	for (uint32_t k = 0; k < p->num_conns; k++) {
		end = p->conns[k].end;
		if (p->conns[k].skip || end == REPLAY_NONE)
			continue;
		who = replay_client_of(p, k);
		handover = is_handover(g, end);
		alone = is_last(g, end);
		for (uint32_t b = 0; b < p->num_conns; b++) {
			if (p->conns[b].watches && !p->conns[b].skip)
				note(g, b, who, WRITTEN);
			if (handover && (!alone || !is_noted(g, b, who, TOLD)))
				note(g, b, who, DOUBT);
			else if (near_end(g, b, p->steps[end].ts_ns))
				note(g, b, who, MAYBE);
		}
	}
}

static bool ever_leaves(const struct replay_plan *p, struct replay_ref who)
{
	for (uint32_t k = 0; k < p->num_conns; k++)
		if (is_client(p, k, who) && p->conns[k].end != REPLAY_NONE)
			return true;
	return false;
}

static int judge_news(struct chance *g)
{
	struct replay_plan *p = g->p;
	struct replay_ref who = { REPLAY_CLIENT, 0 };
	struct replay_norm n;
	uint8_t f;

	note_steps(g);
	note_ends(g);
	for (uint32_t i = 0; i < p->num_steps; i++)
		if (is_news(&p->steps[i]) &&
		    (*about(g, &p->steps[i]) & DOUBT) != 0)
			make_optional(p, &p->steps[i]);
	for (who.num = 0; who.num < p->num_clients; who.num++) {
		if (!ever_leaves(p, who))
			continue;
		n = gone(who, 0);
		for (uint32_t b = 0; b < p->num_conns; b++) {
			f = g->news[(size_t)b * p->num_clients + who.num];
			if ((f & TOLD) != 0 || (f & (MAYBE | DOUBT)) == 0 ||
			    (f & (WRITTEN | DOUBT)) == 0)
				continue;
			if (allow(p, b, &n) < 0)
				return -1;
		}
	}
	return 0;
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
			err = allow(p, s->conn, &n);
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
	g->active = calloc(p->num_clients + 1, sizeof(*g->active));
	g->tokens = calloc(p->num_conns + 1, sizeof(*g->tokens));
	g->news = calloc((size_t)p->num_conns * p->num_clients + 1, 1);
	if (g->logins == NULL || g->active == NULL || g->tokens == NULL ||
	    g->news == NULL || g->writes == NULL)
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
		err = judge_sends(&g);
	if (err == 0)
		err = judge_news(&g);
	free(g.logins);
	free(g.writes);
	free(g.active);
	free(g.tokens);
	free(g.news);
	return err;
}
