/*
 * replay_match.h - are the answers those of the capture?
 *
 *   plan: ANSWER, ANSWER, ...  --+
 *                                +--> equal | different
 *   live: frames as they come  --+
 *
 * Notices (PeerGone, PeerPresent) are compared as a set, other frames in
 * order within their kind on a connection, packets within their source and
 * class.  A missing or surplus frame costs one difference, not all that
 * follow.  What servers send unasked is passed over.
 *
 * No sockets and no clock: the player says how long it waited.
 */
#ifndef REPLAY_MATCH_H
#define REPLAY_MATCH_H

#include <stdio.h>

#include "replay_plan.h"

#define REPLAY_DIFFS_MAX 1000    /* kept; all are counted */
#define REPLAY_WAITING_MAX 65536 /* frames of a connection that wait */
#define REPLAY_TAG_LEN 4         /* begins the body of every ping we send */
#define REPLAY_TRACE 64          /* live frames kept per connection */

enum replay_diff_kind {
	REPLAY_MISSING,    /* did not come */
	REPLAY_LATE,       /* came when it was given up */
	REPLAY_ORDER,      /* came behind one that belongs after it */
	REPLAY_OTHER,      /* something else came in its place */
	REPLAY_UNEXPECTED, /* came, and nothing like it is in the capture */
	REPLAY_NO_LOGIN,
};

struct replay_diff {
	enum replay_diff_kind kind;
	uint32_t conn;
	uint32_t step;                  /* of the plan, where it shows */
	char expected[REPLAY_TEXT_MAX]; /* "": nothing */
	char actual[REPLAY_TEXT_MAX];
	uint32_t differs; /* OTHER: at this byte of the data; or NONE */
};

struct replay_seen {
	uint32_t step;
	bool sent;
	char text[REPLAY_TEXT_MAX];
};

struct replay_match {
	/* To look at. */
	uint32_t equal, different;
	uint32_t strangers;        /* news of people who are not ours */
	struct replay_diff *diffs; /* sorted by step after finish() */
	uint32_t num_diffs;
	bool out_of_memory;

	/* Private. */
	const struct replay_plan *plan;
	const struct replay_keys *live;
	const uint8_t *tag;
	uint8_t *states; /* per step */
	bool *extras_used;
	struct replay_box *boxes; /* per connection */
	uint32_t *answered;       /* per ping */
};

enum replay_try {
	REPLAY_WAIT,    /* nothing yet */
	REPLAY_SOON,    /* something else is there in its place */
	REPLAY_DECIDED, /* equal, or different; count says which */
};

/* plan, live and tag are borrowed; live may grow.  NULL: memory. */
struct replay_match *replay_match_new(const struct replay_plan *plan,
				      const struct replay_keys *live,
				      const uint8_t tag[REPLAY_TAG_LEN]);
void replay_match_free(struct replay_match *m);

/* A frame came, or the end of the connection, while the step was next.
 * Returns the number of a ping that it answers, or REPLAY_NONE. */
uint32_t replay_match_got(struct replay_match *m, uint32_t conn,
			  const struct derp_frame *f, uint32_t step);
void replay_match_ended(struct replay_match *m, uint32_t conn, uint32_t step);
/* It never came to be: its answers are missing. */
void replay_match_absent(struct replay_match *m, uint32_t conn);
/* For the trace only. */
void replay_match_sent(struct replay_match *m, uint32_t conn, uint32_t step);
/* Forget what came so far on all connections. */
void replay_match_forget(struct replay_match *m);

/* Has the answer of this step come?  Optional ones wait for finish(). */
enum replay_try replay_match_try(struct replay_match *m, uint32_t step);
/* It was waited for long enough. */
void replay_match_give_up(struct replay_match *m, uint32_t step);
/* A login went as in the capture, or why not. */
void replay_match_login(struct replay_match *m, uint32_t step, const char *why);
/* The end: judge what is left over. */
void replay_match_finish(struct replay_match *m);

/* Did the answer of this step come already, judged or not? */
bool replay_match_has(const struct replay_match *m, uint32_t step);

/* The last frames of a connection up to a step, newest last. */
uint32_t replay_match_trace(const struct replay_match *m, uint32_t conn,
			    uint32_t step, const struct replay_seen **list,
			    uint32_t max);

#endif
