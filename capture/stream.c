/*
 * stream.c - what the bytes of one side are, told by looking at them.
 *
 *   START --> HEAD <--> BODY, CHUNKS
 *     |        |  \--> ASKED --> FRAMES     (client: DERP was asked for)
 *     |        \-----------------^  ^       (server: 101; Fast-Start)
 *     \--> SEARCH -------------------/      (a capture from the middle)
 *
 * Nothing depends on ports.  Where one side is not in the capture, the other
 * is still read.
 */
#include <stdlib.h>
#include <string.h>

#include "tls_flow.h"

#define METHOD_MAX 16u /* letters of an HTTP method */
#define RECORD_MAX 16640u

/* ---- kept bytes -------------------------------------------------------- */

bool side_keep(struct capture *c, struct side *s, const uint8_t *in, size_t len)
{
	uint32_t cap = s->cap;
	uint8_t *more;

	if (len > c->limits.flow_mem - s->len)
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

void side_drop(struct side *s, uint32_t n)
{
	if (n == 0)
		return;
	s->len -= n;
	memmove(s->buf, s->buf + n, s->len);
}

void side_free(struct capture *c, struct side *s)
{
	mem_give(c, s->cap + (s->marks != NULL ? SEARCH_MARKS_LEN : 0));
	free(s->buf);
	free(s->marks);
	s->buf = NULL;
	s->marks = NULL;
	s->len = s->cap = s->num_marks = 0;
}

void side_off(struct capture *c, struct flow *f, int side)
{
	f->side[side].state = SIDE_OFF;
	f->side[side].in_frame = false;
	side_free(c, &f->side[side]);
}

/* As if the buffer's bytes came now, segment by segment. */
static void read_again(struct capture *c, struct flow *f, int side,
		       const struct side *old)
{
	struct side *s = &f->side[side];
	uint32_t i, at = 0;

	for (i = 0; i < old->num_marks && s->state != SIDE_OFF; i++) {
		s->stamp = old->marks[i].stamp;
		if (old->marks[i].end > at)
			stream_data(c, f, side, old->buf + at,
				    old->marks[i].end - at);
		at = old->marks[i].end;
	}
	s->stamp = old->stamp;
	if (old->len > at)
		stream_data(c, f, side, old->buf + at, old->len - at);
}

void side_become(struct capture *c, struct flow *f, int side,
		 enum side_state state)
{
	struct side *s = &f->side[side], old = *s;

	s->buf = NULL;
	s->marks = NULL;
	s->len = s->cap = s->num_marks = 0;
	s->state = state;
	read_again(c, f, side, &old);
	side_free(c, &old);
}

/* ---- recognition ------------------------------------------------------- */

enum look {
	LOOK_MORE,
	LOOK_HTTP,
	LOOK_TLS,
	LOOK_OTHER,
};

static bool is_upper(uint8_t b)
{
	return b >= 'A' && b <= 'Z';
}

/* "HTTP/1." or a word in capitals and a blank.  No frame type of DERP is a
 * capital letter. */
static enum look look_http(const uint8_t *p, size_t len)
{
	static const char answer[] = "HTTP/1.";
	size_t n = len < sizeof(answer) - 1 ? len : sizeof(answer) - 1;

	if (memcmp(p, answer, n) == 0)
		return n == sizeof(answer) - 1 ? LOOK_HTTP : LOOK_MORE;
	for (n = 0; n < len && n < METHOD_MAX && is_upper(p[n]); n++)
		;
	if (n == len && n < METHOD_MAX)
		return LOOK_MORE;
	return n < METHOD_MAX && p[n] == ' ' ? LOOK_HTTP : LOOK_OTHER;
}

/* A record: type 20..23, version 3.0..3.4, length. */
static enum look look_tls(const uint8_t *p, size_t len)
{
	if (len < 2)
		return LOOK_MORE;
	if (p[1] != 3)
		return LOOK_OTHER;
	if (len < 5)
		return LOOK_MORE;
	return p[2] <= 4 && 0x100u * p[3] + p[4] <= RECORD_MAX ? LOOK_TLS
							       : LOOK_OTHER;
}

static enum look look(const struct flow *f, const uint8_t *p, size_t len)
{
	if (is_upper(p[0]))
		return look_http(p, len);
	if (p[0] >= 20 && p[0] <= 23 && !f->started)
		return look_tls(p, len);
	return LOOK_OTHER;
}

static void found_tls(struct capture *c, struct flow *f, int side)
{
	struct capture_event e;

	/* Records, from here on; what was kept of the other side may be the
	 * beginning of one. */
	if (!f->tls && c->keylog.num > 0 && tls_begin(c, f)) {
		f->side[side].state = SIDE_START;
		side_become(c, f, !side, SIDE_START);
		return;
	}
	if (!f->tls) {
		f->tls = true;
		event_init(&e, c, f, side, CAPTURE_TLS);
		e.text = c->keylog.num > 0 ? "encrypted: no memory to read it"
					   : "encrypted: not read without a "
					     "key log";
		event_tell(c, &e);
	}
	side_off(c, f, 0);
	side_off(c, f, 1);
}

/* Are the bytes records of TLS, and not what was in them? */
static bool is_wire(const struct flow *f)
{
	return f->secure != NULL && !f->secure->giving;
}

/* Now that it is known what comes, go there. */
static void go(struct capture *c, struct flow *f, int side, enum look what)
{
	struct side *s = &f->side[side];

	switch (what) {
	case LOOK_MORE:
		break;
	case LOOK_HTTP:
		memset(&s->http, 0, sizeof(s->http));
		s->state = SIDE_HEAD;
		break;
	case LOOK_TLS:
		found_tls(c, f, side);
		break;
	case LOOK_OTHER:
		if (f->started && f->pub.mode != CAPTURE_MIDDLE) {
			frames_begin(s);
			s->state = SIDE_FRAMES;
		} else {
			search_begin(s, f->started);
		}
		break;
	}
}

static size_t start_data(struct capture *c, struct flow *f, int side,
			 const uint8_t *in, size_t len)
{
	struct side *s = &f->side[side];
	size_t n = len < METHOD_MAX + 1 ? len : METHOD_MAX + 1;
	enum look what;

	if (s->len == 0) {
		what = look(f, in, len);
		if (what != LOOK_MORE) {
			go(c, f, side, what);
			return 0;
		}
	}
	/* Short: a handful of bytes never reaches the limit of look(). */
	if (!side_keep(c, s, in, n)) {
		side_off(c, f, side);
		return len;
	}
	what = look(f, s->buf, s->len);
	if (what != LOOK_MORE) {
		go(c, f, side, what);
		side_become(c, f, side, s->state);
	}
	return n;
}

/* The client may go on with frames, or, refused, with another request. */
static void asked_data(struct capture *c, struct flow *f, int side,
		       const uint8_t *in)
{
	struct side *s = &f->side[side];

	if (is_upper(in[0])) {
		s->state = SIDE_START;
		return;
	}
	frames_begin(s);
	s->state = SIDE_FRAMES;
	flow_start(c, f, side, CAPTURE_UPGRADE,
		   "the answer is not in the capture before this");
}

void flow_start(struct capture *c, struct flow *f, int side,
		enum capture_mode mode, const char *text)
{
	struct side *o = &f->side[!side];
	struct capture_event e;

	if (f->started)
		return;
	f->started = true;
	f->pub.mode = mode;
	event_init(&e, c, f, side, CAPTURE_START);
	e.dir = CAPTURE_NODIR;
	e.off = 0;
	e.text = text;
	event_tell(c, &e);
	if (o->state != SIDE_SEARCH)
		return;
	/* What could not be told before can be told now. */
	o->resync = true;
	if (o->skipped == 0 && !o->holed && mode != CAPTURE_MIDDLE)
		side_become(c, f, !side, SIDE_START);
	else
		search_data(c, f, !side, NULL, 0);
}

void stream_data(struct capture *c, struct flow *f, int side, const uint8_t *in,
		 size_t len)
{
	struct side *s = &f->side[side];
	size_t n;

	while (len > 0 && !c->stopped) {
		if (is_wire(f)) {
			tls_data(c, f, side, in, len);
			return;
		}
		n = 0;
		switch (s->state) {
		case SIDE_START:
			n = start_data(c, f, side, in, len);
			break;
		case SIDE_HEAD:
			n = http_head(c, f, side, in, len);
			break;
		case SIDE_BODY:
			n = http_body(c, f, side, in, len);
			break;
		case SIDE_CHUNKS:
			n = http_chunks(c, f, side, in, len);
			break;
		case SIDE_ASKED:
			asked_data(c, f, side, in);
			break;
		case SIDE_FRAMES:
			n = frames_data(c, f, side, in, len);
			break;
		case SIDE_SKIP:
			n = frames_skip(c, f, side, len);
			break;
		case SIDE_SEARCH:
			n = search_data(c, f, side, in, len);
			break;
		case SIDE_OFF:
			return;
		}
		in += n;
		len -= n;
	}
}

/* ---- holes and ends ---------------------------------------------------- */

static void tell_gap(struct capture *c, struct flow *f, int side, uint64_t n,
		     enum capture_loss loss)
{
	struct capture_event e;

	if (!f->open)
		return;
	event_init(&e, c, f, side, CAPTURE_GAP);
	e.lost = n;
	e.loss = loss;
	event_tell(c, &e);
}

void stream_gap(struct capture *c, struct flow *f, int side, uint64_t n,
		enum capture_loss loss)
{
	struct side *s = &f->side[side];

	if (c->stopped)
		return;
	if (is_wire(f)) {
		tls_gap(c, f, side, n, loss);
		return;
	}
	s->holed = true;
	if (s->state == SIDE_SEARCH)
		search_end(c, f, side);
	switch (s->state) {
	case SIDE_FRAMES:
	case SIDE_SKIP:
		frames_gap(c, f, side, n, loss);
		return;
	case SIDE_BODY:
		if (s->to_end || n <= s->left) {
			tell_gap(c, f, side, n, loss);
			s->left -= s->to_end ? 0 : n;
			if (s->left == 0 && !s->to_end)
				s->state = SIDE_START;
			return;
		}
		break;
	case SIDE_OFF:
		return;
	case SIDE_START:
	case SIDE_HEAD:
	case SIDE_CHUNKS:
	case SIDE_ASKED:
		s->len = 0;
		break;
	case SIDE_SEARCH:
		search_lost(c, f, side);
		break;
	}
	tell_gap(c, f, side, n, loss);
	s->off += n;
	search_begin(s, f->started);
}

/* A frame or head is under way: say so in *e. */
static bool is_inside(struct flow *f, int side, struct capture_event *e,
		      struct derp_frame *partial)
{
	struct side *s = &f->side[side];

	switch (s->state) {
	case SIDE_FRAMES:
	case SIDE_SKIP:
		if (s->in_frame) {
			frames_partial(s, partial);
			e->frame = partial;
			e->text = "ends inside a frame";
			return true;
		}
		e->text = "ends inside a frame's header";
		return derp_reader_end(&s->reader) != 0;
	case SIDE_HEAD:
		e->text = "ends inside an HTTP head";
		return f->open && s->len > 0;
	case SIDE_BODY:
		e->text = "ends inside an HTTP body";
		return f->open && !s->to_end;
	case SIDE_CHUNKS:
		e->text = "ends inside an HTTP body";
		return f->open;
	case SIDE_START:
	case SIDE_ASKED:
	case SIDE_SEARCH:
	case SIDE_OFF:
		break;
	}
	return false;
}

/* what: how an end inside something is told. */
static void end_inside(struct capture *c, struct flow *f, int side,
		       enum capture_what what)
{
	struct side *s = &f->side[side];
	struct derp_frame partial;
	struct capture_event e;
	bool frames, wire = is_wire(f);

	if (wire) {
		tls_over(c, f, side, what);
		f->secure->giving = true;
	}
	if (s->state == SIDE_SEARCH)
		search_end(c, f, side);
	frames = s->state == SIDE_FRAMES || s->state == SIDE_SKIP;
	event_init(&e, c, f, side, what);
	if (is_inside(f, side, &e, &partial)) {
		if (what == CAPTURE_INVALID)
			e.err = frames ? DERP_E_EOF : DERP_E_HTTP;
		event_tell(c, &e);
	}
	if (s->state == SIDE_SEARCH)
		search_lost(c, f, side);
	side_off(c, f, side);
	if (wire)
		f->secure->giving = false;
}

void stream_fin(struct capture *c, struct flow *f, int side)
{
	struct capture_event e;

	end_inside(c, f, side, CAPTURE_INVALID);
	if (!f->open)
		return;
	event_init(&e, c, f, side, CAPTURE_CLOSED);
	e.end = CAPTURE_FIN;
	event_tell(c, &e);
}

void stream_end(struct capture *c, struct flow *f, int side)
{
	end_inside(c, f, side, CAPTURE_NOTE);
}

void stream_cut(struct capture *c, struct flow *f, int side)
{
	end_inside(c, f, side, CAPTURE_TRUNCATED);
}
