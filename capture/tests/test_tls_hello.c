/*
 * test_tls_hello.c - hellos of OpenSSL, cut everywhere; names in certificates.
 */
#include "tls_hello.h"
#include "tls_session.h"

/* The first handshake message of a side, without its head, in a block of
 * exactly its size. */
static uint8_t *first_message(const struct session *s, int side, size_t *len)
{
	const uint8_t *p = s->side[side].bytes;
	uint8_t *exact;

	assert_true(s->side[side].len > 9 && p[0] == 22);
	*len = 0x10000u * p[6] + 0x100u * p[7] + p[8];
	exact = malloc(*len);
	assert_non_null(exact);
	memcpy(exact, p + 9, *len);
	return exact;
}

static uint8_t *cut(const uint8_t *p, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);

	assert_non_null(exact);
	memcpy(exact, p, len);
	return exact;
}

/* A prefix is damaged, unless it ends where the extensions would begin. */
static void hellos_are_read_whole_or_not_at_all(void **state)
{
	const struct kind *k = *state;
	struct session s, first;
	uint8_t *p, *part;
	struct hello h;
	size_t len, n;
	int side, ok;

	make(&s, &first, k);
	for (side = 0; side < 2; side++) {
		p = first_message(&s, side, &len);
		for (n = 0, ok = 0; n < len; n++) {
			part = cut(p, n);
			memset(&h, 0xaa, sizeof(h));
			if ((side == CLIENT ? hello_client(&h, part, n)
					    : hello_server(&h, part, n)) == 0)
				ok++;
			else
				assert_int_equal(h.suite, 0xaaaaaaaa);
			free(part);
		}
		assert_true(ok <= 1);
		assert_int_equal(side == CLIENT ? hello_client(&h, p, len)
						: hello_server(&h, p, len),
				 0);
		assert_ptr_equal(h.random, p + 2);
		if (side == SERVER) {
			assert_int_equal(h.version, k->version);
			assert_int_equal(h.retry, (k->flags & RETRY) != 0);
		} else {
			assert_int_equal(h.ticket != NULL,
					 (k->flags & RESUME) != 0 &&
						 k->version == TLS1_2_VERSION);
		}
		free(p);
	}
	session_free(&s);
	session_free(&first);
}

struct name {
	const char *name, *text; /* x: the key's digits follow */
	bool found;
};

/* One certificate in a Certificate message: whatever, then the name. */
static struct name names[] = {
	{ "meta/name",
	  "\x55\x04\x03\x13\x47"
	  "derpkey",
	  true },
	{ "meta/utf8",
	  "\x55\x04\x03\x0c\x47"
	  "derpkey",
	  true },
	{ "meta/other-type",
	  "\x55\x04\x04\x13\x47"
	  "derpkey",
	  false },
	{ "meta/other-length",
	  "\x55\x04\x03\x13\x46"
	  "derpkey",
	  false },
	{ "meta/other-prefix",
	  "\x55\x04\x03\x13\x47"
	  "derpkex",
	  false },
};

static void the_key_is_found_in_a_name(void **state)
{
	const struct name *row = *state;
	struct build b = { 0 };
	uint8_t key[DERP_KEY_LEN], *exact;
	uint32_t name = (uint32_t)strlen(row->text) + 64, i;
	size_t n;

	put_u8(&b, 0);
	put_u8(&b, 0);
	put_be16(&b, 3 + 2 + name + 2);
	put_u8(&b, 0);
	put_be16(&b, 2 + name);
	text(&b, "zz");
	text(&b, row->text);
	for (i = 0; i < 64; i++)
		put_u8(&b, 'b');
	put_be16(&b, 0);
	for (n = 0; n <= b.len; n++) {
		exact = cut(b.bytes, n);
		memset(key, 0, sizeof(key));
		assert_int_equal(hello_meta_key(key, exact, n),
				 n == b.len && row->found);
		free(exact);
	}
	assert_int_equal(key[31], row->found ? 0xbb : 0);
	build_free(&b);
}

static void a_ticket_is_read_whole(void **state)
{
	static const uint8_t msg[] = { 0, 0, 1, 0, 0, 3, 't', 'i', 'c' };
	uint8_t *exact;
	size_t n, len;

	(void)state;
	for (n = 0; n <= sizeof(msg); n++) {
		exact = cut(msg, n);
		if (n < sizeof(msg)) {
			assert_null(hello_ticket(exact, n, &len));
		} else {
			assert_ptr_equal(hello_ticket(exact, n, &len),
					 exact + 6);
			assert_int_equal(len, 3);
		}
		free(exact);
	}
}

int main(void)
{
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	static struct CMUnitTest tests[NUM_KINDS + NAMES + 1];
	size_t i, n = 0;

	for (i = 0; i < NUM_KINDS; i++)
		tests[n++] = (struct CMUnitTest){
			kinds[i].name, hellos_are_read_whole_or_not_at_all,
			NULL, NULL, &kinds[i]
		};
	for (i = 0; i < NAMES; i++)
		tests[n++] = (struct CMUnitTest){ names[i].name,
						  the_key_is_found_in_a_name,
						  NULL, NULL, &names[i] };
	tests[n++] =
		(struct CMUnitTest)cmocka_unit_test(a_ticket_is_read_whole);
	return _cmocka_run_group_tests("hello", tests, n, make_certificates,
				       free_certificates);
}
