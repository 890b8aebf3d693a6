/*
 * test_box.c - boxes: DERP-LOGIN-4, -8, -9, -10, -11.
 */
#include "derp_box.h"
#include "derp_info.h"
#include "exact.h"
#include "vectors/vectors.h"

#define WANT_BOXES
#define WANT_LOGINS
#include "vectors/reference.1.102.5.h"
#include "vectors/reference.1.104.5.h"

static void box_of_the_reference_opens_and_is_made(void **state)
{
	const struct box_vector *v = *state;
	struct bytes priv = unhex(v->priv), peer = unhex(v->peer);
	struct bytes box = unhex(v->box), text = unhex(v->text);
	size_t n = 12345;
	uint8_t *out = blank(text.len), *sealed = blank(box.len);

	assert_int_equal(box.len, DERP_BOX_LEN(text.len));
	assert_int_equal(
		derp_open(out, text.len, &n, box.at, box.len, peer.at, priv.at),
		0);
	assert_int_equal(n, text.len);
	assert_bytes(out, text.at, n);
	/* The shared key is the same from both sides. */
	assert_int_equal(derp_seal(sealed, box.len, &n, text.at, text.len,
				   box.at, peer.at, priv.at),
			 0);
	assert_int_equal(n, box.len);
	assert_memory_equal(sealed, box.at, n);
	free(out);
	free(sealed);
	free(priv.at);
	free(peer.at);
	free(box.at);
	free(text.at);
}

/* In the frame itself, over its nonce: the trap is at 73 bytes. */
static void box_opens_over_itself(void **state)
{
	const struct box_vector *v = *state;
	struct bytes priv = unhex(v->priv), peer = unhex(v->peer);
	struct bytes box = unhex(v->box), text = unhex(v->text);

	for (size_t at = 0; at + text.len <= box.len; at++) {
		uint8_t *frame = exact(box.at, box.len);
		size_t n;

		assert_int_equal(derp_open(frame + at, text.len, &n, frame,
					   box.len, peer.at, priv.at),
				 0);
		assert_int_equal(n, text.len);
		assert_bytes(frame + at, text.at, n);
		free(frame);
	}
	free(priv.at);
	free(peer.at);
	free(box.at);
	free(text.at);
}

static const uint8_t a_priv[DERP_KEY_LEN] = { 1, 2, 3 };
static const uint8_t b_priv[DERP_KEY_LEN] = { 4, 5, 6 };
static const uint8_t zero[DERP_KEY_LEN];
static const uint8_t nonce[DERP_NONCE_LEN] = { 7 };

struct pair {
	uint8_t a[DERP_KEY_LEN], b[DERP_KEY_LEN];
	struct bytes text, box;
};

static struct pair pair(const char *text)
{
	struct pair p;
	size_t n;

	assert_int_equal(derp_public_key(p.a, a_priv), 0);
	assert_int_equal(derp_public_key(p.b, b_priv), 0);
	p.text.len = strlen(text);
	p.text.at = exact(text, p.text.len);
	p.box.len = DERP_BOX_LEN(p.text.len);
	p.box.at = block(p.box.len);
	assert_int_equal(derp_seal(p.box.at, p.box.len, &n, p.text.at,
				   p.text.len, nonce, p.b, a_priv),
			 0);
	assert_int_equal(n, p.box.len);
	return p;
}

static void unpair(struct pair *p)
{
	free(p->text.at);
	free(p->box.at);
}

