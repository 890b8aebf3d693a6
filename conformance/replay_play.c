/*
 * replay_play.c - lock-step.
 *
 *   before SEND, LOGIN, CLOSE:   is the last deed of another connection done?
 *       its answer came | our ping after it came back | a pause
 *   SEND:    not more than QUEUE packets on their way to one client
 *   CLOSE:   what it sent has arrived
 *   ANSWER:  wait for it, at most timeout_ms
 */
#include "replay_play.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"
#include "replay_live.h"

#define QUEUE 24          /* servers keep at least so many packets */
#define FENCE 0x80000000u /* numbers of our own pings */
#define FULL_WAITS 5      /* answers missed before patience wears thin */
#define PAUSE_MIN_MS 5    /* after a close nobody is told about */
#define TOKENS 3.0        /* NotHere at once; then one a second */
#define LOGIN_MIN_MS 5000

struct queue {
	uint32_t steps[QUEUE]; /* answers under way to a client */
	uint32_t num;
};

struct player {
	const struct replay_plan *plan;
	const struct replay_options *o;
	struct replay_outcome *out;
	struct replay_match *match;
	struct live_people people;
	struct live_side side;
	struct live_conn *conns;
	struct queue *queues; /* per client */
	struct addrinfo *addrs;
	char host_line[HOST_PORT_TEXT_MAX];
	uint8_t tag[REPLAY_TAG_LEN];
	uint32_t timeout_ms, settle_ms;
	ev_timer timer;
	ev_signal signals[2];
	bool stopped, timed_out, lost_one;
	uint32_t step;           /* next */
	uint32_t fences, fenced; /* sent, answered */
	/* The last deed whose effect nothing has shown yet. */
	uint32_t deed;     /* step, or NONE */
	uint64_t pause_us; /* it was a close: wait until then */
};

/* ---- waiting ---------------------------------------------------------- */

static void on_time(struct ev_loop *loop, ev_timer *t, int events)
{
	struct player *p = t->data;

	(void)loop;
	(void)events;
	p->timed_out = true;
}

static void on_signal(struct ev_loop *loop, ev_signal *s, int events)
{
	struct player *p = s->data;

	(void)events;
	p->stopped = true;
	ev_break(loop, EVBREAK_ALL);
}

/* Run the loop until done() or the time is over: is it done? */
static bool wait_for(struct player *p, bool (*done)(struct player *, uint32_t),
		     uint32_t arg, uint32_t ms)
{
	bool is = done != NULL && done(p, arg);

	if (is || p->stopped)
		return is;
	p->timed_out = ms == 0;
	ev_now_update(p->side.loop);
	ev_timer_set(&p->timer, ms / 1000.0, 0.0);
	if (ms > 0)
		ev_timer_start(p->side.loop, &p->timer);
	do {
		ev_run(p->side.loop, p->timed_out ? EVRUN_NOWAIT : EVRUN_ONCE);
		is = done != NULL && done(p, arg);
	} while (!is && !p->timed_out && !p->stopped);
	ev_timer_stop(p->side.loop, &p->timer);
	return is;
}

static void wait_ms(struct player *p, uint32_t ms)
{
	wait_for(p, NULL, 0, ms);
}

static uint32_t patience(const struct player *p)
{
	return p->out->waited_out < FULL_WAITS ? p->timeout_ms : p->settle_ms;
}

/* ---- what comes ------------------------------------------------------- */

static bool take_fence(struct player *p, const struct derp_frame *f)
{
	if (f->type != DERP_PONG || f->have < DERP_PING_LEN ||
	    memcmp(f->body, p->tag, REPLAY_TAG_LEN) != 0 ||
	    (f->body[4] & 0x80) == 0)
		return false;
	p->fenced = ((uint32_t)f->body[6] << 8) + f->body[7] +
		    ((uint32_t)f->body[5] << 16);
	return true;
}

