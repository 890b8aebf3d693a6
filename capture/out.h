/*
 * out.h - buffered text for the terminal and for pipes.
 *
 * Numbers, hex and padding without printf: one line per frame is the inner
 * loop of derpdump.  Text that comes from a capture goes through out_quoted()
 * only, which lets printable ASCII pass and nothing else.
 */
#ifndef CAPTURE_OUT_H
#define CAPTURE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"

#define OUT_LEN 65536u

struct out {
	int fd;
	int err; /* errno of the first write that failed; then all is lost */
	size_t len;
	size_t line; /* where the current line began, for out_pad() */
	char buf[OUT_LEN];
};

void out_init(struct out *o, int fd);
void out_flush(struct out *o);

void out_bytes(struct out *o, const void *bytes, size_t len);
void out_str(struct out *o, const char *s);
void out_char(struct out *o, char c);
void out_number(struct out *o, uint64_t v);
/* Right-aligned in width; at least digits of them, with zeros. */
void out_number_in(struct out *o, uint64_t v, unsigned width, unsigned digits);
void out_hex(struct out *o, const uint8_t *p, size_t len);
void out_hex32(struct out *o, uint32_t v); /* 0x... */
/* s, then blanks up to width. */
void out_padded(struct out *o, const char *s, size_t width);
void out_quoted(struct out *o, const void *text, size_t len);
/* For a word without quotes: as quoted, blanks too. */
void out_escaped(struct out *o, const void *text, size_t len);
void out_addr(struct out *o, const struct capture_addr *a);
void out_key(struct out *o, const uint8_t *key);  /* [SbsJn] */
void out_node(struct out *o, const uint8_t *key); /* nodekey:... */

enum out_time { OUT_WALL, OUT_EPOCH, OUT_RELATIVE, OUT_DATE };

void out_time(struct out *o, enum out_time form, int64_t ns, int digits,
	      int64_t first_ns);

#endif
