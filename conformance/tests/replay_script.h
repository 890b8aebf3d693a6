/*
 * replay_script.h - capture events, written down by hand.  For tests; all is
 * static.
 *
 *	1 open			flow 1 begins with an upgrade (fast, middle)
 *	1> info A		ClientInfo of key A (32 bytes "A")
 *	1< sinfo		ServerInfo
 *	1> send B hello		SendPacket;  1< recv A hello
 *	1> fwd A B hello	ForwardPacket
 *	1< gone B 1		PeerGone; without a number: 32 bytes
 *	1< present B 1 app	PeerPresent; "-" for no name at all
 *	1> ping 7		body "0000007" + NUL-free: 8 digits
 *	1> raw 7f xyz		any frame
 *	1> cut 04 xyz		one of which 10 more bytes are lost
 *	1> fin	1< rst	1< gap 100	1> gap 100
 *	+5			the next event is 5 ms later (else 1000 ms)
 *
 * disco:TEXT is a text that looks like a disco packet.
 */
#ifndef REPLAY_SCRIPT_H
#define REPLAY_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay_report.h"

#define SCRIPT_FLOWS 8
#define SCRIPT_BODY 512

struct script {
	struct capture_flow flows[SCRIPT_FLOWS];
	int64_t ts;
	uint64_t packet;
	int gap_ms;
};

struct script_frame {
	uint32_t type, len, have;
	uint8_t body[SCRIPT_BODY];
};

static inline void put_bytes(struct script_frame *f, const void *p, size_t n)
{
	assert_true(n <= SCRIPT_BODY - f->len);
	memcpy(f->body + f->len, p, n);
	f->len += (uint32_t)n;
}

static inline void put_key(struct script_frame *f, const char *name)
{
	uint8_t key[DERP_KEY_LEN];

	memset(key, name[0], sizeof(key));
	put_bytes(f, key, sizeof(key));
}

static inline void put_text(struct script_frame *f, const char *text)
{
	static const uint8_t magic[6] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };
	uint8_t disco[80];
	size_t n;

	if (strncmp(text, "disco:", 6) != 0) {
		put_bytes(f, text, strlen(text));
		return;
	}
	n = strlen(text + 6);
	assert_true(n <= sizeof(disco) - sizeof(magic));
	memset(disco, 'd', sizeof(disco));
	memcpy(disco, magic, sizeof(magic));
	memcpy(disco + sizeof(magic), text + 6, n);
	put_bytes(f, disco, sizeof(disco));
}

static inline void put_ping(struct script_frame *f, const char *text)
{
	char body[16];

	if (text[0] == '#') /* as the player sends it */
		snprintf(body, sizeof(body), "tag!%c%c%c%c", 0, 0, 0,
			 atoi(text + 1));
	else
		snprintf(body, sizeof(body), "%08d", atoi(text));
	put_bytes(f, body, DERP_PING_LEN);
}

static inline void put_present(struct script_frame *f, char a[4][128])
{
	uint8_t rest[18] = { 0 };
	uint8_t num = (uint8_t)atoi(a[1]);

	put_key(f, a[0]);
	put_bytes(f, rest, sizeof(rest));
	put_bytes(f, &num, 1);
	if (a[2][0] == '-')
		return;
	num = (uint8_t)strlen(a[2]);
	put_bytes(f, &num, 1);
	put_bytes(f, a[2], num);
}

/* The frame that a line means; false: it is none. */
static inline bool make_frame(struct script_frame *f, const char *verb,
			      char a[4][128])
{
	uint8_t reason = (uint8_t)atoi(a[1]);

	memset(f, 0, sizeof(*f));
	if (strcmp(verb, "info") == 0) {
		f->type = DERP_CLIENT_INFO;
		put_key(f, a[0]);
		put_bytes(f, "nonce and box of no interest, not opened", 40);
	} else if (strcmp(verb, "sinfo") == 0) {
		f->type = DERP_SERVER_INFO;
		put_bytes(f, "nonce and box of no interest, not opened", 40);
	} else if (strcmp(verb, "send") == 0 || strcmp(verb, "recv") == 0) {
		f->type = verb[0] == 's' ? DERP_SEND_PACKET : DERP_RECV_PACKET;
		put_key(f, a[0]);
		put_text(f, a[1]);
	} else if (strcmp(verb, "fwd") == 0) {
		f->type = DERP_FORWARD_PACKET;
		put_key(f, a[0]);
		put_key(f, a[1]);
		put_text(f, a[2]);
	} else if (strcmp(verb, "gone") == 0) {
		f->type = DERP_PEER_GONE;
		put_key(f, a[0]);
		if (a[1][0] != '\0')
			put_bytes(f, &reason, 1);
	} else if (strcmp(verb, "present") == 0) {
		f->type = DERP_PEER_PRESENT;
		put_present(f, a);
	} else if (strcmp(verb, "ping") == 0 || strcmp(verb, "pong") == 0) {
		f->type = verb[1] == 'i' ? DERP_PING : DERP_PONG;
		put_ping(f, a[0]);
	} else if (strcmp(verb, "watch") == 0) {
		f->type = DERP_WATCH_CONNS;
	} else if (strcmp(verb, "closepeer") == 0) {
		f->type = DERP_CLOSE_PEER;
		put_key(f, a[0]);
	} else if (strcmp(verb, "raw") == 0 || strcmp(verb, "cut") == 0) {
		f->type = (uint32_t)strtoul(a[0], NULL, 16);
		put_bytes(f, a[1], strlen(a[1]));
	} else {
		return false;
	}
	f->have = f->len;
	if (strcmp(verb, "cut") == 0)
		f->len += 10;
	return true;
}

