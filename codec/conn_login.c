/*
 * conn_login.c - what comes in before the first ordinary frame: two heads of
 * HTTP, ServerKey, and the two sealed messages.
 *
 *   buf   +------- have -------+- - - - cap          lent, may be exchanged
 *         +--------------- want - - - - - - -+       for a larger one
 *
 * Heads and sealed messages are put together in a lent buffer that grows with
 * the bytes that are there, not with the length that was announced
 * (DERP-FRAME-9).  What was opened is wiped before anybody else sees it.
 */
#include "conn_state.h"
#include "bytes.h"
#include "derp_box.h"

#define COLLECTED 100 /* beside enum derp_conn_step */

/* ---- the lent buffer ------------------------------------------------- */

static int ask(struct derp_conn *c, struct derp_conn_event *e, uint32_t most)
{
	if (c->asked)
		return conn_die(c, DERP_E_NOBUF);
	c->asked = true;
	e->have = c->have;
	e->most = most;
	return DERP_CONN_LEND;
}

static void give_back(struct derp_conn *c)
{
	c->buf = NULL;
	c->cap = 0;
	c->have = 0;
	c->want = 0;
}

void conn_collect(struct derp_conn *c, uint32_t len)
{
	give_back(c);
	c->want = len;
}

/* Copy what there is room for, at most up to end; returns how much. */
static uint32_t take(struct derp_conn *c, const uint8_t *in, size_t len,
		     uint32_t end)
{
	uint32_t room = (c->cap < end ? c->cap : end) - c->have;
	uint32_t n = len < room ? (uint32_t)len : room;

	copy(c->buf + c->have, in, n);
	return n;
}

static int collect(struct derp_conn *c, struct derp_conn_event *e,
		   const uint8_t **in, size_t *len)
{
	while (c->have < c->want) {
		uint32_t n;

		if (*len == 0)
			return DERP_CONN_NEED;
		if (c->have == c->cap)
			return ask(c, e, c->want);
		n = take(c, *in, *len, c->want);
		c->have += n;
		*in += n;
		*len -= n;
	}
	return COLLECTED;
}

int derp_conn_lend(struct derp_conn *c, uint8_t *buf, size_t cap)
{
	uint32_t room = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;

	if (c->err != 0)
		return c->err;
	if (c->asked) {
		if (room <= c->have)
			return DERP_E_NOBUF;
		c->buf = buf;
		c->cap = room;
		c->asked = false;
		return 0;
	}
	if (c->taking != TAKING_BULK || derp_reader_got(&c->reader) != 0)
		return DERP_E_STATE;
	if (room < c->reader.len)
		return DERP_E_NOBUF;
	derp_reader_lend(&c->reader, buf, room);
	return 0;
}

/* ---- heads ----------------------------------------------------------- */

typedef int (*read_fn)(struct derp_http_reader *, struct derp_http_head *,
		       const uint8_t *, size_t);

static int head(struct derp_conn *c, struct derp_conn_event *e,
		const uint8_t **in, size_t *len, read_fn read)
{
	while (*len > 0) {
		uint32_t n;
		size_t used;
		int got;

		if (c->have == c->cap)
			return ask(c, e, DERP_HTTP_MAX);
		n = take(c, *in, *len, DERP_HTTP_MAX);
		got = read(&c->http, &e->head, c->buf, c->have + n);
		if (got < 0)
			return conn_die(c, got);
		/* What follows the head stays where it is (DERP-HTTP-11). */
		used = got == 0 ? n : e->head.len - c->have;
		*in += used;
		*len -= used;
		if (got != 0) {
			c->http = (struct derp_http_reader){ .err = 0 };
			give_back(c);
			return COLLECTED;
		}
		c->have += n;
	}
	return DERP_CONN_NEED;
}

int conn_request(struct derp_conn *c, struct derp_conn_event *e,
		 const uint8_t **in, size_t *len)
{
	int step = head(c, e, in, len, derp_http_read_request);

	if (step != COLLECTED)
		return step;
	c->state = DERP_STATE_DECIDE;
	return DERP_CONN_REQUEST;
}

/* Of the answer only the status counts (DERP-HTTP-9, -10). */
int conn_answer(struct derp_conn *c, struct derp_conn_event *e,
		const uint8_t **in, size_t *len)
{
	int step = head(c, e, in, len, derp_http_read_response);

	if (step != COLLECTED)
		return step;
	if (e->head.status == 101)
		c->state = DERP_STATE_KEY;
	else
		(void)conn_die(c, DERP_E_HTTP);
	return DERP_CONN_ANSWER;
}

/* ---- ServerKey ------------------------------------------------------- */

#define SERVER_KEY_LEN (DERP_MAGIC_LEN + DERP_KEY_LEN)

static int judge_first(const struct derp_frame *f, enum derp_type type,
		       uint32_t min, uint32_t max)
{
	int err = derp_frame_expect(f, type, max);

	if (err != 0)
		return err;
	return f->len < min ? DERP_E_SHORT : 0;
}

