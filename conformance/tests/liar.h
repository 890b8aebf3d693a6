/*
 * liar.h - a small DERP server that lies in one way at a time.
 *
 * For tests; everything is static.  liar_start() forks a process that listens
 * on loopback and forks again for each connection, so that a handler can be
 * plain blocking code.  Except for its one lie it is honest: the engine's
 * probes must come through.  Lies are told to the ping "LIELIELI", or as the
 * list below says.
 */
#ifndef LIAR_H
#define LIAR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "derp_box.h"
#include "derp_http.h"

enum lie {
	HONEST,
	PONG_OVERTAKES, /* a packet before the ping comes behind its pong */
	PONG_TWICE,
	PONG_WRONG,
	PONG_NEVER,
	PONG_LATE,      /* by 600 ms */
	NOISE,          /* frames that are nobody's business, then the pong */
	GARBAGE,        /* bytes that are no frame */
	PART_THEN_FIN,  /* half a packet */
	RST_FOR_FIN,    /* when it closes */
	STAYS_OPEN,     /* when it should close */
	CLOSES_UNKNOWN, /* frames instead of skipping them */
	CLOSES_IDLE,    /* 30 ms after the ping */
	NOTICE_LATE,    /* NotHere, 400 ms after a packet to nobody */
	PACKET_LATE,    /* 400 ms after the ping, from nobody */
	PACKET_UNASKED, /* before the pong */
	SWAPS_PACKETS,  /* the second first */
	ASKS_FIRST,     /* pings the client, answers when it is answered */
	REFUSES,        /* 426 to the second connection */
	OTHER_KEY,      /* ServerInfo sealed with another key, likewise */
	NOT_HTTP,       /* to everybody */
	SILENT,         /* to everybody */
	CRASHES,        /* the whole server */
};

struct liar {
	pid_t pid; /* and process group */
	int port;
};

struct talk {
	enum lie lie;
	int fd, number; /* of the connection, from 1 */
	uint8_t priv[DERP_KEY_LEN], pub[DERP_KEY_LEN], peer[DERP_KEY_LEN];
	uint8_t kept[600]; /* a packet that waits */
	size_t num_kept;
	uint8_t asked[DERP_PING_LEN];
	bool has_asked;
};

static inline void liar_wait(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* ---- frames ---------------------------------------------------------- */

static inline void say(struct talk *t, const void *bytes, size_t n)
{
	if (send(t->fd, bytes, n, MSG_NOSIGNAL) < 0)
		_exit(0);
}

static inline void say_frame(struct talk *t, uint32_t type, const void *body,
			     size_t n)
{
	uint8_t out[DERP_HEAD_LEN + 1200];

	if (n > sizeof(out) - DERP_HEAD_LEN)
		_exit(9);
	derp_head_build(out, type, (uint32_t)n);
	if (n)
		memcpy(out + DERP_HEAD_LEN, body, n);
	say(t, out, DERP_HEAD_LEN + n);
}

static inline void hang_up(struct talk *t)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (t->lie == RST_FOR_FIN)
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(t->fd);
	_exit(0);
}

static inline void deliver(struct talk *t, const uint8_t *src, const void *data,
			   size_t n)
{
	uint8_t body[1200];

	memcpy(body, src, DERP_KEY_LEN);
	memcpy(body + DERP_KEY_LEN, data, n);
	say_frame(t, DERP_RECV_PACKET, body, DERP_KEY_LEN + n);
}

static inline void not_here(struct talk *t, const uint8_t *key)
{
	uint8_t body[DERP_KEY_LEN + 1];

	memcpy(body, key, DERP_KEY_LEN);
	body[DERP_KEY_LEN] = 1;
	say_frame(t, DERP_PEER_GONE, body, sizeof(body));
}

/* ---- lies ------------------------------------------------------------ */

static inline void make_noise(struct talk *t)
{
	uint8_t present[51] = { 1, 2, 3 };

	say_frame(t, DERP_KEEP_ALIVE, "", 0);
	say_frame(t, DERP_HEALTH, "unwell", 6);
	say_frame(t, DERP_PEER_PRESENT, present, sizeof(present));
	not_here(t, present);
	say_frame(t, 0x77, "future", 6);
	say_frame(t, DERP_RESTARTING, "\0\0\0\1\0\0\0\1", 8);
	say_frame(t, DERP_PONG, "unasked!", 8);
}

