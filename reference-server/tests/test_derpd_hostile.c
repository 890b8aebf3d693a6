/*
 * test_derpd_hostile.c - what a crowd that leaves at once costs, and a log that
 * nobody reads.
 */
#include "live.h"

#ifdef __linux__
#include <linux/tcp.h>
#include <netinet/in.h>
#endif

/* Segments with data that came in. */
static unsigned segments(const struct conn *c)
{
#ifdef __linux__
	struct tcp_info info;
	socklen_t len = sizeof info;

	memset(&info, 0, sizeof info);
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return info.tcpi_data_segs_in;
#endif
	(void)c;
	return 0;
}

/* One writev() for all that one turn has for a connection, also when the news
 * is that many have left: with a write for each departure, 200 that leave 1000
 * would hold up everybody for a second. */
static void crowd_leaves(void **state)
{
	enum { NUM = 60 };
	struct live_server s;
	struct conn *a[NUM], *b;
	struct derp_frame f;
	unsigned before;

	(void)state;
	live_start(&s, NULL, 0);
	b = conn_login(&s);
	for (int i = 0; i < NUM; i++) {
		a[i] = conn_login(&s);
		conn_packet(a[i], b->pub, "hi", 2);
		conn_expect_packet(b, a[i]->pub, "hi", 2);
	}
	before = segments(b);
	kill(s.pid, SIGSTOP);
	for (int i = 0; i < NUM; i++)
		conn_close(a[i]);
	kill(s.pid, SIGCONT);
	for (int i = 0; i < NUM; i++)
		conn_expect(b, DERP_PEER_GONE, &f);
	assert_in_range(segments(b) - before, 0, NUM / 10);
	conn_ping(b);
	conn_close(b);
	live_stop(&s);
}

/* The writing end of a pipe that holds no byte more, and whose reader never
 * reads. */
static int full_pipe(int *reader)
{
	static const char bytes[4096];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	while (write(fds[1], bytes, sizeof bytes) > 0)
		;
	while (write(fds[1], bytes, 1) > 0)
		;
	assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
	*reader = fds[0];
	return fds[1];
}

static void log_is_not_read(void **state)
{
	struct live_server s;
	struct conn *c;
	int reader, full = full_pipe(&reader), saved = dup(2);

	(void)state;
	assert_true(saved >= 0);
	setenv("DERPD_TEST_LOG", "1", 1); /* it inherits our stderr */
	dup2(full, 2);
	live_start(&s, NULL, 0);
	dup2(saved, 2);
	unsetenv("DERPD_TEST_LOG");
	for (int i = 0; i < 5; i++) {
		c = conn_login(&s);
		conn_ping(c);
		conn_close(c);
	}
	live_stop(&s);
	close(saved);
	close(full);
	close(reader);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "who leaves together is one write to each neighbour",
		  crowd_leaves, 0, 0, 0 },
		{ "a log that nobody reads stops nothing", log_is_not_read, 0,
		  0, 0 },
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