static int take_server_key(struct derp_conn *c, struct derp_frame *f)
{
	struct derp_msg m;
	int err;

	f->len = f->have; /* what follows the key is not kept */
	err = derp_parse(&m, f, DERP_WIRE_V2);
	if (err != 0)
		return err;
	if (conn_is_zero(m.server_key.key)) /* DERP-LOGIN-3 */
		return DERP_E_VALUE;
	copy(c->peer, m.server_key.key, DERP_KEY_LEN);
	return 0;
}

/* 1: ServerKey is here. */
int conn_server_key(struct derp_conn *c, const uint8_t **in, size_t *len)
{
	struct derp_frame f;
	int step, err = 0;

	while ((step = derp_reader_next(&c->reader, in, len, &f)) > 0) {
		if (step == DERP_HEAD) {
			err = judge_first(&f, DERP_SERVER_KEY, SERVER_KEY_LEN,
					  DERP_SERVER_KEY_MAX);
			derp_reader_lend(&c->reader, c->small, SERVER_KEY_LEN);
		} else {
			err = take_server_key(c, &f);
		}
		if (err != 0)
			return conn_die(c, err);
		if (step == DERP_FRAME) {
			c->state = DERP_STATE_INFO;
			c->todo |= TODO_CLIENT_INFO;
			return 1;
		}
	}
	return step < 0 ? conn_die(c, step) : DERP_CONN_NEED;
}

/* ---- ClientInfo ------------------------------------------------------ */

/* In a time that does not depend on where they differ (DERP-INFO-14). */
static bool same_key(const uint8_t *a, const uint8_t *b)
{
	volatile uint32_t differ = 0;

	for (uint32_t i = 0; i < DERP_KEY_LEN; i++)
		differ = differ | (uint32_t)(a[i] ^ b[i]);
	return differ == 0;
}

static int open_client_info(struct derp_conn *c, struct derp_client_info *info)
{
	const struct derp_conn_server *s = c->server;
	uint8_t *box = c->buf + DERP_KEY_LEN;
	size_t len = c->want - DERP_KEY_LEN, n = 0;
	int err = derp_open(box, len, &n, box, len, c->buf, s->private_key);

	if (err == 0)
		err = derp_client_info_read(info, box, n);
	if (err == 0 && !info->app_ok) /* DERP-INFO-15 */
		err = DERP_E_VALUE;
	derp_wipe(box, len);
	if (err != 0)
		return err;
	c->mesh = s->mesh_key != NULL && info->has_mesh_key &&
		  same_key(s->mesh_key, info->mesh_key);
	derp_wipe(info->mesh_key, sizeof info->mesh_key);
	c->can_ack = info->can_ack_pings;
	copy(c->peer, c->buf, DERP_KEY_LEN);
	return 0;
}

static int client_info_head(struct derp_conn *c, const uint8_t **in,
			    size_t *len)
{
	struct derp_frame f;
	int err;

	if (derp_reader_next(&c->reader, in, len, &f) != DERP_HEAD)
		return DERP_CONN_NEED;
	err = judge_first(&f, DERP_CLIENT_INFO, DERP_KEY_LEN + DERP_NONCE_LEN,
			  DERP_INFO_MAX);
	if (err != 0)
		return conn_die(c, err);
	conn_collect(c, f.len);
	derp_reader_init(&c->reader, UINT32_MAX);
	return COLLECTED;
}

int conn_client_info(struct derp_conn *c, struct derp_conn_event *e,
		     const uint8_t **in, size_t *len)
{
	struct derp_client_info info;
	int step, err;

	if (c->want == 0) {
		step = client_info_head(c, in, len);
		if (step != COLLECTED)
			return step;
	}
	step = collect(c, e, in, len);
	if (step != COLLECTED)
		return step;
	err = open_client_info(c, &info);
	give_back(c);
	if (err != 0)
		return conn_die(c, err);
	c->state = DERP_STATE_ADMIT;
	c->deadline_ms = DERP_NEVER;
	e->key = c->peer;
	e->client = info;
	return DERP_CONN_LOGIN;
}

/* ---- ServerInfo ------------------------------------------------------ */

static int open_server_info(struct derp_conn *c, struct derp_server_info *info)
{
	size_t n = 0;
	int err = derp_open(c->buf, c->want, &n, c->buf, c->want, c->peer,
			    c->client->private_key);

	return err != 0 ? err : derp_server_info_read(info, c->buf, n);
}

/* It may come at any time, and again (DERP-LOGIN-15). */
int conn_server_info(struct derp_conn *c, struct derp_conn_event *e,
		     const uint8_t **in, size_t *len, uint64_t now_ms)
{
	struct derp_server_info info;
	int step = collect(c, e, in, len), err;

	if (step != COLLECTED)
		return step;
	err = open_server_info(c, &info);
	give_back(c);
	if (err != 0)
		return conn_die(c, err);
	derp_bucket_init(&c->bucket, info.bytes_per_second, info.bytes_burst,
			 now_ms);
	c->state = DERP_STATE_STEADY;
	c->deadline_ms = now_ms + c->times->silence_ms;
	e->server = info;
	return DERP_CONN_INFO;
}
