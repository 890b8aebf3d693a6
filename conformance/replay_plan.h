/*
 * replay_plan.h - a capture as something that can be played again.
 *
 *   capture events --> steps in order of time --> keys become numbers
 *                          |                          |
 *                          v                          v
 *     LOGIN conn0, SEND conn0 dst=client1, ANSWER conn1 src=client0, CLOSE
 *
 * Nothing here knows sockets, clocks or chance: a plan is a function of the
 * events.  Keys of the capture are replaced by who they belong to (struct
 * replay_ref); the player gives each of these a fresh key.
 *
 * Ownership: a plan owns its steps and their bytes; struct replay_norm borrows
 *            what it points to.
 * Errors:    0, or -1 with one line for people in why[].
 */
#ifndef REPLAY_PLAN_H
#define REPLAY_PLAN_H

#include "capture.h"

#define REPLAY_NONE UINT32_MAX
#define REPLAY_END 0x100u           /* "type" of a connection's end */
#define REPLAY_MEM_MAX (512u << 20) /* bytes of frames in a plan */
#define REPLAY_CONNS_MAX 4096u
#define REPLAY_WHY_MAX 256
#define REPLAY_TEXT_MAX 192

enum replay_who {
	REPLAY_CLIENT,  /* somebody whose connection the capture shows */
	REPLAY_UNKNOWN, /* somebody else whom frames name */
	REPLAY_SERVER,
	REPLAY_STRANGER, /* live: a key that is not ours */
};

struct replay_ref {
	enum replay_who who;
	uint32_t num;
};

/* ---- keys ------------------------------------------------------------- */

/* Which key belongs to whom.  Zero it to begin. */
struct replay_keys {
	struct replay_slot *slots;
	uint32_t num, cap; /* cap is a power of two */
	uint8_t secret[16];
};

/* -1: memory.  A key that is there keeps its first owner. */
int replay_keys_add(struct replay_keys *k, const uint8_t key[DERP_KEY_LEN],
		    struct replay_ref ref);
/* A stranger when it is not there. */
struct replay_ref replay_keys_find(const struct replay_keys *k,
				   const uint8_t key[DERP_KEY_LEN]);
void replay_keys_clear(struct replay_keys *k);

/* ---- normal form ------------------------------------------------------ */

/* A frame without what differs from run to run: keys are owners, boxes,
 * nonces and addresses are gone, pings are numbers. */
struct replay_norm {
	uint32_t type; /* enum derp_type, another frame type, or REPLAY_END */
	struct replay_ref key;  /* dst, or src of an answer, or who it tells */
	struct replay_ref from; /* source of a ForwardPacket */
	int reason;             /* PeerGone */
	int flags;              /* PeerPresent */
	const uint8_t *app;     /* PeerPresent; NULL: none told */
	uint32_t app_len;
	uint32_t ping;       /* number of a Ping or Pong; REPLAY_NONE */
	const uint8_t *data; /* packet, text or body */
	uint32_t have, len;  /* of data: here, and on the wire */
	uint32_t tail;       /* bytes behind the fields that we know */
};

/* Of a whole or cut frame; ping is REPLAY_NONE, data its 8 bytes then. */
void replay_norm_frame(struct replay_norm *n, const struct derp_frame *f,
		       const struct replay_keys *keys);
/* Do they say the same?  Bytes that a capture lacks, and application names
 * that one side's version does not tell, are not compared. */
bool replay_norm_equal(const struct replay_norm *a,
		       const struct replay_norm *b);
/* May the second be meant as the first: same kind, about the same peer? */
bool replay_norm_alike(const struct replay_norm *a,
		       const struct replay_norm *b);
/* Is it of a kind whose frames keep their order on a connection? */
bool replay_norm_ordered(const struct replay_norm *n);
/* Servers send these when they like. */
bool replay_norm_unprompted(uint32_t type);
/* "RecvPacket src=client0 5 bytes "hello"", printable ASCII. */
void replay_norm_text(char out[REPLAY_TEXT_MAX], const struct replay_norm *n);
bool replay_is_disco(const struct replay_norm *n);

/* ---- the plan --------------------------------------------------------- */

enum replay_what {
	REPLAY_LOGIN,
	REPLAY_SEND,   /* a client's frame */
	REPLAY_ANSWER, /* a server's frame, or its closing */
	REPLAY_CLOSE,  /* a client ends its connection */
	REPLAY_HOLE,   /* the capture lost bytes of the server */
};

