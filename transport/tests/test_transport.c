/*
 * test_transport.c - listeners and connections over loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "connect.h"
#include "listen.h"

#define WAIT_MS 5000

static int listen_on(struct host_port *hp, const char *text)
{
	char err[TRANSPORT_ERR_MAX];
	int fd;

	assert_int_equal(host_port_parse(hp, text, -1), 0);
	fd = listen_open(hp, err);
	if (fd < 0)
		fail_msg("%s", err);
	assert_int_equal(listen_where(fd, hp), 0);
	assert_int_not_equal(hp->port, 0);
	return fd;
}

static int accept_one(int fd, struct sockaddr_storage *from)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return listen_accept(fd, from);
}

static void assert_prepared(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len),
			 0);
	assert_int_not_equal(on, 0);
}

static void both_ways(const char *listen, const char *host, const char *from)
{
	char err[TRANSPORT_ERR_MAX], byte;
	struct sockaddr_storage a;
	struct host_port hp, who;
	int l = listen_on(&hp, listen), c, s;

	strcpy(hp.host, host);
	c = dial_wait(&hp, WAIT_MS, err);
	if (c < 0)
		fail_msg("%s", err);
	assert_prepared(c);
	s = accept_one(l, &a);
	assert_prepared(s);
	address_text(&who, &a);
	assert_string_equal(who.host, from);
	assert_int_not_equal(who.port, 0);
	assert_int_equal(listen_accept(l, &a), -1);
	assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
	assert_int_equal(write(c, "x", 1), 1);
	struct pollfd p = { .fd = s, .events = POLLIN };
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(read(s, &byte, 1), 1);
	close(c);
	close(s);
	close(l);
}

static void ipv4(void **state)
{
	(void)state;
	both_ways("127.0.0.1:0", "127.0.0.1", "127.0.0.1");
}

static int has_ipv6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), ok;

	ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	both_ways("[::1]:0", "::1", "::1");
	both_ways("[::]:0", "127.0.0.1", "::ffff:127.0.0.1");
}

/* A name may have an address of each kind, and only one of them answers. */
static void names(void **state)
{
	(void)state;
	both_ways("127.0.0.1:0", "localhost", "127.0.0.1");
}

static void refused(void **state)
{
	char err[TRANSPORT_ERR_MAX], want[TRANSPORT_ERR_MAX];
	struct host_port hp;
	int l = listen_on(&hp, "127.0.0.1:0");

	(void)state;
	close(l);
	assert_int_equal(dial_wait(&hp, WAIT_MS, err), -1);
	snprintf(want, sizeof want,
		 "cannot connect to 127.0.0.1:%u: Connection refused", hp.port);
	assert_string_equal(err, want);
}

/* No label of a name has more than 63 bytes, so nobody is asked. */
static void unknown_name(void **state)
{
	struct host_port hp = { .port = 1 };
	char err[TRANSPORT_ERR_MAX] = "", want[TRANSPORT_ERR_MAX];

	(void)state;
	memset(hp.host, 'a', 70);
	snprintf(want, sizeof want, "cannot find %s:1: ", hp.host);
	assert_int_equal(dial_wait(&hp, WAIT_MS, err), -1);
	assert_memory_equal(err, want, strlen(want));
	memset(err, 0, sizeof err);
	assert_int_equal(listen_open(&hp, err), -1);
	assert_memory_equal(err, want, strlen(want));
}

static void in_use(void **state)
{
	char err[TRANSPORT_ERR_MAX], want[TRANSPORT_ERR_MAX];
	struct host_port hp;
	int l = listen_on(&hp, "127.0.0.1:0");

	(void)state;
	assert_int_equal(listen_open(&hp, err), -1);
	snprintf(want, sizeof want,
		 "cannot listen on 127.0.0.1:%u: Address already in use",
		 hp.port);
	assert_string_equal(err, want);
	close(l);
}

/* A backlog that is full leaves connect() waiting; the time-out ends it. */
static void time_out(void **state)
{
	char err[TRANSPORT_ERR_MAX], want[TRANSPORT_ERR_MAX];
	struct host_port hp;
	int l = listen_on(&hp, "127.0.0.1:0"), c[8], n = 0;

	(void)state;
	assert_int_equal(listen(l, 0), 0);
	while (n < 8 && (c[n] = dial_wait(&hp, 200, err)) >= 0)
		n++;
	assert_in_range(n, 1, 7);
	snprintf(want, sizeof want,
		 "cannot connect to 127.0.0.1:%u: Connection timed out",
		 hp.port);
	assert_string_equal(err, want);
	while (n > 0)
		close(c[--n]);
	close(l);
}

/* Two addresses, the first refuses: the second is tried.  And after the last
 * there is an error, as often as one asks. */
static void next_address(void **state)
{
	struct sockaddr_in bad = { .sin_family = AF_INET }, good;
	struct addrinfo second = { .ai_family = AF_INET,
				   .ai_socktype = SOCK_STREAM,
				   .ai_addr = (struct sockaddr *)&good,
				   .ai_addrlen = sizeof good };
	struct addrinfo *was;
	char err[TRANSPORT_ERR_MAX];
	struct host_port hp, gone;
	int l = listen_on(&hp, "127.0.0.1:0"), r;
	struct dial d;

	(void)state;
	close(listen_on(&gone, "127.0.0.1:0"));
	assert_int_equal(dial_start(&d, &gone, err), 0);
	bad.sin_port = htons(gone.port);
	good = bad;
	good.sin_port = htons(hp.port);
	good.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	was = d.list->ai_next;
	d.list->ai_next = &second;
	for (int i = 0; (r = dial_step(&d, err)) == 0 && i < 100; i++)
		poll(NULL, 0, 10);
	assert_int_equal(r, 1);
	assert_int_equal(dial_next(&d, err), -1);
	assert_non_null(strstr(err, ": Connection timed out"));
	assert_int_equal(dial_step(&d, err), -1);
	assert_int_equal(dial_take(&d), -1);
	d.list->ai_next = was;
	dial_end(&d);
	dial_end(&d);
	close(l);
}

static void bytes(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	static const uint8_t zero[16];
	struct sockaddr_storage a;
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(443) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(80),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	uint8_t ip[16];
	uint16_t port;

	(void)state;
	memset(&a, 0, sizeof a);
	in.sin_addr.s_addr = htonl(0xc0000201);
	memcpy(&a, &in, sizeof in);
	address_bytes(ip, &port, &a);
	assert_memory_equal(ip, v4, 16);
	assert_int_equal(port, 443);
	memcpy(&a, &in6, sizeof in6);
	address_bytes(ip, &port, &a);
	assert_memory_equal(ip, &in6.sin6_addr, 16);
	assert_int_equal(port, 80);
	memset(&a, 0, sizeof a);
	address_bytes(ip, &port, &a);
	assert_memory_equal(ip, zero, 16);
	assert_int_equal(port, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "IPv4", ipv4, 0, 0, 0 },
		{ "IPv6, and IPv4 through [::]", ipv6, 0, 0, 0 },
		{ "names", names, 0, 0, 0 },
		{ "refused: host and port are named", refused, 0, 0, 0 },
		{ "a name that is not known", unknown_name, 0, 0, 0 },
		{ "a port in use", in_use, 0, 0, 0 },
		{ "nobody answers", time_out, 0, 0, 0 },
		{ "the next address is tried", next_address, 0, 0, 0 },
		{ "addresses as DERP writes them", bytes, 0, 0, 0 },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
