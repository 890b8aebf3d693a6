/*
 * capfile.h - packets out of a pcap or pcapng file, one at a time.
 *
 * Reads forward only, so a pipe will do, in one buffer of fixed size.  Classic
 * pcap in both byte orders, micro- and nanoseconds; pcapng with any number of
 * sections, byte orders, interfaces, link types and time units.  Blocks that
 * carry no packets are passed over.
 */
#ifndef CAPTURE_CAPFILE_H
#define CAPTURE_CAPFILE_H

#include <sys/types.h>

#include "capture.h"

#define CAPFILE_PACKET_MAX 262144u /* captured bytes; as libpcap */
#define CAPFILE_IFACES_MAX 4096u   /* of one section */

struct capfile_iface {
	uint32_t link, snaplen;
	uint64_t units;  /* in a second */
	int32_t shift;   /* units are 1 << shift in a second; -1: decimal */
	int32_t digits;  /* of the fraction that we print */
	int64_t epoch_s; /* added to all times */
};

/* The fields are private, except idle, ctx, cut and error. */
struct capfile {
	int fd; /* -1: memory */
	const char *name;
	void (*idle)(void *ctx); /* may be NULL: see capture_set_idle() */
	void *ctx;
	/* TLS secrets in pcapng, may be NULL: a key log, whole. */
	int (*secrets)(void *ctx, const uint8_t *bytes, size_t len);
	void *secrets_ctx;
	uint8_t *own;        /* buffer, NULL for memory */
	const uint8_t *data; /* what is in view: own, or the memory */
	size_t at, end;      /* of data */
	uint64_t pos;        /* of data[at] in the file */
	uint64_t num;        /* packets given */
	bool eof;
	bool cut; /* the file ends inside a packet or block */
	bool big; /* byte order of the section */
	bool ng;  /* pcapng */
	int64_t last_ns;
	struct capfile_iface *ifaces;
	uint32_t num_ifaces, cap_ifaces;
	int err; /* sticks */
	char error[200];
};

/* name is borrowed until free.  Exactly one of fd and bytes. */
int capfile_init_fd(struct capfile *f, int fd, const char *name);
int capfile_init_memory(struct capfile *f, const void *bytes, size_t len,
			const char *name);
void capfile_free(struct capfile *f);

/* 1: *p is the next packet, its bytes borrowed until the next call.  0: the
 * file is over (f->cut says how).  Negative: enum capture_err, f->error. */
int capfile_next(struct capfile *f, struct capture_packet *p);

#endif
