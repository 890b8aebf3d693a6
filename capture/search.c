/*
 * search.c - find a frame header in the middle of a stream.
 *
 *   buf  |.......|T|len|~~~~~~|T|len|~~~|T|len|~
 *        ruled    a candidate, proved by the headers that follow
 *        out
 *
 * A header is plausible when its type is known, its length is one that this
 * type has in practice, and the side may send it.  One plausible header is
 * chance (about 1 in a million offsets of random bytes); a chain of them is
 * not.  A side that is known to speak DERP needs two in a row, a stranger
 * three.  The end of the stream right behind a frame counts like a header.
 */
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define SEARCH_BUF (256u * 1024u)   /* three of the longest frames */
#define STRANGER_MAX (256u * 1024u) /* bytes to look at before giving up */
#define HEADERS_KNOWN 2u
#define HEADERS_STRANGER 3u

/* The longest payload that a type has in practice; much less than what it
 * may have, or chance would find too many. */
static uint32_t usual_max(uint32_t type)
{
	switch (type) {
	case DERP_RECV_PACKET:
	case DERP_SEND_PACKET:
	case DERP_FORWARD_PACKET:
		return 2 * DERP_KEY_LEN + DERP_PACKET_MAX;
	case DERP_SERVER_KEY:
	case DERP_SERVER_INFO:
	case DERP_CLIENT_INFO:
	case DERP_HEALTH:
		return 4096;
	case DERP_PEER_PRESENT:
		return 512;
	case DERP_PEER_GONE:
	case DERP_PING:
	case DERP_PONG:
	case DERP_RESTARTING:
		return 64;
	case DERP_KEEP_ALIVE:
		return 0;
	default:
		return DERP_KEY_LEN;
	}
}

enum verdict {
	NO,
	MORE, /* bytes are missing to decide */
	YES,
};

/* Plausible at p[len]?  *from loses the senders that may not send it. */
static enum verdict plausible(const uint8_t *p, size_t len, uint32_t *from,
			      uint32_t *payload)
{
	const struct derp_rule *rule;
	uint32_t n;

	if (len == 0)
		return MORE;
	rule = derp_rule(p[0]);
	if (rule == NULL)
		return NO;
	*from &= (rule->from & DERP_FROM_MESH) != 0
			 ? rule->from | DERP_FROM_CLIENT
			 : rule->from;
	if (*from == 0)
		return NO;
	if (len < DERP_HEAD_LEN)
		return MORE;
	n = 0x1000000u * p[1] + 0x10000u * p[2] + 0x100u * p[3] + p[4];
	if (n < rule->min || n > rule->max || n > usual_max(p[0]))
		return NO;
	if (p[0] == DERP_SERVER_KEY && len >= DERP_HEAD_LEN + DERP_MAGIC_LEN &&
	    memcmp(p + DERP_HEAD_LEN, derp_magic, DERP_MAGIC_LEN) != 0)
		return NO;
	*payload = n;
	return YES;
}

struct chain {
	uint32_t from;  /* who may have sent all of it */
	uint32_t whole; /* frames that are whole */
};

static enum verdict follow(struct chain *ch, const uint8_t *p, size_t len,
			   uint32_t headers)
{
	enum verdict v;
	uint32_t n, seen = 0;

	ch->whole = 0;
	while (seen < headers) {
		v = plausible(p, len, &ch->from, &n);
		if (v != YES)
			return v;
		seen++;
		if (len - DERP_HEAD_LEN < n)
			return seen < headers ? MORE : YES;
		ch->whole++;
		p += DERP_HEAD_LEN + n;
		len -= DERP_HEAD_LEN + n;
	}
	return YES;
}

static uint32_t senders(const struct flow *f, int side)
{
	if (!f->pub.roles_known)
		return DERP_FROM_CLIENT | DERP_FROM_SERVER | DERP_FROM_MESH;
	return flow_dir(f, side) == CAPTURE_C2S
		       ? (uint32_t)DERP_FROM_CLIENT | DERP_FROM_MESH
		       : (uint32_t)DERP_FROM_SERVER;
}

void search_begin(struct side *s, bool resync)
{
	s->state = SIDE_SEARCH;
	s->from = 0;
	s->skipped = 0;
	s->num_marks = 0;
	s->resync = resync;
}

/* ---- when the bytes came ----------------------------------------------- */

/* What was just kept came with the side's stamp.  Without memory, or room,
 * the bytes get the stamp of those before or behind them. */
