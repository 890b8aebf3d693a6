/*
 * capfile.c - the input of a capture file: buffer, errors, classic pcap.
 *
 *   read() --> own[ ....|at=======end| ]
 *
 * need(n) makes n bytes contiguous at data[at] or says that the file is over.
 * Lengths in the file are judged against fixed limits before they are used,
 * so no length makes us read or allocate more than the buffer.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capfile_in.h"

#define OWN_LEN ((size_t)1 << 20)

static const uint32_t magic_us = 0xa1b2c3d4, magic_ns = 0xa1b23c4d;

int capfile_fail(struct capfile *f, int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(f->error, sizeof(f->error), "%s: ", f->name);
	if (n < 0 || (size_t)n >= sizeof(f->error))
		n = 0; /* a name that long says nothing */
	va_start(ap, fmt);
	vsnprintf(f->error + n, sizeof(f->error) - (size_t)n, fmt, ap);
	va_end(ap);
	f->err = err;
	return err;
}

uint32_t capfile_u16(const struct capfile *f, const uint8_t *p)
{
	return f->big ? 0x100u * p[0] + p[1] : 0x100u * p[1] + p[0];
}

uint32_t capfile_u32(const struct capfile *f, const uint8_t *p)
{
	if (f->big)
		return 0x10000u * capfile_u16(f, p) + capfile_u16(f, p + 2);
	return 0x10000u * capfile_u16(f, p + 2) + capfile_u16(f, p);
}

static void tell_idle(const struct capfile *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };

	if (f->idle != NULL && poll(&p, 1, 0) == 0)
		f->idle(f->ctx);
}

static int fill(struct capfile *f)
{
	ssize_t n;

	if (f->at > 0) {
		memmove(f->own, f->own + f->at, f->end - f->at);
		f->end -= f->at;
		f->at = 0;
	}
	tell_idle(f);
	do
		n = read(f->fd, f->own + f->end, OWN_LEN - f->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return capfile_fail(f, CAPTURE_E_OPEN, "cannot read: %s",
				    strerror(errno));
	if (n == 0)
		f->eof = true;
	f->end += (size_t)n;
	return 0;
}

/* 1: n bytes are at data[at].  0: the file ends before.  n <= OWN_LEN. */
int capfile_need(struct capfile *f, size_t n)
{
	int ret;

	while (f->end - f->at < n) {
		if (f->eof)
			return 0;
		ret = fill(f);
		if (ret < 0)
			return ret;
	}
	return 1;
}

void capfile_take(struct capfile *f, size_t n)
{
	f->at += n;
	f->pos += n;
}

/* Pass over n bytes, however many. */
int capfile_skip(struct capfile *f, uint64_t n)
{
	int ret;

	while (n > f->end - f->at) {
		n -= f->end - f->at;
		capfile_take(f, f->end - f->at);
		ret = capfile_need(f, 1);
		if (ret <= 0)
			return ret;
	}
	capfile_take(f, (size_t)n);
	return 1;
}

/* The file is over: between packets, or inside one. */
int capfile_over(struct capfile *f)
{
	f->cut = f->end > f->at;
	return 0;
}

struct capfile_iface *capfile_add_iface(struct capfile *f)
{
	struct capfile_iface *more;
	uint32_t cap;

	if (f->num_ifaces == f->cap_ifaces) {
		cap = f->cap_ifaces == 0 ? 4 : 2 * f->cap_ifaces;
		more = realloc(f->ifaces, cap * sizeof(*more));
		if (more == NULL)
			return NULL;
		f->ifaces = more;
		f->cap_ifaces = cap;
	}
	more = &f->ifaces[f->num_ifaces++];
	memset(more, 0, sizeof(*more));
	more->units = 1000000;
	more->shift = -1;
	more->digits = 6;
	return more;
}

static void init(struct capfile *f, const char *name)
{
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->name = name;
}

int capfile_init_fd(struct capfile *f, int fd, const char *name)
{
	init(f, name);
	f->fd = fd;
	f->own = malloc(OWN_LEN);
	if (f->own == NULL)
		return capfile_fail(f, CAPTURE_E_MEMORY, "out of memory");
	f->data = f->own;
	return 0;
}

int capfile_init_memory(struct capfile *f, const void *bytes, size_t len,
			const char *name)
{
	init(f, name);
	f->data = bytes;
	f->end = len;
	f->eof = true;
	return 0;
}

void capfile_free(struct capfile *f)
{
	free(f->own);
	free(f->ifaces);
	f->own = NULL;
	f->ifaces = NULL;
}

/* ---- the beginning of the file ---------------------------------------- */

/* What people hand us by mistake deserves a better answer than "no". */
static int not_a_capture(struct capfile *f)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *hint;
	} known[] = {
		{ "\x1f\x8b", 2, "gzip data: unpack it with gunzip first" },
		{ "\x28\xb5\x2f\xfd", 4,
		  "zstd data: unpack it with unzstd first" },
		{ "\xfd"
		  "7zXZ",
		  5, "xz data: unpack it with unxz first" },
	};
	size_t i, have = f->end - f->at;

	if (have == 0)
		return capfile_fail(f, CAPTURE_E_FORMAT,
				    "empty: not a capture file");
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (have >= known[i].len &&
		    memcmp(f->data + f->at, known[i].magic, known[i].len) == 0)
			return capfile_fail(f, CAPTURE_E_FORMAT, "%s",
					    known[i].hint);
	return capfile_fail(f, CAPTURE_E_FORMAT,
			    "not a capture file: pcap or pcapng is needed");
}

