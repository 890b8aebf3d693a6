/*
 * key.c - keys as text.
 */
#include "derp_key.h"
#include "bytes.h"

static const char hex_digits[] = "0123456789abcdef";

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void derp_hex_encode(char *out, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digits[in[i] / 16];
		out[2 * i + 1] = hex_digits[in[i] % 16];
	}
	out[2 * n] = '\0';
}

int derp_hex_decode(uint8_t *out, size_t n, const char *text, size_t len)
{
	if (len % 2 != 0 || len / 2 != n)
		return DERP_E_VALUE;
	for (size_t i = 0; i < len; i++) {
		if (hex_value(text[i]) < 0)
			return DERP_E_VALUE;
	}
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		out[i] = (uint8_t)(16 * high + low);
	}
	return 0;
}

static const char *prefix(enum derp_key_form form)
{
	switch (form) {
	case DERP_KEY_HEX:
		return "";
	case DERP_KEY_NODE:
		return "nodekey:";
	case DERP_KEY_PRIVATE:
		return "privkey:";
	}
	return "";
}

int derp_key_parse(uint8_t key[DERP_KEY_LEN], enum derp_key_form form,
		   const char *text, size_t len)
{
	size_t n = 0;

	for (const char *p = prefix(form); *p != '\0'; p++) {
		if (n == len || text[n] != *p)
			return DERP_E_VALUE;
		n++;
	}
	return derp_hex_decode(key, DERP_KEY_LEN, text + n, len - n);
}

void derp_key_text(char out[DERP_KEY_TEXT_MAX], enum derp_key_form form,
		   const uint8_t key[DERP_KEY_LEN])
{
	for (const char *p = prefix(form); *p != '\0'; p++)
		*out++ = *p;
	derp_hex_encode(out, key, DERP_KEY_LEN);
}

void derp_key_short(char out[DERP_SHORT_LEN + 1],
		    const uint8_t key[DERP_KEY_LEN])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = get32(key) / 4;

	out[0] = '[';
	for (int i = 5; i > 0; i--) {
		out[i] = digits[bits % 64];
		bits /= 64;
	}
	out[6] = ']';
	out[7] = '\0';
}
