/*
 * faults.c - the faults, each a rule broken in one place.
 *
 *   a server that does not close when it must   swallow_*: the client's frame
 *                                               never reaches the server
 *   a server that closes when it must not       close_*
 *   a server that sends something else          frame functions
 *
 * The last ones are harmless: a server may do that, and no case may fail.
 */
#include <stdlib.h>
#include <string.h>

#include "faulty.h"

#define CLOSED_LATE 0.004 /* seconds that a key is not yet routable */

static bool is_disco(const uint8_t *data, size_t len)
{
	static const uint8_t magic[] = { 0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac };

	return len >= 62 && memcmp(data, magic, sizeof(magic)) == 0;
}

/* ---- logins ----------------------------------------------------------- */

/* Whatever goes wrong before ServerInfo, the connection stays. */
static bool hide_failed_login(struct pair *p)
{
	return p->client.phase == IN_DERP && !p->ready;
}

/* ---- frames that close, and must not --------------------------------- */

static enum act close_unknown(struct pair *p, enum dir d, uint32_t type,
			      uint32_t len)
{
	(void)p;
	(void)len;
	return d == TO_SERVER && derp_rule(type) == NULL ? CLOSE : FORWARD;
}

static enum act close_server_only(struct pair *p, enum dir d, uint32_t type,
				  uint32_t len)
{
	const struct derp_rule *r = derp_rule(type);

	(void)p;
	(void)len;
	return d == TO_SERVER && r != NULL && r->from == DERP_FROM_SERVER
		       ? CLOSE
		       : FORWARD;
}

static void close_odd_home(struct pair *p, enum dir d,
			   const struct derp_frame *f)
{
	if (f->body[0] > 1)
		pair_close(p);
	else
		emit_frame(p, d, f->type, f->body, f->have);
}

static enum act close_second(struct pair *p, enum dir d, uint32_t type,
			     uint32_t len)
{
	struct pair *other;

	(void)len;
	if (d == TO_CLIENT && type == DERP_SERVER_INFO && p->has_key &&
	    (other = pair_by_key(p->key, p)) != NULL)
		pair_close(other);
	return FORWARD;
}

/* ---- packets ---------------------------------------------------------- */

/* body may lie in the input: change a copy. */
static void emit_changed(struct pair *p, enum dir d, const struct derp_frame *f,
			 uint32_t at, uint8_t flip, uint32_t len)
{
	uint8_t *copy = malloc((size_t)f->have + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, f->body, f->have);
	copy[f->have] = 0;
	if (at < f->have)
		copy[at] ^= flip;
	emit_frame(p, d, f->type, copy, len);
	free(copy);
}

static void wrong_source(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_changed(p, d, f, DERP_KEY_LEN - 1, 1, f->have);
}

static void cut_packet(struct pair *p, enum dir d, const struct derp_frame *f)
{
	uint32_t cut = f->have > DERP_KEY_LEN + 60000 ? 1 : 0;

	emit_frame(p, d, f->type, f->body, f->have - cut);
}

static void spoil_packet(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_changed(p, d, f, f->have > DERP_KEY_LEN + 4000 ? 4000 : UINT32_MAX,
		     0x80, f->have);
}

static void pad_packet(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_changed(p, d, f, UINT32_MAX, 0,
		     f->have + (f->have < DERP_KEY_LEN + 32));
}

static void twice(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_frame(p, d, f->type, f->body, f->have);
	emit_frame(p, d, f->type, f->body, f->have);
}

static void drop_empty(struct pair *p, enum dir d, const struct derp_frame *f)
{
	if (f->have > DERP_KEY_LEN)
		emit_frame(p, d, f->type, f->body, f->have);
}

static void drop_to_self(struct pair *p, enum dir d, const struct derp_frame *f)
{
	if (memcmp(f->body, p->key, DERP_KEY_LEN) != 0)
		emit_frame(p, d, f->type, f->body, f->have);
}

/* Each pair of packets of a connection comes in the other order. */
static void swap(struct pair *p, enum dir d, const struct derp_frame *f)
{
	if (p->kept == NULL && p->count++ % 2 == 0) {
		p->kept = malloc((size_t)f->have + 1);
		if (p->kept == NULL)
			abort();
		memcpy(p->kept, f->body, f->have);
		p->kept_len = f->have;
		return;
	}
	emit_frame(p, d, f->type, f->body, f->have);
	if (p->kept != NULL)
		emit_frame(p, d, DERP_RECV_PACKET, p->kept, p->kept_len);
	free(p->kept);
	p->kept = NULL;
}

