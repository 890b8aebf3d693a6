/*
 * derp_ws.h - DERP over WebSocket (RFC 6455), both ends of it.
 *
 *   HTTP upgrade, subprotocol "derp"
 *   message: one frame or several, control frames between them
 *     frame: head 2..14, payload; masked when a client sends it
 *   the payloads of all binary messages, one after the other: DERP
 *
 * Messages bear no relation to DERP frames (DERP-FRAME-2): what the reader
 * here shows piece by piece goes to a derp_reader as it comes.  Contract:
 * derp.h.
 */
#ifndef DERP_WS_H
#define DERP_WS_H

#include "derp_http.h"

#define DERP_WS_RANDOM_LEN 16 /* behind a Sec-WebSocket-Key */
#define DERP_WS_KEY_LEN 24    /* its base64 */
#define DERP_WS_ACCEPT_LEN 28
#define DERP_WS_MASK_LEN 4
#define DERP_WS_HEAD_MAX 14
#define DERP_WS_CONTROL_MAX 125u /* payload of Close, Ping, Pong */
/* What derper takes in one message; it sends longer ones. */
#define DERP_WS_MESSAGE_MAX 32768u

enum derp_ws_op {
	DERP_WS_CONTINUE = 0,
	DERP_WS_TEXT = 1,
	DERP_WS_BINARY = 2,
	DERP_WS_CLOSE = 8,
	DERP_WS_PING = 9,
	DERP_WS_PONG = 10,
};

/* Status codes of a Close that DERP has a use for. */
enum derp_ws_code {
	DERP_WS_NORMAL = 1000,
	DERP_WS_AWAY = 1001,
	DERP_WS_PROTOCOL = 1002,
	DERP_WS_DATA = 1003, /* a text message */
	DERP_WS_UTF8 = 1007,
	DERP_WS_POLICY = 1008, /* the subprotocol is not derp */
	DERP_WS_TOO_BIG = 1009,
};

/* ---- the upgrade ----------------------------------------------------- */

/* Sec-WebSocket-Key from random bytes, and the answer to a key. */
void derp_ws_key(uint8_t key[DERP_WS_KEY_LEN],
		 const uint8_t random[DERP_WS_RANDOM_LEN]);
void derp_ws_accept(uint8_t accept[DERP_WS_ACCEPT_LEN],
		    const uint8_t key[DERP_WS_KEY_LEN]);

struct derp_ws_request {
	const char *host, *path;
	const char *origin;     /* NULL: none, as programs do */
	const char *user_agent; /* NULL: none */
	const uint8_t *key;     /* DERP_WS_KEY_LEN bytes */
};

/* DERP_E_VALUE as for derp_http_write_upgrade(). */
int derp_ws_write_request(const struct derp_ws_request *r, uint8_t *out,
			  size_t cap, size_t *n);

struct derp_ws_offer {
	/* The client speaks derp.  Otherwise: the 101, then a Close with
	 * DERP_WS_POLICY. */
	bool derp;
	uint8_t accept[DERP_WS_ACCEPT_LEN];
};

/* Judge a request: 101 and *o; or 400, 405 or 426, which is the status to
 * answer with; or 0: it asks for no WebSocket, and what it does ask for is
 * raw DERP if its Upgrade says derp or websocket.  As the reference, a
 * request is for a WebSocket when its first Upgrade is websocket and its
 * first Sec-WebSocket-Protocol has "derp" anywhere in it. */
int derp_ws_judge_request(const struct derp_http_head *h,
			  struct derp_ws_offer *o);
int derp_ws_write_101(const struct derp_ws_offer *o, uint8_t *out, size_t cap,
		      size_t *n);
/* Judge the answer to key.  DERP_E_HTTP: not a 101.  DERP_E_VALUE: not the
 * answer to this request, or an extension or a subprotocol that it did not
 * offer. */
int derp_ws_judge_response(const struct derp_http_head *h,
			   const uint8_t key[DERP_WS_KEY_LEN]);

