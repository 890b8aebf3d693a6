/*
 * faulty.h - a proxy in front of a DERP server that breaks one rule.
 *
 *   client <--> [ pair: client side | server side ] <--> server
 *                       ^ fault->judge(), frame() ...
 *
 * The proxy understands HTTP heads and frames in both directions and hands
 * each to the fault that was chosen.  Without a fault it is transparent: a
 * header is passed on as soon as it is complete, payload bytes as they come,
 * so rules that are judged on a header alone can still be tested through it.
 */
#ifndef FAULTY_H
#define FAULTY_H

#include <ev.h>
#include <stdbool.h>

#include "derp.h"
#include "derp_http.h"

#define FAULTY_FRAME_MAX (DERP_PACKET_MAX + 2 * DERP_KEY_LEN)

enum dir { TO_SERVER, TO_CLIENT };

/* What to do with a frame, decided on its header. */
enum act {
	FORWARD, /* as it comes */
	COLLECT, /* hand it to frame() when it is whole */
	SWALLOW, /* nothing of it goes on */
	CLOSE,   /* end the pair */
};

enum phase { IN_HTTP, IN_BODY, IN_DERP };

/* One TCP connection, and the bytes that came from it. */
struct side {
	struct pair *pair;
	int fd;
	ev_io rd, wr;
	uint8_t *out; /* waiting to be written to fd */
	size_t out_at, out_len, out_cap;
	bool closing; /* close when out is empty */
	enum phase phase;
	uint8_t head[DERP_HTTP_MAX];
	size_t head_len;
	struct derp_http_reader http;
	uint64_t body_left;
	struct derp_reader reader;
	bool in_payload;
	enum act act;
	uint32_t type, len; /* of the frame in progress */
	uint8_t *payload;   /* FAULTY_FRAME_MAX bytes */
};

struct pair {
	struct pair *next, *prev;
	struct side client, server;
	bool fast_start, has_key, ready; /* ready: ServerInfo has passed */
	ev_tstamp ready_at;
	uint8_t key[DERP_KEY_LEN];
	/* For the faults: */
	unsigned count;
	uint8_t *kept;
	uint32_t kept_len;
};

struct fault {
	const char *name;
	const char *rule;   /* the id that it breaks; NULL: harmless */
	const char *caught; /* the case that must fail */
	const char *what;
	/* Which frames: of this direction and type (0: any), of min to max
	 * payload bytes (max 0: no limit); and what to do with them. */
	enum dir dir;
	uint32_t type, min, max;
	enum act act;
	/* Or, for what that cannot say: a header is there. */
	enum act (*judge)(struct pair *p, enum dir d, uint32_t type,
			  uint32_t len);
	/* A COLLECTed frame: emit it, something else, or nothing. */
	void (*frame)(struct pair *p, enum dir d, const struct derp_frame *f);
	/* A text in an HTTP head of that direction, and another one of the
	 * same length. */
	const char *from, *to;
	/* The server closed.  true: the client does not learn of it. */
	bool (*hide_close)(struct pair *p);
	/* The client closed inside a frame of which missing bytes are left. */
	void (*cut_off)(struct pair *p, uint32_t missing);
	uint32_t write_max;  /* bytes in one write to a client; 0: any */
	bool drop_pipelined; /* of a segment with a request */
};

extern const struct fault faults[]; /* ends with a NULL name */
extern const struct fault *fault;   /* the chosen one; never NULL */
extern struct pair *pairs;
extern struct ev_loop *loop;

struct pair *pair_new(int client, int server);
struct pair *pair_by_key(const uint8_t key[DERP_KEY_LEN],
			 const struct pair *not_this);
void pair_close(struct pair *p);

/* Put bytes, or a frame, into what is written towards d. */
void emit(struct pair *p, enum dir d, const void *bytes, size_t len);
void emit_frame(struct pair *p, enum dir d, uint32_t type, const void *body,
		size_t len);

#endif
