/*
 * replay_report.h - what a replay found, for people and for machines.
 */
#ifndef REPLAY_REPORT_H
#define REPLAY_REPORT_H

#include <stdio.h>

#include "replay_play.h"

struct replay_source {
	const char *capture; /* its name */
	const char *target;  /* host:port */
	uint64_t seed;
	bool verbose;
};

/* What the capture lacks: lines for standard error. */
void replay_report_notes(FILE *to, const struct replay_plan *plan);
/* "  12 2> SendPacket ...": a step, as -v shows it. */
void replay_report_step(FILE *to, const struct replay_plan *plan,
			uint32_t step);
void replay_report_text(FILE *to, const struct replay_source *from,
			const struct replay_plan *plan,
			const struct replay_outcome *out);
void replay_report_json(FILE *to, const struct replay_source *from,
			const struct replay_plan *plan,
			const struct replay_outcome *out);

#endif
