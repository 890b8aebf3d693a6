/*
 * story.h - what a capture says, as bytes, so that two of them compare.
 *
 * Also keeps the rules of capture.h that hold for every input: the order of
 * events, times that never go back, texts that can be printed, no more
 * events than bytes.
 */
#ifndef FUZZ_STORY_H
#define FUZZ_STORY_H

#include "capture.h"
#include "fuzz.h"

#define STORY_FLOWS 64 /* those with a higher number are not looked after */

struct story {
	struct fuzz_bytes all;    /* every event, with time and packet */
	struct fuzz_bytes frames; /* frames and gaps only, without those */
	size_t num, max;          /* events */
	bool opened[STORY_FLOWS], started[STORY_FLOWS];
	int64_t last_ns[STORY_FLOWS][2];
	size_t num_gaps, num_invalid;
};

/* A capture_event_fn; ctx is the struct story.  Set max before. */
int story_event(void *ctx, const struct capture_event *e);
void story_free(struct story *s);

#endif
