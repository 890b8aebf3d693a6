/*
 * mutate.c - see mutate.h.
 *
 *   frames --> pick one --> insert | delete | duplicate | swap | retype |
 *                           lie (its length field alone) |
 *                           resize (length and payload) | payload byte
 *
 * Lengths are those where implementations break: 0, one less, one more, the
 * limits of the protocol, one above them, 2^31 and 2^32 - 1.
 */
#include <stdbool.h>
#include <string.h>

#include "derp.h"
#include "mutate.h"

struct frames {
	uint8_t *data;
	size_t size, cap;
	size_t at[MUTATE_FRAMES_MAX + 1]; /* at[num] is where the tail begins */
	size_t num;
	uint32_t *state;
};

uint32_t mutate_random(uint32_t *state)
{
	if (*state == 0)
		*state = 0x9e3779b9;
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static size_t below(uint32_t *state, size_t n)
{
	return n == 0 ? 0 : mutate_random(state) % n;
}

static uint32_t length_at(const uint8_t *head)
{
	return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 |
	       (uint32_t)head[3] << 8 | head[4];
}

static void split(struct frames *f)
{
	size_t at = 0;

	f->num = 0;
	f->at[0] = 0;
	while (f->num < MUTATE_FRAMES_MAX && f->size - at >= DERP_HEAD_LEN) {
		uint32_t len = length_at(f->data + at);

		if (f->size - at - DERP_HEAD_LEN < len)
			break;
		at += DERP_HEAD_LEN + len;
		f->at[++f->num] = at;
	}
}

static size_t frame_len(const struct frames *f, size_t i)
{
	return f->at[i + 1] - f->at[i];
}

/* Make room for n bytes at an offset, or take them away there. */
static bool open_room(struct frames *f, size_t at, size_t n)
{
	if (f->cap - f->size < n)
		return false;
	memmove(f->data + at + n, f->data + at, f->size - at);
	f->size += n;
	return true;
}

static void take_away(struct frames *f, size_t at, size_t n)
{
	memmove(f->data + at, f->data + at + n, f->size - at - n);
	f->size -= n;
}

static uint32_t any_type(struct frames *f)
{
	static const uint8_t types[] = {
#define X(name, value, text) (value),
		DERP_TYPES(X)
#undef X
	};

	if (below(f->state, 4) == 0)
		return mutate_random(f->state) % 256;
	return types[below(f->state, sizeof(types))];
}

/* What the protocol makes special for a type, and small ones. */
static uint32_t any_length(struct frames *f, uint32_t type)
{
	const struct derp_rule *rule = derp_rule(type);
	uint32_t off = (uint32_t)below(f->state, 3);

	if (rule == NULL || below(f->state, 4) == 0)
		return (uint32_t)below(f->state, 80);
	return rule->min + off > 0 ? rule->min + off - 1 : 0;
}

static void fill(struct frames *f, size_t at, size_t n)
{
	bool random = below(f->state, 2) == 0;

	for (size_t i = 0; i < n; i++)
		f->data[at + i] =
			(uint8_t)(random ? mutate_random(f->state) : 0);
}

static bool insert(struct frames *f, size_t i)
{
	uint32_t type = any_type(f), len = any_length(f, type);
	size_t at = f->at[i];

	if (!open_room(f, at, DERP_HEAD_LEN + len))
		return false;
	derp_head_build(f->data + at, type, len);
	fill(f, at + DERP_HEAD_LEN, len);
	return true;
}

static bool duplicate(struct frames *f, size_t i)
{
	size_t n = frame_len(f, i);

	if (!open_room(f, f->at[i], n))
		return false;
	memcpy(f->data + f->at[i], f->data + f->at[i] + n, n);
	return true;
}

static void reverse(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t c = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = c;
	}
}

/* This frame and the next: both turned, then each turned back. */
static bool swap(struct frames *f, size_t i)
{
	size_t a, b;

	if (i + 1 >= f->num)
		return false;
	a = frame_len(f, i);
	b = frame_len(f, i + 1);
	reverse(f->data + f->at[i], a + b);
	reverse(f->data + f->at[i], b);
	reverse(f->data + f->at[i] + b, a);
	return true;
}

