/*
 * fuzz_key.c - keys as text: what is read is what would be written.
 *
 *   input:  text
 *
 * Oracle: a form is accepted exactly if it is its prefix and 64 hex digits,
 * by strspn(); written again it is the same text in lower case.  The short
 * form is base64 of the first 30 bits, made here bit by bit.
 */
#include <ctype.h>

#include "derp_key.h"
#include "fuzz.h"

static void check_short(const uint8_t key[DERP_KEY_LEN])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char want[DERP_SHORT_LEN + 1] = "[     ]";
	char got[DERP_SHORT_LEN + 1];

	for (int i = 0; i < 5; i++) {
		int digit = 0;

		for (int bit = 6 * i; bit < 6 * i + 6; bit++)
			digit = 2 * digit + (key[bit / 8] >> (7 - bit % 8) & 1);
		want[1 + i] = digits[digit];
	}
	derp_key_short(got, key);
	fuzz_check(strcmp(got, want) == 0);
}

static void check_form(enum derp_key_form form, const char *prefix,
		       const char *text, size_t len)
{
	uint8_t key[DERP_KEY_LEN], blank[DERP_KEY_LEN];
	char again[DERP_KEY_TEXT_MAX];
	size_t n = strlen(prefix);
	int good = len == n + DERP_HEX_LEN && memcmp(text, prefix, n) == 0 &&
		   strspn(text + n, "0123456789abcdefABCDEF") >= DERP_HEX_LEN;

	memset(key, 0xaa, sizeof(key));
	memset(blank, 0xaa, sizeof(blank));
	if (derp_key_parse(key, form, text, len) != 0) {
		fuzz_check(!good && memcmp(key, blank, sizeof(key)) == 0);
		return;
	}
	fuzz_check(good);
	derp_key_text(again, form, key);
	fuzz_check(strlen(again) == len);
	for (size_t i = 0; i < len; i++)
		fuzz_check(again[i] ==
			   (i < n ? text[i] : (char)tolower(text[i])));
	check_short(key);
}

/* Any even number of hex digits is some bytes, and back. */
static void check_hex(const char *text, size_t len)
{
	uint8_t *bytes = malloc(len / 2 + 1);
	char *again = malloc(len + 2);
	int err;

	fuzz_check(bytes != NULL && again != NULL);
	err = derp_hex_decode(bytes, len / 2, text, len);
	fuzz_check((err == 0) ==
		   (len % 2 == 0 &&
		    strspn(text, "0123456789abcdefABCDEF") >= len));
	if (err == 0) {
		derp_hex_encode(again, bytes, len / 2);
		fuzz_check(strlen(again) == len);
		for (size_t i = 0; i < len; i++)
			fuzz_check(again[i] == (char)tolower(text[i]));
	}
	fuzz_check(derp_hex_decode(bytes, len / 2 + 1, text, len) != 0);
	free(bytes);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The NUL is for strspn(); what reads gets the exact block. */
	uint8_t *exact = fuzz_copy(data, size);
	char *text = malloc(size + 1);

	fuzz_check(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_form(DERP_KEY_HEX, "", text, size);
	check_form(DERP_KEY_NODE, "nodekey:", text, size);
	check_form(DERP_KEY_PRIVATE, "privkey:", text, size);
	check_hex(text, size);
	for (int form = DERP_KEY_HEX; form <= DERP_KEY_PRIVATE; form++) {
		uint8_t a[DERP_KEY_LEN] = { 0 }, b[DERP_KEY_LEN] = { 0 };

		fuzz_check(derp_key_parse(a, (enum derp_key_form)form,
					  (const char *)exact, size) ==
			   derp_key_parse(b, (enum derp_key_form)form, text,
					  size));
		fuzz_check(memcmp(a, b, sizeof(a)) == 0);
	}
	free(text);
	free(exact);
	return 0;
}
