/*
 * test_link.c - one test connection: what comes out as events however the
 * bytes were cut, and what goes out in which pieces.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "link_read.h"

#define OK_101 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n"
#define PONG                                                                   \
	"\x13\0\0\0\x08"                                                       \
	"12345678"
#define PONG_LEN 13

static struct ev_loop *loop;

static int setup(void **state)
{
	(void)state;
	loop = ev_loop_new(EVFLAG_AUTO);
	return loop == NULL;
}

static int teardown(void **state)
{
	(void)state;
	ev_loop_destroy(loop);
	return 0;
}

static void nothing(struct link *l, void *ctx)
{
	(void)l;
	(void)ctx;
}

/* ---- reading, without a socket --------------------------------------- */

struct row {
	const char *name;
	const char *in;
	size_t len;
	bool no_body, then_end;
	const char *events; /* "http 426 3, frame 13 8" */
};

#define IN(text) text, sizeof(text) - 1

static struct row rows[] = {
	{ "frame", IN(PONG), false, false, "frame 13 8" },
	{ "frame/empty", IN("\x06\0\0\0\0" PONG), false, false,
	  "frame 06 0, frame 13 8" },
	{ "101-then-frames", IN(OK_101 PONG PONG), false, false,
	  "http 101 0, frame 13 8, frame 13 8" },
	{ "426", IN("HTTP/1.1 426 No\r\nContent-Length: 3\r\n\r\nabc"), false,
	  false, "http 426 3" },
	{ "426-then-101",
	  IN("HTTP/1.1 426 No\r\nContent-Length: 3\r\n\r\nabc" OK_101 PONG),
	  false, false, "http 426 3, http 101 0, frame 13 8" },
	{ "204-has-no-body",
	  IN("HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n" OK_101), false,
	  false, "http 204 0, http 101 0" },
	{ "answer-to-HEAD",
	  IN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" OK_101), true,
	  false, "http 200 0, http 101 0" },
	{ "body-to-the-end", IN("HTTP/1.1 400 No\r\n\r\nabcd"), false, true,
	  "http 400 4" },
	{ "body-cut", IN("HTTP/1.1 400 No\r\nContent-Length: 9\r\n\r\nabcd"),
	  false, true, "" },
	{ "body-too-long",
	  IN("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\nabcd"), false,
	  false, "flood" },
	{ "length-is-no-number",
	  IN("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabcd"), false, false,
	  "flood" },
	{ "no-http", IN("HELO there\r\n\r\n"), false, false, "garbage" },
	{ "frame-too-long", IN("\x05\0\x10\0\x01"), false, false, "garbage" },
	{ "frame-as-long-as-allowed", IN("\x05\0\x10\0\0x"), false, false, "" },
	{ "frames-then-garbage", IN(PONG "GET / HTTP"), false, false,
	  "frame 13 8, garbage" },
};

static void add_events(char *out, size_t cap, const struct link *l)
{
	char text[60];

	out[0] = '\0';
	for (const struct link_event *e = l->events; e; e = e->next) {
		if (e->kind == LINK_HTTP)
			snprintf(text, sizeof(text), "http %u %zu", e->status,
				 e->body_len);
		else if (e->kind == LINK_FRAME)
			snprintf(text, sizeof(text), "frame %02x %u", e->type,
				 e->len);
		else if (e->kind == LINK_ENDED)
			snprintf(text, sizeof(text), "%s",
				 e->how == LINK_GARBAGE ? "garbage"
				 : e->how == LINK_FLOOD ? "flood"
							: "end");
		snprintf(out + strlen(out), cap - strlen(out), "%s%s",
			 out[0] ? ", " : "", text);
	}
}