static inline void answer_lie(struct talk *t, const uint8_t *ping)
{
	static const uint8_t nobody[DERP_KEY_LEN] = { 7 };
	uint8_t part[40] = { 0 };

	switch (t->lie) {
	case PONG_TWICE:
		say_frame(t, DERP_PONG, ping, DERP_PING_LEN);
		break;
	case PONG_WRONG:
		ping = (const uint8_t *)"another!";
		break;
	case PONG_NEVER:
		return;
	case PONG_LATE:
		liar_wait(600);
		break;
	case NOISE:
		make_noise(t);
		break;
	case GARBAGE:
		say(t, "\xff\xff\xff\xff\xff\xff\xff", 7);
		return;
	case PART_THEN_FIN:
		derp_head_build(part, DERP_RECV_PACKET, 500);
		say(t, part, sizeof(part));
		hang_up(t);
		return;
	case CLOSES_IDLE:
		say_frame(t, DERP_PONG, ping, DERP_PING_LEN);
		liar_wait(30);
		hang_up(t);
		return;
	case PACKET_LATE:
		say_frame(t, DERP_PONG, ping, DERP_PING_LEN);
		liar_wait(400);
		deliver(t, nobody, "late", 4);
		return;
	case PACKET_UNASKED:
		deliver(t, nobody, "unasked", 7);
		break;
	case ASKS_FIRST:
		memcpy(t->asked, ping, DERP_PING_LEN);
		t->has_asked = true;
		say_frame(t, DERP_PING, "question", 8);
		return;
	case CRASHES:
		kill(0, SIGKILL);
		return;
	default:
		break;
	}
	say_frame(t, DERP_PONG, ping, DERP_PING_LEN);
	if (t->num_kept) {
		deliver(t, t->peer, t->kept, t->num_kept);
		t->num_kept = 0;
	}
}

static inline void relay(struct talk *t, const uint8_t *body, size_t n)
{
	const uint8_t *data = body + DERP_KEY_LEN;

	n -= DERP_KEY_LEN;
	if (memcmp(body, t->peer, DERP_KEY_LEN) != 0) {
		if (t->lie == NOTICE_LATE) {
			liar_wait(400);
			not_here(t, body);
		}
		return;
	}
	if (t->lie == PONG_OVERTAKES || t->lie == SWAPS_PACKETS) {
		if (t->num_kept == 0 && n && n <= sizeof(t->kept)) {
			memcpy(t->kept, data, n);
			t->num_kept = n;
			return;
		}
	}
	deliver(t, t->peer, data, n);
	if (t->lie == SWAPS_PACKETS && t->num_kept) {
		deliver(t, t->peer, t->kept, t->num_kept);
		t->num_kept = 0;
	}
}

/* ---- one connection -------------------------------------------------- */

static inline void on_head(struct talk *t, const struct derp_frame *f)
{
	bool wrong = f->type == DERP_PING &&
		     (f->len < DERP_PING_LEN || f->len > DERP_PING_MAX);

	if (wrong && t->lie != STAYS_OPEN)
		hang_up(t);
	if (t->lie == CLOSES_UNKNOWN && derp_type_name(f->type) == NULL)
		hang_up(t);
}

static inline void on_frame(struct talk *t, const struct derp_frame *f)
{
	if (f->type == DERP_PING && f->have >= DERP_PING_LEN) {
		if (memcmp(f->body, "LIELIELI", 8) == 0)
			answer_lie(t, f->body);
		else
			say_frame(t, DERP_PONG, f->body, DERP_PING_LEN);
	} else if (f->type == DERP_SEND_PACKET && f->have >= DERP_KEY_LEN &&
		   f->have < 1000) {
		relay(t, f->body, f->have);
	} else if (f->type == DERP_PONG && f->have == 8 && t->has_asked &&
		   memcmp(f->body, "question", 8) == 0) {
		say_frame(t, DERP_PONG, t->asked, DERP_PING_LEN);
	}
}

