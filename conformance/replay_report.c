/*
 * replay_report.c - the first difference with both traces, a line for each
 * other one, and a summary.
 *
 * Frames reach the text through replay_norm_text(), names and errors through
 * cli_puts(): nothing from a capture or a server is printed as it is.
 */
#include "replay_report.h"

#include <inttypes.h>
#include <string.h>

#include "derp_json.h"

#include "cli_text.h"

#define TRACE_LINES 8
#define OTHERS_SHOWN 20

static const char *const kinds[] = {
	[REPLAY_MISSING] = "missing",       [REPLAY_LATE] = "late",
	[REPLAY_ORDER] = "out of order",    [REPLAY_OTHER] = "different",
	[REPLAY_UNEXPECTED] = "unexpected", [REPLAY_NO_LOGIN] = "no login",
};

static void plural(FILE *to, const char *before, uint64_t n, const char *what,
		   const char *after)
{
	fprintf(to, "%s%" PRIu64 " %s%s%s\n", before, n, what,
		n == 1 ? "" : "s", after);
}

void replay_report_notes(FILE *to, const struct replay_plan *plan)
{
	static const char head[] = "derpspec: note: ";

	if (plan->tls > 0)
		plural(to, head, plan->tls, "TLS connection",
		       " cannot be read without a key log: left out");
	if (plan->skipped > 0)
		plural(to, head, plan->skipped, "DERP connection",
		       " without a login that the server took: left out");
	if (plan->lost_sends > 0)
		plural(to, head, plan->lost_sends, "connection",
		       " of which client's bytes are lost: its other answers "
		       "are allowed, not expected");
	if (plan->lost_answer_bytes > 0)
		plural(to, head, plan->lost_answer_bytes, "byte",
		       " of the server are lost: so much more may come");
	if (plan->no_cause > 0)
		plural(to, head, plan->no_cause, "answer",
		       " to what is not in the capture: not expected");
	if (plan->by_chance > 0)
		plural(to, head, plan->by_chance, "answer",
		       " that a race decided: not expected");
	if (plan->server_left > 0)
		plural(to, head, plan->server_left, "connection",
		       " that the server ended unasked: the client ends it");
	if (plan->cut_file)
		fprintf(to, "%sthe capture ends in the middle of a packet\n",
			head);
	if (plan->cut_frames > 0)
		plural(to, head, plan->cut_frames, "frame",
		       " at the end of the capture is not whole: left out");
	if (plan->invalid > 0)
		plural(to, head, plan->invalid, "breach",
		       " of the protocol in the capture");
}

static const struct replay_conn *conn_of(const struct replay_plan *plan,
					 uint32_t conn)
{
	return &plan->conns[conn];
}

static void put_arrow(FILE *to, const struct replay_plan *plan, uint32_t conn,
		      bool sent)
{
	fprintf(to, "%" PRIu32 "%c ", conn_of(plan, conn)->flow,
		sent ? '>' : '<');
}

void replay_report_step(FILE *to, const struct replay_plan *plan, uint32_t step)
{
	const struct replay_step *s = &plan->steps[step];
	char text[REPLAY_TEXT_MAX];

	put_arrow(to, plan, s->conn,
		  s->what != REPLAY_ANSWER && s->what != REPLAY_HOLE);
	switch (s->what) {
	case REPLAY_LOGIN:
		fprintf(to, "login client%" PRIu32 "%s\n",
			conn_of(plan, s->conn)->client,
			conn_of(plan, s->conn)->mesh ? " mesh" : "");
		return;
	case REPLAY_CLOSE:
		fputs(s->reset ? "reset\n" : "close\n", to);
		return;
	case REPLAY_HOLE:
		fprintf(to, "%" PRIu64 " bytes of the server are lost\n",
			s->lost);
		return;
	case REPLAY_SEND:
	case REPLAY_ANSWER:
		replay_norm_text(text, &s->norm);
		fprintf(to, "%s%s\n", text, s->optional ? " (may come)" : "");
		return;
	}
}

/* The last steps of that connection, up to this one. */
static void captured_trace(FILE *to, const struct replay_plan *plan,
			   const struct replay_diff *d)
{
	uint32_t list[TRACE_LINES], num = 0, i = d->step;

	if (i >= plan->num_steps)
		i = plan->num_steps - 1;
	for (i++; i > 0 && num < TRACE_LINES; i--)
		if (plan->steps[i - 1].conn == d->conn)
			list[num++] = i - 1;
	fputs("  in the capture:\n", to);
	while (num-- > 0) {
		fprintf(to, "    packet %-5" PRIu64 " ",
			plan->steps[list[num]].packet);
		replay_report_step(to, plan, list[num]);
	}
}

static void live_trace(FILE *to, const struct replay_plan *plan,
		       const struct replay_match *m,
		       const struct replay_diff *d)
{
	const struct replay_seen *list[TRACE_LINES];
	uint32_t num =
		replay_match_trace(m, d->conn, d->step, list, TRACE_LINES);

	fputs("  now:\n", to);
	for (uint32_t i = 0; i < num; i++) {
		fputs("    ", to);
		put_arrow(to, plan, d->conn, list[i]->sent);
		fprintf(to, "%s\n", list[i]->text);
	}
	if (num == 0)
		fputs("    nothing\n", to);
}

static uint64_t packet_of(const struct replay_plan *plan, uint32_t step)
{
	return step < plan->num_steps ? plan->steps[step].packet : 0;
}

