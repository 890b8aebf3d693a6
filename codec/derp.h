/*
 * derp.h - DERP frames: take them off a byte stream, put them on one.
 *
 * A DERP connection is a stream of frames in each direction: one type byte,
 * a 32-bit big-endian length, then that many payload bytes.  Peers are named
 * by their 32-byte Curve25519 public keys.
 *
 * This library does no I/O, allocates nothing, reads no clock, draws no
 * randomness and has no globals: bytes, time and nonces are arguments.
 *
 * Errors:    functions return 0, or a negative enum derp_err and leave their
 *            outputs untouched.  Exceptions are documented where declared.
 * Lifetimes: "borrowed" pointers point into memory the caller passed in and
 *            are good until the caller changes or frees that memory.
 * NULL:      allowed only where said, or for a pointer whose length is 0.
 * Rules:     DERP-xxx-n names a rule of docs/protocol.md.
 */
#ifndef DERP_H
#define DERP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define DERP_VERSION_NUM 0x000100 /* 0xMMmmpp; compare with derp_version() */

#define DERP_MAGIC_LEN 8
#define DERP_KEY_LEN 32
#define DERP_NONCE_LEN 24
#define DERP_TAG_LEN 16 /* authenticator of a sealed box */
#define DERP_PING_LEN 8 /* bytes that a pong returns */
#define DERP_IP_LEN 16  /* IPv6, or IPv4 as ::ffff:a.b.c.d */
#define DERP_HEAD_LEN 5 /* type, length */
#define DERP_HEAD_MAX (DERP_HEAD_LEN + 2 * DERP_KEY_LEN)
#define DERP_PACKET_MAX 65536u     /* data bytes of one relayed packet */
#define DERP_FRAME_MAX (1u << 20)  /* what a client accepts in a frame */
#define DERP_WRITE_MAX (10u << 20) /* what a writer puts in a frame */
#define DERP_INFO_MAX 262144u      /* ClientInfo payload a server accepts */
#define DERP_SERVER_KEY_MAX 1024u  /* ServerKey payload a client accepts */
#define DERP_PING_MAX 1000u        /* ping payload a server accepts */
#define DERP_SKIP_MAX 65568u       /* unknown frame every server skips */

#define DERP_ERRORS(X)                                                         \
	X(SHORT, -1, "frame ends before its required fields")                  \
	X(LONG, -2, "frame is longer than its type allows")                    \
	X(LIMIT, -3, "frame length is above the reader's limit")               \
	X(EOF, -4, "stream ends inside a frame")                               \
	X(TYPE, -5, "frame type is not valid here")                            \
	X(VALUE, -6, "field has a value that the protocol forbids")            \
	X(NOBUF, -7, "output does not fit the buffer")                         \
	X(BOX, -8, "sealed box does not open with these keys")                 \
	X(JSON, -9, "info message is not the JSON it should be")               \
	X(STATE, -10, "call is not allowed in this state")                     \
	X(TIMEOUT, -11, "peer was silent for too long")                        \
	X(HTTP, -12, "HTTP head is malformed")

enum derp_err {
#define X(name, value, text) DERP_E_##name = (value),
	DERP_ERRORS(X)
#undef X
};

/* C: sent by clients, S: by servers, M: by mesh clients only. */
#define DERP_TYPES(X)                                                          \
	X(SERVER_KEY, 0x01, "ServerKey")   /* S  magic 8, key 32, ... */       \
	X(CLIENT_INFO, 0x02, "ClientInfo") /* C  key 32, nonce 24, box */      \
	X(SERVER_INFO, 0x03, "ServerInfo") /* S  nonce 24, box */              \
	X(SEND_PACKET, 0x04, "SendPacket") /* C  dst 32, data */               \
	X(RECV_PACKET, 0x05, "RecvPacket") /* S  src 32, data */               \
	X(KEEP_ALIVE, 0x06, "KeepAlive")   /* S  nothing */                    \
	X(NOTE_PREFERRED, 0x07, "NotePreferred") /* C  home 1 */               \
	X(PEER_GONE, 0x08, "PeerGone")           /* S  key 32, reason 0|1 */   \
	X(PEER_PRESENT, 0x09, "PeerPresent")     /* S  key 32, addr 18, */     \
						 /*    flags 1, app 1+n */     \
	X(FORWARD_PACKET, 0x0a, "ForwardPacket") /* M  src 32, dst 32, data */ \
	X(WATCH_CONNS, 0x10, "WatchConns")       /* M  nothing */              \
	X(CLOSE_PEER, 0x11, "ClosePeer")         /* M  key 32 */               \
	X(PING, 0x12, "Ping")                    /* CS opaque 8, ... */        \
	X(PONG, 0x13, "Pong")                    /* CS opaque 8, ... */        \
	X(HEALTH, 0x14, "Health")                /* S  text, empty clears */   \
	X(RESTARTING, 0x15, "Restarting")        /* S  in 4, try 4, in ms */

