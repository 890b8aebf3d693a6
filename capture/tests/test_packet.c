/*
 * test_packet.c - link layers, IP and TCP headers.
 */
#include "files.h"

/* ---- link layers ------------------------------------------------------- */

struct layer {
	uint32_t link;
	const char *head; /* hex */
	const char *tail; /* behind the packet: padding */
	bool v6;
	const char *extension; /* of IPv6, hex */
	uint32_t next;         /* first header type of IPv6 */
};

static void put_ipv6(struct build *b, const struct ip_tcp *t,
		     const struct layer *l)
{
	struct build ext = { 0 };
	int i;

	put_hex(&ext, l->extension);
	put_be32(b, 0x60000000);
	put_be16(b, (uint32_t)(ext.len + 20 + t->len));
	put_u8(b, ext.len > 0 ? l->next : 6);
	put_u8(b, 64);
	for (i = 0; i < 2; i++) {
		put_be32(b, 0x20010db8);
		put_zero(b, 8);
		put_be32(b, (uint32_t)(i == 0 ? t->from : !t->from));
	}
	put(b, ext.bytes, ext.len);
	put_tcp(b, t);
	build_free(&ext);
}

static void put_packet(struct build *b, const struct ip_tcp *t,
		       const struct layer *l)
{
	put_hex(b, l->head);
	if (l->v6)
		put_ipv6(b, t, l);
	else
		put_ipv4(b, t, 0);
	put_hex(b, l->tail);
}

static void test_layer(void **state)
{
	const struct layer *l = *state;
	struct build b, s, one;
	struct ip_tcp t;
	size_t cut;
	int i;

	stream(&s, &cut);
	begin_pcap(&b, false, 0xa1b2c3d4, l->link);
	for (i = 0; i < 3; i++) {
		memset(&one, 0, sizeof(one));
		t = packet(&s, cut, i);
		put_packet(&one, &t, l);
		put_le32(&b, 1);
		put_le32(&b, (uint32_t)i);
		put_le32(&b, (uint32_t)one.len);
		put_le32(&b, (uint32_t)one.len);
		put(&b, one.bytes, one.len);
		build_free(&one);
	}
	build_free(&s);
	expect(&b, LOGIN);
}

/* A TCP header that says it is longer than its packet. */
static void test_header_longer_than_packet(void **state)
{
	struct ip_tcp t = { CLIENT, 1000, 0, 0, "1234567", 7, ports };
	struct build b, s = { 0 }, one = { 0 };

	(void)state;
	build_init(&b);
	hello(&b, 1000, 5000);
	text(&s, FAST_REQUEST);
	client_info(&s);
	data(&b, CLIENT, 1000, &s);
	t.seq += (uint32_t)s.len;
	put_ipv4(&one, &t, 0);
	one.bytes[20 + 12] = 0x70;
	put_le32(&b, 2);
	put_le32(&b, 0);
	put_le32(&b, (uint32_t)one.len);
	put_le32(&b, (uint32_t)one.len);
	put(&b, one.bytes, one.len);
	build_free(&one);
	build_free(&s);
	expect(&b, "1- open\n1> http GET\n1- start fast-start\n"
		   "1> ClientInfo c1c1c1c1c1c1c1c1.. 104\n");
}

/* ---- fragments --------------------------------------------------------- */

static void test_fragments_are_told(void **state)
{
	struct ip_tcp t = { CLIENT, 1000, 0, 0, "12345678", 8, ports };
	struct build b, one = { 0 };

	(void)state;
	build_init(&b);
	put_ipv4(&one, &t, 0x2000); /* more fragments */
	put_ipv4(&one, &t, 0x0010); /* a later one */
	put_ipv4(&one, &t, 0x4000); /* do not fragment: none */
	put_le32(&b, 1);
	put_le32(&b, 0);
	put_le32(&b, 48);
	put_le32(&b, 48);
	put(&b, one.bytes, 48);
	put_le32(&b, 1);
	put_le32(&b, 0);
	put_le32(&b, 48);
	put_le32(&b, 48);
	put(&b, one.bytes + 48, 48);
	put_le32(&b, 1);
	put_le32(&b, 0);
	put_le32(&b, 48);
	put_le32(&b, 48);
	put(&b, one.bytes + 96, 48);
	build_free(&one);
	expect(&b, "-- note a fragment of an IP packet: not put together\n"
		   "-- note a fragment of an IP packet: not put together\n");
}

