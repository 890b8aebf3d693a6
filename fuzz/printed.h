/*
 * printed.h - what derpdump prints, caught and judged.
 *
 * Whatever the capture holds, it is printable ASCII and line ends; each line
 * of --json is one JSON object with a "type" or an "event".  write() is ours:
 * see Makefile.
 */
#ifndef FUZZ_PRINTED_H
#define FUZZ_PRINTED_H

#include "dump.h"

/* The bits of form choose among derpdump's options. */
void printed_begin(struct dump *d, uint8_t form);
/* A capture_event_fn; ctx is the struct dump. */
int printed_event(void *ctx, const struct capture_event *e);
/* error is NULL without one. */
void printed_end(struct dump *d, const struct capture_counts *n,
		 const char *error);

#endif
