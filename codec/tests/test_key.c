/*
 * test_key.c - keys as text, as the reference writes them.
 */
#include "derp_box.h"
#include "derp_key.h"
#include "exact.h"
#include "vectors/vectors.h"

#define WANT_KEYS
#include "vectors/reference.1.102.5.h"
#include "vectors/reference.1.104.5.h"

static void check_form(const uint8_t *key, enum derp_key_form form,
		       const char *text)
{
	size_t len = strlen(text);
	char *copy = (char *)exact(text, len);
	char made[DERP_KEY_TEXT_MAX];
	uint8_t *back = blank(DERP_KEY_LEN);

	derp_key_text(made, form, key);
	assert_string_equal(made, text);
	assert_int_equal(derp_key_parse(back, form, copy, len), 0);
	assert_memory_equal(back, key, DERP_KEY_LEN);
	free(copy);
	free(back);
}

static void text_is_the_reference_s(void **state)
{
	const struct key_vector *v = *state;
	struct bytes priv = unhex(v->priv), pub = unhex(v->pub);
	char brief[DERP_SHORT_LEN + 1];
	uint8_t made[DERP_KEY_LEN];

	check_form(priv.at, DERP_KEY_HEX, v->priv);
	check_form(pub.at, DERP_KEY_HEX, v->pub);
	check_form(pub.at, DERP_KEY_NODE, v->node);
	check_form(priv.at, DERP_KEY_PRIVATE, v->privkey);
	derp_key_short(brief, pub.at);
	assert_string_equal(brief, v->brief);
	assert_int_equal(derp_public_key(made, priv.at), 0);
	assert_memory_equal(made, pub.at, DERP_KEY_LEN);
	free(priv.at);
	free(pub.at);
}

#define HEX62 "00112233445566778899aabbccddeeff0123456789abcdefABCDEF98765432"

struct refused {
	const char *name;
	enum derp_key_form form;
	const char *text;
	int err;
};

static const struct refused refusals[] = {
	{ "hex/ok", DERP_KEY_HEX, HEX62 "10", 0 },
	{ "hex/empty", DERP_KEY_HEX, "", DERP_E_VALUE },
	{ "hex/62", DERP_KEY_HEX, HEX62, DERP_E_VALUE },
	{ "hex/63", DERP_KEY_HEX, HEX62 "1", DERP_E_VALUE },
	{ "hex/65", DERP_KEY_HEX, HEX62 "101", DERP_E_VALUE },
	{ "hex/66", DERP_KEY_HEX, HEX62 "1010", DERP_E_VALUE },
	{ "hex/g", DERP_KEY_HEX, HEX62 "1g", DERP_E_VALUE },
	{ "hex/G", DERP_KEY_HEX, HEX62 "G1", DERP_E_VALUE },
	{ "hex/colon", DERP_KEY_HEX, HEX62 "1:", DERP_E_VALUE },
	{ "hex/slash", DERP_KEY_HEX, HEX62 "1/", DERP_E_VALUE },
	{ "hex/at", DERP_KEY_HEX, HEX62 "@1", DERP_E_VALUE },
	{ "hex/back-tick", DERP_KEY_HEX, HEX62 "`1", DERP_E_VALUE },
	{ "hex/blank-behind", DERP_KEY_HEX, HEX62 "10 ", DERP_E_VALUE },
	{ "hex/blank-in-front", DERP_KEY_HEX, " " HEX62 "1", DERP_E_VALUE },
	{ "hex/prefix", DERP_KEY_HEX, "nodekey:" HEX62 "10", DERP_E_VALUE },
	{ "node/ok", DERP_KEY_NODE, "nodekey:" HEX62 "10", 0 },
	{ "node/upper-prefix", DERP_KEY_NODE, "NODEKEY:" HEX62 "10",
	  DERP_E_VALUE },
	{ "node/no-prefix", DERP_KEY_NODE, HEX62 "10", DERP_E_VALUE },
	{ "node/cut-prefix", DERP_KEY_NODE, "nodekey", DERP_E_VALUE },
	{ "node/prefix-alone", DERP_KEY_NODE, "nodekey:", DERP_E_VALUE },
	{ "node/empty", DERP_KEY_NODE, "", DERP_E_VALUE },
	{ "node/private", DERP_KEY_NODE, "privkey:" HEX62 "10", DERP_E_VALUE },
	{ "private/ok", DERP_KEY_PRIVATE, "privkey:" HEX62 "10", 0 },
	{ "private/node", DERP_KEY_PRIVATE, "nodekey:" HEX62 "10",
	  DERP_E_VALUE },
	{ "private/63", DERP_KEY_PRIVATE, "privkey:" HEX62 "1", DERP_E_VALUE },
};

