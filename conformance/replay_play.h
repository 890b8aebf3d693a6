/*
 * replay_play.h - play a plan against a server, in lock-step.
 *
 * Steps are played in the order of the capture.  An answer that the capture
 * shows before a step has come, or was waited for, before that step is
 * taken; a frame whose effect nothing shows is followed by a ping of ours
 * before another connection does something.  Recorded time plays no role, but
 * for what servers ration: notices of absent peers.
 */
#ifndef REPLAY_PLAY_H
#define REPLAY_PLAY_H

#include "host_port.h"
#include "replay_match.h"

struct replay_options {
	struct host_port target;
	const char *path;        /* NULL: "/derp" */
	const uint8_t *mesh_key; /* NULL: none */
	uint32_t timeout_ms;     /* for an answer; 0: 2000 */
	uint32_t settle_ms;      /* for what must not come; 0: 50 */
	uint64_t seed;
	/* Each step as it is taken; may be NULL. */
	void (*taken)(void *ctx, uint32_t step);
	void *ctx;
};

enum replay_end {
	REPLAY_PLAYED,
	REPLAY_UNREACHABLE, /* nobody could log in at the start */
	REPLAY_DIED,        /* the server went away */
	REPLAY_STOPPED,     /* by a signal */
	REPLAY_BROKEN,      /* our fault */
};

struct replay_outcome {
	enum replay_end end;
	char why[REPLAY_WHY_MAX];   /* one line, when end is not PLAYED */
	uint32_t sent;              /* frames of the capture */
	uint32_t waited_out;        /* answers that were waited for in vain */
	bool no_fences;             /* the server did not answer our pings */
	struct replay_match *match; /* to be freed; NULL only when BROKEN */
};

void replay_play(struct replay_outcome *out, const struct replay_plan *plan,
		 const struct replay_options *o);

#endif