static void put_where(FILE *to, const struct replay_plan *plan,
		      const struct replay_diff *d)
{
	uint64_t packet = packet_of(plan, d->step);

	fprintf(to, "connection %" PRIu32 " (client%" PRIu32 "), ",
		conn_of(plan, d->conn)->flow, conn_of(plan, d->conn)->client);
	if (d->step >= plan->num_steps)
		fputs("at the end", to);
	else if (packet == 0)
		fputs("at the start", to);
	else
		fprintf(to, "%s packet %" PRIu64,
			d->kind == REPLAY_UNEXPECTED ? "before" : "at", packet);
}

static void put_sides(FILE *to, const struct replay_diff *d)
{
	fprintf(to, "  expected: %s\n",
		d->expected[0] != '\0' ? d->expected : "nothing");
	fputs("  actual:   ", to);
	cli_puts(to, d->actual[0] != '\0' ? d->actual : "nothing");
	if (d->kind == REPLAY_LATE)
		fputs(", too late", to);
	if (d->kind == REPLAY_ORDER)
		fputs(", behind what belongs after it", to);
	if (d->differs != REPLAY_NONE)
		fprintf(to, " (data differ at byte %" PRIu32 ")", d->differs);
	fputc('\n', to);
}

static void put_others(FILE *to, const struct replay_plan *plan,
		       const struct replay_match *m, bool all)
{
	const struct replay_diff *d;
	uint32_t shown = all ? m->num_diffs : OTHERS_SHOWN;

	for (uint32_t i = 1; i < m->num_diffs && i <= shown; i++) {
		d = &m->diffs[i];
		fprintf(to, "also %s: ", kinds[d->kind]);
		put_where(to, plan, d);
		fprintf(to, ": expected %s, actual ",
			d->expected[0] != '\0' ? d->expected : "nothing");
		cli_puts(to, d->actual[0] != '\0' ? d->actual : "nothing");
		fputc('\n', to);
	}
	if (m->different > shown + 1)
		fprintf(to, "and %" PRIu32 " more\n", m->different - shown - 1);
}

void replay_report_text(FILE *to, const struct replay_source *from,
			const struct replay_plan *plan,
			const struct replay_outcome *out)
{
	const struct replay_match *m = out->match;

	if (m->num_diffs > 0) {
		fprintf(to, "first difference: %s, ", kinds[m->diffs[0].kind]);
		put_where(to, plan, &m->diffs[0]);
		fputc('\n', to);
		put_sides(to, &m->diffs[0]);
		captured_trace(to, plan, &m->diffs[0]);
		live_trace(to, plan, m, &m->diffs[0]);
		put_others(to, plan, m, from->verbose);
	}
	fprintf(to,
		"replay: %" PRIu32 " client%s, %" PRIu32 " frame%s sent, "
		"%" PRIu32 " answer%s equal, %" PRIu32 " different\n",
		plan->num_clients, plan->num_clients == 1 ? "" : "s", out->sent,
		out->sent == 1 ? "" : "s", m->equal, m->equal == 1 ? "" : "s",
		m->different);
}

/* ---- JSON ------------------------------------------------------------- */

static void put(void *ctx, const void *bytes, size_t len)
{
	(void)fwrite(bytes, 1, len, ctx);
}

static void put_str(struct derp_json_writer *w, const char *key,
		    const char *text)
{
	derp_json_str(w, key, text, strlen(text));
}

static void put_diff(struct derp_json_writer *w, const struct replay_plan *plan,
		     const struct replay_diff *d)
{
	derp_json_open(w, NULL, '{');
	put_str(w, "kind", kinds[d->kind]);
	derp_json_int64(w, "flow", conn_of(plan, d->conn)->flow);
	derp_json_int64(w, "client", conn_of(plan, d->conn)->client);
	derp_json_int64(w, "step", d->step);
	derp_json_int64(w, "packet", (int64_t)packet_of(plan, d->step));
	if (d->expected[0] != '\0')
		put_str(w, "expected", d->expected);
	else
		derp_json_null(w, "expected");
	if (d->actual[0] != '\0')
		put_str(w, "actual", d->actual);
	else
		derp_json_null(w, "actual");
	derp_json_close(w, '}');
}

void replay_report_json(FILE *to, const struct replay_source *from,
			const struct replay_plan *plan,
			const struct replay_outcome *out)
{
	const struct replay_match *m = out->match;
	struct derp_json_writer w;
	char seed[17];

	derp_json_write(&w, put, to);
	derp_json_open(&w, NULL, '{');
	put_str(&w, "capture", from->capture);
	put_str(&w, "target", from->target);
	snprintf(seed, sizeof(seed), "%" PRIx64, from->seed);
	put_str(&w, "seed", seed);
	derp_json_bool(&w, "complete", out->end == REPLAY_PLAYED);
	if (out->end != REPLAY_PLAYED)
		put_str(&w, "end", out->why);
	derp_json_int64(&w, "clients", plan->num_clients);
	derp_json_int64(&w, "connections",
			(int64_t)plan->num_conns - plan->skipped);
	derp_json_int64(&w, "sent", out->sent);
	derp_json_int64(&w, "equal", m->equal);
	derp_json_int64(&w, "different", m->different);
	derp_json_int64(&w, "lost_bytes", (int64_t)plan->lost_answer_bytes);
	derp_json_int64(&w, "not_expected", plan->no_cause);
	derp_json_open(&w, "differences", '[');
	for (uint32_t i = 0; i < m->num_diffs; i++)
		put_diff(&w, plan, &m->diffs[i]);
	derp_json_close(&w, ']');
	derp_json_close(&w, '}');
	fputc('\n', to);
}