enum derp_type {
#define X(name, value, text) DERP_##name = (value),
	DERP_TYPES(X)
#undef X
};

unsigned derp_version(void);
const char *derp_strerror(int err);        /* never NULL */
const char *derp_type_name(uint32_t type); /* "Ping"; NULL if unknown */
int derp_type_find(const char *name);      /* any case; -1 if unknown */

/* The 8 bytes that open a ServerKey (DERP-LOGIN-1). */
extern const uint8_t derp_magic[DERP_MAGIC_LEN];

/* ---- frames: reading ------------------------------------------------- */

/* One frame off the wire.  have < len: the payload was longer than the
 * buffer lent for it: the first have bytes are here, the rest is dropped
 * (the reference's "short buffer"). */
struct derp_frame {
	uint32_t type;       /* enum derp_type, or a value it does not name */
	uint32_t len;        /* payload length on the wire */
	uint32_t have;       /* payload bytes at body */
	const uint8_t *body; /* borrowed: the input, or the lent buffer; not
				NULL, also when have is 0 */
};

/* Takes frames off a stream in two steps, so that a length can be judged
 * before a payload byte arrives and memory is lent only while a frame is
 * incomplete.  Plain data: copy it, put it anywhere, never free it.  The
 * fields are private. */
struct derp_reader {
	uint8_t *buf;      /* lent for the current payload */
	uint32_t cap;      /* bytes of buf */
	uint32_t max;      /* limit on the length field */
	uint32_t len, got; /* of the current payload */
	uint32_t nhead;    /* header bytes so far */
	int err;           /* sticks */
	uint8_t head[DERP_HEAD_LEN];
};

enum derp_step {
	DERP_NEED = 0,  /* the input is used up */
	DERP_HEAD = 1,  /* f->type and f->len are known, no payload yet: lend,
			   or skip, or close; then call again */
	DERP_FRAME = 2, /* *f is whole */
};

/* max bounds the length field: a larger one is DERP_E_LIMIT, told as soon as
 * the header is complete.  UINT32_MAX is no limit. */
void derp_reader_init(struct derp_reader *r, uint32_t max);

/* Take bytes from *in, advancing *in and *len past what was used.  Returns an
 * enum derp_step, or an error, which then repeats until derp_reader_init().
 * DERP_HEAD comes once for every frame, an empty one included.  How the
 * stream is cut into calls never changes what comes out, except whether body
 * points into the input or into the lent buffer. */
int derp_reader_next(struct derp_reader *r, const uint8_t **in, size_t *len,
		     struct derp_frame *f);

/* At DERP_HEAD: where to put the payload while it is not contiguous in the
 * input.  Without a call, or with cap 0, the payload is skipped (have = 0).
 * A frame longer than cap loses its end, also when it is contiguous.  buf
 * stays lent until the next DERP_FRAME.  At any other time the call has no
 * effect. */
void derp_reader_lend(struct derp_reader *r, uint8_t *buf, uint32_t cap);

/* Payload bytes of the current frame that have arrived; 0 between frames. */
uint32_t derp_reader_got(const struct derp_reader *r);

/* The stream ended: 0 between frames, DERP_E_EOF inside one, or the error
 * that already stuck. */
int derp_reader_end(const struct derp_reader *r);

/* A frame that must come next (the reference's ReadFrameTypeHeader):
 * DERP_E_TYPE if f is of another type, DERP_E_LIMIT if longer than max. */
int derp_frame_expect(const struct derp_frame *f, enum derp_type want,
		      uint32_t max);

/* ---- frames: fields -------------------------------------------------- */

/* Every pointer is borrowed.  The same struct is what derp_parse() fills and
 * derp_build() takes, so the two are inverses.  Absent is not zero: an absent
 * number is -1, an absent pointer NULL.  An empty packet, box, text or name
 * is not absent: parsed, its pointer is not NULL. */
