/*
 * link.c - the socket side of a test connection.
 *
 *      connecting --> [TLS] --> open --> ended
 *           |           |                 ^ FIN, RST, failed write,
 *           +-----------+---- refused ----+ garbage, flood
 *
 * A failed write is not the end yet: what the server sent before it closed
 * is read first, since a case may expect it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "link.h"
#include "link_read.h"

#define READ_ONCE 65536
#define READS_A_TURN 8 /* so that one link does not starve the others */

void (*link_tap)(uint32_t serial, bool sent, const void *bytes, size_t len);
struct tls_setup *link_tls;

uint64_t link_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- ends ------------------------------------------------------------ */

static void close_socket(struct link *l)
{
	ev_io_stop(l->loop, &l->reads);
	ev_io_stop(l->loop, &l->writes);
	ev_timer_stop(l->loop, &l->pause);
	tls_free(l->tls);
	l->tls = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->connecting = l->shaking = false;
	buf_free(&l->out);
	l->out_at = l->out_left = 0;
}

void link_end(struct link *l, enum link_how how, int error)
{
	struct link_event *e;

	if (l->ended)
		return;
	l->ended = true;
	l->error = error;
	e = link_add_event(l, LINK_ENDED, 0);
	if (e) {
		e->how = how;
		e->error = error;
		e->in_frame = link_in_frame(l);
	}
	close_socket(l);
}

static void wake(struct link *l)
{
	if (!l->news)
		return;
	l->news = false;
	l->woken(l, l->ctx);
}

/* ---- writing --------------------------------------------------------- */

static void write_some(struct link *l);

static void want_write(struct link *l)
{
	if (l->fd < 0 || l->connecting || l->failed || l->held ||
	    ev_is_active(&l->pause))
		return;
	if (l->out_left || l->shut_wanted || (l->tls && tls_waits(l->tls)))
		ev_io_start(l->loop, &l->writes);
	else
		ev_io_stop(l->loop, &l->writes);
}

static void all_written(struct link *l)
{
	l->out.len = l->out_at = 0;
	l->num_cut = 0;
	if (l->shut_wanted) {
		l->shut_wanted = false;
		l->shut = true;
		if (l->tls)
			tls_finish(l->tls);
		shutdown(l->fd, SHUT_WR);
	}
	l->news = true;
}

static void write_failed(struct link *l, int error)
{
	l->failed = true;
	l->out.len = l->out_at = l->out_left = 0;
	l->news = true;
	ev_io_stop(l->loop, &l->writes);
	link_read_now(l);
	if (!l->ended && !l->paused)
		link_end(l, LINK_WRITE, error);
}

static bool is_cut(const struct link *l)
{
	return l->cut && (l->cut_most == 0 || l->num_cut < l->cut_most);
}

static ssize_t put(struct link *l, const uint8_t *from, size_t len)
{
	return l->tls ? tls_write(l->tls, from, len)
		      : send(l->fd, from, len, MSG_NOSIGNAL);
}

/* Is the record that the socket did not take out?  Plain bytes never wait. */
static bool flushed(struct link *l)
{
	int r = l->tls ? tls_flush(l->tls) : 1;

	if (r < 0)
		write_failed(l, errno);
	return r > 0;
}

static void write_some(struct link *l)
{
	size_t n;
	ssize_t got;

	while (l->out_left && !l->failed && !l->held) {
		n = l->out_left;
		if (is_cut(l) && n > l->cut)
			n = l->cut;
		got = put(l, l->out.at + l->out_at, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (got < 0) {
			write_failed(l, errno);
			return;
		}
		if (link_tap)
			link_tap(l->serial, true, l->out.at + l->out_at,
				 (size_t)got);
		l->out_at += (size_t)got;
		l->out_left -= (size_t)got;
		l->num_cut += is_cut(l);
		if (is_cut(l) && l->cut_ms && l->out_left) {
			ev_io_stop(l->loop, &l->writes);
			ev_timer_stop(l->loop, &l->pause);
			ev_timer_set(&l->pause, l->cut_ms / 1000.0, 0.);
			ev_timer_start(l->loop, &l->pause);
			return;
		}
	}
	if (l->out_left == 0 && flushed(l))
		all_written(l);
	want_write(l);
}

static void after_pause(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct link *l = t->data;

	(void)loop;
	(void)revents;
	write_some(l);
	wake(l);
}

bool link_send(struct link *l, const void *bytes, size_t len)
{
	if (l->fd < 0 || l->failed || l->shut || l->shut_wanted)
		return false;
	if (!buf_add(&l->out, bytes, len))
		return false;
	l->out_left += len;
	/* Not from here: the caller may have more for the same write. */
	want_write(l);
	return true;
}

bool link_sent(const struct link *l)
{
	return (l->out_left == 0 && !l->shut_wanted) || l->held || l->failed ||
	       l->ended;
}

void link_cut(struct link *l, uint32_t cut, uint32_t ms)
{
	l->cut = cut;
	l->cut_ms = ms;
}

void link_hold(struct link *l)
{
	l->held = true;
	if (l->fd >= 0 && !l->connecting)
		ev_io_stop(l->loop, &l->writes);
}

void link_flush(struct link *l)
{
	l->held = false;
	want_write(l);
}

void link_shutdown(struct link *l)
{
	if (l->fd < 0)
		return;
	l->shut_wanted = true;
	want_write(l);
}

/* ---- reading --------------------------------------------------------- */

static ssize_t get(struct link *l, uint8_t *to, size_t cap)
{
	return l->tls ? tls_read(l->tls, to, cap) : recv(l->fd, to, cap, 0);
}

static enum link_how how_ended(int error)
{
	if (error == 0)
		return LINK_FIN;
	return error == EPROTO ? LINK_GARBAGE : LINK_RST;
}

static void read_some(struct link *l, int turns)
{
	uint8_t bytes[READ_ONCE];
	ssize_t n;

	while (turns-- > 0 && !l->ended) {
		n = get(l, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			int error = n == 0 ? 0 : errno;
			link_input_end(l);
			link_end(l, how_ended(error), error);
			return;
		}
		if (link_tap)
			link_tap(l->serial, false, bytes, (size_t)n);
		link_input(l, bytes, (size_t)n);
	}
}

void link_read_now(struct link *l)
{
	if (l->fd >= 0 && l->opened && !l->paused)
		read_some(l, 4 * READS_A_TURN);
}

void link_pause(struct link *l)
{
	l->paused = true;
	if (l->fd >= 0 && l->opened)
		ev_io_stop(l->loop, &l->reads);
}

void link_resume(struct link *l)
{
	l->paused = false;
	if (l->fd >= 0 && l->opened)
		ev_io_start(l->loop, &l->reads);
}

static void shake(struct link *l);

static void readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct link *l = io->data;

	(void)loop;
	(void)revents;
	if (l->shaking) {
		shake(l);
	} else {
		read_some(l, READS_A_TURN);
		want_write(l); /* TLS may have something to say by itself */
	}
	wake(l);
}

