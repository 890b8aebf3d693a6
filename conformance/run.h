/*
 * run.h - one running case.  Private to the engine's files:
 *
 *   engine.c    which case runs when; probes; the end
 *   run.c       the steps of one case, from begin to verdict
 *   expect.c    send, expect, absent, fence
 *   action.c    connect, upgrade, login and the other actions
 *   event.c     what comes on the connections of a case
 *   pattern.c   does a frame match an expectation?
 *   compose.c   the bytes of a frame to send
 *   show.c      frames and values as text; the trace
 *
 *   RUNNING --> SETTLING --> ENDED --> WATCHED
 *      |           |           |          \__ a late frame turns PASS to FAIL
 *      +-----------+-- failed -+              (result->late)
 */
#ifndef RUN_H
#define RUN_H

#include <ev.h>
#include <netdb.h>

#include "engine.h"
#include "link.h"
#include "value.h"

#define TRACE_KEEP 64
#define LOGIN_TEXT_MAX 4096

#define MARK_SEEN 1u
#define MARK_USED 2u

/* What all runs share; the engine owns it. */
struct stage {
	struct ev_loop *loop;
	const struct engine_options *o;
	const struct engine_hooks *hooks;
	const struct addrinfo *addr; /* where the server is */
	char host_line[300];
	uint8_t server_key[VALUE_KEY_LEN]; /* of the last login */
	bool has_server_key;
	uint64_t lag_us; /* time that this process was kept from running */
};

/* An expectation with its values computed. */
struct want {
	const struct scenario_arg *arg;
	uint64_t num;
	struct buf bytes;
};

struct pattern {
	struct pattern *next;
	const struct scenario_match *match;
	struct want *wants;
	size_t num_wants;
};

/* An absence, from its step on. */
struct forbid {
	struct forbid *next;
	const struct scenario_step *step;
	struct pattern *pattern;
	bool off; /* a later expectation of that word ended it */
};

struct conn {
	struct run *run;
	uint32_t index;
	uint32_t key_of; /* whose key pair it uses */
	struct link *link;
	struct link_event *end; /* the server ended it */
	struct buf pong;        /* the last one that was matched */
	bool asked;             /* the upgrade request was sent */
	bool plain;             /* by a login or upgrade without Fast-Start */
	bool switched;          /* 101 came */
	bool greeted;           /* ServerKey came */
	bool told;              /* ClientInfo was sent */
	bool logged_in;         /* ServerInfo came */
	bool watching;          /* WatchConns was sent */
	bool left;              /* we closed it */
	bool holding;
	uint32_t ignored; /* SCENARIO_NAMES() */
	uint32_t cut, cut_ms, cut_most;
};

enum run_state { RUN_RUNNING, RUN_SETTLING, RUN_ENDED, RUN_WATCHED };

struct loop_level {
	const struct scenario_step *next; /* the step to do */
	const struct scenario_step *loop; /* NULL: the case itself */
	uint64_t round, rounds;
};

struct run {
	struct run *next; /* the engine's lists */
	struct stage *stage;
	const struct scenario_case *c;
	const struct scenario_instance *what;
	struct result *result;
	void (*ended)(struct run *r, void *ctx); /* has a verdict */
	void (*late)(struct run *r, void *ctx);  /* failed while watched */
	void *ctx;
	size_t item; /* the engine's */

	enum run_state state;
	bool busy; /* inside of run_go() */
	bool told; /* ended() was called */
	bool failed_late, told_late;
	struct value_env env;
	uint8_t priv[SCENARIO_CONNS_MAX][VALUE_KEY_LEN];
	uint8_t pub[SCENARIO_CONNS_MAX][VALUE_KEY_LEN];
	uint8_t server_key[VALUE_KEY_LEN];
	struct conn conns[SCENARIO_CONNS_MAX];

	/* the current step */
	struct loop_level level[SCENARIO_NEST_MAX + 1];
	uint32_t depth;
	const struct scenario_step *step;
	uint32_t part;            /* of a step that has several */
	uint64_t step_us;         /* when it began */
	uint64_t deadline_us;     /* when it is over */
	uint64_t wake_us;         /* look again then; 0: only at the deadline */
	uint64_t step_lag_us;     /* stage->lag_us at its begin */
	uint64_t given_us;        /* of lost time, added to the deadline */
	uint32_t given;           /* so many times */
	struct pattern *patterns; /* of an expectation */
	uint8_t token[DERP_PING_LEN + 62]; /* of a fence */
	uint32_t token_len;
	char note[200]; /* why what came did not match */

