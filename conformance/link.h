/*
 * link.h - one test connection: sends anything, understands what comes.
 *
 *   link_send() --> out (whole | cut | dribble | held) --> socket
 *   socket --> HTTP head or DERP frames --> events, oldest first
 *
 * A link has no manners of its own: it sends what it is told in the pieces
 * it is told, answers nothing and judges nothing.  What comes is split into
 * events, HTTP responses and DERP frames told apart by the first byte ('H'
 * begins a response; no frame type of DERP is 0x48 at the start).
 *
 *   struct link *l = link_new(loop, woken, ctx);
 *   link_connect(l, addr, addr_len, 0);
 *   link_send(l, request, n);
 *   ... woken(l, ctx) is called from the loop when there is news:
 *   for (e = l->events; e; e = e->next)
 *           look at e; link_drop(l, e) when it is done with
 *
 * woken() may call everything but link_free() on the link that woke it.
 * Memory: the events of a link hold at most LINK_EVENTS_MAX bytes, those of
 * all links LINK_ALL_MAX; more ends the link (LINK_FLOOD).  Payloads are
 * copies and live until link_drop().
 */
#ifndef LINK_H
#define LINK_H

#include <ev.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "derp.h"
#include "derp_http.h"
#include "tls.h"
#include "value.h"

#define LINK_EVENTS_MAX (64u << 20) /* bytes that wait, of one */
#define LINK_ALL_MAX (256u << 20)   /* of all */
#define LINK_BODY_MAX (1u << 20)    /* of an HTTP response */

enum link_event_kind {
	LINK_OPENED, /* TCP is connected, and TLS if it is wanted */
	LINK_HTTP,   /* a response: status, head[], body[] */
	LINK_FRAME,  /* type, len, body[len] */
	LINK_ENDED,  /* the last event: how, error */
};

enum link_how {
	LINK_FIN,     /* orderly */
	LINK_RST,     /* reset */
	LINK_WRITE,   /* a write failed, and no end could be read */
	LINK_REFUSED, /* was never connected: error says why */
	LINK_GARBAGE, /* what came is neither HTTP nor DERP, or broke TLS */
	LINK_FLOOD,   /* more came than we keep: we gave up */
};

struct link_event {
	struct link_event *next;
	enum link_event_kind kind;
	uint64_t at_us; /* link_now_us() */
	uint32_t mark;  /* the owner's; 0 when new */
	uint32_t type, len;
	uint32_t status;
	uint8_t *head; /* of a response, with its blank line; else NULL */
	size_t head_len;
	uint8_t *body; /* len bytes (body_len of a response) */
	size_t body_len;
	enum link_how how;
	int error;     /* errno, 0: none */
	bool in_frame; /* ended inside of a frame (or response) */
	size_t cost;   /* private: of LINK_EVENTS_MAX */
};

struct link {
	/* Look at these, do not change them. */
	struct link_event *events, **last;
	bool opened, ended;
	bool failed;     /* a write failed: nothing more goes out */
	size_t out_left; /* bytes that wait to be written */
	int error;

	/* Set these at any time. */
	bool no_body;      /* the next response has no body (it answers HEAD) */
	uint32_t cut_most; /* after so many cut writes, the rest of what waits
			    * goes out whole; 0: cut all */

	/* Private. */
	struct ev_loop *loop;
	ev_io reads, writes;
	ev_timer pause;
	int fd;
	void (*woken)(struct link *l, void *ctx);
	void *ctx;
	struct tls *tls; /* NULL: plain */
	bool connecting; /* until LINK_OPENED */
	bool shaking;    /* connecting, and TCP is */
	bool paused, held, shut, shut_wanted, news;
	uint32_t cut, cut_ms, num_cut;
	uint32_t serial; /* of link_connect() */
	struct buf out;
	size_t out_at;
	enum { LINK_START, LINK_HEAD, LINK_BODY, LINK_FRAMES } reading;
	struct buf in; /* of a response */
	struct derp_http_reader http;
	size_t response_head;
	uint32_t status;
	uint64_t body_left;
	bool body_to_end;
	struct derp_reader frames;
	uint8_t *lent;
	size_t held_bytes; /* by events */
};

/* Sees the bytes that cross the sockets, for who records them; NULL: nobody.
 * Each connection has a number of its own. */
extern void (*link_tap)(uint32_t serial, bool sent, const void *bytes,
			size_t len);

/* Connections that begin from now on speak TLS; NULL: they do not.  A close
 * is then a close_notify, a FIN or a RST, and each write a record. */
extern struct tls_setup *link_tls;

/* Microseconds of the monotonic clock. */
uint64_t link_now_us(void);

/* NULL: out of memory. */
struct link *link_new(struct ev_loop *loop,
		      void (*woken)(struct link *, void *), void *ctx);
void link_free(struct link *l); /* closes; NULL is fine */

/* Begin to connect; news is LINK_OPENED, or LINK_ENDED with LINK_REFUSED.
 * rcvbuf 0: the system's. */
void link_connect(struct link *l, const struct sockaddr *addr, socklen_t len,
		  int rcvbuf);

/* Queue bytes.  false: the link has ended or failed, or memory is out; the
 * bytes are gone. */
bool link_send(struct link *l, const void *bytes, size_t len);
/* Is everything written that is not held? */
bool link_sent(const struct link *l);

/* At most cut bytes in one write, ms between two; 0 ends it. */
void link_cut(struct link *l, uint32_t cut, uint32_t ms);
void link_hold(struct link *l);
void link_flush(struct link *l);

void link_pause(struct link *l); /* reading */
void link_resume(struct link *l);

/* Shut down the sending direction when everything is written. */
void link_shutdown(struct link *l);
/* Close at once; no LINK_ENDED follows.  reset: with RST. */
void link_close(struct link *l, bool reset);

/* Read what is there now, without waiting for the loop. */
void link_read_now(struct link *l);
/* Forget an event. */
void link_drop(struct link *l, struct link_event *e);

#endif