static inline struct derp_frame as_frame(const struct script_frame *f)
{
	struct derp_frame d = { f->type, f->len, f->have, f->body };

	return d;
}

static inline void script_other(struct script *s, struct replay_plan *p,
				struct capture_event *e, const char *verb,
				const char *arg)
{
	if (strcmp(verb, "open") == 0 || strcmp(verb, "fast") == 0 ||
	    strcmp(verb, "middle") == 0) {
		e->what = CAPTURE_OPEN;
		e->flow->mode = verb[0] == 'o'   ? CAPTURE_UPGRADE
				: verb[0] == 'f' ? CAPTURE_FASTSTART
						 : CAPTURE_MIDDLE;
		e->flow->id = (uint32_t)(e->flow - s->flows);
	} else if (strcmp(verb, "gap") == 0) {
		e->what = CAPTURE_GAP;
		e->lost = strtoul(arg, NULL, 10);
	} else {
		assert_true(strcmp(verb, "fin") == 0 ||
			    strcmp(verb, "rst") == 0);
		e->what = CAPTURE_CLOSED;
		e->end = verb[0] == 'f' ? CAPTURE_FIN : CAPTURE_RST;
	}
	assert_int_equal(replay_plan_event(p, e), 0);
}

static inline void script_line(struct script *s, struct replay_plan *p,
			       const char *line)
{
	struct capture_event e;
	struct script_frame f;
	struct derp_frame d;
	char who[8] = "", verb[16] = "", a[4][128] = { "" };

	if (line[0] == '+') {
		s->gap_ms = atoi(line + 1);
		return;
	}
	assert_true(sscanf(line, "%7s %15s %127s %127s %127s", who, verb, a[0],
			   a[1], a[2]) >= 2);
	memset(&e, 0, sizeof(e));
	s->ts += 1000000ll * s->gap_ms;
	s->gap_ms = 1000;
	e.ts_ns = s->ts;
	e.packet = ++s->packet;
	e.flow = &s->flows[who[0] - '0'];
	e.dir = who[1] == '<' ? CAPTURE_S2C : CAPTURE_C2S;
	if (!make_frame(&f, verb, a)) {
		script_other(s, p, &e, verb, a[0]);
		return;
	}
	e.what = CAPTURE_FRAME;
	d = as_frame(&f);
	e.frame = &d;
	if (f.type == DERP_CLIENT_INFO) {
		e.flow->has_client_key = true;
		memcpy(e.flow->client_key, f.body, DERP_KEY_LEN);
	}
	assert_int_equal(replay_plan_event(p, &e), 0);
}

/* Lines parted by line feeds or " | ". */
static inline void each_line(const char *text,
			     void (*use)(void *ctx, const char *line),
			     void *ctx)
{
	char line[256];
	size_t n;

	while (*text != '\0') {
		n = strcspn(text, "\n|");
		assert_true(n < sizeof(line));
		memcpy(line, text, n);
		line[n] = '\0';
		text += n + (text[n] != '\0');
		while (*text == ' ')
			text++;
		if (n > 0)
			use(ctx, line);
	}
}

struct script_run {
	struct script script;
	struct replay_plan *plan;
};

static inline void script_use(void *ctx, const char *line)
{
	struct script_run *r = ctx;

	script_line(&r->script, r->plan, line);
}

static inline struct replay_plan *plan_of(const char *text)
{
	struct script_run r;
	char why[REPLAY_WHY_MAX];

	memset(&r, 0, sizeof(r));
	r.script.ts = 1000000000ll;
	r.script.gap_ms = 1000;
	r.plan = replay_plan_new();
	assert_non_null(r.plan);
	each_line(text, script_use, &r);
	/* The capture goes on in silence. */
	r.plan->end_ns += 10000000000ll;
	assert_int_equal(replay_plan_finish(r.plan, why), 0);
	return r.plan;
}

#endif
