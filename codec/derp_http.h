/*
 * derp_http.h - the HTTP/1.1 text that opens a DERP connection.
 *
 *   GET /derp HTTP/1.1         HTTP/1.1 101 Switching Protocols
 *   Host: example.net          Upgrade: DERP
 *   Connection: Upgrade        Connection: Upgrade
 *   Upgrade: DERP              Derp-Version: 2
 *   [Derp-Fast-Start: 1]       Derp-Public-Key: <64 hex>
 *
 * One head reader for requests and responses, used by server, client, suite,
 * decoder and fuzzers.  The caller collects bytes in a buffer of its own and
 * shows it from the start at every call; the reader goes on where it stopped,
 * so a head that dribbles in costs no more than one that comes whole.
 * Contract: derp.h.
 */
#ifndef DERP_HTTP_H
#define DERP_HTTP_H

#include <stdbool.h>

#include "derp.h"

#define DERP_HTTP_MAX 16384 /* bytes of a head, blank line included */

struct derp_text {
	const uint8_t *at;
	size_t len;
}; /* borrowed */

struct derp_http_head {
	struct derp_text method, target; /* of a request */
	uint32_t minor;                  /* HTTP/1.minor */
	uint32_t status;                 /* of a response */
	struct derp_text reason;
	struct derp_text fields; /* the header lines, for derp_http_field() */
	size_t len;              /* of the whole head; what follows is DERP */
};

/* Private state of one head.  Zero it to begin. */
struct derp_http_reader {
	size_t line, scanned;
	uint32_t lines;
	int err;
};

/* 1 and *h: the head is complete in buf[len]; another call gives the same.
 * 0: more bytes are needed.  DERP_E_HTTP: it is malformed.  DERP_E_LIMIT: it
 * exceeds DERP_HTTP_MAX.  Errors repeat.  As the reference: lines may end in
 * LF alone, and a line that begins with a blank goes on with the field before
 * it (obsolete folding); a control byte, a blank before the colon, an empty
 * name, an empty line in front of the first are malformed.  Only HTTP/1.x is
 * read; Host and the like are for the caller to judge. */
int derp_http_read_request(struct derp_http_reader *r, struct derp_http_head *h,
			   const uint8_t *buf, size_t len);
int derp_http_read_response(struct derp_http_reader *r,
			    struct derp_http_head *h, const uint8_t *buf,
			    size_t len);

/* The first field of that name (any case), blanks and line ends around the
 * value trimmed.  A value that was folded in its middle still holds the fold.
 * false if there is none.  *from, if not NULL, is where to search on: zero it
 * first, and each call gives the next field of that name. */
bool derp_http_field(const struct derp_http_head *h, const char *name,
		     struct derp_text *value, size_t *from);
/* Compare a text, trimmed as above, with a word, ASCII letters in any case. */
bool derp_text_is(const struct derp_text *t, const char *word);

struct derp_http_upgrade {
	const char *host, *path; /* "example.net:443", "/derp" */
	bool fast_start;         /* DERP-HTTP-*: no 101 wanted */
	const char *ideal_node;  /* NULL: none */
	const char *user_agent;  /* NULL: none */
};

/* In the reference's order.  DERP_E_VALUE: a value would break out of its
 * place: controls anywhere, blanks in host or path, a path without a slash
 * in front. */
int derp_http_write_upgrade(const struct derp_http_upgrade *u, uint8_t *out,
			    size_t cap, size_t *n);
/* The 101 of the reference, byte for byte. */
int derp_http_write_101(uint8_t *out, size_t cap, size_t *n,
			const uint8_t key[DERP_KEY_LEN]);
/* Any other answer: status line, Content-Type and Content-Length for body,
 * then the extra header lines as given (each with CR LF), then body.  extra
 * and body may be NULL; without a body Content-Length is 0.  A 1xx, 204 or
 * 304 has neither.  DERP_E_VALUE: such a status with a body, a status that
 * is not 100..999, extra that is not whole lines. */
int derp_http_write_status(uint8_t *out, size_t cap, size_t *n, uint32_t status,
			   const char *extra, const char *body);

#endif