static void any_flipped_bit_does_not_open(void **state)
{
	struct pair p = pair("hello");
	uint8_t *out = blank(5);
	size_t n = 12345;

	(void)state;
	for (size_t i = 0; i < 8 * p.box.len; i++) {
		p.box.at[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(
			derp_open(out, 5, &n, p.box.at, p.box.len, p.a, b_priv),
			DERP_E_BOX);
		p.box.at[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_int_equal(n, 12345);
	assert_blank(out, 5);
	/* Nor with another key, nor in place: then the box is still whole. */
	assert_int_equal(derp_open(p.box.at, p.box.len, &n, p.box.at, p.box.len,
				   p.b, b_priv),
			 DERP_E_BOX);
	assert_int_equal(
		derp_open(out, 5, &n, p.box.at, p.box.len, p.a, b_priv), 0);
	free(out);
	unpair(&p);
}

static void every_truncation_is_short_or_does_not_open(void **state)
{
	struct pair p = pair("hello");
	uint8_t *out = blank(5);
	size_t n = 12345;

	(void)state;
	for (size_t len = 0; len < p.box.len; len++) {
		uint8_t *cut = exact(p.box.at, len);

		assert_int_equal(derp_open(out, 5, &n, cut, len, p.a, b_priv),
				 len < 40 ? DERP_E_SHORT : DERP_E_BOX);
		free(cut);
	}
	assert_int_equal(n, 12345);
	assert_blank(out, 5);
	free(out);
	unpair(&p);
}

static void every_room_is_enough_or_refused(void **state)
{
	struct pair p = pair("hello");
	size_t n;

	(void)state;
	for (size_t cap = 0; cap <= 6; cap++) {
		uint8_t *out = blank(cap);

		n = 12345;
		assert_int_equal(derp_open(out, cap, &n, p.box.at, p.box.len,
					   p.a, b_priv),
				 cap < 5 ? DERP_E_NOBUF : 0);
		assert_int_equal(n, cap < 5 ? 12345 : 5);
		if (cap < 5)
			assert_blank(out, cap);
		free(out);
	}
	for (size_t cap = 0; cap <= p.box.len + 1; cap++) {
		uint8_t *out = blank(cap);

		n = 12345;
		assert_int_equal(derp_seal(out, cap, &n, p.text.at, p.text.len,
					   nonce, p.b, a_priv),
				 cap < p.box.len ? DERP_E_NOBUF : 0);
		assert_int_equal(n, cap < p.box.len ? 12345 : p.box.len);
		if (cap < p.box.len)
			assert_blank(out, cap);
		else
			assert_memory_equal(out, p.box.at, p.box.len);
		free(out);
	}
	/* The sum of lengths must not wrap. */
	assert_int_equal(
		derp_seal(NULL, 100, &n, NULL, SIZE_MAX, nonce, p.b, a_priv),
		DERP_E_NOBUF);
	unpair(&p);
}

/* The encodings of the points of low order, with and without the top bit,
 * which the curve ignores. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void a_peer_of_low_order_is_refused(void **state)
{
	struct pair p = pair("hello");
	uint8_t *out = blank(100);
	size_t n = 12345;

	(void)state;
	for (size_t i = 0; i < 2 * NUM(low_order); i++) {
		struct bytes key = unhex(low_order[i / 2]);

		if (i % 2 != 0)
			key.at[31] |= 0x80;
		assert_int_equal(derp_seal(out, 100, &n, p.text.at, p.text.len,
					   nonce, key.at, a_priv),
				 DERP_E_VALUE);
		assert_int_equal(derp_open(out, 100, &n, p.box.at, p.box.len,
					   key.at, b_priv),
				 DERP_E_VALUE);
		free(key.at);
	}
	assert_int_equal(n, 12345);
	assert_blank(out, 100);
	free(out);
	unpair(&p);
}

static void a_private_key_that_is_not_set_is_refused(void **state)
{
	struct pair p = pair("hello");
	uint8_t *out = blank(100), *pub = blank(DERP_KEY_LEN);
	size_t n = 12345;

	(void)state;
	assert_int_equal(derp_public_key(pub, zero), DERP_E_VALUE);
	assert_blank(pub, DERP_KEY_LEN);
	assert_int_equal(derp_seal(out, 100, &n, p.text.at, p.text.len, nonce,
				   p.b, zero),
			 DERP_E_VALUE);
	assert_int_equal(
		derp_open(out, 100, &n, p.box.at, p.box.len, p.a, zero),
		DERP_E_VALUE);
	assert_int_equal(n, 12345);
	assert_blank(out, 100);
	free(out);
	free(pub);
	unpair(&p);
}

/* Two encodings of one point are two addresses, and one box key. */
static void the_top_bit_of_a_key_does_not_count(void **state)
{
	struct pair p = pair("hello");
	uint8_t out[5];
	size_t n;

	(void)state;
	p.a[31] ^= 0x80;
	assert_int_equal(
		derp_open(out, 5, &n, p.box.at, p.box.len, p.a, b_priv), 0);
	unpair(&p);
}

static void a_wiped_secret_is_gone(void **state)
{
	uint8_t *secret = blank(33);

	(void)state;
	derp_wipe(secret, 32);
	assert_memory_equal(secret, zero, 32);
	assert_int_equal(secret[32], 0xaa);
	derp_wipe(secret, 0);
	free(secret);
}

/* ---- logins of the reference's client -------------------------------- */

static void check_info(const struct login_vector *v,
		       const struct derp_client_info *i)
{
	struct bytes mesh = unhex(v->mesh), app = unhex(v->app);

	assert_int_equal(i->version, 2);
	assert_int_equal(i->can_ack_pings, v->can_ack);
	assert_int_equal(i->is_prober, v->prober);
	assert_int_equal(i->has_mesh_key, mesh.len != 0);
	assert_bytes(i->mesh_key, mesh.at, mesh.len);
	assert_int_equal(i->app_len, app.len);
	assert_bytes(i->app, app.at, app.len);
	assert_true(i->app_ok);
	free(mesh.at);
	free(app.at);
}

/* Frame to fields, box to text, text to members - and the same bytes back. */
static void login_is_read_and_made_again(void **state)
{
	const struct login_vector *v = *state;
	struct bytes frame = unhex(v->frame), priv = unhex(v->server_priv);
	struct derp_frame f = { DERP_CLIENT_INFO, (uint32_t)frame.len - 5,
				(uint32_t)frame.len - 5, frame.at + 5 };
	struct derp_client_info info;
	uint8_t text[1024], back[1024], box[1024], key[DERP_KEY_LEN];
	uint8_t server[DERP_KEY_LEN], ours[DERP_KEY_LEN];
	struct derp_msg m;
	size_t n, len;

	assert_int_equal(derp_parse(&m, &f, DERP_WIRE_V2), 0);
	assert_int_equal(derp_open(text, sizeof text, &n, m.client_info.nonce,
				   DERP_NONCE_LEN + m.client_info.len,
				   m.client_info.key, priv.at),
			 0);
	assert_int_equal(derp_client_info_read(&info, text, n), 0);
	check_info(v, &info);
	assert_int_equal(derp_client_info_write(&info, back, sizeof back, &len),
			 0);
	assert_int_equal(len, n);
	assert_memory_equal(back, text, n);
	/* The client's private key is 1 in every byte. */
	memset(ours, 1, sizeof ours);
	assert_int_equal(derp_public_key(key, ours), 0);
	assert_memory_equal(key, m.client_info.key, DERP_KEY_LEN);
	assert_int_equal(derp_public_key(server, priv.at), 0);
	assert_int_equal(derp_seal(box, sizeof box, &n, back, len,
				   m.client_info.nonce, server, ours),
			 0);
	assert_int_equal(n, DERP_NONCE_LEN + m.client_info.len);
	assert_memory_equal(box, m.client_info.nonce, n);
	free(frame.at);
	free(priv.at);
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(boxes_1_102_5); i++) {
		add_of(&s, "1.102.5", boxes_1_102_5[i].name,
		       box_of_the_reference_opens_and_is_made,
		       &boxes_1_102_5[i]);
		add_of(&s, "1.104.5", boxes_1_104_5[i].name,
		       box_of_the_reference_opens_and_is_made,
		       &boxes_1_104_5[i]);
		add_of(&s, "in-place", boxes_1_104_5[i].name,
		       box_opens_over_itself, &boxes_1_104_5[i]);
	}
	for (size_t i = 0; i < NUM(logins_1_102_5); i++)
		add_of(&s, "1.102.5", logins_1_102_5[i].name,
		       login_is_read_and_made_again, &logins_1_102_5[i]);
	for (size_t i = 0; i < NUM(logins_1_104_5); i++)
		add_of(&s, "1.104.5", logins_1_104_5[i].name,
		       login_is_read_and_made_again, &logins_1_104_5[i]);
	ADD(&s, any_flipped_bit_does_not_open);
	ADD(&s, every_truncation_is_short_or_does_not_open);
	ADD(&s, every_room_is_enough_or_refused);
	ADD(&s, a_peer_of_low_order_is_refused);
	ADD(&s, a_private_key_that_is_not_set_is_refused);
	ADD(&s, the_top_bit_of_a_key_does_not_count);
	ADD(&s, a_wiped_secret_is_gone);
	return run("box", &s);
}
