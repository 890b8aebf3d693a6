/*
 * capture.h - DERP out of captured packets.
 *
 *   file --> packets --> TCP streams (--> TLS) --> HTTP head --> frames
 *                                                          --> event()
 *
 * A struct capture takes packets in the order of the capture and calls
 * event() for everything it learns about DERP connections.  Recognition is by
 * content: any port, upgrade or Fast-Start, whole or from the middle.  TCP
 * connections that do not speak DERP are counted and otherwise passed over.
 *
 *   OPEN  (HTTP)*  START  (FRAME | GAP | INVALID | HTTP)*  TRUNCATED?  CLOSED*
 *
 * A connection's OPEN comes right before its first other event.  The two
 * directions end one by one; a connection that is still open when the capture
 * ends has no CLOSED.
 *
 * Order:     events come in the order in which bytes became readable.  The
 *            time of an event is that of the packet that completed it, and
 *            never goes back within one direction.  Bytes behind a hole wait
 *            until the hole is filled or given up, so frames of the other
 *            direction may overtake them: who needs one order across
 *            directions sorts by ts_ns, keeping equals as they came.
 * Ownership: an event and all it points to is borrowed until event() returns,
 *            except flow, which lives until the connection's last CLOSED, or
 *            until capture_free().  flow->id is never used again.
 * Errors:    what a peer or the capture did wrong is an event.  Functions
 *            return 0 or a negative enum capture_err and leave a text for
 *            people in capture_error().
 * Memory:    bounded by struct capture_limits, whatever the input says; when a
 *            limit is reached, data is given up and reported as GAP.
 * Trust:     addresses, texts and payloads come from the capture.  Only text
 *            and capture_error() are safe to print as they are.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdbool.h>

#include "derp.h"
#include "derp_http.h"

enum capture_err {
	CAPTURE_E_OPEN = -1,   /* cannot open or read the file */
	CAPTURE_E_FORMAT = -2, /* not a capture file, or a damaged one */
	CAPTURE_E_LINK = -3,   /* no packet has a link type that we read */
	CAPTURE_E_MEMORY = -4,
	CAPTURE_E_STOPPED = -5, /* event() asked to stop */
};

enum capture_dir {
	CAPTURE_NODIR = -1,
	CAPTURE_C2S = 0, /* client to server */
	CAPTURE_S2C = 1,
};

/* How the stream of frames of a connection began. */
enum capture_mode {
	CAPTURE_UNKNOWN = 0,
	CAPTURE_UPGRADE,   /* 101 Switching Protocols */
	CAPTURE_FASTSTART, /* request with Derp-Fast-Start, no answer */
	CAPTURE_MIDDLE,    /* its beginning is not in the capture */
};

struct capture_addr {
	uint8_t ip[DERP_IP_LEN]; /* IPv4 as ::ffff:a.b.c.d */
	bool v4;                 /* came in an IPv4 packet */
	uint16_t port;
};

struct capture_flow {
	uint32_t id; /* number of the TCP connection in the capture, from 1 */
	struct capture_addr client, server;
	enum capture_mode mode;
	int64_t opened_ns; /* its first packet */
	bool roles_known;  /* else client and server are a guess */
	bool has_client_key, has_server_key;
	uint8_t client_key[DERP_KEY_LEN]; /* of the last ClientInfo */
	uint8_t server_key[DERP_KEY_LEN]; /* of ServerKey, 101, certificate */
	/* TLS that was opened; NULL: none.  Its server key may come from the
	 * meta certificate, before ServerKey. */
	const char *tls;    /* "TLS 1.3" */
	const char *cipher; /* "AES-128-GCM" */
	void *user;         /* the caller's, NULL at first */
};

/* The text is the name in derpdump's JSON. */
#define CAPTURE_EVENTS(X)                                                      \
	X(FRAME, "frame")                                                      \
	X(OPEN, "open")       /* a connection that speaks DERP */              \
	X(HTTP, "http")       /* http; a request is c2s, an answer s2c */      \
	X(START, "start")     /* frames begin, in both directions */           \
	X(GAP, "gap")         /* lost, loss; frame if the hole is in one */    \
	X(INVALID, "invalid") /* the peer is wrong: err, text */               \
	X(TRUNCATED, "truncated") /* the capture ended: frame, or flow NULL */ \
	X(CLOSED, "closed")       /* end, dir; frame if it ended inside one */ \
	X(TLS, "tls")             /* a connection that cannot be read */       \
	X(NOTE, "note")           /* about a packet or an interface: text */

enum capture_what {
#define X(name, text) CAPTURE_##name,
	CAPTURE_EVENTS(X)
#undef X
};

enum capture_loss {
	CAPTURE_NOT_CAPTURED = 0, /* the bytes are not in the capture */
	CAPTURE_SNAPLEN,          /* packets were cut when captured */
	CAPTURE_LIMIT,            /* given up: a limit of ours was reached */
	CAPTURE_STEP, /* there, but skipped while looking for a frame header */
	CAPTURE_SEALED, /* in a TLS record that does not open */
};

