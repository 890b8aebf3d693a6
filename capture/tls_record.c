/*
 * tls_record.c - records out of one side's bytes.
 *
 *   | type 03 03 | length | ~~~~ sealed ~~~~ | type 03 03 | length | ~~
 *
 * A record that lies whole in a segment is opened where it is.  A hole inside
 * a record costs that record, for its length says where the next one begins.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tls_flow.h"

#define FAILED_MAX 8u  /* records in vain, before the first that opens */
#define PASSED_MAX 64u /* that are known not to open */
#define BUDGET_FIRST ((int64_t)1 << 20)
#define BUDGET_MAX ((int64_t)16 << 20)
#define BUDGET_PER_BYTE 64

/* ---- life -------------------------------------------------------------- */

bool tls_begin(struct capture *c, struct flow *f)
{
	struct tls_conn *t;
	int i;

	if (c->plain == NULL)
		c->plain = malloc(SEAL_RECORD_MAX);
	if (c->plain == NULL || !mem_take(c, sizeof(*t)))
		return false;
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		mem_give(c, sizeof(*t));
		return false;
	}
	for (i = 0; i < 2; i++)
		t->side[i].budget = BUDGET_FIRST;
	f->secure = t;
	return true;
}

static void free_side(struct capture *c, struct tls_side *s)
{
	mem_give(c, s->cap + s->msg_cap);
	free(s->buf);
	free(s->msg);
	s->buf = s->msg = NULL;
	s->len = s->cap = s->msg_len = s->msg_cap = 0;
	seal_free(&s->seal);
}

void tls_free_conn(struct capture *c, struct flow *f)
{
	struct tls_conn *t = f->secure;

	if (t == NULL)
		return;
	free_side(c, &t->side[0]);
	free_side(c, &t->side[1]);
	sodium_memzero(t, sizeof(*t));
	free(t);
	mem_give(c, sizeof(*t));
	f->secure = NULL;
}

static void side_over(struct capture *c, struct flow *f, int side)
{
	f->secure->side[side].over = true;
	free_side(c, &f->secure->side[side]);
}

void tls_give_up(struct capture *c, struct flow *f, int side, const char *text)
{
	struct capture_event e;
	int i;

	if (f->tls)
		return;
	f->tls = true;
	event_init(&e, c, f, side, f->open ? CAPTURE_NOTE : CAPTURE_TLS);
	e.text = text;
	event_tell(c, &e);
	for (i = 0; i < 2; i++) {
		side_over(c, f, i);
		f->secure->giving = true;
		stream_end(c, f, i);
		f->secure->giving = false;
	}
}

bool tls_keep(struct capture *c, struct tls_side *s, const uint8_t *in,
	      size_t len)
{
	uint32_t cap = s->cap;
	uint8_t *more;

	if (len > TLS_WAIT_MAX - s->len)
		return false;
	while (cap - s->len < len)
		cap = cap == 0 ? 2048 : 2 * cap;
	if (cap != s->cap) {
		if (!mem_take(c, cap - s->cap))
			return false;
		more = realloc(s->buf, cap);
		if (more == NULL) {
			mem_give(c, cap - s->cap);
			return false;
		}
		s->buf = more;
		s->cap = cap;
	}
	memcpy(s->buf + s->len, in, len);
	s->len += (uint32_t)len;
	return true;
}

/* ---- up ---------------------------------------------------------------- */

void tls_lost(struct capture *c, struct flow *f, int side, uint64_t n,
	      enum capture_loss loss)
{
	struct tls_conn *t = f->secure;

	if (n == 0)
		return;
	t->giving = true;
	stream_gap(c, f, side, n, loss);
	t->giving = false;
}

static void alert(struct capture *c, struct flow *f, int side, size_t len)
{
	struct capture_event e;

	/* close_notify, or anything that ends a connection. */
	if (len == 2 && c->plain[1] != 0 && f->open) {
		event_init(&e, c, f, side, CAPTURE_NOTE);
		e.text = "a TLS alert ends the connection";
		event_tell(c, &e);
	}
	side_over(c, f, side);
}

/* The text of a TLS 1.3 record: content, its type, zeros. */
static size_t inner(const uint8_t *p, size_t len, uint32_t *type)
{
	while (len > 0 && p[len - 1] == 0)
		len--;
	*type = len > 0 ? p[len - 1] : 0;
	return len > 0 ? len - 1 : 0;
}

void tls_opened(struct capture *c, struct flow *f, int side, uint32_t type,
		size_t len)
{
	struct tls_conn *t = f->secure;

	t->side[side].opened = true;
	t->side[side].seq++;
	if (t->tls13)
		len = inner(c->plain, len, &type);
	if (type == TLS_HANDSHAKE) {
		tls_messages(c, f, side, c->plain, len);
	} else if (type == TLS_ALERT) {
		alert(c, f, side, len);
	} else if (type == TLS_DATA && len > 0) {
		t->giving = true;
		stream_data(c, f, side, c->plain, len);
		t->giving = false;
	}
}

