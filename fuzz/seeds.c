/*
 * seeds.c - the DERP streams of a capture, one file for each direction.
 *
 *   seeds CAPTURE DIR  -->  DIR/1.c2s  DIR/1.s2c  DIR/2.c2s ...
 *
 * `make corpus` makes fuzz seeds of them.  Only frames that are whole in the
 * capture are written, so a file is a stream that a reader can read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"

static const char *dir;

static int fail(const char *path)
{
	fprintf(stderr, "seeds: %s: %s\n", path, strerror(errno));
	return 1;
}

static int append(const char *path, const struct derp_frame *f)
{
	uint8_t head[DERP_HEAD_LEN];
	FILE *file = fopen(path, "ab");
	int bad;

	if (file == NULL)
		return fail(path);
	derp_head_build(head, f->type, f->len);
	bad = fwrite(head, sizeof(head), 1, file) != 1 ||
	      fwrite(f->body, 1, f->len, file) != f->len;
	bad |= fclose(file) != 0;
	return bad ? fail(path) : 0;
}

static int event(void *ctx, const struct capture_event *e)
{
	char path[4096];
	int n;

	(void)ctx;
	if (e->what != CAPTURE_FRAME || e->frame->have != e->frame->len)
		return 0;
	n = snprintf(path, sizeof(path), "%s/%u.%s", dir, e->flow->id,
		     e->dir == CAPTURE_C2S ? "c2s" : "s2c");
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return fail(dir);
	}
	return append(path, e->frame);
}

int main(int argc, char **argv)
{
	struct capture *c;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: seeds CAPTURE DIR\n");
		return 2;
	}
	dir = argv[2];
	c = capture_new(event, NULL, NULL);
	if (c == NULL) {
		fprintf(stderr, "seeds: out of memory\n");
		return 5;
	}
	err = capture_read_file(c, argv[1]);
	if (err != 0)
		fprintf(stderr, "seeds: %s\n", capture_error(c));
	capture_free(c);
	return err == 0 ? 0 : 3;
}
