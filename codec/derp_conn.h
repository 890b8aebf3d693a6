/*
 * derp_conn.h - one DERP connection, either end of it, without I/O.
 *
 *   bytes that came --> derp_conn_next() --> events: what the peer says
 *   bytes to write  <-- derp_conn_pull() <-- the login, pongs, keep-alives
 *   the clock       --> derp_conn_tick()     by derp_conn_deadline()
 *
 * This is the polite peer: it sends nothing that the protocol forbids and
 * judges what comes, on the header, as the reference does.  Those who must
 * break rules stand on derp.h alone.
 *
 * Packets are not queued here: a relay keeps whole packets in queues of its
 * own, builds them with derp_build_iov() and writes them between two pulls,
 * never inside one.  A connection holds no buffer but a hundred bytes for
 * short frames; for longer things it borrows one while they arrive, which may
 * grow with the bytes that are there (DERP-FRAME-9).
 *
 * Time is in milliseconds of any clock that does not go back.  What is random
 * is an argument.  Configurations are borrowed for the connection's life, and
 * many connections may share one.  Calls out of turn are DERP_E_STATE and
 * change nothing; every other error ends the connection and repeats for ever.
 * Contract: derp.h.
 */
#ifndef DERP_CONN_H
#define DERP_CONN_H

#include "derp_http.h"
#include "derp_info.h"

#define DERP_CONN_SMALL 96     /* bytes kept of a short frame */
#define DERP_CONN_OUT_MAX 1024 /* of whatever pull() gives but a request */
#define DERP_NEVER UINT64_MAX

/* ---- configuration --------------------------------------------------- */

struct derp_conn_times {
	uint32_t request_ms;          /* a request (DERP-HTTP-25) */
	uint32_t login_ms;            /* DERP-LOGIN-17, DERP-HTTP-27 */
	uint32_t alive_ms, jitter_ms; /* DERP-ALIVE-1 */
	uint32_t silence_ms;          /* DERP-ALIVE-4 */
};

/* 30 s, 10 s, 60 s, 5 s, 120 s: the reference's. */
extern const struct derp_conn_times derp_conn_times;

enum derp_conn_open {
	DERP_OPEN_HTTP,   /* a request, the 101 */
	DERP_OPEN_FAST,   /* a request, no answer (DERP-HTTP-13) */
	DERP_OPEN_STREAM, /* neither: DERP from the first byte, as inside
			     WebSocket messages */
};

struct derp_conn_client {
	enum derp_conn_open open;
	const uint8_t *public_key, *private_key;
	/* Of the server, if it is known before, as from its certificate; NULL
	 * otherwise.  Only with DERP_OPEN_FAST: the login then does not wait
	 * for ServerKey. */
	const uint8_t *server_key;
	const struct derp_client_info *info;
	/* NULL with DERP_OPEN_STREAM; its fast_start is not looked at. */
	const struct derp_http_upgrade *upgrade;
	const struct derp_conn_times *times; /* NULL: the reference's */
};

struct derp_conn_server {
	const uint8_t *public_key, *private_key;
	const uint8_t *mesh_key; /* NULL: there are no mesh clients */
	const struct derp_conn_times *times;
};

/* ---- what a server lets a client send -------------------------------- */

/* Bytes and their price: a bucket that fills by rate bytes a second and holds
 * burst at most.  All zero: no limit. */
struct derp_bucket {
	uint64_t rate, burst;
	uint64_t level; /* thousandths of a byte */
	uint64_t at_ms;
};

/* A rate or a burst that is not above zero is no limit (DERP-INFO-20). */
void derp_bucket_init(struct derp_bucket *b, int64_t rate, int64_t burst,
		      uint64_t now_ms);
/* Take n bytes; false, and nothing taken, if they are not there. */
bool derp_bucket_take(struct derp_bucket *b, uint64_t now_ms, uint64_t n);

/* ---- the connection -------------------------------------------------- */