	struct forbid *forbids, **last_forbid;
	bool unproved; /* an absence without a settle behind it */
	uint64_t began_us, limit_us;
	ev_timer timer;
	struct buf scratch; /* an opened ServerInfo */

	struct trace_entry trace[TRACE_KEEP];
	size_t num_trace; /* ever */
};

enum poll { POLL_WAIT, POLL_DONE, POLL_FAILED };

/* ---- run.c */
struct run *run_new(struct stage *stage, const struct scenario_instance *what,
		    struct result *result);
void run_start(struct run *r);
void run_go(struct run *r);
void run_watch(struct run *r); /* after it has ended well */
void run_close(struct run *r); /* its connections */
void run_cancel(struct run *r, enum verdict v, const char *reason);
void run_free(struct run *r);
/* Judge: the step, what was expected and what came.  Returns POLL_FAILED. */
enum poll run_fail(struct run *r, enum verdict v, struct scenario_pos at,
		   const char *reason);
enum poll run_broken(struct run *r); /* env.error is why */

/* ---- action.c */
enum poll action_poll(struct run *r, struct conn *c);
const struct scenario_arg *arg_find(const struct scenario_arg *list,
				    enum scenario_arg_id id);
/* Send bytes of a word on c, and note them in the trace. */
void conn_send(struct conn *c, const struct buf *bytes,
	       const struct scenario_word *w);

/* ---- expect.c */
enum poll send_poll(struct run *r, struct conn *c);
enum poll expect_poll(struct run *r, struct conn *c);
enum poll absent_poll(struct run *r, struct conn *c);
enum poll fence_poll(struct run *r, struct conn *c);
/* Its time is over: fail, saying what did come. */
enum poll expect_timeout(struct run *r, struct conn *c);

/* ---- event.c */
void event_scan(struct run *r);
/* The first packet that no step used. */
struct link_event *event_left_packet(struct run *r, struct conn **c);
/* A logged-in connection that the server closed without a step naming it. */
struct conn *event_bad_end(struct run *r);

/* ---- pattern.c */
struct pattern *pattern_new(struct run *r, const struct scenario_match *m);
void pattern_free(struct pattern *p); /* the list */
enum found { FOUND_NOT_YET, FOUND, FOUND_WRONG };
/* Look among what came on c for the frame that p is about; r->note says what
 * is wrong with one that came in its place. */
enum found pattern_find(struct run *r, struct conn *c, const struct pattern *p,
			struct link_event **e);
bool pattern_is_about(const struct pattern *p, const struct link_event *e);
bool pattern_fits(struct run *r, struct conn *c, const struct pattern *p,
		  const struct link_event *e);
bool pattern_take(struct run *r, struct conn *c, const struct pattern *p,
		  const struct link_event *e); /* its captures */
bool packet_is_disco(const uint8_t *data, size_t len);

/* ---- compose.c */
/* The bytes of a send step; false: env.error. */
bool compose(struct run *r, struct conn *c, const struct scenario_word *w,
	     const struct scenario_arg *args, struct buf *out);
bool compose_upgrade(struct run *r, struct conn *c,
		     const struct scenario_arg *args, bool fast,
		     struct buf *out);

/* ---- show.c */
void show_bytes(const struct run *r, char *out, size_t cap,
		const uint8_t *bytes, size_t len);
void show_event(const struct run *r, char *out, size_t cap,
		const struct link_event *e);
void show_pattern(struct run *r, char *out, size_t cap,
		  const struct pattern *p);
void show_end(char *out, size_t cap, const struct link_event *e);
void trace_sent(struct run *r, const struct conn *c, const struct buf *bytes,
		const struct scenario_word *w);
void trace_event(struct run *r, const struct conn *c,
		 const struct link_event *e);
void trace_note(struct run *r, const struct conn *c, const char *text);
void trace_keep(struct run *r); /* into the result */

#endif
