/*
 * read_keylog.c - key log files into a struct capture.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow.h"

static int fail(struct capture *c, int err, const char *name, const char *what,
		const char *why)
{
	snprintf(c->error, sizeof(c->error), "%s: %s%s", name, what, why);
	return err;
}

/* An empty log is one that waits for its first connection. */
static int finish(struct capture *c, const char *name, uint64_t lines,
		  uint64_t passed_over)
{
	if (keylog_end(&c->keylog) < 0)
		return fail(c, CAPTURE_E_MEMORY, name, "out of memory", "");
	if (c->keylog.lines == lines && c->keylog.passed_over > passed_over)
		return fail(c, CAPTURE_E_FORMAT, name, "no TLS secrets in it: ",
			    "a key log has lines like CLIENT_RANDOM");
	return 0;
}

int capture_keylog_memory(struct capture *c, const void *bytes, size_t len,
			  const char *name)
{
	uint64_t lines = c->keylog.lines, over = c->keylog.passed_over;

	if (keylog_add(&c->keylog, bytes, len) < 0)
		return fail(c, CAPTURE_E_MEMORY, name, "out of memory", "");
	return finish(c, name, lines, over);
}

static int read_fd(struct capture *c, int fd, const char *path)
{
	uint64_t lines = c->keylog.lines, over = c->keylog.passed_over;
	char buf[4096];
	ssize_t n;
	int ret = 0;

	do {
		n = read(fd, buf, sizeof(buf));
		if (n > 0 && keylog_add(&c->keylog, buf, (size_t)n) < 0)
			ret = fail(c, CAPTURE_E_MEMORY, path, "out of memory",
				   "");
	} while (ret == 0 && (n > 0 || (n < 0 && errno == EINTR)));
	sodium_memzero(buf, sizeof(buf));
	if (n < 0)
		return fail(c, CAPTURE_E_OPEN, path,
			    "cannot read: ", strerror(errno));
	return ret == 0 ? finish(c, path, lines, over) : ret;
}

int capture_keylog_file(struct capture *c, const char *path)
{
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(c, CAPTURE_E_OPEN, path,
			    "cannot open: ", strerror(errno));
	ret = read_fd(c, fd, path);
	close(fd);
	return ret;
}
