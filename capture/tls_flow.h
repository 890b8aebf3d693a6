/*
 * tls_flow.h - a TLS connection that is read with secrets from a key log.
 *
 *   segments --> tls_record.c: records --> opened --> stream_data()
 *                                 |  \--> tls_hand.c: handshake messages
 *                                 |                   decide on keys
 *                 holes --> tls_sync.c: in step again, proved by a tag
 *
 * Both sides begin in the clear.  TLS 1.3 seals a side from the ServerHello
 * on, with handshake keys until its Finished; TLS 1.2 from its
 * ChangeCipherSpec on.
 */
#ifndef CAPTURE_TLS_FLOW_H
#define CAPTURE_TLS_FLOW_H

#include "flow.h"
#include "keylog.h"
#include "tls_hello.h"
#include "tls_seal.h"

#define TLS_MSG_MAX 65536u  /* longer messages are passed over */
#define TLS_WAIT_MAX 65536u /* of a client, for the ServerHello */
#define TLS_SKIP_MAX 256u   /* records to look past after a hole */

enum {
	TLS_CCS = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_DATA = 23,
};

struct tls_side {
	/* A record that is not whole; or what waits; or is looked through. */
	uint8_t *buf;
	uint32_t len, cap;
	bool waiting;   /* for the ServerHello */
	bool searching; /* for a record that opens */
	bool over;      /* nothing more is read */
	bool sealed;
	bool handshake; /* sealed with handshake keys */
	bool blind;     /* its handshake keys are not logged */
	bool opened;    /* a record was */
	uint32_t failed;
	uint64_t seq;
	struct seal seal;
	/* A record with a hole: its length with its head, what is still to
	 * come of it. */
	uint32_t record, left, type;
	enum capture_loss loss;
	/* Searching: bytes from the first record that is lost up to buf[0]. */
	uint64_t span;
	int64_t budget; /* bytes that may be tried in vain */
	/* Handshake messages. */
	uint8_t *msg;
	uint32_t msg_len, msg_cap, msg_skip;
};

struct tls_conn {
	bool hello;  /* of the client */
	bool chosen; /* ServerHello */
	bool tls13, early;
	bool giving;     /* text goes up: not to be taken for records */
	bool has_ticket; /* TLS 1.2 */
	uint8_t random[HELLO_RANDOM_LEN];
	uint8_t ticket[TICKET_HASH_LEN];
	uint8_t master[SEAL_MASTER_LEN];
	bool has_master;
	const struct seal_suite *suite;
	const struct keylog_secrets *secrets; /* borrowed from the key log */
	struct tls_side side[2];
};

/* ---- tls_record.c ------------------------------------------------------ */

/* false: no memory. */
bool tls_begin(struct capture *c, struct flow *f);
void tls_free_conn(struct capture *c, struct flow *f);
void tls_data(struct capture *c, struct flow *f, int side, const uint8_t *in,
	      size_t len);
void tls_gap(struct capture *c, struct flow *f, int side, uint64_t n,
	     enum capture_loss loss);
/* The side ends: a record under way is told as what. */
void tls_over(struct capture *c, struct flow *f, int side,
	      enum capture_what what);
/* The connection cannot be read, or not any more. */
void tls_give_up(struct capture *c, struct flow *f, int side, const char *text);
bool tls_keep(struct capture *c, struct tls_side *s, const uint8_t *in,
	      size_t len);
/* What a record that was opened holds. */
void tls_opened(struct capture *c, struct flow *f, int side, uint32_t type,
		size_t len);
/* n bytes of text are lost. */
void tls_lost(struct capture *c, struct flow *f, int side, uint64_t n,
	      enum capture_loss loss);

/* ---- tls_hand.c -------------------------------------------------------- */

void tls_messages(struct capture *c, struct flow *f, int side,
		  const uint8_t *in, size_t len);
/* TLS 1.3: to the keys that come after the present ones. */
bool tls_next_seal(const struct flow *f, int side, struct seal *next);

/* ---- tls_sync.c -------------------------------------------------------- */

/* Does the record open under a later number, or with the next keys?  If so
 * the side goes there; the length of the text, *lost the records passed, -1
 * where nobody knows.  Else -1. */
int tls_try(struct capture *c, struct flow *f, int side, const uint8_t *rec,
	    size_t len, uint32_t skip, int *lost);
void tls_search_begin(struct tls_side *s, uint64_t span,
		      enum capture_loss loss);
size_t tls_search(struct capture *c, struct flow *f, int side,
		  const uint8_t *in, size_t len);

#endif