/* ---- one record -------------------------------------------------------- */

/* A record is lost whose length is known: as much text as that holds. */
static void lose_record(struct capture *c, struct flow *f, int side,
			uint32_t type, size_t len, enum capture_loss loss)
{
	struct tls_side *s = &f->secure->side[side];
	uint32_t rest = SEAL_HEAD_LEN + seal_overhead(f->secure->suite);

	s->msg_len = s->msg_skip = 0; /* out of step with messages */
	if (!s->sealed) {
		s->sealed = type == TLS_CCS;
		return;
	}
	s->seq++;
	if (type == TLS_DATA && !s->handshake && len > rest)
		tls_lost(c, f, side, len - rest, loss);
}

/* Records that do not open are none of our keys': 0-RTT, or a handshake
 * whose secrets are not logged. */
static bool passes(const struct flow *f, int side)
{
	const struct tls_conn *t = f->secure;
	const struct tls_side *s = &t->side[side];

	return !s->opened &&
	       (s->blind || (t->early && flow_dir(f, side) == CAPTURE_C2S));
}

static void open_record(struct capture *c, struct flow *f, int side,
			const uint8_t *rec, size_t len)
{
	struct tls_conn *t = f->secure;
	struct tls_side *s = &t->side[side];
	int lost, n = seal_open(&s->seal, s->seq, rec, len, c->plain);

	/* Lost Finished or KeyUpdate?  Then the next keys fit. */
	if (n < 0 && !passes(f, side))
		n = tls_try(c, f, side, rec, len, 0, &lost);
	if (n >= 0) {
		s->failed = 0;
		tls_opened(c, f, side, rec[0], (size_t)n);
		return;
	}
	s->failed++;
	if (!s->opened &&
	    s->failed >= (passes(f, side) ? PASSED_MAX : FAILED_MAX))
		tls_give_up(c, f, side,
			    t->early ? "0-RTT data, and nothing else that "
				       "the logged secrets open"
				     : "the logged secrets do not fit");
	else if (!passes(f, side))
		lose_record(c, f, side, rec[0], len, CAPTURE_SEALED);
}

static void clear_record(struct capture *c, struct flow *f, int side,
			 const uint8_t *rec, size_t len)
{
	struct tls_conn *t = f->secure;

	if (rec[0] == TLS_HANDSHAKE)
		tls_messages(c, f, side, rec + SEAL_HEAD_LEN,
			     len - SEAL_HEAD_LEN);
	else if (rec[0] == TLS_DATA && !t->hello)
		tls_give_up(c, f, side,
			    "encrypted: its handshake is not in the capture");
	else if (rec[0] == TLS_DATA && !(t->early && !t->chosen))
		tls_give_up(c, f, side, "application data without keys");
}

static void record(struct capture *c, struct flow *f, int side,
		   const uint8_t *rec, size_t len)
{
	struct tls_conn *t = f->secure;
	struct tls_side *s = &t->side[side];

	s->budget += BUDGET_PER_BYTE * (int64_t)len;
	if (s->budget > BUDGET_MAX)
		s->budget = BUDGET_MAX;
	if (!s->sealed && rec[0] == TLS_CCS) {
		if (t->chosen && !t->tls13)
			s->sealed = true;
	} else if (!s->sealed) {
		clear_record(c, f, side, rec, len);
	} else if (!t->tls13 || rec[0] == TLS_DATA) {
		open_record(c, f, side, rec, len);
	} /* TLS 1.3: a ChangeCipherSpec says nothing */
}

/* ---- bytes ------------------------------------------------------------- */

static bool is_record(const uint8_t *p)
{
	return p[0] >= TLS_CCS && p[0] <= TLS_DATA && p[1] == 3 && p[2] <= 4 &&
	       0x100u * p[3] + p[4] <= SEAL_RECORD_MAX;
}

static size_t record_len(const uint8_t *p)
{
	return SEAL_HEAD_LEN + 0x100u * p[3] + p[4];
}

/* What follows is no record. */
static void out_of_step(struct capture *c, struct flow *f, int side)
{
	struct tls_side *s = &f->secure->side[side];

	if (s->sealed)
		tls_search_begin(s, 0, CAPTURE_SEALED);
	else
		tls_give_up(c, f, side, "looked like TLS, and is not");
}

/* The client talks with keys that the ServerHello will tell: TLS 1.3, and the
 * other direction was captured late. */
static bool must_wait(const struct flow *f, const uint8_t *head)
{
	const struct tls_conn *t = f->secure;

	return head[0] == TLS_DATA && t->hello && !t->chosen && !t->early;
}

static size_t wait(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len)
{
	struct tls_side *s = &f->secure->side[side];

	s->waiting = true;
	if (!tls_keep(c, s, in, len))
		tls_give_up(c, f, side,
			    "encrypted: the server's hello is not in the "
			    "capture");
	return len;
}

