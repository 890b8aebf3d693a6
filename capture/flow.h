/*
 * flow.h - the inside of struct capture: connections and their two sides.
 *
 *   capture.c  packets to flows, the table, events and counts
 *   tcp.c      one side's segments, put in order: data, holes, end
 *   tls_*.c    records of TLS whose secrets are known, opened
 *   stream.c   what a side's bytes are: HTTP, TLS, frames, nothing of ours
 *   http.c     heads and bodies
 *   frames.c   frames, and holes in them
 *   search.c   finding a frame header in the middle of a stream
 *
 * Calls go down this list; only events go up.  Sides are numbered by the
 * addresses of the flow (side 0 is addr[0]); which one is the client can
 * become clear later, so a direction is a side looked at through `swapped`.
 */
#ifndef CAPTURE_FLOW_H
#define CAPTURE_FLOW_H

#include "capture.h"
#include "keylog.h"
#include "packet.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(at, len, v) ((v) = flow_hash(c, (at), (len)))
#include <uthash.h>
#include <utlist.h>

#define SEARCH_MARKS 128u /* then several segments share a stamp */

#define SECOND_NS 1000000000

#define TICKETS 1024u /* TLS 1.2 sessions that may go on; the oldest go */
#define TICKET_HASH_LEN 8u

/* Where bytes came from: the packet that carried them. */
struct stamp {
	int64_t ts_ns;
	uint64_t packet;
};

/* Bytes of a buffer up to end came with this stamp. */
struct mark {
	struct stamp stamp;
	uint32_t end;
};

#define SEARCH_MARKS_LEN (SEARCH_MARKS * sizeof(struct mark))

/* A session ticket of TLS 1.2, and what it stands for. */
struct ticket {
	uint8_t hash[TICKET_HASH_LEN];
	uint8_t master[KEYLOG_SECRET_MAX];
};

/* A segment that came before its turn. */
struct chunk {
	struct chunk *next;
	struct stamp stamp;
	uint32_t seq;
	uint32_t len;  /* on the wire */
	uint32_t have; /* at data */
	uint8_t data[];
};

struct tcp_side {
	bool seen;     /* next is known */
	bool syn;      /* its SYN was seen */
	bool fin;      /* fin_at is known */
	bool acks;     /* acked is known */
	bool over;     /* ended: what still comes is old */
	uint32_t next; /* sequence number of the next byte in order */
	uint32_t first;
	uint32_t fin_at;
	uint32_t acked;             /* by the other side */
	struct chunk *queue, *last; /* in order, without overlap */
	uint32_t num_queued, queued_mem;
	/* Since the hole in front of the queue was acknowledged. */
	int64_t hole_ns;
	uint32_t hole_packets;
};

enum side_state {
	SIDE_START,  /* nothing known yet; bytes collect in buf */
	SIDE_HEAD,   /* an HTTP head collects in buf */
	SIDE_BODY,   /* left bytes of HTTP body */
	SIDE_CHUNKS, /* HTTP body in chunks */
	SIDE_ASKED,  /* client, after its upgrade request */
	SIDE_FRAMES,
	SIDE_SKIP,   /* left bytes of a frame with a hole */
	SIDE_SEARCH, /* looking for a frame header in buf */
	SIDE_OFF,    /* not ours, or over */
};

struct side {
	enum side_state state;
	struct stamp stamp; /* of the newest byte; its time only grows */
	uint8_t *buf;
	uint32_t len, cap; /* of buf */
	uint64_t left;     /* SIDE_BODY, SIDE_SKIP */
	uint32_t chunk;    /* SIDE_CHUNKS: enum chunk_state */
	struct derp_http_reader http;
	bool to_end; /* the body ends with the connection */
	/* Frames. */
	struct derp_reader reader;
	struct derp_frame frame; /* the current one; len is kept in it */
	bool in_frame;
	/* In the stream of frames: of the current frame's header, or of the
	 * next one; SIDE_SEARCH: of buf[0]. */
	uint64_t off;
	uint64_t num_frames;
	/* SIDE_SEARCH. */
	struct mark *marks; /* SEARCH_MARKS, while something is in buf */
	uint32_t num_marks;
	uint32_t from;    /* first offset in buf not yet ruled out */
	uint64_t skipped; /* bytes before buf[0] given up */
	bool holed;       /* bytes of this side were lost */
	bool resync;      /* frames were read here before, or the other side
			     speaks DERP: less proof is asked */
};

/* Both addresses of a connection, whoever sends. */
struct flow_key {
	uint8_t ip[2][DERP_IP_LEN];
	uint16_t port[2];
	uint16_t v4; /* 16 bits: no padding between compared bytes */
};