static void feed(const struct row *row, size_t first, size_t step)
{
	struct link *l = link_new(loop, nothing, NULL);
	uint8_t *piece;
	char got[300];
	size_t n;

	assert_non_null(l);
	l->no_body = row->no_body;
	for (size_t at = 0; at < row->len; at += n) {
		n = at == 0 && first ? first : step;
		if (n > row->len - at)
			n = row->len - at;
		piece = malloc(n);
		assert_non_null(piece);
		memcpy(piece, row->in + at, n);
		link_input(l, piece, n);
		free(piece);
	}
	if (row->then_end)
		link_input_end(l);
	add_events(got, sizeof(got), l);
	assert_string_equal(got, row->events);
	link_free(l);
}

/* Whole, byte by byte, and cut in two at each place. */
static void gives_the_same_events_for_every_cut(void **state)
{
	const struct row *row = *state;

	feed(row, 0, row->len);
	feed(row, 0, 1);
	for (size_t cut = 1; cut < row->len; cut++)
		feed(row, cut, row->len);
}

static void a_response_keeps_head_and_body(void **state)
{
	static const char in[] = "HTTP/1.1 426 No\r\nContent-Length: 3\r\n\r\n"
				 "abc";
	struct link *l = link_new(loop, nothing, NULL);

	(void)state;
	link_input(l, (const uint8_t *)in, sizeof(in) - 1);
	assert_int_equal(l->events->head_len, sizeof(in) - 4);
	assert_memory_equal(l->events->head, in, sizeof(in) - 4);
	assert_memory_equal(l->events->body, "abc", 3);
	link_free(l);
}

static void events_are_bounded(void **state)
{
	static const uint8_t head[5] = { 5, 0, 0x10, 0, 0 };
	uint8_t *body = calloc(1, 1u << 20);
	struct link *l = link_new(loop, nothing, NULL);
	int n = 0;

	(void)state;
	for (; !l->ended && n < 100; n++) {
		link_input(l, head, sizeof(head));
		link_input(l, body, 1u << 20);
	}
	assert_int_equal(n, 64);
	link_free(l);
	free(body);
}

static void responses_are_bounded(void **state)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
	uint8_t *body = calloc(1, 1000000);
	struct link *l = link_new(loop, nothing, NULL);
	int n = 0;

	(void)state;
	for (; !l->ended && n < 100; n++) {
		link_input(l, (const uint8_t *)head, sizeof(head) - 1);
		link_input(l, body, 1000000);
	}
	assert_in_range(n, 60, 70);
	link_free(l);
	free(body);
}

static void a_dropped_event_makes_room(void **state)
{
	struct link *l = link_new(loop, nothing, NULL);
	struct link_event *second;

	(void)state;
	link_input(l, (const uint8_t *)PONG PONG PONG, 3 * PONG_LEN);
	second = l->events->next;
	link_drop(l, second);
	assert_ptr_not_equal(l->events->next, second);
	link_drop(l, l->events->next);
	assert_null(l->events->next);
	link_input(l, (const uint8_t *)PONG, PONG_LEN);
	assert_non_null(l->events->next);
	link_drop(l, l->events);
	link_drop(l, l->events);
	assert_null(l->events);
	assert_int_equal(l->held_bytes, 0);
	link_free(l);
}

/* ---- with a socket --------------------------------------------------- */

struct pair {
	struct link *l;
	int listener, fd; /* of the other side */
};

static void turn(double seconds)
{
	struct timespec t = { 0, (long)(seconds * 1e9 / 20) };

	for (int i = 0; i < 20; i++) {
		nanosleep(&t, NULL);
		ev_run(loop, EVRUN_NOWAIT);
	}
}

static void nap(void)
{
	struct timespec t = { 0, 20000000 };

	nanosleep(&t, NULL);
}

static void join(struct pair *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(p->listener, 4), 0);
	getsockname(p->listener, (struct sockaddr *)&a, &len);
	p->l = link_new(loop, nothing, NULL);
	link_connect(p->l, (struct sockaddr *)&a, len, 0);
	p->fd = accept(p->listener, NULL, NULL);
	assert_true(p->fd >= 0);
	turn(0.02);
	assert_true(p->l->opened);
	assert_int_equal(p->l->events->kind, LINK_OPENED);
	link_drop(p->l, p->l->events);
}