struct derp_m_server_key {
	const uint8_t *key;
};
struct derp_m_client_info {
	const uint8_t *key, *nonce, *box;
	uint32_t len;
};
struct derp_m_server_info {
	const uint8_t *nonce, *box;
	uint32_t len;
};
struct derp_m_packet { /* src: Recv, Forward; dst: Send, Forward */
	const uint8_t *src, *dst, *data;
	uint32_t len;
};
struct derp_m_preferred {
	uint32_t home;
}; /* any non-zero is true */
struct derp_m_gone {
	const uint8_t *key;
	int reason;
};
/* 32 bytes: key alone, as when fewer than 18 follow.  50: address and port,
 * 51: flags, 52 + n: a name of n bytes.  A name that is cut (n is more than
 * what follows) is absent, and its length byte is in the tail.  A name that
 * is too long or not printable is reported as it is: see DERP_APP_MAX. */
struct derp_m_present {
	const uint8_t *key;
	const uint8_t *ip; /* DERP_IP_LEN bytes */
	int port;          /* absent exactly when ip is */
	int flags;
	const uint8_t *app; /* not NUL-terminated; NULL: absent */
	int app_len;        /* -1: absent; 0: an empty name */
};
struct derp_m_close {
	const uint8_t *key;
};
struct derp_m_ping {
	uint8_t data[DERP_PING_LEN];
};
struct derp_m_health {
	const uint8_t *text;
	uint32_t len;
};
struct derp_m_restarting {
	uint32_t reconnect_ms, try_ms;
};

struct derp_msg {
	uint32_t type;
	uint32_t tail; /* payload bytes after the fields we know; not built */
	union {
		struct derp_m_server_key server_key;
		struct derp_m_client_info client_info;
		struct derp_m_server_info server_info;
		struct derp_m_packet packet; /* Send, Recv, Forward */
		struct derp_m_preferred preferred;
		struct derp_m_gone gone;
		struct derp_m_present present;
		struct derp_m_close close;
		struct derp_m_ping ping; /* Ping and Pong */
		struct derp_m_health health;
		struct derp_m_restarting restarting;
	};
};

/* Protocol version 0 and 1 sent RecvPacket without the source key. */
enum derp_wire { DERP_WIRE_V2 = 0, DERP_WIRE_V1 = 1 };

/* Split a whole frame (have == len, else DERP_E_SHORT) into fields.  An
 * unnamed type is DERP_E_TYPE: skip the frame, as the protocol asks.
 * DERP_E_VALUE: the magic of a ServerKey is wrong.  The parser reports,
 * derp_rule() judges. */
int derp_parse(struct derp_msg *m, const struct derp_frame *f,
	       enum derp_wire wire);

/* Serialise m, header included, into out[cap]; *n is the bytes written.
 * A RecvPacket with src NULL takes the version 1 form.  DERP_E_VALUE: a field
 * is missing or does not fit its bytes, or is there although one before it is
 * not (PeerPresent).  DERP_E_LIMIT: the payload is above DERP_WRITE_MAX.  out
 * must not overlap what m borrows. */
int derp_build(const struct derp_msg *m, uint8_t *out, size_t cap, size_t *n);

/* The same, for every type, without copying bulk data: iov[0] is in head,
 * iov[1] borrows m's data (packet, box, text or name) and may be empty. */
int derp_build_iov(const struct derp_msg *m, uint8_t head[DERP_HEAD_MAX],
		   struct iovec iov[2]);

/* A header alone: any type, any length (for those who test other people's
 * readers). */
void derp_head_build(uint8_t out[DERP_HEAD_LEN], uint32_t type, uint32_t len);

/* ---- frames: rules --------------------------------------------------- */

enum derp_from {
	DERP_FROM_CLIENT = 1,
	DERP_FROM_SERVER = 2,
	DERP_FROM_MESH = 4
};

/* Who may send a type, and with which payload length.  A server closes when
 * a client's frame is out of bounds, a client skips one that is too short.
 * max is DERP_FRAME_MAX where only the client's reader has a limit.  Two
 * exceptions: a server ignores a Pong of any length, and the most of a Ping
 * binds clients only. */
struct derp_rule {
	uint32_t type;
	uint32_t from;     /* enum derp_from bits */
	uint32_t min, max; /* payload bytes */
};

/* NULL for an unnamed type. */
const struct derp_rule *derp_rule(uint32_t type);

#endif
