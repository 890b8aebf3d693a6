/*
 * test_compose.c - the bytes that a step sends, without a network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "derp_box.h"
#include "derp_key.h"
#include "run.h"

#define HEAD "case a.b\nreq X\ntitle t\nneeds mesh\nA: login; B: login\n"

static uint8_t server_priv[32], server_pub[32], mesh_key[32];

struct composed {
	struct scenario *s;
	struct engine_options o;
	struct stage stage;
	struct result result;
	struct run *r;
	struct buf out;
	bool good;
};

/* Run what can be run without a server: let steps, then the last step. */
static void compose_last(struct composed *c, const char *steps)
{
	char text[2000];
	const struct scenario_step *st;
	struct buf b = { 0 };

	memset(c, 0, sizeof(*c));
	snprintf(text, sizeof(text), HEAD "%s\nfence A\n", steps);
	c->s = scenario_new();
	if (scenario_parse(c->s, "x", text, strlen(text)) != 0)
		scenario_error_print(stderr, &c->s->errors[0]);
	assert_int_equal(c->s->num_instances, 1);
	c->o.seed = 1;
	c->o.mesh_key = mesh_key;
	c->stage.o = &c->o;
	snprintf(c->stage.host_line, sizeof(c->stage.host_line), "h:1");
	memcpy(c->stage.server_key, server_pub, 32);
	c->stage.has_server_key = true;
	c->r = run_new(&c->stage, &c->s->instances[0], &c->result);
	assert_non_null(c->r);
	for (st = c->s->cases->steps; st; st = st->next) {
		if (st->kind == STEP_LET) {
			b.len = 0;
			assert_true(value_bytes(&c->r->env, st->expr, &b));
			assert_true(value_set_bytes(&c->r->env, st->var, b.at,
						    b.len));
		}
		if (st->kind == STEP_SEND)
			c->good = compose(c->r, &c->r->conns[st->conn],
					  st->word, st->args, &c->out);
	}
	buf_free(&b);
}

static void forget(struct composed *c)
{
	buf_free(&c->out);
	/* run_free() stops its timer, which never ran. */
	c->stage.loop = ev_loop_new(EVFLAG_AUTO);
	run_free(c->r);
	ev_loop_destroy(c->stage.loop);
	scenario_free(c->s);
}

/* ---- frames ---------------------------------------------------------- */

struct row {
	const char *name, *step, *hex;
};

#define K1 "0101010101010101010101010101010101010101010101010101010101010101"
#define Z32 "0000000000000000000000000000000000000000000000000000000000000000"

static struct row rows[] = {
	{ "ping", "A> ping \"12345678\"", "12000000083132333435363738" },
	{ "ping/empty", "A> ping", "1200000000" },
	{ "ping/head-alone", "A> ping len=1001", "12000003e9" },
	{ "pong", "A> pong x\"01 02\"", "13000000020102" },
	{ "send", "A> send dst=0x01*32 \"x\"", "0400000021" K1 "78" },
	{ "send/head-and-key", "A> send dst=0x01*32 len=65569",
	  "0400010021" K1 },
	{ "send/default-key", "A> send", "0400000020" Z32 },
	{ "send/short-key", "A> send dst=\"ab\"", "04000000026162" },
	{ "forward", "A> forward src=0x01*32 dst=zero*32 \"x\"",
	  "0a00000041" K1 Z32 "78" },
	{ "recv", "A> recv src=0x01*32 \"x\"", "0500000021" K1 "78" },
	{ "note-preferred", "A> note-preferred", "070000000101" },
	{ "note-preferred/no", "A> note-preferred home=0", "070000000100" },
	{ "peer-gone", "A> peer-gone key=0x01*32 reason=1",
	  "0800000021" K1 "01" },
	{ "peer-present", "A> peer-present key=0x01*32 port=0x1234 flags=3",
	  "0900000033" K1 "00000000000000000000000000000000"
	  "1234"
	  "03" },
	{ "peer-present/app", "A> peer-present key=0x01*32 app=ab",
	  "0900000036" K1 "00000000000000000000000000000000"
	  "0000"
	  "01"
	  "026162" },
	{ "watch", "A> watch", "1000000000" },
	{ "watch/more", "A> watch \"x\"", "100000000178" },
	{ "close-peer", "A> close-peer key=0x01*32", "1100000020" K1 },
	{ "keep-alive", "A> keep-alive", "0600000000" },
	{ "health", "A> health \"ab\"", "14000000026162" },
	{ "restarting", "A> restarting in=1 try=0x10203",
	  "15000000080000000100010203" },
	{ "server-key", "A> server-key key=0x01*32",
	  "010000002844455250f09f9491" K1 },
	{ "server-key/magic", "A> server-key magic=\"DARP\" key=0x01*32",
	  "010000002444415250" K1 },
	{ "raw", "A> raw type=0x7f \"ab\"", "7f000000026162" },
	{ "raw/longest", "A> raw type=255 len=0xffffffff", "ffffffffff" },
	{ "len/shorter", "A> ping \"1234\" len=2", "120000000231323334" },
	{ "cut", "A> ping \"1234\" cut=3", "120000000431" },
	{ "cut/more-than-there-is", "A> ping \"1234\" cut=9", "1200000004" },
	{ "tail", "A> ping \"12\" tail=\"34\"", "120000000431323334" },
	{ "tail/cut", "A> ping \"12\" tail=\"34\" cut=1", "1200000004313233" },
	{ "bytes", "A> bytes \"ab\" x\"00\"", "616200" },

