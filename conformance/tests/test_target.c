/*
 * test_target.c - derpspec run against targets that are no DERP server.
 *
 *   this test --> listens, and answers as a row says   <-- derpspec
 *
 * Whatever comes: exit status 3, one line, no report that looks like success.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "program.h"

struct liar {
	const char *name;
	const char *answer; /* to each connection; NULL: none */
	size_t len;         /* of it */
	bool listens, closes;
	const char *says;
};

static int listen_on(unsigned *port, bool listens)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	if (listens)
		assert_int_equal(listen(fd, 64), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* The child never ends by itself; its parent ends it. */
static pid_t serve(const struct liar *l, int fd)
{
	char waste[4096];
	pid_t pid = fork();
	int c;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	alarm(PATIENCE_MS / 1000);
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		if (!l->closes && recv(c, waste, sizeof(waste), 0) < 0)
			continue;
		if (l->answer != NULL &&
		    send(c, l->answer, l->len, MSG_NOSIGNAL) < 0)
			continue;
		if (l->closes)
			close(c);
	}
	_exit(0);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define TEXT(s) s, sizeof(s) - 1

static struct liar liars[] = {
	{ "refused", NULL, 0, false, false, "efused" },
	{ "silent", NULL, 0, true, false, "nothing in 300 ms" },
	{ "closes", NULL, 0, true, true, "" },
	{ "garbage", TEXT("\xde\xad\xbe\xef\x1b[2J\0\0\0\0 garbage\r\n"), true,
	  false, "" },
	{ "ssh", TEXT("SSH-2.0-OpenSSH_9.2\r\n"), true, false, "" },
	{ "not-found",
	  TEXT("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), true,
	  false, "404" },
	{ "evil-status", TEXT("HTTP/1.1 500 \x1b]0;evil\x07\r\n\r\n"), true,
	  false, "neither HTTP nor DERP" },
	{ "half-a-head", TEXT("HTTP/1.1 101 Switching Pro"), true, false, "" },
	{ "head-without-end", TEXT("HTTP/1.1 101 Switching Protocols\r\n"),
	  true, true, "" },
	{ "upgrade-and-silence",
	  TEXT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"
	       "Connection: Upgrade\r\n\r\n"),
	  true, false, "" },
	{ "upgrade-and-wrong-magic",
	  TEXT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"
	       "Connection: Upgrade\r\n\r\n\x01\0\0\0\x28"
	       "DERPDERP0123456789012345678901234567890123456789"),
	  true, false, "" },
	{ "upgrade-and-huge-frame",
	  TEXT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"
	       "Connection: Upgrade\r\n\r\n\x01\xff\xff\xff\xff"),
	  true, false, "" },
};

static void is_told_in_one_line(void **state)
{
	const struct liar *l = *state;
	char place[64];
	unsigned port;
	int fd = listen_on(&port, l->listens);
	pid_t pid = serve(l, fd);
	char words[256];

	snprintf(words, sizeof(words),
		 "-h 127.0.0.1 -p PORT -o 0.3 --json %s/r.json", tmp);
	run(words, port);
	stop(pid);
	close(fd);
	expect(3);
	assert_string_equal(got.out, "");
	one_line(got.err);
	snprintf(place, sizeof(place),
		 "derpspec: cannot log in to 127.0.0.1:%u: ", port);
	says(got.err, place);
	says(got.err, l->says);
	says(got.err, "are -h, -p and --path right?");
	for (const char *p = got.err; p[1] != '\0'; p++)
		assert_in_range((unsigned char)*p, 0x20, 0x7e);
	says(report("r.json"), "\"complete\":false");
}

#define NUM(a) (sizeof(a) / sizeof(*(a)))

int main(void)
{
	struct CMUnitTest tests[NUM(liars)];

	for (size_t i = 0; i < NUM(liars); i++)
		tests[i] =
			(struct CMUnitTest){ .name = liars[i].name,
					     .test_func = is_told_in_one_line,
					     .initial_state = &liars[i] };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
