/*
 * pump.c - bytes from one side to the other, past the fault.
 *
 *   read --> IN_HTTP --> IN_BODY --> IN_HTTP ...
 *               |
 *               +--> IN_DERP: header --> judge() --> forward, collect, ...
 *
 * A side that is not read by its peer holds up the other one: at OUT_HIGH
 * waiting bytes nothing more is read for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "faulty.h"

#define OUT_HIGH (256u << 10)
#define READ_MAX 65536
#define CUT_HIGH 8192

static struct side *toward(struct pair *p, enum dir d)
{
	return d == TO_SERVER ? &p->server : &p->client;
}

static void side_close(struct side *s)
{
	if (s->fd < 0)
		return;
	ev_io_stop(loop, &s->rd);
	ev_io_stop(loop, &s->wr);
	close(s->fd);
	s->fd = -1;
}

/* No more input; the side goes when its output has. */
static void side_finish(struct side *s)
{
	s->closing = true;
	if (s->fd >= 0 && s->out_len == 0)
		side_close(s);
}

void pair_close(struct pair *p)
{
	side_finish(&p->client);
	side_finish(&p->server);
}

struct pair *pair_by_key(const uint8_t key[DERP_KEY_LEN],
			 const struct pair *not_this)
{
	struct pair *p;

	DL_FOREACH (pairs, p)
		if (p != not_this && p->has_key && p->client.fd >= 0 &&
		    memcmp(p->key, key, DERP_KEY_LEN) == 0)
			return p;
	return NULL;
}

void emit(struct pair *p, enum dir d, const void *bytes, size_t len)
{
	struct side *s = toward(p, d);

	if (s->fd < 0 || s->closing || len == 0)
		return;
	if (s->out_cap - s->out_len < len) {
		size_t cap = (s->out_len + len) * 2;
		uint8_t *out = realloc(s->out, cap);

		if (out == NULL)
			abort();
		s->out = out;
		s->out_cap = cap;
	}
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
	ev_io_start(loop, &s->wr);
}

void emit_frame(struct pair *p, enum dir d, uint32_t type, const void *body,
		size_t len)
{
	uint8_t head[DERP_HEAD_LEN];

	derp_head_build(head, type, (uint32_t)len);
	emit(p, d, head, sizeof(head));
	emit(p, d, body, len);
}

static void free_if_over(struct pair *p)
{
	if (p->client.fd >= 0 || p->server.fd >= 0)
		return;
	DL_DELETE(pairs, p);
	free(p->client.out);
	free(p->server.out);
	free(p->client.payload);
	free(p->server.payload);
	free(p->kept);
	free(p);
}

static void on_writable(struct ev_loop *l, ev_io *w, int revents)
{
	struct side *s = w->data;
	struct side *other =
		s == &s->pair->client ? &s->pair->server : &s->pair->client;
	(void)l;
	(void)revents;
	while (s->out_at < s->out_len) {
		size_t len = s->out_len - s->out_at;
		ssize_t n;

		/* Megabytes in tiny pieces would only be slow. */
		if (s == &s->pair->client && len <= CUT_HIGH &&
		    fault->write_max != 0 && len > fault->write_max)
			len = fault->write_max;
		n = send(s->fd, s->out + s->out_at, len, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			side_close(s);
			side_finish(other);
			free_if_over(s->pair);
			return;
		}
		s->out_at += (size_t)n;
	}
	s->out_at = s->out_len = 0;
	ev_io_stop(loop, &s->wr);
	if (s->closing)
		side_close(s);
	else if (other->fd >= 0 && !other->closing)
		ev_io_start(loop, &other->rd);
	free_if_over(s->pair);
}

/* Learn who the client is and when it is ready, whatever the fault. */
static void note_frame(struct pair *p, enum dir d, const struct derp_frame *f)
{
	if (d == TO_SERVER && f->type == DERP_CLIENT_INFO && !p->has_key &&
	    f->have >= DERP_KEY_LEN) {
		memcpy(p->key, f->body, DERP_KEY_LEN);
		p->has_key = true;
	}
	if (d == TO_CLIENT && f->type == DERP_SERVER_INFO && !p->ready) {
		p->ready = true;
		p->ready_at = ev_time();
	}
}