static int begin_pcap(struct capfile *f, const uint8_t *p, bool ns)
{
	struct capfile_iface *iface;
	uint32_t major = capfile_u16(f, p + 4);

	if (major != 2)
		return capfile_fail(f, CAPTURE_E_FORMAT,
				    "pcap version %u is not known: 2 is needed",
				    major);
	iface = capfile_add_iface(f);
	if (iface == NULL)
		return capfile_fail(f, CAPTURE_E_MEMORY, "out of memory");
	/* The upper bits tell of a frame check sequence. */
	iface->link = capfile_u32(f, p + 20) & 0x03ffffff;
	if (ns) {
		iface->units = 1000000000;
		iface->digits = 9;
	}
	capfile_take(f, 24);
	return 1;
}

static int begin(struct capfile *f)
{
	const uint8_t *p;
	uint32_t magic;
	int ret, i;

	ret = capfile_need(f, 24);
	if (ret < 0)
		return ret;
	if (ret == 0) /* the shortest pcapng file is longer, too */
		return not_a_capture(f);
	p = f->data + f->at;
	for (i = 0; i < 2; i++) {
		f->big = i == 1;
		magic = capfile_u32(f, p);
		if (magic == magic_us || magic == magic_ns)
			return begin_pcap(f, p, magic == magic_ns);
	}
	if (magic == CAPFILE_NG_SECTION) {
		f->ng = true;
		return 1;
	}
	return not_a_capture(f);
}

/* ---- classic packets --------------------------------------------------- */

static int next_pcap(struct capfile *f, struct capture_packet *p)
{
	const struct capfile_iface *iface = &f->ifaces[0];
	const uint8_t *head;
	uint32_t len, wire, frac;
	int64_t sec;
	int ret;

	ret = capfile_need(f, 16);
	if (ret <= 0)
		return ret < 0 ? ret : capfile_over(f);
	head = f->data + f->at;
	sec = (int64_t)capfile_u32(f, head);
	frac = capfile_u32(f, head + 4);
	len = capfile_u32(f, head + 8);
	wire = capfile_u32(f, head + 12);
	if (len > CAPFILE_PACKET_MAX)
		return capfile_fail(f, CAPTURE_E_FORMAT,
				    "byte %llu: a packet of %u bytes: the file "
				    "is damaged from here on",
				    (unsigned long long)f->pos, len);
	ret = capfile_need(f, 16 + (size_t)len);
	if (ret <= 0)
		return ret < 0 ? ret : capfile_over(f);
	p->link = iface->link;
	p->ts_ns = sec * 1000000000 +
		   (int64_t)frac * (int64_t)(1000000000 / iface->units);
	p->ts_digits = iface->digits;
	p->bytes = f->data + f->at + 16;
	p->len = len;
	p->wire_len = wire < len ? len : wire;
	capfile_take(f, 16 + (size_t)len);
	return 1;
}

int capfile_next(struct capfile *f, struct capture_packet *p)
{
	int ret;

	if (f->err != 0)
		return f->err;
	if (f->pos == 0) {
		ret = begin(f);
		if (ret <= 0)
			return ret;
	}
	ret = f->ng ? capfile_next_ng(f, p) : next_pcap(f, p);
	if (ret == 1) {
		f->num++;
		f->last_ns = p->ts_ns;
	}
	return ret;
}