static void part(struct pair *p)
{
	link_free(p->l);
	if (p->fd >= 0)
		close(p->fd);
	close(p->listener);
}

static size_t heard(struct pair *p)
{
	char buf[65536];
	ssize_t n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);

	return n < 0 ? 0 : (size_t)n;
}

static void an_orderly_end_is_told(void **state)
{
	struct pair p;

	(void)state;
	join(&p);
	send(p.fd, PONG "\x05\0", PONG_LEN + 2, 0);
	close(p.fd);
	p.fd = -1;
	turn(0.05);
	assert_int_equal(p.l->events->kind, LINK_FRAME);
	assert_int_equal(p.l->events->next->kind, LINK_ENDED);
	assert_int_equal(p.l->events->next->how, LINK_FIN);
	assert_true(p.l->events->next->in_frame);
	part(&p);
}

static void a_reset_is_told(void **state)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct pair p;

	(void)state;
	join(&p);
	setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p.fd);
	p.fd = -1;
	turn(0.05);
	assert_int_equal(p.l->events->kind, LINK_ENDED);
	assert_int_equal(p.l->events->how, LINK_RST);
	assert_false(p.l->events->in_frame);
	part(&p);
}

/* The server spoke, closed, and we were still writing. */
static void what_came_before_a_failed_write_is_kept(void **state)
{
	struct pair p;

	(void)state;
	join(&p);
	link_pause(p.l);
	send(p.fd, PONG, PONG_LEN, 0);
	close(p.fd);
	p.fd = -1;
	nap();
	link_send(p.l, "x", 1);
	turn(0.03);
	link_send(p.l, "x", 1);
	turn(0.03);
	assert_true(p.l->failed);
	link_resume(p.l);
	turn(0.03);
	assert_true(p.l->ended);
	assert_int_equal(p.l->events->kind, LINK_FRAME);
	assert_false(link_send(p.l, "x", 1));
	part(&p);
}

static void a_refused_connection_is_told(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct link *l = link_new(loop, nothing, NULL);

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(1);
	link_connect(l, (struct sockaddr *)&a, sizeof(a), 0);
	turn(0.03);
	assert_int_equal(l->events->kind, LINK_ENDED);
	assert_int_equal(l->events->how, LINK_REFUSED);
	assert_int_equal(l->events->error, ECONNREFUSED);
	link_free(l);
}

static void what_is_held_goes_out_together(void **state)
{
	struct pair p;

	(void)state;
	join(&p);
	link_hold(p.l);
	link_send(p.l, "abc", 3);
	link_send(p.l, "def", 3);
	turn(0.03);
	assert_int_equal(heard(&p), 0);
	assert_true(link_sent(p.l));
	link_flush(p.l);
	assert_false(link_sent(p.l));
	turn(0.03);
	assert_true(link_sent(p.l));
	assert_int_equal(heard(&p), 6);
	part(&p);
}

static void a_dribble_goes_out_in_pieces(void **state)
{
	struct pair p;

	(void)state;
	join(&p);
	link_cut(p.l, 2, 200);
	link_send(p.l, "abcde", 5);
	turn(0.05);
	assert_int_equal(heard(&p), 2);
	assert_false(link_sent(p.l));
	link_cut(p.l, 0, 0);
	turn(0.3);
	assert_int_equal(heard(&p), 3);
	assert_true(link_sent(p.l));
	part(&p);
}

static void a_paused_link_does_not_read(void **state)
{
	struct pair p;

	(void)state;
	join(&p);
	link_pause(p.l);
	send(p.fd, PONG, PONG_LEN, 0);
	turn(0.03);
	link_read_now(p.l);
	assert_null(p.l->events);
	link_resume(p.l);
	turn(0.03);
	assert_non_null(p.l->events);
	part(&p);
}