static enum act judge(struct pair *p, enum dir d, const struct derp_frame *f)
{
	enum act act = FORWARD;

	if (fault->judge != NULL)
		act = fault->judge(p, d, f->type, f->len);
	else if (d == fault->dir && f->len >= fault->min &&
		 (fault->type == 0 || fault->type == f->type) &&
		 (fault->max == 0 || f->len <= fault->max))
		act = fault->act;
	/* What is too long to keep passes. */
	return act == COLLECT && f->len > FAULTY_FRAME_MAX ? FORWARD : act;
}

static void begin_frame(struct pair *p, enum dir d, struct side *s,
			const struct derp_frame *f)
{
	uint8_t head[DERP_HEAD_LEN];

	s->act = judge(p, d, f);
	s->in_payload = true;
	s->type = f->type;
	s->len = f->len;
	if (f->len <= FAULTY_FRAME_MAX)
		derp_reader_lend(&s->reader, s->payload, FAULTY_FRAME_MAX);
	else if (f->type == DERP_CLIENT_INFO)
		derp_reader_lend(&s->reader, s->payload, DERP_KEY_LEN);
	if (s->act == FORWARD) {
		derp_head_build(head, f->type, f->len);
		emit(p, d, head, sizeof(head));
	}
}

/* false: the pair is to be closed. */
static bool pump_derp(struct pair *p, enum dir d, struct side *s,
		      const uint8_t *in, size_t len)
{
	struct derp_frame f;
	int step;

	do {
		const uint8_t *from = in;
		bool payload = s->in_payload;

		step = derp_reader_next(&s->reader, &in, &len, &f);
		if (payload && s->act == FORWARD)
			emit(p, d, from, (size_t)(in - from));
		if (step == DERP_HEAD) {
			begin_frame(p, d, s, &f);
			if (s->act == CLOSE)
				return false;
		} else if (step == DERP_FRAME) {
			s->in_payload = false;
			note_frame(p, d, &f);
			if (s->act == COLLECT)
				fault->frame(p, d, &f);
		}
	} while (step > 0);
	return true;
}

/* How many bytes of body follow this head, and what comes after it. */
static void after_head(struct pair *p, enum dir d, struct side *s,
		       const struct derp_http_head *h)
{
	struct derp_text v;

	s->body_left = 0;
	if (d == TO_SERVER) {
		bool upgrade = derp_http_field(h, "Upgrade", &v, NULL) &&
			       (derp_text_is(&v, "derp") ||
				derp_text_is(&v, "websocket"));

		p->fast_start =
			upgrade &&
			derp_http_field(h, "Derp-Fast-Start", &v, NULL) &&
			derp_text_is(&v, "1");
		if (upgrade)
			s->phase = IN_DERP;
		if (p->fast_start)
			p->server.phase = IN_DERP;
		return;
	}
	if (h->status == 101) {
		s->phase = IN_DERP;
	} else if (derp_http_field(h, "Content-Length", &v, NULL)) {
		for (size_t i = 0; i < v.len && v.at[i] >= '0' &&
				   v.at[i] <= '9' && s->body_left < 1u << 20;
		     i++)
			s->body_left = s->body_left * 10 + v.at[i] - '0';
		s->phase = IN_BODY;
	}
}

/* The first such text becomes another one of the same length. */
static void replace(char *text, size_t len, const char *from, const char *to)
{
	size_t n = strlen(from);

	for (size_t i = 0; i + n <= len; i++)
		if (memcmp(text + i, from, n) == 0) {
			memcpy(text + i, to, n);
			return;
		}
}