	/* values */
	{ "text/escapes", "A> bytes \"\\n\\r\\t\\0\\\\\\\"\\x7f\"",
	  "0a0d09005c227f" },
	{ "text/single", "A> bytes '\\n\"'", "5c6e22" },
	{ "text/hash-and-semicolon", "A> bytes \"#;\" # comment", "233b" },
	{ "fill", "A> bytes zero*2 0xab*3", "0000ababab" },
	{ "count", "A> bytes count*4 count*258[255:]", "00010203ff0001" },
	{ "disco", "A> bytes disco*8", "5453f09f92acdddd" },
	{ "uint", "A> bytes u8:7 u16:0x102 u32:3", "07010200000003" },
	{ "hex", "A> bytes hex:x\"0aff\"", "30616666" },
	{ "repeat", "A> bytes \"ab\"*3", "616261626162" },
	{ "repeat/none", "A> bytes \"ab\"*0 \"c\"", "63" },
	{ "slice", "A> bytes \"abcdef\"[1:3]", "6263" },
	{ "slice/to-end", "A> bytes \"abcdef\"[4:]", "6566" },
	{ "slice/empty", "A> bytes \"abc\"[3:3] \"x\"", "78" },
	{ "slice/repeat", "A> bytes \"abc\"[1:]*2", "62636263" },
	{ "sum", "A> bytes zero*(1 + 4-2)", "000000" },
	{ "sum/brackets", "A> bytes u8:(10-(3+2))", "05" },
	{ "let", "let P = \"ab\"; A> bytes $P $P[1:]", "616262" },
	{ "let/again", "let P = \"ab\"; let P = $P \"c\"; A> bytes $P",
	  "616263" },
	{ "mesh-key", "A> bytes $mesh.key", K1 },
	{ "touching", "A> send dst=zero*31\"\\x01\" \"y\"",
	  "0400000021"
	  "0000000000000000000000000000000000000000000000000000"
	  "0000000000"
	  "01"
	  "79" },
};

static void says_these_bytes(void **state)
{
	const struct row *row = *state;
	struct composed c;
	char *hex;

	compose_last(&c, row->step);
	assert_true(c.good);
	hex = malloc(2 * c.out.len + 1);
	assert_non_null(hex);
	derp_hex_encode(hex, c.out.at, c.out.len);
	assert_string_equal(hex, row->hex);
	free(hex);
	forget(&c);
}

/* ---- requests -------------------------------------------------------- */