static void a_shutdown_waits_for_what_is_queued(void **state)
{
	char c;
	struct pair p;

	(void)state;
	join(&p);
	link_send(p.l, "abc", 3);
	link_shutdown(p.l);
	assert_false(link_send(p.l, "x", 1));
	turn(0.03);
	assert_int_equal(heard(&p), 3);
	assert_int_equal(recv(p.fd, &c, 1, MSG_DONTWAIT), 0);
	send(p.fd, PONG, PONG_LEN, 0);
	turn(0.03);
	assert_non_null(p.l->events);
	part(&p);
}

static void a_close_is_a_fin_and_a_reset_a_rst(void **state)
{
	struct pair p;
	char c;

	(void)state;
	join(&p);
	send(p.fd, PONG, PONG_LEN, 0);
	nap();
	link_close(p.l, false);
	nap();
	assert_int_equal(recv(p.fd, &c, 1, MSG_DONTWAIT), 0);
	part(&p);
	join(&p);
	link_close(p.l, true);
	nap();
	assert_int_equal(recv(p.fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNRESET);
	part(&p);
}

static void unheard(struct link *l, void *ctx)
{
	(void)l;
	(void)ctx;
}

/* Events of a link until it ends, or num of them. */
static size_t fill(struct link *l, size_t num, size_t body)
{
	size_t n = 0;

	while (n < num && link_add_event(l, LINK_FRAME, body) != NULL)
		n++;
	assert_int_equal(l->ended, n < num);
	return n;
}

/* A server that floods every connection does not get all the memory, and what
 * was given back can be had again; small events cost more than they hold, since
 * long lists are looked through often. */
static void all_links_together_are_bounded(void **state)
{
	enum { BODY = 1 << 20, NUM = 60, LINKS = 6 };
	struct link *l[LINKS];
	size_t sum;

	(void)state;
	for (int again = 0; again < 2; again++) {
		sum = 0;
		for (int i = 0; i < LINKS; i++) {
			l[i] = link_new(loop, unheard, NULL);
			assert_non_null(l[i]);
			sum += fill(l[i], NUM, BODY);
		}
		assert_in_range(sum, LINK_ALL_MAX / BODY - 2,
				LINK_ALL_MAX / BODY);
		for (int i = 0; i < LINKS; i++)
			link_free(l[i]);
	}
	l[0] = link_new(loop, unheard, NULL);
	assert_non_null(l[0]);
	assert_in_range(fill(l[0], SIZE_MAX, 8), 10000, 100000);
	link_free(l[0]);
}

int main(void)
{
	static struct CMUnitTest all[60];
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_response_keeps_head_and_body),
		cmocka_unit_test(events_are_bounded),
		cmocka_unit_test(all_links_together_are_bounded),
		cmocka_unit_test(responses_are_bounded),
		cmocka_unit_test(a_dropped_event_makes_room),
		cmocka_unit_test(an_orderly_end_is_told),
		cmocka_unit_test(a_reset_is_told),
		cmocka_unit_test(what_came_before_a_failed_write_is_kept),
		cmocka_unit_test(a_refused_connection_is_told),
		cmocka_unit_test(what_is_held_goes_out_together),
		cmocka_unit_test(a_dribble_goes_out_in_pieces),
		cmocka_unit_test(a_paused_link_does_not_read),
		cmocka_unit_test(a_shutdown_waits_for_what_is_queued),
		cmocka_unit_test(a_close_is_a_fin_and_a_reset_a_rst),
	};
	size_t n = 0;

	for (; n < sizeof(rows) / sizeof(rows[0]); n++) {
		all[n].name = rows[n].name;
		all[n].test_func = gives_the_same_events_for_every_cut;
		all[n].initial_state = &rows[n];
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		all[n++] = others[i];
	return _cmocka_run_group_tests("link", all, n, setup, teardown);
}
