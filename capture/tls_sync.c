/*
 * tls_sync.c - in step again after lost records.
 *
 *   ==opened==|   hole   |~~~~|17 03 03 len|~~~~~~~~~~~~|
 *                              which number is this one?
 *
 * Every record has a number that is not on the wire.  What looks like a record
 * is tried under the numbers that may be its own; the tag proves the right
 * one.  From the bytes and records in between follows how much text is lost,
 * to the byte.  Work in vain is bounded by a budget that bytes of the capture
 * pay into.
 */
#include <stdlib.h>
#include <string.h>

#include "tls_flow.h"

#define TRY_COST 64 /* of a try, besides its bytes */
#define NEXT_MAX 8u /* numbers to try with the next keys */

static int try_seq(struct capture *c, struct tls_side *s, struct seal *seal,
		   uint64_t seq, const uint8_t *rec, size_t len)
{
	s->budget -= TRY_COST + (int64_t)len;
	if (s->budget < 0)
		return -1;
	return seal_open(seal, seq, rec, len, c->plain);
}

static int try_next(struct capture *c, struct flow *f, int side,
		    const uint8_t *rec, size_t len, uint32_t skip, int *lost)
{
	struct tls_side *s = &f->secure->side[side];
	struct seal next = { 0 };
	uint32_t i, max = skip > NEXT_MAX ? skip : NEXT_MAX;
	int n = -1;

	if (!tls_next_seal(f, side, &next))
		return -1;
	for (i = 0; i <= max && n < 0 && s->budget > 0; i++)
		n = try_seq(c, s, &next, i, rec, len);
	if (n < 0) {
		seal_free(&next);
		return -1;
	}
	/* The handshake ended in what is lost, and i - 1 records with it. */
	*lost = s->handshake && i == 1 ? 0 : -1;
	seal_free(&s->seal);
	s->seal = next;
	s->handshake = false;
	s->seq = i - 1;
	return n;
}

int tls_try(struct capture *c, struct flow *f, int side, const uint8_t *rec,
	    size_t len, uint32_t skip, int *lost)
{
	struct tls_side *s = &f->secure->side[side];
	uint32_t i;
	int n;

	for (i = 0; i <= skip && s->budget > 0; i++) {
		n = try_seq(c, s, &s->seal, s->seq + i, rec, len);
		if (n < 0)
			continue;
		s->seq += i;
		*lost = s->handshake ? 0 : (int)i;
		return n;
	}
	return f->secure->tls13 ? try_next(c, f, side, rec, len, skip, lost)
				: -1;
}

void tls_search_begin(struct tls_side *s, uint64_t span, enum capture_loss loss)
{
	s->searching = true;
	s->span = span;
	s->loss = loss;
	s->msg_len = s->msg_skip = 0;
}

/* Forget the first n bytes that were looked at. */
static void pass(struct tls_side *s, uint32_t n)
{
	if (n == 0)
		return;
	s->span += n;
	s->len -= n;
	memmove(s->buf, s->buf + n, s->len);
}

enum fit {
	FIT_NO,
	FIT_MORE, /* it may be one, and is not whole */
	FIT_YES,
};

/* In TLS 1.2 it may be the Finished of the handshake. */
static bool may_be(const struct flow *f, const uint8_t *p, uint32_t len)
{
	return (p[0] == TLS_DATA ||
		(p[0] == TLS_HANDSHAKE && !f->secure->tls13)) &&
	       (len < 2 || p[1] == 3) && (len < 3 || p[2] == 3);
}

/* A record at p, and, where it can be seen, another one behind it. */
static enum fit look(const struct flow *f, const uint8_t *p, uint32_t len,
		     uint32_t *record)
{
	uint32_t n;

	if (!may_be(f, p, len))
		return FIT_NO;
	if (len < SEAL_HEAD_LEN)
		return FIT_MORE;
	n = 0x100u * p[3] + p[4];
	if (n <= SEAL_TAG_LEN || n > SEAL_RECORD_MAX)
		return FIT_NO;
	*record = SEAL_HEAD_LEN + n;
	if (len < *record)
		return FIT_MORE;
	if (len > *record + 1 && p[*record + 1] != 3)
		return FIT_NO;
	return FIT_YES;
}

/* The record at buf[at] opened: tell what was lost before it. */
static void found(struct capture *c, struct flow *f, int side, uint32_t at,
		  uint32_t record, size_t text, int lost)
{
	struct tls_side *s = &f->secure->side[side];
	uint32_t head = SEAL_HEAD_LEN + seal_overhead(f->secure->suite);
	uint8_t *rest = s->buf + at + record;
	uint32_t left = s->len - at - record, cap = s->cap;
	uint8_t *buf = s->buf, type = buf[at];
	uint64_t n = s->span + at;

	if (lost >= 0 && n >= (uint64_t)lost * head)
		n -= (uint64_t)lost * head;
	if (lost == 0)
		n = 0; /* nothing but handshake was lost */
	s->searching = false;
	s->failed = 0;
	s->span = 0;
	/* What follows is read from here, and may be kept anew. */
	s->buf = NULL;
	s->len = s->cap = 0;
	tls_lost(c, f, side, n, s->loss);
	tls_opened(c, f, side, type, text);
	tls_data(c, f, side, rest, left);
	free(buf);
	mem_give(c, cap);
}

/* How many records can have been in the bytes passed? */
static uint32_t records_in(const struct flow *f, uint64_t n)
{
	n /= SEAL_HEAD_LEN + seal_overhead(f->secure->suite);
	return n < TLS_SKIP_MAX ? (uint32_t)n : TLS_SKIP_MAX;
}

static void scan(struct capture *c, struct flow *f, int side)
{
	struct tls_side *s = &f->secure->side[side];
	uint32_t at = 0, len;
	const uint8_t *p;
	enum fit fit;
	int n, lost;

	while (at < s->len && !s->over) {
		p = s->buf + at;
		fit = look(f, p, s->len - at, &len);
		if (fit == FIT_MORE)
			break;
		if (fit == FIT_YES) {
			n = tls_try(c, f, side, p, len,
				    records_in(f, s->span + at), &lost);
			if (n >= 0) {
				found(c, f, side, at, len, (size_t)n, lost);
				return;
			}
			if (s->budget <= 0) {
				tls_give_up(c, f, side,
					    "TLS records cannot be found "
					    "any more");
				return;
			}
		}
		at++;
	}
	pass(s, at);
}

size_t tls_search(struct capture *c, struct flow *f, int side,
		  const uint8_t *in, size_t len)
{
	struct tls_side *s = &f->secure->side[side];
	size_t n = TLS_WAIT_MAX - s->len < len ? TLS_WAIT_MAX - s->len : len;

	s->budget += (int64_t)n;
	if (!tls_keep(c, s, in, n)) {
		tls_give_up(c, f, side, "no memory for its records");
		return len;
	}
	scan(c, f, side);
	return n;
}