/* One head out of s->head; what follows it stays.  false: not yet. */
static bool pump_head(struct pair *p, enum dir d, struct side *s)
{
	char text[DERP_HTTP_MAX];
	struct derp_http_head h;
	size_t len;
	int got = d == TO_SERVER ? derp_http_read_request(&s->http, &h, s->head,
							  s->head_len)
				 : derp_http_read_response(
					   &s->http, &h, s->head, s->head_len);

	if (got == 0)
		return false;
	if (got < 0) { /* not ours to judge: pass it on as it is */
		emit(p, d, s->head, s->head_len);
		s->head_len = 0;
		memset(&s->http, 0, sizeof(s->http));
		return false;
	}
	len = h.len;
	memcpy(text, s->head, len);
	after_head(p, d, s, &h);
	s->head_len -= h.len;
	memmove(s->head, s->head + h.len, s->head_len);
	memset(&s->http, 0, sizeof(s->http));
	if (fault->from != NULL && fault->dir == d)
		replace(text, len, fault->from, fault->to);
	emit(p, d, text, len);
	if (fault->drop_pipelined && d == TO_SERVER)
		s->head_len = 0;
	return true;
}

/* What there is of a body.  false: there will be more. */
static bool pump_body(struct pair *p, enum dir d, struct side *s)
{
	size_t n =
		s->body_left < s->head_len ? (size_t)s->body_left : s->head_len;

	emit(p, d, s->head, n);
	s->head_len -= n;
	memmove(s->head, s->head + n, s->head_len);
	s->body_left -= n;
	if (s->body_left == 0)
		s->phase = IN_HTTP;
	return s->body_left == 0;
}

static bool pump(struct pair *p, enum dir d, struct side *s, const uint8_t *in,
		 size_t len)
{
	size_t n;

	while (s->phase != IN_DERP) {
		n = sizeof(s->head) - s->head_len;
		if (n > len)
			n = len;
		memcpy(s->head + s->head_len, in, n);
		s->head_len += n;
		in += n;
		len -= n;
		if (!(s->phase == IN_BODY ? pump_body(p, d, s)
					  : pump_head(p, d, s)) &&
		    len == 0)
			return true;
	}
	n = s->head_len;
	s->head_len = 0;
	return pump_derp(p, d, s, s->head, n) && pump_derp(p, d, s, in, len);
}

static void on_end(struct side *s, enum dir d)
{
	struct pair *p = s->pair;

	side_close(s);
	if (d == TO_SERVER && s->in_payload && fault->cut_off != NULL)
		fault->cut_off(p, s->len - derp_reader_got(&s->reader));
	if (d == TO_CLIENT && fault->hide_close != NULL && fault->hide_close(p))
		return;
	side_finish(d == TO_SERVER ? &p->server : &p->client);
	free_if_over(p);
}

static void on_readable(struct ev_loop *l, ev_io *w, int revents)
{
	static uint8_t buf[READ_MAX];
	struct side *s = w->data;
	struct pair *p = s->pair;
	enum dir d = s == &p->client ? TO_SERVER : TO_CLIENT;
	ssize_t n = recv(s->fd, buf, sizeof(buf), 0);

	(void)l;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_end(s, d);
		return;
	}
	if (!pump(p, d, s, buf, (size_t)n)) {
		pair_close(p);
		free_if_over(p);
		return;
	}
	if (toward(p, d)->out_len - toward(p, d)->out_at > OUT_HIGH)
		ev_io_stop(loop, &s->rd);
}

static void side_init(struct side *s, struct pair *p, int fd)
{
	s->pair = p;
	s->fd = fd;
	s->payload = malloc(FAULTY_FRAME_MAX);
	if (s->payload == NULL)
		abort();
	derp_reader_init(&s->reader, UINT32_MAX);
	ev_io_init(&s->rd, on_readable, fd, EV_READ);
	ev_io_init(&s->wr, on_writable, fd, EV_WRITE);
	s->rd.data = s->wr.data = s;
	ev_io_start(loop, &s->rd);
}

struct pair *pair_new(int client, int server)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	side_init(&p->client, p, client);
	side_init(&p->server, p, server);
	DL_APPEND(pairs, p);
	return p;
}
