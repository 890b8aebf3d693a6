/*
 * client.h - what one client says: request, ClientInfo, pings; and what the
 * decoder makes of it.
 */
#ifndef CAPTURE_TESTS_CLIENT_H
#define CAPTURE_TESTS_CLIENT_H

#include "builder.h"

#define C0 1000u /* the client's first byte */
#define S0 5000u

#define OPENED "1- open\n1> http GET\n1- start fast-start\n"
#define LOGIN OPENED "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"
#define PING(n) "1> Ping " n n n n n n n n " 8\n"

/* A client's stream: request, ClientInfo, num pings filled with 1, 2, ... */
static inline void client_stream(struct build *s, int num)
{
	int i;

	memset(s, 0, sizeof(*s));
	text(s, FAST_REQUEST);
	client_info(s);
	for (i = 1; i <= num; i++)
		ping(s, (uint8_t)i);
}

#define REQUEST_LEN (sizeof(FAST_REQUEST) - 1)
#define LOGIN_LEN (REQUEST_LEN + DERP_HEAD_LEN + 104)
#define PING_FRAME (DERP_HEAD_LEN + DERP_PING_LEN)

/* Bytes [from, to) of the client's stream as one segment. */
static inline void part(struct build *b, uint32_t first, const struct build *s,
			size_t from, size_t to)
{
	segment(b, CLIENT, first + (uint32_t)from, 0, s->bytes + from,
		to - from);
}

#define TEST(f)                                                                \
	{                                                                      \
#f, f, NULL, NULL, NULL                                        \
	}

#endif
