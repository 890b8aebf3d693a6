/*
 * frames.c - frames out of one side's bytes, through the codec's reader.
 *
 * A payload that lies whole in a segment is shown where it is.  One that
 * comes in pieces collects in the side's buffer, which grows with what has
 * come and never by the length field, and goes through the reader when it is
 * whole.
 *
 *        head      payload
 *   |T|length|~~~~~~~~####~~~~~|T|length|~~~
 *                     hole
 *
 * A hole inside a payload costs that frame only: its length says where the
 * next one begins.  A hole over a header costs the step; search.c finds it
 * again.
 */
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define KEEP_CAP (128u * 1024u) /* a larger buffer goes after its frame */

void frames_begin(struct side *s)
{
	derp_reader_init(&s->reader, UINT32_MAX);
	s->in_frame = false;
}

bool frames_partial(const struct side *s, struct derp_frame *partial)
{
	*partial = s->frame;
	partial->have = s->len;
	if (s->len > 0)
		partial->body = s->buf;
	return s->in_frame;
}

/* ---- telling ----------------------------------------------------------- */

static void tell_invalid(struct capture *c, struct flow *f, int side,
			 const struct derp_frame *fr, int err, const char *text)
{
	struct capture_event e;

	event_init(&e, c, f, side, CAPTURE_INVALID);
	e.frame = fr;
	e.err = err;
	e.text = text;
	event_tell(c, &e);
}

/* What the parser does not judge: who sends what when, and how much. */
static void judge(struct capture *c, struct flow *f, int side,
		  const struct derp_frame *fr)
{
	const struct derp_rule *rule = derp_rule(fr->type);
	bool client = flow_dir(f, side) == CAPTURE_C2S;
	uint32_t first = client ? DERP_CLIENT_INFO : DERP_SERVER_KEY;

	if (f->side[side].num_frames == 0 && f->pub.mode != CAPTURE_MIDDLE &&
	    f->side[side].off == 0 && fr->type != first)
		tell_invalid(c, f, side, fr, DERP_E_TYPE,
			     client ? "the first frame must be ClientInfo"
				    : "the first frame must be ServerKey");
	if (rule == NULL)
		return;
	if (client && rule->from == DERP_FROM_SERVER)
		tell_invalid(c, f, side, fr, DERP_E_TYPE,
			     "only servers send this type");
	else if (!client && (rule->from & DERP_FROM_SERVER) == 0)
		tell_invalid(c, f, side, fr, DERP_E_TYPE,
			     "only clients send this type");
	else if (fr->len > rule->max && fr->len <= DERP_FRAME_MAX)
		tell_invalid(c, f, side, fr, DERP_E_LONG,
			     derp_strerror(DERP_E_LONG));
}

static void learn_keys(struct flow *f, const struct derp_msg *m)
{
	if (m->type == DERP_SERVER_KEY) {
		memcpy(f->pub.server_key, m->server_key.key, DERP_KEY_LEN);
		f->pub.has_server_key = true;
	} else if (m->type == DERP_CLIENT_INFO) {
		memcpy(f->pub.client_key, m->client_info.key, DERP_KEY_LEN);
		f->pub.has_client_key = true;
	}
}

/* A type that one side only sends says which side this is. */
static void learn_role(struct flow *f, int side, uint32_t type)
{
	const struct derp_rule *rule = derp_rule(type);

	if (f->pub.roles_known || rule == NULL)
		return;
	if (rule->from == DERP_FROM_SERVER)
		flow_set_client(f, !side);
	else if ((rule->from & DERP_FROM_SERVER) == 0)
		flow_set_client(f, side);
}

static void tell_frame(struct capture *c, struct flow *f, int side,
		       const struct derp_frame *fr)
{
	struct side *s = &f->side[side];
	struct capture_event e;
	struct derp_msg m;
	int err = 0;

	learn_role(f, side, fr->type);
	event_init(&e, c, f, side, CAPTURE_FRAME);
	e.frame = fr;
	if (fr->have == fr->len) {
		err = derp_parse(&m, fr, DERP_WIRE_V2);
		if (err == 0) {
			e.msg = &m;
			learn_keys(f, &m);
		}
	}
	event_tell(c, &e);
	if (err != 0 && err != DERP_E_TYPE)
		tell_invalid(c, f, side, fr, err, derp_strerror(err));
	judge(c, f, side, fr);
	s->num_frames++;
	s->in_frame = false;
	s->off += DERP_HEAD_LEN + (uint64_t)fr->len;
}

static void tell_gap(struct capture *c, struct flow *f, int side, uint64_t n,
		     enum capture_loss loss, const struct derp_frame *fr)
{
	struct capture_event e;

	event_init(&e, c, f, side, CAPTURE_GAP);
	e.lost = n;
	e.loss = loss;
	e.frame = fr;
	event_tell(c, &e);
}

