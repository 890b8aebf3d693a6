/*
 * fuzz_views.c - parse, build, compare, for every frame type.
 *
 *   input:  stream of frames ... | wire 1
 *
 * Oracle: the fields that derp_parse() found, built again, are the bytes they
 * were read from; what was not understood is counted in tail, not lost.  No
 * pointer leaves the frame.  The scatter form is the same bytes.
 */
#include <stdbool.h>

#include "derp.h"
#include "fuzz.h"

static void check_inside(const struct derp_frame *f, const uint8_t *p,
			 size_t len)
{
	if (p == NULL)
		return;
	fuzz_check(p >= f->body && p <= f->body + f->len);
	fuzz_check(len <= (size_t)(f->body + f->len - p));
}

static void check_present(const struct derp_frame *f,
			  const struct derp_m_present *p)
{
	check_inside(f, p->key, DERP_KEY_LEN);
	check_inside(f, p->ip, DERP_IP_LEN);
	fuzz_check((p->ip == NULL) == (p->port == -1));
	fuzz_check(p->port >= -1 && p->port <= 65535);
	fuzz_check(p->flags >= -1 && p->flags <= 255);
	fuzz_check((p->app == NULL) == (p->app_len == -1));
	if (p->app != NULL)
		check_inside(f, p->app, (size_t)p->app_len);
}

static void check_pointers(const struct derp_frame *f, const struct derp_msg *m)
{
	switch (m->type) {
	case DERP_SERVER_KEY:
		check_inside(f, m->server_key.key, DERP_KEY_LEN);
		break;
	case DERP_CLIENT_INFO:
		check_inside(f, m->client_info.key, DERP_KEY_LEN);
		check_inside(f, m->client_info.nonce, DERP_NONCE_LEN);
		check_inside(f, m->client_info.box, m->client_info.len);
		break;
	case DERP_SERVER_INFO:
		check_inside(f, m->server_info.nonce, DERP_NONCE_LEN);
		check_inside(f, m->server_info.box, m->server_info.len);
		break;
	case DERP_SEND_PACKET:
	case DERP_RECV_PACKET:
	case DERP_FORWARD_PACKET:
		check_inside(f, m->packet.src, DERP_KEY_LEN);
		check_inside(f, m->packet.dst, DERP_KEY_LEN);
		check_inside(f, m->packet.data, m->packet.len);
		break;
	case DERP_PEER_GONE:
		check_inside(f, m->gone.key, DERP_KEY_LEN);
		fuzz_check(m->gone.reason >= -1 && m->gone.reason <= 255);
		break;
	case DERP_PEER_PRESENT:
		check_present(f, &m->present);
		break;
	case DERP_CLOSE_PEER:
		check_inside(f, m->close.key, DERP_KEY_LEN);
		break;
	case DERP_HEALTH:
		check_inside(f, m->health.text, m->health.len);
		break;
	}
}

/* The scatter form, where the type has one, is the same bytes. */
static void check_iov(const struct derp_msg *m, const uint8_t *built, size_t n)
{
	uint8_t head[DERP_HEAD_MAX];
	struct iovec iov[2];

	if (derp_build_iov(m, head, iov) != 0)
		return;
	fuzz_check(iov[0].iov_len + iov[1].iov_len == n);
	fuzz_check(memcmp(iov[0].iov_base, built, iov[0].iov_len) == 0);
	if (iov[1].iov_len != 0)
		fuzz_check(memcmp(iov[1].iov_base, built + iov[0].iov_len,
				  iov[1].iov_len) == 0);
}

static void check_frame(const struct derp_frame *f, enum derp_wire wire)
{
	const struct derp_rule *rule = derp_rule(f->type);
	struct derp_msg m;
	uint8_t *out;
	size_t n, want;
	int err = derp_parse(&m, f, wire);

	fuzz_check((rule == NULL) == (err == DERP_E_TYPE));
	if (err != 0) {
		fuzz_check(err == DERP_E_TYPE || err == DERP_E_SHORT ||
			   err == DERP_E_VALUE);
		return;
	}
	fuzz_check(m.type == f->type && m.tail <= f->len);
	check_pointers(f, &m);

	want = DERP_HEAD_LEN + f->len - m.tail;
	out = malloc(want);
	fuzz_check(out != NULL);
	fuzz_check(derp_build(&m, out, want - 1, &n) == DERP_E_NOBUF);
	fuzz_check(derp_build(&m, out, want, &n) == 0 && n == want);
	fuzz_check(out[0] == f->type);
	fuzz_check(memcmp(out + DERP_HEAD_LEN, f->body, want - DERP_HEAD_LEN) ==
		   0);
	check_iov(&m, out, n);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct derp_reader r;
	struct derp_frame f;
	enum derp_wire wire;
	uint8_t *buf;
	uint32_t cap;
	int step;

	if (size < 1)
		return 0;
	size--;
	wire = data[size] % 2 ? DERP_WIRE_V1 : DERP_WIRE_V2;

	derp_reader_init(&r, DERP_FRAME_MAX);
	/* No whole frame is longer than the input. */
	cap = (uint32_t)size;
	buf = malloc(size ? size : 1);
	fuzz_check(buf != NULL);
	while ((step = derp_reader_next(&r, &data, &size, &f)) > 0) {
		if (step == DERP_HEAD) {
			derp_reader_lend(&r, buf, cap);
			continue;
		}
		/* An exact copy: a read past the payload is seen. */
		f.body = fuzz_copy(f.body, f.have);
		check_frame(&f, wire);
		free((void *)(uintptr_t)f.body);
	}
	free(buf);
	return 0;
}
