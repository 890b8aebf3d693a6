/*
 * story.c - see story.h.
 */
#include "story.h"

static void put_number(struct fuzz_bytes *b, uint64_t v)
{
	fuzz_put(b, &v, sizeof(v));
}

static void put_frame(struct fuzz_bytes *b, const struct capture_event *e)
{
	const struct derp_frame *f = e->frame;

	put_number(b, e->what);
	put_number(b, e->flow != NULL ? e->flow->id : 0);
	put_number(b, (uint64_t)e->dir);
	put_number(b, e->off);
	put_number(b, e->lost);
	put_number(b, e->loss);
	if (f == NULL)
		return;
	put_number(b, f->type);
	put_number(b, f->len);
	put_number(b, f->have);
	if (e->what == CAPTURE_FRAME)
		fuzz_put(b, f->body, f->have);
}

static void put_event(struct fuzz_bytes *b, const struct capture_event *e)
{
	put_frame(b, e);
	put_number(b, (uint64_t)e->ts_ns);
	put_number(b, e->packet);
	put_number(b, e->end);
	put_number(b, (uint64_t)e->err);
	put_number(b, e->msg != NULL);
	fuzz_put(b, e->text, strlen(e->text));
	if (e->http != NULL) {
		put_number(b, e->http->status);
		fuzz_put(b, e->http->target.at, e->http->target.len);
	}
}

static void check_order(struct story *s, const struct capture_event *e)
{
	uint32_t id = e->flow->id;

	fuzz_check(id > 0);
	if (id >= STORY_FLOWS)
		return;
	switch (e->what) {
	case CAPTURE_OPEN:
		fuzz_check(!s->opened[id]);
		s->opened[id] = true;
		break;
	case CAPTURE_START:
		fuzz_check(s->opened[id] && !s->started[id]);
		s->started[id] = true;
		break;
	case CAPTURE_FRAME:
		fuzz_check(s->started[id]);
		break;
	case CAPTURE_HTTP:
	case CAPTURE_GAP:
	case CAPTURE_INVALID:
	case CAPTURE_CLOSED:
		fuzz_check(s->opened[id]);
		break;
	case CAPTURE_TRUNCATED:
	case CAPTURE_TLS:
	case CAPTURE_NOTE:
		break;
	}
	if (e->dir != CAPTURE_NODIR) {
		fuzz_check(e->ts_ns >= s->last_ns[id][e->dir]);
		s->last_ns[id][e->dir] = e->ts_ns;
	}
}

static void check_frame(const struct capture_event *e)
{
	const struct derp_frame *f = e->frame;
	struct derp_msg m;

	fuzz_check(f != NULL && f->have <= f->len);
	if (e->msg != NULL) {
		fuzz_check(f->have == f->len && e->msg->type == f->type);
		/* Either wire version, which the capture has found out. */
		fuzz_check(derp_parse(&m, f, DERP_WIRE_V2) == 0 ||
			   derp_parse(&m, f, DERP_WIRE_V1) == 0);
	}
}

int story_event(void *ctx, const struct capture_event *e)
{
	struct story *s = ctx;

	fuzz_check(++s->num <= s->max);
	fuzz_check(e->text != NULL);
	fuzz_check_ascii(e->text, strlen(e->text));
	fuzz_check(strchr(e->text, '\n') == NULL);
	if (e->flow != NULL)
		check_order(s, e);
	if (e->what == CAPTURE_FRAME)
		check_frame(e);
	s->num_gaps += e->what == CAPTURE_GAP;
	s->num_invalid += e->what == CAPTURE_INVALID;
	put_event(&s->all, e);
	if (e->what == CAPTURE_FRAME || e->what == CAPTURE_GAP)
		put_frame(&s->frames, e);
	return 0;
}

void story_free(struct story *s)
{
	free(s->all.at);
	free(s->frames.at);
}