static void on_frame(struct live_conn *c, const struct derp_frame *f)
{
	struct player *p = c->side->ctx;

	if (take_fence(p, f))
		return;
	if (replay_match_got(p->match, c->num, f, p->step) != REPLAY_NONE &&
	    c->pings > 0)
		c->pings--;
}

static void on_ended(struct live_conn *c)
{
	struct player *p = c->side->ctx;

	if (c->leaving)
		return;
	p->lost_one = true;
	replay_match_ended(p->match, c->num, p->step);
}

/* ---- is the last deed done? ------------------------------------------- */

static bool no_pings(struct player *p, uint32_t conn)
{
	return p->conns[conn].pings == 0 || p->conns[conn].state == LIVE_OVER;
}

static bool fence_back(struct player *p, uint32_t conn)
{
	return p->fenced == p->fences || p->conns[conn].state == LIVE_OVER;
}

static bool is_over(struct player *p, uint32_t conn)
{
	return p->conns[conn].state == LIVE_OVER;
}

static bool has_come(struct player *p, uint32_t step)
{
	return replay_match_has(p->match, step);
}

/* One ping of a connection at a time: servers may drop a second one. */
static void fence(struct player *p, uint32_t conn)
{
	struct live_conn *c = &p->conns[conn];

	if (!wait_for(p, no_pings, conn, p->settle_ms))
		c->pings = 0;
	if (p->out->no_fences) {
		wait_ms(p, p->settle_ms);
		return;
	}
	p->fences = (p->fences + 1) & 0xffffff;
	if (!live_ping(c, p->tag, FENCE + p->fences)) {
		p->fenced = p->fences;
		return;
	}
	if (!wait_for(p, fence_back, conn, p->timeout_ms) && !p->stopped) {
		p->out->no_fences = true;
		p->fenced = p->fences;
	}
}

static void finish_deed(struct player *p, uint32_t conn)
{
	const struct replay_step *s;
	uint64_t now;

	if (p->deed == REPLAY_NONE)
		return;
	s = &p->plan->steps[p->deed];
	if (s->what == REPLAY_CLOSE) {
		now = link_now_us();
		if (now < p->pause_us)
			wait_ms(p, (uint32_t)((p->pause_us - now) / 1000) + 1);
	} else if (s->conn == conn) {
		return; /* TCP keeps the order */
	} else if (s->link == REPLAY_NONE ||
		   !replay_match_has(p->match, s->link)) {
		fence(p, s->conn);
	}
	p->deed = REPLAY_NONE;
}

/* An answer about the leaving client shows that the server has noticed. */
static void note_answer(struct player *p, const struct replay_step *a)
{
	const struct replay_step *s;

	if (p->deed == REPLAY_NONE)
		return;
	s = &p->plan->steps[p->deed];
	if (s->what == REPLAY_CLOSE && a->norm.type == DERP_PEER_GONE &&
	    a->norm.key.who == REPLAY_CLIENT &&
	    a->norm.key.num == p->plan->conns[s->conn].client)
		p->deed = REPLAY_NONE;
}

/* ---- steps ------------------------------------------------------------ */

static bool logged_in(struct player *p, uint32_t conn)
{
	return p->conns[conn].state >= LIVE_UP;
}

static bool connect_one(struct player *p, uint32_t conn)
{
	struct live_conn *c = &p->conns[conn];
	uint32_t ms =
		p->timeout_ms > LOGIN_MIN_MS ? p->timeout_ms : LOGIN_MIN_MS;

	if (!live_login(c, &p->side, p->plan, conn)) {
		p->out->end = REPLAY_BROKEN;
		snprintf(p->out->why, sizeof(p->out->why), "out of memory");
		return false;
	}
	if (!wait_for(p, logged_in, conn, ms) && !p->stopped) {
		snprintf(c->why, sizeof(c->why), "no answer in %u seconds",
			 (unsigned)(ms / 1000));
		c->state = LIVE_OVER;
		link_close(c->link, false);
	}
	return !p->stopped;
}