/* See the picture in conn_next.c. */
enum derp_conn_state {
	DERP_STATE_REQUEST, /* server: a request comes in */
	DERP_STATE_DECIDE,  /* server: derp_conn_accept() or _again() */
	DERP_STATE_LOGIN,   /* server: ClientInfo comes in */
	DERP_STATE_ADMIT,   /* server: derp_conn_admit() */
	DERP_STATE_ANSWER,  /* client: the 101 comes in */
	DERP_STATE_KEY,     /* client: ServerKey comes in */
	DERP_STATE_INFO,    /* client: frames may come, no ServerInfo yet */
	DERP_STATE_STEADY,
	DERP_STATE_DEAD,
};

/* Private, except that state and mesh may be read. */
struct derp_conn {
	enum derp_conn_state state;
	bool mesh; /* server: the client is one; client: it says so */
	const struct derp_conn_client *client; /* NULL: we are the server */
	const struct derp_conn_server *server;
	const struct derp_conn_times *times;
	int err; /* sticks */
	uint32_t todo;
	uint64_t deadline_ms;
	struct derp_reader reader;
	struct derp_http_reader http;
	uint8_t *buf; /* lent: a head or an info as it comes */
	uint32_t cap, have, want;
	bool asked; /* for a buffer */
	uint32_t taking, keys;
	bool can_ack, ping_out;
	struct derp_server_info info;
	struct derp_bucket bucket;
	uint8_t peer[DERP_KEY_LEN];
	uint8_t nonce[DERP_NONCE_LEN];
	uint8_t ping[DERP_PING_LEN], pong[DERP_PING_LEN];
	uint8_t small[DERP_CONN_SMALL];
};

/* The nonce is for ClientInfo and must never repeat for these keys.
 * DERP_E_VALUE: the server's key is given and all zero, or the AppName of
 * info is not allowed (DERP-INFO-16); *c is untouched. */
int derp_conn_client_init(struct derp_conn *c,
			  const struct derp_conn_client *config,
			  const uint8_t nonce[DERP_NONCE_LEN], uint64_t now_ms);
void derp_conn_server_init(struct derp_conn *c,
			   const struct derp_conn_server *config,
			   uint64_t now_ms);

enum derp_conn_step {
	DERP_CONN_NEED = 0, /* the input is used up, or a call is due: DECIDE,
			       ADMIT */
	DERP_CONN_LEND,     /* derp_conn_lend(), and go on */
	DERP_CONN_REQUEST,  /* server: head; then accept(), or answer and
			       again(), or answer and close */
	DERP_CONN_ANSWER,   /* client: head.  When its status is not 101 the
			       next call is DERP_E_HTTP. */
	DERP_CONN_LOGIN,    /* server: key and client; then admit(), or close:
			       a refusal says nothing */
	DERP_CONN_INFO,     /* client: server */
	DERP_CONN_HEAD,     /* frame.type and frame.len, judged, before its
			       payload; DERP-DUP-3 acts here */
	DERP_CONN_FRAME,    /* frame and msg */
};

struct derp_conn_event {
	uint32_t have, most;        /* LEND: bytes there, and the most */
	struct derp_http_head head; /* borrowed from the lent buffer */
	const uint8_t *key;         /* LOGIN: borrowed from the connection */
	struct derp_client_info client; /* mesh_key wiped, see conn->mesh */
	struct derp_server_info server;
	bool bulk; /* HEAD: lend len bytes to get the frame; otherwise there is
		      nothing to lend for */
	bool answered; /* FRAME: the Pong is that of our Ping */
	struct derp_frame frame;
	struct derp_msg msg;
};

/* Take bytes from *in, advancing *in and *len.  Returns an enum
 * derp_conn_step, or an error.  Only the fields of the event that the step
 * names are filled.  Borrowed pointers are good until the next call.  How the
 * stream is cut never changes what comes out, LEND apart.
 *
 * HEAD comes for every frame after the login; a FRAME follows if the type is
 * known, allowed from this peer and long enough, and, for packets and Health
 * (bulk), if a buffer was lent.  ServerInfo gives INFO in place of FRAME.  A
 * Ping is answered by itself.  Of short frames DERP_CONN_SMALL bytes are
 * kept; msg.tail counts the rest too.
 *
 * The server's errors: DERP_E_TYPE, _SHORT, _LONG, _LIMIT, _BOX, _JSON and
 * _VALUE close without a word.  In REQUEST, DERP_E_HTTP deserves a 400 and
 * DERP_E_LIMIT a 431. */