/* Somebody else hears the packet too. */
static void to_others(struct pair *p, enum dir d, const struct derp_frame *f)
{
	struct pair *q;

	emit_frame(p, d, f->type, f->body, f->have);
	for (q = pairs; q != NULL; q = q->next)
		if (q != p && q->ready)
			emit_frame(q, d, f->type, f->body, f->have);
}

static void to_oldest(struct pair *p, enum dir d, const struct derp_frame *f)
{
	struct pair *oldest = pair_by_key(p->key, NULL);

	emit_frame(oldest != NULL && oldest->ready ? oldest : p, d, f->type,
		   f->body, f->have);
}

static void not_routable_at_once(struct pair *p, enum dir d,
				 const struct derp_frame *f)
{
	struct pair *to = pair_by_key(f->body, NULL);

	if (to != NULL && to != p && ev_time() - to->ready_at < CLOSED_LATE)
		return;
	emit_frame(p, d, f->type, f->body, f->have);
}

static void only_when_ready(struct pair *p, enum dir d,
			    const struct derp_frame *f)
{
	if (p->ready)
		emit_frame(p, d, f->type, f->body, f->have);
}

static void close_for_nobody(struct pair *p, enum dir d,
			     const struct derp_frame *f)
{
	if (pair_by_key(f->body, NULL) == NULL)
		pair_close(p);
	else
		emit_frame(p, d, f->type, f->body, f->have);
}

/* What was not sent is made up. */
static void finish_with_zeros(struct pair *p, uint32_t missing)
{
	uint8_t zeros[256] = { 0 };

	for (; missing > 256; missing -= 256)
		emit(p, TO_SERVER, zeros, sizeof(zeros));
	emit(p, TO_SERVER, zeros, missing);
}

/* ---- notices ---------------------------------------------------------- */

static void no_not_here(struct pair *p, enum dir d, const struct derp_frame *f)
{
	if (f->body[DERP_KEY_LEN] != 1)
		emit_frame(p, d, f->type, f->body, f->have);
}

static void no_disconnected(struct pair *p, enum dir d,
			    const struct derp_frame *f)
{
	if (f->body[DERP_KEY_LEN] != 0)
		emit_frame(p, d, f->type, f->body, f->have);
}

static void not_here_as_gone(struct pair *p, enum dir d,
			     const struct derp_frame *f)
{
	emit_changed(p, d, f, DERP_KEY_LEN, f->body[DERP_KEY_LEN], f->have);
}

static void gone_as_not_here(struct pair *p, enum dir d,
			     const struct derp_frame *f)
{
	emit_changed(p, d, f, DERP_KEY_LEN, f->body[DERP_KEY_LEN] ^ 1u,
		     f->have);
}

static void no_reason(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_frame(p, d, f->type, f->body, DERP_KEY_LEN);
}

static void gone_to_all(struct pair *p, enum dir d, const struct derp_frame *f)
{
	struct pair *q;

	emit_frame(p, d, f->type, f->body, f->have);
	for (q = pairs; q != NULL; q = q->next)
		if (q != p && q->ready && f->body[DERP_KEY_LEN] == 0)
			emit_frame(q, d, f->type, f->body, f->have);
}

static void not_here_for_all(struct pair *p, enum dir d,
			     const struct derp_frame *f)
{
	uint8_t gone[DERP_KEY_LEN + 1];

	emit_frame(p, d, f->type, f->body, f->have);
	if (pair_by_key(f->body, NULL) != NULL ||
	    is_disco(f->body + DERP_KEY_LEN, f->have - DERP_KEY_LEN))
		return;
	memcpy(gone, f->body, DERP_KEY_LEN);
	gone[DERP_KEY_LEN] = 1;
	emit_frame(p, TO_CLIENT, DERP_PEER_GONE, gone, sizeof(gone));
}

static void not_here_without_limit(struct pair *p, enum dir d,
				   const struct derp_frame *f)
{
	uint8_t gone[DERP_KEY_LEN + 1];

	emit_frame(p, d, f->type, f->body, f->have);
	if (pair_by_key(f->body, NULL) != NULL ||
	    !is_disco(f->body + DERP_KEY_LEN, f->have - DERP_KEY_LEN) ||
	    ++p->count <= 3)
		return;
	memcpy(gone, f->body, DERP_KEY_LEN);
	gone[DERP_KEY_LEN] = 1;
	emit_frame(p, TO_CLIENT, DERP_PEER_GONE, gone, sizeof(gone));
}

static void present_flags_zero(struct pair *p, enum dir d,
			       const struct derp_frame *f)
{
	emit_changed(p, d, f, 50, f->body[50], f->have);
}