/* ---- frames: writing ------------------------------------------------- */

/* A frame's header, field by field, legal or not. */
struct derp_ws_head {
	bool fin;
	uint32_t rsv; /* 0..7; RSV1 is 4 */
	uint32_t op;  /* 0..15 */
	bool masked;
	uint8_t mask[DERP_WS_MASK_LEN];
	uint32_t len_bytes; /* 1, 2 or 8 bytes hold len; 0: as few as do */
	uint64_t len;
};

/* DERP_E_VALUE: a field does not fit its bits. */
int derp_ws_head_build(const struct derp_ws_head *h,
		       uint8_t out[DERP_WS_HEAD_MAX], size_t *n);
/* 1, *h and *n bytes of header; or 0: more bytes are needed.  Any header can
 * be read, legal or not; len_bytes is what was used. */
int derp_ws_head_parse(struct derp_ws_head *h, const uint8_t *in, size_t len,
		       size_t *n);
/* Mask or unmask buf[len], which lies at offset at of the payload. */
void derp_ws_mask(uint8_t *buf, size_t len,
		  const uint8_t mask[DERP_WS_MASK_LEN], uint64_t at);

/* One whole frame.  mask is NULL on the server's side; a client draws a new
 * one for each frame. */
int derp_ws_build(uint8_t *out, size_t cap, size_t *n, enum derp_ws_op op,
		  const uint8_t *mask, const uint8_t *payload, size_t len);
/* A Close with a code, without a reason. */
int derp_ws_close_build(uint8_t *out, size_t cap, size_t *n, uint32_t code,
			const uint8_t *mask);

/* ---- frames: reading ------------------------------------------------- */

/* Which end reads: what clients send is masked, what servers send is not. */
enum derp_ws_end { DERP_WS_SERVER, DERP_WS_CLIENT };

enum derp_ws_step {
	DERP_WS_NEED = 0, /* the input is used up */
	DERP_WS_PIECE,    /* at[len] of DERP, never empty */
	DERP_WS_CONTROL,  /* a whole Close, Ping or Pong with at[len] */
};

struct derp_ws_event {
	uint32_t op;       /* of the message or the control frame */
	const uint8_t *at; /* borrowed: PIECE, the input; CONTROL, the reader,
			      until the next call */
	size_t len;
};

/* Takes frames off a stream.  Plain data, private, like derp_reader. */
struct derp_ws_reader {
	enum derp_ws_end end;
	uint64_t max, total; /* of a message; what was announced so far */
	uint64_t got;        /* payload bytes of this frame */
	struct derp_ws_head head;
	uint32_t nhead;
	bool in_payload, in_message, closed;
	int err;
	uint32_t code;
	uint8_t raw[DERP_WS_HEAD_MAX];
	uint8_t control[DERP_WS_CONTROL_MAX];
};

/* max bounds a message, all its frames together. */
void derp_ws_reader_init(struct derp_ws_reader *r, enum derp_ws_end end,
			 uint64_t max);

/* Take bytes from *in, advancing *in and *len, and unmask them where they
 * are.  Returns an enum derp_ws_step, or an error, which then repeats.
 * DERP_E_VALUE: the frame breaks RFC 6455, down to the code of a Close and the
 * shortest form of a length.  DERP_E_TYPE: a text message.  DERP_E_LIMIT: a
 * message above max.  Each is told with the first byte that shows it.  After
 * a Close the rest of the stream is dropped, as the RFC asks. */
int derp_ws_reader_next(struct derp_ws_reader *r, uint8_t **in, size_t *len,
			struct derp_ws_event *e);

/* The code for the Close that answers: to an error its own, to a Close the
 * same, or 1000 if it has none; 0 while there is nothing to close for. */
uint32_t derp_ws_reader_code(const struct derp_ws_reader *r);

/* The stream ended: 0 after a Close, DERP_E_EOF otherwise, or the error that
 * stuck. */
int derp_ws_reader_end(const struct derp_ws_reader *r);

#endif
