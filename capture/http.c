/*
 * http.c - the HTTP before the frames: heads through the codec's reader, and
 * bodies passed over, for the connections that ask for something else first.
 */
#include <stdlib.h>
#include <string.h>

#include "derp_key.h"
#include "flow.h"

/* Where a chunked body is: size line, data, blank line; the trailer. */
enum chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_DATA,
	CHUNK_CR,
	CHUNK_LF,
	CHUNK_TRAILER, /* at the beginning of a line */
	CHUNK_TRAILER_LINE,
};

#define CHUNK_MAX ((uint64_t)1 << 48)

static bool field(const struct derp_http_head *h, const char *name,
		  struct derp_text *value)
{
	return derp_http_field(h, name, value, NULL);
}

static bool field_is(const struct derp_http_head *h, const char *name,
		     const char *word)
{
	struct derp_text v;

	return field(h, name, &v) && derp_text_is(&v, word);
}

static bool begins(const struct derp_text *t, const char *word)
{
	size_t n = strlen(word);

	return t->len >= n && memcmp(t->at, word, n) == 0;
}

/* One of the words between commas. */
static bool lists(const struct derp_text *list, const char *word)
{
	struct derp_text t;
	size_t i, from = 0;

	for (i = 0; i <= list->len; i++) {
		if (i < list->len && list->at[i] != ',')
			continue;
		t.at = list->at + from;
		t.len = i - from;
		while (t.len > 0 && t.at[0] == ' ') {
			t.at++;
			t.len--;
		}
		while (t.len > 0 && t.at[t.len - 1] == ' ')
			t.len--;
		if (derp_text_is(&t, word))
			return true;
		from = i + 1;
	}
	return false;
}

static bool read_number(const struct derp_text *t, uint64_t *v)
{
	size_t i;

	*v = 0;
	if (t->len == 0 || t->len > 15)
		return false;
	for (i = 0; i < t->len; i++) {
		if (t->at[i] < '0' || t->at[i] > '9')
			return false;
		*v = 10 * *v + (uint64_t)(t->at[i] - '0');
	}
	return true;
}

/* What follows a head that is no upgrade. */
static void expect_body(struct side *s, const struct derp_http_head *h,
			bool answer)
{
	struct derp_text v;

	s->left = 0;
	s->to_end = false;
	s->state = SIDE_BODY;
	if (field(h, "Transfer-Encoding", &v) && lists(&v, "chunked")) {
		s->state = SIDE_CHUNKS;
		s->chunk = CHUNK_SIZE;
	} else if (field(h, "Content-Length", &v)) {
		s->to_end = !read_number(&v, &s->left);
	} else if (answer) {
		s->to_end = true;
	}
	if (s->state == SIDE_BODY && s->left == 0 && !s->to_end)
		s->state = SIDE_START;
}

static void tell_http(struct capture *c, struct flow *f, int side,
		      const struct derp_http_head *h)
{
	struct capture_event e;

	event_init(&e, c, f, side, CAPTURE_HTTP);
	e.off = 0;
	e.http = h;
	event_tell(c, &e);
}

static void take_request(struct capture *c, struct flow *f, int side,
			 const struct derp_http_head *h)
{
	struct side *s = &f->side[side];
	bool derp = field_is(h, "Upgrade", "derp");
	struct derp_text v;

	flow_set_client(f, side);
	f->socket = field_is(h, "Upgrade", "websocket") &&
		    field(h, "Sec-WebSocket-Protocol", &v) && lists(&v, "derp");
	f->upgrade = derp;
	f->head = derp_text_is(&h->method, "HEAD");
	f->tunnel = derp_text_is(&h->method, "CONNECT");
	if (f->open || derp || f->socket || begins(&h->target, "/derp"))
		tell_http(c, f, side, h);
	if (derp && field(h, "Derp-Fast-Start", &v) && v.len == 1 &&
	    v.at[0] == '1') {
		frames_begin(s);
		s->state = SIDE_FRAMES;
		flow_start(c, f, side, CAPTURE_FASTSTART, "");
	} else if (derp) {
		s->state = SIDE_ASKED;
	} else if (f->tunnel) {
		s->state = SIDE_START;
	} else {
		expect_body(s, h, false);
	}
}

static void learn_key(struct flow *f, const struct derp_http_head *h)
{
	uint8_t key[DERP_KEY_LEN];
	struct derp_text v;

	if (!field(h, "Derp-Public-Key", &v))
		return;
	if (derp_key_parse(key, DERP_KEY_HEX, (const char *)v.at, v.len) < 0 &&
	    derp_key_parse(key, DERP_KEY_NODE, (const char *)v.at, v.len) < 0)
		return;
	memcpy(f->pub.server_key, key, DERP_KEY_LEN);
	f->pub.has_server_key = true;
}

/* 101: the connection speaks something else from here on. */
static void take_switch(struct capture *c, struct flow *f, int side,
			const struct derp_http_head *h)
{
	struct side *s = &f->side[side];
	struct capture_event e;

	if (f->upgrade || field_is(h, "Upgrade", "derp")) {
		learn_key(f, h);
		tell_http(c, f, side, h);
		frames_begin(s);
		s->state = SIDE_FRAMES;
		flow_start(c, f, side, CAPTURE_UPGRADE, "");
		return;
	}
	if (f->socket) {
		tell_http(c, f, side, h);
		event_init(&e, c, f, side, CAPTURE_NOTE);
		e.text = "DERP over WebSocket: not read";
		event_tell(c, &e);
	}
	side_off(c, f, 0);
	side_off(c, f, 1);
}