/* ---- pings and logins -------------------------------------------------- */

static void other_pong(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_changed(p, d, f, DERP_PING_LEN - 1, 1, f->have);
}

static void long_pong(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_changed(p, d, f, UINT32_MAX, 0, f->have + 1);
}

static void no_pong(struct pair *p, enum dir d, const struct derp_frame *f)
{
	(void)p;
	(void)d;
	(void)f;
}

static void wrong_magic(struct pair *p, enum dir d, const struct derp_frame *f)
{
	emit_changed(p, d, f, DERP_MAGIC_LEN - 1, 1, f->have);
}

static void answer_fast_start(struct pair *p, enum dir d,
			      const struct derp_frame *f)
{
	uint8_t text[512];
	size_t len;

	if (p->fast_start && f->have >= DERP_MAGIC_LEN + DERP_KEY_LEN &&
	    derp_http_write_101(text, sizeof(text), &len,
				f->body + DERP_MAGIC_LEN) == 0)
		emit(p, d, text, len);
	emit_frame(p, d, f->type, f->body, f->have);
}

static void spoil_server_info(struct pair *p, enum dir d,
			      const struct derp_frame *f)
{
	emit_changed(p, d, f, f->have - 1, 1, f->have);
}

/* ---- harmless --------------------------------------------------------- */

static void with_keep_alive(struct pair *p, enum dir d,
			    const struct derp_frame *f)
{
	emit_frame(p, d, f->type, f->body, f->have);
	if (p->ready)
		emit_frame(p, d, DERP_KEEP_ALIVE, NULL, 0);
}

static void with_future_frame(struct pair *p, enum dir d,
			      const struct derp_frame *f)
{
	emit_frame(p, d, f->type, f->body, f->have);
	if (p->ready)
		emit_frame(p, d, 0x2a, "from a later version", 20);
}

/* ----------------------------------------------------------------------- */

#define BREAKS(n, r, c, w, ...)                                                \
	{                                                                      \
		.name = (n), .rule = (r), .caught = (c), .what = (w),          \
		__VA_ARGS__                                                    \
	}
#define HARMLESS(n, w, ...)                                                    \
	{                                                                      \
		.name = (n), .what = (w), __VA_ARGS__                          \
	}

/* Frames of a type and of a least length, collected for frame(); or sent by a
 * client and never seen by the server.  Type 0 is any. */
#define SENT(t, n) .dir = TO_SERVER, .type = (t), .min = (n), .act = COLLECT
#define GIVEN(t, n) .dir = TO_CLIENT, .type = (t), .min = (n), .act = COLLECT
#define SKIPS(t, least, most)                                                  \
	.dir = TO_SERVER, .type = (t), .min = (least), .max = (most),          \
	.act = SWALLOW