int derp_conn_next(struct derp_conn *c, struct derp_conn_event *e,
		   const uint8_t **in, size_t *len, uint64_t now_ms);

/* After LEND: cap must be above have, and buf hold the have bytes that the
 * last buffer held, as after realloc(); no need to lend for most at once.
 * The buffer is yours again with the next event that is not LEND, save that
 * REQUEST and ANSWER borrow from it; without a call the connection ends with
 * DERP_E_NOBUF.  After HEAD with bulk: cap must be at least frame.len, and
 * the buffer is lent until the next event.  DERP_E_NOBUF: cap is less. */
int derp_conn_lend(struct derp_conn *c, uint8_t *buf, size_t cap);

/* Server, after REQUEST: this is the upgrade; HTTP writes the 101.  With
 * STREAM what is left in *in is for a derp_ws_reader, and what that shows
 * comes here. */
int derp_conn_accept(struct derp_conn *c, enum derp_conn_open open,
		     uint64_t now_ms);
/* Server, after REQUEST: it was answered otherwise; another may come. */
int derp_conn_again(struct derp_conn *c, uint64_t now_ms);
/* Server, after LOGIN.  Make the client routable first (DERP-LOGIN-13).  The
 * nonce must never repeat for these keys; random is for the first
 * keep-alive. */
int derp_conn_admit(struct derp_conn *c, const struct derp_server_info *info,
		    const uint8_t nonce[DERP_NONCE_LEN], uint64_t now_ms,
		    uint32_t random);

/* What the request asks for, by its first Upgrade, Derp-Fast-Start and
 * Sec-WebSocket-Protocol; the path and the rest are the caller's. */
enum derp_conn_asks {
	DERP_ASKS_NOTHING,
	DERP_ASKS_DERP,
	DERP_ASKS_FAST,
	DERP_ASKS_WEBSOCKET, /* derp_ws_judge_request() */
};
enum derp_conn_asks derp_conn_asks(const struct derp_http_head *h);

/* The next thing to write, whole: *n bytes in out, 0 when nothing waits.
 * DERP_E_NOBUF: cap is too small for it, and it still waits. */
int derp_conn_pull(struct derp_conn *c, uint8_t *out, size_t cap, size_t *n);
bool derp_conn_waits(const struct derp_conn *c);

/* May a frame of that type and payload length be sent now, apart from those
 * that pull() gives?  0; DERP_E_STATE: not yet, or something of the login
 * must be pulled first; DERP_E_TYPE, _SHORT, _LONG: never. */
int derp_conn_may_send(const struct derp_conn *c, uint32_t type, uint32_t len);
/* Client: false if the server's limits ask to drop this frame, of len bytes of
 * payload (DERP-INFO-20). */
bool derp_conn_spend(struct derp_conn *c, uint32_t len, uint64_t now_ms);

/* One Ping may be outstanding; DERP_E_STATE before its Pong came or forget().
 * A server may ping only those who can answer: DERP_E_TYPE. */
int derp_conn_ping(struct derp_conn *c, const uint8_t data[DERP_PING_LEN]);
void derp_conn_ping_forget(struct derp_conn *c);

/* When tick() is due; DERP_NEVER. */
uint64_t derp_conn_deadline(const struct derp_conn *c);
/* 0, or DERP_E_TIMEOUT.  Early calls do nothing.  random is for the pause
 * before the next keep-alive. */
int derp_conn_tick(struct derp_conn *c, uint64_t now_ms, uint32_t random);

/* The other end's key: of the client from LOGIN on, of the server from
 * ServerKey on; all zero before. */
const uint8_t *derp_conn_peer(const struct derp_conn *c);

/* The stream ended: 0 if it may end here, DERP_E_EOF, or what stuck. */
int derp_conn_end(const struct derp_conn *c);

#endif
