/*
 * wire.c - see wire.h.
 */
#include "wire.h"
#include "fuzz.h"

#define LINK_RAW 101
#define HEADS_LEN 40 /* of IPv4 and TCP */

enum { SYN = 2, ACK = 16 };

static const char request[] = "GET /derp HTTP/1.1\r\nHost: h\r\n"
			      "Connection: Upgrade\r\nUpgrade: DERP\r\n\r\n";
static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
			     "Upgrade: DERP\r\nConnection: Upgrade\r\n\r\n";

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* off counts from the SYN. */
static void packet(struct wire *w, bool server, uint32_t off, uint8_t flags,
		   const void *data, size_t len)
{
	size_t n = HEADS_LEN + len;
	uint8_t *p = calloc(1, n);
	struct capture_packet cp = { LINK_RAW, w->ns += 1000, 9,
				     p,        (uint32_t)n,   (uint32_t)n };

	fuzz_check(p != NULL && len <= WIRE_DATA_MAX);
	put32(p, 0x45000000u | (uint32_t)n);
	put32(p + 8, 0x40060000);
	put32(p + 12, 0x7f000001u + server);
	put32(p + 16, 0x7f000002u - server);
	put32(p + 20, server ? 3340u << 16 | 40000u : 40000u << 16 | 3340u);
	put32(p + 24, w->isn + off);
	put32(p + 28, w->isn + 1); /* never says that something is lost */
	p[32] = 0x50;
	p[33] = flags;
	if (len != 0)
		memcpy(p + HEADS_LEN, data, len);
	fuzz_check(capture_packet(w->c, &cp) == 0);
	free(p);
}

void wire_open(struct wire *w, capture_event_fn *event, void *ctx, uint32_t isn)
{
	w->c = capture_new(event, ctx, NULL);
	w->ns = 0;
	w->isn = isn;
	fuzz_check(w->c != NULL);
	packet(w, false, 0, SYN, "", 0);
	packet(w, true, 0, SYN | ACK, "", 0);
	packet(w, false, 1, ACK, request, sizeof(request) - 1);
	packet(w, true, 1, ACK, answer, sizeof(answer) - 1);
}

void wire_data(struct wire *w, bool server, uint32_t at, const void *data,
	       size_t len)
{
	uint32_t base = server ? sizeof(answer) : sizeof(request);

	packet(w, server, base + at, ACK, data, len);
}

void wire_close(struct wire *w)
{
	fuzz_check(capture_end(w->c) == 0);
	capture_free(w->c);
}
