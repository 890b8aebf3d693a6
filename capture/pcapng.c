/*
 * pcapng.c - packets out of pcapng blocks.
 *
 *   +------+--------+------------------------+--------+
 *   | type | length | body, padded to 4      | length |
 *   +------+--------+------------------------+--------+
 *
 * A section header sets the byte order and forgets the interfaces before it;
 * each interface has its own link type and unit of time.
 */
#include <string.h>

#include "capfile_in.h"

enum {
	NG_INTERFACE = 1,
	NG_PACKET = 2, /* obsolete, still written by some */
	NG_SIMPLE = 3,
	NG_ENHANCED = 6,
	NG_SECRETS = 10,
};

enum { NG_OPT_END = 0, NG_OPT_TSRESOL = 9, NG_OPT_TSOFFSET = 14 };

#define NG_BLOCK_MIN 12u
#define NG_KEYLOG 0x544c534bu /* kind of secrets */
/* A packet with its head and options; other blocks of this size are passed
 * over without being kept. */
#define NG_BLOCK_MAX (CAPFILE_PACKET_MAX + 65536u * 4u)

static const uint64_t second_ns = 1000000000;

static int damaged(struct capfile *f, const char *what)
{
	return capfile_fail(f, CAPTURE_E_FORMAT,
			    "byte %llu: %s: the file is damaged from here on",
			    (unsigned long long)f->pos, what);
}

/* ---- time -------------------------------------------------------------- */

static int set_resolution(struct capfile_iface *iface, uint8_t v)
{
	int i, n = v % 0x80;

	iface->units = 1;
	iface->shift = -1;
	if (v >= 0x80) {
		if (n > 63)
			return -1;
		iface->shift = n;
		iface->digits = 9;
		return 0;
	}
	if (n > 19)
		return -1;
	for (i = 0; i < n; i++)
		iface->units *= 10;
	iface->digits = n < 9 ? n : 9;
	return 0;
}

static int64_t to_ns(const struct capfile_iface *iface, uint64_t t)
{
	uint64_t sec, frac, bits;
	int64_t s;

	if (iface->shift >= 0) {
		sec = t >> iface->shift;
		frac = t - (sec << iface->shift);
		bits = iface->shift > 32 ? frac >> (iface->shift - 32)
					 : frac << (32 - iface->shift);
		frac = (bits * second_ns) >> 32;
	} else {
		sec = t / iface->units;
		frac = t % iface->units;
		if (iface->units > second_ns)
			frac /= iface->units / second_ns;
		else
			frac *= second_ns / iface->units;
	}
	/* A time that no clock shows is any time. */
	if (sec > 1u << 31 || iface->epoch_s > INT32_MAX ||
	    iface->epoch_s < -INT32_MAX)
		s = 0;
	else
		s = (int64_t)sec + iface->epoch_s;
	return s * (int64_t)second_ns + (int64_t)frac;
}

/* ---- blocks without packets -------------------------------------------- */

static int64_t read_s64(const struct capfile *f, const uint8_t *p)
{
	uint64_t hi = capfile_u32(f, f->big ? p : p + 4);
	uint64_t lo = capfile_u32(f, f->big ? p + 4 : p);
	uint64_t v = hi << 32 | lo;

	return v > INT64_MAX ? -(int64_t)(UINT64_MAX - v) - 1 : (int64_t)v;
}

static int interface_options(struct capfile *f, struct capfile_iface *iface,
			     const uint8_t *p, size_t len)
{
	uint32_t code, n, padded;

	while (len >= 4) {
		code = capfile_u16(f, p);
		n = capfile_u16(f, p + 2);
		padded = (n + 3) / 4 * 4;
		p += 4;
		len -= 4;
		if (code == NG_OPT_END)
			break;
		if (padded > len)
			return damaged(f, "an interface option is too long");
		if (code == NG_OPT_TSRESOL && n == 1 &&
		    set_resolution(iface, p[0]) < 0)
			return damaged(f, "no such unit of time");
		if (code == NG_OPT_TSOFFSET && n == 8)
			iface->epoch_s = read_s64(f, p);
		p += padded;
		len -= padded;
	}
	return 0;
}

static int take_interface(struct capfile *f, const uint8_t *body, size_t len)
{
	struct capfile_iface *iface;

	if (len < 8)
		return damaged(f, "an interface block is too short");
	if (f->num_ifaces >= CAPFILE_IFACES_MAX)
		return damaged(f, "too many interfaces");
	iface = capfile_add_iface(f);
	if (iface == NULL)
		return capfile_fail(f, CAPTURE_E_MEMORY, "out of memory");
	iface->link = capfile_u16(f, body);
	iface->snaplen = capfile_u32(f, body + 4);
	return interface_options(f, iface, body + 8, len - 8);
}

/* 1 when the section's head is sound; 0 at the end of the file. */
static int begin_section(struct capfile *f)
{
	static const uint8_t big[4] = { 0x1a, 0x2b, 0x3c, 0x4d };
	static const uint8_t little[4] = { 0x4d, 0x3c, 0x2b, 0x1a };
	const uint8_t *p;
	int ret;

	ret = capfile_need(f, 16);
	if (ret <= 0)
		return ret < 0 ? ret : capfile_over(f);
	p = f->data + f->at;
	if (memcmp(p + 8, big, 4) != 0 && memcmp(p + 8, little, 4) != 0)
		return damaged(f, "a section without byte order");
	f->big = memcmp(p + 8, big, 4) == 0;
	if (capfile_u16(f, p + 12) != 1)
		return damaged(f, "pcapng version is not 1");
	f->num_ifaces = 0;
	return 1;
}