/* clang-format off */
const struct fault faults[] = {
	BREAKS("ping-long-kept", "DERP-PING-4", "ping.max-1000",
	       "a ping over 1000 bytes is skipped",
	       SKIPS(DERP_PING, DERP_PING_MAX + 1, 0)),
	BREAKS("ping-short-kept", "DERP-PING-3", "ping.min-8",
	       "a ping under 8 bytes is skipped",
	       SKIPS(DERP_PING, 0, DERP_PING_LEN - 1)),
	BREAKS("pong-other", "DERP-PING-1", "ping.first-eight",
	       "a pong differs in its last byte",
	       GIVEN(DERP_PONG, 0), .frame = other_pong),
	BREAKS("pong-long", "DERP-PING-2", "ping.first-eight",
	       "a pong has nine bytes",
	       GIVEN(DERP_PONG, 0), .frame = long_pong),
	BREAKS("pong-none", "DERP-PING-1", "ping.first-eight",
	       "pings are not answered",
	       GIVEN(DERP_PONG, 0), .frame = no_pong),
	BREAKS("send-long-kept", "DERP-SEND-4", "send.too-long",
	       "a packet over 65,536 bytes is skipped",
	       SKIPS(DERP_SEND_PACKET, DERP_KEY_LEN + DERP_PACKET_MAX + 1, 0)),
	BREAKS("send-short-kept", "DERP-SEND-5", "send.too-short",
	       "a SendPacket without a whole key is skipped",
	       SKIPS(DERP_SEND_PACKET, 0, DERP_KEY_LEN - 1)),
	BREAKS("recv-other-source", "DERP-SEND-2", "send.source-is-the-sender",
	       "the source key differs in one bit",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = wrong_source),
	BREAKS("recv-cut", "DERP-SEND-3", "send.contents",
	       "packets over 60,000 bytes lose their last byte",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = cut_packet),
	BREAKS("recv-spoilt", "DERP-SEND-1", "send.contents",
	       "one bit differs in packets over 4,000 bytes",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = spoil_packet),
	BREAKS("recv-padded", "DERP-SEND-1", "send.contents",
	       "packets under 32 bytes get a zero byte more",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = pad_packet),
	BREAKS("recv-twice", "DERP-SEND-1", "send.source-is-the-sender",
	       "packets come twice",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = twice),
	BREAKS("recv-no-empty", "DERP-SEND-3", "send.contents",
	       "empty packets are lost",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = drop_empty),
	BREAKS("recv-swapped", "DERP-ORDER-1", "order.packets",
	       "packets change places in pairs",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = swap),
	BREAKS("recv-by-all", "DERP-SEND-6", "send.only-one-copy",
	       "everybody hears everything",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = to_others),
	BREAKS("self-lost", "DERP-SEND-7", "send.to-self",
	       "packets to oneself are lost",
	       SENT(DERP_SEND_PACKET, DERP_KEY_LEN), .frame = drop_to_self),
	BREAKS("nobody-closes", "DERP-SEND-8", "send.to-nobody",
	       "a packet to nobody closes",
	       SENT(DERP_SEND_PACKET, DERP_KEY_LEN), .frame = close_for_nobody),
	BREAKS("routable-late", "DERP-LOGIN-13", "login.routable-at-once",
	       "a key is routable some ms after its ServerInfo",
	       SENT(DERP_SEND_PACKET, DERP_KEY_LEN), .frame = not_routable_at_once),
	BREAKS("early-lost", "DERP-LOGIN-14", "login.frames-behind-client-info",
	       "packets before ServerInfo are lost",
	       SENT(DERP_SEND_PACKET, DERP_KEY_LEN), .frame = only_when_ready),
	BREAKS("half-frame-used", "DERP-FRAME-6", "frame.unfinished",
	       "a frame that ends early is completed with zeros",
	       .cut_off = finish_with_zeros),
	BREAKS("home-length-kept", "DERP-HOME-1", "home.length",
	       "a NotePreferred of a wrong length is skipped",
	       SKIPS(DERP_NOTE_PREFERRED, 2, 0)),
	BREAKS("home-value-closes", "DERP-HOME-2", "home.values",
	       "a NotePreferred above 1 closes",
	       SENT(DERP_NOTE_PREFERRED, 1), .frame = close_odd_home),
	BREAKS("unknown-closes", "DERP-FRAME-3", "frame.unknown-skipped",
	       "an unknown frame closes",
	       .judge = close_unknown),
	BREAKS("server-only-closes", "DERP-FRAME-5",
	       "frame.server-only-skipped",
	       "a frame that only servers send closes",
	       .judge = close_server_only),
	BREAKS("watch-kept", "DERP-MESH-2", "mesh.watch-needs-the-key",
	       "WatchConns is skipped, also without privilege",
	       SKIPS(DERP_WATCH_CONNS, 0, 0)),
	BREAKS("close-peer-kept", "DERP-MESH-9", "mesh.close-peer-needs-the-key",
	       "ClosePeer is skipped, also without privilege",
	       SKIPS(DERP_CLOSE_PEER, 0, 0)),
	BREAKS("forward-kept", "DERP-MESH-12", "mesh.forward-needs-the-key",
	       "ForwardPacket is skipped, also without privilege",
	       SKIPS(DERP_FORWARD_PACKET, 0, 0)),
	BREAKS("present-no-flags", "DERP-PRESENT-4", "present.regular",
	       "the flags of PeerPresent are zero",
	       GIVEN(DERP_PEER_PRESENT, 51), .frame = present_flags_zero),
	BREAKS("not-here-none", "DERP-GONE-2", "gone.not-here",
	       "NotHere is never sent",
	       GIVEN(DERP_PEER_GONE, DERP_KEY_LEN + 1), .frame = no_not_here),
	BREAKS("not-here-as-gone", "DERP-GONE-2", "gone.not-here",
	       "the reason is always 0",
	       GIVEN(DERP_PEER_GONE, DERP_KEY_LEN + 1), .frame = not_here_as_gone),
	BREAKS("not-here-for-all", "DERP-GONE-3", "gone.not-disco",
	       "NotHere for every packet to nobody",
	       SENT(DERP_SEND_PACKET, DERP_KEY_LEN), .frame = not_here_for_all),
	BREAKS("not-here-no-limit", "DERP-GONE-4", "gone.three-at-once",
	       "NotHere without a limit",
	       SENT(DERP_SEND_PACKET, DERP_KEY_LEN), .frame = not_here_without_limit),
	BREAKS("gone-none", "DERP-GONE-5", "gone.disconnected",
	       "Disconnected is never sent",
	       GIVEN(DERP_PEER_GONE, DERP_KEY_LEN + 1), .frame = no_disconnected),
	BREAKS("gone-other-reason", "DERP-GONE-5", "gone.disconnected",
	       "the two reasons are exchanged",
	       GIVEN(DERP_PEER_GONE, DERP_KEY_LEN + 1), .frame = gone_as_not_here),
	BREAKS("gone-no-reason", "DERP-GONE-1", "gone.not-here",
	       "PeerGone has no reason",
	       GIVEN(DERP_PEER_GONE, DERP_KEY_LEN + 1), .frame = no_reason),
	BREAKS("gone-to-all", "DERP-GONE-7", "gone.sender-is-not-told",
	       "everybody is told who left",
	       GIVEN(DERP_PEER_GONE, DERP_KEY_LEN + 1), .frame = gone_to_all),
	BREAKS("second-closes-first", "DERP-DUP-1", "dup.both-are-served",
	       "a second connection of a key ends the first",
	       .judge = close_second),
	BREAKS("first-receives", "DERP-DUP-2", "dup.newest-receives",
	       "the oldest connection of a key receives",
	       GIVEN(DERP_RECV_PACKET, DERP_KEY_LEN), .frame = to_oldest),
	BREAKS("login-failure-stays", "DERP-LOGIN-8", "login.box-must-open",
	       "a failed login does not close",
	       .hide_close = hide_failed_login),
	BREAKS("server-key-magic", "DERP-LOGIN-1", "login.server-key",
	       "the magic differs in one bit",
	       GIVEN(DERP_SERVER_KEY, 40), .frame = wrong_magic),
	BREAKS("server-info-spoilt", "DERP-LOGIN-12", "login.server-info",
	       "ServerInfo does not open",
	       GIVEN(DERP_SERVER_INFO, 1), .frame = spoil_server_info),
	BREAKS("fast-start-answered", "DERP-HTTP-13", "http.fast-start",
	       "Fast-Start is answered with a 101",
	       GIVEN(DERP_SERVER_KEY, 40), .frame = answer_fast_start),
	BREAKS("fast-start-by-name", "DERP-HTTP-14",
	       "http.fast-start-is-exactly-1",
	       "Derp-Fast-Start: 0 is taken for 1",
	       .dir = TO_SERVER, .from = "Derp-Fast-Start: 0", .to = "Derp-Fast-Start: 1"),
	BREAKS("upgrade-other", "DERP-HTTP-6", "http.upgrade",
	       "the 101 names another protocol",
	       .dir = TO_CLIENT, .from = "Upgrade: DERP", .to = "Upgrade: DORP"),
	BREAKS("upgrade-no-key", "DERP-HTTP-7", "http.names-version-and-key",
	       "the 101 does not name the key",
	       .dir = TO_CLIENT, .from = "Derp-Public-Key: ", .to = "Derp-Public-Kex: "),
	BREAKS("no-426", "DERP-HTTP-4", "http.no-upgrade",
	       "a request without Upgrade gives 400",
	       .dir = TO_CLIENT, .from = " 426 ", .to = " 400 "),
	BREAKS("pipelined-lost", "DERP-HTTP-11", "http.first-flight",
	       "what comes with the request is lost",
	       .drop_pipelined = true),
	BREAKS("probe-none", "DERP-HTTP-19", "http.probe",
	       "/derp/probe is not served",
	       .dir = TO_SERVER, .from = "/derp/probe", .to = "/derp/prob_"),
	BREAKS("challenge-none", "DERP-HTTP-22", "http.challenge",
	       "the challenge is not answered",
	       .dir = TO_CLIENT, .from = "X-Tailscale-Response", .to = "X-Tailscale-Respons_"),

	HARMLESS("cut-by-seven", "everything comes in pieces of 7 bytes",
		 .write_max = 7),
	HARMLESS("keep-alives", "a KeepAlive behind every frame",
		 GIVEN(0, 0), .frame = with_keep_alive),
	HARMLESS("future-frames", "an unknown frame behind every frame",
		 GIVEN(0, 0), .frame = with_future_frame),
	HARMLESS("other-letters", "header names of the 101 in other letters",
		 .dir = TO_CLIENT, .from = "Derp-Version:", .to = "dERP-vERSION:"),
	HARMLESS("other-reason-phrase", "another reason phrase in the 101",
		 .dir = TO_CLIENT, .from = "Switching Protocols", .to = "switching protocols"),
	{ .name = NULL },
};
/* clang-format on */