/* ---- connecting ------------------------------------------------------ */

static void opened(struct link *l)
{
	l->connecting = l->shaking = false;
	l->opened = true;
	ev_io_stop(l->loop, &l->writes);
	if (l->paused)
		ev_io_stop(l->loop, &l->reads);
	else
		ev_io_start(l->loop, &l->reads);
	link_add_event(l, LINK_OPENED, 0);
	want_write(l);
}

/* Neither held bytes nor a pause concern the handshake. */
static void shake(struct link *l)
{
	char err[TRANSPORT_ERR_MAX];
	int r = tls_handshake(l->tls, err);

	if (r < 0) {
		link_end(l, LINK_REFUSED, EPROTO);
	} else if (r > 0) {
		opened(l);
	} else {
		ev_io_start(l->loop, &l->reads);
		if (tls_waits(l->tls))
			ev_io_start(l->loop, &l->writes);
		else
			ev_io_stop(l->loop, &l->writes);
	}
}

static void connected(struct link *l)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		link_end(l, LINK_REFUSED, error);
		return;
	}
	if (link_tls == NULL) {
		opened(l);
		return;
	}
	l->tls = tls_new(link_tls, l->fd);
	if (l->tls == NULL) {
		link_end(l, LINK_REFUSED, ENOMEM);
		return;
	}
	l->shaking = true;
	shake(l);
}

static void writable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct link *l = io->data;

	(void)loop;
	(void)revents;
	if (l->shaking)
		shake(l);
	else if (l->connecting)
		connected(l);
	else
		write_some(l);
	wake(l);
}

static int open_socket(struct link *l, const struct sockaddr *addr, int rcvbuf)
{
	int one = 1, flags;

	l->fd = socket(addr->sa_family, SOCK_STREAM, 0);
	if (l->fd < 0)
		return -1;
	flags = fcntl(l->fd, F_GETFL);
	if (fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(l->fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	if (rcvbuf > 0)
		setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
			   sizeof(rcvbuf));
	/* A cut is only seen by the server if each write is a segment. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}

void link_connect(struct link *l, const struct sockaddr *addr, socklen_t len,
		  int rcvbuf)
{
	static uint32_t connections;

	l->serial = ++connections;
	l->connecting = true;
	if (open_socket(l, addr, rcvbuf) < 0 ||
	    (connect(l->fd, addr, len) < 0 && errno != EINPROGRESS)) {
		/* Its news comes from the loop, as every other. */
		l->error = errno;
		ev_timer_set(&l->pause, 0., 0.);
		ev_timer_start(l->loop, &l->pause);
		return;
	}
	ev_io_set(&l->reads, l->fd, EV_READ);
	ev_io_set(&l->writes, l->fd, EV_WRITE);
	ev_io_start(l->loop, &l->writes);
}

static void refused_or_paused(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct link *l = t->data;

	if (!l->connecting) {
		after_pause(loop, t, revents);
		return;
	}
	link_end(l, LINK_REFUSED, l->error);
	wake(l);
}

void link_close(struct link *l, bool reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (l->fd < 0)
		return;
	if (reset) {
		setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	} else if (!l->connecting) {
		/* Unread bytes would turn the FIN into a RST. */
		link_read_now(l);
		if (l->tls)
			tls_finish(l->tls);
		if (l->fd >= 0)
			shutdown(l->fd, SHUT_RDWR);
	}
	l->ended = true;
	close_socket(l);
}

struct link *link_new(struct ev_loop *loop,
		      void (*woken)(struct link *, void *), void *ctx)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->loop = loop;
	l->woken = woken;
	l->ctx = ctx;
	l->fd = -1;
	l->last = &l->events;
	ev_init(&l->reads, readable);
	ev_init(&l->writes, writable);
	ev_init(&l->pause, refused_or_paused);
	l->reads.data = l->writes.data = l->pause.data = l;
	derp_reader_init(&l->frames, DERP_FRAME_MAX);
	return l;
}

void link_free(struct link *l)
{
	if (l == NULL)
		return;
	close_socket(l);
	while (l->events)
		link_drop(l, l->events);
	link_input_free(l);
	free(l);
}
