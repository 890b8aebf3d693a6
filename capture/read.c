/*
 * read.c - whole capture files into a struct capture.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capfile.h"
#include "flow.h"

static void tell_cut(struct capture *c, const char *text)
{
	struct capture_event e;

	event_init(&e, c, NULL, -1, CAPTURE_TRUNCATED);
	e.text = text;
	event_tell(c, &e);
}

/* Packets of a link type that we do not read: told once, and only beside
 * others that are read; alone they are an error. */
struct links {
	uint64_t known, unknown;
	uint32_t link; /* the first unknown one */
	bool told;
};

static void note_links(struct capture *c, struct links *l)
{
	struct capture_event e;
	char text[80];

	if (l->told || l->unknown == 0 || l->known == 0)
		return;
	l->told = true;
	snprintf(text, sizeof(text),
		 "link type %u is not read: its packets are passed over",
		 l->link);
	event_init(&e, c, NULL, -1, CAPTURE_NOTE);
	e.text = text;
	event_tell(c, &e);
}

static int unknown_link(struct capture *c, const struct capfile *f,
			const struct links *l)
{
	snprintf(c->error, sizeof(c->error),
		 "%s: link type %u is not read: capture on Ethernet, "
		 "loopback, \"any\" or raw IP",
		 f->name, l->link);
	return CAPTURE_E_LINK;
}

/* 0 at the end of the file. */
static int read_packets(struct capture *c, struct capfile *f, struct links *l)
{
	struct capture_packet p;
	int ret;

	while ((ret = capfile_next(f, &p)) == 1) {
		ret = capture_packet(c, &p);
		if (ret == CAPTURE_E_LINK) {
			if (l->unknown++ == 0)
				l->link = p.link;
			c->error[0] = '\0'; /* no error beside others */
		} else if (ret < 0) {
			return ret;
		} else {
			l->known++;
		}
		note_links(c, l);
	}
	if (ret < 0)
		snprintf(c->error, sizeof(c->error), "%s", f->error);
	return ret;
}

/* capfile.h: what a pcapng file knows. */
static int add_secrets(void *ctx, const uint8_t *bytes, size_t len)
{
	struct capture *c = ctx;

	if (keylog_add(&c->keylog, bytes, len) < 0)
		return -1;
	return keylog_end(&c->keylog);
}

static int read_all(struct capture *c, struct capfile *f)
{
	struct links l = { 0 };
	int ret, end;

	f->secrets = add_secrets;
	f->secrets_ctx = c;
	ret = read_packets(c, f, &l);
	if (ret == CAPTURE_E_STOPPED || ret == CAPTURE_E_MEMORY)
		return ret;
	if (l.known == 0 && l.unknown > 0)
		return unknown_link(c, f, &l);
	if (ret < 0 && c->counts.packets == 0)
		return ret;
	if (f->cut)
		tell_cut(c, "the file ends inside a packet");
	/* A damaged file is read up to the damage. */
	end = capture_end(c);
	if (ret < 0)
		snprintf(c->error, sizeof(c->error), "%s", f->error);
	return ret < 0 ? ret : end;
}

int capture_read_fd(struct capture *c, int fd, const char *name)
{
	struct capfile f;
	int ret;

	ret = capfile_init_fd(&f, fd, name);
	f.idle = c->idle;
	f.ctx = c->ctx;
	if (ret == 0)
		ret = read_all(c, &f);
	else
		snprintf(c->error, sizeof(c->error), "%s", f.error);
	capfile_free(&f);
	return ret;
}

int capture_read_memory(struct capture *c, const void *bytes, size_t len,
			const char *name)
{
	struct capfile f;
	int ret;

	capfile_init_memory(&f, bytes, len, name);
	ret = read_all(c, &f);
	capfile_free(&f);
	return ret;
}

int capture_read_file(struct capture *c, const char *path)
{
	int fd, ret;

	if (strcmp(path, "-") == 0)
		return capture_read_fd(c, STDIN_FILENO, "standard input");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(c->error, sizeof(c->error), "%s: cannot open: %s",
			 path, strerror(errno));
		return CAPTURE_E_OPEN;
	}
	ret = capture_read_fd(c, fd, path);
	close(fd);
	return ret;
}
