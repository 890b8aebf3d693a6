/*
 * dump.h - what derpdump does with events.
 *
 *   events --> text.c (one line each; tree.c under it with -v, -x)
 *          \-> json.c (one object each)
 *          \-> stats.c (tables at the end)
 */
#ifndef CAPTURE_DUMP_H
#define CAPTURE_DUMP_H

#include "capture.h"
#include "derp_json.h"
#include "out.h"

#define DUMP_TYPES 256u
#define DUMP_KEYLOGS 64u

struct dump_stats {
	uint64_t frames[DUMP_TYPES][2]; /* by type and direction */
	uint64_t bytes[DUMP_TYPES][2];  /* payload */
	uint64_t kinds[6];              /* relayed packets */
	uint64_t started[4];            /* connections by enum capture_mode */
	uint64_t closed[4];             /* by enum capture_end */
	uint64_t losses[5];             /* bytes by enum capture_loss */
	int64_t first_ns, last_ns;
};

struct dump {
	bool verbose, hex, quiet, json, strict;
	bool stats;
	enum out_time time;
	uint64_t max_frames;               /* 0: all */
	const char *keylogs[DUMP_KEYLOGS]; /* borrowed */
	uint32_t num_keylogs;
	bool seen; /* first_ns is known */
	int64_t first_ns;
	struct out out;
	struct derp_json_writer writer;
	uint32_t point; /* json.c: of the character being written */
	int point_left;
	struct dump_stats sums;
};

/* text.c */
void text_event(struct dump *d, const struct capture_event *e);
/* tree.c */
void tree_frame(struct dump *d, const struct capture_event *e);
void tree_hex(struct dump *d, const uint8_t *p, size_t len);
/* json.c */
void json_init(struct dump *d);
void json_event(struct dump *d, const struct capture_event *e);
/* how: "end", "stopped" or "error"; error is NULL without one. */
void json_summary(struct dump *d, const struct capture_counts *n,
		  const char *error);
/* stats.c */
void stats_event(struct dump *d, const struct capture_event *e);
void stats_print(struct dump *d, const struct capture_counts *n);

/* names.c: words for numbers, printable ASCII, never NULL. */
const char *name_mode(enum capture_mode mode);
const char *name_end(enum capture_end end);
const char *name_loss(enum capture_loss loss);
const char *name_reason(int reason); /* PeerGone; NULL if it has none */
/* What a box of this many sealed bytes is consistent with, or NULL. */
const char *guess_client_info(uint32_t text_len);
const char *guess_server_info(uint32_t text_len);
/* Bits of PeerPresent's flags, the lowest first. */
extern const char *const present_flags[4];
/* Bytes of text in a box, without its authenticator. */
uint32_t box_text_len(uint32_t box_len);

#endif