static void fail(struct player *p, enum replay_end end, const char *why)
{
	char where[HOST_PORT_TEXT_MAX];

	host_port_text(where, &p->o->target);
	p->out->end = end;
	snprintf(p->out->why, sizeof(p->out->why), "%.180s: %.60s", where, why);
}

/* Nobody was let in yet: the target cannot be reached.  Later it is gone, or
 * does not let this one in. */
static void play_login(struct player *p, uint32_t step)
{
	const struct replay_step *s = &p->plan->steps[step];
	struct live_conn *c = &p->conns[s->conn];
	bool first = !p->people.has_server;

	if (!connect_one(p, s->conn))
		return;
	while (first && c->refused && p->side.addr->ai_next != NULL) {
		p->side.addr = p->side.addr->ai_next;
		live_free(c);
		memset(c, 0, sizeof(*c));
		if (!connect_one(p, s->conn))
			return;
	}
	c->tokens = TOKENS;
	c->token_us = link_now_us();
	if (c->state == LIVE_UP) {
		replay_match_login(p->match, step, NULL);
		return;
	}
	if (!p->people.has_server) {
		fail(p, REPLAY_UNREACHABLE, c->why);
		return;
	}
	if (c->refused) {
		fail(p, REPLAY_DIED, c->why);
		return;
	}
	replay_match_login(p->match, step, c->why);
	replay_match_absent(p->match, s->conn);
}

/* Room for a packet to this client: servers drop what waits too long. */
static void wait_for_room(struct player *p, const struct replay_step *s)
{
	const struct replay_step *a;
	struct queue *q;

	if (s->link == REPLAY_NONE)
		return;
	a = &p->plan->steps[s->link];
	if (a->norm.type != DERP_RECV_PACKET || a->optional)
		return;
	q = &p->queues[p->plan->conns[a->conn].client];
	if (q->num == QUEUE) {
		if (!wait_for(p, has_come, q->steps[0], patience(p)))
			p->out->waited_out++;
		memmove(q->steps, q->steps + 1,
			(QUEUE - 1) * sizeof(*q->steps));
		q->num--;
	}
	q->steps[q->num++] = s->link;
}

/* The server tells of absent peers three times at once, then once a second:
 * faster than the capture, we would miss what it shows. */
static void wait_for_token(struct player *p, const struct replay_step *s)
{
	struct live_conn *c = &p->conns[s->conn];
	uint64_t now = link_now_us();

	c->tokens += (double)(now - c->token_us) / 1e6;
	c->token_us = now;
	if (c->tokens > TOKENS)
		c->tokens = TOKENS;
	if (s->may_draw)
		c->tokens = c->tokens < 1.0 ? 0.0 : c->tokens - 1.0;
	if (!s->needs_token)
		return;
	if (c->tokens < 1.0) {
		wait_ms(p, (uint32_t)((1.0 - c->tokens) * 1000) + 20);
		c->tokens = 1.0;
		c->token_us = link_now_us();
	}
	c->tokens -= 1.0;
}

static void play_send(struct player *p, uint32_t step)
{
	const struct replay_step *s = &p->plan->steps[step];
	struct live_conn *c = &p->conns[s->conn];

	wait_for_room(p, s);
	wait_for_token(p, s);
	if (p->stopped || !live_send(c, s, p->tag))
		return;
	replay_match_sent(p->match, s->conn, step);
	if (s->norm.ping != REPLAY_NONE)
		c->pings++;
	p->out->sent++;
	p->deed = step;
}

/* Who leaves too early takes his packets, and the news of it, with him. */
static void wait_for_arrivals(struct player *p, uint32_t conn)
{
	const struct replay_step *a;
	struct queue *q;

	for (uint32_t k = 0; k < p->plan->num_clients; k++) {
		q = &p->queues[k];
		for (uint32_t i = 0; i < q->num && !p->stopped; i++) {
			a = &p->plan->steps[q->steps[i]];
			if (p->plan->steps[a->link].conn != conn)
				continue;
			if (!wait_for(p, has_come, q->steps[i], patience(p)))
				p->out->waited_out++;
		}
	}
}

