/*
 * files.h - capture files of every form around one small conversation: a SYN,
 * a request with its login, a ping.
 */
#ifndef CAPTURE_TESTS_FILES_H
#define CAPTURE_TESTS_FILES_H

#include "derp_key.h"
#include "builder.h"

#define LOGIN                                                                  \
	"1- open\n1> http GET\n1- start fast-start\n"                          \
	"1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n"                               \
	"1> Ping 0101010101010101 8\n"

static inline void u16(struct build *b, bool big, uint32_t v)
{
	if (big)
		put_be16(b, v);
	else
		put_le16(b, v);
}

static inline void u32(struct build *b, bool big, uint32_t v)
{
	if (big)
		put_be32(b, v);
	else
		put_le32(b, v);
}

static const uint16_t ports[2] = { 40000, 3340 };

/* The three packets of every test: SYN, request and login, a ping. */
static inline void stream(struct build *s, size_t *cut)
{
	memset(s, 0, sizeof(*s));
	text(s, FAST_REQUEST);
	client_info(s);
	*cut = s->len;
	ping(s, 1);
}

static inline struct ip_tcp packet(const struct build *s, size_t cut, int i)
{
	struct ip_tcp t = { CLIENT, 1000, 0, 0, "", 0, ports };

	if (i == 0) {
		t.seq = 999;
		t.flags = TCP_SYN;
	} else if (i == 1) {
		t.data = s->bytes;
		t.len = cut;
	} else {
		t.seq = 1000 + (uint32_t)cut;
		t.data = s->bytes + cut;
		t.len = s->len - cut;
	}
	return t;
}

static inline void begin_pcap(struct build *b, bool big, uint32_t magic,
			      uint32_t link)
{
	memset(b, 0, sizeof(*b));
	u32(b, big, magic);
	u16(b, big, 2);
	u16(b, big, 4);
	put_zero(b, 8);
	u32(b, big, 65535);
	u32(b, big, link);
}

static inline void put_hex(struct build *b, const char *hex)
{
	uint8_t byte;

	for (; hex != NULL && hex[0] != '\0'; hex += 2) {
		if (*hex == ' ') {
			hex--;
			continue;
		}
		assert_int_equal(derp_hex_decode(&byte, 1, hex, 2), 0);
		put_u8(b, byte);
	}
}

/* ---- pcapng ------------------------------------------------------------ */

static inline void block(struct build *b, bool big, uint32_t type,
			 const struct build *body)
{
	uint32_t len = 12 + (uint32_t)(body->len + 3) / 4 * 4;

	u32(b, big, type);
	u32(b, big, len);
	put(b, body->bytes, body->len);
	put_zero(b, (4 - body->len % 4) % 4);
	u32(b, big, len);
}

static inline void section(struct build *b, bool big)
{
	struct build body = { 0 };

	u32(&body, big, 0x1a2b3c4d);
	u16(&body, big, 1);
	u16(&body, big, 0);
	u32(&body, big, UINT32_MAX);
	u32(&body, big, UINT32_MAX);
	block(b, big, 0x0a0d0d0a, &body);
	build_free(&body);
}

/* tsresol < 0: no option. */
static inline void interface(struct build *b, bool big, uint32_t link,
			     int tsresol)
{
	struct build body = { 0 };

	u16(&body, big, link);
	u16(&body, big, 0);
	u32(&body, big, 0);
	if (tsresol >= 0) {
		u16(&body, big, 2); /* a name first: options are walked */
		u16(&body, big, 3);
		put(&body, "eth\0", 4);
		u16(&body, big, 9);
		u16(&body, big, 1);
		put_u8(&body, (uint32_t)tsresol);
		put_zero(&body, 3);
		u32(&body, big, 0);
	}
	block(b, big, 1, &body);
	build_free(&body);
}

static inline void enhanced(struct build *b, bool big, uint32_t iface,
			    uint64_t ts, const struct build *one)
{
	struct build body = { 0 };

	u32(&body, big, iface);
	u32(&body, big, (uint32_t)(ts >> 32));
	u32(&body, big, (uint32_t)ts);
	u32(&body, big, (uint32_t)one->len);
	u32(&body, big, (uint32_t)one->len);
	put(&body, one->bytes, one->len);
	block(b, big, 6, &body);
	build_free(&body);
}

/* What other tools put between packets. */
static inline void strangers(struct build *b, bool big)
{
	struct build body = { 0 };

	block(b, big, 5, &body);           /* statistics */
	text(&body, "KLST\4\0\0\0secret"); /* decryption secrets */
	block(b, big, 10, &body);
	block(b, big, 0x0bad, &body);
	build_free(&body);
}

static inline void one_packet(struct build *one, const struct build *s,
			      size_t cut, int i, bool ether)
{
	struct ip_tcp t = packet(s, cut, i);

	memset(one, 0, sizeof(*one));
	if (ether)
		put_hex(one, "0200000000010200000000020800");
	put_ipv4(one, &t, 0);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
