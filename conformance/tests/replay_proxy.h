/*
 * replay_proxy.h - a server with a fault: a proxy in front of a good one.
 *
 *   replay  <-->  proxy (a child process)  <-->  derpd
 *
 * What clients say goes through untouched.  The server's frames are taken
 * apart, and edit() may change, drop, double, delay or hold each of them.
 * For tests; all is static.
 */
#ifndef REPLAY_PROXY_H
#define REPLAY_PROXY_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "derp.h"

#define PROXY_PAIRS 16
#define PROXY_BUF (1u << 18)

struct proxy_pair {
	int client, server; /* -1: none */
	bool framed;        /* the HTTP answer is over */
	uint8_t in[PROXY_BUF];
	size_t num_in;
	uint8_t held[PROXY_BUF]; /* sent behind the next frame */
	size_t num_held;
};

/* What becomes of a frame: *f may be changed; its buffer has room for some
 * more bytes.  Returns the number of times that it is sent; -1: held until
 * the next frame is through; -2: the connection ends; -3: the server dies. */
typedef int proxy_edit(struct proxy_pair *p, uint32_t *type, uint8_t *body,
		       uint32_t *len);

static struct proxy_pair proxy_pairs[PROXY_PAIRS];

static inline void proxy_send(int fd, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	ssize_t k;

	while (n > 0) {
		k = send(fd, at, n, MSG_NOSIGNAL);
		if (k <= 0)
			return;
		at += k;
		n -= (size_t)k;
	}
}

static inline void proxy_close(struct proxy_pair *p)
{
	close(p->client);
	close(p->server);
	p->client = p->server = -1;
}

/* One frame of the server, whole at p->in. */
static inline void proxy_frame(struct proxy_pair *p, proxy_edit *edit,
			       uint32_t type, uint32_t len)
{
	static uint8_t frame[PROXY_BUF + 64];
	int times;

	memcpy(frame + DERP_HEAD_LEN, p->in + DERP_HEAD_LEN, len);
	times = edit(p, &type, frame + DERP_HEAD_LEN, &len);
	derp_head_build(frame, type, len);
	if (times == -3)
		_exit(0);
	if (times == -2) {
		proxy_close(p);
		return;
	}
	if (times == -1) {
		memcpy(p->held, frame, DERP_HEAD_LEN + (size_t)len);
		p->num_held = DERP_HEAD_LEN + (size_t)len;
		return;
	}
	for (int i = 0; i < times; i++)
		proxy_send(p->client, frame, DERP_HEAD_LEN + (size_t)len);
	proxy_send(p->client, p->held, p->num_held);
	p->num_held = 0;
}

static inline void proxy_frames(struct proxy_pair *p, proxy_edit *edit)
{
	uint32_t len;
	size_t n;

	while (p->client >= 0 && p->num_in >= DERP_HEAD_LEN) {
		len = (uint32_t)p->in[1] << 24 | (uint32_t)p->in[2] << 16 |
		      (uint32_t)p->in[3] << 8 | p->in[4];
		n = DERP_HEAD_LEN + (size_t)len;
		if (len > PROXY_BUF - DERP_HEAD_LEN || p->num_in < n)
			return;
		proxy_frame(p, edit, p->in[0], len);
		memmove(p->in, p->in + n, p->num_in - n);
		p->num_in -= n;
	}
}

static inline void proxy_from_server(struct proxy_pair *p, proxy_edit *edit)
{
	ssize_t k =
		recv(p->server, p->in + p->num_in, PROXY_BUF - p->num_in, 0);
	size_t head;

	if (k <= 0) {
		proxy_close(p);
		return;
	}
	p->num_in += (size_t)k;
	if (!p->framed && p->in[0] != 'H')
		p->framed = true; /* Fast-Start */
	for (head = 4; !p->framed && head <= p->num_in; head++)
		if (memcmp(p->in + head - 4, "\r\n\r\n", 4) == 0) {
			proxy_send(p->client, p->in, head);
			p->num_in -= head;
			memmove(p->in, p->in + head, p->num_in);
			p->framed = true;
		}
	if (p->framed)
		proxy_frames(p, edit);
}

static inline void proxy_from_client(struct proxy_pair *p)
{
	static uint8_t buf[65536];
	ssize_t k = recv(p->client, buf, sizeof(buf), 0);

	if (k <= 0)
		proxy_close(p);
	else
		proxy_send(p->server, buf, (size_t)k);
}

static inline int proxy_connect(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void proxy_accept(int listener, unsigned port)
{
	int fd = accept(listener, NULL, NULL), one = 1;
	struct proxy_pair *p;

	for (int i = 0; i < PROXY_PAIRS && fd >= 0; i++) {
		p = &proxy_pairs[i];
		if (p->client >= 0)
			continue;
		memset(p, 0, sizeof(*p));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		p->client = fd;
		p->server = proxy_connect(port);
		return;
	}
	close(fd);
}

static inline void proxy_run(int listener, unsigned port, proxy_edit *edit)
{
	struct pollfd fds[1 + 2 * PROXY_PAIRS];

	for (int i = 0; i < PROXY_PAIRS; i++)
		proxy_pairs[i].client = proxy_pairs[i].server = -1;
	for (;;) {
		fds[0].fd = listener;
		fds[0].events = POLLIN;
		for (int i = 0; i < PROXY_PAIRS; i++) {
			fds[1 + 2 * i].fd = proxy_pairs[i].client;
			fds[2 + 2 * i].fd = proxy_pairs[i].server;
			fds[1 + 2 * i].events = fds[2 + 2 * i].events = POLLIN;
		}
		if (poll(fds, 1 + 2 * PROXY_PAIRS, 60000) <= 0)
			_exit(1);
		for (int i = 0; i < PROXY_PAIRS; i++) {
			if (fds[2 + 2 * i].fd >= 0 && fds[2 + 2 * i].revents)
				proxy_from_server(&proxy_pairs[i], edit);
			if (proxy_pairs[i].client >= 0 &&
			    fds[1 + 2 * i].fd >= 0 && fds[1 + 2 * i].revents)
				proxy_from_client(&proxy_pairs[i]);
		}
		if (fds[0].revents)
			proxy_accept(listener, port);
	}
}

/* The child and its port.  It ends with proxy_stop(). */
static inline pid_t proxy_start(unsigned *port, unsigned to, proxy_edit *edit)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return -1;
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid == 0)
		proxy_run(fd, to, edit);
	close(fd);
	return pid;
}

static inline void proxy_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
