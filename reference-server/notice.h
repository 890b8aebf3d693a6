/*
 * notice.h - PeerGone and PeerPresent, and how often they may be sent.
 */
#ifndef DERPD_NOTICE_H
#define DERPD_NOTICE_H

#include "relay.h"

#define GONE_DISCONNECTED 0
#define GONE_NOT_HERE 1

/* Put a control frame into m's outbox; one that does not fit ends m, which
 * would be wrong about its peers for ever after. */
void notice_frame(struct relay *r, struct member *m, const uint8_t *frame,
		  size_t len);
void notice_gone(struct relay *r, struct member *m,
		 const uint8_t key[DERP_KEY_LEN], int reason);
/* The same with NotHere, as far as the rate allows (DERP-GONE-4). */
void notice_not_here(struct relay *r, struct member *m,
		     const uint8_t key[DERP_KEY_LEN]);
void notice_present(struct relay *r, struct member *m,
		    const struct member *about);
/* Does the packet look like a disco message (DERP-GONE-2)? */
bool notice_is_disco(const uint8_t *data, size_t len);

#endif