/* ---- all --------------------------------------------------------------- */

#define ETHER "020000000001020000000002"
#define SLL "000003040006000000000000"

static struct layer layers[] = {
	{ 1, ETHER "0800", NULL, false, NULL, 0 },
	{ 1, ETHER "0800", "00000000000000000000", false, NULL, 0 },
	{ 1, ETHER "81000005 0800", NULL, false, NULL, 0 },
	{ 1, ETHER "88a80005 81000006 0800", NULL, false, NULL, 0 },
	{ 1, ETHER "91000005 81000006 86dd", NULL, true, NULL, 0 },
	{ 1, ETHER "86dd", "ffff", true, NULL, 0 },
	{ 113, SLL "0000 0800", NULL, false, NULL, 0 },
	{ 113, SLL "0000 86dd", NULL, true, NULL, 0 },
	{ 276, "0800 0000 00000001 0304 00 06 0000000000000000", NULL, false,
	  NULL, 0 },
	{ 276, "86dd 0000 00000001 0304 00 06 0000000000000000", NULL, true,
	  NULL, 0 },
	{ 0, "02000000", NULL, false, NULL, 0 },
	{ 0, "1e000000", NULL, true, NULL, 0 },
	{ 108, "00000002", NULL, false, NULL, 0 },
	{ 101, "", NULL, false, NULL, 0 },
	{ 101, "", NULL, true, NULL, 0 },
	{ 12, "", NULL, false, NULL, 0 },
	{ 228, "", NULL, false, NULL, 0 },
	{ 229, "", NULL, true, NULL, 0 },
	{ 229, "", NULL, true, "0600 000000000000", 0 },
	{ 229, "", NULL, true, "0601 000000000000 0000000000000000", 60 },
	{ 229, "", NULL, true, "2b00 000000000000 0600 000000000000", 0 },
	{ 229, "", NULL, true, "0600 0000 00000000", 44 },
	{ 229, "", NULL, true,
	  "0604 0000 00000000 0000000000000000"
	  "0000000000000000",
	  51 },
};

static const char *const layer_names[] = {
	"link/ethernet",
	"link/ethernet-padding",
	"link/vlan",
	"link/qinq",
	"link/qinq-old-ipv6",
	"link/ethernet-ipv6-padding",
	"link/cooked",
	"link/cooked-ipv6",
	"link/cooked2",
	"link/cooked2-ipv6",
	"link/null",
	"link/null-ipv6",
	"link/loop",
	"link/raw",
	"link/raw-ipv6",
	"link/raw-old",
	"link/ipv4",
	"link/ipv6",
	"ipv6/hop-by-hop",
	"ipv6/destination-options",
	"ipv6/hop-by-hop-and-routing",
	"ipv6/fragment-header-of-a-whole-packet",
	"ipv6/authentication",
};

static struct CMUnitTest tests[COUNT(layers) + 2];
static size_t num_tests;

static void add(const char *name, CMUnitTestFunction f, void *state)
{
	tests[num_tests++] = (struct CMUnitTest){ name, f, NULL, NULL, state };
}

int main(void)
{
	size_t i;

	_Static_assert(COUNT(layers) == COUNT(layer_names), "a name each");
	for (i = 0; i < COUNT(layers); i++)
		add(layer_names[i], test_layer, &layers[i]);
	add("tcp-header-longer-than-packet", test_header_longer_than_packet,
	    NULL);
	add("fragments-are-told", test_fragments_are_told, NULL);
	return _cmocka_run_group_tests("packet", tests, num_tests, NULL, NULL);
}