/* ---- payloads ---------------------------------------------------------- */

/* Through the reader, in one piece: p[len] is what is here of it. */
static size_t read_whole(struct capture *c, struct flow *f, int side,
			 const uint8_t *p, size_t len)
{
	struct side *s = &f->side[side];
	struct derp_frame fr;
	size_t left = len;

	/* Lent for its size: a payload in one piece is never copied. */
	if (s->frame.len <= DERP_FRAME_MAX)
		derp_reader_lend(&s->reader, c->scratch, DERP_FRAME_MAX);
	if (derp_reader_next(&s->reader, &p, &left, &fr) == DERP_FRAME)
		tell_frame(c, f, side, &fr);
	return len - left;
}

static void forget_buffer(struct capture *c, struct side *s)
{
	s->len = 0;
	if (s->cap > KEEP_CAP)
		side_free(c, s);
}

static size_t collect(struct capture *c, struct flow *f, int side,
		      const uint8_t *in, size_t len)
{
	struct side *s = &f->side[side];
	struct derp_frame partial;
	size_t n = s->frame.len - s->len;

	if (n > len)
		n = len;
	if (!side_keep(c, s, in, n)) {
		frames_partial(s, &partial);
		tell_gap(c, f, side, s->frame.len - s->len, CAPTURE_LIMIT,
			 &partial);
		s->state = SIDE_SKIP;
		s->left = s->frame.len - s->len;
		return 0;
	}
	if (s->len == s->frame.len) {
		read_whole(c, f, side, s->buf, s->len);
		forget_buffer(c, s);
	}
	return n;
}

static size_t payload(struct capture *c, struct flow *f, int side,
		      const uint8_t *in, size_t len)
{
	struct side *s = &f->side[side];

	if (s->frame.len > DERP_FRAME_MAX ||
	    (s->len == 0 && len >= s->frame.len))
		return read_whole(c, f, side, in, len);
	return len == 0 ? 0 : collect(c, f, side, in, len);
}

static void begin_frame(struct capture *c, struct flow *f, int side,
			const struct derp_frame *fr)
{
	struct side *s = &f->side[side];

	s->frame = *fr;
	s->in_frame = true;
	if (fr->len > DERP_FRAME_MAX)
		tell_invalid(c, f, side, fr, DERP_E_LIMIT,
			     "longer than any peer accepts");
}

size_t frames_data(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len)
{
	struct side *s = &f->side[side];
	struct derp_frame fr;
	size_t left = len, n;

	while (s->state == SIDE_FRAMES && !c->stopped) {
		if (s->in_frame) {
			n = payload(c, f, side, in, left);
			in += n;
			left -= n;
			if (s->in_frame && left == 0)
				break;
		} else if (derp_reader_next(&s->reader, &in, &left, &fr) ==
			   DERP_HEAD) {
			begin_frame(c, f, side, &fr);
		} else {
			break;
		}
	}
	return len - left;
}

/* ---- holes ------------------------------------------------------------- */

/* The end of a frame with a hole: what there is of it is told. */
static void end_holed(struct capture *c, struct flow *f, int side)
{
	struct side *s = &f->side[side];
	struct derp_frame partial;

	frames_partial(s, &partial);
	tell_frame(c, f, side, &partial);
	forget_buffer(c, s);
	frames_begin(s);
	s->state = SIDE_FRAMES;
}

size_t frames_skip(struct capture *c, struct flow *f, int side, size_t len)
{
	struct side *s = &f->side[side];
	size_t n = s->left < len ? (size_t)s->left : len;

	s->left -= n;
	if (s->left == 0)
		end_holed(c, f, side);
	return n;
}

/* Payload bytes that are still to come. */
static uint64_t still_to_come(const struct side *s)
{
	if (s->state == SIDE_SKIP)
		return s->left;
	if (!s->in_frame)
		return 0;
	return s->frame.len -
	       (s->len > 0 ? s->len : derp_reader_got(&s->reader));
}

void frames_gap(struct capture *c, struct flow *f, int side, uint64_t n,
		enum capture_loss loss)
{
	struct side *s = &f->side[side];
	uint64_t left = still_to_come(s), over = n > left ? n - left : 0;
	struct derp_frame partial;
	bool in_frame = frames_partial(s, &partial);

	tell_gap(c, f, side, n, loss, in_frame ? &partial : NULL);
	if (in_frame && over == 0) {
		s->state = SIDE_SKIP;
		s->left = left - n;
		if (s->left == 0)
			end_holed(c, f, side);
		return;
	}
	if (in_frame)
		end_holed(c, f, side);
	else
		over += s->reader.nhead; /* a header that began is lost */
	s->off += over;
	search_begin(s, true);
}