static void lie(struct frames *f, size_t i)
{
	static const uint32_t limits[] = { 0,
					   1,
					   8,
					   DERP_PING_MAX,
					   DERP_SERVER_KEY_MAX,
					   DERP_SKIP_MAX,
					   DERP_PACKET_MAX + DERP_KEY_LEN,
					   DERP_INFO_MAX,
					   DERP_FRAME_MAX,
					   DERP_WRITE_MAX,
					   1u << 31,
					   UINT32_MAX };
	uint8_t *head = f->data + f->at[i];
	uint32_t len = length_at(head);

	if (below(f->state, 3) != 0)
		len = limits[below(f->state, sizeof(limits) / sizeof(*limits))];
	len += (uint32_t)below(f->state, 3) - 1;
	derp_head_build(head, head[0], len);
}

static bool resize(struct frames *f, size_t i)
{
	uint8_t *head = f->data + f->at[i];
	uint32_t old = length_at(head), len;
	size_t end = f->at[i + 1];

	switch (below(f->state, 4)) {
	case 0:
		len = old + 1;
		break;
	case 1:
		len = old > 0 ? old - 1 : 0;
		break;
	case 2:
		len = (uint32_t)below(f->state, 8);
		break;
	default:
		len = any_length(f, head[0]);
		break;
	}
	if (len > old && !open_room(f, end, len - old))
		return false;
	if (len > old)
		fill(f, end, len - old);
	else
		take_away(f, end - (old - len), old - len);
	derp_head_build(head, head[0], len);
	return true;
}

static bool payload(struct frames *f, size_t i)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t n = frame_len(f, i) - DERP_HEAD_LEN;
	uint8_t *p;

	if (n == 0)
		return false;
	p = f->data + f->at[i] + DERP_HEAD_LEN + below(f->state, n);
	if (below(f->state, 2) == 0)
		*p = values[below(f->state, sizeof(values))];
	else
		*p ^= (uint8_t)(1u << below(f->state, 8));
	return true;
}

static bool change(struct frames *f)
{
	size_t i = below(f->state, f->num);

	if (f->num == 0)
		return insert(f, 0);
	switch (below(f->state, 7)) {
	case 0:
		return insert(f, below(f->state, f->num + 1));
	case 1:
		take_away(f, f->at[i], frame_len(f, i));
		return true;
	case 2:
		return duplicate(f, i);
	case 3:
		return swap(f, i);
	case 4:
		f->data[f->at[i]] = (uint8_t)any_type(f);
		return true;
	case 5:
		return resize(f, i);
	default:
		return payload(f, i);
	}
}

size_t mutate_frames(uint8_t *data, size_t size, size_t cap, uint32_t *state)
{
	struct frames f = {
		.data = data, .size = size, .cap = cap, .state = state
	};
	size_t left = below(state, 4);
	bool lies = left == 0 || below(state, 8) == 0;

	/* A change may have no room, or nothing to change. */
	for (int tries = 0; tries < 16 && left > 0; tries++) {
		split(&f);
		left -= change(&f);
	}
	/* Last, because behind it frames are no longer where they were. */
	split(&f);
	if (lies && f.num > 0)
		lie(&f, below(state, f.num));
	return f.size;
}

size_t mutate_cross(const uint8_t *a, size_t a_len, const uint8_t *b,
		    size_t b_len, uint8_t *out, size_t cap, uint32_t *state)
{
	/* Only read here. */
	struct frames fa = { .data = (uint8_t *)(uintptr_t)a, .size = a_len };
	struct frames fb = { .data = (uint8_t *)(uintptr_t)b, .size = b_len };
	size_t head, from, middle, tail;

	split(&fa);
	split(&fb);
	head = fa.at[below(state, fa.num + 1)];
	from = fb.at[below(state, fb.num + 1)];
	middle = fb.at[fb.num] - from;
	tail = a_len - fa.at[fa.num];
	if (head > cap || middle > cap - head || tail > cap - head - middle)
		return 0;
	memcpy(out, a, head);
	memcpy(out + head, b + from, middle);
	memcpy(out + head + middle, a + fa.at[fa.num], tail);
	return head + middle + tail;
}
