/*
 * upgrade.h - what to answer to an HTTP request.
 */
#ifndef DERPD_UPGRADE_H
#define DERPD_UPGRADE_H

#include "derp_http.h"

enum upgrade_verdict {
	UPGRADE_DERP,  /* answer, then DERP; Fast-Start: answer is empty */
	UPGRADE_NEXT,  /* answer, then the next request */
	UPGRADE_CLOSE, /* answer, then the end */
};

struct upgrade {
	enum upgrade_verdict verdict;
	bool not_ideal; /* DERP-PRESENT-5 */
	size_t len;
	uint8_t answer[512];
};

void upgrade_judge(struct upgrade *u, const struct derp_http_head *h,
		   const uint8_t server_key[DERP_KEY_LEN]);
/* The answer to a head that derp_http_read_request() refused. */
void upgrade_refuse(struct upgrade *u, int err);

#endif
