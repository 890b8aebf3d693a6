/* capfile_in.h - what capfile.c and pcapng.c share. */
#ifndef CAPTURE_CAPFILE_IN_H
#define CAPTURE_CAPFILE_IN_H

#include "capfile.h"

#define CAPFILE_NG_SECTION 0x0a0d0d0au /* the same in both byte orders */

int capfile_fail(struct capfile *f, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
uint32_t capfile_u16(const struct capfile *f, const uint8_t *p);
uint32_t capfile_u32(const struct capfile *f, const uint8_t *p);
int capfile_need(struct capfile *f, size_t n);
void capfile_take(struct capfile *f, size_t n);
int capfile_skip(struct capfile *f, uint64_t n);
int capfile_over(struct capfile *f);
struct capfile_iface *capfile_add_iface(struct capfile *f);

int capfile_next_ng(struct capfile *f, struct capture_packet *p);

#endif