struct flow {
	struct capture_flow pub; /* must be first */
	struct flow_key key;
	UT_hash_handle hh;
	struct flow *prev, *next;    /* silent longest first */
	struct capture_addr addr[2]; /* of the sides */
	struct tcp_side tcp[2];
	struct side side[2];
	bool swapped;            /* side 0 is the server */
	bool open;               /* OPEN was told */
	bool started;            /* START was told */
	bool upgrade;            /* the client asked for DERP */
	bool fast;               /* with Fast-Start */
	bool socket;             /* it asked for DERP over WebSocket */
	bool head;               /* the last request was a HEAD */
	bool tunnel;             /* the last request was a CONNECT */
	bool tls;                /* that it cannot be read was told */
	bool over;               /* both directions ended */
	struct tls_conn *secure; /* TLS that we read; or NULL */
};

struct capture {
	capture_event_fn *event;
	void (*idle)(void *ctx);
	void *ctx;
	struct capture_limits limits;
	struct capture_counts counts;
	struct flow *table; /* by key */
	struct flow *order; /* list, silent longest first */
	struct flow *recent;
	uint32_t num_flows;
	uint64_t mem;     /* bytes waiting */
	uint8_t *scratch; /* DERP_FRAME_MAX, lent to readers */
	uint8_t *plain;   /* text of the TLS record at hand */
	struct keylog keylog;
	struct ticket *tickets; /* TICKETS of them, or NULL */
	uint64_t num_tickets;   /* so far */
	uint8_t hash_key[16];
	int ts_digits;
	struct stamp now;
	bool stopped;   /* by event() */
	bool no_memory; /* for a new connection */
	char error[256];
};

/* ---- capture.c --------------------------------------------------------- */

enum capture_dir flow_dir(const struct flow *f, int side);
/* Side is the client: swap the roles if they were guessed otherwise. */
void flow_set_client(struct flow *f, int side);

/* Fill what all events of a side have in common. */
void event_init(struct capture_event *e, const struct capture *c,
		struct flow *f, int side, enum capture_what what);
/* Tell it; OPEN first, where that is due. */
void event_tell(struct capture *c, struct capture_event *e);

/* Memory that waits; false: a limit is reached, or there is none. */
bool mem_take(struct capture *c, uint64_t n);
void mem_give(struct capture *c, uint64_t n);

/* ---- tcp.c ------------------------------------------------------------- */

void tcp_segment(struct capture *c, struct flow *f, int side,
		 const struct segment *s);
/* The other side has acknowledged up to ack. */
void tcp_acked(struct flow *f, int side, uint32_t ack);
/* Give up holes that will not be filled any more. */
void tcp_check(struct capture *c, struct flow *f, int side);
/* Nothing more comes: give out what waits. */
void tcp_flush(struct capture *c, struct flow *f, int side);
void tcp_free(struct capture *c, struct flow *f, int side);

/* ---- stream.c ---------------------------------------------------------- */

void stream_data(struct capture *c, struct flow *f, int side, const uint8_t *in,
		 size_t len);
void stream_gap(struct capture *c, struct flow *f, int side, uint64_t n,
		enum capture_loss loss);
/* One direction ended by FIN, or the flow by anything else. */
void stream_fin(struct capture *c, struct flow *f, int side);
void stream_end(struct capture *c, struct flow *f, int side);
/* The capture is over. */
void stream_cut(struct capture *c, struct flow *f, int side);

/* Keep bytes for later.  false: limit reached. */
bool side_keep(struct capture *c, struct side *s, const uint8_t *in,
	       size_t len);
/* Forget the first n bytes of buf. */
void side_drop(struct side *s, uint32_t n);
void side_free(struct capture *c, struct side *s);
void side_off(struct capture *c, struct flow *f, int side);
/* From here on the side's bytes are something else; what is in buf is read
 * again as that, each byte with its own stamp. */
void side_become(struct capture *c, struct flow *f, int side,
		 enum side_state state);
/* Frames begin: tell START once, and set the other side going. */
void flow_start(struct capture *c, struct flow *f, int side,
		enum capture_mode mode, const char *text);

/* ---- http.c ------------------------------------------------------------ */

/* All take what they can and return how much; state may be another then. */
size_t http_head(struct capture *c, struct flow *f, int side, const uint8_t *in,
		 size_t len);
size_t http_body(struct capture *c, struct flow *f, int side, const uint8_t *in,
		 size_t len);
size_t http_chunks(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len);

/* ---- frames.c ---------------------------------------------------------- */

size_t frames_data(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len);
size_t frames_skip(struct capture *c, struct flow *f, int side, size_t len);
void frames_gap(struct capture *c, struct flow *f, int side, uint64_t n,
		enum capture_loss loss);
void frames_begin(struct side *s);
/* What is told of a frame that is not whole: e->frame, or NULL. */
bool frames_partial(const struct side *s, struct derp_frame *partial);

/* ---- search.c ---------------------------------------------------------- */

size_t search_data(struct capture *c, struct flow *f, int side,
		   const uint8_t *in, size_t len);
/* Nothing more comes here: decide with what there is. */
void search_end(struct capture *c, struct flow *f, int side);
void search_begin(struct side *s, bool resync);
/* Tell what was passed over for nothing. */
void search_lost(struct capture *c, struct flow *f, int side);

#endif