/* ---- packets ----------------------------------------------------------- */

/* The body of a packet block: fixed bytes, then the packet. */
static int give(struct capfile *f, struct capture_packet *p, uint32_t index,
		const uint8_t *body, size_t len, size_t fixed, uint32_t have)
{
	if (index >= f->num_ifaces)
		return damaged(f, "a packet of an interface that is not there");
	if (have > CAPFILE_PACKET_MAX || have > len - fixed)
		return damaged(f, "a packet is longer than its block");
	p->link = f->ifaces[index].link;
	p->ts_digits = f->ifaces[index].digits;
	p->bytes = body + fixed;
	p->len = have;
	if (p->wire_len < have)
		p->wire_len = have;
	return 1;
}

static int take_enhanced(struct capfile *f, struct capture_packet *p,
			 uint32_t type, const uint8_t *body, size_t len)
{
	uint64_t t;
	uint32_t index;
	int ret;

	if (len < 20)
		return damaged(f, "a packet block is too short");
	index = type == NG_ENHANCED ? capfile_u32(f, body)
				    : capfile_u16(f, body);
	p->wire_len = capfile_u32(f, body + 16);
	ret = give(f, p, index, body, len, 20, capfile_u32(f, body + 12));
	if (ret < 0)
		return ret;
	t = (uint64_t)capfile_u32(f, body + 4) << 32 | capfile_u32(f, body + 8);
	p->ts_ns = to_ns(&f->ifaces[index], t);
	return 1;
}

/* Has neither time nor captured length: the time is that of the packet
 * before, the length what the interface's snap length leaves. */
static int take_simple(struct capfile *f, struct capture_packet *p,
		       const uint8_t *body, size_t len)
{
	uint32_t have;

	if (len < 4)
		return damaged(f, "a packet block is too short");
	if (f->num_ifaces == 0)
		return damaged(f, "a packet before any interface");
	have = capfile_u32(f, body);
	p->wire_len = have;
	if (f->ifaces[0].snaplen != 0 && have > f->ifaces[0].snaplen)
		have = f->ifaces[0].snaplen;
	p->ts_ns = f->last_ns;
	return give(f, p, 0, body, len, 4, have);
}

/* Of another kind than a TLS key log, they are not for us. */
static int take_secrets(struct capfile *f, const uint8_t *body, size_t len)
{
	uint32_t n;

	if (len < 8 || capfile_u32(f, body) != NG_KEYLOG)
		return 0;
	n = capfile_u32(f, body + 4);
	if (n > len - 8)
		return damaged(f, "secrets are longer than their block");
	if (f->secrets(f->secrets_ctx, body + 8, n) < 0)
		return capfile_fail(f, CAPTURE_E_MEMORY, "out of memory");
	return 0;
}

/* 1: a packet.  0: none in this block. */
static int take_block(struct capfile *f, struct capture_packet *p,
		      uint32_t type, const uint8_t *body, size_t len)
{
	switch (type) {
	case NG_INTERFACE:
		return take_interface(f, body, len);
	case NG_SIMPLE:
		return take_simple(f, p, body, len);
	case NG_PACKET:
	case NG_ENHANCED:
		return take_enhanced(f, p, type, body, len);
	case NG_SECRETS:
		return take_secrets(f, body, len);
	default:
		return 0;
	}
}

/* Secrets that are too many are passed over like what nobody knows. */
static bool is_kept(const struct capfile *f, uint32_t type, uint32_t len)
{
	if (type == NG_SECRETS)
		return f->secrets != NULL && len <= NG_BLOCK_MAX;
	return type == NG_INTERFACE || type == NG_SIMPLE || type == NG_PACKET ||
	       type == NG_ENHANCED;
}

/* 1: a packet.  2: a block without one.  0: the file is over. */
static int next_block(struct capfile *f, struct capture_packet *p)
{
	const uint8_t *head;
	uint32_t type, len;
	int ret;

	ret = capfile_need(f, 8);
	if (ret <= 0)
		return ret < 0 ? ret : capfile_over(f);
	type = capfile_u32(f, f->data + f->at);
	if (type == CAPFILE_NG_SECTION) {
		ret = begin_section(f);
		if (ret <= 0)
			return ret;
	}
	len = capfile_u32(f, f->data + f->at + 4);
	if (len < NG_BLOCK_MIN || len % 4 != 0)
		return damaged(f, "a block of impossible length");
	if (!is_kept(f, type, len)) {
		ret = capfile_skip(f, len);
		if (ret == 0)
			f->cut = true;
		return ret == 1 ? 2 : ret;
	}
	if (len > NG_BLOCK_MAX)
		return damaged(f, "a packet block of impossible length");
	ret = capfile_need(f, len);
	if (ret <= 0)
		return ret < 0 ? ret : capfile_over(f);
	head = f->data + f->at;
	if (capfile_u32(f, head + len - 4) != len)
		return damaged(f, "a block whose two lengths differ");
	ret = take_block(f, p, type, head + 8, len - NG_BLOCK_MIN);
	if (ret < 0)
		return ret;
	capfile_take(f, len);
	return ret == 1 ? 1 : 2;
}

int capfile_next_ng(struct capfile *f, struct capture_packet *p)
{
	int ret;

	do
		ret = next_block(f, p);
	while (ret == 2);
	return ret;
}
