/*
 * test_build.c - messages that cannot be built, and the writer's limit:
 * DERP-FRAME-11.  What can be built is in test_parse.c, beside its reading.
 */
#include "derp.h"
#include "exact.h"

static const uint8_t k[DERP_KEY_LEN], ip[DERP_IP_LEN], nonce[DERP_NONCE_LEN];

struct refused {
	const char *name;
	struct derp_msg m;
	int err;
};

static const struct refused refusals[] = {
	{ "build/type-0", { .type = 0 }, DERP_E_TYPE },
	{ "build/type-0b", { .type = 0x0b }, DERP_E_TYPE },
	{ "build/type-101", { .type = 0x101 }, DERP_E_TYPE },
	{ "build/server-key", { .type = DERP_SERVER_KEY }, DERP_E_VALUE },
	{ "build/client-info-key",
	  { .type = DERP_CLIENT_INFO, .client_info = { NULL, nonce, k, 1 } },
	  DERP_E_VALUE },
	{ "build/client-info-nonce",
	  { .type = DERP_CLIENT_INFO, .client_info = { k, NULL, k, 1 } },
	  DERP_E_VALUE },
	{ "build/client-info-box",
	  { .type = DERP_CLIENT_INFO, .client_info = { k, nonce, NULL, 1 } },
	  DERP_E_VALUE },
	{ "build/server-info-nonce",
	  { .type = DERP_SERVER_INFO, .server_info = { NULL, k, 1 } },
	  DERP_E_VALUE },
	{ "build/send-dst",
	  { .type = DERP_SEND_PACKET, .packet = { k, NULL, k, 1 } },
	  DERP_E_VALUE },
	{ "build/send-data",
	  { .type = DERP_SEND_PACKET, .packet = { k, k, NULL, 1 } },
	  DERP_E_VALUE },
	{ "build/forward-src",
	  { .type = DERP_FORWARD_PACKET, .packet = { NULL, k, k, 1 } },
	  DERP_E_VALUE },
	{ "build/forward-dst",
	  { .type = DERP_FORWARD_PACKET, .packet = { k, NULL, k, 1 } },
	  DERP_E_VALUE },
	{ "build/home-256",
	  { .type = DERP_NOTE_PREFERRED, .preferred = { 256 } },
	  DERP_E_VALUE },
	{ "build/gone-key", { .type = DERP_PEER_GONE }, DERP_E_VALUE },
	{ "build/gone-256",
	  { .type = DERP_PEER_GONE, .gone = { k, 256 } },
	  DERP_E_VALUE },
	{ "build/gone-minus-2",
	  { .type = DERP_PEER_GONE, .gone = { k, -2 } },
	  DERP_E_VALUE },
	{ "build/present-key",
	  { .type = DERP_PEER_PRESENT, .present = { NULL, ip, 1, 1, k, 1 } },
	  DERP_E_VALUE },
	{ "build/present-flags-no-ip",
	  { .type = DERP_PEER_PRESENT, .present = { k, NULL, -1, 1, NULL, 0 } },
	  DERP_E_VALUE },
	{ "build/present-app-no-ip",
	  { .type = DERP_PEER_PRESENT, .present = { k, NULL, -1, -1, k, 0 } },
	  DERP_E_VALUE },
	{ "build/present-app-no-flags",
	  { .type = DERP_PEER_PRESENT, .present = { k, ip, 1, -1, k, 0 } },
	  DERP_E_VALUE },
	{ "build/present-port-minus",
	  { .type = DERP_PEER_PRESENT, .present = { k, ip, -1, -1, NULL, 0 } },
	  DERP_E_VALUE },
	{ "build/present-port-65536",
	  { .type = DERP_PEER_PRESENT,
	    .present = { k, ip, 65536, -1, NULL, 0 } },
	  DERP_E_VALUE },
	{ "build/present-flags-256",
	  { .type = DERP_PEER_PRESENT, .present = { k, ip, 1, 256, NULL, 0 } },
	  DERP_E_VALUE },
	{ "build/present-flags-minus-2",
	  { .type = DERP_PEER_PRESENT, .present = { k, ip, 1, -2, NULL, 0 } },
	  DERP_E_VALUE },
	{ "build/present-app-256",
	  { .type = DERP_PEER_PRESENT, .present = { k, ip, 1, 1, k, 256 } },
	  DERP_E_VALUE },
	{ "build/present-app-minus",
	  { .type = DERP_PEER_PRESENT, .present = { k, ip, 1, 1, k, -1 } },
	  DERP_E_VALUE },
	{ "build/close-key", { .type = DERP_CLOSE_PEER }, DERP_E_VALUE },
	{ "build/health-text",
	  { .type = DERP_HEALTH, .health = { NULL, 1 } },
	  DERP_E_VALUE },
};

static void refused_message_leaves_no_trace(void **state)
{
	const struct refused *v = *state;
	uint8_t *out = blank(400), *head = blank(DERP_HEAD_MAX);
	struct iovec iov[2];
	size_t n = 12345;

	memset(iov, 0xaa, sizeof iov);
	assert_int_equal(derp_build(&v->m, out, 400, &n), v->err);
	assert_int_equal(derp_build_iov(&v->m, head, iov), v->err);
	assert_int_equal(n, 12345);
	assert_blank(out, 400);
	assert_blank(head, DERP_HEAD_MAX);
	assert_blank(iov, sizeof iov);
	free(out);
	free(head);
}

/* Told before any byte of the data is looked at. */
static void the_writers_limit_is_exact(void **state)
{
	static const uint8_t data[1];
	struct derp_msg m = { .type = DERP_SEND_PACKET };
	uint8_t head[DERP_HEAD_MAX];
	struct iovec iov[2];
	size_t n;

	(void)state;
	m.packet.dst = k;
	m.packet.data = data;
	m.packet.len = DERP_WRITE_MAX - 32;
	assert_int_equal(derp_build(&m, NULL, 0, &n), DERP_E_NOBUF);
	assert_int_equal(derp_build_iov(&m, head, iov), 0);
	assert_int_equal(iov[1].iov_len, DERP_WRITE_MAX - 32);
	m.packet.len++;
	assert_int_equal(derp_build(&m, NULL, 0, &n), DERP_E_LIMIT);
	assert_int_equal(derp_build_iov(&m, head, iov), DERP_E_LIMIT);
	m.packet.len = UINT32_MAX;
	assert_int_equal(derp_build(&m, NULL, 0, &n), DERP_E_LIMIT);
	m.type = DERP_HEALTH;
	m.health.text = data;
	m.health.len = DERP_WRITE_MAX;
	assert_int_equal(derp_build_iov(&m, head, iov), 0);
	m.health.len++;
	assert_int_equal(derp_build_iov(&m, head, iov), DERP_E_LIMIT);
}

static void bulk_is_borrowed_not_copied(void **state)
{
	uint8_t data[] = { 1, 2, 3 };
	struct derp_msg m = { .type = DERP_RECV_PACKET,
			      .packet = { k, NULL, data, sizeof data } };
	uint8_t head[DERP_HEAD_MAX];
	struct iovec iov[2];

	(void)state;
	assert_int_equal(derp_build_iov(&m, head, iov), 0);
	assert_ptr_equal(iov[1].iov_base, data);
	assert_int_equal(iov[1].iov_len, sizeof data);
	assert_int_equal(iov[0].iov_len, 37);
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(refusals); i++)
		add(&s, refusals[i].name, refused_message_leaves_no_trace,
		    &refusals[i]);
	ADD(&s, the_writers_limit_is_exact);
	ADD(&s, bulk_is_borrowed_not_copied);
	return run("build", &s);
}
