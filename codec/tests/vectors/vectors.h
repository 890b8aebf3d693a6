/*
 * vectors.h - what the generator's tables are made of.
 *
 * The tables are what the Go reference wrote and read; main.go says how each
 * was made.  Bytes are hex text.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdbool.h>
#include <stddef.h>

/* A frame and what the reference reads in it, or meant when it wrote it. */
struct frame_vector {
	const char *name, *frame, *says;
};

struct box_vector {
	const char *name, *priv, *peer, *box, *text;
};

/* A ClientInfo frame of the reference's client, with the server's key. */
struct login_vector {
	const char *name, *server_priv, *frame;
	const char *mesh, *app;
	bool can_ack, prober;
};

/* The text is pre, then mid num times, end num times, post. */
struct json_vector {
	const char *pre, *mid, *end, *post;
	size_t pre_len, num, post_len;
	bool valid; /* is JSON */
	bool client_ok;
	long long version;
	bool can_ack, prober;
	const char *mesh, *app; /* hex; "": none */
	bool server_ok;
	long long server_version, rate, burst;
};

/* A string and how the reference writes it. */
struct string_vector {
	const char *bytes, *json;
};

struct key_vector {
	const char *priv, *pub, *node, *privkey, *brief;
};

/* A request and what a handler of the reference's HTTP library sees. */
struct request_vector {
	const char *name, *text;
	bool ok;
	const char *method, *target, *upgrade; /* NULL: no such header */
	unsigned minor;
};

struct response_vector {
	const char *name, *text;
	bool ok;
	unsigned status;
	const char *upgrade;
};

#endif