static uint32_t recorded_pause(const struct player *p, uint32_t step)
{
	const struct replay_plan *plan = p->plan;
	int64_t ms = p->settle_ms;

	for (uint32_t i = step + 1; i < plan->num_steps; i++)
		if (plan->steps[i].what != REPLAY_ANSWER &&
		    plan->steps[i].what != REPLAY_HOLE) {
			ms = (plan->steps[i].ts_ns - plan->steps[step].ts_ns) /
			     1000000;
			break;
		}
	if (ms < PAUSE_MIN_MS)
		ms = PAUSE_MIN_MS;
	return ms < p->settle_ms ? (uint32_t)ms : p->settle_ms;
}

static void play_close(struct player *p, uint32_t step)
{
	const struct replay_step *s = &p->plan->steps[step];
	struct live_conn *c = &p->conns[s->conn];

	wait_for_arrivals(p, s->conn);
	if (p->stopped || c->state == LIVE_OVER)
		return;
	live_leave(c, s->reset);
	wait_for(p, is_over, s->conn, p->settle_ms);
	p->deed = step;
	p->pause_us = link_now_us() + 1000ull * recorded_pause(p, step);
}

static bool decided(struct player *p, uint32_t step)
{
	return replay_match_try(p->match, step) == REPLAY_DECIDED;
}

static bool decided_or_soon(struct player *p, uint32_t step)
{
	return replay_match_try(p->match, step) != REPLAY_WAIT;
}

static void play_answer(struct player *p, uint32_t step)
{
	const struct replay_step *s = &p->plan->steps[step];

	/* Equal ones that are expected come first: it is judged at the end. */
	if (s->optional)
		return;
	if (!wait_for(p, decided_or_soon, step, patience(p)))
		p->out->waited_out++;
	else if (!decided(p, step))
		wait_for(p, decided, step, p->settle_ms);
	if (!p->stopped)
		replay_match_give_up(p->match, step);
	note_answer(p, s);
}

static void play_step(struct player *p, uint32_t step)
{
	const struct replay_step *s = &p->plan->steps[step];

	if (p->o->taken != NULL)
		p->o->taken(p->o->ctx, step);
	if (s->what != REPLAY_ANSWER && s->what != REPLAY_HOLE)
		finish_deed(p, s->conn);
	if (p->stopped)
		return;
	switch (s->what) {
	case REPLAY_LOGIN:
		play_login(p, step);
		return;
	case REPLAY_SEND:
		play_send(p, step);
		return;
	case REPLAY_ANSWER:
		play_answer(p, step);
		return;
	case REPLAY_CLOSE:
		play_close(p, step);
		return;
	case REPLAY_HOLE:
		return;
	}
}

/* ---- all of it -------------------------------------------------------- */

/* Connections ended that should not have: is anybody there? */
static void look_for_server(struct player *p)
{
	char err[TRANSPORT_ERR_MAX];
	int fd;

	if (!p->lost_one || p->match->different == 0)
		return;
	fd = dial_wait(&p->o->target, (int)p->timeout_ms, err);
	if (fd >= 0)
		close(fd);
	else
		fail(p, REPLAY_DIED, "the server is gone");
}

static void play_all(struct player *p)
{
	const struct replay_plan *plan = p->plan;
	bool past = true;

	for (p->step = 0; p->step < plan->num_steps; p->step++) {
		/* What the past brings is not in the capture. */
		if (past && !plan->steps[p->step].added) {
			past = false;
			if (p->step > 0) {
				finish_deed(p, REPLAY_NONE);
				wait_ms(p, p->settle_ms);
				replay_match_forget(p->match);
			}
		}
		play_step(p, p->step);
		if (p->stopped)
			p->out->end = REPLAY_STOPPED;
		if (p->out->end != REPLAY_PLAYED)
			return;
	}
	finish_deed(p, REPLAY_NONE);
	wait_ms(p, p->settle_ms);
	look_for_server(p);
	if (p->stopped)
		p->out->end = REPLAY_STOPPED;
}