static struct row requests[] = {
	{ "http", "A> http",
	  "GET /derp HTTP/1.1\r\nHost: h:1\r\nConnection: Upgrade\r\n"
	  "Upgrade: DERP\r\n\r\n" },
	{ "http/all",
	  "A> http method=POST path=/x version=HTTP/1.0 host=y "
	  "connection=close upgrade=foo fast-start=yes ideal-node=n1 "
	  "header=\"X: 1\" header=\"Y: 2\" body=\"abc\"",
	  "POST /x HTTP/1.0\r\nHost: y\r\nConnection: close\r\n"
	  "Upgrade: foo\r\nDerp-Fast-Start: 1\r\nIdeal-Node: n1\r\n"
	  "X: 1\r\nY: 2\r\n\r\nabc" },
	{ "http/none", "A> http host=none upgrade=none connection=none",
	  "GET /derp HTTP/1.1\r\n\r\n" },
	{ "http/empty", "A> http host=\"\" upgrade=\"\" fast-start=no",
	  "GET /derp HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\n"
	  "Upgrade: \r\n\r\n" },
};

static void says_this_request(void **state)
{
	const struct row *row = *state;
	struct composed c;

	compose_last(&c, row->step);
	assert_true(c.good);
	assert_int_equal(c.out.len, strlen(row->hex));
	assert_memory_equal(c.out.at, row->hex, c.out.len);
	forget(&c);
}

/* ---- ClientInfo ------------------------------------------------------ */

#define BOX (DERP_HEAD_LEN + DERP_KEY_LEN)

static struct row infos[] = {
	{ "info", "A> client-info", "{\"version\":2,\"CanAckPings\":true}" },
	{ "info/json", "A> client-info json='{}'", "{}" },
	{ "info/prober-app", "A> client-info prober=yes app=ab",
	  "{\"version\":2,\"CanAckPings\":true,\"IsProber\":true,"
	  "\"AppName\":\"ab\"}" },
	{ "info/mesh", "A> client-info mesh=yes",
	  "{\"meshKey\":\"" K1 "\",\"version\":2,\"CanAckPings\":true}" },
	{ "info/mesh-wrong", "A> client-info mesh=wrong",
	  "{\"meshKey\":\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
	  "a5a5a5a5a5a5a\",\"version\":2,\"CanAckPings\":true}" },
};

static size_t open_box(const struct composed *c, uint32_t conn, uint8_t *text,
		       size_t cap)
{
	size_t n;

	assert_int_equal(c->out.at[0], DERP_CLIENT_INFO);
	assert_memory_equal(c->out.at + DERP_HEAD_LEN, c->r->pub[conn], 32);
	assert_int_equal(derp_open(text, cap, &n, c->out.at + BOX,
				   c->out.len - BOX, c->r->pub[conn],
				   server_priv),
			 0);
	return n;
}

static void seals_this_text(void **state)
{
	const struct row *row = *state;
	uint8_t text[400];
	struct composed c;
	size_t n;

	compose_last(&c, row->step);
	assert_true(c.good);
	n = open_box(&c, 0, text, sizeof(text));
	assert_int_equal(n, strlen(row->hex));
	assert_memory_equal(text, row->hex, n);
	forget(&c);
}

static void a_key_pair_can_be_borrowed(void **state)
{
	uint8_t text[400];
	struct composed c;

	(void)state;
	compose_last(&c, "A> client-info as=B");
	open_box(&c, 1, text, sizeof(text));
	assert_int_equal(c.r->conns[0].key_of, 1);
	forget(&c);
}

static void the_key_in_front_can_be_another(void **state)
{
	struct composed c, plain;

	(void)state;
	compose_last(&plain, "A> client-info");
	compose_last(&c, "A> client-info key=zero*32");
	assert_int_equal(c.out.len, plain.out.len);
	assert_int_equal(c.out.at[DERP_HEAD_LEN], 0);
	assert_memory_equal(c.out.at + BOX, plain.out.at + BOX,
			    c.out.len - BOX);
	forget(&c);
	forget(&plain);
}

static void one_bit_can_be_flipped(void **state)
{
	struct composed c, plain;
	size_t differs = 0;

	(void)state;
	compose_last(&plain, "A> client-info");
	compose_last(&c, "A> client-info flip=60");
	assert_int_equal(c.out.len, plain.out.len);
	for (size_t i = 0; i < c.out.len; i++)
		differs += c.out.at[i] != plain.out.at[i];
	assert_int_equal(differs, 1);
	assert_int_equal(c.out.at[DERP_HEAD_LEN + 60] ^
				 plain.out.at[DERP_HEAD_LEN + 60],
			 1);
	forget(&c);
	forget(&plain);
}