static void mark(struct capture *c, struct side *s)
{
	if (s->marks == NULL && mem_take(c, SEARCH_MARKS_LEN)) {
		s->marks = malloc(SEARCH_MARKS_LEN);
		if (s->marks == NULL)
			mem_give(c, SEARCH_MARKS_LEN);
	}
	if (s->marks == NULL)
		return;
	if (s->num_marks < SEARCH_MARKS)
		s->marks[s->num_marks++].stamp = s->stamp;
	s->marks[s->num_marks - 1].end = s->len;
}

/* The stamp of buf[at]. */
static struct stamp stamp_at(const struct side *s, uint32_t at)
{
	uint32_t i;

	for (i = 0; i < s->num_marks; i++)
		if (at < s->marks[i].end)
			return s->marks[i].stamp;
	return s->stamp;
}

static void shift_marks(struct side *s, uint32_t n)
{
	uint32_t i, kept = 0;

	for (i = 0; i < s->num_marks; i++) {
		if (s->marks[i].end <= n)
			continue;
		s->marks[kept] = s->marks[i];
		s->marks[kept++].end -= n;
	}
	s->num_marks = kept;
}

/* off: of the first of them. */
static void tell_passed(struct capture *c, struct flow *f, int side, uint64_t n,
			uint64_t off)
{
	struct capture_event e;

	if (n == 0 || !f->open)
		return;
	event_init(&e, c, f, side, CAPTURE_GAP);
	e.off = off;
	e.lost = n;
	e.loss = CAPTURE_STEP;
	event_tell(c, &e);
}

void search_lost(struct capture *c, struct flow *f, int side)
{
	struct side *s = &f->side[side];

	tell_passed(c, f, side, s->skipped + s->len, s->off - s->skipped);
	s->off += s->len;
	s->len = 0;
	s->num_marks = 0;
	s->skipped = 0;
	s->from = 0;
}

static void forget(struct side *s, uint32_t n)
{
	side_drop(s, n);
	shift_marks(s, n);
	s->off += n;
	s->skipped += n;
	s->from -= n;
}

/* A frame begins at buf[from]. */
static void in_step(struct capture *c, struct flow *f, int side, uint32_t from)
{
	struct side *s = &f->side[side];
	struct stamp newest = s->stamp;

	if ((from & DERP_FROM_SERVER) == 0)
		flow_set_client(f, side);
	else if (from == DERP_FROM_SERVER)
		flow_set_client(f, !side);
	forget(s, s->from);
	s->stamp = stamp_at(s, 0);
	flow_start(c, f, side, CAPTURE_MIDDLE, "");
	tell_passed(c, f, side, s->skipped, s->off - s->skipped);
	s->stamp = newest;
	frames_begin(s);
	side_become(c, f, side, SIDE_FRAMES);
}

static void scan(struct capture *c, struct flow *f, int side)
{
	struct side *s = &f->side[side];
	uint32_t headers = s->resync ? HEADERS_KNOWN : HEADERS_STRANGER;
	struct chain ch;
	enum verdict v = NO;

	while (s->from < s->len) {
		ch.from = senders(f, side);
		v = follow(&ch, s->buf + s->from, s->len - s->from, headers);
		if (v == YES) {
			in_step(c, f, side, ch.from);
			return;
		}
		if (v == MORE && (s->from > 0 || s->len < SEARCH_BUF))
			break;
		s->from++;
	}
	if (s->from > s->len / 2)
		forget(s, s->from);
	if (!f->started && s->skipped > STRANGER_MAX)
		side_off(c, f, side);
}

size_t search_data(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len)
{
	struct side *s = &f->side[side];
	size_t n;

	if (s->from > 0 && SEARCH_BUF - s->len < len)
		forget(s, s->from);
	n = SEARCH_BUF - s->len < len ? SEARCH_BUF - s->len : len;
	if (n > 0 && !side_keep(c, s, in, n)) {
		/* No memory to look with: pass over. */
		s->from = s->len;
		forget(s, s->from);
		s->off += n;
		s->skipped += n;
		return n;
	}
	if (n > 0)
		mark(c, s);
	scan(c, f, side);
	return n;
}

void search_end(struct capture *c, struct flow *f, int side)
{
	struct side *s = &f->side[side];
	uint32_t headers = s->resync ? HEADERS_KNOWN : HEADERS_STRANGER;
	struct chain ch;

	while (s->state == SIDE_SEARCH && s->from < s->len && !c->stopped) {
		ch.from = senders(f, side);
		if (follow(&ch, s->buf + s->from, s->len - s->from, headers) !=
			    NO &&
		    ch.whole + 1 >= headers) {
			in_step(c, f, side, ch.from);
			return;
		}
		s->from++;
	}
}