struct replay_step {
	enum replay_what what;
	bool optional;    /* ANSWER: may be missing, is not waited for */
	bool added;       /* not in the capture: what happened before it */
	bool reset;       /* CLOSE: by RST */
	bool needs_token; /* SEND: draws one of the server's few NotHere */
	bool may_draw;    /* SEND: may draw one */
	bool unsure;      /* SEND: its receiver writes right after */
	bool in_burst;    /* SEND: one of many to its receiver */
	uint32_t conn;
	uint32_t link;  /* SEND and ANSWER that belong together */
	uint32_t after; /* ANSWER: before this step it is not its answer */
	uint32_t order, place; /* private, for sorting */
	int64_t ts_ns;
	uint64_t packet;
	uint64_t lost; /* HOLE */
	struct replay_norm norm;
	uint8_t *body; /* payload as captured; owned */
	uint32_t len;
};

struct replay_conn {
	uint32_t flow; /* number in the capture */
	enum capture_mode mode;
	uint32_t client; /* whose: index into clients */
	bool logged_in;  /* ClientInfo was seen; else it began before */
	bool accepted;   /* the server answered it with ServerInfo, or more */
	bool has_key, has_server_key;
	uint8_t key[DERP_KEY_LEN]; /* as captured */
	uint8_t server_key[DERP_KEY_LEN];
	bool mesh, watches, ideal_other;
	bool watched_before; /* watches, though not since the capture began */
	bool lost_sends, lost_answers, skip;
	bool client_ended, server_ended;
	bool framed[2];   /* a frame was seen; per enum capture_dir */
	uint32_t box_len; /* of its ClientInfo */
	int64_t up_ns;    /* when ServerInfo came; 0: not seen */
	uint32_t end;     /* its last step; NONE: it stays */
};

/* An answer that the capture does not show, but could have: the server had
 * the choice, or chance had. */
struct replay_extra {
	uint32_t conn;
	struct replay_norm norm;
};

/* What must be told of a client at login, as far as it can be known. */
struct replay_client {
	bool known; /* its captured key */
	uint8_t key[DERP_KEY_LEN];
	bool prober, not_ideal;
	uint32_t app_len;
	uint8_t app[DERP_KEY_LEN];
};

struct replay_plan {
	struct replay_step *steps;
	uint32_t num_steps, cap_steps;
	struct replay_conn *conns;
	uint32_t num_conns, cap_conns;
	struct replay_client *clients;
	uint32_t num_clients;
	struct replay_extra *extras;
	uint32_t num_extras, cap_extras;
	uint32_t num_unknown, num_pings;
	uint32_t num_mesh; /* connections that need the mesh key */
	struct replay_keys keys;
	uint64_t mem;
	int64_t race_ns;    /* what is this close may have gone either way */
	uint32_t by_chance; /* answers that are optional for that reason */
	/* What the capture lacks. */
	uint32_t lost_sends; /* connections whose client's bytes are lost */
	uint64_t lost_answer_bytes;
	uint32_t skipped;     /* connections that cannot be played */
	uint32_t no_cause;    /* answers to what is not in the capture */
	uint32_t server_left; /* connections that the server ended unasked */
	uint32_t tls, invalid;
	bool cut_file;       /* it ends inside a packet */
	uint32_t cut_frames; /* or inside of frames */
	int64_t end_ns;
	const char *broken; /* collecting failed */
};

struct replay_plan *replay_plan_new(void); /* NULL: memory */
void replay_plan_free(struct replay_plan *p);

/* Take an event; ctx is the plan. */
int replay_plan_event(void *ctx, const struct capture_event *e);
/* No more events: put them in order, name the keys, join what belongs
 * together.  The plan is ready when this returns 0. */
int replay_plan_finish(struct replay_plan *p, char why[REPLAY_WHY_MAX]);

/* Between the files of the plan. */
void *replay_more(void *array, uint32_t num, uint32_t *cap, size_t size);
int replay_plan_add_step(struct replay_plan *p, const struct replay_step *s);
void replay_plan_sort(struct replay_plan *p);
int replay_plan_people(struct replay_plan *p);
int replay_plan_links(struct replay_plan *p);
int replay_plan_chance(struct replay_plan *p);
bool replay_same(struct replay_ref a, struct replay_ref b);
struct replay_ref replay_client_of(const struct replay_plan *p, uint32_t conn);
/* Of a SendPacket or ForwardPacket. */
struct replay_ref replay_source_of(const struct replay_plan *p,
				   const struct replay_step *s);
bool replay_is_packet(const struct replay_step *s);
bool replay_is_ping(const struct replay_step *s);

#endif