static void take_answer(struct capture *c, struct flow *f, int side,
			const struct derp_http_head *h)
{
	struct side *s = &f->side[side];
	uint32_t status = h->status;

	flow_set_client(f, !side);
	if (status == 101) {
		take_switch(c, f, side, h);
		return;
	}
	if (f->open)
		tell_http(c, f, side, h);
	if (status < 200 || status == 204 || status == 304 || f->head ||
	    (f->tunnel && status < 300))
		s->state = SIDE_START;
	else
		expect_body(s, h, true);
	if (status >= 200)
		f->upgrade = f->socket = false;
}

/* It looked like HTTP and is not: it may be the middle of DERP, or, in a
 * connection that is HTTP, a peer that is wrong. */
static void not_http(struct capture *c, struct flow *f, int side, int err)
{
	struct capture_event e;

	if (!f->open) {
		search_begin(&f->side[side], f->started);
		side_become(c, f, side, SIDE_SEARCH);
		return;
	}
	event_init(&e, c, f, side, CAPTURE_INVALID);
	e.err = err;
	e.text = derp_strerror(err);
	event_tell(c, &e);
	side_off(c, f, side);
}

size_t http_head(struct capture *c, struct flow *f, int side, const uint8_t *in,
		 size_t len)
{
	struct side *s = &f->side[side];
	size_t n = DERP_HTTP_MAX + 1 - s->len, before = s->len;
	struct derp_http_head h;
	uint8_t *buf;
	uint32_t cap;
	bool answer;
	int ret;

	n = n < len ? n : len;
	if (!side_keep(c, s, in, n)) {
		side_off(c, f, side);
		return len;
	}
	answer = s->len >= 5 && memcmp(s->buf, "HTTP/", 5) == 0;
	if (answer)
		ret = derp_http_read_response(&s->http, &h, s->buf, s->len);
	else
		ret = derp_http_read_request(&s->http, &h, s->buf, s->len);
	if (ret == 0)
		return n;
	if (ret < 0) {
		not_http(c, f, side, ret);
		return n;
	}
	/* The head outlives whatever comes of it. */
	buf = s->buf;
	cap = s->cap;
	s->buf = NULL;
	s->len = s->cap = 0;
	if (answer)
		take_answer(c, f, side, &h);
	else
		take_request(c, f, side, &h);
	mem_give(c, cap);
	free(buf);
	return h.len - before;
}

size_t http_body(struct capture *c, struct flow *f, int side, const uint8_t *in,
		 size_t len)
{
	struct side *s = &f->side[side];
	size_t n = len;

	(void)c;
	(void)in;
	if (s->to_end)
		return len;
	if (n > s->left)
		n = (size_t)s->left;
	s->left -= n;
	if (s->left == 0)
		s->state = SIDE_START;
	return n;
}

static int hex_digit(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	if (b >= 'a' && b <= 'f')
		return b - 'a' + 10;
	if (b >= 'A' && b <= 'F')
		return b - 'A' + 10;
	return -1;
}

/* One byte of a chunked body.  false: it is none. */
static bool chunk_byte(struct side *s, uint8_t b)
{
	int digit = hex_digit(b);

	switch ((enum chunk_state)s->chunk) {
	case CHUNK_SIZE:
		if (digit >= 0) {
			s->left = 16 * s->left + (uint64_t)digit;
			return s->left < CHUNK_MAX;
		}
		s->chunk = CHUNK_EXTENSION;
		if (b != '\n')
			return b == '\r' || b == ';' || b == ' ';
		break;
	case CHUNK_EXTENSION:
		if (b != '\n')
			return true;
		break;
	case CHUNK_DATA:
		return false; /* never byte by byte */
	case CHUNK_CR:
		s->chunk = b == '\r' ? CHUNK_LF : CHUNK_SIZE;
		return b == '\r' || b == '\n';
	case CHUNK_LF:
		s->chunk = CHUNK_SIZE;
		return b == '\n';
	case CHUNK_TRAILER:
		if (b == '\n')
			s->state = SIDE_START;
		else if (b != '\r')
			s->chunk = CHUNK_TRAILER_LINE;
		return true;
	case CHUNK_TRAILER_LINE:
		if (b == '\n')
			s->chunk = CHUNK_TRAILER;
		return true;
	}
	/* The end of a size line. */
	s->chunk = s->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	return true;
}

size_t http_chunks(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len)
{
	struct side *s = &f->side[side];
	size_t n, i = 0;

	while (i < len && s->state == SIDE_CHUNKS) {
		if (s->chunk == CHUNK_DATA) {
			n = len - i < s->left ? len - i : (size_t)s->left;
			i += n;
			s->left -= n;
			if (s->left == 0)
				s->chunk = CHUNK_CR;
		} else if (!chunk_byte(s, in[i++])) {
			not_http(c, f, side, DERP_E_HTTP);
			return len;
		}
	}
	return i;
}
