/*
 * cli_record.c - keep what goes over the connections of a run, in files.
 *
 *   link_tap --> first bytes of each stream --> head cut off --> file
 *
 * A seed needs a beginning only; so a run cannot fill the disk.
 */
#include "cli_record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "link.h"

#define STREAM_MAX 32768 /* bytes of a stream that are kept */
#define STREAMS_MAX 20000

struct stream {
	uint8_t *bytes;
	size_t len;
};

static struct stream *streams; /* two of each connection */
static size_t num_streams;

static void tap(uint32_t serial, bool sent, const void *bytes, size_t len)
{
	size_t at = 2 * (size_t)serial + sent;
	struct stream *s, *more;

	if (at >= STREAMS_MAX)
		return;
	if (at >= num_streams) {
		more = realloc(streams, (at + 1) * sizeof(*more));
		if (more == NULL)
			return;
		memset(more + num_streams, 0,
		       (at + 1 - num_streams) * sizeof(*more));
		streams = more;
		num_streams = at + 1;
	}
	s = &streams[at];
	if (s->bytes == NULL)
		s->bytes = malloc(STREAM_MAX);
	if (s->bytes == NULL)
		return;
	if (len > STREAM_MAX - s->len)
		len = STREAM_MAX - s->len;
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
}

/* Requests and answers begin with a capital letter, no frame does. */
static size_t head_len(const struct stream *s)
{
	if (s->len == 0 || s->bytes[0] < 'A' || s->bytes[0] > 'Z')
		return 0;
	for (size_t i = 4; i <= s->len; i++) {
		if (memcmp(s->bytes + i - 4, "\r\n\r\n", 4) == 0)
			return i;
	}
	return s->len;
}

static int fail(const char *path)
{
	fprintf(stderr, "derpspec: cannot record to %s: %s\n", path,
		strerror(errno));
	return EXIT_OURS;
}

static int write_stream(const char *dir, size_t at)
{
	const struct stream *s = &streams[at];
	size_t head = head_len(s);
	char path[CLI_PATH_MAX];
	bool good;
	FILE *f;

	if (head == s->len)
		return 0;
	snprintf(path, sizeof(path), "%s/%05zu.%s", dir, at / 2,
		 at % 2 == 0 ? "s2c" : "c2s");
	f = fopen(path, "wb");
	if (f == NULL)
		return fail(path);
	good = fwrite(s->bytes + head, 1, s->len - head, f) == s->len - head;
	good = fclose(f) == 0 && good;
	return good ? 0 : fail(path);
}

int record_begin(const char *dir)
{
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		return fail(dir);
	link_tap = tap;
	return 0;
}

int record_end(const char *dir)
{
	int code = 0;

	link_tap = NULL;
	for (size_t i = 0; i < num_streams; i++) {
		if (code == 0)
			code = write_stream(dir, i);
		free(streams[i].bytes);
	}
	free(streams);
	streams = NULL;
	num_streams = 0;
	return code;
}
