/*
 * faulty.c - run the proxy with one fault.
 *
 *   faulty --list
 *   faulty FAULT HOST PORT      prints `listen 127.0.0.1:PORT`, runs for ever
 *
 * --list prints a line for each fault, parted by tabs: name, rule, case that
 * must fail ("-" for both: harmless), what it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faulty.h"

const struct fault *fault;
struct pair *pairs;
struct ev_loop *loop;

static struct sockaddr_in target;

static void fd_ready(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static void on_accept(struct ev_loop *l, ev_io *w, int revents)
{
	int client = accept(w->fd, NULL, NULL);
	int server;

	(void)l;
	(void)revents;
	if (client < 0)
		return;
	server = socket(AF_INET, SOCK_STREAM, 0);
	if (server < 0 ||
	    connect(server, (struct sockaddr *)&target, sizeof(target)) != 0) {
		close(client);
		if (server >= 0)
			close(server);
		return;
	}
	fd_ready(client);
	fd_ready(server);
	pair_new(client, server);
}

static int listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
	    listen(fd, 256) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		fprintf(stderr, "faulty: cannot listen: %s\n", strerror(errno));
		exit(3);
	}
	printf("listen 127.0.0.1:%u\n", (unsigned)ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static int list(void)
{
	for (const struct fault *f = faults; f->name != NULL; f++)
		printf("%s\t%s\t%s\t%s\n", f->name, f->rule ? f->rule : "-",
		       f->caught ? f->caught : "-", f->what);
	return 0;
}

int main(int argc, char **argv)
{
	ev_io acceptor;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc != 4) {
		fputs("usage: faulty --list | faulty FAULT IPV4 PORT\n",
		      stderr);
		return 2;
	}
	for (fault = faults; fault->name != NULL; fault++)
		if (strcmp(fault->name, argv[1]) == 0)
			break;
	if (fault->name == NULL) {
		fprintf(stderr, "faulty: no fault '%s', see --list\n", argv[1]);
		return 2;
	}
	target.sin_family = AF_INET;
	target.sin_port = htons((uint16_t)atoi(argv[3]));
	if (inet_pton(AF_INET, argv[2], &target.sin_addr) != 1) {
		fprintf(stderr, "faulty: '%s' is no IPv4 address\n", argv[2]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	loop = ev_default_loop(0);
	ev_io_init(&acceptor, on_accept, listen_somewhere(), EV_READ);
	ev_io_start(loop, &acceptor);
	ev_run(loop, 0);
	return 0;
}