/* A part of a record that is not whole in the segment. */
static size_t collect(struct capture *c, struct flow *f, int side,
		      const uint8_t *in, size_t len)
{
	struct tls_side *s = &f->secure->side[side];
	size_t want = SEAL_HEAD_LEN, n;

	if (s->len >= SEAL_HEAD_LEN)
		want = record_len(s->buf);
	n = want - s->len < len ? want - s->len : len;
	if (!tls_keep(c, s, in, n)) {
		tls_give_up(c, f, side, "no memory for its records");
		return len;
	}
	if (s->len < SEAL_HEAD_LEN)
		return n;
	if (!is_record(s->buf)) {
		out_of_step(c, f, side);
	} else if (must_wait(f, s->buf)) {
		s->waiting = true;
	} else if (s->len == record_len(s->buf)) {
		s->len = 0; /* nobody writes to buf meanwhile */
		record(c, f, side, s->buf, record_len(s->buf));
	}
	return n;
}

static size_t skip(struct capture *c, struct flow *f, int side, size_t len)
{
	struct tls_side *s = &f->secure->side[side];
	size_t n = s->left < len ? s->left : len;

	s->left -= (uint32_t)n;
	if (s->left == 0)
		lose_record(c, f, side, s->type, s->record, s->loss);
	return n;
}

static size_t take(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len)
{
	struct tls_side *s = &f->secure->side[side];

	if (s->waiting)
		return wait(c, f, side, in, len);
	if (s->left > 0)
		return skip(c, f, side, len);
	if (s->searching)
		return tls_search(c, f, side, in, len);
	if (s->len > 0 || len < SEAL_HEAD_LEN || len < record_len(in) ||
	    !is_record(in) || must_wait(f, in))
		return collect(c, f, side, in, len);
	record(c, f, side, in, record_len(in));
	return record_len(in);
}

void tls_data(struct capture *c, struct flow *f, int side, const uint8_t *in,
	      size_t len)
{
	struct tls_side *s = &f->secure->side[side];
	size_t n;

	while (len > 0 && !s->over && !c->stopped) {
		n = take(c, f, side, in, len);
		in += n;
		len -= n;
	}
}

/* ---- holes and ends ---------------------------------------------------- */

/* The hole may be in the handshake, as long as the keys are known. */
static bool can_go_on(const struct tls_conn *t, const struct tls_side *s)
{
	return s->sealed || (t->chosen && s->seal.ctx != NULL);
}

/* n bytes are missing of the record that has begun; what is over. */
static uint64_t hole_inside(struct capture *c, struct flow *f, int side,
			    uint64_t n, enum capture_loss loss)
{
	struct tls_side *s = &f->secure->side[side];

	if (s->left == 0) {
		s->type = s->buf[0];
		s->record = (uint32_t)record_len(s->buf);
		s->left = s->record - s->len;
		s->loss = loss;
		s->len = 0;
	}
	if (n < s->left) {
		s->left -= (uint32_t)n;
		return 0;
	}
	n -= s->left;
	skip(c, f, side, s->left);
	return n;
}

void tls_gap(struct capture *c, struct flow *f, int side, uint64_t n,
	     enum capture_loss loss)
{
	struct tls_conn *t = f->secure;
	struct tls_side *s = &t->side[side];

	if (s->over)
		return;
	if (s->waiting || !can_go_on(t, s)) {
		tls_give_up(c, f, side,
			    "encrypted: bytes of its handshake are lost");
		return;
	}
	if (s->searching) {
		s->span += s->len + n;
		s->len = 0;
		return;
	}
	if (s->left > 0 || s->len >= SEAL_HEAD_LEN)
		n = hole_inside(c, f, side, n, loss);
	if (n > 0 && !s->over) {
		n += s->len;
		s->len = 0;
		s->sealed = true; /* TLS 1.2: from some record on */
		tls_search_begin(s, n, loss);
	}
}

void tls_over(struct capture *c, struct flow *f, int side,
	      enum capture_what what)
{
	struct tls_side *s = &f->secure->side[side];
	struct capture_event e;

	if (s->over)
		return;
	if (s->searching) {
		tls_lost(c, f, side, s->span + s->len, s->loss);
	} else if (s->left > 0) {
		lose_record(c, f, side, s->type, s->record, s->loss);
	} else if (s->len > 0 && !s->waiting && f->open) {
		event_init(&e, c, f, side, what);
		if (what == CAPTURE_INVALID)
			e.err = DERP_E_EOF;
		e.text = "ends inside a TLS record";
		event_tell(c, &e);
	}
	/* Told, though it has no keys yet, that it was TLS. */
	if (!f->open && !f->secure->chosen)
		tls_give_up(c, f, side,
			    "encrypted: its handshake is not whole");
	else
		side_over(c, f, side);
}
