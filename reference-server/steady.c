/*
 * steady.c - frames after the login.
 *
 *	header -> is it allowed, by type, length and privilege?  where does
 *	          the payload go: nowhere, into small, into a packet
 *	end    -> act
 *
 * Lengths and privileges are judged on the header alone (DERP-FRAME-8); only
 * the upper limit of packets waits for the keys.  What is unknown, or only
 * servers send, is skipped up to 65,568 bytes without a buffer; longer frames
 * of that kind close, as in v1.104 (DERP-FRAME-4).
 */
#include <string.h>

#include "client.h"

static void lend_small(struct client *c, uint32_t len)
{
	derp_reader_lend(&c->reader, c->small, len);
}

/* Lend a packet; a payload that is whole in the input is copied from there
 * later, when its fate is known, and needs only a promise of room. */
static void lend_packet(struct client *c, const struct derp_frame *f,
			size_t avail)
{
	struct server *s = c->server;

	if (avail >= f->len) {
		derp_reader_lend(&c->reader, s->scratch, f->len);
		return;
	}
	/* No memory: the packet is skipped, as a full queue would lose it. */
	c->packet = packet_new(&s->pool, f->len);
	if (c->packet != NULL)
		derp_reader_lend(&c->reader, packet_payload(c->packet), f->len);
}

static const char *head_packet(struct client *c, const struct derp_frame *f,
			       size_t avail, uint32_t keys)
{
	if (f->len < keys)
		return "packet frame is too short";
	if (f->len - keys > DERP_PACKET_MAX) {
		c->oversize = true; /* until the keys are there */
		return NULL;
	}
	lend_packet(c, f, avail);
	return NULL;
}

static const char *head(struct client *c, const struct derp_frame *f,
			size_t avail)
{
	bool mesh = c->member.mesh;

	switch (f->type) {
	case DERP_SEND_PACKET:
		return head_packet(c, f, avail, DERP_KEY_LEN);
	case DERP_FORWARD_PACKET:
		if (!mesh)
			return "ForwardPacket without the mesh key";
		return head_packet(c, f, avail, 2 * DERP_KEY_LEN);
	case DERP_NOTE_PREFERRED:
		return f->len == 1 ? NULL : "NotePreferred is not one byte";
	case DERP_WATCH_CONNS:
		if (!mesh)
			return "WatchConns without the mesh key";
		return f->len == 0 ? NULL : "WatchConns is not empty";
	case DERP_CLOSE_PEER:
		if (!mesh)
			return "ClosePeer without the mesh key";
		if (f->len != DERP_KEY_LEN)
			return "ClosePeer is not one key";
		lend_small(c, DERP_KEY_LEN);
		return NULL;
	case DERP_PING:
		if (f->len < DERP_PING_LEN || f->len > DERP_PING_MAX)
			return "ping is not 8 to 1000 bytes";
		lend_small(c, DERP_PING_LEN);
		return NULL;
	default:
		return f->len <= DERP_SKIP_MAX ? NULL
					       : "unknown frame is too long";
	}
}

/* The packet of a whole frame.  Its payload was put together in the packet
 * that was lent, or lies whole in the input, whether one was lent or not. */
static struct packet *packet_of(struct client *c, const struct derp_frame *f)
{
	struct packet *p = c->packet;

	c->packet = NULL;
	if (f->have < f->len) /* skipped for lack of memory */
		return NULL;
	if (p == NULL)
		p = packet_new(&c->server->pool, f->len);
	if (p != NULL && f->body != packet_payload(p))
		memcpy(packet_payload(p), f->body, f->len);
	return p;
}

static void act(struct client *c, const struct derp_frame *f)
{
	struct relay *r = &c->server->relay;
	struct packet *p;

	switch (f->type) {
	case DERP_SEND_PACKET:
		if ((p = packet_of(c, f)) != NULL)
			relay_send(r, &c->member, p);
		break;
	case DERP_FORWARD_PACKET:
		if ((p = packet_of(c, f)) != NULL)
			relay_forward(r, &c->member, p);
		break;
	case DERP_WATCH_CONNS:
		relay_watch(r, &c->member);
		break;
	case DERP_CLOSE_PEER:
		relay_close_peer(r, f->body);
		break;
	case DERP_PING:
		relay_ping(r, &c->member, f->body);
		break;
	default:
		break; /* NotePreferred changes nothing on the wire */
	}
}

/* DERP-SEND-4, DERP-MESH-14: an oversize packet ends the connection when all
 * its keys have arrived. */
static bool is_over(const struct client *c, uint32_t type)
{
	uint32_t keys =
		type == DERP_SEND_PACKET ? DERP_KEY_LEN : 2 * DERP_KEY_LEN;

	return c->oversize && derp_reader_got(&c->reader) >= keys;
}

const char *steady_input(struct client *c, const uint8_t *in, size_t len)
{
	struct derp_frame f;
	const char *why;

	while (!c->is_doomed) {
		switch (derp_reader_next(&c->reader, &in, &len, &f)) {
		case DERP_NEED:
			return is_over(c, c->type) ? "packet is too long"
						   : NULL;
		case DERP_HEAD:
			c->type = f.type;
			c->oversize = false;
			relay_active(&c->server->relay, &c->member);
			if ((why = head(c, &f, len)) != NULL)
				return why;
			break;
		case DERP_FRAME:
			if (c->oversize)
				return "packet is too long";
			act(c, &f);
			break;
		default:
			return "frame is not readable";
		}
	}
	return NULL;
}
