/*
 * fuzz_box.c - sealed boxes, with the real cipher and fixed keys.
 *
 *   input:  data ... | nonce 24 | flip 3
 *
 * Oracle: open(seal(x)) = x, in another buffer and in place; with one bit
 * flipped, with another key, or cut anywhere, a box does not open, and the
 * text is not left behind.  The data itself, taken for a box or for a key,
 * opens nothing.
 */
#include <sodium.h>

#include "derp_box.h"
#include "fuzz.h"

#define FLIP_LEN 3

static uint8_t priv_a[DERP_KEY_LEN], priv_b[DERP_KEY_LEN];
static uint8_t pub_a[DERP_KEY_LEN], pub_b[DERP_KEY_LEN];

static void set_up(void)
{
	static int done;

	if (done)
		return;
	done = 1;
	fuzz_check(sodium_init() >= 0);
	for (uint8_t i = 0; i < DERP_KEY_LEN; i++) {
		priv_a[i] = (uint8_t)(i + 1);
		priv_b[i] = (uint8_t)(0xc0 + i);
	}
	fuzz_check(derp_public_key(pub_a, priv_a) == 0);
	fuzz_check(derp_public_key(pub_b, priv_b) == 0);
}

/* Must fail with want; out shows nothing of the text. */
static void refused(int want, const uint8_t *box, size_t box_len, size_t len,
		    const uint8_t *peer, const uint8_t *priv)
{
	uint8_t *out = malloc(len + 1), *in = fuzz_copy(box, box_len);
	size_t n = 77;

	fuzz_check(out != NULL);
	memset(out, 0xaa, len + 1);
	fuzz_check(derp_open(out, len, &n, in, box_len, peer, priv) == want);
	fuzz_check(n == 77);
	for (size_t i = 0; i <= len; i++)
		fuzz_check(out[i] == 0xaa || out[i] == 0);
	free(out);
	free(in);
}

static void open_good(const uint8_t *box, size_t box_len, const uint8_t *text,
		      size_t len)
{
	uint8_t *out = malloc(len ? len : 1), *place = fuzz_copy(box, box_len);
	size_t n = 0;

	fuzz_check(out != NULL);
	fuzz_check(derp_open(out, len, &n, box, box_len, pub_a, priv_b) == 0);
	fuzz_check(n == len && (len == 0 || memcmp(out, text, len) == 0));
	if (len != 0)
		fuzz_check(derp_open(out, len - 1, &n, box, box_len, pub_a,
				     priv_b) == DERP_E_NOBUF);
	fuzz_check(derp_open(place, box_len, &n, place, box_len, pub_a,
			     priv_b) == 0);
	fuzz_check(n == len && (len == 0 || memcmp(place, text, len) == 0));
	free(out);
	free(place);
}

static void check_seal(const uint8_t *text, size_t len, const uint8_t *nonce,
		       const uint8_t *flip)
{
	size_t box_len = DERP_BOX_LEN(len), n = 0, at;
	uint8_t *box = malloc(box_len);

	fuzz_check(box != NULL);
	fuzz_check(derp_seal(box, box_len - 1, &n, text, len, nonce, pub_b,
			     priv_a) == DERP_E_NOBUF);
	fuzz_check(derp_seal(box, box_len, &n, text, len, nonce, pub_b,
			     priv_a) == 0);
	fuzz_check(n == box_len && memcmp(box, nonce, DERP_NONCE_LEN) == 0);
	open_good(box, box_len, text, len);

	refused(DERP_E_BOX, box, box_len, len, pub_b, priv_b);
	at = ((size_t)flip[0] << 8 | flip[1]) % box_len;
	if (at < DERP_BOX_LEN(0))
		refused(DERP_E_SHORT, box, at, len, pub_a, priv_b);
	else
		refused(DERP_E_BOX, box, at, len, pub_a, priv_b);
	box[at] ^= (uint8_t)(1u << flip[2] % 8);
	refused(DERP_E_BOX, box, box_len, len, pub_a, priv_b);
	free(box);
}

static void check_hostile(const uint8_t *data, size_t len, const uint8_t *nonce)
{
	uint8_t out[DERP_BOX_LEN(DERP_MAGIC_LEN)];
	size_t n = 0;
	int err;

	refused(len < DERP_BOX_LEN(0) ? DERP_E_SHORT : DERP_E_BOX, data, len,
		len, pub_a, priv_b);
	if (len < DERP_KEY_LEN)
		return;
	/* As a peer's key: a point on the curve, or refused. */
	err = derp_seal(out, sizeof(out), &n, derp_magic, DERP_MAGIC_LEN, nonce,
			data, priv_a);
	fuzz_check(err == 0 ? n == sizeof(out) : err == DERP_E_VALUE && n == 0);
	fuzz_check(err != 0 || !sodium_is_zero(data, DERP_KEY_LEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nonce;

	set_up();
	if (size < DERP_NONCE_LEN + FLIP_LEN)
		return 0;
	size -= DERP_NONCE_LEN + FLIP_LEN;
	nonce = data + size;
	check_seal(data, size, nonce, nonce + DERP_NONCE_LEN);
	check_hostile(data, size, nonce);
	return 0;
}
