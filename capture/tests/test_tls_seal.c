/*
 * test_tls_seal.c - keys and records of TLS 1.3, with the vectors of RFC 8448.
 */
#include "builder.h"
#include "tls_seal.h"

static void unhex(uint8_t *to, size_t n, const char *hex)
{
	unsigned v;
	size_t i;

	assert_int_equal(strlen(hex), 2 * n);
	for (i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		to[i] = (uint8_t)v;
	}
}

/* RFC 8448, 3: the server's handshake traffic secret, its key and IV. */
static void keys_are_those_of_rfc8448(void **state)
{
	const struct seal_suite *suite = seal_suite(0x1301);
	uint8_t secret[32], key[16], iv[12], want[16];

	(void)state;
	unhex(secret, 32,
	      "b67b7d690cc16c4e75e54213cb2d37b4"
	      "e9c912bcded9105d42befd59d391ad38");
	assert_int_equal(seal_expand(suite, secret, "key", key, 16), 0);
	unhex(want, 16, "3fce516009c21727d0f2e4e86ee403bc");
	assert_memory_equal(key, want, 16);
	assert_int_equal(seal_expand(suite, secret, "iv", iv, 12), 0);
	unhex(want, 12, "5d313eb2671276ee13000b30");
	assert_memory_equal(iv, want, 12);
}

/* RFC 8448, 3: application data of the client, 50 bytes 00..31. */
static void a_record_of_rfc8448_opens(void **state)
{
	struct seal s = { 0 };
	uint8_t secret[32], out[SEAL_RECORD_MAX], *rec = malloc(72);
	int i;

	(void)state;
	assert_non_null(rec);
	unhex(secret, 32,
	      "9e40646ce79a7f9dc05af8889bce6552"
	      "875afa0b06df0087f792ebb7c17504a5");
	unhex(rec, 72,
	      "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f"
	      "2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae6"
	      "3aeebb21694915e4");
	assert_int_equal(seal_from_secret(&s, seal_suite(0x1301), secret), 0);
	assert_int_equal(seal_open(&s, 0, rec, 72, out), 51);
	for (i = 0; i < 50; i++)
		assert_int_equal(out[i], i);
	assert_int_equal(out[50], 0x17);
	assert_int_equal(seal_open(&s, 1, rec, 72, out), -1);
	rec[71] ^= 1;
	assert_int_equal(seal_open(&s, 0, rec, 72, out), -1);
	seal_free(&s);
	free(rec);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_of_rfc8448),
		cmocka_unit_test(a_record_of_rfc8448_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
