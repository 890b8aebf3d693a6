/*
 * stats.c - what a capture holds, in tables (--stats).
 */
#include <string.h>

#include "dump.h"

#define WIDTH_NAME 20u
#define WIDTH_NUMBER 12u

void stats_event(struct dump *d, const struct capture_event *e)
{
	struct dump_stats *s = &d->sums;
	struct capture_payload p;
	uint32_t type;

	switch (e->what) {
	case CAPTURE_FRAME:
		type = e->frame->type % DUMP_TYPES;
		s->frames[type][e->dir]++;
		s->bytes[type][e->dir] += e->frame->len;
		if (e->msg == NULL ||
		    (type != DERP_SEND_PACKET && type != DERP_RECV_PACKET &&
		     type != DERP_FORWARD_PACKET))
			break;
		capture_payload(&p, e->msg->packet.data, e->msg->packet.len);
		s->kinds[p.kind]++;
		break;
	case CAPTURE_START:
		s->started[e->flow->mode]++;
		break;
	case CAPTURE_GAP:
		s->losses[e->loss] += e->lost;
		break;
	case CAPTURE_CLOSED:
		s->closed[e->end]++;
		break;
	case CAPTURE_OPEN:
	case CAPTURE_HTTP:
	case CAPTURE_INVALID:
	case CAPTURE_TRUNCATED:
	case CAPTURE_TLS:
	case CAPTURE_NOTE:
		break;
	}
}

static void line(struct out *o, const char *name, const uint64_t *v, size_t n)
{
	size_t i;

	out_padded(o, name, WIDTH_NAME);
	for (i = 0; i < n; i++)
		out_number_in(o, v[i], WIDTH_NUMBER, 1);
	out_char(o, '\n');
}

static void one(struct out *o, const char *name, uint64_t v)
{
	line(o, name, &v, 1);
}

/* Only where there is something to say. */
static void some(struct out *o, const char *name, uint64_t v)
{
	if (v > 0)
		line(o, name, &v, 1);
}

static void print_frames(struct out *o, const struct dump_stats *s)
{
	uint64_t row[4], sum[4] = { 0 };
	char unknown[] = "0x00";
	const char *name;
	uint32_t type, i;

	out_str(o, "frames                 c2s frames   c2s bytes"
		   "  s2c frames   s2c bytes\n");
	for (type = 0; type < DUMP_TYPES; type++) {
		for (i = 0; i < 4; i++)
			row[i] = i % 2 == 0 ? s->frames[type][i / 2]
					    : s->bytes[type][i / 2];
		if (row[0] + row[2] == 0)
			continue;
		for (i = 0; i < 4; i++)
			sum[i] += row[i];
		name = derp_type_name(type);
		unknown[2] = "0123456789abcdef"[type / 16];
		unknown[3] = "0123456789abcdef"[type % 16];
		line(o, name == NULL ? unknown : name, row, 4);
	}
	line(o, "all", sum, 4);
}

void stats_print(struct dump *d, const struct capture_counts *n)
{
	const struct dump_stats *s = &d->sums;
	struct out *o = &d->out;
	int i;

	print_frames(o, s);
	out_str(o, "\nrelayed packets\n");
	for (i = CAPTURE_OPAQUE; i <= CAPTURE_WG_DATA; i++)
		some(o, capture_kind_name((enum capture_kind)i), s->kinds[i]);
	out_str(o, "\nconnections\n");
	one(o, "TCP", n->flows);
	one(o, "DERP", n->derp_flows);
	some(o, "TLS, not read", n->tls_flows);
	for (i = CAPTURE_UNKNOWN; i <= CAPTURE_MIDDLE; i++)
		some(o, name_mode((enum capture_mode)i), s->started[i]);
	for (i = CAPTURE_FIN; i <= CAPTURE_EVICTED; i++)
		some(o, name_end((enum capture_end)i), s->closed[i]);
	out_str(o, "\ncapture\n");
	one(o, "packets", n->packets);
	one(o, "bytes", n->bytes);
	some(o, "not TCP", n->other_packets);
	some(o, "fragments", n->fragments);
	one(o, "invalid", n->invalid);
	one(o, "truncated", n->truncated);
	one(o, "gaps", n->gaps);
	one(o, "lost bytes", n->lost_bytes);
	for (i = CAPTURE_NOT_CAPTURED; i <= CAPTURE_SEALED; i++)
		some(o, name_loss((enum capture_loss)i), s->losses[i]);
}