static void text_is_one_key_or_refused(void **state)
{
	const struct refused *v = *state;
	size_t len = strlen(v->text);
	char *text = (char *)exact(v->text, len);
	uint8_t *key = blank(DERP_KEY_LEN);
	struct bytes want = unhex(HEX62 "10");

	assert_int_equal(derp_key_parse(key, v->form, text, len), v->err);
	if (v->err != 0)
		assert_blank(key, DERP_KEY_LEN);
	else
		assert_memory_equal(key, want.at, DERP_KEY_LEN);
	free(want.at);
	free(key);
	free(text);
}

static void every_byte_goes_to_hex_and_back(void **state)
{
	uint8_t *in = block(256), *back = block(256);
	char *text = (char *)block(513);
	char two[3];

	(void)state;
	for (size_t i = 0; i < 256; i++)
		in[i] = (uint8_t)i;
	derp_hex_encode(text, in, 256);
	for (size_t i = 0; i < 256; i++) {
		snprintf(two, sizeof two, "%02x", (unsigned)i);
		assert_memory_equal(text + 2 * i, two, 2);
	}
	assert_int_equal(text[512], '\0');
	assert_int_equal(derp_hex_decode(back, 256, text, 512), 0);
	assert_memory_equal(back, in, 256);
	assert_int_equal(derp_hex_decode(back, 256, text, 511), DERP_E_VALUE);
	assert_int_equal(derp_hex_decode(back, 255, text, 512), DERP_E_VALUE);
	assert_int_equal(derp_hex_decode(back, 0, text, 0), 0);
	assert_int_equal(derp_hex_decode(back, SIZE_MAX / 2 + 1, text, 0),
			 DERP_E_VALUE);
	derp_hex_encode(text, in, 0);
	assert_int_equal(text[0], '\0');
	free(text);
	free(back);
	free(in);
}

/* Only the 256 values of a char: digits and nothing else. */
static void hex_knows_22_digits(void **state)
{
	char text[2] = { '0', '0' };
	uint8_t out;
	int digits = 0;

	(void)state;
	for (int c = 0; c < 256; c++) {
		text[1] = (char)c;
		digits += derp_hex_decode(&out, 1, text, 2) == 0;
	}
	assert_int_equal(digits, 22);
}

static void short_text_uses_all_64_digits(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t key[DERP_KEY_LEN] = { 0 };
	char text[DERP_SHORT_LEN + 1], want[DERP_SHORT_LEN + 1] = "[AAAAA]";

	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		key[0] = (uint8_t)(i * 4);
		want[1] = digits[i];
		derp_key_short(text, key);
		assert_string_equal(text, want);
	}
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(keys_1_102_5); i++)
		add_of(&s, "1.102.5", keys_1_102_5[i].brief,
		       text_is_the_reference_s, &keys_1_102_5[i]);
	for (size_t i = 0; i < NUM(keys_1_104_5); i++)
		add_of(&s, "1.104.5", keys_1_104_5[i].brief,
		       text_is_the_reference_s, &keys_1_104_5[i]);
	for (size_t i = 0; i < NUM(refusals); i++)
		add(&s, refusals[i].name, text_is_one_key_or_refused,
		    &refusals[i]);
	ADD(&s, every_byte_goes_to_hex_and_back);
	ADD(&s, hex_knows_22_digits);
	ADD(&s, short_text_uses_all_64_digits);
	return run("key", &s);
}
