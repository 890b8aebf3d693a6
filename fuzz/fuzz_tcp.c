/*
 * fuzz_tcp.c - one stream, in segments in order and in disorder.
 *
 *   input:  stream of frames ... | flags 1 | window 1 | cuts 2
 *
 * The stream goes in one direction of a connection that begins with the
 * upgrade, cut into segments.  Oracle: delivered in order, out of order
 * within a window, twice, or overlapping, the same frames come out, and
 * nothing is lost.
 */
#include "story.h"

#define STEER_LEN 4
#define LINK_RAW 101
#define SEGMENTS_MAX 4096
#define HEADS_LEN 40

enum { SYN = 2, ACK = 16 };

static const char request[] = "GET /derp HTTP/1.1\r\nHost: h\r\n"
			      "Connection: Upgrade\r\nUpgrade: DERP\r\n\r\n";
static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
			     "Upgrade: DERP\r\nConnection: Upgrade\r\n\r\n";

struct piece {
	size_t at, len;
};

struct link {
	struct capture *c;
	int64_t ns;
	uint32_t isn; /* of both */
};

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* One packet of raw IPv4; off is from the first byte after the SYN. */
static void packet(struct link *l, bool server, uint32_t off, uint8_t flags,
		   const void *data, size_t len)
{
	size_t n = HEADS_LEN + len;
	uint8_t *p = calloc(1, n);
	struct capture_packet cp = { LINK_RAW, l->ns += 1000, 9,
				     p,        (uint32_t)n,   (uint32_t)n };

	fuzz_check(p != NULL && n <= 0xffff);
	put32(p, 0x45000000u | (uint32_t)n);
	put32(p + 8, 0x40060000);
	put32(p + 12, 0x7f000001u + server);
	put32(p + 16, 0x7f000002u - server);
	put32(p + 20, server ? 3340u << 16 | 40000u : 40000u << 16 | 3340u);
	put32(p + 24, l->isn + off);
	put32(p + 28, l->isn + 1); /* never says that something is lost */
	p[32] = 0x50;
	p[33] = flags;
	if (len != 0)
		memcpy(p + HEADS_LEN, data, len);
	fuzz_check(capture_packet(l->c, &cp) == 0);
	free(p);
}

static size_t cut(struct piece *p, size_t len, uint32_t cuts)
{
	size_t num = 0, at = 0;

	while (at < len && num < SEGMENTS_MAX) {
		size_t left = len - at, n = fuzz_cut(&cuts, left);

		if (num == SEGMENTS_MAX - 1 || n > 16384)
			n = left < 16384 ? left : 16384;
		p[num++] = (struct piece){ at, n };
		at += n;
	}
	return num;
}

static void disorder(struct piece *p, size_t num, size_t window,
		     uint32_t *state)
{
	for (size_t i = 0; i + 1 < num; i++) {
		size_t reach = num - i < window ? num - i : window;
		size_t k = i + fuzz_random(state) % reach;
		struct piece kept = p[i];

		p[i] = p[k];
		p[k] = kept;
	}
}

/* The piece, or a little more on either side of it, which came before or
 * comes again. */
static void deliver(struct link *l, bool server, uint32_t base,
		    const uint8_t *data, size_t size, struct piece p,
		    uint32_t *state)
{
	if (state != NULL && fuzz_random(state) % 4 == 0) {
		size_t more = fuzz_random(state) % 8;

		if (more > p.at)
			more = p.at;
		p.at -= more;
		p.len += more;
	}
	if (state != NULL && fuzz_random(state) % 4 == 0) {
		size_t more = fuzz_random(state) % 8;

		p.len +=
			more < size - p.at - p.len ? more : size - p.at - p.len;
	}
	packet(l, server, base + (uint32_t)p.at, ACK, data + p.at, p.len);
	if (state != NULL && fuzz_random(state) % 8 == 0)
		packet(l, server, base + (uint32_t)p.at, ACK, data + p.at,
		       p.len);
}

struct steer {
	bool server, wraps;
	size_t window;
	uint32_t cuts;
};

static void run(struct story *s, const uint8_t *data, size_t size,
		const struct steer *steer, bool in_order)
{
	static struct piece p[SEGMENTS_MAX];
	struct link l = { .isn = steer->wraps ? 0xffffff00u : 7000 };
	size_t num = cut(p, size, steer->cuts);
	uint32_t base = steer->server ? sizeof(answer) : sizeof(request);
	uint32_t state = steer->cuts + 1;

	memset(s, 0, sizeof(*s));
	s->max = size + 64;
	l.c = capture_new(story_event, s, NULL);
	fuzz_check(l.c != NULL);
	packet(&l, false, 0, SYN, "", 0);
	packet(&l, true, 0, SYN | ACK, "", 0);
	packet(&l, false, 1, ACK, request, sizeof(request) - 1);
	packet(&l, true, 1, ACK, answer, sizeof(answer) - 1);
	if (!in_order)
		disorder(p, num, steer->window, &state);
	for (size_t i = 0; i < num; i++)
		deliver(&l, steer->server, base, data, size, p[i],
			in_order ? NULL : &state);
	fuzz_check(capture_end(l.c) == 0);
	capture_free(l.c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct story plain, mixed;
	struct steer steer;
	const uint8_t *c;

	if (size < STEER_LEN)
		return 0;
	size -= STEER_LEN;
	c = data + size;
	if (size > 60000)
		size = 60000;
	steer = (struct steer){ .server = c[0] & 1,
				.wraps = c[0] & 2,
				.window = c[1] % 32u + 1,
				.cuts = (uint32_t)c[2] << 8 | c[3] | 1 };
	run(&plain, data, size, &steer, true);
	run(&mixed, data, size, &steer, false);
	fuzz_check(plain.num_gaps == mixed.num_gaps);
	fuzz_check(plain.num_invalid == mixed.num_invalid);
	fuzz_check(fuzz_equal(&plain.frames, &mixed.frames));
	story_free(&plain);
	story_free(&mixed);
	return 0;
}
