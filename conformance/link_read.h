/*
 * link_read.h - between link.c (the socket) and link_read.c (what the bytes
 * mean).  Private to the two.
 */
#ifndef LINK_READ_H
#define LINK_READ_H

#include "link.h"

/* link.c: the last event; closes the socket. */
void link_end(struct link *l, enum link_how how, int error);

/* link_read.c */
/* A new event at the end, with room for a body; NULL: the link has ended for
 * want of memory. */
struct link_event *link_add_event(struct link *l, enum link_event_kind kind,
				  size_t body);
void link_input(struct link *l, const uint8_t *bytes, size_t len);
void link_input_end(struct link *l); /* the peer has closed */
bool link_in_frame(const struct link *l);
void link_input_free(struct link *l);

#endif