static void nonce_and_box_can_be_given(void **state)
{
	struct composed c;

	(void)state;
	compose_last(&c, "A> client-info nonce=\"n\"*24 box=\"xyz\"");
	assert_int_equal(c.out.len, BOX + 24 + 3);
	assert_memory_equal(c.out.at + BOX, "nnnnnnnnnnnnnnnnnnnnnnnnxyz", 27);
	forget(&c);
}

static void a_box_for_no_key_has_the_length_of_one(void **state)
{
	struct composed c, plain;

	(void)state;
	compose_last(&plain, "A> client-info");
	compose_last(&c, "A> client-info to=zero*32");
	assert_true(c.good);
	assert_int_equal(c.out.len, plain.out.len);
	forget(&c);
	forget(&plain);
}

/* ---- what cannot be made --------------------------------------------- */

static struct row refused[] = {
	{ "flip/outside", "A> client-info flip=1000", "flip=1000, but the" },
	{ "to/short", "A> client-info to=\"x\"", "to= has 32 bytes" },
	{ "app/long", "A> client-info app=\"a\"*33", "give json=" },
	{ "slice", "A> ping \"abc\"[1:4]", "outside of the value" },
	{ "slice/backwards", "A> ping \"abc\"[2:1]", "outside of the value" },
	{ "below-zero", "A> ping zero*(1-2)", "below 0" },
	{ "repeat/huge", "A> ping \"ab\"*8388609", "too many bytes" },
	{ "concat/huge", "A> ping zero*16777216 \"x\"", "too many bytes" },
	{ "sum/large", "A> raw type=(255+1)", "type is at most 255" },
};

static void refuses_with_a_reason(void **state)
{
	const struct row *row = *state;
	struct composed c;

	compose_last(&c, row->step);
	assert_false(c.good);
	assert_non_null(strstr(c.r->env.error, row->hex));
	forget(&c);
}

static void keys_differ_by_connection_and_repeat_by_seed(void **state)
{
	struct composed c, again;

	(void)state;
	compose_last(&c, "A> bytes $A.key $B.key random*32");
	compose_last(&again, "A> bytes $A.key $B.key random*32");
	assert_memory_equal(c.out.at, c.r->pub[0], 32);
	assert_memory_not_equal(c.out.at, c.out.at + 32, 32);
	assert_int_equal(c.out.len, 96);
	assert_memory_equal(c.out.at, again.out.at, 96);
	forget(&c);
	forget(&again);
}

static size_t add_rows(struct CMUnitTest *all, size_t n, struct row *r,
		       size_t num, void (*f)(void **))
{
	for (size_t i = 0; i < num; i++, n++) {
		all[n].name = r[i].name;
		all[n].test_func = f;
		all[n].initial_state = &r[i];
	}
	return n;
}

#define ADD(rows, f)                                                           \
	n = add_rows(all, n, rows, sizeof(rows) / sizeof(rows[0]), f)

int main(void)
{
	static struct CMUnitTest all[120];
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_key_pair_can_be_borrowed),
		cmocka_unit_test(the_key_in_front_can_be_another),
		cmocka_unit_test(one_bit_can_be_flipped),
		cmocka_unit_test(nonce_and_box_can_be_given),
		cmocka_unit_test(a_box_for_no_key_has_the_length_of_one),
		cmocka_unit_test(keys_differ_by_connection_and_repeat_by_seed),
	};
	size_t n = 0;

	if (sodium_init() < 0)
		return 5;
	memset(server_priv, 9, sizeof(server_priv));
	memset(mesh_key, 1, sizeof(mesh_key));
	derp_public_key(server_pub, server_priv);
	ADD(rows, says_these_bytes);
	ADD(requests, says_this_request);
	ADD(infos, seals_this_text);
	ADD(refused, refuses_with_a_reason);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		all[n++] = others[i];
	return _cmocka_run_group_tests("compose", all, n, NULL, NULL);
}