enum capture_end {
	CAPTURE_FIN = 0,
	CAPTURE_RST,     /* ends both directions; dir is who sent it */
	CAPTURE_REUSED,  /* a new connection took its ports; dir is NODIR */
	CAPTURE_EVICTED, /* our table of connections is full; NODIR */
};

struct capture_event {
	enum capture_what what;
	enum capture_dir dir;
	struct capture_flow *flow; /* NULL: about no connection */
	int64_t ts_ns;             /* since the epoch */
	int ts_digits;             /* of the fraction, as the capture has it */
	uint64_t packet;           /* number in the capture, from 1 */
	/* Of the frame's header in its direction's stream of frames; after a
	 * START from the middle, in the captured part of that stream.  Lost
	 * bytes are counted. */
	uint64_t off;
	/* FRAME: always.  have < len: bytes of it are lost (then GAP came
	 * before), or it is too long to keep; body[have] is its beginning. */
	const struct derp_frame *frame;
	const struct derp_msg *msg;        /* FRAME: NULL if not parsed */
	const struct derp_http_head *http; /* HTTP */
	uint64_t lost;                     /* GAP: bytes */
	enum capture_loss loss;            /* GAP */
	enum capture_end end;              /* CLOSED */
	int err;                           /* INVALID: enum derp_err */
	const char *text; /* "" or one line for people, printable ASCII */
};

/* Return 0 to go on.  Anything else stops: no further event comes, and the
 * call in progress returns CAPTURE_E_STOPPED. */
typedef int capture_event_fn(void *ctx, const struct capture_event *e);

/* 0 in a field is its default. */
struct capture_limits {
	uint32_t num_flows; /* 65,536; the longest silent one makes room */
	uint32_t flow_mem;  /* bytes waiting in one direction, 4 MiB */
	uint64_t total_mem; /* bytes waiting in all, 256 MiB */
};

struct capture_counts {
	uint64_t packets, bytes; /* read */
	uint64_t flows;          /* TCP connections */
	uint64_t derp_flows;     /* of them, those that had an OPEN */
	uint64_t tls_flows, other_flows;
	uint64_t frames, gaps, lost_bytes, invalid, truncated;
	uint64_t fragments;     /* IP fragments of TCP: not put together */
	uint64_t other_packets; /* not TCP, or of an unknown link type */
};

struct capture;

/* NULL when memory is short.  limits may be NULL. */
struct capture *capture_new(capture_event_fn *event, void *ctx,
			    const struct capture_limits *limits);
void capture_free(struct capture *c); /* NULL is fine */

/* Whole captures: pcap or pcapng, from a file ("-" is standard input), a
 * descriptor, or memory.  They end with capture_end().  name is for errors.
 * One struct capture takes one of these, once. */
int capture_read_file(struct capture *c, const char *path);
int capture_read_fd(struct capture *c, int fd, const char *name);
int capture_read_memory(struct capture *c, const void *bytes, size_t len,
			const char *name);

/* Secrets of TLS connections, from NSS key logs, before they are needed; may
 * be called again.  Those inside a pcapng file are used by themselves. */
int capture_keylog_file(struct capture *c, const char *path);
int capture_keylog_memory(struct capture *c, const void *bytes, size_t len,
			  const char *name);

/* idle() is called before a read that would wait, with event()'s ctx: the
 * moment to show what has come so far. */
void capture_set_idle(struct capture *c, void (*idle)(void *ctx));

/* One packet: its link type (LINKTYPE_ number), the bytes that were captured
 * and its length on the wire.  bytes are borrowed for the call.  An unknown
 * link type is CAPTURE_E_LINK. */
struct capture_packet {
	uint32_t link;
	int64_t ts_ns;
	int ts_digits;
	const uint8_t *bytes;
	uint32_t len, wire_len;
};
int capture_packet(struct capture *c, const struct capture_packet *p);
/* No more packets: what waited is given out, what is cut is told. */
int capture_end(struct capture *c);

const char *capture_error(const struct capture *c); /* never NULL */
const struct capture_counts *capture_counts(const struct capture *c);
const char *capture_what_name(enum capture_what what); /* "gap" */

/* ---- what is inside a relayed packet --------------------------------- */

/* Told from type bytes and lengths alone: a guess, though a good one. */
enum capture_kind {
	CAPTURE_OPAQUE = 0,
	CAPTURE_DISCO,       /* disco_key */
	CAPTURE_WG_INIT,     /* sender */
	CAPTURE_WG_RESPONSE, /* sender, receiver */
	CAPTURE_WG_COOKIE,   /* receiver */
	CAPTURE_WG_DATA,     /* receiver, counter */
};

struct capture_payload {
	enum capture_kind kind;
	uint32_t sender, receiver;
	uint64_t counter;
	const uint8_t *disco_key; /* borrowed from data */
};

void capture_payload(struct capture_payload *p, const uint8_t *data,
		     uint32_t len);
const char *capture_kind_name(enum capture_kind kind); /* "wg-init" */

#endif