static int look_up(struct player *p)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", (unsigned)p->o->target.port);
	err = getaddrinfo(p->o->target.host, port, &hints, &p->addrs);
	if (err == 0)
		return 0;
	p->addrs = NULL;
	fail(p, REPLAY_UNREACHABLE, gai_strerror(err));
	return -1;
}

static int set_up(struct player *p)
{
	static const int nums[2] = { SIGINT, SIGTERM };
	const struct replay_plan *plan = p->plan;

	p->conns = calloc(plan->num_conns + 1, sizeof(*p->conns));
	p->queues = calloc(plan->num_clients + 1, sizeof(*p->queues));
	p->side.loop = ev_loop_new(EVFLAG_AUTO);
	if (p->conns == NULL || p->queues == NULL || p->side.loop == NULL ||
	    live_people_make(&p->people, plan, p->o->seed) < 0)
		return -1;
	seed_bytes(p->tag, sizeof(p->tag), p->o->seed, "replay", "tag", 0);
	p->match = replay_match_new(plan, &p->people.keys, p->tag);
	if (p->match == NULL)
		return -1;
	p->out->match = p->match;
	ev_init(&p->timer, on_time);
	p->timer.data = p;
	for (int i = 0; i < 2; i++) {
		ev_signal_init(&p->signals[i], on_signal, nums[i]);
		p->signals[i].data = p;
		ev_signal_start(p->side.loop, &p->signals[i]);
	}
	host_port_text(p->host_line, &p->o->target);
	p->side.host_line = p->host_line;
	p->side.path = p->o->path != NULL ? p->o->path : "/derp";
	p->side.mesh_key = p->o->mesh_key;
	p->side.people = &p->people;
	p->side.frame = on_frame;
	p->side.ended = on_ended;
	p->side.ctx = p;
	return 0;
}

static void tear_down(struct player *p)
{
	for (uint32_t i = 0; p->conns != NULL && i < p->plan->num_conns; i++)
		live_free(&p->conns[i]);
	if (p->match != NULL) {
		for (int i = 0; i < 2; i++)
			ev_signal_stop(p->side.loop, &p->signals[i]);
		p->match->live = NULL; /* ends here */
	}
	if (p->side.loop != NULL)
		ev_loop_destroy(p->side.loop);
	if (p->addrs != NULL)
		freeaddrinfo(p->addrs);
	if (p->people.plan != NULL)
		live_people_clear(&p->people);
	free(p->conns);
	free(p->queues);
}

void replay_play(struct replay_outcome *out, const struct replay_plan *plan,
		 const struct replay_options *o)
{
	struct player p;

	memset(&p, 0, sizeof(p));
	memset(out, 0, sizeof(*out));
	p.plan = plan;
	p.o = o;
	p.out = out;
	p.deed = REPLAY_NONE;
	p.timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : 2000;
	p.settle_ms = o->settle_ms != 0 ? o->settle_ms : 50;
	if (set_up(&p) < 0) {
		out->end = REPLAY_BROKEN;
		snprintf(out->why, sizeof(out->why), "out of memory");
	} else if (look_up(&p) == 0) {
		p.side.addr = p.addrs;
		play_all(&p);
	}
	if (p.match != NULL) {
		replay_match_finish(p.match);
		if (p.match->out_of_memory && out->end == REPLAY_PLAYED) {
			out->end = REPLAY_BROKEN;
			snprintf(out->why, sizeof(out->why), "out of memory");
		}
	}
	tear_down(&p);
}
