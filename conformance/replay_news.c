/*
 * replay_news.c - who need, and who need not, be told that somebody left.
 *
 * PeerGone goes to whom the leaving client's packets were written to, and to
 * those who watch.  A capture may lack one, or show one, by chance: when he
 * was quick, when he came back at once, when the one to be told left as well.
 */
#include "replay_chance.h"

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
		    chance_is_client(p, k, replay_client_of(p, s->conn)) &&
		    (chance_near_begin(g, k, s->ts_ns) ||
		     chance_ends_near(g, k, s->ts_ns)))
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
		chance_note(g, r->conn, r->norm.key, WRITTEN);
		for (uint32_t k = 0; k < p->num_conns; k++)
			if (chance_is_client(p, k, r->norm.key) &&
			    chance_ends_near(g, k, r->ts_ns))
				chance_note(g, r->conn, r->norm.key, MAYBE);
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
		if (k != conn &&
		    chance_is_client(p, k, replay_client_of(p, conn)) &&
		    chance_is_there(g, k, end))
			return false;
	return true;
}

static bool told_soon(const struct replay_plan *p, uint32_t end, uint32_t conn,
		      struct replay_ref who)
{
	const struct replay_step *s;

	for (uint32_t i = end; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (s->ts_ns - p->steps[end].ts_ns > p->race_ns)
			break;
		if (s->conn == conn && is_news(s) &&
		    replay_same(s->norm.key, who))
			return true;
	}
	return false;
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
				chance_note(g, b, who, WRITTEN);
			if (handover && (!alone || !is_noted(g, b, who, TOLD)))
				chance_note(g, b, who, DOUBT);
			else if (chance_near_end(g, b, p->steps[end].ts_ns))
				chance_note(g, b, who,
					    told_soon(p, end, b, who) ? MAYBE
								      : OWED);
		}
	}
}

static bool ever_leaves(const struct replay_plan *p, struct replay_ref who)
{
	for (uint32_t k = 0; k < p->num_conns; k++)
		if (chance_is_client(p, k, who) &&
		    p->conns[k].end != REPLAY_NONE)
			return true;
	return false;
}

/* Who comes when a watcher leaves. */
static int judge_coming(struct chance *g)
{
	struct replay_plan *p = g->p;
	struct replay_norm n = chance_gone((struct replay_ref){ 0 }, -1);
	const struct replay_step *s;

	n.type = DERP_PEER_PRESENT;
	for (uint32_t i = 0; i < p->num_steps; i++) {
		s = &p->steps[i];
		if (s->what != REPLAY_LOGIN || s->added)
			continue;
		n.key = replay_client_of(p, s->conn);
		for (uint32_t w = 0; w < p->num_conns; w++)
			if (p->conns[w].watches && !p->conns[w].skip &&
			    chance_near_end(g, w, s->ts_ns) &&
			    chance_allow(p, w, &n) < 0)
				return -1;
	}
	return 0;
}

int chance_news(struct chance *g)
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
			chance_optional(p, &p->steps[i]);
	for (who.num = 0; who.num < p->num_clients; who.num++) {
		if (!ever_leaves(p, who))
			continue;
		n = chance_gone(who, 0);
		for (uint32_t b = 0; b < p->num_conns; b++) {
			f = g->news[(size_t)b * p->num_clients + who.num];
			if ((f & (WRITTEN | DOUBT)) == 0 ||
			    (f & (MAYBE | DOUBT | OWED)) == 0 ||
			    ((f & TOLD) != 0 && (f & OWED) == 0))
				continue;
			if (chance_allow(p, b, &n) < 0)
				return -1;
		}
	}
	return judge_coming(g);
}