static inline void welcome(struct talk *t, const struct derp_frame *f)
{
	static const char json[] = "{\"version\":2}";
	uint8_t nonce[DERP_NONCE_LEN] = { 5 }, box[100], priv[DERP_KEY_LEN];
	size_t n;

	if (f->type != DERP_CLIENT_INFO || f->have < DERP_KEY_LEN)
		hang_up(t);
	memcpy(t->peer, f->body, DERP_KEY_LEN);
	memcpy(priv, t->priv, sizeof(priv));
	priv[7] ^= t->lie == OTHER_KEY && t->number == 2;
	if (derp_seal(box, sizeof(box), &n, (const uint8_t *)json,
		      sizeof(json) - 1, nonce, t->peer, priv) != 0)
		hang_up(t);
	say_frame(t, DERP_SERVER_INFO, box, n);
}

static inline size_t hear(struct talk *t, uint8_t *buf, size_t cap)
{
	ssize_t n = recv(t->fd, buf, cap, 0);

	if (n <= 0)
		_exit(0);
	return (size_t)n;
}

/* The request; what follows it is left at the beginning of buf. */
static inline size_t greet(struct talk *t, uint8_t *buf, size_t cap)
{
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;
	uint8_t out[400], key[DERP_MAGIC_LEN + DERP_KEY_LEN];
	size_t have = 0, n;

	do {
		if (have == cap)
			hang_up(t);
		have += hear(t, buf + have, cap - have);
	} while (derp_http_read_request(&r, &h, buf, have) == 0);
	if (t->lie == NOT_HTTP)
		say(t, "HELO there\r\n\r\n", 14);
	if (t->lie == SILENT)
		pause();
	if (t->lie == REFUSES && t->number == 2) {
		derp_http_write_status(out, sizeof(out), &n, 426, NULL, "no");
		say(t, out, n);
		hang_up(t);
	}
	derp_http_write_101(out, sizeof(out), &n, t->pub);
	say(t, out, n);
	memcpy(key, derp_magic, DERP_MAGIC_LEN);
	memcpy(key + DERP_MAGIC_LEN, t->pub, DERP_KEY_LEN);
	say_frame(t, DERP_SERVER_KEY, key, sizeof(key));
	memmove(buf, buf + h.len, have - h.len);
	return have - h.len;
}

static inline void talk(struct talk *t)
{
	static uint8_t buf[65536], lent[65536];
	struct derp_reader r;
	struct derp_frame f;
	const uint8_t *in;
	bool welcomed = false;
	size_t n = greet(t, buf, sizeof(buf));
	int step;

	derp_reader_init(&r, UINT32_MAX);
	for (;; n = hear(t, buf, sizeof(buf))) {
		in = buf;
		while ((step = derp_reader_next(&r, &in, &n, &f)) > 0) {
			if (step == DERP_HEAD) {
				derp_reader_lend(&r, lent, sizeof(lent));
				on_head(t, &f);
			} else if (!welcomed) {
				welcome(t, &f);
				welcomed = true;
			} else {
				on_frame(t, &f);
			}
		}
	}
}

/* ---- the server ------------------------------------------------------ */

static inline void serve(int listener, enum lie lie)
{
	struct talk t = { .lie = lie };
	int one = 1;

	signal(SIGCHLD, SIG_IGN);
	setpgid(0, 0);
	memset(t.priv, 9, sizeof(t.priv));
	derp_public_key(t.pub, t.priv);
	for (;;) {
		t.fd = accept(listener, NULL, NULL);
		if (t.fd < 0)
			continue;
		t.number++;
		setsockopt(t.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (fork() == 0) {
			close(listener);
			/* Nobody may survive a test that died. */
			alarm(60);
			talk(&t);
		}
		close(t.fd);
	}
}

/* port 0: a free one.  A pid of -1: it could not be started. */
static inline struct liar liar_start(enum lie lie, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct liar l = { -1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return l;
	l.port = ntohs(a.sin_port);
	l.pid = fork();
	if (l.pid == 0) {
		alarm(120);
		serve(fd, lie);
	}
	if (l.pid > 0)
		setpgid(l.pid, l.pid);
	close(fd);
	return l;
}

static inline void liar_stop(struct liar *l)
{
	if (l->pid <= 0)
		return;
	kill(-l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	l->pid = -1;
}

#endif
